/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol dnp3_protocol;

/* Link frames with their checksums (IEEE 1815 clause 9). Read of the classes; a response over two transport
 * segments: binary inputs 0 and 1, an analog input; a direct operation on a relay; an object that does not
 * exist. */
#define READ       "05640ec4010000047da4c0c1013c02063c0106cc0f"
#define RESPONSE_1 "05641444000401009dd745c1818000010200000181011e0200a4e9"
#define RESPONSE_2 "05640b4400040100beeb86050501d6fff67c"
#define OPERATE    "05641ac401000004d291c1c2050c0128010003004101640000009dce6400000000005b"
#define UNKNOWN    "05640ec4010000047da4c2c302f001000000119c2c"

static void fragments_are_told_with_their_objects(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(READ) },
        { TO_CLIENT, from_hex(RESPONSE_1 RESPONSE_2) },
        { TO_SERVER, from_hex("00ff05" OPERATE) }, /* out of step at first */
    };
    struct conversation c = { &dnp3_protocol, TRANSPORT_TCP, 20000, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out,
                "{\"dnp3\":{\"type\":\"request\",\"control\":{\"dir\":true,\"pri\":true,\"fcb\":false,"
                "\"fcv\":false,\"function_code\":4},\"src\":1024,\"dst\":1,\"application\":{\"control\":"
                "{\"fir\":true,\"fin\":true,\"con\":false,\"uns\":false,\"sequence\":1},"
                "\"function_code\":1,\"objects\":[{\"group\":60,\"variation\":2,");
    expect_text(&out, "\"type\":\"response\"");
    expect_text(&out,
                "{\"group\":1,\"variation\":2,\"qualifier\":0,\"prefix_code\":0,\"range_code\":0,"
                "\"start\":0,\"stop\":1,\"count\":2,\"points\":[{\"prefix\":0,\"index\":0,\"online\":1,");
    expect_text(&out,
                "\"chatter_filter\":0,\"reserved\":0,\"state\":1},{\"prefix\":0,\"index\":1,\"online\":1,");
    expect_text(&out, "{\"group\":30,\"variation\":2,");
    expect_text(&out, "\"value\":-42}");
    expect_text(&out, "\"complete\":true},\"iin\":{\"indicators\":[\"device_restart\"]}");
    expect_text(&out, "\"function_code\":5,\"objects\":[{\"group\":12,\"variation\":1,");
    expect_text(&out, "\"count\":1,\"ontime\":100,\"offtime\":100,\"status_code\":0");
    text_done(&out);
    check_conversation(&c, 1);
}

static void damaged_frames_are_events(void **state)
{
    (void)state;
    struct bytes link = from_hex(READ), transport = from_hex(READ);
    ((uint8_t *)(uintptr_t)link.data)[8] ^= 1;
    ((uint8_t *)(uintptr_t)transport.data)[12] ^= 1;
    const struct {
        struct bytes frame;
        const char *event;
    } cases[] = {
        { link, "event bad_link_crc\n" },
        { transport, "event bad_transport_crc\n" },
        { from_hex("0564 04 c4 0100 0004 0000"), "event len_too_small\n" },
        { from_hex(UNKNOWN), "event unknown_object\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        /* One good frame tells the protocol. */
        const struct turn turns[] = { { TO_SERVER, from_hex(READ) }, { TO_SERVER, cases[i].frame } };
        struct conversation c = { &dnp3_protocol, TRANSPORT_TCP, 20000, TURNS(turns) };
        struct text out = text_new(1U << 16);
        play(&c, 0, &out);
        expect_text(&out, cases[i].event);
        text_done(&out);
    }
}

/* A segment whose number does not follow belongs to no fragment. */
static void a_segment_out_of_order_is_left_out(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(READ) },
                                  { TO_CLIENT, from_hex(RESPONSE_1) },
                                  { TO_CLIENT, from_hex(RESPONSE_1 RESPONSE_2 RESPONSE_2) } };
    struct conversation c = { &dnp3_protocol, TRANSPORT_TCP, 20000, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    struct bytes all = text_bytes(&out);
    unsigned responses = 0;
    for (size_t at; (at = bytes_find(all, BYTES_OF("\"complete\":true},\"iin\""))) != SIZE_MAX; responses++)
        all = bytes_from(all, at + 1);
    assert_int_equal(responses, 1);
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_are_told_with_their_objects),
        cmocka_unit_test(damaged_frames_are_events),
        cmocka_unit_test(a_segment_out_of_order_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
