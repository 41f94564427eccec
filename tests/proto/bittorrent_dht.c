/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol bittorrent_dht_protocol;

#define ID    "2:id20:abcdefghij0123456789"
#define OTHER "mnopqrstuvwxyz123456"
#define PING  "d1:ad" ID "e1:q4:ping1:t2:aa1:y1:qe"

static void played(const struct turn *turns, size_t count, struct text *out)
{
    struct conversation c = { &bittorrent_dht_protocol, TRANSPORT_UDP, 6881, turns, count };
    play(&c, 0, out);
    check_conversation(&c, 1);
}

static void every_query_of_bep_5_is_told(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, PING),
        TURN_TEXT(TO_SERVER,
                  "d1:ad" ID "6:target20:" OTHER "4:wantl2:n42:n6ee1:q9:find_node1:t2:ab1:v2:LT1:y1:qe"),
        TURN_TEXT(TO_SERVER, "d1:ad" ID "9:info_hash20:" OTHER "e1:q9:get_peers1:t2:ac1:y1:qe"),
        TURN_TEXT(TO_SERVER, "d1:ad" ID "12:implied_porti1e9:info_hash20:" OTHER
                             "4:porti6881e5:token2:xye1:q13:announce_peer1:t2:ad1:y1:qe"),
    };
    struct text out = text_new(1U << 20);
    played(turns, COUNT_OF(turns), &out);
    expect_text(&out, "\"transaction_id\":\"6161\",\"request_type\":\"ping\",\"request\":{\"id\":"
                      "\"6162636465666768696a30313233343536373839\"}");
    expect_text(&out, "\"client_version\":\"4c54\",\"request_type\":\"find_node\"");
    expect_text(&out, "\"target\":\"6d6e6f707172737475767778797a313233343536\"");
    expect_text(&out, "\"info_hash\":\"6d6e6f707172737475767778797a313233343536\",\"token\":\"7879\","
                      "\"implied_port\":1,\"port\":6881");
    expect_no_text(&out, "malformed");
    text_done(&out);
}

static void responses_tell_nodes_peers_and_errors(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        TURN_TEXT(TO_SERVER, PING),
        TURN_TEXT(TO_CLIENT, "d1:rd" ID "5:nodes27:" OTHER "\x01\x02\x03\x04\x1a\xe1z"
                             "6:nodes638:" OTHER "0123456789abcdef\x1a\xe1"
                             "e1:t2:aa1:y1:re"),
        TURN_TEXT(TO_CLIENT, "d1:rd" ID "5:token1:k6:valuesl6:\x05\x06\x07\x08\x1a\xe1"
                             "ee1:t2:aa1:y1:re"),
        TURN_TEXT(TO_CLIENT, "d1:eli201e7:Generice1:t2:aa1:y1:ee"),
    };
    struct text out = text_new(1U << 20);
    played(turns, COUNT_OF(turns), &out);
    expect_text(
        &out,
        "\"nodes\":[{\"id\":\"6d6e6f707172737475767778797a313233343536\",\"ip\":\"1.2.3.4\",\"port\":6881}]");
    expect_text(&out, "\"ip\":\"3031:3233:3435:3637:3839:6162:6364:6566\",\"port\":6881");
    expect_text(&out, "\"values\":[{\"ip\":\"5.6.7.8\",\"port\":6881}],\"token\":\"6b\"");
    expect_text(&out, "\"error\":{\"num\":201,\"msg\":\"Generic\"}");
    expect_no_text(&out, "malformed");
    text_done(&out);
}

static void what_is_no_message_is_an_event(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "d1:ad" ID "e1:q4:pi",                              /* cut off */
        "d1:ade1:q4:ping1:t2:aa1:y1:qe",                    /* no id */
        "d1:ad" ID "4:porti70000ee1:q4:ping1:t2:aa1:y1:qe", /* no port */
        "d1:ad" ID "4:porti-1ee1:q4:ping1:t2:aa1:y1:qe",
        "d1:ad" ID "e1:q4:ping1:y1:qe",                /* no transaction */
        "d1:ad" ID "e1:q4:ping1:t2:aa1:y1:xe",         /* no kind */
        "d1:rd" ID "6:valuesl5:abcdeee1:t2:aa1:y1:re", /* no peer */
        "d1:xllllllllllleeeeeeeeeee1:t2:aa1:y1:re",    /* nested too deep */
        "d1:eli201ee1:t2:aa1:y1:ee",                   /* no text */
        "d01:ad" ID "e1:q4:ping1:t2:aa1:y1:qe",        /* a zero in front */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct turn turns[] = { TURN_TEXT(TO_SERVER, PING), { TO_SERVER, bytes_of_string(bad[i]) } };
        struct text out = text_new(1U << 20);
        struct conversation c = { &bittorrent_dht_protocol, TRANSPORT_UDP, 6881, TURNS(turns) };
        play(&c, 0, &out);
        expect_text(&out, "malformed_packet");
        text_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_query_of_bep_5_is_told),
        cmocka_unit_test(responses_tell_nodes_peers_and_errors),
        cmocka_unit_test(what_is_no_message_is_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
