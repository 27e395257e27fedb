/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: a list of steps, each of which may deny. Those that look at the token alone come
 * first (decide_token.c). What is left when none did is allowed, in one place, at the end of
 * decide().
 */

#include "decide_internal.h"

#include <stdio.h>
#include <string.h>

/* Every denial is made here. */
bool
decide_deny(struct judge *j, enum kh_reason reason, const char *detail)
{
    j->out->reason = reason;
    snprintf(j->out->detail, sizeof j->out->detail, "%s", detail);
    return false;
}

bool
decide_deny_fault(struct judge *j, enum kh_reason reason, const struct fault *fault)
{
    bool is_ours =
        fault->err == KH_ERR_MEMORY || fault->err == KH_ERR_CRYPTO || fault->err == KH_ERR_INTERNAL;
    return decide_deny(j, is_ours ? KH_REASON_INTERNAL : reason, fault->detail);
}

/* A holder's text in a log or an answer: printable, and no token in it, not even an older one. */
bool
decide_deny_text(struct judge *j, enum kh_reason reason, struct bytes text)
{
    char *out = j->out->detail;
    size_t n = 0, room = sizeof j->out->detail;
    struct bytes shown = bytes_slice(text, 0, bytes_find(text, BYTES(TOKEN_MARK)));
    bool is_utf8 = bytes_is_utf8(shown);
    j->out->reason = reason;
    for (size_t i = 0; i < shown.n && n + 5 < room; i++) {
        uint8_t c = shown.p[i];
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
            n += (size_t)snprintf(out + n, room - n, "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    snprintf(out + n, room - n, "%s", shown.n < text.n ? "..." : "");
    return false;
}

/* How far a credential fits; the furthest is what a person is told. */
enum fit { FIT_UNKNOWN, FIT_HOST, FIT_DISABLED, FIT_SLOT, FIT_REVOKED, FIT_FULL };

static const enum kh_reason fit_reason[] = {
    [FIT_UNKNOWN] = KH_REASON_CREDENTIAL_UNKNOWN,
    [FIT_HOST] = KH_REASON_HOST_NOT_ALLOWED,
    [FIT_DISABLED] = KH_REASON_CREDENTIAL_DISABLED,
    [FIT_SLOT] = KH_REASON_TOKEN_MISPLACED,
    [FIT_REVOKED] = KH_REASON_REVOKED,
};

static enum fit
credential_fit(struct judge *j, struct bytes name, struct decision_credential *out)
{
    struct decision_credential c = {.enabled = false};
    if (!j->world->credential(j->world->context, name, &c))
        return FIT_UNKNOWN;
    if (!c.host_allowed)
        return FIT_HOST;
    if (!c.enabled)
        return FIT_DISABLED;
    if (!c.slot_allowed)
        return FIT_SLOT;
    *out = c;
    return decide_is_revoked(j, name) ? FIT_REVOKED : FIT_FULL;
}

/* A running request has its signature already. */
static void
add_credential_needs(struct judge *j, const struct decision_credential *credential)
{
    if (j->world->body_is_gone || !(credential->needs_sha256 || credential->needs_content))
        return;
    j->needs_body = true;
    j->details->body_need.sha256 |= credential->needs_sha256;
    j->details->body_need.content |= credential->needs_content;
}

static bool
choose_pass_through(struct judge *j)
{
    decide_keep_name(j->out->credential, BYTES(PASS_THROUGH_NAME));
    j->facts.credential = BYTES(PASS_THROUGH_NAME);
    return true;
}

static bool
choose_credential(struct judge *j)
{
    if (j->world->pass_through)
        return choose_pass_through(j);
    const struct token_identity *identity = &j->chain->identity;
    enum fit best = FIT_UNKNOWN;
    struct bytes best_name = j->wanted;
    struct decision_credential chosen = {.enabled = false};
    for (size_t i = 0; i < identity->credential_count && best != FIT_FULL; i++) {
        struct bytes name = identity->credential[i];
        if (j->wanted.n && !bytes_equal(name, j->wanted))
            continue;
        enum fit fit = credential_fit(j, name, &chosen);
        if (fit > best || best_name.n == 0) {
            best = fit;
            best_name = name;
        }
    }
    if (best != FIT_FULL)
        return decide_deny_text(j, fit_reason[best], best_name);
    decide_keep_name(j->out->credential, best_name);
    j->facts.credential = best_name;
    add_credential_needs(j, &chosen);
    return true;
}

static enum kh_reason
failure_reason(struct judge *j, size_t condition)
{
    bool is_discharge = j->chain->verified.condition[condition].macaroon != 0;
    if (!decide_is_over(j->chain->caveat[condition], j->facts.time))
        return KH_REASON_CAVEAT_FAILED;
    return is_discharge ? KH_REASON_DISCHARGE_EXPIRED : KH_REASON_EXPIRED;
}

static enum caveat_verdict
judge_caveat(struct judge *j, size_t condition)
{
    const struct caveat *caveat = j->chain->caveat[condition];
    if (j->chain->verified.condition[condition].macaroon != 0 && decide_is_parent(caveat))
        return decide_parent_holds(j, caveat) ? CAVEAT_HOLDS : CAVEAT_FAILS;
    enum caveat_verdict verdict = caveat_judge(caveat, &j->facts);
    if (verdict != CAVEAT_NEEDS_BODY)
        return verdict;
    j->needs_body = true;
    return body_need_add(&j->details->body_need, caveat) ? verdict : CAVEAT_FAILS;
}

/* One that fails whatever the body says denies at once: nobody reads a body for it. */
static bool
judge_caveats(struct judge *j)
{
    const struct token_verified *v = &j->chain->verified;
    bool fine = true;
    for (size_t i = 0; i < v->condition_count && (fine || j->want_trace); i++) {
        static const enum judgement judgement[] = {
            [CAVEAT_FAILS] = JUDGEMENT_FAILS,
            [CAVEAT_HOLDS] = JUDGEMENT_HOLDS,
            [CAVEAT_NEEDS_BODY] = JUDGEMENT_NEEDS_BODY,
        };
        if (caveat_counter(j->chain->caveat[i]))
            continue; /* judged when all else holds */
        enum caveat_verdict verdict = judge_caveat(j, i);
        decide_trace(j, i, judgement[verdict]);
        if (verdict == CAVEAT_FAILS && fine)
            fine = decide_deny_text(j, failure_reason(j, i), v->condition[i].text);
    }
    /* If it is read, then for all: what holds by its `time` now may need the body later. */
    for (size_t i = 0; fine && j->needs_body && i < v->condition_count; i++)
        (void)body_need_add(&j->details->body_need, j->chain->caveat[i]);
    return fine;
}

struct rule_needs {
    struct body_need *need;
    bool fits;
};

static void
add_rule_need(void *context, const struct caveat *caveat)
{
    struct rule_needs *needs = context;
    needs->fits = needs->fits && body_need_add(needs->need, caveat);
}

/* If a body is read, then for every rule that may be judged by it. */
static bool
add_rule_needs(struct judge *j)
{
    const struct policy_request request = {.facts = &j->facts};
    struct rule_needs needs = {.need = &j->details->body_need, .fits = true};
    policy_each_caveat(j->world->policy, &request, add_rule_need, &needs);
    return needs.fits || decide_deny(j, KH_REASON_INTERNAL,
                                     "caveats and rules look at too many places of the body");
}

/* The operator's list is the grant. */
static void
ask_forbids(struct judge *j)
{
    const struct policy_request request = {.facts = &j->facts};
    (void)policy_forbids(j->world->policy, &request, &j->details->policy);
}

static void
ask_policy(struct judge *j)
{
    if (j->world->pass_through) {
        ask_forbids(j);
        return;
    }
    const struct policy_request request = {
        .facts = &j->facts,
        .lifetime_s = j->chain->identity.expires_at - j->chain->identity.issued_at,
        .hole = j->chain->hole,
        .hole_count = j->chain->hole_count,
    };
    j->details->hole = j->chain->hole;
    j->details->hole_count = j->chain->hole_count;
    policy_judge(j->world->policy, &request, &j->details->policy);
}

static bool
judge_policy(struct judge *j)
{
    const struct policy_verdict *verdict = &j->details->policy;
    ask_policy(j);
    if (verdict->allowed == JUDGEMENT_NEEDS_BODY ||
        (verdict->wants_body && !j->world->body_is_gone))
        j->needs_body = true;
    if (verdict->allowed == JUDGEMENT_HOLDS || verdict->allowed == JUDGEMENT_NEEDS_BODY)
        return !j->needs_body || add_rule_needs(j);
    BUFFER_AUTO why;
    buffer_init(&why, sizeof j->out->detail);
    policy_verdict_print(verdict, &j->facts, &why);
    return decide_deny_text(
        j, verdict->reason == KH_REASON_UNSET ? KH_REASON_INTERNAL : verdict->reason,
        buffer_bytes(&why));
}

static bool
prepare(struct judge *j)
{
    const struct decision_world *world = j->world;
    enum kh_reason reason = KH_REASON_INTERNAL;
    KH_UNFILLED char detail[sizeof j->out->detail];
    detail[0] = '\0';
    if (j->needs_body || world->prepare == NULL || world->pass_through ||
        world->prepare(world->context, j->facts.credential, &reason, detail, sizeof detail))
        return true;
    return decide_deny_text(j, reason, bytes_str(detail));
}

KH_OUT_OF_LINE static bool
take_each_counter(struct judge *j)
{
    const struct decision_world *world = j->world;
    const struct token_verified *v = &j->chain->verified;
    KH_UNFILLED struct counter_demand demand[TOKEN_CAVEATS_MAX];
    struct counter_refusal refusal = {.reason = KH_REASON_INTERNAL};
    /* Without room there is no need to read a body, and with one it is not decided yet. */
    enum counting counting =
        j->needs_body && world->counting == COUNTING_TAKE ? COUNTING_LOOK : world->counting;
    size_t n = counter_demands(v, j->chain->caveat, j->chain->identity.expires_at, demand);
    bool taken = n == 0 || counting == COUNTING_DONE ||
                 (world->take &&
                  world->take(world->context, &j->chain->identity, demand, n, counting, &refusal));
    for (size_t i = 0; taken && i < n; i++)
        decide_trace(j, demand[i].condition, JUDGEMENT_HOLDS);
    if (taken)
        return true;
    if (refusal.demand >= n || !counter_reason_is_of_token(refusal.reason))
        return decide_deny(j, refusal.reason, "the counters cannot be kept");
    decide_trace(j, demand[refusal.demand].condition, JUDGEMENT_FAILS);
    j->out->retry_after_s = refusal.retry_after_s;
    return decide_deny_text(j, refusal.reason, v->condition[demand[refusal.demand].condition].text);
}

/* Last of all: a request that is denied for another reason is no use of the token. */
static bool
take_counters(struct judge *j)
{
    return !j->chain->has_counter || take_each_counter(j);
}

static int64_t
recheck_time(const struct judge *j)
{
    const struct chain *chain = j->chain; /* NULL: there was no token, and none is needed */
    int64_t when = chain ? chain->identity.expires_at : INT64_MAX;
    for (size_t i = 0; chain && i < chain->verified.condition_count; i++) {
        int64_t change = caveat_next_change(chain->caveat[i], j->facts.time);
        if (change < when)
            when = change;
    }
    int64_t change = policy_next_change(j->world->policy, &j->details->policy, j->facts.time);
    return change < when ? change : when;
}

/* What the last of them takes is not given back. */
static bool (*const request_steps[])(struct judge *) = {
    choose_credential, judge_caveats, judge_policy, prepare, take_counters,
};
enum { REQUEST_STEPS = sizeof request_steps / sizeof request_steps[0] };

/* Where no token is needed, and there is none. */
static bool (*const steps_without_token[])(struct judge *) = {
    choose_pass_through,
    judge_policy,
};
enum { STEPS_WITHOUT_TOKEN = sizeof steps_without_token / sizeof steps_without_token[0] };

static bool
needs_no_token(const struct judge *j)
{
    return j->text.n == 0 && j->world->pass_through && j->world->token_optional;
}

/* False: one of them denied. */
static bool
take_steps(struct judge *j)
{
    bool without = needs_no_token(j);
    bool (*const *step)(struct judge *) = without ? steps_without_token : request_steps;
    size_t count = without ? STEPS_WITHOUT_TOKEN : REQUEST_STEPS;
    if (!without && !decide_token_steps(j))
        return false;
    size_t passed = 0;
    while (passed < count && step[passed](j))
        passed++;
    if (passed < count && j->want_trace && step[passed] == judge_caveats)
        ask_policy(j);
    return passed == count;
}

void
decision_init(struct decision *decision)
{
    memset(decision, 0, offsetof(struct decision, detail));
    decision->detail[0] = '\0';
}

/* The large parts are not cleared for every request: their counts say how much of them is set. */
void
decision_details_init(struct decision_details *details)
{
    details->chain = NULL;
    details->trace.count = 0;
    body_need_init(&details->body_need);
    policy_verdict_init(&details->policy);
    details->hole = NULL;
    details->hole_count = 0;
}

void
decide(const struct decision_world *world, struct bytes token_text, struct bytes wanted,
       const struct facts *facts, struct decision *out, struct decision_details *details)
{
    KH_UNFILLED struct decision_details own;
    KH_UNFILLED struct bytes group[POLICY_GROUPS_MAX];
    struct judge j = {
        .world = world,
        .text = token_text,
        .wanted = wanted,
        .facts = *facts,
        .out = out,
        // cppcheck-suppress uninitvar ; it is cleared just below
        .details = details ? details : &own,
        .want_trace = details != NULL,
        .group = group,
    };
    decision_init(out);
    decision_details_init(j.details);
    out->reason = KH_REASON_INTERNAL;
    j.facts.user = BYTES_EMPTY;
    j.facts.credential = BYTES_EMPTY;

    bool fine = take_steps(&j);
    if (fine && j.needs_body) {
        out->reason = KH_REASON_BODY_REQUIRED;
        out->verdict = DECISION_NEED_BODY;
    } else if (fine) {
        out->recheck_at = recheck_time(&j);
        out->reason = KH_REASON_UNSET;
        out->verdict = DECISION_ALLOW;
    }
    if (!out->identified)
        decide_forget_claims(&j);
    if (!details)
        chain_release(&own.chain);
}
