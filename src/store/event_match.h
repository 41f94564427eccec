/* SPDX-License-Identifier: Apache-2.0 */
/* Does an event satisfy a condition? Answered from columns where they suffice, else from the body. */
#ifndef VONGLAU_STORE_EVENT_MATCH_H
#define VONGLAU_STORE_EVENT_MATCH_H

#include "store/events.h"

enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };

/* What is known of one event. */
struct event_view {
    struct event_id id;
    uint64_t time;
    enum event_type type;
    uint32_t agency, system, signature;
    uint32_t host;   /* id in the file's list of hosts, 0: none */
    bool host_known; /* false: `host` says nothing */
    uint8_t severity;
    bool is_row; /* an alert's row: `name` and `flow` are known too */
    struct bytes name;
    uint64_t flow;
    const struct address *source, *destination;
    uint16_t source_port, destination_port;
    const struct event_record *record; /* the whole, body included; NULL: not read yet */
};

#define MATCH_HOST_TERMS_MAX 16

/* The ids of one file that satisfy a host term: bit n is id n. */
struct match_hosts {
    const struct event_term *term;
    uint8_t *bits;
    size_t bit_count, id_count;
};

struct event_matcher {
    const struct event_filter *filter;
    struct match_hosts hosts[MATCH_HOST_TERMS_MAX];
    size_t host_count;
};

/* Checks the tree's form: known kinds, depth, at most MATCH_HOST_TERMS_MAX host terms; collects the latter.
 */
MUST_CHECK bool matcher_init(struct event_matcher *matcher, const struct event_filter *filter,
                             struct error *error);
/* MATCH_MAYBE only while view->record is NULL: read the body and ask again. */
enum match matcher_match(const struct event_matcher *matcher, const struct event_view *view);
bool match_host_has(const struct match_hosts *hosts, uint32_t id);
const struct match_hosts *matcher_hosts(const struct event_matcher *matcher, const struct event_term *term);

/* True when `text` matches `pattern`, where `*` stands for any run, without regard to ASCII case. */
bool match_pattern(struct bytes text, struct bytes pattern);

#endif
