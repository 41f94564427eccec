/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID: SHA-1 over the ordered ends of a conversation, in base 64. */
#include "flow/community_id.h"

#include "base/writer.h"

/* FIPS 180-4 section 6.1, for one block: all that a Community ID needs (at most 40 octets). */
static void sha1_block(const uint8_t *message, size_t size, uint8_t digest[20])
{
    uint32_t w[80] = { 0 };
    for (size_t i = 0; i < size; i++)
        w[i / 4] |= (uint32_t)message[i] << (24 - i % 4 * 8);
    w[size / 4] |= 0x80U << (24 - size % 4 * 8);
    w[15] = (uint32_t)size * 8;
    for (size_t i = 16; i < 80; i++) {
        uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
        w[i] = x << 1 | x >> 31;
    }
    uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (size_t i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5a827999;
        } else if (i < 40) {
            f = b ^ c ^ d;
            k = 0x6ed9eba1;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d;
            k = 0xca62c1d6;
        }
        uint32_t next = (a << 5 | a >> 27) + f + e + k + w[i];
        e = d;
        d = c;
        c = b << 30 | b >> 2;
        b = a;
        a = next;
    }
    const uint32_t sums[5] = { h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e };
    for (size_t i = 0; i < 20; i++)
        digest[i] = (uint8_t)(sums[i / 4] >> (24 - i % 4 * 8));
}

/* ICMP has types for ports; for one without an answer, the code, and then the ends keep their order. */
static bool icmp_ports(uint8_t protocol, uint16_t *src_port, uint16_t *dst_port)
{
    static const uint8_t v4[][2] = { { 8, 0 },   { 0, 8 },  { 13, 14 }, { 14, 13 }, { 15, 16 },
                                     { 16, 15 }, { 10, 9 }, { 9, 10 },  { 17, 18 }, { 18, 17 } };
    static const uint8_t v6[][2] = { { 128, 129 }, { 129, 128 }, { 133, 134 }, { 134, 133 },
                                     { 135, 136 }, { 136, 135 }, { 130, 131 }, { 131, 130 },
                                     { 144, 145 }, { 145, 144 }, { 139, 140 }, { 140, 139 } };
    size_t count = protocol == IP_ICMP ? COUNT_OF(v4) : COUNT_OF(v6);
    const uint8_t(*pairs)[2] = protocol == IP_ICMP ? v4 : v6;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i][0] == *src_port) {
            *dst_port = pairs[i][1];
            return true;
        }
    }
    return false;
}

void community_id(uint16_t seed, uint8_t protocol, const struct address *src, const struct address *dst,
                  uint16_t src_port, uint16_t dst_port, char out[COMMUNITY_ID_SIZE])
{
    bool icmp = protocol == IP_ICMP || protocol == IP_ICMPV6;
    bool ports = icmp || protocol == IP_TCP || protocol == IP_UDP || protocol == IP_SCTP;
    bool one_way = icmp && !icmp_ports(protocol, &src_port, &dst_port);
    size_t size = address_size(src);
    int order = memcmp(src->octets, dst->octets, size);
    if (!one_way && (order > 0 || (order == 0 && ports && src_port > dst_port))) {
        const struct address *address = src;
        src = dst;
        dst = address;
        uint16_t port = src_port;
        src_port = dst_port;
        dst_port = port;
    }
    uint8_t message[2 + 32 + 2 + 4], digest[20];
    struct writer w = writer_of(message, sizeof message);
    writer_be16(&w, seed);
    writer_put(&w, bytes_of(src->octets, size));
    writer_put(&w, bytes_of(dst->octets, size));
    writer_u8(&w, protocol);
    writer_u8(&w, 0);
    if (ports) {
        writer_be16(&w, src_port);
        writer_be16(&w, dst_port);
    }
    sha1_block(message, writer_size(&w), digest);
    struct text text = text_of(out, COMMUNITY_ID_SIZE);
    text_string(&text, "1:");
    text_base64(&text, bytes_of(digest, sizeof digest));
}

void community_id_flow(uint16_t seed, const struct flow *flow, char out[COMMUNITY_ID_SIZE])
{
    uint16_t client = flow->client_port, server = flow->server_port;
    if (flow->protocol == IP_ESP)
        client = server = 0;
    community_id(seed, flow->protocol, &flow->client, &flow->server, client, server, out);
}
