/* SPDX-License-Identifier: Apache-2.0 */
/* TLS records and handshakes (RFC 8446, RFC 5246), SSL 2 hellos (RFC 5246 appendix E.2). */
#include "proto/tls.h"

#include <stdlib.h>
#include <time.h>

#include "proto/session.h"

#define RECORD_HEADER   5U
#define SSL2_HEADER     3U /* size, type */
#define RECORD_MAX      (16384U + 2048U)
#define HANDSHAKE_MAX   (64U * 1024U)
#define RECORDS_A_CALL  256U
#define SSL2_HELLO_MIN  9U /* of a client */
#define TX_MEMORY_BYTES (512U * 1024U)

enum { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23, RECORD_HEARTBEAT = 24 };
enum {
    HELLO_REQUEST = 0,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    NEW_TICKET = 4,
    CERTIFICATE = 11,
    SERVER_KEY = 12,
    CERTIFICATE_REQUEST = 13,
    SERVER_HELLO_DONE = 14,
    CERTIFICATE_VERIFY = 15,
    CLIENT_KEY = 16,
    FINISHED = 20,
    CERTIFICATE_URL = 21,
    CERTIFICATE_STATUS = 22
};

enum tls_event {
    EVENT_INVALID_SSLV2_HEADER,
    EVENT_INVALID_TLS_HEADER,
    EVENT_INVALID_RECORD_VERSION,
    EVENT_INVALID_RECORD_TYPE,
    EVENT_INVALID_RECORD_LENGTH,
    EVENT_INVALID_HANDSHAKE_MESSAGE,
    EVENT_HANDSHAKE_INVALID_LENGTH,
    EVENT_INVALID_CERTIFICATE,
    EVENT_CERTIFICATE_INVALID_LENGTH,
    EVENT_CERTIFICATE_INVALID_VERSION,
    EVENT_CERTIFICATE_INVALID_SERIAL,
    EVENT_CERTIFICATE_INVALID_ALGORITHM,
    EVENT_CERTIFICATE_INVALID_NAME,
    EVENT_CERTIFICATE_INVALID_DATE,
    EVENT_CERTIFICATE_INVALID_EXTENSIONS,
    EVENT_CERTIFICATE_INVALID_DER,
    EVENT_CERTIFICATE_INVALID_SUBJECT,
    EVENT_CERTIFICATE_INVALID_ISSUER,
    EVENT_CERTIFICATE_INVALID_VALIDITY,
    EVENT_ERROR_MESSAGE_ENCOUNTERED,
    EVENT_INVALID_SSL_RECORD,
    EVENT_INVALID_ALERT_MESSAGE,
    EVENT_HEARTBEAT_MESSAGE,
    EVENT_INVALID_HEARTBEAT_MESSAGE,
    EVENT_OVERFLOW_HEARTBEAT_MESSAGE,
    EVENT_DATALEAK_HEARTBEAT_MISMATCH,
    EVENT_MULTIPLE_SNI_EXTENSIONS,
    EVENT_INVALID_SNI_TYPE,
    EVENT_INVALID_SNI_LENGTH,
    EVENT_TOO_MANY_RECORDS_IN_PACKET,
    EVENT_TOO_MANY_ALTERNATIVE_NAMES,
};

static const char *const event_names[] = {
    "invalid_sslv2_header",
    "invalid_tls_header",
    "invalid_record_version",
    "invalid_record_type",
    "invalid_record_length",
    "invalid_handshake_message",
    "handshake_invalid_length",
    "invalid_certificate",
    "certificate_invalid_length",
    "certificate_invalid_version",
    "certificate_invalid_serial",
    "certificate_invalid_algorithmidentifier",
    "certificate_invalid_x509name",
    "certificate_invalid_date",
    "certificate_invalid_extensions",
    "certificate_invalid_der",
    "certificate_invalid_subject",
    "certificate_invalid_issuer",
    "certificate_invalid_validity",
    "error_message_encountered",
    "invalid_ssl_record",
    "invalid_alert_message",
    "heartbeat_message",
    "invalid_heartbeat_message",
    "overflow_heartbeat_message",
    "dataleak_heartbeat_mismatch",
    "multiple_sni_extensions",
    "invalid_sni_type",
    "invalid_sni_length",
    "too_many_records_in_packet",
    "too_many_subject_alternative_names",
    NULL,
};

struct tls_side {
    uint8_t *message; /* a handshake message that spans records; heap */
    size_t size, capacity;
    size_t skip;        /* bytes of a record still to be passed over */
    bool encrypted;     /* after change cipher spec, or after the hellos of TLS 1.3 */
    bool blind;         /* after lost bytes: record boundaries are unknown */
    bool framed;        /* the frames of the record at hand were made */
    bool begun;         /* a record has come */
    uint16_t heartbeat; /* size of the last encrypted heartbeat */
};

struct tls_state {
    struct tx *tx;
    struct tls_side sides[DIRECTIONS];
    size_t held;             /* bytes of their messages */
    bool certificate_wanted; /* the client's */
    bool hello_again;        /* a second hello of the client was read */
};

static struct tls *record_of(const struct tls_state *state)
{
    return (struct tls *)state->tx->record;
}

static const struct tls *tls_of(const struct tx *tx)
{
    return (const struct tls *)tx->record;
}

static void raise_progress(struct tx *tx, enum direction direction, uint8_t progress)
{
    if (tx->progress[direction] < progress)
        tx->progress[direction] = progress;
}

/* ---- hellos ---- */

static const struct tls_settings *settings_of(const struct session *session)
{
    static const struct tls_settings defaults = { 0 };
    const struct tls_settings *given = session_options(session, session->protocol);
    return given ? given : &defaults;
}

static void note_sni(struct tx *tx, const struct tls_hello *hello)
{
    if (hello->sni_twice)
        tx_event(tx, EVENT_MULTIPLE_SNI_EXTENSIONS);
    if (hello->sni_bad_type)
        tx_event(tx, EVENT_INVALID_SNI_TYPE);
    if (hello->sni_bad_length)
        tx_event(tx, EVENT_INVALID_SNI_LENGTH);
}

/* A connection whose client's hello was not seen, or says nothing, has the fingerprint of an empty one. */
static void fingerprint_nothing(struct session *session, struct tls_state *state)
{
    static const struct tls_hello nothing = { 0 };
    struct tls *tls = record_of(state);
    if (!tls->ja4.data && !settings_of(session)->no_ja4)
        tls->ja4 = tls_ja4(&nothing, 't', &state->tx->memory);
}

static bool client_hello(struct session *session, struct tls_state *state, struct reader *in)
{
    struct tx *tx = state->tx;
    struct tls *tls = record_of(state);
    struct tls_end *client = &tls->ends[TO_SERVER];
    tls->states = TLS_STATE_CLIENT_HELLO;
    if (client->has_hello && state->hello_again)
        return true;
    state->hello_again = client->has_hello;
    struct tls_hello hello = { .has_sni = client->hello.has_sni };
    bool good = tls_read_client_hello(in, &tx->memory, &hello);
    note_sni(tx, &hello);
    if (!good)
        return false;
    if (hello.odd_length)
        tx_event(tx, EVENT_HANDSHAKE_INVALID_LENGTH);
    if (client->has_hello) /* again, after a HelloRetryRequest: the first one identifies the client */
        return true;
    client->hello = hello;
    client->has_hello = true;
    if (!settings_of(session)->no_ja3) {
        client->ja3 = tls_ja3(&hello, false, false, &tx->memory);
        client->ja3_hash = tls_ja3_hash(client->ja3, &tx->memory);
    }
    if (!settings_of(session)->no_ja4)
        tls->ja4 = tls_ja4(&hello, 't', &tx->memory);
    raise_progress(tx, TO_SERVER, TLS_CLIENT_HELLO_DONE);
    return true;
}

static bool server_hello(struct session *session, struct tls_state *state, struct reader *in)
{
    struct tx *tx = state->tx;
    struct tls *tls = record_of(state);
    struct tls_end *server = &tls->ends[TO_CLIENT];
    struct tls_hello hello = { 0 };
    tls->states = TLS_STATE_SERVER_HELLO;
    if (!tls_read_server_hello(in, &tx->memory, &hello))
        return false;
    if (hello.odd_length)
        tx_event(tx, EVENT_HANDSHAKE_INVALID_LENGTH);
    if (server->has_hello && !server->hello.retry)
        return true;
    server->hello = hello;
    server->has_hello = true;
    tls->version = hello.version_best ? hello.version_best : hello.version;
    fingerprint_nothing(session, state);
    if (!settings_of(session)->no_ja3) {
        server->ja3 = tls_ja3(&hello, true, false, &tx->memory);
        server->ja3_hash = tls_ja3_hash(server->ja3, &tx->memory);
    }
    raise_progress(tx, TO_CLIENT, TLS_SERVER_HELLO);
    raise_progress(tx, TO_SERVER, TLS_CLIENT_HELLO_DONE); /* it must have come, seen or not */
    return true;
}

static bool after_13(const struct tls *tls)
{
    unsigned draft = tls->version >> 8;
    return tls->version == 0x0304 || draft == 0x7f || draft == 0x7e || draft == 0xfb;
}

/* ---- certificates ---- */

static void note_problem(struct tx *tx, enum certificate_problem problem)
{
    static const uint8_t events[] = {
        [CERTIFICATE_BROKEN] = EVENT_INVALID_CERTIFICATE,
        [CERTIFICATE_BAD_DER] = EVENT_CERTIFICATE_INVALID_DER,
        [CERTIFICATE_BAD_LENGTH] = EVENT_CERTIFICATE_INVALID_LENGTH,
        [CERTIFICATE_BAD_VERSION] = EVENT_CERTIFICATE_INVALID_VERSION,
        [CERTIFICATE_BAD_SERIAL] = EVENT_CERTIFICATE_INVALID_SERIAL,
        [CERTIFICATE_BAD_DATE] = EVENT_CERTIFICATE_INVALID_DATE,
    };
    if (problem != CERTIFICATE_GOOD)
        tx_event(tx, events[problem]);
}

static bool certificates(struct tx *tx, enum direction direction, struct reader *in)
{
    struct tls *tls = (struct tls *)tx->record;
    struct tls_end *end = &tls->ends[direction];
    /* Where the size of the list is wrong, the message's own counts. */
    size_t size = reader_be24(in);
    struct reader list = reader_sub(in, MIN(size, reader_left(in)));
    while (!reader_empty(&list) && end->chain_count < 1000) {
        struct bytes der = reader_bytes(&list, reader_be24(&list));
        if (!reader_ok(&list)) {
            tx_event(tx, EVENT_INVALID_CERTIFICATE);
            break;
        }
        if (!der.size) {
            note_problem(tx, CERTIFICATE_BAD_LENGTH);
            continue;
        }
        if (end->chain_count < TLS_CHAIN_MAX)
            end->chain[end->chain_count] = arena_copy(&tx->memory, der);
        if (end->chain_count++ == 0) {
            note_problem(tx, certificate_read(der, &tx->memory, &end->certificate));
            end->has_certificate = true;
        }
    }
    raise_progress(tx, direction, TLS_CLIENT_CERT_DONE); /* the same number on both sides */
    return true;
}

/* ---- handshake messages ---- */

static bool handshake(struct session *session, struct tls_state *state, enum direction direction,
                      uint8_t type, struct reader in)
{
    struct tls *tls = record_of(state);
    switch (type) {
    case CLIENT_HELLO:
        return direction != TO_SERVER || client_hello(session, state, &in);
    case SERVER_HELLO:
        return direction != TO_CLIENT || server_hello(session, state, &in);
    case CERTIFICATE:
        return certificates(state->tx, direction, &in);
    case SERVER_KEY:
        tls->states = TLS_STATE_SERVER_KEY;
        return true;
    case SERVER_HELLO_DONE:
        raise_progress(state->tx, TO_CLIENT, TLS_SERVER_HELLO_DONE);
        if (!state->certificate_wanted)
            raise_progress(state->tx, TO_SERVER, TLS_CLIENT_CERT_DONE);
        return true;
    case CLIENT_KEY:
        tls->states = TLS_STATE_CLIENT_KEY;
        raise_progress(state->tx, TO_SERVER, TLS_CLIENT_CERT_DONE);
        return true;
    case CERTIFICATE_REQUEST:
        state->certificate_wanted = true;
        return true;
    case HELLO_REQUEST:
    case NEW_TICKET:
    case CERTIFICATE_URL:
    case CERTIFICATE_VERIFY:
    case FINISHED:
    case CERTIFICATE_STATUS:
        return true;
    default:
        tx_event(state->tx, EVENT_INVALID_HANDSHAKE_MESSAGE);
        return true;
    }
}

static bool keep_message(struct session *session, struct tls_state *state, enum direction direction,
                         struct bytes part)
{
    struct tls_side *side = &state->sides[direction];
    if (!part.data || part.size == 0)
        return true;
    if (part.size > HANDSHAKE_MAX - side->size)
        return false;
    if (side->size + part.size > side->capacity) {
        size_t capacity = MIN((side->size + part.size) * 2, (size_t)HANDSHAKE_MAX);
        uint8_t *grown = realloc(side->message, capacity);
        if (!grown)
            return false;
        side->message = grown;
        side->capacity = capacity;
        session_holds(session, &state->held,
                      state->sides[TO_SERVER].capacity + state->sides[TO_CLIENT].capacity);
    }
    memcpy(side->message + side->size, part.data, part.size);
    side->size += part.size;
    return true;
}

/* Hands whole messages on; the reader is left at the first incomplete one. */
static bool take_messages(struct session *session, struct tls_state *state, enum direction direction,
                          struct reader *in)
{
    while (reader_left(in) >= 4) {
        struct reader at = *in;
        uint8_t type = reader_u8(&at);
        size_t size = reader_be24(&at);
        if (size > HANDSHAKE_MAX)
            return false;
        if (reader_left(&at) < size)
            return true;
        if (!handshake(session, state, direction, type, reader_sub(&at, size)))
            tx_event(state->tx, EVENT_HANDSHAKE_INVALID_LENGTH);
        *in = at;
    }
    return true;
}

static bool handshake_record(struct session *session, struct tls_state *state, enum direction direction,
                             struct reader content)
{
    struct tls_side *side = &state->sides[direction];
    if (side->size) {
        if (!keep_message(session, state, direction, reader_rest(&content)))
            return false;
        content = reader_of(side->message, side->size);
    }
    if (!take_messages(session, state, direction, &content))
        return false;
    struct bytes left = reader_peek(&content);
    if (side->size) {
        if (left.data &&
            left.data != side->message) /* else none was taken: a peer may send an octet at a time */
            memmove(side->message, left.data, left.size);
        side->size = left.size;
        return true;
    }
    return keep_message(session, state, direction, left);
}

/* ---- records ---- */

enum { FRAME_HEADER, FRAME_PDU, FRAME_DATA, FRAME_ALERT, FRAME_HEARTBEAT, FRAME_SSL2_HEADER, FRAME_SSL2_PDU };
static const char *const frame_names[] = { "hdr",       "pdu",      "data",     "alert",
                                           "heartbeat", "ssl2.hdr", "ssl2.pdu", NULL };

/* The handshake is over on this side: what follows is opaque. */
static void sealed(struct session *session, struct tls_state *state, enum direction direction, bool data)
{
    struct tx *tx = state->tx;
    if (direction == TO_SERVER)
        raise_progress(tx, direction, data ? TLS_CLIENT_FINISHED : TLS_CLIENT_HANDSHAKE_DONE);
    else
        raise_progress(tx, direction, data ? TLS_SERVER_FINISHED : TLS_SERVER_HANDSHAKE_DONE);
    if (data) /* of one side will do: the rest is none of the rules' */
        session_encrypted(session);
}

static void heartbeat(struct tls_state *state, enum direction direction, size_t record_size,
                      struct reader content)
{
    struct tx *tx = state->tx;
    struct tls_side *side = &state->sides[direction];
    if (record_size < 3)
        return;
    if (side->encrypted) {
        /* The answer to an encrypted heartbeat has the request's size; more is a leak (CVE-2014-0160). */
        uint16_t asked = state->sides[!direction].heartbeat;
        if (asked && record_size != asked)
            tx_event(tx, EVENT_DATALEAK_HEARTBEAT_MISMATCH);
        side->heartbeat = asked ? 0 : (uint16_t)record_size;
        state->sides[!direction].heartbeat = 0;
        return;
    }
    uint8_t type = reader_u8(&content);
    size_t payload = reader_be16(&content);
    if (type != 1 && type != 2)
        tx_event(tx, EVENT_INVALID_HEARTBEAT_MESSAGE);
    else if (payload > record_size - 3)
        tx_event(tx, EVENT_OVERFLOW_HEARTBEAT_MESSAGE);
    else if (payload == 0 || payload + 3 + 16 > record_size) /* at least 16 bytes of padding (RFC 6520) */
        tx_event(tx, EVENT_INVALID_HEARTBEAT_MESSAGE);
}

static bool record(struct session *session, struct tls_state *state, enum direction direction, uint8_t type,
                   struct reader content)
{
    struct tls_side *side = &state->sides[direction];
    struct tls *tls = record_of(state);
    switch (type) {
    case RECORD_CCS:
        if (!after_13(tls)) {
            side->encrypted = true;
            side->size = 0;
        }
        return true;
    case RECORD_ALERT:
        if (reader_left(&content) == 1)
            tx_event(state->tx, EVENT_INVALID_ALERT_MESSAGE);
        return true;
    case RECORD_HANDSHAKE:
        if (side->encrypted) {
            sealed(session, state, direction, false);
            return true;
        }
        return handshake_record(session, state, direction, content);
    case RECORD_HEARTBEAT:
        heartbeat(state, direction, reader_left(&content), content);
        return true;
    default:
        side->encrypted = true;
        sealed(session, state, direction, true);
        return true;
    }
}

/* An SSL 2 hello: two bytes of length with the high bit, type, version. True when it was one. */
static bool looks_like_sslv2(struct bytes data, uint8_t type)
{
    if (data.size < 5 || !(data.data[0] & 0x80) || data.data[2] != type ||
        (data.data[0] == 0x80 && !data.data[1]))
        return false;
    if (type == 4) /* server: session id hit, certificate type, version */
        return data.size >= 7 && data.data[5] == 0 && data.data[6] == 2;
    return (data.data[3] == 0 && data.data[4] == 2) || (data.data[3] == 3 && data.data[4] <= 4);
}

static void sslv2_client(struct tls_state *state, struct reader in)
{
    struct tls *tls = record_of(state);
    struct tls_end *client = &tls->ends[TO_SERVER];
    reader_skip(&in, 1);
    client->hello.version = reader_be16(&in);
    client->version = 0x0200;
    client->has_hello = true;
    tls->states = TLS_STATE_CLIENT_HELLO;
    raise_progress(state->tx, TO_SERVER, TLS_CLIENT_HELLO_DONE);
}

static void sslv2_server(struct tls_state *state, struct reader in)
{
    struct tls *tls = record_of(state);
    tls->ends[TO_CLIENT].version = tls->version = 0x0200;
    tls->states = TLS_STATE_SERVER_HELLO;
    reader_skip(&in, 5);
    size_t size = reader_be16(&in);
    reader_skip(&in, 4);
    struct bytes der = reader_bytes(&in, size);
    struct tls_end *server = &tls->ends[TO_CLIENT];
    server->has_hello = true;
    if (reader_ok(&in) && der.size) {
        server->chain[0] = arena_copy(&state->tx->memory, der);
        server->chain_count = 1;
        server->has_certificate = true;
        note_problem(state->tx, certificate_read(der, &state->tx->memory, &server->certificate));
    }
    raise_progress(state->tx, TO_CLIENT, TLS_SERVER_HANDSHAKE_DONE);
    raise_progress(state->tx, TO_SERVER, TLS_CLIENT_HANDSHAKE_DONE);
}

/* Takes an SSL 2 message when one begins here. False: wait for the rest of it. */
static bool take_sslv2(struct session *session, struct tls_state *state, enum direction direction,
                       struct reader *in, bool *taken)
{
    *taken = false;
    struct tls *tls = record_of(state);
    bool fresh = direction == TO_SERVER
                     ? !tls->ends[direction].has_hello
                     : !tls->ends[direction].has_hello && tls->ends[TO_SERVER].version == 0x0200;
    if (fresh && looks_like_sslv2(reader_peek(in), direction == TO_SERVER ? 1 : 4)) {
        struct reader at = *in;
        struct reader message = reader_sub(&at, reader_be16(&at) & 0x7fff);
        if (!reader_ok(&at))
            return false;
        session_frame(session, direction, FRAME_SSL2_HEADER, in->at, SSL2_HEADER, NULL);
        session_frame(session, direction, FRAME_SSL2_PDU, in->at, (uint64_t)(at.at - in->at), NULL);
        if (direction == TO_SERVER)
            sslv2_client(state, message);
        else
            sslv2_server(state, message);
        *in = at;
        *taken = true;
    } else if (tls->version == 0x0200) { /* the rest of an SSL 2 session is not followed */
        (void)reader_rest(in);
        *taken = true;
    }
    return true;
}

/* The frames of a record, when its header is here; `at` is its first byte. */
static void frame_record(struct session *session, struct tls_side *side, enum direction direction,
                         const uint8_t *at, uint8_t type, size_t size)
{
    if (side->framed)
        return;
    side->framed = true;
    session_frame(session, direction, FRAME_HEADER, at, RECORD_HEADER, NULL);
    session_frame(session, direction, FRAME_PDU, at, RECORD_HEADER + (uint64_t)size, NULL);
    session_frame(session, direction, FRAME_DATA, at + RECORD_HEADER, size, NULL);
    if (type == RECORD_ALERT)
        session_frame(session, direction, FRAME_ALERT, at + RECORD_HEADER, size, NULL);
    else if (type == RECORD_HEARTBEAT)
        session_frame(session, direction, FRAME_HEARTBEAT, at + RECORD_HEADER, size, NULL);
}

static bool good_header(struct tls_state *state, enum direction direction, uint8_t type, uint16_t version,
                        size_t size)
{
    struct tx *tx = state->tx;
    struct tls_side *side = &state->sides[direction];
    if (type < RECORD_CCS || type > RECORD_HEARTBEAT) {
        tx_event(tx, EVENT_INVALID_RECORD_TYPE);
        return false;
    }
    bool known = (version >= 0x0300 && version <= 0x0304) || version >> 8 == 0x7f;
    if (!known) { /* told of the first record; later ones are no records */
        if (!side->begun)
            tx_event(tx, EVENT_INVALID_RECORD_VERSION);
        return false;
    }
    if (size == 0 || size > RECORD_MAX)
        tx_event(tx, EVENT_INVALID_RECORD_LENGTH);
    if (size > RECORD_MAX)
        return false;
    side->begun = true;
    record_of(state)->ends[direction].version = version;
    return true;
}

/* A record of SSL 2 where none is due: its head has two octets, or three when the second bit is set. */
static void stray_sslv2(struct tls_state *state, struct reader in)
{
    uint16_t size = reader_be16(&in);
    if (!(size & 0x8000))
        reader_skip(&in, 1);
    uint8_t type = reader_u8(&in);
    if ((size & 0x3fff) == 0)
        tx_event(state->tx, EVENT_INVALID_SSLV2_HEADER);
    else if (reader_left(&in) + 1U < (size & 0x3fffU)) /* the rest may come */
        return;
    if ((size & 0x3fff) == 0 || (type == 1 && (size & 0x3fff) < SSL2_HELLO_MIN))
        tx_event(state->tx, EVENT_INVALID_SSL_RECORD);
    else if (type == 0)
        tx_event(state->tx, EVENT_ERROR_MESSAGE_ENCOUNTERED);
}

/* Whole records are not waited for where their content is opaque. */
static bool opaque(const struct tls_side *side, uint8_t type)
{
    return type == RECORD_DATA || (side->encrypted && type == RECORD_HANDSHAKE);
}

static bool take_record(struct session *session, struct tls_state *state, enum direction direction,
                        struct reader *in, bool *more)
{
    struct tls_side *side = &state->sides[direction];
    struct reader at = *in;
    uint8_t type = reader_u8(&at);
    uint16_t version = reader_be16(&at);
    size_t size = reader_be16(&at);
    *more = false;
    if (!reader_ok(&at))
        return true;
    if (type & 0xc0) {
        stray_sslv2(state, *in);
        return false;
    }
    if (!good_header(state, direction, type, version, size))
        return false;
    frame_record(session, side, direction, in->at, type, size);
    if (opaque(side, type)) {
        side->framed = false;
        size_t here = MIN(size, reader_left(&at));
        reader_skip(&at, here);
        side->skip = size - here;
        *more = record(session, state, direction, type, reader_of(NULL, 0));
        *in = at;
        return *more;
    }
    struct reader content = reader_sub(&at, size);
    if (!reader_ok(&at))
        return true;
    *in = at;
    *more = true;
    side->framed = false;
    if (type != RECORD_DATA) /* which is opaque */
        session_said(session, direction);
    return record(session, state, direction, type, content);
}

static bool tls_stream(struct session *session, void *parser, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct tls_state *state = parser;
    struct tls_side *side = &state->sides[direction];
    if (!state->tx)
        return false;
    if (!reader_empty(in))
        record_of(state)->states = 0;
    if (side->blind)
        (void)reader_rest(in);
    for (unsigned records = 0; !reader_empty(in); records++) {
        size_t skip = MIN(side->skip, reader_left(in));
        reader_skip(in, skip);
        side->skip -= skip;
        if (reader_empty(in))
            break;
        bool taken;
        if (!take_sslv2(session, state, direction, in, &taken))
            return true;
        if (taken)
            continue;
        if (records == RECORDS_A_CALL)
            tx_event(state->tx, EVENT_TOO_MANY_RECORDS_IN_PACKET);
        bool more;
        if (!take_record(session, state, direction, in, &more))
            return false;
        if (!more)
            break;
    }
    if (flags & FEED_END)
        tx_finish(state->tx, direction);
    return true;
}

static bool tls_gap(struct session *session, void *parser, enum direction direction, uint64_t size)
{
    struct tls_state *state = parser;
    struct tls_side *side = &state->sides[direction];
    (void)session;
    if (size <= side->skip) {
        side->skip -= (size_t)size;
        return true;
    }
    side->blind = true;
    side->size = 0;
    if (state->tx)
        tx_finish(state->tx, direction);
    return true;
}

static void tls_open(struct session *session, void *parser)
{
    struct tls_state *state = parser;
    state->tx = session_tx(session);
    if (!state->tx)
        return;
    state->tx->keep = true; /* alerts on what follows the handshake show it */
    if (session->original)
        record_of(state)->from = session->original->name;
}

static void tls_close(struct session *session, void *parser)
{
    struct tls_state *state = parser;
    session_holds(session, &state->held, 0);
    free(state->sides[TO_SERVER].message);
    free(state->sides[TO_CLIENT].message);
    state->sides[TO_SERVER].message = state->sides[TO_CLIENT].message = NULL;
}

/* ---- recognition ---- */

static enum probe tls_probe(enum direction direction, struct bytes data)
{
    if (data.size >= 5 && looks_like_sslv2(data, 1))
        return direction == TO_SERVER ? PROBE_YES : PROBE_REVERSED;
    if (!data.size || (data.data[0] & 0x80))
        return data.size < 5 ? PROBE_MORE : PROBE_NO;
    if (data.data[0] < RECORD_ALERT || data.data[0] > RECORD_DATA)
        return PROBE_NO;
    if (data.size < 3)
        return PROBE_MORE;
    if (data.data[1] != 3 || data.data[2] > 4)
        return PROBE_NO;
    if (data.size < 6)
        return data.size < 5 || data.data[0] == RECORD_HANDSHAKE ? PROBE_MORE : PROBE_YES;
    size_t size = (size_t)data.data[3] << 8 | data.data[4];
    if (size == 0 && data.data[0] == RECORD_HANDSHAKE)
        return PROBE_YES; /* says nothing, but nothing else begins so */
    if (size == 0 || size > RECORD_MAX)
        return PROBE_NO;
    if (data.data[0] != RECORD_HANDSHAKE)
        return data.data[2] ? PROBE_YES : PROBE_NO;
    if (data.data[5] == (direction == TO_SERVER ? SERVER_HELLO : CLIENT_HELLO))
        return PROBE_REVERSED;
    return PROBE_YES;
}

/* ---- EVE ---- */

static const struct {
    const char *name;
    uint32_t bit;
} log_fields[] = {
    { "subject", TLS_LOG_SUBJECT },
    { "issuer", TLS_LOG_ISSUER },
    { "session_resumed", TLS_LOG_RESUMED },
    { "serial", TLS_LOG_SERIAL },
    { "fingerprint", TLS_LOG_FINGERPRINT },
    { "sni", TLS_LOG_SNI },
    { "version", TLS_LOG_VERSION },
    { "not_before", TLS_LOG_NOT_BEFORE },
    { "not_after", TLS_LOG_NOT_AFTER },
    { "certificate", TLS_LOG_CERTIFICATE },
    { "chain", TLS_LOG_CHAIN },
    { "ja3", TLS_LOG_JA3 },
    { "ja3s", TLS_LOG_JA3S },
    { "ja4", TLS_LOG_JA4 },
    { "subjectaltname", TLS_LOG_NAMES },
    { "client_alpns", TLS_LOG_CLIENT_ALPNS },
    { "server_alpns", TLS_LOG_SERVER_ALPNS },
    { "client", TLS_LOG_CLIENT },
    { "client_certificate", TLS_LOG_CLIENT_CERTIFICATE },
    { "client_chain", TLS_LOG_CLIENT_CHAIN },
    { "client_handshake", TLS_LOG_CLIENT_HANDSHAKE },
    { "server_handshake", TLS_LOG_SERVER_HANDSHAKE },
};

uint32_t tls_log_field(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(log_fields); i++)
        if (bytes_is(name, log_fields[i].name))
            return log_fields[i].bit;
    return 0;
}

static void write_text(struct text *out, const char *key, struct bytes value)
{
    if (value.data)
        json_string(out, key, value);
}

static void write_time(struct text *out, const char *key, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    if (!gmtime_r(&when, &parts))
        return;
    json_key(out, key);
    text_add(out, "\"%04d-%02d-%02dT%02d:%02d:%02d\",", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
             parts.tm_hour, parts.tm_min, parts.tm_sec);
}

static void write_texts(struct text *out, const char *key, const struct bytes *texts, uint32_t count)
{
    if (!count)
        return;
    json_open(out, key, '[');
    for (uint32_t i = 0; i < count; i++)
        json_string(out, NULL, texts[i]);
    json_close(out, ']');
}

static void write_names(struct text *out, const struct certificate *certificate, uint32_t fields)
{
    if (fields & TLS_LOG_SUBJECT)
        write_text(out, "subject", certificate->subject);
    if (fields & TLS_LOG_ISSUER)
        write_text(out, "issuerdn", certificate->issuer);
    if (fields & TLS_LOG_NAMES)
        write_texts(out, "subjectaltname", certificate->alternative_names,
                    certificate->alternative_name_count);
    if (fields & TLS_LOG_SERIAL)
        write_text(out, "serial", certificate->serial);
    if (fields & TLS_LOG_FINGERPRINT)
        write_text(out, "fingerprint", certificate->fingerprint);
}

static void write_validity(struct text *out, const struct certificate *certificate, uint32_t fields)
{
    if (!certificate->has_validity)
        return;
    if (fields & TLS_LOG_NOT_BEFORE)
        write_time(out, "notbefore", certificate->not_before);
    if (fields & TLS_LOG_NOT_AFTER)
        write_time(out, "notafter", certificate->not_after);
}

static void write_chain(struct text *out, const struct tls_end *end, bool first, bool all)
{
    if (first && end->chain_count && end->chain[0].data)
        json_base64(out, "certificate", end->chain[0]);
    if (!all || !end->chain_count)
        return;
    json_open(out, "chain", '[');
    for (uint32_t i = 0; i < MIN(end->chain_count, TLS_CHAIN_MAX); i++)
        if (end->chain[i].data)
            json_base64(out, NULL, end->chain[i]);
    json_close(out, ']');
}

static void write_ja3(struct text *out, const char *key, const struct tls_end *end)
{
    if (!end->ja3_hash.data)
        return;
    json_open(out, key, '{');
    json_string(out, "hash", end->ja3_hash);
    json_string(out, "string", end->ja3);
    json_close(out, '}');
}

static void write_numbers(struct text *out, const char *key, const struct tls_numbers *numbers)
{
    bool open = false;
    for (uint32_t i = 0; i < numbers->count; i++) {
        if (tls_is_grease(numbers->items[i]))
            continue;
        if (!open)
            json_open(out, key, '[');
        open = true;
        json_uint(out, NULL, numbers->items[i]);
    }
    if (open)
        json_close(out, ']');
}

static void write_version(struct text *out, const char *key, uint16_t version)
{
    char buffer[32];
    json_cstring(out, key, tls_version_text(version, buffer, sizeof buffer));
}

static void write_handshakes(struct text *out, const struct tls *tls, uint32_t fields)
{
    const struct tls_hello *client = &tls->ends[TO_SERVER].hello, *server = &tls->ends[TO_CLIENT].hello;
    if ((fields & TLS_LOG_CLIENT_HANDSHAKE) && tls->ends[TO_SERVER].has_hello) {
        json_open(out, "client_handshake", '{');
        write_version(out, "version", client->version_best ? client->version_best : client->version);
        write_numbers(out, "ciphers", &client->ciphers);
        write_numbers(out, "exts", &client->extensions);
        write_numbers(out, "sig_algs", &client->signatures);
        json_close(out, '}');
    }
    if ((fields & TLS_LOG_SERVER_HANDSHAKE) && tls->ends[TO_CLIENT].has_hello) {
        json_open(out, "server_handshake", '{');
        write_version(out, "version", server->version);
        if (server->ciphers.count)
            json_uint(out, "cipher", server->ciphers.items[0]);
        write_numbers(out, "exts", &server->extensions);
        json_close(out, '}');
    }
}

static void write_client(struct text *out, const struct tls_end *client, uint32_t fields)
{
    bool certificate = fields & TLS_LOG_CLIENT_CERTIFICATE, chain = fields & TLS_LOG_CLIENT_CHAIN;
    if (!client->has_certificate || !((fields & TLS_LOG_CLIENT) || certificate || chain))
        return;
    json_open(out, "client", '{');
    if (fields & TLS_LOG_CLIENT) {
        write_names(out, &client->certificate,
                    TLS_LOG_SUBJECT | TLS_LOG_ISSUER | TLS_LOG_SERIAL | TLS_LOG_FINGERPRINT);
        write_validity(out, &client->certificate, TLS_LOG_NOT_BEFORE | TLS_LOG_NOT_AFTER);
    }
    write_chain(out, client, certificate, chain);
    json_close(out, '}');
}

/* A client that names a session (RFC 5246 section 7.3) which its server goes on with, or that knows tickets
 * (RFC 5077 section 3.2), may do without a certificate before TLS 1.3. */
static bool may_resume(const struct tls *tls)
{
    const struct tls_end *client = &tls->ends[TO_SERVER], *server = &tls->ends[TO_CLIENT];
    struct bytes asked = client->hello.session_id;
    bool named = asked.size && bytes_equal(asked, server->hello.session_id);
    return !server->has_certificate && !after_13(tls) && (named || client->hello.ticket);
}

void tls_log(const struct tx *tx, uint32_t fields, struct text *out)
{
    const struct tls *tls = tls_of(tx);
    const struct tls_end *client = &tls->ends[TO_SERVER], *server = &tls->ends[TO_CLIENT];
    if ((fields & TLS_LOG_RESUMED) && server->has_hello && may_resume(tls))
        json_bool(out, "session_resumed", true);
    if (server->has_certificate)
        write_names(out, &server->certificate, fields);
    if ((fields & TLS_LOG_SNI) && client->hello.sni.data)
        json_string(out, "sni", client->hello.sni);
    const struct tls_hello *offer = &client->hello;
    uint16_t offered = offer->version_best ? offer->version_best : offer->version;
    if (fields & TLS_LOG_VERSION)
        write_version(out, "version", tls->version ? tls->version : offered);
    if (tls->from)
        json_cstring(out, "from_proto", tls->from);
    if (server->has_certificate)
        write_validity(out, &server->certificate, fields);
    write_chain(out, server, fields & TLS_LOG_CERTIFICATE, fields & TLS_LOG_CHAIN);
    if (fields & TLS_LOG_JA3)
        write_ja3(out, "ja3", client);
    if (fields & TLS_LOG_JA3S)
        write_ja3(out, "ja3s", server);
    if (fields & TLS_LOG_JA4)
        write_text(out, "ja4", tls->ja4);
    if (fields & TLS_LOG_CLIENT_ALPNS)
        write_texts(out, "client_alpns", client->hello.alpns, client->hello.alpn_count);
    if (fields & TLS_LOG_SERVER_ALPNS)
        write_texts(out, "server_alpns", server->hello.alpns, server->hello.alpn_count);
    write_client(out, client, fields);
    write_handshakes(out, tls, fields);
}

bool tls_log_wanted(const struct tx *tx, uint32_t fields)
{
    const struct tls *tls = tls_of(tx);
    if (tls->ends[TO_CLIENT].has_certificate)
        return true;
    return (fields & TLS_LOG_VERSION) && (may_resume(tls) || after_13(tls));
}

static void tls_write(const struct tx *tx, bool extended, struct text *out)
{
    tls_log(tx, extended ? (uint32_t)TLS_LOG_EXTENDED : (uint32_t)TLS_LOG_BASIC, out);
}

static bool tls_loggable(const struct tx *tx)
{
    return tls_log_wanted(tx, TLS_LOG_EXTENDED);
}

/* ---- rule keywords ---- */

static bool present(uint32_t index, struct bytes found, struct bytes *value)
{
    *value = found;
    return index == 0 && found.data;
}

#define GETTER(function, expression)                                                    \
    static bool function(const struct tx *tx, enum direction direction, uint32_t index, \
                         struct arena *scratch, struct bytes *value)                    \
    {                                                                                   \
        (void)scratch;                                                                  \
        const struct tls_end *end = &tls_of(tx)->ends[direction];                       \
        return present(index, expression, value);                                       \
    }

GETTER(get_sni, end->hello.sni)
GETTER(get_subject, end->certificate.subject)
GETTER(get_issuer, end->certificate.issuer)
GETTER(get_serial, end->certificate.serial)
GETTER(get_fingerprint, end->certificate.fingerprint)
GETTER(get_random, end->hello.random)
GETTER(get_random_time, bytes_first(end->hello.random, 4))
GETTER(get_random_bytes, bytes_from(end->hello.random, 4))
GETTER(get_ja3, end->ja3)
GETTER(get_ja3_hash, end->ja3_hash)

static bool get_ja4(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                    struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return present(index, tls_of(tx)->ja4, value);
}

static bool get_certificate(const struct tx *tx, enum direction direction, uint32_t index,
                            struct arena *scratch, struct bytes *value)
{
    (void)scratch;
    const struct tls_end *end = &tls_of(tx)->ends[direction];
    if (index >= MIN(end->chain_count, TLS_CHAIN_MAX) || !end->chain[index].data)
        return false;
    *value = end->chain[index];
    return true;
}

static bool get_name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    (void)scratch;
    const struct certificate *certificate = &tls_of(tx)->ends[direction].certificate;
    if (index >= certificate->alternative_name_count)
        return false;
    *value = certificate->alternative_names[index];
    return true;
}

static bool get_alpn(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    (void)scratch;
    const struct tls_hello *hello = &tls_of(tx)->ends[direction].hello;
    if (index >= hello->alpn_count)
        return false;
    *value = hello->alpns[index];
    return true;
}

static bool chain_length(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct tls_end *end = &tls_of(tx)->ends[direction];
    *value = end->chain_count;
    return index == 0;
}

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)
#define ROW(keyword, others, where, at_client, at_server, getter, ...)                             \
    {                                                                                              \
        .name = (keyword), .alias = (others), .kind = INSPECT_GET, .directions = (where),          \
        .progress = { (at_client), (at_server) }, .get = (getter), .source = "RFC 8446, RFC 5246", \
        .help = __VA_ARGS__                                                                        \
    }

static const struct inspect inspects[] = {
    ROW("tls.sni", "tls_sni", 1U << TO_SERVER, TLS_CLIENT_HELLO_DONE, 0, get_sni, "Server name asked for"),
    ROW("tls.cert_subject", "tls_cert_subject", BOTH, TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE, get_subject,
        "Subject of the certificate"),
    ROW("tls.cert_issuer", "tls_cert_issuer", BOTH, TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE, get_issuer,
        "Issuer of the certificate"),
    ROW("tls.cert_serial", "tls_cert_serial", BOTH, TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE, get_serial,
        "Serial number of the certificate, with colons"),
    ROW("tls.cert_fingerprint", "tls_cert_fingerprint", BOTH, TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE,
        get_fingerprint, "SHA-1 of the certificate, with colons", .length = 59),
    ROW("tls.certs", NULL, BOTH, TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE, get_certificate,
        "Each certificate of the chain, as DER"),
    ROW("tls.subjectaltname", NULL, 1U << TO_CLIENT, TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE, get_name,
        "Alternative names of the certificate"),
    ROW("tls.alpn", NULL, BOTH, TLS_CLIENT_HELLO_DONE, TLS_SERVER_HELLO, get_alpn,
        "Application protocols: offered by the client, chosen by the server"),
    ROW("tls.random", NULL, BOTH, TLS_CLIENT_HELLO_DONE, TLS_SERVER_HELLO, get_random, "The hello's random"),
    ROW("tls.random_time", NULL, BOTH, TLS_CLIENT_HELLO_DONE, TLS_SERVER_HELLO, get_random_time,
        "First four bytes of the hello's random"),
    ROW("tls.random_bytes", NULL, BOTH, TLS_CLIENT_HELLO_DONE, TLS_SERVER_HELLO, get_random_bytes,
        "Last 28 bytes of the hello's random"),
    ROW("ja3.hash", "ja3_hash", 1U << TO_SERVER, TLS_CLIENT_HELLO_DONE, 0, get_ja3_hash, "JA3 as MD5",
        .length = 32, .hexadecimal = true),
    ROW("ja3.string", "ja3_string", 1U << TO_SERVER, TLS_CLIENT_HELLO_DONE, 0, get_ja3, "JA3 in full"),
    ROW("ja3s.hash", NULL, 1U << TO_CLIENT, 0, TLS_SERVER_HELLO, get_ja3_hash, "JA3S as MD5", .length = 32,
        .hexadecimal = true),
    ROW("ja3s.string", NULL, 1U << TO_CLIENT, 0, TLS_SERVER_HELLO, get_ja3, "JA3S in full"),
    ROW("ja4.hash", NULL, 1U << TO_SERVER, TLS_CLIENT_HELLO_DONE, 0, get_ja4, "JA4 of the client"),
    { .name = "tls.cert_chain_len",
      .shown = "tls:server_cert_done:generic",
      .kind = INSPECT_NUMBER,
      .directions = 1U << TO_CLIENT,
      .progress = { TLS_CLIENT_CERT_DONE, TLS_SERVER_CERT_DONE },
      .number = chain_length,
      .max = UINT32_MAX,
      .help = "Certificates in the chain",
      .source = "RFC 5246 section 7.4.2" },
};

static const char *const client_progress[] = { "client_in_progress", "client_hello_done",
                                               "client_cert_done",   "client_handshake_done",
                                               "client_finished",    NULL };
static const char *const server_progress[] = { "server_in_progress",
                                               "server_hello",
                                               "server_cert_done",
                                               "server_hello_done",
                                               "server_handshake_done",
                                               "server_finished",
                                               NULL };

const struct protocol tls_protocol = {
    .id = PROTOCOL_tls,
    .name = "tls",
    .alias = "ssl",
    .title = "Transport Layer Security",
    .eve_type = "tls",
    .transports = TRANSPORT_TCP,
    .ports = "443,465,563,636,853,989,990,992,993,994,995",
    .probe = tls_probe,
    .probe_depth = 16,
    .state_size = sizeof(struct tls_state),
    .record_size = sizeof(struct tls),
    .tx_memory_max = TX_MEMORY_BYTES,
    .buffer_max = RECORD_MAX + RECORD_HEADER + 32768U,
    .tx_max = 4,
    .one_tx = true,
    .open = tls_open,
    .close = tls_close,
    .stream = tls_stream,
    .gap = tls_gap,
    .progress_names = { client_progress, server_progress },
    .complete = { TLS_CLIENT_FINISHED, TLS_SERVER_FINISHED },
    .log_progress = { TLS_CLIENT_CERT_DONE, TLS_SERVER_HELLO_DONE },
    .write = tls_write,
    .loggable = tls_loggable,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
    .event_capitals = true,
};
