/* SPDX-License-Identifier: Apache-2.0 */
/* tls-store: what is written of a TLS end's certificates when a rule asks for it. */
#include "support/folder.h"

#include "proto/tls.h"
#include "sensor/recorder.h"

extern const struct protocol tls_protocol;

static void read_one(const char *folder, const char *name, char *content, size_t size)
{
    char path[200];
    snprintf(path, sizeof path, "%s/certs/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is not there", path);
    content[fread(content, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void a_chain_is_stored_once_with_its_connection(void **state)
{
    (void)state;
    static const uint8_t client[] = { 192, 0, 2, 1 }, server[] = { 198, 51, 100, 1 };
    char folder[FOLDER_MAX], certs[FOLDER_MAX + 10], content[2000];
    struct error error = { "" };
    struct settings settings = { 0 };
    struct sinks sinks = { 0 };
    struct recorder recorder;
    folder_make(folder);
    snprintf(certs, sizeof certs, "%s/certs", folder);
    assert_true(recorder_init(&recorder, &settings, &sinks, &error));

    struct tx *tx = calloc(1, sizeof *tx + sizeof(struct tls));
    assert_non_null(tx);
    tx->protocol = &tls_protocol;
    struct tls *tls = (struct tls *)(void *)tx->record;
    for (unsigned d = 0; d < DIRECTIONS; d++) {
        struct tls_end *end = &tls->ends[d];
        end->has_certificate = true;
        end->certificate.subject = BYTES_OF("CN=a\nb");
        end->certificate.issuer = BYTES_OF("CN=i");
        end->certificate.fingerprint = BYTES_OF("0a:1b");
        end->chain[0] = BYTES_OF("0123456789012345678901234567890123456789012345678");
        end->chain[1] = BYTES_OF("x");
        end->chain_count = 2;
    }
    struct flow flow = { .client = address_v4(client),
                         .server = address_v4(server),
                         .client_port = 40000,
                         .server_port = 443,
                         .protocol = 6 };
    struct packet packet = { .time = 1523912382164705000ULL, .number = 8 };
    struct scene scene = { .packet = &packet, .flow = &flow };
    struct rule rule = { .sid = 1 };
    struct alert alert = { .rule = &rule, .tx = tx, .direction = TO_CLIENT };

    record_certificate(&recorder, &scene, &alert); /* the rule does not ask */
    rule.stores_certificate = true;
    record_certificate(&recorder, &scene, &alert); /* no output wants it */
    assert_int_equal(sinks.certificates, 0);
    settings.certificate_dir = certs;
    record_certificate(&recorder, &scene, &alert);
    record_certificate(&recorder, &scene, &alert);
    alert.direction = TO_SERVER;
    record_certificate(&recorder, &scene, &alert);
    assert_int_equal(sinks.certificates, 2);

    read_one(folder, "1523912382.164705-1.pem", content, sizeof content);
    assert_string_equal(content, "-----BEGIN CERTIFICATE-----\n"
                                 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3\n"
                                 "OA==\n-----END CERTIFICATE-----\n"
                                 "-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n");
    read_one(folder, "1523912382.164705-1.meta", content, sizeof content);
    assert_non_null(strstr(content, "PCAP PKT NUM:      8\nSRC IP:            192.0.2.1\n"
                                    "DST IP:            198.51.100.1\nPROTO:             6\n"
                                    "SRC PORT:          40000\nDST PORT:          443\n"
                                    "TLS SUBJECT:       CN=a\\nb\nTLS ISSUERDN:      CN=i\n"
                                    "TLS FINGERPRINT:   0a:1b\n"));
    read_one(folder, "client-1523912382.164705-2.pem", content, sizeof content);
    free(tx);
    recorder_done(&recorder);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_stored_once_with_its_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
