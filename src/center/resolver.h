/* SPDX-License-Identifier: Apache-2.0 */
/* Which agency and system an address belonged to at a time: the register of networks as a table in memory.
 *
 * Longest prefix first; rows hold from their first to their last day (+07:00). Rebuilt whole on every change
 * of the registers and swapped; any thread may ask. */
#ifndef VONGLAU_CENTER_RESOLVER_H
#define VONGLAU_CENTER_RESOLVER_H

#include "base/address.h"
#include "store/database.h"

struct resolver;

struct owner {
    uint32_t agency, system; /* register ids; 0: unknown */
    uint8_t level;           /* of the system; 0: none */
    struct network network;  /* that decided; prefix 0 and version 0: none */
};

struct resolver *resolver_new(void);
void resolver_free(struct resolver *resolver);
/* Reads the registers anew. */
MUST_CHECK bool resolver_load(struct resolver *resolver, struct database *database, struct error *error);
/* `time` in nanoseconds. All zero when the address is nobody's. */
struct owner resolver_find(struct resolver *resolver, const struct address *address, uint64_t time);

#endif
