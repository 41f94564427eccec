/* SPDX-License-Identifier: Apache-2.0 */
/* Segments and datagrams on their way to the session of their flow; see worker.h. */
#include "sensor/worker_parts.h"

#define ONE_SIDED 100000U /* bytes of one side after which the other is not waited for */

/* What a feed may change, to see afterwards what it did. */
struct before {
    const struct protocol *protocol;
    uint8_t status[DIRECTIONS];
    uint64_t errors[APP_ERROR_COUNT];
};

static struct before look(const struct worker *worker, const struct session *session)
{
    const uint64_t *counts = worker->session_counts;
    return (struct before){ .protocol = session->protocol,
                            .status = { session->status[0], session->status[1] },
                            .errors = { counts[SESSION_ERROR_GAP], counts[SESSION_ERROR_ALLOC],
                                        counts[SESSION_ERROR_PARSER] } };
}

/* The protocol was just recognised. */
static void take_protocol(struct worker *worker, const struct scene *scene, size_t app)
{
    uint64_t depth = worker->settings->app_depth[app];
    worker->counts.apps[app].flows[scene->session->transport == TRANSPORT_UDP]++;
    if (depth == worker->settings->stream_depth)
        return;
    tcp_set_depth(scene->flow, TO_SERVER, depth);
    tcp_set_depth(scene->flow, TO_CLIENT, depth);
}

static void compare(struct worker *worker, struct scene *scene, const struct before *before)
{
    struct session *session = scene->session;
    const uint64_t *counts = worker->session_counts;
    bool datagrams = session->transport == TRANSPORT_UDP;
    size_t app = session->protocol ? session->protocol->id : PROTOCOL_COUNT;
    if (session->protocol && session->protocol != before->protocol && app < PROTOCOL_COUNT)
        take_protocol(worker, scene, app);
    static const enum session_counter kinds[] = { SESSION_ERROR_GAP, SESSION_ERROR_ALLOC,
                                                  SESSION_ERROR_PARSER };
    bool failed = false;
    for (size_t i = 0; i < APP_ERROR_COUNT; i++) {
        uint64_t more = counts[kinds[i]] - before->errors[i];
        if (app < PROTOCOL_COUNT)
            worker->counts.apps[app].errors[i][datagrams] += more;
        failed |= more && i == APP_ERROR_PARSER;
    }
    if (failed) {
        enum exception_policy policy = worker->settings->exceptions[EXCEPTION_APP_LAYER];
        if (app < PROTOCOL_COUNT && policy != EXCEPTION_IGNORE)
            worker->counts.apps[app].exceptions[policy]++;
        apply_exception(worker, scene, EXCEPTION_APP_LAYER, DROP_APP_LAYER);
    }
    if (session->encrypted && app < PROTOCOL_COUNT && !worker->settings->full_encrypted[app]) {
        scene->flow->no_payload_inspection = true;
        if (worker->settings->bypass_encrypted[app] || worker->settings->stream_bypass) {
            scene->flow->bypassed = true;
            flow_set_state(worker->flows, scene->flow, FLOW_BYPASSED);
        }
    }
}

/* Recognition found that the server spoke first: the flow's ends change places. */
static void take_reversal(struct scene *scene)
{
    if (!scene->session->reversed)
        return;
    scene->session->reversed = false;
    flow_swap(scene->flow);
    scene->direction = !scene->direction;
    if (scene->flow->tcp) {
        scene->streams[TO_SERVER] = scene->flow->tcp->streams[TO_SERVER];
        scene->streams[TO_CLIENT] = scene->flow->tcp->streams[TO_CLIENT];
    }
}

void announce(void *context, struct session *session, uint16_t port, const struct protocol *protocol,
              struct bytes note)
{
    struct worker *worker = context;
    const struct flow *flow = session->owner;
    struct expectation wanted = {
        .server_port = port, .protocol = IP_TCP, .subject = protocol, .note = note
    };
    if (worker->expectations)
        session->announcer |= expect_add(worker->expectations, flow, &wanted, session->time);
}

/* Another connection may have said what this one is. */
static void meet_expectation(struct worker *worker, struct scene *scene)
{
    struct session *session = scene->session;
    uint8_t note[EXPECT_NOTE_MAX];
    struct expectation found;
    if (session->protocol || session->offset[TO_SERVER] || session->offset[TO_CLIENT] ||
        !expect_take(worker->expectations, scene->flow, session->time, note, &found))
        return;
    struct before before = look(worker, session);
    session_announced(session, found.subject, found.note);
    scene->flow->parent_id = found.parent_id;
    compare(worker, scene, &before);
}

static struct session *session_of(struct worker *worker, struct scene *scene, uint8_t transport)
{
    struct flow *flow = scene->flow;
    if (!flow->session)
        flow->session = session_new(&worker->sessions, transport, flow->client_port, flow->server_port);
    scene->session = flow->session;
    if (scene->session) {
        scene->session->time = scene->packet->time;
        scene->session->packet_number = scene->packet->number;
        scene->session->owner = flow;
        meet_expectation(worker, scene);
    }
    return scene->session;
}

/* Passes over `before` bytes and the hole of `size` behind them. */
static void lose(struct worker *worker, struct scene *scene, enum direction direction, uint64_t before,
                 uint64_t size, struct tcp_result *result)
{
    struct session *session = scene->session;
    uint64_t hole = session->offset[direction] + before;
    /* Of what is not recognised from its first bytes, nothing more is wanted. */
    bool wanted = session->protocol || hole == 0;
    struct before seen = look(worker, session);
    session_gap(session, direction, before + size);
    compare(worker, scene, &seen);
    if (wanted)
        tcp_lost(worker->tcp, scene->flow, direction, result);
}

static bool feed(struct worker *worker, struct scene *scene, enum direction direction,
                 struct tcp_result *result)
{
    struct session *session = scene->session;
    struct stream *stream = scene->streams[direction];
    if (session_deaf(session, direction)) {
        if (!session->protocol && stream_end(stream) > ONE_SIDED && !stream_end(scene->streams[!direction]))
            session_one_sided(session, !direction);
        return false;
    }
    const struct tcp *tcp = scene->flow->tcp;
    session->midstream = tcp->midstream;
    session->alone = tcp->async && !tcp->midstream && !stream_end(scene->streams[!direction]);
    uint64_t gap = stream_lost(stream, session->offset[direction]);
    if (gap) {
        lose(worker, scene, direction, 0, gap, result);
        return true;
    }
    struct bytes ready = stream_ready(stream, session->offset[direction]);
    /* Not before both sides are done: what ends with the connection is told then. */
    bool closed = stream_over(stream);
    /* The beginning of something whose rest is lost: both are passed over together. What was not recognised
     * until here will not be. */
    uint64_t hole = ready.size && ready.size <= session->scanned[direction]
                        ? stream_lost(stream, session->offset[direction] + ready.size)
                        : 0;
    if (hole) {
        lose(worker, scene, direction, ready.size, hole, result);
        return true;
    }
    /* Nothing new since the last call, unless the end is. */
    if (ready.size <= session->scanned[direction] && !(closed && !(session->end_seen & 1U << direction)))
        return false;
    if (closed && !stream_lost(stream, session->offset[direction] + ready.size))
        session->end_seen |= (uint8_t)(1U << direction);
    struct before before = look(worker, session);
    uint64_t offset = session->offset[direction];
    session_stream(session, direction, ready, session->end_seen & 1U << direction ? FEED_END : 0);
    compare(worker, scene, &before);
    bool more = session->offset[direction] != offset ? stream_lost(stream, session->offset[direction]) > 0
                                                     : stream_lost(stream, offset + ready.size) > 0;
    bool turned = session->reversed;
    take_reversal(scene);
    return more && !turned;
}

void feed_streams(struct worker *worker, struct scene *scene, struct tcp_result *result)
{
    bool any = scene->session != NULL || scene->flow->session != NULL;
    for (int d = 0; d < DIRECTIONS && !any; d++)
        any = stream_end(scene->streams[d]) > 0 || stream_gap(scene->streams[d], 0) > 0;
    if (!any || !session_of(worker, scene, TRANSPORT_TCP))
        return;
    /* The other side's bytes came first: this packet acknowledged them. */
    enum direction first = !scene->direction;
    bool unknown = !scene->session->protocol;
    for (int turn = 0; turn < 64 && feed(worker, scene, first, result); turn++) {
    }
    enum direction second = !first;
    for (int turn = 0; turn < 64 && feed(worker, scene, second, result); turn++) {
    }
    /* Recognised just now from the second side: what was kept of the first one is due. */
    if (unknown && scene->session->protocol && scene->session->scanned[first] == 0)
        for (int turn = 0;
             turn < 64 && (feed(worker, scene, first, result) || feed(worker, scene, second, result));
             turn++) {
        }
}

void handle_tcp(struct worker *worker, struct scene *scene, struct packet *packet, struct tcp_result *result)
{
    struct flow *flow = scene->flow;
    bool invalid_checksum = !packet->tcp->checksum_ok && !worker->settings->tcp.no_checksum_check;
    tcp_track(worker->tcp, flow, packet, &scene->direction, result);
    flow_count(worker->flows, flow, packet, scene->direction);
    if (result->no_memory)
        apply_exception(worker, scene, flow->tcp ? EXCEPTION_REASSEMBLY_MEMCAP : EXCEPTION_STREAM_MEMCAP,
                        flow->tcp ? DROP_REASSEMBLY : DROP_STREAM_MEMCAP);
    else if ((result->no_session || result->midstream) && !invalid_checksum)
        apply_exception(worker, scene, EXCEPTION_MIDSTREAM, DROP_MIDSTREAM);
    if (result->invalid && worker->settings->drop_invalid)
        scene_drop(worker, scene, DROP_STREAM_ERROR);
    if (result->urgent_drop)
        scene_drop(worker, scene, DROP_REASSEMBLY);
    scene->session = flow->session;
    if (!flow->tcp)
        return;
    scene->streams[TO_SERVER] = flow->tcp->streams[TO_SERVER];
    scene->streams[TO_CLIENT] = flow->tcp->streams[TO_CLIENT];
    if (!(scene->verdict & ACTION_DROP))
        feed_streams(worker, scene, result);
    if (result->depth_reached && scene->session)
        session_truncate(scene->session, scene->direction);
    /* Nothing more of it will be looked at. */
    if (worker->settings->stream_bypass && stream_truncated(scene->streams[scene->direction]))
        bypass(worker, flow);
}

void handle_udp(struct worker *worker, struct scene *scene, struct packet *packet)
{
    if (!packet->payload.size || !session_of(worker, scene, TRANSPORT_UDP))
        return;
    struct before before = look(worker, scene->session);
    session_datagram(scene->session, scene->direction, packet->payload);
    compare(worker, scene, &before);
    take_reversal(scene);
}
