/* SPDX-License-Identifier: Apache-2.0 */
/* The centre's certificate authority, on OpenSSL 3. */
#include "center/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define PATH_ROOM        4096
#define FILE_MAX         (64U << 10)
#define REQUEST_MAX      (16U << 10)
#define CERTIFICATE_MAX  (16U << 10)
#define DAY_S            86400
#define AUTHORITY_DAYS   7300
#define CERTIFICATE_DAYS 398
#define RENEW_DAYS       30
#define BACKDATED_DAYS   90 /* a clock that was ahead by less and is set back makes no certificate unusable */
#define SERIAL_SIZE      16

struct authority {
    char directory[2048];
    EVP_PKEY *key;
    X509 *certificate;
    char *pem;
    size_t pem_size;
};

/* ---- files ---- */

static bool write_file(const char *path, struct bytes content, struct error *error)
{
    char temporary[PATH_ROOM + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, "%s", temporary);
    ssize_t put = write(fd, content.data, content.size);
    bool ok = put >= 0 && (size_t)put == content.size && fsync(fd) == 0;
    if (!ok)
        error_system(error, "%s", temporary);
    close(fd);
    if (ok && rename(temporary, path) != 0)
        ok = error_system(error, "%s", path);
    return ok;
}

static bool write_bio(const char *path, BIO *bio, struct error *error)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    return write_file(path, bytes_of(data, size > 0 ? (size_t)size : 0), error);
}

/* The file's content as a memory BIO; NULL with errno when it cannot be read. */
static BIO *read_bio(const char *path)
{
    uint8_t *data = malloc(FILE_MAX);
    int fd = data ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd >= 0 ? read(fd, data, FILE_MAX) : -1;
    int saved = errno;
    BIO *bio = got > 0 ? BIO_new(BIO_s_mem()) : NULL;
    if (bio && BIO_write(bio, data, (int)got) != (int)got) {
        BIO_free(bio);
        bio = NULL;
    }
    if (fd >= 0)
        close(fd);
    free(data);
    errno = got == 0 ? EINVAL : saved;
    return bio;
}

static bool copy_bio(BIO *bio, struct arena *memory, struct bytes *out, struct error *error)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    *out = size > 0 ? arena_copy(memory, bytes_of(data, (size_t)size)) : BYTES_NONE;
    return out->data ? true : error_set(error, "authority: out of memory");
}

/* ---- certificates ---- */

static bool add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_random_serial(X509 *certificate)
{
    uint8_t octets[SERIAL_SIZE];
    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    octets[0] = (uint8_t)((octets[0] & 0x7f) | 0x40); /* positive, and always of the same length */
    BIGNUM *number = BN_bin2bn(octets, sizeof octets, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool set_name(X509_NAME *name, const char *common)
{
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Vong Lau", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0) ==
               1;
}

struct extension {
    int kind;
    const char *value;
};

/* A certificate for `key`, signed by `signer`; `issuer` NULL: by itself. NULL on failure. */
static X509 *make_certificate(const char *common, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer, uint64_t now,
                              int days, const struct extension *extensions, size_t count)
{
    X509 *certificate = X509_new();
    time_t start = (time_t)(now / NS_PER_S) - (time_t)BACKDATED_DAYS * DAY_S,
           end = (time_t)(now / NS_PER_S) + (time_t)days * DAY_S;
    bool ok = certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
              set_random_serial(certificate) && ASN1_TIME_set(X509_getm_notBefore(certificate), start) &&
              ASN1_TIME_set(X509_getm_notAfter(certificate), end) && X509_set_pubkey(certificate, key) == 1 &&
              set_name(X509_get_subject_name(certificate), common) &&
              X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate)) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = add_extension(certificate, issuer ? issuer : certificate, extensions[i].kind,
                           extensions[i].value);
    ok = ok && X509_sign(certificate, signer, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

static uint64_t time_of(const ASN1_TIME *when)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(when, &tm) != 1)
        return 0;
    time_t seconds = timegm(&tm);
    return seconds > 0 ? (uint64_t)seconds * NS_PER_S : 0;
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    size_t size;
    return key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static void serial_text(X509 *certificate, char out[static AUTHORITY_SERIAL_MAX])
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    size_t i = 0;
    for (; text && text[i] && i + 1 < AUTHORITY_SERIAL_MAX; i++)
        out[i] = (char)byte_lower((uint8_t)text[i]);
    out[i] = '\0';
    OPENSSL_free(text);
    BN_free(number);
}

/* ---- the authority itself ---- */

static bool make_authority(struct authority *a, const char *key_path, const char *path, uint64_t now,
                           struct error *error)
{
    static const struct extension extensions[] = { { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
                                                   { NID_key_usage, "critical,keyCertSign,cRLSign" },
                                                   { NID_subject_key_identifier, "hash" } };
    BIO *key_pem = BIO_new(BIO_s_mem()), *pem = BIO_new(BIO_s_mem());
    a->key = EVP_EC_gen("P-256");
    a->certificate = a->key ? make_certificate("Vong Lau centre authority", a->key, NULL, a->key, now,
                                               AUTHORITY_DAYS, extensions, COUNT_OF(extensions))
                            : NULL;
    bool ok = a->certificate && key_pem && pem &&
              PEM_write_bio_PrivateKey(key_pem, a->key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_X509(pem, a->certificate) == 1;
    ok = ok ? write_bio(key_path, key_pem, error) && write_bio(path, pem, error)
            : error_set(error, "authority: cannot make its key and certificate");
    BIO_free(key_pem);
    BIO_free(pem);
    return ok;
}

static bool load_authority(struct authority *a, const char *key_path, const char *path, struct error *error)
{
    BIO *key_pem = read_bio(key_path), *pem = read_bio(path);
    if (key_pem)
        a->key = PEM_read_bio_PrivateKey(key_pem, NULL, NULL, NULL);
    if (pem)
        a->certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    bool ok = a->key && a->certificate && X509_check_private_key(a->certificate, a->key) == 1;
    if (!ok)
        error_set(error, "authority: %s and %s do not hold a key and its certificate", key_path, path);
    BIO_free(key_pem);
    BIO_free(pem);
    return ok;
}

struct authority *authority_open(const char *directory, uint64_t now, struct error *error)
{
    char key_path[PATH_ROOM], path[PATH_ROOM];
    struct authority *a = calloc(1, sizeof *a);
    if (!a) {
        error_set(error, "authority: out of memory");
        return NULL;
    }
    snprintf(a->directory, sizeof a->directory, "%s", directory);
    snprintf(key_path, sizeof key_path, "%s/authority.key", a->directory);
    snprintf(path, sizeof path, "%s/authority.pem", a->directory);
    /* The key is written first: a key without a certificate is a start that was cut short, nothing signed by
     * it. */
    bool ok = access(path, F_OK) == 0 ? load_authority(a, key_path, path, error)
                                      : make_authority(a, key_path, path, now, error);
    BIO *pem = ok ? BIO_new(BIO_s_mem()) : NULL;
    char *data = NULL;
    if (pem && PEM_write_bio_X509(pem, a->certificate) == 1) {
        a->pem_size = (size_t)BIO_get_mem_data(pem, &data);
        a->pem = malloc(a->pem_size + 1);
        if (a->pem) {
            memcpy(a->pem, data, a->pem_size);
            a->pem[a->pem_size] = '\0';
        }
    }
    BIO_free(pem);
    if (!a->pem) {
        if (ok)
            error_set(error, "authority: out of memory");
        authority_close(a);
        return NULL;
    }
    return a;
}

void authority_close(struct authority *a)
{
    if (!a)
        return;
    EVP_PKEY_free(a->key);
    X509_free(a->certificate);
    free(a->pem);
    free(a);
}

struct bytes authority_certificate(const struct authority *a)
{
    return bytes_of(a->pem, a->pem_size);
}

void authority_fingerprint(const struct authority *a, uint8_t out[static AUTHORITY_FINGERPRINT_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
    unsigned size = 0;
    (void)X509_digest(a->certificate, EVP_sha256(), digest, &size);
    memcpy(out, digest, AUTHORITY_FINGERPRINT_SIZE);
}

/* ---- sensors ---- */

static EVP_PKEY *request_key(struct bytes request, struct error *error)
{
    if (request.size == 0 || request.size > REQUEST_MAX) {
        error_set(error, "certificate request: must be 1 to %u octets, not %zu", REQUEST_MAX, request.size);
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(request.data, (int)request.size);
    X509_REQ *parsed = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = parsed ? X509_REQ_get_pubkey(parsed) : NULL;
    bool ok = true;
    if (!key)
        ok = error_set(error, "certificate request: not PKCS #10 in PEM");
    else if (!is_p256(key))
        ok = error_set(error, "certificate request: the key must be EC P-256");
    else if (X509_REQ_verify(parsed, key) != 1)
        ok = error_set(error, "certificate request: its signature is not by its key");
    if (!ok) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    X509_REQ_free(parsed);
    BIO_free(bio);
    return key;
}

bool authority_issue_sensor(struct authority *a, const char *name, struct bytes request, uint64_t now,
                            struct arena *memory, struct issued *issued, struct error *error)
{
    static const struct extension extensions[] = { { NID_basic_constraints, "critical,CA:FALSE" },
                                                   { NID_key_usage, "critical,digitalSignature" },
                                                   { NID_ext_key_usage, "clientAuth" },
                                                   { NID_subject_key_identifier, "hash" },
                                                   { NID_authority_key_identifier, "keyid" } };
    struct issued done = { 0 };
    EVP_PKEY *key = request_key(request, error);
    if (!key)
        return false;
    X509 *certificate = make_certificate(name, key, a->certificate, a->key, now, CERTIFICATE_DAYS, extensions,
                                         COUNT_OF(extensions));
    BIO *pem = BIO_new(BIO_s_mem());
    bool ok = certificate && pem && PEM_write_bio_X509(pem, certificate) == 1;
    ok = ok ? copy_bio(pem, memory, &done.certificate, error)
            : error_set(error, "authority: cannot sign a certificate for %.64s", name);
    if (ok) {
        serial_text(certificate, done.serial);
        done.until = time_of(X509_get0_notAfter(certificate));
        *issued = done;
    }
    BIO_free(pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

static bool is_for_clients(X509 *certificate)
{
    return (X509_get_extension_flags(certificate) & (EXFLAG_XKUSAGE | EXFLAG_CA)) == EXFLAG_XKUSAGE &&
           (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) != 0;
}

static bool check_certificate(struct authority *a, X509 *certificate, uint64_t now, struct error *error)
{
    if (X509_check_issued(a->certificate, certificate) != X509_V_OK || X509_verify(certificate, a->key) != 1)
        return error_set(error, "certificate: not signed by this centre");
    if (!is_for_clients(certificate))
        return error_set(error, "certificate: not one of a sensor");
    if (time_of(X509_get0_notBefore(certificate)) > now || time_of(X509_get0_notAfter(certificate)) <= now)
        return error_set(error, "certificate: outside its validity");
    return true;
}

bool authority_verify(struct authority *a, struct bytes der, uint64_t now,
                      char name[static AUTHORITY_NAME_MAX], char serial[static AUTHORITY_SERIAL_MAX],
                      struct error *error)
{
    const unsigned char *at = der.data;
    if (der.size == 0 || der.size > CERTIFICATE_MAX)
        return error_set(error, "certificate: missing or too large");
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    bool ok = certificate ? check_certificate(a, certificate, now, error)
                          : error_set(error, "certificate: malformed");
    if (ok) {
        char common[AUTHORITY_NAME_MAX] = "";
        int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common,
                                             sizeof common);
        ok = size > 0 && (size_t)size == strlen(common) ? true
                                                        : error_set(error, "certificate: without a name");
        if (ok) {
            memcpy(name, common, AUTHORITY_NAME_MAX);
            serial_text(certificate, serial);
        }
    }
    X509_free(certificate);
    return ok;
}

/* ---- the HTTPS server ---- */

/* True when the stored pair is this authority's and lasts. */
static bool server_is_good(const struct authority *a, BIO *chain, BIO *key_pem, uint64_t now)
{
    X509 *certificate = PEM_read_bio_X509(chain, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_pem, NULL, NULL, NULL);
    bool good = certificate && key && X509_check_private_key(certificate, key) == 1 &&
                X509_verify(certificate, a->key) == 1 &&
                time_of(X509_get0_notAfter(certificate)) > now + (uint64_t)RENEW_DAYS * DAY_S * NS_PER_S;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return good;
}

/* "DNS:localhost,IP:127.0.0.1,..." with `host` as what it is. */
static void alternative_names(const char *host, char *out, size_t size)
{
    char own[256] = "";
    int used = snprintf(out, size, "DNS:localhost,DNS:centre.vonglau,IP:127.0.0.1,IP:::1");
    if (gethostname(own, sizeof own - 1) == 0 && own[0] && !strpbrk(own, ",:;\"\\ "))
        used += snprintf(out + used, size - (size_t)used, ",DNS:%s", own);
    if (!host || !host[0] || strlen(host) > 200 || strpbrk(host, ",;\"\\ "))
        return;
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    snprintf(out + used, size - (size_t)used, address ? ",IP:%s" : ",DNS:%s", host);
    ASN1_OCTET_STRING_free(address);
}

static bool make_server(struct authority *a, const char *host, const char *path, const char *key_path,
                        uint64_t now, struct error *error)
{
    char names[768];
    alternative_names(host, names, sizeof names);
    const struct extension extensions[] = { { NID_basic_constraints, "critical,CA:FALSE" },
                                            { NID_key_usage, "critical,digitalSignature" },
                                            { NID_ext_key_usage, "serverAuth" },
                                            { NID_subject_key_identifier, "hash" },
                                            { NID_authority_key_identifier, "keyid" },
                                            { NID_subject_alt_name, names } };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate("Vong Lau centre", key, a->certificate, a->key, now,
                                               CERTIFICATE_DAYS, extensions, COUNT_OF(extensions))
                            : NULL;
    BIO *pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_mem());
    bool ok = certificate && pem && key_pem && PEM_write_bio_X509(pem, certificate) == 1 &&
              PEM_write_bio_X509(pem, a->certificate) == 1 &&
              PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = ok ? write_bio(key_path, key_pem, error) && write_bio(path, pem, error)
            : error_set(error, "authority: cannot make the server's certificate");
    BIO_free(pem);
    BIO_free(key_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

bool authority_server(struct authority *a, const char *host, uint64_t now, struct arena *memory,
                      struct bytes *chain, struct bytes *key, struct error *error)
{
    char path[PATH_ROOM], key_path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/server.pem", a->directory);
    snprintf(key_path, sizeof key_path, "%s/server.key", a->directory);
    BIO *pem = read_bio(path), *key_pem = read_bio(key_path);
    bool good = pem && key_pem && server_is_good(a, pem, key_pem, now);
    BIO_free(pem);
    BIO_free(key_pem);
    if (!good && !make_server(a, host, path, key_path, now, error))
        return false;
    pem = read_bio(path);
    key_pem = read_bio(key_path);
    bool ok = pem && key_pem ? copy_bio(pem, memory, chain, error) && copy_bio(key_pem, memory, key, error)
                             : error_system(error, "%s", path);
    BIO_free(pem);
    BIO_free(key_pem);
    return ok;
}
