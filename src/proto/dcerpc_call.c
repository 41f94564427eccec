/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of DCE/RPC and the calls they make (C706 chapter 12), whatever carries them; see dcerpc.h. */
#include "proto/dcerpc.h"

#include "base/json.h"
#include "proto/smb.h"

static const char *const type_names[] = {
    "REQUEST",   "PING",     "RESPONSE",      "FAULT",
    "WORKING",   "NOCALL",   "REJECT",        "ACK",
    "CL_CANCEL", "FACK",     "CANCEL_ACK",    "BIND",
    "BINDACK",   "BINDNAK",  "ALTER_CONTEXT", "ALTER_CONTEXT_RESP",
    "AUTH3",     "SHUTDOWN", "CO_CANCEL",     "ORPHANED",
};

const char *dcerpc_type_name(uint8_t type)
{
    return type < COUNT_OF(type_names) ? type_names[type] : NULL;
}

static uint16_t read_u16(struct reader *in, bool little)
{
    return little ? reader_le16(in) : reader_be16(in);
}

static uint32_t read_u32(struct reader *in, bool little)
{
    return little ? reader_le32(in) : reader_be32(in);
}

bool dcerpc_read_header(struct reader *in, struct dcerpc_header *header)
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
    return reader_ok(in) && header->version == 5 && header->minor <= 1 && header->type <= DCERPC_ORPHANED &&
           (integers & 0xef) <= 1 && reals <= 3 && header->size >= DCERPC_HEADER_SIZE;
}

bool dcerpc_from_client(uint8_t type)
{
    return type == DCERPC_REQUEST || type == DCERPC_BIND || type == DCERPC_ALTER_CONTEXT ||
           type == DCERPC_AUTH3 || type == DCERPC_CO_CANCEL || type == DCERPC_ORPHANED;
}

static bool carries_stub(uint8_t type)
{
    return type == DCERPC_REQUEST || type == DCERPC_RESPONSE;
}

bool dcerpc_ends(const struct dcerpc_header *header)
{
    return !carries_stub(header->type) || header->flags & DCERPC_LAST;
}

void dcerpc_read_uuid(struct reader *in, bool little, uint8_t uuid[16])
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct bytes raw = reader_bytes(in, 16);
    for (size_t i = 0; i < raw.size; i++)
        uuid[i] = raw.data[little ? order[i] : i];
}

static struct dcerpc_interface *bound_place(struct dcerpc_bound *bound, uint16_t context)
{
    uint32_t i = 0;
    while (i < bound->count && bound->interfaces[i].context != context)
        i++;
    return i < DCERPC_INTERFACES ? &bound->interfaces[i] : NULL;
}

static void remember(struct dcerpc_bound *bound, const struct dcerpc_interface *interface)
{
    struct dcerpc_interface *place = bound_place(bound, interface->context);
    if (!place)
        return;
    *place = *interface;
    uint32_t count = (uint32_t)(place - bound->interfaces) + 1;
    bound->count = MAX(bound->count, count);
}

/* bind and alter_context (section 12.6.4.3). */
static void take_bind(struct dcerpc_bound *bound, struct dcerpc *call, struct arena *memory,
                      struct reader *in, bool little)
{
    reader_skip(in, 8);
    uint32_t count = reader_u8(in);
    reader_skip(in, 3);
    count = MIN(count, DCERPC_INTERFACES);
    if (!reader_ok(in) || !count)
        return;
    call->interface_count = 0; /* one more bind of the same call: it is the one that counts */
    call->interfaces = ARENA_ARRAY(memory, struct dcerpc_interface, count);
    for (uint32_t i = 0; call->interfaces && i < count; i++) {
        struct dcerpc_interface *interface = &call->interfaces[i];
        interface->context = read_u16(in, little);
        size_t syntaxes = reader_u8(in);
        reader_skip(in, 1);
        dcerpc_read_uuid(in, little, interface->uuid);
        interface->major = read_u16(in, little);
        interface->minor = read_u16(in, little);
        reader_skip(in, syntaxes * 20);
        if (!reader_ok(in))
            return;
        call->interface_count++;
        remember(bound, interface);
    }
}

/* bind_ack and alter_context_resp (section 12.6.4.4): results stand in the order of what was offered. */
static void take_results(struct dcerpc_bound *bound, struct dcerpc *call, struct reader *in, bool little)
{
    reader_skip(in, 8);
    size_t address = read_u16(in, little);
    reader_skip(in, address);
    reader_skip(in, (4 - (address + 2) % 4) % 4);
    uint32_t count = reader_u8(in);
    reader_skip(in, 3);
    for (uint32_t i = 0; i < count && i < call->interface_count; i++) {
        struct dcerpc_interface *interface = &call->interfaces[i];
        uint16_t result = read_u16(in, little);
        uint16_t reason = read_u16(in, little);
        reader_skip(in, 20);
        if (!reader_ok(in))
            return;
        interface->result = result;
        interface->reason = reason;
        interface->answered = true;
        remember(bound, interface);
    }
}

void dcerpc_add_stub(struct dcerpc *call, struct arena *memory, enum direction direction, struct bytes data,
                     uint32_t fragments)
{
    struct dcerpc_side *side = &call->sides[direction];
    side->fragments += fragments;
    size_t wanted = MIN(side->stub_size + data.size, DCERPC_STUB_MAX);
    if (wanted > side->stub_capacity) {
        size_t capacity = side->stub_capacity ? MAX(wanted, side->stub_capacity * 2) : wanted;
        uint8_t *grown = ARENA_ARRAY(memory, uint8_t, capacity);
        if (!grown)
            return;
        if (side->stub_size)
            memcpy(grown, side->stub, side->stub_size);
        side->stub = grown;
        side->stub_capacity = capacity;
    }
    size_t part = wanted - side->stub_size;
    if (part && data.data)
        memcpy(side->stub + side->stub_size, data.data, part);
    side->stub_size = wanted;
}

static void find_interface(struct dcerpc_bound *bound, struct dcerpc *call, struct arena *memory)
{
    const struct dcerpc_interface *found = bound_place(bound, call->context);
    if (!found || found >= bound->interfaces + bound->count || found->result != 0)
        return;
    call->interfaces = ARENA_NEW(memory, struct dcerpc_interface);
    call->interface_count = call->interfaces != NULL;
    if (call->interfaces)
        *call->interfaces = *found;
}

/* As Suricata has it: an object's identifier and the head of a response belong to the stub data. */
static void take_stub(struct dcerpc_bound *bound, struct dcerpc *call, struct arena *memory,
                      enum direction direction, const struct dcerpc_header *header, struct reader *in,
                      bool begins)
{
    if (header->type == DCERPC_REQUEST) {
        reader_skip(in, 4);
        uint16_t context = read_u16(in, header->little);
        uint16_t opnum = read_u16(in, header->little);
        if (begins && reader_ok(in)) {
            call->context = context;
            call->opnum = opnum;
            find_interface(bound, call, memory);
        }
    }
    dcerpc_add_stub(call, memory, direction, reader_rest(in), 1);
}

void dcerpc_take(struct dcerpc_bound *bound, struct dcerpc *call, struct arena *memory,
                 enum direction direction, const struct dcerpc_header *header, struct reader body)
{
    struct dcerpc_side *side = &call->sides[direction];
    bool begins = !side->seen;
    side->seen = true;
    side->type = header->type;
    call->little = header->little;
    if (carries_stub(header->type)) {
        take_stub(bound, call, memory, direction, header, &body, begins);
    } else if (header->type == DCERPC_BIND || header->type == DCERPC_ALTER_CONTEXT) {
        if (header->type == DCERPC_BIND)
            bound->count = 0;
        if (header->flags & DCERPC_FIRST)
            take_bind(bound, call, memory, &body, header->little);
    } else if (header->type == DCERPC_BINDACK || header->type == DCERPC_ALTER_CONTEXT_RESP) {
        take_results(bound, call, &body, header->little);
    }
}

const struct dcerpc *dcerpc_of_tx(const struct tx *tx)
{
    const void *record = tx->record;
    if (tx->protocol == &smb_protocol)
        return ((const struct smb *)record)->call;
    return tx->protocol == &dcerpc_protocol ? record : NULL;
}

void dcerpc_write_uuid(struct text *out, const char *key, const uint8_t uuid[16])
{
    const uint8_t *u = uuid;
    json_key(out, key);
    text_add(out, "\"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\",", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

void dcerpc_write_stub_counts(struct text *out, const struct dcerpc_side *side)
{
    json_uint(out, "frag_cnt", side->fragments);
    json_uint(out, "stub_data_size", side->stub_size);
}

void dcerpc_write_stub(struct text *out, const char *key, const struct dcerpc_side *side)
{
    json_open(out, key, '{');
    dcerpc_write_stub_counts(out, side);
    json_close(out, '}');
}

void dcerpc_write_interfaces(struct text *out, const struct dcerpc *call, enum dcerpc_results results)
{
    if (!call->interface_count)
        return;
    json_open(out, "interfaces", '[');
    for (uint32_t i = 0; i < call->interface_count; i++) {
        const struct dcerpc_interface *interface = &call->interfaces[i];
        json_open(out, NULL, '{');
        dcerpc_write_uuid(out, "uuid", interface->uuid);
        json_key(out, "version");
        text_add(out, "\"%u.%u\",", interface->major, interface->minor);
        if (results == DCERPC_RESULTS || (results == DCERPC_RESULTS_OF_ANSWERS && interface->answered))
            json_uint(out, "ack_result", interface->result);
        if (results == DCERPC_RESULTS_OF_ANSWERS && interface->answered)
            json_uint(out, "ack_reason", 0); /* whatever the answer says, as in Suricata */
        json_close(out, '}');
    }
    json_close(out, ']');
}

bool dcerpc_get_opnum(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct dcerpc *call = dcerpc_of_tx(tx);
    if (index || !call || !call->sides[TO_SERVER].seen || call->sides[TO_SERVER].type != DCERPC_REQUEST)
        return false;
    *value = call->opnum;
    return true;
}

bool dcerpc_get_stub(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    (void)scratch;
    const struct dcerpc *call = dcerpc_of_tx(tx);
    if (index || !call || !call->sides[direction].stub_size)
        return false;
    *value = bytes_of(call->sides[direction].stub, call->sides[direction].stub_size);
    return true;
}
