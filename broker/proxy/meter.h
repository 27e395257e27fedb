/* SPDX-License-Identifier: Apache-2.0
 *
 * What the proxy counts on the way of a request (broker/metrics.h).
 */
#ifndef KEYHOLE_PROXY_METER_H
#define KEYHOLE_PROXY_METER_H

#include "exchange.h"

/* Asked, and answered by the authority. */
void meter_asked(struct exchange *exchange);
void meter_decided(struct exchange *exchange);
/* It was allowed: it runs until meter_finished. */
void meter_allowed(struct exchange *exchange);
/* The head of the upstream's answer. */
void meter_answered(const struct exchange *exchange, unsigned status);
void meter_finished(struct exchange *exchange, enum kh_reason reason);

#endif
