/* SPDX-License-Identifier: Apache-2.0
 *
 * DNS messages on a connection, framed as over TCP (RFC 1035 4.2.2): of a relay that said so in its
 * preface, or of a listener for DNS.
 */
#ifndef KEYHOLE_PROXY_DNS_STREAM_H
#define KEYHOLE_PROXY_DNS_STREAM_H

#include "connection.h"
#include "dns_answer.h"

enum { DNS_READ_AHEAD = 8 * 1024 };

/* The step of CONNECTION_DNS. */
enum step dns_stream_step(struct connection *connection);

/* Names that the proxy answers for: those of routes, and the broker's own. */
bool dns_name_is_known(const struct proxy *proxy, struct bytes host);

#endif
