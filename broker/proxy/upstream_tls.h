/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS contexts for upstreams: one for the system's roots and one for each CA that a credential
 * brings. Sessions go to the pool.
 */
#ifndef KEYHOLE_PROXY_UPSTREAM_TLS_H
#define KEYHOLE_PROXY_UPSTREAM_TLS_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <openssl/ssl.h>

struct pool_item;
struct upstream_tls;

enum { UPSTREAM_TLS_CONTEXTS_MAX = 64 };

/* Loads the system's roots, so that it can be called before files are out of reach. */
KH_MUST_CHECK enum kh_err upstream_tls_new(struct upstream_tls **out, struct fault *fault);
void upstream_tls_free(struct upstream_tls **tls);

/* A connection on `fd` to `host`; what is resumed and kept is of `item`'s place in the pool. */
KH_MUST_CHECK enum kh_err upstream_tls_connect(struct upstream_tls *tls, struct bytes ca_pem,
                                               int fd, struct bytes host, struct pool_item *item,
                                               SSL **out, struct fault *fault);

#endif
