/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of policies, on generated policies, tokens and requests. Each prints its seed;
 * KEYHOLE_SEED=… runs a failure again.
 */

#include "policies.h"
#include "world.h"

enum {
    POLICIES = 600 / TEST_SAMPLE,
    REQUESTS = 60, /* of each policy, and so 36,000 cases of each property that needs no token */
    TOKENS = 4000 / TEST_SAMPLE,
};

#define PICK(r, array) ((array)[random_below((r), COUNT_OF(array))])

/* ---- small worlds, so that rules hold about as often as they fail ---- */

static const char *const predicates[] = {
    "method = GET",
    "method in GET, POST",
    "method != DELETE",
    "path = /a",
    "path ~ /a/**",
    "path !~ /b/*",
    "host = api.openai.com",
    "host ~ *.example.com",
    "query[n] <= 5",
    "query[n] absent",
    "query[n] present",
    "header[x] = y",
    "user = alice",
    "user in bob, carol",
    "group = eng",
    "group != ops",
    "credential = openai",
    "credential != github",
    "client in 10.0.0.0/8",
    "time < 2026-06-01T00:00:00Z",
    "time >= 2026-06-01T00:00:00Z",
};
static const char *const users[] = {"alice", "bob", "carol", "dave"};
static const char *const credentials[] = {"openai", "github", "wiki"};
static const char *const principals[] = {"everyone",  "user alice", "user bob",
                                         "group eng", "group ops",  "group eng"};
static const char *const hole_texts[] = {"factor = yubikey for 8h", "factor = ssh for 1h",
                                         "user = bob and factor = ssh for 1h"};
static const int64_t lifetimes[] = {60, 3600, 43200, 86400};
static const char *const lifetime_texts[] = {"1m", "1h", "12h", "1d"};

static void
put_caveat(struct random *r, struct buffer *out)
{
    buffer_put_str(out, PICK(r, predicates));
    while (random_below(r, 3) == 0)
        buffer_printf(out, " or %s", PICK(r, predicates));
}

/* One of a list: "- 'text'" lines. Caveats have no quotation marks of that kind. */
static void
put_caveats(struct random *r, const char *key, size_t count, struct buffer *out)
{
    buffer_printf(out, "  %s:%s\n", key, count ? "" : " []");
    for (; count > 0; count--) {
        buffer_put_str(out, "  - '");
        put_caveat(r, out);
        buffer_put_str(out, "'\n");
    }
}

static void
put_grant(struct random *r, size_t number, bool may_warn, struct buffer *out)
{
    buffer_printf(out, "- name: g%zu\n  to: [%s, %s]\n  credentials: [%s, %s]\n", number,
                  PICK(r, principals), PICK(r, principals), PICK(r, credentials),
                  PICK(r, credentials));
    put_caveats(r, "caveats", random_below(r, 3), out);
    if (random_below(r, 3) == 0)
        buffer_printf(out, "  lifetime: %s\n", PICK(r, lifetime_texts));
    if (random_below(r, 4) == 0)
        buffer_printf(out, "  holes: ['%s']\n", PICK(r, hole_texts));
    if (may_warn && random_below(r, 4) == 0)
        buffer_put_str(out, "  mode: warn\n");
}

static void
put_forbid(struct random *r, size_t number, bool may_warn, struct buffer *out)
{
    buffer_printf(out, "- name: f%zu\n", number);
    put_caveats(r, "when", 1 + random_below(r, 3), out);
    if (may_warn && random_below(r, 3) == 0)
        buffer_put_str(out, "  mode: warn\n");
}

static void
put_policy(struct random *r, bool may_warn, struct buffer *out)
{
    buffer_clear(out);
    buffer_put_str(out, "version: 1\ngroups: {eng: [alice, bob], ops: [bob, dave]}\ngrants:\n");
    for (size_t i = 0, n = 1 + random_below(r, 4); i < n; i++)
        put_grant(r, i, may_warn, out);
    buffer_put_str(out, "forbid:\n");
    for (size_t i = 0, n = 1 + random_below(r, 2); i < n; i++)
        put_forbid(r, i, may_warn, out);
}

/* ---- requests ---- */

struct asked {
    struct facts facts;
    struct fact_pair query[3], header;
    struct bytes hole[2];
    struct policy_request request;
};

static struct bytes
any(struct random *r, const char *const *list, size_t n)
{
    return bytes_str(list[random_below(r, n)]);
}

static void
generate(struct random *r, struct asked *q)
{
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    static const char *const paths[] = {"/a", "/a/b", "/b/c", "/"};
    static const char *const hosts[] = {"api.openai.com", "x.example.com"};
    static const char *const numbers[] = {"1", "5", "6", "x"};
    static const char *const clients[] = {"10.1.1.1", "192.0.2.7", "unix"};
    memset(q, 0, sizeof *q);
    q->facts = policy_facts("", "");
    q->facts.method = any(r, methods, COUNT_OF(methods));
    q->facts.path = any(r, paths, COUNT_OF(paths));
    q->facts.host = any(r, hosts, COUNT_OF(hosts));
    q->facts.client = any(r, clients, COUNT_OF(clients));
    q->facts.user = any(r, users, COUNT_OF(users));
    q->facts.credential = any(r, credentials, COUNT_OF(credentials));
    q->facts.time = INT64_C(1780272000) + (int64_t)random_below(r, 3) - 1; /* around the date */
    for (size_t i = 0; i < 3; i++)
        q->query[i] = (struct fact_pair){BYTES("n"), any(r, numbers, COUNT_OF(numbers))};
    q->header = (struct fact_pair){BYTES("x"), random_below(r, 2) ? BYTES("y") : BYTES("z")};
    q->facts.query = q->query;
    q->facts.header = &q->header;
    q->facts.query_count = random_below(r, 2);
    q->facts.header_count = random_below(r, 2);
    for (size_t i = 0; i < 2; i++)
        q->hole[i] = any(r, hole_texts, COUNT_OF(hole_texts));
    q->request = (struct policy_request){
        .lifetime_s = PICK(r, lifetimes), .hole = q->hole, .hole_count = random_below(r, 3)};
}

static bool
allowed(const struct policy *policy, const struct asked *q)
{
    return test_judge(policy, &q->facts, q->request).allowed == JUDGEMENT_HOLDS;
}

/* ---- properties of policies alone ---- */

typedef void property_fn(struct random *r, struct policy *policy, const char *yaml,
                         const struct asked *q);

static void
for_all(const char *name, uint64_t seed, bool may_warn, property_fn *property)
{
    struct random r = random_seeded(name, seed);
    BUFFER_AUTO yaml;
    buffer_init(&yaml, 65536);
    size_t held = 0;
    for (int i = 0; i < POLICIES; i++) {
        put_policy(&r, may_warn, &yaml);
        struct policy *policy = test_policy(buffer_text(&yaml));
        for (int k = 0; k < REQUESTS; k++) {
            struct asked q;
            generate(&r, &q);
            held += allowed(policy, &q);
            property(&r, policy, buffer_text(&yaml), &q);
        }
        policy_free(&policy);
    }
    // A property of denials alone would be true of a broker that denies everything.
    size_t all = (size_t)POLICIES * REQUESTS;
    print_message("%s: %zu cases, %zu allowed\n", name, all, held);
    assert_in_range(held, all / 50, all - all / 50);
}

static void
forbid_wins(struct random *r, struct policy *policy, const char *yaml, const struct asked *q)
{
    (void)r;
    struct policy_verdict v = test_judge(policy, &q->facts, q->request), alone;
    struct bytes group[POLICY_GROUPS_MAX];
    struct facts facts = q->facts;
    struct policy_request request = q->request;
    facts.group = group;
    facts.group_count = policy_groups_of(policy, facts.user, group);
    request.facts = &facts;
    bool forbidden = policy_forbids(policy, &request, &alone);
    if (forbidden && (v.allowed != JUDGEMENT_FAILS || v.reason != KH_REASON_FORBIDDEN))
        FAIL_WITH("a forbid matches, and the request is not forbidden:\n%s", yaml);
    if (!forbidden && v.allowed == JUDGEMENT_FAILS && v.reason != KH_REASON_NO_GRANT)
        FAIL_WITH("denied without a reason:\n%s", yaml);
}

static void
no_grant_means_deny(struct random *r, struct policy *policy, const char *yaml,
                    const struct asked *q)
{
    (void)r;
    size_t grants = policy->grant_count;
    bool before = allowed(policy, q);
    policy->grant_count = 0;
    bool none = allowed(policy, q);
    policy->grant_count = grants;
    if (none)
        FAIL_WITH("allowed without a grant:\n%s", yaml);
    if (before && grants == 0)
        FAIL_WITH("allowed without a grant:\n%s", yaml);
}

/* Another grant never takes away, another forbid never gives. */
static void
rules_are_monotone(struct random *r, struct policy *policy, const char *yaml, const struct asked *q)
{
    (void)r;
    bool all = allowed(policy, q);
    policy->grant_count--;
    bool less = allowed(policy, q);
    policy->grant_count++;
    if (less && !all)
        FAIL_WITH("the last grant took something away:\n%s", yaml);
    policy->forbid_count--;
    bool freer = allowed(policy, q);
    policy->forbid_count++;
    if (all && !freer)
        FAIL_WITH("the last forbid gave something:\n%s", yaml);
}

/* Letting a rule warn never denies what was allowed. */
static void
warn_denies_nothing(struct random *r, struct policy *policy, const char *yaml,
                    const struct asked *q)
{
    size_t n = random_below(r, policy->grant_count + policy->forbid_count);
    enum policy_mode *mode = n < policy->grant_count
                                 ? &policy->grant[n].mode
                                 : &policy->forbid[n - policy->grant_count].mode;
    enum policy_mode before_mode = *mode;
    *mode = POLICY_ENFORCE;
    bool before = allowed(policy, q);
    *mode = POLICY_WARN;
    struct policy_verdict after = test_judge(policy, &q->facts, q->request);
    *mode = before_mode;
    if (before && after.allowed != JUDGEMENT_HOLDS)
        FAIL_WITH("rule %zu in warn mode denies:\n%s", n, yaml);
    if (!before && after.allowed == JUDGEMENT_HOLDS && after.warning_count == 0)
        FAIL_WITH("rule %zu in warn mode allows without a warning:\n%s", n, yaml);
}

static void
swap_caveats(struct random *r, struct policy_caveat *caveat, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        size_t k = i + random_below(r, count - i);
        struct policy_caveat kept = caveat[i];
        caveat[i] = caveat[k];
        caveat[k] = kept;
    }
}

static void
order_does_not_matter(struct random *r, struct policy *policy, const char *yaml,
                      const struct asked *q)
{
    bool before = allowed(policy, q);
    for (size_t i = 0; i < policy->grant_count; i++) {
        struct policy_grant *g = &policy->grant[i], kept = *g;
        size_t k = random_below(r, policy->grant_count);
        *g = policy->grant[k];
        policy->grant[k] = kept;
        swap_caveats(r, g->caveat, g->caveat_count);
    }
    for (size_t i = 0; i < policy->forbid_count; i++)
        swap_caveats(r, policy->forbid[i].when, policy->forbid[i].when_count);
    if (allowed(policy, q) != before)
        FAIL_WITH("the order matters:\n%s", yaml);
}

static bool
some_are_hidden(void *context, const struct predicate *predicate)
{
    return *(const unsigned *)context >> predicate->attribute & 1;
}

/* What is said without a value is said with it too. */
static void
unknown_is_never_wrong(struct random *r, struct policy *policy, const char *yaml,
                       const struct asked *q)
{
    unsigned hidden = (unsigned)random_next(r);
    struct asked less = *q;
    less.request.hidden = some_are_hidden;
    less.request.context = &hidden;
    less.request.holes_hidden = random_below(r, 2);
    less.request.hole_count = less.request.holes_hidden ? 0 : q->request.hole_count;
    less.request.lifetime_s = random_below(r, 2) ? -1 : q->request.lifetime_s;
    struct policy_verdict v = test_judge(policy, &less.facts, less.request);
    if (v.allowed != JUDGEMENT_UNKNOWN && (v.allowed == JUDGEMENT_HOLDS) != allowed(policy, q))
        FAIL_WITH("said otherwise with less:\n%s", yaml);
}

/* Saying the same parameter once more gets nobody past a forbid. */
static void
more_values_pass_nothing(struct random *r, struct policy *policy, const char *yaml,
                         const struct asked *q)
{
    struct asked more = *q;
    struct policy_request request = q->request;
    struct policy_verdict v;
    struct bytes group[POLICY_GROUPS_MAX];
    more.facts.query = more.query;
    more.facts.query_count = 1;
    more.facts.group = group;
    more.facts.group_count = policy_groups_of(policy, more.facts.user, group);
    request.facts = &more.facts;
    bool before = policy_forbids(policy, &request, &v);
    more.facts.query_count += 1 + random_below(r, 2);
    if (before && !policy_forbids(policy, &request, &v))
        FAIL_WITH("a second value got past a forbid:\n%s", yaml);
}

#define PROPERTY(name, seed, may_warn)                                                             \
    static void all_##name(void **state)                                                           \
    {                                                                                              \
        (void)state;                                                                               \
        for_all(#name, seed, may_warn, name);                                                      \
    }
PROPERTY(forbid_wins, 21, true)
PROPERTY(no_grant_means_deny, 22, true)
PROPERTY(rules_are_monotone, 23, false)
PROPERTY(warn_denies_nothing, 24, true)
PROPERTY(order_does_not_matter, 25, true)
PROPERTY(unknown_is_never_wrong, 26, true)
PROPERTY(more_values_pass_nothing, 28, true)

/* ---- with tokens ---- */

struct tokens {
    struct random r;
    struct world world;
    struct policy *policy;
    struct buffer text, caveat;
};

static struct decision
decide_under(struct tokens *t, struct bytes text, const struct facts *facts)
{
    const struct decision_world w = {
        .context = &t->world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .policy = t->policy,
    };
    struct decision out;
    decide(&w, text, BYTES_EMPTY, facts, &out, NULL);
    return out;
}

/* If a token with one caveat more is allowed something, so is the token. */
static void
attenuation_is_monotone(void **state)
{
    (void)state;
    struct tokens t = {.r = random_seeded("attenuation under policy", 27), .world = test_world()};
    size_t allowed_narrow = 0, allowed_wide = 0;
    buffer_init(&t.text, 65536);
    buffer_init(&t.caveat, CAVEAT_TEXT_MAX);
    for (int i = 0; i < TOKENS; i++) {
        struct buffer wide, narrow;
        struct asked q;
        if (i % 20 == 0) {
            policy_free(&t.policy);
            put_policy(&t.r, true, &t.text);
            t.policy = test_policy(buffer_text(&t.text));
        }
        buffer_clear(&t.caveat);
        put_caveat(&t.r, &t.caveat);
        const char *const minted[] = {buffer_text(&t.caveat), NULL};
        test_mint(&wide, random_below(&t.r, 2) ? minted : NULL);
        buffer_clear(&t.caveat);
        put_caveat(&t.r, &t.caveat);
        // A holder's own `hole` must not count for what a grant demands.
        bool fake = random_below(&t.r, 4) == 0;
        test_attenuate(&narrow, buffer_bytes(&wide),
                       fake ? "hole = \"factor = yubikey for 8h\"" : buffer_text(&t.caveat));
        generate(&t.r, &q);
        struct decision w = decide_under(&t, buffer_bytes(&wide), &q.facts);
        struct decision n = decide_under(&t, buffer_bytes(&narrow), &q.facts);
        allowed_wide += w.verdict == DECISION_ALLOW;
        allowed_narrow += n.verdict == DECISION_ALLOW;
        if (n.verdict == DECISION_ALLOW && w.verdict != DECISION_ALLOW)
            FAIL_WITH("case %d: \"%s\" widens under\n%s", i, buffer_text(&t.caveat),
                      buffer_text(&t.text));
        if (n.verdict == DECISION_ALLOW && n.recheck_at > w.recheck_at)
            FAIL_WITH("case %d: the narrower token is looked at later", i);
        if (fake && n.verdict != w.verdict)
            FAIL_WITH("case %d: a holder's hole changes the decision", i);
        buffer_free(&wide);
        buffer_free(&narrow);
    }
    print_message("attenuation under policy: %d cases, %zu allowed, %zu narrowed\n", TOKENS,
                  allowed_wide, allowed_narrow);
    assert_in_range(allowed_narrow, 20 / TEST_SAMPLE, allowed_wide - 1);
    policy_free(&t.policy);
    buffer_free(&t.text);
    buffer_free(&t.caveat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forbid_wins),
        cmocka_unit_test(all_no_grant_means_deny),
        cmocka_unit_test(all_rules_are_monotone),
        cmocka_unit_test(all_warn_denies_nothing),
        cmocka_unit_test(all_order_does_not_matter),
        cmocka_unit_test(all_unknown_is_never_wrong),
        cmocka_unit_test(all_more_values_pass_nothing),
        cmocka_unit_test(attenuation_is_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
