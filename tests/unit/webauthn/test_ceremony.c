/* SPDX-License-Identifier: Apache-2.0 */
/* Steps in their order until one fails, and nothing at all without something to compare with. */
#include "webauthn_test.h"

#include "../../../broker/webauthn/ceremony.h"

static char order[8];

static bool
step_a(struct ceremony *c)
{
    strcat(order, "a");
    return verdict_found(c->verdict, "a");
}

static bool
step_b(struct ceremony *c)
{
    strcat(order, "b");
    return verdict_refuses(c->verdict, "b");
}

static const struct ceremony_step steps[] = {
    {FAILURE_CLIENT_DATA_TYPE, step_a},
    {FAILURE_RP_ID_MISMATCH, step_b},
    {FAILURE_FLAGS_INVALID, step_a},
};

static const struct webauthn_expectation expected = {
    .rp_id = BYTES("a.test"), .origin = BYTES("https://a.test"), .challenge = BYTES("x")};

static void
test_expectations(void **state)
{
    (void)state;
    static char long_text[1025];
    static const struct {
        const char *what;
        struct bytes rp_id, origin, challenge;
        bool good;
    } rows[] = {
        {"whole", BYTES("a.test"), BYTES("https://a.test"), BYTES("x"), true},
        {"no rpId", {0}, BYTES("https://a.test"), BYTES("x"), false},
        {"no origin", BYTES("a.test"), {0}, BYTES("x"), false},
        {"no challenge", BYTES("a.test"), BYTES("https://a.test"), {0}, false},
        {"rpId with NUL", BYTES("a.test\0"), BYTES("https://a.test"), BYTES("x"), false},
        {"rpId of 254", {(uint8_t *)long_text, 254}, BYTES("o"), BYTES("x"), false},
        {"rpId of 253", {(uint8_t *)long_text, 253}, BYTES("o"), BYTES("x"), true},
        {"origin of 513", BYTES("a.test"), {(uint8_t *)long_text, 513}, BYTES("x"), false},
        {"challenge of 1025", BYTES("a.test"), BYTES("o"), {(uint8_t *)long_text, 1025}, false},
    };
    memset(long_text, 'x', sizeof(long_text));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct webauthn_verdict verdict;
        const struct webauthn_expectation e = {
            .rp_id = rows[i].rp_id, .origin = rows[i].origin, .challenge = rows[i].challenge};
        struct ceremony c = {.expectation = &e, .verdict = &verdict};
        if (ceremony_begin(&c) != rows[i].good)
            FAIL_WITH("%s", rows[i].what);
        assert_int_equal(verdict.failure, FAILURE_INTERNAL);
        assert_int_equal(verdict.detail[0] == '\0', rows[i].good);
        ceremony_end(&c);
    }
}

static void
test_the_first_that_fails_is_the_last(void **state)
{
    (void)state;
    struct webauthn_verdict verdict;
    struct ceremony c = {.expectation = &expected, .verdict = &verdict};
    assert_true(ceremony_begin(&c));
    assert_false(ceremony_make(&c, steps, COUNT_OF(steps)));
    assert_string_equal(order, "ab");
    assert_int_equal(verdict.failure, FAILURE_RP_ID_MISMATCH);
    assert_int_equal(verdict.step_count, 2);
    assert_true(verdict.step[0].passed && !verdict.step[1].passed);
    ceremony_end(&c);
}

// What libfido2 is told comes from the expectation, not from what was sent.
static void
test_the_subject_of_a_signature(void **state)
{
    (void)state;
    struct webauthn_verdict verdict;
    struct webauthn_expectation e = expected;
    e.verification = true;
    struct ceremony c = {.expectation = &e,
                         .verdict = &verdict,
                         .client_text = BYTES("abc"),
                         .data_text = BYTES("data")};
    static const uint8_t abc[4] = {0xba, 0x78, 0x16, 0xbf};
    uint8_t hash[32];
    assert_true(ceremony_begin(&c));
    assert_true(ceremony_hash(&c, hash));
    assert_memory_equal(hash, abc, 4);
    struct signature_subject subject = ceremony_subject(&c, hash);
    assert_string_equal(subject.rp_id, "a.test");
    assert_true(subject.verification);
    assert_ptr_equal(subject.client_data_sha256, hash);
    assert_true(bytes_is(subject.data_text, "data"));
    ceremony_end(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_the_first_that_fails_is_the_last),
        cmocka_unit_test(test_the_subject_of_a_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
