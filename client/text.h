/* SPDX-License-Identifier: Apache-2.0
 *
 * Text on its way to a person: what came from a token or a server is shown, never obeyed.
 */
#ifndef KEYHOLE_CLIENT_TEXT_H
#define KEYHOLE_CLIENT_TEXT_H

#include "../caveats/bytes.h"

/* `text` so that a terminal shows it and does nothing else: control characters, bytes that are no
 * UTF-8, and characters that hide or reorder text (bidi controls, zero width) come as \x1b or
 * \u{202e}. Newlines too. */
void text_put_safe(struct buffer *out, struct bytes text);

/* The same, but newlines stay: for messages of several lines whose parts are our own. */
void text_put_message(struct buffer *out, struct bytes text);

/* Characters of `text` up to byte `n`, so that a caret stands under what it points at. */
size_t text_columns(struct bytes text, size_t n);

/* Whether somebody who typed `typed` may have meant `candidate`: a distance (insert, delete,
 * change, swap neighbours) in keeping with its length. SIZE_MAX when they are too far apart. */
size_t text_distance(struct bytes typed, struct bytes candidate);

#endif
