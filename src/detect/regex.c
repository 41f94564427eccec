/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of rules, with PCRE2 and its limits; the keyword pcre. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "detect/regex.h"

#include <pcre2.h>
#include <stdlib.h>

#include "detect/context.h"

struct regex {
    struct regex *next;
    pcre2_code *code;
};

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
    memory->data = pcre2_match_data_create(8, NULL);
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

enum regex_result regex_match(const struct regex *regex, struct regex_memory *memory, struct bytes data,
                              size_t from, size_t *start, size_t *end)
{
    if (from > data.size)
        return REGEX_NO;
    int count = pcre2_match(regex->code, data.data ? data.data : (const uint8_t *)"", data.size, from, 0,
                            memory->data, memory->limits);
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
    int count = pcre2_match(regex->code, data.data ? data.data : (const uint8_t *)"", data.size, 0, 0,
                            memory->data, memory->limits);
    if (count < 0)
        return BYTES_NONE;
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(memory->data);
    size_t pair = count > 1 && places[2] != PCRE2_UNSET ? 1 : 0;
    size_t low = MIN(places[2 * pair], places[2 * pair + 1]);
    return bytes_of(data.data + low, places[2 * pair + 1] - low);
}

const struct regex *regex_new(struct compiler *c, struct bytes pattern, uint32_t options)
{
    int code;
    PCRE2_SIZE at;
    struct regex *regex = COMPILER_NEW(c, struct regex);
    if (!regex)
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
    /* Without JIT (memory, an unsupported construct) the interpreter does it. */
    (void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    return regex;
}

void regexes_free(struct regex *first)
{
    for (; first; first = first->next)
        pcre2_code_free(first->code);
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

static bool parse_pcre(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    bool negated = false, relative = false;
    uint32_t bits = 0;
    const char *buffer = NULL;
    struct bytes pattern, flags;
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
    flags = bytes_trim(bytes_first(flags, bytes_find_byte(flags, ',')));
    if (!read_flags(c, flags, &bits, &relative, &buffer))
        return false;
    if (buffer && c->sticky.data) {
        bool response = bytes_is(c->sticky, "http.response_body") && strcmp(buffer, "file.data") == 0;
        if (!bytes_is(c->sticky, buffer) && !response)
            return refuse(c, "a flag names another buffer than the sticky one");
        buffer = NULL;
    }
    struct item *item = compiler_item(c, ITEM_REGEX);
    if (!item)
        return false;
    item->negated = negated;
    item->relative = relative;
    item->nocase = bits & PCRE2_CASELESS;
    item->regex = regex_new(c, pattern, bits);
    if (!item->regex)
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
