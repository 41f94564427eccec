/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are fetched in ranges (RFC 9110, section 14), over any number of connections: the parts are kept
 * until all of them are there.
 *
 * One table serves all workers. It holds so many bytes and no more; a file that nobody adds to is forgotten.
 */
#ifndef VONGLAU_PROTO_RANGES_H
#define VONGLAU_PROTO_RANGES_H

#include "base/bytes.h"
#include "base/error.h"

struct ranges;      /* the table */
struct range;       /* a part being received */
struct ranged_file; /* a whole file */

struct range_limits {
    uint64_t memory;  /* bytes of all files; 0: 100 MiB */
    uint64_t timeout; /* seconds; 0: 60 */
};

MUST_CHECK struct ranges *ranges_new(uint64_t seed, struct error *error);
void ranges_free(struct ranges *table);

/* Bytes `first` to `last` of a file of `total` bytes known by `key` begin. NULL when they are not worth
 * keeping or there is no room; the other functions take NULL. `now`: ns. */
struct range *range_begin(struct ranges *table, struct bytes key, uint64_t first, uint64_t last,
                          uint64_t total, const struct range_limits *limits, uint64_t now);
void range_data(struct range *range, struct bytes data);
/* The part ends, possibly early. Returns the file when that made it whole, for the caller to read and free.
 */
struct ranged_file *range_end(struct range *range, uint64_t now);
/* The next piece of the file, in order; false at its end. `*position` starts at 0. */
bool ranged_file_next(const struct ranged_file *file, uint64_t *position, struct bytes *piece);
void ranged_file_free(struct ranged_file *file);
/* Bytes held. */
uint64_t ranges_memory(const struct ranges *table);

#endif
