/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the decoder call in each other; not for other layers. */
#ifndef VONGLAU_PACKET_LAYERS_H
#define VONGLAU_PACKET_LAYERS_H

#include "base/reader.h"
#include "packet/decode.h"

/* Every layer takes what is left of the packet after the headers before it. */
typedef void (*layer_fn)(struct decoder *decoder, struct packet *packet, struct bytes data);

/* link.c */
void decode_link(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_ethernet(struct decoder *decoder, struct packet *packet, struct bytes data);
/* By EtherType; `unknown` is raised beside the event of Ethernet for types that are not decoded;
 * DECODE_EVENT_COUNT: nothing more. */
void decode_ether_type(struct decoder *decoder, struct packet *packet, uint16_t type, struct bytes data,
                       enum decode_event unknown);
void decode_ppp(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_arp(struct decoder *decoder, struct packet *packet, struct bytes data);

/* ip.c */
void decode_ipv4(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_ipv6(struct decoder *decoder, struct packet *packet, struct bytes data);
/* By the version nibble. */
void decode_ip(struct decoder *decoder, struct packet *packet, struct bytes data);

/* transport.c; `data` ends where the IP packet does. */
void decode_tcp(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_udp(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_sctp(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_icmp(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_icmpv6(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_igmp(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_esp(struct decoder *decoder, struct packet *packet, struct bytes data);

/* tunnel.c */
void decode_gre(struct decoder *decoder, struct packet *packet, struct bytes data);
void decode_nsh(struct decoder *decoder, struct packet *packet, struct bytes data);
/* True when the datagram's payload carried another packet. */
bool decode_udp_tunnel(struct decoder *decoder, struct packet *packet, struct bytes payload);

/* decode.c */
/* Counts one more header of this frame; false (with an event) when there are too many. */
MUST_CHECK bool layer_enter(struct decoder *decoder, struct packet *packet);
/* Ends decoding of the packet: it is broken for the reason `event`. */
void packet_break(struct decoder *decoder, struct packet *packet, enum decode_event event);
/* Something in it is broken that does not hinder the rest. */
void packet_malformed(struct decoder *decoder, struct packet *packet, enum decode_event event);
/* Decodes `data` as a packet of its own that `outer` carries. False when it was not kept: too deep, or its
 * first header is broken (then `outer` is no tunnel after all). */
bool decode_inner(struct decoder *decoder, struct packet *outer, struct bytes data, enum tunnel tunnel,
                  enum packet_source source, layer_fn layer);

static inline uint16_t load_be16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t load_be32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline void count_one(struct decoder *decoder, enum decode_counter counter)
{
    decoder->counts[counter]++;
}

#endif
