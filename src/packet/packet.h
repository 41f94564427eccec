/* SPDX-License-Identifier: Apache-2.0 */
/* One packet as decoding sees it: headers as plain records, everything else borrowed from the frame.
 *
 * A packet and all it points to live until the batch ends. A header that is absent is NULL. */
#ifndef VONGLAU_PACKET_PACKET_H
#define VONGLAU_PACKET_PACKET_H

#include "base/address.h"

#define PACKET_VLANS_MAX  3
#define PACKET_EVENTS_MAX 16
#define PACKET_MPLS_MAX   4

/* IP protocol numbers (IANA) that the program names. */
enum ip_protocol {
    IP_HOPOPTS = 0,
    IP_ICMP = 1,
    IP_IGMP = 2,
    IP_IPIP = 4,
    IP_TCP = 6,
    IP_UDP = 17,
    IP_IPV6 = 41,
    IP_ROUTING = 43,
    IP_FRAGMENT = 44,
    IP_GRE = 47,
    IP_ESP = 50,
    IP_AH = 51,
    IP_ICMPV6 = 58,
    IP_NONE = 59,
    IP_DSTOPTS = 60,
    IP_SCTP = 132,
    IP_MOBILITY = 135,
    IP_HIP = 139,
    IP_SHIM6 = 140,
};

/* RFC 791, RFC 8200; one record for both versions. */
struct ip_header {
    uint8_t version, ttl, tos; /* hop limit and traffic class for IPv6 */
    uint8_t protocol;          /* upper layer, after extension headers */
    uint16_t id;               /* IPv4 identification; low half of the IPv6 fragment id */
    uint16_t size;             /* total length (IPv4), payload length (IPv6), bytes, as the header says */
    uint32_t flow_label;       /* IPv6 */
    uint32_t fragment_id;
    uint16_t fragment_offset; /* bytes */
    bool fragment_more, fragment_dont, fragment_reserved, is_fragment;
    struct bytes header;       /* as on the wire, options and extension headers included */
    struct bytes options;      /* IPv4 options */
    uint16_t fragment_at;      /* IPv6 fragments: where in `header` the fragment header is, bytes */
    uint16_t fragment_next_at; /* and the next-header octet that announces it */
    uint32_t option_mask;      /* IPv4 options seen, bit per ipopts name (decode.h) */
    bool checksum_ok;          /* IPv4 header; true when not checked */
};

enum tcp_flag {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    TCP_URG = 32,
    TCP_ECE = 64,
    TCP_CWR = 128,
};

/* RFC 9293 section 3.1. */
struct tcp_header {
    uint16_t src_port, dst_port, window, urgent;
    uint32_t sequence, acknowledgment;
    uint8_t flags, reserved; /* flags: enum tcp_flag; reserved: the four bits */
    bool has_mss, has_wscale, has_timestamp, sack_permitted;
    bool is_signed;     /* carries a signature (RFC 2385, RFC 5925) */
    bool has_fast_open; /* RFC 7413; `fast_open` is the cookie, empty in a request */
    uint8_t wscale;
    uint16_t mss;
    uint32_t timestamp, timestamp_echo;
    struct bytes sack; /* pairs of 32-bit edges */
    struct bytes fast_open;
    struct bytes header, options;
    bool checksum_ok;
};

struct udp_header {
    uint16_t src_port, dst_port, size;
    struct bytes header;
    bool checksum_ok;
};

/* ICMP and ICMPv6. `id`/`sequence` only for messages that have them (`has_id`). */
struct icmp_header {
    uint8_t type, code;
    bool has_id;
    uint16_t id, sequence;
    struct bytes header;
    bool checksum_ok;
    struct bytes quoted; /* the packet inside an error message */
};

struct sctp_header {
    uint16_t src_port, dst_port;
    uint32_t tag;
    struct bytes header;
};

enum tunnel {
    TUNNEL_NONE,
    TUNNEL_IPIP,
    TUNNEL_GRE,
    TUNNEL_ERSPAN,
    TUNNEL_VXLAN,
    TUNNEL_GENEVE,
    TUNNEL_TEREDO,
    TUNNEL_MPLS_ETHERNET
};

enum packet_source { SOURCE_WIRE, SOURCE_DEFRAG, SOURCE_TUNNEL, SOURCE_STREAM, SOURCE_FLOW_TIMEOUT };

struct packet {
    uint64_t time;              /* nanoseconds since 1970 UTC, of the capture */
    uint64_t number;            /* 1-based in a capture file (pcap_cnt); 0 live */
    struct bytes frame;         /* from the link header; inner packets: from their own first header */
    uint32_t wire_size;         /* bytes on the wire */
    bool unchecked;             /* checksums were taken as right: checksum_holds() */
    bool cut;                   /* live capture had no room for all of it */
    bool offloaded;             /* its host left checksums to a network card that it never came to */
    uint16_t link_type;         /* LINKTYPE_ number (pcap) */
    uint8_t source;             /* enum packet_source */
    uint8_t tunnel;             /* enum tunnel this packet was inside of */
    uint8_t recursion;          /* tunnel depth */
    const struct packet *outer; /* the packet that carried it, for tunnels */
    bool carrier;               /* its payload is another packet, which is looked at instead */

    struct bytes ether; /* 14 octets of Ethernet header, or absent */
    uint16_t ether_type;
    uint8_t vlan_count, mpls_count;
    uint16_t vlans[PACKET_VLANS_MAX]; /* ids without priority */

    const struct ip_header *ip;
    const struct tcp_header *tcp;
    const struct udp_header *udp;
    const struct icmp_header *icmp;
    const struct sctp_header *sctp;
    struct bytes arp;            /* from the hardware type on, or absent */
    uint8_t protocol;            /* IP protocol of the transport, valid when ip */
    struct address src, dst;     /* version 0 when there is no IP header */
    uint16_t src_port, dst_port; /* 0 without ports */
    struct bytes payload;        /* of the transport; of IP for other protocols */

    uint8_t event_count;
    uint16_t events[PACKET_EVENTS_MAX]; /* enum decode_event (decode.h) */
    bool invalid;                       /* a header is broken: no flow, no stream */
    bool malformed;                     /* an option or the like is broken; the rest was decoded */
    bool is_ethernet;
    bool has_spi; /* ESP */
    uint32_t spi;
    uint8_t icmp_counterpart; /* ICMP: the type that answers this one, 255 when there is none */
    /* ICMP errors about TCP or UDP: the ends of the quoted packet, as it was sent. */
    bool has_quoted;
    uint8_t quoted_protocol;
    uint16_t quoted_src_port, quoted_dst_port;
    struct address quoted_src, quoted_dst;

    /* Storage behind the header pointers. */
    struct ip_header ip_record;
    union {
        struct tcp_header tcp_record;
        struct udp_header udp_record;
        struct icmp_header icmp_record;
        struct sctp_header sctp_record;
    };
};

#endif
