/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given out piecemeal and taken back all at once.
 *
 * An arena grows in blocks up to `limit` bytes and then refuses; its owner degrades that flow,
 * transaction or request only. A fixed arena lives in the caller's memory and never allocates. */
#ifndef VONGLAU_BASE_ARENA_H
#define VONGLAU_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    uint8_t *at, *end;          /* free part of the current block */
    struct arena_block *blocks; /* newest first; NULL while fixed or empty */
    size_t used, limit;         /* bytes of blocks held, and the most it may hold */
};

/* A growing arena; allocates nothing yet. */
static inline struct arena arena_of(size_t limit)
{
    return (struct arena){ NULL, NULL, NULL, 0, limit };
}

/* An arena in the caller's `memory`. */
static inline struct arena arena_fixed(void *memory, size_t size)
{
    uint8_t *start = memory;
    return (struct arena){ start, start + size, NULL, 0, 0 };
}

/* Zeroed memory for `size` bytes at `alignment` (a power of two); NULL when the limit is reached. */
MUST_CHECK void *arena_new(struct arena *arena, size_t size, size_t alignment);
/* One zeroed `type`, or NULL. */
#define ARENA_NEW(arena, type)          ((type *)arena_new((arena), sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array((arena), sizeof(type), (count), _Alignof(type)))
MUST_CHECK void *arena_array(struct arena *arena, size_t size, size_t count, size_t alignment);
/* A copy of `b`; absent when the limit is reached. */
MUST_CHECK struct bytes arena_copy(struct arena *arena, struct bytes b);
/* A terminated copy of `b`; NULL when the limit is reached. */
MUST_CHECK char *arena_string(struct arena *arena, struct bytes b);
/* An object of `size` zeroed bytes in an arena of its own, which is its member at byte `member`; arena_done()
 * of that frees the object, too. Its first block has `room` for more; `limit` is for what comes besides the
 * object. NULL without memory. */
MUST_CHECK void *arena_own(size_t size, size_t member, size_t room, size_t limit);
#define ARENA_OWN(type, size, member, room, limit) \
    ((type *)arena_own((size), offsetof(type, member), (room), (limit)))
/* Frees everything it gave out; the arena can be used again. */
void arena_reset(struct arena *arena);
#define arena_done arena_reset

#endif
