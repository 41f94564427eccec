/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket (RFC 6455), with the compression of messages of RFC 7692. A transaction is a frame; the last
 * frame of a message carries the whole message. */
#include <stdlib.h>
#include <zlib.h>

#include "proto/session.h"

struct websocket_settings {
    uint32_t payload_max;
};
static const struct websocket_settings defaults = { .payload_max = 64U * 1024U };

enum { EVENT_SKIP_END_OF_PAYLOAD, EVENT_REASSEMBLY_LIMIT_REACHED };
static const char *const event_names[] = { "skip_end_of_payload", "reassembly_limit_reached", NULL };

enum { FRAME_HEADER, FRAME_PDU, FRAME_DATA };
static const char *const frame_names[] = { "header", "pdu", "data", NULL };

enum opcode { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };
static const char *const opcode_names[] = { "continuation", "text", "binary", "",  "", "", "", "",
                                            "close",        "ping", "pong",   NULL };
/* The upper four bits of a frame's first byte, as rules name them. */
static const char *const flag_names[] = { "", "", "", "", "rsv3", "rsv2", "comp", "fin", NULL };
enum { FLAG_COMPRESSED = 0x40, FLAG_FIN = 0x80 };

extern const struct protocol websocket_protocol;

struct websocket {
    uint8_t flags, opcode;
    bool masked;
    uint32_t mask;
    struct bytes payload; /* unmasked; decoded when it was compressed */
};

struct side {
    struct text message; /* of the frames so far (heap) */
    bool open;           /* a message is under way */
    bool compressed, cut;
    z_stream *inflater; /* RFC 7692 section 7.2.2: the window lasts over messages */
    bool inflater_failed;
    uint64_t skip; /* bytes of a payload that are passed over */
};

struct websocket_state {
    const struct websocket_settings *settings;
    struct side sides[DIRECTIONS];
    size_t held; /* bytes of messages and of their compression */
};

static const struct websocket *record_of(const struct tx *tx)
{
    return (const struct websocket *)(const void *)tx->record;
}

/* ---- content ---- */

/* Without its mask (section 5.3), in the transaction's memory. */
static struct bytes unmasked(struct tx *tx, struct bytes data, bool masked, uint32_t mask)
{
    if (data.size == 0)
        return BYTES_OF("");
    struct bytes copy = arena_copy(&tx->memory, data);
    uint8_t *at = (uint8_t *)(uintptr_t)copy.data;
    for (size_t i = 0; masked && i < copy.size; i++)
        at[i] ^= (uint8_t)(mask >> (24 - 8 * (i & 3)));
    return copy;
}

static bool open_inflater(struct side *side)
{
    if (side->inflater || side->inflater_failed)
        return !side->inflater_failed;
    side->inflater = calloc(1, sizeof *side->inflater);
    if (!side->inflater || inflateInit2(side->inflater, -15) != Z_OK) {
        free(side->inflater);
        side->inflater = NULL;
        side->inflater_failed = true;
    }
    return !side->inflater_failed;
}

/* A compressed message ends with an empty stored block whose head is left out (RFC 7692 section 7.2.1). */
static struct bytes inflated(struct tx *tx, struct side *side, struct bytes data, uint32_t most, bool *cut)
{
    static const uint8_t tail[] = { 0, 0, 0xff, 0xff };
    const struct bytes inputs[] = { data, bytes_of(tail, sizeof tail) };
    uint8_t *room = open_inflater(side) ? arena_new(&tx->memory, most, 1) : NULL;
    if (!room)
        return data;
    z_stream *z = side->inflater;
    z->next_out = room;
    z->avail_out = most;
    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        z->next_in = (Bytef *)(uintptr_t)inputs[i].data;
        z->avail_in = (uInt)inputs[i].size;
        int status = inflate(z, Z_SYNC_FLUSH);
        if (status != Z_OK && status != Z_BUF_ERROR) {
            side->inflater_failed = status != Z_STREAM_END;
            if (status == Z_STREAM_END)
                (void)inflateReset(z);
            break;
        }
    }
    if (z->avail_out == 0) { /* what is left of the window is unknown now */
        *cut = true;
        side->inflater_failed = true;
    }
    return bytes_of(room, most - z->avail_out);
}

/* What rules see: a frame's own content, and for the last frame of several, all of the message. */
static struct bytes content_of(struct tx *tx, struct side *side, const struct websocket *frame,
                               struct bytes data, bool truncated, uint32_t most)
{
    if (frame->opcode >= CLOSE)
        return data;
    if (frame->opcode != CONTINUATION || !side->open) {
        text_done(&side->message);
        side->message = text_new(most);
        side->open = true;
        side->cut = false;
        side->compressed = frame->flags & FLAG_COMPRESSED;
    }
    bool last = frame->flags & FLAG_FIN;
    if (!last || side->message.size) {
        text_put(&side->message, data);
        if (side->message.full && !side->cut)
            tx_event(tx, EVENT_REASSEMBLY_LIMIT_REACHED);
        side->cut |= side->message.full || truncated;
    }
    if (!last)
        return data;
    side->open = false;
    bool several = side->message.size > 0;
    struct bytes whole = several ? arena_copy(&tx->memory, text_bytes(&side->message)) : data;
    text_done(&side->message);
    if (!whole.data)
        whole = data;
    if (!side->compressed || truncated || side->cut)
        return whole;
    bool cut = false;
    whole = inflated(tx, side, whole, most, &cut);
    if (cut)
        tx_event(tx, EVENT_SKIP_END_OF_PAYLOAD);
    return whole;
}

/* ---- frames ---- */

struct head {
    uint8_t flags, opcode;
    bool masked;
    uint32_t mask;
    uint64_t size; /* of the payload */
    size_t length; /* of the head itself */
};

/* False: not all there yet (section 5.2). */
static bool read_head(struct bytes data, struct head *head)
{
    struct reader in = reader_of_bytes(data);
    uint8_t first = reader_u8(&in), second = reader_u8(&in);
    *head = (struct head){ .flags = first & 0xf0, .opcode = first & 0x0f, .masked = second & 0x80 };
    head->size = second & 0x7f;
    if (head->size == 126)
        head->size = reader_be16(&in);
    else if (head->size == 127)
        head->size = reader_be64(&in);
    if (head->masked)
        head->mask = reader_be32(&in);
    head->length = data.size - reader_left(&in);
    return reader_ok(&in);
}

/* Tells the session how much of its memory is held here. */
static void tell_held(struct session *session, struct websocket_state *state)
{
    enum { INFLATER_SIZE = 44 * 1024 }; /* with its window (zlib.h) */
    size_t held = 0;
    for (int d = 0; d < DIRECTIONS; d++)
        held += state->sides[d].message.capacity + (state->sides[d].inflater ? INFLATER_SIZE : 0);
    session_holds(session, &state->held, held);
}

static bool take_frame(struct session *session, struct websocket_state *state, enum direction direction,
                       const struct head *head, struct bytes whole)
{
    struct tx *tx = session_tx_directed(session, direction);
    struct bytes data = bytes_from(whole, head->length);
    bool truncated = data.size < head->size;
    (void)session_frame(session, direction, FRAME_HEADER, whole.data, head->length, tx);
    (void)session_frame(session, direction, FRAME_PDU, whole.data,
                        head->size > UINT32_MAX ? UINT64_MAX : head->size + head->length, tx);
    if (data.size)
        (void)session_frame(session, direction, FRAME_DATA, data.data, data.size, tx);
    if (!tx)
        return true;
    struct websocket *frame = (struct websocket *)(void *)tx->record;
    *frame = (struct websocket){ head->flags, head->opcode, head->masked, head->mask, BYTES_NONE };
    data = unmasked(tx, data, head->masked, head->mask);
    if (truncated)
        tx_event(tx, EVENT_SKIP_END_OF_PAYLOAD);
    frame->payload = content_of(tx, &state->sides[direction], frame, data, truncated,
                                state->settings->payload_max);
    tell_held(session, state);
    tx_finish_both(tx);
    return true;
}

static bool websocket_stream(struct session *session, void *context, enum direction direction,
                             struct reader *in, unsigned flags)
{
    struct websocket_state *state = context;
    struct side *side = &state->sides[direction];
    (void)flags;
    while (!reader_empty(in)) {
        struct head head;
        if (side->skip) {
            size_t size = (size_t)MIN(side->skip, (uint64_t)reader_left(in));
            reader_skip(in, size);
            side->skip -= size;
            continue;
        }
        struct bytes data = reader_peek(in);
        if (!read_head(data, &head))
            return true;
        if (head.size > INT64_MAX) /* section 5.2: the highest bit is 0 */
            return false;
        uint64_t wanted = MIN(head.size, (uint64_t)state->settings->payload_max);
        if (data.size - head.length < wanted)
            return true;
        if (!take_frame(session, state, direction, &head, reader_bytes(in, head.length + (size_t)wanted)))
            return false;
        side->skip = head.size - wanted;
    }
    return true;
}

static bool websocket_gap(struct session *session, void *context, enum direction direction, uint64_t size)
{
    struct websocket_state *state = context;
    struct side *side = &state->sides[direction];
    (void)session;
    if (size > side->skip)
        return false;
    side->skip -= size;
    return true;
}

static void websocket_open(struct session *session, void *context)
{
    struct websocket_state *state = context;
    const struct websocket_settings *settings = session_options(session, &websocket_protocol);
    state->settings = settings ? settings : &defaults;
}

static void websocket_close(struct session *session, void *context)
{
    struct websocket_state *state = context;
    for (int d = 0; d < DIRECTIONS; d++) {
        text_done(&state->sides[d].message);
        if (state->sides[d].inflater)
            inflateEnd(state->sides[d].inflater);
        free(state->sides[d].inflater);
        state->sides[d].inflater = NULL;
    }
    tell_held(session, state);
}

/* ---- keywords and EVE ---- */

static bool flags_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = record_of(tx)->flags;
    return index == 0;
}

static bool opcode_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = record_of(tx)->opcode;
    return index == 0;
}

static bool mask_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = record_of(tx)->mask;
    return index == 0 && record_of(tx)->masked;
}

enum { BOTH = 1 << TO_SERVER | 1 << TO_CLIENT };

static const struct inspect inspects[] = {
    { "websocket.payload", .kind = INSPECT_BYTES, .directions = BOTH,
      .offset = offsetof(struct websocket, payload), .help = "Content without its mask; of a whole message",
      .source = "RFC 6455 section 5.2" },
    { "websocket.flags", .kind = INSPECT_NUMBER, .directions = BOTH, .number = flags_number, .max = UINT8_MAX,
      .bits = flag_names, .help = "Upper four bits of the first byte", .source = "RFC 6455 section 5.2" },
    { "websocket.opcode", .kind = INSPECT_NUMBER, .directions = BOTH, .number = opcode_number,
      .max = UINT8_MAX, .choices = opcode_names, .help = "Kind of the frame",
      .source = "RFC 6455 section 5.2" },
    { "websocket.mask", .kind = INSPECT_NUMBER, .directions = BOTH, .number = mask_number, .max = UINT32_MAX,
      .help = "Masking key", .source = "RFC 6455 section 5.3" },
};

static void websocket_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct websocket *frame = record_of(tx);
    (void)extended;
    json_bool(out, "fin", frame->flags & FLAG_FIN);
    if (frame->masked)
        json_uint(out, "mask", frame->mask);
    if (frame->opcode < COUNT_OF(opcode_names) - 1 && opcode_names[frame->opcode][0]) {
        json_cstring(out, "opcode", opcode_names[frame->opcode]);
    } else {
        char name[16];
        struct text text = text_of(name, sizeof name);
        text_add(&text, "unknown-%u", frame->opcode);
        json_string(out, "opcode", text_bytes(&text));
    }
}

static const struct field settings[] = {
    { .name = "max-payload-size",
      AT(struct websocket_settings, payload_max),
      .type = FIELD_UINT,
      .help = "Bytes of a message that are kept; the rest is passed over",
      .min = 1,
      .max = 1024U * 1024U },
};

const struct protocol websocket_protocol = {
    .id = PROTOCOL_websocket,
    .name = "websocket",
    .title = "WebSocket",
    .eve_type = "websocket",
    .eve_ends = EVE_ENDS_OF_PACKET,
    .transports = TRANSPORT_TCP,
    .state_size = sizeof(struct websocket_state),
    .record_size = sizeof(struct websocket),
    .tx_memory_max = 4U * 1024U * 1024U,
    .buffer_max = 1200U * 1024U,
    .tx_max = 1024,
    .open = websocket_open,
    .close = websocket_close,
    .stream = websocket_stream,
    .gap = websocket_gap,
    .one_way = true,
    .write = websocket_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
    .settings = settings,
    .setting_count = COUNT_OF(settings),
    .settings_size = sizeof(struct websocket_settings),
    .settings_default = &defaults,
};
