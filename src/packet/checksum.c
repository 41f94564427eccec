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

bool checksum_holds(const struct packet *packet, enum checksum_layer layer)
{
    struct bytes header;
    uint8_t protocol = 0;
    bool known = true; /* what the decoder says */
    switch (layer) {
    case CHECKSUM_OF_IPV4:
        return packet->unchecked && packet->ip->version == 4 ? checksum_ipv4(packet->ip->header)
                                                             : packet->ip->checksum_ok;
    case CHECKSUM_OF_TCP:
        known = packet->tcp->checksum_ok;
        header = packet->tcp->header;
        protocol = IP_TCP;
        break;
    case CHECKSUM_OF_UDP:
        known = packet->udp->checksum_ok;
        header = packet->udp->header;
        protocol = IP_UDP;
        break;
    default: /* CHECKSUM_OF_ICMP */
        known = packet->icmp->checksum_ok;
        header = packet->icmp->header;
        protocol = packet->ip->version == 6 ? IP_ICMPV6 : IP_ICMP;
        break;
    }
    if (!packet->unchecked || packet->offloaded || !packet->payload.data ||
        packet->payload.data < header.data)
        return known;
    struct bytes segment = bytes_of(header.data,
                                    (size_t)(packet->payload.data - header.data) + packet->payload.size);
    if (protocol == IP_ICMP)
        return checksum_ipv4(segment);
    /* Zero means that the sender computed none. */
    if (protocol == IP_UDP && !(segment.data[6] | segment.data[7]))
        return true;
    return checksum_transport(&packet->src, &packet->dst, protocol, segment);
}
