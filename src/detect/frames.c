/* SPDX-License-Identifier: Apache-2.0 */
/* frame: named parts of a conversation as buffers, looked at as their bytes arrive. */
#include <stdlib.h>

#include "detect/buffer.h"
#include "detect/engine.h"
#include "flow/tcp.h"

/* The frame of `protocol` that is called `name`: its index plus 1, or 0. What one side of a stream says is a
 * frame of every protocol. */
static uint8_t frame_of(const struct protocol *protocol, struct bytes name)
{
    if (bytes_is(name, "stream"))
        return FRAME_STREAM + 1;
    for (uint8_t i = 0; protocol->frames && protocol->frames[i]; i++)
        if (bytes_is(name, protocol->frames[i]))
            return (uint8_t)(i + 1);
    return 0;
}

/* The protocols meant by the word before the first dot of *name, which is then taken off, or by the rule. One
 * that shares its name with others goes before them, but for what all have: *own. */
static uint64_t named_protocols(const struct compiler *c, uint8_t transports, struct bytes *name,
                                uint64_t *own)
{
    size_t dot = bytes_find_byte(*name, '.');
    struct bytes word = dot == SIZE_MAX ? BYTES_NONE : bytes_first(*name, dot);
    uint64_t named = set_protocols_named(c->set, word);
    if (named)
        *name = bytes_from(*name, dot + 1);
    else
        word = c->protocol;
    *own = 0;
    for (size_t p = 0; p < c->set->protocol_count; p++) {
        if (named >> p & 1 && c->set->protocols[p]->transports & transports)
            named |= set_parts_of(c->set, c->set->protocols[p]);
        if (bytes_is(word, c->set->protocols[p]->name))
            *own |= (uint64_t)1 << p | set_parts_of(c->set, c->set->protocols[p]);
    }
    return named && c->protocols ? named & c->protocols : named | c->protocols;
}

/* "pdu" of the rule's protocol, or "tls.pdu". Each frame type is a buffer of its own name. */
static bool parse_frame(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes type = value;
    uint8_t transports = (uint8_t)((c->tcp || !c->udp ? TRANSPORT_TCP : 0) |
                                   (c->udp || !c->tcp ? TRANSPORT_UDP : 0));
    uint64_t found = 0, own, named = named_protocols(c, transports, &type, &own);
    char name[80];
    struct text identity = text_of(name, sizeof name);
    text_add(&identity, "frame:%.*s", (int)MIN(value.size, 60U), (const char *)value.data);
    const char *copy = arena_string(&c->set->memory, text_bytes(&identity));
    struct buffer *buffer = copy ? set_buffer_kind(c->set, copy, BUFFER_FRAME, NULL) : NULL;
    if (!buffer)
        return refuse(c, "out of memory");
    for (size_t p = 0; p < c->set->protocol_count; p++) {
        const struct protocol *protocol = c->set->protocols[p];
        uint8_t frame = named >> p & 1 ? frame_of(protocol, type) : 0;
        bool stream = frame == FRAME_STREAM + 1;
        if (!frame || !(transports & (stream ? TRANSPORT_TCP : protocol->transports)) ||
            (!stream && own && !(own >> p & 1)))
            continue;
        found |= (uint64_t)1 << p;
        buffer->frame_types[p] = frame;
        c->signature->needs_stream |= stream;
    }
    buffer->protocols |= found;
    buffer->directions = 1 << TO_SERVER | 1 << TO_CLIENT;
    return found ? compiler_sticky(c, bytes_of_string(copy))
                 : refuse(c, "\"%.*s\" is no frame of this protocol", (int)MIN(value.size, 60U),
                          (const char *)value.data);
}

const struct keyword frame_keywords[] = {
    { "frame", .parse = parse_frame, .help = "A named part of the conversation" },
    { 0 },
};

/* The bytes of the frame that are here; *final: no more will come. */
static struct bytes frame_bytes(const struct context *context, const struct frame *frame, bool *final)
{
    const struct stream *stream = context->in->streams[context->direction];
    struct bytes all;
    if (!stream) {
        all = bytes_from(context->packet->payload, (size_t)MIN(frame->offset, (uint64_t)SIZE_MAX));
        *final = true;
    } else {
        all = stream_held(stream, frame->offset);
        *final = context->in->flow_ends || stream_closed(stream);
    }
    if (frame->size != UINT64_MAX && frame->size <= all.size) {
        all = bytes_first(all, (size_t)frame->size);
        *final = true;
    }
    return all;
}

static bool seen_before(struct flow_memory *state, uint64_t id, uint32_t rule, bool note)
{
    for (size_t i = 0; i < COUNT_OF(state->frames_matched); i++)
        if (state->frames_matched[i].id == id && state->frames_matched[i].rule == rule)
            return true;
    if (note) {
        state->frames_matched[state->frames_matched_next] = (struct frame_match){ id, rule };
        state->frames_matched_next = (uint8_t)((state->frames_matched_next + 1) %
                                               COUNT_OF(state->frames_matched));
    }
    return false;
}

/* Bytes of one side that are looked at together, unless it ends before. */
#define STREAM_FRAME_CHUNK 2500U

/* The part of a stream frame that is to be looked at now, and its place in the frame; *final: no more will
 * come. False: not now. Where packets are held back, it is what the raw stream shows. */
static bool stream_part(struct context *context, struct frame *frame, struct bytes *data, uint64_t *offset,
                        bool *final)
{
    const struct stream *stream = context->in->streams[context->direction];
    const struct tcp *tcp = context->flow ? context->flow->tcp : NULL;
    *final = context->in->flow_ends || !stream || !tcp || tcp->state == TCP_CLOSED;
    if (context->in->inline_mode) {
        if (!context->raw_ready || context->raw_offset + context->raw.size <= frame->offset)
            return false;
        uint64_t before = frame->offset > context->raw_offset ? frame->offset - context->raw_offset : 0;
        *data = bytes_from(context->raw, (size_t)before);
        *offset = context->raw_offset + before - frame->offset;
        return true;
    }
    if (!stream)
        return false;
    uint64_t start = MAX(frame->offset + frame->judged, stream_start(stream));
    *data = stream_ready(stream, start);
    uint64_t gap = data->size ? 0 : stream_gap(stream, start);
    if (gap)
        *data = stream_ready(stream, start + gap);
    start += gap;
    *offset = start - frame->offset;
    const struct session *session = context->in->session;
    uint64_t parsed = session_deaf(session, context->direction) ? UINT64_MAX
                                                                : session->offset[context->direction];
    if (!*final && parsed < start + data->size) /* a line that is not whole yet waits for its rest */
        *data = bytes_first(*data, (size_t)(parsed - MIN(parsed, start)));
    bool cut = data->size && stream_gap(stream, start + data->size);
    if (!data->size || (data->size < STREAM_FRAME_CHUNK && !*final && !cut))
        return false;
    frame->judged = *offset + data->size;
    return true;
}

/* `offset`: of `data` in the frame. */
static void judge(struct context *context, const struct signature *s, const struct frame *frame, int protocol,
                  struct bytes data, uint64_t offset, bool final)
{
    uint64_t id = frame->id << 1 | context->direction; /* each direction has numbers of its own */
    context->signature = s;
    context->on_stream = false;
    bool stream = frame->type == FRAME_STREAM; /* each part of it stands for itself */
    if (!signature_applies(context, s) || !context->state ||
        (!stream && seen_before(context->state, id, s->index, false)))
        return;
    context->notes = NULL;
    for (const struct buffer_use *use = s->uses; use; use = use->next) {
        if (use->buffer->kind != BUFFER_FRAME) {
            if (!payload_matches(context, s, use))
                return;
            continue;
        }
        if (use->buffer->frame_types[protocol] != frame->type + 1 || (use->at_end && !final && !stream) ||
            !match_items(use->items, buffer_transform(use->buffer, data, context), offset, context))
            return;
    }
    for (const struct check *check = s->checks; check; check = check->next)
        if (!check->test(check, context))
            return;
    if (!stream)
        (void)seen_before(context->state, id, s->index, true);
    context->on_stream = true;
    context->frame = frame;
    for (struct tx *tx = frame->has_tx ? context->in->session->txs : NULL; tx; tx = tx->next)
        if (tx->number == frame->tx_number && tx->protocol == frame->protocol)
            context->tx = tx;
    signature_matched(context, s);
    context->frame = NULL;
    context->tx = NULL;
}

void frames_inspect(struct context *context)
{
    struct session *session = context->in->session;
    enum direction direction = context->direction;
    for (size_t i = 0; i < session->frame_count[direction]; i++) {
        struct frame *frame = &session->frames[direction][i];
        int protocol = set_protocol_index(context->set,
                                          frame->protocol ? frame->protocol : session->protocol);
        if (frame->inspected)
            continue;
        bool final = false;
        uint64_t offset = 0;
        struct bytes data = BYTES_NONE;
        const struct index_list *list = protocol >= 0 ? &context->set->frame_rules[protocol][direction]
                                                      : NULL;
        if (!list || list->count == 0) {
            frame->inspected = true;
            continue;
        }
        if (frame->type != FRAME_STREAM)
            data = frame_bytes(context, frame, &final);
        else if (!stream_part(context, frame, &data, &offset, &final))
            list = NULL;
        for (size_t k = 0; list && k < list->count; k++)
            if (!rule_rests(context->detector, list->items[k])) {
                uint64_t begin = cost_begin(context->detector);
                judge(context, context->set->signatures[list->items[k]], frame, protocol, data, offset,
                      final);
                cost_end(context->detector, list->items[k], begin);
            }
        frame->inspected = final;
    }
}
