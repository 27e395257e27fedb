/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment begins: codes, names, what goes out. */
#include "services.h"

static void
a_request_that_is_none(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"code\":\"x\",\"kind\":\"passkey\"}",
        "{\"code\":\"x\",\"kind\":\"fido2\",\"more\":\"x\"}",
        "{\"code\":5,\"kind\":\"fido2\"}",
        "{\"code\":\"x\",\"code\":\"y\",\"kind\":\"fido2\"}",
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        services_request(&s, "POST", "/.well-known/keyhole/enroll", bytes_str(bodies[i]));
        assert_failure(&s, 400, "request-invalid");
    }
    services_close(&s);
}

static void
a_code_that_is_wrong_too_old_or_used(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    char code[32], other[32], id[256];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_ask_to_enroll(&s, "K7QF-2M9X-0TRB", "", "fido2");
    assert_failure(&s, 403, "code-invalid");
    services_ask_to_enroll(&s, "", "", "fido2");
    assert_failure(&s, 403, "code-invalid");
    services_invite(&s, "alice", code);
    services_invite(&s, "alice", other); // ends the first
    services_ask_to_enroll(&s, code, "", "fido2");
    assert_failure(&s, 403, "code-invalid");
    s.now += SERVICE_INVITATION_LIFETIME_S;
    services_ask_to_enroll(&s, other, "", "fido2");
    assert_failure(&s, 403, "code-invalid");
    services_enroll(&s, "alice", "desk", key, id);
    services_close(&s);
    softauthn_free(&key);
}

static void
guessing_has_an_end(void **state)
{
    struct services s;
    char code[32];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_invite(&s, "alice", code);
    for (int i = 0; i < 10; i++) {
        services_ask_to_enroll(&s, "K7QF-2M9X-0TRB", "", "fido2");
        assert_failure(&s, 403, "code-invalid");
    }
    services_ask_to_enroll(&s, code, "", "fido2");
    assert_failure(&s, 429, "too-many-requests");
    assert_int_equal(s.response.retry_after_s, 600);
    s.client = "192.0.2.8";
    services_ask_to_enroll(&s, code, "", "fido2");
    assert_answer(&s, 201);
    services_close(&s);
}

static void
codes_are_read_as_people_type_them(void **state)
{
    struct services s;
    char code[32];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_invite(&s, "alice", code);
    for (char *p = code; *p; p++)
        *p = *p == '0' ? 'o' : *p == '1' ? 'l' : *p == '-' ? ' ' : (char)(*p | 0x20);
    services_ask_to_enroll(&s, code, "", "fido2");
    assert_answer(&s, 201);
    services_close(&s);
}

static void
names(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    char code[32], id[256], long_name[80];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_enroll(&s, "alice", "key 1", key, id);
    services_invite(&s, "alice", code);
    memset(long_name, 'x', sizeof long_name);
    long_name[DISCHARGE_NAME_MAX + 1] = '\0';
    services_ask_to_enroll(&s, code, long_name, "fido2");
    assert_failure(&s, 400, "request-invalid");
    services_ask_to_enroll(&s, code, "a\nb", "fido2");
    assert_failure(&s, 400, "request-invalid");
    services_ask_to_enroll(&s, code, "a\xe2\x80\xae", "fido2");
    assert_failure(&s, 400, "request-invalid");
    services_ask_to_enroll(&s, code, " key 1 ", "fido2");
    assert_failure(&s, 409, "name-taken");
    services_ask_to_enroll(&s, code, "", "fido2");
    assert_answer(&s, 201);
    assert_non_null(strstr(services_text(&s, "fido2.text"), "authenticator=key 2\n"));
    services_ask_to_enroll(&s, code, "Schlüssel", "fido2");
    assert_answer(&s, 201);
    assert_non_null(strstr(services_text(&s, "fido2.text"), "authenticator=Schlüssel\n"));
    softauthn_free(&key);
    services_close(&s);
}

static void
a_user_has_so_many_and_no_more(void **state)
{
    struct services s;
    char code[32], name[32];
    bool name_taken;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    for (int i = 0; i < DISCHARGE_AUTHENTICATORS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        struct discharge_authenticator row = stores_row("alice", name, name);
        assert_ok(stores_enroll(s.store, &row, &name_taken, fault));
    }
    services_invite(&s, "alice", code);
    services_ask_to_enroll(&s, code, "one more", "fido2");
    assert_failure(&s, 409, "too-many-authenticators");
    services_close(&s);
}

static void
a_program_gets_all_that_it_takes(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    char code[32], id[256], expected[512];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_enroll(&s, "alice", "desk", key, id);
    services_invite(&s, "alice", code);
    services_ask_to_enroll(&s, code, "spare", "fido2");
    assert_answer(&s, 201);
    const json_t *q = json_object_get(s.json, "fido2");
    assert_int_equal(json_object_size(q), 13);
    snprintf(expected, sizeof expected,
             "discharger=" SERVICES_URL "\nuser=alice\nasked-by=192.0.2.7\n"
             "authenticator=spare\nexpires=2026-10-26T07:38:20Z\n");
    assert_string_equal(services_text(&s, "fido2.text"), expected);
    assert_string_equal(services_text(&s, "fido2.rp_id"), "localhost");
    assert_string_equal(services_text(&s, "fido2.rp_name"), "Keyhole");
    assert_string_equal(services_text(&s, "fido2.user_name"), "alice");
    assert_int_equal(strlen(services_text(&s, "fido2.user_id")), 43);
    const json_t *exclude = json_object_get(q, "exclude");
    assert_int_equal(json_array_size(exclude), 1);
    assert_string_equal(json_string_value(json_array_get(exclude, 0)), id);
    char *algorithms = json_dumps(json_object_get(q, "algorithms"), JSON_COMPACT);
    assert_string_equal(algorithms, "[-7,-8,-257]");
    free(algorithms);
    softauthn_free(&key);
    services_close(&s);
}

static void
a_browser_gets_webauthns_options(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    char code[32], id[256];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_enroll(&s, "alice", "desk", key, id);
    services_invite(&s, "alice", code);
    services_ask_to_enroll(&s, code, "spare", "browser");
    assert_answer(&s, 201);
    assert_string_equal(services_text(&s, "browser.publicKey.rp.id"), "localhost");
    assert_string_equal(services_text(&s, "browser.publicKey.user.name"), "alice");
    assert_string_equal(services_text(&s, "browser.publicKey.attestation"), "direct");
    assert_string_equal(
        services_text(&s, "browser.publicKey.authenticatorSelection.userVerification"),
        "preferred");
    const json_t *options = json_object_get(json_object_get(s.json, "browser"), "publicKey");
    const json_t *exclude = json_object_get(options, "excludeCredentials");
    assert_string_equal(json_string_value(json_object_get(json_array_get(exclude, 0), "id")), id);
    assert_int_equal(json_array_size(json_object_get(options, "pubKeyCredParams")), 3);
    softauthn_free(&key);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_request_that_is_none),
        fixture_test(a_code_that_is_wrong_too_old_or_used),
        fixture_test(guessing_has_an_end),
        fixture_test(codes_are_read_as_people_type_them),
        fixture_test(names),
        fixture_test(a_user_has_so_many_and_no_more),
        fixture_test(a_program_gets_all_that_it_takes),
        fixture_test(a_browser_gets_webauthns_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
