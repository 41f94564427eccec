/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about one packet's headers. */
#include <stdlib.h>

#include "base/json.h"
#include "detect/context.h"
#include "detect/keyword.h"
#include "packet/checksum.h"
#include "packet/decode.h"

/* ---- numbers: false when the packet has no such header, so the rule cannot match ---- */

#define NUMBER(name, condition, expression)                        \
    static bool name(const struct packet *packet, uint64_t *value) \
    {                                                              \
        if (!(condition))                                          \
            return false;                                          \
        *value = (uint64_t)(expression);                           \
        return true;                                               \
    }

NUMBER(ip_ttl, packet->ip, packet->ip->ttl)
NUMBER(ip_tos, packet->ip && packet->ip->version == 4, packet->ip->tos)
NUMBER(ip_id, packet->ip && packet->ip->version == 4, packet->ip->id)
NUMBER(ip_fragment_offset, packet->ip, packet->ip->fragment_offset / 8)
NUMBER(tcp_sequence, packet->tcp, packet->tcp->sequence)
NUMBER(tcp_acknowledgment, packet->tcp, packet->tcp->acknowledgment)
NUMBER(tcp_window, packet->tcp, packet->tcp->window)
NUMBER(tcp_mss, packet->tcp && packet->tcp->has_mss, packet->tcp->mss)
NUMBER(tcp_wscale, packet->tcp && packet->tcp->has_wscale, packet->tcp->wscale)
NUMBER(icmp_type, packet->icmp, packet->icmp->type)
NUMBER(icmp_code, packet->icmp, packet->icmp->code)
NUMBER(icmp_id, packet->icmp && packet->icmp->has_id, packet->icmp->id)
NUMBER(icmp_sequence, packet->icmp && packet->icmp->has_id, packet->icmp->sequence)
NUMBER(icmp6_mtu,
       packet->icmp && packet->protocol == IP_ICMPV6 && packet->icmp->type == 2 &&
           packet->icmp->header.size >= 8,
       (uint32_t)packet->icmp->header.data[4] << 24 | (uint32_t)packet->icmp->header.data[5] << 16 |
           (uint32_t)packet->icmp->header.data[6] << 8 | packet->icmp->header.data[7])
NUMBER(vlan_layers, packet, packet->vlan_count)

/* ---- bytes ---- */

#define BYTES(name, condition, expression)                             \
    static bool name(const struct packet *packet, struct bytes *value) \
    {                                                                  \
        if (!(condition))                                              \
            return false;                                              \
        *value = (expression);                                         \
        return true;                                                   \
    }

BYTES(ether_header, packet->ether.data, packet->ether)
BYTES(ipv4_header, packet->ip && packet->ip->version == 4, packet->ip->header)
BYTES(ipv6_header, packet->ip && packet->ip->version == 6, packet->ip->header)
BYTES(tcp_header, packet->tcp, packet->tcp->header)
BYTES(udp_header, packet->udp, packet->udp->header)
BYTES(icmpv4_header, packet->icmp && packet->protocol == IP_ICMP, packet->icmp->header)
BYTES(icmpv6_header, packet->icmp && packet->protocol == IP_ICMPV6, packet->icmp->header)
BYTES(source_address, packet->ip, bytes_of(packet->src.octets, address_size(&packet->src)))
BYTES(destination_address, packet->ip, bytes_of(packet->dst.octets, address_size(&packet->dst)))

/* ---- the rest, each with its own syntax ---- */

static bool size_holds(const struct check *check, struct context *context)
{
    if (context->packet->source == SOURCE_FLOW_TIMEOUT)
        return false;
    size_t size = context->packet->payload.size;
    if (size && context->flow && context->flow->no_payload_inspection)
        return false; /* what is encrypted is not for rules */
    if (check->range.comparison == IS_NOT && size == 0)
        return false; /* a packet without payload has no size to differ */
    return range_has(&check->range, size);
}

static bool parse_dsize(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct check *check = compiler_check(c, size_holds);
    if (!check || !parse_range(c, value, 65535, NULL, &check->range))
        return false;
    check->subject = CHECK_PAYLOAD_SIZE;
    c->signature->needs_packet = true;
    return true;
}

enum { FLAGS_EXACT, FLAGS_ALL, FLAGS_ANY, FLAGS_NONE };

static bool tcp_flags_hold(const struct check *check, struct context *context)
{
    const struct tcp_header *tcp = context->packet->tcp;
    if (!tcp)
        return false;
    uint32_t flags = tcp->flags & ~check->b;
    switch (check->mode) {
    case FLAGS_EXACT:
        return flags == check->a;
    case FLAGS_ALL:
        return (flags & check->a) == check->a;
    case FLAGS_ANY:
        return (flags & check->a) != 0;
    default:
        return (flags & check->a) == 0;
    }
}

static bool flag_letters(struct compiler *c, struct bytes text, uint32_t *mask)
{
    static const struct {
        char letter;
        uint8_t flag;
    } letters[] = { { 'F', TCP_FIN }, { 'S', TCP_SYN }, { 'R', TCP_RST }, { 'P', TCP_PSH },
                    { 'A', TCP_ACK }, { 'U', TCP_URG }, { 'E', TCP_ECE }, { 'C', TCP_CWR },
                    { '1', TCP_CWR }, { '2', TCP_ECE }, { '0', 0 } };
    *mask = 0;
    for (size_t i = 0; i < text.size; i++) {
        size_t k = 0;
        uint8_t letter = text.data[i] >= 'a' ? (uint8_t)(text.data[i] - 32) : text.data[i];
        if (letter == ' ' || letter == '-')
            continue;
        while (k < COUNT_OF(letters) && (uint8_t)letters[k].letter != letter)
            k++;
        if (k == COUNT_OF(letters))
            return refuse(c, "\"%c\" is no TCP flag", text.data[i]);
        *mask |= letters[k].flag;
    }
    return true;
}

static bool parse_flags(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes mask = value, flags = bytes_trim(bytes_cut(&mask, ','));
    struct check *check = compiler_check(c, tcp_flags_hold);
    if (!check)
        return false;
    if (flags.size && memchr("+*!", flags.data[0], 3)) {
        check->mode = flags.data[0] == '+' ? FLAGS_ALL : flags.data[0] == '*' ? FLAGS_ANY : FLAGS_NONE;
        flags = bytes_from(flags, 1);
    } else if (flags.size && memchr("+*", flags.data[flags.size - 1], 2)) {
        check->mode = flags.data[flags.size - 1] == '+' ? FLAGS_ALL : FLAGS_ANY;
        flags.size--;
    }
    if (flags.size == 0)
        return refuse(c, "no flag is named");
    if (check->mode == FLAGS_EXACT || check->mode == FLAGS_ALL)
        check->subject = CHECK_TCP_FLAGS_ALL;
    return flag_letters(c, flags, &check->a) && flag_letters(c, bytes_trim(mask), &check->b);
}

enum { FRAGMENT_MORE = 1, FRAGMENT_DONT = 2, FRAGMENT_RESERVED = 4 };

static bool fragment_bits_hold(const struct check *check, struct context *context)
{
    const struct ip_header *ip = context->packet->ip;
    if (!ip || ip->version != 4)
        return false;
    uint32_t bits = (ip->fragment_more ? FRAGMENT_MORE : 0) | (ip->fragment_dont ? FRAGMENT_DONT : 0) |
                    (ip->fragment_reserved ? FRAGMENT_RESERVED : 0);
    switch (check->mode) {
    case FLAGS_EXACT:
        return bits == check->a;
    case FLAGS_ALL:
        return (bits & check->a) == check->a;
    case FLAGS_ANY:
        return (bits & check->a) != 0;
    default:
        return (bits & check->a) == 0;
    }
}

static bool parse_fragbits(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct check *check = compiler_check(c, fragment_bits_hold);
    if (!check)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        switch (byte_lower(value.data[i])) {
        case '+':
            check->mode = FLAGS_ALL;
            break;
        case '*':
            check->mode = FLAGS_ANY;
            break;
        case '!':
            check->mode = FLAGS_NONE;
            break;
        case 'm':
            check->a |= FRAGMENT_MORE;
            break;
        case 'd':
            check->a |= FRAGMENT_DONT;
            break;
        case 'r':
            check->a |= FRAGMENT_RESERVED;
            break;
        case ' ':
            break;
        default:
            return refuse(c, "\"%c\" is none of M D R + * !", value.data[i]);
        }
    }
    return check->a || refuse(c, "no bit is named");
}

static bool ip_options_hold(const struct check *check, struct context *context)
{
    const struct ip_header *ip = context->packet->ip;
    return ip && ip->version == 4 && (check->a ? (ip->option_mask & check->a) != 0 : ip->option_mask != 0);
}

static bool parse_ipopts(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct check *check = compiler_check(c, ip_options_hold);
    if (!check)
        return false;
    if (bytes_equal_nocase(value, BYTES_OF("any")))
        return true;
    for (unsigned i = 0; i < IP_OPTION_COUNT; i++) {
        struct bytes name = bytes_of_string(ip_option_names[i]);
        if (name.size && bytes_equal_nocase(value, name)) {
            check->a = 1U << i;
            return true;
        }
    }
    return refuse(c, "\"%.*s\" is no IP option", (int)MIN(value.size, 40U), (const char *)value.data);
}

static bool same_ip_holds(const struct check *check, struct context *context)
{
    (void)check;
    return context->packet->ip && address_equal(&context->packet->src, &context->packet->dst);
}

static bool parse_sameip(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    return compiler_check(c, same_ip_holds) != NULL;
}

static bool version_holds(const struct check *check, struct context *context)
{
    return context->packet->ip && context->packet->ip->version == check->a;
}

static bool parse_l3_proto(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    bool four = bytes_equal_nocase(value, BYTES_OF("ipv4")) || bytes_equal_nocase(value, BYTES_OF("ip4")),
         six = bytes_equal_nocase(value, BYTES_OF("ipv6")) || bytes_equal_nocase(value, BYTES_OF("ip6"));
    struct check *check = compiler_check(c, version_holds);
    if (!check)
        return false;
    check->a = four ? 4 : 6;
    return four || six || refuse(c, "must be ipv4, ip4, ipv6 or ip6");
}

/* "mark/mask", each of 32 bits, hexadecimal with 0x. Packets go to no queue here: there is nothing to mark.
 */
static bool parse_mark(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    uint64_t mark, mask;
    struct bytes rest = value, first = bytes_trim(bytes_cut(&rest, '/'));
    return (bytes_to_number(first, &mark) && bytes_to_number(bytes_trim(rest), &mask) && mark <= UINT32_MAX &&
            mask <= UINT32_MAX) ||
           refuse(c, "must be a mark and a mask, as in 0x1/0xff");
}

/* Names as IANA's registry writes them, and in small letters. */
static const struct {
    const char *name;
    uint8_t number;
} ip_protocol_names[] = { { "icmp", 1 },
                          { "ICMP", 1 },
                          { "igmp", 2 },
                          { "IGMP", 2 },
                          { "ggp", 3 },
                          { "GGP", 3 },
                          { "ipencap", 4 },
                          { "IPENCAP", 4 },
                          { "IP-ENCAP", 4 },
                          { "st", 5 },
                          { "ST", 5 },
                          { "tcp", 6 },
                          { "TCP", 6 },
                          { "egp", 8 },
                          { "EGP", 8 },
                          { "igp", 9 },
                          { "IGP", 9 },
                          { "pup", 12 },
                          { "PUP", 12 },
                          { "udp", 17 },
                          { "UDP", 17 },
                          { "hmp", 20 },
                          { "HMP", 20 },
                          { "xns-idp", 22 },
                          { "XNS-IDP", 22 },
                          { "rdp", 27 },
                          { "RDP", 27 },
                          { "iso-tp4", 29 },
                          { "ISO-TP4", 29 },
                          { "dccp", 33 },
                          { "DCCP", 33 },
                          { "xtp", 36 },
                          { "XTP", 36 },
                          { "ddp", 37 },
                          { "DDP", 37 },
                          { "idpr-cmtp", 38 },
                          { "IDPR-CMTP", 38 },
                          { "ipv6", 41 },
                          { "IPV6", 41 },
                          { "IPv6", 41 },
                          { "ipv6-route", 43 },
                          { "IPV6-ROUTE", 43 },
                          { "IPv6-Route", 43 },
                          { "ipv6-frag", 44 },
                          { "IPV6-FRAG", 44 },
                          { "IPv6-Frag", 44 },
                          { "idrp", 45 },
                          { "IDRP", 45 },
                          { "rsvp", 46 },
                          { "RSVP", 46 },
                          { "gre", 47 },
                          { "GRE", 47 },
                          { "esp", 50 },
                          { "ESP", 50 },
                          { "IPSEC-ESP", 50 },
                          { "ah", 51 },
                          { "AH", 51 },
                          { "IPSEC-AH", 51 },
                          { "skip", 57 },
                          { "SKIP", 57 },
                          { "ipv6-icmp", 58 },
                          { "IPV6-ICMP", 58 },
                          { "IPv6-ICMP", 58 },
                          { "icmpv6", 58 },
                          { "ICMPV6", 58 },
                          { "ipv6-nonxt", 59 },
                          { "IPV6-NONXT", 59 },
                          { "IPv6-NoNxt", 59 },
                          { "ipv6-opts", 60 },
                          { "IPV6-OPTS", 60 },
                          { "IPv6-Opts", 60 },
                          { "rspf", 73 },
                          { "RSPF", 73 },
                          { "vmtp", 81 },
                          { "VMTP", 81 },
                          { "eigrp", 88 },
                          { "EIGRP", 88 },
                          { "ospf", 89 },
                          { "OSPF", 89 },
                          { "OSPFIGP", 89 },
                          { "ax.25", 93 },
                          { "AX.25", 93 },
                          { "ipip", 94 },
                          { "IPIP", 94 },
                          { "etherip", 97 },
                          { "ETHERIP", 97 },
                          { "encap", 98 },
                          { "ENCAP", 98 },
                          { "pim", 103 },
                          { "PIM", 103 },
                          { "ipcomp", 108 },
                          { "IPCOMP", 108 },
                          { "vrrp", 112 },
                          { "VRRP", 112 },
                          { "l2tp", 115 },
                          { "L2TP", 115 },
                          { "isis", 124 },
                          { "ISIS", 124 },
                          { "sctp", 132 },
                          { "SCTP", 132 },
                          { "fc", 133 },
                          { "FC", 133 },
                          { "mobility-header", 135 },
                          { "MOBILITY-HEADER", 135 },
                          { "Mobility-Header", 135 },
                          { "udplite", 136 },
                          { "UDPLITE", 136 },
                          { "UDPLite", 136 },
                          { "mpls-in-ip", 137 },
                          { "MPLS-IN-IP", 137 },
                          { "manet", 138 },
                          { "MANET", 138 },
                          { "hip", 139 },
                          { "HIP", 139 },
                          { "shim6", 140 },
                          { "SHIM6", 140 },
                          { "Shim6", 140 },
                          { "wesp", 141 },
                          { "WESP", 141 },
                          { "rohc", 142 },
                          { "ROHC", 142 } };

/* Narrows the header's protocols. */
static bool parse_ip_proto(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    uint8_t comparison = '=';
    if (c->protocols || c->tcp || c->udp)
        return refuse(c, "the header must leave the protocol open: ip");
    if (value.size && memchr("!<>=", value.data[0], 4)) {
        comparison = value.data[0];
        value = bytes_trim(bytes_from(value, 1));
    }
    uint64_t number = 256;
    if (!bytes_to_u64(value, &number))
        for (size_t i = 0; i < COUNT_OF(ip_protocol_names); i++)
            if (bytes_is(value, ip_protocol_names[i].name))
                number = ip_protocol_names[i].number;
    if (number > 255)
        return refuse(c, "\"%.*s\" is no IP protocol", (int)MIN(value.size, 40U), (const char *)value.data);
    for (unsigned i = 0; i < 256; i++) {
        bool holds = comparison == '!'   ? i != number
                     : comparison == '<' ? i < number
                     : comparison == '>' ? i > number
                                         : i == number;
        if (!holds)
            c->ip_protocols[i / 8] = (uint8_t)(c->ip_protocols[i / 8] & ~(1U << i % 8));
    }
    return true;
}

static bool checksum_fits(const struct check *check, struct context *context)
{
    const struct packet *p = context->packet;
    if (!p->ip || p->source == SOURCE_FLOW_TIMEOUT || (check->b && p->ip->version != check->b))
        return false;
    const void *layers[] = { [CHECKSUM_OF_IPV4] = p->ip,
                             [CHECKSUM_OF_TCP] = p->tcp,
                             [CHECKSUM_OF_UDP] = p->udp,
                             [CHECKSUM_OF_ICMP] = p->icmp };
    return layers[check->a] && checksum_holds(p, (enum checksum_layer)check->a) != check->negated;
}

/* mode: checksum kind, plus 16 times the IP version. */
static bool parse_csum(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct check *check = compiler_check(c, checksum_fits);
    if (!check)
        return false;
    if (!unquote(&value) ||
        (!bytes_equal_nocase(value, BYTES_OF("valid")) && !bytes_equal_nocase(value, BYTES_OF("invalid"))))
        return refuse(c, "must be valid or invalid");
    check->a = keyword->mode & 15;
    check->b = keyword->mode >> 4;
    check->negated = value.size == 7;
    return true;
}

static bool vlan_holds(const struct check *check, struct context *context)
{
    const struct packet *p = context->packet;
    for (unsigned i = 0; i < p->vlan_count; i++)
        if ((check->a == UINT32_MAX || check->a == i) && range_has(&check->range, p->vlans[i]))
            return true;
    return false;
}

static bool parse_vlan(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct check *check = compiler_check(c, vlan_holds);
    if (!check)
        return false;
    struct bytes layer = value, id = bytes_trim(bytes_cut(&layer, ','));
    int64_t number = 0;
    check->a = UINT32_MAX;
    layer = bytes_trim(layer);
    if (layer.size && !bytes_is(layer, "any") && !bytes_is(layer, "all")) {
        if (!parse_i64(layer, &number) || number < -PACKET_VLANS_MAX || number >= PACKET_VLANS_MAX)
            return refuse(c, "the layer must be -3 to 2");
        check->a = (uint32_t)(number < 0 ? number + PACKET_VLANS_MAX : number);
    }
    return parse_range(c, id, 4095, NULL, &check->range);
}

/* decode-event: judged on every packet, broken ones too. */
static bool decode_event_holds(const struct check *check, struct context *context)
{
    for (unsigned i = 0; i < context->packet->event_count; i++)
        if (context->packet->events[i] == check->a)
            return true;
    return false;
}

static bool parse_decode_event(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    int event = decode_event_of(value);
    struct check *check = compiler_check(c, decode_event_holds);
    if (!check)
        return false;
    if (event < 0)
        return refuse(c, "\"%.*s\" is no decoder event", (int)MIN(value.size, 60U), (const char *)value.data);
    check->a = (uint32_t)event;
    c->signature->trigger = TRIGGER_DECODE_EVENT;
    c->signature->trigger_event = (uint16_t)event;
    c->signature->any_packet = true;
    return true;
}

/* "decoder.x" or "stream.x": the older name of decode-event and stream-event. */
static bool parse_engine_event(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    size_t dot = bytes_find_byte(value, '.');
    struct bytes kind = bytes_first(value, dot), name = dot == SIZE_MAX ? value : bytes_from(value, dot + 1);
    if (bytes_is(kind, "stream"))
        return parse_stream_event(c, keyword, name);
    return parse_decode_event(c, keyword, bytes_is(kind, "decoder") ? name : value);
}

/* ---- what reports tell ---- */

static void report_number(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    (void)set;
    json_uint(out, "number", part->check->range.a);
}

static void report_window(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    (void)set;
    json_uint(out, "size", part->check->range.a);
    json_bool(out, "negated", part->check->range.comparison == IS_NOT);
}

/* An ONC RPC call (RFC 5531 section 9): program, and version and procedure unless they may be any. */
struct rpc_call {
    uint32_t program, version, procedure;
    bool any_version, any_procedure;
};

static bool rpc_holds(const struct check *check, struct context *context)
{
    const struct rpc_call *wanted = check->data;
    const struct packet *packet = context->packet;
    struct reader in = reader_of_bytes(packet->payload);
    if (packet->tcp)
        reader_skip(&in, 4); /* record marking, section 11 */
    reader_skip(&in, 4);     /* xid */
    uint32_t type = reader_be32(&in), rpc_version = reader_be32(&in), program = reader_be32(&in),
             version = reader_be32(&in), procedure = reader_be32(&in);
    return (packet->tcp || packet->udp) && reader_ok(&in) && type == 0 && rpc_version == 2 &&
           program == wanted->program && (wanted->any_version || version == wanted->version) &&
           (wanted->any_procedure || procedure == wanted->procedure);
}

static bool rpc_number(struct compiler *c, struct bytes word, uint32_t *number, bool *any)
{
    uint64_t value;
    *any = bytes_is(word, "*");
    if (*any)
        return true;
    if (!bytes_to_u64(word, &value) || value > UINT32_MAX)
        return refuse(c, "\"%.*s\" is no number of 32 bits", (int)MIN(word.size, 40U),
                      (const char *)word.data);
    *number = (uint32_t)value;
    return true;
}

/* "program[,version[,procedure]]", the last two perhaps as *. */
static bool parse_rpc(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct check *check = compiler_check(c, rpc_holds);
    struct rpc_call *call = COMPILER_NEW(c, struct rpc_call);
    struct bytes word;
    bool any_program;
    if (!check || !call)
        return false;
    check->data = call;
    call->any_version = call->any_procedure = true;
    c->signature->needs_packet = true;
    if (!list_next(&value, &word) || !rpc_number(c, word, &call->program, &any_program))
        return false;
    if (any_program)
        return refuse(c, "the program must be a number");
    if (list_next(&value, &word) && !rpc_number(c, word, &call->version, &call->any_version))
        return false;
    if (list_next(&value, &word) && !rpc_number(c, word, &call->procedure, &call->any_procedure))
        return false;
    return value.size == 0 || refuse(c, "at most a program, a version and a procedure are wanted");
}

static void report_ipopts(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    (void)set;
    const char *name = "any";
    for (unsigned i = 0; i < IP_OPTION_COUNT; i++)
        if (part->check->a == 1U << i)
            name = ip_option_names[i];
    json_cstring(out, "option", name);
}

/* Options of TCP and IP that look like content of a header: the count of a kind of number. */
/* "16", "!16", "x10": one value. */
static bool parse_tos(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct check *check = compiler_check(c, packet_number_holds);
    if (!check)
        return false;
    bool negated = bytes_starts(value, BYTES_OF("!"));
    value = bytes_trim(bytes_from(value, negated));
    check->number = keyword->number;
    check->range.comparison = negated ? IS_NOT : IS_EQUAL;
    bool good = bytes_to_u64(value, &check->range.a);
    if (bytes_starts(value, BYTES_OF("x")) && value.size > 1 && value.size <= 3) {
        struct bytes digits = bytes_from(value, 1);
        good = true;
        for (size_t i = 0; i < digits.size; i++) {
            good &= byte_hex(digits.data[i]) >= 0;
            check->range.a = check->range.a << 4 | (uint64_t)(byte_hex(digits.data[i]) & 15);
        }
    }
    return (good && check->range.a <= UINT8_MAX) ||
           refuse(c, "\"%.*s\" is no value of 0 to 255, or x00 to xff", (int)MIN(value.size, 40U),
                  (const char *)value.data);
}

const struct keyword packet_keywords[] = {
    { "l3_proto", .parse = parse_l3_proto, .flags = KEYWORD_QUOTED, .help = "The version of IP" },
    { "nfq_set_mark", .parse = parse_mark, .help = "Accepted; packets come from no queue that has marks" },
    { "template2", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 255, .number = ip_ttl,
      .help = "The developers' example: IP time to live, in hops", .source = "RFC 791 3.1" },
    { "ttl", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 255, .number = ip_ttl,
      .help = "IP time to live, in hops", .source = "RFC 791 3.1" },
    { "tos", .parse = parse_tos, .flags = KEYWORD_QUOTED | KEYWORD_OF_PACKET, .number = ip_tos,
      .help = "IPv4 type of service", .source = "RFC 791 3.1" },
    { "id", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET | KEYWORD_PLAIN, .max = 65535,
      .number = ip_id, .help = "IPv4 identification", .source = "RFC 791 3.1" },
    { "fragoffset", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 65535,
      .number = ip_fragment_offset, .help = "Fragment offset in units of 8 bytes", .source = "RFC 791 3.1" },
    { "seq", "tcp.seq", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET | KEYWORD_PLAIN,
      .max = UINT32_MAX, .number = tcp_sequence, .help = "TCP sequence number", .source = "RFC 9293 3.1",
      .shown = "tcp.seq", .key = "seq", .report = report_number },
    { "ack", "tcp.ack", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET | KEYWORD_PLAIN,
      .max = UINT32_MAX, .number = tcp_acknowledgment, .help = "TCP acknowledgment number",
      .source = "RFC 9293 3.1", .shown = "tcp.ack", .key = "ack", .report = report_number },
    { "window", "tcp.window", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET | KEYWORD_PLAIN,
      .mode = PLAIN_OR_NOT, .max = 65535, .number = tcp_window, .help = "TCP window, unscaled, in bytes",
      .source = "RFC 9293 3.1", .shown = "tcp.window", .report = report_window },
    { "tcp.mss", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 65535, .number = tcp_mss,
      .help = "TCP maximum segment size option, in bytes", .source = "RFC 9293 3.7.1", .key = "tcp_mss" },
    { "tcp.wscale", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 255,
      .number = tcp_wscale, .help = "TCP window scale option, a shift", .source = "RFC 7323 2" },
    { "itype", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 255, .number = icmp_type,
      .help = "ICMP type", .source = "RFC 792" },
    { "icode", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 255, .number = icmp_code,
      .help = "ICMP code", .source = "RFC 792", .key = "code" },
    { "icmp_id", .parse = parse_packet_number, .flags = KEYWORD_QUOTED | KEYWORD_OF_PACKET | KEYWORD_PLAIN,
      .max = 65535, .number = icmp_id, .help = "ICMP identifier", .source = "RFC 792", .key = "id",
      .report = report_number },
    { "icmp_seq", .parse = parse_packet_number, .flags = KEYWORD_QUOTED | KEYWORD_OF_PACKET | KEYWORD_PLAIN,
      .max = 65535, .number = icmp_sequence, .help = "ICMP sequence number", .source = "RFC 792" },
    { "icmpv6.mtu", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = UINT32_MAX,
      .number = icmp6_mtu, .help = "MTU of a Packet Too Big message, in bytes", .source = "RFC 4443 3.2" },
    { "vlan.layers", .parse = parse_packet_number, .flags = KEYWORD_OF_PACKET, .max = 3,
      .number = vlan_layers, .help = "Number of VLAN tags", .source = "IEEE 802.1Q" },
    { "vlan.id", .parse = parse_vlan, .flags = KEYWORD_OF_PACKET, .help = "VLAN id, perhaps of one layer",
      .source = "IEEE 802.1Q" },
    { "dsize", .parse = parse_dsize, .flags = KEYWORD_OF_PACKET,
      .help = "Size of the packet's payload in bytes", .key = "dsize" },
    { "rpc", .parse = parse_rpc, .flags = KEYWORD_OF_PACKET,
      .help = "Program, version and procedure of an RPC call in the packet", .source = "RFC 5531 9" },
    { "flags", "tcp.flags", .parse = parse_flags, .flags = KEYWORD_OF_PACKET, .help = "TCP flags",
      .source = "RFC 9293 3.1", .shown = "tcp.flags" },
    { "fragbits", .parse = parse_fragbits, .flags = KEYWORD_OF_PACKET, .help = "IPv4 fragmentation flags",
      .source = "RFC 791 3.1" },
    { "ipopts", .parse = parse_ipopts, .flags = KEYWORD_OF_PACKET, .help = "An IPv4 option is there",
      .source = "RFC 791 3.1", .report = report_ipopts },
    { "ip_proto", .parse = parse_ip_proto, .flags = KEYWORD_QUOTED | KEYWORD_OF_PACKET,
      .help = "Protocol over IP", .source = "IANA protocol numbers" },
    { "sameip", .parse = parse_sameip, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .help = "Source and destination address are the same" },
    { "ipv4-csum", .parse = parse_csum, .mode = CHECKSUM_OF_IPV4 | 4 << 4,
      .help = "IPv4 header checksum is valid or invalid" },
    { "tcpv4-csum", .parse = parse_csum, .mode = CHECKSUM_OF_TCP | 4 << 4, .help = "TCP checksum over IPv4" },
    { "tcpv6-csum", .parse = parse_csum, .mode = CHECKSUM_OF_TCP | 6 << 4, .help = "TCP checksum over IPv6" },
    { "udpv4-csum", .parse = parse_csum, .mode = CHECKSUM_OF_UDP | 4 << 4, .help = "UDP checksum over IPv4" },
    { "udpv6-csum", .parse = parse_csum, .mode = CHECKSUM_OF_UDP | 6 << 4, .help = "UDP checksum over IPv6" },
    { "icmpv4-csum", .parse = parse_csum, .mode = CHECKSUM_OF_ICMP | 4 << 4, .help = "ICMP checksum" },
    { "icmpv6-csum", .parse = parse_csum, .mode = CHECKSUM_OF_ICMP | 6 << 4, .help = "ICMPv6 checksum" },
    { "engine-event", .parse = parse_engine_event, .flags = KEYWORD_OF_EVENT,
      .help = "An anomaly found while decoding or following TCP" },
    { "decode-event", .parse = parse_decode_event, .flags = KEYWORD_OF_EVENT,
      .help = "An anomaly found while decoding" },
    { "ether.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = ether_header, .help = "Ethernet header" },
    { "ipv4.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = ipv4_header, .help = "IPv4 header" },
    { "ipv6.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = ipv6_header, .help = "IPv6 header" },
    { "tcp.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = tcp_header, .help = "TCP header" },
    { "udp.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = udp_header, .help = "UDP header" },
    { "icmpv4.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = icmpv4_header, .help = "ICMP header" },
    { "icmpv6.hdr", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE | KEYWORD_OF_PACKET,
      .bytes = icmpv6_header, .help = "ICMPv6 header" },
    { "ip.src", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE, .bytes = source_address,
      .help = "Source address as octets" },
    { "ip.dst", .parse = parse_packet_bytes, .flags = KEYWORD_NO_VALUE, .bytes = destination_address,
      .help = "Destination address as octets" },
    { 0 },
};
