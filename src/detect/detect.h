/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on packets, streams and transactions: the compiled set, and one worker's detector.
 *
 * The set is immutable and shared; a reload builds another and the worker changes over between
 * batches (detector_change). Per-flow and per-transaction state belongs to the detector. */
#ifndef VONGLAU_DETECT_DETECT_H
#define VONGLAU_DETECT_DETECT_H

#include "detect/rule.h"
#include "flow/stream.h"
#include "proto/session.h"

struct ruleset;
struct detector;

/* What a worker shows the detector after the packet went through flow, stream and session. */
struct inspection {
    const struct packet *packet;        /* never NULL; a pseudo packet at a flow's end (source says so) */
    struct flow *flow;                  /* NULL: no flow */
    enum direction direction;           /* of the packet */
    struct session *session;            /* NULL: none */
    struct stream *streams[DIRECTIONS]; /* TCP; NULL otherwise */
    bool parsed;                        /* this packet brought its application something, of either side */
    bool flow_ends;                     /* last look at this flow: everything left is inspected */
    bool loose;                         /* a TCP payload that did not go to the stream */
    bool corrupt;                       /* its checksum is wrong: it brings its application nothing */
    bool refused;                       /* ... and is dropped for that: its bytes reach nobody */
    const uint16_t *events;             /* stream events of this packet (flow/tcp.h), `event_count` of them */
    size_t event_count;
    uint8_t tcp_before; /* enum tcp_state: the connection's before this packet */
    bool inline_mode;   /* drop and reject take effect */
};

enum rule_action {
    ACTION_ALERT = 1,
    ACTION_PASS = 2,
    ACTION_DROP = 4,
    ACTION_REJECT = 8,
    ACTION_REJECT_SRC = 16,
    ACTION_REJECT_DST = 32,
    ACTION_REJECT_BOTH = 64,
    ACTION_CONFIG = 128
};

enum note_kind { NOTE_CONTEXT, NOTE_PACKET, NOTE_FLOW };

/* What a value of a data set, or of a capture, brings into the alert, as JSON. */
struct alert_note {
    const struct alert_note *next;
    struct bytes key, json;
    struct bytes value;  /* of a capture: as it was captured */
    enum note_kind kind; /* of the alert's context, a variable of the packet or the flow */
};

struct alert {
    const struct rule *rule;
    struct tx *tx;             /* the transaction it matched on, or NULL */
    const struct file *file;   /* likewise */
    const struct frame *frame; /* likewise */
    const struct tx *nearby;   /* without `tx`: the flow's only one, which may have to do with it, or NULL */
    const struct alert_note *notes;
    uint8_t direction; /* of the data that matched */
    uint8_t action;    /* enum rule_action, as applied */
    bool on_stream;    /* matched reassembled bytes, not this packet's */
    bool tagged;       /* not a match: a packet logged because of an earlier one's tag */
};

#define ALERTS_MAX 256

/* In order of priority, then rule id; at most packet-alert-max of them. */
struct alerts {
    struct alert items[ALERTS_MAX];
    size_t count, overflow, suppressed; /* given; over the limit; hidden by thresholds */
    uint8_t action;                     /* what happens to the packet: 0, ACTION_DROP, reject... */
    bool flow_drop, flow_pass, bypass;  /* what happens to the rest of the flow */
    bool tagged;                        /* the packet began a tag, or is one of an earlier one's */
    const struct rule *drop_rule;
    bool drop_by_rate;            /* it drops because a rate filter says so, not by itself */
    const struct rule *lost_drop; /* found no room among them, but drops all the same */
    bool lost_flow_drop;
};

/* For as many flows at once as the flow table holds; 0: as many as it holds by default. */
MUST_CHECK struct detector *detector_new(const struct ruleset *set, size_t flow_max, struct error *error);
void detector_free(struct detector *detector);
/* A change of the rule set, in two steps, so that all workers change or none does. The first makes ready what
 * `set` needs, and changes nothing: false when memory is short. */
MUST_CHECK bool detector_prepare(struct detector *detector, const struct ruleset *set, struct error *error);
/* From now on the set that was prepared; flows and transactions seen before are matched anew by it. */
void detector_change(struct detector *detector);
/* What was prepared is not wanted any more. */
void detector_forget(struct detector *detector);

/* Inspects one packet and everything it completed. `alerts` is reset first. */
void detect(struct detector *detector, const struct inspection *inspection, struct alerts *alerts);

/* Raw stream bytes before this offset were inspected: together with session->offset it says what the
 * stream may release. UINT64_MAX when raw bytes of this flow are never inspected. */
uint64_t detect_stream_offset(const struct detector *detector, const struct flow *flow,
                              enum direction direction);
/* The `index`th bit or integer that rules set on `flow`, by name; NULL past the last. */
const char *detect_flow_bit(const struct detector *detector, const struct flow *flow, size_t index,
                            bool *is_int, uint32_t *value);
/* The `index`th buffer of `flow` whose entropy rules asked for, by name; NULL past the last. */
const char *detect_flow_entropy(const struct detector *detector, const struct flow *flow, size_t index,
                                double *value);
/* The `index`th text that rules keep of `flow`, as JSON, by name; false past the last. */
bool detect_flow_text(const struct detector *detector, const struct flow *flow, size_t index,
                      struct bytes *name, struct bytes *json);
void detect_flow_free(struct detector *detector, struct flow *flow);
void detect_tx_free(struct detector *detector, struct tx *tx);

#define DETECT_COUNTERS(X)                                                                  \
    X(DETECT_ALERT, "detect.alert", "Alerts raised")                                        \
    X(DETECT_ALERT_OVERFLOW, "detect.alert_queue_overflow", "Alerts over packet-alert-max") \
    X(DETECT_ALERTS_SUPPRESSED, "detect.alerts_suppressed", "Alerts hidden by a threshold") \
    X(DETECT_MATCH_LIMIT, "detect.pcre_match_limit", "Regular expressions stopped by their limit")
COUNTER_ENUM(detect_counter, DETECT_COUNTERS, DETECT_COUNTER_COUNT);
extern const struct counter detect_counters[DETECT_COUNTER_COUNT];
const uint64_t *detector_counts(const struct detector *detector);

#endif
