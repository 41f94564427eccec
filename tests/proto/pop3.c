/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol pop3_protocol, tls_protocol;

static const struct turn mailbox[] = {
    TURN_TEXT(TO_CLIENT, "+OK POP3 ready <1896.697170952@example.vn>\r\n"),
    TURN_TEXT(TO_SERVER, "USER lan\r\nPASS two words\r\n"),
    TURN_TEXT(TO_CLIENT, "+OK\r\n-ERR [AUTH] no\r\n"),
    TURN_TEXT(TO_SERVER, "LIST\r\n"),
    TURN_TEXT(TO_CLIENT, "+OK 2 messages\r\n1 120\r\n..2\r\n.\r\n"),
    TURN_TEXT(TO_SERVER, "list 1\r\n"),
    TURN_TEXT(TO_CLIENT, "+OK 1 120\r\n"),
    TURN_TEXT(TO_SERVER, "XTND a b\r\nDELE\r\nQUIT\r\n"),
    TURN_TEXT(TO_CLIENT, "-ERR unknown\r\n-ERR which\r\n+OK bye\r\n"),
};

static void commands_have_their_answers(void **state)
{
    (void)state;
    struct conversation c = { &pop3_protocol, TRANSPORT_TCP, 110, TURNS(mailbox) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"pop3\":{\"response\":{\"success\":true,\"status\":\"OK\","
                      "\"header\":\"POP3 ready <1896.697170952@example.vn>\",\"data\":[]}}}\n");
    expect_text(&out, "{\"request\":{\"command\":\"PASS\",\"args\":[\"two words\"]},\"response\":"
                      "{\"success\":false,\"status\":\"ERR\",\"header\":\"[AUTH] no\",\"data\":[]}}");
    /* The lines of a list have their doubled dots undone; with an argument the answer has no lines. */
    expect_text(&out, "{\"request\":{\"command\":\"LIST\",\"args\":[]},\"response\":{\"success\":true,"
                      "\"status\":\"OK\",\"header\":\"2 messages\",\"data\":[\"1 120\",\".2\"]}}");
    expect_text(&out, "{\"request\":{\"command\":\"LIST\",\"args\":[\"1\"]},\"response\":{\"success\":true,"
                      "\"status\":\"OK\",\"header\":\"1 120\",\"data\":[]}}");
    expect_text(&out, "event unknown_command\n");
    expect_text(&out, "event incorrect_argument_count\n");
    text_done(&out);
    check_conversation(&c, 1);
}

static void commands_are_judged_by_their_words(void **state)
{
    (void)state;
    static const struct {
        const char *command, *event; /* event NULL: none */
    } cases[] = {
        { "USER  a\r\n", NULL },
        { "USER a b\r\n", "event incorrect_argument_count\n" },
        { "PASS a b\r\n", "event incorrect_argument_count\n" },
        { "TOP  1\r\n", "event incorrect_argument_count\n" },
        { "AUTH\r\n", "event incorrect_argument_count\n" },
        { "AUTH PLAIN\r\n", NULL },
        { "user a\r\n", "event unknown_command\n" },
        { "UTF8\r\n", "event unknown_command\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct turn turns[] = { TURN_TEXT(TO_CLIENT, "+OK\r\n"),
                                      { TO_SERVER, bytes_of_string(cases[i].command) } };
        struct conversation c = { &pop3_protocol, TRANSPORT_TCP, 110, TURNS(turns) };
        struct text out = text_new(1U << 16);
        play(&c, 0, &out);
        if (cases[i].event)
            expect_text(&out, cases[i].event);
        else
            expect_no_text(&out, "event ");
        text_done(&out);
    }
}

static void a_password_in_dialogue_is_no_command(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "+OK\r\n"),    TURN_TEXT(TO_SERVER, "AUTH PLAIN\r\n"),
        TURN_TEXT(TO_CLIENT, "+ \r\n"),     TURN_TEXT(TO_SERVER, "AGxhbgBzZWNyZXQ=\r\n"),
        TURN_TEXT(TO_CLIENT, "+OK in\r\n"), TURN_TEXT(TO_SERVER, "STAT\r\n"),
        TURN_TEXT(TO_CLIENT, "+OK 0\r\n"),
    };
    struct conversation c = { &pop3_protocol, TRANSPORT_TCP, 110, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_no_text(&out, "AGxhbgBzZWNyZXQ");
    expect_text(
        &out, "{\"command\":\"AUTH\",\"args\":[\"PLAIN\"]},\"response\":{\"success\":true,\"status\":\"OK\","
              "\"header\":\"\"");
    expect_text(&out,
                "{\"command\":\"<SASL DATA>\",\"args\":[]},\"response\":{\"success\":true,\"status\":\"OK\","
                "\"header\":\"in\"");
    expect_text(&out, "{\"command\":\"STAT\",\"args\":[]},\"response\":{\"success\":true,\"status\":\"OK\","
                      "\"header\":\"0\"");
    text_done(&out);
    check_conversation(&c, 1);
}

static void lines_beyond_the_limit_are_events(void **state)
{
    (void)state;
    static char line[3000];
    memset(line, 'a', sizeof line);
    const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "+OK\r\n"),
        { TO_SERVER, bytes_of(line, sizeof line) },
        TURN_TEXT(TO_SERVER, "\r\nNOOP\r\n"),
        TURN_TEXT(TO_CLIENT, "+OK fine\r\n"),
    };
    struct conversation c = { &pop3_protocol, TRANSPORT_TCP, 110, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event request_too_long\n");
    expect_text(&out, "\"command\":\"NOOP\",\"args\":[]},\"response\":{\"success\":true,\"status\":\"OK\","
                      "\"header\":\"fine\"");
    text_done(&out);
    check_conversation(&c, 97);
}

static const struct protocol *after(const char *answer)
{
    static const struct protocol *const enabled[] = { &pop3_protocol, &tls_protocol, NULL };
    static const uint8_t hello[] = { 0x16, 3, 1, 0, 4, 1, 0, 0, 0 };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 110);
    assert_non_null(session);
    session_stream(session, TO_CLIENT, BYTES_OF("+OK\r\n"), 0);
    session_stream(session, TO_SERVER, BYTES_OF("STLS\r\n"), 0);
    session_stream(session, TO_CLIENT, bytes_of_string(answer), 0);
    session_stream(session, TO_SERVER, bytes_of(hello, sizeof hello), 0);
    const struct protocol *found = session->protocol;
    session_free(session);
    return found;
}

static void stls_makes_it_tls_once_it_is_granted(void **state)
{
    (void)state;
    assert_ptr_equal(after("+OK begin\r\n"), &tls_protocol);
    assert_ptr_equal(after("-ERR no\r\n"), &pop3_protocol);
}

static void a_flood_of_commands_is_an_event(void **state)
{
    (void)state;
    static char commands[300 * 6 + 1];
    for (size_t i = 0; i < 300; i++)
        memcpy(commands + i * 6, "NOOP\r\n", 7);
    const struct turn turns[] = { mailbox[0], { TO_SERVER, bytes_of_string(commands) } };
    struct conversation c = { &pop3_protocol, TRANSPORT_TCP, 110, TURNS(turns) };
    struct text out = text_new(1U << 18);
    play(&c, 0, &out);
    expect_text(&out, "event too_many_transactions\n");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_have_their_answers),
        cmocka_unit_test(commands_are_judged_by_their_words),
        cmocka_unit_test(a_password_in_dialogue_is_no_command),
        cmocka_unit_test(lines_beyond_the_limit_are_events),
        cmocka_unit_test(stls_makes_it_tls_once_it_is_granted),
        cmocka_unit_test(a_flood_of_commands_is_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
