/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits by address. */
#include "web/limits.h"

#include "base/clock.h"

void rate_init(struct rate_limit *limit)
{
    pthread_mutex_init(&limit->lock, NULL);
}

void rate_done(struct rate_limit *limit)
{
    pthread_mutex_destroy(&limit->lock);
}

bool rate_allowed(struct rate_limit *limit, struct bytes key, unsigned most)
{
    uint64_t minute = clock_steady() / (60 * NS_PER_S) + 1, hash = bytes_hash(key, 7);
    pthread_mutex_lock(&limit->lock);
    size_t at = hash % RATE_SLOTS;
    if (limit->slots[at].minute != minute) {
        limit->slots[at].minute = minute;
        limit->slots[at].used = 0;
        limit->slots[at].key = hash;
    }
    bool allowed = ++limit->slots[at].used <= most;
    pthread_mutex_unlock(&limit->lock);
    return allowed;
}
