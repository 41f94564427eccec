/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments are kept as they came; once they are complete, each byte goes to the copy that the
 * receiver's system would have kept (Novak, "Target-Based Fragmentation Reassembly", 2005). */
#include "flow/defrag.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/pool.h"
#include "flow/buffers.h"

const struct counter defrag_counters[DEFRAG_COUNTER_COUNT] = { COUNTER_TABLE(DEFRAG_COUNTERS) };

enum {
    PACKET_MAX = 65535, /* of what the fragments carry together with their header */
    HEADER_MAX = 512,   /* IPv4 with options; IPv6 up to the fragment header */
    OUTPUTS = 16,       /* packets inside packets, each from fragments, in one frame */
    FRAGMENTS_PER_PACKET = 8192,
};

struct fragment {
    struct fragment *next; /* by offset */
    uint8_t *data;
    uint32_t offset, size, number; /* `number`: order of arrival, from 1 */
    uint8_t order;
    bool more;
};

/* One packet being put together. */
struct tracker {
    struct tracker *chain;         /* of its hash */
    struct tracker *newer, *older; /* by time of the latest fragment */
    struct fragment *first;
    struct address src, dst;
    uint64_t latest;                       /* ns */
    uint32_t id, hash, count, bytes, size; /* `size`: of the whole payload, when `complete_end` */
    uint16_t vlans[PACKET_VLANS_MAX], header_size, next_at;
    uint8_t vlan_count, protocol, recursion, version;
    bool complete_end, overlap;
    uint8_t header[HEADER_MAX]; /* of the fragment at offset 0 */
};

struct defrag {
    struct defrag_settings settings;
    struct decoder *decoder;
    struct pool trackers, fragments;
    struct buffers buffers;
    struct tracker **heads;
    uint32_t mask;
    struct tracker *newest, *oldest;
    uint8_t *outputs[OUTPUTS];
    size_t output;
    uint16_t *owners; /* per byte: number of the fragment it is from */
    uint64_t counts[DEFRAG_COUNTER_COUNT];
};

struct defrag *defrag_new(const struct defrag_settings *settings, struct error *error)
{
    struct defrag *defrag = calloc(1, sizeof *defrag);
    if (!defrag) {
        error_set(error, "defragmentation: out of memory");
        return NULL;
    }
    if (settings)
        defrag->settings = *settings;
    struct defrag_settings *own = &defrag->settings;
    if (!own->memory_max)
        own->memory_max = 32U << 20;
    if (!own->tracker_max)
        own->tracker_max = 8192;
    if (!own->fragment_max)
        own->fragment_max = 65535;
    if (!own->timeout)
        own->timeout = 60 * NS_PER_S;
    size_t heads = 256;
    while (heads < own->tracker_max)
        heads *= 2;
    defrag->mask = (uint32_t)(heads - 1);
    defrag->heads = calloc(heads, sizeof(struct tracker *));
    defrag->owners = calloc(PACKET_MAX + 1, sizeof *defrag->owners);
    if (!defrag->heads || !defrag->owners)
        error_set(error, "defragmentation: out of memory");
    else if (pool_open(&defrag->trackers, sizeof(struct tracker), own->tracker_max, error) &&
             pool_open(&defrag->fragments, sizeof(struct fragment), own->fragment_max, error) &&
             buffers_open(&defrag->buffers, own->memory_max, error))
        return defrag;
    defrag_free(defrag);
    return NULL;
}

void defrag_free(struct defrag *defrag)
{
    if (!defrag)
        return;
    pool_close(&defrag->trackers);
    pool_close(&defrag->fragments);
    buffers_close(&defrag->buffers);
    for (size_t i = 0; i < OUTPUTS; i++)
        free(defrag->outputs[i]);
    free(defrag->heads);
    free(defrag->owners);
    free(defrag);
}

void defrag_attach(struct defrag *defrag, struct decoder *decoder)
{
    defrag->decoder = decoder;
}

static void event(struct defrag *defrag, struct packet *packet, enum decode_event v4, enum decode_event v6)
{
    if (defrag->decoder)
        packet_event(defrag->decoder, packet, packet->ip->version == 4 ? v4 : v6);
}

static void age_unlink(struct defrag *defrag, struct tracker *tracker)
{
    if (tracker->newer)
        tracker->newer->older = tracker->older;
    else
        defrag->newest = tracker->older;
    if (tracker->older)
        tracker->older->newer = tracker->newer;
    else
        defrag->oldest = tracker->newer;
}

static void age_link(struct defrag *defrag, struct tracker *tracker)
{
    tracker->newer = NULL;
    tracker->older = defrag->newest;
    if (defrag->newest)
        defrag->newest->newer = tracker;
    else
        defrag->oldest = tracker;
    defrag->newest = tracker;
}

static void tracker_drop(struct defrag *defrag, struct tracker *tracker)
{
    while (tracker->first) {
        struct fragment *fragment = tracker->first;
        tracker->first = fragment->next;
        buffers_give(&defrag->buffers, fragment->data, fragment->order);
        pool_give(&defrag->fragments, fragment);
    }
    struct tracker **link = &defrag->heads[tracker->hash & defrag->mask];
    while (*link != tracker)
        link = &(*link)->chain;
    *link = tracker->chain;
    age_unlink(defrag, tracker);
    pool_give(&defrag->trackers, tracker);
}

static void expire(struct defrag *defrag, uint64_t now)
{
    while (defrag->oldest && defrag->oldest->latest + defrag->settings.timeout < now) {
        defrag->counts[defrag->oldest->version == 4 ? DEFRAG_IPV4_TIMEOUTS : DEFRAG_IPV6_TIMEOUTS]++;
        defrag->counts[DEFRAG_TIMEOUTS]++;
        tracker_drop(defrag, defrag->oldest);
    }
}

static bool same(const struct defrag *defrag, const struct tracker *tracker, const struct packet *packet)
{
    /* RFC 8200 section 4.5 leaves the next header out of what identifies a packet; RFC 791 does not. */
    if (tracker->id != packet->ip->fragment_id || tracker->recursion != packet->recursion ||
        (packet->ip->version == 4 && tracker->protocol != packet->ip->protocol) ||
        !address_equal(&tracker->src, &packet->src) || !address_equal(&tracker->dst, &packet->dst))
        return false;
    if (defrag->settings.no_vlan_tracking)
        return true;
    return tracker->vlan_count == packet->vlan_count &&
           memcmp(tracker->vlans, packet->vlans, packet->vlan_count * sizeof packet->vlans[0]) == 0;
}

static struct tracker *tracker_find(struct defrag *defrag, const struct packet *packet)
{
    uint64_t seed = defrag->settings.seed ^ packet->ip->fragment_id;
    uint32_t hash = (uint32_t)(bytes_hash(bytes_of(packet->src.octets, 16), seed) ^
                               bytes_hash(bytes_of(packet->dst.octets, 16), ~seed));
    for (struct tracker *at = defrag->heads[hash & defrag->mask]; at; at = at->chain)
        if (at->hash == hash && same(defrag, at, packet))
            return at;
    struct tracker *made = pool_take(&defrag->trackers);
    if (!made && defrag->oldest) {
        defrag->counts[DEFRAG_TRACKERS_MAX]++;
        defrag->counts[DEFRAG_TRACKERS_HARD]++;
        tracker_drop(defrag, defrag->oldest);
        made = pool_take(&defrag->trackers);
    }
    if (!made)
        return NULL;
    memset(made, 0, offsetof(struct tracker, header));
    made->src = packet->src;
    made->dst = packet->dst;
    made->id = packet->ip->fragment_id;
    made->hash = hash;
    made->vlan_count = packet->vlan_count;
    memcpy(made->vlans, packet->vlans, sizeof made->vlans);
    made->protocol = packet->ip->protocol;
    made->recursion = packet->recursion;
    made->version = packet->ip->version;
    made->chain = defrag->heads[hash & defrag->mask];
    defrag->heads[hash & defrag->mask] = made;
    age_link(defrag, made);
    return made;
}

/* Whether a byte of `old` gives way to a later copy in `fresh`. */
static bool newer_wins(enum os_policy policy, const struct fragment *old, const struct fragment *fresh)
{
    uint32_t old_end = old->offset + old->size, fresh_end = fresh->offset + fresh->size;
    switch (policy) {
    case OS_LAST:
    case OS_OLD_SOLARIS:
        return true;
    case OS_FIRST:
    case OS_MACOS:
    case OS_HPUX11:
        return false;
    case OS_BSD_RIGHT:
        return fresh->offset >= old->offset;
    case OS_LINUX:
    case OS_OLD_LINUX:
        return fresh->offset <= old->offset;
    case OS_WINDOWS:
    case OS_VISTA:
    case OS_WINDOWS2K3:
        return fresh->offset < old->offset && fresh_end > old_end;
    case OS_SOLARIS:
        return fresh->offset < old->offset && fresh_end >= old_end;
    default: /* BSD, HP-UX 10, IRIX */
        return fresh->offset < old->offset;
    }
}

/* The same fragment again: keeping it changes nothing under any policy. */
static bool repeated(const struct tracker *tracker, const struct packet *packet)
{
    for (const struct fragment *at = tracker->first; at && at->offset <= packet->ip->fragment_offset;
         at = at->next)
        if (at->offset == packet->ip->fragment_offset && at->more == packet->ip->fragment_more &&
            bytes_equal(bytes_of(at->data, at->size), packet->payload))
            return true;
    return false;
}

/* Keeps a copy of the fragment; false when it cannot be kept. */
static bool keep(struct defrag *defrag, struct tracker *tracker, struct packet *packet)
{
    const struct ip_header *ip = packet->ip;
    struct fragment *fragment = tracker->count < FRAGMENTS_PER_PACKET ? pool_take(&defrag->fragments) : NULL;
    if (!fragment) {
        defrag->counts[DEFRAG_MAX_FRAGS]++;
        return false;
    }
    unsigned order = buffers_order(packet->payload.size);
    *fragment = (struct fragment){ .data = buffers_take(&defrag->buffers, order),
                                   .offset = ip->fragment_offset,
                                   .size = (uint32_t)packet->payload.size,
                                   .number = ++tracker->count,
                                   .order = (uint8_t)order,
                                   .more = ip->fragment_more };
    if (!fragment->data) {
        pool_give(&defrag->fragments, fragment);
        tracker->count--;
        defrag->counts[DEFRAG_MEMCAP]++;
        return false;
    }
    memcpy(fragment->data, packet->payload.data, packet->payload.size);
    struct fragment **link = &tracker->first;
    bool overlap = false;
    while (*link && (*link)->offset <= fragment->offset) {
        overlap |= (*link)->offset + (*link)->size > fragment->offset;
        link = &(*link)->next;
    }
    overlap |= *link && fragment->offset + fragment->size > (*link)->offset;
    fragment->next = *link;
    *link = fragment;
    if (overlap) {
        tracker->overlap = true;
        event(defrag, packet, DECODE_EVENT_IPV4_FRAG_OVERLAP, DECODE_EVENT_IPV6_FRAG_OVERLAP);
    }
    tracker->bytes += fragment->size;
    if (!fragment->more && !tracker->complete_end) {
        tracker->complete_end = true;
        tracker->size = fragment->offset + fragment->size;
    }
    if (fragment->offset == 0 && tracker->header_size == 0) {
        size_t size = ip->version == 4 ? ip->header.size : ip->fragment_at;
        if (size <= HEADER_MAX) {
            memcpy(tracker->header, ip->header.data, size);
            tracker->header_size = (uint16_t)size;
            tracker->next_at = ip->fragment_next_at;
            tracker->protocol = packet->ip->protocol;
        }
    }
    return true;
}

static bool complete(const struct tracker *tracker)
{
    if (!tracker->complete_end || !tracker->header_size || tracker->bytes < tracker->size)
        return false;
    uint32_t end = 0;
    for (const struct fragment *at = tracker->first; at && end < tracker->size; at = at->next) {
        if (at->offset > end)
            return false;
        end = MAX(end, at->offset + at->size);
    }
    return end >= tracker->size;
}

static int by_arrival(const void *a, const void *b)
{
    const struct fragment *const *left = a, *const *right = b;
    return (*left)->number < (*right)->number ? -1 : 1;
}

/* Fills `payload` in order of arrival, byte by byte where copies overlap. */
static bool paint(struct defrag *defrag, const struct tracker *tracker, uint8_t *payload)
{
    if (!tracker->overlap) {
        for (const struct fragment *at = tracker->first; at; at = at->next)
            if (at->offset < tracker->size)
                memcpy(payload + at->offset, at->data, MIN(at->size, tracker->size - at->offset));
        return true;
    }
    const struct fragment **list = calloc(tracker->count, sizeof(struct fragment *));
    if (!list)
        return false;
    size_t count = 0;
    for (const struct fragment *at = tracker->first; at; at = at->next)
        list[count++] = at;
    qsort(list, count, sizeof *list, by_arrival);
    enum os_policy policy = os_policy_for(defrag->settings.os_rules, defrag->settings.os_rule_count,
                                          &tracker->dst);
    memset(defrag->owners, 0, tracker->size * sizeof *defrag->owners);
    for (size_t i = 0; i < count; i++) {
        const struct fragment *fragment = list[i];
        for (uint32_t k = 0; k < fragment->size && fragment->offset + k < tracker->size; k++) {
            uint16_t *owner = &defrag->owners[fragment->offset + k];
            if (*owner && !newer_wins(policy, list[*owner - 1], fragment))
                continue;
            *owner = (uint16_t)(i + 1);
            payload[fragment->offset + k] = fragment->data[k];
        }
    }
    free(list);
    return true;
}

/* The whole packet: the first fragment's header as if it had never been cut. */
static struct bytes assemble(struct defrag *defrag, const struct tracker *tracker)
{
    size_t total = tracker->header_size + tracker->size;
    uint8_t **output = &defrag->outputs[defrag->output++ % OUTPUTS];
    if (!*output)
        *output = malloc(DEFRAGMENT_HEADROOM + PACKET_MAX + HEADER_MAX);
    if (!*output)
        return BYTES_NONE;
    uint8_t *at = *output + DEFRAGMENT_HEADROOM;
    if (!paint(defrag, tracker, at + tracker->header_size))
        return BYTES_NONE;
    memcpy(at, tracker->header, tracker->header_size);
    if (tracker->version == 4) {
        at[2] = (uint8_t)(total >> 8);
        at[3] = (uint8_t)total;
        at[6] &= 0xc0; /* keeps "don't fragment" and the reserved bit */
        at[7] = 0;
        at[10] = at[11] = 0;
        uint32_t sum = 0;
        for (size_t i = 0; i < tracker->header_size; i += 2)
            sum += (uint32_t)(at[i] << 8 | at[i + 1]);
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        at[10] = (uint8_t)(~sum >> 8);
        at[11] = (uint8_t)~sum;
    } else {
        size_t size = total - 40;
        at[4] = (uint8_t)(size >> 8);
        at[5] = (uint8_t)size;
        at[tracker->next_at] = tracker->protocol;
    }
    return bytes_of(at, total);
}

struct bytes defragment(void *context, struct packet *packet)
{
    struct defrag *defrag = context;
    const struct ip_header *ip = packet->ip;
    bool v4 = ip->version == 4;
    defrag->counts[v4 ? DEFRAG_IPV4_FRAGMENTS : DEFRAG_IPV6_FRAGMENTS]++;
    expire(defrag, packet->time);
    if (ip->fragment_offset + packet->payload.size >
        PACKET_MAX - (v4 ? ip->header.size : ip->fragment_at - 40U)) {
        event(defrag, packet, DECODE_EVENT_IPV4_FRAG_PKT_TOO_LARGE, DECODE_EVENT_IPV6_FRAG_PKT_TOO_LARGE);
        return BYTES_NONE;
    }
    if (packet->payload.size == 0 || (ip->fragment_more && packet->payload.size % 8)) {
        event(defrag, packet, DECODE_EVENT_IPV4_FRAG_IGNORED, DECODE_EVENT_IPV6_FRAG_IGNORED);
        return BYTES_NONE;
    }
    struct tracker *tracker = tracker_find(defrag, packet);
    if (!tracker) {
        event(defrag, packet, DECODE_EVENT_IPV4_FRAG_IGNORED, DECODE_EVENT_IPV6_FRAG_IGNORED);
        return BYTES_NONE;
    }
    tracker->latest = packet->time;
    age_unlink(defrag, tracker);
    age_link(defrag, tracker);
    if (repeated(tracker, packet)) {
        event(defrag, packet, DECODE_EVENT_IPV4_FRAG_OVERLAP, DECODE_EVENT_IPV6_FRAG_OVERLAP);
        return BYTES_NONE;
    }
    if (!keep(defrag, tracker, packet)) {
        event(defrag, packet, DECODE_EVENT_IPV4_FRAG_IGNORED, DECODE_EVENT_IPV6_FRAG_IGNORED);
        if (!tracker->first)
            tracker_drop(defrag, tracker);
        return BYTES_NONE;
    }
    if (!complete(tracker))
        return BYTES_NONE;
    struct bytes whole = assemble(defrag, tracker);
    if (whole.data)
        defrag->counts[v4 ? DEFRAG_IPV4_REASSEMBLED : DEFRAG_IPV6_REASSEMBLED]++;
    tracker_drop(defrag, tracker);
    return whole;
}

const uint64_t *defrag_counts(struct defrag *defrag)
{
    defrag->counts[DEFRAG_MEMUSE] = defrag->buffers.used;
    return defrag->counts;
}
