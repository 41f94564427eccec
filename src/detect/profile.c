/* SPDX-License-Identifier: Apache-2.0 */
/* Costs of rules; see profile.h. */
#include "detect/profile.h"

#include <stdlib.h>

#include "base/json.h"
#include "detect/engine.h"

struct rule_cost *rule_costs_new(const struct ruleset *set)
{
    return calloc(set->signature_count + 1, sizeof(struct rule_cost));
}

bool detector_profile(struct detector *detector)
{
    free(detector->costs);
    detector->costs = rule_costs_new(detector->set);
    return detector->costs != NULL;
}

struct ranked {
    const struct signature *signature;
    struct rule_cost cost;
};

static int by_time(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->cost.time > y->cost.time ? -1 : x->cost.time < y->cost.time;
}

static void write_one(const struct ranked *ranked, uint64_t all, struct text *out)
{
    const struct rule *rule = &ranked->signature->rule;
    json_open(out, NULL, '{');
    json_uint(out, "signature_id", rule->sid);
    json_uint(out, "gid", rule->gid);
    json_uint(out, "rev", rule->rev);
    json_uint(out, "checks", ranked->cost.checks);
    json_uint(out, "matches", ranked->cost.matches);
    json_uint(out, "ns_total", ranked->cost.time);
    json_uint(out, "ns_avg", ranked->cost.time / ranked->cost.checks);
    json_real(out, "percent", all ? 100.0 * (double)ranked->cost.time / (double)all : 0);
    json_close(out, '}');
    json_end(out);
    text_char(out, '\n');
}

void profile_write(const struct ruleset *set, const struct detector *const *detectors, size_t count,
                   struct text *out)
{
    struct ranked *ranked = calloc(set->signature_count + 1, sizeof *ranked);
    size_t used = 0;
    uint64_t all = 0;
    for (size_t i = 0; ranked && i < set->signature_count; i++) {
        struct ranked sum = { .signature = set->signatures[i] };
        for (size_t d = 0; d < count; d++) {
            if (!detectors[d] || !detectors[d]->costs || detectors[d]->set != set)
                continue;
            sum.cost.checks += detectors[d]->costs[i].checks;
            sum.cost.matches += detectors[d]->costs[i].matches;
            sum.cost.time += detectors[d]->costs[i].time;
        }
        all += sum.cost.time;
        if (sum.cost.checks)
            ranked[used++] = sum;
    }
    if (used > 1)
        qsort(ranked, used, sizeof *ranked, by_time);
    for (size_t i = 0; i < used; i++)
        write_one(&ranked[i], all, out);
    free(ranked);
}
