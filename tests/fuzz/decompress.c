/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary bytes as packed content: a byte with the number of layers and a limit, a byte with two bits for
 * each layer's coding, a byte that says how the content is cut, then the content. However it is cut, the same
 * must come out. */
#include <assert.h>

#include "base/text.h"
#include "proto/decompress.h"

#define OUTPUT_MAX (8U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
    struct text text;
    size_t wanted; /* bytes after which no more are taken; 0: all are */
};

static bool collect(void *context, struct bytes data)
{
    struct sink *sink = context;
    text_put(&sink->text, data);
    return !sink->wanted || sink->text.size < sink->wanted;
}

static enum decompress_status decode(const enum coding *codings, size_t count,
                                     const struct decompress_limits *limits, struct bytes data, size_t cut,
                                     struct sink *sink)
{
    struct decompressor *d = decompress_open(codings, count, limits, collect, sink);
    enum decompress_status status = DECOMPRESS_OK;
    if (!d)
        return DECOMPRESS_FAILED;
    while (data.size && status == DECOMPRESS_OK) {
        struct bytes piece = bytes_first(data, cut);
        data = bytes_from(data, piece.size);
        status = decompress_feed(d, piece);
    }
    enum decompress_status last = decompress_finish(d);
    assert(status == DECOMPRESS_OK || last == status);
    decompress_free(d);
    return last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum coding codings[4];
    if (size < 3)
        return 0;
    size_t count = data[0] % 4 + 1, cut = data[2] + 1U;
    for (size_t i = 0; i < COUNT_OF(codings); i++)
        codings[i] = (enum coding)(data[1] >> 2 * i & 3);
    struct decompress_limits limits = { .output_max = data[0] & 64 ? 4096 : 0,
                                        .ratio_max = data[0] & 64 ? 20 : 0 };
    struct bytes content = bytes_of(data + 3, size - 3);
    struct sink whole = { .text = text_new(OUTPUT_MAX), .wanted = data[0] & 128 ? 2000 : 0 };
    struct sink pieces = { .text = text_new(OUTPUT_MAX), .wanted = whole.wanted };
    enum decompress_status first = decode(codings, count, &limits, content, SIZE_MAX, &whole);
    enum decompress_status second = decode(codings, count, &limits, content, cut, &pieces);
    if (first == DECOMPRESS_OK && second == DECOMPRESS_OK && !whole.wanted && !whole.text.full &&
        !pieces.text.full)
        assert(bytes_equal(text_bytes(&whole.text), text_bytes(&pieces.text)));
    text_done(&whole.text);
    text_done(&pieces.text);
    return 0;
}
