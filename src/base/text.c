/* SPDX-License-Identifier: Apache-2.0 */
/* Appending text. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_done(struct text *text)
{
    if (text->heap)
        free(text->data);
    *text = (struct text){ .heap = text->heap, .limit = text->limit };
}

bool text_reserve(struct text *text, size_t more)
{
    if (more < text->capacity - text->size)
        return true;
    size_t wanted;
    if (!text->heap || __builtin_add_overflow(text->size, more + 1, &wanted) || wanted > text->limit + 1) {
        text->full = true;
        return false;
    }
    size_t capacity = MIN(MAX(MAX(text->capacity * 2, wanted), (size_t)256), text->limit + 1);
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->full = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size > 0 && text_reserve(text, (size_t)size)) {
        vsnprintf(text->data + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

void text_hex(struct text *text, struct bytes b)
{
    static const char digits[] = "0123456789abcdef";
    if (!text_reserve(text, b.size * 2))
        return;
    for (size_t i = 0; i < b.size; i++) {
        text->data[text->size++] = digits[b.data[i] >> 4];
        text->data[text->size++] = digits[b.data[i] & 15];
    }
    text->data[text->size] = '\0';
}

void text_base64(struct text *text, struct bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!text_reserve(text, (b.size + 2) / 3 * 4))
        return;
    for (size_t i = 0; i < b.size; i += 3) {
        size_t left = b.size - i;
        uint32_t word = (uint32_t)b.data[i] << 16 | (left > 1 ? (uint32_t)b.data[i + 1] << 8 : 0) |
                        (left > 2 ? b.data[i + 2] : 0);
        text->data[text->size++] = digits[word >> 18];
        text->data[text->size++] = digits[word >> 12 & 63];
        text->data[text->size++] = left > 1 ? digits[word >> 6 & 63] : '=';
        text->data[text->size++] = left > 2 ? digits[word & 63] : '=';
    }
    text->data[text->size] = '\0';
}

const char text_pairs[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* 1233 / 4096 is a little more than the number of digits that a bit is worth. */
static unsigned digits_of(uint64_t value)
{
    static const uint64_t powers[] = { 0,
                                       10,
                                       100,
                                       1000,
                                       10000,
                                       100000,
                                       1000000,
                                       10000000,
                                       100000000,
                                       1000000000,
                                       10000000000,
                                       100000000000,
                                       1000000000000,
                                       10000000000000,
                                       100000000000000,
                                       1000000000000000,
                                       10000000000000000,
                                       100000000000000000,
                                       1000000000000000000,
                                       10000000000000000000U };
    unsigned about = (64 - (unsigned)__builtin_clzll(value | 1)) * 1233 >> 12;
    return about + (value >= powers[about]);
}

/* Pairs that do not wait for each other. */
static void put_four(char *at, uint32_t value)
{
    memcpy(at, text_pairs + (size_t)(value / 100) * 2, 2);
    memcpy(at + 2, text_pairs + (size_t)(value % 100) * 2, 2);
}

static void put_eight(char *at, uint32_t value)
{
    put_four(at, value / 10000);
    put_four(at + 4, value % 10000);
}

char *text_digits(char *at, uint64_t value)
{
    if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    char *stop = at + digits_of(value), *end = stop;
    for (; value >= 100000000; value /= 100000000)
        put_eight(end -= 8, (uint32_t)(value % 100000000));
    uint32_t rest = (uint32_t)value;
    for (; rest >= 100; rest /= 100)
        memcpy(end -= 2, text_pairs + (size_t)(rest % 100) * 2, 2);
    if (rest >= 10)
        memcpy(end - 2, text_pairs + (size_t)rest * 2, 2);
    else
        end[-1] = (char)('0' + rest);
    return stop;
}

void text_u64(struct text *text, uint64_t value)
{
    char digits[TEXT_DIGITS];
    text_put(text, bytes_of(digits, (size_t)(text_digits(digits, value) - digits)));
}

void text_u64_hex(struct text *text, uint64_t value)
{
    unsigned size = (67 - (unsigned)__builtin_clzll(value | 1)) / 4;
    char *at = text_room(text, size), *end = at ? at + size : NULL;
    for (unsigned i = 0; end && i < size; i++, value >>= 4)
        *--end = "0123456789abcdef"[value & 15];
    if (at)
        text_grow(text, size);
}
