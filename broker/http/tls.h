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
#include "staged.h"

#include <openssl/ssl.h>

enum stream_result {
    STREAM_OK = 0,
    STREAM_WANT_READ,
    STREAM_WANT_WRITE,
    STREAM_END,       /* orderly: FIN on plain, close_notify on TLS */
    STREAM_TRUNCATED, /* TLS ended without close_notify */
    STREAM_ERROR,
};

/* A plain or TLS connection on a non-blocking socket. Plain when `ssl` is NULL. The process ignores
 * SIGPIPE: OpenSSL writes without MSG_NOSIGNAL. */
struct stream {
    int fd;
    SSL *ssl;
    struct staged staged; /* below `ssl`, once stream_stage() was called */
};

/* After the handshake: from now on records can be held between socket and TLS, and a peer that
 * sends nothing but TLS's own is cut off. Without memory, and where TLS is not on the socket
 * itself, it stays as it is. */
void stream_stage(struct stream *stream);

enum stream_result stream_handshake(struct stream *stream);
/* `*n` bytes were read or written on STREAM_OK, at least 1. A write that wants to be repeated must
 * be repeated with at least the same bytes. */
enum stream_result stream_read(struct stream *stream, uint8_t *p, size_t cap, size_t *n);
enum stream_result stream_write(struct stream *stream, const uint8_t *p, size_t len, size_t *n);
/* The same of several pieces with one system call; of a TLS connection nothing but the first piece
 * that is not empty. */
enum { STREAM_PIECES_MAX = 3 };
enum stream_result stream_write_pieces(struct stream *stream, const struct bytes *piece,
                                       size_t count, size_t *n);
/* Between these two nothing but reading and writing calls OpenSSL, for any stream of the process:
 * its queue of errors is looked at once and not for each call. */
void stream_begin_row(void);
void stream_end_row(void);
bool stream_has_pending(const struct stream *stream); /* bytes that were taken and not yet read */
/* Nothing came since everything was read, and it has not ended. */
bool stream_is_quiet(const struct stream *stream);
/* Much is to be read: TLS takes several records from the socket at once, and wipes what was read
 * when it gives its memory back unless it is `secret`. False: not yet, something is pending; to be
 * called again after the next read. */
bool stream_grow(struct stream *stream, bool secret);
void stream_shrink(struct stream *stream); /* and forget */
/* Give the memory back that TLS keeps for the next record, wiped; once, or after every record. */
void stream_forget(struct stream *stream);
void stream_forget_always(struct stream *stream);
/* Close, and free what the stream holds. `clean` sends close_notify; without it a TLS peer sees the
 * truncation, and a plain TCP peer a reset (a unix socket has none: its peer sees the end). Keeps
 * session tickets valid (SSL_free alone throws them away). */
void stream_close(struct stream *stream, bool clean);

/* Contexts: TLS 1.2 and later, no renegotiation, no compression. They read
 * what they need from /etc/ssl now and nothing later, so that the process can be shut in. The
 * caller frees them with SSL_CTX_free. */

/* Its connections get a certificate each (SSL_use_certificate), or the context one. A client that
 * offers protocols by ALPN, and not http/1.1 among them, is turned away. */
KH_MUST_CHECK enum kh_err tls_server_context(SSL_CTX **out, struct fault *fault);
/* Certificate (its chain may follow it) and key of a server context, both PEM. KH_ERR_CONFIG when
 * they do not fit together or the key is encrypted. */
KH_MUST_CHECK enum kh_err tls_use_certificate(SSL_CTX *context, struct bytes certificate,
                                              struct bytes key, struct fault *fault);
/* The client certificate of a connection: certificates, our own first, and the key, in PEM. */
KH_MUST_CHECK enum kh_err tls_use_identity(SSL *ssl, struct bytes pem, struct fault *fault);
/* PEM roots (these and no others), or the system's when `ca_pem` is empty. KH_ERR_SYNTAX when there
 * is no certificate in `ca_pem`, KH_ERR_NOT_FOUND when the system has none. */
KH_MUST_CHECK enum kh_err tls_client_context(struct bytes ca_pem, SSL_CTX **out,
                                             struct fault *fault);
/*
 * Who keeps sessions for resumption. `on_session` is called for every session that a connection of
 * this context may be resumed with (TLS 1.3: while reading, after the handshake); the session is
 * borrowed, SSL_SESSION_up_ref keeps it. A resumed connection does not check the certificate again,
 * so what is kept for one host, port and set of roots must not be used for another. May be called
 * once for a context.
 */
KH_MUST_CHECK enum kh_err tls_client_on_session(SSL_CTX *context,
                                                void (*on_session)(void *keeper, SSL *ssl,
                                                                   SSL_SESSION *session),
                                                void *keeper);
/* A client connection to `host` (canonical, so without brackets): SNI (not for addresses), name
 * check, ALPN http/1.1. `resume` may be NULL, and stays the caller's. Does not own `fd`. */
KH_MUST_CHECK enum kh_err tls_client_new(SSL_CTX *context, int fd, struct bytes host,
                                         SSL_SESSION *resume, SSL **out, struct fault *fault);
/* What went wrong with the peer's certificate or the handshake, for people. To be called right
 * after the failure, before any other call of this header. */
void tls_explain(const SSL *ssl, struct buffer *out);

/* EC P-256 key of this process for leaves, its public half as SubjectPublicKeyInfo DER. */
KH_MUST_CHECK enum kh_err tls_leaf_key(EVP_PKEY **out, struct buffer *public_key,
                                       struct fault *fault);

#endif
