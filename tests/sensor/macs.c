/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include "flow/flow_table.h"
#include "sensor/macs.h"

static struct flow flow = { .id = 7, .client_mac = { 2, 0, 0, 0, 0, 1 }, .server_mac = { 2, 0, 0, 0, 0, 2 } };

static void note(struct macs *macs, enum direction direction, uint8_t src, uint8_t dst)
{
    uint8_t ether[14] = { 2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0 };
    struct packet packet = { .ether = bytes_of(ether, sizeof ether) };
    macs_note(macs, &flow, &packet, direction);
}

static void check(const struct macs *macs, bool of_client, const char *expected)
{
    size_t i = 0;
    for (; expected[i]; i++) {
        const uint8_t *octets = macs_get(macs, &flow, of_client, i);
        assert_non_null(octets);
        assert_int_equal(octets[5], expected[i]);
    }
    assert_null(macs_get(macs, &flow, of_client, i));
}

static void addresses_are_kept_by_side_once_each(void **state)
{
    (void)state;
    struct macs macs;
    macs_init(&macs);
    note(&macs, TO_SERVER, 1, 2);
    assert_int_equal(macs.sets.count, 0);
    check(&macs, true, "\1");
    note(&macs, TO_CLIENT, 3, 1);
    note(&macs, TO_SERVER, 4, 3);
    note(&macs, TO_SERVER, 4, 2);
    check(&macs, true, "\1\4");
    check(&macs, false, "\2\3");
    macs_forget(&macs, &flow);
    check(&macs, true, "\1");
    macs_done(&macs);
}

static void sides_change_with_the_flow(void **state)
{
    (void)state;
    struct macs macs;
    macs_init(&macs);
    note(&macs, TO_SERVER, 5, 2);
    flow_swap(&flow);
    check(&macs, true, "\2");
    check(&macs, false, "\1\5");
    note(&macs, TO_SERVER, 6, 1);
    check(&macs, true, "\2\6");
    flow_swap(&flow);
    check(&macs, true, "\1\5");
    check(&macs, false, "\2\6");
    macs_done(&macs);
}

static void more_than_are_told_are_left_out(void **state)
{
    (void)state;
    struct macs macs;
    macs_init(&macs);
    for (uint8_t i = 0; i < 50; i++)
        note(&macs, TO_SERVER, (uint8_t)(10 + i), 2);
    size_t count = 0;
    while (macs_get(&macs, &flow, true, count))
        count++;
    assert_int_equal(count, MACS_EACH_MAX);
    macs_done(&macs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_kept_by_side_once_each),
        cmocka_unit_test(sides_change_with_the_flow),
        cmocka_unit_test(more_than_are_told_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
