/* SPDX-License-Identifier: Apache-2.0 */
/* Exact decimals: where the significant digits stand in the text, and which power the first has. */

#include "decimal.h"

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static size_t
digits_end(struct bytes text, size_t i)
{
    while (i < text.n && is_digit(text.p[i]))
        i++;
    return i;
}

/* "e+12" at `*i`, moved past it. */
static enum kh_err
exponent_read(struct bytes text, size_t *i, int64_t *out)
{
    bool negative = false;
    int64_t value = 0;
    size_t at = *i + 1;
    if (at < text.n && (text.p[at] == '-' || text.p[at] == '+'))
        negative = text.p[at++] == '-';
    size_t end = digits_end(text, at);
    if (end == at)
        return KH_ERR_TYPE;
    for (; at < end; at++) {
        value = value * 10 + (text.p[at] - '0');
        if (value > DECIMAL_EXPONENT_MAX)
            return KH_ERR_RANGE;
    }
    *i = end;
    *out = negative ? -value : value;
    return KH_OK;
}

/* Find the significant digits of a mantissa whose whole part has `whole` digits. */
static void
mantissa_read(struct bytes mantissa, size_t whole, struct decimal *d)
{
    size_t first = 0, last = mantissa.n;
    while (first < mantissa.n && (mantissa.p[first] == '0' || mantissa.p[first] == '.'))
        first++;
    d->zero = first == mantissa.n;
    if (d->zero)
        return;
    while (mantissa.p[last - 1] == '0' || mantissa.p[last - 1] == '.')
        last--;
    d->digits = bytes_slice(mantissa, first, last - first);
    /* the '.' itself stands at index `whole` */
    d->magnitude += first < whole ? (int64_t)(whole - 1 - first) : -(int64_t)(first - whole);
}

enum kh_err
decimal_read(struct bytes text, struct decimal *out)
{
    struct decimal d = {.form = DECIMAL_PLAIN};
    struct bytes trimmed = bytes_trim(text);
    bool loose = trimmed.n != text.n, has_exponent = false;
    size_t i = 0;
    text = trimmed;
    if (i < text.n && (text.p[i] == '-' || text.p[i] == '+')) {
        d.negative = text.p[i] == '-';
        loose = loose || !d.negative;
        i++;
    }

    size_t start = i, whole = digits_end(text, i) - i, fraction = 0;
    i += whole;
    if (i < text.n && text.p[i] == '.') {
        i++;
        fraction = digits_end(text, i) - i;
        i += fraction;
        loose = loose || fraction == 0;
    }
    if (whole + fraction == 0)
        return KH_ERR_TYPE;
    loose = loose || whole == 0 || (whole > 1 && text.p[start] == '0');
    struct bytes mantissa = bytes_slice(text, start, i - start);

    if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
        has_exponent = true;
        enum kh_err err = exponent_read(text, &i, &d.magnitude);
        if (err)
            return err;
    }
    if (i != text.n)
        return KH_ERR_TYPE;
    mantissa_read(mantissa, whole, &d);
    d.form = loose ? DECIMAL_LOOSE : has_exponent ? DECIMAL_EXPONENT : DECIMAL_PLAIN;
    *out = d;
    return KH_OK;
}

static int
compare_digits(struct bytes a, struct bytes b)
{
    size_t i = 0, k = 0;
    for (;;) {
        if (i < a.n && a.p[i] == '.')
            i++;
        if (k < b.n && b.p[k] == '.')
            k++;
        if (i == a.n || k == b.n)
            return (i < a.n) - (k < b.n);
        if (a.p[i] != b.p[k])
            return a.p[i] < b.p[k] ? -1 : 1;
        i++;
        k++;
    }
}

static int
compare_absolute(const struct decimal *a, const struct decimal *b)
{
    if (a->zero || b->zero)
        return (int)b->zero - (int)a->zero;
    if (a->magnitude != b->magnitude)
        return a->magnitude < b->magnitude ? -1 : 1;
    return compare_digits(a->digits, b->digits);
}

int
decimal_compare(const struct decimal *a, const struct decimal *b)
{
    bool a_negative = a->negative && !a->zero, b_negative = b->negative && !b->zero;
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    int order = compare_absolute(a, b);
    return a_negative ? -order : order;
}
