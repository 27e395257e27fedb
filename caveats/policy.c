/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in memory: what it owns, and who is in which group. */

#include "policy_internal.h"

#include <stdlib.h>
#include <string.h>

struct policy_text {
    struct policy_text *next;
    uint8_t byte[];
};

enum kh_err
policy_keep(struct policy *policy, struct bytes text, struct bytes *out, struct fault *fault)
{
    struct policy_text *kept = malloc(sizeof *kept + text.n);
    if (kept == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (text.n > 0)
        memcpy(kept->byte, text.p, text.n);
    kept->next = policy->texts;
    policy->texts = kept;
    *out = bytes_of(kept->byte, text.n);
    return KH_OK;
}

bool
policy_name_is_fine(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("._@+-", c) == NULL))
            return false;
    }
    return name.n > 0 && name.n <= POLICY_NAME_MAX;
}

static void
caveats_free(struct policy_caveat *caveat, size_t count)
{
    for (size_t i = 0; i < count; i++)
        caveat_free(&caveat[i].caveat);
    free(caveat);
}

static void
tests_free(struct policy *p)
{
    for (size_t i = 0; i < p->test_count; i++) {
        free(p->test[i].header);
        free(p->test[i].hole);
    }
    free(p->test);
}

void
policy_free(struct policy **policy)
{
    struct policy *p = *policy;
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->group_count; i++)
        free(p->group[i].member);
    for (size_t i = 0; i < p->grant_count; i++) {
        free(p->grant[i].to);
        free(p->grant[i].credential);
        free(p->grant[i].hole);
        caveats_free(p->grant[i].caveat, p->grant[i].caveat_count);
    }
    for (size_t i = 0; i < p->forbid_count; i++)
        caveats_free(p->forbid[i].when, p->forbid[i].when_count);
    tests_free(p);
    free(p->group);
    free(p->grant);
    free(p->forbid);
    while (p->texts) {
        struct policy_text *next = p->texts->next;
        free(p->texts);
        p->texts = next;
    }
    free(p);
    *policy = NULL;
}

static bool
group_has(const struct policy_group *group, struct bytes user)
{
    size_t low = 0, high = group->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(user, group->member[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

size_t
policy_groups_of(const struct policy *policy, struct bytes user,
                 struct bytes out[POLICY_GROUPS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; policy && user.n > 0 && i < policy->group_count; i++) {
        if (group_has(&policy->group[i], user))
            out[count++] = policy->group[i].name;
    }
    return count;
}
