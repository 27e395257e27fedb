/* SPDX-License-Identifier: Apache-2.0 */
/* Real YubiKeys: all are taken, and judged to be what they are. */
#include "recorded.h"

static const struct {
    const char *name;
    const char *format;
    bool u2f;
    uint32_t counter, firmware;
    const char *aaguid;
} known[] = {
    {"YubiKeyNeo", "fido-u2f", true, 0, 0, "00000000-0000-0000-0000-000000000000"},
    {"YubiKey4", "fido-u2f", true, 0, 0, "00000000-0000-0000-0000-000000000000"},
    {"YubiKey5", "packed", false, 11, 0, "fa2b99dc-9e39-4257-8f92-4a30d23c4118"},
    {"YubiKey5Nfc", "packed", false, 57, 0, "fa2b99dc-9e39-4257-8f92-4a30d23c4118"},
    {"Yubikey5ciFips", "packed", false, 2, 0x050402, "85203421-48f9-4355-9bc8-8a53846e5083"},
    {"SecurityKeyNfc", "fido-u2f", true, 0, 0, "00000000-0000-0000-0000-000000000000"},
};

static const struct recorded *
find(const char *name)
{
    for (size_t i = 0; i < recorded_count; i++)
        if (strcmp(recorded[i].name, name) == 0)
            return &recorded[i];
    FAIL_WITH("there is no recording of %s", name);
    return NULL;
}

static void
test_every_yubikey_is_one(void **state)
{
    (void)state;
    if (!recorded_is_there())
        skip();
    struct webauthn_rules rules = {.trust = recorded_trust, .now = RECORDED_NOW};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        struct webauthn_credential made = {0};
        struct webauthn_verdict verdict;
        char aaguid[AAGUID_TEXT_SIZE];
        enum failure failure = recorded_register(find(known[i].name), &rules, &made, &verdict);
        expect_failure(known[i].name, &verdict, failure, FAILURE_NONE);
        webauthn_aaguid_print(made.aaguid, aaguid);
        assert_string_equal(made.format, known[i].format);
        assert_string_equal(aaguid, known[i].aaguid);
        assert_int_equal(made.u2f, known[i].u2f);
        assert_int_equal(made.counter, known[i].counter);
        assert_int_equal(made.firmware, known[i].firmware);
        assert_int_equal(made.algorithm, -7);
        assert_true(made.attested && made.yubikey && !made.verified);
    }
}

static void
test_assertions_of_real_keys(void **state)
{
    (void)state;
    if (!recorded_is_there())
        skip();
    struct webauthn_rules rules = {.trust = recorded_trust, .now = RECORDED_NOW};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        const struct recorded *r = find(known[i].name);
        const struct webauthn_expectation expected = recorded_expects(r, true);
        struct webauthn_credential made = {0};
        struct webauthn_assertion assertion = {0};
        struct webauthn_verdict verdict;
        enum failure failure = recorded_register(r, &rules, &made, &verdict);
        expect_failure(r->name, &verdict, failure, FAILURE_NONE);
        failure = webauthn_assert(&expected, &made, buffer_bytes(&r->assert_client_data),
                                  buffer_bytes(&r->authenticator_data), buffer_bytes(&r->signature),
                                  &assertion, &verdict);
        expect_failure(r->name, &verdict, failure, FAILURE_NONE);
        assert_true(assertion.counter >= made.counter && !assertion.cloned);
        // Once more is a replay: the challenge is gone by then, and the counter says so as well.
        made.counter = assertion.counter;
        failure = webauthn_assert(&expected, &made, buffer_bytes(&r->assert_client_data),
                                  buffer_bytes(&r->authenticator_data), buffer_bytes(&r->signature),
                                  &assertion, &verdict);
        expect_failure(r->name, &verdict, failure,
                       made.counter == 0 ? FAILURE_NONE : FAILURE_AUTHENTICATOR_CLONED);
    }
}

static void
test_the_platform_authenticator_is_refused(void **state)
{
    (void)state;
    if (!recorded_is_there())
        skip();
    for (int demand = ATTESTATION_REQUIRED; demand <= ATTESTATION_OPTIONAL; demand++) {
        struct webauthn_rules rules = {
            .trust = recorded_trust, .now = RECORDED_NOW, .attestation = demand};
        struct webauthn_credential made = {0};
        struct webauthn_verdict verdict;
        enum failure failure =
            recorded_register(find("AppleAttestationMacos"), &rules, &made, &verdict);
        expect_failure("Apple", &verdict, failure, FAILURE_FORMAT_FORBIDDEN);
        assert_int_equal(made.id_n, 0);
    }
}

static void
test_without_roots_nothing_is_attested(void **state)
{
    (void)state;
    if (!recorded_is_there())
        skip();
    struct webauthn_rules rules = {.now = RECORDED_NOW};
    struct webauthn_credential made = {0};
    struct webauthn_verdict verdict;
    enum failure failure = recorded_register(find("YubiKey5"), &rules, &made, &verdict);
    expect_failure("required", &verdict, failure, FAILURE_ATTESTATION_UNTRUSTED);
    rules.attestation = ATTESTATION_OPTIONAL;
    failure = recorded_register(find("YubiKey5"), &rules, &made, &verdict);
    expect_failure("optional", &verdict, failure, FAILURE_NONE);
    assert_false(made.attested || made.yubikey);
}

static void
test_the_published_roots_are_known(void **state)
{
    (void)state;
    if (!recorded_is_there())
        skip();
    size_t roots = 0;
    for (size_t i = 0; i < webauthn_trust_count(recorded_trust); i++) {
        const struct webauthn_trust_certificate *row = webauthn_trust_at(recorded_trust, i);
        assert_int_equal(row->root, row->yubico);
        roots += row->root;
    }
    assert_int_equal(roots, 3);
    assert_int_equal(webauthn_trust_count(recorded_trust), 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_yubikey_is_one),
        cmocka_unit_test(test_assertions_of_real_keys),
        cmocka_unit_test(test_the_platform_authenticator_is_refused),
        cmocka_unit_test(test_without_roots_nothing_is_attested),
        cmocka_unit_test(test_the_published_roots_are_known),
    };
    return cmocka_run_group_tests(tests, recorded_setup, recorded_teardown);
}
