/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring rules and putting them aside; see quarantine.h. */
#include "detect/quarantine.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "detect/set.h"

#define SAMPLED     32U /* of so many judgings one is timed */
#define SAMPLES_MIN 8U  /* fewer say nothing */

struct quarantine {
    struct quarantine_settings settings;
    pthread_mutex_t lock; /* of who adds to the list */
    struct quarantined list[QUARANTINE_MAX];
    _Atomic size_t count;
    _Atomic bool aside[]; /* by rule */
};

struct measured {
    uint64_t time, longest; /* ns: of all samples, of one */
    uint32_t samples;
};

struct meter {
    struct quarantine *quarantine;
    uint64_t began;  /* of the window: steady ns; 0: none yet */
    uint64_t random; /* state of the generator: a fixed step would see the same rules of like packets only */
    uint32_t countdown; /* judgings before the next one that is timed */
    size_t rule_count;
    struct measured rules[];
};

struct quarantine *quarantine_new(const struct quarantine_settings *settings, size_t rule_count)
{
    struct quarantine *quarantine = calloc(1, sizeof *quarantine + rule_count * sizeof quarantine->aside[0]);
    if (!quarantine)
        return NULL;
    quarantine->settings = *settings;
    pthread_mutex_init(&quarantine->lock, NULL);
    return quarantine;
}

void quarantine_free(struct quarantine *quarantine)
{
    if (quarantine)
        pthread_mutex_destroy(&quarantine->lock);
    free(quarantine);
}

const _Atomic bool *quarantine_aside(const struct quarantine *quarantine)
{
    return quarantine->aside;
}

struct meter *meter_new(struct quarantine *quarantine, size_t rule_count)
{
    struct meter *meter = calloc(1, sizeof *meter + rule_count * sizeof meter->rules[0]);
    if (!meter)
        return NULL;
    meter->quarantine = quarantine;
    meter->rule_count = rule_count;
    meter->random = 0x9e3779b97f4a7c15ULL;
    return meter;
}

void meter_free(struct meter *meter)
{
    free(meter);
}

uint64_t meter_begin(struct meter *meter)
{
    if (meter->countdown--)
        return 0;
    meter->random ^= meter->random << 13;
    meter->random ^= meter->random >> 7;
    meter->random ^= meter->random << 17;
    meter->countdown = (uint32_t)(meter->random >> 32) % (2 * SAMPLED - 1);
    uint64_t now = clock_steady();
    if (!meter->began)
        meter->began = now;
    return now;
}

/* There is room for a few: a sensor that would put aside more has another trouble than its rules. */
static void put_aside(struct quarantine *quarantine, const struct ruleset *set, uint32_t rule, unsigned share)
{
    pthread_mutex_lock(&quarantine->lock);
    size_t count = atomic_load(&quarantine->count);
    if (count < QUARANTINE_MAX && !atomic_load(&quarantine->aside[rule])) {
        quarantine->list[count] = (struct quarantined){ .rule = &set->signatures[rule]->rule,
                                                        .share = share };
        atomic_store(&quarantine->aside[rule], true);
        atomic_store(&quarantine->count, count + 1);
    }
    pthread_mutex_unlock(&quarantine->lock);
}

/* The longest sample of a rule does not count: the scheduler may have taken that time. */
static void judge_window(struct meter *meter, const struct ruleset *set, uint64_t now)
{
    const uint64_t elapsed = now - meter->began;
    for (size_t i = 0; i < meter->rule_count; i++) {
        struct measured *rule = &meter->rules[i];
        uint64_t share = (rule->time - rule->longest) * SAMPLED * 100 / elapsed;
        if (rule->samples >= SAMPLES_MIN && share >= meter->quarantine->settings.share)
            put_aside(meter->quarantine, set, (uint32_t)i, (unsigned)MIN(share, 100U));
        *rule = (struct measured){ 0 };
    }
    meter->began = now;
}

void meter_end(struct meter *meter, const struct ruleset *set, uint32_t rule, uint64_t begin, uint64_t now)
{
    struct measured *measured = &meter->rules[rule];
    measured->time += now - begin;
    measured->longest = MAX(measured->longest, now - begin);
    measured->samples++;
    if (now - meter->began >= meter->quarantine->settings.window)
        judge_window(meter, set, now);
}

bool ruleset_quarantined(const struct ruleset *set, size_t index, struct quarantined *quarantined)
{
    if (!set->quarantine || index >= atomic_load(&set->quarantine->count))
        return false;
    *quarantined = set->quarantine->list[index];
    return true;
}
