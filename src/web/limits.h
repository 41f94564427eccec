/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be done from one address within a minute. */
#ifndef VONGLAU_WEB_LIMITS_H
#define VONGLAU_WEB_LIMITS_H

#include <pthread.h>

#include "base/bytes.h"

#define RATE_SLOTS 4096

struct rate_limit {
    pthread_mutex_t lock;
    struct {
        uint64_t key, minute; /* minutes of the steady clock */
        unsigned used;
    } slots[RATE_SLOTS];
};

void rate_init(struct rate_limit *limit);
void rate_done(struct rate_limit *limit);
/* Counts one; false when `key` had more than `most` within this minute. Addresses that share a slot share the
 * count. */
bool rate_allowed(struct rate_limit *limit, struct bytes key, unsigned most);

#endif
