/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about incidents share. */
#ifndef VONGLAU_CENTER_INCIDENT_PRIVATE_H
#define VONGLAU_CENTER_INCIDENT_PRIVATE_H

#include "center/incidents.h"

/* Columns of a summary, of table incident named i; ?1 is the current time, ?2 the user. */
extern const char incident_summary_columns[];
extern const char *const incident_types[];
/* Appends " AND ..." for what the principal may see of i. */
void incident_scope(const struct context *context, struct text *sql);
/* False and refused when it is not there for this principal. */
bool incident_there(struct context *context, int64_t id);
/* Appends to the timeline; `data` is JSON or absent. */
bool timeline_add(struct context *context, int64_t id, const char *kind, struct bytes text,
                  struct bytes data);
/* Starts the clocks of the rules in force for what starts now (`detected` or `ended`). */
bool clocks_start(struct context *context, int64_t id, const char *starts, uint64_t start);
/* Adds the playbook's tasks for the incident's type that it does not have yet. */
bool playbook_apply(struct context *context, int64_t id);
void clocks_json(struct context *context, int64_t id, struct text *out);
void next_states_json(struct context *context, int64_t id, struct text *out);
/* The case may still be changed. */
bool incident_open(struct context *context, int64_t id);

#endif
