/* SPDX-License-Identifier: Apache-2.0 */
/* Remote Desktop Protocol up to where it is encrypted (MS-RDPBCGR): connection request and confirmation
 * (ITU-T X.224 in TPKT, RFC 1006), the connect request and response of MCS (ITU-T T.125) with the client's
 * data, and the server's certificate when TLS follows. Each of these messages is a transaction. */
#include "proto/der.h"
#include "proto/ntlmssp.h"
#include "proto/session.h"

#define CHANNELS_MAX         256U
#define SERIALS_MAX          32U
#define CERTIFICATES_MAX     (32U * 1024U)
#define PACKET_HEAD          4U  /* TPKT */
#define SETUP_SIZE           11U /* TPKT and an X.224 request without parameters */
#define CORE_SIZE            128U
#define CLIENT_NAME_SIZE     32U
#define IME_NAME_SIZE        64U
#define PRODUCT_ID_SIZE      64U
#define PHYSICAL_MIN         10U
#define PHYSICAL_MAX         10000U
#define SCALE_MIN            100U
#define SCALE_MAX            500U
#define CHANNEL_OPTIONS_SIZE 4U

enum { TPDU_REQUEST = 0xe0, TPDU_CONFIRM = 0xd0, TPDU_DATA = 0xf0 };
enum { MCS_APPLICATION = 0x7f, MCS_CONNECT_REQUEST = 0x65, MCS_CONNECT_RESPONSE = 0x66 };
enum { NEGOTIATION_REQUEST = 1, NEGOTIATION_RESPONSE = 2, NEGOTIATION_FAILURE = 3, NEGOTIATION_SIZE = 8 };
enum { BLOCK_CORE = 0xc001, BLOCK_NETWORK = 0xc003 };
enum { RECORD_CCS = 20, RECORD_HANDSHAKE = 22, RECORD_DATA = 23, RECORD_HEARTBEAT = 24 };
enum { HANDSHAKE_CERTIFICATE = 11 };

enum kind { INITIAL_REQUEST, INITIAL_RESPONSE, CONNECT_REQUEST, CONNECT_RESPONSE, TLS_HANDSHAKE };
static const char *const kind_names[] = { "initial_request",  "initial_response", "connect_request",
                                          "connect_response", "tls_handshake",    NULL };

/* Client core data (section 2.2.1.3.2). */
struct client {
    bool seen;
    struct bytes version, layout, build, name, ime, id;
    uint16_t width, height, orientation, product;
    uint8_t color_depth, keyboard, connection;
    uint32_t keyboard_subtype, function_keys, serial;
    uint32_t physical_width, physical_height, scale, device_scale;
    bool has_product, has_capabilities, has_orientation;
    struct field_list capabilities; /* of struct bytes, as all lists here */
};

struct rdp {
    uint8_t kind; /* enum kind */
    struct bytes cookie;
    struct field_list flags, supports;
    bool has_supports, has_protocol;
    uint8_t protocol, failure;
    struct client client;
    struct field_list channels, serials;
};

/* The server's TLS records, of which only the certificates are kept. */
struct certificates {
    uint8_t record_type, head[4], head_size;
    uint32_t record_left, message_left;
    uint8_t *list; /* in the session's memory; NULL: this message is passed over */
    uint32_t size;
};

struct rdp_state {
    bool over;            /* the rest of the flow is passed over */
    bool tls[DIRECTIONS]; /* this side has begun it */
    struct certificates certificates;
};

static struct rdp *new_record(struct session *session, enum kind kind, struct tx **tx)
{
    *tx = session_tx(session);
    if (!*tx)
        return NULL;
    tx_finish_both(*tx);
    struct rdp *rdp = (void *)(*tx)->record;
    rdp->kind = (uint8_t)kind;
    return rdp;
}

static void append(struct field_list *list, struct bytes *items, struct bytes item)
{
    items[list->count++] = item;
    list->items = items;
}

/* The names of the bits that are set. */
static struct field_list names_of(struct arena *memory, uint32_t flags, const char *const *names,
                                  size_t count)
{
    struct field_list list = { 0 };
    struct bytes *items = ARENA_ARRAY(memory, struct bytes, count);
    for (size_t i = 0; items && i < count; i++)
        if (flags >> i & 1 && names[i])
            append(&list, items, bytes_of_string(names[i]));
    return list;
}

/* ---- recognition ---- */

/* What may follow the fixed part of a request or confirmation: nothing, a cookie or routing token, or the
 * negotiation of security. Other protocols over X.224 have its parameters there, from 0xc0 on. */
static bool is_rdp_parameter(uint8_t tpdu, struct bytes rest)
{
    if (!rest.size)
        return true;
    uint8_t first = rest.data[0];
    if (tpdu == TPDU_REQUEST && first >= ' ' && first < 0x7f)
        return true;
    if (tpdu == TPDU_REQUEST ? first != NEGOTIATION_REQUEST
                             : first != NEGOTIATION_RESPONSE && first != NEGOTIATION_FAILURE)
        return false;
    return rest.size >= NEGOTIATION_SIZE && rest.data[2] == NEGOTIATION_SIZE && rest.data[3] == 0;
}

static enum probe sent_by(enum direction direction, enum direction sender)
{
    return direction == sender ? PROBE_YES : PROBE_REVERSED;
}

static enum probe probe_data(enum direction direction, struct reader in)
{
    (void)reader_u8(&in);
    uint8_t application = reader_u8(&in), type = reader_u8(&in);
    if (application != MCS_APPLICATION || (type != MCS_CONNECT_REQUEST && type != MCS_CONNECT_RESPONSE))
        return PROBE_NO;
    return sent_by(direction, type == MCS_CONNECT_REQUEST ? TO_SERVER : TO_CLIENT);
}

static enum probe rdp_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    uint8_t version = reader_u8(&in);
    reader_skip(&in, 1);
    uint16_t size = reader_be16(&in);
    if (data.size && version != 3)
        return PROBE_NO;
    if (data.size < SETUP_SIZE)
        return !reader_ok(&in) || size >= SETUP_SIZE ? PROBE_MORE : PROBE_NO;
    uint8_t rest_size = reader_u8(&in), tpdu = reader_u8(&in) & 0xf0;
    if (tpdu == TPDU_DATA)
        return rest_size == 2 ? probe_data(direction, in) : PROBE_NO;
    uint16_t destination = reader_be16(&in);
    reader_skip(&in, 2);
    if ((tpdu != TPDU_REQUEST && tpdu != TPDU_CONFIRM) || rest_size < SETUP_SIZE - PACKET_HEAD - 1 ||
        rest_size + PACKET_HEAD + 1 > size || destination || reader_u8(&in))
        return PROBE_NO;
    struct bytes rest = bytes_first(reader_peek(&in), size - SETUP_SIZE);
    if (data.size < size && rest.size < NEGOTIATION_SIZE)
        return PROBE_MORE;
    return is_rdp_parameter(tpdu, rest) ? sent_by(direction, tpdu == TPDU_REQUEST ? TO_SERVER : TO_CLIENT)
                                        : PROBE_NO;
}

/* ---- connection request and confirmation ---- */

/* Destination and source reference, class: zero but for the source. */
static bool take_setup_head(struct reader *in)
{
    uint16_t destination = reader_be16(in);
    reader_skip(in, 2);
    return reader_u8(in) == 0 && destination == 0 && reader_ok(in);
}

/* Section 2.2.1.1. */
static void take_request(struct session *session, struct reader in)
{
    static const char *const names[] = { "restricted_admin_mode_required",
                                         "redirected_authentication_mode_required", NULL,
                                         "correlation_info_present" };
    static const struct bytes marker = { (const uint8_t *)"Cookie: mstshash=", 17 };
    struct tx *tx;
    struct rdp *rdp;
    if (!take_setup_head(&in) || !(rdp = new_record(session, INITIAL_REQUEST, &tx)))
        return;
    size_t end = bytes_find(reader_peek(&in), BYTES_OF("\r\n"));
    if (end != SIZE_MAX && reader_peek(&in).data[0] != NEGOTIATION_REQUEST) {
        struct bytes line = reader_bytes(&in, end);
        reader_skip(&in, 2);
        if (bytes_starts(line, marker))
            rdp->cookie = arena_copy(&tx->memory, bytes_from(line, marker.size));
    }
    if (reader_u8(&in) != NEGOTIATION_REQUEST)
        return;
    uint8_t flags = reader_u8(&in);
    uint16_t size = reader_le16(&in);
    reader_skip(&in, 4);
    if (reader_ok(&in) && size == NEGOTIATION_SIZE && !(flags & ~0x0bU))
        rdp->flags = names_of(&tx->memory, flags, names, COUNT_OF(names));
}

static const char *const protocol_names[] = { "rdp", "ssl", "hybrid", NULL,       "rds_tls",
                                              NULL,  NULL,  NULL,     "hybrid_ex" };
static const char *const failure_names[] = { NULL,
                                             "ssl required by server",
                                             "ssl not allowed by server",
                                             "ssl cert not on server",
                                             "inconsistent flags",
                                             "hybrid required by server",
                                             "ssl with user auth required by server" };

/* Section 2.2.1.2. */
static void take_confirm(struct session *session, struct reader in)
{
    static const char *const names[] = { "extended_client_data", "dynvc_gfx", NULL, "restricted_admin",
                                         "redirected_authentication" };
    struct tx *tx;
    struct rdp *rdp;
    if (!take_setup_head(&in) || !(rdp = new_record(session, INITIAL_RESPONSE, &tx)))
        return;
    uint8_t type = reader_u8(&in), flags = reader_u8(&in);
    uint16_t size = reader_le16(&in);
    uint32_t value = reader_le32(&in);
    if (!reader_ok(&in) || size != NEGOTIATION_SIZE)
        return;
    if (type == NEGOTIATION_FAILURE && value < COUNT_OF(failure_names)) {
        rdp->failure = (uint8_t)value;
    } else if (type == NEGOTIATION_RESPONSE && value < COUNT_OF(protocol_names) && protocol_names[value] &&
               flags < 1U << COUNT_OF(names)) {
        rdp->has_protocol = true;
        rdp->protocol = (uint8_t)value;
        rdp->has_supports = flags != 0;
        rdp->supports = names_of(&tx->memory, flags, names, COUNT_OF(names));
    }
}

/* ---- the client's data ---- */

struct named {
    uint32_t number;
    const char *name;
};

static struct bytes name_of(const struct named *list, size_t count, uint32_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list[middle].number == number)
            return bytes_of_string(list[middle].name);
        if (list[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return BYTES_OF("unknown");
}

static const struct named versions[] = {
    { 0x80001, "v4" },    { 0x80004, "v5" },    { 0x80005, "v10.0" }, { 0x80006, "v10.1" },
    { 0x80007, "v10.2" }, { 0x80008, "v10.3" }, { 0x80009, "v10.4" }, { 0x8000a, "v10.5" },
    { 0x8000b, "v10.6" }, { 0x8000c, "v10.7" },
};

static const struct named builds[] = {
    { 528, "Windows NT 3.1" },       { 807, "Windows NT 3.5" },     { 1057, "Windows NT 3.51" },
    { 1381, "Windows NT 4.0" },      { 2195, "Windows 2000" },      { 2600, "Windows XP" },
    { 3790, "Windows Server 2003" }, { 6000, "Windows Vista RTM" }, { 6001, "Windows Vista SP1" },
    { 6002, "Windows Vista SP2" },   { 7600, "Windows 7 RTM" },     { 7601, "Windows 7 SP1" },
    { 9200, "Windows 8" },           { 9600, "Windows 8.1" },       { 10240, "Windows 10 TH1" },
    { 10586, "Windows 10 TH2" },     { 14393, "Windows 10 RS1" },   { 15063, "Windows 10 RS2" },
    { 16299, "Windows 10 RS3" },     { 17134, "Windows 10 RS4" },   { 17763, "Windows 10 RS5" },
};

static const struct named layouts[] = {
#define LAYOUT(identifier, name) { (identifier), (name) },
#include "proto/rdp_layouts.def"
#undef LAYOUT
};

static const char *const keyboard_names[] = { NULL, "xt", "ico", "at", "enhanced", "1050", "9140", "jp" };
static const char *const connection_names[] = { NULL,        "modem",          "low_broadband",
                                                "satellite", "high_broadband", "wan",
                                                "lan",       "autodetect" };
static const char *const capability_names[] = { "support_errinfo_pdf",
                                                "want_32bpp_session",
                                                "support_statusinfo_pdu",
                                                "strong_asymmetric_keys",
                                                NULL,
                                                "valid_connection_type",
                                                "support_monitor_layout_pdu",
                                                "support_netchar_autodetect",
                                                "support_dynvc_gfx_protocol",
                                                "support_dynamic_time_zone",
                                                "support_heartbeat_pdu" };

/* A field of fixed size: UTF-16 up to a null; absent when empty. */
static struct bytes take_name(struct reader *in, size_t size, struct arena *memory)
{
    struct bytes field = reader_bytes(in, size);
    struct reader at = reader_of_bytes(field);
    size_t used = 0;
    while (reader_left(&at) >= 2 && reader_le16(&at))
        used += 2;
    return used ? utf16_text(memory, bytes_first(field, used)) : BYTES_NONE;
}

/* RNS_UD_COLOR_4BPP to RNS_UD_COLOR_24BPP; 0: none of them. */
static uint8_t old_color_depth(uint16_t value)
{
    static const uint8_t depths[] = { 4, 8, 15, 16, 24 };
    unsigned index = value - 0xca00U;
    return index < COUNT_OF(depths) ? depths[index] : 0;
}

static bool take_high_color(struct reader *in, struct client *client)
{
    uint16_t depth = reader_le16(in);
    if (depth == 4 || depth == 8 || depth == 15 || depth == 16 || depth == 24)
        client->color_depth = (uint8_t)depth;
    else if (depth)
        return false;
    return reader_ok(in);
}

static bool take_capabilities(struct reader *in, struct client *client, struct arena *memory)
{
    uint16_t flags = reader_le16(in);
    if (!reader_ok(in) || flags >> COUNT_OF(capability_names))
        return false;
    client->has_capabilities = flags != 0;
    client->capabilities = names_of(memory, flags, capability_names, COUNT_OF(capability_names));
    return true;
}

static bool take_physical(struct reader *in, uint32_t *size)
{
    uint32_t value = reader_le32(in);
    if (value < PHYSICAL_MIN || value > PHYSICAL_MAX)
        return false;
    *size = value;
    return true;
}

static void take_physical_desktop(struct reader *in, struct client *client)
{
    if (!take_physical(in, &client->physical_width) || !take_physical(in, &client->physical_height))
        return;
    uint16_t orientation = reader_le16(in);
    if (!reader_ok(in) || orientation % 90 || orientation > 270)
        return;
    client->has_orientation = true;
    client->orientation = orientation;
    uint32_t scale = reader_le32(in), device = reader_le32(in);
    if (scale < SCALE_MIN || scale > SCALE_MAX)
        return;
    client->scale = scale;
    if (device == 100 || device == 140 || device == 180)
        client->device_scale = device;
}

/* The fields that older clients leave out: they end with the data, or before a value that does not exist. */
static void take_core_rest(struct reader *in, struct client *client, struct arena *memory)
{
    uint16_t color = reader_le16(in);
    uint8_t depth = old_color_depth(color);
    if (!reader_ok(in) || (color && !depth))
        return;
    if (depth)
        client->color_depth = depth;
    uint16_t product = reader_le16(in);
    client->has_product = reader_ok(in);
    client->product = product;
    client->serial = reader_le32(in);
    if (!take_high_color(in, client) || reader_le16(in) > 0x0f || !take_capabilities(in, client, memory))
        return;
    client->id = take_name(in, PRODUCT_ID_SIZE, memory);
    uint8_t connection = reader_u8(in);
    if (connection < COUNT_OF(connection_names))
        client->connection = connection;
    reader_skip(in, 1 + 4);
    take_physical_desktop(in, client);
}

static void take_core(struct reader in, struct client *client, struct arena *memory)
{
    if (reader_left(&in) < CORE_SIZE)
        return;
    *client = (struct client){ .seen = true };
    client->version = name_of(versions, COUNT_OF(versions), reader_le32(&in));
    client->width = reader_le16(&in);
    client->height = reader_le16(&in);
    uint16_t color = reader_le16(&in);
    if (color == 0xca00 || color == 0xca01)
        client->color_depth = old_color_depth(color);
    reader_skip(&in, 2);
    client->layout = name_of(layouts, COUNT_OF(layouts), reader_le32(&in));
    client->build = name_of(builds, COUNT_OF(builds), reader_le32(&in));
    client->name = take_name(&in, CLIENT_NAME_SIZE, memory);
    uint32_t keyboard = reader_le32(&in);
    client->keyboard = keyboard < COUNT_OF(keyboard_names) ? (uint8_t)keyboard : 0;
    client->keyboard_subtype = reader_le32(&in);
    client->function_keys = reader_le32(&in);
    client->ime = take_name(&in, IME_NAME_SIZE, memory);
    take_core_rest(&in, client, memory);
}

/* Client network data (section 2.2.1.3.4): the virtual channels asked for. */
static void take_network(struct reader in, struct field_list *channels, struct arena *memory)
{
    size_t left = reader_left(&in) / (8 + CHANNEL_OPTIONS_SIZE);
    size_t told = reader_le32(&in);
    size_t count = MIN(MIN(told, left), (size_t)CHANNELS_MAX);
    struct bytes *names = ARENA_ARRAY(memory, struct bytes, count + 1);
    *channels = (struct field_list){ 0 };
    for (size_t i = 0; names && i < count; i++) {
        struct bytes name = reader_bytes(&in, 8);
        reader_skip(&in, CHANNEL_OPTIONS_SIZE);
        if (reader_ok(&in))
            append(channels, names,
                   arena_copy(memory, bytes_first(name, MIN(bytes_find_byte(name, 0), name.size))));
    }
}

/* The data blocks after the client's key in the conference request (section 2.2.1.3, ITU-T T.124). */
static void take_blocks(struct reader in, struct rdp *rdp, struct arena *memory)
{
    size_t at = bytes_find(reader_peek(&in), BYTES_OF("Duca"));
    if (at == SIZE_MAX)
        return;
    reader_skip(&in, at + 4);
    if (reader_u8(&in) & 0x80)
        reader_skip(&in, 1);
    while (reader_left(&in) >= 4) {
        uint16_t type = reader_le16(&in), size = reader_le16(&in);
        struct reader block = reader_sub(&in, size < 4 ? 0 : size - 4U);
        if (type == BLOCK_CORE)
            take_core(block, &rdp->client, memory);
        else if (type == BLOCK_NETWORK)
            take_network(block, &rdp->channels, memory);
    }
}

static void take_mcs(struct session *session, struct rdp_state *state, enum direction direction,
                     struct reader in)
{
    struct tx *tx;
    uint8_t application = reader_u8(&in), type = reader_u8(&in);
    if (application != MCS_APPLICATION)
        return;
    if (type == MCS_CONNECT_REQUEST && direction == TO_SERVER) {
        struct rdp *rdp = new_record(session, CONNECT_REQUEST, &tx);
        if (rdp)
            take_blocks(in, rdp, &tx->memory);
    } else if (type == MCS_CONNECT_RESPONSE && direction == TO_CLIENT) {
        (void)new_record(session, CONNECT_RESPONSE, &tx);
        state->over = true;
    }
}

/* Takes one TPKT; false when it is not all there. */
static bool take_packet(struct session *session, struct rdp_state *state, enum direction direction,
                        struct reader *in)
{
    struct reader at = *in;
    reader_skip(&at, 2);
    uint16_t size = reader_be16(&at);
    if (!reader_ok(&at))
        return false;
    if (size < PACKET_HEAD + 3) {
        state->over = true;
        return true;
    }
    if (reader_left(in) < size)
        return false;
    struct reader packet = reader_sub(in, size);
    reader_skip(&packet, PACKET_HEAD);
    uint8_t head = reader_u8(&packet), tpdu = reader_u8(&packet) & 0xf0;
    if (tpdu == TPDU_REQUEST && direction == TO_SERVER) {
        take_request(session, reader_sub(&packet, head - 1U));
    } else if (tpdu == TPDU_CONFIRM && direction == TO_CLIENT) {
        take_confirm(session, reader_sub(&packet, head - 1U));
    } else if (tpdu == TPDU_DATA) {
        reader_skip(&packet, 1);
        take_mcs(session, state, direction, packet);
    }
    return true;
}

/* ---- TLS ---- */

/* The serial number of a certificate (RFC 5280 section 4.1.2.2) in hexadecimal digits; absent when there is
 * none. */
static struct bytes serial_of(struct bytes der, struct arena *memory)
{
    char buffer[129];
    struct text digits = text_of(buffer, sizeof buffer);
    struct reader in = reader_of_bytes(der);
    struct reader outer = der_expect(&in, 0x30);
    struct reader body = der_expect(&outer, 0x30);
    bool versioned;
    (void)der_optional(&body, 0xa0, &versioned);
    struct reader serial = der_expect(&body, 0x02);
    if (!reader_ok(&serial) || reader_empty(&serial))
        return BYTES_NONE;
    text_hex(&digits, bytes_first(reader_peek(&serial), sizeof buffer / 2));
    struct bytes text = text_bytes(&digits);
    while (text.size > 1 && text.data[0] == '0')
        text = bytes_from(text, 1);
    return arena_copy(memory, text);
}

/* A Certificate message (RFC 5246 section 7.4.2). */
static void take_certificates(struct session *session, struct rdp_state *state, struct reader in)
{
    struct reader list = reader_sub(&in, reader_be24(&in));
    struct tx *tx;
    struct rdp *rdp = reader_ok(&in) ? new_record(session, TLS_HANDSHAKE, &tx) : NULL;
    struct bytes *serials = rdp ? ARENA_ARRAY(&tx->memory, struct bytes, SERIALS_MAX) : NULL;
    state->over = true;
    while (serials && !reader_empty(&list) && rdp->serials.count < SERIALS_MAX) {
        struct bytes serial = serial_of(reader_bytes(&list, reader_be24(&list)), &tx->memory);
        if (serial.data)
            append(&rdp->serials, serials, serial);
    }
}

static void start_message(struct session *session, struct certificates *certificates)
{
    struct reader head = reader_of(certificates->head, sizeof certificates->head);
    uint8_t type = reader_u8(&head);
    certificates->message_left = reader_be24(&head);
    certificates->size = 0;
    certificates->list = NULL;
    if (type == HANDSHAKE_CERTIFICATE && certificates->message_left <= CERTIFICATES_MAX)
        certificates->list = ARENA_ARRAY(&session->memory, uint8_t, certificates->message_left + 1);
}

/* Takes the next part of the messages in a record of the handshake. */
static void take_handshake(struct session *session, struct rdp_state *state, struct reader in)
{
    struct certificates *certificates = &state->certificates;
    while (!reader_empty(&in) && !state->over) {
        if (certificates->head_size < sizeof certificates->head) {
            certificates->head[certificates->head_size++] = reader_u8(&in);
            if (certificates->head_size == sizeof certificates->head)
                start_message(session, certificates);
        } else {
            struct bytes part = reader_bytes(&in, MIN(reader_left(&in), (size_t)certificates->message_left));
            if (certificates->list && part.data)
                memcpy(certificates->list + certificates->size, part.data, part.size);
            certificates->size += (uint32_t)part.size;
            certificates->message_left -= (uint32_t)part.size;
        }
        if (certificates->head_size < sizeof certificates->head || certificates->message_left)
            continue;
        certificates->head_size = 0;
        if (certificates->list)
            take_certificates(session, state, reader_of(certificates->list, certificates->size));
    }
}

/* Takes the next part of the server's records; false when more is needed. */
static bool take_record(struct session *session, struct rdp_state *state, struct reader *in)
{
    struct certificates *certificates = &state->certificates;
    if (!certificates->record_left) {
        struct reader at = *in;
        uint8_t type = reader_u8(&at), major = reader_u8(&at);
        reader_skip(&at, 1);
        uint16_t size = reader_be16(&at);
        if (!reader_ok(&at))
            return false;
        /* What follows a change of cipher cannot be read. */
        if (major != 3 || type <= RECORD_CCS || type >= RECORD_DATA)
            state->over = true;
        certificates->record_type = type;
        certificates->record_left = size;
        *in = at;
    }
    struct reader part = reader_sub(in, MIN(reader_left(in), (size_t)certificates->record_left));
    certificates->record_left -= (uint32_t)reader_left(&part);
    if (certificates->record_type == RECORD_HANDSHAKE)
        take_handshake(session, state, part);
    return true;
}

/* ---- the stream ---- */

static bool looks_like_tls(struct bytes data)
{
    return data.size >= 2 && data.data[0] >= RECORD_CCS && data.data[0] <= RECORD_HEARTBEAT &&
           data.data[1] == 3;
}

static bool rdp_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct rdp_state *state = state_;
    (void)flags;
    while (!reader_empty(in)) {
        struct bytes data = reader_peek(in);
        if (state->over || (state->tls[direction] && direction == TO_SERVER)) {
            (void)reader_rest(in);
        } else if (state->tls[direction]) {
            if (!take_record(session, state, in))
                return true;
        } else if (data.data[0] == 3) {
            if (!take_packet(session, state, direction, in))
                return true;
        } else if (looks_like_tls(data)) {
            state->tls[direction] = true;
        } else if (data.size >= 2 || data.data[0] < RECORD_CCS || data.data[0] > RECORD_HEARTBEAT) {
            state->over = true; /* the short form of packets (section 2.2.8.1.2), or nothing of RDP */
        } else {
            return true;
        }
    }
    return true;
}

static bool rdp_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    struct rdp_state *state = state_;
    (void)session, (void)direction, (void)size;
    state->over = true;
    return true;
}

/* ---- the record ---- */

static bool has_product(const void *client)
{
    return ((const struct client *)client)->has_product;
}

static bool has_capabilities(const void *client)
{
    return ((const struct client *)client)->has_capabilities;
}

static bool has_orientation(const void *client)
{
    return ((const struct client *)client)->has_orientation;
}

static const struct field client_fields[] = {
    { "version", FIELD_TEXT, AT(struct client, version), .help = "Version of the protocol" },
    { "desktop_width", FIELD_UINT, AT(struct client, width), .keep_zero = true, .help = "Pixels" },
    { "desktop_height", FIELD_UINT, AT(struct client, height), .keep_zero = true, .help = "Pixels" },
    { "color_depth", FIELD_UINT, AT(struct client, color_depth), .help = "Bits per pixel" },
    { "keyboard_layout", FIELD_TEXT, AT(struct client, layout), .help = "Language of the keyboard" },
    { "build", FIELD_TEXT, AT(struct client, build), .help = "System of the client" },
    { "client_name", FIELD_TEXT, AT(struct client, name), .help = "Name of the client's host" },
    { "keyboard_type", FIELD_CHOICE, AT(struct client, keyboard), .choices = keyboard_names,
      .choice_count = COUNT_OF(keyboard_names), .help = "Kind of keyboard" },
    { "keyboard_subtype", FIELD_UINT, AT(struct client, keyboard_subtype), .help = "Its maker's number" },
    { "function_keys", FIELD_UINT, AT(struct client, function_keys), .help = "Function keys it has" },
    { "ime", FIELD_TEXT, AT(struct client, ime), .help = "File of the input method" },
    { "product_id", FIELD_UINT, AT(struct client, product), .keep_zero = true, .present = has_product,
      .help = "Product of the client" },
    { "serial_number", FIELD_UINT, AT(struct client, serial), .help = "Serial number of the client" },
    { "capabilities", FIELD_STRINGS, AT(struct client, capabilities), .keep_zero = true,
      .present = has_capabilities, .help = "Early capabilities" },
    { "id", FIELD_TEXT, AT(struct client, id), .help = "Product identifier" },
    { "connection_hint", FIELD_CHOICE, AT(struct client, connection), .choices = connection_names,
      .choice_count = COUNT_OF(connection_names), .help = "Kind of connection" },
    { "physical_width", FIELD_UINT, AT(struct client, physical_width), .help = "Millimetres" },
    { "physical_height", FIELD_UINT, AT(struct client, physical_height), .help = "Millimetres" },
    { "desktop_orientation", FIELD_UINT, AT(struct client, orientation), .keep_zero = true,
      .present = has_orientation, .help = "Degrees" },
    { "scale_factor", FIELD_UINT, AT(struct client, scale), .help = "Per cent" },
    { "device_scale_factor", FIELD_UINT, AT(struct client, device_scale), .help = "Per cent" },
};

/* Suricata counts these from one. */
static void write_number(const struct field *field, const void *record, struct text *out)
{
    const struct tx *tx = (const void *)((const uint8_t *)record - offsetof(struct tx, record));
    json_uint(out, field->name, tx->number + 1);
}

static bool has_supports(const void *rdp)
{
    return ((const struct rdp *)rdp)->has_supports;
}

static bool has_protocol(const void *rdp)
{
    return ((const struct rdp *)rdp)->has_protocol;
}

static bool has_client(const void *rdp)
{
    return ((const struct rdp *)rdp)->client.seen;
}

static const struct field fields[] = {
    { "tx_id", FIELD_CUSTOM, .write = write_number, .help = "Number of the message in the session" },
    { "event_type", FIELD_CHOICE, AT(struct rdp, kind), .choices = kind_names, .keep_zero = true,
      .help = "Which message" },
    { "cookie", FIELD_BYTES, AT(struct rdp, cookie), .help = "The user named in the request" },
    { "flags", FIELD_STRINGS, AT(struct rdp, flags), .help = "Flags of the request" },
    { "server_supports", FIELD_STRINGS, AT(struct rdp, supports), .keep_zero = true, .present = has_supports,
      .help = "Flags of the response" },
    { "protocol", FIELD_CHOICE, AT(struct rdp, protocol), .choices = protocol_names,
      .choice_count = COUNT_OF(protocol_names), .keep_zero = true, .present = has_protocol,
      .help = "Security that was chosen" },
    { "error_code", FIELD_UINT, AT(struct rdp, failure), .help = "Number of the failure" },
    { "reason", FIELD_CHOICE, AT(struct rdp, failure), .choices = failure_names,
      .choice_count = COUNT_OF(failure_names), .help = "Why the server refused" },
    { "client", FIELD_RECORD, AT(struct rdp, client), FIELDS(client_fields), .present = has_client,
      .help = "What the client says of itself" },
    { "channels", FIELD_STRINGS, AT(struct rdp, channels), .help = "Virtual channels asked for" },
    { "x509_serials", FIELD_STRINGS, AT(struct rdp, serials), .help = "Serial numbers of the certificates" },
};

const struct protocol rdp_protocol = {
    .id = PROTOCOL_rdp,
    .name = "rdp",
    .title = "Remote Desktop Protocol",
    .eve_type = "rdp",
    .eve_ends = EVE_ENDS_OF_PACKET,
    .transports = TRANSPORT_TCP,
    .ports = "3389",
    .probe = rdp_probe,
    .probe_depth = SETUP_SIZE + NEGOTIATION_SIZE,
    .state_size = sizeof(struct rdp_state),
    .record_size = sizeof(struct rdp),
    .tx_memory_max = 32U * 1024U,
    .buffer_max = 64U * 1024U,
    .tx_max = 64,
    .stream = rdp_stream,
    .gap = rdp_gap,
    .one_way = true,
    .fields = fields,
    .field_count = COUNT_OF(fields),
};
