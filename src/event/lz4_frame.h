/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as one LZ4 frame (lz4_Frame_format.md 1.6), which `lz4 -d` reads; what was put can be read so far at
 * any time. */
#ifndef VONGLAU_EVENT_LZ4_FRAME_H
#define VONGLAU_EVENT_LZ4_FRAME_H

#include "base/error.h"

struct lz4_frame;

/* `input_max`: the most bytes of one put; `level` 0 to 16, 0 being the fastest; NULL: out of memory. */
MUST_CHECK struct lz4_frame *lz4_frame_new(size_t input_max, unsigned level, bool checksum);
void lz4_frame_free(struct lz4_frame *frame);

/* Each returns what is to be written, which stays until the next call; no data: it failed. */
struct bytes lz4_frame_begin(struct lz4_frame *frame);
struct bytes lz4_frame_put(struct lz4_frame *frame, struct bytes data);
struct bytes lz4_frame_end(struct lz4_frame *frame);

#endif
