/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions: honest ones are taken, and each that lies in one place is refused for just that. */
#include "forge.h"

struct attempt {
    struct forge forge; // its client data, rpId, flags, counter, extensions
    struct webauthn_expectation expected;
    struct webauthn_credential credential;
    EVP_PKEY *signer, *own;
    struct bytes behind, sign_before; // after the data; before what is signed
    bool bad_signature;
    size_t signature_n; // cut to that; 0: whole
};

static void
enrol(struct attempt *a, EVP_PKEY *key, int algorithm)
{
    struct buffer cose;
    buffer_init(&cose, WEBAUTHN_PUBLIC_KEY_MAX);
    forge_cose(&cose, key, algorithm);
    memcpy(a->credential.public_key, cose.p, cose.n);
    a->credential.public_key_n = cose.n;
    a->credential.algorithm = algorithm;
    a->signer = key;
    buffer_free(&cose);
}

static void
attempt_init(struct attempt *a)
{
    *a = (struct attempt){.forge = forge_honest(), .expected = forge_expects()};
    a->forge.type = "webauthn.get";
    a->forge.flags = 0x05;
    a->forge.counter = 8;
    a->credential.counter = 7;
    enrol(a, forge_pki.credential_key, ES256);
}

static enum failure
attempt_make(struct attempt *a, struct webauthn_assertion *out, struct webauthn_verdict *verdict)
{
    struct buffer client_data, data, text, signature;
    uint8_t hash[32];
    buffer_init(&client_data, 70000);
    buffer_init(&data, 140000);
    buffer_init(&text, 140000);
    buffer_init(&signature, 4096);
    forge_client_data(&a->forge, &client_data);
    forge_hash(buffer_bytes(&client_data), hash);
    forge_data_head(&a->forge, &data);
    buffer_put(&data, a->forge.extensions);
    buffer_put(&data, a->behind);
    buffer_put(&text, a->sign_before);
    buffer_put(&text, buffer_bytes(&data));
    buffer_put(&text, bytes_of(hash, 32));
    forge_sign(a->signer, buffer_bytes(&text), &signature);
    if (a->bad_signature)
        signature.p[signature.n - 1] ^= 1;
    if (a->signature_n > 0)
        signature.n = a->signature_n;
    enum failure failure =
        webauthn_assert(&a->expected, &a->credential, buffer_bytes(&client_data),
                        buffer_bytes(&data), buffer_bytes(&signature), out, verdict);
    buffer_free(&client_data);
    buffer_free(&data);
    buffer_free(&text);
    buffer_free(&signature);
    EVP_PKEY_free(a->own);
    return failure;
}

/* ---- lies ---- */

#define LIE(name, ...)                                                                             \
    static void lie_##name(struct attempt *a)                                                      \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }

LIE(json, a->forge.client_json = "{")
LIE(twice, a->forge.members = ",\"type\":\"webauthn.get\"")
LIE(type, a->forge.type = "webauthn.create")
LIE(challenge, a->forge.challenge = BYTES("another"))
LIE(origin, a->forge.origin = "https://example.org")
LIE(cross_origin, a->forge.members = ",\"crossOrigin\":true")
LIE(top_origin, a->forge.members = ",\"topOrigin\":\"https://example.com\"")
LIE(behind, a->behind = BYTES("x"))
LIE(credential_in_it, a->forge.flags = 0x45)
LIE(extensions_missing, a->forge.flags = 0x85)
LIE(rp_id, a->forge.rp_id = "example.org")
LIE(presence, a->forge.flags = 0x04)
LIE(presence_none, a->forge.flags = 0x00)
LIE(verification, a->forge.flags = 0x01; a->expected.verification = true)
LIE(verification_u2f, a->credential.u2f = true; a->expected.verification = true)
LIE(reserved, a->forge.flags = 0x25)
LIE(backed_up, a->forge.flags = 0x15)
LIE(signature, a->bad_signature = true)
LIE(signature_short, a->signature_n = 8)
LIE(signer, a->signer = forge_pki.other_key)
LIE(signed_something_else, a->sign_before = BYTES("x"))
LIE(counter_same, a->forge.counter = 7)
LIE(counter_back, a->forge.counter = 1)
LIE(counter_zero, a->forge.counter = 0)
LIE(counter_far_back, a->credential.counter = UINT32_MAX)
LIE(both_bad, a->bad_signature = true; a->forge.counter = 1)
LIE(no_key, a->credential.public_key_n = 0)
LIE(long_key, a->credential.public_key_n = WEBAUTHN_PUBLIC_KEY_MAX + 1)
LIE(other_algorithm, a->credential.algorithm = EDDSA)
LIE(expects_nothing, a->expected.challenge = BYTES_EMPTY)

static const struct {
    const char *what;
    void (*lie)(struct attempt *a);
    enum failure failure;
} lies[] = {
// clang-format off
#define ROW(name, failure) {#name, lie_##name, FAILURE_##failure}
    // clang-format on
    ROW(json, CLIENT_DATA_MALFORMED),
    ROW(twice, CLIENT_DATA_MALFORMED),
    ROW(type, CLIENT_DATA_TYPE),
    ROW(challenge, CLIENT_DATA_CHALLENGE),
    ROW(origin, CLIENT_DATA_ORIGIN),
    ROW(cross_origin, CLIENT_DATA_CROSS_ORIGIN),
    ROW(top_origin, CLIENT_DATA_CROSS_ORIGIN),
    ROW(behind, AUTHENTICATOR_DATA_MALFORMED),
    ROW(credential_in_it, AUTHENTICATOR_DATA_MALFORMED),
    ROW(extensions_missing, AUTHENTICATOR_DATA_MALFORMED),
    ROW(rp_id, RP_ID_MISMATCH),
    ROW(presence, PRESENCE_MISSING),
    ROW(presence_none, PRESENCE_MISSING),
    ROW(verification, VERIFICATION_MISSING),
    ROW(verification_u2f, VERIFICATION_MISSING),
    ROW(reserved, FLAGS_INVALID),
    ROW(backed_up, FLAGS_INVALID),
    ROW(no_key, ALGORITHM_FORBIDDEN),
    ROW(long_key, ALGORITHM_FORBIDDEN),
    ROW(other_algorithm, ALGORITHM_FORBIDDEN),
    ROW(signature, SIGNATURE_INVALID),
    ROW(signature_short, SIGNATURE_INVALID),
    ROW(signer, SIGNATURE_INVALID),
    ROW(signed_something_else, SIGNATURE_INVALID),
    ROW(both_bad, SIGNATURE_INVALID), // a stranger must not block anybody's key
    ROW(counter_same, AUTHENTICATOR_CLONED),
    ROW(counter_back, AUTHENTICATOR_CLONED),
    ROW(counter_zero, AUTHENTICATOR_CLONED),
    ROW(counter_far_back, AUTHENTICATOR_CLONED),
    ROW(expects_nothing, INTERNAL),
};

// threat 15
static void
test_each_lie_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct attempt a;
        struct webauthn_assertion out = {.counter = 12345};
        struct webauthn_verdict verdict;
        attempt_init(&a);
        lies[i].lie(&a);
        enum failure failure = attempt_make(&a, &out, &verdict);
        expect_failure(lies[i].what, &verdict, failure, lies[i].failure);
        assert_int_equal(out.cloned, failure == FAILURE_AUTHENTICATOR_CLONED);
        if (!out.cloned)
            assert_int_equal(out.counter, 12345);
        assert_true(verdict.detail[0] != '\0');
    }
}

static void
test_no_check_is_without_a_lie(void **state)
{
    (void)state;
    struct attempt a;
    struct webauthn_assertion out;
    struct webauthn_verdict verdict;
    attempt_init(&a);
    enum failure failure = attempt_make(&a, &out, &verdict);
    expect_failure("honest", &verdict, failure, FAILURE_NONE);
    for (size_t i = 0; i < verdict.step_count; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(lies); k++)
            found = found || lies[k].failure == verdict.step[i].check;
        if (!found)
            FAIL_WITH("no lie for %s", failure_code(verdict.step[i].check));
        if (i > 0)
            assert_true(verdict.step[i].check > verdict.step[i - 1].check);
    }
    assert_int_equal(verdict.step_count, 13);
}

/* ---- what is taken ---- */

static void
with_key(struct attempt *a, int algorithm)
{
    a->own = forge_key(algorithm);
    enrol(a, a->own, algorithm);
}

LIE(nothing, (void)a)
LIE(eddsa, with_key(a, EDDSA))
LIE(rs256, with_key(a, RS256))
LIE(not_verified, a->forge.flags = 0x01)
LIE(demanded, a->expected.verification = true)
LIE(never_counts, a->credential.counter = 0; a->forge.counter = 0)
LIE(begins_to_count, a->credential.counter = 0; a->forge.counter = 1)
LIE(counts_far, a->forge.counter = UINT32_MAX)
LIE(u2f, a->credential.u2f = true; a->forge.flags = 0x05)
LIE(secret, a->forge.flags = 0x85; a->forge.extensions = BYTES("\xa1\x6b"
                                                               "hmac-secret\x42\x01\x02"))
LIE(blob, a->forge.flags = 0x85; a->forge.extensions = BYTES("\xa1\x68"
                                                             "credBlob\x41\x00"))
LIE(other_extension, a->forge.flags = 0x85; a->forge.extensions = BYTES("\xa1\x63"
                                                                        "uvm\x81\x01"))
LIE(members, a->forge.members = ",\"crossOrigin\":false,\"extra\":[1,{\"a\":null}]")

static void
test_honest_ones(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*make)(struct attempt *a);
        bool verified;
        uint32_t counter;
    } honest[] = {
        {"ES256", lie_nothing, true, 8},
        {"EdDSA", lie_eddsa, true, 8},
        {"RS256", lie_rs256, true, 8},
        {"not verified", lie_not_verified, false, 8},
        {"verification demanded", lie_demanded, true, 8},
        {"never counts", lie_never_counts, true, 0},
        {"begins to count", lie_begins_to_count, true, 1},
        {"counts far", lie_counts_far, true, UINT32_MAX},
        {"u2f verifies nobody", lie_u2f, false, 8},
        {"hmac-secret", lie_secret, true, 8},
        {"credBlob", lie_blob, true, 8},
        {"another extension", lie_other_extension, true, 8},
        {"more members", lie_members, true, 8},
    };
    for (size_t i = 0; i < COUNT_OF(honest); i++) {
        struct attempt a;
        struct webauthn_assertion out = {.cloned = true};
        struct webauthn_verdict verdict;
        attempt_init(&a);
        honest[i].make(&a);
        enum failure failure = attempt_make(&a, &out, &verdict);
        expect_failure(honest[i].what, &verdict, failure, FAILURE_NONE);
        if (out.verified != honest[i].verified || out.counter != honest[i].counter || out.cloned)
            FAIL_WITH("%s: verified %d counter %u cloned %d", honest[i].what, out.verified,
                      (unsigned)out.counter, out.cloned);
    }
}

static void
test_what_is_too_large(void **state)
{
    (void)state;
    struct attempt a;
    struct webauthn_assertion out;
    struct webauthn_verdict verdict;
    uint8_t *big = test_calloc(1, 70000);
    attempt_init(&a);
    a.behind = bytes_of(big, 70000);
    enum failure failure = attempt_make(&a, &out, &verdict);
    expect_failure("data", &verdict, failure, FAILURE_AUTHENTICATOR_DATA_MALFORMED);
    attempt_init(&a);
    struct buffer client_data, data;
    buffer_init(&client_data, 4096);
    buffer_init(&data, 4096);
    forge_client_data(&a.forge, &client_data);
    forge_data_head(&a.forge, &data);
    for (size_t n = 0; n <= 1025; n += 1025) {
        failure = webauthn_assert(&a.expected, &a.credential, buffer_bytes(&client_data),
                                  buffer_bytes(&data), bytes_of(big, n), &out, &verdict);
        expect_failure("signature", &verdict, failure, FAILURE_SIGNATURE_INVALID);
    }
    buffer_free(&client_data);
    buffer_free(&data);
    test_free(big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_lie_is_found),
        cmocka_unit_test(test_no_check_is_without_a_lie),
        cmocka_unit_test(test_honest_ones),
        cmocka_unit_test(test_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
