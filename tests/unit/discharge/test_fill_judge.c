/* SPDX-License-Identifier: Apache-2.0 */
/* What is written into a discharge, and who never gets one. */
#include "../../../broker/discharge/fill.h"
#include "../../../caveats/caveat.h"
#include "services.h"

static void
a_decoy_vouches_for_nothing_however_good_it_looks(void **state)
{
    struct services s;
    struct question *question = question_new(CHALLENGE_DISCHARGE, QUESTION_FIDO2);
    const struct service_request request = {.now = STORES_NOW};
    const struct fill_authenticator decoy = {.decoy = true};
    const struct fill_proof proof = {
        .factor = HOLE_FACTOR_YUBIKEY, .presence = true, .verified = true, .counter = 1};
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    struct exchange x = {.service = s.service, .request = &request, .response = &s.response};
    assert_int_equal(fill_vouch(&x, question, &decoy, &proof), FAILURE_SIGNATURE_INVALID);
    assert_int_equal(question->discharge.n, 0);
    question_free(&question);
    services_close(&s);
}

// Whatever somebody calls their key, the caveat says just that.
static void
a_label_is_a_caveat_whatever_the_name(void **state)
{
    static const char *const names[] = {"a \"b\" \\ c", "x\", user mallory", "Schlüssel 日本",
                                        "\xe2\x80\x8b hidden", "a, or time > 1970-01-01T00:00:00Z"};
    struct services s;
    char caveats[1024];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct softauthn *key = services_key();
        char id[256];
        services_enroll(&s, "alice", names[i], key, id);
        services_ask(&s, "user = alice and factor = fido2 for 8h", "fido2");
        services_answer(&s, key, id, NULL);
        assert_answer(&s, 200);
        services_discharge(&s, caveats);
        struct caveat *caveat = NULL;
        char *label = strchr(caveats, '\n') + 1;
        *strchr(label, '\n') = '\0';
        assert_ok(caveat_parse(bytes_str(label), &caveat, fault));
        assert_int_equal(caveat->count, 1);
        assert_int_equal(caveat->predicate[0].attribute, ATTRIBUTE_LABEL);
        caveat_free(&caveat);
        softauthn_free(&key);
    }
    services_close(&s);
}

static void
a_parent_is_written_where_it_was_asked_for(void **state)
{
    struct services s;
    struct softauthn *key = services_key();
    const struct ticket ticket = services_plain_ticket("user = alice and factor = fido2 for 8h");
    char id[256], text[2048], caveats[1024];
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_enroll(&s, "alice", "desk", key, id);
    services_seal(&s, &ticket, text);
    services_post(&s, "/.well-known/macfly/3p",
                  json_pack("{s:s, s:s}", "ticket", text, "prefer", "fido2"));
    services_answer(&s, key, id, NULL);
    assert_answer(&s, 200);
    services_discharge(&s, caveats);
    assert_null(strstr(caveats, "parent"));
    softauthn_free(&key);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_decoy_vouches_for_nothing_however_good_it_looks),
        fixture_test(a_label_is_a_caveat_whatever_the_name),
        fixture_test(a_parent_is_written_where_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
