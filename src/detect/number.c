/* SPDX-License-Identifier: Apache-2.0 */
/* byte_test, byte_jump, byte_extract, byte_math, base64_decode and entropy: numbers read from buffers. */
#include <stdlib.h>

#include "detect/context.h"
#include "detect/keyword.h"
#include "detect/rule_view.h"

enum { TEST = 1, JUMP = 2, EXTRACT = 4, MATH = 8 };

/* How the number stands in the buffer, and what was said of that. */
struct words {
    struct item *item;
    struct number_at *at;
    uint8_t keyword;     /* TEST ... */
    bool ordered, based; /* the byte order, the base was named */
    uint16_t given;      /* byte_math: its own words */
    const char *wrong;   /* why a word is refused */
};

static bool parse_bitmask(struct words *w, struct bytes digits)
{
    uint64_t mask = 0;
    bool bad = !bytes_to_number(digits, &mask);
    if (bad && digits.size && digits.size <= 8) {
        bad = false;
        for (size_t i = 0; i < digits.size && !bad; i++) {
            bad = byte_hex(digits.data[i]) < 0;
            mask = mask << 4 | (bad ? 0 : (uint64_t)byte_hex(digits.data[i]));
        }
    }
    if (bad || mask == 0 || mask > UINT32_MAX)
        w->wrong = "the bit mask must be a number over 0, of 32 bits";
    w->at->mask = mask;
    return true;
}

static bool parse_base(struct words *w, struct bytes word)
{
    static const struct {
        const char *name;
        uint8_t base;
    } bases[] = { { "hex", 16 }, { "dec", 10 }, { "oct", 8 } };
    for (size_t i = 0; i < COUNT_OF(bases); i++) {
        if (bytes_is(word, bases[i].name)) {
            w->at->base = bases[i].base;
            return w->based = true;
        }
    }
    return false;
}

static bool parse_order(struct words *w, struct bytes word)
{
    w->ordered = bytes_is(word, "big") || bytes_is(word, "little");
    w->at->little = bytes_is(word, "little");
    return w->ordered;
}

/* Words that several share: relative, byte order, text and its base, dce, bitmask. byte_math names some of
 * them another way. False: not such a word. */
static bool common_word(struct words *w, struct bytes word)
{
    bool math = w->keyword == MATH;
    if (bytes_is(word, "relative")) {
        if (w->item->relative && w->keyword & (EXTRACT | MATH))
            w->wrong = "relative is there twice";
        return w->item->relative = true;
    }
    if (bytes_is(word, "dce"))
        return w->at->dce = true;
    if (bytes_starts(word, BYTES_OF("bitmask ")) && w->keyword & (TEST | MATH))
        return parse_bitmask(w, bytes_trim(bytes_from(word, 8)));
    if (math && bytes_starts(word, BYTES_OF("endian ")))
        return parse_order(w, bytes_trim(bytes_from(word, 7)));
    if (math && bytes_starts(word, BYTES_OF("string ")))
        return w->at->text = parse_base(w, bytes_trim(bytes_from(word, 7)));
    if (!math && bytes_is(word, "string"))
        return w->at->text = true;
    return !math && (parse_order(w, word) || parse_base(w, word));
}

static bool unknown_word(struct compiler *c, struct bytes word)
{
    return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
}

/* Words left in `rest`; those that are not common go to `own` when there is one. */
static bool words(struct compiler *c, struct words *w, struct bytes rest,
                  bool (*own)(struct compiler *, struct words *, struct bytes, bool *))
{
    struct bytes word;
    struct number_at *at = w->at;
    while (list_next(&rest, &word)) {
        bool bad = false;
        if (common_word(w, word)) {
            if (w->wrong)
                return refuse(c, "%s", w->wrong);
            continue;
        }
        if (!own || !own(c, w, word, &bad))
            return bad ? false : unknown_word(c, word);
    }
    if (w->based && !at->text)
        return refuse(c, "a base is that of a number in text: string is wanted");
    if (at->dce && (w->ordered || at->text))
        return refuse(c, "dce says the byte order: it does not go with another, or with text");
    if (!at->text && at->size.variable == NO_VARIABLE && at->size.value > 8)
        return refuse(c, "a binary number has at most 8 bytes");
    if (at->text && at->size.variable == NO_VARIABLE && at->size.value > NUMBER_TEXT_MAX)
        return refuse(c, "a number in text has at most 23 bytes");
    /* The byte order of a call is known in calls only. */
    if (at->dce && !c->protocols && !c->signature->protocols)
        c->signature->protocols = set_protocols_named(c->set, BYTES_OF("dcerpc"));
    return true;
}

static bool parse_byte_test(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct item *item = compiler_item(c, ITEM_TEST);
    struct bytes size, op, number, offset;
    if (!item)
        return false;
    if (!list_next(&value, &size) || !list_next(&value, &op) || !list_next(&value, &number) ||
        !list_next(&value, &offset))
        return refuse(c, "size, operator, value and offset are wanted");
    if (op.size && op.data[0] == '!') {
        item->test.not = true;
        op = bytes_trim(bytes_from(op, 1));
    }
    if (op.size == 0 && item->test.not )
        op = BYTES_OF("=");
    if (bytes_is(op, "<="))
        item->test.comparison = 'l';
    else if (bytes_is(op, ">="))
        item->test.comparison = 'g';
    else if (op.size == 1 && memchr("<>=&^", op.data[0], 5))
        item->test.comparison = op.data[0];
    else
        return refuse(c, "the operator must be < > = <= >= & or ^");
    uint64_t big;
    if (bytes_to_number(number, &big)) {
        item->test.value.value = (int64_t)big;
        item->test.value.variable = NO_VARIABLE;
    } else if (!parse_operand(c, number, INT64_MIN, INT64_MAX, &item->test.value)) {
        return false;
    }
    return parse_operand(c, size, 0, NUMBER_TEXT_MAX, &item->test.at.size) &&
           parse_operand(c, offset, -65535, 65535, &item->test.at.offset) &&
           words(c, &(struct words){ .item = item, .at = &item->test.at, .keyword = TEST }, value, NULL);
}

static bool jump_word(struct compiler *c, struct words *w, struct bytes word, bool *bad)
{
    struct item *item = w->item;
    uint64_t number;
    if (bytes_is(word, "align"))
        return item->jump.align = true;
    if (bytes_is(word, "from_beginning"))
        return item->jump.from_beginning = true;
    if (bytes_is(word, "from_end"))
        return item->jump.from_end = true;
    if (bytes_starts(word, BYTES_OF("multiplier "))) {
        *bad = !bytes_to_u64(bytes_trim(bytes_from(word, 11)), &number) || number == 0 || number > 65535;
        item->jump.multiplier = *bad ? 0 : (uint32_t)number;
        return *bad ? refuse(c, "the multiplier must be 1 to 65535") : true;
    }
    if (bytes_starts(word, BYTES_OF("post_offset "))) {
        *bad = !parse_operand(c, bytes_from(word, 12), -65535, 65535, &item->jump.post_offset);
        if (*bad || item->jump.post_offset.variable == NO_VARIABLE)
            return !*bad;
        *bad = true;
        return refuse(c, "post_offset must be a number");
    }
    return false;
}

static bool jump_words(struct compiler *c, struct item *item, struct bytes rest)
{
    struct words w = { .item = item, .at = &item->jump.at, .keyword = JUMP };
    if (!words(c, &w, rest, jump_word))
        return false;
    return !(item->jump.from_beginning && item->jump.from_end) ||
           refuse(c, "from_beginning and from_end do not go together");
}

static bool parse_byte_jump(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct item *item = compiler_item(c, ITEM_JUMP);
    struct bytes size, offset;
    if (!item)
        return false;
    item->jump.multiplier = 1;
    item->jump.post_offset.variable = NO_VARIABLE;
    if (!list_next(&value, &size) || !list_next(&value, &offset))
        return refuse(c, "size and offset are wanted");
    return parse_operand(c, size, 0, NUMBER_TEXT_MAX, &item->jump.at.size) &&
           parse_operand(c, offset, -65535, 65535, &item->jump.at.offset) && jump_words(c, item, value);
}

static bool extract_word(struct compiler *c, struct words *w, struct bytes word, bool *bad)
{
    struct item *item = w->item;
    uint64_t number;
    if (bytes_starts(word, BYTES_OF("align "))) {
        *bad = !bytes_to_u64(bytes_trim(bytes_from(word, 6)), &number) || (number != 2 && number != 4);
        item->extract.align = *bad ? 0 : (uint8_t)number;
        return *bad ? refuse(c, "align must be 2 or 4") : true;
    }
    if (bytes_starts(word, BYTES_OF("multiplier "))) {
        *bad = !bytes_to_u64(bytes_trim(bytes_from(word, 11)), &number) || number == 0 || number > 65535;
        item->extract.multiplier = *bad ? 0 : (uint32_t)number;
        return *bad ? refuse(c, "the multiplier must be 1 to 65535") : true;
    }
    return false;
}

static bool parse_byte_extract(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct item *item = compiler_item(c, ITEM_EXTRACT);
    struct bytes size, offset, name;
    if (!item)
        return false;
    item->extract.multiplier = 1;
    if (!list_next(&value, &size) || !list_next(&value, &offset) || !list_next(&value, &name))
        return refuse(c, "size, offset and a name are wanted");
    if (!parse_operand(c, size, 0, NUMBER_TEXT_MAX, &item->extract.at.size) ||
        !parse_operand(c, offset, -65535, 65535, &item->extract.at.offset))
        return false;
    if (item->extract.at.size.variable != NO_VARIABLE || item->extract.at.offset.variable != NO_VARIABLE)
        return refuse(c, "size and offset must be numbers");
    return words(c, &(struct words){ .item = item, .at = &item->extract.at, .keyword = EXTRACT }, value,
                 extract_word) &&
           parse_variable(c, name, &item->extract.result);
}

enum { MATH_BYTES, MATH_OFFSET, MATH_OPER, MATH_RVALUE, MATH_RESULT, MATH_WORD_COUNT };
static const char *const math_words[MATH_WORD_COUNT] = { "bytes", "offset", "oper", "rvalue", "result" };

static bool parse_math_operation(struct compiler *c, struct bytes value, uint8_t *operation)
{
    static const char *const operations[] = { "+", "-", "*", "/", "<<", ">>" };
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        if (bytes_is(value, operations[i])) {
            *operation = (uint8_t)i;
            return true;
        }
    }
    return refuse(c, "oper must be + - * / << or >>");
}

static bool parse_math_value(struct compiler *c, struct item *item, unsigned kind, struct bytes value)
{
    switch (kind) {
    case MATH_BYTES:
        return parse_operand(c, value, 1, NUMBER_TEXT_MAX, &item->math.at.size);
    case MATH_OFFSET:
        return parse_operand(c, value, -65535, 65535, &item->math.at.offset) &&
               (item->math.at.offset.variable == NO_VARIABLE || refuse(c, "offset must be a number"));
    case MATH_OPER:
        return parse_math_operation(c, value, &item->math.operation);
    case MATH_RVALUE:
        return parse_operand(c, value, 0, UINT32_MAX, &item->math.value);
    default:
        return parse_variable(c, value, &item->math.result);
    }
}

static bool math_word(struct compiler *c, struct words *w, struct bytes word, bool *bad)
{
    size_t space = bytes_find_byte(word, ' ');
    unsigned kind = 0;
    if (space == SIZE_MAX)
        return false;
    struct bytes name = bytes_first(word, space), value = bytes_trim(bytes_from(word, space));
    while (kind < MATH_WORD_COUNT && !bytes_is(name, math_words[kind]))
        kind++;
    if (kind == MATH_WORD_COUNT)
        return false;
    *bad = true; /* unless it goes through */
    if (w->given >> kind & 1)
        return refuse(c, "%s is there twice", math_words[kind]);
    w->given |= (uint16_t)(1U << kind);
    *bad = !parse_math_value(c, w->item, kind, value);
    return !*bad;
}

static bool parse_byte_math(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct item *item = compiler_item(c, ITEM_MATH);
    if (!item)
        return false;
    item->math.at.size.variable = item->math.at.offset.variable = item->math.value.variable = NO_VARIABLE;
    item->math.result = NO_VARIABLE;
    struct words w = { .item = item, .at = &item->math.at, .keyword = MATH };
    if (!words(c, &w, value, math_word))
        return false;
    return w.given == (1U << MATH_WORD_COUNT) - 1 ||
           refuse(c, "bytes, offset, oper, rvalue and result are wanted");
}

static bool parse_base64_decode(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct item *item = compiler_item(c, ITEM_BASE64);
    struct bytes word;
    if (!item)
        return false;
    item->base64.size.variable = item->base64.offset.variable = NO_VARIABLE;
    while (list_next(&value, &word)) {
        if (bytes_is(word, "relative")) {
            item->relative = true;
        } else if (bytes_starts(word, BYTES_OF("bytes "))) {
            if (!parse_operand(c, bytes_from(word, 6), 1, 65535, &item->base64.size))
                return false;
        } else if (bytes_starts(word, BYTES_OF("offset "))) {
            if (!parse_operand(c, bytes_from(word, 7), 0, 65535, &item->base64.offset))
                return false;
        } else {
            return unknown_word(c, word);
        }
    }
    return true;
}

static bool parse_base64_data(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    (void)keyword;
    struct item *decoded = NULL;
    for (struct buffer_use *use = c->signature->uses; use; use = use->next)
        for (struct item *item = use->items; item; item = item->next)
            if (item->kind == ITEM_BASE64) {
                decoded = item;
                c->use = use;
            }
    if (!decoded)
        return refuse(c, "needs base64_decode before it");
    c->list = &decoded->base64.items;
    c->sticky = BYTES_OF("base64_data");
    c->sticky_used = true;
    c->last = c->last_payload = NULL;
    return true;
}

/* A number at the front of *text, which is then taken off. */
static bool take_double(struct bytes *text, double *value)
{
    char digits[32] = "", *end;
    size_t size = 0;
    while (size < text->size && size < sizeof digits - 1 &&
           (byte_is_digit(text->data[size]) || memchr(".eE+", text->data[size], 4)))
        size++;
    if (size == 0 || size == sizeof digits - 1)
        return false;
    memcpy(digits, text->data, size);
    *value = strtod(digits, &end);
    *text = bytes_trim(bytes_from(*text, (size_t)(end - digits)));
    return end > digits;
}

/* "7.5", ">= 7.5", "1-5", "1<>5", "!1-5" */
static bool parse_entropy_value(struct bytes text, struct item *item)
{
    static const struct {
        const char *sign;
        uint8_t comparison;
    } signs[] = { { ">=", IS_AT_LEAST }, { "<=", IS_AT_MOST }, { "!=", IS_NOT },    { "=", IS_EQUAL },
                  { "<", IS_LESS },      { ">", IS_MORE },     { "!", IS_OUTSIDE }, { "", IS_EQUAL } };
    size_t i = 0;
    while (!bytes_starts(text, bytes_of_string(signs[i].sign)))
        i++;
    uint8_t comparison = signs[i].comparison;
    bool plain = !signs[i].sign[0];
    text = bytes_trim(bytes_from(text, strlen(signs[i].sign)));
    if (!take_double(&text, &item->entropy.value))
        return false;
    if (text.size && (plain || comparison == IS_OUTSIDE)) {
        size_t dash = bytes_starts(text, BYTES_OF("<>")) ? 2 : text.data[0] == '-' ? 1 : 0;
        text = bytes_trim(bytes_from(text, dash));
        if (!dash || !take_double(&text, &item->entropy.high) || item->entropy.high <= item->entropy.value)
            return false;
        comparison = plain ? IS_BETWEEN : IS_OUTSIDE;
    } else if (comparison == IS_OUTSIDE) {
        return false;
    }
    item->entropy.comparison = comparison;
    return text.size == 0;
}

/* "bytes 100, offset 0, value >= 7.5" (all but the value may be left out) */
static bool parse_entropy(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct item *item = compiler_item(c, ITEM_ENTROPY);
    struct bytes word;
    bool given = false;
    if (!item)
        return false;
    item->entropy.size.variable = item->entropy.offset.variable = NO_VARIABLE;
    item->entropy.name = c->sticky.data && c->use ? view_buffer_name(c->set, c->use->buffer) : "content";
    while (list_next(&value, &word)) {
        struct bytes rest = bytes_trim(bytes_from(word, bytes_find_byte(word, ' ')));
        if (bytes_starts(word, BYTES_OF("bytes "))) {
            if (!parse_operand(c, rest, 0, 65535, &item->entropy.size))
                return false;
            continue;
        }
        if (bytes_starts(word, BYTES_OF("offset "))) {
            if (!parse_operand(c, rest, 0, 65535, &item->entropy.offset))
                return false;
            continue;
        }
        if (bytes_starts(word, BYTES_OF("value")))
            word = bytes_trim(bytes_from(word, 5));
        if (given || !parse_entropy_value(word, item))
            return refuse(
                c,
                "\"%.*s\" is no value: a number from 0 to 8, one behind = != < <= > >=, or a range \"1-5\" "
                "or \"!1-5\" is wanted",
                (int)MIN(word.size, 40U), (const char *)word.data);
        given = true;
    }
    return given || refuse(c, "a value is wanted");
}

const struct keyword number_keywords[] = {
    { "byte_test", .parse = parse_byte_test, .help = "Compares a number in the buffer" },
    { "byte_jump", .parse = parse_byte_jump, .help = "Moves the cursor by a number in the buffer" },
    { "byte_extract", .parse = parse_byte_extract, .help = "Keeps a number of the buffer in a variable" },
    { "byte_math", .parse = parse_byte_math, .help = "Calculates with a number of the buffer" },
    { "base64_decode", .parse = parse_base64_decode, .flags = KEYWORD_OPTIONAL,
      .help = "Decodes base64 in the buffer", .source = "RFC 4648 4" },
    { "base64_data", .parse = parse_base64_data, .flags = KEYWORD_NO_VALUE,
      .help = "What base64_decode made" },
    { "entropy", .parse = parse_entropy, .help = "Shannon entropy of the buffer in bits per byte" },
    { 0 },
};
