/* SPDX-License-Identifier: Apache-2.0 */
/* flowbits, flowint, flowvar, pktvar, xbits, hostbits: what one match tells another; and tag. */
#include <stdlib.h>

#include "base/clock.h"
#include "detect/engine.h"
#include "detect/keyword.h"
#include "detect/shared.h"
#include "detect/tags.h"

#define BITS_MAX 16

static const char *const bit_commands[] = { "set", "unset", "toggle", "isset", "isnotset" };

struct bit_list {
    uint16_t ids[BITS_MAX];
    size_t count;
};

/* ---- evaluation order: what writes comes before what reads ---- */

void note_order(struct compiler *c, enum order_key key, bool writes)
{
    uint8_t *order = &c->signature->order[key];
    enum { WRITES = 1, READS_AND_WRITES = 2, READS = 3, NEITHER = 4 };
    if (*order == 0)
        *order = writes ? WRITES : READS;
    else if (*order != (writes ? WRITES : READS))
        *order = READS_AND_WRITES;
}

/* ---- flowbits ---- */

static bool flow_bit(const struct context *context, uint16_t id)
{
    return context->state && flow_value_find(context->state, id, false);
}

static bool flow_bits_hold(const struct check *check, struct context *context)
{
    const struct bit_list *list = check->data;
    if (!context->flow)
        return false;
    bool any = false;
    for (size_t i = 0; i < list->count; i++)
        any |= flow_bit(context, list->ids[i]);
    return any == (check->mode == BIT_IS_SET);
}

static bool flow_bits_run(const struct check *action, struct context *context)
{
    const struct bit_list *list = action->data;
    for (size_t i = 0; i < list->count; i++) {
        bool on = flow_bit(context, list->ids[i]);
        bool want = action->mode == BIT_SET || (action->mode == BIT_TOGGLE && !on);
        if (want && !on)
            (void)flow_value_add(context, list->ids[i], false);
        else if (!want && on)
            flow_value_remove(context->state, list->ids[i], false);
    }
    return true;
}

/* The index of the command, or -1. */
static int command_of(struct bytes word)
{
    for (size_t i = 0; i < COUNT_OF(bit_commands); i++)
        if (bytes_equal_nocase(word, bytes_of_string(bit_commands[i])))
            return (int)i;
    return -1;
}

static bool parse_names(struct compiler *c, char kind, struct bytes names, struct bit_list *list)
{
    while (names.size) {
        struct bytes name = bytes_trim(bytes_cut(&names, '|'));
        int id = name.size ? set_bit(c->set, kind, name) : -1;
        if (name.size == 0)
            return refuse(c, "a name is empty");
        for (size_t i = 0; i < name.size; i++)
            if (byte_is_space(name.data[i]))
                return refuse(c, "a name must not have spaces");
        if (id < 0 || list->count == BITS_MAX)
            return refuse(c, "too many names");
        list->ids[list->count++] = (uint16_t)id;
    }
    return list->count || refuse(c, "a name is missing");
}

static bool parse_flowbits(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes names = value, command = bytes_trim(bytes_cut(&names, ','));
    if (bytes_equal_nocase(command, BYTES_OF("noalert"))) {
        c->signature->no_alert = c->signature->rule.noalert = true;
        return true;
    }
    int mode = command_of(command);
    if (mode < 0)
        return refuse(c, "\"%.*s\" is not known", (int)MIN(command.size, 40U), (const char *)command.data);
    struct bit_list *list = COMPILER_NEW(c, struct bit_list);
    if (!list || !parse_names(c, 'f', names, list))
        return false;
    bool reads = mode >= BIT_IS_SET;
    note_order(c, ORDER_FLOWBITS, !reads);
    struct check *check = reads ? compiler_check(c, flow_bits_hold) : compiler_action(c, flow_bits_run);
    if (!check)
        return false;
    check->mode = (uint8_t)mode;
    check->data = list;
    check->subject = reads ? CHECK_FLOW_VALUES : CHECK_OTHER;
    if (c->part) {
        c->part->bits = list->ids;
        c->part->bits_command = (uint8_t)mode;
        c->part->bit_count = list->count;
    }
    if (c->part && (mode == BIT_IS_SET || mode == BIT_SET || mode == BIT_TOGGLE)) {
        *(reads ? &c->part->asked : &c->part->set) = list->ids;
    }
    return true;
}

/* ---- flowint ---- */

enum int_command {
    INT_LESS,
    INT_AT_MOST,
    INT_EQUAL,
    INT_NOT,
    INT_AT_LEAST,
    INT_MORE,
    INT_IS_SET,
    INT_IS_NOT_SET,
    INT_ASSIGN,
    INT_ADD,
    INT_SUBTRACT
};

static const struct {
    const char *name;
    enum int_command command;
} int_commands[] = { { "<", INT_LESS },
                     { "<=", INT_AT_MOST },
                     { "==", INT_EQUAL },
                     { "!=", INT_NOT },
                     { ">=", INT_AT_LEAST },
                     { ">", INT_MORE },
                     { "isset", INT_IS_SET },
                     { "isnotset", INT_IS_NOT_SET },
                     { "notset", INT_IS_NOT_SET },
                     { "=", INT_ASSIGN },
                     { "+", INT_ADD },
                     { "-", INT_SUBTRACT } };

struct int_operand {
    uint32_t value;
    int other; /* id of another flowint, or -1 */
};

static uint32_t int_operand(const struct check *check, const struct context *context)
{
    const struct int_operand *operand = check->data;
    if (operand->other < 0)
        return operand->value;
    const struct flow_value *value = context->state
                                         ? flow_value_find(context->state, (uint16_t)operand->other, true)
                                         : NULL;
    return value ? value->value : 0;
}

static bool flow_int_holds(const struct check *check, struct context *context)
{
    if (!context->flow)
        return false;
    const struct flow_value *value = context->state
                                         ? flow_value_find(context->state, (uint16_t)check->a, true)
                                         : NULL;
    if (check->mode == INT_IS_SET || check->mode == INT_IS_NOT_SET)
        return (value != NULL) == (check->mode == INT_IS_SET);
    if (!value)
        return false;
    uint32_t want = int_operand(check, context);
    switch (check->mode) {
    case INT_LESS:
        return value->value < want;
    case INT_AT_MOST:
        return value->value <= want;
    case INT_EQUAL:
        return value->value == want;
    case INT_NOT:
        return value->value != want;
    case INT_AT_LEAST:
        return value->value >= want;
    default:
        return value->value > want;
    }
}

static bool flow_int_run(const struct check *action, struct context *context)
{
    uint32_t operand = int_operand(action, context);
    struct flow_value *value = context->flow ? flow_value_add(context, (uint16_t)action->a, true) : NULL;
    if (!value)
        return false;
    if (action->mode == INT_ASSIGN)
        value->value = operand;
    else if (action->mode == INT_ADD)
        value->value += operand;
    else
        value->value -= operand;
    return true;
}

static bool parse_flowint(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes name, word, operand = BYTES_NONE;
    if (!list_next(&value, &name) || !list_next(&value, &word))
        return refuse(c, "a name and an operation are wanted");
    (void)(list_next(&value, &operand) || operand.data);
    size_t i = 0;
    while (i < COUNT_OF(int_commands) && !bytes_is(word, int_commands[i].name))
        i++;
    if (i == COUNT_OF(int_commands))
        return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
    enum int_command command = int_commands[i].command;
    struct int_operand *want = COMPILER_NEW(c, struct int_operand);
    int id = set_bit(c->set, 'i', name);
    if (!want || id < 0)
        return refuse(c, "the name is empty or too long");
    bool asks = command == INT_IS_SET || command == INT_IS_NOT_SET;
    uint64_t number = 0;
    want->other = -1;
    if (!asks && !bytes_to_u64(operand, &number)) {
        want->other = operand.size ? set_bit(c->set, 'i', operand) : -1;
        if (want->other < 0)
            return refuse(c, "a number or another name is wanted");
    }
    if (number > UINT32_MAX)
        return refuse(c, "the number has more than 32 bits");
    want->value = (uint32_t)number;
    bool reads = command < INT_ASSIGN;
    note_order(c, ORDER_FLOWINT, !reads);
    struct check *check = reads ? compiler_check(c, flow_int_holds) : compiler_action(c, flow_int_run);
    if (!check)
        return false;
    check->mode = (uint8_t)command;
    check->a = (uint32_t)id;
    check->data = want;
    check->subject = reads ? CHECK_FLOW_VALUES : CHECK_OTHER;
    return true;
}

/* ---- flowvar, pktvar: texts that captures left with the flow or the packet ---- */

struct wanted_text {
    struct bytes name, part;
};

static bool flow_text_holds(const struct check *check, struct context *context)
{
    const struct wanted_text *wanted = check->data;
    struct bytes text = flow_text_find(context, wanted->name);
    return text.data && bytes_find(text, wanted->part) != SIZE_MAX;
}

static bool packet_text_holds(const struct check *check, struct context *context)
{
    const struct wanted_text *wanted = check->data;
    for (const struct alert_note *note = context->packet_notes; note; note = note->next)
        if (bytes_equal(note->key, wanted->name) && note->value.data)
            return bytes_find(note->value, wanted->part) != SIZE_MAX;
    return false;
}

/* "name,part", the part perhaps in quotes and written as a content is. */
static bool parse_text(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct wanted_text *wanted = COMPILER_NEW(c, struct wanted_text);
    struct check *check = compiler_check(c, keyword->mode ? packet_text_holds : flow_text_holds);
    struct bytes part = value, name = bytes_trim(bytes_cut(&part, ','));
    part = bytes_trim(part);
    if (!wanted || !check)
        return false;
    check->data = wanted;
    if (!name.size || !part.size || !unquote(&part))
        return refuse(c, "a name and a text are wanted");
    note_order(c, ORDER_CAPTURES, false);
    return compiler_copy(c, name, &wanted->name) && content_parse(c, part, &wanted->part);
}

/* ---- xbits, hostbits ---- */

static bool shared_bit_holds(const struct check *check, struct context *context)
{
    return shared_bit_is_set(context, check->b, check->a) == (check->mode == BIT_IS_SET);
}

static bool shared_bit_run(const struct check *action, struct context *context)
{
    bool on = action->mode == BIT_SET ||
              (action->mode == BIT_TOGGLE && !shared_bit_is_set(context, action->b, action->a));
    uint64_t expire = action->range.a ? context->packet->time + action->range.a * NS_PER_S : 0;
    if (on)
        shared_bit_set(context, action->b, action->a, expire);
    else
        shared_bit_unset(context, action->b, action->a);
    return true;
}

static bool add_shared_bit(struct compiler *c, int mode, char kind, struct bytes name, enum track track,
                           uint64_t seconds)
{
    int id = set_bit(c->set, kind, name);
    if (id < 0)
        return refuse(c, "the name is empty or too long");
    bool reads = mode >= BIT_IS_SET;
    if (kind == 'h')
        note_order(c, ORDER_HOSTBITS, !reads);
    else /* a packet's own are for the next one to see: readers come first, as in Suricata */
        note_order(c, ORDER_XBITS, reads);
    struct check *check = reads ? compiler_check(c, shared_bit_holds) : compiler_action(c, shared_bit_run);
    if (!check)
        return false;
    check->subject = CHECK_HOSTS;
    check->mode = (uint8_t)mode;
    check->a = (uint32_t)id;
    check->b = track;
    check->range.a = seconds;
    return true;
}

static bool has_hook(const struct compiler *c)
{
    for (const struct buffer_use *use = c->signature->uses; use; use = use->next)
        if (use->buffer->kind == BUFFER_HOOK)
            return true;
    return false;
}

static bool parse_xbits(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes command, name, word;
    if (!list_next(&value, &command))
        return refuse(c, "a command is wanted");
    if (bytes_is(command, "noalert")) {
        c->signature->no_alert = c->signature->rule.noalert = true;
        return true;
    }
    int mode = command_of(command);
    if (mode < 0 || !list_next(&value, &name))
        return refuse(c, "a command, a name and track are wanted");
    enum track track = TRACK_SRC;
    uint64_t seconds = 30;
    while (list_next(&value, &word)) {
        struct bytes rest = bytes_trim(bytes_from(word, MIN(bytes_find_byte(word, ' '), word.size)));
        if (bytes_starts(word, BYTES_OF("track ")))
            track = bytes_is(rest, "ip_src")    ? TRACK_SRC
                    : bytes_is(rest, "ip_dst")  ? TRACK_DST
                    : bytes_is(rest, "ip_pair") ? TRACK_PAIR
                    : bytes_is(rest, "tx")      ? TRACK_TX
                                                : TRACK_NONE;
        else if (!bytes_starts(word, BYTES_OF("expire ")) || !bytes_to_u64(rest, &seconds) || seconds == 0 ||
                 seconds > UINT32_MAX)
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
    }
    if (track == TRACK_NONE)
        return refuse(c, "track must be ip_src, ip_dst, ip_pair or tx");
    if (track == TRACK_TX && mode >= BIT_IS_SET && !has_hook(c))
        return refuse(c, "bits of a transaction are asked for by rules with a hook");
    return add_shared_bit(c, mode, 'x', name, track, seconds);
}

static bool parse_hostbits(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes command, name, which = BYTES_NONE;
    if (!list_next(&value, &command))
        return refuse(c, "a command is wanted");
    if (bytes_is(command, "noalert")) {
        c->signature->no_alert = c->signature->rule.noalert = true;
        return true;
    }
    int mode = command_of(command);
    if (mode < 0 || !list_next(&value, &name) || name.size == 0)
        return refuse(c, "a command and a name are wanted");
    enum track track = TRACK_SRC;
    if (list_next(&value, &which)) {
        if (!bytes_is(which, "src") && !bytes_is(which, "dst"))
            return refuse(c, "must be src or dst");
        track = bytes_is(which, "dst") ? TRACK_DST : TRACK_SRC;
    }
    for (size_t i = 0; i < name.size; i++)
        if (byte_is_space(name.data[i]))
            return refuse(c, "a name must not have spaces");
    return add_shared_bit(c, mode, 'h', name, track, 0);
}

/* ---- tag ---- */

/* mode: scope; range.b: metric. */
static bool tag_run(const struct check *action, struct context *context)
{
    tags_set(context, (enum tag_scope)action->mode, (enum tag_metric)action->range.b, action->range.a);
    return true;
}

/* What stands behind the scope: a count and its metric, for hosts the side. */
static bool parse_tag_count(struct compiler *c, struct bytes value, struct check *action)
{
    static const char *const metrics[] = {
        [TAG_PACKETS] = "packets", [TAG_SECONDS] = "seconds", [TAG_BYTES] = "bytes"
    };
    struct bytes count, metric, which;
    if (!list_next(&value, &count))
        return true;
    if (!list_next(&value, &metric) || !bytes_to_u64(count, &action->range.a) || action->range.a > UINT32_MAX)
        return refuse(c, "a count and a metric are wanted");
    while (action->range.b < COUNT_OF(metrics) && !bytes_is(metric, metrics[action->range.b]))
        action->range.b++;
    if (action->range.b == COUNT_OF(metrics))
        return refuse(c, "the metric must be packets, seconds or bytes");
    if (!list_next(&value, &which))
        return true;
    if (!bytes_is(which, "src") && !bytes_is(which, "dst"))
        return refuse(c, "the side must be src or dst");
    if (action->mode != TAG_SESSION && bytes_is(which, "dst"))
        action->mode = TAG_HOST_DST;
    return true;
}

static bool parse_tag(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes type;
    struct check *action = compiler_late_action(c, tag_run);
    if (!action)
        return false;
    action->range.a = 256; /* packets, when nothing else is said */
    action->range.b = TAG_PACKETS;
    if (!list_next(&value, &type) || (!bytes_is(type, "session") && !bytes_is(type, "host")))
        return refuse(c, "must be session or host");
    action->mode = bytes_is(type, "host") ? TAG_HOST_SRC : TAG_SESSION;
    return parse_tag_count(c, value, action);
}

/* ---- what reports tell ---- */

static void report_flowbits(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    const struct check *check = part->check ? part->check : part->action;
    const struct bit_list *list = check->data;
    json_cstring(out, "cmd", bit_commands[check->mode]);
    json_open(out, "names", '[');
    for (size_t i = 0; i < list->count; i++)
        json_cstring(out, NULL, set->bit_names[list->ids[i]]);
    json_close(out, ']');
    if (list->count > 1)
        json_cstring(out, "operator", "or");
}

static void report_flowint(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    static const char *const commands[] = {
        [INT_LESS] = "lt",      [INT_AT_MOST] = "lte", [INT_EQUAL] = "eq",     [INT_NOT] = "ne",
        [INT_AT_LEAST] = "gte", [INT_MORE] = "gt",     [INT_IS_SET] = "isset", [INT_IS_NOT_SET] = "isnotset",
        [INT_ASSIGN] = "set",   [INT_ADD] = "add",     [INT_SUBTRACT] = "sub",
    };
    const struct check *check = part->check ? part->check : part->action;
    const struct int_operand *operand = check->data;
    json_cstring(out, "cmd", commands[check->mode]);
    json_cstring(out, "var", set->bit_names[check->a]);
    if (operand->other >= 0)
        json_cstring(out, "value", set->bit_names[operand->other]);
    else if (check->mode != INT_IS_SET && check->mode != INT_IS_NOT_SET)
        json_uint(out, "value", operand->value);
}

const struct keyword bits_keywords[] = {
    { "flowbits", .parse = parse_flowbits, .flags = KEYWORD_QUOTED | KEYWORD_OF_FLOW,
      .help = "Marks of the flow, set and asked by rules", .report = report_flowbits },
    { "flowint", .parse = parse_flowint, .flags = KEYWORD_QUOTED | KEYWORD_OF_FLOW,
      .help = "Numbers of the flow, kept by rules", .report = report_flowint },
    { "flowvar", .parse = parse_text, .mode = 0, .flags = KEYWORD_OF_FLOW,
      .help = "Part of a text that a capture left with the flow" },
    { "pktvar", .parse = parse_text, .mode = 1,
      .help = "Part of a text that a capture left with the packet" },
    { "xbits", .parse = parse_xbits, .flags = KEYWORD_BARE,
      .help = "Marks of a host, a pair or a transaction, with a life time" },
    { "hostbits", .parse = parse_hostbits, .flags = KEYWORD_QUOTED, .help = "Marks of a host" },
    { "tag", .parse = parse_tag, .help = "Packets after a match are logged too", .list = "tag" },
    { 0 },
};
