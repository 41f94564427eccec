/* SPDX-License-Identifier: Apache-2.0 */
/* Small decoders of payload that several keywords share. */
#include "detect/data.h"

#include "detect/context.h"

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (byte_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct bytes base64_lenient(struct bytes text, struct arena *memory)
{
    uint8_t *out = arena_new(memory, text.size / 4 * 3 + 4, 1);
    if (!out)
        return BYTES_NONE;
    size_t size = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0) {
            if (byte_is_space(text.data[i]))
                continue;
            break;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[size++] = (uint8_t)(bits >> held);
        }
    }
    return size ? bytes_of(out, size) : BYTES_NONE;
}

/* RFC 959 section 4.1.2: h1,h2,h3,h4,p1,p2 */
bool ftp_bounce(struct bytes data, const struct context *context)
{
    const struct packet *p = context->packet;
    if (!p->ip || p->src.version != 4)
        return false;
    struct bytes rest = data;
    uint8_t octets[4];
    for (size_t i = 0; i < sizeof octets; i++) {
        struct bytes part = bytes_trim(bytes_cut(&rest, ','));
        uint64_t number;
        if (!bytes_to_u64(part, &number) || number > 255)
            return false;
        octets[i] = (uint8_t)number;
    }
    return memcmp(octets, p->src.octets, sizeof octets) != 0;
}
