/* SPDX-License-Identifier: Apache-2.0 */
/* What each rule costs, when asked for (--profile-rules). */
#ifndef VONGLAU_DETECT_PROFILE_H
#define VONGLAU_DETECT_PROFILE_H

#include "base/text.h"
#include "detect/detect.h"

struct rule_cost {
    uint64_t checks, matches;
    uint64_t time; /* ns */
};

/* A cost per rule of `set`; NULL when memory is short. */
struct rule_cost *rule_costs_new(const struct ruleset *set);
/* Starts counting; false when memory is short. */
MUST_CHECK bool detector_profile(struct detector *detector);
/* Appends a JSON object a line, dearest rule first, summed over the detectors of one set. */
void profile_write(const struct ruleset *set, const struct detector *const *detectors, size_t count,
                   struct text *out);

#endif
