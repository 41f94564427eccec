/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of flows and hosts in one bounded table; see tags.h. */
#include "detect/tags.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "detect/engine.h"

#define RECORDS_MAX 16384            /* flows and hosts that are tagged at once */
#define EACH_MAX    4                /* rules whose tags one of them has */
#define IDLE_MAX    (600 * NS_PER_S) /* packet time without a packet after which a tag is forgotten */

struct tag {
    uint32_t rule; /* gid and sid tell it apart from others */
    uint32_t gid;
    uint64_t until;          /* packet time; UINT64_MAX: the count ends it */
    uint64_t packets, bytes; /* left; UINT64_MAX: not counted */
};

struct record {
    uint64_t seen;
    struct tag tags[EACH_MAX]; /* rule 0: free */
};

struct key {
    uint64_t flow;
    bool of_host;
    struct address host;
};

struct tags {
    pthread_mutex_t lock;
    struct map records; /* key -> struct record * */
    atomic_size_t hosts;
};

struct tags *tags_new(void)
{
    struct tags *tags = calloc(1, sizeof *tags);
    if (!tags)
        return NULL;
    pthread_mutex_init(&tags->lock, NULL);
    tags->records = map_of(0xd6e8feb86659fd93ULL, RECORDS_MAX);
    return tags;
}

void tags_free(struct tags *tags)
{
    if (!tags)
        return;
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    while (map_each(&tags->records, &position, &key, &value))
        free((void *)*value);
    map_done(&tags->records);
    pthread_mutex_destroy(&tags->lock);
    free(tags);
}

static struct key key_of(uint64_t flow, const struct address *host)
{
    struct key key;
    memset(&key, 0, sizeof key); /* padding is part of it */
    key.flow = flow;
    key.of_host = host != NULL;
    if (host)
        key.host = *host;
    return key;
}

static struct record *find(const struct tags *tags, const struct key *key)
{
    uintptr_t *place = map_find(&tags->records, bytes_of(key, sizeof *key));
    return place ? (struct record *)*place : NULL;
}

static void forget(struct tags *tags, const struct key *key)
{
    struct record *record = find(tags, key);
    if (!record)
        return;
    free(record);
    map_remove(&tags->records, bytes_of(key, sizeof *key));
    if (key->of_host)
        atomic_fetch_sub(&tags->hosts, 1);
}

/* Takes those away that nothing was heard of for a while. */
static void sweep(struct tags *tags, uint64_t now)
{
    struct key idle[256];
    size_t position = 0, count = 0;
    struct bytes key;
    uintptr_t *value;
    while (count < COUNT_OF(idle) && map_each(&tags->records, &position, &key, &value))
        if (((const struct record *)*value)->seen + IDLE_MAX < now)
            memcpy(&idle[count++], key.data, sizeof idle[0]);
    for (size_t i = 0; i < count; i++)
        forget(tags, &idle[i]);
}

static struct record *find_or_make(struct tags *tags, const struct key *key, uint64_t now)
{
    struct record *record = find(tags, key);
    if (record)
        return record;
    if (tags->records.count >= RECORDS_MAX)
        sweep(tags, now);
    record = calloc(1, sizeof *record);
    bool added;
    uintptr_t *place = record ? map_add(&tags->records, bytes_of(key, sizeof *key), &added) : NULL;
    if (!place) {
        free(record);
        return NULL;
    }
    *place = (uintptr_t)record;
    if (key->of_host)
        atomic_fetch_add(&tags->hosts, 1);
    return record;
}

/* The rule's own place, or a free one, or the last. */
static struct tag *place_for(struct record *record, const struct rule *rule)
{
    struct tag *vacant = &record->tags[EACH_MAX - 1];
    for (size_t i = EACH_MAX; i-- > 0;) {
        struct tag *tag = &record->tags[i];
        if (tag->rule == rule->sid && tag->gid == rule->gid)
            return tag;
        if (!tag->rule)
            vacant = tag;
    }
    return vacant;
}

void tags_set(struct context *context, enum tag_scope scope, enum tag_metric metric, uint64_t count)
{
    struct tags *tags = context->set->tags;
    const struct packet *packet = context->packet;
    const struct rule *rule = &context->signature->rule;
    context->alerts->tagged = true;
    if ((scope == TAG_SESSION && !context_state(context)) || (scope != TAG_SESSION && !packet->src.version))
        return;
    struct tag tag = { .rule = rule->sid, .gid = rule->gid };
    tag.packets = tag.bytes = tag.until = UINT64_MAX;
    if (metric == TAG_PACKETS)
        tag.packets = count - MIN(count, (uint64_t)1);
    else if (metric == TAG_BYTES)
        tag.bytes = count - MIN(count, (uint64_t)packet->frame.size);
    else
        tag.until = packet->time + MIN(count, (uint64_t)UINT32_MAX) * NS_PER_S;
    struct key key = key_of(scope == TAG_SESSION ? context->flow->id : 0, scope == TAG_HOST_SRC ? &packet->src
                                                                          : scope == TAG_HOST_DST
                                                                              ? &packet->dst
                                                                              : NULL);
    pthread_mutex_lock(&tags->lock);
    struct record *record = find_or_make(tags, &key, packet->time);
    if (record) {
        record->seen = packet->time;
        *place_for(record, rule) = tag;
    }
    pthread_mutex_unlock(&tags->lock);
    if (record && scope == TAG_SESSION)
        context->state->tagged = true;
}

/* True when the tag covers the packet; it is over otherwise. */
static bool take(struct tag *tag, const struct packet *packet)
{
    bool covers = packet->time <= tag->until && tag->packets && tag->bytes >= packet->frame.size;
    if (!covers) {
        tag->rule = tag->gid = 0;
        return false;
    }
    if (tag->packets != UINT64_MAX)
        tag->packets--;
    if (tag->bytes != UINT64_MAX)
        tag->bytes -= packet->frame.size;
    return true;
}

static bool take_all(struct tags *tags, const struct key *key, const struct packet *packet, bool *left)
{
    struct record *record = find(tags, key);
    bool covered = false, any = false;
    for (size_t i = 0; record && i < EACH_MAX; i++)
        if (record->tags[i].rule) {
            covered |= take(&record->tags[i], packet);
            any |= record->tags[i].rule != 0;
        }
    if (record && any)
        record->seen = packet->time;
    else
        forget(tags, key);
    *left = any;
    return covered;
}

bool tags_take(struct context *context)
{
    struct tags *tags = context->set->tags;
    struct flow_memory *state = context->state;
    const struct packet *packet = context->packet;
    bool session = state && state->tagged, covered = false, left;
    bool hosts = atomic_load_explicit(&tags->hosts, memory_order_relaxed) != 0;
    if (LIKELY(!session && !hosts) || packet->source == SOURCE_FLOW_TIMEOUT)
        return false;
    pthread_mutex_lock(&tags->lock);
    if (session) {
        struct key key = key_of(context->flow->id, NULL);
        covered = take_all(tags, &key, packet, &left);
        state->tagged = left;
    }
    for (int end = 0; hosts && end < 2; end++) {
        struct key key = key_of(0, end ? &packet->dst : &packet->src);
        covered |= take_all(tags, &key, packet, &left);
    }
    pthread_mutex_unlock(&tags->lock);
    return covered;
}

void tags_forget(struct tags *tags, const struct flow *flow)
{
    struct key key = key_of(flow->id, NULL);
    pthread_mutex_lock(&tags->lock);
    forget(tags, &key);
    pthread_mutex_unlock(&tags->lock);
}
