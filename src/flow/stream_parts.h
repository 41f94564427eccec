/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of streams, shared by the TCP tracker and the reassembly; not for other layers. */
#ifndef VONGLAU_FLOW_STREAM_PARTS_H
#define VONGLAU_FLOW_STREAM_PARTS_H

#include "base/pool.h"
#include "flow/buffers.h"
#include "flow/tcp.h"

/* One segment as it came, as far as its bytes are still kept; sorted by offset, then by arrival. */
struct segment {
    struct segment *next, *previous;
    uint64_t offset;
    uint32_t size;
    uint32_t reach; /* from `offset` to the furthest end of this one and of those before it */
};

/* Data travelling to one end. The bytes kept are data[0..) from offset `origin` on; those before
 * `released` are not needed any more. */
struct stream {
    uint8_t *data;
    uint64_t origin, released;
    uint64_t contiguous; /* all bytes from `released` to here are kept */
    uint64_t acked;      /* the other end has taken all before */
    uint64_t end;        /* of the last segment kept */
    uint64_t depth;      /* bytes that are reassembled; 0: no limit */
    uint64_t fin;        /* offset of the FIN, when has_fin */
    struct segment *first, *last;
    struct segment
        *recent; /* the latest that came out of order, while it is kept: its neighbours come next */
    struct tcp_tracker *tracker;
    uint32_t segments;
    uint16_t regions_max;
    uint8_t order;    /* of `data` (buffers.h) */
    uint8_t policy;   /* enum os_policy of the receiver */
    bool at_once : 1; /* bytes are ready without acknowledgment */
    bool finished : 1, has_fin : 1, truncated : 1, stopped : 1, had_gap : 1, started : 1, fin_told : 1;

    /* Sequence numbers, as the sender of these bytes and its peer left them. */
    uint32_t isn;       /* of the SYN; the first payload byte is isn + 1 */
    uint32_t next;      /* what the sender will send next */
    uint32_t last_ack;  /* the highest acknowledgment of these bytes */
    uint32_t edge;      /* the highest sequence number the receiver allows */
    uint32_t window;    /* the receiver's latest, scaled, bytes */
    uint32_t timestamp; /* TS.Recent of the sender */
    uint64_t timestamp_time;
    uint8_t wscale; /* of the windows that the sender of these bytes announces */
    bool has_timestamp : 1, has_window : 1, rst_seen : 1, synack_seen : 1, rst_signed : 1;
    uint8_t syn_count;        /* different SYN or SYN/ACK seen */
    uint32_t urgent_taken;    /* bytes taken out of band so far: sequence numbers run ahead of offsets */
    uint32_t urgent_sequence; /* of the latest byte taken out */
};

struct tcp_tracker {
    struct tcp_settings settings;
    struct pool sessions, segments;
    struct buffers buffers;
    uint64_t counts[TCP_COUNTER_COUNT], event_counts[STREAM_EVENT_COUNT];
};

/* What became of a segment put into a stream. */
struct insert_result {
    bool no_memory, overlap, different, before, limit;
    bool depth_reached, beyond; /* for the first time; nothing of it was within */
};

void stream_init(struct stream *stream, struct tcp_tracker *tracker, enum os_policy policy);
/* Puts `payload` at `offset`; copies it. */
void stream_insert(struct stream *stream, int64_t offset, struct bytes payload, struct insert_result *result);
/* The other end has taken everything before `offset`. */
void stream_acknowledge(struct stream *stream, uint64_t offset);
/* All that is contiguous is ready; nothing more comes. */
void stream_finish(struct stream *stream);
/* Gives all memory back. */
void stream_clear(struct stream *stream);

#endif
