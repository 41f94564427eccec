/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

static void flow_ended(void *context, struct flow *flow)
{
    struct bench *bench = context;
    bench->ended++;
    bench->end_reason = flow->end_reason;
}

void start(struct bench *bench, const struct tcp_settings *settings, size_t flow_max)
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

void stop(struct bench *bench)
{
    flow_end_all(bench->table, FLOW_END_SHUTDOWN);
    assert_int_equal(tcp_counts(bench->tracker)[TCP_COUNT_REASSEMBLY_MEMUSE], 0);
    assert_int_equal(tcp_counts(bench->tracker)[TCP_COUNT_ACTIVE], 0);
    flow_table_free(bench->table);
    tcp_tracker_free(bench->tracker);
}

struct stream *send_to(struct bench *bench, enum direction to, uint8_t flags, uint32_t sequence, uint32_t ack,
                       struct bytes payload)
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

void handshake(struct bench *bench)
{
    send_to(bench, TO_SERVER, TCP_SYN, C0, 0, BYTES_NONE);
    send_to(bench, TO_CLIENT, TCP_SYN | TCP_ACK, S0, C0 + 1, BYTES_NONE);
    send_to(bench, TO_SERVER, TCP_ACK, C0 + 1, S0 + 1, BYTES_NONE);
    assert_int_equal(bench->flow->tcp->state, TCP_ESTABLISHED);
    assert_int_equal(bench->flow->state, FLOW_ESTABLISHED);
}

void data(struct bench *bench, uint32_t offset, const char *text)
{
    send_to(bench, TO_SERVER, TCP_ACK | TCP_PSH, C0 + 1 + offset, S0 + 1, bytes_of_string(text));
}

void acknowledge(struct bench *bench, uint32_t offset)
{
    send_to(bench, TO_CLIENT, TCP_ACK, S0 + 1, C0 + 1 + offset, BYTES_NONE);
}

bool has_event(const struct bench *bench, enum stream_event event)
{
    for (size_t i = 0; i < bench->result.event_count; i++)
        if (bench->result.events[i] == event)
            return true;
    return false;
}
