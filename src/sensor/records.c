/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions, files, anomalies, ARP and statistics as EVE events; see recorder.h. */
#include "sensor/recorder.h"

#include <stdio.h>

#include "base/clock.h"

/* The members that every event of a flow begins with. */
static void open_event(struct recorder *recorder, const struct scene *scene, const struct eve_settings *eve,
                       const struct eve_header *header, struct text *out)
{
    eve_open(&recorder->stamp, header, out);
    if (eve->metadata)
        recorder_metadata(recorder, scene->flow, NULL, out);
}

void record_tx(struct recorder *recorder, const struct scene *scene, const struct tx *tx)
{
    const struct protocol *protocol = tx->protocol;
    size_t index = protocol->id;
    if (!protocol->eve_type || (protocol->loggable && !protocol->loggable(tx)))
        return;
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->protocol[index] || !recorder_wants(eve, tx))
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        bool own = !scene->session ||
                   !scene->session->known_as; /* what another protocol carries has the client first */
        enum direction direction = own && tx->directed ? (enum direction)tx->direction : TO_SERVER;
        /* Version 2 of DNS records tells the ends from the client's side too. */
        if ((eve->dns.version == 2 && protocol->id == PROTOCOL_dns) || protocol->eve_ends == EVE_ENDS_OF_FLOW)
            direction = TO_SERVER;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, protocol->eve_type, protocol->eve_ends != EVE_ENDS_OF_PACKET,
                        direction, &header, community);
        header.has_icmp = false;
        open_event(recorder, scene, eve, &header, out);
        if (protocol->eve_numbered)
            json_uint(out, "tx_id", tx->number);
        recorder_app(eve, tx, true, out);
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}

/* What the flow speaks, without what it spoke before. */
static void put_app_name(const struct session *session, struct text *out)
{
    const char *name = session_app_name(session);
    if (name)
        json_cstring(out, "app_proto", name);
}

/* Beside a stored file: its record, in a file of its own (file-store write-fileinfo). */
static void write_sidecar(struct recorder *recorder, const struct scene *scene, const struct tx *tx,
                          const struct file *file)
{
    static const struct eve_settings plain = { .files = true };
    struct eve_header header;
    char community[32], path[4096], hash[65];
    struct text digits = text_of(hash, sizeof hash);
    struct text *out = &recorder->scratch;
    text_hex(&digits, bytes_of(file->sha256, sizeof file->sha256));
    int size = snprintf(path, sizeof path, "%s/%.2s/%s.%llu.%u.json", recorder->settings->files.store_dir,
                        hash, hash, (unsigned long long)(scene->packet->time / NS_PER_S), file->id);
    if (size < 0 || (size_t)size >= sizeof path)
        return;
    text_clear(out);
    recorder_header(recorder, scene, &plain, "fileinfo", true, (enum direction)file->direction, &header,
                    community);
    eve_open(&recorder->stamp, &header, out);
    recorder_app(&plain, tx, false, out);
    put_app_name(scene->session, out);
    json_open(out, "fileinfo", '{');
    recorder_file(file, out);
    json_close(out, '}');
    json_close(out, '}');
    json_end(out);
    text_char(out, '\n');
    FILE *side = fopen(path, "we");
    if (!side)
        return;
    fwrite(out->data, 1, out->size, side);
    fclose(side);
}

void record_file(struct recorder *recorder, const struct scene *scene, const struct tx *tx,
                 const struct file *file)
{
    if (recorder->settings->file_store_fileinfo && file->stored && file->has_sha256)
        write_sidecar(recorder, scene, tx, file);
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->files)
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, "fileinfo", true, (enum direction)file->direction, &header,
                        community);
        open_event(recorder, scene, eve, &header, out);
        recorder_app(eve, tx, false, out);
        put_app_name(scene->session, out);
        json_open(out, "fileinfo", '{');
        recorder_file(file, out);
        json_close(out, '}');
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}

/* ---- anomalies ---- */

static void anomaly_header(const struct recorder *recorder, const struct eve_settings *eve,
                           const struct packet *packet, struct text *out)
{
    (void)recorder;
    if (eve->anomalies.header && packet->frame.size) {
        struct bytes first = bytes_first(packet->frame, 32);
        json_base64(out, "packet", first);
        json_open(out, "packet_info", '{');
        json_uint(out, "linktype", packet->link_type);
        json_cstring(out, "linktype_name", link_type_name(packet->link_type));
        json_close(out, '}');
    }
}

static void packet_anomaly(struct recorder *recorder, size_t sink, const struct scene *scene,
                           const char *type, const char *prefix, const char *name)
{
    const struct eve_settings *eve = recorder->sinks->eves[sink].settings;
    struct eve_header header;
    char community[32], event[96];
    struct text text = text_of(event, sizeof event);
    size_t start;
    struct text *out = recorder_begin(recorder, sink, &start);
    recorder_header(recorder, scene, eve, "anomaly", false, scene->direction, &header, community);
    open_event(recorder, scene, eve, &header, out);
    anomaly_header(recorder, eve, scene->packet, out);
    text_add(&text, "%s.%s", prefix, name);
    json_open(out, "anomaly", '{');
    json_cstring(out, "type", type);
    json_cstring(out, "event", event);
    json_close(out, '}');
    recorder_tail(recorder, eve, out);
    recorder_end(recorder, sink, start);
}

void record_packet_anomalies(struct recorder *recorder, const struct scene *scene)
{
    const struct packet *packet = scene->packet;
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        for (size_t k = 0; eve->anomaly && eve->anomalies.decode && k < packet->event_count; k++)
            if (packet->events[k] < DECODE_EVENT_COUNT)
                packet_anomaly(recorder, i, scene, "decode", "decoder",
                               decode_event_names[packet->events[k]]);
    }
}

void record_stream_anomalies(struct recorder *recorder, const struct scene *scene, const uint16_t *events,
                             size_t count)
{
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        for (size_t k = 0; eve->anomaly && eve->anomalies.stream && k < count; k++)
            if (events[k] < STREAM_EVENT_COUNT)
                packet_anomaly(recorder, i, scene, "stream", "stream", stream_event_names[events[k]]);
    }
}

/* Suricata writes some protocols' events in capitals. */
static void put_event(struct text *out, const struct tx *tx, const char *event)
{
    char name[96];
    size_t size = 0;
    bool capitals = tx && tx->protocol->event_capitals;
    for (; event[size] && size + 1 < sizeof name; size++)
        name[size] = capitals && event[size] >= 'a' && event[size] <= 'z' ? (char)(event[size] - 'a' + 'A')
                                                                          : event[size];
    json_string(out, "event", bytes_of(name, size));
}

void record_app_anomaly(struct recorder *recorder, const struct scene *scene, const struct tx *tx,
                        const char *event)
{
    const struct session *session = scene->session;
    const char *name = tx                  ? tx->protocol->name
                       : session->protocol ? session_app_name(session)
                       : session->original ? session->original->name
                                           : NULL;
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->anomaly || !eve->anomalies.applayer)
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, "anomaly", true, scene->direction, &header, community);
        open_event(recorder, scene, eve, &header, out);
        if (tx)
            json_uint(out, "tx_id", tx->number);
        json_open(out, "anomaly", '{');
        if (name)
            json_cstring(out, "app_proto", name);
        json_cstring(out, "type", "applayer");
        put_event(out, tx, event);
        json_cstring(out, "layer", tx ? "proto_parser" : "proto_detect");
        json_close(out, '}');
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}

/* ---- frames ---- */

void record_frame(struct recorder *recorder, const struct scene *scene, const struct frame *frame,
                  enum direction direction)
{
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->frame)
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, "frame", false, direction, &header, community);
        open_event(recorder, scene, eve, &header, out);
        recorder_app_proto(scene->session, out);
        recorder_frame(scene, frame, direction, 4096, out);
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}

/* ---- ARP (RFC 826) ---- */

static const char *const arp_operations[] = { NULL,     "request", "reply", "request_rarp",  "reply_rarp",
                                              NULL,     NULL,      NULL,    "request_inarp", "reply_inarp",
                                              "arp_nak" };

void record_arp(struct recorder *recorder, const struct scene *scene)
{
    struct reader in = reader_of_bytes(scene->packet->arp);
    uint16_t hardware = reader_be16(&in), protocol = reader_be16(&in);
    uint8_t hardware_size = reader_u8(&in), protocol_size = reader_u8(&in);
    uint16_t operation = reader_be16(&in);
    const uint8_t *src_mac = reader_take(&in, 6), *src = reader_take(&in, 4);
    const uint8_t *dst_mac = reader_take(&in, 6), *dst = reader_take(&in, 4);
    if (!reader_ok(&in) || hardware != 1 || protocol != 0x0800 || hardware_size != 6 || protocol_size != 4 ||
        operation >= COUNT_OF(arp_operations) || !arp_operations[operation])
        return;
    struct address from = address_v4(src), to = address_v4(dst);
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->arp)
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, "arp", false, TO_SERVER, &header, community);
        open_event(recorder, scene, eve, &header, out);
        json_open(out, "arp", '{');
        json_cstring(out, "hw_type", "ethernet");
        json_cstring(out, "proto_type", "ipv4");
        json_cstring(out, "opcode", arp_operations[operation]);
        eve_mac(out, "src_mac", src_mac);
        eve_address(out, "src_ip", &from, false);
        eve_mac(out, "dest_mac", dst_mac);
        eve_address(out, "dest_ip", &to, false);
        json_close(out, '}');
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}

void record_stats(struct recorder *recorder, uint64_t time, struct bytes totals, struct bytes with_deltas)
{
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->stats)
            continue;
        struct eve_header header = { .time = time, .type = "stats" };
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        eve_open(&recorder->stamp, &header, out);
        json_raw(out, "stats", eve->statistics.deltas ? with_deltas : totals);
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}
