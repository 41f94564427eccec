/* SPDX-License-Identifier: Apache-2.0 */
/* Registers: checking and writing rows, their history and their dated values. */
#include <stdio.h>

#include "base/clock.h"
#include "store/register_private.h"

static bool field_writable(const struct entity *entity, const struct field *field)
{
    return !field->secret && !name_listed(entity->read_only, field->name);
}

static bool wrong(const struct register_write *w, const struct field *field, const char *code,
                  struct bytes value, const char *what)
{
    return problem_add(w->problems, code, field->name, value, "%s.%s %s", w->entity->name, field->name, what);
}

static bool number_value(const struct register_write *w, const struct field *field, struct bytes text,
                         struct value *value)
{
    uint64_t number;
    if (!bytes_to_u64(text, &number) || number > INT64_MAX)
        return wrong(w, field, "format", text, "must be a whole number");
    value->kind = VALUE_NUMBER;
    value->number = (int64_t)number;
    return true;
}

static bool text_value(const struct register_write *w, const struct field *field, struct bytes text,
                       struct value *value)
{
    if (!bytes_is_utf8(text) || bytes_find_byte(text, 0) != SIZE_MAX)
        return wrong(w, field, "format", BYTES_NONE, "must be UTF-8 text");
    text = bytes_trim(text);
    if (text.size == 0) {
        value->kind = VALUE_NULL;
        return true;
    }
    value->kind = VALUE_TEXT;
    value->text = text;
    return true;
}

/* A reference by one of the keys of the target's entity. */
static bool reference_by_key(const struct register_write *w, const struct field *field, struct bytes text,
                             struct value *value)
{
    const struct entity *target = register_find(w->registers, bytes_of_string(field->target));
    struct bytes keys = bytes_of_string(target && target->keys ? target->keys : "");
    while (target && keys.size) {
        char sql[256];
        struct bytes key = bytes_cut(&keys, ',');
        snprintf(sql, sizeof sql, "SELECT min(id), count(*) FROM %s WHERE ended IS NULL AND %.*s=?",
                 target->name, (int)key.size, (const char *)key.data);
        struct statement *s = database_query(w->database, sql, "b", text);
        bool one = statement_next(s) && statement_int(s, 1) == 1;
        if (one) {
            value->kind = VALUE_NUMBER;
            value->number = statement_int(s, 0);
        }
        statement_done(s);
        if (one)
            return true;
    }
    uint64_t id;
    if (bytes_to_u64(text, &id) && id <= INT64_MAX) {
        value->kind = VALUE_NUMBER;
        value->number = (int64_t)id;
        return true;
    }
    return wrong(w, field, "reference", text, "names no row");
}

bool value_from_text(const struct register_write *w, const struct field *field, struct bytes text,
                     struct value *value)
{
    *value = (struct value){ .kind = VALUE_NULL, .given = true };
    text = bytes_trim(text);
    if (text.size == 0)
        return true;
    switch (field->type) {
    case FIELD_UINT:
        return number_value(w, field, text, value);
    case FIELD_BOOL:
        value->kind = VALUE_NUMBER;
        value->number = bytes_is(text, "true") || bytes_is(text, "1") || bytes_is(text, "x");
        if (!value->number && !bytes_is(text, "false") && !bytes_is(text, "0"))
            return wrong(w, field, "format", text, "must be true or false");
        return true;
    case FIELD_REF:
        return reference_by_key(w, field, text, value);
    case FIELD_TIME: {
        uint64_t time;
        if (!clock_parse(text, &time))
            return wrong(w, field, "format", text, "must be a time such as 2026-11-22T03:04:05Z");
        value->kind = VALUE_NUMBER;
        value->number = (int64_t)time;
        return true;
    }
    default:
        return text_value(w, field, text, value);
    }
}

static bool value_from_json(const struct register_write *w, const struct field *field, struct json_value json,
                            struct value *value)
{
    *value = (struct value){ .kind = VALUE_NULL, .given = true };
    if (json.type == JSON_NULL)
        return true;
    if (json.type == JSON_STRING) {
        struct text text = text_new(1 << 16);
        bool ok = json_unescape(json, &text) && !text.full;
        struct bytes copy = ok ? arena_copy(w->memory, text_bytes(&text)) : BYTES_NONE;
        text_done(&text);
        if (!ok)
            return wrong(w, field, "format", BYTES_NONE, "must be well-formed text");
        if (field->type == FIELD_UINT || field->type == FIELD_BOOL)
            return wrong(w, field, "format", copy, "must not be a text");
        return value_from_text(w, field, copy, value);
    }
    if (field->type == FIELD_BOOL && (json.type == JSON_TRUE || json.type == JSON_FALSE)) {
        value->kind = VALUE_NUMBER;
        value->number = json.type == JSON_TRUE;
        return true;
    }
    if (json.type == JSON_NUMBER && (field->type == FIELD_UINT || field->type == FIELD_REF))
        return number_value(w, field, json.text, value);
    return wrong(w, field, "format", json.text, "has the wrong type");
}

/* ---- checks ---- */

static void verify_choice(struct change *c, const struct field *f, struct value *v)
{
    for (size_t i = 0; f->choices[i]; i++) {
        if (bytes_is(v->text, f->choices[i]))
            return;
    }
    problem_add(c->problems, "choice", f->name, v->text, "%s.%s is not one of its choices", c->entity->name,
                f->name);
}

static void verify_reference(struct change *c, const struct field *f, struct value *v)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE id=? AND (ended IS NULL OR ?)", f->target);
    char shown[24];
    struct text text = text_of(shown, sizeof shown);
    text_u64(&text, (uint64_t)v->number);
    /* What was already there may point to a row that has ended since. */
    if (!database_number(c->database, sql, "ii", v->number, (int64_t)!v->given))
        problem_add(c->problems, "reference", f->name, text_bytes(&text), "%s.%s names no row of %s",
                    c->entity->name, f->name, f->target);
}

static void verify_unique(struct change *c, const struct field *f, struct value *v)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT id FROM %s WHERE %s=? AND ended IS NULL AND id<>?", c->entity->name,
             f->name);
    int64_t other = v->kind == VALUE_TEXT ? database_number(c->database, sql, "bi", v->text, c->id)
                                          : database_number(c->database, sql, "ii", v->number, c->id);
    if (other)
        problem_add(c->problems, "unique", f->name, v->text, "%s.%s is taken by number %lld of the register",
                    c->entity->name, f->name, (long long)other);
}

static void verify_limits(struct change *c, const struct field *f, struct value *v)
{
    if (v->kind == VALUE_TEXT) {
        size_t max = f->max ? f->max : 1000;
        if (v->text.size > max || v->text.size < f->min)
            problem_add(c->problems, "length", f->name, v->text, "%s.%s must be %llu to %zu bytes",
                        c->entity->name, f->name, (unsigned long long)f->min, max);
    } else if (f->type == FIELD_UINT && (f->min || f->max) &&
               ((uint64_t)v->number < f->min || (uint64_t)v->number > f->max)) {
        char shown[24];
        struct text text = text_of(shown, sizeof shown);
        text_u64(&text, (uint64_t)v->number);
        problem_add(c->problems, "range", f->name, text_bytes(&text), "%s.%s must be %llu to %llu",
                    c->entity->name, f->name, (unsigned long long)f->min, (unsigned long long)f->max);
    }
}

static void verify_order(struct change *c)
{
    struct value *from = change_value(c, "valid_from"), *to = change_value(c, "valid_to");
    if (from && to && from->kind == VALUE_TEXT && to->kind == VALUE_TEXT &&
        bytes_compare(to->text, from->text) <= 0)
        problem_add(c->problems, "order", "valid_to", to->text, "%s.valid_to must be after valid_from",
                    c->entity->name);
}

void change_verify(struct change *c)
{
    size_t before = c->problems->count;
    for (size_t i = 0; i < c->entity->field_count; i++) {
        const struct field *f = &c->entity->fields[i];
        struct value *v = &c->values[i];
        if (v->kind == VALUE_NULL) {
            if (f->required && f->type == FIELD_BOOL)
                *v = (struct value){ .kind = VALUE_NUMBER };
            else if (f->required && !f->secret)
                problem_add(c->problems, "required", f->name, BYTES_NONE, "%s.%s is required",
                            c->entity->name, f->name);
            continue;
        }
        verify_limits(c, f, v);
        if (f->type == FIELD_CHOICE)
            verify_choice(c, f, v);
        else if (f->type == FIELD_REF)
            verify_reference(c, f, v);
        else if (f->type == FIELD_DATE && !register_day_valid(v->text))
            problem_add(c->problems, "format", f->name, v->text, "%s.%s must be a day such as 2026-11-22",
                        c->entity->name, f->name);
        if (f->unique)
            verify_unique(c, f, v);
    }
    if (c->problems->count == before) {
        verify_order(c);
        if (c->entity->check)
            c->entity->check(c);
    }
}

/* ---- rows ---- */

bool row_load(const struct register_write *w, int64_t id, struct value *values, int64_t *version)
{
    const struct entity *e = w->entity;
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_put(&sql, BYTES_OF("SELECT t.version"));
    for (size_t i = 0; i < e->field_count; i++)
        text_add(&sql, ", t.%s", e->fields[i].name);
    text_add(&sql, " FROM %s t WHERE t.id=? AND t.ended IS NULL", e->name);
    entity_scope(e, w->principal, &sql);
    struct statement *s = database_query(w->database, buffer, "i", id);
    if (sql.full || !statement_next(s)) {
        statement_done(s);
        return false;
    }
    *version = statement_int(s, 0);
    for (size_t i = 0; i < e->field_count; i++) {
        int column = (int)i + 1;
        enum field_type type = e->fields[i].type;
        values[i] = (struct value){ .kind = VALUE_NULL };
        if (statement_null(s, column))
            continue;
        if (type == FIELD_TEXT || type == FIELD_CHOICE || type == FIELD_DATE)
            values[i] = (struct value){ .kind = VALUE_TEXT,
                                        .text = arena_copy(w->memory, statement_bytes(s, column)) };
        else
            values[i] = (struct value){ .kind = VALUE_NUMBER, .number = statement_int(s, column) };
    }
    statement_done(s);
    return true;
}

static void values_json(const struct entity *e, const struct value *values, struct text *out)
{
    json_open(out, NULL, '{');
    for (size_t i = 0; i < e->field_count; i++) {
        const struct value *v = &values[i];
        if (e->fields[i].secret)
            continue;
        if (v->kind == VALUE_NULL)
            json_null(out, e->fields[i].name);
        else if (v->kind == VALUE_NUMBER && e->fields[i].type == FIELD_BOOL)
            json_bool(out, e->fields[i].name, v->number != 0);
        else if (v->kind == VALUE_NUMBER)
            json_int(out, e->fields[i].name, v->number);
        else
            json_string(out, e->fields[i].name, v->text);
    }
    json_close(out, '}');
    json_end(out);
}

static bool set_value(struct database *database, const char *table, const char *column, int64_t id,
                      const struct value *v)
{
    char sql[192];
    snprintf(sql, sizeof sql, "UPDATE %s SET %s=? WHERE id=?", table, column);
    if (v->kind == VALUE_NUMBER)
        return database_run(database, sql, "ii", v->number, id);
    return database_run(database, sql, "bi", v->kind == VALUE_TEXT ? v->text : BYTES_NONE, id);
}

/* One INSERT with literals for numbers and parameters for texts would not fit a fixed call; so a new row
 * starts with placeholders for what must not be NULL and is filled column by column in the same transaction.
 */
static int64_t insert_row(struct register_write *w)
{
    const struct entity *e = w->entity;
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_add(&sql, "INSERT INTO %s (created, updated", e->name);
    for (size_t i = 0; i < e->field_count; i++) {
        if (e->fields[i].required)
            text_add(&sql, ", %s", e->fields[i].name);
    }
    text_put(&sql, BYTES_OF(") VALUES (?1, ?1"));
    for (size_t i = 0; i < e->field_count; i++) {
        enum field_type type = e->fields[i].type;
        if (!e->fields[i].required)
            continue;
        bool text = type == FIELD_TEXT || type == FIELD_CHOICE || type == FIELD_DATE;
        /* Unique texts need a placeholder that no other row has. */
        text_string(&sql, text ? ", hex(randomblob(16))" : ", 0");
    }
    text_char(&sql, ')');
    return database_run(w->database, buffer, "u", w->now) ? database_last_id(w->database) : 0;
}

static bool same_value(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == VALUE_NULL ||
           (a->kind == VALUE_NUMBER ? a->number == b->number : bytes_equal(a->text, b->text));
}

static void store_version(struct register_write *w, int64_t id, const struct value *before,
                          const struct value *values, const char *effective)
{
    const struct entity *e = w->entity;
    bool changed = before == NULL;
    for (const char *const *name = e->dated; *name && !changed; name++) {
        size_t at = (size_t)(entity_field(e, bytes_of_string(*name)) - e->fields);
        changed = !same_value(&before[at], &values[at]);
    }
    if (!changed)
        return;
    char sql[256], table[64];
    snprintf(table, sizeof table, "%s_version", e->name);
    /* What was to start on that day or later gives way; what runs until then ends there. */
    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE row=? AND valid_from>=?", table);
    database_run(w->database, sql, "is", id, effective);
    snprintf(sql, sizeof sql, "UPDATE %s SET valid_to=? WHERE row=? AND (valid_to IS NULL OR valid_to>?)",
             table);
    database_run(w->database, sql, "sis", effective, id, effective);
    struct text insert = text_of(sql, sizeof sql);
    text_add(&insert, "INSERT INTO %s (row, valid_from", table);
    for (const char *const *name = e->dated; *name; name++) {
        if (entity_field(e, bytes_of_string(*name))->required)
            text_add(&insert, ", %s", *name);
    }
    text_put(&insert, BYTES_OF(") VALUES (?, ?"));
    for (const char *const *name = e->dated; *name; name++) {
        const struct field *f = entity_field(e, bytes_of_string(*name));
        if (f->required)
            text_string(&insert, f->type == FIELD_REF ? ", 0" : ", ''");
    }
    text_char(&insert, ')');
    if (!database_run(w->database, sql, "is", id, effective))
        return;
    int64_t version = database_last_id(w->database);
    for (const char *const *name = e->dated; *name; name++)
        set_value(w->database, table, *name, version,
                  &values[entity_field(e, bytes_of_string(*name)) - e->fields]);
}

static void store_history(struct register_write *w, int64_t id, const struct value *before,
                          const struct value *after, const char *action)
{
    struct text old = text_new(1 << 20), new = text_new(1 << 20);
    if (before)
        values_json(w->entity, before, &old);
    if (after)
        values_json(w->entity, after, &new);
    database_run(w->database,
                 "INSERT INTO register_history (entity, row, time, user, action, before, after) VALUES "
                 "(?,?,?,?,?,?,?)",
                 "siuosbb", w->entity->name, id, w->now, w->principal->user, w->action ? w->action : action,
                 before ? text_bytes(&old) : BYTES_NONE, after ? text_bytes(&new) : BYTES_NONE);
    text_done(&old);
    text_done(&new);
}

int64_t row_store(struct register_write *w, int64_t id, const struct value *before, struct value *values,
                  const char *effective)
{
    const struct entity *e = w->entity;
    char today[11], sql[128];
    register_day(w->now, today);
    bool fresh = id == 0;
    if (fresh && !(id = insert_row(w)))
        return 0;
    for (size_t i = 0; i < e->field_count; i++) {
        if (fresh ? values[i].kind != VALUE_NULL : !same_value(&before[i], &values[i]))
            set_value(w->database, e->name, e->fields[i].name, id, &values[i]);
    }
    if (!fresh) {
        snprintf(sql, sizeof sql, "UPDATE %s SET version=version+1, updated=? WHERE id=?", e->name);
        database_run(w->database, sql, "ui", w->now, id);
    }
    if (e->dated)
        store_version(w, id, before, values, effective ? effective : fresh ? "0001-01-01" : today);
    store_history(w, id, before, values, fresh ? "create" : "update");
    return id;
}

/* ---- requests ---- */

static bool read_body(struct register_write *w, struct json_value body, struct value *values,
                      int64_t *version, char effective[11])
{
    size_t problems = w->problems->count;
    struct json_cursor members = json_members(body);
    struct bytes key;
    struct json_value json;
    while (json_next(&members, &key, &json)) {
        uint64_t number;
        if (bytes_is(key, "version")) {
            if (json_to_u64(json, &number) && number <= INT64_MAX)
                *version = (int64_t)number;
            continue;
        }
        if (bytes_is(key, "effective_from") && w->entity->dated) {
            if (json.type == JSON_STRING && register_day_valid(json.text)) {
                memcpy(effective, json.text.data, 10);
                effective[10] = '\0';
            } else if (json.type != JSON_NULL) {
                problem_add(w->problems, "format", "effective_from", json.text,
                            "must be a day such as 2026-11-22");
            }
            continue;
        }
        const struct field *field = entity_field(w->entity, key);
        if (!field || !field_writable(w->entity, field)) {
            problem_add(w->problems, "unknown_field", w->entity->name, key,
                        "%s has no field of this name to write", w->entity->name);
            continue;
        }
        struct value value;
        if (value_from_json(w, field, json, &value))
            values[field - w->entity->fields] = value;
    }
    if (body.type != JSON_OBJECT || members.failed)
        problem_add(w->problems, "format", "body", BYTES_NONE, "must be a JSON object");
    return w->problems->count == problems;
}

static struct change change_of(struct register_write *w, int64_t id, struct value *values)
{
    return (struct change){ .database = w->database,
                            .registers = w->registers,
                            .entity = w->entity,
                            .id = id,
                            .values = values,
                            .memory = w->memory,
                            .problems = w->problems };
}

static enum register_result finish(struct register_write *w, enum register_result result)
{
    if (result != REGISTER_OK) {
        database_rollback(w->database);
        return result;
    }
    return database_commit(w->database, NULL) ? REGISTER_OK : REGISTER_FAILED;
}

enum register_result register_create(struct register_write *w, struct json_value body, int64_t *id)
{
    struct value values[FIELDS_MAX] = { 0 };
    char effective[11] = "";
    int64_t ignored = 0;
    if (!(w->entity->writers & w->principal->role))
        return REGISTER_FORBIDDEN;
    if (!read_body(w, body, values, &ignored, effective))
        return REGISTER_INVALID;
    database_begin(w->database);
    struct change change = change_of(w, 0, values);
    size_t before = w->problems->count;
    change_verify(&change);
    if (w->problems->count != before)
        return finish(w, REGISTER_INVALID);
    int64_t made = row_store(w, 0, NULL, values, effective[0] ? effective : NULL);
    if (made && !entity_visible(w->database, w->entity, w->principal, made))
        return finish(w, REGISTER_FORBIDDEN);
    enum register_result result = finish(w, REGISTER_OK);
    if (result == REGISTER_OK)
        *id = made;
    return result;
}

enum register_result register_update(struct register_write *w, int64_t id, int64_t *version,
                                     struct json_value body)
{
    struct value before[FIELDS_MAX] = { 0 }, values[FIELDS_MAX];
    char effective[11] = "";
    int64_t current;
    if (!(w->entity->writers & w->principal->role))
        return REGISTER_FORBIDDEN;
    database_begin(w->database);
    if (!row_load(w, id, before, &current))
        return finish(w, REGISTER_NOT_FOUND);
    memcpy(values, before, sizeof values[0] * w->entity->field_count);
    size_t problems = w->problems->count;
    if (!read_body(w, body, values, version, effective))
        return finish(w, REGISTER_INVALID);
    if (*version && *version != current) {
        *version = current;
        return finish(w, REGISTER_CONFLICT);
    }
    struct change change = change_of(w, id, values);
    change_verify(&change);
    if (w->problems->count != problems)
        return finish(w, REGISTER_INVALID);
    row_store(w, id, before, values, effective[0] ? effective : NULL);
    /* A row may not be moved out of one's own sight. */
    if (!entity_visible(w->database, w->entity, w->principal, id))
        return finish(w, REGISTER_FORBIDDEN);
    *version = current + 1;
    return finish(w, REGISTER_OK);
}

static bool referred(struct register_write *w, int64_t id)
{
    for (const char *const *name = w->entity->referrers; name && *name; name++) {
        char sql[192];
        struct bytes column = bytes_of_string(*name);
        struct bytes table = bytes_cut(&column, '.');
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %.*s WHERE %.*s=? AND ended IS NULL", (int)table.size,
                 (const char *)table.data, (int)column.size, (const char *)column.data);
        if (database_number(w->database, sql, "i", id))
            return true;
    }
    return false;
}

enum register_result register_end(struct register_write *w, int64_t id, int64_t *version)
{
    struct value before[FIELDS_MAX] = { 0 };
    int64_t current;
    char sql[128];
    if (!(w->entity->writers & w->principal->role))
        return REGISTER_FORBIDDEN;
    database_begin(w->database);
    if (!row_load(w, id, before, &current))
        return finish(w, REGISTER_NOT_FOUND);
    if (*version && *version != current) {
        *version = current;
        return finish(w, REGISTER_CONFLICT);
    }
    if (referred(w, id))
        return finish(w, REGISTER_IN_USE);
    snprintf(sql, sizeof sql, "UPDATE %s SET ended=?, updated=?, version=version+1 WHERE id=?",
             w->entity->name);
    database_run(w->database, sql, "uui", w->now, w->now, id);
    store_history(w, id, before, NULL, "end");
    return finish(w, REGISTER_OK);
}
