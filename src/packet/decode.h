/* SPDX-License-Identifier: Apache-2.0 */
/* From frames to packets: link layers, tunnels, IPv4 and IPv6, and the transports.
 *
 * One frame can hold several packets, one inside the other. Everything is borrowed from the frame, or,
 * for a reassembled packet, from whoever reassembled it. Nothing is allocated per packet. */
#ifndef VONGLAU_PACKET_DECODE_H
#define VONGLAU_PACKET_DECODE_H

#include "base/counter.h"
#include "packet/packet.h"

/* Names are those of the rule keyword decode-event. */
#define DECODE_EVENTS(X)                                                                     \
    X(DECODE_EVENT_AFPACKET_TRUNC_PKT, "afpacket.trunc_pkt")                                 \
    X(DECODE_EVENT_IPV4_PKT_TOO_SMALL, "ipv4.pkt_too_small")                                 \
    X(DECODE_EVENT_IPV4_HLEN_TOO_SMALL, "ipv4.hlen_too_small")                               \
    X(DECODE_EVENT_IPV4_IPLEN_SMALLER_THAN_HLEN, "ipv4.iplen_smaller_than_hlen")             \
    X(DECODE_EVENT_IPV4_TRUNC_PKT, "ipv4.trunc_pkt")                                         \
    X(DECODE_EVENT_IPV4_OPT_INVALID, "ipv4.opt_invalid")                                     \
    X(DECODE_EVENT_IPV4_OPT_INVALID_LEN, "ipv4.opt_invalid_len")                             \
    X(DECODE_EVENT_IPV4_OPT_MALFORMED, "ipv4.opt_malformed")                                 \
    X(DECODE_EVENT_IPV4_OPT_PAD_REQUIRED, "ipv4.opt_pad_required")                           \
    X(DECODE_EVENT_IPV4_OPT_EOL_REQUIRED, "ipv4.opt_eol_required")                           \
    X(DECODE_EVENT_IPV4_OPT_DUPLICATE, "ipv4.opt_duplicate")                                 \
    X(DECODE_EVENT_IPV4_OPT_UNKNOWN, "ipv4.opt_unknown")                                     \
    X(DECODE_EVENT_IPV4_WRONG_IP_VERSION, "ipv4.wrong_ip_version")                           \
    X(DECODE_EVENT_IPV4_ICMPV6, "ipv4.icmpv6")                                               \
    X(DECODE_EVENT_IPV4_FRAG_PKT_TOO_LARGE, "ipv4.frag_pkt_too_large")                       \
    X(DECODE_EVENT_IPV4_FRAG_OVERLAP, "ipv4.frag_overlap")                                   \
    X(DECODE_EVENT_IPV4_FRAG_IGNORED, "ipv4.frag_ignored")                                   \
    X(DECODE_EVENT_ICMPV4_PKT_TOO_SMALL, "icmpv4.pkt_too_small")                             \
    X(DECODE_EVENT_ICMPV4_UNKNOWN_TYPE, "icmpv4.unknown_type")                               \
    X(DECODE_EVENT_ICMPV4_UNKNOWN_CODE, "icmpv4.unknown_code")                               \
    X(DECODE_EVENT_ICMPV4_IPV4_TRUNC_PKT, "icmpv4.ipv4_trunc_pkt")                           \
    X(DECODE_EVENT_ICMPV4_IPV4_UNKNOWN_VER, "icmpv4.ipv4_unknown_ver")                       \
    X(DECODE_EVENT_ICMPV6_PKT_TOO_SMALL, "icmpv6.pkt_too_small")                             \
    X(DECODE_EVENT_ICMPV6_UNKNOWN_TYPE, "icmpv6.unknown_type")                               \
    X(DECODE_EVENT_ICMPV6_UNKNOWN_CODE, "icmpv6.unknown_code")                               \
    X(DECODE_EVENT_ICMPV6_IPV6_UNKNOWN_VERSION, "icmpv6.ipv6_unknown_version")               \
    X(DECODE_EVENT_ICMPV6_IPV6_TRUNC_PKT, "icmpv6.ipv6_trunc_pkt")                           \
    X(DECODE_EVENT_ICMPV6_MLD_MESSAGE_WITH_INVALID_HL, "icmpv6.mld_message_with_invalid_hl") \
    X(DECODE_EVENT_ICMPV6_UNASSIGNED_TYPE, "icmpv6.unassigned_type")                         \
    X(DECODE_EVENT_ICMPV6_EXPERIMENTATION_TYPE, "icmpv6.experimentation_type")               \
    X(DECODE_EVENT_IPV6_PKT_TOO_SMALL, "ipv6.pkt_too_small")                                 \
    X(DECODE_EVENT_IPV6_TRUNC_PKT, "ipv6.trunc_pkt")                                         \
    X(DECODE_EVENT_IPV6_TRUNC_EXTHDR, "ipv6.trunc_exthdr")                                   \
    X(DECODE_EVENT_IPV6_EXTHDR_DUPL_FH, "ipv6.exthdr_dupl_fh")                               \
    X(DECODE_EVENT_IPV6_EXTHDR_USELESS_FH, "ipv6.exthdr_useless_fh")                         \
    X(DECODE_EVENT_IPV6_EXTHDR_DUPL_RH, "ipv6.exthdr_dupl_rh")                               \
    X(DECODE_EVENT_IPV6_EXTHDR_DUPL_HH, "ipv6.exthdr_dupl_hh")                               \
    X(DECODE_EVENT_IPV6_EXTHDR_DUPL_DH, "ipv6.exthdr_dupl_dh")                               \
    X(DECODE_EVENT_IPV6_EXTHDR_DUPL_AH, "ipv6.exthdr_dupl_ah")                               \
    X(DECODE_EVENT_IPV6_EXTHDR_DUPL_EH, "ipv6.exthdr_dupl_eh")                               \
    X(DECODE_EVENT_IPV6_EXTHDR_INVALID_OPTLEN, "ipv6.exthdr_invalid_optlen")                 \
    X(DECODE_EVENT_IPV6_WRONG_IP_VERSION, "ipv6.wrong_ip_version")                           \
    X(DECODE_EVENT_IPV6_EXTHDR_AH_RES_NOT_NULL, "ipv6.exthdr_ah_res_not_null")               \
    X(DECODE_EVENT_IPV6_HOPOPTS_UNKNOWN_OPT, "ipv6.hopopts_unknown_opt")                     \
    X(DECODE_EVENT_IPV6_HOPOPTS_ONLY_PADDING, "ipv6.hopopts_only_padding")                   \
    X(DECODE_EVENT_IPV6_DSTOPTS_UNKNOWN_OPT, "ipv6.dstopts_unknown_opt")                     \
    X(DECODE_EVENT_IPV6_DSTOPTS_ONLY_PADDING, "ipv6.dstopts_only_padding")                   \
    X(DECODE_EVENT_IPV6_RH_TYPE_0, "ipv6.rh_type_0")                                         \
    X(DECODE_EVENT_IPV6_ZERO_LEN_PADN, "ipv6.zero_len_padn")                                 \
    X(DECODE_EVENT_IPV6_FH_NON_ZERO_RESERVED_FIELD, "ipv6.fh_non_zero_reserved_field")       \
    X(DECODE_EVENT_IPV6_DATA_AFTER_NONE_HEADER, "ipv6.data_after_none_header")               \
    X(DECODE_EVENT_IPV6_UNKNOWN_NEXT_HEADER, "ipv6.unknown_next_header")                     \
    X(DECODE_EVENT_IPV6_ICMPV4, "ipv6.icmpv4")                                               \
    X(DECODE_EVENT_IPV6_FRAG_PKT_TOO_LARGE, "ipv6.frag_pkt_too_large")                       \
    X(DECODE_EVENT_IPV6_FRAG_OVERLAP, "ipv6.frag_overlap")                                   \
    X(DECODE_EVENT_IPV6_FRAG_INVALID_LENGTH, "ipv6.frag_invalid_length")                     \
    X(DECODE_EVENT_IPV6_FRAG_IGNORED, "ipv6.frag_ignored")                                   \
    X(DECODE_EVENT_IPV6_IPV4_IN_IPV6_TOO_SMALL, "ipv6.ipv4_in_ipv6_too_small")               \
    X(DECODE_EVENT_IPV6_IPV4_IN_IPV6_WRONG_VERSION, "ipv6.ipv4_in_ipv6_wrong_version")       \
    X(DECODE_EVENT_IPV6_IPV6_IN_IPV6_TOO_SMALL, "ipv6.ipv6_in_ipv6_too_small")               \
    X(DECODE_EVENT_IPV6_IPV6_IN_IPV6_WRONG_VERSION, "ipv6.ipv6_in_ipv6_wrong_version")       \
    X(DECODE_EVENT_TCP_PKT_TOO_SMALL, "tcp.pkt_too_small")                                   \
    X(DECODE_EVENT_TCP_HLEN_TOO_SMALL, "tcp.hlen_too_small")                                 \
    X(DECODE_EVENT_TCP_INVALID_OPTLEN, "tcp.invalid_optlen")                                 \
    X(DECODE_EVENT_TCP_OPT_INVALID_LEN, "tcp.opt_invalid_len")                               \
    X(DECODE_EVENT_TCP_OPT_DUPLICATE, "tcp.opt_duplicate")                                   \
    X(DECODE_EVENT_TCP_OPT_WSCALE_OVER_MAX, "tcp.opt_wscale_over_max")                       \
    X(DECODE_EVENT_UDP_PKT_TOO_SMALL, "udp.pkt_too_small")                                   \
    X(DECODE_EVENT_UDP_HLEN_TOO_SMALL, "udp.hlen_too_small")                                 \
    X(DECODE_EVENT_UDP_LEN_INVALID, "udp.len_invalid")                                       \
    X(DECODE_EVENT_SLL_PKT_TOO_SMALL, "sll.pkt_too_small")                                   \
    X(DECODE_EVENT_SLL2_PKT_TOO_SMALL, "sll2.pkt_too_small")                                 \
    X(DECODE_EVENT_ETHERNET_PKT_TOO_SMALL, "ethernet.pkt_too_small")                         \
    X(DECODE_EVENT_ETHERNET_UNKNOWN_ETHERTYPE, "ethernet.unknown_ethertype")                 \
    X(DECODE_EVENT_PPP_PKT_TOO_SMALL, "ppp.pkt_too_small")                                   \
    X(DECODE_EVENT_PPP_VJU_PKT_TOO_SMALL, "ppp.vju_pkt_too_small")                           \
    X(DECODE_EVENT_PPP_IP4_PKT_TOO_SMALL, "ppp.ip4_pkt_too_small")                           \
    X(DECODE_EVENT_PPP_IP6_PKT_TOO_SMALL, "ppp.ip6_pkt_too_small")                           \
    X(DECODE_EVENT_PPP_WRONG_TYPE, "ppp.wrong_type")                                         \
    X(DECODE_EVENT_PPP_UNSUP_PROTO, "ppp.unsup_proto")                                       \
    X(DECODE_EVENT_PPPOE_PKT_TOO_SMALL, "pppoe.pkt_too_small")                               \
    X(DECODE_EVENT_PPPOE_WRONG_CODE, "pppoe.wrong_code")                                     \
    X(DECODE_EVENT_PPPOE_MALFORMED_TAGS, "pppoe.malformed_tags")                             \
    X(DECODE_EVENT_GRE_PKT_TOO_SMALL, "gre.pkt_too_small")                                   \
    X(DECODE_EVENT_GRE_WRONG_VERSION, "gre.wrong_version")                                   \
    X(DECODE_EVENT_GRE_VERSION0_RECUR, "gre.version0_recur")                                 \
    X(DECODE_EVENT_GRE_VERSION0_FLAGS, "gre.version0_flags")                                 \
    X(DECODE_EVENT_GRE_VERSION0_HDR_TOO_BIG, "gre.version0_hdr_too_big")                     \
    X(DECODE_EVENT_GRE_VERSION0_MALFORMED_SRE_HDR, "gre.version0_malformed_sre_hdr")         \
    X(DECODE_EVENT_GRE_VERSION1_CHKSUM, "gre.version1_chksum")                               \
    X(DECODE_EVENT_GRE_VERSION1_ROUTE, "gre.version1_route")                                 \
    X(DECODE_EVENT_GRE_VERSION1_SSR, "gre.version1_ssr")                                     \
    X(DECODE_EVENT_GRE_VERSION1_RECUR, "gre.version1_recur")                                 \
    X(DECODE_EVENT_GRE_VERSION1_FLAGS, "gre.version1_flags")                                 \
    X(DECODE_EVENT_GRE_VERSION1_NO_KEY, "gre.version1_no_key")                               \
    X(DECODE_EVENT_GRE_VERSION1_WRONG_PROTOCOL, "gre.version1_wrong_protocol")               \
    X(DECODE_EVENT_GRE_VERSION1_MALFORMED_SRE_HDR, "gre.version1_malformed_sre_hdr")         \
    X(DECODE_EVENT_GRE_VERSION1_HDR_TOO_BIG, "gre.version1_hdr_too_big")                     \
    X(DECODE_EVENT_VLAN_HEADER_TOO_SMALL, "vlan.header_too_small")                           \
    X(DECODE_EVENT_VLAN_UNKNOWN_TYPE, "vlan.unknown_type")                                   \
    X(DECODE_EVENT_VLAN_TOO_MANY_LAYERS, "vlan.too_many_layers")                             \
    X(DECODE_EVENT_IEEE8021AH_HEADER_TOO_SMALL, "ieee8021ah.header_too_small")               \
    X(DECODE_EVENT_VNTAG_HEADER_TOO_SMALL, "vntag.header_too_small")                         \
    X(DECODE_EVENT_VNTAG_UNKNOWN_TYPE, "vntag.unknown_type")                                 \
    X(DECODE_EVENT_ETAG_HEADER_TOO_SMALL, "etag.header_too_small")                           \
    X(DECODE_EVENT_ETAG_UNKNOWN_TYPE, "etag.unknown_type")                                   \
    X(DECODE_EVENT_IPRAW_INVALID_IP_VERSION, "ipraw.invalid_ip_version")                     \
    X(DECODE_EVENT_LTNULL_PKT_TOO_SMALL, "ltnull.pkt_too_small")                             \
    X(DECODE_EVENT_LTNULL_UNSUPPORTED_TYPE, "ltnull.unsupported_type")                       \
    X(DECODE_EVENT_SCTP_PKT_TOO_SMALL, "sctp.pkt_too_small")                                 \
    X(DECODE_EVENT_SCTP_CHUNK_TOO_SMALL, "sctp.chunk_too_small")                             \
    X(DECODE_EVENT_SCTP_CHUNK_LEN_INVALID, "sctp.chunk_len_invalid")                         \
    X(DECODE_EVENT_SCTP_INIT_CHUNK_NOT_ALONE, "sctp.init_chunk_not_alone")                   \
    X(DECODE_EVENT_SCTP_INIT_WITH_NON_ZERO_VTAG, "sctp.init_with_non_zero_vtag")             \
    X(DECODE_EVENT_SCTP_DATA_WITH_ZERO_VTAG, "sctp.data_with_zero_vtag")                     \
    X(DECODE_EVENT_ESP_PKT_TOO_SMALL, "esp.pkt_too_small")                                   \
    X(DECODE_EVENT_MPLS_HEADER_TOO_SMALL, "mpls.header_too_small")                           \
    X(DECODE_EVENT_MPLS_PKT_TOO_SMALL, "mpls.pkt_too_small")                                 \
    X(DECODE_EVENT_MPLS_BAD_LABEL_ROUTER_ALERT, "mpls.bad_label_router_alert")               \
    X(DECODE_EVENT_MPLS_BAD_LABEL_IMPLICIT_NULL, "mpls.bad_label_implicit_null")             \
    X(DECODE_EVENT_MPLS_BAD_LABEL_RESERVED, "mpls.bad_label_reserved")                       \
    X(DECODE_EVENT_MPLS_UNKNOWN_PAYLOAD_TYPE, "mpls.unknown_payload_type")                   \
    X(DECODE_EVENT_VXLAN_UNKNOWN_PAYLOAD_TYPE, "vxlan.unknown_payload_type")                 \
    X(DECODE_EVENT_GENEVE_UNKNOWN_PAYLOAD_TYPE, "geneve.unknown_payload_type")               \
    X(DECODE_EVENT_ERSPAN_HEADER_TOO_SMALL, "erspan.header_too_small")                       \
    X(DECODE_EVENT_ERSPAN_UNSUPPORTED_VERSION, "erspan.unsupported_version")                 \
    X(DECODE_EVENT_ERSPAN_TOO_MANY_VLAN_LAYERS, "erspan.too_many_vlan_layers")               \
    X(DECODE_EVENT_DCE_PKT_TOO_SMALL, "dce.pkt_too_small")                                   \
    X(DECODE_EVENT_CHDLC_PKT_TOO_SMALL, "chdlc.pkt_too_small")                               \
    X(DECODE_EVENT_NSH_HEADER_TOO_SMALL, "nsh.header_too_small")                             \
    X(DECODE_EVENT_NSH_UNSUPPORTED_VERSION, "nsh.unsupported_version")                       \
    X(DECODE_EVENT_NSH_BAD_HEADER_LENGTH, "nsh.bad_header_length")                           \
    X(DECODE_EVENT_NSH_RESERVED_TYPE, "nsh.reserved_type")                                   \
    X(DECODE_EVENT_NSH_UNSUPPORTED_TYPE, "nsh.unsupported_type")                             \
    X(DECODE_EVENT_NSH_UNKNOWN_PAYLOAD, "nsh.unknown_payload")                               \
    X(DECODE_EVENT_IGMP_PKT_TOO_SMALL, "igmp.pkt_too_small")                                 \
    X(DECODE_EVENT_IGMP_MALFORMED, "igmp.malformed")                                         \
    X(DECODE_EVENT_IGMP_V3_PKT_TOO_SMALL, "igmp.v3_pkt_too_small")                           \
    X(DECODE_EVENT_ARP_PKT_TOO_SMALL, "arp.pkt_too_small")                                   \
    X(DECODE_EVENT_ARP_UNSUPPORTED_HARDWARE, "arp.unsupported_hardware")                     \
    X(DECODE_EVENT_ARP_UNSUPPORTED_PROTOCOL, "arp.unsupported_protocol")                     \
    X(DECODE_EVENT_ARP_INVALID_PKT, "arp.invalid_pkt")                                       \
    X(DECODE_EVENT_ARP_INVALID_HARDWARE_SIZE, "arp.invalid_hardware_size")                   \
    X(DECODE_EVENT_ARP_INVALID_PROTOCOL_SIZE, "arp.invalid_protocol_size")                   \
    X(DECODE_EVENT_ARP_UNSUPPORTED_OPCODE, "arp.unsupported_opcode")                         \
    X(DECODE_EVENT_TOO_MANY_LAYERS, "too_many_layers")

#define DECODE_EVENT_ROW(symbol, name) symbol,
enum decode_event { DECODE_EVENTS(DECODE_EVENT_ROW) DECODE_EVENT_COUNT };
#undef DECODE_EVENT_ROW

extern const char *const decode_event_names[DECODE_EVENT_COUNT];
/* The number of an event by its name, or -1. */
int decode_event_of(struct bytes name);

/* IPv4 options by their names in the rule keyword ipopts; bits of ip_header.option_mask. */
enum ip_option {
    IP_OPTION_RR,
    IP_OPTION_LSRR,
    IP_OPTION_EOL,
    IP_OPTION_NOP,
    IP_OPTION_TS,
    IP_OPTION_SEC,
    IP_OPTION_ESEC,
    IP_OPTION_SSRR,
    IP_OPTION_SATID,
    IP_OPTION_ROUTER_ALERT,
    IP_OPTION_QS,
    IP_OPTION_CIPSO,
    IP_OPTION_OTHER,
    IP_OPTION_COUNT
};
/* NULL where the keyword has no name. */
extern const char *const ip_option_names[IP_OPTION_COUNT];

#define DECODE_COUNTERS(X)                                                                                 \
    X(DECODE_PACKETS, "decoder.pkts", "Packets decoded")                                                   \
    X(DECODE_BYTES, "decoder.bytes", "Bytes of packets decoded")                                           \
    X(DECODE_INVALID, "decoder.invalid", "Packets with a broken header")                                   \
    X(DECODE_IPV4, "decoder.ipv4", "IPv4 packets")                                                         \
    X(DECODE_IPV6, "decoder.ipv6", "IPv6 packets")                                                         \
    X(DECODE_ETHERNET, "decoder.ethernet", "Ethernet frames")                                              \
    X(DECODE_ARP, "decoder.arp", "ARP packets")                                                            \
    X(DECODE_UNKNOWN_ETHERTYPE, "decoder.unknown_ethertype", "Frames of an EtherType that is not decoded") \
    X(DECODE_CHDLC, "decoder.chdlc", "Cisco HDLC frames")                                                  \
    X(DECODE_RAW, "decoder.raw", "Packets without a link header")                                          \
    X(DECODE_NULL, "decoder.null", "BSD loopback frames")                                                  \
    X(DECODE_SLL, "decoder.sll", "Linux cooked frames")                                                    \
    X(DECODE_SLL2, "decoder.sll2", "Linux cooked frames, version 2")                                       \
    X(DECODE_TCP, "decoder.tcp", "TCP segments")                                                           \
    X(DECODE_UDP, "decoder.udp", "UDP datagrams")                                                          \
    X(DECODE_SCTP, "decoder.sctp", "SCTP packets")                                                         \
    X(DECODE_ESP, "decoder.esp", "ESP packets")                                                            \
    X(DECODE_AH, "decoder.ah", "Authentication Header packets over IPv4")                                  \
    X(DECODE_ICMPV4, "decoder.icmpv4", "ICMP messages")                                                    \
    X(DECODE_ICMPV6, "decoder.icmpv6", "ICMPv6 messages")                                                  \
    X(DECODE_IGMP, "decoder.igmp", "IGMP messages")                                                        \
    X(DECODE_PPP, "decoder.ppp", "PPP frames")                                                             \
    X(DECODE_PPPOE, "decoder.pppoe", "PPPoE frames")                                                       \
    X(DECODE_GENEVE, "decoder.geneve", "GENEVE datagrams")                                                 \
    X(DECODE_GRE, "decoder.gre", "GRE packets")                                                            \
    X(DECODE_VLAN, "decoder.vlan", "Frames with a VLAN tag")                                               \
    X(DECODE_VLAN_QINQ, "decoder.vlan_qinq", "Frames with two VLAN tags")                                  \
    X(DECODE_VLAN_QINQINQ, "decoder.vlan_qinqinq", "Frames with three VLAN tags")                          \
    X(DECODE_VXLAN, "decoder.vxlan", "VXLAN datagrams")                                                    \
    X(DECODE_VNTAG, "decoder.vntag", "Frames with a VN-Tag")                                               \
    X(DECODE_ETAG, "decoder.etag", "Frames with an E-Tag")                                                 \
    X(DECODE_IEEE8021AH, "decoder.ieee8021ah", "Provider backbone bridge frames")                          \
    X(DECODE_TEREDO, "decoder.teredo", "Teredo datagrams")                                                 \
    X(DECODE_IPV4_IN_IPV4, "decoder.ipv4_in_ipv4", "IPv4 packets inside IPv4")                             \
    X(DECODE_IPV6_IN_IPV4, "decoder.ipv6_in_ipv4", "IPv6 packets inside IPv4")                             \
    X(DECODE_IPV4_IN_IPV6, "decoder.ipv4_in_ipv6", "IPv4 packets inside IPv6")                             \
    X(DECODE_IPV6_IN_IPV6, "decoder.ipv6_in_ipv6", "IPv6 packets inside IPv6")                             \
    X(DECODE_MPLS, "decoder.mpls", "Frames with MPLS labels")                                              \
    X(DECODE_MAX_MAC_SRC, "decoder.max_mac_addrs_src", "Most source MAC addresses in one flow")            \
    X(DECODE_MAX_MAC_DST, "decoder.max_mac_addrs_dst", "Most destination MAC addresses in one flow")       \
    X(DECODE_AVG_SIZE, "decoder.avg_pkt_size", "Average size of a packet, in bytes")                       \
    X(DECODE_MAX_SIZE, "decoder.max_pkt_size", "Largest packet, in bytes")                                 \
    X(DECODE_ERSPAN, "decoder.erspan", "ERSPAN packets")                                                   \
    X(DECODE_NSH, "decoder.nsh", "Network service headers")                                                \
    X(DECODE_TOO_MANY_LAYERS, "decoder.too_many_layers", "Packets nested too deeply")
COUNTER_ENUM(decode_counter, DECODE_COUNTERS, DECODE_COUNTER_COUNT);
extern const struct counter decode_counters[DECODE_COUNTER_COUNT];

/* LINKTYPE_ numbers (tcpdump.org/linktypes.html) that are decoded. */
enum link_type {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW_BSD = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_HDLC = 50,
    LINK_PPP_ETHER = 51,
    LINK_RAW = 101,
    LINK_CISCO_HDLC = 104,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276,
};
bool link_type_known(uint16_t link_type);
/* "ETHERNET", "RAW" ...: EVE's packet_info.linktype_name; "UNKNOWN" when it is none of ours. */
const char *link_type_name(uint16_t link_type);

enum checksum_mode {
    CHECKSUM_ALL,  /* compute every checksum */
    CHECKSUM_NONE, /* take them all as right */
    CHECKSUM_AUTO, /* compute until more than a tenth of the first 1000 are wrong (offloading) */
};

#define DECODE_PORTS_MAX 8

struct decode_settings {
    uint8_t checksums;  /* enum checksum_mode */
    uint8_t layers_max; /* headers of one packet, link and tunnels together; 0: 16 */
    bool no_teredo, no_vxlan, no_geneve, no_erspan, no_vntag;
    bool vntag, etag;            /* off by default: their EtherTypes are rare */
    bool vxlan_reserved_ignored; /* take VXLAN whose reserved bits are set, too */
    uint16_t vxlan_ports[DECODE_PORTS_MAX], geneve_ports[DECODE_PORTS_MAX], teredo_ports[DECODE_PORTS_MAX];
    /* How many ports: 0 is the assigned one (VXLAN 4789, GENEVE 6081), and any for Teredo. */
    uint8_t vxlan_port_count, geneve_port_count, teredo_port_count;
};

/* Takes one IP fragment (packet->ip->is_fragment) and returns the whole IP packet, header included,
 * once it completes one; absent otherwise. Borrowed until the next frame; DEFRAGMENT_HEADROOM octets
 * before it belong to the decoder, for the link header. May add events to `packet`. */
#define DEFRAGMENT_HEADROOM 64
typedef struct bytes (*defragment_fn)(void *context, struct packet *packet);

#define DECODE_INNER_MAX 16

struct decoder {
    struct decode_settings settings;
    defragment_fn defragment; /* NULL: fragments are not reassembled */
    void *defragment_context;
    uint64_t counts[DECODE_COUNTER_COUNT];
    uint64_t event_counts[DECODE_EVENT_COUNT];
    uint32_t checksum_seen, checksum_wrong; /* CHECKSUM_AUTO */
    bool checksum_check;
    uint8_t layers; /* headers of the current frame so far */
    struct packet inner[DECODE_INNER_MAX];
    struct packet *packets[DECODE_INNER_MAX + 1]; /* of the latest frame, in the order to handle them */
    size_t inner_count, packet_count;
};

void decoder_init(struct decoder *decoder, const struct decode_settings *settings);

/* Decodes `packet`, whose time, number, frame, wire_size, link_type and cut the caller has set.
 *
 * Returns how many packets there are: decoder->packets[0] to [n - 1], what was carried before what
 * carried it, `packet` itself last. All live until the next call. */
size_t decode(struct decoder *decoder, struct packet *packet);

/* Brings the average up to date and returns the counters (DECODE_COUNTER_COUNT). */
const uint64_t *decoder_counts(struct decoder *decoder);

/* Adds an event and counts it. */
void packet_event(struct decoder *decoder, struct packet *packet, enum decode_event event);

/* EVE's pkt_src: "wire/pcap", "gre tunnel", "defrag" ... */
const char *packet_source_name(const struct packet *packet);

/* The ends of a frame that is as plain as most are: Ethernet, IPv4 without options or fragments, TCP or UDP.
 * Says what decode() is going to find, and nothing about other frames. */
bool decode_glimpse(uint16_t link_type, struct bytes frame, struct address *src, struct address *dst,
                    uint16_t *src_port, uint16_t *dst_port, uint8_t *protocol);

#endif
