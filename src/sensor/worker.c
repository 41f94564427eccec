/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline: decode, defragment, flow, reassemble, parse, detect, record; see worker.h. */
#include "sensor/worker.h"

#include <stdlib.h>

#include "sensor/worker_parts.h"

#define DROP_REASON_NAME(symbol, counter, text) counter,
const char *const drop_reason_names[DROP_REASON_COUNT] = { DROP_REASONS(DROP_REASON_NAME) };
#undef DROP_REASON_NAME
#define DROP_REASON_TEXT(symbol, counter, text) text,
const char *const drop_reason_texts[DROP_REASON_COUNT] = { DROP_REASONS(DROP_REASON_TEXT) };
#undef DROP_REASON_TEXT

#define REJECTS (ACTION_REJECT | ACTION_REJECT_SRC | ACTION_REJECT_DST | ACTION_REJECT_BOTH)

/* ---- verdicts ---- */

void scene_drop(struct worker *worker, struct scene *scene, enum drop_reason reason)
{
    if (!scene->inline_mode || (scene->verdict & ACTION_DROP))
        return;
    scene->verdict |= ACTION_DROP;
    scene->drop_reason = drop_reason_texts[reason];
    worker->counts.drop_reasons[reason]++;
}

void bypass(struct worker *worker, struct flow *flow)
{
    flow->bypassed = true;
    flow_set_state(worker->flows, flow, FLOW_BYPASSED);
}

void apply_exception(struct worker *worker, struct scene *scene, enum exception_target target,
                     enum drop_reason reason)
{
    enum exception_policy policy = worker->settings->exceptions[target];
    if (scene->flow)
        scene->flow->exceptions |= (uint8_t)(1U << target);
    if (policy == EXCEPTION_IGNORE)
        return;
    worker->counts.exceptions[target][policy]++;
    switch (policy) {
    case EXCEPTION_REJECT:
    case EXCEPTION_REJECT_BOTH:
        scene->verdict |= policy == EXCEPTION_REJECT ? ACTION_REJECT : ACTION_REJECT_BOTH;
        /* fall through */
    case EXCEPTION_DROP_FLOW:
        if (scene->flow)
            scene->flow->dropped = true;
        /* fall through */
    case EXCEPTION_DROP_PACKET:
        scene_drop(worker, scene, reason);
        break;
    case EXCEPTION_PASS_FLOW:
        if (scene->flow)
            scene->flow->passed = scene->flow->no_packet_inspection = true;
        break;
    case EXCEPTION_PASS_PACKET:
        scene->verdict |= ACTION_PASS;
        break;
    case EXCEPTION_BYPASS:
        if (scene->flow) {
            scene->flow->passed = true;
            bypass(worker, scene->flow);
        }
        break;
    case EXCEPTION_IGNORE:
    case EXCEPTION_POLICY_COUNT:
        break;
    }
}

/* ---- detection and records ---- */

static void take_verdict(struct worker *worker, struct scene *scene)
{
    const struct alerts *alerts = &worker->alerts;
    struct flow *flow = scene->flow;
    for (size_t i = 0; i < alerts->count; i++)
        scene->alerted |= !alerts->items[i].tagged && !alerts->items[i].rule->noalert;
    scene->tagged |= alerts->tagged;
    if (flow)
        flow->alerted |= scene->alerted;
    scene->verdict |= alerts->action & (REJECTS | ACTION_PASS);
    if (alerts->action & (ACTION_DROP | REJECTS)) {
        scene->drop_rule = alerts->drop_rule;
        scene->drop_action = alerts->drop_rule ? alerts->drop_rule->action : ACTION_DROP;
        scene_drop(worker, scene, alerts->drop_by_rate ? DROP_THRESHOLD : DROP_RULES);
    }
    if (!flow)
        return;
    flow->dropped |= alerts->flow_drop;
    if (alerts->flow_pass) {
        flow->passed = flow->no_packet_inspection = true;
        scene->verdict |= ACTION_PASS;
    }
    if (alerts->bypass)
        bypass(worker, flow);
}

static uint64_t parsed_of(const struct session *session)
{
    return session ? session->offset[TO_SERVER] + session->offset[TO_CLIENT] : 0;
}

/* Its rules have spoken: what follows needs no more of them. */
static bool is_settled(const struct flow *flow)
{
    return flow->passed || flow->dropped || flow->no_packet_inspection;
}

static void inspect(struct worker *worker, struct scene *scene, const struct tcp_result *result,
                    bool flow_ends)
{
    if (!worker->detector || (scene->verdict & ACTION_PASS))
        return;
    if (scene->flow && is_settled(scene->flow))
        return;
    struct inspection inspection = {
        .packet = scene->packet,
        .flow = scene->flow,
        .direction = scene->direction,
        .session = scene->session,
        .streams = { scene->streams[0], scene->streams[1] },
        .parsed = parsed_of(scene->session) != scene->parsed,
        .flow_ends = flow_ends,
        .loose = result && !result->taken,
        .corrupt = result && result->corrupt,
        .refused = result && result->invalid && (scene->verdict & ACTION_DROP),
        .events = result ? result->events : NULL,
        .event_count = result ? result->event_count : 0,
        .tcp_before = result ? result->state_before : TCP_NONE,
        .inline_mode = scene->inline_mode,
    };
    detect(worker->detector, &inspection, &worker->alerts);
    take_verdict(worker, scene);
    if (worker->alerts.count)
        record_alerts(&worker->recorder, scene, &worker->alerts);
}

/* The flow was condemned by a policy, not by a rule. */
static bool drops_by_exception(const struct worker *worker, const struct flow *flow)
{
    for (size_t target = 0; target < EXCEPTION_TARGET_COUNT; target++) {
        enum exception_policy policy = worker->settings->exceptions[target];
        if ((flow->exceptions & 1U << target) && policy >= EXCEPTION_DROP_FLOW)
            return true;
    }
    return false;
}

/* One of EVE's drop events a packet, or the first of the flow in each direction. */
static void record_verdict(struct worker *worker, struct scene *scene)
{
    if (!(scene->verdict & ACTION_DROP))
        return;
    uint8_t way = (uint8_t)(1U << scene->direction);
    bool first = !scene->flow || !(scene->flow->drops_logged & way);
    record_drop(&worker->recorder, scene, first);
    if (scene->flow)
        scene->flow->drops_logged |= way;
}

static bool files_done(const struct session *session, const struct tx *tx)
{
    for (const struct file *file = tx->files; file; file = file->next)
        if (!file->logged)
            return false;
    (void)session;
    return true;
}

/* A file is recorded with a packet of its own direction: its rules have been tried then. */
static bool files_wait(const struct scene *scene, const struct tx *tx)
{
    for (const struct file *file = tx->files; file; file = file->next)
        if (!file->logged && file->direction != scene->direction && !scene->session->ended)
            return true;
    return false;
}

static void record_files(struct worker *worker, const struct scene *scene, struct tx *tx, bool force)
{
    for (struct file *file = tx->files; file; file = file->next) {
        if (file->logged || (file->direction != scene->direction && !force))
            continue;
        if (file->state == FILE_OPEN && force)
            file_close(scene->session, file, true);
        if (file->state == FILE_OPEN)
            continue;
        file->logged = true;
        record_file(&worker->recorder, scene, tx, file);
    }
}

/* A file that is kept is followed to its own limit, not to that of inspection (file-store stream-depth). */
static void follow_stored_files(const struct worker *worker, const struct scene *scene, const struct tx *tx)
{
    uint64_t depth = worker->files.store_max;
    if (!worker->settings->file_store || !scene->flow->tcp)
        return;
    if (depth && depth < worker->settings->stream_depth)
        return;
    for (const struct file *file = tx->files; file; file = file->next)
        if (file->store && file->state == FILE_OPEN)
            tcp_set_depth(scene->flow, (enum direction)file->direction, depth);
}

static void record_tx_events(struct worker *worker, const struct scene *scene, struct tx *tx)
{
    for (; tx->events_logged < tx->event_count; tx->events_logged++)
        record_app_anomaly(&worker->recorder, scene, tx, tx->protocol->events[tx->events[tx->events_logged]]);
}

/* Both sides closed the connection in order, and all that they said was parsed: what is begun does not go
 * on. */
static bool heard_out(const struct scene *scene)
{
    return scene->session->end_seen == (1U << TO_SERVER | 1U << TO_CLIENT) &&
           !((scene->flow->tcp_flags[TO_SERVER] | scene->flow->tcp_flags[TO_CLIENT]) & TCP_RST);
}

static bool log_ready(const struct scene *scene, const struct tx *tx)
{
    const struct session *session = scene->session;
    const struct protocol *protocol = tx->protocol;
    if (heard_out(scene))
        return true;
    for (int d = 0; d < DIRECTIONS; d++) {
        uint8_t wanted = protocol->log_progress[d] ? protocol->log_progress[d]
                                                   : protocol_complete(protocol, (enum direction)d);
        if (tx_progress(session, tx, (enum direction)d) < wanted)
            return false;
    }
    return true;
}

/* Frames that are complete are written; those that nobody will look at any more are forgotten. */
static void take_frames(struct worker *worker, struct scene *scene)
{
    struct session *session = scene->session;
    for (int d = 0; d < DIRECTIONS; d++)
        for (size_t i = 0; i < session->frame_count[d]; i++) {
            struct frame *frame = &session->frames[d][i];
            const struct stream *stream = scene->streams[d];
            bool whole = !stream ||
                         (frame->size != UINT64_MAX && frame->offset + frame->size <= stream_end(stream));
            bool closed = frame->type == FRAME_STREAM && scene->flow && scene->flow->tcp &&
                          scene->flow->tcp->state == TCP_CLOSED;
            bool over = whole || closed || session->ended;
            if (over && !frame->logged && (enum direction)d == scene->direction) {
                record_frame(&worker->recorder, scene, frame, (enum direction)d);
                frame->logged = true;
            }
            if (!worker->frame_rules && frame->logged)
                frame->inspected = true;
        }
    session_sweep_frames(session, worker->frames_logged);
}

/* Writes what is ready of the session's transactions, and lets go of those that are finished. */
void record_session(struct worker *worker, struct scene *scene)
{
    struct session *session = scene->session;
    if (!session)
        return;
    for (; session->events_logged < session->event_count; session->events_logged++) {
        enum session_event event = (enum session_event)session->events[session->events_logged];
        record_app_anomaly(&worker->recorder, scene, NULL, session_event_names[event]);
    }
    size_t app = session->txs ? session->txs->protocol->id : PROTOCOL_COUNT;
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        bool complete = tx_complete(session, tx, TO_SERVER) && tx_complete(session, tx, TO_CLIENT);
        record_tx_events(worker, scene, tx);
        if (!tx->logged && log_ready(scene, tx)) {
            record_tx(&worker->recorder, scene, tx);
            if (app < PROTOCOL_COUNT && !tx->protocol->one_tx)
                worker->counts.apps[app].txs[session->transport == TRANSPORT_UDP]++;
            tx->logged = true;
        }
        follow_stored_files(worker, scene, tx);
        bool over = (complete && session->ended && !scene->other_ends) || heard_out(scene);
        record_files(worker, scene, tx, over);
        if (!worker->detector || !scene->flow || is_settled(scene->flow)) {
            for (int d = 0; d < DIRECTIONS && !files_wait(scene, tx); d++)
                tx->inspected[d] |= tx_complete(session, tx, (enum direction)d);
        } else if (tx_complete(session, tx, scene->direction)) {
            tx->inspected[scene->direction] = true;
        }
        if (complete && !files_done(session, tx) && tx->inspected[TO_SERVER] && tx->inspected[TO_CLIENT])
            record_files(worker, scene, tx, true);
        if (tx->files)
            file_forget_old(tx, scene->direction);
    }
    if (session->frame_count[TO_SERVER] || session->frame_count[TO_CLIENT])
        take_frames(worker, scene);
    session_sweep(session);
}

/* ---- one packet ---- */

/* Bytes of a stream that are kept for looking at the next packet of it (inline mode). */
#define RAW_KEPT         4096U
#define FRAME_BYTES_KEPT (64U * 1024U)

/* Frames that are still to be written keep the bytes that show of them, when those are not too many. */
static uint64_t framed_offset(const struct session *session, const struct stream *stream, int direction)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; session && i < session->frame_count[direction]; i++) {
        const struct frame *frame = &session->frames[direction][i];
        if (!frame->logged && (frame->size != UINT64_MAX || frame->type == FRAME_STREAM) &&
            stream_end(stream) <= frame->offset + FRAME_BYTES_KEPT)
            first = MIN(first, frame->offset);
    }
    return first;
}

/* Bytes that the other side's packet made ready are judged with the next packet of their own; an alert then
 * shows what it is about. Nothing is kept for that where no transaction waits to be judged. */
#define PAYLOAD_KEPT (16U << 10)

static bool is_judged_later(const struct worker *worker, const struct session *session,
                            enum direction direction)
{
    return worker->recorder.keeps_payload && worker->detector && session &&
           !session_deaf(session, direction) && session->last_tx && !session->last_tx->inspected[direction];
}

static void release_streams(struct worker *worker, struct scene *scene)
{
    for (int d = 0; d < DIRECTIONS; d++) {
        struct stream *stream = scene->streams[d];
        if (!stream)
            continue;
        enum direction direction = (enum direction)d;
        const struct session *session = scene->session;
        uint64_t parsed = !session || session_deaf(session, direction) ? UINT64_MAX : session->offset[d];
        uint64_t inspected = UINT64_MAX;
        if (worker->detector && !is_settled(scene->flow))
            inspected = detect_stream_offset(worker->detector, scene->flow, direction);
        /* The next packet is judged with what came before it. */
        if (scene->inline_mode && inspected != UINT64_MAX)
            inspected -= MIN(inspected, (uint64_t)RAW_KEPT);
        uint64_t limit = MIN(parsed, inspected);
        if (worker->frames_logged)
            limit = MIN(limit, framed_offset(session, stream, d));
        if (limit > stream_end(stream))
            limit = MIN(limit, stream_past(stream));
        if (direction != scene->direction && is_judged_later(worker, session, direction))
            limit -= MIN(limit, (uint64_t)PAYLOAD_KEPT);
        stream_release(stream, limit);
    }
}

static void handle_flow(struct worker *worker, struct scene *scene, struct packet *packet, bool fresh)
{
    struct flow *flow = scene->flow;
    struct tcp_result result = { 0 };
    if (flow->bypassed) {
        flow_count(worker->flows, flow, packet, scene->direction);
        worker->counts.bypassed_packets++;
        worker->counts.bypassed_bytes += packet->frame.size;
        return;
    }
    if (flow->dropped && scene->inline_mode) {
        flow_count(worker->flows, flow, packet, scene->direction);
        if (packet->tcp)
            flow->tcp_flags[scene->direction] |= packet->tcp->flags;
        scene_drop(worker, scene, drops_by_exception(worker, flow) ? DROP_EXCEPTION_FLOW : DROP_FLOW);
        record_verdict(worker, scene);
        return;
    }
    scene->parsed = parsed_of(flow->session);
    if (packet->tcp)
        handle_tcp(worker, scene, packet, &result);
    else
        flow_count(worker->flows, flow, packet, scene->direction);
    if (packet->udp && !(scene->verdict & ACTION_DROP))
        handle_udp(worker, scene, packet);
    if (worker->watch)
        watch_packet(worker->watch, &worker->recorder, scene, fresh);
    if (worker->recorder.tells_segments && packet->tcp)
        record_segment(&worker->recorder, scene, &result);
    if (result.event_count)
        record_stream_anomalies(&worker->recorder, scene, result.events, result.event_count);
    /* Why a segment was refused is for rules to say. */
    if (!(scene->verdict & ACTION_DROP) || result.invalid)
        inspect(worker, scene, &result, false);
    record_verdict(worker, scene);
    record_session(worker, scene);
    release_streams(worker, scene);
}

static uint8_t handle_packet(struct worker *worker, struct packet *packet)
{
    struct scene scene = { .packet = packet, .inline_mode = worker->settings->inline_mode };
    bool fresh = false;
    if (packet->arp.data)
        record_arp(&worker->recorder, &scene);
    if (packet_wants_flow(packet)) {
        scene.flow = flow_find(worker->flows, packet, &scene.direction, &fresh);
        if (!scene.flow)
            apply_exception(worker, &scene, EXCEPTION_FLOW_MEMCAP, DROP_FLOW_MEMCAP);
    }
    if (scene.flow && worker->recorder.keeps_macs)
        macs_note(&worker->recorder.macs, scene.flow, packet, scene.direction);
    if (packet->event_count)
        record_packet_anomalies(&worker->recorder, &scene);
    if (scene.flow) {
        handle_flow(worker, &scene, packet, fresh);
    } else {
        if (!(scene.verdict & ACTION_DROP))
            inspect(worker, &scene, NULL, false);
        record_verdict(worker, &scene);
    }
    if (worker->packet_log)
        packet_log_note(worker->packet_log, &scene);
    return scene.verdict;
}

static void worker_frame(struct worker *worker, const struct capture_frame *frame)
{
    struct packet packet;
    memset(&packet, 0, offsetof(struct packet, ip_record));
    packet.time = frame->time;
    packet.number = frame->number;
    packet.frame = frame->data;
    packet.wire_size = frame->wire_size;
    packet.link_type = frame->link_type;
    packet.cut = frame->cut;
    packet.offloaded = frame->offloaded;
    worker->now = frame->time;
    size_t count = decode(&worker->decoder, &packet);
    uint8_t verdict = 0;
    if (worker->packet_log)
        packet_log_begin(worker->packet_log, frame);
    for (size_t i = 0; i < count; i++)
        verdict |= handle_packet(worker, worker->decoder.packets[i]);
    if (worker->packet_log)
        packet_log_end(worker->packet_log);
    if (worker->settings->inline_mode) {
        if (verdict & REJECTS)
            worker->counts.rejected++;
        if (verdict & (ACTION_DROP | REJECTS))
            worker->counts.blocked++;
        else
            worker->counts.accepted++;
    }
}

#define FAR  8U /* frames ahead whose places in the flow table are fetched */
#define NEAR 3U /* ... whose flows are */

void worker_frames(struct worker *worker, const struct capture_frame *frames, size_t count)
{
    uint32_t hashes[FAR];
    for (size_t i = 0; i < count + FAR; i++) {
        if (i < count)
            hashes[i % FAR] = flow_expect(worker->flows, frames[i].link_type, frames[i].data);
        if (i >= FAR - NEAR && i - (FAR - NEAR) < count)
            flow_expect_soon(worker->flows, hashes[(i - (FAR - NEAR)) % FAR]);
        if (i + 1 >= FAR && i + 1 - FAR < count)
            worker_frame(worker, &frames[i + 1 - FAR]);
    }
}

/* ---- the end of a flow ---- */

/* A packet that stands for the end of a flow: its ends and protocol, and nothing else. */
static void make_pseudo(const struct worker *worker, const struct flow *flow, enum direction direction,
                        struct packet *packet)
{
    bool forth = direction == TO_SERVER;
    memset(packet, 0, offsetof(struct packet, ip_record));
    packet->time = worker->now > flow->last ? worker->now : flow->last;
    packet->source = SOURCE_FLOW_TIMEOUT;
    packet->link_type = LINK_RAW;
    packet->recursion = flow->recursion;
    packet->vlan_count = flow->vlan_count;
    memcpy(packet->vlans, flow->vlans, sizeof packet->vlans);
    packet->src = forth ? flow->client : flow->server;
    packet->dst = forth ? flow->server : flow->client;
    packet->src_port = forth ? flow->client_port : flow->server_port;
    packet->dst_port = forth ? flow->server_port : flow->client_port;
    packet->protocol = flow->protocol;
    packet->ip_record = (struct ip_header){
        .version = packet->src.version, .ttl = 64, .protocol = flow->protocol, .checksum_ok = true
    };
    packet->ip = &packet->ip_record;
    if (flow->protocol == IP_TCP) {
        packet->tcp_record = (struct tcp_header){
            .src_port = packet->src_port, .dst_port = packet->dst_port, .flags = TCP_ACK, .checksum_ok = true
        };
        packet->tcp = &packet->tcp_record;
    } else if (flow->protocol == IP_UDP) {
        packet->udp_record = (struct udp_header){ .src_port = packet->src_port,
                                                  .dst_port = packet->dst_port,
                                                  .checksum_ok = true };
        packet->udp = &packet->udp_record;
    }
}

static bool uninspected(const struct worker *worker, const struct scene *scene, enum direction direction)
{
    const struct session *session = scene->session;
    for (const struct tx *tx = session ? session->txs : NULL; tx; tx = tx->next)
        if (!tx->inspected[direction] && (!tx->directed || tx->direction == direction))
            return true;
    const struct stream *stream = scene->streams[direction];
    if (!stream)
        return false;
    uint64_t offset = detect_stream_offset(worker->detector, scene->flow, direction);
    return offset != UINT64_MAX && (offset < stream_end(stream) || stream_gap(stream, offset) > 0);
}

/* Neither a transaction nor an event nor a frame is left to be looked at or written. */
static bool all_told(const struct session *session)
{
    return !session || (!session->txs && session->events_logged == session->event_count &&
                        !session->frame_count[TO_SERVER] && !session->frame_count[TO_CLIENT]);
}

/* Bytes of this direction are there that its parser was not offered yet. */
static bool pending(const struct scene *scene, enum direction direction)
{
    const struct session *session = scene->flow->session;
    const struct stream *stream = scene->streams[direction];
    return stream && stream_end(stream) > (session ? session->offset[direction] : 0);
}

static void flow_ended(void *context, struct flow *flow)
{
    struct worker *worker = context;
    struct session *session = flow->session;
    struct packet packet;
    struct scene scene = { .flow = flow,
                           .parsed = parsed_of(session),
                           .inline_mode = worker->settings->inline_mode };
    if (flow->tcp) {
        tcp_finish(worker->tcp, flow);
        scene.streams[TO_SERVER] = flow->tcp->streams[TO_SERVER];
        scene.streams[TO_CLIENT] = flow->tcp->streams[TO_CLIENT];
    }
    bool gone = flow->dropped && scene.inline_mode; /* what it had begun never reached anybody */
    bool followed = !gone && (!flow->bypassed || flow->no_payload_inspection);
    /* What only the server has left to say is told as its own. */
    enum direction first = pending(&scene, TO_CLIENT) && !pending(&scene, TO_SERVER) ? TO_CLIENT : TO_SERVER;
    for (int d = 0; d < DIRECTIONS && flow->tcp && followed; d++) {
        make_pseudo(worker, flow, (enum direction)d, &packet);
        scene.packet = &packet;
        scene.direction = (enum direction)d;
        struct tcp_result result = { 0 };
        feed_streams(worker, &scene, &result);
        session = scene.session = flow->session;
        if (result.event_count)
            record_stream_anomalies(&worker->recorder, &scene, result.events, result.event_count);
    }
    if (session)
        session_end(session);
    scene.session = session;
    bool open = flow->tcp || !all_told(session);
    for (int turn_of = 0; turn_of < DIRECTIONS && open; turn_of++) {
        scene.direction = turn_of ? !first : first;
        make_pseudo(worker, flow, scene.direction, &packet);
        scene.packet = &packet;
        scene.other_ends = turn_of == 0;
        scene.verdict = 0;
        scene.drop_reason = NULL;
        /* Once for each run of bytes between holes. */
        uint64_t before = UINT64_MAX;
        for (int turn = 0; turn < 64 && worker->detector && followed; turn++) {
            uint64_t offset = detect_stream_offset(worker->detector, flow, scene.direction);
            if ((turn && offset == before) || !uninspected(worker, &scene, scene.direction))
                break;
            before = offset;
            inspect(worker, &scene, NULL, true);
        }
        if (worker->packet_log && (scene.alerted || scene.tagged))
            packet_log_flow_end(worker->packet_log, &scene);
        if (!gone)
            record_session(worker, &scene);
    }
    if (session && !session->protocol)
        worker->counts.failed_flows[session->transport == TRANSPORT_UDP] +=
            session->transport == TRANSPORT_UDP || session->probing_done[TO_SERVER] ||
            session->probing_done[TO_CLIENT];
    record_flow(&worker->recorder, flow, session, flow->exceptions);
    macs_forget(&worker->recorder.macs, flow);
    if (session && session->announcer)
        expect_forget(worker->expectations, flow);
    if (worker->detector)
        detect_flow_free(worker->detector, flow);
    session_free(session);
    flow->session = NULL;
    flow->detect = NULL;
}

/* ---- life ---- */

static void tx_freed(void *context, struct tx *tx)
{
    struct worker *worker = context;
    if (worker->detector)
        detect_tx_free(worker->detector, tx);
}

/* What the rules look at and sessions would not keep otherwise. */
static void want(struct worker *worker, const struct ruleset *rules)
{
    struct ruleset_wants wants = { 0 };
    if (rules)
        wants = ruleset_wants(rules);
    worker->files.md5 |= wants.md5;
    worker->files.sha1 |= wants.sha1;
    worker->files.sha256 |= wants.sha256;
    worker->files.magic |= wants.magic;
    if (worker->files.magic && !worker->files.cookie)
        worker->files.cookie = file_magic_open(NULL);
    bool logged = false;
    for (size_t i = 0; i < worker->settings->eve_count; i++)
        logged |= worker->settings->eves[i].frame;
    worker->frame_rules = wants.frames;
    worker->frames_logged = logged;
    worker->sessions.frames = wants.frames || logged;
}

struct worker *worker_new(const struct settings *settings, const struct ruleset *rules, struct sinks *sinks,
                          unsigned index, struct error *error)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, "out of memory");
        return NULL;
    }
    worker->settings = settings;
    worker->rules = rules;
    worker->index = index;
    decoder_init(&worker->decoder, &settings->decode);
    worker->sessions = settings->sessions;
    worker->files = settings->files;
    worker->budget.limit = settings->session_memory;
    worker->sessions.budget = settings->session_memory ? &worker->budget : NULL;
    worker->sessions.files = &worker->files;
    worker->sessions.inline_mode = settings->inline_mode;
    worker->sessions.counts = worker->session_counts;
    worker->sessions.tx_freed = tx_freed;
    worker->sessions.announce = announce;
    worker->sessions.context = worker;
    if (!recorder_init(&worker->recorder, settings, sinks, error) ||
        !(worker->defrag = defrag_new(&settings->defrag, error)) ||
        !(worker->tcp = tcp_tracker_new(&settings->tcp, error)))
        goto failed;
    struct flow_settings flow = settings->flow;
    /* Each worker counts its flows from another place. */
    flow.id_first = (settings->flow.seed + index) * 0x9e3779b97f4a7c15ULL >> 11;
    flow.ended = flow_ended;
    flow.context = worker;
    flow.tcp = worker->tcp;
    worker->flows = flow_table_new(&flow, error);
    if (!worker->flows)
        goto failed;
    worker->decoder.defragment = defragment;
    worker->decoder.defragment_context = worker->defrag;
    defrag_attach(worker->defrag, &worker->decoder);
    if (rules && !(worker->detector = detector_new(rules, settings->flow.flow_max, error)))
        goto failed;
    if (settings->packet_log.enabled &&
        !(worker->packet_log = packet_log_new(&settings->packet_log, sinks->packets, index, error)))
        goto failed;
    worker->recorder.detector = worker->detector;
    want(worker, rules);
    return worker;
failed:
    worker_free(worker);
    return NULL;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    flow_table_free(worker->flows);
    tcp_tracker_free(worker->tcp);
    defrag_free(worker->defrag);
    detector_free(worker->detector);
    recorder_done(&worker->recorder);
    packet_log_free(worker->packet_log);
    file_magic_close(worker->files.cookie);
    free(worker);
}

void worker_expect(struct worker *worker, struct expectations *table)
{
    worker->expectations = table;
}

void worker_watch(struct worker *worker, struct watch *watch)
{
    worker->watch = watch;
}

void worker_tick(struct worker *worker, uint64_t now)
{
    if (now > worker->now)
        worker->now = now;
    flow_expire(worker->flows, worker->now);
    worker_flush(worker);
}

void worker_flush(struct worker *worker)
{
    if (recorder_flush(&worker->recorder, false) && worker->packet_log)
        packet_log_flush(worker->packet_log);
}

bool worker_prepare_rules(struct worker *worker, const struct ruleset *rules, struct error *error)
{
    return !worker->detector || detector_prepare(worker->detector, rules, error);
}

void worker_change_rules(struct worker *worker, const struct ruleset *rules)
{
    worker->rules = rules;
    if (worker->detector)
        detector_change(worker->detector);
    want(worker, rules);
}

void worker_forget_rules(struct worker *worker)
{
    if (worker->detector)
        detector_forget(worker->detector);
}

void worker_finish(struct worker *worker)
{
    flow_end_all(worker->flows, FLOW_END_SHUTDOWN);
    recorder_flush(&worker->recorder, true);
    if (worker->packet_log)
        packet_log_flush(worker->packet_log);
}
