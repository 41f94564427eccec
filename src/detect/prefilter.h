/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the rules whose pattern stands in a buffer: one Vectorscan database per buffer and direction over
 * the whole rule set. Private to detect. */
#ifndef VONGLAU_DETECT_PREFILTER_H
#define VONGLAU_DETECT_PREFILTER_H

#include "detect/set.h"

struct prefilter;
struct prefilter_memory; /* one worker's scratch */

MUST_CHECK struct prefilter *prefilter_new(void);
void prefilter_free(struct prefilter *prefilter);
/* Rule `index` is wanted wherever `pattern` stands. */
MUST_CHECK bool prefilter_add(struct prefilter *prefilter, struct bytes pattern, bool nocase, uint32_t index);
/* After the last rule. */
MUST_CHECK bool prefilter_compile(struct prefilter *prefilter, struct error *error);
/* Longest pattern in bytes. */
size_t prefilter_reach(const struct prefilter *prefilter);

MUST_CHECK struct prefilter_memory *prefilter_memory_new(const struct ruleset *set, struct error *error);
void prefilter_memory_free(struct prefilter_memory *memory);

/* Called with the rules of each pattern found, at most once a pattern and scan. */
typedef void (*prefilter_hit_fn)(void *context, const uint32_t *rules, size_t count);
void prefilter_scan(const struct prefilter *prefilter, struct prefilter_memory *memory, struct bytes data,
                    prefilter_hit_fn hit, void *context);

#endif
