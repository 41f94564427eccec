/* SPDX-License-Identifier: Apache-2.0 */
/* The work inside a case: notes, dialogue, tasks, notices, evidence. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "center/audit.h"
#include "center/incident_private.h"

/* One row of a query with the id as its parameter, as a JSON object. */
static bool row_json(struct context *c, const char *sql, int64_t id, struct text *out)
{
    struct statement *s = database_query(c->database, sql, "i", id);
    if (!statement_next(s))
        return refuse(c, "not_found", "incident", BYTES_NONE, "there is no such row");
    json_open(out, NULL, '{');
    statement_json(s, out);
    json_close(out, '}');
    statement_done(s);
    return true;
}

static bool finish(struct context *c, int64_t id, bool ok, const char *what)
{
    if (!ok)
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    incident_publish(c, id, what);
    return true;
}

bool incident_note(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct bytes text = BYTES_NONE;
    if (!body_text(c, body, "text", 8000, &text, NULL) || !body_required(c, "text", text))
        return false;
    database_begin(c->database);
    bool ok = incident_there(c, id) && timeline_add(c, id, "note", text, BYTES_NONE) &&
              audit_add(c, "incident.note", "incident", id, BYTES_NONE);
    return finish(c, id, ok, "note") && row_json(c,
                                                 "SELECT id, time AS \"time@time\", user, (SELECT "
                                                 "display_name FROM user WHERE id=t.user) AS user_title, "
                                                 "kind, text, data AS \"data@raw\" FROM incident_timeline t "
                                                 "WHERE incident=? ORDER BY id DESC LIMIT 1",
                                                 id, out);
}

bool incident_message(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct bytes text = BYTES_NONE;
    bool contact = c->principal.role == ROLE_CONTACT;
    if (!body_text(c, body, "text", 8000, &text, NULL) || !body_required(c, "text", text))
        return false;
    database_begin(c->database);
    bool ok =
        incident_open(c, id) &&
        database_run(
            c->database,
            "INSERT INTO incident_message (incident, time, user, from_contact, text) VALUES (?,?,?,?,?)",
            "iuiib", id, c->now, c->principal.user, (int64_t)contact, text) &&
        timeline_add(c, id, "message", bytes_first(text, 300),
                     contact ? BYTES_OF("{\"from_contact\":true}") : BYTES_NONE) &&
        audit_add(c, "incident.message", "incident", id, BYTES_NONE);
    return finish(c, id, ok, "message") && row_json(c,
                                                    "SELECT id, time AS \"time@time\", user, (SELECT "
                                                    "display_name FROM user WHERE id=m.user) AS user_title, "
                                                    "from_contact AS \"from_contact@bool\", text FROM "
                                                    "incident_message m WHERE incident=? ORDER BY id DESC "
                                                    "LIMIT 1",
                                                    id, out);
}

bool incident_read(struct context *c, int64_t id)
{
    return incident_there(c, id) &&
           database_run(
               c->database,
               "INSERT INTO incident_read (incident, user, message) SELECT ?1, ?2, coalesce(max(id),0) FROM "
               "incident_message WHERE incident=?1 ON CONFLICT DO UPDATE SET message=excluded.message",
               "ii", id, c->principal.user);
}

#define TASK_SELECT                                                                                      \
    "SELECT id, position, state AS state_for, title_vi, title_en, for_contact AS \"for_contact@bool\", " \
    "required AS "                                                                                       \
    "\"required@bool\", done AS \"done@time\", (SELECT display_name FROM user WHERE id=t.done_by) AS "   \
    "done_by_title, "                                                                                    \
    "note, due AS \"due@time\", help AS \"help@bool\" FROM incident_task t WHERE id=?"

bool incident_task_add(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct bytes vi = BYTES_NONE, en = BYTES_NONE, due_text = BYTES_NONE;
    bool for_contact = false, required = false;
    uint64_t due = 0;
    if (!body_text(c, body, "title_vi", 300, &vi, NULL) || !body_text(c, body, "title_en", 300, &en, NULL) ||
        !body_text(c, body, "due", 40, &due_text, NULL) ||
        !body_flag(c, body, "for_contact", &for_contact, NULL) ||
        !body_flag(c, body, "required", &required, NULL))
        return false;
    if (!vi.size)
        vi = en;
    if (!en.size)
        en = vi;
    if (!body_required(c, "title_vi", vi))
        return false;
    if (due_text.size && !time_read(due_text, c->now, &due))
        return refuse(c, "bad_request", "due", due_text, "due must be a time");
    database_begin(c->database);
    bool ok = incident_open(c, id) &&
              database_run(c->database,
                           "INSERT INTO incident_task (incident, position, state, title_vi, title_en, "
                           "for_contact, required, "
                           "due) SELECT ?1, 1+coalesce((SELECT max(position) FROM incident_task WHERE "
                           "incident=?1),0), state, "
                           "?2, ?3, ?4, ?5, ?6 FROM incident WHERE id=?1",
                           "ibbiio", id, vi, en, (int64_t)for_contact, (int64_t)required, (int64_t)due);
    int64_t task = database_last_id(c->database);
    ok = ok && timeline_add(c, id, "task", vi, BYTES_NONE) &&
         audit_add(c, "incident.task", "incident", id, BYTES_NONE);
    return finish(c, id, ok, "task") && row_json(c, TASK_SELECT, task, out);
}

static bool task_there(struct context *c, int64_t id, int64_t task)
{
    if (!incident_open(c, id))
        return false;
    /* A contact officer works on the tasks of the agency only. */
    bool contact = c->principal.role == ROLE_CONTACT;
    return database_number(c->database,
                           "SELECT 1 FROM incident_task WHERE id=? AND incident=? AND (for_contact=1 OR ?=0)",
                           "iii", task, id, (int64_t)contact) == 1 ||
           refuse(c, "not_found", "task", BYTES_NONE, "there is no such task");
}

static bool task_set(struct context *c, int64_t id, int64_t task, struct json_value body)
{
    bool done = false, done_given = false, help = false, help_given = false, note_given = false;
    struct bytes note = BYTES_NONE;
    if (!task_there(c, id, task) || !body_flag(c, body, "done", &done, &done_given) ||
        !body_flag(c, body, "help", &help, &help_given) ||
        !body_text(c, body, "note", 2000, &note, &note_given))
        return false;
    if (done_given)
        database_run(
            c->database,
            "UPDATE incident_task SET done=?, done_by=?, help=CASE WHEN ?1 THEN 0 ELSE help END WHERE id=?",
            "ooi", done ? (int64_t)c->now : (int64_t)0, done ? c->principal.user : (int64_t)0, task);
    if (help_given)
        database_run(c->database, "UPDATE incident_task SET help=? WHERE id=?", "ii", (int64_t)help, task);
    if (note_given)
        database_run(c->database, "UPDATE incident_task SET note=? WHERE id=?", "bi", note, task);
    char data[96];
    snprintf(data, sizeof data, "{\"task\":%lld%s%s}", (long long)task,
             !done_given ? ""
             : done      ? ",\"done\":true"
                         : ",\"done\":false",
             help ? ",\"help\":true" : "");
    struct bytes title = database_text(c->database, c->memory,
                                       "SELECT title_vi FROM incident_task WHERE id=?", "i", task);
    return timeline_add(c, id, "task", title, bytes_of_string(data)) &&
           audit_add(c, "incident.task", "incident", id, bytes_of_string(data));
}

bool incident_task_set(struct context *c, int64_t id, int64_t task, struct json_value body, struct text *out)
{
    database_begin(c->database);
    return finish(c, id, task_set(c, id, task, body), "task") && row_json(c, TASK_SELECT, task, out);
}

static bool clock_set(struct context *c, int64_t id, int64_t clock, struct json_value body)
{
    static const char *const channels[] = { "letter", "email", "phone", "system", "fax", NULL };
    struct bytes sent = BYTES_NONE, channel = BYTES_NONE, document = BYTES_NONE, acknowledged = BYTES_NONE;
    uint64_t sent_time = 0, acknowledged_time = 0;
    if (!body_text(c, body, "sent", 40, &sent, NULL) || !body_text(c, body, "channel", 20, &channel, NULL) ||
        !body_text(c, body, "document", 100, &document, NULL) ||
        !body_text(c, body, "acknowledged", 40, &acknowledged, NULL))
        return false;
    if ((sent.size && !time_read(sent, c->now, &sent_time)) ||
        (acknowledged.size && !time_read(acknowledged, c->now, &acknowledged_time)))
        return refuse(c, "bad_request", "sent", sent, "sent and acknowledged must be times");
    if (sent_time > c->now + 60 * NS_PER_S || acknowledged_time > c->now + 60 * NS_PER_S)
        return refuse(c, "bad_request", "sent", sent, "a notice cannot be sent in the future");
    if (channel.size && !text_listed(channel, channels))
        return refuse(c, "bad_request", "channel", channel,
                      "channel must be letter, email, phone, system or fax");
    if (!incident_there(c, id))
        return false;
    if (!database_number(c->database, "SELECT 1 FROM incident_clock WHERE id=? AND incident=?", "ii", clock,
                         id))
        return refuse(c, "not_found", "clock", BYTES_NONE, "there is no such clock");
    database_run(c->database,
                 "UPDATE incident_clock SET sent=coalesce(?1, sent), sent_by=CASE WHEN ?1 IS NULL THEN "
                 "sent_by ELSE ?2 END, "
                 "channel=coalesce(?3, channel), document=coalesce(?4, document), acknowledged=coalesce(?5, "
                 "acknowledged) "
                 "WHERE id=?6",
                 "oobboi", (int64_t)sent_time, c->principal.user, channel.size ? channel : BYTES_NONE,
                 document.size ? document : BYTES_NONE, (int64_t)acknowledged_time, clock);
    char data[48];
    snprintf(data, sizeof data, "{\"clock\":%lld}", (long long)clock);
    struct bytes kind = database_text(c->database, c->memory, "SELECT kind FROM incident_clock WHERE id=?",
                                      "i", clock);
    return timeline_add(c, id, "notice", kind, bytes_of_string(data)) &&
           audit_add(c, "incident.notice", "incident", id, bytes_of_string(data));
}

bool incident_clock_set(struct context *c, int64_t id, int64_t clock, struct json_value body,
                        struct text *out)
{
    database_begin(c->database);
    return finish(c, id, clock_set(c, id, clock, body), "notice") &&
           row_json(c,
                    "SELECT id, rule, kind, recipient, form, source, started AS \"started@time\", due AS "
                    "\"due@time\", sent AS "
                    "\"sent@time\", (SELECT display_name FROM user WHERE id=k.sent_by) AS sent_by_title, "
                    "channel, document, "
                    "acknowledged AS \"acknowledged@time\", CASE WHEN sent IS NULL THEN 'running' WHEN "
                    "sent<=due+grace THEN "
                    "'met' ELSE 'late' END AS state FROM incident_clock k WHERE id=?",
                    clock, out);
}

/* ---- evidence ---- */

struct evidence {
    int64_t id;
    struct bytes type, note, content;
    char name[128], sha256[2 * crypto_hash_sha256_BYTES + 1];
};

static void evidence_path(struct context *c, const char *sha256, char *path, size_t size)
{
    snprintf(path, size, "%s/evidence/%s", center_directory(c->center), sha256);
}

/* Writes the whole file under a name of its own, which goes to `part`. */
static bool write_part(struct context *c, struct bytes content, char part[4128])
{
    snprintf(part, 4128, "%s/evidence/.%08x%08x", center_directory(c->center), randombytes_random(),
             randombytes_random());
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct error error;
    if (fd < 0) {
        error_system(&error, "the file cannot be stored");
        return refuse_error(c, "internal", "evidence", &error);
    }
    bool ok = true;
    while (ok && content.size) {
        ssize_t written = write(fd, content.data, content.size);
        ok = written > 0;
        if (ok)
            content = bytes_from(content, (size_t)written);
    }
    ok = ok && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (ok)
        return true;
    error_system(&error, "the file cannot be stored");
    unlink(part);
    return refuse_error(c, "internal", "evidence", &error);
}

/* Gives it the name by its content, so that a name is always a whole file; `fresh` when there was none yet.
 */
static bool name_part(struct context *c, const char *part, const char *path, bool *fresh)
{
    struct error error;
    *fresh = access(path, F_OK) != 0;
    if (*fresh && rename(part, path) == 0)
        return true;
    error_system(&error, "the file cannot be stored");
    unlink(part);
    return !*fresh || refuse_error(c, "internal", "evidence", &error);
}

/* A file and the row that tells of it come together, or neither does. */
static bool add_row_and_file(struct context *c, int64_t id, struct evidence *e, const char *part)
{
    char path[4096], data[128];
    bool fresh = false;
    evidence_path(c, e->sha256, path, sizeof path);
    if (!name_part(c, part, path, &fresh))
        return false;
    database_begin(c->database);
    bool ok = database_run(
        c->database,
        "INSERT INTO incident_evidence (incident, time, user, name, type, size, sha256, note) VALUES "
        "(?,?,?,?,?,?,?,?)",
        "iuisbisb", id, c->now, c->principal.user, e->name, e->type, (int64_t)e->content.size, e->sha256,
        e->note.data ? e->note : BYTES_OF(""));
    e->id = database_last_id(c->database);
    snprintf(data, sizeof data, "{\"evidence\":%lld,\"sha256\":\"%s\"}", (long long)e->id, e->sha256);
    ok = ok && timeline_add(c, id, "evidence", bytes_of_string(e->name), bytes_of_string(data)) &&
         audit_add(c, "incident.evidence", "incident", id, bytes_of_string(data));
    ok = finish(c, id, ok, "evidence");
    if (!ok && fresh)
        unlink(path);
    return ok;
}

/* No path, no control characters, nothing that ends a header's quotes. */
static void safe_name(struct bytes name, char out[128])
{
    struct text text = text_of(out, 128);
    size_t size = MIN(name.size, (size_t)120);
    while (size && size < name.size && (name.data[size] & 0xC0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++) {
        uint8_t b = name.data[i];
        text_char(&text, b < 0x20 || b == 0x7f || strchr("/\\\"<>|:*?", b) ? '_' : (char)b);
    }
    if (text.size == 0 || bytes_is(text_bytes(&text), ".") || bytes_is(text_bytes(&text), ".."))
        snprintf(out, 128, "evidence");
}

bool incident_evidence_add(struct context *c, int64_t id, struct bytes name, struct bytes type,
                           struct bytes note, struct bytes content, struct text *out)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    struct evidence e = { .content = content, .note = note };
    char part[4128];
    if (!incident_open(c, id))
        return false;
    if (content.size == 0)
        return refuse(c, "bad_request", "body", BYTES_NONE, "the file is empty");
    if (!bytes_is_utf8(name) || !bytes_is_utf8(note) || note.size > 2000)
        return refuse(c, "bad_request", "name", BYTES_NONE, "name and note must be UTF-8 texts");
    crypto_hash_sha256(hash, content.data, content.size);
    sodium_bin2hex(e.sha256, sizeof e.sha256, hash, sizeof hash);
    safe_name(name, e.name);
    bool plain_type = type.size && type.size < 100 && bytes_is_utf8(type);
    e.type = plain_type ? type : BYTES_OF("application/octet-stream");
    if (!write_part(c, content, part))
        return false;
    pthread_mutex_lock(center_evidence_lock(c->center));
    bool ok = add_row_and_file(c, id, &e, part);
    pthread_mutex_unlock(center_evidence_lock(c->center));
    return ok &&
           row_json(c,
                    "SELECT id, time AS \"time@time\", user, (SELECT display_name FROM user WHERE id=e.user) "
                    "AS user_title, name, type, size, sha256, note FROM incident_evidence e WHERE id=?",
                    e.id, out);
}

bool incident_evidence_open(struct context *c, int64_t id, int64_t evidence, int *fd, uint64_t *size,
                            char name[128])
{
    char sha256[65] = "", path[4096];
    if (!incident_there(c, id))
        return false;
    struct statement *s = database_query(
        c->database, "SELECT sha256, name FROM incident_evidence WHERE id=? AND incident=?", "ii", evidence,
        id);
    if (!statement_next(s))
        return refuse(c, "not_found", "evidence", BYTES_NONE, "there is no such file");
    struct text hash = text_of(sha256, sizeof sha256);
    text_put(&hash, statement_bytes(s, 0));
    safe_name(statement_bytes(s, 1), name);
    statement_done(s);
    if (!audit_add(c, "incident.evidence_read", "incident", id, BYTES_NONE))
        return false;
    struct stat status;
    evidence_path(c, sha256, path, sizeof path);
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0 || fstat(opened, &status) != 0) {
        if (opened >= 0)
            close(opened);
        return refuse(c, "internal", "evidence", BYTES_NONE, "the stored file is missing");
    }
    *fd = opened;
    *size = (uint64_t)status.st_size;
    return true;
}
