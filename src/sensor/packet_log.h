/* SPDX-License-Identifier: Apache-2.0 */
/* The pcap-log: which packets are written to capture files. One for each worker.
 *
 * When only flows with alerts (or tags) are wanted, the data packets of the last while are held in memory, so
 * that those before the alert can be written too, as far as they are still there. */
#ifndef VONGLAU_SENSOR_PACKET_LOG_H
#define VONGLAU_SENSOR_PACKET_LOG_H

#include "packet/capture.h"
#include "sensor/recorder.h"

struct packet_log;

/* `shared`: the file of all workers, or NULL for one of its own. */
MUST_CHECK struct packet_log *packet_log_new(const struct packet_log_settings *settings,
                                             struct packet_file *shared, unsigned worker,
                                             struct error *error);
void packet_log_free(struct packet_log *log);

/* A frame arrives; then each packet in it is noted once it was looked at; then the frame is written or not.
 */
void packet_log_begin(struct packet_log *log, const struct capture_frame *frame);
void packet_log_note(struct packet_log *log, const struct scene *scene);
void packet_log_end(struct packet_log *log);
/* An alert at a flow's end: what is held of it is written. */
void packet_log_flow_end(struct packet_log *log, const struct scene *scene);
void packet_log_flush(struct packet_log *log);

struct packet_log_counts {
    uint64_t written, filtered, lost;
};
void packet_log_count(const struct packet_log *log, struct packet_log_counts *counts);

#endif
