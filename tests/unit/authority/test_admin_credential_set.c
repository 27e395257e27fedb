/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"

#include "../../../broker/authority/access.h"

static void
add(const char *name, const char *secret, const char *more)
{
    char request[2048];

    snprintf(request, sizeof request,
             "{\"command\": \"credential.add\", \"name\": \"%s\", \"secret\": \"%s\"%s}", name,
             secret, more);
    json_decref(fixture_do(&authority, request));
}

#define SET(more) "{\"command\": \"credential.set\", \"name\": \"x\"" more "}"

/* What has changed, with "|" between. */
static void
assert_changes(const char *request, const char *expected)
{
    json_t *result = fixture_do(&authority, request);
    const json_t *changes = json_object_get(result, "changes");
    char text[2048] = "";
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(changes); i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "|" : "",
                              json_string_value(json_array_get(changes, i)));
    assert_string_equal(text, expected);
    json_decref(result);
}

static const struct credential *
credential(const char *name)
{
    const struct credential *found = credentials_find(&authority.credentials, bytes_str(name));
    assert_non_null(found);
    return found;
}

static void
refusals(void **state)
{
    struct audit_head before, after;

    (void)state;
    add("x", FIXTURE_SECRET,
        ", \"hosts\": [\"a.example\"], \"resolve\": [\"a.example:443:127.0.0.1:1\"]");
    json_t *shown = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    audit_position(authority.audit, &before);
    fixture_refused(&authority, "{\"command\": \"credential.set\", \"scrub\": false}", "usage",
                    "name");
    fixture_refused(&authority,
                    "{\"command\": \"credential.set\", \"name\": \"y\", \"scrub\": false}",
                    "not-found", "no credential y");
    fixture_refused(&authority, SET(""), "usage", "what is to be changed");
    fixture_refused(&authority, SET(", \"secret\": \"s\""), "unknown", "secret");
    fixture_refused(&authority, SET(", \"preset\": \"openai\""), "unknown", "preset");
    fixture_refused(&authority, SET(", \"hosts\": [], \"resolve\": []"), "usage", "hosts:");
    fixture_refused(&authority, SET(", \"hosts\": [\"a b\"]"), "syntax", "hosts:");
    fixture_refused(&authority, SET(", \"hosts\": [\"b.example\"]"), "usage", "resolve:");
    fixture_refused(&authority, SET(", \"slots\": []"), "usage", "slots");
    fixture_refused(&authority, SET(", \"ports\": [0]"), "out-of-range", "ports:");
    fixture_refused(&authority, SET(", \"inject\": \"\""), "usage", "inject");
    fixture_refused(&authority, SET(", \"foreign\": \"maybe\""), "unknown", "foreign:");
    fixture_refused(&authority, SET(", \"plain\": true"), "usage", "plain:");
    fixture_refused(&authority, SET(", \"upstream_ca\": \"x\""), "syntax", "upstream_ca:");
    fixture_refused(&authority, SET(", \"options\": [\"region=r\"]"), "usage", "does not belong");
    fixture_refused(&authority, SET(", \"unset\": [\"region\"]"), "not-found", "no such option");
    fixture_refused(&authority, SET(", \"inject\": \"sigv4\", \"slots\": [\"aws\"]"), "syntax",
                    "the secret that is stored");
    fixture_refused(&authority, SET(", \"inject\": \"several:a,b\""), "usage", "a set");
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq);
    json_t *again = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    assert_true(json_equal(shown, again));
    json_decref(shown);
    json_decref(again);
    assert_nowhere(FIXTURE_SECRET);
}

static void
set_and_kept(void **state)
{
    (void)state;
    add("x", FIXTURE_SECRET, ", \"preset\": \"openai\"");
    int64_t id = credential("x")->row.id;
    assert_changes(SET(", \"hosts\": [\"B.example\"], \"ports\": [8443], \"slots\": "
                       "[\"header:x-key\"], \"inject\": \"header:X-Key: {secret}\", \"resolve\": "
                       "[\"b.example:8443:127.0.0.1:1\"], \"allow_networks\": [\"127.0.0.0/8\"], "
                       "\"plain\": true, \"scrub\": false, \"foreign\": \"pass\", "
                       "\"path_exceptions\": [\"semicolon\"], \"options\": [\"set-cookie=drop\"]"),
                   "hosts: api.openai.com, eu.api.openai.com, us.api.openai.com -> b.example|"
                   "ports: none -> 8443|"
                   "slots: bearer, subprotocol:openai-insecure-api-key. -> header:x-key|"
                   "resolve: none -> b.example:8443:127.0.0.1:1|"
                   "allow_networks: none -> 127.0.0.0/8|path_exceptions: none -> semicolon|"
                   "inject: header:Authorization: Bearer {secret} -> header:X-Key: {secret}|"
                   "option set-cookie: none -> drop|plain: no -> yes|scrub: yes -> no|"
                   "foreign: refuse -> pass");
    const struct credential *now = credential("x");
    assert_int_equal(now->row.id, id);
    assert_true(bytes_is(secret_bytes(now->secret), FIXTURE_SECRET));
    assert_true(now->route.plain && !now->route.scrub && now->route.foreign_pass);
    assert_true(bytes_is(now->route.host[0], "b.example"));
    json_t *shown = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    authority_close(&authority);
    fixture_open(&authority);
    json_t *again = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    assert_true(json_equal(shown, again));
    assert_true(bytes_is(secret_bytes(credential("x")->secret), FIXTURE_SECRET));
    json_decref(shown);
    json_decref(again);
    // Lists that are given empty are empty.
    assert_changes(SET(", \"ports\": [], \"resolve\": [], \"path_exceptions\": []"),
                   "ports: 8443 -> none|resolve: b.example:8443:127.0.0.1:1 -> none|"
                   "path_exceptions: semicolon -> none");
    assert_nowhere(FIXTURE_SECRET);
}

static void
options_one_by_one(void **state)
{
    (void)state;
    add("x", FIXTURE_SECRET,
        ", \"hosts\": [\"a.example\"], \"inject\": \"oauth2\", \"options\": "
        "[\"token-url=https://auth.example/t\", \"scope=a\", \"audience=b\"]");
    assert_changes(SET(", \"options\": [\"scope=a b\"], \"unset\": [\"audience\"]"),
                   "option scope: a -> a b|option audience: b -> none");
    assert_changes(SET(", \"options\": [\"scope=a b\"]"), "");
    fixture_refused(&authority, SET(", \"unset\": [\"audience\"]"), "not-found", "no such option");
    fixture_refused(&authority, SET(", \"unset\": [\"scpoe\"]"), "not-found",
                    "did you mean scope?");
    fixture_refused(&authority, SET(", \"unset\": [\"scope\"], \"options\": [\"scope=c\"]"),
                    "usage", "scope is given a value as well");
    fixture_refused(&authority, SET(", \"options\": [\"scope=c\", \"scope=d\"]"), "exists",
                    "scope is given twice");
    fixture_refused(&authority, SET(", \"unset\": [\"token-url\"]"), "usage", "token-url");
    // Whoever has no use for an option takes it away.
    fixture_refused(&authority, SET(", \"inject\": \"bearer\""), "usage", "does not belong");
    assert_changes(SET(", \"inject\": \"bearer\", \"unset\": [\"token-url\", \"scope\"]"),
                   "inject: oauth2 -> header:Authorization: Bearer {secret}|"
                   "option token-url: https://auth.example/t -> none|option scope: a b -> none");
}

// A change of what is asked for ends the access token, and the secrets stay.
static void
secrets_and_access(void **state)
{
    struct fault fault = {0};

    (void)state;
    add("x", FIXTURE_SECRET,
        ", \"hosts\": [\"a.example\"], \"inject\": \"oauth2\", \"options\": "
        "[\"token-url=https://auth.example/t\"]");
    json_decref(fixture_do(&authority, "{\"command\": \"credential.rotate\", \"name\": \"x\", "
                                       "\"secret\": \"NEWER-canary-5b1\", \"grace_s\": 600}"));
    struct access *access = credential("x")->access;
    uint64_t version = access->secret_version;
    assert_int_equal(access_take(access, BYTES("at"), 600, FIXTURE_NOW, 1, &fault), KH_OK);
    assert_int_equal(secret_new(BYTES("unsaved"), &access->unsaved, &fault), KH_OK);
    assert_changes(SET(", \"options\": [\"scope=a\"]"), "option scope: none -> a");
    access = credential("x")->access;
    assert_null(access->token);
    assert_true(bytes_is(secret_bytes(access->unsaved), "unsaved"));
    assert_true(access->secret_version == version);
    assert_true(bytes_is(secret_bytes(credential("x")->secret), "NEWER-canary-5b1"));
    assert_true(bytes_is(secret_bytes(credential("x")->previous), FIXTURE_SECRET));
    assert_true(credential("x")->previous_until == FIXTURE_NOW + 600);
}

static void
what_others_ask_of_it(void **state)
{
    (void)state;
    add("x", FIXTURE_SECRET, ", \"hosts\": [\"a.example\"]");
    add("login", "s", ", \"hosts\": [\"a.example\"], \"options\": [\"token-answers=seal:x\"]");
    fixture_refused(&authority,
                    SET(", \"inject\": \"hmac:sha256:hex:X-Sig: {signature}\", \"slots\": "
                        "[\"bearer\"]"),
                    "usage", "credential login would not work");
    fixture_refused(&authority,
                    "{\"command\": \"credential.set\", \"name\": \"login\", \"options\": "
                    "[\"token-answers=seal:nobody\"]}",
                    "not-found", "token-answers");
    json_decref(fixture_do(&authority, "{\"command\": \"credential.set\", \"name\": \"login\", "
                                       "\"unset\": [\"token-answers\"]}"));
    add("signer", "ID:KEY",
        ", \"hosts\": [\"a.example\"], \"slots\": [\"bearer\"], \"inject\": \"sigv4\", "
        "\"options\": [\"region=r\", \"service=s\"]");
    add("both", "-",
        ", \"hosts\": [\"a.example\"], \"slots\": [\"bearer\"], \"inject\": \"several:signer,x\"");
    fixture_refused(&authority, SET(", \"inject\": \"query:key\""), "usage",
                    "credential both would not work");
    assert_true(bytes_is(credential("x")->row.inject, "header:Authorization: Bearer {secret}"));
    fixture_refused(&authority,
                    "{\"command\": \"credential.set\", \"name\": \"both\", \"inject\": \"bearer\"}",
                    "usage", "a set has no secret");
    json_decref(fixture_do(&authority, "{\"command\": \"credential.set\", \"name\": \"both\", "
                                       "\"hosts\": [\"a.example\", \"b.example\"]}"));
}

static void
recorded(void **state)
{
    struct buffer log;

    (void)state;
    add("x", FIXTURE_SECRET, ", \"hosts\": [\"a.example\"]");
    assert_changes(SET(", \"hosts\": [\"b.example\"], \"scrub\": false"),
                   "hosts: a.example -> b.example|scrub: yes -> no");
    struct bytes text = fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(
        bytes_find(text, BYTES("\"detail\":\"hosts: a.example -> b.example; scrub: yes -> no\"")) <
        text.n);
    assert_true(bytes_find(text, BYTES("\"command\":\"credential.set\",\"subject\":\"x\"")) <
                text.n);
    buffer_free(&log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals, opened, opened_end),
        cmocka_unit_test_setup_teardown(set_and_kept, opened, opened_end),
        cmocka_unit_test_setup_teardown(options_one_by_one, opened, opened_end),
        cmocka_unit_test_setup_teardown(secrets_and_access, opened, opened_end),
        cmocka_unit_test_setup_teardown(what_others_ask_of_it, opened, opened_end),
        cmocka_unit_test_setup_teardown(recorded, opened, opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
