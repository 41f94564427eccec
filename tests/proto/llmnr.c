/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol llmnr_protocol;

/* RFC 4795: "who is wpad?", and an answer, as a spoofer on the local network would give it. */
#define QUESTION "04 77706164 00 0001 0001"
#define QUERY    "1a2b 0000 0001 0000 0000 0000" QUESTION
#define ANSWER   "1a2b 8000 0001 0001 0000 0000" QUESTION "c00c 0001 0001 0000001e 0004 0a000042"

static void questions_and_answers_are_told(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(QUERY) }, { TO_CLIENT, from_hex(ANSWER) } };
    struct conversation c = { &llmnr_protocol, TRANSPORT_UDP, 5355, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"llmnr\":{");
    expect_text(&out, "\"type\":\"request\"");
    expect_text(&out, "\"rrname\":\"wpad\"");
    expect_text(&out, "\"type\":\"response\"");
    expect_text(&out, "10.0.0.66");
    text_done(&out);
    check_conversation(&c, 1);
}

static void over_a_stream_messages_have_their_size_before_them(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex("0016" QUERY) },
                                  { TO_CLIENT, from_hex("0026" ANSWER) } };
    struct conversation c = { &llmnr_protocol, TRANSPORT_TCP, 5355, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"type\":\"request\"");
    expect_text(&out, "10.0.0.66");
    text_done(&out);
    check_conversation(&c, 1);
}

/* Its messages look like those of DNS: only the port tells. */
static void elsewhere_it_is_not_recognised(void **state)
{
    (void)state;
    static const struct protocol *const enabled[] = { &llmnr_protocol, NULL };
    static const uint16_t ports[] = { 5355, 7000 };
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        struct session_settings settings = { .enabled = enabled };
        struct session *session = session_new(&settings, TRANSPORT_UDP, 40000, ports[i]);
        assert_non_null(session);
        session_datagram(session, TO_SERVER, from_hex(QUERY));
        assert_ptr_equal(session->protocol, i ? NULL : &llmnr_protocol);
        session_free(session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_and_answers_are_told),
        cmocka_unit_test(over_a_stream_messages_have_their_size_before_them),
        cmocka_unit_test(elsewhere_it_is_not_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
