/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"

#define MINT(more)                                                                                 \
    "{\"command\": \"mint\", \"credentials\": [\"openai\"], \"lifetime_s\": 60" more "}"

static void
mint_refusals(void **state)
{
    struct buffer many;

    (void)state;
    fixture_refused(&authority, MINT(", \"user\": \"\""), "syntax", "user:");
    fixture_refused(&authority, MINT(", \"caveats\": [\"\"]"), "syntax", "caveat");
    fixture_refused(&authority, MINT(", \"caveats\": [\"method ~~ x\"]"), "syntax",
                    "caveat \"method ~~ x\"");
    fixture_refused(&authority, "{\"command\": \"mint\", \"credentials\": [], \"lifetime_s\": 60}",
                    "usage", "at least one");
    fixture_refused(&authority,
                    "{\"command\": \"mint\", \"credentials\": [\"openia\"], \"lifetime_s\": 60}",
                    "not-found", "there is no credential openia; did you mean openai?");
    fixture_refused(&authority,
                    "{\"command\": \"mint\", \"credentials\": [\"openai\"], \"lifetime_s\": "
                    "9223372036854775807}",
                    "out-of-range", "lifetime_s:");
    fixture_refused(&authority,
                    "{\"command\": \"mint\", \"credentials\": [\"1\", \"2\", \"3\", \"4\", \"5\", "
                    "\"6\", \"7\", \"8\", \"9\"], \"lifetime_s\": 60}",
                    "too-long", "credentials:");
    buffer_init(&many, 1 << 16);
    buffer_put_str(&many, "{\"command\": \"mint\", \"credentials\": [\"openai\"], \"lifetime_s\": "
                          "60, \"caveats\": [\"method = GET\"");
    for (int i = 0; i < 64; i++)
        buffer_put_str(&many, ", \"method = GET\"");
    buffer_put_str(&many, "]}");
    fixture_refused(&authority, buffer_text(&many), "too-long", "caveats:");
    buffer_free(&many);
}

static void
minted(void **state)
{
    json_t *result = fixture_do(&authority, MINT(", \"user\": \"alice\", \"prefix\": \"sk-\""));
    char now[CLOCK_TEXT_SIZE];

    (void)state;
    assert_int_equal(json_object_size(result), 8);
    assert_int_equal(json_array_size(json_object_get(result, "holes")), 0);
    assert_memory_equal(json_string_value(json_object_get(result, "token")), "sk-kh1_", 7);
    assert_int_equal(json_string_length(json_object_get(result, "token_id")), 32);
    assert_int_equal(json_string_length(json_object_get(result, "lineage")), 32);
    assert_string_equal(json_string_value(json_object_get(result, "user")), "alice");
    assert_int_equal(json_array_size(json_object_get(result, "credentials")), 1);
    clock_print_s(FIXTURE_NOW, now);
    assert_string_equal(json_string_value(json_object_get(result, "issued_at")), now);
    clock_print_s(FIXTURE_NOW + 60, now);
    assert_string_equal(json_string_value(json_object_get(result, "expires_at")), now);
    json_decref(result);
}

static void
minted_with_holes(void **state)
{
    (void)state;
    fixture_refused(&authority, MINT(", \"holes\": [\"factor = yubikey for 8h\"]"), "not-found",
                    "knows no discharger");
    fixture_dischargers(&authority);
    fixture_refused(&authority, MINT(", \"holes\": [\"factor = key for 8h\"]"), "wrong-type",
                    "hole 1: ");
    fixture_refused(&authority, MINT(", \"discharger\": \"local\""), "usage", "no hole");
    fixture_refused(&authority,
                    MINT(", \"holes\": [\"factor = ssh for 8h\"], \"discharger\": \"nobody\""),
                    "not-found", "there is local, security");
    json_t *result =
        fixture_do(&authority, MINT(", \"holes\": [\"user = alice and factor = yubikey for 480m\", "
                                    "\"factor = ssh for 1h\"], \"discharger\": \"security\""));
    json_t *holes = json_object_get(result, "holes");
    assert_int_equal(json_array_size(holes), 2);
    assert_string_equal(json_string_value(json_array_get(holes, 0)),
                        "user = alice and factor = yubikey for 8h");
    assert_string_equal(json_string_value(json_array_get(holes, 1)), "factor = ssh for 1h");
    assert_string_equal(json_string_value(json_object_get(result, "discharger")),
                        "https://security.example");
    json_decref(result);
}

static void
revoke_refusals(void **state)
{
    static const char *const usage[] = {
        "{\"command\": \"revoke\"}",
        "{\"command\": \"revoke\", \"user\": \"a\", \"id\": \"b\"}",
        "{\"command\": \"revoke\", \"lineage\": true}",
        "{\"command\": \"revoke\", \"lineage\": true, \"user\": \"a\"}",
        "{\"command\": \"revoke\", \"lineage\": \"00\", \"token\": \"x\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof usage / sizeof usage[0]; i++)
        fixture_refused(&authority, usage[i], "usage", "revoke:");
    fixture_refused(&authority, "{\"command\": \"revoke\", \"user\": \"\"}", "syntax", "empty");
    fixture_refused(&authority, "{\"command\": \"revoke\", \"id\": \"xyz\"}", "syntax",
                    "hexadecimal");
    fixture_refused(&authority, "{\"command\": \"revoke\", \"token\": \"xyz\"}", "malformed", "");
    fixture_refused(&authority,
                    "{\"command\": \"revoke\", \"minted_before\": \"2126-01-01T00:00:00Z\"}",
                    "out-of-range", "future");
    assert_int_equal(revocations_count(&authority.revocations), 0);
}

static void
revoked(const char *request, const char *kind, const char *words)
{
    json_t *result = fixture_do(&authority, request);
    assert_string_equal(json_string_value(json_object_get(result, "kind")), kind);
    assert_non_null(strstr(json_string_value(json_object_get(result, "revoked")), words));
    json_decref(result);
}

static void
every_way_to_revoke(void **state)
{
    char *token = fixture_mint(&authority, "");
    char request[2048];

    (void)state;
    snprintf(request, sizeof request,
             "{\"command\": \"revoke\", \"token\": \"%s\", \"lineage\": true}", token);
    revoked(request, "lineage", "everything made from it");
    snprintf(request, sizeof request,
             "{\"command\": \"revoke\", \"token\": \"%s\", \"lineage\": false}", token);
    revoked(request, "token", "everything made from it");
    revoked("{\"command\": \"revoke\", \"id\": \"00112233445566778899aabbccddeeff\"}", "token",
            "00112233445566778899aabbccddeeff");
    revoked("{\"command\": \"revoke\", \"lineage\": \"00112233445566778899aabbccddeeff\"}",
            "lineage", "00112233445566778899aabbccddeeff");
    revoked("{\"command\": \"revoke\", \"user\": \"alice\"}", "user", "alice");
    revoked("{\"command\": \"revoke\", \"credential\": \"openai\"}", "credential", "openai");
    revoked("{\"command\": \"revoke\", \"minted_before\": \"2026-01-01T00:00:00.5Z\"}",
            "minted-before", "2026-01-01T00:00:00Z");
    assert_int_equal(revocations_count(&authority.revocations), 7);
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mint_refusals, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(minted, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(minted_with_holes, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(revoke_refusals, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(every_way_to_revoke, opened_with_openai, opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
