/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table: open addressing over a pool of flows, and a timing wheel driven by packet time.
 *
 * A packet only writes its flow's time. The wheel looks at a flow when its timeout could have come,
 * and puts it back when packets came meanwhile. */
#include "flow/flow_table.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/pool.h"
#include "packet/decode.h"

const char *const flow_end_names[] = { "timeout", "forced", "shutdown", "tcp_reuse" };
const char *const flow_state_names[] = { "new", "established", "closed", "bypassed" };
const struct counter flow_counters[FLOW_COUNTER_COUNT] = { COUNTER_TABLE(FLOW_COUNTERS) };

enum {
    WHEEL_SLOTS = 4096,
    WHEEL_SHIFT = 30, /* a slot is 2^30 ns, a little over a second */
    RECYCLE_TRIES = 64,
    ENTRIES_MIN = 16384,
    HUGE_PAGE = 2 << 20, /* bytes */
    NO_SLOT = WHEEL_SLOTS,
};

#define LEAP (3600 * NS_PER_S)

struct entry {
    uint32_t hash, flow; /* index of the flow plus one; 0: empty */
};

/* The flows that may end within a slot of time, in the order they came: numbers, 0 for none. */
struct slot {
    uint32_t oldest, newest;
};

struct flow_table {
    struct flow_settings settings;
    struct pool flows;
    struct entry *entries;
    uint32_t mask;
    struct slot slots[WHEEL_SLOTS];
    uint64_t tick, now; /* slots up to this one were looked at; latest packet time */
    uint64_t earliest;  /* no flow is in a slot before this one */
    bool leaping;       /* the latest packet was far ahead of `now` */
    bool emergency, begun;
    size_t emergency_enter, emergency_leave; /* flows in use */
    uint64_t next_id;
    uint64_t counts[FLOW_COUNTER_COUNT];
};

/* What a packet is looked up by. */
struct key {
    const struct address *src, *dst;
    uint16_t src_port, dst_port; /* ICMP: type and its counterpart */
    uint8_t protocol, recursion, vlan_count;
    const uint16_t *vlans;
};

void flow_default_timeouts(struct flow_timeout *normal, struct flow_timeout *emergency)
{
    static const uint16_t seconds[FLOW_KIND_COUNT][2][4] = {
        [FLOW_KIND_DEFAULT] = { { 30, 300, 0, 100 }, { 10, 100, 0, 50 } },
        [FLOW_KIND_TCP] = { { 60, 600, 60, 100 }, { 5, 100, 10, 50 } },
        [FLOW_KIND_UDP] = { { 30, 300, 0, 100 }, { 10, 100, 0, 50 } },
        [FLOW_KIND_ICMP] = { { 30, 300, 0, 100 }, { 10, 100, 0, 50 } },
    };
    for (size_t kind = 0; kind < FLOW_KIND_COUNT; kind++) {
        for (size_t which = 0; which < 2; which++) {
            const uint16_t *from = seconds[kind][which];
            struct flow_timeout *to = which ? &emergency[kind] : &normal[kind];
            *to = (struct flow_timeout){ from[0] * NS_PER_S, from[1] * NS_PER_S, from[2] * NS_PER_S,
                                         from[3] * NS_PER_S };
        }
    }
}

static enum flow_kind kind_of(uint8_t protocol)
{
    switch (protocol) {
    case IP_TCP:
        return FLOW_KIND_TCP;
    case IP_UDP:
        return FLOW_KIND_UDP;
    case IP_ICMP:
    case IP_ICMPV6:
        return FLOW_KIND_ICMP;
    default:
        return FLOW_KIND_DEFAULT;
    }
}

/* Entries are met at random: in large pages, so that finding their addresses does not take longer than they
 * do. */
static struct entry *entries_new(size_t count)
{
    size_t size = count * sizeof(struct entry);
    if (size < HUGE_PAGE)
        return calloc(count, sizeof(struct entry));
    struct entry *entries = aligned_alloc(HUGE_PAGE, size);
    if (entries) {
        (void)madvise(entries, size, MADV_HUGEPAGE);
        memset(entries, 0, size);
    }
    return entries;
}

struct flow_table *flow_table_new(const struct flow_settings *settings, struct error *error)
{
    struct flow_table *table = calloc(1, sizeof *table);
    if (!table) {
        error_set(error, "flow table: out of memory");
        return NULL;
    }
    if (settings)
        table->settings = *settings;
    struct flow_settings *own = &table->settings;
    static const struct flow_timeout none[FLOW_KIND_COUNT];
    if (memcmp(own->timeouts, none, sizeof none) == 0)
        flow_default_timeouts(own->timeouts, own->emergency);
    if (!own->flow_max)
        own->flow_max = FLOW_MAX_DEFAULT;
    if (!own->emergency_percent)
        own->emergency_percent = 10;
    table->mask = ENTRIES_MIN - 1;
    size_t share = own->flow_max / 100 * own->emergency_percent;
    table->emergency_enter = own->flow_max - share;
    table->emergency_leave = own->flow_max > 3 * share ? own->flow_max - 3 * share : 0;
    table->next_id = own->id_first ? own->id_first : own->seed * 0x9e3779b97f4a7c15ULL >> 12;
    table->entries = entries_new(ENTRIES_MIN);
    if (own->flow_max > UINT32_MAX / 4 || !table->entries)
        error_set(error, "flow table: %zu flows are too many", own->flow_max);
    else if (pool_open(&table->flows, sizeof(struct flow), own->flow_max, error))
        return table;
    free(table->entries);
    free(table);
    return NULL;
}

void flow_table_free(struct flow_table *table)
{
    if (!table)
        return;
    pool_close(&table->flows);
    free(table->entries);
    free(table);
}

static struct flow *flow_at(const struct flow_table *table, uint32_t number)
{
    return (struct flow *)(void *)(table->flows.memory + (size_t)(number - 1) * table->flows.object_size);
}

static void fetch_flow(const struct flow_table *table, uint32_t number)
{
    const uint8_t *flow = (const uint8_t *)flow_at(table, number);
    for (size_t at = 0; at < sizeof(struct flow); at += 64)
        __builtin_prefetch(flow + at, 1);
}

/* ---- the key ---- */

bool packet_wants_flow(const struct packet *packet)
{
    return packet->ip && !packet->invalid && !packet->ip->is_fragment &&
           (packet->tcp || packet->udp || packet->icmp || packet->sctp || packet->has_spi ||
            (!packet->malformed && (packet->protocol == IP_IPIP || packet->protocol == IP_IPV6)));
}

static struct key key_of(const struct packet *packet)
{
    struct key key = { &packet->src,     &packet->dst,      packet->src_port,   packet->dst_port,
                       packet->protocol, packet->recursion, packet->vlan_count, packet->vlans };
    if (packet->icmp) {
        key.src_port = packet->icmp->type;
        key.dst_port = packet->icmp_counterpart;
    } else if (packet->has_spi) {
        key.src_port = (uint16_t)(packet->spi >> 16);
        key.dst_port = (uint16_t)packet->spi;
    }
    return key;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t end_hash(const struct address *address, uint16_t port, uint64_t seed)
{
    uint64_t high, low = 0;
    if (address->version == 4) {
        uint32_t octets;
        memcpy(&octets, address->octets, sizeof octets);
        return mix(((uint64_t)octets << 16 | port) ^ seed, 0x9e3779b97f4a7c15ULL);
    }
    memcpy(&high, address->octets, sizeof high);
    memcpy(&low, address->octets + 8, sizeof low);
    return mix(mix(high ^ seed, 0xa0761d6478bd642fULL) ^ low, 0xe7037ed1a0b428dbULL ^ port);
}

static uint64_t key_hash(const struct key *key, uint64_t seed, bool vlans, bool recursion)
{
    /* Symmetric: the ends are added, so their order does not matter. */
    uint64_t sum = end_hash(key->src, key->src_port, seed) + end_hash(key->dst, key->dst_port, seed);
    uint64_t rest = key->protocol;
    if (recursion)
        rest |= (uint64_t)key->recursion << 8;
    if (vlans)
        for (size_t i = 0; i < key->vlan_count; i++)
            rest = rest << 12 ^ key->vlans[i] ^ (uint64_t)(i + 1) << 60;
    return mix(sum ^ seed, rest ^ 0x8ebc6af09c88c6e3ULL);
}

static uint32_t table_hash(const struct flow_table *table, const struct key *key)
{
    const struct flow_settings *settings = &table->settings;
    return (uint32_t)key_hash(key, settings->seed, !settings->no_vlan_tracking,
                              !settings->no_recursion_level);
}

uint64_t flow_hash(const struct packet *packet, uint64_t seed)
{
    if (!packet->ip)
        return 0;
    struct key key = key_of(packet);
    if (!packet_wants_flow(packet) || packet->icmp) /* fragments and what quotes others: by host pair */
        key.src_port = key.dst_port = 0;
    return key_hash(&key, seed, false, false) | 1;
}

static bool same_link(const struct flow_table *table, const struct flow *flow, const struct key *key)
{
    if (!table->settings.no_vlan_tracking) {
        if (flow->vlan_count != key->vlan_count)
            return false;
        for (size_t i = 0; i < key->vlan_count; i++)
            if (flow->vlans[i] != key->vlans[i])
                return false;
    }
    return table->settings.no_recursion_level || flow->recursion == key->recursion;
}

static bool key_matches(const struct flow_table *table, const struct flow *flow, const struct key *key,
                        enum direction *direction)
{
    if (flow->protocol != key->protocol)
        return false;
    bool icmp = key->protocol == IP_ICMP || key->protocol == IP_ICMPV6;
    uint16_t client_port = flow->client_port, server_port = icmp ? flow->key_type : flow->server_port;
    if (client_port == key->src_port && server_port == key->dst_port &&
        address_equal(&flow->client, key->src) && address_equal(&flow->server, key->dst)) {
        *direction = TO_SERVER;
        return same_link(table, flow, key);
    }
    /* Security associations go one way: the answer has another index. */
    if (key->protocol != IP_ESP && client_port == key->dst_port && server_port == key->src_port &&
        address_equal(&flow->client, key->dst) && address_equal(&flow->server, key->src)) {
        /* Tunnels have no client. */
        *direction = key->protocol == IP_IPIP || key->protocol == IP_IPV6 ? TO_SERVER : TO_CLIENT;
        return same_link(table, flow, key);
    }
    return false;
}

static struct flow *table_lookup(const struct flow_table *table, const struct key *key, uint32_t hash,
                                 enum direction *direction)
{
    for (uint32_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        const struct entry *entry = &table->entries[at];
        if (!entry->flow)
            return NULL;
        if (entry->hash != hash)
            continue;
        struct flow *flow = flow_at(table, entry->flow);
        if (key_matches(table, flow, key, direction))
            return flow;
    }
}

static void entry_put(struct entry *entries, uint32_t mask, struct entry entry)
{
    uint32_t at = entry.hash & mask;
    while (entries[at].flow)
        at = (at + 1) & mask;
    entries[at] = entry;
}

/* Half of the entries are empty, or as many as there is memory for, but one. */
static bool table_has_room(struct flow_table *table)
{
    if (LIKELY(table->flows.used <= table->mask / 2))
        return true;
    uint32_t mask = table->mask * 2 + 1;
    struct entry *entries = entries_new((size_t)mask + 1);
    if (!entries)
        return table->flows.used < table->mask;
    for (size_t at = 0; at <= table->mask; at++)
        if (table->entries[at].flow)
            entry_put(entries, mask, table->entries[at]);
    free(table->entries);
    table->entries = entries;
    table->mask = mask;
    return true;
}

static void table_remove(struct flow_table *table, const struct flow *flow)
{
    uint32_t at = flow->hash & table->mask;
    while (table->entries[at].flow != flow->number)
        at = (at + 1) & table->mask;
    /* Later entries of the run move up, so that no search ends early. */
    for (uint32_t hole = at, next = at;;) {
        table->entries[hole].flow = 0;
        for (;;) {
            next = (next + 1) & table->mask;
            if (!table->entries[next].flow)
                return;
            uint32_t home = table->entries[next].hash & table->mask;
            if (((next - home) & table->mask) >= ((next - hole) & table->mask))
                break;
        }
        table->entries[hole] = table->entries[next];
        hole = next;
    }
}

/* ---- the wheel ---- */

static uint64_t timeout_of(const struct flow_table *table, const struct flow *flow)
{
    const struct flow_timeout *timeouts = table->emergency ? table->settings.emergency
                                                           : table->settings.timeouts;
    const struct flow_timeout *timeout = &timeouts[kind_of(flow->protocol)];
    switch (flow->state) {
    case FLOW_NEW:
        return timeout->fresh;
    case FLOW_ESTABLISHED:
        return timeout->established;
    case FLOW_CLOSED:
        return timeout->closed;
    default:
        return timeout->bypassed;
    }
}

static void wheel_unlink(struct flow_table *table, struct flow *flow)
{
    if (flow->slot == NO_SLOT)
        return;
    if (flow->older)
        flow_at(table, flow->older)->newer = flow->newer;
    else
        table->slots[flow->slot].oldest = flow->newer;
    if (flow->newer)
        flow_at(table, flow->newer)->older = flow->older;
    else
        table->slots[flow->slot].newest = flow->older;
    flow->slot = NO_SLOT;
}

static void wheel_link(struct flow_table *table, struct flow *flow)
{
    uint64_t due = ((flow->last + timeout_of(table, flow)) >> WHEEL_SHIFT) + 1;
    if (due <= table->tick)
        due = table->tick + 1;
    if (due - table->tick >= WHEEL_SLOTS)
        due = table->tick + WHEEL_SLOTS - 1;
    table->earliest = MIN(table->earliest, due);
    flow->slotted_state = flow->state & 3U;
    flow->slot = (uint32_t)(due % WHEEL_SLOTS);
    struct slot *slot = &table->slots[flow->slot];
    flow->newer = 0;
    flow->older = slot->newest;
    if (flow->older)
        flow_at(table, flow->older)->newer = flow->number;
    else
        slot->oldest = flow->number;
    slot->newest = flow->number;
}

/* What a flow's end needs lies far from the cache, in places of its own: fetched all at once. */
static void fetch_ending(const struct flow_table *table, const struct flow *flow)
{
    __builtin_prefetch(&table->entries[flow->hash & table->mask], 1);
    __builtin_prefetch(flow->session, 1);
    __builtin_prefetch(flow->detect);
    __builtin_prefetch(flow->tcp);
}

static void flow_finish(struct flow_table *table, struct flow *flow, enum flow_end reason)
{
    fetch_ending(table, flow);
    wheel_unlink(table, flow);
    flow->end_reason = (uint8_t)reason;
    table->counts[FLOW_ACTIVE]--;
    table->counts[FLOW_ENDED]++;
    table->counts[FLOW_END_STATE_NEW + flow->state]++;
    if (flow->protocol == IP_TCP)
        table->counts[FLOW_END_TCP_NONE + (flow->tcp ? flow->tcp->state : TCP_NONE)]++;
    if (table->settings.ended)
        table->settings.ended(table->settings.context, flow);
    if (flow->tcp && table->settings.tcp)
        tcp_release(table->settings.tcp, flow);
    table_remove(table, flow);
    flow->number = 0;
    pool_give(&table->flows, flow);
}

void flow_end(struct flow_table *table, struct flow *flow, enum flow_end reason)
{
    flow_finish(table, flow, reason);
}

/* Looks at one slot: ends what is due, puts the rest where it belongs now. */
static void wheel_turn(struct flow_table *table, uint32_t slot)
{
    uint32_t number = table->slots[slot].oldest;
    table->slots[slot] = (struct slot){ 0 };
    while (number) {
        struct flow *flow = flow_at(table, number);
        number = flow->newer;
        if (number) {
            flow_at(table, number)->older = 0;
            fetch_flow(table, number);
        }
        flow->slot = NO_SLOT;
        table->counts[FLOW_CHECKED]++;
        if (flow->last + timeout_of(table, flow) <= table->now) {
            table->counts[FLOW_DUE]++;
            table->counts[FLOW_EVICTED]++;
            flow_finish(table, flow, FLOW_END_TIMEOUT);
        } else {
            table->counts[FLOW_NOT_DUE]++;
            wheel_link(table, flow);
        }
    }
}

static void emergency_check(struct flow_table *table)
{
    if (LIKELY(!table->emergency)) {
        if (LIKELY(table->flows.used < table->emergency_enter))
            return;
        table->emergency = true;
        table->counts[FLOW_EMERGENCY_ENTERED]++;
        for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++)
            wheel_turn(table, slot);
    } else if (table->flows.used < table->emergency_leave) {
        table->emergency = false;
        table->counts[FLOW_EMERGENCY_OVER]++;
    }
}

void flow_expire(struct flow_table *table, uint64_t now)
{
    /* One packet from far ahead is a broken clock; two in a row are a pause. */
    bool ahead = table->begun && now > table->now + LEAP;
    if (UNLIKELY(ahead && !table->leaping)) {
        table->leaping = true;
        return;
    }
    table->leaping = false;
    if (now > table->now)
        table->now = now;
    uint64_t tick = table->now >> WHEEL_SHIFT;
    if (LIKELY(tick <= table->tick))
        return;
    if (!table->begun) {
        table->begun = true;
        table->tick = tick;
        return;
    }
    uint64_t from = table->tick + 1;
    if (tick - table->tick > WHEEL_SLOTS)
        from = tick - WHEEL_SLOTS + 1;
    /* Flows put back go after `tick`, so that no slot is met twice. */
    table->tick = tick;
    for (uint64_t at = from; at <= tick; at++)
        if (table->slots[at % WHEEL_SLOTS].oldest)
            wheel_turn(table, (uint32_t)(at % WHEEL_SLOTS));
    emergency_check(table);
}

/* Ends the flow that would time out first, to make room. */
static bool flow_recycle(struct flow_table *table)
{
    unsigned tries = 0;
    for (uint64_t at = MAX(table->tick + 1, table->earliest); at < table->tick + WHEEL_SLOTS; at++) {
        uint32_t slot = (uint32_t)(at % WHEEL_SLOTS);
        while (table->slots[slot].oldest) {
            struct flow *flow = flow_at(table, table->slots[slot].oldest);
            table->earliest = at;
            table->counts[FLOW_RECYCLE_EVAL]++;
            uint64_t due = ((flow->last + timeout_of(table, flow)) >> WHEEL_SHIFT) + 1;
            if (due > at && ++tries < RECYCLE_TRIES) {
                table->counts[FLOW_RECYCLE_REJECT]++;
                wheel_unlink(table, flow);
                wheel_link(table, flow);
                if (flow->slot == slot)
                    tries = RECYCLE_TRIES;
                continue;
            }
            table->counts[FLOW_RECYCLED]++;
            if (flow->newer)
                fetch_flow(table, flow->newer);
            flow_finish(table, flow, FLOW_END_FORCED);
            return true;
        }
    }
    return false;
}

/* ---- flows ---- */

static struct flow *flow_make(struct flow_table *table, const struct packet *packet, const struct key *key,
                              uint32_t hash)
{
    struct flow *flow = table_has_room(table) ? pool_take(&table->flows) : NULL;
    if (UNLIKELY(!flow)) {
        if (!flow_recycle(table) || !(flow = pool_take(&table->flows))) {
            table->counts[FLOW_RECYCLE_FAILED]++;
            table->counts[FLOW_MEMCAP]++;
            return NULL;
        }
    }
    memset(flow, 0, sizeof *flow);
    size_t distance = (size_t)((uint8_t *)flow - table->flows.memory);
    flow->number = (uint32_t)(distance / table->flows.object_size) + 1;
    flow->client = *key->src;
    flow->server = *key->dst;
    flow->client_port = key->src_port;
    flow->server_port = packet->icmp ? packet->icmp->code : key->dst_port;
    flow->key_type = packet->icmp ? packet->icmp_counterpart : 0;
    flow->protocol = key->protocol;
    flow->vlan_count = key->vlan_count;
    memcpy(flow->vlans, key->vlans, sizeof flow->vlans);
    flow->recursion = key->recursion;
    flow->hash = hash;
    flow->first = flow->last = packet->time;
    flow->id = (table->next_id += 0x9e3779b97f4a7ULL) & ((1ULL << 53) - 1);
    if (!flow->id)
        flow->id = 1;
    if (packet->is_ethernet) {
        memcpy(flow->client_mac, packet->ether.data + 6, 6);
        memcpy(flow->server_mac, packet->ether.data, 6);
    }
    entry_put(table->entries, table->mask, (struct entry){ flow->hash, flow->number });
    wheel_link(table, flow);
    table->counts[FLOW_TOTAL]++;
    table->counts[FLOW_ACTIVE]++;
    switch (flow->protocol) {
    case IP_TCP:
        table->counts[FLOW_TCP]++;
        break;
    case IP_UDP:
        table->counts[FLOW_UDP]++;
        break;
    case IP_ICMP:
        table->counts[FLOW_ICMPV4]++;
        break;
    case IP_ICMPV6:
        table->counts[FLOW_ICMPV6]++;
        break;
    default:
        break;
    }
    emergency_check(table);
    return flow;
}

/* The flow of the packet that an ICMP "unreachable" quotes. */
static struct flow *flow_quoted(struct flow_table *table, const struct packet *packet,
                                enum direction *direction)
{
    struct key key = key_of(packet);
    key.src = &packet->quoted_src;
    key.dst = &packet->quoted_dst;
    key.src_port = packet->quoted_src_port;
    key.dst_port = packet->quoted_dst_port;
    key.protocol = packet->quoted_protocol;
    uint32_t hash = table_hash(table, &key);
    struct flow *flow = table_lookup(table, &key, hash, direction);
    if (flow)
        *direction = address_equal(&packet->src, &flow->client) ? TO_SERVER : TO_CLIENT;
    return flow;
}

struct flow *flow_find(struct flow_table *table, const struct packet *packet, enum direction *direction,
                       bool *fresh)
{
    *fresh = false;
    *direction = TO_SERVER;
    if (!packet_wants_flow(packet))
        return NULL;
    flow_expire(table, packet->time);
    struct flow *flow;
    if (UNLIKELY(packet->has_quoted) && packet->protocol == IP_ICMP && packet->icmp->type == 3 &&
        (flow = flow_quoted(table, packet, direction)))
        return flow;
    struct key key = key_of(packet);
    uint32_t hash = table_hash(table, &key);
    flow = table_lookup(table, &key, hash, direction);
    if (flow) {
        /* The wheel turns in whole slots; the flow may be over already. */
        if (UNLIKELY(packet->time > flow->last && packet->time - flow->last >= timeout_of(table, flow) &&
                     timeout_of(table, flow))) {
            table->counts[FLOW_EVICTED_BY_PACKET]++;
            flow_finish(table, flow, FLOW_END_TIMEOUT);
        } else if (UNLIKELY(packet->tcp && table->settings.tcp &&
                            tcp_is_reuse(table->settings.tcp, flow, packet))) {
            table->counts[FLOW_TCP_REUSE]++;
            flow_finish(table, flow, FLOW_END_TCP_REUSE);
        } else {
            return flow;
        }
    }
    *direction = TO_SERVER;
    flow = flow_make(table, packet, &key, hash);
    *fresh = flow != NULL;
    return flow;
}

/* ---- what comes next ---- */

uint32_t flow_expect(const struct flow_table *table, uint16_t link_type, struct bytes frame)
{
    struct address src, dst;
    struct key key = { .src = &src, .dst = &dst };
    if (!decode_glimpse(link_type, frame, &src, &dst, &key.src_port, &key.dst_port, &key.protocol))
        return 0;
    uint32_t hash = table_hash(table, &key);
    __builtin_prefetch(&table->entries[hash & table->mask]);
    return hash;
}

void flow_expect_soon(const struct flow_table *table, uint32_t hash)
{
    const struct entry *entry = &table->entries[hash & table->mask];
    if (!hash || !entry->flow)
        return;
    fetch_flow(table, entry->flow);
}

void flow_set_state(struct flow_table *table, struct flow *flow, enum flow_state state)
{
    flow->state = (uint8_t)state;
    if (flow->slotted_state != (flow->state & 3U)) {
        wheel_unlink(table, flow);
        wheel_link(table, flow);
    }
}

void flow_count(struct flow_table *table, struct flow *flow, const struct packet *packet,
                enum direction direction)
{
    /* A clock that goes back makes no flow older. */
    flow->last = MAX(flow->last, packet->time);
    uint8_t ttl = packet->ip->ttl;
    if (!flow->packets[direction]) {
        flow->min_ttl[direction] = flow->max_ttl[direction] = ttl;
    } else if (ttl < flow->min_ttl[direction]) {
        flow->min_ttl[direction] = ttl;
    } else if (ttl > flow->max_ttl[direction]) {
        flow->max_ttl[direction] = ttl;
    }
    flow->packets[direction]++;
    flow->bytes[direction] += packet->frame.size;
    /* An error message is no answer of the other end. */
    if (LIKELY(!packet->icmp || !packet->icmp->quoted.data)) {
        flow->established_directions |= (uint8_t)(1U << direction);
        if (packet->icmp && direction == TO_CLIENT && !flow->has_response) {
            flow->has_response = true;
            flow->response_type = packet->icmp->type;
            flow->response_code = packet->icmp->code;
        }
    }
    if (flow->state == FLOW_NEW && flow->established_directions == 3 && flow->protocol != IP_TCP)
        flow->state = FLOW_ESTABLISHED;
    if (UNLIKELY(flow->slotted_state != (flow->state & 3U)))
        flow_set_state(table, flow, (enum flow_state)flow->state);
}

#define SWAP(a, b)                    \
    do {                              \
        __typeof__(a) swapped_ = (a); \
        (a) = (b);                    \
        (b) = swapped_;               \
    } while (0)

void flow_swap(struct flow *flow)
{
    SWAP(flow->client, flow->server);
    SWAP(flow->client_port, flow->server_port);
    SWAP(flow->packets[0], flow->packets[1]);
    SWAP(flow->bytes[0], flow->bytes[1]);
    SWAP(flow->tcp_flags[0], flow->tcp_flags[1]);
    SWAP(flow->min_ttl[0], flow->min_ttl[1]);
    SWAP(flow->max_ttl[0], flow->max_ttl[1]);
    uint8_t mac[6];
    memcpy(mac, flow->client_mac, 6);
    memcpy(flow->client_mac, flow->server_mac, 6);
    memcpy(flow->server_mac, mac, 6);
    flow->established_directions = (uint8_t)((flow->established_directions & 1U) << 1 |
                                             flow->established_directions >> 1);
    flow->elephant_directions = (uint8_t)((flow->elephant_directions & 1U) << 1 |
                                          flow->elephant_directions >> 1);
    if (flow->tcp)
        SWAP(flow->tcp->streams[0], flow->tcp->streams[1]);
    flow->swapped = !flow->swapped;
}

struct flow *flow_each(const struct flow_table *table, size_t *position)
{
    while (*position < table->flows.fresh) {
        struct flow *flow = flow_at(table, (uint32_t)++ * position);
        if (flow->number)
            return flow;
    }
    return NULL;
}

static int flow_compare(const void *a, const void *b)
{
    const struct flow *const *left = a, *const *right = b;
    if ((*left)->first != (*right)->first)
        return (*left)->first < (*right)->first ? -1 : 1;
    return (*left)->id < (*right)->id ? -1 : (*left)->id > (*right)->id;
}

void flow_end_all(struct flow_table *table, enum flow_end reason)
{
    size_t count = 0, position = 0;
    struct flow **list = table->flows.used ? calloc(table->flows.used, sizeof(struct flow *)) : NULL;
    for (struct flow *flow; list && (flow = flow_each(table, &position));)
        list[count++] = flow;
    if (list) {
        qsort(list, count, sizeof *list, flow_compare);
        for (size_t i = 0; i < count; i++) {
            if (i + 1 < count)
                fetch_flow(table, list[i + 1]->number);
            flow_finish(table, list[i], reason);
        }
        free(list);
        return;
    }
    /* No memory for an order: as they come. */
    for (struct flow *flow; (flow = flow_each(table, &position));)
        flow_finish(table, flow, reason);
}

const uint64_t *flow_counts(struct flow_table *table)
{
    table->counts[FLOW_MEMUSE] = table->flows.used * table->flows.object_size +
                                 ((uint64_t)table->mask + 1) * 8;
    table->counts[FLOW_SPARE] = table->flows.capacity - table->flows.used;
    return table->counts;
}
