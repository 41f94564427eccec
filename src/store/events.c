/* SPDX-License-Identifier: Apache-2.0 */
/* The seam's own code: dispatch to the driver, cursors and their text. */
#include "store/events.h"

#include <inttypes.h>

struct events *events_open(const struct events_driver *driver, const struct events_settings *settings,
                           struct error *error)
{
    return driver->open(settings, error);
}

static const struct events_driver *driver_of(struct events *events)
{
    return ((const struct events_head *)events)->driver;
}

void events_close(struct events *events)
{
    if (events)
        driver_of(events)->close(events);
}

bool events_append(struct events *events, const struct event_batch *batch, size_t *added, struct error *error)
{
    return driver_of(events)->append(events, batch, added, error);
}

bool events_seal(struct events *events, struct error *error)
{
    return driver_of(events)->seal(events, error);
}

bool events_scan(struct events *events, const struct event_query *query, struct arena *memory,
                 struct event_page *page, struct error *error)
{
    if (query->limit == 0 || query->limit > EVENT_PAGE_MAX)
        return error_set(error, "events: a page holds 1 to %d events, not %zu", EVENT_PAGE_MAX, query->limit);
    return driver_of(events)->scan(events, query, memory, page, error);
}

bool events_histogram(struct events *events, const struct event_filter *filter, uint64_t interval,
                      uint64_t deadline, struct arena *memory, struct event_histogram *histogram,
                      struct error *error)
{
    if (filter->to <= filter->from || interval == 0 ||
        (filter->to - filter->from - 1) / interval >= EVENT_BUCKETS_MAX)
        return error_set(error, "events: a histogram needs a time range of 1 to %d intervals",
                         EVENT_BUCKETS_MAX);
    return driver_of(events)->histogram(events, filter, interval, deadline, memory, histogram, error);
}

bool events_top(struct events *events, const struct event_filter *filter, enum event_group group,
                struct bytes path, size_t limit, uint64_t deadline, struct arena *memory,
                struct event_top *top, struct error *error)
{
    if (limit == 0 || limit > EVENT_TOP_MAX)
        return error_set(error, "events: a list of the most frequent holds 1 to %d rows, not %zu",
                         EVENT_TOP_MAX, limit);
    return driver_of(events)->top(events, filter, group, path, limit, deadline, memory, top, error);
}

bool events_count(struct events *events, const struct event_filter *filter, uint64_t deadline,
                  uint64_t *count, bool *partial, struct error *error)
{
    struct arena memory = arena_of(1 << 20);
    struct event_top top;
    bool ok = events_top(events, filter, GROUP_TYPE, BYTES_NONE, 1, deadline, &memory, &top, error);
    if (ok) {
        *count = top.total;
        *partial = top.partial;
    }
    arena_done(&memory);
    return ok;
}

bool events_retain(struct events *events, uint64_t now, struct error *error)
{
    return driver_of(events)->retain(events, now, error);
}

bool events_drop_before(struct events *events, uint64_t time, bool alerts_too, struct error *error)
{
    return driver_of(events)->drop_before(events, time, alerts_too, error);
}

bool events_statistics(struct events *events, struct event_statistics *statistics, struct error *error)
{
    return driver_of(events)->statistics(events, statistics, error);
}

bool events_get(struct events *events, const struct event_cursor *place, struct arena *memory,
                struct event_page *page, struct error *error)
{
    struct event_term term = { .kind = TERM_ID, .id = place->id };
    struct event_query query = { .filter = { .from = place->time, .to = place->time + 1, .term = &term },
                                 .limit = 1 };
    return events_scan(events, &query, memory, page, error);
}

void event_cursor_text(const struct event_cursor *cursor, struct text *out)
{
    text_add(out, "%" PRIx64 "-%" PRIx32 "-%" PRIx64 "-%" PRIx64, cursor->time, cursor->id.sensor,
             cursor->id.boot, cursor->id.sequence);
}

bool event_cursor_parse(struct bytes text, struct event_cursor *cursor)
{
    uint64_t numbers[4] = { 0 };
    for (size_t i = 0; i < 4; i++) {
        size_t dash = bytes_find_byte(text, '-');
        struct bytes part = bytes_cut(&text, '-');
        if (part.size == 0 || part.size > 16 || (dash == SIZE_MAX) != (i == 3))
            return false;
        for (size_t at = 0; at < part.size; at++) {
            int digit = byte_hex(part.data[at]);
            if (digit < 0)
                return false;
            numbers[i] = numbers[i] << 4 | (uint64_t)digit;
        }
    }
    if (numbers[1] > UINT32_MAX)
        return false;
    *cursor = (struct event_cursor){ numbers[0], { (uint32_t)numbers[1], numbers[2], numbers[3] } };
    return true;
}

struct event_cursor event_cursor_of(const struct event_record *record)
{
    return (struct event_cursor){ record->time, record->id };
}

int event_cursor_compare(const struct event_cursor *a, const struct event_cursor *b)
{
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->id.sensor != b->id.sensor)
        return a->id.sensor < b->id.sensor ? -1 : 1;
    if (a->id.boot != b->id.boot)
        return a->id.boot < b->id.boot ? -1 : 1;
    return a->id.sequence < b->id.sequence ? -1 : a->id.sequence > b->id.sequence;
}
