/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a compiled rule for reports; see rule_view.h. */
#include "detect/rule_view.h"

#include "base/text.h"
#include "detect/regex.h"

bool view_on_transaction(const struct buffer_use *use)
{
    return use->buffer->kind != BUFFER_PAYLOAD && use->buffer->kind != BUFFER_PACKET &&
           use->buffer->kind != BUFFER_FRAME;
}

/* ---- names ---- */

static const struct keyword *keyword_named(const struct ruleset *set, const char *name)
{
    uintptr_t *place = map_find(&set->keywords, bytes_of_string(name));
    return place ? (const struct keyword *)*place : NULL;
}

const char *view_keyword_name(const struct keyword *keyword)
{
    return keyword->shown ? keyword->shown : keyword->name;
}

const struct rule_part *view_part_of(const struct rule_view *view, const void *thing)
{
    for (const struct rule_part *part = view->parts->first; part; part = part->next)
        if (part->item == thing || part->use == thing || part->file_check == thing)
            return part;
    return NULL;
}

/* What a row of a protocol is called; of "x.raw" the keyword is "x". */
void view_row_name(const struct inspect *row, char *name, size_t capacity)
{
    struct text text = text_of(name, capacity);
    struct bytes whole = bytes_of_string(row->name);
    bool raw = row->kind == INSPECT_NUMBER && bytes_ends(whole, BYTES_OF(".raw"));
    text_put(&text, raw ? bytes_first(whole, whole.size - 4) : whole);
}

const char *view_buffer_name(const struct ruleset *set, const struct buffer *buffer)
{
    if (buffer->kind == BUFFER_PAYLOAD)
        return "payload";
    for (size_t p = 0; p < PROTOCOLS_MAX; p++) {
        const struct inspect *row = buffer->rows[p];
        if (row)
            return row->shown ? row->shown : row->modifier ? row->modifier : row->name;
    }
    const struct keyword *keyword = keyword_named(set, buffer->name);
    return keyword ? view_keyword_name(keyword) : buffer->name;
}

static bool all_named(const struct ruleset *set, uint64_t mask, const char *name)
{
    for (size_t p = 0; p < set->protocol_count; p++)
        if (mask >> p & 1 && !protocol_is_named(set->protocols[p], bytes_of_string(name)))
            return false;
    return true;
}

/* The name that all of these protocols are known by; NULL: there is none. HTTP says when it means any
 * version. */
const char *view_protocols_name(const struct ruleset *set, uint64_t mask)
{
    for (size_t p = 0; p < set->protocol_count; p++) {
        const char *candidate = set->protocols[p]->name;
        if (mask >> p & 1 && all_named(set, mask, candidate))
            return mask & (mask - 1) && strcmp(candidate, "http") == 0 ? "http_any" : candidate;
    }
    return NULL;
}

/* ---- what the prefilter looks for, by the documented choice ---- */

/* An explicit fast_pattern; what is there before what is not; buffers of protocols and headers before raw
 * bytes, but a method or status last (Suricata's documentation, "Fast Pattern Determination Explained"). */
static int choice_rank(const struct buffer_use *use, const struct item *item)
{
    static const char *const last[] = { "http.method", "http.stat_code", "http.stat_msg" };
    if (item->content.fast_pattern)
        return 4;
    if (item->negated)
        return 0;
    for (size_t i = 0; i < COUNT_OF(last); i++)
        if (strcmp(use->buffer->name, last[i]) == 0)
            return 1;
    return use->buffer->kind == BUFFER_PAYLOAD ? 2 : 3;
}

/* "Pattern strength", same place: rare bytes and new ones count for more. */
static unsigned strength(struct bytes bytes)
{
    bool seen[256] = { false };
    unsigned score = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t b = bytes.data[i], lower = byte_lower(b);
        bool letter = lower >= 'a' && lower <= 'z', common = (b >= ' ' && b < 0x7f) || b <= 1 || b == 0xff;
        score += seen[b] ? 1 : letter ? 3 : common ? 4 : 6;
        seen[b] = true;
    }
    return score;
}

static bool is_better(const struct rule_view *view, const struct buffer_use *use, const struct item *item)
{
    if (item->kind != ITEM_CONTENT)
        return false;
    if (!view->fast)
        return true;
    int rank = choice_rank(use, item), best = choice_rank(view->fast_use, view->fast);
    if (rank != best)
        return rank > best;
    struct bytes mine = item->content.bytes, other = view->fast->content.bytes;
    if (mine.size != other.size)
        return mine.size > other.size;
    return strength(mine) > strength(other);
}

bool view_has_own_list(const struct rule_view *view, const struct buffer_use *use)
{
    const struct rule_part *part = view_part_of(view, use);
    return part && part->keyword && part->keyword->list;
}

static void choose(struct rule_view *view)
{
    for (size_t i = 0; i < view->use_count; i++)
        for (const struct item *item = view->uses[i]->items; item; item = item->next)
            if (!view->uses[i]->absent_or_else && !view_has_own_list(view, view->uses[i]) &&
                is_better(view, view->uses[i], item)) {
                view->fast_use = view->uses[i];
                view->fast = item;
            }
}

/* ---- reading the rule ---- */

static bool has_item(const struct buffer_use *use, const struct item *wanted)
{
    for (const struct item *item = use->items; item; item = item->next)
        if (item == wanted)
            return true;
    return false;
}

static void add_use(struct rule_view *view, const struct buffer_use *use)
{
    if (use->implied)
        return;
    for (size_t i = 0; i < view->use_count; i++)
        if (view->uses[i] == use)
            return;
    if (view->use_count < USES_MAX)
        view->uses[view->use_count++] = use;
}

static void order_uses(struct rule_view *view)
{
    const struct buffer_use *first = view->signature->uses;
    for (const struct rule_part *part = view->parts->first; part; part = part->next)
        for (const struct buffer_use *use = first; use; use = use->next)
            if (use == part->use || (part->item && has_item(use, part->item)))
                add_use(view, use);
    for (const struct buffer_use *use = first; use; use = use->next)
        add_use(view, use);
}

const struct rule_parts *view_parts(const struct ruleset *set, const struct signature *signature)
{
    static const struct rule_parts none = { 0 };
    uintptr_t *place = map_find(&set->parts, bytes_of(&signature, sizeof signature));
    return place ? (const struct rule_parts *)*place : &none;
}

struct rule_view rule_view(const struct ruleset *set, const struct signature *signature)
{
    struct rule_view view = { .set = set, .signature = signature, .parts = view_parts(set, signature) };
    const struct header *header = &set->headers[signature->header];
    bool tcp = header->ip_protocols[IP_TCP / 8] >> IP_TCP % 8 & 1;
    order_uses(&view);
    for (size_t i = 0; i < view.use_count; i++)
        view.payload |= view.uses[i]->buffer->kind == BUFFER_PAYLOAD;
    for (const struct rule_part *part = view.parts->first; part; part = part->next)
        if (part->leads && part->check)
            view.leader = part;
    view.stream = signature->needs_stream || (view.payload && tcp && !signature->needs_packet);
    view.packet = signature->needs_packet || view.parts->needs_packet;
    if (!view.leader)
        choose(&view);
    return view;
}

/* The list of the report that a keyword's match is in; NULL: none. */
const char *view_list_of(const struct rule_part *part)
{
    if (!part->keyword || part->item || part->use || part->file_check || part->hidden)
        return NULL;
    if (part->keyword->list)
        return part->keyword->list;
    return part->check ? "packet" : part->action ? "postmatch" : NULL;
}

bool view_has_list(const struct rule_view *view, const char *name)
{
    bool postmatch = strcmp(name, "postmatch") == 0;
    for (const struct rule_part *part = view->parts->first; part; part = part->next)
        if ((view_list_of(part) && strcmp(view_list_of(part), name) == 0) ||
            (postmatch && view_postmatch_of(part)))
            return true;
    return false;
}

size_t view_postmatch_count(const struct rule_part *part)
{
    if (part->item && part->item->kind == ITEM_REGEX)
        return regex_capture_count(part->item->regex);
    return part->keyword && part->keyword->postmatch;
}

const char *view_postmatch_of(const struct rule_part *part)
{
    if (part->item && part->item->kind == ITEM_REGEX && regex_captures(part->item->regex))
        return "__flowvar__postmatch__";
    return part->keyword ? part->keyword->postmatch : NULL;
}

bool view_has_flag(const struct rule_view *view, unsigned flag)
{
    for (const struct rule_part *part = view->parts->first; part; part = part->next)
        if (part->keyword && part->keyword->flags & flag && view_list_of(part) && !part->action)
            return true;
    return false;
}

const char *view_type(const struct rule_view *view)
{
    const struct signature *s = view->signature;
    const struct header *h = &view->set->headers[s->header];
    const struct ranges *addresses = view->set->addresses.items;
    bool packet = view_has_list(view, "packet");
    if (s->kind == SIGNATURE_IP_ONLY)
        return "ip_only";
    if (s->kind == SIGNATURE_TX || s->kind == SIGNATURE_FRAME)
        return "app_tx";
    if (s->trigger == TRIGGER_DECODE_EVENT)
        return "de_only";
    if (view->payload && view->packet && !view->stream)
        return "pkt";
    if (view->payload)
        return view->stream && !view->packet ? "stream" : "pkt_stream";
    if (s->once && s->flow_scope && !s->protocols)
        return "pd_only";
    if (s->uses || packet)
        return "pkt";
    if (s->protocols)
        return "app_layer";
    return s->flow_scope && (addresses[h->src].subtracted || addresses[h->dst].subtracted) ? "like_ip_only"
                                                                                           : "pkt";
}

void view_frame_name(const struct buffer *buffer, const struct protocol *protocol, struct text *name)
{
    struct bytes written = bytes_from(bytes_of_string(buffer->name), sizeof "frame:" - 1);
    if (!protocol_is_named(protocol, bytes_first(written, bytes_find_byte(written, '.'))))
        text_add(name, "%s.", protocol->name);
    text_put(name, written);
}

void view_told_name(const struct rule_view *view, const struct buffer *buffer, struct text *name)
{
    if (buffer->kind != BUFFER_FRAME) {
        text_string(name, view_buffer_name(view->set, buffer));
        return;
    }
    for (size_t p = 0; p < view->set->protocol_count; p++)
        if (view->signature->protocols >> p & 1 && buffer->frame_types[p]) {
            view_frame_name(buffer, view->set->protocols[p], name);
            return;
        }
}
