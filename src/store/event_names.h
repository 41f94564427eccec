/* SPDX-License-Identifier: Apache-2.0 */
/* The host names of one file, numbered from 1 in the order in which they came, in pages of compressed text.
 *
 * A part of a name is looked for in all of them: unpacked at a gigabyte a second that is quicker than an
 * index of three letters was, and takes a tenth of its room. A name may have more than one number. */
#ifndef VONGLAU_STORE_EVENT_NAMES_H
#define VONGLAU_STORE_EVENT_NAMES_H

#include <zstd.h>

#include "store/database.h"

/* ---- writing ---- */

struct names;

MUST_CHECK struct names *names_open(struct database *database, struct error *error);
void names_close(struct names *names);
/* The name's number, given now if it is new; 0 for what is no name (not UTF-8, with a zero octet inside, or
 * too long). */
uint32_t names_number(struct names *names, struct bytes name);
/* Writes the new ones, within the caller's transaction. */
MUST_CHECK bool names_flush(struct names *names, struct error *error);
/* After a transaction that was undone. */
void names_forget(struct names *names);

/* ---- reading ---- */

/* False ends the walk. */
typedef bool (*names_fn)(void *context, uint32_t number, struct bytes name);
MUST_CHECK bool names_each(struct database *database, ZSTD_DCtx *expander, names_fn call, void *context,
                           struct error *error);
/* Those that have `part` inside, or are it (`whole`), in any case. */
MUST_CHECK bool names_find(struct database *database, ZSTD_DCtx *expander, struct bytes part, bool whole,
                           names_fn call, void *context, struct error *error);
/* The highest number there is. */
uint32_t names_count(struct database *database);

/* Tables of a new file. */
#define NAMES_SCHEMA                                                                                   \
    "CREATE TABLE name_page(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, size INTEGER NOT NULL," \
    " names BLOB NOT NULL) STRICT;"
/* Moves the names of a file of the first form, one row each with an index, into pages. */
MUST_CHECK bool names_migrate(struct database *database, const void *context, struct error *error);

#endif
