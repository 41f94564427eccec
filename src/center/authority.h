/* SPDX-License-Identifier: Apache-2.0 */
/* The centre's own certificate authority: signs the certificates of sensors and of the centre's HTTPS server.
 *
 * Its key (EC P-256) lies in the state directory, mode 0600, and never leaves it. Certificates follow RFC
 * 5280; sensors' are for client authentication only, so none can pose as the centre. */
#ifndef VONGLAU_CENTER_AUTHORITY_H
#define VONGLAU_CENTER_AUTHORITY_H

#include "base/arena.h"
#include "base/error.h"

#define AUTHORITY_FINGERPRINT_SIZE 20U /* octets of the SHA-256 of the certificate that a code carries */
#define AUTHORITY_SERIAL_MAX       48U /* hexadecimal digits and terminator */
#define AUTHORITY_NAME_MAX         64U

struct authority;

/* Opens authority.key and authority.pem in `directory`, made on first use. Thread-safe afterwards. */
MUST_CHECK struct authority *authority_open(const char *directory, uint64_t now, struct error *error);
void authority_close(struct authority *authority);
/* Its certificate in PEM, borrowed. */
struct bytes authority_certificate(const struct authority *authority);
void authority_fingerprint(const struct authority *authority, uint8_t out[static AUTHORITY_FINGERPRINT_SIZE]);

struct issued {
    struct bytes certificate;          /* PEM, in the caller's arena */
    char serial[AUTHORITY_SERIAL_MAX]; /* lower-case hexadecimal */
    uint64_t until;                    /* nanoseconds since 1970 */
};

/* Signs the key of a certificate request (PEM, PKCS #10, EC P-256, itself signed) for sensor `name`; what
 * else the request asks for is ignored. Valid from an hour ago for 398 days. */
MUST_CHECK bool authority_issue_sensor(struct authority *authority, const char *name, struct bytes request,
                                       uint64_t now, struct arena *memory, struct issued *issued,
                                       struct error *error);

/* Who a client certificate (DER) says it is, when this authority signed it for a sensor and `now` is within
 * its validity. Whether the sensor is still trusted is the register's matter. */
MUST_CHECK bool authority_verify(struct authority *authority, struct bytes certificate, uint64_t now,
                                 char name[static AUTHORITY_NAME_MAX],
                                 char serial[static AUTHORITY_SERIAL_MAX], struct error *error);

/* The certificate chain and key (PEM) of the centre's HTTPS server: server.pem and server.key in the state
 * directory, made or renewed when absent, not this authority's, or within 30 days of their end.
 * `host`: the name or address in it besides localhost; may be NULL. */
MUST_CHECK bool authority_server(struct authority *authority, const char *host, uint64_t now,
                                 struct arena *memory, struct bytes *chain, struct bytes *key,
                                 struct error *error);

#endif
