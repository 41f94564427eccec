/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of addresses and ports as rules write them: lists, ranges, negation, nesting, variables.
 *
 * A set is a sorted list of disjoint closed intervals over 128-bit numbers. IPv4 addresses stand in the
 * mapped range ::ffff:0:0/96, so one set holds both families; ports are the numbers 0 to 65535. */
#ifndef VONGLAU_DETECT_RANGES_H
#define VONGLAU_DETECT_RANGES_H

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"

__extension__ typedef unsigned __int128 u128;

struct interval {
    u128 low, high;
};

struct ranges {
    struct interval *items;
    size_t count, capacity;
    bool subtracted; /* written with a '!' somewhere */
};

/* The value of a rule variable ("$HOME_NET" without '$'); absent when unknown. */
typedef struct bytes (*variable_fn)(const void *context, struct bytes name);

#define ADDRESS_TOP (~(u128)0)
#define PORT_TOP    ((u128)65535)

u128 address_number(const struct address *address);
/* Reads a rule's address or port set; `ports` chooses the element syntax. Free with ranges_done(). */
MUST_CHECK bool ranges_parse(struct bytes text, bool ports, variable_fn variable, const void *context,
                             struct ranges *set, struct error *error);
bool ranges_has(const struct ranges *set, u128 value);
bool ranges_equal(const struct ranges *a, const struct ranges *b);
bool ranges_is_all(const struct ranges *set, bool ports);
void ranges_done(struct ranges *set);

#endif
