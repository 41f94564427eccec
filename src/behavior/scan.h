/* SPDX-License-Identifier: Apache-2.0 */
/* Scans: one address that tries many ports of a host, or one port of many hosts, and mostly fails.
 *
 * Works on the first packets of flows; what several threads see goes under one lock of theirs. Memory is
 * fixed: the source that was quiet the longest makes room for a new one. */
#ifndef VONGLAU_BEHAVIOR_SCAN_H
#define VONGLAU_BEHAVIOR_SCAN_H

#include "base/error.h"
#include "packet/packet.h"

struct scan_settings {
    uint32_t sources_max; /* sources remembered at once; 0: 4096 (1 MB) */
    uint32_t ports_min;   /* distinct ports of one host that did not answer, to call it a scan; 0: 40 */
    uint32_t hosts_min;   /* distinct hosts on one port; 0: 30 */
    uint64_t window;      /* ns in which they are counted; 0: 10 s */
    uint64_t quiet;       /* ns before the same source is reported again; 0: 300 s */
};

enum scan_kind { SCAN_NONE, SCAN_PORTS, SCAN_HOSTS };

/* What was seen when a scan was recognised. */
struct scan_finding {
    enum scan_kind kind;
    struct address source, target; /* target: the last host tried */
    uint16_t port;                 /* the last port tried */
    uint32_t tried, answered;      /* distinct targets in the window, about; how many accepted */
    uint64_t since;                /* start of the window, ns */
};

struct scan_watch;

MUST_CHECK struct scan_watch *scan_watch_new(const struct scan_settings *settings, struct error *error);
void scan_watch_free(struct scan_watch *watch);

/* A connection was tried: a TCP SYN, or the first datagram of a flow. True when this one makes a scan. */
bool scan_tried(struct scan_watch *watch, const struct packet *packet, struct scan_finding *finding);
/* `client` got an answer that accepts (SYN/ACK, a datagram back) from `server`: that try did not fail. */
void scan_answered(struct scan_watch *watch, const struct address *client, const struct address *server,
                   uint16_t port);

#endif
