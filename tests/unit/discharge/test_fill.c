/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: which are refused, and what a question says. */
#include "services.h"

#define FOR_ALICE "user = alice and factor = fido2 for 8h"

static void
a_request_that_is_none(void **state)
{
    static const char *const bodies[] = {
        "{",
        "[]",
        "\"ticket\"",
        "{}",
        "{\"ticket\":\"\"}",
        "{\"ticket\":5}",
        "{\"ticket\":\"@@@@\"}",
        "{\"ticket\":\"AAAA\",\"ticket\":\"AAAA\"}",
        "{\"ticket\":\"AAAA\",\"prefer\":\"carrier pigeon\"}",
        "{\"ticket\":\"AAAA\",\"prefer\":7}",
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        services_request(&s, "POST", "/.well-known/macfly/3p", bytes_str(bodies[i]));
        assert_failure(&s, 400, "request-invalid");
    }
    s.content_type = "text/plain";
    services_ask(&s, FOR_ALICE, "fido2");
    assert_failure(&s, 400, "request-invalid");
    services_close(&s);
}

static void
a_parent_that_is_none(void **state)
{
    static const char *const parents[] = {"", "00", "000102030405060708090a0b0c0d0e0g",
                                          "000102030405060708090a0b0c0d0e0f00"};
    struct services s;
    struct ticket ticket = services_plain_ticket(FOR_ALICE);
    char text[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_seal(&s, &ticket, text);
    for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++) {
        services_post(&s, "/.well-known/macfly/3p",
                      json_pack("{s:s, s:s}", "ticket", text, "parent", parents[i]));
        assert_failure(&s, 400, "request-invalid");
    }
    services_close(&s);
}

static void
a_ticket_that_is_not_ours(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket(FOR_ALICE);
    char text[2048], other[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_ask_ticket(&s, "AAAA", "fido2");
    assert_failure(&s, 400, "ticket-malformed");
    // Changed on its way.
    services_seal(&s, &ticket, text);
    text[200] = text[200] == 'A' ? 'B' : 'A';
    services_ask_ticket(&s, text, "fido2");
    assert_failure(&s, 400, "ticket-foreign");
    // Sealed to somebody else.
    struct discharger self = s.self;
    uint8_t secret[TICKET_SECRET_KEY_SIZE];
    assert_int_equal(crypto_box_keypair(s.self.public_key, secret), 0);
    services_seal(&s, &ticket, other);
    s.self = self;
    services_ask_ticket(&s, other, "fido2");
    assert_failure(&s, 400, "ticket-foreign");
    services_close(&s);
}

static void
an_expired_token_is_not_vouched_for(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket(FOR_ALICE);
    char text[2048];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    ticket.expires_at = s.now;
    services_seal(&s, &ticket, text);
    services_ask_ticket(&s, text, "fido2");
    assert_failure(&s, 403, "ticket-expired");
    // A question does not outlive its token.
    ticket.expires_at = s.now + 7;
    services_seal(&s, &ticket, text);
    services_ask_ticket(&s, text, "fido2");
    assert_answer(&s, 201);
    assert_string_equal(services_text(&s, "fido2.expires_at"), "2026-10-26T07:33:27Z");
    services_close(&s);
}

static void
a_way_that_cannot_fill_the_hole_is_told(void **state)
{
    static const struct {
        const char *condition, *prefer, *detail;
    } row[] = {
        {"user = alice and factor = ssh for 1h", "fido2", "factors that fill it: ssh, ssh-sk"},
        {"user = alice and factor = ssh for 1h", "browser", "factors that fill it: ssh, ssh-sk"},
        {"user = alice and factor = yubikey for 1h", "ssh", "factors that fill it: yubikey"},
        {"user = alice and factor = fido2 for 1h", "ssh", "factors that fill it: yubikey, fido2"},
        {"user = alice and factor = ssh and firmware > 5.0 for 1h", "ssh",
         "no factor at all can fill this hole"},
    };
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        services_ask(&s, row[i].condition, row[i].prefer);
        assert_failure(&s, 409, "way-unsuitable");
        assert_string_equal(services_text(&s, "detail"), row[i].detail);
    }
    services_close(&s);
}

static void
a_fido2_question_has_all_that_it_takes(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    char id[256];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_enroll(&s, "alice", "desk", key, id);
    services_ask(&s, "user = alice and verification = pin for 8h", "fido2");
    assert_answer(&s, 201);
    const json_t *q = json_object_get(s.json, "fido2");
    assert_int_equal(json_object_size(q), 9);
    assert_true(json_is_true(json_object_get(q, "verification")));
    assert_string_equal(services_text(&s, "fido2.rp_id"), "localhost");
    assert_string_equal(services_text(&s, "fido2.origin"), SERVICES_URL);
    assert_string_equal(services_text(&s, "fido2.expires_at"), "2026-10-26T07:38:20Z");
    assert_int_equal(strlen(services_text(&s, "fido2.nonce")), 43);
    assert_int_equal(json_array_size(json_object_get(q, "credentials")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(q, "credentials"), 0)),
                        id);
    assert_true(bytes_starts(bytes_str(services_text(&s, "fido2.answer_url")),
                             BYTES(SERVICES_URL "/.well-known/macfly/3p/fido2/")));
    assert_non_null(strstr(s.response.log, "user alice"));
    assert_null(strstr(s.response.log, strrchr(services_text(&s, "fido2.answer_url"), '/') + 1));
    softauthn_free(&key);
    services_close(&s);
}

static void
ways_have_their_own_answers(void **state)
{
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_ask(&s, "user = alice for 8h", "ssh");
    assert_answer(&s, 201);
    assert_string_equal(services_text(&s, "ssh.namespace"), "discharge@keyhole");
    assert_true(bytes_starts(bytes_str(services_text(&s, "ssh.answer_url")),
                             BYTES(SERVICES_URL "/.well-known/macfly/3p/ssh/")));
    assert_int_equal(json_object_size(json_object_get(s.json, "ssh")), 7);
    services_ask(&s, "user = alice for 8h", "browser");
    assert_answer(&s, 201);
    assert_int_equal(json_object_size(json_object_get(s.json, "user_interactive")), 4);
    services_close(&s);
}

// As Fly's clients send it: other members, padded base64, no way that is preferred.
static void
clients_of_others_are_understood(void **state)
{
    struct services s;
    struct ticket ticket = services_plain_ticket("user = alice for 8h");
    BUFFER_AUTO sealed, text;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    buffer_init(&sealed, 2048);
    buffer_init(&text, 2048);
    assert_ok(ticket_seal(&ticket, s.self.public_key, &sealed, fault));
    base64_encode(BASE64_STANDARD, buffer_bytes(&sealed), &text);
    services_post(&s, "/.well-known/macfly/3p",
                  json_pack("{s:s, s:{s:s}, s:i}", "ticket", buffer_text(&text), "other", "a", "b",
                            "more", 1));
    assert_answer(&s, 201);
    assert_true(bytes_starts(bytes_str(services_text(&s, "user_interactive.user_url")),
                             BYTES(SERVICES_URL "/approve/")));
    assert_true(bytes_starts(bytes_str(services_text(&s, "user_interactive.poll_url")),
                             BYTES(SERVICES_URL "/poll/")));
    services_close(&s);
}

static void
one_client_cannot_ask_without_end(void **state)
{
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    for (int i = 0; i < SERVICE_QUESTIONS_PER_CLIENT; i++) {
        services_ask(&s, FOR_ALICE, "browser");
        assert_answer(&s, 201);
    }
    services_ask(&s, FOR_ALICE, "browser");
    assert_failure(&s, 429, "too-many-requests");
    assert_int_equal(s.response.retry_after_s, SERVICE_QUESTION_LIFETIME_S);
    s.client = "192.0.2.8";
    services_ask(&s, FOR_ALICE, "browser");
    assert_answer(&s, 201);
    s.client = "192.0.2.7";
    s.now += SERVICE_QUESTION_LIFETIME_S;
    services_ask(&s, FOR_ALICE, "browser");
    assert_answer(&s, 201);
    services_close(&s);
}

static void
all_of_them_together_cannot_either(void **state)
{
    struct services s;
    char client[32];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    s.client = client;
    for (int i = 0; i < SERVICE_QUESTIONS_MAX; i++) {
        snprintf(client, sizeof client, "10.1.%d.%d", i / 256, i % 256);
        services_ask(&s, FOR_ALICE, "browser");
        assert_answer(&s, 201);
    }
    services_ask(&s, FOR_ALICE, "browser");
    assert_failure(&s, 503, "busy");
    assert_true(s.response.retry_after_s > 0);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_request_that_is_none),
        fixture_test(a_parent_that_is_none),
        fixture_test(a_ticket_that_is_not_ours),
        fixture_test(an_expired_token_is_not_vouched_for),
        fixture_test(a_way_that_cannot_fill_the_hole_is_told),
        fixture_test(a_fido2_question_has_all_that_it_takes),
        fixture_test(ways_have_their_own_answers),
        fixture_test(clients_of_others_are_understood),
        fixture_test(one_client_cannot_ask_without_end),
        fixture_test(all_of_them_together_cannot_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
