/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor on this machine, for `vonglau up`: enrolled with the centre as any other, started again when it
 * dies. */
#ifndef VONGLAU_PROGRAMS_LOCAL_SENSOR_H
#define VONGLAU_PROGRAMS_LOCAL_SENSOR_H

#include <sys/types.h>

#include "programs/command.h"

struct local_sensor {
    pid_t pid;
    const char *rules; /* NULL: those shipped */
    char program[2100], interface[64], spool[2600], logs[2600], log_path[2700];
    uint64_t start_at; /* steady time of the next start after it died */
};

bool local_open(struct service *service, const struct arguments *arguments, struct local_sensor *sensor,
                struct error *error);
/* Once a second. */
void local_watch(void *sensor);
void local_stop(struct local_sensor *sensor);

#endif
