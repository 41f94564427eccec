/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259): an appender without state, and a scanner that copies nothing.
 *
 * Appender: every value is written with a trailing comma, which json_close() overwrites. A NULL key
 * writes the bare value (array elements, the top level). A finished document:
 *   json_open(out, NULL, '{'); json_uint(out, "a", 1); json_close(out, '}'); json_end(out);
 */
#ifndef VONGLAU_BASE_JSON_H
#define VONGLAU_BASE_JSON_H

#include "base/text.h"

/* Short functions around one of these: the size of a key that stands in the code is known when it is
 * compiled. */
#define JSON_INLINE static inline __attribute__((always_inline))

/* `"word"` and the sign behind it. */
JSON_INLINE void json_quote(struct text *out, const char *word, size_t size, char behind)
{
    char *at = text_room(out, size + 3);
    if (!at)
        return;
    at[0] = '"';
    bytes_copy(at + 1, word, size);
    at[size + 1] = '"';
    at[size + 2] = behind;
    text_grow(out, size + 3);
}
void json_put_key(struct text *out, const char *key);
void json_put_word(struct text *out, const char *word);

/* `"key":` without a value. Keys come from code and are written as they are; one that is known when this is
 * compiled is written where it stands. */
JSON_INLINE void json_key(struct text *out, const char *key)
{
    if (!key)
        return;
    if (__builtin_constant_p(strlen(key)))
        json_quote(out, key, strlen(key), ':');
    else
        json_put_key(out, key);
}
/* Opens an object ('{') or array ('['). */
JSON_INLINE void json_open(struct text *out, const char *key, char bracket)
{
    json_key(out, key);
    text_char(out, bracket);
}
/* Closes it ('}' or ']'). */
void json_close(struct text *out, char bracket);
/* Takes the last comma away: the document is complete. */
void json_end(struct text *out);
/* The value of json_string(), quoted, with its comma. */
void json_text(struct text *out, struct bytes value);
/* UTF-8 is kept; in anything else every byte from 0x80 on becomes \xHH text, as EVE does. */
JSON_INLINE void json_string(struct text *out, const char *key, struct bytes value)
{
    json_key(out, key);
    json_text(out, value);
}
/* A value that comes from code, and is written as it is. */
JSON_INLINE void json_word(struct text *out, const char *key, const char *value)
{
    json_key(out, key);
    if (__builtin_constant_p(strlen(value)))
        json_quote(out, value, strlen(value), ',');
    else
        json_put_word(out, value);
}
JSON_INLINE void json_cstring(struct text *out, const char *key, const char *value)
{
    json_string(out, key, bytes_of_string(value));
}
JSON_INLINE void json_hex(struct text *out, const char *key, struct bytes value)
{
    json_key(out, key);
    text_char(out, '"');
    text_hex(out, value);
    text_put(out, BYTES_OF("\","));
}
void json_base64(struct text *out, const char *key, struct bytes value);
/* The value of json_uint(), with its comma. */
void json_number(struct text *out, uint64_t value);
JSON_INLINE void json_uint(struct text *out, const char *key, uint64_t value)
{
    json_key(out, key);
    json_number(out, value);
}
void json_int(struct text *out, const char *key, int64_t value);
void json_real(struct text *out, const char *key, double value);
JSON_INLINE void json_bool(struct text *out, const char *key, bool value)
{
    json_key(out, key);
    text_put(out, value ? BYTES_OF("true,") : BYTES_OF("false,"));
}
void json_null(struct text *out, const char *key);
/* `value` is JSON already. */
void json_raw(struct text *out, const char *key, struct bytes value);
/* The escaped content of a JSON string, without quotes. */
void json_escape(struct text *out, struct bytes value);

/* Scanner. A value is the bytes of the text as they stand, checked for balance, not for every rule. */
enum json_type {
    JSON_NONE,
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_value {
    enum json_type type;
    struct bytes text; /* strings: without quotes, still escaped; the rest: as it stands */
};

struct json_cursor {
    const uint8_t *at, *end;
    bool failed;
};

#define JSON_DEPTH_MAX 64

/* Reads the value that `text` holds; JSON_NONE when malformed. */
struct json_value json_parse(struct bytes text);
/* Walks the members of an object: false at the end or on an error (then cursor->failed).
 * Starts from json_members(value). Keys are still escaped. */
struct json_cursor json_members(struct json_value object);
MUST_CHECK bool json_next(struct json_cursor *cursor, struct bytes *key, struct json_value *value);
/* Walks the elements of an array. */
struct json_cursor json_elements(struct json_value array);
MUST_CHECK bool json_next_element(struct json_cursor *cursor, struct json_value *value);
/* The value at a dotted path ("alert.signature_id"); JSON_NONE when absent. */
struct json_value json_find(struct json_value object, const char *path);
/* Unescapes a string into `out`; false when it is not a well-formed string. */
MUST_CHECK bool json_unescape(struct json_value string, struct text *out);
MUST_CHECK bool json_to_u64(struct json_value number, uint64_t *value);
/* Appends `value`, checked by every rule and without white space, with a trailing comma; the outermost object
 * loses its member `without` (NULL: none). False when it is not well formed; something may be appended then.
 */
MUST_CHECK bool json_copy(struct text *out, struct json_value value, const char *without);

#endif
