/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer's head and framing. Hop-by-hop fields stay here, and so does what would lead the
 * client around us (Alt-Svc names another port, or HTTP/3).
 */
#include "response.h"

#include "../../caveats/field_name.h"
#include "../http/http1_write.h"
#include "answer.h"
#include "base_url.h"
#include "carry.h"
#include "meter.h"
#include "proxy.h"
#include "scrub.h"
#include "token_answer.h"
#include "token_seal.h"
#include "tunnel.h"
#include "upstream.h"

enum { COLLECT_MAX = 64 * 1024, WHOLE_MAX = COLLECT_MAX };

static bool
has_no_body(const struct http1_head *head)
{
    return head->body == BODY_NONE;
}

enum exchange_framing
response_framing(const struct http1_head *head, unsigned minor, bool scrub)
{
    if (has_no_body(head))
        return FRAMING_NONE;
    if (head->body == BODY_LENGTH && !scrub)
        return FRAMING_LENGTH;
    if (head->body == BODY_LENGTH && head->content_length <= COLLECT_MAX)
        return FRAMING_COLLECT;
    return minor >= 1 ? FRAMING_CHUNKED : FRAMING_CLOSE;
}

static bool
is_listed(struct bytes list, struct bytes name, bool (*equal)(struct bytes a, struct bytes b))
{
    struct bytes item;
    while (bytes_cut(&list, ',', &item)) {
        if (equal(item, name))
            return true;
    }
    return false;
}

// What the credential says of answers (its options set-cookie and drop-answer-headers).
static bool
is_unwanted(const struct route *route, const struct http1_field *field)
{
    if (is_listed(route->dropped_fields, field->name, bytes_equal_nocase))
        return true;
    if (route->answer_cookies == ANSWER_COOKIES_PASS ||
        !(field->id == FIELD_ID_SET_COOKIE ||
          bytes_equal_nocase(field->name, BYTES("set-cookie2"))))
        return false;
    // RFC 6265 section 5.2: the name ends at the first '=', without one there is none.
    struct bytes pair = bytes_slice(field->value, 0, bytes_index(field->value, ';'));
    size_t sign = bytes_index(pair, '=');
    return sign == pair.n ||
           !is_listed(route->cookies, bytes_trim(bytes_slice(pair, 0, sign)), bytes_equal);
}

static void
write_value(const struct exchange *x, struct bytes name, struct bytes value, struct buffer *out)
{
    struct bytes url = buffer_bytes(&x->base_url);
    if (url.n == 0 || !base_url_is_in(name)) {
        http1_write_field(out, name, value);
        return;
    }
    BUFFER_AUTO below;
    buffer_init(&below, HTTP1_HEAD_MAX);
    const struct base_url base = {
        .url = url,
        .path = bytes_from(url, bytes_find(url, BYTES("/~"))),
        .host = buffer_bytes(&x->destination.host),
        .port = x->destination.match.port,
        .plain = x->destination.match.plain,
    };
    base_url_write(&base, value, &below);
    http1_write_field(out, name, below.failed ? value : buffer_bytes(&below));
}

static void
write_scrubbed(struct exchange *x, const struct http1_field *field, struct buffer *out)
{
    if (scrub_finds(x->scrub, field->name)) // nothing else would be a name
        return;
    BUFFER_AUTO clean;
    buffer_init_secret(&clean, HTTP1_HEAD_MAX);
    scrub_text(x->scrub, field->value, &clean);
    if (!clean.failed)
        write_value(x, field->name, buffer_bytes(&clean), out);
}

static void
write_fields(struct exchange *x, const struct http1_head *head, bool clean, struct buffer *out)
{
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->field[i];
        if (field->traits & (FIELD_HOP | FIELD_NO_ANSWER) || is_unwanted(x->route, field) ||
            (x->tunnel && tunnel_write_protocol(x, field, out)))
            continue;
        if (!clean)
            write_scrubbed(x, field, out);
        else if (x->base_url.n > 0 && base_url_is_in(field->name))
            write_value(x, field->name, field->value, out);
        else
            http1_put_field(out, field->name, field->value);
    }
    http1_put_field(out, BYTES("Keyhole-Request-Id"), bytes_str(x->request_id_hex));
}

// All fields at once: they lie behind one another where they were read.
static bool
are_fields_clean(const struct exchange *x, const struct http1_head *head)
{
    if (!x->scrub || head->field_count == 0)
        return true;
    const struct http1_field *last = &head->field[head->field_count - 1];
    const uint8_t *from = head->field[0].name.p, *to = last->name.p + last->name.n;
    if (last->value.n > 0)
        to = last->value.p + last->value.n;
    return !scrub_finds(x->scrub, bytes_of(from, (size_t)(to - from)));
}

void
response_write_fields(struct exchange *x, const struct http1_head *head, struct buffer *out)
{
    write_fields(x, head, are_fields_clean(x, head), out);
}

static void
write_framing(struct exchange *x, struct buffer *out)
{
    if (x->framing == FRAMING_LENGTH)
        http1_write_length(out, x->answer_length);
    else if (x->framing == FRAMING_CHUNKED)
        http1_write_field_str(out, "Transfer-Encoding", "chunked");
    else if (x->framing == FRAMING_COLLECT) // its length is known at the end
        return;
    http1_write_end(out);
}

// What a GET would have had (RFC 9110 8.6).
static void
write_length_of_get(const struct http1_head *head, struct buffer *out)
{
    const struct http1_field *length = http1_find_id(head, FIELD_ID_CONTENT_LENGTH);
    if (length && head->status != 204)
        http1_put_field(out, length->name, length->value);
}

static void
write_head(struct exchange *x, const struct http1_head *head, bool clean, struct buffer *out)
{
    struct connection *c = x->client;
    http1_write_status_line(out, head->status);
    write_fields(x, head, clean, out);
    if (!c->keep_alive)
        http1_write_field_str(out, "Connection", "close");
    if (x->framing == FRAMING_NONE)
        write_length_of_get(head, out);
    if (!token_answer_holds(x))
        write_framing(x, out);
}

// Scrubbing cannot see through an encoding, so identity was asked for (docs/THREATS.md, 9).
bool
response_is_encoded(const struct http1_head *head)
{
    const struct http1_field *field = http1_find_id(head, FIELD_ID_CONTENT_ENCODING);
    return field && field->value.n && !bytes_equal_nocase(field->value, BYTES("identity"));
}

// Most answers are small, are there whole when their head is, and have nothing in them that is to
// be replaced or kept back: they are looked at in one go, and go on in one go.
static bool
is_whole_and_clean(const struct exchange *x, const struct http1_head *head)
{
    struct bytes in = buffer_bytes(&x->upstream->conduit.in);
    if (head->body != BODY_LENGTH || head->content_length > WHOLE_MAX ||
        head->content_length > in.n - head->length)
        return false;
    in = bytes_slice(in, 0, head->length + (size_t)head->content_length);
    return !(x->scrub && scrub_finds(x->scrub, in)) &&
           !token_answer_is_possible(x, head, bytes_from(in, head->length));
}

static bool
pass_whole(struct exchange *x, const struct http1_head *head)
{
    struct conduit *down = &x->client->conduit, *up = &x->upstream->conduit;
    size_t n = (size_t)head->content_length;
    x->framing = FRAMING_LENGTH;
    x->answer_length = n;
    write_head(x, head, true, &down->out);
    if (down->out.failed)
        return false;
    conduit_pass(down, bytes_slice(buffer_bytes(&up->in), head->length, n), BYTES_EMPTY);
    x->bytes_down += n;
    x->response_shown = x->response_done = true;
    conduit_consume(up, head->length + n);
    return true;
}

static bool
begin_in_pieces(struct exchange *x, const struct http1_head *head)
{
    struct connection *c = x->client;
    x->framing = response_framing(head, x->minor, x->scrub != NULL);
    x->answer_length = head->content_length;
    if (x->framing == FRAMING_CLOSE)
        c->keep_alive = false;
    bool later = x->framing == FRAMING_COLLECT || token_answer_holds(x);
    struct buffer *out = later ? &x->collected_head : &c->conduit.out;
    write_head(x, head, are_fields_clean(x, head), out);
    if (out->failed)
        return false;
    x->response_shown = !later;
    http1_body_start(&x->response_body, head);
    x->response_done = has_no_body(head) || (head->body == BODY_LENGTH && !head->content_length);
    conduit_consume(&x->upstream->conduit, head->length);
    return true;
}

bool
response_begin(struct exchange *x, const struct http1_head *head)
{
    if (x->carry)
        return carry_begin_response(x, head);
    x->status = head->status;
    meter_answered(x, head->status);
    if (x->route->scrub && !has_no_body(head) && response_is_encoded(head)) {
        exchange_fail(x, KH_REASON_RESPONSE_ENCODED, "");
        return false;
    }
    const char *why = "";
    bool whole = is_whole_and_clean(x, head);
    if (!whole && !token_answer_begin(x, head, &why)) {
        exchange_fail(x, KH_REASON_TOKEN_ANSWER, why);
        return false;
    }
    x->response_started = true;
    x->upstream_keep = head->keep_alive && head->body != BODY_CLOSE;
    if (x->proxy->draining)
        x->client->keep_alive = false;
    if (!(whole ? pass_whole(x, head) : begin_in_pieces(x, head))) {
        exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, "its head cannot be passed on");
        return false;
    }
    return true;
}

static void
emit(struct exchange *x, struct bytes data)
{
    struct conduit *down = &x->client->conduit;
    if (data.n == 0) // an empty chunk would end the body
        return;
    switch (x->framing) {
    case FRAMING_CHUNKED:
        http1_write_chunk_size(&down->out, data.n);
        conduit_pass(down, data, HTTP1_CHUNK_END);
        break;
    case FRAMING_COLLECT:
        buffer_put(&x->collected, data);
        break;
    case FRAMING_LENGTH:
    case FRAMING_CLOSE:
        conduit_pass(down, data, BYTES_EMPTY);
        break;
    case FRAMING_NONE:
        break;
    }
}

static void
emit_scrubbed(struct exchange *x)
{
    struct buffer *clean = &x->proxy->scrubbed;
    if (clean->failed)
        x->client->conduit.out.failed = true; // what is missing must not look whole
    else
        emit(x, buffer_bytes(clean));
    buffer_free(clean);
}

static void
put(struct exchange *x, struct bytes data)
{
    size_t clean = x->scrub ? scrub_clean(x->scrub, data) : data.n;
    if (clean < data.n && data.n < CONDUIT_PASS_MIN)
        clean = 0; // an event stays one chunk
    emit(x, bytes_slice(data, 0, clean));
    if (clean == data.n)
        return;
    scrub_feed(x->scrub, bytes_from(data, clean), &x->proxy->scrubbed);
    emit_scrubbed(x);
}

// What was held back is no token: head and body go on as if they came now.
static void
release(struct exchange *x)
{
    struct buffer *out = &x->client->conduit.out;
    if (x->framing != FRAMING_COLLECT) {
        write_framing(x, &x->collected_head);
        if (x->collected_head.failed)
            out->failed = true;
        buffer_put(out, buffer_bytes(&x->collected_head));
        buffer_free(&x->collected_head);
        x->response_shown = true;
    }
    put(x, buffer_bytes(&x->token_answer->held));
    buffer_free(&x->token_answer->held);
    x->token_answer->holding = false;
}

bool
response_put(struct exchange *x, struct bytes data)
{
    const char *why = "";
    x->bytes_down += data.n;
    switch (token_answer_feed(x, data, &why)) {
    case TOKEN_ANSWER_REFUSED:
        exchange_fail(x, KH_REASON_TOKEN_ANSWER, why);
        return false;
    case TOKEN_ANSWER_HELD:
        break;
    case TOKEN_ANSWER_RELEASED:
        release(x);
        break;
    case TOKEN_ANSWER_GO:
        put(x, data);
        break;
    }
    return true;
}

static void
show_collected(struct exchange *x)
{
    struct buffer *out = &x->client->conduit.out;
    if (x->collected.failed || x->collected_head.failed)
        out->failed = true;
    buffer_put(out, buffer_bytes(&x->collected_head));
    http1_write_length(out, x->collected.n);
    http1_write_end(out);
    buffer_put(out, buffer_bytes(&x->collected));
}

static void
finish(struct exchange *x)
{
    if (x->scrub && scrub_held(x->scrub) > 0) {
        scrub_finish(x->scrub, &x->proxy->scrubbed);
        emit_scrubbed(x);
    }
    if (x->framing == FRAMING_CHUNKED)
        http1_write_last_chunk(&x->client->conduit.out);
    if (x->framing == FRAMING_COLLECT)
        show_collected(x);
}

void
response_show_collected(struct exchange *x)
{
    x->framing = FRAMING_COLLECT;
    release(x);
    finish(x);
}

bool
response_finish(struct exchange *x)
{
    if (x->carry)
        return true;
    if (token_answer_holds(x) && x->token_answer->found) {
        token_seal_begin(x);
        return false;
    }
    if (token_answer_holds(x))
        release(x);
    finish(x);
    return true;
}
