/* SPDX-License-Identifier: Apache-2.0
 *
 * A request going up and its answer coming down, both at once, with bounded buffers: whoever reads
 * slowly slows the other side down.
 */
#ifndef KEYHOLE_PROXY_RELAY_H
#define KEYHOLE_PROXY_RELAY_H

#include "connection.h"

/* There is a connection: send the head. */
void relay_start(struct exchange *exchange);
enum step relay_step(struct connection *connection);
void relay_expired(struct connection *connection);

#endif
