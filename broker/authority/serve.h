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

/* One decision with its record collected, not yet written: what the handler of DECIDE does. The
 * secrets are in `*injection`; `out` points into it and into `*decision`. */
struct decision;
struct injection;
void serve_decide(struct authority *authority, const struct message_decide *request,
                  struct decision *decision, struct injection *injection,
                  struct message_decision *out);

#endif
