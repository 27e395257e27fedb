/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging again what runs: a revocation reaches open streams, and so does the end of a token.
 */
#include "rejudge.h"

#include "proxy.h"

#include <string.h>

enum { RECHECK_INTERVAL_MS = 250 };

void
rejudge_arm(struct proxy *proxy)
{
    struct timeval interval = {.tv_usec = RECHECK_INTERVAL_MS * 1000};
    if (!proxy->recheck_armed && !TAILQ_EMPTY(&proxy->running))
        proxy->recheck_armed = event_add(proxy->recheck_timer, &interval) == 0;
}

void
rejudge_add(struct exchange *x)
{
    TAILQ_INSERT_TAIL(&x->proxy->running, x, entry);
    x->running = true;
    rejudge_arm(x->proxy);
}

void
rejudge_remove(struct exchange *x)
{
    if (!x->running)
        return;
    TAILQ_REMOVE(&x->proxy->running, x, entry);
    x->running = false;
}

// The same body as the first time, but marked: nothing is counted anew.
static bool
send_again(struct exchange *x)
{
    KH_UNFILLED struct message_decide message;
    BUFFER_AUTO body;
    buffer_init_secret(&body, x->decide.max);
    if (!x->proxy->authority || message_decide_rx(buffer_bytes(&x->decide), &message) != KH_OK)
        return false;
    message.rejudge = true;
    // A denial stands under the id that the answer has: whoever was cut finds out why.
    memcpy(message.request_id, x->request_id, sizeof message.request_id);
    message_decide_tx(&message, &body);
    if (body.failed)
        return false;
    questions_orphan(&x->proxy->questions, x->rejudge);
    x->rejudge = questions_add(&x->proxy->questions, QUESTION_REJUDGE, x);
    if (!x->rejudge)
        return false;
    channel_send(x->proxy->authority, MESSAGE_DECIDE, x->rejudge, buffer_bytes(&body));
    return true;
}

static void
ask(struct exchange *x)
{
    if (!x->rejudge_since_ms)
        x->rejudge_since_ms = proxy_now_ms();
    (void)send_again(x); // else the time limit cuts it, or the next authority is asked
}

void
rejudge_all(struct proxy *proxy)
{
    struct exchange *x;
    TAILQ_FOREACH(x, &proxy->running, entry)
    {
        x->rejudge_since_ms = 0; // a new question, a new time limit
        ask(x);
    }
}

void
rejudge_lost(struct exchange *x)
{
    x->rejudge = 0;
}

bool
rejudge_handle(struct channel *channel, void *context, const struct message *message)
{
    (void)channel, (void)message;
    rejudge_all(context);
    return true;
}

void
rejudge_decided(struct exchange *x, const struct message_decision *decision)
{
    struct connection *c = x->client;
    x->rejudge = 0;
    x->rejudge_since_ms = 0;
    if (decision->allow) {
        x->recheck_at = decision->recheck_at;
        return;
    }
    exchange_cut(x, decision->reason ? decision->reason : KH_REASON_INTERNAL, decision->detail);
    connection_run(c);
}

static void
check(struct exchange *x, int64_t now_ms, int64_t clock_s)
{
    struct connection *c = x->client;
    if (x->rejudge_since_ms) {
        if (now_ms - x->rejudge_since_ms < x->proxy->config.decide_timeout_ms)
            return;
        exchange_cut(x, KH_REASON_BROKER_UNAVAILABLE, BYTES_EMPTY);
        connection_run(c);
    } else if (clock_s >= x->recheck_at) {
        ask(x);
    }
}

static void
recheck(evutil_socket_t fd, short what, void *context)
{
    struct proxy *proxy = context;
    int64_t now_ms = proxy_now_ms(), clock_s = proxy_clock_s();
    (void)fd, (void)what;
    proxy->recheck_armed = false;
    struct exchange *x, *next;
    for (x = TAILQ_FIRST(&proxy->running); x; x = next) {
        next = TAILQ_NEXT(x, entry); // a cut takes only itself out
        check(x, now_ms, clock_s);
    }
    rejudge_arm(proxy);
}

enum kh_err
rejudge_init(struct proxy *proxy)
{
    TAILQ_INIT(&proxy->running);
    proxy->recheck_timer = event_new(proxy->base, -1, 0, recheck, proxy);
    return proxy->recheck_timer ? KH_OK : KH_ERR_MEMORY;
}

void
rejudge_fini(struct proxy *proxy)
{
    if (proxy->recheck_timer)
        event_free(proxy->recheck_timer);
}
