/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes: pointer and size, never owned, never terminated.
 *
 * `data == NULL` means absent, which is not the same as empty. */
#ifndef VONGLAU_BASE_BYTES_H
#define VONGLAU_BASE_BYTES_H

#include <stdbool.h>
#include <string.h>

#include "base/macros.h"

struct bytes {
    const uint8_t *data;
    size_t size;
};

#define BYTES_NONE ((struct bytes){ NULL, 0 })
/* The bytes of a string literal, without its terminator. */
#define BYTES_OF(literal) ((struct bytes){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){ data, size };
}

static inline struct bytes bytes_of_string(const char *string)
{
    return (struct bytes){ (const uint8_t *)string, string ? strlen(string) : 0 };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    /* A size that is not zero goes with data. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_is(struct bytes a, const char *string)
{
    return bytes_equal(a, bytes_of_string(string));
}

/* memcpy() for what is short most times, where the call would cost more than the copy. */
static inline void bytes_copy(void *to, const void *from, size_t size)
{
    uint8_t *end = (uint8_t *)to + size;
    const uint8_t *from_end = (const uint8_t *)from + size;
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        uint64_t first, last;
        memcpy(&first, from, sizeof first);
        memcpy(&last, from_end - sizeof last, sizeof last);
        memcpy(to, &first, sizeof first);
        memcpy(end - sizeof last, &last, sizeof last);
    } else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, from, sizeof first);
        memcpy(&last, from_end - sizeof last, sizeof last);
        memcpy(to, &first, sizeof first);
        memcpy(end - sizeof last, &last, sizeof last);
    } else {
        for (size_t i = 0; i < size; i++)
            ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
}

/* At most the first `size` bytes. */
static inline struct bytes bytes_first(struct bytes b, size_t size)
{
    return (struct bytes){ b.data, MIN(size, b.size) };
}

/* All but the first `size` bytes; empty when there are no more. */
static inline struct bytes bytes_from(struct bytes b, size_t size)
{
    if (!b.data)
        return BYTES_NONE;
    size_t skip = MIN(size, b.size);
    return (struct bytes){ b.data + skip, b.size - skip };
}

static inline uint8_t byte_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool byte_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool byte_is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Value of a hexadecimal digit, or -1. */
static inline int byte_hex(uint8_t c)
{
    if (byte_is_digit(c))
        return c - '0';
    c = byte_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Order by content, then size, like memcmp. */
int bytes_compare(struct bytes a, struct bytes b);
/* The same without regard to ASCII case. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
bool bytes_starts(struct bytes a, struct bytes prefix);
bool bytes_starts_nocase(struct bytes a, struct bytes prefix);
bool bytes_ends(struct bytes a, struct bytes suffix);
/* Offset of the first `needle` in `haystack`, or SIZE_MAX. */
size_t bytes_find(struct bytes haystack, struct bytes needle);
size_t bytes_find_nocase(struct bytes haystack, struct bytes needle);
/* Offset of the first byte `c`, or SIZE_MAX. */
size_t bytes_find_byte(struct bytes haystack, uint8_t c);
/* Without leading and trailing white space. */
struct bytes bytes_trim(struct bytes b);
/* Cuts the part before the first `separator` off `rest` and returns it; the whole when there is none. */
struct bytes bytes_cut(struct bytes *rest, uint8_t separator);
/* The whole of `b` as a decimal number; false on anything else or overflow. */
MUST_CHECK bool bytes_to_u64(struct bytes b, uint64_t *value);
/* Decimal, or hexadecimal after 0x. */
MUST_CHECK bool bytes_to_number(struct bytes b, uint64_t *value);
/* True for well-formed UTF-8 (RFC 3629). */
bool bytes_is_utf8(struct bytes b);
/* A 64-bit hash for tables; not for secrets. */
uint64_t bytes_hash(struct bytes b, uint64_t seed);

#endif
