/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate a connection was made with, and that its key goes with the handshake. */
#include "tls_fixture.h"

#include "../../../broker/proxy/upstream_identity.h"

static struct identity mine;
static char pem[16384]; /* certificate and key */

static int
setup(void **state)
{
    (void)state;
    identity_init(&mine, "mine");
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, mine.certificate);
    PEM_write_bio_PrivateKey(bio, mine.key, NULL, NULL, 0, NULL, NULL);
    int n = BIO_read(bio, pem, sizeof pem - 1);
    assert_true(n > 0);
    pem[n] = '\0';
    BIO_free(bio);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    identity_fini(&mine);
    return 0;
}

static struct edit
certificate(const char *text)
{
    return (struct edit){EDIT_CLIENT_CERTIFICATE, BYTES_EMPTY, bytes_str(text)};
}

static void
fini(struct exchange *x)
{
    buffer_free(&x->identity);
}

static void
test_what_is_no_identity(void **state)
{
    static char large[70000];
    memset(large, 'x', sizeof large - 1);
    const struct edit twice[] = {certificate(pem), certificate(pem)};
    const struct edit other[] = {certificate(pem), certificate("other")};
    const struct edit empty = certificate(""), too_large = certificate(large);
    (void)state;
    struct {
        const struct edit *edit;
        size_t count;
    } cases[] = {{twice, 2}, {other, 2}, {&empty, 1}, {&too_large, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exchange x = {0};
        if (upstream_identity_take(&x, cases[i].edit, cases[i].count))
            fail_msg("case %zu was taken", i);
        fini(&x);
    }
}

static void
test_other_edits_are_none(void **state)
{
    const struct edit edit = {EDIT_HEADER_SET, BYTES("X"), BYTES("y")};
    struct exchange x = {0};
    struct fault fault = {0};
    BUFFER_AUTO key;
    (void)state;
    buffer_init(&key, 64);
    assert_true(upstream_identity_take(&x, NULL, 0));
    assert_true(upstream_identity_take(&x, &edit, 1));
    assert_false(x.has_identity);
    upstream_identity_mark(&x, &key);
    assert_int_equal(key.n, 0);
    // Without one the connection is not touched at all.
    assert_int_equal(upstream_identity_use(&x, NULL, &fault), KH_OK);
    upstream_identity_forget(&x, NULL);
    fini(&x);
}

static void
mark_of(const char *text, struct buffer *out)
{
    const struct edit edit = certificate(text);
    struct exchange x = {0};
    assert_true(upstream_identity_take(&x, &edit, 1));
    upstream_identity_mark(&x, out);
    fini(&x);
}

/* A pool that is asked with the mark gives no connection that was made as somebody else. */
static void
test_marks(void **state)
{
    BUFFER_AUTO one, same, other;
    (void)state;
    buffer_init(&one, 64);
    buffer_init(&same, 64);
    buffer_init(&other, 64);
    mark_of("one", &one);
    mark_of("one", &same);
    mark_of("two", &other);
    assert_int_equal(one.n, 32);
    assert_true(bytes_equal(buffer_bytes(&one), buffer_bytes(&same)));
    assert_false(bytes_equal(buffer_bytes(&one), buffer_bytes(&other)));
}

static void
test_used_and_forgotten(void **state)
{
    const struct edit edit = certificate(pem);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    struct exchange x = {0};
    struct fault fault = {0};
    (void)state;
    assert_true(upstream_identity_take(&x, &edit, 1));
    for (int round = 0; round < 2; round++) { // and a second connection, for the same request
        SSL *ssl = SSL_new(context);
        if (upstream_identity_use(&x, ssl, &fault) != KH_OK)
            fail_msg("%s", fault.detail);
        assert_int_equal(X509_cmp(SSL_get_certificate(ssl), mine.certificate), 0);
        assert_int_equal(EVP_PKEY_eq(SSL_get_privatekey(ssl), mine.key), 1);
        upstream_identity_forget(&x, ssl);
        assert_null(SSL_get_certificate(ssl));
        assert_null(SSL_get_privatekey(ssl));
        SSL_free(ssl);
    }
    fini(&x);
    SSL_CTX_free(context);
}

/* Such a decision is the authority's fault, and no reason to go on without a certificate. */
static void
test_what_openssl_refuses(void **state)
{
    struct identity other;
    char mixed[sizeof pem];
    (void)state;
    identity_init(&other, "other"); // whose certificate has another key
    snprintf(mixed, sizeof mixed, "%s%s", other.pem, strstr(pem, "-----BEGIN PRIVATE KEY"));
    const char *const texts[] = {"no PEM", mine.pem, strstr(pem, "-----BEGIN PRIVATE KEY"), mixed};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct edit edit = certificate(texts[i]);
        struct exchange x = {0};
        struct fault fault = {0};
        SSL *ssl = SSL_new(context);
        assert_true(upstream_identity_take(&x, &edit, 1));
        if (upstream_identity_use(&x, ssl, &fault) == KH_OK)
            fail_msg("it was used: %s", texts[i]);
        assert_true(fault.detail[0] != '\0');
        SSL_free(ssl);
        fini(&x);
    }
    SSL_CTX_free(context);
    identity_fini(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_identity),
        cmocka_unit_test(test_other_edits_are_none),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_used_and_forgotten),
        cmocka_unit_test(test_what_openssl_refuses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
