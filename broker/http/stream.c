/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections: plain sockets and OpenSSL on a socket behind the same calls. Declared in tls.h.
 */
#include "tls.h"

#include "tls_prefix.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Four whole records of TLS 1.3 and no byte of a fifth: the rest of one would be read by itself.
 * OpenSSL aligns what it reads by up to 7 bytes. */
enum { RECORD_SIZE = 5 + 16 * 1024 + 1 + 16, READ_LARGE = 4 * RECORD_SIZE + 7 };
_Static_assert((int)STAGED_SILENT_MAX > (int)READ_LARGE + (int)RECORD_SIZE,
               "no record is too long for it");

KH_COLD static enum stream_result
result_of_errno(enum stream_result would_block)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? would_block : STREAM_ERROR;
}

/* What an OpenSSL call meant that did not succeed. The error queue is empty before each call, so
 * that what stands in it now belongs to this one. */
KH_COLD static enum stream_result
result_of_ssl(const struct stream *stream, int r)
{
    switch (SSL_get_error(stream->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_END;
    case SSL_ERROR_SSL:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return STREAM_TRUNCATED;
        return STREAM_ERROR;
    default:
        return STREAM_ERROR;
    }
}

/* Not every OpenSSL 3.0 refuses a protocol that the server names and the client did not offer. */
static bool
speaks_http1(const SSL *ssl)
{
    const unsigned char *protocol = NULL;
    unsigned n = 0;

    SSL_get0_alpn_selected(ssl, &protocol, &n);
    return n == 0 || bytes_is(bytes_of(protocol, n), "http/1.1") ||
           (SSL_is_server(ssl) && bytes_is(bytes_of(protocol, n), "http/1.0"));
}

/* Of calls between which nothing else can put something into OpenSSL's queue of errors. */
static enum { ROW_NONE, ROW_BEGUN, ROW_CLEAN } row;

/* SSL_get_error goes by the queue, so it has to be empty; it nearly always is, and asking costs a
 * tenth of emptying it. */
static void
forget_errors(void)
{
    if (row == ROW_CLEAN)
        return;
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    if (row == ROW_BEGUN)
        row = ROW_CLEAN;
}

void
stream_begin_row(void)
{
    row = ROW_BEGUN;
}

void
stream_end_row(void)
{
    row = ROW_NONE;
}

KH_COLD static enum stream_result
failed(const struct stream *stream, int r)
{
    enum stream_result result = result_of_ssl(stream, r);

    if (row != ROW_NONE)
        ERR_clear_error();
    return result;
}

enum stream_result
stream_handshake(struct stream *stream)
{
    int r;

    if (stream->ssl == NULL)
        return STREAM_OK;
    ERR_clear_error();
    r = SSL_do_handshake(stream->ssl);
    if (r != 1)
        return result_of_ssl(stream, r);
    return speaks_http1(stream->ssl) ? STREAM_OK : STREAM_ERROR;
}

static enum stream_result
read_plain(struct stream *stream, uint8_t *p, size_t cap, size_t *n)
{
    ssize_t r;

    do
        r = recv(stream->fd, p, cap, 0);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return result_of_errno(STREAM_WANT_READ);
    if (r == 0)
        return STREAM_END;
    *n = (size_t)r;
    return STREAM_OK;
}

enum stream_result
stream_read(struct stream *stream, uint8_t *p, size_t cap, size_t *n)
{
    size_t got;
    int r;

    if (cap == 0)
        return STREAM_ERROR;
    if (stream->ssl == NULL)
        return read_plain(stream, p, cap, n);
    forget_errors();
    r = SSL_read_ex(stream->ssl, p, cap, &got);
    if (r != 1)
        return failed(stream, r);
    stream->staged.silent = 0;
    *n = got;
    return STREAM_OK;
}

static enum stream_result
write_plain(struct stream *stream, const uint8_t *p, size_t len, size_t *n)
{
    ssize_t r;

    do
        r = send(stream->fd, p, len, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return result_of_errno(STREAM_WANT_WRITE);
    *n = (size_t)r;
    return STREAM_OK;
}

enum stream_result
stream_write(struct stream *stream, const uint8_t *p, size_t len, size_t *n)
{
    size_t written;
    int r;

    if (len == 0)
        return STREAM_ERROR;
    if (stream->ssl == NULL)
        return write_plain(stream, p, len, n);
    forget_errors();
    r = SSL_write_ex(stream->ssl, p, len, &written);
    if (r != 1)
        return failed(stream, r);
    *n = written;
    return STREAM_OK;
}

enum stream_result
stream_write_pieces(struct stream *stream, const struct bytes *piece, size_t count, size_t *n)
{
    struct iovec part[STREAM_PIECES_MAX];
    struct msghdr message = {.msg_iov = part};
    ssize_t r;

    for (size_t i = 0; i < count && message.msg_iovlen < STREAM_PIECES_MAX; i++) {
        if (piece[i].n > 0 && stream->ssl != NULL)
            return stream_write(stream, piece[i].p, piece[i].n, n);
        if (piece[i].n > 0)
            part[message.msg_iovlen++] =
                (struct iovec){.iov_base = (void *)(uintptr_t)piece[i].p, .iov_len = piece[i].n};
    }
    if (message.msg_iovlen == 0)
        return STREAM_ERROR;
    do
        r = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return result_of_errno(STREAM_WANT_WRITE);
    *n = (size_t)r;
    return STREAM_OK;
}

bool
stream_has_pending(const struct stream *stream)
{
    return stream->ssl != NULL && (stream->staged.in != NULL || SSL_has_pending(stream->ssl) == 1);
}

void
stream_stage(struct stream *stream)
{
    BIO *bio, *below;

    if (stream->ssl == NULL)
        return;
    below = tls_prefix_passed(SSL_get_rbio(stream->ssl));
    if (BIO_method_type(below) != BIO_TYPE_SOCKET)
        return;
    bio = staged_bio_new(&stream->staged, stream->fd);
    if (bio != NULL)
        SSL_set_bio(stream->ssl, bio, bio);
}

bool
stream_is_quiet(const struct stream *stream)
{
    uint8_t byte;

    if (stream_has_pending(stream))
        return false;
    return recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool
stream_grow(struct stream *stream, bool secret)
{
    if (stream->ssl == NULL)
        return true;
    if (!secret)
        (void)SSL_clear_options(stream->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    /* Its memory is of a size that is settled when there is none yet. */
    if (SSL_has_pending(stream->ssl) == 1 || SSL_free_buffers(stream->ssl) != 1) {
        SSL_set_read_ahead(stream->ssl, 0); /* so that a read ends where a record does */
        return false;
    }
    SSL_set_default_read_buffer_len(stream->ssl, READ_LARGE);
    SSL_set_read_ahead(stream->ssl, 1);
    return true;
}

void
stream_shrink(struct stream *stream)
{
    if (stream->ssl == NULL)
        return;
    (void)SSL_set_options(stream->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    SSL_set_read_ahead(stream->ssl, 1);
    SSL_set_default_read_buffer_len(stream->ssl, 0);
    stream_forget(stream);
}

void
stream_forget(struct stream *stream)
{
    if (stream->ssl != NULL)
        (void)SSL_free_buffers(stream->ssl); /* refused while there is something in them */
}

void
stream_forget_always(struct stream *stream)
{
    if (stream->ssl != NULL)
        (void)SSL_set_mode(stream->ssl, SSL_MODE_RELEASE_BUFFERS);
}

static void
close_tls(struct stream *stream, bool clean)
{
    if (clean && SSL_is_init_finished(stream->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->ssl); /* close_notify goes out; nobody waits for the peer's */
    }
    /* Without this SSL_free takes the session for broken and forbids its resumption: of 1500
     * connections 1 was resumed, with it all of them. */
    SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(stream->ssl);
    ERR_clear_error();
    stream->ssl = NULL;
}

void
stream_close(struct stream *stream, bool clean)
{
    if (stream->ssl != NULL) {
        close_tls(stream, clean);
        staged_free(&stream->staged);
    } else if (!clean && stream->fd >= 0) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};

        (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    if (stream->fd >= 0)
        (void)close(stream->fd);
    stream->fd = -1;
}
