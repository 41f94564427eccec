/* SPDX-License-Identifier: Apache-2.0 */
/* TCP reassembly: segments in any order in, contiguous bytes out (RFC 9293 section 3.10).
 *
 * Offsets count payload bytes from the first one of the direction (0). Bytes are ready once the other
 * side acknowledged them (passive mode), or as soon as they are contiguous (inline mode). */
#ifndef VONGLAU_FLOW_STREAM_H
#define VONGLAU_FLOW_STREAM_H

#include "flow/flow.h"

struct stream; /* one direction of one connection */

/* The contiguous ready bytes from `offset` on; empty when none are there (yet). Borrowed until the
 * next packet of the flow. */
struct bytes stream_ready(const struct stream *stream, uint64_t offset);
/* All contiguous bytes from `offset` on, acknowledged or not: what raw inspection of inline mode sees. */
struct bytes stream_held(const struct stream *stream, uint64_t offset);
/* First offset that is still held: what stream_release() left. */
uint64_t stream_start(const struct stream *stream);
/* First offset of the run of held bytes that `offset` is in or ends; `offset` itself when it is in none. */
uint64_t stream_run_start(const struct stream *stream, uint64_t offset);
/* When bytes at `offset` were acknowledged but never seen (or, once finished, will never come), and bytes
 * behind them were: their count, else 0. */
uint64_t stream_gap(const struct stream *stream, uint64_t offset);
/* Of that gap the part that was acknowledged: the receiver has it, and what follows. What it has not got it
 * cannot read past. */
uint64_t stream_lost(const struct stream *stream, uint64_t offset);
/* Bytes before `offset` are not needed any more. */
void stream_release(struct stream *stream, uint64_t offset);
/* First offset not yet ready. */
uint64_t stream_end(const struct stream *stream);
/* The same behind all holes that will not be filled: everything before it came, or never will. */
uint64_t stream_past(const struct stream *stream);
/* The direction is closed (FIN or RST taken, or the flow ends): no more bytes will be ready. */
bool stream_closed(const struct stream *stream);
/* The connection is over: both sides closed and said so, one reset it, or the flow ends. */
bool stream_over(const struct stream *stream);
/* Bytes past the inspection depth are dropped; true once that happened. */
bool stream_truncated(const struct stream *stream);

#endif
