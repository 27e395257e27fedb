/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/timestamp.h"
#include "world.h"

/* Decide about a freshly minted token with these caveats. */
static struct decision
decide_minted(struct world *world, const char *const *caveats, const struct facts *facts)
{
    struct buffer text;
    test_mint(&text, caveats);
    struct decision d = test_decide(world, buffer_bytes(&text), BYTES_EMPTY, facts, NULL);
    buffer_free(&text);
    return d;
}

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

/* ---- bodies ---- */

static const struct facts_body empty_body = {.has_size = true, .has_sha256 = true, .is_read = true};

static struct decision
decide_body(const char *const *caveats, const struct facts_body *body,
            struct decision_details *details)
{
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer text;
    if (body)
        facts.body = *body;
    test_mint(&text, caveats);
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, details);
    if (details)
        chain_release(&details->chain);
    buffer_free(&text);
    return d;
}

static void
expect_need(const char *what, const struct decision *d)
{
    if (d->verdict != DECISION_NEED_BODY || d->reason != KH_REASON_BODY_REQUIRED)
        FAIL_WITH("%s: verdict %x, %s \"%s\"", what, d->verdict, kh_reason_code(d->reason),
                  d->detail);
}

/* Nobody reads a body for a request that is denied or allowed anyhow. */
static void
body_is_not_needed(void **state)
{
    (void)state;
    static const char *const fails[] = {"body[/model] = a", "method = GET", "body-size < 5", NULL};
    static const char *const other[] = {"body[/model] = a or method = POST", NULL};
    static const char *const unknown[] = {"body[/model] = a", "colour = blue", NULL};
    struct decision_details details;
    struct decision d = decide_body(fails, NULL, &details);
    expect_denied("another caveat fails", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "method = GET");
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NEEDS_BODY);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_FAILS);
    d = decide_body(fails, NULL, NULL);
    expect_denied("without details", &d, KH_REASON_CAVEAT_FAILED);
    d = decide_body(other, NULL, NULL);
    expect_allowed("another predicate holds", &d);
    d = decide_body(unknown, NULL, NULL);
    expect_denied("not understood", &d, KH_REASON_CAVEAT_UNKNOWN);
    d = decide_body(fails, &empty_body, NULL);
    expect_denied("no body", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "body[/model] = a");
}

static void
body_is_asked_for(void **state)
{
    (void)state;
    static const char *const caveats[] = {
        "body[/model] = a", "time < 2030-01-01T00:00:00Z or body[/n] <= 5",
        "body[/model] ~ * or body[\"/a b\"] absent", "method = POST", NULL};
    static const char *const size[] = {"body-size <= 5", NULL};
    static const char *const hash[] = {"body-sha256 present", NULL};
    struct decision_details details;
    struct decision d = decide_body(caveats, NULL, &details);
    expect_need("pointers", &d);
    assert_true(d.identified);
    assert_int_equal(details.body_need.count, 3);
    expect_text("first", details.body_need.pointer[0], "/model");
    expect_text("second", details.body_need.pointer[1], "/a b");
    /* That one holds now, but it may be judged again when its time is over. */
    expect_text("third", details.body_need.pointer[2], "/n");
    assert_false(details.body_need.sha256);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NEEDS_BODY);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_HOLDS);
    d = decide_body(caveats, NULL, NULL);
    expect_need("without details", &d);
    d = decide_body(size, NULL, &details);
    expect_need("size", &d);
    assert_int_equal(details.body_need.count, 0);
    d = decide_body(hash, NULL, &details);
    expect_need("hash", &d);
    assert_true(details.body_need.sha256);
    assert_int_not_equal(DECISION_NEED_BODY, DECISION_ALLOW);
}

static void
body_was_read(void **state)
{
    (void)state;
    static const char *const caveats[] = {"body[/model] in a, b", "body[/n] <= 5 or method = GET",
                                          "body-size <= 100", NULL};
    struct fact_body_value values[] = {
        {BYTES("/model"), {BODY_VALUE_STRING, BYTES("a")}},
        {BYTES("/n"), {BODY_VALUE_NUMBER, BYTES("5")}},
    };
    struct facts_body body = {.has_size = true,
                              .size = 20,
                              .is_read = true,
                              .is_json = true,
                              .value = values,
                              .value_count = 2};
    struct decision d = decide_body(caveats, &body, NULL);
    expect_allowed("all hold", &d);
    values[1].value.text = BYTES("5.0000000000000000000000000000001");
    d = decide_body(caveats, &body, NULL);
    expect_denied("a number beyond", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "body[/n] <= 5 or method = GET");
    body.is_json = false;
    d = decide_body(caveats, &body, NULL);
    expect_denied("not JSON", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "body[/model] in a, b");
    body.is_json = true;
    body.value_count = 1; /* less than is looked at: it is asked for once more */
    d = decide_body(caveats, &body, NULL);
    expect_need("a value is missing", &d);
}

/* More places than can be looked at: refused, and never asked for. */
static void
body_needs_too_much(void **state)
{
    (void)state;
    const char *caveats[TOKEN_CAVEATS_MAX + 1] = {0};
    char text[3][CAVEAT_TEXT_MAX + 1];
    size_t pointers = 0;
    for (int i = 0; i < 3; i++) {
        text[i][0] = '\0';
        for (int k = 0; k < 22; k++)
            snprintf(text[i] + strlen(text[i]), sizeof text[i] - strlen(text[i]),
                     "%sbody[/p%zu] = 1", k ? " or " : "", pointers++);
        caveats[i] = text[i];
    }
    struct decision d = decide_body(caveats, NULL, NULL);
    expect_denied("66 places", &d, KH_REASON_CAVEAT_FAILED);
    caveats[2] = NULL;
    d = decide_body(caveats, NULL, NULL);
    expect_need("44 places", &d);
}

/* ---- counters ---- */

static void
counted_once_each(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 3", "method = POST", "uses < 6", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer parent, child;
    test_mint(&parent, caveats);
    test_attenuate(&child, buffer_bytes(&parent), "uses <= 1");
    struct decision d = test_decide(&world, buffer_bytes(&child), BYTES_EMPTY, &facts, NULL);
    expect_allowed("first", &d);
    assert_int_equal(world.asked_take, 1);
    assert_int_equal(world.counter_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(world.counter[i].used, 1);
    d = test_decide(&world, buffer_bytes(&child), BYTES_EMPTY, &facts, NULL);
    expect_denied("the child's own", &d, KH_REASON_USES_EXHAUSTED);
    assert_string_equal(d.detail, "uses <= 1");
    assert_int_equal(d.retry_after_s, 0);
    assert_true(d.identified);
    for (int i = 0; i < 2; i++) {
        d = test_decide(&world, buffer_bytes(&parent), BYTES_EMPTY, &facts, NULL);
        expect_allowed("the parent", &d);
    }
    d = test_decide(&world, buffer_bytes(&parent), BYTES_EMPTY, &facts, NULL);
    expect_denied("shared", &d, KH_REASON_USES_EXHAUSTED);
    assert_string_equal(d.detail, "uses <= 3");
    buffer_free(&parent);
    buffer_free(&child);
}

static void
rate_is_exceeded(void **state)
{
    (void)state;
    static const char *const caveats[] = {"rate <= 1/min", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_allowed("first", &d);
    assert_int_equal(d.retry_after_s, 0);
    d = decide_minted(&world, caveats, &facts);
    expect_denied("second", &d, KH_REASON_RATE_EXCEEDED);
    assert_string_equal(d.detail, "rate <= 1/min");
    assert_int_equal(d.retry_after_s, 60);
    assert_int_equal(kh_reason_status(d.reason), 429);
}

/* A request that something else denies is no use of the token: the counters are not even asked.
 */
static void
denied_is_not_counted(void **state)
{
    (void)state;
    static const char *const other[] = {"method = GET", "colour = red",
                                        "time < 2020-01-01T00:00:00Z", "user = root"};
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        for (int order = 0; order < 2; order++) {
            const char *const list[] = {order ? "uses <= 3" : other[i],
                                        order ? other[i] : "uses <= 3", NULL};
            struct world world = test_world();
            struct facts facts = test_facts();
            struct decision d = decide_minted(&world, list, &facts);
            assert_int_equal(d.verdict, DECISION_DENY);
            assert_int_equal(world.asked_take, 0);
        }
    }
    static const char *const alone[] = {"uses <= 3", NULL};
    struct facts facts = test_facts();
    for (int what = 0; what < 5; what++) {
        struct world world = test_world();
        world.no_key = what == 0;
        world.revoked_user = what == 1 ? "alice" : NULL;
        world.revoked_credential = what == 2 ? "openai" : NULL;
        world.credential[0].host_allowed = what != 3;
        facts.time = what == 4 ? TEST_EXPIRES : TEST_ISSUED;
        struct decision d = decide_minted(&world, alone, &facts);
        assert_int_equal(d.verdict, DECISION_DENY);
        assert_int_equal(world.asked_take, 0);
    }
    struct world world = test_world();
    static const char *const none[] = {"method = POST", NULL};
    facts = test_facts();
    struct decision d = decide_minted(&world, none, &facts);
    expect_allowed("no counters", &d);
    assert_int_equal(world.asked_take, 0);
}

static void
what_cannot_count_denies(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 3", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    world.cannot_count = true;
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_denied("cannot count", &d, KH_REASON_BROKER_UNAVAILABLE);

    struct buffer text;
    test_mint(&text, caveats);
    const struct decision_world nothing = {
        .context = &world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
    };
    decide(&nothing, buffer_bytes(&text), BYTES_EMPTY, &facts, &d, NULL);
    expect_denied("nothing counts", &d, KH_REASON_INTERNAL);
    buffer_free(&text);
}

static void
looking_and_judging_again_take_nothing(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 1", "label = a", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision_details details;
    struct buffer text;
    test_mint(&text, caveats);
    world.counting = COUNTING_LOOK;
    for (int i = 0; i < 3; i++) {
        struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
        expect_allowed("look", &d);
        assert_int_equal(details.trace.caveat[0], JUDGEMENT_HOLDS);
        chain_release(&details.chain);
    }
    assert_int_equal(world.counter[0].used, 0);
    world.counting = COUNTING_TAKE;
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("take", &d);
    world.counting = COUNTING_DONE;
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("it runs", &d);
    assert_int_equal(world.counter[0].used, 1);
    world.counting = COUNTING_LOOK;
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_denied("look again", &d, KH_REASON_USES_EXHAUSTED);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_FAILS);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_HOLDS);
    chain_release(&details.chain);
    facts.method = BYTES("GET");
    buffer_free(&text);

    static const char *const failing[] = {"uses <= 1", "method = POST", NULL};
    test_mint(&text, failing);
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_denied("before the counters", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NOT_JUDGED);
    chain_release(&details.chain);
    buffer_free(&text);
}

/* Asked twice, counted once: when the body has been read. Without room nobody reads it. */
static void
counted_when_the_body_is_read(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 1", "body[/a] = x", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    for (int i = 0; i < 2; i++) {
        struct decision d = decide_minted(&world, caveats, &facts);
        expect_need("not read", &d);
    }
    assert_int_equal(world.counter[0].used, 0);
    struct fact_body_value values[] = {{BYTES("/a"), {BODY_VALUE_STRING, BYTES("y")}}};
    struct facts read = facts;
    read.body = (struct facts_body){
        .is_read = true, .is_json = true, .value = values, .value_count = COUNT_OF(values)};
    struct decision d = decide_minted(&world, caveats, &read);
    expect_denied("another value", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(world.counter[0].used, 0);
    values[0].value.text = BYTES("x");
    d = decide_minted(&world, caveats, &read);
    expect_allowed("read", &d);
    assert_int_equal(world.counter[0].used, 1);
    d = decide_minted(&world, caveats, &facts);
    expect_denied("no room", &d, KH_REASON_USES_EXHAUSTED);
    world.counting = COUNTING_DONE;
    d = decide_minted(&world, caveats, &facts);
    expect_need("judged again", &d);
}

/* What cannot be put on the request denies it, and is no use of the token. */
static void
prepared_before_it_is_counted(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 1", NULL};
    static const char *const fails[] = {"method = GET", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    world.cannot_prepare = true;
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_denied("cannot be made", &d, KH_REASON_NOT_SIGNABLE);
    assert_string_equal(d.detail, "not like this");
    assert_int_equal(world.asked_take, 0);
    d = decide_minted(&world, fails, &facts);
    expect_denied("denied before", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(world.asked_prepare, 1);
    world.cannot_prepare = false;
    d = decide_minted(&world, caveats, &facts);
    expect_allowed("made", &d);
    assert_int_equal(world.counter[0].used, 1);
}

/* A signature of the body needs it as a caveat does, and with it all that caveats want of it. */
static void
body_for_the_credential(void **state)
{
    (void)state;
    static const char *const caveats[] = {"body[/a] = x or method = POST", "uses <= 1", NULL};
    static const char *const fails[] = {"method = GET", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision_details details;
    struct buffer text;
    world.credential[0].needs_sha256 = world.credential[0].needs_content = true;
    struct decision d = decide_minted(&world, fails, &facts);
    expect_denied("denied whatever the body", &d, KH_REASON_CAVEAT_FAILED);
    test_mint(&text, caveats);
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_need("not read", &d);
    assert_true(details.body_need.sha256 && details.body_need.content);
    assert_int_equal(details.body_need.count, 1);
    assert_true(bytes_is(details.body_need.pointer[0], "/a"));
    assert_int_equal(world.asked_prepare, 0);
    assert_int_equal(world.counter[0].used, 0);
    chain_release(&details.chain);
    world.body_is_gone = true;
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("it runs", &d);
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

/* ---- chains that are kept ---- */

static struct decision
decide_text(struct world *world, const struct buffer *text, int64_t time)
{
    struct facts facts = test_facts();
    facts.time = time;
    return test_decide(world, buffer_bytes(text), BYTES_EMPTY, &facts, NULL);
}

/* What was verified once is judged each time all the same. */
static void
kept_chain_is_no_decision(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = POST", "time < 2026-06-01T00:00:00Z", NULL};
    struct world world = test_world();
    struct buffer text;
    test_mint(&text, caveats);
    struct decision d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("first", &d);
    struct decision again = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("again", &again);
    assert_memory_equal(&again, &d, sizeof d);

    d = decide_text(&world, &text, TEST_EXPIRES);
    expect_denied("over", &d, KH_REASON_EXPIRED);
    world.revoked_user = "alice";
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("revoked", &d, KH_REASON_REVOKED);
    world.revoked_user = NULL;
    world.no_key = true;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("key gone", &d, KH_REASON_SIGNATURE_INVALID);
    assert_false(d.identified);
    world.no_key = false;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("key back", &d);
    buffer_free(&text);
}

static void
expect_kept(size_t count)
{
    if (test_chains)
        assert_int_equal(chain_cache_count(test_chains), count);
}

static void
only_whole_chains_are_kept(void **state)
{
    (void)state;
    static const char *const unknown[] = {"colour = red", NULL};
    static const char *const fine[] = {"method = POST", NULL};
    struct world world = test_world();
    struct buffer text;
    if (test_chains)
        chain_cache_clear(test_chains);
    test_mint(&text, unknown);
    struct decision d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("unknown", &d, KH_REASON_CAVEAT_UNKNOWN);
    buffer_free(&text);
    expect_kept(0);

    test_mint(&text, fine);
    text.p[text.n - 8] ^= 1; /* of the signature */
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("forged", &d, KH_REASON_SIGNATURE_INVALID);
    expect_kept(0);
    text.p[text.n - 8] ^= 1;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("genuine", &d);
    expect_kept(1);
    text.p[text.n - 8] ^= 1;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("forged after it", &d, KH_REASON_SIGNATURE_INVALID);
    buffer_free(&text);
}

static int
keep_chains(void **state)
{
    (void)state;
    return chain_cache_new(8, &test_chains) != KH_OK;
}

static int
drop_chains(void **state)
{
    (void)state;
    chain_cache_free(&test_chains);
    return 0;
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
        cmocka_unit_test(body_is_not_needed),
        cmocka_unit_test(body_is_asked_for),
        cmocka_unit_test(body_was_read),
        cmocka_unit_test(body_needs_too_much),
        cmocka_unit_test(counted_once_each),
        cmocka_unit_test(rate_is_exceeded),
        cmocka_unit_test(denied_is_not_counted),
        cmocka_unit_test(what_cannot_count_denies),
        cmocka_unit_test(looking_and_judging_again_take_nothing),
        cmocka_unit_test(counted_when_the_body_is_read),
        cmocka_unit_test(prepared_before_it_is_counted),
        cmocka_unit_test(body_for_the_credential),
        cmocka_unit_test(no_counter_in_a_discharge),
        cmocka_unit_test(kept_chain_is_no_decision),
        cmocka_unit_test(only_whole_chains_are_kept),
    };
    int failed = cmocka_run_group_tests_name("each chain verified", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("chains kept", tests, keep_chains, drop_chains);
}
