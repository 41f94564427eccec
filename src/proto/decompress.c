/* SPDX-License-Identifier: Apache-2.0 */
/* gzip, deflate, brotli and LZMA layers, each feeding the next one. */
#include "proto/decompress.h"

#include <assert.h>
#include <brotli/decode.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <stdlib.h>

#define OUTPUT_STEP 8192U
#define HELD_MAX    512U /* input kept until the first output, to pass it on when the coding was a lie */
#define TRUST_AFTER \
    256U /* output of a raw deflate stream from which an error no longer means "not deflate" */
#define OUTPUT_MAX  (1024U * 1024U)
#define RATIO_MAX   2048U
#define LZMA_MEMORY (1024U * 1024U)

enum layer_mode {
    MODE_SNIFF, /* deciding between gzip, zlib, raw deflate and plain bytes */
    MODE_GZIP_HEADER,
    MODE_INFLATE, /* raw or zlib */
    MODE_BROTLI,
    MODE_LZMA,
    MODE_TRAILER, /* the eight bytes after a gzip member; checksums are not compared, as browsers do not */
    MODE_PASS,    /* not in the coding: bytes go through */
    MODE_DONE,    /* what follows the end is ignored */
};

/* The parts of a gzip header (RFC 1952 section 2.3), in order. */
enum gzip_part { GZIP_FIXED, GZIP_EXTRA_SIZE, GZIP_EXTRA, GZIP_NAME, GZIP_COMMENT, GZIP_CHECK, GZIP_PARTS };
enum { FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16 };

struct layer {
    uint8_t coding, mode;
    bool doubtful, open;  /* doubtful: the coding has no signature that was checked */
    uint8_t part, flags;  /* gzip header */
    uint32_t need, extra; /* bytes still to come of the part; size of the extra field */
    uint64_t produced;
    size_t held;
    uint8_t hold[HELD_MAX];
    size_t early; /* output held back until trusted */
    uint8_t early_output[TRUST_AFTER];
    bool trusted, overflow;        /* overflow: `hold` could not keep all input */
    struct inflate_state *inflate; /* heap, 85 KiB */
    BrotliDecoderState *brotli;
    lzma_stream lzma;
};

struct decompressor {
    struct decompress_limits limits;
    decompress_fn sink;
    void *context;
    enum decompress_status status;
    bool stopped; /* the sink wants no more */
    uint64_t input, output;
    size_t count;
    struct layer layers[]; /* layers[count - 1] takes the input */
};

static void feed_layer(struct decompressor *d, size_t index, struct bytes data);

static bool over(const struct decompressor *d)
{
    return d->stopped || d->status != DECOMPRESS_OK;
}

static void set_status(struct decompressor *d, enum decompress_status status)
{
    if (d->status == DECOMPRESS_OK)
        d->status = status;
}

/* Bytes that leave layer `index`: into the next one, or out. */
static void deliver(struct decompressor *d, size_t index, struct bytes data)
{
    if (data.size == 0 || over(d))
        return;
    d->output += data.size;
    if (d->output > d->limits.output_max && d->output / d->limits.ratio_max > d->input) {
        set_status(d, DECOMPRESS_BOMB);
        return;
    }
    if (index > 0)
        feed_layer(d, index - 1, data);
    else if (!d->sink(d->context, data))
        d->stopped = true;
}

static void close_codec(struct layer *layer)
{
    if (!layer->open)
        return;
    layer->open = false;
    if (layer->coding == CODING_BROTLI)
        BrotliDecoderDestroyInstance(layer->brotli);
    else if (layer->coding == CODING_LZMA)
        lzma_end(&layer->lzma);
    else
        free(layer->inflate);
}

/* The layer's input is not in its coding: what was held back and everything that follows passes. */
static void pass_on(struct decompressor *d, size_t index)
{
    struct layer *layer = &d->layers[index];
    close_codec(layer);
    layer->mode = MODE_PASS;
    layer->early = 0;
    size_t held = layer->held;
    layer->held = 0;
    deliver(d, index, bytes_of(layer->hold, held));
}

static void hold(struct layer *layer, struct bytes data)
{
    if (layer->trusted || layer->overflow)
        return;
    if (data.size > sizeof layer->hold - layer->held) {
        layer->overflow = true;
        layer->held = 0;
        return;
    }
    memcpy(layer->hold + layer->held, data.data, data.size);
    layer->held += data.size;
}

static void trust(struct decompressor *d, size_t index)
{
    struct layer *layer = &d->layers[index];
    layer->trusted = true;
    layer->held = 0;
    size_t early = layer->early;
    layer->early = 0;
    deliver(d, index, bytes_of(layer->early_output, early));
}

/* Output of the codec. Raw deflate has no signature: its first bytes wait until more agree. */
static void emit(struct decompressor *d, size_t index, struct bytes data)
{
    struct layer *layer = &d->layers[index];
    layer->produced += data.size;
    if (!layer->trusted) {
        if (layer->doubtful && !layer->overflow && data.size <= sizeof layer->early_output - layer->early) {
            memcpy(layer->early_output + layer->early, data.data, data.size);
            layer->early += data.size;
            return;
        }
        trust(d, index);
    }
    deliver(d, index, data);
}

/* The codec refused its input. */
static void broken(struct decompressor *d, size_t index)
{
    struct layer *layer = &d->layers[index];
    if (!layer->trusted && !layer->overflow) {
        pass_on(d, index);
        return;
    }
    close_codec(layer);
    layer->mode = MODE_DONE;
    set_status(d, DECOMPRESS_FAILED);
}

static bool open_inflate(struct layer *layer, bool raw)
{
    if (!layer->open)
        layer->inflate = malloc(sizeof *layer->inflate);
    layer->open = layer->inflate != NULL;
    if (!layer->open)
        return false;
    isal_inflate_init(layer->inflate);
    layer->inflate->crc_flag = raw ? ISAL_DEFLATE : ISAL_ZLIB;
    return true;
}

/* The stream ended. Of a gzip trailer the decoder may have taken some bytes already. */
static void inflate_ended(struct decompressor *d, size_t index)
{
    struct layer *layer = &d->layers[index];
    trust(d, index);
    layer->mode = layer->coding == CODING_GZIP ? MODE_TRAILER : MODE_DONE;
    layer->need = 8 - MIN((uint32_t)layer->inflate->read_in_length / 8, 8U);
}

/* The bytes of `data` that the codec left. */
static struct bytes run_inflate(struct decompressor *d, size_t index, struct bytes data)
{
    struct layer *layer = &d->layers[index];
    struct inflate_state *inflate = layer->inflate;
    uint8_t output[OUTPUT_STEP];
    inflate->next_in = (uint8_t *)(uintptr_t)data.data;
    inflate->avail_in = (uint32_t)MIN(data.size, UINT32_MAX);
    for (;;) {
        inflate->next_out = output;
        inflate->avail_out = sizeof output;
        int result = isal_inflate(inflate);
        struct bytes rest = { inflate->next_in, inflate->avail_in };
        emit(d, index, bytes_of(output, sizeof output - inflate->avail_out));
        if (result == ISAL_DECOMP_OK && inflate->block_state == ISAL_BLOCK_FINISH) {
            inflate_ended(d, index);
            return rest;
        }
        if (result < 0 || result == ISAL_NEED_DICT) {
            broken(d, index);
            return BYTES_NONE;
        }
        if (over(d) || inflate->avail_out > 0)
            return BYTES_NONE;
    }
}

static struct bytes run_brotli(struct decompressor *d, size_t index, struct bytes data)
{
    struct layer *layer = &d->layers[index];
    uint8_t output[OUTPUT_STEP];
    for (;;) {
        uint8_t *next = output;
        size_t room = sizeof output;
        BrotliDecoderResult result = BrotliDecoderDecompressStream(layer->brotli, &data.size, &data.data,
                                                                   &room, &next, NULL);
        emit(d, index, bytes_of(output, sizeof output - room));
        if (result == BROTLI_DECODER_RESULT_SUCCESS) {
            layer->mode = MODE_DONE;
            return BYTES_NONE;
        }
        if (result == BROTLI_DECODER_RESULT_ERROR) {
            broken(d, index);
            return BYTES_NONE;
        }
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT || over(d))
            return BYTES_NONE;
    }
}

static struct bytes run_lzma(struct decompressor *d, size_t index, struct bytes data)
{
    struct layer *layer = &d->layers[index];
    uint8_t output[OUTPUT_STEP];
    layer->lzma.next_in = data.data;
    layer->lzma.avail_in = data.size;
    for (;;) {
        layer->lzma.next_out = output;
        layer->lzma.avail_out = sizeof output;
        lzma_ret result = lzma_code(&layer->lzma, LZMA_RUN);
        emit(d, index, bytes_of(output, sizeof output - layer->lzma.avail_out));
        if (result == LZMA_STREAM_END) {
            layer->mode = MODE_DONE;
            return BYTES_NONE;
        }
        if (result == LZMA_MEMLIMIT_ERROR) {
            layer->mode = MODE_DONE;
            set_status(d, DECOMPRESS_LZMA_MEMORY);
            return BYTES_NONE;
        }
        if (result != LZMA_OK && result != LZMA_BUF_ERROR) {
            broken(d, index);
            return BYTES_NONE;
        }
        if (over(d) || layer->lzma.avail_out > 0)
            return BYTES_NONE;
    }
}

/* Takes up to `layer->need` bytes; true when they are all there. */
static bool take_needed(struct layer *layer, struct bytes *data)
{
    size_t take = MIN(layer->need, data->size);
    *data = bytes_from(*data, take);
    layer->need -= (uint32_t)take;
    return layer->need == 0;
}

/* Up to and including a zero byte; true when it was there. */
static bool take_string(struct bytes *data)
{
    size_t size = bytes_find_byte(*data, 0);
    *data = bytes_from(*data, size == SIZE_MAX ? data->size : size + 1);
    return size != SIZE_MAX;
}

/* Walks the gzip header. The header's own checksum and reserved flags are ignored, as browsers do. */
static struct bytes gzip_header(struct decompressor *d, size_t index, struct bytes data)
{
    struct layer *layer = &d->layers[index];
    while (layer->part < GZIP_PARTS) {
        uint8_t part = layer->part;
        bool wanted = part == GZIP_FIXED || (part == GZIP_EXTRA_SIZE && (layer->flags & FEXTRA)) ||
                      (part == GZIP_EXTRA && (layer->flags & FEXTRA)) ||
                      (part == GZIP_NAME && (layer->flags & FNAME)) ||
                      (part == GZIP_COMMENT && (layer->flags & FCOMMENT)) ||
                      (part == GZIP_CHECK && (layer->flags & FHCRC));
        if (wanted) {
            if (data.size == 0)
                return data;
            if (part == GZIP_FIXED && layer->need == 7)
                layer->flags = data.data[0];
            if (part == GZIP_EXTRA_SIZE)
                layer->extra |= (uint32_t)data.data[0] << (layer->need == 2 ? 0 : 8);
            bool single = part == GZIP_EXTRA_SIZE || part == GZIP_FIXED;
            struct bytes step = single ? bytes_first(data, 1) : data;
            bool whole = part == GZIP_NAME || part == GZIP_COMMENT ? take_string(&step)
                                                                   : take_needed(layer, &step);
            data = bytes_from(data, single ? 1 : data.size - step.size);
            if (!whole)
                continue;
        }
        layer->part++;
        layer->need = layer->part == GZIP_EXTRA ? layer->extra : 2;
        if (layer->part == GZIP_EXTRA && layer->extra == 0)
            layer->part++;
    }
    layer->mode = MODE_INFLATE;
    if (!open_inflate(layer, true))
        broken(d, index);
    return data;
}

static bool looks_like_zlib(uint8_t first, uint8_t second)
{
    return (first & 0x0f) == 8 && first >> 4 <= 7 && (first << 8 | second) % 31 == 0 && !(second & 0x20);
}

static void start_gzip(struct layer *layer)
{
    layer->mode = MODE_GZIP_HEADER;
    layer->part = GZIP_FIXED;
    layer->need = 7; /* flags, time, extra flags, system: after the three bytes already seen */
    layer->extra = 0;
    layer->flags = 0;
}

/* Decides by the first three bytes what a gzip or deflate body really is. */
static struct bytes sniff(struct decompressor *d, size_t index, struct bytes data, bool last)
{
    struct layer *layer = &d->layers[index];
    size_t take = MIN(3 - layer->held, data.size);
    hold(layer, bytes_first(data, take));
    data = bytes_from(data, take);
    if (layer->held < 3 && !last)
        return data;
    const uint8_t *head = layer->hold;
    if (layer->held >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8) {
        layer->coding = CODING_GZIP;
        start_gzip(layer);
        return data;
    }
    if (layer->produced > 0) { /* after a complete member only another one counts; the rest is padding */
        close_codec(layer);
        layer->mode = MODE_DONE;
        return data;
    }
    layer->coding = CODING_DEFLATE;
    layer->mode = MODE_INFLATE;
    bool zlib = layer->held >= 2 && looks_like_zlib(head[0], head[1]);
    layer->doubtful = !zlib;
    if (!open_inflate(layer, !zlib)) {
        broken(d, index);
        return data;
    }
    struct bytes rest = run_inflate(d, index, bytes_of(layer->hold, layer->held));
    (void)rest; /* a stream of three bytes ends here; the mode says so */
    return data;
}

static struct bytes step(struct decompressor *d, size_t index, struct bytes data)
{
    struct layer *layer = &d->layers[index];
    switch ((enum layer_mode)layer->mode) {
    case MODE_SNIFF:
        return sniff(d, index, data, false);
    case MODE_GZIP_HEADER: {
        struct bytes rest = gzip_header(d, index, data);
        hold(layer, bytes_first(data, data.size - rest.size));
        return rest;
    }
    case MODE_INFLATE:
        hold(layer, data);
        return run_inflate(d, index, data);
    case MODE_BROTLI:
        hold(layer, data);
        return run_brotli(d, index, data);
    case MODE_LZMA:
        hold(layer, data);
        return run_lzma(d, index, data);
    case MODE_TRAILER:
        if (take_needed(layer, &data)) {
            layer->mode = MODE_SNIFF; /* another member may follow (RFC 1952 section 2.2) */
            layer->trusted = false;
            layer->overflow = false;
            layer->held = 0;
        }
        return data;
    case MODE_PASS:
        deliver(d, index, data);
        return BYTES_NONE;
    case MODE_DONE:
        return BYTES_NONE;
    }
    return BYTES_NONE;
}

static void feed_layer(struct decompressor *d, size_t index, struct bytes data)
{
    while (data.size && !over(d))
        data = step(d, index, data);
}

static bool open_layer(struct layer *layer, enum coding coding, const struct decompress_limits *limits)
{
    layer->coding = (uint8_t)coding;
    if (coding == CODING_BROTLI) {
        layer->mode = MODE_BROTLI;
        layer->doubtful = true; /* no signature either */
        layer->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        layer->open = layer->brotli != NULL;
        return layer->open;
    }
    if (coding == CODING_LZMA) {
        layer->mode = MODE_LZMA;
        layer->lzma = (lzma_stream)LZMA_STREAM_INIT;
        layer->open = lzma_alone_decoder(&layer->lzma, limits->lzma_memory) == LZMA_OK;
        return layer->open;
    }
    layer->mode = MODE_SNIFF;
    return true;
}

struct decompressor *decompress_open(const enum coding *codings, size_t count,
                                     const struct decompress_limits *limits, decompress_fn sink,
                                     void *context)
{
    assert(count > 0 && count <= DECOMPRESS_LAYERS_MAX);
    struct decompressor *d = calloc(1, sizeof *d + count * sizeof d->layers[0]);
    if (!d)
        return NULL;
    d->limits = *limits;
    d->limits.output_max = limits->output_max ? limits->output_max : OUTPUT_MAX;
    d->limits.ratio_max = limits->ratio_max ? limits->ratio_max : RATIO_MAX;
    d->limits.lzma_memory = limits->lzma_memory ? limits->lzma_memory : LZMA_MEMORY;
    d->sink = sink;
    d->context = context;
    d->count = count;
    for (size_t i = 0; i < count; i++)
        if (!open_layer(&d->layers[i], codings[i], &d->limits)) {
            decompress_free(d);
            return NULL;
        }
    return d;
}

enum decompress_status decompress_feed(struct decompressor *d, struct bytes data)
{
    d->input += data.size;
    feed_layer(d, d->count - 1, data);
    return d->status;
}

enum decompress_status decompress_finish(struct decompressor *d)
{
    for (size_t i = d->count; i-- > 0 && !over(d);) {
        struct layer *layer = &d->layers[i];
        if (layer->mode == MODE_SNIFF && layer->held > 0 && layer->produced == 0)
            pass_on(d, i);
        else if (layer->mode == MODE_GZIP_HEADER && layer->produced == 0 && !layer->overflow)
            pass_on(d, i);
        else if (layer->early > 0)
            trust(d, i);
    }
    return d->status;
}

size_t decompress_memory(const struct decompressor *d)
{
    enum { BROTLI_SIZE = 64 * 1024, BROTLI_WINDOW = 16 * 1024 * 1024 };
    size_t size = d ? sizeof *d + d->count * sizeof d->layers[0] : 0;
    for (size_t i = 0; d && i < d->count; i++) {
        const struct layer *layer = &d->layers[i];
        if (!layer->open)
            continue;
        if (layer->coding == CODING_BROTLI)
            size += BROTLI_SIZE + (size_t)MIN(layer->produced, (uint64_t)BROTLI_WINDOW);
        else if (layer->coding == CODING_LZMA)
            size += (size_t)MIN(lzma_memusage(&layer->lzma), d->limits.lzma_memory);
        else
            size += sizeof *layer->inflate;
    }
    return size;
}

void decompress_free(struct decompressor *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++)
        close_codec(&d->layers[i]);
    free(d);
}
