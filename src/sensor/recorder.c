/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs, buffers and the parts that all kinds of events share; see recorder.h. */
#include "sensor/recorder.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "event/boundary.h"
#include "event/spool.h"
#include "flow/community_id.h"

#define BUFFER_FLUSH (256U << 10) /* bytes after which a buffer is written */
#define BUFFER_MAX   (8U << 20)
#define FLUSH_AFTER  (250 * NS_PER_MS)
#define SPOOL_SYNC   NS_PER_S /* what a power cut may take */

/* ---- the spool ---- */

struct spool_gate {
    struct spool *spool;
    pthread_mutex_t lock;
    struct text filtered;
};

static struct spool_gate *gate_open(const struct settings *settings, struct error *error)
{
    struct spool_settings spool = { .directory = settings->spool_dir,
                                    .bytes_max = settings->spool_bytes,
                                    .sync = true,
                                    .sync_every = SPOOL_SYNC };
    struct spool_gate *gate = calloc(1, sizeof *gate);
    if (!gate) {
        error_set(error, "out of memory");
        return NULL;
    }
    gate->spool = spool_open(&spool, error);
    if (!gate->spool) {
        free(gate);
        return NULL;
    }
    pthread_mutex_init(&gate->lock, NULL);
    gate->filtered = text_new(SPOOL_LINE_MAX);
    return gate;
}

static void gate_close(struct spool_gate *gate)
{
    if (!gate)
        return;
    spool_close(gate->spool);
    text_done(&gate->filtered);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

/* Queues lines for the centre, without what must not leave the agency. */
static void gate_put(struct spool_gate *gate, struct bytes lines)
{
    pthread_mutex_lock(&gate->lock);
    while (lines.size) {
        struct bytes line = bytes_cut(&lines, '\n'), allowed;
        enum event_type type;
        text_clear(&gate->filtered);
        if (boundary_filter(line, &gate->filtered, &type, &allowed))
            (void)spool_append(gate->spool, event_type_priority(type), allowed);
    }
    spool_flush(gate->spool);
    pthread_mutex_unlock(&gate->lock);
}

/* ---- outputs ---- */

bool sinks_open(struct sinks *sinks, const struct settings *settings, struct error *error)
{
    *sinks = (struct sinks){ 0 };
    sinks->eves = calloc(settings->eve_count + 1, sizeof *sinks->eves);
    if (!sinks->eves)
        return error_set(error, "out of memory");
    for (size_t i = 0; i < settings->eve_count; i++) {
        struct sink *sink = &sinks->eves[i];
        sink->settings = &settings->eves[i];
        sinks->eve_count = i + 1;
        if (sink->settings->to_spool) {
            sinks->spool = gate_open(settings, error);
            if (!sinks->spool)
                return false;
            continue;
        }
        if (sink->settings->threaded)
            continue;
        sink->output = output_open(&sink->settings->output, error);
        if (!sink->output)
            return false;
    }
    if (settings->fast_enabled && !(sinks->fast = output_open(&settings->fast, error)))
        return false;
    if (settings->stats_log_enabled && settings->stats_enabled &&
        !(sinks->stats_log = output_open(&settings->stats_log, error)))
        return false;
    if (settings->packet_log.enabled && !settings->packet_log.multi &&
        !(sinks->packets = packet_file_open(&settings->packet_log.file, 1, error)))
        return false;
    return true;
}

typedef bool (*output_fn)(struct output *output, uint64_t now, struct error *error);

static void each_output(struct sinks *sinks, uint64_t now, output_fn call)
{
    struct error error;
    for (size_t i = 0; i < sinks->eve_count; i++) {
        if (sinks->eves[i].output && !call(sinks->eves[i].output, now, &error))
            log_error("output: %s", error.text);
        for (size_t k = 0; k < sinks->eves[i].thread_count; k++)
            if (!call(sinks->eves[i].threads[k], now, &error))
                log_error("output: %s", error.text);
    }
    if (sinks->fast && !call(sinks->fast, now, &error))
        log_error("output: %s", error.text);
    if (sinks->stats_log && !call(sinks->stats_log, now, &error))
        log_error("output: %s", error.text);
}

static bool reopen(struct output *output, uint64_t now, struct error *error)
{
    (void)now;
    return output_reopen(output, error);
}

void sinks_reopen(struct sinks *sinks)
{
    each_output(sinks, 0, reopen);
}

void sinks_tick(struct sinks *sinks, uint64_t now)
{
    each_output(sinks, now, output_tick);
    if (sinks->spool) {
        pthread_mutex_lock(&sinks->spool->lock);
        spool_flush(sinks->spool->spool);
        pthread_mutex_unlock(&sinks->spool->lock);
    }
}

uint64_t sinks_lost(const struct sinks *sinks)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < sinks->eve_count; i++) {
        lost += sinks->eves[i].output ? output_lost(sinks->eves[i].output) : 0;
        for (size_t k = 0; k < sinks->eves[i].thread_count; k++)
            lost += output_lost(sinks->eves[i].threads[k]);
    }
    return lost;
}

void sinks_close(struct sinks *sinks)
{
    uint64_t lost = sinks->eves ? sinks_lost(sinks) : 0;
    if (lost)
        log_warning("output: %llu records were lost, since their file was full or their listener away",
                    (unsigned long long)lost);
    for (size_t i = 0; sinks->eves && i < sinks->eve_count; i++) {
        output_close(sinks->eves[i].output);
        for (size_t k = 0; k < sinks->eves[i].thread_count; k++)
            output_close(sinks->eves[i].threads[k]);
        free(sinks->eves[i].threads);
    }
    free(sinks->eves);
    output_close(sinks->fast);
    output_close(sinks->stats_log);
    packet_file_close(sinks->packets);
    gate_close(sinks->spool);
    *sinks = (struct sinks){ 0 };
}

/* "eve.json" of the third recorder is "eve.3.json". */
static bool open_thread(struct sink *sink, struct error *error)
{
    struct output_settings settings = sink->settings->output;
    char name[1024];
    struct text path = text_of(name, sizeof name);
    const char *slash = strrchr(settings.path, '/'), *dot = strrchr(slash ? slash : settings.path, '.');
    text_put(&path, bytes_of(settings.path, dot ? (size_t)(dot - settings.path) : strlen(settings.path)));
    text_add(&path, ".%zu%s", sink->thread_count + 1, dot ? dot : "");
    settings.path = name;
    struct output **grown = realloc(sink->threads, (sink->thread_count + 1) * sizeof(struct output *));
    if (!grown)
        return error_set(error, "out of memory");
    sink->threads = grown;
    if (path.full)
        return error_set(error, "the name of the output file is too long: %.200s",
                         sink->settings->output.path);
    struct output *output = output_open(&settings, error);
    if (output)
        grown[sink->thread_count++] = output;
    return output != NULL;
}

/* ---- a worker's buffers ---- */

bool recorder_init(struct recorder *recorder, const struct settings *settings, struct sinks *sinks,
                   struct error *error)
{
    *recorder = (struct recorder){ .settings = settings, .sinks = sinks, .flushed = clock_steady() };
    recorder->buffers = calloc(sinks->eve_count + 1, sizeof *recorder->buffers);
    if (!recorder->buffers)
        return error_set(error, "out of memory");
    for (size_t i = 0; i < sinks->eve_count; i++) {
        recorder->buffers[i] = text_new(BUFFER_MAX);
        if (!sinks->eves[i].settings->threaded)
            continue;
        recorder->thread = sinks->eves[i].thread_count;
        if (!open_thread(&sinks->eves[i], error))
            return false;
    }
    for (size_t i = 0; i < settings->eve_count; i++)
        recorder->keeps_macs |= settings->eves[i].ethernet &&
                                (settings->eves[i].flow || settings->eves[i].netflow);
    for (size_t i = 0; i < settings->eve_count; i++) {
        const struct eve_settings *eve = &settings->eves[i];
        recorder->tells_segments |= eve->stream;
        recorder->keeps_payload |= eve->alerts.payload || eve->alerts.payload_printable ||
                                   eve->alerts.payload_length;
    }
    macs_init(&recorder->macs);
    recorder->fast = text_new(BUFFER_MAX);
    recorder->scratch = text_new(BUFFER_MAX);
    return true;
}

static void flush_sink(struct recorder *recorder, size_t i)
{
    struct text *buffer = &recorder->buffers[i];
    if (buffer->size == 0)
        return;
    const struct sink *sink = &recorder->sinks->eves[i];
    if (sink->output)
        output_write(sink->output, text_bytes(buffer));
    else if (sink->settings->threaded)
        output_write(sink->threads[recorder->thread], text_bytes(buffer));
    else if (recorder->sinks->spool)
        gate_put(recorder->sinks->spool, text_bytes(buffer));
    text_clear(buffer);
}

bool recorder_flush(struct recorder *recorder, bool force)
{
    uint64_t now = force ? 0 : clock_steady();
    if (!force && now - recorder->flushed < FLUSH_AFTER)
        return false;
    recorder->flushed = now ? now : clock_steady();
    for (size_t i = 0; i < recorder->sinks->eve_count; i++)
        flush_sink(recorder, i);
    if (recorder->sinks->fast && recorder->fast.size)
        output_write(recorder->sinks->fast, text_bytes(&recorder->fast));
    text_clear(&recorder->fast);
    return true;
}

void recorder_done(struct recorder *recorder)
{
    if (!recorder->buffers)
        return;
    recorder_flush(recorder, true);
    for (size_t i = 0; i < recorder->sinks->eve_count; i++)
        text_done(&recorder->buffers[i]);
    free(recorder->buffers);
    text_done(&recorder->fast);
    text_done(&recorder->scratch);
    macs_done(&recorder->macs);
    recorder->buffers = NULL;
}

struct text *recorder_begin(struct recorder *recorder, size_t sink, size_t *start)
{
    struct text *out = &recorder->buffers[sink];
    const char *prefix = recorder->sinks->eves[sink].settings->prefix;
    out->full = false;
    *start = out->size;
    if (prefix)
        text_string(out, prefix);
    return out;
}

void recorder_end(struct recorder *recorder, size_t sink, size_t start)
{
    struct text *out = &recorder->buffers[sink];
    json_close(out, '}');
    json_end(out);
    text_char(out, '\n');
    if (out->full) {
        out->size = start;
        out->full = false;
        recorder->lost++;
    } else {
        recorder->lines++;
    }
    if (out->size >= BUFFER_FLUSH)
        flush_sink(recorder, sink);
}

/* ---- headers ---- */

const char *direction_name(enum direction direction)
{
    return direction == TO_SERVER ? "to_server" : "to_client";
}

static bool has_ports(uint8_t protocol)
{
    return protocol == IP_TCP || protocol == IP_UDP || protocol == IP_SCTP;
}

static void header_from_packet(const struct packet *packet, struct eve_header *header)
{
    if (packet->src.version == 0)
        return;
    header->src = packet->src;
    header->dst = packet->dst;
    header->src_port = packet->src_port;
    header->dst_port = packet->dst_port;
    header->protocol = packet->protocol;
    header->has_ports = has_ports(packet->protocol);
}

/* The flow's ends, in the order of travel. */
static void header_from_flow(const struct flow *flow, enum direction direction, struct eve_header *header)
{
    bool forth = direction == TO_SERVER;
    header->src = forth ? flow->client : flow->server;
    header->dst = forth ? flow->server : flow->client;
    header->src_port = forth ? flow->client_port : flow->server_port;
    header->dst_port = forth ? flow->server_port : flow->client_port;
    header->protocol = flow->protocol;
    header->has_ports = has_ports(flow->protocol);
}

static void header_community(const struct scene *scene, const struct eve_settings *eve, char community[32],
                             struct eve_header *header)
{
    const struct packet *packet = scene->packet;
    if (!eve->community_id)
        return;
    if (scene->flow)
        community_id_flow(eve->community_seed, scene->flow, community);
    else if (packet && packet->ip && packet->icmp)
        community_id(eve->community_seed, packet->protocol, &packet->src, &packet->dst, packet->icmp->type,
                     packet->icmp->code, community);
    else if (packet && packet->ip)
        community_id(eve->community_seed, packet->protocol, &packet->src, &packet->dst, packet->src_port,
                     packet->dst_port, community);
    else
        return;
    header->community_id = community;
}

void recorder_header(const struct recorder *recorder, const struct scene *scene,
                     const struct eve_settings *eve, const char *type, bool by_flow, enum direction direction,
                     struct eve_header *header, char community[32])
{
    const struct packet *packet = scene->packet;
    *header = (struct eve_header){ .time = packet->time, .type = type, .compress_v6 = eve->compress_v6 };
    header->interface = recorder->interface;
    if (scene->flow) {
        header->flow_id = scene->flow->id;
        header->parent_id = scene->flow->parent_id;
    }
    if (packet->recursion == 0 && packet->source != SOURCE_FLOW_TIMEOUT)
        header->packet_number = packet->number;
    header->packet_source = packet_source_name(packet);
    header->vlans = packet->vlans;
    header->vlan_count = packet->vlan_count;
    if (by_flow && scene->flow)
        header_from_flow(scene->flow, direction, header);
    else
        header_from_packet(packet, header);
    if (packet->icmp) {
        header->has_icmp = true;
        header->icmp_type = packet->icmp->type;
        header->icmp_code = packet->icmp->code;
    }
    if (eve->ethernet && by_flow && scene->flow) {
        bool forth = direction == TO_SERVER;
        header->src_mac = forth ? scene->flow->client_mac : scene->flow->server_mac;
        header->dst_mac = forth ? scene->flow->server_mac : scene->flow->client_mac;
    } else if (eve->ethernet && packet->ether.size >= 14) {
        header->dst_mac = packet->ether.data;
        header->src_mac = packet->ether.data + 6;
    }
    header_community(scene, eve, community, header);
}

void recorder_tail(const struct recorder *recorder, const struct eve_settings *eve, struct text *out)
{
    if (eve->packet_file_name && recorder->file_name)
        json_cstring(out, "pcap_filename", recorder->file_name);
    if (eve->sensor_name)
        json_cstring(out, "host", eve->sensor_name);
    if (eve->suricata_version)
        json_cstring(out, "suricata_version", "8.0.8");
}

/* ---- parts of several events ---- */

const char *session_app_name(const struct session *session)
{
    if (!session)
        return NULL;
    if (session->known_as)
        return session->known_as->name;
    const struct protocol *spoken = session_speaks(session);
    if (spoken)
        return spoken->name;
    /* A datagram is whole: what it did not tell nothing else will, though later ones are still asked. */
    bool over = session->transport == TRANSPORT_UDP ||
                (session_side_failed(session, TO_SERVER) && session_side_failed(session, TO_CLIENT));
    return over ? "failed" : NULL;
}

const char *recorder_app_of(const struct session *session, enum direction direction)
{
    const struct protocol *seen = session ? session->seen[direction] : NULL;
    if (seen)
        return seen == session->protocol && session->known_as ? session->known_as->name : seen->name;
    if (session && session->protocol && session_side_failed(session, direction))
        return "failed";
    const char *name = session_app_name(session);
    return name ? name : "unknown";
}

void recorder_app_proto(const struct session *session, struct text *out)
{
    const char *name = session_app_name(session);
    if (!name)
        return;
    json_word(out, "app_proto", name);
    const struct protocol *ts = session->seen[TO_SERVER], *tc = session->seen[TO_CLIENT];
    if (session->protocol && ts && ts != session->protocol)
        json_word(out, "app_proto_ts", ts->name);
    if (session->protocol && tc && tc != session->protocol)
        json_word(out, "app_proto_tc", tc->name);
    if (session->protocol && session_side_failed(session, TO_SERVER))
        json_word(out, "app_proto_ts", "failed");
    if (session->protocol && session_side_failed(session, TO_CLIENT))
        json_word(out, "app_proto_tc", "failed");
    if (session->protocol && session->known_as)
        json_word(out, "app_proto_orig", session->protocol->name);
    else if (session->original && session->original != session_speaks(session))
        json_word(out, "app_proto_orig", session->original->name);
    if (session->expected && session->expected != session->protocol)
        json_word(out, "app_proto_expected", session->expected->name);
}

void recorder_file(const struct file *file, struct text *out)
{
    static const char *const states[] = { "UNKNOWN", "CLOSED", "TRUNCATED", "ERROR" };
    if (file->name.size)
        json_string(out, "filename", file->name);
    if (file->sid_count) {
        json_open(out, "sid", '[');
        for (unsigned i = 0; i < file->sid_count; i++)
            json_uint(out, NULL, file->sids[i]);
        json_close(out, ']');
    }
    if (file->magic.data)
        json_string(out, "magic", file->magic);
    json_bool(out, "gaps", file->has_gaps);
    json_cstring(out, "state", file->state < COUNT_OF(states) ? states[file->state] : states[0]);
    if (file->has_md5)
        json_hex(out, "md5", bytes_of(file->md5, sizeof file->md5));
    if (file->has_sha1)
        json_hex(out, "sha1", bytes_of(file->sha1, sizeof file->sha1));
    if (file->has_sha256)
        json_hex(out, "sha256", bytes_of(file->sha256, sizeof file->sha256));
    /* An alert that asks for the file comes before the file's own record, and the storing after it. */
    bool stored = file->stored && file->logged;
    json_bool(out, "stored", stored);
    if (stored)
        json_uint(out, "file_id", file->id);
    else if (file->store)
        json_bool(out, "storing", true);
    json_uint(out, "size", file->size);
    if (file->has_range) {
        json_uint(out, "start", file->start);
        json_uint(out, "end", file->end);
    }
    json_uint(out, "tx_id", file->tx ? file->tx->number : 0);
}

/* Bits named "traffic/id/NAME" and "traffic/label/NAME" say what kind of traffic a flow is. */
static void put_traffic(const struct recorder *recorder, const struct flow *flow, const char *key,
                        const char *prefix, bool *opened, struct text *out)
{
    bool any = false, is_int;
    uint32_t value;
    const char *name;
    for (size_t i = 0; (name = detect_flow_bit(recorder->detector, flow, i, &is_int, &value)); i++) {
        if (is_int || strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        if (!*opened)
            json_open(out, "traffic", '{');
        *opened = true;
        if (!any)
            json_open(out, key, '[');
        any = true;
        json_cstring(out, NULL, name + strlen(prefix));
    }
    if (any)
        json_close(out, ']');
}

static bool is_traffic(const char *name)
{
    return !strncmp(name, "traffic/id/", 11) || !strncmp(name, "traffic/label/", 14);
}

/* {"name": value} of one variable. */
static void put_variable(struct bytes name, struct bytes json, struct text *out)
{
    json_open(out, NULL, '{');
    json_string(out, NULL, name);
    json_end(out);
    text_char(out, ':');
    json_raw(out, NULL, json);
    json_close(out, '}');
}

/* What the captures of rules hold: of the flow, and of the packet that the alert is about. */
static void put_variables(const struct recorder *recorder, const struct flow *flow,
                          const struct alert_note *notes, struct text *out)
{
    struct bytes name, json;
    if (flow && detect_flow_text(recorder->detector, flow, 0, &name, &json)) {
        json_open(out, "flowvars", '[');
        for (size_t i = 0; detect_flow_text(recorder->detector, flow, i, &name, &json); i++)
            put_variable(name, json, out);
        json_close(out, ']');
    }
    while (notes && notes->kind != NOTE_PACKET)
        notes = notes->next;
    if (!notes)
        return;
    json_open(out, "pktvars", '[');
    for (; notes; notes = notes->next)
        if (notes->kind == NOTE_PACKET)
            put_variable(notes->key, notes->json, out);
    json_close(out, ']');
}

static void put_entropies(const struct recorder *recorder, const struct flow *flow, struct text *out)
{
    double value;
    const char *name = detect_flow_entropy(recorder->detector, flow, 0, &value);
    if (!name)
        return;
    json_open(out, "entropy", '{');
    for (size_t i = 0; (name = detect_flow_entropy(recorder->detector, flow, i, &value)); i++)
        json_real(out, name, value);
    json_close(out, '}');
}

static void put_bits(const struct recorder *recorder, const struct flow *flow, struct text *out)
{
    bool bits = false, ints = false, is_int;
    uint32_t value;
    const char *name;
    for (size_t i = 0; (name = detect_flow_bit(recorder->detector, flow, i, &is_int, &value)); i++) {
        bits |= !is_int && !is_traffic(name);
        ints |= is_int;
    }
    if (bits) {
        json_open(out, "flowbits", '[');
        for (size_t i = 0; (name = detect_flow_bit(recorder->detector, flow, i, &is_int, &value)); i++)
            if (!is_int && !is_traffic(name))
                json_cstring(out, NULL, name);
        json_close(out, ']');
    }
    if (ints) {
        json_open(out, "flowints", '{');
        for (size_t i = 0; (name = detect_flow_bit(recorder->detector, flow, i, &is_int, &value)); i++)
            if (is_int)
                json_uint(out, name, value);
        json_close(out, '}');
    }
}

static bool has_metadata(const struct recorder *recorder, const struct flow *flow,
                         const struct alert_note *notes)
{
    struct bytes text, json;
    bool is_int;
    uint32_t value;
    const char *name;
    for (; notes; notes = notes->next)
        if (notes->kind == NOTE_PACKET)
            return true;
    double entropy;
    if (flow && (detect_flow_text(recorder->detector, flow, 0, &text, &json) ||
                 detect_flow_entropy(recorder->detector, flow, 0, &entropy)))
        return true;
    for (size_t i = 0; flow && (name = detect_flow_bit(recorder->detector, flow, i, &is_int, &value)); i++)
        if (is_int || !is_traffic(name))
            return true;
    return false;
}

void recorder_metadata(const struct recorder *recorder, const struct flow *flow,
                       const struct alert_note *notes, struct text *out)
{
    bool traffic = false;
    if (!recorder->detector)
        return;
    if (has_metadata(recorder, flow, notes)) {
        json_open(out, "metadata", '{');
        put_variables(recorder, flow, notes, out);
        if (flow) {
            put_bits(recorder, flow, out);
            put_entropies(recorder, flow, out);
        }
        json_close(out, '}');
    }
    if (!flow)
        return;
    put_traffic(recorder, flow, "id", "traffic/id/", &traffic, out);
    put_traffic(recorder, flow, "label", "traffic/label/", &traffic, out);
    if (traffic)
        json_close(out, '}');
}

void recorder_stream(const struct stream *stream, uint64_t offset, uint64_t end, size_t most,
                     struct text *out)
{
    for (int pieces = 0; pieces < 64 && offset < end && out->size < most; pieces++) {
        struct bytes part = stream_held(stream, offset);
        uint64_t left = end - offset;
        if (part.size) {
            part = bytes_first(part, left < SIZE_MAX ? (size_t)left : SIZE_MAX);
            text_put(out, bytes_first(part, most - out->size));
            offset += part.size;
            continue;
        }
        uint64_t gap = stream_gap(stream, offset);
        if (gap == 0)
            return;
        text_add(out, "[%llu bytes missing]", (unsigned long long)gap);
        offset += gap;
    }
}

void recorder_frame(const struct scene *scene, const struct frame *frame, enum direction direction,
                    uint32_t payload_max, struct text *out)
{
    const struct stream *stream = scene->streams[direction];
    bool known = frame->size != UINT64_MAX;
    char buffer[8192];
    struct text content = text_of(buffer, sizeof buffer);
    size_t most = MIN((size_t)payload_max, sizeof buffer - 64);
    most -= most > 0; /* Suricata's buffer ends with a zero */
    uint64_t end = known ? frame->offset + frame->size : UINT64_MAX;
    if (stream)
        recorder_stream(stream, frame->offset, end, most, &content);
    else if (scene->packet->payload.data)
        text_put(&content, bytes_first(bytes_from(scene->packet->payload, (size_t)frame->offset),
                                       MIN(known ? (size_t)frame->size : SIZE_MAX, most)));
    json_open(out, "frame", '{');
    json_cstring(out, "type", frame_name(frame));
    json_uint(out, "id", frame->id);
    json_cstring(out, "direction", direction == TO_SERVER ? "toserver" : "toclient");
    if (stream)
        json_uint(out, "stream_offset", frame->offset);
    if (known)
        json_uint(out, "length", frame->size);
    else if (stream && stream_end(stream) >= frame->offset)
        json_uint(out, "length", stream_end(stream) - frame->offset);
    bool complete = !stream || (known ? end <= stream_end(stream) : scene->session && scene->session->ended);
    json_base64(out, "payload", text_bytes(&content));
    eve_printable(out, "payload_printable", text_bytes(&content));
    json_bool(out, "complete", complete);
    if (frame->has_tx)
        json_uint(out, "tx_id", frame->tx_number + frame->protocol->frame_tx_first);
    json_close(out, '}');
}
