/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side of the spool. */
#include "event/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/writer.h"
#include "event/spool_files.h"

#define BUFFER_BYTES      (64U << 10)
#define SEGMENT_BYTES_MAX (4U << 20)
#define SAVE_INTERVAL     NS_PER_S /* between two records of losses that repeat */

struct stream {
    int fd; /* -1: no segment open */
    uint64_t number, size;
    struct text buffer; /* whole records, not yet written */
    uint64_t buffered;  /* how many */
    bool unsynced;      /* written, perhaps not yet on the disk */
};

struct spool {
    int directory, lock;
    uint64_t bytes_max, segment_bytes, held; /* octets; `held` may lag behind the reader's deletions */
    uint64_t sequence, saved;                /* last given; steady time of the last save */
    struct spool_state state;
    struct stream streams[EVENT_PRIORITY_COUNT];
    uint64_t sync_every, synced; /* nanoseconds; steady time */
    bool sync, unsaved;
};

static void save_state(struct spool *spool)
{
    struct error ignored;
    spool->saved = clock_steady();
    spool->unsaved = !spool_state_save(spool->directory, &spool->state, &ignored); /* retried by flush */
}

static void count_loss(struct spool *spool, enum event_priority priority, uint64_t events, uint64_t bytes)
{
    spool->state.losses.events[priority] += events;
    spool->state.losses.bytes[priority] += bytes;
    spool->unsaved |= events > 0;
}

/* Goes on after the highest segment present of each priority, and after the reader's place. */
static void resume(struct spool *spool, const struct spool_listing *listing)
{
    struct spool_cursor cursor;
    spool_cursor_load(spool->directory, &cursor);
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        spool->streams[i].number = cursor.places[i].number;
    for (size_t i = 0; i < listing->count; i++) {
        struct stream *stream = &spool->streams[listing->segments[i].priority];
        stream->number = MAX(stream->number, listing->segments[i].number);
    }
    spool->held = listing->bytes;
}

struct spool *spool_open(const struct spool_settings *settings, struct error *error)
{
    struct spool_listing listing = { 0 };
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool) {
        error_set(error, "spool: out of memory");
        return NULL;
    }
    spool->directory = spool->lock = -1;
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++) {
        spool->streams[i].fd = -1;
        spool->streams[i].buffer = text_new(BUFFER_BYTES + SPOOL_LINE_MAX + SPOOL_RECORD_SIZE);
    }
    spool->sync = settings->sync;
    spool->sync_every = settings->sync_every;
    spool->bytes_max = settings->bytes_max;
    spool->segment_bytes = settings->segment_bytes ? settings->segment_bytes
                                                   : MIN(settings->bytes_max / 16, SEGMENT_BYTES_MAX);
    if (settings->bytes_max < SPOOL_BYTES_MIN) {
        error_set(error, "spool %s: size must be at least %u octets, not %llu", settings->directory,
                  SPOOL_BYTES_MIN, (unsigned long long)settings->bytes_max);
        goto fail;
    }
    if (mkdir(settings->directory, 0700) != 0 && errno != EEXIST) {
        error_system(error, "spool: cannot make %s", settings->directory);
        goto fail;
    }
    spool->directory = open(settings->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->directory < 0) {
        error_system(error, "spool: cannot open %s", settings->directory);
        goto fail;
    }
    spool->lock = spool_lock(spool->directory, "writer.lock", settings->directory, error);
    if (spool->lock < 0 || !spool_list(spool->directory, &listing, error))
        goto fail;
    spool_state_load(spool->directory, &spool->state);
    resume(spool, &listing);
    spool_listing_done(&listing);
    spool->state.boot = MAX(clock_wall(), spool->state.boot + 1);
    save_state(spool); /* a full disk does not keep the sensor from starting */
    return spool;
fail:
    spool_close(spool);
    return NULL;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->lock >= 0) {
        spool->sync_every = 0;
        spool_flush(spool);
        if (spool->unsaved)
            save_state(spool);
    }
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++) {
        if (spool->streams[i].fd >= 0)
            close(spool->streams[i].fd);
        text_done(&spool->streams[i].buffer);
    }
    if (spool->lock >= 0)
        close(spool->lock);
    if (spool->directory >= 0)
        close(spool->directory);
    free(spool);
}

uint64_t spool_boot(const struct spool *spool)
{
    return spool->state.boot;
}

static void finish_segment(struct spool *spool, struct stream *stream)
{
    if (stream->fd < 0)
        return;
    stream->unsynced = false;
    if (spool->sync)
        (void)fdatasync(stream->fd); /* what a power cut takes is found as a torn tail */
    close(stream->fd);
    stream->fd = -1;
}

/* Counts the records of a segment that the reader has not acknowledged. */
static void count_segment(struct spool *spool, const struct spool_segment *segment)
{
    struct spool_cursor cursor;
    char name[SPOOL_NAME_SIZE];
    spool_cursor_load(spool->directory, &cursor);
    struct spool_place place = cursor.places[segment->priority];
    if (segment->number < place.number)
        return;
    size_t start = segment->number == place.number ? place.offset : SPOOL_HEADER_SIZE;
    spool_segment_name(name, segment->priority, segment->number);
    int fd = openat(spool->directory, name, O_RDONLY | O_CLOEXEC);
    uint8_t *data = segment->size ? malloc(segment->size) : NULL;
    if (fd >= 0 && data) {
        ssize_t got = pread(fd, data, segment->size, 0);
        struct bytes rest = bytes_from(bytes_of(data, got > 0 ? (size_t)got : 0), start);
        uint64_t events = 0, bytes = rest.size, sequence;
        struct bytes line;
        while (spool_record_take(&rest, &sequence, &line))
            events++;
        count_loss(spool, segment->priority, events, events ? bytes : 0);
    }
    free(data);
    if (fd >= 0)
        close(fd);
}

/* Drops the oldest segment of the lowest priority; false when there is none. */
static bool drop_one(struct spool *spool, enum event_priority highest)
{
    struct spool_listing listing;
    char name[SPOOL_NAME_SIZE];
    bool dropped = false;
    if (!spool_list(spool->directory, &listing, NULL))
        return false;
    spool->held = listing.bytes;
    if (listing.count && listing.segments[0].priority <= highest) {
        struct spool_segment *oldest = &listing.segments[0];
        struct stream *stream = &spool->streams[oldest->priority];
        if (stream->number == oldest->number)
            finish_segment(spool, stream);
        count_segment(spool, oldest);
        spool_segment_name(name, oldest->priority, oldest->number);
        dropped = unlinkat(spool->directory, name, 0) == 0;
        spool->held -= dropped ? oldest->size : 0;
    }
    spool_listing_done(&listing);
    return dropped;
}

static void make_room(struct spool *spool)
{
    struct spool_listing listing;
    if (spool->held <= spool->bytes_max || !spool_list(spool->directory, &listing, NULL))
        return;
    spool->held = listing.bytes; /* the reader may have deleted what it delivered */
    spool_listing_done(&listing);
    while (spool->held > spool->bytes_max && drop_one(spool, EVENT_PRIORITY_HIGH))
        ;
}

/* Writes all of `data` at the end of the open segment, or takes back what was written of it. */
static bool put(struct stream *stream, struct bytes data)
{
    size_t done = 0;
    while (done < data.size) {
        ssize_t put = pwrite(stream->fd, data.data + done, data.size - done, (off_t)(stream->size + done));
        if (put <= 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    if (done == data.size) {
        stream->size += done;
        return true;
    }
    /* A tail that cannot be cut is torn for the reader; the next write covers it. */
    (void)!ftruncate(stream->fd, (off_t)stream->size);
    return false;
}

static bool start_segment(struct spool *spool, enum event_priority priority)
{
    struct stream *stream = &spool->streams[priority];
    char name[SPOOL_NAME_SIZE];
    uint8_t header[SPOOL_HEADER_SIZE];
    spool_segment_name(name, priority, stream->number + 1);
    stream->fd = openat(spool->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (stream->fd < 0)
        return false;
    spool_header_write(header, priority, stream->number + 1, spool->state.boot);
    stream->size = 0;
    if (!put(stream, bytes_of(header, sizeof header))) {
        close(stream->fd);
        stream->fd = -1;
        unlinkat(spool->directory, name, 0);
        return false;
    }
    stream->number++;
    spool->held += SPOOL_HEADER_SIZE;
    return true;
}

static bool put_buffer(struct spool *spool, enum event_priority priority)
{
    struct stream *stream = &spool->streams[priority];
    return (stream->fd >= 0 || start_segment(spool, priority)) && put(stream, text_bytes(&stream->buffer));
}

static void write_out(struct spool *spool, enum event_priority priority)
{
    struct stream *stream = &spool->streams[priority];
    if (stream->buffer.size == 0)
        return;
    bool done = put_buffer(spool, priority);
    while (!done && (errno == ENOSPC || errno == EDQUOT) && drop_one(spool, priority))
        done = put_buffer(spool, priority);
    if (done)
        spool->held += stream->buffer.size;
    else
        count_loss(spool, priority, stream->buffered, stream->buffer.size);
    text_clear(&stream->buffer);
    stream->buffered = 0;
    if (stream->fd >= 0 && stream->size >= spool->segment_bytes)
        finish_segment(spool, stream);
    make_room(spool);
}

uint64_t spool_append(struct spool *spool, enum event_priority priority, struct bytes line)
{
    struct stream *stream = &spool->streams[priority];
    uint64_t sequence = ++spool->sequence;
    uint8_t header[SPOOL_RECORD_SIZE];
    assert((unsigned)priority < EVENT_PRIORITY_COUNT);
    if (line.size == 0 || line.size > SPOOL_LINE_MAX || bytes_find_byte(line, '\n') != SIZE_MAX ||
        !text_reserve(&stream->buffer, line.size + sizeof header)) {
        count_loss(spool, priority, 1, line.size);
        return sequence;
    }
    struct writer out = writer_of(header, sizeof header);
    writer_be32(&out, (uint32_t)line.size);
    writer_be32(&out, spool_checksum(sequence, line));
    writer_be64(&out, sequence);
    text_put(&stream->buffer, bytes_of(header, sizeof header));
    text_put(&stream->buffer, line);
    stream->buffered++;
    if (stream->buffer.size >= BUFFER_BYTES) {
        write_out(spool, priority);
        stream->unsynced |= stream->fd >= 0;
    }
    return sequence;
}

static void sync_streams(struct spool *spool)
{
    if (!spool->sync || clock_steady() - spool->synced < spool->sync_every)
        return;
    spool->synced = clock_steady();
    for (unsigned i = EVENT_PRIORITY_COUNT; i-- > 0;) {
        struct stream *stream = &spool->streams[i];
        if (stream->unsynced && stream->fd >= 0)
            (void)fdatasync(stream->fd);
        stream->unsynced = false;
    }
}

void spool_flush(struct spool *spool)
{
    for (unsigned i = EVENT_PRIORITY_COUNT; i-- > 0;) {
        spool->streams[i].unsynced |= spool->streams[i].buffer.size > 0;
        write_out(spool, (enum event_priority)i);
    }
    sync_streams(spool);
    if (spool->unsaved && clock_steady() - spool->saved >= SAVE_INTERVAL)
        save_state(spool);
}

void spool_status(const struct spool *spool, struct spool_losses *losses, uint64_t *bytes)
{
    *losses = spool->state.losses;
    *bytes = spool->held;
}
