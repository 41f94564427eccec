/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of the command line; see options.h. */
#include "sensor/options.h"

#include <getopt.h>
#include <stdio.h>

#include "base/text.h"

enum long_option {
    OPTION_SET = 256,
    OPTION_INCLUDE,
    OPTION_RUNMODE,
    OPTION_PIDFILE,
    OPTION_USER,
    OPTION_GROUP,
    OPTION_FATAL,
    OPTION_NO_DETECTION,
    OPTION_INLINE,
    OPTION_CONTINUOUS,
    OPTION_RECURSIVE,
    OPTION_DELETE,
    OPTION_KEYWORDS,
    OPTION_PROTOCOLS,
    OPTION_FRAMES,
    OPTION_HOOKS,
    OPTION_ANALYSIS,
    OPTION_PROFILE,
    OPTION_DATA_DIR,
    OPTION_MEMORY,
    OPTION_VERSION,
    OPTION_BUILD_INFO,
    OPTION_DUMP,
    OPTION_EXPLAIN,
    OPTION_INTERFACE,
    OPTION_BEHAVIOR,
    OPTION_NO_SANDBOX,
    OPTION_WORKERS,
    OPTION_SPOOL,
    OPTION_ENROLMENT,
    OPTION_ACCEPTED,       /* has no meaning here and does no harm */
    OPTION_ACCEPTED_VALUE, /* the same, with a value */
};

static const struct option long_options[] = {
    { "set", required_argument, NULL, OPTION_SET },
    { "include", required_argument, NULL, OPTION_INCLUDE },
    { "runmode", required_argument, NULL, OPTION_RUNMODE },
    { "pidfile", required_argument, NULL, OPTION_PIDFILE },
    { "user", required_argument, NULL, OPTION_USER },
    { "group", required_argument, NULL, OPTION_GROUP },
    { "init-errors-fatal", no_argument, NULL, OPTION_FATAL },
    { "disable-detection", no_argument, NULL, OPTION_NO_DETECTION },
    { "simulate-ips", no_argument, NULL, OPTION_INLINE },
    { "pcap-file-continuous", no_argument, NULL, OPTION_CONTINUOUS },
    { "pcap-file-recursive", no_argument, NULL, OPTION_RECURSIVE },
    { "pcap-file-delete", no_argument, NULL, OPTION_DELETE },
    { "list-keywords", optional_argument, NULL, OPTION_KEYWORDS },
    { "list-app-layer-protos", no_argument, NULL, OPTION_PROTOCOLS },
    { "list-app-layer-frames", no_argument, NULL, OPTION_FRAMES },
    { "list-app-layer-hooks", no_argument, NULL, OPTION_HOOKS },
    { "engine-analysis", no_argument, NULL, OPTION_ANALYSIS },
    { "profile-rules", no_argument, NULL, OPTION_PROFILE },
    { "data-dir", required_argument, NULL, OPTION_DATA_DIR },
    { "memory", required_argument, NULL, OPTION_MEMORY },
    { "version", no_argument, NULL, OPTION_VERSION },
    { "build-info", no_argument, NULL, OPTION_BUILD_INFO },
    { "dump-config", no_argument, NULL, OPTION_DUMP },
    { "explain-config", no_argument, NULL, OPTION_EXPLAIN },
    { "af-packet", optional_argument, NULL, OPTION_INTERFACE },
    { "pcap", optional_argument, NULL, OPTION_INTERFACE },
    { "behavior", no_argument, NULL, OPTION_BEHAVIOR },
    { "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
    { "workers", required_argument, NULL, OPTION_WORKERS },
    { "spool", required_argument, NULL, OPTION_SPOOL },
    { "enrolment", required_argument, NULL, OPTION_ENROLMENT },
    { "strict-rule-keywords", optional_argument, NULL, OPTION_ACCEPTED },
    { "no-random", no_argument, NULL, OPTION_ACCEPTED },
    { "pcap-file-buffer-size", required_argument, NULL, OPTION_ACCEPTED_VALUE },
    { "pcap-buffer-size", required_argument, NULL, OPTION_ACCEPTED_VALUE },
    { "unix-socket", optional_argument, NULL, OPTION_ACCEPTED },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

const char *options_help(void)
{
    return "usage: vonglau-sensor [options] [BPF filter]\n"
           "       vonglau-sensor enrol URL CODE [DIR]   join a centre\n"
           "       vonglau-sensor uplink DIR SPOOL       deliver the spool only\n"
           "\n"
           "  -r FILE|DIR|-            read a capture, a folder of captures, or standard input\n"
           "  -i INTERFACE             watch an interface (repeatable)\n"
           "  -c FILE                  settings (suricata.yaml); built-in defaults without\n"
           "  -S FILE                  these rules only;  -s FILE  these rules too\n"
           "  -l DIR                   where logs go\n"
           "  -T                       check settings and rules, then stop\n"
           "  -k all|none              compute checksums, or take them as right\n"
           "  -F FILE                  read the BPF filter from a file\n"
           "  -v                       more messages (repeatable);  -V  version;  -D  into the background\n"
           "  --set NAME=VALUE         change one setting;  --include FILE  add a file of settings\n"
           "  --memory SIZE            most memory the tables may take, e.g. 512MB\n"
           "  --runmode single|workers|autofp\n"
           "  --spool DIR              also queue events for the centre\n"
           "  --enrolment DIR          what enrol left, to deliver the spool to the centre; default: the "
           "spool's\n"
           "  --workers N              threads; a file is read with one unless asked otherwise\n"
           "  --simulate-ips           act as if inline: drop, reject and pass rules take effect\n"
           "  --disable-detection      no rules\n"
           "  --init-errors-fatal      the first bad rule is an error\n"
           "  --user NAME --group NAME run as\n"
           "  --pidfile FILE  --data-dir DIR  --behavior  --no-sandbox\n"
           "  --pcap-file-continuous  --pcap-file-recursive  --pcap-file-delete\n"
           "  --dump-config            all settings in effect\n"
           "  --explain-config         which keys of the file are honoured, ignored, refused\n"
           "  --profile-rules          what each rule cost, dearest first, in rule_perf.json\n"
           "  --list-keywords  --list-app-layer-protos  --list-app-layer-frames  --list-app-layer-hooks\n"
           "  --engine-analysis  --build-info\n";
}

static bool push(const char **list, size_t *count, size_t most, const char *value, struct error *error)
{
    if (*count == most)
        return error_set(error, "too many of one option: %s", value);
    list[(*count)++] = value;
    return true;
}

static bool take(int letter, const char *value, struct options *options, struct error *error)
{
    switch (letter) {
    case 'r':
        options->capture = value;
        return true;
    case 'i':
        return push(options->interfaces, &options->interface_count, OPTIONS_LIST_MAX, value, error);
    case 'c':
        options->config = value;
        return true;
    case 'S':
        options->rules_only = value;
        return true;
    case 's':
        return push(options->rules_more, &options->rules_more_count, OPTIONS_LIST_MAX, value, error);
    case 'l':
        options->log_dir = value;
        return true;
    case 'T':
        options->mode = MODE_TEST;
        return true;
    case 'k':
        options->checksums = value;
        return true;
    case 'F':
        options->filter_file = value;
        return true;
    case 'v':
        options->verbose++;
        return true;
    case 'V':
    case OPTION_VERSION:
        options->mode = MODE_VERSION;
        return true;
    case 'D':
        options->daemon = true;
        return true;
    case 'h':
        options->mode = MODE_HELP;
        return true;
    case OPTION_SET:
        return push(options->sets, &options->set_count, COUNT_OF(options->sets), value, error);
    case OPTION_INCLUDE:
        return push(options->includes, &options->include_count, OPTIONS_LIST_MAX, value, error);
    case OPTION_RUNMODE:
        options->run_mode = value;
        return true;
    case OPTION_PIDFILE:
        options->pid_file = value;
        return true;
    case OPTION_USER:
        options->user = value;
        return true;
    case OPTION_GROUP:
        options->group = value;
        return true;
    case OPTION_FATAL:
        options->failures_fatal = true;
        return true;
    case OPTION_NO_DETECTION:
        options->no_detection = true;
        return true;
    case OPTION_INLINE:
        options->inline_mode = true;
        return true;
    case OPTION_CONTINUOUS:
        options->continuous = true;
        return true;
    case OPTION_RECURSIVE:
        options->recursive = true;
        return true;
    case OPTION_DELETE:
        options->remove = true;
        return true;
    case OPTION_KEYWORDS:
        options->mode = MODE_LIST_KEYWORDS;
        return true;
    case OPTION_PROTOCOLS:
        options->mode = MODE_LIST_PROTOCOLS;
        return true;
    case OPTION_FRAMES:
        options->mode = MODE_LIST_FRAMES;
        return true;
    case OPTION_HOOKS:
        options->mode = MODE_LIST_HOOKS;
        return true;
    case OPTION_ANALYSIS:
        options->analysis = true;
        return true;
    case OPTION_PROFILE:
        options->profile_rules = true;
        return true;
    case OPTION_DATA_DIR:
        options->data_dir = value;
        return true;
    case OPTION_MEMORY:
        options->memory = value;
        return true;
    case OPTION_BUILD_INFO:
        options->mode = MODE_BUILD_INFO;
        return true;
    case OPTION_DUMP:
        options->mode = MODE_DUMP_CONFIG;
        return true;
    case OPTION_EXPLAIN:
        options->mode = MODE_EXPLAIN_CONFIG;
        return true;
    case OPTION_INTERFACE:
        options->interfaces_of_file |= !value;
        return !value || push(options->interfaces, &options->interface_count, OPTIONS_LIST_MAX, value, error);
    case OPTION_BEHAVIOR:
        options->behavior = true;
        return true;
    case OPTION_NO_SANDBOX:
        options->no_sandbox = true;
        return true;
    case OPTION_ENROLMENT:
        options->enrolment = value;
        return true;
    case OPTION_SPOOL:
        options->spool = value;
        return true;
    case OPTION_WORKERS: {
        uint64_t count;
        if (!bytes_to_u64(bytes_of_string(value), &count) || count < 1 || count > OPTIONS_WORKERS_MAX)
            return error_set(error, "--workers %s: 1 to %u expected", value, OPTIONS_WORKERS_MAX);
        options->workers = (unsigned)count;
        return true;
    }
    case OPTION_ACCEPTED:
    case OPTION_ACCEPTED_VALUE:
        return true;
    default:
        return error_set(error, "unknown option");
    }
}

bool options_read(int argc, char *const *argv, struct options *options, struct error *error)
{
    int letter;
    *options = (struct options){ .mode = MODE_RUN };
    optind = 1;
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "r:i:c:S:s:l:Tk:F:vVDh", long_options, NULL)) != -1) {
        if (letter == '?')
            return error_set(error, "option %s is unknown or lacks its value", argv[optind - 1]);
        if (!take(letter, optarg, options, error))
            return false;
    }
    struct text filter = text_of(options->filter_text, sizeof options->filter_text);
    for (int i = optind; i < argc; i++)
        text_add(&filter, "%s%s", i > optind ? " " : "", argv[i]);
    if (filter.full)
        return error_set(error, "the filter is too long");
    if (filter.size)
        options->filter = options->filter_text;
    return true;
}
