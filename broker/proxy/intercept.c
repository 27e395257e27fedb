/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS with clients. The names that TLS said are kept with the connection: requests inside are held
 * to them (docs/THREATS.md, 1).
 */
#include "intercept.h"

#include "../http/client_hello.h"
#include "../http/tls.h"
#include "../http/tls_prefix.h"
#include "answer.h"
#include "judge.h"
#include "leaf.h"
#include "proxy.h"

#include <openssl/err.h>
#include <stdlib.h>

struct intercept {
    struct proxy *proxy;
    SSL_CTX *context; // for tunnels
    EVP_PKEY *key;
    struct buffer public_key; // SubjectPublicKeyInfo
    struct leaf_cache *leaves;
};

static int connection_index = -1; // of a connection among an SSL's extra data

/* ---- names ---- */

static bool
learn_sni(struct connection *c, SSL *ssl)
{
    const unsigned char *p;
    size_t n;
    buffer_clear(&c->tunnel.sni);
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n))
        return true;
    return client_hello_server_name(bytes_of(p, n), &c->tunnel.sni);
}

// Which name the certificate is to have: what the client calls us, else the address it reached.
static struct bytes
leaf_name(const struct connection *c)
{
    if (c->tunnel.intercepted)
        return buffer_bytes(&c->tunnel.host);
    if (c->tunnel.sni.n)
        return buffer_bytes(&c->tunnel.sni);
    return c->local[0] ? bytes_str(c->local) : BYTES("localhost");
}

static bool
name_is_served(const struct connection *c, struct bytes name)
{
    struct destination_view view;
    struct routes_match match;
    exchange_view(c, &view);
    return destination_is_own(&view, name) ||
           (routes_match(c->proxy->routes, name, 0, &match) && !match.pass_through);
}

/* ---- certificates ---- */

static bool
ask_leaf(struct connection *c, struct bytes host)
{
    struct proxy *proxy = c->proxy;
    BUFFER_AUTO body;
    buffer_init(&body, 2048);
    struct message_leaf_ask ask = {.host = host,
                                   .public_key = buffer_bytes(&proxy->intercept->public_key)};
    message_leaf_ask_tx(&ask, &body);
    if (body.failed || !proxy->authority)
        return false;
    c->leaf_question = questions_add(&proxy->questions, QUESTION_LEAF, c);
    if (!c->leaf_question)
        return false;
    channel_send(proxy->authority, MESSAGE_LEAF_ASK, c->leaf_question, buffer_bytes(&body));
    return true;
}

static bool
use_leaf(struct connection *c, SSL *ssl, X509 *certificate, struct bytes host)
{
    // A session of one name is not resumed under another.
    uint8_t id[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return EVP_Digest(host.p, host.n, id, &n, EVP_sha256(), NULL) == 1 &&
           SSL_set_session_id_context(ssl, id, n) == 1 &&
           SSL_use_certificate(ssl, certificate) == 1 &&
           SSL_use_PrivateKey(ssl, c->proxy->intercept->key) == 1;
}

static int
client_hello(SSL *ssl, int *alert, void *context)
{
    struct connection *c = SSL_get_ex_data(ssl, connection_index);
    (void)context;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    if (!c || !learn_sni(c, ssl))
        return SSL_CLIENT_HELLO_ERROR;
    // The operator's certificate is for the listener, not for whom a redirected client looks for.
    if (c->tunnel.intercepted || (c->listener->operator_certificate && !c->tunnel.transparent))
        return SSL_CLIENT_HELLO_SUCCESS;
    struct bytes name = leaf_name(c);
    if (c->leaf_refused || !name_is_served(c, name))
        return SSL_CLIENT_HELLO_ERROR;
    X509 *certificate = leaf_get(c->proxy->intercept->leaves, name, proxy_clock_s());
    if (certificate)
        return use_leaf(c, ssl, certificate, name) ? SSL_CLIENT_HELLO_SUCCESS
                                                   : SSL_CLIENT_HELLO_ERROR;
    *alert = SSL_AD_INTERNAL_ERROR;
    if (!c->leaf_question && !ask_leaf(c, name))
        return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_RETRY;
}

static bool
keep_leaf(struct intercept *intercept, struct bytes host, const struct message_leaf *leaf)
{
    if (!leaf->issued)
        return false;
    if (leaf_put(intercept->leaves, host, leaf->cert, leaf->expires_at) != KH_OK)
        return false;
    return leaf_get(intercept->leaves, host, proxy_clock_s()) != NULL;
}

static void
refuse_early(struct exchange *x, const struct http1_head *head)
{
    x->client->keep_alive = false;
    judge_refuse(x, head, KH_REASON_REQUEST_MALFORMED, "bytes came before the tunnel was open");
}

// What is in the socket now was sent by somebody who did not wait for the 200. Nothing is looked at
// from here to the handshake: it may come at once, and is no fault.
static void
connect_established(struct exchange *x, const struct http1_head *head)
{
    struct connection *c = x->client;
    if (!stream_is_quiet(&c->conduit.stream)) {
        refuse_early(x, head);
        return;
    }
    buffer_put_str(&c->conduit.out, "HTTP/1.1 200 Connection established\r\n\r\n");
    exchange_end(x, KH_REASON_UNSET);
    connection_move(c, CONNECTION_OPENING);
}

bool
intercept_handle_leaf(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct message_leaf leaf;
    struct question question;
    (void)channel;
    if (message_leaf_rx(message->body, &leaf) != KH_OK)
        return false;
    if (!questions_take(&proxy->questions, message->id, QUESTION_LEAF, &question) ||
        !question.owner)
        return true;
    struct connection *c = question.owner;
    c->leaf_question = 0;
    struct bytes host = c->exchange ? buffer_bytes(&c->exchange->destination.host) : leaf_name(c);
    bool kept = keep_leaf(proxy->intercept, host, &leaf);
    if (!kept)
        log_warning("leaf-refused", "no certificate for %.*s", BYTES_ARG(host));
    c->leaf_refused = !kept;
    if (!c->exchange)
        connection_move(c, CONNECTION_HANDSHAKE); // the callback is asked again
    else if (kept)
        connect_established(c->exchange, NULL);
    else
        judge_refuse(c->exchange, NULL, KH_REASON_HOST_NOT_ALLOWED,
                     "there is no certificate for that name");
    connection_run(c);
    return true;
}

void
intercept_leaf_lost(struct connection *c)
{
    c->leaf_question = 0;
    if (c->exchange) {
        judge_unavailable(c->exchange);
        connection_run(c);
    } else {
        connection_abort(c);
    }
}

void
intercept_leaf_expired(struct connection *c)
{
    questions_orphan(&c->proxy->questions, c->leaf_question);
    intercept_leaf_lost(c);
}

/* ---- CONNECT ---- */

// A token in Proxy-Authorization at CONNECT is for the requests inside; nobody else sees the field.
static void
keep_tunnel_token(struct exchange *x, const struct http1_head *head)
{
    struct connection *c = x->client;
    struct fault fault;
    struct request_token token = {0};
    struct request request = {0};
    const struct http1_field *field = http1_find(head, "proxy-authorization");
    if (!field)
        return;
    buffer_init_secret(&request.storage, HTTP1_LINE_MAX);
    // What is decoded may not move while it is filled.
    if (buffer_reserve(&request.storage, field->value.n + 1) &&
        request_take_token(&request, head, NULL, 0, &token, &fault) == KH_REASON_UNSET) {
        buffer_clear(&c->tunnel.token);
        buffer_put(&c->tunnel.token, token.text);
        c->tunnel.token_in_user = token.slot_in_user;
    }
    request_free(&request);
}

void
intercept_connect(struct exchange *x, const struct http1_head *head)
{
    struct connection *c = x->client;
    if (c->conduit.in.n > 0) {
        refuse_early(x, head);
        return;
    }
    struct bytes host = buffer_bytes(&x->destination.host);
    keep_tunnel_token(x, head);
    buffer_clear(&c->tunnel.host);
    buffer_put(&c->tunnel.host, host);
    c->tunnel.port = x->destination.match.port;
    if (leaf_get(c->proxy->intercept->leaves, host, proxy_clock_s())) {
        connect_established(x, head);
        return;
    }
    if (!ask_leaf(c, host)) {
        judge_unavailable(x);
        return;
    }
    connection_move(c, CONNECTION_LEAF);
}

static SSL *
new_session(struct connection *c, SSL_CTX *context)
{
    SSL *ssl = SSL_new(context);
    if (ssl && SSL_set_ex_data(ssl, connection_index, c) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl) {
        SSL_set_accept_state(ssl);
        (void)SSL_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT); // requests carry tokens
    }
    return ssl;
}

// What was looked at comes first; then the socket, or the TLS that the listener speaks.
static bool
attach_read(struct connection *c, SSL *ssl)
{
    SSL *outer = c->conduit.stream.ssl;
    BIO *next = outer ? BIO_new(BIO_f_ssl()) : BIO_new_socket(c->conduit.stream.fd, BIO_NOCLOSE);
    if (next && outer)
        BIO_set_ssl(next, outer, BIO_NOCLOSE);
    BIO *bio = tls_prefix_new(buffer_bytes(&c->conduit.in), next);
    if (!bio)
        return false;
    if (outer)
        BIO_set_close(next, BIO_CLOSE); // freed with the inner one
    SSL_set_bio(ssl, bio, bio);
    c->conduit.eager = true;
    buffer_free(&c->conduit.in);
    return true;
}

void
intercept_transparent(struct connection *c, struct bytes host)
{
    SSL *ssl = new_session(c, c->proxy->intercept->context);
    buffer_clear(&c->tunnel.host);
    buffer_put(&c->tunnel.host, host);
    if (!ssl || c->tunnel.host.failed || !attach_read(c, ssl)) {
        SSL_free(ssl);
        connection_abort(c);
        return;
    }
    c->conduit.stream.ssl = ssl;
    connection_move(c, CONNECTION_HANDSHAKE);
}

// The tunnel's TLS reads from the socket, or from the TLS that the listener speaks.
static bool
attach(struct connection *c, SSL *ssl)
{
    SSL *outer = c->conduit.stream.ssl;
    if (!outer)
        return SSL_set_fd(ssl, c->conduit.stream.fd) == 1;
    BIO *bio = BIO_new(BIO_f_ssl());
    if (!bio)
        return false;
    BIO_set_ssl(bio, outer, BIO_CLOSE);       // freed with the inner one
    stream_forget_always(&c->conduit.stream); // conduit_forget reaches the inner one alone
    SSL_set_bio(ssl, bio, bio);
    c->conduit.eager = true;
    return true;
}

enum step
intercept_step_open(struct connection *c)
{
    conduit_flush(&c->conduit);
    if (c->conduit.out.n > 0)
        return STEP_WAIT;
    struct intercept *intercept = c->proxy->intercept;
    struct bytes host = buffer_bytes(&c->tunnel.host);
    X509 *leaf = leaf_get(intercept->leaves, host, proxy_clock_s());
    SSL *ssl = c->conduit.in.n == 0 && leaf ? new_session(c, intercept->context) : NULL;
    if (!ssl || !use_leaf(c, ssl, leaf, host) || !attach(c, ssl)) {
        SSL_free(ssl);
        connection_abort(c);
        return STEP_WAIT;
    }
    c->conduit.stream.ssl = ssl;
    c->tunnel.intercepted = true;
    connection_move(c, CONNECTION_HANDSHAKE);
    return STEP_AGAIN;
}

/* ---- handshakes ---- */

enum kh_err
intercept_accept(struct connection *c)
{
    SSL *ssl = new_session(c, c->listener->context);
    if (!ssl || SSL_set_fd(ssl, c->conduit.stream.fd) != 1) {
        SSL_free(ssl);
        return KH_ERR_CRYPTO;
    }
    c->conduit.stream.ssl = ssl;
    return KH_OK;
}

enum step
intercept_step_handshake(struct connection *c)
{
    SSL *ssl = c->conduit.stream.ssl;
    ERR_clear_error();
    int r = SSL_do_handshake(ssl);
    if (r == 1) {
        c->tunnel.intercepted |= c->tunnel.transparent && c->tunnel.host.n > 0;
        conduit_need(&c->conduit, STREAM_OK);
        conduit_join_turn(&c->conduit, &c->proxy->turn, TURN_DOWN);
        c->conduit.readable = true; // the first request may have come with the last flight
        conduit_rest(&c->proxy->resting, &c->conduit);
        connection_move(c, CONNECTION_IDLE);
        return STEP_AGAIN;
    }
    switch (SSL_get_error(ssl, r)) {
    case SSL_ERROR_WANT_READ:
        conduit_need(&c->conduit, STREAM_WANT_READ);
        return STEP_WAIT;
    case SSL_ERROR_WANT_WRITE:
        conduit_need(&c->conduit, STREAM_WANT_WRITE);
        return STEP_WAIT;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
        conduit_need(&c->conduit, STREAM_OK);
        connection_move(c, CONNECTION_LEAF);
        return STEP_WAIT;
    default:
        ERR_clear_error();
        connection_abort(c);
        return STEP_WAIT;
    }
}

/* ---- set-up ---- */

enum kh_err
intercept_context(struct intercept *intercept, struct bytes certificate, struct bytes key,
                  SSL_CTX **out, struct fault *fault)
{
    SSL_CTX *context = NULL;
    enum kh_err r = tls_server_context(&context, fault);
    if (r != KH_OK)
        return r;
    SSL_CTX_set_client_hello_cb(context, client_hello, intercept);
    if (certificate.n)
        r = tls_use_certificate(context, certificate, key, fault);
    if (r != KH_OK)
        SSL_CTX_free(context);
    else
        *out = context;
    return r;
}

enum kh_err
intercept_new(struct proxy *proxy, struct intercept **out, struct fault *fault)
{
    struct intercept *intercept = calloc(1, sizeof *intercept);
    if (!intercept)
        return fault_set(fault, KH_ERR_MEMORY, "no memory");
    intercept->proxy = proxy;
    buffer_init(&intercept->public_key, 1024);
    if (connection_index < 0)
        connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    enum kh_err r = tls_leaf_key(&intercept->key, &intercept->public_key, fault);
    if (r == KH_OK)
        r = leaf_cache_new(&intercept->leaves);
    if (r == KH_OK)
        r = intercept_context(intercept, BYTES_EMPTY, BYTES_EMPTY, &intercept->context, fault);
    if (r != KH_OK)
        intercept_free(&intercept);
    else
        *out = intercept;
    return r;
}

void
intercept_free(struct intercept **intercept)
{
    if (!*intercept)
        return;
    SSL_CTX_free((*intercept)->context);
    EVP_PKEY_free((*intercept)->key);
    leaf_cache_free(&(*intercept)->leaves);
    buffer_free(&(*intercept)->public_key);
    free(*intercept);
    *intercept = NULL;
}
