/* SPDX-License-Identifier: Apache-2.0 */
/* Registers: tables, descriptions and reading. */
#include "store/register.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/fold.h"
#include "store/register_private.h"

static const struct {
    const char *name, *sql;
} types[] = {
    [FIELD_UINT] = { "uint", "INTEGER" }, [FIELD_INT] = { "int", "INTEGER" },
    [FIELD_BOOL] = { "bool", "INTEGER" }, [FIELD_CHOICE] = { "choice", "TEXT" },
    [FIELD_TEXT] = { "text", "TEXT" },    [FIELD_TIME] = { "time", "INTEGER" },
    [FIELD_DATE] = { "date", "TEXT" },    [FIELD_REF] = { "ref", "INTEGER" },
};

bool name_listed(const char *const *names, const char *name)
{
    for (; names && *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

const struct entity *register_find(const struct registers *registers, struct bytes name)
{
    for (size_t i = 0; i < registers->count; i++) {
        if (bytes_is(name, registers->entities[i]->name))
            return registers->entities[i];
    }
    return NULL;
}

const struct field *entity_field(const struct entity *entity, struct bytes name)
{
    for (size_t i = 0; i < entity->field_count; i++) {
        if (bytes_is(name, entity->fields[i].name))
            return &entity->fields[i];
    }
    return NULL;
}

struct value *change_value(struct change *change, const char *field)
{
    const struct field *found = entity_field(change->entity, bytes_of_string(field));
    return found ? &change->values[found - change->entity->fields] : NULL;
}

static void column_definition(const struct field *field, bool added, struct text *out)
{
    const char *type = types[field->type].sql;
    text_add(out, "%s %s", field->name, type);
    if (field->required)
        text_add(out, " NOT NULL%s", !added ? "" : type[0] == 'T' ? " DEFAULT ''" : " DEFAULT 0");
}

void entity_schema(const struct entity *entity, struct text *out)
{
    text_add(out,
             "CREATE TABLE IF NOT EXISTS %s (id INTEGER PRIMARY KEY, version INTEGER NOT NULL DEFAULT 1, "
             "created INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL DEFAULT 0, ended INTEGER",
             entity->name);
    for (size_t i = 0; i < entity->field_count; i++) {
        text_put(out, BYTES_OF(", "));
        column_definition(&entity->fields[i], false, out);
    }
    text_add(out, "%s) STRICT;\n", entity->columns ? entity->columns : "");
    for (size_t i = 0; i < entity->field_count; i++) {
        const struct field *f = &entity->fields[i];
        if (f->unique)
            text_add(out, "CREATE UNIQUE INDEX IF NOT EXISTS %s_%s ON %s (%s) WHERE ended IS NULL;\n",
                     entity->name, f->name, entity->name, f->name);
        else if (f->type == FIELD_REF || f->inspect)
            text_add(out, "CREATE INDEX IF NOT EXISTS %s_%s ON %s (%s);\n", entity->name, f->name,
                     entity->name, f->name);
    }
    if (!entity->dated)
        return;
    text_add(out,
             "CREATE TABLE IF NOT EXISTS %s_version (id INTEGER PRIMARY KEY, row INTEGER NOT NULL REFERENCES "
             "%s(id), "
             "valid_from TEXT NOT NULL, valid_to TEXT",
             entity->name, entity->name);
    for (const char *const *name = entity->dated; *name; name++) {
        text_put(out, BYTES_OF(", "));
        column_definition(entity_field(entity, bytes_of_string(*name)), false, out);
    }
    text_add(out, ") STRICT;\nCREATE INDEX IF NOT EXISTS %s_version_row ON %s_version (row, valid_from);\n",
             entity->name, entity->name);
}

static bool add_missing_columns(struct database *database, const struct entity *entity, struct error *error)
{
    char sql[256];
    for (size_t i = 0; i < entity->field_count; i++) {
        const struct field *f = &entity->fields[i];
        snprintf(sql, sizeof sql, "SELECT type FROM pragma_table_info('%s') WHERE name='%s'", entity->name,
                 f->name);
        struct statement *s = database_query(database, sql, "");
        if (statement_next(s)) {
            bool same = bytes_is(statement_bytes(s, 0), types[f->type].sql);
            statement_done(s);
            if (!same)
                return error_set(error, "database: column %s.%s has another type than %s", entity->name,
                                 f->name, types[f->type].sql);
            continue;
        }
        struct text alter = text_of(sql, sizeof sql);
        text_add(&alter, "ALTER TABLE %s ADD COLUMN ", entity->name);
        column_definition(f, true, &alter);
        if (!database_script(database, sql, error))
            return false;
    }
    return database_ok(database, error);
}

static const char history_schema[] =
    "CREATE TABLE IF NOT EXISTS register_history (id INTEGER PRIMARY KEY, entity TEXT NOT NULL, row INTEGER "
    "NOT NULL, "
    "time INTEGER NOT NULL, user INTEGER, action TEXT NOT NULL, before TEXT, after TEXT) STRICT;"
    "CREATE INDEX IF NOT EXISTS register_history_row ON register_history (entity, row, id);";

bool registers_migrate(struct database *database, const struct registers *registers, struct error *error)
{
    if (!database_script(database, history_schema, error))
        return false;
    for (size_t i = 0; i < registers->count; i++) {
        struct text sql = text_new(1 << 16);
        entity_schema(registers->entities[i], &sql);
        bool ok = database_script(database, sql.data, error) &&
                  add_missing_columns(database, registers->entities[i], error);
        text_done(&sql);
        if (!ok)
            return false;
    }
    return true;
}

static void field_describe(const struct entity *entity, const struct field *f, struct text *out)
{
    char label[128];
    json_open(out, NULL, '{');
    json_cstring(out, "name", f->name);
    json_cstring(out, "type", types[f->type].name);
    if (f->required)
        json_bool(out, "required", true);
    if (f->unique)
        json_bool(out, "unique", true);
    if (f->min || f->max) {
        json_uint(out, "min", f->min);
        json_uint(out, "max", f->max);
    }
    if (f->target)
        json_cstring(out, "target", f->target);
    if (f->choices) {
        json_open(out, "choices", '[');
        for (size_t i = 0; f->choices[i]; i++)
            json_cstring(out, NULL, f->choices[i]);
        json_close(out, ']');
    }
    if (name_listed(entity->dated, f->name))
        json_bool(out, "dated", true);
    if (name_listed(entity->read_only, f->name))
        json_bool(out, "read_only", true);
    if (name_listed(entity->listed, f->name))
        json_bool(out, "list", true);
    snprintf(label, sizeof label, "%s.%s", entity->name, f->name);
    json_cstring(out, "label", label);
    json_cstring(out, "help", f->help ? f->help : "");
    json_close(out, '}');
}

void entity_describe(struct database *database, const struct entity *entity,
                     const struct principal *principal, struct text *out)
{
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_add(&sql, "SELECT count(*) FROM %s t WHERE ended IS NULL", entity->name);
    entity_scope(entity, principal, &sql);
    json_open(out, NULL, '{');
    json_cstring(out, "name", entity->name);
    json_cstring(out, "label", entity->name);
    json_cstring(out, "title", entity->listed ? entity->listed[0] : entity->fields[0].name);
    json_bool(out, "writable", (entity->writers & principal->role) != 0);
    json_int(out, "count", database_number(database, buffer, ""));
    json_bool(out, "dated", entity->dated != NULL);
    json_open(out, "fields", '[');
    for (size_t i = 0; i < entity->field_count; i++) {
        if (!entity->fields[i].secret)
            field_describe(entity, &entity->fields[i], out);
    }
    json_close(out, ']');
    json_open(out, "gaps", '[');
    for (const struct register_gap *gap = entity->gaps; gap && gap->name; gap++)
        json_cstring(out, NULL, gap->name);
    json_close(out, ']');
    json_close(out, '}');
}

void entity_scope(const struct entity *entity, const struct principal *principal, struct text *sql)
{
    if (!entity->scope || !principal->limited)
        return;
    text_put(sql, BYTES_OF(" AND "));
    principal_condition(principal, entity->scope, sql);
}

void entity_columns(const struct registers *registers, const struct entity *entity, struct text *sql)
{
    text_put(sql, BYTES_OF("t.id, t.version"));
    for (size_t i = 0; i < entity->field_count; i++) {
        const struct field *f = &entity->fields[i];
        if (f->secret)
            continue;
        const char *form = f->type == FIELD_BOOL ? "@bool" : f->type == FIELD_TIME ? "@time" : "";
        text_add(sql, ", t.%s AS \"%s%s\"", f->name, f->name, form);
        const struct entity *target = f->type == FIELD_REF
                                          ? register_find(registers, bytes_of_string(f->target))
                                          : NULL;
        if (target)
            text_add(sql, ", (SELECT %s FROM %s WHERE id=t.%s) AS \"%s_title\"", target->title, target->name,
                     f->name, f->name);
    }
    text_put(
        sql,
        BYTES_OF(
            ", t.created AS \"created@time\", t.updated AS \"updated@time\", t.ended AS \"ended@time\""));
}

static bool add_gap(const struct entity *entity, struct bytes name, struct problems *problems,
                    struct text *sql)
{
    for (const struct register_gap *gap = entity->gaps; gap && gap->name; gap++) {
        if (bytes_is(name, gap->name)) {
            text_add(sql, " AND (%s)", gap->sql);
            return true;
        }
    }
    return problem_add(problems, "choice", "gap", name, "%s has no such gap", entity->name);
}

bool entity_where(const struct entity *entity, const struct principal *principal,
                  const struct register_query *query, struct problems *problems, struct text *sql)
{
    text_put(sql, BYTES_OF(" WHERE "));
    text_string(sql, query->ended ? "1" : "t.ended IS NULL");
    entity_scope(entity, principal, sql);
    for (size_t i = 0; i < query->filter_count; i++) {
        const struct field *f = entity_field(entity, query->filters[i].field);
        if (!f || f->secret)
            return problem_add(problems, "unknown_field", "filter", query->filters[i].field,
                               "%s has no such field", entity->name);
        bool number = types[f->type].sql[0] == 'I';
        text_add(sql, number ? " AND t.%s = CAST(? AS INTEGER)" : " AND t.%s = ?", f->name);
    }
    if (query->gap.size && !add_gap(entity, query->gap, problems, sql))
        return false;
    if (query->search.size) {
        text_put(sql, BYTES_OF(" AND fold("));
        const char *plus = "";
        for (size_t i = 0; i < entity->field_count; i++) {
            const struct field *f = &entity->fields[i];
            if ((f->type != FIELD_TEXT && f->type != FIELD_DATE) || f->secret)
                continue;
            text_add(sql, "%scoalesce(t.%s,'')", plus, f->name);
            plus = "||' '||";
        }
        text_put(sql, BYTES_OF(") LIKE '%'||?||'%' ESCAPE '\\'"));
    }
    return true;
}

bool entity_order(const struct entity *entity, const struct register_query *query, struct problems *problems,
                  struct text *sql)
{
    struct bytes name = query->sort;
    bool down = name.size && name.data[0] == '-';
    if (down)
        name = bytes_from(name, 1);
    if (name.size == 0) {
        text_put(sql, BYTES_OF(" ORDER BY t.id"));
        return true;
    }
    const struct field *f = entity_field(entity, name);
    const char *column = f && !f->secret             ? f->name
                         : bytes_is(name, "id")      ? "id"
                         : bytes_is(name, "updated") ? "updated"
                         : bytes_is(name, "created") ? "created"
                                                     : NULL;
    if (!column)
        return problem_add(problems, "unknown_field", "sort", name, "%s has no such field", entity->name);
    if (f && f->type == FIELD_TEXT)
        text_add(sql, " ORDER BY fold(t.%s)%s, t.id", column, down ? " DESC" : "");
    else
        text_add(sql, " ORDER BY t.%s%s, t.id", column, down ? " DESC" : "");
    return true;
}

/* The search text folded, with LIKE's own signs escaped. */
static struct bytes like_text(struct bytes search, struct arena *memory)
{
    char folded[512], escaped[1024];
    struct text fold = text_of(folded, sizeof folded);
    struct text out = text_of(escaped, sizeof escaped);
    text_fold(bytes_first(search, 250), &fold);
    for (size_t i = 0; i < fold.size; i++) {
        if (strchr("%_\\", folded[i]))
            text_char(&out, '\\');
        text_char(&out, folded[i]);
    }
    return arena_copy(memory, text_bytes(&out));
}

struct statement *entity_start(struct database *database, const struct entity *entity, const struct text *sql,
                               const struct register_query *query, struct arena *memory)
{
    (void)entity;
    struct bytes p[REGISTER_FILTERS_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < query->filter_count; i++)
        p[count++] = bytes_is(query->filters[i].value, "true")    ? BYTES_OF("1")
                     : bytes_is(query->filters[i].value, "false") ? BYTES_OF("0")
                                                                  : query->filters[i].value;
    if (query->search.size)
        p[count++] = like_text(query->search, memory);
    char format[REGISTER_FILTERS_MAX + 2] = { 0 };
    memset(format, 'b', count);
    /* More arguments than `format` names are ignored. */
    for (size_t i = count; i < COUNT_OF(p); i++)
        p[i] = BYTES_NONE;
    return database_query(database, sql->data, format, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8],
                          p[9], p[10], p[11], p[12], p[13], p[14], p[15], p[16]);
}

enum register_result register_list(struct database *database, const struct registers *registers,
                                   const struct entity *entity, const struct principal *principal,
                                   const struct register_query *query, struct problems *problems,
                                   struct text *out, bool *more, int64_t *total)
{
    if (!(entity->readers & principal->role))
        return REGISTER_FORBIDDEN;
    struct arena memory = arena_of(1 << 20);
    struct text sql = text_new(1 << 16);
    text_put(&sql, BYTES_OF("SELECT "));
    entity_columns(registers, entity, &sql);
    text_add(&sql, " FROM %s t", entity->name);
    struct text count = text_new(1 << 16);
    text_add(&count, "SELECT count(*) FROM %s t", entity->name);
    enum register_result result = REGISTER_INVALID;
    if (entity_where(entity, principal, query, problems, &sql) &&
        entity_where(entity, principal, query, problems, &count) &&
        entity_order(entity, query, problems, &sql)) {
        text_add(&sql, " LIMIT %zu OFFSET %zu", query->limit + 1, query->offset);
        struct statement *s = entity_start(database, entity, &count, query, &memory);
        *total = statement_next(s) ? statement_int(s, 0) : 0;
        statement_done(s);
        size_t rows = 0;
        s = entity_start(database, entity, &sql, query, &memory);
        while (rows < query->limit && statement_next(s)) {
            json_open(out, NULL, '{');
            statement_json(s, out);
            json_close(out, '}');
            rows++;
        }
        *more = rows == query->limit && statement_next(s);
        statement_done(s);
        result = REGISTER_OK;
    }
    text_done(&sql);
    text_done(&count);
    arena_done(&memory);
    return result;
}

bool entity_visible(struct database *database, const struct entity *entity, const struct principal *principal,
                    int64_t id)
{
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_add(&sql, "SELECT 1 FROM %s t WHERE t.id=?", entity->name);
    entity_scope(entity, principal, &sql);
    return !sql.full && database_number(database, buffer, "i", id) == 1;
}

enum register_result register_get(struct database *database, const struct registers *registers,
                                  const struct entity *entity, const struct principal *principal, int64_t id,
                                  struct text *out)
{
    if (!(entity->readers & principal->role))
        return REGISTER_FORBIDDEN;
    struct text sql = text_new(1 << 16);
    text_put(&sql, BYTES_OF("SELECT "));
    entity_columns(registers, entity, &sql);
    text_add(&sql, " FROM %s t WHERE t.id=?", entity->name);
    entity_scope(entity, principal, &sql);
    struct statement *s = database_query(database, sql.data, "i", id);
    bool found = statement_next(s);
    if (found)
        statement_json(s, out);
    statement_done(s);
    text_done(&sql);
    return found ? REGISTER_OK : REGISTER_NOT_FOUND;
}

enum register_result register_history(struct database *database, const struct entity *entity,
                                      const struct principal *principal, int64_t id, struct text *out)
{
    if (!(entity->readers & principal->role))
        return REGISTER_FORBIDDEN;
    if (!entity_visible(database, entity, principal, id))
        return REGISTER_NOT_FOUND;
    struct statement *s = database_query(
        database,
        "SELECT time AS \"time@time\", user, (SELECT display_name FROM user WHERE id=h.user) AS user_title, "
        "action, "
        "before AS \"before@raw\", after AS \"after@raw\" FROM register_history h WHERE entity=? AND row=? "
        "ORDER BY id DESC LIMIT 500",
        "si", entity->name, id);
    while (statement_next(s)) {
        json_open(out, NULL, '{');
        statement_json(s, out);
        json_close(out, '}');
    }
    return REGISTER_OK;
}

enum register_result register_versions(struct database *database, const struct registers *registers,
                                       const struct entity *entity, const struct principal *principal,
                                       int64_t id, struct text *out)
{
    if (!(entity->readers & principal->role))
        return REGISTER_FORBIDDEN;
    if (!entity->dated || !entity_visible(database, entity, principal, id))
        return REGISTER_NOT_FOUND;
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_put(&sql, BYTES_OF("SELECT valid_from, valid_to"));
    for (const char *const *name = entity->dated; *name; name++) {
        const struct field *f = entity_field(entity, bytes_of_string(*name));
        text_add(&sql, ", t.%s", f->name);
        const struct entity *target = f->target ? register_find(registers, bytes_of_string(f->target)) : NULL;
        if (target)
            text_add(&sql, ", (SELECT %s FROM %s WHERE id=t.%s) AS \"%s_title\"", target->title, target->name,
                     f->name, f->name);
    }
    text_add(&sql, " FROM %s_version t WHERE row=? ORDER BY valid_from DESC", entity->name);
    struct statement *s = database_query(database, buffer, "i", id);
    while (statement_next(s)) {
        json_open(out, NULL, '{');
        statement_json(s, out);
        json_close(out, '}');
    }
    return REGISTER_OK;
}

struct bytes register_text_on(struct database *database, const struct entity *entity, int64_t id,
                              const char *field, const char *day, struct arena *memory)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT %s FROM %s_version WHERE row=? AND valid_from<=? AND (valid_to IS NULL OR valid_to>?) "
             "ORDER BY valid_from DESC LIMIT 1",
             field, entity->name);
    struct bytes text = database_text(database, memory, sql, "iss", id, day, day);
    if (text.data)
        return text;
    snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE id=?", field, entity->name);
    return database_text(database, memory, sql, "i", id);
}

void register_day(uint64_t time, char day[11])
{
    char buffer[40];
    struct text text = text_of(buffer, sizeof buffer);
    clock_text_rfc3339(time + 7 * 3600 * NS_PER_S, &text);
    memcpy(day, buffer, 10);
    day[10] = '\0';
}

bool register_day_valid(struct bytes day)
{
    char buffer[32], again[11];
    uint64_t time;
    if (day.size != 10)
        return false;
    struct text text = text_of(buffer, sizeof buffer);
    text_put(&text, day);
    text_put(&text, BYTES_OF("T00:00:00+07:00"));
    if (!clock_parse(text_bytes(&text), &time))
        return false;
    register_day(time, again);
    return memcmp(again, day.data, 10) == 0;
}
