/* SPDX-License-Identifier: Apache-2.0 */
/* Block-growing arena. */
#include "base/arena.h"

#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(max_align_t) uint8_t memory[];
};

#define BLOCK_FIRST 512U
#define BLOCK_MOST  (256U * 1024U)

static bool add_block(struct arena *arena, size_t size)
{
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return false;
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->used += size;
    arena->at = block->memory;
    arena->end = block->memory + size;
    return true;
}

static bool grow(struct arena *arena, size_t least)
{
    size_t size = arena->blocks ? MIN(arena->blocks->size * 2, (size_t)BLOCK_MOST) : BLOCK_FIRST;
    size = MAX(size, least);
    size_t room = arena->limit - MIN(arena->limit, arena->used);
    if (size > room)
        size = room;
    return size >= least && add_block(arena, size);
}

void *arena_new(struct arena *arena, size_t size, size_t alignment)
{
    size_t skip = (size_t)(-(uintptr_t)arena->at & (alignment - 1));
    if (!arena->at || skip > (size_t)(arena->end - arena->at) ||
        size > (size_t)(arena->end - arena->at) - skip) {
        if (size > arena->limit || !grow(arena, size))
            return NULL;
        skip = 0;
    }
    uint8_t *given = arena->at + skip;
    arena->at = given + size;
    return memset(given, 0, size);
}

void *arena_own(size_t size, size_t member, size_t room, size_t limit)
{
    struct arena arena = arena_of(size + limit);
    if (!add_block(&arena, size + MIN(room, limit)))
        return NULL;
    uint8_t *object = memset(arena.at, 0, size);
    arena.at += size;
    memcpy(object + member, &arena, sizeof arena);
    return object;
}

void *arena_array(struct arena *arena, size_t size, size_t count, size_t alignment)
{
    size_t total;
    if (__builtin_mul_overflow(size, count, &total))
        return NULL;
    return arena_new(arena, total, alignment);
}

struct bytes arena_copy(struct arena *arena, struct bytes b)
{
    uint8_t *copy = arena_new(arena, b.size, 1);
    if (!copy)
        return BYTES_NONE;
    if (b.size)
        memcpy(copy, b.data, b.size);
    return (struct bytes){ copy, b.size };
}

char *arena_string(struct arena *arena, struct bytes b)
{
    char *copy = arena_new(arena, b.size + 1, 1);
    if (copy && b.size)
        memcpy(copy, b.data, b.size);
    return copy;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    *arena = arena_of(arena->limit); /* first: it may be in a block itself */
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}
