/* SPDX-License-Identifier: Apache-2.0 */
/* Frames through decoding, defragmentation, the flow table and reassembly: a byte of link type and options,
 * then for each frame its size in two octets and its bytes. */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/reader.h"
#include "flow/defrag.h"
#include "flow/flow_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all that a stream offers, as a worker does. */
static void consume(struct stream *stream)
{
    volatile uint8_t touched = 0;
    for (uint64_t at = stream_start(stream);;) {
        struct bytes ready = stream_ready(stream, at);
        assert(ready.size <= stream_held(stream, at).size);
        for (size_t i = 0; i < ready.size; i++)
            touched ^= ready.data[i];
        uint64_t gap = stream_gap(stream, at + ready.size);
        if (!ready.size && !gap)
            break;
        at += ready.size + gap;
        stream_release(stream, at);
        assert(stream_start(stream) == at);
    }
    (void)touched;
}

static void flow_ended(void *context, struct flow *flow)
{
    tcp_finish(context, flow);
    if (flow->tcp)
        for (size_t i = 0; i < DIRECTIONS; i++)
            consume(flow->tcp->streams[i]);
}

static void handle(struct flow_table *table, struct tcp_tracker *tracker, const struct packet *packet,
                   bool read)
{
    enum direction direction;
    bool fresh;
    struct flow *flow = flow_find(table, packet, &direction, &fresh);
    if (!flow)
        return;
    if (packet->tcp && flow->protocol == IP_TCP) {
        struct tcp_result result;
        tcp_track(tracker, flow, packet, &direction, &result);
        if (flow->tcp && read)
            for (size_t i = 0; i < DIRECTIONS; i++)
                consume(flow->tcp->streams[i]);
    }
    flow_count(table, flow, packet, direction);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t links[] = { LINK_ETHERNET, LINK_RAW, LINK_NULL,       LINK_SLL,
                                      LINK_SLL2,     LINK_PPP, LINK_CISCO_HDLC, LINK_PPP_ETHER };
    struct reader r = reader_of(data, size);
    uint8_t choice = reader_u8(&r);
    struct error error;
    struct tcp_settings settings = { .memory_max = 1 << 24,
                                     .session_max = 64,
                                     .depth = 4096,
                                     .stream_max = 65536,
                                     .inline_mode = choice & 8,
                                     .midstream = choice & 16,
                                     .async_oneside = choice & 32,
                                     .no_checksum_check = true };
    struct defrag_settings limits = { .memory_max = 1 << 24, .tracker_max = 16, .fragment_max = 256 };
    struct tcp_tracker *tracker = tcp_tracker_new(&settings, &error);
    struct defrag *defrag = defrag_new(&limits, &error);
    struct flow_settings flows = { .flow_max = 32, .ended = flow_ended, .context = tracker, .tcp = tracker };
    struct flow_table *table = tracker ? flow_table_new(&flows, &error) : NULL;
    struct decoder *decoder = malloc(sizeof *decoder);
    if (tracker && defrag && table && decoder) {
        decoder_init(decoder, &(struct decode_settings){ .checksums = CHECKSUM_ALL });
        defrag_attach(defrag, decoder);
        decoder->defragment = defragment;
        decoder->defragment_context = defrag;
        struct packet packet = { 0 };
        for (uint64_t number = 1; !reader_empty(&r); number++) {
            size_t wanted = reader_be16(&r);
            struct bytes frame = reader_bytes(&r, MIN(wanted, reader_left(&r)));
            packet.time = number * (choice & 64 ? 7 * NS_PER_S : NS_PER_MS);
            packet.number = number;
            packet.frame = frame;
            packet.wire_size = (uint32_t)frame.size;
            packet.link_type = links[choice & 7];
            size_t count = decode(decoder, &packet);
            for (size_t i = 0; i < count; i++)
                handle(table, tracker, decoder->packets[i], !(choice & 128));
        }
        flow_end_all(table, FLOW_END_SHUTDOWN);
        assert(tcp_counts(tracker)[TCP_COUNT_REASSEMBLY_MEMUSE] == 0);
        assert(tcp_counts(tracker)[TCP_COUNT_ACTIVE] == 0);
    }
    free(decoder);
    flow_table_free(table);
    tcp_tracker_free(tracker);
    defrag_free(defrag);
    return 0;
}
