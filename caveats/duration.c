/* SPDX-License-Identifier: Apache-2.0 */
/* Durations: units go down, "1h30m" and never "30m1h". */

#include "duration.h"

static const struct unit {
    char letter;
    int64_t seconds;
} units[] = {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
enum { UNITS = sizeof units / sizeof units[0] };

static enum kh_err
no_duration(struct bytes text, struct fault *fault)
{
    bool shown = bytes_is_utf8(text) && text.n <= 40;
    return fault_set(fault, KH_ERR_SYNTAX,
                     "%s%.*s%s is no duration: a number with s, m, h, d or w, as 90s, 15m, 12h, 7d",
                     shown ? "\"" : "", BYTES_ARG(shown ? text : BYTES("this")), shown ? "\"" : "");
}

enum kh_err
duration_parse(struct bytes text, int64_t *seconds, struct fault *fault)
{
    int64_t total = 0;
    size_t unit = 0, at = 0;
    while (at < text.n) {
        size_t start = at;
        uint64_t number;
        while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
            at++;
        struct bytes digits = bytes_slice(text, start, at - start);
        while (unit < UNITS && (at == text.n || text.p[at] != (uint8_t)units[unit].letter))
            unit++;
        if (unit == UNITS || digits.n == 0 || (digits.n > 1 && digits.p[0] == '0'))
            return no_duration(text, fault);
        if (!bytes_to_u64(digits, &number) ||
            number > (uint64_t)(DURATION_MAX_S / units[unit].seconds))
            return fault_set(fault, KH_ERR_RANGE, "the time is too long");
        total += (int64_t)number * units[unit++].seconds;
        at++;
    }
    if (text.n == 0)
        return no_duration(text, fault);
    if (total < 1 || total > DURATION_MAX_S)
        return fault_set(fault, KH_ERR_RANGE, "the time is too %s", total < 1 ? "short" : "long");
    *seconds = total;
    return KH_OK;
}

void
duration_print(int64_t seconds, struct buffer *out)
{
    if (seconds <= 0)
        buffer_put_str(out, "0s");
    // Weeks are read but not written: 7d says the same to more people.
    for (size_t i = 1; i < UNITS && seconds > 0; i++) {
        if (seconds < units[i].seconds)
            continue;
        buffer_printf(out, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
        seconds %= units[i].seconds;
    }
}
