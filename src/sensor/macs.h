/* SPDX-License-Identifier: Apache-2.0 */
/* Flows whose packets came from, or went to, more than one MAC address on a side: behind redundant routers.
 *
 * A flow itself has the two of its first packet; only further ones are kept here. */
#ifndef VONGLAU_SENSOR_MACS_H
#define VONGLAU_SENSOR_MACS_H

#include "base/map.h"
#include "flow/flow.h"

#define MACS_EACH_MAX 10 /* addresses of one side that are told; further ones are not */

/* Further addresses of both ends. */
struct mac_set {
    bool swapped; /* the flow's ends were, when it was made */
    uint8_t count[2];
    uint8_t octets[2][MACS_EACH_MAX - 1][6];
};

struct macs {
    struct map sets; /* flow id -> struct mac_set * */
};

void macs_init(struct macs *macs);
void macs_done(struct macs *macs);
/* Compares the packet's addresses with those known. */
void macs_note(struct macs *macs, const struct flow *flow, const struct packet *packet,
               enum direction direction);
/* The `index`th address of an end, NULL past the last. */
const uint8_t *macs_get(const struct macs *macs, const struct flow *flow, bool of_client, size_t index);
void macs_forget(struct macs *macs, const struct flow *flow);

#endif
