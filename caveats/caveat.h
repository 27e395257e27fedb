/* SPDX-License-Identifier: Apache-2.0
 *
 * One caveat of the language: predicates joined by "or" (docs/CAVEATS.md, schema/caveat.abnf).
 */
#ifndef KEYHOLE_CAVEAT_H
#define KEYHOLE_CAVEAT_H

#include "errors.h"
#include "facts.h"
#include "predicate.h"

#define CAVEAT_TEXT_MAX 1024 /* bytes */

struct caveat {
    struct predicate *predicate; /* `count` of them, owned */
    size_t count;                /* at least 1 */
    bool on_record; /* a value that it looks at, or its label, stands in the audit record */
};

/* Parse strictly. On success `*out` is owned by the caller (caveat_free). On failure the fault
 * says at which byte and what was expected; KH_ERR_UNKNOWN for an attribute not known here,
 * KH_ERR_TYPE and KH_ERR_RANGE for values, KH_ERR_SYNTAX, KH_ERR_TOO_LONG. */
KH_MUST_CHECK enum kh_err caveat_parse(struct bytes text, struct caveat **out, struct fault *fault);
void caveat_free(struct caveat **caveat);

/* The canonical text. caveat_parse(caveat_print(c)) gives c again. */
void caveat_print(const struct caveat *caveat, struct buffer *out);

/* The predicate of a counter (`uses`, `rate`), which stands alone in its caveat; NULL for all
 * others. It is not judged against facts: see counter.h. */
const struct predicate *caveat_counter(const struct caveat *caveat);

/* Whether it holds: one predicate is enough. A counter never does. No allocation. */
bool caveat_holds(const struct caveat *caveat, const struct facts *facts);

/* The same with a third answer: it does not hold by what is known, and could if more were known of
 * the body. */
enum caveat_verdict { CAVEAT_FAILS = 0, CAVEAT_HOLDS, CAVEAT_NEEDS_BODY };
enum caveat_verdict caveat_judge(const struct caveat *caveat, const struct facts *facts);

/* How one caveat or rule was judged: for policies, `explain`, and reading the audit log back. */
enum judgement {
    JUDGEMENT_NOT_JUDGED = 0,
    JUDGEMENT_HOLDS,
    JUDGEMENT_FAILS,
    JUDGEMENT_UNKNOWN,    /* not understood, or what it looks at is not known here */
    JUDGEMENT_NEEDS_BODY, /* of which not enough is known yet */
};

/* Whether the value that a predicate looks at is hidden from whoever judges: not in an audit
 * record, or the broker's to know. */
typedef bool caveat_hidden_fn(void *context, const struct predicate *predicate);

/* As caveat_judge; with `hidden` (may be NULL), UNKNOWN where the answer rests on what is hidden.
 */
enum judgement caveat_judge_hidden(const struct caveat *caveat, const struct facts *facts,
                                   caveat_hidden_fn *hidden, void *context);
/* The same for a caveat that forbids: by any reading (predicate_may_hold). */
enum judgement caveat_judge_any_reading(const struct caveat *caveat, const struct facts *facts,
                                        caveat_hidden_fn *hidden, void *context);

/* The first moment after facts->time at which the answer of caveat_holds may change because of
 * `time` alone, in seconds since 1970; INT64_MAX when there is none. */
int64_t caveat_next_change(const struct caveat *caveat, int64_t now);

/* When a caveat that sets an end in `time` and nothing else stops to hold: the latest of its ends,
 * as one predicate is enough. INT64_MAX: never, or it speaks of something else too. */
int64_t caveat_end(const struct caveat *caveat);

#endif
