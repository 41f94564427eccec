/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP tracker: judges segments by state, window, acknowledgment and timestamp (RFC 9293, RFC 7323).
 *
 * States are the server's, as EVE shows them: a FIN of the client makes CLOSE-WAIT, one of the server
 * FIN-WAIT-1. A sensor sees neither end's socket, so every check leaves room for packets it missed. */
#include "flow/tcp.h"

#include <stdlib.h>

#include "base/clock.h"
#include "flow/flow_table.h"
#include "flow/stream_parts.h"

const char *const tcp_state_names[TCP_STATE_COUNT] = {
    "none",      "syn_sent", "syn_recv",   "established", "fin_wait1", "fin_wait2",
    "time_wait", "last_ack", "close_wait", "closing",     "closed",
};

#define EVENT_NAME_ROW(symbol, name) name,
const char *const stream_event_names[STREAM_EVENT_COUNT] = { STREAM_EVENTS(EVENT_NAME_ROW) };
const struct counter tcp_counters[TCP_COUNTER_COUNT] = { COUNTER_TABLE(TCP_COUNTERS) };

const char *const os_policy_names[OS_POLICY_COUNT] = {
    [OS_NONE] = "none",
    [OS_BSD] = "bsd",
    [OS_BSD_RIGHT] = "bsd-right",
    [OS_OLD_LINUX] = "old-linux",
    [OS_LINUX] = "linux",
    [OS_SOLARIS] = "solaris",
    [OS_HPUX10] = "hpux10",
    [OS_HPUX11] = "hpux11",
    [OS_IRIX] = "irix",
    [OS_MACOS] = "macos",
    [OS_WINDOWS] = "windows",
    [OS_VISTA] = "vista",
    [OS_WINDOWS2K3] = "windows2k3",
    [OS_FIRST] = "first",
    [OS_LAST] = "last",
    [OS_OLD_SOLARIS] = "old-solaris",
};

int stream_event_of(struct bytes name)
{
    for (int i = 0; i < STREAM_EVENT_COUNT; i++)
        if (bytes_is(name, stream_event_names[i]))
            return i;
    return -1;
}

enum os_policy os_policy_of(struct bytes name)
{
    for (unsigned i = 0; i < OS_POLICY_COUNT; i++)
        if (bytes_is(name, os_policy_names[i]))
            return (enum os_policy)i;
    return OS_NONE;
}

enum os_policy os_policy_for(const struct os_rule *rules, size_t count, const struct address *host)
{
    const struct os_rule *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (network_has(&rules[i].network, host) && (!best || rules[i].network.prefix > best->network.prefix))
            best = &rules[i];
    return best ? best->policy : OS_BSD;
}

enum {
    WSCALE_MAX = 14,     /* RFC 7323 section 2.2 */
    WSCALE_UNKNOWN = 14, /* of connections met in their middle: rather too wide than too narrow */
};
#define PAWS_AGE (24ULL * 24 * 3600 * NS_PER_S) /* RFC 7323 section 5.5 */

struct tcp_tracker *tcp_tracker_new(const struct tcp_settings *settings, struct error *error)
{
    struct tcp_tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker) {
        error_set(error, "TCP tracker: out of memory");
        return NULL;
    }
    if (settings)
        tracker->settings = *settings;
    struct tcp_settings *own = &tracker->settings;
    if (!own->memory_max)
        own->memory_max = 256U << 20;
    if (!own->session_max)
        own->session_max = 65536;
    if (!own->stream_max)
        own->stream_max = 8U << 20;
    if (!own->max_syn_queued)
        own->max_syn_queued = 10;
    if (!own->max_synack_queued)
        own->max_synack_queued = 5;
    if (!own->urgent_oob_max)
        own->urgent_oob_max = UINT16_MAX;
    size_t segment_max = own->memory_max / 1024;
    if (pool_open(&tracker->sessions, sizeof(struct tcp) + 2 * sizeof(struct stream), own->session_max,
                  error) &&
        pool_open(&tracker->segments, sizeof(struct segment), segment_max, error) &&
        buffers_open(&tracker->buffers, own->memory_max, error))
        return tracker;
    tcp_tracker_free(tracker);
    return NULL;
}

void tcp_tracker_free(struct tcp_tracker *tracker)
{
    if (!tracker)
        return;
    pool_close(&tracker->sessions);
    pool_close(&tracker->segments);
    buffers_close(&tracker->buffers);
    free(tracker);
}

static inline int32_t sequence_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}
#define SEQ_LT(a, b) (sequence_after(a, b) < 0)
#define SEQ_LE(a, b) (sequence_after(a, b) <= 0)
#define SEQ_GT(a, b) (sequence_after(a, b) > 0)
#define SEQ_GE(a, b) (sequence_after(a, b) >= 0)

/* One segment on its way through the tracker. */
struct step {
    struct tcp_tracker *tracker;
    struct flow *flow;
    struct tcp *tcp;
    const struct packet *packet;
    const struct tcp_header *header;
    enum direction *direction;
    struct stream *out, *back; /* of the sender's bytes; of the bytes it acknowledges */
    struct tcp_result *result;
};

static void event(struct step *step, enum stream_event what)
{
    struct tcp_result *result = step->result;
    for (size_t i = 0; i < result->event_count; i++)
        if (result->events[i] == what)
            return;
    if (result->event_count < TCP_EVENTS_MAX)
        result->events[result->event_count++] = (uint16_t)what;
}

/* Not taken, for the reason `what`. */
static void refuse(struct step *step, enum stream_event what)
{
    event(step, what);
    step->result->invalid = true;
}

static void set_state(struct step *step, enum tcp_state state)
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

static bool to_server(const struct step *step)
{
    return *step->direction == TO_SERVER;
}

static void turn_round(struct step *step)
{
    flow_swap(step->flow);
    *step->direction = *step->direction == TO_SERVER ? TO_CLIENT : TO_SERVER;
    step->result->reverse = true;
}

/* The bytes a segment takes of the sequence space. */
static uint32_t span(const struct step *step)
{
    uint32_t flags = step->header->flags;
    return (uint32_t)step->packet->payload.size + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

static uint32_t scaled_window(const struct step *step)
{
    if (step->header->flags & TCP_SYN) /* RFC 7323 section 2.2: never scaled */
        return step->header->window;
    return (uint32_t)step->header->window << step->out->wscale;
}

/* What the sender allows its peer: acknowledged plus window. */
static void take_window(struct step *step)
{
    struct stream *back = step->back;
    back->window = scaled_window(step);
    uint32_t edge = (step->header->flags & TCP_ACK ? step->header->acknowledgment : back->last_ack) +
                    back->window;
    if (!back->has_window || SEQ_GT(edge, back->edge)) {
        back->edge = edge;
        back->has_window = true;
    }
}

static void take_timestamp(struct step *step)
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
static bool timestamp_valid(struct step *step)
{
    const struct stream *out = step->out;
    if (!step->header->has_timestamp || !out->has_timestamp || !step->tcp->timestamps)
        return true;
    int32_t age = sequence_after(step->header->timestamp, out->timestamp);
    if (age >= (step->tracker->settings.no_liberal_timestamps ? 0 : -1))
        return true;
    return out->timestamp == 0 || step->packet->time > out->timestamp_time + PAWS_AGE;
}

static void open_streams(struct step *step)
{
    const struct tcp_settings *settings = &step->tracker->settings;
    const struct address *ends[DIRECTIONS] = { &step->flow->server, &step->flow->client };
    for (size_t i = 0; i < DIRECTIONS; i++)
        stream_init(step->tcp->streams[i], step->tracker,
                    os_policy_for(settings->os_rules, settings->os_rule_count, ends[i]));
}

static void session_begin(struct step *step)
{
    struct tcp_tracker *tracker = step->tracker;
    struct tcp *tcp = pool_take(&tracker->sessions);
    if (!tcp) {
        tracker->counts[TCP_COUNT_SSN_MEMCAP]++;
        step->result->no_memory = step->result->no_session = true;
        return;
    }
    tracker->counts[TCP_COUNT_SESSIONS]++;
    tracker->counts[TCP_COUNT_SSN_POOL]++;
    tracker->counts[TCP_COUNT_ACTIVE]++;
    struct stream *streams = (struct stream *)(void *)(tcp + 1);
    *tcp = (struct tcp){ .streams = { &streams[0], &streams[1] } };
    step->flow->tcp = step->tcp = tcp;
    open_streams(step);
    step->out = tcp->streams[*step->direction];
    step->back = tcp->streams[!*step->direction];
}

/* A SYN or SYN/ACK sets the sender's first number and options. */
static void take_syn(struct step *step)
{
    struct stream *out = step->out;
    const struct tcp_header *header = step->header;
    out->isn = header->sequence;
    out->next = header->sequence + 1;
    out->last_ack = header->sequence;
    out->wscale = header->has_wscale ? MIN(header->wscale, (uint8_t)WSCALE_MAX) : 0;
    out->started = true;
    if (header->has_timestamp) {
        out->has_timestamp = true;
        out->timestamp = header->timestamp;
        out->timestamp_time = step->packet->time;
    }
}

static void take_data(struct step *step);

/* ---- no connection yet ---- */

static void begin_handshake(struct step *step)
{
    const struct tcp_header *header = step->header;
    take_syn(step);
    step->out->syn_count = 1;
    step->tcp->timestamps = header->has_timestamp;
    step->tcp->sack = header->sack_permitted;
    step->tcp->fast_open = header->has_fast_open;
    step->tcp->is_signed = header->is_signed;
    step->back->last_ack = step->back->next = 0;
    step->back->window = header->window;
    set_state(step, TCP_SYN_SENT);
    if (step->packet->payload.size)
        take_data(step);
}

/* The server refused, and the client tries again with the same number: nothing was said before. */
static void try_again(struct step *step)
{
    struct tcp *tcp = step->tcp;
    for (size_t i = 0; i < DIRECTIONS; i++)
        stream_clear(tcp->streams[i]);
    *tcp = (struct tcp){ .streams = { tcp->streams[0], tcp->streams[1] } };
    open_streams(step);
    step->flow->state = FLOW_NEW;
    begin_handshake(step);
}

static void pick_up(struct step *step)
{
    const struct tcp_header *header = step->header;
    session_begin(step);
    if (!step->tcp)
        return;
    step->tracker->counts[TCP_COUNT_MIDSTREAM]++;
    step->tcp->midstream = step->tcp->established = step->result->midstream = true;
    step->tcp->async = step->tracker->settings.async_oneside;
    step->tcp->timestamps = header->has_timestamp;
    struct stream *out = step->out, *back = step->back;
    out->isn = header->sequence - 1;
    out->next = out->last_ack = header->sequence;
    back->isn = header->acknowledgment - 1;
    back->next = back->last_ack = header->acknowledgment;
    out->wscale = back->wscale = WSCALE_UNKNOWN;
    out->started = back->started = true;
    if (step->tcp->async)
        out->at_once = back->at_once = true;
    take_window(step);
    out->edge = header->sequence + (uint32_t)step->packet->payload.size + (1U << 20);
    out->has_window = true;
    set_state(step, TCP_ESTABLISHED);
    take_timestamp(step);
    take_data(step);
}

static void state_none(struct step *step)
{
    const struct tcp_header *header = step->header;
    const struct tcp_settings *settings = &step->tracker->settings;
    uint8_t flags = header->flags;
    if (flags & TCP_RST) {
        event(step, STREAM_EVENT_RST_BUT_NO_SESSION);
        step->result->no_session = true;
    } else if (flags & TCP_SYN && flags & TCP_ACK) {
        if (!settings->midstream && !settings->async_oneside) {
            step->result->no_session = true;
            return;
        }
        /* The server speaks: whoever sent it answers. */
        if (to_server(step))
            turn_round(step);
        session_begin(step);
        if (!step->tcp)
            return;
        step->tracker->counts[TCP_COUNT_MIDSTREAM]++;
        step->tcp->midstream = step->result->midstream = true;
        take_syn(step);
        struct stream *client = step->back;
        client->isn = header->acknowledgment - 1;
        client->next = client->last_ack = header->acknowledgment;
        client->wscale = header->has_wscale ? WSCALE_UNKNOWN : 0;
        client->started = true;
        take_window(step);
        step->out->edge = step->out->next + (1U << 20);
        step->out->has_window = step->out->synack_seen = true;
        step->tcp->timestamps = header->has_timestamp;
        set_state(step, TCP_SYN_RECV);
    } else if (flags & TCP_SYN) {
        if (flags & TCP_FIN)
            event(step, STREAM_EVENT_FIN_SYN);
        if (!to_server(step))
            turn_round(step);
        session_begin(step);
        if (!step->tcp)
            return;
        begin_handshake(step);
    } else if (flags & TCP_FIN) {
        if (!settings->midstream && !settings->async_oneside)
            event(step, STREAM_EVENT_FIN_BUT_NO_SESSION);
        step->result->no_session = true;
    } else if (flags & TCP_ACK && (settings->midstream || (settings->async_oneside && settings->midstream))) {
        pick_up(step);
    } else {
        step->result->no_session = true;
    }
}

/* ---- the handshake ---- */

static void close_both(struct step *step, bool reset)
{
    struct tcp *tcp = step->tcp;
    for (size_t i = 0; i < DIRECTIONS; i++) {
        if (!tcp->streams[i]->finished)
            step->result->ends[i] = true;
        stream_finish(tcp->streams[i]);
    }
    if (!tcp->closing)
        step->result->closed = true;
    tcp->closing = true;
    tcp->closed_by_rst |= reset;
    set_state(step, TCP_CLOSED);
}

static void take_synack(struct step *step)
{
    const struct tcp_header *header = step->header;
    take_syn(step);
    step->out->synack_seen = true;
    step->out->syn_count = 1;
    struct stream *client = step->back;
    /* Options count only when both sides have them. */
    if (!header->has_wscale)
        client->wscale = 0;
    else if (!client->wscale && !step->tcp->midstream)
        step->out->wscale = MIN(header->wscale, (uint8_t)WSCALE_MAX);
    step->tcp->timestamps = step->tcp->timestamps && header->has_timestamp;
    step->tcp->sack = step->tcp->sack && header->sack_permitted;
    client->last_ack = header->acknowledgment;
    take_window(step);
    /* The client's window was announced by its SYN, unscaled. */
    step->out->edge = step->out->next + step->out->window;
    step->out->has_window = true;
}

/* The client begins anew with another number; the server may still answer this one. */
static void remember_syn(struct tcp *tcp, const struct stream *client)
{
    tcp->syns[tcp->syn_next++ % EARLIER_SYNS] = (struct earlier_syn){ .isn = client->isn,
                                                                      .wscale = client->wscale,
                                                                      .used = true,
                                                                      .timestamps = tcp->timestamps,
                                                                      .sack = tcp->sack };
}

/* The server answers an earlier SYN: that one holds. */
static void recall_syn(struct tcp *tcp, struct stream *client, uint32_t ack)
{
    if (ack == client->isn + 1 || ack == client->next)
        return;
    for (size_t i = 0; i < EARLIER_SYNS; i++) {
        const struct earlier_syn *syn = &tcp->syns[i];
        if (!syn->used || ack != syn->isn + 1)
            continue;
        client->isn = client->last_ack = syn->isn;
        client->next = syn->isn + 1;
        client->wscale = syn->wscale;
        tcp->timestamps = syn->timestamps;
        tcp->sack = syn->sack;
        client->has_timestamp = false; /* of another SYN */
        return;
    }
}

static void state_syn_sent(struct step *step)
{
    const struct tcp_header *header = step->header;
    uint8_t flags = header->flags;
    struct stream *client = step->tcp->streams[TO_SERVER];
    if (!(flags & TCP_SYN) && header->has_timestamp && !step->tcp->timestamps) {
        /* The SYN offered none, so its sender takes no segment that has one (RFC 7323 section 3.2). */
        refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
        return;
    }
    if (flags & TCP_RST) {
        /* RFC 9293 section 3.10.7.3: acceptable when it acknowledges the SYN. The client's own answers
         * something older on these ports (RFC 5961 section 4); its SYN stands. */
        if (to_server(step))
            return;
        uint32_t ack = header->acknowledgment;
        if (!(flags & TCP_ACK) || SEQ_LE(ack, client->isn) || SEQ_GT(ack, client->next)) {
            refuse(step, STREAM_EVENT_RST_INVALID_ACK);
            return;
        }
        close_both(step, true);
    } else if (flags & TCP_SYN && flags & TCP_ACK) {
        struct stream *server = step->tcp->streams[TO_CLIENT];
        if (to_server(step)) {
            /* Answers a SYN of the server: both opened at once, or a four-way handshake. */
            if (!server->started) {
                refuse(step, STREAM_EVENT_WHS3_SYNACK_IN_WRONG_DIRECTION);
                return;
            }
            if (header->acknowledgment != server->isn + 1) {
                refuse(step, STREAM_EVENT_WHS4_SYNACK_WITH_WRONG_ACK);
                return;
            }
            if (header->sequence != client->isn) {
                refuse(step, STREAM_EVENT_WHS4_SYNACK_WITH_WRONG_SYN);
                return;
            }
            client->synack_seen = true;
            server->last_ack = header->acknowledgment;
            take_window(step);
            set_state(step, TCP_SYN_RECV);
            return;
        }
        uint32_t ack = header->acknowledgment;
        recall_syn(step->tcp, client, ack);
        bool whole = ack == client->next, syn_only = ack == client->isn + 1;
        if (!whole && !syn_only) {
            /* Between the two: part of the fast open data was taken. */
            if (!(SEQ_GT(ack, client->isn) && SEQ_LE(ack, client->next))) {
                refuse(step, STREAM_EVENT_WHS3_SYNACK_WITH_WRONG_ACK);
                return;
            }
        }
        take_synack(step);
        if (!whole) { /* what was not taken is sent again */
            step->tcp->fast_open_ignored = syn_only;
            if (step->tcp->fast_open && header->has_fast_open)
                event(step, STREAM_EVENT_WHS3_SYNACK_TFO_DATA_IGNORED);
            client->next = ack;
            if (syn_only && client->contiguous) {
                stream_clear(client);
                client->released = client->origin = client->contiguous = client->end = client->acked = 0;
            }
        } else {
            /* What was taken is ready with the server's next acknowledgment: the connection stands then. */
            client->last_ack = client->isn + 1;
        }
        set_state(step, TCP_SYN_RECV);
        if (step->packet->payload.size)
            take_data(step);
    } else if (flags & TCP_SYN) {
        if (to_server(step)) {
            if (header->sequence != client->isn) {
                remember_syn(step->tcp, client);
                if (client->syn_count > step->tracker->settings.max_syn_queued)
                    event(step, STREAM_EVENT_WHS3_SYN_FLOOD);
                else
                    client->syn_count++;
                if (client->contiguous) {
                    stream_clear(client);
                    client->released = client->origin = client->contiguous = client->end = 0;
                }
                take_syn(step);
                step->tcp->timestamps = header->has_timestamp;
                if (step->packet->payload.size)
                    take_data(step);
            }
        } else {
            take_syn(step); /* simultaneous open (RFC 9293 section 3.5), or half of a four-way handshake */
            step->out->syn_count = 1;
            take_window(step);
        }
    } else if (flags & TCP_ACK && to_server(step)) {
        /* The client goes on, so the server did answer: it is not seen here. */
        if (!step->tracker->settings.async_oneside) {
            return; /* it may be in order, but nothing tells what it follows */
        }
        if (header->sequence != client->isn + 1) {
            refuse(step, STREAM_EVENT_WHS3_ASYNC_WRONG_SEQ);
            return;
        }
        struct stream *server = step->back;
        step->tcp->async = step->tcp->established = true;
        server->isn = header->acknowledgment - 1;
        server->next = server->last_ack = header->acknowledgment;
        server->started = true;
        client->wscale = client->wscale ? client->wscale : 0;
        server->wscale = WSCALE_UNKNOWN;
        client->at_once = server->at_once = true;
        take_window(step);
        client->edge = client->next + (1U << 20);
        client->has_window = true;
        set_state(step, TCP_ESTABLISHED);
        take_timestamp(step);
        take_data(step);
    } else {
        step->result->invalid = true;
    }
}

static void established(struct step *step)
{
    step->tcp->established = true;
    set_state(step, TCP_ESTABLISHED);
}

static void state_open(struct step *step);

static void reset(struct step *step);

static void state_syn_recv(struct step *step)
{
    const struct tcp_header *header = step->header;
    uint8_t flags = header->flags;
    struct stream *client = step->tcp->streams[TO_SERVER], *server = step->tcp->streams[TO_CLIENT];
    if (flags & TCP_RST) {
        reset(step);
    } else if (flags & TCP_SYN && flags & TCP_ACK) {
        if (to_server(step) && !client->synack_seen) {
            refuse(step, STREAM_EVENT_WHS3_SYNACK_TOSERVER_ON_SYN_RECV);
            return;
        }
        if (to_server(step))
            return;
        bool other_ack = header->acknowledgment != client->last_ack &&
                         (SEQ_LE(header->acknowledgment, client->isn) ||
                          SEQ_GT(header->acknowledgment, client->next));
        if (other_ack) {
            refuse(step, STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFFERENT_ACK);
        } else if (header->sequence != server->isn) {
            event(step, STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFF_SEQ);
            if (server->syn_count >= step->tracker->settings.max_synack_queued) {
                refuse(step, STREAM_EVENT_WHS3_SYNACK_FLOOD);
                return;
            }
            server->syn_count++;
            if (server->end == 0) /* which one the client takes, its acknowledgment will say */
                take_synack(step);
        } else {
            /* A repetition. */
            step->result->retransmission = true;
        }
    } else if (flags & TCP_SYN) {
        if (!to_server(step))
            refuse(step, STREAM_EVENT_WHS3_SYN_TOCLIENT_ON_SYN_RECV);
        else if (header->sequence != client->isn)
            refuse(step, STREAM_EVENT_WHS3_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV);
        else
            step->result->retransmission = true;
    } else if (!(flags & TCP_ACK)) {
        step->result->invalid = true;
    } else if (to_server(step)) {
        if (!timestamp_valid(step)) {
            refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
            return;
        }
        bool right_sequence = header->sequence == client->next || header->sequence == client->isn + 1;
        bool right_ack = SEQ_GT(header->acknowledgment, server->isn) &&
                         (SEQ_LE(header->acknowledgment, server->next) || step->tcp->midstream);
        if (right_sequence && right_ack) {
            established(step);
            state_open(step);
        } else if (right_sequence) {
            refuse(step, STREAM_EVENT_WHS3_RIGHT_SEQ_WRONG_ACK_EVASION);
        } else if (right_ack && SEQ_GT(header->sequence, client->next) &&
                   SEQ_LE(header->sequence, client->edge)) {
            /* The acknowledgment that completes the handshake was lost on its way here. */
            established(step);
            state_open(step);
        } else if (SEQ_LT(header->sequence, client->isn) || !right_ack) {
            refuse(step, STREAM_EVENT_WHS3_WRONG_SEQ_WRONG_ACK);
        } else {
            refuse(step, STREAM_EVENT_WHS3_WRONG_SEQ_WRONG_ACK);
        }
    } else {
        /* The server goes on: the client's acknowledgment was lost here, or this is an intruder. */
        if (client->synack_seen) { /* four-way: the server's acknowledgment completes it */
            if (header->sequence != server->next && header->sequence != server->isn + 1) {
                refuse(step, STREAM_EVENT_WHS4_WRONG_SEQ);
                return;
            }
            if (header->acknowledgment != client->next) {
                refuse(step, STREAM_EVENT_WHS4_INVALID_ACK);
                return;
            }
            established(step);
            state_open(step);
        } else if (header->sequence == server->next && header->acknowledgment == client->next) {
            if (step->packet->payload.size && step->tracker->settings.inline_mode && !step->tcp->fast_open) {
                refuse(step, STREAM_EVENT_WHS3_ACK_DATA_INJECT);
                return;
            }
            if (!step->packet->payload.size && !(flags & TCP_FIN)) /* says nothing new */
                return;
            established(step);
            state_open(step);
        } else if (!step->tracker->settings.inline_mode && SEQ_GE(header->sequence, server->next) &&
                   SEQ_GE(header->acknowledgment, client->next) && SEQ_LE(header->sequence, server->edge)) {
            /* Inline nothing passes unseen, so this would be no answer to what was lost. */
            established(step);
            state_open(step);
        } else {
            refuse(step, STREAM_EVENT_WHS3_ACK_IN_WRONG_DIR);
        }
    }
}

/* ---- established and closing ---- */

/* RFC 9293 section 3.10.7.4: a reset counts within the window only. */
static void reset(struct step *step)
{
    const struct tcp_header *header = step->header;
    struct stream *out = step->out, *back = step->back;
    /* RFC 7323 section 5.2 lets receivers take it all the same; Suricata does not, and an injected one ends
     * nothing then. */
    if (!timestamp_valid(step)) {
        refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
        return;
    }
    if (header->is_signed && !step->tcp->is_signed) {
        /* No signatures were agreed on: the receiver drops it (RFC 2385 section 2). */
        out->rst_signed = true;
        step->result->invalid = true;
        return;
    }
    out->rst_seen = true;
    if (step->tcp->state == TCP_CLOSED)
        return;
    if (header->flags & TCP_ACK && SEQ_GT(header->acknowledgment, back->edge) &&
        SEQ_GT(header->acknowledgment, back->next) && !step->tcp->async) {
        refuse(step, STREAM_EVENT_RST_INVALID_ACK);
        return;
    }
    uint32_t low = SEQ_LT(out->last_ack, out->next) ? out->last_ack : out->next;
    bool inside = SEQ_GE(header->sequence, low) &&
                  (SEQ_LE(header->sequence, out->edge) || SEQ_LE(header->sequence, out->next));
    if (!inside && !step->tcp->async && out->started) {
        refuse(step, STREAM_EVENT_RST_INVALID_ACK);
        return;
    }
    if (header->flags & TCP_ACK && SEQ_GT(header->acknowledgment, back->last_ack) &&
        SEQ_LE(header->acknowledgment, back->next)) {
        back->last_ack = header->acknowledgment;
        int64_t offset = stream_offset_of(back, header->acknowledgment);
        if (offset > 0)
            stream_acknowledge(back, (uint64_t)offset);
    }
    close_both(step, true);
}

/* The events of a state's family. */
struct complaints {
    enum stream_event window, before, ack;
};

static const struct complaints complaints[TCP_STATE_COUNT] = {
    [TCP_ESTABLISHED] = { STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK,
                          STREAM_EVENT_EST_INVALID_ACK },
    [TCP_CLOSE_WAIT] = { STREAM_EVENT_CLOSEWAIT_ACK_OUT_OF_WINDOW, STREAM_EVENT_CLOSEWAIT_PKT_BEFORE_LAST_ACK,
                         STREAM_EVENT_CLOSEWAIT_INVALID_ACK },
    [TCP_FIN_WAIT1] = { STREAM_EVENT_FIN1_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                        STREAM_EVENT_FIN1_INVALID_ACK },
    [TCP_FIN_WAIT2] = { STREAM_EVENT_FIN2_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                        STREAM_EVENT_FIN2_INVALID_ACK },
    [TCP_CLOSING] = { STREAM_EVENT_CLOSING_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                      STREAM_EVENT_CLOSING_INVALID_ACK },
    [TCP_LAST_ACK] = { STREAM_EVENT_LASTACK_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                       STREAM_EVENT_LASTACK_INVALID_ACK },
    [TCP_TIME_WAIT] = { STREAM_EVENT_TIMEWAIT_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                        STREAM_EVENT_TIMEWAIT_INVALID_ACK },
    [TCP_CLOSED] = { STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW, STREAM_EVENT_PKT_RETRANSMISSION,
                     STREAM_EVENT_PKT_INVALID_ACK },
};

/* Puts bytes into the sender's stream and says what was odd about them. */
static void put_data(struct step *step, uint32_t sequence, struct bytes payload)
{
    struct tcp_tracker *tracker = step->tracker;
    struct stream *out = step->out;
    struct insert_result inserted = { 0 };
    if (!payload.size)
        return;
    stream_insert(out, stream_offset_of(out, sequence), payload, &inserted);
    if (inserted.no_memory || inserted.limit) {
        tracker->counts[TCP_COUNT_SEGMENT_MEMCAP]++;
        step->result->no_memory = true;
        event(step,
              inserted.limit ? STREAM_EVENT_REASSEMBLY_INSERT_LIMIT : STREAM_EVENT_REASSEMBLY_INSERT_MEMCAP);
    }
    if (inserted.before)
        event(step, STREAM_EVENT_REASSEMBLY_SEGMENT_BEFORE_BASE_SEQ);
    if (inserted.overlap)
        tracker->counts[TCP_COUNT_OVERLAP]++;
    if (inserted.different) {
        tracker->counts[TCP_COUNT_OVERLAP_DIFF]++;
        event(step, STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA);
    }
    if (inserted.depth_reached) {
        tracker->counts[TCP_COUNT_STREAM_DEPTH]++;
        step->result->depth_reached = true;
        event(step, STREAM_EVENT_REASSEMBLY_DEPTH_REACHED);
    }
}

/* The policy for the urgent byte numbered `sequence`. */
static enum urgent_policy urgent_policy_of(struct step *step, uint32_t sequence)
{
    const struct tcp_settings *settings = &step->tracker->settings;
    const struct stream *out = step->out;
    bool again = out->urgent_taken && SEQ_LE(sequence, out->urgent_sequence);
    if (settings->urgent != URGENT_OOB || again || out->urgent_taken < settings->urgent_oob_max)
        return (enum urgent_policy)settings->urgent;
    event(step, STREAM_EVENT_REASSEMBLY_URGENT_OOB_LIMIT_REACHED);
    return settings->urgent_oob_limit_policy == URGENT_OOB
               ? URGENT_INLINE
               : (enum urgent_policy)settings->urgent_oob_limit_policy;
}

/* A segment with the urgent flag: the byte before the place that its pointer names is the urgent one, as most
 * systems take it (RFC 6093 section 3.1). What becomes of it is a matter of policy. */
static void put_urgent(struct step *step, uint32_t sequence, struct bytes payload)
{
    struct stream *out = step->out;
    size_t before = step->header->urgent - 1U;
    uint32_t urgent = sequence + (uint32_t)before;
    switch (urgent_policy_of(step, urgent)) {
    case URGENT_INLINE:
        put_data(step, sequence, payload);
        return;
    case URGENT_DROP:
        step->result->urgent_drop = true;
        if (!step->tracker->settings.inline_mode) /* it goes on to its receiver */
            put_data(step, sequence, payload);
        return;
    case URGENT_OOB:
        put_data(step, sequence, bytes_first(payload, before));
        step->tracker->counts[TCP_COUNT_URGENT_OOB]++;
        if (!out->urgent_taken || SEQ_GT(urgent, out->urgent_sequence)) {
            out->urgent_taken++;
            out->urgent_sequence = urgent;
        }
        break;
    case URGENT_GAP:
        put_data(step, sequence, bytes_first(payload, before));
        break;
    }
    put_data(step, urgent + 1, bytes_from(payload, before + 1));
}

/* Takes the segment's bytes and moves the sender's next number on. */
static void take_data(struct step *step)
{
    const struct tcp_header *header = step->header;
    struct stream *out = step->out;
    uint32_t sequence = header->sequence + !!(header->flags & TCP_SYN);
    uint32_t after = header->sequence + span(step);
    if (SEQ_GT(after, out->next))
        out->next = after;
    struct bytes payload = step->packet->payload;
    /* A SYN's bytes belong to the stream with fast open only (RFC 7413 section 4.2). */
    step->result->taken = !(header->flags & TCP_SYN) || step->tcp->fast_open;
    if (payload.size && !out->finished && step->result->taken) {
        if (UNLIKELY(header->flags & TCP_URG) && header->urgent && header->urgent <= payload.size)
            put_urgent(step, sequence, payload);
        else
            put_data(step, sequence, payload);
    }
    if (header->flags & TCP_FIN && !out->has_fin) {
        int64_t offset = stream_offset_of(out, sequence + (uint32_t)payload.size);
        if (offset >= 0) {
            out->has_fin = true;
            out->fin = (uint64_t)offset;
        }
    }
}

/* Acknowledged bytes become ready; missing ones a gap. */
static void take_ack(struct step *step)
{
    const struct tcp_header *header = step->header;
    struct stream *back = step->back;
    if (!(header->flags & TCP_ACK) || !back->started)
        return;
    uint32_t ack = header->acknowledgment;
    if (SEQ_GT(ack, back->last_ack)) {
        back->last_ack = ack;
        if (SEQ_GT(ack, back->next)) {
            /* Bytes that were never seen here. */
            step->tracker->counts[TCP_COUNT_ACK_UNSEEN]++;
            back->next = ack;
        }
        int64_t offset = stream_offset_of(back, ack);
        if (offset > 0) {
            uint64_t limit = (uint64_t)offset;
            if (back->has_fin && limit > back->fin)
                limit = back->fin;
            if (limit > back->acked) {
                stream_acknowledge(back, limit);
                if (limit > back->contiguous && !back->stopped && stream_gap(back, back->contiguous) &&
                    back->gap_noted <= back->contiguous) {
                    back->gap_noted = limit;
                    step->tracker->counts[TCP_COUNT_GAPS]++;
                    event(step, STREAM_EVENT_REASSEMBLY_SEQ_GAP);
                }
            }
        }
    }
    take_window(step);
}

/* Whether the acknowledgment is one the other side can have meant. */
static bool ack_valid(struct step *step)
{
    const struct tcp_header *header = step->header;
    const struct stream *back = step->back;
    if (!(header->flags & TCP_ACK) || !back->started || step->tcp->async)
        return true;
    uint32_t ack = header->acknowledgment;
    if (SEQ_LE(ack, back->next) && SEQ_GE(ack, back->last_ack))
        return true;
    if (SEQ_GT(ack, back->next))
        /* More than was seen: fine within what the receiver allows, for packets are missed. */
        return back->has_window && SEQ_LE(ack, back->edge);
    /* Older than the latest: delayed, or from before a burst (RFC 5961 section 5.2). */
    return SEQ_GE(ack, back->last_ack - MAX(back->window, 1U << 16));
}

/* Whether the segment begins where its sender may send. */
static bool window_valid(struct step *step)
{
    const struct stream *out = step->out;
    const struct tcp_header *header = step->header;
    if (step->tcp->async || !out->has_window)
        return true;
    uint32_t after = header->sequence + (uint32_t)step->packet->payload.size;
    if (SEQ_LE(after, out->edge) || SEQ_LE(after, out->next))
        return true;
    /* The packet that opened the window may have been missed; one that does not fit begins no later than it.
     */
    return SEQ_LE(header->sequence, out->edge) && step->packet->payload.size <= 1;
}

static void finish_state(struct step *step)
{
    const struct tcp_header *header = step->header;
    struct tcp *tcp = step->tcp;
    bool server_says = to_server(step), fin = header->flags & TCP_FIN, ack = header->flags & TCP_ACK;
    const struct stream *back = step->back;
    bool acks_fin = ack && back->has_fin && header->acknowledgment == back->next;
    switch (tcp->state) {
    case TCP_ESTABLISHED:
        if (fin)
            set_state(step, server_says ? TCP_CLOSE_WAIT : TCP_FIN_WAIT1);
        break;
    case TCP_CLOSE_WAIT:
        if (fin && !server_says)
            set_state(step, TCP_LAST_ACK);
        break;
    case TCP_LAST_ACK:
        if (acks_fin && server_says)
            close_both(step, false);
        break;
    case TCP_FIN_WAIT1:
        if (fin && server_says)
            set_state(step, acks_fin ? TCP_TIME_WAIT : TCP_CLOSING);
        else if (acks_fin && server_says)
            set_state(step, TCP_FIN_WAIT2);
        break;
    case TCP_FIN_WAIT2:
        if (fin && server_says)
            set_state(step, TCP_TIME_WAIT);
        break;
    case TCP_CLOSING:
        if (acks_fin)
            set_state(step, TCP_TIME_WAIT);
        break;
    case TCP_TIME_WAIT:
        if (acks_fin)
            close_both(step, false);
        break;
    default:
        break;
    }
}

static bool is_closing(const struct tcp *tcp)
{
    return tcp->state == TCP_CLOSE_WAIT || tcp->state == TCP_FIN_WAIT1 || tcp->state == TCP_FIN_WAIT2 ||
           tcp->state == TCP_CLOSING;
}

static void state_open(struct step *step)
{
    const struct tcp_header *header = step->header;
    struct tcp *tcp = step->tcp;
    struct stream *out = step->out, *back = step->back;
    uint8_t flags = header->flags;
    const struct complaints *family = &complaints[tcp->state];
    size_t size = step->packet->payload.size;
    if (flags & TCP_RST) {
        reset(step);
        return;
    }
    if (flags & TCP_SYN) {
        bool closing = tcp->state != TCP_ESTABLISHED;
        bool refused = tcp->state == TCP_CLOSED && tcp->closed_by_rst && !tcp->established;
        if (refused && !(flags & TCP_ACK) && to_server(step) && header->sequence == out->isn) {
            try_again(step);
        } else if (flags & TCP_ACK) {
            if (to_server(step))
                refuse(step, STREAM_EVENT_EST_SYNACK_TOSERVER);
            else if (header->acknowledgment != back->isn + 1 && header->acknowledgment != back->last_ack)
                refuse(step, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK);
            else if (header->sequence != out->isn)
                refuse(step, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_SEQ);
            else
                refuse(step, STREAM_EVENT_EST_SYNACK_RESEND);
        } else if (closing) {
            refuse(step, STREAM_EVENT_SHUTDOWN_SYN_RESEND);
        } else if (!to_server(step)) {
            refuse(step, STREAM_EVENT_EST_SYN_TOCLIENT);
        } else if (header->sequence != out->isn) {
            refuse(step, STREAM_EVENT_EST_SYN_RESEND_DIFF_SEQ);
        } else {
            refuse(step, STREAM_EVENT_EST_SYN_RESEND);
        }
        return;
    }
    if (UNLIKELY(out->rst_signed) && size && !header->is_signed) {
        /* Its sender goes on as if it had never been: somebody else's, or meant for the sensor alone. */
        out->rst_signed = false;
        event(step, STREAM_EVENT_SUSPECTED_RST_INJECT);
    }
    if (!timestamp_valid(step)) {
        refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
        return;
    }
    if (!out->started) { /* the first from this side of a connection met in its middle */
        out->isn = header->sequence - 1;
        out->next = out->last_ack = header->sequence;
        out->started = true;
    }
    uint32_t after = header->sequence + (uint32_t)size;
    bool keep_alive = size <= 1 && header->sequence == out->next - 1 && !(flags & TCP_FIN);
    if (keep_alive && SEQ_LE(after, out->next)) { /* RFC 9293 section 3.8.4 */
        if (ack_valid(step))
            take_ack(step);
        return;
    }
    if (size && SEQ_LE(after, out->last_ack) && out->last_ack != out->isn) {
        /* Every byte of it was acknowledged already. */
        step->result->retransmission = true;
        if (tcp->state == TCP_ESTABLISHED || tcp->state == TCP_CLOSE_WAIT)
            event(step, family->before);
        event(step, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION);
        if (SEQ_LT(header->sequence, out->last_ack - MAX(out->window, 1U << 16))) {
            step->result->invalid = true;
            return;
        }
        if (!ack_valid(step)) {
            event(step, STREAM_EVENT_PKT_INVALID_ACK);
            step->result->invalid = true;
            return;
        }
        take_data(step); /* changes nothing, but shows whether its bytes differ */
        take_ack(step);
        return;
    }
    if (size && SEQ_LE(after, out->next) && SEQ_LT(header->sequence, out->next)) {
        step->result->retransmission = true;
        if (is_closing(tcp)) /* before, it is everyday business */
            event(step, STREAM_EVENT_PKT_RETRANSMISSION);
    }
    if (!window_valid(step)) {
        if (flags & TCP_FIN)
            refuse(step, tcp->state == TCP_CLOSE_WAIT ? STREAM_EVENT_CLOSEWAIT_FIN_OUT_OF_WINDOW
                                                      : STREAM_EVENT_FIN_OUT_OF_WINDOW);
        else
            refuse(step, family->window);
        return;
    }
    if (!ack_valid(step)) {
        event(step, STREAM_EVENT_PKT_INVALID_ACK);
        refuse(step,
               flags & TCP_FIN && tcp->state == TCP_ESTABLISHED ? STREAM_EVENT_FIN_INVALID_ACK : family->ack);
        return;
    }
    /* RFC 9293 section 3.8.6: a receiver must not shrink what it allowed and repeat itself meanwhile. */
    if (!size && !(flags & TCP_FIN) && header->flags & TCP_ACK && header->acknowledgment == back->last_ack &&
        header->sequence == out->next && scaled_window(step) < back->window &&
        SEQ_LT(back->last_ack + scaled_window(step), back->edge) &&
        SEQ_GT(back->next, back->last_ack + scaled_window(step)))
        event(step, STREAM_EVENT_PKT_BAD_WINDOW_UPDATE);
    take_timestamp(step);
    take_data(step);
    take_ack(step);
    finish_state(step);
    if (out->has_fin && !out->fin_told && stream_closed(out)) {
        out->fin_told = true;
        step->result->ends[*step->direction] = true;
    }
    if (back->has_fin && !back->fin_told && stream_closed(back)) {
        back->fin_told = true;
        step->result->ends[!*step->direction] = true;
    }
}

void tcp_track(struct tcp_tracker *tracker, struct flow *flow, const struct packet *packet,
               enum direction *direction, struct tcp_result *result)
{
    const struct tcp_header *header = packet->tcp;
    *result = (struct tcp_result){ 0 };
    if (UNLIKELY(!header))
        return;
    uint8_t flags = header->flags;
    if (UNLIKELY(flags & (TCP_SYN | TCP_RST | TCP_URG))) {
        if (flags & TCP_URG)
            tracker->counts[TCP_COUNT_URG]++;
        if (flags & TCP_SYN)
            tracker->counts[flags & TCP_ACK ? TCP_COUNT_SYNACK : TCP_COUNT_SYN]++;
        if (flags & TCP_RST)
            tracker->counts[TCP_COUNT_RST]++;
    }
    if (UNLIKELY(!header->checksum_ok && !tracker->settings.no_checksum_check)) {
        tracker->counts[TCP_COUNT_INVALID_CHECKSUM]++;
        result->invalid = true;
        return;
    }
    struct step step = { .tracker = tracker,
                         .flow = flow,
                         .tcp = flow->tcp,
                         .packet = packet,
                         .header = header,
                         .direction = direction,
                         .result = result };
    if (step.tcp) {
        result->state_before = step.tcp->state;
        step.out = step.tcp->streams[*direction];
        step.back = step.tcp->streams[!*direction];
    }
    if (UNLIKELY(!(flags & TCP_ACK) && header->acknowledgment && !(flags & TCP_RST)))
        event(&step, STREAM_EVENT_PKT_BROKEN_ACK);
    if (UNLIKELY((flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN) && step.tcp))
        event(&step, STREAM_EVENT_FIN_SYN);
    switch (step.tcp ? step.tcp->state : TCP_NONE) {
    case TCP_NONE:
        state_none(&step);
        break;
    case TCP_SYN_SENT:
        state_syn_sent(&step);
        break;
    case TCP_SYN_RECV:
        state_syn_recv(&step);
        break;
    default:
        state_open(&step);
        break;
    }
    if (step.tcp)
        flow->tcp_flags[*direction] |= flags;
}

bool tcp_is_reuse(const struct tcp_tracker *tracker, const struct flow *flow, const struct packet *packet)
{
    (void)tracker;
    const struct tcp *tcp = flow->tcp;
    if (!tcp || (packet->tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN || !packet->tcp->checksum_ok)
        return false;
    switch (tcp->state) {
    case TCP_SYN_RECV: /* the client begins again without fast open (RFC 7413 section 4.1.3) */
        return tcp->fast_open_ignored && !packet->tcp->has_fast_open && !packet->payload.size;
    case TCP_CLOSED:
    case TCP_TIME_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
        break;
    default:
        return false;
    }
    bool from_client = packet->src_port == flow->client_port && address_equal(&packet->src, &flow->client);
    /* The same number again is a late copy of the SYN that opened it. */
    return packet->tcp->sequence != tcp->streams[from_client ? TO_SERVER : TO_CLIENT]->isn;
}

void tcp_finish(struct tcp_tracker *tracker, struct flow *flow)
{
    if (!flow->tcp)
        return;
    tracker->counts[TCP_COUNT_PSEUDO]++;
    for (size_t i = 0; i < DIRECTIONS; i++)
        stream_finish(flow->tcp->streams[i]);
}

void tcp_release(struct tcp_tracker *tracker, struct flow *flow)
{
    struct tcp *tcp = flow->tcp;
    if (!tcp)
        return;
    for (size_t i = 0; i < DIRECTIONS; i++)
        stream_clear(tcp->streams[i]);
    pool_give(&tracker->sessions, tcp);
    tracker->counts[TCP_COUNT_ACTIVE]--;
    flow->tcp = NULL;
}

void tcp_set_depth(struct flow *flow, enum direction direction, uint64_t depth)
{
    if (!flow->tcp)
        return;
    struct stream *stream = flow->tcp->streams[direction];
    /* What was cut off is gone: only a stream still whole can be given more. */
    if (!stream->truncated)
        stream->depth = depth;
}

void tcp_stop(struct tcp_tracker *tracker, struct flow *flow, enum direction direction)
{
    (void)tracker;
    if (!flow->tcp)
        return;
    struct stream *stream = flow->tcp->streams[direction];
    stream->stopped = true;
    stream_clear(stream);
}

const uint64_t *tcp_counts(struct tcp_tracker *tracker)
{
    tracker->counts[TCP_COUNT_MEMUSE] = tracker->sessions.used * tracker->sessions.object_size +
                                        tracker->segments.used * tracker->segments.object_size;
    tracker->counts[TCP_COUNT_REASSEMBLY_MEMUSE] = tracker->buffers.used;
    return tracker->counts;
}
