/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the requests that the audit log has would be decided otherwise by another policy.
 */
#ifndef KEYHOLE_OPERATOR_POLICY_DIFF_H
#define KEYHOLE_OPERATOR_POLICY_DIFF_H

#include "replay.h"

#include <stdio.h>

enum { POLICY_DIFF_ROWS_MAX = 10000 }; /* requests that differ in anything but their time */

enum policy_diff_change {
    POLICY_DIFF_SAME = 0,
    POLICY_DIFF_DENY,    /* was allowed, and would be denied */
    POLICY_DIFF_ALLOW,   /* was denied by the policy, and would be allowed */
    POLICY_DIFF_UNKNOWN, /* the new rules look at what the log does not have */
    POLICY_DIFF_CHANGES
};

struct policy_diff {
    const struct policy *policy; /* NULL: none */
    uint64_t judged, count[POLICY_DIFF_CHANGES];
    /* by their text: {change, user, credential, method, url, rule, count, first, last} */
    json_t *rows;
    bool cut; /* there are more rows */
};

void policy_diff_init(struct policy_diff *diff, const struct policy *policy);
void policy_diff_free(struct policy_diff *diff);

/* One record. KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err policy_diff_add(struct policy_diff *diff, const json_t *record,
                                          struct fault *fault);

/* {judged, deny, allow, unknown, requests: [rows], cut}; the caller owns it. */
json_t *policy_diff_json(const struct policy_diff *diff);
void policy_diff_show(FILE *stream, const struct policy_diff *diff);

#endif
