/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy in the test's own process, which goes on when the test says so: what comes, and in which
 * turn, is the test's choice. Supervisor, authority, clients and upstreams are those of fixture.h.
 */
#ifndef KEYHOLE_TESTS_PROXY_STEPPED_FIXTURE_H
#define KEYHOLE_TESTS_PROXY_STEPPED_FIXTURE_H

#include "../../../broker/proxy/upstream.h"
#include "tls_fixture.h"

static struct event_base *base;
static struct proxy *proxy;

/* The events that are there, and nothing of what follows them. */
static UNUSED void
events(void)
{
    assert_true(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

/* What follows them. */
static UNUSED bool
turn(void)
{
    bool over = turn_run(&proxy->turn);
    if (proxy->authority)
        channel_turn_over(proxy->authority);
    return over;
}

/* Until that peer has something to read. */
static UNUSED void
go_on_until_readable(int fd)
{
    for (int ms = 0; !wait_readable(fd, 1); ms++) {
        if (ms == PATIENCE_MS)
            fail_msg("nothing came");
        events();
        (void)turn();
    }
}

/* Until that many connections are in that state: the kernel may take its time to bring them. */
static UNUSED void
go_on_until_there_are(size_t count, enum connection_state state)
{
    for (int ms = 0;; ms++) {
        const struct connection *c;
        size_t n = 0;
        TAILQ_FOREACH(c, &proxy->connections.list[state], entry)
        n++;
        if (n == count)
            return;
        if (ms == PATIENCE_MS)
            fail_msg("%zu connections are %s, not %zu", n, connection_row[state].name, count);
        (void)wait_readable(-1, ms > 0);
        events();
        (void)turn();
    }
}

/* Until what its peer sent has been brought there. */
static UNUSED void
arrives(const struct conduit *conduit)
{
    assert_true(wait_readable(conduit->stream.fd, PATIENCE_MS));
}

static UNUSED struct world *
stepped_world(const struct world_route *route, void (*configure)(struct config *config))
{
    struct fault fault = {0};
    struct world *w = world_prepare(configure);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    set_patience(pair[0]);
    w->supervisor = pair[0];
    setenv("SSL_CERT_FILE", "tests/fuzz/registration/roots/forge.pem", 1);
    log_init("proxy", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    base = event_base_new();
    assert_non_null(base);
    if (proxy_new(base, pair[1], &proxy, &fault) != KH_OK || proxy_start(proxy, &fault) != KH_OK)
        fail_msg("the proxy does not start: %s", fault.detail);
    world_equip(w, route, 1);
    go_on_until_readable(w->supervisor);
    expect_ready(w);
    return w;
}

static UNUSED void
stepped_free(struct world *w)
{
    proxy_free(&proxy);
    event_base_free(base);
    close(w->supervisor);
    close(w->authority);
    close(w->upstream);
    config_free(&w->config);
    free(w);
}

/* The only connection in that state. */
static UNUSED struct connection *
connection_in(enum connection_state state)
{
    struct connection *c = TAILQ_FIRST(&proxy->connections.list[state]);
    if (!c)
        fail_msg("no connection is %s", connection_row[state].name);
    assert_null(TAILQ_NEXT(c, entry));
    return c;
}

/* ---- somebody else who has something to do in every round of a turn ---- */

struct busy {
    struct conduit conduit;
    int peer, rounds;
    int at; /* in this round */
    void (*work)(void *context);
    void *context;
};

static UNUSED void
busy_ready(void *owner)
{
    struct busy *busy = owner;
    if (++busy->rounds == busy->at)
        busy->work(busy->context);
    buffer_put_byte(&busy->conduit.out, 0);
    conduit_flush(&busy->conduit); // it is called again when that is written
}

/* From the next turn on. */
static UNUSED void
busy_begin(struct busy *busy)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    busy->peer = pair[1];
    assert_int_equal(conduit_open(&busy->conduit, base, pair[0], busy_ready, busy), KH_OK);
    conduit_join_turn(&busy->conduit, &proxy->turn, TURN_DOWN);
    turn_came(&proxy->turn, &busy->conduit);
}

static UNUSED void
busy_end(struct busy *busy)
{
    conduit_close(&busy->conduit, true);
    close(busy->peer);
}

#endif
