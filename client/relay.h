/* SPDX-License-Identifier: Apache-2.0
 *
 * Hands connections to a broker: whatever comes in on a listening socket (of this network
 * namespace or of a room's) goes to the broker's unix socket or URL behind a preface
 * (caveats/preface.h), bytes both ways, with back pressure, each side's end passed on. It
 * understands nothing of what it carries.
 */
#ifndef KEYHOLE_CLIENT_RELAY_H
#define KEYHOLE_CLIENT_RELAY_H

#include "../caveats/preface.h"
#include "broker.h"

#include <event2/event.h>

struct relay;

/* `broker` and `ca_file` (PEM for an https broker; NULL: the system's roots) must outlive it. */
KH_MUST_CHECK enum kh_err relay_new(struct event_base *base, const struct broker_address *broker,
                                    const char *ca_file, struct relay **out, struct fault *fault);
void relay_free(struct relay **relay);

/* Serve a listening TCP socket; takes `fd` over, also on failure. `preface` is copied. For
 * PREFACE_TRANSPARENT the port is that of the connection's original destination
 * (SO_ORIGINAL_DST where it was redirected, else the socket's own). */
KH_MUST_CHECK enum kh_err relay_listen(struct relay *relay, int fd, const struct preface *preface,
                                       struct fault *fault);
/* Serve DNS on a UDP socket: each query goes to the broker on one PREFACE_DNS connection, in
 * order, and its answer back to where it came from. Takes `fd` over, also on failure. */
KH_MUST_CHECK enum kh_err relay_serve_dns(struct relay *relay, int fd,
                                          const struct preface *preface, struct fault *fault);

/* How many connections could not be handed on since the start, because no broker was there. */
uint64_t relay_lost(const struct relay *relay);

#endif
