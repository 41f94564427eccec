/* SPDX-License-Identifier: Apache-2.0 */
/* Vietnamese and Latin text folded for search: lower case, without tone marks. */
#ifndef VONGLAU_BASE_FOLD_H
#define VONGLAU_BASE_FOLD_H

#include "base/text.h"

/* Appends `b` in lower case without diacritics ("Sở Y tế" gives "so y te"), composed or decomposed alike;
 * other characters and malformed bytes stay as they are. */
void text_fold(struct bytes b, struct text *out);

#endif
