/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison, search and numbers on borrowed bytes. */
#include "base/bytes.h"

#include "base/search.h"

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = MIN(a.size, b.size);
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

static bool equal_nocase(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (byte_lower(a[i]) != byte_lower(b[i]))
            return false;
    return true;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    return a.size == b.size && equal_nocase(a.data, b.data, a.size);
}

bool bytes_starts(struct bytes a, struct bytes prefix)
{
    return a.size >= prefix.size && bytes_equal(bytes_first(a, prefix.size), prefix);
}

bool bytes_starts_nocase(struct bytes a, struct bytes prefix)
{
    return a.size >= prefix.size && equal_nocase(a.data, prefix.data, prefix.size);
}

bool bytes_ends(struct bytes a, struct bytes suffix)
{
    return a.size >= suffix.size && bytes_equal(bytes_from(a, a.size - suffix.size), suffix);
}

size_t bytes_find(struct bytes haystack, struct bytes needle)
{
    if (needle.size == 0)
        return 0;
    if (needle.size == 1)
        return bytes_find_byte(haystack, needle.data[0]);
    return haystack.size < needle.size ? SIZE_MAX : search(haystack, needle, false);
}

size_t bytes_find_nocase(struct bytes haystack, struct bytes needle)
{
    if (needle.size == 0)
        return 0;
    return haystack.size < needle.size ? SIZE_MAX : search(haystack, needle, true);
}

size_t bytes_find_byte(struct bytes haystack, uint8_t c)
{
    const uint8_t *found = haystack.size ? memchr(haystack.data, c, haystack.size) : NULL;
    return found ? (size_t)(found - haystack.data) : SIZE_MAX;
}

struct bytes bytes_trim(struct bytes b)
{
    while (b.size && byte_is_space(b.data[0]))
        b = bytes_from(b, 1);
    while (b.size && byte_is_space(b.data[b.size - 1]))
        b.size--;
    return b;
}

struct bytes bytes_cut(struct bytes *rest, uint8_t separator)
{
    size_t at = bytes_find_byte(*rest, separator);
    struct bytes part = bytes_first(*rest, at);
    *rest = bytes_from(*rest, at == SIZE_MAX ? rest->size : at + 1);
    return part;
}

bool bytes_to_u64(struct bytes b, uint64_t *value)
{
    uint64_t number = 0;
    if (b.size == 0)
        return false;
    for (size_t i = 0; i < b.size; i++) {
        if (!byte_is_digit(b.data[i]) || __builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(b.data[i] - '0'), &number))
            return false;
    }
    *value = number;
    return true;
}

bool bytes_to_number(struct bytes b, uint64_t *value)
{
    if (!bytes_starts_nocase(b, BYTES_OF("0x")))
        return bytes_to_u64(b, value);
    if (b.size < 3 || b.size > 18)
        return false;
    uint64_t number = 0;
    for (size_t i = 2; i < b.size; i++) {
        int digit = byte_hex(b.data[i]);
        if (digit < 0)
            return false;
        number = number << 4 | (uint64_t)digit;
    }
    *value = number;
    return true;
}

bool bytes_is_utf8(struct bytes b)
{
    size_t i = 0;
    while (i < b.size) {
        uint8_t c = b.data[i];
        if (c < 0x80) {
            i++;
            continue;
        }
        size_t size = c >= 0xC2 && c <= 0xDF ? 2 : (c & 0xF0) == 0xE0 ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
        if (size == 0 || size > b.size - i)
            return false;
        for (size_t k = 1; k < size; k++)
            if ((b.data[i + k] & 0xC0) != 0x80)
                return false;
        uint8_t next = b.data[i + 1];
        if ((c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F) || (c == 0xF0 && next < 0x90) ||
            (c == 0xF4 && next > 0x8F))
            return false;
        i += size;
    }
    return true;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply-and-fold over 8-byte words, in the manner of wyhash. */
uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
    uint64_t hash = seed ^ 0x9E3779B97F4A7C15U ^ b.size;
    size_t i = 0;
    for (; b.size - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, b.data + i, 8);
        hash = mix(hash ^ word, 0xD6E8FEB86659FD93U);
    }
    uint64_t tail = 0;
    if (b.size - i)
        memcpy(&tail, b.data + i, b.size - i);
    return mix(hash ^ tail, 0xA0761D6478BD642FU) ^ hash;
}
