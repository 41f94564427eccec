/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the register share. */
#ifndef VONGLAU_STORE_REGISTER_PRIVATE_H
#define VONGLAU_STORE_REGISTER_PRIVATE_H

#include "store/register.h"

#define FIELDS_MAX 48

bool name_listed(const char *const *names, const char *name);
/* Appends " AND condition" for what the principal may see of the entity's rows named t. */
void entity_scope(const struct entity *entity, const struct principal *principal, struct text *sql);
/* Appends "expression AS name, ..." for all shown columns of `t`, references with their titles. */
void entity_columns(const struct registers *registers, const struct entity *entity, struct text *sql);
/* Appends " WHERE ..." of a query; false with problems when a filter or sort names no field. */
bool entity_where(const struct entity *entity, const struct principal *principal,
                  const struct register_query *query, struct problems *problems, struct text *sql);
bool entity_order(const struct entity *entity, const struct register_query *query, struct problems *problems,
                  struct text *sql);
/* Binds the parameters that entity_where() left open, in order, and starts the query. */
struct statement *entity_start(struct database *database, const struct entity *entity, const struct text *sql,
                               const struct register_query *query, struct arena *memory);
bool entity_visible(struct database *database, const struct entity *entity, const struct principal *principal,
                    int64_t id);
/* Checks `values` against fields and the entity's own rules; fills problems. */
void change_verify(struct change *change);
/* Reads the text of one field (CSV) into a value. */
bool value_from_text(const struct register_write *write, const struct field *field, struct bytes text,
                     struct value *value);
bool row_load(const struct register_write *write, int64_t id, struct value *values, int64_t *version);
/* Writes complete, checked values: id 0 inserts. Keeps history and versions. */
int64_t row_store(struct register_write *write, int64_t id, const struct value *before, struct value *values,
                  const char *effective);

#endif
