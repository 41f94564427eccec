/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol rfb_protocol;

#define CHALLENGE "000102030405060708090a0b0c0d0e0f"
#define RESPONSE  "101112131415161718191a1b1c1d1e1f"
/* 800x600, 32 bits per pixel, "desk" */
#define SERVER_INIT "0320 0258 20 18 00 01 00ff 00ff 00ff 10 08 00 000000 00000004 6465736b"

static void a_login_and_its_screen_are_told(void **state)
{
    (void)state;
    const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "RFB 003.008\n"),
        TURN_TEXT(TO_SERVER, "RFB 003.008\n"),
        { TO_CLIENT, from_hex("02 01 02") },
        { TO_SERVER, from_hex("02") },
        { TO_CLIENT, from_hex(CHALLENGE) },
        { TO_SERVER, from_hex(RESPONSE) },
        { TO_CLIENT, from_hex("00000000") },
        { TO_SERVER, from_hex("01") },
        { TO_CLIENT, from_hex(SERVER_INIT "0000 0001") },
        { TO_SERVER, from_hex("0300 0000") },
    };
    struct conversation c = { &rfb_protocol, TRANSPORT_TCP, 5900, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"rfb\":{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},"
                      "\"client_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},"
                      "\"authentication\":{\"security_type\":2,\"vnc\":{\"challenge\":\"" CHALLENGE
                      "\",\"response\":\"" RESPONSE "\"},\"security_result\":\"OK\"},"
                      "\"screen_shared\":true,\"framebuffer\":{\"width\":800,\"height\":600,"
                      "\"name\":\"desk\",\"pixel_format\":{\"bits_per_pixel\":32,\"depth\":24,"
                      "\"big_endian\":false,\"true_color\":true,\"red_max\":255,\"green_max\":255,"
                      "\"blue_max\":255,\"red_shift\":16,\"green_shift\":8,\"blue_shift\":0}}}}\n");
    expect_text(&out, "frame pdu to_server 29 1\n");
    text_done(&out);
    check_conversation(&c, 1);
}

/* With version 3.3 the server decides, and with none of the types a reason follows. */
static void a_refusal_has_its_reason(void **state)
{
    (void)state;
    const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "RFB 003.003\n"),
        TURN_TEXT(TO_SERVER, "RFB 003.003\n"),
        { TO_CLIENT, from_hex("00000000 00000004 62757379") },
    };
    struct conversation c = { &rfb_protocol, TRANSPORT_TCP, 5900, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"server_security_failure_reason\":\"busy\"");
    text_done(&out);
    check_conversation(&c, 1);
}

static void a_wrong_password_ends_the_handshake(void **state)
{
    (void)state;
    const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "RFB 003.007\n"), TURN_TEXT(TO_SERVER, "RFB 003.007\n"),
        { TO_CLIENT, from_hex("01 02") },      { TO_SERVER, from_hex("02") },
        { TO_CLIENT, from_hex(CHALLENGE) },    { TO_SERVER, from_hex(RESPONSE) },
        { TO_CLIENT, from_hex("00000001") },
    };
    struct conversation c = { &rfb_protocol, TRANSPORT_TCP, 5900, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"security_result\":\"FAIL\"");
    expect_no_text(&out, "framebuffer");
    text_done(&out);
    check_conversation(&c, 1);
}

static void what_cannot_be_followed_is_an_event(void **state)
{
    (void)state;
    const struct turn unknown_type[] = {
        TURN_TEXT(TO_CLIENT, "RFB 003.008\n"),
        TURN_TEXT(TO_SERVER, "RFB 003.008\n"),
        { TO_CLIENT, from_hex("01 13") },
        { TO_SERVER, from_hex("13") },
    };
    const struct turn long_reason[] = {
        TURN_TEXT(TO_CLIENT, "RFB 003.008\n"),
        TURN_TEXT(TO_SERVER, "RFB 003.008\n"),
        { TO_CLIENT, from_hex("00 7fffffff 61") },
    };
    struct conversation c = { &rfb_protocol, TRANSPORT_TCP, 5900, TURNS(unknown_type) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event unimplemented_security_type\n");
    expect_text(&out, "\"security_type\":19");
    c = (struct conversation){ &rfb_protocol, TRANSPORT_TCP, 5900, TURNS(long_reason) };
    play(&c, 0, &out);
    expect_text(&out, "event too_long_string\n");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_login_and_its_screen_are_told),
        cmocka_unit_test(a_refusal_has_its_reason),
        cmocka_unit_test(a_wrong_password_ends_the_handshake),
        cmocka_unit_test(what_cannot_be_followed_is_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
