/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: a bounded queue of EVE lines on disk between the process that parses packets and the one that
 * talks to the centre. They share nothing but this directory.
 *
 * Each priority is a stream of segment files, "high-0000000000000001.spool" and so on; a record carries its
 * size, checksum and sequence, so a torn tail ends a segment without harm. A writer never appends to a
 * segment of an earlier start. Over the budget whole segments go, the lowest priority and the oldest first,
 * and what was not yet acknowledged in them is counted as lost. The reader's place is one small file,
 * replaced atomically, and is the only thing that lets a segment go as delivered. */
#ifndef VONGLAU_EVENT_SPOOL_H
#define VONGLAU_EVENT_SPOOL_H

#include "base/error.h"
#include "event/record.h"

#define SPOOL_LINE_MAX (1U << 20)

struct spool_settings {
    const char *directory;  /* made when absent, mode 0700 */
    uint64_t bytes_max;     /* all segments together; at least SPOOL_BYTES_MIN */
    uint64_t segment_bytes; /* 0: a sixteenth of bytes_max, at most 4 MB */
    bool sync;              /* spool_flush() waits for the disk, not only for the kernel */
    uint64_t sync_every; /* nanoseconds: it waits at most that often, for all that came since; 0: each time */
};

#define SPOOL_BYTES_MIN (64U << 10)

/* What did not reach the centre and never will, since the directory was made. Kept in the directory. */
struct spool_losses {
    uint64_t events[EVENT_PRIORITY_COUNT]; /* dropped for room, or not written because the disk was full */
    uint64_t bytes[EVENT_PRIORITY_COUNT];
};

/* ---- writer: one per directory; not for several threads at once ---- */

struct spool;

MUST_CHECK struct spool *spool_open(const struct spool_settings *settings, struct error *error);
/* Writes out what is buffered and lets go. NULL is ignored. */
void spool_close(struct spool *spool);
/* Names this start: together with the sequence, the id of an event. Rises from start to start. */
uint64_t spool_boot(const struct spool *spool);
/* Queues one EVE line (no newline inside) and returns its sequence, from 1. Never fails: what cannot be kept
 * is counted. Visible to the reader after spool_flush(), or when 64 KB have gathered. */
uint64_t spool_append(struct spool *spool, enum event_priority priority, struct bytes line);
void spool_flush(struct spool *spool);
/* The losses so far, and the octets held now. */
void spool_status(const struct spool *spool, struct spool_losses *losses, uint64_t *bytes);

/* ---- reader: one per directory, in any process ---- */

struct spool_reader;

struct spool_event {
    uint64_t sequence;
    struct bytes line;
};

/* Events of one start and one priority, in rising order of sequence; valid until the next call. */
struct spool_batch {
    uint64_t boot;
    enum event_priority priority;
    const struct spool_event *events;
    size_t count;
};

MUST_CHECK struct spool_reader *spool_reader_open(const char *directory, struct error *error);
void spool_reader_close(struct spool_reader *reader);
/* The oldest unacknowledged events of the highest priority that has any: at most `count_max` events and
 * `bytes_max` octets of lines (but always one). count == 0: nothing there now. Returns the same events again
 * until they are acknowledged. False only on a failure of the disk. */
MUST_CHECK bool spool_reader_next(struct spool_reader *reader, size_t count_max, size_t bytes_max,
                                  struct spool_batch *batch, struct error *error);
/* The last batch, up to and including `sequence`, is safe at the centre: durable on return, unless the disk
 * is full: then the place is kept in memory until there is room. */
MUST_CHECK bool spool_reader_acknowledge(struct spool_reader *reader, uint64_t sequence, struct error *error);
/* Waits until something may have been added, at most `timeout_ms`; -1 for `fd` or also until `fd` is
 * readable. True when `fd` became readable. */
MUST_CHECK bool spool_reader_wait(struct spool_reader *reader, int fd, int timeout_ms);
/* Losses as the writer last recorded them, and octets waiting on disk. */
void spool_reader_status(struct spool_reader *reader, struct spool_losses *losses, uint64_t *bytes);

#endif
