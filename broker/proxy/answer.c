/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of our own: problems (RFC 9457) and the few pages that the broker has.
 */
#include "answer.h"

#include "../http/http1_write.h"
#include "check.h"
#include "pass_through.h"
#include "proxy.h"

bool
answer_keeps_alive(const struct exchange *x)
{
    const struct connection *c = x->client;
    if (!c->keep_alive || c->proxy->draining)
        return false;
    if (c->body_done)
        return true;
    // The body was not asked for yet and may never come; or it is too much to read for nothing.
    return !x->expects_continue && (x->body_kind != BODY_LENGTH ||
                                    (int64_t)x->content_length <= c->proxy->config.drain_body_max);
}

static void
written(struct exchange *x, enum kh_reason reason)
{
    struct connection *c = x->client;
    exchange_end(x, reason);
    if (c->conduit.out.failed)
        connection_abort(c);
    else
        connection_move(c, CONNECTION_ANSWERING);
}

void
answer_problem(struct exchange *x, enum kh_reason reason, struct bytes detail,
               uint32_t retry_after_s)
{
    struct connection *c = x->client;
    if (x->raw) {
        pass_through_alert(x, reason);
        written(x, reason);
        return;
    }
    c->keep_alive = answer_keeps_alive(x);
    struct http1_problem problem = {
        .code = kh_reason_code(reason),
        .title = kh_reason_sentence(reason),
        .advice = kh_reason_advice(reason),
        .detail = detail,
        .status = (unsigned)kh_reason_status(reason),
        .retry_after_s = retry_after_s,
        .request_id_hex = bytes_str(x->request_id_hex),
        .close = !c->keep_alive,
        .head = x->is_head,
        .basic_challenge = x->basic_challenge,
        .for_nginx = check_speaks_nginx(x),
        .allow = reason == KH_REASON_METHOD_NOT_ALLOWED ? x->allow : NULL,
    };
    http1_write_problem(&c->conduit.out, &problem);
    written(x, reason);
}

void
answer_content(struct exchange *x, unsigned status, const char *type, struct bytes content)
{
    struct connection *c = x->client;
    struct buffer *out = &c->conduit.out;
    c->keep_alive = answer_keeps_alive(x);
    http1_write_status_line(out, status);
    http1_write_field_str(out, "Content-Type", type);
    http1_write_field_str(out, "Cache-Control", "no-store");
    if (!c->keep_alive)
        http1_write_field_str(out, "Connection", "close");
    http1_write_length(out, content.n);
    http1_write_end(out);
    if (!x->is_head)
        buffer_put(out, content);
    written(x, KH_REASON_UNSET);
}

struct bytes
answer_busy(void)
{
    static struct buffer out;
    if (out.max == 0) {
        buffer_init(&out, 4096);
        struct http1_problem problem = {
            .code = kh_reason_code(KH_REASON_BROKER_BUSY),
            .title = kh_reason_sentence(KH_REASON_BROKER_BUSY),
            .advice = kh_reason_advice(KH_REASON_BROKER_BUSY),
            .status = (unsigned)kh_reason_status(KH_REASON_BROKER_BUSY),
            .retry_after_s = 1,
            .close = true,
        };
        http1_write_problem(&out, &problem);
    }
    return out.failed ? BYTES_EMPTY : buffer_bytes(&out);
}
