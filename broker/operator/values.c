/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, moments and numbers, as people and scripts write them. */
#include "values.h"

#include "../../caveats/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct unit {
    char letter;
    int64_t seconds;
} units[] = {
    {'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1},
};

enum { DURATION_MAX_S = 1000000000 }; // some thirty years

enum kh_err
value_duration_s(const char *text, int64_t *out, struct fault *fault)
{
    int64_t total = 0;
    size_t unit = 0; // units go down: "1h30m", never "30m1h"
    const char *p = text;
    while (*p >= '0' && *p <= '9') {
        int64_t number = 0;
        for (; *p >= '0' && *p <= '9' && number <= DURATION_MAX_S; p++)
            number = number * 10 + (*p - '0');
        while (unit < sizeof(units) / sizeof(units[0]) && units[unit].letter != *p)
            unit++;
        if (unit == sizeof(units) / sizeof(units[0]))
            break;
        if (number > DURATION_MAX_S / units[unit].seconds)
            return fault_set(fault, KH_ERR_RANGE, "\"%.40s\" is too long a time", text);
        total += number * units[unit].seconds;
        unit++;
        p++;
        if (*p == '\0') {
            if (total < 1 || total > DURATION_MAX_S)
                return fault_set(fault, KH_ERR_RANGE, "\"%.40s\" is %s time", text,
                                 total < 1 ? "no" : "too long a");
            *out = total;
            return KH_OK;
        }
    }
    return fault_set(fault, KH_ERR_SYNTAX,
                     "\"%.40s\" is no duration: use a number with s, m, h, d or w, as in 90s, 15m, "
                     "12h, 7d",
                     text);
}

enum kh_err
value_time(const char *text, int64_t *out, struct fault *fault)
{
    if (!timestamp_parse(bytes_str(text), out))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.40s\" is no moment: use RFC 3339 in UTC, as in 2026-12-01T00:00:00Z",
                         text);
    return KH_OK;
}

// "2026-11-01", with a time of day, seconds and a zone or not. As UTC, and whether a zone was given
// with what it adds.
static bool
read_moment(const char *text, int64_t *out, bool *zoned)
{
    static const char whole[] = "0000-00-00T00:00:00Z";
    char stamp[TIMESTAMP_SIZE];
    size_t n = strspn(text, "0123456789-T: ");
    const char *zone = text + n;
    char sign = 0;
    unsigned hours = 0, minutes = 0;
    // The sign of a zone behind UTC is among those characters.
    if (n > sizeof("2026-11-01T00:00") - 1 && text[n - 6] == '-' && text[n - 3] == ':')
        zone = text + (n -= 6);
    if (n != 10 && n != 16 && n != 19)
        return false;
    memcpy(stamp, whole, sizeof whole);
    memcpy(stamp, text, n);
    if (n > 10 && stamp[10] == ' ')
        stamp[10] = 'T';
    if (!timestamp_parse(bytes_str(stamp), out))
        return false;
    *zoned = zone[0] != '\0';
    if (zone[0] == '\0' || (n > 10 && strcmp(zone, "Z") == 0))
        return true;
    int end = 0;
    if (n == 10 || sscanf(zone, "%c%2u:%2u%n", &sign, &hours, &minutes, &end) != 3 ||
        (size_t)end != strlen(zone) || end != 6 || (sign != '+' && sign != '-') || hours > 14 ||
        minutes > 59)
        return false;
    *out -= (sign == '-' ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

// The same time of day here.
static bool
make_local(int64_t *moment)
{
    struct tm parts;
    time_t seconds = (time_t)*moment;
    if (gmtime_r(&seconds, &parts) == NULL)
        return false;
    parts.tm_isdst = -1;
    seconds = mktime(&parts);
    *moment = seconds;
    return seconds != (time_t)-1;
}

enum kh_err
value_time_or_ago(const char *text, int64_t now, int64_t *out, struct fault *fault)
{
    int64_t ago, moment;
    bool zoned = false;
    if (value_duration_s(text, &ago, NULL) == KH_OK) {
        *out = now - ago;
        return KH_OK;
    }
    if (!read_moment(text, &moment, &zoned) || (!zoned && !make_local(&moment)))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.40s\" is neither a moment (2026-12-01T00:00:00Z, or 2026-12-01 or "
                         "2026-12-01T08:30 of the clock here) nor a time ago (2h)",
                         text);
    *out = moment;
    return KH_OK;
}

enum kh_err
value_number(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *out,
             struct fault *fault)
{
    uint64_t value;
    if (!bytes_to_u64(bytes_str(text), &value) || value < minimum || value > maximum)
        return fault_set(fault, KH_ERR_RANGE, "\"%.40s\" is no number from %llu to %llu", text,
                         (unsigned long long)minimum, (unsigned long long)maximum);
    *out = value;
    return KH_OK;
}

void
value_print_span(int64_t seconds, char *out, size_t cap)
{
    long long s = seconds < 0 ? 0 : seconds;
    if (s >= 2 * 86400)
        snprintf(out, cap, "%lld days", s / 86400);
    else if (s >= 3600)
        snprintf(out, cap, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        snprintf(out, cap, "%lld min", s / 60);
    else
        snprintf(out, cap, "%lld s", s);
}
