/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "conversation.h"

extern const struct protocol quic_protocol;

/* Initial packets (RFC 9001 section 5, RFC 9369) of a client with the connection id of RFC 9001's appendix A.
 * Its hello for "example.vn" is cut at its 60th byte; the second part comes first. */
#define CLIENT_SECOND                                                                                        \
    "c700000001088394c8f03e51570800004043b3f246883faaf6198d51ada66495c58a74c7220010fbab5315738276b56e9e2602" \
    "b41175e96e400b755d7f171efb15f7e6358dd50cc93b49f65230945eb9e8f77589fd"
#define CLIENT_FIRST                                                                                         \
    "c700000001088394c8f03e51570800004051d34a6c3a97bd0787a4cde2cc8db5236df73472769b9ab2e6711995f13544f44f15" \
    "e328cad5ea5e45a696903d2436428ef9471932c6c992d316497218bc68c1a7772c7a116d4bc5dca46907eef214c3d378"
/* The server's: an acknowledgement and its hello. */
#define SERVER                                                                                               \
    "ca000000010004aaaaaaaa00404c7872aa3039b11b5aa9a1f00b5ff2b934199a0ac9f66b064a18b8060f18a5d5a146b7170dcf" \
    "d0717169c83930ca5e35cecc668e2a5b87a86db7c76e733617fcd16ea3899874fbc0da679b61cd"
/* The same hello in one packet of version 2. */
#define CLIENT_2                                                                                             \
    "d36b3343cf088394c8f03e515708000040809399d4ec9e04685f295492d0f9e3bd080071e48034a1e191fb4b67415f63b29d2c" \
    "bf762866fe3a86f4198a9f3d307c7a1999ab0e129cf89f19df6ba044a715f13f3ce8adad1150f8fad48052b4bcf39216c13546" \
    "d296aefcb64a39a55a3e053c93c5e9e69535150f831d1b3e0e0438de4179322a1cd16593759ee9afac18ff43"
/* A frame that does not exist. */
#define BAD_FRAME "c600000001088394c8f03e51570800004016a78d5fb411dab1c3bb1a739be96747a34108973483d0"

static void hellos_are_read_from_protected_packets(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(CLIENT_SECOND) },
        { TO_SERVER, from_hex(CLIENT_FIRST) },
        { TO_CLIENT, from_hex(SERVER) },
        { TO_SERVER, from_hex("40 8394c8f03e515708 001122334455") },
    };
    struct conversation c = { &quic_protocol, TRANSPORT_UDP, 443, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"quic\":{\"version\":\"1\",\"sni\":\"example.vn\",\"ja3\":{\"hash\":\"");
    expect_text(&out, "\"string\":\"771,4865,0-43-16-10-13-57,29,\"},\"ja4\":\"q13d0106h3_");
    expect_text(&out, "{\"name\":\"alpn\",\"type\":16,\"values\":[\"h3\"]}");
    expect_text(&out, "\"ja3s\":{\"hash\":\"");
    expect_text(&out, "\"string\":\"771,4865,43\"}");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 1);
}

static void version_2_has_keys_of_its_own(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(CLIENT_2) } };
    struct conversation c = { &quic_protocol, TRANSPORT_UDP, 443, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"quic\":{\"version\":\"v2\",\"sni\":\"example.vn\"");
    text_done(&out);
    check_conversation(&c, 1);
}

static void what_cannot_be_opened_or_read_is_an_event(void **state)
{
    (void)state;
    struct turn turns[] = { { TO_SERVER, from_hex(CLIENT_FIRST) } };
    ((uint8_t *)(uintptr_t)turns[0].data.data)[turns[0].data.size - 1] ^= 1; /* of the authentication tag */
    struct conversation c = { &quic_protocol, TRANSPORT_UDP, 443, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event failed_decrypt\n");
    turns[0].data = from_hex(BAD_FRAME);
    play(&c, 0, &out);
    expect_text(&out, "event error_on_data\n");
    text_done(&out);
}

/* Google's Q046 is not encrypted: a CHLO with a server's name and a user agent. */
static void the_hello_of_googles_quic_is_read(void **state)
{
    (void)state;
    const struct turn turns[] = { {
        TO_SERVER,
        from_hex("c3 51303436 50 0102030405060708 00000001 000000000000000000000000"
                 "a0 01 2800 43484c4f 0200 0000 534e4900 0a000000 55414944 0f000000"
                 "6578616d706c652e766e 4368726f6d"),
    } };
    struct conversation c = { &quic_protocol, TRANSPORT_UDP, 443, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(
        &out,
        "{\"quic\":{\"version\":\"Q046\",\"sni\":\"example.vn\",\"ua\":\"Chrom\",\"cyu\":[{\"hash\":\"");
    expect_text(&out, "\"string\":\"46,SNI-UAID\"}]");
    text_done(&out);
    check_conversation(&c, 1);
}

/* Before Q044 public flags came first, and before Q034 private ones after the hash. */
static void older_hellos_of_google_are_read_too(void **state)
{
    (void)state;
    static const struct {
        const char *shown, *number, *flags;
    } rows[] = {
        { "Q043", "19 0102030405060708 51303433 0001", "" },
        { "51303235", "0d 0102030405060708 51303235 01", "01" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char hex[512], wanted[128];
        snprintf(hex, sizeof hex,
                 "%s 000000000000000000000000 %s a0 01 2800 43484c4f 0200 0000 534e4900 0a000000 55414944 "
                 "0f000000 6578616d706c652e766e 4368726f6d",
                 rows[i].number, rows[i].flags);
        snprintf(wanted, sizeof wanted,
                 "{\"quic\":{\"version\":\"%s\",\"sni\":\"example.vn\",\"ua\":\"Chrom\"", rows[i].shown);
        const struct turn turns[] = { { TO_SERVER, from_hex(hex) } };
        struct conversation c = { &quic_protocol, TRANSPORT_UDP, 443, TURNS(turns) };
        struct text out = text_new(1U << 16);
        play(&c, 0, &out);
        expect_text(&out, wanted);
        text_done(&out);
        check_conversation(&c, 1);
    }
}

/* RFC 9000 section 15: the client names a version that nobody has, and the server says what it has. */
static void versions_are_negotiated(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex("cd 0a0a0a0a 08 0102030405060708 00 00 10 00000000000000000000000000000000") },
    };
    struct conversation c = { &quic_protocol, TRANSPORT_UDP, 443, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"quic\":{\"version\":\"a0a0a0a\"");
    text_done(&out);
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_are_read_from_protected_packets),
        cmocka_unit_test(version_2_has_keys_of_its_own),
        cmocka_unit_test(what_cannot_be_opened_or_read_is_an_event),
        cmocka_unit_test(the_hello_of_googles_quic_is_read),
        cmocka_unit_test(older_hellos_of_google_are_read_too),
        cmocka_unit_test(versions_are_negotiated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
