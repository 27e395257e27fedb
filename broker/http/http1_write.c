/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing heads, chunks, and the broker's own answers.
 */
#include "http1_write.h"

#include "grammar.h"
#include "json_text.h"

enum { PROBLEM_BODY_MAX = 16 * 1024 };

#define ROW(status, text)                                                                          \
    {                                                                                              \
        status, text, BYTES("HTTP/1.1 " #status " " text "\r\n")                                   \
    }

static const struct status_row {
    unsigned status;
    const char *text;
    struct bytes line;
} status_rows[] = {
    ROW(100, "Continue"),
    ROW(101, "Switching Protocols"),
    ROW(200, "OK"),
    ROW(201, "Created"),
    ROW(202, "Accepted"),
    ROW(203, "Non-Authoritative Information"),
    ROW(204, "No Content"),
    ROW(205, "Reset Content"),
    ROW(206, "Partial Content"),
    ROW(300, "Multiple Choices"),
    ROW(301, "Moved Permanently"),
    ROW(302, "Found"),
    ROW(303, "See Other"),
    ROW(304, "Not Modified"),
    ROW(305, "Use Proxy"),
    ROW(307, "Temporary Redirect"),
    ROW(308, "Permanent Redirect"),
    ROW(400, "Bad Request"),
    ROW(401, "Unauthorized"),
    ROW(402, "Payment Required"),
    ROW(403, "Forbidden"),
    ROW(404, "Not Found"),
    ROW(405, "Method Not Allowed"),
    ROW(406, "Not Acceptable"),
    ROW(407, "Proxy Authentication Required"),
    ROW(408, "Request Timeout"),
    ROW(409, "Conflict"),
    ROW(410, "Gone"),
    ROW(411, "Length Required"),
    ROW(412, "Precondition Failed"),
    ROW(413, "Content Too Large"),
    ROW(414, "URI Too Long"),
    ROW(415, "Unsupported Media Type"),
    ROW(416, "Range Not Satisfiable"),
    ROW(417, "Expectation Failed"),
    ROW(421, "Misdirected Request"),
    ROW(422, "Unprocessable Content"),
    ROW(426, "Upgrade Required"),
    ROW(428, "Precondition Required"),
    ROW(429, "Too Many Requests"),
    ROW(431, "Request Header Fields Too Large"),
    ROW(500, "Internal Server Error"),
    ROW(501, "Not Implemented"),
    ROW(502, "Bad Gateway"),
    ROW(503, "Service Unavailable"),
    ROW(504, "Gateway Timeout"),
    ROW(505, "HTTP Version Not Supported"),
};

static const struct status_row *
find_status(unsigned status)
{
    for (size_t i = 0; i < sizeof status_rows / sizeof status_rows[0]; i++)
        if (status_rows[i].status == status)
            return &status_rows[i];
    return NULL;
}

const char *
http1_status_text(unsigned status)
{
    const struct status_row *row = find_status(status);

    return row != NULL ? row->text : "";
}

/* ---- heads ---- */

static bool
is_origin_form(struct bytes target)
{
    size_t mark = bytes_index(target, '?');

    return grammar_is_path(bytes_slice(target, 0, mark)) &&
           grammar_is_query(bytes_from(target, mark + 1));
}

void
http1_write_request_line(struct buffer *out, struct bytes method, struct bytes target)
{
    bool asterisk = bytes_is(target, "*") && bytes_is(method, "OPTIONS");

    if (!grammar_is_method(method) || (!asterisk && !is_origin_form(target))) {
        out->failed = true;
        return;
    }
    buffer_put(out, method);
    buffer_put_byte(out, ' ');
    buffer_put(out, target);
    buffer_put(out, BYTES(" HTTP/1.1\r\n"));
}

void
http1_write_status_line(struct buffer *out, unsigned status)
{
    const struct status_row *row = find_status(status);

    if (row != NULL) {
        buffer_put(out, row->line);
        return;
    }
    if (status < 100 || status > 599) {
        out->failed = true;
        return;
    }
    buffer_put(out, BYTES("HTTP/1.1 "));
    buffer_put_decimal(out, status);
    buffer_put(out, BYTES(" \r\n"));
}

static uint8_t *
append(uint8_t *to, struct bytes text)
{
    if (text.n == 0)
        return to;
    memcpy(to, text.p, text.n);
    return to + text.n;
}

void
http1_put_field(struct buffer *out, struct bytes name, struct bytes value)
{
    size_t n = name.n + value.n + sizeof ": \r\n" - 1;
    uint8_t *to = buffer_room(out, n);

    if (to == NULL)
        return;
    to = append(append(to, name), BYTES(": "));
    (void)append(append(to, value), BYTES("\r\n"));
    buffer_advance(out, n);
}

void
http1_write_field(struct buffer *out, struct bytes name, struct bytes value)
{
    if (!grammar_is_token(name) || !grammar_is_field_value(value)) {
        out->failed = true;
        return;
    }
    http1_put_field(out, name, bytes_trim(value));
}

void
http1_write_field_str(struct buffer *out, const char *name, const char *value)
{
    http1_write_field(out, bytes_str(name), bytes_str(value));
}

void
http1_write_length(struct buffer *out, uint64_t content_length)
{
    /* 18 digits are what we read ourselves. */
    if (content_length > UINT64_C(999999999999999999))
        out->failed = true;
    buffer_put(out, BYTES("Content-Length: "));
    buffer_put_decimal(out, content_length);
    buffer_put(out, BYTES("\r\n"));
}

void
http1_write_end(struct buffer *out)
{
    buffer_put_str(out, "\r\n");
}

/* ---- chunks ---- */

void
http1_write_chunk_size(struct buffer *out, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    char line[2 * sizeof n + 2], *p = line + sizeof line;

    *--p = '\n';
    *--p = '\r';
    do {
        *--p = digit[n & 15];
        n >>= 4;
    } while (n > 0);
    buffer_put(out, bytes_of(p, (size_t)(line + sizeof line - p)));
}

void
http1_write_chunk(struct buffer *out, struct bytes data)
{
    if (data.n == 0) /* an empty chunk would end the body */
        return;
    http1_write_chunk_size(out, data.n);
    buffer_put(out, data);
    buffer_put(out, HTTP1_CHUNK_END);
}

void
http1_write_last_chunk(struct buffer *out)
{
    buffer_put_str(out, "0\r\n\r\n");
}

/* ---- answers of our own ---- */

/* The inside of a quoted string: RFC 6750 allows neither '"' nor '\' in a description, escaped or
 * not. */
static void
put_description(struct buffer *out, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];

        if (c == '"' || c == '\\')
            c = c == '"' ? '\'' : '/';
        else if (c < 0x20 || c > 0x7e)
            c = '?';
        buffer_put_byte(out, c);
    }
}

static bool
carries_nothing(const struct http1_problem *problem)
{
    struct bytes code = bytes_str(problem->code);

    return bytes_is(code, "token-missing") || bytes_is(code, "proxy-token-missing");
}

static void
put_challenge(struct buffer *out, const char *name, const struct http1_problem *problem)
{
    if (problem->status == 407 || problem->basic_challenge)
        http1_write_field_str(out, name, "Basic realm=\"keyhole\", charset=\"UTF-8\"");
    buffer_printf(out, "%s: Bearer realm=\"keyhole\"", name);
    /* RFC 6750 3.1: no error for a request without any credential. */
    if (!carries_nothing(problem)) {
        buffer_put_str(out, ", error=\"invalid_token\", error_description=\"");
        put_description(out, bytes_str(problem->code));
        if (problem->detail.n > 0) {
            buffer_put_str(out, ": ");
            put_description(out, problem->detail);
        }
        buffer_put_byte(out, '"');
    }
    buffer_put_str(out, "\r\n");
}

static void
put_retry_after(struct buffer *out, const struct http1_problem *problem)
{
    uint32_t seconds = problem->retry_after_s;

    if (seconds == 0 && problem->status != 429 && problem->status != 503)
        return;
    buffer_printf(out, "Retry-After: %u\r\n", (unsigned)(seconds > 0 ? seconds : 1));
}

/* What SDKs look for in an answer that is not 2xx: OpenAI's and Anthropic's take their message from
 * it, and Stripe's takes an answer without it for a success (RFC 9457 3.2 lets us add members). */
static void
put_error(struct buffer *body, const struct http1_problem *problem)
{
    BUFFER_AUTO message;

    buffer_init(&message, PROBLEM_BODY_MAX);
    buffer_put_str(&message, problem->title);
    if (problem->detail.n > 0) {
        buffer_put_str(&message, " (");
        buffer_put(&message, problem->detail);
        buffer_put_byte(&message, ')');
    }
    buffer_printf(&message, " %s", problem->advice);
    buffer_put_str(body, ",\"error\":{");
    json_text_member(body, "type", BYTES("keyhole"));
    json_text_member(body, "code", bytes_str(problem->code));
    json_text_member(body, "message", buffer_bytes(&message));
    buffer_put_byte(body, '}');
    body->failed |= message.failed;
}

static void
put_body(struct buffer *body, const struct http1_problem *problem)
{
    buffer_put_byte(body, '{');
    json_text_member(body, "type", BYTES("about:blank"));
    json_text_member(body, "title", bytes_str(problem->title));
    buffer_printf(body, ",\"status\":%u", problem->status);
    json_text_member(body, "code", bytes_str(problem->code));
    if (problem->detail.n > 0)
        json_text_member(body, "detail", problem->detail);
    json_text_member(body, "advice", bytes_str(problem->advice));
    if (problem->request_id_hex.n > 0)
        json_text_member(body, "request_id", problem->request_id_hex);
    put_error(body, problem);
    buffer_put_str(body, "}\n");
}

static void
put_for_nginx(struct buffer *out, const struct http1_problem *problem, struct bytes line)
{
    buffer_printf(out, "Keyhole-Status: %u\r\n", problem->status);
    http1_write_field(out, BYTES("Keyhole-Problem"), line);
}

void
http1_write_problem(struct buffer *out, const struct http1_problem *problem)
{
    BUFFER_AUTO body;

    buffer_init(&body, PROBLEM_BODY_MAX);
    put_body(&body, problem);
    http1_write_status_line(out,
                            problem->for_nginx && problem->status != 401 ? 403 : problem->status);
    if (problem->for_nginx)
        put_for_nginx(out, problem, bytes_slice(buffer_bytes(&body), 0, body.n - 1));
    http1_write_field_str(out, "Content-Type", "application/problem+json");
    http1_write_field_str(out, "Cache-Control", "no-store");
    if (problem->status == 401)
        put_challenge(out, "WWW-Authenticate", problem);
    if (problem->status == 407)
        put_challenge(out, "Proxy-Authenticate", problem);
    if (problem->allow != NULL)
        http1_write_field_str(out, "Allow", problem->allow);
    put_retry_after(out, problem);
    if (problem->request_id_hex.n > 0)
        http1_write_field(out, BYTES("Keyhole-Request-Id"), problem->request_id_hex);
    if (problem->close)
        http1_write_field_str(out, "Connection", "close");
    http1_write_length(out, body.n);
    http1_write_end(out);
    if (!problem->head)
        buffer_put(out, buffer_bytes(&body));
    out->failed |= body.failed;
}
