/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking at text many bytes at a time.
 */
#ifndef KEYHOLE_SCAN_H
#define KEYHOLE_SCAN_H

#include "bytes.h"

/* How many bytes at the front are no control characters; HTAB is none, what is not ASCII is none
 * either. `text.n` when there is no control character. */
size_t scan_text(struct bytes text);

#endif
