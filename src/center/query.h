/* SPDX-License-Identifier: Apache-2.0 */
/* The query bar: EveBox's and KQL's forms in one language, parsed into the event store's condition.
 *
 *   query := and-list { "or" and-list }       and-list := item { ["and"] item }
 *   item  := ["-" | "not"] ( "(" query ")" | [name ":"] value )
 *   value := word | "phrase"                  numbers take 80, 80-90, >80, <80; words take *
 * Words are or'ed and and'ed as in KQL; and binds tighter. @from and @to set the time range. */
#ifndef VONGLAU_CENTER_QUERY_H
#define VONGLAU_CENTER_QUERY_H

#include "base/error.h"
#include "store/events.h"

#define QUERY_SIZE_MAX  4000
#define QUERY_DEPTH_MAX 20
#define QUERY_TERMS_MAX 200

/* Names to ids, for @agency:, @system: and @sensor:; 0 when unknown. */
typedef uint32_t (*query_lookup_fn)(void *context, const char *entity, struct bytes name);

struct query {
    const struct event_term *term; /* NULL: everything */
    uint64_t from, to;             /* of @from and @to; 0: not given */
};

struct query_field {
    const char *name, *alias; /* "src_ip", "@src" or NULL */
    const char *type;         /* for suggestions: address, number, text, time, choice */
    bool top;                 /* may be grouped by */
};
extern const struct query_field query_fields[];
extern const size_t query_field_count;

/* Parses `text`; terms live in `memory`. On an error `column` (1 first) says where. */
MUST_CHECK bool query_parse(struct bytes text, uint64_t now, query_lookup_fn lookup, void *context,
                            struct arena *memory, struct query *query, size_t *column, struct error *error);
/* The group of a field name for top-N; `path` for members. */
enum event_group query_group(struct bytes field, struct bytes *path);

#endif
