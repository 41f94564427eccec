/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/pool.h"

static void an_arena_refuses_past_its_limit(void **state)
{
    (void)state;
    struct arena arena = arena_of(1000);
    assert_non_null(arena_new(&arena, 600, 8));
    assert_null(arena_new(&arena, 600, 8));
    assert_null(arena_array(&arena, SIZE_MAX / 2, 4, 8));
    assert_null(arena_copy(&arena, bytes_of("", 5000)).data);
    arena_reset(&arena);
    assert_non_null(arena_new(&arena, 1000, 1));
    arena_done(&arena);
}

static void given_memory_is_aligned_and_zero(void **state)
{
    (void)state;
    static const size_t alignments[] = { 1, 2, 4, 8, 16 };
    struct arena arena = arena_of(1 << 20);
    for (size_t i = 0; i < 2000; i++) {
        size_t alignment = alignments[i % COUNT_OF(alignments)];
        uint8_t *given = arena_new(&arena, i % 77 + 1, alignment);
        assert_non_null(given);
        assert_int_equal((uintptr_t)given % alignment, 0);
        for (size_t k = 0; k <= i % 77; k++)
            assert_int_equal(given[k], 0);
        memset(given, 0xff, i % 77 + 1);
    }
    arena_done(&arena);
}

static void an_object_goes_with_its_own_arena(void **state)
{
    (void)state;
    struct holder {
        int number;
        struct arena memory;
        uint8_t rest[];
    };
    struct holder *holder = ARENA_OWN(struct holder, sizeof *holder + 100, memory, 50, 400);
    assert_non_null(holder);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(holder->rest[i], 0);
    size_t used = holder->memory.used;
    memset(holder->rest, 0xff, 100);
    uint8_t *near = arena_new(&holder->memory, 50, 1);
    assert_non_null(near);
    assert_int_equal(holder->memory.used, used); /* still the first block */
    memset(near, 0xff, 50);
    assert_int_equal(holder->number, 0);
    assert_non_null(arena_new(&holder->memory, 350, 1));
    assert_null(arena_new(&holder->memory, 1, 1)); /* 400 besides the object */
    arena_done(&holder->memory);
}

static void a_fixed_arena_stays_in_its_memory(void **state)
{
    (void)state;
    _Alignas(16) uint8_t memory[64];
    struct arena arena = arena_fixed(memory, sizeof memory);
    assert_non_null(arena_new(&arena, 60, 1));
    assert_null(arena_new(&arena, 5, 1));
    assert_non_null(arena_new(&arena, 4, 1));
    assert_null(arena_new(&arena, 1, 1));
}

static void a_pool_recycles_and_ends(void **state)
{
    (void)state;
    struct pool pool;
    struct error error;
    void *objects[10];
    assert_true(pool_open(&pool, 40, COUNT_OF(objects), &error));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(objects); i++)
            assert_non_null(objects[i] = pool_take(&pool));
        assert_null(pool_take(&pool));
        for (size_t i = 0; i < COUNT_OF(objects); i++)
            pool_give(&pool, objects[i]);
        assert_int_equal(pool.used, 0);
    }
    pool_close(&pool);
    assert_false(pool_open(&pool, SIZE_MAX / 4, 100, &error));
}

static void a_map_finds_what_was_added(void **state)
{
    (void)state;
    struct map map = map_of(7, 500);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 500; i++) {
            bool added;
            uintptr_t *value = map_add(&map, bytes_of(&i, sizeof i), &added);
            assert_non_null(value);
            assert_true(added);
            *value = i * 3;
        }
        uint32_t extra = 500;
        assert_null(map_add(&map, bytes_of(&extra, sizeof extra), NULL));
        for (uint32_t i = 0; i < 500; i++)
            assert_int_equal(*map_find(&map, bytes_of(&i, sizeof i)), i * 3);
        size_t position = 0, count = 0;
        struct bytes key;
        uintptr_t *value;
        while (map_each(&map, &position, &key, &value))
            count++;
        assert_int_equal(count, 500);
        for (uint32_t i = 0; i < 500; i++)
            assert_true(map_remove(&map, bytes_of(&i, sizeof i)));
        assert_null(map_find(&map, bytes_of(&extra, sizeof extra)));
    }
    map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_refuses_past_its_limit),
        cmocka_unit_test(given_memory_is_aligned_and_zero),
        cmocka_unit_test(an_object_goes_with_its_own_arena),
        cmocka_unit_test(a_fixed_arena_stays_in_its_memory),
        cmocka_unit_test(a_pool_recycles_and_ends),
        cmocka_unit_test(a_map_finds_what_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
