/* SPDX-License-Identifier: Apache-2.0 */
/* Remote Framebuffer protocol, as VNC speaks it (RFC 6143): the handshake up to ServerInit is one
 * transaction, what follows is passed over. */
#include "proto/session.h"

#define TEXT_MAX    4096U
#define BUFFER_MAX_ (TEXT_MAX + 64U)

enum rfb_event {
    EVENT_UNIMPLEMENTED_SECURITY_TYPE,
    EVENT_UNKNOWN_SECURITY_RESULT,
    EVENT_MALFORMED_MESSAGE,
    EVENT_CONFUSED_STATE,
    EVENT_TOO_LONG_STRING
};
static const char *const event_names[] = { "unimplemented_security_type",
                                           "unknown_security_result",
                                           "malformed_message",
                                           "confused_state",
                                           "too_long_string",
                                           NULL };

enum { FRAME_PDU };
static const char *const frame_names[] = { "pdu", NULL };

enum security { SECURITY_INVALID, SECURITY_NONE, SECURITY_VNC };
enum result { RESULT_OK, RESULT_FAIL, RESULT_TOO_MANY };

/* What is expected next (RFC 6143 section 7.1 to 7.3). */
enum step {
    STEP_SERVER_VERSION,
    STEP_CLIENT_VERSION,
    STEP_SECURITY_TYPE,  /* 3.3: the server decides */
    STEP_SECURITY_TYPES, /* 3.7 on: the server offers */
    STEP_SECURITY_CHOICE,
    STEP_CHALLENGE,
    STEP_RESPONSE,
    STEP_RESULT,
    STEP_REASON,
    STEP_CLIENT_INIT,
    STEP_SERVER_INIT,
    STEP_DONE,
};

struct rfb {
    uint8_t server_version[6], client_version[6]; /* digits: major, minor */
    bool has_server, has_client, has_type, has_result, has_shared, has_framebuffer;
    uint32_t type, result;
    bool shared;
    struct bytes challenge, response, reason, name;
    uint16_t width, height;
    uint8_t format[16]; /* PIXEL_FORMAT, section 7.4 */
};

struct rfb_state {
    struct tx *tx; /* kept until the handshake is over */
    uint8_t step;  /* enum step */
};

static struct rfb *record_of(struct tx *tx)
{
    return (struct rfb *)(void *)tx->record;
}

/* ---- the handshake ---- */

static bool is_version(struct bytes b)
{
    if (b.size < 12 || !bytes_starts(b, BYTES_OF("RFB ")) || b.data[7] != '.' || b.data[11] != '\n')
        return false;
    for (size_t i = 4; i < 11; i++)
        if (i != 7 && !byte_is_digit(b.data[i]))
            return false;
    return true;
}

static enum probe rfb_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    if (data.size < 12)
        return bytes_equal(data, bytes_first(BYTES_OF("RFB "), data.size)) ||
                       bytes_starts(data, BYTES_OF("RFB "))
                   ? PROBE_MORE
                   : PROBE_NO;
    return is_version(data) ? PROBE_YES : PROBE_NO;
}

static bool take_version(struct reader *in, uint8_t version[6])
{
    struct bytes text = reader_bytes(in, 12);
    if (!text.data || !is_version(text))
        return false;
    memcpy(version, text.data + 4, 3);
    memcpy(version + 3, text.data + 8, 3);
    return true;
}

/* The minor version both speak, as far as the handshake differs: 3, 7 or 8. */
static unsigned minor_of(const struct rfb *rfb)
{
    const uint8_t *digits = rfb->client_version + 3;
    unsigned minor = (unsigned)(digits[0] - '0') * 100 + (unsigned)(digits[1] - '0') * 10 +
                     (unsigned)(digits[2] - '0');
    return minor < 7 ? 3 : minor == 7 ? 7 : 8;
}

static void finish(struct rfb_state *state)
{
    if (state->tx) {
        tx_finish_both(state->tx);
        state->tx->keep = false;
    }
    state->tx = NULL;
    state->step = STEP_DONE;
}

static void choose(struct rfb_state *state, uint32_t type)
{
    struct rfb *rfb = record_of(state->tx);
    rfb->has_type = true;
    rfb->type = type;
    switch (type) {
    case SECURITY_INVALID:
        state->step = STEP_REASON;
        break;
    case SECURITY_NONE:
        state->step = minor_of(rfb) == 8 ? STEP_RESULT : STEP_CLIENT_INIT;
        break;
    case SECURITY_VNC:
        state->step = STEP_CHALLENGE;
        break;
    default:
        tx_event(state->tx, EVENT_UNIMPLEMENTED_SECURITY_TYPE);
        finish(state);
        break;
    }
}

static void take_types(struct rfb_state *state, struct reader *in)
{
    uint8_t count = reader_u8(in);
    reader_skip(in, count);
    state->step = count ? STEP_SECURITY_CHOICE : STEP_REASON;
}

static void take_result(struct rfb_state *state, struct reader *in)
{
    struct rfb *rfb = record_of(state->tx);
    uint32_t result = reader_be32(in);
    if (!reader_ok(in))
        return;
    rfb->has_result = true;
    rfb->result = result;
    if (result > RESULT_TOO_MANY)
        tx_event(state->tx, EVENT_UNKNOWN_SECURITY_RESULT);
    if (result == RESULT_OK)
        state->step = STEP_CLIENT_INIT;
    else if (result == RESULT_FAIL && minor_of(rfb) == 8)
        state->step = STEP_REASON;
    else
        finish(state);
}

static void take_reason(struct rfb_state *state, struct reader *in)
{
    struct bytes reason = reader_bytes(in, reader_be32(in));
    if (!reader_ok(in))
        return;
    record_of(state->tx)->reason = arena_copy(&state->tx->memory, reason);
    finish(state);
}

static void take_server_init(struct rfb_state *state, struct reader *in)
{
    struct rfb *rfb = record_of(state->tx);
    uint16_t width = reader_be16(in), height = reader_be16(in);
    struct bytes format = reader_bytes(in, sizeof rfb->format);
    struct bytes name = reader_bytes(in, reader_be32(in));
    if (!reader_ok(in))
        return;
    rfb->has_framebuffer = true;
    rfb->width = width;
    rfb->height = height;
    memcpy(rfb->format, format.data, sizeof rfb->format);
    rfb->name = arena_copy(&state->tx->memory, name);
    finish(state);
}

static bool first_tx(struct session *session, struct rfb_state *state)
{
    state->tx = session_tx(session);
    if (state->tx)
        state->tx->keep = true;
    return state->tx != NULL;
}

static enum direction speaker(uint8_t step)
{
    return step == STEP_CLIENT_VERSION || step == STEP_SECURITY_CHOICE || step == STEP_RESPONSE ||
                   step == STEP_CLIENT_INIT
               ? TO_SERVER
               : TO_CLIENT;
}

/* Takes the message that is due; the reader fails when it is not all there, false when it is malformed. */
static bool take_message(struct rfb_state *state, struct reader *in)
{
    struct tx *tx = state->tx;
    struct rfb *rfb = record_of(tx);
    switch ((enum step)state->step) {
    case STEP_SERVER_VERSION:
        rfb->has_server = reader_left(in) >= 12 && take_version(in, rfb->server_version);
        state->step = STEP_CLIENT_VERSION;
        return rfb->has_server;
    case STEP_CLIENT_VERSION:
        rfb->has_client = take_version(in, rfb->client_version);
        state->step = rfb->has_client && minor_of(rfb) == 3 ? STEP_SECURITY_TYPE : STEP_SECURITY_TYPES;
        return rfb->has_client;
    case STEP_SECURITY_TYPE:
        choose(state, reader_be32(in));
        break;
    case STEP_SECURITY_TYPES:
        take_types(state, in);
        break;
    case STEP_SECURITY_CHOICE:
        choose(state, reader_u8(in));
        break;
    case STEP_CHALLENGE:
        rfb->challenge = arena_copy(&tx->memory, reader_bytes(in, 16));
        state->step = STEP_RESPONSE;
        break;
    case STEP_RESPONSE:
        rfb->response = arena_copy(&tx->memory, reader_bytes(in, 16));
        state->step = STEP_RESULT;
        break;
    case STEP_RESULT:
        take_result(state, in);
        break;
    case STEP_REASON:
        take_reason(state, in);
        break;
    case STEP_CLIENT_INIT:
        rfb->shared = reader_u8(in) != 0;
        rfb->has_shared = true;
        state->step = STEP_SERVER_INIT;
        break;
    case STEP_SERVER_INIT:
        take_server_init(state, in);
        break;
    case STEP_DONE:
        break;
    }
    return true;
}

/* Bytes the message that is due has, as far as `data` tells; 0 when it does not tell yet. */
static uint64_t message_size(uint8_t step, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    uint64_t size = 0;
    switch (step) {
    case STEP_SERVER_VERSION:
    case STEP_CLIENT_VERSION:
        return 12;
    case STEP_SECURITY_TYPES:
        return data.size ? 1U + reader_u8(&in) : 0;
    case STEP_SECURITY_CHOICE:
    case STEP_CLIENT_INIT:
        return 1;
    case STEP_CHALLENGE:
    case STEP_RESPONSE:
        return 16;
    case STEP_REASON:
        size = 4 + (uint64_t)reader_be32(&in);
        break;
    case STEP_SERVER_INIT:
        reader_skip(&in, 20);
        size = 24 + (uint64_t)reader_be32(&in);
        break;
    default:
        return 4;
    }
    return reader_ok(&in) ? size : 0;
}

static bool rfb_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct rfb_state *state = state_;
    while (!reader_empty(in)) {
        if (state->step == STEP_DONE) {
            (void)reader_rest(in);
            return true;
        }
        if (speaker(state->step) != direction) { /* it waits for its turn */
            if (flags & FEED_END && state->tx)
                tx_event(state->tx, EVENT_CONFUSED_STATE);
            return true;
        }
        if (!state->tx && !first_tx(session, state))
            return false;
        uint64_t size = message_size(state->step, reader_peek(in));
        if (size > TEXT_MAX) {
            tx_event(state->tx, EVENT_TOO_LONG_STRING);
            finish(state);
            return false;
        }
        if (size == 0 || size > reader_left(in))
            return true;
        session_frame(session, direction, FRAME_PDU, in->at, size, state->tx);
        session_said(session, direction);
        struct reader message = reader_sub(in, (size_t)size);
        struct tx *tx = state->tx;
        if (!take_message(state, &message) || !reader_ok(&message)) {
            tx_event(tx, EVENT_MALFORMED_MESSAGE);
            finish(state);
            return false;
        }
    }
    return true;
}

/* ---- the record ---- */

static void put_version(struct text *out, const char *key, const uint8_t version[6])
{
    json_open(out, key, '{');
    json_string(out, "major", bytes_of(version, 3));
    json_string(out, "minor", bytes_of(version + 3, 3));
    json_close(out, '}');
}

static void put_authentication(struct text *out, const struct rfb *rfb)
{
    static const char *const results[] = { "OK", "FAIL", "TOOMANY" };
    json_open(out, "authentication", '{');
    if (rfb->has_type && rfb->type)
        json_uint(out, "security_type", rfb->type);
    if (rfb->challenge.data || rfb->response.data) {
        json_open(out, "vnc", '{');
        json_hex(out, "challenge", rfb->challenge);
        json_hex(out, "response", rfb->response);
        json_close(out, '}');
    }
    if (rfb->has_result && rfb->result < COUNT_OF(results))
        json_cstring(out, "security_result", results[rfb->result]);
    else if (rfb->has_result)
        json_uint(out, "security_result", rfb->result);
    json_close(out, '}');
}

static void put_framebuffer(struct text *out, const struct rfb *rfb)
{
    struct reader in = reader_of(rfb->format, sizeof rfb->format);
    json_open(out, "framebuffer", '{');
    json_uint(out, "width", rfb->width);
    json_uint(out, "height", rfb->height);
    json_string(out, "name", rfb->name);
    json_open(out, "pixel_format", '{');
    json_uint(out, "bits_per_pixel", reader_u8(&in));
    json_uint(out, "depth", reader_u8(&in));
    json_bool(out, "big_endian", reader_u8(&in) != 0);
    json_bool(out, "true_color", reader_u8(&in) != 0);
    json_uint(out, "red_max", reader_be16(&in));
    json_uint(out, "green_max", reader_be16(&in));
    json_uint(out, "blue_max", reader_be16(&in));
    json_uint(out, "red_shift", reader_u8(&in));
    json_uint(out, "green_shift", reader_u8(&in));
    json_uint(out, "blue_shift", reader_u8(&in));
    json_close(out, '}');
    json_close(out, '}');
}

static void rfb_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct rfb *rfb = (const void *)tx->record;
    (void)extended;
    if (rfb->has_server)
        put_version(out, "server_protocol_version", rfb->server_version);
    if (rfb->has_client)
        put_version(out, "client_protocol_version", rfb->client_version);
    put_authentication(out, rfb);
    if (rfb->reason.data)
        json_string(out, "server_security_failure_reason", rfb->reason);
    if (rfb->has_shared)
        json_bool(out, "screen_shared", rfb->shared);
    if (rfb->has_framebuffer)
        put_framebuffer(out, rfb);
}

/* ---- keywords ---- */

static bool security_type(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct rfb *rfb = (const void *)tx->record;
    (void)direction;
    *value = rfb->type;
    return index == 0 && rfb->has_type;
}

static bool security_result(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct rfb *rfb = (const void *)tx->record;
    (void)direction;
    *value = MIN(rfb->result, (uint32_t)RESULT_TOO_MANY + 1);
    return index == 0 && rfb->has_result;
}

static const char *const result_names[] = { "ok", "fail", "toomany", "unknown", NULL };

static const struct inspect inspects[] = {
    { .name = "rfb.name",
      .kind = INSPECT_BYTES,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .offset = offsetof(struct rfb, name),
      .help = "Name of the desktop",
      .source = "RFC 6143 section 7.3.2" },
    { .name = "rfb.sectype",
      .kind = INSPECT_NUMBER,
      .directions = 1 << TO_SERVER,
      .progress = { 1, 1 },
      .number = security_type,
      .max = UINT32_MAX,
      .help = "Security type that was chosen",
      .source = "RFC 6143 section 7.1.2" },
    { .name = "rfb.secresult",
      .kind = INSPECT_NUMBER,
      .directions = 1 << TO_CLIENT,
      .progress = { 1, 1 },
      .number = security_result,
      .max = UINT32_MAX,
      .choices = result_names,
      .help = "Result of the authentication",
      .source = "RFC 6143 section 7.1.3" },
};

const struct protocol rfb_protocol = {
    .id = PROTOCOL_rfb,
    .name = "rfb",
    .title = "Remote Framebuffer (VNC)",
    .eve_type = "rfb",
    .eve_ends = EVE_ENDS_OF_PACKET,
    .transports = TRANSPORT_TCP,
    .ports = "5900-5909",
    .probe = rfb_probe,
    .server_speaks_first = true,
    .probe_depth = 12,
    .state_size = sizeof(struct rfb_state),
    .record_size = sizeof(struct rfb),
    .tx_memory_max = 16U * 1024U,
    .buffer_max = BUFFER_MAX_,
    .tx_max = 4,
    .stream = rfb_stream,
    .write = rfb_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
};
