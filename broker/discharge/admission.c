/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of a request's head, in order.
 */
#include "admission.h"

#include "../../caveats/path.h"

typedef bool admission_check(const struct http1_head *head, struct bytes authority,
                             struct refusal *refusal);

static bool
refuse(struct refusal *refusal, int status, enum failure failure, const char *detail)
{
    *refusal = (struct refusal){.status = status, .failure = failure, .detail = detail};
    return false;
}

static bool
refuse_request(struct refusal *refusal, const char *detail)
{
    return refuse(refusal, failure_status(FAILURE_REQUEST_INVALID), FAILURE_REQUEST_INVALID,
                  detail);
}

// Everything else of HTTP has no meaning here, and CONNECT would make a proxy of it.
static bool
check_method(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};

    (void)authority;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (bytes_is(head->method, methods[i]))
            return true;
    }
    (void)refuse(refusal, failure_status(FAILURE_METHOD_NOT_ALLOWED), FAILURE_METHOD_NOT_ALLOWED,
                 "");
    refusal->allow = "GET, HEAD, POST";
    return false;
}

static bool
check_form(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    (void)authority;
    return head->form == TARGET_ORIGIN || refuse_request(refusal, "this is no proxy");
}

// A page of another name that leads here (DNS rebinding) has that name in Host.
static bool
check_host(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    return bytes_equal(head->host, authority) ||
           refuse(refusal, 421, FAILURE_REQUEST_INVALID,
                  "Host is not that of this discharger's URL");
}

static bool
check_expect(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    (void)authority;
    return !head->expect_other ||
           refuse(refusal, 417, FAILURE_REQUEST_INVALID, "Expect is for 100-continue alone");
}

static bool
occurs_twice(const struct http1_head *head, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < head->field_count; i++)
        n += bytes_equal_nocase(head->field[i].name, bytes_str(name)) ? 1 : 0;
    return n > 1;
}

static bool
check_fields(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    (void)authority;
    if (occurs_twice(head, "origin") || occurs_twice(head, "sec-fetch-site"))
        return refuse_request(refusal, "Origin or Sec-Fetch-Site stands there twice");
    if (http1_find(head, "content-encoding"))
        return refuse_request(refusal, "an encoded body is not taken");
    return true;
}

static bool
check_body(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    (void)authority;
    if (head->body != BODY_NONE && !bytes_is(head->method, "POST") &&
        !(head->body == BODY_LENGTH && head->content_length == 0))
        return refuse_request(refusal, "GET and HEAD have no body");
    if (head->body == BODY_LENGTH && head->content_length > SERVICE_BODY_MAX)
        return refuse(refusal, 413, FAILURE_REQUEST_INVALID, "a body has at most 64 KiB");
    return true;
}

// The protocol has no queries, and no path in it has two spellings.
static bool
check_path(const struct http1_head *head, struct bytes authority, struct refusal *refusal)
{
    BUFFER_AUTO encoded;
    BUFFER_AUTO decoded;
    struct fault fault;

    (void)authority;
    buffer_init(&encoded, HTTP1_LINE_MAX);
    buffer_init(&decoded, HTTP1_LINE_MAX);
    bool canonical = !head->has_query &&
                     path_canonical(head->path, 0, &encoded, &decoded, &fault) == KH_OK &&
                     bytes_equal(buffer_bytes(&encoded), head->path) &&
                     bytes_equal(buffer_bytes(&decoded), head->path);
    return canonical || refuse(refusal, failure_status(FAILURE_NOT_FOUND), FAILURE_NOT_FOUND, "");
}

static admission_check *const checks[] = {check_method, check_form, check_host, check_expect,
                                          check_fields, check_body, check_path};

static struct bytes
field_value(const struct http1_head *head, const char *name)
{
    const struct http1_field *field = http1_find(head, name);
    return field ? field->value : BYTES_EMPTY;
}

static bool
read_type(const struct http1_head *head, char type[ADMISSION_TYPE_MAX + 1], struct bytes *out)
{
    struct bytes value = field_value(head, "content-type");
    struct bytes media = bytes_trim(bytes_slice(value, 0, bytes_index(value, ';')));

    if (media.n > ADMISSION_TYPE_MAX)
        return false;
    for (size_t i = 0; i < media.n; i++)
        type[i] = (char)(media.p[i] >= 'A' && media.p[i] <= 'Z' ? media.p[i] | 0x20 : media.p[i]);
    type[media.n] = '\0';
    *out = bytes_of(type, media.n);
    return true;
}

bool
admission_judge(const struct http1_head *head, struct bytes authority,
                char type[ADMISSION_TYPE_MAX + 1], struct service_request *out,
                struct refusal *refusal)
{
    struct bytes content_type;

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (!checks[i](head, authority, refusal))
            return false;
    }
    if (!read_type(head, type, &content_type))
        return refuse_request(refusal, "Content-Type is too long");
    out->method = head->method;
    out->path = head->path;
    out->content_type = content_type;
    out->origin = field_value(head, "origin");
    out->fetch_site = field_value(head, "sec-fetch-site");
    return true;
}

struct bytes
admission_authority(struct bytes url)
{
    size_t start = bytes_find(url, BYTES("://"));
    return bytes_from(url, start + 3);
}
