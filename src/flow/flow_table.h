/* SPDX-License-Identifier: Apache-2.0 */
/* The flows of one worker: found by packet, ended by time (of the packets), by force or at shutdown. */
#ifndef VONGLAU_FLOW_FLOW_TABLE_H
#define VONGLAU_FLOW_FLOW_TABLE_H

#include "base/error.h"
#include "flow/flow.h"
#include "flow/tcp.h"

extern const char *const flow_end_names[];   /* "timeout", "forced", "shutdown", "tcp_reuse" */
extern const char *const flow_state_names[]; /* "new", "established", "closed", "bypassed" */

/* Nanoseconds without a packet after which a flow in that state ends. */
struct flow_timeout {
    uint64_t fresh, established, closed, bypassed;
};

enum flow_kind { FLOW_KIND_DEFAULT, FLOW_KIND_TCP, FLOW_KIND_UDP, FLOW_KIND_ICMP, FLOW_KIND_COUNT };

#define FLOW_COUNTERS(X)                                                                                 \
    X(FLOW_TOTAL, "flow.total", "Flows")                                                                 \
    X(FLOW_ACTIVE, "flow.active", "Flows now in the table")                                              \
    X(FLOW_TCP, "flow.tcp", "TCP flows")                                                                 \
    X(FLOW_UDP, "flow.udp", "UDP flows")                                                                 \
    X(FLOW_ICMPV4, "flow.icmpv4", "ICMP flows")                                                          \
    X(FLOW_ICMPV6, "flow.icmpv6", "ICMPv6 flows")                                                        \
    X(FLOW_TCP_REUSE, "flow.tcp_reuse", "TCP flows ended by a new connection on the same ports")         \
    X(FLOW_ELEPHANT, "flow.elephant", "Elephant flows")                                                  \
    X(FLOW_ELEPHANT_TOSERVER, "flow.elephant_toserver", "Elephant flows, bytes to the server")           \
    X(FLOW_ELEPHANT_TOCLIENT, "flow.elephant_toclient", "Elephant flows, bytes to the client")           \
    X(FLOW_MEMCAP, "flow.memcap", "Packets without a flow: no memory")                                   \
    X(FLOW_MEMUSE, "flow.memuse", "Bytes of flows")                                                      \
    X(FLOW_EMERGENCY_ENTERED, "flow.emerg_mode_entered", "Times the table became nearly full")           \
    X(FLOW_EMERGENCY_OVER, "flow.emerg_mode_over", "Times it stopped being so")                          \
    X(FLOW_RECYCLED, "flow.get_used", "Flows ended early to make room")                                  \
    X(FLOW_RECYCLE_EVAL, "flow.get_used_eval", "Flows looked at for that")                               \
    X(FLOW_RECYCLE_REJECT, "flow.get_used_eval_reject", "Of them, those that were not due yet")          \
    X(FLOW_RECYCLE_FAILED, "flow.get_used_failed", "Times none was found")                               \
    X(FLOW_SPARE, "flow.spare", "Flows that there is room for")                                          \
    X(FLOW_CHECKED, "flow.mgr.flows_checked", "Flows asked whether they have timed out")                 \
    X(FLOW_NOT_DUE, "flow.mgr.flows_notimeout", "Of them, those that had not")                           \
    X(FLOW_DUE, "flow.mgr.flows_timeout", "Of them, those that had")                                     \
    X(FLOW_EVICTED, "flow.mgr.flows_evicted", "Flows ended so")                                          \
    X(FLOW_EVICTED_BY_PACKET, "flow.wrk.flows_evicted", "Flows over when their next packet came")        \
    X(FLOW_ENDED, "flow.recycler.recycled", "Flows that ended")                                          \
    X(FLOW_END_STATE_NEW, "flow.end.state.new", "Flows that ended in state new")                         \
    X(FLOW_END_STATE_ESTABLISHED, "flow.end.state.established", "Flows that ended established")          \
    X(FLOW_END_STATE_CLOSED, "flow.end.state.closed", "Flows that ended closed")                         \
    X(FLOW_END_STATE_BYPASSED, "flow.end.state.local_bypassed", "Flows that ended bypassed")             \
    X(FLOW_END_TCP_NONE, "flow.end.tcp_state.none", "TCP flows that ended without a connection")         \
    X(FLOW_END_TCP_SYN_SENT, "flow.end.tcp_state.syn_sent", "TCP flows that ended in SYN-SENT")          \
    X(FLOW_END_TCP_SYN_RECV, "flow.end.tcp_state.syn_recv", "TCP flows that ended in SYN-RECEIVED")      \
    X(FLOW_END_TCP_ESTABLISHED, "flow.end.tcp_state.established", "TCP flows that ended in ESTABLISHED") \
    X(FLOW_END_TCP_FIN_WAIT1, "flow.end.tcp_state.fin_wait1", "TCP flows that ended in FIN-WAIT-1")      \
    X(FLOW_END_TCP_FIN_WAIT2, "flow.end.tcp_state.fin_wait2", "TCP flows that ended in FIN-WAIT-2")      \
    X(FLOW_END_TCP_TIME_WAIT, "flow.end.tcp_state.time_wait", "TCP flows that ended in TIME-WAIT")       \
    X(FLOW_END_TCP_LAST_ACK, "flow.end.tcp_state.last_ack", "TCP flows that ended in LAST-ACK")          \
    X(FLOW_END_TCP_CLOSE_WAIT, "flow.end.tcp_state.close_wait", "TCP flows that ended in CLOSE-WAIT")    \
    X(FLOW_END_TCP_CLOSING, "flow.end.tcp_state.closing", "TCP flows that ended in CLOSING")             \
    X(FLOW_END_TCP_CLOSED, "flow.end.tcp_state.closed", "TCP flows that ended in CLOSED")
COUNTER_ENUM(flow_counter, FLOW_COUNTERS, FLOW_COUNTER_COUNT);
extern const struct counter flow_counters[FLOW_COUNTER_COUNT];

/* A flow ends: log it, free what hangs from it. `flow` is gone after the call; flow->tcp still stands
 * (finished when the callback does so) and is released by the table. */
typedef void (*flow_end_fn)(void *context, struct flow *flow);

struct flow_settings {
    size_t flow_max; /* 0: FLOW_MAX_DEFAULT */
    struct flow_timeout timeouts[FLOW_KIND_COUNT],
        emergency[FLOW_KIND_COUNT]; /* all zero: Suricata's defaults */
    uint8_t emergency_percent;      /* share of free flows below which the emergency begins; 0: 10 */
    bool no_vlan_tracking;          /* VLANs are not part of the key */
    bool no_recursion_level;        /* the tunnel depth is not part of the key */
    uint64_t seed;                  /* secret of the hash; and of flow ids */
    uint64_t id_first;              /* first flow id, for ids that do not repeat; 0: from the seed */
    uint64_t elephant_bytes, elephant_interval; /* bytes within so many ns make an elephant; 0: off */
    flow_end_fn ended;
    void *context;
    struct tcp_tracker *tcp; /* for reuse and release; NULL: no TCP tracking */
};

struct flow_table;

MUST_CHECK struct flow_table *flow_table_new(const struct flow_settings *settings, struct error *error);
/* Ends what is left (without callbacks) and frees the table. */
void flow_table_free(struct flow_table *table);

/* Suricata's default timeouts (fresh, established, closed, bypassed) by kind, normal and emergency. */
void flow_default_timeouts(struct flow_timeout *normal, struct flow_timeout *emergency);

/* True when `packet` belongs to a flow: it has a transport and is neither broken nor a fragment. */
bool packet_wants_flow(const struct packet *packet);

/* The flow of `packet`, made when there is none; flows that timed out by packet->time end first.
 *
 * Counts nothing on the flow yet. NULL when the packet has none or when there is no room.
 * `direction` says which way it travels, `fresh` whether the flow is new. */
struct flow *flow_find(struct flow_table *table, const struct packet *packet, enum direction *direction,
                       bool *fresh);
/* Counts the packet: packets, bytes, TTL, times, state of flows without TCP. After tcp_track(). */
void flow_count(struct flow_table *table, struct flow *flow, const struct packet *packet,
                enum direction direction);
/* Changes the state, and with it the timeout. tcp_track() calls it through the table's next flow_count(). */
void flow_set_state(struct flow_table *table, struct flow *flow, enum flow_state state);
/* Client and server change places, and everything counted by direction with them. */
void flow_swap(struct flow *flow);
/* Ends flows that have timed out by `now`. */
void flow_expire(struct flow_table *table, uint64_t now);
/* Ends this flow now. */
void flow_end(struct flow_table *table, struct flow *flow, enum flow_end reason);
/* A frame that is going to come: where its flow stands in the table is fetched into the cache, and its hash
 * returned; flow_expect_soon(), a few frames later, fetches the flow. Changes nothing, and knows plain frames
 * only: Ethernet, IPv4 without options, TCP and UDP; 0 for others. */
uint32_t flow_expect(const struct flow_table *table, uint16_t link_type, struct bytes frame);
void flow_expect_soon(const struct flow_table *table, uint32_t hash);
/* Ends all flows, oldest first. */
void flow_end_all(struct flow_table *table, enum flow_end reason);
/* Walks the live flows: start with *position = 0; NULL at the end. Do not end any meanwhile. */
struct flow *flow_each(const struct flow_table *table, size_t *position);
const uint64_t *flow_counts(struct flow_table *table);
/* Symmetric hash of a packet's flow key, for sharding over workers; 0 without a flow. */
uint64_t flow_hash(const struct packet *packet, uint64_t seed);

#endif
