/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: a list of steps, each of which may deny. What is left when none did is allowed, in
 * one place, at the end of decide().
 */

#include "decide.h"

#include <stdio.h>
#include <string.h>

enum { CLOCK_SKEW_MAX = 5 * 60 }; /* between the broker that minted and this one, in seconds */

struct judge {
    const struct decision_world *world;
    struct bytes text, wanted;
    struct facts facts; /* as given, with user and credential from the token */
    struct decision *out;
    struct decision_details *details;
    struct chain *chain; /* details->chain */
    uint8_t chain_key[CHAIN_KEY_SIZE];
    bool may_keep; /* chain_key is set */
    bool want_trace, needs_body;
    struct bytes group[POLICY_GROUPS_MAX];
};

/* Every denial is made here. */
static bool
deny(struct judge *j, enum kh_reason reason, const char *detail)
{
    j->out->reason = reason;
    snprintf(j->out->detail, sizeof j->out->detail, "%s", detail);
    return false;
}

static bool
deny_fault(struct judge *j, enum kh_reason reason, const struct fault *fault)
{
    bool is_ours =
        fault->err == KH_ERR_MEMORY || fault->err == KH_ERR_CRYPTO || fault->err == KH_ERR_INTERNAL;
    return deny(j, is_ours ? KH_REASON_INTERNAL : reason, fault->detail);
}

/* A holder's text in a log or an answer: printable, and no token in it, not even an older one. */
static bool
deny_text(struct judge *j, enum kh_reason reason, struct bytes text)
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

static bool
scan_text(struct judge *j)
{
    struct fault fault = {0};
    struct chain *chain = j->chain = j->details->chain = chain_new();
    if (!chain)
        return deny(j, KH_REASON_INTERNAL, "memory is used up");
    enum kh_err err = token_scan(j->text, &chain->token, &fault);
    if (err)
        return deny_fault(
            j, err == KH_ERR_GRAPH ? KH_REASON_DISCHARGE_INVALID : KH_REASON_TOKEN_MALFORMED,
            &fault);
    if (token_identity_read(chain->token, &chain->identity, &fault) != KH_OK)
        return deny_fault(j, KH_REASON_TOKEN_MALFORMED, &fault);
    return true;
}

static bool
scan(struct judge *j)
{
    struct chain_cache *cache = j->world->chains;
    if (j->text.n == 0)
        return deny(
            j, j->world->pass_through ? KH_REASON_PROXY_TOKEN_MISSING : KH_REASON_TOKEN_MISSING,
            "");
    j->may_keep = cache && chain_cache_key(cache, j->text, j->chain_key);
    if (j->may_keep)
        j->chain = j->details->chain = chain_cache_find(cache, j->chain_key);
    return j->chain || scan_text(j);
}

/* The large parts are not cleared for every request: their counts say how much of them is set. */
void
decision_details_init(struct decision_details *details)
{
    details->chain = NULL;
    details->trace.count = 0;
    body_need_init(&details->body_need);
    memset(&details->policy, 0, sizeof details->policy);
    details->hole_count = 0;
}

/* Of what is verified. */
static void
trace_begin(struct judge *j)
{
    struct decision_trace *trace = &j->details->trace;
    trace->count = j->chain->verified.condition_count;
    memset(trace->caveat, 0, trace->count * sizeof trace->caveat[0]);
}

/* What the chain authenticates, for the audit log: of a denied request too. */
static void
identify(struct judge *j)
{
    const struct token_identity *identity = &j->chain->identity;
    const struct token_verified *verified = &j->chain->verified;
    struct decision *out = j->out;
    out->identified = true;
    memcpy(out->token_id, identity->token_id, sizeof out->token_id);
    memcpy(out->lineage, verified->lineage[verified->lineage_count - 1], sizeof out->lineage);
    out->issued_at = identity->issued_at;
    out->expires_at = identity->expires_at;
    snprintf(out->user, sizeof out->user, "%.*s", BYTES_ARG(identity->principal));
    j->facts.user = identity->principal;
    j->facts.group = j->group;
    j->facts.group_count = policy_groups_of(j->world->policy, j->facts.user, j->group);
    trace_begin(j);
}

/* A forged token learns nothing about its holes: the root comes first. */
static bool
verify_with(struct judge *j, const uint8_t key[TOKEN_KEY_SIZE])
{
    struct fault fault = {0};
    struct chain *chain = j->chain;
    enum kh_err err = token_verify(chain->token, key, &chain->verified, &fault);
    if (err == KH_OK) {
        identify(j);
        return true;
    }
    if (err != KH_ERR_GRAPH)
        return deny_fault(j, KH_REASON_SIGNATURE_INVALID, &fault);

    struct fault root_fault = {0};
    if (token_verify_root(chain->token, key, &chain->verified, &root_fault) != KH_OK)
        return deny_fault(j, KH_REASON_SIGNATURE_INVALID, &root_fault);
    identify(j);
    if (token_open_holes(chain->token, NULL, 0) == 0)
        return deny_fault(j, KH_REASON_DISCHARGE_INVALID, &fault);
    BUFFER_AUTO hole;
    buffer_init(&hole, sizeof j->out->detail * 4);
    decision_hole_print(chain->token, &hole);
    return deny_text(j, KH_REASON_HOLE_OPEN, buffer_bytes(&hole));
}

/* The key must be there also for a chain that it has verified before. */
static bool
verify(struct judge *j)
{
    uint8_t key[TOKEN_KEY_SIZE] = {0};
    bool fine = false;
    if (!j->world->root_key(j->world->context, j->chain->identity.key_id, key)) {
        deny(j, KH_REASON_SIGNATURE_INVALID,
             "the key that it was made with is not known here, or retired");
    } else if (j->chain->whole) {
        identify(j);
        fine = true;
    } else {
        fine = verify_with(j, key);
    }
    wipe(key, sizeof key);
    return fine;
}

static void
trace(struct judge *j, size_t condition, enum judgement judgement)
{
    j->details->trace.caveat[condition] = judgement;
}

static bool
is_parent(const struct caveat *caveat)
{
    return caveat->predicate[0].attribute == ATTRIBUTE_PARENT;
}

/* A discharge is made anew as often as its hole is filled, and others may hold the same one: there
 * is nothing that a counter in it could be counted on. */
static bool
stands_where_it_may(const struct token_condition *condition, const struct caveat *caveat)
{
    return condition->macaroon == 0 ? !is_parent(caveat) : !caveat_counter(caveat);
}

/* All of them, before any is judged: one that is not understood spoils the token. */
static bool
parse_all(struct judge *j)
{
    const struct token_verified *v = &j->chain->verified;
    bool fine = true;
    for (size_t i = 0; i < v->condition_count; i++) {
        struct fault fault = {0};
        const struct token_condition *c = &v->condition[i];
        enum kh_err err = caveat_parse(c->text, &j->chain->caveat[i], &fault);
        if (err == KH_ERR_MEMORY)
            return deny_fault(j, KH_REASON_INTERNAL, &fault);
        if (err == KH_OK && stands_where_it_may(c, j->chain->caveat[i]))
            continue;
        trace(j, i, JUDGEMENT_UNKNOWN);
        if (fine)
            deny_text(j, KH_REASON_CAVEAT_UNKNOWN, c->text);
        fine = false;
    }
    return fine;
}

static bool
parse(struct judge *j)
{
    if (j->chain->whole)
        return true;
    j->chain->whole = parse_all(j);
    if (j->chain->whole && j->may_keep)
        chain_cache_put(j->world->chains, j->chain_key, j->chain);
    return j->chain->whole;
}

/* Every predicate is a bound on time that has passed: nothing but another token can mend it. */
static bool
is_over(const struct caveat *caveat, int64_t now)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct predicate *p = &caveat->predicate[i];
        bool is_end = p->operator_kind == OPERATOR_LESS || p->operator_kind == OPERATOR_LESS_EQUAL;
        if (p->attribute != ATTRIBUTE_TIME || !is_end || p->count != 1 || p->value[0].number > now)
            return false;
    }
    return true;
}

/* Whether a discharge's parent is in the chain at all; where, token_verify has checked. */
static bool
parent_holds(struct judge *j, const struct caveat *caveat)
{
    uint8_t lineage[LINEAGE_ID_SIZE];
    const struct predicate *p = &caveat->predicate[0];
    return caveat->count == 1 && p->count == 1 &&
           bytes_from_hex(p->value[0].text, lineage, sizeof lineage) &&
           token_verified_has_lineage(&j->chain->verified, 0, lineage);
}

/* What can be wrong with a discharge whatever the request is: it is another's, or it is over. */
static bool
judge_discharges(struct judge *j)
{
    const struct token_verified *v = &j->chain->verified;
    for (size_t i = 0; i < v->condition_count; i++) {
        const struct token_condition *c = &v->condition[i];
        if (c->macaroon == 0)
            continue;
        if (is_parent(j->chain->caveat[i]) && !parent_holds(j, j->chain->caveat[i])) {
            trace(j, i, JUDGEMENT_FAILS);
            return deny_text(j, KH_REASON_DISCHARGE_INVALID, c->text);
        }
        if (is_over(j->chain->caveat[i], j->facts.time) &&
            !caveat_holds(j->chain->caveat[i], &j->facts)) {
            trace(j, i, JUDGEMENT_FAILS);
            return deny_text(j, KH_REASON_DISCHARGE_EXPIRED, c->text);
        }
    }
    return true;
}

static bool
judge_times(struct judge *j)
{
    const struct token_identity *identity = &j->chain->identity;
    if (j->facts.time >= identity->expires_at)
        return deny(j, KH_REASON_EXPIRED, "the token's lifetime is over");
    if (identity->issued_at > j->facts.time + CLOCK_SKEW_MAX)
        return deny(j, KH_REASON_EXPIRED, "the token is not valid yet");
    return true;
}

static bool
is_revoked(struct judge *j, struct bytes credential)
{
    return j->world->revoked(j->world->context, &j->chain->identity, &j->chain->verified,
                             credential);
}

static bool
judge_revocations(struct judge *j)
{
    if (is_revoked(j, BYTES_EMPTY))
        return deny(j, KH_REASON_REVOKED, "");
    return true;
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
    return is_revoked(j, name) ? FIT_REVOKED : FIT_FULL;
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
    snprintf(j->out->credential, sizeof j->out->credential, "%s", PASS_THROUGH_NAME);
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
        return deny_text(j, fit_reason[best], best_name);
    snprintf(j->out->credential, sizeof j->out->credential, "%.*s", BYTES_ARG(best_name));
    j->facts.credential = best_name;
    add_credential_needs(j, &chosen);
    return true;
}

static enum kh_reason
failure_reason(struct judge *j, size_t condition)
{
    bool is_discharge = j->chain->verified.condition[condition].macaroon != 0;
    if (!is_over(j->chain->caveat[condition], j->facts.time))
        return KH_REASON_CAVEAT_FAILED;
    return is_discharge ? KH_REASON_DISCHARGE_EXPIRED : KH_REASON_EXPIRED;
}

static enum caveat_verdict
judge_caveat(struct judge *j, size_t condition)
{
    const struct caveat *caveat = j->chain->caveat[condition];
    if (j->chain->verified.condition[condition].macaroon != 0 && is_parent(caveat))
        return parent_holds(j, caveat) ? CAVEAT_HOLDS : CAVEAT_FAILS;
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
        trace(j, i, judgement[verdict]);
        if (verdict == CAVEAT_FAILS && fine)
            fine = deny_text(j, failure_reason(j, i), v->condition[i].text);
    }
    /* If it is read, then for all: what holds by its `time` now may need the body later. */
    for (size_t i = 0; fine && j->needs_body && i < v->condition_count; i++)
        (void)body_need_add(&j->details->body_need, j->chain->caveat[i]);
    return fine;
}

/* A hole of the mint's: the caveat that says what it demands, and the third-party caveat after it.
 * What holders add is of their own making, and counts for nothing. */
static bool
is_minted_hole(const struct judge *j, size_t condition)
{
    const struct token_condition *c = &j->chain->verified.condition[condition];
    const struct macaroon_view *root = &j->chain->token->macaroon[0];
    return c->macaroon == 0 && c->index + 1 < j->chain->identity.minted_caveats &&
           c->index + 1 < root->caveat_count && root->caveat[c->index + 1].vid.n > 0 &&
           j->chain->caveat[condition]->predicate[0].attribute == ATTRIBUTE_HOLE;
}

static void
collect_holes(struct judge *j)
{
    struct decision_details *d = j->details;
    for (size_t i = 0; i < j->chain->verified.condition_count && d->hole_count < DECISION_HOLES_MAX;
         i++) {
        struct hole hole;
        BUFFER_AUTO text;
        buffer_init(&text, HOLE_TEXT_MAX);
        if (!is_minted_hole(j, i) || hole_parse(j->chain->caveat[i]->predicate[0].value[0].text,
                                                &text, &hole, NULL) != KH_OK)
            continue;
        snprintf(d->hole[d->hole_count++], sizeof d->hole[0], "%s", buffer_text(&text));
    }
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
    return needs.fits ||
           deny(j, KH_REASON_INTERNAL, "caveats and rules look at too many places of the body");
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
    struct bytes hole[DECISION_HOLES_MAX];
    collect_holes(j);
    const struct policy_request request = {
        .facts = &j->facts,
        .lifetime_s = j->chain->identity.expires_at - j->chain->identity.issued_at,
        .hole = hole,
        .hole_count = j->details->hole_count,
    };
    for (size_t i = 0; i < request.hole_count; i++)
        hole[i] = bytes_str(j->details->hole[i]);
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
    return deny_text(j, verdict->reason == KH_REASON_UNSET ? KH_REASON_INTERNAL : verdict->reason,
                     buffer_bytes(&why));
}

static bool
prepare(struct judge *j)
{
    const struct decision_world *world = j->world;
    enum kh_reason reason = KH_REASON_INTERNAL;
    char detail[sizeof j->out->detail] = "";
    if (j->needs_body || world->prepare == NULL || world->pass_through ||
        world->prepare(world->context, j->facts.credential, &reason, detail, sizeof detail))
        return true;
    return deny_text(j, reason, bytes_str(detail));
}

/* Last of all: a request that is denied for another reason is no use of the token. */
static bool
take_counters(struct judge *j)
{
    const struct decision_world *world = j->world;
    const struct token_verified *v = &j->chain->verified;
    struct counter_demand demand[TOKEN_CAVEATS_MAX];
    struct counter_refusal refusal = {.reason = KH_REASON_INTERNAL};
    /* Without room there is no need to read a body, and with one it is not decided yet. */
    enum counting counting =
        j->needs_body && world->counting == COUNTING_TAKE ? COUNTING_LOOK : world->counting;
    size_t n = counter_demands(v, j->chain->caveat, j->chain->identity.expires_at, demand);
    bool taken = n == 0 || counting == COUNTING_DONE ||
                 (world->take &&
                  world->take(world->context, &j->chain->identity, demand, n, counting, &refusal));
    for (size_t i = 0; taken && i < n; i++)
        trace(j, demand[i].condition, JUDGEMENT_HOLDS);
    if (taken)
        return true;
    if (refusal.demand >= n || !counter_reason_is_of_token(refusal.reason))
        return deny(j, refusal.reason, "the counters cannot be kept");
    trace(j, demand[refusal.demand].condition, JUDGEMENT_FAILS);
    j->out->retry_after_s = refusal.retry_after_s;
    return deny_text(j, refusal.reason, v->condition[demand[refusal.demand].condition].text);
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

/* Claims of a forger are not to be mistaken for facts. */
static void
forget_claims(struct judge *j)
{
    struct chain *chain = j->chain;
    if (chain && chain->whole) { /* shared: its key is gone */
        chain_release(&j->details->chain);
    } else if (chain) {
        memset(&chain->identity, 0, sizeof chain->identity);
        memset(&chain->verified, 0, sizeof chain->verified);
    }
}

static bool (*const steps[])(struct judge *) = {
    scan,
    verify,
    parse,
    judge_discharges,
    judge_times,
    judge_revocations,
    choose_credential,
    judge_caveats,
    judge_policy,
    prepare,
    take_counters, /* the last: what it takes is not given back */
};
enum {
    STEP_COUNT = sizeof steps / sizeof steps[0],
    TOKEN_STEP_COUNT = 6, /* those that look at no request: up to judge_revocations */
};

static size_t
walk(struct judge *j, bool (*const *step)(struct judge *), size_t count)
{
    size_t passed = 0;
    while (passed < count && step[passed](j))
        passed++;
    return passed;
}

/* Where no token is needed, and there is none. */
static bool (*const steps_without_token[])(struct judge *) = {
    choose_pass_through,
    judge_policy,
};
enum { STEP_WITHOUT_TOKEN_COUNT = sizeof steps_without_token / sizeof steps_without_token[0] };

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
    bool (*const *step)(struct judge *) = without ? steps_without_token : steps;
    size_t count = without ? STEP_WITHOUT_TOKEN_COUNT : STEP_COUNT, passed = walk(j, step, count);
    if (passed < count && j->want_trace && step[passed] == judge_caveats)
        ask_policy(j);
    return passed == count;
}

void
decide(const struct decision_world *world, struct bytes token_text, struct bytes wanted,
       const struct facts *facts, struct decision *out, struct decision_details *details)
{
    KH_UNFILLED struct decision_details own;
    struct judge j = {
        .world = world,
        .text = token_text,
        .wanted = wanted,
        .facts = *facts,
        .out = out,
        // cppcheck-suppress uninitvar ; it is cleared just below
        .details = details ? details : &own,
        .want_trace = details != NULL,
    };
    memset(out, 0, sizeof *out);
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
        forget_claims(&j);
    if (!details)
        chain_release(&own.chain);
}

enum kh_reason
decide_token(const struct decision_world *world, struct bytes token_text, int64_t now,
             struct decision *out, struct decision_details *details)
{
    struct judge j = {
        .world = world,
        .text = token_text,
        .facts = {.time = now},
        .out = out,
        .details = details,
    };
    memset(out, 0, sizeof *out);
    decision_details_init(details);
    out->reason = KH_REASON_INTERNAL;
    if (walk(&j, steps, TOKEN_STEP_COUNT) == TOKEN_STEP_COUNT)
        out->reason = KH_REASON_UNSET;
    if (!out->identified)
        forget_claims(&j);
    return out->reason;
}
