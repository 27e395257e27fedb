/* SPDX-License-Identifier: Apache-2.0
 *
 * Where requests may go, in the texts that an operator writes: of a credential, or of a host that
 * is passed through. Each function appends what it read in its one canonical form.
 */
#ifndef KEYHOLE_ROUTE_TEXT_H
#define KEYHOLE_ROUTE_TEXT_H

#include "messages.h"

enum { ROUTE_CA_MAX = 65536 };

/* An exact name or address, or one leading "*.". KH_ERR_SYNTAX, KH_ERR_RANGE. */
KH_MUST_CHECK enum kh_err route_host_read(struct bytes text, struct buffer *out,
                                          struct fault *fault);
/* 1 to 65535. */
KH_MUST_CHECK bool route_port_read(struct bytes text, uint16_t *out);
/* HOST:PORT:ADDRESS:PORT: the ports into `out`, host and address into buffers. */
KH_MUST_CHECK enum kh_err route_resolve_read(struct bytes text, struct buffer *host,
                                             struct buffer *address, struct route_resolve *out,
                                             struct fault *fault);
bool route_lists_host(const struct route *route, struct bytes host);
/* CIDR, or one address. */
KH_MUST_CHECK enum kh_err route_network_read(struct bytes text, struct route_network *out,
                                             struct fault *fault);
/* PEM: the certificates alone, whatever else stands in it. `out` holds ROUTE_CA_MAX bytes. */
KH_MUST_CHECK enum kh_err route_certificates_read(struct bytes pem, struct buffer *out,
                                                  struct fault *fault);

#endif
