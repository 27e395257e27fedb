/* SPDX-License-Identifier: Apache-2.0
 *
 * What the broker itself has under its own names (docs/PROTOCOL.public.md): a line that says what
 * this is, the dischargers, logins, and the place where a holder ends its token.
 */
#ifndef KEYHOLE_PROXY_OWN_H
#define KEYHOLE_PROXY_OWN_H

#include "exchange.h"

#define OWN_REVOKE_PATH      "/.well-known/keyhole/revoke"
#define OWN_DISCHARGERS_PATH "/.well-known/keyhole/dischargers"
#define OWN_LOGIN_PATH       "/.well-known/keyhole/login"

void own_serve(struct exchange *exchange, const struct http1_head *head);

#endif
