/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing and comparing addresses. */
#include "base/address.h"

#include <arpa/inet.h>

struct address address_v4(const uint8_t octets[4])
{
    struct address address = { .version = 4 };
    memcpy(address.octets, octets, 4);
    return address;
}

struct address address_v6(const uint8_t octets[16])
{
    struct address address = { .version = 6 };
    memcpy(address.octets, octets, 16);
    return address;
}

bool address_parse(struct bytes text, struct address *address)
{
    char buffer[INET6_ADDRSTRLEN];
    struct address parsed = { 0 };
    if (text.size == 0 || text.size >= sizeof buffer || memchr(text.data, 0, text.size))
        return false;
    memcpy(buffer, text.data, text.size);
    buffer[text.size] = '\0';
    parsed.version = strchr(buffer, ':') ? 6 : 4;
    if (inet_pton(parsed.version == 6 ? AF_INET6 : AF_INET, buffer, parsed.octets) != 1)
        return false;
    *address = parsed;
    return true;
}

bool network_parse(struct bytes text, struct network *network)
{
    struct bytes rest = text;
    struct network parsed;
    struct bytes host = bytes_cut(&rest, '/');
    if (!address_parse(host, &parsed.address))
        return false;
    uint64_t most = address_size(&parsed.address) * 8;
    uint64_t prefix = most;
    if (host.size < text.size && (!bytes_to_u64(rest, &prefix) || prefix > most))
        return false;
    parsed.prefix = (uint8_t)prefix;
    for (size_t bit = prefix; bit < most; bit++)
        parsed.address.octets[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
    *network = parsed;
    return true;
}

void address_text(const struct address *address, struct text *out)
{
    if (address->version == 4) {
        char dotted[4 * 4 + 1], *at = dotted;
        for (int i = 0; i < 4; i++) {
            at = text_octet(at, address->octets[i]);
            *at++ = '.';
        }
        text_put(out, bytes_of(dotted, (size_t)(at - dotted) - 1));
        return;
    }
    for (int i = 0; i < 16; i += 2) {
        if (i)
            text_char(out, ':');
        text_hex(out, bytes_of(address->octets + i, 2));
    }
}

void address_text_short(const struct address *address, struct text *out)
{
    char buffer[INET6_ADDRSTRLEN];
    if (inet_ntop(address->version == 6 ? AF_INET6 : AF_INET, address->octets, buffer, sizeof buffer))
        text_string(out, buffer);
}

static bool prefix_equal(const struct address *a, const struct address *b, unsigned prefix)
{
    unsigned whole = prefix / 8, bits = prefix % 8;
    if (memcmp(a->octets, b->octets, whole) != 0)
        return false;
    return bits == 0 || ((a->octets[whole] ^ b->octets[whole]) & (0xFF00U >> bits)) == 0;
}

bool network_has(const struct network *network, const struct address *address)
{
    return network->address.version == address->version &&
           prefix_equal(&network->address, address, network->prefix);
}

bool network_overlaps(const struct network *a, const struct network *b)
{
    return a->address.version == b->address.version &&
           prefix_equal(&a->address, &b->address, MIN(a->prefix, b->prefix));
}
