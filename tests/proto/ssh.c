/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol ssh_protocol;

/* Binary packets (RFC 4253 section 6): KEXINIT whose ten lists are one letter each, or empty; NEWKEYS. */
#define COOKIE "00000000000000000000000000000000"
#define KEXINIT_CLIENT                                                                          \
    "0000004b 04 14" COOKIE "0000000161 0000000162 0000000163 0000000164 0000000165 0000000166" \
    "0000000167 0000000168 00000000 00000000 00 00000000 00000000"
#define KEXINIT_SERVER                                                                          \
    "0000004b 04 14" COOKIE "0000000141 0000000142 0000000143 0000000144 0000000145 0000000146" \
    "0000000147 0000000148 00000000 00000000 00 00000000 00000000"
#define NEWKEYS "0000000c 0a 15 00000000000000000000"

static void both_ends_have_software_and_fingerprint(void **state)
{
    (void)state;
    const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "SSH-2.0-libssh_0.10\r\n"),
        TURN_TEXT(TO_CLIENT, "be welcome\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        { TO_SERVER, from_hex(KEXINIT_CLIENT) },
        { TO_CLIENT, from_hex(KEXINIT_SERVER NEWKEYS "aabbccdd") },
        { TO_SERVER, from_hex(NEWKEYS "ffffffffffff") },
    };
    struct conversation c = { &ssh_protocol, TRANSPORT_TCP, 22, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    /* Key exchange, and encryption, MAC and compression of the sender's direction; MD5 of that text. */
    expect_text(&out,
                "{\"ssh\":{\"client\":{\"proto_version\":\"2.0\",\"software_version\":\"libssh_0.10\","
                "\"hassh\":{\"hash\":\"1dcec95d22563622775f87b354bc5ccc\",\"string\":\"a;c;e;g\"}},"
                "\"server\":{\"proto_version\":\"2.0\",\"software_version\":\"OpenSSH_9.2p1\","
                "\"hassh\":{\"hash\":\"b498a19a72608fd4a00e0ed3fccc3ec5\",\"string\":\"A;D;F;H\"}}}}\n");
    expect_text(&out, "frame record.pdu to_server 21 79\nframe record.hdr to_server 21 6\n"
                      "frame record.data to_server 27 73\n");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 1);
}

static void odd_beginnings_are_events(void **state)
{
    (void)state;
    static char line[300] = "SSH-2.0-";
    memset(line + 8, 'x', sizeof line - 8);
    const struct turn turns[] = {
        { TO_SERVER, bytes_of(line, sizeof line) },
        TURN_TEXT(TO_SERVER, "\r\n"),
        TURN_TEXT(TO_CLIENT, "SSH-1.99-x\r\n\xff\xff\xff\xff\x04\x14"),
    };
    struct conversation c = { &ssh_protocol, TRANSPORT_TCP, 22, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event long_banner\n");
    expect_text(&out, "event long_kex_record\n");
    expect_text(&out, "\"server\":{\"proto_version\":\"1.99\",\"software_version\":\"x\"}");
    text_done(&out);
    check_conversation(&c, 7);
}

static void a_list_that_leaves_its_packet_is_invalid(void **state)
{
    (void)state;
    const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "SSH-2.0-a\r\n"),
        { TO_SERVER, from_hex("00000017 04 14" COOKIE "7fffffff 00") },
    };
    struct conversation c = { &ssh_protocol, TRANSPORT_TCP, 22, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event invalid_record\n");
    expect_no_text(&out, "hassh");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_have_software_and_fingerprint),
        cmocka_unit_test(odd_beginnings_are_events),
        cmocka_unit_test(a_list_that_leaves_its_packet_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
