/* SPDX-License-Identifier: Apache-2.0
 *
 * What caveats may look at in a JSON body: values at JSON pointers (RFC 6901), numbers as written.
 *
 * The body must be one JSON text (RFC 8259) in UTF-8 without duplicate names, nested at most
 * BODY_DEPTH_MAX deep; otherwise nothing in it can be judged.
 */
#ifndef KEYHOLE_BODY_H
#define KEYHOLE_BODY_H

#include "errors.h"

enum {
    BODY_DEPTH_MAX = 64,
    BODY_SHA256_SIZE = 32,
    BODY_POINTERS_MAX = 64,           /* places that are looked at for one request */
    BODY_POINTERS_TEXT_MAX = 8192,    /* bytes, all pointers together: more than a token can hold */
    BODY_VALUE_MAX = 16 * 1024,       /* bytes of one string or number that is still judged */
    BODY_VALUES_TEXT_MAX = 32 * 1024, /* of all of them together */
};

enum body_type {
    BODY_VALUE_ABSENT = 0, /* the pointer leads nowhere */
    BODY_VALUE_STRING,     /* text: the string, unescaped */
    BODY_VALUE_NUMBER,     /* text: the number as it was written, so that 1e400 stays exact */
    BODY_VALUE_TRUE,       /* text of these three: the literal */
    BODY_VALUE_FALSE,
    BODY_VALUE_NULL,
    BODY_VALUE_ARRAY,
    BODY_VALUE_OBJECT,
    BODY_VALUE_LONG, /* a string or number that is too long to be judged */
    /* Another name beside the one that was asked for differs from it in case alone, and some
     * readers take that one (encoding/json of Go): the value is neither there nor absent. */
    BODY_VALUE_AMBIGUOUS,
    BODY_TYPE_COUNT
};

struct body_value {
    enum body_type type;
    struct bytes text; /* points into `storage` of body_read(), or is static */
};

/* Read the values at `count` pointers, at most BODY_POINTERS_MAX. KH_ERR_SYNTAX when the body is
 * not JSON as above, KH_ERR_MEMORY. Texts are appended to `storage`, which must take
 * BODY_VALUES_TEXT_MAX more bytes and must not grow afterwards. */
KH_MUST_CHECK enum kh_err body_read(struct bytes json, const struct bytes *pointer, size_t count,
                                    struct body_value *value, struct buffer *storage);

/* Whether text is a JSON pointer: empty, or '/' before each part, '~' only as ~0 and ~1. */
bool body_pointer_is_valid(struct bytes pointer);

#endif
