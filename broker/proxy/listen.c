/* SPDX-License-Identifier: Apache-2.0
 *
 * Accepting: a bounded number at a time, up to a number of connections, and never in a circle when
 * descriptors are used up (docs/THREATS.md, 20).
 */
#include "listen.h"

#include "../metrics.h"
#include "address.h"
#include "answer.h"
#include "dns_listen.h"
#include "intercept.h"
#include "proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_MAX = 64, // at one wake-up; the connections that are there have their turn
    PAUSE_MS = 100,
};

// Said before a byte was read: it costs one system call, and no memory.
static void
refuse_busy(const struct listener *listener, int fd)
{
    struct bytes answer = answer_busy();
    if (!listener->context && listener->kind != LISTENER_DNS_TCP && answer.n)
        (void)!send(fd, answer.p, answer.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
    if (!listener->metrics)
        metrics_add(METRIC_CLIENTS_REFUSED, 1);
}

static void
pause_listener(struct listener *listener, int error)
{
    struct timeval delay = {.tv_usec = PAUSE_MS * 1000};
    log_warning("accept-paused", "%s: %s", listener->name, strerror(error));
    event_del(listener->readable);
    event_add(listener->pause, &delay);
}

static void
listener_resume(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;
    (void)fd, (void)what;
    if (listener->fd >= 0)
        event_add(listener->readable, NULL);
}

// Whoever watches has places of its own: it is to see that the others are taken.
static bool
is_full(const struct proxy *proxy, const struct listener *listener)
{
    const struct connection_lists *lists = &proxy->connections;
    if (listener->metrics)
        return lists->watching >= WATCH_CONNECTIONS_MAX;
    return lists->count - lists->watching >= (size_t)proxy->config.connections_max;
}

static void
listener_ready(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;
    struct proxy *proxy = listener->proxy;
    (void)what;
    for (int i = 0; i < ACCEPT_MAX && listener->fd >= 0; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_listener(listener, errno);
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return;
        }
        if (is_full(proxy, listener))
            refuse_busy(listener, client);
        else
            connection_accept(proxy, listener, client);
    }
}

static void
listener_free(struct listener *listener)
{
    if (listener->readable)
        event_free(listener->readable);
    if (listener->pause)
        event_free(listener->pause);
    if (listener->fd >= 0)
        close(listener->fd);
    SSL_CTX_free(listener->context);
    free(listener);
}

static bool
descriptor_is_datagram(int fd)
{
    int type = 0;
    socklen_t length = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_DGRAM;
}

static enum kh_err
set_up(struct listener *listener, const struct message_listener *message, struct fault *fault)
{
    struct proxy *proxy = listener->proxy;
    struct address address = {.length = sizeof address.storage};
    if (message->kind == LISTENER_DNS_UDP ? !descriptor_is_datagram(listener->fd)
                                          : !conduit_can_accept(listener->fd))
        return fault_set(fault, KH_ERR_PROTOCOL, "%s: not a listening socket", listener->name);
    if (message->kind == LISTENER_TCP &&
        getsockname(listener->fd, (struct sockaddr *)&address.storage, &address.length) == 0) {
        listener->bound = address;
        listener->port = address_port(&address);
    }
    listener->readable =
        event_new(proxy->base, listener->fd, EV_READ | EV_PERSIST,
                  message->kind == LISTENER_DNS_UDP ? dns_listen_ready : listener_ready, listener);
    listener->pause = event_new(proxy->base, -1, 0, listener_resume, listener);
    if (!listener->readable || !listener->pause)
        return fault_set(fault, KH_ERR_MEMORY, "%s: no memory", listener->name);
    listener->operator_certificate = message->certificate.n > 0;
    listener->transparent = message->transparent;
    if (!message->tls)
        return KH_OK;
    enum kh_err r = intercept_context(proxy->intercept, message->certificate, message->key,
                                      &listener->context, fault);
    if (r != KH_OK)
        fault_prefix(fault, "%s", listener->name);
    return r;
}

enum kh_err
listen_add(struct proxy *proxy, const struct message_listener *message, int fd, struct fault *fault)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a listener");
    }
    listener->proxy = proxy;
    listener->fd = fd;
    listener->kind = message->kind;
    listener->gateway = message->gateway;
    memcpy(listener->answer, message->answer, sizeof listener->answer);
    snprintf(listener->name, sizeof listener->name, "%.*s", BYTES_ARG(message->name));
    listener->metrics = message->metrics;
    listener->counted = metrics_listener_give(listener->name);
    enum kh_err r = set_up(listener, message, fault);
    if (r != KH_OK) {
        listener_free(listener);
        return r;
    }
    TAILQ_INSERT_TAIL(&proxy->listeners, listener, entry);
    // Whoever watches is to hear that it is not ready yet.
    if (listener->metrics || (proxy->ready && !proxy->draining))
        event_add(listener->readable, NULL);
    return KH_OK;
}

void
listen_start_all(struct proxy *proxy)
{
    struct listener *listener;
    TAILQ_FOREACH(listener, &proxy->listeners, entry)
    event_add(listener->readable, NULL);
}

void
listen_mend(struct proxy *proxy)
{
    struct listener *listener;
    TAILQ_FOREACH(listener, &proxy->listeners, entry)
    {
        if (listener->fd >= 0 && !event_pending(listener->readable, EV_READ, NULL) &&
            !event_pending(listener->pause, EV_TIMEOUT, NULL))
            event_add(listener->readable, NULL);
    }
}

void
listen_close_all(struct proxy *proxy)
{
    struct listener *listener;
    TAILQ_FOREACH(listener, &proxy->listeners, entry)
    {
        if (listener->metrics) // and that it is not any more
            continue;
        event_del(listener->readable);
        event_del(listener->pause);
        if (listener->fd >= 0)
            close(listener->fd);
        listener->fd = -1;
    }
}

void
listen_free_all(struct proxy *proxy)
{
    struct listener *listener;
    while ((listener = TAILQ_FIRST(&proxy->listeners))) {
        TAILQ_REMOVE(&proxy->listeners, listener, entry);
        listener_free(listener);
    }
}
