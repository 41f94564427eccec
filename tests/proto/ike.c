/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

extern const struct protocol ike_protocol;

#define SPI_I "1111111111111111"
#define SPI_R "2222222222222222"
#define NONE  "0000000000000000"

/* IKEv1's main mode (RFC 2409): a proposal with two attributes of its transform, a vendor ID. */
#define TRANSFORM                        "00000014 01010000 80010007 800e0100 80040002"
#define PROPOSAL                         "0000001c 01010001" TRANSFORM
#define MAIN_MODE(responder, next, size) SPI_I responder next "10 02 00 00000000" size
#define OFFER                         \
    MAIN_MODE(NONE, "01", "0000005c") \
    "0d000028 00000001 00000001" PROPOSAL "00000018 afcad71368a1f1c96b8696fc77570100aabbccdd"
#define CHOICE MAIN_MODE(SPI_R, "01", "00000044") "00000028 00000001 00000001" PROPOSAL
#define KEYS                           \
    MAIN_MODE(SPI_R, "04", "00000034") \
    "0a00000c a1a2a3a4a5a6a7a8"        \
    "0000000c b1b2b3b4b5b6b7b8"
/* Of main mode's end only the header can be read. */
#define ENCRYPTED SPI_I SPI_R "05 10 02 01 00000000 00000024 0011223344556677"

static void the_choice_of_version_1_is_told(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(OFFER) },
        { TO_CLIENT, from_hex(CHOICE) },
        { TO_SERVER, from_hex(KEYS) },
        { TO_SERVER, from_hex("00000000" ENCRYPTED) }, /* as on port 4500 */
    };
    struct conversation c = { &ike_protocol, TRANSPORT_UDP, 500, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "{\"ike\":{\"version_major\":1,\"version_minor\":0,\"init_spi\":\"" SPI_I
                      "\",\"resp_spi\":\"" NONE "\",\"message_id\":0,\"exchange_type\":2,");
    expect_text(&out,
                "\"proposals\":[{\"alg_enc\":\"EncAesCbc\",\"alg_enc_raw\":7,\"sa_key_length\":\"Unknown\","
                "\"sa_key_length_raw\":256,\"alg_dh\":\"GroupAlternate1024BitModpGroup\",\"alg_dh_raw\":2}]");
    expect_text(&out, "\"vendor_ids\":[\"afcad71368a1f1c96b8696fc77570100aabbccdd\"]");
    expect_text(&out,
                "\"resp_spi\":\"" SPI_R "\",\"message_id\":0,\"exchange_type\":2,\"exchange_type_verbose\":"
                "\"Identity Protection\",\"alg_enc\":\"EncAesCbc\"");
    expect_text(&out, "\"key_exchange_payload\":\"a1a2a3a4a5a6a7a8\",\"key_exchange_payload_length\":8,"
                      "\"nonce_payload\":\"b1b2b3b4b5b6b7b8\",\"nonce_payload_length\":8");
    expect_text(&out, "\"ikev1\":{\"doi\":1,\"encrypted_payloads\":true}");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 1);
}

/* IKEv2's first message (RFC 7296): single DES, MD5 and a group of 768 bits; a key, a nonce;
 * NO_PROPOSAL_CHOSEN. */
#define TRANSFORMS      \
    "03000008 01000002" \
    "03000008 02000001" \
    "03000008 03000001" \
    "00000008 04000001"
#define INIT                                                                        \
    SPI_I NONE "21 20 22 08 00000000 00000060"                                      \
               "2200002c 00000028 01010004" TRANSFORMS "2800000c 00010000 a1a2a3a4" \
               "0000000c b1b2b3b4b5b6b7b8"
#define REFUSED SPI_I SPI_R "29 20 22 20 00000000 00000024 00000008 0000000e"

static void weak_algorithms_of_version_2_are_events(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(INIT) }, { TO_CLIENT, from_hex(REFUSED) } };
    struct conversation c = { &ike_protocol, TRANSPORT_UDP, 500, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event weak_crypto_enc\n");
    expect_text(&out, "event weak_crypto_prf\n");
    expect_text(&out, "event weak_crypto_auth\n");
    expect_text(&out, "event weak_crypto_dh\n");
    expect_text(&out, "\"exchange_type\":34,\"role\":\"initiator\",\"payload\":[\"SecurityAssociation\","
                      "\"KeyExchange\",\"Nonce\",\"NoNextPayload\"],\"ikev2\":{\"errors\":0}");
    expect_text(&out,
                "\"role\":\"responder\",\"payload\":[\"Notify\",\"NoNextPayload\"],\"ikev2\":{\"errors\":1,"
                "\"notify\":[\"NO_PROPOSAL_CHOSEN\"]}");
    text_done(&out);
    check_conversation(&c, 1);
}

/* A proposal of `protocol` with these transforms, as a datagram's event text says. */
static void proposal_raises(const char *protocol, const char *transforms, const char *const *events)
{
    struct bytes list = from_hex(transforms);
    char digits[1024];
    struct text text = text_of(digits, sizeof digits);
    text_add(&text, SPI_I NONE "21 20 22 08 00000000 %08zx 2200%04zx 0000%04zx 01 %s 00 04 %s",
             28 + 12 + list.size + 12 + 12, 12 + list.size, 8 + list.size, protocol, transforms);
    text_string(&text, " 2800000c 000e0000 a1a2a3a4 0000000c b1b2b3b4b5b6b7b8");
    text_char(&text, '\0');
    const struct turn turns[] = { { TO_SERVER, from_hex(digits) } };
    struct conversation c = { &ike_protocol, TRANSPORT_UDP, 500, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    if (!*events)
        expect_no_text(&out, "event ");
    for (; *events; events++)
        expect_text(&out, *events);
    text_done(&out);
}

static void proposals_are_judged_by_what_they_lack(void **state)
{
    (void)state;
#define ENC_GCM  "03000008 01000014"
#define PRF_GOOD "03000008 02000005"
#define AUTH     "03000008 0300000c"
#define DH       "00000008 0400000e"
    static const struct {
        const char *protocol, *transforms, *events[3];
    } cases[] = {
        { "01", "03000008 0100000c" PRF_GOOD AUTH DH, { NULL } },
        { "01", ENC_GCM PRF_GOOD DH, { NULL } }, /* the cipher authenticates */
        { "01", "03000008 0100000c" PRF_GOOD DH, { "event weak_crypto_no_auth\n" } },
        { "01", "03000008 0100000c" PRF_GOOD "03000008 03000000" DH, { "event weak_crypto_no_auth\n" } },
        { "01", "03000008 0100000c" PRF_GOOD "00000008 0300000c", { "event weak_crypto_no_dh\n" } },
        { "01", "03000008 0100000c" PRF_GOOD AUTH "00000008 04000000", { "event invalid_proposal\n" } },
        { "01",
          "03000008 0100000c"
          "03000008 02000000" AUTH DH,
          { "event invalid_proposal\n" } },
        { "01", "03000008 0100000c" PRF_GOOD AUTH "03000008 06000001" DH, { "event unknown_proposal\n" } },
        { "01", "03000008 01000009" PRF_GOOD AUTH DH, { "event weak_crypto_enc\n" } },
        { "02", AUTH "00000008 05000000", { "event no_encryption\n", "event weak_crypto_no_dh\n" } },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        proposal_raises(cases[i].protocol, cases[i].transforms, cases[i].events);
}

static void sizes_that_do_not_fit_are_events(void **state)
{
    (void)state;
    const struct turn turns[] = {
        { TO_SERVER, from_hex(INIT) },
        { TO_SERVER, from_hex(SPI_I SPI_R "29 20 25 08 00000001 00000024 00000009 0000000e") },
        { TO_SERVER, from_hex(SPI_I SPI_R "29 20 25 08 00000001 00000028 00000008 0000000e ffffffff") },
    };
    struct conversation c = { &ike_protocol, TRANSPORT_UDP, 500, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "event malformed_data\n");
    expect_text(&out, "event payload_extra_data\n");
    text_done(&out);
}

/* RFC 7383: a message in fragments, of which the second says nothing of what is in it. */
#define FRAGMENT_1 SPI_I SPI_R "35 20 23 08 00000001 0000002c 23000010 00010002 a1a2a3a4a5a6a7a8"
#define FRAGMENT_2 SPI_I SPI_R "35 20 23 08 00000001 0000002c 00000010 00020002 b1b2b3b4b5b6b7b8"

static void fragments_are_well_formed(void **state)
{
    (void)state;
    const struct turn turns[] = { { TO_SERVER, from_hex(FRAGMENT_1) }, { TO_SERVER, from_hex(FRAGMENT_2) } };
    struct conversation c = { &ike_protocol, TRANSPORT_UDP, 500, TURNS(turns) };
    struct text out = text_new(1U << 16);
    play(&c, 0, &out);
    expect_text(&out, "\"payload\":[\"IkePayloadType(53 / 0x35)\",\"IdentInitiator\"]");
    expect_text(&out, "\"payload\":[\"IkePayloadType(53 / 0x35)\",\"NoNextPayload\"]");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choice_of_version_1_is_told),
        cmocka_unit_test(weak_algorithms_of_version_2_are_events),
        cmocka_unit_test(proposals_are_judged_by_what_they_lack),
        cmocka_unit_test(fragments_are_well_formed),
        cmocka_unit_test(sizes_that_do_not_fit_are_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
