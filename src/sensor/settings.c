/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree of a suricata.yaml to one typed record; see settings.h. */
#include "sensor/settings.h"

#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "sensor/settings_parts.h"

const char *const exception_policy_names[EXCEPTION_POLICY_COUNT] = {
    [EXCEPTION_IGNORE] = "ignore",           [EXCEPTION_PASS_PACKET] = "pass_packet",
    [EXCEPTION_PASS_FLOW] = "pass_flow",     [EXCEPTION_BYPASS] = "bypass",
    [EXCEPTION_DROP_PACKET] = "drop_packet", [EXCEPTION_DROP_FLOW] = "drop_flow",
    [EXCEPTION_REJECT] = "reject",           [EXCEPTION_REJECT_BOTH] = "reject_both",
};

const char *const exception_target_names[EXCEPTION_TARGET_COUNT] = {
    [EXCEPTION_DEFRAG_MEMCAP] = "defrag_memcap", [EXCEPTION_FLOW_MEMCAP] = "flow_memcap",
    [EXCEPTION_STREAM_MEMCAP] = "stream_memcap", [EXCEPTION_REASSEMBLY_MEMCAP] = "stream_reassembly_memcap",
    [EXCEPTION_MIDSTREAM] = "stream_midstream",  [EXCEPTION_APP_LAYER] = "app_layer_error",
};

const char *const exception_target_reasons[EXCEPTION_TARGET_COUNT] = {
    [EXCEPTION_DEFRAG_MEMCAP] = "defrag memcap", [EXCEPTION_FLOW_MEMCAP] = "flow memcap",
    [EXCEPTION_STREAM_MEMCAP] = "stream memcap", [EXCEPTION_REASSEMBLY_MEMCAP] = "stream reassembly",
    [EXCEPTION_MIDSTREAM] = "stream midstream",  [EXCEPTION_APP_LAYER] = "applayer error",
};

void settings_init(struct settings *settings)
{
    memset(settings, 0, sizeof *settings);
    config_init(&settings->config);
    settings->detection = true;
    settings->sandbox = true;
}

void settings_done(struct settings *settings)
{
    config_done(&settings->config);
}

/* ---- small readers ---- */

struct word {
    const char *name;
    unsigned value;
};

static bool read_word(struct config_node *node, const char *path, const struct word *words, size_t count,
                      unsigned *out, struct error *error)
{
    struct config_node *found = config_find(node, path);
    if (!found || !found->value)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(found->value, words[i].name)) {
            *out = words[i].value;
            return true;
        }
    return config_error(found, error, "'%s' is not one of its values", found->value);
}

static bool read_memory(struct config_node *node, const char *path, size_t *out, struct error *error)
{
    uint64_t value = *out;
    if (!config_size(node, path, &value, error))
        return false;
    *out = value;
    return true;
}

static bool read_seconds(struct config_node *node, const char *path, uint64_t *out, struct error *error)
{
    uint64_t seconds = *out / NS_PER_S;
    if (!config_uint(node, path, 1ULL << 32, &seconds, error))
        return false;
    *out = seconds * NS_PER_S;
    return true;
}

const char *settings_path(struct settings *settings, const char *directory, const char *path)
{
    if (path[0] == '/' || !directory || !directory[0])
        return path;
    struct text text = text_new(4096);
    text_add(&text, "%s/%s", directory, path);
    const char *whole = arena_string(&settings->config.memory, text_bytes(&text));
    text_done(&text);
    return whole ? whole : path;
}

/* A file that rules can do without: NULL and a warning when it cannot be read. */
static const char *optional_file(const char *path, const char *what)
{
    if (!path || access(path, R_OK) == 0)
        return path;
    log_warning("%s %s cannot be read, the built-in one is used", what, path);
    return NULL;
}

/* ---- variables and rules ---- */

struct variable {
    const char *name, *value;
};

/* A value is a scalar, or a YAML sequence that means "[a,b,c]". */
static const char *variable_value(struct settings *settings, struct config_node *node)
{
    node->used = true;
    if (node->value)
        return node->value;
    struct text text = text_new(1 << 16);
    text_char(&text, '[');
    for (struct config_node *item = node->first; item; item = item->next) {
        item->used = true;
        text_add(&text, "%s%s", item == node->first ? "" : ",", item->value ? item->value : "");
    }
    text_char(&text, ']');
    const char *value = arena_string(&settings->config.memory, text_bytes(&text));
    text_done(&text);
    return value ? value : "[]";
}

static const void *read_variables(struct settings *settings, const char *path, size_t *count)
{
    struct config_node *group = config_find(&settings->config.root, path);
    size_t number = 0;
    for (struct config_node *node = group ? group->first : NULL; node; node = node->next)
        number++;
    struct variable *variables = number ? ARENA_ARRAY(&settings->config.memory, struct variable, number)
                                        : NULL;
    if (!variables)
        return NULL;
    for (struct config_node *node = group->first; node; node = node->next)
        variables[(*count)++] = (struct variable){ node->name, variable_value(settings, node) };
    return variables;
}

static const char **read_paths(struct settings *settings, const char *path, const char *directory,
                               size_t *count)
{
    struct config_node *list = config_find(&settings->config.root, path);
    size_t number = 0;
    *count = 0;
    for (struct config_node *node = list ? list->first : NULL; node; node = node->next)
        number++;
    const char **paths = number ? ARENA_ARRAY(&settings->config.memory, const char *, number) : NULL;
    if (!paths)
        return NULL;
    for (struct config_node *node = list->first; node; node = node->next) {
        node->used = true;
        if (node->value)
            paths[(*count)++] = settings_path(settings, directory, node->value);
    }
    return paths;
}

static bool read_action_order(struct config_node *root, struct ruleset_settings *rules, struct error *error)
{
    static const struct word words[] = { { "pass", ACTION_PASS },
                                         { "drop", ACTION_DROP },
                                         { "reject", ACTION_REJECT },
                                         { "alert", ACTION_ALERT } };
    struct config_node *list = config_find(root, "action-order");
    uint8_t seen = 0;
    size_t count = 0;
    for (struct config_node *item = list ? list->first : NULL; item; item = item->next) {
        size_t at = 0;
        while (at < COUNT_OF(words) && (!item->value || strcmp(item->value, words[at].name) != 0))
            at++;
        if (at == COUNT_OF(words) || (seen & words[at].value))
            return config_error(item, error,
                                "action-order: pass, drop, reject and alert are wanted, each once");
        seen |= (uint8_t)words[at].value;
        rules->action_order[count++] = (uint8_t)words[at].value;
    }
    if (list && count != ACTION_PLACES)
        return config_error(list, error, "action-order: pass, drop, reject and alert are wanted, each once");
    return true;
}

/* A mapping under `datasets` that is no section of settings is a set of that name. */
static bool read_dataset(struct config_node *node, struct dataset_setting *set, struct error *error)
{
    *set = (struct dataset_setting){ .name = node->name,
                                     .type = config_value(node, "type"),
                                     .load = config_value(node, "load"),
                                     .state = config_value(node, "state"),
                                     .save = config_value(node, "save") };
    node->used = true;
    if (!set->type)
        return config_error(node, error, "a data set needs a type");
    return config_size(node, "memcap", &set->memcap, error) &&
           config_size(node, "hashsize", &set->hashsize, error);
}

static bool read_datasets(struct settings *settings, struct ruleset_settings *rules, struct error *error)
{
    static const char *const sections[] = { "defaults", "limits", "rules", "enabled", "save-directory" };
    struct config_node *list = config_find(&settings->config.root, "datasets");
    struct dataset_limits *limits = &rules->dataset_limits;
    size_t count = 0;
    bool writes = true;
    if (!list)
        return true;
    for (struct config_node *node = list->first; node; node = node->next)
        count++;
    struct dataset_setting *sets = ARENA_ARRAY(&settings->config.memory, struct dataset_setting, count + 1);
    if (!sets)
        return error_set(error, "out of memory");
    count = 0;
    for (struct config_node *node = list->first; node; node = node->next) {
        size_t i = 0;
        while (i < COUNT_OF(sections) && strcmp(node->name, sections[i]) != 0)
            i++;
        if (i == COUNT_OF(sections) && node->first && !read_dataset(node, &sets[count++], error))
            return false;
    }
    rules->datasets = sets;
    rules->dataset_count = count;
    if (!config_size(list, "defaults.memcap", &limits->memcap, error) ||
        !config_size(list, "defaults.hashsize", &limits->hashsize, error) ||
        !config_size(list, "limits.single-hashsize", &limits->hashsize_max, error) ||
        !config_size(list, "limits.total-hashsizes", &limits->hashsizes_max, error) ||
        !config_bool(list, "rules.allow-absolute-filenames", &limits->absolute_names, error) ||
        !config_bool(list, "rules.allow-write", &writes, error))
        return false;
    limits->no_writing = !writes;
    return true;
}

/* detect.quarantine: the share in percent, the window in seconds. */
static bool read_quarantine(struct config_node *root, struct quarantine_settings *quarantine,
                            struct error *error)
{
    uint64_t share = 50, seconds = 10;
    bool enabled = false;
    if (!config_bool(root, "detect.quarantine.enabled", &enabled, error) ||
        !config_uint(root, "detect.quarantine.share", 100, &share, error) ||
        !config_uint(root, "detect.quarantine.seconds", 3600, &seconds, error))
        return false;
    if (!share || !seconds)
        return config_error(config_find(root, "detect.quarantine"), error,
                            "share is 1 to 100, seconds are 1 to 3600");
    if (enabled)
        *quarantine = (struct quarantine_settings){ .share = (uint32_t)share, .window = seconds * NS_PER_S };
    return true;
}

/* How many groups a profile makes, for each direction. */
static bool read_grouping(struct settings *settings, struct error *error)
{
    static const struct {
        const char *name;
        uint32_t groups[DIRECTIONS];
    } profiles[] = { { "medium", { [TO_SERVER] = 40, [TO_CLIENT] = 20 } },
                     { "low", { [TO_SERVER] = 25, [TO_CLIENT] = 15 } },
                     { "high", { [TO_SERVER] = 75, [TO_CLIENT] = 75 } },
                     { "custom", { [TO_SERVER] = 40, [TO_CLIENT] = 20 } } };
    struct config_node *root = &settings->config.root;
    struct grouping_settings *grouping = &settings->grouping;
    const char *profile = config_value(root, "detect.profile");
    size_t at = 0;
    while (profile && at < COUNT_OF(profiles) && strcmp(profile, profiles[at].name) != 0)
        at++;
    if (at == COUNT_OF(profiles))
        return config_error(config_find(root, "detect.profile"), error,
                            "low, medium, high or custom is wanted");
    memcpy(grouping->groups_max, profiles[at].groups, sizeof grouping->groups_max);
    grouping->tcp_priority = config_value(root, "detect.grouping.tcp-priority-ports");
    grouping->udp_priority = config_value(root, "detect.grouping.udp-priority-ports");
    if (!config_bool(root, "detect.profiling.grouping.dump-to-disk", &grouping->wanted, error) ||
        !config_bool(root, "detect.profiling.grouping.include-rules", &grouping->with_rules, error))
        return false;
    return strcmp(profiles[at].name, "custom") != 0 ||
           (config_u32(root, "detect.custom-values.toserver-groups", &grouping->groups_max[TO_SERVER],
                       error) &&
            config_u32(root, "detect.custom-values.toclient-groups", &grouping->groups_max[TO_CLIENT],
                       error));
}

static bool read_rules(struct settings *settings, struct error *error)
{
    struct config_node *root = &settings->config.root;
    struct ruleset_settings *rules = &settings->rules;
    const char *rule_path = config_value(root, "default-rule-path");
    rules->addresses = read_variables(settings, "vars.address-groups", &rules->address_count);
    rules->ports = read_variables(settings, "vars.port-groups", &rules->port_count);
    settings->rule_files = read_paths(settings, "rule-files", rule_path, &settings->rule_file_count);
    rules->classification_file = optional_file(config_value(root, "classification-file"),
                                               "classification file");
    rules->reference_file = optional_file(config_value(root, "reference-config-file"), "reference file");
    rules->threshold_file = config_value(root, "threshold-file");
    rules->geoip_file = config_value(root, "geoip-database");
    if (rules->geoip_file && access(rules->geoip_file, R_OK) != 0) {
        log_warning("geoip-database %s cannot be read, rules with geoip are refused", rules->geoip_file);
        rules->geoip_file = NULL;
    }
    rules->reputation_categories = config_value(root, "reputation-categories-file");
    rules->reputation_files = (const char *const *)read_paths(settings, "reputation-files",
                                                              config_value(root, "default-reputation-path"),
                                                              &rules->reputation_count);
    if (!settings->data_dir)
        settings->data_dir = config_value(root, "default-data-dir");
    rules->data_dir = settings->data_dir;
    rules->inline_mode = settings->inline_mode;
    if (!read_action_order(root, rules, error) || !read_datasets(settings, rules, error) ||
        !read_grouping(settings, error) || !read_quarantine(root, &rules->quarantine, error) ||
        !config_u32(root, "packet-alert-max", &rules->alerts_per_packet, error) ||
        !config_bool(root, "detect.guess-applayer-tx", &rules->guess_tx, error) ||
        !config_u32(root, "detect.stream-tx-log-limit", &rules->guess_max, error) ||
        !config_u32(root, "pcre.match-limit", &rules->pcre_match_limit, error))
        return false;
    static const char *const chunks[] = { "stream.reassembly.toserver-chunk-size",
                                          "stream.reassembly.toclient-chunk-size" };
    for (size_t d = 0; d < DIRECTIONS; d++) {
        uint64_t size = 0;
        if (!config_size(root, chunks[d], &size, error))
            return false;
        rules->stream_chunk[d] = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    }
    return true;
}

/* ---- decoding, defragmentation, flows, streams ---- */

static const struct word checksum_words[] = { { "yes", CHECKSUM_ALL },
                                              { "no", CHECKSUM_NONE },
                                              { "auto", CHECKSUM_AUTO },
                                              { "all", CHECKSUM_ALL },
                                              { "none", CHECKSUM_NONE } };

/* "[8472, 4789]", "4789", "$VXLAN_PORTS" or "any". */
static uint8_t read_ports(struct settings *settings, const char *path, uint16_t ports[DECODE_PORTS_MAX])
{
    const char *value = config_value(&settings->config.root, path);
    char name[128];
    if (value && value[0] == '$') {
        snprintf(name, sizeof name, "vars.port-groups.%s", value + 1);
        value = config_value(&settings->config.root, name);
    }
    uint8_t count = 0;
    struct bytes rest = bytes_of_string(value);
    while (rest.size && count < DECODE_PORTS_MAX) {
        struct bytes part = bytes_trim(bytes_cut(&rest, ','));
        while (part.size && (part.data[0] == '[' || part.data[0] == ' '))
            part = bytes_from(part, 1);
        while (part.size && (part.data[part.size - 1] == ']' || part.data[part.size - 1] == ' '))
            part.size--;
        uint64_t port;
        if (bytes_to_u64(part, &port) && port <= UINT16_MAX)
            ports[count++] = (uint16_t)port;
    }
    return count;
}

static bool read_decode(struct settings *settings, struct error *error)
{
    struct config_node *root = &settings->config.root;
    struct decode_settings *decode = &settings->decode;
    bool teredo = true, vxlan = true, geneve = true;
    uint64_t layers = 0;
    if (!config_bool(root, "decoder.teredo.enabled", &teredo, error) ||
        !config_bool(root, "decoder.vxlan.enabled", &vxlan, error) ||
        !config_bool(root, "decoder.geneve.enabled", &geneve, error) ||
        !config_bool(root, "decoder.vntag.enabled", &decode->vntag, error) ||
        !config_bool(root, "decoder.etag.enabled", &decode->etag, error) ||
        !config_uint(root, "decoder.max-layers", 255, &layers, error))
        return false;
    decode->no_teredo = !teredo;
    decode->no_vxlan = !vxlan;
    decode->no_geneve = !geneve;
    decode->layers_max = (uint8_t)layers;
    decode->teredo_port_count = read_ports(settings, "decoder.teredo.ports", decode->teredo_ports);
    decode->vxlan_port_count = read_ports(settings, "decoder.vxlan.ports", decode->vxlan_ports);
    decode->geneve_port_count = read_ports(settings, "decoder.geneve.ports", decode->geneve_ports);
    unsigned checksums = CHECKSUM_AUTO;
    if (!read_word(root, "pcap-file.checksum-checks", checksum_words, COUNT_OF(checksum_words), &checksums,
                   error))
        return false;
    decode->checksums = (uint8_t)checksums;
    return true;
}

static bool read_timeouts(struct settings *settings, struct error *error)
{
    static const char *const kinds[FLOW_KIND_COUNT] = { "default", "tcp", "udp", "icmp" };
    struct config_node *all = config_find(&settings->config.root, "flow-timeouts");
    flow_default_timeouts(settings->flow.timeouts, settings->flow.emergency);
    for (size_t kind = 0; kind < FLOW_KIND_COUNT; kind++) {
        struct config_node *node = all ? config_find(all, kinds[kind]) : NULL;
        struct flow_timeout *normal = &settings->flow.timeouts[kind];
        struct flow_timeout *emergency = &settings->flow.emergency[kind];
        if (node && (!read_seconds(node, "new", &normal->fresh, error) ||
                     !read_seconds(node, "established", &normal->established, error) ||
                     !read_seconds(node, "closed", &normal->closed, error) ||
                     !read_seconds(node, "bypassed", &normal->bypassed, error) ||
                     !read_seconds(node, "emergency-new", &emergency->fresh, error) ||
                     !read_seconds(node, "emergency-established", &emergency->established, error) ||
                     !read_seconds(node, "emergency-closed", &emergency->closed, error) ||
                     !read_seconds(node, "emergency-bypassed", &emergency->bypassed, error)))
            return false;
    }
    return true;
}

static bool read_os_rules(struct settings *settings, struct error *error)
{
    struct config_node *all = config_find(&settings->config.root, "host-os-policy");
    size_t most = 0, count = 0;
    for (struct config_node *node = all ? all->first : NULL; node; node = node->next)
        for (struct config_node *item = node->first; item; item = item->next)
            most++;
    struct os_rule *rules = most ? ARENA_ARRAY(&settings->config.memory, struct os_rule, most) : NULL;
    if (!rules)
        return true;
    for (struct config_node *node = all->first; node; node = node->next) {
        node->used = true;
        enum os_policy policy = os_policy_of(bytes_of_string(node->name));
        if (policy == OS_NONE)
            return config_error(node, error, "no such policy");
        for (struct config_node *item = node->first; item; item = item->next) {
            item->used = true;
            if (!network_parse(bytes_trim(bytes_of_string(item->value)), &rules[count].network))
                return config_error(item, error, "'%s' is no network", item->value ? item->value : "");
            rules[count++].policy = policy;
        }
    }
    settings->tcp.os_rules = settings->defrag.os_rules = rules;
    settings->tcp.os_rule_count = settings->defrag.os_rule_count = count;
    return true;
}

static bool read_flow(struct settings *settings, struct error *error)
{
    struct config_node *root = &settings->config.root;
    bool vlan = true, recursion = true;
    uint64_t fragments = 0, trackers = 0, memory = 0;
    if (!config_bool(root, "vlan.use-for-tracking", &vlan, error) ||
        !config_bool(root, "decoder.recursion-level.use-for-tracking", &recursion, error) ||
        !config_size(root, "flow.memcap", &memory, error) ||
        !read_memory(root, "defrag.memcap", &settings->defrag.memory_max, error) ||
        !read_seconds(root, "defrag.timeout", &settings->defrag.timeout, error) ||
        !config_uint(root, "defrag.max-frags", UINT32_MAX, &fragments, error) ||
        !config_uint(root, "defrag.trackers", UINT32_MAX, &trackers, error) ||
        !config_uint(root, "flow.seed", UINT64_MAX, &settings->flow.seed, error) ||
        !config_size(root, "flow.rate-tracking.bytes", &settings->flow.elephant_bytes, error) ||
        !read_seconds(root, "flow.rate-tracking.interval", &settings->flow.elephant_interval, error))
        return false;
    settings->flow.no_vlan_tracking = settings->defrag.no_vlan_tracking = !vlan;
    settings->flow.no_recursion_level = !recursion;
    settings->flow.flow_max = memory / 512;
    settings->defrag.fragment_max = fragments;
    settings->defrag.tracker_max = MIN(trackers, 65535);
    return read_timeouts(settings, error) && read_os_rules(settings, error);
}

static const struct word urgent_words[] = {
    { "oob", URGENT_OOB }, { "inline", URGENT_INLINE }, { "drop", URGENT_DROP }, { "gap", URGENT_GAP }
};

static bool read_stream(struct settings *settings, struct error *error)
{
    struct config_node *root = &settings->config.root;
    struct tcp_settings *tcp = &settings->tcp;
    bool validate = true, liberal = true;
    unsigned urgent = URGENT_INLINE, limit = URGENT_DROP; /* where nothing is said, as in Suricata */
    settings->stream_depth = 1 << 20;
    settings->drop_invalid = true;
    tcp->inline_mode = settings->inline_mode;
    const char *mode = config_value(root, "stream.inline");
    if (mode && strcasecmp(mode, "auto") != 0 &&
        !config_bool(root, "stream.inline", &tcp->inline_mode, error))
        return false;
    uint64_t session_memory = 0;
    if (!config_bool(root, "stream.checksum-validation", &validate, error) ||
        !config_bool(root, "stream.midstream", &tcp->midstream, error) ||
        !config_bool(root, "stream.async-oneside", &tcp->async_oneside, error) ||
        !config_bool(root, "stream.bypass", &settings->stream_bypass, error) ||
        !config_bool(root, "stream.drop-invalid", &settings->drop_invalid, error) ||
        !config_bool(root, "stream.liberal-timestamps", &liberal, error) ||
        !config_size(root, "stream.memcap", &session_memory, error) ||
        !read_memory(root, "stream.reassembly.memcap", &tcp->memory_max, error) ||
        !config_size(root, "stream.reassembly.depth", &settings->stream_depth, error) ||
        !read_word(root, "stream.reassembly.urgent.policy", urgent_words, COUNT_OF(urgent_words), &urgent,
                   error) ||
        !read_word(root, "stream.reassembly.urgent.oob-limit-policy", urgent_words, COUNT_OF(urgent_words),
                   &limit, error))
        return false;
    tcp->depth = settings->stream_depth;
    tcp->session_max = session_memory / 512;
    tcp->no_checksum_check = !validate;
    tcp->no_liberal_timestamps = !liberal;
    tcp->drop_invalid = settings->drop_invalid;
    tcp->urgent = (uint8_t)urgent;
    tcp->urgent_oob_limit_policy = (uint8_t)limit;
    return true;
}

/* ---- exception policies ---- */

static const struct word policy_words[] = {
    { "ignore", EXCEPTION_IGNORE },           { "pass-packet", EXCEPTION_PASS_PACKET },
    { "pass-flow", EXCEPTION_PASS_FLOW },     { "bypass", EXCEPTION_BYPASS },
    { "drop-packet", EXCEPTION_DROP_PACKET }, { "drop-flow", EXCEPTION_DROP_FLOW },
    { "reject", EXCEPTION_REJECT },           { "reject-both", EXCEPTION_REJECT_BOTH },
};

/* A policy for a whole flow makes no sense where there is no flow yet. */
static enum exception_policy for_packets(enum exception_policy policy)
{
    switch (policy) {
    case EXCEPTION_DROP_FLOW:
        return EXCEPTION_DROP_PACKET;
    case EXCEPTION_PASS_FLOW:
    case EXCEPTION_BYPASS:
        return EXCEPTION_PASS_PACKET;
    default:
        return policy;
    }
}

/* Picking a connection up in its middle is a matter of its whole flow. */
static enum exception_policy for_midstream(enum exception_policy policy, bool midstream)
{
    if (policy == EXCEPTION_DROP_PACKET || policy == EXCEPTION_PASS_PACKET)
        return EXCEPTION_IGNORE;
    return midstream && policy == EXCEPTION_DROP_FLOW ? EXCEPTION_IGNORE : policy;
}

/* Following a connection from its middle and refusing it exclude each other; both concern whole flows. */
static bool midstream_allows(enum exception_policy policy, bool midstream, bool inline_mode)
{
    if (midstream)
        return policy == EXCEPTION_IGNORE || policy == EXCEPTION_PASS_FLOW;
    if (policy == EXCEPTION_DROP_PACKET || policy == EXCEPTION_PASS_PACKET)
        return false;
    return policy != EXCEPTION_DROP_FLOW || inline_mode;
}

static bool read_exceptions(struct settings *settings, struct error *error)
{
    static const struct {
        enum exception_target target;
        const char *path;
        bool packets_only;
    } places[] = {
        { EXCEPTION_DEFRAG_MEMCAP, "defrag.memcap-policy", true },
        { EXCEPTION_FLOW_MEMCAP, "flow.memcap-policy", true },
        { EXCEPTION_STREAM_MEMCAP, "stream.memcap-policy", false },
        { EXCEPTION_REASSEMBLY_MEMCAP, "stream.reassembly.memcap-policy", false },
        { EXCEPTION_MIDSTREAM, "stream.midstream-policy", false },
        { EXCEPTION_APP_LAYER, "app-layer.error-policy", false },
    };
    struct config_node *root = &settings->config.root;
    unsigned automatic = settings->inline_mode ? EXCEPTION_DROP_FLOW : EXCEPTION_IGNORE;
    const char *master_text = config_value(root, "exception-policy");
    unsigned master = automatic;
    if (master_text && strcasecmp(master_text, "auto") != 0 &&
        !read_word(root, "exception-policy", policy_words, COUNT_OF(policy_words), &master, error))
        return false;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        unsigned policy = master;
        const char *own = config_value(root, places[i].path);
        if (own && !strcasecmp(own, "auto"))
            policy = automatic;
        else if (!read_word(root, places[i].path, policy_words, COUNT_OF(policy_words), &policy, error))
            return false;
        enum exception_policy chosen = (enum exception_policy)policy;
        struct config_node *place = config_find(root, places[i].path);
        if (places[i].target == EXCEPTION_MIDSTREAM && own &&
            !midstream_allows(chosen, settings->tcp.midstream, settings->inline_mode))
            return config_error(place, error, "%s is not valid with stream.midstream %s%s", own,
                                settings->tcp.midstream ? "on" : "off",
                                settings->inline_mode ? "" : " when packets cannot be dropped");
        if (places[i].packets_only)
            chosen = for_packets(chosen);
        if (places[i].target == EXCEPTION_MIDSTREAM && !own)
            chosen = for_midstream(chosen, settings->tcp.midstream);
        bool drops = chosen >= EXCEPTION_DROP_PACKET;
        settings->exception_chosen[places[i].target] = own || master_text;
        settings->exceptions[places[i].target] = drops && !settings->inline_mode ? EXCEPTION_IGNORE : chosen;
    }
    return true;
}

/* ---- applications ---- */

static bool off_by_default(const struct protocol *protocol)
{
    static const char *const names[] = { "modbus", "dnp3", "enip", "pgsql" };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(protocol->name, names[i]))
            return true;
    return false;
}

static bool transport_off(struct config_node *node, const char *path)
{
    return config_false(config_value(node, path));
}

static bool protocol_enabled(struct config_node *all, const struct protocol *protocol)
{
    struct config_node *node = all ? config_find(all, protocol->name) : NULL;
    const char *enabled = node ? config_value(node, "enabled") : NULL;
    if (enabled)
        return !config_false(enabled);
    if (node && ((protocol->transports & TRANSPORT_TCP) == 0 || transport_off(node, "tcp.enabled")) &&
        ((protocol->transports & TRANSPORT_UDP) == 0 || transport_off(node, "udp.enabled")))
        return false;
    if (node &&
        (config_true(config_value(node, "tcp.enabled")) || config_true(config_value(node, "udp.enabled"))))
        return true;
    return !off_by_default(protocol);
}

static bool read_protocols(struct settings *settings, struct error *error)
{
    struct config_node *all = config_find(&settings->config.root, "app-layer.protocols");
    size_t count = 0;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        const struct protocol *protocol = protocols[i];
        struct config_node *node = all ? config_find(all, protocol->name) : NULL;
        const char *handling = node ? config_value(node, "encryption-handling") : NULL;
        settings->bypass_encrypted[i] = handling && !strcmp(handling, "bypass");
        settings->full_encrypted[i] = handling && !strcmp(handling, "full");
        settings->app_depth[i] = protocol->whole_stream ? 0 : settings->stream_depth;
        if (node && !config_size(node, "stream-depth", &settings->app_depth[i], error))
            return false;
        if (!protocol_enabled(all, protocol))
            continue;
        settings->enabled[count] = protocol;
        settings->options[count] = protocol_options(settings, node, protocol);
        count++;
    }
    settings->enabled[count] = NULL;
    settings->sessions.enabled = settings->enabled;
    settings->sessions.options = settings->options;
    settings->sessions.files = &settings->files;
    settings->rules.enabled = settings->enabled;
    return true;
}

static bool read_statistics(struct settings *settings, struct error *error)
{
    struct config_node *root = &settings->config.root;
    uint64_t seconds = 8;
    settings->stats_enabled = settings->stats_exception_policies = true;
    settings->stats_decoder_events = true;
    settings->stats_decoder_prefix = "decoder.event";
    const char *prefix = config_value(root, "stats.decoder-events-prefix");
    if (prefix)
        settings->stats_decoder_prefix = prefix;
    if (!config_bool(root, "stats.enabled", &settings->stats_enabled, error) ||
        !config_bool(root, "stats.decoder-events", &settings->stats_decoder_events, error) ||
        !config_bool(root, "stats.stream-events", &settings->stats_stream_events, error) ||
        !config_bool(root, "stats.exception-policy.global-stats", &settings->stats_exception_policies,
                     error) ||
        !config_bool(root, "stats.exception-policy.per-app-proto-errors", &settings->stats_per_app_errors,
                     error) ||
        !config_uint(root, "stats.interval", UINT32_MAX, &seconds, error))
        return false;
    settings->stats_interval = seconds * NS_PER_S;
    return true;
}

bool settings_read_logging(struct settings *settings, struct error *error)
{
    struct config_node *root = &settings->config.root;
    struct log_settings *log = &settings->log;
    log->level = config_value(root, "logging.default-log-level");
    log->console = true;
    struct config_node *list = config_find(root, "logging.outputs");
    for (struct config_node *item = list ? list->first : NULL; item; item = item->next) {
        item->used = true;
        struct config_node *node = item->first;
        if (!node)
            continue;
        node->used = true;
        bool enabled = true;
        if (!config_bool(node, "enabled", &enabled, error))
            return false;
        if (!strcmp(node->name, "console"))
            log->console = enabled;
        if (strcmp(node->name, "file") != 0)
            continue;
        const char *type = config_value(node, "type"), *name = config_value(node, "filename");
        log->file = enabled;
        log->file_json = type && !strcmp(type, "json");
        log->file_name = name ? name : "suricata.log";
        log->file_level = config_value(node, "level");
    }
    return true;
}

static const struct word live_checksum_words[] = { { "kernel", CAPTURE_CHECKSUMS_KERNEL },
                                                   { "auto", CAPTURE_CHECKSUMS_KERNEL },
                                                   { "yes", CAPTURE_CHECKSUMS_ALL },
                                                   { "no", CAPTURE_CHECKSUMS_NONE } };

bool settings_list_interfaces(struct settings *settings, struct error *error)
{
    struct config_node *list = config_find(&settings->config.root, "af-packet");
    size_t count = 0;
    for (struct config_node *node = list ? list->first : NULL; node; node = node->next)
        count++;
    settings->interfaces = ARENA_ARRAY(&settings->config.memory, struct interface_settings, count + 1);
    if (!settings->interfaces)
        return error_set(error, "out of memory");
    for (struct config_node *node = list ? list->first : NULL; node; node = node->next) {
        const char *name = config_value(node, "interface");
        if (name && strcmp(name, "default") != 0)
            settings->interfaces[settings->interface_count++].name = name;
    }
    return settings->interface_count ||
           error_set(error, "--af-packet: an interface is expected, here or under af-packet in the settings");
}

static bool read_interfaces(struct settings *settings, struct error *error)
{
    struct config_node *list = config_find(&settings->config.root, "af-packet");
    for (size_t i = 0; i < settings->interface_count; i++) {
        struct interface_settings *interface = &settings->interfaces[i];
        interface->promiscuous = true;
        for (struct config_node *node = list ? list->first : NULL; node; node = node->next) {
            node->used = true;
            const char *name = config_value(node, "interface"), *threads = config_value(node, "threads");
            if (!name || (strcmp(name, interface->name) != 0 && strcmp(name, "default") != 0))
                continue;
            bool exact = !strcmp(name, interface->name), ordinary = false;
            if (threads && strcmp(threads, "auto") != 0 &&
                !config_u32(node, "threads", &interface->threads, error))
                return false;
            if (!config_u32(node, "cluster-id", &interface->cluster_id, error) ||
                !config_bool(node, "defrag", &interface->defragment, error) ||
                !config_bool(node, "disable-promisc", &ordinary, error) ||
                !config_u32(node, "block-size", &interface->block_size, error))
                return false;
            if (!read_word(node, "checksum-checks", live_checksum_words, COUNT_OF(live_checksum_words),
                           &interface->checksums, error))
                return false;
            interface->promiscuous = !ordinary;
            const char *filter = config_value(node, "bpf-filter");
            interface->filter = filter ? filter : interface->filter;
            if (exact)
                break;
        }
    }
    return true;
}

void settings_read_places(struct settings *settings)
{
    struct config_node *root = &settings->config.root;
    const char *directory = config_value(root, "default-log-dir");
    if (!settings->log_dir)
        settings->log_dir = directory ? directory : ".";
    if (!settings->pid_file)
        settings->pid_file = config_value(root, "pid-file");
    if (!settings->user)
        settings->user = config_value(root, "run-as.user");
    if (!settings->group)
        settings->group = config_value(root, "run-as.group");
    if (!settings->user && !settings->group && config_find(root, "run-as"))
        settings->group = ""; /* somebody is asked for, and not named */
    if (!settings->spool_dir)
        settings->spool_dir = config_value(root, "uplink.spool");
}

/* Of the parsers of one worker, when no budget is given: far above what traffic needs. */
#define SESSION_MEMORY_DEFAULT (1U << 30)

bool settings_read(struct settings *settings, struct error *error)
{
    settings->spool_bytes = 256 << 20;
    if (!config_size(&settings->config.root, "uplink.spool-size", &settings->spool_bytes, error) ||
        !read_decode(settings, error) || !read_stream(settings, error) || !read_flow(settings, error) ||
        !read_exceptions(settings, error) || !read_statistics(settings, error) ||
        !read_interfaces(settings, error))
        return false;
    if (!read_protocols(settings, error) || !read_outputs(settings, error) || !read_rules(settings, error))
        return false;
    return true;
}

void settings_share_memory(struct settings *settings, size_t workers)
{
    /* Flows and their connections are small and many; stream buffers take what is large. */
    uint64_t budget = settings->memory_max / MAX(workers, (size_t)1);
    settings->session_memory = budget ? budget * 20 / 100 : SESSION_MEMORY_DEFAULT;
    if (!budget)
        return;
    settings->flow.flow_max = budget * 20 / 100 / 512;
    settings->tcp.session_max = budget * 10 / 100 / 384;
    settings->tcp.memory_max = budget * 40 / 100;
    settings->defrag.memory_max = budget * 5 / 100;
}

const char *settings_refusal(const char *path)
{
    static const struct {
        const char *prefix, *reason;
    } rows[] = {
        { "nfq", "packets are not taken from netfilter queues" },
        { "nflog", "packets are not taken from netfilter logging" },
        { "ipfw", "packets are not taken from ipfw" },
        { "dpdk", "capture is by AF_PACKET" },
        { "netmap", "capture is by AF_PACKET" },
        { "pfring", "capture is by AF_PACKET" },
        { "napatech", "capture is by AF_PACKET" },
        { "af-xdp", "capture is by AF_PACKET" },
        { "firewall", "firewall mode is not supported" },
        { "security.lua", "Lua is not supported" },
        { "plugins", "plugins are not loaded" },
        { "threading", "workers are one per core" },
        { "mpm-algo", "the pattern matcher is fixed" },
        { "spm-algo", "the pattern matcher is fixed" },
        { "unix-command", "the control socket is not supported" },
        { "profiling", "what rules cost is written with --profile-rules" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t size = strlen(rows[i].prefix);
        if (!strncmp(path, rows[i].prefix, size) && (path[size] == '\0' || path[size] == '.'))
            return rows[i].reason;
    }
    return NULL;
}
