/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments in any order, overlapping and repeated: a byte of options, a byte of the host's policy, then five
 * bytes a fragment: what, offset in units of 8 octets (two), size, more. A packet that comes out must be the
 * one that was cut, unless fragments lie about it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/reader.h"
#include "base/writer.h"
#include "flow/defrag.h"

#define WHOLE_SIZE 65536U
#define PROTOCOL   253 /* for experimentation (RFC 3692) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wire {
    struct decoder decoder;
    struct defrag *defrag;
    uint64_t time, number;
    bool honest;
    uint8_t frame[WHOLE_SIZE], whole[4][WHOLE_SIZE];
};

static void check(const struct wire *wire, const struct packet *packet)
{
    volatile uint8_t touched = 0;
    for (size_t i = 0; i < packet->payload.size; i++)
        touched ^= packet->payload.data[i];
    (void)touched;
    if (!wire->honest || packet->source != SOURCE_DEFRAG)
        return;
    size_t size = MIN(packet->payload.size, (size_t)WHOLE_SIZE);
    bool known = false;
    for (size_t id = 0; id < COUNT_OF(wire->whole); id++)
        known |= !size || !memcmp(packet->payload.data, wire->whole[id], size);
    assert(known);
}

static void write_v4(struct writer *out, uint8_t id, uint16_t place, size_t size)
{
    static const uint8_t ends[] = { 10, 0, 0, 1, 10, 0, 0, 2 };
    writer_be16(out, 0x4500);
    writer_be16(out, (uint16_t)(20 + size));
    writer_be16(out, id);
    writer_be16(out, place);
    writer_be16(out, 64 << 8 | PROTOCOL);
    writer_be16(out, 0);
    writer_put(out, bytes_of(ends, sizeof ends));
}

static void write_v6(struct writer *out, uint8_t id, uint16_t place, size_t size)
{
    static const uint8_t ends[32] = { 0xfd, [15] = 1, [16] = 0xfd, [31] = 2 };
    writer_be32(out, 0x60000000);
    writer_be16(out, (uint16_t)(8 + size));
    writer_be16(out, 44 << 8 | 64);
    writer_put(out, bytes_of(ends, sizeof ends));
    writer_be16(out, PROTOCOL << 8);
    writer_be16(out, (uint16_t)((place & 0x1fff) << 3 | place >> 13));
    writer_be32(out, id);
}

/* Bits of `what`: 0 and 1 which packet, 2 more fragments follow, 3 IPv6, 4 the bytes lie, 5 time passes;
 * `more`: octets added to a size that need not be a multiple of 8. */
static void operate(struct wire *wire, struct reader *in)
{
    uint8_t what = reader_u8(in);
    uint16_t offset = reader_be16(in) & 0x1fff;
    size_t size = reader_u8(in) * 8U;
    size += reader_u8(in) & (what & 4 ? 0x80 : 0x87);
    size = MIN(size, (size_t)(WHOLE_SIZE - 8U - offset * 8U));
    size = MIN(size, (size_t)2048);
    uint16_t place = (uint16_t)(offset | (what & 4 ? 0x2000 : 0));
    struct writer out = writer_of(wire->frame, sizeof wire->frame);
    uint8_t id = what & 3;
    (what & 8 ? write_v6 : write_v4)(&out, id, place, size);
    writer_put(&out, bytes_of(wire->whole[what & 16 ? id ^ 1 : id] + offset * 8U, size));
    wire->honest &= !(what & 16);
    wire->time += what & 32 ? 70 * NS_PER_S : NS_PER_MS;
    /* Of exact size, so that the sanitizer sees its end. */
    struct bytes frame = writer_bytes(&out);
    uint8_t *copy = malloc(frame.size);
    if (!copy)
        return;
    memcpy(copy, frame.data, frame.size);
    struct packet packet = { .time = wire->time,
                             .number = ++wire->number,
                             .frame = bytes_of(copy, frame.size),
                             .wire_size = (uint32_t)frame.size,
                             .link_type = LINK_RAW };
    size_t count = decode(&wire->decoder, &packet);
    for (size_t i = 0; i < count; i++)
        check(wire, wire->decoder.packets[i]);
    free(copy);
}

static void write_wholes(struct wire *wire)
{
    for (size_t id = 0; id < COUNT_OF(wire->whole); id++)
        for (size_t i = 0; i < WHOLE_SIZE; i++)
            wire->whole[id][i] = (uint8_t)(i * (id * 2 + 7) + (i >> 8) + id * 50);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire wire;
    struct reader in = reader_of(data, size);
    uint8_t choice = reader_u8(&in), policy = reader_u8(&in);
    struct os_rule rules[2] = { { .policy = policy % OS_POLICY_COUNT },
                                { .policy = policy % OS_POLICY_COUNT } };
    struct defrag_settings limits = { .memory_max = choice & 1 ? 8192 : 1 << 24,
                                      .tracker_max = choice & 2 ? 2 : 16,
                                      .fragment_max = choice & 4 ? 8 : 256,
                                      .os_rules = rules,
                                      .os_rule_count = COUNT_OF(rules) };
    struct error error;
    rules[0].network.address.version = 4;
    rules[1].network.address.version = 6;
    wire.defrag = defrag_new(&limits, &error);
    wire.honest = true;
    wire.time = 1000 * NS_PER_S;
    wire.number = 0;
    if (!wire.whole[1][0])
        write_wholes(&wire);
    if (wire.defrag) {
        decoder_init(&wire.decoder, &(struct decode_settings){ .checksums = CHECKSUM_NONE });
        defrag_attach(wire.defrag, &wire.decoder);
        wire.decoder.defragment = defragment;
        wire.decoder.defragment_context = wire.defrag;
        while (reader_left(&in) >= 5)
            operate(&wire, &in);
    }
    defrag_free(wire.defrag);
    return 0;
}
