/* SPDX-License-Identifier: Apache-2.0 */
/* Users: the register's side, made and changed by administrators. */
#include "center/users.h"

#include <sodium.h>
#include <stdio.h>

#include "center/audit.h"
#include "center/entities.h"
#include "center/users_private.h"

#define USER_COLUMNS                                                                                        \
    "u.id, u.version, u.name, u.display_name, u.role, u.email, u.phone, u.state, u.totp IS NOT NULL AS "    \
    "\"totp@bool\", "                                                                                       \
    "u.locked_until AS \"locked_until@time\", u.last_sign_in AS \"last_sign_in@time\", "                    \
    "u.must_change AS \"must_change_password@bool\", "                                                      \
    "(SELECT json_group_array(json_object('id', a.id, 'title', a.name)) FROM user_agency ua JOIN agency a " \
    "ON "                                                                                                   \
    "a.id=ua.agency WHERE ua.user=u.id) AS \"agencies@raw\""

/* Letters and digits that are not taken for each other on paper. */
void password_once(char password[PASSWORD_ONCE_SIZE])
{
    static const char *const classes[] = { "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789",
                                           "-+=?" };
    for (size_t i = 0; i + 1 < PASSWORD_ONCE_SIZE; i++) {
        const char *set = classes[i < 4 ? i : i % 2];
        password[i] = set[randombytes_uniform((uint32_t)strlen(set))];
    }
    for (size_t i = PASSWORD_ONCE_SIZE - 2; i > 0; i--) {
        size_t j = randombytes_uniform((uint32_t)i + 1);
        char swap = password[i];
        password[i] = password[j];
        password[j] = swap;
    }
    password[PASSWORD_ONCE_SIZE - 1] = '\0';
}

static struct register_write user_write(struct context *c, struct problems *problems, struct entity *open)
{
    /* The register refuses writers; this file is the only one that writes users. */
    *open = user_entity;
    open->writers = ROLE_ANY;
    return (struct register_write){ .database = c->database,
                                    .registers = &province_registers,
                                    .entity = open,
                                    .principal = &c->principal,
                                    .memory = c->memory,
                                    .problems = problems,
                                    .now = c->now };
}

static bool refuse_result(struct context *c, enum register_result result, const struct problems *problems,
                          int64_t version)
{
    char shown[24];
    snprintf(shown, sizeof shown, "%lld", (long long)version);
    switch (result) {
    case REGISTER_OK:
        return true;
    case REGISTER_INVALID:
        return refuse_problems(c, problems);
    case REGISTER_CONFLICT:
        return refuse(c, "conflict", "version", bytes_of_string(shown), "the row was changed meanwhile");
    case REGISTER_NOT_FOUND:
        return refuse(c, "not_found", "", BYTES_NONE, "there is no such row");
    case REGISTER_IN_USE:
        return refuse(c, "in_use", "", BYTES_NONE, "other rows refer to this one");
    case REGISTER_FORBIDDEN:
        return refuse(c, "forbidden", "", BYTES_NONE, "not for this role");
    case REGISTER_FAILED:
        break;
    }
    struct error error;
    return database_ok(c->database, &error)
               ? refuse(c, "internal", "", BYTES_NONE, "the row could not be written")
               : refuse_error(c, "internal", "", &error);
}

bool register_refuse(struct context *c, enum register_result result, const struct problems *problems,
                     int64_t version)
{
    return refuse_result(c, result, problems, version);
}

static bool user_json(struct context *c, int64_t id, struct text *out)
{
    struct statement *s = database_query(c->database, "SELECT " USER_COLUMNS " FROM user u WHERE u.id=?", "i",
                                         id);
    if (!statement_next(s))
        return refuse(c, "not_found", "user", BYTES_NONE, "there is no such user");
    json_open(out, NULL, '{');
    statement_json(s, out);
    json_close(out, '}');
    statement_done(s);
    return true;
}

bool users_list(struct context *c, struct text *out)
{
    json_open(out, NULL, '{');
    rows_json(database_query(
                  c->database,
                  "SELECT " USER_COLUMNS " FROM user u WHERE u.ended IS NULL ORDER BY u.name LIMIT 2000", ""),
              "rows", out);
    json_null(out, "next");
    json_close(out, '}');
    return true;
}

bool users_names(struct context *c, struct text *out)
{
    json_open(out, NULL, '{');
    rows_json(
        database_query(
            c->database,
            "SELECT id, display_name, role FROM user WHERE ended IS NULL AND state='active' AND role IN "
            "('duty','handler','leader') ORDER BY display_name LIMIT 500",
            ""),
        "rows", out);
    json_close(out, '}');
    return true;
}

/* Replaces the user's agencies by body.agencies when it is given. */
static bool store_agencies(struct context *c, int64_t id, struct json_value body)
{
    struct json_value list = json_find(body, "agencies");
    if (list.type == JSON_NONE)
        return true;
    if (list.type != JSON_ARRAY)
        return refuse(c, "bad_request", "agencies", BYTES_NONE, "agencies must be a list of ids");
    database_run(c->database, "DELETE FROM user_agency WHERE user=?", "i", id);
    struct json_cursor cursor = json_elements(list);
    struct json_value element;
    size_t count = 0;
    while (json_next_element(&cursor, &element)) {
        uint64_t agency;
        if (!json_to_u64(element, &agency) || agency > INT64_MAX || ++count > PRINCIPAL_AGENCIES_MAX ||
            !database_number(c->database, "SELECT 1 FROM agency WHERE id=? AND ended IS NULL", "u", agency))
            return refuse(c, "invalid", "agencies", element.text,
                          "agencies must be ids of at most %d agencies", PRINCIPAL_AGENCIES_MAX);
        database_run(c->database, "INSERT OR IGNORE INTO user_agency (user, agency) VALUES (?,?)", "iu", id,
                     agency);
    }
    return !cursor.failed || refuse(c, "bad_json", "agencies", BYTES_NONE, "agencies is malformed");
}

/* The body without `agencies`, which is not a column. */
static struct json_value body_without(struct context *c, struct json_value body, const char *name)
{
    struct text text = text_new(1 << 20);
    struct json_cursor members = json_members(body);
    struct bytes key;
    struct json_value value;
    json_open(&text, NULL, '{');
    while (json_next(&members, &key, &value)) {
        if (bytes_is(key, name))
            continue;
        text_char(&text, '"');
        text_put(&text, key);
        text_put(&text, BYTES_OF("\":"));
        text_string(&text, value.type == JSON_STRING ? "\"" : "");
        text_put(&text, value.text);
        text_string(&text, value.type == JSON_STRING ? "\"," : ",");
    }
    json_close(&text, '}');
    json_end(&text);
    struct bytes copy = arena_copy(c->memory, text_bytes(&text));
    text_done(&text);
    return json_parse(copy);
}

bool user_create(struct context *c, struct json_value body, struct text *out)
{
    struct entity open;
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    struct register_write write = user_write(c, problems, &open);
    char password[PASSWORD_ONCE_SIZE];
    int64_t id = 0;
    password_once(password);
    database_begin(c->database);
    if (!refuse_result(c, register_create(&write, body_without(c, body, "agencies"), &id), problems, 0) ||
        !store_agencies(c, id, body) || !user_set_password(c, id, bytes_of_string(password), true) ||
        !audit_add(c, "user.create", "user", id, BYTES_NONE))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    json_open(out, NULL, '{');
    json_key(out, "user");
    if (!user_json(c, id, out))
        return false;
    json_cstring(out, "password", password);
    json_close(out, '}');
    sodium_memzero(password, sizeof password);
    return true;
}

bool user_make(struct context *c, const char *name, const char *display_name, const char *role,
               const int64_t *agencies, size_t agency_count, char password[PASSWORD_ONCE_SIZE], int64_t *id)
{
    char buffer[1024];
    struct text text = text_of(buffer, sizeof buffer);
    json_open(&text, NULL, '{');
    json_cstring(&text, "name", name);
    json_cstring(&text, "display_name", display_name);
    json_cstring(&text, "role", role);
    json_close(&text, '}');
    json_end(&text);
    struct entity open;
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    struct register_write write = user_write(c, problems, &open);
    int64_t made = 0;
    password_once(password);
    database_begin(c->database);
    if (!refuse_result(c, register_create(&write, json_parse(text_bytes(&text)), &made), problems, 0) ||
        !user_set_password(c, made, bytes_of_string(password), true))
        return context_rollback(c);
    for (size_t i = 0; i < agency_count; i++)
        database_run(c->database, "INSERT OR IGNORE INTO user_agency (user, agency) VALUES (?,?)", "ii", made,
                     agencies[i]);
    if (!audit_add(c, "user.create", "user", made, BYTES_NONE) || !context_commit(c))
        return context_rollback(c);
    if (id)
        *id = made;
    return true;
}

static bool last_administrator(struct context *c, int64_t id)
{
    return database_number(
               c->database,
               "SELECT count(*) FROM user WHERE id<>? AND role='administrator' AND state='active' AND "
               "ended IS NULL",
               "i", id) == 0;
}

bool user_update(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct entity open;
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    struct register_write write = user_write(c, problems, &open);
    int64_t version = 0;
    bool was_administrator = database_number(
        c->database, "SELECT role='administrator' AND state='active' FROM user WHERE id=?", "i", id);
    database_begin(c->database);
    if (!refuse_result(c, register_update(&write, id, &version, body_without(c, body, "agencies")), problems,
                       version) ||
        !store_agencies(c, id, body))
        return context_rollback(c);
    bool is_administrator = database_number(
        c->database, "SELECT role='administrator' AND state='active' FROM user WHERE id=?", "i", id);
    if (was_administrator && !is_administrator && last_administrator(c, id)) {
        refuse(c, "wrong_state", "role", BYTES_OF("administrator"), "the last administrator must remain");
        return context_rollback(c);
    }
    /* What a user may see or do has changed: sign in again. */
    if (id != c->principal.user)
        database_run(c->database, "DELETE FROM session WHERE user=?", "i", id);
    if (!audit_add(c, "user.update", "user", id, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c) && user_json(c, id, out);
}

static bool user_there(struct context *c, int64_t id)
{
    return database_number(c->database, "SELECT 1 FROM user WHERE id=? AND ended IS NULL", "i", id) ||
           refuse(c, "not_found", "user", BYTES_NONE, "there is no such user");
}

bool user_reset_password(struct context *c, int64_t id, char password[PASSWORD_ONCE_SIZE])
{
    if (!user_there(c, id))
        return false;
    password_once(password);
    database_begin(c->database);
    if (!user_set_password(c, id, bytes_of_string(password), true))
        return context_rollback(c);
    database_run(c->database, "UPDATE user SET failures=0, locked_until=NULL WHERE id=?", "i", id);
    database_run(c->database, "DELETE FROM session WHERE user=?", "i", id);
    if (!audit_add(c, "user.reset_password", "user", id, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c);
}

bool user_reset_password_json(struct context *c, int64_t id, struct text *out)
{
    char password[PASSWORD_ONCE_SIZE];
    if (!user_reset_password(c, id, password))
        return false;
    json_open(out, NULL, '{');
    json_cstring(out, "password", password);
    json_close(out, '}');
    sodium_memzero(password, sizeof password);
    return true;
}

bool user_reset_totp(struct context *c, int64_t id, struct text *out)
{
    if (!user_there(c, id))
        return false;
    database_begin(c->database);
    database_run(c->database, "UPDATE user SET totp=NULL, totp_pending=NULL, version=version+1 WHERE id=?",
                 "i", id);
    database_run(c->database, "DELETE FROM recovery_code WHERE user=?", "i", id);
    database_run(c->database, "DELETE FROM session WHERE user=?", "i", id);
    if (!audit_add(c, "user.reset_totp", "user", id, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c) && user_json(c, id, out);
}

bool user_unlock(struct context *c, int64_t id, struct text *out)
{
    if (!user_there(c, id))
        return false;
    database_begin(c->database);
    database_run(c->database, "UPDATE user SET failures=0, locked_until=NULL WHERE id=?", "i", id);
    if (!audit_add(c, "user.unlock", "user", id, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c) && user_json(c, id, out);
}
