/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data of requests (RFC 7578): each part with a file name becomes a file. */
#include "proto/http.h"

#include <stdlib.h>

#define BOUNDARY_MAX 256U
#define HEADER_MAX   4096U
#define PARTS_MAX    1024U

enum part_phase {
    PART_PREAMBLE, /* looking for the first delimiter */
    PART_AFTER,    /* the rest of a delimiter line */
    PART_HEADER,
    PART_CONTENT,
    PART_END
};

struct http_multipart {
    struct http_body *body;
    struct file *file;                   /* of the current part, when it has a name */
    uint8_t delimiter[BOUNDARY_MAX + 4]; /* CR LF "--" boundary */
    size_t delimiter_size;
    uint8_t phase;
    bool started, named;
    unsigned parts;
    size_t held; /* bytes in `hold`: an unfinished line, or what may begin a delimiter */
    uint8_t hold[HEADER_MAX];
    struct bytes name; /* of the part being read, in `name_room` */
    uint8_t name_room[1024];
};

struct http_multipart *http_multipart_open(struct bytes content_type, struct http_body *body)
{
    struct bytes boundary = http_parameter(content_type, "boundary");
    if (boundary.size == 0 || boundary.size > BOUNDARY_MAX)
        return NULL;
    struct http_multipart *multipart = calloc(1, sizeof *multipart);
    if (!multipart)
        return NULL;
    multipart->body = body;
    memcpy(multipart->delimiter, "\r\n--", 4);
    memcpy(multipart->delimiter + 4, boundary.data, boundary.size);
    multipart->delimiter_size = boundary.size + 4;
    /* The first delimiter has no line end before it. */
    memcpy(multipart->hold, "\r\n", 2);
    multipart->held = 2;
    return multipart;
}

size_t http_multipart_memory(const struct http_multipart *multipart)
{
    return multipart ? sizeof *multipart : 0;
}

static void event(struct http_multipart *multipart, enum http_event which)
{
    if (multipart->body->tx)
        tx_event(multipart->body->tx, (uint8_t)which);
}

static void end_file(struct http_multipart *multipart, bool truncated)
{
    if (multipart->file)
        file_close(multipart->body->session, multipart->file, truncated);
    multipart->file = NULL;
    multipart->named = false;
}

static void part_content(struct http_multipart *multipart, struct bytes data)
{
    if (!multipart->named || data.size == 0 || !multipart->body->tx)
        return;
    if (!multipart->file) {
        multipart->file = file_open(multipart->body->session, multipart->body->tx,
                                    (enum direction)multipart->body->direction, multipart->name);
        if (!multipart->file) {
            multipart->named = false;
            return;
        }
        if (!http_body_at_once(multipart->body)) {
            multipart->file->inspect_min = multipart->body->settings->request_inspect_min;
            multipart->file->inspect_step = multipart->body->settings->request_inspect_step;
        }
    }
    (void)file_data(multipart->body->session, multipart->file, data);
}

/* One header line of a part. */
static void part_header(struct http_multipart *multipart, struct bytes line)
{
    size_t colon = bytes_find_byte(line, ':');
    if (colon == SIZE_MAX) {
        event(multipart, HTTP_EVENT_MULTIPART_INVALID_HEADER);
        return;
    }
    if (!bytes_equal_nocase(bytes_trim(bytes_first(line, colon)), BYTES_OF("content-disposition")))
        return;
    struct bytes name = http_parameter(bytes_from(line, colon + 1), "filename");
    if (name.size == 0)
        return;
    name = bytes_first(name, sizeof multipart->name_room);
    memcpy(multipart->name_room, name.data, name.size);
    multipart->name = bytes_of(multipart->name_room, name.size);
    multipart->named = true;
}

/* Takes a line of `data` into `hold`; true when its end was there. */
static bool collect_line(struct http_multipart *multipart, struct bytes *data, struct bytes *line)
{
    size_t lf = bytes_find_byte(*data, '\n');
    size_t take = lf == SIZE_MAX ? data->size : lf + 1;
    size_t room = sizeof multipart->hold - multipart->held;
    memcpy(multipart->hold + multipart->held, data->data, MIN(take, room));
    multipart->held += MIN(take, room);
    *data = bytes_from(*data, take);
    if (lf == SIZE_MAX)
        return false;
    *line = bytes_trim(bytes_of(multipart->hold, multipart->held));
    multipart->held = 0;
    return true;
}

static void header_line(struct http_multipart *multipart, struct bytes *data)
{
    struct bytes line;
    if (!collect_line(multipart, data, &line))
        return;
    if (multipart->phase == PART_AFTER) {
        bool last = bytes_starts(line, BYTES_OF("--"));
        bool too_many = !last && ++multipart->parts > PARTS_MAX;
        if (too_many) /* the rest is not looked at */
            event(multipart, HTTP_EVENT_MULTIPART_GENERIC_ERROR);
        multipart->phase = last || too_many ? PART_END : PART_HEADER;
        return;
    }
    if (line.size) {
        part_header(multipart, line);
        return;
    }
    multipart->phase = PART_CONTENT;
    /* An empty part's delimiter follows at once: this line's end belongs to it. */
    memcpy(multipart->hold, "\r\n", 2);
    multipart->held = 2;
    multipart->started = false;
}

/* How many bytes at the end of `data` may begin the delimiter. */
static size_t partial(const struct http_multipart *multipart, struct bytes data)
{
    size_t most = MIN(data.size, multipart->delimiter_size - 1);
    for (size_t size = most; size > 0; size--)
        if (memcmp(data.data + data.size - size, multipart->delimiter, size) == 0)
            return size;
    return 0;
}

static void give(struct http_multipart *multipart, struct bytes data)
{
    if (data.size == 0)
        return;
    /* The line end that was lent to the first delimiter is not content. */
    if (!multipart->started) {
        multipart->started = true;
        data = bytes_from(data, 2);
    }
    if (multipart->phase == PART_CONTENT)
        part_content(multipart, data);
}

static void delimiter_found(struct http_multipart *multipart)
{
    if (multipart->named && !multipart->file && !multipart->started) /* not even an empty line */
        event(multipart, HTTP_EVENT_MULTIPART_NO_FILEDATA);
    end_file(multipart, false);
    multipart->phase = PART_AFTER;
    multipart->held = 0;
}

/* Content, or the preamble, up to the next delimiter. */
static void scan(struct http_multipart *multipart, struct bytes *data)
{
    struct bytes delimiter = bytes_of(multipart->delimiter, multipart->delimiter_size);
    if (multipart->held) { /* complete or refute what was held back */
        size_t kept = multipart->held;
        size_t take = MIN(delimiter.size * 2 - 2, data->size);
        memcpy(multipart->hold + kept, data->data, take);
        struct bytes both = bytes_of(multipart->hold, kept + take);
        size_t at = bytes_find(both, delimiter);
        if (at != SIZE_MAX && at < kept) {
            give(multipart, bytes_first(both, at));
            *data = bytes_from(*data, at + delimiter.size - kept);
            delimiter_found(multipart);
            return;
        }
        size_t tail = partial(multipart, both);
        if (tail > take) { /* still undecided, all of the new bytes included */
            give(multipart, bytes_first(both, both.size - tail));
            memmove(multipart->hold, multipart->hold + both.size - tail, tail);
            multipart->held = tail;
            *data = bytes_from(*data, take);
            return;
        }
        give(multipart, bytes_first(both, kept));
        multipart->held = 0;
    }
    size_t at = bytes_find(*data, delimiter);
    if (at != SIZE_MAX) {
        give(multipart, bytes_first(*data, at));
        *data = bytes_from(*data, at + delimiter.size);
        delimiter_found(multipart);
        return;
    }
    size_t tail = partial(multipart, *data);
    give(multipart, bytes_first(*data, data->size - tail));
    if (tail)
        memcpy(multipart->hold, data->data + data->size - tail, tail);
    multipart->held = tail;
    *data = BYTES_NONE;
}

void http_multipart_data(struct http_multipart *multipart, struct bytes data)
{
    while (data.size) {
        if (multipart->phase == PART_END)
            return;
        if (multipart->phase == PART_AFTER || multipart->phase == PART_HEADER)
            header_line(multipart, &data);
        else
            scan(multipart, &data);
    }
}

void http_multipart_end(struct http_multipart *multipart, bool truncated)
{
    if (multipart->phase == PART_AFTER && multipart->held >= 2 && memcmp(multipart->hold, "--", 2) == 0)
        multipart->phase = PART_END;
    if (multipart->phase == PART_CONTENT && multipart->held)
        give(multipart, bytes_of(multipart->hold, multipart->held));
    end_file(multipart, truncated || multipart->phase == PART_CONTENT);
    multipart->phase = PART_END;
}

void http_multipart_free(struct http_multipart *multipart)
{
    free(multipart);
}
