/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the relay share: the relay, a watched connection, and how its members end.
 */
#ifndef KEYHOLE_CLIENT_RELAY_INTERNAL_H
#define KEYHOLE_CLIENT_RELAY_INTERNAL_H

#include "relay.h"
#include "wire.h"

#include <sys/queue.h>

enum {
    RELAY_CONNECT_S = 10,       /* until a broker has answered, TLS included */
    RELAY_FULL_PAUSE_US = 20000 /* a unix listener's queue is full */
};

struct relay_connection;
struct relay_listener;
struct relay_dns;

struct relay {
    struct event_base *base;
    struct wire_target *target;
    LIST_HEAD(, relay_listener) listeners;
    LIST_HEAD(, relay_connection) connections;
    LIST_HEAD(, relay_dns) resolvers;
    uint64_t lost;
};

/* A wire and the event that waits for it. */
struct relay_side {
    struct wire wire;
    struct event *event;
    short interest;
};
KH_MUST_CHECK bool relay_side_init(struct relay_side *side, struct event_base *base);
void relay_side_watch(struct relay_side *side, short interest, event_callback_fn callback,
                      void *context);
void relay_side_close(struct relay_side *side, bool abort);
short relay_interest(enum wire_result result); /* EV_READ, EV_WRITE or nothing */

/* One client's connection; it ends by itself. Takes `fd` over; false when memory is used up. */
KH_MUST_CHECK bool relay_connection_start(struct relay *relay, int fd, struct bytes preface);
void relay_connection_free(struct relay_connection *connection);

void relay_dns_free(struct relay_dns *dns);

#endif
