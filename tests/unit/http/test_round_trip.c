/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties over generated and mutated input: what is accepted, made canonical and written parses
 * again to the same canonical request, and nothing that comes in breaks anything.
 */

#include "request_test.h"

enum { GENERATED = 5000, MUTATED = 40000 };

static const char *const samples[] = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\nGET /v1/models?limit=10&after=x%20y&flag HTTP/1.1\r\nHost: api.example.com\r\n"
    "Accept: */*\r\nAuthorization: Bearer sk-kh1_abc\r\nUser-Agent: a/1 (b; c)\r\n\r\n",
    "POST /v1/chat/completions HTTP/1.1\r\nHost: api.example.com:8443\r\nContent-Length: 11\r\n"
    "Content-Type: application/json\r\nConnection: keep-alive, x-drop\r\nX-Drop: 1\r\n"
    "x-api-key: kh1_abc\r\n\r\n{\"a\":\"b\"}\r\n",
    "PUT http://h:80/a/b%41%c3%a4?x[y]=%5b&&= HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
    "Cookie: a=b\r\nCookie: c=d\r\nProxy-Authorization: Basic dXNlcjpzay1raDFfYWJj\r\n\r\n"
    "5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    "GET /git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: h\r\n"
    "Authorization: Basic dXNlcjpzay1raDFfYWJj\r\nExpect: 100-continue\r\n\r\n",
    "GET /socket?key=kh1_abc HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
};

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: s\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
    "5;x=\"y\"\r\nhello\r\n00\r\nEtag: \"x\"\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.0 404 Not Found\r\nSet-Cookie: a=b\r\n\r\nuntil the end",
};

/* ---- comparing ---- */

static void
assert_same_request(const struct request *a, const struct request *b)
{
    assert_bytes(a->method, b->method);
    assert_bytes(a->host, b->host);
    assert_bytes(a->path, b->path);
    assert_bytes(a->path_decoded, b->path_decoded);
    assert_int_equal(a->has_query, b->has_query);
    assert_int_equal(a->query_count, b->query_count);
    for (size_t i = 0; i < a->query_count; i++) {
        assert_bytes(a->query[i].raw_name, b->query[i].raw_name);
        assert_bytes(a->query[i].raw_value, b->query[i].raw_value);
        assert_bytes(a->query[i].name, b->query[i].name);
        assert_bytes(a->query[i].value, b->query[i].value);
        assert_int_equal(a->query[i].has_value, b->query[i].has_value);
    }
    assert_int_equal(a->field_count, b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        assert_bytes(a->field[i].name, b->field[i].name);
        assert_bytes(a->field[i].value, b->field[i].value);
    }
}

/* Write, parse, make canonical, compare. */
static void
assert_round_trip(const struct http1_head *head, const struct request *request)
{
    struct request_destination to = to_example();
    struct http1_head again;
    struct request second;
    struct fault fault = {0};
    const char *why = "incomplete";
    size_t scanned = 0;
    enum kh_reason reason;
    BUFFER_AUTO out;

    buffer_init(&out, 1 << 20);
    request_write(request, head->body, head->content_length, false, &out);
    assert_false(out.failed);
    if (http1_parse_request(buffer_bytes(&out), &again, &scanned, &why) != HTTP1_DONE) {
        print_text(why, buffer_bytes(&out));
        fail();
    }
    assert_int_equal(again.length, out.n);
    assert_int_equal(again.form, TARGET_ORIGIN);
    assert_text(again.host, "api.example.com");
    if (head->body != BODY_NONE)
        assert_int_equal(again.body, head->body);
    assert_true(again.content_length == head->content_length);
    to.path = again.path;
    reason = request_build(&again, &to, &second, &fault);
    if (reason != KH_REASON_UNSET) {
        print_text(fault.detail, buffer_bytes(&out));
        fail();
    }
    assert_same_request(request, &second);
    request_free(&second);
}

/* ---- one input through everything ---- */

static void
read_body(const struct http1_head *head, struct bytes in, size_t piece)
{
    struct http1_body_reader reader;
    enum http1_result result = HTTP1_MORE;
    size_t at = 0;

    http1_body_start(&reader, head);
    while (result == HTTP1_MORE && at < in.n) {
        struct bytes data;
        const char *why;
        size_t used;

        result = http1_body_read(&reader, bytes_slice(in, at, piece), &used, &data, &why);
        assert_true(used <= piece && data.n <= used);
        assert_true(used > 0 || result != HTTP1_MORE);
        at += used;
    }
    (void)http1_body_end(&reader);
}

static void
take_tokens(struct request *request, const struct http1_head *head)
{
    static const struct route route = {
        .slot = {{.kind = SLOT_BEARER},
                 {.kind = SLOT_BASIC},
                 {.kind = SLOT_HEADER, .name = TEXT("x-api-key")},
                 {.kind = SLOT_QUERY, .name = TEXT("key")}},
        .slot_count = 4,
    };
    const struct route *routes[] = {&route};
    struct request_token token;
    struct fault fault;

    if (request_take_token(request, head, routes, 1, &token, &fault) == KH_REASON_UNSET) {
        assert_true(bytes_find(token.text, BYTES("kh1_")) < token.text.n);
        assert_round_trip(head, request);
    }
}

/* How far the input came: 0 refused, 1 parsed, 2 canonical. */
static int
run(struct bytes in)
{
    struct request_destination to = to_example();
    struct http1_head head;
    struct request request;
    const char *why = NULL;
    size_t scanned = 0;
    enum http1_result result = http1_parse_request(in, &head, &scanned, &why);

    assert_true(result != HTTP1_REJECT || why != NULL);
    if (result != HTTP1_DONE)
        return 0;
    read_body(&head, bytes_from(in, head.length), 3);
    to.path = head.path;
    if (request_build(&head, &to, &request, NULL) != KH_REASON_UNSET)
        return 1;
    assert_round_trip(&head, &request);
    take_tokens(&request, &head);
    request_free(&request);
    return 2;
}

/* ---- mutation ---- */

static void
mutate(struct generator *g, struct buffer *text)
{
    static const char spice[] = "\r\n\0 \t:,;%=&?/\\0aZ_-[\x7f\xff";
    size_t times = 1 + generate(g, 3);

    while (times-- > 0 && text->n > 1) {
        size_t at = generate(g, text->n), n = 1 + generate(g, 8);
        struct bytes rest = bytes_from(buffer_bytes(text), at);

        switch (generate(g, 5)) {
        case 0:
            text->p[at] = (uint8_t)spice[generate(g, sizeof spice - 1)];
            break;
        case 1:
            text->p[at] = (uint8_t)generate(g, 256);
            break;
        case 2: /* take a piece out */
            n = n < rest.n ? n : rest.n;
            memmove(text->p + at, text->p + at + n, text->n - at - n);
            text->n -= n;
            break;
        case 3: /* say a piece twice */
            n = n < rest.n ? n : rest.n;
            if (buffer_reserve(text, n) == NULL)
                fail();
            memmove(text->p + at + n, text->p + at, text->n - at);
            text->n += n;
            break;
        default: /* the other case, or a neighbour */
            text->p[at] ^= 0x20;
            break;
        }
    }
}

static void
test_mutated_requests(void **state)
{
    struct generator g = generator_new("mutated requests");
    size_t came[3] = {0};

    (void)state;
    for (int i = 0; i < MUTATED; i++) {
        struct bytes copy;
        BUFFER_AUTO text;

        buffer_init(&text, 1 << 16);
        buffer_put_str(&text, samples[generate(&g, COUNT(samples))]);
        if (i >= (int)COUNT(samples))
            mutate(&g, &text);
        copy = exact_copy(buffer_bytes(&text));
        came[run(copy)]++;
        exact_free(copy);
    }
    printf("refused %zu, parsed %zu, canonical %zu\n", came[0], came[1], came[2]);
    /* A generator that only makes rubbish would show nothing. */
    assert_true(came[0] > MUTATED / 20 && came[2] > MUTATED / 20);
}

static void
test_mutated_answers(void **state)
{
    struct generator g = generator_new("mutated answers");
    size_t done = 0;

    (void)state;
    for (int i = 0; i < MUTATED; i++) {
        struct http1_head head;
        struct bytes copy;
        const char *why = NULL;
        size_t scanned = 0;
        enum http1_result result;
        BUFFER_AUTO text;

        buffer_init(&text, 1 << 16);
        buffer_put_str(&text, answers[generate(&g, COUNT(answers))]);
        mutate(&g, &text);
        copy = exact_copy(buffer_bytes(&text));
        result = http1_parse_response(copy, generate(&g, 2) ? BYTES("GET") : BYTES("HEAD"), &head,
                                      &scanned, &why);
        assert_true(result != HTTP1_REJECT || why != NULL);
        if (result == HTTP1_DONE) {
            read_body(&head, bytes_from(copy, head.length), 1 + generate(&g, 7));
            done++;
        }
        exact_free(copy);
    }
    printf("parsed %zu of %d\n", done, MUTATED);
    assert_true(done > MUTATED / 20 && done < MUTATED);
}

/* ---- generation ---- */

static void
put_from(struct generator *g, struct buffer *out, const char *alphabet, size_t max)
{
    for (size_t n = generate(g, max + 1); n > 0; n--)
        buffer_put_byte(out, (uint8_t)alphabet[generate(g, strlen(alphabet))]);
}

static void
put_escaped(struct generator *g, struct buffer *out, const char *alphabet, size_t max)
{
    for (size_t n = generate(g, max + 1); n > 0; n--) {
        if (generate(g, 4) == 0)
            buffer_printf(out, generate(g, 2) ? "%%%02x" : "%%%02X",
                          (unsigned)(0x20 + generate(g, 0x5f)));
        else
            put_from(g, out, alphabet, 1);
    }
}

static void
generate_request(struct generator *g, struct buffer *out)
{
    static const char *const methods[] = {"GET", "POST", "DELETE", "PATCH", "M-SEARCH"};
    static const char *const names[] = {"Accept",          "X-A",        "x_b",    "TE",
                                        "X-Forwarded-For", "Connection", "Cookie", "!#$%&'*+.^`|~"};

    buffer_printf(out, "%s ", methods[generate(g, COUNT(methods))]);
    if (generate(g, 4) == 0)
        buffer_put_str(out, "http://h");
    for (size_t n = 1 + generate(g, 4); n > 0; n--) {
        buffer_put_str(out, "/s");
        put_escaped(g, out, "abcXYZ019-._~!$&'()*+,=:@", 8);
    }
    if (generate(g, 2)) {
        buffer_put_byte(out, '?');
        put_escaped(g, out, "ab&=+[]/?:@!$'()*,;-._~", 40);
    }
    buffer_put_str(out, " HTTP/1.1\r\nHost: h\r\n");
    for (size_t n = generate(g, 12); n > 0; n--) {
        buffer_printf(out, "%s:", names[generate(g, COUNT(names))]);
        put_from(g, out, " \tabc,close\"\\\xff\xc3", 20);
        buffer_put_str(out, "\r\n");
    }
    switch (generate(g, 3)) {
    case 0:
        buffer_printf(out, "Content-Length: %u\r\n", (unsigned)generate(g, 100000));
        break;
    case 1:
        buffer_put_str(out, "Transfer-Encoding: chunked\r\n");
        break;
    default:
        break;
    }
    buffer_put_str(out, "\r\n");
}

static void
test_generated_requests(void **state)
{
    struct generator g = generator_new("generated requests");
    size_t came[3] = {0};

    (void)state;
    for (int i = 0; i < GENERATED; i++) {
        struct bytes copy;
        BUFFER_AUTO text;

        buffer_init(&text, 1 << 16);
        generate_request(&g, &text);
        assert_false(text.failed);
        copy = exact_copy(buffer_bytes(&text));
        came[run(copy)]++;
        exact_free(copy);
    }
    printf("refused %zu, parsed %zu, canonical %zu\n", came[0], came[1], came[2]);
    assert_true(came[2] > GENERATED / 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_requests),
        cmocka_unit_test(test_mutated_requests),
        cmocka_unit_test(test_mutated_answers),
    };
    return cmocka_run_group_tests_name("http/round_trip", tests, NULL, NULL);
}
