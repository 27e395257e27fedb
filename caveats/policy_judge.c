/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator. Caveats of rules are judged as caveats of tokens are; what is added here is who a
 * rule is about, and what follows. Values that are hidden (an audit record has few) make a rule
 * unknown, never true.
 */

#include "policy.h"

#include "duration.h"
#include "hole.h"

#include <string.h>

/* ---- one rule ---- */

static bool
principal_covers(const struct policy_principal *to, const struct facts *facts)
{
    if (to->kind == PRINCIPAL_USER)
        return facts->user.n > 0 && bytes_equal(to->name, facts->user);
    for (size_t i = 0; to->kind == PRINCIPAL_GROUP && i < facts->group_count; i++) {
        if (bytes_equal(to->name, facts->group[i]))
            return true;
    }
    return to->kind == PRINCIPAL_EVERYONE && facts->user.n > 0;
}

static bool
grant_is_about(const struct policy_grant *grant, const struct facts *facts,
               struct policy_grant_trace *out)
{
    for (size_t i = 0; i < grant->to_count && !out->principal; i++)
        out->principal = principal_covers(&grant->to[i], facts);
    for (size_t i = 0; i < grant->credential_count && !out->credential; i++)
        out->credential = bytes_equal(grant->credential[i], facts->credential);
    return out->principal && out->credential;
}

static enum judgement
judge_lifetime(const struct policy_grant *grant, const struct policy_request *request)
{
    if (grant->lifetime_s == 0)
        return JUDGEMENT_NOT_JUDGED;
    if (request->lifetime_s < 0)
        return JUDGEMENT_UNKNOWN;
    return request->lifetime_s <= grant->lifetime_s ? JUDGEMENT_HOLDS : JUDGEMENT_FAILS;
}

static enum judgement
judge_hole(const struct policy_hole *demand, const struct policy_request *request)
{
    struct bytes user = request->facts->user;
    for (size_t i = 0; i < request->hole_count; i++) {
        bool same = demand->names_user ? bytes_equal(request->hole[i], demand->text)
                                       : hole_satisfies(request->hole[i], demand->text, user);
        if (same)
            return JUDGEMENT_HOLDS;
    }
    return request->holes_hidden ? JUDGEMENT_UNKNOWN : JUDGEMENT_FAILS;
}

/* All must hold: one that fails decides, whatever is not known beside it. */
static enum judgement
both(enum judgement a, enum judgement b)
{
    if (a == JUDGEMENT_FAILS || b == JUDGEMENT_FAILS)
        return JUDGEMENT_FAILS;
    if (a == JUDGEMENT_UNKNOWN || b == JUDGEMENT_UNKNOWN)
        return JUDGEMENT_UNKNOWN;
    if (a == JUDGEMENT_NEEDS_BODY || b == JUDGEMENT_NEEDS_BODY)
        return JUDGEMENT_NEEDS_BODY;
    return JUDGEMENT_HOLDS;
}

static enum judgement
judge_caveat(const struct policy_caveat *c, const struct policy_request *request)
{
    return caveat_judge_hidden(c->caveat, request->facts, request->hidden, request->context);
}

static void
count_in(struct policy_grant_trace *out, enum judgement judgement)
{
    out->whole = both(out->whole, judgement);
    out->failures += judgement != JUDGEMENT_HOLDS;
}

// One that is about them.
static void
judge_inside(const struct policy_grant *grant, const struct policy_request *request,
             struct policy_grant_trace *out)
{
    out->failures = 0;
    out->whole = JUDGEMENT_HOLDS;
    out->lifetime = judge_lifetime(grant, request);
    if (out->lifetime != JUDGEMENT_NOT_JUDGED)
        count_in(out, out->lifetime);
    for (size_t i = 0; i < grant->caveat_count; i++) {
        out->caveat[i] = judge_caveat(&grant->caveat[i], request);
        count_in(out, out->caveat[i]);
    }
    for (size_t i = 0; i < grant->hole_count; i++) {
        out->hole[i] = judge_hole(&grant->hole[i], request);
        count_in(out, out->hole[i]);
    }
}

void
policy_grant_judge(const struct policy_grant *grant, const struct policy_request *request,
                   struct policy_grant_trace *out)
{
    memset(out, 0, sizeof *out);
    if (grant_is_about(grant, request->facts, out))
        judge_inside(grant, request, out);
}

void
policy_forbid_judge(const struct policy_forbid *forbid, const struct policy_request *request,
                    struct policy_forbid_trace *out)
{
    out->whole = JUDGEMENT_HOLDS;
    for (size_t i = 0; i < forbid->when_count; i++) {
        // What can be read in two ways is forbidden if one of them is.
        out->when[i] = caveat_judge_any_reading(forbid->when[i].caveat, request->facts,
                                                request->hidden, request->context);
        out->whole = both(out->whole, out->when[i]);
    }
}

/* ---- all rules ---- */

static void
warn(struct policy_verdict *out, const struct policy_grant *grant,
     const struct policy_forbid *forbid)
{
    if (out->warning_count < POLICY_WARNINGS_MAX)
        out->warning[out->warning_count++] = (struct policy_warning){grant, forbid};
}

static struct bytes
first_failing(const struct policy_grant *grant, const struct policy_grant_trace *trace)
{
    for (size_t i = 0; i < grant->caveat_count; i++) {
        if (trace->caveat[i] != JUDGEMENT_HOLDS)
            return grant->caveat[i].text;
    }
    for (size_t i = 0; i < grant->hole_count; i++) {
        if (trace->hole[i] != JUDGEMENT_HOLDS)
            return grant->hole[i].text;
    }
    return BYTES_EMPTY; /* its lifetime */
}

struct grants {
    const struct policy_grant *covering, *warning, *nearest;
    size_t nearest_failures;
    struct bytes failing;
    bool any_unknown, any_needs_body;
};

static void
judge_grant(const struct policy_grant *grant, const struct policy_request *request,
            struct grants *found)
{
    KH_UNFILLED struct policy_grant_trace trace;
    trace.principal = trace.credential = false;
    if (!grant_is_about(grant, request->facts, &trace))
        return;
    judge_inside(grant, request, &trace);
    found->any_unknown |= trace.whole == JUDGEMENT_UNKNOWN;
    found->any_needs_body |= trace.whole == JUDGEMENT_NEEDS_BODY;
    if (trace.whole == JUDGEMENT_HOLDS) {
        if (!found->covering)
            found->covering = grant;
        return;
    }
    if (grant->mode == POLICY_WARN && !found->warning)
        found->warning = grant;
    if (!found->nearest || trace.failures < found->nearest_failures) {
        found->nearest = grant;
        found->nearest_failures = trace.failures;
        found->failing = first_failing(grant, &trace);
    }
}

static void
judge_grants(const struct policy *policy, const struct policy_request *request,
             struct policy_verdict *out)
{
    struct grants found = {.covering = NULL};
    for (size_t i = 0; i < policy->grant_count; i++)
        judge_grant(&policy->grant[i], request, &found);
    out->grant = found.covering ? found.covering : found.warning;
    if (out->grant) {
        out->allowed = JUDGEMENT_HOLDS;
        if (!found.covering)
            warn(out, found.warning, NULL);
        out->wants_body = !found.covering && found.any_needs_body;
        return;
    }
    out->grant = found.nearest;
    out->failing = found.failing;
    out->allowed = found.any_needs_body ? JUDGEMENT_NEEDS_BODY
                   : found.any_unknown  ? JUDGEMENT_UNKNOWN
                                        : JUDGEMENT_FAILS;
    out->reason = KH_REASON_NO_GRANT;
}

/* Forbid always wins: over what is granted, and over what is not known. */
static bool
judge_forbids(const struct policy *policy, const struct policy_request *request,
              struct policy_verdict *out)
{
    bool any_unknown = false, any_needs_body = false;
    for (size_t i = 0; i < policy->forbid_count; i++) {
        const struct policy_forbid *forbid = &policy->forbid[i];
        KH_UNFILLED struct policy_forbid_trace trace;
        policy_forbid_judge(forbid, request, &trace);
        bool enforced = forbid->mode == POLICY_ENFORCE;
        any_unknown |= enforced && trace.whole == JUDGEMENT_UNKNOWN;
        any_needs_body |= enforced && trace.whole == JUDGEMENT_NEEDS_BODY;
        out->wants_body |= trace.whole == JUDGEMENT_NEEDS_BODY;
        if (trace.whole == JUDGEMENT_HOLDS && !enforced)
            warn(out, NULL, forbid);
        else if (trace.whole == JUDGEMENT_HOLDS && !out->forbid)
            out->forbid = forbid;
    }
    if (out->forbid) {
        out->allowed = JUDGEMENT_FAILS;
        out->reason = KH_REASON_FORBIDDEN;
    } else if (any_unknown && out->allowed == JUDGEMENT_HOLDS) {
        out->allowed = JUDGEMENT_UNKNOWN;
    } else if (any_needs_body && out->allowed == JUDGEMENT_HOLDS) {
        out->allowed = JUDGEMENT_NEEDS_BODY;
        out->reason = KH_REASON_BODY_REQUIRED;
    }
    return out->forbid != NULL;
}

void
policy_verdict_init(struct policy_verdict *verdict)
{
    memset(verdict, 0, offsetof(struct policy_verdict, warning));
}

void
policy_judge(const struct policy *policy, const struct policy_request *request,
             struct policy_verdict *out)
{
    policy_verdict_init(out);
    if (policy == NULL) {
        out->allowed = JUDGEMENT_HOLDS;
        return;
    }
    judge_grants(policy, request, out);
    (void)judge_forbids(policy, request, out);
}

bool
policy_forbids(const struct policy *policy, const struct policy_request *request,
               struct policy_verdict *out)
{
    policy_verdict_init(out);
    out->allowed = JUDGEMENT_HOLDS;
    return policy != NULL && judge_forbids(policy, request, out);
}

/* ---- in words ---- */

static void
print_forbid(const struct policy_forbid *forbid, struct buffer *out)
{
    buffer_put(out, forbid->name);
    for (size_t i = 0; i < forbid->when_count; i++) {
        buffer_put_str(out, i == 0 ? ": " : "; ");
        buffer_put(out, forbid->when[i].text);
    }
}

void
policy_verdict_print(const struct policy_verdict *verdict, const struct facts *facts,
                     struct buffer *out)
{
    const struct policy_grant *grant = verdict->grant;
    if (verdict->forbid) {
        print_forbid(verdict->forbid, out);
    } else if (grant && verdict->failing.n > 0) {
        buffer_put(out, grant->name);
        buffer_put_str(out, ": ");
        buffer_put(out, verdict->failing);
    } else if (grant) {
        buffer_put(out, grant->name);
        buffer_put_str(out, ": the token lives longer than ");
        duration_print(grant->lifetime_s, out);
    } else {
        buffer_put_str(out, "no grant gives ");
        buffer_put(out, facts->user);
        buffer_put_str(out, " the credential ");
        buffer_put(out, facts->credential);
    }
}

void
policy_warning_print(const struct policy_warning *warning, struct buffer *out)
{
    buffer_put_str(out, warning->forbid ? "forbid " : "grant ");
    buffer_put(out, warning->forbid ? warning->forbid->name : warning->grant->name);
}

/* ---- time ---- */

static int64_t
earliest_change(const struct policy_caveat *caveat, size_t count, int64_t now, int64_t when)
{
    for (size_t i = 0; i < count; i++) {
        int64_t change = caveat_next_change(caveat[i].caveat, now);
        if (change < when)
            when = change;
    }
    return when;
}

int64_t
policy_next_change(const struct policy *policy, const struct policy_verdict *verdict, int64_t now)
{
    int64_t when = INT64_MAX;
    if (verdict->grant)
        when = earliest_change(verdict->grant->caveat, verdict->grant->caveat_count, now, when);
    for (size_t i = 0; policy && i < policy->forbid_count; i++)
        when = earliest_change(policy->forbid[i].when, policy->forbid[i].when_count, now, when);
    return when;
}

/* ---- what was looked at ---- */

void
policy_each_caveat(const struct policy *policy, const struct policy_request *request,
                   policy_caveat_fn *fn, void *context)
{
    for (size_t i = 0; policy && i < policy->forbid_count; i++) {
        for (size_t j = 0; j < policy->forbid[i].when_count; j++)
            fn(context, policy->forbid[i].when[j].caveat);
    }
    for (size_t i = 0; policy && i < policy->grant_count; i++) {
        KH_UNFILLED struct policy_grant_trace trace;
        trace.principal = trace.credential = false;
        if (!grant_is_about(&policy->grant[i], request->facts, &trace))
            continue;
        for (size_t j = 0; j < policy->grant[i].caveat_count; j++)
            fn(context, policy->grant[i].caveat[j].caveat);
    }
}
