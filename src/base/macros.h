/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes and small arithmetic that every layer uses. */
#ifndef VONGLAU_BASE_MACROS_H
#define VONGLAU_BASE_MACROS_H

#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK               __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define LIKELY(x)                __builtin_expect(!!(x), 1)
#define UNLIKELY(x)              __builtin_expect(!!(x), 0)
#define COUNT_OF(array)          (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)                ((a) < (b) ? (a) : (b))
#define MAX(a, b)                ((a) > (b) ? (a) : (b))

/* Which end of a conversation a byte travels to; also the index of per-direction arrays. */
enum direction { TO_SERVER = 0, TO_CLIENT = 1 };
#define DIRECTIONS 2

#endif
