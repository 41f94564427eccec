/* SPDX-License-Identifier: Apache-2.0 */
/* A first look for grams at every place; see sieve.h. */
#include "detect/sieve.h"

#include <stdlib.h>

#define PAIRS   3U /* of the four bytes of a gram; one of three bytes has two, and the third is any */
#define SHORT   3U
#define BUCKETS 8U
#define CASE    0x20U /* the bit that tells upper from lower case */

struct sieve {
    uint8_t buckets[PAIRS][256];   /* hash of a pair -> bit per bucket */
    uint32_t load[BUCKETS][PAIRS]; /* hashes that a bucket is named at */
};

struct sieve *sieve_new(void)
{
    return calloc(1, sizeof(struct sieve));
}

void sieve_free(struct sieve *sieve)
{
    free(sieve);
}

/* A pair's hash: bits of the first and of the second byte are xored, by a matrix for each. The bit that tells
 * upper from lower case takes no part. Bit i of the hash: parity of the bits of the byte that MIX[i] names.
 */
static const uint8_t mix_first[8] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80, 0x00 };
static const uint8_t mix_second[8] = { 0x08, 0x10, 0x40, 0x80, 0x00, 0x01, 0x02, 0x04 };

static uint8_t mixed(const uint8_t *mix, uint8_t byte)
{
    uint8_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint8_t)(__builtin_parity(byte & mix[i]) << i);
    return value;
}

static uint8_t pair_hash(uint8_t first, uint8_t second)
{
    return mixed(mix_first, first) ^ mixed(mix_second, second);
}

/* The hashes of one of a gram's pairs: one, or many where the second byte is any. */
struct hashes {
    size_t count;
    uint8_t list[256];
};

static void hashes_of(struct hashes *pairs, const uint8_t *gram, unsigned size)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        pairs[i].count = 0;
        if (i + 1 < size)
            pairs[i].list[pairs[i].count++] = pair_hash(gram[i], gram[i + 1]);
        for (unsigned any = 0; any < 256 && i + 1 >= size; any++)
            if (!(any & CASE)) /* has no part in the hash */
                pairs[i].list[pairs[i].count++] = pair_hash(gram[i], (uint8_t)any);
    }
}

static unsigned added(const struct sieve *sieve, const struct hashes *pairs, unsigned pair, unsigned bucket)
{
    unsigned count = 0;
    for (size_t k = 0; k < pairs[pair].count; k++)
        count += !(sieve->buckets[pair][pairs[pair].list[k]] >> bucket & 1);
    return count;
}

/* How much more often a bucket is named thrice when these are added: the product of its loads. */
static uint64_t growth(const struct sieve *sieve, const struct hashes *pairs, unsigned bucket)
{
    uint64_t before = 1, after = 1;
    for (unsigned i = 0; i < PAIRS; i++) {
        before *= sieve->load[bucket][i];
        after *= sieve->load[bucket][i] + added(sieve, pairs, i, bucket);
    }
    return after - before;
}

void sieve_enter(struct sieve *sieve, const uint8_t *gram, unsigned size)
{
    struct hashes pairs[PAIRS];
    unsigned best = 0;
    uint64_t least = UINT64_MAX;
    hashes_of(pairs, gram, size);
    for (unsigned b = 0; b < BUCKETS; b++) {
        uint64_t more = growth(sieve, pairs, b);
        if (more < least) {
            least = more;
            best = b;
        }
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        sieve->load[best][i] += added(sieve, pairs, i, best);
        for (size_t k = 0; k < pairs[i].count; k++)
            sieve->buckets[i][pairs[i].list[k]] |= (uint8_t)(1U << best);
    }
}

#ifdef __x86_64__
#include <immintrin.h>

#define VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi,gfni")))

bool sieve_possible(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("gfni");
}

/* As the processor wants it: the row of the lowest bit is the highest octet. */
static uint64_t matrix(const uint8_t *mix)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | mix[i];
    return value;
}

VBMI static inline __m512i bytes64(const uint8_t *data, size_t left)
{
    return left >= 64 ? _mm512_loadu_si512(data) : _mm512_maskz_loadu_epi8(((uint64_t)1 << left) - 1, data);
}

/* 64 of 256 octets that lie in four registers. */
VBMI static inline __m512i chosen64(const __m512i *table, __m512i places)
{
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(places),
                                  _mm512_permutex2var_epi8(table[0], places, table[1]),
                                  _mm512_permutex2var_epi8(table[2], places, table[3]));
}

struct registers {
    __m512i tables[PAIRS][4], first, second;
};

/* Bit per place, of the 64 from `data` on, that is worth a look. */
VBMI static inline __attribute__((always_inline)) uint64_t worth64(const struct registers *r,
                                                                   const uint8_t *data, size_t left)
{
    __m512i buckets = _mm512_set1_epi8(-1), here = bytes64(data, left);
    for (unsigned i = 0; i < PAIRS; i++) {
        __m512i next = bytes64(data + i + 1, left - i - 1);
        __m512i hashes = _mm512_xor_si512(_mm512_gf2p8affine_epi64_epi8(here, r->first, 0),
                                          _mm512_gf2p8affine_epi64_epi8(next, r->second, 0));
        buckets = _mm512_and_si512(buckets, chosen64(r->tables[i], hashes));
        here = next;
    }
    return _mm512_test_epi8_mask(buckets, buckets);
}

VBMI uint64_t sieve_next(const struct sieve *sieve, struct bytes data, size_t *from)
{
    struct registers r = { .first = _mm512_set1_epi64((long long)matrix(mix_first)),
                           .second = _mm512_set1_epi64((long long)matrix(mix_second)) };
    for (unsigned i = 0; i < PAIRS; i++)
        for (unsigned k = 0; k < 4; k++)
            r.tables[i][k] = _mm512_loadu_si512(sieve->buckets[i] + (size_t)64 * k);
    size_t at = *from;
    uint64_t places = 0;
    for (; at + SIEVE_PLACES + PAIRS <= data.size; at += SIEVE_PLACES) {
        places = worth64(&r, data.data + at, SIEVE_PLACES + PAIRS);
        if (UNLIKELY(places))
            break;
    }
    if (!places && at + SHORT <= data.size) {
        size_t left = data.size - at, last = left - SHORT; /* place */
        places = worth64(&r, data.data + at, left);
        if (last < SIEVE_PLACES - 1)
            places &= ((uint64_t)2 << last) - 1;
    }
    *from = at;
    return places;
}
#else
bool sieve_possible(void)
{
    return false;
}

uint64_t sieve_next(const struct sieve *sieve, struct bytes data, size_t *from)
{
    (void)sieve;
    (void)data;
    (void)from;
    return 0;
}
#endif
