/* SPDX-License-Identifier: Apache-2.0 */
/* Time: nanoseconds since 1970 UTC, and their texts. */
#ifndef VONGLAU_BASE_CLOCK_H
#define VONGLAU_BASE_CLOCK_H

#include "base/text.h"

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* Wall clock, nanoseconds since 1970 UTC; may jump. */
uint64_t clock_wall(void);
/* Monotonic nanoseconds since an unspecified start; for intervals. */
uint64_t clock_steady(void);
/* The same, and it counts the time a machine sleeps: what the wall clock should have advanced by. */
uint64_t clock_elapsed(void);
/* "2026-11-22T03:04:05.123456+0000" in the zone of TZ, as EVE writes it. */
void clock_text_eve(uint64_t time, struct text *out);
/* "2026-11-22T03:04:05.123Z" (RFC 3339, UTC, milliseconds). */
void clock_text_rfc3339(uint64_t time, struct text *out);
/* Reads RFC 3339 and the EVE form, any fraction, any offset; false on anything else. */
MUST_CHECK bool clock_parse(struct bytes text, uint64_t *time);

#endif
