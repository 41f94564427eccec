/* SPDX-License-Identifier: Apache-2.0 */
/* Packs and unpacks blocks of events. Integers are LEB128 unless said otherwise. */
#include "store/event_block.h"

#include <assert.h>
#include <stdlib.h>

#include "base/reader.h"
#include "store/event_bloom.h"

#define COLUMNS_WHOLE   1 /* forms of columns */
#define COLUMNS_KEYS    2 /* with 16 octets of keys a row */
#define COLUMNS_RAW_MAX (4U << 20)
#define FRAME_RAW_MAX   (BLOCK_RAW_MAX + (2U << 20))
#define LEVEL           1
#define LEVEL_OPEN      (-5) /* soon packed again */
#define HOST_KEY_BITS   16U  /* a search by part of a name asks for many ids */
#define KEY_BITS        10U
#define SLOTS           65536U /* of the key set; a power of two, more than the keys a block can have */
#define ADDRESS_SLOTS   32768U
#define ORIGINS_MAX     BLOCK_EVENTS_MAX

/* Kinds of key inside the filters; part of the file format. */
enum key_kind {
    KEY_ADDRESS = 1,
    KEY_NEAR, /* IPv4 /24, IPv6 /64 */
    KEY_WIDE, /* IPv4 /16, IPv6 /48 */
    KEY_AGENCY,
    KEY_SYSTEM,
    KEY_SENSOR,
    KEY_PORT,
    KEY_HOST,
    KEY_FLOW,
    KEY_COMMUNITY
};

/* Distinct hashes of one filter. */
struct key_set {
    uint64_t *slots, *keys;
    size_t count;
};

struct origin {
    uint32_t sensor;
    uint64_t boot;
};

struct block_codec {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *expander;
    struct text columns, raw; /* before compression */
    struct text packed;       /* columns, then frames, back to back */
    struct text filters;
    struct key_set keys;
    struct address *addresses;
    uint16_t *address_slots; /* index + 1 */
    size_t address_count;
    struct origin *origins;
    size_t origin_count;
    uint16_t *sources, *destinations, *event_origins;
};

struct block_codec *block_codec_new(struct error *error)
{
    struct block_codec *codec = calloc(1, sizeof *codec);
    if (!codec)
        goto fail;
    codec->columns = text_new(COLUMNS_RAW_MAX);
    codec->raw = text_new(FRAME_RAW_MAX);
    codec->packed = text_new(2 * FRAME_RAW_MAX);
    codec->filters = text_new(1 << 20);
    codec->compressor = ZSTD_createCCtx();
    codec->expander = ZSTD_createDCtx();
    codec->keys.slots = malloc(SLOTS * sizeof *codec->keys.slots);
    codec->keys.keys = malloc(SLOTS * sizeof *codec->keys.keys);
    codec->addresses = malloc((2 * BLOCK_EVENTS_MAX + 1) * sizeof *codec->addresses);
    codec->address_slots = malloc(ADDRESS_SLOTS * sizeof *codec->address_slots);
    codec->origins = malloc(ORIGINS_MAX * sizeof *codec->origins);
    codec->sources = malloc(BLOCK_EVENTS_MAX * sizeof *codec->sources);
    codec->destinations = malloc(BLOCK_EVENTS_MAX * sizeof *codec->destinations);
    codec->event_origins = malloc(BLOCK_EVENTS_MAX * sizeof *codec->event_origins);
    if (codec->compressor && codec->expander && codec->keys.slots && codec->keys.keys && codec->addresses &&
        codec->address_slots && codec->origins && codec->sources && codec->destinations &&
        codec->event_origins)
        return codec;
fail:
    block_codec_free(codec);
    error_set(error, "events: out of memory");
    return NULL;
}

void block_codec_free(struct block_codec *codec)
{
    if (!codec)
        return;
    ZSTD_freeCCtx(codec->compressor);
    ZSTD_freeDCtx(codec->expander);
    text_done(&codec->columns);
    text_done(&codec->raw);
    text_done(&codec->packed);
    text_done(&codec->filters);
    free(codec->keys.slots);
    free(codec->keys.keys);
    free(codec->addresses);
    free(codec->address_slots);
    free(codec->origins);
    free(codec->sources);
    free(codec->destinations);
    free(codec->event_origins);
    free(codec);
}

static void put_number(struct text *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        text_char(out, (char)(value | 0x80));
    text_char(out, (char)value);
}

static uint64_t take_number(struct reader *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(in);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    reader_fail(in);
    return 0;
}

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ -(value & 1);
}

void block_event_keys(struct block_event *event)
{
    const struct event_record *r = event->record;
    event->flow_key = r->flow_id ? bloom_hash_number(KEY_FLOW, r->flow_id) : 0;
    event->community_key = r->community_id.size ? bloom_hash(KEY_COMMUNITY, r->community_id) : 0;
}

static void put_u64(struct text *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++, value >>= 8)
        text_char(out, (char)value);
}

static void put_u16(struct text *out, uint16_t value)
{
    text_char(out, (char)value);
    text_char(out, (char)(value >> 8));
}

/* ---- packing ---- */

/* Index of the address in the block's table, 0 for an absent one. */
static uint16_t address_index(struct block_codec *codec, const struct address *address)
{
    if (!address->version)
        return 0;
    uint64_t hash = bloom_hash(KEY_ADDRESS, bytes_of(address->octets, address_size(address)));
    for (size_t slot = hash % ADDRESS_SLOTS;; slot = (slot + 1) % ADDRESS_SLOTS) {
        uint16_t index = codec->address_slots[slot];
        if (index && address_equal(&codec->addresses[index], address))
            return index;
        if (!index) {
            codec->addresses[++codec->address_count] = *address;
            codec->address_slots[slot] = (uint16_t)codec->address_count;
            return (uint16_t)codec->address_count;
        }
    }
}

static uint16_t origin_index(struct block_codec *codec, const struct event_id *id)
{
    for (size_t i = codec->origin_count; i-- > 0;)
        if (codec->origins[i].sensor == id->sensor && codec->origins[i].boot == id->boot)
            return (uint16_t)i;
    codec->origins[codec->origin_count] = (struct origin){ id->sensor, id->boot };
    return (uint16_t)codec->origin_count++;
}

static void gather_tables(struct block_codec *codec, const struct block_event *events, size_t count)
{
    memset(codec->address_slots, 0, ADDRESS_SLOTS * sizeof *codec->address_slots);
    codec->address_count = 0;
    codec->origin_count = 0;
    for (size_t i = 0; i < count; i++) {
        codec->sources[i] = address_index(codec, &events[i].record->source);
        codec->destinations[i] = address_index(codec, &events[i].record->destination);
        codec->event_origins[i] = origin_index(codec, &events[i].record->id);
    }
}

static void put_tables(struct block_codec *codec, struct text *out)
{
    put_number(out, codec->origin_count);
    for (size_t i = 0; i < codec->origin_count; i++) {
        put_number(out, codec->origins[i].sensor);
        put_number(out, codec->origins[i].boot);
    }
    put_number(out, codec->address_count);
    for (size_t i = 1; i <= codec->address_count; i++) {
        text_char(out, (char)codec->addresses[i].version);
        text_put(out, bytes_of(codec->addresses[i].octets, address_size(&codec->addresses[i])));
    }
}

static void put_columns(struct block_codec *codec, const struct block_event *events, size_t count, bool keys)
{
    struct text *out = &codec->columns;
    uint64_t time = 0, sequence = 0;
    text_clear(out);
    text_char(out, keys ? COLUMNS_KEYS : COLUMNS_WHOLE);
    put_number(out, count);
    put_tables(codec, out);
    for (size_t i = 0; i < count; time = events[i++].time)
        put_number(out, events[i].time - time);
    for (size_t i = 0; i < count; i++)
        put_number(out, codec->event_origins[i]);
    for (size_t i = 0; i < count; sequence = events[i++].record->id.sequence)
        put_number(out, zigzag(events[i].record->id.sequence - sequence));
    for (size_t i = 0; i < count; i++)
        text_char(out, (char)events[i].record->type);
    for (size_t i = 0; i < count; i++)
        put_number(out, events[i].record->agency);
    for (size_t i = 0; i < count; i++)
        put_number(out, events[i].record->system);
    for (size_t i = 0; i < count; i++)
        put_u16(out, codec->sources[i]);
    for (size_t i = 0; i < count; i++)
        put_u16(out, codec->destinations[i]);
    for (size_t i = 0; i < count; i++)
        put_u16(out, events[i].record->source_port);
    for (size_t i = 0; i < count; i++)
        put_u16(out, events[i].record->destination_port);
    for (size_t i = 0; i < count; i++)
        put_number(out, events[i].host);
    for (size_t i = 0; keys && i < count; i++) {
        put_u64(out, events[i].flow_key);
        put_u64(out, events[i].community_key);
    }
}

/* Compresses `raw` onto the end of codec->packed. */
static bool compress_onto(struct block_codec *codec, struct bytes raw, int level, struct error *error)
{
    size_t bound = ZSTD_compressBound(raw.size);
    if (!text_reserve(&codec->packed, bound))
        return error_set(error, "events: out of memory");
    size_t size = ZSTD_compressCCtx(codec->compressor, codec->packed.data + codec->packed.size, bound,
                                    raw.data, raw.size, level);
    if (ZSTD_isError(size))
        return error_set(error, "events: %s", ZSTD_getErrorName(size));
    codec->packed.size += size;
    return true;
}

static void keys_clear(struct key_set *set)
{
    memset(set->slots, 0, SLOTS * sizeof *set->slots);
    set->count = 0;
}

static void keys_add(struct key_set *set, uint64_t hash)
{
    hash = hash ? hash : 1;
    for (size_t slot = hash % SLOTS;; slot = (slot + 1) % SLOTS) {
        if (set->slots[slot] == hash)
            return;
        if (!set->slots[slot]) {
            set->slots[slot] = hash;
            set->keys[set->count++] = hash;
            return;
        }
    }
}

static uint64_t prefix_hash(enum key_kind kind, const struct address *address)
{
    size_t near = address->version == 4 ? 3 : 8, wide = address->version == 4 ? 2 : 6;
    return bloom_hash((uint8_t)kind, bytes_of(address->octets, kind == KEY_NEAR ? near : wide));
}

static void gather_keys(struct block_codec *codec, enum block_filter filter, const struct block_event *events,
                        size_t count)
{
    struct key_set *set = &codec->keys;
    keys_clear(set);
    if (filter == BLOCK_FILTER_ADDRESS) {
        for (size_t i = 1; i <= codec->address_count; i++) {
            const struct address *address = &codec->addresses[i];
            keys_add(set, bloom_hash(KEY_ADDRESS, bytes_of(address->octets, address_size(address))));
            keys_add(set, prefix_hash(KEY_NEAR, address));
            keys_add(set, prefix_hash(KEY_WIDE, address));
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct event_record *r = events[i].record;
        if (filter == BLOCK_FILTER_NUMBER) {
            keys_add(set, bloom_hash_number(KEY_AGENCY, r->agency));
            keys_add(set, bloom_hash_number(KEY_SYSTEM, r->system));
            keys_add(set, bloom_hash_number(KEY_SENSOR, r->id.sensor));
            keys_add(set, bloom_hash_number(KEY_PORT, r->source_port));
            keys_add(set, bloom_hash_number(KEY_PORT, r->destination_port));
        } else if (filter == BLOCK_FILTER_HOST) {
            if (events[i].host)
                keys_add(set, bloom_hash_number(KEY_HOST, events[i].host));
        } else {
            if (events[i].flow_key)
                keys_add(set, events[i].flow_key);
            if (events[i].community_key)
                keys_add(set, events[i].community_key);
        }
    }
}

static bool put_filter(struct block_codec *codec, unsigned key_bits, size_t *size, struct error *error)
{
    *size = bloom_size(codec->keys.count, key_bits);
    if (!text_reserve(&codec->filters, *size))
        return error_set(error, "events: out of memory");
    uint8_t *bits = (uint8_t *)codec->filters.data + codec->filters.size;
    memset(bits, 0, *size);
    for (size_t i = 0; i < codec->keys.count; i++)
        bloom_add(bits, *size, codec->keys.keys[i]);
    codec->filters.size += *size;
    return true;
}

static bool pack_filters(struct block_codec *codec, const struct block_event *events, size_t count,
                         struct packed_block *packed, struct error *error)
{
    size_t sizes[BLOCK_FILTERS], at = 0;
    text_clear(&codec->filters);
    for (unsigned filter = 0; filter < BLOCK_FILTERS; filter++) {
        gather_keys(codec, (enum block_filter)filter, events, count);
        if (!put_filter(codec, filter == BLOCK_FILTER_HOST ? HOST_KEY_BITS : KEY_BITS, &sizes[filter], error))
            return false;
    }
    for (unsigned filter = 0; filter < BLOCK_FILTERS; at += sizes[filter++])
        packed->filters[filter] = bytes_of(codec->filters.data + at, sizes[filter]);
    return true;
}

static bool pack_frame(struct block_codec *codec, const struct block_event *events, size_t count, int level,
                       struct error *error)
{
    text_clear(&codec->raw);
    for (size_t i = 0; i < count; i++) {
        put_number(&codec->raw, events[i].record->body.size);
        text_put(&codec->raw, events[i].record->body);
    }
    if (codec->raw.full)
        return error_set(error, "events: bodies over %u octets in one frame", FRAME_RAW_MAX);
    return compress_onto(codec, text_bytes(&codec->raw), level, error);
}

bool block_pack(struct block_codec *codec, const struct block_event *events, size_t count, bool filters,
                struct packed_block *packed, struct error *error)
{
    struct packed_block done = { .first = events[0].time, .last = events[count - 1].time };
    size_t ends[BLOCK_FRAMES_MAX + 1];
    int level = filters ? LEVEL : LEVEL_OPEN;
    assert(count > 0 && count <= BLOCK_EVENTS_MAX);
    gather_tables(codec, events, count);
    put_columns(codec, events, count, !filters);
    text_clear(&codec->packed);
    if (codec->columns.full || !compress_onto(codec, text_bytes(&codec->columns), level, error))
        return codec->columns.full ? error_set(error, "events: out of memory") : false;
    ends[0] = codec->packed.size;
    for (size_t at = 0; at < count; at += FRAME_EVENTS) {
        if (!pack_frame(codec, events + at, MIN(FRAME_EVENTS, count - at), level, error))
            return false;
        ends[++done.frame_count] = codec->packed.size;
    }
    done.columns = bytes_of(codec->packed.data, ends[0]);
    for (size_t i = 0; i < done.frame_count; i++)
        done.frames[i] = bytes_of(codec->packed.data + ends[i], ends[i + 1] - ends[i]);
    for (size_t i = 0; i < count; i++)
        done.types |= 1ULL << events[i].record->type;
    if (filters && !pack_filters(codec, events, count, &done, error))
        return false;
    *packed = done;
    return true;
}

/* ---- unpacking ---- */

static bool expand(struct block_codec *codec, struct bytes packed, size_t max, struct arena *memory,
                   struct bytes *raw, struct error *error)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.data, packed.size);
    if (size > max) /* also the codes for "unknown" and "no frame" */
        return error_set(error, "events: a damaged block");
    uint8_t *data = arena_new(memory, MAX((size_t)size, (size_t)1), 1);
    if (!data)
        return error_set(error, "events: the query needs more memory than it may take");
    size_t got = ZSTD_decompressDCtx(codec->expander, data, (size_t)size, packed.data, packed.size);
    if (ZSTD_isError(got) || got != size)
        return error_set(error, "events: a damaged block");
    *raw = bytes_of(data, got);
    return true;
}

static struct address *take_addresses(struct reader *in, struct arena *memory, size_t *count)
{
    uint64_t claimed = take_number(in);
    if (claimed > 2 * BLOCK_EVENTS_MAX)
        return NULL;
    struct address *addresses = ARENA_ARRAY(memory, struct address, (size_t)claimed + 1);
    for (size_t i = 1; addresses && i <= claimed; i++) {
        uint8_t version = reader_u8(in);
        size_t size = version == 4 ? 4 : 16;
        const uint8_t *octets = reader_take(in, size);
        if (!octets || (version != 4 && version != 6))
            return NULL;
        addresses[i].version = version;
        memcpy(addresses[i].octets, octets, size);
    }
    *count = (size_t)claimed + 1;
    return addresses;
}

static uint16_t take_u16(struct reader *in)
{
    return reader_le16(in);
}

/* The columns after the tables; false when an index leaves its table. */
static bool take_columns(struct reader *in, const struct origin *origins, size_t origin_count, bool keys,
                         struct block *block)
{
    struct block_row *rows = block->rows;
    size_t count = block->count;
    uint64_t time = 0, sequence = 0;
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        rows[i].time = time += take_number(in);
    for (size_t i = 0; i < count; i++) {
        uint64_t origin = take_number(in);
        ok &= origin < origin_count;
        const struct origin *o = &origins[ok ? origin : 0];
        rows[i].id = (struct event_id){ o->sensor, o->boot, 0 };
    }
    for (size_t i = 0; i < count; i++)
        rows[i].id.sequence = sequence += unzigzag(take_number(in));
    for (size_t i = 0; i < count; i++)
        ok &= (rows[i].type = reader_u8(in)) < EVENT_TYPE_COUNT;
    for (size_t i = 0; i < count; i++)
        rows[i].agency = (uint32_t)take_number(in);
    for (size_t i = 0; i < count; i++)
        rows[i].system = (uint32_t)take_number(in);
    for (size_t i = 0; i < count; i++)
        ok &= (rows[i].source = take_u16(in)) < block->address_count;
    for (size_t i = 0; i < count; i++)
        ok &= (rows[i].destination = take_u16(in)) < block->address_count;
    for (size_t i = 0; i < count; i++)
        rows[i].source_port = take_u16(in);
    for (size_t i = 0; i < count; i++)
        rows[i].destination_port = take_u16(in);
    for (size_t i = 0; i < count; i++)
        rows[i].host = (uint32_t)take_number(in);
    for (size_t i = 0; keys && i < count; i++) {
        rows[i].flow_key = reader_le64(in);
        rows[i].community_key = reader_le64(in);
    }
    return ok && reader_ok(in) && reader_empty(in);
}

bool block_unpack(struct block_codec *codec, struct bytes columns, struct arena *memory, struct block *block,
                  struct error *error)
{
    struct bytes raw;
    struct block found = { 0 };
    if (!expand(codec, columns, COLUMNS_RAW_MAX, memory, &raw, error))
        return false;
    struct reader in = reader_of_bytes(raw);
    uint8_t version = reader_u8(&in);
    uint64_t count = take_number(&in), origins = take_number(&in);
    if ((version != COLUMNS_WHOLE && version != COLUMNS_KEYS) || count == 0 || count > BLOCK_EVENTS_MAX ||
        origins == 0 || origins > count)
        return error_set(error, "events: a damaged block");
    for (size_t i = 0; i < origins; i++) {
        codec->origins[i].sensor = (uint32_t)take_number(&in);
        codec->origins[i].boot = take_number(&in);
    }
    found.addresses = take_addresses(&in, memory, &found.address_count);
    found.count = (size_t)count;
    found.rows = ARENA_ARRAY(memory, struct block_row, found.count);
    if (!found.addresses || !found.rows)
        return error_set(error, "events: a damaged block, or no memory for it");
    if (!take_columns(&in, codec->origins, (size_t)origins, version == COLUMNS_KEYS, &found))
        return error_set(error, "events: a damaged block");
    *block = found;
    return true;
}

bool frame_unpack(struct block_codec *codec, struct bytes packed, size_t count, struct arena *memory,
                  struct bytes *bodies, struct error *error)
{
    struct bytes raw = BYTES_NONE;
    if (!expand(codec, packed, FRAME_RAW_MAX, memory, &raw, error))
        return false;
    struct reader in = reader_of_bytes(raw);
    for (size_t i = 0; i < count; i++)
        bodies[i] = reader_bytes(&in, take_number(&in));
    return reader_ok(&in) && reader_empty(&in) ? true : error_set(error, "events: a damaged frame");
}

struct event_view block_view(const struct block *block, size_t row)
{
    const struct block_row *r = &block->rows[row];
    return (struct event_view){ .id = r->id,
                                .time = r->time,
                                .type = (enum event_type)r->type,
                                .agency = r->agency,
                                .system = r->system,
                                .host = r->host,
                                .host_known = true,
                                .source = &block->addresses[r->source],
                                .destination = &block->addresses[r->destination],
                                .source_port = r->source_port,
                                .destination_port = r->destination_port };
}

/* ---- pruning ---- */

struct pruner {
    const struct event_matcher *matcher;
    uint64_t types;
    block_filter_fn filters;
    void *context;
};

static bool has(const struct pruner *p, enum block_filter filter, uint64_t hash)
{
    return bloom_has(p->filters(p->context, filter), hash ? hash : 1);
}

static bool has_number(const struct pruner *p, enum key_kind kind, uint64_t number)
{
    return has(p, BLOCK_FILTER_NUMBER, bloom_hash_number((uint8_t)kind, number));
}

static bool may_have_network(const struct pruner *p, const struct network *network)
{
    const struct address *address = &network->address;
    unsigned whole = address->version == 4 ? 32 : 128, near = address->version == 4 ? 24 : 64;
    unsigned wide = address->version == 4 ? 16 : 48;
    if (network->prefix == whole)
        return has(p, BLOCK_FILTER_ADDRESS,
                   bloom_hash(KEY_ADDRESS, bytes_of(address->octets, address_size(address))));
    if (network->prefix >= near)
        return has(p, BLOCK_FILTER_ADDRESS, prefix_hash(KEY_NEAR, address));
    return network->prefix < wide || has(p, BLOCK_FILTER_ADDRESS, prefix_hash(KEY_WIDE, address));
}

#define HOSTS_PROBED_MAX 256U

static bool may_have_host(const struct pruner *p, const struct event_term *term)
{
    const struct match_hosts *hosts = matcher_hosts(p->matcher, term);
    if (hosts->id_count == 0)
        return false;
    if (hosts->id_count > HOSTS_PROBED_MAX)
        return true;
    for (size_t byte = 0; byte < (hosts->bit_count + 7) / 8; byte++)
        for (unsigned bit = 0; hosts->bits[byte] >> bit; bit++)
            if ((hosts->bits[byte] >> bit & 1) &&
                has(p, BLOCK_FILTER_HOST, bloom_hash_number(KEY_HOST, byte * 8 + bit)))
                return true;
    return false;
}

static bool may_match(const struct pruner *p, const struct event_term *term)
{
    bool any = false;
    switch (term->kind) {
    case TERM_ALL:
        for (size_t i = 0; i < term->count; i++)
            if (!may_match(p, &term->items[i]))
                return false;
        return true;
    case TERM_ANY:
        for (size_t i = 0; i < term->count && !any; i++)
            any = may_match(p, &term->items[i]);
        return any;
    case TERM_TYPE:
        return term->low < 64 && (p->types >> term->low & 1);
    case TERM_AGENCY:
        return has_number(p, KEY_AGENCY, term->low);
    case TERM_SYSTEM:
        return has_number(p, KEY_SYSTEM, term->low);
    case TERM_SENSOR:
        return has_number(p, KEY_SENSOR, term->low);
    case TERM_ID:
        return has_number(p, KEY_SENSOR, term->id.sensor);
    case TERM_PORT:
        return term->low != term->high || has_number(p, KEY_PORT, term->low);
    case TERM_ADDRESS:
        return may_have_network(p, &term->network);
    case TERM_HOST:
    case TERM_HOST_IS:
        return may_have_host(p, term);
    case TERM_FLOW:
        return term->low == 0 || has(p, BLOCK_FILTER_FLOW, bloom_hash_number(KEY_FLOW, term->low));
    case TERM_COMMUNITY:
        return has(p, BLOCK_FILTER_FLOW, bloom_hash(KEY_COMMUNITY, term->text));
    case TERM_SIGNATURE:
    case TERM_SEVERITY:
        return term->low == 0; /* blocks hold no alerts */
    default:
        return true;
    }
}

bool block_may_match(const struct event_matcher *matcher, uint64_t types, block_filter_fn filters,
                     void *context)
{
    struct pruner p = { matcher, types, filters, context };
    const struct event_filter *filter = matcher->filter;
    if (filter->limit_agencies) {
        bool any = false;
        for (size_t i = 0; i < filter->agency_count && !any; i++)
            any = has_number(&p, KEY_AGENCY, filter->agencies[i]);
        if (!any)
            return false;
    }
    return !filter->term || may_match(&p, filter->term);
}
