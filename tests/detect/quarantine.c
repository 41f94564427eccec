/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that cost too much are put aside. */
#include "stage.h"

#include "base/clock.h"

#define P(text) (text), sizeof(text) - 1

#define RULES                                                        \
    "alert tcp any any -> any any (pcre:\"/[a-y]{40}z/\"; sid:1;)\n" \
    "alert tcp any any -> any any (content:\"z\"; sid:2;)\n"         \
    "alert tcp any any -> any any (content:\"nowhere\"; sid:3;)\n"

/* Packets that cost the first rule much, until it rests or the time is over. */
static bool rests_in_time(struct stage *stage, uint64_t time)
{
    char payload[1400];
    struct quarantined quarantined;
    memset(payload, 'a', sizeof payload);
    payload[sizeof payload - 1] = 'z';
    for (uint64_t end = clock_steady() + time; clock_steady() < end;) {
        stage_packet(stage, TO_SERVER, IP_TCP, payload, sizeof payload);
        if (ruleset_quarantined(stage->set, 0, &quarantined))
            return true;
    }
    return false;
}

static void a_rule_that_takes_most_of_the_time_is_put_aside(void **state)
{
    (void)state;
    struct stage stage;
    struct ruleset_settings settings = { .quarantine = { .share = 10, .window = 20 * NS_PER_MS } };
    struct quarantined quarantined;
    stage_open_with(&stage, RULES, &settings);
    assert_true(rests_in_time(&stage, 20 * NS_PER_S));
    assert_true(ruleset_quarantined(stage.set, 0, &quarantined));
    assert_int_equal(quarantined.rule->sid, 1);
    assert_true(quarantined.share >= 10 && quarantined.share <= 100);
    assert_false(ruleset_quarantined(stage.set, 1, &quarantined));
    stage_packet(&stage, TO_SERVER, IP_TCP,
                 P("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz"));
    assert_int_equal(stage_count(&stage, 1), 0);
    assert_int_equal(stage_count(&stage, 2), 1);
    stage_close(&stage);
}

static void rules_read_anew_are_judged_again(void **state)
{
    (void)state;
    struct stage stage;
    struct ruleset_settings settings = { .quarantine = { .share = 10, .window = 20 * NS_PER_MS } };
    stage_open_with(&stage, RULES, &settings);
    assert_true(rests_in_time(&stage, 20 * NS_PER_S));
    struct stage other;
    stage_open_with(&other, RULES, &settings);
    stage_change(&stage, other.set);
    stage_packet(&stage, TO_SERVER, IP_TCP,
                 P("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz"));
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_change(&stage, stage.set);
    stage_close(&stage);
    stage_close(&other);
}

static void no_rule_is_put_aside_unless_asked_for(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, RULES, NULL);
    assert_false(rests_in_time(&stage, 200 * NS_PER_MS));
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_that_takes_most_of_the_time_is_put_aside),
        cmocka_unit_test(rules_read_anew_are_judged_again),
        cmocka_unit_test(no_rule_is_put_aside_unless_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
