/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's words for a plan: auth_request, and everything that is sent bound to what was judged. */
#include "gateway_plan.h"

#include <stdio.h>
#include <string.h>

// What auth_request makes of it, and what a client gets. Anything else is 403.
static const unsigned statuses[] = {400, 404, 407, 408, 413, 417, 421, 429, 500, 502, 503, 504};

static const char *const check_fields[] = {
    "keyhole-check-destination",
    "keyhole-check-prefix",
    "keyhole-check-headers",
    "keyhole-check-body",
    "keyhole-check-client",
    "keyhole-check-method",
    "keyhole-check-target",
    "keyhole-check-length",
    "keyhole-check-coding",
    "keyhole-gateway-key",
    NULL,
};

static void
variable_of(const char *name, struct buffer *out)
{
    for (; *name != '\0'; name++)
        buffer_put_byte(out, *name == '-' ? '_' : (uint8_t)*name);
}

// Every field that this configuration sets or removes. Those of a trace are not passed on when they
// cannot be read.
static struct gateway_fields
managed_of(const struct gateway_upstream *upstream)
{
    struct gateway_fields all = upstream->set;
    for (size_t i = 0; i < upstream->slots.count; i++)
        gateway_fields_add(&all, upstream->slots.name[i]);
    gateway_fields_add(&all, "traceparent");
    gateway_fields_add(&all, "tracestate");
    return all;
}

static void
print_upstreams(const struct gateway_plan *plan, struct buffer *out)
{
    buffer_put_str(out, "upstream keyhole_check {\n");
    if (plan->socket != NULL)
        buffer_printf(out, "    server unix:%s;\n", plan->socket);
    else
        buffer_printf(out, "    server %s;\n", plan->address);
    buffer_put_str(out, "    keepalive 16;\n}\n");
    for (size_t i = 0; i < plan->count; i++) {
        const struct gateway_upstream *u = &plan->upstream[i];
        if (plan->resolver != NULL && u->address[0] == '\0')
            continue;
        bool pinned = u->address[0] != '\0';
        bool six = strchr(u->address, ':') != NULL;
        buffer_printf(out, "upstream keyhole_upstream_%zu { # %s\n    server %s%s%s:%u;\n", i + 1,
                      u->credential, six ? "[" : "", pinned ? u->address : u->host, six ? "]" : "",
                      pinned ? u->address_port : u->port);
        buffer_put_str(out, "    keepalive 16;\n}\n");
    }
    buffer_put_str(out,
                   "# HTTP/2 has bodies that nothing announces: without a length it is not known "
                   "whether there is one.\n"
                   "map \"$server_protocol $content_length $http_transfer_encoding\" "
                   "$keyhole_coding {\n    default unknown;\n"
                   "    \"~^HTTP/1\\.[01] [0-9]* $\" \"\";\n"
                   "    \"~^HTTP/[23]\\.[0-9]+ [0-9]+ $\" \"\";\n}\n");
    buffer_put_str(out, "# A request goes on to the target that was judged; without one it goes "
                        "nowhere.\n");
    for (size_t i = 0; i < plan->count; i++) {
        const struct gateway_upstream *u = &plan->upstream[i];
        buffer_printf(out, "map $keyhole_target $keyhole_to_%zu {\n    default \"\";\n", i + 1);
        if (plan->resolver != NULL && u->address[0] == '\0')
            buffer_printf(out, "    \"~^/\" \"https://%s:%u$keyhole_target\";\n}\n", u->host,
                          u->port);
        else
            buffer_printf(out, "    \"~^/\" \"https://keyhole_upstream_%zu$keyhole_target\";\n}\n",
                          i + 1);
    }
}

static void
print_tls(const char *name, const char *trusted, struct buffer *out)
{
    buffer_printf(out,
                  "        proxy_ssl_server_name on;\n        proxy_ssl_name %s;\n"
                  "        proxy_ssl_verify on;\n        proxy_ssl_verify_depth 5;\n"
                  "        proxy_ssl_trusted_certificate %s;\n"
                  "        proxy_ssl_protocols TLSv1.2 TLSv1.3;\n",
                  name, trusted);
}

static void
print_fields(const struct gateway_upstream *u, const struct gateway_fields *managed,
             struct buffer *out)
{
    buffer_put_str(out, "        proxy_set_header Host ");
    gateway_print_host(u, out);
    buffer_put_str(out, ";\n        proxy_set_header Connection \"\";\n");
    for (size_t i = 0; i < managed->count; i++) {
        buffer_printf(out, "        proxy_set_header %s $keyhole_set_", managed->name[i]);
        variable_of(managed->name[i], out);
        buffer_put_str(out, ";\n");
    }
    for (size_t i = 0; gateway_dropped[i] != NULL; i++) {
        if (!gateway_fields_have(managed, gateway_dropped[i]))
            buffer_printf(out, "        proxy_set_header %s \"\";\n", gateway_dropped[i]);
    }
    for (size_t i = 0; check_fields[i] != NULL; i++)
        buffer_printf(out, "        proxy_set_header %s \"\";\n", check_fields[i]);
}

static void
print_location(const struct gateway_plan *plan, size_t index, struct buffer *out)
{
    const struct gateway_upstream *u = &plan->upstream[index];
    const struct gateway_fields managed = managed_of(u);
    if (plan->by_host)
        buffer_put_str(out, "    location / {\n");
    else
        buffer_printf(out, "    location ^~ /~%s/ {\n", u->credential);
    buffer_printf(out, "        auth_request /.keyhole/%s;\n", u->credential);
    buffer_put_str(
        out, "        auth_request_set $keyhole_target $upstream_http_keyhole_target;\n"
             "        auth_request_set $keyhole_status $upstream_http_keyhole_status;\n"
             "        auth_request_set $keyhole_problem $upstream_http_keyhole_problem;\n"
             "        auth_request_set $keyhole_retry_after $upstream_http_retry_after;\n"
             "        auth_request_set $keyhole_request_id $upstream_http_keyhole_request_id;\n");
    for (size_t i = 0; i < managed.count; i++) {
        buffer_put_str(out, "        auth_request_set $keyhole_set_");
        variable_of(managed.name[i], out);
        buffer_put_str(out, " $upstream_http_keyhole_set_");
        variable_of(managed.name[i], out);
        buffer_put_str(out, ";\n");
    }
    buffer_printf(out,
                  "        error_page 401 403 = @keyhole_refused;\n"
                  "        error_page 500 = @keyhole_unavailable;\n"
                  "        proxy_pass $keyhole_to_%zu;\n",
                  index + 1);
    print_fields(u, &managed, out);
    print_tls(u->host, plan->trusted, out);
    buffer_put_str(out, "    }\n");
}

static void
print_managed(const struct gateway_fields *managed, struct buffer *out)
{
    for (size_t i = 0; i < managed->count; i++)
        buffer_printf(out, "%s%s", i > 0 ? "," : "", managed->name[i]);
    for (size_t i = 0; gateway_dropped[i] != NULL; i++)
        buffer_printf(out, ",%s", gateway_dropped[i]);
    for (size_t i = 0; check_fields[i] != NULL; i++)
        buffer_printf(out, ",%s", check_fields[i]);
}

// The key reaches auth_request_set all the same. Whatever leads a client here gets nothing.
static void
print_hidden(const struct gateway_fields *managed, struct buffer *out)
{
    buffer_put_str(out, "        proxy_hide_header keyhole-target;\n"
                        "        proxy_hide_header keyhole-problem;\n"
                        "        proxy_hide_header keyhole-status;\n");
    for (size_t i = 0; i < managed->count; i++)
        buffer_printf(out, "        proxy_hide_header keyhole-set-%s;\n", managed->name[i]);
}

static void
print_check(const struct gateway_plan *plan, const struct gateway_upstream *u, struct buffer *out)
{
    const struct gateway_fields managed = managed_of(u);
    buffer_printf(out,
                  "    location = /.keyhole/%s {\n        internal;\n"
                  "        proxy_pass %s://keyhole_check/nginx/%s;\n"
                  "        proxy_method GET;\n        proxy_pass_request_body off;\n"
                  "        proxy_set_header Content-Length \"\";\n"
                  "        proxy_set_header Host keyhole;\n"
                  "        proxy_set_header Connection \"\";\n",
                  u->credential, plan->tls ? "https" : "http", u->credential);
    buffer_printf(out, "        proxy_set_header keyhole-check-destination https://%s:%u;\n",
                  u->host, u->port);
    buffer_printf(out, "        proxy_set_header keyhole-check-prefix %s%s;\n",
                  plan->by_host ? "-" : "/~", plan->by_host ? "" : u->credential);
    buffer_put_str(out, "        proxy_set_header keyhole-check-headers \"");
    print_managed(&managed, out);
    buffer_put_str(out, "\";\n        proxy_set_header keyhole-check-body unseen;\n"
                        "        proxy_set_header keyhole-check-client $remote_addr;\n"
                        "        proxy_set_header keyhole-check-method $request_method;\n"
                        "        proxy_set_header keyhole-check-target $request_uri;\n"
                        "        proxy_set_header keyhole-check-length $content_length;\n"
                        "        proxy_set_header keyhole-check-coding $keyhole_coding;\n");
    buffer_printf(out, "        proxy_set_header keyhole-gateway-key \"%s\";\n",
                  plan->gateway_key != NULL ? plan->gateway_key : "");
    print_hidden(&managed, out);
    buffer_put_str(out, "        proxy_buffer_size 64k;\n        proxy_buffers 4 64k;\n"
                        "        proxy_connect_timeout 5s;\n        proxy_send_timeout 5s;\n"
                        "        proxy_read_timeout 15s;\n");
    if (plan->tls)
        print_tls(plan->check_name, plan->check_trusted, out);
    buffer_put_str(out, "    }\n");
}

static void
print_problem(unsigned status, const char *code, const char *title, struct buffer *out)
{
    buffer_printf(
        out,
        "return %u '{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":"
        "\"%s\",\"error\":{\"type\":\"keyhole\",\"code\":\"%s\",\"message\":\"%s\"}}\\n';",
        status, title, status, code, code, title);
}

static void
print_answers(struct buffer *out)
{
    buffer_put_str(out,
                   "    # Denials, in the broker's own words. auth_request passes on 401 and 403.\n"
                   "    location @keyhole_refused {\n"
                   "        internal;\n        default_type application/problem+json;\n"
                   "        add_header Cache-Control no-store always;\n"
                   "        add_header Keyhole-Request-Id $keyhole_request_id always;\n"
                   "        add_header Retry-After $keyhole_retry_after always;\n"
                   "        if ($keyhole_problem = \"\") { return 403; }\n"
                   "        if ($keyhole_status = 401) { return 401 $keyhole_problem; }\n");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        buffer_printf(out, "        if ($keyhole_status = %u) { return %u $keyhole_problem; }\n",
                      statuses[i], statuses[i]);
    buffer_put_str(out, "        return 403 $keyhole_problem;\n    }\n"
                        "    location @keyhole_unavailable {\n        internal;\n"
                        "        default_type application/problem+json;\n"
                        "        add_header Cache-Control no-store always;\n"
                        "        add_header Retry-After 1 always;\n        ");
    print_problem(503, "broker-unavailable",
                  "The broker cannot judge requests at the moment, and so lets none through.", out);
    buffer_put_str(out, "\n    }\n");
}

// Each of nginx's error messages has the request line, and with it the query.
static void
print_error_log(const struct gateway_plan *plan, struct buffer *out)
{
    bool query = false;
    for (size_t i = 0; i < plan->count; i++)
        query |= plan->upstream[i].token_in_query;
    if (query)
        buffer_put_str(out, "    # Off: tokens may stand in the query, and errors are logged with "
                            "it.\n    error_log /dev/null emerg;\n");
    else
        buffer_put_str(out, "    error_log /var/log/nginx/keyhole-error.log error;\n");
}

static void
print_server_head(const struct gateway_plan *plan, const char *name, struct buffer *out)
{
    buffer_printf(out, "\nserver {\n    listen %s%s%s;\n    server_name %s;\n", plan->listen,
                  name == NULL ? " default_server" : "", plan->certificate != NULL ? " ssl" : "",
                  name != NULL ? name : "_");
    if (plan->certificate != NULL)
        buffer_printf(out,
                      "    ssl_certificate %s;\n    ssl_certificate_key %s;\n"
                      "    ssl_protocols TLSv1.2 TLSv1.3;\n",
                      plan->certificate, plan->key);
    buffer_put_str(
        out, "    # Without queries and, at this level, without header lines: tokens stand there.\n"
             "    access_log /var/log/nginx/keyhole.log keyhole;\n");
    print_error_log(plan, out);
    buffer_put_str(
        out,
        "    underscores_in_headers off;\n    ignore_invalid_headers on;\n    merge_slashes off;\n"
        "    server_tokens off;\n    large_client_header_buffers 8 16k;\n"
        "    client_header_timeout 15s;\n    client_body_timeout 60s;\n    send_timeout 60s;\n"
        "    client_max_body_size 64m;\n"
        "    proxy_http_version 1.1;\n"
        "    # Bodies go through and never to a file; events come out as they come in.\n"
        "    proxy_request_buffering off;\n    proxy_buffering off;\n"
        "    proxy_connect_timeout 10s;\n    proxy_read_timeout 600s;\n"
        "    # Sent once, to one place, and nothing of an answer is changed or followed.\n"
        "    proxy_next_upstream off;\n    proxy_redirect off;\n    proxy_intercept_errors off;\n"
        "    recursive_error_pages off;\n    proxy_cache off;\n    proxy_store off;\n"
        "    # An upstream does not steer: X-Accel-Redirect would lead its client to the check, "
        "and\n"
        "    # a page of it would print variables, in which the key stands.\n"
        "    ssi off;\n"
        "    proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate\n"
        "        X-Accel-Buffering X-Accel-Charset Expires Cache-Control Set-Cookie Vary;\n"
        "    # Who is let in by an address is asked for a token all the same.\n"
        "    satisfy all;\n");
    if (plan->resolver != NULL)
        buffer_printf(out, "    resolver %s valid=30s;\n", plan->resolver);
    buffer_put_str(out, "    set $keyhole_target \"\";\n    set $keyhole_status \"\";\n"
                        "    set $keyhole_problem \"\";\n    set $keyhole_retry_after \"\";\n"
                        "    set $keyhole_request_id \"\";\n");
}

static void
print_nothing_here(struct buffer *out)
{
    buffer_put_str(out, "{\n        default_type application/problem+json;\n        ");
    print_problem(421, "misdirected", "No credential is served here.", out);
    buffer_put_str(out, "\n    }\n");
}

void
gateway_print_nginx(const struct gateway_plan *plan, struct buffer *out)
{
    buffer_printf(out,
                  "# Made by keyholed gateway nginx; for the inside of http { }, as in "
                  "/etc/nginx/conf.d.\n# Run it again when hosts, slots or injections of these "
                  "credentials change.\n%s"
                  "log_format keyhole '$remote_addr $time_iso8601 $request_method \"$uri\" $status "
                  "$body_bytes_sent $keyhole_request_id';\n",
                  plan->gateway_key != NULL
                      ? "# The gateway key stands in here: keep this file at mode 0600.\n"
                      : "");
    print_upstreams(plan, out);
    print_server_head(plan, NULL, out);
    for (size_t i = 0; !plan->by_host && i < plan->count; i++) {
        // nginx would send a redirect to the same path with a slash.
        buffer_printf(out, "    location = /~%s ", plan->upstream[i].credential);
        print_nothing_here(out);
        print_location(plan, i, out);
        print_check(plan, &plan->upstream[i], out);
    }
    if (!plan->by_host)
        print_answers(out);
    buffer_put_str(out, "    location / ");
    print_nothing_here(out);
    buffer_put_str(out, "}\n");
    for (size_t i = 0; plan->by_host && i < plan->count; i++) {
        print_server_head(plan, plan->upstream[i].host, out);
        print_location(plan, i, out);
        print_check(plan, &plan->upstream[i], out);
        print_answers(out);
        buffer_put_str(out, "}\n");
    }
}
