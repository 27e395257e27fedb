/* SPDX-License-Identifier: Apache-2.0 */
/* TLS behind bytes that were read already. */

#include "http_test.h"

#include "../../../broker/http/tls_prefix.h"

#include <openssl/ssl.h>

static BIO *
source(const char *text)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);
    assert_int_equal(BIO_write(bio, text, (int)strlen(text)), (int)strlen(text));
    BIO_set_mem_eof_return(bio, -1); // nothing there: come back later
    return bio;
}

static void
test_the_prefix_comes_first(void **state)
{
    char out[64] = "";
    (void)state;
    BIO *bio = tls_prefix_new(BYTES("first "), source("then"));
    assert_non_null(bio);
    assert_int_equal(BIO_pending(bio), 10);
    assert_int_equal(BIO_read(bio, out, 2), 2);
    assert_int_equal(BIO_read(bio, out + 2, 20), 4);
    assert_int_equal(BIO_read(bio, out + 6, 20), 4);
    assert_string_equal(out, "first then");
    assert_int_equal(BIO_read(bio, out, 20), -1);
    assert_true(BIO_should_retry(bio) && BIO_should_read(bio));
    assert_int_equal(BIO_read(bio, out, 0), 0);
    assert_int_equal(BIO_write(bio, "out", 3), 3);
    assert_int_equal(BIO_pending(bio), 3);
    assert_null(BIO_dup_chain(bio));
    BIO_free_all(bio);
}

static void
test_without_a_prefix(void **state)
{
    char out[8] = "";
    (void)state;
    BIO *bio = tls_prefix_new(BYTES_EMPTY, source("x"));
    assert_non_null(bio);
    assert_int_equal(BIO_read(bio, out, 8), 1);
    assert_string_equal(out, "x");
    BIO_free_all(bio);
    assert_null(tls_prefix_new(BYTES("x"), NULL));
}

/* A handshake whose first flight was taken off the wire before there was an SSL for it. */
static void
test_handshake(void **state)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL *client = SSL_new(context), *server = SSL_new(context);
    BIO *ours, *theirs;
    uint8_t hello[4096];
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_true(X509_set_pubkey(certificate, key) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL &&
                X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_use_certificate(server, certificate), 1);
    assert_int_equal(SSL_use_PrivateKey(server, key), 1);
    assert_int_equal(BIO_new_bio_pair(&ours, 65536, &theirs, 65536), 1);
    SSL_set_bio(client, theirs, theirs);
    assert_int_equal(SSL_connect(client), -1);
    int n = BIO_read(ours, hello, sizeof hello);
    assert_true(n > 100);
    BIO *bio = tls_prefix_new(bytes_of(hello, (size_t)n), ours);
    assert_non_null(bio);
    SSL_set_bio(server, bio, bio);
    SSL_set_accept_state(server);
    for (int i = 0; i < 10 && !(SSL_is_init_finished(client) && SSL_is_init_finished(server));
         i++) {
        (void)SSL_do_handshake(server);
        (void)SSL_do_handshake(client);
    }
    assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
    char out[8] = "";
    assert_int_equal(SSL_write(client, "hello", 5), 5);
    assert_int_equal(SSL_read(server, out, 8), 5);
    assert_string_equal(out, "hello");
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(context);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_prefix_comes_first),
        cmocka_unit_test(test_without_a_prefix),
        cmocka_unit_test(test_handshake),
    };
    return cmocka_run_group_tests_name("http/tls_prefix", tests, NULL, NULL);
}
