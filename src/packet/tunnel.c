/* SPDX-License-Identifier: Apache-2.0 */
/* Packets inside packets: GRE with ERSPAN and PPTP, VXLAN, GENEVE, Teredo, NSH. */
#include "packet/layers.h"

/* EtherTypes that GRE carries besides those of Ethernet. */
enum { GRE_PPP = 0x880b, GRE_ERSPAN = 0x88be, GRE_ERSPAN3 = 0x22eb, GRE_ETHERNET = 0x6558, GRE_ARP = 0x0806 };

/* The inner packet of a header that names an EtherType, as a layer function. */
static void decode_inner_vlan(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    decode_ether_type(decoder, packet, 0x8100, data, DECODE_EVENT_COUNT);
}

static layer_fn layer_of_ether_type(uint16_t type)
{
    switch (type) {
    case 0x0800:
        return decode_ipv4;
    case 0x86dd:
        return decode_ipv6;
    case 0x8100:
        return decode_inner_vlan;
    case 0x6558:
        return decode_ethernet;
    case 0x0806:
        return decode_arp;
    default:
        return NULL;
    }
}

/* Cisco's remote mirror, types I (no header), II and III (draft-foschiano-erspan-03). */
static void decode_erspan(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    struct reader r = reader_of_bytes(data);
    uint16_t first = reader_be16(&r);
    reader_skip(&r, 6);
    if (!reader_ok(&r)) {
        packet_break(decoder, packet, DECODE_EVENT_ERSPAN_HEADER_TOO_SMALL);
        return;
    }
    unsigned version = first >> 12;
    if (version == 2) {
        reader_skip(&r, 4);
        uint16_t last = load_be16(data.data + MIN(10U, data.size - 2));
        if (last & 1) /* an optional subheader of eight octets */
            reader_skip(&r, 8);
    } else if (version != 1) {
        packet_break(decoder, packet, DECODE_EVENT_ERSPAN_UNSUPPORTED_VERSION);
        return;
    }
    if (!reader_ok(&r)) {
        packet_break(decoder, packet, DECODE_EVENT_ERSPAN_HEADER_TOO_SMALL);
        return;
    }
    if (first & 0x0fff) { /* the VLAN of the mirrored frame */
        if (packet->vlan_count == PACKET_VLANS_MAX) {
            packet_break(decoder, packet, DECODE_EVENT_ERSPAN_TOO_MANY_VLAN_LAYERS);
            return;
        }
        packet->vlans[packet->vlan_count++] = first & 0x0fff;
    }
    decode_ethernet(decoder, packet, reader_rest(&r));
}

/* Source route entries of RFC 1701: until one without family and length. */
static bool gre_skip_routes(struct reader *r)
{
    for (;;) {
        uint16_t family = reader_be16(r);
        reader_skip(r, 1);
        uint8_t size = reader_u8(r);
        if (!reader_ok(r))
            return false;
        if (!family && !size)
            return true;
        reader_skip(r, size);
    }
}

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_STRICT = 0x0800,
    GRE_RECURSION = 0x0700,
    GRE_ACKNOWLEDGMENT = 0x0080,
    GRE_VERSION = 0x0007,
};

/* RFC 2784 with RFC 1701's and RFC 2890's fields (version 0), RFC 2637 (version 1). */
void decode_gre(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_GRE);
    struct reader r = reader_of_bytes(data);
    uint16_t flags = reader_be16(&r), type = reader_be16(&r);
    if (!reader_ok(&r)) {
        packet_break(decoder, packet, DECODE_EVENT_GRE_PKT_TOO_SMALL);
        return;
    }
    enum decode_event event = DECODE_EVENT_COUNT;
    switch (flags & GRE_VERSION) {
    case 0:
        if (flags & GRE_RECURSION)
            event = DECODE_EVENT_GRE_VERSION0_RECUR;
        else if (flags & 0x00f8)
            event = DECODE_EVENT_GRE_VERSION0_FLAGS;
        if (flags & (GRE_CHECKSUM | GRE_ROUTING))
            reader_skip(&r, 4);
        if (flags & GRE_KEY)
            reader_skip(&r, 4);
        if (flags & GRE_SEQUENCE)
            reader_skip(&r, 4);
        if (event == DECODE_EVENT_COUNT && !reader_ok(&r))
            event = DECODE_EVENT_GRE_VERSION0_HDR_TOO_BIG;
        if (event == DECODE_EVENT_COUNT && flags & GRE_ROUTING && !gre_skip_routes(&r))
            event = DECODE_EVENT_GRE_VERSION0_MALFORMED_SRE_HDR;
        break;
    case 1:
        if (flags & GRE_CHECKSUM)
            event = DECODE_EVENT_GRE_VERSION1_CHKSUM;
        else if (flags & GRE_ROUTING)
            event = DECODE_EVENT_GRE_VERSION1_ROUTE;
        else if (flags & GRE_STRICT)
            event = DECODE_EVENT_GRE_VERSION1_SSR;
        else if (flags & GRE_RECURSION)
            event = DECODE_EVENT_GRE_VERSION1_RECUR;
        else if (flags & 0x0078)
            event = DECODE_EVENT_GRE_VERSION1_FLAGS;
        else if (type != GRE_PPP)
            event = DECODE_EVENT_GRE_VERSION1_WRONG_PROTOCOL;
        else if (!(flags & GRE_KEY))
            event = DECODE_EVENT_GRE_VERSION1_NO_KEY;
        reader_skip(&r, 4);
        if (flags & GRE_SEQUENCE)
            reader_skip(&r, 4);
        if (flags & GRE_ACKNOWLEDGMENT)
            reader_skip(&r, 4);
        if (event == DECODE_EVENT_COUNT && !reader_ok(&r))
            event = DECODE_EVENT_GRE_VERSION1_HDR_TOO_BIG;
        break;
    default:
        event = DECODE_EVENT_GRE_WRONG_VERSION;
    }
    if (event != DECODE_EVENT_COUNT) {
        packet_break(decoder, packet, event);
        return;
    }
    struct bytes inner = reader_peek(&r);
    switch (type) {
    case GRE_PPP:
        if (inner.size)
            (void)decode_inner(decoder, packet, inner, TUNNEL_GRE, SOURCE_TUNNEL, decode_ppp);
        break;
    case GRE_ERSPAN:
    case GRE_ERSPAN3:
        if (decoder->settings.no_erspan)
            break;
        count_one(decoder, DECODE_ERSPAN);
        /* Without a sequence number there is no ERSPAN header either: type I. */
        (void)decode_inner(decoder, packet, inner, TUNNEL_ERSPAN, SOURCE_TUNNEL,
                           flags & GRE_SEQUENCE || type == GRE_ERSPAN3 ? decode_erspan : decode_ethernet);
        break;
    default: {
        layer_fn layer = layer_of_ether_type(type);
        if (layer)
            (void)decode_inner(decoder, packet, inner, TUNNEL_GRE, SOURCE_TUNNEL, layer);
    }
    }
}

static bool port_in(uint16_t port, const uint16_t *ports, uint8_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* RFC 7348 section 5: flags, network identifier, an Ethernet frame. */
static bool decode_vxlan(struct decoder *decoder, struct packet *packet, struct bytes payload)
{
    if (payload.size < 8 + 14 || !(payload.data[0] & 0x08))
        return false;
    bool reserved = payload.data[0] != 0x08 || load_be32(payload.data) & 0xffffff || payload.data[7];
    if (reserved && !decoder->settings.vxlan_reserved_ignored)
        return false;
    layer_fn layer = layer_of_ether_type(load_be16(payload.data + 8 + 12));
    if (!layer) {
        packet_event(decoder, packet, DECODE_EVENT_VXLAN_UNKNOWN_PAYLOAD_TYPE);
        return false;
    }
    /* The inner Ethernet header belongs to the encapsulation: the packet begins after it. */
    if (!decode_inner(decoder, packet, bytes_from(payload, 8 + 14), TUNNEL_VXLAN, SOURCE_TUNNEL, layer))
        return false;
    count_one(decoder, DECODE_VXLAN);
    return true;
}

/* RFC 8926 section 3.4: version and option length, protocol, identifier, options. */
static bool decode_geneve(struct decoder *decoder, struct packet *packet, struct bytes payload)
{
    if (payload.size < 8 || payload.data[0] >> 6 != 0 || payload.data[1] & 0x3f || payload.data[7])
        return false;
    size_t header_size = 8 + (payload.data[0] & 0x3fU) * 4;
    if (header_size > payload.size)
        return false;
    struct reader options = reader_of(payload.data + 8, header_size - 8);
    while (!reader_empty(&options)) {
        reader_skip(&options, 3);
        reader_skip(&options, (reader_u8(&options) & 0x1fU) * 4);
    }
    if (!reader_ok(&options))
        return false;
    layer_fn layer = layer_of_ether_type(load_be16(payload.data + 2));
    if (!layer) {
        packet_event(decoder, packet, DECODE_EVENT_GENEVE_UNKNOWN_PAYLOAD_TYPE);
        return false;
    }
    if (!decode_inner(decoder, packet, bytes_from(payload, header_size), TUNNEL_GENEVE, SOURCE_TUNNEL, layer))
        return false;
    count_one(decoder, DECODE_GENEVE);
    return true;
}

/* RFC 4380 section 5.1.1: authentication and origin indication, both optional, then IPv6. */
static bool decode_teredo(struct decoder *decoder, struct packet *packet, struct bytes payload)
{
    if (payload.size >= 4 && payload.data[0] == 0 && payload.data[1] == 1) {
        size_t size = 13U + payload.data[2] + payload.data[3];
        if (size > payload.size)
            return false;
        payload = bytes_from(payload, size);
    }
    if (payload.size >= 8 && payload.data[0] == 0 && payload.data[1] == 0)
        payload = bytes_from(payload, 8);
    /* Nothing marks the protocol: only a whole IPv6 packet with a known upper layer is taken for one. */
    if (payload.size < 40 || payload.data[0] >> 4 != 6 || load_be16(payload.data + 4) + 40U != payload.size)
        return false;
    switch (payload.data[6]) {
    case IP_HOPOPTS:
    case IP_TCP:
    case IP_UDP:
    case IP_ROUTING:
    case IP_FRAGMENT:
    case IP_ESP:
    case IP_AH:
    case IP_ICMPV6:
    case IP_NONE:
    case IP_DSTOPTS:
        break;
    default:
        return false;
    }
    if (payload.data[7] == 0) /* hop limit */
        return false;
    size_t before = decoder->packet_count, inner_before = decoder->inner_count;
    if (!decode_inner(decoder, packet, payload, TUNNEL_TEREDO, SOURCE_TUNNEL, decode_ipv6))
        return false;
    if (decoder->inner[inner_before].invalid) { /* it only looked like one */
        decoder->packet_count = before;
        return false;
    }
    count_one(decoder, DECODE_TEREDO);
    return true;
}

bool decode_udp_tunnel(struct decoder *decoder, struct packet *packet, struct bytes payload)
{
    const struct decode_settings *settings = &decoder->settings;
    if (payload.size < 8)
        return false;
    if (!settings->no_vxlan && port_in(packet->dst_port, settings->vxlan_ports, settings->vxlan_port_count))
        return decode_vxlan(decoder, packet, payload);
    if (!settings->no_geneve &&
        port_in(packet->dst_port, settings->geneve_ports, settings->geneve_port_count))
        return decode_geneve(decoder, packet, payload);
    if (settings->no_teredo || payload.size < 40)
        return false;
    if (settings->teredo_port_count &&
        !port_in(packet->dst_port, settings->teredo_ports, settings->teredo_port_count) &&
        !port_in(packet->src_port, settings->teredo_ports, settings->teredo_port_count))
        return false;
    if (payload.data[0] >> 4 != 6 && payload.data[0] != 0)
        return false;
    return decode_teredo(decoder, packet, payload);
}

/* RFC 8300 section 2: base header, service path, metadata, then the packet that its type names. */
void decode_nsh(struct decoder *decoder, struct packet *packet, struct bytes data)
{
    count_one(decoder, DECODE_NSH);
    if (!layer_enter(decoder, packet))
        return;
    if (data.size < 8) {
        packet_break(decoder, packet, DECODE_EVENT_NSH_HEADER_TOO_SMALL);
        return;
    }
    uint16_t first = load_be16(data.data);
    size_t size = (first & 0x3fU) * 4;
    uint8_t metadata = data.data[2] & 15, next = data.data[3];
    if (first >> 14) {
        packet_break(decoder, packet, DECODE_EVENT_NSH_UNSUPPORTED_VERSION);
        return;
    }
    if (metadata == 0 || metadata == 15) {
        packet_event(decoder, packet, DECODE_EVENT_NSH_RESERVED_TYPE);
    } else if (metadata > 2) {
        packet_event(decoder, packet, DECODE_EVENT_NSH_UNSUPPORTED_TYPE);
    } else if (size < 8 || (metadata == 1 && size != 24)) {
        packet_break(decoder, packet, DECODE_EVENT_NSH_BAD_HEADER_LENGTH);
        return;
    }
    if (size < 8 || size >= data.size) {
        packet_break(decoder, packet, DECODE_EVENT_NSH_BAD_HEADER_LENGTH);
        return;
    }
    struct bytes rest = bytes_from(data, size);
    switch (next) {
    case 1:
        decode_ipv4(decoder, packet, rest);
        break;
    case 2:
        decode_ipv6(decoder, packet, rest);
        break;
    case 3:
        decode_ethernet(decoder, packet, rest);
        break;
    case 5:
        decode_ether_type(decoder, packet, 0x8847, rest, DECODE_EVENT_COUNT);
        break;
    default:
        packet_event(decoder, packet, DECODE_EVENT_NSH_UNKNOWN_PAYLOAD);
    }
}
