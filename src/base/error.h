/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong in an operation, as one sentence naming place, rule and value. */
#ifndef VONGLAU_BASE_ERROR_H
#define VONGLAU_BASE_ERROR_H

#include "base/bytes.h"

struct error {
    char text[512];
    bool disk_full; /* for want of room on a disk: to be tried again once there is some */
};

/* Sets the text (truncated if need be) and returns false, for `return error_set(...)`. NULL is ignored. */
bool error_set(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with ": " and the text of errno at the end; sets disk_full by it. */
bool error_system(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
/* Hands on what another call reported. Returns false. */
bool error_copy(struct error *error, const struct error *from);
/* Puts "prefix: " before the text. Returns false. */
bool error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#ifdef __clang_analyzer__ /* does not look into other files */
#define error_set(...)    (error_set(__VA_ARGS__), false)
#define error_system(...) (error_system(__VA_ARGS__), false)
#define error_copy(...)   (error_copy(__VA_ARGS__), false)
#endif

#endif
