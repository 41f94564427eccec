/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop on epoll: descriptors, timers and signals, one thread. */
#ifndef VONGLAU_BASE_LOOP_H
#define VONGLAU_BASE_LOOP_H

#include "base/error.h"

struct loop;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* `events` is what is ready: LOOP_READ, LOOP_WRITE or both. */
typedef void (*loop_ready_fn)(void *context, int fd, unsigned events);
typedef void (*loop_timer_fn)(void *context);
typedef void (*loop_signal_fn)(void *context, int signal);

MUST_CHECK struct loop *loop_new(struct error *error);
void loop_free(struct loop *loop);
/* Watches `fd` until loop_forget(); calling again changes the events. The descriptor stays the caller's. */
MUST_CHECK bool loop_watch(struct loop *loop, int fd, unsigned events, loop_ready_fn ready, void *context,
                           struct error *error);
void loop_forget(struct loop *loop, int fd);
/* Calls `timer` every `period` nanoseconds, first after one period. */
MUST_CHECK bool loop_every(struct loop *loop, uint64_t period, loop_timer_fn timer, void *context,
                           struct error *error);
/* Blocks `signal` in the process and delivers it through the loop. */
MUST_CHECK bool loop_signal(struct loop *loop, int signal, loop_signal_fn handler, void *context,
                            struct error *error);
/* Runs until loop_stop(). */
MUST_CHECK bool loop_run(struct loop *loop, struct error *error);
/* May be called from any thread and from handlers. */
void loop_stop(struct loop *loop);

#endif
