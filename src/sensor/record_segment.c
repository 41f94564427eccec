/* SPDX-License-Identifier: Apache-2.0 */
/* Segments and the state of their connection: EVE's stream_tcp events, for the curious. */
#include <stdio.h>

#include "packet/decode.h"
#include "sensor/recorder.h"

static bool has_event(const struct tcp_result *result, enum stream_event event)
{
    for (size_t i = 0; i < result->event_count; i++)
        if (result->events[i] == event)
            return true;
    return false;
}

static bool changes_state(const struct scene *scene, const struct tcp_result *result)
{
    return scene->flow->tcp && result->state_before != scene->flow->tcp->state;
}

static bool is_wanted(const struct eve_settings *eve, const struct scene *scene,
                      const struct tcp_result *result)
{
    return eve->stream &&
           (eve->streams.all ||
            (eve->streams.events && (result->event_count || scene->packet->event_count)) ||
            (eve->streams.states && changes_state(scene, result)) ||
            (eve->streams.spurious && has_event(result, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION)));
}

struct named {
    bool set;
    const char *name;
};

static void put_set(const struct named *rows, size_t count, struct text *out)
{
    json_open(out, "flags", '[');
    for (size_t i = 0; i < count; i++)
        if (rows[i].set)
            json_cstring(out, NULL, rows[i].name);
    json_close(out, ']');
}

static void put_side(const char *key, const struct stream *stream, struct text *out)
{
    struct stream_numbers numbers;
    stream_tell(stream, &numbers);
    const struct named rows[] = {
        { stream_had_gap(stream), "has_gap" },
        { stream_truncated(stream), "depth_reached" },
        { numbers.has_timestamp, "timestamp" },
        { numbers.rst_seen, "rst_recv" },
    };
    json_open(out, key, '{');
    json_uint(out, "isn", numbers.isn);
    json_uint(out, "next_seq", numbers.next);
    json_uint(out, "last_ack", numbers.last_ack);
    json_uint(out, "next_win", numbers.edge);
    json_uint(out, "base_seq", numbers.base);
    json_uint(out, "segs_right_edge", numbers.right);
    json_uint(out, "window", numbers.window);
    json_uint(out, "wscale", numbers.wscale);
    put_set(rows, COUNT_OF(rows), out);
    json_uint(out, "seg_cnt", numbers.segments);
    json_uint(out, "sb_region_size", numbers.room);
    json_close(out, '}');
}

/* Empty for a segment of no connection. */
static void put_session(const struct tcp *tcp, const struct tcp_result *result, struct text *out)
{
    if (!tcp) {
        json_open(out, "session", '{');
        json_close(out, '}');
        return;
    }
    const struct named rows[] = {
        { tcp->midstream, "midstream" },
        { tcp->async, "async" },
        { tcp->timestamps, "timestamp" },
        { tcp->closed_by_rst, "closed_by_rst" },
        { tcp->sack, "sackok" },
        { tcp->established, "3whs_confirmed" },
        { tcp->fast_open, "tcp_fast_open" },
        { tcp->fast_open_ignored, "tfo_data_ignored" },
    };
    json_open(out, "session", '{');
    json_cstring(out, "state", tcp_state_names[tcp->state]);
    json_cstring(out, "pstate", tcp_state_names[result->state_before]);
    json_open(out, "flags", '{');
    put_set(rows, COUNT_OF(rows), out);
    json_close(out, '}');
    put_side("client", tcp->streams[TO_SERVER], out);
    put_side("server", tcp->streams[TO_CLIENT], out);
    json_close(out, '}');
}

static void put_packet(const struct scene *scene, const struct tcp_result *result, struct text *out)
{
    const struct named rows[] = {
        { result->event_count || scene->packet->event_count, "event_set" },
        { changes_state(scene, result), "state_update" },
        { has_event(result, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION), "spurious_retransmission" },
    };
    json_open(out, "packet", '{');
    recorder_packet(scene->packet, out);
    put_set(rows, COUNT_OF(rows), out);
    json_close(out, '}');
}

static void put_events(const struct packet *packet, const struct tcp_result *result, struct text *out)
{
    char name[96];
    if (!result->event_count && !packet->event_count)
        return;
    json_open(out, "events", '[');
    for (size_t i = 0; i < packet->event_count; i++)
        if (packet->events[i] < DECODE_EVENT_COUNT) {
            snprintf(name, sizeof name, "decoder.%s", decode_event_names[packet->events[i]]);
            json_cstring(out, NULL, name);
        }
    for (size_t i = 0; i < result->event_count; i++) {
        snprintf(name, sizeof name, "stream.%s", stream_event_names[result->events[i]]);
        json_cstring(out, NULL, name);
    }
    json_close(out, ']');
}

void record_segment(struct recorder *recorder, const struct scene *scene, const struct tcp_result *result)
{
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!is_wanted(eve, scene, result))
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, "stream_tcp", false, scene->direction, &header, community);
        eve_open(&recorder->stamp, &header, out);
        json_cstring(out, "direction", direction_name(scene->direction));
        json_open(out, "stream_tcp", '{');
        put_packet(scene, result, out);
        put_session(scene->flow->tcp, result, out);
        put_events(scene->packet, result, out);
        json_close(out, '}');
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}
