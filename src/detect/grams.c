/* SPDX-License-Identifier: Apache-2.0 */
/* Many literals at once; see grams.h. */
#include "detect/grams.h"

#include <assert.h>
#include <stdlib.h>

#include "detect/sieve.h"

#define STEP_MAX 4U /* from one place to the next */
#define MAP_BITS 18 /* of a bitmap's index at most: 32 KiB */
#define NO_ENTRY UINT32_MAX

struct entry {
    uint64_t gram;  /* folded */
    uint64_t start; /* the literal's first bytes, folded, as many as there are up to eight */
    uint32_t literal;
    uint16_t place; /* of the gram in the literal */
    uint16_t size;  /* of the literal */
};

/* Literals with grams of one size, looked for at every `step`th place. */
struct table {
    uint32_t *map;
    unsigned shift; /* a hash down to the index of a word of the map */
    uint64_t mask;  /* the bytes of a gram, of eight that are read */
    unsigned gram, step, bucket_bits;
    uint32_t *buckets; /* index of a bucket's first entry; the next bucket's is its end */
    uint32_t *next;    /* while it is built: an entry's next one of the same bucket, or NO_ENTRY */
    struct entry *entries;
    size_t entry_count;
};

/* What is rare enough is found at every fourth place by four of its bytes, else by eight, where the literal
 * has the room for four such grams; short ones at every second place by three bytes. What is too short for
 * that, or full of padding, has one gram that is looked for at every place; the tiny ones have two bytes.
 * Where there is a sieve, it takes what has grams of four or three bytes at every place, which is cheap then.
 */
enum { NARROW, WIDE, PAIRS, CLOSE, SMALL, TINY, RUNS, TABLES, ALONE = TABLES, SHAPES };
static const struct {
    uint8_t gram, step;
} shapes[TABLES] = { [NARROW] = { 4, 4 }, [WIDE] = { 8, 4 }, [PAIRS] = { 3, 2 }, [CLOSE] = { 4, 1 },
                     [SMALL] = { 3, 1 },  [TINY] = { 2, 1 }, [RUNS] = { 4, 1 } };

#define ALONE_MAX 6U

struct grams {
    struct table tables[TABLES];
    struct sieve *sieve; /* of what tables CLOSE and SMALL have, or NULL */
    unsigned lanes;      /* places looked at together: 1, 8, 16; 64 with a sieve */
    struct gram_literal *literals;
    uint32_t alone[ALONE_MAX];
    size_t alone_count;
};

/* Letters count as lower case; so do a few signs, which does no harm. */
static inline uint64_t fold(uint64_t word)
{
    return word | (word & 0x4040404040404040U) >> 1;
}

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
    return fold(word) & table->mask;
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

/* What having this gram in the map costs: how often it is met, and how many literals share it. */
static double cost_of(const struct frequency *frequency, const struct table *table, const uint8_t *at)
{
    unsigned shared = 0;
    uint64_t gram = folded(word_at(at, table->gram), table);
    for (uint32_t i = table->buckets[hash(gram) >> (32 - table->bucket_bits)]; i != NO_ENTRY;
         i = table->next[i])
        shared += table->entries[i].gram == gram;
    return frequency_of(frequency, at, table->gram) * (1 + shared * shared / 4.0);
}

/* The first of the neighbouring grams, as many as a step is wide, that cost least together. */
static size_t best_place(const struct frequency *frequency, const struct table *table, struct bytes literal)
{
    size_t best = 0, step = table->step;
    double least = 1e18, costs[STEP_MAX] = { 0 };
    for (size_t i = 0; i + table->gram <= literal.size; i++) {
        costs[i % step] = cost_of(frequency, table, literal.data + i);
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
                                                         .start = fold(word_at(bytes.data, bytes.size)),
                                                         .literal = (uint32_t)literal,
                                                         .place = (uint16_t)place,
                                                         .size = (uint16_t)bytes.size };
    table->next[table->entry_count] = *bucket;
    *bucket = (uint32_t)table->entry_count++;
}

/* `count` literals are going to be entered. */
static bool table_open(struct table *table, unsigned gram, unsigned step, size_t count)
{
    size_t entries = count * step;
    if (!count)
        return true;
    table->gram = gram;
    table->step = step;
    table->mask = gram == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * gram) - 1;
    table->bucket_bits = 4;
    while (table->bucket_bits < 20 && (size_t)1 << table->bucket_bits < entries * 2)
        table->bucket_bits++;
    unsigned map_bits = MIN(table->bucket_bits + 6, (unsigned)MAP_BITS);
    table->shift = 32 - (map_bits - 5);
    table->map = calloc((size_t)1 << (map_bits - 5), sizeof *table->map);
    table->buckets = malloc(sizeof *table->buckets * (((size_t)1 << table->bucket_bits) + 1));
    table->entries = calloc(entries, sizeof *table->entries);
    table->next = calloc(entries, sizeof *table->next);
    if (table->buckets)
        memset(table->buckets, 0xff, sizeof *table->buckets << table->bucket_bits);
    return table->map && table->buckets && table->entries && table->next;
}

/* Puts the entries of a bucket side by side. */
static bool settle(struct table *table)
{
    size_t buckets = (size_t)1 << table->bucket_bits;
    if (!table->entry_count)
        return true;
    struct entry *sorted = calloc(table->entry_count, sizeof *sorted);
    uint32_t count = 0;
    for (size_t b = 0; sorted && b < buckets; b++) {
        uint32_t first = count;
        for (uint32_t i = table->buckets[b]; i != NO_ENTRY; i = table->next[i])
            sorted[count++] = table->entries[i];
        table->buckets[b] = first;
    }
    if (!sorted)
        return false;
    table->buckets[buckets] = count;
    free(table->entries);
    free(table->next);
    table->entries = sorted;
    table->next = NULL;
    return true;
}

/* The least that the neighbouring grams of a shape are met together. */
static double least_often(const struct frequency *frequency, struct bytes literal, unsigned shape)
{
    unsigned gram = shapes[shape].gram, step = shapes[shape].step;
    double often[STEP_MAX] = { 0 }, least = FREQUENCY_NEVER;
    for (size_t i = 0; i + gram <= literal.size; i++) {
        often[i % step] = frequency_of(frequency, literal.data + i, gram);
        if (i + 1 >= step)
            least = MIN(least, often[0] + often[1] + often[2] + often[3]);
    }
    return least;
}

#define SHARE     0.03 /* of places: how often grams of four bytes may be met, all literals taken together */
#define TOO_OFTEN 0.05

/* One byte again and again. Letters without case are not: they need not look alike. */
static bool is_run(const struct gram_literal *literal)
{
    struct bytes bytes = literal->bytes;
    for (size_t i = 1; i < bytes.size; i++)
        if (bytes.data[i] != bytes.data[0])
            return false;
    uint8_t lower = byte_lower(bytes.data[0]);
    return bytes.size >= shapes[RUNS].gram && !(literal->nocase && lower >= 'a' && lower <= 'z');
}

static unsigned shape_of(const struct frequency *frequency, const struct gram_literal *literal, size_t count)
{
    struct bytes bytes = literal->bytes;
    if (is_run(literal))
        return RUNS;
    double narrow = least_often(frequency, bytes, NARROW);
    if (narrow < SHARE / (double)count)
        return NARROW;
    double pairs = least_often(frequency, bytes, PAIRS);
    if (least_often(frequency, bytes, WIDE) < TOO_OFTEN)
        return WIDE;
    if (narrow < TOO_OFTEN && narrow < pairs * 2)
        return NARROW;
    if (bytes.size >= 4)
        return pairs < 1 ? PAIRS : CLOSE;
    return TINY;
}

static void turn_into(uint8_t *shape, size_t count, size_t *counts, unsigned from, unsigned to)
{
    for (size_t i = 0; i < count; i++)
        if (shape[i] == from)
            shape[i] = (uint8_t)to;
    counts[to] += counts[from];
    counts[from] = 0;
}

#define WIDE_SPARED \
    0.04 /* of places: what looking at them for the wide ones, too, may add before it costs more */

/* How often the narrow grams of those that have wide ones would be met. */
static double narrow_cost(const struct frequency *frequency, const struct grams *grams, const uint8_t *shape,
                          size_t count)
{
    double cost = 0;
    for (size_t i = 0; i < count; i++)
        if (shape[i] == WIDE)
            cost += least_often(frequency, grams->literals[i].bytes, NARROW);
    return cost;
}

/* Where every place is looked at anyway, every second one would only be more work. */
static void choose_shapes(const struct frequency *frequency, const struct grams *grams, uint8_t *shape,
                          size_t count, size_t *counts)
{
    for (size_t i = 0; i < count; i++)
        counts[shape[i] = (uint8_t)shape_of(frequency, &grams->literals[i], count)]++;
    if (counts[WIDE] && narrow_cost(frequency, grams, shape, count) < WIDE_SPARED)
        turn_into(shape, count, counts, WIDE, NARROW);
    if (counts[CLOSE] + counts[TINY] > ALONE_MAX && counts[CLOSE])
        turn_into(shape, count, counts, PAIRS, CLOSE);
}

#define SIEVED_MAX 192U   /* literals in a sieve; more would be let through too often */
#define SPARED_MIN 1e-5   /* of places: what a literal must spare to be one of them */
#define SIEVE_COST 0.0044 /* of places: looks that cost as much as a sieve does */

struct spared {
    double looks; /* of places, that a sieve spares */
    uint32_t literal;
};

static int most_first(const void *a, const void *b)
{
    const struct spared *x = a, *y = b;
    return x->looks > y->looks ? -1 : x->looks < y->looks;
}

/* The shape of a literal beside a sieve; how many looks it would spare to have it there. */
static unsigned shape_beside_sieve(const struct frequency *frequency, const struct gram_literal *literal,
                                   size_t count, double *spared)
{
    struct bytes bytes = literal->bytes;
    *spared = FREQUENCY_NEVER;
    if (is_run(literal))
        return RUNS;
    if (bytes.size < shapes[CLOSE].gram)
        return bytes.size < shapes[SMALL].gram ? TINY : SMALL;
    double narrow = least_often(frequency, bytes, NARROW), wide = least_often(frequency, bytes, WIDE);
    if (MIN(narrow, wide) >= FREQUENCY_NEVER)
        return CLOSE;
    unsigned shape = narrow < SHARE / (double)count || narrow <= wide ? NARROW : WIDE;
    *spared = (shape == WIDE ? wide : narrow) / shapes[shape].step - least_often(frequency, bytes, CLOSE);
    return shape;
}

/* A few literals are all in the sieve; of many, what is too short for other shapes and what would be met
 * most. */
static bool choose_sieved(const struct frequency *frequency, const struct grams *grams, uint8_t *shape,
                          size_t count, size_t *counts)
{
    struct spared *list = calloc(count + 1, sizeof *list);
    size_t listed = 0, in = 0;
    double sum = 0;
    if (!list)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct spared spared = { 0, (uint32_t)i };
        counts[shape[i] = (uint8_t)shape_beside_sieve(frequency, &grams->literals[i], count,
                                                      &spared.looks)]++;
        if (spared.looks < FREQUENCY_NEVER)
            list[listed++] = spared;
    }
    if (counts[WIDE] && narrow_cost(frequency, grams, shape, count) < WIDE_SPARED)
        turn_into(shape, count, counts, WIDE, NARROW);
    in = counts[CLOSE] + counts[SMALL];
    qsort(list, listed, sizeof *list, most_first);
    for (size_t i = 0; i < listed && in + i < SIEVED_MAX && list[i].looks > SPARED_MIN; i++)
        sum += list[i].looks;
    bool all = in && in + listed <= SIEVED_MAX;
    for (size_t i = 0; i < listed && in < SIEVED_MAX && (in || sum > SIEVE_COST); i++) {
        if (!all && list[i].looks <= SPARED_MIN)
            break;
        counts[shape[list[i].literal]]--;
        counts[shape[list[i].literal] = CLOSE]++;
        in++;
    }
    free(list);
    return true;
}

static bool fill(struct grams *grams, const struct frequency *frequency, uint8_t *shape, size_t count)
{
    size_t counts[SHAPES] = { 0 };
    if (grams->lanes < SIEVE_PLACES)
        choose_shapes(frequency, grams, shape, count, counts);
    else if (!choose_sieved(frequency, grams, shape, count, counts))
        return false;
    if (counts[CLOSE] + counts[SMALL] + counts[TINY] <= ALONE_MAX)
        for (unsigned t = CLOSE; t <= TINY; t++)
            turn_into(shape, count, counts, t, ALONE);
    for (unsigned t = 0; t < TABLES; t++)
        if (!table_open(&grams->tables[t], shapes[t].gram, shapes[t].step, counts[t]))
            return false;
    if (counts[CLOSE] + counts[SMALL] && grams->lanes == SIEVE_PLACES && !(grams->sieve = sieve_new()))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (shape[i] == ALONE) {
            grams->alone[grams->alone_count++] = (uint32_t)i;
            continue;
        }
        struct table *table = &grams->tables[shape[i]];
        size_t place = best_place(frequency, table, grams->literals[i].bytes);
        for (size_t k = 0; k < table->step; k++)
            enter(table, grams->literals[i].bytes, i, place + k);
        if (grams->sieve && (shape[i] == CLOSE || shape[i] == SMALL))
            sieve_enter(grams->sieve, grams->literals[i].bytes.data + place, table->gram);
    }
    for (unsigned t = 0; t < TABLES; t++)
        if (!settle(&grams->tables[t]))
            return false;
    return true;
}

/* Places that this processor looks at together. */
static unsigned widest(void);

struct grams *grams_new(const struct gram_literal *literals, size_t count, const struct frequency *frequency,
                        unsigned lanes)
{
    struct grams *grams = calloc(1, sizeof *grams);
    uint8_t *shape = malloc(count + 1);
    bool done = grams && shape && (grams->literals = calloc(count + 1, sizeof *grams->literals));
    if (grams)
        grams->lanes = MIN(lanes, widest());
    for (size_t i = 0; done && i < count; i++) {
        assert(literals[i].bytes.size >= GRAMS_LITERAL_MIN && literals[i].bytes.size <= UINT16_MAX);
        grams->literals[i] = literals[i];
    }
    done = done && fill(grams, frequency, shape, count);
    free(shape);
    if (done)
        return grams;
    grams_free(grams);
    return NULL;
}

static void table_done(struct table *table)
{
    free(table->map);
    free(table->buckets);
    free(table->next);
    free(table->entries);
}

void grams_free(struct grams *grams)
{
    if (!grams)
        return;
    for (unsigned t = 0; t < TABLES; t++)
        table_done(&grams->tables[t]);
    sieve_free(grams->sieve);
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
        if (entry->gram != gram || place < entry->place || scan->seen[entry->literal] == scan->turn)
            continue;
        size_t start = place - entry->place;
        uint64_t mask = entry->size < 8 ? ((uint64_t)1 << 8 * entry->size) - 1 : UINT64_MAX;
        if (entry->size > data.size - start ||
            ((fold(word_at(data.data + start, data.size - start)) ^ entry->start) & mask))
            continue;
        if (!stands(&scan->grams->literals[entry->literal], data.data + start))
            continue;
        scan->seen[entry->literal] = scan->turn;
        scan->hit(scan->context, entry->literal);
    }
}

/* Where every place is looked at, what stands in a run of one byte stands at its beginning: only literals of
 * nothing but that byte have such a gram. */
static bool goes_on(const struct scan *scan, const struct table *table, size_t place)
{
    const uint8_t *data = scan->data.data + place;
    return table->step == 1 && place && data[-1] == data[0] && memcmp(data - 1, data, table->gram) == 0;
}

static inline bool may_stand(const struct table *table, uint64_t gram)
{
    uint32_t value = hash(gram), bits = bits_of(value);
    return (table->map[value >> table->shift] & bits) == bits;
}

static inline void look_into(const struct scan *scan, const struct table *table, size_t place)
{
    size_t left = scan->data.size - place;
    if (table->entry_count && table->gram <= left &&
        may_stand(table, folded(word_at(scan->data.data + place, left), table)) &&
        !goes_on(scan, table, place))
        look(scan, table, place);
}

/* Looks at one place after another. */
static void scan_places(const struct scan *scan, const struct table *table)
{
    struct bytes data = scan->data;
    for (size_t at = 0; at + table->gram <= data.size; at += table->step)
        look_into(scan, table, at);
}

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2   __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw")))

AVX2 static inline __m256i fold8(__m256i words)
{
    return _mm256_or_si256(words, _mm256_srli_epi32(_mm256_and_si256(words, _mm256_set1_epi8(0x40)), 1));
}

/* For eight hashes: all bits set where the map has both of theirs. */
AVX2 static inline __m256i may_stand8(const struct table *table, __m256i hashes)
{
    const __m256i low = _mm256_set1_epi32(31), one = _mm256_set1_epi32(1);
    __m256i words = _mm256_srl_epi32(hashes, _mm_cvtsi32_si128((int)table->shift));
    words = _mm256_i32gather_epi32((const int *)table->map, words, 4);
    __m256i first = _mm256_and_si256(_mm256_srli_epi32(hashes, FIRST_SHIFT), low);
    __m256i second = _mm256_and_si256(_mm256_srli_epi32(hashes, SECOND_SHIFT), low);
    words = _mm256_and_si256(_mm256_srlv_epi32(words, first), _mm256_srlv_epi32(words, second));
    return _mm256_cmpeq_epi32(_mm256_and_si256(words, one), one);
}

/* Which of 16 bytes make four words, each `step` after the other. */
#define EVERY  0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6
#define SECOND 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9

/* Four bytes from each of eight places, `step` apart. */
AVX2 static inline __m256i words8(const uint8_t *data, unsigned step)
{
    if (step == 4)
        return _mm256_loadu_si256((const __m256i_u *)data);
    __m128i near = _mm_loadu_si128((const __m128i_u *)data);
    __m128i far = _mm_loadu_si128((const __m128i_u *)(data + (size_t)step * 4));
    __m256i lanes = _mm256_inserti128_si256(_mm256_castsi128_si256(near), far, 1);
    return _mm256_shuffle_epi8(lanes,
                               step == 1 ? _mm256_setr_epi8(EVERY, EVERY) : _mm256_setr_epi8(SECOND, SECOND));
}

/* Bit per place, of eight from `data` on: it is worth a look. */
AVX2 static inline unsigned worth8(const struct table *table, const uint8_t *data, unsigned step,
                                   unsigned gram)
{
    __m256i words = fold8(words8(data, step));
    if (gram < 4)
        words = _mm256_and_si256(words, _mm256_set1_epi32((int)table->mask));
    __m256i hashes = _mm256_mullo_epi32(words, _mm256_set1_epi32((int)LOW_FACTOR));
    if (gram == 8) {
        __m256i after = fold8(words8(data + 4, step));
        hashes = _mm256_add_epi32(hashes, _mm256_mullo_epi32(after, _mm256_set1_epi32((int)HIGH_FACTOR)));
    }
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(may_stand8(table, hashes)));
}

/* The same for sixteen. */
AVX512 static inline __m512i fold16(__m512i words)
{
    return _mm512_or_si512(words, _mm512_srli_epi32(_mm512_and_si512(words, _mm512_set1_epi8(0x40)), 1));
}

AVX512 static inline unsigned may_stand16(const struct table *table, __m512i hashes)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512i words = _mm512_srl_epi32(hashes, _mm_cvtsi32_si128((int)table->shift));
    words = _mm512_i32gather_epi32(words, table->map, 4);
    __m512i bits = _mm512_or_si512(_mm512_rolv_epi32(one, _mm512_srli_epi32(hashes, FIRST_SHIFT)),
                                   _mm512_rolv_epi32(one, _mm512_srli_epi32(hashes, SECOND_SHIFT)));
    return _mm512_cmpeq_epi32_mask(_mm512_and_si512(words, bits), bits);
}

/* Up to 64 bytes; those that are not there are zero. */
AVX512 static inline __m512i bytes64(const uint8_t *data, size_t left)
{
    return left >= 64 ? _mm512_loadu_si512(data) : _mm512_maskz_loadu_epi8(((uint64_t)1 << left) - 1, data);
}

AVX512 static inline __m512i words16(__m512i bytes, unsigned step)
{
    if (step == 4)
        return bytes;
    const __m512i near = _mm512_setr_epi32(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6);
    const __m512i apart = _mm512_setr_epi32(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9);
    __m128i order = step == 1 ? _mm_setr_epi8(EVERY) : _mm_setr_epi8(SECOND);
    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(step == 1 ? near : apart, bytes),
                               _mm512_broadcast_i32x4(order));
}

AVX512 static inline unsigned worth16(const struct table *table, const uint8_t *data, size_t left,
                                      unsigned step, unsigned gram)
{
    __m512i words = fold16(words16(bytes64(data, left), step));
    if (gram < 4)
        words = _mm512_and_si512(words, _mm512_set1_epi32((int)table->mask));
    __m512i hashes = _mm512_mullo_epi32(words, _mm512_set1_epi32((int)LOW_FACTOR));
    if (gram == 8) {
        __m512i after = fold16(words16(bytes64(data + 4, left - 4), step));
        hashes = _mm512_add_epi32(hashes, _mm512_mullo_epi32(after, _mm512_set1_epi32((int)HIGH_FACTOR)));
    }
    return may_stand16(table, hashes);
}

static void look_at(const struct scan *scan, const struct table *table, uint64_t places, size_t at)
{
    for (; places; places &= places - 1) {
        size_t place = at + (size_t)__builtin_ctzll(places) * table->step;
        if (place + table->gram <= scan->data.size && !goes_on(scan, table, place))
            look(scan, table, place);
    }
}

#define REST_MAX 36U /* bytes that are needed for eight places */

/* Eight places at once, for which 36 bytes are read; what is left at the end is looked at in a copy. */
AVX2 static inline __attribute__((always_inline)) void sweep8(const struct scan *scan,
                                                              const struct table *table, unsigned shape)
{
    const unsigned step = shapes[shape].step, gram = shapes[shape].gram;
    struct bytes data = scan->data;
    size_t at = 0;
    for (; at + REST_MAX <= data.size; at += (size_t)8 * step) {
        unsigned places = worth8(table, data.data + at, step, gram);
        if (UNLIKELY(places))
            look_at(scan, table, places, at);
    }
    if (at + gram > data.size)
        return;
    uint8_t rest[2 * REST_MAX] = { 0 };
    memcpy(rest, data.data + at, data.size - at);
    for (const uint8_t *from = rest; at + gram <= data.size; at += (size_t)8 * step, from += 8 * step)
        look_at(scan, table, worth8(table, from, step, gram), at);
}

/* Sixteen at once; the end is read as far as it goes. */
AVX512 static inline __attribute__((always_inline)) void sweep16(const struct scan *scan,
                                                                 const struct table *table, unsigned shape)
{
    const unsigned step = shapes[shape].step, gram = shapes[shape].gram;
    const uint8_t *data = scan->data.data;
    size_t at = 0, size = scan->data.size;
    for (; at + 68 <= size; at += (size_t)16 * step) {
        unsigned places = worth16(table, data + at, 68, step, gram);
        if (UNLIKELY(places))
            look_at(scan, table, places, at);
    }
    for (; at + gram <= size; at += (size_t)16 * step)
        look_at(scan, table, worth16(table, data + at, size - at, step, gram), at);
}

/* Where four equal bytes begin, 32 places at once. */
AVX2 static inline unsigned runs32(const uint8_t *data)
{
    __m256i a = _mm256_loadu_si256((const __m256i_u *)data);
    __m256i b = _mm256_loadu_si256((const __m256i_u *)(data + 1));
    __m256i c = _mm256_loadu_si256((const __m256i_u *)(data + 2));
    __m256i d = _mm256_loadu_si256((const __m256i_u *)(data + 3));
    __m256i same = _mm256_and_si256(_mm256_cmpeq_epi8(a, b), _mm256_cmpeq_epi8(c, d));
    unsigned places = (unsigned)_mm256_movemask_epi8(_mm256_and_si256(same, _mm256_cmpeq_epi8(b, c)));
    return places & ~(places << 1);
}

AVX2 static void scan_runs(const struct scan *scan, const struct table *table)
{
    struct bytes data = scan->data;
    size_t at = 0;
    for (; at + 36 <= data.size; at += 32) {
        unsigned places = runs32(data.data + at);
        if (UNLIKELY(places))
            look_at(scan, table, places, at);
    }
    uint8_t rest[2 * REST_MAX] = { 0 };
    memcpy(rest, data.data + at, data.size - at);
    look_at(scan, table, runs32(rest), at);
    if (data.size - at > 32)
        look_at(scan, table, runs32(rest + 32), at + 32);
}

/* The same, 64 places at once. */
AVX512 static void scan_runs64(const struct scan *scan, const struct table *table)
{
    const uint8_t *data = scan->data.data;
    uint64_t before = 0; /* bit 0: the place before is the beginning of one, too */
    for (size_t at = 0, size = scan->data.size; at + 4 <= size; at += 64) {
        size_t left = size - at;
        __m512i a = bytes64(data + at, left), b = bytes64(data + at + 1, left - 1),
                c = bytes64(data + at + 2, left - 2), d = bytes64(data + at + 3, left - 3);
        uint64_t there = left >= 67 ? ~(uint64_t)0 : ((uint64_t)1 << (left - 3)) - 1;
        there = _mm512_mask_cmpeq_epi8_mask(there, a, b);
        there = _mm512_mask_cmpeq_epi8_mask(there, b, c);
        there = _mm512_mask_cmpeq_epi8_mask(there, c, d);
        uint64_t begins = there & ~(there << 1 | before);
        before = there >> 63;
        for (; UNLIKELY(begins); begins &= begins - 1)
            look(scan, table, at + (size_t)__builtin_ctzll(begins));
    }
}

AVX2 static void scan8(const struct scan *scan, const struct table *table, unsigned shape)
{
    if (shape == NARROW)
        sweep8(scan, table, NARROW);
    else if (shape == WIDE)
        sweep8(scan, table, WIDE);
    else if (shape == PAIRS)
        sweep8(scan, table, PAIRS);
    else if (shape == CLOSE)
        sweep8(scan, table, CLOSE);
    else if (shape == SMALL)
        sweep8(scan, table, SMALL);
    else if (shape == TINY)
        sweep8(scan, table, TINY);
    else
        scan_runs(scan, table);
}

AVX512 static void scan16(const struct scan *scan, const struct table *table, unsigned shape)
{
    if (shape == NARROW)
        sweep16(scan, table, NARROW);
    else if (shape == WIDE)
        sweep16(scan, table, WIDE);
    else if (shape == PAIRS)
        sweep16(scan, table, PAIRS);
    else if (shape == CLOSE)
        sweep16(scan, table, CLOSE);
    else if (shape == SMALL)
        sweep16(scan, table, SMALL);
    else if (shape == TINY)
        sweep16(scan, table, TINY);
    else
        scan_runs64(scan, table);
}

/* What the sieve lets through is looked up in the maps. */
static void scan_sieve(const struct scan *scan, const struct table *close, const struct table *small)
{
    struct bytes data = scan->data;
    size_t at = 0;
    for (uint64_t places; (places = sieve_next(scan->grams->sieve, data, &at)); at += SIEVE_PLACES)
        for (; places; places &= places - 1) {
            size_t place = at + (size_t)__builtin_ctzll(places);
            look_into(scan, close, place);
            look_into(scan, small, place);
        }
}

static unsigned widest(void)
{
    return sieve_possible()                     ? 64
           : __builtin_cpu_supports("avx512bw") ? 16
           : __builtin_cpu_supports("avx2")     ? 8
                                                : 1;
}

static void scan_table(const struct scan *scan, const struct table *table, unsigned shape)
{
    if (scan->grams->lanes >= 16)
        scan16(scan, table, shape);
    else if (scan->grams->lanes >= 8)
        scan8(scan, table, shape);
    else
        scan_places(scan, table);
}
#else
static unsigned widest(void)
{
    return 1;
}

static void scan_table(const struct scan *scan, const struct table *table, unsigned shape)
{
    (void)shape;
    scan_places(scan, table);
}
#endif

static void search_alone(const struct scan *scan, uint32_t number)
{
    const struct gram_literal *literal = &scan->grams->literals[number];
    if ((literal->nocase ? bytes_find_nocase(scan->data, literal->bytes)
                         : bytes_find(scan->data, literal->bytes)) != SIZE_MAX)
        scan->hit(scan->context, number);
}

void grams_scan(const struct grams *grams, struct bytes data, uint32_t *seen, uint32_t turn, gram_hit_fn hit,
                void *context)
{
    const struct scan scan = { grams, data, seen, turn, hit, context };
    for (unsigned t = 0; t < TABLES; t++) {
        const struct table *table = &grams->tables[t];
        if (table->entry_count && !(grams->sieve && (t == CLOSE || t == SMALL)))
            scan_table(&scan, table, t);
    }
    if (grams->sieve)
        scan_sieve(&scan, &grams->tables[CLOSE], &grams->tables[SMALL]);
    for (size_t i = 0; i < grams->alone_count; i++)
        search_alone(&scan, grams->alone[i]);
}
