/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, moments and numbers, as people and scripts write them. */
#include "values.h"

#include "../../caveats/timestamp.h"

#include <stdio.h>

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

enum kh_err
value_time_or_ago(const char *text, int64_t now, int64_t *out, struct fault *fault)
{
    int64_t ago;
    if (value_duration_s(text, &ago, NULL) == KH_OK) {
        *out = now - ago;
        return KH_OK;
    }
    if (value_time(text, out, NULL) == KH_OK)
        return KH_OK;
    return fault_set(fault, KH_ERR_SYNTAX,
                     "\"%.40s\" is neither a moment (2026-12-01T00:00:00Z) nor a time ago (2h)",
                     text);
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
