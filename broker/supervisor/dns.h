/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of a DNS responder: UDP and TCP on one address and port.
 */
#ifndef KEYHOLE_SUPERVISOR_DNS_H
#define KEYHOLE_SUPERVISOR_DNS_H

#include "listener.h"

enum { DNS_SOCKETS = 2 };

/* out[0] is UDP, out[1] TCP; on failure neither. */
KH_MUST_CHECK enum kh_err dns_open(const struct config_dns *config,
                                   struct listener out[DNS_SOCKETS], struct fault *fault);

#endif
