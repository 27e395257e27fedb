/* SPDX-License-Identifier: Apache-2.0
 *
 * Moments and spans of time: `--for 10m`, RFC 3339, "in 2 hours".
 */
#include "moment.h"

#include "../caveats/timestamp.h"
#include "text.h"

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

static enum kh_err
moment_span_fault(struct bytes text, enum kh_err err, struct fault *fault)
{
    BUFFER_AUTO safe;
    buffer_init(&safe, 128);
    text_put_safe(&safe, bytes_slice(text, 0, 24));
    if (err == KH_ERR_RANGE)
        return fault_set(fault, err, "'%s' is not between 1 second and 3660 days",
                         buffer_text(&safe));
    return fault_set(fault, err,
                     "'%s' is no span of time: expected something like 90s, 10m, 12h, "
                     "7d or 1h30m",
                     buffer_text(&safe));
}

enum kh_err
moment_read_span(struct bytes text, int64_t *seconds, struct fault *fault)
{
    uint64_t total = 0;
    size_t at = 0, unit = 0;
    if (text.n == 0)
        return moment_span_fault(text, KH_ERR_SYNTAX, fault);
    while (at < text.n) {
        size_t start = at;
        while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
            at++;
        uint64_t count = 0;
        if (at == start || at == text.n)
            return moment_span_fault(text, KH_ERR_SYNTAX, fault);
        if (!bytes_to_u64(bytes_slice(text, start, at - start), &count))
            return moment_span_fault(text, text.p[start] == '0' ? KH_ERR_SYNTAX : KH_ERR_RANGE,
                                     fault);
        while (unit < MOMENT_UNITS && moment_unit[unit].letter != text.p[at])
            unit++;
        if (unit == MOMENT_UNITS)
            return moment_span_fault(text, KH_ERR_SYNTAX, fault);
        if (count > (uint64_t)MOMENT_SPAN_MAX)
            return moment_span_fault(text, KH_ERR_RANGE, fault);
        total += count * (uint64_t)moment_unit[unit++].seconds;
        at++;
    }
    if (total == 0 || total > (uint64_t)MOMENT_SPAN_MAX)
        return moment_span_fault(text, KH_ERR_RANGE, fault);
    *seconds = (int64_t)total;
    return KH_OK;
}

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
