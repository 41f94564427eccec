/* SPDX-License-Identifier: Apache-2.0 */
/* Hunting: events by query, histogram, top values, one host (docs/api.md, Events). */
#ifndef VONGLAU_CENTER_HUNT_H
#define VONGLAU_CENTER_HUNT_H

#include "center/center.h"

bool hunt_events(struct context *context, const struct parameters *parameters, struct text *out);
bool hunt_histogram(struct context *context, const struct parameters *parameters, struct text *out);
bool hunt_top(struct context *context, const struct parameters *parameters, struct text *out);
bool hunt_fields(struct text *out);
bool hunt_event(struct context *context, struct bytes id, struct text *out);
bool hunt_context(struct context *context, struct bytes id, struct text *out);
/* Everything about one address; noted in the audit log. */
bool hunt_host(struct context *context, struct bytes ip, const struct parameters *parameters,
               struct text *out);

/* Limits the filter to what the principal may see; the list lives in the request's memory. */
void hunt_permit(struct context *context, struct event_filter *filter);
/* Appends the query's events as an array under `key`, permission applied; the newest one's EVE object also
 * under `newest` when that is not NULL. */
bool events_rows(struct context *context, struct event_query *query, const char *key, const char *newest,
                 struct text *out);
/* Appends "histogram":{...} over [from, to). */
bool hunt_histogram_json(struct context *context, const struct event_filter *filter, uint64_t interval,
                         struct text *out);

#endif
