/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors and their health. */
#include "center/sensors.h"

#include "base/clock.h"
#include "center/audit.h"
#include "center/entities.h"
#include "center/hub.h"
#include "center/users_private.h"

#define SENSOR_COLUMNS                                                                                     \
    "id, version, name, state, agency, (SELECT name FROM agency WHERE id=sensor.agency) AS agency_title, " \
    "place, "                                                                                              \
    "note, last_seen AS \"last_seen@time\", " HEALTH_SQL " AS health, software, address, "                 \
    "certificate_until AS \"certificate_until@time\", clock_offset_ms, coalesce(backlog_bytes,0) AS "      \
    "backlog_bytes, "                                                                                      \
    "coalesce(events_per_s,0.0) AS events_per_s, coalesce(lost,0) AS lost, counters AS \"counters@raw\""

bool sensors_list(struct context *c, struct text *out)
{
    json_open(out, NULL, '{');
    rows_json(database_query(c->database,
                             "SELECT " SENSOR_COLUMNS
                             " FROM sensor WHERE ended IS NULL ORDER BY name LIMIT 2000",
                             "u", c->now),
              "rows", out);
    json_null(out, "next");
    json_close(out, '}');
    return true;
}

bool sensor_json(struct context *c, int64_t id, struct text *out)
{
    struct statement *s = database_query(
        c->database, "SELECT " SENSOR_COLUMNS " FROM sensor WHERE id=?2 AND ended IS NULL", "ui", c->now, id);
    if (!statement_next(s))
        return refuse(c, "not_found", "sensor", BYTES_NONE, "there is no such sensor");
    json_open(out, NULL, '{');
    statement_json(s, out);
    json_close(out, '}');
    statement_done(s);
    return true;
}

struct changed {
    int64_t id, agency;
    char health[12];
};

void sensors_watch(struct context *c)
{
    struct changed changed[64];
    size_t count = 0;
    struct statement *s = database_query(
        c->database,
        "SELECT id, agency, " HEALTH_SQL
        " AS now_health FROM sensor WHERE ended IS NULL AND now_health IS NOT health "
        "LIMIT 64",
        "u", c->now);
    while (count < COUNT_OF(changed) && statement_next(s)) {
        struct changed *one = &changed[count++];
        *one = (struct changed){ statement_int(s, 0), statement_int(s, 1), "" };
        struct text text = text_of(one->health, sizeof one->health);
        text_put(&text, statement_bytes(s, 2));
    }
    statement_done(s);
    for (size_t i = 0; i < count; i++) {
        char buffer[96];
        struct text text = text_of(buffer, sizeof buffer);
        if (!database_run(c->database, "UPDATE sensor SET health=? WHERE id=?", "si", changed[i].health,
                          changed[i].id))
            return; /* told once it can be noted, not again and again */
        json_open(&text, NULL, '{');
        json_int(&text, "sensor", changed[i].id);
        json_cstring(&text, "health", changed[i].health);
        json_close(&text, '}');
        json_end(&text);
        hub_publish(center_hub(c->center), "sensor", changed[i].agency, text_bytes(&text));
    }
}

bool sensor_revoke(struct context *c, int64_t id, struct text *out)
{
    database_begin(c->database);
    database_run(
        c->database,
        "UPDATE sensor SET state='revoked', code_hash=NULL, code_expires=NULL, version=version+1, updated=? "
        "WHERE id=? AND ended IS NULL",
        "ui", c->now, id);
    if (database_changes(c->database) == 0) {
        refuse(c, "not_found", "sensor", BYTES_NONE, "there is no such sensor");
        return context_rollback(c);
    }
    if (!audit_add(c, "sensor.revoke", "sensor", id, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c) && (!out || sensor_json(c, id, out));
}

int64_t sensor_create(struct context *c, struct json_value body)
{
    struct problems *problems = context_problems(c);
    int64_t id = 0;
    if (!problems)
        return 0;
    struct register_write write = { .database = c->database,
                                    .registers = &province_registers,
                                    .entity = &sensor_entity,
                                    .principal = &c->principal,
                                    .memory = c->memory,
                                    .problems = problems,
                                    .now = c->now };
    database_begin(c->database);
    if (!register_refuse(c, register_create(&write, body, &id), problems, 0) ||
        !audit_add(c, "sensor.create", "sensor", id, BYTES_NONE)) {
        context_rollback(c);
        return 0;
    }
    return context_commit(c) ? id : 0;
}
