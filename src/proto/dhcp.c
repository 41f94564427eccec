/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP messages (RFC 2131) and their options (RFC 2132). */
#include "base/address.h"
#include "proto/session.h"

#define COOKIE      0x63825363U
#define OPTIONS_MAX 512U

enum {
    OPTION_PAD = 0,
    OPTION_SUBNET = 1,
    OPTION_ROUTER = 3,
    OPTION_DNS = 6,
    OPTION_HOSTNAME = 12,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_PARAMETERS = 55,
    OPTION_RENEWAL = 58,
    OPTION_REBINDING = 59,
    OPTION_VENDOR = 60,
    OPTION_CLIENT = 61,
    OPTION_END = 255
};

struct option {
    uint8_t code;
    struct bytes data;
};

struct dhcp {
    uint8_t operation, hardware;
    uint32_t id;
    struct bytes client_address, your_address, next_server, relay, mac; /* as on the wire */
    struct option *options;
    uint32_t option_count;
    uint8_t overload;
};

enum { EVENT_TRUNCATED_OPTIONS, EVENT_MALFORMED_OPTIONS };
static const char *const event_names[] = { "truncated_options", "malformed_options", NULL };

static const struct dhcp *dhcp_of(const struct tx *tx)
{
    return (const struct dhcp *)tx->record;
}

static const struct option *find_option(const struct dhcp *dhcp, uint8_t code)
{
    for (uint32_t i = 0; i < dhcp->option_count; i++)
        if (dhcp->options[i].code == code)
            return &dhcp->options[i];
    return NULL;
}

static void add_option(struct tx *tx, struct dhcp *dhcp, uint8_t code, struct bytes data)
{
    if (!dhcp->options)
        dhcp->options = ARENA_ARRAY(&tx->memory, struct option, OPTIONS_MAX);
    if (!dhcp->options || dhcp->option_count == OPTIONS_MAX || find_option(dhcp, code))
        return;
    struct bytes copy = arena_copy(&tx->memory, data);
    if (!copy.data)
        return;
    if (code == OPTION_OVERLOAD && data.size == 1)
        dhcp->overload = data.data[0];
    dhcp->options[dhcp->option_count++] = (struct option){ code, copy };
}

static void read_options(struct tx *tx, struct dhcp *dhcp, struct reader *in)
{
    while (!reader_empty(in)) {
        uint8_t code = reader_u8(in);
        if (code == OPTION_PAD)
            continue;
        if (code == OPTION_END)
            return;
        struct bytes data = reader_bytes(in, reader_u8(in));
        if (!reader_ok(in)) {
            tx_event(tx, EVENT_TRUNCATED_OPTIONS);
            return;
        }
        bool number = code == OPTION_LEASE || code == OPTION_RENEWAL || code == OPTION_REBINDING;
        if ((number && data.size != 4) || (code == OPTION_TYPE && data.size != 1))
            tx_event(tx, EVENT_MALFORMED_OPTIONS);
        else
            add_option(tx, dhcp, code, data);
    }
}

static bool read_message(struct tx *tx, struct dhcp *dhcp, struct reader *in)
{
    struct arena *memory = &tx->memory;
    dhcp->operation = reader_u8(in);
    dhcp->hardware = reader_u8(in);
    uint8_t mac_size = reader_u8(in);
    reader_skip(in, 1);
    dhcp->id = reader_be32(in);
    reader_skip(in, 4);
    dhcp->client_address = arena_copy(memory, reader_bytes(in, 4));
    dhcp->your_address = arena_copy(memory, reader_bytes(in, 4));
    dhcp->next_server = arena_copy(memory, reader_bytes(in, 4));
    dhcp->relay = arena_copy(memory, reader_bytes(in, 4));
    dhcp->mac = arena_copy(memory, bytes_first(reader_bytes(in, 16), mac_size));
    struct reader server_name = reader_sub(in, 64), file = reader_sub(in, 128);
    if (reader_be32(in) != COOKIE || !reader_ok(in))
        return false;
    read_options(tx, dhcp, in);
    if (dhcp->overload & 1) /* RFC 2132 section 9.3: options go on in these fields */
        read_options(tx, dhcp, &file);
    if (dhcp->overload & 2)
        read_options(tx, dhcp, &server_name);
    return true;
}

static enum probe dhcp_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    struct reader in = reader_of_bytes(data);
    uint8_t operation = reader_u8(&in);
    reader_skip(&in, 235);
    return reader_be32(&in) == COOKIE && reader_ok(&in) && (operation == 1 || operation == 2) ? PROBE_YES
                                                                                              : PROBE_NO;
}

static bool dhcp_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return true;
    tx_finish_both(tx);
    if (read_message(tx, (struct dhcp *)tx->record, in))
        return true;
    tx->dead = true;
    return false;
}

/* ---- EVE ---- */

static void write_octets(struct text *out, const char *key, struct bytes octets)
{
    json_key(out, key);
    text_char(out, '"');
    for (size_t i = 0; i < octets.size; i++) {
        if (i)
            text_char(out, ':');
        text_hex(out, bytes_of(octets.data + i, 1));
    }
    text_string(out, "\",");
}

static void write_address(struct text *out, const char *key, struct bytes octets)
{
    if (octets.size < 4)
        return;
    struct address address = address_v4(octets.data);
    json_key(out, key);
    text_char(out, '"');
    address_text(&address, out);
    text_string(out, "\",");
}

static void write_addresses(struct text *out, const char *key, struct bytes octets)
{
    json_open(out, key, '[');
    for (; octets.size >= 4; octets = bytes_from(octets, 4))
        write_address(out, NULL, octets);
    json_close(out, ']');
}

static void write_parameters(struct text *out, struct bytes codes)
{
    static const struct {
        uint8_t code;
        const char *name;
    } names[] = {
        { 1, "subnet_mask" },  { 3, "router" },      { 6, "dns_server" },        { 15, "domain" },
        { 35, "arp_timeout" }, { 42, "ntp_server" }, { 66, "tftp_server_name" },
    };
    json_open(out, "params", '[');
    for (size_t i = 0; i < codes.size; i++)
        for (size_t k = 0; k < COUNT_OF(names); k++)
            if (names[k].code == codes.data[i])
                json_cstring(out, NULL, names[k].name);
    json_close(out, ']');
}

static void write_seconds(struct text *out, const char *key, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    json_uint(out, key, reader_be32(&in));
}

static void write_type(struct text *out, uint8_t type)
{
    static const char *const names[] = { "unknown", "discover", "offer",   "request", "decline",
                                         "ack",     "nak",      "release", "inform" };
    json_cstring(out, "dhcp_type", names[type < COUNT_OF(names) ? type : 0]);
}

static void write_client(struct text *out, struct bytes data)
{
    if (data.size > 1 && data.data[0] == 1) /* Ethernet */
        write_octets(out, "client_id", bytes_from(data, 1));
    else
        json_string(out, "client_id", data);
}

static void write_option(struct text *out, const struct option *option, bool extended)
{
    struct bytes data = option->data;
    switch (option->code) {
    case OPTION_TYPE:
        write_type(out, data.data[0]);
        break;
    case OPTION_LEASE:
        write_seconds(out, "lease_time", data);
        break;
    case OPTION_RENEWAL:
        write_seconds(out, "renewal_time", data);
        break;
    case OPTION_REBINDING:
        write_seconds(out, "rebinding_time", data);
        break;
    default:
        break;
    }
    if (!extended)
        return;
    switch (option->code) {
    case OPTION_CLIENT:
        write_client(out, data);
        break;
    case OPTION_HOSTNAME:
        json_string(out, "hostname", data);
        break;
    case OPTION_VENDOR:
        json_string(out, "vendor_class_identifier", data);
        break;
    case OPTION_PARAMETERS:
        write_parameters(out, data);
        break;
    case OPTION_REQUESTED:
        write_address(out, "requested_ip", data);
        break;
    case OPTION_SUBNET:
        write_address(out, "subnet_mask", data);
        break;
    case OPTION_ROUTER:
        write_addresses(out, "routers", data);
        break;
    case OPTION_DNS:
        write_addresses(out, "dns_servers", data);
        break;
    default:
        break;
    }
}

static void dhcp_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct dhcp *dhcp = dhcp_of(tx);
    json_cstring(out, "type", dhcp->operation == 1 ? "request" : "reply");
    json_uint(out, "id", dhcp->id);
    write_octets(out, "client_mac", dhcp->mac);
    write_address(out, "assigned_ip", dhcp->your_address);
    if (extended) {
        write_address(out, "client_ip", dhcp->client_address);
        if (dhcp->operation == 2) {
            write_address(out, "relay_ip", dhcp->relay);
            write_address(out, "next_server_ip", dhcp->next_server);
        }
    }
    for (uint32_t i = 0; i < dhcp->option_count; i++)
        write_option(out, &dhcp->options[i], extended);
}

/* ---- rule keywords ---- */

static bool seconds(const struct tx *tx, uint8_t code, uint32_t index, uint64_t *value)
{
    const struct option *option = find_option(dhcp_of(tx), code);
    if (index || !option)
        return false;
    struct reader in = reader_of_bytes(option->data);
    *value = reader_be32(&in);
    return true;
}

static bool lease_time(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    return seconds(tx, OPTION_LEASE, index, value);
}

static bool renewal_time(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    return seconds(tx, OPTION_RENEWAL, index, value);
}

static bool rebinding_time(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    return seconds(tx, OPTION_REBINDING, index, value);
}

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)
#define ROW(keyword, getter, ...)                                                            \
    {                                                                                        \
        .name = (keyword), .kind = INSPECT_NUMBER, .directions = BOTH, .progress = { 1, 1 }, \
        .number = (getter), .source = "RFC 2132 section 9", .help = __VA_ARGS__,             \
    }

static const struct inspect inspects[] = {
    ROW("dhcp.leasetime", lease_time, "Lease time, in seconds"),
    ROW("dhcp.renewal_time", renewal_time, "Time to renewal, in seconds", .shown = "dhcp.renewal-time"),
    ROW("dhcp.rebinding_time", rebinding_time, "Time to rebinding, in seconds",
        .shown = "dhcp.rebinding-time"),
};

const struct protocol dhcp_protocol = {
    .id = PROTOCOL_dhcp,
    .name = "dhcp",
    .title = "Dynamic Host Configuration Protocol",
    .eve_type = "dhcp",
    .transports = TRANSPORT_UDP,
    .ports = "67,68",
    .probe = dhcp_probe,
    .record_size = sizeof(struct dhcp),
    .tx_memory_max = 65536,
    .datagram = dhcp_datagram,
    .one_way = true,
    .write = dhcp_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
};
