/* SPDX-License-Identifier: Apache-2.0 */
/* A first look for a few hundred grams of three or four bytes at every place of some data, 64 places at a
 * time and without touching memory but the data.
 *
 * Grams are dealt out to eight buckets. Each pair of neighbouring bytes chooses one of 256 octets in each of
 * three tables, which fit into the processor's registers: the buckets that have a gram with such a pair as
 * its first, its second, its third. A place where one bucket is named thrice is worth a closer look; a place
 * where a gram stands, in any mixture of upper and lower case, always is. Private to detect. */
#ifndef VONGLAU_DETECT_SIEVE_H
#define VONGLAU_DETECT_SIEVE_H

#include "base/bytes.h"

#define SIEVE_PLACES 64U /* looked at together */

struct sieve;

/* Whether this processor has what it takes (AVX-512 VBMI and GFNI). */
bool sieve_possible(void);

/* NULL when memory is short. */
MUST_CHECK struct sieve *sieve_new(void);
void sieve_free(struct sieve *sieve);
/* `size`: 3 or 4 bytes. */
void sieve_enter(struct sieve *sieve, const uint8_t *gram, unsigned size);

/* The first place from `*at` on, a step of SIEVE_PLACES after the other, with anything worth a look: a bit
 * per place from there, and `*at` is moved to it. 0 at the end of the data. Only where it is possible. */
uint64_t sieve_next(const struct sieve *sieve, struct bytes data, size_t *at);

#endif
