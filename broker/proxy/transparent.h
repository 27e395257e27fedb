/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections whose client believes that it speaks to the destination itself: of a listener to
 * which the network redirects, or of a relay (a preface of that kind). The name of the destination
 * is SNI or Host and nothing else; where the client connected to gives the port alone.
 */
#ifndef KEYHOLE_PROXY_TRANSPARENT_H
#define KEYHOLE_PROXY_TRANSPARENT_H

#include "connection.h"

/* The connection is one of these from its next byte on; bytes that came already stand in
 * conduit.in. It was not used for anything yet, and moves on from its state before
 * (CONNECTION_IDLE or CONNECTION_PREFACE): return STEP_AGAIN from its step. `port`: where the
 * client connected to; with 0 the connection is ended. */
void transparent_begin(struct connection *connection, uint16_t port);

/* Where the client of a TCP connection connected to: SO_ORIGINAL_DST when it was redirected, else
 * the socket's own port (TPROXY, or the listener's). 0: neither can be had. */
uint16_t transparent_port(int fd);

/* Whether the redirection has caught a connection of our own to an upstream. */
bool transparent_is_loop(const struct proxy *proxy, int fd);

/* The step of CONNECTION_PEEKING without an exchange. */
enum step transparent_peek(struct connection *connection);

#endif
