/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the centre in Prometheus' text form. */
#ifndef VONGLAU_CENTER_METRICS_H
#define VONGLAU_CENTER_METRICS_H

#include "center/center.h"

bool metrics_text(struct context *context, struct text *out);

#endif
