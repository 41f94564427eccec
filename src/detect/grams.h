/* SPDX-License-Identifier: Apache-2.0 */
/* Finding many literals at once.
 *
 * Of each literal, four neighbouring groups of four or eight bytes (grams) are entered into a bitmap; looking
 * at every fourth place of the data then cannot miss one of them. The place is hashed, and nearly always the
 * bitmap says that no literal is near. Literals too short for that have two of three bytes for every second
 * place, or one for every place. Letters count as lower case there; the literal itself is compared as it is.
 * Private to detect. */
#ifndef VONGLAU_DETECT_GRAMS_H
#define VONGLAU_DETECT_GRAMS_H

#include "base/bytes.h"
#include "detect/frequency.h"

#define GRAMS_LITERAL_MIN 2U /* bytes */

struct grams;

struct gram_literal {
    struct bytes bytes; /* borrowed as long as the grams live; lower case when nocase */
    bool nocase;
};

#define GRAMS_LANES_MAX 64U

/* NULL when memory is short. Literals have at least GRAMS_LITERAL_MIN bytes; `frequency` tells which of their
 * grams are worth looking for, and is not kept. Of the ways to look at 1, 8, 16 or 64 places together the
 * widest is taken that the processor has and `lanes` allows. */
MUST_CHECK struct grams *grams_new(const struct gram_literal *literals, size_t count,
                                   const struct frequency *frequency, unsigned lanes);
void grams_free(struct grams *grams);

/* `seen`: a number per literal, kept by the caller and zero at first; `turn` differs from call to call. Each
 * literal found is told once. */
typedef void (*gram_hit_fn)(void *context, size_t literal);
void grams_scan(const struct grams *grams, struct bytes data, uint32_t *seen, uint32_t turn, gram_hit_fn hit,
                void *context);

#endif
