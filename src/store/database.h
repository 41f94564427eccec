/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite connections: cached statements, transactions, failures that stick until they are asked for.
 *
 * A connection serves one thread at a time. The first failure inside a transaction stays: later statements do
 * nothing, reads end at once, and database_commit() refuses and says what went wrong. Code reads straight
 * through and checks once. */
#ifndef VONGLAU_STORE_DATABASE_H
#define VONGLAU_STORE_DATABASE_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

struct database;
struct statement;

/* Opens or makes the file at `path` (mode 0600) with write-ahead log, foreign keys and a busy wait of 5 s.
 * `read_only` connections refuse writes. NULL with the error set on failure. */
MUST_CHECK struct database *database_open(const char *path, bool read_only, struct error *error);
void database_close(struct database *database);
/* The connection itself, for what this wrapper does not cover (backup). */
sqlite3 *database_handle(struct database *database);

/* Runs statements without parameters; for schemas. */
MUST_CHECK bool database_script(struct database *database, const char *sql, struct error *error);

/* Starts a query. `format` has a letter per parameter: i int64_t, u uint64_t (stored as int64), s const char
 * * (NULL is NULL), b struct bytes as text (absent is NULL), x struct bytes as blob, d double, o int64_t with
 * 0 as NULL. Never NULL: on a failure the statement yields no row. Texts must live until the statement is
 * done. */
struct statement *database_query(struct database *database, const char *sql, const char *format, ...);
/* Moves to the next row; false after the last (or on failure), when the statement is done by itself. */
bool statement_next(struct statement *statement);
/* Ends a statement before its last row. */
void statement_done(struct statement *statement);
int64_t statement_int(struct statement *statement, int column); /* NULL reads as 0 */
double statement_real(struct statement *statement, int column);
bool statement_null(struct statement *statement, int column);
/* Borrowed until the next step; absent when NULL. */
struct bytes statement_bytes(struct statement *statement, int column);
int statement_columns(struct statement *statement);
const char *statement_column(struct statement *statement, int column);
/* Appends all columns of the row as "name":value, pairs. A name may end in a form: `@time` (nanoseconds to
 * RFC 3339), `@bool`, `@raw` (JSON text), `@real`; NULL is null. */
void statement_json(struct statement *statement, struct text *out);

/* Runs a statement to its end; parameters as in database_query(). False on failure. */
bool database_run(struct database *database, const char *sql, const char *format, ...);
/* First column of the first row as a number; 0 when there is none. */
int64_t database_number(struct database *database, const char *sql, const char *format, ...);
/* The same as text, copied into `memory`; absent when there is none. */
struct bytes database_text(struct database *database, struct arena *memory, const char *sql,
                           const char *format, ...);
int64_t database_last_id(struct database *database);
/* Rows changed by the last statement. */
int64_t database_changes(struct database *database);

/* Starts a writing transaction; may be nested, the outermost one counts. */
bool database_begin(struct database *database);
/* Ends it and keeps the changes; on any failure since database_begin() undoes them and reports the first. */
MUST_CHECK bool database_commit(struct database *database, struct error *error);
void database_rollback(struct database *database);
bool database_in_transaction(const struct database *database);
/* True when nothing has failed; otherwise fills `error` and clears the failure (outside transactions). */
MUST_CHECK bool database_ok(struct database *database, struct error *error);
/* True when the failure (still held) is a lock held by others for too long. */
bool database_busy(const struct database *database);

/* Copies the write-ahead log into the database and gives its room back, as far as readers and the disk allow.
 */
void database_settle(struct database *database);

/* Numbered changes of the schema, applied in order within one transaction each. */
struct migration {
    int number; /* rising from 1 */
    const char *sql;
    bool (*apply)(struct database *database, const void *context, struct error *error);
};
/* Applies what is newer than the file's user_version; refuses a file newer than the program. */
MUST_CHECK bool database_migrate(struct database *database, const struct migration *migrations, size_t count,
                                 const void *context, struct error *error);
/* Copies the whole database, consistent while others write, to a new file at `path`. */
MUST_CHECK bool database_backup(struct database *database, const char *path, struct error *error);

#endif
