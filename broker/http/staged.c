/* SPDX-License-Identifier: Apache-2.0
 *
 * A BIO on a socket that holds what comes and goes. Declared in staged.h.
 */
#include "staged.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SPARE_MAX = 128 }; // pieces that are kept for the next turn

struct staged_piece {
    struct staged_piece *next;
    size_t at, n;
    uint8_t data[STAGED_SIZE];
};

static struct {
    struct staged_piece *first;
    size_t count;
} spare; // of the process, which has one event loop

/* ---- pieces ---- */

static struct staged_piece *
piece_new(void)
{
    struct staged_piece *piece = spare.first;
    if (piece) {
        spare.first = piece->next;
        spare.count--;
    } else {
        piece = malloc(sizeof *piece);
    }
    if (piece)
        piece->at = piece->n = 0;
    return piece;
}

static void
piece_free(struct staged_piece **piece)
{
    struct staged_piece *p = *piece;
    *piece = NULL;
    if (!p)
        return;
    if (spare.count == SPARE_MAX) {
        free(p);
        return;
    }
    p->next = spare.first;
    spare.first = p;
    spare.count++;
}

/* ---- the socket ---- */

static ssize_t
receive(struct staged *s, void *p, size_t n)
{
    ssize_t r;
    if (s->silent > STAGED_SILENT_MAX) {
        errno = EPROTO;
        return -1;
    }
    do
        r = recv(s->fd, p, n, 0);
    while (r < 0 && errno == EINTR);
    s->ended = r == 0;
    s->silent += r > 0 ? (size_t)r : 0;
    return r;
}

static ssize_t
transmit(int fd, const void *p, size_t n)
{
    ssize_t r;
    do
        r = send(fd, p, n, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r;
}

static bool
would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

void
staged_receive(struct staged *s)
{
    if (s->in || s->ended || s->error)
        return;
    struct staged_piece *piece = piece_new();
    ssize_t r = piece ? receive(s, piece->data, sizeof piece->data) : 0;
    if (r > 0) {
        piece->n = (size_t)r;
        s->in = piece;
        return;
    }
    if (r < 0 && !would_block(errno))
        s->error = errno;
    piece_free(&piece);
}

bool
staged_send(struct staged *s)
{
    while (s->out) {
        ssize_t r = transmit(s->fd, s->out->data + s->out->at, s->out->n - s->out->at);
        if (r < 0)
            return false;
        s->out->at += (size_t)r;
        if (s->out->at == s->out->n)
            piece_free(&s->out);
    }
    return true;
}

bool
staged_has_room(const struct staged *s, size_t n)
{
    return n <= STAGED_SIZE - (s->out ? s->out->n : 0);
}

/* ---- the BIO ---- */

static int
take_held(struct staged *s, char *out, int size)
{
    struct staged_piece *piece = s->in;
    size_t n = piece->n - piece->at;
    n = n < (size_t)size ? n : (size_t)size;
    memcpy(out, piece->data + piece->at, n);
    piece->at += n;
    if (piece->at == piece->n)
        piece_free(&s->in);
    return (int)n;
}

static int
staged_read(BIO *bio, char *out, int size)
{
    struct staged *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (s->in)
        return take_held(s, out, size);
    if (s->error) {
        errno = s->error;
        s->error = 0;
        return -1;
    }
    ssize_t r = receive(s, out, (size_t)size);
    if (r < 0 && would_block(errno))
        BIO_set_retry_read(bio);
    return (int)r;
}

static bool
hold(struct staged *s, const char *data, size_t n)
{
    if (!s->out)
        s->out = piece_new();
    if (!s->out)
        return false;
    memcpy(s->out->data + s->out->n, data, n);
    s->out->n += n;
    return true;
}

static int
staged_write(BIO *bio, const char *data, int size)
{
    struct staged *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (s->holds && staged_has_room(s, (size_t)size) && hold(s, data, (size_t)size))
        return size;
    ssize_t r = staged_send(s) ? transmit(s->fd, data, (size_t)size) : -1;
    if (r < 0 && would_block(errno))
        BIO_set_retry_write(bio);
    return (int)r;
}

static long
staged_control(BIO *bio, int command, long number, void *pointer)
{
    const struct staged *s = BIO_get_data(bio);
    (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: // of OpenSSL's own buffer, which a handshake has
        return 1;
    case BIO_CTRL_EOF:
        return s->ended;
    default:
        return 0;
    }
}

// Made once; a process has one, for all its life.
static BIO_METHOD *
staged_method(void)
{
    static BIO_METHOD *method;
    if (method)
        return method;
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "staged");
    if (made && BIO_meth_set_read(made, staged_read) == 1 &&
        BIO_meth_set_write(made, staged_write) == 1 && BIO_meth_set_ctrl(made, staged_control) == 1)
        method = made;
    else
        BIO_meth_free(made);
    return method;
}

BIO *
staged_bio_new(struct staged *s, int fd)
{
    BIO_METHOD *method = staged_method();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return NULL;
    *s = (struct staged){.fd = fd, .on = true};
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    return bio;
}

void
staged_free(struct staged *s)
{
    piece_free(&s->in);
    piece_free(&s->out);
    s->on = false;
}
