/* SPDX-License-Identifier: Apache-2.0 */
/* The registers as the interface shows them (docs/api.md, Registers): permissions, audit, what follows a
 * change. */
#ifndef VONGLAU_CENTER_REGISTER_API_H
#define VONGLAU_CENTER_REGISTER_API_H

#include "center/center.h"

bool registers_describe(struct context *context, struct text *out);
bool registers_list(struct context *context, struct bytes entity, const struct parameters *parameters,
                    struct text *out);
bool registers_show(struct context *context, struct bytes entity, int64_t id, struct text *out);
bool registers_create(struct context *context, struct bytes entity, struct json_value body, struct text *out);
bool registers_update(struct context *context, struct bytes entity, int64_t id, struct json_value body,
                      struct text *out);
bool registers_end(struct context *context, struct bytes entity, int64_t id,
                   const struct parameters *parameters);
bool registers_history(struct context *context, struct bytes entity, int64_t id, struct text *out);
bool registers_versions(struct context *context, struct bytes entity, int64_t id, struct text *out);
bool registers_export(struct context *context, struct bytes entity, const struct parameters *parameters,
                      struct text *out);
bool registers_import(struct context *context, struct bytes entity, const struct parameters *parameters,
                      struct bytes csv, struct text *out);
/* A contact officer's entry is still right: sets `verified` to today. */
bool contact_confirm(struct context *context, int64_t id, struct text *out);

#endif
