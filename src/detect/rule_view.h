/* SPDX-License-Identifier: Apache-2.0 */
/* One compiled rule as reports tell it: its buffers in the order of the text, the names that users know, the
 * pattern of the documented choice. Private to detect. */
#ifndef VONGLAU_DETECT_RULE_VIEW_H
#define VONGLAU_DETECT_RULE_VIEW_H

#include "detect/keyword.h"

#define USES_MAX 64 /* buffers of one rule that are told */

/* One rule while it is written. */
struct rule_view {
    const struct ruleset *set;
    const struct signature *signature;
    const struct rule_parts *parts;
    const struct buffer_use *uses[USES_MAX]; /* in the order of the text */
    size_t use_count;
    const struct buffer_use *fast_use; /* by the documented choice, wherever ours looks */
    const struct item *fast;
    const struct rule_part *leader; /* the condition on packets that `prefilter` stands behind */
    bool payload, stream, packet;   /* raw bytes; of streams; of packets */
};

struct rule_view rule_view(const struct ruleset *set, const struct signature *signature);
const struct rule_parts *view_parts(const struct ruleset *set, const struct signature *signature);
/* The keyword that made an item, a use or a check of files; NULL when none is known. */
const struct rule_part *view_part_of(const struct rule_view *view, const void *thing);
/* Looked for in transactions, not in raw bytes, packets or frames. */
bool view_on_transaction(const struct buffer_use *use);
/* Its keyword compares it in a list of its own. */
bool view_has_own_list(const struct rule_view *view, const struct buffer_use *use);
/* The list of the report that a keyword's match is in; NULL: none. */
const char *view_list_of(const struct rule_part *part);
/* What it does on a match besides its condition; NULL: nothing. */
const char *view_postmatch_of(const struct rule_part *part);
size_t view_postmatch_count(const struct rule_part *part);
bool view_has_list(const struct rule_view *view, const char *name);
/* Some condition's keyword has one of these KEYWORD_ flags. */
bool view_has_flag(const struct rule_view *view, unsigned flag);

/* "ip_only", "pkt", "app_tx"...: what a rule looks at. */
const char *view_type(const struct rule_view *view);

/* ---- names ---- */

const char *view_keyword_name(const struct keyword *keyword);
const char *view_buffer_name(const struct ruleset *set, const struct buffer *buffer);
/* A frame as the rule has it; the protocol goes before what is named without one. */
void view_frame_name(const struct buffer *buffer, const struct protocol *protocol, struct text *name);
/* A buffer's name, frames included. */
void view_told_name(const struct rule_view *view, const struct buffer *buffer, struct text *name);
/* What a row of a protocol is called; of "x.raw" the keyword is "x". */
void view_row_name(const struct inspect *row, char *name, size_t capacity);
/* The name that all of these protocols are known by; NULL: there is none. */
const char *view_protocols_name(const struct ruleset *set, uint64_t mask);

#endif
