/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of rules as members of JSON; see report.h. */
#include "detect/report.h"

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

#define PATTERN_TEXT_MAX (64U << 10)

static void write_bounds(struct text *out, const char *key, const char *low, uint64_t a, const char *high,
                         uint64_t b)
{
    json_open(out, key, '{');
    json_uint(out, low, a);
    json_uint(out, high, b);
    json_close(out, '}');
}

void report_range(struct text *out, const char *key, const struct range *range)
{
    static const char *const names[] = {
        [IS_EQUAL] = "equal", [IS_NOT] = "diff", [IS_LESS] = "lt",
        [IS_AT_MOST] = "lte", [IS_MORE] = "gt",  [IS_AT_LEAST] = "gte",
    };
    json_open(out, key, '{');
    switch (range->comparison) {
    case IS_BETWEEN:
    case IS_WITHIN:
        write_bounds(out, "range", "min", range->a, "max", range->b);
        break;
    case IS_OUTSIDE:
        write_bounds(out, "negated_range", "min", range->a, "max", range->b);
        break;
    case HAS_BITS:
        write_bounds(out, "bitmask", "mask", range->a, "value", range->b);
        break;
    case LACKS_BITS:
        write_bounds(out, "negated_bitmask", "mask", range->a, "value", range->b);
        break;
    default:
        json_uint(out, names[range->comparison], range->a);
    }
    json_close(out, '}');
}

void report_pattern(struct text *out, struct bytes bytes)
{
    struct text pattern = text_new(PATTERN_TEXT_MAX);
    bool in_hex = false;
    for (size_t i = 0; i < bytes.size; i++) {
        char c = (char)bytes.data[i], hex[4];
        bool plain = c > ' ' && c < 0x7f && !strchr("|:;\"'\\/`", c);
        if (plain == in_hex)
            text_char(&pattern, '|');
        else if (in_hex)
            text_char(&pattern, ' ');
        in_hex = !plain;
        if (plain) {
            text_char(&pattern, c);
        } else {
            snprintf(hex, sizeof hex, "%02X", bytes.data[i]);
            text_put(&pattern, bytes_of_string(hex));
        }
    }
    if (in_hex)
        text_char(&pattern, '|');
    json_string(out, "pattern", text_bytes(&pattern));
    text_done(&pattern);
}

bool content_is_plain(const struct item *item)
{
    const struct content *content = &item->content;
    return item->kind == ITEM_CONTENT && !item->negated && !item->relative_next && !content->has_offset &&
           !content->has_depth && !content->has_distance && !content->has_within && !content->chop_size;
}

static void write_place(struct text *out, const char *name, bool has, const struct operand *place,
                        int64_t from)
{
    if (has) /* of a variable nothing is known yet */
        json_int(out, name, place->variable == NO_VARIABLE ? from + place->value : 0);
}

void report_content(struct text *out, const struct item *item, const struct content_told *told)
{
    const struct content *content = &item->content;
    int64_t offset = content->has_offset && content->offset.variable == NO_VARIABLE ? content->offset.value
                                                                                    : 0;
    report_pattern(out, content->bytes);
    json_uint(out, "length", content->bytes.size);
    json_bool(out, "nocase", content->nocase);
    json_bool(out, "negated", item->negated);
    json_bool(out, "starts_with", content->starts);
    json_bool(out, "ends_with", content->ends);
    json_bool(out, "is_mpm", told->fast);
    json_bool(out, "no_double_inspect", told->fast && !told->bounded && content_is_plain(item));
    write_place(out, "offset", content->has_offset, &content->offset, 0);
    if (content->has_depth)
        write_place(out, "depth", true, &content->depth, offset);
    else if (told->depth)
        json_uint(out, "depth", told->depth);
    write_place(out, "distance", content->has_distance, &content->distance, 0);
    write_place(out, "within", content->has_within, &content->within, 0);
    json_bool(out, "fast_pattern", content->fast_pattern);
    json_bool(out, "relative_next", item->relative_next);
}

static void write_number_at(struct text *out, const struct number_at *at)
{
    json_int(out, "nbytes", at->size.value);
    json_int(out, "offset", at->offset.value);
}

static void write_base(struct text *out, const struct number_at *at)
{
    json_cstring(out, "base",
                 at->base == 16   ? "hex"
                 : at->base == 10 ? "dec"
                 : at->base == 8  ? "oct"
                                  : "unset");
}

static void write_flag(struct text *out, const char *name, bool set)
{
    if (set)
        json_cstring(out, NULL, name);
}

static void write_test(struct text *out, const struct item *item)
{
    const struct number_at *at = &item->test.at;
    write_number_at(out, at);
    write_base(out, at);
    json_open(out, "flags", '[');
    write_flag(out, "little_endian", at->little);
    write_flag(out, "string", at->text);
    write_flag(out, "relative", item->relative);
    write_flag(out, "dce", at->dce);
    json_close(out, ']');
}

static void write_jump(struct text *out, const struct item *item)
{
    const struct number_at *at = &item->jump.at;
    write_number_at(out, at);
    json_uint(out, "multiplier", item->jump.multiplier);
    json_int(out, "post_offset", item->jump.post_offset.value);
    write_base(out, at);
    json_open(out, "flags", '[');
    write_flag(out, "from_beginning", item->jump.from_beginning);
    write_flag(out, "little_endian", at->little);
    write_flag(out, "string", at->text);
    write_flag(out, "relative", item->relative);
    write_flag(out, "align", item->jump.align);
    write_flag(out, "dce", at->dce);
    write_flag(out, "from_end", item->jump.from_end);
    json_close(out, ']');
}

static void write_regex(struct text *out, const struct item *item)
{
    json_bool(out, "relative", item->relative);
    json_bool(out, "relative_next", item->relative_next);
    json_bool(out, "nocase", item->nocase);
    json_bool(out, "negated", item->negated);
}

void report_item(struct text *out, const char *name, const struct item *item, const struct content_told *told)
{
    static void (*const writers[ITEM_ASN1 + 1])(struct text *, const struct item *) = {
        [ITEM_REGEX] = write_regex,
        [ITEM_TEST] = write_test,
        [ITEM_JUMP] = write_jump,
    };
    json_open(out, NULL, '{');
    json_cstring(out, "name", name);
    if (item->kind == ITEM_CONTENT || writers[item->kind]) {
        json_open(out, name, '{');
        if (item->kind == ITEM_CONTENT)
            report_content(out, item, told);
        else
            writers[item->kind](out, item);
        json_close(out, '}');
    }
    json_close(out, '}');
}
