/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run asks of the broker (docs/PROTOCOL.run.md): the environment of its token, the local
 * CA's certificate, and what was refused to it.
 */
#ifndef KEYHOLE_PROXY_OWN_RUN_H
#define KEYHOLE_PROXY_OWN_RUN_H

#include "exchange.h"

struct channel;
struct message;

void own_run_environment(struct exchange *exchange, const struct http1_head *head);
void own_run_ca(struct exchange *exchange, const struct http1_head *head);
/* The run is named by the last segment of the path. */
void own_run_refusals(struct exchange *exchange, const struct http1_head *head);

/* Handlers of the authority's channel; the context is the proxy. */
bool own_run_handle_environment(struct channel *channel, void *context,
                                const struct message *message);
bool own_run_handle_run(struct channel *channel, void *context, const struct message *message);

#endif
