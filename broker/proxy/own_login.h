/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /.well-known/keyhole/login: whoever asks gets a token that is worth nothing until its hole
 * is filled. What is in it is the authority's affair; here the question is read strictly.
 */
#ifndef KEYHOLE_PROXY_OWN_LOGIN_H
#define KEYHOLE_PROXY_OWN_LOGIN_H

#include "../messages.h"
#include "exchange.h"

struct channel;
struct message;

enum { OWN_LOGIN_BODY_MAX = 4096 };

void own_login_serve(struct exchange *exchange, const struct http1_head *head);
/* Handler of the authority's channel; the context is the proxy. */
bool own_login_handle_done(struct channel *channel, void *context, const struct message *message);

#endif
