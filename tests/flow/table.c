/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table grows, finds its flows from both sides, and ends first what came first. */
#include "../support/support.h"

#include "base/clock.h"
#include "flow/flow_table.h"
#include "packet/decode.h"

#define START (1700000000ULL * NS_PER_S)

/* A datagram of client `number`, or the answer to it. */
struct datagram {
    struct packet packet;
    struct ip_header ip;
    struct udp_header udp;
};

static void make(struct datagram *d, uint32_t number, bool answer, uint64_t time)
{
    *d = (struct datagram){ .ip = { .version = 4, .protocol = IP_UDP } };
    struct address client = {
        .version = 4, .octets = { 10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number }
    };
    struct address server = { .version = 4, .octets = { 192, 0, 2, 53 } };
    d->packet.time = time;
    d->packet.ip = &d->ip;
    d->packet.udp = &d->udp;
    d->packet.protocol = IP_UDP;
    d->packet.src = answer ? server : client;
    d->packet.dst = answer ? client : server;
    d->packet.src_port = answer ? 53 : 40000;
    d->packet.dst_port = answer ? 40000 : 53;
}

struct ends {
    uint32_t order[4096]; /* numbers of the clients whose flows ended */
    size_t count;
};

static void ended(void *context, struct flow *flow)
{
    struct ends *ends = context;
    const uint8_t *octets = flow->client.octets;
    if (ends->count < COUNT_OF(ends->order))
        ends->order[ends->count++] = (uint32_t)(octets[1] << 16 | octets[2] << 8 | octets[3]);
}

static struct flow_table *table_of(size_t flow_max, struct ends *ends)
{
    struct error error;
    struct flow_settings settings = { .flow_max = flow_max, .seed = 7, .ended = ended, .context = ends };
    struct flow_table *table = flow_table_new(&settings, &error);
    assert_non_null(table);
    return table;
}

static struct flow *find(struct flow_table *table, uint32_t number, bool answer, uint64_t time, bool *fresh)
{
    struct datagram d;
    enum direction direction;
    make(&d, number, answer, time);
    struct flow *flow = flow_find(table, &d.packet, &direction, fresh);
    assert_non_null(flow);
    assert_int_equal(direction, answer ? TO_CLIENT : TO_SERVER);
    return flow;
}

#define MANY 100000U /* more than the table begins with */

static void a_table_that_grows_finds_all_its_flows(void **state)
{
    (void)state;
    static struct ends ends;
    struct flow_table *table = table_of(2 * MANY, &ends);
    bool fresh;
    for (uint32_t i = 0; i < MANY; i++) {
        find(table, i, false, START + i, &fresh);
        assert_true(fresh);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        const struct flow *flow = find(table, i, true, START + MANY + i, &fresh);
        assert_false(fresh);
        assert_int_equal(flow->client.octets[3], i & 0xff);
    }
    size_t position = 0, walked = 0;
    while (flow_each(table, &position))
        walked++;
    assert_int_equal(walked, MANY);
    flow_end_all(table, FLOW_END_SHUTDOWN);
    position = 0;
    assert_null(flow_each(table, &position));
    for (uint32_t i = 0; i < 4096; i++)
        assert_int_equal(ends.order[i], i); /* oldest first */
    flow_table_free(table);
}

static void what_came_first_makes_room(void **state)
{
    (void)state;
    static struct ends ends;
    ends.count = 0;
    struct flow_table *table = table_of(64, &ends);
    bool fresh;
    for (uint32_t i = 0; i < 1000; i++)
        find(table, i, false, START + (uint64_t)i * 1000, &fresh);
    assert_int_equal(ends.count, 1000 - 64);
    for (uint32_t i = 0; i < ends.count; i++)
        assert_int_equal(ends.order[i], i);
    size_t position = 0, walked = 0;
    for (const struct flow *flow; (flow = flow_each(table, &position)); walked++)
        assert_true((flow->client.octets[2] << 8 | flow->client.octets[3]) >= 1000 - 64);
    assert_int_equal(walked, 64);
    flow_table_free(table);
}

static void flows_time_out_in_the_order_they_came(void **state)
{
    (void)state;
    static struct ends ends;
    ends.count = 0;
    struct flow_table *table = table_of(4096, &ends);
    bool fresh;
    for (uint32_t i = 0; i < 500; i++)
        find(table, i, false, START + (uint64_t)i * NS_PER_S / 100, &fresh);
    flow_expire(table, START + 600 * NS_PER_S);
    assert_int_equal(ends.count, 500);
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(ends.order[i], i);
    find(table, 3, false, START + 601 * NS_PER_S, &fresh);
    assert_true(fresh);
    flow_table_free(table);
}

static const uint8_t plain_frame[] = {
    2,    0,    0, 0,  0, 1,  2, 0, 0,   0,   0, 2, 8,  0,                      /* Ethernet, IPv4 */
    0x45, 0,    0, 30, 0, 1,  0, 0, 64,  17,  0, 0, 10, 0, 0, 9, 192, 0, 2, 53, /* UDP */
    0x9c, 0x40, 0, 53, 0, 10, 0, 0, 'h', 'i',
};

static void a_frame_that_comes_is_known_by_its_hash(void **state)
{
    (void)state;
    static struct ends ends;
    struct flow_table *table = table_of(64, &ends);
    bool fresh;
    const struct flow *flow = find(table, 9, false, START, &fresh);
    assert_int_equal(flow_expect(table, LINK_ETHERNET, bytes_of(plain_frame, sizeof plain_frame)),
                     flow->hash);
    flow_expect_soon(table, flow->hash);
    flow_expect_soon(table, flow->hash + 1);
    uint8_t other[sizeof plain_frame];
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = { { 12, 0x86 }, { 14, 0x46 }, { 20, 0x20 }, { 21, 1 }, { 23, 47 } };
    for (size_t i = 0; i < COUNT_OF(changes); i++) { /* not IPv4, options, fragments, not UDP */
        memcpy(other, plain_frame, sizeof other);
        other[changes[i].at] = changes[i].value;
        assert_int_equal(flow_expect(table, LINK_ETHERNET, bytes_of(other, sizeof other)), 0);
    }
    assert_int_equal(flow_expect(table, LINK_RAW, bytes_of(plain_frame, sizeof plain_frame)), 0);
    for (size_t size = 0; size < sizeof plain_frame; size++) {
        uint8_t *copy = guarded_copy(plain_frame, size);
        assert_int_equal(flow_expect(table, LINK_ETHERNET, bytes_of(copy, size)), size < 38 ? 0 : flow->hash);
        guarded_free(copy, size);
    }
    flow_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_grows_finds_all_its_flows),
        cmocka_unit_test(what_came_first_makes_room),
        cmocka_unit_test(flows_time_out_in_the_order_they_came),
        cmocka_unit_test(a_frame_that_comes_is_known_by_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
