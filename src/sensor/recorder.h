/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's events, written as EVE JSON into its buffers of every configured output. */
#ifndef VONGLAU_SENSOR_RECORDER_H
#define VONGLAU_SENSOR_RECORDER_H

#include <stdatomic.h>

#include "event/eve.h"
#include "event/output.h"
#include "sensor/macs.h"
#include "sensor/settings.h"

/* Where the lines of one eve-log go; shared by the workers. */
struct sink {
    struct output *output;   /* NULL: to the spool, or to one for each recorder */
    struct output **threads; /* threaded: those of the recorders, in order of their beginning */
    size_t thread_count;
    const struct eve_settings *settings;
};

struct spool_gate; /* the spool with its lock */
struct sinks {
    struct sink *eves;
    size_t eve_count;
    struct output *fast, *stats_log;
    struct packet_file *packets; /* of all workers; NULL: each has its own, or none is written */
    struct spool_gate *spool;    /* NULL: events stay here */
    atomic_uint certificates;    /* chains stored so far */
};

/* Opens every output of `settings`. */
MUST_CHECK bool sinks_open(struct sinks *sinks, const struct settings *settings, struct error *error);
void sinks_reopen(struct sinks *sinks);
void sinks_tick(struct sinks *sinks, uint64_t now);
/* Lines that no output could take: the disk was full, or nobody listened. */
uint64_t sinks_lost(const struct sinks *sinks);
void sinks_close(struct sinks *sinks);

/* What a packet's events are about. */
struct scene {
    const struct packet *packet;
    struct flow *flow;       /* or NULL */
    struct session *session; /* or NULL */
    struct stream *streams[DIRECTIONS];
    enum direction direction;
    uint64_t parsed; /* bytes its session had parsed before this packet */
    bool inline_mode;
    bool other_ends;      /* the flow's end of the other direction is still to come */
    bool alerted, tagged; /* by this packet; a tag may be an earlier one's */
    uint8_t verdict;      /* enum rule_action of the packet: 0, ACTION_DROP, ACTION_REJECT..., ACTION_PASS */
    const char *drop_reason;      /* when it was dropped */
    const struct rule *drop_rule; /* the rule that did, or NULL */
    uint8_t drop_action;
    struct bytes extra; /* JSON object for the key "vonglau" of alerts, or absent */
};

struct recorder {
    const struct settings *settings;
    struct sinks *sinks;
    struct text *buffers; /* one per eve sink */
    size_t thread;        /* its place among the sinks' threads */
    struct text fast;
    struct text scratch;
    struct eve_stamp stamp;
    const char *interface, *file_name;
    const struct detector *detector; /* for flowbits; NULL: none */
    struct macs macs;
    bool keeps_payload;  /* some output tells what an alert was about */
    bool tells_segments; /* some output has "stream" records */
    bool keeps_macs;     /* some output tells them */
    uint64_t flushed;    /* steady time of the last flush */
    uint64_t lines, lost;
};

/* Recorders begin one after the other, before any of them writes. */
MUST_CHECK bool recorder_init(struct recorder *recorder, const struct settings *settings, struct sinks *sinks,
                              struct error *error);
void recorder_done(struct recorder *recorder);
/* Hands full buffers over; all of them when `force`, or when they have waited for a while: true then. */
bool recorder_flush(struct recorder *recorder, bool force);

void record_alerts(struct recorder *recorder, const struct scene *scene, const struct alerts *alerts);
/* Stores the certificates of the TLS end that a rule with tls.store matched, once. */
void record_certificate(struct recorder *recorder, const struct scene *scene, const struct alert *alert);
/* One alert that no rule of the set raised; also in fast.log. */
void record_finding(struct recorder *recorder, const struct scene *scene, const struct rule *rule);
/* `first`: of its flow and direction. */
void record_drop(struct recorder *recorder, const struct scene *scene, bool first);
void record_frame(struct recorder *recorder, const struct scene *scene, const struct frame *frame,
                  enum direction direction);
void record_tx(struct recorder *recorder, const struct scene *scene, const struct tx *tx);
void record_file(struct recorder *recorder, const struct scene *scene, const struct tx *tx,
                 const struct file *file);
/* The segment and what the tracker makes of it, for the outputs that ask for such. */
void record_segment(struct recorder *recorder, const struct scene *scene, const struct tcp_result *result);
void record_packet_anomalies(struct recorder *recorder, const struct scene *scene);
void record_stream_anomalies(struct recorder *recorder, const struct scene *scene, const uint16_t *events,
                             size_t count);
/* `tx` or NULL for the session as a whole. */
void record_app_anomaly(struct recorder *recorder, const struct scene *scene, const struct tx *tx,
                        const char *event);
void record_arp(struct recorder *recorder, const struct scene *scene);
/* A flow that ended; `exceptions` holds the policies that took hold, by target. */
void record_flow(struct recorder *recorder, const struct flow *flow, const struct session *session,
                 uint32_t exceptions);
/* A finished "stats" object (without braces), for all sinks that want statistics. */
void record_stats(struct recorder *recorder, uint64_t time, struct bytes totals, struct bytes with_deltas);

/* ---- shared by the recorder's files ---- */

/* The line under way in the sink's buffer; NULL when the sink is full. */
struct text *recorder_begin(struct recorder *recorder, size_t sink, size_t *start);
/* Ends the line, or takes it back when it did not fit. */
void recorder_end(struct recorder *recorder, size_t sink, size_t start);
/* Fills a header for an event of `type` about the scene's packet, or about the flow seen from its client
 * (`by_flow`), travelling `direction`. */
void recorder_header(const struct recorder *recorder, const struct scene *scene,
                     const struct eve_settings *eve, const char *type, bool by_flow, enum direction direction,
                     struct eve_header *header, char community[32]);
void recorder_tail(const struct recorder *recorder, const struct eve_settings *eve, struct text *out);
void recorder_app(const struct eve_settings *eve, const struct tx *tx, bool own_record, struct text *out);
/* False when the output's settings leave this transaction out. */
bool recorder_wants(const struct eve_settings *eve, const struct tx *tx);
/* The address a proxy says it speaks for, of an HTTP transaction; false when there is none. */
bool recorder_forwarded(const struct xff_settings *xff, const struct tx *tx, char out[64]);
void recorder_app_proto(const struct session *session, struct text *out);
/* What one side of a flow speaks; never NULL. */
const char *recorder_app_of(const struct session *session, enum direction direction);
void recorder_file(const struct file *file, struct text *out);
/* "metadata" with the bits and integers that rules set on the flow. */
void recorder_metadata(const struct recorder *recorder, const struct flow *flow,
                       const struct alert_note *notes, struct text *out);
/* The frame's object; the bytes it covers as far as they are held, `payload_max` of them. */
void recorder_frame(const struct scene *scene, const struct frame *frame, enum direction direction,
                    uint32_t payload_max, struct text *out);
/* Bytes of a stream from `offset` on, gaps as "[N bytes missing]", into `out`. */
void recorder_stream(const struct stream *stream, uint64_t offset, uint64_t end, size_t most,
                     struct text *out);
/* Members of the packet's headers, as in "drop" and "stream_tcp". */
void recorder_packet(const struct packet *packet, struct text *out);
const char *direction_name(enum direction direction);
const char *session_app_name(const struct session *session);

#endif
