/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"

#include "../../../broker/authority/admin_request.h"

static void
no_request_at_all(void **state)
{
    static const char *const wrong[] = {"",
                                        " ",
                                        "null",
                                        "[]",
                                        "\"status\"",
                                        "1",
                                        "{",
                                        "{\"command\": \"status\"",
                                        "{\"command\": \"status\"} {}",
                                        "{\"command\": \"status\", \"command\": \"key.rotate\"}",
                                        "{\"command\": \"sta\\u0000tus\"}",
                                        "{\"command\": \"\xff\"}",
                                        "{'command': 'status'}"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        fixture_refused(&authority, wrong[i], "syntax", "JSON");
    fixture_refused(&authority, "{}", "unknown", "no such command");
    fixture_refused(&authority, "{\"command\": 1}", "unknown", "no such command");
    fixture_refused(&authority, "{\"command\": \"statsu\"}", "unknown", "did you mean status?");
    fixture_refused(&authority, "{\"command\": \"credentials.add\"}", "unknown",
                    "did you mean credential.add?");
}

// Deep nesting is not a way to the stack's end.
static void
nesting(void **state)
{
    struct buffer request;

    (void)state;
    buffer_init(&request, ADMIN_LINE_MAX);
    for (int i = 0; i < 500000; i++)
        buffer_put_byte(&request, '[');
    fixture_refused(&authority, buffer_text(&request), "syntax", "JSON");
    buffer_free(&request);
}

// What a parser complains about may be a secret: it is not quoted.
static void
faults_quote_nothing(void **state)
{
    static const char *const requests[] = {
        "{\"command\": \"credential.add\", \"secret\": \"" FIXTURE_SECRET "\", }",
        "{\"command\": \"credential.add\", \"name\": \"x\", \"secret\": \"" FIXTURE_SECRET
        "\", \"hosts\": 1}",
        "{\"command\": \"credential.add\", \"name\": \"x\", \"secret\": \"" FIXTURE_SECRET
        "\\n\", \"hosts\": [\"a.example\"]}",
        "{\"command\": \"credential.rotate\", \"name\": \"x\", \"secret\": \"" FIXTURE_SECRET "\"}",
        FIXTURE_SECRET};

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 1 << 20);
        admin_answer(&authority, bytes_str(requests[i]), &out);
        assert_true(bytes_find(buffer_bytes(&out), BYTES("\"ok\": false")) < out.n);
        assert_true(bytes_find(buffer_bytes(&out), BYTES(FIXTURE_SECRET)) == out.n);
    }
    assert_nowhere(FIXTURE_SECRET);
}

static void
members_are_checked(void **state)
{
    (void)state;
    fixture_refused(&authority, "{\"command\": \"status\", \"verbose\": true}", "unknown",
                    "status does not take verbose");
    fixture_refused(&authority, "{\"command\": \"mint\", \"credentials\": [], \"lifetime\": 1}",
                    "unknown", "did you mean lifetime_s?");
    fixture_refused(&authority, "{\"command\": \"status\", \"a b\\n\": true}", "unknown",
                    "one of these members");
    fixture_refused(&authority, "{\"command\": \"mint\", \"lifetime_s\": 1}", "usage",
                    "mint: credentials is missing");
    fixture_refused(&authority,
                    "{\"command\": \"mint\", \"credentials\": \"x\", \"lifetime_s\": 1}",
                    "wrong-type", "credentials must be a list of texts");
    fixture_refused(&authority, "{\"command\": \"mint\", \"credentials\": [1], \"lifetime_s\": 1}",
                    "wrong-type", "a list of texts");
    fixture_refused(&authority,
                    "{\"command\": \"mint\", \"credentials\": [\"x\"], \"lifetime_s\": 1.5}",
                    "wrong-type", "a whole number");
    fixture_refused(&authority,
                    "{\"command\": \"mint\", \"credentials\": [\"x\"], \"lifetime_s\": null}",
                    "wrong-type", "a whole number");
    fixture_refused(&authority, "{\"command\": \"revoke\", \"lineage\": 1}", "wrong-type",
                    "true or a text");
    fixture_refused(&authority,
                    "{\"command\": \"credential.add\", \"name\": \"x\", \"secret\": \"y\", "
                    "\"plain\": \"yes\"}",
                    "wrong-type", "true or false");
}

// Every row of the tables is well-formed.
static void
tables(void **state)
{
    const struct admin_command *tables[] = {admin_credential_commands, admin_token_commands,
                                            admin_state_commands};
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (const struct admin_command *c = tables[i]; c->name; c++, count++) {
            assert_non_null(c->handle);
            assert_null(c->member[ADMIN_MEMBERS_MAX - 1].name);
            for (const struct admin_member *m = c->member; m->name; m++)
                assert_int_not_equal(m->type, ADMIN_TYPE_UNSET);
        }
    }
    assert_int_equal(count, 17);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_request_at_all, opened, opened_end),
        cmocka_unit_test_setup_teardown(nesting, opened, opened_end),
        cmocka_unit_test_setup_teardown(faults_quote_nothing, opened, opened_end),
        cmocka_unit_test_setup_teardown(members_are_checked, opened, opened_end),
        cmocka_unit_test_setup_teardown(tables, opened, opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
