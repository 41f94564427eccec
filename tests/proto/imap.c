/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol imap_protocol, tls_protocol;

static const struct protocol *recognised(const char *greeting)
{
    static const struct protocol *const enabled[] = { &imap_protocol, NULL };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 7000);
    assert_non_null(session);
    session_stream(session, TO_CLIENT, bytes_of_string(greeting), 0);
    const struct protocol *found = session->protocol;
    session_free(session);
    return found;
}

static void the_greeting_tells_on_any_port(void **state)
{
    (void)state;
    assert_ptr_equal(recognised("* OK Dovecot ready.\r\n"), &imap_protocol);
    assert_ptr_equal(recognised("* ok imap\r\n"), &imap_protocol);
    assert_null(recognised("* BYE\r\n"));
    assert_null(recognised("* O"));
    assert_null(recognised("+OK POP3\r\n"));
}

/* The protocol after the turns, `last` being the server's answer to STARTTLS. */
static const struct protocol *after(const char *last)
{
    static const struct protocol *const enabled[] = { &imap_protocol, &tls_protocol, NULL };
    static const uint8_t hello[] = { 0x16, 3, 1, 0, 4, 1, 0, 0, 0 };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 143);
    assert_non_null(session);
    session_stream(session, TO_CLIENT, BYTES_OF("* OK IMAP4rev2 ready\r\n"), 0);
    session_stream(session, TO_SERVER, BYTES_OF("a1 STARTTLS\r\n"), 0);
    session_stream(session, TO_CLIENT, bytes_of_string(last), 0);
    session_stream(session, TO_SERVER, bytes_of(hello, sizeof hello), 0);
    const struct protocol *found = session->protocol;
    session_free(session);
    return found;
}

static void starttls_makes_it_tls_once_it_is_granted(void **state)
{
    (void)state;
    assert_ptr_equal(after("* still here\r\na1 OK begin\r\n"), &tls_protocol);
    assert_ptr_equal(after("a1 BAD no\r\na1 OK late\r\n"), &imap_protocol);
    assert_ptr_equal(after("a2 OK of something else\r\n"), &imap_protocol);
}

static void any_cutting_is_the_same(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "* OK IMAP4rev2 ready\r\n"),
        TURN_TEXT(TO_SERVER, "a1 STARTTLS\r\n"),
        TURN_TEXT(TO_CLIENT, "a1 OK begin\r\n"),
        TURN_TEXT(TO_SERVER, "\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
    };
    struct conversation c = { &imap_protocol, TRANSPORT_TCP, 143, TURNS(turns), .then = &tls_protocol };
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greeting_tells_on_any_port),
        cmocka_unit_test(starttls_makes_it_tls_once_it_is_granted),
        cmocka_unit_test(any_cutting_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
