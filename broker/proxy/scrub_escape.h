/* SPDX-License-Identifier: Apache-2.0
 *
 * A secret some of whose bytes are escaped: percent-encoded, or as JSON has it. Which ones are, and
 * in which case of letters, differs from writer to writer, so it is read and not listed.
 */
#ifndef KEYHOLE_PROXY_SCRUB_ESCAPE_H
#define KEYHOLE_PROXY_SCRUB_ESCAPE_H

#include "../../caveats/bytes.h"

enum {
    SCRUB_ESCAPE_MARKS = 2,
    SCRUB_ESCAPE_GROWTH = 6, /* bytes for one: \u002F */
};
/* '%' (RFC 3986, and '+' for a space) and '\\' (RFC 8259). */
extern const uint8_t scrub_escape_mark[SCRUB_ESCAPE_MARKS];

enum scrub_escape {
    SCRUB_ESCAPE_NO = 0,
    SCRUB_ESCAPE_PART, /* all of the text is the beginning of one */
    SCRUB_ESCAPE_WHOLE,
};

/* Whether `text` begins with the secret; `*n` bytes of it when WHOLE. */
enum scrub_escape scrub_escape_at(struct bytes secret, uint8_t mark, struct bytes text, size_t *n);

/* The first occurrence at or after `at` that has `mark` in it. */
bool scrub_escape_find(struct bytes secret, uint8_t mark, struct bytes text, size_t at,
                       size_t *where, size_t *n);

#endif
