/* SPDX-License-Identifier: Apache-2.0 */
/* Alert groups: alerts of one signature from one source to one destination, and what people did with them. */
#ifndef VONGLAU_CENTER_ALERTS_H
#define VONGLAU_CENTER_ALERTS_H

#include "center/center.h"

/* Counts the alerts among `records` into groups, with agency and system as the records say. In one
 * transaction (or the caller's); publishes what is new in the inbox. The sensor's register id is in each
 * record. */
bool alerts_add(struct context *context, const struct event_record *records, size_t count);
/* Which side of an alert is ours, for enrichment: fills agency and system of `record` from the register. */
void alerts_resolve(struct center *center, struct event_record *record);

bool alerts_list(struct context *context, const struct parameters *parameters, struct text *out);
bool alert_show(struct context *context, int64_t id, struct text *out);
bool alert_archive(struct context *context, int64_t id, struct json_value body, struct text *out);
bool alert_unarchive(struct context *context, int64_t id, struct text *out);
/* Opens an incident of these groups, or attaches them to body.incident. */
bool alerts_escalate(struct context *context, const int64_t *ids, size_t count, struct json_value body,
                     int64_t *incident);
bool alert_escalate(struct context *context, int64_t id, struct json_value body, struct text *out);
bool alerts_bulk(struct context *context, struct json_value body, struct text *out);
bool alert_filter(struct context *context, int64_t id, struct json_value body, struct text *out);
void alerts_expire_filters(struct context *context);
/* Appends the groups of a condition (with one number as ?1) as an array under `key`. */
void alerts_rows(struct context *context, const char *key, const char *where, int64_t number,
                 struct bytes text, struct text *out);
void alerts_publish_inbox(struct context *context);

#define ALERTS_BULK_MAX 500

#endif
