/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about the dates of certificates, judged on a record made by hand. */
#include "stage.h"

#include <stdio.h>

#include "detect/set.h"
#include "proto/tls.h"

#define BEFORE 1423764447 /* 2015-02-12T18:07:27 */
#define AFTER  1739124447 /* 2025-02-09T18:07:27 */

static bool judge(const char *options, int64_t now, enum direction sender)
{
    char rule[200];
    struct stage stage;
    struct tx *tx = calloc(1, sizeof *tx + sizeof(struct tls));
    assert_non_null(tx);
    struct tls *tls = (struct tls *)(void *)tx->record;
    tls->ends[sender].has_certificate = true;
    tls->ends[sender].certificate =
        (struct certificate){ .not_before = BEFORE, .not_after = AFTER, .has_validity = true };
    tx->last = (uint64_t)now * 1000000000U;
    snprintf(rule, sizeof rule, "alert tls any any -> any any (%s; sid:1;)\n", options);
    stage_open(&stage, rule, NULL);
    if (stage.refused)
        fail_msg("%s: %s", rule, stage.reason.text);
    const struct buffer_use *use = stage.set->signatures[0]->uses;
    bool holds = use->test(use, tx, TO_CLIENT);
    stage_close(&stage);
    free(tx);
    return holds;
}

static void certificates_are_valid_from_their_first_to_their_last_second(void **state)
{
    (void)state;
    static const struct {
        int64_t now;
        bool valid, expired;
    } cases[] = {
        { BEFORE - 1, false, false }, { BEFORE, true, false },    { BEFORE + 1000, true, false },
        { AFTER, true, false },       { AFTER + 1, false, true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(judge("tls_cert_valid", cases[i].now, TO_CLIENT), cases[i].valid);
        assert_int_equal(judge("tls_cert_expired", cases[i].now, TO_CLIENT), cases[i].expired);
        assert_false(judge("tls_cert_valid", cases[i].now, TO_SERVER)); /* the other end's */
    }
}

static void dates_are_compared_with_both_ends_included(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        bool holds;
    } cases[] = {
        { "tls_cert_notafter:2025-02-09T18:07:27", true },
        { "tls_cert_notafter:2025-02-09 18:07:27", true },
        { "tls_cert_notafter:2025-02-09T18:07:26", false },
        { "tls_cert_notafter:1739124447", true },
        { "tls_cert_notafter:>2025-02-09T18:07:27", true },
        { "tls_cert_notafter:>2025-02-09T18:07:28", false },
        { "tls_cert_notafter:<2025-02-09T18:07:27", true },
        { "tls_cert_notafter:<2025-02-09T18:07:26", false },
        { "tls_cert_notafter:<2025-02-09T19", true },
        { "tls_cert_notafter:>2025-02", true },
        { "tls_cert_notafter:<2025-03", true },
        { "tls_cert_notafter:2025-02-09T18:07:27<>2026-01-01", true },
        { "tls_cert_notafter:2025-02-09T18:08<>2026-01-01", false },
        { "tls_cert_notafter: 2015-01-01 <> 2025-02-09T18:07:27", true },
        { "tls_cert_notbefore:2015-02-12T18:07:27", true },
        { "tls_cert_notbefore:>2015-02-13", false },
        { "tls_cert_notbefore:2015-02-12<>2015-02-13", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (judge(cases[i].options, BEFORE, TO_CLIENT) != cases[i].holds)
            fail_msg("%s", cases[i].options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_valid_from_their_first_to_their_last_second),
        cmocka_unit_test(dates_are_compared_with_both_ends_included),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
