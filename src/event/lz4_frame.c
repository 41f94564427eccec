/* SPDX-License-Identifier: Apache-2.0 */
/* LZ4 frames; see lz4_frame.h. */
#include "event/lz4_frame.h"

#include <lz4frame.h>
#include <stdlib.h>

struct lz4_frame {
    LZ4F_cctx *context;
    LZ4F_preferences_t preferences;
    size_t input_max, room;
    uint8_t *out;
};

struct lz4_frame *lz4_frame_new(size_t input_max, unsigned level, bool checksum)
{
    struct lz4_frame *frame = calloc(1, sizeof *frame);
    if (!frame)
        return NULL;
    frame->preferences.compressionLevel = (int)level;
    frame->preferences.frameInfo.contentChecksumFlag = checksum ? LZ4F_contentChecksumEnabled
                                                                : LZ4F_noContentChecksum;
    frame->input_max = input_max;
    frame->room = MAX(LZ4F_compressBound(input_max, &frame->preferences), (size_t)LZ4F_HEADER_SIZE_MAX);
    frame->out = malloc(frame->room);
    if (frame->out && !LZ4F_isError(LZ4F_createCompressionContext(&frame->context, LZ4F_VERSION)))
        return frame;
    frame->context = NULL;
    lz4_frame_free(frame);
    return NULL;
}

void lz4_frame_free(struct lz4_frame *frame)
{
    if (!frame)
        return;
    if (frame->context)
        (void)LZ4F_freeCompressionContext(frame->context);
    free(frame->out);
    free(frame);
}

static struct bytes made(const struct lz4_frame *frame, size_t size)
{
    return LZ4F_isError(size) ? BYTES_NONE : bytes_of(frame->out, size);
}

struct bytes lz4_frame_begin(struct lz4_frame *frame)
{
    return made(frame, LZ4F_compressBegin(frame->context, frame->out, frame->room, &frame->preferences));
}

struct bytes lz4_frame_put(struct lz4_frame *frame, struct bytes data)
{
    if (data.size > frame->input_max)
        return BYTES_NONE;
    size_t size = LZ4F_compressUpdate(frame->context, frame->out, frame->room, data.data, data.size, NULL);
    if (LZ4F_isError(size))
        return BYTES_NONE;
    size_t rest = LZ4F_flush(frame->context, frame->out + size, frame->room - size, NULL);
    return made(frame, LZ4F_isError(rest) ? rest : size + rest);
}

struct bytes lz4_frame_end(struct lz4_frame *frame)
{
    return made(frame, LZ4F_compressEnd(frame->context, frame->out, frame->room, NULL));
}
