/* SPDX-License-Identifier: Apache-2.0
 *
 * Text on its way to a person: what came from a token or a server is shown, never obeyed.
 */
#ifndef KEYHOLE_TEXT_H
#define KEYHOLE_TEXT_H

#include "bytes.h"

/* `text` so that a terminal shows it and does nothing else: control characters, bytes that are no
 * UTF-8, and characters that hide or reorder text (bidi controls, zero width) come as \x1b or
 * \u{202e}. Newlines too. */
void text_put_safe(struct buffer *out, struct bytes text);

/* The same, but newlines stay: for messages of several lines whose parts are our own. */
void text_put_message(struct buffer *out, struct bytes text);

#endif
