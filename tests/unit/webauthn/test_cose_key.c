/* SPDX-License-Identifier: Apache-2.0 */
/* COSE keys: three algorithms, exactly their parameters, and nothing that is no key. */
#include "forge.h"

#include "../../../broker/webauthn/cose_key.h"

static struct buffer made; // a good key

static void
make(int algorithm)
{
    EVP_PKEY *key = forge_key(algorithm);
    buffer_free(&made);
    buffer_init(&made, 2048);
    forge_cose(&made, key, algorithm);
    EVP_PKEY_free(key);
}

static void
test_good_ones(void **state)
{
    (void)state;
    static const struct {
        int algorithm;
        size_t raw_n;
    } good[] = {{ES256, 64}, {EDDSA, 32}, {RS256, 259}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct cose_key key;
        char why[WHY_MAX];
        make(good[i].algorithm);
        if (!cose_key_read(buffer_bytes(&made), &key, why))
            FAIL_WITH("%d: %s", good[i].algorithm, why);
        assert_int_equal(key.algorithm, good[i].algorithm);
        assert_int_equal(key.raw_n, good[i].raw_n);
        // The raw key is what stands at the end of an elliptic one.
        if (good[i].algorithm == EDDSA)
            assert_memory_equal(key.raw, made.p + made.n - 32, 32);
        if (good[i].algorithm == ES256)
            assert_memory_equal(key.raw + 32, made.p + made.n - 32, 32);
        buffer_put_byte(&made, 0);
        assert_false(cose_key_read(buffer_bytes(&made), &key, why));
    }
    buffer_free(&made);
}

static void
expect_refused(const char *what, struct bytes text, const char *says)
{
    struct cose_key key = {.algorithm = 99};
    char why[WHY_MAX] = "";
    if (cose_key_read(text, &key, why))
        FAIL_WITH("%s: was taken", what);
    if (strstr(why, says) == NULL)
        FAIL_WITH("%s: expected \"%s\" in: %s", what, says, why);
    assert_int_equal(key.algorithm, 99);
}

static void
test_other_algorithms(void **state)
{
    (void)state;
    make(ES384);
    expect_refused("ES384", buffer_bytes(&made), "algorithm -35");
    buffer_free(&made);
    expect_refused("nothing", BYTES_EMPTY, "no algorithm");
    expect_refused("a list", BYTES("\x80"), "no algorithm");
    expect_refused("no algorithm", BYTES("\xa1\x01\x02"), "no algorithm");
    expect_refused("algorithm as text",
                   BYTES("\xa1\x03\x65"
                         "ES256"),
                   "no algorithm");
    expect_refused("ES256 and no more", BYTES("\xa1\x03\x26"), "not of its form");
    expect_refused("RS1", BYTES("\xa2\x01\x03\x03\x39\xff\xfe"), "algorithm -65535");
    expect_refused("a huge one", BYTES("\xa1\x03\x1b\x7f\xff\xff\xff\xff\xff\xff\xff"),
                   "algorithm 9223372036854775807");
}

// The offset of what is changed, from the beginning of the ES256 key.
static void
test_changed_ones(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        const char *says;
    } changes[] = {
        {"one member less", 0, 0xa4, "no algorithm"}, // and so something behind it
        {"key type OKP", 2, 1, "form"},
        {"algorithm EdDSA", 4, 0x27, "form"},
        {"curve P-384", 6, 2, "form"},
        {"a parameter of another name", 5, 0x23, "form"},
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        make(ES256);
        made.p[changes[i].at] = changes[i].value;
        expect_refused(changes[i].what, buffer_bytes(&made), changes[i].says);
    }
    buffer_free(&made);
}

static void
test_points_that_are_none(void **state)
{
    (void)state;
    make(ES256);
    made.p[made.n - 1] ^= 1;
    expect_refused("not on P-256", buffer_bytes(&made), "no key");
    memset(made.p + made.n - 32, 0, 32);
    memset(made.p + made.n - 67, 0, 32);
    expect_refused("the point zero", buffer_bytes(&made), "no key");
    // Of small order: everybody could sign for them.
    make(EDDSA);
    memset(made.p + made.n - 32, 0, 32);
    expect_refused("order 4", buffer_bytes(&made), "no key");
    made.p[made.n - 32] = 1;
    expect_refused("order 1", buffer_bytes(&made), "no key");
    memset(made.p + made.n - 32, 0xff, 32);
    expect_refused("not reduced", buffer_bytes(&made), "no key");
    buffer_free(&made);
}

static void
test_rsa(void **state)
{
    (void)state;
    // … modulus (256), label -2, exponent 43 01 00 01
    make(RS256);
    made.p[made.n - 1] = 3;
    expect_refused("another exponent", buffer_bytes(&made), "no key");
    make(RS256);
    made.p[made.n - 6] &= 0xfe;
    expect_refused("an even modulus", buffer_bytes(&made), "no key");
    make(RS256);
    made.p[made.n - 5 - 256] = 0;
    expect_refused("a modulus of 2040 bits", buffer_bytes(&made), "no key");
    EVP_PKEY *large = rsa_key_public(3072);
    buffer_clear(&made);
    forge_cose(&made, large, RS256);
    expect_refused("3072 bits", buffer_bytes(&made), "2048 bits");
    EVP_PKEY_free(large);
    buffer_free(&made);
}

static void
test_an_extra_member(void **state)
{
    (void)state;
    make(ES256);
    made.p[0] = 0xa6;
    buffer_put(&made, BYTES("\x23\x00"));
    expect_refused("one more", buffer_bytes(&made), "form");
    buffer_free(&made);
}

static void
test_which_key_signs_what(void **state)
{
    (void)state;
    static const int algorithms[] = {ES256, ES384, EDDSA, RS256};
    char why[WHY_MAX];
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        EVP_PKEY *key = forge_key(algorithms[i]);
        for (size_t k = 0; k < COUNT_OF(algorithms); k++)
            assert_int_equal(cose_algorithm_fits(algorithms[k], key, why),
                             i == k && algorithms[k] != ES384);
        assert_false(cose_algorithm_fits(RS1, key, why));
        assert_false(cose_algorithm_fits(0, key, why));
        EVP_PKEY_free(key);
    }
    EVP_PKEY *small = rsa_key_read(RSA_1024);
    assert_false(cose_algorithm_fits(RS256, small, why));
    EVP_PKEY_free(small);
    assert_string_equal(cose_algorithm_name(ES256), "ES256");
    assert_null(cose_algorithm_name(ES384));
    assert_null(cose_algorithm_name(RS1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_other_algorithms),
        cmocka_unit_test(test_changed_ones),
        cmocka_unit_test(test_points_that_are_none),
        cmocka_unit_test(test_rsa),
        cmocka_unit_test(test_an_extra_member),
        cmocka_unit_test(test_which_key_signs_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
