/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a connection: how it begins and ends, and which segments are none of it. */
#include "bench.h"

static void closing_passes_through_the_states(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "bye");
    send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + 4, S0 + 1, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_CLOSE_WAIT);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_false(stream_closed(stream));
    send_to(&bench, TO_CLIENT, TCP_FIN | TCP_ACK, S0 + 1, C0 + 5, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_LAST_ACK);
    assert_true(stream_closed(stream));
    assert_true(bench.result.ends[TO_SERVER]);
    assert_true(bytes_is(stream_ready(stream, 0), "bye"));
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 5, S0 + 2, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_CLOSED);
    assert_true(bench.result.closed);
    assert_int_equal(bench.flow->state, FLOW_CLOSED);
    /* A new connection on the same ports is a new flow. */
    send_to(&bench, TO_SERVER, TCP_SYN, 1234, 0, BYTES_NONE);
    assert_int_equal(bench.ended, 1);
    assert_int_equal(bench.end_reason, FLOW_END_TCP_REUSE);
    stop(&bench);
}

static void a_reset_counts_in_the_window_only(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "unread");
    send_to(&bench, TO_CLIENT, TCP_RST, S0 + 0x70000000u, 0, BYTES_NONE);
    assert_true(bench.result.invalid);
    assert_int_equal(bench.flow->tcp->state, TCP_ESTABLISHED);
    send_to(&bench, TO_CLIENT, TCP_RST, S0 + 1, 0, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_CLOSED);
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "unread"));
    stop(&bench);
}

static void odd_segments_are_refused_with_their_event(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    send_to(&bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
    send_to(&bench, TO_SERVER, TCP_SYN | TCP_ACK, C0, 5, BYTES_NONE);
    assert_true(has_event(&bench, STREAM_EVENT_WHS3_SYNACK_IN_WRONG_DIRECTION));
    send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 2, BYTES_NONE);
    assert_true(has_event(&bench, STREAM_EVENT_WHS3_SYNACK_WITH_WRONG_ACK));
    send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_SYN_RECV);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 70000, BYTES_NONE);
    assert_true(has_event(&bench, STREAM_EVENT_WHS3_RIGHT_SEQ_WRONG_ACK_EVASION));
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, BYTES_NONE);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 0x100000u, S0 + 1, BYTES_OF("far"));
    assert_true(has_event(&bench, STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW));
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 0x100000u, BYTES_OF("ack"));
    assert_true(has_event(&bench, STREAM_EVENT_EST_INVALID_ACK));
    assert_true(has_event(&bench, STREAM_EVENT_PKT_INVALID_ACK));
    assert_int_equal(stream_size(bench.flow->tcp->streams[TO_SERVER]), 0);
    stop(&bench);
}

static void an_end_in_the_wrong_place_is_refused_with_its_states_event(void **state)
{
    (void)state;
    static const struct {
        unsigned ends; /* 1: the server ended; 2: which was acknowledged; 4: the client ended */
        enum stream_event event;
    } cases[] = {
        { 0, STREAM_EVENT_FIN_OUT_OF_WINDOW },
        { 1, STREAM_EVENT_FIN1_FIN_WRONG_SEQ },
        { 1 | 2, STREAM_EVENT_FIN2_FIN_WRONG_SEQ },
        { 4, STREAM_EVENT_CLOSEWAIT_FIN_OUT_OF_WINDOW },
    };
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct bench bench;
        unsigned ends = cases[i / 2].ends;
        bool of_server = ends & 4;
        uint32_t place = i & 1 ? 0x100000u : 3; /* far beyond, and before what was sent */
        start(&bench, NULL, 16);
        handshake(&bench);
        data(&bench, 0, "said");
        send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 5, BYTES_OF("told"));
        if (ends & 1)
            send_to(&bench, TO_CLIENT, TCP_FIN | TCP_ACK, S0 + 5, C0 + 5, BYTES_NONE);
        if (ends & 2)
            send_to(&bench, TO_SERVER, TCP_ACK, C0 + 5, S0 + 6, BYTES_NONE);
        if (ends & 4)
            send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + 5, S0 + 5, BYTES_NONE);
        uint8_t before = bench.flow->tcp->state;
        if (of_server)
            send_to(&bench, TO_CLIENT, TCP_FIN | TCP_ACK, S0 + place, C0 + 5, BYTES_NONE);
        else
            send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + place, S0 + 5 + (ends & 1), BYTES_NONE);
        assert_true(has_event(&bench, cases[i / 2].event));
        assert_int_equal(bench.flow->tcp->state, before);
        stop(&bench);
    }
}

static void events_have_their_longer_names_too(void **state)
{
    (void)state;
    assert_int_equal(stream_event_of(BYTES_OF("est_synack_resend_with_different_ack")),
                     stream_event_of(BYTES_OF("est_synack_resend_with_diff_ack")));
    assert_true(stream_event_of(BYTES_OF("3whs_synack_resend_with_different_ack")) >= 0);
    assert_int_equal(stream_event_of(BYTES_OF("est_synack")), -1);
}

static void the_middle_of_a_connection_is_picked_up_when_asked(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    data(&bench, 0, "lost");
    assert_true(bench.result.no_session);
    assert_null(bench.flow->tcp);
    assert_int_equal(bench.flow->tcp_flags[TO_SERVER], 0);
    stop(&bench);

    start(&bench, &(struct tcp_settings){ .midstream = true }, 16);
    data(&bench, 0, "found");
    assert_true(bench.result.midstream);
    acknowledge(&bench, 5);
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "found"));
    stop(&bench);

    start(&bench, &(struct tcp_settings){ .midstream = true }, 16);
    send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_SYN_RECV);
    assert_int_equal(bench.flow->client_port, 40000);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, BYTES_OF("hello"));
    assert_int_equal(bench.flow->tcp->state, TCP_ESTABLISHED);
    stop(&bench);

    start(&bench, &(struct tcp_settings){ .midstream = true }, 16);
    send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + 1, S0 + 1, BYTES_OF("the last of it"));
    assert_int_equal(bench.flow->tcp->state, TCP_FIN_WAIT1);
    send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 16, BYTES_NONE);
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "the last of it"));
    stop(&bench);

    start(&bench, NULL, 16);
    send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + 1, S0 + 1, BYTES_OF("lost"));
    assert_true(bench.result.no_session);
    stop(&bench);

    start(&bench, &(struct tcp_settings){ .midstream = true, .async_oneside = true }, 16);
    send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
    send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 1, BYTES_OF("nobody acknowledges"));
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_CLIENT], 0), "nobody acknowledges"));
    stop(&bench);
}

static void one_side_alone_is_enough_when_asked(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, &(struct tcp_settings){ .async_oneside = true }, 16);
    send_to(&bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, BYTES_OF("alone"));
    assert_true(bench.flow->tcp->async);
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "alone"));
    stop(&bench);
}

static void old_timestamps_are_refused_on_resets_too(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        uint32_t timestamp;
        bool refused;
    } cases[] = {
        { TCP_ACK, 200, false },           { TCP_ACK, 50, true },           { TCP_ACK, 0, true },
        { TCP_RST | TCP_ACK, 200, false }, { TCP_RST | TCP_ACK, 50, true }, { TCP_RST, 0, true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench bench;
        start(&bench, NULL, 16);
        bench.timestamp = 100;
        handshake(&bench);
        bench.timestamp = cases[i].timestamp;
        bench.stamped = true;
        send_to(&bench, TO_CLIENT, cases[i].flags, S0 + 1, C0 + 1, BYTES_NONE);
        assert_int_equal(has_event(&bench, STREAM_EVENT_PKT_INVALID_TIMESTAMP), cases[i].refused);
        assert_int_equal(bench.result.invalid, cases[i].refused);
        assert_int_equal(bench.flow->tcp->state == TCP_CLOSED,
                         (cases[i].flags & TCP_RST) && !cases[i].refused);
        stop(&bench);
    }
}

/* The server may answer any of the latest SYNs; many different ones are an event, but refuse nothing. */
static void one_of_several_syns_is_answered(void **state)
{
    (void)state;
    for (uint32_t answered = 6; answered < 14; answered++) {
        struct bench bench;
        start(&bench, NULL, 16);
        for (uint32_t i = 0; i < 14; i++) {
            send_to(&bench, TO_SERVER, TCP_SYN, C0 + i * 1000, 0, BYTES_NONE);
            assert_false(bench.result.invalid);
            assert_int_equal(has_event(&bench, STREAM_EVENT_WHS3_SYN_FLOOD), i > 10);
        }
        send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + answered * 1000 + 1, BYTES_NONE);
        bool remembered = answered >= 13 - EARLIER_SYNS;
        assert_int_equal(bench.result.invalid, !remembered);
        if (remembered) {
            uint32_t first = C0 + answered * 1000 + 1;
            send_to(&bench, TO_SERVER, TCP_ACK, first, S0 + 1, BYTES_OF("hello"));
            send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, first + 5, BYTES_NONE);
            assert_int_equal(bench.flow->tcp->state, TCP_ESTABLISHED);
            assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "hello"));
        }
        stop(&bench);
    }
}

/* A reset of a connection that is not known is no sign of one, nor is a segment without any flag. */
static void only_segments_of_a_connection_ask_for_one(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        bool asks;
    } rows[] = { { TCP_ACK, true },  { TCP_FIN | TCP_ACK, true },  { TCP_SYN | TCP_ACK, true },
                 { TCP_RST, false }, { TCP_RST | TCP_ACK, false }, { 0, false } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench bench;
        start(&bench, NULL, 16);
        send_to(&bench, TO_SERVER, rows[i].flags, C0, S0, BYTES_OF("x"));
        assert_int_equal(bench.result.no_session, rows[i].asks);
        stop(&bench);
    }
}

/* Anybody can send a second SYN/ACK: the one that the client acknowledges holds, with its options. */
static void one_of_several_answers_is_taken(void **state)
{
    (void)state;
    for (uint32_t taken = 0; taken < 5; taken++) {
        struct bench bench;
        start(&bench, NULL, 16);
        send_to(&bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
        for (uint32_t i = 0; i < 5; i++) {
            send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0 + i * 100000, C0 + 1, BYTES_NONE);
            assert_false(bench.result.invalid);
            assert_int_equal(has_event(&bench, STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFF_SEQ), i > 0);
        }
        uint32_t first = S0 + taken * 100000 + 1;
        send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, first, BYTES_OF("hello"));
        assert_false(bench.result.invalid);
        assert_int_equal(bench.flow->tcp->state, TCP_ESTABLISHED);
        send_to(&bench, TO_CLIENT, TCP_ACK, first, C0 + 6, BYTES_OF("welcome"));
        send_to(&bench, TO_SERVER, TCP_ACK, C0 + 6, first + 7, BYTES_NONE);
        assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "hello"));
        assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_CLIENT], 0), "welcome"));
        stop(&bench);
    }
}

/* RFC 9293 section 3.10.7.3: without an acceptable acknowledgment it is not about this SYN. */
static void a_reset_answers_a_syn_with_its_number_only(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        uint32_t ack;
        bool stamped, closes;
    } cases[] = {
        { TCP_RST | TCP_ACK, C0 + 1, false, true },
        { TCP_RST | TCP_ACK, C0 + 1, true, false },
        { TCP_RST | TCP_ACK, C0, false, false },
        { TCP_RST | TCP_ACK, C0 + 2, false, false },
        { TCP_RST, 0, false, false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench bench;
        start(&bench, NULL, 16);
        send_to(&bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
        bench.stamped = cases[i].stamped; /* an option that the SYN did not offer */
        send_to(&bench, TO_CLIENT, cases[i].flags, 0, cases[i].ack, BYTES_NONE);
        assert_int_equal(bench.flow->tcp->state, cases[i].closes ? TCP_CLOSED : TCP_SYN_SENT);
        assert_int_equal(has_event(&bench, STREAM_EVENT_PKT_INVALID_TIMESTAMP), cases[i].stamped);
        /* Without an acknowledgment there is none to complain of. */
        bool wrong = (cases[i].flags & TCP_ACK) && !cases[i].closes && !cases[i].stamped;
        assert_int_equal(has_event(&bench, STREAM_EVENT_RST_INVALID_ACK), wrong);
        stop(&bench);
    }
}

static void a_signed_reset_that_its_sender_forgets_was_injected(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    bench.is_signed = true;
    send_to(&bench, TO_SERVER, TCP_RST | TCP_ACK, C0 + 1, S0 + 1, BYTES_NONE);
    assert_int_equal(bench.flow->tcp->state, TCP_ESTABLISHED);
    bench.is_signed = false;
    send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 1, BYTES_OF("banner"));
    assert_false(has_event(&bench, STREAM_EVENT_SUSPECTED_RST_INJECT));
    data(&bench, 0, "hello");
    assert_true(has_event(&bench, STREAM_EVENT_SUSPECTED_RST_INJECT));
    data(&bench, 5, "again");
    assert_false(has_event(&bench, STREAM_EVENT_SUSPECTED_RST_INJECT));
    stop(&bench);
}

static void repetitions_are_told_while_closing_only(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "hello");
    data(&bench, 0, "hello");
    assert_true(bench.result.retransmission);
    assert_false(has_event(&bench, STREAM_EVENT_PKT_RETRANSMISSION));
    send_to(&bench, TO_SERVER, TCP_ACK | TCP_FIN, C0 + 6, S0 + 1, BYTES_OF("bye"));
    data(&bench, 0, "hello");
    assert_true(has_event(&bench, STREAM_EVENT_PKT_RETRANSMISSION));
    stop(&bench);
}

static void segments_from_before_are_told_by_what_they_carry(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "abcd");
    send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 5, BYTES_NONE);
    data(&bench, 0, "abcd"); /* all of it was acknowledged */
    assert_true(has_event(&bench, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION));
    assert_false(has_event(&bench, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK));
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 2, S0 + 1, BYTES_NONE);
    assert_true(has_event(&bench, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK));
    send_to(&bench, TO_SERVER, TCP_RST, C0 + 5, S0 + 1, BYTES_NONE);
    assert_true(has_event(&bench, STREAM_EVENT_PKT_BROKEN_ACK));
    assert_int_equal(bench.flow->tcp->state, TCP_CLOSED);
    stop(&bench);
}

/* What becomes of flows and what was odd about segments is counted where it happens. */
static void ends_of_flows_and_odd_segments_are_counted(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    assert_int_equal(flow_counts(bench.table)[FLOW_SPARE], 15);
    send_to(&bench, TO_SERVER, TCP_RST | TCP_ACK, C0 + 1, S0 + 1, BYTES_OF("gone"));
    assert_true(has_event(&bench, STREAM_EVENT_RST_WITH_DATA));
    assert_int_equal(tcp_event_counts(bench.tracker)[STREAM_EVENT_RST_WITH_DATA], 1);
    assert_int_equal(tcp_event_counts(bench.tracker)[STREAM_EVENT_RST_INVALID_ACK], 0);
    /* Long after, the next packet finds it over; and the wheel finds that one over. */
    bench.time += 36000 * NS_PER_S;
    send_to(&bench, TO_SERVER, TCP_SYN, 7000, 0, BYTES_NONE);
    flow_expire(bench.table, bench.time + 36000 * NS_PER_S);
    flow_expire(bench.table, bench.time + 36001 * NS_PER_S);
    const uint64_t *counts = flow_counts(bench.table);
    assert_int_equal(counts[FLOW_ENDED], 2);
    assert_int_equal(counts[FLOW_EVICTED] + counts[FLOW_EVICTED_BY_PACKET], 2);
    assert_int_equal(counts[FLOW_CHECKED], counts[FLOW_DUE] + counts[FLOW_NOT_DUE]);
    assert_int_equal(counts[FLOW_SPARE], 16);
    stop(&bench);
}

/* Which numbers of a reset end a connection is a matter of its receiver's system. */
static void a_reset_ends_what_its_receiver_would_end(void **state)
{
    (void)state;
    static const struct {
        const char *system;
        int old, acked, between, next, after, past; /* of a sender with 9 bytes, 4 of them acknowledged */
    } cases[] = {
        { "bsd", 0, 0, 0, 1, 0, 0 },    { "windows", 0, 0, 0, 1, 0, 0 },   { "vista", 0, 0, 0, 1, 0, 0 },
        { "linux", 0, 1, 1, 1, 1, 0 },  { "old-linux", 0, 1, 1, 1, 1, 0 }, { "solaris", 0, 1, 1, 1, 1, 0 },
        { "hpux11", 0, 0, 0, 1, 1, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const uint32_t offsets[] = { 0, 4, 7, 9, 500, 4 + 60000 + 1 };
        const int ends[] = { cases[i].old,  cases[i].acked, cases[i].between,
                             cases[i].next, cases[i].after, cases[i].past };
        struct os_rule all[1] = { { .policy = os_policy_of(bytes_of_string(cases[i].system)) } };
        assert_true(network_parse(BYTES_OF("0.0.0.0/0"), &all[0].network));
        for (size_t j = 0; j < COUNT_OF(offsets); j++) {
            struct bench bench;
            start(&bench, &(struct tcp_settings){ .os_rules = all, .os_rule_count = 1 }, 16);
            handshake(&bench);
            data(&bench, 0, "1234");
            acknowledge(&bench, 4);
            data(&bench, 4, "56789");
            send_to(&bench, TO_SERVER, TCP_RST, C0 + 1 + offsets[j], 0, BYTES_NONE);
            assert_int_equal(bench.flow->tcp->state == TCP_CLOSED, ends[j]);
            assert_int_equal(bench.result.invalid, !ends[j]);
            assert_false(
                has_event(&bench, STREAM_EVENT_RST_INVALID_ACK)); /* the acknowledgment is another matter */
            stop(&bench);
        }
    }
}

/* A closed socket answers with the number that its peer acknowledged last: that of its FIN, or behind it. */
static void a_reset_after_the_end_has_the_number_of_the_end(void **state)
{
    (void)state;
    for (int acknowledged = 0; acknowledged < 2; acknowledged++)
        for (uint32_t offset = 3; offset < 7; offset++) {
            struct bench bench;
            start(&bench, NULL, 16);
            handshake(&bench);
            data(&bench, 0, "1234");
            acknowledge(&bench, 4);
            send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + 1 + 4, S0 + 1, BYTES_NONE);
            if (acknowledged)
                acknowledge(&bench, 5);
            send_to(&bench, TO_SERVER, TCP_RST, C0 + 1 + offset, 0, BYTES_NONE);
            assert_int_equal(bench.flow->tcp->state == TCP_CLOSED, offset == (acknowledged ? 5 : 4));
            stop(&bench);
        }
}

/* Whether the server says that it knows of fast open or not. */
static void a_server_that_leaves_the_data_of_a_syn_is_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct bench bench;
        start(&bench, NULL, 16);
        bench.fast_open = true;
        send_to(&bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_OF("early"));
        bench.fast_open = i;
        send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
        assert_true(has_event(&bench, STREAM_EVENT_WHS3_SYNACK_TFO_DATA_IGNORED));
        assert_int_equal(bench.flow->tcp->state, TCP_SYN_RECV);
        stop(&bench);
    }
}

/* Where the SYN/ACK comes again since the last acknowledgment of the handshake was lost, nothing is odd;
 * inline it has to pass, or the connection hangs. */
static void a_syn_ack_may_come_again_until_somebody_speaks(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server;
        uint32_t acked, ack; /* what the server acknowledged before; what the SYN/ACK does */
        int event;           /* -1: none */
    } cases[] = {
        { NULL, NULL, 0, 0, -1 },
        { "hello", NULL, 0, 0, -1 },
        { "hello", NULL, 5, 0, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK },
        { "hello", NULL, 5, 5, STREAM_EVENT_EST_SYNACK_RESEND },
        { NULL, "welcome", 0, 0, STREAM_EVENT_EST_SYNACK_RESEND },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench bench;
        start(&bench, NULL, 16);
        handshake(&bench);
        if (cases[i].client)
            data(&bench, 0, cases[i].client);
        if (cases[i].acked)
            acknowledge(&bench, cases[i].acked);
        if (cases[i].server)
            send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 1, bytes_of_string(cases[i].server));
        send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1 + cases[i].ack, BYTES_NONE);
        assert_int_equal(bench.result.invalid, cases[i].event >= 0);
        assert_int_equal(bench.result.event_count, cases[i].event >= 0);
        if (cases[i].event >= 0)
            assert_int_equal(bench.result.events[0], cases[i].event);
        stop(&bench);
    }
}

static void once_a_side_has_closed_every_syn_is_a_late_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct bench bench;
        start(&bench, NULL, 16);
        handshake(&bench);
        send_to(&bench, i ? TO_SERVER : TO_CLIENT, TCP_FIN | TCP_ACK, i ? C0 + 1 : S0 + 1,
                i ? S0 + 1 : C0 + 1, BYTES_NONE);
        send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
        assert_true(has_event(&bench, STREAM_EVENT_SHUTDOWN_SYN_RESEND));
        assert_false(has_event(&bench, STREAM_EVENT_EST_SYNACK_RESEND));
        stop(&bench);
    }
}

/* A client that was refused may begin again with any number, and it is the same flow. */
static void a_refused_client_tries_again_with_any_number(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    for (uint32_t i = 0; i < 3; i++) {
        send_to(&bench, TO_SERVER, TCP_SYN, C0 + i * 5000, 0, BYTES_NONE);
        assert_int_equal(bench.flow->tcp->state, TCP_SYN_SENT);
        send_to(&bench, TO_CLIENT, TCP_RST | TCP_ACK, 0, C0 + i * 5000 + 1, BYTES_NONE);
        assert_int_equal(bench.flow->tcp->state, TCP_CLOSED);
    }
    assert_int_equal(bench.ended, 0);
    assert_int_equal(bench.flow->packets[TO_SERVER], 3);
    stop(&bench);
}

/* What came before a SYN belongs to something else. */
static void a_syn_begins_a_flow_of_its_own(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    send_to(&bench, TO_SERVER, TCP_RST, C0 - 400, 0, BYTES_NONE);
    handshake(&bench);
    assert_int_equal(bench.ended, 1);
    assert_int_equal(bench.end_reason, FLOW_END_TCP_REUSE);
    assert_int_equal(bench.flow->packets[TO_SERVER], 2);
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_in_the_wrong_place_is_refused_with_its_states_event),
        cmocka_unit_test(events_have_their_longer_names_too),
        cmocka_unit_test(closing_passes_through_the_states),
        cmocka_unit_test(a_reset_counts_in_the_window_only),
        cmocka_unit_test(odd_segments_are_refused_with_their_event),
        cmocka_unit_test(the_middle_of_a_connection_is_picked_up_when_asked),
        cmocka_unit_test(one_side_alone_is_enough_when_asked),
        cmocka_unit_test(old_timestamps_are_refused_on_resets_too),
        cmocka_unit_test(one_of_several_syns_is_answered),
        cmocka_unit_test(one_of_several_answers_is_taken),
        cmocka_unit_test(only_segments_of_a_connection_ask_for_one),
        cmocka_unit_test(a_reset_answers_a_syn_with_its_number_only),
        cmocka_unit_test(a_signed_reset_that_its_sender_forgets_was_injected),
        cmocka_unit_test(repetitions_are_told_while_closing_only),
        cmocka_unit_test(segments_from_before_are_told_by_what_they_carry),
        cmocka_unit_test(ends_of_flows_and_odd_segments_are_counted),
        cmocka_unit_test(a_reset_ends_what_its_receiver_would_end),
        cmocka_unit_test(a_reset_after_the_end_has_the_number_of_the_end),
        cmocka_unit_test(a_server_that_leaves_the_data_of_a_syn_is_told),
        cmocka_unit_test(a_syn_ack_may_come_again_until_somebody_speaks),
        cmocka_unit_test(once_a_side_has_closed_every_syn_is_a_late_one),
        cmocka_unit_test(a_refused_client_tries_again_with_any_number),
        cmocka_unit_test(a_syn_begins_a_flow_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
