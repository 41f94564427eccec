/* SPDX-License-Identifier: Apache-2.0 */
/* The event store: the seam between the centre and whatever keeps its events.
 *
 * A driver is a table of functions and never sees SQL from its caller nor shows any. Every function may be
 * called from any thread; appends are serialised inside, reads run beside them. */
#ifndef VONGLAU_STORE_EVENTS_H
#define VONGLAU_STORE_EVENTS_H

#include "base/error.h"
#include "event/record.h"

struct events; /* an open store */

/* ---- writing ---- */

/* One delivery of one sensor. `stream` tells apart runs of sequences that each only rise (the spool's
 * priorities): within (sensor, boot, stream) an event at or below what is stored already is a replay. */
struct event_batch {
    uint32_t sensor;
    uint64_t boot;
    uint8_t stream;
    const struct event_record *records; /* in rising order of id.sequence */
    size_t count;
};

/* ---- reading ---- */

enum event_side { EVENT_SIDE_ANY, EVENT_SIDE_SOURCE, EVENT_SIDE_DESTINATION };

enum event_term_kind {
    TERM_ALL,       /* every one of `items`; none: true */
    TERM_ANY,       /* at least one of `items`; none: false */
    TERM_NOT,       /* not items[0] */
    TERM_TYPE,      /* low: enum event_type */
    TERM_AGENCY,    /* low: agency id, 0 is "unknown" */
    TERM_SYSTEM,    /* low: system id */
    TERM_SENSOR,    /* low: sensor id */
    TERM_ADDRESS,   /* network, side */
    TERM_PORT,      /* low to high, side */
    TERM_SIGNATURE, /* low to high: signature id */
    TERM_SEVERITY,  /* low to high */
    TERM_FLOW,      /* low: flow id */
    TERM_COMMUNITY, /* text: whole community id */
    TERM_HOST,      /* text: part of the host name, any case */
    TERM_HOST_IS,   /* text: the whole host name, any case */
    TERM_TEXT,      /* text: part of the body, any case (ASCII) */
    /* path: dotted EVE path ("http.url", arrays are looked into). With text: the value as text, any case,
     * `*` stands for anything; without text: a number from low to high. */
    TERM_MEMBER,
    TERM_ID, /* id: this one event */
};

/* A condition: a tree of terms that the caller owns. Unused members are zero. */
struct event_term {
    enum event_term_kind kind;
    enum event_side side;
    const struct event_term *items;
    size_t count;
    struct network network;
    uint64_t low, high;
    struct bytes text, path;
    struct event_id id;
};

#define EVENT_TERM_DEPTH_MAX 32

struct event_filter {
    uint64_t from, to;             /* [from, to) nanoseconds; to = 0: no end */
    const struct event_term *term; /* NULL: everything */
    /* Permission, apart from the condition: when set only rows of these agencies exist. */
    bool limit_agencies;
    const uint32_t *agencies;
    size_t agency_count;
};

/* Where a page ended: the last event returned. Zero: start from the newest. */
struct event_cursor {
    uint64_t time;
    struct event_id id;
};

struct event_query {
    struct event_filter filter;
    struct event_cursor after;
    size_t limit;      /* events a page, at most EVENT_PAGE_MAX */
    uint64_t deadline; /* clock_steady() at which to stop; 0: none */
    bool oldest_first;
};

#define EVENT_PAGE_MAX 10000

struct event_page {
    struct event_record *records; /* in the caller's arena, newest first unless asked otherwise */
    size_t count;
    bool more;    /* there may be more after `next` */
    bool partial; /* the deadline passed: `next` continues, the page may be short */
    struct event_cursor next;
};

#define EVENT_BUCKETS_MAX 2000

struct event_histogram {
    uint64_t start, interval; /* nanoseconds; bucket n is [start + n*interval, ...) */
    uint64_t *counts;         /* in the caller's arena */
    uint64_t *alerts;         /* how many of each bucket are alerts */
    size_t count;
    uint64_t total;
    bool partial;
};

enum event_group {
    GROUP_TYPE,
    GROUP_AGENCY,
    GROUP_SYSTEM,
    GROUP_SENSOR,
    GROUP_SOURCE,
    GROUP_DESTINATION,
    GROUP_ADDRESS, /* source and destination alike */
    GROUP_SOURCE_PORT,
    GROUP_DESTINATION_PORT,
    GROUP_HOST,
    GROUP_SIGNATURE,
    GROUP_SEVERITY,
    GROUP_MEMBER, /* the text of the EVE member at `path` */
};

struct event_top_row {
    struct bytes key;   /* type name, address (compressed), host, decimal number, member text */
    struct bytes label; /* GROUP_SIGNATURE: the signature's text */
    uint64_t number;    /* key as a number where it is one (ids, ports, signature) */
    uint64_t count;
    uint64_t first, last; /* times of the first and last event seen; 0 where only rollups were read */
};

struct event_top {
    struct event_top_row *rows; /* in the caller's arena, most frequent first */
    size_t count;
    uint64_t total;            /* events counted, all keys */
    bool partial, approximate; /* deadline passed; more distinct keys than could be kept */
};

#define EVENT_TOP_MAX 1000

struct event_statistics {
    uint64_t events, alerts, bytes, days;      /* bytes: on disk, all files */
    uint64_t oldest, newest;                   /* event times; 0 when empty */
    uint64_t appended, replayed, dropped_days; /* since open */
};

struct events_settings {
    const char *directory; /* made when absent, mode 0700 */
    uint64_t bytes_max;    /* retention; 0: none */
    /* Octets of the file system that appends leave to others: below, they are refused (error.disk_full). */
    uint64_t bytes_kept;
    /* Ordinary traffic older than this many days, of its day and since it came, is dropped (design.md section
     * 3); 0: by bytes only. A clock far ahead of the newest event is not believed for a day. */
    unsigned traffic_days_max;
    uint64_t (*elapsed)(void); /* for that day; NULL: clock_elapsed() */
    bool no_sync;              /* tests and throw-away stores: do not wait for the disk */
};

struct events_driver {
    const char *name;
    struct events *(*open)(const struct events_settings *settings, struct error *error);
    void (*close)(struct events *events);
    bool (*append)(struct events *events, const struct event_batch *batch, size_t *added,
                   struct error *error);
    bool (*seal)(struct events *events, struct error *error);
    bool (*scan)(struct events *events, const struct event_query *query, struct arena *memory,
                 struct event_page *page, struct error *error);
    bool (*histogram)(struct events *events, const struct event_filter *filter, uint64_t interval,
                      uint64_t deadline, struct arena *memory, struct event_histogram *histogram,
                      struct error *error);
    bool (*top)(struct events *events, const struct event_filter *filter, enum event_group group,
                struct bytes path, size_t limit, uint64_t deadline, struct arena *memory,
                struct event_top *top, struct error *error);
    bool (*retain)(struct events *events, uint64_t now, struct error *error);
    bool (*drop_before)(struct events *events, uint64_t time, bool alerts_too, struct error *error);
    bool (*statistics)(struct events *events, struct event_statistics *statistics, struct error *error);
};

extern const struct events_driver events_sqlite;

/* An open store starts with its driver. */
struct events_head {
    const struct events_driver *driver;
};

/* Opens (or makes) the store in settings->directory. NULL with the error set on failure. */
MUST_CHECK struct events *events_open(const struct events_driver *driver,
                                      const struct events_settings *settings, struct error *error);
void events_close(struct events *events);
/* Stores a batch: on return it is on disk (unless no_sync). Replays are left out; `added` counts the rest.
 * On failure nothing is acknowledged: send the same batch again. */
MUST_CHECK bool events_append(struct events *events, const struct event_batch *batch, size_t *added,
                              struct error *error);
/* Closes open blocks; for shutdown and benchmarks. */
MUST_CHECK bool events_seal(struct events *events, struct error *error);
/* A page of events, copied into `memory`. */
MUST_CHECK bool events_scan(struct events *events, const struct event_query *query, struct arena *memory,
                            struct event_page *page, struct error *error);
/* Events per interval in [from, to), both of which must be given; at most EVENT_BUCKETS_MAX buckets. */
MUST_CHECK bool events_histogram(struct events *events, const struct event_filter *filter, uint64_t interval,
                                 uint64_t deadline, struct arena *memory, struct event_histogram *histogram,
                                 struct error *error);
/* The `limit` most frequent values of `group` (`path` for GROUP_MEMBER only). */
MUST_CHECK bool events_top(struct events *events, const struct event_filter *filter, enum event_group group,
                           struct bytes path, size_t limit, uint64_t deadline, struct arena *memory,
                           struct event_top *top, struct error *error);
/* How many events match; `partial` when the deadline passed. */
MUST_CHECK bool events_count(struct events *events, const struct event_filter *filter, uint64_t deadline,
                             uint64_t *count, bool *partial, struct error *error);
/* Applies the settings' limits: whole days, ordinary traffic first, alerts last. Call now and then. */
MUST_CHECK bool events_retain(struct events *events, uint64_t now, struct error *error);
/* Drops whole days that ended before `time`. */
MUST_CHECK bool events_drop_before(struct events *events, uint64_t time, bool alerts_too,
                                   struct error *error);
MUST_CHECK bool events_statistics(struct events *events, struct event_statistics *statistics,
                                  struct error *error);
/* One event by its place; false with page->count 0 is "not there", see events_scan(). */
MUST_CHECK bool events_get(struct events *events, const struct event_cursor *place, struct arena *memory,
                           struct event_page *page, struct error *error);

/* "TIME-SENSOR-BOOT-SEQUENCE" in hexadecimal: the id of an event in addresses and APIs, and of cursors. */
void event_cursor_text(const struct event_cursor *cursor, struct text *out);
MUST_CHECK bool event_cursor_parse(struct bytes text, struct event_cursor *cursor);
struct event_cursor event_cursor_of(const struct event_record *record);

/* Order of pages: by time, then id. */
int event_cursor_compare(const struct event_cursor *a, const struct event_cursor *b);

#endif
