/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS with clients: listeners that speak it, and CONNECT tunnels that are looked into. The process
 * has one key; certificates for it are asked of the authority, which holds the CA's.
 */
#ifndef KEYHOLE_PROXY_INTERCEPT_H
#define KEYHOLE_PROXY_INTERCEPT_H

#include "connection.h"

#include <openssl/ssl.h>

struct channel;
struct message;
struct intercept;

KH_MUST_CHECK enum kh_err intercept_new(struct proxy *proxy, struct intercept **out,
                                        struct fault *fault);
void intercept_free(struct intercept **intercept);

/* A context for a listener: with the operator's certificate when `certificate` is not empty. */
KH_MUST_CHECK enum kh_err intercept_context(struct intercept *intercept, struct bytes certificate,
                                            struct bytes key, SSL_CTX **out, struct fault *fault);

/* A connection of a TLS listener. */
KH_MUST_CHECK enum kh_err intercept_accept(struct connection *connection);
/* CONNECT to a credential's host. */
void intercept_connect(struct exchange *exchange, const struct http1_head *head);
/* When the 200 has been sent: TLS from here on. */
enum step intercept_step_open(struct connection *connection);
/* A redirected client's ClientHello stands in the conduit: answer it, for `host` or, when that is
 * empty, for one of our own names. */
void intercept_transparent(struct connection *connection, struct bytes host);
enum step intercept_step_handshake(struct connection *connection);

void intercept_leaf_expired(struct connection *connection);
void intercept_leaf_lost(struct connection *connection); /* there is no authority */
bool intercept_handle_leaf(struct channel *channel, void *context, const struct message *message);

#endif
