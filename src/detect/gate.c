/* SPDX-License-Identifier: Apache-2.0 */
/* Gates of rules; see gate.h. */
#include "detect/gate.h"

static void bound_size(struct gate *gate, const struct range *range)
{
    uint64_t low = 0, high = UINT16_MAX;
    switch (range->comparison) {
    case IS_EQUAL:
        low = high = range->a;
        break;
    case IS_NOT:
        low = 1;
        break;
    case IS_LESS:
    case IS_AT_MOST:
        high = range->a;
        break;
    case IS_MORE:
    case IS_AT_LEAST:
        low = range->a;
        break;
    case IS_BETWEEN:
    case IS_WITHIN:
        low = range->a;
        high = range->b;
        break;
    default:
        break;
    }
    low = MIN(low, (uint64_t)UINT16_MAX);
    high = MIN(high, (uint64_t)UINT16_MAX);
    if (low > gate->size_min)
        gate->size_min = (uint16_t)low;
    if (high < gate->size_max)
        gate->size_max = (uint16_t)high;
}

/* A content that can stand at one place only. */
static bool is_fixed(const struct content *content)
{
    bool variable = content->offset.variable != NO_VARIABLE || content->depth.variable != NO_VARIABLE;
    return !content->has_distance && !content->has_within && !variable && content->has_depth &&
           content->depth.value == (int64_t)content->bytes.size && content->offset.value >= 0 &&
           content->offset.value < UINT16_MAX;
}

static void take_content(struct gate *gate, const struct content *content)
{
    gate->wants |= GATE_DATA;
    if (gate->mask || !is_fixed(content))
        return;
    uint8_t byte = content->bytes.data[0];
    bool letter = byte_lower(byte) >= 'a' && byte_lower(byte) <= 'z';
    gate->at = (uint16_t)(content->has_offset ? content->offset.value : 0);
    gate->mask = content->nocase && letter ? 0xDF : 0xFF;
    gate->byte = byte & gate->mask;
}

struct gate gate_of(const struct signature *s)
{
    struct gate gate = { .rule = s->index, .size_max = UINT16_MAX };
    if (!s->to_client)
        gate.wants |= GATE_TO_SERVER;
    if (!s->to_server)
        gate.wants |= GATE_TO_CLIENT;
    if (s->established)
        gate.wants |= GATE_ESTABLISHED;
    if (s->not_established)
        gate.wants |= GATE_NOT_ESTABLISHED;
    if (s->protocols)
        gate.wants |= GATE_PROTOCOL;
    if (!s->needs_stream)
        gate.wants |= GATE_PACKET;
    for (const struct check *check = s->checks; check; check = check->next) {
        if (check->negated)
            continue;
        if (check->subject == CHECK_PAYLOAD_SIZE)
            bound_size(&gate, &check->range);
        else if (check->subject == CHECK_QUIET_SERVER)
            gate.wants |= GATE_QUIET_SERVER;
        else if (check->subject == CHECK_TCP_FLAGS_ALL)
            gate.flags |= (uint8_t)(check->a & ~check->b);
    }
    for (const struct buffer_use *use = s->uses; use; use = use->next)
        for (const struct item *item = use->items; item; item = item->next)
            if (use->buffer->kind == BUFFER_PAYLOAD && !use->buffer->transforms &&
                item->kind == ITEM_CONTENT && !item->negated)
                take_content(&gate, &item->content);
    return gate;
}
