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
    if (more < text->capacity - MIN(text->capacity, text->size))
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

void text_u64(struct text *text, uint64_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof digits;
    for (; value >= 100; value /= 100)
        memcpy(digits + (at -= 2), pairs + value % 100 * 2, 2);
    if (value >= 10)
        memcpy(digits + (at -= 2), pairs + value * 2, 2);
    else
        digits[--at] = (char)('0' + value);
    text_put(text, bytes_of(digits + at, sizeof digits - at));
}
