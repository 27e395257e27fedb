/* SPDX-License-Identifier: Apache-2.0
 *
 * Serving the proxies: decisions, certificates, revocations by holders.
 *
 * The answers of one batch wait until its audit records are written. When they cannot be written,
 * what was allowed is denied.
 */
#ifndef KEYHOLE_SERVE_H
#define KEYHOLE_SERVE_H

#include "authority.h"

/* A channel to a proxy; takes `fd` over. Its routes are sent at once. `id` is the supervisor's. */
KH_MUST_CHECK enum kh_err serve_proxy_add(struct authority *authority, int fd, uint64_t id,
                                          struct fault *fault);
void serve_proxies_close(struct authority *authority);

/* Answers that were collected by something else than a batch of messages leave. */
void serve_settle_all(struct authority *authority);
/* Each second: proxies hear that what waits is not forgotten. */
void serve_tick(struct authority *authority);

/* One decision with its record collected, not yet written: what the handler of DECIDE does. The
 * secrets are in `*injection`, which is zeroed or was used before; `out` points into it and into
 * `*decision`. Nothing was collected, and the answer is none yet, when injection->waits: it is
 * decided again when that has an access token. */
struct decision;
struct injection;
void serve_decide(struct authority *authority, const struct message_decide *request,
                  struct decision *decision, struct injection *injection,
                  struct message_decision *out);
/* The same for one that cannot wait: a denial, and its record. */
void serve_decide_without_waiting(struct authority *authority, const struct message_decide *request,
                                  struct decision *decision, struct injection *injection,
                                  struct message_decision *out);

#endif
