/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID flow hashing, version 1 (github.com/corelight/community-id-spec). */
#ifndef VONGLAU_FLOW_COMMUNITY_ID_H
#define VONGLAU_FLOW_COMMUNITY_ID_H

#include "flow/flow.h"

/* "1:" and 28 digits of base 64, and the terminator. */
#define COMMUNITY_ID_SIZE 31

/* Writes the id of the conversation; ICMP takes type and code for ports, whichever way the flow went. */
void community_id(uint16_t seed, uint8_t protocol, const struct address *src, const struct address *dst,
                  uint16_t src_port, uint16_t dst_port, char out[COMMUNITY_ID_SIZE]);
/* The same from a flow's key. */
void community_id_flow(uint16_t seed, const struct flow *flow, char out[COMMUNITY_ID_SIZE]);

#endif
