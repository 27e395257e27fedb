/* SPDX-License-Identifier: Apache-2.0
 *
 * Describing a request.
 */
#include "request.h"

#include "../../caveats/address.h"

#include <stdlib.h>

_Static_assert((int)KEYHOLE_REQUEST_MAX == (int)REQUEST_TEXT_MAX, "keyhole.h");
_Static_assert((int)KEYHOLE_HEADERS_MAX == (int)REQUEST_TEXT_PAIRS_MAX, "keyhole.h");

enum { REQUEST_NAME_MAX = 256 };

static enum keyhole_status
request_missing(struct keyhole_error *error)
{
    return library_refuse(error, "a request and what is to be said of it are needed");
}

// A line must not be ended or cut by what is in it.
static bool
request_is_word(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= 0x20 || text.p[i] == 0x7f)
            return false;
    return text.n > 0;
}

static bool
request_is_value(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((text.p[i] < 0x20 && text.p[i] != '\t') || text.p[i] == 0x7f)
            return false;
    return true;
}

enum keyhole_status
keyhole_request_new(const char *method, const char *url, struct keyhole_request **out,
                    struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct bytes verb, place;
    if (!library_take(method, KEYHOLE_WHOLE, &verb) || !library_take(url, KEYHOLE_WHOLE, &place) ||
        out == NULL)
        return library_refuse(error, "a method, a URL and a place for the request are needed");
    if (!request_is_word(verb) || !request_is_word(place))
        return library_fail(
            error,
            fault_set(&fault, KH_ERR_SYNTAX,
                      "a method and a URL have no spaces and no control characters"),
            &fault);
    struct keyhole_request *made = calloc(1, sizeof *made);
    BUFFER_AUTO line;
    buffer_init(&line, REQUEST_TEXT_MAX);
    buffer_put(&line, verb);
    buffer_put_byte(&line, ' ');
    buffer_put(&line, place);
    if (made == NULL)
        return library_fail(error, KH_ERR_MEMORY, NULL);
    buffer_init(&made->body, KEYHOLE_BODY_MAX);
    buffer_init(&made->client, ADDRESS_TEXT_SIZE);
    buffer_init(&made->credential, REQUEST_NAME_MAX);
    enum kh_err err = line.failed ? fault_set(&fault, KH_ERR_TOO_LONG, "the request is too long")
                                  : request_text_read(buffer_bytes(&line), REQUEST_TEXT_LENIENT,
                                                      &made->text, &fault);
    if (err != KH_OK) {
        keyhole_request_free(made);
        return library_fail(error, err, &fault);
    }
    made->text.facts.time = library_moment(KEYHOLE_NOW);
    *out = made;
    return KEYHOLE_OK;
}

void
keyhole_request_free(struct keyhole_request *request)
{
    if (request == NULL)
        return;
    request_text_free(&request->text);
    buffer_free(&request->body);
    buffer_free(&request->client);
    buffer_free(&request->credential);
    free(request);
}

enum keyhole_status
keyhole_request_add_header(struct keyhole_request *request, const char *name, const char *value,
                           struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct bytes field, content;
    if (request == NULL || !library_take(name, KEYHOLE_WHOLE, &field) ||
        !library_take(value, KEYHOLE_WHOLE, &content))
        return request_missing(error);
    // The line is cut at its first colon.
    if (!request_is_word(field) || bytes_index(field, ':') < field.n || !request_is_value(content))
        return library_fail(error, fault_set(&fault, KH_ERR_SYNTAX, "this is no header field"),
                            &fault);
    if (request->text.given_count == KEYHOLE_HEADERS_MAX)
        return library_fail(error,
                            fault_set(&fault, KH_ERR_RANGE,
                                      "a request has at most %d header fields",
                                      KEYHOLE_HEADERS_MAX),
                            &fault);
    BUFFER_AUTO line;
    buffer_init(&line, REQUEST_TEXT_MAX);
    buffer_put(&line, field);
    buffer_put_str(&line, ": ");
    buffer_put(&line, content);
    enum kh_err err = line.failed
                          ? fault_set(&fault, KH_ERR_TOO_LONG, "the header field is too long")
                          : request_text_header(&request->text, buffer_bytes(&line), &fault);
    if (err != KH_OK)
        return library_fail(error, err, &fault);
    request->has_headers = true;
    return KEYHOLE_OK;
}

static enum keyhole_status
request_keep(struct buffer *to, struct bytes text, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (text.n > to->max)
        return library_fail(error, fault_set(&fault, KH_ERR_TOO_LONG, "at most %zu bytes", to->max),
                            &fault);
    buffer_clear(to);
    buffer_put(to, text);
    return to->failed ? library_fail(error, KH_ERR_MEMORY, NULL) : KEYHOLE_OK;
}

enum keyhole_status
keyhole_request_set_body(struct keyhole_request *request, const void *body, size_t size,
                         struct keyhole_error *error)
{
    if (request == NULL || (body == NULL && size > 0))
        return request_missing(error);
    enum keyhole_status status = request_keep(&request->body, bytes_of(body, size), error);
    request->has_body = request->has_body || status == KEYHOLE_OK;
    return status;
}

enum keyhole_status
keyhole_request_set_time(struct keyhole_request *request, int64_t time, struct keyhole_error *error)
{
    if (request == NULL)
        return request_missing(error);
    request->text.facts.time = library_moment(time);
    return KEYHOLE_OK;
}

enum keyhole_status
keyhole_request_set_client(struct keyhole_request *request, const char *address,
                           struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct bytes given;
    uint8_t ignored[ADDRESS_SIZE];
    if (request == NULL || !library_take(address, KEYHOLE_WHOLE, &given))
        return request_missing(error);
    if (!bytes_is(given, "unix") && !address_read(given, ignored))
        return library_fail(
            error, fault_set(&fault, KH_ERR_SYNTAX, "a client is an IP address or the word unix"),
            &fault);
    return request_keep(&request->client, given, error);
}

enum keyhole_status
keyhole_request_set_credential(struct keyhole_request *request, const char *name,
                               struct keyhole_error *error)
{
    struct bytes given;
    if (request == NULL || !library_take(name, KEYHOLE_WHOLE, &given) || given.n == 0)
        return request_missing(error);
    return request_keep(&request->credential, given, error);
}
