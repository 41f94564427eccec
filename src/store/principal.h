/* SPDX-License-Identifier: Apache-2.0 */
/* On whose behalf rows are read and written. Every read takes one: what it may not see does not exist. */
#ifndef VONGLAU_STORE_PRINCIPAL_H
#define VONGLAU_STORE_PRINCIPAL_H

#include "base/text.h"

/* Roles are bits, so that a route or an entity names a set of them. */
enum role {
    ROLE_ADMINISTRATOR = 1,
    ROLE_DUTY = 2,
    ROLE_HANDLER = 4,
    ROLE_LEADER = 8,
    ROLE_CONTACT = 16,
    ROLE_AUDITOR = 32,
    ROLE_STAFF = ROLE_DUTY | ROLE_HANDLER | ROLE_LEADER,
    ROLE_ACTING = ROLE_DUTY | ROLE_HANDLER,
    ROLE_ANY = 63,
};

#define PRINCIPAL_AGENCIES_MAX 64

struct principal {
    int64_t user; /* 0: the program itself */
    unsigned role;
    bool limited; /* sees rows of `agencies` only, even when there are none */
    int64_t agencies[PRINCIPAL_AGENCIES_MAX];
    size_t agency_count;
    char address[64]; /* of the client, for the audit log */
};

bool principal_has(const struct principal *principal, int64_t agency);
/* Appends `condition` with every "{}" replaced by the list of agencies, or "1" when not limited. */
void principal_condition(const struct principal *principal, const char *condition, struct text *out);
const char *role_name(unsigned role);
/* 0 when there is no such role. */
unsigned role_of(struct bytes name);

#endif
