/* SPDX-License-Identifier: Apache-2.0
 *
 * The proxy process as a whole: its channels to supervisor and authority, when it is ready, how it
 * ends, and the graveyard.
 */
#include "proxy.h"

#include "../metrics.h"
#include "buffering.h"
#include "carry.h"
#include "intercept.h"
#include "judge.h"
#include "own_login.h"
#include "own_run.h"
#include "rejudge.h"
#include "resolve.h"
#include "token_seal.h"
#include "upstream.h"
#include "upstream_tls.h"

#include <stdlib.h>
#include <time.h>

enum {
    RESOLVER_THREADS = 4,
    RESOLVER_QUEUE_MAX = 1024,
    SCRUBBED_MAX = 4 * 1024 * 1024,
    MEND_INTERVAL_S = 1,
};

// All that a turn does it does at one time, and so do the events before it: the clock was 2 % of
// what a small request takes when each step had a look of its own.
static struct {
    bool holds;
    int64_t us; // 0: nobody has looked yet
} moment;

int64_t
proxy_now_us(void)
{
    if (!moment.holds)
        return metrics_clock_us();
    if (moment.us == 0)
        moment.us = metrics_clock_us();
    return moment.us;
}

int64_t
proxy_now_ms(void)
{
    return proxy_now_us() / 1000;
}

static void
begin_moment(bool holds)
{
    moment.holds = holds;
    moment.us = 0;
}

int64_t
proxy_clock_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- the graveyard ---- */

static void
bury_all(struct proxy *proxy)
{
    struct burial *burial;
    while ((burial = proxy->graveyard)) {
        proxy->graveyard = burial->next;
        burial->destroy(burial->object);
    }
}

void
proxy_bury(struct proxy *proxy, struct burial *burial, void *object, void (*destroy)(void *object))
{
    *burial = (struct burial){proxy->graveyard, object, destroy};
    proxy->graveyard = burial;
}

/* ---- what could not be armed ---- */

static void
arm_drain(struct proxy *proxy)
{
    int64_t ms = proxy->config.drain_timeout_ms;
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(proxy->drain_timer, &limit);
}

// event_add fails when memory is used up, and then nothing would ever call again: a listener that
// paused would be deaf for good, a connection would have no time limit.
static void
mend(evutil_socket_t fd, short what, void *context)
{
    struct proxy *proxy = context;
    (void)fd, (void)what;
    if (proxy->ready && !proxy->draining)
        listen_mend(proxy);
    if (proxy->draining && !event_pending(proxy->drain_timer, EV_TIMEOUT, NULL))
        arm_drain(proxy);
    connection_lists_mend(proxy);
    rejudge_arm(proxy);
    watch_tick(proxy);
}

static bool
mend_begin(struct proxy *proxy)
{
    static const struct timeval interval = {.tv_sec = MEND_INTERVAL_S};
    proxy->mend_timer = event_new(proxy->base, -1, EV_PERSIST, mend, proxy);
    return proxy->mend_timer && event_add(proxy->mend_timer, &interval) == 0;
}

/* ---- ready, drained ---- */

void
proxy_check_ready(struct proxy *proxy)
{
    if (proxy->ready || !proxy->configured || !proxy->authority || !proxy->routes_whole)
        return;
    proxy->ready = true;
    listen_start_all(proxy);
    channel_send(proxy->supervisor, MESSAGE_PROXY_READY, 0, BYTES_EMPTY);
}

void
proxy_check_drained(struct proxy *proxy)
{
    if (proxy->draining && proxy->connections.count == proxy->connections.watching)
        event_base_loopbreak(proxy->base);
}

static void
drain_expired(evutil_socket_t fd, short what, void *context)
{
    struct proxy *proxy = context;
    (void)fd, (void)what;
    log_warning("drain-timeout", "%zu connections did not end in time", proxy->connections.count);
    connection_abort_all(proxy);
    event_base_loopbreak(proxy->base);
}

static bool
handle_drain(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    (void)channel, (void)message;
    if (proxy->draining)
        return true;
    proxy->draining = true;
    listen_close_all(proxy);
    connection_drain_all(proxy);
    arm_drain(proxy);
    proxy_check_drained(proxy);
    return true;
}

/* ---- from the authority ---- */

static bool
handle_routes_begin(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    (void)channel, (void)message;
    routes_release(&proxy->routes_next);
    return routes_new(&proxy->routes_next) == KH_OK;
}

static bool
handle_route(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    (void)channel;
    return proxy->routes_next && routes_add(proxy->routes_next, message->body) == KH_OK;
}

static bool
handle_routes_end(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    (void)channel, (void)message;
    if (!proxy->routes_next)
        return false;
    routes_release(&proxy->routes);
    routes_name_slots(proxy->routes_next, watch_authority_page(&proxy->watch));
    proxy->routes = proxy->routes_next;
    proxy->routes_next = NULL;
    proxy->routes_whole = true;
    proxy_check_ready(proxy);
    return true;
}

static const struct channel_handler authority_handlers[] = {
    {MESSAGE_ROUTES_BEGIN, handle_routes_begin},
    {MESSAGE_ROUTE, handle_route},
    {MESSAGE_ROUTES_END, handle_routes_end},
    {MESSAGE_REJUDGE, rejudge_handle},
    {MESSAGE_DECISION, judge_handle_decision},
    {MESSAGE_LEAF, intercept_handle_leaf},
    {MESSAGE_REVOKE_DONE, judge_handle_revoke_done},
    {MESSAGE_LOGIN_DONE, own_login_handle_done},
    {MESSAGE_ENVIRONMENT, own_run_handle_environment},
    {MESSAGE_RUN, own_run_handle_run},
    {MESSAGE_CARRY, carry_handle},
    {MESSAGE_DECISION_LATER, judge_handle_later},
    {MESSAGE_TOKEN_SEALED, token_seal_handle_done},
    {0, NULL},
};

static void
authority_lost(struct proxy *proxy)
{
    channel_free(&proxy->authority);
    routes_release(&proxy->routes_next); // half a table is none
    judge_authority_lost(proxy);
}

static void
authority_closed(struct channel *channel, void *context, const char *why)
{
    struct proxy *proxy = context;
    if (channel != proxy->authority)
        return;
    log_warning("authority-lost", "%s", why);
    authority_lost(proxy);
    // The authority lives and hears nothing of it: only a new process gets another channel.
    if (!bytes_ends(bytes_str(why), BYTES("closed the channel")))
        event_base_loopbreak(proxy->base);
}

/* ---- from the supervisor ---- */

static bool
handle_config(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct config config;
    (void)channel;
    config_init(&config);
    if (message_config_rx(message->body, &config) != KH_OK) {
        config_free(&config);
        return false;
    }
    config_free(&proxy->config);
    proxy->config = config;
    proxy->configured = true;
    if (proxy->log_name)
        log_init(proxy->log_name, (enum log_format)config.log_format,
                 (enum log_level)config.log_level);
    upstream_pool_configure(proxy);
    connection_lists_retime(proxy);
    proxy_check_ready(proxy);
    return true;
}

static bool
handle_dischargers(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    (void)channel;
    return message_dischargers_rx(message->body, &proxy->dischargers) == KH_OK;
}

static bool
handle_listener(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct message_listener listener;
    struct fault fault = {0};
    (void)channel;
    int fd = message->fd;
    if (message_listener_rx(message->body, &listener) != KH_OK) {
        if (fd >= 0)
            evutil_closesocket(fd);
        return false;
    }
    if (listen_add(proxy, &listener, fd, &fault) == KH_OK)
        return true;
    log_error("listener-refused", "%s", fault.detail);
    return false;
}

static bool
handle_authority_channel(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct fault fault = {0};
    (void)channel;
    if (proxy->authority)
        authority_lost(proxy);
    const struct channel_options options = {
        .base = proxy->base,
        .self = ROLE_PROXY,
        .peer = ROLE_AUTHORITY,
        .turns = true,
        .handler = authority_handlers,
        .context = proxy,
        .closed = authority_closed,
    };
    if (channel_new(message->fd, &options, &proxy->authority, &fault) != KH_OK) {
        log_error("authority-channel", "%s", fault.detail);
        return false;
    }
    rejudge_all(proxy); // what the old one allowed, the new one has to allow too
    proxy_check_ready(proxy);
    return true;
}

static const struct channel_handler supervisor_handlers[] = {
    {MESSAGE_CONFIG, handle_config},
    {MESSAGE_PROXY_DISCHARGERS, handle_dischargers},
    {MESSAGE_LISTENER, handle_listener},
    {MESSAGE_AUTHORITY_CHANNEL, handle_authority_channel},
    {MESSAGE_PROXY_DRAIN, handle_drain},
    {MESSAGE_METRICS_PAGE, watch_handle_page},
    {0, NULL},
};

static void
supervisor_closed(struct channel *channel, void *context, const char *why)
{
    struct proxy *proxy = context;
    (void)channel;
    log_warning("supervisor-lost", "%s", why);
    event_base_loopbreak(proxy->base);
}

/* ---- beginning and end ---- */

static enum kh_err
make_parts(struct proxy *proxy, struct fault *fault)
{
    enum kh_err r = routes_new(&proxy->routes);
    if (r == KH_OK)
        r = connection_lists_init(&proxy->connections, proxy);
    if (r == KH_OK)
        r = rejudge_init(proxy);
    if (r == KH_OK)
        r = upstream_pool_init(proxy);
    if (r != KH_OK)
        return fault_set(fault, r, "no memory");
    upstream_pool_configure(proxy);
    r = upstream_tls_new(&proxy->upstream_tls, fault);
    return r == KH_OK ? intercept_new(proxy, &proxy->intercept, fault) : r;
}

enum kh_err
proxy_new(struct event_base *base, int supervisor_fd, struct proxy **out, struct fault *fault)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy) {
        evutil_closesocket(supervisor_fd);
        return fault_set(fault, KH_ERR_MEMORY, "no memory");
    }
    proxy->base = base;
    buffering_init();
    config_init(&proxy->config);
    TAILQ_INIT(&proxy->listeners);
    TAILQ_INIT(&proxy->running);
    buffer_init_secret(&proxy->scrubbed, SCRUBBED_MAX);
    turn_init(&proxy->turn);
    proxy->drain_timer = event_new(base, -1, 0, drain_expired, proxy);
    const struct channel_options options = {
        .base = base,
        .self = ROLE_PROXY,
        .peer = ROLE_SUPERVISOR,
        .handler = supervisor_handlers,
        .context = proxy,
        .closed = supervisor_closed,
    };
    enum kh_err r = channel_new(supervisor_fd, &options, &proxy->supervisor, fault);
    if (r == KH_OK)
        r = proxy->drain_timer && mend_begin(proxy) ? make_parts(proxy, fault)
                                                    : fault_set(fault, KH_ERR_MEMORY, "no memory");
    if (r != KH_OK)
        proxy_free(&proxy);
    else
        *out = proxy;
    return r;
}

enum kh_err
proxy_start(struct proxy *proxy, struct fault *fault)
{
    const struct resolver_options options = {
        .base = proxy->base, .threads = RESOLVER_THREADS, .queue_max = RESOLVER_QUEUE_MAX};
    enum kh_err r = resolver_new(&options, &proxy->resolver);
    return r == KH_OK ? KH_OK : fault_set(fault, r, "no resolver");
}

enum kh_err
proxy_run(struct proxy *proxy)
{
    int flags = EVLOOP_ONCE, over = 0;
    while (over == 0 && !event_base_got_break(proxy->base)) {
        begin_moment(true); // the loop tells of no event before it has waited for one
        over = event_base_loop(proxy->base, flags);
        begin_moment(true);
        if (over != 0)
            break;
        flags = turn_run(&proxy->turn) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK;
        if (proxy->authority)
            channel_turn_over(proxy->authority);
        bury_all(proxy);
    }
    begin_moment(false);
    return over < 0 ? KH_ERR_INTERNAL : KH_OK;
}

void
proxy_free(struct proxy **out)
{
    struct proxy *proxy = *out;
    *out = NULL;
    if (!proxy)
        return;
    if (proxy->connections.list[CONNECTION_IDLE].tqh_last)
        connection_abort_all(proxy);
    if (proxy->authority)
        channel_flush(proxy->authority);
    channel_free(&proxy->authority);
    channel_free(&proxy->supervisor);
    if (proxy->pool)
        upstream_pool_fini(proxy);
    bury_all(proxy);
    resolver_free(&proxy->resolver);
    listen_free_all(proxy);
    intercept_free(&proxy->intercept);
    upstream_tls_free(&proxy->upstream_tls);
    rejudge_fini(proxy);
    connection_lists_fini(&proxy->connections);
    questions_fini(&proxy->questions);
    routes_release(&proxy->routes);
    routes_release(&proxy->routes_next);
    if (proxy->mend_timer)
        event_free(proxy->mend_timer);
    if (proxy->drain_timer)
        event_free(proxy->drain_timer);
    buffer_free(&proxy->scrubbed);
    watch_fini(&proxy->watch);
    spare_fini(&proxy->spare);
    config_free(&proxy->config);
    free(proxy);
}
