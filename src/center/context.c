/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: refusals, parameters, bodies. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "center/audit.h"
#include "center/center.h"
#include "store/register.h"

struct context context_system(struct center *center, struct database *database, struct arena *memory)
{
    struct context c = {
        .center = center, .database = database, .memory = memory, .now = center_now(center)
    };
    c.principal.role = ROLE_ANY;
    snprintf(c.principal.address, sizeof c.principal.address, "local");
    return c;
}

bool refuse(struct context *c, const char *code, const char *place, struct bytes value, const char *format,
            ...)
{
    if (c->refusal.code)
        return false;
    struct refusal *r = &c->refusal;
    r->code = code;
    snprintf(r->place, sizeof r->place, "%s", place ? place : "");
    snprintf(r->value, sizeof r->value, "%.*s", (int)MIN(value.size, sizeof r->value - 1),
             value.data ? (const char *)value.data : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->text, sizeof r->text, format, arguments);
    va_end(arguments);
    return false;
}

bool refuse_error(struct context *c, const char *code, const char *place, const struct error *error)
{
    return refuse(c, error->disk_full ? "disk_full" : code, place, BYTES_NONE, "%s", error->text);
}

bool context_commit(struct context *c)
{
    struct error error = { "" };
    bool busy = database_busy(c->database);
    if (database_commit(c->database, &error)) {
        if (c->audited && !database_in_transaction(c->database)) {
            c->audited = false;
            audit_anchor(c);
        }
        return true;
    }
    return refuse_error(c, busy ? "busy" : "internal", "", &error);
}

bool context_rollback(struct context *c)
{
    database_rollback(c->database);
    return false;
}

struct problems *context_problems(struct context *c)
{
    struct problems *problems = ARENA_NEW(c->memory, struct problems);
    if (!problems)
        refuse(c, "too_large", "", BYTES_NONE, "the request needs too much memory");
    return problems;
}

bool refuse_problems(struct context *c, const struct problems *problems)
{
    const struct problem *first = &problems->items[0];
    refuse(c, "invalid", first->place, bytes_of_string(first->value), "%s", first->text);
    c->refusal.problems = problems;
    return false;
}

struct bytes parameter(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (bytes_is(parameters->items[i].name, name))
            return parameters->items[i].value;
    }
    return BYTES_NONE;
}

bool parameter_number(struct context *c, const struct parameters *parameters, const char *name,
                      int64_t *value)
{
    struct bytes text = parameter(parameters, name);
    uint64_t number;
    if (text.size == 0)
        return true;
    if (!bytes_to_u64(text, &number) || number > INT64_MAX)
        return refuse(c, "bad_request", name, text, "%s must be a whole number", name);
    *value = (int64_t)number;
    return true;
}

static bool relative_time(struct bytes text, uint64_t now, uint64_t *time)
{
    static const struct {
        uint8_t unit;
        uint64_t ns;
    } units[] = { { 's', NS_PER_S },
                  { 'm', 60 * NS_PER_S },
                  { 'h', 3600 * NS_PER_S },
                  { 'd', 86400 * NS_PER_S },
                  { 'w', 604800 * NS_PER_S } };
    uint64_t amount;
    if (text.size < 3 || text.data[0] != '-')
        return false;
    if (!bytes_to_u64(bytes_of(text.data + 1, text.size - 2), &amount) || amount > 100000)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (text.data[text.size - 1] == units[i].unit) {
            *time = now - MIN(now, amount * units[i].ns);
            return true;
        }
    }
    return false;
}

bool time_read(struct bytes text, uint64_t now, uint64_t *time)
{
    char buffer[40];
    if (bytes_is(text, "now")) {
        *time = now;
        return true;
    }
    if (text.size == 10 && register_day_valid(text)) {
        struct text full = text_of(buffer, sizeof buffer);
        text_put(&full, text);
        text_put(&full, BYTES_OF("T00:00:00+07:00"));
        return clock_parse(text_bytes(&full), time);
    }
    return relative_time(text, now, time) || clock_parse(text, time);
}

bool parameter_time(struct context *c, const struct parameters *parameters, const char *name, uint64_t *time)
{
    struct bytes text = parameter(parameters, name);
    if (text.size == 0 || time_read(text, c->now, time))
        return true;
    return refuse(c, "bad_request", name, text, "%s must be a time such as 2026-11-22T03:04:05Z, -24h or now",
                  name);
}

bool page_read(struct context *c, const struct parameters *parameters, struct page *page)
{
    *page = (struct page){ 0, 50 };
    if (!parameter_number(c, parameters, "limit", &page->limit))
        return false;
    struct bytes cursor = parameter(parameters, "cursor");
    uint64_t offset = 0;
    if (cursor.size && (!bytes_to_u64(cursor, &offset) || offset > 10000000))
        return refuse(c, "bad_cursor", "cursor", cursor, "the cursor is not one that was given out");
    page->offset = (int64_t)offset;
    if (page->limit < 1 || page->limit > 500)
        return refuse(c, "bad_request", "limit", parameter(parameters, "limit"), "limit must be 1 to 500");
    return true;
}

void page_end(const struct page *page, bool more, struct text *out)
{
    char next[24];
    snprintf(next, sizeof next, "%" PRId64, page->offset + page->limit);
    if (more)
        json_cstring(out, "next", next);
    else
        json_null(out, "next");
}

static bool wrong_type(struct context *c, const char *name, const char *what)
{
    return refuse(c, "bad_request", name, BYTES_NONE, "%s must be %s", name, what);
}

bool body_text(struct context *c, struct json_value body, const char *name, size_t max, struct bytes *out,
               bool *given)
{
    struct json_value value = json_find(body, name);
    if (value.type == JSON_NONE || value.type == JSON_NULL)
        return true;
    if (value.type != JSON_STRING)
        return wrong_type(c, name, "a text");
    struct text text = text_new(MIN(max * 6 + 64, (size_t)1 << 20));
    bool ok = json_unescape(value, &text);
    struct bytes clean = bytes_trim(text_bytes(&text));
    if (!text.full && (!ok || !bytes_is_utf8(clean) || bytes_find_byte(clean, 0) != SIZE_MAX)) {
        text_done(&text);
        return wrong_type(c, name, "a well-formed text");
    }
    if (text.full || clean.size > max) {
        struct problems *problems = context_problems(c);
        if (problems) {
            problem_add(problems, "length", name, bytes_first(clean, 60), "%s must be at most %zu bytes",
                        name, max);
            refuse_problems(c, problems);
        }
        text_done(&text);
        return false;
    }
    *out = clean.size ? arena_copy(c->memory, clean) : BYTES_OF("");
    text_done(&text);
    if (given)
        *given = true;
    return true;
}

bool body_number(struct context *c, struct json_value body, const char *name, int64_t *out, bool *given)
{
    struct json_value value = json_find(body, name);
    uint64_t number;
    if (value.type == JSON_NONE)
        return true;
    if (given)
        *given = true;
    if (value.type == JSON_NULL) {
        *out = 0;
        return true;
    }
    if (!json_to_u64(value, &number) || number > INT64_MAX)
        return wrong_type(c, name, "a whole number");
    *out = (int64_t)number;
    return true;
}

bool body_flag(struct context *c, struct json_value body, const char *name, bool *out, bool *given)
{
    struct json_value value = json_find(body, name);
    if (value.type == JSON_NONE || value.type == JSON_NULL)
        return true;
    if (value.type != JSON_TRUE && value.type != JSON_FALSE)
        return wrong_type(c, name, "true or false");
    *out = value.type == JSON_TRUE;
    if (given)
        *given = true;
    return true;
}

bool body_required(struct context *c, const char *name, struct bytes value)
{
    if (value.size)
        return true;
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    problem_add(problems, "required", name, BYTES_NONE, "%s is required", name);
    return refuse_problems(c, problems);
}

size_t rows_json(struct statement *s, const char *key, struct text *out)
{
    size_t count = 0;
    json_open(out, key, '[');
    for (; statement_next(s); count++) {
        json_open(out, NULL, '{');
        statement_json(s, out);
        json_close(out, '}');
    }
    json_close(out, ']');
    return count;
}

bool text_listed(struct bytes text, const char *const *names)
{
    for (; *names; names++) {
        if (bytes_is(text, *names))
            return true;
    }
    return false;
}
