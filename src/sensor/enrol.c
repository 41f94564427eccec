/* SPDX-License-Identifier: Apache-2.0 */
/* Enrols this sensor with a centre. */
#include "sensor/enrol.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "sensor/uplink_http.h"

#define SECRET_TEXT      16U /* letters of a code before the fingerprint */
#define FINGERPRINT_SIZE 20U
#define FINGERPRINT_TEXT 32U
#define PATH_ROOM        1024U
#define PEM_MAX          (16U << 10)

struct code {
    char secret[SECRET_TEXT + 1];
    uint8_t fingerprint[FINGERPRINT_SIZE];
};

/* Letters of base32 (RFC 4648); hyphens and spaces between them, and small letters, are as good. */
static bool read_code(const char *text, struct code *code)
{
    char letters[SECRET_TEXT + FINGERPRINT_TEXT];
    size_t count = 0;
    for (; *text; text++) {
        char c = *text;
        if (c == '-' || c == ' ')
            continue;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (count == sizeof letters || !((c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7')))
            return false;
        letters[count++] = c;
    }
    if (count != sizeof letters)
        return false;
    memcpy(code->secret, letters, SECRET_TEXT);
    code->secret[SECRET_TEXT] = '\0';
    uint32_t bits = 0;
    unsigned held = 0;
    size_t out = 0;
    for (size_t i = SECRET_TEXT; i < sizeof letters; i++) {
        uint32_t value = (uint32_t)(letters[i] >= 'A' ? letters[i] - 'A' : letters[i] - '2' + 26);
        bits = bits << 5 | value;
        held += 5;
        if (held >= 8 && out < FINGERPRINT_SIZE) {
            held -= 8;
            code->fingerprint[out++] = (uint8_t)(bits >> held);
        }
    }
    return out == FINGERPRINT_SIZE;
}

/* Writes a file that only this user may read. */
static bool write_private(const char *directory, const char *name, struct bytes content, struct error *error)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, "%s", path);
    ssize_t put = write(fd, content.data, content.size);
    bool ok = put >= 0 && (size_t)put == content.size && fsync(fd) == 0;
    ok = ok ? true : error_system(error, "%s", path);
    close(fd);
    return ok;
}

static bool put_in_place(const char *directory, const char *from, const char *to, struct error *error)
{
    char old[PATH_ROOM], new[PATH_ROOM];
    snprintf(old, sizeof old, "%s/%s", directory, from);
    snprintf(new, sizeof new, "%s/%s", directory, to);
    return rename(old, new) == 0 ? true : error_system(error, "%s", new);
}

/* ---- key and request ---- */

static bool bio_text(BIO *bio, struct text *out)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    text_put(out, bytes_of(data, size > 0 ? (size_t)size : 0));
    return size > 0 && !out->full;
}

static bool sign_request(EVP_PKEY *key, struct text *request_pem)
{
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = request && bio && X509_REQ_set_version(request, 0) == 1 &&
              X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign(request, key, EVP_sha256()) > 0 &&
              PEM_write_bio_X509_REQ(bio, request) == 1 && bio_text(bio, request_pem);
    X509_REQ_free(request);
    BIO_free(bio);
    return ok;
}

static bool make_request(struct text *key_pem, struct text *request_pem, struct error *error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = key && bio && sign_request(key, request_pem) &&
              PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 && bio_text(bio, key_pem);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok ? true : error_set(error, "enrol: cannot make a key");
}

/* ---- the centre ---- */

static X509 *read_certificate(struct bytes pem)
{
    BIO *bio = pem.size && pem.size <= PEM_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}

static bool fits_code(struct bytes authority, const struct code *code)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509 *certificate = read_certificate(authority);
    bool fits = certificate && X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
                size >= FINGERPRINT_SIZE && memcmp(digest, code->fingerprint, FINGERPRINT_SIZE) == 0;
    X509_free(certificate);
    return fits;
}

/* Asks for the authority's certificate; whoever answers, the code's fingerprint decides. */
static bool fetch_authority(const char *url, const struct code *code, const char *directory,
                            struct error *error)
{
    struct uplink_http_settings open_settings = { .url = url, .stop_fd = -1 };
    struct text reply = text_new(UPLINK_REPLY_MAX);
    struct uplink_http *http = uplink_http_open(&open_settings, error);
    if (!http)
        return false;
    unsigned status = uplink_http_request(http, "/sensor/v1/authority", BYTES_NONE, NULL, &reply, error);
    bool ok = status == 200;
    if (status && !ok)
        error_set(error, "enrol: %s answered %u; is it the address of a centre?", url, status);
    if (ok && !fits_code(text_bytes(&reply), code))
        ok = error_set(error, "enrol: %s is not the centre that gave this code", url);
    ok = ok && write_private(directory, "authority.pem.new", text_bytes(&reply), error);
    uplink_http_close(http);
    text_done(&reply);
    return ok;
}

static bool text_member(struct json_value object, const char *name, struct text *out)
{
    return json_unescape(json_find(object, name), out) && out->size > 0 && !out->full;
}

/* True when the certificate is for the key that was made here. */
static bool certificate_fits(struct bytes pem, struct bytes key_pem)
{
    X509 *certificate = read_certificate(pem);
    BIO *bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    bool fits = certificate && key && X509_check_private_key(certificate, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return fits;
}

/* A centre whose clock is wrong issues what this sensor's clock would not accept: better the one there is. */
static bool is_in_force(struct bytes pem)
{
    X509 *certificate = read_certificate(pem);
    bool in_force = certificate && X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
                    X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
    X509_free(certificate);
    return in_force;
}

static bool keep(const char *directory, const char *url, struct bytes key, struct bytes certificate,
                 struct bytes name, struct error *error)
{
    char room[1024];
    struct text settings = text_of(room, sizeof room);
    json_open(&settings, NULL, '{');
    json_cstring(&settings, "url", url);
    json_string(&settings, "name", name);
    json_close(&settings, '}');
    json_end(&settings);
    return write_private(directory, "sensor.key.new", key, error) &&
           write_private(directory, "sensor.pem.new", certificate, error) &&
           write_private(directory, "uplink.json.new", text_bytes(&settings), error) &&
           put_in_place(directory, "sensor.key.new", "sensor.key", error) &&
           put_in_place(directory, "sensor.pem.new", "sensor.pem", error) &&
           put_in_place(directory, "authority.pem.new", "authority.pem", error) &&
           put_in_place(directory, "uplink.json.new", "uplink.json", error);
}

static bool redeem(const char *url, const struct code *code, const char *directory, struct text *name,
                   struct error *error)
{
    char authority[PATH_ROOM];
    snprintf(authority, sizeof authority, "%s/authority.pem.new", directory);
    struct uplink_http_settings settings = { .url = url, .authority = authority, .stop_fd = -1 };
    struct text key = text_new(PEM_MAX), request = text_new(PEM_MAX), body = text_new(2 * PEM_MAX);
    struct text reply = text_new(UPLINK_REPLY_MAX), certificate = text_new(PEM_MAX);
    struct uplink_http *http = uplink_http_open(&settings, error);
    bool ok = http && make_request(&key, &request, error);
    if (ok) {
        json_open(&body, NULL, '{');
        json_cstring(&body, "code", code->secret);
        json_string(&body, "request", text_bytes(&request));
        json_close(&body, '}');
        json_end(&body);
        unsigned status = uplink_http_request(http, "/sensor/v1/enrol", text_bytes(&body), "application/json",
                                              &reply, error);
        ok = status == 200;
        if (status == 403)
            error_set(error,
                      "enrol: the centre does not accept the code: it is wrong, used or older than a day");
        else if (status && !ok)
            error_set(error, "enrol: %s answered %u", url, status);
    }
    if (ok) {
        struct json_value answer = json_parse(text_bytes(&reply));
        ok = text_member(answer, "certificate", &certificate) && text_member(answer, "name", name) &&
             certificate_fits(text_bytes(&certificate), text_bytes(&key));
        if (!ok)
            error_set(error, "enrol: the centre's answer holds no certificate for this key");
        else if (!is_in_force(text_bytes(&certificate)))
            ok = error_set(error, "enrol: the certificate is not in force by this machine's clock; set the "
                                  "clocks of both machines");
    }
    ok = ok && keep(directory, url, text_bytes(&key), text_bytes(&certificate), text_bytes(name), error);
    uplink_http_close(http);
    if (key.data)
        OPENSSL_cleanse(key.data, key.capacity);
    text_done(&key);
    text_done(&request);
    text_done(&body);
    text_done(&reply);
    text_done(&certificate);
    return ok;
}

bool enrol_run(const char *url, const char *code_text, const char *directory, char *name, size_t name_size,
               struct error *error)
{
    struct code code;
    struct text out = text_of(name, name_size);
    if (!uplink_url_is_good(url))
        return error_set(error, "enrol: the address must be https://host[:port], not %.200s", url);
    if (!read_code(code_text, &code))
        return error_set(error, "enrol: a code has 48 letters and digits (A-Z, 2-7)");
    if (strlen(directory) > PATH_ROOM - 64)
        return error_set(error, "enrol: the directory's name is too long");
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return error_system(error, "enrol: cannot make %s", directory);
    bool ok = fetch_authority(url, &code, directory, error) && redeem(url, &code, directory, &out, error);
    OPENSSL_cleanse(&code, sizeof code);
    return ok;
}

/* ---- renewal ---- */

static bool read_whole(const char *directory, const char *name, struct text *out, struct error *error)
{
    char path[PATH_ROOM], data[PEM_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, data, sizeof data) : -1;
    if (got < 0)
        error_system(error, "%s", path);
    if (fd >= 0)
        close(fd);
    text_put(out, bytes_of(data, got > 0 ? (size_t)got : 0));
    OPENSSL_cleanse(data, sizeof data);
    return got > 0 && !out->full;
}

bool enrol_renewal_is_due(const char *directory)
{
    struct text pem = text_new(PEM_MAX);
    struct error ignored;
    int days, seconds, days_left, seconds_left;
    bool due = false;
    X509 *certificate = read_whole(directory, "sensor.pem", &pem, &ignored)
                            ? read_certificate(text_bytes(&pem))
                            : NULL;
    const ASN1_TIME *end = certificate ? X509_get0_notAfter(certificate) : NULL;
    if (end && ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(certificate), end) == 1 &&
        ASN1_TIME_diff(&days_left, &seconds_left, NULL, end) == 1) {
        int64_t life = days * INT64_C(86400) + seconds, left = days_left * INT64_C(86400) + seconds_left;
        due = left < life / 3;
    }
    X509_free(certificate);
    text_done(&pem);
    return due;
}

/* A request for the key this sensor has. */
static bool request_again(struct bytes key_pem, struct text *body, struct error *error)
{
    struct text request = text_new(PEM_MAX);
    BIO *bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    bool ok = key && sign_request(key, &request);
    json_open(body, NULL, '{');
    json_string(body, "request", text_bytes(&request));
    json_close(body, '}');
    json_end(body);
    EVP_PKEY_free(key);
    BIO_free(bio);
    text_done(&request);
    return ok ? true : error_set(error, "renewal: sensor.key holds no key");
}

bool enrol_renew(struct uplink_http *http, const char *directory, struct error *error)
{
    struct text key = text_new(PEM_MAX), body = text_new(2 * PEM_MAX);
    struct text reply = text_new(UPLINK_REPLY_MAX), certificate = text_new(PEM_MAX);
    bool ok = read_whole(directory, "sensor.key", &key, error) &&
              request_again(text_bytes(&key), &body, error);
    if (ok) {
        unsigned status = uplink_http_request(http, "/sensor/v1/renew", text_bytes(&body), "application/json",
                                              &reply, error);
        ok = status == 200;
        if (status && !ok)
            error_set(error, "renewal: the centre answered %u", status);
    }
    if (ok && !(text_member(json_parse(text_bytes(&reply)), "certificate", &certificate) &&
                certificate_fits(text_bytes(&certificate), text_bytes(&key))))
        ok = error_set(error, "renewal: the centre's answer holds no certificate for this key");
    if (ok && !is_in_force(text_bytes(&certificate)))
        ok = error_set(error, "renewal: the new certificate is not in force by this machine's clock");
    ok = ok && write_private(directory, "sensor.pem.new", text_bytes(&certificate), error) &&
         put_in_place(directory, "sensor.pem.new", "sensor.pem", error);
    if (key.data)
        OPENSSL_cleanse(key.data, key.capacity);
    text_done(&key);
    text_done(&body);
    text_done(&reply);
    text_done(&certificate);
    return ok;
}
