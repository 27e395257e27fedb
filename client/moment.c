/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans of time as people write them: `--for 10m`.
 */
#include "moment.h"

#include "text.h"

static const struct {
    char letter;
    int64_t seconds;
} moment_unit[] = {
    {'d', 86400},
    {'h', 3600},
    {'m', 60},
    {'s', 1},
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
        while (unit < MOMENT_UNITS && (uint8_t)moment_unit[unit].letter != text.p[at])
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
