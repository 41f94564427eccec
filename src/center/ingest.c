/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries of sensors into the event store and the alert groups. */
#include "center/ingest.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "center/alerts.h"
#include "event/frame.h"

#define MEMORY_MAX    (96U << 20)
#define SENSORS_MAX   100000U
#define TOUCH_NS      (5 * NS_PER_S) /* between two notes of "last seen" for deliveries without alerts */
#define HEARTBEAT_MAX (64U << 10)
#define COUNTERS_MAX  (32U << 10)

/* What is remembered of a sensor between its requests. */
struct pace {
    uint64_t events;            /* received since start */
    uint64_t touched;           /* steady time of the last note in the register */
    uint64_t noted;             /* events noted in the register */
    uint64_t beat, beat_events; /* steady time and events at the last heartbeat */
};

struct ingest {
    struct center *center;
    pthread_mutex_t lock;
    struct map paces; /* sensor to struct pace */
    struct ingest_statistics statistics;
};

/* The last sequence whose alerts were grouped, for deliveries that come again. */
static const char schema[] = "CREATE TABLE IF NOT EXISTS ingest_mark(sensor INTEGER, boot INTEGER, stream "
                             "INTEGER, high INTEGER NOT NULL,"
                             " PRIMARY KEY(sensor, boot, stream)) STRICT, WITHOUT ROWID";

struct ingest *ingest_open(struct center *center, struct error *error)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (!ingest) {
        error_set(error, "ingest: out of memory");
        return NULL;
    }
    pthread_mutex_init(&ingest->lock, NULL);
    ingest->center = center;
    ingest->paces = map_of(clock_steady(), SENSORS_MAX);
    struct database *database = center_connection(center);
    bool ok = database_script(database, schema, error);
    center_connection_return(center, database);
    if (!ok) {
        ingest_close(ingest);
        return NULL;
    }
    return ingest;
}

void ingest_close(struct ingest *ingest)
{
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    if (!ingest)
        return;
    while (map_each(&ingest->paces, &position, &key, &value))
        free((void *)*value);
    map_done(&ingest->paces);
    pthread_mutex_destroy(&ingest->lock);
    free(ingest);
}

/* The sensor's pace, made on first sight; NULL when memory is short, which only costs figures. Lock held. */
static struct pace *pace_of(struct ingest *ingest, int64_t sensor)
{
    bool added;
    uintptr_t *place = map_add(&ingest->paces, bytes_of(&sensor, sizeof sensor), &added);
    if (place && added)
        *place = (uintptr_t)calloc(1, sizeof(struct pace));
    return place ? (struct pace *)*place : NULL;
}

/* True when the register should hear of this sensor now; *fresh is what it has not heard of yet. */
static bool is_time_to_note(struct ingest *ingest, int64_t sensor, size_t events, bool must, uint64_t *fresh)
{
    uint64_t now = clock_steady();
    bool due = must;
    *fresh = events;
    pthread_mutex_lock(&ingest->lock);
    struct pace *pace = pace_of(ingest, sensor);
    if (pace) {
        pace->events += events;
        due = must || !pace->touched || now - pace->touched >= TOUCH_NS;
        if (due) {
            *fresh = pace->events - pace->noted;
            pace->noted = pace->events;
            pace->touched = now;
        }
    }
    pthread_mutex_unlock(&ingest->lock);
    return due;
}

/* Counts the alerts that no earlier delivery counted, and notes that the sensor was seen; one transaction. */
static bool group_alerts(struct context *context, const struct event_batch *batch, uint64_t fresh,
                         struct error *error)
{
    struct database *d = context->database;
    uint64_t last = batch->records[batch->count - 1].id.sequence;
    database_begin(d);
    uint64_t high = (uint64_t)database_number(
        d, "SELECT high FROM ingest_mark WHERE sensor = ? AND boot = ? AND stream = ?", "iui",
        (int64_t)batch->sensor, batch->boot, (int64_t)batch->stream);
    size_t skip = 0;
    while (skip < batch->count && batch->records[skip].id.sequence <= high)
        skip++;
    bool ok = skip == batch->count || alerts_add(context, batch->records + skip, batch->count - skip);
    if (ok && skip < batch->count)
        database_run(d, "INSERT INTO ingest_mark VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET high = ?4",
                     "iuiu", (int64_t)batch->sensor, batch->boot, (int64_t)batch->stream, last);
    if (batch->sensor)
        database_run(
            d, "UPDATE sensor SET last_seen = ?, boot = ?, events = coalesce(events, 0) + ? WHERE id = ?",
            "uuui", context->now, batch->boot, fresh, (int64_t)batch->sensor);
    if (ok && database_commit(d, error))
        return true;
    if (!ok) {
        struct error reason = { "" };
        bool full = !database_ok(d, &reason) && reason.disk_full;
        database_rollback(d);
        error_set(error, "ingest: alerts cannot be grouped: %s",
                  context->refusal.code ? context->refusal.text : reason.text);
        error->disk_full = full;
    }
    return false;
}

static bool has_alerts(const struct event_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->records[i].type == EVENT_ALERT)
            return true;
    return false;
}

static enum ingest_result store(struct ingest *ingest, const struct event_batch *batch,
                                struct event_record *records, struct arena *memory,
                                struct ingest_receipt *receipt, struct error *error)
{
    uint64_t fresh;
    bool alerts = has_alerts(batch), ok = true;
    for (size_t i = 0; i < batch->count; i++)
        alerts_resolve(ingest->center, &records[i]);
    if (batch->count && !events_append(center_events(ingest->center), batch, &receipt->added, error))
        return INGEST_BUSY;
    bool due = is_time_to_note(ingest, batch->sensor, receipt->added, alerts, &fresh);
    if (batch->count && due) {
        struct database *database = center_connection(ingest->center);
        if (!database) {
            error_set(error, "ingest: the register cannot be opened");
            return INGEST_BUSY;
        }
        struct context context = context_system(ingest->center, database, memory);
        ok = group_alerts(&context, batch, fresh, error);
        center_connection_return(ingest->center, database);
    }
    return ok ? INGEST_OK : INGEST_BUSY;
}

static void count(struct ingest *ingest, enum ingest_result result, const struct ingest_receipt *receipt)
{
    pthread_mutex_lock(&ingest->lock);
    ingest->statistics.refused += result != INGEST_OK;
    if (result == INGEST_OK) {
        ingest->statistics.frames++;
        ingest->statistics.events += receipt->added;
        ingest->statistics.unreadable += receipt->unreadable;
        ingest->statistics.replayed += receipt->events - receipt->unreadable - receipt->added;
    }
    pthread_mutex_unlock(&ingest->lock);
}

enum ingest_result ingest_records(struct ingest *ingest, const struct event_batch *batch,
                                  struct event_record *records, struct ingest_receipt *receipt,
                                  struct error *error)
{
    struct arena memory = arena_of(MEMORY_MAX);
    struct ingest_receipt done = { .boot = batch->boot, .events = batch->count };
    if (batch->count)
        done.acknowledged = batch->records[batch->count - 1].id.sequence;
    enum ingest_result result = store(ingest, batch, records, &memory, &done, error);
    count(ingest, result, &done);
    arena_done(&memory);
    if (result == INGEST_OK)
        *receipt = done;
    return result;
}

/* Reads the frame's lines into records; lines that are no events are left out. */
static size_t read_lines(const struct frame *frame, uint32_t sensor, struct event_record *records,
                         struct arena *memory)
{
    size_t used = 0;
    for (size_t i = 0; i < frame->count; i++) {
        struct event_record *record = &records[used];
        if (!event_record_read(frame->events[i].line, record, memory))
            continue;
        record->id = (struct event_id){ sensor, frame->boot, frame->events[i].sequence };
        used++;
    }
    return used;
}

enum ingest_result ingest_frame(struct ingest *ingest, int64_t sensor, struct bytes data,
                                struct ingest_receipt *receipt, struct error *error)
{
    struct arena memory = arena_of(MEMORY_MAX);
    struct frame frame;
    struct ingest_receipt done = { 0 };
    enum ingest_result result = INGEST_MALFORMED;
    if (sensor <= 0 || sensor > UINT32_MAX) {
        error_set(error, "ingest: no such sensor");
    } else if (frame_read(data, &memory, &frame, error)) {
        done =
            (struct ingest_receipt){ .acknowledged = frame.last, .boot = frame.boot, .events = frame.count };
        struct event_record *records = ARENA_ARRAY(&memory, struct event_record, frame.count);
        if (frame.boot > INT64_MAX || frame.last > INT64_MAX) {
            error_set(error, "frame: numbers beyond 63 bits");
        } else if (!records) {
            result = INGEST_BUSY;
            error_set(error, "ingest: out of memory");
        } else {
            size_t used = read_lines(&frame, (uint32_t)sensor, records, &memory);
            struct event_batch batch = { (uint32_t)sensor, frame.boot, frame.stream, records, used };
            done.unreadable = frame.count - used;
            result = store(ingest, &batch, records, &memory, &done, error);
        }
    }
    count(ingest, result, &done);
    arena_done(&memory);
    if (result == INGEST_OK)
        *receipt = done;
    return result;
}

/* ---- heartbeats ---- */

/* Events a second since the last heartbeat. */
static double rate_of(struct ingest *ingest, int64_t sensor)
{
    uint64_t now = clock_steady();
    double rate = 0;
    pthread_mutex_lock(&ingest->lock);
    struct pace *pace = pace_of(ingest, sensor);
    if (pace) {
        if (pace->beat && now > pace->beat)
            rate = (double)(pace->events - pace->beat_events) * 1e9 / (double)(now - pace->beat);
        pace->beat = now;
        pace->beat_events = pace->events;
    }
    pthread_mutex_unlock(&ingest->lock);
    return rate;
}

static uint64_t number_at(struct json_value body, const char *path)
{
    uint64_t number;
    return json_to_u64(json_find(body, path), &number) && number <= INT64_MAX ? number : 0;
}

enum ingest_result ingest_heartbeat(struct ingest *ingest, int64_t sensor, struct bytes text,
                                    const char *address, struct text *reply, struct error *error)
{
    struct json_value body = json_parse(text);
    struct json_value when = json_find(body, "time"), software = json_find(body, "version");
    struct json_value counters = json_find(body, "counters");
    uint64_t now = center_now(ingest->center), theirs = 0;
    if (text.size > HEARTBEAT_MAX || body.type != JSON_OBJECT || when.type != JSON_STRING ||
        !clock_parse(when.text, &theirs) || software.type != JSON_STRING || software.text.size > 60 ||
        counters.text.size > COUNTERS_MAX || !bytes_is_utf8(text)) {
        error_set(error, "heartbeat: must be an object with time, version and counters");
        return INGEST_MALFORMED;
    }
    double rate = rate_of(ingest, sensor);
    struct database *d = center_connection(ingest->center);
    if (!d) {
        error_set(error, "ingest: the register cannot be opened");
        return INGEST_BUSY;
    }
    database_run(
        d,
        "UPDATE sensor SET last_seen = ?, software = ?, address = ?, counters = ?, clock_offset_ms = ?,"
        " backlog_bytes = ?, lost = ?, boot = ?, events_per_s = ? WHERE id = ?",
        "ubsbiuuudi", now, software.text, address, counters.type == JSON_OBJECT ? counters.text : BYTES_NONE,
        ((int64_t)theirs - (int64_t)now) / (int64_t)NS_PER_MS, number_at(body, "backlog_bytes"),
        number_at(body, "lost"), number_at(body, "boot"), rate, sensor);
    bool ok = database_ok(d, error);
    center_connection_return(ingest->center, d);
    if (!ok)
        return INGEST_BUSY;
    char stamp[40];
    struct text time = text_of(stamp, sizeof stamp);
    clock_text_rfc3339(now, &time);
    json_open(reply, NULL, '{');
    json_string(reply, "time", text_bytes(&time));
    json_uint(reply, "heartbeat_s", 30);
    json_close(reply, '}');
    json_end(reply);
    return INGEST_OK;
}

void ingest_statistics(struct ingest *ingest, struct ingest_statistics *statistics)
{
    pthread_mutex_lock(&ingest->lock);
    *statistics = ingest->statistics;
    pthread_mutex_unlock(&ingest->lock);
}
