/* SPDX-License-Identifier: Apache-2.0 */
/* Names of buffers, and the small tables that a rule set grows while it is loaded. */
#include "detect/buffer.h"

#include <stdlib.h>

#include "proto/file.h"

int set_protocol_index(const struct ruleset *set, const struct protocol *protocol)
{
    for (size_t i = 0; i < set->protocol_count; i++)
        if (set->protocols[i] == protocol)
            return (int)i;
    return -1;
}

uint64_t set_protocols_named(const struct ruleset *set, struct bytes name)
{
    uint64_t found = 0;
    for (size_t i = 0; i < set->protocol_count; i++)
        if (protocol_is_named(set->protocols[i], name))
            found |= (uint64_t)1 << i;
    return found;
}

bool index_list_add(struct index_list *list, uint32_t index)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        uint32_t *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = index;
    return true;
}

int set_bit(struct ruleset *set, char kind, struct bytes name)
{
    char key[256];
    if (name.size == 0 || name.size >= sizeof key - 1)
        return -1;
    key[0] = kind;
    memcpy(key + 1, name.data, name.size);
    bool added;
    uintptr_t *place = map_add(&set->bits, bytes_of(key, name.size + 1), &added);
    if (!place)
        return -1;
    if (added) {
        if (set->bit_count == set->bit_capacity) {
            size_t capacity = set->bit_capacity ? set->bit_capacity * 2 : 256;
            const char **names = realloc(set->bit_names, capacity * sizeof *names);
            if (!names)
                return -1;
            set->bit_names = names;
            set->bit_capacity = capacity;
        }
        const char *copy = arena_string(&set->memory, name);
        if (!copy || set->bit_count >= UINT16_MAX)
            return -1;
        set->bit_names[set->bit_count++] = copy;
        *place = set->bit_count;
    }
    return (int)(*place - 1);
}

static bool name_row(struct ruleset *set, const struct inspect *row, struct bytes name, bool modifier)
{
    bool added;
    if (!name.size)
        return true;
    uintptr_t *place = map_add(&set->rows, name, &added);
    if (!place)
        return false;
    if (!added)
        return true;
    struct named_row *named = ARENA_NEW(&set->memory, struct named_row);
    if (!named)
        return false;
    named->row = row;
    named->modifier = modifier;
    *place = (uintptr_t)named;
    return true;
}

static bool name_words(struct ruleset *set, const struct inspect *row, const char *words, bool modifier)
{
    struct bytes rest = bytes_of_string(words);
    while (rest.size)
        if (!name_row(set, row, bytes_cut(&rest, ' '), modifier))
            return false;
    return true;
}

bool buffer_list_open(struct ruleset *set)
{
    for (size_t p = 0; p < set->protocol_count; p++) {
        const struct protocol *protocol = set->protocols[p];
        for (size_t i = 0; i < protocol->inspect_count; i++) {
            const struct inspect *row = &protocol->inspects[i];
            if (!name_row(set, row, bytes_of_string(row->name), false) ||
                !name_words(set, row, row->alias, false) || !name_words(set, row, row->modifier, true))
                return false;
        }
    }
    return true;
}

const struct named_row *buffer_named(const struct ruleset *set, struct bytes name)
{
    uintptr_t *place = map_find(&set->rows, name);
    return place ? (const struct named_row *)*place : NULL;
}

bool buffer_is_multiple(const struct buffer *buffer)
{
    if (buffer->kind == BUFFER_FILE_NAME || buffer->kind == BUFFER_FILE_MAGIC ||
        buffer->kind == BUFFER_FILE_DATA)
        return true;
    if (buffer->kind != BUFFER_TX)
        return false;
    for (size_t p = 0; p < PROTOCOLS_MAX; p++)
        if (buffer->rows[p] && buffer->rows[p]->kind == INSPECT_GET)
            return true;
    return false;
}

/* Rows named `name` of every protocol. */
static void fill_rows(const struct ruleset *set, struct buffer *buffer)
{
    for (size_t p = 0; p < set->protocol_count; p++) {
        const struct protocol *protocol = set->protocols[p];
        for (size_t i = 0; i < protocol->inspect_count; i++) {
            const struct inspect *row = &protocol->inspects[i];
            if (strcmp(row->name, buffer->name) != 0 || buffer->rows[p])
                continue;
            buffer->rows[p] = row;
            buffer->protocols |= (uint64_t)1 << p;
            buffer->directions |= row->directions;
            buffer->stream |= row->kind == INSPECT_STREAM;
        }
        if (buffer->kind >= BUFFER_FILES && buffer->kind <= BUFFER_FILE_MAGIC && protocol->file_directions) {
            buffer->protocols |= (uint64_t)1 << p;
            buffer->directions = 1 << TO_SERVER | 1 << TO_CLIENT;
            buffer->stream |= buffer->kind == BUFFER_FILE_DATA || buffer->kind == BUFFER_FILE_MAGIC;
        }
    }
}

static struct buffer *make(struct ruleset *set, const char *name, enum buffer_kind kind,
                           const struct transform *transforms, bool *added)
{
    char identity[512];
    struct text key = text_of(identity, sizeof identity);
    text_string(&key, name);
    for (const struct transform *t = transforms; t; t = t->next) {
        text_add(&key, "|%s:", t->name);
        text_put(&key, t->argument);
    }
    *added = false;
    uintptr_t *place = map_add(&set->buffer_map, text_bytes(&key), added);
    if (!place)
        return NULL;
    if (!*added)
        return (struct buffer *)*place;
    struct buffer *buffer = ARENA_NEW(&set->memory, struct buffer);
    if (set->buffer_count == set->buffer_capacity) {
        size_t capacity = set->buffer_capacity ? set->buffer_capacity * 2 : 64;
        struct buffer **buffers = realloc(set->buffers, capacity * sizeof *buffers);
        if (!buffers)
            return NULL;
        set->buffers = buffers;
        set->buffer_capacity = capacity;
    }
    if (!buffer || set->buffer_count >= BUFFER_NONE)
        return NULL;
    buffer->name = name;
    buffer->kind = (uint8_t)kind;
    buffer->index = (uint16_t)set->buffer_count;
    buffer->transforms = transforms;
    set->buffers[set->buffer_count++] = buffer;
    *place = (uintptr_t)buffer;
    return buffer;
}

struct buffer *set_buffer_kind(struct ruleset *set, const char *name, enum buffer_kind kind,
                               const struct transform *transforms)
{
    bool added;
    struct buffer *buffer = make(set, name, kind, transforms, &added);
    if (buffer && added) {
        if (kind >= BUFFER_TX && kind != BUFFER_FRAME)
            fill_rows(set, buffer);
        if (kind == BUFFER_EVENT || kind == BUFFER_HOOK || kind == BUFFER_TEST) {
            buffer->protocols = ~(uint64_t)0;
            buffer->directions = 1 << TO_SERVER | 1 << TO_CLIENT;
        }
    }
    return buffer;
}

static const struct {
    const char *name;
    enum buffer_kind kind;
} file_buffers[] = { { "file.data", BUFFER_FILE_DATA },
                     { "file.name", BUFFER_FILE_NAME },
                     { "file.magic", BUFFER_FILE_MAGIC } };

struct buffer *set_buffer(struct ruleset *set, struct bytes name, const struct transform *transforms)
{
    for (size_t i = 0; i < COUNT_OF(file_buffers); i++)
        if (bytes_is(name, file_buffers[i].name))
            return set_buffer_kind(set, file_buffers[i].name, file_buffers[i].kind, transforms);
    if (bytes_starts(name, BYTES_OF("frame:"))) {
        bool added;
        struct buffer *plain = NULL;
        for (size_t i = 0; i < set->buffer_count && !plain; i++)
            if (bytes_is(name, set->buffers[i]->name) && !set->buffers[i]->transforms)
                plain = set->buffers[i];
        struct buffer *buffer = plain ? make(set, plain->name, BUFFER_FRAME, transforms, &added) : NULL;
        if (buffer && buffer != plain) {
            memcpy(buffer->frame_types, plain->frame_types, sizeof buffer->frame_types);
            buffer->protocols = plain->protocols;
            buffer->directions = plain->directions;
        }
        return buffer;
    }
    const struct named_row *named = buffer_named(set, name);
    if (named)
        return set_buffer_kind(set, named->row->name, BUFFER_TX, transforms);
    uintptr_t *row = map_find(&set->keywords, name);
    const struct keyword *keyword = row ? (const struct keyword *)*row : NULL;
    if (!keyword || !keyword->bytes)
        return NULL;
    bool added;
    struct buffer *buffer = make(set, keyword->name, BUFFER_PACKET, transforms, &added);
    if (buffer && added)
        buffer->get_packet = keyword->bytes;
    return buffer;
}

/* Names of bits, each perhaps negated: those named must be set, those negated clear. */
static bool parse_bits(struct compiler *c, struct bytes value, const char *const *bits, struct range *range)
{
    struct bytes word;
    range->comparison = HAS_BITS;
    range->a = range->b = 0;
    while (list_next(&value, &word)) {
        bool negated = word.size && word.data[0] == '!';
        if (negated)
            word = bytes_trim(bytes_from(word, 1));
        bool known = false;
        for (unsigned i = 0; bits[i] && !known; i++) {
            if (word.size == 0 || !bytes_is(word, bits[i]))
                continue;
            known = true;
            range->a |= (uint64_t)1 << i;
            range->b |= negated ? 0 : (uint64_t)1 << i;
        }
        if (!known)
            return refuse(c, "\"%.*s\" is no flag", (int)MIN(word.size, 40U), (const char *)word.data);
    }
    return true;
}

/* "2,1": numbers of 16 bits, the first one highest; those left out may be anything. */
static bool parse_parts(struct compiler *c, struct bytes value, unsigned parts, struct range *range)
{
    struct bytes word;
    range->comparison = HAS_BITS;
    range->a = range->b = 0;
    for (unsigned shift = parts * 16; list_next(&value, &word);) {
        uint64_t number;
        if (!bytes_to_number(word, &number) || number > UINT16_MAX)
            return refuse(c, "\"%.*s\" is not a number of 16 bits", (int)MIN(word.size, 40U),
                          (const char *)word.data);
        if (shift == 0)
            return refuse(c, "more than %u numbers", parts);
        shift -= 16;
        range->a |= (uint64_t)UINT16_MAX << shift;
        range->b |= number << shift;
    }
    return range->a || refuse(c, "a number is wanted");
}

/* The smallest and largest number of 32 bits in `range`; false when they do not lie together. */
static bool range_ends(const struct range *range, uint64_t *low, uint64_t *high)
{
    *low = 0;
    *high = UINT32_MAX;
    switch (range->comparison) {
    case IS_EQUAL:
        *low = *high = range->a;
        return true;
    case IS_LESS:
        *high = range->a - 1;
        return true;
    case IS_AT_MOST:
        *high = range->a;
        return true;
    case IS_MORE:
        *low = range->a + 1;
        return true;
    case IS_AT_LEAST:
        *low = range->a;
        return true;
    case IS_BETWEEN:
        *low = range->a + 1;
        *high = range->b - 1;
        return true;
    default:
        return false;
    }
}

/* "name": any value; "name=value", "name>value", "name 1-5". */
static bool parse_named_value(struct compiler *c, struct bytes value, const char *const *names,
                              struct range *range)
{
    size_t at = 0;
    while (at < value.size && !memchr("=<> ", value.data[at], 4))
        at++;
    struct bytes name = bytes_first(value, at), rest = bytes_trim(bytes_from(value, at));
    uint64_t low = 0, high = UINT32_MAX, index = 0;
    while (names[index] && !bytes_equal_nocase(name, bytes_of_string(names[index])))
        index++;
    if (name.size == 0 || !names[index])
        return refuse(c, "\"%.*s\" is no known name", (int)MIN(name.size, 60U), (const char *)name.data);
    struct range wanted;
    if (rest.size && !parse_range(c, rest, UINT32_MAX, NULL, &wanted))
        return false;
    if (rest.size && !range_ends(&wanted, &low, &high))
        return refuse(c, "a number or a range is wanted, as in name=1 or name>1");
    *range = (struct range){ IS_WITHIN, index << 32 | low, index << 32 | high };
    return true;
}

static const struct named_row *row_with_suffix(const struct ruleset *set, const struct named_row *named,
                                               const char *suffix)
{
    char name[96];
    struct text text = text_of(name, sizeof name);
    text_add(&text, "%s.%s", named->row->name, suffix);
    const struct named_row *other = buffer_named(set, text_bytes(&text));
    return other ? other : named;
}

/* "NAME" or "!NAME" of the row's further names. */
static bool is_further_name(const struct inspect *row, struct bytes value, struct range *range)
{
    bool negated = value.size && value.data[0] == '!';
    struct bytes word = bytes_from(value, negated);
    for (const struct named_value *named = row->names; named && named->name; named++) {
        if (bytes_equal_nocase(word, bytes_of_string(named->name))) {
            *range = (struct range){ .comparison = negated ? IS_NOT : IS_EQUAL, .a = named->value };
            return true;
        }
    }
    return false;
}

/* One plain number, and only once in the rule; Suricata's words where it has some. */
static bool is_lone(struct compiler *c, const struct inspect *row, const struct buffer *buffer,
                    struct bytes value)
{
    uint64_t number;
    for (const struct buffer_use *use = c->signature->uses; use; use = use->next)
        if (use->buffer == buffer)
            return refuse(c, "Can't use 2 or more %s declarations in the same sig", row->name);
    if (!bytes_to_u64(bytes_trim(value), &number) || number < 1 || number > row->max)
        return refuse(c, "a number from 1 to %llu is wanted, not \"%.*s\"", (unsigned long long)row->max,
                      (int)MIN(value.size, 40U), (const char *)value.data);
    return true;
}

static bool add_range(struct compiler *c, struct buffer_use *use, uint64_t low, uint64_t high)
{
    struct range_list *added = COMPILER_NEW(c, struct range_list);
    if (!added)
        return false;
    *added = (struct range_list){ use->ranges, { .comparison = IS_WITHIN, .a = low, .b = high } };
    use->ranges = added;
    return true;
}

/* "23", "-128", "9-15", a name of the row, or of its group of values. */
static bool parse_listed(struct compiler *c, const struct inspect *row, struct bytes word,
                         struct buffer_use *use)
{
    int64_t low, high;
    if (row->group && bytes_equal_nocase(word, bytes_of_string(row->group))) {
        for (const struct value_range *range = row->group_ranges;; range++) {
            if (!add_range(c, use, range->low, range->high))
                return false;
            if (range->high == UINT64_MAX)
                return true;
        }
    }
    for (uint64_t i = 0; row->choices && row->choices[i]; i++)
        if (word.size && bytes_equal_nocase(word, bytes_of_string(row->choices[i])))
            return add_range(c, use, i, i);
    struct range named;
    if (is_further_name(row, word, &named) && named.comparison == IS_EQUAL)
        return add_range(c, use, named.a, named.a);
    if (parse_i64(word, &low))
        return add_range(c, use, (uint64_t)low, (uint64_t)low);
    size_t dash = bytes_find_byte(word, '-');
    if (dash == SIZE_MAX || !parse_i64(bytes_trim(bytes_first(word, dash)), &low) ||
        !parse_i64(bytes_trim(bytes_from(word, dash + 1)), &high) || low > high)
        return refuse(c, "\"%.*s\" is no number, range or name", (int)MIN(word.size, 40U),
                      (const char *)word.data);
    return add_range(c, use, (uint64_t)low, (uint64_t)high);
}

static bool parse_list(struct compiler *c, const struct inspect *row, struct bytes value,
                       struct buffer_use *use)
{
    struct bytes word;
    use->negated = value.size && value.data[0] == '!';
    if (use->negated)
        value = bytes_trim(bytes_from(value, 1));
    while (list_next(&value, &word))
        if (!parse_listed(c, row, word, use))
            return false;
    return use->ranges || refuse(c, "a number is wanted");
}

/* Which of several numbers is meant: "any", "all" or an index, negative ones from the end. */
static bool parse_which(struct bytes word, uint8_t *mode, int64_t *index)
{
    if (bytes_is(word, "any") || bytes_is(word, "all")) {
        *mode = bytes_is(word, "all");
        return true;
    }
    *mode = 2;
    return parse_i64(word, index) && *index >= INT32_MIN && *index <= INT32_MAX;
}

/* "1-3" or "1<>3", with both ends. False: it is no such range. */
static bool parse_inclusive(struct bytes text, struct range *range)
{
    size_t sign = bytes_find(text, BYTES_OF("<>")), size = 2;
    if (sign == SIZE_MAX) {
        sign = bytes_find_byte(text, '-');
        size = 1;
    }
    *range = (struct range){ .comparison = IS_WITHIN };
    return sign != SIZE_MAX && bytes_to_u64(bytes_trim(bytes_first(text, sign)), &range->a) &&
           bytes_to_u64(bytes_trim(bytes_from(text, sign + size)), &range->b) && range->a < range->b &&
           range->b <= UINT32_MAX;
}

/* "VALUE", "VALUE,any", "VALUE,all", "VALUE,INDEX", "VALUE,raw": numbers of the transaction. */
bool parse_row_number(struct compiler *c, const struct named_row *named, struct bytes value)
{
    uint8_t mode = 0;
    int64_t index = 0;
    size_t comma = bytes_find_byte(value, ',');
    struct bytes first = bytes_trim(bytes_first(value, comma)),
                 rest = comma == SIZE_MAX ? BYTES_NONE : bytes_trim(bytes_from(value, comma + 1));
    if (bytes_is(rest, "raw") || bytes_is(rest, "norm")) {
        if (bytes_is(rest, "raw"))
            named = row_with_suffix(c->set, named, "raw");
        value = first;
    } else if (rest.data && strcmp(named->row->name, "urilen") == 0) {
        value = first; /* it has no other word: whatever stands there says nothing */
    } else if (rest.data && !named->row->bits && !named->row->parts && !named->row->list) {
        if (!named->row->several)
            return refuse(c, "only one number is wanted");
        if (!parse_which(rest, &mode, &index))
            return refuse(c, "\"%.*s\" is not any, all or an index", (int)MIN(rest.size, 40U),
                          (const char *)rest.data);
        value = first;
    }
    struct buffer *buffer = set_buffer_kind(c->set, named->row->name, BUFFER_TX, NULL);
    if (named->row->lone && buffer && !is_lone(c, named->row, buffer, value))
        return false;
    struct buffer_use *use = buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use)
        return refuse(c, "out of memory");
    use->number_mode = mode;
    use->number_index = (int32_t)index;
    bool names_bits = value.size && (value.data[0] == '!' ? value.size > 1 && byte_lower(value.data[1]) >= 'a'
                                                          : byte_lower(value.data[0]) >= 'a');
    bool compares = value.size && memchr("<>=&", value.data[0], 4);
    if (named->row->list && !compares)
        return parse_list(c, named->row, value, use);
    if (named->row->parts && named->row->choices)
        return parse_named_value(c, value, named->row->choices, &use->range);
    if (named->row->parts)
        return parse_parts(c, value, named->row->parts, &use->range);
    if (named->row->bits && names_bits)
        return parse_bits(c, value, named->row->bits, &use->range);
    if (is_further_name(named->row, value, &use->range) ||
        (named->row->inclusive && parse_inclusive(value, &use->range)))
        return true;
    return parse_range(c, value, named->row->max ? named->row->max : UINT64_MAX, named->row->choices,
                       &use->range);
}
