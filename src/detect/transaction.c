/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on transactions: as a transaction's parts become complete, prefilters name candidates, and candidates
 * are judged buffer by buffer until they match, fail, or the transaction ends. */
#include "detect/buffer.h"
#include "detect/engine.h"
#include "proto/file.h"

#define GROWN_MAX       12
#define GROWN_DONE      UINT32_MAX /* instead of an index: how many values are done with */
#define VALUES_MAX      1024       /* of one multiple buffer */
#define BUFFERS_TRACKED 256

/* A rule that may match a transaction. */
struct candidate {
    uint32_t rule;
    uint32_t matched; /* bit per use, in the rule's order */
    bool done;
    bool restless;         /* depends on more than the transaction: looked at with every packet */
    uint8_t seen_progress; /* with seen_offset */
    bool held_back;        /* by the flow's bits and integers, as of `held_version` */
    uint32_t held_version;
    uint64_t seen_offset; /* rules on a hook alone: bytes parsed when it last matched, plus 1; 0: never */
    const struct buffer_use *waits_on; /* the last one that found nothing yet in a growing body */
    uint64_t waits_mark;               /* and what it looked at (bodies_mark) */
    const struct item *missing;        /* a content of waits_on that the body does not have ... */
    uint64_t missing_to;               /* ... up to here */
    const struct item *raw_missing;    /* the same of the raw stream */
    uint64_t raw_missing_to;
};

/* How far a growing body was scanned. */
struct grown {
    uint16_t buffer;
    uint32_t index;
    uint64_t offset;
};

/* What detection remembers of one direction of a transaction; in the transaction's memory. */
struct tx_state {
    uint32_t generation;
    uint32_t count, capacity;
    struct candidate *candidates;
    uint64_t scanned[BUFFERS_TRACKED / 64]; /* buffers whose prefilter is through, by place in the list */
    struct grown grown[GROWN_MAX];
    uint8_t grown_count, events_seen;
    bool started;
    uint64_t mark;         /* what the transaction was like when last looked at (tx_mark) */
    uint32_t restless;     /* candidates that are */
    bool held_back;        /* some candidate is */
    uint32_t flow_version; /* of the flow's values when last looked at */
};

enum verdict { FAILS, WAITS, HOLDS };

struct inspection_of_tx {
    struct context *context;
    struct tx_state *state;
    const struct tx *tx;
    int protocol;
    enum direction direction;
    uint8_t progress;
    bool complete;   /* nothing more will come */
    bool over;       /* and what there is counts as finished */
    uint64_t offset; /* bytes of the direction that were parsed */
};

struct bytes buffer_transform(const struct buffer *buffer, struct bytes value, struct context *context)
{
    for (const struct transform *t = buffer->transforms; t; t = t->next)
        value = t->apply(t, value, context);
    return value;
}

/* ---- values of buffers, worked out once per transaction and packet ---- */

static bool one_value(const struct inspection_of_tx *in, const struct buffer *buffer, uint32_t index,
                      struct bytes *value, uint64_t *offset)
{
    const struct inspect *row = buffer->rows[in->protocol];
    struct window window;
    *offset = 0;
    if (row) {
        switch (row->kind) {
        case INSPECT_BYTES:
            if (index)
                return false;
            memcpy(value, in->tx->record + row->offset, sizeof *value);
            return value->data != NULL;
        case INSPECT_GET:
            return row->get(in->tx, in->direction, index, in->context->scratch, value) && value->data;
        case INSPECT_STREAM:
            if (!row->window(in->tx, in->direction, index, &window))
                return false;
            *value = window.data;
            *offset = window.offset;
            return true;
        default:
            return false;
        }
    }
    return false;
}

static const struct file *next_file(const struct inspection_of_tx *in, const struct file *file)
{
    while (file && file->direction != in->direction)
        file = file->next;
    return file;
}

static void cache_room(const struct inspection_of_tx *in, struct value_cache *cache, uint32_t count)
{
    cache->values = ARENA_ARRAY(in->context->scratch, struct bytes, count ? count : 1);
    cache->offsets = ARENA_ARRAY(in->context->scratch, uint64_t, count ? count : 1);
    cache->final = ARENA_ARRAY(in->context->scratch, bool, count ? count : 1);
    cache->count = cache->values && cache->offsets && cache->final ? count : 0;
}

static void file_values(const struct inspection_of_tx *in, const struct buffer *buffer,
                        struct value_cache *cache)
{
    uint32_t count = 0;
    const struct file *file = next_file(in, in->tx->files);
    for (; file && count < VALUES_MAX; file = next_file(in, file->next))
        count++;
    cache_room(in, cache, count);
    file = next_file(in, in->tx->files);
    for (uint32_t i = 0; i < cache->count; i++, file = next_file(in, file->next)) {
        struct bytes value = file->window.data;
        if (buffer->kind == BUFFER_FILE_NAME)
            value = file->name;
        else if (buffer->kind == BUFFER_FILE_MAGIC)
            value = file->magic;
        cache->values[i] = buffer_transform(buffer, value.data ? value : bytes_of("", 0), in->context);
        cache->offsets[i] = buffer->kind == BUFFER_FILE_DATA ? file->window.offset : 0;
        cache->final[i] = in->complete || file->state != FILE_OPEN ||
                          (buffer->kind == BUFFER_FILE_NAME && file->name.data);
    }
}

/* Values of a row of the protocol's. The first ones are fetched once. */
static void row_values(const struct inspection_of_tx *in, const struct buffer *buffer,
                       struct value_cache *cache)
{
    struct bytes values[64], more;
    uint64_t offsets[64], more_offset;
    uint32_t count = 0;
    while (count < COUNT_OF(values) && one_value(in, buffer, count, &values[count], &offsets[count])) {
        values[count] = buffer_transform(buffer, values[count], in->context);
        count++;
    }
    uint32_t total = count;
    while (count == COUNT_OF(values) && total < VALUES_MAX &&
           one_value(in, buffer, total, &more, &more_offset))
        total++;
    cache_room(in, cache, total);
    for (uint32_t i = 0; i < cache->count; i++) {
        if (i < count) {
            cache->values[i] = values[i];
            cache->offsets[i] = offsets[i];
        } else if (one_value(in, buffer, i, &cache->values[i], &cache->offsets[i])) {
            cache->values[i] = buffer_transform(buffer, cache->values[i], in->context);
        }
    }
    const struct inspect *row = buffer->rows[in->protocol];
    for (uint32_t i = 0; i < cache->count; i++) {
        struct window window;
        cache->final[i] = in->complete || row->kind != INSPECT_STREAM ||
                          (row->window(in->tx, in->direction, i, &window) && window.complete);
    }
}

static const struct value_cache *values_of(const struct inspection_of_tx *in, const struct buffer *buffer)
{
    struct detector *detector = in->context->detector;
    struct value_cache *cache = &detector->cache[buffer->index];
    if (cache->epoch == detector->epoch)
        return cache;
    if (buffer->rows[in->protocol])
        row_values(in, buffer, cache);
    else
        file_values(in, buffer, cache);
    cache->epoch = detector->epoch;
    return cache;
}

/* ---- one use ---- */

static bool is_growing(const struct inspection_of_tx *in, const struct buffer *buffer)
{
    const struct inspect *row = buffer->rows[in->protocol];
    return row ? row->kind == INSPECT_STREAM
               : buffer->kind >= BUFFER_FILES && buffer->kind <= BUFFER_FILE_MAGIC;
}

static bool number_holds(const struct buffer_use *use, uint64_t value)
{
    if (!use->ranges)
        return range_has(&use->range, value);
    for (const struct range_list *one = use->ranges; one; one = one->next)
        if (range_has(&one->range, value))
            return !use->negated;
    return use->negated;
}

static enum verdict judge_number(const struct inspection_of_tx *in, const struct buffer_use *use)
{
    const struct inspect *row = use->buffer->rows[in->protocol];
    uint64_t value;
    uint32_t count = 0;
    bool all = true, any = false;
    while (count < VALUES_MAX && row->number(in->tx, in->direction, count, &value)) {
        bool holds = number_holds(use, value);
        if (use->number_mode == 2 && use->number_index == (int32_t)count)
            return holds ? HOLDS : FAILS;
        all &= holds;
        any |= holds;
        count++;
    }
    if (use->number_mode == 2 && use->number_index < 0 && (int64_t)count + use->number_index >= 0 &&
        row->number(in->tx, in->direction, (uint32_t)((int64_t)count + use->number_index), &value))
        return number_holds(use, value) ? HOLDS : FAILS;
    if (use->number_mode == 2)
        return FAILS;
    return count && (use->number_mode == 1 ? all : any) ? HOLDS : FAILS;
}

/* A number that changes when a body grows or becomes final; never 0. */
static uint64_t bodies_mark(const struct value_cache *values)
{
    uint64_t mark = 1;
    for (uint32_t i = 0; i < values->count; i++)
        mark = mark * 0x9e3779b97f4a7c15 + 2 * (values->offsets[i] + values->values[i].size) +
               values->final[i];
    return mark ? mark : 1;
}

/* True when `missing`, which `data` (from offset `start` on) did not have up to *to, stands in what came
 * since, or when *to is not of this data; otherwise *to moves to the end. */
static bool is_new(const struct item *missing, uint64_t *to, uint64_t start, struct bytes data)
{
    uint64_t end = start + data.size, overlap = missing->content.bytes.size - 1;
    if (*to > end)
        return true;
    uint64_t from = *to > overlap ? MAX(*to - overlap, start) : start;
    if (item_stands(missing, bytes_from(data, (size_t)(from - start))))
        return true;
    *to = end;
    return false;
}

/* True when what the body lacked is not in its new part either. */
static bool still_missing(struct candidate *candidate, const struct buffer_use *use,
                          const struct value_cache *values)
{
    return candidate->waits_on == use && candidate->missing &&
           !is_new(candidate->missing, &candidate->missing_to, values->offsets[0], values->values[0]);
}

static enum verdict judge_values(const struct inspection_of_tx *in, const struct buffer_use *use,
                                 struct candidate *candidate)
{
    const struct value_cache *values = values_of(in, use->buffer);
    bool growing = is_growing(in, use->buffer), open = growing && !in->complete;
    /* Nothing new since it was last searched in vain. */
    uint64_t mark = open ? bodies_mark(values) : 0;
    if (open && candidate->waits_on == use && candidate->waits_mark == mark)
        return WAITS;
    bool one_body = open && values->count == 1 && !use->buffer->transforms;
    if (one_body && still_missing(candidate, use, values)) {
        candidate->waits_mark = mark;
        return use->buffer->kind == BUFFER_TX && values->final[0] ? FAILS : WAITS;
    }
    if (use->absent || use->absent_or_else) {
        if (values->count == 0)
            return open ? WAITS : HOLDS;
        if (use->absent)
            return FAILS;
    }
    bool searched = false;
    for (uint32_t i = 0; i < values->count; i++) {
        if (growing && use->at_end && !values->final[i])
            continue;
        searched = true;
        if (match_items(use->items, values->values[i], values->offsets[i], in->context))
            return HOLDS;
    }
    if (open) {
        /* A finished single body cannot match any more. */
        if (values->count == 1 && use->buffer->kind == BUFFER_TX && values->final[0])
            return FAILS;
        candidate->waits_on = use;
        candidate->waits_mark = mark;
        candidate->missing = one_body && searched ? in->context->missing : NULL;
        candidate->missing_to = one_body ? values->offsets[0] + values->values[0].size : 0;
        return WAITS;
    }
    return FAILS;
}

static enum verdict judge_files(const struct inspection_of_tx *in, const struct buffer_use *use)
{
    for (struct file *file = in->tx->files; file; file = file->next) {
        if (file->direction != in->direction)
            continue;
        bool all = true;
        for (const struct file_check *check = use->file_checks; check && all; check = check->next)
            all = (!check->at_end || file->state != FILE_OPEN) && check->test(check, file, in->context);
        if (all) {
            in->context->file = file;
            return HOLDS;
        }
    }
    return in->complete ? FAILS : WAITS;
}

static enum verdict judge_event(const struct inspection_of_tx *in, const struct buffer_use *use)
{
    for (unsigned i = 0; i < in->tx->event_count; i++)
        if (in->tx->events[i] == use->event)
            return HOLDS;
    return in->complete ? FAILS : WAITS;
}

static enum verdict judge_progress(const struct inspection_of_tx *in, const struct buffer_use *use)
{
    uint8_t complete = protocol_complete(in->context->set->protocols[in->protocol], in->direction);
    uint8_t wanted = use->progress == PROGRESS_COMPLETE ? complete : use->progress;
    uint8_t have = in->over ? complete : in->progress;
    struct range range = { use->range.comparison, wanted, 0 };
    if (range_has(&range, have))
        return HOLDS;
    return in->complete || range.comparison == IS_LESS ? FAILS : WAITS;
}

/* Raw bytes beside a transaction: all that the stream still holds; what it lacked is looked for in new bytes
 * only. */
static enum verdict judge_payload(const struct inspection_of_tx *in, const struct signature *s,
                                  const struct buffer_use *use, struct candidate *candidate)
{
    struct context *context = in->context;
    const struct stream *stream = context->in->streams[context->direction];
    enum verdict not_here = in->complete ? FAILS : WAITS;
    if (!stream || use->buffer->transforms)
        return payload_matches(context, s, use) ? HOLDS : not_here;
    uint64_t start = stream_start(stream);
    struct bytes held = stream_held(stream, start);
    if (candidate->raw_missing && !is_new(candidate->raw_missing, &candidate->raw_missing_to, start, held))
        return not_here;
    if (match_items(use->items, held, start, context))
        return HOLDS;
    candidate->raw_missing = context->missing;
    candidate->raw_missing_to = start + held.size;
    return not_here;
}

static enum verdict judge_use(struct inspection_of_tx *in, const struct signature *s,
                              const struct buffer_use *use, struct candidate *candidate)
{
    const struct buffer *buffer = use->buffer;
    struct bytes header;
    switch (buffer->kind) {
    case BUFFER_PAYLOAD:
        return judge_payload(in, s, use, candidate);
    case BUFFER_PACKET:
        return buffer->get_packet(in->context->packet, &header) &&
                       match_items(use->items, buffer_transform(buffer, header, in->context), 0, in->context)
                   ? HOLDS
                   : FAILS;
    case BUFFER_FILES:
        return judge_files(in, use);
    case BUFFER_EVENT:
        return judge_event(in, use);
    case BUFFER_TEST:
        return use->test(use, in->tx, in->direction) ? HOLDS : in->complete ? FAILS : WAITS;
    case BUFFER_HOOK:
        return judge_progress(in, use);
    default:
        break;
    }
    const struct inspect *row = buffer->rows[in->protocol];
    if (row && !(row->directions >> in->direction & 1))
        return FAILS;
    bool early = row && row->kind != INSPECT_STREAM && in->progress < row->progress[in->direction] &&
                 !in->over;
    if (early && row->early && !use->absent && !use->absent_or_else)
        return judge_values(in, use, candidate) == HOLDS ? HOLDS : WAITS;
    if (early)
        return WAITS;
    if (row && row->kind == INSPECT_NUMBER)
        return judge_number(in, use);
    return judge_values(in, use, candidate);
}

/* ---- candidates ---- */

/* Zeroed memory that lives as long as the transaction. A record that fills its own memory, however small that
 * is, takes no rule away: what does not fit there goes beside it. */
static void *state_memory(struct tx *tx, size_t size)
{
    void *memory = arena_new(&tx->memory, size, 16);
    return memory ? memory : arena_new(&tx->spare, size, 16);
}

static void add_candidate(struct inspection_of_tx *in, uint32_t rule)
{
    struct tx_state *state = in->state;
    const struct signature *s = in->context->set->signatures[rule];
    if (!class_allows(in->context->class, s->header) || !(s->protocols >> in->protocol & 1))
        return;
    /* Kept in evaluation order. */
    uint32_t at = 0;
    for (uint32_t end = state->count; at < end;) {
        uint32_t middle = at + (end - at) / 2;
        if (state->candidates[middle].rule < rule)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < state->count && state->candidates[at].rule == rule)
        return;
    if (state->count == state->capacity) {
        uint32_t capacity = state->capacity ? state->capacity * 2 : 8;
        struct tx *tx = (struct tx *)(uintptr_t)in->tx;
        struct candidate *more = state_memory(tx, capacity * sizeof *more);
        if (!more)
            return;
        if (state->count)
            memcpy(more, state->candidates, state->count * sizeof *more);
        state->candidates = more;
        state->capacity = capacity;
    }
    memmove(state->candidates + at + 1, state->candidates + at,
            (state->count++ - at) * sizeof *state->candidates);
    state->candidates[at] = (struct candidate){ .rule = rule };
}

static void on_hit(void *context, const uint32_t *rules, size_t count)
{
    struct inspection_of_tx *in = context;
    for (size_t i = 0; i < count; i++)
        add_candidate(in, rules[i]);
}

/* Where the scan of a growing body goes on; NULL when too many are open. */
static struct grown *grown_of(struct tx_state *state, uint16_t buffer, uint32_t index)
{
    for (unsigned i = 0; i < state->grown_count; i++)
        if (state->grown[i].buffer == buffer && state->grown[i].index == index)
            return &state->grown[i];
    if (state->grown_count == GROWN_MAX)
        return NULL;
    state->grown[state->grown_count] = (struct grown){ buffer, index, 0 };
    return &state->grown[state->grown_count++];
}

/* Its place is free for another body. */
static void grown_forget(struct tx_state *state, uint16_t buffer, uint32_t index)
{
    for (unsigned i = 0; i < state->grown_count; i++)
        if (state->grown[i].buffer == buffer && state->grown[i].index == index) {
            state->grown[i] = state->grown[--state->grown_count];
            return;
        }
}

/* Scans what is new of one body, with an overlap of the longest pattern. */
static void scan_body(struct inspection_of_tx *in, const struct prefilter *prefilter, struct grown *grown,
                      struct bytes data, uint64_t start)
{
    uint64_t end = start + data.size;
    if (grown) {
        if (end <= grown->offset)
            return;
        uint64_t overlap = prefilter_reach(prefilter) - 1;
        uint64_t from = grown->offset > overlap ? grown->offset - overlap : 0;
        if (from > start) {
            data = bytes_from(data, (size_t)(from - start));
            start = from;
        }
        grown->offset = end;
    }
    prefilter_scan(prefilter, in->context->detector->prefilter, data, start, on_hit, in);
}

/* Of many bodies (files) those before the first one that can still change are through. They are counted from
 * the first one that there ever was. */
static void scan_growing(struct inspection_of_tx *in, const struct buffer *buffer,
                         const struct prefilter *prefilter)
{
    const struct value_cache *values = values_of(in, buffer);
    struct tx_state *state = in->state;
    uint32_t gone = buffer->rows[in->protocol] ? 0 : in->tx->files_gone[in->direction];
    bool many = gone + values->count > 1;
    struct grown *done = many ? grown_of(state, buffer->index, GROWN_DONE) : NULL;
    uint32_t through = done ? (uint32_t)MAX(done->offset, (uint64_t)gone) : gone;
    for (uint32_t i = through - gone; i < values->count; i++) {
        struct grown *grown = buffer->transforms ? NULL : grown_of(state, buffer->index, gone + i);
        scan_body(in, prefilter, grown, values->values[i], values->offsets[i]);
        if (many && through == gone + i && values->final[i]) {
            through++;
            grown_forget(state, buffer->index, gone + i);
        }
    }
    done = many ? grown_of(state, buffer->index, GROWN_DONE) : NULL;
    if (done)
        done->offset = through;
}

static void run_prefilters(struct inspection_of_tx *in)
{
    const struct ruleset *set = in->context->set;
    const struct index_list *list = &set->tx_buffers[in->protocol][in->direction];
    for (size_t i = 0; i < list->count; i++) {
        const struct buffer *buffer = set->buffers[list->items[i]];
        const struct prefilter *prefilter = buffer->prefilters[in->direction];
        const struct inspect *row = buffer->rows[in->protocol];
        if (is_growing(in, buffer)) {
            scan_growing(in, buffer, prefilter);
            continue;
        }
        bool tracked = i < BUFFERS_TRACKED;
        if (tracked && in->state->scanned[i / 64] >> (i % 64) & 1)
            continue;
        bool early = row && in->progress < row->progress[in->direction] && !in->over;
        if (early && !row->early)
            continue;
        if (tracked && !early)
            in->state->scanned[i / 64] |= (uint64_t)1 << i % 64;
        const struct value_cache *values = values_of(in, buffer);
        for (uint32_t k = 0; k < values->count; k++)
            prefilter_scan(prefilter, in->context->detector->prefilter, values->values[k], 0, on_hit, in);
    }
}

static void add_event_rules(struct inspection_of_tx *in)
{
    const struct ruleset *set = in->context->set;
    const struct index_list *list = &set->tx_events[in->protocol][in->direction];
    if (in->state->events_seen == in->tx->event_count)
        return;
    in->state->events_seen = in->tx->event_count;
    for (size_t i = 0; i < list->count; i++) {
        const struct signature *s = set->signatures[list->items[i]];
        for (const struct buffer_use *use = s->uses; use; use = use->next)
            if (use->buffer->kind == BUFFER_EVENT && judge_event(in, use) == HOLDS)
                add_candidate(in, list->items[i]);
    }
}

/* The first condition that does not hold, or NULL. */
static const struct check *failing_check(struct context *context, const struct signature *s)
{
    const struct check *check = s->checks;
    while (check && check->test(check, context))
        check = check->next;
    return check;
}

/* Which side of a => rule a use is about: the one it names, or the only one its buffer has. */
static enum direction side_of(const struct inspection_of_tx *in, const struct buffer_use *use)
{
    if (use->side)
        return use->side - 1;
    if (use->buffer->kind == BUFFER_HOOK)
        return use->direction;
    const struct inspect *row = use->buffer->rows[in->protocol];
    uint8_t directions = row ? row->directions : use->buffer->directions;
    if (directions == 1 << TO_SERVER)
        return TO_SERVER;
    return directions == 1 << TO_CLIENT ? TO_CLIENT : in->direction;
}

/* The same rule's record of the other direction, unless it failed there. */
static struct candidate *other_side(const struct inspection_of_tx *in, uint32_t rule)
{
    struct tx_state *state = in->tx->detect[!in->direction];
    for (uint32_t i = 0; state && i < state->count; i++)
        if (state->candidates[i].rule == rule)
            return &state->candidates[i];
    return NULL;
}

/* A rule on a hook alone says nothing of a side that has not spoken yet, in all or, where that can be told,
 * in this transaction. */
static bool is_unheard(const struct inspection_of_tx *in, const struct signature *s)
{
    const struct session *session = in->context->in->session;
    if (!s->uses || s->uses->buffer->kind != BUFFER_HOOK || s->uses->next)
        return false;
    if (in->complete || in->tx->directed || session->transport != TRANSPORT_TCP ||
        session->scanned[in->direction])
        return false;
    bool has_states = protocol_complete(in->tx->protocol, in->direction) > 1;
    bool later = in->direction == TO_CLIENT && in->tx->number > 0 && has_states;
    return in->offset == 0 || (in->progress == 0 && later);
}

static void judge_candidate(struct inspection_of_tx *in, struct candidate *candidate)
{
    struct context *context = in->context;
    const struct signature *s = context->set->signatures[candidate->rule];
    context->signature = s;
    context->file = NULL;
    context->notes = NULL;
    context->on_stream = false;
    candidate->restless = true;
    /* What lasts as long as the connection is about both sides. */
    bool either = context->in->parsed && in->tx->protocol->one_tx;
    if (candidate->seen_offset == in->offset + 1 && candidate->seen_progress == in->progress && !either)
        return; /* nothing was parsed since */
    if (is_unheard(in, s)) {
        candidate->done = in->complete;
        return;
    }
    if (!signature_applies(context, s)) {
        candidate->done = in->complete;
        return;
    }
    /* Flow bits and the like cost less than any search. */
    const struct check *failing = failing_check(context, s);
    if (failing) {
        candidate->done = in->complete;
        candidate->held_back = failing->subject == CHECK_FLOW_VALUES;
        candidate->held_version = context->state ? context->state->values_version : 0;
        candidate->restless = !candidate->held_back;
        return;
    }
    candidate->held_back = false;
    candidate->restless = s->both_ways;
    unsigned place = 0;
    bool waits = false;
    struct candidate *other = s->both_ways ? other_side(in, candidate->rule) : NULL;
    for (const struct buffer_use *use = s->uses; use; use = use->next, place++) {
        if (place < 32 && candidate->matched >> place & 1 && use->buffer->kind != BUFFER_FILES &&
            !use->brings_notes)
            continue;
        if (s->both_ways && side_of(in, use) != in->direction) {
            if (!other || place >= 32 || !(other->matched >> place & 1))
                waits = true;
            continue;
        }
        switch (judge_use(in, s, use, candidate)) {
        case FAILS:
            candidate->done = true;
            return;
        case WAITS:
            waits = true;
            candidate->restless |= use->buffer->kind == BUFFER_PAYLOAD || use->buffer->kind == BUFFER_PACKET;
            break;
        default:
            if (place < 32)
                candidate->matched |= 1U << place;
        }
    }
    if (waits)
        return;
    /* A rule on a hook alone matches as often as the transaction is seen there. */
    const struct buffer_use *only = s->uses;
    candidate->seen_offset = in->offset + 1;
    candidate->seen_progress = in->progress;
    candidate->restless = true;
    candidate->done = in->complete || !only || only->next || only->buffer->kind != BUFFER_HOOK ||
                      in->progress != only->progress;
    if (other)
        other->done = true;
    signature_matched(context, s);
}

static struct tx_state *state_of(const struct context *context, struct tx *tx, enum direction direction)
{
    struct tx_state *state = tx->detect[direction];
    if (!state) {
        state = state_memory(tx, sizeof *state);
        tx->detect[direction] = state;
        if (state)
            state->generation = context->detector->generation;
    } else if (state->generation != context->detector->generation) {
        *state = (struct tx_state){ .generation = context->detector->generation };
    }
    return state;
}

static uint64_t mix(uint64_t mark, uint64_t value)
{
    return (mark ^ value) * 0x9e3779b97f4a7c15 + 1;
}

static uint64_t mark_window(uint64_t mark, const struct window *window)
{
    return mix(mark, 2 * (window->offset + window->data.size) + window->complete);
}

/* A number that changes when the transaction does: nothing new to match while it stays. Never 0. */
static uint64_t tx_mark(const struct inspection_of_tx *in)
{
    const struct protocol *protocol = in->context->set->protocols[in->protocol];
    const struct index_list *bodies = &in->context->set->tx_bodies[in->protocol][in->direction];
    uint64_t mark = mix(1, (uint64_t)in->progress << 9 | (uint64_t)in->tx->event_count << 1 | in->complete);
    if (protocol->changes)
        mark = mix(mark, protocol->changes(in->tx));
    else if (!protocol->steady)
        mark = mix(mark, in->offset);
    for (const struct file *file = in->tx->files; file; file = file->next) {
        mark = mix(mark, (uint64_t)file->state << 1 | (file->name.data != NULL));
        mark = mark_window(mark, &file->window);
    }
    for (size_t i = 0; i < bodies->count; i++) {
        const struct inspect *row = in->context->set->buffers[bodies->items[i]]->rows[in->protocol];
        struct window window;
        if (row->window(in->tx, in->direction, 0, &window))
            mark = mark_window(mark, &window);
    }
    return mark ? mark : 1;
}

static bool values_changed(const struct context *context, const struct tx_state *state)
{
    return context->state && context->state->values_version != state->flow_version;
}

/* Judges the candidates that may have changed their minds: all of them when the transaction `changed`. */
static void judge_candidates(struct inspection_of_tx *in, bool changed)
{
    struct tx_state *state = in->state;
    struct detector *detector = in->context->detector;
    const struct flow_memory *flow = in->context->state;
    state->restless = 0;
    state->held_back = false;
    state->flow_version = flow ? flow->values_version : 0;
    for (uint32_t i = 0; i < state->count; i++) {
        struct candidate *candidate = &state->candidates[i];
        if (candidate->done || rule_rests(detector, candidate->rule))
            continue;
        bool freed = candidate->held_back && flow && flow->values_version != candidate->held_version;
        if (changed || candidate->restless || freed) {
            uint64_t begin = cost_begin(detector);
            judge_candidate(in, candidate);
            cost_end(detector, candidate->rule, begin);
        }
        state->restless += !candidate->done && candidate->restless;
        state->held_back |= !candidate->done && candidate->held_back;
    }
}

static void inspect_one(struct context *context, struct tx *tx)
{
    struct session *session = context->in->session;
    enum direction direction = context->direction;
    struct inspection_of_tx in = { .context = context, .tx = tx, .direction = direction };
    in.protocol = set_protocol_index(context->set, tx->protocol);
    in.complete = context->in->flow_ends || tx_complete(session, tx, direction);
    if (in.protocol < 0 || !(context->set->tx_protocols[direction] >> in.protocol & 1) ||
        (tx->directed && tx->direction != direction) || tx->no_inspect) {
        tx->inspected[direction] = in.complete;
        return;
    }
    /* A side that said nothing has begun nothing that could end with the connection. */
    bool silent = session_silent(session, direction) && !tx->carrier;
    in.over = in.complete && !silent;
    in.progress = silent ? tx->progress[direction] : tx_progress(session, tx, direction);
    in.offset = session->offset[direction];
    in.state = state_of(context, tx, direction);
    if (!in.state) {
        tx->inspected[direction] = in.complete;
        return;
    }
    context->tx = tx;
    context->detector->epoch++;
    if (!in.state->started) {
        in.state->started = true;
        const struct index_list *always = &context->set->tx_always[in.protocol][direction];
        for (size_t i = 0; i < always->count; i++)
            add_candidate(&in, always->items[i]);
    }
    uint64_t mark = tx_mark(&in);
    bool changed = in.complete || mark != in.state->mark;
    if (changed) {
        run_prefilters(&in);
        add_event_rules(&in);
    }
    if (changed || in.state->restless || (in.state->held_back && values_changed(context, in.state)))
        judge_candidates(&in, changed);
    in.state->mark = mark;
    context->tx = NULL;
    if (in.complete)
        tx->inspected[direction] = true;
}

void transactions_inspect(struct context *context)
{
    struct session *session = context->in->session;
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (!tx->inspected[context->direction])
            inspect_one(context, tx);
}
