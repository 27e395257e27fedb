/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads of requests and responses.
 *
 * First the end of the head is looked for, byte by byte and each byte once, whatever the pieces it
 * comes in; line ends and control characters are judged there. Then the whole head is cut into its
 * structure and the rules that span fields are applied.
 */
#include "http1.h"

#include "../../caveats/field_name.h"
#include "grammar.h"
#include "start_line.h"

#include <string.h>

enum { CONNECTION_OPTIONS_MAX = 32 };

/* ---- where the head ends ---- */

enum scan_state {
    SCAN_LINE_START,
    SCAN_LINE,
    SCAN_CR,       /* after a line's CR */
    SCAN_EMPTY_CR, /* after the CR of an empty line */
    SCAN_STATES,
    SCAN_END = SCAN_STATES,
    SCAN_BARE_LF,
    SCAN_BARE_CR,
    SCAN_CONTROL,
};

enum scan_class { CLASS_TEXT, CLASS_CR, CLASS_LF, CLASS_CONTROL, SCAN_CLASSES };

static const uint8_t scan_next[SCAN_STATES][SCAN_CLASSES] = {
    /*                    text           CR             LF               control */
    [SCAN_LINE_START] = {SCAN_LINE, SCAN_EMPTY_CR, SCAN_BARE_LF, SCAN_CONTROL},
    [SCAN_LINE] = {SCAN_LINE, SCAN_CR, SCAN_BARE_LF, SCAN_CONTROL},
    [SCAN_CR] = {SCAN_BARE_CR, SCAN_BARE_CR, SCAN_LINE_START, SCAN_BARE_CR},
    [SCAN_EMPTY_CR] = {SCAN_BARE_CR, SCAN_BARE_CR, SCAN_END, SCAN_BARE_CR},
};

static const char *const scan_sentence[] = {
    [SCAN_BARE_LF] = "a line ends in LF without CR",
    [SCAN_BARE_CR] = "there is a CR inside a line",
    [SCAN_CONTROL] = "there is a control character in the head",
};

static const uint8_t scan_class[256] = {
    [0x00 ... 0x08] = CLASS_CONTROL, /* HTAB is text */
    ['\n'] = CLASS_LF,
    [0x0b ... 0x0c] = CLASS_CONTROL,
    ['\r'] = CLASS_CR,
    [0x0e ... 0x1f] = CLASS_CONTROL,
    [0x7f] = CLASS_CONTROL,
};

/* The state after the first `n` bytes, none of which ended the head or was refused. */
static enum scan_state
scan_resume(struct bytes in, size_t n)
{
    // What has a length has bytes.
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    if (n == 0 || in.p[n - 1] == '\n')
        return SCAN_LINE_START;
    if (in.p[n - 1] != '\r')
        return SCAN_LINE;
    return n == 1 || in.p[n - 2] == '\n' ? SCAN_EMPTY_CR : SCAN_CR;
}

static enum http1_result
refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return HTTP1_REJECT;
}

/* On HTTP1_DONE `*scanned` is the length of the head with its empty line. */
static enum http1_result
scan_head(struct bytes in, size_t *scanned, const char **why)
{
    size_t end = in.n < HTTP1_HEAD_MAX ? in.n : HTTP1_HEAD_MAX, i = *scanned, line_start;
    enum scan_state state = scan_resume(in, i);
    const uint8_t *last_lf = i > 0 ? memrchr(in.p, '\n', i) : NULL;

    line_start = last_lf ? (size_t)(last_lf - in.p) + 1 : 0;
    while (i < end && state < SCAN_END) {
        state = scan_next[state][scan_class[in.p[i++]]];
        if (state == SCAN_LINE_START)
            line_start = i;
        if (state == SCAN_LINE)
            i += grammar_text(bytes_slice(in, i, end - i));
        if (i - line_start > HTTP1_LINE_MAX && state < SCAN_END)
            return refuse(why, "a line is longer than 16 KiB");
    }
    if (state > SCAN_END)
        return refuse(why, scan_sentence[state]);
    *scanned = i;
    if (state == SCAN_END)
        return HTTP1_DONE;
    return i == HTTP1_HEAD_MAX ? refuse(why, "the head is larger than 64 KiB") : HTTP1_MORE;
}

/* ---- fields ---- */

/* The line at `*at` without its CRLF; scan_head made sure that there is one. */
static struct bytes
take_line(struct bytes head, size_t *at)
{
    size_t n = bytes_index(bytes_from(head, *at), '\n');
    struct bytes line = bytes_slice(head, *at, n - 1);

    *at += n + 1;
    return line;
}

static bool
parse_field(struct bytes line, struct http1_field *field, const char **why)
{
    size_t colon = bytes_index(line, ':');

    // A line that is empty ends the head, and does not come here.
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    if (line.p[0] == ' ' || line.p[0] == '\t')
        *why = "a field is folded over lines, or begins with white space";
    else if (colon == line.n)
        *why = "a field has no colon";
    else if (colon == 0)
        *why = "a field has an empty name";
    else if (line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t')
        *why = "there is white space before a field's colon";
    else if (!grammar_is_token(bytes_slice(line, 0, colon)))
        *why = "the name of a field is not a token";
    else {
        field->name = bytes_slice(line, 0, colon);
        field->value = bytes_trim(bytes_from(line, colon + 1));
        return true;
    }
    return false;
}

/* Fields from `at` to the empty line. `single` is the trait of which there may be one only. */
static bool
parse_fields(struct bytes text, size_t at, enum field_trait single, struct http1_head *head,
             const char **why)
{
    uint64_t seen = 0;
    struct bytes line;

    while ((line = take_line(text, &at)).n > 0) {
        struct http1_field field;
        int row;

        if (!parse_field(line, &field, why))
            return false;
        if (head->field_count == HTTP1_FIELDS_MAX) {
            *why = "there are more than 100 fields";
            return false;
        }
        field.traits = field_traits(field.name, &row);
        if (field.traits & single) {
            if (seen & UINT64_C(1) << row) {
                *why = "a field that may occur once only occurs twice";
                return false;
            }
            seen |= UINT64_C(1) << row;
        }
        head->field[head->field_count++] = field;
    }
    return true;
}

const struct http1_field *
http1_find(const struct http1_head *head, const char *name)
{
    struct bytes wanted = bytes_str(name);

    for (size_t i = 0; i < head->field_count; i++)
        if (bytes_equal_nocase(head->field[i].name, wanted))
            return &head->field[i];
    return NULL;
}

/* ---- Connection ---- */

struct connection_options {
    bool close, keep_alive, upgrade;
    unsigned count;
};

/* RFC 9110 7.6.1: it is for us alone, and what it names is too. */
static void
mark_hop_by_hop(struct http1_head *head, struct bytes name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (bytes_equal_nocase(head->field[i].name, name))
            head->field[i].traits |= FIELD_HOP;
}

/* So it must not name what decides on the message. */
static bool
read_option(struct http1_head *head, struct bytes option, struct connection_options *out,
            const char **why)
{
    if (!grammar_is_token(option)) {
        *why = "Connection is not a list of tokens";
        return false;
    }
    if (++out->count > CONNECTION_OPTIONS_MAX) {
        *why = "Connection names more than 32 options";
        return false;
    }
    if (field_traits(option, NULL) & FIELD_NO_OPTION) {
        *why = "Connection names a field that decides on the message";
        return false;
    }
    out->close |= bytes_equal_nocase(option, BYTES("close"));
    out->keep_alive |= bytes_equal_nocase(option, BYTES("keep-alive"));
    out->upgrade |= bytes_equal_nocase(option, BYTES("upgrade"));
    mark_hop_by_hop(head, option);
    return true;
}

static bool
read_connection(struct http1_head *head, struct connection_options *out, const char **why)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct bytes rest = head->field[i].value, option;

        if (!bytes_equal_nocase(head->field[i].name, BYTES("connection")))
            continue;
        while (bytes_cut(&rest, ',', &option)) {
            option = bytes_trim(option);
            if (option.n > 0 && !read_option(head, option, out, why))
                return false;
        }
    }
    return true;
}

/* ---- framing ---- */

/* RFC 9112 6.1 to 6.3, without any of the leniency: what Content-Length and Transfer-Encoding say,
 * BODY_NONE when there is neither. */
static bool
read_framing(struct http1_head *head, const char **why)
{
    const struct http1_field *coding = http1_find(head, "transfer-encoding");
    const struct http1_field *length = http1_find(head, "content-length");

    head->body = BODY_NONE;
    if (coding != NULL && length != NULL)
        *why = "there are both Content-Length and Transfer-Encoding";
    else if (coding != NULL && head->minor == 0)
        *why = "there is Transfer-Encoding in HTTP/1.0";
    else if (coding != NULL && !bytes_equal_nocase(coding->value, BYTES("chunked")))
        *why = "Transfer-Encoding is not exactly chunked";
    else if (length != NULL && !grammar_content_length(length->value, &head->content_length))
        *why = "Content-Length is not a plain number";
    else {
        if (coding != NULL)
            head->body = BODY_CHUNKED;
        else if (length != NULL)
            head->body = BODY_LENGTH;
        return true;
    }
    return false;
}

static void
read_upgrade(struct http1_head *head, const struct connection_options *options)
{
    const struct http1_field *upgrade = http1_find(head, "upgrade");

    /* RFC 9110 7.8: to be ignored in HTTP/1.0, and where Connection does not name it. */
    if (upgrade != NULL && options->upgrade && head->minor == 1)
        head->upgrade = upgrade->value;
}

static void
read_expect(struct http1_head *head)
{
    const struct http1_field *expect = http1_find(head, "expect");

    if (expect == NULL)
        return;
    if (!bytes_equal_nocase(expect->value, BYTES("100-continue")))
        head->expect_other = true;
    else
        head->expect_continue = head->minor == 1; /* RFC 9110 10.1.1 */
}

/* ---- Host ---- */

/* Whether `with_port` is `host` and a port that goes without saying. */
static bool
adds_default_port(struct bytes with_port, struct bytes host, struct bytes scheme)
{
    struct bytes port = bytes_from(with_port, host.n);

    if (grammar_has_port(host) || !bytes_equal_nocase(bytes_slice(with_port, 0, host.n), host))
        return false;
    /* A CONNECT has no scheme; the port of its target is the destination, whatever it is, and
     * clients leave the default of theirs out of Host. */
    return (bytes_is(port, ":443") && !bytes_is(scheme, "http")) ||
           (bytes_is(port, ":80") && !bytes_is(scheme, "https"));
}

static bool
read_host(struct http1_head *head, const char **why)
{
    const struct http1_field *host = http1_find(head, "host");

    if (host == NULL) {
        /* HTTP/1.0 knows no Host, and Python's http.client before 3.12 sends none with CONNECT.
         * Its target names the one destination there is. */
        if (head->form == TARGET_AUTHORITY && head->minor == 0) {
            head->host = head->authority;
            return true;
        }
        *why = "there is no Host";
        return false;
    }
    if (!grammar_is_authority(host->value)) {
        *why = "Host is not a host with an optional port";
        return false;
    }
    head->host = host->value;
    if (head->form != TARGET_ABSOLUTE && head->form != TARGET_AUTHORITY)
        return true;
    if (!bytes_equal_nocase(host->value, head->authority) &&
        !adds_default_port(head->authority, host->value, head->scheme) &&
        !adds_default_port(host->value, head->authority, head->scheme)) {
        *why = "Host differs from the authority of the target";
        return false;
    }
    head->host = head->authority;
    return true;
}

/* ---- requests ---- */

static bool
finish_request(struct bytes text, struct http1_head *head, const char **why)
{
    struct connection_options options = {0};
    size_t at = 0;

    if (!start_line_parse_request(take_line(text, &at), head, why) ||
        !parse_fields(text, at, FIELD_SINGLE_REQUEST, head, why) || !read_host(head, why) ||
        !read_framing(head, why) || !read_connection(head, &options, why))
        return false;
    if (head->form == TARGET_AUTHORITY && head->body != BODY_NONE) {
        *why = "CONNECT has a body";
        return false;
    }
    read_upgrade(head, &options);
    read_expect(head);
    /* RFC 9112 9.3: a proxy keeps no connection with an HTTP/1.0 client. */
    head->keep_alive = head->minor == 1 && !options.close;
    return true;
}

enum http1_result
http1_parse_request(struct bytes in, struct http1_head *head, size_t *scanned, const char **why)
{
    /* RFC 9112 2.2: one empty line before a request is what some clients end a body with. */
    size_t skip = bytes_starts(in, BYTES("\r\n")) ? 2 : 0;
    size_t at = *scanned > skip ? *scanned - skip : 0;
    enum http1_result result;

    if (bytes_is(in, "\r"))
        return HTTP1_MORE;
    result = scan_head(bytes_from(in, skip), &at, why);
    if (result == HTTP1_MORE)
        *scanned = skip + at;
    if (result != HTTP1_DONE)
        return result;
    *head = (struct http1_head){0};
    if (!finish_request(bytes_slice(in, skip, at), head, why)) {
        *head = (struct http1_head){0};
        return HTTP1_REJECT;
    }
    head->length = skip + at;
    return HTTP1_DONE;
}

/* ---- responses ---- */

/* RFC 9112 6.3: what has no body whatever its fields say. */
static bool
is_bodiless(unsigned status, struct bytes method)
{
    return status < 200 || status == 204 || status == 304 || bytes_is(method, "HEAD") ||
           (bytes_is(method, "CONNECT") && status < 300);
}

static bool
finish_response(struct bytes text, struct bytes method, struct http1_head *head, const char **why)
{
    struct connection_options options = {0};
    size_t at = 0;

    if (!start_line_parse_response(take_line(text, &at), head, why) ||
        !parse_fields(text, at, FIELD_SINGLE_RESPONSE, head, why) || !read_framing(head, why) ||
        !read_connection(head, &options, why))
        return false;
    /* RFC 9110 8.6 and RFC 9112 6.1: a sender that frames what has no body is not to be trusted
     * with where the next answer begins. */
    if ((head->status < 200 || head->status == 204) &&
        (head->body == BODY_CHUNKED || head->content_length > 0)) {
        *why = "an answer that has no body is framed as if it had one";
        return false;
    }
    if (is_bodiless(head->status, method))
        head->body = BODY_NONE;
    else if (head->body == BODY_NONE)
        head->body = BODY_CLOSE;
    read_upgrade(head, &options);
    head->keep_alive =
        head->body != BODY_CLOSE && !options.close && (head->minor == 1 || options.keep_alive);
    return true;
}

enum http1_result
http1_parse_response(struct bytes in, struct bytes method, struct http1_head *head, size_t *scanned,
                     const char **why)
{
    size_t at = *scanned;
    enum http1_result result = scan_head(in, &at, why);

    if (result == HTTP1_MORE)
        *scanned = at;
    if (result != HTTP1_DONE)
        return result;
    *head = (struct http1_head){0};
    if (!finish_response(bytes_slice(in, 0, at), method, head, why)) {
        *head = (struct http1_head){0};
        return HTTP1_REJECT;
    }
    head->length = at;
    return HTTP1_DONE;
}
