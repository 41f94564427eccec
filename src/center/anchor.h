/* SPDX-License-Identifier: Apache-2.0 */
/* The anchor of the audit log: how many rows there are and the hash of the last one, in a file beside the
 * database, authenticated with the state directory's key. A chain of hashes cannot tell that its end was cut;
 * the anchor can. */
#ifndef VONGLAU_CENTER_ANCHOR_H
#define VONGLAU_CENTER_ANCHOR_H

#include "base/error.h"

#define ANCHOR_HASH_SIZE 32
#define ANCHOR_FILE      "audit.anchor"

struct anchor {
    int64_t rows; /* id of the row it names */
    uint8_t hash[ANCHOR_HASH_SIZE];
};

enum anchor_state {
    ANCHOR_NONE,    /* no file */
    ANCHOR_GOOD,    /* *anchor is filled in */
    ANCHOR_DAMAGED, /* cannot be read, or was not written with this key */
};

/* Both read the key from `directory`/secret.key. */
enum anchor_state anchor_load(const char *directory, struct anchor *anchor);
/* Replaces the file, whole or not at all, and waits for the disk. */
MUST_CHECK bool anchor_save(const char *directory, const struct anchor *anchor, struct error *error);
/* Serialises whoever loads, compares and saves, in any process. -1 when it cannot; anchor_unlock() takes it.
 */
int anchor_lock(const char *directory);
void anchor_unlock(int lock);

#endif
