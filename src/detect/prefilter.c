/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the rules whose pattern stands in a buffer; see prefilter.h. */
#include "detect/prefilter.h"

#include <hs/hs.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "detect/grams.h"

struct pattern {
    struct bytes bytes; /* owned by the rule set */
    bool nocase;
    struct index_list rules;
};

/* Patterns of one database, or of one set of grams. */
struct literals {
    struct pattern *patterns;
    size_t count, capacity, reach;
    struct map known; /* nocase flag and bytes -> index + 1 */
    hs_database_t *database;
    struct grams *grams;
};

struct prefilter {
    bool large;
    struct literals anywhere, head, far; /* far: the long patterns, through grams */
    size_t head_size;                    /* bytes from the start in which the patterns of `head` may stand */
};

struct prefilter_memory {
    hs_scratch_t *scratch;
    uint32_t *seen; /* per pattern of the largest set of grams: the turn in which it was found */
    size_t seen_count;
    uint32_t turn;
};

struct prefilter *prefilter_new(bool large)
{
    struct prefilter *prefilter = calloc(1, sizeof *prefilter);
    if (prefilter) {
        prefilter->large = large;
        prefilter->anywhere.known = prefilter->head.known = prefilter->far.known = map_of(3, 0);
    }
    return prefilter;
}

static void literals_done(struct literals *literals)
{
    for (size_t i = 0; i < literals->count; i++)
        free(literals->patterns[i].rules.items);
    free(literals->patterns);
    map_done(&literals->known);
    hs_free_database(literals->database);
    grams_free(literals->grams);
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    literals_done(&prefilter->anywhere);
    literals_done(&prefilter->head);
    literals_done(&prefilter->far);
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
    if (grams_suit(pattern))
        return literals_add(&prefilter->far, pattern, nocase, index);
    if (!prefilter->large || !bound || bound > PREFILTER_HEAD_MAX)
        return literals_add(&prefilter->anywhere, pattern, nocase, index);
    prefilter->head_size = MAX(prefilter->head_size, bound);
    return literals_add(&prefilter->head, pattern, nocase, index);
}

/* What the database depends on. */
static bool literals_key(const struct literals *literals, uint8_t key[32])
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(hash, hs_version(), strlen(hs_version())) == 1;
    for (size_t i = 0; done && i < literals->count; i++) {
        const struct pattern *pattern = &literals->patterns[i];
        uint8_t head[2] = { pattern->nocase, (uint8_t)pattern->bytes.size };
        done = EVP_DigestUpdate(hash, head, sizeof head) == 1 &&
               EVP_DigestUpdate(hash, pattern->bytes.data, pattern->bytes.size) == 1;
    }
    done = done && EVP_DigestFinal_ex(hash, key, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return done;
}

static bool literals_recall(struct literals *literals, struct image *image, const uint8_t key[32])
{
    struct bytes kept = image_find(image, key);
    return kept.data &&
           hs_deserialize_database((const char *)kept.data, kept.size, &literals->database) == HS_SUCCESS;
}

static void literals_keep(const struct literals *literals, struct image *image, const uint8_t key[32])
{
    char *bytes = NULL;
    size_t size = 0;
    if (image && hs_serialize_database(literals->database, &bytes, &size) == HS_SUCCESS)
        image_add(image, key, bytes_of(bytes, size));
    free(bytes);
}

static bool literals_compile(struct literals *literals, struct image *image, struct error *error)
{
    size_t n = literals->count;
    uint8_t key[32];
    if (n == 0)
        return true;
    if (image && !literals_key(literals, key))
        return error_set(error, "out of memory");
    if (image && literals_recall(literals, image, key))
        return true;
    const char **texts = calloc(n, sizeof *texts);
    unsigned *flags = calloc(n, sizeof *flags), *ids = calloc(n, sizeof *ids);
    size_t *sizes = calloc(n, sizeof *sizes);
    bool done = false;
    if (texts && flags && ids && sizes) {
        for (size_t i = 0; i < n; i++) {
            texts[i] = (const char *)literals->patterns[i].bytes.data;
            sizes[i] = literals->patterns[i].bytes.size;
            flags[i] = HS_FLAG_SINGLEMATCH | (literals->patterns[i].nocase ? HS_FLAG_CASELESS : 0);
            ids[i] = (unsigned)i;
        }
        hs_compile_error_t *why = NULL;
        done = hs_compile_lit_multi(texts, flags, ids, sizes, (unsigned)n, HS_MODE_BLOCK, NULL,
                                    &literals->database, &why) == HS_SUCCESS;
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
    if (done)
        literals_keep(literals, image, key);
    return done;
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

bool prefilter_compile(struct prefilter *prefilter, struct image *image, struct error *error)
{
    return grams_compile(&prefilter->far, error) && literals_compile(&prefilter->anywhere, image, error) &&
           literals_compile(&prefilter->head, image, error);
}

size_t prefilter_reach(const struct prefilter *prefilter)
{
    return MAX(MAX(prefilter->anywhere.reach, prefilter->head.reach), prefilter->far.reach);
}

static bool reserve_scratch(struct prefilter_memory *memory, const struct prefilter *prefilter)
{
    const struct literals *const both[] = { &prefilter->anywhere, &prefilter->head };
    for (size_t i = 0; i < COUNT_OF(both); i++)
        if (both[i]->database && hs_alloc_scratch(both[i]->database, &memory->scratch) != HS_SUCCESS)
            return false;
    memory->seen_count = MAX(memory->seen_count, prefilter->far.count);
    return true;
}

struct prefilter_memory *prefilter_memory_new(const struct ruleset *set, struct error *error)
{
    struct prefilter_memory *memory = calloc(1, sizeof *memory);
    bool done = memory != NULL;
    for (size_t i = 0; done && i < set->buffer_count; i++)
        for (unsigned d = 0; done && d < DIRECTIONS; d++)
            if (set->buffers[i]->prefilters[d])
                done = reserve_scratch(memory, set->buffers[i]->prefilters[d]);
    for (unsigned k = 0; done && k < COUNT_OF(set->payload); k++)
        for (unsigned d = 0; done && d < DIRECTIONS; d++)
            if (set->payload[k][d])
                done = reserve_scratch(memory, set->payload[k][d]);
    if (done)
        done = (memory->seen = calloc(memory->seen_count + 1, sizeof *memory->seen)) != NULL;
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
    free(memory->seen);
    free(memory);
}

struct scan {
    const struct literals *literals;
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
    const struct index_list *rules = &scan->literals->patterns[id].rules;
    scan->hit(scan->context, rules->items, rules->count);
    return 0;
}

static void literals_scan(const struct literals *literals, struct prefilter_memory *memory, struct bytes data,
                          prefilter_hit_fn hit, void *context)
{
    struct scan scan = { literals, hit, context };
    if (data.size && data.size <= UINT32_MAX && literals->database)
        (void)hs_scan(literals->database, (const char *)data.data, (unsigned)data.size, 0, memory->scratch,
                      on_match, &scan);
}

static void on_gram(void *context, size_t literal)
{
    (void)on_match((unsigned)literal, 0, 0, 0, context);
}

static void far_scan(const struct literals *literals, struct prefilter_memory *memory, struct bytes data,
                     prefilter_hit_fn hit, void *context)
{
    struct scan scan = { literals, hit, context };
    if (!literals->grams)
        return;
    if (++memory->turn == 0) {
        memset(memory->seen, 0, memory->seen_count * sizeof *memory->seen);
        memory->turn = 1;
    }
    grams_scan(literals->grams, data, memory->seen, memory->turn, on_gram, &scan);
}

void prefilter_scan(const struct prefilter *prefilter, struct prefilter_memory *memory, struct bytes data,
                    uint64_t offset, prefilter_hit_fn hit, void *context)
{
    if (offset < prefilter->head_size)
        literals_scan(&prefilter->head, memory, bytes_first(data, prefilter->head_size - (size_t)offset), hit,
                      context);
    literals_scan(&prefilter->anywhere, memory, data, hit, context);
    far_scan(&prefilter->far, memory, data, hit, context);
}
