/* SPDX-License-Identifier: Apache-2.0 */
/* A page: names, each ended by a zero octet; as they are (size 0) or as one zstd frame of `size` octets of
 * them. */
#include "store/event_names.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/reader.h"

#define CACHE_MAX 200000U
#define NAME_ROOM 1024U
#define PAGE_MAX  (16U << 20)
#define PACK_MIN  128U /* octets worth compressing */
#define LEVEL     1

struct names {
    struct database *database;
    ZSTD_CCtx *compressor;
    struct map numbers; /* a cache: full, it starts anew, and names get further numbers */
    struct text fresh, packed;
    uint32_t last, written; /* numbers given; of them in the database */
};

/* ---- reading ---- */

static bool has_pages(struct database *d)
{
    return database_number(d, "PRAGMA user_version", "") >= 2;
}

uint32_t names_count(struct database *d)
{
    return (uint32_t)database_number(d,
                                     has_pages(d)
                                         ? "SELECT coalesce(max(first + count), 1) - 1 FROM name_page"
                                         : "SELECT coalesce(max(id), 0) FROM host",
                                     "");
}

/* What is wanted of each page. */
struct walk {
    struct bytes part; /* absent: every name */
    bool whole;
    names_fn call;
    void *context;
};

static bool each_of_page(struct bytes page, uint32_t number, const struct walk *walk)
{
    while (page.size) {
        struct bytes name = bytes_cut(&page, '\0');
        if (!walk->call(walk->context, number++, name))
            return false;
    }
    return true;
}

/* Searches the page as one text; names are counted up to where it is found only. */
static bool find_in_page(struct bytes page, uint32_t number, const struct walk *walk)
{
    for (size_t at; (at = bytes_find_nocase(page, walk->part)) != SIZE_MAX;) {
        struct bytes name = bytes_cut(&page, '\0');
        for (; at > name.size; at -= name.size + 1, name = bytes_cut(&page, '\0'))
            number++;
        if ((!walk->whole || name.size == walk->part.size) && !walk->call(walk->context, number, name))
            return false;
        number++;
    }
    return true;
}

static bool one_name(struct bytes name, uint32_t number, const struct walk *walk)
{
    if (walk->part.size && (walk->whole ? !bytes_equal_nocase(name, walk->part)
                                        : bytes_find_nocase(name, walk->part) == SIZE_MAX))
        return true;
    return walk->call(walk->context, number, name);
}

/* The page's text, borrowed from the row or in `memory`, which grows. */
static bool expand(ZSTD_DCtx *expander, struct bytes data, uint64_t size, struct text *memory,
                   struct bytes *page)
{
    text_clear(memory);
    *page = data;
    if (!size)
        return true;
    if (size > PAGE_MAX || !text_reserve(memory, (size_t)size))
        return false;
    *page = bytes_of(memory->data, (size_t)size);
    return ZSTD_decompressDCtx(expander, memory->data, (size_t)size, data.data, data.size) == size;
}

static bool walk_pages(struct database *d, ZSTD_DCtx *expander, const struct walk *walk, struct error *error)
{
    struct text memory = text_new(PAGE_MAX);
    bool pages = has_pages(d), good = true, more = true;
    struct statement *s = database_query(
        d, pages ? "SELECT first, size, names FROM name_page ORDER BY first" : "SELECT id, 0, name FROM host",
        "");
    while (good && more && statement_next(s)) {
        uint32_t first = (uint32_t)statement_int(s, 0);
        struct bytes page;
        good = expand(expander, statement_bytes(s, 2), (uint64_t)statement_int(s, 1), &memory, &page);
        if (good)
            more = !pages            ? one_name(page, first, walk)
                   : walk->part.size ? find_in_page(page, first, walk)
                                     : each_of_page(page, first, walk);
    }
    statement_done(s);
    text_done(&memory);
    return good ? database_ok(d, error) : error_set(error, "events: a damaged page of names");
}

bool names_each(struct database *d, ZSTD_DCtx *expander, names_fn call, void *context, struct error *error)
{
    const struct walk walk = { BYTES_NONE, false, call, context };
    return walk_pages(d, expander, &walk, error);
}

bool names_find(struct database *d, ZSTD_DCtx *expander, struct bytes part, bool whole, names_fn call,
                void *context, struct error *error)
{
    const struct walk walk = { part, whole, call, context };
    return part.size == 0 || bytes_find_byte(part, '\0') != SIZE_MAX || walk_pages(d, expander, &walk, error);
}

/* ---- writing ---- */

static bool remember(void *context, uint32_t number, struct bytes name)
{
    struct names *names = context;
    bool added;
    uintptr_t *place = map_add(&names->numbers, name, &added);
    if (place)
        *place = number;
    return place != NULL;
}

struct names *names_open(struct database *database, struct error *error)
{
    struct names *names = calloc(1, sizeof *names);
    ZSTD_DCtx *expander = ZSTD_createDCtx();
    bool ok = names && expander;
    if (names) {
        names->database = database;
        names->compressor = ZSTD_createCCtx();
        names->numbers = map_of(clock_steady(), CACHE_MAX);
        names->fresh = text_new(PAGE_MAX);
        names->packed = text_new(2 * PAGE_MAX);
        ok = ok && names->compressor;
    }
    if (!ok)
        error_set(error, "events: out of memory");
    else
        names->last = names->written = names_count(database);
    ok = ok && names_each(database, expander, remember, names, error);
    ZSTD_freeDCtx(expander);
    if (ok)
        return names;
    names_close(names);
    return NULL;
}

void names_close(struct names *names)
{
    if (!names)
        return;
    ZSTD_freeCCtx(names->compressor);
    map_done(&names->numbers);
    text_done(&names->fresh);
    text_done(&names->packed);
    free(names);
}

uint32_t names_number(struct names *names, struct bytes name)
{
    if (!name.size || name.size > NAME_ROOM)
        return 0; /* found by the body only */
    uintptr_t *known = map_find(&names->numbers, name);
    if (known)
        return (uint32_t)*known;
    if (!bytes_is_utf8(name) || bytes_find_byte(name, '\0') != SIZE_MAX || names->last == UINT32_MAX ||
        !text_reserve(&names->fresh, name.size + 1))
        return 0;
    text_put(&names->fresh, name);
    text_char(&names->fresh, '\0');
    names->last++;
    if (!remember(names, names->last, name)) {
        map_done(&names->numbers);
        (void)remember(names, names->last, name);
    }
    return names->last;
}

bool names_flush(struct names *names, struct error *error)
{
    struct bytes page = text_bytes(&names->fresh);
    size_t bound = ZSTD_compressBound(page.size);
    uint64_t size = 0;
    if (names->last == names->written)
        return true;
    text_clear(&names->packed);
    if (page.size >= PACK_MIN && text_reserve(&names->packed, bound)) {
        size_t packed = ZSTD_compressCCtx(names->compressor, names->packed.data, bound, page.data, page.size,
                                          LEVEL);
        if (!ZSTD_isError(packed) && packed < page.size) {
            size = page.size;
            page = bytes_of(names->packed.data, packed);
        }
    }
    database_run(names->database, "INSERT INTO name_page(first, count, size, names) VALUES(?,?,?,?)", "uuux",
                 (uint64_t)names->written + 1, (uint64_t)(names->last - names->written), size, page);
    text_clear(&names->fresh);
    names->written = names->last;
    struct error failure = { "" };
    return database_ok(names->database, &failure) || error_copy(error, &failure);
}

void names_forget(struct names *names)
{
    map_done(&names->numbers);
    text_clear(&names->fresh);
    names->last = names->written = names_count(names->database);
}

struct migration_walk {
    struct names *names;
    struct error *error;
    bool ok;
};

static bool move_name(void *context, uint32_t number, struct bytes name)
{
    struct migration_walk *walk = context;
    struct names *names = walk->names;
    (void)number;
    text_put(&names->fresh, name);
    text_char(&names->fresh, '\0');
    names->last++;
    if (names->last % 4096 == 0)
        walk->ok = names_flush(names, walk->error);
    return walk->ok;
}

bool names_migrate(struct database *database, const void *context, struct error *error)
{
    (void)context;
    if (!database_number(database, "SELECT 1 FROM sqlite_master WHERE name = 'host'", ""))
        return true;
    struct names names = { .database = database, .compressor = ZSTD_createCCtx() };
    ZSTD_DCtx *expander = ZSTD_createDCtx();
    names.fresh = text_new(PAGE_MAX);
    names.packed = text_new(2 * PAGE_MAX);
    struct migration_walk walk = { &names, error, names.compressor && expander };
    bool ok = walk.ok || error_set(error, "events: out of memory");
    ok = ok && database_script(database, NAMES_SCHEMA, error) &&
         names_each(database, expander, move_name, &walk, error) && walk.ok && names_flush(&names, error) &&
         database_script(database, "DROP TABLE host_text; DROP TABLE host", error);
    ZSTD_freeDCtx(expander);
    ZSTD_freeCCtx(names.compressor);
    text_done(&names.fresh);
    text_done(&names.packed);
    return ok;
}
