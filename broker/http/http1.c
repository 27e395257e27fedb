/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads of requests and responses.
 *
 * First the end of the head is looked for, each byte once, whatever the pieces it comes in; line
 * ends and control characters are judged there. Then the whole head is cut into its structure and
 * the rules that span fields are applied.
 */
#include "http1.h"

#include "../../caveats/scan.h"
#include "grammar.h"
#include "start_line.h"

#include <string.h>

enum {
    CONNECTION_OPTIONS_MAX = 32,
    LINES_MAX = 1 + HTTP1_FIELDS_MAX + 1, /* the start line, and one field too many */
    TLS_HANDSHAKE = 22,                   /* what a ClientHello begins with (RFC 8446 5.1) */
};

/* ---- where the head ends ---- */

/* Where the lines end, at their CR. Those beyond the last place are not kept. */
struct head_lines {
    size_t count;
    uint16_t end[LINES_MAX];
};

_Static_assert((int)HTTP1_HEAD_MAX - 1 <= (int)UINT16_MAX, "every place in a head can be kept");

KH_COLD static enum http1_result
refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return HTTP1_REJECT;
}

/* What is wrong with the line from `start` whose text goes to `end`; NULL: it is incomplete. */
KH_COLD static const char *
line_fault(struct bytes in, size_t start, size_t end)
{
    static const char *const too_long = "a line is longer than 16 KiB"; /* its CR counts */

    if (end - start > HTTP1_LINE_MAX)
        return too_long;
    if (end == in.n)
        return NULL;
    if (in.p[end] == '\n')
        return "a line ends in LF without CR";
    if (end == 0 && in.p[0] == TLS_HANDSHAKE)
        return "this is TLS, and HTTP without TLS is spoken here: http://, not https:// or wss://";
    if (in.p[end] != '\r')
        return "there is a control character in the head";
    if (end - start == HTTP1_LINE_MAX)
        return too_long;
    return end + 1 == in.n ? NULL : "there is a CR inside a line";
}

/* Where the line begins that the byte behind the first `n` belongs to. */
static size_t
line_start(struct bytes in, size_t n)
{
    const uint8_t *last_lf = n > 0 ? memrchr(in.p, '\n', n) : NULL;

    return last_lf ? (size_t)(last_lf - in.p) + 1 : 0;
}

/* On HTTP1_DONE `*scanned` is the length of the head with its empty line. */
static enum http1_result
scan_lines(struct bytes in, size_t *scanned, struct head_lines *lines, const char **why)
{
    size_t i = *scanned, start = line_start(in, i);
    const char *fault;

    in = bytes_slice(in, 0, HTTP1_HEAD_MAX);
    lines->count = 0;
    if (i > start && in.p[i - 1] == '\r') /* to be seen with what follows it */
        i--;
    for (;;) {
        i += scan_text(bytes_from(in, i));
        // Where there is no text there are no two bytes left.
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        if (in.n - i < 2 || in.p[i] != '\r' || in.p[i + 1] != '\n' || i - start >= HTTP1_LINE_MAX)
            break;
        i += 2;
        if (i - 2 == start) {
            *scanned = i;
            return HTTP1_DONE;
        }
        if (lines->count < LINES_MAX)
            lines->end[lines->count++] = (uint16_t)(i - 2);
        start = i;
    }
    if ((fault = line_fault(in, start, i)) != NULL)
        return refuse(why, fault);
    *scanned = in.n;
    return in.n == HTTP1_HEAD_MAX ? refuse(why, "the head is larger than 64 KiB") : HTTP1_MORE;
}

static enum http1_result
scan_head(struct bytes in, size_t *scanned, struct head_lines *lines, const char **why)
{
    bool is_resumed = *scanned > 0;
    enum http1_result result = scan_lines(in, scanned, lines, why);

    if (result == HTTP1_DONE && is_resumed) { /* the lines of before are wanted as well */
        *scanned = 0;
        result = scan_lines(in, scanned, lines, why);
    }
    return result;
}

/* ---- fields ---- */

static struct bytes
line_at(struct bytes head, const struct head_lines *lines, size_t i)
{
    size_t start = i > 0 ? lines->end[i - 1] + 2u : 0;

    return i < lines->count ? bytes_of(head.p + start, lines->end[i] - start) : BYTES_EMPTY;
}

KH_COLD static const char *
field_fault(struct bytes line)
{
    size_t colon = bytes_index(line, ':');

    // A line that is empty ends the head, and does not come here.
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return "a field is folded over lines, or begins with white space";
    if (colon == line.n)
        return "a field has no colon";
    if (colon == 0)
        return "a field has an empty name";
    if (line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t')
        return "there is white space before a field's colon";
    return "the name of a field is not a token";
}

static bool
parse_field(struct bytes line, struct http1_field *field)
{
    size_t colon = grammar_token(line, &field->has_capital, &field->has_underscore);

    // A token was found, so that there is a text.
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    if (colon == 0 || colon == line.n || line.p[colon] != ':')
        return false;
    field->name = bytes_of(line.p, colon);
    field->value = bytes_trim(bytes_of(line.p + colon + 1, line.n - colon - 1));
    return true;
}

/* `single` is the trait of which there may be one only. */
static bool
parse_fields(struct bytes text, const struct head_lines *lines, enum field_trait single,
             struct http1_head *head, const char **why)
{
    for (size_t i = 1; i < lines->count; i++) {
        struct bytes line = line_at(text, lines, i);
        KH_UNFILLED struct http1_field one_too_many;
        bool is_full = head->field_count == HTTP1_FIELDS_MAX;
        // cppcheck-suppress uninitvar ; filled by parse_field, or not read
        struct http1_field *field = is_full ? &one_too_many : &head->field[head->field_count];

        if (!parse_field(line, field)) {
            *why = field_fault(line);
            return false;
        }
        if (is_full) {
            *why = "there are more than 100 fields";
            return false;
        }
        field->id = (uint8_t)field_identify(field->name);
        field->traits = (uint16_t)field_id_traits(field->id);
        if ((field->traits & single) && (head->present >> field->id & 1)) {
            *why = "a field that may occur once only occurs twice";
            return false;
        }
        head->present |= UINT64_C(1) << field->id;
        head->field_count++;
    }
    return true;
}

const struct http1_field *
http1_find_name(const struct http1_head *head, struct bytes name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (bytes_equal_nocase(head->field[i].name, name))
            return &head->field[i];
    return NULL;
}

const struct http1_field *
http1_find_id(const struct http1_head *head, enum field_id id)
{
    const struct http1_field *field = head->field;

    if (!(head->present >> id & 1))
        return NULL;
    while (field->id != id)
        field++;
    return field;
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
    enum field_id id = field_identify(option);
    unsigned traits = field_id_traits(id);

    if (!grammar_is_token(option)) {
        *why = "Connection is not a list of tokens";
        return false;
    }
    if (++out->count > CONNECTION_OPTIONS_MAX) {
        *why = "Connection names more than 32 options";
        return false;
    }
    if (traits & FIELD_NO_OPTION) {
        *why = "Connection names a field that decides on the message";
        return false;
    }
    out->close |= bytes_equal_nocase(option, BYTES("close"));
    out->keep_alive |= id == FIELD_ID_KEEP_ALIVE;
    out->upgrade |= id == FIELD_ID_UPGRADE;
    if (traits & FIELD_HOP) /* fields of that name are marked already */
        return true;
    mark_hop_by_hop(head, option);
    return true;
}

static bool
read_connection(struct http1_head *head, struct connection_options *out, const char **why)
{
    if (http1_find_id(head, FIELD_ID_CONNECTION) == NULL)
        return true;
    for (size_t i = 0; i < head->field_count; i++) {
        struct bytes rest = head->field[i].value, option;

        if (head->field[i].id != FIELD_ID_CONNECTION)
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
    const struct http1_field *coding = http1_find_id(head, FIELD_ID_TRANSFER_ENCODING);
    const struct http1_field *length = http1_find_id(head, FIELD_ID_CONTENT_LENGTH);

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
    const struct http1_field *upgrade = http1_find_id(head, FIELD_ID_UPGRADE);

    /* RFC 9110 7.8: to be ignored in HTTP/1.0, and where Connection does not name it. */
    if (upgrade != NULL && options->upgrade && head->minor == 1)
        head->upgrade = upgrade->value;
}

static void
read_expect(struct http1_head *head)
{
    const struct http1_field *expect = http1_find_id(head, FIELD_ID_EXPECT);

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
read_host(struct http1_head *head, bool hostless, const char **why)
{
    const struct http1_field *host = http1_find_id(head, FIELD_ID_HOST);

    if (host == NULL) {
        /* HTTP/1.0 knows no Host, and Python's http.client before 3.12 sends none with CONNECT.
         * Its target names the one destination there is. */
        if (head->form == TARGET_AUTHORITY && head->minor == 0) {
            head->host = head->authority;
            return true;
        }
        *why = "there is no Host";
        return hostless && head->minor == 0 && head->form == TARGET_ORIGIN;
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

static void
clear(struct http1_head *head)
{
    memset(head, 0, offsetof(struct http1_head, field));
}

static bool
finish_request(struct bytes text, const struct head_lines *lines, bool hostless,
               struct http1_head *head, const char **why)
{
    struct connection_options options = {0};

    if (!start_line_parse_request(line_at(text, lines, 0), head, why) ||
        !parse_fields(text, lines, FIELD_SINGLE_REQUEST, head, why) ||
        !read_host(head, hostless, why) || !read_framing(head, why) ||
        !read_connection(head, &options, why))
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

static enum http1_result
parse_request(struct bytes in, bool hostless, struct http1_head *head, size_t *scanned,
              const char **why)
{
    /* RFC 9112 2.2: one empty line before a request is what some clients end a body with. */
    size_t skip = bytes_starts(in, BYTES("\r\n")) ? 2 : 0;
    size_t at = *scanned > skip ? *scanned - skip : 0;
    KH_UNFILLED struct head_lines lines;
    enum http1_result result;

    if (bytes_is(in, "\r"))
        return HTTP1_MORE;
    result = scan_head(bytes_from(in, skip), &at, &lines, why);
    if (result == HTTP1_MORE)
        *scanned = skip + at;
    if (result != HTTP1_DONE)
        return result;
    clear(head);
    if (!finish_request(bytes_slice(in, skip, at), &lines, hostless, head, why)) {
        clear(head);
        return HTTP1_REJECT;
    }
    head->length = skip + at;
    return HTTP1_DONE;
}

enum http1_result
http1_parse_request(struct bytes in, struct http1_head *head, size_t *scanned, const char **why)
{
    return parse_request(in, false, head, scanned, why);
}

enum http1_result
http1_parse_request_hostless(struct bytes in, struct http1_head *head, size_t *scanned,
                             const char **why)
{
    return parse_request(in, true, head, scanned, why);
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
finish_response(struct bytes text, const struct head_lines *lines, struct bytes method,
                struct http1_head *head, const char **why)
{
    struct connection_options options = {0};

    if (!start_line_parse_response(line_at(text, lines, 0), head, why) ||
        !parse_fields(text, lines, FIELD_SINGLE_RESPONSE, head, why) || !read_framing(head, why) ||
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
    KH_UNFILLED struct head_lines lines;
    enum http1_result result = scan_head(in, &at, &lines, why);

    if (result == HTTP1_MORE)
        *scanned = at;
    if (result != HTTP1_DONE)
        return result;
    clear(head);
    if (!finish_response(bytes_slice(in, 0, at), &lines, method, head, why)) {
        clear(head);
        return HTTP1_REJECT;
    }
    head->length = at;
    return HTTP1_DONE;
}
