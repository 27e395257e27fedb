/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to a gateway: the difference between the request as it came and as it is to be sent,
 * in fields that the gateway sets and removes. What it cannot change has to be right already.
 */
#include "../../caveats/body_facts.h"
#include "../http/http1_write.h"
#include "check.h"
#include "proxy.h"

enum { ANSWER_MAX = 2 * HTTP1_HEAD_MAX };

/* ---- the question's part ---- */

// Envoy joins fields of one name with commas. A caveat holds when it holds for all of them, so each
// part is a value as well as the whole: that can only make it stricter.
static bool
add_list_items(struct message_decide *message)
{
    size_t count = message->header_count;
    for (size_t i = 0; i < count; i++) {
        struct bytes rest = message->header[i].value, part;
        if (bytes_index(rest, ',') == rest.n)
            continue;
        while (bytes_cut(&rest, ',', &part)) {
            if (message->header_count == DECIDE_PAIRS_MAX)
                return false;
            message->header[message->header_count++] =
                (struct fact_pair){message->header[i].name, bytes_trim(part)};
        }
    }
    return true;
}

bool
check_describe(const struct check *check, struct message_decide *message)
{
    message->client = bytes_str(check->client);
    message->client_uid = UINT32_MAX;
    if (!check->sees_body)
        message->body = body_facts_from_head(message->header, message->header_count,
                                             check->is_empty, check->has_length, check->length);
    return check->kind != CHECK_ENVOY || add_list_items(message);
}

bool
check_speaks_nginx(const struct exchange *x)
{
    // Who it is may not be known yet; Envoy takes these words as well.
    return x->client->listener && x->client->listener->gateway.only &&
           (!x->check || x->check->kind != CHECK_ENVOY);
}

/* ---- the difference ---- */

// The gateway writes these by itself, whatever came.
static bool
is_framing(struct bytes name)
{
    static const char *const names[] = {
        "host",       "connection", "content-length", "transfer-encoding",
        "keep-alive", "te",         "upgrade",        "expect"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (bytes_equal_nocase(name, bytes_str(names[i])))
            return true;
    }
    return false;
}

static bool
is_managed(const struct check *check, struct bytes name)
{
    struct bytes rest = check->managed, item;
    while (bytes_cut(&rest, ',', &item)) {
        if (bytes_equal_nocase(bytes_trim(item), name))
            return true;
    }
    return false;
}

static const struct request_field *
next_final(const struct request *request, struct bytes name, size_t *at)
{
    while (*at < request->field_count) {
        const struct request_field *field = &request->field[(*at)++];
        if (!field->removed && bytes_equal_nocase(field->name, name))
            return field;
    }
    return NULL;
}

static const struct http1_field *
next_received(const struct check *check, struct bytes name, size_t *at)
{
    while (*at < check->received_count) {
        const struct http1_field *field = &check->received[(*at)++];
        if (bytes_equal_nocase(field->name, name))
            return field;
    }
    return NULL;
}

// How the fields of one name stand.
struct change {
    bool changed;
    size_t count;       // of those that are sent
    struct bytes value; // of the first
};

static struct change
change_of(const struct check *check, const struct request *request, struct bytes name)
{
    struct change change = {0};
    size_t at = 0, from = 0;
    const struct request_field *sent;
    while ((sent = next_final(request, name, &at))) {
        const struct http1_field *came = next_received(check, name, &from);
        if (change.count++ == 0)
            change.value = sent->value;
        change.changed |= !came || !bytes_equal(came->value, sent->value);
    }
    change.changed |= next_received(check, name, &from) != NULL;
    return change;
}

// What is to be said of one name; an empty `out` collects nothing.
struct difference {
    const struct check *check;
    const struct request *request;
    struct buffer *set, *removed; // NULL: it is only looked whether the gateway can
};

static const char *
nginx_name(const struct difference *d, struct bytes name, const struct change *change)
{
    if (!is_managed(d->check, name))
        return change->changed ? "a field has to be taken out or changed that this gateway's "
                                 "configuration does not know: it is not for the upstream, or "
                                 "keyholed gateway has to be run again"
                               : NULL;
    if (change->count > 1)
        return "a field that the gateway sets came more than once";
    if (change->count == 1 && d->set) {
        BUFFER_AUTO field;
        buffer_init(&field, 512);
        buffer_put_str(&field, "Keyhole-Set-");
        buffer_put(&field, name);
        http1_write_field(d->set, buffer_bytes(&field), change->value);
    }
    return NULL;
}

static const char *
envoy_name(const struct difference *d, struct bytes name, const struct change *change)
{
    if (!change->changed)
        return NULL;
    if (change->count > 1)
        return "a field that the gateway sets came more than once";
    if (change->count == 1 && !is_managed(d->check, name))
        return "a field has to be set that this gateway's configuration does not know: run "
               "keyholed gateway again";
    if (change->count == 1 && d->set) {
        http1_write_field(d->set, name, change->value);
    } else if (change->count == 0 && d->removed) {
        buffer_put_str(d->removed, d->removed->n ? "," : "");
        buffer_put(d->removed, name);
    }
    return NULL;
}

static const char *
one_name(const struct difference *d, struct bytes name)
{
    if (is_framing(name))
        return NULL;
    struct change change = change_of(d->check, d->request, name);
    return d->check->kind == CHECK_NGINX ? nginx_name(d, name, &change)
                                         : envoy_name(d, name, &change);
}

static const char *
each_name(const struct difference *d)
{
    const char *why = NULL;
    for (size_t i = 0; !why && i < d->check->received_count; i++) {
        size_t first = 0;
        struct bytes name = d->check->received[i].name;
        if (next_received(d->check, name, &first) == &d->check->received[i])
            why = one_name(d, name);
    }
    for (size_t i = 0; !why && i < d->request->field_count; i++) {
        size_t first = 0, came = 0;
        struct bytes name = d->request->field[i].name;
        if (next_final(d->request, name, &first) == &d->request->field[i] &&
            !next_received(d->check, name, &came))
            why = one_name(d, name);
    }
    return why;
}

static const char *
target_fault(const struct exchange *x)
{
    BUFFER_AUTO target;
    buffer_init_secret(&target, ANSWER_MAX);
    request_write_target(&x->draft->request, &target);
    // nginx sends the target that it is told, which is the one that was judged.
    if (x->check->kind == CHECK_NGINX || bytes_equal(buffer_bytes(&target), x->check->target))
        return NULL;
    return "the path or query would be sent as it came, and not as it is judged: write it "
           "canonically, with the token in a header";
}

const char *
check_fault(const struct exchange *x)
{
    const struct difference difference = {x->check, &x->draft->request, NULL, NULL};
    if (x->draft->request.upgrade.n > 0)
        return "a WebSocket would go on when the token ends: they go through the broker itself";
    const char *why = target_fault(x);
    return why ? why : each_name(&difference);
}

/* ---- the answer ---- */

static bool
edits_are_fields(const struct message_decision *decision)
{
    for (size_t i = 0; i < decision->edit_count; i++) {
        enum edit_kind kind = decision->edit[i].kind;
        if (kind != EDIT_HEADER_SET && kind != EDIT_HEADER_REMOVE && kind != EDIT_COOKIE_SET)
            return false;
    }
    return true;
}

static const char *
write_allowed(const struct exchange *x, struct buffer *out)
{
    BUFFER_AUTO removed;
    const struct difference difference = {x->check, &x->draft->request, out, &removed};
    buffer_init(&removed, HTTP1_HEAD_MAX);
    http1_write_status_line(out, 200);
    http1_write_field_str(out, "Cache-Control", "no-store");
    http1_write_field_str(out, "Keyhole-Request-Id", x->request_id_hex);
    const char *why = each_name(&difference);
    if (x->check->kind == CHECK_NGINX) {
        BUFFER_AUTO target;
        buffer_init_secret(&target, ANSWER_MAX);
        request_write_target(&x->draft->request, &target);
        http1_write_field(out, BYTES("Keyhole-Target"), buffer_bytes(&target));
        out->failed |= target.failed;
    } else if (removed.n > 0) {
        http1_write_field(out, BYTES("x-envoy-auth-headers-to-remove"), buffer_bytes(&removed));
    }
    if (!x->client->keep_alive)
        http1_write_field_str(out, "Connection", "close");
    http1_write_length(out, 0);
    http1_write_end(out);
    out->failed |= removed.failed;
    return why ? why : out->failed ? "the answer is too long" : NULL;
}

void
check_allow(struct exchange *x, const struct message_decision *decision)
{
    struct connection *c = x->client;
    BUFFER_AUTO out;
    const char *why = "the key does not go into a header";
    buffer_init_secret(&out, ANSWER_MAX);
    c->keep_alive = c->keep_alive && c->body_done && !x->proxy->draining;
    if (edits_are_fields(decision) && x->draft && x->draft->built &&
        request_apply(&x->draft->request, decision->edit, decision->edit_count) == KH_OK)
        why = write_allowed(x, &out);
    if (why) {
        exchange_fail(x, KH_REASON_GATEWAY_CANNOT, why);
        return;
    }
    buffer_put(&c->conduit.out, buffer_bytes(&out));
    exchange_end(x, KH_REASON_UNSET); // what becomes of it, nobody tells
    if (c->conduit.out.failed)
        connection_abort(c);
    else
        connection_move(c, CONNECTION_ANSWERING);
}
