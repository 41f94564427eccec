/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's detector: what it keeps of flows, and its memory. Private to detect. */
#ifndef VONGLAU_DETECT_ENGINE_H
#define VONGLAU_DETECT_ENGINE_H

#include <stdatomic.h>

#include "base/pool.h"
#include "detect/classes.h"
#include "detect/context.h"
#include "detect/prefilter.h"
#include "detect/regex.h"

#define FLOW_VALUES_PER_CHUNK 6

/* A flow bit that is set, or a flowint's value. */
struct flow_value {
    uint16_t id;
    bool is_int;
    uint32_t value;
};

struct flow_values {
    struct flow_values *next;
    struct flow_value items[FLOW_VALUES_PER_CHUNK];
    uint8_t count;
};

#define FLOW_ENTROPIES_MAX 8 /* of one flow */

/* What rules found the entropy of buffers to be, whether that is what they look for or not. */
struct flow_entropies {
    struct {
        const char *name;
        double value;
    } items[FLOW_ENTROPIES_MAX];
    uint8_t count;
};

#define FLOW_TEXTS_MAX 8 /* of one flow */

/* A text that a rule's capture left with the flow. */
struct flow_text {
    struct flow_text *next;   /* in the order in which they were kept first */
    struct bytes name;        /* of the rule set */
    struct bytes json, value; /* behind it */
};

/* A rule that matched a frame that is not complete yet. */
struct frame_match {
    uint64_t id;
    uint32_t rule;
};

/* What detection remembers of a flow. */
struct flow_memory {
    uint32_t generation;                          /* of the rule set the rest belongs to */
    const struct flow_class *classes[DIRECTIONS]; /* valid while class_generation is the detector's */
    uint32_t class_generation;
    uint64_t raw_offset[DIRECTIONS]; /* stream bytes inspected */
    uint64_t tx_seen[DIRECTIONS];    /* transactions finished when raw bytes were last flushed */
    bool ip_only_done[DIRECTIONS], pass, established;
    int8_t judged_as[DIRECTIONS];  /* what it spoke when rules about that were judged; see spoken_now() */
    bool raw_done[DIRECTIONS];     /* payload is opaque from here on, and what came before was looked at */
    uint8_t said_seen[DIRECTIONS]; /* session->said when raw bytes were last flushed, modulo 256 */
    uint8_t session_events;        /* anomalies of recognition already judged */
    struct flow_values *values;
    struct flow_text *texts;
    struct flow_entropies *entropies;
    uint32_t values_version; /* rises with every change of them */
    bool tagged;             /* the table of tags has this flow */
    struct frame_match frames_matched[4];
    uint8_t frames_matched_next;
};

struct value_cache {
    uint32_t epoch;
    uint32_t count;
    struct bytes *values;
    uint64_t *offsets;
    bool *final; /* of a buffer that grows: the value will not change any more */
};

struct rule_cost;
struct meter;
struct set_memory;

struct detector {
    const struct ruleset *set;
    struct set_memory *next; /* of the set that it changes to, or NULL */
    uint32_t generation;     /* rises with every change of the set */
    struct pool states, values;
    struct class_cache *classes;
    struct regex_memory *regex;
    struct prefilter_memory *prefilter;
    struct arena scratch;
    void *scratch_memory;
    struct value_cache *cache; /* per buffer of the set */
    uint32_t epoch;
    uint32_t *candidates;
    size_t candidate_count;
    uint64_t *candidate_bits; /* which rules are in the list */
    uint64_t counts[DETECT_COUNTER_COUNT];
    struct rule_cost *costs;   /* by rule; NULL unless profiled (profile.h) */
    struct meter *meter;       /* NULL unless rules can be put aside (quarantine.h) */
    const _Atomic bool *aside; /* likewise: by rule, it rests */
};

static inline struct regex_memory *context_regex(const struct context *context)
{
    return context->detector->regex;
}

/* True when the DCERPC message at hand is little endian. */
static inline bool context_dce_little(const struct context *context)
{
    (void)context;
    return true;
}

/* True when header, direction and the cheap conditions of the rule hold for the packet at hand. */
bool signature_applies(struct context *context, const struct signature *signature);
/* The rule was put aside. */
static inline bool rule_rests(const struct detector *detector, uint32_t rule)
{
    return detector->aside && atomic_load_explicit(&detector->aside[rule], memory_order_relaxed);
}

/* Around the judging of one rule: counts its cost when rules are profiled or can be put aside. */
uint64_t cost_begin(const struct detector *detector);
void cost_end(struct detector *detector, uint32_t rule, uint64_t begin);
/* The rule matched: runs its actions and notes the alert. */
void signature_matched(struct context *context, const struct signature *signature);
/* After all rules were judged: what was noted becomes alerts, by order, thresholds and limits. */
void alerts_finish(struct context *context);
/* A tag of an earlier match makes the packet at hand an event. */
void alerts_add_tagged(struct context *context);
/* Judges one use of raw payload. */
bool payload_matches(struct context *context, const struct signature *signature,
                     const struct buffer_use *use);
/* True when the content of `item` stands anywhere in `data`. */
bool item_stands(const struct item *item, struct bytes data);
/* Inspects all transactions of the session in the packet's direction. */
void transactions_inspect(struct context *context);
/* Inspects the frames of the packet's direction. */
void frames_inspect(struct context *context);
/* `value` with the buffer's transformations applied. */
struct bytes buffer_transform(const struct buffer *buffer, struct bytes value, struct context *context);

/* The flow's bit or integer; NULL when never set. */
struct flow_value *flow_value_find(const struct flow_memory *state, uint16_t id, bool is_int);
/* The same, made when new; NULL when memory is short. */
struct flow_value *flow_value_add(struct context *context, uint16_t id, bool is_int);
void flow_value_remove(struct flow_memory *state, uint16_t id, bool is_int);
/* Keeps a text with the flow, in the place of what had its name before. */
void flow_text_keep(struct context *context, const struct alert_note *note);
/* The entropy of the buffer of this name in the flow at hand, in the place of what was known of it. */
void flow_entropy_keep(struct context *context, const char *name, double value);
/* The text that has this name in the flow, as it was captured; absent when there is none. */
struct bytes flow_text_find(const struct context *context, struct bytes name);
/* The state of the flow at hand, made when new; NULL without a flow or memory. */
struct flow_memory *context_state(struct context *context);

#endif
