/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.0 to 1.3 (RFC 8446) and SSL 2 and 3: the record of one connection's handshake. */
#ifndef VONGLAU_PROTO_TLS_H
#define VONGLAU_PROTO_TLS_H

#include "proto/certificate.h"
#include "proto/tls_hello.h"

enum {
    TLS_CLIENT_IN_PROGRESS,
    TLS_CLIENT_HELLO_DONE,
    TLS_CLIENT_CERT_DONE,
    TLS_CLIENT_HANDSHAKE_DONE,
    TLS_CLIENT_FINISHED
};
enum {
    TLS_SERVER_IN_PROGRESS,
    TLS_SERVER_HELLO,
    TLS_SERVER_CERT_DONE,
    TLS_SERVER_HELLO_DONE,
    TLS_SERVER_HANDSHAKE_DONE,
    TLS_SERVER_FINISHED
};

/* Values of the rule keyword ssl_state: bits; that of the latest message of the handshake in the bytes parsed
 * last. */
enum {
    TLS_STATE_CLIENT_HELLO = 1,
    TLS_STATE_SERVER_HELLO = 2,
    TLS_STATE_CLIENT_KEY = 4,
    TLS_STATE_SERVER_KEY = 8,
    TLS_STATE_UNKNOWN = 16
};

#define TLS_CHAIN_MAX 16U

/* What one end sent. */
struct tls_end {
    struct tls_hello hello;
    bool has_hello;
    uint16_t version;               /* of its latest record; SSL 2: 0x0200 */
    struct bytes ja3, ja3_hash;     /* text; the server's are JA3S */
    struct certificate certificate; /* the first of the chain */
    bool has_certificate;
    struct bytes chain[TLS_CHAIN_MAX]; /* DER */
    uint32_t chain_count;              /* certificates sent; the first TLS_CHAIN_MAX are kept */
    bool stored;                       /* the chain was written to files */
};

struct tls {
    struct tls_end ends[DIRECTIONS]; /* by direction of travel: [TO_SERVER] is the client's */
    uint16_t version;                /* agreed on; 0 before the server's hello */
    uint8_t states;                  /* a TLS_STATE_ bit, or 0 */
    struct bytes ja4;
    const char *from; /* protocol before STARTTLS, or NULL */
};

/* Options of the protocol (session settings); all zero computes every fingerprint. */
struct tls_settings {
    bool no_ja3, no_ja4;
};

/* Members of the EVE "tls" object, to be or-ed. */
enum tls_log_field {
    TLS_LOG_SUBJECT = 1 << 0,
    TLS_LOG_ISSUER = 1 << 1,
    TLS_LOG_RESUMED = 1 << 2,
    TLS_LOG_SERIAL = 1 << 3,
    TLS_LOG_FINGERPRINT = 1 << 4,
    TLS_LOG_SNI = 1 << 5,
    TLS_LOG_VERSION = 1 << 6,
    TLS_LOG_NOT_BEFORE = 1 << 7,
    TLS_LOG_NOT_AFTER = 1 << 8,
    TLS_LOG_CERTIFICATE = 1 << 9,
    TLS_LOG_CHAIN = 1 << 10,
    TLS_LOG_JA3 = 1 << 11,
    TLS_LOG_JA3S = 1 << 12,
    TLS_LOG_JA4 = 1 << 13,
    TLS_LOG_NAMES = 1 << 14,
    TLS_LOG_CLIENT_ALPNS = 1 << 15,
    TLS_LOG_SERVER_ALPNS = 1 << 16,
    TLS_LOG_CLIENT = 1 << 17,
    TLS_LOG_CLIENT_CERTIFICATE = 1 << 18,
    TLS_LOG_CLIENT_CHAIN = 1 << 19,
    TLS_LOG_CLIENT_HANDSHAKE = 1 << 20,
    TLS_LOG_SERVER_HANDSHAKE = 1 << 21,
};

#define TLS_LOG_BASIC (TLS_LOG_SUBJECT | TLS_LOG_ISSUER | TLS_LOG_NAMES)
#define TLS_LOG_EXTENDED                                                                                   \
    (TLS_LOG_BASIC | TLS_LOG_RESUMED | TLS_LOG_SERIAL | TLS_LOG_FINGERPRINT | TLS_LOG_SNI |                \
     TLS_LOG_VERSION | TLS_LOG_NOT_BEFORE | TLS_LOG_NOT_AFTER | TLS_LOG_JA3 | TLS_LOG_JA3S | TLS_LOG_JA4 | \
     TLS_LOG_CLIENT_ALPNS | TLS_LOG_SERVER_ALPNS | TLS_LOG_CLIENT)

/* The bit of an EVE output's `custom:` entry ("not_before"), or 0. */
uint32_t tls_log_field(struct bytes name);
/* Appends the members of the EVE "tls" object that `fields` asks for. */
void tls_log(const struct tx *tx, uint32_t fields, struct text *out);
/* True when there is enough to write: a certificate, or (extended) a resumed or TLS 1.3 session. */
bool tls_log_wanted(const struct tx *tx, uint32_t fields);

#endif
