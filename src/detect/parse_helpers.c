/* SPDX-License-Identifier: Apache-2.0 */
/* Values that many keywords share: numbers, ranges, operands; and the shapes of simple rows. */
#include <stdlib.h>

#include "detect/context.h"
#include "detect/keyword.h"

bool parse_i64(struct bytes text, int64_t *value)
{
    bool minus = text.size && text.data[0] == '-';
    if (text.size && (text.data[0] == '-' || text.data[0] == '+'))
        text = bytes_from(text, 1);
    uint64_t number;
    if (!bytes_to_number(text, &number) || number > INT64_MAX)
        return false;
    *value = minus ? -(int64_t)number : (int64_t)number;
    return true;
}

static const struct {
    const char *unit;
    unsigned shift;
} units[] = { { "kb", 10 }, { "mb", 20 }, { "gb", 30 }, { "kib", 10 }, { "mib", 20 }, { "gib", 30 } };

static bool unit_shift(struct bytes unit, unsigned *shift)
{
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (bytes_equal_nocase(unit, bytes_of_string(units[i].unit))) {
            *shift = units[i].shift;
            return true;
        }
    }
    return false;
}

bool parse_size(struct bytes text, uint64_t *value)
{
    size_t digits = 0;
    unsigned shift = 0;
    uint64_t number;
    if (text.size > 1 && text.data[1] == 'X')
        return false; /* only the small x marks a hexadecimal number */
    if (bytes_to_number(text, value))
        return true;
    while (digits < text.size && byte_is_digit(text.data[digits]))
        digits++;
    if (!bytes_to_u64(bytes_first(text, digits), &number) || !unit_shift(bytes_from(text, digits), &shift) ||
        number > UINT64_MAX >> shift)
        return false;
    *value = number << shift;
    return true;
}

/* A number from 0 to `max`. */
static bool parse_bound(struct compiler *c, struct bytes text, uint64_t max, uint64_t *value)
{
    text = bytes_trim(text);
    if (!parse_size(text, value))
        return refuse(c, "\"%.*s\" is not a number", (int)MIN(text.size, 60U), (const char *)text.data);
    return *value <= max ||
           refuse(c, "must be 0 to %llu, not %llu", (unsigned long long)max, (unsigned long long)*value);
}

static const struct {
    const char *sign;
    uint8_t comparison;
} signs[] = { { ">=", IS_AT_LEAST }, { "<=", IS_AT_MOST }, { ">", IS_MORE }, { "<", IS_LESS },
              { "&", HAS_BITS },     { "!=", IS_NOT },     { "!", IS_NOT },  { "=", IS_EQUAL } };

/* "&mask=value", "&mask!=value" after the '&'. */
static bool parse_mask(struct compiler *c, struct bytes text, uint64_t max, struct range *range)
{
    size_t equal = bytes_find_byte(text, '='), end = equal;
    if (equal == SIZE_MAX || !text.data)
        return refuse(c, "a mask wants a value, as in &0xf0=0x20");
    if (equal && text.data[equal - 1] == '!') {
        range->comparison = LACKS_BITS;
        end--;
    }
    if (!parse_bound(c, bytes_first(text, end), max, &range->a) ||
        !parse_bound(c, bytes_from(text, equal + 1), max, &range->b))
        return false;
    return !(range->b & ~range->a) || refuse(c, "the value has bits that the mask has not");
}

/* "1-5", "1<>5", "!1-5": what lies between them; `between` is the place of the sign in `text`. */
static bool parse_between(struct compiler *c, struct bytes text, size_t between, uint64_t max,
                          struct range *range)
{
    size_t width = text.data[between] == '<' ? 2 : 1;
    range->comparison = IS_BETWEEN;
    if (text.data[0] == '!') {
        range->comparison = IS_OUTSIDE;
        text = bytes_from(text, 1);
        between--;
    }
    if (!between || byte_is_space(text.data[0]))
        return refuse(c, "a range starts with its lower number");
    if (!parse_bound(c, bytes_first(text, between), max, &range->a) ||
        !parse_bound(c, bytes_from(text, between + width), max, &range->b))
        return false;
    return (range->b > range->a && range->b - range->a > 1) ||
           refuse(c, "the range is empty: its ends do not belong to it");
}

/* What always holds and what never does is a mistake, as the range that holds nothing is. */
static bool says_something(struct compiler *c, const struct range *range, uint64_t max)
{
    bool lowest = range->a == 0, highest = range->a == max;
    if ((range->comparison == IS_LESS && lowest) || (range->comparison == IS_AT_LEAST && lowest) ||
        (range->comparison == IS_MORE && highest) || (range->comparison == IS_AT_MOST && highest))
        return refuse(c, "every number is 0 to %llu: this holds always, or never", (unsigned long long)max);
    return true;
}

bool parse_range(struct compiler *c, struct bytes text, uint64_t max, const char *const *choices,
                 struct range *range)
{
    text = bytes_trim(text);
    *range = (struct range){ .comparison = IS_EQUAL };
    bool negated = text.size && text.data[0] == '!';
    struct bytes name = bytes_from(text, negated);
    for (size_t i = 0; name.size && choices && choices[i]; i++) {
        if (bytes_equal_nocase(name, bytes_of_string(choices[i]))) {
            range->comparison = negated ? IS_NOT : IS_EQUAL;
            range->a = i;
            return true;
        }
    }
    size_t between = bytes_find(text, BYTES_OF("<>"));
    if (between == SIZE_MAX)
        between = bytes_find_byte(text, '-');
    if (between != SIZE_MAX && between > negated)
        return parse_between(c, text, between, max, range);
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        struct bytes sign = bytes_of_string(signs[i].sign);
        if (bytes_starts(text, sign)) {
            range->comparison = signs[i].comparison;
            text = bytes_from(text, sign.size);
            break;
        }
    }
    if (range->comparison == HAS_BITS)
        return parse_mask(c, text, max, range);
    return parse_bound(c, text, max, &range->a) && says_something(c, range, max);
}

bool parse_variable(struct compiler *c, struct bytes name, int8_t *index)
{
    if (name.size == 0)
        return refuse(c, "the name of the variable is missing");
    for (size_t i = 0; i < c->variable_count; i++) {
        if (bytes_equal(c->variables[i], name)) {
            *index = (int8_t)i;
            return true;
        }
    }
    if (c->variable_count == RULE_VARIABLES_MAX)
        return refuse(c, "more than %d variables", RULE_VARIABLES_MAX);
    c->variables[c->variable_count] = name;
    *index = (int8_t)c->variable_count++;
    return true;
}

bool parse_operand(struct compiler *c, struct bytes text, int64_t low, int64_t high, struct operand *operand)
{
    text = bytes_trim(text);
    operand->variable = NO_VARIABLE;
    if (parse_i64(text, &operand->value)) {
        if (operand->value >= low && operand->value <= high)
            return true;
        return refuse(c, "must be %lld to %lld, not %.*s", (long long)low, (long long)high,
                      (int)MIN(text.size, 40U), (const char *)text.data);
    }
    for (size_t i = 0; i < c->variable_count; i++) {
        if (bytes_equal(c->variables[i], text)) {
            operand->variable = (int8_t)i;
            return true;
        }
    }
    return refuse(c, "Unknown byte_extract var seen in %.*s - %.*s", (int)MIN(c->keyword.size, 40U),
                  (const char *)c->keyword.data, (int)MIN(text.size, 40U), (const char *)text.data);
}

bool packet_number_holds(const struct check *check, struct context *context)
{
    uint64_t value;
    return check->number(context->packet, &value) && range_has(&check->range, value);
}

bool parse_packet_number(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct check *check = compiler_check(c, packet_number_holds);
    if (!check)
        return false;
    check->number = keyword->number;
    struct bytes plain = bytes_trim(value);
    if (keyword->mode == PLAIN_OR_NOT && plain.size && plain.data[0] == '!')
        plain = bytes_trim(bytes_from(plain, 1));
    uint64_t number;
    if (keyword->flags & KEYWORD_PLAIN && !bytes_to_u64(plain, &number))
        return refuse(c, "must be one number, not \"%.*s\"", (int)MIN(value.size, 40U),
                      (const char *)value.data);
    return parse_range(c, value, keyword->max, keyword->choices, &check->range);
}

bool parse_packet_bytes(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    return compiler_sticky(c, bytes_of_string(keyword->name));
}

bool parse_ignored(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)c;
    (void)keyword;
    (void)value;
    return true;
}
