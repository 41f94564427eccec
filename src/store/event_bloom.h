/* SPDX-License-Identifier: Apache-2.0 */
/* Blocked Bloom filters: one cache line a key (Putze, Sanders, Singler 2007), for pruning event blocks. */
#ifndef VONGLAU_STORE_EVENT_BLOOM_H
#define VONGLAU_STORE_EVENT_BLOOM_H

#include "base/error.h"

/* A 64-bit hash whose values are part of the file format: never change it. */
uint64_t bloom_hash(uint8_t kind, struct bytes key);
uint64_t bloom_hash_number(uint8_t kind, uint64_t key);

/* Octets for `keys` distinct keys of `key_bits` bits each (10: one lie in a hundred): whole lines of 64, at
 * least one. */
size_t bloom_size(size_t keys, unsigned key_bits);
void bloom_add(uint8_t *bits, size_t size, uint64_t hash);
/* False: certainly absent. An empty or odd-sized filter says true. */
bool bloom_has(struct bytes bits, uint64_t hash);

#endif
