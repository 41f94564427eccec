/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of values that rules look up and add to: from files, in memory, kept in files. Private to detect. */
#ifndef VONGLAU_DETECT_DATASET_H
#define VONGLAU_DETECT_DATASET_H

#include <pthread.h>

#include "base/map.h"
#include "detect/keyword.h"

enum dataset_command { DATASET_IS_SET, DATASET_IS_NOT_SET, DATASET_SET, DATASET_UNSET };
enum dataset_type { DATASET_STRING, DATASET_MD5, DATASET_SHA1, DATASET_SHA256, DATASET_IPV4, DATASET_IP };
enum dataset_format { DATASET_CSV, DATASET_JSON, DATASET_NDJSON };

#define DATASET_ANY_TYPE (-1) /* whatever type the set of this name has */

/* Where a set comes from and how far it may grow. */
struct dataset_source {
    struct bytes name;
    int type; /* enum dataset_type, or DATASET_ANY_TYPE */
    struct bytes load, state, save;
    const char *beside; /* the file that names it: `load` stands there, else in the data folder */
    uint64_t memcap;    /* bytes; 0: not given */
    uint64_t hashsize;  /* 0: not given */
    uint8_t format;     /* enum dataset_format */
    struct bytes value_key, array_key;
    bool remove_key;
};

struct dataset {
    struct dataset *next;
    pthread_mutex_t lock;
    struct map values; /* value -> 1, 1 + reputation, or the struct bytes with its JSON */
    uint8_t type, format;
    char *name, *save_path;
    bool changed, broken;    /* broken: its file was refused */
    uint64_t memory, memcap; /* bytes; memcap 0: not given */
    uint64_t hashsize;
    struct arena notes; /* the JSON of values */
};

/* Looks `value` up (or adds it) as the item's command says. A match in a set with JSON adds a note. */
bool dataset_match(const struct item *item, struct bytes value, struct context *context);
bool dataset_has(const struct dataset *set, struct bytes value);
/* The type's number, or -1. */
int dataset_type_of(struct bytes name);

/* The set of this name, made and loaded when new; NULL and a reason when that is refused. */
MUST_CHECK struct dataset *dataset_open(struct ruleset *set, const struct dataset_source *source,
                                        struct error *error);
/* A list of hashes in hexadecimal, one a line, beside the file `beside`; NULL when unreadable. */
MUST_CHECK struct dataset *dataset_open_hashes(struct ruleset *set, struct bytes name, const char *beside,
                                               enum dataset_type type, struct error *error);
/* Writes the sets that rules asked to save, and frees all. */
void datasets_free(struct dataset *first);

/* ---- between dataset.c and dataset_load.c ---- */

enum dataset_added { DATASET_ADDED, DATASET_KNOWN, DATASET_INVALID, DATASET_FULL };

/* Adds a value in its text form; strings are in base64 when `encoded`. `json`: its note, copied. */
enum dataset_added dataset_add_text(struct dataset *set, struct bytes text, bool encoded, uint64_t reputation,
                                    struct bytes json);
size_t dataset_value_size(unsigned type);
/* Fills the set from a file in its format. */
MUST_CHECK bool dataset_load(struct dataset *set, const char *path, const struct dataset_source *source,
                             struct error *error);
/* Fills the set from a list of hashes; lines that do not begin with one are left out. */
MUST_CHECK bool dataset_load_hashes(struct dataset *set, const char *path, struct error *error);

#endif
