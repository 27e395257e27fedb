/* SPDX-License-Identifier: Apache-2.0
 *
 * The narrowest grants that would have allowed what the audit log shows was used: a starting point
 * for a person, never applied by itself.
 */
#ifndef KEYHOLE_OPERATOR_POLICY_SUGGEST_H
#define KEYHOLE_OPERATOR_POLICY_SUGGEST_H

#include "replay.h"

enum { POLICY_SUGGEST_USES_MAX = 20000 }; /* different credential, host, method and path pattern */

struct policy_suggest {
    struct bytes user;
    uint64_t requests;
    json_t *use; /* credential → host → method → pattern → {"request": …, "count": …} */
    json_t *lifetime; /* credential → the longest life of a token, in seconds */
    size_t uses;
    char first[32], last[32]; /* times */
};

void policy_suggest_init(struct policy_suggest *suggest, struct bytes user);
void policy_suggest_free(struct policy_suggest *suggest);

/* One record; what is not an allowed request of that user is left out. KH_ERR_MEMORY, and
 * KH_ERR_TOO_LONG when there is too much of it to be said in a policy. */
KH_MUST_CHECK enum kh_err policy_suggest_add(struct policy_suggest *suggest, const json_t *record,
                                             struct fault *fault);

/* The policy as YAML. It reads back, and its tests pass. KH_ERR_NOT_FOUND when nothing was used. */
KH_MUST_CHECK enum kh_err policy_suggest_print(const struct policy_suggest *suggest,
                                               struct buffer *out, struct fault *fault);

/* The path with what looks like an id replaced: numbers, UUIDs, and hexadecimal of eight digits or
 * more. */
void policy_suggest_pattern(struct bytes path, struct buffer *out);

#endif
