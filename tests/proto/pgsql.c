/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol pgsql_protocol, tls_protocol;

#define SSL_REQUEST "\0\0\0\x08\x04\xd2\x16\x2f"
#define STARTUP     "\0\0\0\x20\0\3\0\0user\0lan\0database\0shop\0\0"
#define READY       "Z\0\0\0\5I"
#define QUERY       "Q\0\0\0\x0dselect 1\0"
#define BAD_SQL     "E\0\0\0\x18SERROR\0C42601\0Mbad\0\0"

static void a_login_and_its_queries_are_told(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, SSL_REQUEST),
        TURN_TEXT(TO_CLIENT, "N"),
        TURN_TEXT(TO_SERVER, STARTUP),
        TURN_TEXT(TO_CLIENT, "R\0\0\0\x0c\0\0\0\5salt"),
        TURN_TEXT(TO_SERVER, "p\0\0\0\x0bmd5abc\0"),
        TURN_TEXT(TO_CLIENT, "R\0\0\0\x08\0\0\0\0"
                             "S\0\0\0\x11TimeZone\0UTC\0"
                             "K\0\0\0\x0c\0\0\0\7\0\0\0\x09" READY),
        TURN_TEXT(TO_SERVER, QUERY),
        TURN_TEXT(TO_CLIENT, "T\0\0\0\x1a\0\1a\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
                             "D\0\0\0\x0c\0\1\0\0\0\2"
                             "42"
                             "D\0\0\0\x0a\0\1\xff\xff\xff\xff"
                             "C\0\0\0\x0dSELECT 2\0" READY),
        TURN_TEXT(TO_SERVER, QUERY),
        TURN_TEXT(TO_CLIENT, BAD_SQL READY),
        TURN_TEXT(TO_SERVER, "X\0\0\0\4"),
    };
    struct conversation c = { &pgsql_protocol, TRANSPORT_TCP, 5432, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"pgsql\":{\"tx_id\":1,\"request\":{\"message\":\"SSL Request\"},\"response\":"
                      "{\"ssl_accepted\":false}}}\n");
    expect_text(&out,
                "{\"pgsql\":{\"tx_id\":2,\"request\":{\"protocol_version\":\"3.0\",\"startup_parameters\":"
                "{\"user\":\"lan\",\"optional_parameters\":[{\"database\":\"shop\"}]}},\"response\":"
                "{\"authentication_md5_password\":\"salt\"}}}\n");
    expect_text(&out, "\"response\":{\"message\":\"authentication_ok\",\"parameter_status\":"
                      "[{\"time_zone\":\"UTC\"}],\"process_id\":7,\"secret_key\":9}}}\n");
    expect_text(
        &out, "\"request\":{\"simple_query\":\"select 1\"},\"response\":{\"row_description_malformed\":false,"
              "\"field_count\":1,\"data_rows\":2,\"data_size\":2,\"command_completed\":\"SELECT 2\"}}}\n");
    expect_text(
        &out, "\"response\":{\"severity_localizable\":\"ERROR\",\"code\":\"42601\",\"message\":\"bad\"}}}\n");
    expect_text(&out, "\"request\":{\"message\":\"termination_message\"}}}\n");
    text_done(&out);
    check_conversation(&c, 1);
}

static void tls_begins_once_it_is_granted(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, SSL_REQUEST),
        TURN_TEXT(TO_CLIENT, "S"),
        TURN_TEXT(TO_SERVER, "\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
    };
    struct conversation c = { &pgsql_protocol, TRANSPORT_TCP, 5432, TURNS(turns), .then = &tls_protocol };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"ssl_accepted\":true}");
    expect_text(&out, "event handshake_invalid_length\n"); /* of TLS */
    text_done(&out);
    check_conversation(&c, 1);
}

/* A copy is one transaction for all that the client sends. */
static void a_copy_counts_what_is_sent(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, STARTUP),
        TURN_TEXT(TO_CLIENT, "R\0\0\0\x08\0\0\0\0" READY),
        TURN_TEXT(TO_SERVER, "Q\0\0\0\x16"
                             "copy t from stdin\0"),
        TURN_TEXT(TO_CLIENT, "G\0\0\0\x09\0\0\1\0\0"),
        TURN_TEXT(TO_SERVER, "d\0\0\0\7ab\nd\0\0\0\6c\nc\0\0\0\4"),
        TURN_TEXT(TO_CLIENT, "C\0\0\0\x0b"
                             "COPY 2\0" READY),
    };
    struct conversation c = { &pgsql_protocol, TRANSPORT_TCP, 5432, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"copy_in_response\":{\"malformed\":false,\"columns\":1}");
    expect_text(&out,
                "\"request\":{\"copy_data_in\":{\"msg_count\":2,\"data_size\":5},\"message\":\"copy_done\"},"
                "\"response\":{\"command_completed\":\"COPY 2\"}}}\n");
    text_done(&out);
    check_conversation(&c, 1);
}

/* A row of which only the size is read; what follows it is found. */
static void a_long_message_is_passed_over(void **state)
{
    (void)state;
    static uint8_t row[0x30000 + 1] = { 'D', 0, 3, 0, 0, 0, 1, 0, 2, 0xff, 0xf6 };
    const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, STARTUP),
        TURN_TEXT(TO_CLIENT, "R\0\0\0\x08\0\0\0\0" READY),
        TURN_TEXT(TO_SERVER, QUERY),
        { TO_CLIENT, bytes_of(row, sizeof row) },
        TURN_TEXT(TO_CLIENT, "C\0\0\0\x0dSELECT 1\0" READY),
    };
    struct conversation c = { &pgsql_protocol, TRANSPORT_TCP, 5432, TURNS(turns) };
    struct text whole = text_new(1U << 16), cut = text_new(1U << 16);
    play(&c, 0, &whole);
    play(&c, 1460, &cut);
    expect_text(&whole, "\"data_rows\":1,\"data_size\":196598,\"command_completed\":\"SELECT 1\"");
    assert_string_equal(cut.data, whole.data);
    text_done(&whole);
    text_done(&cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_login_and_its_queries_are_told),
        cmocka_unit_test(tls_begins_once_it_is_granted),
        cmocka_unit_test(a_copy_counts_what_is_sent),
        cmocka_unit_test(a_long_message_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
