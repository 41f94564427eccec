/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 (MS-CIFS, MS-SMB) and SMB 2 and 3 (MS-SMB2): what a transaction holds, and what the files of the
 * parser share. smb.c cuts the stream into messages; smb1.c and smb2.c read them; smb_file.c and smb_pipe.c
 * follow content; smb_table.c remembers trees, handles and reads; smb_record.c is EVE and rule keywords. */
#ifndef VONGLAU_PROTO_SMB_H
#define VONGLAU_PROTO_SMB_H

#include "proto/dcerpc.h"
#include "proto/file.h"
#include "proto/ntlmssp.h"
#include "proto/smb_names.h"

extern const struct protocol smb_protocol;

enum smb_event {
    SMB_INTERNAL_ERROR,
    SMB_MALFORMED_DATA,
    SMB_RECORD_OVERFLOW,
    SMB_MALFORMED_NTLMSSP_REQUEST,
    SMB_MALFORMED_NTLMSSP_RESPONSE,
    SMB_DUPLICATE_NEGOTIATE,
    SMB_NEGOTIATE_MALFORMED_DIALECTS,
    SMB_FILE_OVERLAP,
    SMB_RESPONSE_TO_SERVER,
    SMB_REQUEST_TO_CLIENT,
    SMB_READ_REQUEST_TOO_LARGE,
    SMB_READ_RESPONSE_TOO_LARGE,
    SMB_WRITE_REQUEST_TOO_LARGE,
    SMB_NEGOTIATE_MAX_READ_SIZE_TOO_LARGE,
    SMB_NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE,
    SMB_READ_QUEUE_SIZE_EXCEEDED,
    SMB_READ_QUEUE_CNT_EXCEEDED,
    SMB_WRITE_QUEUE_SIZE_EXCEEDED,
    SMB_WRITE_QUEUE_CNT_EXCEEDED,
    SMB_UNUSUAL_NTLMSSP_ORDER,
    SMB_TOO_MANY_TRANSACTIONS,
};

/* app-layer.protocols.smb; a limit of 0 is none. */
struct smb_settings {
    uint64_t max_tx, max_read_size, max_write_size, max_read_queue_size, max_read_queue_count;
    uint64_t max_write_queue_size, max_write_queue_count;
};

enum smb_kind {
    SMB_PLAIN,
    SMB_NEGOTIATE,
    SMB_SESSION_SETUP,
    SMB_TREE_CONNECT,
    SMB_CREATE,
    SMB_FILE, /* a file read or written, over many messages */
    SMB_IOCTL,
    SMB_CALL, /* of DCE/RPC, by a pipe */
    SMB_RENAME,
    SMB_DISPOSITION, /* SET_INFO that deletes, or takes that back */
};

/* MS-SMB2 2.2.10 */
enum smb_share { SMB_SHARE_UNKNOWN, SMB_SHARE_DISK, SMB_SHARE_PIPE, SMB_SHARE_PRINT };

#define SMB_DIALECTS_MAX 32U
#define SMB_HANDLE_SIZE  16U
#define SMB_NAME_MAX     1024U /* bytes of a name that are remembered */

struct smb {
    uint8_t version; /* 1 or 2 */
    uint8_t kind;    /* enum smb_kind */
    uint16_t command;
    bool answered, silent;       /* the last answer came; has no record */
    bool has_status, dos_status; /* dos_status: class and code of MS-CIFS 2.2.2.4, class << 16 | code */
    uint32_t status, tree;
    uint64_t message, session_id; /* of SMB 1: multiplex id and process id; user id */
    uint16_t dialect;             /* of SMB 2; 0: none yet */
    struct bytes dialect_name;    /* of SMB 1 */
    /* negotiation */
    uint32_t dialect_count;
    struct bytes *dialects;
    bool has_client_guid, has_server_guid, has_max;
    uint8_t client_guid[16], server_guid[16];
    uint32_t max_read, max_write;
    /* session setup */
    struct ntlmssp ntlmssp;
    struct kerberos_ticket kerberos;
    struct bytes native_os[DIRECTIONS], native_lm[DIRECTIONS];
    /* trees, files */
    uint8_t share_type;           /* enum smb_share */
    struct bytes name, share, to; /* file; share connected to, or of the file; new name */
    struct bytes service[DIRECTIONS];
    uint32_t disposition, function;
    bool directory, delete_on_close, has_handle;
    uint64_t created, accessed, modified, changed, size; /* seconds since 1970; bytes */
    uint8_t handle[SMB_HANDLE_SIZE];
    const char *info_class, *info_level;
    struct dcerpc *call;
};

static inline struct smb *smb_of(struct tx *tx)
{
    return (struct smb *)(void *)tx->record;
}

static inline const struct smb *smb_in(const struct tx *tx)
{
    return (const struct smb *)(const void *)tx->record;
}

/* ---- what is remembered (smb_table.c) ---- */

/* One direction of an open file. */
struct smb_transfer {
    struct tx *tx;
    struct file *file;
    uint64_t next;           /* offset of the next byte of the file */
    struct smb_chunk *queue; /* what came too early, by offset */
    uint64_t queued;         /* bytes */
    uint32_t queue_count;
};

struct smb_pipe;

/* A tree or an open handle. */
struct smb_entry {
    uint8_t key[SMB_HANDLE_SIZE];
    uint8_t share_type;                        /* of trees; of handles: of their tree when it is known */
    struct bytes name;                         /* owned */
    struct smb_transfer transfers[DIRECTIONS]; /* of handles */
    struct smb_pipe *pipe;                     /* of handles of pipes, owned */
};

/* In order of use, the latest last; the first one goes when there are too many. */
struct smb_table {
    struct smb_entry **entries;
    uint32_t count, capacity;
};

/* A read that waits for its content. */
struct smb_read {
    uint64_t message, offset;
    uint8_t handle[SMB_HANDLE_SIZE];
};

struct smb_reads {
    struct smb_read *entries; /* oldest first */
    uint32_t count, capacity;
};

/* ---- the parser ---- */

/* Where one direction of the stream is; each size is a part of the one before. */
struct smb_side {
    uint64_t record, message, content; /* bytes left: of the NetBIOS message, of one in it, of its content */
    uint8_t handle[SMB_HANDLE_SIZE];   /* whose content it is */
    uint64_t offset;                   /* of the content's next byte in the file */
    bool lost;                         /* lost: a gap, look for the next record */
};

struct smb_state {
    struct smb_table trees, handles;
    struct smb_reads reads;
    struct smb_side sides[DIRECTIONS];
    uint16_t dialect;  /* SMB 2; 0: not known */
    char dialect1[24]; /* SMB 1: as the server chose, from `offered` */
    char offered[SMB_DIALECTS_MAX][24];
    uint32_t offered_count, max_read, max_write;
    bool failed;     /* too many transactions */
    uint64_t queued; /* bytes of files that came too early */
};

/* One message. */
struct smb_message {
    struct session *session;
    struct smb_state *state;
    enum direction direction;
    struct bytes all; /* from its header on; what is there */
    uint64_t size;    /* bytes it will have */
    uint8_t version;
    bool answer, unicode, dos_status, asynchronous;
    uint16_t command;
    uint32_t status, tree;
    uint64_t session_id, id;
};

const struct smb_settings *smb_settings(const struct session *session);
/* A transaction for the message; NULL: out of room. */
struct tx *smb_tx(const struct smb_message *message, enum smb_kind kind);
/* The same for a request, which is complete with this message. */
struct tx *smb_request(const struct smb_message *message, enum smb_kind kind);
/* The transaction of the request that this message answers, or NULL. */
struct tx *smb_request_of(const struct smb_message *message);
/* Notes status and dialect of an answer. */
void smb_answer(const struct smb_message *message, struct tx *tx);
/* An event on a transaction, or on one of its own when `tx` is NULL. */
void smb_event(const struct smb_message *message, struct tx *tx, enum smb_event event);
/* The event for a message that is too short for what `in` was to read. */
void smb_check(const struct smb_message *message, const struct reader *in, struct tx *tx);
/* `size` bytes at `offset` of the message; less when it is cut short. */
struct bytes smb_part(const struct smb_message *message, size_t offset, size_t size);
/* Text of the wire in `memory`, up to a zero; present even when it is empty. */
struct bytes smb_text(struct arena *memory, struct bytes raw, bool unicode);
/* Takes what a security token tells (MS-NLMP, RFC 4178). */
void smb_token(struct tx *tx, struct bytes token);
/* Seconds since 1970 of a FILETIME (MS-DTYP 2.3.3); 0 for those before. */
uint64_t smb_time(uint64_t filetime);

/* Finds, or makes when it is to be remembered; NULL when it is not known or memory is out. */
struct smb_entry *smb_tree_of(const struct smb_message *message);
struct smb_entry *smb_add_tree(const struct smb_message *message, uint8_t type, struct bytes name);
struct smb_entry *smb_handle_of(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE]);
struct smb_entry *smb_add_handle(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE]);
/* The same for the handle of content that begins with `data`; NULL when that is not followed. */
struct smb_entry *smb_entry_for(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE],
                                struct bytes data);
void smb_entry_name(struct session *session, struct smb_entry *entry, struct bytes name);
void smb_forget(struct session *session, struct smb_table *table, struct smb_entry *entry);
void smb_add_read(const struct smb_message *message, const struct smb_read *read);
/* Takes the read that the message answers; false when there is none. */
bool smb_take_read(const struct smb_message *message, struct smb_read *read);
void smb_tables_done(struct session *session, struct smb_state *state);

/* ---- content (smb_file.c) ---- */

/* The message carries `size` bytes at `place`, which belong at `offset` of the file; those that are not there
 * yet follow. */
void smb_content(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE], uint64_t offset,
                 size_t place, uint64_t size);
void smb_content_more(struct session *session, enum direction direction, struct bytes data);
void smb_content_gap(struct session *session, enum direction direction, uint64_t size);
/* The handle is closed. */
void smb_close(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE]);
void smb_transfer_end(struct session *session, struct smb_transfer *transfer, bool truncated);

/* ---- pipes (smb_pipe.c) ---- */

/* True when the bytes begin with a message of DCE/RPC. */
bool smb_is_call(struct bytes data);
/* True when what is written to or read from the handle, which `data` are the first bytes of, is not a file.
 */
bool smb_is_pipe(const struct smb_message *message, const struct smb_entry *entry, struct bytes data);
/* Takes what DCE/RPC there is; false when there is none. */
bool smb_pipe(const struct smb_message *message, struct smb_entry *entry, struct bytes data);
void smb_call_answered(const struct smb_message *message, struct tx *tx);
/* No call of the handle will be answered any more. */
void smb_pipe_close(const struct smb_message *message, const struct smb_entry *entry);
void smb_pipe_free(struct session *session, struct smb_pipe *pipe);

/* ---- messages ---- */

#define SMB1_HEADER 32U
#define SMB2_HEADER 64U

/* More is to be read (MS-ERREF 2.3). */
#define SMB_STATUS_BUFFER_OVERFLOW 0x80000005U

/* Bytes of a message that have to be there before it is read: of content in files only the beginning.
 * SIZE_MAX: all. */
size_t smb1_wanted(const struct smb_message *message);
size_t smb2_wanted(const struct smb_message *message);
void smb1_message(struct smb_message *message);
void smb2_message(struct smb_message *message);

/* ---- the record ---- */

/* Bit of a kind of records, by the name it has in the EVE output's `types`; 0: there is none. */
uint32_t smb_log_type(struct bytes name);
/* True when `types` (bits; 0: all) has the record's kind. */
bool smb_log_wanted(const struct tx *tx, uint32_t types);
void smb_write(const struct tx *tx, bool extended, struct text *out);
#define SMB_INSPECTS 7U
extern const struct inspect smb_inspects[SMB_INSPECTS];

#endif
