/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include <stdio.h>

#include "proto/ranges.h"

#define SECOND 1000000000ULL

static struct ranges *table_new(void)
{
    struct error error = { 0 };
    struct ranges *table = ranges_new(3, &error);
    assert_non_null(table);
    return table;
}

static struct range *begin(struct ranges *table, const char *key, uint64_t first, uint64_t last, uint64_t now)
{
    static const struct range_limits limits = { .memory = 100000 };
    return range_begin(table, bytes_of_string(key), first, last, 10, &limits, now);
}

static struct ranged_file *add(struct ranges *table, const char *key, uint64_t first, const char *text,
                               uint64_t now)
{
    struct range *range = begin(table, key, first, first + strlen(text) - 1, now);
    for (const char *at = text; *at; at++)
        range_data(range, bytes_of(at, 1));
    return range_end(range, now);
}

static void expect_content(struct ranged_file *file, const char *wanted)
{
    char all[64] = "";
    size_t size = 0;
    uint64_t position = 0;
    struct bytes piece;
    assert_non_null(file);
    while (ranged_file_next(file, &position, &piece)) {
        assert_in_range(size + piece.size, 0, sizeof all - 1);
        memcpy(all + size, piece.data, piece.size);
        size += piece.size;
    }
    assert_string_equal(all, wanted);
    ranged_file_free(file);
}

static void parts_in_any_order_make_the_file_once(void **state)
{
    (void)state;
    struct ranges *table = table_new();
    assert_null(add(table, "a", 6, "6789", 0));
    assert_null(add(table, "b", 0, "01234", 0));
    assert_null(add(table, "a", 0, "0123", 0));
    assert_null(add(table, "a", 2, "23", 0)); /* again, and no use */
    expect_content(add(table, "a", 3, "3456", 0), "0123456789");
    expect_content(add(table, "b", 5, "56789", 0), "0123456789");
    assert_int_equal(ranges_memory(table), 0);
    assert_null(add(table, "a", 0, "0123", 0));
    ranges_free(table);
}

static void a_part_in_progress_is_waited_for(void **state)
{
    (void)state;
    struct ranges *table = table_new();
    struct range *open = begin(table, "a", 2, 4, 0);
    assert_non_null(open);
    assert_null(add(table, "a", 0, "01234", 0));
    assert_null(add(table, "a", 5, "56789", 0));
    expect_content(range_end(open, 0), "0123456789"); /* it brought nothing itself */
    ranges_free(table);
}

static void a_part_that_breaks_off_leaves_a_hole(void **state)
{
    (void)state;
    struct ranges *table = table_new();
    struct range *range = begin(table, "a", 0, 6, 0);
    range_data(range, BYTES_OF("0123"));
    assert_null(range_end(range, 0));
    assert_null(add(table, "a", 7, "789", 0));
    expect_content(add(table, "a", 4, "456", 0), "0123456789");
    ranges_free(table);
}

static void files_are_forgotten_by_time_and_bounded_in_bytes(void **state)
{
    (void)state;
    static const struct range_limits small = { .memory = 3000 };
    struct ranges *table = table_new();
    assert_null(add(table, "a", 0, "01234", 0));
    assert_null(add(table, "a", 5, "56789", 61 * SECOND));
    struct range *range = range_begin(table, BYTES_OF("c"), 0, 2999, 3000, &small, 0);
    static const uint8_t much[3000];
    range_data(range, bytes_of(much, sizeof much));
    assert_true(ranges_memory(table) < 3000);
    assert_null(range_end(range, 0));
    range = range_begin(table, BYTES_OF("d"), 0, 100, 3000, &small, 0);
    range_data(range, bytes_of(much, 2990));
    assert_null(range_end(range, 0));
    assert_true(ranges_memory(table) <= 3000);
    for (int i = 0; i < 300; i++) { /* the sweep reaches every bucket */
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        range = range_begin(table, bytes_of_string(key), 0, 1, 10, &small, 1000 * SECOND);
        ranged_file_free(range_end(range, 0));
    }
    assert_true(ranges_memory(table) <= 3000);
    ranges_free(table);
}

static void what_makes_no_sense_is_not_kept(void **state)
{
    (void)state;
    static const struct range_limits limits = { 0 };
    struct ranges *table = table_new();
    assert_null(range_begin(table, BYTES_OF("a"), 0, 9, 10, &limits, 0)); /* all of it */
    assert_null(range_begin(table, BYTES_OF("a"), 5, 4, 10, &limits, 0));
    assert_null(range_begin(table, BYTES_OF("a"), 5, 10, 10, &limits, 0));
    assert_null(range_begin(table, BYTES_NONE, 0, 1, 10, &limits, 0));
    assert_null(range_begin(table, BYTES_OF("a"), 0, 1, UINT64_MAX, &limits, 0));
    range_data(NULL, BYTES_OF("x"));
    assert_null(range_end(NULL, 0));
    assert_int_equal(ranges_memory(table), 0);
    ranges_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_in_any_order_make_the_file_once),
        cmocka_unit_test(a_part_in_progress_is_waited_for),
        cmocka_unit_test(a_part_that_breaks_off_leaves_a_hole),
        cmocka_unit_test(files_are_forgotten_by_time_and_bounded_in_bytes),
        cmocka_unit_test(what_makes_no_sense_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
