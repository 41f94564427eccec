/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the page's catalogues that the centre says itself: headings and choices of registers, kinds of
 * incidents. */
#ifndef VONGLAU_CENTER_WORDS_H
#define VONGLAU_CENTER_WORDS_H

#include "center/center.h"
#include "store/register.h"

/* NULL when the catalogues have no such key. */
const char *word_of(const char *key, enum register_language language);
/* The language of the account behind the request; Vietnamese when it has chosen none. */
enum register_language context_language(const struct context *context);

#endif
