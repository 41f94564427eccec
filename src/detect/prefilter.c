/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the rules whose pattern stands in a buffer; see prefilter.h. */
#include "detect/prefilter.h"

#include <stdlib.h>

#include "detect/classes.h"
#include "detect/grams.h"

struct pattern {
    struct bytes bytes; /* owned by the rule set */
    bool nocase;
    struct index_list rules;
};

/* Patterns that are looked for together. */
struct literals {
    struct pattern *patterns;
    size_t count, capacity, reach;
    struct map known; /* nocase flag and bytes -> index + 1 */
    struct grams *grams;
};

struct prefilter {
    bool large;
    struct literals anywhere, head;
    size_t head_size; /* bytes from the start in which the patterns of `head` may stand */
};

enum { ANYWHERE, HEAD, PARTS };

/* Some of a prefilter's patterns. */
struct subset {
    struct grams *grams[PARTS]; /* NULL: none */
    uint32_t *patterns[PARTS];  /* number in the subset -> number in the prefilter */
};

#define SUBSET_WORK     65536U /* bytes of a class's data that are worth a subset of its own */
#define SCAN_WORK       64U    /* bytes that a scan counts for, however short it is */
#define LEARNED         16384U /* bytes of a scan that are counted */
#define SUBSET_PATTERNS 40000U /* in all subsets of a worker; about 200 bytes each */

struct prefilter_memory {
    const struct ruleset *set;
    uint32_t *seen; /* per pattern of the largest set of grams: the turn in which it was found */
    size_t seen_count;
    uint32_t turn;
    struct map subsets; /* prefilter and bit per pattern -> struct subset * */
    size_t subset_patterns;
    struct frequency *frequency; /* of what was seen by classes without subsets */
};

struct prefilter *prefilter_new(bool large)
{
    struct prefilter *prefilter = calloc(1, sizeof *prefilter);
    if (prefilter) {
        prefilter->large = large;
        prefilter->anywhere.known = prefilter->head.known = map_of(3, 0);
    }
    return prefilter;
}

static void literals_done(struct literals *literals)
{
    for (size_t i = 0; i < literals->count; i++)
        free(literals->patterns[i].rules.items);
    free(literals->patterns);
    map_done(&literals->known);
    grams_free(literals->grams);
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    literals_done(&prefilter->anywhere);
    literals_done(&prefilter->head);
    free(prefilter);
}

static bool literals_add(struct literals *literals, struct bytes pattern, bool nocase, uint32_t index)
{
    uint8_t key[258];
    if (pattern.size == 0 || pattern.size >= sizeof key)
        return false;
    key[0] = nocase;
    memcpy(key + 1, pattern.data, pattern.size);
    bool added;
    uintptr_t *place = map_add(&literals->known, bytes_of(key, pattern.size + 1), &added);
    if (!place)
        return false;
    if (added) {
        if (literals->count == literals->capacity) {
            size_t capacity = literals->capacity ? literals->capacity * 2 : 64;
            struct pattern *patterns = realloc(literals->patterns, capacity * sizeof *patterns);
            if (!patterns)
                return false;
            literals->patterns = patterns;
            literals->capacity = capacity;
        }
        literals->patterns[literals->count] = (struct pattern){ .bytes = pattern, .nocase = nocase };
        *place = ++literals->count;
        literals->reach = MAX(literals->reach, pattern.size);
    }
    return index_list_add(&literals->patterns[*place - 1].rules, index);
}

bool prefilter_add(struct prefilter *prefilter, struct bytes pattern, bool nocase, size_t bound,
                   uint32_t index)
{
    if (!prefilter->large || !bound || bound > PREFILTER_HEAD_MAX)
        return literals_add(&prefilter->anywhere, pattern, nocase, index);
    prefilter->head_size = MAX(prefilter->head_size, bound);
    return literals_add(&prefilter->head, pattern, nocase, index);
}

static bool grams_compile(struct literals *literals, const struct frequency *frequency, struct error *error)
{
    struct gram_literal *list = calloc(literals->count + 1, sizeof *list);
    for (size_t i = 0; list && i < literals->count; i++)
        list[i] = (struct gram_literal){ literals->patterns[i].bytes, literals->patterns[i].nocase };
    literals->grams = list && literals->count ? grams_new(list, literals->count, frequency, GRAMS_LANES_MAX)
                                              : NULL;
    bool done = list && (literals->grams || !literals->count);
    free(list);
    return done || error_set(error, "out of memory");
}

bool prefilter_compile(struct prefilter *prefilter, const struct frequency *frequency, struct error *error)
{
    return grams_compile(&prefilter->anywhere, frequency, error) &&
           grams_compile(&prefilter->head, frequency, error);
}

size_t prefilter_reach(const struct prefilter *prefilter)
{
    return MAX(prefilter->anywhere.reach, prefilter->head.reach);
}

static void reserve(struct prefilter_memory *memory, const struct prefilter *prefilter)
{
    if (prefilter)
        memory->seen_count = MAX(memory->seen_count, MAX(prefilter->anywhere.count, prefilter->head.count));
}

struct prefilter_memory *prefilter_memory_new(const struct ruleset *set, struct error *error)
{
    struct prefilter_memory *memory = calloc(1, sizeof *memory);
    if (memory) {
        memory->set = set;
        memory->frequency = frequency_new();
        memory->subsets = map_of(0x2545f491, 0);
    }
    for (unsigned d = 0; memory && d < DIRECTIONS; d++) {
        for (size_t i = 0; i < set->buffer_count; i++)
            reserve(memory, set->buffers[i]->prefilters[d]);
        for (unsigned k = 0; k < COUNT_OF(set->payload); k++)
            reserve(memory, set->payload[k][d]);
    }
    if (!memory || !memory->frequency ||
        !(memory->seen = calloc(memory->seen_count + 1, sizeof *memory->seen))) {
        (void)error_set(error, "out of memory");
        prefilter_memory_free(memory);
        return NULL;
    }
    return memory;
}

static void subset_free(struct subset *subset)
{
    for (unsigned part = 0; subset && part < PARTS; part++) {
        grams_free(subset->grams[part]);
        free(subset->patterns[part]);
    }
    free(subset);
}

void prefilter_memory_free(struct prefilter_memory *memory)
{
    if (!memory)
        return;
    uintptr_t *value;
    struct bytes key;
    for (size_t at = 0; map_each(&memory->subsets, &at, &key, &value);)
        subset_free((struct subset *)*value);
    map_done(&memory->subsets);
    frequency_free(memory->frequency);
    free(memory->seen);
    free(memory);
}

struct scan {
    const struct literals *literals;
    const uint32_t *patterns; /* of a subset, or NULL */
    prefilter_hit_fn hit;
    void *context;
};

static void on_literal(void *context, size_t literal)
{
    const struct scan *scan = context;
    size_t pattern = scan->patterns ? scan->patterns[literal] : literal;
    const struct index_list *rules = &scan->literals->patterns[pattern].rules;
    scan->hit(scan->context, rules->items, rules->count);
}

static void scan_part(const struct scan *scan, const struct grams *grams, struct prefilter_memory *memory,
                      struct bytes data)
{
    if (!grams)
        return;
    if (++memory->turn == 0) {
        memset(memory->seen, 0, memory->seen_count * sizeof *memory->seen);
        memory->turn = 1;
    }
    grams_scan(grams, data, memory->seen, memory->turn, on_literal, (void *)(uintptr_t)scan);
}

static void scan_subset(const struct prefilter *prefilter, const struct subset *subset,
                        struct prefilter_memory *memory, struct bytes data, uint64_t offset,
                        prefilter_hit_fn hit, void *context)
{
    struct scan head = { &prefilter->head, subset ? subset->patterns[HEAD] : NULL, hit, context };
    struct scan anywhere = { &prefilter->anywhere, subset ? subset->patterns[ANYWHERE] : NULL, hit, context };
    if (offset < prefilter->head_size)
        scan_part(&head, subset ? subset->grams[HEAD] : prefilter->head.grams, memory,
                  bytes_first(data, prefilter->head_size - (size_t)offset));
    scan_part(&anywhere, subset ? subset->grams[ANYWHERE] : prefilter->anywhere.grams, memory, data);
}

void prefilter_scan(const struct prefilter *prefilter, struct prefilter_memory *memory, struct bytes data,
                    uint64_t offset, prefilter_hit_fn hit, void *context)
{
    scan_subset(prefilter, NULL, memory, data, offset, hit, context);
}

/* ---- subsets ---- */

static bool concerns(const struct prefilter_memory *memory, const struct pattern *pattern,
                     const struct flow_class *class)
{
    for (size_t i = 0; i < pattern->rules.count; i++)
        if (class_allows(class, memory->set->signatures[pattern->rules.items[i]]->header))
            return true;
    return false;
}

/* A bit per pattern that concerns the class; returns their number. */
static size_t choose(const struct prefilter_memory *memory, const struct literals *literals,
                     const struct flow_class *class, uint64_t *bits)
{
    size_t count = 0;
    for (size_t i = 0; i < literals->count; i++)
        if (concerns(memory, &literals->patterns[i], class)) {
            bits[i / 64] |= (uint64_t)1 << i % 64;
            count++;
        }
    return count;
}

static bool subset_part(const struct prefilter_memory *memory, struct subset *subset, unsigned part,
                        const struct literals *literals, const uint64_t *bits, size_t count)
{
    if (!count)
        return true;
    struct gram_literal *list = calloc(count, sizeof *list);
    subset->patterns[part] = calloc(count, sizeof *subset->patterns[part]);
    size_t n = 0;
    for (size_t i = 0; list && subset->patterns[part] && i < literals->count; i++)
        if (bits[i / 64] >> i % 64 & 1) {
            list[n] = (struct gram_literal){ literals->patterns[i].bytes, literals->patterns[i].nocase };
            subset->patterns[part][n++] = (uint32_t)i;
        }
    subset->grams[part] = n ? grams_new(list, n, memory->frequency, GRAMS_LANES_MAX) : NULL;
    free(list);
    return subset->grams[part] != NULL;
}

/* The subset for these patterns; one that exists is shared. NULL: the whole prefilter will do. */
static struct subset *subset_of(const struct prefilter *prefilter, struct prefilter_memory *memory,
                                const struct flow_class *class)
{
    const struct literals *parts[PARTS] = { &prefilter->anywhere, &prefilter->head };
    size_t words[PARTS], counts[PARTS], total = prefilter->anywhere.count + prefilter->head.count;
    words[ANYWHERE] = parts[ANYWHERE]->count / 64 + 1;
    words[HEAD] = parts[HEAD]->count / 64 + 1;
    size_t size = 1 + words[ANYWHERE] + words[HEAD];
    uint64_t *key = calloc(size, sizeof *key);
    struct subset *subset = NULL;
    if (!key)
        return NULL;
    key[0] = (uintptr_t)prefilter;
    counts[ANYWHERE] = choose(memory, parts[ANYWHERE], class, key + 1);
    counts[HEAD] = choose(memory, parts[HEAD], class, key + 1 + words[ANYWHERE]);
    size_t chosen = counts[ANYWHERE] + counts[HEAD];
    if (chosen < total - total / 8 && memory->subset_patterns + chosen <= SUBSET_PATTERNS) {
        bool added;
        uintptr_t *place = map_add(&memory->subsets, bytes_of(key, size * sizeof *key), &added);
        if (place && added && (subset = calloc(1, sizeof *subset))) {
            if (!subset_part(memory, subset, ANYWHERE, parts[ANYWHERE], key + 1, counts[ANYWHERE]) ||
                !subset_part(memory, subset, HEAD, parts[HEAD], key + 1 + words[ANYWHERE], counts[HEAD])) {
                subset_free(subset);
                subset = NULL;
            }
            memory->subset_patterns += chosen;
            *place = (uintptr_t)subset;
        } else if (place) {
            subset = (struct subset *)*place;
        }
    }
    free(key);
    return subset;
}

void prefilter_scan_for(const struct prefilter *prefilter, struct prefilter_memory *memory,
                        const struct flow_class *class, struct prefilter_view *view, struct bytes data,
                        uint64_t offset, prefilter_hit_fn hit, void *context)
{
    if (!view->settled) {
        frequency_learn(memory->frequency, bytes_first(data, LEARNED));
        view->work += (uint32_t)MIN(data.size, (size_t)SUBSET_WORK) + SCAN_WORK;
        if (view->work > SUBSET_WORK) {
            view->subset = subset_of(prefilter, memory, class);
            view->settled = true;
        }
    }
    scan_subset(prefilter, view->subset, memory, data, offset, hit, context);
}
