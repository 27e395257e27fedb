/* SPDX-License-Identifier: Apache-2.0 */
/* The explanation as an object, with what it says of the policy, and as what people see. */
#include "../../../caveats/explain.h"
#include "policies.h"
#include "world.h"

static const char rules[] =
    "version: 1\n"
    "groups: {eng: [alice]}\n"
    "grants:\n"
    "- {name: chat, to: [group eng], credentials: [openai], caveats: ['path ~ /v1/chat/**'],\n"
    "   lifetime: 1000000000s, holes: [factor = ssh for 1h]}\n"
    "- {name: ops, to: [user oscar], credentials: [openai]}\n"
    "- {name: git, to: [everyone], credentials: [github]}\n"
    "forbid:\n"
    "- {name: no-deletes, when: [method = DELETE], mode: warn}\n";

struct explained {
    struct policy *policy;
    struct decision decision;
    struct decision_details details;
    struct facts facts;
    struct bytes group[POLICY_GROUPS_MAX];
    json_t *json;
};

static void
explain_text(struct explained *e, struct bytes token, const char *policy, const struct facts *facts)
{
    struct world world = test_world();
    const struct decision_world w = {
        .context = &world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .policy = e->policy = policy ? test_policy(policy) : NULL,
    };
    e->facts = *facts;
    decide(&w, token, BYTES_EMPTY, facts, &e->decision, &e->details);
    e->facts.user = bytes_str(e->decision.user);
    e->facts.credential = bytes_str(e->decision.credential);
    e->facts.group = e->group;
    e->facts.group_count = policy_groups_of(e->policy, e->facts.user, e->group);
    const struct explain in = {
        .token = e->details.chain->token,
        .decision = &e->decision,
        .details = &e->details,
        .policy = e->policy,
        .policy_version = 7,
        .facts = &e->facts,
    };
    e->json = explain_json(&in);
    assert_non_null(e->json);
}

static void
explained_free(struct explained *e)
{
    json_decref(e->json);
    chain_release(&e->details.chain);
    policy_free(&e->policy);
}

static const json_t *
at(const json_t *json, const char *list, size_t i)
{
    const json_t *item = json_array_get(json_object_get(json, list), i);
    if (!item)
        FAIL_WITH("there is no %s[%zu]", list, i);
    return item;
}

static const char *
text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));
    return value ? value : "";
}

static void
expect_caveat(const json_t *json, size_t i, const char *shown, const char *by, const char *label,
              const char *judgement)
{
    const json_t *c = at(json, "caveats", i);
    assert_string_equal(text(c, "text"), shown);
    assert_string_equal(text(c, "by"), by);
    assert_string_equal(text(c, "label"), label);
    assert_string_equal(text(c, "judgement"), judgement);
}

static void
who_added_what(void **state)
{
    (void)state;
    static const char *const minted[] = {"label = team", "method = POST", NULL};
    static const char *const added[] = {"host = api.openai.com", "label = bot", "path = /x",
                                        "label = sub \x1b[2J", "port = 1"};
    struct token_identity identity = test_identity();
    struct bytes list[] = {bytes_str(minted[0]), bytes_str(minted[1])}, more[5];
    struct buffer wide, narrow;
    struct facts facts = test_facts();
    static struct explained e;
    buffer_init(&wide, TOKEN_TEXT_MAX);
    buffer_init(&narrow, TOKEN_TEXT_MAX);
    assert_int_equal(token_mint(&identity, root_key, BYTES("x"), list, 2, &wide, NULL), KH_OK);
    for (size_t i = 0; i < 5; i++)
        more[i] = bytes_str(i == 3 ? "label = \"sub kh1_abc\"" : added[i]);
    struct token *token = test_scan(buffer_bytes(&wide));
    assert_int_equal(token_attenuate(token, more, 5, &narrow, NULL), KH_OK);
    token_free(&token);
    explain_text(&e, buffer_bytes(&narrow), NULL, &facts);
    expect_caveat(e.json, 0, "label = team", "mint", "team", "holds");
    expect_caveat(e.json, 1, "method = POST", "mint", "team", "holds");
    expect_caveat(e.json, 2, "host = api.openai.com", "holder 1", "", "holds");
    expect_caveat(e.json, 3, "label = bot", "holder 2", "bot", "holds");
    expect_caveat(e.json, 4, "path = /x", "holder 2", "bot", "fails");
    expect_caveat(e.json, 5, "label = \"sub ...", "holder 3", "sub ...", "holds");
    expect_caveat(e.json, 6, "port = 1", "holder 3", "sub ...", "fails");
    assert_string_equal(text(at(e.json, "caveats", 4), "change"),
                        "path is /v1/chat/completions, and would have to be /x");
    assert_string_equal(text(e.json, "verdict"), "deny");
    assert_string_equal(text(e.json, "reason"), "caveat-failed");
    explained_free(&e);
    buffer_free(&wide);
    buffer_free(&narrow);
}

static void
expect_checks(const json_t *json, const char *expected)
{
    const json_t *check;
    size_t i;
    char got[256] = "";
    json_array_foreach(json_object_get(json, "checks"), i, check)
    {
        const char *judgement = text(check, "judgement");
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%c", judgement[0]);
    }
    assert_string_equal(got, expected);
}

static void
checks(void **state)
{
    (void)state;
    static const char *const unknown[] = {"colour = red", "method = GET", NULL};
    static const char *const over[] = {"time < 2020-01-01T00:00:00Z", NULL};
    struct facts facts = test_facts();
    static struct explained e;
    struct buffer token;
    explain_text(&e, BYTES("sk-123"), rules, &facts);
    expect_checks(e.json, "fnnnnnn");
    assert_string_equal(text(e.json, "reason"), "token-malformed");
    assert_int_equal(json_array_size(json_object_get(e.json, "caveats")), 0);
    explained_free(&e);

    test_mint(&token, unknown);
    explain_text(&e, buffer_bytes(&token), rules, &facts);
    expect_checks(e.json, "hhhfnnn");
    expect_caveat(e.json, 0, "colour = red", "mint", "", "unknown");
    explained_free(&e);
    facts.time = TEST_EXPIRES;
    buffer_free(&token);
    test_mint(&token, NULL);
    explain_text(&e, buffer_bytes(&token), rules, &facts);
    expect_checks(e.json, "hhhhfnn");
    explained_free(&e);
    buffer_free(&token);

    // A caveat on time that is over says "expired" too, but it is not the token's lifetime.
    facts = test_facts();
    test_mint(&token, over);
    explain_text(&e, buffer_bytes(&token), rules, &facts);
    assert_string_equal(text(e.json, "reason"), "expired");
    expect_checks(e.json, "hhhhhhh");
    explained_free(&e);
    facts.host = BYTES("elsewhere.example");
    buffer_free(&token);
}

static void
policy(void **state)
{
    (void)state;
    struct facts facts = test_facts();
    static struct explained e;
    struct buffer token;
    test_mint(&token, NULL);
    facts.method = BYTES("DELETE");
    explain_text(&e, buffer_bytes(&token), rules, &facts);
    const json_t *p = json_object_get(e.json, "policy");
    assert_int_equal(json_integer_value(json_object_get(p, "version")), 7);
    assert_string_equal(text(p, "judgement"), "fails");
    const json_t *chat = at(p, "grants", 0), *ops = at(p, "grants", 1), *git = at(p, "grants", 2);
    assert_string_equal(text(chat, "judgement"), "fails");
    assert_string_equal(text(at(chat, "caveats", 0), "judgement"), "holds");
    assert_string_equal(text(json_object_get(chat, "lifetime"), "judgement"), "holds");
    assert_string_equal(text(at(chat, "holes", 0), "judgement"), "fails");
    assert_true(text(at(chat, "holes", 0), "change")[0] != '\0');
    assert_true(json_is_false(json_object_get(ops, "to_user")));
    assert_true(json_is_true(json_object_get(git, "to_user")));
    assert_true(json_is_false(json_object_get(git, "for_credential")));
    assert_string_equal(text(git, "judgement"), "not-judged");
    const json_t *forbid = at(p, "forbids", 0);
    assert_true(json_is_true(json_object_get(forbid, "matches")));
    assert_string_equal(text(forbid, "mode"), "warn");
    assert_string_equal(json_string_value(at(p, "warnings", 0)), "forbid no-deletes");
    explained_free(&e);

    // What was never judged does not look as if it had been.
    facts.host = BYTES("elsewhere.example");
    struct bytes broken = buffer_bytes(&token);
    explain_text(&e, bytes_slice(broken, 0, broken.n - 8), rules, &facts);
    p = json_object_get(e.json, "policy");
    assert_string_equal(text(p, "judgement"), "not-judged");
    assert_true(json_is_null(json_object_get(at(p, "forbids", 0), "matches")));
    assert_null(json_object_get(at(p, "grants", 0), "to_user"));
    explained_free(&e);
    buffer_free(&token);
}

static bool
group_is_hidden(void *context, const struct predicate *predicate)
{
    (void)context;
    return predicate->attribute == ATTRIBUTE_GROUP;
}

static void
a_holder(void **state)
{
    (void)state;
    static const struct {
        const char *caveats[3], *verdict, *checks, *judgements;
        int64_t time;
    } cases[] = {
        {{"method = POST", NULL}, "unknown", "hnnnhnn", "h", TEST_ISSUED},
        {{"method = GET", "group = eng"}, "deny", "hnnnhnn", "fn", TEST_ISSUED},
        {{"group = eng", "path ~ /v1/**"}, "unknown", "hnnnhnn", "nh", TEST_ISSUED},
        {{"colour = red", NULL}, "deny", "hnnnhnn", "u", TEST_ISSUED},
        {{NULL}, "unknown", "hnnnhnn", "", TEST_ISSUED},
        {{NULL}, "deny", "hnnnfnn", "", TEST_EXPIRES},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buffer text_of;
        struct facts facts = test_facts();
        facts.time = cases[i].time;
        test_mint(&text_of, cases[i].caveats);
        struct token *token = test_scan(buffer_bytes(&text_of));
        const struct explain in = {.token = token, .facts = &facts, .hidden = group_is_hidden};
        json_t *json = explain_json(&in);
        assert_non_null(json);
        assert_string_equal(text(json, "verdict"), cases[i].verdict);
        assert_true(json_is_null(json_object_get(json, "policy")));
        expect_checks(json, cases[i].checks);
        for (size_t k = 0; cases[i].judgements[k]; k++)
            assert_int_equal(text(at(json, "caveats", k), "judgement")[0], cases[i].judgements[k]);
        json_decref(json);
        token_free(&token);
        buffer_free(&text_of);
    }
}

static void
an_open_hole(void **state)
{
    (void)state;
    struct builder *root = calloc(1, sizeof *root);
    struct builder *const all[] = {root};
    struct facts facts = test_facts();
    static struct explained e;
    struct buffer token;
    builder_root(root);
    builder_first_party(root, "hole = \"factor = ssh for 1h\"");
    builder_hole(root, "ticket", other_key);
    builders_text(all, 1, &token);
    builder_end(root);
    explain_text(&e, buffer_bytes(&token), NULL, &facts);
    assert_string_equal(text(e.json, "reason"), "hole-open");
    expect_checks(e.json, "hhfnnnn");
    expect_caveat(e.json, 1, "hole, open", "holder 1", "", "fails");
    explained_free(&e);

    struct token *scanned = test_scan(buffer_bytes(&token));
    const struct explain in = {.token = scanned, .facts = &facts};
    json_t *json = explain_json(&in);
    assert_string_equal(text(json, "verdict"), "deny");
    json_decref(json);
    token_free(&scanned);
    buffer_free(&token);
    free(root);
}

/* ---- for people ---- */

static void
expect_shown(const json_t *json, bool colour, const char *expected)
{
    BUFFER_AUTO out;
    buffer_init(&out, 1 << 20);
    struct screen screen = {.colour = colour, .unicode = true};
    explain_print(json, &screen, &out);
    if (!strstr(buffer_text(&out), expected))
        FAIL_WITH("there is no\n%s\nin\n%s", expected, buffer_text(&out));
}

static void
shown(void **state)
{
    (void)state;
    static const char *const minted[] = {"method = GET", NULL};
    struct facts facts = test_facts();
    static struct explained e;
    struct buffer token;
    test_mint(&token, minted);
    explain_text(&e, buffer_bytes(&token), rules, &facts);
    expect_shown(e.json, false,
                 "deny: caveat-failed, method = GET\n"
                 "A caveat of the token does not allow this request.\n"
                 "Use a token that was not narrowed so far.\n"
                 "\n"
                 "The token\n"
                 "   for alice (eng), to use openai or github\n");
    expect_shown(e.json, false,
                 "\nChecks\n"
                 "├─ holds       well-formed\n"
                 "├─ holds       signature\n");
    expect_shown(e.json, false,
                 "\nCaveats of the token\n"
                 "└─ mint\n"
                 "   └─ fails       method = GET\n"
                 "                  method is POST, and would have to be GET\n"
                 "\n"
                 "The policy, version 7\n"
                 "├─ grant chat: fails\n"
                 "│  ├─ holds       a life of at most 11574d1h46m40s\n"
                 "│  ├─ holds       path ~ /v1/chat/**\n"
                 "│  └─ fails       a hole: factor = ssh for 1h\n");
    expect_shown(e.json, false,
                 "├─ grant ops: not to this user\n"
                 "├─ grant git: not for this credential\n"
                 "└─ forbid no-deletes (warns only): does not match\n"
                 "   └─ fails       method = DELETE\n");
    expect_shown(e.json, true, "\x1b[31mfails\x1b[0m");
    explained_free(&e);
    buffer_free(&token);
    expect_shown(NULL, false, "Checks");
}

/* Whatever a text says, it does not write on the reader's screen. */
static void
shown_safely(void **state)
{
    (void)state;
    static const char *const hostile[] = {"\x1b[2J", "\xc2\x9b", "\xe2\x80\xae", "\xef\xbb\xbf",
                                          "\r"};
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 1 << 16);
        json_t *json =
            json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:s}]}", "verdict", "deny", "reason",
                      "x", "detail", hostile[i], "caveats", "text", hostile[i], "by", hostile[i],
                      "label", hostile[i], "judgement", "fails", "change", hostile[i]);
        assert_non_null(json);
        struct screen screen = {.unicode = true};
        explain_print(json, &screen, &out);
        if (strstr(buffer_text(&out), hostile[i]))
            FAIL_WITH("case %zu stands in what is shown", i);
        json_decref(json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_added_what), cmocka_unit_test(checks),       cmocka_unit_test(policy),
        cmocka_unit_test(a_holder),       cmocka_unit_test(an_open_hole), cmocka_unit_test(shown),
        cmocka_unit_test(shown_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
