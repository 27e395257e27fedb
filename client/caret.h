/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that was refused, with a caret under the place that the fault speaks of.
 */
#ifndef KEYHOLE_CLIENT_CARET_H
#define KEYHOLE_CLIENT_CARET_H

#include "../caveats/errors.h"

/* The byte that a fault of a caveat or hole speaks of, from 0; SIZE_MAX when it names none. */
size_t caret_byte(const struct fault *fault);

/* Two lines, indented; the first alone when the fault names no byte. Terminal-safe. */
void caret_put(struct buffer *out, struct bytes text, const struct fault *fault);

#endif
