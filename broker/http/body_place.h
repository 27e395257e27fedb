/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the value of a field stands in a body: of a form by its name, of JSON by a pointer
 * (RFC 6901).
 */
#ifndef KEYHOLE_BODY_PLACE_H
#define KEYHOLE_BODY_PLACE_H

#include "../../caveats/bytes.h"

enum body_found {
    BODY_FOUND_NOTHING = 0,
    BODY_FOUND_ONE,
    BODY_FOUND_TWICE,   /* two names are equal: readers differ in which they take */
    BODY_FOUND_TWIN,    /* a name that some readers take for it: in another case, behind a ';' */
    BODY_FOUND_UNCLEAR, /* it is no such body, or cannot be read for sure */
};

struct body_place {
    size_t start, n; /* of the raw value; of JSON between the quotes */
    bool json;
};

/* `name` with a '/' at its start is a pointer, and `body` is JSON; else it is a form. */
enum body_found body_place_find(struct bytes body, struct bytes name, struct body_place *place);
/* The value as it is written at such a place. */
void body_place_write(const struct body_place *place, struct bytes value, struct buffer *out);

#endif
