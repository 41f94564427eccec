/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from all keywords of a rule together: where its items look, the protocols and directions in
 * which they all exist, what kind of rule it is, and that it can match at all. */
#include "detect/buffer.h"
#include "detect/compile.h"
#include "detect/regex.h"
#include "detect/rule_view.h"

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
        *item_list_tail(&earlier->items) = use->items;
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

/* The buffer is of a header that packets of the rule's protocols can have. */
static bool has_header(const struct compiler *c, const char *buffer)
{
    static const struct {
        const char *buffer;
        uint8_t protocol;
    } headers[] = {
        { "tcp.hdr", IP_TCP }, { "udp.hdr", IP_UDP }, { "icmpv4.hdr", IP_ICMP }, { "icmpv6.hdr", IP_ICMPV6 }
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (strcmp(buffer, headers[i].buffer) == 0)
            return c->ip_protocols[headers[i].protocol / 8] >> headers[i].protocol % 8 & 1;
    return true;
}

static const struct inspect *row_of(const struct buffer *buffer)
{
    for (size_t p = 0; p < PROTOCOLS_MAX; p++)
        if (buffer->rows[p])
            return buffer->rows[p];
    return NULL;
}

/* Contents of a buffer whose values all have one length. */
static bool fits_length(struct compiler *c, const struct buffer_use *use)
{
    const struct inspect *row = row_of(use->buffer);
    if (!row || !row->length || use->buffer->transforms)
        return true;
    for (const struct item *item = use->items; item; item = item->next) {
        struct bytes content = item->content.bytes;
        if (item->kind != ITEM_CONTENT)
            continue;
        if (content.size != row->length)
            return refuse(c, "values of %s are %u bytes long, the content has %zu", row->name, row->length,
                          content.size);
        for (size_t i = 0; row->hexadecimal && i < content.size; i++)
            if (byte_hex(content.data[i]) < 0)
                return refuse(c, "values of %s are hexadecimal", row->name);
    }
    return true;
}

/* What a buffer's own making rules out: a host is in small letters, a method has no spaces around it. */
static bool fits_http(struct compiler *c, const struct buffer_use *use)
{
    bool host = strcmp(use->buffer->name, "http.host") == 0,
         method = strcmp(use->buffer->name, "http.method") == 0;
    for (const struct item *item = use->items; item && (host || method) && !use->buffer->transforms;
         item = item->next) {
        const struct content *content = &item->content;
        struct bytes bytes = content->bytes;
        if (item->kind != ITEM_CONTENT)
            continue;
        if (method && (bytes.data[0] == ' ' || bytes.data[bytes.size - 1] == ' '))
            return refuse(c, "a method has no space before or after it");
        if (host && content->nocase)
            return refuse(c, "the host is in small letters: nocase has no use");
        for (size_t i = 0; host && i < bytes.size; i++)
            if (byte_lower(bytes.data[i]) != bytes.data[i])
                return refuse(c, "the host is in small letters, the content has capitals");
    }
    if (strcmp(use->buffer->name, "http.header.raw") == 0 && !c->direction_given)
        return refuse(c, "http.header.raw needs a direction of the flow: to_server or to_client");
    return true;
}

/* Serial numbers are in capitals, whatever a rule writes. */
static void settle_capitals(struct compiler *c, struct buffer_use *use)
{
    if (strcmp(use->buffer->name, "tls.cert_serial") != 0 || use->buffer->transforms)
        return;
    for (struct item *item = use->items; item; item = item->next) {
        if (item->kind != ITEM_CONTENT)
            continue;
        struct bytes from = item->content.bytes;
        uint8_t *upper = compiler_new(c, from.size);
        for (size_t i = 0; upper && i < from.size; i++)
            upper[i] = from.data[i] >= 'a' && from.data[i] <= 'z' ? (uint8_t)(from.data[i] - 'a' + 'A')
                                                                  : from.data[i];
        if (upper)
            item->content.bytes.data = upper;
    }
}

/* Contents that the buffer's size or transformations rule out. */
static bool is_possible(struct compiler *c, const struct buffer_use *use)
{
    bool stripped = false, compressed = false, lowered = false, raised = false;
    if (!fits_sizes(c, use) || !fits_length(c, use) || !fits_http(c, use))
        return false;
    if (use->buffer->kind == BUFFER_PACKET && !has_header(c, use->buffer->name))
        return refuse(c, "the rule's protocol has no header that %s is about", use->buffer->name);
    if (use->absent_or_else && !use->items)
        return refuse(c, "absent: or_else wants something to look for in %s", use->buffer->name);
    if (use->absent && use->items)
        return refuse(c, "the buffer %s cannot be absent and hold something", use->buffer->name);
    for (const struct transform *t = use->buffer->transforms; t; t = t->next) {
        stripped |= strcmp(t->name, "strip_whitespace") == 0;
        compressed |= strcmp(t->name, "compress_whitespace") == 0;
        lowered |= strcmp(t->name, "to_lowercase") == 0 || strcmp(t->name, "header_lowercase") == 0;
        raised |= strcmp(t->name, "to_uppercase") == 0;
    }
    for (const struct item *item = use->items; item; item = item->next) {
        if (item->kind != ITEM_CONTENT || item->negated)
            continue;
        struct bytes content = item->content.bytes;
        for (size_t i = 0; i < content.size; i++) {
            bool space = byte_is_space(content.data[i]);
            uint8_t letter = content.data[i];
            if (lowered && letter >= 'A' && letter <= 'Z')
                return refuse(c, "the content is incompatible with to_lowercase transform");
            if (raised && letter >= 'a' && letter <= 'z' && !item->content.nocase)
                return refuse(c, "the content is incompatible with to_uppercase transform");
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

/* Where the protocols of a rule have files. */
static uint8_t file_directions(const struct compiler *c, const struct buffer_use *use)
{
    uint8_t directions = 0;
    for (size_t p = 0; p < c->set->protocol_count; p++)
        if ((use->protocols & c->signature->protocols) >> p & 1)
            directions |= c->set->protocols[p]->file_directions;
    return directions;
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
        else if (use->buffer->kind == BUFFER_TEST && use->side)
            allowed &= (uint8_t)(1 << (use->side - 1));
        else if (use->buffer->kind >= BUFFER_FILES && use->buffer->kind <= BUFFER_FILE_MAGIC)
            allowed &= file_directions(c, use);
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

/* Its buffers are of transactions; a hook says when, not what. */
static bool inspects_tx(const struct signature *s)
{
    for (const struct buffer_use *use = s->uses; use; use = use->next)
        if (is_tx_use(use) && use->buffer->kind != BUFFER_HOOK)
            return true;
    return false;
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
            return refuse(c,
                          "rule contains conflicting protocols: the buffer %s does not go with its header or "
                          "other buffers",
                          use->buffer->name);
    }
    if (s->protocols)
        common &= s->protocols;
    if (tx || frame || c->protocols || s->protocols)
        s->protocols = common;
    if (!common)
        return refuse(c, "rule contains conflicting protocols");
    s->parts_only = s->protocols && view_protocols_name(c->set, common) && !set_wholes_of(c->set, common);
    s->kind = frame ? SIGNATURE_FRAME : tx ? SIGNATURE_TX : SIGNATURE_PACKET;
    if (frame && tx)
        return refuse(c, "frames do not go with buffers of transactions");
    const char *packet = c->packet_only ? "tcp-pkt" : "keywords about one packet (as dsize, flags, ttl)";
    if ((c->of_packet || c->packet_only) && (frame || inspects_tx(s)))
        return refuse(c, "%s do%s not go with what is looked for in transactions", packet,
                      c->packet_only ? "es" : "");
    if ((c->of_packet || c->packet_only) && (c->stream_only || s->only_stream))
        return refuse(c, "%s do%s not go with tcp-stream or flow:only_stream", packet,
                      c->packet_only ? "es" : "");
    return true;
}

static bool concerns_tcp(const struct compiler *c)
{
    return c->ip_protocols[IP_TCP / 8] >> IP_TCP % 8 & 1;
}

/* Raw payload on TCP, also of rules about IP: the reassembled stream, unless something asks for packets
 * (Suricata's documentation, rules/intro, "tcp-pkt" and "tcp-stream"; a depth or offset wants both, and so
 * does stream_size where the header names no application, as it runs). */
static void settle_payload(struct compiler *c)
{
    struct signature *s = c->signature;
    const struct buffer_use *payload = NULL;
    for (const struct buffer_use *use = s->uses; use; use = use->next)
        if (use->buffer->kind == BUFFER_PAYLOAD)
            payload = use;
    /* What is said of a packet is said of the one that has the bytes. */
    s->needs_packet |= c->packet_only || s->no_stream || (payload && c->of_packet);
    s->needs_stream |= c->stream_only || s->only_stream;
    if (!payload || !concerns_tcp(c) || s->needs_packet || s->needs_stream)
        return;
    s->needs_stream = true;
    s->needs_packet = c->has_stream_size && !c->protocols;
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
    return !s->uses && !s->protocols && !c->state_given && !h->any_packet && !s->any_packet && !s->bypass &&
           !c->direction_given && !s->only_stream && !s->no_stream && !s->only_frag && !s->no_frag &&
           !s->needs_packet && !s->needs_stream;
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
    while (others && is_protocol_check(others))
        others = others->next;
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
static uint8_t place_of_action(const struct ruleset *set, uint8_t action)
{
    static const uint8_t stock[ACTION_PLACES] = { ACTION_PASS, ACTION_DROP, ACTION_REJECT, ACTION_ALERT };
    const uint8_t *order = set->settings->action_order[0] ? set->settings->action_order : stock;
    if (action & (ACTION_REJECT_SRC | ACTION_REJECT_DST | ACTION_REJECT_BOTH))
        action = ACTION_REJECT;
    for (uint8_t i = 0; i < ACTION_PLACES; i++)
        if (order[i] == action)
            return (uint8_t)(i + 1);
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
    parts->app_layer = c->protocols || (c->signature->kind == SIGNATURE_PACKET && c->signature->protocols);
    for (const struct buffer_use *use = c->signature->uses; use; use = use->next)
        parts->app_layer |= is_tx_use(use);
    /* Buffers of many protocols (files) name none. */
    if (!c->protocols && !view_protocols_name(c->set, c->signature->protocols))
        parts->app_layer = false;
    for (const struct rule_part *part = parts->first; part; part = part->next)
        parts->app_layer |= part->keyword && part->keyword->flags & KEYWORD_OF_APP;
}

bool settle(struct compiler *c, struct header *header)
{
    struct signature *s = c->signature;
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
        settle_capitals(c, use);
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
    s->flow_scope = s->scope ? s->scope == SCOPE_FLOW : is_about_flow(c, header);
    s->once = s->once && is_about_flow(c, header);
    note_rule(c);
    s->order[ORDER_ACTION] = place_of_action(c->set, s->rule.action);
    s->order[ORDER_PRIORITY] = (uint8_t)MIN(s->rule.priority, 255U);
    return true;
}
