/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor's command line: Suricata's letters and long names. */
#ifndef VONGLAU_SENSOR_OPTIONS_H
#define VONGLAU_SENSOR_OPTIONS_H

#include "base/error.h"

#define OPTIONS_LIST_MAX    64
#define OPTIONS_WORKERS_MAX 256U

enum options_mode {
    MODE_RUN,
    MODE_TEST,    /* -T */
    MODE_VERSION, /* -V */
    MODE_HELP,    /* -h */
    MODE_BUILD_INFO,
    MODE_DUMP_CONFIG,
    MODE_EXPLAIN_CONFIG, /* what is honoured, ignored, refused */
    MODE_LIST_KEYWORDS,
    MODE_LIST_PROTOCOLS,
    MODE_LIST_FRAMES,
    MODE_LIST_HOOKS,
};

enum delete_captures { DELETE_NEVER, DELETE_ALWAYS, DELETE_NON_ALERTS };

struct options {
    enum options_mode mode;
    const char *capture; /* -r: file, folder or "-" */
    const char *interfaces[OPTIONS_LIST_MAX];
    size_t interface_count;
    const char *config, *log_dir, *data_dir, *pid_file, *user, *group, *filter, *filter_file, *spool,
        *enrolment;
    const char *rules_only;                   /* -S */
    const char *rules_more[OPTIONS_LIST_MAX]; /* -s */
    size_t rules_more_count;
    const char *sets[OPTIONS_LIST_MAX * 2], *includes[OPTIONS_LIST_MAX];
    size_t set_count, include_count;
    const char *checksums, *run_mode, *memory;
    unsigned verbose, workers; /* workers: 0 is by run mode */
    bool no_detection, inline_mode, failures_fatal, daemon, analysis, behavior, no_sandbox, profile_rules;
    bool continuous, recursive, remove, interfaces_of_file;
    char filter_text[1024]; /* operands, put together */
};

/* Reads the arguments; false (usage error) with the reason. */
MUST_CHECK bool options_read(int argc, char *const *argv, struct options *options, struct error *error);
/* The text of -h. */
const char *options_help(void);

#endif
