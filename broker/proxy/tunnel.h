/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes both ways: a WebSocket, or what is passed through (pass_through.h).
 *
 * A WebSocket (RFC 6455): an allowed request that asks for one, the upstream's 101, and then bytes
 * both ways with back pressure until one side ends it, it is silent for too long, or a revocation
 * or the end of the token cuts it (docs/THREATS.md, 19 and 22).
 */
#ifndef KEYHOLE_PROXY_TUNNEL_H
#define KEYHOLE_PROXY_TUNNEL_H

#include "connection.h"
#include "exchange.h"

struct message_decision;
struct tunnel;

/* What is wrong with a request that asks for a WebSocket; NULL: nothing, or it asks for none. */
const char *tunnel_fault(const struct request *request, const struct http1_head *head);
/* Such a request was allowed. KH_OK without a tunnel when it asks for none. */
KH_MUST_CHECK enum kh_err tunnel_prepare(struct exchange *exchange,
                                         const struct message_decision *decision);
void tunnel_free(struct tunnel **tunnel);

/* The upstream says 101. False: the exchange is over. */
bool tunnel_begin(struct exchange *exchange, const struct http1_head *head);
/* The answer's Sec-WebSocket-Protocol names what the client has sent, whether or not answers are
 * scrubbed. False: it is another field, or another protocol. */
bool tunnel_write_protocol(const struct exchange *exchange, const struct http1_field *field,
                           struct buffer *out);

enum step tunnel_step(struct connection *connection);
void tunnel_expired(struct connection *connection);

#endif
