/* SPDX-License-Identifier: Apache-2.0 */
/* One worker: frames in, events out. It owns its flows, buffers and counters and shares nothing mutable
 * but the outputs, so a batch runs to completion without a lock. */
#ifndef VONGLAU_SENSOR_WORKER_H
#define VONGLAU_SENSOR_WORKER_H

#include "flow/expect.h"
#include "packet/capture.h"
#include "sensor/packet_log.h"
#include "sensor/recorder.h"
#include "sensor/settings.h"
#include "sensor/watch.h"

#define DROP_REASONS(X)                                                           \
    X(DROP_RULES, "rules", "rules")                                               \
    X(DROP_FLOW, "flow_drop", "flow drop")                                        \
    X(DROP_THRESHOLD, "threshold_detection_filter", "threshold detection_filter") \
    X(DROP_STREAM_ERROR, "stream_error", "stream error")                          \
    X(DROP_DEFRAG_MEMCAP, "defrag_memcap", "defrag memcap")                       \
    X(DROP_FLOW_MEMCAP, "flow_memcap", "flow memcap")                             \
    X(DROP_STREAM_MEMCAP, "stream_memcap", "stream memcap")                       \
    X(DROP_REASSEMBLY, "stream_reassembly", "stream reassembly")                  \
    X(DROP_MIDSTREAM, "stream_midstream", "stream midstream")                     \
    X(DROP_APP_LAYER, "applayer_error", "applayer error")                         \
    X(DROP_EXCEPTION_FLOW, "exception_policy_flow_drop", "exception policy flow drop")
#define DROP_REASON_ROW(symbol, counter, text) symbol,
enum drop_reason { DROP_REASONS(DROP_REASON_ROW) DROP_REASON_COUNT };
#undef DROP_REASON_ROW
extern const char *const drop_reason_names[DROP_REASON_COUNT]; /* of counters */
extern const char *const drop_reason_texts[DROP_REASON_COUNT]; /* of EVE's drop.reason */

enum app_error { APP_ERROR_GAP, APP_ERROR_ALLOC, APP_ERROR_PARSER, APP_ERROR_COUNT };

struct app_counts {
    uint64_t flows[2], txs[2], errors[APP_ERROR_COUNT][2]; /* by transport: TCP, UDP */
    uint64_t exceptions[EXCEPTION_POLICY_COUNT];
};

struct worker_counts {
    uint64_t accepted, blocked, rejected, drop_reasons[DROP_REASON_COUNT];
    uint64_t exceptions[EXCEPTION_TARGET_COUNT][EXCEPTION_POLICY_COUNT];
    uint64_t bypassed_packets, bypassed_bytes;
    uint64_t failed_flows[2];
    struct app_counts apps[PROTOCOL_COUNT];
};

struct worker {
    const struct settings *settings;
    const struct ruleset *rules; /* NULL: no detection */
    unsigned index;
    struct decoder decoder;
    struct defrag *defrag;
    struct tcp_tracker *tcp;
    struct flow_table *flows;
    struct detector *detector;
    struct recorder recorder;
    struct session_settings sessions;
    struct session_budget budget; /* of its sessions */
    struct file_settings files;
    uint64_t session_counts[SESSION_COUNTER_COUNT];
    struct worker_counts counts;
    struct alerts alerts;
    struct watch *watch;               /* shared by all workers; NULL: off */
    struct packet_log *packet_log;     /* NULL: packets are not written */
    struct expectations *expectations; /* shared by all workers; NULL: announcements are not followed */
    uint64_t now;                      /* time of the latest packet */
    bool frame_rules;                  /* rules look at frames */
    bool frames_logged;                /* an output wants them */
};

MUST_CHECK struct worker *worker_new(const struct settings *settings, const struct ruleset *rules,
                                     struct sinks *sinks, unsigned index, struct error *error);
void worker_free(struct worker *worker);
/* Behaviour is watched from now on, together with the other workers of `watch`. */
void worker_watch(struct worker *worker, struct watch *watch);
/* Announced connections are kept in `table`, together with the other workers. */
void worker_expect(struct worker *worker, struct expectations *table);
/* Takes frames through all stages, one after the other. */
void worker_frames(struct worker *worker, const struct capture_frame *frames, size_t count);
/* Time passes without frames: flows end, buffers are flushed. `now`: ns since 1970. */
void worker_tick(struct worker *worker, uint64_t now);
/* Hands over what waited for a while. */
void worker_flush(struct worker *worker);
/* A change of rules in two steps (detector_prepare): false when memory is short, and nothing has changed. */
MUST_CHECK bool worker_prepare_rules(struct worker *worker, const struct ruleset *rules, struct error *error);
/* From now on these rules, which were prepared. */
void worker_change_rules(struct worker *worker, const struct ruleset *rules);
void worker_forget_rules(struct worker *worker);
/* Ends every flow and writes everything out. */
void worker_finish(struct worker *worker);

#endif
