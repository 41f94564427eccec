/* SPDX-License-Identifier: Apache-2.0 */
/* A rule as it was written, and loading of rule files into a compiled set. */
#ifndef VONGLAU_DETECT_RULE_H
#define VONGLAU_DETECT_RULE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/field.h"

struct ruleset;
struct protocol;

/* What output needs of a rule; detection's compiled form is private. All texts live as long as the set. */
struct rule {
    uint32_t sid, gid, rev;
    uint32_t priority; /* 1 is the highest; from classtype unless given */
    uint8_t action;    /* enum rule_action (detect.h) */
    bool noalert;
    bool stores_certificate;        /* tls.store: the TLS end's certificates are written */
    struct bytes message, category; /* msg; the classification's description */
    struct bytes classtype;
    struct bytes text;            /* the whole rule as it stood in the file; absent unless keep_texts */
    struct bytes metadata;        /* "key value, key value" as written, or absent */
    struct bytes references_json; /* ["https://...",...] or absent */
    bool has_target, target_is_source;
    const char *file;
    uint32_t line;
};

#define RULE_METADATA_MAX 256 /* pairs */

/* "metadata":{"key":["value",...],...}: values by key, keys in order of first appearance. */
void rule_put_metadata(const struct rule *rule, struct text *out);

struct rule_reason {
    const char *file;
    uint32_t line, column, sid;
    struct bytes keyword;
    bool skipped; /* the rule is about something that does not happen here: it is left out, no fault */
    bool of_data; /* a file of values that the rule names is bad, not the rule */
    char text[256];
};

/* Called for each rule that is refused, or skipped for a reason; loading goes on. */
typedef void (*rule_refused_fn)(void *context, const struct rule_reason *reason);

/* A set of values under `datasets` in suricata.yaml. */
struct dataset_setting {
    const char *name, *type, *load, *state, *save; /* NULL: not given */
    uint64_t memcap, hashsize;                     /* 0: not given */
};

struct dataset_limits {
    uint64_t memcap;                      /* bytes that rules may fill one set to, unless it says otherwise */
    uint64_t hashsize;                    /* of a set that does not say */
    uint64_t hashsize_max, hashsizes_max; /* of one set, of all together */
    bool absolute_names;                  /* rules may save to files outside the data folder */
    bool no_writing;                      /* rules may not save at all */
};

/* A rule that takes more than its share of time is put aside until the rules are read again. */
struct quarantine_settings {
    uint32_t share;  /* percent of a worker's time, over a window; 0: rules are never put aside */
    uint64_t window; /* ns */
};

#define QUARANTINE_MAX 64 /* rules of one set that may be put aside */

struct quarantined {
    const struct rule *rule;
    unsigned share; /* percent that it took */
};

#define ACTION_PLACES 4 /* pass, drop, reject, alert */

struct ruleset_settings {
    /* Rule variables: name without '$', value as in suricata.yaml ("[10.0.0.0/8,!10.1.0.0/16]"). */
    const struct {
        const char *name, *value;
    } * addresses, *ports;
    size_t address_count, port_count;
    const char *const *files; /* rule files, in order */
    size_t file_count;
    const char *classification_file, *reference_file, *threshold_file; /* NULL: built-in / none */
    const char *data_dir;                                              /* relative dataset, iprep files */
    const struct dataset_setting *datasets;
    size_t dataset_count;
    struct dataset_limits dataset_limits; /* zeroes: the stock limits */
    const char *reputation_categories;    /* iprep: categories file */
    const char *const *reputation_files;
    const char *geoip_file; /* MaxMind DB; NULL: none */
    size_t reputation_count;
    bool keep_texts; /* of rules, as rule->text; a quarter of the memory of a set */
    bool keep_parts; /* of rules, keyword by keyword, for ruleset_analyze() */
    bool inline_mode;
    bool no_prefilter;          /* every rule is tried everywhere; slow, to check the prefilters against */
    uint32_t pcre_match_limit;  /* 0: 3500 */
    uint32_t alerts_per_packet; /* packet-alert-max; 0: 15 */
    struct quarantine_settings quarantine;
    bool guess_tx;                         /* alerts on packets are told with the flow's only transaction */
    uint32_t guess_max;                    /* alerts of a connection that are told with the same one; 0: 4 */
    uint8_t action_order[ACTION_PLACES];   /* enum rule_action; first 0: the stock order */
    uint32_t stream_chunk[2];              /* toserver-chunk-size, toclient-chunk-size; 0: 2560 */
    const struct protocol *const *enabled; /* NULL: all */
    rule_refused_fn refused;
    void *context;
};

struct ruleset_numbers {
    uint32_t loaded, failed, skipped; /* skipped: `requires` not met, or nothing to happen here */
    uint32_t with_fast_pattern, packet_rules, stream_rules, tx_rules, ip_only;
};

/* Loads and compiles; NULL only when a file cannot be read or memory is short: rules that are refused are
 * counted. */
MUST_CHECK struct ruleset *ruleset_load(const struct ruleset_settings *settings, struct error *error);
void ruleset_free(struct ruleset *set);
/* What rules look at that costs extra to have. */
struct ruleset_wants {
    bool frames;            /* sessions must keep frames */
    bool magic;             /* types of files */
    bool md5, sha1, sha256; /* of files */
    bool stored_files;      /* a rule has filestore */
};
struct ruleset_wants ruleset_wants(const struct ruleset *set);
struct ruleset_numbers ruleset_numbers(const struct ruleset *set);

/* The `index`th rule that was put aside; false past the last. From any thread. */
bool ruleset_quarantined(const struct ruleset *set, size_t index, struct quarantined *quarantined);

/* The `index`th file that a set of values is kept in; NULL past the last. */
const char *ruleset_kept_file(const struct ruleset *set, size_t index);

/* Every keyword as name, help and source, for --list-keywords and the manual. */
void ruleset_list_keywords(struct text *out);

#endif
