/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads; see lane.h. */
#include "sensor/lane.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define BATCH        256
#define IDLE_TIMEOUT 100 /* ms */

struct lane {
    struct worker *worker;
    struct capture *capture; /* live; or */
    struct share *share;     /* a file, whose worker `index` this is */
    size_t index;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool stopping, ended;
    bool failed;
    struct error error;
    char file[PATH_MAX]; /* that the latest frames came from */
};

void lane_lock(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
}

void lane_unlock(struct lane *lane)
{
    pthread_mutex_unlock(&lane->lock);
}

/* ---- the thread ---- */

static void work_off(struct lane *lane, const struct share_frames *block)
{
    if (strcmp(lane->file, block->file) != 0)
        snprintf(lane->file, sizeof lane->file, "%s", block->file);
    lane->worker->recorder.file_name = lane->file;
    worker_frames(lane->worker, block->frames, block->count);
    worker_flush(lane->worker);
}

static void *run_file(void *context)
{
    struct lane *lane = context;
    struct share_frames block;
    enum share_answer answer;
    for (uint64_t number = 0; (answer = share_next(lane->share, lane->index, number, &block)) != SHARE_END;) {
        lane_lock(lane);
        if (answer == SHARE_READ)
            share_read(lane->share);
        else if (answer == SHARE_BLOCK && block.count)
            work_off(lane, &block);
        else
            worker_flush(lane->worker);
        lane_unlock(lane);
        if (answer == SHARE_BLOCK)
            share_done(lane->share, number++);
    }
    /* Flows time out as they would with one worker, who sees all frames. */
    uint64_t last;
    struct error error;
    lane_lock(lane);
    (void)share_result(lane->share, &last, &error);
    worker_tick(lane->worker, last);
    worker_finish(lane->worker);
    lane->worker->recorder.file_name = NULL;
    lane_unlock(lane);
    return NULL;
}

static void *run_live(void *context)
{
    struct lane *lane = context;
    struct capture_frame frames[BATCH];
    while (!atomic_load(&lane->stopping)) {
        size_t count = 0;
        enum capture_status status = capture_next(lane->capture, frames, BATCH, &count, IDLE_TIMEOUT,
                                                  &lane->error);
        if (status == CAPTURE_END || status == CAPTURE_FAILED) {
            lane->failed = status == CAPTURE_FAILED;
            atomic_store(&lane->ended, true);
            break;
        }
        lane_lock(lane);
        lane->worker->recorder.interface = capture_name(lane->capture);
        worker_frames(lane->worker, frames, count);
        worker_tick(lane->worker, clock_wall());
        lane_unlock(lane);
    }
    lane_lock(lane);
    worker_finish(lane->worker);
    lane_unlock(lane);
    return NULL;
}

/* ---- its owner ---- */

static void lane_free(struct lane *lane)
{
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}

static struct lane *start(struct lane from, struct error *error)
{
    struct lane *lane = malloc(sizeof *lane);
    if (!lane) {
        error_set(error, "out of memory");
        return NULL;
    }
    *lane = from;
    pthread_mutex_init(&lane->lock, NULL);
    if (pthread_create(&lane->thread, NULL, lane->share ? run_file : run_live, lane) != 0) {
        error_set(error, "a worker thread cannot be started");
        lane_free(lane);
        return NULL;
    }
    return lane;
}

struct lane *lane_start_live(struct worker *worker, struct capture *capture, struct error *error)
{
    return start((struct lane){ .worker = worker, .capture = capture }, error);
}

struct lane *lane_start_file(struct worker *worker, struct share *share, size_t index, struct error *error)
{
    return start((struct lane){ .worker = worker, .share = share, .index = index }, error);
}

bool lane_ended(struct lane *lane, struct error *error)
{
    if (!atomic_load(&lane->ended))
        return false;
    if (lane->failed)
        *error = lane->error;
    return true;
}

void lane_stop(struct lane *lane)
{
    if (!lane)
        return;
    atomic_store(&lane->stopping, true);
    pthread_join(lane->thread, NULL);
    lane_free(lane);
}
