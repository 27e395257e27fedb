/* SPDX-License-Identifier: Apache-2.0
 *
 * From an allowed request to a connection that carries it: allow-list first (the authority did
 * that), then resolve, check every address, and dial exactly what was checked (docs/THREATS.md,
 * 11).
 */
#include "upstream.h"

#include "../metrics.h"
#include "address.h"
#include "pass_through.h"
#include "proxy.h"
#include "relay.h"
#include "resolve.h"
#include "upstream_identity.h"
#include "upstream_tls.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCHED_MS = 1000 };

static void connect_next(struct exchange *x);

/* ---- one connection ---- */

static void
upstream_ready(void *owner)
{
    struct upstream *u = owner;
    if (u->exchange) {
        connection_run(u->exchange->client);
        return;
    }
    // Idle: TLS may have a ticket for us; anything else is not asked for, and ends it.
    conduit_fill(&u->conduit, 1);
    if (u->conduit.in.n > 0 || u->conduit.ended != STREAM_OK)
        upstream_close(u);
    else
        conduit_arm(&u->conduit, true);
}

static struct upstream *
upstream_new(struct exchange *x, struct bytes key, int fd)
{
    struct upstream *u = calloc(1, sizeof *u);
    if (!u) {
        close(fd);
        return NULL;
    }
    u->proxy = x->proxy;
    if (conduit_open(&u->conduit, x->proxy->base, fd, upstream_ready, u) != KH_OK ||
        pool_join(x->proxy->pool, key, &u->item) != KH_OK) {
        conduit_close(&u->conduit, false);
        free(u);
        return NULL;
    }
    conduit_join_turn(&u->conduit, &x->proxy->turn, TURN_UP);
    u->local.length = sizeof u->local.storage;
    if (getsockname(fd, (struct sockaddr *)&u->local.storage, &u->local.length) != 0)
        u->local = (struct address){0};
    u->exchange = x;
    x->upstream = u;
    return u;
}

static void
upstream_destroy(void *object)
{
    free(object);
}

void
upstream_close(struct upstream *u)
{
    if (u->closed)
        return;
    u->closed = true;
    if (u->exchange)
        u->exchange->upstream = NULL;
    u->exchange = NULL;
    // Tickets are kept by the pool's place, so it is left after the connection.
    conduit_close(&u->conduit, u->conduit.ended == STREAM_OK && !u->conduit.write_failed);
    pool_leave(u->proxy->pool, &u->item);
    proxy_bury(u->proxy, &u->burial, u, upstream_destroy);
}

void
upstream_arm(struct upstream *u)
{
    conduit_arm(&u->conduit, u->conduit.in.n < CONDUIT_IN_MAX);
}

void
upstream_release(struct upstream *u)
{
    struct exchange *x = u->exchange;
    bool good = x->upstream_keep && x->request_done && u->conduit.in.n == 0 &&
                u->conduit.out.n == 0 && u->conduit.ended == STREAM_OK &&
                !u->conduit.write_failed && !conduit_holds_more(&u->conduit) && !u->proxy->draining;
    if (!good) {
        upstream_close(u);
        return;
    }
    x->upstream = NULL;
    u->exchange = NULL;
    u->reused = true;
    u->scanned = 0;
    conduit_rest(&u->proxy->resting, &u->conduit);
    conduit_arm(&u->conduit, true);
    u->rested_turn = u->proxy->turn.number;
    pool_put(u->proxy->pool, &u->item, proxy_now_ms());
    if (!u->closed && !event_pending(u->proxy->pool_timer, EV_TIMEOUT, NULL)) {
        int64_t ms = u->proxy->config.pool_idle_timeout_ms;
        struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
        event_add(u->proxy->pool_timer, &delay);
    }
}

/* ---- the pool ---- */

static void
discard(struct pool_item *item)
{
    upstream_close((struct upstream *)(void *)item);
}

static void
expire(evutil_socket_t fd, short what, void *context)
{
    struct proxy *proxy = context;
    (void)fd, (void)what;
    int64_t ms = pool_expire(proxy->pool, proxy_now_ms());
    if (ms < 0)
        return;
    ms = ms < 1 ? 1 : ms;
    struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(proxy->pool_timer, &delay);
}

enum kh_err
upstream_pool_init(struct proxy *proxy)
{
    proxy->pool_timer = event_new(proxy->base, -1, 0, expire, proxy);
    return proxy->pool_timer ? pool_new(discard, &proxy->pool) : KH_ERR_MEMORY;
}

void
upstream_pool_fini(struct proxy *proxy)
{
    pool_free(&proxy->pool);
    if (proxy->pool_timer)
        event_free(proxy->pool_timer);
}

void
upstream_pool_configure(struct proxy *proxy)
{
    pool_set_limits(proxy->pool, (size_t)proxy->config.pool_per_destination,
                    (size_t)proxy->config.pool_total, proxy->config.pool_idle_timeout_ms);
}

static struct bytes
key_of(struct exchange *x)
{
    struct buffer *key = &x->pool_key;
    buffer_clear(key);
    pool_key(x->route->credential, x->destination.match.plain, buffer_bytes(&x->destination.host),
             x->destination.match.port, routes_fingerprint(x->route), ROUTE_FINGERPRINT_SIZE, key);
    upstream_identity_mark(x, key);
    return key->failed ? BYTES_EMPTY : buffer_bytes(key);
}

// The loop has looked at it since it came into the pool, and would have told. Who ends a connection
// that rests does so after seconds, so that just now is unlikely enough.
static bool
was_watched(const struct upstream *u)
{
    return u->rested_turn < u->proxy->turn.number && u->conduit.read_armed &&
           u->conduit.stage == CONDUIT_RESTS && !u->conduit.readable &&
           proxy_now_ms() - u->item.since_ms < WATCHED_MS;
}

// Bytes that nobody asked for would be read as the next answer, and an end as a failure.
static bool
is_quiet(struct upstream *u)
{
    struct conduit *c = &u->conduit;
    if (c->in.n > 0 || c->ended != STREAM_OK)
        return false; // it came in this very turn
    if (was_watched(u) || stream_is_quiet(&c->stream))
        return true;
    c->readable = true; // a ticket is nothing to be afraid of
    conduit_fill(c, 1);
    return c->in.n == 0 && c->ended == STREAM_OK;
}

static bool
take_pooled(struct exchange *x)
{
    struct bytes key = key_of(x);
    struct pool_item *item;
    while (key.n && (item = pool_take(x->proxy->pool, key))) {
        struct upstream *u = (struct upstream *)(void *)item;
        if (is_quiet(u)) {
            conduit_wake(&u->conduit);
            metrics_add(METRIC_UPSTREAM_REUSED, 1);
            u->exchange = x;
            x->upstream = u;
            return true;
        }
        upstream_close(u);
    }
    return false;
}

/* ---- addresses ---- */

// Keep those that may be dialled; the others are not looked at again.
static bool
keep_allowed(struct exchange *x, const struct address *address, size_t count)
{
    x->address = calloc(EXCHANGE_ADDRESSES_MAX, sizeof *x->address);
    x->address_count = x->address_next = 0;
    for (size_t i = 0; x->address && i < count && x->address_count < EXCHANGE_ADDRESSES_MAX; i++) {
        if (address_allowed(&address[i], x->route))
            x->address[x->address_count++] = address[i];
    }
    return x->address_count > 0;
}

static void
addressed(struct exchange *x, const struct address *address, size_t count)
{
    if (keep_allowed(x, address, count))
        connect_next(x);
    else
        exchange_fail(x, KH_REASON_ADDRESS_FORBIDDEN, "");
}

static void
resolved(void *owner, const struct address *address, size_t count, const char *why)
{
    struct exchange *x = owner;
    struct connection *c = x->client;
    x->resolving = NULL;
    if (count == 0)
        exchange_fail(x, KH_REASON_UPSTREAM_UNREACHABLE, why);
    else
        addressed(x, address, count);
    connection_run(c);
}

// What the operator said instead of the name service.
static bool
override(const struct exchange *x, struct address *out)
{
    const struct route *route = x->route;
    for (size_t i = 0; i < route->resolve_count; i++) {
        const struct route_resolve *resolve = &route->resolve[i];
        if (resolve->port == x->destination.match.port &&
            bytes_equal_nocase(resolve->host, buffer_bytes(&x->destination.host)))
            return address_parse(resolve->address, resolve->address_port, out);
    }
    return false;
}

static void
dial_anew(struct exchange *x)
{
    struct address address;
    struct bytes host = buffer_bytes(&x->destination.host);
    uint16_t port = x->destination.match.port;
    if (x->address_count > 0) { // checked before; a retry
        x->address_next = 0;
        connect_next(x);
        return;
    }
    free(x->address);
    x->address = NULL;
    if (override(x, &address) || address_parse(host, port, &address)) {
        addressed(x, &address, 1);
        return;
    }
    connection_move(x->client, CONNECTION_RESOLVING);
    enum kh_err r = resolver_start(x->proxy->resolver, host, port, resolved, x, &x->resolving);
    if (r == KH_ERR_RANGE || r == KH_ERR_MEMORY)
        exchange_fail(x, KH_REASON_BROKER_BUSY, "too many names are being resolved");
    else if (r != KH_OK)
        exchange_fail(x, KH_REASON_UPSTREAM_UNREACHABLE, "the name cannot be resolved");
}

void
upstream_dial(struct exchange *x)
{
    if (!x->carry && !x->opaque && take_pooled(x))
        relay_start(x);
    else
        dial_anew(x);
}

enum step
upstream_step_dial(struct connection *c)
{
    upstream_dial(c->exchange);
    return STEP_AGAIN;
}

/* ---- connecting ---- */

static int
connect_socket(const struct address *address)
{
    int one = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->length) == 0 ||
        errno == EINPROGRESS)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

// It is here that there is no room, and not the upstream that cannot be reached.
static bool
is_used_up(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void
connect_next(struct exchange *x)
{
    struct bytes key = key_of(x);
    while (x->address_next < x->address_count) {
        int fd = connect_socket(&x->address[x->address_next++]);
        if (fd < 0 && is_used_up(errno)) {
            exchange_fail(x, KH_REASON_BROKER_BUSY,
                          "it has no descriptor or memory left for a connection to the upstream");
            return;
        }
        if (fd < 0)
            continue;
        struct upstream *u = key.n ? upstream_new(x, key, fd) : NULL;
        if (!u) {
            if (!key.n)
                close(fd);
            exchange_fail(x, KH_REASON_INTERNAL, "");
            return;
        }
        conduit_need(&u->conduit, STREAM_WANT_WRITE);
        connection_move(x->client, CONNECTION_CONNECTING);
        return;
    }
    exchange_fail(x, KH_REASON_UPSTREAM_UNREACHABLE, "no address of it takes the connection");
}

static void
try_another(struct exchange *x)
{
    upstream_close(x->upstream);
    connect_next(x);
}

static enum step
start_tls(struct exchange *x)
{
    struct upstream *u = x->upstream;
    struct fault fault = {0};
    enum kh_err r = upstream_tls_connect(x->proxy->upstream_tls, x->route->upstream_ca,
                                         u->conduit.stream.fd, buffer_bytes(&x->destination.host),
                                         &u->item, &u->conduit.stream.ssl, &fault);
    if (r == KH_OK)
        r = upstream_identity_use(x, u->conduit.stream.ssl, &fault);
    if (r != KH_OK) {
        exchange_fail(x, KH_REASON_UPSTREAM_TLS, fault.detail);
        return STEP_AGAIN;
    }
    connection_move(x->client, CONNECTION_UPSTREAM_TLS);
    return STEP_AGAIN;
}

// A name that leads to this very broker (a resolver made for sandboxes, a redirection that catches
// the broker's own connections) would be served by it, and dialled, and so on.
static bool
leads_back(const struct proxy *proxy, const struct upstream *u)
{
    struct address peer = {.length = sizeof peer.storage};
    const struct listener *listener;
    if (getpeername(u->conduit.stream.fd, (struct sockaddr *)&peer.storage, &peer.length) != 0)
        return false; // it is gone already
    bool here = address_same_host(&u->local, &peer);
    TAILQ_FOREACH(listener, &proxy->listeners, entry)
    {
        bool reached = address_same_host(&listener->bound, &peer) ||
                       (here && address_is_any(&listener->bound));
        if (reached && listener->kind == LISTENER_TCP && listener->port == address_port(&peer))
            return true;
    }
    return false;
}

bool
upstream_begins_at(const struct proxy *proxy, const struct address *address)
{
    for (int state = 1; state < CONNECTION_STATE_COUNT; state++) {
        const struct connection *c;
        TAILQ_FOREACH(c, &proxy->connections.list[state], entry)
        {
            const struct upstream *u = c->exchange ? c->exchange->upstream : NULL;
            if (u && address_port(&u->local) == address_port(address) &&
                address_same_host(&u->local, address))
                return true;
        }
    }
    return false;
}

enum step
upstream_step_connect(struct connection *c)
{
    struct exchange *x = c->exchange;
    struct upstream *u = x->upstream;
    struct pollfd ready = {.fd = u->conduit.stream.fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof error;
    if (poll(&ready, 1, 0) <= 0)
        return STEP_WAIT;
    if (getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        try_another(x);
        return STEP_AGAIN;
    }
    conduit_need(&u->conduit, STREAM_OK);
    metrics_add(METRIC_UPSTREAM_OPENED, 1);
    if (leads_back(x->proxy, u)) {
        exchange_fail(x, KH_REASON_ADDRESS_FORBIDDEN, "the host leads to this broker itself");
        return STEP_AGAIN;
    }
    if (x->opaque) // TLS is the client's own
        pass_through_connected(x);
    else if (!x->destination.match.plain)
        return start_tls(x);
    else
        relay_start(x);
    return STEP_AGAIN;
}

enum step
upstream_step_tls(struct connection *c)
{
    struct exchange *x = c->exchange;
    struct upstream *u = x->upstream;
    enum stream_result r = stream_handshake(&u->conduit.stream);
    if (r == STREAM_WANT_READ || r == STREAM_WANT_WRITE) {
        conduit_need(&u->conduit, r);
        return STEP_WAIT;
    }
    if (r == STREAM_OK) {
        metrics_add(METRIC_UPSTREAM_HANDSHAKES, 1);
        if (SSL_session_reused(u->conduit.stream.ssl))
            metrics_add(METRIC_UPSTREAM_RESUMED, 1);
        upstream_identity_forget(x, u->conduit.stream.ssl);
        conduit_need(&u->conduit, STREAM_OK);
        conduit_join_turn(&u->conduit, &x->proxy->turn, TURN_UP);
        relay_start(x);
        return STEP_AGAIN;
    }
    BUFFER_AUTO why;
    buffer_init(&why, 400);
    tls_explain(u->conduit.stream.ssl, &why);
    log_warning("upstream-tls", "%.*s: %s", BYTES_ARG(buffer_bytes(&x->destination.host)),
                buffer_text(&why));
    exchange_fail(x, KH_REASON_UPSTREAM_TLS, buffer_text(&why));
    return STEP_AGAIN;
}

void
upstream_expired_connect(struct connection *c)
{
    struct exchange *x = c->exchange;
    if (x->address_next < x->address_count)
        try_another(x);
    else
        exchange_fail(x, KH_REASON_UPSTREAM_TIMEOUT, "connecting took too long");
}

void
upstream_expired(struct connection *c)
{
    exchange_fail(c->exchange, KH_REASON_UPSTREAM_TIMEOUT,
                  c->state == CONNECTION_RESOLVING ? "resolving the name took too long"
                                                   : "the TLS handshake took too long");
}

/* ---- losing it ---- */

// Whether the upstream may not have acted on it: then it is safe to send it once more.
static bool
may_repeat(const struct exchange *x)
{
    if (!x->upstream || !x->upstream->reused || x->retried || x->bytes_up > 0)
        return false;
    // It said something of the request, so it has seen it; and the head is not kept any longer: the
    // body alone would be taken for a request that nobody judged.
    if (x->interim > 0)
        return false;
    return x->is_idempotent || !x->request_done;
}

void
upstream_lost(struct exchange *x, const char *detail)
{
    bool repeat = may_repeat(x);
    upstream_close(x->upstream);
    if (!repeat) {
        exchange_fail(x, KH_REASON_UPSTREAM_UNREACHABLE, detail);
        return;
    }
    x->retried = true;
    dial_anew(x);
}
