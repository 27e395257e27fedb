/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS on the event loop: OpenSSL on the descriptor itself, for proxy and discharger alike.
 *
 * libevent's bufferevent_openssl is not used: it reports an unexpected end as a plain error, makes
 * one record and one send per chain and never calls SSL_shutdown.
 */
#ifndef KEYHOLE_TLS_H
#define KEYHOLE_TLS_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <openssl/ssl.h>

enum stream_result {
    STREAM_OK = 0,
    STREAM_WANT_READ,
    STREAM_WANT_WRITE,
    STREAM_END,       /* orderly: FIN on plain, close_notify on TLS */
    STREAM_TRUNCATED, /* TLS ended without close_notify */
    STREAM_ERROR,
};

/* A plain or TLS connection on a non-blocking socket. Plain when `ssl` is NULL. */
struct stream {
    int fd;
    SSL *ssl;
};

enum stream_result stream_handshake(struct stream *stream);
/* `*n` bytes were read or written on STREAM_OK, at least 1. A write that wants to be repeated must
 * be repeated with at least the same bytes. */
enum stream_result stream_read(struct stream *stream, uint8_t *p, size_t cap, size_t *n);
enum stream_result stream_write(struct stream *stream, const uint8_t *p, size_t len, size_t *n);
bool stream_has_pending(const struct stream *stream); /* bytes decrypted and not yet read */
/* Close. `clean` sends close_notify; without it a TLS peer sees the truncation, and a plain peer a
 * reset. Keeps session tickets valid (SSL_free alone throws them away). */
void stream_close(struct stream *stream, bool clean);

/* Contexts: TLS 1.2 and later, release of idle buffers, no renegotiation, no compression. */
KH_MUST_CHECK enum kh_err tls_server_context(SSL_CTX **out, struct fault *fault);
/* PEM roots, or the system's when `ca_pem` is empty. Sessions are handed to `new_session`. */
KH_MUST_CHECK enum kh_err tls_client_context(struct bytes ca_pem, SSL_CTX **out,
                                             struct fault *fault);
/* A client connection to `host`: SNI (not for addresses), name check, ALPN http/1.1. */
KH_MUST_CHECK enum kh_err tls_client_new(SSL_CTX *context, int fd, struct bytes host,
                                         SSL_SESSION *resume, SSL **out, struct fault *fault);
/* What went wrong with the peer's certificate or the handshake, for people. */
void tls_explain(const SSL *ssl, struct buffer *out);

/* EC P-256 key of this process for leaves, its public half as SubjectPublicKeyInfo DER. */
KH_MUST_CHECK enum kh_err tls_leaf_key(EVP_PKEY **out, struct buffer *public_key,
                                       struct fault *fault);

#endif
