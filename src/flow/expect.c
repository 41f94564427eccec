/* SPDX-License-Identifier: Apache-2.0 */
/* Announced connections, by pair of hosts; see expect.h. */
#include "flow/expect.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKETS      1024U /* a power of two */
#define MOST         4096U
#define MOST_OF_PAIR 64U
#define LIFETIME     (30ULL * 1000000000ULL)

struct entry {
    struct entry *next; /* oldest first */
    struct address low, high;
    struct expectation wanted;
    uint64_t expires;
    uint8_t note[];
};

struct expectations {
    struct expect_settings settings;
    pthread_mutex_t lock;
    atomic_size_t count;
    uint64_t counts[EXPECT_COUNTER_COUNT];
    size_t swept; /* the bucket that is tidied next */
    struct entry *buckets[BUCKETS];
};

const struct counter expect_counters[EXPECT_COUNTER_COUNT] = { COUNTER_TABLE(EXPECT_COUNTERS) };

struct expectations *expectations_new(const struct expect_settings *settings, struct error *error)
{
    struct expectations *table = calloc(1, sizeof *table);
    if (!table) {
        error_set(error, "out of memory");
        return NULL;
    }
    table->settings = *settings;
    if (!table->settings.most)
        table->settings.most = MOST;
    if (!table->settings.most_of_pair)
        table->settings.most_of_pair = MOST_OF_PAIR;
    if (!table->settings.lifetime)
        table->settings.lifetime = LIFETIME;
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

void expectations_free(struct expectations *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (table->buckets[i]) {
            struct entry *entry = table->buckets[i];
            table->buckets[i] = entry->next;
            free(entry);
        }
    pthread_mutex_destroy(&table->lock);
    free(table);
}

/* The hosts of a flow, whichever opened it. */
static void pair_of(const struct flow *flow, struct address *low, struct address *high)
{
    bool forth = address_compare(&flow->client, &flow->server) <= 0;
    *low = forth ? flow->client : flow->server;
    *high = forth ? flow->server : flow->client;
}

static size_t bucket_of(const struct expectations *table, const struct address *low,
                        const struct address *high)
{
    uint64_t hash = bytes_hash(bytes_of(low->octets, sizeof low->octets), table->settings.seed);
    return bytes_hash(bytes_of(high->octets, sizeof high->octets), hash) & (BUCKETS - 1);
}

static void drop(struct expectations *table, struct entry **link)
{
    struct entry *entry = *link;
    *link = entry->next;
    free(entry);
    atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
}

static void expire(struct expectations *table, size_t bucket, uint64_t now)
{
    struct entry **link = &table->buckets[bucket];
    while (*link)
        if ((*link)->expires <= now) {
            drop(table, link);
            table->counts[EXPECT_EXPIRED]++;
        } else
            link = &(*link)->next;
}

static bool same_pair(const struct entry *entry, const struct address *low, const struct address *high)
{
    return address_equal(&entry->low, low) && address_equal(&entry->high, high);
}

/* Makes room: what is expected again goes, and the pair's oldest when it has too many. */
static void displace(struct expectations *table, struct entry **bucket, const struct entry *fresh)
{
    struct entry **oldest = NULL;
    size_t count = 0;
    for (struct entry **link = bucket; *link;) {
        if (!same_pair(*link, &fresh->low, &fresh->high)) {
            link = &(*link)->next;
            continue;
        }
        if ((*link)->wanted.server_port == fresh->wanted.server_port &&
            (*link)->wanted.protocol == fresh->wanted.protocol) {
            drop(table, link);
            continue;
        }
        oldest = oldest ? oldest : link;
        count++;
        link = &(*link)->next;
    }
    if (count >= table->settings.most_of_pair && oldest)
        drop(table, oldest);
}

bool expect_add(struct expectations *table, const struct flow *parent, const struct expectation *wanted,
                uint64_t now)
{
    struct bytes note = bytes_first(wanted->note, EXPECT_NOTE_MAX);
    struct entry *entry = calloc(1, sizeof *entry + note.size);
    if (!entry)
        return false;
    pair_of(parent, &entry->low, &entry->high);
    entry->wanted = *wanted;
    entry->wanted.parent_id = parent->id;
    entry->wanted.note = bytes_of(entry->note, note.size);
    entry->expires = now + table->settings.lifetime;
    if (note.size)
        memcpy(entry->note, note.data, note.size);
    size_t bucket = bucket_of(table, &entry->low, &entry->high);
    pthread_mutex_lock(&table->lock);
    expire(table, bucket, now);
    table->swept = (table->swept + 1) % BUCKETS; /* old ones of other pairs go as new ones come */
    expire(table, table->swept, now);
    displace(table, &table->buckets[bucket], entry);
    bool room = atomic_load_explicit(&table->count, memory_order_relaxed) < table->settings.most;
    if (room) {
        struct entry **last = &table->buckets[bucket];
        while (*last)
            last = &(*last)->next;
        *last = entry;
        atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
    }
    table->counts[room ? EXPECT_MADE : EXPECT_REFUSED]++;
    pthread_mutex_unlock(&table->lock);
    if (!room)
        free(entry);
    return room;
}

bool expect_take(struct expectations *table, const struct flow *flow, uint64_t now, uint8_t *memory,
                 struct expectation *found)
{
    if (!table || atomic_load_explicit(&table->count, memory_order_relaxed) == 0)
        return false;
    struct address low, high;
    pair_of(flow, &low, &high);
    size_t bucket = bucket_of(table, &low, &high);
    bool taken = false;
    pthread_mutex_lock(&table->lock);
    expire(table, bucket, now);
    for (struct entry **link = &table->buckets[bucket]; *link; link = &(*link)->next) {
        const struct entry *entry = *link;
        if (entry->wanted.server_port != flow->server_port || entry->wanted.protocol != flow->protocol ||
            !same_pair(entry, &low, &high))
            continue;
        *found = entry->wanted;
        if (found->note.size)
            memcpy(memory, entry->note, found->note.size);
        found->note = bytes_of(memory, found->note.size);
        drop(table, link);
        taken = true;
        break;
    }
    pthread_mutex_unlock(&table->lock);
    return taken;
}

void expect_forget(struct expectations *table, const struct flow *parent)
{
    if (!table || atomic_load_explicit(&table->count, memory_order_relaxed) == 0)
        return;
    struct address low, high;
    pair_of(parent, &low, &high);
    pthread_mutex_lock(&table->lock);
    for (struct entry **link = &table->buckets[bucket_of(table, &low, &high)]; *link;)
        if ((*link)->wanted.parent_id == parent->id)
            drop(table, link);
        else
            link = &(*link)->next;
    pthread_mutex_unlock(&table->lock);
}

size_t expect_count(const struct expectations *table)
{
    return atomic_load_explicit(&table->count, memory_order_relaxed);
}

void expect_counts(struct expectations *table, uint64_t counts[EXPECT_COUNTER_COUNT])
{
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < EXPECT_COUNTER_COUNT; i++)
        counts[i] += table->counts[i];
    pthread_mutex_unlock(&table->lock);
}
