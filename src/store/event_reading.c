/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one file of the event store after the other for a query. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/event_names.h"
#include "store/events_sqlite.h"

#define BODY_MAX   (8U << 20)
#define BLOCKS_MAX 1000000U

bool reading_start(struct reading *reading, struct events *events, const struct event_filter *filter,
                   uint64_t deadline, struct error *error)
{
    *reading = (struct reading){ .events = events, .deadline = deadline };
    if (!matcher_init(&reading->matcher, filter, error))
        return false;
    reading->codec = block_codec_new(error);
    reading->expander = ZSTD_createDCtx();
    if (reading->codec && reading->expander)
        return true;
    reading_stop(reading);
    return error_set(error, "events: out of memory");
}

static void forget_hosts(struct reading *reading)
{
    for (size_t i = 0; i < reading->matcher.host_count; i++) {
        struct match_hosts *hosts = &reading->matcher.hosts[i];
        free(hosts->bits);
        *hosts = (struct match_hosts){ .term = hosts->term };
    }
}

void reading_stop(struct reading *reading)
{
    reading_close(reading);
    block_codec_free(reading->codec);
    ZSTD_freeDCtx(reading->expander);
    reading->codec = NULL;
    reading->expander = NULL;
}

bool reading_expired(struct reading *reading)
{
    if (!reading->expired && reading->deadline && clock_steady() >= reading->deadline)
        reading->expired = true;
    return reading->expired;
}

bool reading_wants(const struct reading *reading, uint64_t day)
{
    const struct event_filter *filter = reading->matcher.filter;
    return (day + 1) * NS_PER_DAY > filter->from && (!filter->to || day * NS_PER_DAY < filter->to);
}

/* ---- hosts ---- */

static bool add_host(void *context, uint32_t number, struct bytes name)
{
    struct match_hosts *hosts = context;
    (void)name;
    if (number < hosts->bit_count) {
        hosts->bits[number / 8] |= (uint8_t)(1U << (number % 8));
        hosts->id_count++;
    }
    return true;
}

static bool find_hosts(struct reading *reading, struct match_hosts *hosts, struct error *error)
{
    struct database *d = reading->reader->database;
    hosts->bit_count = (size_t)names_count(d) + 1;
    hosts->bits = calloc(hosts->bit_count / 8 + 1, 1);
    if (!hosts->bits)
        return error_set(error, "events: out of memory");
    return names_find(d, reading->expander, hosts->term->text, hosts->term->kind == TERM_HOST_IS, add_host,
                      hosts, error);
}

bool reading_open(struct reading *reading, uint64_t day, enum event_file_kind kind, bool *found,
                  struct error *error)
{
    struct error local = { "" };
    reading_close(reading);
    reading->reader = event_reader_take(reading->events, day, kind, &local);
    *found = reading->reader != NULL;
    if (!reading->reader)
        return local.text[0] ? error_copy(error, &local) : true;
    if (kind == EVENT_FILE_TRAFFIC)
        for (size_t i = 0; i < reading->matcher.host_count; i++)
            if (!find_hosts(reading, &reading->matcher.hosts[i], error))
                return false;
    return true;
}

static void release_filters(struct reading *reading)
{
    for (size_t i = 0; i < BLOCK_FILTERS; i++) {
        if (reading->filter_statements[i])
            statement_done(reading->filter_statements[i]);
        reading->filter_statements[i] = NULL;
    }
}

void reading_close(struct reading *reading)
{
    forget_hosts(reading);
    release_filters(reading);
    if (reading->reader)
        event_reader_give(reading->events, reading->reader);
    reading->reader = NULL;
}

/* ---- blocks ---- */

bool reading_blocks(struct reading *reading, bool oldest_first, struct arena *memory,
                    struct block_entry **entries, size_t *count, struct error *error)
{
    struct database *d = reading->reader->database;
    const struct event_filter *filter = reading->matcher.filter;
    int64_t to = filter->to && filter->to <= INT64_MAX ? (int64_t)filter->to : INT64_MAX;
    int64_t from = (int64_t)MIN(filter->from, (uint64_t)INT64_MAX);
    size_t room = (size_t)database_number(d, "SELECT count(*) FROM block WHERE last >= ? AND first < ?", "ii",
                                          from, to);
    struct block_entry *found = ARENA_ARRAY(memory, struct block_entry, MAX(room, (size_t)1));
    size_t used = 0;
    if (room > BLOCKS_MAX || !found)
        return error_set(error, "events: the query needs more memory than it may take");
    struct statement *s = database_query(
        d,
        oldest_first ? "SELECT id, first, last, types, count, open FROM block WHERE last >= ? AND"
                       " first < ? ORDER BY first"
                     : "SELECT id, first, last, types, count, open FROM block WHERE last >= ? AND"
                       " first < ? ORDER BY last DESC",
        "ii", from, to);
    while (used < room && statement_next(s))
        found[used++] = (struct block_entry){ .id = statement_int(s, 0),
                                              .first = (uint64_t)statement_int(s, 1),
                                              .last = (uint64_t)statement_int(s, 2),
                                              .types = (uint64_t)statement_int(s, 3),
                                              .count = (size_t)statement_int(s, 4),
                                              .open = statement_int(s, 5) != 0 };
    statement_done(s);
    *entries = found;
    *count = used;
    return database_ok(d, error);
}

static struct bytes load_filter(void *context, enum block_filter filter)
{
    struct reading *reading = context;
    if (!reading->filter_statements[filter]) {
        struct statement *s = database_query(reading->reader->database,
                                             "SELECT bits FROM filter WHERE id = ?", "i",
                                             (int64_t)filter << 40 | reading->filter_block);
        reading->filter_statements[filter] = s;
        reading->filters[filter] = statement_next(s) ? statement_bytes(s, 0) : BYTES_NONE;
    }
    return reading->filters[filter];
}

static struct bytes no_filter(void *context, enum block_filter filter)
{
    (void)context;
    (void)filter;
    return BYTES_NONE;
}

bool reading_block_may_match(struct reading *reading, const struct block_entry *entry)
{
    reading->filter_block = entry->id;
    bool may = block_may_match(&reading->matcher, entry->types, entry->open ? no_filter : load_filter,
                               reading);
    release_filters(reading);
    return may;
}

bool reading_load_block(struct reading *reading, const struct block_entry *entry, struct arena *memory,
                        struct block *block, struct error *error)
{
    struct database *d = reading->reader->database;
    struct statement *s = database_query(d, "SELECT columns FROM block WHERE id = ?", "i", entry->id);
    bool ok = statement_next(s) ? block_unpack(reading->codec, statement_bytes(s, 0), memory, block, error)
                                : error_set(error, "events: a block is missing");
    statement_done(s);
    return ok;
}

bool reading_body(struct reading *reading, const struct block_entry *entry, size_t row,
                  struct bytes *frames[BLOCK_FRAMES_MAX], struct arena *memory, struct bytes *body,
                  struct error *error)
{
    size_t frame = row / FRAME_EVENTS, size = MIN(FRAME_EVENTS, entry->count - frame * FRAME_EVENTS);
    if (row >= entry->count || frame >= BLOCK_FRAMES_MAX)
        return error_set(error, "events: a damaged block");
    if (!frames[frame]) {
        struct bytes *bodies = ARENA_ARRAY(memory, struct bytes, size);
        struct statement *s = database_query(reading->reader->database,
                                             "SELECT bodies FROM frame WHERE id = ?", "i",
                                             entry->id * (int64_t)BLOCK_FRAMES_MAX + (int64_t)frame);
        bool ok = bodies && statement_next(s) &&
                  frame_unpack(reading->codec, statement_bytes(s, 0), size, memory, bodies, error);
        statement_done(s);
        if (!ok)
            return error_prefix(error, "events: bodies of a block cannot be read");
        frames[frame] = bodies;
    }
    *body = frames[frame][row % FRAME_EVENTS];
    return true;
}

/* ---- alerts ---- */

#define ALERT_COLUMNS                                                                              \
    "SELECT id, time, sensor, boot, sequence, type, agency, system, signature, severity, source, " \
    "destination,"                                                                                 \
    " source_port, destination_port, flow, host FROM alert "
#define ALERT_NEWEST " ORDER BY time DESC, sensor DESC, boot DESC, sequence DESC"
#define ALERT_OLDEST " ORDER BY time, sensor, boot, sequence"
#define BY_ADDRESS                                                                     \
    "WHERE id IN (SELECT id FROM alert WHERE source = ?3 AND time >= ?1 AND time < ?2" \
    " UNION SELECT id FROM alert WHERE destination = ?3 AND time >= ?1 AND time < ?2)"
#define BY_SIGNATURE "WHERE signature = ?3 AND time >= ?1 AND time < ?2"
#define BY_TIME      "WHERE time >= ?1 AND time < ?2"

/* A term of the given kind that every match must satisfy; NULL when there is none. */
static const struct event_term *required(const struct event_term *term, enum event_term_kind kind)
{
    if (!term || term->kind == kind)
        return term;
    for (size_t i = 0; term->kind == TERM_ALL && i < term->count; i++) {
        const struct event_term *found = required(&term->items[i], kind);
        if (found)
            return found;
    }
    return NULL;
}

struct statement *reading_alerts(struct reading *reading, bool oldest_first, uint64_t from, uint64_t to)
{
    struct database *d = reading->reader->database;
    const struct event_term *root = reading->matcher.filter->term;
    const struct event_term *address = required(root, TERM_ADDRESS);
    const struct event_term *signature = required(root, TERM_SIGNATURE);
    int64_t start = (int64_t)MIN(from, (uint64_t)INT64_MAX), end = (int64_t)MIN(to, (uint64_t)INT64_MAX);
    if (address && address->network.prefix == 8 * address_size(&address->network.address))
        return database_query(
            d, oldest_first ? ALERT_COLUMNS BY_ADDRESS ALERT_OLDEST : ALERT_COLUMNS BY_ADDRESS ALERT_NEWEST,
            "iix", start, end,
            bytes_of(address->network.address.octets, address_size(&address->network.address)));
    if (signature && signature->low == signature->high)
        return database_query(d,
                              oldest_first ? ALERT_COLUMNS BY_SIGNATURE ALERT_OLDEST
                                           : ALERT_COLUMNS BY_SIGNATURE ALERT_NEWEST,
                              "iiu", start, end, signature->low);
    return database_query(
        d, oldest_first ? ALERT_COLUMNS BY_TIME ALERT_OLDEST : ALERT_COLUMNS BY_TIME ALERT_NEWEST, "ii",
        start, end);
}

static void stored_address(struct bytes octets, struct address *address)
{
    *address = (struct address){ 0 };
    if (octets.size == 4 || octets.size == 16) {
        address->version = octets.size == 4 ? 4 : 6;
        memcpy(address->octets, octets.data, octets.size);
    }
}

struct event_view reading_alert_view(struct statement *row, struct address addresses[2])
{
    stored_address(statement_bytes(row, 10), &addresses[0]);
    stored_address(statement_bytes(row, 11), &addresses[1]);
    return (struct event_view){ .id = { (uint32_t)statement_int(row, 2), (uint64_t)statement_int(row, 3),
                                        (uint64_t)statement_int(row, 4) },
                                .time = (uint64_t)statement_int(row, 1),
                                .type = (enum event_type)statement_int(row, 5),
                                .agency = (uint32_t)statement_int(row, 6),
                                .system = (uint32_t)statement_int(row, 7),
                                .signature = (uint32_t)statement_int(row, 8),
                                .severity = (uint8_t)statement_int(row, 9),
                                .source = &addresses[0],
                                .destination = &addresses[1],
                                .source_port = (uint16_t)statement_int(row, 12),
                                .destination_port = (uint16_t)statement_int(row, 13),
                                .is_row = true,
                                .flow = (uint64_t)statement_int(row, 14),
                                .name = statement_bytes(row, 15) };
}

static bool expand_body(struct reading *reading, struct bytes packed, int64_t dictionary,
                        struct arena *memory, struct bytes *body, struct error *error)
{
    struct event_reader *reader = reading->reader;
    unsigned long long size = ZSTD_getFrameContentSize(packed.data, packed.size);
    if (dictionary && reader->dictionary_id != dictionary) {
        ZSTD_freeDDict(reader->dictionary);
        reader->dictionary = event_file_dictionary(reader->database, dictionary);
        reader->dictionary_id = reader->dictionary ? dictionary : 0;
    }
    if (size > BODY_MAX || (dictionary && !reader->dictionary))
        return error_set(error, "events: a damaged alert");
    uint8_t *text = arena_new(memory, MAX((size_t)size, (size_t)1), 1);
    if (!text)
        return error_set(error, "events: the query needs more memory than it may take");
    size_t got = dictionary
                     ? ZSTD_decompress_usingDDict(reading->expander, text, (size_t)size, packed.data,
                                                  packed.size, reader->dictionary)
                     : ZSTD_decompressDCtx(reading->expander, text, (size_t)size, packed.data, packed.size);
    if (ZSTD_isError(got) || got != size)
        return error_set(error, "events: a damaged alert");
    *body = bytes_of(text, got);
    return true;
}

bool reading_alert_body(struct reading *reading, struct statement *row, struct arena *memory,
                        struct bytes *body, struct error *error)
{
    struct statement *s = database_query(reading->reader->database,
                                         "SELECT dictionary, body FROM alert WHERE id = ?", "i",
                                         statement_int(row, 0));
    /* Looking the dictionary up steps another statement, the row's octets stay. */
    bool ok = statement_next(s)
                  ? expand_body(reading, statement_bytes(s, 1), statement_int(s, 0), memory, body, error)
                  : error_set(error, "events: an alert is missing");
    statement_done(s);
    return ok;
}

bool reading_record(const struct event_view *view, struct bytes body, struct arena *memory,
                    struct event_record *record)
{
    bool readable = event_record_read(body, record, memory);
    if (!readable) /* stored by another version: what the columns know */
        *record =
            (struct event_record){ .body = body, .source = *view->source, .destination = *view->destination };
    record->id = view->id;
    record->time = view->time;
    record->type = view->type;
    record->agency = view->agency;
    record->system = view->system;
    return readable;
}
