/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of the spool. */
#include "event/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "event/spool_files.h"

#define EVENTS_MAX 65536U

struct stream {
    int fd; /* of the segment at place.number; -1: not open */
    uint64_t boot;
    struct spool_place place;
};

struct spool_reader {
    int directory, lock, watch;
    struct stream streams[EVENT_PRIORITY_COUNT];
    uint8_t *data; /* as read from the segment, SPOOL_LINE_MAX + more */
    size_t room;
    struct spool_event *events; /* of the batch given out */
    size_t events_room, count;
    enum event_priority priority;
};

struct spool_reader *spool_reader_open(const char *directory, struct error *error)
{
    struct spool_cursor cursor;
    struct spool_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        error_set(error, "spool: out of memory");
        return NULL;
    }
    reader->directory = reader->lock = reader->watch = -1;
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        reader->streams[i].fd = -1;
    reader->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reader->directory < 0) {
        error_system(error, "spool: cannot open %s", directory);
        goto fail;
    }
    reader->lock = spool_lock(reader->directory, "reader.lock", directory, error);
    if (reader->lock < 0)
        goto fail;
    reader->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (reader->watch < 0 || inotify_add_watch(reader->watch, directory, IN_MODIFY | IN_CREATE) < 0) {
        error_system(error, "spool: cannot watch %s", directory);
        goto fail;
    }
    spool_cursor_load(reader->directory, &cursor);
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        reader->streams[i].place = cursor.places[i];
    return reader;
fail:
    spool_reader_close(reader);
    return NULL;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void spool_reader_close(struct spool_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        close_fd(reader->streams[i].fd);
    close_fd(reader->watch);
    close_fd(reader->lock);
    close_fd(reader->directory);
    free(reader->data);
    free(reader->events);
    free(reader);
}

/* The first segment of `priority` numbered `number` or more; NULL when there is none. */
static const struct spool_segment *segment_from(const struct spool_listing *listing,
                                                enum event_priority priority, uint64_t number)
{
    for (size_t i = 0; i < listing->count; i++)
        if (listing->segments[i].priority == priority && listing->segments[i].number >= number)
            return &listing->segments[i];
    return NULL;
}

/* Opens the segment at the stream's place, or the next there is; false when there is none to read yet. */
static bool open_segment(struct spool_reader *reader, enum event_priority priority,
                         const struct spool_listing *listing)
{
    struct stream *stream = &reader->streams[priority];
    const struct spool_segment *segment = segment_from(listing, priority, stream->place.number);
    char name[SPOOL_NAME_SIZE];
    uint8_t header[SPOOL_HEADER_SIZE];
    if (!segment)
        return false;
    if (segment->number != stream->place.number)
        stream->place = (struct spool_place){ segment->number, SPOOL_HEADER_SIZE };
    spool_segment_name(name, priority, segment->number);
    int fd = openat(reader->directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false; /* dropped meanwhile; the next listing tells */
    ssize_t got = pread(fd, header, sizeof header, 0);
    if (got < 0 ||
        !spool_header_read(bytes_of(header, (size_t)got), priority, segment->number, &stream->boot)) {
        close(fd);
        /* Without a header it is unfinished, or, when another follows, it is lost. */
        if (segment_from(listing, priority, segment->number + 1))
            stream->place = (struct spool_place){ segment->number + 1, SPOOL_HEADER_SIZE };
        return false;
    }
    stream->fd = fd;
    return true;
}

static bool reserve(struct spool_reader *reader, size_t bytes, size_t count)
{
    if (bytes > reader->room) {
        uint8_t *data = realloc(reader->data, bytes);
        if (!data)
            return false;
        reader->data = data;
        reader->room = bytes;
    }
    if (count > reader->events_room) {
        struct spool_event *events = reallocarray(reader->events, count, sizeof *events);
        if (!events)
            return false;
        reader->events = events;
        reader->events_room = count;
    }
    return true;
}

/* Reads records at the stream's place into reader->events. */
static bool fill(struct spool_reader *reader, struct stream *stream, size_t count_max, size_t bytes_max,
                 struct error *error)
{
    size_t want = MIN(bytes_max, SIZE_MAX / 2) + SPOOL_LINE_MAX + SPOOL_RECORD_SIZE;
    if (!reserve(reader, want, count_max))
        return error_set(error, "spool: out of memory");
    ssize_t got = pread(stream->fd, reader->data, want, (off_t)stream->place.offset);
    if (got < 0)
        return error_system(error, "spool: cannot read a segment");
    struct bytes rest = bytes_of(reader->data, (size_t)got);
    struct spool_event event;
    size_t bytes = 0;
    reader->count = 0;
    while (reader->count < count_max && spool_record_take(&rest, &event.sequence, &event.line)) {
        bytes += event.line.size;
        if (reader->count &&
            (bytes > bytes_max || event.sequence <= reader->events[reader->count - 1].sequence))
            break;
        reader->events[reader->count++] = event;
    }
    return true;
}

/* Looks for events of one priority, going from segment to segment. */
static bool next_of(struct spool_reader *reader, enum event_priority priority, size_t count_max,
                    size_t bytes_max, struct error *error)
{
    struct stream *stream = &reader->streams[priority];
    for (;;) {
        /* Listed before reading: a segment that has a successor by then is complete. */
        struct spool_listing listing;
        if (!spool_list(reader->directory, &listing, error))
            return false;
        uint64_t before = stream->place.number;
        bool open = stream->fd >= 0 || open_segment(reader, priority, &listing);
        bool there = segment_from(&listing, priority, stream->place.number) != NULL;
        bool newer = segment_from(&listing, priority, stream->place.number + 1) != NULL;
        spool_listing_done(&listing);
        if (!open) {
            if (stream->place.number != before && there)
                continue;
            return true;
        }
        if (!fill(reader, stream, count_max, bytes_max, error))
            return false;
        if (reader->count || !newer)
            return true;
        close(stream->fd);
        stream->fd = -1;
        stream->place = (struct spool_place){ stream->place.number + 1, SPOOL_HEADER_SIZE };
    }
}

bool spool_reader_next(struct spool_reader *reader, size_t count_max, size_t bytes_max,
                       struct spool_batch *batch, struct error *error)
{
    assert(count_max > 0);
    reader->count = 0;
    for (unsigned i = EVENT_PRIORITY_COUNT; i-- > 0 && reader->count == 0;) {
        reader->priority = (enum event_priority)i;
        if (!next_of(reader, reader->priority, MIN(count_max, EVENTS_MAX), bytes_max, error))
            return false;
    }
    *batch = (struct spool_batch){ reader->streams[reader->priority].boot, reader->priority, reader->events,
                                   reader->count };
    return true;
}

/* Deletes segments that lie wholly before the saved places. */
static void delete_delivered(struct spool_reader *reader)
{
    struct spool_listing listing;
    char name[SPOOL_NAME_SIZE];
    if (!spool_list(reader->directory, &listing, NULL))
        return; /* they go with the next acknowledgement */
    for (size_t i = 0; i < listing.count; i++) {
        const struct spool_segment *segment = &listing.segments[i];
        if (segment->number >= reader->streams[segment->priority].place.number)
            continue;
        spool_segment_name(name, segment->priority, segment->number);
        unlinkat(reader->directory, name, 0);
    }
    spool_listing_done(&listing);
}

bool spool_reader_acknowledge(struct spool_reader *reader, uint64_t sequence, struct error *error)
{
    struct stream *stream = &reader->streams[reader->priority];
    struct spool_cursor cursor;
    size_t done = 0;
    for (; done < reader->count && reader->events[done].sequence <= sequence; done++)
        stream->place.offset += SPOOL_RECORD_SIZE + reader->events[done].line.size;
    if (done == 0)
        return true;
    reader->count = 0; /* the batch is used up, whatever the disk says */
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        cursor.places[i] = reader->streams[i].place;
    struct error failure;
    bool saved = spool_cursor_save(reader->directory, &cursor, &failure);
    if (!saved && !failure.disk_full)
        return error_copy(error, &failure);
    /* A full disk has no room for the place either; what was delivered makes some. Without a saved place the
     * events that are still here come once more after a crash, and the centre leaves them out. */
    delete_delivered(reader);
    if (!saved && !spool_cursor_save(reader->directory, &cursor, &failure) && !failure.disk_full)
        return error_copy(error, &failure);
    return true;
}

bool spool_reader_wait(struct spool_reader *reader, int fd, int timeout_ms)
{
    struct pollfd polled[2] = { { .fd = reader->watch, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
    uint8_t notices[4096];
    if (poll(polled, 2, timeout_ms) > 0 && polled[0].revents)
        while (read(reader->watch, notices, sizeof notices) > 0)
            ;
    return fd >= 0 && polled[1].revents != 0;
}

void spool_reader_status(struct spool_reader *reader, struct spool_losses *losses, uint64_t *bytes)
{
    struct spool_state state;
    struct spool_listing listing;
    spool_state_load(reader->directory, &state);
    *losses = state.losses;
    *bytes = 0;
    if (!spool_list(reader->directory, &listing, NULL))
        return;
    for (size_t i = 0; i < listing.count; i++) {
        const struct spool_segment *segment = &listing.segments[i];
        const struct spool_place *place = &reader->streams[segment->priority].place;
        uint64_t done = segment->number < place->number   ? segment->size
                        : segment->number > place->number ? SPOOL_HEADER_SIZE
                                                          : place->offset;
        *bytes += segment->size - MIN(segment->size, done);
    }
    spool_listing_done(&listing);
}
