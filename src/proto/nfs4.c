/* SPDX-License-Identifier: Apache-2.0 */
/* Compounds of NFS version 4 (RFC 7530, sections 15 and 16; RFC 8881, section 18; XDR: RFC 7531, RFC 5662);
 * see nfs.h. Operations are walked up to the first whose arguments are not known. */
#include "proto/nfs.h"

#define OPERATIONS_MAX 64U
#define STATEID        16U
#define SESSION_ID     16U
#define VERIFIER       8U

enum operation {
    OP_ACCESS = 3,
    OP_CLOSE,
    OP_COMMIT,
    OP_CREATE,
    OP_DELEGPURGE,
    OP_DELEGRETURN,
    OP_GETATTR,
    OP_GETFH,
    OP_LINK,
    OP_LOOKUP = 15,
    OP_LOOKUPP,
    OP_NVERIFY,
    OP_OPEN,
    OP_OPENATTR,
    OP_OPEN_CONFIRM,
    OP_OPEN_DOWNGRADE,
    OP_PUTFH,
    OP_PUTPUBFH,
    OP_PUTROOTFH,
    OP_READ,
    OP_READDIR,
    OP_READLINK,
    OP_REMOVE,
    OP_RENAME,
    OP_RENEW,
    OP_RESTOREFH,
    OP_SAVEFH,
    OP_SECINFO,
    OP_SETATTR,
    OP_SETCLIENTID,
    OP_SETCLIENTID_CONFIRM,
    OP_VERIFY,
    OP_WRITE,
    OP_RELEASE_LOCKOWNER,
    OP_DESTROY_SESSION = 44,
    OP_FREE_STATEID,
    OP_SECINFO_NO_NAME = 52,
    OP_SEQUENCE,
    OP_DESTROY_CLIENTID = 57,
    OP_RECLAIM_COMPLETE
};

enum { TYPE_BLOCK = 3, TYPE_CHARACTER = 4, TYPE_LINK = 5 };
enum { FILE_SYNC = 2 };

static const char *const operation_names[] = {
    "NULL",
    "COMPOUND",
    NULL,
    "ACCESS",
    "CLOSE",
    "COMMIT",
    "CREATE",
    "DELEGPURGE",
    "DELEGRETURN",
    "GETATTR",
    "GETFH",
    "LINK",
    "LOCK",
    "LOCKT",
    "LOCKU",
    "LOOKUP",
    "LOOKUPP",
    "NVERIFY",
    "OPEN",
    "OPENATTR",
    "OPEN_CONFIRM",
    "OPEN_DOWNGRADE",
    "PUTFH",
    "PUTPUBFH",
    "PUTROOTFH",
    "READ",
    "READDIR",
    "READLINK",
    "REMOVE",
    "RENAME",
    "RENEW",
    "RESTOREFH",
    "SAVEFH",
    "SECINFO",
    "SETATTR",
    "SETCLIENTID",
    "SETCLIENTID_CONFIRM",
    "VERIFY",
    "WRITE",
    "RELEASE_LOCKOWNER",
    "BACKCHANNEL_CTL",
    "BIND_CONN_TO_SESSION",
    "EXCHANGE_ID",
    "CREATE_SESSION",
    "DESTROY_SESSION",
    "FREE_STATEID",
    "GET_DIR_DELEGATION",
    "GETDEVICEINFO",
    "GETDEVICELIST",
    "LAYOUTCOMMIT",
    "LAYOUTGET",
    "LAYOUTRETURN",
    "SECINFO_NO_NAME",
    "SEQUENCE",
    "SET_SSV",
    "TEST_STATEID",
    "WANT_DELEGATION",
    "DESTROY_CLIENTID",
    "RECLAIM_COMPLETE",
};

struct status_name {
    uint32_t status;
    const char *name;
};

/* RFC 7530, section 13.1 */
static const struct status_name statuses[] = {
    { 0, "OK" },
    { 1, "ERR_PERM" },
    { 2, "ERR_NOENT" },
    { 5, "ERR_IO" },
    { 6, "ERR_NXIO" },
    { 13, "ERR_ACCESS" },
    { 17, "ERR_EXIST" },
    { 18, "ERR_XDEV" },
    { 20, "ERR_NOTDIR" },
    { 21, "ERR_ISDIR" },
    { 22, "ERR_INVAL" },
    { 27, "ERR_FBIG" },
    { 28, "ERR_NOSPC" },
    { 30, "ERR_ROFS" },
    { 31, "ERR_MLINK" },
    { 63, "ERR_NAMETOOLONG" },
    { 66, "ERR_NOTEMPTY" },
    { 69, "ERR_DQUOT" },
    { 70, "ERR_STALE" },
    { 10001, "ERR_BADHANDLE" },
    { 10003, "ERR_BAD_COOKIE" },
    { 10004, "ERR_NOTSUPP" },
    { 10005, "ERR_TOOSMALL" },
    { 10006, "ERR_SERVERFAULT" },
    { 10007, "ERR_BADTYPE" },
    { 10008, "ERR_DELAY" },
    { 10009, "ERR_SAME" },
    { 10010, "ERR_DENIED" },
    { 10011, "ERR_EXPIRED" },
    { 10012, "ERR_LOCKED" },
    { 10013, "ERR_GRACE" },
    { 10014, "ERR_FHEXPIRED" },
    { 10015, "ERR_SHARE_DENIED" },
    { 10016, "ERR_WRONGSEC" },
    { 10017, "ERR_CLID_INUSE" },
    { 10019, "ERR_MOVED" },
    { 10020, "ERR_NOFILEHANDLE" },
    { 10021, "ERR_MINOR_VERS_MISMATCH" },
    { 10022, "ERR_STALE_CLIENTID" },
    { 10023, "ERR_STALE_STATEID" },
    { 10024, "ERR_OLD_STATEID" },
    { 10025, "ERR_BAD_STATEID" },
    { 10026, "ERR_BAD_SEQID" },
    { 10027, "ERR_NOT_SAME" },
    { 10032, "ERR_ATTRNOTSUPP" },
    { 10036, "ERR_BADXDR" },
    { 10038, "ERR_OPENMODE" },
    { 10044, "ERR_OP_ILLEGAL" },
};

const char *nfs4_procedure_name(uint32_t procedure)
{
    return procedure < COUNT_OF(operation_names) ? operation_names[procedure] : NULL;
}

bool nfs4_reads(uint32_t procedure)
{
    return procedure == OP_READ;
}

bool nfs4_writes(uint32_t procedure)
{
    return procedure == OP_WRITE;
}

const char *nfs4_status_name(uint32_t status)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].name;
    return NULL;
}

/* ---- parts ---- */

static void skip_bitmap(struct reader *in)
{
    uint32_t words = reader_be32(in);
    reader_skip(in, (size_t)MIN(words, UINT32_MAX / 4) * 4);
}

static void skip_attributes(struct reader *in)
{
    skip_bitmap(in);
    (void)nfs_opaque(in);
}

/* How a file is made (openflag4 and createhow4). */
static void skip_open_how(struct reader *in)
{
    if (reader_be32(in) != 1) /* OPEN4_CREATE */
        return;
    uint32_t mode = reader_be32(in);
    if (mode >= 2)
        reader_skip(in, VERIFIER);
    if (mode != 2)
        skip_attributes(in);
}

/* The name that is opened, when the claim has one. */
static struct bytes take_claim(struct reader *in)
{
    switch (reader_be32(in)) {
    case 0: /* CLAIM_NULL */
    case 3: /* CLAIM_DELEGATE_PREV */
        return nfs_opaque(in);
    case 1: /* CLAIM_PREVIOUS */
        reader_skip(in, 4);
        break;
    case 2: /* CLAIM_DELEGATE_CUR */
        reader_skip(in, STATEID);
        return nfs_opaque(in);
    case 5: /* CLAIM_DELEG_CUR_FH */
        reader_skip(in, STATEID);
        break;
    default:
        break;
    }
    return BYTES_NONE;
}

static struct bytes take_open(struct reader *in)
{
    reader_skip(in, 4 + 4 + 4 + 8); /* sequence, access, denial, client */
    (void)nfs_opaque(in);
    skip_open_how(in);
    return take_claim(in);
}

/* ---- calls ---- */

struct compound {
    struct session *session;
    struct nfs_state *state;
    const struct nfs_call_head *head;
    struct nfs_call *call;
    struct nfs_handle handle; /* the current one */
};

static void named(struct compound *c, enum operation operation, struct bytes name, struct bytes to)
{
    struct tx *tx = c->call->has_tx ? NULL : nfs_tx(c->session, c->head, c->call, operation);
    if (!tx)
        return;
    nfs_of(tx)->handle = c->handle;
    nfs_set_name(tx, name);
    nfs_of(tx)->rename = operation == OP_RENAME;
    if (operation == OP_RENAME)
        nfs_of(tx)->to = arena_copy(&tx->memory, to);
}

static void end_written(struct compound *c)
{
    struct tx *tx = nfs_open_file(c->session, &c->handle, TO_SERVER);
    if (tx)
        nfs_file_end(c->session, tx, c->head->xid);
}

static void call_create(struct compound *c, struct reader *in)
{
    uint32_t type = reader_be32(in);
    if (type == TYPE_LINK)
        (void)nfs_opaque(in);
    else if (type == TYPE_BLOCK || type == TYPE_CHARACTER)
        reader_skip(in, 8);
    struct bytes name = nfs_opaque(in);
    skip_attributes(in);
    if (reader_ok(in))
        named(c, OP_CREATE, name, BYTES_NONE);
}

static void call_read(struct compound *c, struct reader *in)
{
    reader_skip(in, STATEID);
    uint64_t offset = reader_be64(in);
    reader_skip(in, 4);
    if (!reader_ok(in) || c->call->has_tx)
        return;
    c->call->has_read = true;
    c->call->handle = c->handle;
    c->call->offset = offset;
    (void)nfs_file_tx(c->session, c->state, c->head, c->call, &c->handle, TO_CLIENT, OP_READ);
}

/* False when the content goes on after what is there. */
static bool call_write(struct compound *c, struct reader *in)
{
    reader_skip(in, STATEID);
    uint64_t offset = reader_be64(in);
    bool stable = reader_be32(in) == FILE_SYNC;
    uint32_t size = reader_be32(in);
    if (!reader_ok(in) || c->call->has_tx)
        return false;
    struct tx *tx = nfs_file_tx(c->session, c->state, c->head, c->call, &c->handle, TO_SERVER, OP_WRITE);
    if (!tx)
        return false;
    nfs_content(c->session, c->state, TO_SERVER, tx, offset, bytes_first(reader_peek(in), size), size);
    if (stable)
        nfs_content_last(c->session, c->state, TO_SERVER, tx, c->head->xid);
    reader_skip(in, size);
    reader_skip(in, (4 - size % 4) % 4);
    return reader_ok(in);
}

/* What the handle that the reply tells belongs to. */
static void take_name(struct nfs_call *call, struct bytes name)
{
    name = bytes_first(name, sizeof call->name);
    call->name_size = (uint8_t)name.size;
    if (name.size)
        memcpy(call->name, name.data, name.size);
}

/* False when the walk ends here. */
static bool call_operation(struct compound *c, uint32_t operation, struct reader *in)
{
    struct bytes name;
    switch (operation) {
    case OP_PUTFH:
        c->handle = nfs_handle_of(nfs_opaque(in));
        break;
    case OP_LOOKUP:
    case OP_SECINFO:
    case OP_LINK:
        take_name(c->call, nfs_opaque(in));
        break;
    case OP_OPEN:
        take_name(c->call, take_open(in));
        break;
    case OP_CREATE:
        call_create(c, in);
        break;
    case OP_REMOVE:
        name = nfs_opaque(in);
        if (reader_ok(in))
            named(c, OP_REMOVE, name, BYTES_NONE);
        break;
    case OP_RENAME: {
        name = nfs_opaque(in);
        struct bytes to = nfs_opaque(in);
        if (reader_ok(in))
            named(c, OP_RENAME, name, to);
        break;
    }
    case OP_READ:
        call_read(c, in);
        break;
    case OP_WRITE:
        return call_write(c, in);
    case OP_CLOSE:
        reader_skip(in, 4 + STATEID);
        end_written(c);
        break;
    case OP_COMMIT:
        reader_skip(in, 12);
        end_written(c);
        break;
    case OP_ACCESS:
    case OP_OPENATTR:
    case OP_SECINFO_NO_NAME:
    case OP_RECLAIM_COMPLETE:
        reader_skip(in, 4);
        break;
    case OP_DELEGPURGE:
    case OP_RENEW:
    case OP_DESTROY_CLIENTID:
        reader_skip(in, 8);
        break;
    case OP_DELEGRETURN:
    case OP_FREE_STATEID:
    case OP_DESTROY_SESSION:
        reader_skip(in, STATEID);
        break;
    case OP_OPEN_CONFIRM:
        reader_skip(in, STATEID + 4);
        break;
    case OP_OPEN_DOWNGRADE:
        reader_skip(in, STATEID + 12);
        break;
    case OP_SETCLIENTID_CONFIRM:
        reader_skip(in, 8 + VERIFIER);
        break;
    case OP_SEQUENCE:
        reader_skip(in, SESSION_ID + 16);
        break;
    case OP_READDIR:
        reader_skip(in, 8 + VERIFIER + 8);
        skip_bitmap(in);
        break;
    case OP_GETATTR:
        skip_bitmap(in);
        break;
    case OP_SETATTR:
        reader_skip(in, STATEID);
        skip_attributes(in);
        break;
    case OP_VERIFY:
    case OP_NVERIFY:
        skip_attributes(in);
        break;
    case OP_GETFH:
    case OP_LOOKUPP:
    case OP_PUTPUBFH:
    case OP_PUTROOTFH:
    case OP_READLINK:
    case OP_RESTOREFH:
    case OP_SAVEFH:
        break;
    default:
        return false;
    }
    return reader_ok(in);
}

static void add_frames(struct session *session, enum direction direction, const uint8_t *at, size_t head,
                       uint64_t size)
{
    if (size <= head)
        return;
    session_frame(session, direction, NFS_FRAME_NFS4_HDR, at, head, NULL);
    session_frame(session, direction, NFS_FRAME_NFS4_OPS, at + head, size - head, NULL);
}

void nfs4_call(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
               struct nfs_call *call, struct reader *in, uint64_t size)
{
    if (head->procedure != 1) /* NULL */
        return;
    struct compound compound = { session, state, head, call, { 0 } };
    const uint8_t *start = reader_peek(in).data;
    size_t before = reader_left(in);
    (void)nfs_opaque(in); /* tag */
    reader_skip(in, 4);   /* minor version */
    if (!reader_ok(in))
        return;
    add_frames(session, TO_SERVER, start, before - reader_left(in), size);
    uint32_t count = reader_be32(in);
    for (uint32_t i = 0; i < MIN(count, OPERATIONS_MAX); i++) {
        uint32_t operation = reader_be32(in);
        if (!reader_ok(in) || !call_operation(&compound, operation, in))
            return;
    }
}

/* ---- replies ---- */

static void skip_delegation(struct reader *in)
{
    uint32_t type = reader_be32(in);
    if (type == 3) { /* OPEN_DELEGATE_NONE_EXT: contention and resources carry a boolean */
        uint32_t why = reader_be32(in);
        if (why == 1 || why == 2)
            reader_skip(in, 4);
    }
    if (type != 1 && type != 2)
        return;
    reader_skip(in, STATEID + 4);
    if (type == 2)
        reader_skip(in, 4 + 8); /* limit of space */
    reader_skip(in, 12);
    (void)nfs_opaque(in);
}

static void reply_read(struct session *session, struct nfs_state *state, const struct nfs_call *call,
                       struct reader *in)
{
    struct tx *tx = nfs_call_tx(session, call);
    bool last = reader_be32(in) != 0;
    uint32_t size = reader_be32(in);
    if (!tx || !reader_ok(in) || !call->has_read)
        return;
    nfs_content(session, state, TO_CLIENT, tx, call->offset, bytes_first(reader_peek(in), size), size);
    if (last)
        nfs_content_last(session, state, TO_CLIENT, tx, call->xid);
}

/* False when the walk ends here. */
static bool reply_operation(struct session *session, struct nfs_state *state, struct nfs_call *call,
                            uint32_t operation, struct reader *in)
{
    struct nfs_handle handle;
    switch (operation) {
    case OP_READ:
        reply_read(session, state, call, in);
        return false;
    case OP_GETFH:
        handle = nfs_handle_of(nfs_opaque(in));
        nfs_learn(state, &handle, bytes_of(call->name, call->name_size));
        break;
    case OP_SEQUENCE:
        reader_skip(in, SESSION_ID + 20);
        break;
    case OP_ACCESS:
        reader_skip(in, 8);
        break;
    case OP_GETATTR:
        skip_attributes(in);
        break;
    case OP_SETATTR:
        skip_bitmap(in);
        break;
    case OP_OPEN:
        reader_skip(in, STATEID + 20 + 4);
        skip_bitmap(in);
        skip_delegation(in);
        break;
    case OP_CREATE:
        reader_skip(in, 20);
        skip_bitmap(in);
        break;
    case OP_REMOVE:
    case OP_LINK:
        reader_skip(in, 20);
        break;
    case OP_RENAME:
        reader_skip(in, 40);
        break;
    case OP_CLOSE:
    case OP_OPEN_CONFIRM:
    case OP_OPEN_DOWNGRADE:
        reader_skip(in, STATEID);
        break;
    case OP_COMMIT:
        reader_skip(in, VERIFIER);
        break;
    case OP_WRITE:
        reader_skip(in, 8 + VERIFIER);
        break;
    case OP_LOOKUP:
    case OP_LOOKUPP:
    case OP_PUTFH:
    case OP_PUTPUBFH:
    case OP_PUTROOTFH:
    case OP_RESTOREFH:
    case OP_SAVEFH:
    case OP_RENEW:
    case OP_VERIFY:
    case OP_NVERIFY:
    case OP_OPENATTR:
    case OP_DELEGRETURN:
    case OP_RECLAIM_COMPLETE:
        break;
    default:
        return false;
    }
    return reader_ok(in);
}

void nfs4_reply(struct session *session, struct nfs_state *state, struct nfs_call *call, struct reader *in,
                uint64_t size)
{
    if (call->procedure != 1)
        return;
    const uint8_t *start = reader_peek(in).data;
    size_t before = reader_left(in);
    uint32_t status = reader_be32(in);
    (void)nfs_opaque(in); /* tag */
    if (!reader_ok(in))
        return;
    struct tx *tx = nfs_call_tx(session, call);
    if (tx)
        nfs_of(tx)->status = status;
    add_frames(session, TO_CLIENT, start, before - reader_left(in), size);
    uint32_t count = reader_be32(in);
    for (uint32_t i = 0; i < MIN(count, OPERATIONS_MAX); i++) {
        uint32_t operation = reader_be32(in), result = reader_be32(in);
        if (!reader_ok(in) || result != 0 || !reply_operation(session, state, call, operation, in))
            return;
    }
}
