/* SPDX-License-Identifier: Apache-2.0 */
/* Names, headers and small state files of a spool directory. */
#include "event/spool_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/reader.h"
#include "base/writer.h"

#define SEGMENT_MAGIC   0x564C5350U /* "VLSP" */
#define SEGMENT_VERSION 1
#define STATE_MAGIC     0x564C5354U /* "VLST" */
#define STATE_SIZE_MAX  128

static const char *const priority_names[EVENT_PRIORITY_COUNT] = { "low", "normal", "high" };

void spool_segment_name(char name[static SPOOL_NAME_SIZE], enum event_priority priority, uint64_t number)
{
    snprintf(name, SPOOL_NAME_SIZE, "%s-%016" PRIx64 ".spool", priority_names[priority], number);
}

/* Reads a segment's name back. */
static bool parse_name(const char *name, struct spool_segment *segment)
{
    for (unsigned i = 0; i < EVENT_PRIORITY_COUNT; i++) {
        struct bytes rest = bytes_of_string(name);
        struct bytes kind = bytes_cut(&rest, '-');
        if (!bytes_is(kind, priority_names[i]) || rest.size != 16 + 6 ||
            !bytes_is(bytes_from(rest, 16), ".spool"))
            continue;
        uint64_t number = 0;
        for (size_t at = 0; at < 16; at++) {
            int digit = byte_hex(rest.data[at]);
            if (digit < 0)
                return false;
            number = number << 4 | (uint64_t)digit;
        }
        *segment = (struct spool_segment){ (enum event_priority)i, number, 0 };
        return true;
    }
    return false;
}

void spool_header_write(uint8_t header[static SPOOL_HEADER_SIZE], enum event_priority priority,
                        uint64_t number, uint64_t boot)
{
    struct writer out = writer_of(header, SPOOL_HEADER_SIZE);
    writer_be32(&out, SEGMENT_MAGIC);
    writer_u8(&out, SEGMENT_VERSION);
    writer_u8(&out, (uint8_t)priority);
    writer_be16(&out, 0);
    writer_be64(&out, number);
    writer_be64(&out, boot);
    writer_be32(&out, 0);
    writer_be32(&out, (uint32_t)crc32_z(0, header, SPOOL_HEADER_SIZE - 4));
}

bool spool_header_read(struct bytes header, enum event_priority priority, uint64_t number, uint64_t *boot)
{
    struct reader in = reader_of_bytes(header);
    uint32_t magic = reader_be32(&in);
    uint8_t version = reader_u8(&in), found_priority = reader_u8(&in);
    reader_skip(&in, 2);
    uint64_t found_number = reader_be64(&in), found_boot = reader_be64(&in);
    reader_skip(&in, 4);
    uint32_t checksum = reader_be32(&in);
    if (!reader_ok(&in) || magic != SEGMENT_MAGIC || version != SEGMENT_VERSION ||
        found_priority != priority || found_number != number ||
        checksum != (uint32_t)crc32_z(0, header.data, SPOOL_HEADER_SIZE - 4))
        return false;
    *boot = found_boot;
    return true;
}

uint32_t spool_checksum(uint64_t sequence, struct bytes line)
{
    uint8_t number[8];
    struct writer out = writer_of(number, sizeof number);
    writer_be64(&out, sequence);
    return (uint32_t)crc32_z(crc32_z(0, number, sizeof number), line.data, line.size);
}

bool spool_record_take(struct bytes *rest, uint64_t *sequence, struct bytes *line)
{
    struct reader in = reader_of_bytes(*rest);
    uint32_t size = reader_be32(&in);
    uint32_t checksum = reader_be32(&in);
    uint64_t number = reader_be64(&in);
    struct bytes text = reader_bytes(&in, size);
    if (!reader_ok(&in) || size > SPOOL_LINE_MAX || size == 0 || checksum != spool_checksum(number, text))
        return false;
    *sequence = number;
    *line = text;
    *rest = reader_peek(&in);
    return true;
}

static int order(const void *a, const void *b)
{
    const struct spool_segment *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool add_segment(struct spool_listing *listing, size_t *room, struct spool_segment segment)
{
    if (listing->count == *room) {
        size_t more = *room ? *room * 2 : 64;
        struct spool_segment *grown = reallocarray(listing->segments, more, sizeof *grown);
        if (!grown)
            return false;
        listing->segments = grown;
        *room = more;
    }
    listing->segments[listing->count++] = segment;
    listing->bytes += segment.size;
    return true;
}

bool spool_list(int directory, struct spool_listing *listing, struct error *error)
{
    struct spool_listing found = { 0 };
    size_t room = 0;
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        if (fd >= 0)
            close(fd);
        return error_system(error, "spool: cannot list the directory");
    }
    struct dirent *entry;
    bool ok = true;
    while (ok && (entry = readdir(entries))) {
        struct spool_segment segment;
        struct stat status;
        if (parse_name(entry->d_name, &segment) && fstatat(directory, entry->d_name, &status, 0) == 0) {
            segment.size = (uint64_t)status.st_size;
            ok = add_segment(&found, &room, segment);
        }
    }
    closedir(entries);
    if (!ok) {
        spool_listing_done(&found);
        return error_set(error, "spool: out of memory");
    }
    if (found.count)
        qsort(found.segments, found.count, sizeof *found.segments, order);
    *listing = found;
    return true;
}

void spool_listing_done(struct spool_listing *listing)
{
    free(listing->segments);
    *listing = (struct spool_listing){ 0 };
}

/* Small files: "VLST", `count` big-endian numbers, CRC-32 of all before it. */
static bool load_numbers(int directory, const char *name, uint64_t *numbers, size_t count)
{
    uint8_t data[STATE_SIZE_MAX];
    size_t size = 4 + count * 8 + 4;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, data, sizeof data);
    close(fd);
    if (got < 0 || (size_t)got != size)
        return false;
    struct reader in = reader_of(data, size);
    bool ok = reader_be32(&in) == STATE_MAGIC;
    for (size_t i = 0; i < count; i++)
        numbers[i] = reader_be64(&in);
    return ok && reader_be32(&in) == (uint32_t)crc32_z(0, data, size - 4);
}

static bool save_numbers(int directory, const char *name, const uint64_t *numbers, size_t count,
                         struct error *error)
{
    uint8_t data[STATE_SIZE_MAX];
    char temporary[SPOOL_NAME_SIZE];
    struct writer out = writer_of(data, sizeof data);
    writer_be32(&out, STATE_MAGIC);
    for (size_t i = 0; i < count; i++)
        writer_be64(&out, numbers[i]);
    writer_be32(&out, (uint32_t)crc32_z(0, data, writer_size(&out)));
    snprintf(temporary, sizeof temporary, "%s.new", name);
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, "spool: cannot make %s", temporary);
    ssize_t put = write(fd, data, writer_size(&out));
    bool ok = put >= 0 && (size_t)put == writer_size(&out) && fdatasync(fd) == 0;
    ok = ok ? true : error_system(error, "spool: cannot write %s", temporary);
    close(fd);
    if (!ok)
        return false;
    if (renameat(directory, temporary, directory, name) != 0 || fsync(directory) != 0)
        return error_system(error, "spool: cannot replace %s", name);
    return true;
}

void spool_cursor_load(int directory, struct spool_cursor *cursor)
{
    uint64_t numbers[2 * EVENT_PRIORITY_COUNT];
    *cursor = (struct spool_cursor){ 0 };
    if (!load_numbers(directory, "cursor", numbers, COUNT_OF(numbers)))
        return;
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
        cursor->places[i] = (struct spool_place){ numbers[2 * i], numbers[2 * i + 1] };
}

bool spool_cursor_save(int directory, const struct spool_cursor *cursor, struct error *error)
{
    uint64_t numbers[2 * EVENT_PRIORITY_COUNT];
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++) {
        numbers[2 * i] = cursor->places[i].number;
        numbers[2 * i + 1] = cursor->places[i].offset;
    }
    return save_numbers(directory, "cursor", numbers, COUNT_OF(numbers), error);
}

void spool_state_load(int directory, struct spool_state *state)
{
    uint64_t numbers[1 + 2 * EVENT_PRIORITY_COUNT];
    *state = (struct spool_state){ 0 };
    if (!load_numbers(directory, "writer", numbers, COUNT_OF(numbers)))
        return;
    state->boot = numbers[0];
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++) {
        state->losses.events[i] = numbers[1 + i];
        state->losses.bytes[i] = numbers[1 + EVENT_PRIORITY_COUNT + i];
    }
}

bool spool_state_save(int directory, const struct spool_state *state, struct error *error)
{
    uint64_t numbers[1 + 2 * EVENT_PRIORITY_COUNT] = { state->boot };
    for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++) {
        numbers[1 + i] = state->losses.events[i];
        numbers[1 + EVENT_PRIORITY_COUNT + i] = state->losses.bytes[i];
    }
    return save_numbers(directory, "writer", numbers, COUNT_OF(numbers), error);
}

int spool_lock(int directory, const char *name, const char *path, struct error *error)
{
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_system(error, "spool %s: cannot open %s", path, name);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            error_set(error, "spool %s: in use by another process (%s)", path, name);
        else
            error_system(error, "spool %s: cannot lock %s", path, name);
        close(fd);
        return -1;
    }
    return fd;
}
