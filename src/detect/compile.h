/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of compiling one rule: its header, its keywords, what follows from them. Private to detect. */
#ifndef VONGLAU_DETECT_COMPILE_H
#define VONGLAU_DETECT_COMPILE_H

#include "detect/keyword.h"

/* What a refusal is about: a part of the rule's text. */
struct rule_place {
    uint32_t column;
    struct bytes text;
};

/* Reads action, protocol, addresses, ports and hook; `place` follows what is being read. */
MUST_CHECK bool header_parse(struct compiler *c, const struct rule_syntax *syntax, struct header *header,
                             struct rule_place *place);
/* Gives the signature its header, shared with the rules that have the same. */
MUST_CHECK bool header_intern(struct compiler *c, const struct header *header);

/* After the last keyword: decides what they mean together, or that they cannot hold together. */
MUST_CHECK bool settle(struct compiler *c, struct header *header);

/* Where the next item of `list` goes. */
struct item **item_list_tail(struct item **list);

#endif
