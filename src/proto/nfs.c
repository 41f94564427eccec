/* SPDX-License-Identifier: Apache-2.0 */
/* Network File System, versions 2 (RFC 1094), 3 (RFC 1813), 4 and 4.1 (RFC 7530, RFC 8881), over ONC RPC (RFC
 * 5531), on streams with its record marks and in datagrams.
 *
 * A transaction is a call with its reply. Reads and writes of one file are joined into one transaction that
 * carries the file. Of a record only the first bytes are waited for; the content of a file is taken as it
 * comes. */
#include "proto/nfs.h"

#define RECORD_MAX   (32U * 1024U * 1024U)
#define TX_MAX       1024U
#define RECORD_START 4096U /* bytes of a record that are waited for */

const char *const nfs_event_names[] = { "malformed_data", "nonexistent_version", "unsupported_version",
                                        "too_many_transactions", NULL };

static const char *const frame_names[] = { "rpc.pdu",  "rpc.hdr",     "rpc.data", "rpc.creds",
                                           "nfs.pdu",  "nfs.status",  "nfs4.pdu", "nfs4.hdr",
                                           "nfs4.ops", "nfs4.status", NULL };

/* ---- ONC RPC (RFC 5531, section 9) ---- */

#define CALL_MIN 40U

enum { CALL = 0, REPLY = 1, RPC_VERSION = 2, PROGRAM_NFS = 100003, PROGRAM_MOUNT = 100005 };

/* An opaque of variable size, padded to four bytes (RFC 4506, section 4.10). */
struct bytes nfs_opaque(struct reader *in)
{
    uint32_t size = reader_be32(in);
    struct bytes value = reader_bytes(in, size);
    reader_skip(in, (4 - size % 4) % 4);
    return value;
}

static uint32_t crc_of(struct bytes data)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < data.size; i++) {
        crc ^= data.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1)));
    }
    return ~crc;
}

struct nfs_handle nfs_handle_of(struct bytes data)
{
    return (struct nfs_handle){ .hash = bytes_hash(data, 0), .crc = crc_of(data), .known = data.size > 0 };
}

static bool same_handle(const struct nfs_handle *a, const struct nfs_handle *b)
{
    return a->known && b->known && a->hash == b->hash && a->crc == b->crc;
}

/* ---- names of handles, seen when they were looked up or made ---- */

static const struct nfs_name *name_of(const struct nfs_state *state, const struct nfs_handle *handle)
{
    for (size_t i = 0; i < NFS_NAMES_MAX; i++)
        if (same_handle(&state->names[i].handle, handle))
            return &state->names[i];
    return NULL;
}

void nfs_learn(struct nfs_state *state, const struct nfs_handle *handle, struct bytes name)
{
    if (!handle->known || !name.size)
        return;
    const struct nfs_name *known = name_of(state, handle);
    struct nfs_name *place =
        &state->names[known ? (size_t)(known - state->names) : state->names_next++ % NFS_NAMES_MAX];
    name = bytes_first(name, sizeof place->text);
    place->handle = *handle;
    place->size = (uint8_t)name.size;
    memcpy(place->text, name.data, name.size);
}

void nfs_set_name(struct tx *tx, struct bytes name)
{
    struct nfs *nfs = nfs_of(tx);
    if (!nfs->name.size && name.size)
        nfs->name = arena_copy(&tx->memory, name);
}

void nfs_set_handle(const struct nfs_state *state, struct tx *tx, const struct nfs_handle *handle)
{
    const struct nfs_name *name = name_of(state, handle);
    nfs_of(tx)->handle = *handle;
    if (name)
        nfs_set_name(tx, bytes_of(name->text, name->size));
}

/* ---- calls that wait for their reply ---- */

static struct nfs_call *call_of(struct nfs_state *state, uint32_t xid)
{
    for (size_t i = 0; i < NFS_CALLS_MAX; i++)
        if (state->calls[i].open && state->calls[i].xid == xid)
            return &state->calls[i];
    return NULL;
}

static struct nfs_call *call_new(struct nfs_state *state, uint32_t xid)
{
    struct nfs_call *known = call_of(state, xid);
    struct nfs_call *call = known ? known : &state->calls[state->calls_next++ % NFS_CALLS_MAX];
    *call = (struct nfs_call){ .open = true, .xid = xid };
    return call;
}

static struct tx *tx_number(const struct session *session, uint64_t number)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (tx->protocol == session->protocol && tx->number == number)
            return tx;
    return NULL;
}

struct tx *nfs_call_tx(const struct session *session, const struct nfs_call *call)
{
    return call->has_tx ? tx_number(session, call->tx) : NULL;
}

static void take_caller(struct tx *tx, const struct nfs_call_head *head)
{
    struct nfs *nfs = nfs_of(tx);
    nfs->flavor = head->flavor;
    nfs->has_creds = head->has_creds;
    nfs->uid = head->uid;
    nfs->gid = head->gid;
    nfs->machine = arena_copy(&tx->memory, head->machine);
}

struct tx *nfs_tx(struct session *session, const struct nfs_call_head *head, struct nfs_call *call,
                  uint32_t procedure)
{
    struct tx *tx = session_tx(session);
    if (!tx)
        return NULL;
    if (session->tx_count > TX_MAX)
        tx_event(tx, NFS_EVENT_TOO_MANY_TRANSACTIONS);
    struct nfs *nfs = nfs_of(tx);
    nfs->xid = head->xid;
    nfs->version = (uint8_t)head->version;
    nfs->procedure = procedure;
    /* As in Suricata: files of version 3 name who asked, those of the others do not. */
    if (!nfs_is_file(head->version, procedure) || head->version == 3)
        take_caller(tx, head);
    tx_finish(tx, TO_SERVER);
    call->has_tx = true;
    call->tx = tx->number;
    return tx;
}

/* ---- transactions that carry a file ---- */

struct tx *nfs_file_tx(struct session *session, const struct nfs_state *state,
                       const struct nfs_call_head *head, struct nfs_call *call,
                       const struct nfs_handle *handle, enum direction direction, uint32_t procedure)
{
    struct tx *tx = nfs_open_file(session, handle, direction);
    if (tx) {
        call->has_tx = true;
        call->tx = tx->number;
        return tx;
    }
    tx = nfs_tx(session, head, call, procedure);
    if (!tx)
        return NULL;
    struct nfs *nfs = nfs_of(tx);
    nfs->file_tx = true;
    nfs->file_direction = (uint8_t)direction;
    nfs_set_handle(state, tx, handle);
    return tx;
}

static struct file *file_of(const struct tx *tx)
{
    return tx->files;
}

/* Content at `offset`; what was skipped over is a gap, what came twice is left out. */
void nfs_content(struct session *session, struct nfs_state *state, enum direction direction, struct tx *tx,
                 uint64_t offset, struct bytes data, uint32_t size)
{
    struct nfs *nfs = nfs_of(tx);
    if (!file_of(tx)) {
        struct file *made = file_open(session, tx, direction, nfs->name.size ? nfs->name : BYTES_NONE);
        if (!made)
            return;
        nfs->file_start = offset;
    }
    struct file *file = file_of(tx);
    uint64_t end = nfs->file_start + file->size;
    if (offset > end && file->size)
        file_gap(session, file, offset - end);
    uint64_t twice = offset < end ? end - offset : 0;
    state->content[direction] =
        (struct nfs_content){ .left = size, .twice = twice, .tx = tx->number, .open = true };
    nfs_content_bytes(session, state, direction, data);
}

void nfs_content_bytes(struct session *session, struct nfs_state *state, enum direction direction,
                       struct bytes data)
{
    struct nfs_content *content = &state->content[direction];
    struct tx *tx = tx_number(session, content->tx);
    data = bytes_first(data, content->left);
    content->left -= (uint32_t)data.size;
    size_t twice = (size_t)MIN(content->twice, (uint64_t)data.size);
    content->twice -= twice;
    if (tx && file_of(tx))
        file_data(session, file_of(tx), bytes_from(data, twice));
    if (content->left || !content->open)
        return;
    content->open = false;
    if (tx && content->last)
        nfs_file_end(session, tx, content->xid);
}

/* The content being taken is the last of its file. */
void nfs_content_last(struct session *session, struct nfs_state *state, enum direction direction,
                      struct tx *tx, uint32_t xid)
{
    struct nfs_content *content = &state->content[direction];
    if (content->open && content->tx == tx->number) {
        content->last = true;
        content->xid = xid;
        return;
    }
    nfs_file_end(session, tx, xid);
}

void nfs_file_end(struct session *session, struct tx *tx, uint32_t xid)
{
    struct nfs *nfs = nfs_of(tx);
    if (file_of(tx))
        file_close(session, file_of(tx), false);
    nfs->last = true;
    nfs->last_xid = xid;
    if (nfs->file_direction == TO_CLIENT || nfs->replied)
        tx_finish_both(tx);
}

struct tx *nfs_open_file(const struct session *session, const struct nfs_handle *handle,
                         enum direction direction)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        const struct nfs *nfs = nfs_of(tx);
        if (tx->protocol == session->protocol && nfs->file_tx && nfs->file_direction == direction &&
            same_handle(&nfs->handle, handle) && !tx_complete(session, tx, TO_CLIENT))
            return tx;
    }
    return NULL;
}

/* ---- records ---- */

static void add_frame(struct session *session, enum direction direction, enum nfs_frame type,
                      const uint8_t *at, uint64_t size)
{
    if (at)
        session_frame(session, direction, (uint8_t)type, at, size, NULL);
}

static void take_creds(struct reader *in, struct nfs_call_head *head)
{
    head->flavor = reader_be32(in);
    struct bytes body = nfs_opaque(in);
    if (head->flavor != RPC_AUTH_SYS)
        return;
    struct reader creds = reader_of_bytes(body);
    reader_skip(&creds, 4); /* stamp */
    head->machine = nfs_opaque(&creds);
    head->uid = reader_be32(&creds);
    head->gid = reader_be32(&creds);
    head->has_creds = reader_ok(&creds);
}

static bool is_nfs_call(uint32_t rpc_version, uint32_t program, uint32_t version)
{
    return rpc_version == RPC_VERSION && program == PROGRAM_NFS && version >= 2 && version <= 4;
}

static void malformed(struct session *session, const struct nfs_state *state)
{
    struct tx *tx = session_tx(session);
    if (!tx)
        return;
    nfs_of(tx)->version = (uint8_t)state->version;
    tx_event(tx, NFS_EVENT_MALFORMED);
    tx_finish_both(tx);
    nfs_of(tx)->silent = true;
}

/* `whole` is the size of the record's rest from `in` on, of which not all is there. */
static void take_call(struct session *session, struct nfs_state *state, struct reader *in, uint32_t xid,
                      uint64_t whole)
{
    size_t before = reader_left(in);
    struct nfs_call_head head = { .xid = xid };
    uint32_t rpc_version = reader_be32(in), program = reader_be32(in);
    head.version = reader_be32(in);
    head.procedure = reader_be32(in);
    struct bytes creds = reader_peek(in);
    size_t left = reader_left(in);
    take_creds(in, &head);
    size_t creds_size = left - reader_left(in);
    reader_skip(in, 4);
    (void)nfs_opaque(in); /* verifier */
    if (!reader_ok(in)) {
        malformed(session, state);
        return;
    }
    if (!is_nfs_call(rpc_version, program, head.version))
        return; /* another program of the same port (MOUNT, NLM) */
    add_frame(session, TO_SERVER, NFS_FRAME_CREDS, creds.data, creds_size);
    uint64_t size = whole - (before - reader_left(in));
    add_frame(session, TO_SERVER, head.version == 4 ? NFS_FRAME_NFS4_PDU : NFS_FRAME_PDU,
              reader_peek(in).data, size);
    state->version = head.version;
    struct nfs_call *call = call_new(state, xid);
    call->procedure = head.procedure;
    call->version = (uint8_t)head.version;
    if (head.version == 4)
        nfs4_call(session, state, &head, call, in, size);
    else
        nfs3_call(session, state, &head, call, in);
}

static void take_reply(struct session *session, struct nfs_state *state, struct reader *in, uint32_t xid,
                       uint64_t whole)
{
    size_t before = reader_left(in);
    struct nfs_call *call = call_of(state, xid);
    bool accepted = reader_be32(in) == 0;
    if (!call)
        return;
    call->open = false;
    struct tx *tx = nfs_call_tx(session, call);
    if (tx) {
        nfs_of(tx)->denied = !accepted;
        nfs_of(tx)->replied = true;
    }
    reader_skip(in, 4);
    (void)nfs_opaque(in); /* verifier */
    bool success = accepted && reader_be32(in) == 0;
    if (success && reader_ok(in)) {
        uint64_t size = whole - (before - reader_left(in));
        const uint8_t *at = reader_peek(in).data;
        bool fourth = call->version == 4;
        if (size >= 4) {
            add_frame(session, TO_CLIENT, fourth ? NFS_FRAME_NFS4_PDU : NFS_FRAME_PDU, at, size);
            add_frame(session, TO_CLIENT, fourth ? NFS_FRAME_NFS4_STATUS : NFS_FRAME_STATUS, at, 4);
        }
        if (fourth)
            nfs4_reply(session, state, call, in, size);
        else
            nfs3_reply(session, state, call, in);
    }
    tx = nfs_call_tx(session, call);
    if (tx && (!nfs_of(tx)->file_tx || nfs_of(tx)->last || !success))
        tx_finish_both(tx);
}

/* A record from its number on; `start` includes the mark before it, on streams. */
static void take_record(struct session *session, struct nfs_state *state, enum direction direction,
                        struct bytes start, size_t mark, uint64_t size)
{
    struct reader in = reader_of_bytes(bytes_from(start, mark));
    uint32_t xid = reader_be32(&in), kind = reader_be32(&in);
    if (!reader_ok(&in) || kind > REPLY) {
        malformed(session, state);
        return;
    }
    if ((kind == CALL) != (direction == TO_SERVER))
        return; /* the server calls its client back (RFC 8881, section 2.10.3.1) */
    add_frame(session, direction, NFS_FRAME_RPC_PDU, start.data, mark + size);
    if (direction == TO_CLIENT) {
        add_frame(session, direction, NFS_FRAME_RPC_HDR, start.data, mark + 8);
        if (size > 8)
            add_frame(session, direction, NFS_FRAME_RPC_DATA, reader_peek(&in).data, size - 8);
        take_reply(session, state, &in, xid, size - 8);
    } else
        take_call(session, state, &in, xid, size - 8);
}

/* ---- bytes ---- */

/* A call or a reply of this program: version, program and the kind of authentication must fit. */
static enum probe probe_record(enum direction direction, struct bytes record)
{
    struct reader in = reader_of_bytes(record);
    reader_skip(&in, 4);
    uint32_t kind = reader_be32(&in);
    if (!reader_ok(&in))
        return PROBE_NO;
    if (kind == CALL) {
        uint32_t rpc_version = reader_be32(&in), program = reader_be32(&in), version = reader_be32(&in);
        uint32_t procedure = reader_be32(&in), flavor = reader_be32(&in);
        if (!reader_ok(&in) || !is_nfs_call(rpc_version, program, version) || procedure > 21 || flavor > 6)
            return PROBE_NO;
        return direction == TO_SERVER ? PROBE_YES : PROBE_REVERSED;
    }
    return PROBE_NO; /* a reply does not tell of which program it is */
}

static enum probe nfs_probe(enum direction direction, struct bytes data)
{
    enum probe datagram = probe_record(direction, data);
    if (datagram != PROBE_NO) /* a call without arguments and credentials is too little to go by */
        return data.size > CALL_MIN ? datagram : PROBE_NO;
    struct reader in = reader_of_bytes(data);
    uint32_t mark = reader_be32(&in);
    if (data.size < 32)
        return data.size >= 1 && (data.data[0] & 0x80) ? PROBE_MORE : PROBE_NO;
    if (!(mark & 0x80000000U) || (mark & 0x7fffffffU) < 24 || (mark & 0x7fffffffU) > RECORD_MAX)
        return PROBE_NO;
    return probe_record(direction, reader_peek(&in));
}

static bool nfs_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    struct bytes data = reader_rest(in);
    take_record(session, state, direction, data, 0, data.size);
    struct nfs_state *nfs = state;
    nfs->content[direction] = (struct nfs_content){ 0 }; /* what a datagram lacks does not follow */
    return true;
}

/* True when nothing more can be taken before further bytes come. */
static bool take_rest(struct session *session, struct nfs_state *state, enum direction direction,
                      struct reader *in)
{
    struct nfs_content *content = &state->content[direction];
    size_t taken = (size_t)MIN(state->left[direction], (uint64_t)reader_left(in));
    struct bytes data = reader_bytes(in, taken);
    state->left[direction] -= taken;
    if (content->open)
        nfs_content_bytes(session, state, direction, data);
    if (!state->left[direction])
        content->open = false;
    return state->left[direction] > 0;
}

static bool nfs_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct nfs_state *state = state_;
    (void)flags;
    while (!reader_empty(in)) {
        if (state->left[direction]) {
            if (take_rest(session, state, direction, in))
                return true;
            continue;
        }
        struct bytes data = reader_peek(in);
        if (data.size < 4)
            return true;
        struct reader head = reader_of_bytes(data);
        uint32_t mark = reader_be32(&head);
        uint64_t size = mark & 0x7fffffffU;
        bool follows = state->fragment[direction];
        if (size < (follows ? 1U : 8U) || size > RECORD_MAX) {
            malformed(session, state);
            return false;
        }
        size_t wanted = 4 + (size_t)MIN(size, (uint64_t)RECORD_START);
        if (!follows && data.size < wanted)
            return true;
        state->fragment[direction] = !(mark & 0x80000000U); /* later fragments are passed over */
        struct bytes start = bytes_first(data, follows ? 4 : MIN(data.size, (size_t)(4 + size)));
        reader_skip(in, start.size);
        state->left[direction] = 4 + size - start.size;
        if (!follows)
            take_record(session, state, direction, start, 4, size);
    }
    return true;
}

/* Lost bytes of a file are a gap in it; after lost record marks, nothing tells where the next one is. */
static bool nfs_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    struct nfs_state *state = state_;
    struct nfs_content *content = &state->content[direction];
    if (size > state->left[direction])
        return false;
    state->left[direction] -= size;
    if (content->open) {
        struct tx *tx = tx_number(session, content->tx);
        uint64_t lost = MIN(size, (uint64_t)content->left);
        content->left -= (uint32_t)lost;
        if (tx && file_of(tx))
            file_gap(session, file_of(tx), lost);
        if (!content->left)
            nfs_content_bytes(session, state, direction, BYTES_NONE);
    }
    return true;
}

/* ---- records and keywords ---- */

static void put_parts(const struct nfs *nfs, struct text *out)
{
    json_open(out, nfs_reads(nfs->version, nfs->procedure) ? "read" : "write", '{');
    json_bool(out, "first", nfs->file_tx);
    json_bool(out, "last", nfs->last);
    if (nfs->file_tx) {
        json_uint(out, "last_xid", nfs->last_xid);
        json_uint(out, "chunks", nfs->chunks);
    }
    json_close(out, '}');
}

static void put_procedure(const struct nfs *nfs, struct text *out)
{
    const char *name = nfs_procedure_name(nfs->version, nfs->procedure);
    char number[16];
    struct text text = text_of(number, sizeof number);
    if (!name)
        text_add(&text, "%u", nfs->procedure);
    json_cstring(out, "procedure", name ? name : number);
}

static void nfs_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct nfs *nfs = (const void *)tx->record;
    (void)extended;
    json_uint(out, "version", nfs->version);
    put_procedure(nfs, out);
    json_string(out, "filename", nfs->name);
    if (nfs->handle.known) {
        char digits[9];
        struct text text = text_of(digits, sizeof digits);
        text_add(&text, "%x", nfs->handle.crc);
        json_cstring(out, "hhash", digits);
    }
    json_uint(out, "id", tx->number + 1);
    json_bool(out, "file_tx", nfs->file_tx);
    json_cstring(out, "type", "response");
    const char *status = nfs_status_name(nfs->version, nfs->status);
    char number[16];
    struct text text = text_of(number, sizeof number);
    if (!status)
        text_add(&text, "%u", nfs->status);
    json_cstring(out, "status", status ? status : number);
    if (nfs->rename) {
        json_open(out, "rename", '{');
        json_string(out, "from", nfs->name);
        json_string(out, "to", nfs->to);
        json_close(out, '}');
    }
    if (nfs->file_tx || nfs_writes(nfs->version, nfs->procedure))
        put_parts(nfs, out);
}

static const char *flavor_name(uint32_t flavor)
{
    static const char *const names[] = { "NULL", "UNIX", "SHORT", "DES", "KERB4", NULL, "GSSAPI" };
    return flavor < COUNT_OF(names) && names[flavor] ? names[flavor] : "UNKNOWN";
}

static void nfs_write_beside(const struct tx *tx, bool extended, struct text *out)
{
    const struct nfs *nfs = (const void *)tx->record;
    (void)extended;
    json_open(out, "rpc", '{');
    json_uint(out, "xid", nfs->xid);
    json_cstring(out, "status", nfs->denied ? "DENIED" : "ACCEPTED");
    json_cstring(out, "auth_type", flavor_name(nfs->flavor));
    if (nfs->has_creds) {
        json_open(out, "creds", '{');
        json_string(out, "machine_name", nfs->machine);
        json_uint(out, "uid", nfs->uid);
        json_uint(out, "gid", nfs->gid);
        json_close(out, '}');
    }
    json_close(out, '}');
}

/* Attributes are asked for all the time and tell nothing. */
static bool nfs_loggable(const struct tx *tx)
{
    const struct nfs *nfs = (const void *)tx->record;
    return !nfs->silent && !(nfs->version <= 3 && nfs->procedure == 1);
}

static bool version_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = ((const struct nfs *)(const void *)tx->record)->version;
    return index == 0;
}

static bool procedure_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = ((const struct nfs *)(const void *)tx->record)->procedure;
    return index == 0;
}

static const struct inspect inspects[] = {
    { .name = "nfs.version",
      .shown = "nfs_request",
      .alias = "nfs_version",
      .kind = INSPECT_NUMBER,
      .directions = 1 << TO_SERVER,
      .number = version_number,
      .inclusive = true,
      .max = UINT32_MAX,
      .help = "Version of the file system's protocol",
      .source = "RFC 5531, section 9" },
    { .name = "nfs_procedure",
      .shown = "nfs_request",
      .kind = INSPECT_NUMBER,
      .directions = 1 << TO_SERVER,
      .number = procedure_number,
      .inclusive = true,
      .max = UINT32_MAX,
      .help = "Procedure, or the main operation of a compound",
      .source = "RFC 1813, section 3.3" },
};

const struct protocol nfs_protocol = {
    .id = PROTOCOL_nfs,
    .name = "nfs",
    .title = "Network File System",
    .eve_type = "nfs",
    .transports = TRANSPORT_TCP | TRANSPORT_UDP,
    .ports = "2049",
    .probe = nfs_probe,
    .probe_depth = 64,
    .state_size = sizeof(struct nfs_state),
    .record_size = sizeof(struct nfs),
    .tx_memory_max = 16U * 1024U,
    .buffer_max = 2U * (RECORD_START + 4U),
    .tx_max = TX_MAX,
    .datagram = nfs_datagram,
    .stream = nfs_stream,
    .gap = nfs_gap,
    .write = nfs_write,
    .write_beside = nfs_write_beside,
    .loggable = nfs_loggable,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = nfs_event_names,
    .frames = frame_names,
    .file_directions = 1 << TO_SERVER | 1 << TO_CLIENT,
};
