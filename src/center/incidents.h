/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents: one case from detection to its closing report (docs/api.md, Incidents; domain workflow W2). */
#ifndef VONGLAU_CENTER_INCIDENTS_H
#define VONGLAU_CENTER_INCIDENTS_H

#include "center/center.h"

bool incidents_list(struct context *context, const struct parameters *parameters, struct text *out);
bool incident_show(struct context *context, int64_t id, struct text *out);
bool incident_create(struct context *context, struct json_value body, struct text *out);
bool incident_update(struct context *context, int64_t id, struct json_value body, struct text *out);
bool incident_move(struct context *context, int64_t id, struct json_value body, struct text *out);
bool incident_states(struct text *out);

/* Within the caller's transaction: opens an incident of these alert groups, or attaches them to *incident. */
bool incident_from_alerts(struct context *context, const int64_t *alerts, size_t count,
                          struct json_value body, int64_t *incident);
/* Tells those who watch. */
void incident_publish(struct context *context, int64_t id, const char *what);
/* Notes in the case, and tells those who watch, that a clock has used 50, 80 or 100 % of its time. */
void incidents_remind(struct context *context);

bool incident_note(struct context *context, int64_t id, struct json_value body, struct text *out);
bool incident_message(struct context *context, int64_t id, struct json_value body, struct text *out);
bool incident_read(struct context *context, int64_t id);
bool incident_task_add(struct context *context, int64_t id, struct json_value body, struct text *out);
bool incident_task_set(struct context *context, int64_t id, int64_t task, struct json_value body,
                       struct text *out);
bool incident_clock_set(struct context *context, int64_t id, int64_t clock, struct json_value body,
                        struct text *out);

#define EVIDENCE_MAX (32U << 20)
/* Stores a file by its SHA-256 under evidence/ and notes it in the case. */
bool incident_evidence_add(struct context *context, int64_t id, struct bytes name, struct bytes type,
                           struct bytes note, struct bytes content, struct text *out);
/* Opens the file; the caller closes *fd. `name` is safe for a header. */
bool incident_evidence_open(struct context *context, int64_t id, int64_t evidence, int *fd, uint64_t *size,
                            char name[128]);

#endif
