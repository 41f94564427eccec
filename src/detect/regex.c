/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of rules, with PCRE2 and its limits; the keyword pcre. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "detect/regex.h"

#include <pcre2.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/json.h"
#include "detect/engine.h"

/* A group whose text becomes a variable of the flow or packet, or is told in the alert. */
struct capture {
    struct capture *next; /* later groups first */
    uint32_t group;
    enum note_kind kind;
    struct bytes name;
};

struct regex {
    struct regex *next;
    pcre2_code *code;
    _Atomic(pcre2_code *)
        *native; /* a copy with machine code, made at the first match: most rules see none */
    struct capture *captures;
};

#define CAPTURES_MAX     16
#define CAPTURE_SIZE_MAX 1024 /* bytes that are kept of one */

struct regex_memory {
    pcre2_match_data *data;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

void regex_memory_free(struct regex_memory *memory)
{
    if (!memory)
        return;
    pcre2_match_data_free(memory->data);
    pcre2_match_context_free(memory->limits);
    pcre2_jit_stack_free(memory->stack);
    free(memory);
}

struct regex_memory *regex_memory_new(uint32_t match_limit)
{
    struct regex_memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    memory->data = pcre2_match_data_create(CAPTURES_MAX + 1, NULL);
    memory->limits = pcre2_match_context_create(NULL);
    memory->stack = pcre2_jit_stack_create(32 << 10, 512 << 10, NULL);
    if (!memory->data || !memory->limits || !memory->stack) {
        regex_memory_free(memory);
        return NULL;
    }
    pcre2_set_match_limit(memory->limits, match_limit);
    pcre2_set_depth_limit(memory->limits, match_limit);
    pcre2_jit_stack_assign(memory->limits, NULL, memory->stack);
    return memory;
}

static const pcre2_code *runnable(const struct regex *regex)
{
    pcre2_code *code = atomic_load_explicit(regex->native, memory_order_acquire), *none = NULL;
    if (code || !(code = pcre2_code_copy(regex->code)))
        return code ? code : regex->code;
    /* Without machine code (memory, an unsupported construct) the interpreter does it. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    if (atomic_compare_exchange_strong(regex->native, &none, code))
        return code;
    pcre2_code_free(code); /* another worker was faster */
    return none;
}

/* pcre2_match()'s result; places go to the memory. */
static int run(const struct regex *regex, struct regex_memory *memory, struct bytes data, size_t from)
{
    return pcre2_match(runnable(regex), data.data ? data.data : (const uint8_t *)"", data.size, from, 0,
                       memory->data, memory->limits);
}

enum regex_result regex_match(const struct regex *regex, struct regex_memory *memory, struct bytes data,
                              size_t from, size_t *start, size_t *end)
{
    if (from > data.size)
        return REGEX_NO;
    int count = run(regex, memory, data, from);
    if (count < 0)
        return count == PCRE2_ERROR_MATCHLIMIT || count == PCRE2_ERROR_DEPTHLIMIT ? REGEX_LIMIT : REGEX_NO;
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(memory->data);
    /* \K can put the start behind the end. */
    *start = MIN(places[0], places[1]);
    *end = places[1];
    return REGEX_YES;
}

struct bytes regex_capture(const struct regex *regex, struct regex_memory *memory, struct bytes data)
{
    int count = run(regex, memory, data, 0);
    if (count < 0)
        return BYTES_NONE;
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(memory->data);
    size_t pair = count > 1 && places[2] != PCRE2_UNSET ? 1 : 0;
    size_t low = MIN(places[2 * pair], places[2 * pair + 1]);
    return bytes_of(data.data + low, places[2 * pair + 1] - low);
}

static void note_capture(const struct capture *capture, struct bytes value, struct context *context)
{
    char json[6 * CAPTURE_SIZE_MAX + 8];
    struct text text = text_of(json, sizeof json);
    struct alert_note *note = ARENA_NEW(context->scratch, struct alert_note);
    json_text(&text, bytes_first(value, CAPTURE_SIZE_MAX));
    json_end(&text);
    struct bytes copy = note ? arena_copy(context->scratch, text_bytes(&text)) : BYTES_NONE;
    if (!copy.data)
        return;
    struct bytes raw = arena_copy(context->scratch, bytes_first(value, CAPTURE_SIZE_MAX));
    *note = (struct alert_note){ context->notes, capture->name, copy, raw, capture->kind };
    context->notes = note;
}

bool regex_captures(const struct regex *regex)
{
    return regex->captures != NULL;
}

size_t regex_capture_count(const struct regex *regex)
{
    size_t count = 0;
    for (const struct capture *capture = regex->captures; capture; capture = capture->next)
        count++;
    return count;
}

unsigned regex_group_count(const struct regex *regex)
{
    uint32_t count = 0;
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
    return count;
}

void regex_note(const struct regex *regex, struct bytes data, struct context *context)
{
    const struct regex_memory *memory = context_regex(context);
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(memory->data);
    for (const struct capture *capture = regex->captures; capture; capture = capture->next) {
        PCRE2_SIZE low = places[2 * capture->group], high = places[2 * capture->group + 1];
        if (low != PCRE2_UNSET && high != PCRE2_UNSET && low <= high && high <= data.size)
            note_capture(capture, bytes_of(data.data + low, high - low), context);
    }
}

static struct regex *make(struct compiler *c, struct bytes pattern, uint32_t options)
{
    int code;
    PCRE2_SIZE at;
    struct regex *regex = COMPILER_NEW(c, struct regex);
    if (!regex || !(regex->native = compiler_new(c, sizeof *regex->native)))
        return NULL;
    regex->code = pcre2_compile(pattern.data, pattern.size, options | PCRE2_NEVER_BACKSLASH_C, &code, &at,
                                NULL);
    if (!regex->code) {
        char why[120];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        (void)refuse(c, "%s at offset %zu", why, at);
        return NULL;
    }
    regex->next = c->set->regexes;
    c->set->regexes = regex;
    return regex;
}

const struct regex *regex_new(struct compiler *c, struct bytes pattern, uint32_t options)
{
    return make(c, pattern, options);
}

/* ---- captures that have names ---- */

static const struct {
    const char *word;
    enum note_kind kind;
} capture_kinds[] = { { "flow", NOTE_FLOW }, { "pkt", NOTE_PACKET }, { "alert", NOTE_CONTEXT } };

/* "flow:name" behind the flags, "flow_name" of a named group. */
static bool cut_kind(struct bytes *name, char mark, enum note_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(capture_kinds); i++) {
        struct bytes word = bytes_of_string(capture_kinds[i].word);
        if (!bytes_starts(*name, word) || name->size <= word.size + 1 ||
            name->data[word.size] != (uint8_t)mark)
            continue;
        *name = bytes_from(*name, word.size + 1);
        *kind = capture_kinds[i].kind;
        return true;
    }
    return false;
}

static bool add_capture(struct compiler *c, struct regex *regex, uint32_t group, struct bytes name,
                        enum note_kind kind)
{
    if (group > CAPTURES_MAX)
        return refuse(c, "more than %d captures", CAPTURES_MAX);
    struct capture *capture = COMPILER_NEW(c, struct capture);
    if (!capture || !compiler_copy(c, name, &capture->name))
        return false;
    capture->group = group;
    capture->kind = kind;
    if (kind != NOTE_CONTEXT)
        note_order(c, ORDER_CAPTURES, true);
    struct capture **place = &regex->captures;
    while (*place && (*place)->group > group)
        place = &(*place)->next;
    capture->next = *place;
    *place = capture;
    return true;
}

/* The groups' own names: a table of entries, each the group's number in two bytes and the name. */
static bool add_named(struct compiler *c, struct regex *regex)
{
    uint32_t count = 0, size = 0;
    PCRE2_SPTR table = NULL;
    if (pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count) || !count ||
        pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size) ||
        pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table))
        return true;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = table + (size_t)i * size;
        struct bytes name = bytes_of_string((const char *)entry + 2);
        enum note_kind kind;
        if (cut_kind(&name, '_', &kind) &&
            !add_capture(c, regex, (uint32_t)(entry[0] << 8 | entry[1]), name, kind))
            return false;
    }
    return true;
}

/* "flow:name, pkt:name, alert:name": of the groups in order. */
static bool add_listed(struct compiler *c, struct regex *regex, struct bytes list)
{
    struct bytes word;
    uint32_t groups = 0, group = 0;
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    while (list_next(&list, &word)) {
        enum note_kind kind;
        if (!cut_kind(&word, ':', &kind))
            return refuse(c, "flow:, pkt: or alert: and a name are wanted behind the flags");
        if (++group > groups)
            return refuse(c, "more names than captures");
        if (!add_capture(c, regex, group, word, kind))
            return false;
    }
    return true;
}

void regexes_free(struct regex *first)
{
    for (; first; first = first->next) {
        pcre2_code_free(atomic_load(first->native));
        pcre2_code_free(first->code);
    }
}

bool regex_cut(struct compiler *c, struct bytes value, struct bytes *pattern, struct bytes *flags)
{
    size_t end = value.size;
    while (end && value.data[end - 1] != '/')
        end--;
    if (value.size < 2 || value.data[0] != '/' || end < 2)
        return refuse(c, "must be written /expression/flags");
    *pattern = bytes_of(value.data + 1, end - 2);
    *flags = bytes_from(value, end);
    return true;
}

static const struct {
    char flag;
    uint32_t option;
} options[] = { { 'i', PCRE2_CASELESS }, { 'm', PCRE2_MULTILINE }, { 's', PCRE2_DOTALL },
                { 'x', PCRE2_EXTENDED }, { 'A', PCRE2_ANCHORED },  { 'E', PCRE2_DOLLAR_ENDONLY },
                { 'G', PCRE2_UNGREEDY } };

/* Flags that name a legacy buffer. */
static const struct {
    char flag;
    const char *buffer;
} places[] = { { 'U', "http.uri" },      { 'I', "http.uri.raw" },    { 'P', "http.request_body" },
               { 'Q', "file.data" },     { 'H', "http.header" },     { 'D', "http.header.raw" },
               { 'M', "http.method" },   { 'C', "http.cookie" },     { 'S', "http.stat_code" },
               { 'Y', "http.stat_msg" }, { 'V', "http.user_agent" }, { 'W', "http.host" },
               { 'Z', "http.host.raw" } };

static bool read_flags(struct compiler *c, struct bytes flags, uint32_t *bits, bool *relative,
                       const char **buffer)
{
    for (size_t i = 0; i < flags.size; i++) {
        char flag = (char)flags.data[i];
        bool known = flag == 'B' || flag == 'O'; /* raw bytes, own match limits: nothing to do */
        if (flag == 'B')
            compiler_note(c, NULL, "'/B' (rawbytes) option is a no-op and is silently ignored");
        if (flag == 'R')
            known = *relative = true;
        for (size_t k = 0; k < COUNT_OF(options); k++) {
            if (options[k].flag == flag) {
                *bits |= options[k].option;
                known = true;
            }
        }
        for (size_t k = 0; k < COUNT_OF(places); k++) {
            if (places[k].flag != flag)
                continue;
            if (*buffer && strcmp(*buffer, places[k].buffer) != 0)
                return refuse(c, "two buffers are named");
            *buffer = places[k].buffer;
            known = true;
        }
        if (!known)
            return refuse(c, "the flag \"%c\" is not known", flag);
    }
    return true;
}

/* Something before it says where it is relative to: in sticky buffers that may be their start. */
static bool follows_match(const struct compiler *c, const char *buffer)
{
    if (c->sticky.data)
        return true;
    if (!buffer)
        return c->last_payload != NULL;
    for (const struct buffer_use *use = c->signature->uses; use; use = use->next)
        if (strcmp(use->buffer->name, buffer) == 0 && use->items)
            return true;
    return false;
}

static bool parse_pcre(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    bool negated = false, relative = false;
    uint32_t bits = 0;
    const char *buffer = NULL;
    struct bytes pattern = BYTES_NONE, flags = BYTES_NONE;
    if (value.size && value.data[0] == '!') {
        negated = true;
        value = bytes_trim(bytes_from(value, 1));
    }
    if (value.size && value.data[0] == '"') {
        size_t end = value.size;
        while (end > 1 && value.data[end - 1] != '"')
            end--;
        if (end < 2)
            return refuse(c, "a quote is not closed");
        value = bytes_of(value.data + 1, end - 2);
    }
    /* Names of captures may follow the flags: "/x(.*)/,flow:name". */
    if (!regex_cut(c, value, &pattern, &flags))
        return false;
    size_t comma = bytes_find_byte(flags, ',');
    struct bytes names = comma == SIZE_MAX ? BYTES_NONE : bytes_from(flags, comma + 1);
    flags = bytes_trim(bytes_first(flags, comma));
    if (!read_flags(c, flags, &bits, &relative, &buffer))
        return false;
    if (buffer && c->sticky.data) {
        bool response = bytes_is(c->sticky, "http.response_body") && strcmp(buffer, "file.data") == 0;
        if (!bytes_is(c->sticky, buffer) && !response)
            return refuse(c, "a flag names another buffer than the sticky one");
        buffer = NULL;
    }
    if (relative && !follows_match(c, buffer))
        return refuse(c, "pcre with /R (relative) needs preceding match in the same buffer");
    struct item *item = compiler_item(c, ITEM_REGEX);
    if (!item)
        return false;
    item->negated = negated;
    item->relative = relative;
    item->nocase = bits & PCRE2_CASELESS;
    struct regex *regex = make(c, pattern, bits);
    item->regex = regex;
    if (!regex || !add_named(c, regex) || !add_listed(c, regex, names))
        return false;
    if (buffer) {
        c->last = item;
        c->last_use = c->use;
        bool moved = compiler_move(c, bytes_of_string(buffer));
        c->last = NULL;
        return moved;
    }
    return true;
}

const struct keyword regex_keywords[] = {
    { "pcre", .parse = parse_pcre, .help = "A regular expression that the open buffer matches" },
    { 0 },
};
