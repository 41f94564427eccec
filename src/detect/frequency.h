/* SPDX-License-Identifier: Apache-2.0 */
/* How often groups of bytes are met in traffic: by a model of text and markup at first, by what was seen as
 * soon as there is something. Upper and lower case are one. Private to detect. */
#ifndef VONGLAU_DETECT_FREQUENCY_H
#define VONGLAU_DETECT_FREQUENCY_H

#include "base/bytes.h"

#define FREQUENCY_NEVER 1e9 /* of what is not worth looking for: one byte again and again */

struct frequency;

/* The model alone; NULL when memory is short. */
MUST_CHECK struct frequency *frequency_new(void);
void frequency_free(struct frequency *frequency);

/* Counts what is in `data`; what was counted long ago fades. */
void frequency_learn(struct frequency *frequency, struct bytes data);

/* How often these bytes are met, per place; of what is bad to look for it says more. `size`: 2 to 8. */
double frequency_of(const struct frequency *frequency, const uint8_t *at, unsigned size);

/* Whether a literal is nothing but text that is met everywhere, as in headers and markup. */
bool frequency_is_text(struct bytes literal);

#endif
