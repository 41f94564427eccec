/* SPDX-License-Identifier: Apache-2.0 */
/* The clock engine: when something is due, in minutes, hours, calendar days or working days at +07:00. */
#ifndef VONGLAU_CENTER_CLOCKS_H
#define VONGLAU_CENTER_CLOCKS_H

#include "store/database.h"

enum clock_unit { CLOCK_MINUTES, CLOCK_HOURS, CLOCK_DAYS, CLOCK_WORKING_DAYS };

/* Days that differ from the week: days since 1970 at +07:00, sorted. */
struct calendar {
    struct calendar_day {
        int32_t day;
        bool working;
    } days[1024];
    size_t count;
};

/* False for an unknown name. */
bool clock_unit_read(struct bytes name, enum clock_unit *unit);
void calendar_load(struct calendar *calendar, struct database *database);
bool calendar_working(const struct calendar *calendar, int32_t day);
/* The time `amount` units after `start` (nanoseconds). Working days keep the time of day and count
 * from the day after the start. */
uint64_t clock_due(const struct calendar *calendar, uint64_t start, uint64_t amount, enum clock_unit unit);

#endif
