/* SPDX-License-Identifier: Apache-2.0 */
#include "center/words.h"

#include <stdlib.h>

static const struct catalogue_word {
    const char *key, *in[2]; /* Vietnamese, English */
} catalogue[] = {
#include "center/words.inc"
};

static int by_key(const void *key, const void *row)
{
    return strcmp(key, ((const struct catalogue_word *)row)->key);
}

const char *word_of(const char *key, enum register_language language)
{
    const struct catalogue_word *found = bsearch(key, catalogue, COUNT_OF(catalogue), sizeof catalogue[0],
                                                 by_key);
    return found && language != REGISTER_CODES ? found->in[language - REGISTER_VIETNAMESE] : NULL;
}

enum register_language context_language(const struct context *c)
{
    return database_number(c->database, "SELECT language='en' FROM user WHERE id=?", "i", c->principal.user)
               ? REGISTER_ENGLISH
               : REGISTER_VIETNAMESE;
}
