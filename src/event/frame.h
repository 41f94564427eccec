/* SPDX-License-Identifier: Apache-2.0 */
/* One delivery of events from a sensor to the centre: EVE lines with their sequence numbers, compressed.
 *
 * Layout, big endian: "VLE1", u8 stream, u8 encoding, 2 zero octets, u64 boot, u64 first sequence, u64 last
 * sequence, u32 count, u32 raw size, u32 compressed size, u32 CRC-32 of all before it and the raw text; then
 * one zstd frame (RFC 8878; encoding 1) or the raw text itself (encoding 0). The raw text is `count` lines:
 * the step from the previous sequence (from `first` for the first line) in decimal, a space, the EVE object,
 * a newline. The sensor is whoever the certificate says. */
#ifndef VONGLAU_EVENT_FRAME_H
#define VONGLAU_EVENT_FRAME_H

#include "base/arena.h"
#include "base/error.h"

#define FRAME_HEADER_SIZE    48U
#define FRAME_RAW_MAX        (4U << 20)
#define FRAME_LINE_MAX       (1U << 20)
#define FRAME_COUNT_MAX      65536U
#define FRAME_RATIO_MAX      400U /* raw octets per compressed octet, beyond a first 64 KB */
#define FRAME_COMPRESSED_MAX (FRAME_RAW_MAX + (FRAME_RAW_MAX >> 7) + 1024U)
#define FRAME_SIZE_MAX       (FRAME_HEADER_SIZE + FRAME_COMPRESSED_MAX)

struct frame_event {
    uint64_t sequence;
    struct bytes line;
};

struct frame {
    uint64_t boot, first, last;
    uint8_t stream;
    const struct frame_event *events;
    size_t count;
};

/* Collects lines for one frame; reused from frame to frame. */
struct frame_writer;

MUST_CHECK struct frame_writer *frame_writer_new(struct error *error);
void frame_writer_free(struct frame_writer *writer);
void frame_writer_start(struct frame_writer *writer, uint64_t boot, uint8_t stream);
/* False when the frame is full (finish it, start the next): sequences must rise, a line over FRAME_LINE_MAX
 * or with a newline inside is the caller's mistake. */
MUST_CHECK bool frame_writer_add(struct frame_writer *writer, uint64_t sequence, struct bytes line);
size_t frame_writer_count(const struct frame_writer *writer);
/* The finished frame, valid until the next start. */
MUST_CHECK bool frame_writer_finish(struct frame_writer *writer, struct bytes *out, struct error *error);

/* Reads a frame from an untrusted peer. Lines live in `data` or in `memory`, which needs
 * about 7 MB at most. */
MUST_CHECK bool frame_read(struct bytes data, struct arena *memory, struct frame *frame, struct error *error);

#endif
