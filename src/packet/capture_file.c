/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), any byte order. */
#include "packet/capture_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/reader.h"

enum {
    BUFFER_FIRST = 1 << 17, /* stays in the cache while its frames are worked on */
    BUFFER_MAX = 32 << 20,  /* and so the largest block */
    INTERFACES_MAX = 1024,
};

/* One interface of a pcapng section; a pcap file has exactly one. */
struct interface {
    uint16_t link_type;
    uint32_t snaplen;
    uint64_t offset; /* ns to add to times */
    bool binary;     /* resolution is a power of 2, not of 10 */
    uint8_t exponent;
};

struct capture_file {
    int fd;
    uint8_t *buffer;
    size_t capacity, start, end; /* unread bytes are buffer[start..end) */
    uint64_t consumed;           /* bytes of the file before buffer[start], for messages */
    bool waits;                  /* a pipe: reading may take for ever */
    bool ended;                  /* nothing more to read */
    bool pcapng, swapped, patched;
    struct interface *interfaces;
    size_t interface_count;
    bool broken; /* what follows makes no sense; `reason` waits for the frames before it to be taken */
    struct error reason;
};

static uint32_t get_u32(const struct capture_file *file, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t get_u16(const struct capture_file *file, const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return file->swapped ? __builtin_bswap16(value) : value;
}

enum filled { FILLED, FILL_END, FILL_IDLE, FILL_FAILED };

/* Makes `size` unread bytes available, unless the file ends, a pipe gives nothing for that long (ms; -1: for
 * ever) or reading fails (then `error` is set). */
static enum filled fill(struct capture_file *file, size_t size, int timeout, struct error *error)
{
    while (file->end - file->start < size) {
        if (file->ended)
            return FILL_END;
        if (file->start) {
            memmove(file->buffer, file->buffer + file->start, file->end - file->start);
            file->end -= file->start;
            file->start = 0;
        }
        if (size > file->capacity) {
            if (size > BUFFER_MAX) {
                error_set(error, "a block of %zu bytes at offset %llu is too large", size,
                          (unsigned long long)file->consumed);
                return FILL_FAILED;
            }
            size_t capacity = MIN((size_t)BUFFER_MAX, MAX(size, file->capacity * 2));
            uint8_t *grown = realloc(file->buffer, capacity);
            if (!grown) {
                error_set(error, "out of memory");
                return FILL_FAILED;
            }
            file->buffer = grown;
            file->capacity = capacity;
        }
        struct pollfd pipe = { .fd = file->fd, .events = POLLIN };
        if (file->waits && timeout >= 0 && poll(&pipe, 1, timeout) <= 0)
            return FILL_IDLE;
        ssize_t got = read(file->fd, file->buffer + file->end, file->capacity - file->end);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            error_system(error, "cannot read");
            return FILL_FAILED;
        }
        if (got == 0)
            file->ended = true;
        file->end += (size_t)got;
    }
    return FILLED;
}

static void take(struct capture_file *file, size_t size)
{
    file->start += size;
    file->consumed += size;
}

static bool interface_add(struct capture_file *file, struct interface interface, struct error *error)
{
    if (file->interface_count == INTERFACES_MAX)
        return error_set(error, "more than %d interfaces in a section", INTERFACES_MAX);
    struct interface *grown = realloc(file->interfaces, (file->interface_count + 1) * sizeof *grown);
    if (!grown)
        return error_set(error, "out of memory");
    file->interfaces = grown;
    grown[file->interface_count++] = interface;
    return true;
}

/* Nanoseconds of a count in the interface's resolution. */
static uint64_t time_of(const struct interface *interface, uint64_t ticks)
{
    uint64_t time;
    if (interface->binary) {
        unsigned shift = interface->exponent;
        uint64_t seconds = ticks >> shift, rest = ticks - (seconds << shift);
        /* The rest is below 2^63; dropping low bits keeps the product in range. */
        unsigned drop = shift > 34 ? shift - 34 : 0;
        time = seconds * NS_PER_S + ((rest >> drop) * NS_PER_S >> (shift - drop));
    } else {
        time = ticks;
        for (uint8_t i = interface->exponent; i < 9; i++)
            time *= 10;
        for (uint8_t i = 9; i < interface->exponent; i++)
            time /= 10;
    }
    return time + interface->offset;
}

static bool open_pcap(struct capture_file *file, const uint8_t *header, bool nanoseconds, struct error *error)
{
    uint32_t network = get_u32(file, header + 20);
    struct interface only = { .link_type = (uint16_t)network,
                              .snaplen = get_u32(file, header + 16),
                              .exponent = nanoseconds ? 9 : 6 };
    return interface_add(file, only, error);
}

struct capture_file *capture_file_open(int fd, struct error *error)
{
    struct capture_file *file = calloc(1, sizeof *file);
    if (!file) {
        close(fd);
        error_set(error, "out of memory");
        return NULL;
    }
    file->fd = fd;
    file->capacity = BUFFER_FIRST;
    file->buffer = malloc(file->capacity);
    struct stat status;
    file->waits = fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
    if (!file->buffer) {
        error_set(error, "out of memory");
        goto fail;
    }
    enum filled filled = fill(file, 24, -1, error);
    if (filled == FILL_END)
        error_set(error, "not a capture file: only %zu bytes", file->end);
    if (filled != FILLED)
        goto fail;
    uint32_t magic;
    memcpy(&magic, file->buffer, sizeof magic);
    uint32_t swapped = __builtin_bswap32(magic);
    if (magic == 0x0a0d0d0a) {
        file->pcapng = true;
        return file;
    }
    file->swapped = swapped == 0xa1b2c3d4 || swapped == 0xa1b23c4d || swapped == 0xa1b2cd34;
    if (file->swapped)
        magic = swapped;
    file->patched = magic == 0xa1b2cd34;
    if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d && !file->patched) {
        error_set(error, "not a capture file: it begins with %02x %02x %02x %02x", file->buffer[0],
                  file->buffer[1], file->buffer[2], file->buffer[3]);
        goto fail;
    }
    if (!open_pcap(file, file->buffer, magic == 0xa1b23c4d, error))
        goto fail;
    take(file, 24);
    return file;
fail:
    capture_file_close(file);
    return NULL;
}

void capture_file_close(struct capture_file *file)
{
    if (!file)
        return;
    if (file->fd > STDERR_FILENO)
        close(file->fd);
    free(file->buffer);
    free(file->interfaces);
    free(file);
}

bool capture_file_keep(struct capture_file *file, uint8_t **memory, size_t *size)
{
    size_t unread = file->end - file->start, room = MAX(unread, (size_t)BUFFER_FIRST);
    if (*size < room) {
        uint8_t *fresh = malloc(room);
        if (!fresh)
            return false;
        free(*memory);
        *memory = fresh;
        *size = room;
    }
    memcpy(*memory, file->buffer + file->start, unread);
    uint8_t *buffer = file->buffer;
    size_t capacity = file->capacity;
    file->buffer = *memory;
    file->capacity = *size;
    file->start = 0;
    file->end = unread;
    *memory = buffer;
    *size = capacity;
    return true;
}

enum parsed { PARSED_FRAME, PARSED_OTHER, PARSED_MORE, PARSED_BROKEN };

/* One record of a pcap file. PARSED_MORE: it needs `*need` bytes. */
static enum parsed parse_record(struct capture_file *file, struct capture_frame *frame, size_t *need,
                                struct error *error)
{
    size_t header_size = file->patched ? 24 : 16, have = file->end - file->start;
    const uint8_t *at = file->buffer + file->start;
    *need = header_size;
    if (have < header_size)
        return PARSED_MORE;
    uint32_t size = get_u32(file, at + 8);
    if (size > BUFFER_MAX - header_size) {
        error_set(error, "a frame of %u bytes at offset %llu is too large", size,
                  (unsigned long long)file->consumed);
        return PARSED_BROKEN;
    }
    *need = header_size + size;
    if (have < *need)
        return PARSED_MORE;
    const struct interface *interface = &file->interfaces[0];
    uint64_t fraction = get_u32(file, at + 4);
    *frame = (struct capture_frame){ .time = get_u32(file, at) * NS_PER_S +
                                             (interface->exponent == 9 ? fraction : fraction * NS_PER_US),
                                     .data = { at + header_size, size },
                                     .wire_size = get_u32(file, at + 12),
                                     .link_type = interface->link_type };
    take(file, *need);
    return PARSED_FRAME;
}

/* Byte order and version of the section that begins. */
static enum parsed begin_section(struct capture_file *file, const uint8_t *block, struct error *error)
{
    uint16_t major = get_u16(file, block + 12);
    if (major != 1) {
        error_set(error, "pcapng version %u is unknown", major);
        return PARSED_BROKEN;
    }
    file->interface_count = 0;
    return PARSED_OTHER;
}

static enum parsed begin_interface(struct capture_file *file, struct bytes body, struct error *error)
{
    if (body.size < 8) {
        error_set(error, "an interface block of %zu bytes is too short", body.size);
        return PARSED_BROKEN;
    }
    struct interface interface = { .link_type = get_u16(file, body.data),
                                   .snaplen = get_u32(file, body.data + 4),
                                   .exponent = 6 };
    struct reader r = reader_of_bytes(bytes_from(body, 8));
    while (reader_left(&r) >= 4) {
        const uint8_t *head = reader_take(&r, 4);
        uint16_t code = get_u16(file, head), size = get_u16(file, head + 2);
        const uint8_t *value = reader_take(&r, size);
        if (!value || code == 0)
            break;
        if (code == 9 && size == 1) { /* if_tsresol */
            interface.binary = value[0] & 0x80;
            interface.exponent = value[0] & 0x7f;
        } else if (code == 14 && size == 8) { /* if_tsoffset, seconds */
            uint32_t low = get_u32(file, value + (file->swapped ? 4 : 0));
            interface.offset = low * NS_PER_S;
        }
        reader_skip(&r, MIN((4U - size % 4U) % 4U, reader_left(&r)));
    }
    if (interface.exponent > (interface.binary ? 63 : 19)) {
        error_set(error, "a time resolution of %u is out of range", interface.exponent);
        return PARSED_BROKEN;
    }
    return interface_add(file, interface, error) ? PARSED_OTHER : PARSED_BROKEN;
}

enum block {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2,
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    BLOCK_SECTION = 0x0a0d0d0a
};

/* One block of a pcapng file. */
static enum parsed parse_block(struct capture_file *file, struct capture_frame *frame, size_t *need,
                               struct error *error)
{
    size_t have = file->end - file->start;
    const uint8_t *at = file->buffer + file->start;
    *need = 12;
    if (have < 12)
        return PARSED_MORE;
    uint32_t type = get_u32(file, at);
    if (type == BLOCK_SECTION) { /* the same in both byte orders */
        uint32_t order;
        memcpy(&order, at + 8, sizeof order);
        if (order != 0x1a2b3c4d && order != 0x4d3c2b1a) {
            error_set(error, "a section at offset %llu has no byte order",
                      (unsigned long long)file->consumed);
            return PARSED_BROKEN;
        }
        file->swapped = order == 0x4d3c2b1a;
    }
    uint32_t size = get_u32(file, at + 4);
    if (size < (type == BLOCK_SECTION ? 28U : 12U) || size % 4 || size > BUFFER_MAX) {
        error_set(error, "a block of %u bytes at offset %llu is impossible", size,
                  (unsigned long long)file->consumed);
        return PARSED_BROKEN;
    }
    *need = size;
    if (have < size)
        return PARSED_MORE;
    struct bytes body = { at + 8, size - 12 };
    take(file, size);
    if (type == BLOCK_SECTION)
        return begin_section(file, at, error);
    if (type == BLOCK_INTERFACE)
        return begin_interface(file, body, error);
    size_t header_size = type == BLOCK_SIMPLE ? 4 : 20;
    if (type != BLOCK_ENHANCED && type != BLOCK_PACKET && type != BLOCK_SIMPLE)
        return PARSED_OTHER;
    if (body.size < header_size) {
        error_set(error, "a packet block of %zu bytes is too short", body.size);
        return PARSED_BROKEN;
    }
    uint32_t number = 0;
    if (type == BLOCK_ENHANCED)
        number = get_u32(file, body.data);
    else if (type == BLOCK_PACKET)
        number = get_u16(file, body.data);
    if (number >= file->interface_count) {
        error_set(error, "a packet of interface %u, which is not described", number);
        return PARSED_BROKEN;
    }
    const struct interface *interface = &file->interfaces[number];
    *frame = (struct capture_frame){ .link_type = interface->link_type, .interface = (uint16_t)number };
    uint32_t captured;
    if (type == BLOCK_SIMPLE) {
        frame->wire_size = get_u32(file, body.data);
        captured = MIN(frame->wire_size, (uint32_t)body.size - 4);
        if (interface->snaplen)
            captured = MIN(captured, interface->snaplen);
    } else {
        uint64_t ticks = (uint64_t)get_u32(file, body.data + 4) << 32 | get_u32(file, body.data + 8);
        frame->time = time_of(interface, ticks);
        captured = get_u32(file, body.data + 12);
        frame->wire_size = get_u32(file, body.data + 16);
    }
    if (captured > body.size - header_size) {
        error_set(error, "a frame of %u bytes in a block of %u", captured, size);
        return PARSED_BROKEN;
    }
    frame->data = (struct bytes){ body.data + header_size, captured };
    return PARSED_FRAME;
}

/* What follows is no record; frames found before it go out first. */
static enum capture_status break_off(struct capture_file *file, size_t count, struct error *error)
{
    if (!count)
        return CAPTURE_BROKEN;
    file->broken = true;
    file->reason = *error;
    return CAPTURE_FRAMES;
}

enum capture_status capture_file_next(struct capture_file *file, struct capture_frame *frames, size_t max,
                                      size_t *count, int timeout, struct error *error)
{
    *count = 0;
    if (file->broken) {
        *error = file->reason;
        return CAPTURE_BROKEN;
    }
    while (*count < max) {
        size_t need = 0;
        enum parsed parsed = file->pcapng ? parse_block(file, &frames[*count], &need, error)
                                          : parse_record(file, &frames[*count], &need, error);
        switch (parsed) {
        case PARSED_FRAME:
            ++*count;
            break;
        case PARSED_OTHER:
            break;
        case PARSED_MORE: {
            /* Reading moves the buffer, so frames already found go out first. */
            if (*count)
                return CAPTURE_FRAMES;
            enum filled filled = fill(file, need, timeout, error);
            if (filled == FILLED)
                break;
            if (filled != FILL_END)
                return filled == FILL_IDLE ? CAPTURE_IDLE : CAPTURE_FAILED;
            if (file->end == file->start)
                return CAPTURE_END;
            error_set(error, "cut off at offset %llu: %zu bytes of %zu", (unsigned long long)file->consumed,
                      file->end - file->start, need);
            return CAPTURE_BROKEN;
        }
        case PARSED_BROKEN:
            return break_off(file, *count, error);
        }
    }
    return CAPTURE_FRAMES;
}
