/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts for upstreams: one for each CA, a bounded number of them. */
#include "tls_fixture.h"

#include "../../../broker/proxy/pool.h"
#include "../../../broker/proxy/upstream_tls.h"

static void
test_what_is_no_ca(void **state)
{
    struct upstream_tls *tls = NULL;
    struct pool_item item = {0};
    struct fault fault = {0};
    SSL *ssl = NULL;
    (void)state;
    assert_int_equal(upstream_tls_new(&tls, &fault), KH_OK);
    assert_int_not_equal(
        upstream_tls_connect(tls, BYTES("no certificate"), 0, BYTES("a.test"), &item, &ssl, &fault),
        KH_OK);
    assert_true(fault.detail[0] != '\0');
    assert_int_not_equal(
        upstream_tls_connect(tls, BYTES_EMPTY, 0, BYTES_EMPTY, &item, &ssl, &fault), KH_OK);
    assert_null(ssl);
    upstream_tls_free(&tls);
    upstream_tls_free(&tls);
}

static SSL_CTX *
context_for(struct upstream_tls *tls, const char *pem)
{
    struct pool_item item = {0};
    struct fault fault = {0};
    SSL *ssl = NULL;
    if (upstream_tls_connect(tls, bytes_str(pem), 0, BYTES("a.test"), &item, &ssl, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    SSL_CTX *context = SSL_get_SSL_CTX(ssl);
    BIO *bio = SSL_get_rbio(ssl);
    BIO_set_close(bio, BIO_NOCLOSE);
    SSL_free(ssl);
    return context;
}

static void
test_one_for_each_ca(void **state)
{
    struct identity one, two;
    struct upstream_tls *tls = NULL;
    struct fault fault;
    (void)state;
    identity_init(&one, "one");
    identity_init(&two, "two");
    assert_int_equal(upstream_tls_new(&tls, &fault), KH_OK);
    SSL_CTX *system = context_for(tls, ""), *first = context_for(tls, one.pem);
    assert_ptr_equal(context_for(tls, ""), system);
    assert_ptr_equal(context_for(tls, one.pem), first);
    assert_ptr_not_equal(first, system);
    assert_ptr_not_equal(context_for(tls, two.pem), first);
    // Many of them: the number is bounded, and the one that is in use stays.
    for (int i = 0; i < 2 * UPSTREAM_TLS_CONTEXTS_MAX; i++) {
        char pem[sizeof one.pem + 32];
        snprintf(pem, sizeof pem, "number %d\n%s", i, two.pem);
        context_for(tls, pem);
        assert_ptr_equal(context_for(tls, one.pem), first);
    }
    upstream_tls_free(&tls);
    identity_fini(&one);
    identity_fini(&two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_ca),
        cmocka_unit_test(test_one_for_each_ca),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
