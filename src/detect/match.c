/* SPDX-License-Identifier: Apache-2.0 */
/* Matching the items of a rule in one buffer.
 *
 * Items are tried in order with one cursor: the end of the latest match. When a later item depends on where
 * an earlier one matched, the earlier one's other occurrences are tried before giving up. */
#include <math.h>
#include <stdlib.h>

#include "detect/asn1.h"
#include "detect/context.h"
#include "detect/data.h"
#include "detect/dataset.h"
#include "detect/engine.h"
#include "detect/regex.h"

/* STOP: no other occurrence of an earlier item can help. */
enum outcome { NO_MATCH, MATCH, STOP };

struct matching {
    struct bytes data;
    uint64_t offset; /* of data in the whole body or stream */
    struct context *context;
    bool is_base64;
};

static enum outcome match_from(const struct matching *m, const struct item *item, size_t cursor);

static int64_t value_of(const struct matching *m, const struct operand *operand)
{
    return operand->variable == NO_VARIABLE ? operand->value
                                            : (int64_t)m->context->variables[(unsigned)operand->variable];
}

static int64_t clamp(int64_t value, size_t size)
{
    return value < 0 ? 0 : value > (int64_t)size ? (int64_t)size : value;
}

/* [*low, *high): where the content may stand; false when it can stand nowhere. */
static bool content_room(const struct matching *m, const struct content *content, size_t cursor, size_t *low,
                         size_t *high)
{
    int64_t size = (int64_t)m->data.size, from = 0, to = size;
    if (content->has_distance || content->has_within) {
        int64_t distance = content->has_distance ? value_of(m, &content->distance) : 0;
        from = MAX((int64_t)cursor + distance, 0);
        if (content->has_within)
            to = MIN(size, (int64_t)cursor + distance + value_of(m, &content->within));
    } else {
        /* Places count from the start of the body; what of it is no longer here cannot match. */
        int64_t gone = (int64_t)MIN(m->offset, (uint64_t)INT32_MAX);
        int64_t offset = content->has_offset ? value_of(m, &content->offset) : 0;
        from = MAX(offset - gone, 0);
        if (content->has_depth)
            to = MIN(size, offset + value_of(m, &content->depth) - gone);
    }
    if (from > to || to < 0)
        return false;
    *low = (size_t)clamp(from, m->data.size);
    *high = (size_t)clamp(to, m->data.size);
    return *low <= *high;
}

static size_t find(const struct content *content, struct bytes in)
{
    return content->nocase ? bytes_find_nocase(in, content->bytes) : bytes_find(in, content->bytes);
}

static bool equal(const struct content *content, const uint8_t *at)
{
    struct bytes there = bytes_of(at, content->bytes.size);
    return content->nocase ? bytes_equal_nocase(there, content->bytes) : bytes_equal(there, content->bytes);
}

/* The next occurrence in [low, high), or SIZE_MAX. */
static size_t next_occurrence(const struct matching *m, const struct content *content, size_t low,
                              size_t high)
{
    size_t size = content->bytes.size;
    if (high < low || high - low < size)
        return SIZE_MAX;
    if (content->ends) {
        if (high != m->data.size || m->data.size < size || m->data.size - size < low)
            return SIZE_MAX;
        return equal(content, m->data.data + m->data.size - size) ? m->data.size - size : SIZE_MAX;
    }
    size_t at = find(content, bytes_of(m->data.data + low, high - low));
    return at == SIZE_MAX ? SIZE_MAX : low + at;
}

static enum outcome match_content(const struct matching *m, const struct item *item, size_t cursor)
{
    const struct content *content = &item->content;
    bool relative = content->has_distance || content->has_within;
    bool variable = content->offset.variable != NO_VARIABLE || content->depth.variable != NO_VARIABLE;
    size_t low, high;
    bool room = content_room(m, content, cursor, &low, &high);
    size_t at = room ? next_occurrence(m, content, low, high) : SIZE_MAX;
    if (item->negated) {
        if (at == SIZE_MAX)
            return match_from(m, item->next, cursor);
        return relative || variable ? NO_MATCH : STOP;
    }
    if (at == SIZE_MAX) {
        if (!relative && !variable && !content->ends && !m->is_base64)
            m->context->missing = item;
        return relative || variable ? NO_MATCH : STOP;
    }
    for (; at != SIZE_MAX; at = next_occurrence(m, content, at + 1, high)) {
        enum outcome rest = match_from(m, item->next, at + content->bytes.size);
        if (rest != NO_MATCH || !item->relative_next || content->ends)
            return rest;
    }
    return NO_MATCH;
}

static enum outcome match_regex(const struct matching *m, const struct item *item, size_t cursor)
{
    size_t from = item->relative ? cursor : 0, start, end;
    /* Relative expressions see what follows the cursor as the whole subject, so ^ and \A anchor there. */
    struct bytes subject = bytes_from(m->data, from);
    size_t at = 0;
    for (;;) {
        enum regex_result result = regex_match(item->regex, context_regex(m->context), subject, at, &start,
                                               &end);
        if (result == REGEX_LIMIT) {
            m->context->counters[DETECT_MATCH_LIMIT]++;
            return item->relative ? NO_MATCH : STOP;
        }
        bool found = result == REGEX_YES;
        if (item->negated) {
            if (found)
                return item->relative ? NO_MATCH : STOP;
            return match_from(m, item->next, cursor);
        }
        if (!found)
            return item->relative || at ? NO_MATCH : STOP;
        const struct alert_note *before = m->context->notes;
        if (regex_captures(item->regex))
            regex_note(item->regex, subject, m->context);
        enum outcome rest = match_from(m, item->next, from + end);
        if (rest != MATCH)
            m->context->notes = before;
        if (rest != NO_MATCH || !item->relative_next)
            return rest;
        at = start + 1;
        if (at > subject.size)
            return NO_MATCH;
    }
}

/* ---- numbers ---- */

static bool read_text(struct bytes digits, uint8_t base, uint64_t *value, size_t *used)
{
    size_t at = 0;
    bool minus = false;
    *value = 0;
    while (at < digits.size && byte_is_space(digits.data[at]))
        at++;
    if (at < digits.size && (digits.data[at] == '-' || digits.data[at] == '+'))
        minus = digits.data[at++] == '-';
    bool hex_prefix = digits.size - at > 2 && digits.data[at] == '0' &&
                      byte_lower(digits.data[at + 1]) == 'x';
    if (hex_prefix && (base == 16 || base == 0)) {
        at += 2;
        base = 16;
    } else if (base == 0) {
        base = at < digits.size && digits.data[at] == '0' ? 8 : 10;
    }
    size_t first = at;
    for (; at < digits.size; at++) {
        int digit = byte_hex(digits.data[at]);
        if (digit < 0 || digit >= base)
            break;
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit, value))
            return false;
    }
    if (minus)
        *value = 0 - *value;
    *used = at;
    return at > first;
}

/* Reads the number; *end is the offset behind it. */
static bool read_number(const struct matching *m, const struct number_at *at, bool relative, size_t cursor,
                        uint64_t *value, size_t *end)
{
    int64_t start = value_of(m, &at->offset) + (relative ? (int64_t)cursor : 0);
    int64_t size = value_of(m, &at->size);
    if (start < 0 || size < 0 || start > (int64_t)m->data.size || size > (int64_t)m->data.size - start)
        return false;
    if (size == 0 && at->text) {
        /* As many digits as there are. */
        size = MIN((int64_t)m->data.size - start, (int64_t)NUMBER_TEXT_MAX);
        if (size == 0)
            return false;
    }
    struct bytes there = bytes_of(m->data.data + start, (size_t)size);
    *end = (size_t)(start + size);
    if (at->text) {
        size_t used;
        if (!read_text(there, at->base, value, &used))
            return false;
        *end = (size_t)start + used;
    } else {
        if (size > 8)
            return false;
        bool little = at->little || (at->dce && context_dce_little(m->context));
        *value = 0;
        for (size_t i = 0; i < there.size; i++)
            *value = *value << 8 | there.data[little ? there.size - 1 - i : i];
    }
    if (at->mask)
        *value = (*value & at->mask) >> __builtin_ctzll(at->mask);
    return true;
}

static bool compare(const struct item *item, uint64_t have, uint64_t want)
{
    bool holds = false;
    switch (item->test.comparison) {
    case '<':
        holds = have < want;
        break;
    case '>':
        holds = have > want;
        break;
    case 'l':
        holds = have <= want;
        break;
    case 'g':
        holds = have >= want;
        break;
    case '=':
        holds = have == want;
        break;
    case '&':
        holds = (have & want) != 0;
        break;
    case '^':
        holds = (have ^ want) != 0;
        break;
    default:
        break;
    }
    return holds != item->test.not ;
}

static enum outcome match_test(const struct matching *m, const struct item *item, size_t cursor)
{
    uint64_t value;
    size_t end;
    if (!read_number(m, &item->test.at, item->relative, cursor, &value, &end) ||
        !compare(item, value, (uint64_t)value_of(m, &item->test.value)))
        return NO_MATCH;
    return match_from(m, item->next, cursor);
}

static enum outcome match_jump(const struct matching *m, const struct item *item, size_t cursor)
{
    uint64_t value = 0;
    size_t end = item->relative ? cursor : 0;
    if (!read_number(m, &item->jump.at, item->relative, cursor, &value, &end))
        return NO_MATCH;
    int64_t post = value_of(m, &item->jump.post_offset);
    if (value > UINT32_MAX)
        return NO_MATCH;
    value *= item->jump.multiplier;
    if (item->jump.align)
        value = (value + 3) & ~(uint64_t)3;
    int64_t to = (int64_t)value + post;
    if (item->jump.from_end)
        to += (int64_t)m->data.size;
    else if (!item->jump.from_beginning)
        to += (int64_t)end;
    if (to < 0 || to > (int64_t)m->data.size)
        return NO_MATCH;
    return match_from(m, item->next, (size_t)to);
}

static enum outcome match_extract(const struct matching *m, const struct item *item, size_t cursor)
{
    uint64_t value;
    size_t end;
    if (!read_number(m, &item->extract.at, item->relative, cursor, &value, &end))
        return NO_MATCH;
    value *= item->extract.multiplier;
    if (item->extract.align)
        value = (value + item->extract.align - 1U) / item->extract.align * item->extract.align;
    m->context->variables[(unsigned)item->extract.result] = value;
    return match_from(m, item->next, end);
}

static bool calculate(uint8_t operation, uint64_t a, uint64_t b, uint64_t *result)
{
    switch (operation) {
    case BYTE_ADD:
        *result = a + b;
        return true;
    case BYTE_SUBTRACT:
        *result = a - b;
        return true;
    case BYTE_MULTIPLY:
        *result = a * b;
        return true;
    case BYTE_DIVIDE:
        *result = b ? a / b : 0;
        return b != 0;
    case BYTE_SHIFT_LEFT:
        *result = b < 64 ? a << b : 0;
        return true;
    case BYTE_SHIFT_RIGHT:
        *result = b < 64 ? a >> b : 0;
        return true;
    default:
        return false;
    }
}

static enum outcome match_math(const struct matching *m, const struct item *item, size_t cursor)
{
    uint64_t value, result;
    size_t end;
    if (!read_number(m, &item->math.at, item->relative, cursor, &value, &end) ||
        !calculate(item->math.operation, value, (uint64_t)value_of(m, &item->math.value), &result))
        return NO_MATCH;
    m->context->variables[(unsigned)item->math.result] = result;
    return match_from(m, item->next, end);
}

/* ---- the rest ---- */

static enum outcome match_data_at(const struct matching *m, const struct item *item, size_t cursor)
{
    int64_t place = value_of(m, &item->data_at);
    bool there = item->relative ? place >= 0 && (uint64_t)place <= m->data.size - cursor
                                : place >= 0 && (uint64_t)place < m->data.size;
    if (there == item->negated)
        return item->relative || item->data_at.variable != NO_VARIABLE ? NO_MATCH : STOP;
    return match_from(m, item->next, cursor);
}

static enum outcome match_base64(const struct matching *m, const struct item *item, size_t cursor)
{
    int64_t start = value_of(m, &item->base64.offset) + (item->relative ? (int64_t)cursor : 0);
    int64_t limit = value_of(m, &item->base64.size);
    if (start < 0 || start >= (int64_t)m->data.size)
        return NO_MATCH;
    struct bytes encoded = bytes_from(m->data, (size_t)start);
    if (limit > 0)
        encoded = bytes_first(encoded, (size_t)limit);
    struct bytes decoded = base64_lenient(encoded, m->context->scratch);
    if (!decoded.size)
        return NO_MATCH;
    if (item->base64.items) {
        struct matching inner = { decoded, 0, m->context, true };
        if (match_from(&inner, item->base64.items, 0) != MATCH)
            return NO_MATCH;
    }
    return match_from(m, item->next, cursor);
}

static double shannon(struct bytes data)
{
    size_t counts[256] = { 0 };
    double bits = 0;
    for (size_t i = 0; i < data.size; i++)
        counts[data.data[i]]++;
    for (size_t i = 0; i < 256; i++) {
        if (counts[i]) {
            double share = (double)counts[i] / (double)data.size;
            bits -= share * log2(share);
        }
    }
    return bits;
}

static bool match_entropy(const struct matching *m, const struct item *item)
{
    struct bytes part = bytes_from(m->data, (size_t)clamp(value_of(m, &item->entropy.offset), m->data.size));
    int64_t size = value_of(m, &item->entropy.size);
    if (size > 0)
        part = bytes_first(part, (size_t)size);
    double have = shannon(part), want = item->entropy.value;
    if (part.size)
        flow_entropy_keep(m->context, item->entropy.name, have);
    switch (item->entropy.comparison) {
    case IS_LESS:
        return have < want;
    case IS_AT_MOST:
        return have <= want;
    case IS_MORE:
        return have > want;
    case IS_AT_LEAST:
        return have >= want;
    case IS_NOT:
        return fabs(have - want) > 1e-9;
    case IS_BETWEEN:
        return have > want && have < item->entropy.high;
    case IS_OUTSIDE:
        return have <= want || have >= item->entropy.high;
    default:
        return fabs(have - want) <= 1e-9;
    }
}

static enum outcome match_asn1(const struct matching *m, const struct item *item, size_t cursor)
{
    int64_t from = value_of(m, &item->asn1.offset) + (item->relative ? (int64_t)cursor : 0);
    if (from < 0 || !asn1_is_odd(bytes_from(m->data, (size_t)from), item->asn1.wanted))
        return NO_MATCH;
    return match_from(m, item->next, cursor);
}

static enum outcome match_from(const struct matching *m, const struct item *item, size_t cursor)
{
    if (!item)
        return MATCH;
    if (m->context->steps == 0)
        return STOP;
    m->context->steps--;
    switch (item->kind) {
    case ITEM_CONTENT:
        return match_content(m, item, cursor);
    case ITEM_REGEX:
        return match_regex(m, item, cursor);
    case ITEM_DATA_AT:
        return match_data_at(m, item, cursor);
    case ITEM_SIZE:
        return range_has(&item->size, m->data.size + m->offset) ? match_from(m, item->next, cursor) : STOP;
    case ITEM_TEST:
        return match_test(m, item, cursor);
    case ITEM_JUMP:
        return match_jump(m, item, cursor);
    case ITEM_EXTRACT:
        return match_extract(m, item, cursor);
    case ITEM_MATH:
        return match_math(m, item, cursor);
    case ITEM_BASE64:
        return match_base64(m, item, cursor);
    case ITEM_DATASET:
        return dataset_match(item, m->data, m->context) ? match_from(m, item->next, cursor) : STOP;
    case ITEM_ENTROPY:
        return match_entropy(m, item) ? match_from(m, item->next, cursor) : STOP;
    case ITEM_ASN1:
        return match_asn1(m, item, cursor);
    case ITEM_BOUNCE:
        return ftp_bounce(m->data, m->context) ? match_from(m, item->next, cursor) : STOP;
    default:
        return STOP;
    }
}

bool item_stands(const struct item *item, struct bytes data)
{
    return find(&item->content, data) != SIZE_MAX;
}

#define STEPS_MAX 3000

bool match_items(const struct item *items, struct bytes data, uint64_t offset, struct context *context)
{
    struct matching m = { data, offset, context, false };
    context->steps = STEPS_MAX;
    context->missing = NULL;
    return match_from(&m, items, 0) == MATCH;
}
