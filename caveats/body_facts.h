/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts of a body: what its head says before a byte of it was read, and what it says itself.
 */
#ifndef KEYHOLE_BODY_FACTS_H
#define KEYHOLE_BODY_FACTS_H

#include "facts.h"

/*
 * Whether the upstream will read the body as the JSON that is judged here: not encoded; declared as
 * application/json, text/json, anything that ends with +json, text/plain, or nothing; in UTF-8.
 * A text can be JSON and a form at once, so one that is declared as a form is read as a form.
 */
bool body_facts_may_be_json(const struct fact_pair *header, size_t count);

/* What is known before a byte of it was read. `is_empty`: there is none. `has_length`: it has
 * `length` bytes. */
struct facts_body body_facts_from_head(const struct fact_pair *header, size_t count, bool is_empty,
                                       bool has_length, uint64_t length);

/* What is to be known of a body. */
struct body_question {
    const struct bytes *pointer; /* at most BODY_POINTERS_MAX */
    size_t count;
    bool sha256;
};

/* What is known when it was read whole. `value` has room for an answer to each pointer; the texts
 * are put into `storage`, which takes BODY_VALUES_TEXT_MAX bytes. */
struct facts_body body_facts_read(struct bytes body, const struct fact_pair *header, size_t count,
                                  const struct body_question *question,
                                  struct fact_body_value *value, struct buffer *storage);

#endif
