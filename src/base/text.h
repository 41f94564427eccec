/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows by appending: in the caller's buffer, or on the heap up to a limit.
 *
 * What does not fit is left out and `full` is set; the content stays valid and is always
 * terminated when capacity allows. */
#ifndef VONGLAU_BASE_TEXT_H
#define VONGLAU_BASE_TEXT_H

#include "base/bytes.h"

extern const char text_pairs[201]; /* "00" to "99" */

struct text {
    char *data;
    size_t capacity, size; /* bytes; `size` without the terminator */
    bool full;             /* something did not fit */
    bool heap;             /* owned, grows to `limit` */
    size_t limit;
};

/* Text in the caller's `buffer`. */
static inline struct text text_of(char *buffer, size_t capacity)
{
    return (struct text){ .data = buffer, .capacity = capacity };
}

/* Text on the heap, at most `limit` bytes; text_done() frees it. */
static inline struct text text_new(size_t limit)
{
    return (struct text){ .heap = true, .limit = limit };
}

void text_done(struct text *text);
/* Makes room for `more` bytes; false (and `full`) when there is none. */
bool text_reserve(struct text *text, size_t more);
void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_hex(struct text *text, struct bytes b);
void text_base64(struct text *text, struct bytes b);
void text_u64(struct text *text, uint64_t value);
/* In lower case, without leading zeros. */
void text_u64_hex(struct text *text, uint64_t value);

#define TEXT_DIGITS 20 /* of a number of 64 bits at most */

/* Writes the number at `at`, where there is room for TEXT_DIGITS or as many as it has, without a terminator;
 * returns its end. */
char *text_digits(char *at, uint64_t value);

/* Where `more` bytes may be written, and the terminator behind them; NULL (and `full`) when there is no room.
 * What was written counts by text_grow(). */
static inline char *text_room(struct text *text, size_t more)
{
    if (UNLIKELY(more >= text->capacity - text->size) && !text_reserve(text, more))
        return NULL;
    return text->data + text->size;
}

static inline void text_grow(struct text *text, size_t more)
{
    text->size += more;
    text->data[text->size] = '\0';
}

/* Up to three digits at `at`, without a terminator; returns where they end. */
static inline char *text_octet(char *at, uint8_t value)
{
    unsigned hundreds = value * 41U >> 12, rest = value - hundreds * 100;
    *at = (char)('0' + hundreds);
    at += hundreds != 0;
    *at = text_pairs[rest * 2];
    at += value >= 10;
    *at++ = text_pairs[rest * 2 + 1];
    return at;
}

static inline void text_char(struct text *text, char c)
{
    char *at = text_room(text, 1);
    if (at) {
        *at = c;
        text_grow(text, 1);
    }
}

static inline void text_put(struct text *text, struct bytes b)
{
    char *at = b.size ? text_room(text, b.size) : NULL;
    if (at) {
        bytes_copy(at, b.data, b.size);
        text_grow(text, b.size);
    }
}

static inline void text_string(struct text *text, const char *string)
{
    text_put(text, bytes_of_string(string));
}

static inline struct bytes text_bytes(const struct text *text)
{
    return (struct bytes){ (const uint8_t *)text->data, text->size };
}

/* Empties it, keeping the memory. */
static inline void text_clear(struct text *text)
{
    text->size = 0;
    text->full = false;
    if (text->capacity)
        text->data[0] = '\0';
}

#endif
