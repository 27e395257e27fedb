/* SPDX-License-Identifier: Apache-2.0 */
/* A request on one line, made canonical as the proxy makes it. */

#include "request_text.h"

#include "field_name.h"
#include "token.h"

#include <string.h>

static enum kh_err
syntax(struct fault *fault, const char *what)
{
    return fault_set(fault, KH_ERR_SYNTAX, "%s", what);
}

struct bytes
request_text_keep(struct request_text *request, struct bytes text)
{
    struct buffer *b = &request->storage;
    size_t start = b->n;
    if (text.n == 0 || b->max - b->n < text.n)
        return BYTES_EMPTY;
    buffer_put(b, text);
    return bytes_slice(buffer_bytes(b), start, text.n);
}

static struct bytes
kept_since(const struct request_text *request, size_t start)
{
    return bytes_from(buffer_bytes(&request->storage), start);
}

// RFC 9110 section 9.1, as strict as the proxy is.
static bool
method_is_fine(struct bytes method)
{
    for (size_t i = 0; i < method.n; i++) {
        uint8_t c = method.p[i];
        bool letter = c >= 'A' && c <= 'Z';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
            return false;
    }
    return method.n > 0 && method.n <= 32;
}

static enum kh_err
read_authority(struct request_text *r, struct bytes authority, struct fault *fault)
{
    size_t start = r->storage.n;
    uint16_t port = 0;
    if (bytes_index(authority, '@') < authority.n)
        return syntax(fault, "the URL must not have a user or password in it");
    if (authority_split(authority, &r->storage, &port) != KH_OK)
        return syntax(fault, "the URL's host and port are not understood");
    r->facts.host = kept_since(r, start);
    r->facts.port = port ? port : bytes_is(r->facts.scheme, "http") ? 80 : 443;
    return KH_OK;
}

static enum kh_err
read_path(struct request_text *r, struct bytes path, unsigned exceptions, struct fault *fault)
{
    BUFFER_AUTO encoded, decoded;
    buffer_init(&encoded, 3 * REQUEST_TEXT_MAX);
    buffer_init(&decoded, 3 * REQUEST_TEXT_MAX);
    enum kh_err err =
        path_canonical(path.n ? path : BYTES("/"), exceptions, &encoded, &decoded, fault);
    if (err) {
        fault_prefix(fault, "the path: ");
        return err;
    }
    r->path_encoded = request_text_keep(r, buffer_bytes(&encoded));
    r->facts.path = request_text_keep(r, buffer_bytes(&decoded));
    return KH_OK;
}

static enum kh_err
read_query(struct request_text *r, struct bytes query, struct fault *fault)
{
    struct bytes part, name;
    while (bytes_cut(&query, '&', &part)) {
        size_t start = r->storage.n, middle;
        struct bytes value = part;
        if (part.n == 0)
            continue;
        if (r->facts.query_count == REQUEST_TEXT_PAIRS_MAX)
            return syntax(fault, "the URL has too many query parameters");
        if (!bytes_cut(&value, '=', &name) || form_decode(name, &r->storage) != KH_OK)
            return syntax(fault, "a query parameter has a bad escape");
        middle = r->storage.n;
        if (form_decode(value, &r->storage) != KH_OK)
            return syntax(fault, "a query parameter has a bad escape");
        r->query[r->facts.query_count++] = (struct fact_pair){
            bytes_slice(buffer_bytes(&r->storage), start, middle - start), kept_since(r, middle)};
    }
    return KH_OK;
}

static enum kh_err
read_url(struct request_text *r, struct bytes url, unsigned exceptions, struct fault *fault)
{
    struct bytes rest = bytes_from(url, strlen("https://"));
    r->facts.scheme = BYTES("https");
    if (bytes_starts(url, BYTES("http://"))) {
        rest = bytes_from(url, strlen("http://"));
        r->facts.scheme = BYTES("http");
    } else if (!bytes_starts(url, BYTES("https://"))) {
        return syntax(fault, "expected a URL that begins with https:// or http://");
    }
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    struct bytes authority = bytes_slice(rest, 0, end), path = bytes_from(rest, end);
    size_t mark = bytes_index(path, '?');
    if (bytes_index(url, '#') < url.n)
        return syntax(fault, "the URL must not have a fragment (#)");
    enum kh_err err = read_authority(r, authority, fault);
    if (!err)
        err = read_path(r, bytes_slice(path, 0, mark), exceptions, fault);
    return err ? err : read_query(r, bytes_from(path, mark + 1), fault);
}

enum kh_err
request_text_read(struct bytes line, unsigned path_exceptions, struct request_text *out,
                  struct fault *fault)
{
    memset(out, 0, sizeof *out);
    // Facts point into it: room for all at once, twice the path and all else decoded.
    buffer_init(&out->storage, 6 * REQUEST_TEXT_MAX);
    out->facts.query = out->query;
    out->facts.header = out->header;
    if (buffer_reserve(&out->storage, 6 * REQUEST_TEXT_MAX) == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    line = bytes_trim(line);
    if (line.n > REQUEST_TEXT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the request is longer than %d bytes",
                         REQUEST_TEXT_MAX);
    size_t space = bytes_index(line, ' ');
    struct bytes method = bytes_slice(line, 0, space), url = bytes_from(line, space + 1);
    if (!method_is_fine(method) || url.n == 0 || bytes_index(url, ' ') < url.n)
        return syntax(fault, "expected a method and a URL, as: GET https://api.example.com/v1/x");
    out->facts.method = request_text_keep(out, method);
    return read_url(out, url, path_exceptions, fault);
}

// RFC 9110 7.6.1: what Connection names is for the neighbour alone.
static bool
is_named_by_connection(const struct request_text *request, struct bytes name)
{
    for (size_t i = 0; i < request->given_count; i++) {
        struct bytes rest = request->given[i].value, option;
        if (!bytes_is(request->given[i].name, "connection"))
            continue;
        while (bytes_cut(&rest, ',', &option))
            if (bytes_equal_nocase(bytes_trim(option), name))
                return true;
    }
    return false;
}

static bool
is_seen(const struct request_text *request, const struct fact_pair *field)
{
    return !(field_traits_read(field->name) & (FIELD_HOP | FIELD_ROUTE)) &&
           !token_is_shaped(field->value) && !is_named_by_connection(request, field->name);
}

// A Connection field may come after what it names: all are looked at again.
static void
see_headers(struct request_text *request)
{
    struct facts *facts = &request->facts;
    facts->header_count = 0;
    facts->upgrade = BYTES_EMPTY;
    for (size_t i = 0; i < request->given_count; i++) {
        const struct fact_pair *field = &request->given[i];
        if (is_seen(request, field))
            request->header[facts->header_count++] = *field;
        else if (bytes_is(field->name, "upgrade") &&
                 bytes_equal_nocase(field->value, BYTES("websocket")) &&
                 is_named_by_connection(request, field->name))
            facts->upgrade = BYTES("websocket");
    }
}

enum kh_err
request_text_header(struct request_text *request, struct bytes line, struct fault *fault)
{
    struct bytes name, value = line;
    size_t start = request->storage.n;
    if (!bytes_cut(&value, ':', &name) || name.n == 0 || name.n == line.n ||
        bytes_index(name, ' ') < name.n)
        return syntax(fault, "a header field is written as \"Name: value\"");
    if (request->given_count == REQUEST_TEXT_PAIRS_MAX)
        return syntax(fault, "there are too many header fields");
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        buffer_put_byte(&request->storage, c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
    }
    struct bytes lower = kept_since(request, start);
    value = bytes_trim(value);
    if (request->storage.failed || request->storage.max - request->storage.n < value.n)
        return fault_set(fault, KH_ERR_TOO_LONG, "the header fields are too long");
    request->given[request->given_count++] =
        (struct fact_pair){lower, request_text_keep(request, value)};
    see_headers(request);
    return KH_OK;
}

void
request_text_free(struct request_text *request)
{
    buffer_free(&request->storage);
}
