/* SPDX-License-Identifier: Apache-2.0 */
/* What a TCP connection is doing (RFC 9293 section 3.3.2), seen from the wire, and its two streams.
 *
 * tcp_track() judges one segment against the connection: state, windows, acknowledgments; puts its
 * data into the stream; and says what it thought odd. It never blocks or answers anything. */
#ifndef VONGLAU_FLOW_TCP_H
#define VONGLAU_FLOW_TCP_H

#include "base/error.h"
#include "flow/stream.h"

enum tcp_state {
    TCP_NONE,
    TCP_SYN_SENT,
    TCP_SYN_RECV,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_TIME_WAIT,
    TCP_LAST_ACK,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_CLOSED,
    TCP_STATE_COUNT
};
/* As EVE's tcp.state: "none", "syn_sent" ... */
extern const char *const tcp_state_names[TCP_STATE_COUNT];

/* Names are those of the rule keyword stream-event. */
#define STREAM_EVENTS(X)                                                                         \
    X(STREAM_EVENT_WHS3_ACK_IN_WRONG_DIR, "3whs_ack_in_wrong_dir")                               \
    X(STREAM_EVENT_WHS3_ASYNC_WRONG_SEQ, "3whs_async_wrong_seq")                                 \
    X(STREAM_EVENT_WHS3_RIGHT_SEQ_WRONG_ACK_EVASION, "3whs_right_seq_wrong_ack_evasion")         \
    X(STREAM_EVENT_WHS3_SYNACK_IN_WRONG_DIRECTION, "3whs_synack_in_wrong_direction")             \
    X(STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFFERENT_ACK, "3whs_synack_resend_with_diff_ack")    \
    X(STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFF_SEQ, "3whs_synack_resend_with_diff_seq")         \
    X(STREAM_EVENT_WHS3_SYNACK_TOSERVER_ON_SYN_RECV, "3whs_synack_toserver_on_syn_recv")         \
    X(STREAM_EVENT_WHS3_SYNACK_WITH_WRONG_ACK, "3whs_synack_with_wrong_ack")                     \
    X(STREAM_EVENT_WHS3_SYNACK_FLOOD, "3whs_synack_flood")                                       \
    X(STREAM_EVENT_WHS3_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV, "3whs_syn_resend_diff_seq_on_syn_recv") \
    X(STREAM_EVENT_WHS3_SYN_TOCLIENT_ON_SYN_RECV, "3whs_syn_toclient_on_syn_recv")               \
    X(STREAM_EVENT_WHS3_WRONG_SEQ_WRONG_ACK, "3whs_wrong_seq_wrong_ack")                         \
    X(STREAM_EVENT_WHS3_ACK_DATA_INJECT, "3whs_ack_data_inject")                                 \
    X(STREAM_EVENT_WHS3_SYN_FLOOD, "3whs_syn_flood")                                             \
    X(STREAM_EVENT_WHS3_SYNACK_TFO_DATA_IGNORED, "3whs_synack_tfo_data_ignored")                 \
    X(STREAM_EVENT_WHS4_SYNACK_WITH_WRONG_ACK, "4whs_synack_with_wrong_ack")                     \
    X(STREAM_EVENT_WHS4_SYNACK_WITH_WRONG_SYN, "4whs_synack_with_wrong_syn")                     \
    X(STREAM_EVENT_WHS4_WRONG_SEQ, "4whs_wrong_seq")                                             \
    X(STREAM_EVENT_WHS4_INVALID_ACK, "4whs_invalid_ack")                                         \
    X(STREAM_EVENT_CLOSEWAIT_ACK_OUT_OF_WINDOW, "closewait_ack_out_of_window")                   \
    X(STREAM_EVENT_CLOSEWAIT_FIN_OUT_OF_WINDOW, "closewait_fin_out_of_window")                   \
    X(STREAM_EVENT_CLOSEWAIT_PKT_BEFORE_LAST_ACK, "closewait_pkt_before_last_ack")               \
    X(STREAM_EVENT_CLOSEWAIT_INVALID_ACK, "closewait_invalid_ack")                               \
    X(STREAM_EVENT_CLOSING_ACK_WRONG_SEQ, "closing_ack_wrong_seq")                               \
    X(STREAM_EVENT_CLOSING_INVALID_ACK, "closing_invalid_ack")                                   \
    X(STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW, "est_packet_out_of_window")                         \
    X(STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK, "est_pkt_before_last_ack")                           \
    X(STREAM_EVENT_EST_SYNACK_RESEND, "est_synack_resend")                                       \
    X(STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK, "est_synack_resend_with_diff_ack")      \
    X(STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_SEQ, "est_synack_resend_with_diff_seq")           \
    X(STREAM_EVENT_EST_SYNACK_TOSERVER, "est_synack_toserver")                                   \
    X(STREAM_EVENT_EST_SYN_RESEND, "est_syn_resend")                                             \
    X(STREAM_EVENT_EST_SYN_RESEND_DIFF_SEQ, "est_syn_resend_diff_seq")                           \
    X(STREAM_EVENT_EST_SYN_TOCLIENT, "est_syn_toclient")                                         \
    X(STREAM_EVENT_EST_INVALID_ACK, "est_invalid_ack")                                           \
    X(STREAM_EVENT_FIN_INVALID_ACK, "fin_invalid_ack")                                           \
    X(STREAM_EVENT_FIN1_ACK_WRONG_SEQ, "fin1_ack_wrong_seq")                                     \
    X(STREAM_EVENT_FIN1_FIN_WRONG_SEQ, "fin1_fin_wrong_seq")                                     \
    X(STREAM_EVENT_FIN1_INVALID_ACK, "fin1_invalid_ack")                                         \
    X(STREAM_EVENT_FIN2_ACK_WRONG_SEQ, "fin2_ack_wrong_seq")                                     \
    X(STREAM_EVENT_FIN2_FIN_WRONG_SEQ, "fin2_fin_wrong_seq")                                     \
    X(STREAM_EVENT_FIN2_INVALID_ACK, "fin2_invalid_ack")                                         \
    X(STREAM_EVENT_FIN_BUT_NO_SESSION, "fin_but_no_session")                                     \
    X(STREAM_EVENT_FIN_OUT_OF_WINDOW, "fin_out_of_window")                                       \
    X(STREAM_EVENT_FIN_SYN, "fin_syn")                                                           \
    X(STREAM_EVENT_LASTACK_ACK_WRONG_SEQ, "lastack_ack_wrong_seq")                               \
    X(STREAM_EVENT_LASTACK_INVALID_ACK, "lastack_invalid_ack")                                   \
    X(STREAM_EVENT_RST_BUT_NO_SESSION, "rst_but_no_session")                                     \
    X(STREAM_EVENT_TIMEWAIT_ACK_WRONG_SEQ, "timewait_ack_wrong_seq")                             \
    X(STREAM_EVENT_TIMEWAIT_INVALID_ACK, "timewait_invalid_ack")                                 \
    X(STREAM_EVENT_SHUTDOWN_SYN_RESEND, "shutdown_syn_resend")                                   \
    X(STREAM_EVENT_PKT_INVALID_TIMESTAMP, "pkt_invalid_timestamp")                               \
    X(STREAM_EVENT_PKT_INVALID_ACK, "pkt_invalid_ack")                                           \
    X(STREAM_EVENT_PKT_BROKEN_ACK, "pkt_broken_ack")                                             \
    X(STREAM_EVENT_RST_INVALID_ACK, "rst_invalid_ack")                                           \
    X(STREAM_EVENT_RST_WITH_DATA, "rst_with_data")                                               \
    X(STREAM_EVENT_PKT_RETRANSMISSION, "pkt_retransmission")                                     \
    X(STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION, "pkt_spurious_retransmission")                   \
    X(STREAM_EVENT_PKT_BAD_WINDOW_UPDATE, "pkt_bad_window_update")                               \
    X(STREAM_EVENT_SUSPECTED_RST_INJECT, "suspected_rst_inject")                                 \
    X(STREAM_EVENT_WRONG_THREAD, "wrong_thread")                                                 \
    X(STREAM_EVENT_REASSEMBLY_SEGMENT_BEFORE_BASE_SEQ, "reassembly_segment_before_base_seq")     \
    X(STREAM_EVENT_REASSEMBLY_NO_SEGMENT, "reassembly_no_segment")                               \
    X(STREAM_EVENT_REASSEMBLY_SEQ_GAP, "reassembly_seq_gap")                                     \
    X(STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA, "reassembly_overlap_different_data")       \
    X(STREAM_EVENT_REASSEMBLY_DEPTH_REACHED, "reassembly_depth_reached")                         \
    X(STREAM_EVENT_REASSEMBLY_INSERT_MEMCAP, "reassembly_insert_memcap")                         \
    X(STREAM_EVENT_REASSEMBLY_INSERT_LIMIT, "reassembly_insert_limit")                           \
    X(STREAM_EVENT_REASSEMBLY_INSERT_INVALID, "reassembly_insert_invalid")                       \
    X(STREAM_EVENT_REASSEMBLY_URGENT_OOB_LIMIT_REACHED, "reassembly_urgent_oob_limit_reached")

#define STREAM_EVENT_ROW(symbol, name) symbol,
enum stream_event { STREAM_EVENTS(STREAM_EVENT_ROW) STREAM_EVENT_COUNT };
#undef STREAM_EVENT_ROW

extern const char *const stream_event_names[STREAM_EVENT_COUNT];
/* The number of an event by its name, or -1. */
int stream_event_of(struct bytes name);

#define TCP_COUNTERS(X)                                                                              \
    X(TCP_COUNT_SESSIONS, "tcp.sessions", "TCP sessions")                                            \
    X(TCP_COUNT_ACTIVE, "tcp.active_sessions", "TCP sessions now being followed")                    \
    X(TCP_COUNT_SSN_MEMCAP, "tcp.ssn_memcap_drop", "Segments without a session: no memory")          \
    X(TCP_COUNT_SSN_POOL, "tcp.ssn_from_pool", "Sessions taken from the pool")                       \
    X(TCP_COUNT_PSEUDO, "tcp.pseudo", "Flow ends handled as packets")                                \
    X(TCP_COUNT_INVALID_CHECKSUM, "tcp.invalid_checksum", "Segments with a wrong checksum")          \
    X(TCP_COUNT_MIDSTREAM, "tcp.midstream_pickups", "Sessions picked up in their middle")            \
    X(TCP_COUNT_PKT_ON_WRONG_THREAD, "tcp.pkt_on_wrong_thread",                                      \
      "Segments seen by another worker than their flow's")                                           \
    X(TCP_COUNT_ACK_UNSEEN, "tcp.ack_unseen_data", "Acknowledgments of data never seen")             \
    X(TCP_COUNT_SEGMENT_MEMCAP, "tcp.segment_memcap_drop", "Segments not kept: no memory")           \
    X(TCP_COUNT_SEGMENT_POOL, "tcp.segment_from_pool", "Segments taken from the pool")               \
    X(TCP_COUNT_STREAM_DEPTH, "tcp.stream_depth_reached", "Streams that reached the depth limit")    \
    X(TCP_COUNT_GAPS, "tcp.reassembly_gap", "Gaps in acknowledged data")                             \
    X(TCP_COUNT_OVERLAP, "tcp.overlap", "Segments overlapping kept data")                            \
    X(TCP_COUNT_OVERLAP_DIFF, "tcp.overlap_diff_data", "Overlaps with different data")               \
    X(TCP_COUNT_INSERT_LIST_FAIL, "tcp.insert_list_fail", "Segments that could not be put in order") \
    X(TCP_COUNT_INSERT_DATA_NORMAL_FAIL, "tcp.insert_data_normal_fail",                              \
      "Segments in order that could not be kept")                                                    \
    X(TCP_COUNT_INSERT_DATA_OVERLAP_FAIL, "tcp.insert_data_overlap_fail",                            \
      "Overlapping segments that could not be kept")                                                 \
    X(TCP_COUNT_URG, "tcp.urg", "Segments with the urgent flag")                                     \
    X(TCP_COUNT_URGENT_OOB, "tcp.urgent_oob_data", "Urgent bytes taken out of band")                 \
    X(TCP_COUNT_SYN, "tcp.syn", "SYN segments")                                                      \
    X(TCP_COUNT_SYNACK, "tcp.synack", "SYN/ACK segments")                                            \
    X(TCP_COUNT_RST, "tcp.rst", "RST segments")                                                      \
    X(TCP_COUNT_MEMUSE, "tcp.memuse", "Bytes of sessions and segments")                              \
    X(TCP_COUNT_REASSEMBLY_MEMUSE, "tcp.reassembly_memuse", "Bytes of stream buffers")
COUNTER_ENUM(tcp_counter, TCP_COUNTERS, TCP_COUNTER_COUNT);
extern const struct counter tcp_counters[TCP_COUNTER_COUNT];

/* Which of two overlapping segments a receiver keeps, by operating system (Novak and Sturges,
 * "Target-Based TCP Stream Reassembly", 2007); names are those of host-os-policy. */
enum os_policy {
    OS_NONE,
    OS_BSD,
    OS_BSD_RIGHT,
    OS_OLD_LINUX,
    OS_LINUX,
    OS_SOLARIS,
    OS_HPUX10,
    OS_HPUX11,
    OS_IRIX,
    OS_MACOS,
    OS_WINDOWS,
    OS_VISTA,
    OS_WINDOWS2K3,
    OS_FIRST,
    OS_LAST,
    OS_OLD_SOLARIS,
    OS_POLICY_COUNT
};
extern const char *const os_policy_names[OS_POLICY_COUNT];
/* OS_NONE when no policy has this name. */
enum os_policy os_policy_of(struct bytes name);

/* The policy of a network; the longest prefix wins. */
struct os_rule {
    struct network network;
    enum os_policy policy;
};
/* OS_BSD when no rule fits. */
enum os_policy os_policy_for(const struct os_rule *rules, size_t count, const struct address *host);

/* What happens to a byte marked urgent (RFC 6093). */
enum urgent_policy { URGENT_INLINE, URGENT_OOB, URGENT_DROP, URGENT_GAP };

struct tcp_settings {
    size_t memory_max;  /* bytes for both streams' buffers of all flows; 0: 256 MiB */
    size_t session_max; /* connections; 0: 65536 */
    uint64_t depth;     /* bytes of a stream that are reassembled; 0: no limit */
    size_t stream_max;  /* bytes kept for one stream; 0: 8 MiB */
    bool inline_mode;   /* bytes are ready at once, first copy wins */
    bool midstream, async_oneside;
    bool no_checksum_check; /* use segments with a wrong checksum */
    bool drop_invalid;      /* invalid segments: packets are to be dropped (inline) */
    bool no_liberal_timestamps;
    uint8_t max_syn_queued, max_synack_queued; /* 0: 10, 5 */
    uint8_t urgent;                            /* enum urgent_policy */
    uint8_t urgent_oob_limit_policy;
    uint32_t urgent_oob_max; /* urgent bytes of a stream that are taken out; 0: 65535 */
    const struct os_rule *os_rules;
    size_t os_rule_count;
};

#define TCP_EVENTS_MAX 8

/* One segment's outcome. */
struct tcp_result {
    bool invalid;       /* not taken: neither state nor stream changed */
    bool corrupt;       /* for its checksum */
    bool no_session;    /* of a connection that is not known (midstream without pickup); not resets */
    bool midstream;     /* this segment picked a connection up */
    bool no_memory;     /* session or data could not be kept */
    bool reverse;       /* client and server were taken for each other: the flow's ends were swapped */
    bool depth_reached; /* this segment reached the limit in its direction */
    bool urgent_drop;   /* the policy for urgent data is that such packets are dropped */
    bool retransmission;
    bool taken;            /* the payload went to the stream, or was there already */
    bool ends[DIRECTIONS]; /* the direction closed with this segment: its rest is ready now */
    bool closed;           /* the connection closed with this segment */
    uint8_t state_before;  /* enum tcp_state: the connection's before this segment */
    uint8_t event_count;
    uint16_t events[TCP_EVENTS_MAX]; /* enum stream_event */
};

/* An earlier SYN of the client, with another number: the server may answer any of them. Once it did, an
 * earlier SYN/ACK of the server: the client may take any of them. */
struct earlier_syn {
    uint32_t isn;
    uint8_t wscale, client_wscale; /* the sender's; SYN/ACK: the client's, as it was with that one */
    bool used, timestamps, sack;
};
#define EARLIER_SYNS 4

/* One connection; at flow->tcp. */
struct tcp {
    struct stream *streams[DIRECTIONS]; /* never NULL; data travelling to that end */
    uint8_t state;                      /* enum tcp_state */
    bool midstream, async, established; /* established: the handshake was seen to its end, or assumed */
    bool timestamps, sack, closed_by_rst, closing, fast_open, is_signed;
    uint8_t syn_next; /* place in `syns` for the next */
    struct earlier_syn syns[EARLIER_SYNS];
    bool fast_open_ignored; /* the server did not take the data of the client's SYN */
};

/* What the tracker keeps of one direction, to be told. */
struct stream_numbers {
    uint32_t isn, next, last_ack, edge, window; /* of the bytes of this direction; edge, window: allowed by
                                                   the receiver */
    uint32_t base, right;                       /* of the bytes that are kept */
    uint32_t segments;
    size_t room; /* bytes of the buffer */
    uint8_t wscale;
    bool has_timestamp, rst_seen;
};
void stream_tell(const struct stream *stream, struct stream_numbers *numbers);

struct tcp_tracker;

MUST_CHECK struct tcp_tracker *tcp_tracker_new(const struct tcp_settings *settings, struct error *error);
void tcp_tracker_free(struct tcp_tracker *tracker);

/* Judges `packet`, a segment of `flow` in `*direction`, and updates flow->tcp, flow->state and flags.
 *
 * When the first segments show that client and server are the other way round, the flow's ends are
 * swapped, *direction is turned and result->reverse set. */
void tcp_track(struct tcp_tracker *tracker, struct flow *flow, const struct packet *packet,
               enum direction *direction, struct tcp_result *result);
/* True when `packet` opens another connection on the ports of one that is over: end this flow first. */
bool tcp_is_reuse(const struct tcp_tracker *tracker, const struct flow *flow, const struct packet *packet);
/* Those who read the bytes of `direction` had to pass over acknowledged ones: that is counted, and an event
 * of the packet with which they met the hole. */
void tcp_lost(struct tcp_tracker *tracker, struct flow *flow, enum direction direction,
              struct tcp_result *result);
/* The flow ends: all contiguous bytes of both directions become ready, both are closed. */
void tcp_finish(struct tcp_tracker *tracker, struct flow *flow);
/* Gives the connection's memory back; flow->tcp is NULL afterwards. */
void tcp_release(struct tcp_tracker *tracker, struct flow *flow);
/* Another depth for one direction of this flow (file extraction); 0: no limit. */
void tcp_set_depth(struct flow *flow, enum direction direction, uint64_t depth);
/* No more bytes of `direction` are wanted: what is held is dropped, what comes is not kept. */
void tcp_stop(struct tcp_tracker *tracker, struct flow *flow, enum direction direction);
const uint64_t *tcp_counts(struct tcp_tracker *tracker);
/* By enum stream_event. */
const uint64_t *tcp_event_counts(const struct tcp_tracker *tracker);

/* For EVE's tcp object and the rule keywords on streams. */
uint32_t stream_initial_sequence(const struct stream *stream);
/* Bytes the stream has seen so far: the highest sequence number acknowledged or sent, less the first. */
uint64_t stream_size(const struct stream *stream);
/* Payload offset of the byte with `sequence`; negative: before the first. */
int64_t stream_offset_of(const struct stream *stream, uint32_t sequence);
/* Most runs of bytes, more than 256 KiB apart, that were kept at once; at least 1. */
uint16_t stream_regions_max(const struct stream *stream);
/* True once tcp_lost() was said of it. */
bool stream_had_gap(const struct stream *stream);

#endif
