/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a rule, cut into header and options. */
#include "detect/syntax.h"

struct cutter {
    struct bytes line;
    size_t at;
};

static void skip_space(struct cutter *c)
{
    while (c->at < c->line.size && byte_is_space(c->line.data[c->at]))
        c->at++;
}

/* The next word of the header; brackets may hold spaces. */
static struct bytes header_word(struct cutter *c)
{
    skip_space(c);
    size_t start = c->at;
    unsigned depth = 0;
    for (; c->at < c->line.size; c->at++) {
        uint8_t b = c->line.data[c->at];
        if (b == '[')
            depth++;
        else if (b == ']' && depth)
            depth--;
        else if (!depth && (byte_is_space(b) || b == '('))
            break;
    }
    return bytes_of(c->line.data + start, c->at - start);
}

static bool refuse_cut(struct rule_syntax *syntax, size_t at, const char *why)
{
    syntax->error = why;
    syntax->column = (uint32_t)at + 1;
    return false;
}

static bool cut_header(struct cutter *c, struct rule_syntax *syntax)
{
    skip_space(c);
    size_t start = c->at;
    syntax->action = header_word(c);
    struct bytes protocol = header_word(c);
    syntax->protocol = bytes_cut(&protocol, ':');
    syntax->hook = protocol;
    syntax->src = header_word(c);
    if (syntax->src.size == 0)
        return refuse_cut(syntax, start,
                          "the header is incomplete: action, protocol, addresses, ports wanted");
    skip_space(c);
    if (c->at < c->line.size && c->line.data[c->at] == '(') {
        /* Ethernet and ARP rules may leave addresses and ports out. */
        return refuse_cut(syntax, c->at, "the header is incomplete: addresses and ports wanted");
    }
    syntax->src_ports = header_word(c);
    skip_space(c);
    size_t arrow_at = c->at;
    struct bytes arrow = header_word(c);
    if (bytes_is(arrow, "->"))
        syntax->direction = RULE_FORWARD;
    else if (bytes_is(arrow, "<>"))
        syntax->direction = RULE_BOTH;
    else if (bytes_is(arrow, "=>"))
        syntax->direction = RULE_TRANSACTION;
    else
        return refuse_cut(syntax, arrow_at, "the direction must be ->, <> or =>");
    syntax->dst = header_word(c);
    syntax->dst_ports = header_word(c);
    if (syntax->dst_ports.size == 0)
        return refuse_cut(syntax, c->at, "the header is incomplete: destination address and port wanted");
    skip_space(c);
    if (c->at >= c->line.size || c->line.data[c->at] != '(')
        return refuse_cut(syntax, c->at, "the options must start with '('");
    c->at++;
    return true;
}

/* The end of an option: the next ';' that no backslash escapes. */
static size_t option_end(struct bytes line, size_t at)
{
    struct bytes rest = bytes_from(line, at);
    size_t semicolon = bytes_find_byte(rest, ';');
    if (semicolon != SIZE_MAX && bytes_find_byte(bytes_first(rest, semicolon), '\\') == SIZE_MAX)
        return at + semicolon;
    for (; at < line.size && line.data[at] != ';'; at++)
        if (line.data[at] == '\\')
            at++;
    return at;
}

bool rule_cut(struct bytes line, struct rule_syntax *syntax)
{
    syntax->option_count = 0;
    syntax->error = NULL;
    syntax->error_keyword = BYTES_NONE;
    line = bytes_trim(line);
    struct cutter c = { line, 0 };
    if (!cut_header(&c, syntax))
        return false;
    if (line.data[line.size - 1] != ')')
        return refuse_cut(syntax, line.size - 1, "the options must end with ')'");
    struct bytes body = bytes_of(line.data, line.size - 1);
    for (;;) {
        c.line = body;
        skip_space(&c);
        if (c.at >= body.size)
            break;
        size_t end = option_end(body, c.at);
        struct bytes text = bytes_of(body.data + c.at, MIN(end, body.size) - c.at);
        if (end >= body.size)
            return refuse_cut(syntax, c.at, "an option must end with ';'");
        if (syntax->option_count == RULE_OPTIONS_MAX)
            return refuse_cut(syntax, c.at, "too many options");
        struct rule_option *option = &syntax->options[syntax->option_count];
        struct bytes value = text;
        size_t colon = bytes_find_byte(text, ':');
        option->keyword = bytes_trim(bytes_first(text, colon));
        option->value = colon == SIZE_MAX ? BYTES_NONE : bytes_trim(bytes_from(value, colon + 1));
        option->column = (uint32_t)c.at + 1;
        if (option->keyword.size == 0)
            return refuse_cut(syntax, c.at, "a keyword is missing");
        syntax->option_count++;
        c.at = end + 1;
    }
    if (syntax->option_count == 0)
        return refuse_cut(syntax, c.at, "no options");
    return true;
}

bool list_next(struct bytes *rest, struct bytes *item)
{
    if (!rest->data || rest->size == 0)
        return false;
    unsigned depth = 0;
    bool quoted = false;
    size_t at = 0;
    for (; at < rest->size; at++) {
        uint8_t b = rest->data[at];
        if (b == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (b == '[')
            depth++;
        else if (b == ']' && depth)
            depth--;
        else if (b == ',' && !depth)
            break;
    }
    *item = bytes_trim(bytes_first(*rest, at));
    *rest = at < rest->size ? bytes_from(*rest, at + 1) : BYTES_NONE;
    return true;
}

bool unquote(struct bytes *value)
{
    if (value->size == 0 || value->data[0] != '"')
        return true;
    if (value->size < 2 || value->data[value->size - 1] != '"')
        return false;
    *value = bytes_of(value->data + 1, value->size - 2);
    return true;
}
