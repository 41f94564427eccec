/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming decompression through several layers, with limits against decompression bombs. */
#ifndef VONGLAU_PROTO_DECOMPRESS_H
#define VONGLAU_PROTO_DECOMPRESS_H

#include "base/bytes.h"

enum coding {
    CODING_GZIP,    /* RFC 1952; a zlib or raw deflate body under that name is decoded as well */
    CODING_DEFLATE, /* RFC 1950, or raw RFC 1951 as many servers send it */
    CODING_BROTLI,  /* RFC 7932 */
    CODING_LZMA,    /* LZMA-alone */
};

#define DECOMPRESS_LAYERS_MAX 8

struct decompress_limits {
    uint64_t output_max;  /* bytes of output from which the ratio counts; 0: 1 MiB */
    uint32_t ratio_max;   /* output to input; 0: 2048 */
    uint64_t lzma_memory; /* bytes the LZMA dictionary may take; 0: 1 MiB */
};

enum decompress_status {
    DECOMPRESS_OK,
    DECOMPRESS_FAILED,      /* a layer is broken; what was decoded before has been delivered */
    DECOMPRESS_BOMB,        /* output far out of proportion: stopped */
    DECOMPRESS_LZMA_MEMORY, /* the dictionary is over its limit: stopped */
};

/* Receives decoded bytes; false stops the decoding for good. */
typedef bool (*decompress_fn)(void *context, struct bytes data);

struct decompressor; /* heap */

/* Codings in the order they were applied (the last one is decoded first). NULL when out of memory.
 *
 * A layer whose input turns out not to be in its coding at all passes it on unchanged, as browsers do. */
MUST_CHECK struct decompressor *decompress_open(const enum coding *codings, size_t count,
                                                const struct decompress_limits *limits, decompress_fn sink,
                                                void *context);
/* Decodes `data`; the first status other than OK is kept and ends the work. */
enum decompress_status decompress_feed(struct decompressor *decompressor, struct bytes data);
/* No more input: delivers what layers still hold back. */
enum decompress_status decompress_finish(struct decompressor *decompressor);
/* Bytes it holds, about; NULL holds none. */
size_t decompress_memory(const struct decompressor *decompressor);
/* Accepts NULL. */
void decompress_free(struct decompressor *decompressor);

#endif
