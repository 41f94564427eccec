/* SPDX-License-Identifier: Apache-2.0 */
/* Where reports of rules say that a buffer is inspected: protocols, directions and progress, in the order in
 * which Suricata 8's --engine-analysis tells them. Detection itself goes by the rows of the protocols. */
#ifndef VONGLAU_DETECT_ENGINE_PLACES_H
#define VONGLAU_DETECT_ENGINE_PLACES_H

#include "detect/rule_view.h"

#define ENGINE_PLACES_MAX 128 /* of one buffer */

struct engine_place {
    const char *protocol;
    uint8_t direction, progress;
};

/* The places of a buffer of transactions that reports call `name`; how many there are. */
size_t engine_places(const struct rule_view *view, const struct buffer_use *use, const char *name,
                     struct engine_place places[ENGINE_PLACES_MAX]);
/* How far the transaction must be for a condition without a buffer of its own. */
uint8_t engine_progress(const struct rule_view *view, const struct buffer_use *use, size_t protocol,
                        enum direction direction);

#endif
