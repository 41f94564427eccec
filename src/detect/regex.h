/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of rules, with PCRE2 and its limits. Private to detect. */
#ifndef VONGLAU_DETECT_REGEX_H
#define VONGLAU_DETECT_REGEX_H

#include "detect/keyword.h"

struct regex_memory; /* one worker's match data and limits */

MUST_CHECK struct regex_memory *regex_memory_new(uint32_t match_limit);
void regex_memory_free(struct regex_memory *memory);

enum regex_result { REGEX_NO, REGEX_YES, REGEX_LIMIT };

/* Searches `data` from `from` on; on success [*start, *end) is what matched. */
enum regex_result regex_match(const struct regex *regex, struct regex_memory *memory, struct bytes data,
                              size_t from, size_t *start, size_t *end);
/* Some of its groups are kept. */
bool regex_captures(const struct regex *regex);
/* Groups of the expression, with names or without. */
unsigned regex_group_count(const struct regex *regex);
size_t regex_capture_count(const struct regex *regex);
/* Right after a match in `data`: notes what those groups hold (context->notes). */
void regex_note(const struct regex *regex, struct bytes data, struct context *context);
/* Compiles `pattern` (PCRE2 option bits) as part of the set; NULL and a refusal when it is wrong. */
const struct regex *regex_new(struct compiler *c, struct bytes pattern, uint32_t options);
void regexes_free(struct regex *first);
/* The first capture of a match of `regex` in `data`, or the whole match; absent when none. */
struct bytes regex_capture(const struct regex *regex, struct regex_memory *memory, struct bytes data);
/* Cuts "/pattern/flags"; flags outside `imsxAEGU`-like PCRE options are left in `other`. */
MUST_CHECK bool regex_cut(struct compiler *c, struct bytes value, struct bytes *pattern, struct bytes *flags);

#endif
