/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment ends: what is refused, what is stored. */
#include "services.h"

struct world {
    struct services s;
    struct softauthn *key;
    char code[32], url[256], challenge[64];
};

static void
open_world(struct world *w, enum attestation_demand attestation)
{
    services_open(&w->s, attestation);
    services_add_user(&w->s, "alice");
    services_add_user(&w->s, "bob");
    services_invite(&w->s, "alice", w->code);
    w->key = services_key();
}

static void
close_world(struct world *w)
{
    softauthn_free(&w->key);
    services_close(&w->s);
}

static void
ask(struct world *w, const char *name)
{
    services_ask_to_enroll(&w->s, w->code, name, "fido2");
    assert_answer(&w->s, 201);
    snprintf(w->url, sizeof w->url, "%s", services_text(&w->s, "fido2.answer_url"));
    services_challenge(&w->s, "fido2", CHALLENGE_ENROLL, w->challenge);
}

static void
answer(struct world *w, const struct services_lies *lies)
{
    services_post(&w->s, w->url, services_registration(w->key, w->challenge, lies));
}

static void
what_lies_is_refused_and_the_code_lives_on(void **state)
{
    static const struct {
        struct services_lies lies;
        enum softauthn_lie lie;
        const char *code;
    } row[] = {
        {{.type = "webauthn.get"}, SOFTAUTHN_HONEST, "client-data-type"},
        {{.challenge = "AAAA"}, SOFTAUTHN_HONEST, "client-data-challenge"},
        {{.origin = "https://evil.example"}, SOFTAUTHN_HONEST, "client-data-origin"},
        {{.rp_id = "evil.example"}, SOFTAUTHN_HONEST, "rp-id-mismatch"},
        {{0}, SOFTAUTHN_LIE_NO_PRESENCE, "presence-missing"},
        {{0}, SOFTAUTHN_LIE_RP_HASH, "rp-id-mismatch"},
        {{0}, SOFTAUTHN_LIE_SIGNATURE, "attestation-signature-invalid"},
        {{0}, SOFTAUTHN_LIE_CLIENT_DATA, "attestation-signature-invalid"},
        {{0}, SOFTAUTHN_LIE_AAGUID, "attestation-aaguid-mismatch"},
        {{0}, SOFTAUTHN_LIE_UNIT, "attestation-certificate-invalid"},
        {{0}, SOFTAUTHN_LIE_CA, "attestation-certificate-invalid"},
        {{0}, SOFTAUTHN_LIE_ROOT, "attestation-untrusted"},
    };
    struct world w;
    (void)state;
    open_world(&w, ATTESTATION_REQUIRED);
    assert_true(softauthn_write_root(w.key, fixture_path("roots/root.pem")));
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        ask(&w, "desk");
        softauthn_set_lie(w.key, row[i].lie);
        answer(&w, &row[i].lies);
        assert_failure(&w.s, 403, row[i].code);
        softauthn_set_lie(w.key, SOFTAUTHN_HONEST);
    }
    ask(&w, "desk");
    answer(&w, NULL);
    assert_answer(&w.s, 201);
    close_world(&w);
}

static void
attestation_is_demanded_unless_it_is_optional(void **state)
{
    struct world w;
    const struct discharger_settings optional = {.attestation = ATTESTATION_OPTIONAL};
    (void)state;
    open_world(&w, ATTESTATION_REQUIRED);
    ask(&w, "desk");
    answer(&w, NULL);
    assert_failure(&w.s, 403, "attestation-untrusted");
    service_set_settings(w.s.service, &optional);
    ask(&w, "desk");
    answer(&w, NULL);
    assert_answer(&w.s, 201);
    assert_true(json_is_false(json_object_get(w.s.json, "attested")));
    assert_true(json_is_false(json_object_get(w.s.json, "yubikey")));
    close_world(&w);
}

// The maker's root is there from one registration to the next, without a restart.
static void
a_trusted_root_attests(void **state)
{
    struct world w;
    char aaguid[37];
    (void)state;
    open_world(&w, ATTESTATION_REQUIRED);
    assert_true(softauthn_write_root(w.key, fixture_path("roots/root.pem")));
    ask(&w, "desk");
    answer(&w, NULL);
    assert_answer(&w.s, 201);
    assert_true(json_is_true(json_object_get(w.s.json, "attested")));
    assert_true(json_is_false(json_object_get(w.s.json, "yubikey")));
    assert_string_equal(services_text(&w.s, "user"), "alice");
    assert_string_equal(services_text(&w.s, "name"), "desk");
    assert_string_equal(services_text(&w.s, "kind"), "fido2");
    webauthn_aaguid_print(softauthn_aaguid(), aaguid);
    assert_string_equal(services_text(&w.s, "model"), aaguid);
    assert_non_null(strstr(w.s.response.log, "desk of user alice, attested"));
    struct service_counts counts;
    service_count(w.s.service, &counts);
    assert_int_equal(counts.enrolments, 1);
    close_world(&w);
}

static void
models_may_be_named(void **state)
{
    struct world w;
    struct discharger_settings settings = {.aaguid = {{1}}, .aaguid_count = 1};
    (void)state;
    open_world(&w, ATTESTATION_REQUIRED);
    assert_true(softauthn_write_root(w.key, fixture_path("roots/root.pem")));
    service_set_settings(w.s.service, &settings);
    ask(&w, "desk");
    answer(&w, NULL);
    assert_failure(&w.s, 403, "model-forbidden");
    memcpy(settings.aaguid[0], softauthn_aaguid(), 16);
    settings.firmware = 0x050700;
    service_set_settings(w.s.service, &settings);
    ask(&w, "desk");
    answer(&w, NULL);
    assert_failure(&w.s, 403, "firmware-forbidden");
    settings.firmware = 0;
    service_set_settings(w.s.service, &settings);
    ask(&w, "desk");
    answer(&w, NULL);
    assert_answer(&w.s, 201);
    close_world(&w);
}

static void
a_code_is_used_up_by_success(void **state)
{
    struct world w;
    char first[256];
    (void)state;
    open_world(&w, ATTESTATION_OPTIONAL);
    ask(&w, "desk");
    snprintf(first, sizeof first, "%s", w.url);
    json_t *replay = services_registration(w.key, w.challenge, NULL);
    services_post(&w.s, w.url, json_incref(replay));
    assert_answer(&w.s, 201);
    services_post(&w.s, first, replay);
    assert_failure(&w.s, 403, "challenge-unknown");
    services_ask_to_enroll(&w.s, w.code, "spare", "fido2");
    assert_failure(&w.s, 403, "code-invalid");
    close_world(&w);
}

// Two enrolments begin with one code: one of them ends well.
static void
two_cannot_share_a_code(void **state)
{
    struct world w;
    char url[256], challenge[64];
    (void)state;
    open_world(&w, ATTESTATION_OPTIONAL);
    ask(&w, "desk");
    snprintf(url, sizeof url, "%s", w.url);
    snprintf(challenge, sizeof challenge, "%s", w.challenge);
    ask(&w, "spare");
    answer(&w, NULL);
    assert_answer(&w.s, 201);
    services_post(&w.s, url, services_registration(w.key, challenge, NULL));
    assert_failure(&w.s, 403, "code-invalid");
    close_world(&w);
}

// Nobody takes over what another has, nor has it twice.
static void
a_credential_is_enrolled_once(void **state)
{
    struct world w;
    BUFFER_AUTO raw;
    bool name_taken;
    (void)state;
    open_world(&w, ATTESTATION_OPTIONAL);
    ask(&w, "desk");
    json_t *body = services_registration(w.key, w.challenge, NULL);
    buffer_init(&raw, 256);
    services_decode(json_string_value(json_object_get(body, "id")), &raw);
    struct discharge_authenticator row = stores_row("bob", "desk", "");
    row.credential_id = buffer_bytes(&raw);
    assert_ok(stores_enroll(w.s.store, &row, &name_taken, fault));
    services_post(&w.s, w.url, body);
    assert_failure(&w.s, 409, "credential-exists");
    close_world(&w);
}

static void
a_name_that_was_taken_meanwhile(void **state)
{
    struct world w;
    bool name_taken;
    const struct discharge_authenticator row = stores_row("alice", "desk", "other");
    (void)state;
    open_world(&w, ATTESTATION_OPTIONAL);
    ask(&w, "desk");
    services_invite(&w.s, "bob", w.code);
    assert_ok(stores_enroll(w.s.store, &row, &name_taken, fault));
    services_invite(&w.s, "alice", w.code);
    answer(&w, NULL);
    assert_int_equal(w.s.response.status >= 400, 1);
    services_ask_to_enroll(&w.s, w.code, "desk", "fido2");
    assert_failure(&w.s, 409, "name-taken");
    close_world(&w);
}

static void
an_id_that_is_another_credentials(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, ATTESTATION_OPTIONAL);
    ask(&w, "desk");
    json_t *body = services_registration(w.key, w.challenge, NULL);
    json_object_set_new(body, "id", json_string("AAAA"));
    json_object_set_new(body, "rawId", json_string("AAAA"));
    services_post(&w.s, w.url, body);
    assert_failure(&w.s, 400, "request-invalid");
    close_world(&w);
}

static void
an_enrolment_lives_five_minutes(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, ATTESTATION_OPTIONAL);
    ask(&w, "desk");
    w.s.now += SERVICE_QUESTION_LIFETIME_S;
    answer(&w, NULL);
    assert_failure(&w.s, 403, "challenge-unknown");
    close_world(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_lies_is_refused_and_the_code_lives_on),
        fixture_test(attestation_is_demanded_unless_it_is_optional),
        fixture_test(a_trusted_root_attests),
        fixture_test(models_may_be_named),
        fixture_test(a_code_is_used_up_by_success),
        fixture_test(two_cannot_share_a_code),
        fixture_test(a_credential_is_enrolled_once),
        fixture_test(a_name_that_was_taken_meanwhile),
        fixture_test(an_id_that_is_another_credentials),
        fixture_test(an_enrolment_lives_five_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
