/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes of a real TLS library, recorded in memory, seen from outside. */
#include "conversation.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "proto/tls.h"

extern const struct protocol tls_protocol;

static uint8_t wire[64 * 1024];
static size_t wire_size;
static struct turn turns[32];
static size_t turn_count;

static X509 *certificate(EVP_PKEY *key)
{
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 0x0a1b2c);
    X509_set_version(made, 2);
    ASN1_TIME_set_string(X509_getm_notBefore(made), "20240102030405Z");
    ASN1_TIME_set_string(X509_getm_notAfter(made), "20560607080910Z");
    X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC, (const unsigned char *)"VN", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"S\xe1\xbb\x9f", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"may-chu.example.vn", -1, -1,
                               0);
    X509_set_issuer_name(made, name);
    X509_set_pubkey(made, key);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                                "DNS:may-chu.example.vn,IP:192.0.2.7,email:a@example.vn");
    assert_non_null(names);
    X509_add_ext(made, names, -1);
    X509_EXTENSION_free(names);
    assert_int_not_equal(X509_sign(made, key, EVP_sha256()), 0);
    return made;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *in,
                       unsigned in_size, void *context)
{
    (void)ssl;
    (void)context;
    (void)in_size;
    *out = in + 1;
    *size = in[0];
    return SSL_TLSEXT_ERR_OK;
}

/* Moves what one end wrote to the other, and keeps it as a turn. */
static void carry(BIO *from, BIO *to, enum direction direction)
{
    int size = (int)BIO_pending(from);
    if (size <= 0)
        return;
    assert_true(wire_size + (size_t)size <= sizeof wire && turn_count < COUNT_OF(turns));
    assert_int_equal(BIO_read(from, wire + wire_size, size), size);
    assert_int_equal(BIO_write(to, wire + wire_size, size), size);
    turns[turn_count++] = (struct turn){ direction, bytes_of(wire + wire_size, (size_t)size) };
    wire_size += (size_t)size;
}

static void record_handshake(int version)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = certificate(key);
    SSL_CTX *contexts[2] = { SSL_CTX_new(TLS_client_method()), SSL_CTX_new(TLS_server_method()) };
    SSL_CTX_use_certificate(contexts[1], cert);
    SSL_CTX_use_PrivateKey(contexts[1], key);
    SSL_CTX_set_alpn_select_cb(contexts[1], choose_alpn, NULL);
    SSL *ends[2];
    for (int i = 0; i < 2; i++) {
        SSL_CTX_set_min_proto_version(contexts[i], TLS1_2_VERSION);
        SSL_CTX_set_max_proto_version(contexts[i], version);
        ends[i] = SSL_new(contexts[i]);
        SSL_set_bio(ends[i], BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    SSL_set_tlsext_host_name(ends[0], "may-chu.example.vn");
    SSL_set_alpn_protos(ends[0], (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL_set_connect_state(ends[0]);
    SSL_set_accept_state(ends[1]);
    wire_size = turn_count = 0;
    for (int round = 0; round < 6; round++) {
        (void)SSL_do_handshake(ends[0]);
        carry(SSL_get_wbio(ends[0]), SSL_get_rbio(ends[1]), TO_SERVER);
        (void)SSL_do_handshake(ends[1]);
        carry(SSL_get_wbio(ends[1]), SSL_get_rbio(ends[0]), TO_CLIENT);
    }
    assert_true(SSL_is_init_finished(ends[0]) && SSL_is_init_finished(ends[1]));
    for (int i = 0; i < 2; i++) {
        char secret[] = "xin chao";
        assert_true(SSL_write(ends[i], secret, sizeof secret) > 0);
        carry(SSL_get_wbio(ends[i]), SSL_get_rbio(ends[!i]), (enum direction)i);
    }
    for (int i = 0; i < 2; i++) {
        SSL_free(ends[i]);
        SSL_CTX_free(contexts[i]);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}

static struct conversation recorded(void)
{
    return (struct conversation){ &tls_protocol, TRANSPORT_TCP, 443, turns, turn_count, NULL, false };
}

static void a_handshake_of_tls_12_shows_the_certificate(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    record_handshake(TLS1_2_VERSION);
    struct conversation c = recorded();
    play(&c, 0, &out);
    expect_text(&out, "\"subject\":\"C=VN, O=S\xe1\xbb\x9f, CN=may-chu.example.vn\",\"issuerdn\":\"C=VN,");
    expect_text(&out, "\"subjectaltname\":[\"may-chu.example.vn\",\"[192, 0, 2, 7]\",\"a@example.vn\"]");
    expect_text(&out, "\"serial\":\"0A:1B:2C\"");
    expect_text(
        &out, "\"sni\":\"may-chu.example.vn\",\"version\":\"TLS 1.2\",\"notbefore\":\"2024-01-02T03:04:05\","
              "\"notafter\":\"2056-06-07T08:09:10\"");
    expect_text(&out, "\"ja3\":{\"hash\":\"");
    expect_text(&out, "\"string\":\"771,");
    expect_text(&out, "\"ja4\":\"t12d");
    expect_text(&out, "\"client_alpns\":[\"h2\",\"http/1.1\"],\"server_alpns\":[\"h2\"]");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 5);
}

static void a_handshake_of_tls_13_hides_it(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    record_handshake(TLS1_3_VERSION);
    struct conversation c = recorded();
    play(&c, 0, &out);
    expect_text(&out, "\"tls\":{\"sni\":\"may-chu.example.vn\",\"version\":\"TLS 1.3\"");
    expect_text(&out, "\"ja4\":\"t13d");
    expect_no_text(&out, "subject");
    expect_no_text(&out, "event");
    text_done(&out);
    check_conversation(&c, 5);
}

static void broken_records_raise_their_events(void **state)
{
    (void)state;
    static const struct {
        const char *digits, *event;
    } cases[] = {
        { "16 0301 0005 0100000100", "event handshake_invalid_length\n" },
        { "16 0301 0008 43000004 00000000", "event invalid_handshake_message\n" },
        { "16 0301 0005 1100000100", "event invalid_handshake_message\n" },
        { "15 0301 0001 02", "event invalid_alert_message\n" },
        { "15 0301 0002 0100 15 0301 0000", "event invalid_record_length\n" },
        { "15 0301 0002 0100 15 0301 ffff", "event invalid_record_length\n" },
        { "15 0301 0002 0100 8003 000000", "event error_message_encountered\n" },
        { "15 0301 0002 0100 8000 000000", "event invalid_sslv2_header\nevent invalid_ssl_record\n" },
        { "15 0301 0002 0100 8003 010909", "event invalid_ssl_record\n" },
        { "15 0301 0002 0100 18 0301 0003 01 4000", "event overflow_heartbeat_message\n" },
        { "15 0301 0002 0100 18 0301 0004 01 0001 61", "event invalid_heartbeat_message\n" },
        { "15 0301 0002 0100 18 0301 0004 03 0001 61", "event invalid_heartbeat_message\n" },
        { "15 0301 0002 0100 13 0301 0001 00", "event invalid_record_type\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct turn turn = { TO_SERVER, from_hex(cases[i].digits) };
        struct conversation c = { &tls_protocol, TRANSPORT_TCP, 443, &turn, 1, NULL, false };
        struct text out = text_new(1U << 20);
        play(&c, 0, &out);
        expect_text(&out, cases[i].event);
        text_done(&out);
        check_conversation(&c, 1);
    }
}

static void odd_but_readable_records_raise_nothing(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "15 0301 0002 0228",                 /* an alert is no malformed one */
        "15 0301 0002 0100 16 0901 0001 00", /* no record at all */
        "15 0301 0002 0100 18 0301 0016 01 0003 616263 00000000000000000000000000000000", /* a heartbeat */
        "16 0301 0008 01ffffff 00000000", /* the rest may come */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct turn turn = { TO_SERVER, from_hex(cases[i]) };
        struct conversation c = { &tls_protocol, TRANSPORT_TCP, 443, &turn, 1, NULL, false };
        struct text out = text_new(1U << 20);
        play(&c, 0, &out);
        expect_no_text(&out, "event ");
        text_done(&out);
    }
}

/* Extensions of a hello, and what is said of them. */
static void extensions_raise_their_events(void **state)
{
    (void)state;
    static const struct {
        const char *digits, *event; /* event NULL: none */
    } cases[] = {
        { "0000 0006 0004 00 0001 61", NULL },
        { "0000 0006 0099 00 0001 61", NULL }, /* the size of the list is not looked at */
        { "0000 0005 0003 00 0000", "event invalid_sni_length\n" },
        { "0000 0006 0004 00 0009 61", "event invalid_sni_length\n" },
        { "0000 0006 0004 01 0001 61", "event invalid_sni_type\n" },
        { "0000 0006 0004 00 0001 61 0000 0006 0004 00 0001 62", "event multiple_sni_extensions\n" },
        { "0000 0001 00", "event handshake_invalid_length\n" },
        { "000d 0004 0005 0403", "event handshake_invalid_length\n" },
        { "000d 0005 0003 0403 04", "event handshake_invalid_length\n" },
        { "000a 0004 0008 001d", "event handshake_invalid_length\n" },
        { "000b 0002 0900", "event handshake_invalid_length\n" },
        { "0010 0005 0009 026832", "event handshake_invalid_length\n" },
        { "002b 0003 090304", "event handshake_invalid_length\n" },
        { "000d 0000 000a 0000 000b 0000 0010 0000 002b 0000", NULL },
        { "0017 0000 00", "event handshake_invalid_length\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes list = from_hex(cases[i].digits);
        char hello[512];
        struct text text = text_of(hello, sizeof hello);
        size_t body = 2 + 32 + 1 + 2 + 2 + 2 + 2 + list.size;
        text_add(&text, "16 0301 %04zx 01 %06zx 0303", body + 4, body);
        for (int octet = 0; octet < 32; octet++)
            text_string(&text, "00");
        text_add(&text, "00 0002 002f 0100 %04zx ", list.size);
        text_string(&text, cases[i].digits);
        text_char(&text, '\0');
        struct turn turn = { TO_SERVER, from_hex(hello) };
        struct conversation c = { &tls_protocol, TRANSPORT_TCP, 443, &turn, 1, NULL, false };
        struct text out = text_new(1U << 20);
        play(&c, 0, &out);
        if (cases[i].event)
            expect_text(&out, cases[i].event);
        else
            expect_no_text(&out, "event ");
        text_done(&out);
    }
}

static void an_empty_handshake_record_is_recognised(void **state)
{
    (void)state;
    static const uint8_t handshake[] = { 22, 3, 0, 0, 0, 0, 0 }, data[] = { 23, 3, 0, 0, 0, 0, 0 };
    assert_int_equal(tls_protocol.probe(TO_SERVER, bytes_of(handshake, sizeof handshake)), PROBE_YES);
    assert_int_equal(tls_protocol.probe(TO_SERVER, bytes_of(data, sizeof data)), PROBE_NO);
}

/* Client hellos with a session of four bytes, with a ticket extension, with neither; server hellos that name
 * the same session, none, TLS 1.3. As Suricata 8.0.8 has it, asked with the same messages. */
static void a_record_without_a_certificate(void **state)
{
    (void)state;
#define RANDOM32       "00010203040506070809 00010203040506070809 00010203040506070809 0001"
#define CLIENT_SESSION "16 0303 0033 01 00002f 0303 " RANDOM32 " 04 61616161 0002 c02f 01 00 0000"
#define CLIENT_TICKET \
    "16 0303 003a 01 000036 0303 " RANDOM32 " 00 0002 c02f 01 00 000b 0023 0000 002b 0003 02 0304"
#define CLIENT_13      "16 0303 0036 01 000032 0303 " RANDOM32 " 00 0002 c02f 01 00 0007 002b 0003 02 0304"
#define SERVER_SESSION "16 0303 0030 02 00002c 0303 " RANDOM32 " 04 61616161 c02f 00 0000"
#define SERVER_NONE    "16 0303 002c 02 000028 0303 " RANDOM32 " 00 c02f 00 0000"
#define SERVER_13      "16 0303 0032 02 00002e 0303 " RANDOM32 " 00 c02f 00 0006 002b 0002 0304"
    static const struct {
        const char *client, *server, *wanted;
    } cases[] = {
        { CLIENT_SESSION, SERVER_SESSION, "\"tls\":{\"session_resumed\":true,\"version\":\"TLS 1.2\"" },
        { CLIENT_SESSION, SERVER_NONE, NULL },
        { CLIENT_SESSION, NULL, NULL },
        { CLIENT_TICKET, SERVER_NONE, "\"tls\":{\"session_resumed\":true,\"version\":\"TLS 1.2\"" },
        { CLIENT_TICKET, SERVER_13, "\"tls\":{\"version\":\"TLS 1.3\"" },
        { CLIENT_TICKET, NULL, "\"tls\":{\"version\":\"TLS 1.3\"" },
        { CLIENT_13, SERVER_13, "\"tls\":{\"version\":\"TLS 1.3\"" },
        { CLIENT_13, SERVER_NONE, NULL },
        { CLIENT_13, NULL, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t hello[128];
        struct bytes client = from_hex(cases[i].client);
        memcpy(hello, client.data, client.size);
        struct turn said[] = { { TO_SERVER, bytes_of(hello, client.size) }, { TO_CLIENT, BYTES_NONE } };
        if (cases[i].server)
            said[1].data = from_hex(cases[i].server);
        struct conversation c = { &tls_protocol, TRANSPORT_TCP, 443, said, cases[i].server ? 2 : 1, NULL };
        struct text out = text_new(1U << 20);
        play(&c, 0, &out);
        if (cases[i].wanted)
            expect_text(&out, cases[i].wanted);
        else
            expect_no_text(&out, "\"tls\"");
        text_done(&out);
    }
}

static void fingerprints_leave_grease_out(void **state)
{
    (void)state;
    static const uint16_t ciphers[] = { 0x1a1a, 0x1301, 0x1302, 0xc02b },
                          extensions[] = { 0x0a0a, 0, 16, 13, 43 };
    static const uint16_t signatures[] = { 0x0403, 0x0804 }, curves[] = { 0x2a2a, 29, 23 };
    struct tls_hello hello = {
        .version = 0x0303,
        .version_best = 0x0304,
        .ciphers = { ciphers, 4 },
        .extensions = { extensions, 5 },
        .curves = { curves, 3 },
        .signatures = { signatures, 2 },
        .point_formats = BYTES_OF("\x00"),
        .alpns = { BYTES_OF("h2") },
        .alpn_count = 1,
        .has_sni = true,
    };
    struct arena memory = arena_of(1U << 16);
    struct bytes ja3 = tls_ja3(&hello, false, false, &memory);
    assert_true(bytes_is(ja3, "771,4865-4866-49195,0-16-13-43,29-23,0"));
    assert_int_equal(tls_ja3_hash(ja3, &memory).size, 32);
    struct bytes ja4 = tls_ja4(&hello, 't', &memory);
    assert_true(bytes_starts(ja4, BYTES_OF("t13d0304h2_")));
    assert_int_equal(ja4.size, 36);
    arena_done(&memory);
}

static void dates_and_versions_have_names(void **state)
{
    (void)state;
    char buffer[32];
    assert_string_equal(tls_version_text(0x0303, buffer, sizeof buffer), "TLS 1.2");
    assert_string_equal(tls_version_text(0x7f0e, buffer, sizeof buffer), "TLS 1.3 draft-<16");
    assert_string_equal(tls_version_text(0xfb1a, buffer, sizeof buffer), "TLS 1.3 draft-26-fb");
    assert_string_equal(tls_version_text(0x7f1c, buffer, sizeof buffer), "TLS 1.3 draft-28");
    assert_string_equal(tls_version_text(0x1234, buffer, sizeof buffer), "0x1234");
}

static void records_are_frames(void **state)
{
    (void)state;
    struct text out = text_new(1U << 20);
    char expected[200];
    record_handshake(TLS1_2_VERSION);
    struct conversation c = recorded();
    c.frames = true;
    play(&c, 0, &out);
    unsigned hello = (unsigned)(turns[0].data.data[3] << 8 | turns[0].data.data[4]);
    snprintf(expected, sizeof expected,
             "frame stream to_server 0 open\nframe hdr to_server 0 5\nframe pdu to_server 0 %u\n"
             "frame data to_server 5 %u\nframe hdr to_server %u 5\n",
             hello + 5, hello, hello + 5);
    expect_text(&out, expected);
    expect_text(&out, "frame stream to_client 0 open\nframe hdr to_client 0 5\n");
    text_done(&out);
    check_conversation(&c, 5);
}

static void alerts_and_sslv2_hellos_are_frames_of_their_own(void **state)
{
    (void)state;
    static const uint8_t hello[] = { 0x80, 0x1c, 1, 0, 2, 0, 3, 0, 0,  0,  16, 7,  0,  0xc0, 1,
                                     2,    3,    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,   16 };
    static const uint8_t alert[] = { 21, 3, 1, 0, 2, 2, 40 };
    static const struct turn old[] = { { TO_SERVER, { hello, sizeof hello } },
                                       { TO_CLIENT, { alert, sizeof alert } } };
    struct conversation c = { &tls_protocol, TRANSPORT_TCP, 443, TURNS(old), .frames = true };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "frame ssl2.hdr to_server 0 3\nframe ssl2.pdu to_server 0 30\n");
    expect_text(&out, "frame hdr to_client 0 5\nframe pdu to_client 0 7\nframe data to_client 5 2\n"
                      "frame alert to_client 5 2\n");
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_frames),
        cmocka_unit_test(alerts_and_sslv2_hellos_are_frames_of_their_own),
        cmocka_unit_test(a_handshake_of_tls_12_shows_the_certificate),
        cmocka_unit_test(a_handshake_of_tls_13_hides_it),
        cmocka_unit_test(broken_records_raise_their_events),
        cmocka_unit_test(odd_but_readable_records_raise_nothing),
        cmocka_unit_test(extensions_raise_their_events),
        cmocka_unit_test(an_empty_handshake_record_is_recognised),
        cmocka_unit_test(a_record_without_a_certificate),
        cmocka_unit_test(fingerprints_leave_grease_out),
        cmocka_unit_test(dates_and_versions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
