/* SPDX-License-Identifier: Apache-2.0 */
/* Hash map from bytes to a pointer-sized value; open addressing, keys copied, bounded. */
#ifndef VONGLAU_BASE_MAP_H
#define VONGLAU_BASE_MAP_H

#include "base/bytes.h"

struct map_entry;

struct map {
    struct map_entry *entries;
    size_t capacity, count, tombs; /* slots; live entries; removed ones */
    size_t count_max;              /* 0: no limit */
    uint64_t seed;
};

static inline struct map map_of(uint64_t seed, size_t count_max)
{
    return (struct map){ .count_max = count_max, .seed = seed };
}

/* The value's place, or NULL when the key is absent. Valid until the next map_add(). */
uintptr_t *map_find(const struct map *map, struct bytes key);
/* The value's place, made (zero) when the key is new; NULL when the limit or memory is reached. */
MUST_CHECK uintptr_t *map_add(struct map *map, struct bytes key, bool *added);
bool map_remove(struct map *map, struct bytes key);
/* Walks: start with *position = 0; false at the end. Do not add meanwhile. */
bool map_each(const struct map *map, size_t *position, struct bytes *key, uintptr_t **value);
void map_done(struct map *map);

#endif
