/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a connection: put together from segments in any order, with copies, holes and limits. */
#include "bench.h"

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
        cmocka_unit_test(segments_that_nobody_acknowledges_are_bounded),
        cmocka_unit_test(unacknowledged_bytes_end_at_the_depth),
        cmocka_unit_test(urgent_bytes_follow_the_policy),
        cmocka_unit_test(urgent_pointers_past_the_segment_mean_nothing),
        cmocka_unit_test(urgent_bytes_are_taken_out_up_to_a_limit),
        cmocka_unit_test(bytes_that_no_receiver_takes_are_in_no_stream),
        cmocka_unit_test(copies_from_before_the_last_acknowledgment_are_in_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
