/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of events in order of time, merged from a day's alerts and its overlapping blocks. */
#include <stdlib.h>

#include "store/events_sqlite.h"

#define SCRATCH_MAX (256U << 20) /* what one query may hold of unpacked blocks */
#define ROWS_A_LOOK 256U         /* rows between two looks at the clock */

/* A block whose rows are being merged; its head is a row that matches. */
struct open_block {
    struct open_block *next;
    const struct block_entry *entry;
    struct block block;
    struct bytes *frames[BLOCK_FRAMES_MAX];
    struct arena memory;
    size_t taken; /* rows passed, from the end at which the scan begins */
    struct event_cursor head;
    struct event_view view;
    struct bytes body; /* absent until read */
};

struct scan {
    struct reading traffic, rows; /* a day's two files are open at once */
    const struct event_query *query;
    struct arena *memory; /* the caller's */
    struct event_page *page;
    struct error *error;
    /* One file's alerts. */
    struct statement *alerts;
    struct event_view alert;
    struct address alert_addresses[2];
    struct arena alert_memory;
    struct bytes alert_body;
    unsigned looks;
};

/* Order in which the page wants events: negative when `a` comes first. */
static int before(const struct scan *scan, const struct event_cursor *a, const struct event_cursor *b)
{
    int order = event_cursor_compare(a, b);
    return scan->query->oldest_first ? order : -order;
}

static bool is_start(const struct event_cursor *cursor)
{
    return !cursor->time && !cursor->id.sensor && !cursor->id.boot && !cursor->id.sequence;
}

/* True for rows that an earlier page had. */
static bool passed(const struct scan *scan, const struct event_cursor *at)
{
    return !is_start(&scan->query->after) && before(scan, at, &scan->query->after) <= 0;
}

/* Decides about a row by its body, where the columns do not suffice. */
static bool body_matches(const struct scan *scan, struct event_view view, struct bytes body,
                         struct arena *memory)
{
    struct event_record record;
    (void)reading_record(&view, body, memory, &record);
    view.record = &record;
    return matcher_match(&scan->traffic.matcher, &view) == MATCH_YES;
}

/* Moves to the block's next row that matches; *found false at its end or at the deadline. */
static bool block_advance(struct scan *scan, struct open_block *block, bool *found)
{
    struct block *rows = &block->block;
    *found = false;
    for (; block->taken < rows->count; block->taken++) {
        size_t row = scan->query->oldest_first ? block->taken : rows->count - 1 - block->taken;
        struct event_view view = block_view(rows, row);
        struct event_cursor at = { view.time, view.id };
        if (passed(scan, &at))
            continue;
        enum match match = matcher_match(&scan->traffic.matcher, &view);
        if (match == MATCH_NO)
            continue;
        block->body = BYTES_NONE;
        block->head = at;
        block->view = view;
        if (match == MATCH_MAYBE) {
            if (++scan->looks % ROWS_A_LOOK == 0 && reading_expired(&scan->traffic)) {
                *found = true; /* undecided: the head says how far the scan came */
                return true;
            }
            if (!reading_body(&scan->traffic, block->entry, row, block->frames, &block->memory, &block->body,
                              scan->error))
                return false;
            if (!body_matches(scan, view, block->body, &block->memory))
                continue;
        }
        block->taken++;
        *found = true;
        return true;
    }
    return true;
}

static bool alerts_advance(struct scan *scan, bool *found)
{
    *found = false;
    while (scan->alerts && statement_next(scan->alerts)) {
        scan->alert = reading_alert_view(scan->alerts, scan->alert_addresses);
        struct event_cursor at = { scan->alert.time, scan->alert.id };
        if (passed(scan, &at))
            continue;
        *found = true;
        if (++scan->looks % ROWS_A_LOOK == 0 && reading_expired(&scan->traffic))
            return true;
        enum match match = matcher_match(&scan->rows.matcher, &scan->alert);
        scan->alert_body = BYTES_NONE;
        if (match == MATCH_YES)
            return true;
        *found = false;
        if (match == MATCH_NO)
            continue;
        arena_reset(&scan->alert_memory);
        if (!reading_alert_body(&scan->rows, scan->alerts, &scan->alert_memory, &scan->alert_body,
                                scan->error))
            return false;
        if (body_matches(scan, scan->alert, scan->alert_body, &scan->alert_memory)) {
            *found = true;
            return true;
        }
    }
    scan->alerts = NULL;
    return true;
}

static bool emit(struct scan *scan, const struct event_view *view, struct bytes body)
{
    struct event_page *page = scan->page;
    struct bytes copy = arena_copy(scan->memory, body);
    if (body.size && !copy.data)
        return error_set(scan->error, "events: the page needs more memory than it may take");
    struct event_record *record = &page->records[page->count++];
    (void)reading_record(view, copy, scan->memory, record);
    page->next = (struct event_cursor){ view->time, view->id };
    return true;
}

static bool emit_block_head(struct scan *scan, struct open_block *block)
{
    size_t taken = block->taken - 1;
    size_t row = scan->query->oldest_first ? taken : block->block.count - 1 - taken;
    if (!block->body.data && !reading_body(&scan->traffic, block->entry, row, block->frames, &block->memory,
                                           &block->body, scan->error))
        return false;
    return emit(scan, &block->view, block->body);
}

static bool emit_alert(struct scan *scan)
{
    if (!scan->alert_body.data) {
        arena_reset(&scan->alert_memory);
        if (!reading_alert_body(&scan->rows, scan->alerts, &scan->alert_memory, &scan->alert_body,
                                scan->error))
            return false;
    }
    return emit(scan, &scan->alert, scan->alert_body);
}

static void free_block(struct open_block *block)
{
    arena_done(&block->memory);
    free(block);
}

/* Opens a block and puts it among the open ones, unless nothing in it matches. */
static bool open_block(struct scan *scan, const struct block_entry *entry, struct open_block **open)
{
    bool found = false;
    if (!reading_block_may_match(&scan->traffic, entry))
        return true;
    struct open_block *block = calloc(1, sizeof *block);
    if (!block)
        return error_set(scan->error, "events: out of memory");
    block->entry = entry;
    block->memory = arena_of(SCRATCH_MAX);
    if (!reading_load_block(&scan->traffic, entry, &block->memory, &block->block, scan->error) ||
        !block_advance(scan, block, &found)) {
        free_block(block);
        return false;
    }
    if (!found) {
        free_block(block);
        return true;
    }
    block->next = *open;
    *open = block;
    return true;
}

/* The open block whose head comes first. */
static struct open_block **first_block(const struct scan *scan, struct open_block **open)
{
    struct open_block **first = NULL;
    for (struct open_block **at = open; *at; at = &(*at)->next)
        if (!first || before(scan, &(*at)->head, &(*first)->head) < 0)
            first = at;
    return first;
}

/* Whether block `entry` may hold an event that comes before `at`. */
static bool may_come_before(const struct scan *scan, const struct block_entry *entry,
                            const struct event_cursor *at)
{
    return scan->query->oldest_first ? entry->first <= at->time : entry->last >= at->time;
}

/* Remembers how far an unfinished scan came: everything from `time` on is still to be looked at. */
static void stopped_at(struct scan *scan, uint64_t time)
{
    struct event_cursor cursor = { time, { UINT32_MAX, UINT64_MAX, UINT64_MAX } };
    if (scan->query->oldest_first)
        cursor = time ? (struct event_cursor){ time - 1, { UINT32_MAX, UINT64_MAX, UINT64_MAX } }
                      : (struct event_cursor){ 0 };
    /* Never back beyond what was returned or asked for. */
    if ((scan->page->count == 0 &&
         (is_start(&scan->query->after) || before(scan, &scan->query->after, &cursor) < 0)) ||
        (scan->page->count && before(scan, &scan->page->next, &cursor) < 0))
        scan->page->next = cursor;
    else if (scan->page->count == 0)
        scan->page->next = scan->query->after;
    scan->page->partial = scan->page->more = true;
}

/* Merges one day's alerts and blocks, which come in the order of the page. */
static bool merge(struct scan *scan, const struct block_entry *entries, size_t count,
                  struct open_block **open, bool *full)
{
    size_t next_entry = 0;
    bool have_alert = false;
    if (!alerts_advance(scan, &have_alert))
        return false;
    for (;;) {
        struct open_block **first = first_block(scan, open);
        struct event_cursor alert_at = { scan->alert.time, scan->alert.id };
        bool take_alert = have_alert && (!first || before(scan, &alert_at, &(*first)->head) < 0);
        const struct event_cursor *head = take_alert ? &alert_at : first ? &(*first)->head : NULL;
        if (reading_expired(&scan->traffic)) {
            uint64_t time = head ? head->time : 0;
            if (next_entry < count && (!head || may_come_before(scan, &entries[next_entry], head)))
                time = scan->query->oldest_first ? entries[next_entry].first : entries[next_entry].last;
            if (!head && next_entry == count)
                return true;
            stopped_at(scan, time);
            *full = true;
            return true;
        }
        if (next_entry < count && (!head || may_come_before(scan, &entries[next_entry], head))) {
            if (!open_block(scan, &entries[next_entry++], open))
                return false;
            continue;
        }
        if (!head)
            return true;
        if (scan->page->count == scan->query->limit) {
            scan->page->more = true;
            *full = true;
            return true;
        }
        bool found = false;
        if (take_alert) {
            if (!emit_alert(scan) || !alerts_advance(scan, &have_alert))
                return false;
            continue;
        }
        struct open_block *block = *first;
        if (!emit_block_head(scan, block) || !block_advance(scan, block, &found))
            return false;
        if (!found) {
            *first = block->next;
            free_block(block);
        }
    }
}

static bool scan_files(struct scan *scan, uint64_t day, struct arena *memory, struct open_block **open,
                       bool *full)
{
    const struct event_filter *filter = &scan->query->filter;
    struct block_entry *entries = NULL;
    size_t count = 0;
    bool found = false;
    if (!reading_open(&scan->rows, day, EVENT_FILE_ALERTS, &found, scan->error))
        return false;
    scan->alerts = found ? reading_alerts(&scan->rows, scan->query->oldest_first, filter->from,
                                          filter->to ? filter->to : UINT64_MAX)
                         : NULL;
    if (!reading_open(&scan->traffic, day, EVENT_FILE_TRAFFIC, &found, scan->error))
        return false;
    if (found &&
        !reading_blocks(&scan->traffic, scan->query->oldest_first, memory, &entries, &count, scan->error))
        return false;
    if (!merge(scan, entries, count, open, full))
        return false;
    return (!scan->rows.reader || database_ok(scan->rows.reader->database, scan->error)) &&
           (!scan->traffic.reader || database_ok(scan->traffic.reader->database, scan->error));
}

static bool scan_day(struct scan *scan, uint64_t day, bool *full)
{
    struct arena memory = arena_of(64U << 20);
    struct open_block *open = NULL;
    bool ok = scan_files(scan, day, &memory, &open, full);
    while (open) {
        struct open_block *next = open->next;
        free_block(open);
        open = next;
    }
    if (scan->alerts)
        statement_done(scan->alerts);
    scan->alerts = NULL;
    reading_close(&scan->rows);
    reading_close(&scan->traffic);
    arena_done(&memory);
    return ok;
}

/* Narrows the days to those at or after the cursor. */
static bool day_is_passed(const struct scan *scan, uint64_t day)
{
    const struct event_cursor *after = &scan->query->after;
    if (is_start(after))
        return false;
    return scan->query->oldest_first ? (day + 1) * NS_PER_DAY <= after->time : day * NS_PER_DAY > after->time;
}

static bool scan_days(struct scan *scan, const struct event_days *days)
{
    bool full = false;
    for (size_t i = 0; i < days->count && !full; i++) {
        size_t at = scan->query->oldest_first ? i : days->count - 1 - i;
        uint64_t day = days->days[at].day;
        bool repeated = i && days->days[scan->query->oldest_first ? at - 1 : at + 1].day == day;
        if (repeated || !reading_wants(&scan->traffic, day) || day_is_passed(scan, day))
            continue;
        if (reading_expired(&scan->traffic)) {
            stopped_at(scan, scan->query->oldest_first ? day * NS_PER_DAY : (day + 1) * NS_PER_DAY - 1);
            return true;
        }
        if (!scan_day(scan, day, &full))
            return false;
    }
    return true;
}

/* The query with its filter narrowed to what the cursor leaves. */
static struct event_query narrowed(const struct event_query *query)
{
    struct event_query narrow = *query;
    if (is_start(&query->after))
        return narrow;
    if (query->oldest_first)
        narrow.filter.from = MAX(narrow.filter.from, query->after.time);
    else if (query->after.time < UINT64_MAX &&
             (!narrow.filter.to || query->after.time + 1 < narrow.filter.to))
        narrow.filter.to = query->after.time + 1;
    return narrow;
}

bool events_sqlite_scan(struct events *events, const struct event_query *query, struct arena *memory,
                        struct event_page *page, struct error *error)
{
    struct error local = { "" };
    struct event_page found = { 0 };
    struct event_days days = { 0 };
    struct event_query narrow = narrowed(query);
    struct scan scan = { .query = &narrow, .memory = memory, .page = &found, .error = &local };
    scan.alert_memory = arena_of(16U << 20);
    found.records = ARENA_ARRAY(memory, struct event_record, query->limit);
    if (!found.records)
        return error_set(error, "events: the page needs more memory than it may take");
    bool ok = reading_start(&scan.traffic, events, &narrow.filter, query->deadline, &local);
    if (ok) {
        ok = reading_start(&scan.rows, events, &narrow.filter, query->deadline, &local);
        ok = ok && event_days_list(events, &days, &local) && scan_days(&scan, &days);
        reading_stop(&scan.rows);
    }
    reading_stop(&scan.traffic);
    event_days_done(&days);
    arena_done(&scan.alert_memory);
    if (!ok)
        return error_copy(error, &local);
    *page = found;
    return true;
}
