/* SPDX-License-Identifier: Apache-2.0 */
/* Transports: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), ICMP (RFC 792), ICMPv6 (RFC 4443), IGMP, ESP.
 */
#include "packet/checksum.h"
#include "packet/layers.h"

static bool checksum_right(const struct packet *packet, uint8_t protocol, struct bytes data)
{
    return packet->unchecked || checksum_transport(&packet->src, &packet->dst, protocol, data);
}

enum tcp_option {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WSCALE = 3,
    OPTION_SACK_PERMITTED = 4,
    OPTION_SACK = 5,
    OPTION_TIMESTAMP = 8,
    OPTION_MD5 = 19,            /* RFC 2385 */
    OPTION_AUTHENTICATION = 29, /* RFC 5925 */
    OPTION_FAST_OPEN = 34,
    OPTION_EXPERIMENT = 254,
};

static void fast_open_option(struct tcp_header *tcp, struct bytes cookie)
{
    /* RFC 7413 section 4.1.1: none, or 4 to 16 octets, even in number. */
    if (!tcp->has_fast_open &&
        (cookie.size == 0 || (cookie.size >= 4 && cookie.size <= 16 && cookie.size % 2 == 0))) {
        tcp->has_fast_open = true;
        tcp->fast_open = cookie;
    }
}

static void tcp_options(struct decoder *decoder, struct packet *packet, struct tcp_header *tcp)
{
    struct reader r = reader_of_bytes(tcp->options);
    while (!reader_empty(&r)) {
        uint8_t kind = reader_u8(&r);
        if (kind == OPTION_END)
            break;
        if (kind == OPTION_NOP)
            continue;
        uint8_t size = reader_u8(&r);
        if (!reader_ok(&r) || size < 2 || size - 2U > reader_left(&r)) {
            packet_malformed(decoder, packet, DECODE_EVENT_TCP_OPT_INVALID_LEN);
            return;
        }
        struct bytes value = reader_bytes(&r, size - 2U);
        bool twice = false, wrong = false;
        switch (kind) {
        case OPTION_MSS:
            wrong = value.size != 2;
            twice = tcp->has_mss;
            if (!wrong && !twice) {
                tcp->mss = load_be16(value.data);
                tcp->has_mss = true;
            }
            break;
        case OPTION_WSCALE:
            wrong = value.size != 1;
            twice = tcp->has_wscale;
            if (!wrong && !twice) {
                tcp->wscale = value.data[0];
                tcp->has_wscale = true;
                if (tcp->wscale > 14) /* RFC 7323 section 2.3 */
                    packet_event(decoder, packet, DECODE_EVENT_TCP_OPT_WSCALE_OVER_MAX);
            }
            break;
        case OPTION_SACK_PERMITTED:
            wrong = value.size != 0;
            twice = tcp->sack_permitted;
            if (!wrong)
                tcp->sack_permitted = true;
            break;
        case OPTION_SACK:
            wrong = value.size % 8 || value.size > 32;
            twice = tcp->sack.data != NULL;
            if (!wrong && !twice)
                tcp->sack = value;
            break;
        case OPTION_TIMESTAMP:
            wrong = value.size != 8;
            twice = tcp->has_timestamp;
            if (!wrong && !twice) {
                tcp->timestamp = load_be32(value.data);
                tcp->timestamp_echo = load_be32(value.data + 4);
                tcp->has_timestamp = true;
            }
            break;
        case OPTION_MD5:
        case OPTION_AUTHENTICATION:
            tcp->is_signed = true;
            break;
        case OPTION_FAST_OPEN:
            twice = tcp->has_fast_open;
            fast_open_option(tcp, value);
            break;
        case OPTION_EXPERIMENT: /* RFC 7413 appendix A */
            if (value.size >= 2 && load_be16(value.data) == 0xf989)
                fast_open_option(tcp, bytes_from(value, 2));
            break;
        default:
            break;
        }
        if (wrong)
            packet_event(decoder, packet, DECODE_EVENT_TCP_OPT_INVALID_LEN);
        if (twice)
            packet_event(decoder, packet, DECODE_EVENT_TCP_OPT_DUPLICATE);
    }
}

void decode_tcp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_TCP);
    if (UNLIKELY(data.size < 20)) {
        packet_break(decoder, packet, DECODE_EVENT_TCP_PKT_TOO_SMALL);
        return;
    }
    const uint8_t *at = data.data;
    size_t header_size = (at[12] >> 4) * 4U;
    if (UNLIKELY(header_size < 20)) {
        packet_break(decoder, packet, DECODE_EVENT_TCP_INVALID_OPTLEN);
        return;
    }
    if (UNLIKELY(header_size > data.size)) {
        packet_break(decoder, packet, DECODE_EVENT_TCP_HLEN_TOO_SMALL);
        return;
    }
    struct tcp_header *tcp = &packet->tcp_record;
    *tcp = (struct tcp_header){
        .src_port = load_be16(at),
        .dst_port = load_be16(at + 2),
        .sequence = load_be32(at + 4),
        .acknowledgment = load_be32(at + 8),
        .flags = at[13],
        .reserved = at[12] & 15,
        .window = load_be16(at + 14),
        .urgent = load_be16(at + 18),
        .header = { at, header_size },
        .options = { at + 20, header_size - 20 },
    };
    packet->tcp = tcp;
    packet->src_port = tcp->src_port;
    packet->dst_port = tcp->dst_port;
    packet->payload = (struct bytes){ at + header_size, data.size - header_size };
    /* By far the most common form: two paddings and a timestamp (RFC 7323 appendix A). */
    if (tcp->options.size == 12 && load_be32(at + 20) == 0x0101080a) {
        tcp->has_timestamp = true;
        tcp->timestamp = load_be32(at + 24);
        tcp->timestamp_echo = load_be32(at + 28);
    } else if (tcp->options.size) {
        tcp_options(decoder, packet, tcp);
    }
    tcp->checksum_ok = checksum_right(packet, IP_TCP, data);
}

void decode_udp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_UDP);
    if (UNLIKELY(data.size < 8)) {
        packet_break(decoder, packet, DECODE_EVENT_UDP_HLEN_TOO_SMALL);
        return;
    }
    const uint8_t *at = data.data;
    uint16_t size = load_be16(at + 4);
    if (UNLIKELY(size > data.size)) {
        packet_break(decoder, packet, DECODE_EVENT_UDP_PKT_TOO_SMALL);
        return;
    }
    if (UNLIKELY(size < 8)) {
        packet_break(decoder, packet, DECODE_EVENT_UDP_LEN_INVALID);
        return;
    }
    struct udp_header *udp = &packet->udp_record;
    *udp = (struct udp_header){ .src_port = load_be16(at),
                                .dst_port = load_be16(at + 2),
                                .size = size,
                                .header = { at, 8 },
                                .checksum_ok = true };
    packet->udp = udp;
    packet->src_port = udp->src_port;
    packet->dst_port = udp->dst_port;
    packet->payload = (struct bytes){ at + 8, size - 8U };
    /* Zero means that the sender computed none; IPv6 forbids that, save in tunnels (RFC 6935). */
    if (at[6] | at[7])
        udp->checksum_ok = checksum_right(packet, IP_UDP, bytes_first(data, size));
    (void)decode_udp_tunnel(decoder, packet, packet->payload);
}

/* Chunks are walked only to see whether they make sense together (RFC 9260 sections 3.2 and 6.10). */
static void sctp_chunks(struct decoder *decoder, struct packet *packet, uint32_t tag, struct bytes data)
{
    enum { CHUNK_DATA = 0, CHUNK_INIT = 1 };
    struct reader r = reader_of_bytes(data);
    size_t count = 0;
    bool init = false;
    while (!reader_empty(&r)) {
        if (reader_left(&r) < 4) {
            packet_event(decoder, packet, DECODE_EVENT_SCTP_CHUNK_TOO_SMALL);
            return;
        }
        uint8_t type = reader_u8(&r);
        reader_skip(&r, 1);
        uint16_t size = reader_be16(&r);
        if (size < 4 || size - 4U > reader_left(&r)) {
            packet_event(decoder, packet, DECODE_EVENT_SCTP_CHUNK_LEN_INVALID);
            return;
        }
        count++;
        init |= type == CHUNK_INIT;
        if (type == CHUNK_INIT && tag)
            packet_event(decoder, packet, DECODE_EVENT_SCTP_INIT_WITH_NON_ZERO_VTAG);
        if (type == CHUNK_DATA && !tag)
            packet_event(decoder, packet, DECODE_EVENT_SCTP_DATA_WITH_ZERO_VTAG);
        reader_skip(&r, MIN((size - 4U + 3U) & ~3U, reader_left(&r)));
    }
    if (init && count > 1)
        packet_event(decoder, packet, DECODE_EVENT_SCTP_INIT_CHUNK_NOT_ALONE);
}

void decode_sctp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_SCTP);
    if (data.size < 12) {
        packet_break(decoder, packet, DECODE_EVENT_SCTP_PKT_TOO_SMALL);
        return;
    }
    struct sctp_header *sctp = &packet->sctp_record;
    *sctp = (struct sctp_header){ .src_port = load_be16(data.data),
                                  .dst_port = load_be16(data.data + 2),
                                  .tag = load_be32(data.data + 4),
                                  .header = bytes_first(data, 12) };
    packet->sctp = sctp;
    packet->src_port = sctp->src_port;
    packet->dst_port = sctp->dst_port;
    packet->payload = bytes_from(data, 12);
    sctp_chunks(decoder, packet, sctp->tag, packet->payload);
}

/* The ends of the packet that an error message quotes; its transport may be cut to eight octets. */
static void quoted_packet(struct packet *packet, struct bytes quoted)
{
    struct reader r = reader_of_bytes(quoted);
    uint8_t version = reader_u8(&r) >> 4;
    if (version == 4) {
        size_t header_size = (quoted.data[0] & 15U) * 4U;
        reader_skip(&r, 8);
        packet->quoted_protocol = reader_u8(&r);
        reader_skip(&r, 2);
        const uint8_t *ends = reader_take(&r, 8);
        if (!ends || header_size < 20 || load_be16(quoted.data + 6) & 0x1fff)
            return;
        packet->quoted_src = address_v4(ends);
        packet->quoted_dst = address_v4(ends + 4);
        reader_skip(&r, header_size - 20);
    } else {
        reader_skip(&r, 5);
        packet->quoted_protocol = reader_u8(&r);
        reader_skip(&r, 1);
        const uint8_t *ends = reader_take(&r, 32);
        if (!ends)
            return;
        packet->quoted_src = address_v6(ends);
        packet->quoted_dst = address_v6(ends + 16);
    }
    packet->quoted_src_port = reader_be16(&r);
    packet->quoted_dst_port = reader_be16(&r);
    packet->has_quoted = reader_ok(&r) &&
                         (packet->quoted_protocol == IP_TCP || packet->quoted_protocol == IP_UDP);
}

/* Message types of the IANA registry: the highest code known, and the type that answers. */
struct icmp_type {
    uint8_t type, code_max, counterpart;
    bool has_id, quotes;
};

static const struct icmp_type icmp_types[] = {
    { 0, 0, 8, true, false },     { 3, 15, 255, false, true }, { 4, 0, 255, false, true },
    { 5, 3, 255, false, true },   { 8, 0, 0, true, false },    { 9, 255, 10, false, false },
    { 10, 255, 9, false, false }, { 11, 1, 255, false, true }, { 12, 2, 255, false, true },
    { 13, 0, 14, true, false },   { 14, 0, 13, true, false },  { 15, 0, 16, true, false },
    { 16, 0, 15, true, false },   { 17, 0, 18, true, false },  { 18, 0, 17, true, false },
};

static const struct icmp_type icmpv6_types[] = {
    { 1, 7, 255, false, true },      { 2, 0, 255, false, true },    { 3, 1, 255, false, true },
    { 4, 3, 255, false, true },      { 128, 0, 129, true, false },  { 129, 0, 128, true, false },
    { 130, 0, 131, false, false },   { 131, 0, 130, false, false }, { 132, 0, 255, false, false },
    { 133, 0, 134, false, false },   { 134, 0, 133, false, false }, { 135, 0, 136, false, false },
    { 136, 0, 135, false, false },   { 137, 0, 255, false, false }, { 138, 255, 255, false, false },
    { 139, 2, 140, false, false },   { 140, 2, 139, false, false }, { 141, 0, 142, false, false },
    { 142, 0, 141, false, false },   { 143, 0, 255, false, false }, { 144, 0, 145, false, false },
    { 145, 0, 144, false, false },   { 146, 0, 255, false, false }, { 147, 0, 255, false, false },
    { 148, 0, 149, false, false },   { 149, 0, 148, false, false }, { 151, 0, 255, false, false },
    { 152, 0, 255, false, false },   { 153, 0, 255, false, false }, { 154, 5, 255, false, false },
    { 155, 255, 255, false, false },
};

static const struct icmp_type *icmp_type_of(const struct icmp_type *types, size_t count, uint8_t type)
{
    for (size_t i = 0; i < count; i++)
        if (types[i].type == type)
            return &types[i];
    return NULL;
}

/* Fills the header record, whose eight octets are there. */
static struct icmp_header *icmp_begin(struct packet *packet, struct bytes data, const struct icmp_type *known)
{
    struct icmp_header *icmp = &packet->icmp_record;
    *icmp = (struct icmp_header){ .type = data.data[0],
                                  .code = data.data[1],
                                  .header = bytes_first(data, 8),
                                  .has_id = known && known->has_id };
    if (icmp->has_id) {
        icmp->id = load_be16(data.data + 4);
        icmp->sequence = load_be16(data.data + 6);
    }
    packet->icmp = icmp;
    packet->icmp_counterpart = known ? known->counterpart : 255;
    packet->payload = bytes_from(data, 8);
    return icmp;
}

void decode_icmp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_ICMPV4);
    if (data.size < 8) {
        packet_break(decoder, packet, DECODE_EVENT_ICMPV4_PKT_TOO_SMALL);
        return;
    }
    const struct icmp_type *known = icmp_type_of(icmp_types, COUNT_OF(icmp_types), data.data[0]);
    struct icmp_header *icmp = icmp_begin(packet, data, known);
    icmp->checksum_ok = packet->unchecked || checksum_ipv4(data);
    if (!known)
        packet_event(decoder, packet, DECODE_EVENT_ICMPV4_UNKNOWN_TYPE);
    else if (icmp->code > known->code_max)
        packet_event(decoder, packet, DECODE_EVENT_ICMPV4_UNKNOWN_CODE);
    else if (known->quotes) {
        icmp->quoted = packet->payload;
        if (icmp->quoted.size < 20)
            packet_event(decoder, packet, DECODE_EVENT_ICMPV4_IPV4_TRUNC_PKT);
        else if (icmp->quoted.data[0] >> 4 != 4)
            packet_event(decoder, packet, DECODE_EVENT_ICMPV4_IPV4_UNKNOWN_VER);
        else
            quoted_packet(packet, icmp->quoted);
    }
}

void decode_icmpv6(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_ICMPV6);
    if (data.size < 8) {
        packet_break(decoder, packet, DECODE_EVENT_ICMPV6_PKT_TOO_SMALL);
        return;
    }
    uint8_t type = data.data[0];
    const struct icmp_type *known = icmp_type_of(icmpv6_types, COUNT_OF(icmpv6_types), type);
    struct icmp_header *icmp = icmp_begin(packet, data, known);
    icmp->checksum_ok = checksum_right(packet, IP_ICMPV6, data);
    if (!known) {
        if (type == 100 || type == 101 || type == 200 || type == 201) /* RFC 4443 section 2.1 */
            packet_event(decoder, packet, DECODE_EVENT_ICMPV6_EXPERIMENTATION_TYPE);
        else if ((type > 4 && type < 100) || (type > 101 && type < 127) || (type > 155 && type < 200))
            packet_event(decoder, packet, DECODE_EVENT_ICMPV6_UNASSIGNED_TYPE);
        else
            packet_event(decoder, packet, DECODE_EVENT_ICMPV6_UNKNOWN_TYPE);
        return;
    }
    if (icmp->code > known->code_max) {
        packet_event(decoder, packet, DECODE_EVENT_ICMPV6_UNKNOWN_CODE);
        return;
    }
    /* Multicast listener messages stay on the link (RFC 3810 section 5). */
    if (((type >= 130 && type <= 132) || type == 143) && packet->ip->ttl != 1)
        packet_event(decoder, packet, DECODE_EVENT_ICMPV6_MLD_MESSAGE_WITH_INVALID_HL);
    if (known->quotes) {
        icmp->quoted = packet->payload;
        if (icmp->quoted.size < 40)
            packet_event(decoder, packet, DECODE_EVENT_ICMPV6_IPV6_TRUNC_PKT);
        else if (icmp->quoted.data[0] >> 4 != 6)
            packet_event(decoder, packet, DECODE_EVENT_ICMPV6_IPV6_UNKNOWN_VERSION);
        else
            quoted_packet(packet, icmp->quoted);
    }
}

/* RFC 2236 and RFC 3376: only sizes are checked. */
void decode_igmp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_IGMP);
    if (data.size < 8)
        packet_event(decoder, packet, DECODE_EVENT_IGMP_PKT_TOO_SMALL);
    else if (data.data[0] == 0x11 && data.size > 8 && data.size < 12)
        packet_event(decoder, packet, DECODE_EVENT_IGMP_V3_PKT_TOO_SMALL);
    else if (data.data[0] == 0x22) {
        struct reader r = reader_of_bytes(bytes_from(data, 6));
        size_t records = reader_be16(&r);
        for (size_t i = 0; i < records && reader_ok(&r); i++) {
            reader_skip(&r, 1);
            size_t auxiliary = reader_u8(&r);
            size_t sources = reader_be16(&r);
            reader_skip(&r, 4 + sources * 4 + auxiliary * 4);
        }
        if (!reader_ok(&r))
            packet_event(decoder, packet, DECODE_EVENT_IGMP_MALFORMED);
    }
}

/* RFC 4303: only the index in front is in the clear. */
void decode_esp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_ESP);
    if (data.size < 8) {
        packet_break(decoder, packet, DECODE_EVENT_ESP_PKT_TOO_SMALL);
        return;
    }
    packet->has_spi = true;
    packet->spi = load_be32(data.data);
    packet->payload = bytes_from(data, 8);
}
