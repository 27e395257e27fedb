/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 by arithmetic: no locale, no time zone database, no clock. */

#include "timestamp.h"

#include <string.h>

enum { SECONDS_PER_DAY = 86400 };

static bool
is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned
days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days before the first of January of that year, since 1970. */
static int64_t
days_before_year(unsigned year)
{
    unsigned y = year - 1;
    return (int64_t)365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - 477;
}

static bool
digits_read(struct bytes text, size_t start, size_t n, unsigned *out)
{
    unsigned value = 0;
    for (size_t i = start; i < start + n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.p[i] - '0');
    }
    *out = value;
    return true;
}

static bool
shape_is_right(struct bytes text)
{
    static const char shape[] = "0000-00-00T00:00:00Z";
    if (text.n != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (shape[i] != '0' && text.p[i] != (uint8_t)shape[i])
            return false;
    }
    return true;
}

bool
timestamp_parse(struct bytes text, int64_t *out)
{
    unsigned year, month, day, hour, minute, second;
    if (!shape_is_right(text) || !digits_read(text, 0, 4, &year) ||
        !digits_read(text, 5, 2, &month) || !digits_read(text, 8, 2, &day) ||
        !digits_read(text, 11, 2, &hour) || !digits_read(text, 14, 2, &minute) ||
        !digits_read(text, 17, 2, &second))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t days = days_before_year(year) + day - 1;
    for (unsigned m = 1; m < month; m++)
        days += days_in_month(year, m);
    *out = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    return true;
}

static void
digits_write(char *out, size_t n, unsigned value)
{
    while (n > 0) {
        out[--n] = (char)('0' + value % 10);
        value /= 10;
    }
}

void
timestamp_print(int64_t time, char out[TIMESTAMP_SIZE])
{
    if (time < 0)
        time = 0;
    if (time > TIMESTAMP_MAX)
        time = TIMESTAMP_MAX;
    int64_t days = time / SECONDS_PER_DAY;
    unsigned second = (unsigned)(time % SECONDS_PER_DAY);
    unsigned year = 1970 + (unsigned)(days / 366), month = 1;
    while (days_before_year(year + 1) <= days)
        year++;
    unsigned day = (unsigned)(days - days_before_year(year));
    while (day >= days_in_month(year, month))
        day -= days_in_month(year, month++);
    memcpy(out, "0000-00-00T00:00:00Z", TIMESTAMP_SIZE);
    digits_write(out, 4, year);
    digits_write(out + 5, 2, month);
    digits_write(out + 8, 2, day + 1);
    digits_write(out + 11, 2, second / 3600);
    digits_write(out + 14, 2, second / 60 % 60);
    digits_write(out + 17, 2, second % 60);
}
