/* SPDX-License-Identifier: Apache-2.0 */
/* A glance at a packet that spares most rules without a prefilter: what they want of direction, sizes and one
 * byte at a fixed place. A gate may let a rule through in vain; it never keeps one out that could match.
 * Private to detect. */
#ifndef VONGLAU_DETECT_GATE_H
#define VONGLAU_DETECT_GATE_H

#include "detect/context.h"

enum {
    GATE_TO_SERVER = 1,
    GATE_TO_CLIENT = 2,
    GATE_ESTABLISHED = 4,
    GATE_NOT_ESTABLISHED = 8,
    GATE_DATA = 16,          /* payload, or reassembled bytes */
    GATE_PROTOCOL = 32,      /* the application protocol is known */
    GATE_PACKET = 64,        /* a packet from the wire */
    GATE_QUIET_SERVER = 128, /* the server sent little */
};

struct gate {
    uint32_t rule;
    uint16_t wants;              /* GATE_..., all of them */
    uint16_t size_min, size_max; /* payload, as dsize says */
    uint16_t at;                 /* (data[at] & mask) == byte, counted from the start of packet or stream */
    uint8_t byte, mask;
    uint8_t flags; /* of TCP, all of them */
    uint8_t unused;
};

/* What a rule's conditions and contents ask for. */
struct gate gate_of(const struct signature *signature);

/* What the packet at hand has. */
struct gate_view {
    uint16_t has;
    uint16_t size;
    uint8_t flags;
    struct bytes payload, raw;
    uint64_t raw_offset;
};

static inline bool gate_data_fits(const struct gate *gate, struct bytes data, uint64_t offset)
{
    return gate->at >= offset && gate->at - offset < data.size &&
           (data.data[gate->at - offset] & gate->mask) == gate->byte;
}

static inline bool gate_opens(const struct gate *gate, const struct gate_view *view)
{
    if ((gate->wants & ~view->has) || view->size < gate->size_min || view->size > gate->size_max ||
        (gate->flags & ~view->flags))
        return false;
    return !gate->mask || gate_data_fits(gate, view->payload, 0) ||
           gate_data_fits(gate, view->raw, view->raw_offset);
}

#endif
