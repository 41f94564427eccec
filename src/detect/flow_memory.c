/* SPDX-License-Identifier: Apache-2.0 */
/* What detection remembers of a flow: bits, integers and texts that rules keep of it, and how far its bytes
 * were looked at. */
#include <stdlib.h>

#include "detect/engine.h"
#include "detect/tags.h"

static void flow_memory_clear(struct detector *detector, struct flow_memory *state)
{
    while (state->values) {
        struct flow_values *next = state->values->next;
        pool_give(&detector->values, state->values);
        state->values = next;
    }
    while (state->texts) {
        struct flow_text *next = state->texts->next;
        free(state->texts);
        state->texts = next;
    }
    free(state->entropies);
    state->entropies = NULL;
}

void flow_entropy_keep(struct context *context, const char *name, double value)
{
    struct flow_memory *state = context_state(context);
    if (state && !state->entropies)
        state->entropies = calloc(1, sizeof *state->entropies);
    struct flow_entropies *all = state ? state->entropies : NULL;
    uint8_t at = 0;
    while (all && at < all->count && strcmp(all->items[at].name, name) != 0)
        at++;
    if (!all || at == FLOW_ENTROPIES_MAX)
        return;
    all->count = MAX(all->count, (uint8_t)(at + 1));
    all->items[at].name = name;
    all->items[at].value = value;
}

/* Takes the place of what had the name before. */
void flow_text_keep(struct context *context, const struct alert_note *note)
{
    struct flow_memory *state = context_state(context);
    struct flow_text *text = state ? malloc(sizeof *text + note->json.size + note->value.size) : NULL;
    size_t count = 0;
    if (!text)
        return;
    struct flow_text **place = &state->texts;
    while (*place && !bytes_equal((*place)->name, note->key)) {
        place = &(*place)->next;
        count++;
    }
    struct flow_text *old = *place;
    if (!old && count == FLOW_TEXTS_MAX) {
        free(text);
        return;
    }
    uint8_t *json = (uint8_t *)(text + 1), *value = json + note->json.size;
    *text = (struct flow_text){ .next = old ? old->next : NULL,
                                .name = note->key,
                                .json = bytes_of(json, note->json.size),
                                .value = bytes_of(value, note->value.size) };
    memcpy(json, note->json.data, note->json.size);
    if (note->value.size)
        memcpy(value, note->value.data, note->value.size);
    *place = text;
    free(old);
}

struct bytes flow_text_find(const struct context *context, struct bytes name)
{
    for (const struct flow_text *text = context->state ? context->state->texts : NULL; text;
         text = text->next)
        if (bytes_equal(text->name, name))
            return text->value;
    return BYTES_NONE;
}

struct flow_memory *context_state(struct context *context)
{
    struct detector *detector = context->detector;
    if (context->state || !context->flow)
        return context->state;
    struct flow_memory *state = context->flow->detect;
    if (!state) {
        state = pool_take(&detector->states);
        if (!state)
            return NULL;
        memset(state, 0, sizeof *state);
        state->generation = detector->generation;
        context->flow->detect = state;
    } else if (state->generation != detector->generation) {
        /* Bits are numbered by their set: a new one starts without them. Inspected bytes stay inspected. */
        flow_memory_clear(detector, state);
        *state = (struct flow_memory){ .generation = detector->generation,
                                       .pass = state->pass,
                                       .raw_offset = { state->raw_offset[0], state->raw_offset[1] },
                                       .tx_seen = { state->tx_seen[0], state->tx_seen[1] } };
    }
    return context->state = state;
}

struct flow_value *flow_value_find(const struct flow_memory *state, uint16_t id, bool is_int)
{
    for (struct flow_values *chunk = state->values; chunk; chunk = chunk->next)
        for (unsigned i = 0; i < chunk->count; i++)
            if (chunk->items[i].id == id && chunk->items[i].is_int == is_int)
                return &chunk->items[i];
    return NULL;
}

struct flow_value *flow_value_add(struct context *context, uint16_t id, bool is_int)
{
    struct flow_memory *state = context_state(context);
    if (!state)
        return NULL;
    state->values_version++;
    struct flow_value *value = flow_value_find(state, id, is_int);
    if (value)
        return value;
    struct flow_values *chunk = state->values;
    if (!chunk || chunk->count == FLOW_VALUES_PER_CHUNK) {
        chunk = pool_take(&context->detector->values);
        if (!chunk)
            return NULL;
        chunk->next = state->values;
        chunk->count = 0;
        state->values = chunk;
    }
    value = &chunk->items[chunk->count++];
    *value = (struct flow_value){ .id = id, .is_int = is_int };
    return value;
}

void flow_value_remove(struct flow_memory *state, uint16_t id, bool is_int)
{
    struct flow_value *value = state ? flow_value_find(state, id, is_int) : NULL;
    if (value)
        state->values_version++;
    if (value) /* the newest chunk's last one takes its place; an empty chunk stays for the next */
        *value = state->values->count ? state->values->items[state->values->count - 1] : *value;
    if (value && state->values->count)
        state->values->count--;
}

void detect_flow_free(struct detector *detector, struct flow *flow)
{
    struct flow_memory *state = flow->detect;
    if (!state)
        return;
    flow_memory_clear(detector, state);
    if (state->tagged && state->generation == detector->generation)
        tags_forget(detector->set->tags, flow);
    pool_give(&detector->states, state);
    flow->detect = NULL;
}

void detect_tx_free(struct detector *detector, struct tx *tx)
{
    (void)detector;
    tx->detect[TO_SERVER] = tx->detect[TO_CLIENT] = NULL; /* it lay in the transaction's memory */
}

uint64_t detect_stream_offset(const struct detector *detector, const struct flow *flow,
                              enum direction direction)
{
    const struct flow_memory *state = flow->detect;
    uint64_t frame_offset = UINT64_MAX;
    const struct session *session = flow->session;
    for (size_t i = 0; detector->set->wants.frames && session && i < session->frame_count[direction]; i++) {
        const struct frame *frame = &session->frames[direction][i];
        if (!frame->inspected)
            frame_offset = MIN(frame_offset, frame->offset + frame->judged);
    }
    if (!detector->set->raw_streams || (state && (state->pass || state->raw_done[direction])))
        return frame_offset;
    if (!state)
        return 0;
    /* Classes of the set before a reload are gone with it. */
    bool known = state->generation == detector->generation &&
                 state->class_generation == class_generation(detector->classes) && state->classes[direction];
    if (known && !state->classes[direction]->raw_stream)
        return frame_offset;
    return MIN(frame_offset, state->raw_offset[direction]);
}

const char *detect_flow_bit(const struct detector *detector, const struct flow *flow, size_t index,
                            bool *is_int, uint32_t *value)
{
    const struct flow_memory *state = flow->detect;
    if (!state || state->generation != detector->generation)
        return NULL;
    for (const struct flow_values *chunk = state->values; chunk; chunk = chunk->next) {
        if (index >= chunk->count) {
            index -= chunk->count;
            continue;
        }
        *is_int = chunk->items[index].is_int;
        *value = chunk->items[index].value;
        return detector->set->bit_names[chunk->items[index].id];
    }
    return NULL;
}

const char *detect_flow_entropy(const struct detector *detector, const struct flow *flow, size_t index,
                                double *value)
{
    const struct flow_memory *state = flow->detect;
    if (!state || state->generation != detector->generation || !state->entropies ||
        index >= state->entropies->count)
        return NULL;
    *value = state->entropies->items[index].value;
    return state->entropies->items[index].name;
}

bool detect_flow_text(const struct detector *detector, const struct flow *flow, size_t index,
                      struct bytes *name, struct bytes *json)
{
    const struct flow_memory *state = flow->detect;
    if (!state || state->generation != detector->generation)
        return false;
    const struct flow_text *text = state->texts;
    while (text && index--)
        text = text->next;
    if (!text)
        return false;
    *name = text->name;
    *json = text->json;
    return true;
}
