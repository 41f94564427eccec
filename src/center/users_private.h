/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about users share. */
#ifndef VONGLAU_CENTER_USERS_PRIVATE_H
#define VONGLAU_CENTER_USERS_PRIVATE_H

#include "center/users.h"
#include "store/register.h"

/* Random, of all four classes. */
void password_once(char password[PASSWORD_ONCE_SIZE]);
/* Turns the result of a register's write into a refusal; true for REGISTER_OK. */
bool register_refuse(struct context *context, enum register_result result, const struct problems *problems,
                     int64_t version);

#endif
