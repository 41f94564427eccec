/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum, eight octets at a time. */
#include "packet/checksum.h"

uint32_t checksum_add(uint32_t sum, struct bytes b)
{
    /* One's complement addition does not care for width or byte order, as long as the result is compared
     * in the same order (RFC 1071 section 2). Two sums keep two adders busy. */
    uint64_t first = sum, second = 0, a, c;
    const uint8_t *at = b.data;
    size_t left = b.size;
    for (; left >= 16; left -= 16, at += 16) {
        memcpy(&a, at, 8);
        memcpy(&c, at + 8, 8);
        first += (a & 0xffffffff) + (a >> 32);
        second += (c & 0xffffffff) + (c >> 32);
    }
    for (; left >= 2; left -= 2, at += 2) {
        uint16_t word;
        memcpy(&word, at, 2);
        first += word;
    }
    if (left) {
        uint16_t word = 0;
        memcpy(&word, at, 1);
        first += word;
    }
    first += second;
    while (first >> 16)
        first = (first & 0xffff) + (first >> 16);
    return (uint32_t)first;
}

bool checksum_ipv4(struct bytes header)
{
    return checksum_add(0, header) == 0xffff;
}

bool checksum_transport(const struct address *src, const struct address *dst, uint8_t protocol,
                        struct bytes segment)
{
    uint8_t tail[8] = { (uint8_t)(segment.size >> 24),
                        (uint8_t)(segment.size >> 16),
                        (uint8_t)(segment.size >> 8),
                        (uint8_t)segment.size,
                        0,
                        0,
                        0,
                        protocol };
    uint32_t sum = checksum_add(0, bytes_of(tail, sizeof tail));
    sum = checksum_add(sum, bytes_of(src->octets, address_size(src)));
    sum = checksum_add(sum, bytes_of(dst->octets, address_size(dst)));
    return checksum_add(sum, segment) == 0xffff;
}
