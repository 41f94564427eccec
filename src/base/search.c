/* SPDX-License-Identifier: Apache-2.0 */
/* Search for the first and the last byte of a needle, many places at once; where both stand, the rest is
 * compared. Processors with AVX-512 look at 64 places, with AVX2 at 32, others at 16. */
#include "base/search.h"

/* 0x20 for a letter: OR-ed to a byte it makes both cases the lower one. */
static uint8_t fold_of(uint8_t b, bool nocase)
{
    b = byte_lower(b);
    return nocase && b >= 'a' && b <= 'z' ? 0x20 : 0;
}

static bool equal_there(const uint8_t *at, struct bytes needle, bool nocase)
{
    return nocase ? bytes_equal_nocase(bytes_of(at, needle.size), needle)
                  : memcmp(at, needle.data, needle.size) == 0;
}

/* What is looked for at one place: (byte | fold) == wanted. */
struct ends {
    uint8_t first, first_fold, last, last_fold;
};

static struct ends ends_of(struct bytes needle, bool nocase)
{
    uint8_t first = needle.data[0], last = needle.data[needle.size - 1];
    uint8_t first_fold = fold_of(first, nocase), last_fold = fold_of(last, nocase);
    return (struct ends){ first | first_fold, first_fold, last | last_fold, last_fold };
}

static size_t one_by_one(struct bytes haystack, struct bytes needle, bool nocase, const struct ends *ends,
                         size_t i)
{
    for (size_t places = haystack.size - needle.size + 1; i < places; i++)
        if ((haystack.data[i] | ends->first_fold) == ends->first &&
            equal_there(haystack.data + i, needle, nocase))
            return i;
    return SIZE_MAX;
}

/* The last block ends with the last place, and may look at some places again. */
static inline size_t next_block(size_t i, size_t size, size_t places)
{
    return i + size < places && i + 2 * size > places ? places - size : i + size;
}

/* Sixteen bytes; aliasing and unaligned loads are allowed. */
typedef uint8_t lanes16 __attribute__((vector_size(16), may_alias, aligned(1)));
typedef uint64_t halves __attribute__((vector_size(16)));

static lanes16 lanes16_of(uint8_t b)
{
    return (lanes16){ b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b };
}

static size_t search16(struct bytes haystack, struct bytes needle, bool nocase)
{
    const struct ends ends = ends_of(needle, nocase);
    size_t last = needle.size - 1, places = haystack.size - last, i = 0;
    const lanes16 firsts = lanes16_of(ends.first), lasts = lanes16_of(ends.last),
                  first_folds = lanes16_of(ends.first_fold), last_folds = lanes16_of(ends.last_fold);
    for (; i + sizeof(lanes16) <= places; i = next_block(i, sizeof(lanes16), places)) {
        const lanes16 *a = (const lanes16 *)(haystack.data + i);
        const lanes16 *b = (const lanes16 *)(haystack.data + i + last);
        halves both = (halves)((lanes16)((*a | first_folds) == firsts) &
                               (lanes16)((*b | last_folds) == lasts));
        if (!(both[0] | both[1]))
            continue;
        for (size_t k = i; k < i + sizeof(lanes16); k++)
            if ((haystack.data[k + last] | ends.last_fold) == ends.last &&
                (haystack.data[k] | ends.first_fold) == ends.first &&
                equal_there(haystack.data + k, needle, nocase))
                return k;
    }
    return one_by_one(haystack, needle, nocase, &ends, i);
}

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("avx2"))) static size_t search32(struct bytes haystack, struct bytes needle,
                                                       bool nocase)
{
    const struct ends ends = ends_of(needle, nocase);
    size_t last = needle.size - 1, places = haystack.size - last, i = 0;
    const __m256i firsts = _mm256_set1_epi8((char)ends.first), lasts = _mm256_set1_epi8((char)ends.last),
                  first_folds = _mm256_set1_epi8((char)ends.first_fold),
                  last_folds = _mm256_set1_epi8((char)ends.last_fold);
    for (; i + 32 <= places; i = next_block(i, 32, places)) {
        __m256i a = _mm256_loadu_si256((const __m256i_u *)(haystack.data + i));
        __m256i b = _mm256_loadu_si256((const __m256i_u *)(haystack.data + i + last));
        a = _mm256_cmpeq_epi8(_mm256_or_si256(a, first_folds), firsts);
        b = _mm256_cmpeq_epi8(_mm256_or_si256(b, last_folds), lasts);
        for (uint32_t both = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(a, b)); both; both &= both - 1) {
            size_t k = i + (size_t)__builtin_ctz(both);
            if (equal_there(haystack.data + k, needle, nocase))
                return k;
        }
    }
    return one_by_one(haystack, needle, nocase, &ends, i);
}

#define AVX512 __attribute__((target("avx512f,avx512bw")))

/* Zero where a byte of `data`, folded, is the one that is wanted. */
AVX512 static inline __m512i unlike(__m512i data, __m512i fold, __m512i byte)
{
    return _mm512_ternarylogic_epi64(data, fold, byte, (0xf0 | 0xcc) ^ 0xaa);
}

/* Of the places from `*from` on, 64 after 64, the first with any that have the needle's first and last byte
 * and the one in its middle: a bit per place, and `*from` is moved there. Called anew after each, which keeps
 * the bytes that are compared with in registers. */
AVX512 static __attribute__((noinline)) uint64_t next64(struct bytes haystack, struct bytes needle,
                                                        bool nocase, size_t *from)
{
    const struct ends ends = ends_of(needle, nocase);
    size_t last = needle.size - 1, middle = last / 2, places = haystack.size - last, at = *from;
    uint8_t fold = fold_of(needle.data[middle], nocase);
    const __m512i firsts = _mm512_set1_epi8((char)ends.first), lasts = _mm512_set1_epi8((char)ends.last),
                  middles = _mm512_set1_epi8((char)(needle.data[middle] | fold)),
                  first_folds = _mm512_set1_epi8((char)ends.first_fold),
                  last_folds = _mm512_set1_epi8((char)ends.last_fold),
                  middle_folds = _mm512_set1_epi8((char)fold);
    __mmask64 there = 0;
    for (; at < places; at += 64) {
        const uint8_t *data = haystack.data + at;
        __mmask64 all = places - at >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (places - at)) - 1;
        __m512i a = unlike(_mm512_maskz_loadu_epi8(all, data), first_folds, firsts);
        __m512i b = unlike(_mm512_maskz_loadu_epi8(all, data + middle), middle_folds, middles);
        __m512i c = unlike(_mm512_maskz_loadu_epi8(all, data + last), last_folds, lasts);
        __m512i any = _mm512_ternarylogic_epi64(a, b, c, 0xf0 | 0xcc | 0xaa);
        there = _mm512_mask_testn_epi8_mask(all, any, any);
        if (there)
            break;
    }
    *from = at;
    return there;
}

AVX512 static size_t search64(struct bytes haystack, struct bytes needle, bool nocase)
{
    size_t at = 0;
    for (uint64_t there; (there = next64(haystack, needle, nocase, &at)); at += 64)
        for (; there; there &= there - 1) {
            size_t place = at + (size_t)__builtin_ctzll(there);
            if (equal_there(haystack.data + place, needle, nocase))
                return place;
        }
    return SIZE_MAX;
}

size_t search(struct bytes haystack, struct bytes needle, bool nocase)
{
    if (__builtin_cpu_supports("avx512bw"))
        return search64(haystack, needle, nocase);
    return haystack.size >= 64 && __builtin_cpu_supports("avx2") ? search32(haystack, needle, nocase)
                                                                 : search16(haystack, needle, nocase);
}
#else
size_t search(struct bytes haystack, struct bytes needle, bool nocase)
{
    return search16(haystack, needle, nocase);
}
#endif
