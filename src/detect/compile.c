/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a rule to a signature: header, keywords by their rows, and what follows from them
 * together. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "detect/buffer.h"
#include "detect/context.h"
#include "detect/keyword.h"
#include "detect/regex.h"

bool refuse(struct compiler *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->error, sizeof c->error, format, arguments);
    va_end(arguments);
    return false;
}

void *compiler_new(struct compiler *c, size_t size)
{
    void *object = arena_new(&c->set->memory, size, _Alignof(max_align_t));
    if (!object)
        (void)refuse(c, "out of memory");
    return object;
}

bool compiler_copy(struct compiler *c, struct bytes from, struct bytes *copy)
{
    *copy = arena_copy(&c->set->memory, from.data ? from : BYTES_OF(""));
    return copy->data || refuse(c, "out of memory");
}

/* ---- what is kept for reports ---- */

static bool parts_open(struct compiler *c)
{
    if (!c->set->settings->keep_parts)
        return true;
    c->parts = COMPILER_NEW(c, struct rule_parts);
    uintptr_t *place = c->parts ? map_add(&c->set->parts, bytes_of(&c->signature, sizeof c->signature), NULL)
                                : NULL;
    if (!place)
        return refuse(c, "out of memory");
    *place = (uintptr_t)c->parts;
    return true;
}

static bool part_open(struct compiler *c, const struct keyword *keyword)
{
    if (!c->parts)
        return true;
    struct rule_part *part = COMPILER_NEW(c, struct rule_part);
    if (!part)
        return false;
    part->keyword = keyword;
    *(c->parts->last ? &c->parts->last->next : &c->parts->first) = part;
    c->part = c->parts->last = part;
    return true;
}

void compiler_note(struct compiler *c, const struct buffer_use *use, const char *text)
{
    if (!c->parts)
        return;
    struct rule_note *note = COMPILER_NEW(c, struct rule_note), **tail = &c->parts->notes;
    while (*tail)
        tail = &(*tail)->next;
    if (note)
        *note = (struct rule_note){ .text = text, .use = use };
    *tail = note;
}

/* ---- buffers and items ---- */

struct buffer_use *compiler_add_use(struct compiler *c, struct buffer *buffer)
{
    struct buffer_use *use = COMPILER_NEW(c, struct buffer_use);
    if (!use)
        return NULL;
    use->buffer = buffer;
    use->protocols = buffer->protocols;
    struct buffer_use **tail = &c->signature->uses;
    while (*tail)
        tail = &(*tail)->next;
    *tail = use;
    if (c->part)
        c->part->use = use;
    return use;
}

static struct buffer_use *find_use(const struct compiler *c, const struct buffer *buffer)
{
    struct buffer_use *found = NULL;
    for (struct buffer_use *use = c->signature->uses; use; use = use->next)
        if (use->buffer == buffer)
            found = use;
    return found;
}

struct buffer_use *compiler_use(struct compiler *c)
{
    if (c->use)
        return c->use;
    struct buffer *buffer = c->sticky.data
                                ? set_buffer(c->set, c->sticky, c->transforms)
                                : set_buffer_kind(c->set, "payload", BUFFER_PAYLOAD, c->transforms);
    if (!buffer) {
        (void)refuse(c, "no buffer has this name");
        return NULL;
    }
    struct buffer_use *use = buffer_is_multiple(buffer) ? NULL : find_use(c, buffer);
    if (use && use->side != c->sticky_direction)
        use = NULL;
    c->use = use ? use : compiler_add_use(c, buffer);
    if (c->use)
        c->use->side = c->sticky_direction;
    c->sticky_used = true;
    return c->use;
}

static struct item **list_tail(struct item **list)
{
    while (*list)
        list = &(*list)->next;
    return list;
}

struct item *compiler_item(struct compiler *c, enum item_kind kind)
{
    struct buffer_use *use = compiler_use(c);
    struct item *item = use ? COMPILER_NEW(c, struct item) : NULL;
    if (!item)
        return NULL;
    item->kind = (uint8_t)kind;
    *list_tail(c->list ? c->list : &use->items) = item;
    c->last_payload = item;
    c->last_match = item;
    if (c->part)
        c->part->item = item;
    return item;
}

static struct check *add_check(struct compiler *c, struct check **list, check_fn test)
{
    struct check *check = COMPILER_NEW(c, struct check);
    if (!check)
        return NULL;
    check->test = test;
    while (*list)
        list = &(*list)->next;
    c->last_match = check;
    return *list = check;
}

struct check *compiler_check(struct compiler *c, check_fn test)
{
    struct check *check = add_check(c, &c->signature->checks, test);
    if (c->part)
        c->part->check = check;
    return check;
}

static struct check *add_action(struct compiler *c, struct check **list, check_fn run)
{
    struct check *action = add_check(c, list, run);
    if (c->part)
        c->part->action = action;
    return action;
}

struct check *compiler_action(struct compiler *c, check_fn run)
{
    return add_action(c, &c->signature->actions, run);
}

struct check *compiler_late_action(struct compiler *c, check_fn run)
{
    return add_action(c, &c->signature->late_actions, run);
}

static bool sticky_is_idle(const struct compiler *c)
{
    return c->sticky.data && !c->sticky_used;
}

bool compiler_sticky(struct compiler *c, struct bytes name)
{
    if (sticky_is_idle(c))
        return refuse(c, "the buffer %.*s is named but nothing is looked for in it", (int)c->sticky.size,
                      (const char *)c->sticky.data);
    c->sticky = name;
    c->transforms = NULL;
    c->sticky_direction = 0;
    c->transform_tail = &c->transforms;
    c->use = NULL;
    c->list = NULL;
    c->sticky_used = !name.data;
    c->last = c->last_payload = NULL;
    return true;
}

struct item *compiler_last(struct compiler *c, const struct keyword *keyword)
{
    if (!c->last)
        (void)refuse(c, "%s needs a content before it", keyword->name);
    return c->last;
}

static uint64_t protocols_of(const struct compiler *c, const char *name)
{
    for (size_t i = 0; i < c->set->protocol_count; i++)
        if (strcmp(c->set->protocols[i]->name, name) == 0)
            return (uint64_t)1 << i;
    return 0;
}

/* Legacy modifiers are older than HTTP/2 and know HTTP/1 only. */
bool compiler_move(struct compiler *c, struct bytes name)
{
    struct buffer *buffer = set_buffer(c->set, name, NULL);
    if (!buffer)
        return refuse(c, "no buffer has this name");
    if (!c->last || !c->last_use)
        return refuse(c, "%.*s needs a content before it", (int)name.size, (const char *)name.data);
    if (c->sticky.data)
        return refuse(c, "a modifier cannot follow a sticky buffer");
    struct item **from = &c->last_use->items;
    while (*from && *from != c->last)
        from = &(*from)->next;
    if (!*from)
        return refuse(c, "the content was already moved to another buffer");
    *from = c->last->next;
    c->last->next = NULL;
    struct buffer_use *use = find_use(c, buffer);
    if (!use && !(use = compiler_add_use(c, buffer)))
        return false;
    use->protocols &= protocols_of(c, "http");
    use->by_modifier = true;
    *list_tail(&use->items) = c->last;
    c->last_use = c->recent = use;
    return true;
}

/* ---- header ---- */

static struct bytes variable(const void *context, struct bytes name, bool ports)
{
    const struct ruleset_settings *s = context;
    size_t count = ports ? s->port_count : s->address_count;
    for (size_t i = 0; i < count; i++) {
        const char *known = ports ? s->ports[i].name : s->addresses[i].name;
        if (bytes_is(name, known))
            return bytes_of_string(ports ? s->ports[i].value : s->addresses[i].value);
    }
    return BYTES_NONE;
}

static struct bytes address_variable(const void *context, struct bytes name)
{
    return variable(context, name, false);
}

static struct bytes port_variable(const void *context, struct bytes name)
{
    return variable(context, name, true);
}

/* The index of the set that `text` means, parsed once per distinct text. */
static bool intern_set(struct compiler *c, struct bytes text, bool ports, uint16_t *index)
{
    struct set_list *list = ports ? &c->set->ports : &c->set->addresses;
    uintptr_t *known = map_find(&list->by_text, text);
    if (known) {
        *index = (uint16_t)(*known - 1);
        return true;
    }
    struct error error = { "" };
    struct ranges parsed;
    if (!ranges_parse(text, ports, ports ? port_variable : address_variable, c->set->settings, &parsed,
                      &error))
        return refuse(c, "%.180s", error.text);
    size_t at = 0;
    while (at < list->count && !ranges_equal(&list->items[at], &parsed))
        at++;
    if (at < list->count) {
        ranges_done(&parsed);
    } else {
        if (list->count == list->capacity) {
            size_t capacity = list->capacity ? list->capacity * 2 : 64;
            struct ranges *items = realloc(list->items, capacity * sizeof *items);
            if (!items)
                goto memory;
            list->items = items;
            list->capacity = capacity;
        }
        if (list->count >= UINT16_MAX)
            goto memory;
        list->items[list->count++] = parsed;
    }
    uintptr_t *place = map_add(&list->by_text, text, NULL);
    if (!place)
        return refuse(c, "out of memory");
    *place = at + 1;
    *index = (uint16_t)at;
    return true;
memory:
    ranges_done(&parsed);
    return refuse(c, "out of memory, or too many different sets");
}

static void allow(struct compiler *c, unsigned ip_protocol)
{
    c->ip_protocols[ip_protocol / 8] = (uint8_t)(c->ip_protocols[ip_protocol / 8] | 1U << ip_protocol % 8);
}

/* Protocols of the transport and below; the others come from the application protocols' tables. */
static const struct {
    const char *name;
    uint8_t protocols[2]; /* IP protocol numbers; 0: all */
    uint8_t version;
    bool tcp, udp, packet_only, stream_only, any_packet;
} transports[] = {
    { "tcp", { IP_TCP, IP_TCP }, 0, .tcp = true },
    { "tcp-pkt", { IP_TCP, IP_TCP }, 0, .tcp = true, .packet_only = true },
    { "tcp-stream", { IP_TCP, IP_TCP }, 0, .tcp = true, .stream_only = true },
    { "udp", { IP_UDP, IP_UDP }, 0, .udp = true },
    { "icmp", { IP_ICMP, IP_ICMPV6 }, 0 },
    { "icmpv4", { IP_ICMP, IP_ICMP }, 0 },
    { "icmpv6", { IP_ICMPV6, IP_ICMPV6 }, 0 },
    { "sctp", { IP_SCTP, IP_SCTP }, 0 },
    { "ip", { 0 }, 0 },
    { "ipv4", { 0 }, 4 },
    { "ip4", { 0 }, 4 },
    { "ipv6", { 0 }, 6 },
    { "ip6", { 0 }, 6 },
    { "pkthdr", { 0 }, 0, .any_packet = true },
    { "ether", { 0 }, 0, .any_packet = true },
    { "arp", { 0 }, 0, .any_packet = true },
};

/* True when `word` is one of the space-separated `words`. */
static bool word_in(struct bytes word, const char *words)
{
    struct bytes rest = bytes_of_string(words);
    while (rest.size) {
        struct bytes next = bytes_cut(&rest, ' ');
        if (next.size && bytes_equal(next, word))
            return true;
    }
    return false;
}

bool protocol_is_named(const struct protocol *protocol, struct bytes name)
{
    return bytes_is(name, protocol->name) || word_in(name, protocol->alias);
}

static bool is_known_as(const struct check *check, struct context *context)
{
    const struct session *session = context->in->session;
    return session && session->known_as == check->data;
}

/* Rules about it see the transactions of its parts, in its sessions only. */
static bool take_parts(struct compiler *c, const struct protocol *protocol)
{
    if (!protocol->parts)
        return true;
    for (size_t i = 0; i < c->set->protocol_count; i++)
        if (word_in(bytes_of_string(c->set->protocols[i]->name), protocol->parts))
            c->protocols |= (uint64_t)1 << i;
    struct check *check = compiler_check(c, is_known_as);
    if (check)
        check->data = protocol;
    return check != NULL;
}

static bool parse_protocol(struct compiler *c, const struct rule_syntax *syntax, struct header *header)
{
    char lower[32];
    if (syntax->protocol.size >= sizeof lower)
        return refuse(c, "the protocol is not known");
    for (size_t i = 0; i < syntax->protocol.size; i++)
        lower[i] = (char)byte_lower(syntax->protocol.data[i]);
    struct bytes name = bytes_of(lower, syntax->protocol.size);
    for (size_t i = 0; i < COUNT_OF(transports); i++) {
        if (!bytes_is(name, transports[i].name))
            continue;
        header->version = transports[i].version;
        header->any_packet = transports[i].any_packet;
        if (transports[i].protocols[0]) {
            allow(c, transports[i].protocols[0]);
            allow(c, transports[i].protocols[1]);
        } else {
            memset(c->ip_protocols, 0xff, sizeof c->ip_protocols);
        }
        c->tcp = transports[i].tcp;
        c->udp = transports[i].udp;
        c->packet_only = transports[i].packet_only;
        c->stream_only = transports[i].stream_only;
        return true;
    }
    for (size_t i = 0; i < c->set->protocol_count; i++) {
        const struct protocol *protocol = c->set->protocols[i];
        if (!protocol_is_named(protocol, name))
            continue;
        c->protocols |= (uint64_t)1 << i;
        if (protocol->transports & TRANSPORT_TCP) {
            allow(c, IP_TCP);
            c->tcp = true;
        }
        if (protocol->transports & TRANSPORT_UDP) {
            allow(c, IP_UDP);
            c->udp = true;
        }
        if (!take_parts(c, protocol))
            return false;
    }
    return c->protocols || refuse(c, "the protocol \"%.*s\" is not known", (int)MIN(name.size, 40U), lower);
}

static const struct {
    const char *name;
    uint8_t action;
} actions[] = {
    { "alert", ACTION_ALERT },
    { "pass", ACTION_PASS },
    { "drop", ACTION_DROP },
    { "reject", ACTION_REJECT },
    { "rejectsrc", ACTION_REJECT_SRC },
    { "rejectdst", ACTION_REJECT_DST },
    { "rejectboth", ACTION_REJECT_BOTH },
    { "config", ACTION_CONFIG },
};

static bool parse_action(struct compiler *c, struct bytes action)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (bytes_equal_nocase(action, bytes_of_string(actions[i].name))) {
            c->signature->rule.action = actions[i].action;
            c->signature->no_alert = actions[i].action == ACTION_CONFIG;
            return true;
        }
    }
    return refuse(c, "the action \"%.*s\" is not known", (int)MIN(action.size, 40U),
                  (const char *)action.data);
}

static bool first_packet(const struct check *check, struct context *context)
{
    (void)check;
    return context->flow && context->flow->packets[context->direction] <= 1 &&
           context->packet->source != SOURCE_FLOW_TIMEOUT;
}

/* Hooks of packets: where a flow starts. "all" asks nothing. */
static bool packet_hook(struct compiler *c, struct bytes hook)
{
    if (bytes_is(hook, "flow_start"))
        return compiler_check(c, first_packet) != NULL;
    return bytes_is(hook, "all") ||
           refuse(c, "the hook \"%.*s\" is not known", (int)MIN(hook.size, 60U), (const char *)hook.data);
}

/* Hooks that every protocol has. */
static bool common_hook(struct bytes hook, uint8_t *direction, uint8_t *progress)
{
    static const struct {
        const char *name;
        uint8_t direction, progress;
    } hooks[] = { { "request_started", TO_SERVER, 0 },
                  { "request_complete", TO_SERVER, PROGRESS_COMPLETE },
                  { "response_started", TO_CLIENT, 0 },
                  { "response_complete", TO_CLIENT, PROGRESS_COMPLETE } };
    for (size_t i = 0; i < COUNT_OF(hooks); i++) {
        if (bytes_is(hook, hooks[i].name)) {
            *direction = hooks[i].direction;
            *progress = hooks[i].progress;
            return true;
        }
    }
    return false;
}

/* The direction and progress that a name means for the rule's protocol. */
bool find_progress(const struct compiler *c, struct bytes name, uint8_t *direction, uint8_t *progress)
{
    for (size_t p = 0; p < c->set->protocol_count; p++) {
        for (unsigned d = 0; d < DIRECTIONS && c->protocols >> p & 1; d++) {
            const char *const *names = c->set->protocols[p]->progress_names[d];
            for (uint8_t i = 0; names && i <= protocol_complete(c->set->protocols[p], d) && names[i]; i++) {
                if (bytes_is(name, names[i])) {
                    *direction = (uint8_t)d;
                    *progress = i;
                    return true;
                }
            }
        }
    }
    return common_hook(name, direction, progress);
}

/* A rule hook, "http1:request_complete": judged when a transaction's progress gets there. */
static bool parse_hook(struct compiler *c, struct bytes hook)
{
    if (!hook.size)
        return true;
    if (!c->protocols)
        return packet_hook(c, hook);
    uint8_t direction, progress;
    if (find_progress(c, hook, &direction, &progress)) {
        struct buffer *buffer = set_buffer_kind(c->set, "hook", BUFFER_HOOK, NULL);
        struct buffer_use *use = buffer ? compiler_add_use(c, buffer) : NULL;
        if (!use)
            return false;
        use->progress = progress;
        use->direction = direction;
        use->protocols = c->protocols;
        use->range.comparison = IS_AT_LEAST;
        return true;
    }
    return refuse(c, "the hook \"%.*s\" is not known", (int)MIN(hook.size, 60U), (const char *)hook.data);
}

static bool intern_header(struct compiler *c, const struct header *header)
{
    struct ruleset *set = c->set;
    bool added;
    uintptr_t *place = map_add(&set->header_map, bytes_of(header, sizeof *header), &added);
    if (!place)
        return refuse(c, "out of memory");
    if (added) {
        if (set->header_count == set->header_capacity) {
            size_t capacity = set->header_capacity ? set->header_capacity * 2 : 256;
            struct header *headers = realloc(set->headers, capacity * sizeof *headers);
            if (!headers)
                return refuse(c, "out of memory");
            set->headers = headers;
            set->header_capacity = capacity;
        }
        if (set->header_count >= UINT16_MAX)
            return refuse(c, "too many different headers");
        *place = set->header_count;
        set->headers[set->header_count++] = *header;
    }
    c->signature->header = (uint16_t)*place;
    return true;
}

/* ---- keywords ---- */

static bool refuse_no_value(struct compiler *c, const char *name)
{
    return refuse(c, "invalid formatting or malformed option to %s keyword: a value is missing", name);
}

static bool run_keyword(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    if (!value.data && !(keyword->flags & (KEYWORD_NO_VALUE | KEYWORD_OPTIONAL)))
        return refuse_no_value(c, keyword->name);
    if (value.size && keyword->flags & KEYWORD_NO_VALUE)
        return refuse(c, "takes no value");
    if (keyword->flags & KEYWORD_QUOTED && !unquote(&value))
        return refuse(c, "a quote is not closed");
    return keyword->parse(c, keyword, value);
}

/* "to_server" or "to_client": the side of a => rule that a buffer is about. 1 plus the direction. */
bool is_direction(struct bytes word, uint8_t *direction)
{
    if (!bytes_is(word, "to_server") && !bytes_is(word, "to_client"))
        return false;
    *direction = bytes_is(word, "to_server") ? 1 + TO_SERVER : 1 + TO_CLIENT;
    return true;
}

/* Without sticky buffers, what is relative goes where the item before it went, and what is decoded is there.
 */
static void follow_recent(struct compiler *c, const struct item *before, struct buffer_use *recent)
{
    struct item *item = c->last_payload;
    if (!item || item == before || item->kind == ITEM_CONTENT || c->sticky.data)
        return;
    if ((item->relative || item->kind == ITEM_BASE64) && recent && recent != c->use) {
        struct item **from = &c->use->items;
        while (*from && *from != item)
            from = &(*from)->next;
        if (!*from)
            return; /* a flag of its own moved it */
        *from = NULL;
        *list_tail(&recent->items) = item;
        c->recent = recent;
        return;
    }
    c->recent = c->use;
}

static bool parse_one(struct compiler *c, const struct rule_option *option);

static bool parse_option(struct compiler *c, const struct rule_option *option)
{
    c->keyword = option->keyword;
    const struct item *before = c->last_payload;
    struct buffer_use *recent = c->recent;
    if (!parse_one(c, option))
        return false;
    follow_recent(c, before, recent);
    return true;
}

static bool parse_one(struct compiler *c, const struct rule_option *option)
{
    char name[64];
    size_t size = MIN(option->keyword.size, sizeof name);
    for (size_t i = 0; i < size; i++)
        name[i] = (char)byte_lower(option->keyword.data[i]);
    struct bytes lower = bytes_of(name, size);
    uintptr_t *row = map_find(&c->set->keywords, lower);
    if (!part_open(c, row ? (const struct keyword *)*row : NULL))
        return false;
    if (row)
        return run_keyword(c, (const struct keyword *)*row, option->value);
    const struct named_row *named = buffer_named(c->set, lower);
    if (!named)
        return refuse(c, "the keyword is not known");
    if (named->row->kind == INSPECT_NUMBER && !option->value.size)
        return refuse_no_value(c, named->row->name);
    if (named->row->kind == INSPECT_NUMBER)
        return parse_row_number(c, named, option->value);
    if (named->modifier)
        return compiler_move(c, bytes_of_string(named->row->name));
    if (option->value.size && !is_direction(option->value, &c->sticky_direction))
        return refuse(c, "takes no value, or to_server or to_client");
    uint8_t direction = c->sticky_direction;
    if (!compiler_sticky(c, bytes_of_string(named->row->name)))
        return false;
    c->sticky_direction = option->value.size ? direction : 0;
    return true;
}

/* ---- what follows from all keywords together ---- */

static bool needs_cursor(const struct item *item)
{
    switch (item->kind) {
    case ITEM_CONTENT:
        return item->content.has_distance || item->content.has_within;
    default:
        return item->relative;
    }
}

/* Relative items look back to the one before that moves the cursor. */
static void mark_relative(struct item *items)
{
    for (struct item *item = items; item; item = item->next) {
        for (struct item *next = item->next; next; next = next->next) {
            if (needs_cursor(next)) {
                item->relative_next = true;
                break;
            }
            bool moves = next->kind == ITEM_CONTENT || next->kind == ITEM_REGEX || next->kind == ITEM_JUMP ||
                         next->kind == ITEM_EXTRACT;
            if (moves && !next->negated)
                break;
        }
        if (item->kind == ITEM_BASE64)
            mark_relative(item->base64.items);
    }
}

/* A second use of a multiple buffer that starts relative to the first is the first, continued. */
static void join_uses(struct signature *s)
{
    for (struct buffer_use **place = &s->uses; *place;) {
        struct buffer_use *use = *place, *earlier = NULL;
        if (use->items && needs_cursor(use->items))
            for (struct buffer_use *other = s->uses; other != use; other = other->next)
                if (other->buffer == use->buffer && other->items)
                    earlier = other;
        if (!earlier) {
            place = &use->next;
            continue;
        }
        *list_tail(&earlier->items) = use->items;
        *place = use->next;
    }
}

/* A content that is relative to nothing is so to the start: distance is its offset, within its depth. */
static void settle_first(struct compiler *c, struct buffer_use *use)
{
    struct item *item = use->items;
    struct content *content = item && item->kind == ITEM_CONTENT ? &item->content : NULL;
    if (!content || !needs_cursor(item) || content->distance.variable != NO_VARIABLE ||
        content->within.variable != NO_VARIABLE || content->distance.value < 0)
        return;
    if (content->has_within) {
        content->depth = content->within;
        compiler_note(c, use, "'within' option for pattern w/o previous content was converted to 'depth'");
    }
    if (content->has_distance) {
        content->offset = content->distance;
        compiler_note(c, use, "'distance' option for pattern w/o previous content was converted to 'offset'");
    }
    content->has_depth = content->has_within;
    content->has_offset = content->has_distance && content->distance.value;
    content->has_within = content->has_distance = false;
}

static bool begins_with(struct bytes bytes, const char *const *words)
{
    for (; *words; words++)
        if (bytes_starts(bytes, bytes_of_string(*words)))
            return true;
    return false;
}

/* Raw patterns that the buffers of HTTP would serve better. */
static void note_http(struct compiler *c, const struct buffer_use *use)
{
    static const char *const lines[] = { "GET /", "POST /", "HEAD /", "PUT /", NULL };
    static const char *const agent[] = { "User-Agent: ", NULL };
    for (const struct item *item = use->items; item && c->parts; item = item->next) {
        if (item->kind != ITEM_CONTENT)
            continue;
        if (begins_with(item->content.bytes, lines))
            compiler_note(c, use,
                          "pattern looks like it inspects HTTP, use http.request_line or http.method and "
                          "http.uri instead for improved performance");
        if (begins_with(item->content.bytes, agent))
            compiler_note(c, use,
                          "pattern looks like it inspects HTTP, use http.user_agent or http.header for "
                          "improved performance");
    }
}

static bool has_captures(const struct item *items)
{
    for (const struct item *item = items; item; item = item->next)
        if (item->kind == ITEM_REGEX && regex_captures(item->regex))
            return true;
    return false;
}

static bool decided_at_end(const struct item *items)
{
    for (const struct item *item = items; item; item = item->next) {
        bool size_like = item->kind == ITEM_SIZE || item->kind == ITEM_DATASET || item->kind == ITEM_ENTROPY;
        if (item->negated || size_like || (item->kind == ITEM_CONTENT && item->content.ends))
            return true;
        if (item->kind == ITEM_BASE64 && decided_at_end(item->base64.items))
            return true;
    }
    return false;
}

/* The size that contents may not exceed, as Suricata counts it: a bound that is not itself allowed is still
 * no reason to refuse. */
static uint64_t size_limit(const struct range *r)
{
    return r->comparison == IS_EQUAL || r->comparison == IS_LESS ? r->a
           : r->comparison == IS_BETWEEN                         ? r->b
                                                                 : UINT64_MAX;
}

static bool refuse_size(struct compiler *c, const char *name, uint64_t wanted, const struct range *size)
{
    static const char why[] = "signature can't match as required content length";
    if (size->comparison == IS_BETWEEN && name[0] == 'b')
        return refuse(c, "%s %llu exceeds bsize range: %llu-%llu", why, (unsigned long long)wanted,
                      (unsigned long long)size->a, (unsigned long long)size->b);
    return refuse(c, "%s %llu exceeds %s %llu", why, (unsigned long long)wanted, name,
                  (unsigned long long)size_limit(size));
}

/* Whether contents at these offsets and distances fit in as many bytes. */
static bool fits_size(struct compiler *c, const struct item *items, const char *name,
                      const struct range *size)
{
    uint64_t most = size_limit(size);
    int64_t end = 0;
    for (const struct item *item = items; item; item = item->next) {
        const struct content *content = &item->content;
        if (item->kind != ITEM_CONTENT || item->negated)
            continue;
        bool after = content->has_distance || content->has_within;
        const struct operand *place = after ? &content->distance : &content->offset;
        end = (after ? end : 0) + (int64_t)content->bytes.size;
        if (content->bytes.size > most)
            return refuse_size(c, name, content->bytes.size, size);
        if (place->variable == NO_VARIABLE)
            end += place->value;
        if (end > 0 && (uint64_t)end > most)
            return refuse_size(c, name, (uint64_t)end, size);
    }
    return true;
}

static bool fits_sizes(struct compiler *c, const struct buffer_use *use)
{
    for (const struct item *item = use->items; item; item = item->next)
        if (item->kind == ITEM_SIZE && !fits_size(c, use->items, "bsize value:", &item->size))
            return false;
    for (const struct check *check = c->signature->checks; check; check = check->next)
        if (use->buffer->kind == BUFFER_PAYLOAD && check->subject == CHECK_PAYLOAD_SIZE &&
            !fits_size(c, use->items, "dsize value", &check->range))
            return false;
    return true;
}

/* Contents that the buffer's size or transformations rule out. */
static bool is_possible(struct compiler *c, const struct buffer_use *use)
{
    bool stripped = false, compressed = false;
    if (!fits_sizes(c, use))
        return false;
    for (const struct transform *t = use->buffer->transforms; t; t = t->next) {
        stripped |= strcmp(t->name, "strip_whitespace") == 0;
        compressed |= strcmp(t->name, "compress_whitespace") == 0;
    }
    for (const struct item *item = use->items; item; item = item->next) {
        if (item->kind != ITEM_CONTENT || item->negated)
            continue;
        struct bytes content = item->content.bytes;
        for (size_t i = 0; i < content.size; i++) {
            bool space = byte_is_space(content.data[i]);
            if (stripped && space)
                return refuse(c, "the content is incompatible with strip_whitespace transform");
            if (compressed && space && i && byte_is_space(content.data[i - 1]))
                return refuse(c, "the content is incompatible with compress_whitespace transform");
        }
    }
    return true;
}

static bool is_tx_use(const struct buffer_use *use)
{
    return use->buffer->kind != BUFFER_PAYLOAD && use->buffer->kind != BUFFER_PACKET;
}

/* A => rule has something to say of both sides, and of each thing which side it is. */
static bool uses_both_sides(struct compiler *c)
{
    const struct signature *s = c->signature;
    const uint8_t both = 1 << TO_SERVER | 1 << TO_CLIENT;
    uint8_t seen = 0;
    bool ambiguous = false;
    if (c->direction_given)
        return refuse(c, "rule %u means to use both directions, cannot specify a flow direction",
                      s->rule.sid);
    for (const struct buffer_use *use = s->uses; use; use = use->next) {
        uint8_t sides = (uint8_t)(use->side ? 1 << (use->side - 1) : use->buffer->directions);
        if (sides == both)
            ambiguous = true;
        else
            seen |= sides;
    }
    if (seen != both)
        return refuse(c, "rule %u should use both directions, but does not", s->rule.sid);
    return !ambiguous || refuse(c,
                                "rule %u means to use both directions, cannot have keywords ambiguous about "
                                "directions",
                                s->rule.sid);
}

/* Directions in which all its buffers exist; raw payload goes either way. */
static bool settle_directions(struct compiler *c)
{
    struct signature *s = c->signature;
    if (s->both_ways)
        return uses_both_sides(c);
    uint8_t allowed = (uint8_t)((s->to_server ? 1 << TO_SERVER : 0) | (s->to_client ? 1 << TO_CLIENT : 0));
    for (const struct buffer_use *use = s->uses; use; use = use->next) {
        if (use->buffer->kind == BUFFER_HOOK)
            allowed &= (uint8_t)(1 << use->direction);
        else if (is_tx_use(use))
            allowed &= use->buffer->directions;
    }
    if (!allowed)
        return refuse(
            c,
            "rule %u mixes keywords with conflicting directions, a transactional rule with => should be used",
            s->rule.sid);
    s->to_server = allowed >> TO_SERVER & 1;
    s->to_client = allowed >> TO_CLIENT & 1;
    return true;
}

static bool settle_protocols(struct compiler *c)
{
    struct signature *s = c->signature;
    uint64_t common = c->protocols ? c->protocols : ~(uint64_t)0;
    bool tx = false, frame = false;
    for (const struct buffer_use *use = s->uses; use; use = use->next) {
        if (!is_tx_use(use))
            continue;
        *(use->buffer->kind == BUFFER_FRAME ? &frame : &tx) = true;
        common &= use->protocols;
        if (!common)
            return refuse(c, "the buffer %s does not go with the rule's protocol or its other buffers",
                          use->buffer->name);
    }
    if (s->protocols)
        common &= s->protocols;
    if (tx || frame || c->protocols || s->protocols)
        s->protocols = common;
    if (!common)
        return refuse(c, "rule contains conflicting protocols");
    s->kind = frame ? SIGNATURE_FRAME : tx ? SIGNATURE_TX : SIGNATURE_PACKET;
    if (frame && tx)
        return refuse(c, "frames do not go with buffers of transactions");
    return true;
}

/* Raw payload on TCP: the reassembled stream, unless something asks for packets (Suricata's documentation,
 * rules/intro, "tcp-pkt" and "tcp-stream"; a depth or offset wants both). */
static void settle_payload(struct compiler *c)
{
    struct signature *s = c->signature;
    const struct buffer_use *payload = NULL;
    for (const struct buffer_use *use = s->uses; use; use = use->next)
        if (use->buffer->kind == BUFFER_PAYLOAD)
            payload = use;
    s->needs_packet |= c->packet_only || s->no_stream;
    s->needs_stream |= c->stream_only || s->only_stream;
    if (!payload || !c->tcp || s->needs_packet || s->needs_stream)
        return;
    s->needs_stream = true;
    for (const struct item *item = payload->items; item; item = item->next)
        if (item->kind == ITEM_CONTENT && (item->content.has_depth || item->content.has_offset))
            s->needs_packet = true;
}

/* Nothing but the header and what is known of its addresses. */
static bool is_about_ends(const struct compiler *c, const struct header *h)
{
    const struct signature *s = c->signature;
    for (const struct check *check = s->checks; check; check = check->next)
        if (check->subject != CHECK_HOSTS)
            return false;
    return !s->uses && !s->protocols && !s->established && !s->not_established && !h->any_packet &&
           !s->any_packet && !s->bypass && !c->direction_given && !s->only_stream && !s->no_stream &&
           !s->only_frag && !s->no_frag && !s->needs_packet && !s->needs_stream;
}

/* Such rules are judged once per flow and direction, unless an address is negated. */
static bool is_ip_only(const struct compiler *c, const struct header *h)
{
    const struct ranges *addresses = c->set->addresses.items;
    return is_about_ends(c, h) && !addresses[h->src].subtracted && !addresses[h->dst].subtracted;
}

/* What a rule says of a protocol or of the ends it says of the flow; of a packet or a state, of the packet.
 */
static bool is_about_flow(const struct compiler *c, const struct header *h)
{
    const struct signature *s = c->signature;
    if (s->kind != SIGNATURE_PACKET || is_about_ends(c, h))
        return true;
    const struct check *others = s->checks;
    if (s->once && others)
        others = others->next; /* the first is its own */
    return (s->protocols || s->once) && !s->uses && !others && !s->needs_packet && !s->established &&
           !s->not_established;
}

/* Cheap and fixed things first: raw payload after the transaction's own buffers, bodies last. */
static int use_rank(const struct buffer_use *use)
{
    if (use->buffer->kind == BUFFER_HOOK || use->buffer->kind == BUFFER_EVENT)
        return 0;
    if (use->buffer->kind == BUFFER_PAYLOAD)
        return 3;
    return use->buffer->stream ? 2 : 1;
}

static void order_uses(struct signature *s)
{
    struct buffer_use *sorted = NULL;
    while (s->uses) {
        struct buffer_use *use = s->uses;
        s->uses = use->next;
        struct buffer_use **place = &sorted;
        while (*place && use_rank(*place) <= use_rank(use))
            place = &(*place)->next;
        use->next = *place;
        *place = use;
    }
    s->uses = sorted;
}

/* By action-order; config first of all. */
static int place_of_action(const struct ruleset *set, uint8_t action)
{
    static const uint8_t stock[ACTION_PLACES] = { ACTION_PASS, ACTION_DROP, ACTION_REJECT, ACTION_ALERT };
    const uint8_t *order = set->settings->action_order[0] ? set->settings->action_order : stock;
    if (action & (ACTION_REJECT_SRC | ACTION_REJECT_DST | ACTION_REJECT_BOTH))
        action = ACTION_REJECT;
    for (int i = 0; i < ACTION_PLACES; i++)
        if (order[i] == action)
            return i + 1;
    return 0;
}

/* What reports want to know of the whole. */
static void note_rule(struct compiler *c)
{
    struct rule_parts *parts = c->parts;
    if (!parts)
        return;
    for (const struct rule_part *part = parts->first; part; part = part->next)
        parts->needs_packet |= part->keyword && part->keyword->flags & KEYWORD_OF_PACKET;
    parts->app_layer = c->protocols != 0;
    for (const struct buffer_use *use = c->signature->uses; use; use = use->next)
        parts->app_layer |= is_tx_use(use);
}

static bool settle(struct compiler *c, struct header *header)
{
    struct signature *s = c->signature;
    if (sticky_is_idle(c))
        return refuse(c, "the buffer %.*s is named but nothing is looked for in it", (int)c->sticky.size,
                      (const char *)c->sticky.data);
    if (!c->has_sid)
        return refuse(c, "a rule must have a sid");
    join_uses(s);
    for (struct buffer_use **place = &s->uses; *place;) {
        bool empty = !(*place)->items && (*place)->buffer->kind == BUFFER_PAYLOAD;
        if (empty)
            *place = (*place)->next; /* all its contents were moved by modifiers */
        else
            place = &(*place)->next;
    }
    for (struct buffer_use *use = s->uses; use; use = use->next) {
        if (!is_possible(c, use))
            return false;
        mark_relative(use->items);
        use->at_end = use->absent || use->absent_or_else || decided_at_end(use->items);
        use->brings_notes |= has_captures(use->items);
    }
    if (!settle_protocols(c) || !settle_directions(c))
        return false;
    settle_payload(c);
    for (struct buffer_use *use = s->uses; use; use = use->next) {
        settle_first(c, use);
        note_http(c, use);
    }
    order_uses(s);
    memcpy(header->ip_protocols, c->ip_protocols, sizeof header->ip_protocols);
    header->any_packet |= s->any_packet;
    if (is_ip_only(c, header))
        s->kind = SIGNATURE_IP_ONLY;
    if (!s->rule.priority)
        s->rule.priority = c->priority ? c->priority : 3;
    s->flow_scope = is_about_flow(c, header);
    note_rule(c);
    s->order[0] = place_of_action(c->set, s->rule.action);
    s->order[5] = (int)MIN(s->rule.priority, 255U);
    return true;
}

/* Rules of the same gid and sid: the higher revision stays, as Suricata does. */
static bool enter(struct compiler *c)
{
    struct ruleset *set = c->set;
    struct signature *s = c->signature;
    uint32_t key[2] = { s->rule.gid, s->rule.sid };
    bool added;
    uintptr_t *place = map_add(&set->by_sid, bytes_of(key, sizeof key), &added);
    if (!place)
        return refuse(c, "out of memory");
    if (!added) {
        if (set->signatures[*place - 1]->rule.rev >= s->rule.rev)
            return refuse(c, "a rule with sid %u and the same or a later revision is loaded already",
                          s->rule.sid);
        set->signatures[*place - 1] = s;
        return true;
    }
    if (set->signature_count == set->signature_capacity) {
        size_t capacity = set->signature_capacity ? set->signature_capacity * 2 : 1024;
        struct signature **signatures = realloc(set->signatures, capacity * sizeof *signatures);
        if (!signatures)
            return refuse(c, "out of memory");
        set->signatures = signatures;
        set->signature_capacity = capacity;
    }
    set->signatures[set->signature_count++] = s;
    *place = set->signature_count;
    return true;
}

static bool finish_texts(struct compiler *c)
{
    struct rule *rule = &c->signature->rule;
    if (c->references.size) {
        json_close(&c->references, ']');
        json_end(&c->references);
        if (!compiler_copy(c, text_bytes(&c->references), &rule->references_json))
            return false;
    }
    if (c->metadata.size && !compiler_copy(c, text_bytes(&c->metadata), &rule->metadata_json))
        return false;
    return true;
}

static bool compile_parts(struct compiler *c, const struct rule_syntax *syntax, uint32_t *column,
                          struct bytes *keyword)
{
    struct header header = { 0 };
    struct bytes action = syntax->action;
    *keyword = action;
    *column = 1;
    for (size_t i = 0; i < syntax->option_count; i++) {
        if (!bytes_equal_nocase(syntax->options[i].keyword, BYTES_OF("requires")))
            continue;
        *keyword = syntax->options[i].keyword;
        *column = syntax->options[i].column;
        if (!parse_option(c, &syntax->options[i]))
            return false;
        if (c->skip)
            return true;
    }
    *keyword = action;
    *column = 1;
    if (!parse_action(c, action) || !parse_protocol(c, syntax, &header))
        return false;
    const struct {
        struct bytes text;
        bool ports;
        uint16_t *index;
    } sets[] = { { syntax->src, false, &header.src },
                 { syntax->src_ports, true, &header.src_ports },
                 { syntax->dst, false, &header.dst },
                 { syntax->dst_ports, true, &header.dst_ports } };
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        *keyword = sets[i].text;
        *column = (uint32_t)(sets[i].text.data - syntax->action.data) + 1;
        if (!intern_set(c, sets[i].text, sets[i].ports, sets[i].index))
            return false;
    }
    header.both = syntax->direction == RULE_BOTH;
    c->signature->both_ways = syntax->direction == RULE_TRANSACTION;
    *keyword = syntax->hook;
    if (!parse_hook(c, syntax->hook))
        return false;
    for (size_t i = 0; i < syntax->option_count; i++) {
        *keyword = syntax->options[i].keyword;
        *column = syntax->options[i].column;
        if (!parse_option(c, &syntax->options[i]))
            return false;
        if (c->skip)
            return true;
    }
    *keyword = BYTES_NONE;
    *column = 1;
    return settle(c, &header) && finish_texts(c) && intern_header(c, &header) && enter(c);
}

bool compile_rule(struct ruleset *set, struct bytes line, const char *file, uint32_t line_number,
                  struct rule_reason *reason, bool *skipped)
{
    struct rule_syntax syntax;
    *skipped = false;
    *reason = (struct rule_reason){ .file = file, .line = line_number };
    if (!rule_cut(line, &syntax)) {
        reason->column = syntax.column;
        snprintf(reason->text, sizeof reason->text, "%s", syntax.error);
        return false;
    }
    struct compiler c = { .set = set,
                          .protocol = syntax.protocol,
                          .references = text_new(64 << 10),
                          .metadata = text_new(256 << 10) };
    c.transform_tail = &c.transforms;
    c.signature = arena_new(&set->memory, sizeof *c.signature, _Alignof(struct signature));
    if (c.signature) {
        struct rule *rule = &c.signature->rule;
        rule->gid = 1;
        rule->file = file;
        rule->line = line_number;
        c.signature->to_server = c.signature->to_client = true;
        if (set->settings->keep_texts)
            rule->text = arena_copy(&set->memory, bytes_trim(line));
    }
    bool done = c.signature && parts_open(&c) &&
                compile_parts(&c, &syntax, &reason->column, &reason->keyword);
    if (!done || (c.skip && c.error[0])) {
        reason->sid = c.signature ? c.signature->rule.sid : 0;
        for (size_t i = 0; !reason->sid && i < syntax.option_count; i++) {
            uint64_t sid;
            if (bytes_is(syntax.options[i].keyword, "sid") && bytes_to_u64(syntax.options[i].value, &sid))
                reason->sid = (uint32_t)sid;
        }
        snprintf(reason->text, sizeof reason->text, "%s", c.signature ? c.error : "out of memory");
        reason->of_data = c.of_data;
        reason->skipped = done;
    }
    *skipped = c.skip;
    text_done(&c.references);
    text_done(&c.metadata);
    return done;
}
