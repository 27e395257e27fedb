/* SPDX-License-Identifier: Apache-2.0
 *
 * What the header says of a body: whether it can be looked into at all.
 */
#ifndef KEYHOLE_BODY_MEDIA_H
#define KEYHOLE_BODY_MEDIA_H

#include "facts.h"

/*
 * Whether the upstream will read the body as the JSON that is judged here: not encoded; declared as
 * application/json, text/json, anything that ends with +json, text/plain, or nothing; in UTF-8.
 * A text can be JSON and a form at once, so one that is declared as a form is read as a form.
 */
bool body_may_be_json(const struct fact_pair *header, size_t count);

/* What is known of a body before a byte of it was read. `is_empty`: there is none. `has_length`:
 * it has `length` bytes. */
struct facts_body body_from_head(const struct fact_pair *header, size_t count, bool is_empty,
                                 bool has_length, uint64_t length);

#endif
