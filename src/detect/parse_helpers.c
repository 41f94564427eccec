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
} units[] = { { "kb", 10 },  { "mb", 20 },  { "gb", 30 }, { "kib", 10 },
              { "mib", 20 }, { "gib", 30 }, { "b", 0 } };

bool parse_size(struct bytes text, uint64_t *value)
{
    if (bytes_to_number(text, value))
        return true;
    size_t digits = 0;
    while (digits < text.size && byte_is_digit(text.data[digits]))
        digits++;
    struct bytes unit = bytes_trim(bytes_from(text, digits));
    uint64_t number;
    if (!bytes_to_u64(bytes_first(text, digits), &number))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (bytes_equal_nocase(unit, bytes_of_string(units[i].unit)) &&
            number <= UINT64_MAX >> units[i].shift) {
            *value = number << units[i].shift;
            return true;
        }
    }
    return false;
}

static bool parse_bound(struct compiler *c, struct bytes text, uint64_t max, const char *const *choices,
                        uint64_t *value)
{
    text = bytes_trim(text);
    for (size_t i = 0; choices && choices[i]; i++) {
        if (bytes_equal_nocase(text, bytes_of_string(choices[i]))) {
            *value = i;
            return true;
        }
    }
    if (!parse_size(text, value))
        return refuse(c, "\"%.*s\" is not a number", (int)MIN(text.size, 60U), (const char *)text.data);
    return *value <= max ||
           refuse(c, "must be 0 to %llu, not %llu", (unsigned long long)max, (unsigned long long)*value);
}

static const struct {
    const char *sign;
    uint8_t comparison;
} signs[] = { { ">=", IS_AT_LEAST }, { "<=", IS_AT_MOST }, { ">", IS_MORE },
              { "<", IS_LESS },      { "!&", LACKS_BITS }, { "&", HAS_BITS },
              { "!=", IS_NOT },      { "!", IS_NOT },      { "=", IS_EQUAL } };

bool parse_range(struct compiler *c, struct bytes text, uint64_t max, const char *const *choices,
                 struct range *range)
{
    text = bytes_trim(text);
    range->comparison = IS_EQUAL;
    range->b = 0;
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        struct bytes sign = bytes_of_string(signs[i].sign);
        if (bytes_starts(text, sign)) {
            range->comparison = signs[i].comparison;
            text = bytes_trim(bytes_from(text, sign.size));
            break;
        }
    }
    if (range->comparison == HAS_BITS || range->comparison == LACKS_BITS) {
        size_t equal = bytes_find_byte(text, '=');
        if (!parse_bound(c, bytes_first(text, equal), max, choices, &range->a))
            return false;
        if (equal != SIZE_MAX)
            return parse_bound(c, bytes_from(text, equal + 1), max, choices, &range->b);
        /* Without a value: some of the bits are set, as in Suricata's "&mask" (any) form. */
        range->comparison = range->comparison == HAS_BITS ? LACKS_BITS : HAS_BITS;
        range->b = 0;
        return true;
    }
    size_t between = bytes_find(text, BYTES_OF("<>")), width = 2;
    if (between == SIZE_MAX) {
        between = bytes_find_byte(text, '-');
        width = 1;
    }
    if (between == SIZE_MAX || between == 0 || choices)
        return parse_bound(c, text, max, choices, &range->a);
    if (range->comparison != IS_EQUAL && range->comparison != IS_NOT)
        return refuse(c, "a range takes no other comparison");
    range->comparison = range->comparison == IS_NOT ? IS_OUTSIDE : IS_BETWEEN;
    if (!parse_bound(c, bytes_first(text, between), max, choices, &range->a) ||
        !parse_bound(c, bytes_from(text, between + width), max, choices, &range->b))
        return false;
    return range->a < range->b || refuse(c, "the range is empty");
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
