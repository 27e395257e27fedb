/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the explanation's object share. Nobody else includes this.
 *
 *     explain_json.c     the whole: the token, the checks, its caveats
 *     explain_policy.c   the organisation's rules
 *     explain.c          what would have to change, in words
 *     explain_print.c    the object as a tree, for people
 */
#ifndef KEYHOLE_EXPLAIN_INTERNAL_H
#define KEYHOLE_EXPLAIN_INTERNAL_H

#include "explain.h"

struct explain_maker {
    const struct explain *in;
    bool failed; /* jansson had no memory, at any time */
};

/* Both take over the value. */
void explain_put(struct explain_maker *m, json_t *object, const char *name, json_t *value);
void explain_append(struct explain_maker *m, json_t *array, json_t *value);

/* A string that shows what is no UTF-8 with escapes, and ends before a token. */
json_t *explain_string(struct bytes text);

void explain_put_judgement(struct explain_maker *m, json_t *object, enum judgement judgement);

/* {text, judgement, change?}; `caveat` is NULL where the text is none. */
json_t *explain_caveat_json(struct explain_maker *m, struct bytes text, const struct caveat *caveat,
                            enum judgement judgement);

/* `policy` of the explanation. */
json_t *explain_policy(struct explain_maker *m);

#endif
