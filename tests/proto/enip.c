/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol enip_protocol;

/* Encapsulation header: command and size, then session, status, context, options. */
#define HEAD(command, size) command size "01000000 00000000 0000000000000000 00000000"
#define LIST_IDENTITY       HEAD("6300", "0000")
#define IDENTITY                                                                     \
    HEAD("6300", "2b00")                                                             \
    "0100 0c00 2500 0100 00000000000000000000000000000000 0100 0e00 3600 1403 0000 " \
    "11223344 03 504c43 03"
/* Common packet format: an empty address and an unconnected CIP message. */
#define UNCONNECTED(size) "00000000 0000 0200 0000 0000 b200" size
#define GET_NAME          "0e 03 2001 2401 3007"
#define GET               HEAD("6f00", "1800") UNCONNECTED("0800") GET_NAME
#define GOT               HEAD("6f00", "1600") UNCONNECTED("0600") "8e 00 00 00 3412"
#define REFUSED           HEAD("6f00", "1400") UNCONNECTED("0400") "8e 00 14 00"
#define MULTIPLE          HEAD("6f00", "2c00") UNCONNECTED("1c00") "0a 02 2002 2401 0200 0600 0e00" GET_NAME GET_NAME

static void devices_tell_who_they_are(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(LIST_IDENTITY) }, { TO_CLIENT, from_hex(IDENTITY) } };
    struct conversation c = { &enip_protocol, TRANSPORT_UDP, 44818, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out,
                "{\"enip\":{\"request\":{\"command\":\"list_identity\",\"status\":\"success\"},\"response\":"
                "{\"command\":\"list_identity\",\"status\":\"success\",\"identity\":{\"protocol_version\":1,"
                "\"revision\":\"20.3\",\"vendor_id\":\"Rockwell Automation/Allen-Bradley\",\"device_type\":"
                "\"Programmable Logic Controller\",\"product_code\":54,\"status\":0,\"serial\":1144201745,"
                "\"product_name\":\"PLC\",\"state\":3}}}}\n");
    text_done(&out);
    check_conversation(&c, 1);
}

static void cip_messages_are_told_with_their_path(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(GET) },     { TO_CLIENT, from_hex(GOT) },      { TO_SERVER, from_hex(GET) },
        { TO_CLIENT, from_hex(REFUSED) }, { TO_SERVER, from_hex(MULTIPLE) },
    };
    struct conversation c = { &enip_protocol, TRANSPORT_TCP, 44818, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
#define GET_PATH                                                                                         \
    "\"service\":\"Get Attributes Single\",\"path\":[{\"segment_type\":\"class\",\"value\":1},"          \
    "{\"segment_type\":\"instance\",\"value\":1},{\"segment_type\":\"attribute\",\"value\":7}],\"class_" \
    "name\":"                                                                                            \
    "\"Identity\""
    expect_text(&out,
                "\"cip\":{" GET_PATH "}},\"response\":{\"command\":\"send_r_r_data\",\"status\":\"success\","
                "\"cip\":{\"service\":\"Get Attributes Single\",\"status\":\"Success\"}}}}\n");
    expect_text(&out, "\"status\":\"Attribute Not Supported\"");
    expect_text(&out, "\"service\":\"Multiple Service Packet\",\"path\":[");
    expect_text(&out, "\"multiple\":[{" GET_PATH "},{" GET_PATH "}]");
    expect_text(&out, "frame hdr to_server 0 24\nframe data to_server 24 24\nframe cip to_server 40 8\n");
    text_done(&out);
    check_conversation(&c, 1);
}

/* A response to another command belongs to no request. */
static void a_response_answers_its_own_command(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(GET) }, { TO_CLIENT, from_hex(IDENTITY) } };
    struct conversation c = { &enip_protocol, TRANSPORT_TCP, 44818, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"enip\":{\"response\":{\"command\":\"list_identity\"");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_tell_who_they_are),
        cmocka_unit_test(cip_messages_are_told_with_their_path),
        cmocka_unit_test(a_response_answers_its_own_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
