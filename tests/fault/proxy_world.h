/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process whose calls fail, and the others of its world, who never wait for one another:
 * where a call fails, nobody knows who has the next word. What the test itself does is neither
 * counted nor made to fail.
 */
#ifndef KEYHOLE_TESTS_PROXY_WORLD_H
#define KEYHOLE_TESTS_PROXY_WORLD_H

#include "../unit/proxy/tls_fixture.h"
#include "job.h"

enum { QUIET_MS = 100 };

/* An end of a connection, with or without TLS. `fd` is -1 when there is none. */
struct peer {
    int fd;
    SSL *ssl;
    struct text in;
};

static struct world *world;
static struct world_route world_route;

static inline void
world_configure(struct config *config)
{
    // What a lost call leaves waiting ends soon.
    config->head_timeout_ms = config->idle_timeout_ms = config->body_timeout_ms = 1000;
    config->resolve_timeout_ms = config->connect_timeout_ms = config->tls_timeout_ms = 1000;
    config->first_byte_timeout_ms = config->decide_timeout_ms = 1000;
    config->log_level = LOG_LEVEL_ERROR;
}

static inline void
world_begin(void)
{
    world = world_new(&world_route, 1, world_configure);
    nth_target(world->pid);
}

static inline void
world_end(void)
{
    nth_target(0);
    world_free(world);
}

static inline bool
world_ended(void)
{
    int status = 0;
    if (waitpid(world->pid, &status, WNOHANG) != world->pid)
        return false;
    if (!WIFEXITED(status))
        fail_msg("the proxy died of signal %d", WTERMSIG(status));
    // Leaks show in the exit status of a sanitized build.
    if (WEXITSTATUS(status) != 0)
        fail_msg("the proxy ended with %d", WEXITSTATUS(status));
    return true;
}

/* As the supervisor does: a proxy that ended is started again. One that has lost the authority,
 * which lives, ends by itself. */
static inline void
world_mend(bool channel_lost)
{
    struct pollfd fd = {.fd = world->supervisor, .events = POLLIN};
    siginfo_t info;

    if (channel_lost && poll(&fd, 1, PATIENCE_MS) == 0)
        fail_msg("the proxy lives on without an authority");
    if (poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR)))
        assert_int_equal(waitid(P_PID, (id_t)world->pid, &info, WEXITED | WNOWAIT), 0);
    if (world_ended()) {
        close(world->supervisor);
        close(world->authority);
        close(world->upstream);
        config_free(&world->config);
        free(world);
        world_begin();
    }
}

/* What the proxy has said to the authority so far is done with. */
static inline void
world_forget(void)
{
    bool lost = false;
    while (!lost && wait_readable(world->authority, 0))
        lost = recv(world->authority, world->datagram, sizeof world->datagram, 0) <= 0;
    world_mend(lost);
}

/* Another datagram from the proxy, if there is one: next_frame takes it apart. False: the channel
 * is closed. */
static inline bool
world_hears(void)
{
    ssize_t n = recv(world->authority, world->datagram, sizeof world->datagram, MSG_DONTWAIT);
    world->datagram_n = n > 0 ? (size_t)n : 0;
    world->datagram_at = 0;
    return n > 0;
}

static inline bool
world_has_frame(void)
{
    return world->datagram_at < world->datagram_n;
}

/* ---- peers ---- */

static inline void
peer_close(struct peer *peer)
{
    SSL_free(peer->ssl);
    peer->ssl = NULL;
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

static inline void
peer_empty(struct peer *peer)
{
    peer->in.n = 0;
    peer->in.p[0] = '\0';
}

static inline void
peer_open(struct peer *peer, int fd)
{
    peer->fd = fd;
    peer_empty(peer);
}

/* From here on it talks TLS; the SSL is the peer's. */
static inline void
peer_secure(struct peer *peer, SSL *ssl)
{
    assert_int_equal(fcntl(peer->fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(SSL_set_fd(ssl, peer->fd), 1);
    peer->ssl = ssl;
}

/* Takes the connection that waits at `listener`, if it still does, with TLS where there is a
 * context. */
static inline void
peer_accept(struct peer *peer, int listener, SSL_CTX *tls)
{
    peer_open(peer, accept(listener, NULL, NULL));
    if (!tls || peer->fd < 0)
        return;
    SSL *ssl = SSL_new(tls);
    SSL_set_accept_state(ssl);
    peer_secure(peer, ssl);
}

static inline bool
peer_reads_tls(struct peer *peer)
{
    int n;
    ERR_clear_error();
    while ((n = SSL_read(peer->ssl, peer->in.p + peer->in.n,
                         (int)(sizeof peer->in.p - 1 - peer->in.n))) > 0)
        peer->in.n += (size_t)n;
    peer->in.p[peer->in.n] = '\0';
    return SSL_get_error(peer->ssl, n) == SSL_ERROR_WANT_READ;
}

/* What is there, without waiting; a handshake goes on as far as it can. False: it is over. */
static inline bool
peer_reads(struct peer *peer)
{
    if (peer->ssl)
        return peer_reads_tls(peer);
    ssize_t n =
        recv(peer->fd, peer->in.p + peer->in.n, sizeof peer->in.p - 1 - peer->in.n, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    peer->in.n += (size_t)n;
    peer->in.p[peer->in.n] = '\0';
    return true;
}

/* Texts of these tests always fit. Whoever does not want it any more is no fault. */
static inline void
peer_says(struct peer *peer, const char *text)
{
    if (peer->ssl)
        (void)SSL_write(peer->ssl, text, (int)strlen(text));
    else
        (void)!send(peer->fd, text, strlen(text), MSG_NOSIGNAL);
}

static inline void
peer_answers(struct peer *peer, const char *json)
{
    char text[512];

    snprintf(text, sizeof text,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(json), json);
    peer_says(peer, text);
}

static inline bool
answer_is_whole(const struct text *text)
{
    const char *end = strstr(text->p, "\r\n\r\n"), *length = strcasestr(text->p, "content-length:");
    return end && length && text->n >= (size_t)(end + 4 - text->p) + strtoul(length + 15, NULL, 10);
}

#endif
