/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VONGLAU_TESTS_FLOW_BENCH_H
#define VONGLAU_TESTS_FLOW_BENCH_H

#include "../support/support.h"

#include "base/clock.h"
#include "flow/flow_table.h"
#include "packet/decode.h"

/* One worker's table and tracker, and the packets of one conversation, made by hand. */
struct bench {
    struct tcp_tracker *tracker;
    uint16_t urgent;    /* of the next packets */
    uint32_t timestamp; /* likewise; 0: no option */
    bool stamped;       /* the option is there whatever the timestamp */
    bool is_signed;     /* the next packets */
    bool fast_open;     /* likewise: the option is there */
    uint8_t wscale;     /* of the next packets; 0: no option */
    struct flow_table *table;
    struct flow *flow;
    uint64_t time;
    struct tcp_result result;
    size_t ended;
    uint8_t end_reason;
};

/* Both sides' first numbers: close to the wrap, so that every test crosses it. */
#define C0 0xfffffff0u
#define S0 0xffffff00u

void start(struct bench *bench, const struct tcp_settings *settings, size_t flow_max);
/* Ends all flows; nothing may be left of them. */
void stop(struct bench *bench);
/* One segment; gives its sender's stream, or NULL when the connection is not followed. */
struct stream *send_to(struct bench *bench, enum direction to, uint8_t flags, uint32_t sequence, uint32_t ack,
                       struct bytes payload);
void handshake(struct bench *bench);
/* The client says `text`, `offset` bytes behind its beginning. */
void data(struct bench *bench, uint32_t offset, const char *text);
/* The server acknowledges so many bytes. */
void acknowledge(struct bench *bench, uint32_t offset);
/* Of the last segment. */
bool has_event(const struct bench *bench, enum stream_event event);

#endif
