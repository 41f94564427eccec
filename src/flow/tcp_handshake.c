/* SPDX-License-Identifier: Apache-2.0 */
/* How TCP connections begin: handshakes of three and four segments, fast open (RFC 7413), and connections met
 * in their middle. */
#include "flow/tcp_step.h"

enum {
    WSCALE_MAX = 14,     /* RFC 7323 section 2.2 */
    WSCALE_UNKNOWN = 14, /* of connections met in their middle: rather too wide than too narrow */
};

static void turn_round(struct tcp_step *step)
{
    flow_swap(step->flow);
    *step->direction = *step->direction == TO_SERVER ? TO_CLIENT : TO_SERVER;
    step->result->reverse = true;
}

static void open_streams(struct tcp_step *step)
{
    const struct tcp_settings *settings = &step->tracker->settings;
    const struct address *ends[DIRECTIONS] = { &step->flow->server, &step->flow->client };
    for (size_t i = 0; i < DIRECTIONS; i++)
        stream_init(step->tcp->streams[i], step->tracker,
                    os_policy_for(settings->os_rules, settings->os_rule_count, ends[i]));
}

static void session_begin(struct tcp_step *step)
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
static void take_syn(struct tcp_step *step)
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

/* ---- no connection yet ---- */

static void begin_handshake(struct tcp_step *step)
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
    tcp_set_state(step, TCP_SYN_SENT);
    if (step->packet->payload.size)
        tcp_take_data(step);
}

void tcp_try_again(struct tcp_step *step)
{
    struct tcp *tcp = step->tcp;
    for (size_t i = 0; i < DIRECTIONS; i++)
        stream_clear(tcp->streams[i]);
    *tcp = (struct tcp){ .streams = { tcp->streams[0], tcp->streams[1] } };
    open_streams(step);
    step->flow->state = FLOW_NEW;
    begin_handshake(step);
}

static void pick_up(struct tcp_step *step)
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
    tcp_take_window(step);
    out->edge = header->sequence + (uint32_t)step->packet->payload.size + (1U << 20);
    out->has_window = true;
    tcp_set_state(step, TCP_ESTABLISHED);
    tcp_take_timestamp(step);
    tcp_take_data(step);
}

void tcp_none(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    const struct tcp_settings *settings = &step->tracker->settings;
    uint8_t flags = header->flags;
    if (flags & TCP_RST) {
        tcp_event(step, STREAM_EVENT_RST_BUT_NO_SESSION);
    } else if (flags & TCP_SYN && flags & TCP_ACK) {
        if (!settings->midstream && !settings->async_oneside) {
            step->result->no_session = true;
            return;
        }
        /* The server speaks: whoever sent it answers. */
        if (tcp_to_server(step))
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
        tcp_take_window(step);
        step->out->edge = step->out->next + (1U << 20);
        step->out->has_window = step->out->synack_seen = true;
        step->tcp->timestamps = header->has_timestamp;
        step->tcp->async = step->out->at_once = client->at_once = settings->async_oneside;
        tcp_set_state(step, TCP_SYN_RECV);
    } else if (flags & TCP_SYN) {
        if (flags & TCP_FIN)
            tcp_event(step, STREAM_EVENT_FIN_SYN);
        if (!tcp_to_server(step))
            turn_round(step);
        session_begin(step);
        if (!step->tcp)
            return;
        begin_handshake(step);
    } else if (flags & TCP_FIN) {
        if (!settings->midstream && !settings->async_oneside)
            tcp_event(step, STREAM_EVENT_FIN_BUT_NO_SESSION);
        if (settings->midstream && flags & TCP_ACK) {
            pick_up(step); /* the last of what one side says can be all that is seen */
            if (step->tcp)
                tcp_set_state(step, TCP_FIN_WAIT1);
        } else {
            step->result->no_session = true;
        }
    } else if (flags & TCP_ACK && (settings->midstream || (settings->async_oneside && settings->midstream))) {
        pick_up(step);
    } else {
        step->result->no_session = flags & TCP_ACK;
    }
}

/* ---- the handshake ---- */

static void take_synack(struct tcp_step *step)
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
    tcp_take_window(step);
    /* The client's window was announced by its SYN, unscaled. */
    step->out->edge = step->out->next + step->out->window;
    step->out->has_window = true;
}

/* The sender begins anew with another number; the other side may still answer this one. */
static void remember(struct tcp *tcp, const struct stream *sender)
{
    tcp->syns[tcp->syn_next++ % EARLIER_SYNS] =
        (struct earlier_syn){ .isn = sender->isn,
                              .wscale = sender->wscale,
                              .client_wscale = tcp->streams[TO_SERVER]->wscale,
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

/* The client takes an earlier SYN/ACK: that one holds, whoever sent the later ones. */
static void recall_synack(struct tcp *tcp, uint32_t ack)
{
    struct stream *client = tcp->streams[TO_SERVER], *server = tcp->streams[TO_CLIENT];
    for (size_t i = 0; i < EARLIER_SYNS && ack != server->isn + 1; i++) {
        const struct earlier_syn *synack = &tcp->syns[i];
        if (!synack->used || ack != synack->isn + 1)
            continue;
        server->isn = server->last_ack = synack->isn;
        server->next = synack->isn + 1;
        server->edge = server->next + server->window;
        server->wscale = synack->wscale;
        client->wscale = synack->client_wscale;
        tcp->timestamps = synack->timestamps;
        tcp->sack = synack->sack;
        server->has_timestamp = false; /* of another SYN/ACK */
        return;
    }
}

void tcp_syn_sent(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    uint8_t flags = header->flags;
    struct stream *client = step->tcp->streams[TO_SERVER];
    if (!(flags & TCP_SYN) && header->has_timestamp && !step->tcp->timestamps) {
        /* The SYN offered none, so its sender takes no segment that has one (RFC 7323 section 3.2). */
        tcp_refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
        return;
    }
    if (flags & TCP_RST) {
        /* RFC 9293 section 3.10.7.3: acceptable when it acknowledges the SYN. The client's own answers
         * something older on these ports (RFC 5961 section 4); its SYN stands. */
        if (tcp_to_server(step))
            return;
        uint32_t ack = header->acknowledgment;
        if (!(flags & TCP_ACK)) {
            step->result->invalid = true;
            return;
        }
        if (SEQ_LE(ack, client->isn) || SEQ_GT(ack, client->next)) {
            tcp_refuse(step, STREAM_EVENT_RST_INVALID_ACK);
            return;
        }
        tcp_close_both(step, true);
    } else if (flags & TCP_SYN && flags & TCP_ACK) {
        struct stream *server = step->tcp->streams[TO_CLIENT];
        if (tcp_to_server(step)) {
            /* Answers a SYN of the server: both opened at once, or a four-way handshake. */
            if (!server->started) {
                tcp_refuse(step, STREAM_EVENT_WHS3_SYNACK_IN_WRONG_DIRECTION);
                return;
            }
            if (header->acknowledgment != server->isn + 1) {
                tcp_refuse(step, STREAM_EVENT_WHS4_SYNACK_WITH_WRONG_ACK);
                return;
            }
            if (header->sequence != client->isn) {
                tcp_refuse(step, STREAM_EVENT_WHS4_SYNACK_WITH_WRONG_SYN);
                return;
            }
            client->synack_seen = true;
            server->last_ack = header->acknowledgment;
            tcp_take_window(step);
            tcp_set_state(step, TCP_SYN_RECV);
            return;
        }
        uint32_t ack = header->acknowledgment;
        recall_syn(step->tcp, client, ack);
        bool whole = ack == client->next, syn_only = ack == client->isn + 1;
        if (!whole && !syn_only) {
            /* Between the two: part of the fast open data was taken. */
            if (!(SEQ_GT(ack, client->isn) && SEQ_LE(ack, client->next))) {
                tcp_refuse(step, STREAM_EVENT_WHS3_SYNACK_WITH_WRONG_ACK);
                return;
            }
        }
        memset(step->tcp->syns, 0, sizeof step->tcp->syns); /* answered: SYN/ACKs from here on */
        take_synack(step);
        if (!whole) { /* what was not taken is sent again */
            step->tcp->fast_open_ignored = syn_only;
            if (step->tcp->fast_open)
                tcp_event(step, STREAM_EVENT_WHS3_SYNACK_TFO_DATA_IGNORED);
            client->next = ack;
            if (syn_only && client->contiguous) {
                stream_clear(client);
                client->released = client->origin = client->contiguous = client->end = client->acked = 0;
            }
        } else {
            /* What was taken is ready with the server's next acknowledgment: the connection stands then. */
            client->last_ack = client->isn + 1;
        }
        tcp_set_state(step, TCP_SYN_RECV);
        if (step->packet->payload.size)
            tcp_take_data(step);
    } else if (flags & TCP_SYN) {
        if (tcp_to_server(step)) {
            if (header->sequence != client->isn) {
                remember(step->tcp, client);
                if (client->syn_count > step->tracker->settings.max_syn_queued)
                    tcp_event(step, STREAM_EVENT_WHS3_SYN_FLOOD);
                else
                    client->syn_count++;
                if (client->contiguous) {
                    stream_clear(client);
                    client->released = client->origin = client->contiguous = client->end = 0;
                }
                take_syn(step);
                step->tcp->timestamps = header->has_timestamp;
                if (step->packet->payload.size)
                    tcp_take_data(step);
            }
        } else {
            take_syn(step); /* simultaneous open (RFC 9293 section 3.5), or half of a four-way handshake */
            step->out->syn_count = 1;
            tcp_take_window(step);
        }
    } else if (flags & TCP_ACK && tcp_to_server(step)) {
        /* The client goes on, so the server did answer: it is not seen here. */
        if (!step->tracker->settings.async_oneside) {
            return; /* it may be in order, but nothing tells what it follows */
        }
        if (header->sequence != client->isn + 1) {
            tcp_refuse(step, STREAM_EVENT_WHS3_ASYNC_WRONG_SEQ);
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
        tcp_take_window(step);
        client->edge = client->next + (1U << 20);
        client->has_window = true;
        tcp_set_state(step, TCP_ESTABLISHED);
        tcp_take_timestamp(step);
        tcp_take_data(step);
    } else {
        step->result->invalid = true;
    }
}

static void established(struct tcp_step *step)
{
    step->tcp->established = true;
    tcp_set_state(step, TCP_ESTABLISHED);
}

void tcp_syn_recv(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    uint8_t flags = header->flags;
    struct stream *client = step->tcp->streams[TO_SERVER], *server = step->tcp->streams[TO_CLIENT];
    if (flags & TCP_RST) {
        tcp_reset(step);
    } else if (flags & TCP_SYN && flags & TCP_ACK) {
        if (tcp_to_server(step) && !client->synack_seen) {
            tcp_refuse(step, STREAM_EVENT_WHS3_SYNACK_TOSERVER_ON_SYN_RECV);
            return;
        }
        if (tcp_to_server(step))
            return;
        bool other_ack = header->acknowledgment != client->last_ack &&
                         (SEQ_LE(header->acknowledgment, client->isn) ||
                          SEQ_GT(header->acknowledgment, client->next));
        if (other_ack) {
            tcp_refuse(step, STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFFERENT_ACK);
        } else if (header->sequence != server->isn) {
            tcp_event(step, STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFF_SEQ);
            if (server->syn_count >= step->tracker->settings.max_synack_queued) {
                tcp_refuse(step, STREAM_EVENT_WHS3_SYNACK_FLOOD);
                return;
            }
            server->syn_count++;
            if (server->end == 0) { /* which one the client takes, its acknowledgment will say */
                remember(step->tcp, server);
                take_synack(step);
            }
        } else {
            /* A repetition. */
            step->result->retransmission = true;
        }
    } else if (flags & TCP_SYN) {
        if (!tcp_to_server(step))
            tcp_refuse(step, STREAM_EVENT_WHS3_SYN_TOCLIENT_ON_SYN_RECV);
        else if (header->sequence != client->isn)
            tcp_refuse(step, STREAM_EVENT_WHS3_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV);
        else
            step->result->retransmission = true;
    } else if (!(flags & TCP_ACK)) {
        step->result->invalid = true;
    } else if (tcp_to_server(step)) {
        if (!tcp_timestamp_valid(step)) {
            tcp_refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
            return;
        }
        bool right_sequence = header->sequence == client->next || header->sequence == client->isn + 1;
        if (right_sequence)
            recall_synack(step->tcp, header->acknowledgment);
        bool right_ack = SEQ_GT(header->acknowledgment, server->isn) &&
                         (SEQ_LE(header->acknowledgment, server->next) || step->tcp->midstream);
        if (right_sequence && right_ack) {
            established(step);
            tcp_open(step);
        } else if (right_sequence) {
            tcp_refuse(step, STREAM_EVENT_WHS3_RIGHT_SEQ_WRONG_ACK_EVASION);
        } else if (right_ack && SEQ_GT(header->sequence, client->next) &&
                   SEQ_LE(header->sequence, client->edge)) {
            /* The acknowledgment that completes the handshake was lost on its way here. */
            established(step);
            tcp_open(step);
        } else if (SEQ_LT(header->sequence, client->isn) || !right_ack) {
            tcp_refuse(step, STREAM_EVENT_WHS3_WRONG_SEQ_WRONG_ACK);
        } else {
            tcp_refuse(step, STREAM_EVENT_WHS3_WRONG_SEQ_WRONG_ACK);
        }
    } else {
        /* The server goes on: the client's acknowledgment was lost here, or this is an intruder. */
        if (client->synack_seen) { /* four-way: the server's acknowledgment completes it */
            if (header->sequence != server->next && header->sequence != server->isn + 1) {
                tcp_refuse(step, STREAM_EVENT_WHS4_WRONG_SEQ);
                return;
            }
            if (header->acknowledgment != client->next) {
                tcp_refuse(step, STREAM_EVENT_WHS4_INVALID_ACK);
                return;
            }
            established(step);
            tcp_open(step);
        } else if (header->sequence == server->next && header->acknowledgment == client->next) {
            if (step->packet->payload.size && step->tracker->settings.inline_mode && !step->tcp->fast_open) {
                tcp_refuse(step, STREAM_EVENT_WHS3_ACK_DATA_INJECT);
                return;
            }
            if (!step->packet->payload.size && !(flags & TCP_FIN)) /* says nothing new */
                return;
            established(step);
            tcp_open(step);
        } else if (!step->tracker->settings.inline_mode && SEQ_GE(header->sequence, server->next) &&
                   SEQ_GE(header->acknowledgment, client->next) && SEQ_LE(header->sequence, server->edge)) {
            /* Inline nothing passes unseen, so this would be no answer to what was lost. */
            established(step);
            tcp_open(step);
        } else {
            tcp_refuse(step, STREAM_EVENT_WHS3_ACK_IN_WRONG_DIR);
        }
    }
}
