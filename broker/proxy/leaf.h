/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates of the local CA that this process was given, by host name. Bounded; the one that
 * was not used for the longest time goes first.
 */
#ifndef KEYHOLE_PROXY_LEAF_H
#define KEYHOLE_PROXY_LEAF_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <openssl/x509.h>

enum {
    LEAF_CACHE_MAX = 1024,
    LEAF_MARGIN_S = 300, /* not handed out when it ends sooner than that */
};

struct leaf_cache;

KH_MUST_CHECK enum kh_err leaf_cache_new(struct leaf_cache **out);
void leaf_cache_free(struct leaf_cache **cache);

/* Borrowed until the next call; NULL when there is none that lasts. */
X509 *leaf_get(struct leaf_cache *cache, struct bytes host, int64_t now_s);
/* A certificate in DER. KH_ERR_CRYPTO when it is none. */
KH_MUST_CHECK enum kh_err leaf_put(struct leaf_cache *cache, struct bytes host, struct bytes der,
                                   int64_t expires_at);
size_t leaf_count(const struct leaf_cache *cache);

#endif
