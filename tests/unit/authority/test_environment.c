/* SPDX-License-Identifier: Apache-2.0 */
/* What a token's holder is told, and who is told nothing. */
#include "fixture.h"

#include "../../../broker/authority/environment.h"

static struct authority authority;
static struct buffer content;

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    fixture_dischargers(&authority);
    buffer_init(&content, 130000);
    return 0;
}

static int
teardown(void **state)
{
    buffer_free(&content);
    authority_close(&authority);
    return fixture_teardown(state);
}

static struct message_environment
ask(struct bytes token)
{
    struct message_environment_ask question = {.token = token, .client = BYTES("192.0.2.1")};
    struct message_environment out;
    memset(&out, 0xff, sizeof out);
    buffer_clear(&content);
    environment_serve(&authority, &question, &out, &content);
    return out;
}

static void
expect_refused(const char *token, enum kh_reason reason)
{
    struct message_environment out = ask(bytes_str(token));
    if (out.given || out.reason != reason || out.content.n > 0)
        fail_msg("%s: given %d, %s instead of %s", token, out.given, kh_reason_code(out.reason),
                 kh_reason_code(reason));
}

static json_t *
environment_of(const char *token)
{
    struct message_environment out = ask(bytes_str(token));
    if (!out.given)
        fail_msg("refused: %s", kh_reason_code(out.reason));
    assert_true(bytes_find(out.content, BYTES(FIXTURE_SECRET)) == out.content.n);
    json_t *json =
        json_loadb((const char *)out.content.p, out.content.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void
expect_json(const json_t *json, const char *member, const char *expected)
{
    char *text = json_dumps(json_object_get(json, member), JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void
tokens_that_are_refused(void **state)
{
    char *token = fixture_mint(&authority, ""),
         *open = fixture_mint(&authority, ", \"user\": \"alice\", \"holes\": "
                                          "[\"user = alice and factor = ssh "
                                          "for 8h\"]");
    (void)state;
    expect_refused("", KH_REASON_TOKEN_MISSING);
    expect_refused("sk-live-12345", KH_REASON_TOKEN_MALFORMED);
    expect_refused(open, KH_REASON_HOLE_OPEN);
    char *forged = strdup(token);
    size_t n = strlen(forged);
    forged[n - 2] = forged[n - 2] == 'A' ? 'B' : 'A';
    expect_refused(forged, KH_REASON_SIGNATURE_INVALID);
    authority.clock = clock_manual(FIXTURE_NOW + 3600);
    expect_refused(token, KH_REASON_EXPIRED);
    authority.clock = clock_manual(FIXTURE_NOW);
    char request[9000];
    snprintf(request, sizeof request, "{\"command\": \"revoke\", \"token\": \"%s\"}", token);
    json_decref(fixture_do(&authority, request));
    expect_refused(token, KH_REASON_REVOKED);
    free(token);
    free(open);
    free(forged);
}

// A holder asks and is refused: that stands in the log, with the reason and without the token.
static void
refusals_are_recorded(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct buffer log;
    (void)state;
    authority.clock = clock_manual(FIXTURE_NOW + 3600);
    expect_refused(token, KH_REASON_EXPIRED);
    assert_ok(authority_flush_audit(&authority, fault));
    struct bytes text = fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(bytes_find(text, BYTES("\"reason\":\"expired\"")) < text.n);
    assert_true(bytes_find(text, BYTES("\"kind\":\"decision\",\"id\":\"")) < text.n);
    assert_true(bytes_find(text, bytes_str(token)) == text.n);
    buffer_free(&log);
    free(token);
}

static void
a_preset(void **state)
{
    char *token = fixture_mint(&authority, "");
    json_t *json = environment_of(token), *ca = json_object_get(json, "ca");
    (void)state;
    expect_json(json, "credentials",
                "[{\"name\":\"openai\",\"hosts\":[\"api.openai.com\",\"eu.api.openai.com\","
                "\"us.api.openai.com\"],\"ports\":[443],\"base_path\":\"/~openai\","
                "\"environment\":[\"OPENAI_API_KEY={token}\",\"OPENAI_BASE_URL={base}/v1\"],"
                "\"prefix\":\"sk-\"}]");
    expect_json(json, "pass_through", "[]");
    expect_json(json, "expires_at", "\"2026-10-26T08:33:20Z\"");
    assert_non_null(strstr(json_string_value(ca), "-----BEGIN CERTIFICATE-----\n"));
    json_decref(json);
    free(token);
}

// Without an exact host there is no base URL, and no variable that holds one.
static void
no_base_url(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority,
                           "{\"command\": \"credential.add\", \"name\": \"azure\", \"preset\": "
                           "\"azure-openai\", \"hosts\": [\"*.openai.azure.com\"], \"ports\": "
                           "[443, 8443], \"secret\": \"k\"}"));
    json_t *minted =
        fixture_do(&authority, "{\"command\": \"mint\", \"credentials\": [\"azure\"]}");
    json_t *json = environment_of(json_string_value(json_object_get(minted, "token")));
    expect_json(json, "credentials",
                "[{\"name\":\"azure\",\"hosts\":[\"*.openai.azure.com\"],\"ports\":[443,8443],"
                "\"environment\":[\"AZURE_OPENAI_API_KEY={token}\"],\"prefix\":\"\"}]");
    json_decref(json);
    json_decref(minted);
}

static void
without_a_preset(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority,
                           "{\"command\": \"credential.add\", \"name\": \"own\", \"hosts\": "
                           "[\"own.test\"], \"slots\": [\"bearer\"], \"inject\": "
                           "\"header:Authorization: Bearer {secret}\", \"secret\": \"k\"}"));
    json_t *minted =
        fixture_do(&authority, "{\"command\": \"mint\", \"credentials\": [\"own\", \"openai\"]}");
    json_t *json = environment_of(json_string_value(json_object_get(minted, "token")));
    json_t *list = json_object_get(json, "credentials");
    assert_int_equal(json_array_size(list), 2);
    json_t *own = json_array_get(list, 0);
    expect_json(own, "name", "\"own\"");
    expect_json(own, "environment", "[]");
    expect_json(own, "prefix", "\"\"");
    json_decref(json);
    // What a request could not use is not listed.
    json_decref(fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"own\"}"));
    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"credential\": \"openai\"}"));
    json = environment_of(json_string_value(json_object_get(minted, "token")));
    expect_json(json, "credentials", "[]");
    json_decref(json);
    json_decref(minted);
}

static void
pass_through(const char *host, uint16_t port)
{
    const struct route route = {.credential = BYTES("pass-through"),
                                .host = {bytes_str(host)},
                                .host_count = 1,
                                .port = {443, port},
                                .port_count = port ? 2 : 1,
                                .enabled = true,
                                .pass_through = true};
    BUFFER_AUTO body;
    buffer_init(&body, 1024);
    message_route_tx(&route, &body);
    assert_int_equal(pass_through_receive(&authority.pass_through, buffer_bytes(&body)), KH_OK);
}

static void
hosts_that_are_passed_through(void **state)
{
    char *token = fixture_mint(&authority, "");
    (void)state;
    pass_through("files.example", 0);
    pass_through("*.cdn.example", 8443);
    pass_through_adopt(&authority.pass_through);
    json_t *json = environment_of(token);
    expect_json(json, "pass_through",
                "[{\"host\":\"files.example\",\"ports\":[443]},"
                "{\"host\":\"*.cdn.example\",\"ports\":[443,8443]}]");
    json_decref(json);
    // A list that is longer than an answer may be is told as far as it fits.
    for (int i = 0; i < 1000; i++) {
        char host[256];
        snprintf(host, sizeof host, "%03d.%060d.%060d.%060d.example", i, 1, 2, 3);
        pass_through(host, 8443);
    }
    pass_through_adopt(&authority.pass_through);
    json = environment_of(token);
    size_t n = json_array_size(json_object_get(json, "pass_through"));
    assert_true(n > 100 && n < 1000);
    json_decref(json);
    free(token);
}

// A caveat speaks of a request, and there is none.
static void
caveats_are_not_judged(void **state)
{
    char *token = fixture_mint(&authority, ", \"caveats\": [\"method = DELETE\"]");
    json_t *json = environment_of(token);
    (void)state;
    assert_int_equal(json_array_size(json_object_get(json, "credentials")), 1);
    json_decref(json);
    free(token);
}

static void
the_certificate_alone(void **state)
{
    const struct message_environment_ask question = {.ca_alone = true, .client = BYTES("unix")};
    struct message_environment out;
    (void)state;
    environment_serve(&authority, &question, &out, &content);
    assert_true(out.given);
    assert_true(bytes_starts(out.content, BYTES("-----BEGIN CERTIFICATE-----\n")));
    struct buffer full;
    buffer_init(&full, 16);
    environment_serve(&authority, &question, &out, &full);
    assert_false(out.given);
    assert_int_equal(out.reason, KH_REASON_INTERNAL);
    buffer_free(&full);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(tokens_that_are_refused),
        TEST(refusals_are_recorded),
        TEST(a_preset),
        TEST(no_base_url),
        TEST(without_a_preset),
        TEST(hosts_that_are_passed_through),
        TEST(caveats_are_not_judged),
        TEST(the_certificate_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
