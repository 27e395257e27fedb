/* SPDX-License-Identifier: Apache-2.0
 *
 * One destination for one request. In programs like this one, a key went to the wrong host because
 * Host, SNI, CONNECT authority and dialled address were each believed by another part of the code;
 * here they are compared in one place, and whatever disagrees is refused.
 */
#include "destination.h"

#include "../../caveats/path.h"
#include "address.h"

#include <string.h>

void
destination_init(struct destination *destination)
{
    memset(destination, 0, offsetof(struct destination, match.route));
    buffer_init(&destination->host, DESTINATION_HOST_MAX);
}

void
destination_clear(struct destination *destination)
{
    size_t from = offsetof(struct destination, kind),
           to = offsetof(struct destination, match.route);
    buffer_clear(&destination->host);
    memset((char *)destination + from, 0, to - from);
}

void
destination_free(struct destination *destination)
{
    buffer_free(&destination->host);
}

KH_COLD static void
refuse(struct destination *out, enum kh_reason reason, const char *detail)
{
    out->kind = DESTINATION_REFUSED;
    out->reason = reason;
    out->detail = detail;
}

static bool
is_loopback(struct bytes host)
{
    struct address address;
    if (!address_parse(host, 0, &address))
        return bytes_is(host, "localhost");
    return address_is_loopback(&address);
}

static bool
is_named_own(const struct destination_view *view, struct bytes host)
{
    if (view->local_host.n && bytes_equal(host, view->local_host))
        return true;
    for (size_t i = 0; i < view->name_count; i++) {
        if (bytes_equal_nocase(bytes_str(view->name[i]), host))
            return true;
    }
    return false;
}

bool
destination_is_own(const struct destination_view *view, struct bytes host)
{
    return is_loopback(host) || is_named_own(view, host);
}

// The same for the host that the request names.
static bool
is_own(const struct destination_view *view, const struct destination *out)
{
    return out->is_loopback || is_named_own(view, buffer_bytes(&out->host));
}

static void
remember(struct destination_memo *memo, struct bytes authority, uint16_t port,
         const struct destination *out)
{
    if (authority.n > sizeof memo->text || out->host.n > sizeof memo->host)
        return;
    memcpy(memo->text, authority.p, authority.n);
    memcpy(memo->host, out->host.p, out->host.n);
    memo->text_n = authority.n;
    memo->host_n = out->host.n;
    memo->port = port;
    memo->is_loopback = out->is_loopback;
}

// The host that the request names, in canonical form; false: it is none.
static bool
read_authority(struct destination_memo *memo, struct bytes authority, struct destination *out,
               uint16_t *port)
{
    if (memo && memo->text_n > 0 && bytes_equal(authority, bytes_of(memo->text, memo->text_n))) {
        buffer_put(&out->host, bytes_of(memo->host, memo->host_n));
        out->is_loopback = memo->is_loopback;
        *port = memo->port;
        return !out->host.failed;
    }
    if (authority_split(authority, &out->host, port) != KH_OK || out->host.failed)
        return false;
    out->is_loopback = is_loopback(buffer_bytes(&out->host));
    if (memo)
        remember(memo, authority, *port, out);
    return true;
}

// "/~name/rest" into its parts; some clients escape the tilde.
static bool
cut_name(struct bytes path, struct bytes *name, struct bytes *rest)
{
    size_t skip;
    if (bytes_starts(path, BYTES("/~")))
        skip = 2;
    else if (bytes_starts(path, BYTES("/%7E")) || bytes_starts(path, BYTES("/%7e")))
        skip = 4;
    else
        return false;
    struct bytes after = bytes_from(path, skip);
    size_t slash = bytes_index(after, '/');
    *name = bytes_slice(after, 0, slash);
    *rest = slash == after.n ? BYTES("/") : bytes_from(after, slash);
    return true;
}

static void
find_base_url(const struct routes *routes, struct destination *out)
{
    out->way = WAY_BASE_URL;
    const struct route *route = routes_by_name(routes, out->wanted);
    if (!route) {
        refuse(out, KH_REASON_CREDENTIAL_UNKNOWN, "the base URL names no credential");
        return;
    }
    for (size_t i = 0; i < route->host_count; i++) {
        if (bytes_starts(route->host[i], BYTES("*.")))
            continue;
        buffer_clear(&out->host);
        buffer_put(&out->host, route->host[i]);
        out->match.plain = route->plain;
        out->match.port = route_default_port(route);
        out->match.route[0] = route;
        out->match.count = 1;
        out->kind = DESTINATION_UPSTREAM;
        return;
    }
    refuse(out, KH_REASON_HOST_NOT_ALLOWED,
           "the credential has no exact host, so that a base URL does not say which one is meant");
}

static void
find_own(const struct routes *routes, struct destination *out)
{
    struct bytes name, rest;
    if (cut_name(out->path, &name, &rest)) {
        out->wanted = name;
        out->path = rest;
        find_base_url(routes, out);
        return;
    }
    out->way = WAY_OWN;
    out->kind = DESTINATION_OWN;
}

static void
find_intercepted(const struct routes *routes, const struct destination_view *view,
                 const struct http1_head *head, uint16_t port, struct destination *out)
{
    out->way = view->transparent ? WAY_TRANSPARENT : WAY_CONNECT;
    if (head->form == TARGET_ABSOLUTE && !bytes_equal_nocase(head->scheme, BYTES("https"))) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "an http target inside of a TLS tunnel");
        return;
    }
    struct bytes host = buffer_bytes(&out->host);
    if (!bytes_equal(host, view->connect_host) || (port ? port : 443) != view->connect_port) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "Host is not what CONNECT asked for");
        return;
    }
    if (view->sni.n && !bytes_equal(view->sni, host)) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "SNI is not what CONNECT asked for");
        return;
    }
    // What is passed through is not looked into; a host that became such a one is not either.
    if (!routes_match(routes, host, view->connect_port, &out->match) || out->match.pass_through) {
        refuse(out, KH_REASON_HOST_NOT_ALLOWED, "no credential is for that host and port");
        return;
    }
    out->kind = DESTINATION_UPSTREAM;
}

static void
find_absolute(const struct routes *routes, const struct destination_view *view,
              const struct http1_head *head, uint16_t port, struct destination *out)
{
    struct bytes host = buffer_bytes(&out->host);
    out->way = WAY_HTTP_PROXY;
    // TLS to the listener names the proxy, and the target names the destination.
    if (view->sni.n && !destination_is_own(view, view->sni)) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "SNI is not a name of this broker");
        return;
    }
    bool http = bytes_equal_nocase(head->scheme, BYTES("http"));
    uint16_t named = http && port == 80 ? 0 : port; // the scheme's default port is no port
    if (!http && port == 0)
        named = 443;
    if (routes_match(routes, host, named, &out->match))
        out->kind = DESTINATION_UPSTREAM;
    else if (is_own(view, out)) // RFC 9112 3.2.2: absolute form is origin form too
        find_own(routes, out);
    else
        refuse(out, KH_REASON_HOST_NOT_ALLOWED, "no credential is for that host and port");
}

static void
find_by_host(const struct routes *routes, const struct destination_view *view, uint16_t port,
             struct destination *out)
{
    struct bytes host = buffer_bytes(&out->host);
    bool own = is_own(view, out);
    out->way = WAY_HOST;
    // Two names of our own may differ; a name of someone else must be the only one.
    if (view->sni.n && !bytes_equal(view->sni, host) &&
        !(own && destination_is_own(view, view->sni))) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "SNI and Host differ");
        return;
    }
    if (own) {
        find_own(routes, out);
        return;
    }
    // A client that was led here by its resolver names our port, which says nothing.
    if (routes_match(routes, host, port, &out->match) ||
        (port && port == view->local_port && routes_match(routes, host, 0, &out->match)))
        out->kind = DESTINATION_UPSTREAM;
    else
        refuse(out, KH_REASON_MISDIRECTED, "Host is neither this broker's nor a credential's");
}

// HTTP of a client that was redirected here: Host is all that names its destination.
static void
find_transparent(const struct routes *routes, const struct destination_view *view,
                 const struct http1_head *head, uint16_t port, struct destination *out)
{
    struct bytes host = buffer_bytes(&out->host);
    bool own = is_own(view, out);
    out->way = WAY_TRANSPARENT;
    if (head->form == TARGET_ABSOLUTE && !bytes_equal_nocase(head->scheme, BYTES("http"))) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "an https target without TLS");
        return;
    }
    if (view->sni.n && !(own && destination_is_own(view, view->sni))) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "SNI and Host differ");
        return;
    }
    if (own) {
        find_own(routes, out);
        return;
    }
    uint16_t reached = view->reached_port;
    if ((port ? port : 80) != reached) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT,
               "Host names another port than the client connected to");
        return;
    }
    if (routes_match(routes, host, reached == 80 ? 0 : reached, &out->match))
        out->kind = DESTINATION_UPSTREAM;
    else
        refuse(out, KH_REASON_HOST_NOT_ALLOWED, "no credential is for that host and port");
}

static void
find_connect(const struct routes *routes, const struct destination_view *view, uint16_t port,
             struct destination *out)
{
    out->way = WAY_CONNECT;
    if (view->intercepted) {
        refuse(out, KH_REASON_REQUEST_MALFORMED, "CONNECT inside of a tunnel");
    } else if (view->sni.n && !destination_is_own(view, view->sni)) {
        refuse(out, KH_REASON_DESTINATION_CONFLICT, "SNI is not a name of this broker");
    } else if (port == 0) {
        refuse(out, KH_REASON_REQUEST_MALFORMED, "CONNECT without a port");
    } else if (routes_match(routes, buffer_bytes(&out->host), port, &out->match)) {
        out->way = out->match.pass_through ? WAY_TUNNEL : WAY_CONNECT;
        out->kind = out->match.pass_through ? DESTINATION_TUNNEL : DESTINATION_CONNECT;
    } else if (is_own(view, out)) {
        out->kind = DESTINATION_OWN;
        out->way = WAY_OWN;
    } else {
        refuse(out, KH_REASON_HOST_NOT_ALLOWED, "no credential is for that host and port");
    }
}

void
destination_find(const struct routes *routes, const struct destination_view *view,
                 const struct http1_head *head, struct destination *out)
{
    uint16_t port = 0;
    bool targeted = head->form == TARGET_ABSOLUTE || head->form == TARGET_AUTHORITY;
    struct bytes authority = targeted ? head->authority : head->host;
    buffer_clear(&out->host);
    out->path = head->path;
    out->wanted = BYTES_EMPTY;
    out->is_loopback = false;
    out->way = view->transparent ? WAY_TRANSPARENT : view->intercepted ? WAY_CONNECT : WAY_UNSET;
    if (!read_authority(view->memo, authority, out, &port)) {
        refuse(out, KH_REASON_REQUEST_MALFORMED, "the host is not a host name or address");
        return;
    }
    // Where it would have gone: for the record, and for a run's list of what was refused.
    bool is_tls = view->intercepted || bytes_equal_nocase(head->scheme, BYTES("https"));
    out->named_port = port ? port : is_tls ? 443 : 80;
    if (head->form == TARGET_ASTERISK)
        refuse(out, KH_REASON_REQUEST_MALFORMED, "\"*\" names no resource of an upstream");
    else if (head->form == TARGET_AUTHORITY && view->transparent)
        refuse(out, KH_REASON_REQUEST_MALFORMED, "CONNECT is for proxies");
    else if (head->form == TARGET_AUTHORITY)
        find_connect(routes, view, port, out);
    else if (view->intercepted)
        find_intercepted(routes, view, head, port, out);
    else if (view->transparent)
        find_transparent(routes, view, head, port, out);
    else if (head->form == TARGET_ABSOLUTE)
        find_absolute(routes, view, head, port, out);
    else
        find_by_host(routes, view, port, out);
}
