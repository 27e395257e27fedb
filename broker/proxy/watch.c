/* SPDX-License-Identifier: Apache-2.0
 *
 * What is answered to whoever watches. Figures, and words of our own: nothing that a client sent.
 */
#include "watch.h"

#include "../../caveats/path.h"
#include "address.h"
#include "answer.h"
#include "pool.h"
#include "proxy.h"

#include <string.h>
#include <unistd.h>

enum {
    TEXT_MAX = 4 << 20,
    PROBLEMS_MAX = 4096,
    SILENCE_MAX_US = 3000000, // the authority's loop turns each second
};

/* ---- pages ---- */

bool
watch_handle_page(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct watch *watch = &proxy->watch;
    struct message_metrics_page of = {0};
    (void)channel;
    bool good = message_metrics_page_rx(message->body, &of) == KH_OK;
    const struct metrics_page *page = good ? metrics_page_map_to_read(message->fd) : NULL;
    if (message->fd >= 0)
        close(message->fd);
    size_t i = 0;
    while (i < watch->count &&
           (watch->view[i].role != (enum role)of.role || watch->view[i].index != of.index))
        i++;
    if (!page || i == METRICS_PROCESSES) {
        metrics_page_unmap(page);
        return good;
    }
    metrics_page_unmap(watch->view[i].page); // NULL where the place is new
    watch->view[i] = (struct metrics_view){(enum role)of.role, of.index, page};
    watch->count += i == watch->count;
    return true;
}

void
watch_fini(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        metrics_page_unmap(watch->view[i].page);
    *watch = (struct watch){0};
}

const struct metrics_page *
watch_authority_page(const struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->view[i].role == ROLE_AUTHORITY)
            return watch->view[i].page;
    }
    return NULL;
}

/* ---- ready ---- */

static void
add_problem(struct buffer *problems, const char *sentence)
{
    buffer_printf(problems, "%s\"%s\"", problems->n ? "," : "", sentence);
}

static bool
authority_is_silent(const struct metrics_page *page)
{
    uint64_t heartbeat = page ? metrics_cell_get(&page->heartbeat_us) : 0;
    return heartbeat != 0 && metrics_since_us((int64_t)heartbeat) > SILENCE_MAX_US;
}

bool
watch_is_ready(const struct proxy *proxy, struct buffer *problems)
{
    const struct metrics_page *page = watch_authority_page(&proxy->watch);
    if (proxy->draining)
        add_problem(problems, "stopping: no new requests are taken");
    else if (!proxy->configured || !proxy->routes_whole)
        add_problem(problems, "starting: it is not known yet where requests may go");
    if (!proxy->authority)
        add_problem(problems, "authority: there is none, and nobody else decides");
    else if (authority_is_silent(page))
        add_problem(problems, "authority: it does not answer");
    if (page && metrics_cell_get(&page->value[METRIC_AUDIT_FAILING]))
        add_problem(problems, "audit: the log cannot be written, and every request is denied");
    if (page && metrics_cell_get(&page->value[METRIC_DATABASE_FAILING]))
        add_problem(problems, "database: it cannot be read");
    return problems->n == 0 && !problems->failed;
}

/* ---- answering ---- */

static void
serve_metrics(struct exchange *x, const struct http1_head *head)
{
    struct proxy *proxy = x->proxy;
    const struct http1_field *accept = http1_find(head, "accept");
    BUFFER_AUTO text, problems;
    buffer_init(&text, TEXT_MAX);
    buffer_init(&problems, PROBLEMS_MAX);
    watch_tick(proxy); // what is sampled, as it is now
    const struct metrics_scrape scrape = {
        .view = proxy->watch.view,
        .count = proxy->watch.count,
        .now_us = metrics_clock_us(),
        .ready = watch_is_ready(proxy, &problems),
        .openmetrics = accept && metrics_prefers_openmetrics(accept->value),
    };
    metrics_print(&scrape, &text);
    if (text.failed)
        watch_refuse(x, KH_REASON_INTERNAL, "memory is used up");
    else
        answer_content(x, 200, metrics_content_type(scrape.openmetrics), buffer_bytes(&text));
}

// This answer is the proof.
static void
serve_health(struct exchange *x, const struct http1_head *head)
{
    (void)head;
    answer_content(x, 200, "application/json", BYTES("{\"healthy\":true}\n"));
}

static void
serve_readiness(struct exchange *x, const struct http1_head *head)
{
    BUFFER_AUTO problems, text;
    (void)head;
    buffer_init(&problems, PROBLEMS_MAX);
    buffer_init(&text, PROBLEMS_MAX + 64);
    bool ready = watch_is_ready(x->proxy, &problems);
    buffer_printf(&text, "{\"ready\":%s,\"problems\":[%s]}\n", ready ? "true" : "false",
                  buffer_text(&problems));
    answer_content(x, ready ? 200 : 503, "application/json", buffer_bytes(&text));
}

static const struct {
    const char *path;
    void (*serve)(struct exchange *exchange, const struct http1_head *head);
} pages[] = {
    {"/metrics", serve_metrics},
    {"/healthz", serve_health},
    {"/readyz", serve_readiness},
};

// A page in a browser can be made to ask for a name of its own that leads here (DNS rebinding), and
// would then read the answer. An address is no such name, and browsers do not leave Host out.
static bool
host_is_ours(const struct exchange *x, const struct http1_head *head)
{
    struct destination_view view;
    struct address address;
    uint16_t port;
    if (x->client->listener->kind == LISTENER_UNIX || head->host.n == 0)
        return true;
    BUFFER_AUTO host;
    buffer_init(&host, 512);
    if (authority_split(head->host, &host, &port) != KH_OK || host.failed)
        return false;
    exchange_view(x->client, &view);
    return address_parse(buffer_bytes(&host), 0, &address) ||
           destination_is_own(&view, buffer_bytes(&host));
}

void
watch_refuse(struct exchange *x, enum kh_reason reason, const char *detail)
{
    answer_problem(x, reason, bytes_str(detail), 0);
}

void
watch_serve(struct exchange *x, const struct http1_head *head)
{
    size_t i = 0;
    x->destination.way = WAY_OWN;
    x->client->conduit.out.max = TEXT_MAX + HTTP1_HEAD_MAX;
    if (head->form != TARGET_ORIGIN) {
        watch_refuse(x, KH_REASON_MISDIRECTED, "this listener is no proxy");
        return;
    }
    if (!host_is_ours(x, head)) {
        watch_refuse(x, KH_REASON_MISDIRECTED,
                     "Host is neither an address nor one of the names in keyholed.yaml");
        return;
    }
    while (i < sizeof pages / sizeof *pages && !bytes_is(head->path, pages[i].path))
        i++;
    if (i == sizeof pages / sizeof *pages || head->has_query) {
        watch_refuse(x, KH_REASON_NOT_FOUND,
                     "this listener answers /metrics, /healthz and /readyz alone");
    } else if (!bytes_is(head->method, "GET") && !x->is_head) {
        x->allow = "GET, HEAD";
        watch_refuse(x, KH_REASON_METHOD_NOT_ALLOWED, "");
    } else if (head->expect_other) {
        watch_refuse(x, KH_REASON_EXPECTATION_FAILED, "");
    } else {
        pages[i].serve(x, head);
    }
}

/* ---- each second ---- */

void
watch_tick(struct proxy *proxy)
{
    size_t queued = channel_queued(proxy->supervisor);
    if (proxy->authority)
        queued += channel_queued(proxy->authority);
    metrics_heartbeat();
    metrics_set(METRIC_CHANNEL_QUEUE, queued);
    metrics_set(METRIC_QUESTIONS, questions_open(&proxy->questions));
    metrics_set(METRIC_UPSTREAM_IDLE, pool_idle_count(proxy->pool));
}
