/* SPDX-License-Identifier: Apache-2.0 */
/* All contents by buffer: patterns.json of --engine-analysis; see analysis.h. */
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "detect/analysis.h"
#include "detect/engine_places.h"
#include "detect/report.h"

#define LIST_MAX (1U << 30) /* bytes of the whole report */

/* One content in one buffer; the same in several rules is one. */
struct seen {
    char buffer[96];
    const struct item *item;
    uint64_t count, fast;
};

struct seen_list {
    struct seen *items;
    size_t count, capacity;
    bool failed;
};

/* How often engines look for what is in `use`: once for each, twice for raw bytes and headers' own sake. */
static uint64_t times_of(const struct rule_view *view, const struct buffer_use *use)
{
    const struct signature *s = view->signature;
    struct engine_place places[ENGINE_PLACES_MAX];
    uint64_t directions = (uint64_t)s->to_server + s->to_client;
    switch (use->buffer->kind) {
    case BUFFER_PAYLOAD:
        return s->kind == SIGNATURE_TX ? directions : 2;
    case BUFFER_PACKET:
        return 1;
    case BUFFER_FRAME:
        return directions;
    default:
        return engine_places(view, use, view_buffer_name(view->set, use->buffer), places);
    }
}

static struct seen *add(struct seen_list *all, const struct item *item)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? all->capacity * 2 : 1024;
        struct seen *items = realloc(all->items, capacity * sizeof *items);
        if (!items) {
            all->failed = true;
            return NULL;
        }
        all->items = items;
        all->capacity = capacity;
    }
    all->items[all->count] = (struct seen){ .item = item };
    return &all->items[all->count++];
}

static int compare_content(const struct item *a, const struct item *b)
{
    const struct content *x = &a->content, *y = &b->content;
    if (x->bytes.size != y->bytes.size)
        return x->bytes.size < y->bytes.size ? -1 : 1;
    int order = memcmp(x->bytes.data, y->bytes.data, x->bytes.size);
    if (order)
        return order;
    unsigned mine = (unsigned)x->nocase << 4 | (unsigned)a->negated << 3 | (unsigned)x->has_depth << 2 |
                    (unsigned)x->has_offset << 1 | x->ends;
    unsigned other = (unsigned)y->nocase << 4 | (unsigned)b->negated << 3 | (unsigned)y->has_depth << 2 |
                     (unsigned)y->has_offset << 1 | y->ends;
    return mine < other ? -1 : mine > other;
}

static int by_buffer(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int order = strcmp(x->buffer, y->buffer);
    return order ? order : compare_content(x->item, y->item);
}

static void collect(struct seen_list *all, const struct rule_view *view)
{
    for (size_t i = 0; i < view->use_count; i++) {
        const struct buffer_use *use = view->uses[i];
        uint64_t times = times_of(view, use);
        for (const struct item *item = use->items; item; item = item->next) {
            if (item->kind != ITEM_CONTENT || view_has_own_list(view, use))
                continue;
            struct seen *seen = add(all, item);
            if (!seen)
                return;
            struct text name = text_of(seen->buffer, sizeof seen->buffer);
            view_told_name(view, use->buffer, &name);
            seen->count = times;
            seen->fast = item == view->fast ? times : 0;
        }
    }
}

static void write_seen(struct text *out, const struct seen *seen)
{
    const struct content *content = &seen->item->content;
    json_open(out, NULL, '{');
    report_pattern(out, content->bytes);
    json_uint(out, "patlen", content->bytes.size);
    json_uint(out, "cnt", seen->count);
    json_uint(out, "mpm", seen->fast);
    json_open(out, "flags", '{');
    json_bool(out, "nocase", content->nocase);
    json_bool(out, "negated", seen->item->negated);
    json_bool(out, "depth", content->has_depth);
    json_bool(out, "offset", content->has_offset);
    json_bool(out, "endswith", content->ends);
    json_close(out, '}');
    json_close(out, '}');
}

/* Those that are alike are one line with their sums. */
static void write_list(struct text *out, const struct seen_list *all)
{
    json_open(out, NULL, '{');
    json_open(out, "buffers", '[');
    for (size_t i = 0; i < all->count;) {
        const char *buffer = all->items[i].buffer; /* stays where it is: nothing is added any more */
        json_open(out, NULL, '{');
        json_cstring(out, "name", buffer);
        json_open(out, "patterns", '[');
        while (i < all->count && strcmp(all->items[i].buffer, buffer) == 0) {
            struct seen sum = all->items[i++];
            for (; i < all->count && by_buffer(&all->items[i - 1], &all->items[i]) == 0; i++) {
                sum.count += all->items[i].count;
                sum.fast += all->items[i].fast;
            }
            write_seen(out, &sum);
        }
        json_close(out, ']');
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    json_end(out);
}

bool ruleset_count_patterns(const struct ruleset *set, FILE *out, struct error *error)
{
    struct seen_list all = { 0 };
    for (size_t i = 0; i < set->signature_count && !all.failed; i++) {
        const struct rule_view view = rule_view(set, set->signatures[i]);
        collect(&all, &view);
    }
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, by_buffer);
    struct text text = text_new(LIST_MAX);
    if (!all.failed)
        write_list(&text, &all);
    struct bytes bytes = text_bytes(&text);
    bool whole = !all.failed && !text.full;
    bool good = whole && fwrite(bytes.data, 1, bytes.size, out) == bytes.size && fputc('\n', out) != EOF;
    text_done(&text);
    free(all.items);
    if (!whole)
        return error_set(error, "the analysis of patterns: out of memory");
    return good || error_system(error, "cannot write the analysis of patterns");
}
