/* SPDX-License-Identifier: Apache-2.0
 *
 * A slot inside a message body: routes and requests both carry one.
 */
#ifndef KEYHOLE_SLOT_WIRE_H
#define KEYHOLE_SLOT_WIRE_H

#include "messages.h"
#include "wire.h"

void slot_put(struct buffer *out, const struct slot *slot);
void slot_get(struct wire_reader *reader, struct slot *slot);

#endif
