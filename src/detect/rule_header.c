/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a rule: action, protocol and hook, and who may talk to whom. */
#include <stdlib.h>

#include "detect/compile.h"
#include "detect/context.h"

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

uint64_t set_parts_of(const struct ruleset *set, const struct protocol *protocol)
{
    uint64_t parts = 0;
    for (size_t i = 0; protocol->parts && i < set->protocol_count; i++)
        if (word_in(bytes_of_string(set->protocols[i]->name), protocol->parts))
            parts |= (uint64_t)1 << i;
    return parts;
}

uint64_t set_wholes_of(const struct ruleset *set, uint64_t wanted)
{
    uint64_t wholes = 0;
    for (size_t p = 0; p < set->protocol_count; p++) {
        uint64_t whole = (uint64_t)1 << p, parts = set_parts_of(set, set->protocols[p]);
        if (parts && wanted && !(wanted & ~(parts | whole)))
            wholes |= whole;
    }
    return wholes;
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
        c->protocols |= set_parts_of(c->set, protocol); /* rules about it are about its parts, too */
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

/* "drop:flow": what the action is for, whatever the rule looks at. */
static bool parse_scope(struct compiler *c, struct bytes scope)
{
    uint8_t action = c->signature->rule.action;
    if (action == ACTION_ALERT || action == ACTION_CONFIG)
        return refuse(c, "only drop, pass and reject name a scope");
    if (bytes_is(scope, "packet"))
        c->signature->scope = SCOPE_PACKET;
    else if (bytes_is(scope, "flow"))
        c->signature->scope = SCOPE_FLOW;
    return c->signature->scope || refuse(c, "the scope must be packet or flow, not \"%.*s\"",
                                         (int)MIN(scope.size, 40U), (const char *)scope.data);
}

static bool parse_action(struct compiler *c, struct bytes text)
{
    struct bytes scope = text, action = bytes_cut(&scope, ':');
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (bytes_equal_nocase(action, bytes_of_string(actions[i].name))) {
            c->signature->rule.action = actions[i].action;
            c->signature->no_alert = actions[i].action == ACTION_CONFIG;
            return action.size == text.size || parse_scope(c, scope);
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

bool header_intern(struct compiler *c, const struct header *header)
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

static bool parse_sets(struct compiler *c, const struct rule_syntax *syntax, struct header *header,
                       struct rule_place *place)
{
    const struct {
        struct bytes text;
        bool ports;
        uint16_t *index;
    } sets[] = { { syntax->src, false, &header->src },
                 { syntax->src_ports, true, &header->src_ports },
                 { syntax->dst, false, &header->dst },
                 { syntax->dst_ports, true, &header->dst_ports } };
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        *place = (struct rule_place){ .text = sets[i].text,
                                      .column = (uint32_t)(sets[i].text.data - syntax->action.data) + 1 };
        if (!intern_set(c, sets[i].text, sets[i].ports, sets[i].index))
            return false;
    }
    return true;
}

bool header_parse(struct compiler *c, const struct rule_syntax *syntax, struct header *header,
                  struct rule_place *place)
{
    *place = (struct rule_place){ .text = syntax->action, .column = 1 };
    if (!parse_action(c, syntax->action) || !parse_protocol(c, syntax, header) ||
        !parse_sets(c, syntax, header, place))
        return false;
    header->both = syntax->direction == RULE_BOTH;
    c->signature->both_ways = syntax->direction == RULE_TRANSACTION;
    place->text = syntax->hook;
    return parse_hook(c, syntax->hook);
}
