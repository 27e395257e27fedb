/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact decimals, compared without floating point, of any length.
 */
#ifndef KEYHOLE_DECIMAL_H
#define KEYHOLE_DECIMAL_H

#include "bytes.h"
#include "errors.h"

enum { DECIMAL_EXPONENT_MAX = 999 };

/*
 * How a number is written. Programs agree on PLAIN alone: parseInt reads 9e-1 as nine, others read
 * 010 as eight or refuse it.
 */
enum decimal_form {
    DECIMAL_PLAIN,    /* JSON's grammar without an exponent: 0, -12, 0.50 */
    DECIMAL_EXPONENT, /* JSON's grammar with one: 1e3 */
    DECIMAL_LOOSE,    /* what lenient readers take: +1, 01, .5, 5., blanks around it */
};

struct decimal {
    enum decimal_form form;
    bool negative;
    bool zero;
    int64_t magnitude;   /* the power of ten of the first significant digit */
    struct bytes digits; /* first to last significant digit, a '.' may stand between; borrowed */
};

/* KH_ERR_TYPE when it is no number in any form, KH_ERR_RANGE when the exponent is beyond the
 * limit. */
KH_MUST_CHECK enum kh_err decimal_read(struct bytes text, struct decimal *out);

/* -1, 0, 1. Minus zero is zero, 1.0 is 1, 10e-1 is 1. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

#endif
