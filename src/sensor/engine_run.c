/* SPDX-License-Identifier: Apache-2.0 */
/* The engine at work: captures, workers in the main thread or in lanes, signals, statistics. */
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proto/ranges.h"
#include "sensor/engine_parts.h"

#define BATCH        256
#define IDLE_TIMEOUT 100 /* ms without a frame before timers are looked at */
#define FILE_PAUSE   10  /* ms between looks at whether lanes are through with a file */

/* Set by signal handlers, taken by the main thread. */
static volatile sig_atomic_t stop_asked, reopen_asked, reload_asked;

static void lock_lanes(struct engine *engine)
{
    for (size_t i = 0; engine->lanes && i < engine->worker_count; i++)
        if (engine->lanes[i])
            lane_lock(engine->lanes[i]);
}

static void unlock_lanes(struct engine *engine)
{
    for (size_t i = 0; engine->lanes && i < engine->worker_count; i++)
        if (engine->lanes[i])
            lane_unlock(engine->lanes[i]);
}

/* All workers go over to `set`, or none does. */
static bool change_rules(struct engine *engine, const struct ruleset *set, struct error *error)
{
    size_t ready = 0;
    while (ready < engine->worker_count && worker_prepare_rules(engine->workers[ready], set, error))
        ready++;
    bool all = ready == engine->worker_count;
    if (all)
        for (size_t i = 0; i < ready; i++)
            worker_change_rules(engine->workers[i], set);
    else
        for (size_t i = 0; i < ready; i++)
            worker_forget_rules(engine->workers[i]);
    return all;
}

/* A new set is built beside the old one; workers change over between batches. */
static void reload_rules(struct engine *engine)
{
    struct error error;
    struct ruleset *set = load_rules(engine, &error);
    if (!set) {
        log_error("rules were not reloaded, the old ones stay: %s", error.text);
        return;
    }
    lock_lanes(engine);
    bool changed = change_rules(engine, set, &error);
    unlock_lanes(engine);
    if (!changed) {
        log_error("rules were not reloaded, the old ones stay: %s", error.text);
        ruleset_free(set);
        return;
    }
    ruleset_free(engine->rules);
    engine->rules = set;
    engine->quarantined = 0;
    log_info("rules reloaded");
}

static void on_signal(int number)
{
    if (number == SIGHUP)
        reopen_asked = 1;
    else if (number == SIGUSR2)
        reload_asked = 1;
    else
        stop_asked = 1;
}

void catch_signals(bool restart)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR2 };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

void write_stats(struct engine *engine)
{
    struct stats_source source = {
        .workers = engine->workers,
        .worker_count = engine->worker_count,
        .captures = engine->captures,
        .capture_count = engine->capture_count,
        .rules_used = engine->rules,
        .started = engine->started,
        .reloaded = engine->reloaded,
    };
    if (engine->rules)
        source.rules = ruleset_numbers(engine->rules);
    lock_lanes(engine);
    for (size_t i = 0; i < engine->worker_count; i++)
        recorder_flush(&engine->workers[i]->recorder, true);
    stats_record(engine->stats, &source, &engine->recorder, clock_wall());
    unlock_lanes(engine);
    recorder_flush(&engine->recorder, true);
}

void tell_quarantined(struct engine *engine)
{
    struct quarantined rule;
    for (; engine->rules && ruleset_quarantined(engine->rules, engine->quarantined, &rule);
         engine->quarantined++)
        log_warning(
            "detect: rule %u (%s, line %u) took %u%% of a worker's time: it is put aside until the rules "
            "are reloaded",
            rule.rule->sid, rule.rule->file, rule.rule->line, rule.share);
}

/* What the main thread does between batches. */
static void housekeeping(struct engine *engine)
{
    uint64_t now = clock_steady();
    if (reopen_asked) {
        reopen_asked = 0;
        sinks_reopen(&engine->sinks);
    }
    if (reload_asked) {
        reload_asked = 0;
        if (engine->rules)
            reload_rules(engine);
    }
    tell_quarantined(engine);
    if (engine->settings.stats_enabled && now >= engine->stats_due) {
        engine->stats_due = now + MAX(engine->settings.stats_interval, NS_PER_S);
        sinks_tick(&engine->sinks, clock_wall());
        write_stats(engine);
    }
}

/* The next batch of a file; false at the end, or when reading failed. A file that breaks off is none. */
static bool next_frames(struct engine *engine, struct capture *capture, struct capture_frame *frames,
                        size_t *count)
{
    enum capture_status status;
    *count = 0;
    while ((status = capture_next(capture, frames, BATCH, count, IDLE_TIMEOUT, &engine->failure)) ==
           CAPTURE_BROKEN)
        log_warning("capture: %s; the rest of the file is passed over", engine->failure.text);
    engine->failed = status == CAPTURE_FAILED;
    return status == CAPTURE_FRAMES || status == CAPTURE_IDLE;
}

static void run_single(struct engine *engine, struct capture *capture)
{
    struct capture_frame frames[BATCH];
    struct worker *worker = engine->workers[0];
    size_t count;
    while (!stop_asked && next_frames(engine, capture, frames, &count)) {
        worker->recorder.file_name = capture_name(capture);
        worker_frames(worker, frames, count);
        worker_flush(worker);
        housekeeping(engine);
    }
    worker_finish(worker);
}

static void run_file_lanes(struct engine *engine)
{
    while (!share_ended(engine->share)) {
        usleep(FILE_PAUSE * 1000);
        if (stop_asked)
            share_stop(engine->share);
        housekeeping(engine);
    }
}

static void run_live_lanes(struct engine *engine)
{
    bool all_ended = false;
    while (!stop_asked && !all_ended) {
        usleep(IDLE_TIMEOUT * 1000);
        housekeeping(engine);
        all_ended = true;
        for (size_t i = 0; i < engine->worker_count; i++)
            all_ended &= lane_ended(engine->lanes[i], &engine->failure);
    }
    engine->failed = engine->failure.text[0] != '\0';
}

static bool start_lanes(struct engine *engine)
{
    bool live = engine->options->capture == NULL;
    engine->lanes = calloc(engine->worker_count, sizeof(struct lane *));
    if (!engine->lanes)
        return error_set(&engine->failure, "out of memory");
    if (!live && !(engine->share = share_new(engine->captures[0], engine->worker_count, &engine->failure)))
        return false;
    for (size_t i = 0; i < engine->worker_count; i++) {
        struct worker *worker = engine->workers[i];
        engine->lanes[i] = live ? lane_start_live(worker, engine->captures[i], &engine->failure)
                                : lane_start_file(worker, engine->share, i, &engine->failure);
        if (!engine->lanes[i])
            return false;
    }
    return true;
}

static void stop_lanes(struct engine *engine)
{
    if (engine->share)
        share_stop(engine->share);
    for (size_t i = 0; engine->lanes && i < engine->worker_count; i++)
        lane_stop(engine->lanes[i]);
    free(engine->lanes);
    engine->lanes = NULL;
    uint64_t last;
    if (engine->share && !share_result(engine->share, &last, &engine->failure))
        engine->failed = true;
    share_free(engine->share);
    engine->share = NULL;
}

static void warn_of_nothing(const struct engine *engine)
{
    const uint64_t *counts = capture_counts(engine->captures[0]);
    if (!stop_asked && !counts[CAPTURE_FILES] && !counts[CAPTURE_FILE_ERRORS])
        log_warning("capture: there is no file in %s", engine->options->capture);
}

bool engine_run(struct engine *engine)
{
    bool live = engine->options->capture == NULL;
    if (!live && engine->worker_count == 1) {
        run_single(engine, engine->captures[0]);
    } else {
        if (!start_lanes(engine))
            engine->failed = true;
        else if (live)
            run_live_lanes(engine);
        else
            run_file_lanes(engine);
        stop_lanes(engine);
    }
    if (!live)
        warn_of_nothing(engine);
    return !engine->failed;
}

/* ---- what there is to run ---- */

static size_t core_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : MIN((size_t)count, (size_t)WORKERS_MAX);
}

static size_t workers_wanted(const struct engine *engine)
{
    const struct options *options = engine->options;
    const char *mode = options->run_mode;
    if (options->workers)
        return options->workers;
    if (mode && !strcmp(mode, "single"))
        return 1;
    /* One worker reads a file with the same result every time; more have to be asked for. */
    return options->capture && !mode ? 1 : core_count();
}

static bool open_interface(struct engine *engine, const struct interface_settings *interface, size_t count,
                           struct error *error)
{
    struct capture_settings settings = engine->settings.capture;
    settings.promiscuous = interface->promiscuous;
    settings.defragment = interface->defragment;
    settings.block_size = interface->block_size;
    settings.checksums = (uint8_t)interface->checksums;
    if (count > 1)
        settings.fanout = interface->cluster_id ? CAPTURE_FANOUT_JOIN : CAPTURE_FANOUT_FRESH;
    settings.fanout_group = (uint16_t)interface->cluster_id;
    if (!settings.filter)
        settings.filter = interface->filter;
    for (size_t i = 0; i < count && engine->capture_count < WORKERS_MAX; i++) {
        struct capture *capture = capture_open_interface(interface->name, &settings, error);
        if (!capture)
            return false;
        engine->captures[engine->capture_count++] = capture;
        settings.fanout_group = capture_fanout_group(capture);
        settings.fanout = count > 1 ? CAPTURE_FANOUT_JOIN : CAPTURE_FANOUT_NONE;
    }
    return true;
}

bool open_captures(struct engine *engine, struct error *error)
{
    const struct options *options = engine->options;
    engine->captures = calloc(WORKERS_MAX, sizeof(struct capture *));
    if (!engine->captures)
        return error_set(error, "out of memory");
    if (options->capture) {
        engine->captures[0] = capture_open_file(options->capture, &engine->settings.capture, error);
        engine->capture_count = engine->captures[0] != NULL;
        return engine->captures[0] != NULL;
    }
    for (size_t i = 0; i < engine->settings.interface_count; i++) {
        const struct interface_settings *interface = &engine->settings.interfaces[i];
        size_t count = interface->threads ? interface->threads : workers_wanted(engine);
        if (!open_interface(engine, interface, count, error))
            return false;
    }
    return engine->capture_count || error_set(error, "nothing to read: -r FILE or -i INTERFACE expected");
}

/* A secret that no sender of packets can aim at, another with each run unless flow.seed says which. */
static bool draw_seed(struct settings *settings, struct error *error)
{
    uint64_t *seed = &settings->flow.seed;
    if (*seed || getrandom(seed, sizeof *seed, 0) == (ssize_t)sizeof *seed)
        return true;
    return error_system(error, "no random numbers for the flow table");
}

bool start_workers(struct engine *engine, struct error *error)
{
    size_t count = engine->options->capture ? workers_wanted(engine) : engine->capture_count;
    engine->workers = calloc(count, sizeof(struct worker *));
    if (!engine->workers)
        return error_set(error, "out of memory");
    if (!draw_seed(&engine->settings, error))
        return false;
    settings_share_memory(&engine->settings, count);
    if (engine->settings.behavior && !watch_init(&engine->watch, error))
        return false;
    struct expect_settings expect = { .seed = engine->settings.flow.seed };
    engine->expectations = expectations_new(&expect, error);
    if (!engine->expectations)
        return false;
    engine->ranges = ranges_new(engine->settings.flow.seed, error);
    if (!engine->ranges)
        return false;
    engine->settings.sessions.ranges = engine->ranges;
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = worker_new(&engine->settings, engine->rules, &engine->sinks, (unsigned)i,
                                           error);
        if (!worker)
            return false;
        if (engine->settings.behavior)
            worker_watch(worker, &engine->watch);
        worker_expect(worker, engine->expectations);
        engine->workers[engine->worker_count++] = worker;
    }
    return true;
}
