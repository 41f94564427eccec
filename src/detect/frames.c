/* SPDX-License-Identifier: Apache-2.0 */
/* frame: named parts of a conversation as buffers, looked at as their bytes arrive. */
#include <stdlib.h>

#include "detect/buffer.h"
#include "detect/engine.h"

/* "pdu" of the rule's protocol, or "tls.pdu". Each frame type is a buffer of its own name. */
static bool parse_frame(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    uint64_t found = 0;
    char name[80];
    struct text identity = text_of(name, sizeof name);
    text_add(&identity, "frame:%.*s", (int)MIN(value.size, 60U), (const char *)value.data);
    const char *copy = arena_string(&c->set->memory, text_bytes(&identity));
    struct buffer *buffer = copy ? set_buffer_kind(c->set, copy, BUFFER_FRAME, NULL) : NULL;
    if (!buffer)
        return refuse(c, "out of memory");
    for (size_t p = 0; p < c->set->protocol_count; p++) {
        const struct protocol *protocol = c->set->protocols[p];
        size_t dot = bytes_find_byte(value, '.');
        struct bytes type = value;
        if (dot != SIZE_MAX && protocol_is_named(protocol, bytes_first(value, dot)))
            type = bytes_from(value, dot + 1);
        else if (!(c->protocols >> p & 1))
            continue;
        if (protocol->frames && protocol->stream && bytes_is(type, "stream")) {
            found |= (uint64_t)1 << p;
            buffer->frame_types[p] = FRAME_STREAM + 1;
            c->signature->needs_stream = true;
        }
        for (uint8_t i = 0; protocol->frames && protocol->frames[i]; i++) {
            if (bytes_is(type, protocol->frames[i])) {
                found |= (uint64_t)1 << p;
                buffer->frame_types[p] = (uint8_t)(i + 1);
            }
        }
    }
    if (c->protocols)
        found &= c->protocols;
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

/* `offset`: of `data` in the frame. */
static void judge(struct context *context, const struct signature *s, const struct frame *frame, int protocol,
                  struct bytes data, uint64_t offset, bool final)
{
    uint64_t id = frame->id << 1 | context->direction; /* each direction has numbers of its own */
    context->signature = s;
    context->on_stream = false;
    if (!signature_applies(context, s) || !context->state || seen_before(context->state, id, s->index, false))
        return;
    context->notes = NULL;
    for (const struct buffer_use *use = s->uses; use; use = use->next) {
        if (use->buffer->kind != BUFFER_FRAME) {
            if (!payload_matches(context, s, use))
                return;
            continue;
        }
        if (use->buffer->frame_types[protocol] != frame->type + 1 || (use->at_end && !final) ||
            !match_items(use->items, buffer_transform(use->buffer, data, context), offset, context))
            return;
    }
    for (const struct check *check = s->checks; check; check = check->next)
        if (!check->test(check, context))
            return;
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
        struct bytes data;
        if (frame->type == FRAME_STREAM) {
            /* It is looked at as the raw stream is, a chunk at a time. */
            if (!context->raw_ready || context->raw_offset + context->raw.size <= frame->offset)
                continue;
            uint64_t before = frame->offset > context->raw_offset ? frame->offset - context->raw_offset : 0;
            data = bytes_from(context->raw, (size_t)before);
            offset = context->raw_offset + before - frame->offset;
        } else {
            data = frame_bytes(context, frame, &final);
        }
        const struct index_list *list = protocol >= 0 ? &context->set->frame_rules[protocol][direction]
                                                      : NULL;
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
