/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: every change and every look at one host's traffic, each row's hash covering the one before.
 *
 * hash = SHA-256(previous hash || canonical JSON array of id, time, user, address, action, object, object id,
 * data); before the first row the previous hash is 32 zero bytes. Rows can be neither updated nor deleted. */
#ifndef VONGLAU_CENTER_AUDIT_H
#define VONGLAU_CENTER_AUDIT_H

#include "center/center.h"

/* Adds a row within the caller's transaction, or one of its own. `data` is a JSON object, or absent. */
bool audit_add(struct context *context, const char *action, const char *object, int64_t object_id,
               struct bytes data);

struct audit_verdict {
    bool ok;
    int64_t rows, first_bad; /* id; 0: none */
};
/* Recomputes the whole chain. */
MUST_CHECK bool audit_verify(struct database *database, struct audit_verdict *verdict, struct error *error);
bool audit_list(struct context *context, const struct parameters *parameters, struct text *out);
bool audit_verify_json(struct context *context, struct text *out);

#endif
