/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the registry that are not registers: sessions, audit, alert groups, incidents, reports. */
#ifndef VONGLAU_CENTER_SCHEMA_H
#define VONGLAU_CENTER_SCHEMA_H

#include "store/database.h"

/* Brings registry.db to this program's form and fills what is shipped. */
MUST_CHECK bool schema_apply(struct database *database, uint64_t now, struct error *error);

#endif
