/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS for the tests: certificates made on the spot, and blocking ends of connections.
 */
#ifndef KEYHOLE_TESTS_PROXY_TLS_FIXTURE_H
#define KEYHOLE_TESTS_PROXY_TLS_FIXTURE_H

#include "fixture.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[8192]; /* of the certificate */
};

static UNUSED void
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* A certificate for `host` and `public_key`, signed by `issuer` (NULL: by itself). */
static UNUSED X509 *
make_certificate(const char *host, EVP_PKEY *public_key, const struct identity *issuer,
                 EVP_PKEY *own)
{
    static long serial = 1;
    char names[300];
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->certificate : x));
    X509_set_pubkey(x, public_key);
    add_extension(x, issuer ? issuer->certificate : x, NID_basic_constraints,
                  issuer ? "CA:FALSE" : "critical,CA:TRUE");
    snprintf(names, sizeof names, "DNS:%s", host);
    add_extension(x, issuer ? issuer->certificate : x, NID_subject_alt_name, names);
    assert_true(X509_sign(x, issuer ? issuer->key : own, EVP_sha256()) > 0);
    return x;
}

static UNUSED void
identity_init(struct identity *identity, const char *host)
{
    identity->key = EVP_EC_gen("P-256");
    identity->certificate = make_certificate(host, identity->key, NULL, identity->key);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, identity->certificate);
    int n = BIO_read(bio, identity->pem, sizeof identity->pem - 1);
    assert_true(n > 0);
    identity->pem[n] = '\0';
    BIO_free(bio);
}

static UNUSED void
identity_fini(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
}

/* ---- the upstream's side ---- */

static UNUSED SSL_CTX *
upstream_context(const struct identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
    return context;
}

static UNUSED SSL *
accept_tls(SSL_CTX *context, int fd)
{
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    return ssl;
}

/* ---- the client's side ---- */

static UNUSED SSL *
connect_tls(int fd, const char *sni, const char *root_pem, const char *expect)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    BIO *bio = BIO_new_mem_buf(root_pem, -1);
    X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(context);
    if (sni)
        SSL_set_tlsext_host_name(ssl, sni);
    SSL_set1_host(ssl, expect);
    SSL_set_fd(ssl, fd);
    X509_free(root);
    BIO_free(bio);
    SSL_CTX_free(context);
    SSL_set_connect_state(ssl);
    return ssl;
}

/* ---- both ---- */

static UNUSED void
tls_send(SSL *ssl, const char *text)
{
    assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

static UNUSED const char *
tls_read_until(SSL *ssl, struct text *text, const char *end)
{
    text->n = 0;
    text->p[0] = '\0';
    while (!end || text->n < strlen(end) ||
           memcmp(text->p + text->n - strlen(end), end, strlen(end)) != 0) {
        int r = SSL_read(ssl, text->p + text->n, end ? 1 : (int)(sizeof text->p - 1 - text->n));
        if (r <= 0 && end)
            fail_msg("TLS ended after: %s", text->p);
        if (r <= 0)
            return text->p;
        text->n += (size_t)r;
        text->p[text->n] = '\0';
    }
    return text->p;
}

/* The proxy asked for a certificate: it gets one of `ca` (NULL: none). */
static UNUSED void
send_leaf(struct world *w, const struct identity *ca, const char *host, struct bytes body)
{
    struct message_leaf_ask ask;
    BUFFER_AUTO out;
    buffer_init(&out, 16384);
    assert_int_equal(message_leaf_ask_rx(body, &ask), KH_OK);
    if (!bytes_is(ask.host, host))
        fail_msg("asked for %.*s", BYTES_ARG(ask.host));
    struct message_leaf leaf = {0};
    unsigned char *der = NULL;
    if (ca) {
        const uint8_t *p = ask.public_key.p;
        EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)ask.public_key.n);
        assert_non_null(key);
        X509 *x = make_certificate(host, key, ca, NULL);
        leaf.cert = bytes_of(der, (size_t)i2d_X509(x, &der));
        leaf.cert.p = der;
        leaf.issued = true;
        leaf.expires_at = (int64_t)time(NULL) + 86400;
        X509_free(x);
        EVP_PKEY_free(key);
    }
    message_leaf_tx(&leaf, &out);
    assert_false(out.failed);
    send_frame(w->authority, MESSAGE_LEAF, w->question, buffer_bytes(&out), -1);
    OPENSSL_free(der);
}

static UNUSED void
answer_leaf(struct world *w, const struct identity *ca, const char *host)
{
    struct bytes body;
    assert_int_equal(next_frame(w, &body), MESSAGE_LEAF_ASK);
    send_leaf(w, ca, host, body);
}

static UNUSED void
tls_end(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

#endif
