/* SPDX-License-Identifier: Apache-2.0 */
/* What an explanation says of the organisation's rules: each one, judged for this request. */
#include "explain_internal.h"

#include "duration.h"

#include <string.h>

static json_t *
rule_caveats_of(struct explain_maker *m, const struct policy_caveat *caveat, size_t count,
                const enum judgement *judgement)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        explain_append(m, array,
                       explain_caveat_json(m, caveat[i].text, caveat[i].caveat, judgement[i]));
    return array;
}

static json_t *
lifetime_of(struct explain_maker *m, const struct policy_grant *grant, enum judgement judgement)
{
    json_t *object = json_object();
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    duration_print(grant->lifetime_s, &text);
    explain_put(m, object, "text", explain_string(buffer_bytes(&text)));
    explain_put_judgement(m, object, judgement);
    if (judgement == JUDGEMENT_FAILS)
        explain_put(m, object, "change",
                    json_string("the token lives longer: mint one that does not"));
    return object;
}

static json_t *
holes_of(struct explain_maker *m, const struct policy_grant *grant, const enum judgement *judgement)
{
    json_t *array = json_array();
    for (size_t i = 0; i < grant->hole_count; i++) {
        json_t *object = json_object();
        explain_put(m, object, "text", explain_string(grant->hole[i].text));
        explain_put_judgement(m, object, judgement[i]);
        if (judgement[i] == JUDGEMENT_FAILS)
            explain_put(
                m, object, "change",
                json_string("the token would have to be minted with this hole, and it be filled"));
        explain_append(m, array, object);
    }
    return array;
}

static json_t *
grant_of(struct explain_maker *m, const struct policy_grant *grant,
         const struct policy_request *request)
{
    struct policy_grant_trace trace;
    json_t *object = json_object();
    memset(&trace, 0, sizeof trace);
    if (request)
        policy_grant_judge(grant, request, &trace);
    explain_put(m, object, "name", explain_string(grant->name));
    explain_put(m, object, "mode", json_string(grant->mode == POLICY_WARN ? "warn" : "enforce"));
    explain_put_judgement(m, object, trace.whole);
    if (request) {
        explain_put(m, object, "to_user", json_boolean(trace.principal));
        explain_put(m, object, "for_credential", json_boolean(trace.credential));
    }
    if (grant->lifetime_s > 0)
        explain_put(m, object, "lifetime", lifetime_of(m, grant, trace.lifetime));
    explain_put(m, object, "caveats",
                rule_caveats_of(m, grant->caveat, grant->caveat_count, trace.caveat));
    explain_put(m, object, "holes", holes_of(m, grant, trace.hole));
    return object;
}

static json_t *
forbid_of(struct explain_maker *m, const struct policy_forbid *forbid,
          const struct policy_request *request)
{
    struct policy_forbid_trace trace;
    json_t *object = json_object(), *when = json_array();
    memset(&trace, 0, sizeof trace);
    if (request)
        policy_forbid_judge(forbid, request, &trace);
    explain_put(m, object, "name", explain_string(forbid->name));
    explain_put(m, object, "mode", json_string(forbid->mode == POLICY_WARN ? "warn" : "enforce"));
    if (trace.whole != JUDGEMENT_HOLDS && trace.whole != JUDGEMENT_FAILS)
        explain_put(m, object, "matches", json_null());
    else
        explain_put(m, object, "matches", json_boolean(trace.whole == JUDGEMENT_HOLDS));
    for (size_t i = 0; i < forbid->when_count; i++) {
        json_t *caveat = json_object();
        explain_put(m, caveat, "text", explain_string(forbid->when[i].text));
        explain_put_judgement(m, caveat, trace.when[i]);
        explain_append(m, when, caveat);
    }
    explain_put(m, object, "when", when);
    return object;
}

static json_t *
warnings_of(struct explain_maker *m)
{
    const struct policy_verdict *verdict = &m->in->details->policy;
    json_t *array = json_array();
    for (size_t i = 0; i < verdict->warning_count; i++) {
        BUFFER_AUTO text;
        buffer_init(&text, 256);
        policy_warning_print(&verdict->warning[i], &text);
        explain_append(m, array, explain_string(buffer_bytes(&text)));
    }
    return array;
}

json_t *
explain_policy(struct explain_maker *m)
{
    const struct explain *in = m->in;
    if (!in->decision || !in->policy)
        return json_null();
    json_t *object = json_object(), *grants = json_array(), *forbids = json_array();
    const struct policy_request request = {
        .facts = in->facts,
        .lifetime_s = in->decision->expires_at - in->decision->issued_at,
        .hole = in->details->hole,
        .hole_count = in->details->hole_count,
    };
    bool is_judged = in->details->policy.allowed != JUDGEMENT_NOT_JUDGED;
    explain_put(m, object, "version", json_integer(in->policy_version));
    explain_put_judgement(m, object, in->details->policy.allowed);
    for (size_t i = 0; i < in->policy->grant_count; i++)
        explain_append(m, grants, grant_of(m, &in->policy->grant[i], is_judged ? &request : NULL));
    for (size_t i = 0; i < in->policy->forbid_count; i++)
        explain_append(m, forbids,
                       forbid_of(m, &in->policy->forbid[i], is_judged ? &request : NULL));
    explain_put(m, object, "grants", grants);
    explain_put(m, object, "forbids", forbids);
    explain_put(m, object, "warnings", warnings_of(m));
    return object;
}
