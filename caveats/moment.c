/* SPDX-License-Identifier: Apache-2.0
 *
 * Moments and spans of time in words: "in 2 hours".
 */
#include "moment.h"

#include "timestamp.h"

static const struct {
    char letter;
    int64_t seconds;
    const char *name;
} moment_unit[] = {
    {'d', 86400, "day"},
    {'h', 3600, "hour"},
    {'m', 60, "minute"},
    {'s', 1, "second"},
};
enum { MOMENT_UNITS = sizeof moment_unit / sizeof moment_unit[0] };

void
moment_put(struct buffer *out, int64_t at)
{
    char text[TIMESTAMP_SIZE];
    timestamp_print(at, text);
    buffer_put_str(out, text);
}

void
moment_put_span(struct buffer *out, int64_t seconds)
{
    for (size_t i = 0; i < MOMENT_UNITS; i++) {
        int64_t count = seconds / moment_unit[i].seconds;
        if (count == 0)
            continue;
        buffer_printf(out, "%lld %s%s", (long long)count, moment_unit[i].name,
                      count == 1 ? "" : "s");
        if (i + 1 == MOMENT_UNITS)
            return;
        count = seconds % moment_unit[i].seconds / moment_unit[i + 1].seconds;
        if (count > 0)
            buffer_printf(out, " %lld %s%s", (long long)count, moment_unit[i + 1].name,
                          count == 1 ? "" : "s");
        return;
    }
    buffer_put_str(out, "less than a second");
}

void
moment_put_relative(struct buffer *out, int64_t at, int64_t now)
{
    int64_t span;
    if (at == now) {
        buffer_put_str(out, "now");
    } else if (at > now) {
        buffer_put_str(out, "in ");
        moment_put_span(out, __builtin_sub_overflow(at, now, &span) ? INT64_MAX : span);
    } else {
        moment_put_span(out, __builtin_sub_overflow(now, at, &span) ? INT64_MAX : span);
        buffer_put_str(out, " ago");
    }
}
