/* SPDX-License-Identifier: Apache-2.0 */
/* A thread with its worker, fed from a capture of its own or by the thread that reads a file.
 *
 * Its lock is held while a batch is worked on: whoever holds it may look at the worker's counters or
 * change its rules. */
#ifndef VONGLAU_SENSOR_LANE_H
#define VONGLAU_SENSOR_LANE_H

#include "sensor/worker.h"

struct lane;

/* Starts the thread. With a `capture` it reads that until lane_stop(); without, it waits for lane_feed(). */
MUST_CHECK struct lane *lane_start(struct worker *worker, struct capture *capture, struct error *error);
/* Copies the frame for the lane; waits while the lane is far behind. `file`: a name that lasts. */
void lane_feed(struct lane *lane, const struct capture_frame *frame, const char *file);
/* Hands over what lane_feed() has gathered. */
void lane_push(struct lane *lane);
/* Holds the lane between two batches. */
void lane_lock(struct lane *lane);
void lane_unlock(struct lane *lane);
/* Works off what is queued, ends the worker's flows and the thread; frees the lane, not the worker.
 *
 * `now`: time of the last frame of all lanes, so that flows time out as they would with one worker. */
void lane_stop(struct lane *lane, uint64_t now);
/* True when the lane's capture ended or failed; `error` says why when it failed. */
bool lane_ended(struct lane *lane, struct error *error);

#endif
