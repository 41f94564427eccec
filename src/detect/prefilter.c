/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the rules whose pattern stands in a buffer; see prefilter.h. */
#include "detect/prefilter.h"

#include <stdlib.h>

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

struct prefilter_memory {
    uint32_t *seen; /* per pattern of the largest set of grams: the turn in which it was found */
    size_t seen_count;
    uint32_t turn;
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

static bool grams_compile(struct literals *literals, struct error *error)
{
    struct gram_literal *list = calloc(literals->count + 1, sizeof *list);
    for (size_t i = 0; list && i < literals->count; i++)
        list[i] = (struct gram_literal){ literals->patterns[i].bytes, literals->patterns[i].nocase };
    literals->grams = list && literals->count ? grams_new(list, literals->count) : NULL;
    bool done = list && (literals->grams || !literals->count);
    free(list);
    return done || error_set(error, "out of memory");
}

bool prefilter_compile(struct prefilter *prefilter, struct error *error)
{
    return grams_compile(&prefilter->anywhere, error) && grams_compile(&prefilter->head, error);
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
    for (unsigned d = 0; memory && d < DIRECTIONS; d++) {
        for (size_t i = 0; i < set->buffer_count; i++)
            reserve(memory, set->buffers[i]->prefilters[d]);
        for (unsigned k = 0; k < COUNT_OF(set->payload); k++)
            reserve(memory, set->payload[k][d]);
    }
    if (!memory || !(memory->seen = calloc(memory->seen_count + 1, sizeof *memory->seen))) {
        (void)error_set(error, "out of memory");
        prefilter_memory_free(memory);
        return NULL;
    }
    return memory;
}

void prefilter_memory_free(struct prefilter_memory *memory)
{
    if (!memory)
        return;
    free(memory->seen);
    free(memory);
}

struct scan {
    const struct literals *literals;
    prefilter_hit_fn hit;
    void *context;
};

static void on_literal(void *context, size_t literal)
{
    const struct scan *scan = context;
    const struct index_list *rules = &scan->literals->patterns[literal].rules;
    scan->hit(scan->context, rules->items, rules->count);
}

static void literals_scan(const struct literals *literals, struct prefilter_memory *memory, struct bytes data,
                          prefilter_hit_fn hit, void *context)
{
    struct scan scan = { literals, hit, context };
    if (!literals->grams)
        return;
    if (++memory->turn == 0) {
        memset(memory->seen, 0, memory->seen_count * sizeof *memory->seen);
        memory->turn = 1;
    }
    grams_scan(literals->grams, data, memory->seen, memory->turn, on_literal, &scan);
}

void prefilter_scan(const struct prefilter *prefilter, struct prefilter_memory *memory, struct bytes data,
                    uint64_t offset, prefilter_hit_fn hit, void *context)
{
    if (offset < prefilter->head_size)
        literals_scan(&prefilter->head, memory, bytes_first(data, prefilter->head_size - (size_t)offset), hit,
                      context);
    literals_scan(&prefilter->anywhere, memory, data, hit, context);
}
