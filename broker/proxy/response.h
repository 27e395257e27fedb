/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer as the client gets it: a head of our own writing, scrubbed, framed anew.
 */
#ifndef KEYHOLE_PROXY_RESPONSE_H
#define KEYHOLE_PROXY_RESPONSE_H

#include "exchange.h"

/* A final head came. False: it cannot be passed on, and the exchange is over. `head` points into
 * the upstream's buffer, where it is consumed. */
bool response_begin(struct exchange *exchange, const struct http1_head *head);
/* False: it cannot be passed on, and the exchange is over. */
bool response_put(struct exchange *exchange, struct bytes data);
/* True: the answer is whole. False: the exchange is over, or goes on elsewhere (token_seal.h). */
bool response_finish(struct exchange *exchange);
/* What is held back is the whole body: scrub it, and show it with its length. */
void response_show_collected(struct exchange *exchange);

/* The fields that are passed on, scrubbed, and the request's id. */
void response_write_fields(struct exchange *exchange, const struct http1_head *head,
                           struct buffer *out);

/* Whether it has a Content-Encoding other than identity. */
bool response_is_encoded(const struct http1_head *head);

/* How to frame the answer for a client of HTTP/1.`minor`. Pure. */
enum exchange_framing response_framing(const struct http1_head *head, unsigned minor, bool scrub);

#endif
