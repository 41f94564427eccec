/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

#include <stdio.h>

extern const struct protocol sip_protocol;

#define SDP                                                                                    \
    "v=0\r\no=lan 1 1 IN IP4 10.0.0.1\r\ns=call\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=tool:x\r\n" \
    "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
#define INVITE                                                                                       \
    "INVITE sip:minh@example.vn SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1\r\nf: <sip:lan@example.vn>\r\n" \
    "To: <sip:minh@example.vn>\r\nContent-Type: application/sdp\r\nl: 122\r\n\r\n" SDP

static void a_datagram_against_its_direction_is_no_message(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "OPTIONS sip:minh@example.vn SIP/2.0\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "OPTIONS sip:lan@example.vn SIP/2.0\r\n\r\n"),
        TURN_TEXT(TO_SERVER, "SIP/2.0 200 OK\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "SIP/2.0 404 Not Found\r\n\r\n"),
    };
    struct conversation c = { &sip_protocol, TRANSPORT_UDP, 5060, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "sip:minh@example.vn");
    expect_text(&out, "\"code\":\"404\"");
    expect_no_text(&out, "sip:lan@example.vn");
    expect_no_text(&out, "\"code\":\"200\"");
    text_done(&out);
    check_conversation(&c, 1);
}

static void requests_and_answers_are_told_with_their_media(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, INVITE),
        TURN_TEXT(TO_CLIENT, "SIP/2.0 180 Ringing\r\nContent-Length: 0\r\n\r\n"
                             "SIP/2.0 486 Busy Here\r\n\r\n"),
        TURN_TEXT(TO_SERVER, "\r\n\r\nACK sip:minh@example.vn SIP/2.0\n\n"),
    };
    struct conversation c = { &sip_protocol, TRANSPORT_TCP, 5060, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 16);
    assert_int_equal(sizeof SDP - 1, 122);
    play(&c, 0, &out);
    expect_text(&out,
                "{\"sip\":{\"method\":\"INVITE\",\"uri\":\"sip:minh@example.vn\",\"version\":\"SIP/2.0\","
                "\"sdp\":{\"origin\":\"lan 1 1 IN IP4 10.0.0.1\",\"session_name\":\"call\","
                "\"connection_data\":\"IN IP4 10.0.0.1\",\"time_descriptions\":[{\"time\":\"0 0\"}],"
                "\"attributes\":[\"tool:x\"],\"media_descriptions\":[{\"media\":\"audio 4000 RTP/AVP 0\","
                "\"attributes\":[\"rtpmap:0 PCMU/8000\"]}]},"
                "\"request_line\":\"INVITE sip:minh@example.vn SIP/2.0\"}}\n");
    expect_text(&out, "{\"sip\":{\"version\":\"SIP/2.0\",\"code\":\"486\",\"reason\":\"Busy Here\","
                      "\"response_line\":\"SIP/2.0 486 Busy Here\"}}\n");
    expect_text(&out, "\"method\":\"ACK\"");
    expect_text(&out, "frame request.line to_server 0 36\n");
    text_done(&out);
    check_conversation(&c, 1);
}

static void a_datagram_is_a_message(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "OPTIONS sip:x SIP/2.0\r\nVia: a\r\n b\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "SIP/2.0 200 OK\r\nno header\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "SIP/2.0 200 OK\r\nServer: z"),
    };
    struct conversation c = { &sip_protocol, TRANSPORT_UDP, 5060, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"request_line\":\"OPTIONS sip:x SIP/2.0\"");
    expect_no_text(&out, "event ");
    expect_text(&out, "\"response_line\":\"SIP/2.0 200 OK\"");
    text_done(&out);
    check_conversation(&c, 1);
}

/* What keeps a path open (RFC 5626 section 3.5.1), in one way or another. */
static void datagrams_that_say_nothing_are_no_transactions(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "OPTIONS sip:x SIP/2.0\r\nVia: a\r\n\r\n"),
        TURN_TEXT(TO_SERVER, "\r\n\r\n"),
        TURN_TEXT(TO_SERVER, "     "),
        TURN_TEXT(TO_SERVER, "hello\r\n"),
        TURN_TEXT(TO_CLIENT, "SIP/2.0 200 OK\r\nServer: z\r\n\r\n"),
    };
    struct session_settings settings = { .enabled = (const struct protocol *[]){ &sip_protocol, NULL } };
    struct session *session = session_new(&settings, TRANSPORT_UDP, 40000, 5060);
    assert_non_null(session);
    for (size_t i = 0; i < COUNT_OF(turns); i++)
        session_datagram(session, turns[i].direction, turns[i].data);
    assert_int_equal(session->tx_total, 2);
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        assert_int_equal(tx->event_count, 0);
    session_free(session);
}

/* Of a long body a part is kept, the rest is passed over, and the next message is found. */
static void a_long_body_is_passed_over(void **state)
{
    (void)state;
    enum { BODY = 100000 };
    static char message[BODY + 200];
    int head = snprintf(message, sizeof message, "MESSAGE sip:x SIP/2.0\r\nContent-Length: %d\r\n\r\n", BODY);
    memset(message + head, '\n', BODY);
    struct turn turns[] = {
        { TO_SERVER, bytes_of(message, (size_t)head + BODY) },
        TURN_TEXT(TO_SERVER, "BYE sip:x SIP/2.0\r\n\r\n"),
    };
    struct conversation c = { &sip_protocol, TRANSPORT_TCP, 5060, TURNS(turns) };
    struct text whole = text_new(1U << 16), cut = text_new(1U << 16);
    play(&c, 0, &whole);
    play(&c, 1460, &cut);
    expect_text(&whole, "\"method\":\"MESSAGE\"");
    expect_text(&whole, "\"method\":\"BYE\"");
    assert_string_equal(cut.data, whole.data);
    text_done(&whole);
    text_done(&cut);
}

static const struct protocol *recognised(enum direction direction, const char *first, bool *reversed)
{
    static const struct protocol *const enabled[] = { &sip_protocol, NULL };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 7000);
    assert_non_null(session);
    session_stream(session, direction, bytes_of_string(first), 0);
    const struct protocol *found = session->protocol;
    *reversed = session->reversed;
    session_free(session);
    return found;
}

static void the_first_line_tells_who_is_the_server(void **state)
{
    (void)state;
    bool reversed;
    assert_ptr_equal(recognised(TO_SERVER, "OPTIONS sip:x SIP/2.0\r\n", &reversed), &sip_protocol);
    assert_false(reversed);
    assert_ptr_equal(recognised(TO_SERVER, "SIP/2.0 200 OK\r\n", &reversed), &sip_protocol);
    assert_true(reversed);
    assert_null(recognised(TO_SERVER, "OPTIONS * HTTP/1.1\r\n", &reversed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_against_its_direction_is_no_message),
        cmocka_unit_test(requests_and_answers_are_told_with_their_media),
        cmocka_unit_test(a_datagram_is_a_message),
        cmocka_unit_test(datagrams_that_say_nothing_are_no_transactions),
        cmocka_unit_test(a_long_body_is_passed_over),
        cmocka_unit_test(the_first_line_tells_who_is_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
