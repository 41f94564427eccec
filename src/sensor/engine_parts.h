/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine share; nobody else includes it. */
#ifndef VONGLAU_SENSOR_ENGINE_PARTS_H
#define VONGLAU_SENSOR_ENGINE_PARTS_H

#include "sensor/engine.h"
#include "sensor/share.h"
#include "sensor/lane.h"
#include "sensor/stats.h"

#define WORKERS_MAX OPTIONS_WORKERS_MAX

struct engine {
    struct settings settings;
    const struct options *options;
    struct sinks sinks;
    struct recorder recorder; /* the main thread's: statistics */
    struct stats *stats;
    struct ruleset *rules;
    struct watch watch;                /* of all workers */
    struct expectations *expectations; /* of all workers */
    struct ranges *ranges;             /* of all workers */
    struct worker **workers;
    struct capture **captures; /* live: one per worker */
    struct lane **lanes;       /* NULL: the main thread works itself */
    struct share *share;       /* of lanes that read one file; else NULL */
    size_t worker_count, capture_count;
    uint64_t started, reloaded, stats_due;
    size_t quarantined;   /* rules put aside that were told of */
    struct error failure; /* why reading a capture ended */
    bool failed;
    int log_fd;
};

MUST_CHECK struct ruleset *load_rules(struct engine *engine, struct error *error);
/* What is asked by signals is done when the sensor runs. `restart`: calls that they interrupt go on, as while
 * rules are read; else they end, as a capture's have to. */
void catch_signals(bool restart);
MUST_CHECK bool open_captures(struct engine *engine, struct error *error);
MUST_CHECK bool start_workers(struct engine *engine, struct error *error);
/* Reads until the end or a signal; false when a capture failed (engine->failure). */
bool engine_run(struct engine *engine);
void write_stats(struct engine *engine);
/* Names the rules that were put aside since. */
void tell_quarantined(struct engine *engine);

#endif
