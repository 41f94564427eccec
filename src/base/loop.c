/* SPDX-License-Identifier: Apache-2.0 */
/* epoll, timerfd, signalfd and an eventfd to stop. */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum watch_kind { WATCH_FD, WATCH_TIMER, WATCH_SIGNAL, WATCH_STOP };

struct watch {
    struct watch *next;
    enum watch_kind kind;
    int fd;
    bool forgotten;
    loop_ready_fn ready;
    loop_timer_fn timer;
    loop_signal_fn signal;
    void *context;
};

struct loop {
    int epoll, stop;
    bool running;
    struct watch *watches;
};

static bool add(struct loop *loop, struct watch watch, unsigned events, struct error *error)
{
    struct watch *kept = malloc(sizeof *kept);
    if (!kept)
        return error_set(error, "event loop: out of memory");
    *kept = watch;
    struct epoll_event event = { .events = events, .data.ptr = kept };
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch.fd, &event) < 0) {
        free(kept);
        return error_system(error, "event loop: cannot watch descriptor %d", watch.fd);
    }
    kept->next = loop->watches;
    loop->watches = kept;
    return true;
}

struct loop *loop_new(struct error *error)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        error_set(error, "event loop: out of memory");
        return NULL;
    }
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll < 0 || loop->stop < 0) {
        error_system(error, "event loop: cannot open");
        loop_free(loop);
        return NULL;
    }
    if (!add(loop, (struct watch){ .kind = WATCH_STOP, .fd = loop->stop }, EPOLLIN, error)) {
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->watches) {
        struct watch *watch = loop->watches;
        loop->watches = watch->next;
        if (watch->kind == WATCH_TIMER || watch->kind == WATCH_SIGNAL)
            close(watch->fd);
        free(watch);
    }
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->stop >= 0)
        close(loop->stop);
    free(loop);
}

static struct watch *find(struct loop *loop, int fd)
{
    struct watch *watch = loop->watches;
    while (watch && (watch->fd != fd || watch->forgotten))
        watch = watch->next;
    return watch;
}

bool loop_watch(struct loop *loop, int fd, unsigned events, loop_ready_fn ready, void *context,
                struct error *error)
{
    unsigned wanted = (events & LOOP_READ ? (unsigned)EPOLLIN : 0) |
                      (events & LOOP_WRITE ? (unsigned)EPOLLOUT : 0);
    struct watch *watch = find(loop, fd);
    if (!watch)
        return add(loop, (struct watch){ .kind = WATCH_FD, .fd = fd, .ready = ready, .context = context },
                   wanted, error);
    watch->ready = ready;
    watch->context = context;
    struct epoll_event event = { .events = wanted, .data.ptr = watch };
    if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) < 0)
        return error_system(error, "event loop: cannot change descriptor %d", fd);
    return true;
}

/* The watch itself is freed after the round, since the round may still hold an event for it. */
void loop_forget(struct loop *loop, int fd)
{
    struct watch *watch = find(loop, fd);
    if (!watch)
        return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
    watch->forgotten = true;
}

bool loop_every(struct loop *loop, uint64_t period, loop_timer_fn timer, void *context, struct error *error)
{
    struct timespec each = { (time_t)(period / 1000000000U), (long)(period % 1000000000U) };
    struct itimerspec when = { .it_interval = each, .it_value = each };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0) {
        error_system(error, "event loop: cannot set a timer");
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!add(loop, (struct watch){ .kind = WATCH_TIMER, .fd = fd, .timer = timer, .context = context },
             EPOLLIN, error)) {
        close(fd);
        return false;
    }
    return true;
}

bool loop_signal(struct loop *loop, int signal, loop_signal_fn handler, void *context, struct error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return error_system(error, "event loop: cannot block signal %d", signal);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_system(error, "event loop: cannot watch signal %d", signal);
    if (!add(loop, (struct watch){ .kind = WATCH_SIGNAL, .fd = fd, .signal = handler, .context = context },
             EPOLLIN, error)) {
        close(fd);
        return false;
    }
    return true;
}

static void dispatch(struct loop *loop, struct watch *watch, unsigned events)
{
    struct signalfd_siginfo info;
    uint64_t ticks;
    if (watch->forgotten)
        return;
    switch (watch->kind) {
    case WATCH_STOP:
        loop->running = false;
        break;
    case WATCH_TIMER:
        if (read(watch->fd, &ticks, sizeof ticks) == (ssize_t)sizeof ticks)
            watch->timer(watch->context);
        break;
    case WATCH_SIGNAL:
        while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info)
            watch->signal(watch->context, (int)info.ssi_signo);
        break;
    case WATCH_FD:
        watch->ready(watch->context, watch->fd,
                     (events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? LOOP_READ : 0U) |
                         (events & (EPOLLOUT | EPOLLERR) ? LOOP_WRITE : 0U));
        break;
    }
}

static void sweep(struct loop *loop)
{
    struct watch **link = &loop->watches;
    while (*link) {
        struct watch *watch = *link;
        if (!watch->forgotten) {
            link = &watch->next;
            continue;
        }
        *link = watch->next;
        free(watch);
    }
}

bool loop_run(struct loop *loop, struct error *error)
{
    struct epoll_event events[64];
    loop->running = true;
    while (loop->running) {
        int count = epoll_wait(loop->epoll, events, COUNT_OF(events), -1);
        if (count < 0 && errno != EINTR)
            return error_system(error, "event loop: cannot wait");
        for (int i = 0; i < count && loop->running; i++)
            dispatch(loop, events[i].data.ptr, events[i].events);
        sweep(loop);
    }
    uint64_t ticks;
    ssize_t drained = read(loop->stop, &ticks, sizeof ticks);
    (void)drained;
    return true;
}

void loop_stop(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->stop, &one, sizeof one);
    (void)written;
}
