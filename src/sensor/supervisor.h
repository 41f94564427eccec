/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of a service: starts its processes, starts again those that died, and says so. */
#ifndef VONGLAU_SENSOR_SUPERVISOR_H
#define VONGLAU_SENSOR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    const char *name;          /* for messages */
    int (*run)(void *context); /* in the child; returns its exit status */
    void *context;
    bool wants_reload; /* gets SIGHUP and SIGUSR2 too */
    bool ends_service; /* a clean exit (status 0) ends the whole service */

    pid_t pid;                  /* the supervisor's from here on */
    unsigned failures;          /* in a row */
    uint64_t started, start_at; /* steady time, ns */
};

/* Runs until SIGTERM or SIGINT, which go on to the children; returns the exit status. Tells systemd of
 * its state through NOTIFY_SOCKET when that is set (sd_notify(3)). */
int supervise(struct child *children, size_t count);

#endif
