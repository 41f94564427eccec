/* SPDX-License-Identifier: Apache-2.0 */
/* A bind with two contexts, one refused, and a call in two fragments, in both byte orders. */
#include "conversation.h"

extern const struct protocol dcerpc_protocol;

static const struct turn little[] = {
    TURN_TEXT(TO_SERVER, "\x05\x00\x0b\x03\x10\x00\x00\x00\x74\x00\x00\x00\x01\x00\x00\x00\x00\x10\x00\x10"
                         "\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x01\x00\x78\x56\x34\x12\x34\x12\xcd\xab"
                         "\xef\x00\x01\x23\x45\x67\xcf\xfb\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x78\x56\x34\x12"
                         "\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\xcf\xfb\x01\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    TURN_TEXT(TO_CLIENT, "\x05\x00\x0c\x03\x10\x00\x00\x00\x54\x00\x00\x00\x01\x00\x00\x00\x00\x10\x00\x10"
                         "\x07\x00\x00\x00\x04\x00\x31\x33\x35\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00"),
    TURN_TEXT(TO_SERVER, "\x05\x00\x00\x01\x10\x00\x00\x00\x1c\x00\x00\x00\x02\x00\x00\x00\x08\x00\x00\x00"
                         "\x00\x00\x1a\x00\x41\x42\x43\x44\x05\x00\x00\x02\x10\x00\x00\x00\x1c\x00\x00\x00"
                         "\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x1a\x00\x45\x46\x47\x48"),
    TURN_TEXT(TO_CLIENT, "\x05\x00\x02\x03\x10\x00\x00\x00\x1c\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00"
                         "\x00\x00\x00\x00\x57\x58\x59\x5a"),
};

static const struct turn big[] = {
    TURN_TEXT(TO_SERVER, "\x05\x00\x0b\x03\x00\x00\x00\x00\x00\x74\x00\x00\x00\x00\x00\x01\x10\x00\x10\x00"
                         "\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x01\x00\x12\x34\x56\x78\x12\x34\xab\xcd"
                         "\xef\x00\x01\x23\x45\x67\xcf\xfb\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x12\x34\x56\x78"
                         "\x12\x34\xab\xcd\xef\x00\x01\x23\x45\x67\xcf\xfb\x00\x01\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    TURN_TEXT(TO_CLIENT, "\x05\x00\x0c\x03\x00\x00\x00\x00\x00\x54\x00\x00\x00\x00\x00\x01\x10\x00\x10\x00"
                         "\x00\x00\x00\x07\x00\x04\x31\x33\x35\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00"),
    TURN_TEXT(TO_SERVER, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x1c\x00\x00\x00\x00\x00\x02\x00\x00\x00\x08"
                         "\x00\x00\x00\x1a\x41\x42\x43\x44\x05\x00\x00\x02\x00\x00\x00\x00\x00\x1c\x00\x00"
                         "\x00\x00\x00\x02\x00\x00\x00\x08\x00\x00\x00\x1a\x45\x46\x47\x48"),
    TURN_TEXT(TO_CLIENT, "\x05\x00\x02\x03\x00\x00\x00\x00\x00\x1c\x00\x00\x00\x00\x00\x02\x00\x00\x00\x04"
                         "\x00\x00\x00\x00\x57\x58\x59\x5a"),
};

static void what_nothing_answers_is_no_call(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, "\x05\x00\x10\x03\x10\x00\x00\x00\x18\x00\x00\x00\x02\x00\x00\x00"
                             "\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x03\x10\x00\x00\x00"
                             "\x18\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00"),
    };
    struct conversation c = { &dcerpc_protocol, TRANSPORT_TCP, 135, TURNS(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_no_text(&out, "AUTH3");
    expect_text(&out, "\"opnum\":7");
    text_done(&out);
    check_conversation(&c, 1);
}

static void check_calls(const struct turn *turns, size_t count)
{
    struct conversation c = { .protocol = &dcerpc_protocol,
                              .transport = TRANSPORT_TCP,
                              .server_port = 135,
                              .turns = turns,
                              .turn_count = count };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out,
                "\"request\":\"BIND\",\"interfaces\":[{\"uuid\":\"12345678-1234-abcd-ef00-01234567cffb\","
                "\"version\":\"1.0\",\"ack_result\":0},");
    expect_text(&out, "\"ack_result\":2}],\"response\":\"BINDACK\",\"call_id\":1");
    expect_text(&out, "\"request\":\"REQUEST\",\"req\":{\"opnum\":26,\"frag_cnt\":2,\"stub_data_size\":8}");
    expect_text(&out,
                "\"response\":\"RESPONSE\",\"res\":{\"frag_cnt\":1,\"stub_data_size\":12},\"call_id\":2");
    check_conversation(&c, 1);
    text_done(&out);
}

/* The server answers a bind with another one, of fewer contexts: the sides stay, and nothing is left of the
 * first. */
static void a_bind_that_answers_a_bind_replaces_it(void **state)
{
    (void)state;
    static const struct turn answer = TURN_TEXT(
        TO_CLIENT, "\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00\x00\x10\x00\x10"
                   "\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x78\x56\x34\x12\x34\x12\xcd\xab"
                   "\xef\x00\x01\x23\x45\x67\xcf\xfb\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00");
    const struct turn turns[] = { little[0], answer };
    struct conversation c = { .protocol = &dcerpc_protocol,
                              .transport = TRANSPORT_TCP,
                              .server_port = 135,
                              .turns = turns,
                              .turn_count = COUNT_OF(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"interfaces\":[{\"uuid\":\"12345678-1234-abcd-ef00-01234567cffb\",\"version\":"
                      "\"3.0\",\"ack_result\":0}],\"response\":\"BIND\"");
    expect_no_text(&out, "\"1.0\"");
    check_conversation(&c, 1);
    text_done(&out);
}

static void little_endian_calls(void **state)
{
    (void)state;
    check_calls(little, COUNT_OF(little));
}

static void big_endian_calls(void **state)
{
    (void)state;
    check_calls(big, COUNT_OF(big));
}

static const struct turn datagrams[] = {
    TURN_TEXT(TO_SERVER, "\x04\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x78\x56\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\xcf\xfb"
                         "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x00\x00\x00\x00"
                         "\x01\x00\x00\x00\x07\x00\x00\x00\x1a\x00\xff\xff\xff\xff\x04\x00\x00\x00\x00\x00"
                         "\x41\x42\x43\x44"),
    TURN_TEXT(TO_CLIENT, "\x04\x02\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x78\x56\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\xcf\xfb"
                         "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x00\x00\x00\x00"
                         "\x01\x00\x00\x00\x07\x00\x00\x00\x1a\x00\xff\xff\xff\xff\x02\x00\x00\x00\x00\x00"
                         "\x58\x59"),
};

static const struct turn big_datagrams[] = {
    TURN_TEXT(TO_SERVER, "\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00\x12\x34\x56\x78\x12\x34\xab\xcd\xef\x00\x01\x23\x45\x67\xcf\xfb"
                         "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x00\x00\x00\x00"
                         "\x00\x00\x00\x01\x00\x00\x00\x07\x00\x1a\xff\xff\xff\xff\x00\x04\x00\x00\x00\x00"
                         "\x41\x42\x43\x44"),
};

/* As Suricata shows it: of the two orders, the one that the message is not in. */
static void the_activity_of_a_big_endian_datagram_is_turned_round(void **state)
{
    (void)state;
    struct conversation c = {
        .protocol = &dcerpc_protocol, .transport = TRANSPORT_UDP, .server_port = 135, TURNS(big_datagrams)
    };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"opnum\":26,\"frag_cnt\":1,\"stub_data_size\":4");
    expect_text(&out, "\"activityuuid\":\"03020100-0504-0706-0809-0a0b0c0d0e0f\",\"seqnum\":7,");
    text_done(&out);
}

static void a_call_in_datagrams_is_told_by_activity_and_sequence(void **state)
{
    (void)state;
    struct conversation c = {
        .protocol = &dcerpc_protocol, .transport = TRANSPORT_UDP, .server_port = 135, TURNS(datagrams)
    };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"request\":\"REQUEST\",\"req\":{\"opnum\":26,\"frag_cnt\":1,\"stub_data_size\":4}");
    expect_text(&out, "\"response\":\"RESPONSE\",\"res\":{\"frag_cnt\":1,\"stub_data_size\":2}");
    expect_text(&out, "\"activityuuid\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"seqnum\":7,"
                      "\"rpc_version\":\"4.0\"");
    text_done(&out);
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_in_datagrams_is_told_by_activity_and_sequence),
        cmocka_unit_test(the_activity_of_a_big_endian_datagram_is_turned_round),
        cmocka_unit_test(what_nothing_answers_is_no_call),
        cmocka_unit_test(little_endian_calls),
        cmocka_unit_test(big_endian_calls),
        cmocka_unit_test(a_bind_that_answers_a_bind_replaces_it)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
