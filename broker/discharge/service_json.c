/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies in and out: strict JSON, one object of texts in, one object or a failure out.
 */
#include "service_internal.h"

#include "../../caveats/base64.h"
#include "../../caveats/json_parse.h"
#include "../../caveats/text.h"
#include "../../caveats/timestamp.h"
#include "../http/json_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum failure
service_fail(struct exchange *x, enum failure failure, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(x->detail.detail, sizeof x->detail.detail, format, list);
    va_end(list);
    return failure;
}

enum failure
service_fail_internal(struct exchange *x, const struct fault *fault)
{
    service_log(x, "failed: %s", fault->detail);
    x->detail.detail[0] = '\0';
    return FAILURE_INTERNAL;
}

void
service_log(struct exchange *x, const char *format, ...)
{
    char *line = x->response->log;
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof x->response->log, format, list);
    va_end(list);
    // Cut between characters, never inside one.
    size_t end = n < 0 ? 0 : strlen(line);
    while (end > 0 && !bytes_is_utf8(bytes_of(line, end)))
        end--;
    line[end] = '\0';
}

void
service_log_refusal(struct exchange *x, struct bytes user, enum failure failure)
{
    BUFFER_AUTO safe;
    buffer_init(&safe, 512);
    text_put_safe(&safe, user);
    if (x->response->log[0] == '\0')
        service_log(x, "refused: %s, asked of user %s", failure_code(failure), buffer_text(&safe));
}

// ---- reading ----

static bool
is_member(const char *const *members, const char *name)
{
    for (size_t i = 0; members[i]; i++) {
        if (!strcmp(members[i], name))
            return true;
    }
    return false;
}

static enum failure
check_members(struct exchange *x, const char *const *members, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (members == NULL)
            continue;
        if (!is_member(members, name)) {
            BUFFER_AUTO safe;
            buffer_init(&safe, 256);
            text_put_safe(&safe, bytes_slice(bytes_str(name), 0, 40));
            return service_fail(x, FAILURE_REQUEST_INVALID, "%s is not taken here",
                                buffer_text(&safe));
        }
        if (!json_is_string(value))
            return service_fail(x, FAILURE_REQUEST_INVALID, "%s must be a text", name);
    }
    return FAILURE_NONE;
}

enum failure
service_read(struct exchange *x, const char *const *members, json_t **out)
{
    const struct service_request *request = x->request;
    json_error_t error;
    if (!bytes_is(request->content_type, "application/json"))
        return service_fail(x, FAILURE_REQUEST_INVALID, "the body must be application/json");
    if (request->body.n > SERVICE_BODY_MAX)
        return service_fail(x, FAILURE_REQUEST_INVALID, "the body is longer than %d bytes",
                            SERVICE_BODY_MAX);
    json_t *object = json_parse(request->body, JSON_REJECT_DUPLICATES, &error);
    enum failure failure = FAILURE_NONE;
    if (!json_is_object(object))
        failure = service_fail(x, FAILURE_REQUEST_INVALID,
                               "the body must be one JSON object without duplicate members");
    else
        failure = check_members(x, members, object);
    if (failure != FAILURE_NONE)
        json_decref(object);
    else
        *out = object;
    return failure;
}

struct bytes
service_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return bytes_of(json_string_value(value), json_string_length(value));
}

enum failure
service_binary(struct exchange *x, const json_t *object, const char *name, bool standard,
               struct buffer *out)
{
    struct bytes text = service_text(object, name);
    if (text.n == 0)
        return service_fail(x, FAILURE_REQUEST_INVALID, "%s is missing", name);
    if (base64_decode(BASE64_URL, text, out) ||
        (standard && base64_decode(BASE64_STANDARD, text, out))) {
        if (!out->failed)
            return FAILURE_NONE;
        return service_fail(x, FAILURE_REQUEST_INVALID, "%s is longer than %zu bytes", name,
                            out->max);
    }
    return service_fail(x, FAILURE_REQUEST_INVALID, "%s must be base64url without padding", name);
}

// ---- writing ----

static int
dump_to_buffer(const char *text, size_t n, void *context)
{
    struct buffer *out = context;
    buffer_put(out, bytes_of(text, n));
    return out->failed ? -1 : 0;
}

enum failure
service_write(struct exchange *x, int status, json_t *object)
{
    struct service_response *response = x->response;
    bool written = object != NULL &&
                   json_dump_callback(object, dump_to_buffer, &response->body, JSON_COMPACT) == 0;
    json_decref(object);
    if (!written) {
        buffer_clear(&response->body);
        return service_fail_internal(x, &(struct fault){.detail = "memory is used up"});
    }
    response->status = status;
    response->content_type = "application/json";
    return FAILURE_NONE;
}

void
service_write_failure(struct service_response *response, int status, enum failure failure,
                      const char *detail)
{
    struct buffer *out = &response->body;
    const char *advice = failure_advice(failure);
    buffer_clear(out);
    buffer_put_byte(out, '{');
    json_text_member(out, "error", bytes_str(failure_code(failure)));
    json_text_member(out, "message", bytes_str(failure_sentence(failure)));
    if (detail[0])
        json_text_member(out, "detail", bytes_str(detail));
    if (advice[0])
        json_text_member(out, "advice", bytes_str(advice));
    buffer_put_byte(out, '}');
    response->status = status;
    response->content_type = "application/json";
    response->failure = failure;
}

json_t *
service_json_text(struct bytes text)
{
    return json_stringn(text.n ? (const char *)text.p : "", text.n);
}

json_t *
service_json_base64(struct bytes data)
{
    BUFFER_AUTO text;
    buffer_init_secret(&text, 2 * SERVICE_BODY_MAX);
    base64_encode(BASE64_URL, data, &text);
    return text.failed ? NULL : service_json_text(buffer_bytes(&text));
}

json_t *
service_json_time(int64_t time)
{
    char text[TIMESTAMP_SIZE];
    timestamp_print(time, text);
    return json_string(text);
}

json_t *
service_json_url(const struct service *service, const char *path,
                 const uint8_t id[QUESTION_ID_SIZE])
{
    BUFFER_AUTO url;
    buffer_init(&url, DISCHARGER_URL_MAX + 128);
    buffer_put_str(&url, service->self.url);
    buffer_put_str(&url, path);
    if (id)
        question_id_print(id, &url);
    return url.failed ? NULL : service_json_text(buffer_bytes(&url));
}

json_t *
service_json_descriptors(const json_t *ids)
{
    json_t *list = json_array();
    const json_t *id;
    size_t i;
    json_array_foreach(ids, i, id)
    {
        json_t *item = json_pack("{s:s, s:s}", "type", "public-key", "id", json_string_value(id));
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
