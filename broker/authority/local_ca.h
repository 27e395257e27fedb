/* SPDX-License-Identifier: Apache-2.0
 *
 * The local CA: certificates for the hosts that the broker stands in for.
 *
 * The CA's key (P-256) is sealed in the database and never leaves this process. A leaf is issued
 * for a public key whose private part stays in the proxy. Whether a name may have one is the
 * caller's question (serve.c).
 */
#ifndef KEYHOLE_LOCAL_CA_H
#define KEYHOLE_LOCAL_CA_H

#include "../store/store.h"
#include "seal.h"

#define LOCAL_CA_META_KEY "local-ca-key" /* sealed */

struct local_ca;

enum { LOCAL_CA_LEAF_DAYS = 7, LOCAL_CA_SHA256_HEX = 65 };

KH_MUST_CHECK enum kh_err local_ca_create(struct store *store, const struct seal *seal, int64_t now,
                                          struct fault *fault);
KH_MUST_CHECK enum kh_err local_ca_load(struct store *store, const struct seal *seal,
                                        struct local_ca **out, struct fault *fault);
void local_ca_free(struct local_ca **ca);

void local_ca_pem(const struct local_ca *ca, struct buffer *out);
int64_t local_ca_expires_at(const struct local_ca *ca);
void local_ca_sha256(const struct local_ca *ca, char out[LOCAL_CA_SHA256_HEX]);

/* `host` is canonical (a name, or an address without brackets), `public_key` a DER
 * SubjectPublicKeyInfo on P-256. The certificate (DER) is appended to `out`. */
KH_MUST_CHECK enum kh_err local_ca_issue(const struct local_ca *ca, struct bytes host,
                                         struct bytes public_key, int64_t now, struct buffer *out,
                                         int64_t *expires_at, struct fault *fault);

#endif
