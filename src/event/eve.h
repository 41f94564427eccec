/* SPDX-License-Identifier: Apache-2.0 */
/* The members that every EVE JSON line begins with, in Suricata's order. */
#ifndef VONGLAU_EVENT_EVE_H
#define VONGLAU_EVENT_EVE_H

#include "base/address.h"
#include "base/json.h"

#define EVE_TIME 31 /* characters of a time */

/* Texts of seconds last written, each at the place that its number gives: a line's own time is most times
 * that of its predecessor, and the beginnings of flows follow each other. */
struct eve_stamp {
    struct eve_second {
        uint64_t after; /* the second's number since 1970 plus one; 0: none */
        char text[EVE_TIME + 1];
    } seconds[8];
};

/* The value of eve_time(). */
void eve_put_time(struct eve_stamp *stamp, struct text *out, uint64_t time);
/* "2026-11-22T03:04:05.123456+0000" as a member. */
JSON_INLINE void eve_time(struct eve_stamp *stamp, struct text *out, const char *key, uint64_t time)
{
    json_key(out, key);
    eve_put_time(stamp, out, time);
}

struct eve_header {
    uint64_t time;                              /* ns since 1970 UTC */
    uint64_t flow_id, parent_id, packet_number; /* 0: left out */
    const char *interface, *type;
    const uint16_t *vlans;
    uint8_t vlan_count;
    struct address src, dst; /* version 0: left out */
    uint16_t src_port, dst_port;
    bool has_ports, has_icmp, has_spi;
    uint8_t protocol; /* IP protocol; written when there are addresses */
    uint8_t icmp_type, icmp_code, icmp_type_back, icmp_code_back;
    bool has_icmp_back; /* a flow's answer had its own type and code */
    bool version_first; /* flow records have ip_v before proto */
    bool no_version, compress_v6;
    uint32_t spi; /* ESP */
    const char *packet_source;
    const uint8_t *src_mac, *dst_mac; /* 6 octets each, or NULL */
    const char *community_id;         /* or NULL */
};

/* Opens the line's object and writes the header; the caller appends members and closes it. */
void eve_open(struct eve_stamp *stamp, const struct eve_header *header, struct text *out);
/* The value of eve_protocol(). */
void eve_put_protocol(struct text *out, uint8_t protocol);
/* "TCP", "UDP", "IPv6-ICMP", ... or the number in three digits. */
JSON_INLINE void eve_protocol(struct text *out, const char *key, uint8_t protocol)
{
    json_key(out, key);
    eve_put_protocol(out, protocol);
}
/* An address as a member; IPv6 in full, or short when `compress`. */
void eve_address(struct text *out, const char *key, const struct address *address, bool compress);
/* "00:11:22:33:44:55" as a member. */
void eve_mac(struct text *out, const char *key, const uint8_t octets[6]);
/* Text with every byte outside printable ASCII as a dot, as in payload_printable. */
void eve_printable(struct text *out, const char *key, struct bytes value);

#endif
