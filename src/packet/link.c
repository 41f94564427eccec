/* SPDX-License-Identifier: Apache-2.0 */
/* Link layers: Ethernet and what it tags itself with (VLAN, 802.1ah, VN-Tag, E-Tag, MPLS, PPPoE, NSH),
 * PPP, Cisco HDLC, BSD loopback, Linux cooked, raw IP; and ARP. */
#include "packet/layers.h"

enum ether_type {
    ETHER_IPV4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_BRIDGE = 0x6558, /* Ethernet over GRE, GENEVE */
    ETHER_VLAN = 0x8100,
    ETHER_IPV6 = 0x86dd,
    ETHER_MPLS = 0x8847,
    ETHER_MPLS_MULTICAST = 0x8848,
    ETHER_PPPOE_DISCOVERY = 0x8863,
    ETHER_PPPOE = 0x8864,
    ETHER_8021AD = 0x88a8,
    ETHER_8021AH = 0x88e7,
    ETHER_DCE = 0x8903,
    ETHER_VNTAG = 0x8926,
    ETHER_ETAG = 0x893f,
    ETHER_NSH = 0x894f,
    ETHER_QINQ = 0x9100,
};

/* IEEE 802.1Q: priority and id, then the next type. */
static void decode_vlan(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    if (packet->vlan_count < PACKET_VLANS_MAX)
        count_one(decoder, (enum decode_counter)(DECODE_VLAN + packet->vlan_count));
    if (data.size < 4) {
        packet_break(decoder, packet, DECODE_EVENT_VLAN_HEADER_TOO_SMALL);
        return;
    }
    if (packet->vlan_count == PACKET_VLANS_MAX) {
        packet_break(decoder, packet, DECODE_EVENT_VLAN_TOO_MANY_LAYERS);
        return;
    }
    packet->vlans[packet->vlan_count++] = load_be16(data.data) & 0x0fff;
    decode_ether_type(decoder, packet, load_be16(data.data + 2), bytes_from(data, 4),
                      DECODE_EVENT_VLAN_UNKNOWN_TYPE);
}

/* IEEE 802.1ah: the service tag, then the customer's whole Ethernet header. */
static void decode_8021ah(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_IEEE8021AH);
    if (data.size < 18) {
        packet_break(decoder, packet, DECODE_EVENT_IEEE8021AH_HEADER_TOO_SMALL);
        return;
    }
    decode_ether_type(decoder, packet, load_be16(data.data + 16), bytes_from(data, 18), DECODE_EVENT_COUNT);
}

/* A tag of `size` octets whose last two are the next type. */
static void decode_tag(struct decoder *decoder, struct packet *packet, struct bytes data, size_t size,
                       enum decode_event small, enum decode_event unknown)
{
    if (data.size < size) {
        packet_break(decoder, packet, small);
        return;
    }
    decode_ether_type(decoder, packet, load_be16(data.data + size - 2), bytes_from(data, size), unknown);
}

/* Label stack (RFC 3032); what follows is told by its first nibble, as RFC 4385 section 3 lets one. */
static void decode_mpls(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_MPLS);
    uint32_t label, entry;
    do {
        if (data.size < 4) {
            packet_break(decoder, packet, DECODE_EVENT_MPLS_HEADER_TOO_SMALL);
            return;
        }
        entry = load_be32(data.data);
        label = entry >> 12;
        data = bytes_from(data, 4);
        if (packet->mpls_count < PACKET_MPLS_MAX)
            packet->mpls_count++;
    } while (!(entry & 0x100));

    switch (label) {
    case 0: /* IPv4 explicit null */
        decode_ipv4(decoder, packet, data);
        return;
    case 1:
        packet_break(decoder, packet, DECODE_EVENT_MPLS_BAD_LABEL_ROUTER_ALERT);
        return;
    case 2: /* IPv6 explicit null */
        decode_ipv6(decoder, packet, data);
        return;
    case 3:
        packet_break(decoder, packet, DECODE_EVENT_MPLS_BAD_LABEL_IMPLICIT_NULL);
        return;
    default:
        break;
    }
    if (label < 16) {
        packet_break(decoder, packet, DECODE_EVENT_MPLS_BAD_LABEL_RESERVED);
        return;
    }
    if (data.size < 4) {
        packet_break(decoder, packet, DECODE_EVENT_MPLS_PKT_TOO_SMALL);
        return;
    }
    switch (data.data[0] >> 4) {
    case 4:
        decode_ipv4(decoder, packet, data);
        break;
    case 6:
        decode_ipv6(decoder, packet, data);
        break;
    case 0: /* pseudowire control word, then Ethernet (RFC 4448) */
        decode_ethernet(decoder, packet, bytes_from(data, 4));
        break;
    default:
        packet_break(decoder, packet, DECODE_EVENT_MPLS_UNKNOWN_PAYLOAD_TYPE);
    }
}

/* Network protocols of the IANA PPP registry that are known and not decoded. */
static bool ppp_known(uint16_t protocol)
{
    static const uint16_t known[] = { 0x0023, 0x0025, 0x0027, 0x0029, 0x002b, 0x002d, 0x0031, 0x0033,
                                      0x0035, 0x003d, 0x0051, 0x0053, 0x00fd, 0x0201, 0x0231, 0x0233 };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (known[i] == protocol)
            return true;
    return false;
}

/* Protocol number, one octet when compressed (RFC 1661 sections 2 and 6.5), then the packet. */
static void decode_ppp_protocol(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    struct reader r = reader_of_bytes(data);
    uint16_t protocol = reader_u8(&r);
    if (!(protocol & 1))
        protocol = (uint16_t)(protocol << 8 | reader_u8(&r));
    if (!reader_ok(&r)) {
        packet_break(decoder, packet, DECODE_EVENT_PPP_PKT_TOO_SMALL);
        return;
    }
    struct bytes rest = reader_peek(&r);
    switch (protocol) {
    case 0x0021:
        if (rest.size < 20)
            packet_break(decoder, packet, DECODE_EVENT_PPP_IP4_PKT_TOO_SMALL);
        else
            decode_ipv4(decoder, packet, rest);
        break;
    case 0x0057:
        if (rest.size < 40)
            packet_break(decoder, packet, DECODE_EVENT_PPP_IP6_PKT_TOO_SMALL);
        else
            decode_ipv6(decoder, packet, rest);
        break;
    case 0x002f: /* Van Jacobson, uncompressed: an IPv4 packet with a slot for its protocol (RFC 1144) */
        if (rest.size < 20)
            packet_break(decoder, packet, DECODE_EVENT_PPP_VJU_PKT_TOO_SMALL);
        else if (rest.data[0] >> 4 == 4)
            decode_ipv4(decoder, packet, rest);
        break;
    default:
        if (protocol & 0x8000) /* the link's own talk: LCP, authentication, network control */
            break;
        packet_break(decoder, packet,
                     ppp_known(protocol) ? DECODE_EVENT_PPP_UNSUP_PROTO : DECODE_EVENT_PPP_WRONG_TYPE);
    }
}

void decode_ppp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_PPP);
    /* Address and control of RFC 1662 section 3.1, unless negotiated away. */
    if (data.size >= 2 && data.data[0] == 0xff && data.data[1] == 0x03)
        data = bytes_from(data, 2);
    decode_ppp_protocol(decoder, packet, data);
}

/* RFC 2516 section 4. */
static void decode_pppoe(struct decoder *decoder, struct packet *packet, struct bytes data, bool discovery)
{
    count_one(decoder, DECODE_PPPOE);
    struct reader r = reader_of_bytes(data);
    reader_skip(&r, 1);
    uint8_t code = reader_u8(&r);
    reader_skip(&r, 2);
    uint16_t size = reader_be16(&r);
    if (!reader_ok(&r)) {
        packet_break(decoder, packet, DECODE_EVENT_PPPOE_PKT_TOO_SMALL);
        return;
    }
    struct bytes payload = bytes_first(reader_peek(&r), size);
    if (!discovery) {
        if (code)
            packet_break(decoder, packet, DECODE_EVENT_PPPOE_WRONG_CODE);
        else if (payload.size < 2)
            packet_break(decoder, packet, DECODE_EVENT_PPPOE_PKT_TOO_SMALL);
        else
            decode_ppp_protocol(decoder, packet, payload);
        return;
    }
    switch (code) {
    case 0x07: /* PADO */
    case 0x09: /* PADI */
    case 0x19: /* PADR */
    case 0x65: /* PADS */
    case 0xa7: /* PADT */
        break;
    default:
        packet_break(decoder, packet, DECODE_EVENT_PPPOE_WRONG_CODE);
        return;
    }
    if (size > reader_left(&r)) {
        packet_break(decoder, packet, DECODE_EVENT_PPPOE_MALFORMED_TAGS);
        return;
    }
    struct reader tags = reader_of_bytes(payload);
    while (!reader_empty(&tags)) {
        reader_skip(&tags, 2);
        reader_skip(&tags, reader_be16(&tags));
    }
    if (!reader_ok(&tags))
        packet_break(decoder, packet, DECODE_EVENT_PPPOE_MALFORMED_TAGS);
}

/* RFC 826, for IPv4 over Ethernet. */
void decode_arp(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_ARP);
    struct reader r = reader_of_bytes(data);
    uint16_t hardware = reader_be16(&r), protocol = reader_be16(&r);
    uint8_t hardware_size = reader_u8(&r), protocol_size = reader_u8(&r);
    uint16_t operation = reader_be16(&r);
    reader_skip(&r, 20);
    if (!reader_ok(&r))
        packet_break(decoder, packet, DECODE_EVENT_ARP_PKT_TOO_SMALL);
    else if (hardware != 1)
        packet_break(decoder, packet, DECODE_EVENT_ARP_UNSUPPORTED_HARDWARE);
    else if (protocol != ETHER_IPV4)
        packet_break(decoder, packet, DECODE_EVENT_ARP_UNSUPPORTED_PROTOCOL);
    else if (hardware_size != 6)
        packet_break(decoder, packet, DECODE_EVENT_ARP_INVALID_HARDWARE_SIZE);
    else if (protocol_size != 4)
        packet_break(decoder, packet, DECODE_EVENT_ARP_INVALID_PROTOCOL_SIZE);
    else if (operation == 0 || (operation > 4 && operation != 8 && operation != 9))
        packet_break(decoder, packet, DECODE_EVENT_ARP_UNSUPPORTED_OPCODE);
    else
        packet->arp = data;
}

void decode_ether_type(struct decoder *decoder, struct packet *packet, uint16_t type, struct bytes data,
                       enum decode_event unknown)
{
    if (!layer_enter(decoder, packet))
        return;
    switch (type) {
    case ETHER_IPV4:
        decode_ipv4(decoder, packet, data);
        return;
    case ETHER_IPV6:
        decode_ipv6(decoder, packet, data);
        return;
    case ETHER_VLAN:
    case ETHER_8021AD:
    case ETHER_QINQ:
        decode_vlan(decoder, packet, data);
        return;
    case ETHER_ARP:
        decode_arp(decoder, packet, data);
        return;
    case ETHER_MPLS:
    case ETHER_MPLS_MULTICAST:
        decode_mpls(decoder, packet, data);
        return;
    case ETHER_PPPOE:
        decode_pppoe(decoder, packet, data, false);
        return;
    case ETHER_PPPOE_DISCOVERY:
        decode_pppoe(decoder, packet, data, true);
        return;
    case ETHER_8021AH:
        decode_8021ah(decoder, packet, data);
        return;
    case ETHER_BRIDGE:
        decode_ethernet(decoder, packet, data);
        return;
    case ETHER_DCE: /* two octets of Cisco FabricPath tag, then Ethernet again */
        if (data.size < 2)
            packet_break(decoder, packet, DECODE_EVENT_DCE_PKT_TOO_SMALL);
        else
            decode_ethernet(decoder, packet, bytes_from(data, 2));
        return;
    case ETHER_NSH:
        decode_nsh(decoder, packet, data);
        return;
    case ETHER_VNTAG:
        if (decoder->settings.no_vntag)
            break;
        count_one(decoder, DECODE_VNTAG);
        decode_tag(decoder, packet, data, 6, DECODE_EVENT_VNTAG_HEADER_TOO_SMALL,
                   DECODE_EVENT_VNTAG_UNKNOWN_TYPE);
        return;
    case ETHER_ETAG: /* IEEE 802.1BR */
        count_one(decoder, DECODE_ETAG);
        decode_tag(decoder, packet, data, 8, DECODE_EVENT_ETAG_HEADER_TOO_SMALL,
                   DECODE_EVENT_ETAG_UNKNOWN_TYPE);
        return;
    default:
        break;
    }
    count_one(decoder, DECODE_UNKNOWN_ETHERTYPE);
    packet_event(decoder, packet,
                 DECODE_EVENT_ETHERNET_UNKNOWN_ETHERTYPE); /* of whatever link, as in Suricata */
    if (unknown != DECODE_EVENT_COUNT)
        packet_break(decoder, packet, unknown);
}

void decode_ethernet(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_ETHERNET);
    if (!layer_enter(decoder, packet))
        return;
    if (UNLIKELY(data.size < 14)) {
        packet_break(decoder, packet, DECODE_EVENT_ETHERNET_PKT_TOO_SMALL);
        return;
    }
    packet->ether = bytes_first(data, 14);
    packet->is_ethernet = true;
    packet->ether_type = load_be16(data.data + 12);
    decode_ether_type(decoder, packet, packet->ether_type, bytes_from(data, 14), DECODE_EVENT_COUNT);
}

/* Address family in the byte order of the capturing host (LINKTYPE_NULL) or the network's (LOOP). */
static void decode_null(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_NULL);
    if (data.size < 4) {
        packet_break(decoder, packet, DECODE_EVENT_LTNULL_PKT_TOO_SMALL);
        return;
    }
    uint32_t family = load_be32(data.data);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2:
        decode_ipv4(decoder, packet, bytes_from(data, 4));
        break;
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        decode_ipv6(decoder, packet, bytes_from(data, 4));
        break;
    default:
        packet_break(decoder, packet, DECODE_EVENT_LTNULL_UNSUPPORTED_TYPE);
    }
}

static void decode_sll(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_SLL);
    if (data.size < 16) {
        packet_break(decoder, packet, DECODE_EVENT_SLL_PKT_TOO_SMALL);
        return;
    }
    packet->ether_type = load_be16(data.data + 14);
    decode_ether_type(decoder, packet, packet->ether_type, bytes_from(data, 16), DECODE_EVENT_COUNT);
}

static void decode_sll2(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_SLL2);
    if (data.size < 20) {
        packet_break(decoder, packet, DECODE_EVENT_SLL2_PKT_TOO_SMALL);
        return;
    }
    packet->ether_type = load_be16(data.data);
    decode_ether_type(decoder, packet, packet->ether_type, bytes_from(data, 20), DECODE_EVENT_COUNT);
}

/* Address, control, then an EtherType (RFC 1547 section 4.3.1). */
static void decode_cisco_hdlc(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_CHDLC);
    if (data.size < 4) {
        packet_break(decoder, packet, DECODE_EVENT_CHDLC_PKT_TOO_SMALL);
        return;
    }
    packet->ether_type = load_be16(data.data + 2);
    decode_ether_type(decoder, packet, packet->ether_type, bytes_from(data, 4), DECODE_EVENT_COUNT);
}

static void decode_raw(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_RAW);
    uint8_t version = data.size ? data.data[0] >> 4 : 0;
    if (data.size < 20)
        packet_break(decoder, packet, DECODE_EVENT_IPV4_PKT_TOO_SMALL);
    else if (version == 4)
        decode_ipv4(decoder, packet, data);
    else if (version == 6)
        decode_ipv6(decoder, packet, data);
    else
        packet_break(decoder, packet, DECODE_EVENT_IPRAW_INVALID_IP_VERSION);
}

/* PPP over Ethernet frames without the Ethernet header (LINKTYPE_PPP_ETHER). */
static void decode_ppp_ether(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    decode_pppoe(decoder, packet, data, false);
}

static const struct {
    uint16_t type;
    const char *name;
    layer_fn layer;
} links[] = {
    { LINK_ETHERNET, "EN10MB", decode_ethernet },
    { LINK_RAW, "RAW", decode_raw },
    { LINK_SLL, "LINUX_SLL", decode_sll },
    { LINK_SLL2, "LINUX_SLL2", decode_sll2 },
    { LINK_NULL, "NULL", decode_null },
    { LINK_LOOP, "LOOP", decode_null },
    { LINK_PPP, "PPP", decode_ppp },
    { LINK_PPP_HDLC, "PPP_SERIAL", decode_ppp },
    { LINK_PPP_ETHER, "PPP_ETHER", decode_ppp_ether },
    { LINK_CISCO_HDLC, "C_HDLC", decode_cisco_hdlc },
    { LINK_RAW_BSD, "RAW", decode_raw },
    { LINK_RAW_OPENBSD, "RAW", decode_raw },
    { LINK_IPV4, "IPv4", decode_raw },
    { LINK_IPV6, "IPv6", decode_raw },
};

bool link_type_known(uint16_t link_type)
{
    for (size_t i = 0; i < COUNT_OF(links); i++)
        if (links[i].type == link_type)
            return true;
    return false;
}

const char *link_type_name(uint16_t link_type)
{
    for (size_t i = 0; i < COUNT_OF(links); i++)
        if (links[i].type == link_type)
            return links[i].name;
    return "UNKNOWN";
}

void decode_link(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    if (LIKELY(packet->link_type == LINK_ETHERNET)) {
        decode_ethernet(decoder, packet, data);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        if (links[i].type == packet->link_type) {
            links[i].layer(decoder, packet, data);
            return;
        }
    }
    packet->invalid = true;
}
