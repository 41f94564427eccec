/* SPDX-License-Identifier: Apache-2.0 */
/* Behaviour seen over flows (scans), turned into alerts beside those of rules. */
#ifndef VONGLAU_SENSOR_WATCH_H
#define VONGLAU_SENSOR_WATCH_H

#include <pthread.h>

#include "behavior/scan.h"
#include "sensor/recorder.h"

/* One for all workers, whatever share of a source's flows each of them sees: a scan is one finding. */
struct watch {
    struct scan_watch *scans; /* NULL: switched off */
    pthread_mutex_t lock;
};

MUST_CHECK bool watch_init(struct watch *watch, struct error *error);
void watch_done(struct watch *watch);
/* Looks at the scene's packet, from any thread; `fresh`: it is its flow's first. */
void watch_packet(struct watch *watch, struct recorder *recorder, struct scene *scene, bool fresh);

#endif
