/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors as people see them: health from the last sign of life, enrolment codes, revocation. */
#ifndef VONGLAU_CENTER_SENSORS_H
#define VONGLAU_CENTER_SENSORS_H

#include "center/center.h"

/* A heartbeat comes every 30 s: late after two are missed, silent after ten minutes. What was imported on
 * this machine (no certificate) has none. */
#define HEALTH_SQL                                                                                         \
    "CASE WHEN state='revoked' THEN 'revoked' WHEN last_seen IS NULL THEN 'new' WHEN serial IS NULL THEN " \
    "'ok' "                                                                                                \
    "WHEN last_seen < ?1 - 600000000000 THEN 'silent' WHEN last_seen < ?1 - 90000000000 THEN 'late' "      \
    "ELSE 'ok' END"

bool sensors_list(struct context *context, struct text *out);
/* One sensor's object as in the list. */
bool sensor_json(struct context *context, int64_t id, struct text *out);
/* Announces sensors whose health changed since the last look. */
void sensors_watch(struct context *context);
bool sensor_revoke(struct context *context, int64_t id, struct text *out);
/* Makes the sensor's row in state `new`; 0 when refused. */
int64_t sensor_create(struct context *context, struct json_value body);

#endif
