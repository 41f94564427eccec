/* SPDX-License-Identifier: Apache-2.0 */
/* What rules were compiled to, for --engine-analysis: a JSON object a line per rule, in evaluation order. */
#ifndef VONGLAU_DETECT_ANALYSIS_H
#define VONGLAU_DETECT_ANALYSIS_H

#include <stdio.h>

#include "detect/rule.h"

/* Writes rules.json; false when it cannot be written. */
MUST_CHECK bool ruleset_analyze(const struct ruleset *set, FILE *out, struct error *error);

/* Writes rules_fast_pattern.txt: the pattern that each rule is looked for by, in the order of the files. */
MUST_CHECK bool ruleset_write_patterns(const struct ruleset *set, FILE *out, struct error *error);
/* Writes rules_analysis.txt: what each rule looks at, and what may be wrong with it. `stores`: files can be
 * stored. */
MUST_CHECK bool ruleset_write_advice(const struct ruleset *set, bool stores, FILE *out, struct error *error);
/* Writes patterns.json: all contents by buffer, and how often each is looked for. */
MUST_CHECK bool ruleset_count_patterns(const struct ruleset *set, FILE *out, struct error *error);

/* Some rule has to do with flow bits. */
bool ruleset_has_bits(const struct ruleset *set);
/* Writes flowbits.json: which rules set, clear and ask for which flow bits. */
MUST_CHECK bool ruleset_report_bits(const struct ruleset *set, FILE *out, struct error *error);

#endif
