/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, watching and stopping of child processes; see supervisor.h. */
#include "sensor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define RESTART_FIRST (NS_PER_S / 2)
#define RESTART_MAX   (30 * NS_PER_S)
#define HEALTHY_AFTER (60 * NS_PER_S) /* running so long forgives earlier failures */
#define STOP_PATIENCE (20 * NS_PER_S) /* then SIGKILL */

/* sd_notify(3): one datagram; nothing when nobody asked. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    close(fd);
}

static uint64_t restart_delay(unsigned failures)
{
    uint64_t delay = RESTART_FIRST << (failures < 8 ? failures : 8);
    return delay < RESTART_MAX ? delay : RESTART_MAX;
}

static void start(struct child *child, const sigset_t *before)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, before, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            _exit(1);
        exit(child->run(child->context));
    }
    child->started = clock_steady();
    child->pid = pid > 0 ? pid : 0;
    if (pid < 0) {
        log_error("service: %s cannot be started, next attempt follows", child->name);
        child->start_at = child->started + restart_delay(child->failures++);
    }
}

static bool ended(struct child *child, int status)
{
    uint64_t now = clock_steady();
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    child->pid = 0;
    if (clean && child->ends_service)
        return true;
    if (now - child->started > HEALTHY_AFTER)
        child->failures = 0;
    uint64_t delay = restart_delay(child->failures++);
    child->start_at = now + delay;
    if (WIFSIGNALED(status))
        log_error("service: %s was ended by signal %d, restart in %.1f s", child->name, WTERMSIG(status),
                  (double)delay / 1e9);
    else
        log_error("service: %s ended with status %d, restart in %.1f s", child->name, WEXITSTATUS(status),
                  (double)delay / 1e9);
    return false;
}

/* Collects children that ended; true when that is the end of the service. */
static bool collect(struct child *children, size_t count)
{
    int status;
    pid_t pid;
    bool over = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < count; i++)
            if (children[i].pid == pid)
                over |= ended(&children[i], status);
    return over;
}

static void signal_all(const struct child *children, size_t count, int number, bool reload_only)
{
    for (size_t i = 0; i < count; i++)
        if (children[i].pid > 0 && (!reload_only || children[i].wants_reload))
            kill(children[i].pid, number);
}

static void stop_all(struct child *children, size_t count)
{
    uint64_t deadline = clock_steady() + STOP_PATIENCE;
    bool running = true;
    signal_all(children, count, SIGTERM, false);
    while (running && clock_steady() < deadline) {
        struct timespec pause = { .tv_nsec = 20 * (long)NS_PER_MS };
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            for (size_t i = 0; i < count; i++)
                if (children[i].pid == pid)
                    children[i].pid = 0;
        running = false;
        for (size_t i = 0; i < count; i++)
            running |= children[i].pid > 0;
        if (running)
            nanosleep(&pause, NULL);
    }
    signal_all(children, count, SIGKILL, false);
}

int supervise(struct child *children, size_t count)
{
    sigset_t watched, before;
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD };
    sigemptyset(&watched);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&watched, numbers[i]);
    sigprocmask(SIG_BLOCK, &watched, &before);
    bool over = false;
    notify("READY=1\n");
    while (!over) {
        uint64_t now = clock_steady();
        for (size_t i = 0; i < count; i++)
            if (children[i].pid == 0 && now >= children[i].start_at)
                start(&children[i], &before);
        struct timespec wait = { .tv_sec = 1 };
        int number = sigtimedwait(&watched, NULL, &wait);
        notify("WATCHDOG=1\n");
        over = number == SIGTERM || number == SIGINT;
        if (number == SIGHUP || number == SIGUSR2)
            signal_all(children, count, number, true);
        over |= collect(children, count);
    }
    notify("STOPPING=1\n");
    stop_all(children, count);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
}
