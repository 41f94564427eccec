/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum (RFC 1071) and where the protocols use it; CRC-32C for SCTP is not computed. */
#ifndef VONGLAU_PACKET_CHECKSUM_H
#define VONGLAU_PACKET_CHECKSUM_H

#include "packet/packet.h"

/* One's complement sum of `b` in memory order, folded to 16 bits, added to `sum`. */
uint32_t checksum_add(uint32_t sum, struct bytes b);
/* True when `header` (an IPv4 header with options) sums to zero. */
bool checksum_ipv4(struct bytes header);
/* True when `segment` (transport header and payload) is right under the pseudo header of its addresses
 * (RFC 9293 section 3.1, RFC 8200 section 8.1). */
bool checksum_transport(const struct address *src, const struct address *dst, uint8_t protocol,
                        struct bytes segment);

/* Whether the packet's checksum of this layer is right, computed now when the decoder was told not to. The
 * layer is there. */
enum checksum_layer { CHECKSUM_OF_IPV4, CHECKSUM_OF_TCP, CHECKSUM_OF_UDP, CHECKSUM_OF_ICMP };
bool checksum_holds(const struct packet *packet, enum checksum_layer layer);

#endif
