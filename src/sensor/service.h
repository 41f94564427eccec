/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor as a service: a process that parses packets, and one that delivers when it is enrolled. */
#ifndef VONGLAU_SENSOR_SERVICE_H
#define VONGLAU_SENSOR_SERVICE_H

#include "sensor/options.h"

/* Watches interfaces under a parent that restarts what died; returns the exit status. The uplink starts
 * when the folder of the spool (or --enrolment) holds what enrolment left. */
int service_main(struct options *options);

#endif
