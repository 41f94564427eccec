/* SPDX-License-Identifier: Apache-2.0 */
/* SSH transport: identification, algorithm negotiation and its fingerprints (RFC 4253 sections 4.2, 6, 7;
 * HASSH).
 *
 * A session is one transaction; after NEWKEYS of both sides nothing more can be read. */
#include <openssl/evp.h>

#include "proto/session.h"

#define BANNER_MAX 256U
#define PACKET_MAX 40000U /* RFC 4253 section 6.1 asks for 35,000 */

enum { MESSAGE_KEXINIT = 20, MESSAGE_NEWKEYS = 21 };

/* PROGRESS_BANNER_LONG: what was said of the banner is more than it may be, and its end is waited for. */
enum ssh_progress { PROGRESS_STARTED, PROGRESS_BANNER_LONG, PROGRESS_BANNER_DONE, PROGRESS_FINISHED };
static const char *const request_names[] = { "request_in_progress", "request_banner_wait_eol",
                                             "request_banner_done", "request_finished", NULL };
static const char *const response_names[] = { "response_in_progress", "response_banner_wait_eol",
                                              "response_banner_done", "response_finished", NULL };

enum ssh_event { EVENT_INVALID_BANNER, EVENT_LONG_BANNER, EVENT_INVALID_RECORD, EVENT_LONG_KEX_RECORD };
static const char *const event_names[] = { "invalid_banner", "long_banner", "invalid_record",
                                           "long_kex_record", NULL };

enum ssh_frame { FRAME_HEADER, FRAME_DATA, FRAME_PDU };
static const char *const frame_names[] = { "record.hdr", "record.data", "record.pdu", NULL };

struct ssh_side {
    struct bytes protocol, software;
    struct bytes hassh, hassh_string; /* of KEXINIT */
};

struct ssh {
    struct ssh_side sides[DIRECTIONS]; /* by the direction in which the side sends */
};

struct ssh_state {
    struct tx *tx;
    bool banner[DIRECTIONS], encrypted[DIRECTIONS];
    uint32_t skip[DIRECTIONS]; /* bytes of a packet too long to keep */
};

static struct ssh *record_of(struct tx *tx)
{
    return (struct ssh *)(void *)tx->record;
}

static bool take_banner(struct tx *tx, enum direction direction, struct bytes line)
{
    struct ssh_side *side = &record_of(tx)->sides[direction];
    struct bytes rest = arena_copy(&tx->memory, bytes_from(line, 4));
    if (!rest.data)
        return false;
    side->protocol = bytes_cut(&rest, '-');
    side->software = bytes_cut(&rest, ' ');
    tx->progress[direction] = MAX(tx->progress[direction], (uint8_t)PROGRESS_BANNER_DONE);
    return true;
}

/* HASSH: the algorithms offered, in the order of the message, as text and as MD5 of it. */
static void fingerprint(struct tx *tx, enum direction direction, struct reader in)
{
    struct bytes lists[10];
    reader_skip(&in, 16); /* cookie */
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        lists[i] = reader_bytes(&in, reader_be32(&in));
    if (!reader_ok(&in)) {
        tx_event(tx, EVENT_INVALID_RECORD);
        return;
    }
    /* Key exchange; then encryption, MAC and compression of this side's direction. */
    size_t first = direction == TO_SERVER ? 2 : 3;
    const size_t order[] = { 0, first, first + 2, first + 4 };
    struct text text = text_new(PACKET_MAX);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if (i)
            text_char(&text, ';');
        text_put(&text, lists[order[i]]);
    }
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    struct text out = text_of(hex, sizeof hex);
    struct ssh_side *side = &record_of(tx)->sides[direction];
    if (EVP_Digest(text.data, text.size, digest, &size, EVP_md5(), NULL) == 1) {
        text_hex(&out, bytes_of(digest, size));
        side->hassh = arena_copy(&tx->memory, text_bytes(&out));
        side->hassh_string = arena_copy(&tx->memory, text_bytes(&text));
    }
    text_done(&text);
}

static void take_packet(struct session *session, struct ssh_state *state, enum direction direction,
                        struct bytes packet)
{
    struct reader in = reader_of_bytes(packet);
    uint8_t padding = reader_u8(&in), type = reader_u8(&in);
    if (!reader_ok(&in) || padding > reader_left(&in)) {
        tx_event(state->tx, EVENT_INVALID_RECORD);
        return;
    }
    if (type == MESSAGE_KEXINIT)
        fingerprint(state->tx, direction, in);
    if (type != MESSAGE_NEWKEYS)
        return;
    state->encrypted[direction] = true;
    session_said(session, direction);
    tx_finish(state->tx, direction);
    if (state->encrypted[!direction])
        session_encrypted(session);
}

/* One binary packet: length, padding length, payload, padding. False when more bytes are wanted. */
static bool next_packet(struct session *session, struct ssh_state *state, enum direction direction,
                        struct reader *in)
{
    struct reader start = *in;
    const uint8_t *at = in->at;
    uint32_t size = reader_be32(in);
    if (reader_left(&start) < 6) {
        *in = start;
        return false;
    }
    if (size < 2 || size > PACKET_MAX) {
        tx_event(state->tx, size < 2 ? EVENT_INVALID_RECORD : EVENT_LONG_KEX_RECORD);
        state->skip[direction] = size;
        return size >= 2;
    }
    if (size > reader_left(in)) {
        *in = start;
        return false;
    }
    session_frame(session, direction, FRAME_PDU, at, 4 + (uint64_t)size, state->tx);
    session_frame(session, direction, FRAME_HEADER, at, 6, state->tx);
    session_frame(session, direction, FRAME_DATA, at + 6, (uint64_t)size - 2, state->tx);
    take_packet(session, state, direction, reader_bytes(in, size));
    return true;
}

/* The server may send other lines before its own (RFC 4253 section 4.2). */
static bool next_banner(struct session *session, struct ssh_state *state, enum direction direction,
                        struct reader *in)
{
    struct bytes data = reader_peek(in);
    size_t end = bytes_find_byte(data, '\n');
    if (end == SIZE_MAX) {
        if (data.size > BANNER_MAX) {
            tx_event(state->tx, EVENT_LONG_BANNER);
            state->tx->progress[direction] = MAX(state->tx->progress[direction],
                                                 (uint8_t)PROGRESS_BANNER_LONG);
        }
        return false;
    }
    struct bytes line = reader_line(in);
    if (line.size > BANNER_MAX)
        tx_event(state->tx, EVENT_LONG_BANNER);
    if (!bytes_starts(line, BYTES_OF("SSH-"))) {
        if (direction == TO_SERVER)
            tx_event(state->tx, EVENT_INVALID_BANNER);
        return true;
    }
    state->banner[direction] = true;
    session_said(session, direction);
    return take_banner(state->tx, direction, line);
}

static bool ssh_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                       unsigned flags)
{
    (void)flags;
    struct ssh_state *state = state_;
    if (!state->tx)
        state->tx = session_tx(session);
    if (!state->tx)
        return false;
    state->tx->keep = true;
    while (!reader_empty(in)) {
        if (state->encrypted[direction]) {
            reader_skip(in, reader_left(in));
        } else if (state->skip[direction]) {
            uint32_t size = (uint32_t)MIN((size_t)state->skip[direction], reader_left(in));
            reader_skip(in, size);
            state->skip[direction] -= size;
        } else if (!(state->banner[direction] ? next_packet(session, state, direction, in)
                                              : next_banner(session, state, direction, in))) {
            break;
        }
    }
    /* A side that is not SSH after all must not be buffered for ever. */
    return state->banner[direction] || reader_left(in) <= 8U * BANNER_MAX;
}

static bool ssh_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    (void)session;
    struct ssh_state *state = state_;
    if (state->encrypted[direction])
        return true;
    if (size > state->skip[direction])
        return false;
    state->skip[direction] -= (uint32_t)size;
    return true;
}

static enum probe ssh_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    struct bytes mark = BYTES_OF("SSH-");
    if (data.size < mark.size)
        return bytes_starts(mark, data) ? PROBE_MORE : PROBE_NO;
    return bytes_starts(data, mark) ? PROBE_YES : PROBE_NO;
}

static void write_side(const char *key, const struct ssh_side *side, struct text *out)
{
    if (!side->protocol.data)
        return;
    json_open(out, key, '{');
    json_string(out, "proto_version", side->protocol);
    if (side->software.size)
        json_string(out, "software_version", side->software);
    if (side->hassh.data) {
        json_open(out, "hassh", '{');
        json_string(out, "hash", side->hassh);
        json_string(out, "string", side->hassh_string);
        json_close(out, '}');
    }
    json_close(out, '}');
}

static void ssh_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct ssh *ssh = (const void *)tx->record;
    write_side("client", &ssh->sides[TO_SERVER], out);
    write_side("server", &ssh->sides[TO_CLIENT], out);
}

static bool ssh_loggable(const struct tx *tx)
{
    const struct ssh *ssh = (const void *)tx->record;
    return ssh->sides[TO_SERVER].protocol.data || ssh->sides[TO_CLIENT].protocol.data;
}

#define SIDE_GETTER(getter, expression)                                                                      \
    static bool getter(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch, \
                       struct bytes *value)                                                                  \
    {                                                                                                        \
        (void)scratch;                                                                                       \
        (void)direction;                                                                                     \
        const struct ssh_side *sides = ((const struct ssh *)(const void *)tx->record)->sides;                \
        *value = (expression);                                                                               \
        return index == 0 && value->data;                                                                    \
    }
SIDE_GETTER(get_protocol, sides[direction].protocol)
SIDE_GETTER(get_software, sides[direction].software)
SIDE_GETTER(get_hassh, sides[TO_SERVER].hassh)
SIDE_GETTER(get_hassh_string, sides[TO_SERVER].hassh_string)
SIDE_GETTER(get_hassh_server, sides[TO_CLIENT].hassh)
SIDE_GETTER(get_hassh_server_string, sides[TO_CLIENT].hassh_string)

#define TO_SERVER_BIT (1 << TO_SERVER)
#define TO_CLIENT_BIT (1 << TO_CLIENT)
#define GETTER(keyword, alias_, bits, getter, step, ...)                                                  \
    {                                                                                                     \
        .name = (keyword), .alias = (alias_), .kind = INSPECT_GET, .directions = (bits), .get = (getter), \
        .progress = { (step), (step) }, .help = __VA_ARGS__                                               \
    }

static const struct inspect inspects[] = {
    GETTER("ssh.proto", "ssh_proto", TO_SERVER_BIT | TO_CLIENT_BIT, get_protocol, PROGRESS_BANNER_DONE,
           "Protocol version of the sender"),
    GETTER("ssh.software", "ssh_software", TO_SERVER_BIT | TO_CLIENT_BIT, get_software, PROGRESS_BANNER_DONE,
           "Software version of the sender", .shown = "ssh_software"),
    GETTER("ssh.hassh", NULL, TO_SERVER_BIT, get_hassh, PROGRESS_FINISHED, "HASSH of the client",
           .length = 32, .hexadecimal = true),
    GETTER("ssh.hassh.string", NULL, TO_SERVER_BIT, get_hassh_string, PROGRESS_FINISHED,
           "Algorithms of the client's HASSH"),
    GETTER("ssh.hassh.server", NULL, TO_CLIENT_BIT, get_hassh_server, PROGRESS_FINISHED,
           "HASSH of the server", .length = 32, .hexadecimal = true),
    GETTER("ssh.hassh.server.string", NULL, TO_CLIENT_BIT, get_hassh_server_string, PROGRESS_FINISHED,
           "Algorithms of the server's HASSH"),
};

const struct protocol ssh_protocol = {
    .id = PROTOCOL_ssh,
    .name = "ssh",
    .title = "Secure Shell",
    .eve_type = "ssh",
    .transports = TRANSPORT_TCP,
    .ports = "22",
    .probe = ssh_probe,
    .probe_depth = 4,
    .server_speaks_first = true,
    .state_size = sizeof(struct ssh_state),
    .record_size = sizeof(struct ssh),
    .tx_memory_max = 128U * 1024U,
    .buffer_max = PACKET_MAX + 8U,
    .tx_max = 1,
    .one_tx = true,
    .stream = ssh_stream,
    .gap = ssh_gap,
    .progress_names = { request_names, response_names },
    .complete = { PROGRESS_FINISHED, PROGRESS_FINISHED },
    .write = ssh_write,
    .loggable = ssh_loggable,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
};
