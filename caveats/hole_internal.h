/* SPDX-License-Identifier: Apache-2.0
 *
 * The parsed form of what a hole demands, which reading, printing and judging share. Nobody else
 * includes this.
 */
#ifndef KEYHOLE_HOLE_INTERNAL_H
#define KEYHOLE_HOLE_INTERNAL_H

#include "hole.h"

enum hole_attribute_id {
    HOLE_USER = 0,
    HOLE_FACTOR,
    HOLE_PRESENCE,
    HOLE_VERIFICATION,
    HOLE_AAGUID,
    HOLE_FIRMWARE,
    HOLE_ATTRIBUTES
};

enum hole_operator { HOLE_EQ = 0, HOLE_IN, HOLE_GE, HOLE_LE, HOLE_GT, HOLE_LT, HOLE_OPERATORS };

struct hole_predicate {
    enum hole_attribute_id attribute;
    enum hole_operator op;
    struct bytes value[HOLE_VALUES_MAX]; /* into the form */
    size_t value_count;                  /* at least 1; of HOLE_IN perhaps more */
};

/* Slices point into it: it is not to be copied. */
struct hole_form {
    struct hole_predicate predicate[HOLE_PREDICATES_MAX];
    size_t count;
    int64_t lifetime_s;
    uint8_t text[HOLE_TEXT_MAX]; /* of all values */
    size_t used;
};

/* ---- hole.c ---- */

KH_MUST_CHECK enum kh_err hole_form_read(struct bytes text, struct hole_form *out,
                                         struct fault *fault);
void hole_predicate_print(const struct hole_predicate *predicate, struct buffer *out);

/* ---- hole_value.c ---- */

/* Eight, four, four, four and twelve hexadecimal digits with dashes between them. */
bool hole_value_is_aaguid(struct bytes text);
/* "5.7.4": one to four numbers; false otherwise. What is missing is zero. */
enum { HOLE_VERSION_PARTS = 4 };
KH_MUST_CHECK bool hole_value_version(struct bytes text, uint32_t out[HOLE_VERSION_PARTS]);

#endif
