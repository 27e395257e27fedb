/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/http1.c broker/http/start_line.c broker/http/http1_write.c
 *
 * However an answer arrives, the same head is read, or none; what has no body by RFC 9112 6.3 has
 * none; fields that are taken are written and read as the same.
 *
 * Input: the request's method on a line, and an answer.
 */

#include "../../../broker/http/http1_write.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const words[] = {
    "GET",
    "HEAD",
    "CONNECT",
    "HTTP/1.1 200 OK\r",
    "HTTP/1.0 200\r",
    "HTTP/1.1 101 Switching Protocols\r",
    "HTTP/1.1 204 No Content\r",
    "HTTP/1.1 304 Not Modified\r",
    "HTTP/1.1 100 Continue\r",
    "Content-Length: 5\r",
    "Content-Length: 5, 5\r",
    "Transfer-Encoding: chunked\r",
    "Transfer-Encoding: identity\r",
    "Connection: close\r",
    "Connection: keep-alive, x-a\r",
    "Upgrade: websocket\r",
    "Set-Cookie: a=b\r",
    " folded\r",
    "\r",
    NULL,
};

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return fuzz_mutate_lines(data, size, max, seed, words);
}

static void
in_pieces(struct bytes in, struct bytes method, const struct http1_head *whole,
          enum http1_result expected)
{
    static struct http1_head head;
    const char *why = NULL;
    size_t scanned = 0, n = 0, piece = 1 + in.n % 11;
    enum http1_result result = HTTP1_MORE;
    while (result == HTTP1_MORE && n < in.n) {
        n = n + piece < in.n ? n + piece : in.n;
        result = http1_parse_response(bytes_slice(in, 0, n), method, &head, &scanned, &why);
    }
    FUZZ_CHECK(in.n == 0 || result == expected);
    if (result == HTTP1_DONE)
        FUZZ_CHECK(head.length == whole->length && head.status == whole->status &&
                   head.body == whole->body && head.keep_alive == whole->keep_alive &&
                   head.content_length == whole->content_length);
}

static void
write_again(const struct http1_head *head, struct bytes method)
{
    static struct http1_head again;
    const char *why = NULL;
    size_t scanned = 0;
    BUFFER_AUTO out = {0};

    buffer_init(&out, 1 << 18);
    http1_write_status_line(&out, head->status);
    for (size_t i = 0; i < head->field_count; i++)
        http1_write_field(&out, head->field[i].name, head->field[i].value);
    http1_write_end(&out);
    FUZZ_CHECK(!out.failed);
    enum http1_result result =
        http1_parse_response(buffer_bytes(&out), method, &again, &scanned, &why);
    if (head->minor == 0 || out.n > HTTP1_LINE_MAX - 64)
        return; /* as HTTP/1.1 the same fields say something else */
    FUZZ_CHECK(result == HTTP1_DONE && again.status == head->status);
    FUZZ_CHECK(again.body == head->body && again.content_length == head->content_length);
    FUZZ_CHECK(again.keep_alive == head->keep_alive && again.field_count == head->field_count);
    for (size_t i = 0; i < head->field_count; i++) {
        FUZZ_SAME(again.field[i].name, head->field[i].name);
        FUZZ_SAME(again.field[i].value, head->field[i].value);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head head;
    struct bytes in = bytes_of(data, size), method = fuzz_line(&in);
    const char *why = NULL;
    size_t scanned = 0;
    enum http1_result result = http1_parse_response(in, method, &head, &scanned, &why);

    FUZZ_CHECK(result != HTTP1_REJECT || why);
    in_pieces(in, method, &head, result);
    if (result != HTTP1_DONE)
        return 0;
    FUZZ_CHECK(head.status >= 100 && head.status <= 599);
    FUZZ_CHECK(head.length <= in.n);
    if (bytes_is(method, "HEAD") || head.status < 200 || head.status == 204 || head.status == 304)
        FUZZ_CHECK(head.body == BODY_NONE);
    if (head.body == BODY_CLOSE)
        FUZZ_CHECK(!head.keep_alive);
    write_again(&head, method);
    return 0;
}
