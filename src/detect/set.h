/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled rule set as the compiler fills it and the engine reads it. Private to detect. */
#ifndef VONGLAU_DETECT_SET_H
#define VONGLAU_DETECT_SET_H

#include <pthread.h>

#include "base/map.h"
#include "detect/signature.h"

struct prefilter;
struct classes;
struct shared;
struct tags;
struct suppression;
struct quarantine;

/* Who may talk to whom: the header of a rule, shared by all rules that have the same. */
struct header {
    uint8_t ip_protocols[32];
    uint8_t version;                         /* 4, 6, or 0 for both */
    bool any_packet;                         /* pkthdr: packets without IP too */
    bool both;                               /* <> */
    uint16_t src, dst, src_ports, dst_ports; /* indexes of sets */
};

struct set_list {
    struct ranges *items;
    size_t count, capacity;
    struct map by_text; /* text -> index + 1 */
};

struct index_list {
    uint32_t *items;
    size_t count, capacity;
};

struct classification {
    struct bytes name, description;
    uint32_t priority;
};

struct ruleset {
    const struct ruleset_settings *settings; /* valid while loading only */
    struct arena memory;
    const struct protocol *protocols[PROTOCOLS_MAX];
    size_t protocol_count;

    struct signature **signatures; /* in evaluation order */
    size_t signature_count, signature_capacity;
    struct map by_sid; /* gid, sid -> index + 1 (while loading) */
    struct map parts;  /* signature -> struct rule_parts *; empty unless keep_parts */

    struct header *headers;
    size_t header_count, header_capacity;
    struct map header_map;
    struct set_list addresses, ports;

    struct buffer **buffers;
    size_t buffer_count, buffer_capacity;
    struct map buffer_map; /* identity -> struct buffer * */

    struct map keywords;                    /* name -> const struct keyword * */
    struct map rows;                        /* name -> struct named_row * (buffer.h) */
    struct map classifications, references; /* name -> struct classification *, char * (base URL) */
    struct map bits;                        /* names of flowbits, flowints, hostbits, xbits -> id + 1 */
    const char **bit_names;
    size_t bit_count, bit_capacity;

    struct classes *classes;
    struct prefilter *payload[3][DIRECTIONS]; /* enum raw_kind: TCP packets, TCP streams, other */
    struct index_list tx_always[PROTOCOLS_MAX][DIRECTIONS];  /* rules to try on every transaction */
    struct index_list tx_events[PROTOCOLS_MAX][DIRECTIONS];  /* rules on anomalies of transactions */
    struct index_list tx_buffers[PROTOCOLS_MAX][DIRECTIONS]; /* buffers with a prefilter */
    struct index_list tx_bodies[PROTOCOLS_MAX][DIRECTIONS];  /* buffers that are growing bodies */
    struct index_list frame_rules[PROTOCOLS_MAX][DIRECTIONS];
    struct ruleset_wants wants;
    uint64_t tx_protocols[DIRECTIONS];              /* protocols that some transaction rule concerns */
    struct index_list *decode_rules, *stream_rules; /* by event */
    struct index_list session_rules;                /* on anomalies of recognition */
    bool raw_streams;                               /* some rule looks at reassembled bytes */

    struct shared *shared; /* thresholds, host bits, datasets: change at run time */
    struct tags *tags;     /* likewise */
    struct suppression *suppressions;
    struct quarantine *quarantine; /* NULL: no rule is put aside; changes at run time */
    struct dataset *datasets;
    struct reputation *reputation;
    struct geoip *geoip; /* NULL: no database */
    struct regex *regexes;
    struct ruleset_numbers numbers;
    uint32_t alerts_per_packet, match_limit, stream_chunk[DIRECTIONS];
    bool guess_tx;
    uint32_t guess_max;
};

enum raw_kind { RAW_TCP_PACKET, RAW_TCP_STREAM, RAW_OTHER };

/* Protocol index in the set, or -1. */
int set_protocol_index(const struct ruleset *set, const struct protocol *protocol);
/* Bit per protocol that is called so. */
uint64_t set_protocols_named(const struct ruleset *set, struct bytes name);
/* The protocols whose transactions its sessions have, by index; none: its own. */
uint64_t set_parts_of(const struct ruleset *set, const struct protocol *protocol);
/* The protocols made of others (doh2) that a rule about `wanted` is about: all of them are its parts.
 * "http" is about more than doh2 is made of, and so not about it, as in Suricata. */
uint64_t set_wholes_of(const struct ruleset *set, uint64_t wanted);
/* Id of a bit name in the name space of `kind` ('f' flowbit, 'i' flowint, 'h' hostbit, 'x' xbit); -1: memory.
 */
int set_bit(struct ruleset *set, char kind, struct bytes name);
MUST_CHECK bool index_list_add(struct index_list *list, uint32_t index);
/* The buffer named `name` with `transforms` over it, made when new; NULL when no protocol or packet has it.
 */
struct buffer *set_buffer(struct ruleset *set, struct bytes name, const struct transform *transforms);
/* The plain buffer of a packet getter or built-in kind. */
struct buffer *set_buffer_kind(struct ruleset *set, const char *name, enum buffer_kind kind,
                               const struct transform *transforms);

/* Compiles one rule line; false with a reason in `reason`. *skipped: `requires` was not met. */
MUST_CHECK bool compile_rule(struct ruleset *set, struct bytes line, const char *file, uint32_t line_number,
                             struct rule_reason *reason, bool *skipped);
/* classification.config, reference.config, threshold.config. */
MUST_CHECK bool load_classifications(struct ruleset *set, struct bytes text);
MUST_CHECK bool load_references(struct ruleset *set, struct bytes text);
extern const char classification_stock[], reference_stock[]; /* what the first two are without a file */
MUST_CHECK bool load_thresholds(struct ruleset *set, struct bytes text, const char *file);

#endif
