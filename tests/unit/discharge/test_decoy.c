/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that nobody has. */
#include "../../../broker/discharge/decoy.h"
#include "services.h"

static void
they_are_the_same_for_one_user_and_one_key(void **state)
{
    static const uint8_t key[32] = {1}, other_key[32] = {2};
    struct decoys decoys = {0}, again = {0}, other = {0};
    uint8_t a[DECOY_CREDENTIAL_SIZE], b[DECOY_CREDENTIAL_SIZE];
    uint8_t u[DECOY_USER_ID_SIZE], v[DECOY_USER_ID_SIZE];
    char f[SSH_FINGERPRINT_SIZE], g[SSH_FINGERPRINT_SIZE];
    (void)state;
    assert_ok(decoys_init(&decoys, key, sizeof key, fault));
    assert_ok(decoys_init(&again, key, sizeof key, fault));
    assert_ok(decoys_init(&other, other_key, sizeof other_key, fault));
    assert_true(decoy_credential(&decoys, BYTES("mallory"), a));
    assert_true(decoy_credential(&again, BYTES("mallory"), b));
    assert_memory_equal(a, b, sizeof a);
    assert_true(decoy_credential(&other, BYTES("mallory"), b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(decoy_credential(&decoys, BYTES("trent"), b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(decoy_fingerprint(&decoys, BYTES("mallory"), f));
    assert_true(decoy_fingerprint(&again, BYTES("mallory"), g));
    assert_string_equal(f, g);
    assert_true(decoy_user_id(&decoys, BYTES("alice"), u));
    assert_true(decoy_user_id(&other, BYTES("alice"), v));
    assert_memory_not_equal(u, v, sizeof u);
    // Nothing of one kind is a piece of another.
    assert_memory_not_equal(a, u, sizeof u);
}

static void
they_look_like_real_ones(void **state)
{
    static const uint8_t key[32] = {1};
    struct decoys decoys = {0};
    char real[SSH_FINGERPRINT_SIZE], decoy[SSH_FINGERPRINT_SIZE];
    (void)state;
    assert_ok(decoys_init(&decoys, key, sizeof key, fault));
    assert_true(decoy_fingerprint(&decoys, BYTES("mallory"), decoy));
    assert_true(ssh_fingerprint(BYTES("a blob"), real));
    assert_int_equal(strlen(decoy), strlen(real));
    assert_memory_equal(decoy, real, strlen("SHA256:"));
    assert_int_equal(decoys.public_key_n, 77); // COSE of ES256
    assert_int_equal(decoys.public_key[0], 0xa5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_the_same_for_one_user_and_one_key),
        cmocka_unit_test(they_look_like_real_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
