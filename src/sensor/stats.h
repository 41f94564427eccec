/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of all workers, summed and nested as Suricata's stats events have them. */
#ifndef VONGLAU_SENSOR_STATS_H
#define VONGLAU_SENSOR_STATS_H

#include "packet/capture.h"
#include "sensor/worker.h"

struct stats;

struct stats_source {
    struct worker *const *workers;
    size_t worker_count;
    struct capture *const *captures; /* NULL entries are skipped */
    size_t capture_count;
    struct ruleset_numbers rules;
    const struct ruleset *rules_used; /* NULL: none */
    uint64_t started;                 /* steady time, ns */
    uint64_t reloaded;                /* wall clock, ns */
};

MUST_CHECK struct stats *stats_new(const struct settings *settings, struct error *error);
void stats_free(struct stats *stats);
/* Sums up and records an event; `now` is the wall clock. Also stats.log. */
void stats_record(struct stats *stats, const struct stats_source *source, struct recorder *recorder,
                  uint64_t now);

#endif
