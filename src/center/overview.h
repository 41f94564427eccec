/* SPDX-License-Identifier: Apache-2.0 */
/* The two landing pages: today for the lead unit, my work for everyone (docs/api.md). */
#ifndef VONGLAU_CENTER_OVERVIEW_H
#define VONGLAU_CENTER_OVERVIEW_H

#include "center/center.h"

bool overview_today(struct context *context, struct text *out);
bool overview_mywork(struct context *context, struct text *out);

#endif
