/* SPDX-License-Identifier: Apache-2.0
 *
 * A request whose body is held back: a caveat has to look at it before anything goes upstream. Only
 * when the authority asks for it, and within limits; all other bodies stream. What is sent to the
 * broker itself is collected in the same way.
 */
#ifndef KEYHOLE_PROXY_BUFFERING_H
#define KEYHOLE_PROXY_BUFFERING_H

#include "../http/body_place.h"
#include "connection.h"

struct message_decision;
struct buffering;

/* Before the sandbox: jansson would open a file for its seed later. */
void buffering_init(void);

/* The authority asks for the body: collect it, and ask again. */
void buffering_begin(struct exchange *exchange, const struct message_decision *decision);
/* A body for the broker itself, of at most `max` bytes. Once it is whole, `done` answers or asks;
 * the bytes are wiped after it. */
void buffering_collect(struct exchange *exchange, size_t max,
                       void (*done)(struct exchange *exchange, struct bytes body));
/* A body that is looked at before anything is asked: `held` is called when it is whole, and it
 * stays for whatever comes then. */
void buffering_hold(struct exchange *exchange, void (*held)(struct exchange *exchange));
struct bytes buffering_body(const struct exchange *exchange);
/* Write a value to that place (NULL: the last one); all other bytes stay. */
KH_MUST_CHECK bool buffering_put_field(struct exchange *exchange, const struct body_place *place,
                                       struct bytes value);
enum step buffering_step(struct connection *connection);
void buffering_expired(struct connection *connection);

/* Hand the next piece of a held body to the upstream. */
void buffering_send(struct exchange *exchange, struct buffer *out, size_t high);
/* Gives the memory back, wiped. NULL is allowed. */
void buffering_free(struct proxy *proxy, struct buffering **buffering);

#endif
