/* SPDX-License-Identifier: Apache-2.0 */
/* Procedures of NFS versions 2 (RFC 1094, section 2.2) and 3 (RFC 1813, section 3.3); see nfs.h. */
#include "proto/nfs.h"

#define HANDLE_MAX 64U
#define HANDLE_OF2 32U /* version 2: of one size */
#define FATTR_OF2  68U
#define FATTR_OF3  84U

enum { V2_READ = 6, V2_WRITE = 8, V2_RENAME = 11 };
enum {
    V3_GETATTR = 1,
    V3_LOOKUP = 3,
    V3_ACCESS = 4,
    V3_READ = 6,
    V3_WRITE = 7,
    V3_CREATE = 8,
    V3_MKDIR = 9,
    V3_MKNOD = 11,
    V3_REMOVE = 12,
    V3_RMDIR = 13,
    V3_RENAME = 14,
    V3_COMMIT = 21
};
enum { FILE_SYNC = 2 };

static const char *const names2[] = { "NULL", "GETATTR",    "SETATTR", "ROOT",   "LOOKUP",  "READLINK",
                                      "READ", "WRITECACHE", "WRITE",   "CREATE", "REMOVE",  "RENAME",
                                      "LINK", "SYMLINK",    "MKDIR",   "RMDIR",  "READDIR", "STATFS" };
static const char *const names3[] = { "NULL",   "GETATTR", "SETATTR",  "LOOKUP", "ACCESS",  "READLINK",
                                      "READ",   "WRITE",   "CREATE",   "MKDIR",  "SYMLINK", "MKNOD",
                                      "REMOVE", "RMDIR",   "RENAME",   "LINK",   "READDIR", "READDIRPLUS",
                                      "FSSTAT", "FSINFO",  "PATHCONF", "COMMIT" };

struct status_name {
    uint32_t status;
    const char *name;
};

static const struct status_name statuses[] = {
    { 0, "OK" },
    { 1, "ERR_PERM" },
    { 2, "ERR_NOENT" },
    { 5, "ERR_IO" },
    { 6, "ERR_NXIO" },
    { 13, "ERR_ACCES" },
    { 17, "ERR_EXIST" },
    { 18, "ERR_XDEV" },
    { 19, "ERR_NODEV" },
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
    { 71, "ERR_REMOTE" },
    { 10001, "ERR_BADHANDLE" },
    { 10002, "ERR_NOT_SYNC" },
    { 10003, "ERR_BAD_COOKIE" },
    { 10004, "ERR_NOTSUPP" },
    { 10005, "ERR_TOOSMALL" },
    { 10006, "ERR_SERVERFAULT" },
    { 10007, "ERR_BADTYPE" },
    { 10008, "ERR_JUKEBOX" },
};

const char *nfs_procedure_name(uint8_t version, uint32_t procedure)
{
    if (version == 2)
        return procedure < COUNT_OF(names2) ? names2[procedure] : NULL;
    if (version == 3)
        return procedure < COUNT_OF(names3) ? names3[procedure] : NULL;
    return nfs4_procedure_name(procedure);
}

bool nfs_reads(uint32_t version, uint32_t procedure)
{
    return version == 4 ? nfs4_reads(procedure) : procedure == V3_READ;
}

bool nfs_writes(uint32_t version, uint32_t procedure)
{
    if (version == 4)
        return nfs4_writes(procedure);
    return procedure == (version == 2 ? (uint32_t)V2_WRITE : (uint32_t)V3_WRITE);
}

bool nfs_is_file(uint32_t version, uint32_t procedure)
{
    return nfs_reads(version, procedure) || (version > 2 && nfs_writes(version, procedure));
}

const char *nfs_status_name(uint8_t version, uint32_t status)
{
    if (version == 4)
        return nfs4_status_name(status);
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].name;
    return NULL;
}

static struct nfs_handle take_handle(struct reader *in)
{
    struct bytes data = nfs_opaque(in);
    return data.size <= HANDLE_MAX ? nfs_handle_of(data) : (struct nfs_handle){ 0 };
}

/* ---- calls ---- */

static void call_read(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
                      struct nfs_call *call, const struct nfs_handle *handle, uint64_t offset)
{
    call->has_read = true;
    call->handle = *handle;
    call->offset = offset;
    (void)nfs_file_tx(session, state, head, call, handle, TO_CLIENT, head->procedure);
}

static void call_write(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
                       struct nfs_call *call, struct reader *in)
{
    struct nfs_handle handle = take_handle(in);
    uint64_t offset = reader_be64(in);
    reader_skip(in, 4);
    bool stable = reader_be32(in) == FILE_SYNC;
    uint32_t size = reader_be32(in);
    if (!reader_ok(in))
        return;
    struct tx *tx = nfs_file_tx(session, state, head, call, &handle, TO_SERVER, V3_WRITE);
    if (!tx)
        return;
    nfs_content(session, state, TO_SERVER, tx, offset, bytes_first(reader_peek(in), size), size);
    if (stable)
        nfs_content_last(session, state, TO_SERVER, tx, head->xid);
}

static void call2(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
                  struct nfs_call *call, struct reader *in)
{
    if (head->procedure == V2_READ) {
        struct nfs_handle handle = nfs_handle_of(reader_bytes(in, HANDLE_OF2));
        uint32_t offset = reader_be32(in);
        if (reader_ok(in))
            call_read(session, state, head, call, &handle, offset);
        return;
    }
    struct tx *tx = nfs_tx(session, head, call, head->procedure);
    if (tx)
        nfs_of(tx)->rename = head->procedure == V2_RENAME;
}

void nfs3_call(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
               struct nfs_call *call, struct reader *in)
{
    if (head->version == 2) {
        call2(session, state, head, call, in);
        return;
    }
    if (head->procedure == V3_READ) {
        struct nfs_handle handle = take_handle(in);
        uint64_t offset = reader_be64(in);
        if (reader_ok(in))
            call_read(session, state, head, call, &handle, offset);
        return;
    }
    if (head->procedure == V3_WRITE) {
        call_write(session, state, head, call, in);
        return;
    }
    struct tx *tx = nfs_tx(session, head, call, head->procedure);
    if (!tx)
        return;
    struct nfs_handle handle;
    struct tx *written;
    switch (head->procedure) {
    case V3_GETATTR:
    case V3_ACCESS:
        handle = take_handle(in);
        nfs_set_handle(state, tx, &handle);
        break;
    case V3_LOOKUP:
        (void)take_handle(in);
        nfs_set_name(tx, nfs_opaque(in));
        break;
    case V3_CREATE:
    case V3_MKDIR:
    case V3_MKNOD:
    case V3_REMOVE:
    case V3_RMDIR:
    case V3_RENAME:
        nfs_of(tx)->handle = take_handle(in); /* of the directory */
        nfs_set_name(tx, nfs_opaque(in));
        if (head->procedure != V3_RENAME)
            break;
        (void)take_handle(in);
        nfs_of(tx)->to = arena_copy(&tx->memory, nfs_opaque(in));
        nfs_of(tx)->rename = true;
        break;
    case V3_COMMIT:
        handle = take_handle(in);
        nfs_set_handle(state, tx, &handle);
        written = nfs_open_file(session, &handle, TO_SERVER);
        if (written)
            nfs_file_end(session, written, head->xid);
        break;
    default:
        break;
    }
}

/* ---- replies ---- */

static void reply_read(struct session *session, struct nfs_state *state, const struct nfs_call *call,
                       struct tx *tx, struct reader *in)
{
    bool last = true;
    if (call->version == 2)
        reader_skip(in, FATTR_OF2);
    else {
        if (reader_be32(in)) /* attributes follow */
            reader_skip(in, FATTR_OF3);
        reader_skip(in, 4);
        last = reader_be32(in) != 0;
    }
    uint32_t size = reader_be32(in);
    if (!reader_ok(in))
        return;
    nfs_content(session, state, TO_CLIENT, tx, call->offset, bytes_first(reader_peek(in), size), size);
    if (last)
        nfs_content_last(session, state, TO_CLIENT, tx, call->xid);
}

void nfs3_reply(struct session *session, struct nfs_state *state, struct nfs_call *call, struct reader *in)
{
    struct tx *tx = nfs_call_tx(session, call);
    uint32_t status = reader_be32(in);
    if (!tx || !reader_ok(in))
        return;
    struct nfs *nfs = nfs_of(tx);
    if (call->procedure != 0)
        nfs->status = status;
    if (status != 0) {
        if (nfs->file_tx) /* nothing of the file comes any more */
            nfs_file_end(session, tx, call->xid);
        return;
    }
    if (nfs->file_tx && call->version == 3)
        nfs->chunks++;
    if (call->has_read)
        reply_read(session, state, call, tx, in);
    if (call->version == 2)
        return;
    struct nfs_handle handle;
    switch (call->procedure) {
    case V3_LOOKUP:
        handle = take_handle(in);
        nfs->handle = handle;
        nfs_learn(state, &handle, nfs->name);
        break;
    case V3_CREATE:
    case V3_MKDIR:
    case V3_MKNOD:
        if (reader_be32(in) == 0) /* no handle */
            break;
        handle = take_handle(in);
        nfs_learn(state, &handle, nfs->name);
        break;
    default:
        break;
    }
}
