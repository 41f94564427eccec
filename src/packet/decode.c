/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder's frame: names, counters, packets inside packets. */
#include "packet/decode.h"

#include "packet/layers.h"

#define EVENT_NAME_ROW(symbol, name) name,
const char *const decode_event_names[DECODE_EVENT_COUNT] = { DECODE_EVENTS(EVENT_NAME_ROW) };
const struct counter decode_counters[DECODE_COUNTER_COUNT] = { COUNTER_TABLE(DECODE_COUNTERS) };

const char *const ip_option_names[IP_OPTION_COUNT] = {
    [IP_OPTION_RR] = "rr",       [IP_OPTION_LSRR] = "lsrr",
    [IP_OPTION_EOL] = "eol",     [IP_OPTION_NOP] = "nop",
    [IP_OPTION_TS] = "ts",       [IP_OPTION_SEC] = "sec",
    [IP_OPTION_ESEC] = "esec",   [IP_OPTION_SSRR] = "ssrr",
    [IP_OPTION_SATID] = "satid", [IP_OPTION_ROUTER_ALERT] = "rtralt",
    [IP_OPTION_QS] = "qs",       [IP_OPTION_CIPSO] = "cipso",
};

int decode_event_of(struct bytes name)
{
    for (int i = 0; i < DECODE_EVENT_COUNT; i++)
        if (bytes_is(name, decode_event_names[i]))
            return i;
    return -1;
}

void decoder_init(struct decoder *decoder, const struct decode_settings *settings)
{
    memset(decoder, 0, sizeof *decoder);
    if (settings)
        decoder->settings = *settings;
    struct decode_settings *own = &decoder->settings;
    if (!own->layers_max)
        own->layers_max = 16;
    if (!own->vxlan_port_count)
        own->vxlan_ports[own->vxlan_port_count++] = 4789;
    if (!own->geneve_port_count)
        own->geneve_ports[own->geneve_port_count++] = 6081;
    decoder->checksum_check = own->checksums != CHECKSUM_NONE;
}

void packet_event(struct decoder *decoder, struct packet *packet, enum decode_event event)
{
    decoder->event_counts[event]++;
    if (packet->event_count < PACKET_EVENTS_MAX)
        packet->events[packet->event_count++] = (uint16_t)event;
}

void packet_break(struct decoder *decoder, struct packet *packet, enum decode_event event)
{
    packet->invalid = true;
    packet_event(decoder, packet, event);
}

void packet_malformed(struct decoder *decoder, struct packet *packet, enum decode_event event)
{
    packet->malformed = true;
    packet_event(decoder, packet, event);
}

bool layer_enter(struct decoder *decoder, struct packet *packet)
{
    if (LIKELY(decoder->layers++ < decoder->settings.layers_max))
        return true;
    count_one(decoder, DECODE_TOO_MANY_LAYERS);
    packet_break(decoder, packet, DECODE_EVENT_TOO_MANY_LAYERS);
    return false;
}

/* Clears what decoding fills; header records are only read through their pointers. */
static void packet_reset(struct packet *packet)
{
    packet->recursion = 0;
    packet->source = SOURCE_WIRE;
    packet->tunnel = TUNNEL_NONE;
    packet->outer = NULL;
    packet->carrier = false;
    packet->ether = BYTES_NONE;
    packet->ether_type = 0;
    packet->vlan_count = packet->mpls_count = 0;
    packet->ip = NULL;
    packet->tcp = NULL;
    packet->udp = NULL;
    packet->icmp = NULL;
    packet->sctp = NULL;
    packet->arp = BYTES_NONE;
    packet->protocol = 0;
    packet->src = packet->dst = (struct address){ 0 };
    packet->src_port = packet->dst_port = 0;
    packet->payload = BYTES_NONE;
    packet->event_count = 0;
    packet->invalid = packet->malformed = packet->is_ethernet = packet->has_spi = packet->has_quoted = false;
    packet->spi = 0;
    packet->icmp_counterpart = 255;
}

static void packet_done(struct decoder *decoder, struct packet *packet)
{
    if (packet->invalid || packet->malformed)
        count_one(decoder, DECODE_INVALID);
    decoder->packets[decoder->packet_count++] = packet;
}

bool decode_inner(struct decoder *decoder, struct packet *outer, struct bytes data, enum tunnel tunnel,
                  enum packet_source source, layer_fn layer)
{
    if (decoder->inner_count == DECODE_INNER_MAX) {
        count_one(decoder, DECODE_TOO_MANY_LAYERS);
        packet_event(decoder, outer, DECODE_EVENT_TOO_MANY_LAYERS);
        return false;
    }
    struct packet *packet = &decoder->inner[decoder->inner_count++];
    packet_reset(packet);
    packet->offloaded = outer->offloaded;
    packet->unchecked = !decoder->checksum_check || outer->offloaded;
    packet->time = outer->time;
    packet->number = outer->number;
    packet->frame = data;
    packet->wire_size = (uint32_t)data.size;
    packet->link_type = LINK_RAW;
    packet->source = (uint8_t)source;
    packet->tunnel = (uint8_t)tunnel;
    packet->recursion = (uint8_t)(outer->recursion + (source == SOURCE_TUNNEL));
    packet->outer = outer;
    packet->vlan_count = outer->vlan_count;
    memcpy(packet->vlans, outer->vlans, sizeof packet->vlans);
    layer(decoder, packet, data);
    if (packet->invalid && !packet->ip) {
        /* Whoever carried it was no tunnel; nothing inside it can have been kept. */
        packet->invalid = false;
        return false;
    }
    packet_done(decoder, packet);
    outer->carrier |= source == SOURCE_TUNNEL;
    return true;
}

/* Stops checking when the capture's host evidently left checksums to its network card. */
static void checksum_learn(struct decoder *decoder, const struct packet *packet)
{
    decoder->checksum_seen++;
    bool wrong = (packet->tcp && !packet->tcp->checksum_ok) || (packet->udp && !packet->udp->checksum_ok) ||
                 (packet->ip && !packet->ip->checksum_ok);
    decoder->checksum_wrong += wrong;
    if (decoder->checksum_seen == 1000) {
        if (decoder->checksum_wrong > 100)
            decoder->checksum_check = false;
        decoder->settings.checksums = CHECKSUM_ALL;
    }
}

size_t decode(struct decoder *decoder, struct packet *packet)
{
    packet_reset(packet);
    packet->unchecked = !decoder->checksum_check || packet->offloaded;
    decoder->inner_count = decoder->packet_count = 0;
    decoder->layers = 0;
    count_one(decoder, DECODE_PACKETS);
    decoder->counts[DECODE_BYTES] += packet->frame.size;
    if (packet->frame.size > decoder->counts[DECODE_MAX_SIZE])
        decoder->counts[DECODE_MAX_SIZE] = packet->frame.size;
    if (UNLIKELY(packet->cut))
        packet_event(decoder, packet, DECODE_EVENT_AFPACKET_TRUNC_PKT);
    decode_link(decoder, packet, packet->frame);
    packet_done(decoder, packet);
    if (UNLIKELY(decoder->settings.checksums == CHECKSUM_AUTO))
        checksum_learn(decoder, packet);
    return decoder->packet_count;
}

const uint64_t *decoder_counts(struct decoder *decoder)
{
    uint64_t packets = decoder->counts[DECODE_PACKETS];
    decoder->counts[DECODE_AVG_SIZE] = packets ? decoder->counts[DECODE_BYTES] / packets : 0;
    return decoder->counts;
}

const char *packet_source_name(const struct packet *packet)
{
    switch (packet->source) {
    case SOURCE_DEFRAG:
        return "defrag";
    case SOURCE_STREAM:
        return "stream (detect/log)";
    case SOURCE_FLOW_TIMEOUT:
        return "stream (flow timeout)";
    case SOURCE_TUNNEL:
        break;
    default:
        return "wire/pcap";
    }
    switch (packet->tunnel) {
    case TUNNEL_GRE:
    case TUNNEL_ERSPAN:
        return "gre tunnel";
    case TUNNEL_VXLAN:
        return "vxlan encapsulation";
    case TUNNEL_GENEVE:
        return "geneve encapsulation";
    case TUNNEL_TEREDO:
        return "teredo tunnel";
    default:
        return packet->outer && packet->outer->ip && packet->outer->ip->version == 6 ? "ipv6 tunnel"
                                                                                     : "ipv4 tunnel";
    }
}

#define ETHER_HEAD  14U
#define ETHER_IPV4  0x0800U
#define IPV4_HEAD   20U     /* without options */
#define IPV4_PLAIN  0x45U   /* version and size of the header */
#define IPV4_PIECES 0x3fffU /* more fragments, offset */

bool decode_glimpse(uint16_t link_type, struct bytes frame, struct address *src, struct address *dst,
                    uint16_t *src_port, uint16_t *dst_port, uint8_t *protocol)
{
    struct bytes ip = link_type == LINK_ETHERNET ? bytes_from(frame, ETHER_HEAD) : BYTES_NONE;
    if (ip.size < IPV4_HEAD + 4 || load_be16(ip.data - 2) != ETHER_IPV4 || ip.data[0] != IPV4_PLAIN ||
        load_be16(ip.data + 6) & IPV4_PIECES || (ip.data[9] != IP_TCP && ip.data[9] != IP_UDP))
        return false;
    *src = *dst = (struct address){ .version = 4 };
    memcpy(src->octets, ip.data + 12, 4);
    memcpy(dst->octets, ip.data + 16, 4);
    *src_port = load_be16(ip.data + IPV4_HEAD);
    *dst_port = load_be16(ip.data + IPV4_HEAD + 2);
    *protocol = ip.data[9];
    return true;
}
