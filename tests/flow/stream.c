/* SPDX-License-Identifier: Apache-2.0 */
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

static void flow_ended(void *context, struct flow *flow)
{
    struct bench *bench = context;
    bench->ended++;
    bench->end_reason = flow->end_reason;
}

static void start(struct bench *bench, const struct tcp_settings *settings, size_t flow_max)
{
    struct error error;
    *bench = (struct bench){ .time = 1000 * NS_PER_S };
    bench->tracker = tcp_tracker_new(settings, &error);
    assert_non_null(bench->tracker);
    struct flow_settings flows = {
        .flow_max = flow_max, .seed = 5, .ended = flow_ended, .context = bench, .tcp = bench->tracker
    };
    bench->table = flow_table_new(&flows, &error);
    assert_non_null(bench->table);
}

static void stop(struct bench *bench)
{
    flow_end_all(bench->table, FLOW_END_SHUTDOWN);
    assert_int_equal(tcp_counts(bench->tracker)[TCP_COUNT_REASSEMBLY_MEMUSE], 0);
    assert_int_equal(tcp_counts(bench->tracker)[TCP_COUNT_ACTIVE], 0);
    flow_table_free(bench->table);
    tcp_tracker_free(bench->tracker);
}

static struct stream *send_to(struct bench *bench, enum direction to, uint8_t flags, uint32_t sequence,
                              uint32_t ack, struct bytes payload)
{
    static const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 10, 0, 0, 2 };
    struct packet packet = { .time = bench->time += NS_PER_MS, .protocol = IP_TCP, .payload = payload };
    packet.src = address_v4(to == TO_SERVER ? client : server);
    packet.dst = address_v4(to == TO_SERVER ? server : client);
    packet.src_port = to == TO_SERVER ? 40000 : 80;
    packet.dst_port = to == TO_SERVER ? 80 : 40000;
    packet.ip_record = (struct ip_header){ .version = 4, .ttl = 64, .checksum_ok = true };
    packet.ip = &packet.ip_record;
    packet.frame = payload;
    packet.tcp_record = (struct tcp_header){ .src_port = packet.src_port,
                                             .dst_port = packet.dst_port,
                                             .sequence = sequence,
                                             .acknowledgment = ack,
                                             .flags = flags,
                                             .urgent = bench->urgent,
                                             .has_timestamp = bench->timestamp || bench->stamped,
                                             .timestamp = bench->timestamp,
                                             .is_signed = bench->is_signed,
                                             .has_fast_open = bench->fast_open,
                                             .window = 60000,
                                             .has_wscale = bench->wscale != 0,
                                             .wscale = bench->wscale,
                                             .checksum_ok = true };
    packet.tcp = &packet.tcp_record;
    enum direction direction;
    bool fresh;
    bench->flow = flow_find(bench->table, &packet, &direction, &fresh);
    assert_non_null(bench->flow);
    tcp_track(bench->tracker, bench->flow, &packet, &direction, &bench->result);
    flow_count(bench->table, bench->flow, &packet, direction);
    return bench->flow->tcp ? bench->flow->tcp->streams[direction] : NULL;
}

/* Both sides' first numbers: close to the wrap, so that every test crosses it. */
#define C0 0xfffffff0u
#define S0 0xffffff00u

static void handshake(struct bench *bench)
{
    send_to(bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
    send_to(bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
    send_to(bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, BYTES_NONE);
    assert_int_equal(bench->flow->tcp->state, TCP_ESTABLISHED);
    assert_int_equal(bench->flow->state, FLOW_ESTABLISHED);
}

static void data(struct bench *bench, uint32_t offset, const char *text)
{
    send_to(bench, TO_SERVER, TCP_ACK | TCP_PSH, C0 + 1 + offset, S0 + 1, bytes_of_string(text));
}

static void acknowledge(struct bench *bench, uint32_t offset)
{
    send_to(bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 1 + offset, BYTES_NONE);
}

static bool has_event(const struct bench *bench, enum stream_event event)
{
    for (size_t i = 0; i < bench->result.event_count; i++)
        if (bench->result.events[i] == event)
            return true;
    return false;
}

static uint32_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*state >> 33);
}

/* Any cutting of a byte string into overlapping pieces, in any order, with repetitions. */
static void any_cutting_in_any_order_gives_the_whole(void **state)
{
    (void)state;
    uint64_t random = 11;
    for (unsigned round = 0; round < 400; round++) {
        struct bench bench;
        start(&bench, &(struct tcp_settings){ .memory_max = 1 << 24, .inline_mode = round % 2 }, 16);
        handshake(&bench);
        uint8_t whole[3000];
        size_t size = random_next(&random) % (sizeof whole - 1) + 1;
        for (size_t i = 0; i < size; i++)
            whole[i] = (uint8_t)random_next(&random);
        struct bytes pieces[256];
        size_t offsets[256], count = 0;
        for (size_t at = 0; at < size && count < 120;) {
            size_t length = random_next(&random) % 200 + 1, before = random_next(&random) % 50;
            length = count == 119 ? size - at : MIN(size - at, length);
            before = random_next(&random) % 3 ? 0 : MIN(at, before);
            offsets[count] = at - before;
            pieces[count++] = bytes_of(whole + at - before, length + before);
            at += length;
        }
        for (size_t i = count; i-- > 1;) {
            size_t k = random_next(&random) % (i + 1);
            struct bytes piece = pieces[i];
            size_t offset = offsets[i];
            pieces[i] = pieces[k];
            offsets[i] = offsets[k];
            pieces[k] = piece;
            offsets[k] = offset;
        }
        for (size_t i = 0; i < count; i++) {
            send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1 + (uint32_t)offsets[i], S0 + 1, pieces[i]);
            assert_false(has_event(&bench, STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA));
        }
        struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
        assert_true(bytes_equal(stream_held(stream, 0), bytes_of(whole, size)));
        if (!(round % 2)) {
            assert_int_equal(stream_ready(stream, 0).size, 0);
            acknowledge(&bench, (uint32_t)size / 2);
            assert_true(bytes_equal(stream_ready(stream, 0), bytes_of(whole, size / 2)));
            acknowledge(&bench, (uint32_t)size);
        }
        assert_true(bytes_equal(stream_ready(stream, 0), bytes_of(whole, size)));
        size_t part = random_next(&random) % (size + 1);
        stream_release(stream, part);
        assert_true(bytes_equal(stream_ready(stream, part), bytes_of(whole + part, size - part)));
        stop(&bench);
    }
}

/* Original AAAAAAAA at 4..12; a later copy that begins before, inside or at the same byte. */
static void overlaps_follow_the_policy(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        uint32_t offset;
        const char *copy, *whole; /* from offset 0, with "...." in front */
    } cases[] = {
        { "bsd", 4, "bbbbbbbbbb", "....AAAAAAAAbb" },
        { "bsd", 2, "bbbbbb", "..bbbbbbAAAA" },
        { "bsd", 8, "bbbbbb", "....AAAAAAAAbb" },
        { "linux", 4, "bbbbbbbbbb", "....bbbbbbbbbb" },
        { "linux", 4, "bbbb", "....AAAAAAAA" },
        { "linux", 8, "bbbbbb", "....AAAAAAAAbb" },
        { "windows", 2, "bbbbbb", "..bbAAAAAAAA" },
        { "windows", 2, "bbbbbbbbbbbb", "..bbbbbbbbbbbb" },
        { "windows", 4, "bbbbbbbbbb", "....AAAAAAAAbb" },
        { "first", 2, "bbbbbbbbbbbb", "..bbAAAAAAAAbb" },
        { "last", 6, "bbbb", "....AAbbbbAA" },
        { "solaris", 8, "bbbbbb", "....AAAAbbbbbb" },
        { "solaris", 6, "bbbb", "....AAAAAAAA" },
        { "bsd-right", 6, "bbbb", "....AAbbbbAA" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct os_rule rule = { .policy = os_policy_of(bytes_of_string(cases[i].policy)) };
        assert_true(network_parse(BYTES_OF("0.0.0.0/0"), &rule.network));
        struct bench bench;
        start(&bench, &(struct tcp_settings){ .os_rules = &rule, .os_rule_count = 1 }, 16);
        handshake(&bench);
        data(&bench, 4, "AAAAAAAA");
        data(&bench, cases[i].offset, cases[i].copy);
        assert_true(has_event(&bench, STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA));
        size_t lead = cases[i].offset < 4 ? cases[i].offset : 4;
        send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, bytes_of(cases[i].whole, lead));
        struct bytes held = stream_held(bench.flow->tcp->streams[TO_SERVER], 0);
        if (!bytes_is(held, cases[i].whole))
            fail_msg("case %zu (%s): %.*s, not %s", i, cases[i].policy, (int)held.size,
                     (const char *)held.data, cases[i].whole);
        stop(&bench);
    }
}

static void acknowledged_bytes_are_never_replaced(void **state)
{
    (void)state;
    struct os_rule rule = { .policy = OS_LAST };
    assert_true(network_parse(BYTES_OF("0.0.0.0/0"), &rule.network));
    struct bench bench;
    start(&bench, &(struct tcp_settings){ .os_rules = &rule, .os_rule_count = 1 }, 16);
    handshake(&bench);
    data(&bench, 0, "GOODDATA");
    acknowledge(&bench, 4);
    data(&bench, 0, "EVILEVIL");
    assert_true(bytes_is(stream_held(bench.flow->tcp->streams[TO_SERVER], 0), "GOODEVIL"));
    stop(&bench);
}

static void an_acknowledged_hole_is_a_gap(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "abc");
    data(&bench, 10, "xyz");
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_int_equal(stream_gap(stream, 3), 0);
    acknowledge(&bench, 13);
    assert_true(bytes_is(stream_ready(stream, 0), "abc"));
    assert_int_equal(stream_gap(stream, 0), 0);
    assert_int_equal(stream_gap(stream, 3), 7);
    assert_true(bytes_is(stream_ready(stream, 10), "xyz"));
    stream_release(stream, 10);
    assert_true(bytes_is(stream_ready(stream, 10), "xyz"));
    data(&bench, 13, "!");
    acknowledge(&bench, 14);
    assert_true(bytes_is(stream_ready(stream, 10), "xyz!"));
    stop(&bench);
}

/* Packets can pass each other on their way to the sensor: that an acknowledgment is there before its bytes
 * says nothing yet. */
static void bytes_may_come_after_their_acknowledgment(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "abc");
    acknowledge(&bench, 10);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_int_equal(stream_gap(stream, 3), 0);
    assert_int_equal(stream_past(stream), 3);
    data(&bench, 3, "def"); /* before the last byte acknowledged, and new all the same */
    assert_true(bench.result.taken);
    assert_false(has_event(&bench, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK));
    assert_true(bytes_is(stream_ready(stream, 0), "abcdef"));
    data(&bench, 8, "ij");
    assert_int_equal(stream_gap(stream, 6), 2);
    assert_int_equal(stream_past(stream), 10);
    data(&bench, 6, "gh");
    assert_true(bytes_is(stream_ready(stream, 0), "abcdefghij"));
    stop(&bench);
}

static void holes_are_told_when_somebody_meets_them(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "abc");
    data(&bench, 10, "xyz");
    acknowledge(&bench, 13);
    assert_int_equal(bench.result.event_count, 0);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    stream_release(stream, 13);
    assert_false(stream_had_gap(stream)); /* nobody had a use for what is missing */
    tcp_lost(bench.tracker, bench.flow, TO_SERVER, &bench.result);
    assert_true(has_event(&bench, STREAM_EVENT_REASSEMBLY_SEQ_GAP));
    assert_true(stream_had_gap(stream));
    assert_false(stream_had_gap(bench.flow->tcp->streams[TO_CLIENT]));
    assert_int_equal(tcp_counts(bench.tracker)[TCP_COUNT_GAPS], 1);
    assert_int_equal(tcp_event_counts(bench.tracker)[STREAM_EVENT_REASSEMBLY_SEQ_GAP], 1);
    stop(&bench);
}

/* A receiver reads in order: behind a hole that it has too, nothing reaches it. */
static void what_the_receiver_lacks_is_not_lost(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "abc");
    data(&bench, 10, "xyz");
    acknowledge(&bench, 5);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_int_equal(stream_lost(stream, 3), 2);
    tcp_finish(bench.tracker, bench.flow);
    assert_int_equal(stream_gap(stream, 3), 7);
    assert_int_equal(stream_lost(stream, 3), 2);
    assert_int_equal(stream_lost(stream, 5), 0);
    stop(&bench);
}

static void what_lies_behind_acknowledged_holes_is_past(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "abc");
    data(&bench, 10, "xyz");
    data(&bench, 20, "uvw");
    data(&bench, 30, "later");
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_int_equal(stream_past(stream), 0);
    acknowledge(&bench, 12);
    assert_int_equal(stream_end(stream), 3);
    assert_int_equal(stream_past(stream), 12);
    acknowledge(&bench, 25);
    assert_int_equal(stream_past(stream), 25);
    stream_release(stream, 25);
    assert_int_equal(stream_start(stream), 25);
    assert_int_equal(stream_past(stream), 25);
    acknowledge(&bench, 35);
    assert_int_equal(stream_past(stream), 35);
    assert_true(bytes_is(stream_ready(stream, 30), "later"));
    stop(&bench);
}

/* The end of what can be taken, hole after hole and run after run. */
static uint64_t past_step_by_step(const struct stream *stream)
{
    uint64_t end = stream_end(stream);
    for (uint64_t gap; (gap = stream_gap(stream, end));)
        end += gap + stream_ready(stream, end + gap).size;
    return end;
}

static void where_holes_end_is_known_without_a_walk(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (unsigned round = 0; round < 300; round++) {
        struct tcp_settings settings = { .inline_mode = round % 3 == 1 };
        struct bench bench;
        start(&bench, &settings, 16);
        handshake(&bench);
        struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
        uint32_t most = 0;
        for (unsigned step = 0; step < 40; step++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint32_t at = (uint32_t)(random >> 40) % 300;
            most = MAX(most, at + 5);
            data(&bench, at, "abcde");
            if (random >> 60 < 6)
                acknowledge(&bench, (uint32_t)(random >> 33) % most);
            assert_int_equal(stream_past(stream), past_step_by_step(stream));
            if (random >> 60 == 15)
                stream_release(stream, stream_past(stream));
        }
        tcp_finish(bench.tracker, bench.flow);
        assert_int_equal(stream_past(stream), past_step_by_step(stream));
        stop(&bench);
    }
}

/* Copies that disagree, in any order: the first one of each byte stays, or the latest. None has one byte
 * only, which asks whether the other side is alive when it is the last one. */
static void random_overlaps_follow_the_policy(void **state)
{
    (void)state;
    enum { RANGE = 300, COPY = 60 };
    uint64_t random = 23;
    for (unsigned round = 0; round < 400; round++) {
        struct bench bench;
        enum os_policy policy = round % 2 ? OS_LAST : OS_FIRST;
        struct os_rule rule = { .policy = policy };
        assert_true(network_parse(BYTES_OF("0.0.0.0/0"), &rule.network));
        start(&bench, &(struct tcp_settings){ .os_rules = &rule, .os_rule_count = 1 }, 16);
        handshake(&bench);
        uint8_t expected[RANGE] = { 0 }, copy[COPY];
        for (unsigned piece = 0; piece < 60; piece++) {
            uint32_t size = random_next(&random) % (round % 3 ? COPY - 1 : 3U) + 2;
            uint32_t offset = random_next(&random) % (RANGE - size + 1);
            memset(copy, (int)(piece + 1), size);
            for (uint32_t i = 0; i < size; i++)
                if (policy == OS_LAST || !expected[offset + i])
                    expected[offset + i] = (uint8_t)(piece + 1);
            send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1 + offset, S0 + 1, bytes_of(copy, size));
        }
        for (size_t i = 0; i < sizeof expected; i++) {
            struct bytes have = stream_held(bench.flow->tcp->streams[TO_SERVER], i);
            assert_int_equal(have.size > 0, expected[i] != 0);
            if (have.size)
                assert_int_equal(have.data[0], expected[i]);
        }
        stop(&bench);
    }
}

static void the_depth_cuts_the_stream(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, &(struct tcp_settings){ .depth = 10 }, 16);
    handshake(&bench);
    data(&bench, 0, "12345678");
    assert_false(bench.result.depth_reached);
    data(&bench, 8, "90abc");
    assert_true(bench.result.depth_reached);
    data(&bench, 13, "def");
    assert_false(bench.result.depth_reached);
    acknowledge(&bench, 16);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_true(bytes_is(stream_ready(stream, 0), "1234567890"));
    assert_int_equal(stream_gap(stream, 10), 0);
    assert_true(stream_truncated(stream));
    stop(&bench);
}

static void an_empty_budget_sheds_and_recovers(void **state)
{
    (void)state;
    static uint8_t block[60000];
    struct bench bench;
    start(&bench, &(struct tcp_settings){ .memory_max = 1 << 24, .stream_max = 100000 }, 16);
    handshake(&bench);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, bytes_of(block, sizeof block));
    acknowledge(&bench, sizeof block);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1 + (uint32_t)sizeof block, S0 + 1,
            bytes_of(block, sizeof block));
    assert_true(bench.result.no_memory);
    assert_int_equal(tcp_counts(bench.tracker)[TCP_COUNT_SEGMENT_MEMCAP], 1);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    stream_release(stream, sizeof block);
    send_to(&bench, TO_SERVER, TCP_ACK, C0 + 1 + (uint32_t)sizeof block, S0 + 1, bytes_of(block, 1000));
    acknowledge(&bench, sizeof block + 1000);
    assert_int_equal(stream_ready(stream, sizeof block).size, 1000);
    stop(&bench);
}

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

/* "abXc", the X urgent, once or repeated; then the rest. */
static void urgent_bytes_follow_the_policy(void **state)
{
    (void)state;
    static const struct {
        uint8_t policy;
        bool inline_mode;
        const char *whole; /* '_': missing */
        bool dropped;
    } cases[] = {
        { URGENT_OOB, false, "abcdef", false },     { URGENT_OOB, true, "abcdef", false },
        { URGENT_INLINE, false, "abXcdef", false }, { URGENT_GAP, false, "ab_cdef", false },
        { URGENT_DROP, false, "abXcdef", true },    { URGENT_DROP, true, "def", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (unsigned copies = 1; copies <= 2; copies++) {
            struct bench bench;
            start(&bench,
                  &(struct tcp_settings){ .urgent = cases[i].policy, .inline_mode = cases[i].inline_mode },
                  16);
            handshake(&bench);
            bench.urgent = 3;
            for (unsigned n = 0; n < copies; n++)
                send_to(&bench, TO_SERVER, TCP_ACK | TCP_URG, C0 + 1, S0 + 1, bytes_of_string("abXc"));
            assert_int_equal(bench.result.urgent_drop, cases[i].dropped);
            bench.urgent = 0;
            bool lost = cases[i].policy == URGENT_DROP && cases[i].inline_mode;
            data(&bench, lost ? 0 : 4, "def");
            acknowledge(&bench, lost ? 3 : 7);
            const struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
            const char *gap = strchr(cases[i].whole, '_');
            struct bytes first = bytes_first(bytes_of_string(cases[i].whole),
                                             gap ? (size_t)(gap - cases[i].whole) : SIZE_MAX);
            struct bytes ready = stream_ready(stream, 0);
            if (!bytes_equal(ready, first))
                fail_msg("policy %u: \"%.*s\"", cases[i].policy, (int)ready.size, (const char *)ready.data);
            if (gap) {
                assert_int_equal(stream_gap(stream, first.size), 1);
                assert_true(bytes_is(stream_ready(stream, first.size + 1), gap + 1));
            }
            stop(&bench);
        }
}

static void urgent_pointers_past_the_segment_mean_nothing(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, &(struct tcp_settings){ .urgent = URGENT_OOB }, 16);
    handshake(&bench);
    bench.urgent = 5;
    send_to(&bench, TO_SERVER, TCP_ACK | TCP_URG, C0 + 1, S0 + 1, bytes_of_string("abcd"));
    bench.urgent = 0;
    send_to(&bench, TO_SERVER, TCP_ACK | TCP_URG, C0 + 5, S0 + 1, bytes_of_string("ef"));
    acknowledge(&bench, 6);
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "abcdef"));
    assert_int_equal(tcp_counts(bench.tracker)[TCP_COUNT_URG], 2);
    stop(&bench);
}

/* One urgent byte after the other, crossing the wrap of numbers; the FIN is still found. */
static void urgent_bytes_are_taken_out_up_to_a_limit(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench,
          &(struct tcp_settings){
              .urgent = URGENT_OOB, .urgent_oob_limit_policy = URGENT_INLINE, .urgent_oob_max = 20 },
          16);
    handshake(&bench);
    data(&bench, 0, "ab");
    acknowledge(&bench, 2);
    bench.urgent = 1;
    for (uint32_t i = 0; i < 25; i++) {
        send_to(&bench, TO_SERVER, TCP_ACK | TCP_URG, C0 + 3 + i, S0 + 1, bytes_of_string("X"));
        assert_int_equal(has_event(&bench, STREAM_EVENT_REASSEMBLY_URGENT_OOB_LIMIT_REACHED), i >= 20);
        acknowledge(&bench, 3 + i);
    }
    bench.urgent = 0;
    send_to(&bench, TO_SERVER, TCP_ACK | TCP_FIN, C0 + 28, S0 + 1, bytes_of_string("cd"));
    send_to(&bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 31, BYTES_NONE);
    const struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_true(bytes_is(stream_ready(stream, 0), "abXXXXXcd"));
    assert_true(stream_closed(stream));
    assert_int_equal(tcp_counts(bench.tracker)[TCP_COUNT_URGENT_OOB], 20);
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

/* A window holds more segments than there is room for: one stream does not take it all, and lacks nothing. */
static void segments_that_nobody_acknowledges_are_bounded(void **state)
{
    (void)state;
    struct bench bench;
    struct stream_numbers numbers;
    start(&bench, &(struct tcp_settings){ .memory_max = 16U << 20 }, 16); /* 16,384 segments */
    bench.wscale = 4;
    handshake(&bench);
    acknowledge(&bench, 0); /* now the window is scaled */
    for (uint32_t i = 0; i < 65540; i++) {
        data(&bench, i, "x");
        assert_false(bench.result.no_memory);
    }
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    stream_tell(stream, &numbers);
    assert_int_equal(numbers.segments, 8192);
    assert_int_equal(stream_held(stream, 0).size, 65540);
    assert_int_equal(stream_ready(stream, 0).size, 0);
    acknowledge(&bench, 65540);
    assert_int_equal(stream_ready(stream, 0).size, 65540);
    stream_tell(stream, &numbers);
    assert_int_equal(numbers.segments, 0);
    stop(&bench);
}

/* What nobody acknowledges counts against the depth like any other bytes, and is what is looked at when the
 * flow ends. */
static void unacknowledged_bytes_end_at_the_depth(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, &(struct tcp_settings){ .depth = 1000 }, 16);
    handshake(&bench);
    bool reached = false;
    for (uint32_t i = 0; i < 3000; i += 10) {
        data(&bench, i, "0123456789");
        reached |= bench.result.depth_reached;
    }
    assert_true(reached);
    struct stream *stream = bench.flow->tcp->streams[TO_SERVER];
    assert_int_equal(stream_held(stream, 0).size, 1000);
    tcp_finish(bench.tracker, bench.flow);
    assert_int_equal(stream_ready(stream, 0).size, 1000);
    assert_int_equal(stream_gap(stream, 1000), 0);
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

/* After the end, and without the flag that all segments of a connection have, bytes are nobody's: they are
 * looked at where they are, if at all. */
static void bytes_that_no_receiver_takes_are_in_no_stream(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    send_to(&bench, TO_SERVER, TCP_PSH, C0 + 1, 0, BYTES_OF("evil"));
    assert_false(bench.result.taken);
    assert_false(bench.result.invalid);
    assert_int_equal(stream_size(bench.flow->tcp->streams[TO_SERVER]), 0);
    data(&bench, 0, "good");
    assert_true(bench.result.taken);
    send_to(&bench, TO_CLIENT, TCP_RST | TCP_ACK, S0 + 1, C0 + 5, BYTES_OF("not data"));
    assert_int_equal(bench.flow->tcp->state, TCP_CLOSED);
    assert_true(bench.result.taken); /* a reset's bytes are a message to people (RFC 9293 section 3.5.3) */
    data(&bench, 4, "late");
    assert_false(bench.result.taken);
    assert_false(bench.result.invalid);
    assert_int_equal(bench.result.event_count, 0);
    assert_true(bytes_is(stream_ready(bench.flow->tcp->streams[TO_SERVER], 0), "good"));
    /* Late copies of the handshake are nothing odd either. */
    send_to(&bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
    send_to(&bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
    assert_int_equal(bench.ended, 0);
    assert_int_equal(bench.result.event_count, 0);
    assert_false(bench.result.invalid);
    stop(&bench);
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

/* Copies of bytes before the last that was acknowledged are thrown away by whoever gets them. */
static void copies_from_before_the_last_acknowledgment_are_in_no_stream(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, NULL, 16);
    handshake(&bench);
    data(&bench, 0, "good");
    data(&bench, 4, "bytes");
    acknowledge(&bench, 9);
    data(&bench, 0, "evil");
    assert_true(has_event(&bench, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION));
    assert_true(has_event(&bench, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK));
    assert_false(has_event(&bench, STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA));
    assert_false(bench.result.taken);
    assert_false(bench.result.invalid); /* it can be honest: inline it passes */
    data(&bench, 4, "bytes");
    assert_false(has_event(&bench, STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK));
    assert_true(bench.result.taken);
    send_to(&bench, TO_SERVER, TCP_FIN | TCP_ACK, C0 + 10, S0 + 1, BYTES_NONE);
    data(&bench, 4, "bytes");
    assert_true(has_event(&bench, STREAM_EVENT_CLOSEWAIT_PKT_BEFORE_LAST_ACK));
    assert_true(has_event(&bench, STREAM_EVENT_PKT_RETRANSMISSION));
    assert_false(bench.result.taken);
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_in_the_wrong_place_is_refused_with_its_states_event),
        cmocka_unit_test(events_have_their_longer_names_too),
        cmocka_unit_test(any_cutting_in_any_order_gives_the_whole),
        cmocka_unit_test(overlaps_follow_the_policy),
        cmocka_unit_test(acknowledged_bytes_are_never_replaced),
        cmocka_unit_test(an_acknowledged_hole_is_a_gap),
        cmocka_unit_test(bytes_may_come_after_their_acknowledgment),
        cmocka_unit_test(holes_are_told_when_somebody_meets_them),
        cmocka_unit_test(what_the_receiver_lacks_is_not_lost),
        cmocka_unit_test(what_lies_behind_acknowledged_holes_is_past),
        cmocka_unit_test(where_holes_end_is_known_without_a_walk),
        cmocka_unit_test(random_overlaps_follow_the_policy),
        cmocka_unit_test(the_depth_cuts_the_stream),
        cmocka_unit_test(an_empty_budget_sheds_and_recovers),
        cmocka_unit_test(closing_passes_through_the_states),
        cmocka_unit_test(a_reset_counts_in_the_window_only),
        cmocka_unit_test(odd_segments_are_refused_with_their_event),
        cmocka_unit_test(segments_that_nobody_acknowledges_are_bounded),
        cmocka_unit_test(unacknowledged_bytes_end_at_the_depth),
        cmocka_unit_test(the_middle_of_a_connection_is_picked_up_when_asked),
        cmocka_unit_test(one_side_alone_is_enough_when_asked),
        cmocka_unit_test(urgent_bytes_follow_the_policy),
        cmocka_unit_test(urgent_pointers_past_the_segment_mean_nothing),
        cmocka_unit_test(urgent_bytes_are_taken_out_up_to_a_limit),
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
        cmocka_unit_test(bytes_that_no_receiver_takes_are_in_no_stream),
        cmocka_unit_test(a_server_that_leaves_the_data_of_a_syn_is_told),
        cmocka_unit_test(a_syn_ack_may_come_again_until_somebody_speaks),
        cmocka_unit_test(once_a_side_has_closed_every_syn_is_a_late_one),
        cmocka_unit_test(a_refused_client_tries_again_with_any_number),
        cmocka_unit_test(a_syn_begins_a_flow_of_its_own),
        cmocka_unit_test(copies_from_before_the_last_acknowledgment_are_in_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
