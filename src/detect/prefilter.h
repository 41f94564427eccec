/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the rules whose pattern stands in a buffer: one matcher (grams.h) per buffer and direction over the
 * whole rule set. Private to detect. */
#ifndef VONGLAU_DETECT_PREFILTER_H
#define VONGLAU_DETECT_PREFILTER_H

#include "detect/set.h"

#define PREFILTER_HEAD_MAX 256U /* bytes; patterns bound to more than that may as well stand anywhere */

struct prefilter;
struct prefilter_memory; /* one worker's scratch */
struct flow_class;
struct frequency;

/* A prefilter as one class of flows sees it: when the class has had enough data, only the patterns are looked
 * for whose rules can concern it. All zero at first; kept with the class. */
struct prefilter_view {
    const struct subset *subset; /* NULL: the whole prefilter */
    uint32_t work;               /* done for the class without a subset */
    bool settled;
};

/* `large`: the buffer may be long (bodies, streams). */
MUST_CHECK struct prefilter *prefilter_new(bool large);
void prefilter_free(struct prefilter *prefilter);
/* Rule `index` is wanted wherever `pattern` stands; with `bound` only where it ends within that many bytes
 * from the start of body, stream or packet (0: anywhere). Patterns bound to the beginning are kept apart and
 * cost nothing further on. */
MUST_CHECK bool prefilter_add(struct prefilter *prefilter, struct bytes pattern, bool nocase, size_t bound,
                              uint32_t index);
/* After the last rule. */
MUST_CHECK bool prefilter_compile(struct prefilter *prefilter, const struct frequency *frequency,
                                  struct error *error);
/* Longest pattern in bytes. */
size_t prefilter_reach(const struct prefilter *prefilter);

MUST_CHECK struct prefilter_memory *prefilter_memory_new(const struct ruleset *set, struct error *error);
void prefilter_memory_free(struct prefilter_memory *memory);

/* Called with the rules of each pattern found, at most once a pattern and scan. */
typedef void (*prefilter_hit_fn)(void *context, const uint32_t *rules, size_t count);
/* `data` starts at `offset` of its body or stream. */
void prefilter_scan(const struct prefilter *prefilter, struct prefilter_memory *memory, struct bytes data,
                    uint64_t offset, prefilter_hit_fn hit, void *context);
/* The same for flows of `class`, whose view of the prefilter is given. */
void prefilter_scan_for(const struct prefilter *prefilter, struct prefilter_memory *memory,
                        const struct flow_class *class, struct prefilter_view *view, struct bytes data,
                        uint64_t offset, prefilter_hit_fn hit, void *context);

#endif
