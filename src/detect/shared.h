/* SPDX-License-Identifier: Apache-2.0 */
/* What rules remember beyond a flow: bits of hosts and pairs, and counts of thresholds. Bounded, shared by
 * the workers of one rule set, one lock: it is touched only after a rule matched. Private to detect. */
#ifndef VONGLAU_DETECT_SHARED_H
#define VONGLAU_DETECT_SHARED_H

#include "detect/context.h"

enum track {
    TRACK_NONE,
    TRACK_SRC,
    TRACK_DST,
    TRACK_BOTH,
    TRACK_RULE,
    TRACK_FLOW,
    TRACK_PAIR,
    TRACK_TX,
    TRACK_EITHER
};

MUST_CHECK struct shared *shared_new(void);
void shared_free(struct shared *shared);

/* A bit of a host, pair or transaction, until its time. `expire` is packet time; 0 never ends. */
bool shared_bit_is_set(struct context *context, enum track track, uint32_t id);
void shared_bit_set(struct context *context, enum track track, uint32_t id, uint64_t expire);
void shared_bit_unset(struct context *context, enum track track, uint32_t id);

enum threshold_type {
    THRESHOLD_LIMIT,
    THRESHOLD_THRESHOLD,
    THRESHOLD_BOTH,
    THRESHOLD_BACKOFF,
    THRESHOLD_FILTER,
    THRESHOLD_RATE
};

struct threshold {
    struct threshold *next; /* several rate filters of one rule */
    uint8_t type, track;
    uint32_t count, seconds, multiplier;
    uint8_t new_action; /* rate filter */
    uint32_t timeout;   /* rate filter: seconds */
};

struct suppression {
    struct suppression *next;
    uint32_t gid, sid; /* 0: all */
    uint8_t track;     /* TRACK_NONE: always; SRC, DST, EITHER */
    struct ranges addresses;
};

/* SILENT: no alert, but what the rule does to the packet is done; NOTHING: as if it had not matched. */
enum threshold_outcome { THRESHOLD_NOTHING, THRESHOLD_SILENT, THRESHOLD_ALERT };

/* Judges a match that would raise an alert. `*action` can become another one (rate filter). */
enum threshold_outcome threshold_judge(struct context *context, const struct signature *signature,
                                       uint8_t *action);

#endif
