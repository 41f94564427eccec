/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include "base/clock.h"
#include "flow/defrag.h"

struct fixture {
    struct defrag *defrag;
    struct decoder decoder;
    uint64_t time;
};

static void start(struct fixture *fixture, const char *policy, const struct defrag_settings *limits)
{
    static struct os_rule rule;
    struct error error;
    struct defrag_settings settings = limits ? *limits : (struct defrag_settings){ 0 };
    *fixture = (struct fixture){ .time = NS_PER_S };
    decoder_init(&fixture->decoder, &(struct decode_settings){ 0 });
    if (policy) {
        assert_true(network_parse(BYTES_OF("0.0.0.0/0"), &rule.network));
        rule.policy = os_policy_of(bytes_of_string(policy));
        settings.os_rules = &rule;
        settings.os_rule_count = 1;
    }
    fixture->defrag = defrag_new(&settings, &error);
    assert_non_null(fixture->defrag);
    defrag_attach(fixture->defrag, &fixture->decoder);
}

/* One IPv4 fragment of `data` at `offset` bytes; returns the packet's payload when it completes one. */
static struct bytes give(struct fixture *fixture, uint16_t id, uint16_t offset, bool more, struct bytes data,
                         uint8_t *event_count)
{
    static const uint8_t header[20] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 253, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
    struct packet packet = { .time = fixture->time,
                             .src = address_v4(header + 12),
                             .dst = address_v4(header + 16),
                             .protocol = 253,
                             .payload = data };
    packet.ip_record = (struct ip_header){ .version = 4,
                                           .protocol = 253,
                                           .fragment_id = id,
                                           .fragment_offset = offset,
                                           .fragment_more = more,
                                           .is_fragment = true,
                                           .header = bytes_of(header, sizeof header) };
    packet.ip = &packet.ip_record;
    struct bytes whole = defragment(fixture->defrag, &packet);
    if (event_count)
        *event_count = packet.event_count;
    if (!whole.data)
        return whole;
    assert_int_equal(whole.data[0], 0x45);
    assert_int_equal(whole.data[2] << 8 | whole.data[3], whole.size);
    assert_int_equal(whole.data[6] << 8 | whole.data[7], 0);
    return bytes_from(whole, 20);
}

static void every_order_of_fragments_gives_the_whole(void **state)
{
    (void)state;
    static const uint8_t orders[][4] = {
        { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 }, { 3, 0, 1, 2 }
    };
    static const char text[] = "aaaaaaaabbbbbbbbccccccccddd";
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct fixture fixture;
        start(&fixture, NULL, NULL);
        for (size_t k = 0; k < 4; k++) {
            uint16_t part = orders[i][k];
            struct bytes data = bytes_of(text + part * 8, part == 3 ? 3 : 8);
            struct bytes whole = give(&fixture, 7, (uint16_t)(part * 8), part != 3, data, NULL);
            assert_int_equal(whole.data != NULL, k == 3);
            if (k == 3)
                assert_true(bytes_is(whole, text));
        }
        defrag_free(fixture.defrag);
    }
}

/* Novak's six overlapping fragments, in 8-byte units: what each policy makes of them. */
static void overlaps_follow_the_policy(void **state)
{
    (void)state;
    static const struct {
        uint16_t offset, units;
        bool more;
        char letter;
    } fragments[] = { { 0, 3, true, '1' }, { 4, 2, true, '2' }, { 6, 3, true, '3' },
                      { 1, 4, true, '4' }, { 6, 3, true, '5' }, { 9, 3, false, '6' } };
    static const struct {
        const char *policy, *units;
    } cases[] = {
        { "bsd", "111442333666" },     { "bsd-right", "144422555666" }, { "linux", "111442555666" },
        { "first", "111422333666" },   { "last", "144442555666" },      { "windows", "111422333666" },
        { "solaris", "111422333666" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;
        struct bytes whole = BYTES_NONE;
        start(&fixture, cases[i].policy, NULL);
        for (size_t k = 0; k < COUNT_OF(fragments); k++) {
            uint8_t data[64];
            memset(data, fragments[k].letter, sizeof data);
            whole = give(&fixture, 9, (uint16_t)(fragments[k].offset * 8), fragments[k].more,
                         bytes_of(data, fragments[k].units * 8U), NULL);
        }
        assert_int_equal(whole.size, 96);
        char units[13] = "";
        for (size_t k = 0; k < 12; k++)
            units[k] = (char)whole.data[k * 8];
        if (strcmp(units, cases[i].units) != 0)
            fail_msg("%s: %s, not %s", cases[i].policy, units, cases[i].units);
        defrag_free(fixture.defrag);
    }
}

static void overlaps_and_oversize_are_events(void **state)
{
    (void)state;
    static const uint8_t data[4096];
    struct fixture fixture;
    uint8_t events;
    start(&fixture, NULL, NULL);
    give(&fixture, 1, 0, true, bytes_of(data, 16), &events);
    assert_int_equal(events, 0);
    give(&fixture, 1, 8, true, bytes_of(data, 16), &events);
    assert_int_equal(events, 1);
    give(&fixture, 2, 65528, false, bytes_of(data, 4096), &events);
    assert_int_equal(events, 1);
    defrag_free(fixture.defrag);
}

static void old_and_too_many_packets_are_given_up(void **state)
{
    (void)state;
    static const uint8_t data[2000];
    struct fixture fixture;
    start(&fixture, NULL,
          &(struct defrag_settings){ .tracker_max = 16, .memory_max = 1 << 20, .fragment_max = 64 });
    for (uint16_t id = 0; id < 5000; id++) {
        fixture.time += NS_PER_MS;
        assert_null(give(&fixture, id, 8, true, bytes_of(data, 1600), NULL).data);
    }
    assert_true(defrag_counts(fixture.defrag)[DEFRAG_TRACKERS_HARD] >= 4900);
    assert_true(defrag_counts(fixture.defrag)[DEFRAG_MEMUSE] <= 1 << 20);
    fixture.time += 100 * NS_PER_S;
    give(&fixture, 6000, 8, true, bytes_of(data, 8), NULL);
    assert_int_equal(defrag_counts(fixture.defrag)[DEFRAG_MEMUSE], 2048);
    assert_int_equal(defrag_counts(fixture.defrag)[DEFRAG_IPV4_TIMEOUTS], 16);
    defrag_free(fixture.defrag);
}

static void a_flood_of_fragments_of_one_packet_is_bounded(void **state)
{
    (void)state;
    static const uint8_t data[8];
    struct fixture fixture;
    start(&fixture, NULL, NULL);
    for (unsigned i = 0; i < 20000; i++)
        assert_null(give(&fixture, 1, (uint16_t)(8 + i % 100 * 8), true, bytes_of(data, 8), NULL).data);
    assert_true(defrag_counts(fixture.defrag)[DEFRAG_MEMUSE] <= 1024 * 2048);
    defrag_free(fixture.defrag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_fragments_gives_the_whole),
        cmocka_unit_test(overlaps_follow_the_policy),
        cmocka_unit_test(overlaps_and_oversize_are_events),
        cmocka_unit_test(old_and_too_many_packets_are_given_up),
        cmocka_unit_test(a_flood_of_fragments_of_one_packet_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
