/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol mqtt_protocol;

/* Version 3.1.1 (section 3): "c1", user "u", password "p", a last will. */
#define CONNECT    "10 1f 0004 4d515454 04 c6 003c 0002 6331 0004 77696c6c 0003 627965 0001 75 0001 70"
#define CONNACK    "20 02 00 00"
#define SUBSCRIBE  "82 08 0001 0003 612f62 01"
#define SUBACK     "90 03 0001 01"
#define PUBLISH_0  "30 07 0003 612f62 6869"
#define PUBLISH_2  "34 09 0003 612f62 0007 6869"
#define PUBREC     "50 02 0007"
#define PUBREL     "62 02 0007"
#define PUBCOMP    "70 02 0007"
#define DISCONNECT "e0 00"

static void an_exchange_is_one_record(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(CONNECT) },
        { TO_CLIENT, from_hex(CONNACK) },
        { TO_SERVER, from_hex(SUBSCRIBE PUBLISH_2) },
        { TO_CLIENT, from_hex(SUBACK PUBREC) },
        { TO_SERVER, from_hex(PUBREL) },
        { TO_CLIENT, from_hex(PUBCOMP PUBLISH_0) },
        { TO_SERVER, from_hex(DISCONNECT) },
    };
    struct conversation c = { &mqtt_protocol, TRANSPORT_TCP, 1883, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"mqtt\":{\"connect\":{");
    expect_text(&out, "\"client_id\":\"c1\"");
    expect_text(&out, "\"username\":\"u\",\"password\":\"p\"");
    expect_text(&out, "\"will\":{\"topic\":\"will\",\"message\":\"bye\"}");
    expect_text(&out, "\"return_code\":0");
    expect_text(&out, "\"topics\":[{\"topic\":\"a/b\",\"qos\":1}]");
    expect_text(&out, "\"qos_granted\":[1]");
    expect_text(&out, "\"pubcomp\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":7}");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 1);
}

static void properties_of_version_5_are_told(void **state)
{
    (void)state;
    /* CONNECT with session expiry 10 and a user property; CONNACK with a server keep alive. */
    const struct turn turns[] = {
        { TO_SERVER, from_hex("10 1a 0004 4d515454 05 02 003c 0c 11 0000000a 26 0001 6b 0001 76 0001 63") },
        { TO_CLIENT, from_hex("20 06 00 00 03 13 0064") },
    };
    struct conversation c = { &mqtt_protocol, TRANSPORT_TCP, 1883, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"properties\":{\"session_expiry_interval\":10,\"user_properties\":[{\"key\":\"k\","
                      "\"value\":\"v\"}]}");
    expect_text(&out, "\"properties\":{\"server_keep_alive\":100}");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 1);
}

static void what_breaks_the_rules_is_an_event(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server, *event;
    } cases[] = {
        { CONNECT CONNECT, CONNACK, "event double_connect\n" },
        { CONNECT, CONNACK CONNACK, "event missing_connect\n" },
        { CONNECT, CONNACK SUBACK, "event missing_subscribe\n" },
        { CONNECT "36 09 0003 612f62 0007 6869", CONNACK, "event invalid_qos_level\n" },
        { CONNECT PUBLISH_0, "", "event unintroduced_message\n" },
        { CONNECT "82 05 0001 7fff 61", CONNACK, "event malformed_traffic\n" },
        { CONNECT "32 09 0003 612f62 0000 6869", CONNACK, "event missing_msg_id\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct turn turns[] = { { TO_SERVER, from_hex(cases[i].client) },
                                      { TO_CLIENT, from_hex(cases[i].server) } };
        struct conversation c = { &mqtt_protocol, TRANSPORT_TCP, 1883, TURNS(turns) };
        struct text out = text_new(1U << 16);
        play(&c, 0, &out);
        expect_text(&out, cases[i].event);
        text_done(&out);
    }
}

/* A message that is longer than what is kept is passed over; the next one is found. */
static void a_long_message_is_passed_over(void **state)
{
    (void)state;
    static uint8_t message[200000];
    memset(message, 'x', sizeof message);
    struct turn turns[14] = {
        { TO_SERVER, from_hex(CONNECT) },
        { TO_CLIENT, from_hex(CONNACK) },
        { TO_SERVER, from_hex("30 80897a") }, /* of 2,000,000 bytes */
    };
    for (size_t i = 3; i < 13; i++)
        turns[i] = (struct turn){ TO_SERVER, bytes_of(message, sizeof message) };
    turns[13] = (struct turn){ TO_SERVER, from_hex(PUBLISH_0) };
    struct conversation c = { &mqtt_protocol, TRANSPORT_TCP, 1883, TURNS(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"truncated\":true,\"skipped_length\":2000004");
    expect_text(&out, "\"topic\":\"a/b\",\"message\":\"hi\"");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_is_one_record),
        cmocka_unit_test(properties_of_version_5_are_told),
        cmocka_unit_test(what_breaks_the_rules_is_an_event),
        cmocka_unit_test(a_long_message_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
