/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries of sensors under arbitrary bytes: as they come, and as the lines of a frame whose checksum is
 * right. */
#include <zlib.h>

#include "base/writer.h"
#include "event/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frame(struct bytes bytes)
{
    struct arena memory = arena_of(2 * FRAME_RAW_MAX);
    struct frame frame;
    struct error error;
    volatile uint8_t touched = 0;
    if (frame_read(bytes, &memory, &frame, &error))
        for (size_t i = 0; i < frame.count; i++)
            for (size_t k = 0; k < frame.events[i].line.size; k++)
                touched ^= frame.events[i].line.data[k];
    (void)touched;
    arena_done(&memory);
}

/* The rest of the input as stored text under a header that announces it. */
static void read_lines(const uint8_t *data, size_t size)
{
    static uint8_t room[FRAME_HEADER_SIZE + 65536];
    struct writer out = writer_of(room, sizeof room);
    if (size < 4 || size > 65536)
        return;
    writer_be32(&out, 0x564C4531U);
    writer_be32(&out, 0);
    writer_be64(&out, 1);
    writer_be64(&out, data[0]);
    writer_be64(&out, (uint64_t)data[0] + data[1]);
    writer_be32(&out, data[2]);
    writer_be32(&out, (uint32_t)size - 3);
    writer_be32(&out, (uint32_t)size - 3);
    uint32_t checksum = (uint32_t)crc32_z(crc32_z(0, room, FRAME_HEADER_SIZE - 4), data + 3, size - 3);
    writer_be32(&out, checksum);
    writer_put(&out, bytes_of(data + 3, size - 3));
    read_frame(writer_bytes(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_frame(bytes_of(data, size));
    read_lines(data, size);
    return 0;
}
