/* SPDX-License-Identifier: Apache-2.0 */
/* Blocked Bloom filters. */
#include "store/event_bloom.h"

#define LINE_SIZE 64U
#define PROBES    6U

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    return x;
}

uint64_t bloom_hash(uint8_t kind, struct bytes key)
{
    uint64_t hash = mix(0x9e3779b97f4a7c15ULL * (kind + 1U) + key.size);
    size_t at = 0;
    for (; key.size - at >= 8; at += 8) {
        uint64_t word = 0;
        for (unsigned i = 0; i < 8; i++)
            word |= (uint64_t)key.data[at + i] << (8 * i);
        hash = mix(hash ^ word);
    }
    uint64_t tail = 0;
    for (unsigned i = 0; at < key.size; at++, i++)
        tail |= (uint64_t)key.data[at] << (8 * i);
    return mix(hash ^ tail ^ 0x5bd1e995U);
}

uint64_t bloom_hash_number(uint8_t kind, uint64_t key)
{
    return mix(mix(0x9e3779b97f4a7c15ULL * (kind + 1U)) ^ mix(key + 0x632be59bd9b4e019ULL));
}

size_t bloom_size(size_t keys, unsigned key_bits)
{
    size_t lines = (keys * key_bits + LINE_SIZE * 8 - 1) / (LINE_SIZE * 8);
    return MAX(lines, (size_t)1) * LINE_SIZE;
}

static size_t line_of(size_t size, uint64_t hash)
{
    return (size_t)(((hash >> 32) * (size / LINE_SIZE)) >> 32) * LINE_SIZE;
}

/* The lower 32 bits choose the bits: nine for each probe, remixed as they run out. */
static uint64_t probe_bits(uint64_t hash)
{
    return mix(hash & 0xffffffffU);
}

void bloom_add(uint8_t *bits, size_t size, uint64_t hash)
{
    uint8_t *line = bits + line_of(size, hash);
    uint64_t probes = probe_bits(hash);
    for (unsigned i = 0; i < PROBES; i++, probes >>= 9)
        line[(probes & 511) >> 3] |= (uint8_t)(1U << (probes & 7));
}

bool bloom_has(struct bytes bits, uint64_t hash)
{
    if (bits.size < LINE_SIZE || bits.size % LINE_SIZE)
        return true;
    const uint8_t *line = bits.data + line_of(bits.size, hash);
    uint64_t probes = probe_bits(hash);
    for (unsigned i = 0; i < PROBES; i++, probes >>= 9)
        if (!(line[(probes & 511) >> 3] & (1U << (probes & 7))))
            return false;
    return true;
}
