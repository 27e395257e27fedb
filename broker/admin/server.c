/* SPDX-License-Identifier: Apache-2.0
 *
 * The admin socket: who may connect, one line in, one line out.
 */
#include "server.h"

#include "../log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, IDLE_S = 10, PAUSE_S = 1 };

struct admin_later {
    struct connection *connection;
    void (*gone)(void *context);
    void *context;
};

struct connection {
    struct admin_server *server;
    struct connection *next;
    int fd;
    uint32_t uid;
    struct event *event;
    struct buffer in, out; // both wiped
    struct admin_later *later;
};

struct admin_server {
    struct event_base *base;
    admin_server_fn *answer;
    void *context;
    int fd;
    struct event *readable, *resume;
    struct connection *connection;
    size_t connection_count;
    struct connection *answering;
};

static void
connection_free(struct connection *connection)
{
    struct admin_server *server = connection->server;

    for (struct connection **p = &server->connection; *p; p = &(*p)->next) {
        if (*p == connection) {
            *p = connection->next;
            server->connection_count--;
            break;
        }
    }
    if (connection->later)
        connection->later->gone(connection->later->context);
    free(connection->later);
    if (connection->event)
        event_free(connection->event);
    close(connection->fd);
    buffer_free(&connection->in);
    buffer_free(&connection->out);
    free(connection);
}

static void on_ready(evutil_socket_t fd, short what, void *context);

static bool
wait_for(struct connection *connection, short what)
{
    const struct timeval idle = {.tv_sec = IDLE_S};

    if (connection->event)
        event_free(connection->event);
    connection->event = event_new(connection->server->base, connection->fd,
                                  (short)(what | EV_PERSIST), on_ready, connection);
    return connection->event && event_add(connection->event, &idle) == 0;
}

// ---- answering ----

static void
refuse(struct connection *connection, enum kh_err code, const char *message)
{
    buffer_printf(&connection->out, "{\"ok\": false, \"code\": \"%s\", \"message\": \"%s\"}\n",
                  kh_err_code(code), message);
}

struct admin_later *
admin_server_later(struct admin_server *server, void (*gone)(void *context), void *context)
{
    struct connection *connection = server ? server->answering : NULL;

    if (connection == NULL || connection->later)
        return NULL;
    connection->later = calloc(1, sizeof *connection->later);
    if (connection->later)
        *connection->later = (struct admin_later){connection, gone, context};
    return connection->later;
}

void
admin_later_answer(struct admin_later **later, struct bytes line)
{
    struct connection *connection = (*later)->connection;

    free(*later);
    *later = connection->later = NULL;
    buffer_put(&connection->out, line);
    if (connection->out.failed || !wait_for(connection, EV_WRITE))
        connection_free(connection);
}

// Nothing more is said to it; that it ends can be seen.
static void
rest(struct connection *connection)
{
    buffer_clear(&connection->out);
    if (connection->event)
        event_free(connection->event);
    connection->event = event_new(connection->server->base, connection->fd, EV_READ | EV_PERSIST,
                                  on_ready, connection);
    if (connection->event == NULL || event_add(connection->event, NULL))
        connection_free(connection);
}

static void
answer(struct connection *connection, size_t end)
{
    struct admin_server *server = connection->server;
    struct bytes in = buffer_bytes(&connection->in);

    if (end > ADMIN_LINE_MAX)
        refuse(connection, KH_ERR_TOO_LONG, "a request has at most 1 MiB");
    else if (end + 1 != in.n)
        refuse(connection, KH_ERR_PROTOCOL, "one connection carries one request");
    else {
        server->answering = connection;
        server->answer(server->context, connection->uid, bytes_slice(in, 0, end), &connection->out);
        server->answering = NULL;
    }
    buffer_free(&connection->in);
    if (connection->later)
        rest(connection);
    else if (connection->out.failed || !wait_for(connection, EV_WRITE))
        connection_free(connection);
}

static void
write_some(struct connection *connection)
{
    struct bytes out = buffer_bytes(&connection->out);
    ssize_t n = send(connection->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        buffer_consume(&connection->out, (size_t)n);
    if (n <= 0 || connection->out.n == 0)
        connection_free(connection);
}

static void
read_some(struct connection *connection)
{
    size_t before = connection->in.n;
    if (connection->later) { // it ends, or says more than one request
        connection_free(connection);
        return;
    }
    uint8_t *room = buffer_reserve(&connection->in, READ_SIZE);

    if (room == NULL) { // longer than any request
        answer(connection, ADMIN_LINE_MAX + 1);
        return;
    }
    ssize_t n = recv(connection->fd, room, READ_SIZE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        connection_free(connection);
        return;
    }
    buffer_advance(&connection->in, (size_t)n);
    struct bytes fresh = bytes_from(buffer_bytes(&connection->in), before);
    size_t end = bytes_index(fresh, '\n');
    if (end < fresh.n || before + fresh.n > ADMIN_LINE_MAX)
        answer(connection, before + end);
}

static void
on_ready(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;

    (void)fd;
    if (what & EV_TIMEOUT)
        connection_free(connection);
    else if (what & EV_WRITE)
        write_some(connection);
    else
        read_some(connection);
}

// ---- accepting ----

// The socket's rights say the same; this holds when somebody changed them.
static bool
peer_may(int fd, uint32_t *uid)
{
    struct ucred peer;
    socklen_t n = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) || n != sizeof peer)
        return false;
    *uid = peer.uid;
    return peer.uid == 0 || peer.uid == geteuid();
}

static void
connection_new(struct admin_server *server, int fd)
{
    struct connection *connection = NULL;
    uint32_t uid = UINT32_MAX;

    if (!peer_may(fd, &uid)) {
        log_warning("admin-refused", "user id %u may not use the admin socket", uid);
        close(fd);
        return;
    }
    if (server->connection_count < ADMIN_CONNECTIONS_MAX)
        connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        log_warning("admin-busy", "too many connections to the admin socket");
        close(fd);
        return;
    }
    connection->server = server;
    connection->fd = fd;
    connection->uid = uid;
    buffer_init_secret(&connection->in, ADMIN_LINE_MAX + 2 * READ_SIZE);
    buffer_init_secret(&connection->out, 16 * ADMIN_LINE_MAX);
    connection->next = server->connection;
    server->connection = connection;
    server->connection_count++;
    if (!wait_for(connection, EV_READ))
        connection_free(connection);
}

static void
on_resume(evutil_socket_t fd, short what, void *context)
{
    struct admin_server *server = context;

    (void)fd;
    (void)what;
    (void)event_add(server->readable, NULL);
}

static void
on_connect(evutil_socket_t listener, short what, void *context)
{
    struct admin_server *server = context;
    const struct timeval pause = {.tv_sec = PAUSE_S};
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)what;
    if (fd >= 0) {
        connection_new(server, fd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        // Without descriptors the listener stays readable: rest rather than spin.
        log_warning("admin-accept", "the admin socket: %s", strerror(errno));
        (void)event_del(server->readable);
        (void)event_add(server->resume, &pause);
    }
}

enum kh_err
admin_server_new(struct event_base *base, int fd, admin_server_fn *answer_fn, void *context,
                 struct admin_server **out, struct fault *fault)
{
    struct admin_server *server = calloc(1, sizeof *server);

    if (server == NULL || evutil_make_socket_nonblocking(fd)) {
        close(fd);
        free(server);
        return fault_set(fault, KH_ERR_IO, "the admin socket cannot be used");
    }
    server->base = base;
    server->answer = answer_fn;
    server->context = context;
    server->fd = fd;
    server->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_connect, server);
    server->resume = evtimer_new(base, on_resume, server);
    if (server->readable == NULL || server->resume == NULL || event_add(server->readable, NULL)) {
        admin_server_free(&server);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    *out = server;
    return KH_OK;
}

void
admin_server_free(struct admin_server **server)
{
    if (*server == NULL)
        return;
    while ((*server)->connection)
        connection_free((*server)->connection);
    if ((*server)->readable)
        event_free((*server)->readable);
    if ((*server)->resume)
        event_free((*server)->resume);
    close((*server)->fd);
    free(*server);
    *server = NULL;
}
