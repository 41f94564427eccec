/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of hosts and pairs, and counts of thresholds, in one bounded table. */
#include "detect/shared.h"

#include <stdlib.h>

#include "base/clock.h"

#define RECORDS_MAX \
    262144 /* bits and counts held at once, 48 MB of them; the ended ones are forgotten first */

struct shared {
    pthread_mutex_t lock;
    struct map records; /* key -> struct record * */
};

struct record {
    uint64_t since, until; /* packet time, ns */
    uint64_t count, next;  /* backoff: the count that alerts next */
    bool active;           /* rate filter: the new action holds until `until` */
};

/* What a record belongs to. */
struct key {
    char kind; /* 'b' bit, 't' threshold, 'f' filter, 'r' rate filter */
    uint8_t track;
    uint32_t a, b; /* bit id; or gid and sid */
    struct address one, two;
    uint64_t id; /* flow or transaction */
};

struct shared *shared_new(void)
{
    struct shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->records = map_of(0x9e3779b97f4a7c15ULL, RECORDS_MAX);
    pthread_mutex_init(&shared->lock, NULL);
    return shared;
}

void shared_free(struct shared *shared)
{
    if (!shared)
        return;
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    while (map_each(&shared->records, &position, &key, &value))
        free((void *)*value);
    map_done(&shared->records);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static struct key key_of(const struct context *context, char kind, enum track track, uint32_t a, uint32_t b)
{
    const struct packet *p = context->packet;
    struct key key;
    memset(&key, 0, sizeof key); /* padding is part of the key */
    key.kind = kind;
    key.track = (uint8_t)track;
    key.a = a;
    key.b = b;
    const struct address *low = &p->src, *high = &p->dst;
    if (address_compare(low, high) > 0) {
        low = &p->dst;
        high = &p->src;
    }
    switch (track) {
    case TRACK_SRC:
        key.one = p->src;
        break;
    case TRACK_DST:
        key.one = p->dst;
        break;
    case TRACK_BOTH:
    case TRACK_PAIR:
        key.one = *low;
        key.two = *high;
        break;
    case TRACK_FLOW:
        key.id = context->flow ? context->flow->id : 0;
        break;
    case TRACK_TX:
        key.id = context->tx ? (context->flow ? context->flow->id << 20 : 0) ^ context->tx->number : 0;
        break;
    default:
        break;
    }
    return key;
}

static struct bytes key_bytes(const struct key *key)
{
    return bytes_of(key, sizeof *key);
}

static struct record *find(const struct shared *shared, const struct key *key)
{
    uintptr_t *place = map_find(&shared->records, key_bytes(key));
    return place ? (struct record *)*place : NULL;
}

static void forget(struct shared *shared, const struct key *key)
{
    free(find(shared, key));
    map_remove(&shared->records, key_bytes(key));
}

/* Makes room: takes what ended, or, when nothing did, what comes first. */
static void sweep(struct shared *shared, uint64_t now)
{
    size_t position = 0, taken = 0;
    struct bytes key;
    uintptr_t *value;
    struct key ended[256];
    for (int forced = 0; forced < 2 && taken == 0; forced++, position = 0) {
        while (taken < COUNT_OF(ended) && map_each(&shared->records, &position, &key, &value)) {
            const struct record *record = (const struct record *)*value;
            if (forced || (record->until && record->until <= now))
                memcpy(&ended[taken++], key.data, sizeof ended[0]);
        }
    }
    for (size_t i = 0; i < taken; i++)
        forget(shared, &ended[i]);
}

static struct record *find_or_make(struct shared *shared, const struct key *key, uint64_t now, bool *made)
{
    *made = false;
    struct record *record = find(shared, key);
    if (record)
        return record;
    if (shared->records.count >= RECORDS_MAX)
        sweep(shared, now);
    record = calloc(1, sizeof *record);
    uintptr_t *place = record ? map_add(&shared->records, key_bytes(key), NULL) : NULL;
    if (!place) {
        free(record);
        return NULL;
    }
    *place = (uintptr_t)record;
    *made = true;
    return record;
}

/* ---- bits ---- */

/* A bit is the host's, whichever end of the packet it is. */
static struct key bit_key(const struct context *context, enum track track, uint32_t id)
{
    struct key key = key_of(context, 'b', track, id, 0);
    if (track == TRACK_DST)
        key.track = TRACK_SRC;
    return key;
}

bool shared_bit_is_set(struct context *context, enum track track, uint32_t id)
{
    struct shared *shared = context->set->shared;
    struct key key = bit_key(context, track, id);
    pthread_mutex_lock(&shared->lock);
    const struct record *record = find(shared, &key);
    bool on = record && (!record->until || record->until > context->packet->time);
    pthread_mutex_unlock(&shared->lock);
    return on;
}

void shared_bit_set(struct context *context, enum track track, uint32_t id, uint64_t expire)
{
    struct shared *shared = context->set->shared;
    struct key key = bit_key(context, track, id);
    bool made;
    pthread_mutex_lock(&shared->lock);
    struct record *record = find_or_make(shared, &key, context->packet->time, &made);
    if (record)
        record->until = expire;
    pthread_mutex_unlock(&shared->lock);
}

void shared_bit_unset(struct context *context, enum track track, uint32_t id)
{
    struct shared *shared = context->set->shared;
    struct key key = bit_key(context, track, id);
    pthread_mutex_lock(&shared->lock);
    forget(shared, &key);
    pthread_mutex_unlock(&shared->lock);
}

/* ---- thresholds ---- */

/* Counts one match in the record's period; true when the count goes on in the same period. */
static void count_in_period(struct record *record, uint64_t now, uint64_t period)
{
    if (record->count == 0 || now >= record->since + period || now < record->since) {
        record->since = now;
        record->count = 0;
    }
    record->until = record->since + period;
    record->count++;
}

static bool judge(const struct threshold *t, struct record *record, uint64_t now, uint8_t *action)
{
    uint64_t period = t->seconds * NS_PER_S;
    switch (t->type) {
    case THRESHOLD_LIMIT:
        count_in_period(record, now, period);
        return record->count <= t->count;
    case THRESHOLD_THRESHOLD:
        count_in_period(record, now, period);
        if (record->count < t->count)
            return false;
        record->count = 0;
        record->since = now;
        return true;
    case THRESHOLD_BOTH:
        count_in_period(record, now, period);
        return record->count == t->count;
    case THRESHOLD_FILTER:
        /* Alerts on the matches after the count was reached. */
        count_in_period(record, now, period);
        return record->count > t->count;
    case THRESHOLD_BACKOFF:
        record->count++;
        if (record->next == 0)
            record->next = t->count;
        if (record->count < record->next)
            return false;
        record->next = record->next > UINT64_MAX / t->multiplier ? UINT64_MAX : record->next * t->multiplier;
        return true;
    case THRESHOLD_RATE:
        if (record->active) {
            if (!t->timeout || now < record->until) {
                *action = t->new_action;
                return true;
            }
            record->active = false;
            record->count = 0;
        }
        count_in_period(record, now, period);
        if (record->count > t->count) {
            record->active = true;
            record->until = t->timeout ? now + t->timeout * NS_PER_S : 0;
            record->count = 0;
            *action = t->new_action;
        }
        return true;
    default:
        return true;
    }
}

static bool passes(struct context *context, const struct threshold *t, const struct rule *rule,
                   uint8_t *action)
{
    struct shared *shared = context->set->shared;
    char kind = t->type == THRESHOLD_FILTER ? 'f' : t->type == THRESHOLD_RATE ? 'r' : 't';
    if (t->track == TRACK_FLOW && !context->flow)
        return true;
    struct key key = key_of(context, kind, t->track, rule->gid, rule->sid);
    bool made;
    pthread_mutex_lock(&shared->lock);
    struct record *record = find_or_make(shared, &key, context->packet->time, &made);
    bool given = !record || judge(t, record, context->packet->time, action);
    pthread_mutex_unlock(&shared->lock);
    return given;
}

static bool is_suppressed(const struct context *context, const struct rule *rule)
{
    const struct packet *p = context->packet;
    for (const struct suppression *s = context->set->suppressions; s; s = s->next) {
        if ((s->gid && s->gid != rule->gid) || (s->sid && s->sid != rule->sid))
            continue;
        if (s->track == TRACK_NONE)
            return true;
        bool src = p->ip && ranges_has(&s->addresses, address_number(&p->src));
        bool dst = p->ip && ranges_has(&s->addresses, address_number(&p->dst));
        if ((s->track != TRACK_DST && src) || (s->track != TRACK_SRC && dst))
            return true;
    }
    return false;
}

enum threshold_outcome threshold_judge(struct context *context, const struct signature *signature,
                                       uint8_t *action)
{
    const struct rule *rule = &signature->rule;
    if (context->set->suppressions && is_suppressed(context, rule))
        return THRESHOLD_SILENT;
    for (const struct threshold *t = signature->filter; t; t = t->next)
        if (!passes(context, t, rule, action))
            return THRESHOLD_NOTHING;
    enum threshold_outcome outcome = THRESHOLD_ALERT;
    for (const struct threshold *t = signature->threshold; t; t = t->next) {
        if (passes(context, t, rule, action))
            continue;
        bool counts_up = t->type == THRESHOLD_THRESHOLD || t->type == THRESHOLD_BACKOFF;
        outcome = counts_up ? THRESHOLD_NOTHING : MIN(outcome, THRESHOLD_SILENT);
    }
    return outcome;
}
