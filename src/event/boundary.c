/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts from ordinary EVE records what must not leave the agency (design.md section 3). */
#include "event/boundary.h"

enum action {
    ACTION_DROP,    /* the member goes */
    ACTION_QUERY,   /* a URL keeps what stands before ? and # */
    ACTION_HEADERS, /* an array of {name, value}: sensitive ones go, URLs are cut */
};

/* A member of the object at top-level key `parent` (NULL: the event itself). */
struct rule {
    const char *parent, *key;
    enum action action;
};

static const struct rule rules[] = {
    { NULL, "payload", ACTION_DROP },
    { NULL, "payload_printable", ACTION_DROP },
    { NULL, "packet", ACTION_DROP },
    { "http", "url", ACTION_QUERY },
    { "http", "http_refer", ACTION_QUERY },
    { "http", "redirect", ACTION_QUERY },
    { "http", "location", ACTION_QUERY },
    { "http", "cookie", ACTION_DROP },
    { "http", "set_cookie", ACTION_DROP },
    { "http", "authorization", ACTION_DROP },
    { "http", "proxy_authorization", ACTION_DROP },
    { "http", "http_request_body", ACTION_DROP },
    { "http", "http_request_body_printable", ACTION_DROP },
    { "http", "http_response_body", ACTION_DROP },
    { "http", "http_response_body_printable", ACTION_DROP },
    { "http", "request_headers", ACTION_HEADERS },
    { "http", "response_headers", ACTION_HEADERS },
    { "fileinfo", "filename", ACTION_QUERY },
    { "email", "body", ACTION_DROP },
    { "email", "subject", ACTION_DROP },
    { "websocket", "payload_base64", ACTION_DROP },
    { "websocket", "payload_printable", ACTION_DROP },
    { "frame", "payload", ACTION_DROP },
    { "frame", "payload_printable", ACTION_DROP },
    { "ftp", "command_data", ACTION_DROP },
    { "ftp", "reply", ACTION_DROP },
    { "pgsql", "request", ACTION_DROP },
    { "mqtt", "publish", ACTION_DROP },
};

static const char *const secret_headers[] = { "cookie",        "set-cookie",          "cookie2",
                                              "authorization", "proxy-authorization", "x-api-key",
                                              "x-csrf-token",  "x-auth-token" };
static const char *const url_headers[] = { "referer", "location", "content-location", "refresh", "link" };

static bool listed(struct bytes name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_nocase(name, bytes_of_string(list[i])))
            return true;
    return false;
}

static const struct rule *find_rule(const char *parent, struct bytes key)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        const struct rule *rule = &rules[i];
        bool same = parent ? rule->parent && !strcmp(rule->parent, parent) : !rule->parent;
        if (same && bytes_is(key, rule->key))
            return rule;
    }
    return NULL;
}

/* The rules' own copy of the object's name, or NULL when no rule speaks of it. */
static const char *rules_object(struct bytes key)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (rules[i].parent && bytes_is(key, rules[i].parent))
            return rules[i].parent;
    return NULL;
}

static void put_key(struct text *out, struct bytes key)
{
    text_char(out, '"');
    text_put(out, key);
    text_put(out, BYTES_OF("\":"));
}

static void put_value(struct text *out, struct json_value value)
{
    if (value.type == JSON_STRING)
        text_char(out, '"');
    text_put(out, value.text);
    if (value.type == JSON_STRING)
        text_char(out, '"');
    text_char(out, ',');
}

/* Where a URL in JSON writing has its query, fragment or session; what a backslash escapes is one character,
 * and ? and # may be written as one. */
static size_t query_at(struct bytes url)
{
    for (size_t at = 0; at < url.size; at++) {
        struct bytes rest = bytes_from(url, at);
        switch (url.data[at]) {
        case '?':
        case '#':
            return at;
        case ';':
            if (bytes_starts_nocase(rest, BYTES_OF(";jsessionid")))
                return at;
            break;
        case '\\':
            if (bytes_starts_nocase(rest, BYTES_OF("\\u003f")) ||
                bytes_starts_nocase(rest, BYTES_OF("\\u0023")))
                return at;
            at++;
        }
    }
    return url.size;
}

static struct json_value without_query(struct json_value url)
{
    if (url.type == JSON_STRING)
        url.text = bytes_first(url.text, query_at(url.text));
    return url;
}

static bool put_header(struct text *out, struct json_value header)
{
    struct json_value name = json_find(header, "name");
    struct json_cursor members = json_members(header);
    struct bytes key;
    struct json_value value;
    if (header.type != JSON_OBJECT || name.type != JSON_STRING)
        return true; /* not in the documented form: it stays behind */
    if (listed(name.text, secret_headers, COUNT_OF(secret_headers)))
        return true;
    bool url = listed(name.text, url_headers, COUNT_OF(url_headers));
    json_open(out, NULL, '{');
    while (json_next(&members, &key, &value)) {
        put_key(out, key);
        put_value(out, url && bytes_is(key, "value") ? without_query(value) : value);
    }
    json_close(out, '}');
    return !members.failed;
}

static bool put_headers(struct text *out, struct json_value headers)
{
    struct json_cursor elements = json_elements(headers);
    struct json_value header;
    text_char(out, '[');
    while (json_next_element(&elements, &header))
        if (!put_header(out, header))
            return false;
    json_close(out, ']');
    return !elements.failed;
}

static bool put_object(struct text *out, struct json_value object, const char *name, bool *changed);

static bool put_member(struct text *out, const char *parent, struct bytes key, struct json_value value,
                       bool *changed)
{
    const struct rule *rule = find_rule(parent, key);
    const char *name = parent ? NULL : rules_object(key);
    if (rule && rule->action == ACTION_DROP) {
        *changed = true;
        return true;
    }
    put_key(out, key);
    if (rule && rule->action == ACTION_HEADERS) {
        *changed = true;
        return put_headers(out, value);
    }
    if (rule) {
        struct json_value cut = without_query(value);
        *changed |= cut.text.size != value.text.size;
        value = cut;
    }
    if (name && value.type == JSON_OBJECT)
        return put_object(out, value, name, changed);
    put_value(out, value);
    return true;
}

static bool put_object(struct text *out, struct json_value object, const char *name, bool *changed)
{
    struct json_cursor members = json_members(object);
    struct bytes key;
    struct json_value value;
    text_char(out, '{');
    while (json_next(&members, &key, &value))
        if (!put_member(out, name, key, value, changed))
            return false;
    json_close(out, '}');
    return !members.failed;
}

bool boundary_filter(struct bytes line, struct text *out, enum event_type *type, struct bytes *allowed)
{
    struct json_value object = json_parse(line);
    struct json_value name = json_find(object, "event_type");
    size_t start = out->size;
    bool changed = false;
    if (object.type != JSON_OBJECT || name.type != JSON_STRING)
        return false;
    enum event_type found = event_type_of(name.text);
    if (found == EVENT_ALERT || found == EVENT_DROP || found == EVENT_FLOW || found == EVENT_STATS) {
        *allowed = line;
    } else {
        if (!put_object(out, object, NULL, &changed) || out->full)
            return false;
        json_end(out);
        *allowed = changed ? bytes_of(out->data + start, out->size - start) : line;
    }
    *type = found;
    return true;
}
