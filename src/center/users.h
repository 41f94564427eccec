/* SPDX-License-Identifier: Apache-2.0 */
/* Users, their sessions and second factors (docs/api.md, Session and account; Users).
 *
 * Passwords: Argon2id. TOTP: RFC 6238, SHA-1, 6 digits, 30 s, its secret encrypted with the centre's key.
 * Session tokens and recovery codes are kept as hashes. Five failures lock an account for twelve hours (QCVN
 * 12:2026/BCA). */
#ifndef VONGLAU_CENTER_USERS_H
#define VONGLAU_CENTER_USERS_H

#include "center/center.h"

#define SESSION_TOKEN_SIZE  44 /* with terminator */
#define PASSWORD_ONCE_SIZE  21 /* with terminator */
#define SESSION_COOKIE_NAME "__Host-vonglau"

/* Signs in; `token` goes into the cookie. */
bool session_open(struct context *context, struct json_value body, struct bytes agent,
                  char token[SESSION_TOKEN_SIZE], struct text *out);
/* Fills the principal and the session of the context; false (not refused) when the token is not one in force.
 */
bool session_find(struct context *context, struct bytes token);
bool session_json(struct context *context, struct text *out);
/* True until the session ends, also by idleness. */
bool session_in_force(struct context *context, int64_t session);
bool session_close(struct context *context);
bool account_sessions(struct context *context, struct text *out);
bool account_session_end(struct context *context, int64_t session);
bool account_password(struct context *context, struct json_value body, struct text *out);
bool account_totp_begin(struct context *context, struct text *out);
bool account_totp_confirm(struct context *context, struct json_value body, struct text *out);
bool account_totp_remove(struct context *context, struct json_value body);
bool account_update(struct context *context, struct json_value body, struct text *out);

bool users_list(struct context *context, struct text *out);
bool users_names(struct context *context, struct text *out);
bool user_create(struct context *context, struct json_value body, struct text *out);
bool user_update(struct context *context, int64_t id, struct json_value body, struct text *out);
bool user_reset_password(struct context *context, int64_t id, char password[PASSWORD_ONCE_SIZE]);
bool user_reset_password_json(struct context *context, int64_t id, struct text *out);
bool user_reset_totp(struct context *context, int64_t id, struct text *out);
bool user_unlock(struct context *context, int64_t id, struct text *out);
/* For programs: makes a user with a one-time password. Agencies may be NULL. */
bool user_make(struct context *context, const char *name, const char *display_name, const char *role,
               const int64_t *agencies, size_t agency_count, char password[PASSWORD_ONCE_SIZE], int64_t *id);
/* Sets a password as the user would, without asking for the old one. */
bool user_set_password(struct context *context, int64_t id, struct bytes password, bool must_change);

/* The rule that a password breaks (docs/api.md, `weak`), or NULL. */
const char *password_weakness(struct bytes password, struct bytes user_name, bool second_factor);
/* The TOTP code of a secret at a 30-second step. */
/* How long a session lasts at most, and an account is locked. */
#define SESSION_LIFE_NS (8 * 3600 * NS_PER_S)
#define LOCKOUT_NS      (12 * 3600 * NS_PER_S)
/* Number of the 30 s interval. */
uint64_t totp_step(uint64_t now);
uint32_t totp_code(struct bytes secret, uint64_t step);

#endif
