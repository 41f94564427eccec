/* SPDX-License-Identifier: Apache-2.0 */
/* Registers: an entity is one list of fields, from which its table, checks, JSON, CSV, form and history
 * follow.
 *
 * Every table also has: id, version (optimistic concurrency), created, updated, ended (nanoseconds; a row is
 * ended, never deleted). Entities with dated fields keep every value of them with its days in <name>_version.
 */
#ifndef VONGLAU_STORE_REGISTER_H
#define VONGLAU_STORE_REGISTER_H

#include "base/field.h"
#include "store/database.h"
#include "store/principal.h"
#include "store/problem.h"

/* One member of a row. Choices are kept as their name, days as "YYYY-MM-DD". */
struct value {
    enum { VALUE_NULL, VALUE_NUMBER, VALUE_TEXT } kind;
    int64_t number;
    struct bytes text;
    bool given; /* by the request, rather than kept from the row */
};

struct registers;

/* A row about to be written, as its entity's check sees it. */
struct change {
    struct database *database;
    const struct registers *registers;
    const struct entity *entity;
    int64_t id;           /* 0: a new row */
    struct value *values; /* one per field, complete */
    struct arena *memory;
    struct problems *problems;
};

typedef void (*change_check_fn)(struct change *change);

/* What a row can lack, so that a list can show those that do: `sql` is a condition on `t`. */
struct register_gap {
    const char *name, *sql;
};

struct entity {
    const char *name; /* also the table */
    const struct field *fields;
    size_t field_count;
    const char *title;            /* SQL expression that names a row */
    const char *const *dated;     /* names of dated fields, NULL at the end; or NULL */
    const char *const *listed;    /* fields shown in tables, NULL at the end */
    const char *const *read_only; /* fields that the program writes; or NULL */
    const char *columns;          /* further columns that are not fields: ", x INTEGER, ..." */
    const char *scope; /* condition on `t` for limited principals, {} is their agencies; NULL: all rows */
    const char *keys;  /* columns by which CSV may name a row, comma separated; first is best */
    unsigned readers, writers;    /* roles */
    change_check_fn check;        /* rules across fields and rows; may be NULL */
    const char *const *referrers; /* "table.column" whose live rows forbid ending; NULL at the end; or NULL */
    const struct register_gap *gaps; /* name NULL at the end; or NULL */
};

/* How a CSV file names its columns and choices. */
enum register_language { REGISTER_CODES, REGISTER_VIETNAMESE, REGISTER_ENGLISH, REGISTER_LANGUAGES };

struct registers {
    const struct entity *const *entities;
    size_t count;
    /* The word for "entity.field", "entity.field.choice", "field.name", "yes" or "no"; NULL when there is
     * none. May be NULL. */
    const char *(*word)(const char *key, enum register_language language);
};

/* NULL when there is none. */
const struct entity *register_find(const struct registers *registers, struct bytes name);
const struct field *entity_field(const struct entity *entity, struct bytes name);
/* The value of a field that the entity has. */
struct value *change_value(struct change *change, const char *field);

/* Appends the statements that make the entity's tables and indexes. */
void entity_schema(const struct entity *entity, struct text *out);
/* Makes the tables, adds columns for fields that are new, refuses columns of another type. */
MUST_CHECK bool registers_migrate(struct database *database, const struct registers *registers,
                                  struct error *error);
/* Appends the description of one entity: fields, limits, choices (docs/api.md, Registers). */
void entity_describe(struct database *database, const struct entity *entity,
                     const struct principal *principal, struct text *out);

struct register_filter {
    struct bytes field, value;
};

#define REGISTER_FILTERS_MAX 16

struct register_query {
    struct bytes search, sort;       /* sort: a field, with '-' before it for descending */
    struct bytes gap;                /* name of a gap: only rows that have it */
    bool ended;                      /* ended rows too */
    enum register_language language; /* of an export */
    struct register_filter filters[REGISTER_FILTERS_MAX];
    size_t filter_count;
    size_t offset, limit;
};

/* What became of a request. */
enum register_result {
    REGISTER_OK,
    REGISTER_NOT_FOUND, /* or not for this principal */
    REGISTER_FORBIDDEN,
    REGISTER_CONFLICT, /* changed meanwhile: *version is the row's */
    REGISTER_IN_USE,
    REGISTER_INVALID, /* see problems */
    REGISTER_FAILED,  /* see error */
};

/* Appends the rows as JSON array elements; `more` says there are further ones. */
enum register_result register_list(struct database *database, const struct registers *registers,
                                   const struct entity *entity, const struct principal *principal,
                                   const struct register_query *query, struct problems *problems,
                                   struct text *out, bool *more, int64_t *total);
/* Appends one row's members (without braces). */
enum register_result register_get(struct database *database, const struct registers *registers,
                                  const struct entity *entity, const struct principal *principal, int64_t id,
                                  struct text *out);

struct register_write {
    struct database *database;
    const struct registers *registers;
    const struct entity *entity;
    const struct principal *principal;
    struct arena *memory;
    struct problems *problems;
    uint64_t now;
    const char *action; /* in the history; NULL: create or update */
};

/* These run in a transaction of their own, or in the caller's. On REGISTER_OK *id (and the row's history) is
 * there. */
enum register_result register_create(struct register_write *write, struct json_value body, int64_t *id);
/* `version` 0 skips the check for changes made meanwhile. */
enum register_result register_update(struct register_write *write, int64_t id, int64_t *version,
                                     struct json_value body);
enum register_result register_end(struct register_write *write, int64_t id, int64_t *version);

enum register_result register_history(struct database *database, const struct entity *entity,
                                      const struct principal *principal, int64_t id, struct text *out);
enum register_result register_versions(struct database *database, const struct registers *registers,
                                       const struct entity *entity, const struct principal *principal,
                                       int64_t id, struct text *out);
/* The dated text `field` of a row on `day` ("YYYY-MM-DD"); its current value where no version says otherwise.
 */
struct bytes register_text_on(struct database *database, const struct entity *entity, int64_t id,
                              const char *field, const char *day, struct arena *memory);

struct register_import {
    size_t rows, created, updated;
};

/* All rows or none. `dry_run` checks everything and keeps nothing. Columns and choices may be named by their
 * codes or by their words in any language, days also be written dd/mm/yyyy. */
enum register_result register_import(struct register_write *write, struct bytes csv, bool dry_run,
                                     struct register_import *result);
enum register_result register_export(struct database *database, const struct registers *registers,
                                     const struct entity *entity, const struct principal *principal,
                                     const struct register_query *query, struct problems *problems,
                                     struct text *out);

/* "YYYY-MM-DD" of a time at +07:00 into `day`. */
void register_day(uint64_t time, char day[11]);
/* True for a day that exists. */
bool register_day_valid(struct bytes day);

#endif
