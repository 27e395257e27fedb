/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream on the event loop. libevent tells readiness and nothing else: TLS straight on the
 * descriptor took 15 µs of CPU for a request, and 20 with bufferevents.
 */
#include "conduit.h"

#include <errno.h>
#include <sys/socket.h>

// A buffer grows in powers of two and keeps one byte for a NUL: these fill it exactly.
enum { READ_FIRST = 4095, READ_MORE = 32767 };

enum {
    PASS_BEHIND_MAX = 4 * 1024, // of what may stand before it
};

// Whether the owner would read now: it said up to where, and no handshake is going on.
static bool
is_read(const struct conduit *c)
{
    return c->want_read && c->limit != SIZE_MAX && c->in.n < c->limit &&
           (!c->stream.ssl || SSL_is_init_finished(c->stream.ssl));
}

// The system call alone where there is TLS.
static void
receive(struct conduit *c)
{
    if (!c->stream.ssl)
        conduit_read(c);
    else if (c->stream.staged.on && c->readable && !c->bulk && is_read(c))
        staged_receive(&c->stream.staged);
}

static void
conduit_event(evutil_socket_t fd, short what, void *context)
{
    struct conduit *c = context;
    (void)fd;
    if (!c->open)
        return;
    c->blocked = false;
    if (what & EV_READ) {
        c->readable = true;
        // Disarmed only when it turns out to be unwanted: most of the time nothing comes, and the
        // two system calls are spared.
        if (!c->want_read && !c->need_read && c->read_armed) {
            event_del(c->read_event);
            c->read_armed = false;
        }
    }
    if ((what & EV_WRITE) && c->need_write)
        c->readable = true;
    if (!c->turn) {
        c->ready(c->owner);
        return;
    }
    receive(c);
    turn_came(c->turn, c);
}

void
conduit_join_turn(struct conduit *c, struct turn *turn, enum turn_kind kind)
{
    c->kind = kind;
    c->turn = turn;
    c->pending = true;
    stream_stage(&c->stream);
}

void
conduit_read(struct conduit *c)
{
    if (is_read(c))
        conduit_fill(c, c->limit);
}

bool
conduit_can_accept(int fd)
{
    int value = 0;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value == 1;
}

enum kh_err
conduit_open(struct conduit *c, struct event_base *base, int fd, void (*ready)(void *owner),
             void *owner)
{
    *c = (struct conduit){.stream = {.fd = fd},
                          .open = true,
                          .pending = true,
                          .limit = SIZE_MAX,
                          .ready = ready,
                          .owner = owner};
    buffer_init_secret(&c->in, CONDUIT_IN_MAX);
    buffer_init_secret(&c->out, CONDUIT_OUT_MAX);
    c->read_event = event_new(base, fd, EV_READ | EV_PERSIST, conduit_event, c);
    c->write_event = event_new(base, fd, EV_WRITE | EV_PERSIST, conduit_event, c);
    if (!c->read_event || !c->write_event) {
        conduit_close(c, false);
        return KH_ERR_MEMORY;
    }
    return KH_OK;
}

void
conduit_close(struct conduit *c, bool clean)
{
    if (!c->open)
        return;
    c->open = false;
    turn_leave(c);
    conduit_wake(c);
    if (c->read_event)
        event_free(c->read_event);
    if (c->write_event)
        event_free(c->write_event);
    if (c->again_event)
        event_free(c->again_event);
    c->read_event = c->write_event = c->again_event = NULL;
    stream_close(&c->stream, clean);
    buffer_free(&c->in);
    buffer_free(&c->out);
}

void
conduit_need(struct conduit *c, enum stream_result want)
{
    c->need_read = want == STREAM_WANT_READ;
    c->need_write = want == STREAM_WANT_WRITE;
}

void
conduit_fill_what_came(struct conduit *c)
{
    size_t limit = c->limit;
    while (c->open && c->ended == STREAM_OK && c->in.n < limit &&
           (c->readable || (c->pending && c->stream.ssl))) {
        size_t room = limit - c->in.n, n = 0;
        size_t size = c->in.cap > c->in.n ? c->in.cap - c->in.n - 1 : 0;
        if (c->grown)
            size = room; // a record that does not fit would be cut
        else if (size < READ_FIRST / 2)
            size = c->in.n ? READ_MORE : READ_FIRST;
        size = size < room ? size : room;
        uint8_t *p = buffer_room(&c->in, size);
        if (!p) {
            c->ended = STREAM_ERROR;
            return;
        }
        enum stream_result r = stream_read(&c->stream, p, size, &n);
        c->pending = r == STREAM_OK && stream_has_pending(&c->stream);
        if (r == STREAM_OK) {
            buffer_advance(&c->in, n);
            c->moved = true;
            c->need_read = c->need_write = false;
            if (c->bulk && !c->grown)
                c->grown = stream_grow(&c->stream, c->bulk_secret);
            // A short read took all that there was; another one would only say so.
            if (n < size && !c->eager && !c->pending)
                c->readable = false;
        } else if (r == STREAM_WANT_READ || r == STREAM_WANT_WRITE) {
            c->readable = false;
            c->need_write = r == STREAM_WANT_WRITE;
            return;
        } else {
            c->readable = false;
            c->ended = r;
        }
    }
}

void
conduit_flush_what_is_there(struct conduit *c)
{
    if (!c->turn) {
        conduit_write(c);
        return;
    }
    // Were it tried again before the event tells, it might succeed, and then nothing would call the
    // owner, who believes that the peer takes no more.
    if (c->out.failed || (!c->blocked && c->out.n >= CONDUIT_PASS_MIN))
        conduit_write(c);
    else if (!c->blocked && c->out.n > 0)
        turn_write(c->turn, c);
}

enum { RECORD_EXTRA = 64 }; // what a record has beyond what is in it

void
conduit_seal(struct conduit *c)
{
    struct staged *staged = &c->stream.staged;
    if (!staged->on || c->write_failed || c->sealed == c->out.n || c->out.failed ||
        !staged_has_room(staged, c->out.n - c->sealed + RECORD_EXTRA))
        return;
    size_t n = 0;
    staged->holds = true;
    enum stream_result r = stream_write(&c->stream, c->out.p + c->sealed, c->out.n - c->sealed, &n);
    staged->holds = false;
    if (r == STREAM_OK) // otherwise conduit_write() tries the same, and sees to it
        c->sealed += n;
}

// What follows the first `done` bytes of `out`; what is sealed stands at the beginning.
static enum stream_result
write_some(struct conduit *c, size_t done, size_t *n)
{
    if (c->sealed == 0)
        return stream_write(&c->stream, c->out.p + done, c->out.n - done, n);
    if (!staged_send(&c->stream.staged))
        return errno == EAGAIN || errno == EWOULDBLOCK ? STREAM_WANT_WRITE : STREAM_ERROR;
    *n = c->sealed;
    c->sealed = 0;
    return STREAM_OK;
}

void
conduit_write(struct conduit *c)
{
    size_t done = 0;
    if (c->out.failed)
        c->write_failed = true;
    while (c->open && !c->write_failed && done < c->out.n) {
        size_t n = 0;
        enum stream_result r = write_some(c, done, &n);
        if (r == STREAM_OK) {
            done += n;
            c->moved = true;
            c->need_read = false;
        } else if (r == STREAM_WANT_WRITE || r == STREAM_WANT_READ) {
            c->need_read = r == STREAM_WANT_READ;
            c->blocked = c->turn != NULL;
            break;
        } else {
            c->write_failed = true;
        }
    }
    if (c->write_failed) {
        buffer_free(&c->out);
        c->sealed = 0;
    } else if (done) {
        buffer_consume(&c->out, done);
    }
}

static struct bytes
cut(struct bytes piece, size_t *written)
{
    size_t n = *written < piece.n ? *written : piece.n;
    *written -= n;
    return bytes_from(piece, n);
}

static bool
may_pass(const struct conduit *c, struct bytes data)
{
    // With more than a head before it the peer does not take what there is. In TLS the head would
    // become a record of its own, which is worse than copying.
    size_t before = c->stream.ssl ? 0 : PASS_BEHIND_MAX;
    return c->open && !c->write_failed && !c->out.failed && !c->need_read && !c->blocked &&
           data.n >= CONDUIT_PASS_MIN && c->out.n <= before;
}

void
conduit_pass(struct conduit *c, struct bytes data, struct bytes tail)
{
    bool taken = true;
    while (taken && may_pass(c, data)) {
        const struct bytes piece[] = {buffer_bytes(&c->out), data, tail};
        size_t n = 0;
        enum stream_result r = stream_write_pieces(&c->stream, piece, 3, &n);
        if (r == STREAM_OK) {
            c->moved = true;
            buffer_consume(&c->out, piece[0].n - cut(piece[0], &n).n);
            data = cut(data, &n);
            tail = cut(tail, &n);
            taken = c->stream.ssl != NULL; // a record at a time; a socket took what it could
        } else {
            taken = false;
            c->need_read = r == STREAM_WANT_READ;
            c->write_failed = r != STREAM_WANT_READ && r != STREAM_WANT_WRITE;
            c->blocked = c->turn && !c->write_failed;
        }
    }
    buffer_put(&c->out, data);
    buffer_put(&c->out, tail);
}

static void
set_armed(struct event *event, bool *armed, bool wanted)
{
    if (wanted == *armed)
        return;
    if (wanted ? event_add(event, NULL) == 0 : event_del(event) == 0)
        *armed = wanted;
}

void
conduit_arm(struct conduit *c, bool want_read)
{
    if (!c->open)
        return;
    // Readable it stays for as long as nothing is read: the loop would not rest.
    c->want_read = want_read && c->ended == STREAM_OK && c->in.n < c->limit;
    bool read = c->want_read || c->need_read;
    if (read && !c->read_armed)
        set_armed(c->read_event, &c->read_armed, true);
    bool write = c->need_write ||
                 (c->stage != CONDUIT_DIRTY && c->out.n > 0 && !c->write_failed && !c->need_read);
    set_armed(c->write_event, &c->write_armed, write);
}

void
conduit_again(struct conduit *c)
{
    static const struct timeval now;
    if (!c->open)
        return;
    // A timer, because an event that is made active would come before what epoll has for others.
    if (!c->again_event)
        c->again_event = event_new(event_get_base(c->read_event), -1, 0, conduit_event, c);
    if (c->again_event)
        event_add(c->again_event, &now);
}

void
conduit_end(struct conduit *c)
{
    if (c->stream.ssl)
        (void)SSL_shutdown(c->stream.ssl);
    (void)shutdown(c->stream.fd, SHUT_WR);
}

bool
conduit_moved(struct conduit *c)
{
    bool moved = c->moved;
    c->moved = false;
    return moved;
}

void
conduit_consume(struct conduit *c, size_t n)
{
    if (n == 0)
        return;
    c->moved = true;
    if (c->bulk && !c->bulk_secret)
        buffer_skip(&c->in, n); // conduit_rest wipes it, once for all of the message
    else
        buffer_consume(&c->in, n); // wipes what it moved away from
}

static void
forget(struct buffer *b)
{
    if (b->n == 0) {
        buffer_free(b);
        return;
    }
    struct buffer kept;
    buffer_init_secret(&kept, b->max);
    buffer_put(&kept, buffer_bytes(b));
    if (kept.failed) {
        buffer_free(&kept);
        return;
    }
    buffer_free(b);
    *b = kept;
}

void
conduit_forget(struct conduit *c)
{
    forget(&c->in);
    forget(&c->out);
    stream_forget(&c->stream);
}

void
conduit_expect_bulk(struct conduit *c, bool secret)
{
    if (c->bulk)
        return;
    c->bulk = true;
    c->bulk_secret = secret;
    c->grown = stream_grow(&c->stream, secret);
}

void
conduit_rest(struct conduit_rest *rest, struct conduit *c)
{
    if (c->bulk)
        stream_shrink(&c->stream);
    c->bulk = c->grown = false;
    if (c->in.cap > CONDUIT_REST_SIZE || c->in.mark > c->in.n)
        forget(&c->in);
    if (c->out.cap > CONDUIT_REST_SIZE)
        forget(&c->out);
    conduit_wake(c);
    if (!rest->count)
        TAILQ_INIT(&rest->list);
    TAILQ_INSERT_TAIL(&rest->list, c, entry);
    c->rest = rest;
    if (++rest->count > CONDUIT_REST_MAX) {
        struct conduit *longest = TAILQ_FIRST(&rest->list);
        conduit_wake(longest);
        conduit_forget(longest);
    }
}

void
conduit_wake(struct conduit *c)
{
    if (!c->rest)
        return;
    TAILQ_REMOVE(&c->rest->list, c, entry);
    c->rest->count--;
    c->rest = NULL;
}
