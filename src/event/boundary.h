/* SPDX-License-Identifier: Apache-2.0 */
/* What of an event may leave the sensor (design.md section 3).
 *
 * Records of ordinary traffic lose query strings, cookies, credentials, bodies and payload; what belongs to
 * an alert stays with the alert. */
#ifndef VONGLAU_EVENT_BOUNDARY_H
#define VONGLAU_EVENT_BOUNDARY_H

#include "base/json.h"
#include "event/record.h"

/* The line as it may leave: `line` itself when nothing had to go, or text appended to `out`.
 *
 * `type` is set to the event's type. False when the line is not a JSON object with an event_type, or `out`
 * is too small: such a line must not be sent. */
MUST_CHECK bool boundary_filter(struct bytes line, struct text *out, enum event_type *type,
                                struct bytes *allowed);

#endif
