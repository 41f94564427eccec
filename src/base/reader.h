/* SPDX-License-Identifier: Apache-2.0 */
/* Cursor over untrusted bytes, and the only way a parser touches them.
 *
 * A read past the end fails the reader: from then on it yields zeros and is empty. Parsers read
 * straight through, loops end by themselves, one reader_ok() decides. Borrows; never rewinds. */
#ifndef VONGLAU_BASE_READER_H
#define VONGLAU_BASE_READER_H

#include "base/bytes.h"

struct reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct reader reader_of(const void *data, size_t size)
{
    const uint8_t *start = data;
    return (struct reader){ start, start ? start + size : NULL, false };
}

static inline struct reader reader_of_bytes(struct bytes b)
{
    return reader_of(b.data, b.size);
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

/* True as long as nothing was read past the end. */
static inline bool reader_ok(const struct reader *r)
{
    return !r->failed;
}

static inline bool reader_empty(const struct reader *r)
{
    return r->at == r->end;
}

static inline void reader_fail(struct reader *r)
{
    r->at = r->end;
    r->failed = true;
}

/* The next `size` bytes, borrowed; NULL once the reader has failed. */
static inline const uint8_t *reader_take(struct reader *r, size_t size)
{
    if (UNLIKELY(r->failed || size > reader_left(r))) {
        reader_fail(r);
        return NULL;
    }
    const uint8_t *taken = r->at;
    r->at = size ? taken + size : taken; /* taken may be NULL: a reader of nothing */
    return taken;
}

static inline struct bytes reader_bytes(struct reader *r, size_t size)
{
    const uint8_t *taken = reader_take(r, size);
    return (struct bytes){ taken, taken ? size : 0 };
}

/* All that is left, without taking it. */
static inline struct bytes reader_peek(const struct reader *r)
{
    return (struct bytes){ r->at, reader_left(r) };
}

static inline struct bytes reader_rest(struct reader *r)
{
    return reader_bytes(r, reader_left(r));
}

static inline void reader_skip(struct reader *r, size_t size)
{
    (void)reader_take(r, size);
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? p[0] : 0;
}

static inline uint16_t reader_be16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return (uint16_t)(p ? p[0] << 8 | p[1] : 0);
}

static inline uint32_t reader_be24(struct reader *r)
{
    const uint8_t *p = reader_take(r, 3);
    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t reader_be32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t reader_be64(struct reader *r)
{
    uint64_t high = reader_be32(r);
    uint64_t low = reader_be32(r);
    return reader_ok(r) ? high << 32 | low : 0;
}

static inline uint16_t reader_le16(struct reader *r)
{
    return __builtin_bswap16(reader_be16(r));
}

static inline uint32_t reader_le32(struct reader *r)
{
    return __builtin_bswap32(reader_be32(r));
}

static inline uint64_t reader_le64(struct reader *r)
{
    return __builtin_bswap64(reader_be64(r));
}

/* A reader over the next `size` bytes; failed (and empty) when there are fewer. */
static inline struct reader reader_sub(struct reader *r, size_t size)
{
    struct bytes part = reader_bytes(r, size);
    return (struct reader){ part.data, part.data ? part.data + part.size : NULL, r->failed };
}

/* The bytes before the next `stop`, which is taken too; fails when there is none. */
static inline struct bytes reader_until(struct reader *r, uint8_t stop)
{
    size_t size = bytes_find_byte(reader_peek(r), stop);
    if (size == SIZE_MAX) {
        reader_fail(r);
        return BYTES_NONE;
    }
    struct bytes found = reader_bytes(r, size);
    reader_skip(r, 1);
    return found;
}

/* The next line without its CR LF or LF, which are taken; fails when no LF is left. */
static inline struct bytes reader_line(struct reader *r)
{
    struct bytes line = reader_until(r, '\n');
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

#endif
