/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of flows: which rule headers hold for a pair of endpoints, worked out once and kept.
 *
 * Addresses and ports that no rule tells apart are of one class, so a flow's rules are found by a few table
 * lookups and one probe of a cache. Private to detect. */
#ifndef VONGLAU_DETECT_CLASSES_H
#define VONGLAU_DETECT_CLASSES_H

#include "detect/gate.h"
#include "detect/prefilter.h"

/* The rules that concern one kind of packet, both address and port classes known. */
struct flow_class {
    const uint64_t *headers; /* bit per header of the set: it holds */
    const uint32_t *ip_only;
    const struct gate *always; /* packet rules without a prefilter: those that want data, then the rest */
    uint32_t ip_only_count, always_count, with_data;
    struct prefilter_view (*views)[DIRECTIONS]; /* of the payload's prefilters, by enum raw_kind */
    bool raw_packet, raw_stream; /* some rule with a pattern in raw payload or stream can match */
};

static inline bool class_allows(const struct flow_class *class, uint16_t header)
{
    return class->headers[header / 64] >> (header % 64) & 1;
}

/* Works the classes out once all rules are in. */
MUST_CHECK bool classes_build(struct ruleset *set);
void classes_free(struct classes *classes);

struct class_cache; /* one worker's */
MUST_CHECK struct class_cache *class_cache_new(const struct ruleset *set);
void class_cache_free(struct class_cache *cache);
/* The class of `packet`; NULL when memory is short. Valid until *generation changes. */
const struct flow_class *class_of(struct class_cache *cache, const struct packet *packet);
uint32_t class_generation(const struct class_cache *cache);

#endif
