/* SPDX-License-Identifier: Apache-2.0
 *
 * The key leaves the TLS connection with the handshake; its PEM stays until the exchange ends,
 * because a request may be sent once more on another connection.
 */
#include "upstream_identity.h"

#include "../http/tls.h"

#include <openssl/evp.h>

enum { IDENTITY_MAX = 65536, HASH_SIZE = 32 };

bool
upstream_identity_take(struct exchange *x, const struct edit *edit, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (edit[i].kind != EDIT_CLIENT_CERTIFICATE)
            continue;
        if (x->identity.n > 0) // which one would be used is nobody's guess
            return false;
        buffer_init_secret(&x->identity, IDENTITY_MAX);
        buffer_put(&x->identity, edit[i].value);
        if (x->identity.failed || x->identity.n == 0 ||
            EVP_Digest(x->identity.p, x->identity.n, x->identity_hash, NULL, EVP_sha256(), NULL) !=
                1)
            return false;
        x->has_identity = true;
    }
    return true;
}

void
upstream_identity_mark(const struct exchange *x, struct buffer *key)
{
    if (x->has_identity)
        buffer_put(key, bytes_of(x->identity_hash, sizeof x->identity_hash));
}

enum kh_err
upstream_identity_use(const struct exchange *x, SSL *ssl, struct fault *fault)
{
    return x->has_identity ? tls_use_identity(ssl, buffer_bytes(&x->identity), fault) : KH_OK;
}

void
upstream_identity_forget(struct exchange *x, SSL *ssl)
{
    if (!x->has_identity)
        return;
    SSL_certs_clear(ssl);
}
