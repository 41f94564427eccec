/* SPDX-License-Identifier: Apache-2.0 */
/* Flows: what is known of one conversation between two endpoints, and the table that finds them.
 *
 * A flow is found by a symmetric hash of VLANs, addresses, protocol and ports (ICMP: type and its
 * counterpart; ESP: SPI). The side that sent the first packet is the client, unless a midstream pickup
 * says otherwise. All flows, their TCP state and buffered segments come from pools of one worker's budget. */
#ifndef VONGLAU_FLOW_FLOW_H
#define VONGLAU_FLOW_FLOW_H

#include "base/counter.h"
#include "base/error.h"
#include "packet/packet.h"

#define FLOW_MAX_DEFAULT 262144 /* flows of one worker at once, unless settings say otherwise */

struct flow_table;
struct tcp; /* flow/tcp.h */

enum flow_state { FLOW_NEW, FLOW_ESTABLISHED, FLOW_CLOSED, FLOW_BYPASSED };

/* Why a flow ended; texts in flow_end_names[], as EVE's flow.reason. */
enum flow_end { FLOW_END_TIMEOUT, FLOW_END_FORCED, FLOW_END_SHUTDOWN, FLOW_END_TCP_REUSE };

/* At most 192 bytes: three cache lines, of which a packet needs the first two. */
struct flow {
    /* Key, from the client's side. */
    struct address client, server;
    uint16_t client_port, server_port; /* ICMP: type and code, of the first packet; ESP: halves of the SPI */
    uint16_t vlans[PACKET_VLANS_MAX];
    uint8_t protocol; /* IP protocol */
    uint8_t vlan_count, recursion;
    uint8_t key_type; /* ICMP: the counterpart of the type */
    uint32_t hash;

    uint8_t state;                  /* enum flow_state */
    uint8_t end_reason;             /* enum flow_end, once ended */
    uint8_t established_directions; /* bit per direction that had packets */
    uint8_t tcp_flags[DIRECTIONS];  /* union of all flags seen by the connection */
    uint8_t min_ttl[DIRECTIONS], max_ttl[DIRECTIONS];
    uint8_t elephant_directions;          /* bit per direction that carried an elephant's bytes */
    uint8_t response_type, response_code; /* ICMP: of the first answer, when has_response */

    bool alerted : 1, dropped : 1, passed : 1, elephant : 1, bypassed : 1, no_packet_inspection : 1;
    bool no_payload_inspection : 1, swapped : 1, has_response : 1;
    bool recalled : 1;         /* packets before its first alert went to the capture log: the sensor's */
    uint8_t slotted_state : 2; /* the state whose timeout the wheel has */
    uint8_t exceptions;        /* exception policies applied: a mask of the sensor's */
    uint8_t drops_logged;      /* bit per direction whose first drop was logged: the sensor's */

    uint64_t first, last;                            /* ns of the first and the latest packet */
    uint64_t packets[DIRECTIONS], bytes[DIRECTIONS]; /* bytes of frames */
    struct tcp *tcp;                                 /* TCP only; NULL until its first packet is accepted */
    void *session;                                   /* proto/session.h; owned by the session's pool */
    void *detect; /* detection's own per-flow record (bits, rule set), owned by detect */

    uint64_t id; /* EVE flow_id: positive, 53 bits; parent's in `parent_id` */
    uint64_t parent_id;
    uint8_t client_mac[6], server_mac[6];
    uint32_t slot;         /* of the timing wheel */
    uint32_t newer, older; /* in that slot: flow numbers */
    uint32_t number;       /* in the table, from 1 on; 0: the flow has ended */
};

_Static_assert(sizeof(struct flow) <= 192, "a flow is at most three cache lines");

static inline bool flow_is_established(const struct flow *flow)
{
    return flow->established_directions == 3;
}

#endif
