/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to agencies and systems. */
#include "center/resolver.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

struct entry {
    struct network network;
    uint64_t from, to; /* nanoseconds, [from, to) */
    uint32_t agency, system;
    uint8_t level;
    uint32_t next; /* index + 1 of another entry of the same network; 0: none */
};

struct table {
    struct map keys; /* network to index + 1 */
    struct entry *entries;
    size_t count, capacity;
    uint64_t prefixes[2][3]; /* which prefix lengths occur, per version */
};

struct resolver {
    pthread_rwlock_t lock;
    struct table *table;
};

static void table_free(struct table *table)
{
    if (!table)
        return;
    map_done(&table->keys);
    free(table->entries);
    free(table);
}

struct resolver *resolver_new(void)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (r)
        pthread_rwlock_init(&r->lock, NULL);
    return r;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    table_free(r->table);
    pthread_rwlock_destroy(&r->lock);
    free(r);
}

static struct bytes network_key(const struct network *network, uint8_t key[18])
{
    key[0] = network->address.version;
    key[1] = network->prefix;
    memcpy(key + 2, network->address.octets, 16);
    return bytes_of(key, 18);
}

static bool table_add(struct table *t, struct entry entry)
{
    uint8_t key[18];
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 64;
        struct entry *entries = realloc(t->entries, capacity * sizeof *entries);
        if (!entries)
            return false;
        t->entries = entries;
        t->capacity = capacity;
    }
    uintptr_t *place = map_add(&t->keys, network_key(&entry.network, key), NULL);
    if (!place)
        return false;
    entry.next = (uint32_t)*place;
    t->entries[t->count++] = entry;
    *place = t->count;
    unsigned version = entry.network.address.version == 6;
    t->prefixes[version][entry.network.prefix / 64] |= 1ULL << entry.network.prefix % 64;
    return true;
}

/* The start of a day at +07:00; `absent` when there is none. */
static uint64_t day_start(struct bytes day, uint64_t absent)
{
    char buffer[32];
    uint64_t time;
    struct text text = text_of(buffer, sizeof buffer);
    text_put(&text, day);
    text_put(&text, BYTES_OF("T00:00:00+07:00"));
    return day.size == 10 && clock_parse(text_bytes(&text), &time) ? time : absent;
}

static bool load_networks(struct table *t, struct database *database)
{
    bool ok = true;
    struct statement *s = database_query(
        database,
        "SELECT n.cidr, n.agency, n.system, y.level, n.valid_from, n.valid_to, n.ended FROM network n "
        "LEFT JOIN system y ON y.id=n.system",
        "");
    while (ok && statement_next(s)) {
        struct entry e = { .agency = (uint32_t)statement_int(s, 1),
                           .system = (uint32_t)statement_int(s, 2),
                           .level = (uint8_t)statement_int(s, 3),
                           .from = day_start(statement_bytes(s, 4), 0),
                           .to = day_start(statement_bytes(s, 5), UINT64_MAX) };
        if (!statement_null(s, 6))
            e.to = MIN(e.to, (uint64_t)statement_int(s, 6));
        if (network_parse(statement_bytes(s, 0), &e.network))
            ok = table_add(t, e);
    }
    statement_done(s);
    return ok;
}

static bool load_systems(struct table *t, struct database *database)
{
    bool ok = true;
    struct statement *s = database_query(
        database,
        "SELECT id, coalesce(operator, owner), level, addresses, ended FROM system WHERE addresses<>''", "");
    while (ok && statement_next(s)) {
        struct bytes rest = statement_bytes(s, 3);
        while (ok && rest.size) {
            struct entry e = { .system = (uint32_t)statement_int(s, 0),
                               .agency = (uint32_t)statement_int(s, 1),
                               .level = (uint8_t)statement_int(s, 2),
                               .to = statement_null(s, 4) ? UINT64_MAX : (uint64_t)statement_int(s, 4) };
            if (network_parse(bytes_trim(bytes_cut(&rest, ',')), &e.network))
                ok = table_add(t, e);
        }
    }
    statement_done(s);
    return ok;
}

bool resolver_load(struct resolver *r, struct database *database, struct error *error)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t)
        return error_system(error, "register of networks");
    t->keys = map_of(0x5eed, 0);
    if (!load_networks(t, database) || !load_systems(t, database) || !database_ok(database, error)) {
        table_free(t);
        return error_set(error, "the register of networks cannot be read");
    }
    pthread_rwlock_wrlock(&r->lock);
    struct table *old = r->table;
    r->table = t;
    pthread_rwlock_unlock(&r->lock);
    table_free(old);
    return true;
}

static struct network shortened(const struct address *address, unsigned prefix)
{
    struct network network = { *address, (uint8_t)prefix };
    for (size_t bit = prefix; bit < 128; bit++)
        network.address.octets[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return network;
}

/* The longest match gives the agency; the longest match that has a system of the same agency gives the
 * system. */
static void find(const struct table *t, const struct address *address, uint64_t time, struct owner *owner)
{
    uint8_t key[18];
    unsigned version = address->version == 6;
    for (unsigned prefix = version ? 129 : 33; prefix-- > 0;) {
        if (!(t->prefixes[version][prefix / 64] >> prefix % 64 & 1))
            continue;
        struct network network = shortened(address, prefix);
        uintptr_t *place = map_find(&t->keys, network_key(&network, key));
        for (uintptr_t at = place ? *place : 0; at; at = t->entries[at - 1].next) {
            const struct entry *e = &t->entries[at - 1];
            if (time < e->from || time >= e->to)
                continue;
            if (!owner->agency) {
                owner->agency = e->agency;
                owner->network = network;
            }
            if (!owner->system && e->system && e->agency == owner->agency) {
                owner->system = e->system;
                owner->level = e->level;
            }
        }
        if (owner->agency && owner->system)
            return;
    }
}

struct owner resolver_find(struct resolver *r, const struct address *address, uint64_t time)
{
    struct owner owner = { 0 };
    pthread_rwlock_rdlock(&r->lock);
    if (r->table && (address->version == 4 || address->version == 6))
        find(r->table, address, time, &owner);
    pthread_rwlock_unlock(&r->lock);
    return owner;
}
