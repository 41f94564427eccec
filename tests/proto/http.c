/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http.h"

#include <stdio.h>
#include <time.h>

#include "conversation.h"

#define GET(target) TURN_TEXT(TO_SERVER, "GET " target " HTTP/1.1\r\nHost: a.example.vn\r\n\r\n")
#define OK          "HTTP/1.1 200 OK\r\n"

static void play_turns(const struct turn *turns, size_t count, size_t cut, struct text *out)
{
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, turns, count, NULL, false, NULL };
    play(&c, cut, out);
}

/* What `turns` must show. */
static void shows(const struct turn *turns, size_t count, const char *wanted)
{
    struct text out = text_new(1U << 20);
    play_turns(turns, count, 0, &out);
    expect_text(&out, wanted);
    text_done(&out);
}

static void a_request_and_its_answer(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "GET /tin/../tuc//bai?id=%31 HTTP/1.1\r\nHost: Bao.Example.VN:8080\r\n"
                             "User-Agent: thu\r\nReferer: http://b.example.vn/\r\n\r\n"),
        TURN_TEXT(TO_CLIENT,
                  "HTTP/1.1 302 Found\r\nLocation: /moi\r\nContent-Type: text/html; charset=utf-8\r\n"
                  "Content-Length: 5\r\n\r\nhello"),
    };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), 0, &out);
    expect_text(&out,
                "\"http\":{\"hostname\":\"bao.example.vn\",\"http_port\":8080,"
                "\"url\":\"/tin/../tuc//bai?id=%31\",\"http_user_agent\":\"thu\","
                "\"http_content_type\":\"text/html\",\"http_refer\":\"http://b.example.vn/\","
                "\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":302,\"redirect\":\"/moi\","
                "\"length\":5}");
    expect_text(&out, "\"file\":\"/tuc/bai\",\"size\":5");
    text_done(&out);
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    check_conversation(&c, 1);
}

static void bodies_in_chunks_and_compressed(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        GET("/a"),
        TURN_TEXT(TO_CLIENT,
                  OK "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n"),
        GET("/b"),
        /* gzip of "xin chao" */
        TURN_TEXT(TO_CLIENT, OK "Content-Encoding: gzip\r\nContent-Length: 28\r\n\r\n"
                                "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xc8\xccSH\xceH\xcc\x07\x00"
                                "\xc8\x0c\x1b\x8c\x08\x00\x00\x00"),
        GET("/c"),
        TURN_TEXT(TO_CLIENT, OK "\r\nuntil the end"),
    };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), 0, &out);
    expect_text(&out, "\"content\":\"hello world\"");
    expect_text(&out, "\"content\":\"xin chao\"");
    expect_text(&out, "\"content\":\"until the end\"");
    text_done(&out);
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    check_conversation(&c, 3);
}

/* It is content, not kept and read again with each segment. */
static void a_chunk_whose_size_has_no_end(void **state)
{
    (void)state;
    static uint8_t digits[20000];
    memset(digits, '0', sizeof digits);
    static const struct turn turns[] = { GET("/a"),
                                         TURN_TEXT(TO_CLIENT, OK "Transfer-Encoding: chunked\r\n\r\n"),
                                         { TO_CLIENT, { digits, sizeof digits } } };
    shows(turns, COUNT_OF(turns), "event invalid_response_chunk_len\n{\"file\":\"/a\",\"size\":20000,");
}

/* As Suricata 8.0.8 has it, asked with the same messages. */
static void what_a_connection_ends_in(void **state)
{
    (void)state;
    static const struct {
        const char *head, *content;
        bool whole_request, whole_answer;
    } cases[] = {
        { "Content-Length: 50\r\n\r\n", "abc", false, true },
        { "Transfer-Encoding: chunked\r\n\r\n5\r\n", "ab", false, true },
        { "Transfer-Encoding: chunked\r\n\r\n5\r\n", "abcde", false, false },
        { "Transfer-Encoding: chunked\r\n\r\n5\r\n", "abcde\r\n", false, false },
        { "Transfer-Encoding: chunked\r\n\r\n5\r\n", "abcde\r\n3", false, false },
        { "Transfer-Encoding: chunked\r\n\r\n5\r\n", "abcde\r\n0\r\n", true, true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int answer = 0; answer < 2; answer++) {
            char text[200], wanted[100];
            snprintf(text, sizeof text, "%s%s%s", answer ? OK : "POST /a HTTP/1.1\r\nHost: a.example.vn\r\n",
                     cases[i].head, cases[i].content);
            struct turn turns[] = { GET("/a"), { TO_CLIENT, bytes_of_string(text) } };
            turns[1].direction = answer ? TO_CLIENT : TO_SERVER;
            bool whole = answer ? cases[i].whole_answer : cases[i].whole_request;
            size_t size = strspn(cases[i].content, "abcde");
            snprintf(wanted, sizeof wanted, "\"file\":\"/a\",\"size\":%zu,\"whole\":%s,", size,
                     whole ? "true" : "false");
            shows(answer ? turns : turns + 1, answer ? 2 : 1, wanted);
        }
}

/* What needs no decoding is a layer, too, and what lies beyond the limit stays as it is; nothing is no layer.
 */
static void layers_of_coding_are_counted(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        GET("/a"),
        TURN_TEXT(TO_CLIENT, OK "Content-Encoding: identity, identity, gzip\r\nContent-Length: 2\r\n\r\nhi"),
    };
    static const struct turn empty[] = {
        GET("/a"),
        TURN_TEXT(TO_CLIENT, OK "Content-Encoding: ,, identity, , identity\r\nContent-Length: 2\r\n\r\nhi"),
    };
    shows(turns, 2,
          "event too_many_encoding_layers\n{\"file\":\"/a\",\"size\":2,\"whole\":true,\"content\":\"hi\"}");
    struct text out = text_new(1U << 20);
    play_turns(empty, 2, 0, &out);
    expect_text(&out, "\"content\":\"hi\"");
    expect_no_text(&out, "event ");
    text_done(&out);
}

/* The piece that reaches the limit may hold more: that alone does not tell that the body goes on. */
static void a_body_that_reaches_its_limit(void **state)
{
    (void)state;
    struct http_settings settings = http_settings_default;
    settings.response_body_limit = 4;
    static const struct turn turns[] = {
        GET("/a"),
        TURN_TEXT(TO_CLIENT, OK "Content-Length: 9\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "abcdefghi"),
        GET("/b"),
        TURN_TEXT(TO_CLIENT, OK "Content-Length: 9\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "abcdefgh"),
        TURN_TEXT(TO_CLIENT, "i"),
    };
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .options = &settings };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"file\":\"/a\",\"size\":4,\"whole\":true,\"content\":\"abcd\"");
    expect_text(&out, "\"file\":\"/b\",\"size\":4,\"whole\":false,\"content\":\"abcd\"");
    text_done(&out);
}

static void forms_with_files(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER,
                  "POST /gui HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=\"b b\"\r\n"
                  "Content-Length: 211\r\n\r\n"
                  "--b b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nplain\r\n"
                  "--b b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"anh; 1.png\"\r\n"
                  "Content-Type: image/png\r\n\r\n--b\r\n-content\r\n--b b--\r\n         "),
        TURN_TEXT(TO_CLIENT, OK "Content-Length: 0\r\n\r\n"),
    };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), 0, &out);
    expect_text(&out, "\"file\":\"anh; 1.png\",\"size\":13,\"whole\":true,\"content\":\"--b\\r\\n-content\"");
    expect_no_text(&out, "multipart");
    text_done(&out);
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    check_conversation(&c, 3);
}

/* What is not looked at is said. */
static void a_form_of_too_many_parts_is_an_anomaly(void **state)
{
    (void)state;
    static const char part[] = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n";
    for (unsigned parts = 1024; parts <= 1025; parts++) {
        struct text request = text_new(1U << 20), out = text_new(1U << 20);
        text_add(&request,
                 "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 parts * (sizeof part - 1) + 5);
        for (unsigned i = 0; i < parts; i++)
            text_string(&request, part);
        text_string(&request, "--b--");
        const struct turn turns[] = { { TO_SERVER, text_bytes(&request) } };
        play_turns(turns, COUNT_OF(turns), 0, &out);
        if (parts > 1024)
            expect_text(&out, "event multipart_generic_error\n");
        else
            expect_no_text(&out, "multipart_generic_error");
        text_done(&request);
        text_done(&out);
    }
}

static void requests_ahead_of_their_answers(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER,
                  "HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: "
                  "3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"),
        TURN_TEXT(TO_CLIENT,
                  OK "Content-Length: 10\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                     "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 304 Not Modified\r\n"
                     "Content-Length: 9\r\n\r\n"),
        GET("/4"),
        TURN_TEXT(TO_CLIENT, OK "Content-Length: 4\r\n\r\nfour"),
    };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), 0, &out);
    expect_text(
        &out,
        "\"url\":\"/1\",\"http_method\":\"HEAD\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"length\":0");
    expect_text(
        &out, "\"url\":\"/2\",\"http_method\":\"PUT\",\"protocol\":\"HTTP/1.1\",\"status\":201,\"length\":2");
    expect_text(
        &out, "\"url\":\"/3\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":304,\"length\":0");
    expect_text(
        &out, "\"url\":\"/4\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"length\":4");
    text_done(&out);
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    check_conversation(&c, 2);
}

/* Answers that lenient receivers read, each with the content they find. */
static void odd_answers_are_read_as_receivers_do(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *content;
    } cases[] = {
        { OK "Transfer-Encoding: xchunked\r\n\r\n\t2 x\r\nab\r\n\r\n1\r\nc\r\n0\r\n\r\n", "abc" },
        { OK "Transfer-Encoding: chunked\r\n\r\nnot chunked", "not chunked" },
        { OK "Transfer-Encoding\r\n :\r\n chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "a" },
        { OK "X: y\r\n Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "a" },
        { "HTTP/1.1 200 ok\rContent-Length: 2\r\n\r\nab", "ab" },
        { "HTTP/1.1 200 ok\nContent-Length: 2\n\nab", "ab" },
        { OK "Content-Length: 2\n \nab", "ab" },
        { OK "Content-Length: 2\n\r\r\n\r\nab", "ab" },
        { " junk\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab" },
        { "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab", "ab" },
        { OK "Content-Length: 1\r\n\r\nabc", "abc" },
        { OK "Content-Length: 1 2\r\n\r\nab", "ab" },
        { OK "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", "plain" },
        { "no headers at all", "no headers at all" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct turn turns[] = { GET("/x"), { TO_CLIENT, bytes_of_string(cases[i].answer) } };
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "\"content\":\"%s\"", cases[i].content);
        for (size_t cut = 0; cut < 3; cut++) {
            bool joined = strstr(cases[i].answer, "Content-Length: 1\r") !=
                          NULL; /* only when it comes at once */
            if (cut && joined)
                continue;
            struct text out = text_new(1U << 20);
            play_turns(turns, COUNT_OF(turns), cut, &out);
            if (!strstr(out.data, wanted))
                fail_msg("case %zu cut %zu: no %s in\n%s", i, cut, wanted, out.data);
            text_done(&out);
        }
    }
}

#define ASK "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void anomalies_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer, *event;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", "", "missing_host_header" },
        { "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", "", "request_header_host_invalid" },
        { "GET / HTTP/1.1\r\nHost: [x]\r\n\r\n", "", "request_header_host_invalid" },
        { "GET http://a:0/ HTTP/1.1\r\nHost: a\r\n\r\n", "", "request_uri_host_invalid" },
        { "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "", "host_header_ambiguous" },
        { "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "", "request_field_missing_colon" },
        { "GET / HTTP/1.1\r\nHost: a\r\n: nonsense\r\n\r\n", "", "request_field_missing_colon" },
        { "GET / HTTP/1.1\r\nHost: a\r\nA\t: b\r\n\r\n", "", "request_invalid_lws_after_name" },
        { "GET / HTTP/1.1\r\nHost: a\r\nA(: b\r\n\r\n", "", "request_header_invalid" },
        { "GET / HTTP/1.1\n\rHost: a\n\n", "", "request_header_invalid" },
        { "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM x\r\n\r\n", "", "request_auth_unrecognized" },
        { "GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n\r\n", "", "abnormal_ce_header" },
        { "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "", "method_delim_non_compliant" },
        { "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", "", "uri_delim_non_compliant" },
        { "GET / HTTP/0.9\r\nHost: a\r\n\r\n", "", "protocol_contains_extra_data" },
        { "GET /\r\nHost: a\r\n\r\n", "", "request_line_missing_protocol" },
        { "GET / HTTP/1.1", "", "request_line_incomplete" },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "",
          "duplicate_content_length_field_in_request" },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", "",
          "content_length_extra_data_start" },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", "",
          "content_length_extra_data_end" },
        { "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "",
          "invalid_transfer_encoding_value_in_request" },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n080000000\r\n", "",
          "invalid_request_chunk_len" },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n", "",
          "request_field_missing_colon" },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n", "",
          "request_header_repetition" },
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody without a length\r\n", "", "request_body_unexpected" },
        { ASK, "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "response_field_missing_colon" },
        { ASK, "HTTP/1.1 200 OK\r\nA : x\r\n\r\n", "response_invalid_lws_after_name" },
        { ASK, "HTTP/1.1 200 OK\r\nA(: x\r\n\r\n", "response_header_name_not_token" },
        { ASK, "HTTP/1.1 2xx OK\r\n\r\n", "response_line_invalid_response_status" },
        { ASK, "HTTP/1.2 200 OK\r\n\r\n", "response_line_invalid_protocol" },
        { ASK, "HTTP/0.9 200 OK\r\n\r\n", "protocol_contains_extra_data" },
        { ASK, "HTTP/1.1 101 OK\r\nContent-Length: 2\r\n\r\nab", "switching_proto_with_content_length" },
        { ASK, "HTTP/1.1 204 OK\r\n\r\nmore\r\n", "response_body_unexpected" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore\r\n", "response_body_unexpected" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "invalid_content_length_field_in_response" },
        { ASK, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", "invalid_response_chunk_len" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip x\r\n\r\nab", "abnormal_ce_header" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip x\r\nContent-Length: 0\r\n\r\n",
          "abnormal_ce_header" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip,gzip,gzip\r\n\r\nab", "too_many_encoding_layers" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Type: multipart/byteranges; boundary=b\r\n\r\nab",
          "response_multipart_byteranges" },
        { ASK, "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-2/2\r\n\r\nab", "range_invalid" },
        { ASK, "HTTP/1.1 206 OK\r\nContent-Range: bytes 0 - 1/2\r\n\r\nab", "range_invalid" },
        { ASK, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabwho asked?\r\n", "response_body_unexpected" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct turn turns[] = { { TO_SERVER, bytes_of_string(cases[i].request) },
                                      { TO_CLIENT, bytes_of_string(cases[i].answer) } };
        char wanted[80];
        (void)snprintf(wanted, sizeof wanted, "event %s\n", cases[i].event);
        shows(turns, cases[i].answer[0] ? 2 : 1, wanted);
    }
}

static void words_that_are_no_method_are_told_apart(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "MUA\r\n\r\n", "event request_line_unknown_method\n" },
        { "MUA /\r\n\r\n", "event request_line_unknown_method_no_protocol\n" },
        { "MUA / HTTP/7\r\nHost: a\r\n\r\n", "event request_line_unknown_method_invalid_protocol\n" },
        { "MUA /", "event request_line_incomplete\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct turn turns[] = { GET("/"),
                                      TURN_TEXT(TO_CLIENT, OK "Content-Length: 0\r\n\r\n"),
                                      { TO_SERVER, bytes_of_string(cases[i][0]) } };
        shows(turns, COUNT_OF(turns), cases[i][1]);
    }
}

/* A server that says more than it was asked for. */
static void lines_that_nobody_asked_for_are_an_answer(void **state)
{
    (void)state;
    static const struct turn turns[] = { GET("/a"), TURN_TEXT(TO_CLIENT, OK "Content-Length: 0\r\n\r\n"),
                                         TURN_TEXT(TO_CLIENT, "one more thing\r\n"), GET("/b"),
                                         TURN_TEXT(TO_CLIENT, OK "Content-Length: 0\r\n\r\n") };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), 0, &out);
    expect_text(&out, "event unable_to_match_response_to_request\n");
    expect_text(&out, "\"url\":\"/b\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":200");
    text_done(&out);
}

static void what_is_lenient_is_no_anomaly(void **state)
{
    (void)state;
    static const char *const talks[][2] = {
        { "GET http://a.:/ HTTP/1.1\r\nHost: a\r\n\r\n", "" },
        { "GET / HTTP/1.1\r\nHost:\r\n\r\n", "" },
        { "GET / HTTP/1.1\r\nHost: a:99\r\n\r\n", "" },
        { "GET / HTTP/1.1\r\nHost: a_b-c.\r\n\r\n", "" },
        { "GET /%2541 HTTP/1.1\r\nHost: a\r\n\r\n", "" },
        { "GET / HTTP/7\r\nHost: a\r\n\r\n", "" },
        { "GET /\r\n\r\n", "" },
        { "GET / HTTP/1.1\r\nA: b\rc: d\r\nHost: a\r\n\r\n", "" },
        { "GET / HTTP/1.1\r\nA : b\r\n", "" }, /* cut off */
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\nab",
          "header_repetition" },
        { ASK, OK "Content-Length: 0\r\n\r\nmore" },
        { ASK, OK "Transfer-Encoding: gzip\r\n\r\nab" },
        { ASK, OK "Content-Range: bytes */9\r\nContent-Length: 0\r\n\r\n" },
        { ASK, OK "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab" },
        { ASK, OK "Content-Type: multipart/byteranges; boundary=b\r\nContent-Length: 2\r\n\r\nab" },
        { ASK, OK "A: b\r\n c: d\r\nContent-Length: 0\r\n\r\n" },
    };
    for (size_t i = 0; i < COUNT_OF(talks); i++) {
        bool answered = bytes_starts(bytes_of_string(talks[i][1]), BYTES_OF("HTTP"));
        const struct turn turns[] = { { TO_SERVER, bytes_of_string(talks[i][0]) },
                                      { TO_CLIENT, bytes_of_string(answered ? talks[i][1] : "") } };
        struct text out = text_new(1U << 20);
        play_turns(turns, answered ? 2 : 1, 0, &out);
        if (!answered && talks[i][1][0])
            expect_text(&out, talks[i][1]);
        expect_no_text(&out, "event duplicate");
        if (answered || !talks[i][1][0])
            expect_no_text(&out, "event ");
        text_done(&out);
    }
}

static void escapes_of_escapes_are_told_where_both_are_undone(void **state)
{
    (void)state;
    static const struct turn turns[] = { GET("/%2541"), GET("/?%2541") };
    for (int twice = 0; twice < 2; twice++) {
        struct http_settings settings = http_settings_default;
        settings.double_decode_path = twice;
        struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .options = &settings };
        struct text out = text_new(1U << 20);
        play(&c, 0, &out);
        const char *first = out.data ? strstr(out.data, "event double_encoded_uri") : NULL;
        assert_int_equal(first != NULL, twice);
        assert_null(first ? strstr(first + 1, "event double_encoded_uri") : NULL);
        text_done(&out);
    }
}

/* The 512th oddity of a connection is followed by a word on all of them, which is said once. */
static void many_oddities_are_told_once(void **state)
{
    (void)state;
    for (int hosts = 0; hosts < 2; hosts++) {
        struct text request = text_new(1U << 20), out = text_new(1U << 22);
        for (int i = 0; i < 600; i++)
            text_string(&request, hosts ? "GET / HTTP/1.1\r\nHost: <\r\n\r\n"
                                        : "GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n");
        const struct turn turns[] = { { TO_SERVER, text_bytes(&request) } };
        play_turns(turns, 1, 0, &out);
        const char *first = strstr(out.data, "event too_many_warnings");
        assert_int_equal(first == NULL, hosts);
        assert_null(first ? strstr(first + 1, "event too_many_warnings") : NULL);
        text_done(&request);
        text_done(&out);
    }
}

static void bombs_are_counted_and_end_the_decoding(void **state)
{
    (void)state;
    /* gzip of 4,000 zeros */
#define BOMB                                                                            \
    TURN_TEXT(TO_CLIENT,                                                                \
              OK "Content-Encoding: gzip\r\nContent-Length: 39\r\n\r\n"                 \
                 "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00" \
                 "\xc2\xa0\xf5\x4f\x6d\x0c\x1f\xa0\x00\x00\x00\x80\xb7\x01\xbe\x93\x8b\x3a\xa0\x0f\x00\x00")
    static const struct turn turns[] = { GET("/a"), BOMB, GET("/b"), BOMB, GET("/c"), BOMB };
    struct http_settings settings = http_settings_default;
    settings.decompress.output_max = 1000;
    settings.decompress.ratio_max = 4;
    settings.bombs_max = 2;
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .options = &settings };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    size_t bombs = 0, limits = 0;
    for (const char *at = out.data; (at = strstr(at, "compression_bomb")); at++) {
        bool limit = !strncmp(at, "compression_bomb_limit_reached", 30);
        limits += limit;
        bombs += !limit;
    }
    assert_int_equal(bombs, 2);
    assert_int_equal(limits, 1);
    text_done(&out);
}

static void an_answer_without_a_request(void **state)
{
    (void)state;
    static const struct turn turns[] = { TURN_TEXT(TO_CLIENT, OK "Content-Length: 2\r\n\r\nab") };
    shows(turns, COUNT_OF(turns), "\"url\":\"/libhtp::request_uri_not_seen\",\"status\":200,\"length\":2");
}

/* ---- the pieces ---- */

static struct tx *lone_tx(void)
{
    struct tx *tx = calloc(1, sizeof *tx + sizeof(struct http));
    assert_non_null(tx);
    tx->protocol = &http_protocol;
    tx->memory = arena_of(1U << 20);
    return tx;
}

static void free_tx(struct tx *tx)
{
    arena_done(&tx->memory);
    free(tx);
}

static void targets_in_normal_form(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *normal;
    } cases[] = {
        { "/", "/" },
        { "/a/./b/../c", "/a/c" },
        { "/../../a", "/a" },
        { "/a/..", "" },
        { "//a///b//", "/a/b/" },
        { "\\a\\b", "/a/b" },
        { "/%41%62?q=%41%2541#f%41", "/Ab?q=A%41#fA" },
        { "/a%2f..%2fb", "/b" },
        { "/a%zz%4", "/a%zz%4" },
        { "/%u0041%uff0fb", "/A/b" },
        { "/%c0%af", "//" },
        { "/x%c1%81%e4%bd%a0%ff", "/xA??" },
        { "http://u@H:1/P%41", "/PA" },
        { "http://h", "" },
        { "*", "*" },
        { "a?b", "a?b" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tx *tx = lone_tx();
        struct http *http = (struct http *)tx->record;
        size_t size = strlen(cases[i].raw);
        uint8_t *raw = guarded_copy(cases[i].raw, size);
        http->uri_raw = bytes_of(raw, size);
        assert_true(http_parse_uri(tx, &http_settings_default));
        if (!bytes_is(http->uri, cases[i].normal))
            fail_msg("%s became %.*s, not %s", cases[i].raw, (int)http->uri.size,
                     (const char *)http->uri.data, cases[i].normal);
        guarded_free(raw, size);
        free_tx(tx);
    }
}

static const struct inspect *row(const char *name)
{
    for (size_t i = 0; i < http_protocol.inspect_count; i++)
        if (strcmp(http_protocol.inspects[i].name, name) == 0)
            return &http_protocol.inspects[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void header_buffers_have_their_documented_form(void **state)
{
    (void)state;
    static const char block[] = "Host:  a \r\nX-F: a\r\n  b\r\nX-A: 1\r\nCookie: c\r\nx-a: 2\r\nodd\r\n\r\n";
    struct tx *tx = lone_tx();
    struct http *http = (struct http *)tx->record;
    struct http_message *request = &http->message[TO_SERVER];
    request->raw = BYTES_OF(block);
    request->line = BYTES_OF("GET / HTTP/1.1");
    assert_true(http_parse_headers(tx, TO_SERVER, &http_settings_default));
    static const struct {
        const char *name, *value;
    } cases[] = {
        { "http.header", "Host: a\r\nX-F: a  b\r\nX-A: 1, 2\r\n: odd\r\n" },
        { "http.header_names", "\r\nHost\r\nX-F\r\nX-A\r\nCookie\r\n\r\n\r\n" },
        { "http.start", "GET / HTTP/1.1\r\nHost: a\r\nX-F: a  b\r\nX-A: 1, 2\r\nCookie: c\r\n: odd\r\n\r\n" },
        { "http.header.raw", block },
        { "http.cookie", "c" },
        { "http.request_header", "Host: a" },
    };
    struct arena scratch = arena_of(1U << 16);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes value;
        assert_true(row(cases[i].name)->get(tx, TO_SERVER, 0, &scratch, &value));
        if (!bytes_is(value, cases[i].value))
            fail_msg("%s is %.*s", cases[i].name, (int)value.size, (const char *)value.data);
    }
    arena_done(&scratch);
    free_tx(tx);
}

static void header_count_has_a_limit(void **state)
{
    (void)state;
    for (unsigned count = 1023; count <= 1025; count++) {
        struct text block = text_new(1U << 20);
        for (unsigned i = 0; i < count; i++)
            text_add(&block, "X-%u: y\r\n", i);
        text_string(&block, "\r\n");
        struct tx *tx = lone_tx();
        struct http_message *request = &((struct http *)tx->record)->message[TO_SERVER];
        request->raw = text_bytes(&block);
        assert_true(http_parse_headers(tx, TO_SERVER, &http_settings_default));
        assert_int_equal(request->header_count, MIN(count, 1024U));
        assert_int_equal(tx->event_count, count > 1024);
        free_tx(tx);
        text_done(&block);
    }
}

/* The tunnel's client has not spoken yet: what the server says cannot change the protocol once more. */
static void a_change_within_a_change_fails(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "HTTP/1.1 200 OK\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "HTTP/1.1 101 On\r\nUpgrade: h2c\r\n\r\n"),
    };
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .then = &http_protocol };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "failed_protocol_change");
    text_done(&out);
    check_conversation(&c, 1);
}

static void a_tunnel_to_a_path_has_no_host(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "CONNECT / HTTP/1.1\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "HTTP/1.1 200 OK\r\n\r\n"),
    };
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"url\":\"/\"");
    expect_no_text(&out, "hostname");
    text_done(&out);
    check_conversation(&c, 1);
}

static void a_tunnel_that_both_sides_use_can_change(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "HTTP/1.1 200 OK\r\n\r\n"),
        TURN_TEXT(TO_SERVER, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n"),
        TURN_TEXT(TO_CLIENT, "HTTP/1.1 101 On\r\nUpgrade: x\r\n\r\n"),
    };
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .then = &http_protocol };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"status\":101");
    expect_no_text(&out, "failed_protocol_change");
    text_done(&out);
}

static void an_endless_header_ends_the_parsing(void **state)
{
    (void)state;
    struct text request = text_new(1U << 20);
    text_string(&request, "GET / HTTP/1.1\r\nX: ");
    for (int i = 0; i < 20000; i++)
        text_char(&request, 'a');
    const struct turn turns[] = { { TO_SERVER, text_bytes(&request) } };
    shows(turns, COUNT_OF(turns), "request_field_too_long");
    text_done(&request);
}

/* Joining them takes more memory than a transaction may have: what was read until then stays usable. */
static void repeated_headers_beyond_the_memory_are_safe(void **state)
{
    (void)state;
    struct text request = text_new(1U << 20);
    text_string(&request, "GET /a HTTP/1.1\r\nHost: a.example.vn\r\n");
    for (int i = 0; i < 60; i++) {
        text_string(&request, "X: ");
        for (int k = 0; k < 3000; k++)
            text_char(&request, 'a');
        text_string(&request, "\r\n");
    }
    text_string(&request, "\r\n");
    const struct turn turns[] = { { TO_SERVER, text_bytes(&request) } };
    shows(turns, COUNT_OF(turns), "");
    text_done(&request);
}

static void many_folds_are_one_value(void **state)
{
    (void)state;
    struct text request = text_new(1U << 20);
    text_string(&request, "GET /a HTTP/1.1\r\nUser-Agent: x");
    for (int i = 0; i < 3000; i++)
        text_string(&request, "\r\n }");
    text_string(&request, "\r\nReferer: b\r\n\r\n");
    const struct turn turns[] = { { TO_SERVER, text_bytes(&request) } };
    shows(turns, COUNT_OF(turns), "} } }\",\"http_refer\":\"b\"");
    text_done(&request);
}

static void messages_are_frames(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        GET("/a"),
        TURN_TEXT(TO_CLIENT, OK "Content-Length: 2\r\n\r\nxy" OK
                                "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        GET("/bc"),
    };
    struct conversation c = { &http_protocol, TRANSPORT_TCP, 80, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(
        &out, "frame stream to_server 0 open\nframe request to_server 0 39\nframe request to_server 39 40\n");
    expect_text(
        &out,
        "frame stream to_client 0 open\nframe response to_client 0 40\nframe response to_client 40 58\n");
    text_done(&out);
}

static void frames_end_with_the_flow(void **state)
{
    (void)state;
    static const struct turn turns[] = { GET("/a"), TURN_TEXT(TO_CLIENT, OK "\r\nuntil the end") };
    struct conversation c = { &http_protocol, TRANSPORT_TCP,  80,
                              TURNS(turns),   .frames = true, .open_ended = true };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "frame response to_client 0 32\n");
    text_done(&out);
}

/* Seconds of the processor's time that a conversation takes whose client asks, when `asks`, before each
 * answer of `head`, `count` times `filling`, and `tail`. */
static double cost_of(bool asks, const char *head, const char *filling, size_t count, const char *tail)
{
    struct text text = text_new(1U << 20), out = text_new(1U << 24);
    text_string(&text, head);
    for (size_t size = strlen(filling); count; count--)
        text_put(&text, bytes_of(filling, size ? size : 1));
    text_string(&text, tail);
    const struct turn turns[] = { GET("/a"), { asks ? TO_CLIENT : TO_SERVER, text_bytes(&text) } };
    clock_t start = clock();
    play_turns(turns, COUNT_OF(turns), 0, &out);
    clock_t end = clock();
    text_done(&text);
    text_done(&out);
    return (double)(end - start) / CLOCKS_PER_SEC;
}

/* Each takes minutes where it takes the square of the bytes. */
static void long_runs_of_what_is_passed_over_cost_their_length(void **state)
{
    (void)state;
    assert_true(cost_of(true, OK "Transfer-Encoding: ", "\0", 150000, "\r\n\r\n") < 2);
    assert_true(cost_of(true, OK "Content-Encoding: ", "\0", 150000, "\r\n\r\nabc") < 2);
    assert_true(cost_of(true, "", "\n", 150000, OK "\r\n") < 2);
    assert_true(cost_of(true, "", "\r\t", 75000, "") < 2);
    assert_true(cost_of(true, OK "Content-Length: 1\r\n\r\nx", "\t\n", 75000, "y") < 2);
    assert_true(cost_of(true, OK, "a\r", 75000, "\r\n\r\n") < 2);
    assert_true(cost_of(false, "", "\r\t", 75000, "GET") < 2);
}

/* What decoding holds outside of the transaction counts for what sessions may hold together. */
static void memory_of_decoders_is_in_the_budget(void **state)
{
    (void)state;
    struct session_budget budget = { .limit = 1U << 30 };
    const struct session_settings settings = { .budget = &budget };
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n"
                             "\r\n\x1f\x8b\x08\0\0\0\0\0\0\3\x4b"),
        TURN_TEXT(TO_SERVER, "\4"),
    };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 80);
    assert_non_null(session);
    session_stream(session, TO_SERVER, turns[0].data, 0);
    session_sweep(session);
    assert_true(budget.used > 64U * 1024U);
    session_stream(session, TO_SERVER, turns[1].data, 0);
    session_sweep(session);
    assert_true(budget.used < 64U * 1024U);
    session_free(session);
    assert_int_equal(budget.used, 0);
}

/* Whether a side that says `text` beside one that speaks HTTP is noticed as one that speaks something else.
 */
static bool fails_beside(enum direction side, const char *text, const char *other)
{
    static const struct protocol *const enabled[] = { &http_protocol, NULL };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 9999);
    struct bytes said = bytes_of_string(text), answer = bytes_of_string(other);
    assert_non_null(session);
    if (side == TO_SERVER)
        session_stream(session, TO_SERVER, said, 0);
    session_stream(session, (enum direction) !side, answer, 0);
    if (session->offset[side] < said.size)
        session_stream(session, side, bytes_from(said, session->offset[side]), 0);
    assert_ptr_equal(session->protocol, &http_protocol);
    bool failed = session_side_failed(session, side);
    assert_int_equal(session->event_count, failed ? 1 : 0);
    session_free(session);
    return failed;
}

static void a_side_fails_once_it_said_enough(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\n\r\n", answer[] = "HTTP/1.1 200 OK\r\n\r\n";
    assert_false(fails_beside(TO_CLIENT, "123456789", request));
    assert_true(fails_beside(TO_CLIENT, "1234567890", request));
    assert_false(fails_beside(TO_CLIENT, "http/1.0 200 ok\r\n", request));
    assert_true(fails_beside(TO_CLIENT, "\r\nHTTP/1.1 200 OK\r\n\r\n", request));
    assert_true(fails_beside(TO_CLIENT, "HTTP/1.2 200 OK\r\n\r\n", request));
    assert_false(fails_beside(TO_SERVER, "NOT / HTTP/1.1\r\n", answer));
    assert_true(fails_beside(TO_SERVER, "NOTE / HTTP/1.1\r\n", answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_end_with_the_flow),
        cmocka_unit_test(long_runs_of_what_is_passed_over_cost_their_length),
        cmocka_unit_test(memory_of_decoders_is_in_the_budget),
        cmocka_unit_test(a_side_fails_once_it_said_enough),
        cmocka_unit_test(messages_are_frames),
        cmocka_unit_test(a_request_and_its_answer),
        cmocka_unit_test(bodies_in_chunks_and_compressed),
        cmocka_unit_test(a_chunk_whose_size_has_no_end),
        cmocka_unit_test(what_a_connection_ends_in),
        cmocka_unit_test(layers_of_coding_are_counted),
        cmocka_unit_test(a_body_that_reaches_its_limit),
        cmocka_unit_test(forms_with_files),
        cmocka_unit_test(a_form_of_too_many_parts_is_an_anomaly),
        cmocka_unit_test(requests_ahead_of_their_answers),
        cmocka_unit_test(odd_answers_are_read_as_receivers_do),
        cmocka_unit_test(anomalies_are_named),
        cmocka_unit_test(words_that_are_no_method_are_told_apart),
        cmocka_unit_test(lines_that_nobody_asked_for_are_an_answer),
        cmocka_unit_test(what_is_lenient_is_no_anomaly),
        cmocka_unit_test(escapes_of_escapes_are_told_where_both_are_undone),
        cmocka_unit_test(many_oddities_are_told_once),
        cmocka_unit_test(bombs_are_counted_and_end_the_decoding),
        cmocka_unit_test(an_answer_without_a_request),
        cmocka_unit_test(targets_in_normal_form),
        cmocka_unit_test(header_buffers_have_their_documented_form),
        cmocka_unit_test(header_count_has_a_limit),
        cmocka_unit_test(a_change_within_a_change_fails),
        cmocka_unit_test(a_tunnel_to_a_path_has_no_host),
        cmocka_unit_test(a_tunnel_that_both_sides_use_can_change),
        cmocka_unit_test(an_endless_header_ends_the_parsing),
        cmocka_unit_test(repeated_headers_beyond_the_memory_are_safe),
        cmocka_unit_test(many_folds_are_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
