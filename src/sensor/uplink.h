/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink: a process of its own that takes events from the spool to the centre.
 *
 * It has the sensor's key and the network and never sees a packet; the packet process has neither. Events
 * leave the spool only after the centre has acknowledged them. What leaves went through event/boundary.h. */
#ifndef VONGLAU_SENSOR_UPLINK_H
#define VONGLAU_SENSOR_UPLINK_H

#include "base/error.h"

struct uplink_settings {
    const char *directory;     /* what enrolment left: sensor.key, sensor.pem, authority.pem, uplink.json */
    const char *spool;         /* directory; waited for while it does not exist */
    const char *counters;      /* file with a JSON object of counters for heartbeats; NULL: none */
    const char *user;          /* to become when started as root; NULL: stay */
    uint64_t bytes_per_second; /* most to send; 0: no limit */
    unsigned batch_events;     /* most events in one delivery; 0: 8192 */
    bool sandbox;              /* Landlock and seccomp where the kernel has them */
};

/* Runs until SIGTERM or SIGINT; retries everything that may pass. False at once when the sensor is not
 * enrolled or the spool is in use. */
MUST_CHECK bool uplink_run(const struct uplink_settings *settings, struct error *error);

#endif
