/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of counters as a tree of names; see stats.h. */
#include "sensor/stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define TREE_MEMORY (4U << 20)

struct node {
    const char *name;
    uint64_t value, previous;
    bool leaf;
    struct node *first, *last, *next;
};

struct stats {
    const struct settings *settings;
    struct arena memory;
    struct node root; /* kept from time to time for the deltas */
    struct text totals, deltas, log;
};

struct stats *stats_new(const struct settings *settings, struct error *error)
{
    struct stats *stats = calloc(1, sizeof *stats);
    if (!stats) {
        error_set(error, "out of memory");
        return NULL;
    }
    stats->settings = settings;
    stats->memory = arena_of(TREE_MEMORY);
    stats->totals = stats->deltas = stats->log = text_new(TREE_MEMORY);
    return stats;
}

void stats_free(struct stats *stats)
{
    if (!stats)
        return;
    arena_done(&stats->memory);
    text_done(&stats->totals);
    text_done(&stats->deltas);
    text_done(&stats->log);
    free(stats);
}

/* ---- the tree ---- */

static struct node *child(struct stats *stats, struct node *parent, struct bytes name)
{
    for (struct node *node = parent->first; node; node = node->next)
        if (bytes_is(name, node->name))
            return node;
    struct node *node = ARENA_NEW(&stats->memory, struct node);
    const char *copy = node ? arena_string(&stats->memory, name) : NULL;
    if (!copy)
        return NULL;
    node->name = copy;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

static void add(struct stats *stats, const char *path, uint64_t value)
{
    struct bytes rest = bytes_of_string(path);
    struct node *node = &stats->root;
    while (rest.size && node)
        node = child(stats, node, bytes_cut(&rest, '.'));
    if (!node)
        return;
    node->leaf = true;
    node->value += value;
}

static void add_named(struct stats *stats, uint64_t value, const char *format, ...) PRINTF_LIKE(3, 4);

static void add_named(struct stats *stats, uint64_t value, const char *format, ...)
{
    char path[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    add(stats, path, value);
}

static void start_over(struct node *node)
{
    node->previous = node->value;
    node->value = 0;
    for (struct node *at = node->first; at; at = at->next)
        start_over(at);
}

static void add_table(struct stats *stats, const struct counter *table, const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(stats, table[i].name, values[i]);
}

/* ---- sources ---- */

static void add_decoder(struct stats *stats, const struct worker *worker)
{
    for (size_t i = 0; i < DECODE_COUNTER_COUNT; i++)
        if (i != DECODE_AVG_SIZE)
            add(stats, decode_counters[i].name, worker->decoder.counts[i]);
    if (!stats->settings->stats_decoder_events)
        return;
    for (size_t i = 0; i < DECODE_EVENT_COUNT; i++)
        add_named(stats, worker->decoder.event_counts[i], "%s.%s", stats->settings->stats_decoder_prefix,
                  decode_event_names[i]);
}

/* Two events have a shorter name among the counters than in rules. */
static void add_stream_events(struct stats *stats, const struct worker *worker)
{
    const uint64_t *counts = tcp_event_counts(worker->tcp);
    if (!stats->settings->stats_stream_events)
        return;
    for (size_t i = 0; i < STREAM_EVENT_COUNT; i++) {
        const char *name = i == STREAM_EVENT_WHS3_SYNACK_RESEND_WITH_DIFFERENT_ACK
                               ? "3whs_synack_resend_with_diff_ack"
                           : i == STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK
                               ? "est_synack_resend_with_diff_ack"
                               : stream_event_names[i];
        add_named(stats, counts[i], "stream.%s", name);
    }
}

static const char *exception_path(enum exception_target target)
{
    static const char *const paths[EXCEPTION_TARGET_COUNT] = {
        [EXCEPTION_DEFRAG_MEMCAP] = "defrag.memcap",  [EXCEPTION_FLOW_MEMCAP] = "flow.memcap",
        [EXCEPTION_STREAM_MEMCAP] = "tcp.ssn_memcap", [EXCEPTION_REASSEMBLY_MEMCAP] = "tcp.reassembly",
        [EXCEPTION_MIDSTREAM] = "tcp.midstream",      [EXCEPTION_APP_LAYER] = "app_layer.error",
    };
    return paths[target];
}

static void add_exceptions(struct stats *stats, const struct worker *worker)
{
    for (size_t target = 0; target < EXCEPTION_TARGET_COUNT; target++) {
        enum exception_policy policy = stats->settings->exceptions[target];
        if (policy == EXCEPTION_IGNORE)
            continue;
        if (!stats->settings->exception_chosen[target])
            continue;
        for (size_t any = EXCEPTION_PASS_PACKET; any < EXCEPTION_POLICY_COUNT; any++)
            add_named(stats, worker->counts.exceptions[target][any], "exception_policy.%s.%s",
                      exception_path((enum exception_target)target), exception_policy_names[any]);
    }
}

static void add_verdicts(struct stats *stats, const struct worker *worker)
{
    add(stats, "ips.accepted", worker->counts.accepted);
    add(stats, "ips.blocked", worker->counts.blocked);
    add(stats, "ips.rejected", worker->counts.rejected);
    add(stats, "ips.replaced", 0);
    for (size_t i = 0; i < DROP_REASON_COUNT; i++)
        add_named(stats, worker->counts.drop_reasons[i], "ips.drop_reason.%s", drop_reason_names[i]);
}

static void add_app(struct stats *stats, const struct app_counts *counts, const struct protocol *protocol)
{
    static const char *const suffixes[] = { "_tcp", "_udp" };
    bool both = protocol->transports == (TRANSPORT_TCP | TRANSPORT_UDP);
    for (size_t transport = 0; transport < 2; transport++) {
        if (!(protocol->transports & (transport ? TRANSPORT_UDP : TRANSPORT_TCP)))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%s%s", protocol->name, both ? suffixes[transport] : "");
        add_named(stats, counts->flows[transport], "app_layer.flow.%s", name);
        add_named(stats, counts->txs[transport], "app_layer.tx.%s", name);
        if (!transport)
            add_named(stats, counts->errors[APP_ERROR_GAP][0], "app_layer.error.%s.gap", name);
        add_named(stats, counts->errors[APP_ERROR_ALLOC][transport], "app_layer.error.%s.alloc", name);
        add_named(stats, counts->errors[APP_ERROR_PARSER][transport], "app_layer.error.%s.parser", name);
        add_named(stats, 0, "app_layer.error.%s.internal", name);
        for (size_t policy = EXCEPTION_PASS_PACKET;
             stats->settings->stats_per_app_errors && policy < EXCEPTION_POLICY_COUNT; policy++)
            add_named(stats, counts->exceptions[policy], "app_layer.error.%s.exception_policy.%s", name,
                      exception_policy_names[policy]);
    }
}

static void add_packet_log(struct stats *stats, const struct worker *worker)
{
    struct packet_log_counts counts = { 0 };
    packet_log_count(worker->packet_log, &counts);
    if (worker->index == 0 && worker->recorder.sinks->packets) {
        counts.written += packet_file_written(worker->recorder.sinks->packets);
        counts.lost += packet_file_lost(worker->recorder.sinks->packets);
    }
    add(stats, "pcap_log.written", counts.written);
    add(stats, "pcap_log.filtered_bpf", counts.filtered);
    add(stats, "vonglau.pcap_log.lost", counts.lost);
}

static void add_worker(struct stats *stats, struct worker *worker)
{
    const struct worker_counts *counts = &worker->counts;
    add_decoder(stats, worker);
    add_stream_events(stats, worker);
    add_table(stats, tcp_counters, tcp_counts(worker->tcp), TCP_COUNTER_COUNT);
    add_table(stats, flow_counters, flow_counts(worker->flows), FLOW_COUNTER_COUNT);
    add_table(stats, defrag_counters, defrag_counts(worker->defrag), DEFRAG_COUNTER_COUNT);
    add(stats, "flow_bypassed.local_pkts", counts->bypassed_packets);
    add(stats, "flow_bypassed.local_bytes", counts->bypassed_bytes);
    if (worker->index == 0 && worker->expectations) {
        uint64_t counts_of_all[EXPECT_COUNTER_COUNT] = { 0 };
        expect_counts(worker->expectations, counts_of_all);
        add_table(stats, expect_counters, counts_of_all, EXPECT_COUNTER_COUNT);
        add(stats, "app_layer.expectations", expect_count(worker->expectations));
    }
    if (stats->settings->inline_mode)
        add_verdicts(stats, worker);
    if (worker->detector)
        add_table(stats, detect_counters, detector_counts(worker->detector), DETECT_COUNTER_COUNT);
    add(stats, "app_layer.flow.failed_tcp", counts->failed_flows[0]);
    add(stats, "app_layer.flow.failed_udp", counts->failed_flows[1]);
    for (size_t i = 0; stats->settings->enabled[i]; i++) {
        size_t app = stats->settings->enabled[i]->id;
        if (app < PROTOCOL_COUNT)
            add_app(stats, &counts->apps[app], stats->settings->enabled[i]);
    }
    add(stats, "app_layer.expectations", 0);
    if (stats->settings->file_store) {
        add(stats, "file_store.open_files", 0);
        add(stats, "file_store.fs_errors", 0);
    }
    if (worker->packet_log)
        add_packet_log(stats, worker);
    if (stats->settings->stats_exception_policies)
        add_exceptions(stats, worker);
    add(stats, "ftp.memuse",
        worker->budget.by_protocol[PROTOCOL_ftp] + worker->budget.by_protocol[PROTOCOL_ftp_data]);
    add(stats, "http.memuse", worker->budget.by_protocol[PROTOCOL_http]);
    add(stats, "vonglau.eve.lines", worker->recorder.lines);
    add(stats, "vonglau.eve.lost", worker->recorder.lost);
    add(stats, "vonglau.tx_shed", worker->session_counts[SESSION_TX_SHED]);
    add(stats, "vonglau.sessions_refused", worker->session_counts[SESSION_REFUSED]);
    add(stats, "vonglau.sessions_shed", worker->session_counts[SESSION_SHED]);
    add(stats, "vonglau.sessions_memuse", worker->budget.used);
}

/* ---- writing ---- */

static bool empty(const struct node *node)
{
    if (node->leaf && node->value)
        return false;
    for (const struct node *at = node->first; at; at = at->next)
        if (!empty(at))
            return false;
    return true;
}

/* The ids of the rules that were put aside. */
static void put_quarantined(const struct ruleset *rules, struct text *out)
{
    struct quarantined rule;
    if (!ruleset_quarantined(rules, 0, &rule))
        return;
    json_open(out, "rules_quarantined", '[');
    for (size_t i = 0; ruleset_quarantined(rules, i, &rule); i++)
        json_uint(out, NULL, rule.rule->sid);
    json_close(out, ']');
}

/* In an array there is one object per engine. */
static void put_engines(const struct stats_source *source, struct text *out)
{
    if (!source->rules_used)
        return;
    json_open(out, "engines", '[');
    json_open(out, NULL, '{');
    json_uint(out, "id", 0);
    struct eve_stamp stamp = { 0 };
    eve_time(&stamp, out, "last_reload", source->reloaded);
    json_uint(out, "rules_loaded", source->rules.loaded);
    json_uint(out, "rules_failed", source->rules.failed);
    json_uint(out, "rules_skipped", source->rules.skipped);
    put_quarantined(source->rules_used, out);
    json_close(out, '}');
    json_close(out, ']');
}

static void put_node(const struct node *node, const struct stats_source *source, bool zeros, bool deltas,
                     struct text *out)
{
    for (const struct node *at = node->first; at; at = at->next) {
        if (!zeros && empty(at))
            continue;
        if (at->leaf && !at->first) {
            json_uint(out, at->name, at->value);
            char name[96];
            snprintf(name, sizeof name, "%s_delta", at->name);
            if (deltas)
                json_int(out, name, (int64_t)(at->value - at->previous));
            continue;
        }
        json_open(out, at->name, '{');
        if (!strcmp(at->name, "detect"))
            put_engines(source, out);
        if (at->leaf)
            json_uint(out, "total", at->value);
        put_node(at, source, zeros, deltas, out);
        json_close(out, '}');
    }
}

static void put_object(const struct stats *stats, const struct stats_source *source, uint64_t uptime,
                       bool zeros, bool deltas, struct text *out)
{
    text_clear(out);
    json_open(out, NULL, '{');
    json_uint(out, "uptime", uptime);
    put_node(&stats->root, source, zeros, deltas, out);
    json_close(out, '}');
    json_end(out);
}

static void put_log_rows(const struct node *node, const char *prefix, bool zeros, struct text *out)
{
    for (const struct node *at = node->first; at; at = at->next) {
        char path[256];
        snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", at->name);
        if (at->leaf && (at->value || zeros))
            text_add(out, "%-45s | %-25s | %-6llu\n", path, "Total", (unsigned long long)at->value);
        put_log_rows(at, path, zeros, out);
    }
}

static void write_log(struct stats *stats, struct output *output, uint64_t uptime, uint64_t now)
{
    struct text *out = &stats->log;
    time_t seconds = (time_t)(now / NS_PER_S);
    struct tm tm;
    char stamp[64];
    static const char rule[] =
        "------------------------------------------------------------------------------------\n";
    localtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%m/%d/%Y -- %H:%M:%S", &tm);
    text_clear(out);
    text_string(out, rule);
    text_add(out, "Date: %s (uptime: %llud, %02lluh %02llum %02llus)\n", stamp,
             (unsigned long long)(uptime / 86400), (unsigned long long)(uptime / 3600 % 24),
             (unsigned long long)(uptime / 60 % 60), (unsigned long long)(uptime % 60));
    text_string(out, rule);
    text_add(out, "%-45s | %-25s | %-6s\n", "Counter", "TM Name", "Value");
    text_string(out, rule);
    put_log_rows(&stats->root, "", stats->settings->stats_log_null_values, out);
    output_write(output, text_bytes(out));
}

static void add_capture(struct stats *stats, struct capture *capture)
{
    const uint64_t *counts = capture_counts(capture);
    add_table(stats, capture_counters, counts, CAPTURE_COUNTER_COUNT);
}

/* What is no sum: the largest packet, the mean size. */
static void put_sizes(struct stats *stats, const struct stats_source *source)
{
    uint64_t packets = 0, bytes = 0, largest = 0;
    for (size_t i = 0; i < source->worker_count; i++) {
        const uint64_t *counts = source->workers[i]->decoder.counts;
        packets += counts[DECODE_PACKETS];
        bytes += counts[DECODE_BYTES];
        largest = MAX(largest, counts[DECODE_MAX_SIZE]);
    }
    add(stats, "decoder.avg_pkt_size", packets ? bytes / packets : 0);
    struct node *decoder = child(stats, &stats->root, BYTES_OF("decoder"));
    struct node *most = decoder ? child(stats, decoder, BYTES_OF("max_pkt_size")) : NULL;
    if (most)
        most->value = largest;
}

void stats_record(struct stats *stats, const struct stats_source *source, struct recorder *recorder,
                  uint64_t now)
{
    uint64_t uptime = (clock_steady() - source->started) / NS_PER_S;
    bool zeros = true, deltas = false;
    start_over(&stats->root);
    for (size_t i = 0; i < source->capture_count; i++)
        if (source->captures[i] && capture_descriptor(source->captures[i]) >= 0)
            add_capture(stats, source->captures[i]);
    for (size_t i = 0; i < source->worker_count; i++)
        add_worker(stats, source->workers[i]);
    add(stats, "vonglau.eve.lost", sinks_lost(recorder->sinks));
    put_sizes(stats, source);
    for (size_t i = 0; i < stats->settings->eve_count; i++) {
        zeros &= !stats->settings->eves[i].stats || stats->settings->eves[i].statistics.null_values;
        deltas |= stats->settings->eves[i].statistics.deltas;
    }
    put_object(stats, source, uptime, zeros, false, &stats->totals);
    if (deltas)
        put_object(stats, source, uptime, zeros, true, &stats->deltas);
    record_stats(recorder, now, text_bytes(&stats->totals), text_bytes(&stats->deltas));
    if (recorder->sinks->stats_log)
        write_log(stats, recorder->sinks->stats_log, uptime, now);
}
