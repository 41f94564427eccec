/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms and tops: from the tables of counts where the question allows, else by visiting the events. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "store/event_names.h"
#include "store/events_sqlite.h"

#define MINUTE      (60 * NS_PER_S)
#define HOUR        (3600 * NS_PER_S)
#define KEYS_MAX    200000U
#define SCRATCH_MAX (128U << 20)
#define ROWS_A_LOOK 1024U
#define ENTRIES_MAX (64U << 20)

/* ---- visiting every matching event ---- */

struct visitor {
    /* One matching event; its record is there when `needs_body` or the condition needed it. */
    bool (*event)(void *context, const struct event_view *view, struct error *error);
    /* After each file, while it is still open. */
    bool (*file_done)(void *context, struct reading *reading, struct error *error);
    void *context;
    bool needs_body;
    bool alerts_only;
};

static bool visit_one(struct reading *reading, const struct visitor *visitor, const struct event_view *found,
                      enum match match, struct bytes body, struct arena *memory, struct error *error)
{
    struct event_record record;
    struct event_view view = *found;
    if (body.data) {
        (void)reading_record(&view, body, memory, &record);
        view.record = &record;
    }
    if (match == MATCH_MAYBE && matcher_match(&reading->matcher, &view) != MATCH_YES)
        return true;
    return visitor->event(visitor->context, &view, error);
}

static bool visit_block(struct reading *reading, const struct visitor *visitor,
                        const struct block_entry *entry, struct error *error)
{
    struct arena memory = arena_of(SCRATCH_MAX);
    struct bytes *frames[BLOCK_FRAMES_MAX] = { NULL };
    struct block block;
    bool ok = reading_load_block(reading, entry, &memory, &block, error);
    for (size_t row = 0; ok && row < block.count; row++) {
        struct event_view view = block_view(&block, row);
        enum match match = matcher_match(&reading->matcher, &view);
        struct bytes body = BYTES_NONE;
        if (match == MATCH_NO)
            continue;
        if (row % ROWS_A_LOOK == 0 && reading_expired(reading))
            break;
        if (match == MATCH_MAYBE || visitor->needs_body)
            ok = reading_body(reading, entry, row, frames, &memory, &body, error);
        ok = ok && visit_one(reading, visitor, &view, match, body, &memory, error);
    }
    arena_done(&memory);
    return ok;
}

static bool visit_blocks(struct reading *reading, const struct visitor *visitor, struct error *error)
{
    struct arena memory = arena_of(ENTRIES_MAX);
    struct block_entry *entries;
    size_t count;
    bool ok = reading_blocks(reading, false, &memory, &entries, &count, error);
    for (size_t i = 0; ok && i < count && !reading_expired(reading); i++)
        if (reading_block_may_match(reading, &entries[i]))
            ok = visit_block(reading, visitor, &entries[i], error);
    arena_done(&memory);
    return ok;
}

static bool visit_alerts(struct reading *reading, const struct visitor *visitor, struct error *error)
{
    const struct event_filter *filter = reading->matcher.filter;
    struct arena memory = arena_of(SCRATCH_MAX);
    struct statement *rows = reading_alerts(reading, false, filter->from,
                                            filter->to ? filter->to : UINT64_MAX);
    bool ok = true;
    for (size_t i = 0; ok && statement_next(rows); i++) {
        struct address addresses[2];
        struct event_view view = reading_alert_view(rows, addresses);
        enum match match = matcher_match(&reading->matcher, &view);
        struct bytes body = BYTES_NONE;
        if (i % ROWS_A_LOOK == 0 && reading_expired(reading))
            break;
        if (match == MATCH_NO)
            continue;
        arena_reset(&memory);
        if (match == MATCH_MAYBE || visitor->needs_body)
            ok = reading_alert_body(reading, rows, &memory, &body, error);
        ok = ok && visit_one(reading, visitor, &view, match, body, &memory, error);
    }
    statement_done(rows);
    arena_done(&memory);
    return ok && database_ok(reading->reader->database, error);
}

static bool visit_file(struct reading *reading, const struct visitor *visitor, const struct event_day *day,
                       struct error *error)
{
    bool found;
    if (!reading_open(reading, day->day, day->kind, &found, error))
        return false;
    bool ok = true;
    if (found) {
        ok = day->kind == EVENT_FILE_ALERTS ? visit_alerts(reading, visitor, error)
                                            : visit_blocks(reading, visitor, error);
        if (ok && visitor->file_done)
            ok = visitor->file_done(visitor->context, reading, error);
        ok = ok && database_ok(reading->reader->database, error);
    }
    reading_close(reading);
    return ok;
}

/* Visits the events of [from, to) that the filter allows. */
static bool visit(struct events *events, const struct event_filter *filter, uint64_t from, uint64_t to,
                  const struct event_days *days, uint64_t deadline, const struct visitor *visitor,
                  bool *partial, struct error *error)
{
    struct event_filter part = *filter;
    struct reading reading;
    part.from = MAX(part.from, from);
    part.to = part.to ? MIN(part.to, to) : to;
    if (part.from >= part.to)
        return true;
    if (!reading_start(&reading, events, &part, deadline, error))
        return false;
    bool ok = true;
    for (size_t i = days->count; ok && i-- > 0 && !reading_expired(&reading);)
        if (reading_wants(&reading, days->days[i].day) &&
            (days->days[i].kind == EVENT_FILE_ALERTS || !visitor->alerts_only))
            ok = visit_file(&reading, visitor, &days->days[i], error);
    *partial |= reading.expired;
    reading_stop(&reading);
    return ok;
}

/* ---- which questions the counts answer ---- */

/* True when the condition speaks of nothing but type and agency; *agencies is set when it speaks of the
 * latter. */
static bool is_countable(const struct event_term *term, bool *agencies)
{
    if (!term || term->kind == TERM_TYPE)
        return true;
    if (term->kind == TERM_AGENCY) {
        *agencies = true;
        return true;
    }
    if (term->kind > TERM_NOT)
        return false;
    for (size_t i = 0; i < term->count; i++)
        if (!is_countable(&term->items[i], agencies))
            return false;
    return true;
}

/* What a table of counts yields: `count` events at `time` (the start of a minute, an hour, a day). */
typedef bool (*count_fn)(void *context, const struct event_view *view, uint64_t count, struct error *error);

enum count_table { PER_MINUTE, PER_HOUR, PER_DAY };

static const struct {
    const char *sql; /* unit, agency, type, signature, count */
    uint64_t unit;
} count_tables[] = {
    [PER_MINUTE] = { "SELECT minute, 0, type, 0, count FROM per_minute WHERE minute >= ? AND minute < ?",
                     MINUTE },
    [PER_HOUR] = { "SELECT hour, agency, type, 0, count FROM per_hour WHERE hour >= ? AND hour < ?", HOUR },
    [PER_DAY] = { "SELECT ?1, agency, type, signature, count FROM per_day WHERE ?2 > 0", NS_PER_DAY },
};

/* Reads the counts of [from, to), both whole units. */
static bool read_counts(struct events *events, const struct event_filter *filter, enum count_table table,
                        uint64_t from, uint64_t to, const struct event_days *days, uint64_t deadline,
                        count_fn each, void *context, bool *partial, struct error *error)
{
    struct event_filter part = { .from = from,
                                 .to = to,
                                 .term = filter->term,
                                 .limit_agencies = filter->limit_agencies,
                                 .agencies = filter->agencies,
                                 .agency_count = filter->agency_count };
    uint64_t unit = count_tables[table].unit;
    struct reading reading;
    if (from >= to)
        return true;
    if (!reading_start(&reading, events, &part, deadline, error))
        return false;
    bool ok = true;
    for (size_t i = days->count; ok && i-- > 0 && !reading_expired(&reading);) {
        bool found;
        const struct event_day *day = &days->days[i];
        if (!reading_wants(&reading, day->day) || (table == PER_DAY && day->kind != EVENT_FILE_ALERTS))
            continue;
        ok = reading_open(&reading, day->day, day->kind, &found, error);
        if (!ok || !found)
            continue;
        struct database *d = reading.reader->database;
        struct statement *s = table == PER_DAY
                                  ? database_query(d, count_tables[table].sql, "uu", day->day, to / unit)
                                  : database_query(d, count_tables[table].sql, "uu", from / unit, to / unit);
        while (ok && statement_next(s)) {
            struct event_view view = { .time = (uint64_t)statement_int(s, 0) * unit,
                                       .agency = (uint32_t)statement_int(s, 1),
                                       .type = (enum event_type)statement_int(s, 2),
                                       .signature = (uint32_t)statement_int(s, 3) };
            if (matcher_match(&reading.matcher, &view) == MATCH_YES)
                ok = each(context, &view, (uint64_t)statement_int(s, 4), error);
        }
        statement_done(s);
        ok = ok && database_ok(d, error);
        reading_close(&reading);
    }
    *partial |= reading.expired;
    reading_stop(&reading);
    return ok;
}

static uint64_t round_up(uint64_t time, uint64_t unit)
{
    return (time + unit - 1) / unit * unit;
}

/* ---- histogram ---- */

static bool add_to_bucket(struct event_histogram *histogram, const struct event_view *view, uint64_t count)
{
    uint64_t bucket = view->time < histogram->start ? 0
                                                    : (view->time - histogram->start) / histogram->interval;
    bucket = MIN(bucket, histogram->count - 1);
    histogram->counts[bucket] += count;
    histogram->total += count;
    if (view->type == EVENT_ALERT)
        histogram->alerts[bucket] += count;
    return true;
}

static bool bucket_event(void *context, const struct event_view *view, struct error *error)
{
    (void)error;
    return add_to_bucket(context, view, 1);
}

static bool bucket_count(void *context, const struct event_view *view, uint64_t count, struct error *error)
{
    (void)error;
    return add_to_bucket(context, view, count);
}

bool events_sqlite_histogram(struct events *events, const struct event_filter *filter, uint64_t interval,
                             uint64_t deadline, struct arena *memory, struct event_histogram *histogram,
                             struct error *error)
{
    struct event_histogram found = { .start = filter->from, .interval = interval };
    struct visitor visitor = { .event = bucket_event, .context = &found };
    struct event_days days = { 0 };
    bool agencies = filter->limit_agencies;
    found.count = (size_t)((filter->to - filter->from - 1) / interval) + 1;
    found.counts = ARENA_ARRAY(memory, uint64_t, found.count);
    found.alerts = ARENA_ARRAY(memory, uint64_t, found.count);
    if (!found.counts || !found.alerts)
        return error_set(error, "events: the histogram needs more memory than it may take");
    if (!event_days_list(events, &days, error))
        return false;
    /* Counts serve where no unit of theirs lies across the border of two buckets. */
    bool countable = is_countable(filter->term, &agencies);
    enum count_table table = agencies || interval % HOUR == 0 ? PER_HOUR : PER_MINUTE;
    if (!agencies && filter->from % HOUR)
        table = PER_MINUTE;
    uint64_t unit = count_tables[table].unit;
    countable = countable && interval % unit == 0 && filter->from % unit == 0;
    uint64_t from = filter->from, to = countable ? filter->to / unit * unit : filter->from;
    bool ok = read_counts(events, filter, table, from, to, &days, deadline, bucket_count, &found,
                          &found.partial, error) &&
              visit(events, filter, to, filter->to, &days, deadline, &visitor, &found.partial, error);
    event_days_done(&days);
    if (ok)
        *histogram = found;
    return ok;
}

/* ---- the most frequent ---- */

struct tally {
    struct bytes key; /* owned by the map */
    uint64_t number, count, first, last;
};

struct top {
    enum event_group group;
    struct bytes path;
    struct map index; /* key to place in `tallies` */
    struct tally *tallies;
    size_t count, room;
    uint64_t total;
    bool approximate;
    uint64_t *hosts; /* counts by host id of the current file; names follow in file_done */
    size_t host_room;
};

static bool add_key(struct top *top, struct bytes key, uint64_t number, uint64_t count,
                    const struct event_view *view, struct error *error)
{
    bool added;
    uintptr_t *place = map_add(&top->index, key, &added);
    if (!place) {
        top->approximate = true; /* rare ones beyond the limit are left out */
        return true;
    }
    if (added) {
        if (top->count == top->room) {
            size_t room = top->room ? top->room * 2 : 256;
            struct tally *grown = reallocarray(top->tallies, room, sizeof *grown);
            if (!grown)
                return error_set(error, "events: out of memory");
            top->tallies = grown;
            top->room = room;
        }
        *place = top->count;
        top->tallies[top->count++] = (struct tally){ .number = number };
    }
    struct tally *tally = &top->tallies[*place];
    tally->count += count;
    if (view && (!tally->first || view->time < tally->first))
        tally->first = view->time;
    if (view && view->time > tally->last)
        tally->last = view->time;
    return true;
}

static bool add_number(struct top *top, uint64_t number, uint64_t count, const struct event_view *view,
                       struct error *error)
{
    char room[24];
    struct text key = text_of(room, sizeof room);
    text_u64(&key, number);
    return add_key(top, text_bytes(&key), number, count, view, error);
}

static bool add_address(struct top *top, const struct address *address, const struct event_view *view,
                        struct error *error)
{
    char room[64];
    struct text key = text_of(room, sizeof room);
    if (!address->version)
        return true;
    address_text_short(address, &key);
    return add_key(top, text_bytes(&key), 0, 1, view, error);
}

static bool count_host(struct top *top, uint32_t host, struct error *error)
{
    if (host >= top->host_room) {
        size_t room = MAX((size_t)host + 1, top->host_room * 2);
        uint64_t *grown = reallocarray(top->hosts, room, sizeof *grown);
        if (!grown)
            return error_set(error, "events: out of memory");
        memset(grown + top->host_room, 0, (room - top->host_room) * sizeof *grown);
        top->hosts = grown;
        top->host_room = room;
    }
    top->hosts[host]++;
    return true;
}

/* The values at a path, arrays looked into; each is counted. */
static bool add_members(struct top *top, struct json_value value, struct bytes path, unsigned depth,
                        const struct event_view *view, struct error *error)
{
    struct json_cursor inside = value.type == JSON_ARRAY ? json_elements(value) : json_members(value);
    struct json_value member;
    struct bytes key;
    if (depth > JSON_DEPTH_MAX)
        return true;
    if (value.type == JSON_ARRAY) {
        while (json_next_element(&inside, &member))
            if (!add_members(top, member, path, depth + 1, view, error))
                return false;
        return true;
    }
    if (path.size == 0) {
        char room[1024];
        struct text text = text_of(room, sizeof room);
        if (value.type == JSON_STRING && bytes_find_byte(value.text, '\\') != SIZE_MAX)
            return !json_unescape(value, &text) || add_key(top, text_bytes(&text), 0, 1, view, error);
        return value.type == JSON_OBJECT || value.type == JSON_NONE ||
               add_key(top, bytes_first(value.text, sizeof room), 0, 1, view, error);
    }
    struct bytes rest = path;
    struct bytes name = bytes_cut(&rest, '.');
    while (json_next(&inside, &key, &member))
        if (bytes_equal(key, name))
            return add_members(top, member, rest, depth + 1, view, error);
    return true;
}

static bool top_event(void *context, const struct event_view *view, struct error *error)
{
    struct top *top = context;
    top->total++;
    switch (top->group) {
    case GROUP_TYPE:
        return add_key(top, bytes_of_string(event_type_name(view->type)), view->type, 1, view, error);
    case GROUP_AGENCY:
        return add_number(top, view->agency, 1, view, error);
    case GROUP_SYSTEM:
        return add_number(top, view->system, 1, view, error);
    case GROUP_SENSOR:
        return add_number(top, view->id.sensor, 1, view, error);
    case GROUP_SOURCE:
        return add_address(top, view->source, view, error);
    case GROUP_DESTINATION:
        return add_address(top, view->destination, view, error);
    case GROUP_ADDRESS:
        return add_address(top, view->source, view, error) &&
               add_address(top, view->destination, view, error);
    case GROUP_SOURCE_PORT:
        return !view->source_port || add_number(top, view->source_port, 1, view, error);
    case GROUP_DESTINATION_PORT:
        return !view->destination_port || add_number(top, view->destination_port, 1, view, error);
    case GROUP_SIGNATURE:
        return !view->signature || add_number(top, view->signature, 1, view, error);
    case GROUP_SEVERITY:
        return !view->severity || add_number(top, view->severity, 1, view, error);
    case GROUP_HOST:
        if (view->host_known)
            return !view->host || count_host(top, view->host, error);
        return !view->name.size || add_key(top, view->name, 0, 1, view, error);
    case GROUP_MEMBER:
        return add_members(top, json_parse(view->record->body), top->path, 0, view, error);
    }
    return true;
}

struct top_names {
    struct top *top;
    struct error *error;
    bool ok;
};

static bool add_name(void *context, uint32_t number, struct bytes name)
{
    struct top_names *walk = context;
    struct top *top = walk->top;
    if (number < top->host_room && top->hosts[number]) {
        walk->ok = add_key(top, name, 0, top->hosts[number], NULL, walk->error);
        top->hosts[number] = 0;
    }
    return walk->ok;
}

/* Turns the file's host ids into names. */
static bool top_file_done(void *context, struct reading *reading, struct error *error)
{
    struct top_names walk = { context, error, true };
    return !walk.top->hosts ||
           (names_each(reading->reader->database, reading->expander, add_name, &walk, error) && walk.ok);
}

static bool top_count(void *context, const struct event_view *view, uint64_t count, struct error *error)
{
    struct top *top = context;
    top->total += count;
    if (top->group == GROUP_TYPE)
        return add_key(top, bytes_of_string(event_type_name(view->type)), view->type, count, NULL, error);
    if (top->group == GROUP_SIGNATURE)
        return !view->signature || add_number(top, view->signature, count, NULL, error);
    return add_number(top, view->agency, count, NULL, error);
}

static int by_count(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return bytes_compare(x->key, y->key);
}

/* The text of a signature from the newest file that knows it. */
static bool signature_text(struct events *events, const struct event_days *days, uint64_t from, uint64_t id,
                           struct arena *memory, struct bytes *text, struct error *error)
{
    for (size_t i = days->count; i-- > 0 && !text->data && (days->days[i].day + 1) * NS_PER_DAY > from;) {
        struct error local = { "" };
        if (days->days[i].kind != EVENT_FILE_ALERTS)
            continue;
        struct event_reader *reader = event_reader_take(events, days->days[i].day, EVENT_FILE_ALERTS, &local);
        if (!reader && local.text[0])
            return error_copy(error, &local);
        if (!reader)
            continue;
        *text = database_text(reader->database, memory, "SELECT text FROM signature WHERE id = ?", "u", id);
        event_reader_give(events, reader);
    }
    return true;
}

static bool finish(struct events *events, const struct event_filter *filter, const struct event_days *days,
                   struct top *top, size_t limit, struct arena *memory, struct event_top *out,
                   struct error *error)
{
    size_t position = 0;
    struct bytes key;
    uintptr_t *place;
    while (top->tallies && map_each(&top->index, &position, &key, &place))
        top->tallies[*place].key = key;
    if (top->tallies)
        qsort(top->tallies, top->count, sizeof *top->tallies, by_count);
    out->count = MIN(limit, top->count);
    out->rows = ARENA_ARRAY(memory, struct event_top_row, MAX(out->count, (size_t)1));
    if (!out->rows)
        return error_set(error, "events: the list needs more memory than it may take");
    for (size_t i = 0; i < out->count; i++) {
        const struct tally *tally = &top->tallies[i];
        struct event_top_row *row = &out->rows[i];
        *row = (struct event_top_row){ .key = arena_copy(memory, tally->key),
                                       .number = tally->number,
                                       .count = tally->count,
                                       .first = tally->first,
                                       .last = tally->last };
        if (top->group == GROUP_SIGNATURE &&
            !signature_text(events, days, filter->from, tally->number, memory, &row->label, error))
            return false;
    }
    out->total = top->total;
    out->approximate = top->approximate;
    return true;
}

/* The table that answers this group, if the condition allows any. */
static bool countable_top(const struct event_filter *filter, enum event_group group, enum count_table *table)
{
    bool agencies = filter->limit_agencies || group == GROUP_AGENCY;
    if (!is_countable(filter->term, &agencies))
        return false;
    if (group == GROUP_SIGNATURE)
        *table = PER_DAY;
    else if (group == GROUP_TYPE || group == GROUP_AGENCY)
        *table = agencies || (filter->from % HOUR == 0 && filter->to % HOUR == 0) ? PER_HOUR : PER_MINUTE;
    else
        return false;
    return true;
}

static bool gather(struct events *events, const struct event_filter *filter, const struct event_days *days,
                   uint64_t deadline, struct top *top, bool *partial, struct error *error)
{
    struct visitor visitor = { .event = top_event,
                               .file_done = top_file_done,
                               .context = top,
                               .needs_body = top->group == GROUP_MEMBER,
                               .alerts_only = top->group == GROUP_SIGNATURE || top->group == GROUP_SEVERITY };
    uint64_t end = filter->to ? filter->to : (uint64_t)INT64_MAX;
    enum count_table table = PER_DAY;
    if (!countable_top(filter, top->group, &table))
        return visit(events, filter, filter->from, end, days, deadline, &visitor, partial, error);
    /* Whole units from the counts, what is left at both ends by visiting. */
    uint64_t unit = count_tables[table].unit;
    uint64_t first = round_up(filter->from, unit), last = end / unit * unit;
    if (first >= last)
        return visit(events, filter, filter->from, end, days, deadline, &visitor, partial, error);
    return read_counts(events, filter, table, first, last, days, deadline, top_count, top, partial, error) &&
           visit(events, filter, filter->from, first, days, deadline, &visitor, partial, error) &&
           visit(events, filter, last, end, days, deadline, &visitor, partial, error);
}

bool events_sqlite_top(struct events *events, const struct event_filter *filter, enum event_group group,
                       struct bytes path, size_t limit, uint64_t deadline, struct arena *memory,
                       struct event_top *out, struct error *error)
{
    struct top top = { .group = group, .path = path, .index = map_of(clock_steady(), KEYS_MAX) };
    struct event_top found = { 0 };
    struct event_days days = { 0 };
    struct error local = { "" };
    if (!event_days_list(events, &days, error))
        return false;
    bool ok = gather(events, filter, &days, deadline, &top, &found.partial, &local) &&
              finish(events, filter, &days, &top, limit, memory, &found, &local);
    event_days_done(&days);
    map_done(&top.index);
    free(top.tallies);
    free(top.hosts);
    if (!ok)
        return error_copy(error, &local);
    *out = found;
    return true;
}
