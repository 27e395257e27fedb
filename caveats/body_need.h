/* SPDX-License-Identifier: Apache-2.0
 *
 * What has to be known of a body before caveats and rules on it can be judged.
 */
#ifndef KEYHOLE_BODY_NEED_H
#define KEYHOLE_BODY_NEED_H

#include "body.h"
#include "caveat.h"

/* The pointers point into `text`: not to be copied. */
struct body_need {
    bool sha256;
    bool content; /* all of it: for a signature, no caveat looks at more than places in it */
    size_t count; /* of pointers; with none, the size alone */
    struct bytes pointer[BODY_POINTERS_MAX];
    size_t text_used;
    uint8_t text[BODY_POINTERS_TEXT_MAX];
};

void body_need_init(struct body_need *need); /* nothing; the texts are not cleared */
/* Add what that caveat looks at. False when that is more than can be looked at for one request. */
bool body_need_add(struct body_need *need, const struct caveat *caveat);

#endif
