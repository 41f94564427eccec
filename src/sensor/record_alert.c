/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts, drops and tagged packets as EVE events, and lines of fast.log. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "sensor/recorder.h"

#define REJECTS (ACTION_REJECT | ACTION_REJECT_SRC | ACTION_REJECT_DST | ACTION_REJECT_BOTH)

static bool is_blocked(const struct scene *scene, uint8_t action)
{
    return (action & REJECTS) || ((action & ACTION_DROP) && scene->inline_mode);
}

static void put_end(struct text *out, const char *key, const struct address *address, uint16_t port,
                    bool ports)
{
    json_open(out, key, '{');
    eve_address(out, "ip", address, false);
    if (ports)
        json_uint(out, "port", port);
    json_close(out, '}');
}

/* With the keyword target, which end the attacker is and which the victim. */
static void put_target(const struct rule *rule, const struct packet *packet, struct text *out)
{
    if (!rule->has_target || packet->src.version == 0)
        return;
    bool ports = packet->tcp || packet->udp || packet->sctp;
    if (rule->target_is_source) {
        put_end(out, "source", &packet->dst, packet->dst_port, ports);
        put_end(out, "target", &packet->src, packet->src_port, ports);
    } else {
        put_end(out, "source", &packet->src, packet->src_port, ports);
        put_end(out, "target", &packet->dst, packet->dst_port, ports);
    }
}

/* What the sets that matched say of their values. Keys and JSON were checked when the rules were read. */
static void put_notes(const struct alert_note *notes, struct text *out)
{
    const struct alert_note *first = notes;
    while (first && first->kind != NOTE_CONTEXT)
        first = first->next;
    if (!first)
        return;
    json_open(out, "context", '{');
    for (const struct alert_note *note = first; note; note = note->next) {
        if (note->kind != NOTE_CONTEXT)
            continue;
        json_string(out, NULL, note->key);
        json_end(out);
        text_char(out, ':');
        json_raw(out, NULL, note->json);
    }
    json_close(out, '}');
}

static void put_alert(const struct eve_settings *eve, const struct scene *scene, const struct rule *rule,
                      uint8_t action, const char *forwarded, const struct alert_note *notes, struct text *out)
{
    json_open(out, "alert", '{');
    json_cstring(out, "action", is_blocked(scene, action) ? "blocked" : "allowed");
    json_uint(out, "gid", rule->gid);
    json_uint(out, "signature_id", rule->sid);
    json_uint(out, "rev", rule->rev);
    json_string(out, "signature", rule->message.data ? rule->message : BYTES_OF(""));
    json_string(out, "category", rule->category.data ? rule->category : BYTES_OF(""));
    json_uint(out, "severity", rule->priority);
    if (eve->alerts.reference && rule->references_json.data)
        json_raw(out, "references", rule->references_json);
    put_target(rule, scene->packet, out);
    if (eve->alerts.rule_metadata && rule->metadata.data)
        rule_put_metadata(rule, out);
    if (eve->alerts.rule_raw && rule->text.data)
        json_string(out, "rule", rule->text);
    if (forwarded)
        json_cstring(out, "xff", forwarded);
    put_notes(notes, out);
    json_close(out, '}');
}

static void put_tunnel(const struct packet *packet, struct text *out)
{
    const struct packet *outer = packet->outer;
    if (!outer || packet->recursion == 0)
        return;
    json_open(out, "tunnel", '{');
    if (outer->src.version) {
        eve_address(out, "src_ip", &outer->src, false);
        json_uint(out, "src_port", outer->src_port);
        eve_address(out, "dest_ip", &outer->dst, false);
        json_uint(out, "dest_port", outer->dst_port);
        eve_protocol(out, "proto", outer->protocol);
    }
    json_uint(out, "depth", packet->recursion);
    if (outer->number)
        json_uint(out, "pcap_cnt", outer->number);
    json_cstring(out, "pkt_src", packet_source_name(outer));
    json_close(out, '}');
}

static void put_flow(struct eve_stamp *stamp, const struct flow *flow, struct text *out)
{
    json_open(out, "flow", '{');
    json_uint(out, "pkts_toserver", flow->packets[TO_SERVER]);
    json_uint(out, "pkts_toclient", flow->packets[TO_CLIENT]);
    json_uint(out, "bytes_toserver", flow->bytes[TO_SERVER]);
    json_uint(out, "bytes_toclient", flow->bytes[TO_CLIENT]);
    eve_time(stamp, out, "start", flow->first);
    eve_address(out, "src_ip", &flow->client, false);
    eve_address(out, "dest_ip", &flow->server, false);
    if (flow->protocol == IP_TCP || flow->protocol == IP_UDP || flow->protocol == IP_SCTP) {
        json_uint(out, "src_port", flow->client_port);
        json_uint(out, "dest_port", flow->server_port);
    }
    json_close(out, '}');
}

static void put_verdict(const struct scene *scene, struct text *out)
{
    bool rejected = scene->verdict & REJECTS;
    bool dropped = (scene->verdict & (REJECTS | ACTION_DROP)) && scene->inline_mode;
    json_open(out, "verdict", '{');
    json_cstring(out, "action",
                 dropped || rejected            ? "drop"
                 : scene->verdict & ACTION_PASS ? "pass"
                                                : "alert");
    if (rejected) {
        bool both = scene->verdict & ACTION_REJECT_BOTH, towards = scene->verdict & ACTION_REJECT_DST;
        const char *target = both ? "both" : direction_name(towards ? !scene->direction : scene->direction);
        json_cstring(out, "reject-target", target);
        json_open(out, "reject", '[');
        json_cstring(out, NULL, scene->packet->protocol == IP_TCP ? "tcp-reset" : "icmp-prohib");
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void put_payload(const struct eve_settings *eve, struct bytes payload, struct text *out)
{
    struct bytes shown = bytes_first(payload, eve->alerts.payload_max);
    if (eve->alerts.payload)
        json_base64(out, "payload", shown);
    if (eve->alerts.payload_printable)
        eve_printable(out, "payload_printable", shown);
    if (eve->alerts.payload_length)
        json_uint(out, "payload_length", payload.size);
}

static void put_packet(const struct packet *packet, struct text *out)
{
    if (!packet->frame.size)
        return;
    json_base64(out, "packet", packet->frame);
    json_open(out, "packet_info", '{');
    json_uint(out, "linktype", packet->link_type);
    json_cstring(out, "linktype_name", link_type_name(packet->link_type));
    json_close(out, '}');
}

/* What the receiver has not acknowledged is not shown yet; what comes after a hole is. */
static uint64_t shown_end(const struct stream *stream)
{
    uint64_t end = stream_end(stream);
    return stream_gap(stream, end) ? UINT64_MAX : end;
}

static void put_payloads(struct recorder *recorder, const struct eve_settings *eve, const struct scene *scene,
                         const struct alert *alert, struct text *out)
{
    bool wanted = eve->alerts.payload || eve->alerts.payload_printable || eve->alerts.payload_length;
    const struct stream *stream = scene->streams[alert->direction];
    struct text *held = &recorder->scratch;
    text_clear(held);
    if (wanted && stream && (alert->on_stream || alert->tx))
        recorder_stream(stream, stream_start(stream), shown_end(stream), eve->alerts.payload_max, held);
    if (wanted) {
        put_payload(eve, held->size ? text_bytes(held) : scene->packet->payload, out);
        json_uint(out, "stream", held->size != 0);
    }
    if (eve->alerts.packet)
        put_packet(scene->packet, out);
}

static void put_files(const struct tx *tx, enum direction direction, struct text *out)
{
    bool any = false;
    for (const struct file *file = tx->files; file; file = file->next) {
        if (file->direction != direction)
            continue;
        if (!any)
            json_open(out, "files", '[');
        any = true;
        json_open(out, NULL, '{');
        recorder_file(file, out);
        json_close(out, '}');
    }
    if (any)
        json_close(out, ']');
}

static const char *progress_name(const struct session *session, const struct tx *tx, enum direction direction)
{
    const char *const *names = tx->protocol->progress_names[direction];
    uint8_t progress = tx_progress(session, tx, direction);
    return names && progress <= protocol_complete(tx->protocol, direction) ? names[progress] : NULL;
}

static void put_transaction(const struct eve_settings *eve, const struct scene *scene,
                            const struct alert *alert, struct text *out)
{
    const struct tx *tx = alert->tx ? alert->tx : alert->nearby;
    if (!tx || !eve->alerts.app_layer)
        return;
    const char *ts = progress_name(scene->session, tx, TO_SERVER);
    const char *tc = progress_name(scene->session, tx, TO_CLIENT);
    if (ts && !(tx->directed && tx->direction != TO_SERVER))
        json_cstring(out, "ts_progress", ts);
    if (tc && !(tx->directed && tx->direction != TO_CLIENT))
        json_cstring(out, "tc_progress", tc);
    recorder_app(eve, tx, false, out);
    put_files(tx, (enum direction)alert->direction, out);
}

static void write_alert(struct recorder *recorder, size_t sink, const struct scene *scene,
                        const struct alert *alert)
{
    const struct eve_settings *eve = recorder->sinks->eves[sink].settings;
    struct eve_header header;
    char community[32];
    size_t start;
    struct text *out = recorder_begin(recorder, sink, &start);
    recorder_header(recorder, scene, eve, "alert", false, scene->direction, &header, community);
    char forwarded[64];
    bool through_proxy = recorder_forwarded(&eve->alerts.xff, alert->tx, forwarded);
    if (through_proxy && eve->alerts.xff.overwrite) {
        /* The client is whom the proxy spoke for. */
        bool client_is_src = scene->direction == TO_SERVER;
        struct address *end = client_is_src ? &header.src : &header.dst;
        through_proxy = !address_parse(bytes_of_string(forwarded), end);
    }
    eve_open(&recorder->stamp, &header, out);
    if (eve->metadata)
        recorder_metadata(recorder, scene->flow, alert->notes, out);
    if (alert->tx || alert->nearby)
        json_uint(out, "tx_id", alert->tx ? alert->tx->number : alert->nearby->number);
    if (alert->nearby && scene->packet->protocol == IP_TCP)
        json_bool(out, "tx_guessed", true);
    put_alert(eve, scene, alert->rule, alert->action, through_proxy ? forwarded : NULL, alert->notes, out);
    put_tunnel(scene->packet, out);
    put_transaction(eve, scene, alert, out);
    recorder_app_proto(scene->flow ? scene->flow->session : NULL, out);
    if (scene->flow)
        json_cstring(out, "direction", direction_name(scene->direction));
    if (scene->flow && eve->alerts.flow)
        put_flow(&recorder->stamp, scene->flow, out);
    if (alert->frame)
        recorder_frame(scene, alert->frame, (enum direction)alert->direction, eve->alerts.payload_max, out);
    put_payloads(recorder, eve, scene, alert, out);
    if (eve->alerts.verdict)
        put_verdict(scene, out);
    if (scene->extra.data)
        json_raw(out, "vonglau", scene->extra);
    recorder_tail(recorder, eve, out);
    recorder_end(recorder, sink, start);
}

static void write_tagged(struct recorder *recorder, size_t sink, const struct scene *scene)
{
    const struct eve_settings *eve = recorder->sinks->eves[sink].settings;
    struct eve_header header;
    char community[32];
    size_t start;
    if (!eve->alerts.tagged)
        return;
    struct text *out = recorder_begin(recorder, sink, &start);
    recorder_header(recorder, scene, eve, "packet", false, scene->direction, &header, community);
    eve_open(&recorder->stamp, &header, out);
    put_packet(scene->packet, out);
    recorder_tail(recorder, eve, out);
    recorder_end(recorder, sink, start);
}

/* "11/22/2026-03:04:05.123456  [Drop] [**] [1:2:3] message [**] [Classification: c] [Priority: 1] {TCP} a ->
 * b" */
static void write_fast(struct recorder *recorder, const struct scene *scene, const struct alert *alert)
{
    const struct packet *packet = scene->packet;
    const struct rule *rule = alert->rule;
    struct text *out = &recorder->fast;
    time_t seconds = (time_t)(packet->time / NS_PER_S);
    struct tm tm;
    char stamp[32], name[64];
    struct text protocol = text_of(name, sizeof name);
    localtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%m/%d/%Y-%H:%M:%S", &tm);
    eve_protocol(&protocol, "", packet->protocol);
    struct bytes shown = bytes_trim(text_bytes(&protocol));
    shown = bytes_from(shown, 4);
    shown.size -= MIN(shown.size, 2);
    bool ipv6_or_4 = packet->src.version != 0;
    text_add(out, "%s.%06u  ", stamp, (unsigned)(packet->time % NS_PER_S / NS_PER_US));
    if (is_blocked(scene, alert->action))
        text_string(out, alert->action & ACTION_DROP ? "[Drop] " : "[wDrop] ");
    text_add(out, "[**] [%u:%u:%u] ", rule->gid, rule->sid, rule->rev);
    text_put(out, rule->message.data ? rule->message : BYTES_OF("(null)"));
    text_string(out, " [**] [Classification: ");
    text_put(out, rule->category.size ? rule->category : BYTES_OF("(null)"));
    text_add(out, "] [Priority: %u] {", rule->priority);
    text_put(out, ipv6_or_4 ? shown : BYTES_OF("PROTO:000"));
    text_string(out, "} ");
    if (ipv6_or_4) {
        address_text(&packet->src, out);
        text_add(out, ":%u -> ", packet->icmp ? packet->icmp->type : packet->src_port);
        address_text(&packet->dst, out);
        text_add(out, ":%u", packet->icmp ? packet->icmp->code : packet->dst_port);
    }
    text_char(out, '\n');
}

void record_alerts(struct recorder *recorder, const struct scene *scene, const struct alerts *alerts)
{
    for (size_t k = 0; k < alerts->count; k++) {
        const struct alert *alert = &alerts->items[k];
        for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
            if (!recorder->sinks->eves[i].settings->alert)
                continue;
            if (alert->tagged)
                write_tagged(recorder, i, scene);
            else if (!alert->rule->noalert)
                write_alert(recorder, i, scene, alert);
        }
        if (recorder->sinks->fast && !alert->tagged && !alert->rule->noalert)
            write_fast(recorder, scene, alert);
        if (!alert->tagged)
            record_certificate(recorder, scene, alert);
    }
}

void record_finding(struct recorder *recorder, const struct scene *scene, const struct rule *rule)
{
    struct alert alert = { .rule = rule, .direction = (uint8_t)scene->direction, .action = ACTION_ALERT };
    for (size_t i = 0; i < recorder->sinks->eve_count; i++)
        if (recorder->sinks->eves[i].settings->alert)
            write_alert(recorder, i, scene, &alert);
    if (recorder->sinks->fast)
        write_fast(recorder, scene, &alert);
}

/* ---- drops ---- */

void recorder_packet(const struct packet *packet, struct text *out)
{
    const struct ip_header *ip = packet->ip;
    const struct tcp_header *tcp = packet->tcp;
    if (ip && ip->version == 4) {
        json_uint(out, "len", ip->size);
        json_uint(out, "tos", ip->tos);
        json_uint(out, "ttl", ip->ttl);
        json_uint(out, "ipid", ip->id);
    } else if (ip) {
        json_uint(out, "len", ip->size);
        json_uint(out, "tc", ip->tos);
        json_uint(out, "hoplimit", ip->ttl);
        json_uint(out, "flowlbl", ip->flow_label);
    }
    if (tcp) {
        json_uint(out, "tcpseq", tcp->sequence);
        json_uint(out, "tcpack", tcp->acknowledgment);
        json_uint(out, "tcpwin", tcp->window);
        json_bool(out, "syn", tcp->flags & TCP_SYN);
        json_bool(out, "ack", tcp->flags & TCP_ACK);
        json_bool(out, "psh", tcp->flags & TCP_PSH);
        json_bool(out, "rst", tcp->flags & TCP_RST);
        json_bool(out, "urg", tcp->flags & TCP_URG);
        json_bool(out, "fin", tcp->flags & TCP_FIN);
        json_uint(out, "tcpres", tcp->reserved);
        json_uint(out, "tcpurgp", tcp->urgent);
    } else if (packet->udp) {
        json_uint(out, "udplen", packet->udp->size);
    } else if (packet->icmp && packet->icmp->has_id) {
        json_uint(out, "icmp_id", packet->icmp->id);
        json_uint(out, "icmp_seq", packet->icmp->sequence);
    }
}

static void put_dropped(const struct scene *scene, struct text *out)
{
    json_open(out, "drop", '{');
    recorder_packet(scene->packet, out);
    json_cstring(out, "reason", scene->drop_reason ? scene->drop_reason : "unknown");
    json_close(out, '}');
}

void record_drop(struct recorder *recorder, const struct scene *scene, bool first)
{
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        if (!eve->drop || (!first && !eve->drops.all_of_flow))
            continue;
        struct eve_header header;
        char community[32];
        size_t start;
        struct text *out = recorder_begin(recorder, i, &start);
        recorder_header(recorder, scene, eve, "drop", false, scene->direction, &header, community);
        eve_open(&recorder->stamp, &header, out);
        if (scene->flow)
            json_cstring(out, "direction", direction_name(scene->direction));
        put_dropped(scene, out);
        if (eve->drops.verdict)
            put_verdict(scene, out);
        if (eve->drops.alerts && scene->drop_rule)
            put_alert(eve, scene, scene->drop_rule, scene->drop_action, NULL, NULL, out);
        recorder_tail(recorder, eve, out);
        recorder_end(recorder, i, start);
    }
}
