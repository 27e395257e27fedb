/* SPDX-License-Identifier: Apache-2.0
 *
 * Records counted by what one of their members says.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_GROUP_H
#define KEYHOLE_OPERATOR_AUDIT_GROUP_H

#include "../../caveats/errors.h"
#include "../../caveats/screen/screen.h"

#include <jansson.h>

enum { AUDIT_GROUPS_MAX = 100000 };

struct audit_groups {
    const char *member; /* of schema/audit.def, or "hour" or "day" of the record's time */
    bool utc;
    json_t *by_value;  /* {value: {"count", "allow", "deny", "first", "last"}} */
    uint64_t left_out; /* records of groups beyond AUDIT_GROUPS_MAX */
};

/* Whether records can be counted by that; `code` stands for `reason`. NULL: they cannot. */
const char *audit_group_member(const char *name);

void audit_groups_init(struct audit_groups *groups, const char *member, bool utc);
void audit_groups_free(struct audit_groups *groups);
/* A record with a list counts for each of its items, one without the member as "". */
KH_MUST_CHECK enum kh_err audit_groups_add(struct audit_groups *groups, const json_t *record,
                                           struct fault *fault);

/* {"by", "groups": [{"value", "count", "allow", "deny", "first", "last"}], "left_out"}: the largest
 * first, `limit` of them at most. NULL: no memory. */
json_t *audit_groups_json(const struct audit_groups *groups, uint64_t limit);
/* The same for people. */
void audit_groups_print(const json_t *result, const struct screen *screen, struct buffer *out);

#endif
