/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that cost too much are put aside until the rules are read again.
 *
 * About every 32nd judging of a rule is timed, so that what a rule costs is known closely over a window of
 * seconds at a price that does not show. Workers measure for themselves; what one puts aside rests for all of
 * them, and as soon as one worker's core is held up. Private to detect. */
#ifndef VONGLAU_DETECT_QUARANTINE_H
#define VONGLAU_DETECT_QUARANTINE_H

#include <stdatomic.h>

#include "detect/rule.h"

struct quarantine; /* of a rule set */

/* NULL: memory is short. */
MUST_CHECK struct quarantine *quarantine_new(const struct quarantine_settings *settings, size_t rule_count);
void quarantine_free(struct quarantine *quarantine);
/* By rule: it rests. */
const _Atomic bool *quarantine_aside(const struct quarantine *quarantine);

struct meter; /* what one worker measured in the window at hand */

MUST_CHECK struct meter *meter_new(struct quarantine *quarantine, size_t rule_count);
void meter_free(struct meter *meter);
/* Before one rule is judged: the time, when this is one to be timed, or 0. */
uint64_t meter_begin(struct meter *meter);
/* After it, when it was timed. At the end of a window the rules that took more than their share are put
 * aside. */
void meter_end(struct meter *meter, const struct ruleset *set, uint32_t rule, uint64_t begin, uint64_t now);

#endif
