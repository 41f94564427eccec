/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the query bar. */
#include "center/query.h"

#include "center/center.h"

const struct query_field query_fields[] = {
    { "event_type", "@type", "choice", true },
    { "src_ip", "@src", "address", true },
    { "dest_ip", "@dest", "address", true },
    { "ip", "@ip", "address", true },
    { "src_port", NULL, "number", true },
    { "dest_port", NULL, "number", true },
    { "port", "@port", "number", false },
    { "proto", NULL, "text", true },
    { "app_proto", NULL, "text", true },
    { "host", "@host", "text", true },
    { "alert.signature_id", "@sid", "number", true },
    { "alert.signature", "@sig", "text", true },
    { "alert.severity", NULL, "number", true },
    { "alert.category", NULL, "text", true },
    { "alert.action", NULL, "text", true },
    { "dns.rrname", NULL, "text", true },
    { "dns.rrtype", NULL, "text", true },
    { "dns.rcode", NULL, "text", true },
    { "tls.sni", NULL, "text", true },
    { "tls.version", NULL, "text", true },
    { "tls.ja3.hash", NULL, "text", true },
    { "tls.ja4", NULL, "text", true },
    { "tls.subject", NULL, "text", true },
    { "tls.issuerdn", NULL, "text", true },
    { "http.hostname", NULL, "text", true },
    { "http.url", NULL, "text", true },
    { "http.http_method", NULL, "text", true },
    { "http.status", NULL, "number", true },
    { "http.http_user_agent", NULL, "text", true },
    { "smtp.mail_from", NULL, "text", true },
    { "smtp.rcpt_to", NULL, "text", true },
    { "fileinfo.filename", NULL, "text", true },
    { "fileinfo.sha256", NULL, "text", true },
    { "flow.state", NULL, "text", true },
    { "flow.bytes_toclient", NULL, "number", false },
    { "flow.bytes_toserver", NULL, "number", false },
    { "flow_id", NULL, "number", false },
    { "community_id", NULL, "text", false },
    { "anomaly.event", NULL, "text", true },
    { "mac", "@mac", "text", false },
    { "agency", "@agency", "reference", true },
    { "system", "@system", "reference", true },
    { "sensor", "@sensor", "reference", true },
    { "from", "@from", "time", false },
    { "to", "@to", "time", false },
};
const size_t query_field_count = COUNT_OF(query_fields);

struct parser {
    struct bytes text;
    size_t at;
    uint64_t now;
    query_lookup_fn lookup;
    void *context;
    struct arena *memory;
    struct query *query;
    struct error *error;
    size_t column, terms, depth;
    bool failed;
};

static struct event_term *fail(struct parser *p, size_t at, const char *what)
{
    if (!p->failed) {
        p->failed = true;
        p->column = at + 1;
        error_set(p->error, "query, column %zu: %s", at + 1, what);
    }
    return NULL;
}

static struct event_term *new_term(struct parser *p, struct event_term term)
{
    struct event_term *made = ++p->terms <= QUERY_TERMS_MAX ? ARENA_NEW(p->memory, struct event_term) : NULL;
    if (!made)
        return fail(p, p->at, "the query is too long");
    *made = term;
    return made;
}

static struct event_term *group_term(struct parser *p, enum event_term_kind kind, struct event_term *a,
                                     struct event_term *b)
{
    if (!a || !b)
        return a ? a : b;
    struct event_term *items = ARENA_ARRAY(p->memory, struct event_term, 2);
    if (!items)
        return fail(p, p->at, "the query is too long");
    items[0] = *a;
    items[1] = *b;
    return new_term(p, (struct event_term){ .kind = kind, .items = items, .count = 2 });
}

static void skip_space(struct parser *p)
{
    while (p->at < p->text.size && byte_is_space(p->text.data[p->at]))
        p->at++;
}

static int peek(const struct parser *p)
{
    return p->at < p->text.size ? p->text.data[p->at] : -1;
}

/* A word up to space or parenthesis, or a phrase in quotes. */
static bool take_value(struct parser *p, struct bytes *value, bool *phrase)
{
    size_t start = p->at;
    *phrase = peek(p) == '"';
    if (!*phrase) {
        while (peek(p) >= 0 && !byte_is_space(p->text.data[p->at]) && peek(p) != '(' && peek(p) != ')')
            p->at++;
        *value = bytes_of(p->text.data + start, p->at - start);
        return value->size > 0 || fail(p, start, "a value is missing");
    }
    struct text text = text_new(QUERY_SIZE_MAX);
    for (p->at++; peek(p) >= 0 && peek(p) != '"'; p->at++) {
        if (peek(p) == '\\' && p->at + 1 < p->text.size)
            p->at++;
        text_char(&text, (char)p->text.data[p->at]);
    }
    bool closed = peek(p) == '"';
    p->at += closed;
    *value = arena_copy(p->memory, text_bytes(&text));
    text_done(&text);
    return closed || fail(p, start, "the quote does not end");
}

/* 80, 80-90, >80, <80. */
static bool number_range(struct bytes value, uint64_t *low, uint64_t *high)
{
    uint64_t number;
    *low = 0;
    *high = UINT64_MAX;
    if (value.size > 1 && (value.data[0] == '>' || value.data[0] == '<')) {
        bool more = value.data[0] == '>';
        bool equal = value.size > 2 && value.data[1] == '=';
        if (!bytes_to_u64(bytes_from(value, equal ? 2 : 1), &number))
            return false;
        if (more)
            *low = equal || number == UINT64_MAX ? number : number + 1;
        else
            *high = equal || number == 0 ? number : number - 1;
        return true;
    }
    struct bytes rest = value;
    struct bytes first = bytes_cut(&rest, '-');
    if (!bytes_to_u64(first, low))
        return false;
    *high = *low;
    return first.size == value.size || bytes_to_u64(rest, high);
}

static struct event_term *number_term(struct parser *p, size_t at, struct event_term term, struct bytes value)
{
    if (!number_range(value, &term.low, &term.high))
        return fail(p, at, "the value must be a number such as 80, 80-90, >80 or <80");
    return new_term(p, term);
}

static struct event_term *address_term(struct parser *p, size_t at, enum event_side side, struct bytes value)
{
    struct event_term term = { .kind = TERM_ADDRESS, .side = side };
    if (!network_parse(value, &term.network))
        return fail(p, at, "the value must be an address or a network such as 10.1.0.0/16");
    return new_term(p, term);
}

static struct event_term *reference_term(struct parser *p, size_t at, enum event_term_kind kind,
                                         const char *entity, struct bytes value)
{
    uint64_t id = 0;
    if (!bytes_to_u64(value, &id))
        id = p->lookup ? p->lookup(p->context, entity, value) : 0;
    if (id == 0 || id > UINT32_MAX)
        return fail(p, at, "the register has no row of this name");
    return new_term(p, (struct event_term){ .kind = kind, .low = id, .high = id });
}

static struct event_term *time_term(struct parser *p, size_t at, uint64_t *time, struct bytes value)
{
    if (!time_read(value, p->now, time))
        return fail(p, at, "the value must be a time such as -24h or 2026-11-22T03:04:05Z");
    return new_term(p, (struct event_term){ .kind = TERM_ALL });
}

static struct event_term *type_term(struct parser *p, size_t at, struct bytes value)
{
    enum event_type type = event_type_of(value);
    if (type == EVENT_OTHER && !bytes_is(value, "other"))
        return fail(p, at, "there is no such event type");
    return new_term(p, (struct event_term){ .kind = TERM_TYPE, .low = type, .high = type });
}

static struct event_term *contains_term(struct parser *p, struct bytes path, struct bytes value)
{
    struct text text = text_new(QUERY_SIZE_MAX + 2);
    text_char(&text, '*');
    text_put(&text, value);
    text_char(&text, '*');
    struct bytes pattern = arena_copy(p->memory, text_bytes(&text));
    text_done(&text);
    return new_term(p, (struct event_term){ .kind = TERM_MEMBER, .path = path, .text = pattern });
}

static struct event_term *member_term(struct parser *p, struct bytes path, struct bytes value, bool phrase)
{
    struct event_term term = { .kind = TERM_MEMBER, .path = path };
    bool compared = value.size > 1 && (value.data[0] == '>' || value.data[0] == '<');
    if (!phrase && compared && number_range(value, &term.low, &term.high))
        return new_term(p, term);
    term.text = value;
    return new_term(p, term);
}

static const char *canonical(struct bytes name)
{
    for (size_t i = 0; i < query_field_count; i++) {
        if (bytes_is(name, query_fields[i].name) ||
            (query_fields[i].alias && bytes_is(name, query_fields[i].alias)))
            return query_fields[i].name;
    }
    return NULL;
}

static struct event_term *field_term(struct parser *p, size_t name_at, struct bytes name, size_t at,
                                     struct bytes value, bool phrase)
{
    static const struct {
        const char *name;
        enum event_term_kind kind;
        enum event_side side;
    } numbers[] = {
        { "src_port", TERM_PORT, EVENT_SIDE_SOURCE },
        { "dest_port", TERM_PORT, EVENT_SIDE_DESTINATION },
        { "port", TERM_PORT, EVENT_SIDE_ANY },
        { "alert.signature_id", TERM_SIGNATURE, EVENT_SIDE_ANY },
        { "alert.severity", TERM_SEVERITY, EVENT_SIDE_ANY },
        { "flow_id", TERM_FLOW, EVENT_SIDE_ANY },
    };
    const char *known = canonical(name);
    if (!known && name.data[0] == '@')
        return fail(p, name_at, "there is no such @name");
    struct bytes field = known ? bytes_of_string(known) : name;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (bytes_is(field, numbers[i].name))
            return number_term(p, at, (struct event_term){ .kind = numbers[i].kind, .side = numbers[i].side },
                               value);
    }
    if (bytes_is(field, "event_type"))
        return type_term(p, at, value);
    if (bytes_is(field, "src_ip"))
        return address_term(p, at, EVENT_SIDE_SOURCE, value);
    if (bytes_is(field, "dest_ip"))
        return address_term(p, at, EVENT_SIDE_DESTINATION, value);
    if (bytes_is(field, "ip"))
        return address_term(p, at, EVENT_SIDE_ANY, value);
    if (bytes_is(field, "host"))
        return new_term(p, (struct event_term){ .kind = TERM_HOST, .text = value });
    if (bytes_is(field, "community_id"))
        return new_term(p, (struct event_term){ .kind = TERM_COMMUNITY, .text = value });
    if (bytes_is(field, "agency"))
        return reference_term(p, at, TERM_AGENCY, "agency", value);
    if (bytes_is(field, "system"))
        return reference_term(p, at, TERM_SYSTEM, "system", value);
    if (bytes_is(field, "sensor"))
        return reference_term(p, at, TERM_SENSOR, "sensor", value);
    if (bytes_is(field, "from"))
        return time_term(p, at, &p->query->from, value);
    if (bytes_is(field, "to"))
        return time_term(p, at, &p->query->to, value);
    if (bytes_is(field, "alert.signature"))
        return contains_term(p, field, value);
    /* Suricata 8 lists queries; its older form has one name. */
    if (bytes_is(field, "dns.rrname"))
        return group_term(p, TERM_ANY, member_term(p, field, value, phrase),
                          member_term(p, BYTES_OF("dns.queries.rrname"), value, phrase));
    if (bytes_is(field, "dns.rrtype"))
        return group_term(p, TERM_ANY, member_term(p, field, value, phrase),
                          member_term(p, BYTES_OF("dns.queries.rrtype"), value, phrase));
    if (bytes_is(field, "mac"))
        return group_term(p, TERM_ANY, member_term(p, BYTES_OF("ether.src_mac"), value, true),
                          member_term(p, BYTES_OF("ether.dest_mac"), value, true));
    return member_term(p, field, value, phrase);
}

/* Length of a field name at the cursor when a colon follows it; 0 otherwise. */
static size_t name_size(const struct parser *p)
{
    size_t size = 0;
    while (p->at + size < p->text.size) {
        uint8_t b = byte_lower(p->text.data[p->at + size]);
        if (b == ':')
            return size;
        if (!(b >= 'a' && b <= 'z') && !byte_is_digit(b) && !strchr("@._-", b))
            return 0;
        size++;
    }
    return 0;
}

/* An IPv6 address has colons too: "2001:db8::1" is no field. */
static bool looks_like_address(const struct parser *p)
{
    size_t end = p->at;
    struct network network;
    while (end < p->text.size && !byte_is_space(p->text.data[end]) && p->text.data[end] != ')')
        end++;
    return network_parse(bytes_of(p->text.data + p->at, end - p->at), &network);
}

static struct event_term *parse_or(struct parser *p);

static struct event_term *parse_plain(struct parser *p)
{
    size_t start = p->at;
    struct bytes value, name = BYTES_NONE;
    bool phrase;
    size_t size = peek(p) == '"' || looks_like_address(p) ? 0 : name_size(p);
    if (size) {
        name = bytes_of(p->text.data + p->at, size);
        p->at += size + 1;
    }
    size_t at = p->at;
    if (!take_value(p, &value, &phrase))
        return NULL;
    if (name.size)
        return field_term(p, start, name, at, value, phrase);
    struct network network;
    if (!phrase && network_parse(value, &network))
        return address_term(p, at, EVENT_SIDE_ANY, value);
    return new_term(p, (struct event_term){ .kind = TERM_TEXT, .text = value });
}

static bool take_word(struct parser *p, const char *word)
{
    size_t size = strlen(word);
    struct bytes rest = bytes_from(p->text, p->at);
    if (!bytes_equal_nocase(bytes_first(rest, size), bytes_of_string(word)))
        return false;
    size_t end = p->at + size;
    if (end < p->text.size && !byte_is_space(p->text.data[end]) && p->text.data[end] != '(')
        return false;
    p->at = end;
    skip_space(p);
    return true;
}

static struct event_term *parse_item(struct parser *p)
{
    bool negated = false;
    skip_space(p);
    while (!p->failed && (take_word(p, "not") || (peek(p) == '-' && p->at + 1 < p->text.size &&
                                                  !byte_is_space(p->text.data[p->at + 1])))) {
        if (peek(p) == '-')
            p->at++;
        negated = !negated;
    }
    struct event_term *term;
    if (peek(p) == '(') {
        size_t open = p->at++;
        if (++p->depth > QUERY_DEPTH_MAX)
            return fail(p, open, "the query is nested too deeply");
        term = parse_or(p);
        p->depth--;
        skip_space(p);
        if (!p->failed && peek(p) != ')')
            return fail(p, open, "the parenthesis does not close");
        p->at++;
    } else if (peek(p) < 0 || peek(p) == ')') {
        return fail(p, p->at, "something to search for is missing");
    } else {
        term = parse_plain(p);
    }
    if (!term || !negated)
        return term;
    return new_term(p, (struct event_term){ .kind = TERM_NOT, .items = term, .count = 1 });
}

static struct event_term *parse_and(struct parser *p)
{
    struct event_term *term = parse_item(p);
    while (!p->failed) {
        skip_space(p);
        size_t before = p->at;
        if (peek(p) < 0 || peek(p) == ')')
            break;
        if (take_word(p, "or")) {
            p->at = before;
            break;
        }
        (void)take_word(p, "and");
        term = group_term(p, TERM_ALL, term, parse_item(p));
    }
    return term;
}

static struct event_term *parse_or(struct parser *p)
{
    struct event_term *term = parse_and(p);
    while (!p->failed) {
        skip_space(p);
        if (!take_word(p, "or"))
            break;
        term = group_term(p, TERM_ANY, term, parse_and(p));
    }
    return term;
}

bool query_parse(struct bytes text, uint64_t now, query_lookup_fn lookup, void *context, struct arena *memory,
                 struct query *query, size_t *column, struct error *error)
{
    struct parser p = { .text = text,
                        .now = now,
                        .lookup = lookup,
                        .context = context,
                        .memory = memory,
                        .query = query,
                        .error = error };
    *query = (struct query){ 0 };
    if (text.size > QUERY_SIZE_MAX || !bytes_is_utf8(text)) {
        *column = 1;
        return error_set(error, "query: must be UTF-8 text of at most %d bytes", QUERY_SIZE_MAX);
    }
    skip_space(&p);
    if (p.at == text.size)
        return true;
    query->term = parse_or(&p);
    skip_space(&p);
    if (!p.failed && p.at < text.size)
        fail(&p, p.at, "a parenthesis closes that was not opened");
    *column = p.column;
    return !p.failed;
}

enum event_group query_group(struct bytes field, struct bytes *path)
{
    static const struct {
        const char *name;
        enum event_group group;
    } groups[] = {
        { "event_type", GROUP_TYPE },
        { "agency", GROUP_AGENCY },
        { "system", GROUP_SYSTEM },
        { "sensor", GROUP_SENSOR },
        { "src_ip", GROUP_SOURCE },
        { "dest_ip", GROUP_DESTINATION },
        { "ip", GROUP_ADDRESS },
        { "src_port", GROUP_SOURCE_PORT },
        { "dest_port", GROUP_DESTINATION_PORT },
        { "host", GROUP_HOST },
        { "alert.signature_id", GROUP_SIGNATURE },
        { "alert.severity", GROUP_SEVERITY },
    };
    const char *known = canonical(field);
    for (size_t i = 0; known && i < COUNT_OF(groups); i++) {
        if (strcmp(known, groups[i].name) == 0)
            return groups[i].group;
    }
    *path = known ? bytes_of_string(known) : field;
    if (bytes_is(*path, "dns.rrname"))
        *path = BYTES_OF("dns.queries.rrname");
    else if (bytes_is(*path, "dns.rrtype"))
        *path = BYTES_OF("dns.queries.rrtype");
    return GROUP_MEMBER;
}
