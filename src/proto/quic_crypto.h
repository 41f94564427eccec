/* SPDX-License-Identifier: Apache-2.0 */
/* Protection of QUIC's Initial packets (RFC 9001 section 5, RFC 9369 section 3.3), whose keys anyone can
 * compute. */
#ifndef VONGLAU_PROTO_QUIC_CRYPTO_H
#define VONGLAU_PROTO_QUIC_CRYPTO_H

#include "base/bytes.h"

struct quic_keys {
    uint8_t key[16], iv[12], header[16];
};

#define QUIC_PACKET_MAX 4096U

/* True for versions whose Initial packets can be opened. */
bool quic_version_known(uint32_t version);
/* The keys of one side from the connection id that the client chose. */
bool quic_initial_keys(uint32_t version, struct bytes connection_id, bool server, struct quic_keys *keys);
/* Opens `packet`, whose packet number starts at `number_offset`; the frames go to `plain` (at least
 * QUIC_PACKET_MAX bytes). False when the keys do not fit or the packet is too small or too large. */
bool quic_open_initial(const struct quic_keys *keys, struct bytes packet, size_t number_offset,
                       uint8_t *plain, size_t *plain_size);

#endif
