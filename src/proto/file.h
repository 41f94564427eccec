/* SPDX-License-Identifier: Apache-2.0 */
/* Files carried by transactions: name, size, hashes, the window of content that detection sees. */
#ifndef VONGLAU_PROTO_FILE_H
#define VONGLAU_PROTO_FILE_H

#include "proto/session.h"

enum file_state { FILE_OPEN, FILE_CLOSED, FILE_TRUNCATED, FILE_ERROR };

struct file_settings {
    bool md5, sha1, sha256; /* computed for every file */
    bool magic;             /* libmagic for every file */
    struct magic_set
        *cookie; /* of this worker: libmagic is not safe for threads; file_magic_open(); NULL: no magic */
    uint64_t inspect_max;  /* bytes of content kept for detection; 0: 100 KiB */
    uint64_t window_max;   /* most bytes of the window at a time */
    bool store_all;        /* file-store force-filestore */
    uint64_t store_max;    /* stream-depth: bytes of one stored file; 0: no limit */
    const char *store_dir; /* NULL: files are not stored */
};

struct file {
    struct file *next;
    struct tx *tx;
    uint32_t id;               /* 1-based in the session: EVE file_id of stored files */
    uint8_t direction;         /* the file travels this way */
    uint8_t state;             /* enum file_state */
    struct bytes name;         /* in tx->memory; may be absent */
    uint64_t start, end, size; /* range (HTTP Content-Range), bytes seen */
    bool has_gaps, has_range, store, stored, no_inspect, logged;
    bool has_md5, has_sha1, has_sha256;
    uint8_t md5[16], sha1[20], sha256[32];
    uint32_t sids[4]; /* rules that had it stored */
    uint8_t sid_count;
    struct bytes magic;   /* text, or absent */
    struct window window; /* what detection may look at */
    uint64_t inspected;   /* detection looked at everything before this offset */
    /* How the content is shown to detection, for the protocol to set after file_open(): nothing before
     * `inspect_min` bytes are there (or the end), then in steps of at least `inspect_step`; at most
     * `inspect_max` bytes. Zeros: at once, and the limit of the settings. */
    uint64_t inspect_min, inspect_step, inspect_max;
    void *private_state; /* hash contexts, store descriptor */
};

/* The signature database of libmagic (the system's when `path` is NULL); NULL when it cannot be loaded. */
struct magic_set *file_magic_open(const char *path);
void file_magic_close(struct magic_set *cookie);

/* Starts a file on `tx`; NULL when out of memory. `name` is copied. */
MUST_CHECK struct file *file_open(struct session *session, struct tx *tx, enum direction direction,
                                  struct bytes name);
/* The same for a body that is no file to anybody: it is kept and shown, but is not among tx->files.
 * The caller frees it with file_free() when the transaction is closed. */
MUST_CHECK struct file *file_open_body(struct session *session, struct tx *tx, enum direction direction);
/* Appends content; false when the file cannot follow any further (limits): it becomes truncated. */
bool file_data(struct session *session, struct file *file, struct bytes data);
void file_gap(struct session *session, struct file *file, uint64_t size);
/* Ends it; `truncated` when the content is known to be incomplete. */
void file_close(struct session *session, struct file *file, bool truncated);
/* Asks for the content on disk (rule keyword filestore). */
void file_store(struct file *file);
/* Of hundreds of files of one transaction those that are ended and written go before the others. */
void file_forget_old(struct tx *tx, enum direction direction);
/* Bytes it holds outside the transaction's memory, about. */
size_t file_memory(const struct file *file);
/* Frees what is outside the transaction's memory; called when the transaction is freed. */
void file_free(struct file *file);

#endif
