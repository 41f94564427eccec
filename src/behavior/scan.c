/* SPDX-License-Identifier: Apache-2.0 */
/* Scans, by linear counting of distinct targets per source (Whang, 1990) in tumbling windows. */
#include "behavior/scan.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

#define SOURCES_MAX 4096U
#define PORTS_MIN   40U
#define HOSTS_MIN   30U
#define WINDOW      (10 * NS_PER_S)
#define QUIET       (300 * NS_PER_S)
#define BITMAP_BITS 512U /* distinct counts up to some 1,500 before it saturates */
#define WAYS        8U

struct bitmap {
    uint64_t words[BITMAP_BITS / 64];
    uint32_t set;
};

struct source {
    struct address address; /* version 0: free */
    uint64_t start, last, reported;
    struct bitmap targets, answered; /* (host, port) pairs */
    struct bitmap hosts, ports;
};

struct scan_watch {
    struct scan_settings settings;
    struct source *sources;
    size_t sets; /* of WAYS sources; a power of two */
};

static void or_default(uint32_t *value, uint32_t usual)
{
    *value = *value ? *value : usual;
}

struct scan_watch *scan_watch_new(const struct scan_settings *settings, struct error *error)
{
    struct scan_watch *watch = calloc(1, sizeof *watch);
    if (watch) {
        watch->settings = *settings;
        or_default(&watch->settings.sources_max, SOURCES_MAX);
        or_default(&watch->settings.ports_min, PORTS_MIN);
        or_default(&watch->settings.hosts_min, HOSTS_MIN);
        watch->settings.window = settings->window ? settings->window : WINDOW;
        watch->settings.quiet = settings->quiet ? settings->quiet : QUIET;
        watch->sets = 1;
        while (watch->sets * WAYS < watch->settings.sources_max)
            watch->sets *= 2;
        watch->sources = calloc(watch->sets * WAYS, sizeof *watch->sources);
    }
    if (!watch || !watch->sources) {
        error_set(error, "scan watch: no memory for %u sources", settings->sources_max);
        free(watch);
        return NULL;
    }
    return watch;
}

void scan_watch_free(struct scan_watch *watch)
{
    if (!watch)
        return;
    free(watch->sources);
    free(watch);
}

/* The source's record; NULL when it is unknown and `make` is false. */
static struct source *find(struct scan_watch *watch, const struct address *address, bool make)
{
    uint64_t hash = bytes_hash(bytes_of(address->octets, sizeof address->octets), address->version);
    struct source *set = watch->sources + (hash & (watch->sets - 1)) * WAYS, *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].address.version && address_equal(&set[i].address, address))
            return &set[i];
        if (set[i].last < oldest->last)
            oldest = &set[i];
    }
    if (!make)
        return NULL;
    *oldest = (struct source){ .address = *address };
    return oldest;
}

static void bitmap_add(struct bitmap *bitmap, uint64_t hash)
{
    uint64_t bit = 1ULL << (hash & 63);
    uint64_t *word = &bitmap->words[hash >> 6 & (BITMAP_BITS / 64 - 1)];
    bitmap->set += !(*word & bit);
    *word |= bit;
}

/* How many distinct values were added, about. */
static uint32_t bitmap_count(const struct bitmap *bitmap)
{
    if (bitmap->set >= BITMAP_BITS)
        return BITMAP_BITS * 6;
    return (uint32_t)lround(-(double)BITMAP_BITS * log1p(-(double)bitmap->set / BITMAP_BITS));
}

/* Packets of several workers come in nearly, not strictly, by time. */
static uint64_t since(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

static void begin_window(struct source *source, uint64_t time)
{
    source->start = time;
    memset(&source->targets, 0, sizeof source->targets);
    memset(&source->answered, 0, sizeof source->answered);
    memset(&source->hosts, 0, sizeof source->hosts);
    memset(&source->ports, 0, sizeof source->ports);
}

static uint64_t host_hash(const struct address *host)
{
    return bytes_hash(bytes_of(host->octets, sizeof host->octets), 1);
}

static uint64_t port_hash(uint16_t port)
{
    return bytes_hash(bytes_of(&port, sizeof port), 2);
}

static uint64_t pair_hash(const struct address *host, uint16_t port)
{
    uint64_t pair[2] = { host_hash(host), port_hash(port) };
    return bytes_hash(bytes_of(pair, sizeof pair), 3);
}

static enum scan_kind judge(const struct scan_watch *watch, const struct source *source, uint32_t *tried)
{
    uint32_t targets = bitmap_count(&source->targets);
    uint32_t failed = targets - MIN(targets, bitmap_count(&source->answered));
    *tried = targets;
    if (failed >= watch->settings.ports_min && bitmap_count(&source->ports) >= watch->settings.ports_min)
        return SCAN_PORTS;
    if (failed >= watch->settings.hosts_min && bitmap_count(&source->hosts) >= watch->settings.hosts_min)
        return SCAN_HOSTS;
    return SCAN_NONE;
}

bool scan_tried(struct scan_watch *watch, const struct packet *packet, struct scan_finding *finding)
{
    if (!packet->src.version || !packet->dst_port)
        return false;
    struct source *source = find(watch, &packet->src, true);
    if (source->start == 0 || since(source->start, packet->time) > watch->settings.window)
        begin_window(source, packet->time);
    source->last = MAX(source->last, packet->time);
    bitmap_add(&source->hosts, host_hash(&packet->dst));
    bitmap_add(&source->ports, port_hash(packet->dst_port));
    bitmap_add(&source->targets, pair_hash(&packet->dst, packet->dst_port));
    uint32_t tried;
    enum scan_kind kind = judge(watch, source, &tried);
    if (kind == SCAN_NONE ||
        (source->reported && since(source->reported, packet->time) < watch->settings.quiet))
        return false;
    source->reported = packet->time;
    *finding = (struct scan_finding){
        .kind = kind,
        .source = packet->src,
        .target = packet->dst,
        .port = packet->dst_port,
        .tried = tried,
        .answered = bitmap_count(&source->answered),
        .since = source->start,
    };
    return true;
}

void scan_answered(struct scan_watch *watch, const struct address *client, const struct address *server,
                   uint16_t port)
{
    struct source *source = find(watch, client, false);
    if (source)
        bitmap_add(&source->answered, pair_hash(server, port));
}
