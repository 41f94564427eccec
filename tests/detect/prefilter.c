/* SPDX-License-Identifier: Apache-2.0 */
/* Prefilters only save work: with and without them the same rules match. */
#include "stage.h"

static const char rules[] =
    "alert udp any any -> any any (content:\"abcd\"; sid:1;)\n"
    "alert udp any any -> any any (content:\"ABcd\"; nocase; sid:2;)\n"
    "alert udp any any -> any any (content:\"ab\"; content:\"cd\"; distance:1; within:4; sid:3;)\n"
    "alert udp any any -> any any (content:\"dcba\"; content:!\"aa\"; sid:4;)\n"
    "alert udp any any -> any any (content:!\"abc\"; sid:5;)\n"
    "alert udp any any -> any any (content:\"bcda\"; endswith; sid:6;)\n"
    "alert udp any any -> any any (content:\"cdab\"; offset:2; depth:20; sid:7;)\n"
    "alert udp any any -> any any (content:\"aabb\"; fast_pattern:1,2; content:\"dd\"; sid:8;)\n"
    "alert udp any any -> any any (content:\"|00 00|abc\"; sid:9;)\n"
    "alert udp any any -> any any (pcre:\"/ab+c/\"; content:\"bbcc\"; sid:10;)\n"
    "alert udp any any -> any any (flow:to_client; content:\"acac\"; sid:11;)\n"
    "alert udp any any -> any any (content:\"abab\"; byte_test:1,=,0x63,0,relative; sid:12;)\n"
    "alert ip any any -> any any (content:\"adad\"; sid:13;)\n"
    /* Only some of them concern the flow at hand, which is to port 80. */
    "alert udp any any -> any 80 (content:\"acbd\"; sid:14;)\n"
    "alert udp any 80 -> any any (content:\"dbca\"; sid:15;)\n"
    "alert udp any any -> any 53 (content:\"abca\"; sid:16;)\n"
    "alert udp any any -> 203.0.113.0/24 any (content:\"dacb\"; sid:17;)\n"
    "alert udp any any -> any [25,110,143] (content:\"badc\"; depth:9; sid:18;)\n";

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return *seed >> 33;
}

static void the_same_rules_match_without_prefilters(void **state)
{
    (void)state;
    struct stage fast, slow;
    stage_open(&fast, rules, NULL);
    stage_open_plain(&slow, rules);
    assert_int_equal(fast.refused, 0);
    uint64_t seed = 42;
    unsigned matches[19] = { 0 };
    for (int round = 0; round < 4000; round++) {
        char payload[64];
        size_t size = next(&seed) % sizeof payload;
        for (size_t i = 0; i < size; i++)
            payload[i] = "abcdABCD\0"[next(&seed) % (round % 3 ? 4 : 9)];
        enum direction direction = next(&seed) % 2 ? TO_SERVER : TO_CLIENT;
        stage_packet(&fast, direction, IP_UDP, payload, size);
        stage_packet(&slow, direction, IP_UDP, payload, size);
        for (uint32_t sid = 1; sid <= 18; sid++) {
            if (stage_count(&fast, sid) != stage_count(&slow, sid))
                fail_msg("round %d: rule %u", round, sid);
            matches[sid] += stage_count(&fast, sid);
        }
    }
    for (uint32_t sid = 1; sid <= 18; sid++)
        if ((sid < 16 && sid != 9) != (matches[sid] != 0))
            fail_msg("rule %u matched %u times", sid, matches[sid]);
    stage_close(&fast);
    stage_close(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_same_rules_match_without_prefilters) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
