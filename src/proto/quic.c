/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC (RFC 9000, RFC 9369): the hellos inside Initial packets; Google's QUIC up to Q046: its CHLO. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "proto/quic_crypto.h"
#include "proto/session.h"
#include "proto/tls_hello.h"

#define CRYPTO_MAX    (65U * 1024U)
#define FRAGMENTS_MAX 64U
#define CID_MAX       20U
#define VERSION_2     0x6b3343cfU

enum quic_event { EVENT_FAILED_DECRYPT, EVENT_ERROR_ON_DATA, EVENT_CRYPTO_FRAG_TOO_LONG };
static const char *const event_names[] = { "failed_decrypt", "error_on_data", "crypto_frag_too_long", NULL };

struct quic {
    uint32_t version;
    bool client, server; /* a hello of that side is here */
    struct tls_hello hello;
    struct bytes ja3, ja3_hash, ja4;
    struct bytes version_bytes; /* as on the wire */
    struct bytes sni, user_agent, cyu, cyu_hash;
};

struct fragment {
    uint64_t offset;
    size_t size;
    uint8_t *data;
};

struct side {
    struct fragment fragments[FRAGMENTS_MAX];
    uint32_t count;
    size_t total;
    bool done;
};

struct quic_state {
    struct quic_keys keys[DIRECTIONS]; /* by direction of travel */
    bool has_keys;
    struct side sides[DIRECTIONS];
    size_t held; /* bytes of their fragments */
};

static const struct quic *quic_of(const struct tx *tx)
{
    return (const struct quic *)tx->record;
}

/* ---- crypto stream ---- */

static uint64_t read_varint(struct reader *in)
{
    uint8_t first = reader_u8(in);
    uint64_t value = first & 0x3f;
    for (unsigned more = (1U << (first >> 6)) - 1; more; more--)
        value = value << 8 | reader_u8(in);
    return value;
}

static void forget(struct side *side)
{
    for (uint32_t i = 0; i < side->count; i++)
        free(side->fragments[i].data);
    side->count = 0;
    side->total = 0;
}

static bool keep(struct side *side, uint64_t offset, struct bytes data)
{
    if (side->done || !data.size)
        return true;
    if (offset > CRYPTO_MAX || data.size > CRYPTO_MAX - side->total || side->count == FRAGMENTS_MAX)
        return false;
    struct fragment *fragment = &side->fragments[side->count];
    fragment->data = malloc(data.size);
    if (!fragment->data)
        return false;
    memcpy(fragment->data, data.data, data.size);
    fragment->offset = offset;
    fragment->size = data.size;
    side->total += data.size;
    side->count++;
    return true;
}

/* The stream from its start, as far as it is there, in `out`. */
static size_t join(const struct side *side, uint8_t *out, size_t capacity)
{
    size_t size = 0;
    for (bool grew = true; grew;) {
        grew = false;
        for (uint32_t i = 0; i < side->count; i++) {
            const struct fragment *fragment = &side->fragments[i];
            if (fragment->offset > size || fragment->offset + fragment->size <= size)
                continue;
            size_t skip = size - (size_t)fragment->offset, part = MIN(fragment->size - skip, capacity - size);
            memcpy(out + size, fragment->data + skip, part);
            size += part;
            grew = part > 0;
        }
    }
    return size;
}

/* Reads the hello once the stream holds all of it. */
static bool take_hello(struct quic_state *state, enum direction direction, struct tx *tx)
{
    struct side *side = &state->sides[direction];
    struct quic *quic = (struct quic *)tx->record;
    if (side->done || !side->count)
        return true;
    uint8_t *stream = malloc(CRYPTO_MAX);
    if (!stream)
        return true;
    struct reader in = reader_of(stream, join(side, stream, CRYPTO_MAX));
    uint8_t type = reader_u8(&in);
    struct reader body = reader_sub(&in, reader_be24(&in));
    bool good = true;
    if (reader_ok(&body)) {
        side->done = true;
        forget(side);
        bool server = direction == TO_CLIENT;
        good = server ? type == 2 && tls_read_server_hello(&body, &tx->memory, &quic->hello)
                      : type == 1 && tls_read_client_hello(&body, &tx->memory, &quic->hello);
        if (good) {
            quic->client = !server;
            quic->server = server;
            quic->sni = quic->hello.sni;
            quic->ja3 = tls_ja3(&quic->hello, server, true, &tx->memory);
            quic->ja3_hash = tls_ja3_hash(quic->ja3, &tx->memory);
            if (!server)
                quic->ja4 = tls_ja4(&quic->hello, 'q', &tx->memory);
        }
    }
    free(stream);
    return good;
}

/* Frames that Initial packets may hold (RFC 9000 section 12.4). */
static bool read_frames(struct quic_state *state, enum direction direction, struct reader *in, struct tx *tx)
{
    while (!reader_empty(in)) {
        uint64_t type = read_varint(in);
        if (type == 0 || type == 1) /* padding, ping */
            continue;
        if (type == 2 || type == 3) { /* ACK */
            (void)read_varint(in);
            (void)read_varint(in);
            uint64_t ranges = read_varint(in);
            (void)read_varint(in);
            for (; ranges && reader_ok(in); ranges--) {
                (void)read_varint(in);
                (void)read_varint(in);
            }
            for (int i = 0; type == 3 && i < 3; i++)
                (void)read_varint(in);
        } else if (type == 6) { /* CRYPTO */
            uint64_t offset = read_varint(in), size = read_varint(in);
            if (size > reader_left(in))
                return false;
            if (!keep(&state->sides[direction], offset, reader_bytes(in, (size_t)size)))
                tx_event(tx, EVENT_CRYPTO_FRAG_TOO_LONG);
        } else if (type == 0x1c || type == 0x1d) { /* CONNECTION_CLOSE */
            return true;
        } else {
            return false;
        }
    }
    return reader_ok(in);
}

/* ---- packets ---- */

/* "Q034" and so on. */
enum { GOOGLE_034 = 0x51303334, GOOGLE_039 = 0x51303339, GOOGLE_043 = 0x51303433, GOOGLE_046 = 0x51303436 };

struct header {
    uint8_t first;
    uint32_t version;
    struct bytes destination, source;
};

static bool read_header(struct reader *in, struct header *header)
{
    header->first = reader_u8(in);
    header->version = reader_be32(in);
    header->destination = reader_bytes(in, reader_u8(in));
    header->source = reader_bytes(in, reader_u8(in));
    return reader_ok(in) && header->destination.size <= CID_MAX && header->source.size <= CID_MAX;
}

static bool google(uint32_t version)
{
    return version >> 24 == 'Q' || version >> 24 == 'T';
}

enum packet_type { PACKET_INITIAL, PACKET_0RTT, PACKET_HANDSHAKE, PACKET_RETRY };

static enum packet_type type_of(const struct header *header)
{
    unsigned bits = header->first >> 4 & 3;
    return (enum packet_type)(header->version == VERSION_2 ? (bits + 3) & 3 : bits);
}

static struct tx *new_tx(struct session *session, enum direction direction, uint32_t version)
{
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return NULL;
    struct quic *quic = (struct quic *)tx->record;
    uint8_t bytes[4] = { (uint8_t)(version >> 24), (uint8_t)(version >> 16), (uint8_t)(version >> 8),
                         (uint8_t)version };
    quic->version = version;
    quic->version_bytes = arena_copy(&tx->memory, bytes_of(bytes, sizeof bytes));
    tx_finish_both(tx);
    return tx;
}

static bool derive(struct quic_state *state, const struct header *header)
{
    state->has_keys = quic_initial_keys(header->version, header->destination, false,
                                        &state->keys[TO_SERVER]) &&
                      quic_initial_keys(header->version, header->destination, true, &state->keys[TO_CLIENT]);
    return state->has_keys;
}

/* A client's packet after a Retry has a new connection id, hence new keys, and starts the stream anew. */
static bool open_packet(struct quic_state *state, enum direction direction, const struct header *header,
                        struct bytes packet, size_t number_offset, uint8_t *plain, size_t *size)
{
    bool opened = state->has_keys &&
                  quic_open_initial(&state->keys[direction], packet, number_offset, plain, size);
    if (opened || direction == TO_CLIENT)
        return opened;
    if (!derive(state, header) ||
        !quic_open_initial(&state->keys[direction], packet, number_offset, plain, size))
        return false;
    forget(&state->sides[TO_SERVER]);
    state->sides[TO_SERVER].done = false;
    return true;
}

static void initial(struct session *session, struct quic_state *state, enum direction direction,
                    const struct header *header, struct bytes packet, size_t number_offset)
{
    uint8_t plain[QUIC_PACKET_MAX];
    size_t size = 0;
    bool known = direction == TO_SERVER && state->sides[TO_SERVER].done;
    bool opened = open_packet(state, direction, header, packet, number_offset, plain, &size);
    if (known && state->sides[TO_SERVER].done) /* sent again, or acknowledgements: nothing new */
        return;
    struct tx *tx = new_tx(session, direction, header->version);
    if (!tx)
        return;
    if (!opened) {
        if (state->has_keys || direction == TO_SERVER)
            tx_event(tx, EVENT_FAILED_DECRYPT);
        return;
    }
    struct reader frames = reader_of(plain, size);
    if (!read_frames(state, direction, &frames, tx) || !take_hello(state, direction, tx))
        tx_event(tx, EVENT_ERROR_ON_DATA);
}

/* ---- Google's QUIC ---- */

static struct bytes tag_text(struct bytes tag)
{
    while (tag.size && (tag.data[tag.size - 1] == '\0' || tag.data[tag.size - 1] == ' '))
        tag.size--;
    return tag;
}

/* A CHLO message: tags with the ends of their values, then the values. */
static void read_chlo(struct reader *in, struct tx *tx)
{
    struct quic *quic = (struct quic *)tx->record;
    char buffer[1024];
    struct text cyu = text_of(buffer, sizeof buffer);
    uint16_t count = reader_le16(in);
    reader_skip(in, 2);
    struct bytes entries = reader_bytes(in, (size_t)count * 8);
    struct reader index = reader_of_bytes(entries);
    struct bytes values = reader_peek(in);
    uint32_t from = 0;
    if (!reader_ok(in) || !count)
        return;
    text_add(&cyu, "%c%c,", (char)(quic->version >> 8), (char)quic->version);
    for (uint16_t i = 0; i < count; i++) {
        struct bytes tag = reader_bytes(&index, 4);
        uint32_t to = reader_le32(&index);
        if (i)
            text_char(&cyu, '-');
        text_put(&cyu, tag_text(tag));
        if (to < from)
            return;
        struct bytes value = bytes_first(bytes_from(values, from), to - from);
        if (bytes_equal(tag, BYTES_OF("SNI\0")))
            quic->sni = arena_copy(&tx->memory, value);
        else if (bytes_equal(tag, BYTES_OF("UAID")))
            quic->user_agent = arena_copy(&tx->memory, value);
        from = to;
    }
    quic->cyu = arena_copy(&tx->memory, text_bytes(&cyu));
    quic->cyu_hash = tls_ja3_hash(quic->cyu, &tx->memory);
    quic->client = true;
}

/* Stream frames "1fdoooss" of an unencrypted Google packet: the first may hold the CHLO. */
static void google_frames(enum direction direction, struct reader in, struct tx *tx)
{
    reader_skip(&in, 12); /* message authentication hash */
    if (((struct quic *)tx->record)->version < GOOGLE_034)
        reader_skip(&in, 1); /* private flags */
    uint8_t type = reader_u8(&in);
    if (!reader_ok(&in) || !(type & 0x80) || direction != TO_SERVER)
        return;
    unsigned offset_size = type >> 2 & 7;
    reader_skip(&in, (type & 3U) + 1 + (offset_size ? offset_size + 1 : 0) + (type & 0x20 ? 2 : 0));
    if (bytes_equal(reader_bytes(&in, 4), BYTES_OF("CHLO")))
        read_chlo(&in, tx);
}

/* Long headers, from Q044 on. */
static void google_packet(struct session *session, enum direction direction, struct reader in)
{
    uint8_t first = reader_u8(&in);
    struct tx *tx = new_tx(session, direction, reader_be32(&in));
    uint8_t lengths = reader_u8(&in);
    reader_skip(&in, (lengths >> 4 ? (lengths >> 4) + 3U : 0) + (lengths & 15 ? (lengths & 15) + 3U : 0));
    reader_skip(&in, (first & 3U) + 1);
    if (tx)
        google_frames(direction, in, tx);
}

/* Public flags of the packets before: a version follows the connection id. */
enum { PUBLIC_VERSION = 0x01, PUBLIC_RESET = 0x02, PUBLIC_ID = 0x08, PUBLIC_NUMBER_SHIFT = 4 };

/* Passes over flags and connection id; true when these are of a packet that says its version. */
static bool has_public_version(struct reader *in, uint8_t *flags)
{
    *flags = reader_u8(in);
    reader_skip(in, 8);
    struct bytes version = bytes_first(reader_peek(in), 4);
    return (*flags & (0xc0 | PUBLIC_VERSION | PUBLIC_RESET | PUBLIC_ID)) == (PUBLIC_VERSION | PUBLIC_ID) &&
           version.size == 4 && version.data[0] == 'Q' && byte_is_digit(version.data[1]) &&
           byte_is_digit(version.data[2]) && byte_is_digit(version.data[3]);
}

static void public_packet(struct session *session, enum direction direction, struct reader in)
{
    static const uint8_t number_sizes[] = { 1, 2, 4, 6 };
    uint8_t flags;
    if (!has_public_version(&in, &flags))
        return;
    struct tx *tx = new_tx(session, direction, reader_be32(&in));
    reader_skip(&in, number_sizes[flags >> PUBLIC_NUMBER_SHIFT & 3]);
    if (tx)
        google_frames(direction, in, tx);
}

static bool take_datagram(struct session *session, struct quic_state *state, enum direction direction,
                          struct reader *in)
{
    if (state->sides[TO_SERVER].done && state->sides[TO_CLIENT].done)
        return true;
    for (int packets = 0; packets < 8 && !reader_empty(in); packets++) {
        struct bytes whole = reader_peek(in);
        struct header header;
        if (!(whole.data[0] & 0x80)) { /* short header: encrypted, but for Google's old one */
            public_packet(session, direction, *in);
            return true;
        }
        struct reader at = *in;
        if (whole.size > 5 && google((uint32_t)whole.data[1] << 24)) {
            google_packet(session, direction, at);
            return true;
        }
        if (!read_header(&at, &header))
            return false;
        enum packet_type type = type_of(&header);
        if (header.version == 0 || type == PACKET_RETRY) {
            (void)new_tx(session, direction, header.version);
            return true;
        }
        if (type == PACKET_INITIAL) {
            uint64_t token = read_varint(&at);
            if (token > reader_left(&at))
                return false;
            reader_skip(&at, (size_t)token);
        }
        uint64_t size = read_varint(&at);
        if (!reader_ok(&at) || size > reader_left(&at))
            return false;
        size_t number_offset = whole.size - reader_left(&at);
        reader_skip(&at, (size_t)size);
        struct bytes packet = bytes_first(whole, whole.size - reader_left(&at));
        if (type == PACKET_INITIAL && quic_version_known(header.version))
            initial(session, state, direction, &header, packet, number_offset);
        else if (packets == 0 && (type == PACKET_HANDSHAKE || type == PACKET_INITIAL))
            (void)new_tx(session, direction, header.version);
        *in = at;
    }
    return true;
}

static bool quic_datagram(struct session *session, void *parser, enum direction direction, struct reader *in)
{
    struct quic_state *state = parser;
    bool good = take_datagram(session, state, direction, in);
    session_holds(session, &state->held, state->sides[TO_SERVER].total + state->sides[TO_CLIENT].total);
    return good;
}

static void quic_close(struct session *session, void *parser)
{
    struct quic_state *state = parser;
    forget(&state->sides[TO_SERVER]);
    forget(&state->sides[TO_CLIENT]);
    session_holds(session, &state->held, 0);
}

/* A version nobody has, so that the server says which ones it has (RFC 9000 section 15). */
static bool asks_for_negotiation(uint32_t version)
{
    return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

static enum probe quic_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    struct reader in = reader_of_bytes(data);
    struct header header;
    uint8_t flags;
    if (data.size < 16)
        return PROBE_NO;
    if (!(data.data[0] & 0x80))
        return has_public_version(&in, &flags) ? PROBE_YES : PROBE_NO;
    if (google((uint32_t)data.data[1] << 24))
        return byte_is_digit(data.data[2]) && byte_is_digit(data.data[3]) && byte_is_digit(data.data[4])
                   ? PROBE_YES
                   : PROBE_NO;
    if (!read_header(&in, &header))
        return PROBE_NO;
    if (asks_for_negotiation(header.version))
        return PROBE_YES;
    return data.data[0] & 0x40 && quic_version_known(header.version) ? PROBE_YES : PROBE_NO;
}

/* ---- EVE ---- */

static const struct {
    uint16_t type;
    const char *name;
} extension_names[] = {
    { 0, "server_name" },
    { 1, "max_fragment_length" },
    { 5, "status_request" },
    { 10, "supported_groups" },
    { 11, "ec_point_formats" },
    { 13, "signature_algorithms" },
    { 14, "use_srtp" },
    { 15, "heartbeat" },
    { 16, "alpn" },
    { 18, "signed_certificate_timestamp" },
    { 19, "client_certificate_type" },
    { 20, "server_certificate_type" },
    { 21, "padding" },
    { 22, "encrypt_then_mac" },
    { 23, "extended_master_secret" },
    { 24, "token_binding" },
    { 25, "cached_info" },
    { 27, "compress_certificate" },
    { 28, "record_size_limit" },
    { 34, "delegated_credentials" },
    { 35, "session_ticket" },
    { 41, "pre_shared_key" },
    { 42, "early_data" },
    { 43, "supported_versions" },
    { 44, "cookie" },
    { 45, "psk_key_exchange_modes" },
    { 47, "certificate_authorities" },
    { 48, "oid_filters" },
    { 49, "post_handshake_auth" },
    { 50, "signature_algorithms_cert" },
    { 51, "key_share" },
    { 57, "quic_transport_parameters" },
    { 65281, "renegotiation_info" },
};

static const char *extension_name(uint16_t type)
{
    for (size_t i = 0; i < COUNT_OF(extension_names); i++)
        if (extension_names[i].type == type)
            return extension_names[i].name;
    return NULL;
}

static void write_versions(struct text *out, const struct tls_numbers *versions)
{
    static const char *const names[] = { "Ssl30", "Tls10", "Tls11", "Tls12", "Tls13" };
    json_open(out, "values", '[');
    for (uint32_t i = 0; i < versions->count; i++) {
        uint16_t version = versions->items[i];
        if (version >= 0x0300 && version <= 0x0304)
            json_cstring(out, NULL, names[version - 0x0300]);
        else
            text_add(out, "\"TlsVersion(%u / 0x%04x)\",", version, version);
    }
    json_close(out, ']');
}

static void write_values(struct text *out, const struct tls_hello *hello, uint16_t type)
{
    if (type == 43 && hello->versions.count) {
        write_versions(out, &hello->versions);
        return;
    }
    bool any = (type == 0 && hello->sni.data) || (type == 16 && hello->alpn_count) ||
               (type == 13 && hello->signatures.count);
    if (!any)
        return;
    json_open(out, "values", '[');
    if (type == 0)
        json_string(out, NULL, hello->sni);
    for (uint32_t i = 0; type == 16 && i < hello->alpn_count; i++)
        json_string(out, NULL, hello->alpns[i]);
    for (uint32_t i = 0; type == 13 && i < hello->signatures.count; i++)
        text_add(out, "\"%u\",", hello->signatures.items[i]);
    json_close(out, ']');
}

static void write_extensions(struct text *out, const struct tls_hello *hello)
{
    if (!hello->extensions.count)
        return;
    json_open(out, "extensions", '[');
    for (uint32_t i = 0; i < hello->extensions.count; i++) {
        uint16_t type = hello->extensions.items[i];
        if (tls_is_grease(type))
            type = 0xfafa; /* as in the fingerprint */
        json_open(out, NULL, '{');
        if (extension_name(type))
            json_cstring(out, "name", extension_name(type));
        json_uint(out, "type", type);
        write_values(out, hello, type);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_version(struct text *out, const struct quic *quic)
{
    json_key(out, "version");
    if (quic->version == GOOGLE_039 || (quic->version >= GOOGLE_043 && quic->version <= GOOGLE_046)) {
        text_char(out, '"');
        json_escape(out, quic->version_bytes);
        text_string(out, "\",");
    } else if (quic->version == VERSION_2) {
        text_string(out, "\"v2\",");
    } else if (quic->version >> 8 == 0xff0000) {
        text_add(out, "\"draft-%u\",", quic->version & 0xffU);
    } else {
        text_add(out, "\"%x\",", quic->version);
    }
}

static void write_hashed(struct text *out, const char *key, struct bytes hash, struct bytes string)
{
    json_open(out, key, '{');
    json_string(out, "hash", hash);
    json_string(out, "string", string);
    json_close(out, '}');
}

static void quic_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct quic *quic = quic_of(tx);
    write_version(out, quic);
    if (quic->sni.data)
        json_string(out, "sni", quic->sni);
    if (quic->user_agent.data)
        json_string(out, "ua", quic->user_agent);
    if (quic->cyu.data) {
        json_open(out, "cyu", '[');
        write_hashed(out, NULL, quic->cyu_hash, quic->cyu);
        json_close(out, ']');
    }
    if (quic->ja3_hash.data)
        write_hashed(out, quic->server ? "ja3s" : "ja3", quic->ja3_hash, quic->ja3);
    if (quic->ja4.data)
        json_string(out, "ja4", quic->ja4);
    write_extensions(out, &quic->hello);
}

/* ---- rule keywords ---- */

#define GETTER(function, condition, expression)                                         \
    static bool function(const struct tx *tx, enum direction direction, uint32_t index, \
                         struct arena *scratch, struct bytes *value)                    \
    {                                                                                   \
        (void)direction;                                                                \
        (void)scratch;                                                                  \
        const struct quic *quic = quic_of(tx);                                          \
        *value = (expression);                                                          \
        return index == 0 && (condition) && value->data;                                \
    }

GETTER(get_version, true, quic->version_bytes)
GETTER(get_sni, true, quic->sni)
GETTER(get_user_agent, true, quic->user_agent)
GETTER(get_cyu, true, quic->cyu)
GETTER(get_cyu_hash, true, quic->cyu_hash)
GETTER(get_ja3, !quic->server, quic->ja3)
GETTER(get_ja3_hash, !quic->server, quic->ja3_hash)
GETTER(get_ja3s, quic->server, quic->ja3)
GETTER(get_ja3s_hash, quic->server, quic->ja3_hash)
GETTER(get_ja4, true, quic->ja4)

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)
#define ROW(keyword, where, getter, ...)                                                     \
    {                                                                                        \
        .name = (keyword), .kind = INSPECT_GET, .directions = (where), .progress = { 1, 1 }, \
        .get = (getter), .source = "RFC 9000", .help = __VA_ARGS__                           \
    }

static const struct inspect inspects[] = {
    ROW("quic.version", BOTH, get_version, "Version, four bytes", .shown = "quic_version"),
    ROW("quic.sni", 1U << TO_SERVER, get_sni, "Server name asked for", .shown = "quic_sni"),
    ROW("quic.ua", 1U << TO_SERVER, get_user_agent, "User agent of Google's QUIC", .shown = "quic_ua"),
    ROW("quic.cyu.string", 1U << TO_SERVER, get_cyu, "CYU fingerprint in full"),
    ROW("quic.cyu.hash", 1U << TO_SERVER, get_cyu_hash, "CYU fingerprint as MD5", .length = 32,
        .hexadecimal = true),
    ROW("ja3.hash", 1U << TO_SERVER, get_ja3_hash, "JA3 as MD5", .length = 32, .hexadecimal = true),
    ROW("ja3.string", 1U << TO_SERVER, get_ja3, "JA3 in full"),
    ROW("ja3s.hash", 1U << TO_CLIENT, get_ja3s_hash, "JA3S as MD5", .length = 32, .hexadecimal = true),
    ROW("ja3s.string", 1U << TO_CLIENT, get_ja3s, "JA3S in full"),
    ROW("ja4.hash", 1U << TO_SERVER, get_ja4, "JA4 of the client"),
};

const struct protocol quic_protocol = {
    .id = PROTOCOL_quic,
    .name = "quic",
    .title = "QUIC",
    .eve_type = "quic",
    .transports = TRANSPORT_UDP,
    .ports = "443,80",
    .probe = quic_probe,
    .state_size = sizeof(struct quic_state),
    .record_size = sizeof(struct quic),
    .tx_memory_max = 65536,
    .close = quic_close,
    .datagram = quic_datagram,
    .one_way = true,
    .write = quic_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
};
