/* SPDX-License-Identifier: Apache-2.0 */
/* Start, run and end of the sensor; see engine.h. */
#include "sensor/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "detect/analysis.h"
#include "detect/profile.h"
#include "proto/ranges.h"
#include "sensor/engine_parts.h"
#include "sensor/sandbox.h"

/* ---- settings ---- */

#define MEMORY_MIN (4U << 20) /* of a budget; with less, next to nothing could be followed */

static const char *keep(struct engine *engine, const char *text)
{
    const char *copy = arena_string(&engine->settings.config.memory, bytes_of_string(text));
    return copy ? copy : "";
}

static void open_log(struct engine *engine);
static bool check_folder(const struct engine *engine, struct error *error);

static bool load_settings(struct engine *engine, struct error *error)
{
    const struct options *options = engine->options;
    struct settings *settings = &engine->settings;
    settings_init(settings);
    settings->config_path = options->config;
    bool loaded = options->config ? config_load(&settings->config, options->config, error)
                                  : config_load_text(&settings->config, bytes_of_string(settings_stock),
                                                     "defaults", error);
    for (size_t i = 0; i < options->include_count && loaded; i++)
        loaded = config_load(&settings->config, options->includes[i], error);
    for (size_t i = 0; i < options->set_count && loaded; i++)
        loaded = config_set(&settings->config, options->sets[i], error);
    if (!loaded)
        return false;
    if (options->log_dir)
        settings->log_dir = options->log_dir;
    settings->data_dir = options->data_dir;
    settings->pid_file = options->pid_file;
    settings->spool_dir = options->spool;
    settings->user = options->user;
    settings->group = options->group;
    settings->inline_mode = options->inline_mode;
    settings->failures_fatal = options->failures_fatal;
    settings->detection = !options->no_detection;
    settings->sandbox = !options->no_sandbox;
    settings->behavior = options->behavior ||
                         config_true(config_value(&settings->config.root, "behavior.enabled"));
    if (options->memory &&
        (!config_parse_size(options->memory, &settings->memory_max) || settings->memory_max < MEMORY_MIN))
        return error_set(error, "--memory %s: a size such as 512MB expected, at least %u MB", options->memory,
                         MEMORY_MIN >> 20);
    if (options->interfaces_of_file && !options->interface_count &&
        !settings_list_interfaces(settings, error))
        return false;
    if (options->interface_count) {
        settings->interfaces = ARENA_ARRAY(&settings->config.memory, struct interface_settings,
                                           options->interface_count);
        if (!settings->interfaces)
            return error_set(error, "out of memory");
        for (size_t i = 0; i < options->interface_count; i++)
            settings->interfaces[settings->interface_count++].name = options->interfaces[i];
    }
    settings_read_places(settings);
    if (!settings_read_logging(settings, error))
        return false;
    if (options->mode == MODE_RUN || options->mode == MODE_TEST) {
        if (!check_folder(engine, error))
            return false;
        open_log(engine);
    }
    if (!settings_read(settings, error))
        return false;
    if (options->checksums) {
        if (!strcmp(options->checksums, "none"))
            settings->decode.checksums = CHECKSUM_NONE;
        else if (!strcmp(options->checksums, "all"))
            settings->decode.checksums = CHECKSUM_ALL;
        else
            return error_set(error, "-k %s: all or none expected", options->checksums);
    }
    return true;
}

static bool read_filter(struct engine *engine, struct error *error)
{
    const struct options *options = engine->options;
    struct capture_settings *capture = &engine->settings.capture;
    char text[4096];
    capture->filter = options->filter;
    if (!capture->filter)
        capture->filter = config_value(&engine->settings.config.root, "bpf-filter");
    if (options->filter_file) {
        FILE *file = fopen(options->filter_file, "re");
        if (!file)
            return error_system(error, "cannot open %s", options->filter_file);
        size_t size = fread(text, 1, sizeof text - 1, file);
        text[size] = '\0';
        fclose(file);
        capture->filter = keep(engine, text);
    }
    capture->recursive = options->recursive;
    capture->continuous = options->continuous;
    capture->remove = options->remove;
    return true;
}

/* ---- messages ---- */

static enum log_level level_of(const char *name, enum log_level otherwise)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = { { "error", LOG_LEVEL_ERROR },   { "warning", LOG_LEVEL_WARNING },
                   { "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
                   { "perf", LOG_LEVEL_INFO },     { "config", LOG_LEVEL_INFO },
                   { "debug", LOG_LEVEL_DEBUG } };
    for (size_t i = 0; name && i < COUNT_OF(levels); i++)
        if (!strcasecmp(name, levels[i].name))
            return levels[i].level;
    return otherwise;
}

static void open_log(struct engine *engine)
{
    const struct log_settings *log = &engine->settings.log;
    unsigned verbose = engine->options->verbose;
    enum log_level level = level_of(log->level, LOG_LEVEL_NOTICE);
    if (verbose && level < LOG_LEVEL_INFO)
        level = LOG_LEVEL_INFO;
    if (verbose > 2)
        level = LOG_LEVEL_DEBUG;
    log_setup(log->console ? level : LOG_LEVEL_ERROR, STDOUT_FILENO);
    if (!log->file)
        return;
    char path[2048];
    if (log->file_name[0] == '/')
        snprintf(path, sizeof path, "%s", log->file_name);
    else
        snprintf(path, sizeof path, "%s/%s", engine->settings.log_dir, log->file_name);
    engine->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (engine->log_fd < 0)
        log_warning("cannot open %s: %s; messages go to the console only", path, strerror(errno));
    log_copy(MAX(level, level_of(log->file_level, level)), engine->log_fd, log->file_json);
}

/* ---- rules ---- */

/* The reason under the keyword's name, then the place, as Suricata words them. What is wrong with a file of
 * values has "debug" for its module there. */
static void rule_refused(void *context, const struct rule_reason *reason)
{
    (void)context;
    int size = (int)reason->keyword.size;
    const char *keyword = size ? (const char *)reason->keyword.data : "";
    if (reason->skipped) {
        log_warning("detect-%.*s: %s, rule %u is skipped", size, keyword, reason->text, reason->sid);
        return;
    }
    if (reason->of_data)
        log_error("debug: %s", reason->text);
    else
        log_error("detect%s%.*s: %s", size ? "-" : "", size, keyword, reason->text);
    log_error("detect: error parsing signature %u from file %s at line %u, column %u: %.*s", reason->sid,
              reason->file ? reason->file : "?", reason->line, reason->column, size, keyword);
}

struct ruleset *load_rules(struct engine *engine, struct error *error)
{
    const struct options *options = engine->options;
    struct settings *settings = &engine->settings;
    struct ruleset_settings rules = settings->rules;
    rules.keep_texts |= engine->options->analysis;
    rules.keep_parts = engine->options->analysis;
    for (size_t i = 0; i < settings->eve_count; i++)
        rules.keep_texts |= settings->eves[i].alerts.rule_raw;
    const char *files[4096];
    size_t count = 0;
    if (options->rules_only) {
        files[count++] = options->rules_only;
    } else {
        for (size_t i = 0; i < settings->rule_file_count && count < COUNT_OF(files); i++) {
            if (access(settings->rule_files[i], R_OK) == 0)
                files[count++] = settings->rule_files[i];
            else
                log_warning("detect: No rule files match the pattern %s", settings->rule_files[i]);
        }
        for (size_t i = 0; i < options->rules_more_count && count < COUNT_OF(files); i++)
            files[count++] = options->rules_more[i];
    }
    rules.files = files;
    rules.file_count = count;
    rules.refused = rule_refused;
    uint64_t start = clock_steady();
    struct ruleset *set = ruleset_load(&rules, error);
    if (!set)
        return NULL;
    struct ruleset_numbers numbers = ruleset_numbers(set);
    log_info(
        "detect: %zu rule files processed. %u rules successfully loaded, %u rules failed, %u rules skipped",
        count, numbers.loaded, numbers.failed, numbers.skipped);
    log_info("detect: %u signatures processed in %llu ms", numbers.loaded,
             (unsigned long long)((clock_steady() - start) / NS_PER_MS));
    if (ruleset_wants(set).stored_files && !settings->file_store)
        log_warning("detect: One or more rule(s) depends on the file-store output log which is not enabled. "
                    "Enable the output \"file-store\"");
    engine->reloaded = clock_wall();
    if (settings->failures_fatal && numbers.failed) {
        error_set(error, "%u rules were refused", numbers.failed);
        ruleset_free(set);
        return NULL;
    }
    return set;
}

static bool write_pid(const struct engine *engine, struct error *error)
{
    if (!engine->settings.pid_file)
        return true;
    FILE *file = fopen(engine->settings.pid_file, "we");
    if (!file)
        return error_system(error, "cannot write %s", engine->settings.pid_file);
    fprintf(file, "%ld\n", (long)getpid());
    return fclose(file) == 0 || error_system(error, "cannot write %s", engine->settings.pid_file);
}

/* The folder of a file, for what has to be opened anew. */
static const char *folder_of(struct engine *engine, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!path)
        return NULL;
    if (!slash)
        return ".";
    const char *folder = arena_string(&engine->settings.config.memory,
                                      bytes_of(path, MAX((size_t)(slash - path), (size_t)1)));
    return folder;
}

#define PATHS_MAX 96

/* Files that sets of values are kept in, where the administrator allows rules to name them anywhere. */
static size_t list_kept_files(struct engine *engine, struct sandbox_path *paths, size_t count)
{
    for (size_t i = 0; engine->rules && count < PATHS_MAX - 2; i++) {
        const char *path = ruleset_kept_file(engine->rules, i);
        if (!path)
            break;
        if (path[0] == '/')
            paths[count++] = (struct sandbox_path){ folder_of(engine, path), true };
    }
    return count;
}

static bool enter_sandbox(struct engine *engine, struct error *error)
{
    const struct settings *settings = &engine->settings;
    struct sandbox_path paths[PATHS_MAX];
    size_t count = 0;
    bool landlock = false;
    paths[count++] = (struct sandbox_path){ settings->log_dir, true };
    paths[count++] = (struct sandbox_path){ settings->data_dir, true };
    paths[count++] = (struct sandbox_path){ settings->spool_dir, true };
    paths[count++] = (struct sandbox_path){ settings->files.store_dir, true };
    paths[count++] = (struct sandbox_path){ settings->certificate_dir, true };
    if (settings->packet_log.enabled)
        paths[count++] = (struct sandbox_path){ settings->packet_log.file.directory, true };
    const struct options *options = engine->options;
    if (options->capture && strcmp(options->capture, "-") != 0) {
        struct stat status;
        bool folder = stat(options->capture, &status) == 0 && S_ISDIR(status.st_mode);
        paths[count++] = (struct sandbox_path){ folder ? options->capture
                                                       : folder_of(engine, options->capture),
                                                options->remove };
    }
    if (options->rules_only)
        paths[count++] = (struct sandbox_path){ folder_of(engine, options->rules_only), false };
    for (size_t i = 0; i < options->rules_more_count && count < 40; i++)
        paths[count++] = (struct sandbox_path){ folder_of(engine, options->rules_more[i]), false };
    for (size_t i = 0; i < settings->rule_file_count && count < 48; i++)
        paths[count++] = (struct sandbox_path){ folder_of(engine, settings->rule_files[i]), false };
    paths[count++] = (struct sandbox_path){ folder_of(engine, settings->rules.threshold_file), false };
    paths[count++] = (struct sandbox_path){ folder_of(engine, settings->rules.geoip_file), false };
    paths[count++] = (struct sandbox_path){ folder_of(engine, settings->rules.classification_file), false };
    paths[count++] = (struct sandbox_path){ folder_of(engine, settings->rules.reference_file), false };
    for (size_t i = 0; i < settings->eve_count && count < 60; i++)
        if (settings->eves[i].output.path && settings->eves[i].output.path[0] == '/')
            paths[count++] = (struct sandbox_path){ folder_of(engine, settings->eves[i].output.path), true };
    count = list_kept_files(engine, paths, count);
    paths[count++] = (struct sandbox_path){ "/etc/localtime", false };
    paths[count++] = (struct sandbox_path){ "/usr/share/zoneinfo", false };
    struct sandbox sandbox = {
        .user = settings->user, .group = settings->group, .paths = paths, .path_count = count
    };
    if (!sandbox_enter(&sandbox, &landlock, error))
        return false;
    if (!landlock)
        log_warning("this kernel has no Landlock: files are protected by permissions only");
    return true;
}

/* pcap-file.delete-when-done: a capture that was read and (with "non-alerts") raised nothing goes. */
static void remove_capture(const struct engine *engine)
{
    const char *when = config_value((struct config_node *)&engine->settings.config.root,
                                    "pcap-file.delete-when-done");
    const char *path = engine->options->capture;
    struct stat status;
    if (!when || !path || stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    bool quiet = true;
    for (size_t i = 0; i < engine->worker_count; i++)
        quiet &= !engine->workers[i]->detector ||
                 detector_counts(engine->workers[i]->detector)[DETECT_ALERT] == 0;
    if (config_true(when) || (!strcmp(when, "non-alerts") && quiet))
        (void)unlink(path);
}

static bool profile_workers(struct engine *engine, struct error *error)
{
    for (size_t i = 0; engine->options->profile_rules && i < engine->worker_count; i++)
        if (engine->workers[i]->detector && !detector_profile(engine->workers[i]->detector))
            return error_set(error, "out of memory");
    return true;
}

/* What each rule cost, a line each, dearest first. */
static void write_profile(const struct engine *engine)
{
    const struct detector *detectors[WORKERS_MAX];
    struct text out = text_new(64U << 20);
    char path[2048];
    for (size_t i = 0; i < engine->worker_count; i++)
        detectors[i] = engine->workers[i]->detector;
    profile_write(engine->rules, detectors, engine->worker_count, &out);
    snprintf(path, sizeof path, "%s/rule_perf.json", engine->settings.log_dir);
    FILE *file = fopen(path, "we");
    bool good = file && fwrite(out.data, 1, out.size, file) == out.size;
    if (file)
        good &= fclose(file) == 0;
    if (!good)
        log_error("cannot write %s", path);
    text_done(&out);
}

static bool run(struct engine *engine, struct error *error)
{
    engine->started = clock_steady();
    engine->stats_due = clock_steady() + engine->settings.stats_interval;
    if (engine->settings.detection && !(engine->rules = load_rules(engine, error)))
        return false;
    if (!sinks_open(&engine->sinks, &engine->settings, error) ||
        !recorder_init(&engine->recorder, &engine->settings, &engine->sinks, error) ||
        !(engine->stats = stats_new(&engine->settings, error)) || !open_captures(engine, error) ||
        !start_workers(engine, error) || !profile_workers(engine, error) || !write_pid(engine, error))
        return false;
    catch_signals(false);
    if (engine->settings.sandbox && !enter_sandbox(engine, error))
        return false;
    log_notice("engine: started with %zu worker%s", engine->worker_count,
               engine->worker_count == 1 ? "" : "s");
    bool good = engine_run(engine);
    tell_quarantined(engine);
    if (engine->settings.stats_enabled)
        write_stats(engine);
    if (engine->options->profile_rules && engine->rules)
        write_profile(engine);
    if (good)
        remove_capture(engine);
    else
        *error = engine->failure;
    return good;
}

static void engine_done(struct engine *engine)
{
    for (size_t i = 0; i < engine->worker_count; i++)
        worker_free(engine->workers[i]);
    for (size_t i = 0; i < engine->capture_count; i++)
        capture_close(engine->captures[i]);
    watch_done(&engine->watch);
    expectations_free(engine->expectations);
    ranges_free(engine->ranges);
    free(engine->workers);
    free(engine->captures);
    stats_free(engine->stats);
    recorder_done(&engine->recorder);
    sinks_close(&engine->sinks);
    ruleset_free(engine->rules);
    settings_done(&engine->settings);
    if (engine->log_fd > 0)
        close(engine->log_fd);
}

/* ---- answers without running ---- */

static void put(const struct text *text)
{
    fwrite(text->data, 1, text->size, stdout);
}

static void explain(const struct engine *engine)
{
    struct text unused = text_new(1 << 20);
    config_list_unused(&engine->settings.config.root, &unused);
    struct bytes rest = text_bytes(&unused);
    printf("# Keys without effect; all others are honoured.\n");
    while (rest.size) {
        struct bytes line = bytes_cut(&rest, '\n');
        struct bytes path = line, head;
        size_t colon = bytes_find(line, BYTES_OF(": "));
        if (colon != SIZE_MAX)
            path = bytes_from(line, colon + 2);
        head = path;
        char text[256];
        snprintf(text, sizeof text, "%.*s", (int)head.size, (const char *)head.data);
        const char *reason = settings_refusal(text);
        printf("%-8s %.*s%s%s\n", reason ? "refused" : "ignored", (int)line.size, (const char *)line.data,
               reason ? ": " : "", reason ? reason : "");
    }
    text_done(&unused);
}

static void list_frames(const struct protocol *protocol, const char *transport)
{
    if (!strcmp(transport, "tcp"))
        printf("tcp: %s.stream\n", protocol->name);
    for (const char *const *frame = protocol->frames; *frame; frame++)
        printf("%s: %s.%s\n", transport, protocol->name, *frame);
}

/* Those of the protocol between those of every one. */
static void list_hooks(const struct protocol *protocol, enum direction direction)
{
    static const char *const sides[DIRECTIONS] = { "request", "response" };
    const char *const *names = protocol->progress_names[direction];
    char started[24], complete[24];
    snprintf(started, sizeof started, "%s_started", sides[direction]);
    snprintf(complete, sizeof complete, "%s_complete", sides[direction]);
    printf("%s:%s\n", protocol->name, started);
    for (uint8_t i = 0; names && i <= protocol_complete(protocol, direction); i++)
        if (strcmp(names[i], started) != 0 && strcmp(names[i], complete) != 0)
            printf("%s:%s\n", protocol->name, names[i]);
    printf("%s:%s\n", protocol->name, complete);
}

static int answer(struct engine *engine, struct error *error)
{
    struct text text = text_new(8 << 20);
    switch (engine->options->mode) {
    case MODE_HELP:
        fputs(options_help(), stdout);
        return 0;
    case MODE_VERSION:
    case MODE_BUILD_INFO:
        printf("This is Vọng Lâu sensor version %s\n", VONGLAU_VERSION);
        return 0;
    case MODE_LIST_KEYWORDS:
        ruleset_list_keywords(&text);
        put(&text);
        break;
    case MODE_LIST_PROTOCOLS:
        printf("=========Supported App Layer Protocols=========\n");
        for (size_t i = 0; protocols[i]; i++)
            printf("%s\n", protocols[i]->name);
        break;
    case MODE_LIST_FRAMES:
        printf("=========Supported App Layer Frames=========\n");
        for (size_t i = 0; protocols[i]; i++) {
            if (protocols[i]->frames && protocols[i]->transports & TRANSPORT_TCP)
                list_frames(protocols[i], "tcp");
            if (protocols[i]->frames && protocols[i]->transports & TRANSPORT_UDP)
                list_frames(protocols[i], "udp");
        }
        break;
    case MODE_LIST_HOOKS:
        printf("=========Supported App Layer Hooks=========\n");
        for (size_t i = 0; protocols[i]; i++)
            for (int d = 0; d < DIRECTIONS; d++)
                list_hooks(protocols[i], (enum direction)d);
        break;
    case MODE_DUMP_CONFIG:
        config_dump(&engine->settings.config.root, &text);
        put(&text);
        break;
    case MODE_EXPLAIN_CONFIG:
        if (engine->settings.detection)
            ruleset_free(load_rules(engine, error));
        explain(engine);
        break;
    case MODE_TEST:
    case MODE_RUN:
        break;
    }
    text_done(&text);
    return 0;
}

static bool needs_settings(enum options_mode mode)
{
    return mode == MODE_RUN || mode == MODE_TEST || mode == MODE_DUMP_CONFIG || mode == MODE_EXPLAIN_CONFIG;
}

static bool check_only(struct engine *engine, struct error *error)
{
    if (engine->settings.detection && !(engine->rules = load_rules(engine, error)))
        return false;
    uint32_t refused = engine->rules ? ruleset_numbers(engine->rules).failed : 0;
    if (refused)
        return error_set(error, "%u rules were refused", refused);
    log_notice("suricata: Configuration provided was successfully loaded. Exiting.");
    return true;
}

typedef bool (*report_fn)(const struct engine *engine, FILE *out, struct error *error);

static bool write_rules(const struct engine *engine, FILE *out, struct error *error)
{
    return ruleset_analyze(engine->rules, out, error);
}

static bool write_bits(const struct engine *engine, FILE *out, struct error *error)
{
    return ruleset_report_bits(engine->rules, out, error);
}

static bool write_groups(const struct engine *engine, FILE *out, struct error *error)
{
    return ruleset_write_groups(engine->rules, &engine->settings.grouping, out, error);
}

static bool write_patterns(const struct engine *engine, FILE *out, struct error *error)
{
    return ruleset_write_patterns(engine->rules, out, error);
}

static bool count_patterns(const struct engine *engine, FILE *out, struct error *error)
{
    return ruleset_count_patterns(engine->rules, out, error);
}

static bool write_advice(const struct engine *engine, FILE *out, struct error *error)
{
    return ruleset_write_advice(engine->rules, engine->settings.file_store, out, error);
}

static bool write_report(const struct engine *engine, const char *name, report_fn write, struct error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", engine->settings.log_dir, name);
    FILE *file = fopen(path, "we");
    if (!file)
        return error_system(error, "cannot open %s", path);
    bool good = write(engine, file, error);
    if (fclose(file) != 0 && good)
        good = error_system(error, "cannot write %s", path);
    return good;
}

/* --engine-analysis: what the rules are compiled to, as reports in the log folder. */
static bool analyze_rules(struct engine *engine, struct error *error)
{
    struct config_node *node = config_find(&engine->settings.config.root, "engine-analysis");
    bool patterns = true, advice = true;
    if (node && (!config_bool(node, "rules-fast-pattern", &patterns, error) ||
                 !config_bool(node, "rules", &advice, error)))
        return false;
    if (!sandbox_names_user(engine->settings.user, engine->settings.group, error) ||
        !(engine->rules = load_rules(engine, error)) ||
        (engine->settings.sandbox && !enter_sandbox(engine, error)))
        return false;
    return write_report(engine, "rules.json", write_rules, error) &&
           write_report(engine, "patterns.json", count_patterns, error) &&
           (!patterns || write_report(engine, "rules_fast_pattern.txt", write_patterns, error)) &&
           (!advice || write_report(engine, "rules_analysis.txt", write_advice, error)) &&
           (!ruleset_has_bits(engine->rules) || write_report(engine, "flowbits.json", write_bits, error)) &&
           (!engine->settings.grouping.wanted ||
            write_report(engine, "rule_group.json", write_groups, error));
}

static bool check_folder(const struct engine *engine, struct error *error)
{
    struct stat status;
    const char *folder = engine->settings.log_dir;
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return error_set(error, "the logging directory \"%s\" does not exist", folder);
    return access(folder, W_OK) == 0 || error_system(error, "the logging directory \"%s\"", folder);
}

int engine_main(struct options *options)
{
    struct error error = { "" };
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return 1;
    engine->options = options;
    bool good = true;
    int status = 0;
    if (options->mode == MODE_RUN && !options->analysis)
        catch_signals(true);
    if (needs_settings(options->mode)) {
        good = load_settings(engine, &error) && read_filter(engine, &error);
    }
    if (good && options->mode == MODE_RUN && options->analysis)
        good = analyze_rules(engine, &error);
    else if (good && options->mode == MODE_RUN)
        good = run(engine, &error);
    else if (good && options->mode == MODE_TEST)
        good = check_only(engine, &error);
    else if (good)
        status = answer(engine, &error);
    if (!good)
        log_error("%s", error.text);
    engine_done(engine);
    free(engine);
    return good ? status : 1;
}
