/* SPDX-License-Identifier: Apache-2.0 */
/* The hash-chained audit log. */
#include "center/audit.h"

#include <sodium.h>
#include <stdio.h>

struct audit_row {
    int64_t id, user, object_id;
    uint64_t time;
    struct bytes address, action, object, data;
};

static void row_hash(const uint8_t previous[32], const struct audit_row *row, uint8_t hash[32])
{
    struct text text = text_new(1 << 20);
    json_open(&text, NULL, '[');
    json_int(&text, NULL, row->id);
    json_uint(&text, NULL, row->time);
    json_int(&text, NULL, row->user);
    json_string(&text, NULL, row->address);
    json_string(&text, NULL, row->action);
    json_string(&text, NULL, row->object);
    json_int(&text, NULL, row->object_id);
    json_string(&text, NULL, row->data);
    json_close(&text, ']');
    json_end(&text);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, previous, 32);
    crypto_hash_sha256_update(&state, (const uint8_t *)text.data, text.size);
    crypto_hash_sha256_final(&state, hash);
    text_done(&text);
}

bool audit_add(struct context *c, const char *action, const char *object, int64_t object_id,
               struct bytes data)
{
    uint8_t previous[32] = { 0 }, hash[32];
    if (!data.data)
        data = BYTES_OF("{}");
    database_begin(c->database);
    int64_t id = 1;
    struct statement *s = database_query(c->database, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1",
                                         "");
    if (statement_next(s)) {
        struct bytes kept = statement_bytes(s, 1);
        id = statement_int(s, 0) + 1;
        if (kept.size == 32)
            memcpy(previous, kept.data, 32);
        statement_done(s);
    }
    struct audit_row row = { id,
                             c->principal.user,
                             object_id,
                             c->now,
                             bytes_of_string(c->principal.address),
                             bytes_of_string(action),
                             bytes_of_string(object),
                             data };
    row_hash(previous, &row, hash);
    database_run(c->database,
                 "INSERT INTO audit (id, time, user, address, action, object, object_id, data, hash) "
                 "VALUES (?,?,?,?,?,?,?,?,?)",
                 "iuibbbibx", row.id, row.time, row.user, row.address, row.action, row.object, row.object_id,
                 row.data, bytes_of(hash, sizeof hash));
    return context_commit(c);
}

bool audit_verify(struct database *database, struct audit_verdict *verdict, struct error *error)
{
    uint8_t previous[32] = { 0 }, hash[32];
    *verdict = (struct audit_verdict){ .ok = true };
    int64_t expected = 1;
    struct statement *s = database_query(
        database,
        "SELECT id, time, user, address, action, object, object_id, data, hash FROM audit ORDER BY id", "");
    while (statement_next(s)) {
        struct audit_row row = { statement_int(s, 0),           statement_int(s, 2),   statement_int(s, 6),
                                 (uint64_t)statement_int(s, 1), statement_bytes(s, 3), statement_bytes(s, 4),
                                 statement_bytes(s, 5),         statement_bytes(s, 7) };
        row_hash(previous, &row, hash);
        struct bytes kept = statement_bytes(s, 8);
        verdict->rows++;
        if (row.id != expected++ || kept.size != 32 || memcmp(kept.data, hash, 32) != 0) {
            verdict->ok = false;
            verdict->first_bad = row.id;
            statement_done(s);
            break;
        }
        memcpy(previous, hash, 32);
    }
    return database_ok(database, error);
}

bool audit_list(struct context *c, const struct parameters *parameters, struct text *out)
{
    int64_t before = INT64_MAX, user = -1, limit = 50;
    uint64_t from = 0, to = INT64_MAX;
    if (!parameter_number(c, parameters, "cursor", &before) ||
        !parameter_number(c, parameters, "user", &user) ||
        !parameter_number(c, parameters, "limit", &limit) || !parameter_time(c, parameters, "from", &from) ||
        !parameter_time(c, parameters, "to", &to))
        return false;
    if (limit < 1 || limit > 500)
        return refuse(c, "bad_request", "limit", parameter(parameters, "limit"), "limit must be 1 to 500");
    struct bytes action = parameter(parameters, "action"), search = parameter(parameters, "q");
    if (!action.size)
        action = BYTES_NONE;
    if (!search.size)
        search = BYTES_NONE;
    struct statement *s = database_query(
        c->database,
        "SELECT a.id, time AS \"time@time\", user, coalesce((SELECT display_name FROM user WHERE id=a.user), "
        "'vonglau') AS user_title, address, action, object, object_id, data AS \"data@raw\", "
        "lower(hex(hash)) AS hash "
        "FROM audit a WHERE a.id<?1 AND (?2=-1 OR user=?2) AND (?3 IS NULL OR action=?3 OR action LIKE "
        "?3||'.%') AND "
        "time>=?4 AND time<?5 AND (?6 IS NULL OR instr(fold(data||' '||object||' '||action||' '||address), "
        "fold(?6))) "
        "ORDER BY a.id DESC LIMIT ?7",
        "iibuubi", before, user, action, from, to, search, limit + 1);
    int64_t rows = 0, last = 0;
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    while (rows < limit && statement_next(s)) {
        last = statement_int(s, 0);
        json_open(out, NULL, '{');
        statement_json(s, out);
        json_close(out, '}');
        rows++;
    }
    bool more = rows == limit && statement_next(s);
    statement_done(s);
    json_close(out, ']');
    char next[24];
    snprintf(next, sizeof next, "%lld", (long long)last);
    if (more)
        json_cstring(out, "next", next);
    else
        json_null(out, "next");
    json_close(out, '}');
    return true;
}

bool audit_verify_json(struct context *c, struct text *out)
{
    struct audit_verdict verdict;
    struct error error;
    if (!audit_verify(c->database, &verdict, &error))
        return refuse_error(c, "internal", "audit", &error);
    json_open(out, NULL, '{');
    json_bool(out, "ok", verdict.ok);
    json_int(out, "rows", verdict.rows);
    if (verdict.first_bad)
        json_int(out, "first_bad", verdict.first_bad);
    else
        json_null(out, "first_bad");
    json_close(out, '}');
    return true;
}
