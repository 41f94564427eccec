/* SPDX-License-Identifier: Apache-2.0 */
/* One capture file for several workers: the one that is ahead reads the next block for all of them.
 *
 * A block is what one reading of the file gave, its frames put in order by worker. Every worker goes through
 * all blocks and takes its own frames; a block is read anew when all are through. There is no thread between
 * the file and the workers, and no frame is copied. */
#ifndef VONGLAU_SENSOR_SHARE_H
#define VONGLAU_SENSOR_SHARE_H

#include "packet/capture.h"

struct share;

enum share_answer {
    SHARE_BLOCK, /* frames, none perhaps */
    SHARE_READ,  /* this worker is ahead of all: share_read(), then ask again */
    SHARE_IDLE,  /* nothing came for a while; ask again */
    SHARE_END
};

struct share_frames {
    const struct capture_frame *frames;
    size_t count;
    const char *file; /* that they come from; as long as the frames */
};

/* For `workers` of them; `capture` stays the caller's. */
MUST_CHECK struct share *share_new(struct capture *capture, size_t workers, struct error *error);
void share_free(struct share *share);
/* The frames of `worker` in block `number`, counted from 0; waits for them. They last until share_done(). */
MUST_CHECK enum share_answer share_next(struct share *share, size_t worker, uint64_t number,
                                        struct share_frames *out);
/* Reads a block. The capture is only touched here. */
void share_read(struct share *share);
/* The worker is through with block `number`. */
void share_done(struct share *share, uint64_t number);
/* What was read is still handed out; then comes the end. */
void share_stop(struct share *share);
/* Nothing more will be read. */
bool share_ended(struct share *share);
/* After the end: the time of the last frame; false when reading failed, and `error` says why. */
bool share_result(const struct share *share, uint64_t *last, struct error *error);

#endif
