/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol rdp_protocol;

#define REQUEST     "03000029 24e00000000000 436f6f6b69653a206d737473686173683d626f620d0a 0109080003000000"
#define CONFIRM_RDP "03000013 0ed00000123400 021f080000000000"
#define CONFIRM_TLS "03000013 0ed00000123400 0201080002000000"
#define REFUSAL     "03000013 0ed00000123400 0300080005000000"
#define RESPONSE    "0300000d 02f080 7f6603616263"

/* MCS connect-initial with its three domain parameters, 0x12d bytes of user data to the end. */
#define DOMAIN  "3019 020122 020102 020100 020101 020100 020101 0202ffff 020102"
#define CONNECT "03000197 02f080 7f6582018b 040101 040101 0101ff" DOMAIN DOMAIN DOMAIN "0482012d"
#define GCC     "000500147c0001 8124 000800100001c000 44756361 8116"
#define ZEROS16 "00000000000000000000000000000000"
#define ZEROS32 ZEROS16 ZEROS16
/* Version 5, 1024x768, Vietnamese keyboard, Windows 10 TH1, "m\u00e1y-1". */
#define CORE_BEGIN                                                                                        \
    "01c0ea00 04000800 0004 0003 01ca 03aa 2a040000 00280000 6d00e10079002d003100" ZEROS16 "000000000000" \
    "04000000 01000000 0c000000" ZEROS32 ZEROS32
#define CORE_DEPTH "01ca 0100 07000000 1000 0700" /* product 1, serial number 7, 16 bits */
#define CORE_FLAGS "4300"
/* "55274", a LAN, 300x200 mm turned by 90 degrees, 125 and 140 per cent. */
#define CORE_END                                          \
    "35003500320037003400" ZEROS32 ZEROS16 "000000000000" \
    "06 00 00000000 2c010000 c8000000 5a00 7d000000 8c000000"
#define SECURITY "02c00c00 0000000000000000"
#define CHANNELS "03c02000 02000000 7264706472000000 00008080 636c697072647200 00008080"

static void expect_played(const struct turn *turns, size_t count, const char *const *wanted)
{
    struct conversation c = { &rdp_protocol, TRANSPORT_TCP, 3389, turns, count, .open_ended = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    for (; *wanted; wanted++)
        expect_text(&out, *wanted);
    text_done(&out);
    check_conversation(&c, 1);
}

static void a_connection_tells_who_connects_from_what(void **state)
{
    (void)state;
    struct turn turns[] = {
        { TO_SERVER, from_hex(REQUEST) },
        { TO_CLIENT, from_hex(CONFIRM_RDP) },
        { TO_SERVER, from_hex(CONNECT GCC CORE_BEGIN CORE_DEPTH CORE_FLAGS CORE_END SECURITY CHANNELS) },
        { TO_CLIENT, from_hex(RESPONSE RESPONSE) },
        { TO_SERVER, from_hex("0408 010203040506" REQUEST) },
    };
    expect_played(
        turns, COUNT_OF(turns),
        (const char *const[]){
            "{\"rdp\":{\"tx_id\":1,\"event_type\":\"initial_request\",\"cookie\":\"bob\","
            "\"flags\":[\"restricted_admin_mode_required\",\"correlation_info_present\"]}}\n",
            "{\"rdp\":{\"tx_id\":2,\"event_type\":\"initial_response\",\"server_supports\":"
            "[\"extended_client_data\",\"dynvc_gfx\",\"restricted_admin\",\"redirected_authentication\"],"
            "\"protocol\":\"rdp\"}}\n",
            "{\"rdp\":{\"tx_id\":3,\"event_type\":\"connect_request\",\"client\":{\"version\":\"v5\","
            "\"desktop_width\":1024,\"desktop_height\":768,\"color_depth\":16,\"keyboard_layout\":\"vi-VN\","
            "\"build\":\"Windows 10 TH1\",\"client_name\":\"m\u00e1y-1\",\"keyboard_type\":\"enhanced\","
            "\"keyboard_subtype\":1,\"function_keys\":12,\"product_id\":1,\"serial_number\":7,"
            "\"capabilities\":[\"support_errinfo_pdf\",\"want_32bpp_session\",\"support_monitor_layout_pdu\"]"
            ","
            "\"id\":\"55274\",\"connection_hint\":\"lan\",\"physical_width\":300,\"physical_height\":200,"
            "\"desktop_orientation\":90,\"scale_factor\":125,\"device_scale_factor\":140},"
            "\"channels\":[\"rdpdr\",\"cliprdr\"]}}\n"
            "{\"rdp\":{\"tx_id\":4,\"event_type\":\"connect_response\"}}\n",
            NULL });
}

static void nothing_is_read_once_the_connection_stands(void **state)
{
    (void)state;
    struct turn turns[] = {
        { TO_SERVER, from_hex(REQUEST) },
        { TO_CLIENT, from_hex(RESPONSE) },
        { TO_SERVER, from_hex(REQUEST) },
    };
    struct conversation c = { &rdp_protocol, TRANSPORT_TCP, 3389, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"tx_id\":2,\"event_type\":\"connect_response\"");
    expect_no_text(&out, "\"tx_id\":3");
    text_done(&out);
}

static void a_refusal_has_its_reason(void **state)
{
    (void)state;
    struct turn turns[] = { { TO_SERVER, from_hex(REQUEST) }, { TO_CLIENT, from_hex(REFUSAL) } };
    expect_played(turns, COUNT_OF(turns),
                  (const char *const[]){ "\"event_type\":\"initial_response\",\"error_code\":5,"
                                         "\"reason\":\"hybrid required by server\"}",
                                         NULL });
}

/* Older clients end early, and a value that does not exist ends what is understood. */
static void an_unknown_value_ends_the_clients_data(void **state)
{
    (void)state;
    struct turn turns[] = {
        { TO_SERVER, from_hex(REQUEST) },
        { TO_SERVER, from_hex(CONNECT GCC CORE_BEGIN CORE_DEPTH "0080" CORE_END SECURITY CHANNELS) },
    };
    struct conversation c = { &rdp_protocol, TRANSPORT_TCP, 3389, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"serial_number\":7},\"channels\":[\"rdpdr\",\"cliprdr\"]");
    text_done(&out);
}

/* Handshake records of a server: a hello cut over two records, then two certificates of which only the serial
 * numbers are there. */
#define HELLO_1 "16 0303 0003 020000"
#define HELLO_2 "16 0303 0003 020303"
#define CERTIFICATES \
    "16 0303 0024 0b000020 00001d 00000d 300b3009a003020102020200ab 00000a 300830060204 88776655"
#define SEALED "14 0303 0001 01  17 0303 0002 aabb"

static void the_serial_numbers_of_a_tls_handshake_are_told(void **state)
{
    (void)state;
    struct turn turns[] = {
        { TO_SERVER, from_hex(REQUEST) },
        { TO_CLIENT, from_hex(CONFIRM_TLS) },
        { TO_SERVER, from_hex("16 0301 0004 01000000") },
        { TO_CLIENT, from_hex(HELLO_1 HELLO_2 CERTIFICATES SEALED) },
        { TO_SERVER, from_hex(SEALED REQUEST) },
    };
    expect_played(turns, COUNT_OF(turns),
                  (const char *const[]){ "\"protocol\":\"hybrid\"}}\n{\"rdp\":{\"tx_id\":3,\"event_type\":"
                                         "\"tls_handshake\",\"x509_serials\":[\"ab\",\"88776655\"]}}\n",
                                         NULL });
}

static const struct protocol *recognised(enum direction direction, struct bytes first)
{
    static const struct protocol *const enabled[] = { &rdp_protocol, NULL };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 7000);
    assert_non_null(session);
    session_stream(session, direction, first, 0);
    const struct protocol *found = session->protocol;
    session_free(session);
    return found;
}

static void other_protocols_over_x224_are_not_taken_for_it(void **state)
{
    (void)state;
    assert_ptr_equal(recognised(TO_SERVER, from_hex(REQUEST)), &rdp_protocol);
    assert_ptr_equal(recognised(TO_SERVER, from_hex("0300000b 06e00000000000")), &rdp_protocol);
    assert_ptr_equal(recognised(TO_CLIENT, from_hex(CONFIRM_TLS)), &rdp_protocol);
    /* S7 of industrial controllers, whose parameters name the ends. */
    assert_null(recognised(TO_SERVER, from_hex("03000016 11e00000000100 c0010a c1020100 c2020102")));
    assert_null(recognised(TO_CLIENT, from_hex("03000016 11d00001000300 c0010a c1020100 c2020102")));
    assert_null(recognised(TO_SERVER, from_hex("02000029 24e00000000000 436f6f6b69653a20")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_tells_who_connects_from_what),
        cmocka_unit_test(nothing_is_read_once_the_connection_stands),
        cmocka_unit_test(a_refusal_has_its_reason),
        cmocka_unit_test(an_unknown_value_ends_the_clients_data),
        cmocka_unit_test(the_serial_numbers_of_a_tls_handshake_are_told),
        cmocka_unit_test(other_protocols_over_x224_are_not_taken_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
