/* SPDX-License-Identifier: Apache-2.0 */
/* The common members of EVE lines; see eve.h. */
#include "event/eve.h"

#include "base/clock.h"

/* The text of the second that `time` is in; only the fraction's six digits, from 20 on, differ within it. */
static const char *second_text(struct eve_stamp *stamp, uint64_t second)
{
    struct eve_second *kept = &stamp->seconds[second % COUNT_OF(stamp->seconds)];
    if (kept->after != second + 1) {
        struct text text = text_of(kept->text, sizeof kept->text);
        clock_text_eve(second * NS_PER_S, &text);
        kept->after = second + 1;
    }
    return kept->text;
}

/* Writes at a place that has room. */
static inline char *put(char *at, const char *string, size_t size)
{
    memcpy(at, string, size);
    return at + size;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

void eve_put_time(struct eve_stamp *stamp, struct text *out, uint64_t time)
{
    uint64_t second = time / NS_PER_S;
    const char *text = second_text(stamp, second);
    uint32_t fraction = (uint32_t)((time - second * NS_PER_S) / NS_PER_US);
    char *at = text_room(out, EVE_TIME + 3);
    if (!at)
        return;
    at = PUT(at, "\"");
    memcpy(at, text, EVE_TIME);
    memcpy(at + 20, text_pairs + (size_t)(fraction / 10000) * 2, 2);
    memcpy(at + 22, text_pairs + (size_t)(fraction / 100 % 100) * 2, 2);
    memcpy(at + 24, text_pairs + (size_t)(fraction % 100) * 2, 2);
    memcpy(at + EVE_TIME, "\",", 3);
    out->size += EVE_TIME + 3;
}

/* IANA's names as the services files of common systems spell them. */
static const char *const protocol_names[256] = {
    [0] = "HOPOPT",     [1] = "ICMP",   [2] = "IGMP",        [4] = "IP-in-IP",   [5] = "ST",
    [6] = "TCP",        [8] = "EGP",    [9] = "IGP",         [17] = "UDP",       [27] = "RDP",
    [33] = "DCCP",      [41] = "IPv6",  [43] = "IPv6-Route", [44] = "IPv6-Frag", [46] = "RSVP",
    [47] = "GRE",       [50] = "ESP",   [51] = "AH",         [58] = "IPv6-ICMP", [59] = "IPv6-NoNxt",
    [60] = "IPv6-Opts", [88] = "EIGRP", [89] = "OSPFIGP",    [94] = "IPIP",      [97] = "ETHERIP",
    [98] = "ENCAP",     [103] = "PIM",  [108] = "IPCOMP",    [112] = "VRRP",     [115] = "L2TP",
    [124] = "ISIS",     [132] = "SCTP", [133] = "FC",        [136] = "UDPLite",  [137] = "MPLS-in-IP",
};

void eve_put_protocol(struct text *out, uint8_t protocol)
{
    const char *name = protocol_names[protocol];
    if (name)
        json_word(out, NULL, name);
    else
        text_add(out, "\"%03u\",", protocol);
}

void eve_address(struct text *out, const char *key, const struct address *address, bool compress)
{
    json_key(out, key);
    text_char(out, '"');
    if (compress)
        address_text_short(address, out);
    else
        address_text(address, out);
    text_put(out, BYTES_OF("\","));
}

void eve_mac(struct text *out, const char *key, const uint8_t octets[6])
{
    static const char digits[] = "0123456789abcdef";
    char text[18];
    for (size_t i = 0; i < 6; i++) {
        text[i * 3] = digits[octets[i] >> 4];
        text[i * 3 + 1] = digits[octets[i] & 15];
        text[i * 3 + 2] = ':';
    }
    json_string(out, key, bytes_of(text, 17));
}

void eve_printable(struct text *out, const char *key, struct bytes value)
{
    json_key(out, key);
    text_char(out, '"');
    size_t start = 0;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        bool kept = (c >= ' ' && c < 127) || c == '\n' || c == '\r';
        if (kept)
            continue;
        json_escape(out, bytes_of(value.data + start, i - start));
        text_char(out, '.');
        start = i + 1;
    }
    if (value.size > start)
        json_escape(out, bytes_of(value.data + start, value.size - start));
    text_put(out, BYTES_OF("\","));
}

static char *put_v4(char *at, const uint8_t octets[4])
{
    for (unsigned i = 0; i < 4; i++) {
        at = text_octet(at, octets[i]);
        *at++ = '.';
    }
    at[-1] = '"';
    return at;
}

#define ENDS_MAX 100 /* what put_v4_ends() writes at most */

/* The usual ends in one go. */
static void put_v4_ends(const struct eve_header *header, struct text *out)
{
    char *begin = text_room(out, ENDS_MAX), *at = begin;
    if (!begin)
        return;
    at = put_v4(PUT(at, "\"src_ip\":\""), header->src.octets);
    at = text_digits(PUT(at, ",\"src_port\":"), header->src_port);
    at = put_v4(PUT(at, ",\"dest_ip\":\""), header->dst.octets);
    at = text_digits(PUT(at, ",\"dest_port\":"), header->dst_port);
    *at++ = ',';
    text_grow(out, (size_t)(at - begin));
}

static void put_ends(const struct eve_header *header, struct text *out)
{
    if (header->src.version == 0)
        return;
    if (header->src.version == 4 && header->dst.version == 4 && header->has_ports) {
        put_v4_ends(header, out);
    } else {
        eve_address(out, "src_ip", &header->src, header->compress_v6);
        if (header->has_ports)
            json_uint(out, "src_port", header->src_port);
        eve_address(out, "dest_ip", &header->dst, header->compress_v6);
        if (header->has_ports)
            json_uint(out, "dest_port", header->dst_port);
    }
    if (header->version_first && !header->no_version)
        json_uint(out, "ip_v", header->src.version);
    eve_protocol(out, "proto", header->protocol);
    if (!header->version_first && !header->no_version)
        json_uint(out, "ip_v", header->src.version);
    if (header->has_icmp) {
        json_uint(out, "icmp_type", header->icmp_type);
        json_uint(out, "icmp_code", header->icmp_code);
        if (header->has_icmp_back) {
            json_uint(out, "response_icmp_type", header->icmp_type_back);
            json_uint(out, "response_icmp_code", header->icmp_code_back);
        }
    }
    if (header->has_spi)
        json_uint(out, "spi", header->spi);
}

void eve_open(struct eve_stamp *stamp, const struct eve_header *header, struct text *out)
{
    json_open(out, NULL, '{');
    eve_time(stamp, out, "timestamp", header->time);
    if (header->flow_id)
        json_uint(out, "flow_id", header->flow_id);
    if (header->parent_id)
        json_uint(out, "parent_id", header->parent_id);
    if (header->interface)
        json_cstring(out, "in_iface", header->interface);
    if (header->packet_number)
        json_uint(out, "pcap_cnt", header->packet_number);
    json_word(out, "event_type", header->type);
    if (header->vlan_count) {
        json_open(out, "vlan", '[');
        for (size_t i = 0; i < header->vlan_count; i++)
            json_uint(out, NULL, header->vlans[i]);
        json_close(out, ']');
    }
    put_ends(header, out);
    if (header->packet_source)
        json_word(out, "pkt_src", header->packet_source);
    if (header->src_mac && header->dst_mac) {
        json_open(out, "ether", '{');
        eve_mac(out, "dest_mac", header->dst_mac);
        eve_mac(out, "src_mac", header->src_mac);
        json_close(out, '}');
    }
    if (header->community_id)
        json_cstring(out, "community_id", header->community_id);
}
