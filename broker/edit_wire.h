/* SPDX-License-Identifier: Apache-2.0
 *
 * Edits on the wire, for the messages that carry them.
 */
#ifndef KEYHOLE_EDIT_WIRE_H
#define KEYHOLE_EDIT_WIRE_H

#include "messages.h"
#include "wire.h"

void edits_put(struct buffer *out, const struct edit *edit, size_t count);
/* Up to DECISION_EDITS_MAX; how many there are. */
size_t edits_get(struct wire_reader *reader, struct edit *edit);

#endif
