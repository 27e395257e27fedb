/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict, its reasons, and what is told of the token. */
#include "../../../caveats/timestamp.h"
#include "deciding.h"

static struct decision
decide_caveat(const char *caveat)
{
    const char *const list[] = {caveat, NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    return decide_minted(&world, list, &facts);
}

static void
zero_is_deny(void **state)
{
    (void)state;
    struct decision zero = {0};
    assert_int_equal(zero.verdict, DECISION_DENY);
    assert_int_not_equal(DECISION_ALLOW, 1);
    assert_int_equal(kh_reason_status(zero.reason), 500);
}

// threat 17
static void
no_token(void **state)
{
    (void)state;
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision d = test_decide(&world, BYTES_EMPTY, BYTES_EMPTY, &facts, NULL);
    expect_denied("empty", &d, KH_REASON_TOKEN_MISSING);
    assert_false(d.identified);
    d = test_decide(&world, BYTES("sk-live-12345"), BYTES_EMPTY, &facts, NULL);
    expect_denied("a key", &d, KH_REASON_TOKEN_MALFORMED);
    if (strstr(d.detail, "12345"))
        FAIL_WITH("the detail quotes what stood in the slot: %s", d.detail);
    d = test_decide(&world, BYTES("kh1_AgICaWQAAAYgMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"),
                    BYTES_EMPTY, &facts, NULL);
    expect_denied("another program's macaroon", &d, KH_REASON_TOKEN_MALFORMED);
}

static void
allowed(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = POST", "label = agent-7", "user = alice",
                                          "credential = openai", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_allowed("allowed", &d);
    assert_int_equal(d.reason, KH_REASON_UNSET);
    assert_true(d.identified);
    assert_string_equal(d.user, "alice");
    assert_string_equal(d.credential, "openai");
    assert_string_equal(d.detail, "");
    assert_memory_equal(d.token_id, test_identity().token_id, TOKEN_ID_SIZE);
    assert_int_equal(d.issued_at, TEST_ISSUED);
    assert_int_equal(d.expires_at, TEST_EXPIRES);
    assert_int_equal(d.recheck_at, TEST_EXPIRES);
}

// threat 13
static void
forged(void **state)
{
    (void)state;
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer text;
    struct decision_details details;
    world.no_key = true;
    struct decision d = decide_minted(&world, NULL, &facts);
    expect_denied("key not known", &d, KH_REASON_SIGNATURE_INVALID);
    assert_false(d.identified);
    world.no_key = false;

    BUFFER_AUTO changed;
    buffer_init(&changed, TOKEN_TEXT_MAX);
    test_mint(&text, NULL);
    struct token *token = test_scan(buffer_bytes(&text));
    token->raw.p[token->raw.n - 1] ^= 1;
    token_print(token, BYTES_EMPTY, &changed);
    d = test_decide(&world, buffer_bytes(&changed), BYTES_EMPTY, &facts, &details);
    expect_denied("signature", &d, KH_REASON_SIGNATURE_INVALID);
    assert_false(d.identified);
    assert_string_equal(d.user, "");
    assert_non_null(details.chain->token);
    assert_int_equal(details.chain->identity.credential_count, 0); /* claims are not kept */
    assert_int_equal(details.chain->verified.condition_count, 0);
    assert_int_equal(world.asked_revoked, 0);
    chain_release(&details.chain);
    token_free(&token);
    buffer_free(&text);
}

static void
not_understood(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "colour = x",
        "uses >= 3",
        "uses <= 3 or method = POST",
        "rate <= 3/fortnight",
        "method",
        "METHOD = POST",
        "",
        "parent = x",
        "parent = 00112233445566778899aabbccddeeff",
        "method = POST or colour = b",
        "\xff\xfe",
        "a\nb",
    };
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        if (!*unknown[i])
            continue;
        struct decision d = decide_caveat(unknown[i]);
        expect_denied(unknown[i], &d, KH_REASON_CAVEAT_UNKNOWN);
        assert_true(d.identified);
        for (const char *c = d.detail; *c; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
    struct decision d = decide_caveat("a\nb\x1b[2J");
    assert_string_equal(d.detail, "a\\x0ab\\x1b[2J");
    d = decide_caveat("label = x\xc3");
    assert_string_equal(d.detail, "label = x\\xc3");

    /* whatever the other caveats say, and even beside one that fails */
    static const char *const both[] = {"method = DELETE", "colour = red", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    d = decide_minted(&world, both, &facts);
    expect_denied("unknown beside failed", &d, KH_REASON_CAVEAT_UNKNOWN);
    assert_string_equal(d.detail, "colour = red");
}

static void
failed(void **state)
{
    (void)state;
    static const struct {
        const char *caveat;
        enum kh_reason reason;
    } cases[] = {
        {"method = GET", KH_REASON_CAVEAT_FAILED},
        {"user = root", KH_REASON_CAVEAT_FAILED}, /* what the caller put in does not count */
        {"credential = stripe", KH_REASON_CAVEAT_FAILED},
        {"time < 2020-01-01T00:00:00Z", KH_REASON_EXPIRED},
        {"time <= 2020-01-01T00:00:00Z or time < 2021-01-01T00:00:00Z", KH_REASON_EXPIRED},
        {"time < 2020-01-01T00:00:00Z or method = GET", KH_REASON_CAVEAT_FAILED},
        {"time > 2040-01-01T00:00:00Z", KH_REASON_CAVEAT_FAILED},
        {"time > 2040-01-01T00:00:00Z or time < 2020-01-01T00:00:00Z", KH_REASON_CAVEAT_FAILED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct decision d = decide_caveat(cases[i].caveat);
        expect_denied(cases[i].caveat, &d, cases[i].reason);
        assert_string_equal(d.detail, cases[i].caveat);
        assert_int_equal(d.recheck_at, 0);
    }
}

/* A token in a caveat of another token is no text for logs and answers. */
static void
detail_quotes_no_token(void **state)
{
    (void)state;
    struct decision d = decide_caveat("user in a, kh1_AgICaWQAAAYgMDEyMzQ1Njc4");
    expect_denied("token in a caveat", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "user in a, ...");
    char longest[CAVEAT_TEXT_MAX + 1];
    memset(longest, 1, sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    d = decide_caveat(longest);
    expect_denied("1024 control characters", &d, KH_REASON_CAVEAT_UNKNOWN);
    assert_true(strlen(d.detail) < sizeof d.detail);
}

static void
lifetime(void **state)
{
    (void)state;
    static const struct {
        int64_t now;
        bool is_allowed;
    } cases[] = {
        {TEST_ISSUED, true},
        {TEST_ISSUED - 300, true},
        {TEST_ISSUED - 301, false},
        {TEST_EXPIRES - 1, true},
        {TEST_EXPIRES, false},
        {INT64_MAX - 1000, false},
        {0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world world = test_world();
        struct facts facts = test_facts();
        facts.time = cases[i].now;
        struct decision d = decide_minted(&world, NULL, &facts);
        if (cases[i].is_allowed)
            expect_allowed("in its lifetime", &d);
        else
            expect_denied("out of its lifetime", &d, KH_REASON_EXPIRED);
        if (cases[i].now == TEST_ISSUED - 301)
            assert_non_null(strstr(d.detail, "not valid yet"));
    }
}

static void
recheck(void **state)
{
    (void)state;
    char earlier[TIMESTAMP_SIZE], caveat[64];
    timestamp_print(TEST_ISSUED + 5000, earlier);
    snprintf(caveat, sizeof caveat, "method = GET or time < %s", earlier);
    struct decision d = decide_caveat(caveat);
    expect_allowed("until then", &d);
    assert_int_equal(d.recheck_at, TEST_ISSUED + 5000);
}

static void
revoked(void **state)
{
    (void)state;
    struct world world = test_world();
    struct facts facts = test_facts();
    world.revoked_user = "alice";
    struct decision d = decide_minted(&world, NULL, &facts);
    expect_denied("user", &d, KH_REASON_REVOKED);
    assert_true(d.identified);

    world = test_world();
    world.revoked_credential = "openai";
    d = decide_minted(&world, NULL, &facts);
    expect_denied("credential", &d, KH_REASON_REVOKED);
    world.credential[1].host_allowed = true;
    d = decide_minted(&world, NULL, &facts);
    expect_allowed("the other credential", &d);
    assert_string_equal(d.credential, "github");

    /* One sub-agent's lineage ends; its parent and its sibling live. */
    struct buffer parent, child, grandchild, sibling;
    test_mint(&parent, NULL);
    test_attenuate(&child, buffer_bytes(&parent), "label = a");
    test_attenuate(&grandchild, buffer_bytes(&child), "label = b");
    test_attenuate(&sibling, buffer_bytes(&parent), "label = c");
    struct token *token = test_scan(buffer_bytes(&child));
    world = test_world();
    world.revoked_lineage = true;
    token_lineage_last(token, world.lineage);
    d = test_decide(&world, buffer_bytes(&child), BYTES_EMPTY, &facts, NULL);
    expect_denied("child", &d, KH_REASON_REVOKED);
    assert_memory_equal(d.lineage, world.lineage, LINEAGE_ID_SIZE);
    d = test_decide(&world, buffer_bytes(&grandchild), BYTES_EMPTY, &facts, NULL);
    expect_denied("grandchild", &d, KH_REASON_REVOKED);
    d = test_decide(&world, buffer_bytes(&parent), BYTES_EMPTY, &facts, NULL);
    expect_allowed("parent", &d);
    d = test_decide(&world, buffer_bytes(&sibling), BYTES_EMPTY, &facts, NULL);
    expect_allowed("sibling", &d);
    token_free(&token);
    buffer_free(&parent);
    buffer_free(&child);
    buffer_free(&grandchild);
    buffer_free(&sibling);
}

/* Rows say how openai and github fit: u(nknown) h(ost) d(isabled) s(lot) f(its). */
static void
choice_of_credential(void **state)
{
    (void)state;
    static const struct {
        char openai, github;
        const char *wanted;
        enum kh_reason reason;
        const char *chosen;
    } cases[] = {
        {'f', 'f', "", KH_REASON_UNSET, "openai"},
        {'h', 'f', "", KH_REASON_UNSET, "github"},
        {'u', 'f', "", KH_REASON_UNSET, "github"},
        {'f', 'f', "github", KH_REASON_UNSET, "github"},
        {'f', 'h', "github", KH_REASON_HOST_NOT_ALLOWED, ""},
        {'f', 'd', "github", KH_REASON_CREDENTIAL_DISABLED, ""},
        {'f', 's', "github", KH_REASON_TOKEN_MISPLACED, ""},
        {'f', 'u', "github", KH_REASON_CREDENTIAL_UNKNOWN, ""},
        {'f', 'f', "stripe", KH_REASON_CREDENTIAL_UNKNOWN, ""}, /* not the token's */
        {'f', 'f', "open", KH_REASON_CREDENTIAL_UNKNOWN, ""},
        {'u', 'u', "", KH_REASON_CREDENTIAL_UNKNOWN, ""},
        {'h', 'u', "", KH_REASON_HOST_NOT_ALLOWED, ""},
        {'h', 'd', "", KH_REASON_CREDENTIAL_DISABLED, ""},
        {'s', 'd', "", KH_REASON_TOKEN_MISPLACED, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world world = test_world();
        struct facts facts = test_facts();
        struct buffer text;
        const char fit[2] = {cases[i].openai, cases[i].github};
        for (int k = 0; k < 2; k++) {
            world.credential[k].host_allowed = fit[k] != 'h';
            world.credential[k].enabled = fit[k] != 'd';
            world.credential[k].slot_allowed = fit[k] != 's';
            if (fit[k] == 'u')
                world.credential[k].name = BYTES("gone");
        }
        test_mint(&text, NULL);
        struct decision d =
            test_decide(&world, buffer_bytes(&text), bytes_str(cases[i].wanted), &facts, NULL);
        char what[40];
        snprintf(what, sizeof what, "case %zu", i);
        if (cases[i].reason == KH_REASON_UNSET)
            expect_allowed(what, &d);
        else
            expect_denied(what, &d, cases[i].reason);
        assert_string_equal(d.credential, cases[i].chosen);
        buffer_free(&text);
    }
}

struct holed {
    struct builder root, discharge;
    struct builder *both[2];
};

static void
holed_start(struct holed *h)
{
    uint8_t lineage[LINEAGE_ID_SIZE];
    builder_root(&h->root);
    builder_first_party(&h->root, "hole = \"user = alice for 8h\"");
    builder_hole(&h->root, "ticket", other_key);
    builder_lineage(&h->root, lineage);
    builder_start(&h->discharge, other_key, BYTES("ticket"));
    builder_parent(&h->discharge, lineage);
    h->both[0] = &h->root;
    h->both[1] = &h->discharge;
}

static struct decision
holed_decide(struct holed *h, size_t count)
{
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer text;
    builders_text(h->both, count, &text);
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    buffer_free(&text);
    builder_end(&h->root);
    builder_end(&h->discharge);
    return d;
}

static void
holes(void **state)
{
    (void)state;
    struct holed h;
    struct decision d;

    holed_start(&h);
    d = holed_decide(&h, 2);
    expect_allowed("filled", &d);

    holed_start(&h);
    d = holed_decide(&h, 1);
    expect_denied("open", &d, KH_REASON_HOLE_OPEN);
    assert_string_equal(d.detail, "it demands user = alice for 8h, filled at "
                                  "https://discharger.example");
    assert_true(d.identified);
    assert_string_equal(d.user, "alice");

    holed_start(&h);
    h.root.signature[0] ^= 1;
    d = holed_decide(&h, 1);
    expect_denied("forged and open", &d, KH_REASON_SIGNATURE_INVALID);
    assert_false(d.identified);

    holed_start(&h);
    h.discharge.signature[0] ^= 1;
    d = holed_decide(&h, 2);
    expect_denied("forged discharge", &d, KH_REASON_DISCHARGE_INVALID);
    assert_true(d.identified);

    holed_start(&h);
    h.both[1]->view.identifier = BYTES("another");
    d = holed_decide(&h, 2);
    expect_denied("discharge for nothing", &d, KH_REASON_DISCHARGE_INVALID);

    holed_start(&h);
    builder_first_party(&h.discharge, "time < 2020-01-01T00:00:00Z");
    d = holed_decide(&h, 2);
    expect_denied("discharge over", &d, KH_REASON_DISCHARGE_EXPIRED);
    assert_string_equal(d.detail, "time < 2020-01-01T00:00:00Z");

    holed_start(&h);
    builder_first_party(&h.discharge, "credential = openai");
    builder_first_party(&h.discharge, "method = GET");
    d = holed_decide(&h, 2);
    expect_denied("condition of the discharge", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "method = GET");

    holed_start(&h);
    builder_first_party(&h.discharge, "colour = red");
    d = holed_decide(&h, 2);
    expect_denied("unknown in the discharge", &d, KH_REASON_CAVEAT_UNKNOWN);

    /* bound the classic way, and a parent in another spelling that names another token */
    holed_start(&h);
    builder_first_party(&h.discharge, "parent = \"00112233445566778899aabbccddeeff\"");
    builder_bind(&h.discharge, &h.root);
    d = holed_decide(&h, 2);
    expect_denied("parent of another", &d, KH_REASON_DISCHARGE_INVALID);
}

static void
traces(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = POST", "method = GET", "path = /x", "label = a",
                                          NULL};
    static const char *const unknown[] = {"method = POST", "colour = red", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision_details details;
    struct buffer text;
    test_mint(&text, caveats);
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_denied("first that fails", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "method = GET");
    assert_int_equal(details.trace.count, 4);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_HOLDS);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_FAILS);
    assert_int_equal(details.trace.caveat[2], JUDGEMENT_FAILS);
    assert_int_equal(details.trace.caveat[3], JUDGEMENT_HOLDS);
    expect_text("identity", details.chain->identity.principal, "alice");
    assert_int_equal(details.chain->verified.condition_count, 4);
    chain_release(&details.chain);
    buffer_free(&text);

    test_mint(&text, unknown);
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NOT_JUDGED);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_UNKNOWN);
    chain_release(&details.chain);
    buffer_free(&text);
}

static void
no_counter_in_a_discharge(void **state)
{
    (void)state;
    static const char *const counters[] = {"uses <= 3", "rate <= 3/s"};
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        struct holed h;
        holed_start(&h);
        builder_first_party(&h.discharge, counters[i]);
        struct decision d = holed_decide(&h, 2);
        expect_denied("in the discharge", &d, KH_REASON_CAVEAT_UNKNOWN);
        assert_string_equal(d.detail, counters[i]);

        holed_start(&h);
        builder_first_party(&h.root, counters[i]);
        d = holed_decide(&h, 2);
        expect_allowed("in the root", &d);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_is_deny),
        cmocka_unit_test(no_token),
        cmocka_unit_test(allowed),
        cmocka_unit_test(forged),
        cmocka_unit_test(not_understood),
        cmocka_unit_test(failed),
        cmocka_unit_test(detail_quotes_no_token),
        cmocka_unit_test(lifetime),
        cmocka_unit_test(recheck),
        cmocka_unit_test(revoked),
        cmocka_unit_test(choice_of_credential),
        cmocka_unit_test(holes),
        cmocka_unit_test(traces),
        cmocka_unit_test(no_counter_in_a_discharge),
    };
    return RUN_BOTH_WAYS(tests);
}
