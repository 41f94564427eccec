/* SPDX-License-Identifier: Apache-2.0 */
/* TLS hello messages and the fingerprints made from them: JA3, JA3S, JA4. Shared by TLS and QUIC. */
#ifndef VONGLAU_PROTO_TLS_HELLO_H
#define VONGLAU_PROTO_TLS_HELLO_H

#include "base/arena.h"
#include "base/reader.h"
#include "proto/protocol.h"

struct tls_numbers {
    const uint16_t *items;
    uint32_t count;
};

struct tls_hello {
    uint16_t version;      /* the message's own field */
    uint16_t version_best; /* client: highest offered; server: chosen (supported_versions); 0: not sent */
    struct bytes random;   /* 32 bytes */
    struct bytes session_id;
    struct tls_numbers ciphers;                                  /* client: offered; server: the one chosen */
    struct tls_numbers extensions, curves, signatures, versions; /* in order, GREASE included */
    struct bytes point_formats;
    struct bytes sni;
    struct bytes alpns[16];
    uint32_t alpn_count;
    bool has_sni, ticket, sni_twice, sni_bad_type, sni_bad_length, retry;
    bool odd_length; /* a length within an extension, or what is behind the last, does not fit */
};

/* Reads the body of a ClientHello or ServerHello (RFC 8446 section 4.1) into `memory`; false when malformed.
 */
bool tls_read_client_hello(struct reader *in, struct arena *memory, struct tls_hello *hello);
bool tls_read_server_hello(struct reader *in, struct arena *memory, struct tls_hello *hello);
/* JA3 ("771,4865-...,...") or, for a server's hello, JA3S; absent when out of memory. `grease`: keep those
 * values. */
struct bytes tls_ja3(const struct tls_hello *hello, bool server, bool grease, struct arena *memory);
/* MD5 of a JA3 text, in hexadecimal. */
struct bytes tls_ja3_hash(struct bytes ja3, struct arena *memory);
/* JA4 of a client's hello; `transport` is 't' or 'q'. */
struct bytes tls_ja4(const struct tls_hello *hello, char transport, struct arena *memory);
/* GREASE values (RFC 8701) are left out of fingerprints. */
bool tls_is_grease(uint16_t value);
/* "TLS 1.2" and the like; `buffer` holds what has no fixed name. */
const char *tls_version_text(uint16_t version, char *buffer, size_t size);

#endif
