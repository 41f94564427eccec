/* SPDX-License-Identifier: Apache-2.0 */
/* JSON appender and scanner. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/field.h"

/* Apart, so that the word is not measured before it is known to be necessary. */
static __attribute__((noinline, cold)) void put_measured(struct text *out, const char *word, char behind)
{
    json_quote(out, word, strlen(word), behind);
}

/* Words of the code are short: copied up to their end, which costs less than to measure them first. */
static inline void put_quoted(struct text *out, const char *word, char behind)
{
    enum { SHORT = 24 };
    if (UNLIKELY(out->capacity - out->size <= SHORT + 3)) {
        put_measured(out, word, behind);
        return;
    }
    char *begin = out->data + out->size, *at = begin;
    *at++ = '"';
    for (const char *next = word; (*at = *next++); at++) {
        if (UNLIKELY(at == begin + SHORT)) {
            *begin = '\0';
            put_measured(out, word, behind);
            return;
        }
    }
    at[0] = '"';
    at[1] = behind;
    text_grow(out, (size_t)(at + 2 - begin));
}

void json_put_key(struct text *out, const char *key)
{
    put_quoted(out, key, ':');
}

void json_put_word(struct text *out, const char *word)
{
    put_quoted(out, word, ',');
}

void json_close(struct text *out, char bracket)
{
    bool open = out->size && out->data[out->size - 1] == ',';
    char *at = text_room(out, 2 - (size_t)open);
    if (!at)
        return;
    at -= open;
    at[0] = bracket;
    at[1] = ',';
    text_grow(out, 2 - (size_t)open);
}

void json_end(struct text *out)
{
    if (out->size && out->data && out->data[out->size - 1] == ',')
        out->data[--out->size] = '\0';
}

void json_number(struct text *out, uint64_t value)
{
    if (LIKELY(TEXT_DIGITS + 1 < out->capacity - out->size)) {
        char *at = out->data + out->size, *end = text_digits(at, value);
        *end++ = ',';
        text_grow(out, (size_t)(end - at));
        return;
    }
    text_u64(out, value);
    text_char(out, ',');
}

static bool plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void escape_one(struct text *out, uint8_t c)
{
    static const char short_names[] = "btn?fr";
    if (c == '"' || c == '\\') {
        text_char(out, '\\');
        text_char(out, (char)c);
    } else if (c >= 8 && c <= 13 && c != 11) {
        text_char(out, '\\');
        text_char(out, short_names[c - 8]);
    } else if (c == 0x7f) {
        text_char(out, (char)c);
    } else {
        text_put(out, BYTES_OF("\\u00"));
        text_hex(out, bytes_of(&c, 1));
    }
}

/* Bits of the bytes of `word` that are not printable ASCII or need an escape. A borrow can only mark bytes
 * behind one that is odd itself. */
static uint64_t odd_bytes(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\', rubout = word ^ ones * 0x7f;
    return ((word - ones * 0x20) | (quote - ones) | (slash - ones) | (rubout - ones) | word) & tops;
}

static uint64_t word_of(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Four to seven bytes, those in the middle twice. */
static uint64_t word_of_some(const uint8_t *at, size_t size)
{
    uint32_t first, last;
    memcpy(&first, at, sizeof first);
    memcpy(&last, at + size - sizeof last, sizeof last);
    return (uint64_t)last << 32 | first;
}

static bool all_plain(struct bytes value)
{
    uint64_t odd = 0;
    if (value.size >= 8) {
        for (size_t i = 0; i + 8 <= value.size; i += 8)
            odd |= odd_bytes(word_of(value.data + i));
        odd |= odd_bytes(word_of(value.data + value.size - 8));
    } else if (value.size >= 4) {
        odd = odd_bytes(word_of_some(value.data, value.size));
    } else {
        for (size_t i = 0; i < value.size; i++)
            odd |= !plain(value.data[i]) || value.data[i] >= 0x80;
    }
    return !odd;
}

void json_escape(struct text *out, struct bytes value)
{
    if (LIKELY(all_plain(value))) {
        text_put(out, value);
        return;
    }
    size_t start = 0;
    bool text = bytes_is_utf8(value);
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if (LIKELY(plain(c) && (text || c < 0x80)))
            continue;
        text_put(out, bytes_of(value.data + start, i - start));
        start = i + 1;
        if (text || c < 0x80) {
            escape_one(out, c);
        } else {
            text_put(out, BYTES_OF("\\\\x"));
            text_hex(out, bytes_of(&c, 1));
        }
    }
    text_put(out, bytes_of(value.data + start, value.size - start));
}

void json_text(struct text *out, struct bytes value)
{
    char *at = all_plain(value) ? text_room(out, value.size + 3) : NULL;
    if (LIKELY(at)) {
        at[0] = '"';
        if (value.size)
            memcpy(at + 1, value.data, value.size);
        memcpy(at + 1 + value.size, "\",", 3);
        out->size += value.size + 3;
        return;
    }
    text_char(out, '"');
    json_escape(out, value);
    text_put(out, BYTES_OF("\","));
}

void json_base64(struct text *out, const char *key, struct bytes value)
{
    json_key(out, key);
    text_char(out, '"');
    text_base64(out, value);
    text_put(out, BYTES_OF("\","));
}

void json_int(struct text *out, const char *key, int64_t value)
{
    json_key(out, key);
    if (value < 0)
        text_char(out, '-');
    text_u64(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
    text_char(out, ',');
}

void json_real(struct text *out, const char *key, double value)
{
    json_key(out, key);
    if (!isfinite(value)) {
        text_put(out, BYTES_OF("null,"));
        return;
    }
    char digits[32]; /* as many as tell it from its neighbours */
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    text_string(out, digits);
    text_char(out, ',');
}

void json_null(struct text *out, const char *key)
{
    json_raw(out, key, BYTES_OF("null"));
}

void json_raw(struct text *out, const char *key, struct bytes value)
{
    json_key(out, key);
    text_put(out, value);
    text_char(out, ',');
}

static void skip_space(struct json_cursor *c)
{
    while (c->at < c->end && byte_is_space(*c->at))
        c->at++;
}

/* Moves past a string whose opening quote was taken; false when it does not end. */
static bool skip_string(struct json_cursor *c)
{
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '"')
            return true;
        if (byte == '\\') {
            if (c->at == c->end)
                return false;
            c->at++;
        } else if (byte < 0x20) {
            return false;
        }
    }
    return false;
}

static bool skip_nested(struct json_cursor *c)
{
    uint8_t open[JSON_DEPTH_MAX];
    size_t depth = 0;
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '"') {
            if (!skip_string(c))
                return false;
        } else if (byte == '{' || byte == '[') {
            if (depth == JSON_DEPTH_MAX)
                return false;
            open[depth++] = byte;
        } else if (byte == '}' || byte == ']') {
            if (open[--depth] + 2 != byte)
                return false;
            if (depth == 0)
                return true;
        }
    }
    return false;
}

static size_t digits(struct bytes text, size_t at)
{
    size_t start = at;
    while (at < text.size && byte_is_digit(text.data[at]))
        at++;
    return at - start;
}

/* RFC 8259 section 6. */
static bool is_number(struct bytes text)
{
    size_t at = text.size && text.data[0] == '-', whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text.data[at] == '0'))
        return false;
    at += whole;
    if (at < text.size && text.data[at] == '.') {
        size_t part = digits(text, at + 1);
        if (part == 0)
            return false;
        at += 1 + part;
    }
    if (at < text.size && (text.data[at] | 0x20) == 'e') {
        at++;
        at += at < text.size && (text.data[at] == '+' || text.data[at] == '-');
        size_t part = digits(text, at);
        if (part == 0)
            return false;
        at += part;
    }
    return at == text.size;
}

static enum json_type word(struct bytes text)
{
    if (bytes_is(text, "true"))
        return JSON_TRUE;
    if (bytes_is(text, "false"))
        return JSON_FALSE;
    if (bytes_is(text, "null"))
        return JSON_NULL;
    return is_number(text) ? JSON_NUMBER : JSON_NONE;
}

static struct json_value take_value(struct json_cursor *c)
{
    struct json_value none = { JSON_NONE, BYTES_NONE };
    skip_space(c);
    if (c->at == c->end)
        return none;
    const uint8_t *start = c->at;
    struct json_value value = none;
    if (*start == '"') {
        c->at++;
        if (skip_string(c))
            value = (struct json_value){ JSON_STRING, bytes_of(start + 1, (size_t)(c->at - start) - 2) };
    } else if (*start == '{' || *start == '[') {
        if (skip_nested(c))
            value = (struct json_value){ *start == '{' ? JSON_OBJECT : JSON_ARRAY,
                                         bytes_of(start, (size_t)(c->at - start)) };
    } else {
        while (c->at < c->end && !memchr(",]} \t\r\n", *c->at, 7))
            c->at++;
        struct bytes text = bytes_of(start, (size_t)(c->at - start));
        value = (struct json_value){ word(text), text };
    }
    return value;
}

struct json_value json_parse(struct bytes text)
{
    struct json_cursor c = { text.data, text.data + text.size, false };
    struct json_value value = text.size ? take_value(&c) : (struct json_value){ JSON_NONE, BYTES_NONE };
    if (text.size)
        skip_space(&c);
    if (c.at != c.end)
        value = (struct json_value){ JSON_NONE, BYTES_NONE };
    return value;
}

static struct json_cursor inside(struct json_value value, enum json_type type)
{
    if (value.type != type)
        return (struct json_cursor){ NULL, NULL, false };
    return (struct json_cursor){ value.text.data + 1, value.text.data + value.text.size - 1, false };
}

struct json_cursor json_members(struct json_value object)
{
    return inside(object, JSON_OBJECT);
}

struct json_cursor json_elements(struct json_value array)
{
    return inside(array, JSON_ARRAY);
}

static bool fail(struct json_cursor *c)
{
    c->at = c->end;
    c->failed = true;
    return false;
}

bool json_next_element(struct json_cursor *c, struct json_value *value)
{
    skip_space(c);
    if (c->at == c->end)
        return false;
    struct json_value found = take_value(c);
    skip_space(c);
    if (found.type == JSON_NONE || (c->at < c->end && *c->at != ','))
        return fail(c);
    if (c->at < c->end) {
        c->at++;
        skip_space(c);
        if (c->at == c->end)
            return fail(c);
    }
    *value = found;
    return true;
}

bool json_next(struct json_cursor *c, struct bytes *key, struct json_value *value)
{
    skip_space(c);
    if (c->at == c->end)
        return false;
    if (*c->at != '"')
        return fail(c);
    const uint8_t *start = ++c->at;
    if (!skip_string(c))
        return fail(c);
    struct bytes name = bytes_of(start, (size_t)(c->at - start) - 1);
    skip_space(c);
    if (c->at == c->end || *c->at != ':')
        return fail(c);
    c->at++;
    if (!json_next_element(c, value))
        return fail(c);
    *key = name;
    return true;
}

struct json_value json_find(struct json_value object, const char *path)
{
    struct bytes rest = bytes_of_string(path);
    while (rest.size) {
        struct bytes part = bytes_cut(&rest, '.');
        struct json_cursor c = json_members(object);
        struct bytes key;
        struct json_value value;
        bool found = false;
        while (!found && json_next(&c, &key, &value))
            found = bytes_equal(key, part);
        if (!found)
            return (struct json_value){ JSON_NONE, BYTES_NONE };
        object = value;
    }
    return object;
}

static void put_utf8(struct text *out, uint32_t code)
{
    if (code < 0x80) {
        text_char(out, (char)code);
    } else if (code < 0x800) {
        text_char(out, (char)(0xC0 | code >> 6));
        text_char(out, (char)(0x80 | (code & 63)));
    } else if (code < 0x10000) {
        text_char(out, (char)(0xE0 | code >> 12));
        text_char(out, (char)(0x80 | (code >> 6 & 63)));
        text_char(out, (char)(0x80 | (code & 63)));
    } else {
        text_char(out, (char)(0xF0 | code >> 18));
        text_char(out, (char)(0x80 | (code >> 12 & 63)));
        text_char(out, (char)(0x80 | (code >> 6 & 63)));
        text_char(out, (char)(0x80 | (code & 63)));
    }
}

static bool hex4(struct bytes *rest, uint32_t *code)
{
    if (rest->size < 4)
        return false;
    *code = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = byte_hex(rest->data[i]);
        if (digit < 0)
            return false;
        *code = *code << 4 | (uint32_t)digit;
    }
    *rest = bytes_from(*rest, 4);
    return true;
}

static bool unescape_unicode(struct bytes *rest, struct text *out)
{
    uint32_t code, low;
    if (!hex4(rest, &code) || (code >= 0xDC00 && code < 0xE000))
        return false;
    if (code >= 0xD800 && code < 0xDC00) {
        if (!bytes_starts(*rest, BYTES_OF("\\u")))
            return false;
        *rest = bytes_from(*rest, 2);
        if (!hex4(rest, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(out, code);
    return true;
}

bool json_unescape(struct json_value string, struct text *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    struct bytes rest = string.text;
    if (string.type != JSON_STRING)
        return false;
    while (rest.size) {
        size_t run = MIN(bytes_find_byte(rest, '\\'), rest.size);
        text_put(out, bytes_first(rest, run));
        rest = bytes_from(rest, run);
        if (rest.size == 0)
            break;
        if (rest.size < 2)
            return false;
        /* A size goes with data. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        uint8_t kind = rest.data[1];
        rest = bytes_from(rest, 2);
        if (kind == 'u') {
            if (!unescape_unicode(&rest, out))
                return false;
            continue;
        }
        const char *name = kind ? strchr(names, kind) : NULL;
        if (!name)
            return false;
        text_char(out, values[name - names]);
    }
    return true;
}

bool json_to_u64(struct json_value number, uint64_t *value)
{
    return number.type == JSON_NUMBER && bytes_to_u64(number.text, value);
}

uint64_t field_uint(const struct field *field, const void *record)
{
    const uint8_t *at = (const uint8_t *)record + field->offset;
    uint64_t value = 0;
    memcpy(&value, at, MIN(field->size, sizeof value));
    return value;
}

static int64_t field_int(const struct field *field, const void *record)
{
    unsigned spare = 64 - 8 * field->size;
    return (int64_t)(field_uint(field, record) << spare) >> spare;
}

static void write_list(const struct field *field, const struct field_list *list, struct text *out)
{
    json_open(out, field->name, '[');
    const uint8_t *item = list->items;
    for (size_t i = 0; i < list->count; i++, item += field->item_size) {
        json_open(out, NULL, '{');
        json_fields(out, field->fields, field->field_count, item);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_strings(const struct field *field, const struct field_list *list, struct text *out)
{
    json_open(out, field->name, '[');
    const struct bytes *item = list->items;
    for (size_t i = 0; i < list->count; i++)
        json_string(out, NULL, item[i]);
    json_close(out, ']');
}

static void write_address(const char *key, const struct address *address, struct text *out)
{
    json_key(out, key);
    text_char(out, '"');
    address_text(address, out);
    text_put(out, BYTES_OF("\","));
}

static void write_choice(const struct field *field, uint64_t index, struct text *out)
{
    size_t count = 0;
    while (count < field->choice_count || (field->choice_count == 0 && field->choices[count]))
        count++;
    if (index < count && field->choices[index])
        json_cstring(out, field->name, field->choices[index]);
    else
        json_uint(out, field->name, index);
}

static void write_field(const struct field *field, const void *record, struct text *out)
{
    const void *at = (const uint8_t *)record + field->offset;
    const struct bytes *bytes = at;
    const struct field_list *list = at;
    uint64_t number = 0;
    switch (field->type) {
    case FIELD_BYTES:
    case FIELD_TEXT:
    case FIELD_DATE:
        if (bytes->data)
            json_string(out, field->name, *bytes);
        break;
    case FIELD_HEX:
        if (bytes->data)
            json_hex(out, field->name, *bytes);
        break;
    case FIELD_UINT:
    case FIELD_REF:
    case FIELD_TIME:
        number = field_uint(field, record);
        if (number || field->keep_zero)
            json_uint(out, field->name, number);
        break;
    case FIELD_INT:
        if (field_int(field, record) || field->keep_zero)
            json_int(out, field->name, field_int(field, record));
        break;
    case FIELD_BOOL:
        if (field_uint(field, record) || field->keep_zero)
            json_bool(out, field->name, field_uint(field, record) != 0);
        break;
    case FIELD_REAL:
        json_real(out, field->name, *(const double *)at);
        break;
    case FIELD_CHOICE:
        number = field_uint(field, record);
        if (number || field->keep_zero)
            write_choice(field, number, out);
        break;
    case FIELD_ADDRESS:
        if (((const struct address *)at)->version)
            write_address(field->name, at, out);
        break;
    case FIELD_RECORD:
        json_open(out, field->name, '{');
        json_fields(out, field->fields, field->field_count, at);
        json_close(out, '}');
        break;
    case FIELD_LIST:
        if (list->count || field->keep_zero)
            write_list(field, list, out);
        break;
    case FIELD_STRINGS:
        if (list->count || field->keep_zero)
            write_strings(field, list, out);
        break;
    case FIELD_CUSTOM:
        field->write(field, record, out);
        break;
    }
}

void json_fields(struct text *out, const struct field *fields, size_t count, const void *record)
{
    for (size_t i = 0; i < count; i++)
        if (!fields[i].present || fields[i].present(record))
            write_field(&fields[i], record, out);
}

static bool copy_string(struct text *out, struct bytes escaped)
{
    struct text plain = text_new(escaped.size + 1);
    bool good = json_unescape((struct json_value){ JSON_STRING, escaped }, &plain);
    if (good)
        json_text(out, text_bytes(&plain));
    text_done(&plain);
    return good;
}

static bool copy_members(struct text *out, struct json_value object, const char *without)
{
    struct json_cursor cursor = json_members(object);
    struct bytes key;
    struct json_value value;
    json_open(out, NULL, '{');
    while (json_next(&cursor, &key, &value)) {
        if (without && bytes_is(key, without))
            continue;
        if (!copy_string(out, key))
            return false;
        json_end(out);
        text_char(out, ':');
        if (!json_copy(out, value, NULL))
            return false;
    }
    json_close(out, '}');
    return !cursor.failed;
}

static bool copy_elements(struct text *out, struct json_value array)
{
    struct json_cursor cursor = json_elements(array);
    struct json_value value;
    json_open(out, NULL, '[');
    while (json_next_element(&cursor, &value))
        if (!json_copy(out, value, NULL))
            return false;
    json_close(out, ']');
    return !cursor.failed;
}

bool json_copy(struct text *out, struct json_value value, const char *without)
{
    switch (value.type) {
    case JSON_OBJECT:
        return copy_members(out, value, without);
    case JSON_ARRAY:
        return copy_elements(out, value);
    case JSON_STRING:
        return copy_string(out, value.text);
    case JSON_NONE:
        return false;
    default:
        json_raw(out, NULL, value.text);
        return true;
    }
}
