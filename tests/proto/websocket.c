/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

#include "proto/http.h"

extern const struct protocol websocket_protocol;

#define ASK                                                                                        \
    TURN_TEXT(TO_SERVER, "GET /c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket" \
                         "\r\n\r\n")
#define YES                                                                                    \
    TURN_TEXT(TO_CLIENT, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade:" \
                         " websocket\r\n\r\n")

static void frames_after_the_upgrade(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        ASK,
        YES,
        /* RFC 6455 section 5.7: "Hello" masked; "Hel" and "lo" in two frames with a ping between them. */
        TURN_TEXT(TO_SERVER, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        TURN_TEXT(TO_CLIENT, "\x01\x03Hel\x89\x00\x80\x02lo"),
        /* RFC 7692 section 7.2.3.1: "Hello" compressed. */
        TURN_TEXT(TO_CLIENT, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),
    };
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .then = &websocket_protocol };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"websocket\":{\"fin\":true,\"mask\":939139389,\"opcode\":\"text\"}");
    expect_text(&out, "\"websocket\":{\"fin\":false,\"opcode\":\"text\"}");
    expect_text(&out, "\"websocket\":{\"fin\":true,\"opcode\":\"ping\"}");
    expect_text(&out, "\"websocket\":{\"fin\":true,\"opcode\":\"continuation\"}");
    text_done(&out);
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(frames_after_the_upgrade) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
