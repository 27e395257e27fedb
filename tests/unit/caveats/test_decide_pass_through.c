/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and tunnels to hosts that the operator passes through. */
#include "policies.h"
#include "world.h"

static const char yaml[] =
    "version: 1\n"
    "grants:\n"
    "- {name: nobody, to: [user carol], credentials: [openai]}\n"
    "forbid:\n"
    "- {name: not-there, when: [credential = pass-through, host = evil.test]}\n"
    "- {name: no-admin, when: [host = api.openai.com, path ~ /admin/**]}\n";

struct asked {
    struct world world;
    const struct policy *policy;
    bool optional;
};

static struct decision
decide_text(struct asked *asked, struct bytes text, const struct facts *facts,
            struct decision_details *details)
{
    const struct decision_world w = {
        .context = &asked->world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .take = world_take,
        .counting = asked->world.counting,
        .policy = asked->policy,
        .pass_through = true,
        .token_optional = asked->optional,
    };
    struct decision out;
    memset(&out, 0xee, sizeof out);
    decide(&w, text, BYTES_EMPTY, facts, &out, details);
    return out;
}

static struct decision
decide_caveat(struct asked *asked, const char *caveat, const struct facts *facts)
{
    const char *const list[] = {caveat, NULL};
    struct buffer text;
    test_mint(&text, caveat ? list : NULL);
    struct decision d = decide_text(asked, buffer_bytes(&text), facts, NULL);
    buffer_free(&text);
    return d;
}

static struct facts
tunnel_facts(void)
{
    struct facts facts = test_facts();
    facts.host = BYTES("files.test");
    facts.method = BYTES("CONNECT");
    facts.path = BYTES_EMPTY;
    facts.opaque = true;
    return facts;
}

static void
without_a_token(void **state)
{
    (void)state;
    struct asked asked = {.world = test_world()};
    struct facts facts = tunnel_facts();
    struct decision d = decide_text(&asked, BYTES_EMPTY, &facts, NULL);
    expect_denied("needed", &d, KH_REASON_PROXY_TOKEN_MISSING);
    assert_int_equal(kh_reason_status(d.reason), 407);
    asked.optional = true;
    d = decide_text(&asked, BYTES_EMPTY, &facts, NULL);
    expect_allowed("not needed", &d);
    assert_false(d.identified);
    assert_string_equal(d.user, "");
    assert_string_equal(d.credential, PASS_THROUGH_NAME);
    assert_true(d.recheck_at == INT64_MAX);
    assert_int_equal(asked.world.asked_take, 0);
}

/* What is no token, or another's, is not taken for none. */
static void
a_bad_token_is_not_none(void **state)
{
    (void)state;
    struct asked asked = {.world = test_world(), .optional = true};
    struct facts facts = tunnel_facts();
    struct decision d = decide_text(&asked, BYTES("hunter2"), &facts, NULL);
    expect_denied("a password", &d, KH_REASON_TOKEN_MALFORMED);
    asked.world.no_key = true;
    d = decide_caveat(&asked, NULL, &facts);
    expect_denied("forged", &d, KH_REASON_SIGNATURE_INVALID);
    asked.world.no_key = false;
    asked.world.revoked_user = "alice";
    d = decide_caveat(&asked, NULL, &facts);
    expect_denied("revoked", &d, KH_REASON_REVOKED);
    asked.world.revoked_user = NULL;
    facts.time = TEST_EXPIRES;
    d = decide_caveat(&asked, NULL, &facts);
    expect_denied("expired", &d, KH_REASON_EXPIRED);
}

static void
any_token_may(void **state)
{
    (void)state;
    struct asked asked = {.world = test_world()};
    struct facts facts = tunnel_facts();
    struct decision d = decide_caveat(&asked, NULL, &facts);
    expect_allowed("whatever it is for", &d);
    assert_true(d.identified);
    assert_string_equal(d.user, "alice");
    assert_string_equal(d.credential, PASS_THROUGH_NAME);
    assert_int_equal(d.recheck_at, TEST_EXPIRES);
    assert_int_equal(asked.world.asked_prepare, 0);
}

static void
caveats(void **state)
{
    static const struct {
        const char *caveat;
        bool holds;
    } rows[] = {
        {"credential = pass-through", true},
        {"credential = openai", false},
        {"method = CONNECT", true},
        {"method = GET", false},
        {"method in GET, CONNECT", true},
        {"host = files.test", true},
        {"host = api.openai.com", false},
        {"port = 443", true},
        {"user = alice", true},
        // What goes through is not seen: nothing holds of it, not even that it is not there.
        {"path ~ /**", false},
        {"path != /x", false},
        {"path absent", false},
        {"query[a] absent", false},
        {"header[a] absent", false},
        {"header[a] = b", false},
        {"content-type absent", false},
        {"body[/a] absent", false},
        {"body[/a] = b", false},
        {"body-size < 100", false},
        {"body-sha256 absent", false},
        {"upgrade absent", false},
        {"upgrade = websocket", false},
        {"path ~ /** or method = CONNECT", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked asked = {.world = test_world()};
        struct facts facts = tunnel_facts();
        struct decision d = decide_caveat(&asked, rows[i].caveat, &facts);
        if (rows[i].holds)
            expect_allowed(rows[i].caveat, &d);
        else
            expect_denied(rows[i].caveat, &d, KH_REASON_CAVEAT_FAILED);
    }
}

static void
a_request_is_seen(void **state)
{
    (void)state;
    struct asked asked = {.world = test_world()};
    struct facts facts = test_facts();
    struct decision d = decide_caveat(&asked, "path ~ /v1/**", &facts);
    expect_allowed("its path", &d);
    d = decide_caveat(&asked, "path ~ /v2/**", &facts);
    expect_denied("another path", &d, KH_REASON_CAVEAT_FAILED);
    d = decide_caveat(&asked, "body[/model] = x", &facts);
    assert_int_equal(d.verdict, DECISION_NEED_BODY);
}

static void
uses_are_counted(void **state)
{
    (void)state;
    struct asked asked = {.world = test_world()};
    struct facts facts = tunnel_facts();
    struct buffer text;
    const char *const list[] = {"uses <= 1", NULL};
    test_mint(&text, list);
    struct decision d = decide_text(&asked, buffer_bytes(&text), &facts, NULL);
    expect_allowed("the first", &d);
    d = decide_text(&asked, buffer_bytes(&text), &facts, NULL);
    expect_denied("the second", &d, KH_REASON_USES_EXHAUSTED);
    asked.world.counting = COUNTING_DONE; // it runs
    d = decide_text(&asked, buffer_bytes(&text), &facts, NULL);
    expect_allowed("judged again", &d);
    buffer_free(&text);
}

static void
rules(void **state)
{
    (void)state;
    struct policy *policy = test_policy(yaml);
    struct asked asked = {.world = test_world(), .policy = policy, .optional = true};
    struct facts facts = tunnel_facts();
    struct decision d = decide_text(&asked, BYTES_EMPTY, &facts, NULL);
    expect_allowed("no grant is needed, without a token", &d);
    d = decide_caveat(&asked, NULL, &facts);
    expect_allowed("no grant is needed", &d);
    facts.host = BYTES("evil.test");
    d = decide_text(&asked, BYTES_EMPTY, &facts, NULL);
    expect_denied("forbidden without a token", &d, KH_REASON_FORBIDDEN);
    d = decide_caveat(&asked, NULL, &facts);
    expect_denied("forbidden", &d, KH_REASON_FORBIDDEN);
    // A rule about what is inside: it cannot be told, so it is not let through.
    facts.host = BYTES("api.openai.com");
    d = decide_text(&asked, BYTES_EMPTY, &facts, NULL);
    expect_denied("it may go there", &d, KH_REASON_FORBIDDEN);
    facts.opaque = false;
    facts.path = BYTES("/v1/models");
    d = decide_text(&asked, BYTES_EMPTY, &facts, NULL);
    expect_allowed("it does not go there", &d);
    policy_free(&policy);
}

/* A caveat that fails: a person sees what the rules say as well. */
static void
what_the_rules_say_too(void **state)
{
    (void)state;
    struct policy *policy = test_policy(yaml);
    struct asked asked = {.world = test_world(), .policy = policy};
    struct facts facts = tunnel_facts();
    struct decision_details details;
    struct buffer text;
    const char *const list[] = {"method = GET", NULL};
    test_mint(&text, list);
    struct decision d = decide_text(&asked, buffer_bytes(&text), &facts, &details);
    expect_denied("the caveat", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(details.policy.allowed, JUDGEMENT_HOLDS);
    chain_release(&details.chain);
    buffer_free(&text);
    policy_free(&policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_token),
        cmocka_unit_test(a_bad_token_is_not_none),
        cmocka_unit_test(any_token_may),
        cmocka_unit_test(caveats),
        cmocka_unit_test(a_request_is_seen),
        cmocka_unit_test(uses_are_counted),
        cmocka_unit_test(rules),
        cmocka_unit_test(what_the_rules_say_too),
    };
    return cmocka_run_group_tests_name("caveats/decide_pass_through", tests, NULL, NULL);
}
