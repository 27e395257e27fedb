/* SPDX-License-Identifier: Apache-2.0
 *
 * The broker's own pages. Revoking takes authority away and nothing else, so presenting a token is
 * all that it needs. What a client is told of dischargers it has to trust this broker for.
 */
#include "own.h"

#include "../http/json_text.h"
#include "answer.h"
#include "judge.h"
#include "own_login.h"
#include "own_run.h"
#include "proxy.h"

static void
serve_index(struct exchange *x, const struct http1_head *head)
{
    (void)head;
    static const char text[] =
        "This is Keyhole, a credential broker. Requests name a credential, and carry a token "
        "where\n"
        "the API key would stand: http://this-address/~CREDENTIAL/... See keyhole(1).\n";
    answer_content(x, 200, "text/plain; charset=utf-8", bytes_str(text));
}

bool
own_take_token(struct exchange *x, const struct http1_head *head, struct bytes *token)
{
    struct fault fault = {0};
    struct request_token found = {0};
    static const struct route bearer = {.slot = {{.kind = SLOT_BEARER}}, .slot_count = 1};
    const struct route *const route[] = {&bearer};
    struct request_destination destination = {
        .way = WAY_OWN,
        .scheme = BYTES("http"),
        .host = buffer_bytes(&x->destination.host),
        .path = head->path,
    };
    enum kh_reason reason = request_build_again(head, &destination, &x->draft->request, &fault);
    x->draft->built = reason == KH_REASON_UNSET;
    if (x->draft->built)
        reason = request_take_token(&x->draft->request, head, route, 1, &found, &fault);
    if (reason != KH_REASON_UNSET)
        judge_refuse(x, head, reason, fault.detail);
    else
        *token = found.text;
    return reason == KH_REASON_UNSET;
}

static void
serve_revoke(struct exchange *x, const struct http1_head *head)
{
    struct bytes token;
    if (own_take_token(x, head, &token))
        judge_revoke(x, token);
}

static void
put_discharger(struct buffer *out, const struct discharger *discharger)
{
    BUFFER_AUTO address;
    buffer_init(&address, 1024);
    discharger_print(discharger, &address);
    struct bytes text = buffer_bytes(&address);
    buffer_put_byte(out, '{');
    json_text_member(out, "name", bytes_str(discharger->name));
    json_text_member(out, "url", bytes_str(discharger->url));
    json_text_member(out, "public_key", bytes_from(text, bytes_index(text, '#') + 1));
    buffer_put_byte(out, '}');
}

static void
serve_dischargers(struct exchange *x, const struct http1_head *head)
{
    const struct message_dischargers *known = &x->proxy->dischargers;
    (void)head;
    BUFFER_AUTO out;
    buffer_init(&out, 32768);
    buffer_put_str(&out, "{\"dischargers\":[");
    for (size_t i = 0; i < known->count; i++) {
        buffer_put_str(&out, i ? "," : "");
        put_discharger(&out, &known->discharger[i]);
    }
    buffer_put_str(&out, "]}\n");
    if (out.failed)
        judge_unavailable(x);
    else
        answer_content(x, 200, "application/json", buffer_bytes(&out));
}

static const struct own_page {
    const char *path, *method[2], *allow; // a path that ends with '/' has names behind it
    void (*serve)(struct exchange *exchange, const struct http1_head *head);
} pages[] = {
    {"/", {"GET", "HEAD"}, "GET, HEAD", serve_index},
    {OWN_DISCHARGERS_PATH, {"GET", "HEAD"}, "GET, HEAD", serve_dischargers},
    {OWN_LOGIN_PATH, {"POST", NULL}, "POST", own_login_serve},
    {OWN_REVOKE_PATH, {"POST", NULL}, "POST", serve_revoke},
    {OWN_ENVIRONMENT_PATH, {"GET", "HEAD"}, "GET, HEAD", own_run_environment},
    {OWN_CA_PATH, {"GET", "HEAD"}, "GET, HEAD", own_run_ca},
    {OWN_RUNS_PATH, {"GET", "HEAD"}, "GET, HEAD", own_run_refusals},
};

static bool
is_page(const struct own_page *page, struct bytes path)
{
    struct bytes own = bytes_str(page->path);
    bool has_names = own.n > 1 && bytes_ends(own, BYTES("/"));
    return has_names ? bytes_starts(path, own) : bytes_equal(path, own);
}

// Clients that tunnel whatever goes through a proxy do so for a base URL of ours as well
// (EnvHttpProxyAgent of Node.js). The tunnel leads back here: requests go on as before.
static void
serve_connect(struct exchange *x)
{
    struct connection *c = x->client;
    buffer_put_str(&c->conduit.out, "HTTP/1.1 200 Connection established\r\n\r\n");
    c->keep_alive = true; // Connection speaks of the request to the proxy alone
    exchange_end(x, KH_REASON_UNSET);
    connection_move(c, CONNECTION_ANSWERING);
}

void
own_serve(struct exchange *x, const struct http1_head *head)
{
    if (head->form == TARGET_AUTHORITY) {
        serve_connect(x);
        return;
    }
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (!is_page(&pages[i], head->path))
            continue;
        for (int j = 0; j < 2; j++) {
            if (pages[i].method[j] && bytes_is(head->method, pages[i].method[j])) {
                pages[i].serve(x, head);
                return;
            }
        }
        x->allow = pages[i].allow;
        judge_refuse(x, head, KH_REASON_METHOD_NOT_ALLOWED, "");
        return;
    }
    judge_refuse(x, head, KH_REASON_NOT_FOUND, "");
}
