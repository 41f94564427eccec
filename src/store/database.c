/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite wrapper. */
#include "store/database.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/json.h"

#define CACHE_MAX 256
#define BUSY_MS   5000

struct statement {
    struct database *database;
    sqlite3_stmt *handle; /* NULL: failed before it began */
    uint64_t key, used;   /* hash of its text; when it was used last */
    bool busy, cached;
};

struct database {
    sqlite3 *handle;
    struct statement cache[CACHE_MAX];
    struct statement failed_statement; /* what a query that could not start returns */
    uint64_t clock;
    unsigned depth; /* of transactions */
    bool failed, busy;
    struct error error;
};

/* SQLite says "full" when it writes, and an error of input and output when it cannot even make its shared
 * memory. */
static bool is_disk_full(sqlite3 *handle)
{
    int code = sqlite3_errcode(handle) & 0xff, number = sqlite3_system_errno(handle);
    return code == SQLITE_FULL ||
           ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && (number == ENOSPC || number == EDQUOT));
}

static void note_failure(struct database *d, const char *what)
{
    if (d->failed)
        return;
    int code = sqlite3_errcode(d->handle);
    d->failed = true;
    d->busy = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
    error_set(&d->error, "database: %s (%.200s)", sqlite3_errmsg(d->handle), what);
    d->error.disk_full = is_disk_full(d->handle);
}

/* SQL fold(text): lower case without tone marks, so that search disregards them. */
static void sql_fold(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const unsigned char *value = sqlite3_value_text(values[0]);
    if (!value)
        return;
    struct text out = text_new(1 << 20);
    text_fold(bytes_of(value, (size_t)sqlite3_value_bytes(values[0])), &out);
    sqlite3_result_text64(context, out.data ? out.data : "", out.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    text_done(&out);
}

struct database *database_open(const char *path, bool read_only, struct error *error)
{
    struct database *d = calloc(1, sizeof *d);
    if (!d) {
        error_system(error, "%s", path);
        return NULL;
    }
    mode_t before = umask(0077);
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int result = sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    umask(before);
    if (result != SQLITE_OK) {
        error_set(error, "%s: %s", path, d->handle ? sqlite3_errmsg(d->handle) : "out of memory");
        if (error && d->handle)
            error->disk_full = is_disk_full(d->handle);
        database_close(d);
        return NULL;
    }
    d->failed_statement.database = d;
    sqlite3_busy_timeout(d->handle, BUSY_MS);
    sqlite3_extended_result_codes(d->handle, 1);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_limit(d->handle, SQLITE_LIMIT_LENGTH, 64 << 20);
    sqlite3_create_function_v2(d->handle, "fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                               NULL, sql_fold, NULL, NULL, NULL);
    const char *setup = read_only
                            ? "PRAGMA foreign_keys=ON"
                            : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                              "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864";
    if (!database_script(d, setup, error)) {
        error_prefix(error, "%s", path);
        database_close(d);
        return NULL;
    }
    return d;
}

void database_close(struct database *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < CACHE_MAX; i++)
        sqlite3_finalize(d->cache[i].handle);
    sqlite3_close_v2(d->handle);
    free(d);
}

sqlite3 *database_handle(struct database *d)
{
    return d->handle;
}

bool database_script(struct database *d, const char *sql, struct error *error)
{
    if (sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    error_set(error, "database: %s (%.200s)", sqlite3_errmsg(d->handle), sql);
    if (error)
        error->disk_full = is_disk_full(d->handle);
    return false;
}

/* The cached statement for `sql`, or the slot unused longest, prepared anew. NULL on failure. */
static struct statement *prepared(struct database *d, const char *sql)
{
    uint64_t key = bytes_hash(bytes_of_string(sql), 1);
    struct statement *oldest = NULL;
    for (size_t i = 0; i < CACHE_MAX; i++) {
        struct statement *s = &d->cache[i];
        if (s->busy)
            continue;
        if (s->handle && s->key == key && strcmp(sqlite3_sql(s->handle), sql) == 0) {
            s->used = ++d->clock;
            return s;
        }
        if (!oldest || s->used < oldest->used)
            oldest = s;
    }
    assert(oldest); /* more than CACHE_MAX statements open at once */
    sqlite3_finalize(oldest->handle);
    *oldest = (struct statement){ .database = d, .key = key, .used = ++d->clock };
    if (sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &oldest->handle, NULL) != SQLITE_OK)
        return NULL;
    return oldest;
}

static int bind_one(sqlite3_stmt *handle, int at, char letter, va_list *arguments)
{
    switch (letter) {
    case 'i':
        return sqlite3_bind_int64(handle, at, va_arg(*arguments, int64_t));
    case 'u':
        return sqlite3_bind_int64(handle, at, (int64_t)va_arg(*arguments, uint64_t));
    case 'o': {
        int64_t value = va_arg(*arguments, int64_t);
        return value ? sqlite3_bind_int64(handle, at, value) : sqlite3_bind_null(handle, at);
    }
    case 'd':
        return sqlite3_bind_double(handle, at, va_arg(*arguments, double));
    case 's': {
        const char *value = va_arg(*arguments, const char *);
        return value ? sqlite3_bind_text(handle, at, value, -1, SQLITE_STATIC)
                     : sqlite3_bind_null(handle, at);
    }
    default: {
        struct bytes value = va_arg(*arguments, struct bytes);
        if (!value.data && letter == 'b')
            return sqlite3_bind_null(handle, at);
        const void *data = value.data ? (const void *)value.data : "";
        return letter == 'b' ? sqlite3_bind_text64(handle, at, data, value.size, SQLITE_STATIC, SQLITE_UTF8)
                             : sqlite3_bind_blob64(handle, at, data, value.size, SQLITE_STATIC);
    }
    }
}

static struct statement *query(struct database *d, const char *sql, const char *format, va_list *arguments)
{
    if (d->failed && d->depth)
        return &d->failed_statement;
    struct statement *s = prepared(d, sql);
    if (!s) {
        note_failure(d, sql);
        return &d->failed_statement;
    }
    size_t count = (size_t)sqlite3_bind_parameter_count(s->handle);
    assert(count <= strlen(format)); /* further arguments are ignored */
    for (size_t i = 0; i < count; i++) {
        if (bind_one(s->handle, (int)i + 1, format[i], arguments) != SQLITE_OK) {
            note_failure(d, sql);
            return &d->failed_statement;
        }
    }
    s->busy = true;
    return s;
}

struct statement *database_query(struct database *d, const char *sql, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct statement *s = query(d, sql, format, &arguments);
    va_end(arguments);
    return s;
}

bool statement_next(struct statement *s)
{
    if (!s->handle || !s->busy)
        return false;
    int result = sqlite3_step(s->handle);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        note_failure(s->database, sqlite3_sql(s->handle));
    statement_done(s);
    return false;
}

void statement_done(struct statement *s)
{
    if (!s->handle)
        return;
    sqlite3_reset(s->handle);
    sqlite3_clear_bindings(s->handle);
    s->busy = false;
}

int64_t statement_int(struct statement *s, int column)
{
    return sqlite3_column_int64(s->handle, column);
}

double statement_real(struct statement *s, int column)
{
    return sqlite3_column_double(s->handle, column);
}

bool statement_null(struct statement *s, int column)
{
    return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}

struct bytes statement_bytes(struct statement *s, int column)
{
    if (statement_null(s, column))
        return BYTES_NONE;
    const void *data = sqlite3_column_type(s->handle, column) == SQLITE_BLOB
                           ? sqlite3_column_blob(s->handle, column)
                           : (const void *)sqlite3_column_text(s->handle, column);
    return bytes_of(data ? data : "", (size_t)sqlite3_column_bytes(s->handle, column));
}

int statement_columns(struct statement *s)
{
    return s->handle ? sqlite3_column_count(s->handle) : 0;
}

const char *statement_column(struct statement *s, int column)
{
    return sqlite3_column_name(s->handle, column);
}

static void column_json(struct statement *s, int column, const char *key, struct bytes form, struct text *out)
{
    if (statement_null(s, column)) {
        json_null(out, key);
    } else if (bytes_is(form, "time")) {
        char text[40];
        struct text time = text_of(text, sizeof text);
        clock_text_rfc3339((uint64_t)statement_int(s, column), &time);
        json_string(out, key, text_bytes(&time));
    } else if (bytes_is(form, "bool")) {
        json_bool(out, key, statement_int(s, column) != 0);
    } else if (bytes_is(form, "raw")) {
        json_raw(out, key, statement_bytes(s, column));
    } else if (sqlite3_column_type(s->handle, column) == SQLITE_INTEGER) {
        json_int(out, key, statement_int(s, column));
    } else if (sqlite3_column_type(s->handle, column) == SQLITE_FLOAT) {
        json_real(out, key, statement_real(s, column));
    } else if (sqlite3_column_type(s->handle, column) == SQLITE_BLOB) {
        json_hex(out, key, statement_bytes(s, column));
    } else {
        json_string(out, key, statement_bytes(s, column));
    }
}

void statement_json(struct statement *s, struct text *out)
{
    int count = statement_columns(s);
    for (int i = 0; i < count; i++) {
        struct bytes form = bytes_of_string(statement_column(s, i));
        struct bytes name = bytes_cut(&form, '@');
        char key[64];
        struct text copy = text_of(key, sizeof key);
        text_put(&copy, name);
        column_json(s, i, key, form, out);
    }
}

bool database_run(struct database *d, const char *sql, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct statement *s = query(d, sql, format, &arguments);
    va_end(arguments);
    while (statement_next(s))
        ;
    return !d->failed;
}

int64_t database_number(struct database *d, const char *sql, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct statement *s = query(d, sql, format, &arguments);
    va_end(arguments);
    int64_t number = 0;
    if (statement_next(s)) {
        number = statement_int(s, 0);
        statement_done(s);
    }
    return number;
}

struct bytes database_text(struct database *d, struct arena *memory, const char *sql, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct statement *s = query(d, sql, format, &arguments);
    va_end(arguments);
    struct bytes text = BYTES_NONE;
    if (statement_next(s)) {
        text = statement_bytes(s, 0);
        if (text.data)
            text = bytes_of(arena_string(memory, text), text.size);
        statement_done(s);
    }
    return text;
}

int64_t database_last_id(struct database *d)
{
    return sqlite3_last_insert_rowid(d->handle);
}

int64_t database_changes(struct database *d)
{
    return sqlite3_changes64(d->handle);
}

bool database_begin(struct database *d)
{
    if (d->depth == 0) {
        d->failed = false;
        if (sqlite3_exec(d->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
            note_failure(d, "BEGIN");
    }
    d->depth++;
    return !d->failed;
}

bool database_commit(struct database *d, struct error *error)
{
    assert(d->depth);
    if (d->depth > 1) {
        d->depth--;
        if (d->failed && error)
            *error = d->error;
        return !d->failed;
    }
    if (!d->failed && sqlite3_exec(d->handle, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        note_failure(d, "COMMIT");
    bool ok = !d->failed;
    if (!ok && error)
        *error = d->error;
    if (!sqlite3_get_autocommit(d->handle))
        sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    d->depth = 0;
    d->failed = false;
    return ok;
}

void database_rollback(struct database *d)
{
    if (d->depth == 0)
        return;
    if (d->depth > 1) {
        d->depth--;
        if (!d->failed)
            error_set(&d->error, "database: undone by an inner step");
        d->failed = true;
        return;
    }
    if (!sqlite3_get_autocommit(d->handle))
        sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    d->depth = 0;
    d->failed = false;
}

bool database_in_transaction(const struct database *d)
{
    return d->depth > 0;
}

bool database_ok(struct database *d, struct error *error)
{
    if (!d->failed)
        return true;
    if (error)
        *error = d->error;
    if (d->depth == 0)
        d->failed = false;
    return false;
}

bool database_busy(const struct database *d)
{
    return d->busy;
}

void database_settle(struct database *d)
{
    sqlite3_busy_timeout(d->handle, 0); /* who reads is not waited for */
    (void)sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(d->handle, BUSY_MS);
}

static bool migrate_one(struct database *d, const struct migration *m, const void *context,
                        struct error *error)
{
    char version[64];
    snprintf(version, sizeof version, "PRAGMA user_version=%d", m->number);
    if (!database_script(d, "BEGIN IMMEDIATE", error))
        return false;
    if ((m->sql && !database_script(d, m->sql, error)) || (m->apply && !m->apply(d, context, error)) ||
        !database_ok(d, error) || !database_script(d, version, error) ||
        !database_script(d, "COMMIT", error)) {
        sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
        return error_prefix(error, "migration %d", m->number);
    }
    return true;
}

bool database_migrate(struct database *d, const struct migration *migrations, size_t count,
                      const void *context, struct error *error)
{
    int64_t version = database_number(d, "PRAGMA user_version", "");
    if (!database_ok(d, error))
        return false;
    if (count && version > migrations[count - 1].number)
        return error_set(error,
                         "database: its version %lld is newer than this program's %d; use a newer vonglau",
                         (long long)version, migrations[count - 1].number);
    for (size_t i = 0; i < count; i++) {
        if (migrations[i].number > version && !migrate_one(d, &migrations[i], context, error))
            return false;
    }
    return true;
}

bool database_backup(struct database *d, const char *path, struct error *error)
{
    sqlite3 *target = NULL;
    mode_t before = umask(0077);
    int result = sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    umask(before);
    sqlite3_backup *backup = result == SQLITE_OK ? sqlite3_backup_init(target, "main", d->handle, "main")
                                                 : NULL;
    if (backup) {
        do
            result = sqlite3_backup_step(backup, 256);
        while (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED);
        sqlite3_backup_finish(backup);
    }
    bool ok = result == SQLITE_DONE;
    if (!ok)
        error_set(error, "%s: %s", path, target ? sqlite3_errmsg(target) : "out of memory");
    sqlite3_close(target);
    return ok;
}
