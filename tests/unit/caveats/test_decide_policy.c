/* SPDX-License-Identifier: Apache-2.0 */
/* The policy as a step of the decision. */
#include "policies.h"
#include "world.h"

static const char yaml[] =
    "version: 1\n"
    "groups: {eng: [alice]}\n"
    "grants:\n"
    "- {name: chat, to: [group eng], credentials: [openai], caveats: ['path ~ /v1/chat/**']}\n"
    "forbid:\n"
    "- {name: no-deletes, when: [method = DELETE]}\n";

static struct decision
decide_with(const struct policy *policy, struct bytes text, const struct facts *facts,
            struct decision_details *details)
{
    struct world world = test_world();
    const struct decision_world w = {
        .context = &world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .policy = policy,
    };
    struct decision out;
    memset(&out, 0xee, sizeof out);
    decide(&w, text, BYTES_EMPTY, facts, &out, details);
    return out;
}

static struct decision
decide_minted(const struct policy *policy, const char *const *caveats, const struct facts *facts,
              struct decision_details *details)
{
    struct buffer text;
    test_mint(&text, caveats);
    struct decision d = decide_with(policy, buffer_bytes(&text), facts, details);
    buffer_free(&text);
    return d;
}

static void
denied(void **state)
{
    (void)state;
    struct policy *policy = test_policy(yaml), *empty = test_policy("version: 1\n");
    struct facts facts = test_facts();
    struct decision d = decide_minted(empty, NULL, &facts, NULL);
    expect_denied("nothing granted", &d, KH_REASON_NO_GRANT);
    assert_string_equal(d.detail, "no grant gives alice the credential openai");
    assert_int_equal(kh_reason_status(d.reason), 403);
    facts.path = BYTES("/v1/models");
    d = decide_minted(policy, NULL, &facts, NULL);
    expect_denied("a grant's caveat", &d, KH_REASON_NO_GRANT);
    assert_string_equal(d.detail, "chat: path ~ /v1/chat/**");
    facts.method = BYTES("DELETE");
    d = decide_minted(policy, NULL, &facts, NULL);
    expect_denied("forbidden", &d, KH_REASON_FORBIDDEN);
    assert_string_equal(d.detail, "no-deletes: method = DELETE");
    assert_true(d.identified);
    assert_string_equal(d.user, "alice");
    assert_int_equal(d.recheck_at, 0);
    policy_free(&policy);
    policy_free(&empty);
}

static void
allowed(void **state)
{
    (void)state;
    static const char *const caveats[] = {"group = eng", NULL};
    struct policy *policy = test_policy(yaml);
    struct facts facts = test_facts();
    struct decision_details details;
    struct decision d = decide_minted(policy, caveats, &facts, &details);
    expect_allowed("by the grant, and the token's caveat on the group", &d);
    expect_text("grant", details.policy.grant->name, "chat");
    assert_int_equal(details.policy.warning_count, 0);
    chain_release(&details.chain);
    d = decide_minted(NULL, caveats, &facts, NULL);
    expect_denied("without a policy nobody is in a group", &d, KH_REASON_CAVEAT_FAILED);
    policy_free(&policy);
}

/* The token's own caveats are told first; what the rules say is kept for whoever explains. */
static void
caveats_come_first(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", NULL};
    struct policy *policy = test_policy(yaml);
    struct facts facts = test_facts();
    struct decision_details details;
    facts.method = BYTES("DELETE");
    struct decision d = decide_minted(policy, caveats, &facts, &details);
    expect_denied("the caveat", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "method = GET");
    assert_int_equal(details.policy.allowed, JUDGEMENT_FAILS);
    assert_int_equal(details.policy.reason, KH_REASON_FORBIDDEN);
    chain_release(&details.chain);

    static const char *const unknown[] = {"colour = red", NULL};
    d = decide_minted(policy, unknown, &facts, &details);
    expect_denied("not understood", &d, KH_REASON_CAVEAT_UNKNOWN);
    assert_int_equal(details.policy.allowed, JUDGEMENT_NOT_JUDGED);
    chain_release(&details.chain);
    policy_free(&policy);
}

static void
warned(void **state)
{
    (void)state;
    struct policy *policy =
        test_policy("version: 1\n"
                    "grants: [{name: g, to: [everyone], credentials: [openai]}]\n"
                    "forbid: [{name: f, when: [method = POST], mode: warn}]\n");
    struct facts facts = test_facts();
    struct decision_details details;
    struct decision d = decide_minted(policy, NULL, &facts, &details);
    expect_allowed("a soft forbid", &d);
    assert_int_equal(details.policy.warning_count, 1);
    expect_text("warning", details.policy.warning[0].forbid->name, "f");
    chain_release(&details.chain);
    policy_free(&policy);
}

static void
rechecked(void **state)
{
    (void)state;
    struct policy *policy =
        test_policy("version: 1\n"
                    "grants: [{name: g, to: [everyone], credentials: [openai],\n"
                    "  caveats: ['time < 2026-07-01T00:00:00Z']}]\n"
                    "forbid: [{name: f, when: ['time >= 2026-06-15T00:00:00Z']}]\n");
    struct facts facts = test_facts();
    struct decision d = decide_minted(policy, NULL, &facts, NULL);
    expect_allowed("now", &d);
    assert_int_equal(d.recheck_at, 1781481600); /* the forbid's date */
    facts.time = 1781481600;
    d = decide_minted(policy, NULL, &facts, NULL);
    expect_denied("then", &d, KH_REASON_FORBIDDEN);
    policy_free(&policy);
}

static void
lifetime(void **state)
{
    (void)state;
    struct policy *policy =
        test_policy("version: 1\n"
                    "grants: [{name: g, to: [everyone], credentials: [openai], lifetime: 12h}]\n");
    struct facts facts = test_facts();
    struct decision d = decide_minted(policy, NULL, &facts, NULL);
    expect_denied("a token that was minted for too long", &d, KH_REASON_NO_GRANT);
    assert_string_equal(d.detail, "g: the token lives longer than 12h");
    policy_free(&policy);
}

/* ---- bodies ---- */

static const struct facts_body empty_body = {.has_size = true, .has_sha256 = true, .is_read = true};

static void
body_for_a_rule(void **state)
{
    (void)state;
    static const char *const own[] = {"body[/own] present or method = POST", NULL};
    struct policy *policy = test_policy(
        "version: 1\n"
        "grants: [{name: g, to: [everyone], credentials: [openai], caveats: ['body[/m] = a']},\n"
        "  {name: other, to: [user bob], credentials: [openai], caveats: ['body[/x] = a']}]\n"
        "forbid: [{name: f, when: ['body[/n] > 5', path = /v1/chat/completions]}]\n");
    struct facts facts = test_facts();
    struct decision_details details;
    struct decision d = decide_minted(policy, own, &facts, &details);
    assert_int_equal(d.verdict, DECISION_NEED_BODY);
    assert_int_equal(d.reason, KH_REASON_BODY_REQUIRED);
    assert_int_equal(details.body_need.count, 2); /* not the caveat that holds, nor bob's grant */
    expect_text("forbid", details.body_need.pointer[0], "/n");
    expect_text("grant", details.body_need.pointer[1], "/m");
    chain_release(&details.chain);

    const struct fact_body_value fine[] = {{BYTES("/n"), {BODY_VALUE_NUMBER, BYTES("5")}},
                                           {BYTES("/m"), {BODY_VALUE_STRING, BYTES("a")}}};
    facts.body = (struct facts_body){.has_size = true,
                                     .size = 9,
                                     .is_read = true,
                                     .is_json = true,
                                     .value = fine,
                                     .value_count = 2};
    d = decide_minted(policy, own, &facts, NULL);
    expect_allowed("a body as it should be", &d);
    const struct fact_body_value large[] = {{BYTES("/n"), {BODY_VALUE_NUMBER, BYTES("6")}},
                                            {BYTES("/m"), {BODY_VALUE_STRING, BYTES("a")}}};
    facts.body.value = large;
    d = decide_minted(policy, own, &facts, NULL);
    expect_denied("a body that is forbidden", &d, KH_REASON_FORBIDDEN);
    facts.body = empty_body;
    d = decide_minted(policy, own, &facts, NULL);
    expect_denied("no body", &d, KH_REASON_NO_GRANT);
    facts.body = (struct facts_body){.is_read = false};
    facts.path = BYTES("/v1/other");
    d = decide_minted(policy, own, &facts, NULL);
    assert_int_equal(d.verdict, DECISION_NEED_BODY);
    policy_free(&policy);
}

/* What only a warning needs is not asked of a request that runs. */
static void
body_for_a_warning(void **state)
{
    (void)state;
    struct policy *policy = test_policy(
        "version: 1\n"
        "grants: [{name: g, to: [everyone], credentials: [openai], caveats: ['body[/m] = a'],\n"
        "  mode: warn}]\n");
    struct facts facts = test_facts();
    struct world world = test_world();
    struct decision_world w = {
        .context = &world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .policy = policy,
    };
    struct decision d;
    struct buffer text;
    test_mint(&text, NULL);
    decide(&w, buffer_bytes(&text), BYTES_EMPTY, &facts, &d, NULL);
    assert_int_equal(d.verdict, DECISION_NEED_BODY);
    w.body_is_gone = true;
    decide(&w, buffer_bytes(&text), BYTES_EMPTY, &facts, &d, NULL);
    expect_allowed("a running request", &d);
    buffer_free(&text);
    policy_free(&policy);
}

/* ---- holes ---- */

static const uint8_t hole_key[TOKEN_KEY_SIZE] = "the key inside of the ticket....";

/* A token with a filled hole. How many of its caveats are the mint's is the identifier's to say. */
static void
with_hole(unsigned minted, const char *demand, struct buffer *text)
{
    struct builder *root = calloc(1, sizeof *root), *discharge = calloc(1, sizeof *discharge);
    struct builder *const all[] = {root, discharge};
    struct token_identity identity = test_identity();
    uint8_t derived[TOKEN_KEY_SIZE], lineage[LINEAGE_ID_SIZE];
    struct token_hmac hmac;
    BUFFER_AUTO identifier;
    assert_true(root && discharge);
    buffer_init(&identifier, TOKEN_IDENTIFIER_MAX);
    identity.minted_caveats = minted;
    assert_int_equal(token_identity_write(&identity, &identifier, NULL), KH_OK);
    assert_true(token_hmac_init(&hmac));
    assert_true(token_chain_root_key(&hmac, root_key, derived));
    token_hmac_fini(&hmac);
    builder_start(root, derived, buffer_bytes(&identifier));
    builder_first_party(root, demand);
    builder_hole(root, "a ticket", hole_key);
    builder_lineage(root, lineage);
    builder_start(discharge, hole_key, BYTES("a ticket"));
    builder_parent(discharge, lineage);
    builders_text(all, 2, text);
    builder_end(root);
    builder_end(discharge);
    free(root);
    free(discharge);
}

static void
minted_holes_count(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        unsigned minted;
        const char *demand;
        bool allowed;
    } cases[] = {
        {"minted", 2, "hole = \"factor = yubikey for 8h\"", true},
        {"for the user", 2, "hole = \"user = alice and factor = yubikey for 480m\"", true},
        {"another user's", 2, "hole = \"user = bob and factor = yubikey for 8h\"", false},
        {"a weaker one", 2, "hole = \"factor = ssh for 8h\"", false},
        {"longer", 2, "hole = \"factor = yubikey for 9h\"", false},
        {"no demand", 2, "hole = \"please\"", false},
        {"no hole", 2, "method = POST", false},
        {"a holder's", 0, "hole = \"factor = yubikey for 8h\"", false},
        {"a minted text before a holder's hole", 1, "hole = \"factor = yubikey for 8h\"", false},
    };
    struct policy *policy =
        test_policy("version: 1\n"
                    "grants: [{name: g, to: [everyone], credentials: [openai],\n"
                    "  holes: [factor = yubikey for 8h]}]\n");
    struct facts facts = test_facts();
    /* Each once more, when its chain is one of those that are kept. */
    for (size_t n = 0; n < 2 * COUNT_OF(cases); n++) {
        size_t i = n / 2;
        struct buffer text;
        struct decision_details details;
        with_hole(cases[i].minted, cases[i].demand, &text);
        struct decision d = decide_with(policy, buffer_bytes(&text), &facts, &details);
        if (cases[i].allowed) {
            expect_allowed(cases[i].what, &d);
            assert_int_equal(details.hole_count, 1);
            assert_true(bytes_starts(details.hole[0], BYTES("factor = yubikey for 8h")) ||
                        bytes_starts(details.hole[0], BYTES("user = alice and factor = yubikey")));
        } else {
            expect_denied(cases[i].what, &d, KH_REASON_NO_GRANT);
            assert_string_equal(d.detail, "g: factor = yubikey for 8h");
        }
        chain_release(&details.chain);
        buffer_free(&text);
    }
    policy_free(&policy);
}

/* The text alone is no hole: nobody was asked. */
static void
a_text_is_no_hole(void **state)
{
    (void)state;
    static const char *const caveats[] = {"hole = \"factor = yubikey for 8h\"", "method = POST",
                                          NULL};
    struct policy *policy =
        test_policy("version: 1\n"
                    "grants: [{name: g, to: [everyone], credentials: [openai],\n"
                    "  holes: [factor = yubikey for 8h]}]\n");
    struct facts facts = test_facts();
    struct decision_details details;
    struct decision d = decide_minted(policy, caveats, &facts, &details);
    expect_denied("a text", &d, KH_REASON_NO_GRANT);
    assert_int_equal(details.hole_count, 0);
    chain_release(&details.chain);
    policy_free(&policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denied),
        cmocka_unit_test(allowed),
        cmocka_unit_test(caveats_come_first),
        cmocka_unit_test(warned),
        cmocka_unit_test(rechecked),
        cmocka_unit_test(lifetime),
        cmocka_unit_test(body_for_a_rule),
        cmocka_unit_test(body_for_a_warning),
        cmocka_unit_test(minted_holes_count),
        cmocka_unit_test(a_text_is_no_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
