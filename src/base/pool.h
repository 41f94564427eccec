/* SPDX-License-Identifier: Apache-2.0 */
/* Equal-sized objects from memory reserved at start; never grows, never fails late.
 *
 * Memory is reserved as address space and only touched when used. */
#ifndef VONGLAU_BASE_POOL_H
#define VONGLAU_BASE_POOL_H

#include "base/error.h"

struct pool {
    uint8_t *memory;
    void *free_list;
    size_t object_size, capacity; /* bytes; objects */
    size_t fresh, used;           /* objects handed out at least once; in use now */
};

MUST_CHECK bool pool_open(struct pool *pool, size_t object_size, size_t capacity, struct error *error);
/* One object, content undefined; NULL when all are in use. */
MUST_CHECK void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object);
void pool_close(struct pool *pool);

#endif
