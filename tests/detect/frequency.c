/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen in traffic is known to be frequent, what was seen long ago fades. */
#include "../support/support.h"

#include "detect/frequency.h"

static double of(const struct frequency *frequency, const char *group)
{
    return frequency_of(frequency, (const uint8_t *)group, (unsigned)strlen(group));
}

static void words_of_markup_are_more_frequent_than_noise(void **state)
{
    (void)state;
    struct frequency *frequency = frequency_new();
    assert_non_null(frequency);
    assert_true(of(frequency, "http") > 100 * of(frequency, "x~9;"));
    assert_true(of(frequency, "AAAA") >= FREQUENCY_NEVER);
    assert_true(frequency_is_text(bytes_of_string("Content-Type: ")));
    assert_false(frequency_is_text(bytes_of_string("Content-Zype: ")));
    frequency_free(frequency);
}

static void what_was_seen_is_frequent_and_fades(void **state)
{
    (void)state;
    struct frequency *frequency = frequency_new();
    assert_non_null(frequency);
    const char *rare = "zq#8zq#9", *other = "wk!5wk!6";
    double before = of(frequency, "q#8z"), whole = of(frequency, rare);
    for (unsigned i = 0; i < 10000; i++)
        frequency_learn(frequency, bytes_of_string(rare));
    assert_true(of(frequency, "q#8z") > 1000 * before);
    assert_true(of(frequency, "Q#8Z") > 1000 * before); /* in either case */
    assert_true(of(frequency, rare) > 1000 * whole);
    double seen = of(frequency, "q#8z");
    for (unsigned i = 0; i < 1000000; i++)
        frequency_learn(frequency, bytes_of_string(other));
    assert_true(of(frequency, "q#8z") < seen / 10);
    assert_true(of(frequency, "k!5w") > 100 * of(frequency, "q#8z"));
    frequency_free(frequency);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words_of_markup_are_more_frequent_than_noise),
                                        cmocka_unit_test(what_was_seen_is_frequent_and_fades) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
