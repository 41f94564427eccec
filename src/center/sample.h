/* SPDX-License-Identifier: Apache-2.0 */
/* The sample province: invented agencies with networks, systems, contacts, and a user for each role. */
#ifndef VONGLAU_CENTER_SAMPLE_H
#define VONGLAU_CENTER_SAMPLE_H

#include "center/users.h"

#define SAMPLE_USERS_MAX 8

struct sample_user {
    const char *name, *role, *display_name;
    char password[PASSWORD_ONCE_SIZE]; /* one-time; empty when the user was there before */
};

struct sample {
    struct sample_user users[SAMPLE_USERS_MAX];
    size_t user_count;
    bool loaded; /* false: it was there already */
};

/* Loads it into an empty register of agencies; leaves a register that has sample rows alone; refuses one with
 * others. */
bool sample_load(struct context *context, struct sample *sample);

#endif
