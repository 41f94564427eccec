/* SPDX-License-Identifier: Apache-2.0 */
/* Importing EVE files. */
#include "center/import.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define BATCH_EVENTS 500
#define LINE_MAX_    (4U << 20)

int64_t import_sensor(struct database *database, const char *name, uint64_t now)
{
    int64_t id = database_number(database, "SELECT id FROM sensor WHERE name=? AND ended IS NULL", "s", name);
    if (id)
        return id;
    database_run(database,
                 "INSERT INTO sensor (name, state, created, updated, last_seen, health) VALUES "
                 "(?,'trusted',?,?,?,'ok')",
                 "suuu", name, now, now, now);
    return database_last_id(database);
}

/* The line with one of its times moved; the line itself when it does not have it. */
static struct bytes moved(struct bytes line, const char *object, const char *name, int64_t shift,
                          struct arena *memory)
{
    uint64_t time;
    struct json_value value = json_parse(line);
    value = json_find(object ? json_find(value, object) : value, name);
    if (value.type != JSON_STRING || !clock_parse(value.text, &time))
        return line;
    size_t before = (size_t)(value.text.data - line.data);
    char buffer[48];
    struct text written = text_of(buffer, sizeof buffer);
    clock_text_eve((uint64_t)((int64_t)time + shift), &written);
    struct text text = text_new(line.size + sizeof buffer);
    text_put(&text, bytes_first(line, before));
    text_put(&text, text_bytes(&written));
    text_put(&text, bytes_from(line, before + value.text.size));
    struct bytes copy = arena_copy(memory, text_bytes(&text));
    text_done(&text);
    return copy.data ? copy : line;
}

/* The line with the time of its event and those of its flow moved. */
static struct bytes shifted(struct bytes line, int64_t shift, struct arena *memory)
{
    static const char *const times[][2] = { { NULL, "timestamp" }, { "flow", "start" }, { "flow", "end" } };
    for (size_t i = 0; shift != 0 && i < COUNT_OF(times); i++)
        line = moved(line, times[i][0], times[i][1], shift, memory);
    return line;
}

struct batch {
    struct event_record records[BATCH_EVENTS];
    size_t count;
    struct arena memory;
};

static bool flush(struct ingest *ingest, struct batch *b, uint32_t sensor, uint64_t run, struct error *error)
{
    struct ingest_receipt receipt;
    const struct event_batch batch = {
        .sensor = sensor, .boot = run, .records = b->records, .count = b->count
    };
    bool ok = b->count == 0 || ingest_records(ingest, &batch, b->records, &receipt, error) == INGEST_OK;
    b->count = 0;
    arena_reset(&b->memory);
    return ok;
}

static bool add_line(struct batch *b, struct bytes line, int64_t shift, uint32_t sensor, uint64_t run,
                     uint64_t sequence)
{
    struct bytes kept = arena_copy(&b->memory, line);
    struct event_record *record = &b->records[b->count];
    *record = (struct event_record){ 0 };
    if (!kept.data || !event_record_read(shifted(kept, shift, &b->memory), record, &b->memory))
        return false;
    record->id = (struct event_id){ .sensor = sensor, .boot = run, .sequence = sequence };
    b->count++;
    return true;
}

bool import_eve(struct ingest *ingest, int64_t sensor, uint64_t run, const char *path, int64_t shift,
                struct import_result *result, struct error *error)
{
    *result = (struct import_result){ 0 };
    FILE *file = fopen(path, "re");
    struct batch *b = calloc(1, sizeof *b);
    if (!file || !b) {
        error_system(error, "%s", path);
        if (file)
            fclose(file);
        free(b);
        return false;
    }
    b->memory = arena_of(256U << 20);
    char *line = NULL;
    size_t capacity = 0;
    uint64_t sequence = 0;
    ssize_t size;
    bool ok = true;
    while (ok && (size = getline(&line, &capacity, file)) > 0) {
        struct bytes text = bytes_trim(bytes_of(line, (size_t)size));
        if (text.size == 0)
            continue;
        if (shift && bytes_is(json_find(json_parse(text), "event_type").text, "stats"))
            continue;
        if (text.size > LINE_MAX_ || !add_line(b, text, shift, (uint32_t)sensor, run, ++sequence)) {
            result->unreadable++;
            continue;
        }
        uint64_t time = b->records[b->count - 1].time;
        result->events++;
        result->oldest = result->oldest ? MIN(result->oldest, time) : time;
        result->newest = MAX(result->newest, time);
        if (b->count == BATCH_EVENTS)
            ok = flush(ingest, b, (uint32_t)sensor, run, error);
    }
    ok = ok && flush(ingest, b, (uint32_t)sensor, run, error);
    arena_done(&b->memory);
    free(line);
    free(b);
    fclose(file);
    return ok;
}

uint64_t import_newest(const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    uint64_t newest = 0;
    while (file && (size = getline(&line, &capacity, file)) > 0) {
        uint64_t time;
        struct json_value event = json_parse(bytes_trim(bytes_of(line, (size_t)size)));
        struct json_value value = json_find(event, "timestamp");
        /* Statistics carry the time at which they were written. */
        if (!bytes_is(json_find(event, "event_type").text, "stats") && value.type == JSON_STRING &&
            clock_parse(value.text, &time))
            newest = MAX(newest, time);
    }
    free(line);
    if (file)
        fclose(file);
    return newest;
}
