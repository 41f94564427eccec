/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the SQLite event store: its files by day, and connections to read them. */
#ifndef VONGLAU_STORE_EVENTS_SQLITE_H
#define VONGLAU_STORE_EVENTS_SQLITE_H

#include <pthread.h>

#include "store/event_file.h"

#define EVENT_WRITERS 8
#define EVENT_READERS 48

struct event_writer {
    struct event_file *file;
    uint64_t day, used;
    enum event_file_kind kind;
};

/* A pooled connection to one file, with the dictionaries it has met. */
struct event_reader {
    struct database *database;
    uint64_t day, used;
    enum event_file_kind kind;
    bool busy, stale; /* stale: its file was dropped */
    ZSTD_DDict *dictionary;
    int64_t dictionary_id;
};

struct events {
    struct events_head head;
    char directory[512];
    uint64_t bytes_max, bytes_kept;
    unsigned traffic_days_max;
    uint64_t (*elapsed)(void);
    uint64_t ahead; /* elapsed() when the clock was first found far ahead of all events; 0: it is not */
    bool no_sync;
    pthread_mutex_t write; /* guards everything down to `counts` */
    struct block_codec *codec;
    struct event_writer writers[EVENT_WRITERS];
    uint64_t write_clock;
    pthread_mutex_t pool; /* guards the rest; may be taken while `write` is held, not the other way round */
    struct event_reader readers[EVENT_READERS];
    uint64_t pool_clock, appended, replayed, dropped_days;
};

/* A file present on disk. */
struct event_day {
    uint64_t day;
    enum event_file_kind kind;
    uint64_t bytes; /* with its write-ahead log */
    uint64_t written;
};

struct event_days {
    struct event_day *days; /* oldest first; alerts before traffic within a day */
    size_t count;
};

void event_path(const struct events *events, uint64_t day, enum event_file_kind kind, char *path,
                size_t size);
MUST_CHECK bool event_days_list(const struct events *events, struct event_days *days, struct error *error);
void event_days_done(struct event_days *days);

/* A connection to one file, in a read transaction: a stable view until given back. NULL with an empty error
 * text when the file is not there (any more). */
MUST_CHECK struct event_reader *event_reader_take(struct events *events, uint64_t day,
                                                  enum event_file_kind kind, struct error *error);
void event_reader_give(struct events *events, struct event_reader *reader);

/* ---- one query over one file after the other ---- */

struct reading {
    struct events *events;
    struct event_matcher matcher;
    struct block_codec *codec;
    ZSTD_DCtx *expander;
    uint64_t deadline;
    struct event_reader *reader; /* of the current file */
    bool expired;
    struct bytes filters[BLOCK_FILTERS]; /* of the block at hand, as far as asked for */
    struct statement *filter_statements[BLOCK_FILTERS];
    int64_t filter_block;
};

MUST_CHECK bool reading_start(struct reading *reading, struct events *events,
                              const struct event_filter *filter, uint64_t deadline, struct error *error);
void reading_stop(struct reading *reading);
/* Goes to a file and looks its hosts up; *found is false when it does not exist. */
MUST_CHECK bool reading_open(struct reading *reading, uint64_t day, enum event_file_kind kind, bool *found,
                             struct error *error);
void reading_close(struct reading *reading);
/* True (and remembered) once the deadline has passed. */
bool reading_expired(struct reading *reading);
/* Days of [from, to) that hold `kind`, oldest first. */
bool reading_wants(const struct reading *reading, uint64_t day);
/* What the index says of one block. */
struct block_entry {
    int64_t id;
    uint64_t first, last, types;
    size_t count;
    bool open;
};
/* Blocks of the current file that overlap the filter's times: newest end first, or oldest start first. */
MUST_CHECK bool reading_blocks(struct reading *reading, bool oldest_first, struct arena *memory,
                               struct block_entry **entries, size_t *count, struct error *error);
/* False when the block certainly has nothing. */
bool reading_block_may_match(struct reading *reading, const struct block_entry *entry);
MUST_CHECK bool reading_load_block(struct reading *reading, const struct block_entry *entry,
                                   struct arena *memory, struct block *block, struct error *error);
/* The body of row `row`; frames once unpacked stay in frames[] and `memory`. */
MUST_CHECK bool reading_body(struct reading *reading, const struct block_entry *entry, size_t row,
                             struct bytes *frames[BLOCK_FRAMES_MAX], struct arena *memory, struct bytes *body,
                             struct error *error);

/* Rows of the current file of alerts within the filter's times. */
MUST_CHECK struct statement *reading_alerts(struct reading *reading, bool oldest_first, uint64_t from,
                                            uint64_t to);
/* The view of the statement's row; addresses in the two given places. */
struct event_view reading_alert_view(struct statement *row, struct address addresses[2]);
/* The body of the statement's row, unpacked into `memory`. */
MUST_CHECK bool reading_alert_body(struct reading *reading, struct statement *row, struct arena *memory,
                                   struct bytes *body, struct error *error);
/* The whole record: what the body says, but time, id, agency and system as they were stored. */
bool reading_record(const struct event_view *view, struct bytes body, struct arena *memory,
                    struct event_record *record);

/* The driver's reading functions; see store/events.h. */
MUST_CHECK bool events_sqlite_scan(struct events *events, const struct event_query *query,
                                   struct arena *memory, struct event_page *page, struct error *error);
MUST_CHECK bool events_sqlite_histogram(struct events *events, const struct event_filter *filter,
                                        uint64_t interval, uint64_t deadline, struct arena *memory,
                                        struct event_histogram *histogram, struct error *error);
MUST_CHECK bool events_sqlite_top(struct events *events, const struct event_filter *filter,
                                  enum event_group group, struct bytes path, size_t limit, uint64_t deadline,
                                  struct arena *memory, struct event_top *top, struct error *error);

#endif
