/* SPDX-License-Identifier: Apache-2.0 */
/* Registers behind the interface. */
#include "center/register_api.h"

#include <stdio.h>

#include "center/audit.h"
#include "center/entities.h"
#include "center/resolver.h"
#include "center/users_private.h"

static const struct entity *entity_of(struct context *c, struct bytes name)
{
    const struct entity *entity = register_find(&province_registers, name);
    if (!entity)
        refuse(c, "not_found", "entity", name, "there is no such register");
    else if (!(entity->readers & c->principal.role))
        refuse(c, "forbidden", "entity", name, "not for the role %s", role_name(c->principal.role));
    else
        return entity;
    return NULL;
}

bool registers_describe(struct context *c, struct text *out)
{
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    for (size_t i = 0; i < province_registers.count; i++) {
        const struct entity *entity = province_registers.entities[i];
        if (entity->readers & c->principal.role)
            entity_describe(c->database, entity, &c->principal, out);
    }
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

static bool read_query(struct context *c, const struct entity *entity, const struct parameters *p,
                       struct register_query *query)
{
    static const char *const own[] = { "q",   "sort",    "cursor",   "limit", "ended",
                                       "gap", "dry_run", "language", NULL };
    struct page page;
    struct bytes language = parameter(p, "language");
    if (!page_read(c, p, &page))
        return false;
    if (language.size && !bytes_is(language, "vi") && !bytes_is(language, "en"))
        return refuse(c, "bad_request", "language", language, "language must be vi or en");
    *query = (struct register_query){ .search = parameter(p, "q"),
                                      .sort = parameter(p, "sort"),
                                      .gap = parameter(p, "gap"),
                                      .ended = bytes_is(parameter(p, "ended"), "1"),
                                      .language = bytes_is(language, "vi")   ? REGISTER_VIETNAMESE
                                                  : bytes_is(language, "en") ? REGISTER_ENGLISH
                                                                             : REGISTER_CODES,
                                      .offset = (size_t)page.offset,
                                      .limit = (size_t)page.limit };
    for (size_t i = 0; i < p->count; i++) {
        if (text_listed(p->items[i].name, own) || p->items[i].value.size == 0)
            continue;
        if (query->filter_count == REGISTER_FILTERS_MAX)
            return refuse(c, "bad_request", "filter", BYTES_NONE, "too many filters on %s", entity->name);
        query->filters[query->filter_count++] = (struct register_filter){ p->items[i].name,
                                                                          p->items[i].value };
    }
    return true;
}

bool registers_list(struct context *c, struct bytes name, const struct parameters *p, struct text *out)
{
    struct register_query query;
    struct problems *problems = context_problems(c);
    const struct entity *entity = entity_of(c, name);
    if (!problems || !entity || !read_query(c, entity, p, &query))
        return false;
    bool more = false;
    int64_t total = 0;
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    enum register_result result = register_list(c->database, &province_registers, entity, &c->principal,
                                                &query, problems, out, &more, &total);
    if (!register_refuse(c, result, problems, 0))
        return false;
    json_close(out, ']');
    struct page page = { (int64_t)query.offset, (int64_t)query.limit };
    page_end(&page, more, out);
    json_int(out, "total", total);
    json_close(out, '}');
    return true;
}

static void agency_counts(struct context *c, int64_t id, struct text *out)
{
    struct statement *s = database_query(
        c->database,
        "SELECT (SELECT count(*) FROM network WHERE agency=?1 AND ended IS NULL) AS networks, (SELECT "
        "count(*) FROM "
        "system WHERE (owner=?1 OR operator=?1) AND ended IS NULL) AS systems, (SELECT count(*) FROM contact "
        "WHERE "
        "agency=?1 AND ended IS NULL) AS contacts, (SELECT count(*) FROM sensor WHERE agency=?1 AND ended IS "
        "NULL) AS "
        "sensors, (SELECT count(*) FROM incident WHERE agency=?1 AND state NOT IN ('closed','rejected')) AS "
        "open_incidents",
        "i", id);
    json_open(out, "counts", '{');
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    json_close(out, '}');
}

static bool show(struct context *c, const struct entity *entity, int64_t id, struct text *out)
{
    json_open(out, NULL, '{');
    if (!register_refuse(c, register_get(c->database, &province_registers, entity, &c->principal, id, out),
                         NULL, 0))
        return false;
    if (entity == &agency_entity)
        agency_counts(c, id, out);
    json_close(out, '}');
    return true;
}

bool registers_show(struct context *c, struct bytes name, int64_t id, struct text *out)
{
    const struct entity *entity = entity_of(c, name);
    return entity && show(c, entity, id, out);
}

static struct register_write write_of(struct context *c, const struct entity *entity,
                                      struct problems *problems)
{
    return (struct register_write){ .database = c->database,
                                    .registers = &province_registers,
                                    .entity = entity,
                                    .principal = &c->principal,
                                    .memory = c->memory,
                                    .problems = problems,
                                    .now = c->now };
}

/* The audit row, the commit, and the table of networks when it is concerned. */
static bool finish(struct context *c, const struct entity *entity, const char *what, int64_t id)
{
    char action[64];
    struct error error;
    snprintf(action, sizeof action, "register.%s", what);
    if (!audit_add(c, action, entity->name, id, BYTES_NONE))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    bool addresses = strcmp(entity->name, "network") == 0 || strcmp(entity->name, "system") == 0;
    if (addresses && !resolver_load(center_resolver(c->center), c->database, &error))
        return refuse_error(c, "internal", "network", &error);
    return true;
}

bool registers_create(struct context *c, struct bytes name, struct json_value body, struct text *out)
{
    struct problems *problems = context_problems(c);
    const struct entity *entity = entity_of(c, name);
    if (!problems || !entity)
        return false;
    struct register_write write = write_of(c, entity, problems);
    int64_t id = 0;
    database_begin(c->database);
    if (!register_refuse(c, register_create(&write, body, &id), problems, 0))
        return context_rollback(c);
    return finish(c, entity, "create", id) && show(c, entity, id, out);
}

bool registers_update(struct context *c, struct bytes name, int64_t id, struct json_value body,
                      struct text *out)
{
    struct problems *problems = context_problems(c);
    const struct entity *entity = entity_of(c, name);
    if (!problems || !entity)
        return false;
    struct register_write write = write_of(c, entity, problems);
    int64_t version = 0;
    database_begin(c->database);
    if (!register_refuse(c, register_update(&write, id, &version, body), problems, version))
        return context_rollback(c);
    return finish(c, entity, "update", id) && show(c, entity, id, out);
}

bool registers_end(struct context *c, struct bytes name, int64_t id, const struct parameters *p)
{
    struct problems *problems = context_problems(c);
    const struct entity *entity = entity_of(c, name);
    int64_t version = 0;
    if (!problems || !entity || !parameter_number(c, p, "version", &version))
        return false;
    struct register_write write = write_of(c, entity, problems);
    database_begin(c->database);
    if (!register_refuse(c, register_end(&write, id, &version), problems, version))
        return context_rollback(c);
    return finish(c, entity, "end", id);
}

bool registers_history(struct context *c, struct bytes name, int64_t id, struct text *out)
{
    const struct entity *entity = entity_of(c, name);
    if (!entity)
        return false;
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    if (!register_refuse(c, register_history(c->database, entity, &c->principal, id, out), NULL, 0))
        return false;
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

bool registers_versions(struct context *c, struct bytes name, int64_t id, struct text *out)
{
    const struct entity *entity = entity_of(c, name);
    if (!entity)
        return false;
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    if (!register_refuse(
            c, register_versions(c->database, &province_registers, entity, &c->principal, id, out), NULL, 0))
        return false;
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

bool registers_export(struct context *c, struct bytes name, const struct parameters *p, struct text *out)
{
    struct register_query query;
    struct problems *problems = context_problems(c);
    const struct entity *entity = entity_of(c, name);
    if (!problems || !entity || !read_query(c, entity, p, &query))
        return false;
    enum register_result result = register_export(c->database, &province_registers, entity, &c->principal,
                                                  &query, problems, out);
    return register_refuse(c, result, problems, 0) &&
           audit_add(c, "register.export", entity->name, 0, BYTES_NONE);
}

bool registers_import(struct context *c, struct bytes name, const struct parameters *p, struct bytes csv,
                      struct text *out)
{
    struct register_import result;
    struct problems *problems = context_problems(c);
    const struct entity *entity = entity_of(c, name);
    bool dry_run = bytes_is(parameter(p, "dry_run"), "1");
    if (!problems || !entity)
        return false;
    struct register_write write = write_of(c, entity, problems);
    database_begin(c->database);
    enum register_result done = register_import(&write, csv, dry_run, &result);
    if (!register_refuse(c, done, problems, 0))
        return context_rollback(c);
    if (dry_run)
        context_rollback(c);
    else if (!finish(c, entity, "import", 0))
        return false;
    json_open(out, NULL, '{');
    json_uint(out, "rows", result.rows);
    json_uint(out, "created", result.created);
    json_uint(out, "updated", result.updated);
    json_bool(out, "dry_run", dry_run);
    json_open(out, "errors", '[');
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

bool contact_confirm(struct context *c, int64_t id, struct text *out)
{
    char buffer[64], day[11];
    struct text text = text_of(buffer, sizeof buffer);
    register_day(c->now, day);
    json_open(&text, NULL, '{');
    json_cstring(&text, "verified", day);
    json_close(&text, '}');
    json_end(&text);
    return registers_update(c, BYTES_OF("contact"), id, json_parse(text_bytes(&text)), out);
}
