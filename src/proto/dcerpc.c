/* SPDX-License-Identifier: Apache-2.0 */
/* DCE/RPC over TCP and UDP (C706 chapter 12). A transaction is a call: its request and its response, each put
 * together from fragments; or a bind and its answer. */
#include "proto/dcerpc.h"

#include "base/json.h"
#include "proto/session.h"

enum dcerpc_frame { FRAME_PDU, FRAME_HDR, FRAME_DATA };

static struct dcerpc *dcerpc_of(struct tx *tx)
{
    return (struct dcerpc *)(void *)tx->record;
}

/* ---- connections ---- */

static struct tx *find_call(struct session *session, uint32_t call_id, enum direction direction)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (tx->protocol == session->protocol && !tx->progress[direction] && !tx->directed &&
            dcerpc_of(tx)->call_id == call_id)
            return tx;
    return NULL;
}

static struct tx *new_call(struct session *session, const struct dcerpc_header *header,
                           enum direction direction)
{
    struct tx *tx = direction == TO_CLIENT ? session_tx_directed(session, direction) : session_tx(session);
    if (!tx)
        return NULL;
    struct dcerpc *call = dcerpc_of(tx);
    call->call_id = header->call_id;
    call->version = header->version;
    call->minor = header->minor;
    return tx;
}

/* Messages that nothing answers: they belong to the association or to a call that has its own. */
static bool is_remark(uint8_t type)
{
    return type == DCERPC_AUTH3 || type == DCERPC_CO_CANCEL || type == DCERPC_ORPHANED;
}

static bool take_message(struct session *session, struct dcerpc_bound *bound, enum direction direction,
                         const struct dcerpc_header *header, struct reader body)
{
    struct tx *tx = NULL;
    if (is_remark(header->type))
        return true;
    if (direction == TO_CLIENT || (header->type == DCERPC_REQUEST && !(header->flags & DCERPC_FIRST)))
        tx = find_call(session, header->call_id, direction);
    if (!tx)
        tx = new_call(session, header, direction);
    if (!tx)
        return false;
    dcerpc_take(bound, dcerpc_of(tx), &tx->memory, direction, header, body);
    if (!dcerpc_ends(header))
        return true;
    tx_finish(tx, direction);
    if (tx->directed)
        tx_finish_both(tx);
    return true;
}

static void make_frames(struct session *session, enum direction direction, const uint8_t *at, uint64_t head,
                        uint64_t size)
{
    (void)session_frame(session, direction, FRAME_PDU, at, size, NULL);
    (void)session_frame(session, direction, FRAME_HDR, at, head, NULL);
    (void)session_frame(session, direction, FRAME_DATA, at + head, size - head, NULL);
}

static bool dcerpc_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                          unsigned flags)
{
    (void)flags;
    while (reader_left(in) >= DCERPC_HEADER_SIZE) {
        struct reader at = *in;
        struct dcerpc_header header;
        if (!dcerpc_read_header(&at, &header))
            return false;
        struct reader body = reader_sub(&at, header.size - DCERPC_HEADER_SIZE);
        if (!reader_ok(&at))
            return true;
        make_frames(session, direction, in->at, DCERPC_HEADER_SIZE, header.size);
        *in = at;
        if (!take_message(session, state, direction, &header, body))
            return false;
    }
    return true;
}

/* ---- datagrams (section 12.5) ---- */

#define DATAGRAM_HEAD 80U

struct datagram {
    uint8_t type, flags;
    bool little;
    struct dcerpc_interface interface;
    uint8_t activity[16];
    uint32_t sequence;
    uint16_t opnum, size;
};

static bool read_datagram(struct reader *in, struct datagram *head)
{
    uint8_t object[16];
    uint8_t version = reader_u8(in);
    head->type = reader_u8(in);
    head->flags = reader_u8(in);
    reader_skip(in, 1);
    uint8_t integers = reader_u8(in);
    uint8_t reals = reader_u8(in);
    reader_skip(in, 2);
    head->little = (integers >> 4) == 1;
    dcerpc_read_uuid(in, head->little, object);
    dcerpc_read_uuid(in, head->little, head->interface.uuid);
    dcerpc_read_uuid(in, !head->little, head->activity); /* as EVE shows it: the other way round */
    reader_skip(in, 4);
    uint32_t interface_version = head->little ? reader_le32(in) : reader_be32(in);
    head->interface.major = (uint16_t)interface_version;
    head->interface.minor = (uint16_t)(interface_version >> 16);
    head->sequence = head->little ? reader_le32(in) : reader_be32(in);
    head->opnum = head->little ? reader_le16(in) : reader_be16(in);
    reader_skip(in, 4);
    head->size = head->little ? reader_le16(in) : reader_be16(in);
    reader_skip(in, 4);
    return reader_ok(in) && version == 4 && head->type <= 10 && (integers & 0xef) <= 1 && reals <= 3;
}

static bool datagram_from_client(uint8_t type)
{
    return type == 0 || type == 1 || type == 7 || type == 8; /* request, ping, ack, cl_cancel */
}

static struct tx *find_activity(struct session *session, const struct datagram *head)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        struct dcerpc *call = dcerpc_of(tx);
        bool open = !tx->progress[TO_SERVER] || !tx->progress[TO_CLIENT];
        if (tx->protocol == session->protocol && open && call->sequence == head->sequence &&
            memcmp(call->activity, head->activity, sizeof call->activity) == 0)
            return tx;
    }
    return NULL;
}

static bool dcerpc_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    enum { LAST_FRAGMENT = 2, FRAGMENT = 4 };
    struct datagram head;
    const uint8_t *start = in->at;
    size_t total = reader_left(in);
    if (!read_datagram(in, &head))
        return false;
    make_frames(session, direction, start, DATAGRAM_HEAD, total);
    struct bytes stub = bytes_first(reader_peek(in), head.size);
    enum direction way = datagram_from_client(head.type) ? TO_SERVER : TO_CLIENT;
    struct tx *tx = find_activity(session, &head);
    if (!tx && (tx = session_tx(session)) != NULL) {
        struct dcerpc *made = dcerpc_of(tx);
        memcpy(made->activity, head.activity, sizeof made->activity);
        made->sequence = head.sequence;
        made->version = 4;
        made->opnum = head.opnum;
        made->interfaces = ARENA_NEW(&tx->memory, struct dcerpc_interface);
        if (made->interfaces) {
            *made->interfaces = head.interface;
            made->interface_count = 1;
        }
    }
    if (!tx)
        return true;
    struct dcerpc *call = dcerpc_of(tx);
    call->sides[way].seen = true;
    call->sides[way].type = head.type;
    call->little = head.little;
    if (head.type == DCERPC_REQUEST || head.type == DCERPC_RESPONSE)
        dcerpc_add_stub(call, &tx->memory, way, stub, 1);
    if (!(head.flags & FRAGMENT) || head.flags & LAST_FRAGMENT)
        tx_finish(tx, way);
    return true;
}

static enum probe probe_datagram(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    struct datagram head;
    if (!read_datagram(&in, &head) || data.data[6] || head.size != reader_left(&in))
        return PROBE_NO;
    return datagram_from_client(head.type) == (direction == TO_SERVER) ? PROBE_YES : PROBE_REVERSED;
}

static enum probe dcerpc_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    struct dcerpc_header header;
    if (data.size && data.data[0] == 4)
        return probe_datagram(direction, data);
    if (data.size && data.data[0] != 5)
        return PROBE_NO;
    if (data.size < DCERPC_HEADER_SIZE)
        return PROBE_MORE;
    if (!dcerpc_read_header(&in, &header) || data.data[6] || data.data[7])
        return PROBE_NO;
    bool request = dcerpc_from_client(header.type);
    if (!request &&
        (header.type < DCERPC_RESPONSE || (header.type > DCERPC_FAULT && header.type < DCERPC_BINDACK)))
        return PROBE_NO;
    return request == (direction == TO_SERVER) ? PROBE_YES : PROBE_REVERSED;
}

/* ---- EVE ---- */

static void dcerpc_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct dcerpc *call = (const void *)tx->record;
    const struct dcerpc_side *request = &call->sides[TO_SERVER], *response = &call->sides[TO_CLIENT];
    bool datagram = call->version == 4;
    json_cstring(out, "request", request->seen ? dcerpc_type_name(request->type) : "REQUEST_LOST");
    if (request->seen && request->type == DCERPC_REQUEST) {
        json_open(out, "req", '{');
        json_uint(out, "opnum", call->opnum);
        dcerpc_write_stub_counts(out, request);
        json_close(out, '}');
    }
    if (!datagram)
        dcerpc_write_interfaces(out, call, DCERPC_RESULTS);
    json_cstring(out, "response", response->seen ? dcerpc_type_name(response->type) : "UNREPLIED");
    if (response->seen && response->type == DCERPC_RESPONSE)
        dcerpc_write_stub(out, "res", response);
    if (datagram) {
        dcerpc_write_uuid(out, "activityuuid", call->activity);
        json_uint(out, "seqnum", call->sequence);
    } else {
        json_uint(out, "call_id", call->call_id);
    }
    json_key(out, "rpc_version");
    text_add(out, "\"%u.%u\",", call->version, call->minor);
}

static const struct inspect inspects[] = { DCERPC_INSPECTS };
static const char *const frame_names[] = { "pdu", "hdr", "data", NULL };

const struct protocol dcerpc_protocol = {
    .id = PROTOCOL_dcerpc,
    .name = "dcerpc",
    .title = "DCE/RPC",
    .eve_type = "dcerpc",
    .transports = TRANSPORT_TCP | TRANSPORT_UDP,
    .ports = "135",
    .probe = dcerpc_probe,
    .probe_depth = DCERPC_HEADER_SIZE,
    .state_size = sizeof(struct dcerpc_bound),
    .record_size = sizeof(struct dcerpc),
    .tx_memory_max = 4U * DCERPC_STUB_MAX,
    .buffer_max = UINT16_MAX,
    .tx_max = 256,
    .stream = dcerpc_stream,
    .datagram = dcerpc_datagram,
    .write = dcerpc_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .frames = frame_names,
};
