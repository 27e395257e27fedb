/* SPDX-License-Identifier: Apache-2.0
 *
 * A decision of the audit log, read back so that a policy can judge it again. A record has of query
 * and header only what some caveat or rule looked at; the rest is hidden.
 */
#ifndef KEYHOLE_OPERATOR_REPLAY_H
#define KEYHOLE_OPERATOR_REPLAY_H

#include "../../caveats/policy.h"
#include "../../caveats/request_text.h"

#include <jansson.h>

enum { REPLAY_HOLES_MAX = 8 };

/* Points into the record and into itself: must not be copied, nor outlive the record. */
struct replay {
    struct facts facts;
    struct fact_pair query[REQUEST_TEXT_PAIRS_MAX], header[REQUEST_TEXT_PAIRS_MAX];
    struct fact_body_value body[BODY_POINTERS_MAX];
    struct bytes hole[REPLAY_HOLES_MAX];
    size_t hole_count;
    int64_t lifetime_s; /* -1: an old record, which does not say it nor what holes there were */
    bool path_hidden;   /* it was not recorded whole */
    bool allowed;
    struct bytes reason;
    uint8_t path[3 * REQUEST_TEXT_MAX];
    const json_t *values;
};

/* False: not a decision that a policy has to do with (another kind, judged again, no token of
 * ours and not allowed). */
bool replay_read(const json_t *record, struct replay *out);

/* What the policy says of it: HOLDS, FAILS, or UNKNOWN when it looks at what is hidden. `group` has
 * room for the groups and lives as long as the verdict is used. */
void replay_judge(const struct policy *policy, struct replay *replay,
                  struct bytes group[POLICY_GROUPS_MAX], struct policy_verdict *out);

#endif
