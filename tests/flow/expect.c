/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include "flow/expect.h"

#define SECOND 1000000000ULL

static struct flow between(uint8_t client, uint8_t server, uint16_t port)
{
    return (struct flow){ .client = address_v4((uint8_t[]){ 10, 0, 0, client }),
                          .server = address_v4((uint8_t[]){ 10, 0, 0, server }),
                          .server_port = port,
                          .protocol = IP_TCP,
                          .id = client };
}

static struct expectations *table_of(uint32_t most, uint32_t most_of_pair)
{
    struct error error = { 0 };
    struct expect_settings settings = { .most = most, .most_of_pair = most_of_pair, .seed = 7 };
    struct expectations *table = expectations_new(&settings, &error);
    assert_non_null(table);
    return table;
}

static bool add(struct expectations *table, const struct flow *parent, uint16_t port, const char *note,
                uint64_t now)
{
    struct expectation wanted = { .server_port = port, .protocol = IP_TCP, .note = bytes_of_string(note) };
    return expect_add(table, parent, &wanted, now);
}

static void either_host_may_open_the_connection(void **state)
{
    (void)state;
    struct expectations *table = table_of(0, 0);
    struct flow parent = between(1, 2, 21), back = between(2, 1, 5000), other = between(3, 1, 5000);
    uint8_t memory[EXPECT_NOTE_MAX];
    struct expectation found;
    assert_true(add(table, &parent, 5000, "first", 0));
    assert_true(add(table, &parent, 5000, "second", 0)); /* replaces it */
    assert_int_equal(expect_count(table), 1);
    assert_false(expect_take(table, &other, 1, memory, &found));
    assert_true(expect_take(table, &back, 1, memory, &found));
    assert_true(bytes_is(found.note, "second"));
    assert_int_equal(found.parent_id, parent.id);
    assert_false(expect_take(table, &back, 1, memory, &found));
    expectations_free(table);
}

static void expectations_end_by_time_and_with_their_parent(void **state)
{
    (void)state;
    struct expectations *table = table_of(0, 0);
    struct flow parent = between(1, 2, 21), data = between(1, 2, 5000);
    uint8_t memory[EXPECT_NOTE_MAX];
    struct expectation found;
    uint64_t counts[EXPECT_COUNTER_COUNT] = { 0 };
    assert_true(add(table, &parent, 5000, "", 0));
    assert_false(expect_take(table, &data, 31 * SECOND, memory, &found));
    expect_counts(table, counts);
    assert_int_equal(counts[EXPECT_EXPIRED], 1);
    assert_true(add(table, &parent, 5000, "", 0));
    expect_forget(table, &parent);
    assert_int_equal(expect_count(table), 0);
    expectations_free(table);
}

static void a_pair_displaces_its_own_and_the_table_is_bounded(void **state)
{
    (void)state;
    struct expectations *table = table_of(3, 2);
    struct flow parent = between(1, 2, 21), other = between(3, 4, 21), data = between(1, 2, 5000);
    uint8_t memory[EXPECT_NOTE_MAX];
    struct expectation found;
    for (uint16_t port = 5000; port < 5010; port++)
        assert_true(add(table, &parent, port, "", 0));
    assert_int_equal(expect_count(table), 2);
    assert_false(expect_take(table, &data, 1, memory, &found)); /* the oldest went */
    assert_true(add(table, &other, 1, "", 0));
    assert_false(add(table, &other, 2, "", 0));
    assert_int_equal(expect_count(table), 3);
    expectations_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_host_may_open_the_connection),
        cmocka_unit_test(expectations_end_by_time_and_with_their_parent),
        cmocka_unit_test(a_pair_displaces_its_own_and_the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
