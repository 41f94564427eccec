/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of the event store as a damaged file might hold them: columns and bodies of arbitrary bytes. */
#include "store/event_block.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct block_codec *codec = block_codec_new(&error);
    struct arena memory = arena_of(64 << 20);
    struct block block;
    struct bytes bodies[FRAME_EVENTS];
    size_t bound = ZSTD_compressBound(size);
    uint8_t *packed = malloc(bound);
    size_t used = packed && codec ? ZSTD_compress(packed, bound, data, size, 1) : 0;
    if (used && !ZSTD_isError(used)) {
        if (block_unpack(codec, bytes_of(packed, used), &memory, &block, &error))
            for (size_t i = 0; i < block.count; i++)
                if (block_view(&block, i).source->version > 6)
                    abort();
        (void)!frame_unpack(codec, bytes_of(packed, used), 3, &memory, bodies, &error);
        (void)!block_unpack(codec, bytes_of(data, size), &memory, &block, &error);
    }
    free(packed);
    arena_done(&memory);
    block_codec_free(codec);
    return 0;
}
