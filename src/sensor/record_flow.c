/* SPDX-License-Identifier: Apache-2.0 */
/* Flows at their end: EVE's flow and netflow events. */
#include "base/clock.h"
#include "flow/community_id.h"
#include "sensor/recorder.h"

static const struct {
    uint8_t flag;
    const char *name;
} flags[] = { { TCP_SYN, "syn" }, { TCP_FIN, "fin" }, { TCP_RST, "rst" }, { TCP_PSH, "psh" },
              { TCP_ACK, "ack" }, { TCP_URG, "urg" }, { TCP_ECE, "ecn" }, { TCP_CWR, "cwr" } };

static void put_flags(uint8_t seen, struct text *out)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (seen & flags[i].flag)
            json_bool(out, flags[i].name, true);
}

JSON_INLINE void put_octet(struct text *out, const char *key, uint8_t value)
{
    json_hex(out, key, bytes_of(&value, 1));
}

static void put_tcp(const struct flow *flow, struct text *out)
{
    const struct tcp *tcp = flow->tcp;
    uint8_t both = flow->tcp_flags[TO_SERVER] | flow->tcp_flags[TO_CLIENT];
    json_open(out, "tcp", '{');
    put_octet(out, "tcp_flags", both);
    put_octet(out, "tcp_flags_ts", flow->tcp_flags[TO_SERVER]);
    put_octet(out, "tcp_flags_tc", flow->tcp_flags[TO_CLIENT]);
    put_flags(both, out);
    if (tcp) {
        json_word(out, "state", tcp_state_names[tcp->state]);
        json_uint(out, "ts_max_regions", stream_regions_max(tcp->streams[TO_SERVER]));
        json_uint(out, "tc_max_regions", stream_regions_max(tcp->streams[TO_CLIENT]));
        if (stream_had_gap(tcp->streams[TO_SERVER]))
            json_bool(out, "ts_gap", true);
        if (stream_had_gap(tcp->streams[TO_CLIENT]))
            json_bool(out, "tc_gap", true);
    }
    json_close(out, '}');
}

static bool is_zero(const uint8_t octets[6])
{
    static const uint8_t zero[6];
    return memcmp(octets, zero, 6) == 0;
}

static void put_macs(const struct recorder *recorder, const struct flow *flow, bool of_client,
                     const char *key, struct text *out)
{
    const uint8_t *octets;
    json_open(out, key, '[');
    for (size_t i = 0; (octets = macs_get(&recorder->macs, flow, of_client, i)); i++)
        eve_mac(out, NULL, octets);
    json_close(out, ']');
}

static void put_ether(const struct recorder *recorder, const struct flow *flow, bool from_server,
                      struct text *out)
{
    if (is_zero(flow->client_mac) && is_zero(flow->server_mac))
        return;
    json_open(out, "ether", '{');
    put_macs(recorder, flow, from_server, "dest_macs", out);
    put_macs(recorder, flow, !from_server, "src_macs", out);
    json_close(out, '}');
}

static void open_record(struct recorder *recorder, const struct eve_settings *eve, const struct flow *flow,
                        const char *type, bool from_server, struct text *out)
{
    char community[32];
    bool back = from_server && flow->has_response;
    struct eve_header header = {
        .time = flow->first,
        .type = type,
        .flow_id = flow->id,
        .parent_id = flow->parent_id,
        .interface = recorder->interface,
        .src = from_server ? flow->server : flow->client,
        .dst = from_server ? flow->client : flow->server,
        .src_port = from_server ? flow->server_port : flow->client_port,
        .dst_port = from_server ? flow->client_port : flow->server_port,
        .protocol = flow->protocol,
        .has_ports = flow->protocol == IP_TCP || flow->protocol == IP_UDP || flow->protocol == IP_SCTP,
        .has_icmp = flow->protocol == IP_ICMP || flow->protocol == IP_ICMPV6,
        .icmp_type = back ? flow->response_type : (uint8_t)flow->client_port,
        .icmp_code = back ? flow->response_code : (uint8_t)flow->server_port,
        .has_icmp_back = flow->has_response && strcmp(type, "netflow") != 0,
        .icmp_type_back = flow->response_type,
        .icmp_code_back = flow->response_code,
        .vlans = flow->vlans,
        .vlan_count = flow->vlan_count,
        .compress_v6 = eve->compress_v6,
        .version_first = true,
        .no_version = !strcmp(type, "netflow"),
        .has_spi = flow->protocol == IP_ESP,
        .spi = (uint32_t)flow->client_port << 16 | flow->server_port,
    };
    if (eve->community_id) {
        community_id_flow(eve->community_seed, flow, community);
        header.community_id = community;
    }
    eve_open(&recorder->stamp, &header, out);
}

/* Whole seconds on the clock between the first and the last packet. */
static uint64_t age(const struct flow *flow)
{
    return flow->last / NS_PER_S - flow->first / NS_PER_S;
}

static void put_exceptions(const struct settings *settings, uint32_t exceptions, struct text *out)
{
    if (!exceptions)
        return;
    json_open(out, "exception_policy", '[');
    for (size_t target = 0; target < EXCEPTION_TARGET_COUNT; target++) {
        if (!(exceptions & 1U << target))
            continue;
        json_open(out, NULL, '{');
        json_word(out, "target", exception_target_names[target]);
        json_word(out, "policy", exception_policy_names[settings->exceptions[target]]);
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* Datagrams without a payload: there was nothing to recognise, nor will be. */
static bool is_mute_udp(const struct flow *flow, const struct session *session)
{
    return !session && flow->protocol == IP_UDP;
}

static void write_flow(struct recorder *recorder, const struct eve_settings *eve, const struct flow *flow,
                       const struct session *session, uint32_t exceptions, struct text *out)
{
    open_record(recorder, eve, flow, "flow", false, out);
    if (is_mute_udp(flow, session))
        json_word(out, "app_proto", "failed");
    else
        recorder_app_proto(session, out);
    json_open(out, "flow", '{');
    json_uint(out, "pkts_toserver", flow->packets[TO_SERVER]);
    json_uint(out, "pkts_toclient", flow->packets[TO_CLIENT]);
    json_uint(out, "bytes_toserver", flow->bytes[TO_SERVER]);
    json_uint(out, "bytes_toclient", flow->bytes[TO_CLIENT]);
    eve_time(&recorder->stamp, out, "start", flow->first);
    eve_time(&recorder->stamp, out, "end", flow->last);
    json_uint(out, "age", age(flow));
    if (flow->elephant)
        json_bool(out, "elephant", true);
    if (flow->bypassed)
        json_word(out, "bypass", "local");
    json_word(out, "state", flow_state_names[flow->state]);
    json_word(out, "reason", flow_end_names[flow->end_reason]);
    json_bool(out, "alerted", flow->alerted);
    if (flow->dropped)
        json_word(out, "action", "drop");
    else if (flow->passed)
        json_word(out, "action", "pass");
    put_exceptions(recorder->settings, exceptions, out);
    if (session && session->tx_total)
        json_uint(out, "tx_cnt", session->tx_total);
    json_close(out, '}');
    if (eve->metadata)
        recorder_metadata(recorder, flow, NULL, out);
    if (eve->ethernet)
        put_ether(recorder, flow, false, out);
    if (flow->protocol == IP_TCP)
        put_tcp(flow, out);
    recorder_tail(recorder, eve, out);
}

static void write_netflow(struct recorder *recorder, const struct eve_settings *eve, const struct flow *flow,
                          const struct session *session, enum direction direction, struct text *out)
{
    open_record(recorder, eve, flow, "netflow", direction == TO_CLIENT, out);
    json_cstring(out, "app_proto",
                 is_mute_udp(flow, session) ? "failed" : recorder_app_of(session, direction));
    json_open(out, "netflow", '{');
    json_uint(out, "pkts", flow->packets[direction]);
    json_uint(out, "bytes", flow->bytes[direction]);
    eve_time(&recorder->stamp, out, "start", flow->first);
    eve_time(&recorder->stamp, out, "end", flow->last);
    json_uint(out, "age", age(flow));
    json_uint(out, "min_ttl", flow->min_ttl[direction]);
    json_uint(out, "max_ttl", flow->max_ttl[direction]);
    if (session && session->tx_total)
        json_uint(out, "tx_cnt", session->tx_total);
    json_close(out, '}');
    if (eve->metadata)
        recorder_metadata(recorder, flow, NULL, out);
    if (eve->ethernet)
        put_ether(recorder, flow, direction == TO_CLIENT, out);
    if (flow->protocol == IP_TCP) {
        json_open(out, "tcp", '{');
        put_octet(out, "tcp_flags", flow->tcp_flags[direction]);
        put_flags(flow->tcp_flags[direction], out);
        json_close(out, '}');
    }
    recorder_tail(recorder, eve, out);
}

void record_flow(struct recorder *recorder, const struct flow *flow, const struct session *session,
                 uint32_t exceptions)
{
    for (size_t i = 0; i < recorder->sinks->eve_count; i++) {
        const struct eve_settings *eve = recorder->sinks->eves[i].settings;
        size_t start;
        if (eve->flow) {
            struct text *out = recorder_begin(recorder, i, &start);
            write_flow(recorder, eve, flow, session, exceptions, out);
            recorder_end(recorder, i, start);
        }
        for (int d = 0; eve->netflow && d < DIRECTIONS; d++) {
            if (d == TO_CLIENT && flow->packets[d] == 0)
                continue;
            struct text *out = recorder_begin(recorder, i, &start);
            write_netflow(recorder, eve, flow, session, (enum direction)d, out);
            recorder_end(recorder, i, start);
        }
    }
}
