/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP tracker: judges segments by state, window, acknowledgment and timestamp (RFC 9293, RFC 7323).
 *
 * States are the server's, as EVE shows them: a FIN of the client makes CLOSE-WAIT, one of the server
 * FIN-WAIT-1. A sensor sees neither end's socket, so every check leaves room for packets it missed. */
#include "flow/tcp.h"

#include <stdlib.h>

#include "flow/tcp_step.h"

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

/* Rules have longer names for some. */
static const struct {
    const char *name;
    enum stream_event event;
} longer_names[] = {
    { "3whs_synack_resend_with_different_ack", STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFFERENT_ACK },
    { "est_synack_resend_with_different_ack", STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK },
};

int stream_event_of(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(longer_names); i++)
        if (bytes_is(name, longer_names[i].name))
            return (int)longer_names[i].event;
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

/* ---- established and closing ---- */

void tcp_close_both(struct tcp_step *step, bool reset)
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
    tcp_set_state(step, TCP_CLOSED);
}

/* Whether the receiver ends the connection for a reset with this number. Most systems want the very one that
 * comes next: what is merely in the window can be a guess (RFC 5961 section 3.2). */
static bool reset_in_place(const struct stream *out, uint32_t sequence)
{
    /* Until its end is acknowledged a closed socket resets with that number: what it answers names it. */
    uint32_t due = out->has_fin && SEQ_LT(out->last_ack, out->next) ? out->next - 1 : out->next;
    switch ((enum os_policy)out->policy) {
    case OS_LINUX:
    case OS_OLD_LINUX:
    case OS_SOLARIS: /* RFC 9293 section 3.10.7.4: anything in the window */
        return SEQ_GE(sequence, out->last_ack) &&
               (SEQ_LE(sequence, out->edge) || SEQ_LE(sequence, out->next));
    case OS_HPUX11:
        return SEQ_GE(sequence, due);
    default:
        return sequence == due;
    }
}

void tcp_reset(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    struct stream *out = step->out, *back = step->back;
    /* RFC 7323 section 5.2 lets receivers take it all the same; Suricata does not, and an injected one ends
     * nothing then. */
    if (!tcp_timestamp_valid(step)) {
        tcp_refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
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
        tcp_refuse(step, STREAM_EVENT_RST_INVALID_ACK);
        return;
    }
    if (!step->tcp->async && out->started && !reset_in_place(out, header->sequence)) {
        step->result->invalid = true;
        return;
    }
    step->result->taken = true; /* its data, if there is any, is for nobody */
    if (header->flags & TCP_ACK && SEQ_GT(header->acknowledgment, back->last_ack) &&
        SEQ_LE(header->acknowledgment, back->next)) {
        back->last_ack = header->acknowledgment;
        int64_t offset = stream_offset_of(back, header->acknowledgment);
        if (offset > 0)
            stream_acknowledge(back, (uint64_t)offset);
    }
    tcp_close_both(step, true);
}

/* The events of a state's family. */
struct complaints {
    enum stream_event window, before, ack, fin;
};

static const struct complaints complaints[TCP_STATE_COUNT] = {
    [TCP_ESTABLISHED] = { STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK,
                          STREAM_EVENT_EST_INVALID_ACK, STREAM_EVENT_FIN_OUT_OF_WINDOW },
    [TCP_CLOSE_WAIT] = { STREAM_EVENT_CLOSEWAIT_ACK_OUT_OF_WINDOW, STREAM_EVENT_CLOSEWAIT_PKT_BEFORE_LAST_ACK,
                         STREAM_EVENT_CLOSEWAIT_INVALID_ACK, STREAM_EVENT_CLOSEWAIT_FIN_OUT_OF_WINDOW },
    [TCP_FIN_WAIT1] = { STREAM_EVENT_FIN1_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                        STREAM_EVENT_FIN1_INVALID_ACK, STREAM_EVENT_FIN1_FIN_WRONG_SEQ },
    [TCP_FIN_WAIT2] = { STREAM_EVENT_FIN2_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                        STREAM_EVENT_FIN2_INVALID_ACK, STREAM_EVENT_FIN2_FIN_WRONG_SEQ },
    [TCP_CLOSING] = { STREAM_EVENT_CLOSING_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                      STREAM_EVENT_CLOSING_INVALID_ACK, STREAM_EVENT_FIN_OUT_OF_WINDOW },
    [TCP_LAST_ACK] = { STREAM_EVENT_LASTACK_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                       STREAM_EVENT_LASTACK_INVALID_ACK, STREAM_EVENT_FIN_OUT_OF_WINDOW },
    [TCP_TIME_WAIT] = { STREAM_EVENT_TIMEWAIT_ACK_WRONG_SEQ, STREAM_EVENT_PKT_RETRANSMISSION,
                        STREAM_EVENT_TIMEWAIT_INVALID_ACK, STREAM_EVENT_FIN_OUT_OF_WINDOW },
    [TCP_CLOSED] = { STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW, STREAM_EVENT_PKT_RETRANSMISSION,
                     STREAM_EVENT_PKT_INVALID_ACK, STREAM_EVENT_FIN_OUT_OF_WINDOW },
};

/* Puts bytes into the sender's stream and says what was odd about them. */
static void put_data(struct tcp_step *step, uint32_t sequence, struct bytes payload)
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
        tcp_event(step, inserted.limit ? STREAM_EVENT_REASSEMBLY_INSERT_LIMIT
                                       : STREAM_EVENT_REASSEMBLY_INSERT_MEMCAP);
    }
    if (inserted.before && !step->result->retransmission)
        tcp_event(step, STREAM_EVENT_REASSEMBLY_SEGMENT_BEFORE_BASE_SEQ);
    if (inserted.overlap)
        tracker->counts[TCP_COUNT_OVERLAP]++;
    if (inserted.different) {
        tracker->counts[TCP_COUNT_OVERLAP_DIFF]++;
        tcp_event(step, STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA);
    }
    step->result->taken = !inserted.beyond;
    if (inserted.depth_reached) {
        tracker->counts[TCP_COUNT_STREAM_DEPTH]++;
        step->result->depth_reached = true;
        tcp_event(step, STREAM_EVENT_REASSEMBLY_DEPTH_REACHED);
    }
}

/* The policy for the urgent byte numbered `sequence`. */
static enum urgent_policy urgent_policy_of(struct tcp_step *step, uint32_t sequence)
{
    const struct tcp_settings *settings = &step->tracker->settings;
    const struct stream *out = step->out;
    bool again = out->urgent_taken && SEQ_LE(sequence, out->urgent_sequence);
    if (settings->urgent != URGENT_OOB || again || out->urgent_taken < settings->urgent_oob_max)
        return (enum urgent_policy)settings->urgent;
    tcp_event(step, STREAM_EVENT_REASSEMBLY_URGENT_OOB_LIMIT_REACHED);
    return settings->urgent_oob_limit_policy == URGENT_OOB
               ? URGENT_INLINE
               : (enum urgent_policy)settings->urgent_oob_limit_policy;
}

/* A segment with the urgent flag: the byte before the place that its pointer names is the urgent one, as most
 * systems take it (RFC 6093 section 3.1). What becomes of it is a matter of policy. */
static void put_urgent(struct tcp_step *step, uint32_t sequence, struct bytes payload)
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

void tcp_take_data(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    struct stream *out = step->out;
    uint32_t sequence = header->sequence + !!(header->flags & TCP_SYN);
    uint32_t after = header->sequence + tcp_span(step);
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

/* Acknowledged bytes become ready; missing ones a gap, when others follow them. */
static void take_ack(struct tcp_step *step)
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
            if (limit > back->acked)
                stream_acknowledge(back, limit);
        }
    }
    tcp_take_window(step);
}

/* Whether the acknowledgment is one the other side can have meant. */
static bool ack_valid(struct tcp_step *step)
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
static bool window_valid(struct tcp_step *step)
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

static void finish_state(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    struct tcp *tcp = step->tcp;
    bool server_says = tcp_to_server(step), fin = header->flags & TCP_FIN, ack = header->flags & TCP_ACK;
    const struct stream *back = step->back;
    bool acks_fin = ack && back->has_fin && header->acknowledgment == back->next;
    switch (tcp->state) {
    case TCP_ESTABLISHED:
        if (fin)
            tcp_set_state(step, server_says ? TCP_CLOSE_WAIT : TCP_FIN_WAIT1);
        break;
    case TCP_CLOSE_WAIT:
        if (fin && !server_says)
            tcp_set_state(step, TCP_LAST_ACK);
        break;
    case TCP_LAST_ACK:
        if (acks_fin && server_says)
            tcp_close_both(step, false);
        break;
    case TCP_FIN_WAIT1:
        if (fin && server_says)
            tcp_set_state(step, acks_fin ? TCP_TIME_WAIT : TCP_CLOSING);
        else if (acks_fin && server_says)
            tcp_set_state(step, TCP_FIN_WAIT2);
        break;
    case TCP_FIN_WAIT2:
        if (fin && server_says)
            tcp_set_state(step, TCP_TIME_WAIT);
        break;
    case TCP_CLOSING:
        if (acks_fin)
            tcp_set_state(step, TCP_TIME_WAIT);
        break;
    case TCP_TIME_WAIT:
        if (acks_fin)
            tcp_close_both(step, false);
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

void tcp_open(struct tcp_step *step)
{
    const struct tcp_header *header = step->header;
    struct tcp *tcp = step->tcp;
    struct stream *out = step->out, *back = step->back;
    uint8_t flags = header->flags;
    const struct complaints *family = &complaints[tcp->state];
    size_t size = step->packet->payload.size;
    if (flags & TCP_RST) {
        tcp_reset(step);
        return;
    }
    if (tcp->state == TCP_CLOSED) {
        if (tcp_was_refused(tcp) && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && tcp_to_server(step))
            tcp_try_again(step);
        return; /* of nothing any more: neither odd nor anybody's data */
    }
    if (flags & TCP_SYN) {
        if (tcp->state != TCP_ESTABLISHED) {
            tcp_refuse(step, STREAM_EVENT_SHUTDOWN_SYN_RESEND);
        } else if (flags & TCP_ACK) {
            if (tcp_to_server(step))
                tcp_refuse(step, STREAM_EVENT_EST_SYNACK_TOSERVER);
            else if (header->acknowledgment != back->last_ack)
                tcp_refuse(step, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK);
            else if (header->sequence != out->isn)
                tcp_refuse(step, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_SEQ);
            else if (out->next != out->isn + 1 || back->last_ack != back->isn + 1)
                tcp_refuse(step, STREAM_EVENT_EST_SYNACK_RESEND);
            /* else the acknowledgment that ended the handshake was lost on its way to the server */
        } else if (!tcp_to_server(step)) {
            tcp_refuse(step, STREAM_EVENT_EST_SYN_TOCLIENT);
        } else if (header->sequence != out->isn) {
            tcp_refuse(step, STREAM_EVENT_EST_SYN_RESEND_DIFF_SEQ);
        } else {
            tcp_refuse(step, STREAM_EVENT_EST_SYN_RESEND);
        }
        return;
    }
    if (UNLIKELY(!(flags & (TCP_ACK | TCP_FIN)))) /* RFC 9293 section 3.10.7.4: the receiver drops it */
        return;
    if (UNLIKELY(out->rst_signed) && size && !header->is_signed) {
        /* Its sender goes on as if it had never been: somebody else's, or meant for the sensor alone. */
        out->rst_signed = false;
        tcp_event(step, STREAM_EVENT_SUSPECTED_RST_INJECT);
    }
    if (!tcp_timestamp_valid(step)) {
        tcp_refuse(step, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
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
        tcp_event(step, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION);
        bool far = SEQ_LT(header->sequence, out->last_ack - MAX(out->window, 1U << 16));
        /* Bytes that are missing here can come after their acknowledgment: packets pass each other on their
         * way to the sensor. */
        bool before = far || (SEQ_LT(after, out->last_ack) &&
                              stream_offset_of(out, after) <= (int64_t)out->contiguous);
        if (tcp->state == TCP_CLOSE_WAIT)
            tcp_event(step, STREAM_EVENT_PKT_RETRANSMISSION);
        if (tcp->state == TCP_CLOSE_WAIT || (tcp->state == TCP_ESTABLISHED && before)) {
            tcp_event(step, family->before);
            return; /* its receiver throws its bytes away */
        }
        if (far) {
            step->result->invalid = true;
            return;
        }
        if (!ack_valid(step)) {
            tcp_event(step, STREAM_EVENT_PKT_INVALID_ACK);
            step->result->invalid = true;
            return;
        }
        tcp_take_data(step); /* changes nothing, but shows whether its bytes differ */
        take_ack(step);
        return;
    }
    if (size && SEQ_LE(after, out->next) && SEQ_LT(header->sequence, out->next)) {
        step->result->retransmission = true;
        if (is_closing(tcp)) /* before, it is everyday business */
            tcp_event(step, STREAM_EVENT_PKT_RETRANSMISSION);
    }
    if (!size && !(flags & TCP_FIN) && SEQ_LT(after, out->last_ack) &&
        (tcp->state == TCP_ESTABLISHED || tcp->state == TCP_CLOSE_WAIT))
        tcp_event(step, family->before);
    bool early_end = flags & TCP_FIN && !size && !out->has_fin && SEQ_LT(header->sequence, out->next);
    if (early_end || !window_valid(step)) {
        tcp_refuse(step, flags & TCP_FIN ? family->fin : family->window);
        return;
    }
    if (!ack_valid(step)) {
        tcp_event(step, STREAM_EVENT_PKT_INVALID_ACK);
        tcp_refuse(step, flags & TCP_FIN && tcp->state == TCP_ESTABLISHED ? STREAM_EVENT_FIN_INVALID_ACK
                                                                          : family->ack);
        return;
    }
    /* RFC 9293 section 3.8.6: a receiver must not shrink what it allowed and repeat itself meanwhile. */
    if (!size && !(flags & TCP_FIN) && header->flags & TCP_ACK && header->acknowledgment == back->last_ack &&
        header->sequence == out->next && tcp_scaled_window(step) < back->window &&
        SEQ_LT(back->last_ack + tcp_scaled_window(step), back->edge) &&
        SEQ_GT(back->next, back->last_ack + tcp_scaled_window(step)))
        tcp_event(step, STREAM_EVENT_PKT_BAD_WINDOW_UPDATE);
    tcp_take_timestamp(step);
    tcp_take_data(step);
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
        result->invalid = result->corrupt = true;
        return;
    }
    struct tcp_step step = { .tracker = tracker,
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
    if (UNLIKELY(!(flags & TCP_ACK) && header->acknowledgment))
        tcp_event(&step, STREAM_EVENT_PKT_BROKEN_ACK);
    if (UNLIKELY((flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN) && step.tcp))
        tcp_event(&step, STREAM_EVENT_FIN_SYN);
    if (UNLIKELY(flags & TCP_RST && packet->payload.size && step.tcp))
        tcp_event(&step, STREAM_EVENT_RST_WITH_DATA);
    switch (step.tcp ? step.tcp->state : TCP_NONE) {
    case TCP_NONE:
        tcp_none(&step);
        break;
    case TCP_SYN_SENT:
        tcp_syn_sent(&step);
        break;
    case TCP_SYN_RECV:
        tcp_syn_recv(&step);
        break;
    default:
        tcp_open(&step);
        break;
    }
    if (step.tcp)
        flow->tcp_flags[*direction] |= flags;
}

bool tcp_is_reuse(const struct tcp_tracker *tracker, const struct flow *flow, const struct packet *packet)
{
    (void)tracker;
    const struct tcp *tcp = flow->tcp;
    if ((packet->tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN || !packet->tcp->checksum_ok)
        return false;
    if (!tcp) /* what came before was of another connection, which began out of sight or is forgotten */
        return true;
    bool from_client = packet->src_port == flow->client_port && address_equal(&packet->src, &flow->client);
    switch (tcp->state) {
    case TCP_SYN_RECV: /* the client begins again without fast open (RFC 7413 section 4.1.3) */
        return tcp->fast_open_ignored && !packet->tcp->has_fast_open && !packet->payload.size;
    case TCP_CLOSED:
        if (from_client && tcp_was_refused(tcp))
            return false;
        break;
    case TCP_TIME_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
        break;
    default:
        return false;
    }
    /* The same number again is a late copy of the SYN that opened it. */
    return packet->tcp->sequence != tcp->streams[from_client ? TO_SERVER : TO_CLIENT]->isn;
}

void tcp_lost(struct tcp_tracker *tracker, struct flow *flow, enum direction direction,
              struct tcp_result *result)
{
    flow->tcp->streams[direction]->had_gap = true;
    tracker->counts[TCP_COUNT_GAPS]++;
    note_event(tracker, result, STREAM_EVENT_REASSEMBLY_SEQ_GAP);
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

const uint64_t *tcp_event_counts(const struct tcp_tracker *tracker)
{
    return tracker->event_counts;
}
