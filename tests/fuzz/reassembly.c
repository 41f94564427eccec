/* SPDX-License-Identifier: Apache-2.0 */
/* Segments in any order, overlapping, repeated and beyond windows: a byte of options, a byte of the host's
 * policy, then operations of five bytes: what, offset (two), size, more. What a stream offers must be the
 * text that was sent, unless segments lie about it. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/reader.h"
#include "flow/flow_table.h"

#define TEXT_SIZE    65536U
#define CLIENT_FIRST 0xffffff00U /* so that the numbers wrap */
#define SERVER_FIRST 0x7ffffff0U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wire {
    struct tcp_tracker *tracker;
    struct flow_table *table;
    struct flow *flow;
    uint64_t time;
    bool honest; /* all segments agree about the bytes */
    uint8_t text[DIRECTIONS][TEXT_SIZE], lie[TEXT_SIZE];
};

static void flow_ended(void *context, struct flow *flow)
{
    const struct wire *wire = context;
    tcp_finish(wire->tracker, flow);
}

static void consume(const struct wire *wire, enum direction direction, struct stream *stream)
{
    for (uint64_t at = stream_start(stream);;) {
        struct bytes ready = stream_ready(stream, at);
        assert(ready.size <= stream_held(stream, at).size);
        if (wire->honest)
            for (size_t i = 0; i < ready.size; i++)
                assert(ready.data[i] == wire->text[direction][(at + i) % TEXT_SIZE]);
        uint64_t gap = stream_gap(stream, at + ready.size);
        if (!ready.size && !gap)
            break;
        at += ready.size + gap;
        stream_release(stream, at);
        assert(stream_start(stream) == at);
    }
}

static void put(struct wire *wire, enum direction to, uint8_t flags, uint32_t sequence, uint32_t ack,
                struct bytes payload, uint8_t options)
{
    static const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 10, 0, 0, 2 };
    struct packet packet = { .time = wire->time += NS_PER_MS, .protocol = IP_TCP, .payload = payload };
    bool up = to == TO_SERVER;
    packet.src = address_v4(up ? client : server);
    packet.dst = address_v4(up ? server : client);
    packet.ip_record = (struct ip_header){ .version = 4, .ttl = 64, .checksum_ok = true };
    packet.ip = &packet.ip_record;
    packet.frame = payload;
    packet.tcp_record = (struct tcp_header){ .src_port = up ? 40000 : 80,
                                             .dst_port = up ? 80 : 40000,
                                             .sequence = sequence,
                                             .acknowledgment = ack,
                                             .flags = flags,
                                             .urgent = flags & TCP_URG ? options : 0,
                                             .has_timestamp = options & 64,
                                             .timestamp = options,
                                             .has_wscale = flags & TCP_SYN,
                                             .wscale = 4,
                                             .window = 60000,
                                             .checksum_ok = true };
    packet.src_port = packet.tcp_record.src_port;
    packet.dst_port = packet.tcp_record.dst_port;
    packet.tcp = &packet.tcp_record;
    enum direction direction;
    bool fresh;
    struct tcp_result result;
    wire->flow = flow_find(wire->table, &packet, &direction, &fresh);
    if (!wire->flow)
        return;
    tcp_track(wire->tracker, wire->flow, &packet, &direction, &result);
    flow_count(wire->table, wire->flow, &packet, direction);
}

/* One operation. Bits of `what`: 0 towards the client, 1 with data, 2 FIN, 3 RST, 4 URG, 5 the acknowledgment
 * follows, 6 the bytes lie, 7 the stream is read. */
static void operate(struct wire *wire, struct reader *in)
{
    uint8_t what = reader_u8(in);
    uint32_t offset = reader_be16(in);
    uint8_t length = reader_u8(in), more = reader_u8(in);
    enum direction to = what & 1 ? TO_CLIENT : TO_SERVER;
    uint32_t mine = to == TO_SERVER ? CLIENT_FIRST + 1 : SERVER_FIRST + 1;
    uint32_t theirs = to == TO_SERVER ? SERVER_FIRST + 1 : CLIENT_FIRST + 1;
    struct bytes payload = BYTES_NONE;
    if (what & 2) {
        size_t size = MIN((size_t)length * (more & 128 ? 6 : 1), (size_t)(TEXT_SIZE - offset));
        payload = bytes_of((what & 64 ? wire->lie : wire->text[to]) + offset, size);
        wire->honest &= !(what & 64);
    }
    uint8_t flags = TCP_ACK;
    flags |= what & 4 ? TCP_FIN : 0;
    flags |= what & 8 ? TCP_RST : 0;
    flags |= what & 16 ? TCP_URG : 0;
    uint32_t ack = theirs + (what & 32 ? offset + more : more * 8U);
    wire->honest &= !(flags & TCP_URG); /* urgent bytes can leave the stream, and what follows moves */
    put(wire, to, flags, mine + offset, ack, payload, more);
    if (wire->flow && wire->flow->tcp && what & 128)
        for (size_t i = 0; i < DIRECTIONS; i++)
            consume(wire, (enum direction)i, wire->flow->tcp->streams[i]);
}

static void write_texts(struct wire *wire)
{
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        wire->text[TO_SERVER][i] = (uint8_t)(i * 7 + (i >> 8) * 3);
        wire->text[TO_CLIENT][i] = (uint8_t)(i * 11 + (i >> 8) * 5 + 1);
        wire->lie[i] = (uint8_t)(i * 13 + 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire wire;
    struct reader in = reader_of(data, size);
    uint8_t choice = reader_u8(&in), policy = reader_u8(&in);
    struct os_rule rule = { .policy = policy % OS_POLICY_COUNT };
    struct tcp_settings settings = { .memory_max = choice & 1 ? 4096 : 1 << 24,
                                     .session_max = 4,
                                     .depth = choice & 2 ? 1000 : 0,
                                     .stream_max = choice & 4 ? 4096 : 0,
                                     .inline_mode = choice & 8,
                                     .midstream = choice & 16,
                                     .async_oneside = choice & 32,
                                     .urgent = choice >> 6,
                                     .os_rules = &rule,
                                     .os_rule_count = 1 };
    rule.network.address.version = 4;
    struct error error;
    wire.tracker = tcp_tracker_new(&settings, &error);
    wire.honest = true;
    wire.time = 1000 * NS_PER_S;
    wire.flow = NULL;
    if (!wire.lie[0])
        write_texts(&wire);
    struct flow_settings flows = {
        .flow_max = 8, .ended = flow_ended, .context = &wire, .tcp = wire.tracker
    };
    wire.table = wire.tracker ? flow_table_new(&flows, &error) : NULL;
    if (wire.table) {
        if (!(choice & 16)) {
            put(&wire, TO_SERVER, TCP_SYN, CLIENT_FIRST, 0, BYTES_NONE, 0);
            put(&wire, TO_CLIENT, TCP_SYN | TCP_ACK, SERVER_FIRST, CLIENT_FIRST + 1, BYTES_NONE, 0);
            put(&wire, TO_SERVER, TCP_ACK, CLIENT_FIRST + 1, SERVER_FIRST + 1, BYTES_NONE, 0);
        } else
            wire.honest = false; /* offsets count from wherever it was picked up */
        while (reader_left(&in) >= 5)
            operate(&wire, &in);
        flow_end_all(wire.table, FLOW_END_SHUTDOWN);
        assert(tcp_counts(wire.tracker)[TCP_COUNT_REASSEMBLY_MEMUSE] == 0);
        assert(tcp_counts(wire.tracker)[TCP_COUNT_ACTIVE] == 0);
    }
    flow_table_free(wire.table);
    tcp_tracker_free(wire.tracker);
    return 0;
}
