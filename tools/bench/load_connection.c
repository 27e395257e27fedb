/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the load generator: TCP, perhaps CONNECT, perhaps TLS, requests and answers. */
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t
load_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
watch(struct load *load, struct load_connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(load->epoll, operation, c->fd, &event);
}

bool
connection_open(struct load *load, struct load_connection *c)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&load->address, sizeof load->address) != 0 &&
        errno != EINPROGRESS) {
        close(c->fd);
        return false;
    }
    c->state = DIALLING;
    c->used = 0;
    c->in_body = false;
    watch(load, c, EPOLL_CTL_ADD, EPOLLOUT);
    return true;
}

void
connection_close(struct load *load, struct load_connection *c)
{
    (void)load;
    if (c->state == CLOSED)
        return;
    if (c->ssl != NULL) {
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
    c->ssl = NULL;
    close(c->fd);
    c->state = CLOSED;
}

static ssize_t
put(struct load_connection *c, const char *data, size_t length)
{
    if (c->ssl == NULL)
        return send(c->fd, data, length, MSG_NOSIGNAL);
    ERR_clear_error();
    return SSL_write(c->ssl, data, (int)length);
}

// More than 0; 0 when nothing is there yet; -1 when it ended.
static ssize_t
get(struct load_connection *c, char *data, size_t length)
{
    if (c->ssl == NULL) {
        ssize_t n = recv(c->fd, data, length, 0);
        return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
    }
    ERR_clear_error();
    int n = SSL_read(c->ssl, data, (int)length);
    return n > 0 ? n : SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

bool
connection_send(struct load *load, struct load_connection *c)
{
    c->state = WAITING;
    return put(c, load->request, load->request_length) == (ssize_t)load->request_length;
}

// Status and length of the answer whose head ends at `end`.
static int
read_head(struct load_connection *c, const char *end)
{
    const char *line = c->input;
    c->left = 0;
    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL && ++line < end)
        if (strncasecmp(line, "content-length:", 15) == 0)
            c->left = strtoull(line + 15, NULL, 10);
    return c->used > 12 ? atoi(c->input + 9) : 0;
}

// Read what is there of a head. Behind it, `left` and what of the body came with it.
static enum load_event
take_head(struct load *load, struct load_connection *c, bool *complete)
{
    *complete = false;
    ssize_t n = get(c, c->input + c->used, sizeof c->input - 1 - c->used);
    if (n <= 0)
        return n == 0 ? LOAD_NOTHING : LOAD_FAILED;
    c->used += (size_t)n;
    c->input[c->used] = '\0';
    char *end = memmem(c->input, c->used, "\r\n\r\n", 4);
    if (end == NULL)
        return c->used < sizeof c->input - 1 ? LOAD_NOTHING : LOAD_FAILED;
    int status = read_head(c, end + 4);
    uint64_t came = c->used - (size_t)(end + 4 - c->input);
    c->left = c->left > came ? c->left - came : 0;
    c->used = 0;
    *complete = true;
    if (status / 100 != 2 && load->bad++ == 0)
        fprintf(stderr, "load: the first answer that is no 2xx: %.300s\n", c->input);
    return status / 100 == 2 || c->state == WAITING ? LOAD_NOTHING : LOAD_FAILED;
}

static bool
start_tls(struct load *load, struct load_connection *c)
{
    c->ssl = SSL_new(load->tls);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
        return false;
    SSL_set_tlsext_host_name(c->ssl, load->options.host);
    if (load->options.handshake == HANDSHAKE_RESUMED && c->session != NULL)
        SSL_set_session(c->ssl, c->session);
    SSL_set_app_data(c->ssl, c);
    SSL_set_connect_state(c->ssl);
    c->state = SHAKING;
    return true;
}

static enum load_event
shake(struct load *load, struct load_connection *c)
{
    ERR_clear_error();
    int n = SSL_do_handshake(c->ssl);
    if (n != 1)
        return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? LOAD_NOTHING : LOAD_FAILED;
    load->handshakes++;
    load->resumed += SSL_session_reused(c->ssl) ? 1 : 0;
    c->state = READY;
    return LOAD_READY;
}

// The TCP connection or the tunnel is there: TLS next, or requests.
static enum load_event
begin(struct load *load, struct load_connection *c)
{
    if (!load->options.tls) {
        c->state = READY;
        return LOAD_READY;
    }
    return start_tls(load, c) ? shake(load, c) : LOAD_FAILED;
}

static enum load_event
dialled(struct load *load, struct load_connection *c)
{
    watch(load, c, EPOLL_CTL_MOD, EPOLLIN);
    if (load->tunnel_length == 0)
        return begin(load, c);
    c->state = TUNNELLING;
    return put(c, load->tunnel, load->tunnel_length) == (ssize_t)load->tunnel_length ? LOAD_NOTHING
                                                                                     : LOAD_FAILED;
}

static enum load_event
tunnelled(struct load *load, struct load_connection *c)
{
    bool complete;
    enum load_event event = take_head(load, c, &complete);
    return complete && event == LOAD_NOTHING ? begin(load, c) : event;
}

static enum load_event
answered(struct load *load, struct load_connection *c)
{
    if (!c->in_body) {
        enum load_event event = take_head(load, c, &c->in_body);
        if (event != LOAD_NOTHING || !c->in_body)
            return event;
    }
    while (c->left > 0) {
        static char sink[65536];
        ssize_t n = get(c, sink, sizeof sink);
        if (n <= 0)
            return n == 0 ? LOAD_NOTHING : LOAD_FAILED;
        c->left -= (uint64_t)n < c->left ? (uint64_t)n : c->left;
    }
    c->in_body = false;
    c->answered = true;
    c->state = READY;
    return LOAD_ANSWERED;
}

enum load_event
connection_run(struct load *load, struct load_connection *c)
{
    switch (c->state) {
    case DIALLING:
        return dialled(load, c);
    case TUNNELLING:
        return tunnelled(load, c);
    case SHAKING:
        return shake(load, c);
    case WAITING:
        return answered(load, c);
    default: {
        // Session tickets come while nothing is asked for; an end of the connection does, too.
        char byte;
        return get(c, &byte, 1) == 0 ? LOAD_NOTHING : LOAD_FAILED;
    }
    }
}
