/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection of DNS messages. What its client does not read stops it from asking.
 */
#include "dns_stream.h"

#include "proxy.h"

#include <string.h>

enum { LENGTH_SIZE = 2 };

bool
dns_name_is_known(const struct proxy *proxy, struct bytes host)
{
    for (size_t i = 0; i < proxy->config.name_count; i++) {
        if (bytes_equal_nocase(bytes_str(proxy->config.name[i]), host))
            return true;
    }
    return routes_have_host(proxy->routes, host);
}

static bool
allowed(void *context, struct bytes host)
{
    const struct connection *c = context;
    return relayed_allows(c, host) && dns_name_is_known(c->proxy, host);
}

static void
tell_refused(const struct connection *c, const struct dns_name *name)
{
    struct message_run_refused refused = {.host = bytes_str(name->text)};
    BUFFER_AUTO body;
    buffer_init(&body, 512);
    memcpy(refused.run, c->relayed.run, sizeof refused.run);
    message_run_refused_tx(&refused, &body); // fails without a run, and for the root
    if (!body.failed && c->proxy->authority)
        channel_send(c->proxy->authority, MESSAGE_RUN_REFUSED, 0, buffer_bytes(&body));
}

static void
answer(struct connection *c, struct bytes query)
{
    struct dns_rules rules = {.context = c, .allowed = allowed};
    struct dns_name name;
    BUFFER_AUTO out;
    buffer_init(&out, DNS_ANSWER_MAX);
    memcpy(rules.address, c->relayed.answer, sizeof rules.address);
    enum dns_outcome outcome = dns_answer(query, &rules, &name, &out);
    if (outcome == DNS_NAME_REFUSED)
        tell_refused(c, &name);
    if (outcome == DNS_DROPPED || out.failed)
        return;
    buffer_put_byte(&c->conduit.out, (uint8_t)(out.n >> 8));
    buffer_put_byte(&c->conduit.out, (uint8_t)out.n);
    buffer_put(&c->conduit.out, buffer_bytes(&out));
}

enum step
dns_stream_step(struct connection *c)
{
    struct bytes in = buffer_bytes(&c->conduit.in);
    size_t at = 0;
    while (in.n - at >= LENGTH_SIZE && c->conduit.out.n < CONDUIT_OUT_HIGH) {
        size_t n = (size_t)in.p[at] << 8 | in.p[at + 1];
        if (n == 0 || n > DNS_QUERY_MAX) {
            connection_close(c);
            return STEP_WAIT;
        }
        if (in.n - at < LENGTH_SIZE + n)
            break;
        answer(c, bytes_slice(in, at + LENGTH_SIZE, n));
        at += LENGTH_SIZE + n;
    }
    conduit_consume(&c->conduit, at);
    conduit_flush(&c->conduit);
    if (conduit_moved(&c->conduit))
        connection_touch(c);
    if (c->conduit.write_failed)
        connection_abort(c);
    else if (c->conduit.ended != STREAM_OK && c->conduit.out.n == 0 && at == 0)
        connection_close(c);
    return at > 0 ? STEP_AGAIN : STEP_WAIT;
}
