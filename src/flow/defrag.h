/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5), as the receiver would. */
#ifndef VONGLAU_FLOW_DEFRAG_H
#define VONGLAU_FLOW_DEFRAG_H

#include "base/counter.h"
#include "flow/tcp.h"
#include "packet/decode.h"

#define DEFRAG_COUNTERS(X)                                                                       \
    X(DEFRAG_IPV4_FRAGMENTS, "defrag.ipv4.fragments", "IPv4 fragments")                          \
    X(DEFRAG_IPV4_REASSEMBLED, "defrag.ipv4.reassembled", "IPv4 packets put together")           \
    X(DEFRAG_IPV4_TIMEOUTS, "defrag.ipv4.timeouts", "IPv4 packets given up")                     \
    X(DEFRAG_IPV6_FRAGMENTS, "defrag.ipv6.fragments", "IPv6 fragments")                          \
    X(DEFRAG_IPV6_REASSEMBLED, "defrag.ipv6.reassembled", "IPv6 packets put together")           \
    X(DEFRAG_IPV6_TIMEOUTS, "defrag.ipv6.timeouts", "IPv6 packets given up")                     \
    X(DEFRAG_MAX_FRAGS, "defrag.max_frags_reached", "Fragments refused: too many")               \
    X(DEFRAG_TRACKERS_MAX, "defrag.max_trackers_reached", "Times as many packets waited as may") \
    X(DEFRAG_TRACKERS_HARD, "defrag.tracker_hard_reuse", "Packets given up early to make room")  \
    X(DEFRAG_TIMEOUTS, "defrag.wrk.tracker_timeout", "Packets given up, of both versions")       \
    X(DEFRAG_MEMCAP, "defrag.memcap_exception_policy.ignore", "Fragments not kept: no memory")   \
    X(DEFRAG_MEMUSE, "defrag.memuse", "Bytes of fragments kept")
COUNTER_ENUM(defrag_counter, DEFRAG_COUNTERS, DEFRAG_COUNTER_COUNT);
extern const struct counter defrag_counters[DEFRAG_COUNTER_COUNT];

struct defrag_settings {
    size_t memory_max;   /* bytes of fragments kept; 0: 32 MiB */
    size_t tracker_max;  /* packets being put together; 0: 8192 */
    size_t fragment_max; /* fragments kept; 0: 65535 */
    uint64_t timeout;    /* ns; 0: 60 s */
    bool no_vlan_tracking;
    uint64_t seed;
    const struct os_rule *os_rules; /* which overlapping bytes win, by destination */
    size_t os_rule_count;
};

struct defrag;

MUST_CHECK struct defrag *defrag_new(const struct defrag_settings *settings, struct error *error);
void defrag_free(struct defrag *defrag);
/* decoder->defragment with `defrag` as its context; keeps a copy of the fragment. */
struct bytes defragment(void *defrag, struct packet *packet);
/* Where events about fragments are counted: the decoder's packet_event() is used when set. */
void defrag_attach(struct defrag *defrag, struct decoder *decoder);
const uint64_t *defrag_counts(struct defrag *defrag);

#endif
