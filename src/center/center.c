/* SPDX-License-Identifier: Apache-2.0 */
/* The centre: state directory, connections, housekeeping. */
#include "center/center.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "center/alerts.h"
#include "center/audit.h"
#include "center/hub.h"
#include "center/incidents.h"
#include "center/resolver.h"
#include "center/schema.h"
#include "center/sensors.h"
#include "center/users.h"

/* Whether the wall clock goes on as it should. */
struct clock_watch {
    int64_t offset;    /* wall clock less elapsed time, when last looked at; atomic */
    uint64_t unsteady; /* elapsed() until which the clock may yet be set again; 0: it was not set */
    pthread_mutex_t lock;
    struct log_limit limit;
};

struct center {
    char directory[3072];
    uint64_t (*clock)(void), (*elapsed)(void);
    struct clock_watch watch;
    struct hub *hub;
    struct resolver *resolver;
    struct events *events;
    struct authority *authority;
    struct ingest *ingest;
    uint8_t key[32];
    bool passwords_light;

    pthread_mutex_t evidence;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct database *idle[CENTER_CONNECTIONS_MAX];
    size_t idle_count, open_count;
    uint64_t ticked, retained; /* clock_steady() of the last housekeeping */
    bool was_full;             /* at the last housekeeping */
    int64_t audit_noted;       /* rows of the audit log that the program's log was told of */
};

static bool make_directory(const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_system(error, "%s", path);
    return true;
}

/* Parents too, as mkdir -p. */
static bool make_path(const char *path, struct error *error)
{
    char copy[3072];
    int size = snprintf(copy, sizeof copy, "%s", path);
    if (size <= 0 || (size_t)size >= sizeof copy)
        return error_set(error, "%.100s: the path is too long", path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            return error_system(error, "%s", copy);
        *slash = '/';
    }
    return make_directory(copy, error);
}

static bool load_key(struct center *c, struct error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/secret.key", c->directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t size = read(fd, c->key, sizeof c->key);
        close(fd);
        return size == (ssize_t)sizeof c->key ||
               error_set(error, "%s: must hold %zu bytes", path, sizeof c->key);
    }
    randombytes_buf(c->key, sizeof c->key);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, "%s", path);
    bool ok = write(fd, c->key, sizeof c->key) == (ssize_t)sizeof c->key && fsync(fd) == 0;
    if (close(fd) != 0 || !ok)
        return error_system(error, "%s", path);
    return true;
}

/* Backups and copies by hand lose modes. */
static void watch_keys(const struct center *c)
{
    static const char *const names[] = { "secret.key", "authority.key", "server.key" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", c->directory, names[i]);
        if (stat(path, &status) == 0 && status.st_mode & (S_IRWXG | S_IRWXO))
            log_warning("centre: others may read %s (mode %04o); chmod 600", path, status.st_mode & 07777U);
    }
}

static struct database *open_connection(struct center *c, struct error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/registry.db", c->directory);
    return database_open(path, false, error);
}

/* ---- room on the disk ---- */

#define KEPT_MAX   (64ULL << 20)
#define KEPT_SHARE 8 /* of a small file system */

struct center_storage center_storage(const struct center *c)
{
    struct center_storage storage = { 0 };
    struct statvfs status;
    if (statvfs(c->directory, &status) != 0)
        return storage;
    storage.size = (uint64_t)status.f_blocks * status.f_frsize;
    storage.free = (uint64_t)status.f_bavail * status.f_frsize;
    storage.kept = MIN(KEPT_MAX, storage.size / KEPT_SHARE);
    storage.full = storage.size && storage.free <= storage.kept;
    return storage;
}

/* ---- a clock that is set ---- */

#define STEP_MIN    (30 * NS_PER_S) /* less is the clock being disciplined */
#define UNSTEADY_NS (3600 * NS_PER_S)

/* What lies in the future at the start was noted under a clock that was ahead. */
static bool clamp_times(struct database *database, uint64_t now, struct error *error)
{
    database_begin(database);
    database_run(database,
                 "UPDATE session SET seen=min(seen,?1), expires=min(expires,?2) WHERE seen>?1 OR expires>?2",
                 "uu", now, now + SESSION_LIFE_NS);
    database_run(database, "UPDATE user SET locked_until=?1 WHERE locked_until>?1", "u", now + LOCKOUT_NS);
    database_run(database, "UPDATE user SET totp_step=?1 WHERE totp_step>?1", "u", totp_step(now) + 1);
    database_run(database, "UPDATE sensor SET last_seen=?1 WHERE last_seen>?1", "u", now);
    return database_commit(database, error);
}

/* Everything that means "so long from then", moved by what the clock was set by. */
static bool move_times(struct context *c, int64_t step)
{
    char data[64];
    snprintf(data, sizeof data, "{\"seconds\":%lld}", (long long)(step / (int64_t)NS_PER_S));
    database_begin(c->database);
    database_run(
        c->database,
        "UPDATE session SET created=max(created+?1,0), seen=max(seen+?1,0), expires=max(expires+?1,0)", "i",
        step);
    database_run(c->database, "UPDATE user SET locked_until=max(locked_until+?1,0) WHERE locked_until>0", "i",
                 step);
    database_run(c->database, "UPDATE user SET totp_step=?1 WHERE totp_step>?1", "u", totp_step(c->now) + 1);
    database_run(c->database, "UPDATE sensor SET last_seen=max(last_seen+?1,0) WHERE last_seen>0", "i", step);
    database_run(c->database, "UPDATE sensor SET code_expires=max(code_expires+?1,0) WHERE code_expires>0",
                 "i", step);
    return audit_add(c, "clock.set", "center", 0, bytes_of_string(data)) ? context_commit(c)
                                                                         : context_rollback(c);
}

void center_watch_clock(struct center *c)
{
    int64_t offset = (int64_t)(c->clock() - c->elapsed());
    int64_t before = __atomic_load_n(&c->watch.offset, __ATOMIC_RELAXED);
    if (llabs(offset - before) < (int64_t)STEP_MIN) {
        if (offset != before)
            __atomic_store_n(&c->watch.offset, offset, __ATOMIC_RELAXED);
        return;
    }
    pthread_mutex_lock(&c->watch.lock);
    int64_t step = offset - c->watch.offset;
    if (llabs(step) >= (int64_t)STEP_MIN) { /* else another thread was first */
        struct arena memory = arena_of(1 << 20);
        struct database *database = center_connection(c);
        struct context context = context_system(c, database, &memory);
        bool moved = move_times(&context, step);
        center_connection_return(c, database);
        arena_done(&memory);
        if (log_allowed(&c->watch.limit, 1))
            log_warning("centre: the clock was set %s by %lld s%s%s", step > 0 ? "forward" : "back",
                        (long long)(llabs(step) / (int64_t)NS_PER_S), moved ? "" : ": ",
                        moved ? "" : context.refusal.text);
        if (moved)
            __atomic_store_n(&c->watch.offset, offset, __ATOMIC_RELAXED);
        c->watch.unsteady = c->elapsed() + UNSTEADY_NS;
    }
    pthread_mutex_unlock(&c->watch.lock);
}

/* Set back and forth, a clock would remind of every deadline and lapse every filter for good. */
static bool clock_is_settled(struct center *c)
{
    pthread_mutex_lock(&c->watch.lock);
    bool settled = c->elapsed() >= c->watch.unsteady;
    pthread_mutex_unlock(&c->watch.lock);
    return settled;
}

static bool open_parts(struct center *c, const struct center_settings *settings, struct error *error)
{
    char path[4096];
    if (sodium_init() < 0)
        return error_set(error, "libsodium cannot start");
    if (!make_path(c->directory, error) || !load_key(c, error))
        return false;
    watch_keys(c);
    snprintf(path, sizeof path, "%s/evidence", c->directory);
    if (!make_directory(path, error))
        return false;
    c->hub = hub_new();
    c->resolver = resolver_new();
    if (!c->hub || !c->resolver)
        return error_set(error, "out of memory");
    struct database *database = open_connection(c, error);
    if (!database)
        return false;
    c->idle[c->idle_count++] = database;
    c->open_count = 1;
    if (!schema_apply(database, center_now(c), error) || !clamp_times(database, center_now(c), error) ||
        !resolver_load(c->resolver, database, error))
        return false;
    snprintf(path, sizeof path, "%s/events", c->directory);
    struct center_storage storage = center_storage(c);
    uint64_t share = storage.size / 4 * 3;
    const struct events_settings events = { .directory = path,
                                            .bytes_max = settings->event_bytes_max ? settings->event_bytes_max
                                                                                   : share,
                                            .bytes_kept = storage.kept,
                                            .traffic_days_max = 30,
                                            .elapsed = settings->elapsed,
                                            .no_sync = settings->temporary };
    c->events = events_open(&events_sqlite, &events, error);
    return c->events != NULL;
}

struct center *center_open(const struct center_settings *settings, struct error *error)
{
    struct center *c = calloc(1, sizeof *c);
    if (!c) {
        error_system(error, "centre");
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->evidence, NULL);
    pthread_cond_init(&c->returned, NULL);
    c->clock = settings->clock ? settings->clock : clock_wall;
    c->elapsed = settings->elapsed ? settings->elapsed : clock_elapsed;
    c->watch.offset = (int64_t)(c->clock() - c->elapsed());
    pthread_mutex_init(&c->watch.lock, NULL);
    c->passwords_light = settings->passwords_light;
    snprintf(c->directory, sizeof c->directory, "%s", settings->state);
    if (!open_parts(c, settings, error)) {
        center_close(c);
        return NULL;
    }
    return c;
}

void center_close(struct center *c)
{
    if (!c)
        return;
    if (c->events)
        events_close(c->events);
    for (size_t i = 0; i < c->idle_count; i++)
        database_close(c->idle[i]);
    resolver_free(c->resolver);
    hub_free(c->hub);
    pthread_cond_destroy(&c->returned);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->evidence);
    pthread_mutex_destroy(&c->watch.lock);
    sodium_memzero(c->key, sizeof c->key);
    free(c);
}

struct database *center_connection(struct center *c)
{
    struct database *database = NULL;
    pthread_mutex_lock(&c->lock);
    while (!database) {
        if (c->idle_count) {
            database = c->idle[--c->idle_count];
        } else if (c->open_count < CENTER_CONNECTIONS_MAX) {
            struct error error;
            database = open_connection(c, &error);
            if (database)
                c->open_count++;
            else if (c->open_count == 0)
                break; /* cannot happen: the first connection is never closed before center_close() */
        }
        if (!database)
            pthread_cond_wait(&c->returned, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return database;
}

void center_connection_return(struct center *c, struct database *database)
{
    while (database_in_transaction(database))
        database_rollback(database);
    struct error ignored;
    (void)!database_ok(database, &ignored); /* clears what failed */
    pthread_mutex_lock(&c->lock);
    c->idle[c->idle_count++] = database;
    pthread_cond_signal(&c->returned);
    pthread_mutex_unlock(&c->lock);
}

struct events *center_events(struct center *c)
{
    return c->events;
}

struct hub *center_hub(struct center *c)
{
    return c->hub;
}

struct resolver *center_resolver(struct center *c)
{
    return c->resolver;
}

void center_attach(struct center *c, struct authority *authority, struct ingest *ingest)
{
    c->authority = authority;
    c->ingest = ingest;
}

struct authority *center_authority(struct center *c)
{
    return c->authority;
}

struct ingest *center_ingest(struct center *c)
{
    return c->ingest;
}

const char *center_directory(const struct center *c)
{
    return c->directory;
}

uint64_t center_now(const struct center *c)
{
    return c->clock();
}

pthread_mutex_t *center_evidence_lock(struct center *c)
{
    return &c->evidence;
}

const uint8_t *center_key(const struct center *c)
{
    return c->key;
}

static bool has_room(const struct center *c, struct error *error)
{
    struct center_storage storage = center_storage(c);
    if (!storage.full)
        return true;
    error_set(error, "%s has %llu KB left, and %llu KB are kept for the registers", c->directory,
              (unsigned long long)storage.free >> 10, (unsigned long long)storage.kept >> 10);
    if (error)
        error->disk_full = true;
    return false;
}

void center_health_json(const struct center *c, struct text *out)
{
    struct center_storage storage = center_storage(c);
    json_open(out, NULL, '{');
    json_open(out, "storage", '{');
    json_cstring(out, "state", storage.full ? "full" : "ok");
    json_uint(out, "size", storage.size);
    json_uint(out, "free", storage.free);
    json_uint(out, "kept", storage.kept);
    json_close(out, '}');
    json_close(out, '}');
}

bool center_ready(struct center *c, struct error *error)
{
    struct database *database = center_connection(c);
    struct event_statistics statistics;
    bool ok = database_number(database, "SELECT 1", "") == 1 ||
              (database_ok(database, error) && error_set(error, "the registry does not answer"));
    ok = ok && events_statistics(c->events, &statistics, error) && has_room(c, error);
    center_connection_return(c, database);
    return ok;
}

/* Says so once when the disk fills and once when there is room again. */
static void watch_storage(struct center *c)
{
    struct center_storage storage = center_storage(c);
    if (storage.full == c->was_full)
        return;
    c->was_full = storage.full;
    unsigned long long left = storage.free >> 10;
    if (storage.full)
        log_error("centre: %s has %llu KB left: events are refused until there is room", c->directory, left);
    else
        log_info("centre: %s has room again (%llu KB)", c->directory, left);
}

#define TICK_NS   (5 * NS_PER_S)
#define RETAIN_NS (600 * NS_PER_S)

bool center_passwords_light(const struct center *c)
{
    return c->passwords_light;
}

void center_tick(struct center *c)
{
    uint64_t steady = clock_steady();
    center_watch_clock(c);
    if (c->ticked && steady - c->ticked < TICK_NS)
        return;
    c->ticked = steady;
    watch_storage(c);
    struct arena memory = arena_of(1 << 22);
    struct database *database = center_connection(c);
    struct context context = context_system(c, database, &memory);
    if (c->was_full)
        database_settle(database);
    database_run(database, "DELETE FROM session WHERE expires<?", "u", context.now);
    sensors_watch(&context);
    if (clock_is_settled(c)) {
        alerts_expire_filters(&context);
        incidents_remind(&context);
    }
    if (!c->retained || steady - c->retained >= RETAIN_NS)
        c->audit_noted = audit_note(&context, c->audit_noted);
    center_connection_return(c, database);
    arena_done(&memory);
    if (!c->retained || steady - c->retained >= RETAIN_NS) {
        struct error error;
        c->retained = steady;
        /* What cannot be dropped now is tried again at the next turn. */
        (void)!events_retain(c->events, context.now, &error);
    }
    hub_nudge(c->hub);
}
