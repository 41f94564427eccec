/* SPDX-License-Identifier: Apache-2.0 */
/* A thread with its worker, which reads an interface of its own, or a file together with other lanes.
 *
 * Its lock is held while a batch is worked on: whoever holds it may look at the worker's and the capture's
 * counters or change the worker's rules. */
#ifndef VONGLAU_SENSOR_LANE_H
#define VONGLAU_SENSOR_LANE_H

#include "sensor/share.h"
#include "sensor/worker.h"

struct lane;

/* Starts the thread, which reads `capture` until lane_stop(). */
MUST_CHECK struct lane *lane_start_live(struct worker *worker, struct capture *capture, struct error *error);
/* Starts the thread, which reads `share` to its end as its worker `index`. */
MUST_CHECK struct lane *lane_start_file(struct worker *worker, struct share *share, size_t index,
                                        struct error *error);
/* Holds the lane between two batches. */
void lane_lock(struct lane *lane);
void lane_unlock(struct lane *lane);
/* Ends the worker's flows and the thread, a file's after what was read of it; frees the lane, not the worker.
 */
void lane_stop(struct lane *lane);
/* True when the lane's interface ended or failed; `error` says why when it failed. */
bool lane_ended(struct lane *lane, struct error *error);

#endif
