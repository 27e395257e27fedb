/* SPDX-License-Identifier: Apache-2.0
 *
 * What the broker itself has under its own names (docs/PROTOCOL.public.md): a line that says what
 * this is, the dischargers, logins, the place where a holder ends its token, and what runs ask.
 */
#ifndef KEYHOLE_PROXY_OWN_H
#define KEYHOLE_PROXY_OWN_H

#include "exchange.h"

#define OWN_REVOKE_PATH      "/.well-known/keyhole/revoke"
#define OWN_DISCHARGERS_PATH "/.well-known/keyhole/dischargers"
#define OWN_LOGIN_PATH       "/.well-known/keyhole/login"
#define OWN_ENVIRONMENT_PATH "/.well-known/keyhole/environment"
#define OWN_CA_PATH          "/.well-known/keyhole/ca.pem"
#define OWN_RUNS_PATH        "/.well-known/keyhole/runs/" /* and a name behind it */

void own_serve(struct exchange *exchange, const struct http1_head *head);

/* The token that a page's request presents, as a bearer or in Keyhole-Token. False: it has none,
 * or no good one, and the request is refused already. */
KH_MUST_CHECK bool own_take_token(struct exchange *exchange, const struct http1_head *head,
                                  struct bytes *token);

#endif
