/* SPDX-License-Identifier: Apache-2.0 */
/* rule_group.json: which rules can be judged on a packet, by protocol, direction and the server's port.
 *
 * A view of the rules' headers. Ports that no rule tells apart are one group, whose members are the rules
 * that such a packet may be judged by; the engine's own classes (classes.h) tell addresses apart as well. */
#ifndef VONGLAU_DETECT_GROUPING_H
#define VONGLAU_DETECT_GROUPING_H

#include <stdio.h>

#include "detect/rule.h"

struct grouping_settings {
    bool wanted, with_rules; /* detect.profiling.grouping: dump-to-disk, include-rules */
    uint32_t groups_max[2];  /* by direction; the ports of the others are told together; 0: all */
    const char *tcp_priority, *udp_priority; /* ports that come first; NULL: usual ones */
};

MUST_CHECK bool ruleset_write_groups(const struct ruleset *set, const struct grouping_settings *settings,
                                     FILE *out, struct error *error);

#endif
