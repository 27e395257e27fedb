/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a client's connection: lists, the mover, timers, and the run that every event ends
 * up in.
 */
#include "connection.h"

#include "../metrics.h"
#include "address.h"
#include "intercept.h"
#include "proxy.h"
#include "transparent.h"
#include "upstream.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINGER_MS = 2000,
    DRAIN_FIRST_MS = 1000,
    HALF_CLOSED_S = 3,
    RUN_STEPS_MAX = 64, // then the others have their turn
};

/* ---- lists and timers ---- */

struct list_timer {
    struct proxy *proxy;
    enum connection_state state;
};

static struct list_timer list_timer[CONNECTION_STATE_COUNT]; // one proxy a process

static int64_t
state_limit_ms(const struct proxy *proxy, enum connection_state state)
{
    size_t offset = connection_row[state].timeout_field;
    if (offset == CONNECTION_NO_FIELD)
        return LINGER_MS;
    int64_t limit;
    memcpy(&limit, (const char *)&proxy->config + offset, sizeof limit);
    // Who rests while all is about to end was accepted, and the first request is on its way.
    if (proxy->draining && state == CONNECTION_IDLE && limit > DRAIN_FIRST_MS)
        return DRAIN_FIRST_MS;
    return limit;
}

static void
arm_timer(struct proxy *proxy, enum connection_state state, int64_t delay_ms)
{
    struct connection_lists *lists = &proxy->connections;
    if (delay_ms < 1)
        delay_ms = 1;
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    lists->armed[state] = event_add(lists->timer[state], &delay) == 0;
}

// What is there came in time, whether its turn has told of it yet or not.
static void
look_again(struct connection *c)
{
    c->conduit.readable = true;
    if (c->exchange && c->exchange->upstream)
        c->exchange->upstream->conduit.readable = true;
    connection_run(c);
}

static void
list_expired(evutil_socket_t fd, short what, void *context)
{
    struct list_timer *timer = context;
    struct proxy *proxy = timer->proxy;
    enum connection_state state = timer->state;
    struct connection_list *list = &proxy->connections.list[state];
    (void)fd, (void)what;
    proxy->connections.armed[state] = false;
    int64_t now = proxy_now_ms(), limit = state_limit_ms(proxy, state);
    struct connection *c;
    while ((c = TAILQ_FIRST(list)) && now - c->since_ms >= limit) {
        look_again(c);
        if (TAILQ_FIRST(list) != c || now - c->since_ms < limit)
            continue;
        connection_row[state].expired(c);
        connection_run(c);
        if (TAILQ_FIRST(list) == c && now - c->since_ms >= limit)
            connection_abort(c); // a connection that stays where it ran out would spin here
    }
    if (c)
        arm_timer(proxy, state, c->since_ms + limit - now);
}

enum kh_err
connection_lists_init(struct connection_lists *lists, struct proxy *proxy)
{
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        TAILQ_INIT(&lists->list[state]);
        list_timer[state] = (struct list_timer){proxy, (enum connection_state)state};
        lists->timer[state] = event_new(proxy->base, -1, 0, list_expired, &list_timer[state]);
        if (!lists->timer[state])
            return KH_ERR_MEMORY;
    }
    return KH_OK;
}

void
connection_lists_fini(struct connection_lists *lists)
{
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        if (lists->timer[state])
            event_free(lists->timer[state]);
    }
}

void
connection_lists_retime(struct proxy *proxy)
{
    int64_t now = proxy_now_ms();
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        const struct connection *first = TAILQ_FIRST(&proxy->connections.list[state]);
        enum connection_state which = (enum connection_state)state;
        if (first)
            arm_timer(proxy, which, first->since_ms + state_limit_ms(proxy, which) - now);
    }
}

void
connection_lists_mend(struct proxy *proxy)
{
    int64_t now = proxy_now_ms();
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        const struct connection *first = TAILQ_FIRST(&proxy->connections.list[state]);
        enum connection_state which = (enum connection_state)state;
        if (first && !proxy->connections.armed[state])
            arm_timer(proxy, which, first->since_ms + state_limit_ms(proxy, which) - now);
    }
}

void
connection_move(struct connection *c, enum connection_state state)
{
    struct connection_lists *lists = &c->proxy->connections;
    if (c->state != CONNECTION_CLOSED)
        TAILQ_REMOVE(&lists->list[c->state], c, entry);
    c->state = state;
    if (state == CONNECTION_CLOSED)
        return;
    c->since_ms = proxy_now_ms();
    TAILQ_INSERT_TAIL(&lists->list[state], c, entry);
    if (!lists->armed[state])
        arm_timer(c->proxy, state, state_limit_ms(c->proxy, state));
}

void
connection_touch(struct connection *c)
{
    if (c->since_ms != proxy_now_ms())
        connection_move(c, c->state);
}

/* ---- beginning and end ---- */

static void
connection_ready(void *owner)
{
    connection_run(owner);
}

static void
learn_peer(struct connection *c, int fd)
{
    c->uid = UINT32_MAX;
    if (c->listener->kind == LISTENER_UNIX) {
        struct ucred peer;
        socklen_t length = sizeof peer;
        snprintf(c->peer, sizeof c->peer, "unix");
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
            c->uid = peer.uid;
        return;
    }
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct address address = {.length = sizeof address.storage};
    if (getpeername(fd, (struct sockaddr *)&address.storage, &address.length) == 0)
        address_print(&address, c->peer, sizeof c->peer);
    address.length = sizeof address.storage;
    if (getsockname(fd, (struct sockaddr *)&address.storage, &address.length) == 0)
        address_print(&address, c->local, sizeof c->local);
}

static struct connection *
connection_new(struct proxy *proxy)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->proxy = proxy;
    buffer_init(&c->tunnel.host, 255);
    buffer_init(&c->tunnel.sni, 255);
    buffer_init_secret(&c->tunnel.token, HTTP1_LINE_MAX);
    relayed_init(&c->relayed);
    return c;
}

struct connection *
connection_without_client(struct proxy *proxy)
{
    struct connection *c = connection_new(proxy);
    if (!c)
        return NULL;
    c->uid = UINT32_MAX;
    proxy->connections.count++;
    connection_move(c, CONNECTION_DECIDING);
    return c;
}

void
connection_accept(struct proxy *proxy, const struct listener *listener, int fd)
{
    struct connection *c = connection_new(proxy);
    if (!c) {
        close(fd);
        return;
    }
    c->listener = listener;
    learn_peer(c, fd);
    if (conduit_open(&c->conduit, proxy->base, fd, connection_ready, c) != KH_OK) {
        free(c);
        return;
    }
    conduit_join_turn(&c->conduit, &proxy->turn, TURN_DOWN);
    proxy->connections.count++;
    metrics_cell_add(&listener->counted->accepted, 1);
    metrics_cell_add(&listener->counted->open, 1);
    proxy->connections.watching += listener->metrics;
    relayed_begin(c);
    c->relayed.done |= listener->metrics;
    connection_move(c, CONNECTION_IDLE); // one that is in no list cannot be ended
    if (listener->transparent) {
        if (transparent_is_loop(proxy, fd)) {
            connection_abort(c);
            return;
        }
        c->relayed.done = true; // whoever is redirected here speaks to somebody else
        transparent_begin(c, transparent_port(fd));
        connection_run(c);
        return;
    }
    if (listener->context)
        connection_move(c, CONNECTION_HANDSHAKE);
    else if (listener->kind == LISTENER_DNS_TCP)
        connection_move(c, CONNECTION_DNS);
    if (listener->context && intercept_accept(c) != KH_OK)
        connection_abort(c);
    else
        connection_run(c);
}

static void
connection_destroy(void *object)
{
    struct connection *c = object;
    buffer_free(&c->tunnel.host);
    buffer_free(&c->tunnel.sni);
    buffer_free(&c->tunnel.token);
    relayed_free(&c->relayed);
    if (c->half_closed)
        event_free(c->half_closed);
    wipe(c, sizeof *c);
    free(c);
}

static void
finish(struct connection *c, bool clean)
{
    if (c->state == CONNECTION_CLOSED)
        return;
    if (c->exchange)
        exchange_end(c->exchange, KH_REASON_UNSET);
    questions_orphan(&c->proxy->questions, c->leaf_question);
    if (c->half_closed)
        (void)event_del(c->half_closed);
    connection_move(c, CONNECTION_CLOSED);
    conduit_close(&c->conduit, clean);
    c->proxy->connections.count--;
    if (c->listener) {
        metrics_cell_add(&c->listener->counted->open, ~UINT64_C(0));
        c->proxy->connections.watching -= c->listener->metrics;
    }
    proxy_bury(c->proxy, &c->burial, c, connection_destroy);
    proxy_check_drained(c->proxy);
}

void
connection_close(struct connection *c)
{
    finish(c, true);
}

void
connection_abort(struct connection *c)
{
    finish(c, false);
}

/* ---- running ---- */

static void
half_closed_expired(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    (void)fd, (void)what;
    c->gone = true;
    connection_run(c);
}

// A client that only says that it sends nothing more (shutdown, as nc -N does) looks like one that
// is gone. It is given a moment to get its answer, and no longer: a model that answers nobody costs
// money.
static bool
half_closed_is_over(struct connection *c)
{
    const struct timeval moment = {.tv_sec = HALF_CLOSED_S};
    if (c->conduit.ended != STREAM_END || !c->body_done || c->gone)
        return true;
    if (!c->half_closed)
        c->half_closed = event_new(c->proxy->base, -1, 0, half_closed_expired, c);
    if (!c->half_closed)
        return true;
    return !event_pending(c->half_closed, EV_TIMEOUT, NULL) &&
           event_add(c->half_closed, &moment) != 0;
}

// Nobody waits for an answer. What was not judged yet is: a refusal may still find its reader.
bool
connection_is_lost(struct connection *c)
{
    enum stream_result ended = c->conduit.ended;
    if (c->conduit.write_failed || ended == STREAM_ERROR)
        return true;
    if (ended == STREAM_OK || !connection_row[c->state].serving)
        return false;
    if (c->state == CONNECTION_DECIDING)
        return !c->body_done && c->conduit.in.n == 0;
    return half_closed_is_over(c);
}

static enum step
run_once(struct connection *c)
{
    size_t ahead = connection_row[c->state].read_ahead;
    if (ahead)
        conduit_fill(&c->conduit, ahead);
    if (connection_client_lost(c)) {
        connection_abort(c);
        return STEP_WAIT;
    }
    enum connection_state before = c->state;
    enum step step = connection_row[before].step(c);
    bool moved = c->state != before && c->state != CONNECTION_CLOSED;
    return moved && step != STEP_REST ? STEP_AGAIN : step;
}

static bool
wants_read(const struct connection *c)
{
    size_t ahead = connection_row[c->state].read_ahead;
    return ahead && c->conduit.in.n < ahead;
}

void
connection_run(struct connection *c)
{
    if (c->running || c->state == CONNECTION_CLOSED)
        return; // its run goes on until nothing more can be done
    c->running = true;
    enum step step = STEP_AGAIN;
    for (int i = 0; i < RUN_STEPS_MAX && step == STEP_AGAIN && c->state != CONNECTION_CLOSED; i++)
        step = run_once(c);
    c->running = false;
    if (c->state == CONNECTION_CLOSED)
        return;
    conduit_flush(&c->conduit);
    if (c->conduit.write_failed) {
        connection_abort(c);
        return;
    }
    if (step == STEP_AGAIN)
        conduit_again(&c->conduit);
    conduit_arm(&c->conduit, wants_read(c));
    if (c->exchange && c->exchange->upstream)
        upstream_arm(c->exchange->upstream);
}

void
connection_soon(struct connection *c)
{
    if (c->conduit.turn)
        turn_came(c->conduit.turn, &c->conduit);
    else
        connection_run(c); // there is no client
}

/* ---- all of them ---- */

void
connection_drain_all(struct proxy *proxy)
{
    struct connection *c, *next;
    for (c = TAILQ_FIRST(&proxy->connections.list[CONNECTION_DNS]); c; c = next) {
        next = TAILQ_NEXT(c, entry);
        connection_close(c);
    }
    for (c = TAILQ_FIRST(&proxy->connections.list[CONNECTION_IDLE]); c; c = next) {
        next = TAILQ_NEXT(c, entry);
        if (!c->rested)
            continue;
        c->conduit.readable = true; // a request may be here, and nobody was told of it yet
        connection_run(c);
        if (c->state == CONNECTION_IDLE)
            connection_close(c);
    }
    connection_lists_retime(proxy);
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        TAILQ_FOREACH(c, &proxy->connections.list[state], entry)
        c->keep_alive = false;
    }
}

void
connection_abort_all(struct proxy *proxy)
{
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        struct connection *c;
        while ((c = TAILQ_FIRST(&proxy->connections.list[state])))
            connection_abort(c);
    }
}
