/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"
#include "proxy_peer.h"

#include "../../../broker/authority/inject.h"
#include "../../../caveats/decide.h"

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static json_t *
explain(const char *token, const char *more)
{
    char request[16384];
    snprintf(request, sizeof request, "{\"command\": \"explain\", \"token\": \"%s\"%s}", token,
             more);
    return fixture_do(&authority, request);
}

#define GET(url) ", \"request\": \"GET " url "\""

static void
refusals(void **state)
{
    char *token = fixture_mint(&authority, "");
    static const struct {
        const char *more, *code, *says;
    } cases[] = {
        {"", "usage", "request is missing"},
        {", \"request\": \"GET\"", "syntax", "request: expected a method and a URL"},
        {GET("https://api.openai.com/a/../b"), "syntax", "request: the path"},
        {GET("https://api.openai.com/a%2Fb"), "syntax", "request: the path"},
        {GET("https://api.openai.com/") ", \"headers\": [\"x\"]", "syntax", "headers:"},
        {GET("https://api.openai.com/") ", \"time\": \"now\"", "syntax", "time:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[16384];
        snprintf(request, sizeof request, "{\"command\": \"explain\", \"token\": \"%s\"%s}", token,
                 cases[i].more);
        fixture_refused(&authority, request, cases[i].code, cases[i].says);
    }
    free(token);
}

static void
verdicts(void **state)
{
    char *token = fixture_mint(&authority, ", \"caveats\": [\"header[x] = y or method = PUT\"]");
    static const struct {
        const char *more, *verdict, *reason;
    } cases[] = {
        {GET("https://api.openai.com/v1") ", \"headers\": [\"X: y\"]", "allow", ""},
        {GET("https://api.openai.com/v1"), "deny", "caveat-failed"},
        {", \"request\": \"PUT https://api.openai.com/v1\"", "allow", ""},
        {", \"request\": \"PUT https://api.openai.com/v1\", \"credential\": \"other\"", "deny",
         "credential-unknown"},
        {", \"request\": \"PUT https://api.openai.com/v1\", \"time\": \"2030-01-01T00:00:00Z\"",
         "deny", "expired"},
        {", \"request\": \"PUT http://api.openai.com/v1\"", "deny", "host-not-allowed"},
        {", \"request\": \"PUT https://elsewhere.example/v1\"", "deny", "host-not-allowed"},
    };
    struct audit_head before, after;

    (void)state;
    audit_position(authority.audit, &before);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *result = explain(token, cases[i].more);
        if (strcmp(text(result, "verdict"), cases[i].verdict) != 0 ||
            strcmp(text(result, "reason"), cases[i].reason) != 0)
            print_error("%s: %s %s\n", cases[i].more, text(result, "verdict"),
                        text(result, "reason"));
        assert_string_equal(text(result, "verdict"), cases[i].verdict);
        assert_string_equal(text(result, "reason"), cases[i].reason);
        assert_true(json_is_null(json_object_get(result, "policy")));
        json_decref(result);
    }
    json_t *result = explain("sk-something", GET("https://api.openai.com/v1"));
    assert_string_equal(text(result, "reason"), "token-malformed");
    assert_true(json_is_null(json_object_get(result, "token")));
    json_decref(result);
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq); // an explanation is no request
    assert_int_equal(authority.allowed + authority.denied, 0);
    free(token);
}

static void
with_policy(void **state)
{
    char *token = fixture_mint(&authority, ", \"user\": \"alice\"");

    (void)state;
    json_decref(fixture_do(
        &authority, "{\"command\": \"policy.apply\", \"text\": \"version: 1\\n"
                    "groups: {eng: [alice]}\\ngrants:\\n- {name: g, to: [group eng], credentials: "
                    "[openai], caveats: [client in 10.0.0.0/8]}\\n\"}"));
    json_t *result = explain(token, GET("https://api.openai.com/v1"));
    assert_string_equal(text(result, "reason"), "no-grant");
    assert_string_equal(text(result, "detail"), "g: client in 10.0.0.0/8");
    const json_t *policy = json_object_get(result, "policy");
    assert_int_equal(json_integer_value(json_object_get(policy, "version")), 1);
    assert_string_equal(text(json_array_get(json_object_get(policy, "grants"), 0), "judgement"),
                        "fails");
    const json_t *groups = json_object_get(json_object_get(result, "token"), "groups");
    assert_string_equal(json_string_value(json_array_get(groups, 0)), "eng");
    json_decref(result);
    result = explain(token, GET("https://api.openai.com/v1") ", \"client\": \"10.1.2.3\"");
    assert_string_equal(text(result, "verdict"), "allow");
    json_decref(result);
    free(token);
}

static void
with_body(void **state)
{
    char *token = fixture_mint(&authority, ", \"caveats\": [\"body[/m] = a\"]");
    static const struct {
        const char *more, *verdict, *change;
    } cases[] = {
        {", \"body\": \"{\\\"m\\\": \\\"a\\\"}\"", "allow", ""},
        {", \"body\": \"{\\\"m\\\": \\\"b\\\"}\"", "deny", "body[/m] is b, and would have to be a"},
        {", \"body\": \"{}\"", "deny", "there is no body[/m], which would have to be a"},
        {"", "deny", "there is no body[/m], which would have to be a"},
        {", \"body\": \"no JSON\"", "deny", "body[/m] would have to be a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char more[512];
        snprintf(more, sizeof more, GET("https://api.openai.com/v1") "%s", cases[i].more);
        json_t *result = explain(token, more);
        const json_t *caveat = json_array_get(json_object_get(result, "caveats"), 0);
        assert_string_equal(text(result, "verdict"), cases[i].verdict);
        assert_string_equal(text(caveat, "change"), cases[i].change);
        json_decref(result);
    }
    free(token);
}

// An explanation uses nothing up, and says when something is used up.
static void
with_counter(void **state)
{
    char *token = fixture_mint(&authority, ", \"caveats\": [\"uses <= 1\"]");

    (void)state;
    for (int i = 0; i < 3; i++) {
        json_t *result = explain(token, GET("https://api.openai.com/v1"));
        assert_string_equal(text(result, "verdict"), "allow");
        assert_string_equal(
            text(json_array_get(json_object_get(result, "caveats"), 0), "judgement"), "holds");
        json_decref(result);
    }
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct message_decide request = peer_request(token);
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.allow);
    injection_free(&injection);
    json_t *result = explain(token, GET("https://api.openai.com/v1"));
    assert_string_equal(text(result, "reason"), "uses-exhausted");
    assert_string_equal(text(json_array_get(json_object_get(result, "caveats"), 0), "judgement"),
                        "fails");
    json_decref(result);
    free(token);
}

// GitHub's paths may have an escaped slash, other hosts' may not.
static void
exceptions_of_the_host(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority, "{\"command\": \"credential.add\", \"name\": \"github\", "
                                       "\"preset\": \"github\", \"secret\": \"x\"}"));
    char *token = fixture_mint(&authority, "");
    json_t *result = explain(token, GET("https://api.github.com/repos/a%2Fb"));
    assert_string_equal(text(result, "reason"), "host-not-allowed");
    json_decref(result);
    free(token);
}

#define explain_case(f) cmocka_unit_test_setup_teardown(f, opened_with_openai, opened_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        explain_case(refusals),  explain_case(verdicts),     explain_case(with_policy),
        explain_case(with_body), explain_case(with_counter), explain_case(exceptions_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
