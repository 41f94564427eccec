/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of 2 KiB to 16 MiB, powers of two, from one reserved region (the buddy system). */
#ifndef VONGLAU_FLOW_BUFFERS_H
#define VONGLAU_FLOW_BUFFERS_H

#include "base/error.h"

enum {
    BUFFER_ORDER_FIRST = 11,
    BUFFER_ORDER_LAST = 24,
    BUFFER_ORDERS = BUFFER_ORDER_LAST - BUFFER_ORDER_FIRST + 1
};

struct buffers {
    uint8_t *memory;
    uint8_t *states;   /* per 2 KiB block: order of the free buffer that begins there, plus one; else 0 */
    size_t size, used; /* bytes */
    size_t fresh;      /* bytes at the start that were ever handed out; the rest is untouched */
    void *free[BUFFER_ORDERS];
};

/* Reserves at least `size` bytes of address space; memory is taken when it is used. */
MUST_CHECK bool buffers_open(struct buffers *buffers, size_t size, struct error *error);
void buffers_close(struct buffers *buffers);
/* 2^order bytes, content undefined; NULL when there is no such run left. */
MUST_CHECK void *buffers_take(struct buffers *buffers, unsigned order);
void buffers_give(struct buffers *buffers, void *buffer, unsigned order);
/* The smallest order that holds `size` bytes; BUFFER_ORDER_LAST + 1 when none does. */
unsigned buffers_order(size_t size);

#endif
