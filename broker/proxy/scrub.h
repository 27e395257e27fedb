/* SPDX-License-Identifier: Apache-2.0
 *
 * Take the real key out of what an upstream answers, in every encoding that it may come back in:
 * as is, percent-encoded, base64 (wherever it stands inside of a longer text), JSON-escaped.
 *
 * Sans-I/O and streaming: an occurrence is found wherever the input is cut, and no byte is held
 * back that cannot be the beginning of one. Search is Wu-Manber's, so most bytes are not looked at.
 */
#ifndef KEYHOLE_PROXY_SCRUB_H
#define KEYHOLE_PROXY_SCRUB_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

struct scrub;

/* `replacement` is the token as the client sent it, and must stay where it is. `*out` is NULL when
 * there is nothing to look for. The secrets are copied, and wiped with the last of those who have
 * the same ones (scrub_search.h). */
KH_MUST_CHECK enum kh_err scrub_new(const struct bytes *secret, size_t count,
                                    struct bytes replacement, struct scrub **out);
void scrub_free(struct scrub **scrub);

/* How much of the next piece goes on as it is. The rest of it is to be fed; nothing if nothing is
 * left. */
size_t scrub_clean(struct scrub *scrub, struct bytes data);
/* One piece of the body; what is settled is appended to `out`. */
void scrub_feed(struct scrub *scrub, struct bytes data, struct buffer *out);
/* The body has ended: append what was held back. */
void scrub_finish(struct scrub *scrub, struct buffer *out);
size_t scrub_held(const struct scrub *scrub); /* bytes held back now */

size_t scrub_found(const struct scrub *scrub); /* occurrences in the body so far */
/* bytes of the longest text that is searched for */
size_t scrub_longest(const struct scrub *scrub);

/* A text by itself, as a header value; the state of the body is not touched. */
void scrub_text(const struct scrub *scrub, struct bytes text, struct buffer *out);
bool scrub_finds(const struct scrub *scrub, struct bytes text);

#endif
