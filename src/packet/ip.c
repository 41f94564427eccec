/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (RFC 791) with options, IPv6 (RFC 8200) with extension headers, and either inside the other. */
#include "packet/checksum.h"
#include "packet/layers.h"

/* An IP packet as the payload of another (RFC 2003, RFC 4213, RFC 2473). */
static void decode_ip_in_ip(struct decoder *decoder, struct packet *packet, struct bytes data,
                            uint8_t version)
{
    bool outer4 = packet->ip->version == 4;
    enum decode_counter counter;
    if (outer4)
        counter = version == 4 ? DECODE_IPV4_IN_IPV4 : DECODE_IPV6_IN_IPV4;
    else
        counter = version == 4 ? DECODE_IPV4_IN_IPV6 : DECODE_IPV6_IN_IPV6;
    if (!outer4) {
        if (data.size < (version == 4 ? 20U : 40U)) {
            packet_malformed(decoder, packet,
                             version == 4 ? DECODE_EVENT_IPV6_IPV4_IN_IPV6_TOO_SMALL
                                          : DECODE_EVENT_IPV6_IPV6_IN_IPV6_TOO_SMALL);
            return;
        }
        if (data.data[0] >> 4 != version) {
            packet_malformed(decoder, packet,
                             version == 4 ? DECODE_EVENT_IPV6_IPV4_IN_IPV6_WRONG_VERSION
                                          : DECODE_EVENT_IPV6_IPV6_IN_IPV6_WRONG_VERSION);
            return;
        }
    }
    count_one(decoder, counter);
    decode_inner(decoder, packet, data, TUNNEL_IPIP, SOURCE_TUNNEL, version == 4 ? decode_ipv4 : decode_ipv6);
}

/* The upper layer; `data` is what the IP packet carries. */
static void decode_transport(struct decoder *decoder, struct packet *packet, uint8_t protocol,
                             struct bytes data)
{
    if (!layer_enter(decoder, packet))
        return;
    packet->payload = data;
    switch (protocol) {
    case IP_TCP:
        decode_tcp(decoder, packet, data);
        break;
    case IP_UDP:
        decode_udp(decoder, packet, data);
        break;
    case IP_ICMP:
        if (packet->ip->version == 4)
            decode_icmp(decoder, packet, data);
        else
            packet_event(decoder, packet, DECODE_EVENT_IPV6_ICMPV4);
        break;
    case IP_ICMPV6:
        if (packet->ip->version == 6)
            decode_icmpv6(decoder, packet, data);
        else
            packet_malformed(decoder, packet, DECODE_EVENT_IPV4_ICMPV6);
        break;
    case IP_IGMP:
        decode_igmp(decoder, packet, data);
        break;
    case IP_SCTP:
        decode_sctp(decoder, packet, data);
        break;
    case IP_GRE:
        decode_gre(decoder, packet, data);
        break;
    case IP_ESP:
        decode_esp(decoder, packet, data);
        break;
    case IP_IPIP:
        decode_ip_in_ip(decoder, packet, data, 4);
        break;
    case IP_IPV6:
        decode_ip_in_ip(decoder, packet, data, 6);
        break;
    case IP_NONE:
        if (packet->ip->version == 6 && data.size)
            packet_event(decoder, packet, DECODE_EVENT_IPV6_DATA_AFTER_NONE_HEADER);
        break;
    case IP_MOBILITY:
    case IP_HIP:
    case IP_SHIM6:
        break; /* known, and the last of what is looked at */
    default:
        if (packet->ip->version == 6)
            packet_event(decoder, packet, DECODE_EVENT_IPV6_UNKNOWN_NEXT_HEADER);
        break;
    }
}

/* Hands a fragment over and decodes the packet it completes. */
static void decode_fragment(struct decoder *decoder, struct packet *packet, struct bytes data, layer_fn layer)
{
    packet->payload = data;
    if (!decoder->defragment)
        return;
    struct bytes whole = decoder->defragment(decoder->defragment_context, packet);
    packet->payload = BYTES_NONE; /* it is looked at as part of the whole */
    if (!whole.data)
        return;
    /* The frame as it would have been: this fragment's link header in front. */
    size_t link_size = (size_t)(packet->ip->header.data - packet->frame.data);
    uint8_t *start = (uint8_t *)(uintptr_t)whole.data;
    if (link_size <= DEFRAGMENT_HEADROOM)
        memcpy(start - link_size, packet->frame.data, link_size);
    else
        link_size = 0;
    size_t number = decoder->inner_count;
    if (!decode_inner(decoder, packet, whole, (enum tunnel)packet->tunnel, SOURCE_DEFRAG, layer))
        return;
    struct packet *inner = &decoder->inner[number];
    inner->frame = bytes_of(start - link_size, link_size + whole.size);
    inner->wire_size = (uint32_t)inner->frame.size;
    inner->link_type = packet->link_type;
    inner->number = 0; /* of several frames, so of none */
    if (packet->is_ethernet && link_size) {
        inner->ether = bytes_first(inner->frame, 14);
        inner->ether_type = packet->ether_type;
        inner->is_ethernet = true;
    }
}

/* IPv4 options (RFC 791 section 3.1): which are there and whether their lengths make sense. */
static void decode_ipv4_options(struct decoder *decoder, struct packet *packet, struct bytes options)
{
    static const struct {
        uint8_t type, bit, size_min, size_max;
    } known[] = {
        { 7, IP_OPTION_RR, 3, 39 },      { 68, IP_OPTION_TS, 4, 40 },
        { 82, IP_OPTION_OTHER, 12, 12 }, { 130, IP_OPTION_SEC, 3, 11 },
        { 131, IP_OPTION_LSRR, 3, 39 },  { 133, IP_OPTION_ESEC, 3, 40 },
        { 134, IP_OPTION_CIPSO, 8, 40 }, { 136, IP_OPTION_SATID, 4, 4 },
        { 137, IP_OPTION_SSRR, 3, 39 },  { 148, IP_OPTION_ROUTER_ALERT, 4, 4 },
        { 25, IP_OPTION_QS, 8, 8 },
    };
    struct ip_header *ip = &packet->ip_record;
    if (options.size % 8)
        packet_event(decoder, packet, DECODE_EVENT_IPV4_OPT_PAD_REQUIRED);
    for (size_t at = 0; at < options.size;) {
        uint8_t type = options.data[at];
        if (type == 0) {
            ip->option_mask |= 1U << IP_OPTION_EOL;
            break;
        }
        if (type == 1) {
            ip->option_mask |= 1U << IP_OPTION_NOP;
            at++;
            continue;
        }
        size_t left = options.size - at;
        uint8_t size = left > 1 ? options.data[at + 1] : 0;
        if (size < 2 || size > left) {
            packet_malformed(decoder, packet, DECODE_EVENT_IPV4_OPT_INVALID_LEN);
            return;
        }
        size_t row = 0;
        while (row < COUNT_OF(known) && known[row].type != type)
            row++;
        if (row == COUNT_OF(known)) {
            ip->option_mask |= 1U << IP_OPTION_OTHER;
            packet_malformed(decoder, packet, DECODE_EVENT_IPV4_OPT_UNKNOWN);
        } else if (size < known[row].size_min || size > known[row].size_max) {
            packet_malformed(decoder, packet, DECODE_EVENT_IPV4_OPT_INVALID_LEN);
        } else {
            uint32_t bit = 1U << known[row].bit;
            if (ip->option_mask & bit)
                packet_event(decoder, packet, DECODE_EVENT_IPV4_OPT_DUPLICATE);
            /* A pointer before the first slot or past the option: RR, LSRR, SSRR from 4, TS from 5. */
            uint8_t pointer = size > 2 ? options.data[at + 2] : 0;
            bool routed = bit & (1U << IP_OPTION_RR | 1U << IP_OPTION_LSRR | 1U << IP_OPTION_SSRR);
            if ((routed && (pointer < 4 || pointer % 4 || pointer > size + 1)) ||
                (known[row].bit == IP_OPTION_TS && (pointer < 5 || pointer > size + 1)))
                packet_malformed(decoder, packet, DECODE_EVENT_IPV4_OPT_MALFORMED);
            else
                ip->option_mask |= bit;
        }
        at += size;
    }
}

void decode_ipv4(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_IPV4);
    if (UNLIKELY(!layer_enter(decoder, packet)))
        return;
    if (UNLIKELY(data.size < 20)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV4_PKT_TOO_SMALL);
        return;
    }
    const uint8_t *at = data.data;
    if (UNLIKELY(at[0] >> 4 != 4)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV4_WRONG_IP_VERSION);
        return;
    }
    size_t header_size = (at[0] & 15U) * 4U;
    uint16_t size = load_be16(at + 2);
    if (UNLIKELY(header_size < 20)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV4_HLEN_TOO_SMALL);
        return;
    }
    if (UNLIKELY(size < header_size)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV4_IPLEN_SMALLER_THAN_HLEN);
        return;
    }
    if (UNLIKELY(data.size < size)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV4_TRUNC_PKT);
        return;
    }
    struct ip_header *ip = &packet->ip_record;
    uint16_t fragment = load_be16(at + 6);
    *ip = (struct ip_header){
        .version = 4,
        .ttl = at[8],
        .tos = at[1],
        .protocol = at[9],
        .id = load_be16(at + 4),
        .size = size,
        .fragment_offset = (uint16_t)((fragment & 0x1fff) * 8),
        .fragment_more = fragment & 0x2000,
        .fragment_dont = fragment & 0x4000,
        .fragment_reserved = fragment & 0x8000,
        .is_fragment = (fragment & 0x3fff) != 0,
        .header = { at, header_size },
        .checksum_ok = true,
    };
    ip->fragment_id = ip->id;
    packet->ip = ip;
    packet->protocol = ip->protocol;
    packet->src = address_v4(at + 12);
    packet->dst = address_v4(at + 16);
    if (decoder->checksum_check)
        ip->checksum_ok = checksum_ipv4(ip->header);
    if (UNLIKELY(header_size > 20)) {
        ip->options = (struct bytes){ at + 20, header_size - 20 };
        decode_ipv4_options(decoder, packet, ip->options);
    }
    struct bytes payload = { at + header_size, size - header_size };
    if (UNLIKELY(ip->is_fragment)) {
        decode_fragment(decoder, packet, payload, decode_ipv4);
        return;
    }
    if (UNLIKELY(ip->protocol == IP_AH)) { /* RFC 4302: what it protects is in the clear */
        uint8_t next = payload.size >= 12 ? payload.data[0] : IP_NONE;
        size_t skip = payload.size >= 12 ? (payload.data[1] + 2U) * 4U : 0;
        count_one(decoder, DECODE_AH);
        packet->payload = payload;
        if (skip >= 12 && skip <= payload.size && next != IP_AH) {
            packet->protocol = ip->protocol = next;
            decode_transport(decoder, packet, next, bytes_from(payload, skip));
        }
        return;
    }
    decode_transport(decoder, packet, ip->protocol, payload);
}

/* Options of hop-by-hop and destination headers (RFC 8200 section 4.2). */
static void decode_ipv6_options(struct decoder *decoder, struct packet *packet, struct bytes options,
                                bool hop)
{
    struct reader r = reader_of_bytes(options);
    bool padding = false, other = false;
    while (!reader_empty(&r)) {
        uint8_t type = reader_u8(&r);
        if (type == 0) { /* Pad1 */
            padding = true;
            continue;
        }
        uint8_t size = reader_u8(&r);
        size_t left = reader_left(&r);
        if (!reader_ok(&r) || size > left) {
            packet_malformed(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
            return;
        }
        switch (type) {
        case 1: /* PadN */
            padding = true;
            if (size == 0)
                packet_event(decoder, packet, DECODE_EVENT_IPV6_ZERO_LEN_PADN);
            break;
        case 0x05: /* router alert, RFC 2711 */
            other = true;
            if (size != 2) {
                packet_malformed(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
                return;
            }
            break;
        case 0xc2: /* jumbo payload, RFC 2675 */
            other = true;
            if (size != 4) {
                packet_malformed(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
                return;
            }
            break;
        case 0xc9: /* home address, RFC 6275 */
            other = true;
            if (size != 16) {
                packet_malformed(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
                return;
            }
            break;
        default:
            other = true;
            packet_event(decoder, packet,
                         hop ? DECODE_EVENT_IPV6_HOPOPTS_UNKNOWN_OPT : DECODE_EVENT_IPV6_DSTOPTS_UNKNOWN_OPT);
            break;
        }
        reader_skip(&r, size);
    }
    if (padding && !other)
        packet_event(decoder, packet,
                     hop ? DECODE_EVENT_IPV6_HOPOPTS_ONLY_PADDING : DECODE_EVENT_IPV6_DSTOPTS_ONLY_PADDING);
}

enum { SEEN_HOP = 1, SEEN_ROUTING = 2, SEEN_FRAGMENT = 4, SEEN_DST = 8, SEEN_DST_TWICE = 16, SEEN_AH = 32 };

void decode_ipv6(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_IPV6);
    if (UNLIKELY(!layer_enter(decoder, packet)))
        return;
    if (UNLIKELY(data.size < 40)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV6_PKT_TOO_SMALL);
        return;
    }
    const uint8_t *at = data.data;
    if (UNLIKELY(at[0] >> 4 != 6)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV6_WRONG_IP_VERSION);
        return;
    }
    uint16_t size = load_be16(at + 4);
    if (UNLIKELY(data.size - 40 < size)) {
        packet_break(decoder, packet, DECODE_EVENT_IPV6_TRUNC_PKT);
        return;
    }
    struct ip_header *ip = &packet->ip_record;
    uint32_t first = load_be32(at);
    *ip = (struct ip_header){
        .version = 6,
        .ttl = at[7],
        .tos = (uint8_t)(first >> 20),
        .protocol = at[6],
        .size = size,
        .flow_label = first & 0xfffff,
        .header = { at, 40 },
        .checksum_ok = true,
    };
    packet->ip = ip;
    packet->src = address_v6(at + 8);
    packet->dst = address_v6(at + 24);

    struct bytes rest = { at + 40, size };
    uint8_t next = ip->protocol;
    uint16_t next_at = 6; /* of the octet that announces the current header */
    unsigned seen = 0;
    for (;;) {
        size_t used = (size_t)(rest.data - at);
        size_t step;
        switch (next) {
        case IP_HOPOPTS:
        case IP_ROUTING:
        case IP_DSTOPTS:
        case IP_AH:
        case IP_FRAGMENT:
            break;
        default:
            ip->header.size = used;
            packet->protocol = ip->protocol = next;
            if (rest.size < 2 && used > 40 && next != IP_NONE) /* extension headers that announce nothing */
                packet_malformed(decoder, packet, DECODE_EVENT_IPV6_TRUNC_EXTHDR);
            else
                decode_transport(decoder, packet, next, rest);
            return;
        }
        packet->protocol = ip->protocol = next;
        ip->header.size = used;
        if (rest.size < 8) {
            packet_malformed(decoder, packet, DECODE_EVENT_IPV6_TRUNC_EXTHDR);
            return;
        }
        if (next == IP_AH)
            step = (rest.data[1] + 2U) * 4U;
        else
            step = next == IP_FRAGMENT ? 8 : (rest.data[1] + 1U) * 8U;
        if (step > rest.size) {
            packet_malformed(decoder, packet, DECODE_EVENT_IPV6_TRUNC_EXTHDR);
            return;
        }
        struct bytes extension = bytes_first(rest, step);
        switch (next) {
        case IP_HOPOPTS:
            if (seen & SEEN_HOP)
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_DUPL_HH);
            else
                decode_ipv6_options(decoder, packet, bytes_from(extension, 2), true);
            seen |= SEEN_HOP;
            break;
        case IP_ROUTING:
            if (seen & SEEN_ROUTING)
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_DUPL_RH);
            else if (extension.data[2] == 0)
                packet_event(decoder, packet, DECODE_EVENT_IPV6_RH_TYPE_0);
            seen |= SEEN_ROUTING;
            break;
        case IP_DSTOPTS: /* may come twice: before a routing header and before the upper layer */
            if (seen & SEEN_DST_TWICE)
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_DUPL_DH);
            else
                decode_ipv6_options(decoder, packet, bytes_from(extension, 2), false);
            seen |= seen & SEEN_DST ? SEEN_DST_TWICE : SEEN_DST;
            break;
        case IP_AH:
            if (seen & SEEN_AH)
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_DUPL_AH);
            else if (load_be16(extension.data + 2))
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_AH_RES_NOT_NULL);
            seen |= SEEN_AH;
            break;
        default: {
            if (extension.data[1])
                packet_event(decoder, packet, DECODE_EVENT_IPV6_FH_NON_ZERO_RESERVED_FIELD);
            if (seen & SEEN_FRAGMENT) {
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_DUPL_FH);
                break;
            }
            seen |= SEEN_FRAGMENT;
            uint16_t place = load_be16(extension.data + 2);
            bool more = place & 1;
            uint16_t offset = place & 0xfff8;
            if (more && (rest.size - 8) % 8) {
                packet_malformed(decoder, packet, DECODE_EVENT_IPV6_FRAG_INVALID_LENGTH);
                return;
            }
            if (!more && !offset) {
                packet_event(decoder, packet, DECODE_EVENT_IPV6_EXTHDR_USELESS_FH);
                break;
            }
            ip->fragment_id = load_be32(extension.data + 4);
            ip->id = (uint16_t)ip->fragment_id;
            ip->fragment_offset = offset;
            ip->fragment_more = more;
            ip->is_fragment = true;
            ip->fragment_at = (uint16_t)used;
            ip->fragment_next_at = next_at;
            ip->header.size = used + 8;
            ip->protocol = extension.data[0];
            packet->protocol = IP_FRAGMENT; /* what it carries is told of the whole */
            decode_fragment(decoder, packet, bytes_from(rest, 8), decode_ipv6);
            return;
        }
        }
        next = extension.data[0];
        next_at = (uint16_t)used;
        rest = bytes_from(rest, step);
    }
}

void decode_ip(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    uint8_t version = data.size ? data.data[0] >> 4 : 0;
    if (version == 6)
        decode_ipv6(decoder, packet, data);
    else
        decode_ipv4(decoder, packet, data);
}
