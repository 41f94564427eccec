/* SPDX-License-Identifier: Apache-2.0 */
/* Cursor that fills a caller's buffer with binary data, for frames and files.
 *
 * A write past the end fails the writer; nothing is written from then on. */
#ifndef VONGLAU_BASE_WRITER_H
#define VONGLAU_BASE_WRITER_H

#include "base/bytes.h"

struct writer {
    uint8_t *start, *at, *end;
    bool failed;
};

static inline struct writer writer_of(void *data, size_t size)
{
    uint8_t *start = data;
    return (struct writer){ start, start, start + size, false };
}

static inline size_t writer_size(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline struct bytes writer_bytes(const struct writer *w)
{
    return (struct bytes){ w->start, writer_size(w) };
}

static inline bool writer_ok(const struct writer *w)
{
    return !w->failed;
}

/* Room for `size` bytes, to be filled by the caller; NULL when there is not enough. */
uint8_t *writer_room(struct writer *w, size_t size);

static inline void writer_put(struct writer *w, struct bytes b)
{
    uint8_t *room = writer_room(w, b.size);
    if (room && b.size)
        memcpy(room, b.data, b.size);
}

static inline void writer_u8(struct writer *w, uint8_t value)
{
    uint8_t *room = writer_room(w, 1);
    if (room)
        room[0] = value;
}

/* `size` low bytes of `value`, most significant first. */
static inline void writer_be(struct writer *w, uint64_t value, size_t size)
{
    uint8_t *room = writer_room(w, size);
    if (!room)
        return;
    for (size_t i = size; i-- > 0; value >>= 8)
        room[i] = (uint8_t)value;
}

static inline void writer_be16(struct writer *w, uint16_t value)
{
    writer_be(w, value, 2);
}

static inline void writer_be32(struct writer *w, uint32_t value)
{
    writer_be(w, value, 4);
}

static inline void writer_be64(struct writer *w, uint64_t value)
{
    writer_be(w, value, 8);
}

static inline void writer_le32(struct writer *w, uint32_t value)
{
    writer_be32(w, __builtin_bswap32(value));
}

#endif
