/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol ftp_protocol;

static void commands_and_replies(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_CLIENT, "220-Welcome to\r\n220 an FTP server\r\n"),
        TURN_TEXT(TO_SERVER, "user an\r\nEPSV\r\nXFEAT\r\n"), /* without waiting */
        TURN_TEXT(TO_CLIENT, "331 Password\r\n229 Passive (|||4660|)\r\n500 What\r\n"),
        TURN_TEXT(TO_SERVER, "PORT 10,0,0,1,18,52\r\n"),
        TURN_TEXT(TO_CLIENT, "200 Yes\r\n"),
        TURN_TEXT(TO_SERVER, "RETR a b.txt\r\n"),
        TURN_TEXT(TO_CLIENT, "150 Opening\r\n226 Done\r\n"),
        TURN_TEXT(TO_SERVER, "PORT 10,0,0,1,18,256\r\nQUIT\r\n"),
    };
    struct conversation c = { &ftp_protocol, TRANSPORT_TCP, 21, TURNS(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "{\"completion_code\":[\"220\"],\"reply\":[\"220-Welcome to\",\"an FTP server\"]");
    expect_text(&out, "\"command\":\"USER\",\"command_data\":\"an\",\"command_truncated\":false,"
                      "\"completion_code\":[\"331\"],\"reply\":[\"Password\"]");
    expect_text(&out, "\"dynamic_port\":4660,\"mode\":\"passive\"");
    expect_text(&out, "{\"completion_code\":[\"500\"]");
    expect_text(&out, "\"dynamic_port\":4660,\"mode\":\"active\"");
    expect_text(&out, "\"command_data\":\"a b.txt\",\"command_truncated\":false,"
                      "\"completion_code\":[\"150\",\"226\"],\"reply\":[\"Opening\",\"Done\"]");
    expect_text(&out, "\"command_data\":\"10,0,0,1,18,256\",\"command_truncated\":false,"
                      "\"reply_received\":\"no\"");
    text_done(&out);
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(commands_and_replies) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
