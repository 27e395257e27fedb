/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of programs: every way in which one is refused, and the one in which it is not. */
#include "services.h"

struct world {
    struct services s;
    struct softauthn *alice, *bob;
    char alice_id[256], bob_id[256];
};

static void
open_world(struct world *w)
{
    services_open(&w->s, ATTESTATION_OPTIONAL);
    services_add_user(&w->s, "alice");
    services_add_user(&w->s, "bob");
    w->alice = services_key();
    w->bob = services_key();
    services_enroll(&w->s, "alice", "desk", w->alice, w->alice_id);
    services_enroll(&w->s, "bob", "desk", w->bob, w->bob_id);
}

static void
close_world(struct world *w)
{
    softauthn_free(&w->alice);
    softauthn_free(&w->bob);
    services_close(&w->s);
}

#define FOR_ALICE "user = alice and factor = fido2 for 8h"

static uint32_t
counter_of(struct world *w, const char *id)
{
    struct stores_seen seen = {0};
    BUFFER_AUTO raw;
    buffer_init(&raw, 256);
    services_decode(id, &raw);
    assert_ok(
        discharge_authenticator_find(w->s.store, buffer_bytes(&raw), stores_see, &seen, fault));
    return seen.row.counter;
}

static void
a_body_that_is_none_uses_the_question_up(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"credential\":\"AA\"}",
        "{\"credential\":1}",
        "{\"credential\":\"=\",\"client_data\":\"AA\",\"authenticator_data\":\"AA\","
        "\"signature\":\"AA\"}",
        "{\"credential\":\"AA\",\"client_data\":\"AA\",\"authenticator_data\":\"AA\","
        "\"signature\":\"AA\",\"more\":\"AA\"}",
        "{\"credential\":\"AA\",\"credential\":\"AA\"}",
    };
    struct world w;
    (void)state;
    open_world(&w);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char url[256];
        services_ask(&w.s, FOR_ALICE, "fido2");
        assert_answer(&w.s, 201);
        snprintf(url, sizeof url, "%s", services_text(&w.s, "fido2.answer_url"));
        services_request(&w.s, "POST", url, bytes_str(bodies[i]));
        assert_failure(&w.s, 400, "request-invalid");
        services_request(&w.s, "POST", url, bytes_str("{}"));
        assert_failure(&w.s, 403, "challenge-unknown");
    }
    close_world(&w);
}

static void
a_touch_gives_a_discharge(void **state)
{
    struct world w;
    char caveats[1024], expected[1024], label[64];
    BUFFER_AUTO raw;
    uint8_t hash[32];
    char hex[17];
    (void)state;
    open_world(&w);
    services_ask(&w.s, FOR_ALICE, "fido2");
    assert_answer(&w.s, 201);
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_answer(&w.s, 200);
    services_discharge(&w.s, caveats);
    buffer_init(&raw, 256);
    services_decode(w.alice_id, &raw);
    crypto_hash_sha256(hash, raw.p, raw.n);
    assert_true(bytes_to_hex(bytes_of(hash, 8), hex, sizeof hex));
    snprintf(label, sizeof label, "fido2 desk, credential %s, user alice", hex);
    // 2026-10-26T07:33:20Z and eight hours.
    snprintf(expected, sizeof expected,
             "time < 2026-10-26T15:33:20Z\nlabel = \"%s\"\nparent = " SERVICES_PARENT "\n", label);
    assert_string_equal(caveats, expected);
    assert_non_null(strstr(w.s.response.log, label));
    struct service_counts counts;
    service_count(w.s.service, &counts);
    assert_int_equal(counts.discharges, 1);
    assert_int_equal(counts.questions, 0);
    close_world(&w);
}

// The discharge's key is the ticket's, and its name the ticket: whoever has the key can tell.
static void
a_discharge_is_signed_with_the_tickets_key(void **state)
{
    struct world w;
    struct ticket ticket = services_plain_ticket(FOR_ALICE);
    char text[2048];
    (void)state;
    open_world(&w);
    services_seal(&w.s, &ticket, text);
    services_ask_ticket(&w.s, text, "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_answer(&w.s, 200);
    BUFFER_AUTO raw, sealed, again;
    struct token_discharge discharge;
    struct bytes caveat[3];
    buffer_init(&raw, 8192);
    buffer_init(&sealed, 2048);
    buffer_init(&again, 8192);
    services_decode(services_text(&w.s, "discharge"), &raw);
    services_decode(text, &sealed);
    assert_ok(token_discharge_scan(buffer_bytes(&raw), &discharge, fault));
    assert_int_equal(discharge.macaroon.caveat_count, 3);
    for (size_t i = 0; i < 3; i++)
        caveat[i] = discharge.macaroon.caveat[i].id;
    assert_ok(token_discharge_make(buffer_bytes(&sealed), ticket.root_key, bytes_str(SERVICES_URL),
                                   caveat, 3, &again, fault));
    assert_true(bytes_equal(buffer_bytes(&again), buffer_bytes(&raw)));
    close_world(&w);
}

static void
a_replayed_assertion_finds_no_challenge(void **state)
{
    struct world w;
    char challenge[64], url[256];
    (void)state;
    open_world(&w);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_challenge(&w.s, "fido2", CHALLENGE_DISCHARGE, challenge);
    snprintf(url, sizeof url, "%s", services_text(&w.s, "fido2.answer_url"));
    struct services_assertion a = services_assert(w.alice, w.alice_id, challenge, NULL);
    json_t *body =
        json_pack("{s:s, s:O, s:O, s:O}", "credential", w.alice_id, "client_data", a.client_data,
                  "authenticator_data", a.authenticator_data, "signature", a.signature);
    services_post(&w.s, url, json_incref(body));
    assert_answer(&w.s, 200);
    services_post(&w.s, url, json_incref(body));
    assert_failure(&w.s, 403, "challenge-unknown");
    // The same assertion for another question, which has another challenge.
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_post(&w.s, services_text(&w.s, "fido2.answer_url"), json_incref(body));
    assert_failure(&w.s, 403, "client-data-challenge");
    json_decref(body);
    json_decref(a.client_data);
    json_decref(a.authenticator_data);
    json_decref(a.signature);
    close_world(&w);
}

static void
what_the_client_data_says_has_to_be_so(void **state)
{
    static const struct {
        struct services_lies lies;
        const char *code;
    } row[] = {
        {{.type = "webauthn.create"}, "client-data-type"},
        {{.challenge = "AAAA"}, "client-data-challenge"},
        {{.origin = "http://localhost:8439"}, "client-data-origin"},
        {{.origin = "https://localhost:8438"}, "client-data-origin"},
        {{.origin = "http://localhost:8438.evil.example"}, "client-data-origin"},
    };
    struct world w;
    (void)state;
    open_world(&w);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        services_ask(&w.s, FOR_ALICE, "fido2");
        services_answer(&w.s, w.alice, w.alice_id, &row[i].lies);
        assert_failure(&w.s, 403, row[i].code);
    }
    close_world(&w);
}

static void
an_authenticator_that_lies_is_refused_and_its_counter_stays(void **state)
{
    static const struct {
        enum softauthn_lie lie;
        const char *code;
    } row[] = {
        {SOFTAUTHN_LIE_NO_PRESENCE, "presence-missing"},
        {SOFTAUTHN_LIE_RP_HASH, "rp-id-mismatch"},
        {SOFTAUTHN_LIE_RESERVED, "flags-invalid"},
        {SOFTAUTHN_LIE_BACKUP, "flags-invalid"},
        {SOFTAUTHN_LIE_TRAILING, "authenticator-data-malformed"},
        {SOFTAUTHN_LIE_SIGNATURE, "signature-invalid"},
        {SOFTAUTHN_LIE_CLIENT_DATA, "signature-invalid"},
        {SOFTAUTHN_LIE_KEY, "signature-invalid"},
    };
    struct world w;
    (void)state;
    open_world(&w);
    uint32_t before = counter_of(&w, w.alice_id);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        services_ask(&w.s, FOR_ALICE, "fido2");
        softauthn_set_lie(w.alice, row[i].lie);
        services_answer(&w.s, w.alice, w.alice_id, NULL);
        assert_failure(&w.s, 403, row[i].code);
        assert_int_equal(counter_of(&w, w.alice_id), before);
    }
    softauthn_set_lie(w.alice, SOFTAUTHN_HONEST);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_answer(&w.s, 200);
    assert_true(counter_of(&w, w.alice_id) > before);
    close_world(&w);
}

// YSA-2026-02: the signature is good, and it is somebody else's.
static void
another_users_key_is_refused_before_its_signature_is_looked_at(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    uint32_t before = counter_of(&w, w.bob_id);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.bob, w.bob_id, NULL);
    assert_failure(&w.s, 403, "user-mismatch");
    assert_string_equal(w.s.response.log, "refused: user-mismatch, asked of user alice");
    softauthn_set_lie(w.bob, SOFTAUTHN_LIE_SIGNATURE);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.bob, w.bob_id, NULL);
    assert_failure(&w.s, 403, "user-mismatch");
    assert_int_equal(counter_of(&w, w.bob_id), before);
    softauthn_set_lie(w.bob, SOFTAUTHN_HONEST);
    services_ask(&w.s, "user in alice, bob and factor = fido2 for 8h", "fido2");
    services_answer(&w.s, w.bob, w.bob_id, NULL);
    assert_answer(&w.s, 200);
    close_world(&w);
}

static void
a_stale_counter_blocks_the_authenticator(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_answer(&w.s, 200);
    softauthn_set_counter(w.alice, 0);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "authenticator-cloned");
    assert_non_null(strstr(w.s.response.log, "desk of user alice"));
    // Neither of the two is good any more, whatever it counts; nothing else is looked at.
    softauthn_set_lie(w.alice, SOFTAUTHN_LIE_SIGNATURE);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "authenticator-cloned");
    softauthn_set_lie(w.alice, SOFTAUTHN_HONEST);
    softauthn_set_counter(w.alice, 1000);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "authenticator-cloned");
    close_world(&w);
}

static void
what_is_not_enrolled_is_unknown(void **state)
{
    struct world w;
    struct softauthn *stranger = services_key();
    char id[256];
    (void)state;
    open_world(&w);
    json_t *body = services_registration(stranger, "AAAA", NULL);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(body, "id")));
    json_decref(body);
    services_ask(&w.s, FOR_ALICE, "fido2");
    services_answer(&w.s, stranger, id, NULL);
    assert_failure(&w.s, 403, "credential-unknown");
    softauthn_free(&stranger);
    close_world(&w);
}

static void
the_hole_is_judged(void **state)
{
    static const struct services_lies with_pin = {.pin = "1234"};
    struct world w;
    char detail[64];
    (void)state;
    open_world(&w);
    services_ask(&w.s, "user = alice and factor = yubikey for 8h", "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "factor-mismatch");
    snprintf(detail, sizeof detail, "%s", services_text(&w.s, "detail"));
    assert_string_equal(detail, "asked for: factor = yubikey");
    services_ask(&w.s, "user = alice and verification = pin for 8h", "fido2");
    assert_true(json_is_true(json_object_get(json_object_get(w.s.json, "fido2"), "verification")));
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "verification-missing");
    services_ask(&w.s, "user = alice and verification = pin for 8h", "fido2");
    services_answer(&w.s, w.alice, w.alice_id, &with_pin);
    assert_answer(&w.s, 200);
    services_ask(&w.s, "user = alice and aaguid = 00000000-0000-0000-0000-000000000001 for 8h",
                 "fido2");
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "factor-mismatch");
    close_world(&w);
}

// Each ticket has its own question: neither the address nor the signature of one fills the other.
static void
crossed_tickets_do_not_fill_each_other(void **state)
{
    struct world w;
    char first[256], challenge[64];
    (void)state;
    open_world(&w);
    services_ask(&w.s, FOR_ALICE, "fido2");
    snprintf(first, sizeof first, "%s", services_text(&w.s, "fido2.answer_url"));
    services_ask(&w.s, "user = alice and factor = fido2 for 9h", "fido2");
    services_challenge(&w.s, "fido2", CHALLENGE_DISCHARGE, challenge);
    struct services_assertion a = services_assert(w.alice, w.alice_id, challenge, NULL);
    services_post(&w.s, first,
                  json_pack("{s:s, s:o, s:o, s:o}", "credential", w.alice_id, "client_data",
                            a.client_data, "authenticator_data", a.authenticator_data, "signature",
                            a.signature));
    assert_failure(&w.s, 403, "client-data-challenge");
    close_world(&w);
}

static void
an_answer_for_something_else_uses_the_challenge_up(void **state)
{
    struct world w;
    char path[256], url[256], code[32];
    (void)state;
    open_world(&w);
    // A FIDO2 question at the door for SSH.
    services_ask(&w.s, FOR_ALICE, "fido2");
    snprintf(url, sizeof url, "%s", services_text(&w.s, "fido2.answer_url"));
    snprintf(path, sizeof path, "/.well-known/macfly/3p/ssh/%s", strrchr(url, '/') + 1);
    services_post(&w.s, path, json_pack("{s:s}", "signature", "x"));
    assert_failure(&w.s, 403, "challenge-purpose");
    services_post(&w.s, url, json_object());
    assert_failure(&w.s, 403, "challenge-unknown");
    // An enrolment's at the door for tickets, and the other way round.
    services_invite(&w.s, "alice", code);
    services_ask_to_enroll(&w.s, code, "spare", "fido2");
    snprintf(url, sizeof url, "%s", services_text(&w.s, "fido2.answer_url"));
    snprintf(path, sizeof path, "/.well-known/macfly/3p/fido2/%s", strrchr(url, '/') + 1);
    services_post(&w.s, path, json_object());
    assert_failure(&w.s, 403, "challenge-purpose");
    services_ask(&w.s, FOR_ALICE, "fido2");
    snprintf(url, sizeof url, "%s", services_text(&w.s, "fido2.answer_url"));
    snprintf(path, sizeof path, "/.well-known/keyhole/enroll/%s", strrchr(url, '/') + 1);
    services_post(&w.s, path, json_object());
    assert_failure(&w.s, 403, "challenge-purpose");
    // The digest is of its purpose too: what was signed to enrol vouches for nothing.
    services_ask(&w.s, FOR_ALICE, "fido2");
    char challenge[64];
    services_challenge(&w.s, "fido2", CHALLENGE_ENROLL, challenge);
    struct services_lies lies = {.challenge = challenge};
    services_answer(&w.s, w.alice, w.alice_id, &lies);
    assert_failure(&w.s, 403, "client-data-challenge");
    close_world(&w);
}

static void
a_question_lives_five_minutes(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    services_ask(&w.s, FOR_ALICE, "fido2");
    w.s.now += SERVICE_QUESTION_LIFETIME_S - 1;
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_answer(&w.s, 200);
    services_ask(&w.s, FOR_ALICE, "fido2");
    w.s.now += SERVICE_QUESTION_LIFETIME_S;
    services_answer(&w.s, w.alice, w.alice_id, NULL);
    assert_failure(&w.s, 403, "challenge-unknown");
    close_world(&w);
}

// Whoever signs nothing cannot tell a decoy from an enrolled authenticator, nor can one who does.
static void
a_decoy_fails_like_a_real_credential(void **state)
{
    static const char *const asked[] = {FOR_ALICE, "user = nobody and factor = fido2 for 8h"};
    struct world w;
    char answers[2][1024];
    (void)state;
    open_world(&w);
    for (size_t i = 0; i < 2; i++) {
        char challenge[64], url[256], offered[256];
        services_ask(&w.s, asked[i], "fido2");
        services_challenge(&w.s, "fido2", CHALLENGE_DISCHARGE, challenge);
        snprintf(url, sizeof url, "%s", services_text(&w.s, "fido2.answer_url"));
        const json_t *list = json_object_get(json_object_get(w.s.json, "fido2"), "credentials");
        assert_int_equal(json_array_size(list), 1);
        snprintf(offered, sizeof offered, "%s", json_string_value(json_array_get(list, 0)));
        struct services_assertion a = services_assert(w.bob, w.bob_id, challenge, NULL);
        services_post(&w.s, url,
                      json_pack("{s:s, s:o, s:o, s:o}", "credential", offered, "client_data",
                                a.client_data, "authenticator_data", a.authenticator_data,
                                "signature", a.signature));
        assert_failure(&w.s, 403, "signature-invalid");
        snprintf(answers[i], sizeof answers[i], "%s", services_body(&w.s));
    }
    assert_string_equal(answers[0], answers[1]);
    close_world(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_body_that_is_none_uses_the_question_up),
        fixture_test(a_touch_gives_a_discharge),
        fixture_test(a_discharge_is_signed_with_the_tickets_key),
        fixture_test(a_replayed_assertion_finds_no_challenge),
        fixture_test(what_the_client_data_says_has_to_be_so),
        fixture_test(an_authenticator_that_lies_is_refused_and_its_counter_stays),
        fixture_test(another_users_key_is_refused_before_its_signature_is_looked_at),
        fixture_test(a_stale_counter_blocks_the_authenticator),
        fixture_test(what_is_not_enrolled_is_unknown),
        fixture_test(the_hole_is_judged),
        fixture_test(crossed_tickets_do_not_fill_each_other),
        fixture_test(an_answer_for_something_else_uses_the_challenge_up),
        fixture_test(a_question_lives_five_minutes),
        fixture_test(a_decoy_fails_like_a_real_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
