/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "conversation.h"

#include "proto/smtp.h"

extern const struct protocol smtp_protocol;

#define GREETING TURN_TEXT(TO_CLIENT, "220 mx.example.vn ESMTP\r\n")
#define HELLO                                                                                   \
    TURN_TEXT(TO_SERVER, "EHLO may-tram\r\n"), TURN_TEXT(TO_CLIENT, "250-mx.example.vn\r\n250 " \
                                                                    "PIPELINING\r\n")
#define ENVELOPE                                                                                            \
    TURN_TEXT(TO_SERVER,                                                                                    \
              "MAIL FROM:<a@example.vn> SIZE=100\r\nRCPT TO:<b@example.vn>\r\nRCPT TO:<c@example.vn>\r\n"), \
        TURN_TEXT(TO_CLIENT, "250 ok\r\n250 ok\r\n250 ok\r\n")
#define DATA TURN_TEXT(TO_SERVER, "DATA\r\n"), TURN_TEXT(TO_CLIENT, "354 go on\r\n")
#define MESSAGE                                                                                            \
    "From: \"A, B\" <a@example.vn>\r\nTo: b@example.vn,\r\n \"C, D\" <c@example.vn>\r\nSubject: thu\r\n  " \
    "hai\r\n"                                                                                              \
    "Content-Type: multipart/mixed;\r\n boundary=\"xx\"\r\n\r\npreamble\r\n--xx\r\n"                       \
    "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsee "                  \
    "http://a.example.vn/=\r\nx?y=3D1 now\r\n"                                                             \
    "--xx\r\nContent-Type: application/zip; name*0=\"bao\"; name*1=\"cao.zip\"\r\n"                        \
    "Content-Transfer-Encoding: base64\r\nContent-Disposition: "                                           \
    "attachment\r\n\r\nUEsDBAo\r\nAAAA=\r\n--xx\r\n"                                                       \
    "Content-Disposition: attachment; filename*=utf-8''b%C3%A1o.txt\r\n\r\nline 1\r\n..dot\r\nline "       \
    "2\r\n--xx--\r\nepilogue\r\n"

static void play_turns(const struct turn *turns, size_t count, struct text *out)
{
    struct conversation c = { &smtp_protocol, TRANSPORT_TCP, 25, turns, count, NULL, false, NULL };
    play(&c, 0, out);
}

static void a_mail_with_attachments(void **state)
{
    (void)state;
    static const struct turn turns[] = { GREETING,
                                         HELLO,
                                         ENVELOPE,
                                         DATA,
                                         TURN_TEXT(TO_SERVER, MESSAGE ".\r\nQUIT\r\n"),
                                         TURN_TEXT(TO_CLIENT, "250 queued\r\n221 bye\r\n") };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), &out);
    expect_text(
        &out,
        "\"smtp\":{\"helo\":\"may-tram\",\"mail_from\":\"<a@example.vn>\",\"rcpt_to\":[\"<b@example.vn>\","
        "\"<c@example.vn>\"]}");
    expect_text(
        &out,
        "\"from\":\"\\\"A, B\\\" <a@example.vn>\",\"to\":[\"b@example.vn\",\"\\\"C, D\\\" <c@example.vn>\"]");
    expect_text(&out, "\"attachment\":[\"baocao.zip\",\"b\xc3\xa1o.txt\"],\"url\":[\"a.example.vn/x?y=1\"]");
    expect_text(&out, "{\"file\":\"baocao.zip\",\"size\":8,\"whole\":true,\"content\":"
                      "\"PK\\u0003\\u0004\\n\\u0000\\u0000\\u0000\"}");
    expect_text(&out, "{\"file\":\"b\xc3\xa1o.txt\",\"size\":20,\"whole\":true,\"content\":\"line "
                      "1\\r\\n.dot\\r\\nline 2\"}");
    expect_no_text(&out, "event");
    text_done(&out);
    struct conversation c = { &smtp_protocol, TRANSPORT_TCP, 25, TURNS(turns) };
    check_conversation(&c, 3);
}

static void a_chunked_mail(void **state)
{
    (void)state;
    static const struct turn turns[] = { GREETING, HELLO, ENVELOPE,
                                         TURN_TEXT(TO_SERVER,
                                                   "BDAT 20\r\nFrom: x@example.vn\r\nBDAT 4 LAST\r\n\r\nhi"),
                                         TURN_TEXT(TO_CLIENT, "250 ok\r\n250 queued\r\n") };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), &out);
    expect_text(&out, "\"email\":{\"from\":\"x@example.vn\",\"status\":\"PARSE_DONE\"}");
    expect_no_text(&out, "event");
    text_done(&out);
    struct conversation c = { &smtp_protocol, TRANSPORT_TCP, 25, TURNS(turns) };
    check_conversation(&c, 1);
}

static void misuse_raises_its_events(void **state)
{
    (void)state;
    static const struct turn turns[][6] = {
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "DATA\r\n"), TURN_TEXT(TO_CLIENT, "503 no\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "BDAT x\r\n"), TURN_TEXT(TO_CLIENT, "501 no\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "BDAT4 LAST\r\n"), TURN_TEXT(TO_CLIENT, "501 no\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "BDAT 4294967296\r\n"), TURN_TEXT(TO_CLIENT, "501 no\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "STARTTLS\r\n"), TURN_TEXT(TO_CLIENT, "454 no\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "NOOP\r\n"), TURN_TEXT(TO_CLIENT, "hello\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "MAIL FROM:<a>\r\nEHLO b\r\n"),
          TURN_TEXT(TO_CLIENT, "250 a\r\n250 b\r\n") },
        { GREETING, HELLO, TURN_TEXT(TO_SERVER, "RSET\r\nHELO b\r\n"),
          TURN_TEXT(TO_CLIENT, "250 a\r\n250 b\r\n") },
    };
    static const char *const events[] = { "event data_command_rejected\n", "event invalid_bdat\n",
                                          "event invalid_bdat\n",          "event invalid_bdat\n",
                                          "event tls_rejected\n",          "event invalid_reply\n",
                                          "event duplicate_fields\n",      "event duplicate_fields\n" };
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        struct text out = text_new(1U << 20);
        play_turns(turns[i], 5, &out);
        expect_text(&out, events[i]);
        text_done(&out);
    }
}

static void replies_too_many_are_let_be(void **state)
{
    (void)state;
    static const struct turn turns[] = { GREETING, HELLO,
                                         TURN_TEXT(TO_CLIENT, "250 more\r\n2500 and more\r\n250_more\r\n") };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), &out);
    expect_no_text(&out, "event");
    text_done(&out);
}

/* What a mail's body with these headers shows. */
static void mail_shows(const char *headers, const char *body, const char *event, bool wanted)
{
    struct text message = text_new(1U << 16), out = text_new(1U << 20);
    text_add(&message, "%s\r\n%s\r\n.\r\n", headers, body);
    const struct turn turns[] = {
        GREETING, HELLO, DATA, { TO_SERVER, text_bytes(&message) }, TURN_TEXT(TO_CLIENT, "250 queued\r\n")
    };
    play_turns(turns, COUNT_OF(turns), &out);
    if (wanted)
        expect_text(&out, event);
    else
        expect_no_text(&out, event);
    text_done(&message);
    text_done(&out);
}

static void codings_are_judged_where_they_make_a_file(void **state)
{
    (void)state;
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define QP     "Content-Transfer-Encoding: quoted-printable\r\n"
#define FILE_  "Content-Type: application/x; name=a\r\n"
    static const struct {
        const char *headers, *body, *event;
        bool wanted;
    } cases[] = {
        { FILE_ BASE64, "abcd====", "event mime_invalid_base64\n", true },
        { FILE_ BASE64, "a===", "event mime_invalid_base64\n", true },
        { FILE_ BASE64, "ab\r\nc=\r\nabc=", "event mime_invalid_base64\n", false },
        { FILE_ BASE64, "ab!cd", "event mime_invalid_base64\n", false },
        { FILE_ QP, "a=3d", "event mime_invalid_qp\n", true },
        { FILE_ QP, "a= ", "event mime_invalid_qp\n", true },
        { FILE_ QP, "a=3D=", "event mime_invalid_qp\n", false },
        { QP, "a=3", "event mime_invalid_qp\n", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        mail_shows(cases[i].headers, cases[i].body, cases[i].event, cases[i].wanted);
}

static void long_lines_are_told_wherever_they_are(void **state)
{
    (void)state;
    char body[1000], header[2100];
    memset(body, 'x', sizeof body);
    for (int size = 998; size <= 999; size++) {
        body[size] = 0;
        mail_shows("Subject: a\r\n", body, "event mime_long_line\n", size > 998);
        body[size] = 'x';
    }
    body[80] = 0;
    mail_shows(BASE64, body, "event mime_long_enc_line\n", true);
    mail_shows("Content-Type: application/x\r\n" BASE64, body, "event mime_long_enc_line\n", false);
    mail_shows(QP, body, "event mime_long_enc_line\n", false);
    for (int size = 2000; size <= 2001; size++) {
        (void)snprintf(header, sizeof header, "X:%0*d\r\n", size, 0);
        mail_shows(header, "a", "event mime_long_header_value\n", size > 2000);
        (void)snprintf(header, sizeof header, "X: a\r\n %0*d\r\n", size, 0);
        mail_shows(header, "a", "event mime_long_header_value\n", false);
    }
}

static void deep_nesting_ends(void **state)
{
    (void)state;
    struct text message = text_new(1U << 20), out = text_new(1U << 20);
    for (int i = 0; i < 40; i++)
        text_add(&message, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    text_string(&message, "Content-Type: text/plain\r\n\r\nhttp://deep.example.vn\r\n.\r\n");
    const struct turn turns[] = {
        GREETING, HELLO, DATA, { TO_SERVER, text_bytes(&message) }, TURN_TEXT(TO_CLIENT, "250 queued\r\n")
    };
    play_turns(turns, COUNT_OF(turns), &out);
    expect_text(&out, "event mime_malformed_msg\n");
    expect_text(&out, "PARSE_DONE");
    text_done(&message);
    text_done(&out);
}

static void tls_takes_over_after_starttls(void **state)
{
    (void)state;
    static const struct turn turns[] = { GREETING, HELLO, TURN_TEXT(TO_SERVER, "STARTTLS\r\n"),
                                         TURN_TEXT(TO_CLIENT, "220 ready\r\n"),
                                         TURN_TEXT(TO_SERVER, "MAIL FROM:<x>\r\n") };
    struct text out = text_new(1U << 20);
    play_turns(turns, COUNT_OF(turns), &out);
    expect_text(&out, "\"helo\":\"may-tram\"");
    expect_no_text(&out, "mail_from");
    text_done(&out);
}

static void replies_have_codes_that_are_in_use(void **state)
{
    (void)state;
    static const struct turn good[] = { GREETING, TURN_TEXT(TO_SERVER, "NOOP\r\n"),
                                        TURN_TEXT(TO_CLIENT, "455 later\r\n") };
    static const struct turn bad[] = { GREETING, TURN_TEXT(TO_SERVER, "NOOP\r\n"),
                                       TURN_TEXT(TO_CLIENT, "472 later\r\n") };
    struct text out = text_new(1U << 20);
    play_turns(good, COUNT_OF(good), &out);
    expect_no_text(&out, "invalid_reply");
    play_turns(bad, COUNT_OF(bad), &out);
    expect_text(&out, "event invalid_reply\n");
    text_done(&out);
}

static void addresses_are_split_outside_quotes(void **state)
{
    (void)state;
    struct bytes rest = BYTES_OF("\"a, \\\"b\" <x>, y ,,z");
    assert_true(bytes_is(mail_next_address(&rest), "\"a, \\\"b\" <x>"));
    assert_true(bytes_is(mail_next_address(&rest), "y"));
    assert_true(bytes_is(mail_next_address(&rest), ""));
    assert_true(bytes_is(mail_next_address(&rest), "z"));
    assert_int_equal(rest.size, 0);
}

static void commands_replies_and_content_are_frames(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "220 ESMTP\r\n"),
        TURN_TEXT(TO_SERVER, "EHLO a\r\n"),
        TURN_TEXT(TO_CLIENT, "250 ok\r\n"),
        TURN_TEXT(TO_SERVER, "MAIL FROM:<a@b.vn>\r\n"),
        TURN_TEXT(TO_CLIENT, "250 ok\r\n"),
        TURN_TEXT(TO_SERVER, "RCPT TO:<a@b.vn>\r\n"),
        TURN_TEXT(TO_CLIENT, "250 ok\r\n"),
        TURN_TEXT(TO_SERVER, "DATA\r\n"),
        TURN_TEXT(TO_CLIENT, "354 go\r\n"),
        TURN_TEXT(TO_SERVER, "Subject: x\r\n\r\ny\r\n.\r\nQUIT\r\n"),
        TURN_TEXT(TO_CLIENT, "250 ok\r\n221 bye\r\n"),
    };
    struct conversation c = { &smtp_protocol, TRANSPORT_TCP, 25, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "frame stream to_server 0 open\nframe command_line to_server 0 8\n"
                      "frame command_line to_server 0 6\n");
    expect_text(&out, "frame command_line to_server 46 6\nframe command_line to_server 46 4\n"
                      "frame data to_server 52 20\nframe command_line to_server 72 6\n");
    expect_text(&out, "frame stream to_client 0 open\nframe response_line to_client 0 11\n"
                      "frame response_line to_client 11 8\n");
    text_done(&out);
    check_conversation(&c, 3);
}

static void a_chunk_is_a_frame(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "220 ESMTP\r\n"),
        TURN_TEXT(TO_SERVER, "EHLO a\r\n"),
        TURN_TEXT(TO_CLIENT, "250 ok\r\n"),
        TURN_TEXT(TO_SERVER, "MAIL FROM:<a@b.vn>\r\nBDAT 6 LAST\r\nab\r\nc\nQUIT\r\n"),
        TURN_TEXT(TO_CLIENT, "250 ok\r\n250 ok\r\n221 bye\r\n"),
    };
    struct conversation c = { &smtp_protocol, TRANSPORT_TCP, 25, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "frame data to_server 41 6\nframe command_line to_server 47 6\n");
    text_done(&out);
}

/* A mail that chunks began and no last one ends is given up by RSET, QUIT and EHLO; what read it must not
 * outlive it. */
static void an_unfinished_chunked_mail_can_be_left(void **state)
{
    (void)state;
    static const char *const ways[] = { "RSET\r\n", "QUIT\r\n", "EHLO again\r\n" };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        const struct turn turns[] = {
            TURN_TEXT(TO_CLIENT, "220 a ESMTP\r\n"),
            TURN_TEXT(TO_SERVER, "EHLO b\r\n"),
            TURN_TEXT(TO_CLIENT, "250 a\r\n"),
            TURN_TEXT(TO_SERVER, "MAIL FROM:<x@b.example>\r\nRCPT TO:<y@a.example>\r\nBDAT 22\r\n"),
            TURN_TEXT(TO_SERVER, "Subject: chunk\r\n\r\nbody"),
            TURN_TEXT(TO_CLIENT, "250 ok\r\n250 ok\r\n250 ok\r\n"),
            { TO_SERVER, bytes_of_string(ways[i]) },
            TURN_TEXT(TO_CLIENT, "250 ok\r\n"),
            TURN_TEXT(TO_SERVER, "NOOP\r\n"),
            TURN_TEXT(TO_CLIENT, "250 ok\r\n"),
        };
        struct conversation c = { &smtp_protocol, TRANSPORT_TCP, 25, TURNS(turns) };
        struct text out = text_new(1U << 16);
        play(&c, 0, &out);
        expect_text(&out, "\"mail_from\":\"<x@b.example>\"");
        text_done(&out);
        check_conversation(&c, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_replies_and_content_are_frames),
        cmocka_unit_test(a_chunk_is_a_frame),
        cmocka_unit_test(a_mail_with_attachments),
        cmocka_unit_test(a_chunked_mail),
        cmocka_unit_test(misuse_raises_its_events),
        cmocka_unit_test(replies_too_many_are_let_be),
        cmocka_unit_test(codings_are_judged_where_they_make_a_file),
        cmocka_unit_test(long_lines_are_told_wherever_they_are),
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(tls_takes_over_after_starttls),
        cmocka_unit_test(replies_have_codes_that_are_in_use),
        cmocka_unit_test(addresses_are_split_outside_quotes),
        cmocka_unit_test(an_unfinished_chunked_mail_can_be_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
