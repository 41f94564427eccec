/* SPDX-License-Identifier: Apache-2.0 */
/* The `outputs` section of suricata.yaml; see settings.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "sensor/settings_parts.h"

/* "-" and "_" are the same in names of types. */
static bool same_name(struct bytes a, struct bytes b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        uint8_t x = a.data[i] == '-' ? (uint8_t)'_' : byte_lower(a.data[i]);
        uint8_t y = b.data[i] == '-' ? (uint8_t)'_' : byte_lower(b.data[i]);
        if (x != y)
            return false;
    }
    return true;
}

static bool named(const struct protocol *protocol, struct bytes name)
{
    struct bytes rest = bytes_of_string(protocol->alias);
    const struct protocol *exact = protocol_find(name);
    if (same_name(bytes_of_string(protocol->name), name))
        return true;
    if (exact && same_name(bytes_of_string(exact->name), name))
        return false; /* an alias here is the name of another protocol */
    while (rest.size)
        if (same_name(bytes_cut(&rest, ' '), name))
            return true;
    return false;
}

static bool choose_protocols(struct settings *settings, struct eve_settings *eve, const char *type,
                             struct config_node *options, bool enabled, bool *found, struct error *error)
{
    struct bytes name = bytes_of_string(type);
    *found = false;
    for (int by_event = 0; by_event < 2 && !*found; by_event++)
        for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
            const struct protocol *protocol = protocols[i];
            bool fits = by_event ? protocol->eve_type && same_name(bytes_of_string(protocol->eve_type), name)
                                 : named(protocol, name);
            /* The data connections of FTP are logged with its commands. */
            if (!fits && !strcmp(type, "ftp") && !strcmp(protocol->name, "ftp-data"))
                fits = true;
            if (!fits)
                continue;
            *found = true;
            eve->protocol[i] = enabled;
            eve->options[i] = options;
            eve->extended[i] = options && (config_true(config_value(options, "extended")) ||
                                           config_true(config_value(options, "passwords")));
            if (enabled && !read_record_options(settings, eve, protocol, options, error))
                return false;
        }
    return true;
}

static bool read_xff(struct config_node *node, struct xff_settings *xff, struct error *error)
{
    struct config_node *own = node ? config_find(node, "xff") : NULL;
    if (!own)
        return true;
    const char *mode = config_value(own, "mode"), *deployment = config_value(own, "deployment");
    const char *header = config_value(own, "header");
    if (!config_bool(own, "enabled", &xff->enabled, error))
        return false;
    xff->overwrite = mode && !strcmp(mode, "overwrite");
    xff->forward = deployment && !strcmp(deployment, "forward");
    xff->header = header ? header : "X-Forwarded-For";
    return true;
}

static bool read_alert_type(struct eve_settings *eve, struct config_node *node, struct error *error)
{
    uint64_t most = 4096;
    eve->alerts.tagged = eve->alerts.app_layer = eve->alerts.flow = eve->alerts.rule_metadata = true;
    eve->alerts.payload_max = 4096;
    eve->alerts.xff = eve->xff;
    if (!node)
        return true;
    if (!config_bool(node, "payload", &eve->alerts.payload, error) ||
        !config_bool(node, "payload-printable", &eve->alerts.payload_printable, error) ||
        !config_bool(node, "payload-length", &eve->alerts.payload_length, error) ||
        !config_bool(node, "packet", &eve->alerts.packet, error) ||
        !config_bool(node, "http-body", &eve->alerts.http_body, error) ||
        !config_bool(node, "http-body-printable", &eve->alerts.http_body_printable, error) ||
        !config_bool(node, "tagged-packets", &eve->alerts.tagged, error) ||
        !config_bool(node, "verdict", &eve->alerts.verdict, error) ||
        !config_size(node, "payload-buffer-size", &most, error) || !read_xff(node, &eve->alerts.xff, error))
        return false;
    eve->alerts.payload_max = (uint32_t)MIN(most, 1U << 20);
    struct config_node *metadata = config_find(node, "metadata");
    if (metadata && config_false(metadata->value))
        eve->alerts.app_layer = eve->alerts.flow = eve->alerts.rule_metadata = false;
    if (!metadata || metadata->value)
        return true;
    return config_bool(metadata, "app-layer", &eve->alerts.app_layer, error) &&
           config_bool(metadata, "flow", &eve->alerts.flow, error) &&
           config_bool(metadata, "rule.metadata", &eve->alerts.rule_metadata, error) &&
           config_bool(metadata, "rule.raw", &eve->alerts.rule_raw, error) &&
           config_bool(metadata, "rule.reference", &eve->alerts.reference, error);
}

static bool read_anomaly_type(struct eve_settings *eve, struct config_node *node, struct error *error)
{
    eve->anomalies.applayer = true;
    if (!node)
        return true;
    return config_bool(node, "packethdr", &eve->anomalies.header, error) &&
           config_bool(node, "types.decode", &eve->anomalies.decode, error) &&
           config_bool(node, "types.stream", &eve->anomalies.stream, error) &&
           config_bool(node, "types.applayer", &eve->anomalies.applayer, error);
}

static bool read_drop_type(struct eve_settings *eve, struct config_node *node, struct error *error)
{
    const char *flows = node ? config_value(node, "flows") : NULL;
    struct config_node *place = node ? config_find(node, "flows") : NULL;
    eve->drops.all_of_flow = flows && !strcmp(flows, "all");
    if (flows && !eve->drops.all_of_flow && strcmp(flows, "start") != 0)
        return config_error(place, error, "'start' or 'all' expected, not '%s'", flows);
    return !node || (config_bool(node, "alerts", &eve->drops.alerts, error) &&
                     config_bool(node, "verdict", &eve->drops.verdict, error));
}

static bool read_stream_type(struct eve_settings *eve, struct config_node *node, struct error *error)
{
    return !node || (config_bool(node, "all", &eve->streams.all, error) &&
                     config_bool(node, "event-set", &eve->streams.events, error) &&
                     config_bool(node, "state-update", &eve->streams.states, error) &&
                     config_bool(node, "spurious-retransmission", &eve->streams.spurious, error));
}

static bool read_hashes(struct settings *settings, struct config_node *node, struct error *error)
{
    struct config_node *list = node ? config_find(node, "force-hash") : NULL;
    for (struct config_node *item = list ? list->first : NULL; item; item = item->next) {
        item->used = true;
        struct bytes name = bytes_of_string(item->value);
        if (bytes_is(name, "md5"))
            settings->files.md5 = true;
        else if (bytes_is(name, "sha1"))
            settings->files.sha1 = true;
        else if (bytes_is(name, "sha256"))
            settings->files.sha256 = true;
        else
            return config_error(item, error,
                                "Invalid configuration: force-hash algorithm %s (md5, sha1, sha256)",
                                item->value ? item->value : "");
    }
    return !node || config_bool(node, "force-md5", &settings->files.md5, error);
}

static bool read_files_type(struct settings *settings, struct eve_settings *eve, struct config_node *node,
                            struct error *error)
{
    if (node && !config_bool(node, "force-magic", &eve->file.magic, error))
        return false;
    settings->files.magic |= eve->file.magic;
    return read_hashes(settings, node, error);
}

static bool read_stats_type(struct eve_settings *eve, struct config_node *node, struct error *error)
{
    eve->statistics.totals = eve->statistics.null_values = true;
    return !node || (config_bool(node, "totals", &eve->statistics.totals, error) &&
                     config_bool(node, "threads", &eve->statistics.threads, error) &&
                     config_bool(node, "deltas", &eve->statistics.deltas, error) &&
                     config_bool(node, "null-values", &eve->statistics.null_values, error));
}

/* One element of `types`: a bare name, or a name with options. */
static bool read_type(struct settings *settings, struct eve_settings *eve, struct config_node *item,
                      struct error *error)
{
    struct config_node *node = item->value ? NULL : item->first;
    const char *type = item->value ? item->value : node ? node->name : NULL;
    bool enabled = true;
    item->used = true;
    if (!type)
        return true;
    if (node) {
        node->used = true;
        if (!config_bool(node, "enabled", &enabled, error))
            return false;
    }
    struct {
        const char *name;
        bool *flag;
    } kinds[] = {
        { "alert", &eve->alert },   { "anomaly", &eve->anomaly }, { "drop", &eve->drop },
        { "files", &eve->files },   { "flow", &eve->flow },       { "netflow", &eve->netflow },
        { "stats", &eve->stats },   { "frame", &eve->frame },     { "arp", &eve->arp },
        { "stream", &eve->stream }, { "engine", &eve->engine },
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(type, kinds[i].name) != 0)
            continue;
        *kinds[i].flag = enabled;
        if (kinds[i].flag == &eve->alert)
            return read_alert_type(eve, node, error);
        if (kinds[i].flag == &eve->anomaly && enabled && settings->anomaly_seen)
            return config_error(item, error, "only one 'anomaly' logger can be enabled");
        if (kinds[i].flag == &eve->anomaly)
            settings->anomaly_seen |= enabled;
        if (kinds[i].flag == &eve->anomaly)
            return read_anomaly_type(eve, node, error);
        if (kinds[i].flag == &eve->drop)
            return read_drop_type(eve, node, error);
        if (kinds[i].flag == &eve->files)
            return !enabled || read_files_type(settings, eve, node, error);
        if (kinds[i].flag == &eve->stream)
            return read_stream_type(eve, node, error);
        if (kinds[i].flag == &eve->stats)
            return read_stats_type(eve, node, error);
        return !node || config_bool(node, "exception-policy", &eve->flow_exception_policy, error);
    }
    bool found;
    if (!choose_protocols(settings, eve, type, node, enabled, &found, error))
        return false;
    if (!found && strcmp(type, "metadata") != 0) {
        item->used = false;
        log_info("%s:%u: EVE type '%s' has no records here", item->file, item->line, type);
    }
    return true;
}

static bool read_rotation(struct config_node *node, uint64_t *seconds, struct error *error)
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } names[] = { { "minute", 60 }, { "hour", 3600 }, { "day", 86400 } };
    struct config_node *found = config_find(node, "rotate-interval");
    if (!found || !found->value)
        return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(found->value, names[i].name)) {
            *seconds = names[i].seconds;
            return true;
        }
    struct bytes text = bytes_of_string(found->value);
    uint64_t number, unit = 1;
    if (text.size && !byte_is_digit(text.data[text.size - 1])) {
        switch (text.data[text.size - 1]) {
        case 's':
            break;
        case 'm':
            unit = 60;
            break;
        case 'h':
            unit = 3600;
            break;
        case 'd':
            unit = 86400;
            break;
        case 'w':
            unit = 7 * 86400;
            break;
        default:
            unit = 0;
        }
        text.size--;
    }
    if (!unit || !bytes_to_u64(text, &number) || !number || number > 366 * 86400)
        return config_error(found, error, "an interval such as hour or 30m expected, not '%s'", found->value);
    *seconds = number * unit;
    return true;
}

static bool read_syslog(struct config_node *node, struct output_settings *output, struct error *error)
{
    const char *identity = config_value(node, "identity"), *facility = config_value(node, "facility");
    const char *level = config_value(node, "level");
    int number = output_facility(facility ? bytes_of_string(facility) : BYTES_OF("local5"));
    int severity = output_severity(level ? bytes_of_string(level) : BYTES_OF("info"));
    if (number < 0)
        return config_error(config_find(node, "facility"), error, "'%s' is no facility of syslog", facility);
    if (severity < 0)
        return config_error(config_find(node, "level"), error, "'%s' is no level of syslog", level);
    output->identity = identity ? identity : "suricata";
    output->facility = (uint8_t)number;
    output->severity = (uint8_t)severity;
    output->path = OUTPUT_SYSLOG_SOCKET;
    return true;
}

/* Where an output goes; the common part of eve-log, fast and stats. */
static bool read_target(struct settings *settings, struct config_node *node, const char *name,
                        struct output_settings *output, struct error *error)
{
    static const struct {
        const char *name;
        enum output_kind kind;
    } kinds[] = {
        { "regular", OUTPUT_FILE },          { "file", OUTPUT_FILE }, { "unix_stream", OUTPUT_UNIX_STREAM },
        { "unix_dgram", OUTPUT_UNIX_DGRAM }, { "fifo", OUTPUT_FIFO }, { "null", OUTPUT_NOWHERE },
        { "syslog", OUTPUT_SYSLOG }
    };
    const char *filename = config_value(node, "filename");
    output->directory = settings->log_dir;
    output->path = filename ? filename : name;
    bool append = true;
    struct config_node *type = config_find(node, "filetype");
    bool known = !type || !type->value;
    for (size_t i = 0; i < COUNT_OF(kinds) && !known; i++)
        if (!strcmp(type->value, kinds[i].name)) {
            output->kind = kinds[i].kind;
            known = true;
        }
    if (!known)
        return config_error(type, error,
                            "'%s' is not supported: regular, unix_stream, unix_dgram, fifo or syslog",
                            type->value);
    if (output->kind == OUTPUT_SYSLOG && !read_syslog(node, output, error))
        return false;
    if (!config_bool(node, "append", &append, error) || !read_rotation(node, &output->rotate, error))
        return false;
    output->truncate = !append;
    const char *mode = config_value(node, "filemode");
    for (; mode && *mode >= '0' && *mode <= '7' && output->mode < 512; mode++)
        output->mode = output->mode * 8 + (uint32_t)(*mode - '0');
    return true;
}

static bool read_eve(struct settings *settings, struct config_node *node, struct error *error)
{
    struct eve_settings *eve = &settings->eves[settings->eve_count];
    uint64_t seed = 0;
    eve->metadata = true;
    if (!read_target(settings, node, "eve.json", &eve->output, error) ||
        !config_bool(node, "threaded", &eve->threaded, error) ||
        !config_bool(node, "community-id", &eve->community_id, error) ||
        !config_uint(node, "community-id-seed", UINT16_MAX, &seed, error) ||
        !config_bool(node, "ethernet", &eve->ethernet, error) ||
        !config_bool(node, "ipv6-compress", &eve->compress_v6, error) ||
        !config_bool(node, "metadata", &eve->metadata, error) ||
        !config_bool(node, "pcap-file", &eve->packet_file_name, error) ||
        !config_bool(node, "suricata-version", &eve->suricata_version, error) ||
        !read_xff(node, &eve->xff, error))
        return false;
    if (eve->output.kind != OUTPUT_FILE)
        eve->threaded = false; /* all workers' lines fit one socket */
    eve->community_seed = (uint16_t)seed;
    eve->prefix = config_value(node, "prefix");
    eve->sensor_name = config_value(&settings->config.root, "sensor-name");
    struct config_node *types = config_find(node, "types");
    for (struct config_node *item = types ? types->first : NULL; item; item = item->next)
        if (!read_type(settings, eve, item, error))
            return false;
    settings->eve_count++;
    return true;
}

static bool read_file_store(struct settings *settings, struct config_node *node, struct error *error)
{
    const char *directory = config_value(node, "dir");
    const char *version = config_value(node, "version");
    if (version && strcmp(version, "2") != 0) {
        log_warning("file-store version %s is not supported, version 2 is", version);
        return true;
    }
    settings->file_store = true;
    if (!config_size(node, "stream-depth", &settings->files.store_max, error))
        return false;
    if (settings->files.store_max && settings->files.store_max < settings->stream_depth)
        log_warning("file-store.stream-depth value %llu has no effect since it's less than "
                    "stream.reassembly.depth value.",
                    (unsigned long long)settings->files.store_max);
    settings->files.store_dir = settings_path(settings, settings->log_dir,
                                              directory ? directory : "filestore");
    settings->files.sha256 = true;
    return config_bool(node, "force-filestore", &settings->files.store_all, error) &&
           config_bool(node, "write-fileinfo", &settings->file_store_fileinfo, error) &&
           config_bool(node, "force-magic", &settings->files.magic, error) &&
           read_hashes(settings, node, error);
}

static bool read_packet_name(struct config_node *node, struct packet_log_settings *log, struct error *error)
{
    const char *name = config_value(node, "filename"), *slash;
    struct config_node *place = config_find(node, "filename");
    bool any = false;
    log->file.name = name ? name : "log.pcap";
    log->file.pattern = log->multi;
    slash = strrchr(log->file.name, '/');
    for (const char *at = log->file.name; log->multi && *at; at++) {
        if (*at != '%')
            continue;
        at++;
        if (!*at || !strchr("nit", *at))
            return config_error(place, error,
                                "invalid filename option. Valid %%-sign options: %%n, %%i and %%t");
        if (*at != 'n' && at < slash)
            return config_error(place, error, "%%%c can stand in the last part of the name only", *at);
        any = true;
    }
    if (log->multi && !any)
        return config_error(place ? place : node, error,
                            "Invalid filename for multimode. Need at least one %%-sign option");
    return true;
}

static bool read_packet_words(struct config_node *node, struct packet_log_settings *log, struct error *error)
{
    static const struct {
        const char *key, *value, *valid;
        unsigned number;
    } words[] = {
        { "mode", "normal", "\"normal\" or \"multi\"", 0 },
        { "mode", "multi", NULL, 1 },
        { "conditional", "all", "\"all\", \"alerts\" or \"tag\"", PACKET_LOG_ALL },
        { "conditional", "alerts", NULL, PACKET_LOG_ALERTS },
        { "conditional", "tag", NULL, PACKET_LOG_TAGGED },
        { "ts-format", "sec", "\"sec\" or \"usec\"", 0 },
        { "ts-format", "usec", NULL, 1 },
        { "compression", "none", "\"none\" or \"lz4\"", 0 },
        { "compression", "lz4", NULL, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(words);) {
        const char *key = words[i].key, *valid = words[i].valid, *value = config_value(node, key);
        bool known = !value;
        unsigned number = 0;
        for (; i < COUNT_OF(words) && !strcmp(words[i].key, key); i++)
            if (value && !strcmp(words[i].value, value)) {
                known = true;
                number = words[i].number;
            }
        if (!known)
            return config_error(config_find(node, key), error, "invalid %s \"%s\". Valid: %s", key, value,
                                valid);
        if (!strcmp(key, "mode"))
            log->multi = number;
        else if (!strcmp(key, "conditional"))
            log->condition = (enum packet_log_condition)number;
        else if (!strcmp(key, "ts-format"))
            log->file.microseconds = number;
        else
            log->file.lz4 = number;
    }
    return true;
}

#define PACKET_FILE_LEAST (4U << 20) /* smaller ones would be one after the other */
#define LZ4_LEVEL_MAX     16U

static bool read_packet_log(struct settings *settings, struct config_node *node, struct error *error)
{
    struct packet_log_settings *log = &settings->packet_log;
    struct config_node *files = config_find(node, "max-files");
    const char *directory = config_value(node, "dir");
    struct stat status;
    log->file.size_max = 100U << 20;
    if (!read_packet_words(node, log, error) || !read_packet_name(node, log, error) ||
        !config_size(node, "limit", &log->file.size_max, error) ||
        !config_u32(node, "max-files", &log->file.files_max, error) ||
        !config_bool(node, "lz4-checksum", &log->file.lz4_checksum, error) ||
        !config_u32(node, "lz4-level", &log->file.lz4_level, error) ||
        !config_bool(node, "use-stream-depth", &log->use_stream_depth, error) ||
        !config_bool(node, "honor-pass-rules", &log->honor_pass_rules, error))
        return false;
    if (log->file.size_max < PACKET_FILE_LEAST)
        return config_error(config_find(node, "limit"), error, "limit less than allowed minimum of %u bytes",
                            PACKET_FILE_LEAST);
    if (log->file.lz4_level > LZ4_LEVEL_MAX)
        return config_error(config_find(node, "lz4-level"), error, "levels are 0 to %u", LZ4_LEVEL_MAX);
    if (files && files->value && !log->file.files_max)
        return config_error(files, error, "at least one file is written");
    log->file.directory = directory ? directory : settings->log_dir;
    if (directory && (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)))
        return config_error(config_find(node, "dir"), error,
                            "The dir directory \"%s\" supplied doesn't exist", directory);
    log->filter = config_value(node, "bpf-filter");
    log->enabled = true;
    return true;
}

static bool read_output(struct settings *settings, struct config_node *node, struct error *error)
{
    bool enabled = true;
    if (!config_bool(node, "enabled", &enabled, error))
        return false;
    node->used = true;
    if (!enabled)
        return true;
    if (!strcmp(node->name, "eve-log"))
        return read_eve(settings, node, error);
    if (!strcmp(node->name, "fast")) {
        settings->fast_enabled = true;
        return read_target(settings, node, "fast.log", &settings->fast, error);
    }
    if (!strcmp(node->name, "stats")) {
        settings->stats_log_enabled = true;
        return read_target(settings, node, "stats.log", &settings->stats_log, error) &&
               config_bool(node, "null-values", &settings->stats_log_null_values, error);
    }
    if (!strcmp(node->name, "file-store"))
        return read_file_store(settings, node, error);
    if (!strcmp(node->name, "pcap-log"))
        return read_packet_log(settings, node, error);
    if (!strcmp(node->name, "tls-store")) {
        const char *directory = config_value(node, "certs-log-dir");
        settings->certificate_dir = settings_path(settings, settings->log_dir,
                                                  directory ? directory : "certs");
        return true;
    }
    node->used = false;
    return true;
}

/* What the centre gets: every kind of record, alerts with what they matched. */
static void add_spool(struct settings *settings)
{
    struct eve_settings *eve = &settings->eves[settings->eve_count++];
    *eve = (struct eve_settings){ .to_spool = true, .community_id = true, .metadata = true };
    eve->alert = eve->anomaly = eve->files = eve->flow = eve->stats = eve->drop = true;
    eve->alerts.payload = eve->alerts.payload_printable = eve->alerts.packet = true;
    eve->alerts.app_layer = eve->alerts.flow = eve->alerts.rule_metadata = eve->alerts.reference = true;
    eve->alerts.rule_raw = true;
    eve->alerts.payload_max = 4096;
    eve->anomalies.applayer = true;
    eve->statistics.totals = true;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        eve->protocol[i] = true;
    /* What "extended" stands for with databases stays on the sensor: passwords in PostgreSQL, content in
     * MySQL. */
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        eve->extended[i] = strcmp(protocols[i]->name, "pgsql") != 0 &&
                           strcmp(protocols[i]->name, "mysql") != 0;
    eve->mqtt.no_passwords = true;
}

bool read_outputs(struct settings *settings, struct error *error)
{
    struct config_node *list = config_find(&settings->config.root, "outputs");
    size_t most = 2;
    for (struct config_node *item = list ? list->first : NULL; item; item = item->next)
        most++;
    settings->eves = ARENA_ARRAY(&settings->config.memory, struct eve_settings, most);
    if (!settings->eves)
        return error_set(error, "the configuration is too large");
    for (struct config_node *item = list ? list->first : NULL; item; item = item->next) {
        item->used = true;
        if (item->first && !read_output(settings, item->first, error))
            return false;
    }
    if (settings->spool_dir)
        add_spool(settings);
    return true;
}
