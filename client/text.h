/* SPDX-License-Identifier: Apache-2.0
 *
 * Text in a terminal, beside its escaping (caveats/text.h): where a caret stands, and what somebody
 * may have meant.
 */
#ifndef KEYHOLE_CLIENT_TEXT_H
#define KEYHOLE_CLIENT_TEXT_H

#include "../caveats/text.h"

/* Characters of `text` up to byte `n`, so that a caret stands under what it points at. */
size_t text_columns(struct bytes text, size_t n);

/* Whether somebody who typed `typed` may have meant `candidate`: a distance (insert, delete,
 * change, swap neighbours) in keeping with its length. SIZE_MAX when they are too far apart. */
size_t text_distance(struct bytes typed, struct bytes candidate);

#endif
