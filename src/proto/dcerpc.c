/* SPDX-License-Identifier: Apache-2.0 */
/* DCE/RPC, connection-oriented, over TCP (C706 chapter 12). A transaction is a call: its request and its
 * response, each put together from fragments; or a bind and its answer. */
#include "proto/dcerpc.h"

#include "base/json.h"
#include "base/text.h"
#include "proto/session.h"

#define HEADER_SIZE    16U
#define STUB_MAX       (512U * 1024U)
#define INTERFACES_MAX 64U

enum { FIRST_FRAGMENT = 1, LAST_FRAGMENT = 2 };

/* Section 12.6.4 and MS-RPCE 2.2.2. */
enum dcerpc_type {
    REQUEST,
    RESPONSE = 2,
    FAULT,
    BIND = 11,
    BINDACK,
    BINDNAK,
    ALTER_CONTEXT,
    ALTER_CONTEXT_RESP,
    AUTH3,
    SHUTDOWN,
    CO_CANCEL,
    ORPHANED,
};

static const char *const type_names[] = {
    "REQUEST",   "PING",     "RESPONSE",      "FAULT",
    "WORKING",   "NOCALL",   "REJECT",        "ACK",
    "CL_CANCEL", "FACK",     "CANCEL_ACK",    "BIND",
    "BINDACK",   "BINDNAK",  "ALTER_CONTEXT", "ALTER_CONTEXT_RESP",
    "AUTH3",     "SHUTDOWN", "CO_CANCEL",     "ORPHANED",
};

/* Interfaces that the server accepted, found by their context. */
struct dcerpc_state {
    uint32_t count;
    struct dcerpc_interface accepted[INTERFACES_MAX];
};

struct header {
    uint8_t version, minor, type, flags;
    bool little;
    uint16_t size;
    uint32_t call_id;
};

static struct dcerpc *dcerpc_of(struct tx *tx)
{
    return (struct dcerpc *)(void *)tx->record;
}

static const struct dcerpc *dcerpc_in(const struct tx *tx)
{
    return (const struct dcerpc *)(const void *)tx->record;
}

static uint16_t read_u16(struct reader *in, bool little)
{
    return little ? reader_le16(in) : reader_be16(in);
}

static uint32_t read_u32(struct reader *in, bool little)
{
    return little ? reader_le32(in) : reader_be32(in);
}

static bool read_header(struct reader *in, struct header *header)
{
    header->version = reader_u8(in);
    header->minor = reader_u8(in);
    header->type = reader_u8(in);
    header->flags = reader_u8(in);
    uint8_t integers = reader_u8(in);
    uint8_t reals = reader_u8(in);
    reader_skip(in, 2);
    header->little = (integers >> 4) == 1;
    header->size = read_u16(in, header->little);
    reader_skip(in, 2);
    header->call_id = read_u32(in, header->little);
    return reader_ok(in) && header->version == 5 && header->minor <= 1 && header->type <= ORPHANED &&
           (integers & 0xef) <= 1 && reals <= 3 && header->size >= HEADER_SIZE;
}

static bool from_client(uint8_t type)
{
    return type == REQUEST || type == BIND || type == ALTER_CONTEXT || type == AUTH3 || type == CO_CANCEL ||
           type == ORPHANED;
}

static void read_interface(struct reader *in, bool little, struct dcerpc_interface *interface)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct bytes uuid = reader_bytes(in, 16);
    for (size_t i = 0; i < uuid.size; i++)
        interface->uuid[i] = uuid.data[little ? order[i] : i];
    interface->major = read_u16(in, little);
    interface->minor = read_u16(in, little);
}

/* bind and alter_context (section 12.6.4.3). */
static void take_bind(struct tx *tx, struct reader *in, bool little)
{
    struct dcerpc *dcerpc = dcerpc_of(tx);
    reader_skip(in, 8);
    uint32_t count = reader_u8(in);
    reader_skip(in, 3);
    count = MIN(count, INTERFACES_MAX);
    if (!reader_ok(in) || !count)
        return;
    dcerpc->interfaces = ARENA_ARRAY(&tx->memory, struct dcerpc_interface, count);
    for (uint32_t i = 0; dcerpc->interfaces && i < count; i++) {
        struct dcerpc_interface *interface = &dcerpc->interfaces[i];
        interface->context = read_u16(in, little);
        size_t syntaxes = reader_u8(in);
        reader_skip(in, 1);
        read_interface(in, little, interface);
        reader_skip(in, syntaxes * 20);
        if (!reader_ok(in))
            return;
        dcerpc->interface_count++;
    }
}

static void accept_interface(struct dcerpc_state *state, const struct dcerpc_interface *interface)
{
    uint32_t i = 0;
    while (i < state->count && state->accepted[i].context != interface->context)
        i++;
    if (i == INTERFACES_MAX)
        return;
    state->accepted[i] = *interface;
    state->count = MAX(state->count, i + 1);
}

/* bind_ack and alter_context_resp (section 12.6.4.4): results stand in the order of what was offered. */
static void take_results(struct dcerpc_state *state, struct tx *tx, struct reader *in, bool little)
{
    struct dcerpc *dcerpc = dcerpc_of(tx);
    reader_skip(in, 8);
    size_t address = read_u16(in, little);
    reader_skip(in, address);
    reader_skip(in, (4 - (address + 2) % 4) % 4);
    uint32_t count = reader_u8(in);
    reader_skip(in, 3);
    for (uint32_t i = 0; i < count && i < dcerpc->interface_count; i++) {
        struct dcerpc_interface *interface = &dcerpc->interfaces[i];
        uint16_t result = read_u16(in, little);
        uint16_t reason = read_u16(in, little);
        reader_skip(in, 20);
        if (!reader_ok(in))
            return;
        interface->result = result;
        interface->reason = reason;
        interface->answered = true;
        if (result == 0)
            accept_interface(state, interface);
    }
}

/* Appends a fragment's stub data; beyond the limit the rest is passed over. */
static void add_stub(struct tx *tx, enum direction direction, struct bytes data)
{
    struct dcerpc_side *side = &dcerpc_of(tx)->sides[direction];
    side->fragments++;
    size_t wanted = MIN(side->stub_size + data.size, STUB_MAX);
    if (wanted > side->stub_capacity) {
        size_t capacity = side->stub_capacity ? MAX(wanted, side->stub_capacity * 2) : wanted;
        uint8_t *grown = ARENA_ARRAY(&tx->memory, uint8_t, capacity);
        if (!grown)
            return;
        if (side->stub_size)
            memcpy(grown, side->stub, side->stub_size);
        side->stub = grown;
        side->stub_capacity = capacity;
    }
    size_t part = wanted - side->stub_size;
    if (part)
        memcpy(side->stub + side->stub_size, data.data, part);
    side->stub_size = wanted;
}

static void find_interface(const struct dcerpc_state *state, struct tx *tx)
{
    struct dcerpc *dcerpc = dcerpc_of(tx);
    for (uint32_t i = 0; i < state->count; i++) {
        if (state->accepted[i].context != dcerpc->context)
            continue;
        dcerpc->interfaces = ARENA_NEW(&tx->memory, struct dcerpc_interface);
        if (dcerpc->interfaces) {
            *dcerpc->interfaces = state->accepted[i];
            dcerpc->interface_count = 1;
        }
        return;
    }
}

static struct tx *find_call(struct session *session, uint32_t call_id, enum direction direction)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (tx->protocol == session->protocol && !tx->progress[direction] && !tx->directed &&
            dcerpc_of(tx)->call_id == call_id)
            return tx;
    return NULL;
}

static struct tx *new_call(struct session *session, const struct header *header, enum direction direction)
{
    bool lone = direction == TO_CLIENT || header->type == AUTH3 || header->type == CO_CANCEL ||
                header->type == ORPHANED;
    struct tx *tx = lone ? session_tx_directed(session, direction) : session_tx(session);
    if (!tx)
        return NULL;
    struct dcerpc *dcerpc = dcerpc_of(tx);
    dcerpc->call_id = header->call_id;
    dcerpc->version = header->version;
    dcerpc->minor = header->minor;
    return tx;
}

static bool take_message(struct session *session, struct dcerpc_state *state, enum direction direction,
                         const struct header *header, struct reader in)
{
    struct tx *tx = NULL;
    bool first = header->flags & FIRST_FRAGMENT, last = header->flags & LAST_FRAGMENT;
    bool calls = header->type == REQUEST || header->type == RESPONSE;
    if (direction == TO_CLIENT || (header->type == REQUEST && !first))
        tx = find_call(session, header->call_id, direction);
    if (!tx)
        tx = new_call(session, header, direction);
    if (!tx)
        return false;
    struct dcerpc *dcerpc = dcerpc_of(tx);
    struct dcerpc_side *side = &dcerpc->sides[direction];
    bool begins = !side->seen;
    side->seen = true;
    side->type = header->type;
    if (calls) {
        /* As Suricata has it: an object's identifier and the head of a response belong to the stub data. */
        if (header->type == REQUEST) {
            reader_skip(&in, 4);
            uint16_t context = read_u16(&in, header->little);
            uint16_t opnum = read_u16(&in, header->little);
            if (begins && reader_ok(&in)) {
                dcerpc->context = context;
                dcerpc->opnum = opnum;
                find_interface(state, tx);
            }
        }
        add_stub(tx, direction, reader_rest(&in));
    } else if (header->type == BIND || header->type == ALTER_CONTEXT) {
        if (header->type == BIND)
            state->count = 0;
        if (first)
            take_bind(tx, &in, header->little);
    } else if (header->type == BINDACK || header->type == ALTER_CONTEXT_RESP) {
        take_results(state, tx, &in, header->little);
    }
    if (calls && !last)
        return true;
    tx_finish(tx, direction);
    if (tx->directed)
        tx_finish_both(tx);
    return true;
}

static bool dcerpc_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                          unsigned flags)
{
    (void)flags;
    while (reader_left(in) >= HEADER_SIZE) {
        struct reader at = *in;
        struct header header;
        if (!read_header(&at, &header))
            return false;
        struct reader body = reader_sub(&at, header.size - HEADER_SIZE);
        if (!reader_ok(&at))
            return true;
        *in = at;
        if (!take_message(session, state, direction, &header, body))
            return false;
    }
    return true;
}

static enum probe dcerpc_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    struct header header;
    if (data.size && data.data[0] != 5)
        return PROBE_NO;
    if (data.size < HEADER_SIZE)
        return PROBE_MORE;
    if (!read_header(&in, &header) || data.data[6] || data.data[7])
        return PROBE_NO;
    bool request = from_client(header.type);
    if (!request && (header.type < RESPONSE || (header.type > FAULT && header.type < BINDACK)))
        return PROBE_NO;
    return request == (direction == TO_SERVER) ? PROBE_YES : PROBE_REVERSED;
}

/* ---- EVE ---- */

static void write_interface(struct text *out, const struct dcerpc_interface *interface)
{
    const uint8_t *u = interface->uuid;
    json_open(out, NULL, '{');
    json_key(out, "uuid");
    text_add(out, "\"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\",", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
    json_key(out, "version");
    text_add(out, "\"%u.%u\",", interface->major, interface->minor);
    json_uint(out, "ack_result", interface->result);
    json_close(out, '}');
}

static void write_stub(struct text *out, const struct dcerpc_side *side)
{
    json_uint(out, "frag_cnt", side->fragments);
    json_uint(out, "stub_data_size", side->stub_size);
    json_close(out, '}');
}

static void dcerpc_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct dcerpc *dcerpc = dcerpc_in(tx);
    const struct dcerpc_side *request = &dcerpc->sides[TO_SERVER], *response = &dcerpc->sides[TO_CLIENT];
    json_cstring(out, "request", request->seen ? type_names[request->type] : "REQUEST_LOST");
    if (request->seen && request->type == REQUEST) {
        json_open(out, "req", '{');
        json_uint(out, "opnum", dcerpc->opnum);
        write_stub(out, request);
    }
    if (dcerpc->interface_count) {
        json_open(out, "interfaces", '[');
        for (uint32_t i = 0; i < dcerpc->interface_count; i++)
            write_interface(out, &dcerpc->interfaces[i]);
        json_close(out, ']');
    }
    json_cstring(out, "response", response->seen ? type_names[response->type] : "UNREPLIED");
    if (response->seen && response->type == RESPONSE) {
        json_open(out, "res", '{');
        write_stub(out, response);
    }
    json_uint(out, "call_id", dcerpc->call_id);
    json_key(out, "rpc_version");
    text_add(out, "\"%u.%u\",", dcerpc->version, dcerpc->minor);
}

/* ---- rule keywords ---- */

static bool get_opnum(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct dcerpc_side *request = &dcerpc_in(tx)->sides[TO_SERVER];
    *value = dcerpc_in(tx)->opnum;
    return index == 0 && request->seen && request->type == REQUEST;
}

static bool get_stub(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    (void)scratch;
    const struct dcerpc_side *side = &dcerpc_in(tx)->sides[direction];
    *value = bytes_of(side->stub, side->stub_size);
    return index == 0 && side->stub_size;
}

static const struct inspect inspects[] = {
    { .name = "dcerpc.opnum",
      .alias = "dce_opnum",
      .kind = INSPECT_NUMBER,
      .directions = 1U << TO_SERVER | 1U << TO_CLIENT,
      .progress = { 1, 1 },
      .number = get_opnum,
      .max = UINT16_MAX,
      .help = "Number of the operation called",
      .source = "C706 12.6.4.9" },
    { .name = "dcerpc.stub_data",
      .alias = "dce_stub_data",
      .kind = INSPECT_GET,
      .directions = 1U << TO_SERVER | 1U << TO_CLIENT,
      .progress = { 1, 1 },
      .get = get_stub,
      .help = "Arguments or results of a call, put together from its fragments",
      .source = "C706 12.6.4.9" },
};

const struct protocol dcerpc_protocol = {
    .name = "dcerpc",
    .title = "DCE/RPC",
    .eve_type = "dcerpc",
    .transports = TRANSPORT_TCP,
    .ports = "135",
    .probe = dcerpc_probe,
    .probe_depth = HEADER_SIZE,
    .state_size = sizeof(struct dcerpc_state),
    .record_size = sizeof(struct dcerpc),
    .tx_memory_max = 4U * STUB_MAX,
    .buffer_max = UINT16_MAX,
    .tx_max = 256,
    .stream = dcerpc_stream,
    .write = dcerpc_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
};
