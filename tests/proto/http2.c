/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http2.h"

#include "conversation.h"

#define MAGIC          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define EMPTY_SETTINGS "\0\0\0\4\0\0\0\0\0"
/* :method GET, :scheme http, :path /, :authority www.example.com (RFC 7541 appendix C.3.1). */
#define GET_BLOCK "\x82\x86\x84\x41\x0fwww.example.com"
#define GET_FRAME "\0\0\x14\1\5\0\0\0\1" GET_BLOCK

static void play_turns(const struct turn *turns, size_t count, struct text *out)
{
    struct conversation c = { &http2_protocol, TRANSPORT_TCP, 80, turns, count, NULL, false, NULL };
    play(&c, 0, out);
}

static void shows(const struct turn *turns, size_t count, const char *wanted)
{
    struct text out = text_new(1U << 20);
    play_turns(turns, count, &out);
    expect_text(&out, wanted);
    text_done(&out);
}

static void a_request_and_its_answer(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, MAGIC "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64" GET_FRAME),
        TURN_TEXT(TO_CLIENT, EMPTY_SETTINGS "\0\0\4\1\4\0\0\0\1\x88\x5c\1"
                                            "5"
                                            "\0\0\5\0\1\0\0\0\1hello"),
        TURN_TEXT(TO_SERVER, "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\0"),
    };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), &out);
    expect_text(&out, "{\"settings_id\":\"SETTINGSMAXCONCURRENTSTREAMS\",\"settings_value\":100}");
    expect_text(&out, "{\"name\":\":authority\",\"value\":\"www.example.com\"}");
    expect_text(&out, "\"http_method\":\"GET\",\"url\":\"/\",\"hostname\":\"www.example.com\",\"status\":200,"
                      "\"length\":5,\"http2\":{\"stream_id\":1}");
    expect_text(&out, "\"content\":\"hello\"");
    expect_text(&out, "\"error_code\":\"NOERROR\"");
    text_done(&out);
    struct conversation c = { &http2_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    check_conversation(&c, 1);
}

static void a_header_block_over_several_frames(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\5\1\1\0\0\0\1\x82\x86\x84\x41\x0f"
                                                  "\0\0\x0f\x9\4\0\0\0\1www.example.com"),
    };
    shows(turns, COUNT_OF(turns), "\"hostname\":\"www.example.com\"");
    struct conversation c = { &http2_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    check_conversation(&c, 1);
}

static void endless_continuations_are_bounded(void **state)
{
    (void)state;
    struct text flood = text_new(1U << 20);
    text_put(&flood, BYTES_OF(MAGIC EMPTY_SETTINGS "\0\0\1\1\0\0\0\0\1\x82"));
    for (int i = 0; i < 40; i++) {
        text_put(&flood, BYTES_OF("\0\x10\0\x9\0\0\0\0\1"));
        for (int k = 0; k < 4096; k++)
            text_char(&flood, '\x82');
    }
    const struct turn turns[] = { { TO_SERVER, text_bytes(&flood) } };
    shows(turns, COUNT_OF(turns), "reassembly_limit_reached");
    text_done(&flood);
}

static void anomalies_are_named(void **state)
{
    (void)state;
    static const struct turn user[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\x9\1\5\0\0\0\1\x82\x86\x84\x41\4u@ab"),
    };
    shows(user, COUNT_OF(user), "userinfo_in_uri");
    static const struct turn data[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\2\0\0\0\0\0\0ab"),
    };
    shows(data, COUNT_OF(data), "data_stream_zero");
    static const struct turn block[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\1\1\5\0\0\0\1\x80"),
    };
    shows(block, COUNT_OF(block), "invalid_header");
}

#define DNS_TYPE   \
    "\x0f\x10\x17" \
    "application/dns-message"
#define DNS_QUESTION "\7example\3com\0\0\1\0\1"

extern const struct protocol dns_protocol;

static void dns_in_content_and_in_a_target(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS
                  "\0\0\x2e\1\4\0\0\0\1\x83\x86\x84\x41\x0f"
                  "www.example.com" DNS_TYPE "\0\0\x1d\0\1\0\0\0\1\0\0\1\0\0\1\0\0\0\0\0\0" DNS_QUESTION),
        TURN_TEXT(TO_CLIENT, EMPTY_SETTINGS "\0\0\x1b\1\4\0\0\0\1\x88" DNS_TYPE
                                            "\0\0\x1d\0\1\0\0\0\1\0\0\x81\x83\0\1\0\0\0\0\0\0" DNS_QUESTION),
        TURN_TEXT(TO_SERVER, "\0\0\x5d\1\5\0\0\0\3\x82\x86\4\x2e"
                             "/q?dns=AAABAAABAAAAAAAAB2V4YW1wbGUDY29tAAABAAE"
                             "\x41\x0fwww.example.com\x0f\4\x17"
                             "application/dns-message"),
        TURN_TEXT(TO_CLIENT, "\0\0\x1b\1\4\0\0\0\3\x88" DNS_TYPE
                             "\0\0\x1d\0\1\0\0\0\3\0\0\x81\x80\0\1\0\0\0\0\0\0" DNS_QUESTION),
    };
    struct conversation c = { &http2_protocol, TRANSPORT_TCP, 80, TURNS(turns), .then = &dns_protocol };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"type\":\"response\"");
    expect_text(&out, "\"rcode\":\"NXDOMAIN\"");
    expect_text(&out, "\"rcode\":\"NOERROR\"");
    expect_no_text(&out, "\"type\":\"request\""); /* the response repeats it */
    text_done(&out);
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer),
        cmocka_unit_test(dns_in_content_and_in_a_target),
        cmocka_unit_test(a_header_block_over_several_frames),
        cmocka_unit_test(endless_continuations_are_bounded),
        cmocka_unit_test(anomalies_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
