/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of files, joined; see ranges.h. */
#include "proto/ranges.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKETS      256U /* a power of two */
#define FILES_MAX    4096U
#define PARTS_MAX    1024U /* of one file */
#define KEY_MAX      2048U
#define MEMORY       (100ULL * 1024U * 1024U)
#define TIMEOUT      60ULL
#define NS_PER_S_    1000000000ULL
#define PART_INITIAL 4096U

struct range {
    struct range *next; /* in order of `first` */
    struct ranged_file *file;
    uint64_t first, last, size;
    uint8_t *data;
    size_t capacity;
    bool open, failed;
};

struct ranged_file {
    struct ranged_file *next;
    struct ranges *table;
    struct range *parts;
    uint64_t total, timeout, expires, limit;
    size_t part_count, open_count;
    size_t key_size;
    uint8_t key[];
};

struct ranges {
    pthread_mutex_t lock;
    uint64_t seed;
    atomic_uint_fast64_t memory;
    size_t file_count, swept; /* `swept`: the bucket that is tidied next */
    struct ranged_file *buckets[BUCKETS];
};

struct ranges *ranges_new(uint64_t seed, struct error *error)
{
    struct ranges *table = calloc(1, sizeof *table);
    if (!table) {
        error_set(error, "out of memory");
        return NULL;
    }
    table->seed = seed;
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static bool charge(struct ranges *table, uint64_t size, uint64_t limit)
{
    uint64_t before = atomic_fetch_add_explicit(&table->memory, size, memory_order_relaxed);
    if (before + size <= limit)
        return true;
    atomic_fetch_sub_explicit(&table->memory, size, memory_order_relaxed);
    return false;
}

static void discharge(struct ranges *table, uint64_t size)
{
    atomic_fetch_sub_explicit(&table->memory, size, memory_order_relaxed);
}

uint64_t ranges_memory(const struct ranges *table)
{
    return atomic_load_explicit(&table->memory, memory_order_relaxed);
}

static void part_free(struct range *part)
{
    discharge(part->file->table, sizeof *part + part->capacity);
    free(part->data);
    free(part);
}

void ranged_file_free(struct ranged_file *file)
{
    if (!file)
        return;
    while (file->parts) {
        struct range *part = file->parts;
        file->parts = part->next;
        part_free(part);
    }
    discharge(file->table, sizeof *file + file->key_size);
    free(file);
}

void ranges_free(struct ranges *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (table->buckets[i]) {
            struct ranged_file *file = table->buckets[i];
            table->buckets[i] = file->next;
            ranged_file_free(file);
        }
    pthread_mutex_destroy(&table->lock);
    free(table);
}

static struct ranged_file **bucket_of(struct ranges *table, struct bytes key)
{
    return &table->buckets[bytes_hash(key, table->seed) & (BUCKETS - 1)];
}

/* Forgets the files of a bucket that nobody has added to for too long. */
static void expire(struct ranges *table, struct ranged_file **bucket, uint64_t now)
{
    for (struct ranged_file **link = bucket; *link;) {
        struct ranged_file *file = *link;
        if (file->open_count || file->expires > now) {
            link = &file->next;
            continue;
        }
        *link = file->next;
        table->file_count--;
        ranged_file_free(file);
    }
}

static struct ranged_file *find(struct ranged_file *const *bucket, struct bytes key, uint64_t total)
{
    for (struct ranged_file *file = *bucket; file; file = file->next)
        if (file->total == total && bytes_equal(bytes_of(file->key, file->key_size), key))
            return file;
    return NULL;
}

static struct ranged_file *make(struct ranges *table, struct ranged_file **bucket, struct bytes key,
                                uint64_t total, const struct range_limits *limits)
{
    uint64_t limit = limits->memory ? limits->memory : MEMORY;
    if (table->file_count >= FILES_MAX || !charge(table, sizeof(struct ranged_file) + key.size, limit))
        return NULL;
    struct ranged_file *file = calloc(1, sizeof *file + key.size);
    if (!file) {
        discharge(table, sizeof *file + key.size);
        return NULL;
    }
    file->table = table;
    file->total = total;
    file->limit = limit;
    file->timeout = (limits->timeout ? limits->timeout : TIMEOUT) * NS_PER_S_;
    file->key_size = key.size;
    memcpy(file->key, key.data, key.size);
    file->next = *bucket;
    *bucket = file;
    table->file_count++;
    return file;
}

static struct range *add_part(struct ranged_file *file, uint64_t first, uint64_t last)
{
    struct range **link = &file->parts;
    while (*link && (*link)->first < first)
        link = &(*link)->next;
    for (const struct range *same = *link; same && same->first == first; same = same->next)
        if (!same->open && same->first + same->size > last)
            return NULL; /* it is there already */
    if (file->part_count >= PARTS_MAX || !charge(file->table, sizeof(struct range), file->limit))
        return NULL;
    struct range *part = calloc(1, sizeof *part);
    if (!part) {
        discharge(file->table, sizeof *part);
        return NULL;
    }
    *part = (struct range){ .next = *link, .file = file, .first = first, .last = last, .open = true };
    *link = part;
    file->part_count++;
    file->open_count++;
    return part;
}

struct range *range_begin(struct ranges *table, struct bytes key, uint64_t first, uint64_t last,
                          uint64_t total, const struct range_limits *limits, uint64_t now)
{
    uint64_t limit = limits->memory ? limits->memory : MEMORY;
    bool all = first == 0 && last + 1 == total;
    if (!table || !key.size || key.size > KEY_MAX || last >= total || first > last || all || total > limit)
        return NULL;
    pthread_mutex_lock(&table->lock);
    struct ranged_file **bucket = bucket_of(table, key);
    expire(table, bucket, now);
    table->swept = (table->swept + 1) % BUCKETS; /* old files of other buckets go as new parts come */
    expire(table, &table->buckets[table->swept], now);
    struct ranged_file *file = find(bucket, key, total);
    if (!file)
        file = make(table, bucket, key, total, limits);
    struct range *part = file ? add_part(file, first, last) : NULL;
    if (file)
        file->expires = now + file->timeout;
    pthread_mutex_unlock(&table->lock);
    return part;
}

/* Only its owner writes to an open part; the table's lock is for what is shared. */
void range_data(struct range *part, struct bytes data)
{
    if (!part || part->failed)
        return;
    data = bytes_first(data, (size_t)(part->last + 1 - part->first - part->size));
    size_t wanted = (size_t)part->size + data.size;
    if (wanted > part->capacity) {
        size_t capacity = MAX(wanted, MAX(part->capacity * 2, (size_t)PART_INITIAL));
        capacity = (size_t)MIN((uint64_t)capacity, part->last + 1 - part->first);
        uint8_t *grown = NULL;
        if (charge(part->file->table, capacity - part->capacity, part->file->limit)) {
            grown = realloc(part->data, capacity);
            if (!grown)
                discharge(part->file->table, capacity - part->capacity);
        }
        if (!grown) {
            part->failed = true;
            return;
        }
        part->data = grown;
        part->capacity = capacity;
    }
    if (data.size)
        memcpy(part->data + part->size, data.data, data.size);
    part->size += data.size;
}

/* All parts are there, without a hole between them. */
static bool is_whole(const struct ranged_file *file)
{
    uint64_t end = 0;
    for (const struct range *part = file->parts; part && part->first <= end; part = part->next)
        end = MAX(end, part->first + part->size);
    return end >= file->total;
}

struct ranged_file *range_end(struct range *part, uint64_t now)
{
    if (!part)
        return NULL;
    struct ranged_file *file = part->file;
    struct ranges *table = file->table;
    pthread_mutex_lock(&table->lock);
    part->open = false;
    file->open_count--;
    file->expires = now + file->timeout;
    bool whole = file->open_count == 0 && is_whole(file);
    if (whole) {
        struct ranged_file **link = bucket_of(table, bytes_of(file->key, file->key_size));
        while (*link != file)
            link = &(*link)->next;
        *link = file->next;
        table->file_count--;
    }
    pthread_mutex_unlock(&table->lock);
    return whole ? file : NULL;
}

bool ranged_file_next(const struct ranged_file *file, uint64_t *position, struct bytes *piece)
{
    for (const struct range *part = file->parts; part; part = part->next) {
        if (part->first > *position || part->first + part->size <= *position)
            continue;
        *piece = bytes_from(bytes_of(part->data, (size_t)part->size), (size_t)(*position - part->first));
        *position += piece->size;
        return true;
    }
    return false;
}
