/* SPDX-License-Identifier: Apache-2.0
 *
 * A decision in full: every caveat and rule, who added it, whether it holds, and what would have to
 * change. The same object is made by the broker, which knows all, and by a holder, who has no key
 * and can judge the token's caveats alone; and it is shown as one tree.
 */
#ifndef KEYHOLE_EXPLAIN_H
#define KEYHOLE_EXPLAIN_H

#include "decide.h"
#include "screen/screen.h"

#include <jansson.h>

/* "method is POST, and would have to be GET or HEAD": for a caveat that fails. */
void explain_caveat(const struct caveat *caveat, const struct facts *facts, struct buffer *out);

struct explain {
    const struct token *token; /* as scanned; NULL when it was none */
    /* The broker's: */
    const struct decision *decision; /* NULL: a holder explains, without a key */
    const struct decision_details *details;
    const struct policy *policy; /* NULL: none */
    int64_t policy_version;
    /* As they were judged: with user, credential and groups, where these are known. */
    const struct facts *facts;
    /* What a holder does not know (may be NULL). */
    caveat_hidden_fn *hidden;
    void *context;
};

/*
 * The explanation (docs/PROTOCOL.admin.md, explain):
 *
 *     verdict    allow, deny, or unknown: nothing that a holder can judge is against it
 *     reason, detail, sentence, advice    of a denial by the broker
 *     token      what the identifier says; verified: whether that is proven
 *     checks     [{name, judgement}]
 *     caveats    [{text, by, label?, judgement, change?}]
 *     policy     {version, grants, forbids, warnings}, or null
 *
 * `judgement` is holds, fails, unknown or not-judged. NULL when memory is used up.
 */
json_t *explain_json(const struct explain *explain);

/* For people: one tree. What came from elsewhere cannot act on the terminal. */
void explain_print(const json_t *explanation, const struct screen *screen, struct buffer *out);

#endif
