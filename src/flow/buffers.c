/* SPDX-License-Identifier: Apache-2.0 */
/* The buddy system: a buffer given back joins its other half when that is free, too. */
#include "flow/buffers.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

/* At the start of every free buffer. */
struct free_buffer {
    struct free_buffer *next, *previous;
};

#define TOP_SIZE ((size_t)1 << BUFFER_ORDER_LAST)

bool buffers_open(struct buffers *buffers, size_t size, struct error *error)
{
    size = MAX(size, TOP_SIZE);
    size = (size + TOP_SIZE - 1) & ~(TOP_SIZE - 1);
    *buffers = (struct buffers){ .size = size };
    buffers->states = calloc(size >> BUFFER_ORDER_FIRST, 1);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                        0);
    if (!buffers->states || memory == MAP_FAILED) {
        free(buffers->states);
        *buffers = (struct buffers){ 0 };
        return error_system(error, "buffers: cannot reserve %zu bytes", size);
    }
    buffers->memory = memory;
    return true;
}

void buffers_close(struct buffers *buffers)
{
    if (buffers->memory)
        munmap(buffers->memory, buffers->size);
    free(buffers->states);
    *buffers = (struct buffers){ 0 };
}

unsigned buffers_order(size_t size)
{
    unsigned order = BUFFER_ORDER_FIRST;
    while (order <= BUFFER_ORDER_LAST && ((size_t)1 << order) < size)
        order++;
    return order;
}

static size_t block_of(const struct buffers *buffers, const void *buffer)
{
    return (size_t)((const uint8_t *)buffer - buffers->memory) >> BUFFER_ORDER_FIRST;
}

static void list_push(struct buffers *buffers, void *buffer, unsigned order)
{
    struct free_buffer *head = buffers->free[order - BUFFER_ORDER_FIRST], *node = buffer;
    *node = (struct free_buffer){ .next = head };
    if (head)
        head->previous = node;
    buffers->free[order - BUFFER_ORDER_FIRST] = node;
    buffers->states[block_of(buffers, buffer)] = (uint8_t)(order + 1);
}

static void list_remove(struct buffers *buffers, struct free_buffer *node, unsigned order)
{
    if (node->previous)
        node->previous->next = node->next;
    else
        buffers->free[order - BUFFER_ORDER_FIRST] = node->next;
    if (node->next)
        node->next->previous = node->previous;
    buffers->states[block_of(buffers, node)] = 0;
}

void *buffers_take(struct buffers *buffers, unsigned order)
{
    if (order > BUFFER_ORDER_LAST)
        return NULL;
    unsigned from = order;
    while (from <= BUFFER_ORDER_LAST && !buffers->free[from - BUFFER_ORDER_FIRST])
        from++;
    uint8_t *taken;
    if (from <= BUFFER_ORDER_LAST) {
        taken = buffers->free[from - BUFFER_ORDER_FIRST];
        list_remove(buffers, (struct free_buffer *)(void *)taken, from);
    } else {
        if (buffers->fresh == buffers->size)
            return NULL;
        from = BUFFER_ORDER_LAST;
        taken = buffers->memory + buffers->fresh;
        buffers->fresh += TOP_SIZE;
    }
    while (from > order) {
        from--;
        list_push(buffers, taken + ((size_t)1 << from), from);
    }
    buffers->used += (size_t)1 << order;
    return taken;
}

void buffers_give(struct buffers *buffers, void *buffer, unsigned order)
{
    uint8_t *at = buffer;
    assert(buffers->used >= (size_t)1 << order);
    buffers->used -= (size_t)1 << order;
    while (order < BUFFER_ORDER_LAST) {
        size_t offset = (size_t)(at - buffers->memory);
        uint8_t *other = buffers->memory + (offset ^ (size_t)1 << order);
        if (buffers->states[block_of(buffers, other)] != order + 1)
            break;
        list_remove(buffers, (struct free_buffer *)(void *)other, order);
        at = MIN(at, other);
        order++;
    }
    list_push(buffers, at, order);
}
