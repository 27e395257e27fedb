/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first steps of a decision: what is judged of the token itself, whatever the request is.
 */

#include "decide_internal.h"

#include <string.h>

enum { CLOCK_SKEW_MAX = 5 * 60 }; /* between the broker that minted and this one, in seconds */

static bool
scan_text(struct judge *j)
{
    struct fault fault = {0};
    struct chain *chain = j->chain = j->details->chain = chain_new();
    if (!chain)
        return decide_deny(j, KH_REASON_INTERNAL, "memory is used up");
    enum kh_err err = token_scan(j->text, &chain->token, &fault);
    if (err)
        return decide_deny_fault(
            j, err == KH_ERR_GRAPH ? KH_REASON_DISCHARGE_INVALID : KH_REASON_TOKEN_MALFORMED,
            &fault);
    if (token_identity_read(chain->token, &chain->identity, &fault) != KH_OK)
        return decide_deny_fault(j, KH_REASON_TOKEN_MALFORMED, &fault);
    return true;
}

static bool
scan(struct judge *j)
{
    struct chain_cache *cache = j->world->chains;
    if (j->text.n == 0)
        return decide_deny(
            j, j->world->pass_through ? KH_REASON_PROXY_TOKEN_MISSING : KH_REASON_TOKEN_MISSING,
            "");
    if (cache)
        j->chain = j->details->chain = chain_cache_find(cache, j->text);
    return j->chain || scan_text(j);
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
    decide_keep_name(out->user, identity->principal);
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
        chain_expect_caveats(chain);
        identify(j);
        return true;
    }
    if (err != KH_ERR_GRAPH)
        return decide_deny_fault(j, KH_REASON_SIGNATURE_INVALID, &fault);

    struct fault root_fault = {0};
    if (token_verify_root(chain->token, key, &chain->verified, &root_fault) != KH_OK)
        return decide_deny_fault(j, KH_REASON_SIGNATURE_INVALID, &root_fault);
    chain_expect_caveats(chain);
    identify(j);
    if (token_open_holes(chain->token, NULL, 0) == 0)
        return decide_deny_fault(j, KH_REASON_DISCHARGE_INVALID, &fault);
    BUFFER_AUTO hole;
    buffer_init(&hole, sizeof j->out->detail * 4);
    decision_hole_print(chain->token, &hole);
    return decide_deny_text(j, KH_REASON_HOLE_OPEN, buffer_bytes(&hole));
}

/* The key must be there also for a chain that it has verified before. */
static bool
verify(struct judge *j)
{
    uint8_t key[TOKEN_KEY_SIZE] = {0};
    bool fine = false;
    if (!j->world->root_key(j->world->context, j->chain->identity.key_id, key)) {
        decide_deny(j, KH_REASON_SIGNATURE_INVALID,
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

/* A discharge is made anew as often as its hole is filled, and others may hold the same one: there
 * is nothing that a counter in it could be counted on. */
static bool
stands_where_it_may(const struct token_condition *condition, const struct caveat *caveat)
{
    return condition->macaroon == 0 ? !decide_is_parent(caveat) : !caveat_counter(caveat);
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
            return decide_deny_fault(j, KH_REASON_INTERNAL, &fault);
        if (err == KH_OK && stands_where_it_may(c, j->chain->caveat[i])) {
            j->chain->has_counter |= caveat_counter(j->chain->caveat[i]) != NULL;
            continue;
        }
        decide_trace(j, i, JUDGEMENT_UNKNOWN);
        if (fine)
            decide_deny_text(j, KH_REASON_CAVEAT_UNKNOWN, c->text);
        fine = false;
    }
    return fine;
}

/* A hole of the mint's: the caveat that says what it demands, and the third-party caveat after it.
 * What holders add is of their own making, and counts for nothing. */
static bool
is_minted_hole(const struct chain *chain, size_t condition)
{
    const struct token_condition *c = &chain->verified.condition[condition];
    const struct macaroon_view *root = &chain->token->macaroon[0];
    return c->macaroon == 0 && c->index + 1 < chain->identity.minted_caveats &&
           c->index + 1 < root->caveat_count && root->caveat[c->index + 1].vid.n > 0 &&
           chain->caveat[condition]->predicate[0].attribute == ATTRIBUTE_HOLE;
}

/* Its length alone: the text moves while it grows. */
static void
add_hole(struct chain *chain, const struct caveat *caveat)
{
    struct hole hole;
    BUFFER_AUTO text;
    buffer_init(&text, HOLE_TEXT_MAX);
    if (hole_parse(caveat->predicate[0].value[0].text, &text, &hole, NULL) != KH_OK)
        return;
    chain->hole[chain->hole_count++].n = text.n;
    buffer_put(&chain->hole_text, buffer_bytes(&text));
}

static bool
collect_holes(struct judge *j)
{
    struct chain *chain = j->chain;
    size_t count = chain->verified.condition_count;
    for (size_t i = 0; i < count && chain->hole_count < CHAIN_HOLES_MAX; i++) {
        if (is_minted_hole(chain, i))
            add_hole(chain, chain->caveat[i]);
    }
    if (chain->hole_text.failed)
        return decide_deny(j, KH_REASON_INTERNAL, "memory is used up");
    struct bytes rest = buffer_bytes(&chain->hole_text);
    for (size_t i = 0; i < chain->hole_count; i++) {
        chain->hole[i] = bytes_slice(rest, 0, chain->hole[i].n);
        rest = bytes_from(rest, chain->hole[i].n);
    }
    return true;
}

static bool
parse(struct judge *j)
{
    if (j->chain->whole)
        return true;
    j->chain->whole = parse_all(j) && collect_holes(j);
    if (j->chain->whole && j->world->chains)
        chain_cache_put(j->world->chains, j->text, j->chain);
    return j->chain->whole;
}

/* Every predicate is a bound on time that has passed: nothing but another token can mend it. */
bool
decide_is_over(const struct caveat *caveat, int64_t now)
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
bool
decide_parent_holds(struct judge *j, const struct caveat *caveat)
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
    if (j->chain->token->macaroon_count == 1)
        return true;
    for (size_t i = 0; i < v->condition_count; i++) {
        const struct token_condition *c = &v->condition[i];
        if (c->macaroon == 0)
            continue;
        if (decide_is_parent(j->chain->caveat[i]) && !decide_parent_holds(j, j->chain->caveat[i])) {
            decide_trace(j, i, JUDGEMENT_FAILS);
            return decide_deny_text(j, KH_REASON_DISCHARGE_INVALID, c->text);
        }
        if (decide_is_over(j->chain->caveat[i], j->facts.time) &&
            !caveat_holds(j->chain->caveat[i], &j->facts)) {
            decide_trace(j, i, JUDGEMENT_FAILS);
            return decide_deny_text(j, KH_REASON_DISCHARGE_EXPIRED, c->text);
        }
    }
    return true;
}

static bool
judge_times(struct judge *j)
{
    const struct token_identity *identity = &j->chain->identity;
    if (j->facts.time >= identity->expires_at)
        return decide_deny(j, KH_REASON_EXPIRED, "the token's lifetime is over");
    if (identity->issued_at > j->facts.time + CLOCK_SKEW_MAX)
        return decide_deny(j, KH_REASON_EXPIRED, "the token is not valid yet");
    return true;
}

bool
decide_is_revoked(struct judge *j, struct bytes credential)
{
    return j->world->revoked(j->world->context, &j->chain->identity, &j->chain->verified,
                             credential);
}

static bool
judge_revocations(struct judge *j)
{
    if (decide_is_revoked(j, BYTES_EMPTY))
        return decide_deny(j, KH_REASON_REVOKED, "");
    return true;
}

/* Claims of a forger are not to be mistaken for facts. */
void
decide_forget_claims(struct judge *j)
{
    struct chain *chain = j->chain;
    if (chain && chain->whole) { /* shared: its key is gone */
        chain_release(&j->details->chain);
    } else if (chain) {
        memset(&chain->identity, 0, sizeof chain->identity);
        chain->verified.condition_count = chain->verified.lineage_count = 0;
    }
}

/* Each may deny. */
static bool (*const steps[])(struct judge *) = {
    scan, verify, parse, judge_discharges, judge_times, judge_revocations,
};

bool
decide_token_steps(struct judge *j)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!steps[i](j))
            return false;
    }
    return true;
}

enum kh_reason
decide_token(const struct decision_world *world, struct bytes token_text, int64_t now,
             struct decision *out, struct decision_details *details)
{
    KH_UNFILLED struct bytes group[POLICY_GROUPS_MAX];
    struct judge j = {
        .world = world,
        .text = token_text,
        .facts = {.time = now},
        .out = out,
        .details = details,
        .group = group,
    };
    decision_init(out);
    decision_details_init(details);
    out->reason = KH_REASON_INTERNAL;
    if (decide_token_steps(&j))
        out->reason = KH_REASON_UNSET;
    if (!out->identified)
        decide_forget_claims(&j);
    return out->reason;
}
