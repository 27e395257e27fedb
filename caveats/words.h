/* SPDX-License-Identifier: Apache-2.0
 *
 * Caveats in plain words, for people who do not know the language.
 */
#ifndef KEYHOLE_WORDS_H
#define KEYHOLE_WORDS_H

#include "caveat.h"

/* "the method is GET or HEAD", "until 2026-12-01T00:00:00Z, in 2 hours". Terminal-safe. */
void words_put_caveat(struct buffer *out, const struct caveat *caveat, int64_t now);

#endif
