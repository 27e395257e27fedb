/* SPDX-License-Identifier: Apache-2.0
 *
 * One predicate: attribute, operator, values. What is allowed is in schema/attributes.def.
 */
#ifndef KEYHOLE_PREDICATE_H
#define KEYHOLE_PREDICATE_H

#include "errors.h"
#include "facts.h"

enum attribute {
    ATTRIBUTE_UNSET = 0,
#define KH_ATTRIBUTE(name, text, type, keyed, place, description) ATTRIBUTE_##name,
#include "../schema/attributes.def"
    ATTRIBUTE_COUNT
};

enum attribute_type {
    TYPE_WORD,
    TYPE_HOST,
    TYPE_PATH,
    TYPE_INTEGER,
    TYPE_SIZE,
    TYPE_TIME,
    TYPE_ADDRESS,
    TYPE_STRING,
    TYPE_VALUE,
    TYPE_JSON,
    TYPE_LINEAGE,
    TYPE_RATE,
    TYPE_HEX,
};

enum attribute_place { PLACE_REQUEST, PLACE_RECORD, PLACE_COUNTER, PLACE_DISCHARGE };

struct attribute_info {
    const char *text;
    enum attribute_type type;
    bool keyed;
    enum attribute_place place;
    const char *description;
};

const struct attribute_info *attribute_info(enum attribute attribute);

enum operator_kind {
    OPERATOR_UNSET = 0,
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_IN,
    OPERATOR_NOT_IN,
    OPERATOR_MATCHES,
    OPERATOR_NOT_MATCHES,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_PRESENT,
    OPERATOR_ABSENT,
};

/* A value, read according to the attribute's type. `text` is the value as a string, unquoted. */
struct predicate_value {
    struct bytes text;
    int64_t number;      /* INTEGER, SIZE (bytes), TIME (seconds since 1970), RATE */
    uint32_t window_s;   /* RATE: `number` in that many seconds */
    uint8_t address[16]; /* ADDRESS: IPv4 as IPv4-mapped IPv6 */
    uint8_t prefix_bits; /* ADDRESS: 0 to 128 */
    bool is_unix;        /* ADDRESS: the word unix */
    bool quoted;         /* written as a string */
    enum body_type json; /* JSON: STRING, NUMBER, TRUE, FALSE or NULL */
};

struct predicate {
    enum attribute attribute;
    struct bytes key; /* of query[key], header[key], body[key]; lower case for headers */
    enum operator_kind operator_kind;
    struct predicate_value *value; /* `count` of them */
    size_t count;
};

/*
 * Judging:
 * - Absent means false, for every operator but `absent`. Many values of a query parameter or header
 *   field must all satisfy.
 * - A query value and the caveat's value are equal as numbers when both are written as JSON writes
 *   numbers, and the query's without an exponent: `query[n] = 1` holds for 1 and 1.0. Otherwise
 *   they are equal as strings: 01 is not 1. Orders hold for such numbers alone.
 * - Programs disagree about 01, +1 and 1e0, so `!=` and `not in` take these for the number that
 *   they may be read as, and do not hold. To be safe against readers that are more lenient still,
 *   say what is allowed, not what is forbidden.
 * - A value of the body has a type, and a caveat's value too: 5 and true are JSON's number and
 *   literal, "5" and "true" are strings. One of another type satisfies no comparison, not even `!=`
 *   (but `!= null` holds for all that is not null). Arrays and objects satisfy `present` alone.
 * - An IPv4 address is ::ffff:a.b.c.d, so ::/0 is everybody but unix.
 * - In a host pattern only a leading `*.` is special; in other patterns each `*` is, and stands for
 *   no bytes too.
 */

/* Parse, print and judge serve caveat.c; see there for the rules on memory. `cursor` is moved past
 * what was read; `arena` receives unquoted text and has room for the whole caveat. */
struct predicate_arena {
    uint8_t *text;
    size_t text_used, text_cap;
    struct predicate_value *value;
    size_t value_used, value_cap;
};

KH_MUST_CHECK enum kh_err predicate_parse(struct bytes whole, size_t *cursor,
                                          struct predicate_arena *arena, struct predicate *out,
                                          struct fault *fault);
void predicate_print(const struct predicate *predicate, struct buffer *out);
bool predicate_holds(const struct predicate *predicate, const struct facts *facts);
/* Whether it holds by some reading of the request: what a forbid goes by, where predicate_holds()
 * would let pass what can be read in two ways. Of many values one is enough; a number that some
 * program reads as another, or a body that is not the JSON that it should be, may say anything.
 * What is not there says nothing in either. */
bool predicate_may_hold(const struct predicate *predicate, const struct facts *facts);
/* Whether it may hold once more is known of the body. Then it does not hold yet. */
bool predicate_needs_body(const struct predicate *predicate, const struct facts *facts);

#endif
