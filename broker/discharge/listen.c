/* SPDX-License-Identifier: Apache-2.0
 *
 * Accepting: a bounded number at a time, of each client too, and never in a circle when descriptors
 * are used up.
 */
#include "listen.h"

#include "../http/tls.h"
#include "../log.h"
#include "answer.h"
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ACCEPT_MAX = 32, // at one wake-up; the connections that are there have their turn
    PAUSE_MS = 100,
};

// Said before a byte was read: it costs one system call, and no connection.
static void
refuse_busy(const struct listener *listener, int fd, bool of_client)
{
    const struct refusal busy = {503, FAILURE_BUSY, "", NULL};
    const struct refusal too_many = {429, FAILURE_TOO_MANY, "too many connections", NULL};
    const struct answer_form form = {.close = true, .now = (int64_t)time(NULL)};
    BUFFER_AUTO out;

    buffer_init(&out, 4096);
    answer_write_refusal(of_client ? &too_many : &busy, &form, &out);
    if (listener->context == NULL && !out.failed)
        (void)!send(fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void
pause_listener(struct listener *listener, int error)
{
    const struct timeval delay = {.tv_usec = PAUSE_MS * 1000};

    log_warning("accept-paused", "%s: %s", listener->name, strerror(error));
    (void)event_del(listener->readable);
    (void)event_add(listener->pause, &delay);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;

    (void)fd, (void)what;
    if (listener->fd >= 0)
        (void)event_add(listener->readable, NULL);
}

static void
accept_one(struct listener *listener, int fd, const struct peer *peer)
{
    struct server *server = listener->server;

    if (server->connection_count >= server->limits.connections)
        refuse_busy(listener, fd, false);
    else if (connection_count_of(server, peer) >= server->limits.connections_of_client)
        refuse_busy(listener, fd, true);
    else
        connection_new(server, listener->context, fd, peer);
}

static void
on_readable(evutil_socket_t socket, short what, void *context)
{
    struct listener *listener = context;

    (void)socket, (void)what;
    for (int i = 0; i < ACCEPT_MAX && listener->fd >= 0; i++) {
        struct sockaddr_storage address = {0};
        socklen_t length = sizeof address;
        struct peer peer;
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_listener(listener, errno);
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return;
        }
        peer_read((const struct sockaddr *)&address, &peer);
        accept_one(listener, fd, &peer);
    }
}

static enum kh_err
set_up(struct listener *listener, const struct message_listener *message, struct fault *fault)
{
    struct event_base *base = listener->server->base;

    if (!conduit_can_accept(listener->fd) || evutil_make_socket_nonblocking(listener->fd))
        return fault_set(fault, KH_ERR_PROTOCOL, "%s: is no listening socket", listener->name);
    listener->readable = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_readable, listener);
    listener->pause = evtimer_new(base, on_pause_over, listener);
    if (listener->readable == NULL || listener->pause == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", listener->name);
    if (!message->tls)
        return KH_OK;
    if (message->certificate.n == 0)
        return fault_set(fault, KH_ERR_CONFIG,
                         "%s: a discharger's TLS needs a certificate and key of the operator",
                         listener->name);
    enum kh_err err = tls_server_context(&listener->context, fault);
    if (!err)
        err = tls_use_certificate(listener->context, message->certificate, message->key, fault);
    if (err)
        fault_prefix(fault, "%s: ", listener->name);
    return err;
}

enum kh_err
server_listen(struct server *server, const struct message_listener *message, int fd,
              struct fault *fault)
{
    struct listener *listener = calloc(1, sizeof *listener);

    if (listener == NULL) {
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    listener->server = server;
    listener->fd = fd;
    snprintf(listener->name, sizeof listener->name, "%.*s", BYTES_ARG(message->name));
    enum kh_err err = set_up(listener, message, fault);
    if (err) {
        listener_free(listener);
        return err;
    }
    TAILQ_INSERT_TAIL(&server->listeners, listener, entry);
    if (server->accepting && !server->draining)
        listener_accept(listener);
    return KH_OK;
}

void
listener_accept(struct listener *listener)
{
    (void)event_add(listener->readable, NULL);
}

void
listener_close(struct listener *listener)
{
    if (listener->readable)
        (void)event_del(listener->readable);
    if (listener->pause)
        (void)event_del(listener->pause);
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

void
listener_free(struct listener *listener)
{
    listener_close(listener);
    if (listener->readable)
        event_free(listener->readable);
    if (listener->pause)
        event_free(listener->pause);
    SSL_CTX_free(listener->context);
    free(listener);
}
