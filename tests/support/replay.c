/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a capture through the protocol layer alone and prints each transaction as a line of JSON.
 *
 * For working on parsers without the rest of the sensor: plain Ethernet, Linux cooked or raw frames,
 * no fragments, segments put in order by sequence number with the first copy kept.
 * usage: replay CAPTURE */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/file.h"
#include "proto/session.h"

struct side {
    uint8_t *data;
    size_t size, capacity;
    uint32_t next;
    bool started, finished;
    struct {
        uint32_t sequence;
        uint8_t *data;
        size_t size;
    } early[256];
    size_t early_count;
};

struct connection {
    struct connection *next;
    struct address ends[2]; /* client, server */
    uint16_t ports[2];
    uint8_t transport;
    struct session *session;
    struct side sides[DIRECTIONS];
};

struct replay {
    struct connection *connections;
    struct session_settings settings;
    uint64_t packet;
    struct text line;
};

static const char *const file_states[] = { "OPEN", "CLOSED", "TRUNCATED", "ERROR" };

static void print_files(struct replay *replay, const struct tx *tx)
{
    for (struct file *file = tx->files; file; file = file->next) {
        if (file->logged || file->state == FILE_OPEN)
            continue;
        file->logged = true;
        struct text *out = &replay->line;
        text_clear(out);
        json_open(out, NULL, '{');
        json_uint(out, "pcap_cnt", replay->packet);
        json_cstring(out, "event_type", "fileinfo");
        json_open(out, "fileinfo", '{');
        json_string(out, "filename", file->name);
        json_cstring(out, "state", file_states[file->state]);
        json_uint(out, "size", file->size);
        if (file->has_md5)
            json_hex(out, "md5", bytes_of(file->md5, 16));
        json_close(out, '}');
        json_close(out, '}');
        json_end(out);
        puts(out->data);
    }
}

static void print_event(struct replay *replay, const char *app, const char *event, int64_t tx_id)
{
    printf("{\"pcap_cnt\":%" PRIu64 ",\"event_type\":\"anomaly\",\"tx_id\":%" PRId64
           ",\"anomaly\":{\"app_proto\":\"%s\",\"event\":\"%s\"}}\n",
           replay->packet, tx_id, app, event);
}

static void print_tx(struct replay *replay, struct connection *c, struct tx *tx)
{
    const struct protocol *protocol = tx->protocol;
    struct text *out = &replay->line;
    for (; tx->events_logged < tx->event_count; tx->events_logged++)
        print_event(replay, protocol->name, protocol->events[tx->events[tx->events_logged]],
                    (int64_t)tx->number);
    print_files(replay, tx);
    tx->inspected[TO_SERVER] = tx_complete(c->session, tx, TO_SERVER);
    tx->inspected[TO_CLIENT] = tx_complete(c->session, tx, TO_CLIENT);
    uint8_t wanted[DIRECTIONS];
    for (int d = 0; d < DIRECTIONS; d++)
        wanted[d] = protocol->log_progress[d] ? protocol->log_progress[d]
                                              : protocol_complete(protocol, (enum direction)d);
    if (tx->logged || tx_progress(c->session, tx, TO_SERVER) < wanted[TO_SERVER] ||
        tx_progress(c->session, tx, TO_CLIENT) < wanted[TO_CLIENT])
        return;
    tx->logged = true;
    if (!protocol->eve_type || (protocol->loggable && !protocol->loggable(tx)))
        return;
    text_clear(out);
    json_open(out, NULL, '{');
    json_uint(out, "pcap_cnt", replay->packet);
    json_cstring(out, "event_type", protocol->eve_type);
    json_uint(out, "tx_id", tx->number);
    json_open(out, protocol->eve_key ? protocol->eve_key : protocol->eve_type, '{');
    if (protocol->write)
        protocol->write(tx, true, out);
    else
        json_fields(out, protocol->fields, protocol->field_count, tx->record);
    json_close(out, '}');
    if (protocol->write_beside)
        protocol->write_beside(tx, true, out);
    json_close(out, '}');
    json_end(out);
    puts(out->data);
}

static void print_new(struct replay *replay, struct connection *c)
{
    for (struct tx *tx = c->session->txs; tx; tx = tx->next)
        print_tx(replay, c, tx);
    for (; c->session->events_logged < c->session->event_count; c->session->events_logged++)
        print_event(replay, c->session->protocol ? c->session->protocol->name : "",
                    session_event_names[c->session->events[c->session->events_logged]], -1);
    session_sweep(c->session);
}

static struct connection *find(struct replay *replay, uint8_t transport, const struct address ends[2],
                               const uint16_t ports[2], bool answer, enum direction *direction)
{
    for (struct connection *c = replay->connections; c; c = c->next) {
        if (c->transport != transport)
            continue;
        for (int d = 0; d < 2; d++)
            if (address_equal(&c->ends[d], &ends[0]) && address_equal(&c->ends[!d], &ends[1]) &&
                c->ports[d] == ports[0] && c->ports[!d] == ports[1]) {
                *direction = (enum direction)d;
                return c;
            }
    }
    struct connection *c = calloc(1, sizeof *c);
    int client = answer ? 1 : 0;
    c->ends[0] = ends[client];
    c->ends[1] = ends[!client];
    c->ports[0] = ports[client];
    c->ports[1] = ports[!client];
    c->transport = transport;
    c->session = session_new(&replay->settings, transport, c->ports[0], c->ports[1]);
    c->next = replay->connections;
    replay->connections = c;
    *direction = answer ? TO_CLIENT : TO_SERVER;
    return c;
}

static void grow(struct side *side, const uint8_t *data, size_t size)
{
    if (side->capacity < side->size + size) {
        side->capacity = (side->size + size) * 2;
        side->data = realloc(side->data, side->capacity);
    }
    memcpy(side->data + side->size, data, size);
    side->size += size;
    side->next += (uint32_t)size;
}

static void take_early(struct side *side)
{
    for (size_t i = 0; i < side->early_count; i++) {
        uint32_t behind = side->next - side->early[i].sequence;
        if ((int32_t)behind < 0)
            continue;
        if (behind < side->early[i].size)
            grow(side, side->early[i].data + behind, side->early[i].size - behind);
        free(side->early[i].data);
        side->early[i] = side->early[--side->early_count];
        i = (size_t)-1;
    }
}

static void feed(struct replay *replay, struct connection *c, enum direction direction, unsigned flags)
{
    struct side *side = &c->sides[direction];
    uint64_t before = c->session->offset[direction];
    session_stream(c->session, direction, bytes_of(side->data ? side->data : (const uint8_t *)"", side->size),
                   flags);
    if (c->session->reversed) {
        c->session->reversed = false;
        struct side keep = c->sides[0];
        c->sides[0] = c->sides[1];
        c->sides[1] = keep;
        struct address end = c->ends[0];
        c->ends[0] = c->ends[1];
        c->ends[1] = end;
        uint16_t port = c->ports[0];
        c->ports[0] = c->ports[1];
        c->ports[1] = port;
        direction = !direction;
        side = &c->sides[direction];
    }
    size_t taken = (size_t)(c->session->offset[direction] - before);
    memmove(side->data ? side->data : (uint8_t *)c, side->data ? side->data + taken : (uint8_t *)c,
            side->data ? side->size - taken : 0);
    side->size -= side->data ? taken : 0;
    print_new(replay, c);
}

static void segment(struct replay *replay, struct connection *c, enum direction direction, uint32_t sequence,
                    uint8_t flags, struct bytes data)
{
    struct side *side = &c->sides[direction];
    if ((flags & 2) || !side->started) {
        if (side->started)
            return;
        side->started = true;
        side->next = sequence + ((flags & 2) ? 1 : 0);
        sequence = side->next;
    }
    uint32_t behind = side->next - sequence;
    if ((int32_t)behind < 0 && data.size) {
        if (side->early_count < COUNT_OF(side->early)) {
            uint8_t *copy = malloc(data.size);
            memcpy(copy, data.data, data.size);
            side->early[side->early_count].sequence = sequence;
            side->early[side->early_count].data = copy;
            side->early[side->early_count++].size = data.size;
        }
        return;
    }
    if (behind < data.size) {
        grow(side, data.data + behind, data.size - behind);
        take_early(side);
        feed(replay, c, direction, 0);
    }
    if ((flags & 5) && !side->finished) {
        side->finished = true;
        feed(replay, c, direction, FEED_END);
    }
}

static void transport(struct replay *replay, uint8_t protocol, const struct address ends[2], struct reader in)
{
    uint16_t ports[2] = { reader_be16(&in), 0 };
    enum direction direction;
    ports[1] = reader_be16(&in);
    if (protocol == 17) {
        uint16_t size = reader_be16(&in);
        reader_skip(&in, 2);
        struct bytes data = bytes_first(reader_peek(&in), size > 8 ? size - 8U : 0);
        if (!reader_ok(&in) || !data.size)
            return;
        struct connection *c = find(replay, TRANSPORT_UDP, ends, ports, false, &direction);
        c->session->packet_number = replay->packet;
        session_datagram(c->session, direction, data);
        c->session->reversed = false;
        print_new(replay, c);
        return;
    }
    uint32_t sequence = reader_be32(&in);
    reader_skip(&in, 4);
    uint8_t header = reader_u8(&in) >> 4, flags = reader_u8(&in);
    reader_skip(&in, 6 + (header > 5 ? (header - 5U) * 4 : 0));
    if (!reader_ok(&in))
        return;
    struct connection *c = find(replay, TRANSPORT_TCP, ends, ports, (flags & 0x12) == 0x12, &direction);
    c->session->packet_number = replay->packet;
    segment(replay, c, direction, sequence, flags, reader_peek(&in));
}

static void network(struct replay *replay, struct reader in)
{
    struct bytes all = reader_peek(&in);
    struct address ends[2];
    if (all.size >= 20 && all.data[0] >> 4 == 4) {
        uint16_t total = (uint16_t)(all.data[2] << 8 | all.data[3]);
        struct reader packet = reader_of_bytes(bytes_first(all, total ? total : all.size));
        size_t header = (all.data[0] & 15U) * 4;
        ends[0] = address_v4(all.data + 12);
        ends[1] = address_v4(all.data + 16);
        reader_skip(&packet, header);
        if (all.data[9] == 6 || all.data[9] == 17)
            transport(replay, all.data[9], ends, packet);
    } else if (all.size >= 40 && all.data[0] >> 4 == 6) {
        size_t total = (size_t)(all.data[4] << 8 | all.data[5]);
        ends[0] = address_v6(all.data + 8);
        ends[1] = address_v6(all.data + 24);
        reader_skip(&in, 40);
        if (all.data[6] == 6 || all.data[6] == 17)
            transport(replay, all.data[6], ends, reader_of_bytes(bytes_first(reader_peek(&in), total)));
    }
}

static void frame(struct replay *replay, int link, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    if (link == DLT_EN10MB || link == DLT_LINUX_SLL) {
        reader_skip(&in, link == DLT_EN10MB ? 12 : 14);
        uint16_t type = reader_be16(&in);
        while (type == 0x8100 || type == 0x88a8) {
            reader_skip(&in, 2);
            type = reader_be16(&in);
        }
    } else if (link == DLT_NULL) {
        reader_skip(&in, 4);
    }
    network(replay, in);
}

int main(int argc, char **argv)
{
    char message[PCAP_ERRBUF_SIZE];
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], message) : NULL;
    if (!capture) {
        fprintf(stderr, "usage: replay CAPTURE\n%s\n", argc == 2 ? message : "");
        return 2;
    }
    struct file_settings files = { .md5 = true };
    struct replay replay = { .settings = { .files = &files }, .line = text_new(1U << 24) };
    struct pcap_pkthdr *header;
    const u_char *bytes;
    while (pcap_next_ex(capture, &header, &bytes) == 1) {
        replay.packet++;
        frame(&replay, pcap_datalink(capture), bytes_of(bytes, header->caplen));
    }
    while (replay.connections) {
        struct connection *c = replay.connections;
        replay.connections = c->next;
        for (int d = 0; d < DIRECTIONS; d++)
            if (c->transport == TRANSPORT_TCP && !c->sides[d].finished)
                feed(&replay, c, (enum direction)d, FEED_END);
        session_end(c->session);
        print_new(&replay, c);
        session_free(c->session);
        for (int d = 0; d < DIRECTIONS; d++) {
            for (size_t i = 0; i < c->sides[d].early_count; i++)
                free(c->sides[d].early[i].data);
            free(c->sides[d].data);
        }
        free(c);
    }
    text_done(&replay.line);
    pcap_close(capture);
    return 0;
}
