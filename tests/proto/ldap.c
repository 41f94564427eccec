/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol ldap_protocol, tls_protocol;

/* RFC 4511, in BER: a simple bind as "cn=a" with the password "pw", and its success. */
#define BIND_REQUEST "3012 020101 600d 020103 0404636e3d61 80027077"
#define BIND_SUCCESS "300c 020101 6107 0a0100 0400 0400"
#define BIND_REFUSED "3010 020101 610b 0a0131 0400 0404 6e6f7065"
/* Everything below "dc=vn" with an objectClass, its "cn". */
#define SEARCH                                                                                             \
    "302e 020102 6329 040564633d766e 0a0102 0a0100 020100 020100 010100 870b 6f626a656374436c617373 3004 " \
    "0402636e"
#define ENTRY       "3019 020102 6414 0405 64633d766e 300b 3009 0402 636e 3103 0401 78"
#define SEARCH_DONE "300c 020102 6507 0a0100 0400 0400"
#define UNBIND      "3005 020103 4200"
#define START_TLS   "301d 020104 7718 8016 312e332e362e312e342e312e313436362e3230303337"
#define TLS_GRANTED "300c 020104 7807 0a0100 0400 0400"

static void requests_have_their_responses(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(BIND_REQUEST) }, { TO_CLIENT, from_hex(BIND_SUCCESS) },
        { TO_SERVER, from_hex(SEARCH) },       { TO_CLIENT, from_hex(ENTRY SEARCH_DONE) },
        { TO_SERVER, from_hex(UNBIND) },
    };
    struct conversation c = { &ldap_protocol, TRANSPORT_TCP, 389, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out,
                "{\"ldap\":{\"request\":{\"message_id\":1,\"operation\":\"bind_request\",\"bind_request\":"
                "{\"version\":3,\"name\":\"cn=a\"}},\"responses\":[{\"operation\":\"bind_response\","
                "\"bind_response\":{\"result_code\":\"success\",\"matched_dn\":\"\",\"message\":\"\"}}]}}\n");
    expect_text(
        &out,
        "\"search_request\":{\"base_object\":\"dc=vn\",\"scope\":2,\"deref_alias\":0,\"size_limit\":0,"
        "\"time_limit\":0,\"types_only\":false,\"filter\":{\"type\":\"present\",\"value\":\"objectClass\"},"
        "\"attributes\":[\"cn\"]}},\"responses\":"
        "[{\"operation\":\"search_result_entry\",\"search_result_entry\":{\"base_object\":\"dc=vn\","
        "\"attributes\":[{\"type\":\"cn\",\"values\":[\"x\"]}]}},{\"operation\":\"search_result_done\"");
    expect_text(&out, "\"operation\":\"unbind_request\"}}}\n");
    expect_text(&out, "frame pdu to_client 14 27\n");
    expect_no_text(&out, "pw"); /* passwords are never told */
    text_done(&out);
    check_conversation(&c, 1);
}

static void a_response_that_nobody_asked_for_is_an_event(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(BIND_REQUEST) },
                                  { TO_CLIENT, from_hex(BIND_REFUSED SEARCH_DONE) } };
    struct conversation c = { &ldap_protocol, TRANSPORT_TCP, 389, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"result_code\":\"invalid_credentials\",\"matched_dn\":\"\",\"message\":\"nope\"");
    expect_text(&out, "event request_not_found\n");
    text_done(&out);
}

/* What follows an open request in the same bytes, and is no message. */
static void what_is_no_message_is_told_of_the_open_request(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        bool told;
    } cases[] = {
        { BIND_REQUEST "3005 020102 9900", true },
        { BIND_REQUEST "3105 020102 6000", true },
        { BIND_REQUEST "0000", true },
        { BIND_REQUEST "3005 020102 6009", false },
        { BIND_REQUEST "3003 020102", false },
        { BIND_REQUEST "6809 0000", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct turn turns[] = { { TO_SERVER, from_hex(cases[i].digits) } };
        struct conversation c = { &ldap_protocol, TRANSPORT_TCP, 389, TURNS(turns) };
        struct text out = text_new(1U << 16);
        play(&c, 0, &out);
        if (cases[i].told)
            expect_text(&out, "event invalid_data\n");
        else
            expect_no_text(&out, "event ");
        text_done(&out);
    }
}

static void a_datagram_has_whole_messages(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(SEARCH) },
                                  { TO_CLIENT, from_hex(ENTRY SEARCH_DONE) } };
    struct conversation c = { &ldap_protocol, TRANSPORT_UDP, 389, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"operation\":\"search_result_done\"");
    text_done(&out);
    check_conversation(&c, 1);
}

static void tls_begins_once_it_is_granted(void **state)
{
    (void)state;
    static const uint8_t hello[] = { 0x16, 3, 1, 0, 4, 1, 0, 0, 0 };
    const struct turn turns[] = {
        { TO_SERVER, from_hex(START_TLS) },
        { TO_CLIENT, from_hex(TLS_GRANTED) },
        { TO_SERVER, bytes_of(hello, sizeof hello) },
    };
    struct conversation c = { &ldap_protocol, TRANSPORT_TCP, 389, TURNS(turns), .then = &tls_protocol };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"extended_request\":{\"name\":\"1.3.6.1.4.1.1466.20037\"}");
    expect_text(&out, "event handshake_invalid_length\n"); /* of TLS */
    text_done(&out);
    check_conversation(&c, 1);
}

static void an_element_without_end_ends_the_direction(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(BIND_REQUEST "308000" SEARCH) } };
    struct conversation c = { &ldap_protocol, TRANSPORT_TCP, 389, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "bind_request");
    expect_no_text(&out, "search_request");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_their_responses),
        cmocka_unit_test(a_response_that_nobody_asked_for_is_an_event),
        cmocka_unit_test(what_is_no_message_is_told_of_the_open_request),
        cmocka_unit_test(a_datagram_has_whole_messages),
        cmocka_unit_test(tls_begins_once_it_is_granted),
        cmocka_unit_test(an_element_without_end_ends_the_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
