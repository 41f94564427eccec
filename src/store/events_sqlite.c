/* SPDX-License-Identifier: Apache-2.0 */
/* The event store on SQLite: two files a day in one directory; writing, retention, statistics. */
#include "store/events_sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"

#define FUTURE_MAX NS_PER_DAY /* an event later than now by more is stored under its time of receipt */

void event_path(const struct events *events, uint64_t day, enum event_file_kind kind, char *path, size_t size)
{
    char name[EVENT_FILE_NAME_MAX];
    event_file_name(name, day, kind);
    snprintf(path, size, "%s/%s", events->directory, name);
}

static void release(struct events *events)
{
    for (size_t i = 0; i < EVENT_WRITERS; i++)
        event_file_close(events->writers[i].file);
    for (size_t i = 0; i < EVENT_READERS; i++) {
        database_close(events->readers[i].database);
        ZSTD_freeDDict(events->readers[i].dictionary);
    }
    block_codec_free(events->codec);
    pthread_mutex_destroy(&events->write);
    pthread_mutex_destroy(&events->pool);
    free(events);
}

static struct events *store_open(const struct events_settings *settings, struct error *error)
{
    struct events *events = calloc(1, sizeof *events);
    if (!events) {
        error_set(error, "events: out of memory");
        return NULL;
    }
    events->head.driver = &events_sqlite;
    pthread_mutex_init(&events->write, NULL);
    pthread_mutex_init(&events->pool, NULL);
    events->bytes_max = settings->bytes_max;
    events->bytes_kept = settings->bytes_kept;
    events->traffic_days_max = settings->traffic_days_max;
    events->elapsed = settings->elapsed ? settings->elapsed : clock_elapsed;
    events->no_sync = settings->no_sync;
    if (strlen(settings->directory) >= sizeof events->directory) {
        error_set(error, "events: the directory's name is longer than %zu octets",
                  sizeof events->directory - 1);
        goto fail;
    }
    memcpy(events->directory, settings->directory, strlen(settings->directory) + 1);
    if (mkdir(settings->directory, 0700) != 0 && errno != EEXIST) {
        error_system(error, "events: cannot make %s", settings->directory);
        goto fail;
    }
    if (access(settings->directory, R_OK | W_OK | X_OK) != 0) {
        error_system(error, "events: cannot use %s", settings->directory);
        goto fail;
    }
    events->codec = block_codec_new(error);
    if (!events->codec)
        goto fail;
    return events;
fail:
    release(events);
    return NULL;
}

static void store_close(struct events *events)
{
    release(events);
}

/* ---- files on disk ---- */

static uint64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* Of the file's last change; 0 when it is not there. */
static uint64_t written_at(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_mtime > 0 ? (uint64_t)status.st_mtime * NS_PER_S : 0;
}

static int by_day(const void *a, const void *b)
{
    const struct event_day *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

bool event_days_list(const struct events *events, struct event_days *days, struct error *error)
{
    struct event_days found = { 0 };
    size_t room = 0;
    DIR *entries = opendir(events->directory);
    if (!entries)
        return error_system(error, "events: cannot list %s", events->directory);
    struct dirent *entry;
    while ((entry = readdir(entries))) {
        struct event_day day = { 0 };
        char path[640], log[648];
        if (!event_file_parse(entry->d_name, &day.day, &day.kind))
            continue;
        event_path(events, day.day, day.kind, path, sizeof path);
        snprintf(log, sizeof log, "%s-wal", path);
        day.bytes = size_of(path) + size_of(log);
        day.written = MAX(written_at(path), written_at(log));
        if (found.count == room) {
            room = room ? room * 2 : 64;
            struct event_day *grown = reallocarray(found.days, room, sizeof *grown);
            if (!grown) {
                closedir(entries);
                event_days_done(&found);
                return error_set(error, "events: out of memory");
            }
            found.days = grown;
        }
        found.days[found.count++] = day;
    }
    closedir(entries);
    if (found.count)
        qsort(found.days, found.count, sizeof *found.days, by_day);
    *days = found;
    return true;
}

void event_days_done(struct event_days *days)
{
    free(days->days);
    *days = (struct event_days){ 0 };
}

/* ---- writing ---- */

/* The newest file of alerts before `day`, whose dictionary a new one may start with. */
static bool earlier_alerts(const struct events *events, uint64_t day, char *path, size_t size)
{
    struct event_days days = { 0 };
    bool found = false;
    if (!event_days_list(events, &days, NULL))
        return false;
    for (size_t i = 0; i < days.count; i++) {
        if (days.days[i].kind == EVENT_FILE_ALERTS && days.days[i].day < day) {
            event_path(events, days.days[i].day, EVENT_FILE_ALERTS, path, size);
            found = true;
        }
    }
    event_days_done(&days);
    return found;
}

static struct event_file *writer_for(struct events *events, uint64_t day, enum event_file_kind kind,
                                     struct error *error)
{
    struct event_writer *oldest = &events->writers[0];
    char path[640], earlier[640];
    for (size_t i = 0; i < EVENT_WRITERS; i++) {
        struct event_writer *writer = &events->writers[i];
        if (writer->file && writer->day == day && writer->kind == kind) {
            writer->used = ++events->write_clock;
            return writer->file;
        }
        if (!writer->file || (oldest->file && writer->used < oldest->used))
            oldest = writer;
    }
    event_file_close(oldest->file);
    *oldest = (struct event_writer){ .day = day, .kind = kind, .used = ++events->write_clock };
    event_path(events, day, kind, path, sizeof path);
    bool has_earlier = kind == EVENT_FILE_ALERTS && earlier_alerts(events, day, earlier, sizeof earlier);
    oldest->file = event_file_open(path, kind, events->no_sync, has_earlier ? earlier : NULL, events->codec,
                                   error);
    return oldest->file;
}

/* Where one event of a batch goes. */
struct destination {
    uint64_t day;
    enum event_file_kind kind;
    struct block_event event;
};

static int by_destination(const void *a, const void *b)
{
    const struct destination *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    uint64_t left = x->event.record->id.sequence, right = y->event.record->id.sequence;
    return left < right ? -1 : left > right;
}

static bool check_batch(const struct event_batch *batch, struct error *error)
{
    if (batch->boot > INT64_MAX)
        return error_set(error, "events: boot number beyond 63 bits");
    for (size_t i = 0; i < batch->count; i++) {
        const struct event_id *id = &batch->records[i].id;
        if (id->sensor != batch->sensor || id->boot != batch->boot || id->sequence > INT64_MAX)
            return error_set(error, "events: record %zu is not of this batch", i + 1);
        if (i && id->sequence <= batch->records[i - 1].id.sequence)
            return error_set(error, "events: record %zu is out of sequence", i + 1);
    }
    return true;
}

static bool append_sorted(struct events *events, const struct event_batch *batch, struct destination *sorted,
                          struct block_event *run, size_t *added, struct error *error)
{
    size_t total = 0;
    for (size_t at = 0, end; at < batch->count; at = end) {
        for (end = at;
             end < batch->count && sorted[end].day == sorted[at].day && sorted[end].kind == sorted[at].kind;
             end++)
            run[end - at] = sorted[end].event;
        struct event_file *file = writer_for(events, sorted[at].day, sorted[at].kind, error);
        size_t fresh = 0;
        if (!file || !event_file_append(file, batch, run, end - at, &fresh, error))
            return false;
        total += fresh;
    }
    *added = total;
    return true;
}

/* Octets free; UINT64_MAX when the system does not tell. */
static uint64_t free_bytes(const struct events *events)
{
    struct statvfs status;
    return statvfs(events->directory, &status) == 0 ? (uint64_t)status.f_bavail * status.f_frsize
                                                    : UINT64_MAX;
}

static void settle(struct events *events)
{
    for (size_t i = 0; i < EVENT_WRITERS; i++)
        if (events->writers[i].file)
            event_file_settle(events->writers[i].file);
}

/* A write-ahead log gives its room back only after it was copied into its file, which needs as much again: so
 * it is while there is that much. */
static bool has_room(struct events *events, struct error *error)
{
    uint64_t logs = 0, left = free_bytes(events);
    if (!events->bytes_kept)
        return true;
    for (size_t i = 0; i < EVENT_WRITERS; i++) {
        const struct event_writer *writer = &events->writers[i];
        char path[640], log[648];
        if (!writer->file)
            continue;
        event_path(events, writer->day, writer->kind, path, sizeof path);
        snprintf(log, sizeof log, "%s-wal", path);
        logs += size_of(log);
    }
    if (left > events->bytes_kept + 2 * logs)
        return true;
    settle(events);
    left = free_bytes(events);
    if (left > events->bytes_kept)
        return true;
    error_set(error, "%s has %llu KB left, and %llu KB are not for events", events->directory,
              (unsigned long long)left >> 10, (unsigned long long)events->bytes_kept >> 10);
    if (error)
        error->disk_full = true;
    return false;
}

static bool store_append(struct events *events, const struct event_batch *batch, size_t *added,
                         struct error *error)
{
    uint64_t now = clock_wall();
    size_t total = 0;
    if (!check_batch(batch, error))
        return false;
    struct destination *sorted = calloc(MAX(batch->count, (size_t)1), sizeof *sorted);
    struct block_event *run = calloc(MAX(batch->count, (size_t)1), sizeof *run);
    bool ok = sorted && run ? true : error_set(error, "events: out of memory");
    for (size_t i = 0; ok && i < batch->count; i++) {
        const struct event_record *record = &batch->records[i];
        uint64_t time = record->time > now + FUTURE_MAX ? now : record->time;
        sorted[i] = (struct destination){ time / NS_PER_DAY,
                                          event_file_kind_of(record->type),
                                          { .record = record, .time = time } };
    }
    if (ok) {
        qsort(sorted, batch->count, sizeof *sorted, by_destination);
        pthread_mutex_lock(&events->write);
        ok = has_room(events, error) && append_sorted(events, batch, sorted, run, &total, error);
        if (!ok && events->bytes_kept)
            settle(events); /* what the failed transaction took of the log */
        pthread_mutex_unlock(&events->write);
    }
    free(sorted);
    free(run);
    if (!ok)
        return false;
    pthread_mutex_lock(&events->pool);
    events->appended += total;
    events->replayed += batch->count - total;
    pthread_mutex_unlock(&events->pool);
    *added = total;
    return true;
}

static bool store_seal(struct events *events, struct error *error)
{
    bool ok = true;
    pthread_mutex_lock(&events->write);
    for (size_t i = 0; ok && i < EVENT_WRITERS; i++)
        if (events->writers[i].file && events->writers[i].kind == EVENT_FILE_TRAFFIC)
            ok = event_file_seal(events->writers[i].file, error);
    settle(events);
    pthread_mutex_unlock(&events->write);
    return ok;
}

/* ---- connections to read ---- */

static void reader_clear(struct event_reader *reader)
{
    database_close(reader->database);
    ZSTD_freeDDict(reader->dictionary);
    *reader = (struct event_reader){ 0 };
}

static struct event_reader *reader_slot(struct events *events, uint64_t day, enum event_file_kind kind)
{
    struct event_reader *best = NULL;
    for (size_t i = 0; i < EVENT_READERS; i++) {
        struct event_reader *reader = &events->readers[i];
        if (reader->busy)
            continue;
        if (reader->database && reader->day == day && reader->kind == kind)
            return reader;
        if (!best || !reader->database || (best->database && reader->used < best->used))
            best = reader;
    }
    if (best)
        reader_clear(best);
    return best;
}

struct event_reader *event_reader_take(struct events *events, uint64_t day, enum event_file_kind kind,
                                       struct error *error)
{
    char path[640];
    pthread_mutex_lock(&events->pool);
    struct event_reader *reader = reader_slot(events, day, kind);
    if (reader) {
        reader->busy = true;
        reader->used = ++events->pool_clock;
        reader->day = day;
        reader->kind = kind;
    }
    pthread_mutex_unlock(&events->pool);
    if (!reader) {
        error_set(error, "events: more than %d queries at once", EVENT_READERS);
        return NULL;
    }
    event_path(events, day, kind, path, sizeof path);
    bool fresh = !reader->database;
    if (fresh && access(path, F_OK) != 0) {
        error->text[0] = '\0';
        event_reader_give(events, reader);
        return NULL;
    }
    if (fresh)
        reader->database = database_open(path, true, error);
    bool ok = reader->database && database_script(reader->database, "BEGIN", error);
    /* A file that is being made has no tables yet. */
    if (ok && fresh && database_number(reader->database, "PRAGMA user_version", "") == 0) {
        error->text[0] = '\0';
        ok = false;
    }
    if (!ok) {
        pthread_mutex_lock(&events->pool);
        reader_clear(reader);
        pthread_mutex_unlock(&events->pool);
        return NULL;
    }
    return reader;
}

void event_reader_give(struct events *events, struct event_reader *reader)
{
    struct error ignored;
    bool healthy = reader->database && database_ok(reader->database, &ignored) &&
                   database_script(reader->database, "COMMIT", &ignored);
    pthread_mutex_lock(&events->pool);
    if (reader->stale || !healthy)
        reader_clear(reader);
    reader->busy = false;
    pthread_mutex_unlock(&events->pool);
}

/* ---- retention ---- */

static bool drop_file(struct events *events, const struct event_day *day, struct error *error)
{
    static const char *const suffixes[] = { "-wal", "-shm", "" };
    char path[640], file[648];
    for (size_t i = 0; i < EVENT_WRITERS; i++) {
        struct event_writer *writer = &events->writers[i];
        if (writer->file && writer->day == day->day && writer->kind == day->kind) {
            event_file_close(writer->file);
            *writer = (struct event_writer){ 0 };
        }
    }
    event_path(events, day->day, day->kind, path, sizeof path);
    pthread_mutex_lock(&events->pool);
    for (size_t i = 0; i < EVENT_READERS; i++) {
        struct event_reader *reader = &events->readers[i];
        if (!reader->database || reader->day != day->day || reader->kind != day->kind)
            continue;
        if (reader->busy)
            reader->stale = true; /* keeps reading what is unlinked, then goes */
        else
            reader_clear(reader);
    }
    bool ok = true;
    for (size_t i = COUNT_OF(suffixes); i-- > 0 && ok;) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        if (unlink(file) != 0 && errno != ENOENT)
            ok = error_system(error, "events: cannot delete %s", file);
    }
    events->dropped_days += ok;
    pthread_mutex_unlock(&events->pool);
    return ok;
}

/* Drops the oldest files of one kind until the rest fits; never the newest day. */
static bool drop_to_fit(struct events *events, struct event_days *days, enum event_file_kind kind,
                        uint64_t *bytes, struct error *error)
{
    uint64_t newest = days->count ? days->days[days->count - 1].day : 0;
    for (size_t i = 0; i<days->count && * bytes> events->bytes_max; i++) {
        struct event_day *day = &days->days[i];
        if (day->kind != kind || day->day == newest || day->bytes == 0)
            continue;
        if (!drop_file(events, day, error))
            return false;
        *bytes -= day->bytes;
        day->bytes = 0;
    }
    return true;
}

#define BELIEF NS_PER_DAY

/* The day whose traffic is the oldest to keep. A clock that was set forward by mistake must not empty the
 * store: what is ahead of the newest event by more than a day counts only once it has stayed so for a day. */
static uint64_t keep_from(struct events *events, const struct event_days *days, uint64_t now)
{
    uint64_t today = now / NS_PER_DAY, newest = days->count ? days->days[days->count - 1].day : today;
    if (today <= newest + 1) {
        events->ahead = 0;
    } else {
        uint64_t elapsed = events->elapsed();
        if (!events->ahead)
            events->ahead = MAX(elapsed, 1ULL);
        if (elapsed < events->ahead + BELIEF)
            today = newest + 1;
    }
    return events->traffic_days_max && today > events->traffic_days_max ? today - events->traffic_days_max
                                                                        : 0;
}

static bool store_retain(struct events *events, uint64_t now, struct error *error)
{
    struct event_days days = { 0 };
    uint64_t bytes = 0;
    bool ok = true;
    pthread_mutex_lock(&events->write);
    ok = event_days_list(events, &days, error);
    if (ok) {
        uint64_t first = keep_from(events, &days, now);
        for (size_t i = 0; ok && i < days.count; i++) {
            struct event_day *day = &days.days[i];
            if (day->kind == EVENT_FILE_TRAFFIC && day->day < first && day->written / NS_PER_DAY < first) {
                ok = drop_file(events, day, error);
                day->bytes = 0;
            }
            bytes += day->bytes;
        }
        if (ok && events->bytes_max)
            ok = drop_to_fit(events, &days, EVENT_FILE_TRAFFIC, &bytes, error) &&
                 drop_to_fit(events, &days, EVENT_FILE_ALERTS, &bytes, error);
        event_days_done(&days);
    }
    settle(events); /* days that are over keep no log */
    pthread_mutex_unlock(&events->write);
    return ok;
}

static bool store_drop_before(struct events *events, uint64_t time, bool alerts_too, struct error *error)
{
    struct event_days days = { 0 };
    pthread_mutex_lock(&events->write);
    bool ok = event_days_list(events, &days, error);
    if (ok) {
        for (size_t i = 0; ok && i < days.count; i++) {
            const struct event_day *day = &days.days[i];
            if ((day->day + 1) * NS_PER_DAY <= time && (alerts_too || day->kind == EVENT_FILE_TRAFFIC))
                ok = drop_file(events, day, error);
        }
        event_days_done(&days);
    }
    pthread_mutex_unlock(&events->write);
    return ok;
}

/* ---- statistics ---- */

static bool add_file(struct events *events, const struct event_day *day, struct event_statistics *statistics,
                     struct error *error)
{
    struct event_reader *reader = event_reader_take(events, day->day, day->kind, error);
    if (!reader)
        return error->text[0] == '\0';
    struct database *d = reader->database;
    bool alerts = day->kind == EVENT_FILE_ALERTS;
    uint64_t count = (uint64_t)database_number(d, "SELECT coalesce(sum(count), 0) FROM per_hour", "");
    uint64_t oldest = (uint64_t)database_number(
        d, alerts ? "SELECT min(time) FROM alert" : "SELECT min(first) FROM block", "");
    uint64_t newest = (uint64_t)database_number(
        d, alerts ? "SELECT max(time) FROM alert" : "SELECT max(last) FROM block", "");
    bool ok = database_ok(d, error);
    event_reader_give(events, reader);
    statistics->events += count;
    statistics->alerts += alerts ? count : 0;
    if (count && (!statistics->oldest || oldest < statistics->oldest))
        statistics->oldest = oldest;
    statistics->newest = MAX(statistics->newest, newest);
    return ok;
}

static bool store_statistics(struct events *events, struct event_statistics *statistics, struct error *error)
{
    struct event_days days = { 0 };
    struct event_statistics found = { 0 };
    struct error local = { "" };
    if (!event_days_list(events, &days, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < days.count; i++) {
        ok = add_file(events, &days.days[i], &found, &local);
        found.bytes += days.days[i].bytes;
        found.days += i == 0 || days.days[i].day != days.days[i - 1].day;
    }
    event_days_done(&days);
    if (!ok)
        return error_copy(error, &local);
    pthread_mutex_lock(&events->pool);
    found.appended = events->appended;
    found.replayed = events->replayed;
    found.dropped_days = events->dropped_days;
    pthread_mutex_unlock(&events->pool);
    *statistics = found;
    return true;
}

const struct events_driver events_sqlite = {
    .name = "sqlite",
    .open = store_open,
    .close = store_close,
    .append = store_append,
    .seal = store_seal,
    .scan = events_sqlite_scan,
    .histogram = events_sqlite_histogram,
    .top = events_sqlite_top,
    .retain = store_retain,
    .drop_before = store_drop_before,
    .statistics = store_statistics,
};
