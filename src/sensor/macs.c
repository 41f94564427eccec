/* SPDX-License-Identifier: Apache-2.0 */
/* Further MAC addresses of flows; see macs.h. */
#include "sensor/macs.h"

#include <stdlib.h>

#define FLOWS_MAX 65536 /* flows with several at once */

void macs_init(struct macs *macs)
{
    macs->sets = map_of(0xa0761d6478bd642fULL, FLOWS_MAX);
}

void macs_done(struct macs *macs)
{
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    while (map_each(&macs->sets, &position, &key, &value))
        free((void *)*value);
    map_done(&macs->sets);
}

static struct mac_set *find(const struct macs *macs, const struct flow *flow)
{
    uintptr_t *place = map_find(&macs->sets, bytes_of(&flow->id, sizeof flow->id));
    return place ? (struct mac_set *)*place : NULL;
}

static struct mac_set *find_or_make(struct macs *macs, const struct flow *flow)
{
    struct mac_set *set = find(macs, flow);
    bool added;
    if (set)
        return set;
    set = calloc(1, sizeof *set);
    uintptr_t *place = set ? map_add(&macs->sets, bytes_of(&flow->id, sizeof flow->id), &added) : NULL;
    if (!place) {
        free(set);
        return NULL;
    }
    set->swapped = flow->swapped;
    *place = (uintptr_t)set;
    return set;
}

static void add(struct macs *macs, const struct flow *flow, bool of_client, const uint8_t octets[6])
{
    struct mac_set *set = find_or_make(macs, flow);
    if (!set)
        return;
    size_t side = of_client ^ (set->swapped != flow->swapped);
    for (size_t i = 0; i < set->count[side]; i++)
        if (memcmp(set->octets[side][i], octets, 6) == 0)
            return;
    if (set->count[side] < MACS_EACH_MAX - 1)
        memcpy(set->octets[side][set->count[side]++], octets, 6);
}

void macs_note(struct macs *macs, const struct flow *flow, const struct packet *packet,
               enum direction direction)
{
    if (packet->ether.size < 14)
        return;
    const uint8_t *dst = packet->ether.data, *src = dst + 6;
    const uint8_t *client = direction == TO_SERVER ? src : dst, *server = direction == TO_SERVER ? dst : src;
    if (memcmp(client, flow->client_mac, 6) != 0)
        add(macs, flow, true, client);
    if (memcmp(server, flow->server_mac, 6) != 0)
        add(macs, flow, false, server);
}

const uint8_t *macs_get(const struct macs *macs, const struct flow *flow, bool of_client, size_t index)
{
    if (index == 0)
        return of_client ? flow->client_mac : flow->server_mac;
    const struct mac_set *set = macs->sets.count ? find(macs, flow) : NULL;
    if (!set)
        return NULL;
    size_t side = of_client ^ (set->swapped != flow->swapped);
    return index <= set->count[side] ? set->octets[side][index - 1] : NULL;
}

void macs_forget(struct macs *macs, const struct flow *flow)
{
    struct mac_set *set = macs->sets.count ? find(macs, flow) : NULL;
    if (!set)
        return;
    free(set);
    map_remove(&macs->sets, bytes_of(&flow->id, sizeof flow->id));
}
