/* SPDX-License-Identifier: Apache-2.0 */
/* Wall and steady clocks, and ISO 8601 texts. */
#include "base/clock.h"

#include <time.h>

#include "base/reader.h"

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t clock_steady(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_elapsed(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

/* Writes `value` as exactly `width` digits. */
static void digits(char *at, unsigned value, int width)
{
    while (width--) {
        at[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* "YYYY-MM-DDTHH:MM:SS" */
static void put_seconds(const struct tm *tm, char out[19])
{
    memcpy(out, "0000-00-00T00:00:00", 19);
    digits(out, (unsigned)(tm->tm_year + 1900) % 10000, 4);
    digits(out + 5, (unsigned)tm->tm_mon + 1, 2);
    digits(out + 8, (unsigned)tm->tm_mday, 2);
    digits(out + 11, (unsigned)tm->tm_hour, 2);
    digits(out + 14, (unsigned)tm->tm_min, 2);
    digits(out + 17, (unsigned)tm->tm_sec, 2);
}

void clock_text_eve(uint64_t time, struct text *out)
{
    time_t seconds = (time_t)(time / NS_PER_S);
    struct tm tm;
    char text[31];
    localtime_r(&seconds, &tm);
    put_seconds(&tm, text);
    text[19] = '.';
    digits(text + 20, (unsigned)(time % NS_PER_S / NS_PER_US), 6);
    long offset = tm.tm_gmtoff / 60;
    text[26] = offset < 0 ? '-' : '+';
    offset = offset < 0 ? -offset : offset;
    digits(text + 27, (unsigned)offset / 60, 2);
    digits(text + 29, (unsigned)offset % 60, 2);
    text_put(out, bytes_of(text, sizeof text));
}

void clock_text_rfc3339(uint64_t time, struct text *out)
{
    time_t seconds = (time_t)(time / NS_PER_S);
    struct tm tm;
    char text[24];
    gmtime_r(&seconds, &tm);
    put_seconds(&tm, text);
    text[19] = '.';
    digits(text + 20, (unsigned)(time % NS_PER_S / NS_PER_MS), 3);
    text[23] = 'Z';
    text_put(out, bytes_of(text, sizeof text));
}

static unsigned number(struct reader *in, size_t width)
{
    unsigned value = 0;
    while (width--) {
        uint8_t c = reader_u8(in);
        if (!byte_is_digit(c))
            reader_fail(in);
        value = value * 10 + (c - '0');
    }
    return reader_ok(in) ? value : 0;
}

static void expect(struct reader *in, const char *any)
{
    uint8_t c = reader_u8(in);
    if (!c || !strchr(any, c))
        reader_fail(in);
}

static uint64_t fraction(struct reader *in)
{
    uint64_t value = 0, scale = NS_PER_S / 10;
    if (reader_empty(in) || *in->at != '.')
        return 0;
    reader_skip(in, 1);
    while (!reader_empty(in) && byte_is_digit(*in->at)) {
        value += (uint64_t)(reader_u8(in) - '0') * scale;
        scale /= 10;
    }
    return value;
}

/* Minutes east of UTC. */
static int zone(struct reader *in)
{
    uint8_t sign = reader_u8(in);
    if (sign == 'Z' || sign == 'z')
        return 0;
    if (sign != '+' && sign != '-')
        reader_fail(in);
    int minutes = (int)number(in, 2) * 60;
    if (!reader_empty(in) && *in->at == ':')
        reader_skip(in, 1);
    minutes += (int)number(in, 2);
    return sign == '-' ? -minutes : minutes;
}

bool clock_parse(struct bytes text, uint64_t *time)
{
    struct reader in = reader_of_bytes(text);
    struct tm tm = { 0 };
    tm.tm_year = (int)number(&in, 4) - 1900;
    expect(&in, "-");
    tm.tm_mon = (int)number(&in, 2) - 1;
    expect(&in, "-");
    tm.tm_mday = (int)number(&in, 2);
    expect(&in, "Tt ");
    tm.tm_hour = (int)number(&in, 2);
    expect(&in, ":");
    tm.tm_min = (int)number(&in, 2);
    expect(&in, ":");
    tm.tm_sec = (int)number(&in, 2);
    uint64_t ns = fraction(&in);
    int minutes = zone(&in);
    if (!reader_ok(&in) || !reader_empty(&in) || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    int64_t seconds = (int64_t)timegm(&tm) - (int64_t)minutes * 60;
    if (seconds < 0)
        return false;
    *time = (uint64_t)seconds * NS_PER_S + ns;
    return true;
}
