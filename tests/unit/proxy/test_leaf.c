/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of leaf certificates. */
#include "unit.h"

#include "../../../broker/proxy/leaf.h"

#include <openssl/evp.h>

static struct buffer der;
static struct leaf_cache *cache;

static int
setup(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    unsigned char *p = NULL;
    (void)state;
    X509_set_pubkey(certificate, key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    int n = i2d_X509(certificate, &p);
    buffer_init(&der, 65536);
    buffer_put(&der, bytes_of(p, (size_t)n));
    OPENSSL_free(p);
    X509_free(certificate);
    EVP_PKEY_free(key);
    assert_int_equal(leaf_cache_new(&cache), KH_OK);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    leaf_cache_free(&cache);
    leaf_cache_free(&cache);
    buffer_free(&der);
    return 0;
}

static void
test_what_is_no_certificate(void **state)
{
    (void)state;
    struct bytes good = buffer_bytes(&der);
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    assert_int_not_equal(leaf_put(cache, BYTES("a"), BYTES_EMPTY, 10000), KH_OK);
    assert_int_not_equal(leaf_put(cache, BYTES("a"), BYTES("nonsense"), 10000), KH_OK);
    assert_int_not_equal(leaf_put(cache, BYTES("a"), bytes_slice(good, 0, good.n - 1), 1), KH_OK);
    assert_int_not_equal(leaf_put(cache, BYTES_EMPTY, good, 10000), KH_OK);
    assert_int_not_equal(leaf_put(cache, bytes_of(long_name, 256), good, 10000), KH_OK);
    buffer_put_byte(&der, 0); // something left over
    assert_int_not_equal(leaf_put(cache, BYTES("a"), buffer_bytes(&der), 10000), KH_OK);
    assert_int_equal(leaf_count(cache), 0);
}

static void
test_until_it_ends(void **state)
{
    (void)state;
    assert_int_equal(leaf_put(cache, BYTES("a.test"), buffer_bytes(&der), 10000), KH_OK);
    assert_non_null(leaf_get(cache, BYTES("a.test"), 0));
    assert_null(leaf_get(cache, BYTES("b.test"), 0));
    assert_null(leaf_get(cache, BYTES("a.tes"), 0));
    assert_non_null(leaf_get(cache, BYTES("a.test"), 10000 - LEAF_MARGIN_S));
    assert_null(leaf_get(cache, BYTES("a.test"), 10001 - LEAF_MARGIN_S));
    assert_int_equal(leaf_count(cache), 0);
}

static void
test_bounded_and_the_unused_goes_first(void **state)
{
    (void)state;
    for (int i = 0; i < LEAF_CACHE_MAX + 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.test", i);
        assert_int_equal(leaf_put(cache, bytes_str(name), buffer_bytes(&der), 10000), KH_OK);
        assert_non_null(leaf_get(cache, BYTES("0.test"), 0));
    }
    assert_int_equal(leaf_count(cache), LEAF_CACHE_MAX);
    assert_null(leaf_get(cache, BYTES("1.test"), 0));
    assert_int_equal(leaf_put(cache, BYTES("0.test"), buffer_bytes(&der), 20000), KH_OK);
    assert_int_equal(leaf_count(cache), LEAF_CACHE_MAX); // replaced, not added
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_no_certificate),
        TEST(test_until_it_ends),
        TEST(test_bounded_and_the_unused_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
