/* SPDX-License-Identifier: Apache-2.0 */
/* Free-list pool over one reserved mapping. */
#include "base/pool.h"

#include <assert.h>
#include <sys/mman.h>

#define SMALL_PAGES (4U * 1024U * 1024U) /* bytes at the beginning of a pool */

bool pool_open(struct pool *pool, size_t object_size, size_t capacity, struct error *error)
{
    size_t size = (MAX(object_size, sizeof(void *)) + 15U) & ~(size_t)15U;
    size_t total;
    if (__builtin_mul_overflow(size, capacity, &total) || total == 0)
        return error_set(error, "pool: %zu objects of %zu bytes are too many", capacity, object_size);
    void *memory = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                        0);
    if (memory == MAP_FAILED)
        return error_system(error, "pool: cannot reserve %zu bytes", total);
    /* Objects are touched in order: a few take a few small pages, many take large ones. */
    if (total > SMALL_PAGES)
        (void)madvise((uint8_t *)memory + SMALL_PAGES, total - SMALL_PAGES, MADV_HUGEPAGE);
    *pool = (struct pool){ .memory = memory, .object_size = size, .capacity = capacity };
    return true;
}

void *pool_take(struct pool *pool)
{
    void *object = pool->free_list;
    if (object) {
        memcpy(&pool->free_list, object, sizeof(void *));
    } else {
        if (pool->fresh == pool->capacity)
            return NULL;
        object = pool->memory + pool->fresh++ * pool->object_size;
    }
    pool->used++;
    return object;
}

void pool_give(struct pool *pool, void *object)
{
    assert(pool->used > 0);
    memcpy(object, &pool->free_list, sizeof(void *));
    pool->free_list = object;
    pool->used--;
}

void pool_close(struct pool *pool)
{
    if (pool->memory)
        munmap(pool->memory, pool->object_size * pool->capacity);
    *pool = (struct pool){ 0 };
}
