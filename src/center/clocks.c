/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines. */
#include "center/clocks.h"

#include "base/clock.h"

#define DAY_NS  (86400 * NS_PER_S)
#define ZONE_NS (7 * 3600 * NS_PER_S)

bool clock_unit_read(struct bytes name, enum clock_unit *unit)
{
    static const char *const names[] = { "minutes", "hours", "days", "working_days" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (bytes_is(name, names[i])) {
            *unit = (enum clock_unit)i;
            return true;
        }
    }
    return false;
}

void calendar_load(struct calendar *calendar, struct database *database)
{
    calendar->count = 0;
    struct statement *s = database_query(database,
                                         "SELECT CAST(strftime('%s', day) AS INTEGER)/86400, working FROM "
                                         "holiday WHERE ended IS NULL ORDER BY day",
                                         "");
    while (calendar->count < COUNT_OF(calendar->days) && statement_next(s))
        calendar->days[calendar->count++] = (struct calendar_day){ (int32_t)statement_int(s, 0),
                                                                   statement_int(s, 1) != 0 };
    statement_done(s);
}

bool calendar_working(const struct calendar *calendar, int32_t day)
{
    size_t low = 0, high = calendar->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (calendar->days[middle].day == day)
            return calendar->days[middle].working;
        if (calendar->days[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    /* 1 January 1970 was a Thursday. */
    int weekday = (day + 4) % 7;
    return weekday != 0 && weekday != 6;
}

uint64_t clock_due(const struct calendar *calendar, uint64_t start, uint64_t amount, enum clock_unit unit)
{
    switch (unit) {
    case CLOCK_MINUTES:
        return start + amount * 60 * NS_PER_S;
    case CLOCK_HOURS:
        return start + amount * 3600 * NS_PER_S;
    case CLOCK_DAYS:
        return start + amount * DAY_NS;
    case CLOCK_WORKING_DAYS:
        break;
    }
    uint64_t local = start + ZONE_NS;
    int32_t day = (int32_t)(local / DAY_NS);
    for (uint64_t left = MIN(amount, (uint64_t)10000); left;) {
        day++;
        if (calendar_working(calendar, day))
            left--;
    }
    return (uint64_t)(uint32_t)day * DAY_NS + local % DAY_NS - ZONE_NS;
}
