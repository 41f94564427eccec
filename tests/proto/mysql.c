/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol mysql_protocol, tls_protocol;

/* A packet: size, sequence, payload; the result is static. */
static struct bytes packet(uint8_t sequence, struct bytes payload)
{
    static uint8_t memory[48][512];
    static size_t next;
    uint8_t *out = memory[next++ % COUNT_OF(memory)];
    assert_true(payload.size + 4 <= sizeof memory[0]);
    out[0] = (uint8_t)payload.size;
    out[1] = (uint8_t)(payload.size >> 8);
    out[2] = 0;
    out[3] = sequence;
    memcpy(out + 4, payload.data, payload.size);
    return bytes_of(out, payload.size + 4);
}

#define SERVER(sequence, payload)                        \
    {                                                    \
        TO_CLIENT, packet((sequence), BYTES_OF(payload)) \
    }
#define CLIENT(sequence, payload)                        \
    {                                                    \
        TO_SERVER, packet((sequence), BYTES_OF(payload)) \
    }
#define ZEROS10 "\0\0\0\0\0\0\0\0\0\0"
#define ZEROS23 ZEROS10 ZEROS10 "\0\0\0"
/* Capabilities: database, 4.1, TLS, secure authentication; and plugins, no EOF packets, attributes. */
#define GREETING                                                                                \
    SERVER(0, "\x0a"                                                                            \
              "8.0.36\0\1\0\0\0abcdefgh\0\x09\x8a\x21\2\0\x08\x09\x15" ZEROS10 "abcdefghijkl\0" \
              "mysql_native_password\0")
#define LOGIN(capabilities) \
    CLIENT(1, capabilities "\0\0\0\1\x21" ZEROS23 "lan\0\2xxshop\0mysql_native_password\0")
#define OLD_EOF            "\x08\x82\x08\0"
#define NEW_EOF            "\x08\x82\x08\1"
#define OK                 "\0\0\0\2\0\0\0"
#define COLUMN(name, type) "\3def\1s\1t\1t\1" name "\1" name "\x0c\x21\0\0\0\0\0" type "\0\0\0\0\0"

static void play_expect(const struct turn *turns, size_t count, const char *const *wanted, bool check)
{
    struct conversation c = { &mysql_protocol, TRANSPORT_TCP, 3306, turns, count };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    for (; *wanted; wanted++)
        expect_text(&out, *wanted);
    text_done(&out);
    if (check)
        check_conversation(&c, 1);
}

static void logins_and_statements_are_told(void **state)
{
    (void)state;
    const struct turn turns[] = {
        GREETING,
        LOGIN(OLD_EOF),
        SERVER(2, "\xfe"
                  "caching_sha2_password\0ABCDEFGHIJKLMNOPQRST\0"),
        CLIENT(3, "answer"),
        SERVER(4, OK),
        CLIENT(0, "\3select a, b from t"),
        SERVER(1, "\2"),
        SERVER(2, COLUMN("a", "\xfd")),
        SERVER(3, COLUMN("b", "\x03")),
        SERVER(4, "\xfe\0\0\2\0"),
        SERVER(5, "\4rice\2"
                  "12"),
        SERVER(6, "\4salt\xfb"),
        SERVER(7, "\xfe\0\0\2\0"),
        CLIENT(0, "\3delete from t"),
        SERVER(1, "\0\2\0\2\0\0\0"),
        CLIENT(0, "\3drop table u"),
        SERVER(1, "\xff\x1b\4#42S02Unknown table"),
        CLIENT(0, "\2shop2"),
        SERVER(1, OK),
        CLIENT(0, "\1"),
    };
#define COMMON "{\"mysql\":{\"version\":\"8.0.36\",\"tls\":false,"
    play_expect(turns, COUNT_OF(turns),
                (const char *const[]){
                    COMMON
                    "\"user\":\"lan\",\"database\":\"shop\",\"auth_plugin\":\"caching_sha2_password\"}}\n",
                    COMMON "\"command\":\"select a, b from t\",\"column_count\":2,\"row_count\":2,"
                           "\"rows\":[\"rice,12\",\"salt,NULL\"]}}\n",
                    COMMON "\"command\":\"delete from t\",\"affected_rows\":2}}\n",
                    COMMON "\"command\":\"drop table u\",\"error_code\":1051,\"error_state\":\"42S02\","
                           "\"error_message\":\"Unknown table\"}}\n",
                    COMMON "\"command\":\"init_db shop2\",\"affected_rows\":0}}\n",
                    COMMON "\"command\":\"quit\"}}\n", NULL },
                true);
}

static void a_refused_login_has_its_error(void **state)
{
    (void)state;
    const struct turn turns[] = { GREETING, LOGIN(NEW_EOF),
                                  SERVER(2, "\xff\x15\4#28000Access denied for user 'lan'") };
    play_expect(turns, COUNT_OF(turns),
                (const char *const[]){ COMMON
                                       "\"user\":\"lan\",\"database\":\"shop\",\"auth_plugin\":"
                                       "\"mysql_native_password\",\"error_code\":1045,\"error_state\":"
                                       "\"28000\",\"error_message\":\"Access denied for user 'lan'\"}}\n",
                                       NULL },
                true);
}

/* One after the other, each with the flag that more follow. */
static void several_results_belong_to_their_statement(void **state)
{
    (void)state;
    const struct turn turns[] = {
        GREETING,
        LOGIN(NEW_EOF),
        SERVER(2, OK),
        CLIENT(0, "\3select 1; update t; select 2"),
        SERVER(1, "\1"),
        SERVER(2, COLUMN("a", "\x03")),
        SERVER(3, "\1"
                  "1"),
        SERVER(4, "\xfe\0\0\x0a\0\0\0"),
        SERVER(5, "\0\3\0\x0a\0\0\0"),
        SERVER(6, "\1"),
        SERVER(7, COLUMN("a", "\x03")),
        SERVER(8, "\1"
                  "2"),
        SERVER(9, "\xfe\0\0\2\0\0\0"),
    };
    play_expect(turns, COUNT_OF(turns),
                (const char *const[]){ COMMON
                                       "\"command\":\"select 1; update t; select 2\",\"affected_rows\":3,"
                                       "\"column_count\":1,\"row_count\":2,\"rows\":[\"1\",\"2\"]}}\n",
                                       NULL },
                true);
}

static void prepared_statements_are_named_when_they_are_executed(void **state)
{
    (void)state;
    const struct turn turns[] = {
        GREETING,
        LOGIN(NEW_EOF),
        SERVER(2, OK),
        CLIENT(0, "\x16"
                  "select * from t where a=?"),
        SERVER(1, "\0\7\0\0\0\4\0\1\0\0\0\0"),
        SERVER(2, COLUMN("?", "\xfd")),
        SERVER(3, COLUMN("a", "\x01")),
        SERVER(4, COLUMN("b", "\xfd")),
        SERVER(5, COLUMN("c", "\x0c")),
        SERVER(6, COLUMN("d", "\x05")),
        CLIENT(0, "\x17\7\0\0\0\0\1\0\0\0"),
        SERVER(1, "\4"),
        SERVER(2, COLUMN("a", "\x01")),
        SERVER(3, COLUMN("b", "\xfd")),
        SERVER(4, COLUMN("c", "\x0c")),
        SERVER(5, COLUMN("d", "\x05")),
        SERVER(6, "\0\0\xfb\3abc\7\xe8\7\1\2\3\4\5\0\0\0\0\0\0\xf8\x3f"), /* -5, 2024-01-02 03:04:05, 1.5 */
        SERVER(7, "\0\x28\x01\4\xe8\7\1\2"),                              /* b and d are NULL */
        SERVER(8, "\xfe\0\0\2\0\0\0"),
    };
    play_expect(turns, COUNT_OF(turns),
                (const char *const[]){ COMMON "\"command\":\"select * from t where a=?\"}}\n",
                                       COMMON "\"command\":\"select * from t where a=?\",\"column_count\":4,"
                                              "\"row_count\":2,\"rows\":[\"-5,abc,2024-01-02 03:04:05,1.5\","
                                              "\"1,NULL,2024-01-02,NULL\"]}}\n",
                                       NULL },
                true);
}

/* A server may answer any query by asking for a file of the client's (LOAD DATA LOCAL). */
static void a_file_that_the_server_asks_for_is_told(void **state)
{
    (void)state;
    const struct turn turns[] = {
        GREETING,
        LOGIN(NEW_EOF),
        SERVER(2, OK),
        CLIENT(0, "\3select 1"),
        SERVER(1, "\xfb/etc/passwd"),
        CLIENT(2, "\3root:x:0:0"),
        CLIENT(3, ""),
        SERVER(4, OK),
        CLIENT(0, "\x0e"),
        SERVER(1, OK),
    };
    play_expect(turns, COUNT_OF(turns),
                (const char *const[]){ COMMON "\"command\":\"select 1\",\"local_infile\":\"/etc/passwd\","
                                              "\"affected_rows\":0}}\n",
                                       COMMON "\"command\":\"ping\",\"affected_rows\":0}}\n", NULL },
                true);
}

static void attributes_before_a_query_are_passed_over(void **state)
{
    (void)state;
    /* One attribute, the text "v" under the name "k". */
    const struct turn turns[] = {
        GREETING,      LOGIN("\x08\x82\x08\x09"), SERVER(2, OK), CLIENT(0, "\3\1\1\0\1\xfe\0\1k\1vselect 1"),
        SERVER(1, OK),
    };
    play_expect(turns, COUNT_OF(turns),
                (const char *const[]){ COMMON "\"command\":\"select 1\",\"affected_rows\":0}}\n", NULL },
                true);
}

/* Of a long row the beginning is kept, and what follows it is found. */
static void a_long_row_is_passed_over(void **state)
{
    (void)state;
    static uint8_t row[150004] = { 0xf0, 0x49, 2, 3, 0xfd, 0xec, 0x49, 2 };
    memset(row + 8, 'x', sizeof row - 8);
    const struct turn turns[] = {
        GREETING,
        LOGIN(NEW_EOF),
        SERVER(2, OK),
        CLIENT(0, "\3select a"),
        SERVER(1, "\1"),
        SERVER(2, COLUMN("a", "\xfd")),
        { TO_CLIENT, bytes_of(row, 4 + 0x249f0) },
        SERVER(4, "\1"
                  "2"),
        SERVER(5, "\xfe\0\0\2\0\0\0"),
    };
    struct conversation c = { &mysql_protocol, TRANSPORT_TCP, 3306, TURNS(turns) };
    struct text whole = text_new(1U << 20), cut = text_new(1U << 20);
    play(&c, 0, &whole);
    play(&c, 1460, &cut);
    expect_text(&whole, "\"column_count\":1,\"row_count\":2,");
    expect_text(&whole, "\"2\"]");
    assert_string_equal(cut.data, whole.data);
    text_done(&whole);
    text_done(&cut);
}

static void tls_begins_after_the_request_for_it(void **state)
{
    (void)state;
    static const uint8_t hello[] = { 0x16, 3, 1, 0, 4, 1, 0, 0, 0 };
    const struct turn turns[] = {
        GREETING,
        CLIENT(1, "\x08\x8a\x08\0\0\0\0\1\x21" ZEROS23),
        { TO_SERVER, bytes_of(hello, sizeof hello) },
    };
    struct conversation c = { &mysql_protocol, TRANSPORT_TCP, 3306, TURNS(turns), .then = &tls_protocol };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"mysql\":{\"version\":\"8.0.36\",\"tls\":true}}\n");
    expect_text(&out, "event handshake_invalid_length\n"); /* of TLS */
    text_done(&out);
    check_conversation(&c, 1);
}

static const struct protocol *recognised(struct bytes first)
{
    static const struct protocol *const enabled[] = { &mysql_protocol, NULL };
    struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 7000);
    assert_non_null(session);
    session_stream(session, TO_CLIENT, first, 0);
    const struct protocol *found = session->protocol;
    session_free(session);
    return found;
}

static void the_greeting_tells_on_any_port(void **state)
{
    (void)state;
    const struct turn greeting = GREETING;
    assert_ptr_equal(recognised(greeting.data), &mysql_protocol);
    assert_null(recognised(bytes_first(greeting.data, 20)));
    assert_null(recognised(packet(0, BYTES_OF("\x09"
                                              "3.20\0\1\0\0\0abcdefgh\0" ZEROS10 ZEROS10))));
    assert_null(recognised(packet(0, BYTES_OF("\x0a"
                                              "hello\0\1\0\0\0abcdefgh\0" ZEROS10 ZEROS10))));
    assert_null(recognised(packet(1, BYTES_OF("\x0a"
                                              "8.0.36\0\1\0\0\0abcdefgh\0" ZEROS10 ZEROS10))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logins_and_statements_are_told),
        cmocka_unit_test(a_refused_login_has_its_error),
        cmocka_unit_test(several_results_belong_to_their_statement),
        cmocka_unit_test(prepared_statements_are_named_when_they_are_executed),
        cmocka_unit_test(a_file_that_the_server_asks_for_is_told),
        cmocka_unit_test(attributes_before_a_query_are_passed_over),
        cmocka_unit_test(a_long_row_is_passed_over),
        cmocka_unit_test(tls_begins_after_the_request_for_it),
        cmocka_unit_test(the_greeting_tells_on_any_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
