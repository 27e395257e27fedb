/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_test.h"

static struct identity root, leaf;
static struct buffer leaf_pem, key_pem, root_pem;

static void
key_to_pem(EVP_PKEY *key, const char *password, struct buffer *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_256_cbc() : NULL,
                                                   password, password ? (int)strlen(password) : 0,
                                                   NULL, NULL),
                     1);
    long n = BIO_get_mem_data(bio, &p);
    buffer_put(out, bytes_of(p, (size_t)n));
    BIO_free(bio);
}

static int
setup(void **state)
{
    (void)state;
    buffer_init(&leaf_pem, 1 << 16);
    buffer_init(&key_pem, 1 << 16);
    buffer_init(&root_pem, 1 << 16);
    root = identity_new(NULL, &(struct certificate_wish){.is_ca = true, .common_name = "root"});
    leaf = identity_new(&root, &(struct certificate_wish){.alternative_names = "DNS:localhost"});
    identity_pem(&leaf, &leaf_pem);
    identity_pem(&root, &root_pem);
    key_to_pem(leaf.key, NULL, &key_pem);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buffer_free(&leaf_pem);
    buffer_free(&key_pem);
    buffer_free(&root_pem);
    identity_free(&leaf);
    identity_free(&root);
    return 0;
}

static void
refused(struct bytes certificate, struct bytes key)
{
    struct fault fault = {0};
    SSL_CTX *context = NULL;

    assert_int_equal(tls_server_context(&context, &fault), KH_OK);
    assert_int_equal(tls_use_certificate(context, certificate, key, &fault), KH_ERR_CONFIG);
    assert_non_null(strstr(fault.detail, "do not fit"));
    SSL_CTX_free(context);
}

static void
what_does_not_fit_is_refused(void **state)
{
    struct bytes certificate = buffer_bytes(&leaf_pem), key = buffer_bytes(&key_pem);
    BUFFER_AUTO encrypted;

    (void)state;
    buffer_init(&encrypted, 1 << 16);
    key_to_pem(leaf.key, "secret", &encrypted);
    refused(BYTES_EMPTY, BYTES_EMPTY);
    refused(certificate, BYTES_EMPTY);
    refused(BYTES_EMPTY, key);
    refused(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), key);
    refused(key, certificate);
    refused(buffer_bytes(&root_pem), key); // of another key
    refused(certificate, buffer_bytes(&encrypted));
}

static void
the_chain_goes_with_it(void **state)
{
    struct fault fault = {0};
    SSL_CTX *server = NULL;
    struct pair pair;
    BUFFER_AUTO both;

    (void)state;
    buffer_init(&both, 1 << 16);
    buffer_put(&both, buffer_bytes(&leaf_pem));
    buffer_put(&both, buffer_bytes(&root_pem));
    assert_int_equal(tls_server_context(&server, &fault), KH_OK);
    assert_int_equal(
        tls_use_certificate(server, buffer_bytes(&both), buffer_bytes(&key_pem), &fault), KH_OK);
    SSL_CTX *client = client_context(&root);
    pair_open(&pair, client, server, "localhost", NULL);
    pair_handshake(&pair);
    assert_result(pair.client_result, STREAM_OK);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair.client.ssl)), 2);
    assert_sent(&pair.server, &pair.client, "hello");
    pair_close(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

static enum kh_err
identify(struct bytes first, struct bytes second, struct bytes third)
{
    struct fault fault = {0};
    SSL_CTX *context = NULL;
    BUFFER_AUTO pem;

    buffer_init(&pem, 1 << 17);
    buffer_put(&pem, first);
    buffer_put(&pem, second);
    buffer_put(&pem, third);
    assert_int_equal(tls_client_context(BYTES_EMPTY, &context, &fault), KH_OK);
    SSL *ssl = SSL_new(context);
    enum kh_err err = tls_use_identity(ssl, buffer_bytes(&pem), &fault);
    if (err == KH_OK) {
        STACK_OF(X509) *chain = NULL;
        assert_non_null(SSL_get_certificate(ssl));
        assert_non_null(SSL_get_privatekey(ssl));
        assert_int_equal(SSL_get0_chain_certs(ssl, &chain), 1);
        assert_int_equal(chain ? sk_X509_num(chain) : 0, third.n > 0 ? 1 : 0);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return err;
}

static void
a_client_has_one_too(void **state)
{
    struct bytes certificate = buffer_bytes(&leaf_pem), key = buffer_bytes(&key_pem);
    struct bytes other = buffer_bytes(&root_pem);
    BUFFER_AUTO encrypted;

    (void)state;
    buffer_init(&encrypted, 1 << 16);
    key_to_pem(leaf.key, "secret", &encrypted);
    assert_int_equal(identify(BYTES_EMPTY, BYTES_EMPTY, BYTES_EMPTY), KH_ERR_CONFIG);
    assert_int_equal(identify(certificate, BYTES_EMPTY, BYTES_EMPTY), KH_ERR_CONFIG);
    assert_int_equal(identify(key, BYTES_EMPTY, BYTES_EMPTY), KH_ERR_CONFIG);
    assert_int_equal(identify(other, key, BYTES_EMPTY), KH_ERR_CONFIG);
    assert_int_equal(identify(certificate, buffer_bytes(&encrypted), BYTES_EMPTY), KH_ERR_CONFIG);
    assert_int_equal(identify(certificate, key, BYTES_EMPTY), KH_OK);
    assert_int_equal(identify(key, certificate, BYTES_EMPTY), KH_OK);
    assert_int_equal(identify(certificate, key, other), KH_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_client_has_one_too),
        cmocka_unit_test(the_chain_goes_with_it),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}
