/* SPDX-License-Identifier: Apache-2.0 */
/* Many literals at once; see grams.h. */
#include "detect/grams.h"

#include <assert.h>
#include <stdlib.h>

#define STEP     4U /* from one place to the next */
#define MAP_BITS 18 /* of a bitmap's index at most: two of 32 KiB */
#define NO_ENTRY UINT32_MAX

struct entry {
    uint64_t gram;  /* folded */
    uint64_t start; /* the literal's first bytes, folded, as many as there are up to eight */
    uint32_t next;  /* while the table is built: index of the next one of the same bucket, or NO_ENTRY */
    uint32_t literal;
    uint32_t place; /* of the gram in the literal */
    uint32_t size;  /* of the literal */
};

/* Literals with grams of one size, looked for at every `step`th place. */
struct table {
    uint32_t *map;
    unsigned shift; /* a hash down to the index of a word of the map */
    uint64_t mask;  /* the bytes of a gram, of eight that are read */
    unsigned gram, step, bucket_bits;
    uint32_t *buckets; /* index of a bucket's first entry; the next bucket's is its end */
    struct entry *entries;
    size_t entry_count;
};

struct grams {
    /* Grams of eight bytes where the literal has the room for four of them, else of four. Literals that are
     * too short for that, or full of padding, have one gram of four bytes, which is looked for at every
     * place; the tiny ones have two bytes. */
    struct table wide, narrow, close, tiny;
    struct gram_literal *literals;
};

#define FOLD 0x2020202020202020U

/* Eight bytes, as far as they are there. */
static inline uint64_t word_at(const uint8_t *at, size_t left)
{
    uint64_t word = 0;
    if (LIKELY(left >= sizeof word))
        memcpy(&word, at, sizeof word);
    else
        memcpy(&word, at, left);
    return word;
}

static uint64_t folded(uint64_t word, const struct table *table)
{
    return (word | FOLD) & table->mask;
}

#define LOW_FACTOR  0x9E3779B1U
#define HIGH_FACTOR 0x85EBCA77U

/* In 32 bits, so that eight can be worked out at once. */
static uint32_t hash(uint64_t gram)
{
    return (uint32_t)gram * LOW_FACTOR + (uint32_t)(gram >> 32) * HIGH_FACTOR;
}

/* A gram sets two bits of one word of the map, chosen by bits of the hash that choose no word. */
#define FIRST_SHIFT  (32 - (MAP_BITS - 5) - 5)
#define SECOND_SHIFT (FIRST_SHIFT - 5)

static uint32_t bits_of(uint32_t hash)
{
    return 1U << (hash >> FIRST_SHIFT & 31) | 1U << (hash >> SECOND_SHIFT & 31);
}

/* How often a byte is met in text and markup, in parts of a thousand. */
static double frequency(uint8_t b)
{
    static const uint8_t letters[26] = { 60, 12, 25, 30, 90, 16, 15, 35, 55, 3,  6, 35, 22,
                                         52, 55, 18, 2,  50, 52, 68, 22, 8,  12, 5, 14, 3 };
    uint8_t lower = b | 0x20;
    if (lower >= 'a' && lower <= 'z')
        return letters[lower - 'a'];
    if (b == ' ' || b == 0)
        return 120;
    return memchr("<>/\"=.-0123456789\r\n", b, 19) ? 14 : 2;
}

/* How often a gram is met. Letters alone are parts of words, and runs of one byte are padding: both come far
 * more often than chance has it. */
static double how_often(const uint8_t *at, unsigned gram)
{
    double often = 1;
    unsigned letters = 0, changes = 0;
    for (unsigned i = 0; i < gram; i++) {
        uint8_t lower = at[i] | 0x20;
        letters += lower >= 'a' && lower <= 'z';
        often *= frequency(at[i]) / 1000;
        changes += i && ((at[i] ^ at[i - 1]) & ~0x20);
    }
    if (changes < gram / 2)
        often *= changes ? 1e3 : 1e6;
    if (letters + 1 >= gram)
        often *= letters == gram ? 100 : 10;
    return often;
}

/* What having this gram in the map costs: how often it is met, and how many literals share it. */
static double cost_of(const struct table *table, const uint8_t *at)
{
    unsigned shared = 0;
    uint64_t gram = folded(word_at(at, table->gram), table);
    for (uint32_t i = table->buckets[hash(gram) >> (32 - table->bucket_bits)]; i != NO_ENTRY;
         i = table->entries[i].next)
        shared += table->entries[i].gram == gram;
    return how_often(at, table->gram) * (1 + shared * shared / 4.0);
}

/* The first of the neighbouring grams, as many as a step is wide, that cost least together. */
static size_t best_place(const struct table *table, struct bytes literal)
{
    size_t best = 0, step = table->step;
    double least = 1e18, costs[STEP] = { 0 };
    for (size_t i = 0; i + table->gram <= literal.size; i++) {
        costs[i % step] = cost_of(table, literal.data + i);
        double sum = costs[0] + costs[1] + costs[2] + costs[3];
        if (i + 1 >= step && sum < least) {
            least = sum;
            best = i + 1 - step;
        }
    }
    return best;
}

static void enter(struct table *table, struct bytes bytes, size_t literal, size_t place)
{
    uint64_t gram = folded(word_at(bytes.data + place, table->gram), table);
    uint32_t value = hash(gram), *bucket = &table->buckets[value >> (32 - table->bucket_bits)];
    table->map[value >> table->shift] |= bits_of(value);
    table->entries[table->entry_count] = (struct entry){ .gram = gram,
                                                         .start = word_at(bytes.data, bytes.size) | FOLD,
                                                         .next = *bucket,
                                                         .literal = (uint32_t)literal,
                                                         .place = (uint32_t)place,
                                                         .size = (uint32_t)bytes.size };
    *bucket = (uint32_t)table->entry_count++;
}

static bool table_open(struct table *table, unsigned gram, unsigned step, size_t count)
{
    table->gram = gram;
    table->step = step;
    table->mask = gram == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * gram) - 1;
    table->bucket_bits = 4;
    while (table->bucket_bits < 20 && (size_t)1 << table->bucket_bits < count * STEP * 2)
        table->bucket_bits++;
    unsigned map_bits = MIN(table->bucket_bits + 4, (unsigned)MAP_BITS);
    table->shift = 32 - (map_bits - 5);
    table->map = calloc((size_t)1 << (map_bits - 5), sizeof *table->map);
    table->buckets = malloc(sizeof *table->buckets * (((size_t)1 << table->bucket_bits) + 1));
    table->entries = calloc(count * STEP + 1, sizeof *table->entries);
    if (table->buckets)
        memset(table->buckets, 0xff, sizeof *table->buckets << table->bucket_bits);
    return table->map && table->buckets && table->entries;
}

/* Puts the entries of a bucket side by side. */
static bool settle(struct table *table)
{
    size_t buckets = (size_t)1 << table->bucket_bits;
    struct entry *sorted = calloc(table->entry_count + 1, sizeof *sorted);
    uint32_t count = 0;
    for (size_t b = 0; sorted && b < buckets; b++) {
        uint32_t first = count;
        for (uint32_t i = table->buckets[b]; i != NO_ENTRY; i = table->entries[i].next)
            sorted[count++] = table->entries[i];
        table->buckets[b] = first;
    }
    if (!sorted)
        return false;
    table->buckets[buckets] = count;
    free(table->entries);
    table->entries = sorted;
    return true;
}

#define TOO_OFTEN 0.05

/* Four neighbouring grams of this size are in the literal, and data is not full of them anyway. */
static bool suits(struct bytes literal, unsigned gram)
{
    double worst[STEP] = { 0 };
    for (size_t i = 0; i + gram <= literal.size; i++) {
        worst[i % STEP] = how_often(literal.data + i, gram);
        if (i + 1 >= STEP && worst[0] + worst[1] + worst[2] + worst[3] < TOO_OFTEN)
            return true;
    }
    return false;
}

static struct table *table_of(struct grams *grams, struct bytes literal)
{
    if (suits(literal, 8))
        return &grams->wide;
    if (suits(literal, 4))
        return &grams->narrow;
    return literal.size >= 4 ? &grams->close : &grams->tiny;
}

struct grams *grams_new(const struct gram_literal *literals, size_t count)
{
    struct grams *grams = calloc(1, sizeof *grams);
    if (!grams || !(grams->literals = calloc(count + 1, sizeof *grams->literals)) ||
        !table_open(&grams->wide, 8, STEP, count) || !table_open(&grams->narrow, 4, STEP, count) ||
        !table_open(&grams->close, 4, 1, count) || !table_open(&grams->tiny, 2, 1, count)) {
        grams_free(grams);
        return NULL;
    }
    memcpy(grams->literals, literals, count * sizeof *literals);
    for (size_t i = 0; i < count; i++) {
        struct bytes literal = literals[i].bytes;
        assert(literal.size >= GRAMS_LITERAL_MIN);
        struct table *table = table_of(grams, literal);
        size_t place = best_place(table, literal);
        for (size_t k = 0; k < table->step; k++)
            enter(table, literal, i, place + k);
    }
    if (!settle(&grams->wide) || !settle(&grams->narrow) || !settle(&grams->close) || !settle(&grams->tiny)) {
        grams_free(grams);
        return NULL;
    }
    return grams;
}

static void table_done(struct table *table)
{
    free(table->map);
    free(table->buckets);
    free(table->entries);
}

void grams_free(struct grams *grams)
{
    if (!grams)
        return;
    table_done(&grams->wide);
    table_done(&grams->narrow);
    table_done(&grams->close);
    table_done(&grams->tiny);
    free(grams->literals);
    free(grams);
}

static bool stands(const struct gram_literal *literal, const uint8_t *at)
{
    struct bytes there = bytes_of(at, literal->bytes.size);
    return literal->nocase ? bytes_equal_nocase(there, literal->bytes) : bytes_equal(there, literal->bytes);
}

struct scan {
    const struct grams *grams;
    struct bytes data;
    uint32_t *seen, turn;
    gram_hit_fn hit;
    void *context;
};

/* Some literal of `table` may have a gram at `place`. */
__attribute__((noinline)) static void look(const struct scan *scan, const struct table *table, size_t place)
{
    struct bytes data = scan->data;
    uint64_t gram = folded(word_at(data.data + place, data.size - place), table);
    const uint32_t *bucket = &table->buckets[hash(gram) >> (32 - table->bucket_bits)];
    for (uint32_t i = bucket[0]; i < bucket[1]; i++) {
        const struct entry *entry = &table->entries[i];
        if (entry->gram != gram || place < entry->place)
            continue;
        size_t start = place - entry->place;
        uint64_t mask = entry->size < 8 ? ((uint64_t)1 << 8 * entry->size) - 1 : UINT64_MAX;
        if (entry->size > data.size - start ||
            (((word_at(data.data + start, data.size - start) | FOLD) ^ entry->start) & mask))
            continue;
        if (scan->seen[entry->literal] == scan->turn ||
            !stands(&scan->grams->literals[entry->literal], data.data + start))
            continue;
        scan->seen[entry->literal] = scan->turn;
        scan->hit(scan->context, entry->literal);
    }
}

static inline bool may_stand(const struct table *table, uint64_t gram)
{
    uint32_t value = hash(gram), bits = bits_of(value);
    return (table->map[value >> table->shift] & bits) == bits;
}

/* Looks at one place after another, from `at` on. */
static void scan_places(const struct scan *scan, const struct table *table, size_t at)
{
    struct bytes data = scan->data;
    for (; at + table->gram <= data.size; at += table->step)
        if (may_stand(table, folded(word_at(data.data + at, data.size - at), table)))
            look(scan, table, at);
}

#ifdef __x86_64__
#include <immintrin.h>

/* For eight hashes: all bits set where the map has both of theirs. */
__attribute__((target("avx2"))) static inline __m256i may_stand8(const struct table *table, __m256i hashes)
{
    const __m256i low = _mm256_set1_epi32(31), one = _mm256_set1_epi32(1);
    __m256i words = _mm256_srl_epi32(hashes, _mm_cvtsi32_si128((int)table->shift));
    words = _mm256_i32gather_epi32((const int *)table->map, words, 4);
    __m256i first = _mm256_and_si256(_mm256_srli_epi32(hashes, FIRST_SHIFT), low);
    __m256i second = _mm256_and_si256(_mm256_srli_epi32(hashes, SECOND_SHIFT), low);
    words = _mm256_and_si256(_mm256_srlv_epi32(words, first), _mm256_srlv_epi32(words, second));
    return _mm256_cmpeq_epi32(_mm256_and_si256(words, one), one);
}

static void look_at(const struct scan *scan, const struct table *table, unsigned places, size_t at)
{
    for (; places; places &= places - 1)
        look(scan, table, at + (size_t)__builtin_ctz(places) * table->step);
}

/* Eight neighbouring places at once; returns where it stopped. */
__attribute__((target("avx2"))) static size_t scan_close(const struct scan *scan)
{
    const __m256i fold = _mm256_set1_epi32(0x20202020), low = _mm256_set1_epi32((int)LOW_FACTOR);
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5,
                                            6, /* each four bytes */
                                            4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10);
    const struct table *table = &scan->grams->close;
    size_t at = 0;
    for (; at + 16 <= scan->data.size; at += 8) {
        __m256i bytes = _mm256_broadcastsi128_si256(
            _mm_loadu_si128((const __m128i_u *)(scan->data.data + at)));
        bytes = _mm256_or_si256(_mm256_shuffle_epi8(bytes, spread), fold);
        __m256i maybe = may_stand8(table, _mm256_mullo_epi32(bytes, low));
        if (UNLIKELY(!_mm256_testz_si256(maybe, maybe)))
            look_at(scan, table, (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(maybe)), at);
    }
    return at;
}

/* Eight places of a step at once; returns where it stopped. */
__attribute__((target("avx2"))) static size_t scan_apart(const struct scan *scan)
{
    const __m256i fold = _mm256_set1_epi32(0x20202020), low = _mm256_set1_epi32((int)LOW_FACTOR),
                  high = _mm256_set1_epi32((int)HIGH_FACTOR);
    const struct grams *grams = scan->grams;
    size_t at = 0;
    for (; at + 36 <= scan->data.size; at += 8 * STEP) {
        const uint8_t *data = scan->data.data + at;
        __m256i here = _mm256_or_si256(_mm256_loadu_si256((const __m256i_u *)data), fold);
        __m256i next = _mm256_or_si256(_mm256_loadu_si256((const __m256i_u *)(data + 4)), fold);
        __m256i narrow = _mm256_mullo_epi32(here, low);
        __m256i wide = _mm256_add_epi32(narrow, _mm256_mullo_epi32(next, high));
        __m256i maybe_wide = may_stand8(&grams->wide, wide);
        __m256i maybe_narrow = may_stand8(&grams->narrow, narrow);
        if (LIKELY(_mm256_testz_si256(_mm256_or_si256(maybe_wide, maybe_narrow), _mm256_set1_epi32(-1))))
            continue;
        look_at(scan, &grams->wide, (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(maybe_wide)), at);
        look_at(scan, &grams->narrow, (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(maybe_narrow)), at);
    }
    return at;
}

static bool is_fast(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
static bool is_fast(void)
{
    return false;
}

static size_t scan_apart(const struct scan *scan)
{
    (void)scan;
    return 0;
}

static size_t scan_close(const struct scan *scan)
{
    return scan_apart(scan);
}
#endif

void grams_scan(const struct grams *grams, struct bytes data, uint32_t *seen, uint32_t turn, gram_hit_fn hit,
                void *context)
{
    const struct scan scan = { grams, data, seen, turn, hit, context };
    bool fast = is_fast();
    if (grams->wide.entry_count || grams->narrow.entry_count) {
        size_t at = fast ? scan_apart(&scan) : 0;
        scan_places(&scan, &grams->wide, at);
        scan_places(&scan, &grams->narrow, at);
    }
    if (grams->close.entry_count)
        scan_places(&scan, &grams->close, fast ? scan_close(&scan) : 0);
    if (grams->tiny.entry_count)
        scan_places(&scan, &grams->tiny, 0);
}
