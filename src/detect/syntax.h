/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a rule, cut into header and options; nothing is interpreted here. */
#ifndef VONGLAU_DETECT_SYNTAX_H
#define VONGLAU_DETECT_SYNTAX_H

#include "base/bytes.h"

#define RULE_OPTIONS_MAX 512

/* `keyword: value;` - the value trimmed, escapes untouched; absent when there was no colon. */
struct rule_option {
    struct bytes keyword, value;
    uint32_t column; /* 1-based, of the keyword */
};

enum rule_direction { RULE_FORWARD, RULE_BOTH, RULE_TRANSACTION /* => */ };

struct rule_syntax {
    struct bytes action, protocol, hook;
    struct bytes src, src_ports, dst, dst_ports;
    enum rule_direction direction;
    struct rule_option options[RULE_OPTIONS_MAX];
    size_t option_count;
    const char *error; /* why it was refused */
    struct bytes error_keyword;
    uint32_t column;
};

/* Cuts `line`; false with `error` and `column` set. Everything is borrowed from `line`. */
MUST_CHECK bool rule_cut(struct bytes line, struct rule_syntax *syntax);
/* Next item of a comma-separated list, trimmed; brackets and quotes protect commas. False at the end. */
MUST_CHECK bool list_next(struct bytes *rest, struct bytes *item);
/* Without the quotes around it; false when only one is there. */
MUST_CHECK bool unquote(struct bytes *value);

#endif
