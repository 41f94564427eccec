/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol telnet_protocol;

static const struct turn login[] = {
    TURN_TEXT(TO_CLIENT, "\xff\xfd\x18\xff\xfb\x01"),           /* DO TERMINAL-TYPE, WILL ECHO */
    TURN_TEXT(TO_SERVER, "\xff\xfb\x18\xff\xfd\x01"),           /* WILL TERMINAL-TYPE, DO ECHO */
    TURN_TEXT(TO_CLIENT, "\xff\xfa\x18\x01\xff\xf0"),           /* SB TERMINAL-TYPE SEND SE */
    TURN_TEXT(TO_SERVER, "\xff\xfa\x18\x00vt\xff\xff\xff\xf0"), /* an IAC of the data is doubled */
    TURN_TEXT(TO_CLIENT, "Debian\r\nlogin: \xff\xf9"),          /* a prompt is ended by GA */
    TURN_TEXT(TO_SERVER, "root\r\n"),
};

static void commands_and_lines_are_frames(void **state)
{
    (void)state;
    struct conversation c = { &telnet_protocol, TRANSPORT_TCP, 23, TURNS(login), .frames = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "frame pdu to_server 0 3\nframe ctl to_server 0 3\n"
                      "frame pdu to_server 3 3\nframe ctl to_server 3 3\n"
                      "frame pdu to_server 6 8\nframe ctl to_server 6 8\n"
                      "frame pdu to_server 14 2\nframe ctl to_server 14 2\n"
                      "frame pdu to_server 16 6\nframe data to_server 16 6\n");
    expect_text(&out, "frame pdu to_client 12 15\nframe data to_client 12 15\n"
                      "frame pdu to_client 27 2\nframe ctl to_client 27 2\n");
    text_done(&out);
    check_conversation(&c, 1);
}

/* A line without an end is cut, so that nothing waits for ever. */
static void a_line_without_end_is_cut(void **state)
{
    (void)state;
    static char line[5000];
    memset(line, 'a', sizeof line);
    const struct turn turns[] = { login[0],
                                  { TO_CLIENT, bytes_of(line, sizeof line) },
                                  TURN_TEXT(TO_CLIENT, "\r\nok\r\n") };
    struct conversation c = { &telnet_protocol, TRANSPORT_TCP, 23, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "frame data to_client 6 5000\n");
    expect_text(&out, "frame data to_client 5008 4\n");
    text_done(&out);
}

static const struct protocol *recognised(struct bytes first)
{
    static const struct protocol *const enabled[] = { &telnet_protocol, NULL };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 2323);
    assert_non_null(session);
    session_stream(session, TO_CLIENT, first, 0);
    const struct protocol *found = session->protocol;
    session_free(session);
    return found;
}

static void it_begins_with_an_option(void **state)
{
    (void)state;
    assert_ptr_equal(recognised(BYTES_OF("\xff\xfd\x18")), &telnet_protocol);
    assert_null(recognised(BYTES_OF("\xff\xfd")));
    assert_null(recognised(BYTES_OF("\xff\xfd\x80")));
    assert_null(recognised(BYTES_OF("\xff\xd8\xff"))); /* a JPEG picture */
    assert_null(recognised(BYTES_OF("login: ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_lines_are_frames),
        cmocka_unit_test(a_line_without_end_is_cut),
        cmocka_unit_test(it_begins_with_an_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
