/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of flows: which rule headers hold for a pair of endpoints. */
#include "detect/classes.h"

#include <stdlib.h>

#define CACHE_MAX 8192 /* classes kept by one worker; then it starts over */
#define PORT_PAGE 256

/* Intervals of one number space, each with the class of its members. */
struct partition {
    u128 *starts;
    uint16_t *class_of;
    size_t count;
    uint8_t *members; /* per class: a bit per set */
    size_t class_count, stride;
};

struct classes {
    struct partition addresses, ports;
    uint32_t *v4_starts; /* the IPv4 part of `addresses`, for speed */
    uint16_t *v4_class;
    size_t v4_count;
    uint32_t v4_first[65537]; /* by the upper half of an address: the interval that its first one is in */
    uint16_t (*port_pages)[PORT_PAGE]; /* classes of ports in blocks of PORT_PAGE; equal blocks are one */
    uint8_t port_page[65536 / PORT_PAGE];
    struct index_list ip_only;
    struct gate *always; /* those that want data come first */
    size_t always_count;
    struct index_list raw_packet_headers,
        raw_stream_headers; /* distinct headers of rules with raw patterns */
};

static int by_value(const void *a, const void *b)
{
    const u128 *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void partition_done(struct partition *p)
{
    free(p->starts);
    free(p->class_of);
    free(p->members);
}

/* Index of the first start that is not below `low`. */
static size_t first_from(const u128 *starts, size_t count, u128 low)
{
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (starts[middle] < low)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Cuts the space where any set begins or ends, and gives pieces of equal membership one class. */
static bool partition_build(struct partition *p, const struct set_list *list, u128 top)
{
    size_t cuts = 1;
    for (size_t s = 0; s < list->count; s++)
        cuts += list->items[s].count * 2;
    p->stride = list->count / 8 + 1;
    p->starts = malloc(cuts * sizeof *p->starts);
    p->class_of = calloc(cuts, sizeof *p->class_of);
    uint8_t *pieces = NULL;
    struct map known = map_of(1, UINT16_MAX);
    bool done = false;
    if (!p->starts || !p->class_of)
        goto out;
    size_t n = 0;
    p->starts[n++] = 0;
    for (size_t s = 0; s < list->count; s++) {
        for (size_t i = 0; i < list->items[s].count; i++) {
            p->starts[n++] = list->items[s].items[i].low;
            if (list->items[s].items[i].high < top)
                p->starts[n++] = list->items[s].items[i].high + 1;
        }
    }
    qsort(p->starts, n, sizeof *p->starts, by_value);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (p->starts[i] != p->starts[kept - 1])
            p->starts[kept++] = p->starts[i];
    p->count = kept;
    pieces = calloc(kept, p->stride);
    p->members = calloc(kept, p->stride);
    if (!pieces || !p->members)
        goto out;
    for (size_t s = 0; s < list->count; s++) {
        for (size_t i = 0; i < list->items[s].count; i++) {
            const struct interval *interval = &list->items[s].items[i];
            size_t at = first_from(p->starts, kept, interval->low);
            for (; at < kept && p->starts[at] <= interval->high; at++)
                pieces[at * p->stride + s / 8] |= (uint8_t)(1U << s % 8);
        }
    }
    for (size_t i = 0; i < kept; i++) {
        bool added;
        uintptr_t *place = map_add(&known, bytes_of(pieces + i * p->stride, p->stride), &added);
        if (!place)
            goto out;
        if (added) {
            *place = p->class_count;
            memcpy(p->members + p->class_count * p->stride, pieces + i * p->stride, p->stride);
            p->class_count++;
        }
        p->class_of[i] = (uint16_t)*place;
    }
    done = true;
out:
    free(pieces);
    map_done(&known);
    return done;
}

static uint16_t partition_find(const struct partition *p, u128 value)
{
    size_t low = 0, high = p->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (p->starts[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    return p->class_of[low];
}

static bool member(const struct partition *p, uint16_t class, uint16_t set)
{
    return p->members[class * p->stride + set / 8] >> (set % 8) & 1;
}

static bool build_v4(struct classes *c)
{
    const u128 base = (u128)0xffff << 32, top = base | UINT32_MAX;
    c->v4_starts = malloc((c->addresses.count + 1) * sizeof *c->v4_starts);
    c->v4_class = malloc((c->addresses.count + 1) * sizeof *c->v4_class);
    if (!c->v4_starts || !c->v4_class)
        return false;
    c->v4_starts[0] = 0;
    c->v4_class[0] = partition_find(&c->addresses, base);
    c->v4_count = 1;
    for (size_t i = 0; i < c->addresses.count; i++) {
        if (c->addresses.starts[i] <= base || c->addresses.starts[i] > top)
            continue;
        c->v4_starts[c->v4_count] = (uint32_t)c->addresses.starts[i];
        c->v4_class[c->v4_count++] = c->addresses.class_of[i];
    }
    for (size_t half = 0, at = 0; half < 65536; half++) {
        while (at + 1 < c->v4_count && c->v4_starts[at + 1] <= half << 16)
            at++;
        c->v4_first[half] = (uint32_t)at;
    }
    c->v4_first[65536] = (uint32_t)c->v4_count - 1;
    return true;
}

static bool add_once(struct index_list *list, uint32_t value)
{
    for (size_t i = list->count; i-- > 0;)
        if (list->items[i] == value)
            return true;
    return index_list_add(list, value);
}

static bool allows_other_than_tcp(const struct header *header)
{
    for (unsigned i = 0; i < sizeof header->ip_protocols; i++)
        if (header->ip_protocols[i] & ~(i == IP_TCP / 8 ? 1U << IP_TCP % 8 : 0))
            return true;
    return false;
}

/* Datagrams of the rule's protocols are looked at as they are, whatever it wants of TCP. */
static bool looks_at_packets(const struct ruleset *set, const struct signature *s)
{
    return !s->needs_stream || s->needs_packet || allows_other_than_tcp(&set->headers[s->header]);
}

static bool sort_rules(struct classes *c, const struct ruleset *set)
{
    for (size_t i = 0; i < set->signature_count; i++) {
        const struct signature *s = set->signatures[i];
        bool good = true;
        if (s->kind == SIGNATURE_IP_ONLY)
            good = index_list_add(&c->ip_only, s->index);
        else if (s->kind == SIGNATURE_PACKET && s->trigger == TRIGGER_PATTERN)
            good = (!s->needs_stream || add_once(&c->raw_stream_headers, s->header)) &&
                   (!looks_at_packets(set, s) || add_once(&c->raw_packet_headers, s->header));
        for (const struct buffer_use *use = s->uses; use && good; use = use->next)
            if ((use->buffer->kind == BUFFER_PAYLOAD || use->buffer->kind == BUFFER_FRAME) &&
                (s->needs_stream || s->kind == SIGNATURE_TX))
                good = add_once(&c->raw_stream_headers, s->header);
        if (!good)
            return false;
    }
    return true;
}

static bool is_always(const struct signature *s)
{
    return s->kind == SIGNATURE_PACKET && s->trigger == TRIGGER_ALWAYS;
}

static bool build_gates(struct classes *c, const struct ruleset *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->signature_count; i++)
        count += is_always(set->signatures[i]);
    c->always = calloc(count + 1, sizeof *c->always);
    for (int data = 1; c->always && data >= 0; data--)
        for (size_t i = 0; i < set->signature_count; i++) {
            if (!is_always(set->signatures[i]))
                continue;
            struct gate gate = gate_of(set->signatures[i]);
            if (((gate.wants & GATE_DATA) != 0) == data)
                c->always[c->always_count++] = gate;
        }
    return c->always != NULL;
}

/* The classes of ports as a table of few and small blocks: most ports of clients share one, so that a look
 * at it costs no cache miss. */
static bool build_ports(struct classes *c)
{
    c->port_pages = calloc(COUNT_OF(c->port_page), sizeof *c->port_pages);
    if (!c->port_pages)
        return false;
    size_t part = 0, pages = 0;
    for (size_t page = 0; page < COUNT_OF(c->port_page); page++) {
        uint16_t *fresh = c->port_pages[pages];
        for (size_t i = 0; i < PORT_PAGE; i++) {
            while (part + 1 < c->ports.count && (size_t)c->ports.starts[part + 1] <= page * PORT_PAGE + i)
                part++;
            fresh[i] = c->ports.class_of[part];
        }
        size_t same = 0;
        while (memcmp(c->port_pages[same], fresh, sizeof *c->port_pages) != 0)
            same++;
        c->port_page[page] = (uint8_t)same;
        pages += same == pages;
    }
    return true;
}

static uint16_t port_class(const struct classes *c, uint16_t port)
{
    return c->port_pages[c->port_page[port / PORT_PAGE]][port % PORT_PAGE];
}

bool classes_build(struct ruleset *set)
{
    struct classes *c = set->classes = calloc(1, sizeof *c);
    if (!c || !partition_build(&c->addresses, &set->addresses, ADDRESS_TOP) ||
        !partition_build(&c->ports, &set->ports, PORT_TOP) || !build_v4(c) || !build_ports(c) ||
        !sort_rules(c, set) || !build_gates(c, set))
        return false;
    return true;
}

void classes_free(struct classes *c)
{
    if (!c)
        return;
    partition_done(&c->addresses);
    partition_done(&c->ports);
    free(c->v4_starts);
    free(c->v4_class);
    free(c->port_pages);
    free(c->ip_only.items);
    free(c->always);
    free(c->raw_packet_headers.items);
    free(c->raw_stream_headers.items);
    free(c);
}

/* ---- the cache ---- */

#define RECENT_BITS 9

struct class_key {
    uint16_t src, dst, src_port, dst_port;
    uint8_t protocol, version, has_ports, unused;
};

static size_t recent_place(const struct class_key *key)
{
    uint64_t first;
    memcpy(&first, key, sizeof first);
    first = (first ^ (uint64_t)key->protocol << 59 ^ (uint64_t)key->version << 41) * 0x9e3779b97f4a7c15U;
    return first >> (64 - RECENT_BITS);
}

struct class_cache {
    const struct ruleset *set;
    struct map classes; /* class_key -> struct flow_class * */
    /* Those met last, each at one place. */
    struct {
        struct class_key key;
        const struct flow_class *class;
    } recent[1 << RECENT_BITS];
    struct map lists; /* bit per rule of `always` -> struct gate_list *: most classes have the same few */
    uint64_t *chosen; /* such bits, being worked out */
    struct arena memory;
    uint32_t generation;
};

struct class_cache *class_cache_new(const struct ruleset *set)
{
    struct class_cache *cache = calloc(1, sizeof *cache);
    if (cache) {
        cache->set = set;
        cache->classes = map_of(0x5bd1e995, CACHE_MAX);
        cache->memory = arena_of(256U << 20);
        cache->lists = map_of(0x1b873593, 0);
        cache->generation = 1;
        cache->chosen = calloc(set->classes->always_count / 64 + 1, sizeof *cache->chosen);
        if (!cache->chosen) {
            class_cache_free(cache);
            return NULL;
        }
    }
    return cache;
}

void class_cache_free(struct class_cache *cache)
{
    if (!cache)
        return;
    map_done(&cache->classes);
    map_done(&cache->lists);
    arena_done(&cache->memory);
    free(cache->chosen);
    free(cache);
}

uint32_t class_generation(const struct class_cache *cache)
{
    return cache->generation;
}

static uint16_t address_class(const struct classes *c, const struct address *address)
{
    if (address->version != 4)
        return partition_find(&c->addresses, address_number(address));
    uint32_t value = (uint32_t)address->octets[0] << 24 | (uint32_t)address->octets[1] << 16 |
                     (uint32_t)address->octets[2] << 8 | address->octets[3];
    size_t low = c->v4_first[value >> 16], high = (size_t)c->v4_first[(value >> 16) + 1] + 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (c->v4_starts[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    return c->v4_class[low];
}

static bool header_holds(const struct classes *c, const struct header *h, const struct class_key *key)
{
    if (!key->version)
        return h->any_packet;
    if (h->version && h->version != key->version)
        return false;
    if (!h->any_packet && !(h->ip_protocols[key->protocol / 8] >> key->protocol % 8 & 1))
        return false;
    bool forward = member(&c->addresses, key->src, h->src) && member(&c->addresses, key->dst, h->dst);
    if (forward && key->has_ports)
        forward = member(&c->ports, key->src_port, h->src_ports) &&
                  member(&c->ports, key->dst_port, h->dst_ports);
    if (forward || !h->both)
        return forward;
    return member(&c->addresses, key->dst, h->src) && member(&c->addresses, key->src, h->dst) &&
           (!key->has_ports || (member(&c->ports, key->dst_port, h->src_ports) &&
                                member(&c->ports, key->src_port, h->dst_ports)));
}

/* Those of `all` whose header holds. */
static const uint32_t *choose(struct class_cache *cache, const struct flow_class *class,
                              const struct index_list *all, uint32_t *count)
{
    uint32_t n = 0;
    *count = 0;
    for (size_t i = 0; i < all->count; i++)
        n += class_allows(class, cache->set->signatures[all->items[i]]->header);
    if (n == 0)
        return NULL;
    uint32_t *chosen = ARENA_ARRAY(&cache->memory, uint32_t, n);
    for (size_t i = 0; chosen && i < all->count; i++)
        if (class_allows(class, cache->set->signatures[all->items[i]]->header))
            chosen[(*count)++] = all->items[i];
    return chosen;
}

static bool any_header(const struct flow_class *class, const struct index_list *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        if (class_allows(class, (uint16_t)headers->items[i]))
            return true;
    return false;
}

struct gate_list {
    uint32_t count, with_data;
    struct gate gates[];
};

static struct gate_list *gates_new(struct class_cache *cache, size_t count)
{
    const struct classes *c = cache->set->classes;
    struct gate_list *list = arena_new(&cache->memory, sizeof *list + count * sizeof list->gates[0],
                                       _Alignof(struct gate_list));
    for (size_t i = 0; list && i < c->always_count; i++) {
        if (!(cache->chosen[i / 64] >> i % 64 & 1))
            continue;
        list->gates[list->count++] = c->always[i];
        list->with_data += (c->always[i].wants & GATE_DATA) != 0;
    }
    return list;
}

/* Gates of the rules without a prefilter whose header holds. */
static bool choose_gates(struct class_cache *cache, struct flow_class *class)
{
    const struct classes *c = cache->set->classes;
    size_t words = c->always_count / 64 + 1, count = 0;
    memset(cache->chosen, 0, words * sizeof *cache->chosen);
    for (size_t i = 0; i < c->always_count; i++) {
        bool holds = class_allows(class, cache->set->signatures[c->always[i].rule]->header);
        cache->chosen[i / 64] |= (uint64_t)holds << i % 64;
        count += holds;
    }
    bool added;
    uintptr_t *place = map_add(&cache->lists, bytes_of(cache->chosen, words * sizeof *cache->chosen), &added);
    if (place && added)
        *place = (uintptr_t)gates_new(cache, count);
    const struct gate_list *list = place ? (const struct gate_list *)*place : NULL;
    if (!list)
        return false;
    class->always = list->gates;
    class->always_count = list->count;
    class->with_data = list->with_data;
    return true;
}

static struct flow_class *make(struct class_cache *cache, const struct class_key *key)
{
    const struct ruleset *set = cache->set;
    const struct classes *c = set->classes;
    struct flow_class *class = ARENA_NEW(&cache->memory, struct flow_class);
    uint64_t *headers = ARENA_ARRAY(&cache->memory, uint64_t, set->header_count / 64 + 1);
    struct prefilter_view *views = ARENA_ARRAY(&cache->memory, struct prefilter_view,
                                               COUNT_OF(set->payload) * DIRECTIONS);
    if (!class || !headers || !views)
        return NULL;
    class->views = (struct prefilter_view(*)[DIRECTIONS])views;
    for (size_t i = 0; i < set->header_count; i++)
        if (header_holds(c, &set->headers[i], key))
            headers[i / 64] |= (uint64_t)1 << i % 64;
    class->headers = headers;
    class->ip_only = choose(cache, class, &c->ip_only, &class->ip_only_count);
    if (!choose_gates(cache, class))
        return NULL;
    class->raw_packet = any_header(class, &c->raw_packet_headers);
    class->raw_stream = any_header(class, &c->raw_stream_headers);
    return class;
}

static const struct flow_class *class_for(struct class_cache *cache, const struct class_key *key)
{
    uintptr_t *place = map_find(&cache->classes, bytes_of(key, sizeof *key));
    if (place)
        return (const struct flow_class *)*place;
    if (cache->classes.count >= CACHE_MAX) {
        map_done(&cache->classes);
        cache->classes = map_of(0x5bd1e995, CACHE_MAX);
        map_done(&cache->lists);
        cache->lists = map_of(0x1b873593, 0);
        arena_reset(&cache->memory);
        memset(cache->recent, 0, sizeof cache->recent);
        cache->generation++;
    }
    struct flow_class *class = make(cache, key);
    place = class ? map_add(&cache->classes, bytes_of(key, sizeof *key), NULL) : NULL;
    if (!place)
        return NULL;
    *place = (uintptr_t) class;
    return class;
}

const struct flow_class *class_of(struct class_cache *cache, const struct packet *packet)
{
    const struct classes *c = cache->set->classes;
    struct class_key key;
    memset(&key, 0, sizeof key);
    if (packet->ip) {
        key.version = packet->src.version;
        key.protocol = packet->protocol;
        key.src = address_class(c, &packet->src);
        key.dst = address_class(c, &packet->dst);
        key.has_ports = packet->tcp || packet->udp || packet->sctp || packet->src_port || packet->dst_port;
        if (key.has_ports) {
            key.src_port = port_class(c, packet->src_port);
            key.dst_port = port_class(c, packet->dst_port);
        }
    }
    size_t recent = recent_place(&key);
    const struct flow_class *class = cache->recent[recent].class;
    if (class && memcmp(&cache->recent[recent].key, &key, sizeof key) == 0)
        return class;
    class = class_for(cache, &key);
    cache->recent[recent].key = key;
    cache->recent[recent].class = class;
    return class;
}
