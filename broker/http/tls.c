/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS contexts, client connections with their checks, and this process's key for leaves.
 */
#include "tls.h"
#include "../no_passphrase.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 255, SECURITY_LEVEL = 2 };

static const unsigned char alpn_http1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
/* For clients: `curl --http1.0` offers the second alone (RFC 7301, section 6). */
static const unsigned char alpn_served[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1',
                                            8, 'h', 't', 't', 'p', '/', '1', '.', '0'};

static enum kh_err
fail(struct fault *fault, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    return fault_set(fault, KH_ERR_CRYPTO, "%s: %s", what, reason ? reason : "out of memory");
}

static bool
context_init(SSL_CTX *context)
{
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* A record's header and its body with one system call. */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* An end without close_notify is a truncation, whatever openssl.cnf says. */
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (SSL_CTX_get_security_level(context) < SECURITY_LEVEL)
        SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, 0) == 1;
}

/* ---- servers ---- */

static int
select_http1(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
             unsigned in_n, void *context)
{
    unsigned char *selected;

    (void)ssl;
    (void)context;
    /* Whoever offers h2 alone would speak it: better an alert than a tunnel around the rules. */
    if (SSL_select_next_proto(&selected, out_n, alpn_served, sizeof alpn_served, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

enum kh_err
tls_server_context(SSL_CTX **out, struct fault *fault)
{
    SSL_CTX *context;

    ERR_clear_error();
    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || !context_init(context)) {
        SSL_CTX_free(context);
        return fail(fault, "cannot make a TLS server context");
    }
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Tickets alone: no table of sessions that clients could fill. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    /* One, which is what most clients keep: each is sealed and sent by itself, and the second was a
     * twentieth of a handshake. */
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, select_http1, NULL);
    *out = context;
    return KH_OK;
}

/* ---- roots ---- */

/* Every certificate in the PEM text becomes a root, whether it signed itself or not. */
static enum kh_err
load_pem(X509_STORE *store, struct bytes pem, struct fault *fault)
{
    BIO *bio;
    X509 *certificate;
    size_t count = 0;
    bool added = true;

    if (pem.n > INT_MAX || (bio = BIO_new_mem_buf(pem.p, (int)pem.n)) == NULL)
        return fail(fault, "cannot read the certificates");
    while (added && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        added = X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
        count++;
    }
    BIO_free(bio);
    if (!added)
        return fail(fault, "cannot take a certificate as a root");
    if (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return fault_set(fault, KH_ERR_SYNTAX, "the roots are not certificates in PEM");
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return KH_OK;
}

/*
 * The system's roots, read now: the directory of hashed names that OpenSSL uses by itself on Debian
 * is read during each verification, and then the process is shut in already.
 */
static enum kh_err
load_system(X509_STORE *store, struct fault *fault)
{
    const char *candidate[] = {
        secure_getenv(X509_get_default_cert_file_env()),
        X509_get_default_cert_file(),
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    };

    for (size_t i = 0; i < sizeof candidate / sizeof candidate[0]; i++) {
        if (candidate[i] != NULL && X509_STORE_load_file(store, candidate[i]) == 1) {
            ERR_clear_error();
            return KH_OK;
        }
    }
    ERR_clear_error();
    return fault_set(fault, KH_ERR_NOT_FOUND,
                     "the system has no certificate roots (on Debian, install ca-certificates)");
}

/* ---- clients ---- */

/* Who keeps sessions, in the context's extra data. */
struct session_keeper {
    void (*on_session)(void *keeper, SSL *ssl, SSL_SESSION *session);
    void *keeper;
};

static void
keeper_free(void *parent, void *p, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    free(p);
}

static int
keeper_index(void)
{
    static int index = -1; /* of the process: OpenSSL hands them out once */

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, keeper_free);
    return index;
}

static int
hand_over_session(SSL *ssl, SSL_SESSION *session)
{
    const struct session_keeper *keeper = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keeper_index());

    if (keeper != NULL && SSL_SESSION_is_resumable(session))
        keeper->on_session(keeper->keeper, ssl, session);
    return 0; /* we keep no reference; whoever wants one took its own */
}

enum kh_err
tls_client_on_session(SSL_CTX *context,
                      void (*on_session)(void *keeper, SSL *ssl, SSL_SESSION *session),
                      void *keeper)
{
    int index = keeper_index();
    struct session_keeper *entry;

    if (index < 0 || SSL_CTX_get_ex_data(context, index) != NULL)
        return KH_ERR_INTERNAL;
    entry = malloc(sizeof *entry);
    if (entry == NULL)
        return KH_ERR_MEMORY;
    *entry = (struct session_keeper){on_session, keeper};
    if (SSL_CTX_set_ex_data(context, index, entry) != 1) {
        free(entry);
        return KH_ERR_MEMORY;
    }
    SSL_CTX_sess_set_new_cb(context, hand_over_session);
    return KH_OK;
}

enum kh_err
tls_client_context(struct bytes ca_pem, SSL_CTX **out, struct fault *fault)
{
    SSL_CTX *context;
    enum kh_err err;

    ERR_clear_error();
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || !context_init(context) ||
        SSL_CTX_set_alpn_protos(context, alpn_http1, sizeof alpn_http1) != 0) {
        SSL_CTX_free(context);
        return fail(fault, "cannot make a TLS client context");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    err = ca_pem.n > 0 ? load_pem(SSL_CTX_get_cert_store(context), ca_pem, fault)
                       : load_system(SSL_CTX_get_cert_store(context), fault);
    if (err != KH_OK) {
        SSL_CTX_free(context);
        return err;
    }
    *out = context;
    return KH_OK;
}

static bool
is_address(const char *host)
{
    struct in6_addr any;

    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* RFC 9525: the name in subjectAltName, an address only as an address, no wildcard inside a label.
 */
static bool
expect_host(SSL *ssl, const char *host)
{
    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum kh_err
tls_client_new(SSL_CTX *context, int fd, struct bytes host, SSL_SESSION *resume, SSL **out,
               struct fault *fault)
{
    char name[HOST_MAX + 1];
    SSL *ssl;

    if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, 0, host.n) != NULL)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the upstream's name is empty, too long, or no name");
    memcpy(name, host.p, host.n);
    name[host.n] = 0;
    ERR_clear_error();
    ssl = SSL_new(context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !expect_host(ssl, name) ||
        (resume != NULL && SSL_set_session(ssl, resume) != 1)) {
        SSL_free(ssl);
        return fail(fault, "cannot make a TLS connection");
    }
    SSL_set_connect_state(ssl);
    *out = ssl;
    return KH_OK;
}

void
tls_explain(const SSL *ssl, struct buffer *out)
{
    long verified = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    if (verified != X509_V_OK)
        buffer_printf(out, "the peer's certificate: %s", X509_verify_cert_error_string(verified));
    else if (code != 0 && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        buffer_put_str(out, "the peer ended the connection without a word");
    else
        buffer_printf(out, "TLS: %s", reason ? reason : "the connection failed");
}

/* ---- leaves ---- */

static bool
put_public_key(EVP_PKEY *key, struct buffer *out)
{
    int n = i2d_PUBKEY(key, NULL);
    uint8_t *p = n > 0 ? buffer_reserve(out, (size_t)n) : NULL;

    if (p == NULL || i2d_PUBKEY(key, &p) != n)
        return false;
    buffer_advance(out, (size_t)n);
    return true;
}

enum kh_err
tls_leaf_key(EVP_PKEY **out, struct buffer *public_key, struct fault *fault)
{
    EVP_PKEY *key;

    ERR_clear_error();
    key = EVP_EC_gen("P-256");
    if (key == NULL || !put_public_key(key, public_key)) {
        EVP_PKEY_free(key);
        return fail(fault, "cannot make a key for leaf certificates");
    }
    *out = key;
    return KH_OK;
}
