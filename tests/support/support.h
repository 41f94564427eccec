/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of every layer share: cmocka, and buffers whose next page is unreadable. */
#ifndef VONGLAU_TESTS_SUPPORT_H
#define VONGLAU_TESTS_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/reader.h"

/* A copy of `data` that ends right before an unreadable page; guarded_free() when done. */
static inline uint8_t *guarded_copy(const void *data, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + page) / page * page;
    uint8_t *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + room, page, PROT_NONE), 0);
    uint8_t *copy = memory + room - size;
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static inline void guarded_free(uint8_t *copy, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + page) / page * page;
    munmap(copy + size - room, room + page);
}

#endif
