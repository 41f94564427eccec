/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol modbus_protocol, http_protocol;

#define HEAD(size) "\x00\x01\x00\x00\x00" size "\x0a"

static void played(const struct turn *turns, size_t count, struct text *out)
{
    struct conversation c = { &modbus_protocol, TRANSPORT_TCP, 502, turns, count };
    play(&c, 0, out);
    check_conversation(&c, 1);
}

/* The examples of sections 6.1, 6.3 and 6.12. */
static void reads_and_writes_are_told(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, HEAD("\x06") "\x01\x00\x13\x00\x13"),
        TURN_TEXT(TO_CLIENT, HEAD("\x06") "\x01\x03\xcd\x6b\x05"),
        TURN_TEXT(TO_SERVER, HEAD("\x06") "\x03\x00\x6b\x00\x03"),
        TURN_TEXT(TO_CLIENT, HEAD("\x09") "\x03\x06\x02\x2b\x00\x00\x00\x64"),
        TURN_TEXT(TO_SERVER, HEAD("\x0b") "\x10\x00\x01\x00\x02\x04\x00\x0a\x01\x02"),
        TURN_TEXT(TO_CLIENT, HEAD("\x06") "\x10\x00\x01\x00\x02"),
    };
    struct text out = text_new(1U << 20);
    played(turns, COUNT_OF(turns), &out);
    expect_text(
        &out,
        "\"id\":1,\"request\":{\"transaction_id\":1,\"protocol_id\":0,\"unit_id\":10,\"function_raw\":1,"
        "\"function_code\":\"RdCoils\",\"access_type\":\"READ | COILS\",\"category\":"
        "\"PUBLIC_ASSIGNED\",\"error_flags\":\"NONE\",\"read\":{\"address\":19,\"quantity\":19}}");
    expect_text(&out, "\"access_type\":\"WRITE | HOLDING | MULTIPLE | WRITE_MULTIPLE\"");
    expect_text(&out, "\"write\":{\"address\":1,\"quantity\":2,\"data\":");
    expect_text(&out, "\"write\":{\"address\":1,\"data\":2}");
    expect_no_text(&out, "DATA_VALUE");
    expect_no_text(&out, "mismatch");
    text_done(&out);
}

static void codes_and_exceptions_have_names(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, HEAD("\x06") "\x08\x00\x04\x00\x00"),
        TURN_TEXT(TO_CLIENT, HEAD("\x03") "\x88\x04"),
        TURN_TEXT(TO_SERVER, HEAD("\x05") "\x2b\x0e\x01\x00"),
        TURN_TEXT(TO_CLIENT, HEAD("\x05") "\x2b\x0e\x01\x01"),
        TURN_TEXT(TO_SERVER, HEAD("\x04") "\x41\x01\x02"),
        TURN_TEXT(TO_SERVER, HEAD("\x08") "\x16\x00\x04\x00\xf2\x00\x25"),
        TURN_TEXT(TO_CLIENT, HEAD("\x08") "\x16\x00\x04\x00\xf2\x00\x25"),
    };
    struct text out = text_new(1U << 20);
    played(turns, COUNT_OF(turns), &out);
    expect_text(&out, "\"diagnostic\":{\"raw\":4,\"code\":\"ForceListenOnlyMode\"");
    expect_text(&out, "\"exception\":{\"raw\":4,\"code\":\"ServerDeviceFail\"}");
    expect_text(&out, "\"mei\":{\"raw\":14,\"code\":\"RdDevId\"");
    expect_text(&out, "\"function_code\":\"Unknown\",\"access_type\":\"NONE\",\"category\":\"USER_DEFINED\"");
    expect_text(&out, "\"write\":{\"address\":4,\"and_mask\":242,\"or_mask\":37}");
    text_done(&out);
}

static void faults_are_events(void **state)
{
    (void)state;
    static const struct {
        struct turn turns[2];
        const char *event;
    } cases[] = {
        { { TURN_TEXT(TO_SERVER, HEAD("\x06") "\x01\x00\x13\x00\x00") }, "invalid_value" },
        { { TURN_TEXT(TO_SERVER, HEAD("\x05") "\x01\x00\x13\x00") }, "invalid_length" },
        { { TURN_TEXT(TO_SERVER, HEAD("\x01")) }, "invalid_length" },
        { { TURN_TEXT(TO_SERVER, HEAD("\x02") "\x00") }, "invalid_function_code" },
        { { TURN_TEXT(TO_SERVER, "\x00\x01\x00\x05\x00\x06\x0a\x01\x00\x13\x00\x13") },
          "invalid_protocol_id" },
        { { TURN_TEXT(TO_CLIENT, HEAD("\x03") "\x81\x02") }, "unsolicited_response" },
        { { TURN_TEXT(TO_SERVER, HEAD("\x06") "\x01\x00\x13\x00\x13"),
            TURN_TEXT(TO_CLIENT, HEAD("\x03") "\x81\x09") },
          "invalid_exception_code" },
        { { TURN_TEXT(TO_SERVER, HEAD("\x06") "\x06\x00\x01\x00\x03"),
            TURN_TEXT(TO_CLIENT, HEAD("\x06") "\x06\x00\x01\x00\x04") },
          "value_mismatch" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = text_new(1U << 20);
        const struct turn turns[] = { TURN_TEXT(TO_SERVER, HEAD("\x02") "\x07"), cases[i].turns[0],
                                      cases[i].turns[1] };
        struct conversation c = { &modbus_protocol, TRANSPORT_TCP, 502, turns,
                                  cases[i].turns[1].data.size ? 3 : 2 };
        play(&c, 0, &out);
        expect_text(&out, cases[i].event);
        text_done(&out);
    }
}

/* What went before in the connection is another protocol's, whatever its record looks like. */
static void an_answer_in_a_tunnel_is_unsolicited(void **state)
{
    (void)state;
    static const struct protocol *const enabled[] = { &http_protocol, &modbus_protocol, NULL };
    static const struct session_settings settings = { .enabled = enabled };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 502);
    assert_non_null(session);
    session_stream(session, TO_SERVER, BYTES_OF("CONNECT a:502 HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    session_stream(session, TO_CLIENT,
                   BYTES_OF("HTTP/1.1 200 OK\r\n\r\n" HEAD("\x06") "\x01\x03\xcd\x6b\x05"), 0);
    assert_ptr_equal(session->protocol, &modbus_protocol);
    assert_non_null(session->txs->next);
    assert_ptr_equal(session->last_tx->protocol, &modbus_protocol);
    assert_int_equal(session->last_tx->event_count, 1);
    session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_are_told),
        cmocka_unit_test(codes_and_exceptions_have_names),
        cmocka_unit_test(faults_are_events),
        cmocka_unit_test(an_answer_in_a_tunnel_is_unsolicited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
