/* SPDX-License-Identifier: Apache-2.0 */
/* Files, FIFOs and unix sockets that receive lines; see output.h. */
#include "event/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define RETRY_INTERVAL NS_PER_S   /* between attempts to reach a socket's listener */
#define MESSAGE_MAX    (1U << 20) /* bytes of a syslog message; what is longer is cut */

/* RFC 3164 section 4.1.1, with the names of syslog.conf(5). */
static const char *const facilities[] = { "kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                                          "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                          NULL,     NULL,     NULL,     NULL,     "local0",   "local1",
                                          "local2", "local3", "local4", "local5", "local6",   "local7" };
static const char *const severities[] = { "emergency", "alert",  "critical", "error",
                                          "warning",   "notice", "info",     "debug" };

static int find_name(const char *const *names, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] && bytes_equal_nocase(name, bytes_of_string(names[i])))
            return (int)i;
    return -1;
}

int output_facility(struct bytes name)
{
    return find_name(facilities, COUNT_OF(facilities), name);
}

int output_severity(struct bytes name)
{
    return find_name(severities, COUNT_OF(severities), name);
}

struct output {
    struct output_settings settings;
    char directory[1024], pattern[1024], path[1536];
    pthread_mutex_t lock;
    int fd;
    uint64_t opened_period; /* number of the rotation period the file was opened in */
    uint64_t retry_at;      /* steady time of the next attempt to connect */
    uint64_t lost;
    struct text message; /* syslog: the one under way */
    bool torn;           /* the last line written lacks its end, and could not be taken back */
};

static bool expand(struct output *output, uint64_t now)
{
    char name[1024];
    time_t seconds = (time_t)(now / NS_PER_S);
    struct tm local;
    localtime_r(&seconds, &local);
    /* A pattern may expand to nothing, so a mark tells an empty result from one that does not fit. */
    if (strchr(output->pattern, '%')) {
        char marked[1040];
        snprintf(marked, sizeof marked, "%s.", output->pattern);
        size_t size = strftime(name, sizeof name, marked, &local);
        if (size == 0)
            return false;
        name[size - 1] = '\0';
    } else {
        snprintf(name, sizeof name, "%s", output->pattern);
    }
    int size;
    if (name[0] == '/' || !output->directory[0])
        size = snprintf(output->path, sizeof output->path, "%s", name);
    else
        size = snprintf(output->path, sizeof output->path, "%s/%s", output->directory, name);
    return size > 0 && (size_t)size < sizeof output->path;
}

/* Makes the directories that a pattern such as %Y/%m/eve.json needs. */
static void make_parents(const char *path)
{
    char partial[1536];
    snprintf(partial, sizeof partial, "%s", path);
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(partial, 0750);
        *slash = '/';
    }
}

static int open_file(const struct output *output)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
    if (output->settings.truncate)
        flags |= O_TRUNC;
    mode_t mode = output->settings.mode ? output->settings.mode : 0640;
    int fd = open(output->path, flags, mode);
    if (fd < 0 && errno == ENOENT && strchr(output->pattern, '%')) {
        make_parents(output->path);
        fd = open(output->path, flags, mode);
    }
    return fd;
}

static int open_socket(const struct output *output)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(output->path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, output->path, strlen(output->path) + 1);
    int type = output->settings.kind == OUTPUT_UNIX_STREAM ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    /* A listener that does not read holds nobody up for longer. */
    static const struct timeval patience = { .tv_usec = 200000 };
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static int open_any(const struct output *output)
{
    switch (output->settings.kind) {
    case OUTPUT_FIFO:
        /* Read and write, so that opening does not wait for a reader and none is no error. */
        if (mkfifo(output->path, 0640) < 0 && errno != EEXIST)
            return -1;
        return open(output->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    case OUTPUT_UNIX_STREAM:
    case OUTPUT_UNIX_DGRAM:
    case OUTPUT_SYSLOG:
        return open_socket(output);
    case OUTPUT_NOWHERE:
        return open("/dev/null", O_WRONLY | O_CLOEXEC);
    case OUTPUT_FILE:
        break;
    }
    return open_file(output);
}

static bool is_socket(const struct output *output)
{
    return output->settings.kind == OUTPUT_UNIX_STREAM || output->settings.kind == OUTPUT_UNIX_DGRAM ||
           output->settings.kind == OUTPUT_SYSLOG;
}

static uint64_t period_of(const struct output *output, uint64_t now)
{
    return output->settings.rotate ? now / NS_PER_S / output->settings.rotate : 0;
}

struct output *output_open(const struct output_settings *settings, struct error *error)
{
    struct output *output = calloc(1, sizeof *output);
    if (!output) {
        error_set(error, "out of memory");
        return NULL;
    }
    output->settings = *settings;
    output->message = text_new(MESSAGE_MAX);
    output->fd = -1;
    int directory = snprintf(output->directory, sizeof output->directory, "%s",
                             settings->directory ? settings->directory : "");
    int pattern = snprintf(output->pattern, sizeof output->pattern, "%s", settings->path);
    uint64_t now = clock_wall();
    if (directory < 0 || (size_t)directory >= sizeof output->directory || pattern < 0 ||
        (size_t)pattern >= sizeof output->pattern || !expand(output, now)) {
        error_set(error, "the name of the output file is too long: %.200s", settings->path);
        free(output);
        return NULL;
    }
    pthread_mutex_init(&output->lock, NULL);
    output->opened_period = period_of(output, now);
    output->fd = open_any(output);
    /* A listener may come later; a file that cannot be opened will not get better by waiting. */
    if (output->fd < 0 && !is_socket(output)) {
        error_system(error, "cannot open %s", output->path);
        output_close(output);
        return NULL;
    }
    return output;
}

static uint64_t count_lines(struct bytes lines)
{
    uint64_t count = 0;
    while (lines.size) {
        size_t at = bytes_find_byte(lines, '\n');
        lines = bytes_from(lines, at == SIZE_MAX ? lines.size : at + 1);
        count++;
    }
    return count;
}

/* Writes all of `data`; returns what is left when the descriptor refuses. */
static struct bytes write_all(int fd, struct bytes data)
{
    while (data.size) {
        ssize_t done = write(fd, data.data, data.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        data = bytes_from(data, (size_t)done);
    }
    return data;
}

/* "<174>Nov 29 04:03:02 suricata[123]: " and the line, without its end. */
static struct bytes syslog_message(struct output *output, struct bytes line)
{
    const struct output_settings *settings = &output->settings;
    char stamp[32];
    time_t seconds = (time_t)(clock_wall() / NS_PER_S);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &local);
    text_clear(&output->message);
    text_add(&output->message, "<%u>%s %s[%ld]: ", settings->facility * 8U + settings->severity, stamp,
             settings->identity ? settings->identity : "vonglau", (long)getpid());
    text_put(&output->message, bytes_first(line, line.size - bytes_ends(line, BYTES_OF("\n"))));
    return text_bytes(&output->message);
}

/* A line that no datagram can hold is lost alone; the others go on. */
static struct bytes send_datagrams(struct output *output, struct bytes lines)
{
    while (lines.data && lines.size) {
        size_t at = bytes_find_byte(lines, '\n');
        size_t size = at == SIZE_MAX ? lines.size : at + 1;
        struct bytes message = bytes_first(lines, size);
        if (output->settings.kind == OUTPUT_SYSLOG)
            message = syslog_message(output, message);
        if (send(output->fd, message.data, message.size, MSG_NOSIGNAL) < 0) {
            if (errno != EMSGSIZE)
                break;
            __atomic_add_fetch(&output->lost, 1, __ATOMIC_RELAXED);
        }
        lines = bytes_from(lines, size);
    }
    return lines;
}

static struct bytes send_stream(int fd, struct bytes lines)
{
    while (lines.size) {
        ssize_t done = send(fd, lines.data, lines.size, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        lines = bytes_from(lines, (size_t)done);
    }
    return lines;
}

/* What was written of the line that `left` is the rest of would spoil the next one too: it is taken back, or,
 * where that cannot be (a FIFO), ended by a newline before the next write. */
static void take_back(struct output *output, struct bytes lines, struct bytes left)
{
    struct stat status;
    size_t torn = 0;
    while (torn < lines.size - left.size && left.data[-1 - (ptrdiff_t)torn] != '\n')
        torn++;
    if (torn == 0 || is_socket(output))
        return;
    output->torn = fstat(output->fd, &status) != 0 || !S_ISREG(status.st_mode) ||
                   (uint64_t)status.st_size < torn ||
                   ftruncate(output->fd, status.st_size - (off_t)torn) != 0;
}

static void write_locked(struct output *output, struct bytes lines)
{
    if (output->fd < 0 && is_socket(output) && clock_steady() >= output->retry_at) {
        output->fd = open_socket(output);
        output->retry_at = clock_steady() + RETRY_INTERVAL;
    }
    struct bytes left = lines;
    errno = 0;
    if (output->fd >= 0 && is_socket(output) && output->settings.kind != OUTPUT_UNIX_STREAM)
        left = send_datagrams(output, lines);
    else if (output->fd >= 0 && output->settings.kind == OUTPUT_UNIX_STREAM)
        left = send_stream(output->fd, lines);
    else if (output->fd >= 0 && output->torn && write_all(output->fd, BYTES_OF("\n")).size == 0)
        output->torn = false;
    if (output->fd >= 0 && !is_socket(output) && !output->torn)
        left = write_all(output->fd, lines);
    bool slow = errno == EAGAIN || errno == EWOULDBLOCK;
    if (left.size == 0)
        return;
    __atomic_add_fetch(&output->lost, count_lines(left), __ATOMIC_RELAXED);
    if (output->fd >= 0)
        take_back(output, lines, left);
    if (is_socket(output) && output->fd >= 0) {
        close(output->fd);
        output->fd = -1;
        if (slow)
            output->retry_at = clock_steady() + RETRY_INTERVAL;
    }
}

void output_write(struct output *output, struct bytes lines)
{
    if (lines.size == 0)
        return;
    pthread_mutex_lock(&output->lock);
    write_locked(output, lines);
    pthread_mutex_unlock(&output->lock);
}

static bool reopen_locked(struct output *output, uint64_t now, struct error *error)
{
    char before[sizeof output->path];
    memcpy(before, output->path, sizeof before);
    int fd = expand(output, now) ? open_any(output) : -1;
    if (fd < 0) {
        error_system(error, "cannot open %s anew", output->path);
        memcpy(output->path, before, sizeof before);
        return false;
    }
    if (output->fd >= 0)
        close(output->fd);
    output->fd = fd;
    output->torn = false;
    output->opened_period = period_of(output, now);
    return true;
}

bool output_reopen(struct output *output, struct error *error)
{
    pthread_mutex_lock(&output->lock);
    bool done = reopen_locked(output, clock_wall(), error);
    pthread_mutex_unlock(&output->lock);
    return done;
}

bool output_tick(struct output *output, uint64_t now, struct error *error)
{
    if (!output->settings.rotate)
        return true;
    pthread_mutex_lock(&output->lock);
    bool done = period_of(output, now) == output->opened_period || reopen_locked(output, now, error);
    pthread_mutex_unlock(&output->lock);
    return done;
}

uint64_t output_lost(const struct output *output)
{
    return __atomic_load_n(&output->lost, __ATOMIC_RELAXED);
}

const char *output_path(const struct output *output)
{
    return output->path;
}

void output_close(struct output *output)
{
    if (!output)
        return;
    if (output->fd >= 0)
        close(output->fd);
    pthread_mutex_destroy(&output->lock);
    text_done(&output->message);
    free(output);
}
