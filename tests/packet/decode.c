/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include "packet/checksum.h"
#include "samples.h"

static struct decoder decoder;

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t size = strlen(hex) / 2;
    assert_true(size <= room && strlen(hex) % 2 == 0);
    for (size_t i = 0; i < size; i++) {
        int high = byte_hex((uint8_t)hex[i * 2]), low = byte_hex((uint8_t)hex[i * 2 + 1]);
        assert_true(high >= 0 && low >= 0);
        out[i] = (uint8_t)(high << 4 | low);
    }
    return size;
}

static size_t decode_bytes(struct packet *packet, uint16_t link_type, const uint8_t *data, size_t size)
{
    memset(packet, 0xa5, sizeof *packet); /* nothing may be left from before */
    packet->time = 1;
    packet->number = 1;
    packet->frame = bytes_of(data, size);
    packet->wire_size = (uint32_t)size;
    packet->link_type = link_type;
    packet->cut = packet->offloaded = false;
    return decode(&decoder, packet);
}

/* What is borrowed lies inside the frame. */
static void check_inside(struct bytes part, struct bytes frame)
{
    if (part.size)
        assert_true(part.data >= frame.data && part.data + part.size <= frame.data + frame.size);
}

static void check_packets(const struct packet *outer, size_t count)
{
    assert_in_range(count, 1, DECODE_INNER_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        const struct packet *packet = decoder.packets[i];
        check_inside(packet->frame, outer->frame);
        check_inside(packet->payload, packet->frame);
        check_inside(packet->ether, outer->frame);
        check_inside(packet->arp, packet->frame);
        assert_true(packet->event_count <= PACKET_EVENTS_MAX && packet->vlan_count <= PACKET_VLANS_MAX);
        if (packet->ip)
            check_inside(packet->ip->header, packet->frame);
        if (packet->tcp) {
            check_inside(packet->tcp->header, packet->frame);
            check_inside(packet->tcp->options, packet->frame);
            check_inside(packet->tcp->sack, packet->frame);
        }
        if (packet->icmp)
            check_inside(packet->icmp->quoted, packet->frame);
    }
    assert_ptr_equal(decoder.packets[count - 1], outer);
}

static void every_layer_is_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        uint8_t frame[256];
        struct packet packet;
        size_t size = from_hex(samples[i].hex, frame, sizeof frame);
        decoder_init(&decoder, &(struct decode_settings){ .checksums = CHECKSUM_NONE });
        size_t count = decode_bytes(&packet, samples[i].link_type, frame, size);
        if (decoder.counts[samples[i].counter] == 0 || count != samples[i].packets || packet.invalid ||
            decoder.packets[0]->protocol != samples[i].protocol)
            fail_msg("%s: counted %llu, %zu packets, protocol %u, event %s", samples[i].name,
                     (unsigned long long)decoder.counts[samples[i].counter], count,
                     decoder.packets[0]->protocol,
                     packet.event_count ? decode_event_names[packet.events[0]] : "none");
        check_packets(&packet, count);
    }
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    decoder_init(&decoder, NULL);
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        uint8_t frame[256];
        struct packet packet;
        size_t size = from_hex(samples[i].hex, frame, sizeof frame);
        for (size_t cut = 0; cut <= size; cut++) {
            uint8_t *copy = guarded_copy(frame, cut);
            check_packets(&packet, decode_bytes(&packet, samples[i].link_type, copy, cut));
            guarded_free(copy, cut);
        }
    }
}

static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    decoder_init(&decoder, NULL);
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        uint8_t frame[256];
        struct packet packet;
        size_t size = from_hex(samples[i].hex, frame, sizeof frame);
        uint8_t *copy = guarded_copy(frame, size);
        for (size_t at = 0; at < size; at++) {
            for (unsigned value = 0; value < 256; value++) {
                copy[at] = (uint8_t)value;
                check_packets(&packet, decode_bytes(&packet, samples[i].link_type, copy, size));
            }
            copy[at] = frame[at];
        }
        guarded_free(copy, size);
    }
}

static void fields_are_read(void **state)
{
    (void)state;
    uint8_t frame[256];
    struct packet packet;
    decoder_init(&decoder, &(struct decode_settings){ .checksums = CHECKSUM_NONE });
    size_t size = from_hex(samples[0].hex, frame, sizeof frame);
    assert_int_equal(decode_bytes(&packet, LINK_ETHERNET, frame, size), 1);
    assert_int_equal(packet.ip->ttl, 64);
    assert_int_equal(packet.src_port, 40000);
    assert_int_equal(packet.dst_port, 80);
    assert_int_equal(packet.tcp->flags, TCP_SYN);
    assert_true(packet.tcp->has_mss);
    assert_int_equal(packet.tcp->mss, 1460);
    assert_int_equal(packet.payload.size, 0);
    assert_string_equal(packet_source_name(&packet), "wire/pcap");

    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        if (strcmp(samples[i].name, "vlan") == 0) {
            size = from_hex(samples[i].hex, frame, sizeof frame);
            decode_bytes(&packet, LINK_ETHERNET, frame, size);
            assert_int_equal(packet.vlan_count, 3);
            assert_int_equal(packet.vlans[0], 0x64);
            assert_int_equal(packet.vlans[2], 7);
        } else if (strcmp(samples[i].name, "icmp-unreachable") == 0) {
            size = from_hex(samples[i].hex, frame, sizeof frame);
            decode_bytes(&packet, LINK_ETHERNET, frame, size);
            assert_true(packet.has_quoted);
            assert_int_equal(packet.quoted_dst_port, 53);
        } else if (strcmp(samples[i].name, "erspan2") == 0) {
            size = from_hex(samples[i].hex, frame, sizeof frame);
            decode_bytes(&packet, LINK_RAW, frame, size);
            assert_int_equal(decoder.packets[0]->vlans[0], 0x17);
            assert_int_equal(decoder.packets[0]->recursion, 1);
            assert_string_equal(packet_source_name(decoder.packets[0]), "gre tunnel");
        }
    }
}

static void nesting_ends(void **state)
{
    (void)state;
    uint8_t frame[20 * 64];
    struct packet packet;
    for (size_t i = 0; i < 64; i++) {
        size_t left = sizeof frame - i * 20;
        const uint8_t header[20] = {
            0x45, 0, (uint8_t)(left >> 8), (uint8_t)left, 0, 1, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
        };
        memcpy(frame + i * 20, header, sizeof header);
    }
    decoder_init(&decoder, NULL);
    check_packets(&packet, decode_bytes(&packet, LINK_RAW, frame, sizeof frame));
    assert_int_equal(decoder.counts[DECODE_TOO_MANY_LAYERS], 1);
}

/* An IPv6 packet whose next header is `next`, eight octets long. */
#define IP6_OF(next)                   \
    "600000000008" next "40"           \
    "20010db8000000000000000000000001" \
    "20010db8000000000000000000000002" \
    "3b00000000000000"

static void headers_that_end_a_packet_are_known(void **state)
{
    (void)state;
    static const char *const packets[] = { IP6_OF("87"), IP6_OF("8b"), IP6_OF("8c") };
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        uint8_t frame[64];
        struct packet packet;
        size_t size = from_hex(packets[i], frame, sizeof frame);
        decoder_init(&decoder, NULL);
        decode_bytes(&packet, LINK_RAW, frame, size);
        assert_int_equal(packet.event_count, 0);
    }
}

static void broken_headers_have_their_event(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        const char *hex, *event;
    } cases[] = {
        { LINK_ETHERNET, "0200", "ethernet.pkt_too_small" },
        { LINK_ETHERNET, ETHER "45", "ipv4.pkt_too_small" },
        { LINK_ETHERNET,
          ETHER "4400001c00010000401100000a0000010a000002"
                "1388003500080000",
          "ipv4.hlen_too_small" },
        { LINK_ETHERNET,
          ETHER "4500001000010000401100000a0000010a000002"
                "1388003500080000",
          "ipv4.iplen_smaller_than_hlen" },
        { LINK_ETHERNET, ETHER IP("0040", "11") "1388003500080000", "ipv4.trunc_pkt" },
        { LINK_ETHERNET, ETHER IP("001c", "06") "1388003500080000", "tcp.pkt_too_small" },
        { LINK_ETHERNET, ETHER IP("0028", "06") "9c40005000000001000000004002040000000000",
          "tcp.invalid_optlen" },
        { LINK_ETHERNET, ETHER IP("0028", "06") "9c40005000000001000000009002040000000000",
          "tcp.hlen_too_small" },
        { LINK_ETHERNET, ETHER IP("0018", "11") "13880035", "udp.hlen_too_small" },
        { LINK_ETHERNET, ETHER IP("001c", "11") "1388003500050000", "udp.len_invalid" },
        { LINK_ETHERNET, ETHER IP("001c", "11") "1388003500400000", "udp.pkt_too_small" },
        { LINK_ETHERNET, ETHER IP("001c", "01") "2800000000000000", "icmpv4.unknown_type" },
        { LINK_ETHERNET, ETHER IP("001c", "01") "0801000000000000", "icmpv4.unknown_code" },
        { LINK_NULL, "63000000", "ltnull.unsupported_type" },
        { LINK_RAW, "7500001c00010000401100000a0000010a0000021388003500080000", "ipraw.invalid_ip_version" },
        { LINK_RAW, IP("0018", "2f") "00050800", "gre.wrong_version" },
        { LINK_RAW, IP("001a", "2f") "400008000000", "gre.version0_hdr_too_big" },
        { LINK_RAW, IP("001e", "2f") "40000800000000000000", "gre.version0_malformed_sre_hdr" },
        { LINK_RAW, IP("0022", "2f") "40000800000000000800000900000000", "gre.version0_malformed_sre_hdr" },
        { LINK_PPP, "ff03002b0000", "ppp.unsup_proto" },
        { LINK_ETHERNET,
          "020000000002020000000001"
          "1234"
          "00",
          "ethernet.unknown_ethertype" },
        { LINK_ETHERNET,
          "020000000002020000000001"
          "8100"
          "0005"
          "1234"
          "00",
          "ethernet.unknown_ethertype" },
        { LINK_CISCO_HDLC,
          "8f00"
          "8035"
          "00000002",
          "ethernet.unknown_ethertype" },
        { LINK_RAW, IP6_OF("9e"), "ipv6.unknown_next_header" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t frame[256];
        struct packet packet;
        size_t size = from_hex(cases[i].hex, frame, sizeof frame);
        decoder_init(&decoder, &(struct decode_settings){ .checksums = CHECKSUM_NONE });
        decode_bytes(&packet, cases[i].link_type, frame, size);
        assert_true(packet.event_count > 0);
        assert_string_equal(decode_event_names[packet.events[0]], cases[i].event);
        assert_int_equal(decode_event_of(bytes_of_string(cases[i].event)), packet.events[0]);
        assert_int_equal(decoder.event_counts[packet.events[0]], 1);
    }
    assert_int_equal(decode_event_of(BYTES_OF("ipv4.nothing")), -1);
}

static void checksums_are_right(void **state)
{
    (void)state;
    /* The header of RFC 1071's style of example: sums to all ones with its checksum in place. */
    uint8_t header[20];
    from_hex("4500003c1c4640004006b1e6ac100a63ac100a0c", header, sizeof header);
    assert_true(checksum_ipv4(bytes_of(header, sizeof header)));
    header[8]--;
    assert_false(checksum_ipv4(bytes_of(header, sizeof header)));
    /* In whatever pieces of even size: the same sum. */
    uint8_t data[101];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    uint32_t whole = checksum_add(0, bytes_of(data, sizeof data));
    for (size_t cut = 0; cut < sizeof data; cut += 2) {
        uint32_t sum = checksum_add(0, bytes_of(data, cut));
        assert_int_equal(checksum_add(sum, bytes_of(data + cut, sizeof data - cut)), whole);
    }
}

/* An IPv4 packet with a TCP segment whose checksum is `wrong` or right. */
static void a_checksum_can_be_asked_for_when_none_was_computed(void **state)
{
    (void)state;
    static const uint8_t right[] = { 0x45, 0, 0,  41, 0,    1,    0,    0,    64, 6,  0x66, 0xcc, 10, 0,
                                     0,    1, 10, 0,  0,    2,    0x03, 0xe8, 0,  80, 0,    0,    0,  1,
                                     0,    0, 0,  1,  0x50, 0x10, 0x20, 0,    0,  0,  0,    0,    'x' };
    uint8_t data[sizeof right];
    memcpy(data, right, sizeof data);
    struct bytes segment = bytes_from(bytes_of(data, sizeof data), 20);
    struct address src = address_v4(data + 12), dst = address_v4(data + 16);
    for (unsigned sum = 0; sum <= 0xffff && !checksum_transport(&src, &dst, IP_TCP, segment); sum++) {
        data[36] = (uint8_t)(sum >> 8);
        data[37] = (uint8_t)sum;
    }
    for (int broken = 0; broken < 2; broken++) {
        data[40] = (uint8_t)('x' + broken);
        for (int mode = 0; mode < 2; mode++) {
            struct packet packet = { .frame = bytes_of(data, sizeof data), .link_type = LINK_RAW };
            decoder_init(&decoder, &(struct decode_settings){
                                       .checksums = (uint8_t)(mode ? CHECKSUM_ALL : CHECKSUM_NONE) });
            assert_int_equal(decode(&decoder, &packet), 1);
            assert_non_null(packet.tcp);
            assert_int_equal(packet.tcp->checksum_ok, !mode || !broken);
            assert_int_equal(checksum_holds(&packet, CHECKSUM_OF_TCP), !broken);
            assert_int_equal(checksum_holds(&packet, CHECKSUM_OF_IPV4), checksum_ipv4(bytes_of(data, 20)));
            /* Left to a card, it is no one's fault; that of the header above never is. */
            packet = (struct packet){ .frame = bytes_of(data, sizeof data),
                                      .link_type = LINK_RAW,
                                      .offloaded = true };
            assert_int_equal(decode(&decoder, &packet), 1);
            assert_true(packet.tcp->checksum_ok && checksum_holds(&packet, CHECKSUM_OF_TCP));
            assert_int_equal(checksum_holds(&packet, CHECKSUM_OF_IPV4), checksum_ipv4(bytes_of(data, 20)));
        }
    }
}

static void fix_checksum(uint8_t *field, uint32_t sum)
{
    uint16_t value = (uint16_t)~sum;
    memcpy(field, &value, sizeof value);
}

/* 20 octets of IPv4, 8 of UDP, 4 of data, with right checksums but for those that are `broken`. */
static void make_inner(uint8_t inner[32], bool broken_ip, bool broken_udp)
{
    uint8_t pseudo[12] = { 10, 0, 0, 1, 10, 0, 0, 2, 0, IP_UDP, 0, 12 };
    assert_int_equal(from_hex(IP("0020", "11") "04d20035000c000061626364", inner, 32), 32);
    inner[10] = inner[11] = 0;
    fix_checksum(inner + 10, checksum_add(0, bytes_of(inner, 20)));
    fix_checksum(inner + 26,
                 checksum_add(checksum_add(0, bytes_of(pseudo, sizeof pseudo)), bytes_of(inner + 20, 12)));
    inner[10] ^= broken_ip;
    inner[26] ^= broken_udp;
}

static void checksums_inside_of_a_tunnel_count_like_others(void **state)
{
    (void)state;
    static const char *const carriers[] = {
        IP("0038", "2f") "00000800", /* GRE */
        IP("0034", "04"),            /* IP in IP */
        IP("0052", "11") "270f12b5003e0000"
                         "0800000000010000"
                         "020000000002"
                         "020000000001"
                         "0800", /* VXLAN */
    };
    for (unsigned i = 0; i < COUNT_OF(carriers) * 8; i++) {
        bool broken_ip = i >> 0 & 1, broken_udp = i >> 1 & 1, computed = i >> 2 & 1;
        uint8_t frame[128];
        struct packet packet;
        size_t size = from_hex(carriers[i >> 3], frame, sizeof frame - 32);
        make_inner(frame + size, broken_ip, broken_udp);
        decoder_init(&decoder, &(struct decode_settings){
                                   .checksums = (uint8_t)(computed ? CHECKSUM_ALL : CHECKSUM_NONE) });
        assert_int_equal(decode_bytes(&packet, LINK_RAW, frame, size + 32), 2);
        const struct packet *inner = decoder.packets[0];
        assert_int_equal(inner->ip->checksum_ok, !computed || !broken_ip);
        assert_int_equal(inner->udp->checksum_ok, !computed || !broken_udp);
        assert_int_equal(checksum_holds(inner, CHECKSUM_OF_IPV4), !broken_ip);
        assert_int_equal(checksum_holds(inner, CHECKSUM_OF_UDP), !broken_udp);
        assert_true(bytes_is(inner->payload, "abcd"));
        assert_true(packet.carrier); /* the data are looked at where they are a packet's own */
        assert_false(inner->carrier);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_inside_of_a_tunnel_count_like_others),
        cmocka_unit_test(every_layer_is_decoded),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(nesting_ends),
        cmocka_unit_test(broken_headers_have_their_event),
        cmocka_unit_test(headers_that_end_a_packet_are_known),
        cmocka_unit_test(checksums_are_right),
        cmocka_unit_test(a_checksum_can_be_asked_for_when_none_was_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
