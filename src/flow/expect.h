/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that another one announced: FTP says on its control connection where the data connection will
 * go. An expectation waits for the first flow between two hosts to a port, and hands it what was said.
 *
 * One table serves all workers, whichever of them gets the announced flow; it is bounded, expectations end by
 * time (of packets) or with the flow that made them. */
#ifndef VONGLAU_FLOW_EXPECT_H
#define VONGLAU_FLOW_EXPECT_H

#include "flow/flow.h"

#define EXPECT_NOTE_MAX 4096U /* bytes of a note */

struct expectation {
    uint16_t server_port;
    uint8_t protocol;    /* IP protocol */
    uint64_t parent_id;  /* id of the flow that announced it */
    const void *subject; /* the announcer's: what the flow will speak */
    struct bytes note;   /* what was said; at most EXPECT_NOTE_MAX bytes */
};

#define EXPECT_COUNTERS(X)                                                    \
    X(EXPECT_MADE, "app_layer.expectations_made", "Connections announced")    \
    X(EXPECT_REFUSED, "app_layer.expectations_refused", "Announced: no room") \
    X(EXPECT_EXPIRED, "app_layer.expectations_expired", "Announced, and never seen")
COUNTER_ENUM(expect_counter, EXPECT_COUNTERS, EXPECT_COUNTER_COUNT);
extern const struct counter expect_counters[EXPECT_COUNTER_COUNT];

struct expectations;

struct expect_settings {
    uint32_t most, most_of_pair; /* 0: 4096 at a time, 64 between two hosts */
    uint64_t lifetime;           /* ns; 0: 30 s */
    uint64_t seed;               /* secret of the hash */
};

MUST_CHECK struct expectations *expectations_new(const struct expect_settings *settings, struct error *error);
void expectations_free(struct expectations *table);

/* Expects a flow between the hosts of `parent`, opened by either of them, to wanted->server_port. The note is
 * copied. The same port expected again replaces what was said before. False when there is no room. */
bool expect_add(struct expectations *table, const struct flow *parent, const struct expectation *wanted,
                uint64_t now);
/* Takes the expectation that `flow` meets out of the table, and copies its note to `memory` (of
 * EXPECT_NOTE_MAX bytes). False when there is none. Costs nothing while nothing is expected. */
bool expect_take(struct expectations *table, const struct flow *flow, uint64_t now, uint8_t *memory,
                 struct expectation *found);
/* Forgets what `parent` announced: it has ended. */
void expect_forget(struct expectations *table, const struct flow *parent);
/* Live expectations. */
size_t expect_count(const struct expectations *table);
/* Adds the counters to `counts`. */
void expect_counts(struct expectations *table, uint64_t counts[EXPECT_COUNTER_COUNT]);

#endif
