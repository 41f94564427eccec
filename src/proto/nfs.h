/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of NFS share: its transaction, the state of a connection, and the versions' messages. */
#ifndef VONGLAU_PROTO_NFS_H
#define VONGLAU_PROTO_NFS_H

#include "proto/file.h"

#define NFS_NAMES_MAX 64U
#define NFS_CALLS_MAX 64U

enum { RPC_AUTH_SYS = 1 };

enum nfs_event {
    NFS_EVENT_MALFORMED,
    NFS_EVENT_NONEXISTENT_VERSION,
    NFS_EVENT_UNSUPPORTED_VERSION,
    NFS_EVENT_TOO_MANY_TRANSACTIONS
};

enum nfs_frame {
    NFS_FRAME_RPC_PDU,
    NFS_FRAME_RPC_HDR,
    NFS_FRAME_RPC_DATA,
    NFS_FRAME_CREDS,
    NFS_FRAME_PDU,
    NFS_FRAME_STATUS,
    NFS_FRAME_NFS4_PDU,
    NFS_FRAME_NFS4_HDR,
    NFS_FRAME_NFS4_OPS,
    NFS_FRAME_NFS4_STATUS
};

/* A file handle: its meaning is the server's, so what is kept tells it from others. */
struct nfs_handle {
    uint64_t hash;
    uint32_t crc; /* CRC-32, EVE's hhash */
    bool known;
};

struct nfs_name {
    struct nfs_handle handle;
    uint8_t size;
    uint8_t text[255]; /* names are at most so long (RFC 1813, section 2.4, and file systems) */
};

/* A call without its reply. */
struct nfs_call {
    bool open, has_tx, has_read;
    uint8_t version;
    uint32_t xid, procedure;
    uint64_t tx, offset;      /* number of its transaction; of a READ */
    struct nfs_handle handle; /* of a READ */
    uint8_t name_size;
    uint8_t name[255]; /* version 4: looked up or opened last */
};

/* The content of a file that the rest of a record carries. */
struct nfs_content {
    bool open, last;
    uint32_t left, xid;
    uint64_t tx, twice;
};

struct nfs_state {
    uint32_t version;
    bool fragment[DIRECTIONS];
    uint64_t left[DIRECTIONS]; /* bytes of the current record that are still to come */
    struct nfs_content content[DIRECTIONS];
    size_t names_next, calls_next;
    struct nfs_name names[NFS_NAMES_MAX];
    struct nfs_call calls[NFS_CALLS_MAX];
};

struct nfs {
    uint8_t version, file_direction;
    bool file_tx, has_creds, denied, replied, last, rename, silent;
    uint32_t xid, procedure, status, flavor, uid, gid, last_xid, chunks;
    struct bytes machine, name, to;
    struct nfs_handle handle;
    uint64_t file_start;
};

/* The head of a call; texts are borrowed from the record. */
struct nfs_call_head {
    uint32_t xid, version, procedure, flavor, uid, gid;
    bool has_creds;
    struct bytes machine;
};

static inline struct nfs *nfs_of(struct tx *tx)
{
    return (struct nfs *)(void *)tx->record;
}

struct bytes nfs_opaque(struct reader *in);
struct nfs_handle nfs_handle_of(struct bytes data);
void nfs_learn(struct nfs_state *state, const struct nfs_handle *handle, struct bytes name);
void nfs_set_name(struct tx *tx, struct bytes name);
void nfs_set_handle(const struct nfs_state *state, struct tx *tx, const struct nfs_handle *handle);
struct tx *nfs_call_tx(const struct session *session, const struct nfs_call *call);
/* The transaction of a call; the one that its file already has; that of a file which is open, or NULL. */
struct tx *nfs_tx(struct session *session, const struct nfs_call_head *head, struct nfs_call *call,
                  uint32_t procedure);
struct tx *nfs_file_tx(struct session *session, const struct nfs_state *state,
                       const struct nfs_call_head *head, struct nfs_call *call,
                       const struct nfs_handle *handle, enum direction direction, uint32_t procedure);
struct tx *nfs_open_file(const struct session *session, const struct nfs_handle *handle,
                         enum direction direction);
/* `size` bytes of content at `offset`, of which `data` is there; the rest follows. */
void nfs_content(struct session *session, struct nfs_state *state, enum direction direction, struct tx *tx,
                 uint64_t offset, struct bytes data, uint32_t size);
void nfs_content_bytes(struct session *session, struct nfs_state *state, enum direction direction,
                       struct bytes data);
void nfs_content_last(struct session *session, struct nfs_state *state, enum direction direction,
                      struct tx *tx, uint32_t xid);
void nfs_file_end(struct session *session, struct tx *tx, uint32_t xid);

/* proto/nfs3.c: versions 2 and 3; proto/nfs4.c */
void nfs3_call(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
               struct nfs_call *call, struct reader *in);
void nfs3_reply(struct session *session, struct nfs_state *state, struct nfs_call *call, struct reader *in);
void nfs4_call(struct session *session, struct nfs_state *state, const struct nfs_call_head *head,
               struct nfs_call *call, struct reader *in, uint64_t size);
void nfs4_reply(struct session *session, struct nfs_state *state, struct nfs_call *call, struct reader *in,
                uint64_t size);
/* What a procedure does with the content of a file, and whether its transaction carries it. */
bool nfs_reads(uint32_t version, uint32_t procedure);
bool nfs_writes(uint32_t version, uint32_t procedure);
bool nfs_is_file(uint32_t version, uint32_t procedure);
bool nfs4_reads(uint32_t procedure);
bool nfs4_writes(uint32_t procedure);
/* NULL when there is no such procedure or status. */
const char *nfs_procedure_name(uint8_t version, uint32_t procedure);
const char *nfs_status_name(uint8_t version, uint32_t status);
const char *nfs4_procedure_name(uint32_t procedure);
const char *nfs4_status_name(uint32_t status);

#endif
