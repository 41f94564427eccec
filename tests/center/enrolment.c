/* SPDX-License-Identifier: Apache-2.0 */
/* The authority, one-time codes, and the check of a sensor's certificate at every request. */
#include "support/folder.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "center/enrolment.h"

#define NOW 1795305600000000000ULL
#define DAY (86400 * NS_PER_S)

struct world {
    char folder[FOLDER_MAX];
    struct authority *authority;
    struct database *database;
    struct arena memory;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct error error = { "" };
    char path[FOLDER_MAX + 16];
    folder_make(w->folder);
    w->memory = arena_of(1 << 20);
    w->authority = authority_open(w->folder, NOW, &error);
    snprintf(path, sizeof path, "%s/registry.db", w->folder);
    w->database = database_open(path, false, &error);
    assert_non_null(w->authority);
    assert_non_null(w->database);
    assert_true(database_script(
        w->database,
        "CREATE TABLE sensor(id INTEGER PRIMARY KEY, version INTEGER, created INTEGER, updated INTEGER,"
        " ended INTEGER, name TEXT, state TEXT, code_hash TEXT, code_expires INTEGER, serial TEXT,"
        " certificate_until INTEGER)",
        &error));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    authority_close(w->authority);
    database_close(w->database);
    folder_remove(w->folder);
    arena_done(&w->memory);
    free(w);
    return 0;
}

static struct bytes pem_of_request(struct world *w, EVP_PKEY *key, bool sign)
{
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    if (sign)
        assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    (void)PEM_write_bio_X509_REQ(bio, request);
    long size = BIO_get_mem_data(bio, &data);
    struct bytes pem = arena_copy(&w->memory, bytes_of(data, (size_t)size));
    BIO_free(bio);
    X509_REQ_free(request);
    return pem;
}

static struct bytes good_request(struct world *w)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct bytes pem = pem_of_request(w, key, true);
    EVP_PKEY_free(key);
    return pem;
}

static struct bytes der_of(struct world *w, struct bytes pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    assert_true(size > 0);
    struct bytes copy = arena_copy(&w->memory, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    X509_free(certificate);
    BIO_free(bio);
    return copy;
}

/* The first 16 letters of a code: its secret. */
static struct bytes secret_of(struct world *w, const char *code)
{
    char room[17] = "";
    size_t used = 0;
    for (; used < 16; code++)
        if (*code != '-')
            room[used++] = *code;
    return arena_copy(&w->memory, bytes_of(room, used));
}

static struct bytes enrolled(struct world *w, const char *name)
{
    struct error error = { "" };
    char code[ENROLMENT_CODE_MAX], found[AUTHORITY_NAME_MAX];
    struct issued issued;
    if (!enrolment_code_for_name(w->database, w->authority, name, NOW, code, &error))
        fail_msg("%s", error.text);
    assert_int_equal(enrolment_redeem(w->database, w->authority, secret_of(w, code), good_request(w), NOW,
                                      &w->memory, found, &issued, &error),
                     ENROLMENT_OK);
    assert_string_equal(found, name);
    return der_of(w, issued.certificate);
}

static void a_code_is_good_once_and_for_a_day(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    char code[ENROLMENT_CODE_MAX], again[ENROLMENT_CODE_MAX], name[AUTHORITY_NAME_MAX];
    struct issued issued;
    assert_true(enrolment_code_for_name(w->database, w->authority, "s1", NOW, code, &error));
    assert_int_equal(strlen(code), 48 + 11);
    struct bytes secret = secret_of(w, code), request = good_request(w);
    /* A day later it is over; a moment earlier it is not. */
    assert_int_equal(enrolment_redeem(w->database, w->authority, secret, request, NOW + DAY, &w->memory, name,
                                      &issued, &error),
                     ENROLMENT_REFUSED);
    assert_int_equal(enrolment_redeem(w->database, w->authority, secret, request, NOW + DAY - 1, &w->memory,
                                      name, &issued, &error),
                     ENROLMENT_OK);
    assert_int_equal(enrolment_redeem(w->database, w->authority, secret, request, NOW + 1, &w->memory, name,
                                      &issued, &error),
                     ENROLMENT_REFUSED);
    /* A new code ends the one before. */
    assert_true(enrolment_code_for_name(w->database, w->authority, "s2", NOW, code, &error));
    assert_true(enrolment_code_for_name(w->database, w->authority, "s2", NOW, again, &error));
    assert_int_equal(enrolment_redeem(w->database, w->authority, secret_of(w, code), request, NOW, &w->memory,
                                      name, &issued, &error),
                     ENROLMENT_REFUSED);
    /* At rest there is only its hash. */
    assert_int_equal(database_number(w->database,
                                     "SELECT count(*) FROM sensor WHERE code_hash LIKE '%' || ? || '%'", "b",
                                     secret_of(w, again)),
                     0);
    assert_int_equal(
        database_number(w->database, "SELECT length(code_hash) FROM sensor WHERE name = 's2'", ""), 64);
}

static void a_trusted_certificate_is_known_until_revoked_or_replaced(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    struct issued issued;
    struct bytes certificate = enrolled(w, "s1");
    int64_t sensor = enrolment_sensor(w->database, w->authority, certificate, NOW, &error);
    assert_true(sensor > 0);
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW + 400 * DAY, &error), 0);
    /* Issued under a clock that was a month ahead, it is good when that is set right. */
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW - 30 * DAY, &error),
                     sensor);
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW - 91 * DAY, &error), 0);
    assert_int_equal(
        enrolment_renew(w->database, w->authority, sensor, good_request(w), NOW, &w->memory, &issued, &error),
        ENROLMENT_OK);
    /* The answer may have been lost: both are good, and asking again is, until a new one is shown. */
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW, &error), sensor);
    struct bytes lost = der_of(w, issued.certificate);
    assert_int_equal(
        enrolment_renew(w->database, w->authority, sensor, good_request(w), NOW, &w->memory, &issued, &error),
        ENROLMENT_OK);
    assert_int_equal(enrolment_sensor(w->database, w->authority, lost, NOW, &error), 0);
    struct bytes before = certificate;
    certificate = der_of(w, issued.certificate);
    assert_int_equal(enrolment_sensor(w->database, w->authority, before, NOW, &error), sensor);
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW, &error), sensor);
    assert_int_equal(enrolment_sensor(w->database, w->authority, before, NOW, &error), 0);
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW, &error), sensor);
    assert_true(enrolment_revoke(w->database, sensor, NOW, &error));
    assert_int_equal(enrolment_sensor(w->database, w->authority, certificate, NOW, &error), 0);
    /* A revoked name is not given again. */
    char code[ENROLMENT_CODE_MAX];
    assert_false(enrolment_code_for_name(w->database, w->authority, "s1", NOW, code, &error));
    assert_int_equal(
        enrolment_renew(w->database, w->authority, sensor, good_request(w), NOW, &w->memory, &issued, &error),
        ENROLMENT_REFUSED);
}

static void requests_with_other_keys_or_without_proof_are_refused(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    struct issued issued;
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *p384 = EVP_EC_gen("P-384"), *p256 = EVP_EC_gen("P-256");
    struct bytes requests[] = { BYTES_OF(""), BYTES_OF("nonsense"), pem_of_request(w, rsa, true),
                                pem_of_request(w, p384, true), pem_of_request(w, p256, false) };
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        assert_false(
            authority_issue_sensor(w->authority, "s", requests[i], NOW, &w->memory, &issued, &error));
    struct bytes good = pem_of_request(w, p256, true);
    for (size_t size = 0; size < good.size - 2; size++)
        assert_false(authority_issue_sensor(w->authority, "s", bytes_first(good, size), NOW, &w->memory,
                                            &issued, &error));
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(p256);
}

static void certificates_of_others_and_of_the_server_are_no_sensors(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    char other_folder[FOLDER_MAX], name[AUTHORITY_NAME_MAX], serial[AUTHORITY_SERIAL_MAX];
    struct issued issued;
    struct bytes chain, key;
    folder_make(other_folder);
    struct authority *other = authority_open(other_folder, NOW, &error);
    assert_true(authority_issue_sensor(other, "s1", good_request(w), NOW, &w->memory, &issued, &error));
    assert_false(authority_verify(w->authority, der_of(w, issued.certificate), NOW, name, serial, &error));
    assert_true(authority_server(w->authority, "10.0.0.1", NOW, &w->memory, &chain, &key, &error));
    assert_false(authority_verify(w->authority, der_of(w, chain), NOW, name, serial, &error));
    assert_false(authority_verify(w->authority, der_of(w, authority_certificate(w->authority)), NOW, name,
                                  serial, &error));
    struct bytes good = enrolled(w, "s1");
    for (size_t size = 0; size < good.size; size++)
        assert_false(authority_verify(w->authority, bytes_first(good, size), NOW, name, serial, &error));
    for (size_t at = 0; at < good.size; at++) {
        uint8_t *changed = (uint8_t *)(uintptr_t)arena_copy(&w->memory, good).data;
        assert_non_null(changed);
        changed[at] ^= 0x20;
        bool accepted = authority_verify(w->authority, bytes_of(changed, good.size), NOW, name, serial,
                                         &error);
        assert_true(!accepted || strcmp(name, "s1") == 0); /* unused bits only */
    }
    authority_close(other);
    folder_remove(other_folder);
}

static void the_authority_and_the_server_are_found_again(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    uint8_t before[AUTHORITY_FINGERPRINT_SIZE], after[AUTHORITY_FINGERPRINT_SIZE];
    struct bytes chain, key, chain_again, key_again;
    char path[FOLDER_MAX + 16];
    struct stat status;
    authority_fingerprint(w->authority, before);
    assert_true(authority_server(w->authority, NULL, NOW, &w->memory, &chain, &key, &error));
    authority_close(w->authority);
    w->authority = authority_open(w->folder, NOW + DAY, &error);
    assert_non_null(w->authority);
    authority_fingerprint(w->authority, after);
    assert_memory_equal(before, after, sizeof before);
    assert_true(
        authority_server(w->authority, NULL, NOW + DAY, &w->memory, &chain_again, &key_again, &error));
    assert_true(bytes_equal(chain, chain_again));
    /* Near its end it is made anew. */
    assert_true(
        authority_server(w->authority, NULL, NOW + 380 * DAY, &w->memory, &chain_again, &key_again, &error));
    assert_false(bytes_equal(chain, chain_again));
    snprintf(path, sizeof path, "%s/authority.key", w->folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    /* A damaged one is an error, not a new authority. */
    assert_int_equal(truncate(path, 10), 0);
    assert_null(authority_open(w->folder, NOW, &error));
    assert_non_null(strstr(error.text, "authority.key"));
}

static void bad_names_are_refused(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    char code[ENROLMENT_CODE_MAX];
    static const char *const names[] = { "", "a b", "a/b", "s\xc3\xb4",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_false(enrolment_code_for_name(w->database, w->authority, names[i], NOW, code, &error));
    uint64_t expires;
    assert_false(enrolment_code(w->database, w->authority, 99, NOW, code, &expires, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_code_is_good_once_and_for_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trusted_certificate_is_known_until_revoked_or_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_with_other_keys_or_without_proof_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(certificates_of_others_and_of_the_server_are_no_sensors, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_authority_and_the_server_are_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_names_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
