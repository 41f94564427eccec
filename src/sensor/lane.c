/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads and the parcels of frames that reach them; see lane.h. */
#include "sensor/lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

/* Small, so that a parcel is read while it is in the cache; many, so that a lane may fall behind for as long
 * as one connection sends all frames. */
#define PARCEL_FRAMES 256
#define PARCEL_BYTES  (64U << 10)
#define PARCELS       128
#define BATCH         256
#define IDLE_TIMEOUT  100 /* ms */

struct parcel {
    struct capture_frame frames[PARCEL_FRAMES];
    uint8_t *bytes;
    size_t count, used, room; /* frames; bytes */
    const char *file;
};

struct lane {
    struct worker *worker;
    struct capture *capture;
    pthread_t thread;
    pthread_mutex_t queue_lock, work_lock;
    pthread_cond_t filled, emptied;
    struct parcel parcels[PARCELS];
    size_t head, queued;    /* first queued parcel; how many */
    struct parcel *filling; /* the feeder's: the one behind the queue, or NULL */
    atomic_bool stopping, ended;
    uint64_t last; /* time of the last frame that any lane got */
    bool failed;
    struct error error;
};

void lane_lock(struct lane *lane)
{
    pthread_mutex_lock(&lane->work_lock);
}

void lane_unlock(struct lane *lane)
{
    pthread_mutex_unlock(&lane->work_lock);
}

/* ---- the thread ---- */

static void *run_queue(void *context)
{
    struct lane *lane = context;
    for (;;) {
        pthread_mutex_lock(&lane->queue_lock);
        while (lane->queued == 0 && !atomic_load(&lane->stopping))
            pthread_cond_wait(&lane->filled, &lane->queue_lock);
        bool any = lane->queued > 0;
        struct parcel *parcel = &lane->parcels[lane->head];
        pthread_mutex_unlock(&lane->queue_lock);
        if (!any)
            break;
        lane_lock(lane);
        lane->worker->recorder.file_name = parcel->file;
        worker_frames(lane->worker, parcel->frames, parcel->count);
        worker_flush(lane->worker);
        lane_unlock(lane);
        pthread_mutex_lock(&lane->queue_lock);
        parcel->count = parcel->used = 0;
        lane->head = (lane->head + 1) % PARCELS;
        lane->queued--;
        pthread_cond_signal(&lane->emptied);
        pthread_mutex_unlock(&lane->queue_lock);
    }
    lane_lock(lane);
    worker_tick(lane->worker, lane->last);
    worker_finish(lane->worker);
    lane_unlock(lane);
    return NULL;
}

static void *run_capture(void *context)
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

/* ---- its feeder ---- */

static void lane_free(struct lane *lane)
{
    for (size_t i = 0; i < PARCELS; i++)
        free(lane->parcels[i].bytes);
    pthread_mutex_destroy(&lane->queue_lock);
    pthread_mutex_destroy(&lane->work_lock);
    pthread_cond_destroy(&lane->filled);
    pthread_cond_destroy(&lane->emptied);
    free(lane);
}

struct lane *lane_start(struct worker *worker, struct capture *capture, struct error *error)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane) {
        error_set(error, "out of memory");
        return NULL;
    }
    lane->worker = worker;
    lane->capture = capture;
    pthread_mutex_init(&lane->queue_lock, NULL);
    pthread_mutex_init(&lane->work_lock, NULL);
    pthread_cond_init(&lane->filled, NULL);
    pthread_cond_init(&lane->emptied, NULL);
    for (size_t i = 0; i < PARCELS && !capture; i++) {
        lane->parcels[i].bytes = malloc(PARCEL_BYTES);
        lane->parcels[i].room = lane->parcels[i].bytes ? PARCEL_BYTES : 0;
    }
    bool room = capture || lane->parcels[PARCELS - 1].room;
    if (!room || pthread_create(&lane->thread, NULL, capture ? run_capture : run_queue, lane) != 0) {
        error_set(error, "a worker thread cannot be started");
        lane_free(lane);
        return NULL;
    }
    return lane;
}

static struct parcel *open_parcel(struct lane *lane)
{
    if (lane->filling)
        return lane->filling;
    pthread_mutex_lock(&lane->queue_lock);
    while (lane->queued == PARCELS - 1)
        pthread_cond_wait(&lane->emptied, &lane->queue_lock);
    lane->filling = &lane->parcels[(lane->head + lane->queued) % PARCELS];
    pthread_mutex_unlock(&lane->queue_lock);
    return lane->filling;
}

void lane_push(struct lane *lane)
{
    if (!lane->filling || lane->filling->count == 0)
        return;
    lane->filling = NULL;
    pthread_mutex_lock(&lane->queue_lock);
    lane->queued++;
    pthread_cond_signal(&lane->filled);
    pthread_mutex_unlock(&lane->queue_lock);
}

static bool fits(const struct parcel *parcel, size_t size, const char *file)
{
    return parcel->count < PARCEL_FRAMES && size <= parcel->room - parcel->used && parcel->file == file;
}

/* Room for one frame that is larger than a parcel. */
static void widen(struct parcel *parcel, size_t size)
{
    uint8_t *bytes = size > parcel->room ? realloc(parcel->bytes, size) : NULL;
    if (!bytes)
        return;
    parcel->bytes = bytes;
    parcel->room = size;
}

void lane_feed(struct lane *lane, const struct capture_frame *frame, const char *file)
{
    struct parcel *parcel = open_parcel(lane);
    if (parcel->count && !fits(parcel, frame->data.size, file)) {
        lane_push(lane);
        parcel = open_parcel(lane);
    }
    if (parcel->count == 0)
        widen(parcel, frame->data.size);
    size_t size = MIN(frame->data.size, parcel->room - parcel->used);
    struct capture_frame *copy = &parcel->frames[parcel->count++];
    *copy = *frame;
    copy->cut |= size < frame->data.size;
    if (size)
        memcpy(parcel->bytes + parcel->used, frame->data.data, size);
    copy->data = bytes_of(parcel->bytes + parcel->used, size);
    parcel->used += size;
    parcel->file = file;
}

bool lane_ended(struct lane *lane, struct error *error)
{
    if (!atomic_load(&lane->ended))
        return false;
    if (lane->failed)
        *error = lane->error;
    return true;
}

void lane_stop(struct lane *lane, uint64_t now)
{
    if (!lane)
        return;
    if (!lane->capture)
        lane_push(lane);
    pthread_mutex_lock(&lane->queue_lock);
    lane->last = now;
    atomic_store(&lane->stopping, true);
    pthread_cond_signal(&lane->filled);
    pthread_mutex_unlock(&lane->queue_lock);
    pthread_join(lane->thread, NULL);
    lane_free(lane);
}
