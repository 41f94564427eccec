/* SPDX-License-Identifier: Apache-2.0 */
/* What compiling the patterns of a large rule set gave, kept in one file for the next start.
 *
 * Entries are found by the SHA-256 of what was compiled, so a change of rules finds those that stayed; the
 * file holds the entries of the latest set only. It is read only when it belongs to this user and nobody else
 * may write it. Private to detect. */
#ifndef VONGLAU_DETECT_IMAGE_H
#define VONGLAU_DETECT_IMAGE_H

#include "base/bytes.h"
#include "base/error.h"

struct image;

/* Of the folder `dir`; a file that is missing, foreign or damaged is as good as empty. NULL when `dir` is
 * NULL or memory is short: then nothing is kept. */
struct image *image_open(const char *dir);
/* The entry of this key, borrowed until image_close(); absent when there is none. */
struct bytes image_find(struct image *image, const uint8_t key[32]);
/* Keeps a copy of `data` for image_save(). */
void image_add(struct image *image, const uint8_t key[32], struct bytes data);
/* Writes the file anew when an entry was added, with the entries found and added since image_open(). False
 * with a reason when it cannot be written; the old one stays then. */
MUST_CHECK bool image_save(const struct image *image, struct error *error);
void image_close(struct image *image);

#endif
