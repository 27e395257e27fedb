/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/http1.c broker/http/start_line.c broker/http/grammar.c
 * caveats/field_name.c broker/http/http1_write.c broker/http/request.c
 * broker/http/request_write.c broker/http/request_token.c broker/http/request_token_field.c
 * broker/http/request_token_path.c broker/http/request_token_query.c
 * broker/http/request_token_aws.c broker/http/request_token_list.c
 * broker/http/request_token_read.c broker/http/request_list.c
 *
 * However the bytes arrive, the same head is read, or none. A head that is taken is written and
 * read as the same. The canonical request is written as a head that is taken, and whose canonical
 * request is the same; nothing hop-by-hop or of Keyhole's own is in it; once the token was taken
 * out of its slot, it is in no field of that slot.
 *
 * Input: a request, as on a connection.
 */

#include "../../../broker/http/http1_write.h"
#include "../../../broker/http/request.h"
#include "../../../caveats/field_name.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const words[] = {
    "GET /~up/v1/models?limit=1&a=%20 HTTP/1.1\r",
    "POST /a%2Fb/../c HTTP/1.1\r",
    "GET http://h:80/x?y#z HTTP/1.0\r",
    "OPTIONS * HTTP/1.1\r",
    "CONNECT h:443 HTTP/1.1\r",
    "GET /botkh1_AAAA/getMe HTTP/1.1\r",
    "GET /x?key=kh1_AAAA&X-Amz-Signature=0 HTTP/1.1\r",
    "Host: h\r",
    "Host: [::1]:8080\r",
    "Content-Length: 5\r",
    "Transfer-Encoding: chunked\r",
    "Transfer-Encoding: gzip, chunked\r",
    "Connection: close, x-a\r",
    "Connection: Upgrade\r",
    "Upgrade: websocket\r",
    "Expect: 100-continue\r",
    "X-A: b\r",
    " folded\r",
    "Authorization: Bearer kh1_AAAA\r",
    "Authorization: Basic dXNlcjpraDFfQUFBQQ==\r",
    "Authorization: AWS4-HMAC-SHA256 Credential=kh1_AAAA/20260101/r/s/aws4_request, "
    "SignedHeaders=host, Signature=00\r",
    "Proxy-Authorization: Bearer kh1_AAAA\r",
    "Keyhole-Token: kh1_AAAA\r",
    "X-Api-Key: kh1_AAAA\r",
    "X_Api_Key: v\r",
    "Cookie: a=b; session=kh1_AAAA; c=d\r",
    "Sec-WebSocket-Protocol: a, key.kh1_AAAA\r",
    "X-Forwarded-For: 192.0.2.1\r",
    "Content-MD5: AAAA\r",
    "\r",
    NULL,
};

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return fuzz_mutate_lines(data, size, max, seed, words);
}

static enum http1_result
parse(struct bytes in, struct http1_head *head)
{
    const char *why = NULL;
    size_t scanned = 0;
    memset(head, 0xa5, sizeof *head);
    enum http1_result result = http1_parse_request(in, head, &scanned, &why);
    FUZZ_CHECK(result != HTTP1_REJECT || why);
    FUZZ_CHECK(scanned <= in.n || result != HTTP1_MORE);
    return result;
}

/* Piece by piece, as from a socket: the same in the end. */
static void
parse_in_pieces(struct bytes in, const struct http1_head *whole, enum http1_result expected)
{
    static struct http1_head head;
    const char *why = NULL;
    size_t scanned = 0, n = 0, piece = 1 + in.n % 13;
    enum http1_result result = HTTP1_MORE;
    while (result == HTTP1_MORE && n < in.n) {
        n = n + piece < in.n ? n + piece : in.n;
        result = http1_parse_request(bytes_slice(in, 0, n), &head, &scanned, &why);
    }
    FUZZ_CHECK(in.n == 0 || result == expected);
    if (result == HTTP1_DONE) {
        FUZZ_CHECK(head.length == whole->length && head.field_count == whole->field_count);
        FUZZ_SAME(head.target, whole->target);
        FUZZ_CHECK(head.body == whole->body && head.content_length == whole->content_length);
    }
}

static void
same_fields(const struct http1_head *a, const struct http1_head *b)
{
    FUZZ_CHECK(a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        FUZZ_SAME(a->field[i].name, b->field[i].name);
        FUZZ_SAME(a->field[i].value, b->field[i].value);
        FUZZ_CHECK(a->field[i].traits == b->field[i].traits);
    }
}

static void
write_again(const struct http1_head *head)
{
    static struct http1_head again;
    BUFFER_AUTO out = {0};
    if (head->minor == 0 || (head->form != TARGET_ORIGIN && head->form != TARGET_ASTERISK))
        return;
    buffer_init(&out, 1 << 18);
    http1_write_request_line(&out, head->method, head->target);
    for (size_t i = 0; i < head->field_count; i++)
        http1_write_field(&out, head->field[i].name, head->field[i].value);
    http1_write_end(&out);
    FUZZ_CHECK(!out.failed);
    enum http1_result result = parse(buffer_bytes(&out), &again);
    /* Written with a space after each colon, it may be over a limit that it was just below. */
    if (result == HTTP1_REJECT && out.n > HTTP1_LINE_MAX - 8)
        return;
    FUZZ_CHECK(result == HTTP1_DONE);
    FUZZ_CHECK(again.length == out.n);
    FUZZ_SAME(head->method, again.method);
    FUZZ_SAME(head->path, again.path);
    FUZZ_SAME(head->query, again.query);
    FUZZ_SAME(head->host, again.host);
    FUZZ_SAME(head->upgrade, again.upgrade);
    FUZZ_CHECK(head->body == again.body && head->content_length == again.content_length);
    FUZZ_CHECK(head->keep_alive == again.keep_alive && head->has_query == again.has_query);
    same_fields(head, &again);
}

/* ---- canonical ---- */

static struct request_destination
destination(const struct http1_head *head)
{
    return (struct request_destination){.way = WAY_HOST,
                                        .scheme = BYTES("https"),
                                        .host = BYTES("api.example.com"),
                                        .port = 443,
                                        .path = head->path};
}

static void
same_request(const struct request *a, const struct request *b)
{
    FUZZ_SAME(a->method, b->method);
    FUZZ_SAME(a->path, b->path);
    FUZZ_SAME(a->path_decoded, b->path_decoded);
    FUZZ_CHECK(a->has_query == b->has_query && a->query_count == b->query_count);
    for (size_t i = 0; i < a->query_count; i++) {
        FUZZ_SAME(a->query[i].raw_name, b->query[i].raw_name);
        FUZZ_SAME(a->query[i].raw_value, b->query[i].raw_value);
        FUZZ_SAME(a->query[i].value, b->query[i].value);
        FUZZ_CHECK(a->query[i].has_value == b->query[i].has_value);
    }
    FUZZ_CHECK(a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        FUZZ_SAME(a->field[i].name, b->field[i].name);
        FUZZ_SAME(a->field[i].value, b->field[i].value);
    }
}

static void
is_end_to_end(const struct http1_head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        unsigned traits = field_traits(head->field[i].name);
        if (bytes_equal_nocase(head->field[i].name, BYTES("host")) ||
            bytes_equal_nocase(head->field[i].name, BYTES("content-length")) ||
            bytes_equal_nocase(head->field[i].name, BYTES("transfer-encoding")) ||
            bytes_equal_nocase(head->field[i].name, BYTES("connection")) ||
            bytes_equal_nocase(head->field[i].name, BYTES("upgrade")))
            continue;
        FUZZ_CHECK(!(traits & (FIELD_HOP | FIELD_ROUTE)));
        FUZZ_CHECK(!bytes_equal_nocase(bytes_slice(head->field[i].name, 0, 8), BYTES("keyhole-")));
    }
}

static void
write_canonical(const struct http1_head *head, const struct request *request)
{
    static struct http1_head again;
    static struct request second;
    struct fault fault = {0};
    BUFFER_AUTO out = {0};

    buffer_init(&out, 1 << 20);
    request_write(request, head->body, head->content_length, false, &out);
    FUZZ_CHECK(!out.failed);
    enum http1_result result = parse(buffer_bytes(&out), &again);
    if (result == HTTP1_REJECT && (out.n > HTTP1_LINE_MAX || head->field_count > 90))
        return;
    if (result != HTTP1_DONE)
        fuzz_show("written", buffer_bytes(&out));
    FUZZ_CHECK(result == HTTP1_DONE);
    FUZZ_CHECK(again.length == out.n && again.form == TARGET_ORIGIN);
    FUZZ_SAME(again.host, BYTES("api.example.com"));
    FUZZ_CHECK(head->body == BODY_NONE || again.body == head->body);
    FUZZ_CHECK(again.content_length == head->content_length);
    is_end_to_end(&again);
    struct request_destination to = destination(&again);
    FUZZ_CHECK(request_build(&again, &to, &second, &fault) == KH_REASON_UNSET);
    same_request(request, &second);
    request_free(&second);
}

static void
take_token(const struct http1_head *head, struct request *request)
{
    static const struct route route = {
        .credential = BYTES("c"),
        .slot = {{.kind = SLOT_BEARER},
                 {.kind = SLOT_BASIC},
                 {.kind = SLOT_HEADER, .name = BYTES("x-api-key")},
                 {.kind = SLOT_QUERY, .name = BYTES("key")},
                 {.kind = SLOT_COOKIE, .name = BYTES("session")},
                 {.kind = SLOT_PATH},
                 {.kind = SLOT_AWS},
                 {.kind = SLOT_SUBPROTOCOL}},
        .slot_count = 8,
        .inject_kind = INJECT_HEADER,
        .inject_name = BYTES("x-api-key"),
        .enabled = true,
    };
    const struct route *routes[] = {&route};
    struct request_token token;
    struct fault fault = {0};
    static struct message_decide facts;

    enum kh_reason reason = request_take_token(request, head, routes, 1, &token, &fault);
    if (reason != KH_REASON_UNSET)
        return;
    FUZZ_CHECK(bytes_find(token.text, BYTES("kh1_")) < token.text.n);
    FUZZ_CHECK(token.slot.kind != SLOT_UNSET);
    for (size_t i = 0; i < request->field_count; i++)
        FUZZ_CHECK(!bytes_equal(request->field[i].name, BYTES("x-api-key")) &&
                   !bytes_equal(request->field[i].name, BYTES("keyhole-token")) &&
                   !bytes_equal(request->field[i].name, BYTES("authorization")));
    memset(&facts, 0, sizeof facts);
    request_describe(request, &facts);
    FUZZ_SAME(facts.path_encoded, request->path);
    write_canonical(head, request);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head head, shorter;
    static struct request request;
    struct bytes in = bytes_of(data, size);
    enum http1_result result = parse(in, &head);

    parse_in_pieces(in, &head, result);
    if (result != HTTP1_DONE)
        return 0;
    FUZZ_CHECK(head.length <= size && head.field_count <= HTTP1_FIELDS_MAX);
    FUZZ_CHECK(parse(bytes_slice(in, 0, head.length), &shorter) == HTTP1_DONE);
    FUZZ_CHECK(parse(bytes_slice(in, 0, head.length - 1), &shorter) == HTTP1_MORE);
    write_again(&head);
    struct request_destination to = destination(&head);
    if (request_build(&head, &to, &request, NULL) != KH_REASON_UNSET)
        return 0;
    FUZZ_CHECK(!bytes_is(request.method, "TRACE") && !bytes_is(request.method, "TRACK"));
    write_canonical(&head, &request);
    take_token(&head, &request);
    request_free(&request);
    return 0;
}
