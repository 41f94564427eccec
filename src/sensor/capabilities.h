/* SPDX-License-Identifier: Apache-2.0 */
/* What root may do beyond other users (capabilities(7)), laid down. */
#ifndef VONGLAU_SENSOR_CAPABILITIES_H
#define VONGLAU_SENSOR_CAPABILITIES_H

#include "base/error.h"

/* Lays down every capability of this thread, for good; call it before others are started.
 *
 * Who stays root keeps one, to open files whatever their owner and mode: logs and captures in another user's
 * folder. Where that counts is what Landlock allows. */
MUST_CHECK bool capabilities_drop(struct error *error);

#endif
