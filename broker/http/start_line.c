/* SPDX-License-Identifier: Apache-2.0
 *
 * Request lines with the four forms of a target, and status lines.
 */
#include "start_line.h"

#include "grammar.h"

KH_COLD static bool
refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return false;
}

static bool
parse_version(struct bytes text, unsigned *minor)
{
    if (bytes_is(text, "HTTP/1.1"))
        *minor = 1;
    else if (bytes_is(text, "HTTP/1.0"))
        *minor = 0;
    else
        return false;
    return true;
}

/* "/path", "/path?query", and after an authority also "" and "?query". */
static bool
parse_path_and_query(struct bytes text, struct http1_head *head)
{
    size_t mark = bytes_index(text, '?');

    head->path = bytes_slice(text, 0, mark);
    head->has_query = mark < text.n;
    head->query = head->has_query ? bytes_from(text, mark + 1) : BYTES_EMPTY;
    if (head->form == TARGET_ABSOLUTE && head->path.n == 0)
        head->path = BYTES("/");
    return grammar_is_path(head->path) && grammar_is_query(head->query);
}

static bool
parse_absolute(struct bytes target, struct http1_head *head, const char **why)
{
    size_t start, end;

    if (bytes_starts(target, BYTES("http://")))
        head->scheme = bytes_slice(target, 0, 4);
    else if (bytes_starts(target, BYTES("https://")))
        head->scheme = bytes_slice(target, 0, 5);
    else
        return refuse(why, "the target is neither a path nor an http or https URL");
    start = head->scheme.n + 3;
    for (end = start; end < target.n && target.p[end] != '/' && target.p[end] != '?'; end++)
        ;
    head->authority = bytes_slice(target, start, end - start);
    if (!grammar_is_authority(head->authority))
        return refuse(why, "the authority of the target is not a host with an optional port");
    if (!parse_path_and_query(bytes_from(target, end), head))
        return refuse(why, "the target has a byte or an escape that RFC 3986 does not allow");
    return true;
}

static bool
parse_target(struct http1_head *head, const char **why)
{
    struct bytes target = head->target;

    if (bytes_is(head->method, "CONNECT")) {
        head->form = TARGET_AUTHORITY;
        head->authority = target;
        if (!grammar_is_authority(target) || !grammar_has_port(target))
            return refuse(why, "the target of CONNECT is not a host and a port");
        return true;
    }
    if (bytes_is(target, "*")) {
        head->form = TARGET_ASTERISK;
        head->path = target;
        if (!bytes_is(head->method, "OPTIONS"))
            return refuse(why, "the target * is for OPTIONS alone");
        return true;
    }
    if (target.n > 0 && target.p[0] == '/') {
        head->form = TARGET_ORIGIN;
        if (!parse_path_and_query(target, head))
            return refuse(why, "the target has a byte or an escape that RFC 3986 does not allow");
        return true;
    }
    head->form = TARGET_ABSOLUTE;
    return parse_absolute(target, head, why);
}

bool
start_line_parse_request(struct bytes line, struct http1_head *head, const char **why)
{
    size_t method = bytes_index(line, ' ');
    struct bytes rest = bytes_from(line, method + 1);
    size_t target = bytes_index(rest, ' ');
    struct bytes version = bytes_from(rest, target + 1);

    if (target == rest.n || bytes_index(version, ' ') < version.n)
        return refuse(why, "the request line is not exactly three parts");
    head->method = bytes_slice(line, 0, method);
    head->target = bytes_slice(rest, 0, target);
    if (!grammar_is_method(head->method))
        return refuse(why, "the method is not capital letters, digits and hyphens");
    if (bytes_is(version, "HTTP/2.0"))
        return refuse(why, "this is HTTP/2, and HTTP/1.1 is spoken here");
    if (!parse_version(version, &head->minor))
        return refuse(why, "the version is neither HTTP/1.1 nor HTTP/1.0");
    return parse_target(head, why);
}

bool
start_line_parse_response(struct bytes line, struct http1_head *head, const char **why)
{
    enum { VERSION = 8, STATUS = 9, REASON = 13 }; /* where the parts begin or end */

    if (!parse_version(bytes_slice(line, 0, VERSION), &head->minor))
        return refuse(why, "the status line does not begin with HTTP/1.1 or HTTP/1.0");
    if (line.n < REASON || line.p[VERSION] != ' ' || line.p[REASON - 1] != ' ')
        return refuse(why, "the status line is not a version, a status and a reason");
    for (size_t i = STATUS; i < REASON - 1; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return refuse(why, "the status is not three digits");
        head->status = head->status * 10 + (line.p[i] - '0');
    }
    if (head->status < 100 || head->status > 599)
        return refuse(why, "the status is not between 100 and 599");
    head->reason = bytes_from(line, REASON);
    return true;
}
