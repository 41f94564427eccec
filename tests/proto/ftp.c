/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

#include "proto/file.h"
#include "proto/ftp.h"

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
                      "\"mode\":\"passive\",\"reply_received\":\"no\"");
    text_done(&out);
    check_conversation(&c, 1);
}

/* What the control connection announced. */
struct announced {
    uint16_t port;
    size_t count;
    uint8_t note[2048];
    size_t size;
};

static void keep_announced(void *context, struct session *session, uint16_t port,
                           const struct protocol *protocol, struct bytes note)
{
    struct announced *kept = context;
    (void)session;
    assert_ptr_equal(protocol, &ftp_data_protocol);
    assert_in_range(note.size, 1, sizeof kept->note);
    kept->port = port;
    kept->count++;
    kept->size = note.size;
    memcpy(kept->note, note.data, note.size);
}

static void say(struct session *session, enum direction direction, const char *text)
{
    session_stream(session, direction, bytes_of_string(text), 0);
}

static void a_transfer_announces_its_connection_once(void **state)
{
    (void)state;
    struct announced kept = { 0 };
    struct session_settings settings = { .announce = keep_announced, .context = &kept };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 21);
    say(session, TO_SERVER, "USER a\r\n");
    say(session, TO_SERVER, "RETR early\r\n");
    assert_int_equal(kept.count, 0);
    say(session, TO_SERVER, "PORT 10,0,0,1,18,52\r\n");
    say(session, TO_SERVER, "RETR a b.txt\r\n");
    assert_int_equal(kept.count, 1);
    assert_int_equal(kept.port, 4660);
    assert_memory_equal(kept.note, "\0a b.txt", 8);
    say(session, TO_SERVER, "RETR again\r\n");
    assert_int_equal(kept.count, 1);
    say(session, TO_SERVER, "EPRT |2|::1|70|\r\nSTOU\r\n");
    assert_int_equal(kept.port, 70);
    assert_memory_equal(kept.note, "\3<stou>", 7);
    say(session, TO_SERVER, "EPRT |2|::1|71|\r\nLIST -a\r\n");
    assert_int_equal(kept.port, 71);
    assert_int_equal(kept.size, 1);
    session_free(session);
}

static void an_announced_connection_carries_a_file(void **state)
{
    (void)state;
    static const struct session_settings settings = { 0 };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 20, 4660);
    session_announced(session, &ftp_data_protocol, BYTES_OF("\1name"));
    say(session, TO_CLIENT, "some ");
    say(session, TO_SERVER, "noise");
    session_gap(session, TO_CLIENT, 3);
    session_stream(session, TO_CLIENT, BYTES_OF("more"), FEED_END);
    struct tx *tx = session->txs;
    assert_non_null(tx);
    assert_non_null(tx->files);
    assert_int_equal(tx->files->size, 12);
    assert_true(tx->files->has_gaps);
    assert_int_equal(tx->files->direction, TO_CLIENT);
    assert_int_equal(tx->files->state, FILE_TRUNCATED);
    assert_true(tx_complete(session, tx, TO_SERVER) && tx_complete(session, tx, TO_CLIENT));
    struct text out = text_new(4096);
    ftp_data_protocol.write(tx, false, &out);
    expect_text(&out, "\"filename\":\"name\",\"command\":\"STOR\"");
    text_done(&out);
    session_free(session);
}

static void a_burst_of_commands_ends_parsing(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "USER a\r\nPASS b\r\nPWD\r\nCWD\r\n"),
        TURN_TEXT(TO_CLIENT, "230 ok\r\n"),
    };
    struct {
        uint64_t memcap;
        uint32_t line_max, tx_max;
    } options = { 0, 4096, 2 };
    struct conversation c = { &ftp_protocol, TRANSPORT_TCP, 21, TURNS(turns), .options = &options };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "event too_many_transactions");
    expect_text(&out, "\"command\":\"USER\",\"command_data\":\"a\",\"command_truncated\":false,"
                      "\"reply_received\":\"yes\"");
    expect_no_text(&out, "CWD");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(commands_and_replies),
                                        cmocka_unit_test(a_transfer_announces_its_connection_once),
                                        cmocka_unit_test(an_announced_connection_carries_a_file),
                                        cmocka_unit_test(a_burst_of_commands_ends_parsing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
