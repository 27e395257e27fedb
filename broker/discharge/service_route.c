/* SPDX-License-Identifier: Apache-2.0
 *
 * Which method of which path is whose: a table, and what it takes for all of them.
 */
#include "service_internal.h"

#include "pages.h"

#include <string.h>

static const struct route {
    const char *method;
    const char *path; /* "*" stands for an id, "**" for any segment */
    service_handler *handle;
    bool page;      /* its failures are pages too */
    bool from_link; /* may be opened from another site: it changes nothing and gives nothing away */
} routes[] = {
    {"GET", "/.well-known/keyhole/discharger", service_describe, false, true},
    {"POST", "/.well-known/macfly/3p", fill_post, false, false},
    {"POST", "/.well-known/macfly/3p/fido2/*", fill_answer_fido2, false, false},
    {"POST", "/.well-known/macfly/3p/ssh/*", fill_answer_ssh, false, false},
    {"GET", "/poll/*", fill_poll, false, false},
    {"GET", "/approve/*", page_approve, true, true},
    {"POST", "/approve/*/challenge", fill_page_challenge, false, false},
    {"POST", "/approve/*/answer", fill_page_answer, false, false},
    {"POST", "/approve/*/decline", fill_page_decline, true, false},
    {"GET", "/enroll", page_enroll, true, true},
    {"POST", "/.well-known/keyhole/enroll", enroll_post, false, false},
    {"POST", "/.well-known/keyhole/enroll/*", enroll_answer, false, false},
    {"GET", "/assets/**/**", asset_get, false, true},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static bool
match_path(const char *pattern, struct exchange *x)
{
    struct bytes wanted = bytes_str(pattern), path = x->request->path, want, got;
    size_t open = 0;
    for (;;) {
        bool more = bytes_cut(&wanted, '/', &want), more_path = bytes_cut(&path, '/', &got);
        if (more != more_path)
            return false;
        if (!more)
            return true;
        if (bytes_is(want, "**") && open < SERVICE_SEGMENTS)
            x->segment[open++] = got;
        else if (bytes_is(want, "*") ? !question_id_read(got, x->id) : !bytes_equal(want, got))
            return false;
    }
}

// HEAD is a GET whose body is left out by whoever writes the answer. Not where a GET takes what is
// given once.
static bool
takes_method(const struct route *route, struct bytes method)
{
    return bytes_is(method, route->method) || (route->from_link && bytes_is(method, "HEAD"));
}

// The other method of that path, for Allow: no path here takes two.
static const struct route *
find_route(struct exchange *x, const char **allow)
{
    for (size_t i = 0; i < ROUTES; i++) {
        if (!match_path(routes[i].path, x))
            continue;
        if (takes_method(&routes[i], x->request->method))
            return &routes[i];
        *allow = routes[i].method;
    }
    return NULL;
}

// A page of another site can make a browser send requests here, with an address that it was told.
static bool
is_same_site(const struct exchange *x)
{
    const struct service_request *request = x->request;
    if (request->origin.n > 0 && !bytes_is(request->origin, x->service->self.url))
        return false;
    return request->fetch_site.n == 0 || bytes_is(request->fetch_site, "same-origin") ||
           bytes_is(request->fetch_site, "none");
}

static enum failure
answer(struct exchange *x, const struct route **route)
{
    const char *allow = NULL;
    *route = find_route(x, &allow);
    if (*route == NULL && allow != NULL) {
        x->response->allow = allow;
        return FAILURE_METHOD_NOT_ALLOWED;
    }
    if (*route == NULL)
        return FAILURE_NOT_FOUND;
    if (!(*route)->from_link && !is_same_site(x))
        return FAILURE_ORIGIN_FORBIDDEN;
    return (*route)->handle(x);
}

void
service_answer(struct service *service, const struct service_request *request,
               struct service_response *response)
{
    struct exchange x = {.service = service, .request = request, .response = response};
    const struct route *route = NULL;
    question_table_tick(&service->questions, request->now);
    enum failure failure = answer(&x, &route);
    response->failure = failure;
    if (failure == FAILURE_NONE)
        return;
    service->counts.failures++;
    if (failure == FAILURE_BUSY && response->retry_after_s == 0)
        response->retry_after_s = 5;
    if (route != NULL && route->page)
        page_write_failure(response, failure);
    else
        service_write_failure(response, failure_status(failure), failure, x.detail.detail);
}
