/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of a predicate: read according to the attribute's type, printed canonically, compared with
 * a fact. And which operators a type has.
 */
#ifndef KEYHOLE_PREDICATE_VALUE_H
#define KEYHOLE_PREDICATE_VALUE_H

#include "predicate.h"

/* Whether values of that attribute may be compared by that operator. */
bool predicate_operator_allowed(const struct attribute_info *info,
                                enum operator_kind operator_kind);

/* Read `value->text` into the typed members. KH_ERR_TYPE, KH_ERR_RANGE. */
KH_MUST_CHECK enum kh_err predicate_value_read(enum attribute attribute,
                                               enum operator_kind operator_kind,
                                               struct predicate_value *value, struct fault *fault);

/* The canonical word, unquoted; `scratch` may hold it. */
enum { PREDICATE_SCRATCH = 64 };
struct bytes predicate_value_text(enum attribute_type type, const struct predicate_value *value,
                                  char scratch[PREDICATE_SCRATCH]);

/* Whether it would mean something else as a bare word. */
bool predicate_value_needs_quotes(const struct predicate *predicate,
                                  const struct predicate_value *value);

/* A fact as a value is compared with it. */
struct predicate_fact {
    struct bytes text;
    int64_t number;      /* INTEGER, SIZE, TIME */
    enum body_type json; /* JSON: as in struct predicate_value */
};

bool predicate_value_equals(enum attribute_type type, const struct predicate_value *value,
                            const struct predicate_fact *fact);
/* Whether some program could take them for equal; what != and "not in" rule out. */
bool predicate_value_may_equal(enum attribute_type type, const struct predicate_value *value,
                               const struct predicate_fact *fact);
bool predicate_value_matches(enum attribute_type type, const struct predicate_value *value,
                             const struct predicate_fact *fact);
/* <, <=, >, >= */
bool predicate_value_orders(enum attribute_type type, enum operator_kind operator_kind,
                            const struct predicate_value *value, const struct predicate_fact *fact);

#endif
