/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates made on the spot, and two ends of a connection in one process.
 */
#ifndef KEYHOLE_TLS_TEST_H
#define KEYHOLE_TLS_TEST_H

#include "http_test.h"

#include "../../../broker/http/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

/* What a certificate says; zero values are those of a good leaf. */
struct certificate_wish {
    const char *alternative_names; /* "DNS:a,IP:127.0.0.1"; NULL: none */
    const char *common_name;       /* NULL: "test" */
    long from_s, to_s;             /* from now; 0: an hour ago, in an hour */
    bool is_ca;
};

static inline void
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself when that is NULL. */
static inline struct identity
identity_new(const struct identity *issuer, const struct certificate_wish *wish)
{
    static long serial = 1;
    struct identity made = {X509_new(), EVP_EC_gen("P-256")};
    const char *name = wish->common_name ? wish->common_name : "test";
    const struct identity *by = issuer ? issuer : &made;
    X509_NAME *subject;

    assert_non_null(made.certificate);
    assert_non_null(made.key);
    subject = X509_get_subject_name(made.certificate);
    assert_int_equal(X509_set_version(made.certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), wish->from_s ? wish->from_s : -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish->to_s ? wish->to_s : 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(by->certificate));
    X509_set_pubkey(made.certificate, made.key);
    add_extension(made.certificate, by->certificate, NID_basic_constraints,
                  wish->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wish->alternative_names)
        add_extension(made.certificate, by->certificate, NID_subject_alt_name,
                      wish->alternative_names);
    assert_true(X509_sign(made.certificate, by->key, EVP_sha256()) > 0);
    return made;
}

static inline void
identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static inline void
identity_pem(const struct identity *identity, struct buffer *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p;
    long n;

    assert_int_equal(PEM_write_bio_X509(bio, identity->certificate), 1);
    n = BIO_get_mem_data(bio, &p);
    buffer_put(out, bytes_of(p, (size_t)n));
    BIO_free(bio);
}

static inline SSL_CTX *
server_context(const struct identity *identity)
{
    SSL_CTX *context;
    struct fault fault;

    if (tls_server_context(&context, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
    return context;
}

static inline SSL_CTX *
client_context(const struct identity *root)
{
    SSL_CTX *context;
    struct fault fault;
    BUFFER_AUTO pem;

    buffer_init(&pem, 1 << 16);
    identity_pem(root, &pem);
    if (tls_client_context(buffer_bytes(&pem), &context, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    return context;
}

/* ---- a connection ---- */

struct pair {
    struct stream client, server;
    enum stream_result client_result, server_result;
};

static inline void
pair_open(struct pair *pair, SSL_CTX *client, SSL_CTX *server, const char *host,
          SSL_SESSION *resume)
{
    struct fault fault;
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    *pair = (struct pair){{.fd = fd[0]}, {.fd = fd[1]}, STREAM_WANT_READ, STREAM_WANT_READ};
    if (client != NULL &&
        tls_client_new(client, fd[0], bytes_str(host), resume, &pair->client.ssl, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    if (server != NULL) {
        pair->server.ssl = SSL_new(server);
        assert_int_equal(SSL_set_fd(pair->server.ssl, fd[1]), 1);
        SSL_set_accept_state(pair->server.ssl);
    }
}

static inline bool
is_waiting(enum stream_result result)
{
    return result == STREAM_WANT_READ || result == STREAM_WANT_WRITE;
}

/* Both ends in turn until neither waits for the other; the results stay in `pair`. */
static inline void
pair_handshake(struct pair *pair)
{
    for (int i = 0; i < 20; i++) {
        if (is_waiting(pair->client_result))
            pair->client_result = stream_handshake(&pair->client);
        if (is_waiting(pair->client_result) || pair->client_result == STREAM_OK)
            if (is_waiting(pair->server_result))
                pair->server_result = stream_handshake(&pair->server);
        if (!is_waiting(pair->client_result))
            break;
    }
    if (pair->client_result == STREAM_OK && is_waiting(pair->server_result))
        pair->server_result = stream_handshake(&pair->server);
}

static inline void
pair_close(struct pair *pair)
{
    stream_close(&pair->client, false);
    stream_close(&pair->server, false);
}

static inline const char *
result_name(enum stream_result result)
{
    static const char *const names[] = {
        [STREAM_OK] = "ok",   [STREAM_WANT_READ] = "want read", [STREAM_WANT_WRITE] = "want write",
        [STREAM_END] = "end", [STREAM_TRUNCATED] = "truncated", [STREAM_ERROR] = "error",
    };
    return names[result];
}

static inline void
assert_result_at(enum stream_result got, enum stream_result want, const char *file, int line)
{
    if (got == want)
        return;
    fprintf(stderr, "got: %s, expected: %s; ", result_name(got), result_name(want));
    ERR_print_errors_fp(stderr);
    _fail(file, line);
}
#define assert_result(got, want) assert_result_at(got, want, __FILE__, __LINE__)

/* The test as the server's owner: what is written arrives. */
static inline void
assert_sent(struct stream *from, struct stream *to, const char *text)
{
    uint8_t got[256];
    size_t n = 0, len = strlen(text);

    assert_result(stream_write(from, (const uint8_t *)text, len, &n), STREAM_OK);
    assert_int_equal(n, len);
    assert_result(stream_read(to, got, sizeof got, &n), STREAM_OK);
    assert_text(bytes_of(got, n), text);
}

#endif
