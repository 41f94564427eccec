/* SPDX-License-Identifier: Apache-2.0 */
/* Flows: what is known of one conversation between two endpoints, and the table that finds them.
 *
 * A flow is found by a symmetric hash of VLANs, addresses, protocol and ports (ICMP: id or type). The
 * side that sent the first packet is the client, unless a midstream pickup says otherwise. All flows,
 * their TCP state and buffered segments come from pools of one worker's budget. */
#ifndef VONGLAU_FLOW_FLOW_H
#define VONGLAU_FLOW_FLOW_H

#include "base/counter.h"
#include "packet/packet.h"

struct flow_table;
struct tcp; /* flow/tcp.h */

enum flow_state { FLOW_NEW, FLOW_ESTABLISHED, FLOW_CLOSED, FLOW_BYPASSED };

/* Why a flow ended; texts in flow_end_names[], as EVE's flow.reason. */
enum flow_end { FLOW_END_TIMEOUT, FLOW_END_FORCED, FLOW_END_SHUTDOWN, FLOW_END_TCP_REUSE };

struct flow {
    /* Key, from the client's side. */
    struct address client, server;
    uint16_t client_port, server_port; /* ICMP: type and code, of the first packet */
    uint8_t protocol;                  /* IP protocol */
    uint8_t vlan_count, recursion;
    uint16_t vlans[PACKET_VLANS_MAX];
    uint8_t state;                     /* enum flow_state */
    uint8_t end_reason;                /* enum flow_end, once ended */
    uint64_t hash;

    uint64_t id;                       /* EVE flow_id: positive, 53 bits; parent's in `parent_id` */
    uint64_t parent_id;
    uint64_t first, last;              /* ns of the first and the latest packet */
    uint64_t packets[DIRECTIONS], bytes[DIRECTIONS]; /* bytes of frames */
    uint8_t tcp_flags[DIRECTIONS];     /* union of all flags seen */
    uint8_t min_ttl[DIRECTIONS], max_ttl[DIRECTIONS];
    uint8_t client_mac[6], server_mac[6];

    bool alerted, dropped, passed, elephant, bypassed, no_packet_inspection, no_payload_inspection, swapped;
    uint8_t established_directions;    /* bit per direction that had packets */

    struct tcp *tcp;                   /* TCP only; NULL until its first packet is accepted */
    void *session;                     /* proto/session.h; owned by the session's pool */
    void *detect;                      /* detection's own per-flow record (bits, rule set), owned by detect */

    struct flow *next, **previous;     /* hash chain */
    struct flow *newer, *older;        /* timeout queue */
};

static inline bool flow_is_established(const struct flow *flow)
{
    return flow->established_directions == 3;
}

#endif
