/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the centre's state, and its return. */
#ifndef VONGLAU_PROGRAMS_BACKUP_H
#define VONGLAU_PROGRAMS_BACKUP_H

#include "programs/command.h"

/* Writes registry, keys and evidence of `state` into the new folder `directory`, and verifies them. */
bool backup_write(struct context *context, const char *state, const char *directory, size_t *count,
                  struct error *error);
/* admin restore DIR: checks the copy whole before it takes the state's place, and keeps what was there beside
 * it. The exit status. */
int admin_restore(const struct arguments *arguments);

#endif
