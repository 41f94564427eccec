/* SPDX-License-Identifier: Apache-2.0 */
/* asn1: encodings that no honest peer sends, found by walking tags and lengths (ITU-T X.690 section 8.1). */
#include <stdlib.h>

#include "base/reader.h"
#include "detect/asn1.h"
#include "detect/keyword.h"

#define ELEMENTS_MAX 256
#define DEPTH_MAX    32

struct wanted {
    bool bit_string, real, oversize;
    uint64_t size;
};

struct element {
    uint8_t tag;
    uint64_t size; /* as claimed */
};

static bool read_element(struct reader *in, struct element *element)
{
    element->tag = reader_u8(in);
    if ((element->tag & 31) == 31)
        for (int i = 0; i < 5 && reader_u8(in) & 0x80; i++)
            ;
    uint8_t first = reader_u8(in);
    element->size = first & 0x7f;
    if (first > 0x80) {
        unsigned count = first & 0x7f;
        element->size = 0;
        for (unsigned i = 0; i < count && reader_ok(in); i++)
            element->size = element->size > UINT64_MAX >> 8 ? UINT64_MAX : element->size << 8 | reader_u8(in);
    }
    return reader_ok(in);
}

/* BIT STRING names at most 7 unused bits (X.690 8.6.2.2); REAL in characters has no use for 256 (8.5.8). */
static bool is_odd(const struct element *element, const struct reader *in, const struct wanted *wanted)
{
    struct bytes content = reader_peek(in);
    uint8_t number = element->tag & 0x1f;
    bool universal = (element->tag & 0xc0) == 0, primitive = !(element->tag & 0x20);
    if (wanted->oversize && element->size > wanted->size)
        return true;
    if (wanted->bit_string && universal && primitive && number == 3 && content.size && content.data[0] > 7)
        return true;
    return wanted->real && universal && primitive && number == 9 && element->size > 256 && content.size &&
           !(content.data[0] & 0x80);
}

bool asn1_is_odd(struct bytes data, const void *asked)
{
    const struct wanted *wanted = asked;
    struct reader levels[DEPTH_MAX];
    size_t depth = 0;
    levels[0] = reader_of_bytes(data);
    for (int count = 0; count < ELEMENTS_MAX; count++) {
        while (depth && reader_empty(&levels[depth]))
            depth--;
        if (reader_empty(&levels[depth]))
            return false;
        struct element element;
        if (!read_element(&levels[depth], &element))
            return false;
        if (is_odd(&element, &levels[depth], wanted))
            return true;
        size_t size = (size_t)MIN(element.size, (uint64_t)reader_left(&levels[depth]));
        struct reader inner = reader_sub(&levels[depth], size);
        if (element.tag & 0x20 && depth + 1 < DEPTH_MAX)
            levels[++depth] = inner;
    }
    return false;
}

static bool parse_asn1(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct wanted *wanted = COMPILER_NEW(c, struct wanted);
    struct item *item = wanted ? compiler_item(c, ITEM_ASN1) : NULL;
    if (!item)
        return false;
    item->asn1.offset.variable = NO_VARIABLE;
    item->asn1.wanted = wanted;
    while (value.size) {
        /* Words are separated by commas or spaces. */
        struct bytes word, number;
        if (!list_next(&value, &word))
            break;
        size_t space = MIN(bytes_find_byte(word, ' '), word.size);
        number = bytes_trim(bytes_from(word, space));
        word = bytes_first(word, space);
        int64_t offset;
        if (bytes_is(word, "bitstring_overflow")) {
            wanted->bit_string = true;
        } else if (bytes_is(word, "double_overflow")) {
            wanted->real = true;
        } else if (bytes_is(word, "oversize_length") && bytes_to_u64(number, &wanted->size)) {
            wanted->oversize = true;
        } else if ((bytes_is(word, "relative_offset") || bytes_is(word, "absolute_offset")) &&
                   parse_i64(number, &offset) && offset >= -65535 && offset <= 65535) {
            item->relative = bytes_is(word, "relative_offset");
            item->asn1.offset.value = offset;
        } else {
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
        }
    }
    return true;
}

const struct keyword asn1_keywords[] = {
    { "asn1", .parse = parse_asn1, .help = "Malformed ASN.1", .source = "ITU-T X.690 8.1" },
    { 0 },
};
