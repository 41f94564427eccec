/* SPDX-License-Identifier: Apache-2.0 */
/* A suricata.yaml as a tree of named nodes (YAML 1.1), with includes, overrides and places for messages.
 *
 * Every node remembers whether anybody asked for it, so that what a program honours and what it ignores
 * can be listed. Elements of sequences are named "0", "1", ... */
#ifndef VONGLAU_SENSOR_CONFIG_H
#define VONGLAU_SENSOR_CONFIG_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

struct config_node {
    const char *name;  /* key, or index in a sequence */
    const char *value; /* scalar text; NULL for mappings, sequences and nothing at all */
    const char *file;
    uint32_t line;
    bool sequence, used;
    bool final; /* set on the command line: files do not change it */
    struct config_node *parent, *first, *last, *next;
};

struct config {
    struct arena memory;
    struct config_node root;
    unsigned include_depth;
};

void config_init(struct config *config);
void config_done(struct config *config);
/* Adds a file's documents to the tree; keys that exist already are replaced. */
MUST_CHECK bool config_load(struct config *config, const char *path, struct error *error);
/* The same from memory; `name` stands for the file in messages. */
MUST_CHECK bool config_load_text(struct config *config, struct bytes text, const char *name,
                                 struct error *error);
/* Sets one value from "a.b.c=value", making nodes as needed. */
MUST_CHECK bool config_set(struct config *config, const char *assignment, struct error *error);
/* The node at a dotted path below `node` (NULL: none), marking the way as used. */
struct config_node *config_find(struct config_node *node, const char *path);
/* Its scalar, or NULL. */
const char *config_value(struct config_node *node, const char *path);
/* Typed values: `*out` keeps its value when the node is absent or empty; false, naming place and value,
 * when it cannot be read. */
MUST_CHECK bool config_bool(struct config_node *node, const char *path, bool *out, struct error *error);
MUST_CHECK bool config_uint(struct config_node *node, const char *path, uint64_t max, uint64_t *out,
                            struct error *error);
MUST_CHECK bool config_u32(struct config_node *node, const char *path, uint32_t *out, struct error *error);
/* Bytes, with kb, mb, gb, KiB, MiB, GiB (all powers of 1024, as Suricata has them). */
MUST_CHECK bool config_size(struct config_node *node, const char *path, uint64_t *out, struct error *error);
/* Says "file:line: path: ..." into `error` and returns false. */
bool config_error(const struct config_node *node, struct error *error, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* True for yes, true, on, 1 in any case. */
bool config_true(const char *value);
bool config_false(const char *value);
/* Reads "10 MiB"; false on anything else. */
MUST_CHECK bool config_parse_size(const char *value, uint64_t *out);
/* The dotted path of a node. */
void config_path(const struct config_node *node, struct text *out);
/* Lines "path = value" of the whole tree, or only of nodes that were (or were not) used. */
void config_dump(const struct config_node *node, struct text *out);
void config_list_unused(const struct config_node *node, struct text *out);

#endif
