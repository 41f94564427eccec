/* SPDX-License-Identifier: Apache-2.0 */
/* All that a sensor can be told: one constant record, read from suricata.yaml and the command line. */
#ifndef VONGLAU_SENSOR_SETTINGS_H
#define VONGLAU_SENSOR_SETTINGS_H

#include "detect/detect.h"
#include "detect/grouping.h"
#include "event/output.h"
#include "event/packet_file.h"
#include "flow/defrag.h"
#include "flow/flow_table.h"
#include "packet/capture.h"
#include "packet/decode.h"
#include "proto/http.h"
#include "proto/mqtt.h"
#include "proto/dns.h"
#include "proto/file.h"
#include "proto/mime.h"
#include "sensor/config.h"

/* What is done when the engine cannot look (Suricata's exception policies). */
enum exception_policy {
    EXCEPTION_IGNORE,
    EXCEPTION_PASS_PACKET,
    EXCEPTION_PASS_FLOW,
    EXCEPTION_BYPASS,
    EXCEPTION_DROP_PACKET,
    EXCEPTION_DROP_FLOW,
    EXCEPTION_REJECT,
    EXCEPTION_REJECT_BOTH,
    EXCEPTION_POLICY_COUNT
};
extern const char *const exception_policy_names[EXCEPTION_POLICY_COUNT]; /* as EVE writes them */

/* Where one can be needed. */
enum exception_target {
    EXCEPTION_DEFRAG_MEMCAP,
    EXCEPTION_FLOW_MEMCAP,
    EXCEPTION_STREAM_MEMCAP,
    EXCEPTION_REASSEMBLY_MEMCAP,
    EXCEPTION_MIDSTREAM,
    EXCEPTION_APP_LAYER,
    EXCEPTION_TARGET_COUNT
};
extern const char *const exception_target_names[EXCEPTION_TARGET_COUNT];   /* EVE's flow record */
extern const char *const exception_target_reasons[EXCEPTION_TARGET_COUNT]; /* EVE's drop.reason */

struct xff_settings {
    bool enabled, overwrite, forward; /* mode: overwrite; deployment: forward */
    const char *header;
};

/* One eve-log of `outputs`. */
struct eve_settings {
    struct output_settings output;
    bool to_spool; /* for the centre, not for a file */
    bool threaded, community_id, ethernet, compress_v6, metadata, packet_file_name, suricata_version;
    uint16_t community_seed;
    const char *sensor_name, *prefix;
    struct xff_settings xff;

    bool protocol[PROTOCOL_COUNT], extended[PROTOCOL_COUNT]; /* by enum protocol_id */
    struct config_node *options[PROTOCOL_COUNT];             /* the type's own settings, or NULL */
    struct dns_log_settings dns;
    struct mail_log_settings mail;
    struct http_log_settings http;
    struct mqtt_log_settings mqtt;
    uint32_t tls_fields; /* enum tls_log_field */
    uint32_t smb_types;  /* smb_log_type(); 0: all */

    bool alert, anomaly, drop, files, flow, netflow, stats, frame, arp, stream, engine;
    struct {
        bool payload, payload_printable, payload_length, packet, http_body, http_body_printable;
        bool tagged, verdict, app_layer, flow, rule_metadata, rule_raw, reference;
        uint32_t payload_max; /* bytes */
        struct xff_settings xff;
    } alerts;
    struct {
        bool decode, stream, applayer, header;
    } anomalies;
    struct {
        bool alerts, all_of_flow, verdict;
    } drops;
    struct {
        bool magic;
    } file;
    struct {
        bool all, events, states, spurious;
    } streams;
    bool flow_exception_policy;
    struct {
        bool totals, threads, deltas, null_values;
    } statistics;
};

enum packet_log_condition { PACKET_LOG_ALL, PACKET_LOG_ALERTS, PACKET_LOG_TAGGED };

/* `pcap-log`: packets to capture files. */
struct packet_log_settings {
    bool enabled, multi; /* multi: a file for each worker */
    bool use_stream_depth, honor_pass_rules;
    enum packet_log_condition condition;
    const char *filter; /* BPF, or NULL */
    struct packet_file_settings file;
};

struct log_settings {
    const char *level;
    bool console, file, file_json;
    const char *file_name, *file_level;
};

struct interface_settings {
    const char *name, *filter;
    uint32_t threads, cluster_id;
    bool promiscuous, defragment;
    unsigned checksums; /* enum capture_checksums */
    uint32_t block_size, block_count;
};

struct settings {
    struct config config;
    const char *config_path; /* NULL: built-in defaults only */

    const char *log_dir, *data_dir;
    const char **rule_files;
    size_t rule_file_count;
    struct ruleset_settings rules;
    struct grouping_settings grouping;
    bool detection, inline_mode, failures_fatal;
    bool rule_analysis;

    struct eve_settings *eves;
    size_t eve_count;
    struct output_settings fast, stats_log;
    bool anomaly_seen; /* while reading: one output has them */
    bool fast_enabled, stats_log_enabled, stats_log_null_values;
    struct packet_log_settings packet_log;
    struct log_settings log;

    bool stats_enabled, stats_decoder_events, stats_stream_events, stats_exception_policies;
    bool stats_per_app_errors;
    const char *stats_decoder_prefix;
    uint64_t stats_interval; /* ns */

    enum exception_policy exceptions[EXCEPTION_TARGET_COUNT];
    bool exception_chosen[EXCEPTION_TARGET_COUNT]; /* by the file, not by default */
    struct decode_settings decode;
    struct defrag_settings defrag;
    struct flow_settings flow;
    struct tcp_settings tcp;
    bool stream_bypass, drop_invalid;
    uint64_t stream_depth;
    struct file_settings files;
    bool file_store, file_store_fileinfo;
    const char *certificate_dir; /* tls-store; NULL: none */
    struct session_settings sessions;
    const struct protocol *enabled[PROTOCOL_COUNT + 1];
    const void *options[PROTOCOL_COUNT + 1];
    uint64_t app_depth[PROTOCOL_COUNT]; /* bytes of a stream that are followed; 0: all; by enum protocol_id */
    bool bypass_encrypted[PROTOCOL_COUNT],
        full_encrypted[PROTOCOL_COUNT]; /* encryption-handling, by enum protocol_id */

    struct capture_settings capture;
    struct interface_settings *interfaces;
    size_t interface_count;
    uint32_t workers;
    uint64_t memory_max;     /* --memory, bytes; 0: sizes as in the file */
    uint64_t session_memory; /* of it for one worker's parsers; see settings_share_memory() */

    const char *user, *group, *pid_file;
    bool sandbox, behavior;
    const char *spool_dir;
    uint64_t spool_bytes;
};

/* Suricata's stock settings in our words: what holds when no file says otherwise. */
extern const char settings_stock[];

/* Before all else, so that what is wrong with the rest can be logged: folders and users, then messages. */
void settings_read_places(struct settings *settings);
MUST_CHECK bool settings_read_logging(struct settings *settings, struct error *error);
/* Fills `settings` from settings->config, which is loaded; everything lives in its arena. */
MUST_CHECK bool settings_read(struct settings *settings, struct error *error);
void settings_init(struct settings *settings);
void settings_done(struct settings *settings);
/* Why a key that is not honoured has no effect, or NULL: it is simply not known. */
const char *settings_refusal(const char *path);
/* The interfaces that the file names, for --af-packet without one. */
MUST_CHECK bool settings_list_interfaces(struct settings *settings, struct error *error);
/* Shares memory_max out over the pools of so many workers. */
void settings_share_memory(struct settings *settings, size_t workers);

#endif
