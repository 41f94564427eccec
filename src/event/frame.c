/* SPDX-License-Identifier: Apache-2.0 */
/* Packs and unpacks deliveries of EVE lines; compression is zstd (RFC 8878). */
#include "event/frame.h"

#include <inttypes.h>
#include <stdlib.h>
#include <assert.h>
#include <zlib.h>
#include <zstd.h>

#include "base/reader.h"
#include "base/text.h"
#include "base/writer.h"

#define FRAME_MAGIC       0x564C4531U /* "VLE1" */
#define FRAME_FREE_RAW    65536U      /* this much may always come out, however small the frame */
#define COMPRESSION_LEVEL 3

enum encoding { ENCODING_STORED, ENCODING_ZSTD };

/* True for what a reader would refuse as a decompression bomb. */
static bool beyond_ratio(size_t raw_size, size_t size)
{
    return raw_size > FRAME_FREE_RAW && raw_size / FRAME_RATIO_MAX > size;
}

struct frame_writer {
    ZSTD_CCtx *compressor;
    struct text raw;
    uint8_t *out;
    uint64_t boot, first, last;
    size_t count;
    uint8_t stream;
};

struct frame_writer *frame_writer_new(struct error *error)
{
    struct frame_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        goto fail;
    writer->raw = text_new(FRAME_RAW_MAX);
    writer->compressor = ZSTD_createCCtx();
    writer->out = malloc(FRAME_SIZE_MAX);
    if (!writer->compressor || !writer->out)
        goto fail;
    return writer;
fail:
    frame_writer_free(writer);
    error_set(error, "frame: out of memory");
    return NULL;
}

void frame_writer_free(struct frame_writer *writer)
{
    if (!writer)
        return;
    ZSTD_freeCCtx(writer->compressor);
    text_done(&writer->raw);
    free(writer->out);
    free(writer);
}

void frame_writer_start(struct frame_writer *writer, uint64_t boot, uint8_t stream)
{
    text_clear(&writer->raw);
    writer->boot = boot;
    writer->stream = stream;
    writer->count = 0;
}

bool frame_writer_add(struct frame_writer *writer, uint64_t sequence, struct bytes line)
{
    assert(writer->count == 0 || sequence > writer->last);
    assert(line.size <= FRAME_LINE_MAX && bytes_find_byte(line, '\n') == SIZE_MAX);
    if (writer->count == FRAME_COUNT_MAX || writer->raw.size + line.size + 24 > FRAME_RAW_MAX)
        return false;
    if (!text_reserve(&writer->raw, line.size + 24))
        return false;
    if (writer->count == 0)
        writer->first = writer->last = sequence;
    text_u64(&writer->raw, sequence - writer->last);
    text_char(&writer->raw, ' ');
    text_put(&writer->raw, line);
    text_char(&writer->raw, '\n');
    writer->last = sequence;
    writer->count++;
    return true;
}

size_t frame_writer_count(const struct frame_writer *writer)
{
    return writer->count;
}

/* Of the header before the checksum, and the raw text. */
static uint32_t checksum(const uint8_t header[static FRAME_HEADER_SIZE], struct bytes raw)
{
    return (uint32_t)crc32_z(crc32_z(0, header, FRAME_HEADER_SIZE - 4), raw.data, raw.size);
}

bool frame_writer_finish(struct frame_writer *writer, struct bytes *out, struct error *error)
{
    struct bytes raw = text_bytes(&writer->raw);
    size_t size = ZSTD_compressCCtx(writer->compressor, writer->out + FRAME_HEADER_SIZE, FRAME_COMPRESSED_MAX,
                                    raw.data, raw.size, COMPRESSION_LEVEL);
    if (ZSTD_isError(size))
        return error_set(error, "frame: %s", ZSTD_getErrorName(size));
    enum encoding encoding = ENCODING_ZSTD;
    if (beyond_ratio(raw.size, size)) {
        encoding = ENCODING_STORED;
        size = raw.size;
        memcpy(writer->out + FRAME_HEADER_SIZE, raw.data, raw.size);
    }
    uint8_t head[FRAME_HEADER_SIZE];
    struct writer header = writer_of(head, sizeof head);
    writer_be32(&header, FRAME_MAGIC);
    writer_u8(&header, writer->stream);
    writer_u8(&header, (uint8_t)encoding);
    writer_be16(&header, 0);
    writer_be64(&header, writer->boot);
    writer_be64(&header, writer->first);
    writer_be64(&header, writer->last);
    writer_be32(&header, (uint32_t)writer->count);
    writer_be32(&header, (uint32_t)raw.size);
    writer_be32(&header, (uint32_t)size);
    writer_be32(&header, checksum(head, raw));
    assert(writer_ok(&header) && writer_size(&header) == FRAME_HEADER_SIZE);
    memcpy(writer->out, head, sizeof head);
    *out = bytes_of(writer->out, FRAME_HEADER_SIZE + size);
    return true;
}

struct header {
    const uint8_t *start;
    uint8_t encoding;
    uint32_t count, raw_size, size, checksum;
};

static bool read_header(struct reader *in, struct frame *frame, struct header *header, struct error *error)
{
    header->start = reader_peek(in).data;
    uint32_t magic = reader_be32(in);
    frame->stream = reader_u8(in);
    header->encoding = reader_u8(in);
    uint16_t reserved = reader_be16(in);
    frame->boot = reader_be64(in);
    frame->first = reader_be64(in);
    frame->last = reader_be64(in);
    header->count = reader_be32(in);
    header->raw_size = reader_be32(in);
    header->size = reader_be32(in);
    header->checksum = reader_be32(in);
    if (!reader_ok(in))
        return error_set(error, "frame: shorter than its header");
    if (magic != FRAME_MAGIC || reserved != 0 || header->encoding > ENCODING_ZSTD)
        return error_set(error, "frame: not a frame of this version");
    if (frame->first > frame->last)
        return error_set(error, "frame: first sequence %" PRIu64 " is after the last, %" PRIu64, frame->first,
                         frame->last);
    if (header->count == 0 || header->count > FRAME_COUNT_MAX)
        return error_set(error, "frame: count must be 1 to %u, not %u", FRAME_COUNT_MAX, header->count);
    if (header->raw_size > FRAME_RAW_MAX)
        return error_set(error, "frame: raw size must be at most %u, not %u", FRAME_RAW_MAX,
                         header->raw_size);
    if (header->count > header->raw_size / 3) /* "0 " and a newline at least */
        return error_set(error, "frame: %u events cannot fit in %u octets", header->count, header->raw_size);
    if (header->size != reader_left(in))
        return error_set(error, "frame: %u compressed octets announced, %zu present", header->size,
                         reader_left(in));
    if (beyond_ratio(header->raw_size, header->size))
        return error_set(error, "frame: compressed beyond %u to 1", FRAME_RATIO_MAX);
    return true;
}

static bool expand(struct bytes packed, const struct header *header, struct arena *memory, struct bytes *raw,
                   struct error *error)
{
    if (header->encoding == ENCODING_STORED) {
        *raw = packed;
        if (packed.size != header->raw_size || checksum(header->start, packed) != header->checksum)
            return error_set(error, "frame: checksum differs");
        return true;
    }
    if (ZSTD_getFrameContentSize(packed.data, packed.size) != header->raw_size)
        return error_set(error, "frame: zstd content size differs from the header");
    uint8_t *text = arena_new(memory, header->raw_size, 1);
    if (!text)
        return error_set(error, "frame: no memory for %u octets", header->raw_size);
    size_t size = ZSTD_decompress(text, header->raw_size, packed.data, packed.size);
    if (ZSTD_isError(size))
        return error_set(error, "frame: %s", ZSTD_getErrorName(size));
    *raw = bytes_of(text, size);
    if (size != header->raw_size || checksum(header->start, *raw) != header->checksum)
        return error_set(error, "frame: checksum differs");
    return true;
}

static bool read_lines(struct bytes raw, struct frame *frame, struct frame_event *events, size_t count,
                       struct error *error)
{
    struct reader in = reader_of_bytes(raw);
    uint64_t sequence = frame->first;
    for (size_t i = 0; i < count; i++) {
        uint64_t step = 0;
        struct bytes number = reader_until(&in, ' ');
        struct bytes line = reader_until(&in, '\n');
        if (!reader_ok(&in) || !bytes_to_u64(number, &step))
            return error_set(error, "frame: line %zu has no sequence step", i + 1);
        if ((i == 0) != (step == 0) || step > frame->last - sequence)
            return error_set(error, "frame: line %zu: step %" PRIu64 " leaves the announced range", i + 1,
                             step);
        if (line.size > FRAME_LINE_MAX)
            return error_set(error, "frame: line %zu is over %u octets", i + 1, FRAME_LINE_MAX);
        sequence += step;
        events[i] = (struct frame_event){ sequence, line };
    }
    if (!reader_empty(&in) || sequence != frame->last)
        return error_set(error, "frame: lines and header disagree");
    return true;
}

bool frame_read(struct bytes data, struct arena *memory, struct frame *frame, struct error *error)
{
    struct reader in = reader_of_bytes(data);
    struct frame found = { 0 };
    struct header header = { 0 };
    struct bytes raw = BYTES_NONE;
    if (data.size > FRAME_SIZE_MAX)
        return error_set(error, "frame: over %u octets", FRAME_SIZE_MAX);
    if (!read_header(&in, &found, &header, error) || !expand(reader_rest(&in), &header, memory, &raw, error))
        return false;
    struct frame_event *events = ARENA_ARRAY(memory, struct frame_event, header.count);
    if (!events)
        return error_set(error, "frame: no memory for %u events", header.count);
    if (!read_lines(raw, &found, events, header.count, error))
        return false;
    found.events = events;
    found.count = header.count;
    *frame = found;
    return true;
}
