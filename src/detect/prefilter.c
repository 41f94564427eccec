/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the rules whose pattern stands in a buffer, with Vectorscan. */
#include "detect/prefilter.h"

#include <hs/hs.h>
#include <stdlib.h>

struct pattern {
    struct bytes bytes; /* owned by the rule set */
    bool nocase;
    struct index_list rules;
};

struct prefilter {
    struct pattern *patterns;
    size_t count, capacity, reach;
    struct map known; /* nocase flag and bytes -> index + 1 */
    hs_database_t *database;
};

struct prefilter_memory {
    hs_scratch_t *scratch;
};

struct prefilter *prefilter_new(void)
{
    struct prefilter *prefilter = calloc(1, sizeof *prefilter);
    if (prefilter)
        prefilter->known = map_of(3, 0);
    return prefilter;
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    for (size_t i = 0; i < prefilter->count; i++)
        free(prefilter->patterns[i].rules.items);
    free(prefilter->patterns);
    map_done(&prefilter->known);
    hs_free_database(prefilter->database);
    free(prefilter);
}

bool prefilter_add(struct prefilter *prefilter, struct bytes pattern, bool nocase, uint32_t index)
{
    uint8_t key[258];
    if (pattern.size == 0 || pattern.size >= sizeof key)
        return false;
    key[0] = nocase;
    memcpy(key + 1, pattern.data, pattern.size);
    bool added;
    uintptr_t *place = map_add(&prefilter->known, bytes_of(key, pattern.size + 1), &added);
    if (!place)
        return false;
    if (added) {
        if (prefilter->count == prefilter->capacity) {
            size_t capacity = prefilter->capacity ? prefilter->capacity * 2 : 64;
            struct pattern *patterns = realloc(prefilter->patterns, capacity * sizeof *patterns);
            if (!patterns)
                return false;
            prefilter->patterns = patterns;
            prefilter->capacity = capacity;
        }
        prefilter->patterns[prefilter->count] = (struct pattern){ .bytes = pattern, .nocase = nocase };
        *place = ++prefilter->count;
        prefilter->reach = MAX(prefilter->reach, pattern.size);
    }
    return index_list_add(&prefilter->patterns[*place - 1].rules, index);
}

bool prefilter_compile(struct prefilter *prefilter, struct error *error)
{
    size_t n = prefilter->count;
    const char **texts = calloc(n, sizeof *texts);
    unsigned *flags = calloc(n, sizeof *flags), *ids = calloc(n, sizeof *ids);
    size_t *sizes = calloc(n, sizeof *sizes);
    bool done = false;
    if (texts && flags && ids && sizes) {
        for (size_t i = 0; i < n; i++) {
            texts[i] = (const char *)prefilter->patterns[i].bytes.data;
            sizes[i] = prefilter->patterns[i].bytes.size;
            flags[i] = HS_FLAG_SINGLEMATCH | (prefilter->patterns[i].nocase ? HS_FLAG_CASELESS : 0);
            ids[i] = (unsigned)i;
        }
        hs_compile_error_t *why = NULL;
        done = hs_compile_lit_multi(texts, flags, ids, sizes, (unsigned)n, HS_MODE_BLOCK, NULL,
                                    &prefilter->database, &why) == HS_SUCCESS;
        if (!done)
            (void)error_set(error, "the patterns cannot be compiled: %s",
                            why ? why->message : "unknown reason");
        hs_free_compile_error(why);
    } else {
        (void)error_set(error, "out of memory");
    }
    free(texts);
    free(flags);
    free(ids);
    free(sizes);
    return done;
}

size_t prefilter_reach(const struct prefilter *prefilter)
{
    return prefilter->reach;
}

struct prefilter_memory *prefilter_memory_new(const struct ruleset *set, struct error *error)
{
    struct prefilter_memory *memory = calloc(1, sizeof *memory);
    bool done = memory != NULL;
    for (size_t i = 0; done && i < set->buffer_count; i++)
        for (unsigned d = 0; done && d < DIRECTIONS; d++)
            if (set->buffers[i]->prefilters[d])
                done = hs_alloc_scratch(set->buffers[i]->prefilters[d]->database, &memory->scratch) ==
                       HS_SUCCESS;
    for (unsigned k = 0; done && k < COUNT_OF(set->payload); k++)
        for (unsigned d = 0; done && d < DIRECTIONS; d++)
            if (set->payload[k][d])
                done = hs_alloc_scratch(set->payload[k][d]->database, &memory->scratch) == HS_SUCCESS;
    if (!done) {
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
    hs_free_scratch(memory->scratch);
    free(memory);
}

struct scan {
    const struct prefilter *prefilter;
    prefilter_hit_fn hit;
    void *context;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    (void)from;
    (void)to;
    (void)flags;
    const struct scan *scan = context;
    const struct index_list *rules = &scan->prefilter->patterns[id].rules;
    scan->hit(scan->context, rules->items, rules->count);
    return 0;
}

void prefilter_scan(const struct prefilter *prefilter, struct prefilter_memory *memory, struct bytes data,
                    prefilter_hit_fn hit, void *context)
{
    struct scan scan = { prefilter, hit, context };
    if (data.size == 0 || data.size > UINT32_MAX)
        return;
    (void)hs_scan(prefilter->database, (const char *)data.data, (unsigned)data.size, 0, memory->scratch,
                  on_match, &scan);
}
