/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink process: spool in, deliveries and heartbeats out. */
#include "sensor/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "event/boundary.h"
#include "event/frame.h"
#include "event/spool.h"
#include "sensor/enrol.h"
#include "sensor/uplink_http.h"
#include "sensor/uplink_sandbox.h"

#define PATH_ROOM        1024U
#define BATCH_EVENTS     8192U
#define BATCH_BYTES      (2U << 20) /* of lines; a frame holds up to twice as much */
#define HEARTBEAT_NS     (30 * NS_PER_S)
#define RENEWAL_NS       (3600 * NS_PER_S) /* from look to look at the certificate */
#define WAIT_MS          1000              /* for new events, when inotify does not say */
#define BACKOFF_FIRST_MS 500U
#define BACKOFF_MAX_MS   60000U
#define COUNTERS_MAX     (32U << 10)

struct uplink {
    const struct uplink_settings *settings;
    struct uplink_http *http;
    struct spool_reader *spool;
    struct frame_writer *frame;
    struct text reply, filtered, heartbeat;
    char url[512];
    int stop_fd;
    bool stopping;
    unsigned failures;         /* in a row */
    size_t batch_events;       /* halves while the centre finds fault with a delivery */
    uint64_t next_beat;        /* steady time */
    uint64_t next_renewal;     /* steady time */
    uint64_t next_try;         /* steady time before which nothing is sent */
    uint64_t boot;             /* of the last batch */
    uint64_t sent, unsendable; /* events; lines that are no events, or that the centre will not have */
    struct log_limit limit;
};

static void path_of(const struct uplink *u, const char *name, char path[static PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%s/%s", u->settings->directory, name);
}

static bool read_url(struct uplink *u, struct error *error)
{
    char path[PATH_ROOM], data[2048];
    path_of(u, "uplink.json", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? error_set(error, "uplink: %s holds no enrolment; run: vonglau-sensor enrol URL CODE %s",
                               u->settings->directory, u->settings->directory)
                   : error_system(error, "%s", path);
    ssize_t got = read(fd, data, sizeof data);
    close(fd);
    struct text url = text_of(u->url, sizeof u->url);
    struct json_value object = json_parse(bytes_of(data, got > 0 ? (size_t)got : 0));
    if (!json_unescape(json_find(object, "url"), &url) || !uplink_url_is_good(u->url))
        return error_set(error, "%s: holds no address of a centre", path);
    return true;
}

static bool open_http(struct uplink *u, struct error *error)
{
    char authority[PATH_ROOM], certificate[PATH_ROOM], key[PATH_ROOM];
    path_of(u, "authority.pem", authority);
    path_of(u, "sensor.pem", certificate);
    path_of(u, "sensor.key", key);
    struct stat status;
    if (stat(key, &status) == 0 && status.st_mode & (S_IRWXG | S_IRWXO))
        log_warning("uplink: others may read %s (mode %04o); chmod 600", key, status.st_mode & 07777U);
    struct uplink_http_settings settings = { .url = u->url,
                                             .authority = authority,
                                             .certificate = certificate,
                                             .key = key,
                                             .bytes_per_second = u->settings->bytes_per_second,
                                             .stop_fd = u->stop_fd };
    u->http = uplink_http_open(&settings, error);
    return u->http != NULL;
}

/* True once SIGTERM or SIGINT has come; waits for it at most that long. */
static bool stop_within(struct uplink *u, int milliseconds)
{
    struct pollfd polled = { .fd = u->stop_fd, .events = POLLIN };
    if (!u->stopping && poll(&polled, 1, milliseconds) > 0)
        u->stopping = true;
    return u->stopping;
}

/* The spool appears when the sensor first has something to say. */
static bool open_spool(struct uplink *u, struct error *error)
{
    while (access(u->settings->spool, F_OK) != 0)
        if (stop_within(u, WAIT_MS))
            return true;
    u->spool = spool_reader_open(u->settings->spool, error);
    return u->spool != NULL;
}

/* Twice as long after each failure, by a random half, so that sensors do not return all at once. */
static void back_off(struct uplink *u)
{
    uint32_t dice = 0;
    unsigned shift = MIN(u->failures, 10U);
    uint64_t wait = MIN((uint64_t)BACKOFF_FIRST_MS << shift, (uint64_t)BACKOFF_MAX_MS);
    if (getrandom(&dice, sizeof dice, GRND_NONBLOCK) != (ssize_t)sizeof dice)
        dice = (uint32_t)clock_steady();
    wait = wait / 2 + dice % (wait / 2 + 1);
    u->failures++;
    u->next_try = clock_steady() + wait * NS_PER_MS;
}

static void went_well(struct uplink *u)
{
    if (u->failures)
        log_info("uplink: the centre at %s answers again", u->url);
    u->failures = 0;
    u->next_try = 0;
}

static void went_wrong(struct uplink *u, unsigned status, const struct error *error)
{
    char quoted[256];
    back_off(u);
    if (u->stopping || !log_allowed(&u->limit, 1))
        return;
    unsigned long long wait = (u->next_try - MIN(u->next_try, clock_steady())) / NS_PER_MS;
    if (!status)
        log_warning("uplink: %s; retry in %llu ms", error->text, wait);
    else if (status == 401 || status == 403)
        log_warning("uplink: the centre at %s refuses this sensor's certificate (%u); retry in %llu ms",
                    u->url, status, wait);
    else
        log_warning("uplink: the centre at %s answers %u %s; retry in %llu ms", u->url, status,
                    log_quote(text_bytes(&u->reply), quoted, sizeof quoted), wait);
}

/* ---- events ---- */

/* Fills the frame from the batch, without what must not leave. Returns the last sequence it covers. */
static uint64_t pack(struct uplink *u, const struct spool_batch *batch)
{
    uint64_t covered = 0;
    frame_writer_start(u->frame, batch->boot, (uint8_t)batch->priority);
    for (size_t i = 0; i < batch->count; i++) {
        enum event_type type;
        struct bytes line;
        text_clear(&u->filtered);
        bool may = boundary_filter(batch->events[i].line, &u->filtered, &type, &line) &&
                   line.size <= FRAME_LINE_MAX;
        if (may && !frame_writer_add(u->frame, batch->events[i].sequence, line))
            break;
        u->unsendable += !may;
        covered = batch->events[i].sequence;
    }
    return covered;
}

static bool is_acknowledged(const struct uplink *u, uint64_t boot)
{
    struct json_value reply = json_parse(text_bytes(&u->reply));
    uint64_t acknowledged, for_boot;
    return json_to_u64(json_find(reply, "boot"), &for_boot) && for_boot == boot &&
           json_to_u64(json_find(reply, "acknowledged"), &acknowledged);
}

/* The centre will never take this delivery: in ever smaller parts the event that it minds is found and given
 * up. */
static bool give_up_one(struct uplink *u, const struct spool_batch *batch, struct error *error)
{
    if (batch->count > 1) {
        u->batch_events = MAX(MIN(u->batch_events, batch->count) / 2, (size_t)1);
        return true;
    }
    log_warning("uplink: the centre does not accept an event, which is given up");
    u->unsendable++;
    return spool_reader_acknowledge(u->spool, batch->events[0].sequence, error);
}

/* Sends one batch; *idle is set when there is none. False only when the spool fails. */
static bool send_batch(struct uplink *u, bool *idle, struct error *error)
{
    struct spool_batch batch;
    struct bytes frame;
    struct error failure = { "" };
    if (!spool_reader_next(u->spool, u->batch_events, BATCH_BYTES, &batch, error))
        return false;
    *idle = batch.count == 0;
    if (*idle)
        return true;
    u->boot = batch.boot;
    uint64_t covered = pack(u, &batch);
    size_t count = frame_writer_count(u->frame);
    if (count == 0)
        return spool_reader_acknowledge(u->spool, covered, error);
    if (!frame_writer_finish(u->frame, &frame, error))
        return false;
    unsigned status = uplink_http_request(u->http, "/sensor/v1/events", frame,
                                          "application/vnd.vonglau.events", &u->reply, &failure);
    if (status == 200 && is_acknowledged(u, batch.boot)) {
        went_well(u);
        u->sent += count;
        u->batch_events = u->settings->batch_events ? u->settings->batch_events : BATCH_EVENTS;
        return spool_reader_acknowledge(u->spool, covered, error);
    }
    if (status == 400 || status == 413 || status == 422)
        return give_up_one(u, &batch, error);
    went_wrong(u, status, &failure);
    return true;
}

/* ---- heartbeat ---- */

static void put_counters(struct uplink *u, struct text *out)
{
    char data[COUNTERS_MAX];
    int fd = u->settings->counters ? open(u->settings->counters, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd >= 0 ? read(fd, data, sizeof data) : -1;
    if (fd >= 0)
        close(fd);
    struct bytes text = bytes_trim(bytes_of(data, got > 0 ? (size_t)got : 0));
    if (json_parse(text).type == JSON_OBJECT)
        json_raw(out, "counters", text);
}

static void put_heartbeat(struct uplink *u)
{
    struct text *out = &u->heartbeat;
    char stamp[40];
    struct text time = text_of(stamp, sizeof stamp);
    struct spool_losses losses;
    uint64_t waiting, lost = u->unsendable;
    spool_reader_status(u->spool, &losses, &waiting);
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        lost += losses.events[i];
    clock_text_rfc3339(clock_wall(), &time);
    text_clear(out);
    json_open(out, NULL, '{');
    json_string(out, "time", text_bytes(&time));
    json_cstring(out, "version", VONGLAU_VERSION);
    json_uint(out, "boot", u->boot);
    json_uint(out, "backlog_bytes", waiting);
    json_uint(out, "lost", lost);
    json_uint(out, "sent", u->sent);
    put_counters(u, out);
    json_close(out, '}');
    json_end(out);
}

static void send_heartbeat(struct uplink *u)
{
    struct error failure = { "" };
    put_heartbeat(u);
    unsigned status = uplink_http_request(u->http, "/sensor/v1/heartbeat", text_bytes(&u->heartbeat),
                                          "application/json", &u->reply, &failure);
    u->next_beat = clock_steady() + HEARTBEAT_NS;
    if (status == 200)
        went_well(u);
    else
        went_wrong(u, status, &failure);
}

/* ---- certificate ---- */

/* Asks for a new certificate in good time, and again every hour while that fails. False only when libcurl
 * cannot be set up anew. */
static bool renew_in_time(struct uplink *u, struct error *error)
{
    struct error failure = { "" };
    u->next_renewal = clock_steady() + RENEWAL_NS;
    if (!enrol_renewal_is_due(u->settings->directory))
        return true;
    if (!enrol_renew(u->http, u->settings->directory, &failure)) {
        if (!u->stopping)
            log_warning("uplink: the certificate is not renewed: %s", failure.text);
        return true;
    }
    log_info("uplink: the centre renewed this sensor's certificate");
    uplink_http_close(u->http);
    return open_http(u, error);
}

/* ---- the loop ---- */

static bool run(struct uplink *u, struct error *error)
{
    while (!stop_within(u, 0)) {
        uint64_t now = clock_steady();
        bool idle = false;
        if (now < u->next_try) {
            (void)stop_within(u, (int)MIN((u->next_try - now) / NS_PER_MS + 1, (uint64_t)WAIT_MS));
            continue;
        }
        if (now >= u->next_beat) {
            send_heartbeat(u);
            continue;
        }
        if (now >= u->next_renewal && !renew_in_time(u, error))
            return false;
        if (!send_batch(u, &idle, error))
            return false;
        if (idle && spool_reader_wait(u->spool, u->stop_fd, WAIT_MS))
            u->stopping = true;
    }
    return true;
}

static int open_stop_fd(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool uplink_run(const struct uplink_settings *settings, struct error *error)
{
    struct uplink u = { .settings = settings, .stop_fd = -1 };
    u.reply = text_new(UPLINK_REPLY_MAX);
    u.filtered = text_new(SPOOL_LINE_MAX + 1024);
    u.heartbeat = text_new(COUNTERS_MAX + 4096);
    u.batch_events = settings->batch_events ? settings->batch_events : BATCH_EVENTS;
    (void)signal(SIGPIPE, SIG_IGN); /* a link that breaks is a failed request, not the end */
    u.stop_fd = open_stop_fd();
    u.frame = frame_writer_new(error);
    bool ok = u.frame && (u.stop_fd >= 0 || error_system(error, "uplink: signalfd"));
    ok = ok && read_url(&u, error) && open_spool(&u, error);
    if (ok && u.spool)
        ok = uplink_sandbox_enter(settings->user, settings->directory, settings->spool, settings->sandbox,
                                  error) &&
             open_http(&u, error) && run(&u, error);
    uplink_http_close(u.http);
    spool_reader_close(u.spool);
    frame_writer_free(u.frame);
    if (u.stop_fd >= 0)
        close(u.stop_fd);
    text_done(&u.reply);
    text_done(&u.filtered);
    text_done(&u.heartbeat);
    return ok;
}
