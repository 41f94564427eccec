/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and networks. */
#ifndef VONGLAU_BASE_ADDRESS_H
#define VONGLAU_BASE_ADDRESS_H

#include "base/text.h"

/* 4 or 6; network byte order; an IPv4 address uses the first four octets, the rest are zero. */
struct address {
    uint8_t version;
    uint8_t octets[16];
};

/* `address`/`prefix`; host bits are zero. */
struct network {
    struct address address;
    uint8_t prefix;
};

struct address address_v4(const uint8_t octets[4]);
struct address address_v6(const uint8_t octets[16]);
/* Reads "192.0.2.1" or "2001:db8::1"; false on anything else. */
MUST_CHECK bool address_parse(struct bytes text, struct address *address);
/* Reads an address with an optional "/prefix"; false on anything else. Host bits are cleared. */
MUST_CHECK bool network_parse(struct bytes text, struct network *network);
/* IPv6 in full, uncompressed form (2001:0db8:0000:...), as EVE JSON writes it. */
void address_text(const struct address *address, struct text *out);
/* IPv6 compressed (RFC 5952), for people. */
void address_text_short(const struct address *address, struct text *out);
bool network_has(const struct network *network, const struct address *address);
bool network_overlaps(const struct network *a, const struct network *b);

static inline size_t address_size(const struct address *address)
{
    return address->version == 4 ? 4 : 16;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return a->version == b->version && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static inline int address_compare(const struct address *a, const struct address *b)
{
    return a->version != b->version ? a->version - b->version
                                    : memcmp(a->octets, b->octets, sizeof a->octets);
}

#endif
