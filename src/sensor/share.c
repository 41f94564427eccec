/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of a capture file, read by turns; see share.h. */
#include "sensor/share.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "packet/decode.h"

#define BLOCKS       64          /* how many a worker may fall behind */
#define AHEAD        2           /* blocks that a worker reads before it takes the first of them */
#define BLOCK_FRAMES 1024        /* at most, in one block */
#define BYTES_MAX    (64U << 20) /* in all blocks, when frames are very large */
#define IDLE_TIMEOUT 100         /* ms */

struct block {
    struct capture_frame *frames;
    size_t capacity;
    uint32_t *starts; /* by worker: its first frame; one more at the end */
    uint8_t *memory;  /* that the frames are in */
    size_t size;
    size_t left; /* workers that are not through */
    char file[PATH_MAX];
};

struct share {
    struct capture *capture;
    struct decoder *decoder; /* for frames whose addresses are not where they usually are */
    size_t workers;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct block blocks[BLOCKS];
    uint64_t filled, oldest; /* number of the next block; of the oldest that is in use */
    size_t bytes;            /* of all blocks in use */
    uint64_t idles;          /* how often nothing came */
    bool reading, ended;
    bool failed;
    struct error error;
    uint64_t last;                             /* time of the last frame */
    struct capture_frame frames[BLOCK_FRAMES]; /* of the reader: as they stand in the file */
    uint16_t worker_of[BLOCK_FRAMES];
};

struct share *share_new(struct capture *capture, size_t workers, struct error *error)
{
    struct share *share = calloc(1, sizeof *share);
    if (!share) {
        error_set(error, "out of memory");
        return NULL;
    }
    share->capture = capture;
    share->workers = workers;
    pthread_mutex_init(&share->lock, NULL);
    pthread_cond_init(&share->changed, NULL);
    share->decoder = calloc(1, sizeof *share->decoder);
    bool done = share->decoder != NULL;
    for (size_t i = 0; i < BLOCKS && done; i++) {
        share->blocks[i].starts = calloc(workers + 1, sizeof *share->blocks[i].starts);
        done = share->blocks[i].starts != NULL;
    }
    if (!done) {
        error_set(error, "out of memory");
        share_free(share);
        return NULL;
    }
    const struct decode_settings outermost = {
        .checksums = CHECKSUM_NONE, .no_teredo = true, .no_vxlan = true, .no_geneve = true
    };
    decoder_init(share->decoder, &outermost);
    return share;
}

void share_free(struct share *share)
{
    if (!share)
        return;
    for (size_t i = 0; i < BLOCKS; i++) {
        free(share->blocks[i].frames);
        free(share->blocks[i].starts);
        free(share->blocks[i].memory);
    }
    free(share->decoder);
    pthread_mutex_destroy(&share->lock);
    pthread_cond_destroy(&share->changed);
    free(share);
}

/* Which worker a frame goes to: all that two hosts say to each other stays together, fragments and
 * errors included. */
static size_t worker_of(struct decoder *decoder, const struct capture_frame *frame, size_t count)
{
    struct packet packet;
    if (!decode_glimpse(frame->link_type, frame->data, &packet.src, &packet.dst, &packet.src_port,
                        &packet.dst_port, &packet.protocol)) {
        memset(&packet, 0, offsetof(struct packet, ip_record));
        packet.time = frame->time;
        packet.frame = frame->data;
        packet.wire_size = frame->wire_size;
        packet.link_type = frame->link_type;
        (void)decode(decoder, &packet);
    }
    if (packet.src.version == 0)
        return 0;
    uint64_t src = bytes_hash(bytes_of(packet.src.octets, address_size(&packet.src)), 1);
    uint64_t dst = bytes_hash(bytes_of(packet.dst.octets, address_size(&packet.dst)), 1);
    uint64_t both = (src ^ dst) * 0x9e3779b97f4a7c15ULL;
    return (size_t)((both >> 32) % count);
}

/* ---- what the worker that reads does ---- */

/* The next frames of the file, and how many; false at the end, or when reading failed. A file that breaks off
 * is none. */
static bool next_frames(struct share *share, size_t *count)
{
    enum capture_status status;
    *count = 0;
    while ((status = capture_next(share->capture, share->frames, BLOCK_FRAMES, count, IDLE_TIMEOUT,
                                  &share->error)) == CAPTURE_BROKEN)
        log_warning("capture: %s; the rest of the file is passed over", share->error.text);
    share->failed = status == CAPTURE_FAILED;
    return status == CAPTURE_FRAMES || status == CAPTURE_IDLE;
}

/* Puts the frames in order by worker; false without memory. */
static bool share_out(struct share *share, struct block *block, size_t count)
{
    if (count > block->capacity) {
        struct capture_frame *grown = realloc(block->frames, count * sizeof *grown);
        if (!grown)
            return false;
        block->frames = grown;
        block->capacity = count;
    }
    memset(block->starts, 0, (share->workers + 1) * sizeof *block->starts);
    for (size_t i = 0; i < count; i++) {
        share->worker_of[i] = (uint16_t)worker_of(share->decoder, &share->frames[i], share->workers);
        block->starts[share->worker_of[i] + 1]++;
    }
    for (size_t w = 0; w < share->workers; w++)
        block->starts[w + 1] += block->starts[w];
    for (size_t i = 0; i < count; i++)
        block->frames[block->starts[share->worker_of[i]]++] = share->frames[i];
    /* Each start has become its worker's end, which is the next one's start. */
    memmove(block->starts + 1, block->starts, share->workers * sizeof *block->starts);
    block->starts[0] = 0;
    return true;
}

void share_read(struct share *share)
{
    struct block *block = &share->blocks[share->filled % BLOCKS];
    size_t count;
    bool more = next_frames(share, &count);
    if (count) {
        share->last = share->frames[count - 1].time;
        bool kept = capture_keep(share->capture, &block->memory, &block->size) &&
                    share_out(share, block, count);
        if (!kept) {
            share->failed = true;
            error_set(&share->error, "out of memory");
            more = false;
            count = 0;
        }
        snprintf(block->file, sizeof block->file, "%s", capture_name(share->capture));
    }
    pthread_mutex_lock(&share->lock);
    if (count) {
        block->left = share->workers;
        share->bytes += block->size;
        share->filled++;
    } else if (more) {
        share->idles++;
    }
    share->ended |= !more;
    share->reading = false;
    pthread_cond_broadcast(&share->changed);
    pthread_mutex_unlock(&share->lock);
}

/* ---- what all workers do ---- */

static bool has_room(const struct share *share)
{
    return share->filled == share->oldest ||
           (share->filled - share->oldest < BLOCKS && share->bytes < BYTES_MAX);
}

enum share_answer share_next(struct share *share, size_t worker, uint64_t number, struct share_frames *out)
{
    enum share_answer answer = SHARE_END;
    pthread_mutex_lock(&share->lock);
    uint64_t idles = share->idles;
    for (;;) {
        bool there = number < share->filled;
        if (!share->reading && !share->ended && share->filled < number + AHEAD && has_room(share)) {
            share->reading = true;
            answer = SHARE_READ;
            break;
        }
        if (there)
            answer = SHARE_BLOCK;
        if (there || (share->ended && !share->reading))
            break;
        if (share->idles != idles) {
            answer = SHARE_IDLE;
            break;
        }
        pthread_cond_wait(&share->changed, &share->lock);
    }
    pthread_mutex_unlock(&share->lock);
    if (answer == SHARE_BLOCK) {
        const struct block *block = &share->blocks[number % BLOCKS];
        *out = (struct share_frames){ .frames = block->frames + block->starts[worker],
                                      .count = block->starts[worker + 1] - block->starts[worker],
                                      .file = block->file };
    }
    return answer;
}

void share_done(struct share *share, uint64_t number)
{
    struct block *block = &share->blocks[number % BLOCKS];
    pthread_mutex_lock(&share->lock);
    if (--block->left == 0) {
        share->bytes -= block->size;
        share->oldest++;
        if (block->size > BYTES_MAX / BLOCKS) {
            free(block->memory);
            block->memory = NULL;
            block->size = 0;
        }
        pthread_cond_broadcast(&share->changed);
    }
    pthread_mutex_unlock(&share->lock);
}

void share_stop(struct share *share)
{
    pthread_mutex_lock(&share->lock);
    share->ended = true;
    pthread_cond_broadcast(&share->changed);
    pthread_mutex_unlock(&share->lock);
}

bool share_ended(struct share *share)
{
    pthread_mutex_lock(&share->lock);
    bool ended = share->ended;
    pthread_mutex_unlock(&share->lock);
    return ended;
}

bool share_result(const struct share *share, uint64_t *last, struct error *error)
{
    *last = share->last;
    if (share->failed)
        *error = share->error;
    return !share->failed;
}
