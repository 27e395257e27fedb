/* SPDX-License-Identifier: Apache-2.0
 *
 * Tunnels to hosts that the operator passes through: an allowed CONNECT, or a TLS connection that
 * was redirected here, and then bytes both ways. What is looked at is the ClientHello alone: it has
 * to be TLS, and for the name that was judged.
 */
#ifndef KEYHOLE_PROXY_PASS_THROUGH_H
#define KEYHOLE_PROXY_PASS_THROUGH_H

#include "connection.h"
#include "exchange.h"

/* CONNECT to such a host: ask, dial, answer, look, and let bytes through. */
void pass_through_connect(struct exchange *exchange, const struct http1_head *head);
/* A ClientHello for such a host, which still stands in the client's conduit. `exchange` is new, its
 * destination filled in. */
void pass_through_hello(struct exchange *exchange);

/* The upstream took the connection. */
void pass_through_connected(struct exchange *exchange);
/* The step of CONNECTION_PEEKING with an exchange: CONNECT was answered, TLS is to begin. */
enum step pass_through_peek(struct connection *connection);
void pass_through_peek_expired(struct connection *connection);

/* Write what a client hears that speaks TLS to somebody else (exchange->raw). */
void pass_through_alert(struct exchange *exchange, enum kh_reason reason);

#endif
