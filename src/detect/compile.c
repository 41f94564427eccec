/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a rule to a signature: keywords by their rows, buffers and items as they are built; its
 * header and what follows from all of it are files of their own. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "detect/buffer.h"
#include "detect/compile.h"
#include "detect/context.h"

bool refuse(struct compiler *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->error, sizeof c->error, format, arguments);
    va_end(arguments);
    return false;
}

void *compiler_new(struct compiler *c, size_t size)
{
    void *object = arena_new(&c->set->memory, size, _Alignof(max_align_t));
    if (!object)
        (void)refuse(c, "out of memory");
    return object;
}

bool compiler_copy(struct compiler *c, struct bytes from, struct bytes *copy)
{
    *copy = arena_copy(&c->set->memory, from.data ? from : BYTES_OF(""));
    return copy->data || refuse(c, "out of memory");
}

/* ---- what is kept for reports ---- */

static bool parts_open(struct compiler *c)
{
    if (!c->set->settings->keep_parts)
        return true;
    c->parts = COMPILER_NEW(c, struct rule_parts);
    uintptr_t *place = c->parts ? map_add(&c->set->parts, bytes_of(&c->signature, sizeof c->signature), NULL)
                                : NULL;
    if (!place)
        return refuse(c, "out of memory");
    *place = (uintptr_t)c->parts;
    return true;
}

static bool part_open(struct compiler *c, const struct keyword *keyword)
{
    if (!c->parts)
        return true;
    struct rule_part *part = COMPILER_NEW(c, struct rule_part);
    if (!part)
        return false;
    part->keyword = keyword;
    *(c->parts->last ? &c->parts->last->next : &c->parts->first) = part;
    c->part = c->parts->last = part;
    return true;
}

void compiler_note(struct compiler *c, const struct buffer_use *use, const char *text)
{
    if (!c->parts)
        return;
    struct rule_note *note = COMPILER_NEW(c, struct rule_note), **tail = &c->parts->notes;
    while (*tail)
        tail = &(*tail)->next;
    if (note)
        *note = (struct rule_note){ .text = text, .use = use };
    *tail = note;
}

/* ---- buffers and items ---- */

struct buffer_use *compiler_add_use(struct compiler *c, struct buffer *buffer)
{
    struct buffer_use *use = COMPILER_NEW(c, struct buffer_use);
    if (!use)
        return NULL;
    use->buffer = buffer;
    use->protocols = buffer->protocols;
    struct buffer_use **tail = &c->signature->uses;
    while (*tail)
        tail = &(*tail)->next;
    *tail = use;
    if (c->part)
        c->part->use = use;
    return use;
}

struct buffer_use *compiler_named_use(struct compiler *c, const char *name)
{
    struct buffer *buffer = set_buffer(c->set, bytes_of_string(name), NULL);
    struct buffer_use *use = buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use)
        (void)refuse(c, "no buffer has this name");
    return use;
}

struct item *compiler_content(struct compiler *c, struct buffer_use *use, struct bytes bytes, bool negated)
{
    struct item *item = COMPILER_NEW(c, struct item);
    if (!item || !compiler_copy(c, bytes, &item->content.bytes))
        return NULL;
    item->kind = ITEM_CONTENT;
    item->negated = negated;
    item->content.offset.variable = item->content.depth.variable = NO_VARIABLE;
    item->content.distance.variable = item->content.within.variable = NO_VARIABLE;
    *item_list_tail(&use->items) = item;
    return item;
}

static struct buffer_use *find_use(const struct compiler *c, const struct buffer *buffer)
{
    struct buffer_use *found = NULL;
    for (struct buffer_use *use = c->signature->uses; use; use = use->next)
        if (use->buffer == buffer)
            found = use;
    return found;
}

struct buffer_use *compiler_use(struct compiler *c)
{
    if (c->use)
        return c->use;
    struct buffer *buffer = c->sticky.data
                                ? set_buffer(c->set, c->sticky, c->transforms)
                                : set_buffer_kind(c->set, "payload", BUFFER_PAYLOAD, c->transforms);
    if (!buffer) {
        (void)refuse(c, "no buffer has this name");
        return NULL;
    }
    struct buffer_use *use = buffer_is_multiple(buffer) ? NULL : find_use(c, buffer);
    if (use && use->side != c->sticky_direction)
        use = NULL;
    c->use = use ? use : compiler_add_use(c, buffer);
    if (c->use)
        c->use->side = c->sticky_direction;
    c->sticky_used = true;
    return c->use;
}

struct item **item_list_tail(struct item **list)
{
    while (*list)
        list = &(*list)->next;
    return list;
}

struct item *compiler_item(struct compiler *c, enum item_kind kind)
{
    struct buffer_use *use = compiler_use(c);
    struct item *item = use ? COMPILER_NEW(c, struct item) : NULL;
    if (!item)
        return NULL;
    item->kind = (uint8_t)kind;
    *item_list_tail(c->list ? c->list : &use->items) = item;
    c->last_payload = item;
    c->last_match = item;
    if (c->part)
        c->part->item = item;
    return item;
}

static struct check *add_check(struct compiler *c, struct check **list, check_fn test)
{
    struct check *check = COMPILER_NEW(c, struct check);
    if (!check)
        return NULL;
    check->test = test;
    while (*list)
        list = &(*list)->next;
    c->last_match = check;
    return *list = check;
}

struct check *compiler_check(struct compiler *c, check_fn test)
{
    struct check *check = add_check(c, &c->signature->checks, test);
    if (c->part)
        c->part->check = check;
    return check;
}

static struct check *add_action(struct compiler *c, struct check **list, check_fn run)
{
    struct check *action = add_check(c, list, run);
    if (c->part)
        c->part->action = action;
    return action;
}

struct check *compiler_action(struct compiler *c, check_fn run)
{
    return add_action(c, &c->signature->actions, run);
}

struct check *compiler_late_action(struct compiler *c, check_fn run)
{
    return add_action(c, &c->signature->late_actions, run);
}

static bool sticky_is_used(struct compiler *c)
{
    return !c->sticky.data || c->sticky_used ||
           refuse(c, "the buffer %.*s is named but nothing is looked for in it", (int)c->sticky.size,
                  (const char *)c->sticky.data);
}

bool compiler_sticky(struct compiler *c, struct bytes name)
{
    if (!sticky_is_used(c))
        return false;
    c->sticky = name;
    c->transforms = NULL;
    c->sticky_direction = 0;
    c->transform_tail = &c->transforms;
    c->use = NULL;
    c->list = NULL;
    c->sticky_used = !name.data;
    c->last = c->last_payload = NULL;
    return true;
}

struct item *compiler_last(struct compiler *c, const struct keyword *keyword)
{
    if (!c->last)
        (void)refuse(c, "%s needs a content before it", keyword->name);
    return c->last;
}

static uint64_t protocols_of(const struct compiler *c, const char *name)
{
    for (size_t i = 0; i < c->set->protocol_count; i++)
        if (strcmp(c->set->protocols[i]->name, name) == 0)
            return (uint64_t)1 << i;
    return 0;
}

/* Legacy modifiers are older than HTTP/2 and know HTTP/1 only. */
bool compiler_move(struct compiler *c, struct bytes name)
{
    struct buffer *buffer = set_buffer(c->set, name, NULL);
    if (!buffer)
        return refuse(c, "no buffer has this name");
    if (!c->last || !c->last_use)
        return refuse(c, "%.*s needs a content before it", (int)name.size, (const char *)name.data);
    if (c->sticky.data)
        return refuse(c, "a modifier cannot follow a sticky buffer");
    if (c->last_use->buffer->kind != BUFFER_PAYLOAD)
        return refuse(c, "%.*s needs a content before it that no other modifier moved", (int)name.size,
                      (const char *)name.data);
    struct item **from = &c->last_use->items;
    while (*from && *from != c->last)
        from = &(*from)->next;
    if (!*from)
        return refuse(c, "the content was already moved to another buffer");
    *from = c->last->next;
    c->last->next = NULL;
    struct buffer_use *use = find_use(c, buffer);
    if (!use && !(use = compiler_add_use(c, buffer)))
        return false;
    use->protocols &= protocols_of(c, "http");
    use->by_modifier = true;
    *item_list_tail(&use->items) = c->last;
    c->last_use = c->recent = use;
    return true;
}

/* ---- keywords ---- */

static bool refuse_no_value(struct compiler *c, const char *name)
{
    return refuse(c, "invalid formatting or malformed option to %s keyword: a value is missing", name);
}

static struct bytes without_not(struct bytes value)
{
    return bytes_starts(value, BYTES_OF("!")) ? bytes_trim(bytes_from(value, 1)) : value;
}

static bool run_keyword(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    if (value.size == 0 && !(keyword->flags & (KEYWORD_NO_VALUE | KEYWORD_OPTIONAL)))
        return refuse_no_value(c, keyword->name);
    if (value.size && keyword->flags & KEYWORD_NO_VALUE)
        return refuse(c, "takes no value");
    bool quoted = bytes_starts(without_not(value), BYTES_OF("\""));
    if (keyword->flags & KEYWORD_QUOTES && !quoted)
        return refuse(c, "the value must be in quotes");
    if (keyword->flags & KEYWORD_BARE && bytes_starts(value, BYTES_OF("\"")))
        return refuse(c, "the value takes no quotes");
    if (keyword->flags & (KEYWORD_QUOTED | KEYWORD_QUOTES) && !unquote(&value))
        return refuse(c, "a quote is not closed");
    c->of_packet |= (keyword->flags & KEYWORD_OF_PACKET) != 0;
    return keyword->parse(c, keyword, value);
}

/* "to_server" or "to_client": the side of a => rule that a buffer is about. 1 plus the direction. */
bool is_direction(struct bytes word, uint8_t *direction)
{
    if (!bytes_is(word, "to_server") && !bytes_is(word, "to_client"))
        return false;
    *direction = bytes_is(word, "to_server") ? 1 + TO_SERVER : 1 + TO_CLIENT;
    return true;
}

/* Without sticky buffers, what is relative goes where the item before it went, and what is decoded is there.
 */
static void follow_recent(struct compiler *c, const struct item *before, struct buffer_use *recent)
{
    struct item *item = c->last_payload;
    if (!item || item == before || item->kind == ITEM_CONTENT || c->sticky.data)
        return;
    if ((item->relative || item->kind == ITEM_BASE64) && recent && recent != c->use) {
        struct item **from = &c->use->items;
        while (*from && *from != item)
            from = &(*from)->next;
        if (!*from)
            return; /* a flag of its own moved it */
        *from = NULL;
        *item_list_tail(&recent->items) = item;
        c->recent = recent;
        return;
    }
    c->recent = c->use;
}

static bool parse_one(struct compiler *c, const struct rule_option *option);

/* A refusal that does not show the value it is about gets it. */
static void show_value(struct compiler *c, struct bytes value)
{
    size_t size = strlen(c->error);
    struct bytes shown = bytes_first(bytes_trim(value), 60);
    if (!size || !shown.size || c->of_data || c->of_settings ||
        bytes_find(bytes_of(c->error, size), shown) != SIZE_MAX)
        return;
    snprintf(c->error + size, sizeof c->error - size, ", in %.*s", (int)shown.size, (const char *)shown.data);
}

static bool parse_option(struct compiler *c, const struct rule_option *option)
{
    c->keyword = option->keyword;
    const struct item *before = c->last_payload;
    struct buffer_use *recent = c->recent;
    if (!parse_one(c, option)) {
        show_value(c, option->value);
        return false;
    }
    follow_recent(c, before, recent);
    return true;
}

static bool parse_one(struct compiler *c, const struct rule_option *option)
{
    char name[64];
    size_t size = MIN(option->keyword.size, sizeof name);
    for (size_t i = 0; i < size; i++)
        name[i] = (char)byte_lower(option->keyword.data[i]);
    struct bytes lower = bytes_of(name, size);
    uintptr_t *row = map_find(&c->set->keywords, lower);
    if (!part_open(c, row ? (const struct keyword *)*row : NULL))
        return false;
    if (row)
        return run_keyword(c, (const struct keyword *)*row, option->value);
    const struct named_row *named = buffer_named(c->set, lower);
    if (!named)
        return refuse(c, "the keyword is not known");
    if (named->row->kind == INSPECT_NUMBER && !option->value.size)
        return refuse_no_value(c, named->row->name);
    if (named->row->kind == INSPECT_NUMBER)
        return parse_row_number(c, named, option->value);
    if (named->modifier)
        return compiler_move(c, bytes_of_string(named->row->name));
    if (option->value.size && !is_direction(option->value, &c->sticky_direction))
        return refuse(c, "takes no value, or to_server or to_client");
    uint8_t direction = c->sticky_direction;
    if (!compiler_sticky(c, bytes_of_string(named->row->name)))
        return false;
    c->sticky_direction = option->value.size ? direction : 0;
    return true;
}

/* Rules of the same gid and sid: the higher revision stays, as Suricata does. */
static bool enter(struct compiler *c)
{
    struct ruleset *set = c->set;
    struct signature *s = c->signature;
    uint32_t key[2] = { s->rule.gid, s->rule.sid };
    bool added;
    uintptr_t *place = map_add(&set->by_sid, bytes_of(key, sizeof key), &added);
    if (!place)
        return refuse(c, "out of memory");
    if (!added) {
        if (set->signatures[*place - 1]->rule.rev >= s->rule.rev)
            return refuse(c, "a rule with sid %u and the same or a later revision is loaded already",
                          s->rule.sid);
        set->signatures[*place - 1] = s;
        return true;
    }
    if (set->signature_count == set->signature_capacity) {
        size_t capacity = set->signature_capacity ? set->signature_capacity * 2 : 1024;
        struct signature **signatures = realloc(set->signatures, capacity * sizeof *signatures);
        if (!signatures)
            return refuse(c, "out of memory");
        set->signatures = signatures;
        set->signature_capacity = capacity;
    }
    set->signatures[set->signature_count++] = s;
    *place = set->signature_count;
    return true;
}

static bool finish_texts(struct compiler *c)
{
    struct rule *rule = &c->signature->rule;
    if (!c->references.size)
        return true;
    json_close(&c->references, ']');
    json_end(&c->references);
    return compiler_copy(c, text_bytes(&c->references), &rule->references_json);
}

static bool compile_option(struct compiler *c, const struct rule_option *option, struct rule_place *place)
{
    *place = (struct rule_place){ .text = option->keyword, .column = option->column };
    return parse_option(c, option);
}

static bool compile_parts(struct compiler *c, const struct rule_syntax *syntax, struct rule_place *place)
{
    struct header header = { 0 };
    for (size_t i = 0; i < syntax->option_count && !c->skip; i++)
        if (bytes_equal_nocase(syntax->options[i].keyword, BYTES_OF("requires")) &&
            !compile_option(c, &syntax->options[i], place))
            return false;
    if (c->skip)
        return true;
    if (!header_parse(c, syntax, &header, place))
        return false;
    for (size_t i = 0; i < syntax->option_count && !c->skip; i++)
        if (!compile_option(c, &syntax->options[i], place))
            return false;
    if (c->skip)
        return true;
    *place = (struct rule_place){ .column = 1 };
    return sticky_is_used(c) && settle(c, &header) && finish_texts(c) && header_intern(c, &header) &&
           enter(c);
}

bool compile_rule(struct ruleset *set, struct bytes line, const char *file, uint32_t line_number,
                  struct rule_reason *reason, bool *skipped)
{
    struct rule_syntax syntax;
    *skipped = false;
    *reason = (struct rule_reason){ .file = file, .line = line_number };
    if (!rule_cut(line, &syntax)) {
        reason->column = syntax.column;
        snprintf(reason->text, sizeof reason->text, "%s", syntax.error);
        return false;
    }
    struct compiler c = { .set = set, .protocol = syntax.protocol, .references = text_new(64 << 10) };
    c.transform_tail = &c.transforms;
    c.signature = arena_new(&set->memory, sizeof *c.signature, _Alignof(struct signature));
    if (c.signature) {
        struct rule *rule = &c.signature->rule;
        rule->gid = 1;
        rule->file = file;
        rule->line = line_number;
        c.signature->to_server = c.signature->to_client = true;
        if (set->settings->keep_texts)
            rule->text = arena_copy(&set->memory, bytes_trim(line));
    }
    struct rule_place place = { .column = 1 };
    bool done = c.signature && parts_open(&c) && compile_parts(&c, &syntax, &place);
    reason->column = place.column;
    reason->keyword = place.text;
    if (!done || (c.skip && c.error[0])) {
        reason->sid = c.signature ? c.signature->rule.sid : 0;
        for (size_t i = 0; !reason->sid && i < syntax.option_count; i++) {
            uint64_t sid;
            if (bytes_is(syntax.options[i].keyword, "sid") && bytes_to_u64(syntax.options[i].value, &sid))
                reason->sid = (uint32_t)sid;
        }
        snprintf(reason->text, sizeof reason->text, "%s", c.signature ? c.error : "out of memory");
        reason->of_data = c.of_data;
        reason->skipped = done;
    }
    *skipped = c.skip;
    text_done(&c.references);
    return done;
}
