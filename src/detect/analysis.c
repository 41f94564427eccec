/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled rules as JSON; see analysis.h. */
#include "detect/analysis.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "detect/engine_places.h"
#include "detect/report.h"
#include "detect/rule_view.h"
#include "packet/decode.h"

#define LINE_MAX_SIZE (1 << 20) /* bytes of one rule's object */
#define ENGINES_MAX   512

/* ---- matches ---- */

static void write_name(struct text *out, const char *name)
{
    json_open(out, NULL, '{');
    json_cstring(out, "name", name);
    json_close(out, '}');
}

static void write_absent(struct text *out, const struct buffer_use *use)
{
    json_open(out, NULL, '{');
    json_cstring(out, "name", "absent");
    json_open(out, "absent", '{');
    json_bool(out, "or_else", use->absent_or_else);
    json_close(out, '}');
    json_close(out, '}');
}

static const char *made_by(const struct rule_view *view, const void *thing)
{
    const struct rule_part *part = view_part_of(view, thing);
    return part && part->keyword ? view_keyword_name(part->keyword) : NULL;
}

/* NULL: it has a generic name. */
static const char *engine_name(const struct rule_view *view, const struct buffer_use *use)
{
    const struct rule_part *part = view_part_of(view, use);
    if (use->buffer->kind == BUFFER_PAYLOAD)
        return "stream";
    if (use->buffer->kind == BUFFER_EVENT)
        return "app-layer-events";
    if (part && part->keyword && part->keyword->list)
        return part->keyword->list;
    if (use->buffer->kind == BUFFER_HOOK || use->buffer->kind == BUFFER_TEST)
        return NULL;
    return view_buffer_name(view->set, use->buffer);
}

/* Conditions on a buffer of one name are one engine's. */
static bool share_engine(const struct rule_view *view, const struct buffer_use *a, const struct buffer_use *b)
{
    if (a == b || a->buffer->transforms != b->buffer->transforms || a->side != b->side ||
        !view_on_transaction(a) || !view_on_transaction(b) ||
        (a->buffer == b->buffer && a->buffer->kind != BUFFER_TEST))
        return a == b;
    const char *mine = engine_name(view, a), *other = engine_name(view, b);
    return mine && other && strcmp(mine, other) == 0;
}

/* Contents end before the most bytes that a size condition allows; 0: none does. */
static uint64_t bound_of(const struct range *size, uint64_t beyond)
{
    switch (size->comparison) {
    case IS_EQUAL:
        return size->a;
    case IS_LESS:
        return size->a + beyond;
    case IS_BETWEEN:
        return size->b + beyond;
    default:
        return 0;
    }
}

/* By dsize for raw bytes, by urilen for a URI. */
static uint64_t size_bound(const struct rule_view *view, const struct buffer_use *use)
{
    const struct signature *s = view->signature;
    uint64_t bound = 0;
    if (use->buffer->kind == BUFFER_PAYLOAD)
        for (const struct check *check = s->checks; check && !bound; check = check->next)
            bound = check->subject == CHECK_PAYLOAD_SIZE ? bound_of(&check->range, 0) : 0;
    else
        for (size_t i = 0; i < view->use_count && !bound; i++)
            if (bytes_starts(bytes_of_string(view->uses[i]->buffer->name), BYTES_OF("urilen")) &&
                share_engine(view, view->uses[i], use))
                bound = bound_of(&view->uses[i]->range, 1);
    return bound;
}

/* Bytes up to which a content may reach that follows another within so many; 0: anywhere. */
static uint64_t chained_depth(const struct content *content, uint64_t before)
{
    if (content->has_depth)
        return content->depth.variable == NO_VARIABLE && content->offset.variable == NO_VARIABLE
                   ? (uint64_t)(content->depth.value + (content->has_offset ? content->offset.value : 0))
                   : 0;
    if (!before || !content->has_within || content->within.variable != NO_VARIABLE ||
        content->distance.variable != NO_VARIABLE)
        return 0;
    return (uint64_t)MAX(
        (int64_t)before + content->within.value + (content->has_distance ? content->distance.value : 0), 0);
}

static bool has_end(const struct buffer_use *use)
{
    for (const struct item *item = use->items; item; item = item->next)
        if (item->kind == ITEM_CONTENT && item->content.ends)
            return true;
    return false;
}

/* A content at the end of data bounds the data, when it is bound to their beginning. */
static struct content_told told_of(const struct rule_view *view, const struct buffer_use *use,
                                   const struct item *wanted)
{
    uint64_t size = size_bound(view, use), before = 0, bound = 0;
    struct content_told told = { .fast = wanted == view->fast,
                                 .bounded = size && use->buffer->kind != BUFFER_PAYLOAD };
    for (const struct item *item = use->items; item; item = item->next) {
        const struct content *content = &item->content;
        uint64_t depth = item->kind == ITEM_CONTENT ? chained_depth(content, before) : 0;
        if (item == wanted && depth)
            told.depth = bound ? bound : has_end(use) ? depth : 0;
        else if (item == wanted)
            told.depth = bound ? bound : size;
        if (depth && content->ends && !bound)
            bound = depth;
        before = depth;
    }
    return told;
}

static void write_items(struct text *out, const struct rule_view *view, const struct buffer_use *use,
                        const struct item *items)
{
    static const char *const names[] = {
        [ITEM_CONTENT] = "content",
        [ITEM_REGEX] = "pcre",
        [ITEM_DATA_AT] = "isdataat",
        [ITEM_SIZE] = "bsize",
        [ITEM_TEST] = "byte_test",
        [ITEM_JUMP] = "byte_jump",
        [ITEM_EXTRACT] = "byte_extract",
        [ITEM_MATH] = "byte_math",
        [ITEM_BASE64] = "base64_decode",
        [ITEM_DATASET] = "dataset",
        [ITEM_ENTROPY] = "entropy",
        [ITEM_BOUNCE] = "ftpbounce",
        [ITEM_ASN1] = "asn1",
    };
    for (const struct item *item = items; item; item = item->next) {
        struct content_told told = told_of(view, use, item);
        bool reputation = item->kind == ITEM_DATASET && item->dataset.has_range;
        report_item(out, reputation ? "datarep" : names[item->kind], item, &told);
    }
}

static void write_use(struct text *out, const struct rule_view *view, const struct buffer_use *use)
{
    const char *keyword = made_by(view, use);
    char name[96];
    if (use->absent || use->absent_or_else)
        write_absent(out, use);
    for (const struct file_check *check = use->file_checks; check; check = check->next) {
        const char *maker = made_by(view, check);
        write_name(out, maker ? maker : "file");
    }
    for (size_t p = 0; p < PROTOCOLS_MAX && use->buffer->kind == BUFFER_TX; p++) {
        const struct inspect *row = use->buffer->rows[p];
        if (!row || row->kind != INSPECT_NUMBER)
            continue;
        view_row_name(row, name, sizeof name);
        write_name(out, name);
        break;
    }
    if (keyword && (view_has_own_list(view, use) || use->buffer->kind == BUFFER_TEST ||
                    use->buffer->kind == BUFFER_EVENT || use->buffer->kind == BUFFER_HOOK)) {
        write_name(out, keyword);
        return;
    }
    write_items(out, view, use, use->items);
}

static void write_matches(struct text *out, const struct rule_view *view, const struct buffer_use *use)
{
    if (use->buffer->kind == BUFFER_HOOK)
        return;
    json_open(out, "matches", '[');
    for (size_t i = 0; i < view->use_count; i++)
        if (share_engine(view, view->uses[i], use))
            write_use(out, view, view->uses[i]);
    json_close(out, ']');
}

/* ---- engines ---- */

struct engine {
    const struct buffer_use *use;
    const char *protocol;
    uint8_t direction, progress;
    bool fast;
};

struct engines {
    struct engine items[ENGINES_MAX];
    size_t count;
};

static bool comes_before(const struct engine *a, const struct engine *b)
{
    bool raw = a->use->buffer->kind == BUFFER_PAYLOAD && !a->fast;
    if (raw != (b->use->buffer->kind == BUFFER_PAYLOAD))
        return !raw;
    return a->progress <= b->progress;
}

/* What the prefilter leads to comes first; the others by progress, those of raw bytes at the end. */
static void add_engine(struct engines *engines, struct engine engine)
{
    size_t at = 0;
    if (engines->count == ENGINES_MAX)
        return;
    if (!engine.fast)
        for (at = engines->count && engines->items[0].fast;
             at < engines->count && comes_before(&engines->items[at], &engine);)
            at++;
    memmove(&engines->items[at + 1], &engines->items[at], (engines->count - at) * sizeof engine);
    engines->items[at] = engine;
    engines->count++;
}

/* Those of one buffer come with the first of them. */
static bool is_first(const struct rule_view *view, size_t use)
{
    for (size_t i = 0; i < use; i++)
        if (share_engine(view, view->uses[i], view->uses[use]))
            return false;
    return true;
}

/* What reports call the engine of a condition without a buffer: after the protocol's state. */
static const char *generic_name(char *name, size_t capacity, const struct engine *engine)
{
    const struct protocol *protocol = protocol_find(bytes_of_string(engine->protocol));
    const char *const *names = protocol ? protocol->progress_names[engine->direction] : NULL;
    struct text text = text_of(name, capacity);
    text_add(&text, "%s:", engine->protocol);
    if (names && engine->progress <= protocol_complete(protocol, engine->direction))
        text_string(&text, names[engine->progress]);
    else
        text_add(&text, "%s_%s", engine->direction == TO_SERVER ? "request" : "response",
                 engine->progress ? "complete" : "started");
    text_string(&text, ":generic");
    return name;
}

/* Raw bytes and events are of no protocol here. */
static void collect_plain(const struct rule_view *view, const struct buffer_use *use, struct engines *engines,
                          bool fast)
{
    const struct signature *s = view->signature;
    for (unsigned d = 0; d < DIRECTIONS; d++)
        if (use->side ? d == use->side - 1U : d == TO_SERVER ? s->to_server : s->to_client)
            add_engine(engines, (struct engine){ use, "unknown", (uint8_t)d, 0, fast });
}

static void collect(const struct rule_view *view, const struct buffer_use *use, struct engines *engines)
{
    bool fast = view->fast_use && share_engine(view, use, view->fast_use);
    if (use->buffer->kind == BUFFER_PAYLOAD || use->buffer->kind == BUFFER_EVENT) {
        collect_plain(view, use, engines, fast);
        return;
    }
    struct engine_place places[ENGINE_PLACES_MAX];
    const char *name = engine_name(view, use);
    size_t count = engine_places(view, use, name ? name : "", places);
    for (size_t i = 0; i < count; i++)
        add_engine(engines,
                   (struct engine){ use, places[i].protocol, places[i].direction, places[i].progress, fast });
}

static void write_engine_name(struct text *out, const struct rule_view *view, const struct engine *engine)
{
    char generic[128];
    const char *name = engine_name(view, engine->use);
    json_cstring(out, "name", name ? name : generic_name(generic, sizeof generic, engine));
}

static void write_transforms(struct text *out, const struct transform *transform)
{
    if (!transform)
        return;
    json_open(out, "transforms", '[');
    for (; transform; transform = transform->next)
        write_name(out, transform->name);
    json_close(out, ']');
}

static void write_engine(struct text *out, const struct rule_view *view, const struct engine *engine)
{
    json_open(out, NULL, '{');
    write_engine_name(out, view, engine);
    json_cstring(out, "direction", engine->direction == TO_SERVER ? "toserver" : "toclient");
    json_bool(out, "is_mpm", engine->fast);
    json_cstring(out, "app_proto", engine->protocol);
    json_uint(out, "progress", engine->progress);
    write_transforms(out, engine->use->buffer->transforms);
    write_matches(out, view, engine->use);
    json_close(out, '}');
}

/* A hook says when, which is nothing of its own beside what is looked for. */
static bool is_mere_hook(const struct rule_view *view, const struct buffer_use *use)
{
    return use->buffer->kind == BUFFER_HOOK && view->use_count > 1;
}

/* One for each protocol that has the buffer, and each direction. */
static void collect_all(const struct rule_view *view, struct engines *engines)
{
    engines->count = 0;
    for (size_t i = 0; i < view->use_count; i++) {
        const struct buffer_use *use = view->uses[i];
        if (is_first(view, i) && !is_mere_hook(view, use) &&
            (view_on_transaction(use) ||
             (use->buffer->kind == BUFFER_PAYLOAD && view->signature->kind == SIGNATURE_TX)))
            collect(view, use, engines);
    }
}

static void write_engines(struct text *out, const struct rule_view *view, const struct engines *engines)
{
    if (!engines->count)
        return;
    json_open(out, "engines", '[');
    for (size_t i = 0; i < engines->count; i++)
        write_engine(out, view, &engines->items[i]);
    json_close(out, ']');
}

static void write_packet_engine(struct text *out, const struct rule_view *view, const char *name,
                                const struct buffer_use *use, bool with_matches)
{
    json_open(out, NULL, '{');
    json_cstring(out, "name", name);
    json_bool(out, "is_mpm", use && use == view->fast_use);
    if (use)
        write_transforms(out, use->buffer->transforms);
    if (use && with_matches)
        write_matches(out, view, use);
    json_close(out, '}');
}

static void write_packet_use(struct text *out, const struct rule_view *view, const struct buffer_use *use)
{
    if (use->buffer->kind == BUFFER_PACKET)
        write_packet_engine(out, view, use->buffer->name, use, true);
    else if (use->buffer->kind == BUFFER_PAYLOAD && view->signature->kind == SIGNATURE_PACKET)
        write_packet_engine(out, view, "payload", use, false);
}

/* What the prefilter leads to comes first, then headers; raw bytes are last. */
static void write_packet_engines(struct text *out, const struct rule_view *view)
{
    json_open(out, "pkt_engines", '[');
    if (view->fast_use && view->fast_use->buffer->kind == BUFFER_PACKET)
        write_packet_use(out, view, view->fast_use);
    for (size_t i = 0; i < view->use_count; i++)
        if (view->uses[i]->buffer->kind == BUFFER_PACKET && view->uses[i] != view->fast_use)
            write_packet_use(out, view, view->uses[i]);
    for (size_t i = 0; i < view->use_count; i++)
        if (view->uses[i]->buffer->kind == BUFFER_PAYLOAD)
            write_packet_use(out, view, view->uses[i]);
    if (view_has_list(view, "packet"))
        write_packet_engine(out, view, "packet", NULL, false);
    json_close(out, ']');
}

static void write_frame_engines(struct text *out, const struct rule_view *view)
{
    const struct signature *s = view->signature;
    json_open(out, "frame_engines", '[');
    for (size_t i = 0; i < view->use_count; i++) {
        const struct buffer *buffer = view->uses[i]->buffer;
        for (size_t p = 0; p < view->set->protocol_count && buffer->kind == BUFFER_FRAME; p++) {
            const struct protocol *protocol = view->set->protocols[p];
            char name[96];
            struct text text = text_of(name, sizeof name);
            if (!(s->protocols >> p & 1) || !buffer->frame_types[p])
                continue;
            view_frame_name(buffer, protocol, &text);
            for (unsigned d = 0; d < DIRECTIONS; d++)
                if (d == TO_SERVER ? s->to_server : s->to_client)
                    write_packet_engine(out, view, name, view->uses[i], true);
        }
    }
    json_close(out, ']');
}

/* ---- lists ---- */

static void write_part(struct text *out, const struct rule_view *view, const struct rule_part *part)
{
    const struct keyword *keyword = part->keyword;
    json_open(out, NULL, '{');
    json_cstring(out, "name", view_keyword_name(keyword));
    if (keyword->report) {
        json_open(out, keyword->key ? keyword->key : keyword->name, '{');
        keyword->report(view->set, part, out);
        json_close(out, '}');
    } else if (keyword->key && part->check) {
        report_range(out, keyword->key, &part->check->range);
    }
    json_close(out, '}');
}

static void write_list(struct text *out, const struct rule_view *view, const char *name)
{
    if (!view_has_list(view, name))
        return;
    bool postmatch = strcmp(name, "postmatch") == 0;
    json_open(out, name, '{');
    json_open(out, "matches", '[');
    for (const struct rule_part *part = view->parts->first; part; part = part->next) {
        if (view_list_of(part) && strcmp(view_list_of(part), name) == 0)
            write_part(out, view, part);
        for (size_t i = postmatch ? view_postmatch_count(part) : 0; i > 0; i--)
            write_name(out, view_postmatch_of(part));
    }
    json_close(out, ']');
    json_close(out, '}');
}

static void write_decoded(struct text *out, const struct rule_view *view)
{
    for (size_t i = 0; i < view->use_count; i++) {
        for (const struct item *item = view->uses[i]->items; item; item = item->next) {
            if (item->kind != ITEM_BASE64 || !item->base64.items)
                continue;
            json_open(out, "base64_data", '{');
            json_open(out, "matches", '[');
            write_items(out, view, view->uses[i], item->base64.items);
            json_close(out, ']');
            json_close(out, '}');
            return;
        }
    }
}

static void write_lists(struct text *out, const struct rule_view *view)
{
    json_open(out, "lists", '{');
    write_list(out, view, "packet");
    for (size_t i = 0; i < view->use_count; i++)
        if (view->uses[i]->buffer->kind == BUFFER_PAYLOAD && view->signature->kind != SIGNATURE_TX) {
            json_open(out, "payload", '{');
            write_matches(out, view, view->uses[i]);
            json_close(out, '}');
            break;
        }
    write_decoded(out, view);
    write_list(out, view, "postmatch");
    write_list(out, view, "tag");
    write_list(out, view, "threshold");
    json_close(out, '}');
}

/* ---- the rule ---- */

/* A packet without payload is of no such size. */
static bool needs_bytes(const struct range *size)
{
    return size->comparison == IS_NOT || size->comparison == IS_BETWEEN || size->comparison == IS_MORE ||
           size->comparison == IS_AT_LEAST || (size->comparison == IS_EQUAL && size->a);
}

static void write_requirements(struct text *out, const struct rule_view *view)
{
    bool size = false, empty = false;
    uint32_t flags = 0;
    for (const struct rule_part *part = view->parts->first; part; part = part->next) {
        if (part->keyword && part->check && strcmp(view_keyword_name(part->keyword), "tcp.flags") == 0)
            flags |= part->check->a;
        if (!part->check || part->check->subject != CHECK_PAYLOAD_SIZE)
            continue;
        size |= needs_bytes(&part->check->range);
        empty |= part->check->range.comparison == IS_EQUAL && part->check->range.a == 0;
    }
    json_open(out, "requirements", '[');
    const struct {
        const char *name;
        bool holds;
    } all[] = { { "no_payload", empty },
                { "payload", !empty && (size || view->payload) },
                { "flow", view->parts->app_layer || view_has_flag(view, KEYWORD_OF_FLOW) },
                { "tcp_flags_init_deinit", flags & (TCP_SYN | TCP_FIN | TCP_RST) },
                { "tcp_flags_unusual", flags & (TCP_URG | TCP_ECE | TCP_CWR) },
                { "engine_event", view_has_flag(view, KEYWORD_OF_EVENT) },
                { "real_pkt", view->packet && !view->stream } };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].holds)
            json_cstring(out, NULL, all[i].name);
    json_close(out, ']');
}

static void write_flags(struct text *out, const struct rule_view *view, bool swapped)
{
    const struct signature *s = view->signature;
    const struct header *h = &view->set->headers[s->header];
    const struct ranges *addresses = view->set->addresses.items, *ports = view->set->ports.items;
    bool size = false, reads_bits = false, body = false;
    for (size_t i = 0; i < view->use_count; i++)
        body |= s->kind == SIGNATURE_TX && view->payload && view->uses[i]->buffer->stream;
    for (const struct rule_part *part = view->parts->first; part; part = part->next) {
        size |= part->check && part->check->subject == CHECK_PAYLOAD_SIZE;
        reads_bits |= part->asked != NULL;
    }
    const struct {
        const char *name;
        bool holds;
    } all[] = { { "src_any", ranges_is_all(&addresses[swapped ? h->dst : h->src], false) },
                { "dst_any", ranges_is_all(&addresses[swapped ? h->src : h->dst], false) },
                { "sp_any", ranges_is_all(&ports[swapped ? h->dst_ports : h->src_ports], true) },
                { "dp_any", ranges_is_all(&ports[swapped ? h->src_ports : h->dst_ports], true) },
                { "noalert", s->no_alert || (s->rule.action == ACTION_PASS && !s->alerts_too) },
                { "dsize", size },
                { "applayer", view->parts->app_layer },
                { "need_packet", view->packet },
                { "need_stream", view->stream && s->kind != SIGNATURE_FRAME },
                { "filestore", s->files_store },
                { "flush", body },
                { "negated_mpm", view->fast && view->fast->negated },
                { "need_flowvar", reads_bits },
                { "toserver", s->to_server },
                { "toclient", s->to_client },
                { "bypass", s->bypass },
                { "tlsstore", s->rule.stores_certificate },
                { "prefilter", view->fast || view->leader },
                { "src_is_target", s->rule.has_target && s->rule.target_is_source },
                { "dst_is_target", s->rule.has_target && !s->rule.target_is_source } };
    json_open(out, "flags", '[');
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].holds)
            json_cstring(out, NULL, all[i].name);
    json_close(out, ']');
}

static void write_policy(struct text *out, const struct rule_view *view, const char *type)
{
    const struct signature *s = view->signature;
    static const struct {
        uint8_t action;
        const char *name;
    } rejects[] = { { ACTION_REJECT, "reject" },
                    { ACTION_REJECT_SRC, "reject" },
                    { ACTION_REJECT_DST, "reject_dst" },
                    { ACTION_REJECT_BOTH, "reject_both" } };
    uint8_t action = s->rule.action;
    json_open(out, "match_policy", '{');
    json_open(out, "actions", '[');
    if (action == ACTION_PASS ? s->alerts_too : action != ACTION_CONFIG && !s->no_alert)
        json_cstring(out, NULL, "alert");
    if (action == ACTION_PASS || action == ACTION_CONFIG)
        json_cstring(out, NULL, action == ACTION_PASS ? "pass" : "config");
    else if (action != ACTION_ALERT)
        json_cstring(out, NULL, "drop");
    for (size_t i = 0; i < COUNT_OF(rejects); i++)
        if (action == rejects[i].action)
            json_cstring(out, NULL, rejects[i].name);
    json_close(out, ']');
    bool packet = strcmp(type, "pkt") == 0 || strcmp(type, "de_only") == 0;
    json_cstring(out, "scope",
                 s->scope                                       ? s->scope == SCOPE_FLOW ? "flow" : "packet"
                 : packet                                       ? "packet"
                 : view->payload && s->kind == SIGNATURE_PACKET ? "flow_if_stateful"
                                                                : "flow");
    json_close(out, '}');
}

static void write_notes_of(struct text *out, const struct rule_view *view, const struct buffer_use *use)
{
    for (const struct rule_note *note = view->parts->notes; note; note = note->next)
        if (note->use == use)
            json_cstring(out, NULL, note->text);
}

/* Bytes of a body are held back for raw bytes that stand beside it. */
static bool holds_body(const struct rule_view *view)
{
    return view->fast_use && view->fast_use->buffer->stream && view->payload &&
           view->signature->kind == SIGNATURE_TX;
}

/* What is said of a buffer is said of each engine that has it. */
static void write_notes(struct text *out, const struct rule_view *view, const struct engines *engines)
{
    if (!view->parts->notes && !holds_body(view))
        return;
    json_open(out, "notes", '[');
    write_notes_of(out, view, NULL);
    for (size_t i = 0; i < engines->count; i++)
        write_notes_of(out, view, engines->items[i].use);
    for (size_t i = 0; i < view->use_count && !engines->count; i++)
        write_notes_of(out, view, view->uses[i]);
    if (holds_body(view)) {
        char note[160];
        snprintf(note, sizeof note, "mpm in %s combined with stream match leads to stream buffering",
                 view_buffer_name(view->set, view->fast_use->buffer));
        json_cstring(out, NULL, note);
    }
    json_close(out, ']');
}

/* ---- flow bits that transactions set and packets ask for ---- */

/* What is known of one flow bit over all rules. */
struct bit {
    bool set_by_tx, asked_by_tx;
    struct index_list setters; /* sids */
};

static void bits_free(struct bit *bits, size_t count)
{
    for (size_t i = 0; bits && i < count; i++)
        free(bits[i].setters.items);
    free(bits);
}

static bool note_bits(struct bit *bits, const struct signature *signature, const struct rule_part *part)
{
    bool tx = signature->kind == SIGNATURE_TX;
    for (size_t i = 0; i < part->bit_count; i++) {
        if (part->asked)
            bits[part->asked[i]].asked_by_tx |= tx;
        if (!part->set)
            continue;
        bits[part->set[i]].set_by_tx |= tx;
        if (!index_list_add(&bits[part->set[i]].setters, signature->rule.sid))
            return false;
    }
    return true;
}

static struct bit *bits_of(const struct ruleset *set)
{
    struct bit *bits = calloc(set->bit_count + 1, sizeof *bits);
    for (size_t i = 0; bits && i < set->signature_count; i++)
        for (const struct rule_part *part = view_parts(set, set->signatures[i])->first; part;
             part = part->next)
            if (!note_bits(bits, set->signatures[i], part)) {
                bits_free(bits, set->bit_count);
                return NULL;
            }
    return bits;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Bits that this rule on packets asks for and rules on transactions set, which come later in the same packet;
 * by id. */
static bool awaited_bits(const struct rule_view *view, const struct bit *bits, struct index_list *awaited)
{
    if (view->signature->kind == SIGNATURE_TX)
        return true;
    for (const struct rule_part *part = view->parts->first; part; part = part->next)
        for (size_t i = 0; part->asked && i < part->bit_count; i++) {
            const struct bit *bit = &bits[part->asked[i]];
            if (bit->set_by_tx && !bit->asked_by_tx && !index_list_add(awaited, part->asked[i]))
                return false;
        }
    if (awaited->count)
        qsort(awaited->items, awaited->count, sizeof *awaited->items, by_number);
    return true;
}

static void write_numbers(struct text *out, const char *key, struct index_list *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_number);
    json_open(out, key, '[');
    for (size_t i = 0; i < list->count; i++)
        if (!i || list->items[i] != list->items[i - 1])
            json_uint(out, NULL, list->items[i]);
    json_close(out, ']');
}

static bool write_dependencies(struct text *out, const struct rule_view *view, const struct bit *bits)
{
    struct index_list awaited = { 0 }, setters = { 0 };
    bool good = awaited_bits(view, bits, &awaited);
    for (size_t i = 0; good && i < awaited.count; i++)
        for (size_t k = 0; good && k < bits[awaited.items[i]].setters.count; k++)
            good = index_list_add(&setters, bits[awaited.items[i]].setters.items[k]);
    if (good && awaited.count) {
        static const char *const levels[] = { "dependencies", "flowbits", "upstream",
                                              "state_modifying_rules" };
        for (size_t i = 0; i < COUNT_OF(levels); i++)
            json_open(out, levels[i], '{');
        write_numbers(out, "sids", &setters);
        json_open(out, "names", '[');
        for (size_t i = 0; i < awaited.count; i++)
            if (!i || awaited.items[i] != awaited.items[i - 1])
                json_cstring(out, NULL, view->set->bit_names[awaited.items[i]]);
        json_close(out, ']');
        for (size_t i = 0; i < COUNT_OF(levels); i++)
            json_close(out, '}');
    }
    free(awaited.items);
    free(setters.items);
    return good;
}

static void write_prefilter(struct text *out, const struct rule_view *view)
{
    if (view->leader) {
        json_open(out, "prefilter", '{');
        json_cstring(out, "buffer", "packet");
        json_cstring(out, "name", view_keyword_name(view->leader->keyword));
        json_close(out, '}');
    } else if (view->fast && view->signature->kind != SIGNATURE_FRAME) {
        json_open(out, "mpm", '{');
        bool packet = view->fast_use->buffer->kind == BUFFER_PACKET;
        json_cstring(out, "buffer", packet ? "payload" : view_buffer_name(view->set, view->fast_use->buffer));
        struct content_told told = told_of(view, view->fast_use, view->fast);
        report_content(out, view->fast, &told);
        json_close(out, '}');
    }
}

/* What serves for all rules. */
struct analysis {
    const struct ruleset *set;
    struct bit *bits;
    struct engines engines; /* of the rule at hand */
};

/* `swapped`: of the second direction of a <> rule. */
static bool write_rule(struct text *out, struct analysis *analysis, const struct signature *signature,
                       bool swapped)
{
    const struct rule *rule = &signature->rule;
    const struct rule_view view = rule_view(analysis->set, signature);
    const char *type = view_type(&view);
    const char *protocol = view.parts->app_layer ? view_protocols_name(analysis->set, signature->protocols)
                                                 : NULL;
    collect_all(&view, &analysis->engines);
    json_open(out, NULL, '{');
    json_cstring(out, "class", "threat detection");
    json_string(out, "raw", rule->text);
    json_uint(out, "id", rule->sid);
    json_uint(out, "gid", rule->gid);
    json_uint(out, "rev", rule->rev);
    if (rule->message.data)
        json_string(out, "msg", rule->message);
    json_cstring(out, "app_proto", protocol ? protocol : "unknown");
    write_requirements(out, &view);
    write_policy(out, &view, type);
    json_cstring(out, "type", type);
    bool good = write_dependencies(out, &view, analysis->bits);
    write_flags(out, &view, swapped);
    write_packet_engines(out, &view);
    write_frame_engines(out, &view);
    write_engines(out, &view, &analysis->engines);
    write_lists(out, &view);
    write_prefilter(out, &view);
    write_notes(out, &view, &analysis->engines);
    json_close(out, '}');
    json_end(out);
    return good;
}

static bool write_line(struct analysis *analysis, const struct signature *signature, bool swapped, FILE *out,
                       struct error *error)
{
    struct text line = text_new(LINE_MAX_SIZE);
    bool made = write_rule(&line, analysis, signature, swapped);
    struct bytes bytes = text_bytes(&line);
    bool good = fwrite(bytes.data, 1, bytes.size, out) == bytes.size && fputc('\n', out) != EOF;
    text_done(&line);
    if (!made)
        return error_set(error, "the analysis of rules: out of memory");
    return good || error_system(error, "cannot write the analysis of rules");
}

static bool write_rules(struct analysis *analysis, FILE *out, struct error *error)
{
    for (size_t i = 0; i < analysis->set->signature_count; i++) {
        const struct signature *signature = analysis->set->signatures[i];
        const struct header *header = &analysis->set->headers[signature->header];
        bool differ = header->src != header->dst || header->src_ports != header->dst_ports;
        if (!write_line(analysis, signature, false, out, error) ||
            (header->both && differ && !write_line(analysis, signature, true, out, error)))
            return false;
    }
    return true;
}

bool ruleset_analyze(const struct ruleset *set, FILE *out, struct error *error)
{
    struct analysis *analysis = calloc(1, sizeof *analysis);
    if (!analysis || !(analysis->bits = bits_of(set))) {
        free(analysis);
        return error_set(error, "the analysis of rules: out of memory");
    }
    analysis->set = set;
    bool done = write_rules(analysis, out, error);
    bits_free(analysis->bits, set->bit_count);
    free(analysis);
    return done;
}
