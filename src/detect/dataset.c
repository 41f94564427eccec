/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of values in memory: looked up and added to by rules, bounded, kept in files. */
#include "detect/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "detect/context.h"

#define VALUES_MAX       (4U << 20)   /* of one set */
#define NOTES_SIZE_MAX   (512U << 20) /* bytes of one set */
#define MEMCAP_DEFAULT   (100ULL << 20)
#define HASHSIZE_DEFAULT 2048U
#define HASHSIZE_MAX     65536U
#define HASHSIZES_MAX    16777216U
#define BUCKET_SIZE      64U   /* bytes of memcap that a place of `hashsize` counts for */
#define ENTRIES_RESERVED 1000U /* values that a set has room for from the start */
#define STRING_LIMIT     65536U

/* What a value counts for in memcap is what Suricata 8 reserves for it, so that a memcap written for it means
 * the same here. */
static const struct {
    const char *name;
    uint8_t type;
    uint8_t size;  /* of a binary value; 0: any */
    uint8_t entry; /* bytes of memcap, beside those of a string */
} types[] = { { "string", DATASET_STRING, 0, 104 }, { "md5", DATASET_MD5, 16, 104 },
              { "sha1", DATASET_SHA1, 20, 108 },    { "sha256", DATASET_SHA256, 32, 120 },
              { "ipv4", DATASET_IPV4, 4, 96 },      { "ip", DATASET_IP, 16, 104 },
              { "ipv6", DATASET_IP, 16, 104 } };

size_t dataset_value_size(unsigned type)
{
    return types[type].size;
}

int dataset_type_of(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (bytes_is(name, types[i].name))
            return types[i].type;
    return -1;
}

bool dataset_has(const struct dataset *set, struct bytes value)
{
    return map_find(&set->values, value) != NULL;
}

/* ---- adding ---- */

/* Counts `size` more bytes; false when the memcap does not allow them. */
static bool take_memory(struct dataset *set, uint64_t size)
{
    if (set->memcap && set->memory + size > set->memcap)
        return false;
    set->memory += size;
    return true;
}

/* Adds a value in its binary form; *place is where what belongs to it goes. */
static enum dataset_added add_value(struct dataset *set, struct bytes value, size_t note_size,
                                    uintptr_t **place)
{
    bool added = false;
    uint64_t cost = note_size + (set->type == DATASET_STRING ? value.size : 0);
    if (set->values.count >= ENTRIES_RESERVED)
        cost += types[set->type].entry;
    *place = map_find(&set->values, value);
    if (*place)
        return DATASET_KNOWN;
    if (!take_memory(set, cost))
        return DATASET_FULL;
    *place = map_add(&set->values, value, &added);
    return added ? DATASET_ADDED : DATASET_FULL;
}

static bool remove_value(struct dataset *set, struct bytes value)
{
    if (set->values.count > ENTRIES_RESERVED)
        set->memory -= types[set->type].entry;
    if (set->type == DATASET_STRING)
        set->memory -= value.size;
    return map_remove(&set->values, value);
}

/* An address as the set keeps it: 4 octets, or 16 with IPv4 mapped. */
static struct bytes address_value(const struct dataset *set, struct bytes octets, uint8_t out[16])
{
    memset(out, 0, 16);
    if (set->type == DATASET_IPV4)
        return octets.size == 4 ? octets : BYTES_NONE;
    if (octets.size == 4) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, octets.data, 4);
        return bytes_of(out, 16);
    }
    return octets.size == 16 ? octets : BYTES_NONE;
}

static int base64_digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? memchr(digits, c, 64) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool unbase64(struct bytes text, uint8_t *out, size_t room, size_t *size)
{
    uint32_t bits = 0;
    unsigned held = 0;
    *size = 0;
    while (text.size && text.data[text.size - 1] == '=')
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (*size == room)
                return false;
            out[(*size)++] = (uint8_t)(bits >> held);
        }
    }
    return true;
}

static bool unhex(struct bytes text, uint8_t *out, size_t size)
{
    if (text.size != size * 2)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = byte_hex(text.data[2 * i]), low = byte_hex(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The value that `text` writes, in `room` or in place; absent when it writes none of this type. */
static struct bytes read_value(const struct dataset *set, struct bytes text, bool encoded,
                               uint8_t room[STRING_LIMIT])
{
    struct address address;
    size_t size = types[set->type].size;
    switch (set->type) {
    case DATASET_STRING:
        if (!encoded)
            return text;
        return unbase64(text, room, STRING_LIMIT, &size) ? bytes_of(room, size) : BYTES_NONE;
    case DATASET_IPV4:
    case DATASET_IP:
        if (!address_parse(text, &address))
            return BYTES_NONE;
        size = address_size(&address);
        memcpy(room + 16, address.octets, size);
        return address_value(set, bytes_of(room + 16, size), room);
    default:
        return unhex(text, room, size) ? bytes_of(room, size) : BYTES_NONE;
    }
}

enum dataset_added dataset_add_text(struct dataset *set, struct bytes text, bool encoded, uint64_t reputation,
                                    struct bytes json)
{
    uint8_t room[STRING_LIMIT];
    uintptr_t *place;
    struct bytes value = read_value(set, text, encoded, room);
    if (!value.data)
        return DATASET_INVALID;
    enum dataset_added added = add_value(set, value, json.size, &place);
    if (added != DATASET_ADDED)
        return added;
    *place = (uintptr_t)reputation + 1;
    if (json.data) {
        struct bytes *note = ARENA_NEW(&set->notes, struct bytes);
        if (!note || !(*note = arena_copy(&set->notes, json)).data)
            return DATASET_FULL;
        *place = (uintptr_t)note;
    }
    return DATASET_ADDED;
}

/* ---- matching ---- */

static void add_note(struct context *context, const struct item *item, uintptr_t place)
{
    const struct bytes *json = (const struct bytes *)place;
    for (const struct alert_note *note = context->notes; note; note = note->next)
        if (bytes_equal(note->key, item->dataset.key))
            return;
    struct alert_note *note = ARENA_NEW(context->scratch, struct alert_note);
    if (!note)
        return;
    *note = (struct alert_note){ context->notes, item->dataset.key, *json };
    context->notes = note;
}

static bool apply(struct dataset *set, const struct item *item, struct bytes value, struct context *context)
{
    uintptr_t *place = map_find(&set->values, value);
    switch (item->dataset.command) {
    case DATASET_IS_SET:
        if (!place || (item->dataset.has_range && !range_has(&item->dataset.range, *place - 1)))
            return false;
        if (set->format != DATASET_CSV && item->dataset.key.data)
            add_note(context, item, *place);
        return true;
    case DATASET_IS_NOT_SET:
        return !place;
    case DATASET_SET:
        /* Matches when the value is new. */
        if (place || value.size > STRING_LIMIT || add_value(set, value, 0, &place) != DATASET_ADDED)
            return false;
        *place = 1;
        return true;
    case DATASET_UNSET:
        return place && remove_value(set, value);
    default:
        return false;
    }
}

bool dataset_match(const struct item *item, struct bytes value, struct context *context)
{
    struct dataset *set = item->dataset.set;
    uint8_t mapped[16];
    if (set->type == DATASET_IP || set->type == DATASET_IPV4)
        value = address_value(set, value, mapped);
    if (!value.data || (types[set->type].size && value.size != types[set->type].size))
        return false;
    bool changes = item->dataset.command == DATASET_SET || item->dataset.command == DATASET_UNSET;
    pthread_mutex_lock(&set->lock);
    bool result = apply(set, item, value, context);
    set->changed |= result && changes;
    pthread_mutex_unlock(&set->lock);
    return result;
}

/* ---- opening ---- */

static struct dataset *find_set(const struct ruleset *all, struct bytes name)
{
    for (struct dataset *set = all->datasets; set; set = set->next)
        if (bytes_is(name, set->name))
            return set;
    return NULL;
}

static bool limit_hashsize(const struct ruleset *all, const struct dataset *set, struct error *error)
{
    const struct dataset_limits *limits = &all->settings->dataset_limits;
    uint64_t max = limits->hashsize_max ? limits->hashsize_max : HASHSIZE_MAX;
    uint64_t max_all = limits->hashsizes_max ? limits->hashsizes_max : HASHSIZES_MAX;
    uint64_t sum = set->hashsize;
    if (set->hashsize > max)
        return error_set(error,
                         "hashsize %llu in dataset '%s' exceeds configured 'single-hashsize' limit (%llu)",
                         (unsigned long long)set->hashsize, set->name, (unsigned long long)max);
    for (const struct dataset *other = all->datasets; other; other = other->next)
        sum += other->hashsize;
    return sum <= max_all ||
           error_set(error, "hashsize %llu in dataset '%s' exceeds configured 'total-hashsizes' limit (%llu)",
                     (unsigned long long)set->hashsize, set->name, (unsigned long long)max_all);
}

static void dataset_free(struct dataset *set)
{
    map_done(&set->values);
    arena_done(&set->notes);
    pthread_mutex_destroy(&set->lock);
    free(set->name);
    free(set->save_path);
    free(set);
}

/* An empty set in the list of all. */
static struct dataset *dataset_new(struct ruleset *all, const struct dataset_source *source,
                                   struct error *error)
{
    const struct dataset_limits *limits = &all->settings->dataset_limits;
    struct dataset *set = calloc(1, sizeof *set);
    if (!set || !(set->name = strndup((const char *)source->name.data, source->name.size))) {
        free(set);
        (void)error_set(error, "out of memory");
        return NULL;
    }
    set->type = (uint8_t)source->type;
    set->format = source->format;
    set->values = map_of(0x2545f4914f6cdd1dULL, VALUES_MAX);
    set->notes = arena_of(NOTES_SIZE_MAX);
    set->memcap = source->memcap;
    set->hashsize = source->hashsize   ? source->hashsize
                    : limits->hashsize ? limits->hashsize
                                       : HASHSIZE_DEFAULT;
    set->memory = set->hashsize * BUCKET_SIZE + (uint64_t)ENTRIES_RESERVED * types[set->type].entry;
    pthread_mutex_init(&set->lock, NULL);
    if (!limit_hashsize(all, set, error)) {
        dataset_free(set);
        return NULL;
    }
    set->next = all->datasets;
    all->datasets = set;
    return set;
}

/* The path of `name`: as it is when absolute, in the data folder, or in that of the file `beside`. */
static void resolve(const struct ruleset *all, struct bytes name, const char *beside, char *out, size_t size)
{
    struct text path = text_of(out, size);
    const char *slash = beside ? strrchr(beside, '/') : NULL;
    if (name.size && name.data[0] != '/') {
        if (slash)
            text_put(&path, bytes_of(beside, (size_t)(slash - beside) + 1));
        else if (!beside && all->settings->data_dir)
            text_add(&path, "%s/", all->settings->data_dir);
    }
    text_put(&path, name);
}

/* Where a list to load is: beside the file that names it, or else in the data folder. */
static void resolve_load(const struct ruleset *all, const struct dataset_source *source, struct bytes name,
                         char *out, size_t size)
{
    resolve(all, name, source->beside, out, size);
    if (access(out, R_OK) != 0)
        resolve(all, name, NULL, out, size);
}

static bool fill(struct ruleset *all, struct dataset *set, const struct dataset_source *source,
                 struct error *error)
{
    char path[1024];
    if (source->load.data) {
        resolve_load(all, source, source->load, path, sizeof path);
        if (access(path, R_OK) != 0)
            return error_set(error, "%.150s cannot be read", path);
        if (!dataset_load(set, path, source, error))
            return false;
    } else if (source->state.data) {
        resolve(all, source->state, NULL, path, sizeof path);
        if (access(path, R_OK) == 0 && !dataset_load(set, path, source, error))
            return false;
    }
    struct bytes keep = source->save.data ? source->save : source->state;
    if (keep.data) {
        resolve(all, keep, NULL, path, sizeof path);
        set->save_path = strdup(path);
    }
    if (!set->memcap)
        set->memcap = MAX(set->memory, all->settings->dataset_limits.memcap
                                           ? all->settings->dataset_limits.memcap
                                           : MEMCAP_DEFAULT);
    return true;
}

struct dataset *dataset_open(struct ruleset *all, const struct dataset_source *source, struct error *error)
{
    struct dataset *set = find_set(all, source->name);
    if (set && set->broken) {
        (void)error_set(error, "dataset %s was refused before", set->name);
        return NULL;
    }
    if (set && source->type != DATASET_ANY_TYPE && source->type != set->type) {
        (void)error_set(error, "dataset %s is of another type", set->name);
        return NULL;
    }
    if (set)
        return set;
    if (source->type == DATASET_ANY_TYPE) {
        (void)error_set(error, "dataset %.*s not defined: a new set needs a type",
                        (int)MIN(source->name.size, 100U), (const char *)source->name.data);
        return NULL;
    }
    set = dataset_new(all, source, error);
    if (!set)
        return NULL;
    set->broken = !fill(all, set, source, error);
    return set->broken ? NULL : set;
}

struct dataset *dataset_open_hashes(struct ruleset *all, struct bytes name, const char *beside,
                                    enum dataset_type type, struct error *error)
{
    char path[1024];
    resolve(all, name, beside, path, sizeof path);
    struct dataset_source source = { .name = bytes_of_string(path), .type = (int)type };
    struct dataset *set = dataset_new(all, &source, error);
    return set && dataset_load_hashes(set, path, error) ? set : NULL;
}

/* ---- keeping ---- */

static void write_value(const struct dataset *set, struct bytes key, struct text *line)
{
    static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
    struct address address;
    bool v4 = key.size == 4 || (key.size == 16 && memcmp(key.data, v4_prefix, sizeof v4_prefix) == 0);
    switch (set->type) {
    case DATASET_STRING:
        text_base64(line, key);
        break;
    case DATASET_IPV4:
    case DATASET_IP:
        address = v4 ? address_v4(key.data + (key.size == 4 ? 0 : 12)) : address_v6(key.data);
        address_text(&address, line);
        break;
    default:
        text_hex(line, key);
        break;
    }
}

static void save(const struct dataset *set)
{
    FILE *out = fopen(set->save_path, "we");
    if (!out)
        return;
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    struct text line = text_new(4 * STRING_LIMIT);
    while (map_each(&set->values, &position, &key, &value)) {
        text_clear(&line);
        write_value(set, key, &line);
        if (line.size)
            fprintf(out, "%.*s\n", (int)line.size, line.data);
    }
    text_done(&line);
    fclose(out);
}

const char *ruleset_kept_file(const struct ruleset *all, size_t index)
{
    for (const struct dataset *set = all->datasets; set; set = set->next)
        if (set->save_path && index-- == 0)
            return set->save_path;
    return NULL;
}

void datasets_free(struct dataset *first)
{
    while (first) {
        struct dataset *next = first->next;
        if (first->save_path && first->changed)
            save(first);
        dataset_free(first);
        first = next;
    }
}
