/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay: its listening sockets, and what is said of each connection that comes in.
 */
#include "relay_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RELAY_ACCEPTS_MAX = 64, RELAY_PAUSE_US = 200000 };

struct relay_listener {
    LIST_ENTRY(relay_listener) entry;
    struct relay *relay;
    int fd;
    struct event *event, *pause;
    struct preface preface;
    struct buffer token, hosts; // of the preface
};

/* ---- sides ---- */

short
relay_interest(enum wire_result result)
{
    return result == WIRE_WANT_READ ? EV_READ : result == WIRE_WANT_WRITE ? EV_WRITE : 0;
}

static void
relay_side_never(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
}

bool
relay_side_init(struct relay_side *side, struct event_base *base)
{
    side->wire.fd = -1;
    side->event = event_new(base, -1, 0, relay_side_never, NULL);
    return side->event != NULL;
}

void
relay_side_watch(struct relay_side *side, short interest, event_callback_fn callback, void *context)
{
    if (interest == side->interest)
        return;
    struct event_base *base = event_get_base(side->event);
    event_del(side->event);
    side->interest = interest;
    if (interest == 0)
        return;
    event_assign(side->event, base, side->wire.fd, (short)(interest | EV_PERSIST), callback,
                 context);
    event_add(side->event, NULL);
}

void
relay_side_close(struct relay_side *side, bool abort)
{
    if (side->event != NULL)
        event_free(side->event);
    side->event = NULL;
    wire_close(&side->wire, abort);
}

/* ---- one that comes in ---- */

// Only the port: which host is meant the client says itself, in SNI or Host.
static uint16_t
listener_destination_port(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    if (getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, &address, &size) == 0 &&
        address.sin_family == AF_INET && address.sin_port != 0)
        return ntohs(address.sin_port);
    struct sockaddr_storage own = {0};
    size = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0)
        return 0;
    if (own.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&own)->sin_port);
    return own.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&own)->sin6_port) : 0;
}

static bool
listener_start_connection(struct relay_listener *listener, int fd)
{
    struct preface preface = listener->preface;
    if (preface.kind == PREFACE_TRANSPARENT)
        preface.port = listener_destination_port(fd);
    struct buffer head;
    buffer_init_secret(&head, PREFACE_MAX);
    preface_write(&preface, &head);
    bool ok = !head.failed;
    if (ok)
        ok = relay_connection_start(listener->relay, fd, buffer_bytes(&head));
    else
        close(fd);
    buffer_free(&head);
    return ok;
}

// Out of descriptors or memory: a listener that is still ready would be served without end.
static void
listener_rest(struct relay_listener *listener)
{
    event_del(listener->event);
    event_add(listener->pause, &(struct timeval){.tv_usec = RELAY_PAUSE_US});
}

static void
listener_resume(evutil_socket_t fd, short what, void *context)
{
    struct relay_listener *listener = context;
    (void)fd;
    (void)what;
    event_add(listener->event, NULL);
}

static void
listener_accept(evutil_socket_t fd, short what, void *context)
{
    struct relay_listener *listener = context;
    (void)what;
    for (unsigned i = 0; i < RELAY_ACCEPTS_MAX; i++) {
        int client = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (client < 0 || !listener_start_connection(listener, client)) {
            listener_rest(listener);
            return;
        }
    }
}

/* ---- listeners ---- */

static void
listener_free(struct relay_listener *listener)
{
    if (listener->event != NULL)
        event_free(listener->event);
    if (listener->pause != NULL)
        event_free(listener->pause);
    close(listener->fd);
    buffer_free(&listener->token);
    buffer_free(&listener->hosts);
    free(listener);
}

static bool
listener_copy_preface(struct relay_listener *listener, const struct preface *preface)
{
    struct buffer trial;
    listener->preface = *preface;
    buffer_put(&listener->token, preface->token);
    buffer_put(&listener->hosts, preface->hosts);
    listener->preface.token = buffer_bytes(&listener->token);
    listener->preface.hosts = buffer_bytes(&listener->hosts);
    // What cannot be written is found now, and not with the first connection.
    struct preface written = listener->preface;
    written.port = written.kind == PREFACE_TRANSPARENT ? 1 : 0;
    buffer_init_secret(&trial, PREFACE_MAX);
    preface_write(&written, &trial);
    bool ok = !trial.failed && !listener->token.failed && !listener->hosts.failed;
    buffer_free(&trial);
    return ok;
}

enum kh_err
relay_listen(struct relay *relay, int fd, const struct preface *preface, struct fault *fault)
{
    struct relay_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    listener->relay = relay;
    listener->fd = fd;
    buffer_init_secret(&listener->token, PREFACE_TOKEN_MAX);
    buffer_init(&listener->hosts, PREFACE_HOSTS_MAX);
    listener->event = event_new(relay->base, fd, EV_READ | EV_PERSIST, listener_accept, listener);
    listener->pause = evtimer_new(relay->base, listener_resume, listener);
    enum kh_err err = KH_OK;
    if (!listener_copy_preface(listener, preface))
        err = fault_set(fault, KH_ERR_USAGE, "the hosts or the token are too long for a relay");
    else if (evutil_make_socket_nonblocking(fd) != 0 || listener->event == NULL ||
             listener->pause == NULL || event_add(listener->event, NULL) != 0)
        err = fault_set(fault, KH_ERR_IO, "a listening socket cannot be served");
    if (err == KH_OK)
        LIST_INSERT_HEAD(&relay->listeners, listener, entry);
    else
        listener_free(listener);
    return err;
}

/* ---- the relay ---- */

enum kh_err
relay_new(struct event_base *base, const struct broker_address *broker, const char *ca_file,
          struct relay **out, struct fault *fault)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    relay->base = base;
    LIST_INIT(&relay->listeners);
    LIST_INIT(&relay->connections);
    LIST_INIT(&relay->resolvers);
    enum kh_err err = wire_target_new(broker, ca_file, &relay->target, fault);
    if (err == KH_OK)
        *out = relay;
    else
        free(relay);
    return err;
}

void
relay_free(struct relay **out)
{
    struct relay *relay = *out;
    if (relay == NULL)
        return;
    struct relay_listener *listener;
    while ((listener = LIST_FIRST(&relay->listeners)) != NULL) {
        LIST_REMOVE(listener, entry);
        listener_free(listener);
    }
    while (!LIST_EMPTY(&relay->connections))
        relay_connection_free(LIST_FIRST(&relay->connections));
    while (!LIST_EMPTY(&relay->resolvers))
        relay_dns_free(LIST_FIRST(&relay->resolvers));
    wire_target_free(&relay->target);
    free(relay);
    *out = NULL;
}

uint64_t
relay_lost(const struct relay *relay)
{
    return relay->lost;
}
