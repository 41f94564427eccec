/* SPDX-License-Identifier: Apache-2.0 */
/* What is known while one packet is inspected; conditions, buffers and actions all receive it. Private to
 * detect. */
#ifndef VONGLAU_DETECT_CONTEXT_H
#define VONGLAU_DETECT_CONTEXT_H

#include "detect/set.h"

struct flow_class;
struct flow_memory;
struct detector;

struct context {
    const struct ruleset *set;
    struct detector *detector;
    const struct inspection *in;
    const struct packet *packet;
    struct flow *flow;
    struct flow_memory *state; /* of the flow, or NULL */
    enum direction direction;
    const struct flow_class *class;
    struct alerts *alerts;
    uint64_t protocols; /* of the session, bits by index: several when one is made of others (doh2) */

    const struct signature *signature; /* being judged */
    struct tx *tx;
    const struct frame *frame;
    const struct file *file;               /* that matched */
    const struct alert_note *notes;        /* of values that matched */
    const struct alert_note *packet_notes; /* captures that rules before this one kept with the packet */
    struct bytes raw;                      /* raw bytes of the stream, when they are inspected */
    uint64_t raw_offset;                   /* of their first byte in the stream */
    bool raw_ready, on_stream;             /* there are such bytes; the match was in them */

    uint64_t variables[RULE_VARIABLES_MAX];
    unsigned steps; /* left for matching one buffer */
    const struct item
        *missing;          /* a content that stands nowhere in what was last matched, so nothing can match */
    struct arena *scratch; /* reset with each packet */
    uint64_t *counters;
};

/* True when all of `items` hold in `data`, the part of a longer body that starts at `offset`. */
bool match_items(const struct item *items, struct bytes data, uint64_t offset, struct context *context);

#endif
