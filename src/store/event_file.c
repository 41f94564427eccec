/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one file of the event store. */
#include "store/event_file.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zdict.h>

#include "base/clock.h"
#include "store/event_names.h"

#define ALERT_LEVEL        3
#define DICTIONARY_SIZE    (32U << 10)
#define DICTIONARY_SAMPLES 1000
#define SAMPLES_BYTES_MAX  (4U << 20)
#define UNPACK_MEMORY      (96U << 20)
#define KEPT_MEMORY        (8U << 20)

/* Blocks with open = 1 hold what came since the last whole block and have no filters; the tables of counts
 * are what histograms and tops are answered from. Times are nanoseconds; addresses 4 or 16 octets. */
static const char schema[] =
    "CREATE TABLE mark(sensor INTEGER, boot INTEGER, stream INTEGER, high INTEGER NOT NULL,"
    " PRIMARY KEY(sensor, boot, stream)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE block(id INTEGER PRIMARY KEY, open INTEGER NOT NULL, count INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, types INTEGER NOT NULL, columns "
    "BLOB NOT NULL) STRICT;"
    "CREATE INDEX block_time ON block(last, first, count, types, open);"
    "CREATE TABLE frame(id INTEGER PRIMARY KEY, bodies BLOB NOT NULL) STRICT;"
    "CREATE TABLE filter(id INTEGER PRIMARY KEY, bits BLOB NOT NULL) STRICT;" NAMES_SCHEMA
    "CREATE TABLE alert(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sensor INTEGER NOT NULL,"
    " boot INTEGER NOT NULL, sequence INTEGER NOT NULL, type INTEGER NOT NULL, agency INTEGER NOT NULL,"
    " system INTEGER NOT NULL, signature INTEGER NOT NULL, severity INTEGER NOT NULL, source BLOB,"
    " destination BLOB, source_port INTEGER NOT NULL, destination_port INTEGER NOT NULL, flow INTEGER NOT "
    "NULL, host TEXT, dictionary INTEGER "
    "NOT NULL,"
    " body BLOB NOT NULL) STRICT;"
    "CREATE INDEX alert_time ON alert(time, signature, agency, type, severity);"
    "CREATE INDEX alert_signature ON alert(signature, time);"
    "CREATE INDEX alert_source ON alert(source, time);"
    "CREATE INDEX alert_destination ON alert(destination, time);"
    "CREATE TABLE dictionary(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;"
    "CREATE TABLE signature(id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
    "CREATE TABLE per_minute(minute INTEGER, type INTEGER, count INTEGER NOT NULL, PRIMARY KEY(minute, type))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE per_hour(hour INTEGER, agency INTEGER, type INTEGER, count INTEGER NOT NULL,"
    " PRIMARY KEY(hour, agency, type)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE per_day(signature INTEGER, agency INTEGER, type INTEGER, count INTEGER NOT NULL,"
    " PRIMARY KEY(signature, agency, type)) STRICT, WITHOUT ROWID;";

static const struct migration migrations[] = { { .number = 1, .sql = schema },
                                               { .number = 2, .apply = names_migrate } };

static const char *const kind_names[EVENT_FILE_KINDS] = { "alerts", "traffic" };

static_assert(EVENT_TYPE_COUNT <= 63, "types of a block are bits of an SQLite integer");

void event_file_name(char name[static EVENT_FILE_NAME_MAX], uint64_t day, enum event_file_kind kind)
{
    time_t seconds = (time_t)(day * 86400);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(name, EVENT_FILE_NAME_MAX, "%04u-%02u-%02u.%s.db", (unsigned)(tm.tm_year + 1900) % 10000U,
             (unsigned)(tm.tm_mon + 1) % 100U, (unsigned)tm.tm_mday % 100U, kind_names[kind]);
}

bool event_file_parse(const char *name, uint64_t *day, enum event_file_kind *kind)
{
    struct bytes rest = bytes_of_string(name);
    struct bytes date = bytes_cut(&rest, '.');
    char text[32];
    uint64_t time;
    if (date.size != 10)
        return false;
    snprintf(text, sizeof text, "%.10sT00:00:00Z", name);
    if (!clock_parse(bytes_of_string(text), &time))
        return false;
    for (unsigned i = 0; i < EVENT_FILE_KINDS; i++) {
        size_t size = strlen(kind_names[i]);
        if (bytes_starts(rest, bytes_of(kind_names[i], size)) && bytes_is(bytes_from(rest, size), ".db")) {
            *day = time / NS_PER_DAY;
            *kind = (enum event_file_kind)i;
            return true;
        }
    }
    return false;
}

enum event_file_kind event_file_kind_of(enum event_type type)
{
    return type == EVENT_ALERT || type == EVENT_DROP || type == EVENT_BEHAVIOR ? EVENT_FILE_ALERTS
                                                                               : EVENT_FILE_TRAFFIC;
}

/* Copies of the events in open blocks, so that they need not be unpacked to be packed with those that follow.
 * Good while there are as many as open_count says; else they are read back. */
struct kept {
    struct arena memory;
    struct block_event *events; /* BLOCK_EVENTS_MAX, once there were any */
    size_t count;
};

struct event_file {
    struct database *database;
    struct block_codec *codec;
    enum event_file_kind kind;
    size_t open_count, open_bytes; /* events in open blocks, and octets of their bodies */
    struct kept kept;
    struct names *names; /* of hosts; of traffic only */
    ZSTD_CCtx *compressor;
    ZSTD_CDict *dictionary;
    int64_t dictionary_id, alerts; /* alerts stored, until a dictionary is trained */
    struct text packed;            /* one body of an alert */
};

static bool load_dictionary(struct event_file *file, struct error *error)
{
    struct database *d = file->database;
    struct statement *s = database_query(d, "SELECT id, data FROM dictionary ORDER BY id DESC LIMIT 1", "");
    if (statement_next(s)) {
        struct bytes data = statement_bytes(s, 1);
        file->dictionary_id = statement_int(s, 0);
        file->dictionary = ZSTD_createCDict(data.data, data.size, ALERT_LEVEL);
        statement_done(s);
        if (!file->dictionary)
            return error_set(error, "events: out of memory");
    }
    return database_ok(d, error);
}

/* A new day begins with the dictionary of an earlier one; without it the first thousand alerts make one. */
static void inherit_dictionary(struct event_file *file, const char *from)
{
    struct error ignored;
    struct arena memory = arena_of(1 << 20);
    struct database *other = database_open(from, true, &ignored);
    if (!other)
        return;
    struct bytes data = database_text(other, &memory, "SELECT data FROM dictionary ORDER BY id DESC LIMIT 1",
                                      "");
    if (data.data)
        database_run(file->database, "INSERT INTO dictionary(data) VALUES(?)", "x", data);
    (void)!database_ok(other, &ignored);
    (void)!database_ok(file->database, &ignored);
    database_close(other);
    arena_done(&memory);
}

struct event_file *event_file_open(const char *path, enum event_file_kind kind, bool no_sync,
                                   const char *dictionary_from, struct block_codec *codec,
                                   struct error *error)
{
    struct event_file *file = calloc(1, sizeof *file);
    if (!file) {
        error_set(error, "events: out of memory");
        return NULL;
    }
    file->kind = kind;
    file->codec = codec;
    file->packed = text_new(8 << 20);
    file->kept.memory = arena_of(KEPT_MEMORY);
    file->compressor = ZSTD_createCCtx();
    file->database = database_open(path, false, error);
    if (!file->database || !file->compressor)
        goto fail;
    const char *pragmas =
        no_sync ? "PRAGMA synchronous=OFF; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000"
                : "PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000";
    int64_t before = database_number(file->database, "PRAGMA user_version", "");
    if (!database_script(file->database, pragmas, error) ||
        !database_migrate(file->database, migrations, COUNT_OF(migrations), NULL, error))
        goto fail;
    if (before == 0 && kind == EVENT_FILE_ALERTS && dictionary_from)
        inherit_dictionary(file, dictionary_from);
    file->open_count = (size_t)database_number(file->database,
                                               "SELECT coalesce(sum(count), 0) FROM block WHERE open", "");
    file->open_bytes = (size_t)database_number(file->database,
                                               "SELECT coalesce(sum(bytes), 0) FROM block WHERE open", "");
    file->alerts = database_number(file->database, "SELECT count(*) FROM alert", "");
    if (!load_dictionary(file, error))
        goto fail;
    if (kind == EVENT_FILE_TRAFFIC && !(file->names = names_open(file->database, error)))
        goto fail;
    return file;
fail:
    error_prefix(error, "%s", path);
    event_file_close(file);
    return NULL;
}

void event_file_close(struct event_file *file)
{
    if (!file)
        return;
    ZSTD_freeCCtx(file->compressor);
    ZSTD_freeCDict(file->dictionary);
    arena_done(&file->kept.memory);
    free(file->kept.events);
    names_close(file->names);
    text_done(&file->packed);
    database_close(file->database);
    free(file);
}

ZSTD_DDict *event_file_dictionary(struct database *database, int64_t id)
{
    ZSTD_DDict *dictionary = NULL;
    struct statement *s = database_query(database, "SELECT data FROM dictionary WHERE id = ?", "i", id);
    if (statement_next(s)) {
        struct bytes data = statement_bytes(s, 0);
        dictionary = ZSTD_createDDict(data.data, data.size);
        statement_done(s);
    }
    return dictionary;
}

/* ---- blocks ---- */

static int by_time(const void *a, const void *b)
{
    const struct block_event *x = a, *y = b;
    struct event_cursor left = { x->time, x->record->id }, right = { y->time, y->record->id };
    return event_cursor_compare(&left, &right);
}

/* How many from the first on are in order. */
static size_t run_length(const struct block_event *events, size_t count)
{
    size_t length = MIN(count, (size_t)1);
    while (length < count && by_time(&events[length - 1], &events[length]) <= 0)
        length++;
    return length;
}

/* One run of two. */
static void merge_runs(const struct block_event *a, size_t a_count, const struct block_event *b,
                       size_t b_count, struct block_event *out)
{
    while (a_count && b_count) {
        bool first = by_time(a, b) <= 0;
        *out++ = first ? *a++ : *b++;
        a_count -= first;
        b_count -= !first;
    }
    memcpy(out, a_count ? a : b, MAX(a_count, b_count) * sizeof *out);
}

/* Sorts what consists of a few runs: blocks that were sorted before. `other` has room for as many; the result
 * is in the one that is returned. */
static struct block_event *merge_sorted(struct block_event *events, size_t count, struct block_event *other)
{
    while (run_length(events, count) < count) {
        for (size_t at = 0; at < count;) {
            size_t a = run_length(events + at, count - at);
            size_t b = run_length(events + at + a, count - at - a);
            merge_runs(events + at, a, events + at + a, b, other + at);
            at += a + b;
        }
        struct block_event *merged = other;
        other = events;
        events = merged;
    }
    return events;
}

static size_t body_bytes(const struct block_event *events, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += events[i].record->body.size;
    return bytes;
}

static bool write_block(struct event_file *file, const struct block_event *events, size_t count, bool open,
                        struct error *error)
{
    struct database *d = file->database;
    struct packed_block packed;
    if (!block_pack(file->codec, events, count, !open, &packed, error))
        return false;
    database_run(d,
                 "INSERT INTO block(open, count, bytes, first, last, types, columns) VALUES(?,?,?,?,?,?,?)",
                 "iuuuuux", (int64_t)open, (uint64_t)count, (uint64_t)body_bytes(events, count), packed.first,
                 packed.last, packed.types, packed.columns);
    int64_t id = database_last_id(d);
    for (size_t i = 0; i < packed.frame_count; i++)
        database_run(d, "INSERT INTO frame(id, bodies) VALUES(?, ?)", "ix",
                     id * (int64_t)BLOCK_FRAMES_MAX + (int64_t)i, packed.frames[i]);
    for (unsigned i = 0; i < BLOCK_FILTERS && !open; i++)
        database_run(d, "INSERT INTO filter(id, bits) VALUES(?, ?)", "ix", (int64_t)i << 40 | id,
                     packed.filters[i]);
    return true;
}

/* Reads one open block back as events; records in `memory`. */
static bool reload_block(struct event_file *file, int64_t id, struct bytes columns, struct arena *memory,
                         struct block_event *events, size_t *count, struct error *error)
{
    struct database *d = file->database;
    struct block block;
    struct bytes bodies[FRAME_EVENTS];
    if (!block_unpack(file->codec, columns, memory, &block, error))
        return false;
    struct event_record *records = ARENA_ARRAY(memory, struct event_record, block.count);
    if (!records)
        return error_set(error, "events: out of memory");
    for (size_t i = 0; i < block.count; i++) {
        if (i % FRAME_EVENTS == 0) {
            size_t size = MIN(FRAME_EVENTS, block.count - i);
            struct statement *s = database_query(d, "SELECT bodies FROM frame WHERE id = ?", "i",
                                                 id * (int64_t)BLOCK_FRAMES_MAX +
                                                     (int64_t)(i / FRAME_EVENTS));
            bool ok = statement_next(s) &&
                      frame_unpack(file->codec, statement_bytes(s, 0), size, memory, bodies, error);
            statement_done(s);
            if (!ok)
                return false;
        }
        const struct block_row *row = &block.rows[i];
        records[i] = (struct event_record){ .body = bodies[i % FRAME_EVENTS] };
        records[i].id = row->id;
        records[i].type = (enum event_type)row->type;
        records[i].agency = row->agency;
        records[i].system = row->system;
        records[i].source = block.addresses[row->source];
        records[i].destination = block.addresses[row->destination];
        records[i].source_port = row->source_port;
        records[i].destination_port = row->destination_port;
        events[i] = (struct block_event){ &records[i], row->time, row->host, row->flow_key,
                                          row->community_key };
    }
    *count = block.count;
    return true;
}

static bool reload_open(struct event_file *file, struct arena *memory, struct block_event *events,
                        size_t room, size_t *count, struct error *error)
{
    struct database *d = file->database;
    struct statement *s = database_query(d, "SELECT id, columns, count FROM block WHERE open ORDER BY id",
                                         "");
    bool ok = true;
    *count = 0;
    while (ok && statement_next(s)) {
        size_t got = 0;
        ok = (size_t)statement_int(s, 2) <= room - *count &&
             reload_block(file, statement_int(s, 0), statement_bytes(s, 1), memory, events + *count, &got,
                          error);
        *count += got;
    }
    statement_done(s);
    return ok || error_prefix(error, "events: open blocks");
}

static void delete_open(struct event_file *file)
{
    struct database *d = file->database;
    database_run(d, "DELETE FROM frame WHERE id / ?1 IN (SELECT id FROM block WHERE open)", "i",
                 (int64_t)BLOCK_FRAMES_MAX);
    database_run(d, "DELETE FROM block WHERE open", "");
}

/* ---- what is kept of open blocks ---- */

static void forget_kept(struct event_file *file)
{
    arena_reset(&file->kept.memory);
    file->kept.count = 0;
}

/* What packing asks for. */
static bool keep_one(struct kept *kept, const struct block_event *event)
{
    struct event_record *copy = ARENA_NEW(&kept->memory, struct event_record);
    const struct event_record *r = event->record;
    if (!copy)
        return false;
    *copy = (struct event_record){ .id = r->id,
                                   .type = r->type,
                                   .agency = r->agency,
                                   .system = r->system,
                                   .source = r->source,
                                   .destination = r->destination,
                                   .source_port = r->source_port,
                                   .destination_port = r->destination_port,
                                   .body = arena_copy(&kept->memory, r->body) };
    kept->events[kept->count] = *event;
    kept->events[kept->count++].record = copy;
    return copy->body.size == r->body.size;
}

/* Adds `events`, which are in an open block now. */
static void keep(struct event_file *file, const struct block_event *events, size_t count)
{
    struct kept *kept = &file->kept;
    if (!kept->events)
        kept->events = calloc(BLOCK_EVENTS_MAX, sizeof *kept->events);
    bool ok = kept->events && count <= BLOCK_EVENTS_MAX - kept->count;
    for (size_t i = 0; ok && i < count; i++)
        ok = keep_one(kept, &events[i]);
    if (!ok)
        forget_kept(file);
}

/* The same for the only ones that are left; they may be copies kept before. */
static void keep_only(struct event_file *file, const struct block_event *events, size_t count)
{
    struct arena before = file->kept.memory;
    file->kept.memory = arena_of(KEPT_MEMORY);
    file->kept.count = 0;
    keep(file, events, count);
    arena_done(&before);
}

static bool load_open(struct event_file *file, struct arena *memory, struct block_event *events,
                      size_t *count, struct error *error)
{
    if (file->kept.count != file->open_count)
        return reload_open(file, memory, events, file->open_count, count, error);
    *count = file->kept.count;
    if (*count)
        memcpy(events, file->kept.events, *count * sizeof *events);
    return true;
}

/* How many of `events` the next block takes. */
static size_t block_length(const struct block_event *events, size_t count)
{
    size_t bytes = 0, length = 0;
    while (length < count && length < BLOCK_EVENTS_MAX && bytes < BLOCK_RAW_MAX)
        bytes += events[length++].record->body.size;
    return length;
}

/* What stays in open blocks. */
struct open_part {
    size_t count, bytes;
};

/* Writes `events`, sorted, as whole blocks; what is left over as an open one. */
static bool write_blocks(struct event_file *file, const struct block_event *events, size_t count, bool all,
                         struct open_part *left, struct error *error)
{
    while (count) {
        size_t length = block_length(events, count);
        size_t bytes = body_bytes(events, length);
        bool open = !all && length == count && length < BLOCK_EVENTS_MAX && bytes < BLOCK_RAW_MAX;
        if (!write_block(file, events, length, open, error))
            return false;
        *left = open ? (struct open_part){ length, bytes } : (struct open_part){ 0 };
        events += length;
        count -= length;
    }
    return true;
}

/* Adds new events to the open ones; makes whole blocks as soon as there are enough (or `all`). */
static bool append_traffic(struct event_file *file, struct block_event *events, size_t count, bool all,
                           struct open_part *open, struct error *error)
{
    struct arena memory = arena_of(UNPACK_MEMORY);
    struct block_event *merged = NULL;
    bool ok = true;
    if (count)
        qsort(events, count, sizeof *events, by_time);
    size_t bytes = body_bytes(events, count);
    if (!all && file->open_count + count < BLOCK_EVENTS_MAX && file->open_bytes + bytes < BLOCK_RAW_MAX) {
        struct open_part left = { 0 };
        ok = write_blocks(file, events, count, false, &left, error);
        keep(file, events, count);
        *open = (struct open_part){ file->open_count + left.count, file->open_bytes + left.bytes };
        return ok;
    }
    size_t room = file->open_count + count, reloaded = 0;
    merged = calloc(MAX(room, (size_t)1), 2 * sizeof *merged);
    ok = merged ? load_open(file, &memory, merged, &reloaded, error)
                : error_set(error, "events: out of memory");
    if (ok && room) {
        delete_open(file);
        if (count)
            memcpy(merged + reloaded, events, count * sizeof *events);
        struct block_event *sorted = merge_sorted(merged, reloaded + count, merged + room);
        *open = (struct open_part){ 0 };
        ok = write_blocks(file, sorted, reloaded + count, all, open, error);
        keep_only(file, sorted + reloaded + count - open->count, open->count);
    }
    free(merged);
    arena_done(&memory);
    return ok;
}

/* ---- alerts ---- */

static struct bytes address_bytes(const struct address *address)
{
    return address->version ? bytes_of(address->octets, address_size(address)) : BYTES_NONE;
}

static bool pack_body(struct event_file *file, struct bytes body, struct bytes *packed)
{
    size_t bound = ZSTD_compressBound(body.size);
    text_clear(&file->packed);
    if (!text_reserve(&file->packed, bound))
        return false;
    size_t size = file->dictionary ? ZSTD_compress_usingCDict(file->compressor, file->packed.data, bound,
                                                              body.data, body.size, file->dictionary)
                                   : ZSTD_compressCCtx(file->compressor, file->packed.data, bound, body.data,
                                                       body.size, ALERT_LEVEL);
    if (ZSTD_isError(size))
        return false;
    *packed = bytes_of(file->packed.data, size);
    return true;
}

/* Makes a dictionary of the alerts so far once there are enough; without one compression is only worse. */
static void train_dictionary(struct event_file *file, const struct block_event *events, size_t count)
{
    if (file->dictionary || count < DICTIONARY_SAMPLES / 4 || file->alerts < DICTIONARY_SAMPLES)
        return;
    struct text samples = text_new(SAMPLES_BYTES_MAX);
    size_t *sizes = calloc(count, sizeof *sizes), used = 0;
    uint8_t *data = malloc(DICTIONARY_SIZE);
    for (size_t i = 0; sizes && i < count && !samples.full; i++) {
        text_put(&samples, events[i].record->body);
        if (!samples.full)
            sizes[used++] = events[i].record->body.size;
    }
    if (sizes && data) {
        size_t size = ZDICT_trainFromBuffer(data, DICTIONARY_SIZE, samples.data, sizes, (unsigned)used);
        if (!ZDICT_isError(size) && database_run(file->database, "INSERT INTO dictionary(data) VALUES(?)",
                                                 "x", bytes_of(data, size))) {
            file->dictionary_id = database_last_id(file->database);
            file->dictionary = ZSTD_createCDict(data, size, ALERT_LEVEL);
        }
    }
    free(data);
    free(sizes);
    text_done(&samples);
}

static bool append_alerts(struct event_file *file, const struct block_event *events, size_t count,
                          struct error *error)
{
    struct database *d = file->database;
    for (size_t i = 0; i < count; i++) {
        const struct event_record *r = events[i].record;
        struct bytes packed;
        if (!pack_body(file, r->body, &packed))
            return error_set(error, "events: cannot compress an alert of %zu octets", r->body.size);
        struct bytes source = address_bytes(&r->source), destination = address_bytes(&r->destination);
        database_run(d,
                     "INSERT INTO alert(time, sensor, boot, sequence, type, agency, system, signature, "
                     "severity, source,"
                     " destination, source_port, destination_port, flow, host, dictionary, body)"
                     " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                     "uiuuiiiiixxiiubix", events[i].time, (int64_t)r->id.sensor, r->id.boot, r->id.sequence,
                     (int64_t)r->type, (int64_t)r->agency, (int64_t)r->system, (int64_t)r->signature_id,
                     (int64_t)r->severity, source, destination, (int64_t)r->source_port,
                     (int64_t)r->destination_port, r->flow_id, bytes_is_utf8(r->host) ? r->host : BYTES_NONE,
                     file->dictionary ? file->dictionary_id : (int64_t)0, packed);
        if (r->signature_id && bytes_is_utf8(r->signature))
            database_run(d, "INSERT OR IGNORE INTO signature(id, text) VALUES(?, ?)", "ib",
                         (int64_t)r->signature_id, r->signature.data ? r->signature : BYTES_OF(""));
    }
    return true;
}

/* ---- counts ---- */

struct tally {
    uint64_t a, b, c; /* the key of a row of counts */
    uint64_t count;
};

static int by_key(const void *left, const void *right)
{
    const struct tally *x = left, *y = right;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    return x->c < y->c ? -1 : x->c > y->c;
}

/* Sorts and adds up equal keys; returns how many are left. */
static size_t add_up(struct tally *tallies, size_t count)
{
    size_t kept = 0;
    qsort(tallies, count, sizeof *tallies, by_key);
    for (size_t i = 0; i < count; i++) {
        if (kept && by_key(&tallies[kept - 1], &tallies[i]) == 0)
            tallies[kept - 1].count += tallies[i].count;
        else
            tallies[kept++] = tallies[i];
    }
    return kept;
}

static bool add_counts(struct event_file *file, const struct block_event *events, size_t count,
                       struct error *error)
{
    struct database *d = file->database;
    struct tally *tallies = calloc(MAX(count, (size_t)1), sizeof *tallies);
    size_t used;
    if (!tallies)
        return error_set(error, "events: out of memory");
    for (size_t i = 0; i < count; i++)
        tallies[i] = (struct tally){ events[i].time / (60 * NS_PER_S), events[i].record->type, 0, 1 };
    used = add_up(tallies, count);
    for (size_t i = 0; i < used; i++)
        database_run(d,
                     "INSERT INTO per_minute VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3",
                     "uuu", tallies[i].a, tallies[i].b, tallies[i].count);
    for (size_t i = 0; i < count; i++)
        tallies[i] = (struct tally){ events[i].time / (3600 * NS_PER_S), events[i].record->agency,
                                     events[i].record->type, 1 };
    used = add_up(tallies, count);
    for (size_t i = 0; i < used; i++)
        database_run(
            d, "INSERT INTO per_hour VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET count = count + ?4",
            "uuuu", tallies[i].a, tallies[i].b, tallies[i].c, tallies[i].count);
    for (size_t i = 0; i < count && file->kind == EVENT_FILE_ALERTS; i++)
        tallies[i] = (struct tally){ events[i].record->signature_id, events[i].record->agency,
                                     events[i].record->type, 1 };
    used = file->kind == EVENT_FILE_ALERTS ? add_up(tallies, count) : 0;
    for (size_t i = 0; i < used; i++)
        database_run(
            d, "INSERT INTO per_day VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET count = count + ?4",
            "uuuu", tallies[i].a, tallies[i].b, tallies[i].c, tallies[i].count);
    free(tallies);
    return true;
}

/* ---- one batch ---- */

/* Leaves out what the mark says is stored already. */
static size_t skip_replayed(struct event_file *file, const struct event_batch *batch,
                            const struct block_event *events, size_t count)
{
    struct statement *s = database_query(file->database,
                                         "SELECT high FROM mark WHERE sensor = ? AND boot = ? AND stream = ?",
                                         "iui", (int64_t)batch->sensor, batch->boot, (int64_t)batch->stream);
    size_t skip = 0;
    if (statement_next(s)) {
        uint64_t high = (uint64_t)statement_int(s, 0);
        while (skip < count && events[skip].record->id.sequence <= high)
            skip++;
        statement_done(s);
    }
    return skip;
}

/* After a transaction that failed: what was remembered may name rows that are not there. */
static void forget_undone(struct event_file *file)
{
    struct error ignored;
    forget_kept(file);
    if (file->names)
        names_forget(file->names);
    ZSTD_freeCDict(file->dictionary);
    file->dictionary = NULL;
    file->dictionary_id = 0;
    (void)!load_dictionary(file, &ignored); /* without it bodies only pack worse */
}

bool event_file_append(struct event_file *file, const struct event_batch *batch, struct block_event *events,
                       size_t count, size_t *added, struct error *error)
{
    struct database *d = file->database;
    struct open_part open = { file->open_count, file->open_bytes };
    database_begin(d);
    size_t skip = skip_replayed(file, batch, events, count);
    events += skip;
    count -= skip;
    if (count == 0) {
        *added = 0;
        return database_commit(d, error);
    }
    uint64_t high = events[count - 1].record->id.sequence;
    bool ok = add_counts(file, events, count, error);
    if (ok && file->kind == EVENT_FILE_ALERTS) {
        train_dictionary(file, events, count);
        ok = append_alerts(file, events, count, error);
    } else if (ok) {
        for (size_t i = 0; i < count; i++) {
            events[i].host = names_number(file->names, events[i].record->host);
            block_event_keys(&events[i]);
        }
        ok = names_flush(file->names, error) && append_traffic(file, events, count, false, &open, error);
    }
    database_run(d, "INSERT INTO mark VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET high = ?4", "iuiu",
                 (int64_t)batch->sensor, batch->boot, (int64_t)batch->stream, high);
    if (ok)
        ok = database_commit(d, error);
    else
        database_rollback(d);
    if (!ok) {
        forget_undone(file);
        return false;
    }
    file->open_count = open.count;
    file->open_bytes = open.bytes;
    file->alerts += (int64_t)count;
    *added = count;
    return true;
}

void event_file_settle(struct event_file *file)
{
    database_settle(file->database);
}

bool event_file_seal(struct event_file *file, struct error *error)
{
    struct open_part open = { 0 };
    if (file->open_count == 0)
        return true;
    database_begin(file->database);
    bool ok = append_traffic(file, NULL, 0, true, &open, error);
    if (ok)
        ok = database_commit(file->database, error);
    else
        database_rollback(file->database);
    if (!ok) {
        forget_kept(file);
        return false;
    }
    file->open_count = file->open_bytes = 0;
    return true;
}
