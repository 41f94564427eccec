/* SPDX-License-Identifier: Apache-2.0 */
/* Grams find what a plain search finds: literals of all sizes, at all places, in data of all sizes. */
#include "../support/support.h"

#include "detect/grams.h"

#define LITERALS 300

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return *seed >> 33;
}

static void note(void *context, size_t literal)
{
    unsigned *found = context;
    found[literal]++;
}

static char *pool[LITERALS];

/* Every seventh is a run of one byte. */
static void make_literals(struct gram_literal *literals, size_t count, uint64_t *seed)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = GRAMS_LITERAL_MIN + next(seed) % 20, first = next(seed) % 6;
        pool[i] = malloc(size);
        assert_non_null(pool[i]);
        literals[i].nocase = i % 2;
        for (size_t k = 0; k < size; k++)
            pool[i][k] = (i % 2 ? "abc\r\0x" : "abAB\r\0")[i % 7 ? next(seed) % 6 : first];
        literals[i].bytes = bytes_of(pool[i], size);
    }
}

/* Data full of whole literals, pieces of them and noise; its end is the end of its memory. */
static uint8_t *make_data(const struct gram_literal *literals, size_t count, size_t size, uint64_t *seed)
{
    uint8_t *data = malloc(size ? size : 1);
    assert_non_null(data);
    for (size_t i = 0; i < size;) {
        struct bytes piece = literals[next(seed) % count].bytes;
        size_t take = next(seed) % 3 ? piece.size : next(seed) % piece.size + 1;
        for (size_t k = 0; k < take && i < size; k++, i++)
            data[i] = next(seed) % 4 ? piece.data[k]
                                     : (uint8_t)(piece.data[k] ^ (next(seed) % 40 ? 0 : 0x20));
    }
    return data;
}

static void check(unsigned lanes, size_t count)
{
    uint64_t seed = 7 + count;
    struct gram_literal literals[LITERALS];
    uint32_t seen[LITERALS] = { 0 };
    make_literals(literals, count, &seed);
    struct frequency *frequency = frequency_new();
    assert_non_null(frequency);
    struct grams *grams = grams_new(literals, count, frequency, lanes);
    frequency_free(frequency);
    assert_non_null(grams);
    unsigned total = 0;
    for (uint32_t turn = 1; turn < 1500; turn++) {
        size_t size = turn < 200 ? turn : next(&seed) % 400;
        uint8_t *data = make_data(literals, count, size, &seed);
        unsigned found[LITERALS] = { 0 };
        grams_scan(grams, bytes_of(data, size), seen, turn, note, found);
        for (size_t i = 0; i < count; i++) {
            struct bytes all = bytes_of(data, size);
            size_t at = literals[i].nocase ? bytes_find_nocase(all, literals[i].bytes)
                                           : bytes_find(all, literals[i].bytes);
            if (found[i] != (at != SIZE_MAX))
                fail_msg("%u lanes, turn %u: literal %zu of %zu at %zu of %zu, told %u times", lanes, turn, i,
                         count, at, size, found[i]);
            total += found[i];
        }
        free(data);
    }
    assert_true(total > 500);
    grams_free(grams);
    for (size_t i = 0; i < count; i++)
        free(pool[i]);
}

/* As many as take every way of looking; as many places at once as any processor looks at. */
static void grams_find_what_a_search_finds_once_each(void **state)
{
    static const size_t counts[] = { 1, 2, 5, 12, 40, LITERALS };
    static const unsigned lanes[] = { 1, 8, 16, 64 };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        for (size_t k = 0; k < COUNT_OF(lanes); k++)
            check(lanes[k], counts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(grams_find_what_a_search_finds_once_each) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
