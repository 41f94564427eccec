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
    static const struct turn cut[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\2\1\5\0\0\0\1\x40\x7f"),
    };
    shows(cut, COUNT_OF(cut), "invalid_frame_data");
    static const struct turn elsewhere[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\1\1\0\0\0\0\1\x82"
                                                  "\0\0\1\x9\4\0\0\0\3\x82"),
    };
    shows(elsewhere, COUNT_OF(elsewhere), "continuation_without_headers");
}

/* The sizes of PRIORITY, RST_STREAM, GOAWAY and WINDOW_UPDATE are given. */
static void frames_of_another_size_are_anomalies(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, due;
        bool more;
    } types[] = { { 2, 5, false }, { 3, 4, false }, { 7, 8, true }, { 8, 4, false } };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        for (uint8_t size = types[i].due - 1; size <= types[i].due + 1; size++) {
            struct text frame = text_new(256), out = text_new(1U << 20);
            const uint8_t head[] = { 0, 0, size, types[i].type, 0, 0, 0, 0, types[i].type == 7 ? 0 : 1 };
            text_put(&frame, BYTES_OF(MAGIC EMPTY_SETTINGS));
            text_put(&frame, bytes_of(head, sizeof head));
            for (uint8_t octet = 0; octet < size; octet++)
                text_char(&frame, '\1');
            const struct turn turns[] = { { TO_SERVER, text_bytes(&frame) } };
            play_turns(turns, COUNT_OF(turns), &out);
            if (size == types[i].due || (size > types[i].due && types[i].more))
                expect_no_text(&out, "event ");
            else
                expect_text(&out, "event invalid_frame_length\n");
            text_done(&frame);
            text_done(&out);
        }
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

static struct session *connection(const struct session_settings *settings, const char *bytes, size_t size)
{
    struct session *session = session_new(settings, TRANSPORT_TCP, 40000, 80);
    assert_non_null(session);
    session_stream(session, TO_SERVER, bytes_of(bytes, size), 0);
    assert_ptr_equal(session->protocol, &http2_protocol);
    return session;
}

static void silence_about_a_carried_message_leaves_the_connection_alone(void **state)
{
    (void)state;
    static const struct protocol *const enabled[] = { &http2_protocol, &dns_protocol, NULL };
    static const char request[] = MAGIC EMPTY_SETTINGS
        "\0\0\x2e\1\4\0\0\0\1\x83\x86\x84\x41\x0f"
        "www.example.com" DNS_TYPE "\0\0\x1d\0\1\0\0\0\1\0\0\1\0\0\1\0\0\0\0\0\0" DNS_QUESTION;
    struct session_settings settings = { .enabled = enabled };
    struct session *session = connection(&settings, request, sizeof request - 1);
    const struct tx *carried = session->last_tx;
    assert_ptr_equal(carried->protocol, &dns_protocol);
    uint8_t before[sizeof(struct http2_state)];
    memcpy(before, session->state, sizeof before);
    for (int i = 0; i < 300; i++)
        carried->protocol->silenced(session, carried);
    assert_memory_equal(session->state, before, sizeof before);
    session_free(session);
}

static size_t remembered(const struct session *session)
{
    const struct http2_state *connection = session->state;
    size_t count = 0;
    for (size_t i = 0; i < HTTP2_CHAINS; i++)
        for (const struct tx *tx = connection->streams[i]; tx; tx = http2_of(tx)->beside)
            count++;
    return count;
}

/* What is over is not walked past for each frame that follows. */
static void only_open_streams_are_remembered(void **state)
{
    (void)state;
    static const struct session_settings settings = { 0 };
    struct text text = text_new(1U << 20);
    text_put(&text, BYTES_OF(MAGIC EMPTY_SETTINGS));
    for (int i = 0; i < 400; i++) /* WINDOW_UPDATE */
        text_put(&text, BYTES_OF("\0\0\4\x8\0\0\0\0\0\0\0\0\1"));
    struct session *session = connection(&settings, text.data, text.size);
    assert_int_equal(remembered(session), 0);
    session_free(session);
    text_clear(&text);
    text_put(&text, BYTES_OF(MAGIC EMPTY_SETTINGS));
    for (uint8_t i = 1; i < 100; i++) { /* streams of one chain, each reset */
        const char head[] = { 0, 0, 1, 1, 4, (char)(i >> 2), (char)(i << 6), 0, 1, (char)0x82 };
        const char reset[] = { 0, 0, 4, 3, 0, (char)(i >> 2), (char)(i << 6), 0, 1, 0, 0, 0, 0 };
        text_put(&text, bytes_of(head, sizeof head));
        text_put(&text, bytes_of(reset, sizeof reset));
    }
    session = connection(&settings, text.data, text.size);
    assert_int_equal(session->tx_count, 99);
    assert_true(remembered(session) <= 1);
    session_free(session);
    text_done(&text);
}

/* The server has answered, and needs no more of the request (RFC 9113 section 8.1): one record tells both. */
static void a_reset_right_after_the_answer_is_part_of_it(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, MAGIC EMPTY_SETTINGS "\0\0\1\1\5\0\0\0\1\x82"),
        TURN_TEXT(TO_CLIENT, EMPTY_SETTINGS "\0\0\1\1\4\0\0\0\1\x88"
                                            "\0\0\2\0\1\0\0\0\1hi"
                                            "\0\0\4\3\0\0\0\0\1\0\0\0\0"),
    };
    play_turns(turns, COUNT_OF(turns), &out);
    expect_text(&out,
                "\"status\":200,\"http2\":{\"stream_id\":1,\"response\":{\"error_code\":\"NoError\"}}}}\n");
    expect_no_text(&out, "\"version\":\"2\",\"http2\":{\"stream_id\":1");
    text_done(&out);
}

/* Blocks without fields, and those with one, do not use up what the content needs. */
static void many_blocks_cost_what_they_have(void **state)
{
    (void)state;
    struct text text = text_new(1U << 20), out = text_new(1U << 22);
    text_put(&text, BYTES_OF(MAGIC EMPTY_SETTINGS "\0\x8\x0e\1\4\0\0\0\1\x83\x86\x04\x7f\x89\x0f/"));
    for (int i = 1; i < 2056; i++)
        text_char(&text, 'a');
    text_put(&text, BYTES_OF("\0\0\x8\1\4\0\0\0\1\x0f\x11\5"
                             "a=123"));
    for (int i = 0; i < 3000; i++)
        text_put(&text, BYTES_OF("\0\0\0\1\4\0\0\0\1"));
    for (int i = 0; i < 500; i++)
        text_put(&text, BYTES_OF("\0\0\6\1\4\0\0\0\1\x0f\x11\3"
                                 "b=1"));
    text_put(&text, BYTES_OF("\0\0\5\0\1\0\0\0\1hello"));
    const struct turn turns[] = { { TO_SERVER, text_bytes(&text) } };
    play_turns(turns, 1, &out);
    expect_text(&out, "\"content\":\"hello\"");
    text_done(&text);
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer),
        cmocka_unit_test(dns_in_content_and_in_a_target),
        cmocka_unit_test(a_header_block_over_several_frames),
        cmocka_unit_test(endless_continuations_are_bounded),
        cmocka_unit_test(anomalies_are_named),
        cmocka_unit_test(frames_of_another_size_are_anomalies),
        cmocka_unit_test(silence_about_a_carried_message_leaves_the_connection_alone),
        cmocka_unit_test(only_open_streams_are_remembered),
        cmocka_unit_test(a_reset_right_after_the_answer_is_part_of_it),
        cmocka_unit_test(many_blocks_cost_what_they_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
