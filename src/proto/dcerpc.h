/* SPDX-License-Identifier: Apache-2.0 */
/* DCE/RPC over TCP as rules see it (C706 chapter 12). */
#ifndef VONGLAU_PROTO_DCERPC_H
#define VONGLAU_PROTO_DCERPC_H

#include "proto/protocol.h"

struct dcerpc_interface {
    uint8_t uuid[16]; /* in the order in which it is written */
    uint16_t context, major, minor;
    uint16_t result, reason; /* of the answer; 0: accepted */
    bool answered;
};

struct dcerpc_side {
    uint8_t type;
    bool seen;
    uint32_t fragments;
    uint8_t *stub; /* of `stub_capacity` bytes, `stub_size` used */
    size_t stub_size, stub_capacity;
};

struct dcerpc {
    struct dcerpc_side sides[DIRECTIONS];
    uint32_t call_id;
    uint8_t version, minor;
    uint16_t context, opnum;
    uint32_t interface_count; /* offered by bind, or the one that the request is for */
    struct dcerpc_interface *interfaces;
};

#endif
