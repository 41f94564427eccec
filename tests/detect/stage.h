/* SPDX-License-Identifier: Apache-2.0 */
/* A rule set from text and packets made by hand, for tests of detection. */
#ifndef VONGLAU_TESTS_DETECT_STAGE_H
#define VONGLAU_TESTS_DETECT_STAGE_H

#include "../support/support.h"

#include "detect/detect.h"

struct stage {
    struct ruleset *set;
    struct detector *detector;
    struct alerts *alerts;
    struct packet packet;
    struct flow flow;
    struct rule_reason reason; /* of the last refusal */
    char refused_keyword[64];
    unsigned refused;
    bool inline_mode;
    uint8_t tcp_before; /* enum tcp_state before the next packet */
    uint8_t *payload;   /* guarded */
    size_t payload_size;
};

/* Loads `rules` (lines); with `thresholds` as threshold.config when not NULL. */
void stage_open(struct stage *stage, const char *rules, const char *thresholds);
/* Where packets can be dropped, in this order of actions (NULL: the stock one), `max` alerts a packet. */
void stage_open_inline(struct stage *stage, const char *rules, const uint8_t order[ACTION_PLACES],
                       uint32_t max);
/* With these settings: limits, data folder, data sets. */
void stage_open_with(struct stage *stage, const char *rules, const struct ruleset_settings *settings);
/* The same with every rule tried on every packet. */
void stage_open_plain(struct stage *stage, const char *rules);
/* Its detector goes over to `set`. */
void stage_change(struct stage *stage, const struct ruleset *set);
void stage_close(struct stage *stage);
/* A packet of 192.0.2.1 port 40000 to 198.51.100.1 port 80 with this payload, in an established flow;
 * then detection runs. The packet's fields can be set before with stage->packet.* kept. */
void stage_packet(struct stage *stage, enum direction direction, unsigned protocol, const void *payload,
                  size_t size);
/* How many of the last packet's alerts have this sid. */
unsigned stage_count(const struct stage *stage, uint32_t sid);

#endif
