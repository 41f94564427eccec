/* SPDX-License-Identifier: Apache-2.0 */
/* The hash-chained audit log. */
#include "center/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "center/anchor.h"
#include "center/entities.h"

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
    c->audited = true;
    return context_commit(c);
}

/* ---- the anchor ---- */

static bool newest_row(struct database *database, struct anchor *newest)
{
    struct statement *s = database_query(database, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", "");
    if (!statement_next(s))
        return false;
    struct bytes hash = statement_bytes(s, 1);
    bool ok = hash.size == sizeof newest->hash;
    newest->rows = statement_int(s, 0);
    if (ok)
        memcpy(newest->hash, hash.data, sizeof newest->hash);
    statement_done(s);
    return ok;
}

static bool row_has_hash(struct database *database, const struct anchor *anchor)
{
    return database_number(database, "SELECT 1 FROM audit WHERE id=? AND hash=?", "ix", anchor->rows,
                           bytes_of(anchor->hash, sizeof anchor->hash)) == 1;
}

static bool was_anchored(struct database *database)
{
    return database_number(database, "SELECT 1 FROM audit_anchored", "") == 1;
}

static void move_anchor(struct context *c, const char *directory)
{
    struct anchor newest, anchor;
    struct error error;
    enum anchor_state state = anchor_load(directory, &anchor);
    bool before = was_anchored(c->database);
    if (!newest_row(c->database, &newest))
        return;
    if (state == ANCHOR_GOOD ? newest.rows < anchor.rows || !row_has_hash(c->database, &anchor)
                             : state == ANCHOR_DAMAGED || before) {
        log_error("audit: the log does not fit its anchor in %s; run: vonglau admin verify-audit", directory);
        return;
    }
    if (!anchor_save(directory, &newest, &error)) {
        log_error("audit: the anchor stays at row %lld: %s", (long long)(state ? anchor.rows : 0),
                  error.text);
        return;
    }
    if (!before)
        database_run(c->database, "INSERT INTO audit_anchored(since) VALUES(?)", "u", c->now);
}

void audit_anchor(struct context *c)
{
    struct error ignored;
    const char *directory = center_directory(c->center);
    int lock = anchor_lock(directory);
    move_anchor(c, directory);
    anchor_unlock(lock);
    (void)!database_ok(c->database, &ignored); /* the rows are committed: nothing of the request is lost */
}

int64_t audit_note(struct context *c, int64_t noted)
{
    struct anchor newest;
    char hash[2 * sizeof newest.hash + 1];
    if (!newest_row(c->database, &newest) || newest.rows <= noted)
        return noted;
    sodium_bin2hex(hash, sizeof hash, newest.hash, sizeof newest.hash);
    log_info("audit: rows and last hash: %lld %s", (long long)newest.rows, hash);
    return newest.rows;
}

static const char *audit_fault_code(enum audit_fault fault)
{
    static const char *const codes[] = {
        NULL, "broken", "cut", "replaced", "anchor_missing", "anchor_damaged"
    };
    return codes[fault];
}

static void set_fault(struct audit_verdict *verdict, enum audit_fault fault, int64_t first_bad)
{
    if (!verdict->ok)
        return;
    verdict->ok = false;
    verdict->fault = fault;
    verdict->first_bad = first_bad;
}

void audit_fault_text(const struct audit_verdict *v, char *out, size_t size)
{
    long long first = v->first_bad, anchored = v->anchored, rows = v->rows;
    switch (v->fault) {
    case AUDIT_WHOLE:
        snprintf(out, size, "%s", "");
        break;
    case AUDIT_BROKEN:
        snprintf(out, size, "the audit log was changed: row %lld does not fit the chain", first);
        break;
    case AUDIT_CUT:
        snprintf(out, size, "the audit log was cut: rows %lld to %lld are missing", first, anchored);
        break;
    case AUDIT_REPLACED:
        snprintf(out, size,
                 "the end of the audit log was replaced: row %lld is not the one that was anchored",
                 anchored);
        break;
    case AUDIT_ANCHOR_MISSING:
        snprintf(out, size,
                 "the audit log's anchor (" ANCHOR_FILE ") is missing: whether rows after %lld "
                 "were removed cannot be told",
                 rows);
        break;
    case AUDIT_ANCHOR_DAMAGED:
        snprintf(out, size,
                 "the audit log's anchor (" ANCHOR_FILE ") was changed or belongs to another "
                 "secret.key");
        break;
    }
}

/* ---- the anchor made anew ---- */

/* The old anchor is evidence: it stays beside the new one, under the number of the row that replaced it. */
static bool keep_old_anchor(const char *directory, struct audit_renewal *renewal, struct error *error)
{
    char from[4096], to[4096];
    snprintf(renewal->kept, sizeof renewal->kept, ANCHOR_FILE ".before-%" PRId64, renewal->row);
    snprintf(from, sizeof from, "%s/" ANCHOR_FILE, directory);
    snprintf(to, sizeof to, "%s/%s", directory, renewal->kept);
    if (rename(from, to) == 0)
        return true;
    renewal->kept[0] = '\0';
    return errno == ENOENT || error_system(error, "%s", from);
}

static bool replace_anchor(struct context *c, struct audit_renewal *renewal, struct error *error)
{
    const char *directory = center_directory(c->center);
    struct anchor newest;
    int lock = anchor_lock(directory);
    bool ok = newest_row(c->database, &newest) && keep_old_anchor(directory, renewal, error) &&
              anchor_save(directory, &newest, error);
    anchor_unlock(lock);
    return ok;
}

static bool add_renewal(struct context *c, struct bytes reason, struct audit_renewal *renewal)
{
    char buffer[1024];
    struct text data = text_of(buffer, sizeof buffer);
    json_open(&data, NULL, '{');
    json_cstring(&data, "fault", audit_fault_code(renewal->before.fault));
    json_int(&data, "rows", renewal->before.rows);
    json_int(&data, "anchored", renewal->before.anchored);
    json_string(&data, "reason", reason);
    json_close(&data, '}');
    json_end(&data);
    database_begin(c->database);
    if (!audit_add(c, AUDIT_RENEWED, "audit", 0, text_bytes(&data)))
        return context_rollback(c);
    /* The old anchor does not fit: only replace_anchor() moves it. */
    c->audited = false;
    if (!context_commit(c))
        return false;
    renewal->row = database_number(c->database, "SELECT max(id) FROM audit WHERE action=?", "s",
                                   AUDIT_RENEWED);
    return true;
}

bool audit_renew(struct context *c, struct bytes reason, struct audit_renewal *renewal)
{
    struct error error = { "" };
    *renewal = (struct audit_renewal){ 0 };
    if (!audit_verify(c->database, center_directory(c->center), &renewal->before, &error))
        return refuse_error(c, "internal", "audit", &error);
    if (renewal->before.fault == AUDIT_WHOLE)
        return refuse(c, "wrong_state", "audit", BYTES_NONE,
                      "the audit log fits its anchor: nothing to renew");
    if (renewal->before.fault == AUDIT_BROKEN)
        return refuse(c, "wrong_state", "audit", BYTES_NONE,
                      "row %lld does not fit the chain: the log itself was changed, which no anchor mends; "
                      "restore a backup",
                      (long long)renewal->before.first_bad);
    if (reason.size < 10 || reason.size > 500)
        return refuse(c, "bad_request", "reason", reason, "a reason of 10 to 500 bytes is needed");
    return add_renewal(c, reason, renewal) &&
           (replace_anchor(c, renewal, &error) || refuse_error(c, "internal", "audit", &error));
}

bool audit_row_is(struct database *database, int64_t rows, struct bytes hash)
{
    return hash.size >= 16 && database_number(database,
                                              "SELECT substr(lower(hex(hash)), 1, ?3)=lower(?2) FROM audit "
                                              "WHERE id=?1",
                                              "ibi", rows, hash, (int64_t)hash.size) == 1;
}

/* ---- the chain ---- */

static void walk_chain(struct database *database, enum anchor_state state, const struct anchor *anchor,
                       struct audit_verdict *verdict)
{
    uint8_t *previous = verdict->last, hash[32];
    int64_t expected = 1;
    struct statement *s = database_query(
        database,
        "SELECT id, time, user, address, action, object, object_id, data, hash FROM audit ORDER BY id", "");
    while (verdict->ok && statement_next(s)) {
        struct audit_row row = { statement_int(s, 0),           statement_int(s, 2),   statement_int(s, 6),
                                 (uint64_t)statement_int(s, 1), statement_bytes(s, 3), statement_bytes(s, 4),
                                 statement_bytes(s, 5),         statement_bytes(s, 7) };
        row_hash(previous, &row, hash);
        struct bytes kept = statement_bytes(s, 8);
        verdict->rows++;
        if (row.id != expected++ || kept.size != 32 || memcmp(kept.data, hash, 32) != 0) {
            set_fault(verdict, AUDIT_BROKEN, row.id);
            break;
        }
        memcpy(previous, hash, 32);
        if (bytes_is(row.action, AUDIT_RENEWED))
            verdict->renewed = row.id;
        if (state == ANCHOR_GOOD && row.id == anchor->rows && memcmp(hash, anchor->hash, 32) != 0)
            set_fault(verdict, AUDIT_REPLACED, row.id);
    }
    statement_done(s);
}

bool audit_verify(struct database *database, const char *directory, struct audit_verdict *verdict,
                  struct error *error)
{
    struct anchor anchor = { 0 };
    enum anchor_state state = anchor_load(directory, &anchor);
    *verdict = (struct audit_verdict){ .ok = true, .anchored = anchor.rows };
    walk_chain(database, state, &anchor, verdict);
    if (state == ANCHOR_GOOD && verdict->rows < anchor.rows)
        set_fault(verdict, AUDIT_CUT, verdict->rows + 1);
    else if (state == ANCHOR_DAMAGED)
        set_fault(verdict, AUDIT_ANCHOR_DAMAGED, 0);
    else if (state == ANCHOR_NONE &&
             database_number(database, "SELECT 1 FROM sqlite_master WHERE name='audit_anchored'", "") &&
             was_anchored(database))
        set_fault(verdict, AUDIT_ANCHOR_MISSING, 0);
    return database_ok(database, error);
}

/* ---- the list ---- */

/* What stands for a row of each kind of object: registers by their own title, cases by number. */
static void object_title_sql(struct text *sql)
{
    text_string(
        sql, "CASE object WHEN 'incident' THEN (SELECT number||' '||title FROM incident WHERE "
             "id=a.object_id) WHEN 'alert' THEN (SELECT signature FROM alert_group WHERE "
             "id=a.object_id) WHEN 'report' THEN (SELECT 'Q'||quarter||'/'||year FROM quarter_report WHERE "
             "id=a.object_id)");
    for (size_t i = 0; i < province_registers.count; i++) {
        const struct entity *entity = province_registers.entities[i];
        text_add(sql, " WHEN '%s' THEN (SELECT %s FROM %s WHERE id=a.object_id)", entity->name, entity->title,
                 entity->name);
    }
    text_string(sql, " END");
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
    struct text sql = text_new(1 << 14);
    text_string(
        &sql,
        "SELECT a.id, time AS \"time@time\", user, coalesce((SELECT display_name FROM user WHERE id=a.user), "
        "'vonglau') AS user_title, address, action, object, object_id, data AS \"data@raw\", "
        "lower(hex(hash)) AS hash, ");
    object_title_sql(&sql);
    text_string(
        &sql,
        " AS object_title FROM audit a WHERE a.id<?1 AND (?2=-1 OR user=?2) AND (?3 IS NULL OR action=?3 OR "
        "action LIKE "
        "?3||'.%') AND "
        "time>=?4 AND time<?5 AND (?6 IS NULL OR instr(fold(data||' '||object||' '||action||' '||address), "
        "fold(?6))) "
        "ORDER BY a.id DESC LIMIT ?7");
    struct statement *s = database_query(c->database, sql.data, "iibuubi", before, user, action, from, to,
                                         search, limit + 1);
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
    text_done(&sql);
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
    if (!audit_verify(c->database, center_directory(c->center), &verdict, &error))
        return refuse_error(c, "internal", "audit", &error);
    json_open(out, NULL, '{');
    json_bool(out, "ok", verdict.ok);
    json_int(out, "rows", verdict.rows);
    if (verdict.first_bad)
        json_int(out, "first_bad", verdict.first_bad);
    else
        json_null(out, "first_bad");
    json_int(out, "anchored", verdict.anchored);
    if (verdict.renewed)
        json_int(out, "renewed", verdict.renewed);
    else
        json_null(out, "renewed");
    if (verdict.fault != AUDIT_WHOLE)
        json_cstring(out, "fault", audit_fault_code(verdict.fault));
    else
        json_null(out, "fault");
    json_close(out, '}');
    return true;
}
