/* SPDX-License-Identifier: Apache-2.0 */
/* content and what modifies it; isdataat, bsize, absent, rawbytes. */
#include <stdlib.h>

#include "detect/context.h"
#include "detect/keyword.h"

/* Bytes of a quoted content: text with |hex| parts and escapes of " ; : \ |. */
static bool content_bytes(struct compiler *c, struct bytes text, uint8_t *out, size_t *size)
{
    bool hex = false;
    int high = -1;
    *size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t b = text.data[i];
        if (b == '|') {
            if (high >= 0)
                return refuse(c, "half a byte between bars");
            hex = !hex;
            continue;
        }
        if (hex) {
            int digit = byte_hex(b);
            if (b == ' ' || b == '\t')
                continue;
            if (digit < 0)
                return refuse(c, "\"%c\" between bars is not a hexadecimal digit", b);
            if (high < 0) {
                high = digit;
                continue;
            }
            b = (uint8_t)(high << 4 | digit);
            high = -1;
        } else if (b == '\\') {
            if (++i == text.size)
                return refuse(c, "a backslash at the end");
            b = text.data[i];
            if (b != '"' && b != ';' && b != ':' && b != '\\' && b != '|')
                return refuse(c, "\"\\%c\" is no escape; only \\\" \\; \\: and \\\\ are", b);
        } else if (b == '"') {
            return refuse(c, "a quote inside must be escaped");
        }
        if (*size == CONTENT_MAX)
            return refuse(c, "longer than %d bytes", CONTENT_MAX);
        out[(*size)++] = b;
    }
    if (hex)
        return refuse(c, "a bar | is not closed");
    return *size || refuse(c, "is empty");
}

bool content_parse(struct compiler *c, struct bytes text, struct bytes *out)
{
    uint8_t raw[CONTENT_MAX];
    size_t size;
    return content_bytes(c, text, raw, &size) && compiler_copy(c, bytes_of(raw, size), out);
}

/* Takes a leading '!' off. */
static bool take_not(struct bytes *value)
{
    if (value->size == 0 || value->data[0] != '!')
        return false;
    *value = bytes_trim(bytes_from(*value, 1));
    return true;
}

/* Modifiers as options inside content's own value ("content:"x", nocase, depth 3"). */
static bool inner_modifiers(struct compiler *c, struct bytes rest);

static bool parse_content(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    bool negated = take_not(&value);
    if (value.size < 2 || value.data[0] != '"')
        return refuse(c, "the value must be in quotes");
    size_t end = 1;
    while (end < value.size && value.data[end] != '"')
        end += value.data[end] == '\\' ? 2 : 1;
    if (end >= value.size)
        return refuse(c, "a quote is not closed");
    struct bytes copy;
    if (!content_parse(c, bytes_of(value.data + 1, end - 1), &copy))
        return false;
    struct item *item = compiler_item(c, ITEM_CONTENT);
    if (!item)
        return false;
    item->negated = negated;
    item->content.bytes = copy;
    item->content.offset.variable = item->content.depth.variable = NO_VARIABLE;
    item->content.distance.variable = item->content.within.variable = NO_VARIABLE;
    c->last = item;
    c->last_use = c->use;
    if (keyword->mode) { /* uricontent */
        if (!compiler_move(c, BYTES_OF("http.uri")))
            return false;
    }
    return inner_modifiers(c, bytes_trim(bytes_from(value, end + 1)));
}

static bool parse_nocase(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    struct item *item = compiler_last(c, keyword);
    if (!item)
        return false;
    if (item->content.nocase)
        return refuse(c, "given twice");
    uint8_t lower[CONTENT_MAX];
    for (size_t i = 0; i < item->content.bytes.size; i++)
        lower[i] = byte_lower(item->content.bytes.data[i]);
    item->content.nocase = true;
    return compiler_copy(c, bytes_of(lower, item->content.bytes.size), &item->content.bytes);
}

enum position { AT_OFFSET, AT_DEPTH, AT_DISTANCE, AT_WITHIN };

/* offset, depth, distance, within: a number or a variable, once each; the two kinds do not mix. */
static bool parse_position(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct item *item = compiler_last(c, keyword);
    if (!item)
        return false;
    struct content *content = &item->content;
    const struct {
        bool *has;
        struct operand *operand;
    } places[] = { { &content->has_offset, &content->offset },
                   { &content->has_depth, &content->depth },
                   { &content->has_distance, &content->distance },
                   { &content->has_within, &content->within } };
    if (*places[keyword->mode].has)
        return refuse(c, "given twice");
    bool relative = keyword->mode >= AT_DISTANCE;
    if (relative ? content->has_offset || content->has_depth : content->has_distance || content->has_within)
        return refuse(c, "offset and depth do not go with distance and within");
    if (content->starts)
        return refuse(c, "does not go with startswith");
    if (content->fast_only)
        return refuse(c, "fast_pattern:only does not go with a position");
    int64_t low = keyword->mode == AT_DISTANCE ? -1048576 : 0, high = relative ? 1048576 : UINT16_MAX;
    struct operand *operand = places[keyword->mode].operand;
    if (!parse_operand(c, value, low, high, operand))
        return false;
    bool limits = keyword->mode == AT_DEPTH || keyword->mode == AT_WITHIN;
    if (limits && operand->variable == NO_VARIABLE && operand->value < (int64_t)content->bytes.size)
        return refuse(c, "%lld is less than the content's %zu bytes", (long long)operand->value,
                      content->bytes.size);
    *places[keyword->mode].has = true;
    return true;
}

static bool parse_startswith(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    struct item *item = compiler_last(c, keyword);
    if (!item)
        return false;
    struct content *content = &item->content;
    if (content->has_offset || content->has_depth || content->has_distance || content->has_within ||
        content->starts)
        return refuse(c, "does not go with other positions");
    content->starts = content->has_depth = true;
    content->depth.value = (int64_t)content->bytes.size;
    return true;
}

static bool parse_endswith(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    struct item *item = compiler_last(c, keyword);
    if (!item)
        return false;
    return item->content.ends = true;
}

static bool parse_fast_pattern(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct item *item = compiler_last(c, keyword);
    if (!item)
        return false;
    struct content *content = &item->content;
    if (bytes_is(c->sticky, "base64_data"))
        return refuse(c, "fast_pattern cannot be used with base64_data");
    if (c->has_fast_pattern)
        return refuse(c, "fast_pattern can be used on only one content in a rule");
    bool placed = content->has_offset || content->has_depth || content->has_distance || content->has_within;
    if (item->negated && placed)
        return refuse(c, "fast_pattern does not go with a negated content that has a position");
    content->fast_pattern = c->has_fast_pattern = true;
    if (!value.size)
        return true;
    if (bytes_is(value, "only")) {
        content->fast_only = true;
        compiler_note(c, NULL,
                      "'fast_pattern:only' option is silently ignored and is interpreted as regular "
                      "'fast_pattern'");
        return (!item->negated && !placed) ||
               refuse(c, "only does not go with a negated content or one that has a position");
    }
    struct bytes size = value, offset = bytes_cut(&size, ',');
    uint64_t at, count;
    if (!bytes_to_u64(bytes_trim(offset), &at) || !bytes_to_u64(bytes_trim(size), &count) || count == 0 ||
        at > content->bytes.size || count > content->bytes.size - at)
        return refuse(c, "\"%.*s\" is not a part of the content", (int)MIN(value.size, 40U),
                      (const char *)value.data);
    content->chop_offset = (uint16_t)at;
    content->chop_size = (uint16_t)count;
    return true;
}

static bool parse_rawbytes(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    if (c->sticky.data)
        return refuse(c, "\"rawbytes\" is about packets, not about the buffer %.*s",
                      (int)MIN(c->sticky.size, 40U), (const char *)c->sticky.data);
    return compiler_last(c, keyword) != NULL;
}

static bool parse_is_data_at(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    bool negated = take_not(&value), relative = false;
    struct bytes rest = value, place, word;
    if (!list_next(&rest, &place))
        return refuse(c, "a position is missing");
    while (list_next(&rest, &word)) {
        if (bytes_is(word, "relative"))
            relative = true;
        else if (!bytes_is(word, "rawbytes"))
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
    }
    struct operand at;
    if (!parse_operand(c, place, 0, 65535, &at))
        return false;
    struct item *before = c->last_payload;
    bool at_end = negated && relative && at.variable == NO_VARIABLE && at.value == 1;
    if (at_end && before && before == c->last && !before->negated)
        return before->content.ends = true; /* nothing behind it is the same as endswith */
    struct item *item = compiler_item(c, ITEM_DATA_AT);
    if (!item)
        return false;
    item->negated = negated;
    item->relative = relative;
    item->data_at = at;
    return true;
}

static bool parse_bsize(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    if (!c->sticky.data)
        return refuse(c, "needs a sticky buffer before it");
    struct item *item = compiler_item(c, ITEM_SIZE);
    return item && parse_range(c, value, UINT64_MAX, NULL, &item->size);
}

static bool parse_absent(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    if (!c->sticky.data || c->transforms)
        return refuse(c, "needs a sticky buffer before it");
    struct buffer_use *use = compiler_use(c);
    if (!use)
        return false;
    if (value.size && !bytes_is(value, "or_else"))
        return refuse(c, "takes nothing or or_else");
    if (use->items || use->absent || use->absent_or_else)
        return refuse(c, "must come first after its buffer");
    *(value.size ? &use->absent_or_else : &use->absent) = true;
    return true;
}

static bool parse_pkt_data(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    return compiler_sticky(c, BYTES_NONE);
}

/* replace: only meaningful inline, elsewhere it is not looked at; the content stays as it is. */
static bool parse_replace(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    if (!c->set->settings->inline_mode)
        return true;
    struct item *item = compiler_last(c, keyword);
    uint8_t raw[CONTENT_MAX];
    size_t size;
    if (!item || !unquote(&value) || !content_bytes(c, value, raw, &size))
        return false;
    return size == item->content.bytes.size || refuse(c, "must be as long as the content before it");
}

const struct keyword content_keywords[] = {
    { "content", .parse = parse_content, .help = "Bytes to find in the open buffer" },
    { "uricontent", .parse = parse_content, .mode = 1, .help = "Bytes to find in the normalised URI" },
    { "nocase", .parse = parse_nocase, .flags = KEYWORD_NO_VALUE,
      .help = "The content before it without regard to ASCII case" },
    { "offset", .parse = parse_position, .mode = AT_OFFSET, .help = "Where the content may start, in bytes" },
    { "depth", .parse = parse_position, .mode = AT_DEPTH,
      .help = "Where the content must end, in bytes from the offset" },
    { "distance", .parse = parse_position, .mode = AT_DISTANCE,
      .help = "Bytes between the match before and this content" },
    { "within", .parse = parse_position, .mode = AT_WITHIN,
      .help = "Bytes after the match before in which the content ends" },
    { "startswith", .parse = parse_startswith, .flags = KEYWORD_NO_VALUE,
      .help = "The content is at the buffer's start" },
    { "endswith", .parse = parse_endswith, .flags = KEYWORD_NO_VALUE,
      .help = "The content is at the buffer's end" },
    { "fast_pattern", .parse = parse_fast_pattern, .flags = KEYWORD_OPTIONAL,
      .help = "The prefilter looks for this content" },
    { "rawbytes", .parse = parse_rawbytes, .flags = KEYWORD_NO_VALUE,
      .help = "Accepted: payload is never decoded" },
    { "isdataat", .parse = parse_is_data_at, .help = "There are bytes at this place" },
    { "bsize", .parse = parse_bsize, .help = "Size of the open buffer in bytes" },
    { "absent", .parse = parse_absent, .flags = KEYWORD_OPTIONAL, .help = "The open buffer does not exist" },
    { "pkt_data", .parse = parse_pkt_data, .flags = KEYWORD_NO_VALUE, .help = "Back to the raw payload" },
    { "replace", .parse = parse_replace, .flags = KEYWORD_QUOTES,
      .help = "Accepted; packets are never rewritten" },
    { 0 },
};

static bool inner_modifiers(struct compiler *c, struct bytes rest)
{
    struct bytes word;
    if (rest.size && rest.data[0] == ',')
        rest = bytes_from(rest, 1);
    else if (rest.size)
        return refuse(c, "text after the closing quote");
    while (rest.size && list_next(&rest, &word)) {
        size_t space = bytes_find_byte(word, ' ');
        struct bytes name = bytes_first(word, space);
        struct bytes value = space == SIZE_MAX ? BYTES_NONE : bytes_trim(bytes_from(word, space));
        const struct keyword *row = content_keywords;
        while (row->name && (!bytes_is(name, row->name) || row->parse == parse_content))
            row++;
        if (!row->name)
            return refuse(c, "\"%.*s\" is not known", (int)MIN(name.size, 40U), (const char *)name.data);
        if (!row->parse(c, row, value))
            return false;
    }
    return true;
}
