/* SPDX-License-Identifier: Apache-2.0 */
/* TCP reassembly: one linear buffer a direction, and the segments it was made of.
 *
 * Segments remember where each copy began and ended, which is what systems differ in when copies of
 * the same byte disagree. Bytes that were acknowledged are never replaced: the receiver has them. */
#include "flow/stream.h"

#include <assert.h>

#include "flow/stream_parts.h"

/* Segments of one stream that wait for others, or for their acknowledgment. */
enum { SEGMENTS_MAX = 8192, REGION_GAP = 262144 };

void stream_init(struct stream *stream, struct tcp_tracker *tracker, enum os_policy policy)
{
    *stream = (struct stream){ .tracker = tracker,
                               .policy = (uint8_t)policy,
                               .depth = tracker->settings.depth,
                               .at_once = tracker->settings.inline_mode };
}

static void segment_drop(struct stream *stream, struct segment *segment)
{
    if (segment->previous)
        segment->previous->next = segment->next;
    else
        stream->first = segment->next;
    if (segment->next)
        segment->next->previous = segment->previous;
    else
        stream->last = segment->previous;
    if (stream->recent == segment)
        stream->recent = NULL;
    stream->segments--;
    pool_give(&stream->tracker->segments, segment);
}

static void buffer_drop(struct stream *stream)
{
    if (stream->data)
        buffers_give(&stream->tracker->buffers, stream->data, stream->order);
    stream->data = NULL;
}

void stream_clear(struct stream *stream)
{
    while (stream->first)
        segment_drop(stream, stream->first);
    buffer_drop(stream);
    stream->origin = stream->released = stream->end = MAX(stream->end, stream->contiguous);
}

/* Makes room for bytes up to offset `end`; false when the stream or the tracker is full. */
static bool buffer_reserve(struct stream *stream, uint64_t end)
{
    struct tcp_tracker *tracker = stream->tracker;
    if (end - stream->released > tracker->settings.stream_max)
        return false;
    if (!stream->data) {
        stream->origin = stream->released;
        unsigned order = buffers_order(end - stream->origin);
        stream->data = buffers_take(&tracker->buffers, order);
        stream->order = (uint8_t)order;
        return stream->data != NULL;
    }
    size_t capacity = (size_t)1 << stream->order;
    if (LIKELY(end - stream->origin <= capacity))
        return true;
    uint64_t waste = stream->released - stream->origin;
    size_t kept = stream->end > stream->released ? (size_t)(stream->end - stream->released) : 0;
    if (end - stream->released <= capacity && waste >= capacity / 4) {
        memmove(stream->data, stream->data + waste, kept);
    } else {
        unsigned order = buffers_order((size_t)(end - stream->released));
        if (order <= stream->order)
            order = stream->order;
        if (order <= BUFFER_ORDER_LAST && end - stream->released > capacity / 2)
            order = MAX(order, stream->order + 1U);
        uint8_t *grown = buffers_take(&tracker->buffers, MIN(order, (unsigned)BUFFER_ORDER_LAST));
        if (!grown)
            return false;
        memcpy(grown, stream->data + waste, kept);
        buffers_give(&tracker->buffers, stream->data, stream->order);
        stream->data = grown;
        stream->order = (uint8_t)MIN(order, (unsigned)BUFFER_ORDER_LAST);
    }
    stream->origin = stream->released;
    return end - stream->origin <= (size_t)1 << stream->order;
}

static void buffer_write(struct stream *stream, uint64_t offset, const uint8_t *from, size_t size)
{
    memcpy(stream->data + (offset - stream->origin), from, size);
}

/* Whether a receiver replaces the bytes of `old` by those of a later copy from `start` to `end`
 * (Novak and Sturges 2007, table 1; the names that are not there behave as their families). */
static bool newer_wins(enum os_policy policy, const struct segment *old, uint64_t start, uint64_t end)
{
    uint64_t old_start = old->offset, old_end = old->offset + old->size;
    switch (policy) {
    case OS_LAST:
    case OS_BSD_RIGHT:
    case OS_HPUX10:
        return true;
    case OS_FIRST:
    case OS_VISTA:
    case OS_OLD_SOLARIS:
        return false;
    case OS_WINDOWS:
    case OS_WINDOWS2K3: /* only a copy that surrounds it */
        return start < old_start && end > old_end;
    case OS_SOLARIS: /* unless the original reaches further, or begins before and reaches as far */
        return !(old_end > end || (old_start < start && old_end >= end));
    case OS_LINUX:
        return start < old_start || (start == old_start && end > old_end);
    case OS_OLD_LINUX:
        return start < old_start || (start == old_start && end >= old_end) ||
               (start > old_start && end > old_end);
    default: /* BSD, IRIX, macOS, HP-UX 11 */
        return start < old_start;
    }
}

static uint64_t reach_of(const struct segment *segment)
{
    return segment->offset + segment->reach;
}

static struct segment *segment_add(struct stream *stream, struct segment *after, uint64_t offset,
                                   uint32_t size)
{
    struct segment *segment = pool_take(&stream->tracker->segments);
    if (!segment)
        return NULL;
    stream->tracker->counts[TCP_COUNT_SEGMENT_POOL]++;
    *segment = (struct segment){ .previous = after, .offset = offset, .size = size };
    segment->next = after ? after->next : stream->first;
    if (after)
        after->next = segment;
    else
        stream->first = segment;
    if (segment->next)
        segment->next->previous = segment;
    else
        stream->last = segment;
    stream->segments++;
    uint64_t reach = MAX(offset + size, after ? reach_of(after) : 0);
    for (struct segment *at = segment; at && reach_of(at) < reach; at = at->next)
        at->reach = (uint32_t)(reach - at->offset);
    return segment;
}

/* One that comes in order. Past the limit it is taken for a part of the one before it: nothing is lost but
 * where the two met, which only copies that disagree ask about. */
static bool segment_append(struct stream *stream, uint64_t offset, uint32_t size)
{
    struct segment *last = stream->last;
    if (LIKELY(stream->segments < SEGMENTS_MAX) || last->offset + last->size != offset ||
        last->reach != last->size)
        return segment_add(stream, last, offset, size) != NULL;
    last->size += size;
    last->reach += size;
    return true;
}

/* The last segment that begins no later than `offset`, or NULL. */
static struct segment *segment_before(const struct stream *stream, uint64_t offset)
{
    struct segment *at = stream->recent ? stream->recent : stream->last;
    while (at && at->offset > offset)
        at = at->previous;
    while (at && at->next && at->next->offset <= offset)
        at = at->next;
    return at;
}

/* Whether it is a part of a run that was there before it. */
static bool joins_region(const struct segment *segment)
{
    if (segment->previous)
        return segment->offset <= reach_of(segment->previous) + REGION_GAP;
    return segment->next && segment->next->offset <= segment->offset + segment->size + REGION_GAP;
}

/* Counts the runs of bytes that are kept far apart. */
static void regions_count(struct stream *stream)
{
    unsigned regions = 0;
    uint64_t end = 0;
    for (const struct segment *at = stream->first; at; at = at->next) {
        if (!regions || at->offset > end + REGION_GAP)
            regions++;
        end = MAX(end, at->offset + at->size);
    }
    if (regions > stream->regions_max)
        stream->regions_max = (uint16_t)MIN(regions, (unsigned)UINT16_MAX);
}

/* Whole segments that nothing can change any more are bytes like any others. */
static void segments_settle(struct stream *stream)
{
    uint64_t settled = stream->at_once ? stream->contiguous : MIN(stream->acked, stream->contiguous);
    while (stream->first && stream->first->offset + stream->first->size <= settled)
        segment_drop(stream, stream->first);
}

static void contiguous_advance(struct stream *stream, const struct segment *from)
{
    for (const struct segment *at = from; at && at->offset <= stream->contiguous; at = at->next)
        stream->contiguous = MAX(stream->contiguous, at->offset + at->size);
}

/* Segments that overlap others or leave holes before them. */
static void insert_slowly(struct stream *stream, uint64_t start, struct bytes payload,
                          struct insert_result *result)
{
    uint64_t end = start + payload.size;
    bool hole = start > stream->contiguous;
    if (stream->segments >= SEGMENTS_MAX) {
        result->limit = true;
        return;
    }
    struct segment *node = segment_add(stream, segment_before(stream, start), start, (uint32_t)payload.size);
    if (!node) {
        result->no_memory = true;
        return;
    }
    stream->recent = node;
    uint64_t at = start; /* bytes before it are dealt with */
    uint64_t settled = stream->at_once ? stream->contiguous : MIN(stream->acked, stream->contiguous);
    uint64_t covered = stream->first == node ? (node->next ? node->next->offset : UINT64_MAX)
                                             : stream->first->offset;
    covered = MIN(covered, stream->contiguous); /* bytes before it are kept without a segment */
    if (start < covered) {
        at = MIN(covered, end);
        result->overlap = true;
        result->different |= memcmp(stream->data + (start - stream->origin), payload.data,
                                    (size_t)(at - start)) != 0;
    }
    struct segment *overlapping = node; /* the first that can */
    while (overlapping->previous && reach_of(overlapping->previous) > start)
        overlapping = overlapping->previous;
    for (struct segment *old = overlapping; old && old->offset < end; old = old->next) {
        uint64_t old_end = old->offset + old->size;
        if (old == node || old_end <= start)
            continue;
        uint64_t from = MAX(MAX(old->offset, start), MIN(covered, end)), to = MIN(old_end, end);
        if (from >= to)
            continue;
        if (from > at) /* a hole before it */
            buffer_write(stream, at, payload.data + (at - start), (size_t)(from - at));
        result->overlap = true;
        const uint8_t *kept = stream->data + (from - stream->origin), *fresh = payload.data + (from - start);
        if (memcmp(kept, fresh, (size_t)(to - from)) != 0) {
            result->different = true;
            uint64_t first = MAX(from, settled);
            if (first < to && newer_wins((enum os_policy)stream->policy, old, start, end))
                buffer_write(stream, first, payload.data + (first - start), (size_t)(to - first));
        }
        at = MAX(at, to);
    }
    if (at < end)
        buffer_write(stream, at, payload.data + (at - start), (size_t)(end - at));
    if (end > stream->end)
        stream->end = end;
    if (end > stream->contiguous)
        contiguous_advance(stream, node);
    bool apart = hole && !joins_region(node);
    segments_settle(stream);
    if (apart || stream->regions_max == 0)
        regions_count(stream);
}

void stream_insert(struct stream *stream, int64_t offset, struct bytes payload, struct insert_result *result)
{
    /* What was released is settled, whatever this copy says. */
    if (offset < (int64_t)stream->released) {
        uint64_t before = (uint64_t)((int64_t)stream->released - offset);
        if (before >= payload.size) {
            result->before = true;
            return;
        }
        payload = bytes_from(payload, (size_t)before);
        offset = (int64_t)stream->released;
    }
    uint64_t start = (uint64_t)offset;
    if (UNLIKELY(stream->finished || stream->stopped || !payload.data || payload.size == 0)) {
        if (stream->stopped)
            stream->released = stream->contiguous = stream->end = MAX(stream->contiguous,
                                                                      start + payload.size);
        return;
    }
    if (UNLIKELY(stream->depth && start + payload.size > stream->depth)) {
        result->depth_reached = !stream->truncated;
        stream->truncated = true;
        result->beyond = start >= stream->depth;
        if (result->beyond)
            return;
        payload = bytes_first(payload, (size_t)(stream->depth - start));
    }
    if (UNLIKELY(!buffer_reserve(stream, start + payload.size))) {
        result->no_memory = true;
        return;
    }
    if (LIKELY(start == stream->contiguous && stream->end <= start)) {
        if (!stream->at_once && UNLIKELY(!segment_append(stream, start, (uint32_t)payload.size))) {
            result->no_memory = true;
            return;
        }
        buffer_write(stream, start, payload.data, payload.size);
        stream->contiguous = stream->end = start + payload.size;
        if (!stream->regions_max)
            stream->regions_max = 1;
        return;
    }
    insert_slowly(stream, start, payload, result);
}

void stream_acknowledge(struct stream *stream, uint64_t offset)
{
    if (offset > stream->acked) {
        stream->acked = offset;
        segments_settle(stream);
    }
}

void stream_finish(struct stream *stream)
{
    stream->finished = true;
}

/* End of the run of kept bytes that contains `offset`; `offset` itself when that byte is not kept. */
static uint64_t run_end(const struct stream *stream, uint64_t offset)
{
    if (offset < stream->released)
        return offset;
    if (offset <= stream->contiguous)
        return stream->contiguous;
    uint64_t end = offset;
    for (const struct segment *at = stream->first; at && at->offset <= end; at = at->next)
        end = MAX(end, at->offset + at->size);
    return end;
}

static struct bytes kept_bytes(const struct stream *stream, uint64_t offset, uint64_t end)
{
    if (end <= offset || !stream->data)
        return BYTES_NONE;
    return bytes_of(stream->data + (offset - stream->origin), (size_t)(end - offset));
}

uint64_t stream_run_start(const struct stream *stream, uint64_t offset)
{
    if (offset <= stream->contiguous)
        return MIN(offset, stream->released);
    uint64_t start = stream->released, end = stream->contiguous;
    for (const struct segment *at = stream->first; at && at->offset <= offset; at = at->next) {
        if (at->offset > end)
            start = at->offset;
        end = MAX(end, at->offset + at->size);
    }
    return offset <= end ? start : offset;
}

struct bytes stream_held(const struct stream *stream, uint64_t offset)
{
    return kept_bytes(stream, offset, run_end(stream, offset));
}

struct bytes stream_ready(const struct stream *stream, uint64_t offset)
{
    uint64_t end = run_end(stream, offset);
    if (!stream->at_once && !stream->finished)
        end = MIN(end, stream->acked);
    return kept_bytes(stream, offset, end);
}

/* Until the connection is finished: what is before this and was not seen will not come any more. Missing
 * because nobody wanted it is no gap. */
static uint64_t settled(const struct stream *stream)
{
    uint64_t limit = stream->truncated && stream->depth ? MIN(stream->acked, stream->depth) : stream->acked;
    return stream->has_fin ? MIN(limit, stream->fin) : limit;
}

uint64_t stream_gap(const struct stream *stream, uint64_t offset)
{
    /* Before the first byte nothing can be said to be missing: all of it may be out of sight. */
    if (stream->regions_max == 0 || stream->stopped || offset < stream->contiguous ||
        offset < stream->released || run_end(stream, offset) > offset)
        return 0;
    const struct segment *after = stream->first;
    while (after && after->offset <= offset)
        after = after->next;
    if (!after) /* nothing follows: what is missing may be on its way */
        return 0;
    if (stream->finished) /* what was never acknowledged will not be any more */
        return after->offset - offset;
    uint64_t limit = MIN(settled(stream), after->offset);
    return limit > offset ? limit - offset : 0;
}

uint64_t stream_lost(const struct stream *stream, uint64_t offset)
{
    uint64_t gap = stream_gap(stream, offset), limit = settled(stream);
    return offset < limit ? MIN(gap, limit - offset) : 0;
}

void stream_release(struct stream *stream, uint64_t offset)
{
    if (offset <= stream->released)
        return;
    if (offset > stream->contiguous) {
        /* Past a gap: what follows is contiguous from here. */
        uint64_t end = run_end(stream, offset);
        stream->contiguous = end;
    }
    stream->released = offset;
    while (stream->first && stream->first->offset + stream->first->size <= offset)
        segment_drop(stream, stream->first);
    if (offset >= stream->end) {
        buffer_drop(stream);
        stream->end = offset;
    }
}

uint64_t stream_end(const struct stream *stream)
{
    return stream->at_once || stream->finished ? stream->contiguous : MIN(stream->acked, stream->contiguous);
}

uint64_t stream_past(const struct stream *stream)
{
    uint64_t end = stream_end(stream);
    if (!stream_gap(stream, end))
        return end;
    if (stream->finished)
        return stream->end;
    uint64_t limit = MIN(settled(stream), stream->end);
    return stream->at_once ? run_end(stream, limit) : limit;
}

bool stream_closed(const struct stream *stream)
{
    return stream->finished || (stream->has_fin && stream_end(stream) >= stream->fin);
}

bool stream_over(const struct stream *stream)
{
    return stream->finished;
}

bool stream_truncated(const struct stream *stream)
{
    return stream->truncated;
}

uint32_t stream_initial_sequence(const struct stream *stream)
{
    return stream->isn;
}

uint64_t stream_size(const struct stream *stream)
{
    return MAX(stream->acked, stream->end);
}

int64_t stream_offset_of(const struct stream *stream, uint32_t sequence)
{
    /* Sequence numbers are 32 bits of an offset near the end of what was seen (RFC 9293 section 3.4). */
    uint32_t taken = stream->urgent_taken;
    if (UNLIKELY(taken) && (int32_t)(sequence - stream->urgent_sequence) <= 0)
        taken--; /* the latest urgent byte is still to come */
    uint32_t reference = stream->isn + 1 + (uint32_t)stream->contiguous + taken;
    return (int64_t)stream->contiguous + (int32_t)(sequence - reference);
}

static uint32_t sequence_of(const struct stream *stream, uint64_t offset)
{
    return stream->isn + 1 + (uint32_t)offset + stream->urgent_taken;
}

void stream_tell(const struct stream *stream, struct stream_numbers *numbers)
{
    *numbers = (struct stream_numbers){
        .isn = stream->isn,
        .next = stream->next,
        .last_ack = stream->last_ack,
        .edge = stream->has_window ? stream->edge : 0,
        .window = stream->window,
        .base = stream->started ? sequence_of(stream, stream->released) : 0,
        .right = stream->end ? sequence_of(stream, stream->end) : 0,
        .segments = stream->segments,
        .room = stream->data ? (size_t)1 << stream->order : 0,
        .wscale = stream->wscale,
        .has_timestamp = stream->has_timestamp,
        .rst_seen = stream->rst_seen,
    };
}

uint16_t stream_regions_max(const struct stream *stream)
{
    return MAX(stream->regions_max, (uint16_t)1);
}

bool stream_had_gap(const struct stream *stream)
{
    return stream->had_gap;
}

uint64_t stream_start(const struct stream *stream)
{
    return stream->released;
}
