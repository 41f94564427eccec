/* SPDX-License-Identifier: Apache-2.0 */
/* Linear-probing hash map with stored hashes and heap keys. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

struct map_entry {
    uint64_t hash; /* 0: never used; 1: removed; else the hash, at least 2 */
    struct bytes key;
    uintptr_t value;
};

#define HASH_REMOVED 1U
#define HASH_LEAST   2U

static uint64_t hash_of(const struct map *map, struct bytes key)
{
    uint64_t hash = bytes_hash(key, map->seed);
    return hash < HASH_LEAST ? hash + HASH_LEAST : hash;
}

/* The entry of `key`, or the slot where it would go; NULL while the table is empty. */
static struct map_entry *probe(const struct map *map, struct bytes key, uint64_t hash)
{
    struct map_entry *reusable = NULL;
    if (!map->capacity)
        return NULL;
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct map_entry *entry = &map->entries[i];
        if (entry->hash == 0)
            return reusable ? reusable : entry;
        if (entry->hash == HASH_REMOVED)
            reusable = reusable ? reusable : entry;
        else if (entry->hash == hash && bytes_equal(entry->key, key))
            return entry;
    }
}

static bool rehash(struct map *map)
{
    size_t capacity = 16;
    while (capacity < (map->count + 1) * 2)
        capacity *= 2;
    struct map_entry *entries = calloc(capacity, sizeof *entries);
    if (!entries)
        return false;
    struct map bigger = { entries, capacity, map->count, 0, map->count_max, map->seed };
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].hash >= HASH_LEAST)
            *probe(&bigger, map->entries[i].key, map->entries[i].hash) = map->entries[i];
    free(map->entries);
    *map = bigger;
    return true;
}

uintptr_t *map_find(const struct map *map, struct bytes key)
{
    struct map_entry *entry = probe(map, key, hash_of(map, key));
    return entry && entry->hash >= HASH_LEAST ? &entry->value : NULL;
}

uintptr_t *map_add(struct map *map, struct bytes key, bool *added)
{
    uint64_t hash = hash_of(map, key);
    struct map_entry *entry = probe(map, key, hash);
    if (added)
        *added = false;
    if (entry && entry->hash >= HASH_LEAST)
        return &entry->value;
    if (map->count_max && map->count >= map->count_max)
        return NULL;
    if ((map->count + map->tombs + 1) * 4 > map->capacity * 3) {
        if (!rehash(map))
            return NULL;
        entry = probe(map, key, hash);
    }
    uint8_t *copy = malloc(MAX(key.size, (size_t)1));
    if (!copy)
        return NULL;
    if (key.size)
        memcpy(copy, key.data, key.size);
    assert(entry); /* rehash() made room */
    if (entry->hash == HASH_REMOVED)
        map->tombs--;
    *entry = (struct map_entry){ hash, { copy, key.size }, 0 };
    map->count++;
    if (added)
        *added = true;
    return &entry->value;
}

bool map_remove(struct map *map, struct bytes key)
{
    struct map_entry *entry = probe(map, key, hash_of(map, key));
    if (!entry || entry->hash < HASH_LEAST)
        return false;
    free((void *)(uintptr_t)entry->key.data);
    *entry = (struct map_entry){ .hash = HASH_REMOVED };
    map->count--;
    map->tombs++;
    return true;
}

bool map_each(const struct map *map, size_t *position, struct bytes *key, uintptr_t **value)
{
    while (*position < map->capacity) {
        struct map_entry *entry = &map->entries[(*position)++];
        if (entry->hash < HASH_LEAST)
            continue;
        *key = entry->key;
        *value = &entry->value;
        return true;
    }
    return false;
}

void map_done(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].hash >= HASH_LEAST)
            free((void *)(uintptr_t)map->entries[i].key.data);
    free(map->entries);
    *map = map_of(map->seed, map->count_max);
}
