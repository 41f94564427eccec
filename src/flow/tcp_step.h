/* SPDX-License-Identifier: Apache-2.0 */
/* One segment on its way through the tracker: what both halves of it share. For flow/ only.
 *
 * tcp_handshake.c judges segments up to the end of the handshake, tcp.c those of open and closing
 * connections. */
#ifndef VONGLAU_FLOW_TCP_STEP_H
#define VONGLAU_FLOW_TCP_STEP_H

#include "base/clock.h"
#include "flow/flow_table.h"
#include "flow/stream_parts.h"
#include "flow/tcp.h"

#define PAWS_AGE (24ULL * 24 * 3600 * NS_PER_S) /* RFC 7323 section 5.5 */

static inline int32_t sequence_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}
#define SEQ_LT(a, b) (sequence_after(a, b) < 0)
#define SEQ_LE(a, b) (sequence_after(a, b) <= 0)
#define SEQ_GT(a, b) (sequence_after(a, b) > 0)
#define SEQ_GE(a, b) (sequence_after(a, b) >= 0)

/* One segment on its way through the tracker. */
struct tcp_step {
    struct tcp_tracker *tracker;
    struct flow *flow;
    struct tcp *tcp;
    const struct packet *packet;
    const struct tcp_header *header;
    enum direction *direction;
    struct stream *out, *back; /* of the sender's bytes; of the bytes it acknowledges */
    struct tcp_result *result;
};

static inline void note_event(struct tcp_tracker *tracker, struct tcp_result *result, enum stream_event what)
{
    for (size_t i = 0; i < result->event_count; i++)
        if (result->events[i] == what)
            return;
    tracker->event_counts[what]++;
    if (result->event_count < TCP_EVENTS_MAX)
        result->events[result->event_count++] = (uint16_t)what;
}

static inline void tcp_event(struct tcp_step *step, enum stream_event what)
{
    note_event(step->tracker, step->result, what);
}

/* Not taken, for the reason `what`. */
static inline void tcp_refuse(struct tcp_step *step, enum stream_event what)
{
    tcp_event(step, what);
    step->result->invalid = true;
}

static inline void tcp_set_state(struct tcp_step *step, enum tcp_state state)
{
    struct tcp *tcp = step->tcp;
    if (tcp->state == state)
        return;
    tcp->state = (uint8_t)state;
    if (step->flow->state == FLOW_BYPASSED)
        return;
    switch (state) {
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_CLOSE_WAIT:
        step->flow->state = FLOW_ESTABLISHED;
        break;
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
    case TCP_CLOSED:
        step->flow->state = FLOW_CLOSED;
        break;
    default:
        break;
    }
}

/* The server answered the SYN with a reset: a client that tries again goes on with this connection. */
static inline bool tcp_was_refused(const struct tcp *tcp)
{
    return tcp->state == TCP_CLOSED && tcp->closed_by_rst && !tcp->established;
}

static inline bool tcp_to_server(const struct tcp_step *step)
{
    return *step->direction == TO_SERVER;
}

/* The bytes a segment takes of the sequence space. */
static inline uint32_t tcp_span(const struct tcp_step *step)
{
    uint32_t flags = step->header->flags;
    return (uint32_t)step->packet->payload.size + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

static inline uint32_t tcp_scaled_window(const struct tcp_step *step)
{
    if (step->header->flags & TCP_SYN) /* RFC 7323 section 2.2: never scaled */
        return step->header->window;
    return (uint32_t)step->header->window << step->out->wscale;
}

/* What the sender allows its peer: acknowledged plus window. */
static inline void tcp_take_window(struct tcp_step *step)
{
    struct stream *back = step->back;
    back->window = tcp_scaled_window(step);
    uint32_t edge = (step->header->flags & TCP_ACK ? step->header->acknowledgment : back->last_ack) +
                    back->window;
    if (!back->has_window || SEQ_GT(edge, back->edge)) {
        back->edge = edge;
        back->has_window = true;
    }
}

static inline void tcp_take_timestamp(struct tcp_step *step)
{
    if (!step->header->has_timestamp)
        return;
    struct stream *out = step->out;
    /* Only segments in order renew it (RFC 7323 section 4.3), or reordering would look like old copies. */
    if (!out->has_timestamp ||
        (SEQ_LE(step->header->sequence, out->next) && SEQ_GE(step->header->timestamp, out->timestamp))) {
        out->has_timestamp = true;
        out->timestamp = step->header->timestamp;
        out->timestamp_time = step->packet->time;
    }
}

/* PAWS (RFC 7323 section 5): false for segments older than those seen. */
static inline bool tcp_timestamp_valid(struct tcp_step *step)
{
    const struct stream *out = step->out;
    if (!step->header->has_timestamp || !out->has_timestamp || !step->tcp->timestamps)
        return true;
    int32_t age = sequence_after(step->header->timestamp, out->timestamp);
    if (age >= (step->tracker->settings.no_liberal_timestamps ? 0 : -1))
        return true;
    return out->timestamp == 0 || step->packet->time > out->timestamp_time + PAWS_AGE;
}

/* ---- tcp.c ---- */

/* Takes the segment's bytes and moves the sender's next number on. */
void tcp_take_data(struct tcp_step *step);
void tcp_close_both(struct tcp_step *step, bool reset);
/* RFC 9293 section 3.10.7.4: a reset counts within the window only. */
void tcp_reset(struct tcp_step *step);
/* A segment of an open or closing connection. */
void tcp_open(struct tcp_step *step);

/* ---- tcp_handshake.c ---- */

/* A segment where no connection is known, after a SYN, and after a SYN/ACK. */
void tcp_none(struct tcp_step *step);
void tcp_syn_sent(struct tcp_step *step);
void tcp_syn_recv(struct tcp_step *step);
/* The server refused, and the client tries again: nothing was said before. */
void tcp_try_again(struct tcp_step *step);

#endif
