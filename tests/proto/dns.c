/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "conversation.h"

#include "proto/dns.h"

extern const struct protocol dns_protocol, mdns_protocol;

#define QUERY    "1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 02766e 00 0001 0001"
#define QUESTION "03777777 076578616d706c65 02766e 00 0001 0001"
/* CNAME to a.example.vn by a pointer, A, AAAA, MX, TXT with two strings, SRV, SSHFP, an unknown type */
#define RESPONSE                                                                       \
    "1234 8180 0001 0008 0001 0001 " QUESTION "c00c 0005 0001 00000e10 0004 0161 c010" \
    "0161 c010 0001 0001 0000000a 0004 c0000201"                                       \
    "0161 c010 001c 0001 0000000a 0010 20010db8000000000000000000000001"               \
    "c010 000f 0001 0000000a 0007 000a 026d78 c010"                                    \
    "c010 0010 0001 0000000a 0008 03616263 00 02c3a9"                                  \
    "c010 0021 0001 0000000a 0009 0001 0002 01bb 0161 00"                              \
    "c010 002c 0001 0000000a 0006 01 02 0a0b0c0d"                                      \
    "c010 fff0 0001 0000000a 0003 010203"                                              \
    "c010 0006 0001 0000000a 001e 036e7331 c010 0161 c010"                             \
    "00000001 00000002 00000003 00000004 00000005"                                     \
    "00 0029 1000 00000000 0000"

static void played(const struct protocol *protocol, enum direction direction, const char *digits,
                   struct text *out)
{
    struct turn turn = { direction, from_hex(digits) };
    struct conversation c = { protocol, TRANSPORT_UDP, protocol == &dns_protocol ? 53 : 5353, &turn, 1,
                              NULL,     false };
    play(&c, 0, out);
}

static void a_request_is_a_transaction(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    played(&dns_protocol, TO_SERVER, QUERY, &out);
    assert_string_equal(
        out.data, "{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":4660,\"flags\":\"100\","
                  "\"rd\":true,\"opcode\":0,\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":"
                  "\"www.example.vn\",\"rrtype\":\"A\"}]}}\n");
    text_done(&out);
}

static void a_response_shows_all_forms_of_data(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    played(&dns_protocol, TO_CLIENT, RESPONSE, &out);
    expect_text(&out, "\"type\":\"response\"");
    expect_text(
        &out, "{\"rrname\":\"www.example.vn\",\"rrtype\":\"CNAME\",\"ttl\":3600,\"rdata\":\"a.example.vn\"}");
    expect_text(&out, "\"rdata\":\"192.0.2.1\"");
    expect_text(&out, "\"rdata\":\"2001:0db8:0000:0000:0000:0000:0000:0001\"");
    expect_text(&out, "\"rrtype\":\"MX\",\"ttl\":10,\"rdata\":\"mx.example.vn\"");
    expect_text(&out, "\"TXT\":[\"abc\",\"\",\"\xc3\xa9\"]");
    expect_text(&out, "\"srv\":{\"priority\":1,\"weight\":2,\"port\":443,\"name\":\"a\"}");
    expect_text(&out, "\"sshfp\":{\"fingerprint\":\"0a:0b:0c:0d\",\"algo\":1,\"type\":2}");
    expect_text(&out, "\"rrtype\":\"65520\",\"ttl\":10}");
    expect_text(
        &out, "\"authorities\":[{\"rrname\":\"example.vn\",\"rrtype\":\"SOA\",\"ttl\":10,\"soa\":{\"mname\":"
              "\"ns1.example.vn\",\"rname\":\"a.example.vn\",\"serial\":1,\"refresh\":2,\"retry\":3,"
              "\"expire\":4,\"minimum\":5}}]");
    expect_no_text(&out, "additionals"); /* EDNS without options */
    text_done(&out);
}

static void malformed_messages_raise_their_events(void **state)
{
    (void)state;
    static const struct {
        enum direction direction;
        const char *digits, *event;
    } cases[] = {
        { TO_SERVER, "1234 4940 0001 0000 0000 0000 0161 00 0001 0001",
          "event z_flag_set\nevent invalid_opcode\n" },
        { TO_CLIENT, "1234 8180 0001 0001 0000 0000 0161 00 0001 0001 c00c 0001", "event malformed_data\n" },
        { TO_CLIENT, "1234 8180 0001 0000 0001 0000 0161 00 0001 0001 c00c 0001",
          "event invalid_authorities\n" },
        { TO_CLIENT, "1234 8180 0001 0000 0000 0001 0161 00 0001 0001 c00c 0001",
          "event invalid_additionals\n" },
        /* a name that points at itself */
        { TO_CLIENT, "1234 8180 0001 0001 0000 0000 0161 00 0001 0001 c013 0001 0001 00000000 0000",
          "event infinite_loop\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = text_new(1U << 20);
        played(&dns_protocol, cases[i].direction, cases[i].digits, &out);
        expect_text(&out, cases[i].event);
        text_done(&out);
    }
}

static void a_name_of_any_size_is_bounded(void **state)
{
    (void)state;
    struct text digits = text_new(1U << 20), out = text_new(1U << 20);
    text_string(&digits, "1234 0100 0001 0000 0000 0000");
    for (int label = 0; label < 30; label++) {
        text_string(&digits, "3f");
        for (int i = 0; i < 63; i++)
            text_string(&digits, "61");
    }
    text_string(&digits, "00 0001 0001");
    played(&dns_protocol, TO_SERVER, digits.data, &out);
    expect_text(&out, "event name_too_long\n");
    expect_text(&out, "\"rrname_truncated\":true");
    text_done(&digits);
    text_done(&out);
}

static void multicast_names_its_data_by_type(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    played(&mdns_protocol, TO_SERVER,
           "0000 8400 0000 0001 0000 0000 0161 056c6f63616c 00 0010 8001 00000078 0007 03783d31 02793d",
           &out);
    assert_string_equal(
        out.data, "{\"mdns\":{\"type\":\"response\",\"id\":0,\"flags\":[\"aa\"],\"opcode\":0,\"rcode\":0,"
                  "\"answers\":[{\"rrname\":\"a.local\",\"txt\":[\"x=1\",\"y=\"]}]}}\n");
    text_done(&out);
}

static void messages_of_a_stream_are_cut_by_their_size(void **state)
{
    (void)state;
    char request[512], response[2048];
    struct text a = text_of(request, sizeof request), b = text_of(response, sizeof response);
    struct bytes query = from_hex(QUERY), answer = from_hex(RESPONSE);
    text_add(&a, "%04zx%s", query.size, QUERY);
    text_add(&b, "%04zx%s", answer.size, RESPONSE);
    const struct turn turns[] = { { TO_SERVER, from_hex(request) },
                                  { TO_SERVER, from_hex(request) },
                                  { TO_CLIENT, from_hex(response) } };
    struct conversation c = { &dns_protocol, TRANSPORT_TCP, 53, TURNS(turns), .frames = true };
    struct text out = text_new(1U << 20);
    char frames[200];
    play(&c, 0, &out);
    snprintf(frames, sizeof frames,
             "frame stream to_server 0 open\nframe pdu to_server 2 %zu\nframe pdu to_server %zu %zu\n"
             "frame stream to_client 0 open\nframe pdu to_client 2 %zu\n",
             query.size, query.size + 4, query.size, answer.size);
    expect_text(&out, frames);
    expect_text(&out, "\"tx_id\":1,\"id\":4660,\"flags\":\"100\"");
    expect_text(&out, "\"tx_id\":2,\"id\":4660,\"flags\":\"8180\"");
    text_done(&out);
    check_conversation(&c, 1);
}

static void datagrams_survive_every_change(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(QUERY) }, { TO_CLIENT, from_hex(RESPONSE) } };
    struct conversation c = { &dns_protocol, TRANSPORT_UDP, 53, TURNS(turns) };
    check_conversation(&c, 1);
}

static void outputs_choose_messages_by_type(void **state)
{
    (void)state;
    assert_int_equal(dns_type_number(BYTES_OF("aaaa")), 28);
    assert_int_equal(dns_type_number(BYTES_OF("URI")), 256);
    assert_int_equal(dns_type_number(BYTES_OF("nothing")), 0);
    assert_string_equal(dns_type_name(65), "HTTPS");
    assert_null(dns_type_name(70));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_a_transaction),
        cmocka_unit_test(a_response_shows_all_forms_of_data),
        cmocka_unit_test(malformed_messages_raise_their_events),
        cmocka_unit_test(a_name_of_any_size_is_bounded),
        cmocka_unit_test(multicast_names_its_data_by_type),
        cmocka_unit_test(messages_of_a_stream_are_cut_by_their_size),
        cmocka_unit_test(datagrams_survive_every_change),
        cmocka_unit_test(outputs_choose_messages_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
