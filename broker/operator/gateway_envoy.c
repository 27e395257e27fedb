/* SPDX-License-Identifier: Apache-2.0 */
/* Envoy's words for a plan: one ext_authz filter for each credential, every route switches off
 * those of the others, and a route that forgot to would be denied by them. */
#include "gateway_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TYPE "\"@type\": type.googleapis.com/envoy.extensions."

static void
print_address(const char *address, unsigned long port, struct buffer *out)
{
    buffer_printf(out, "{socket_address: {address: \"%s\", port_value: %lu}}", address, port);
}

// "127.0.0.1:8439", "[::1]:8439", which were checked before.
static void
print_pair(const char *text, struct buffer *out)
{
    char address[64];
    const char *colon = strrchr(text, ':');
    bool six = text[0] == '[';
    int n = (int)(colon - text) - (six ? 2 : 0);
    uint64_t port = 0;
    snprintf(address, sizeof address, "%.*s", n, text + (six ? 1 : 0));
    if (bytes_to_u64(bytes_str(colon + 1), &port))
        print_address(address, (unsigned long)port, out);
}

static void
print_others_disabled(const struct gateway_plan *plan, size_t mine, struct buffer *out)
{
    if (plan->count < 2)
        return;
    buffer_put_str(out, "                typed_per_filter_config:\n");
    for (size_t i = 0; i < plan->count; i++) {
        if (i == mine)
            continue;
        buffer_printf(out,
                      "                  keyhole-%s:\n                    " TYPE
                      "filters.http.ext_authz.v3.ExtAuthzPerRoute\n                    disabled: "
                      "true\n",
                      plan->upstream[i].credential);
    }
}

static void
print_route(const struct gateway_plan *plan, size_t index, struct buffer *out)
{
    const struct gateway_upstream *u = &plan->upstream[index];
    // Bytes that are not UTF-8 are others in a check than in the request that is sent.
    static const char ascii[] =
        "headers: [{name: \":path\", string_match: {safe_regex: {regex: \"[!-~]*\"}}}]";
    if (plan->by_host)
        buffer_printf(out, "              - match: {prefix: \"/\", %s}\n", ascii);
    else
        buffer_printf(out, "              - match: {prefix: \"/~%s/\", %s}\n", u->credential,
                      ascii);
    buffer_printf(out, "                route:\n                  cluster: keyhole-upstream-%zu\n",
                  index + 1);
    if (!plan->by_host)
        buffer_put_str(out, "                  prefix_rewrite: \"/\"\n");
    buffer_put_str(out, "                  host_rewrite_literal: \"");
    gateway_print_host(u, out);
    buffer_put_str(out,
                   "\"\n                  timeout: 0s\n                  idle_timeout: 600s\n");
    print_others_disabled(plan, index, out);
}

static void
print_nothing_here(struct buffer *out)
{
    buffer_put_str(out, "              - match: {prefix: \"/\"}\n"
                        "                direct_response: {status: 421}\n");
}

static void
print_virtual_hosts(const struct gateway_plan *plan, struct buffer *out)
{
    for (size_t i = 0; plan->by_host && i < plan->count; i++) {
        const struct gateway_upstream *u = &plan->upstream[i];
        buffer_printf(out,
                      "            - name: keyhole-%s\n              domains: [\"%s\", "
                      "\"%s:%u\"]\n              routes:\n",
                      u->credential, u->host, u->host, u->port);
        print_route(plan, i, out);
    }
    buffer_put_str(out, "            - name: keyhole\n              domains: [\"*\"]\n"
                        "              routes:\n");
    for (size_t i = 0; !plan->by_host && i < plan->count; i++)
        print_route(plan, i, out);
    print_nothing_here(out);
}

static void
print_constant(const char *name, const char *value, struct buffer *out)
{
    buffer_printf(out, "                  - {key: %s, value: \"%s\"}\n", name, value);
}

static void
print_constants(const struct gateway_plan *plan, const struct gateway_upstream *u,
                struct buffer *out)
{
    BUFFER_AUTO text;
    buffer_init(&text, 4096);
    buffer_printf(&text, "https://%s:%u", u->host, u->port);
    print_constant("keyhole-check-destination", buffer_text(&text), out);
    buffer_clear(&text);
    buffer_printf(&text, "%s%s", plan->by_host ? "-" : "/~", plan->by_host ? "" : u->credential);
    print_constant("keyhole-check-prefix", buffer_text(&text), out);
    buffer_clear(&text);
    for (size_t i = 0; i < u->set.count; i++)
        buffer_printf(&text, "%s%s", i > 0 ? "," : "", u->set.name[i]);
    print_constant("keyhole-check-headers", buffer_text(&text), out);
    print_constant("keyhole-check-body", plan->body_max > 0 ? "whole" : "unseen", out);
    print_constant("keyhole-check-client", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", out);
    // Always there, so that no client's own passes.
    print_constant("keyhole-gateway-key", plan->gateway_key != NULL ? plan->gateway_key : "-", out);
}

static void
print_filter(const struct gateway_plan *plan, const struct gateway_upstream *u, struct buffer *out)
{
    buffer_printf(out,
                  "          - name: keyhole-%s\n            typed_config:\n              " TYPE
                  "filters.http.ext_authz.v3.ExtAuthz\n"
                  "              stat_prefix: keyhole-%s\n"
                  "              transport_api_version: V3\n"
                  "              failure_mode_allow: false\n"
                  "              status_on_error: {code: ServiceUnavailable}\n"
                  "              clear_route_cache: false\n"
                  "              allowed_headers: {patterns: [{safe_regex: {regex: \".*\"}}]}\n",
                  u->credential, u->credential);
    if (plan->body_max > 0)
        buffer_printf(out,
                      "              with_request_body: {max_request_bytes: %" PRIu64
                      ", allow_partial_message: false}\n",
                      plan->body_max);
    buffer_printf(out,
                  "              http_service:\n"
                  "                server_uri: {uri: \"http%s://keyhole\", cluster: keyhole-check, "
                  "timeout: 15s}\n"
                  "                path_prefix: \"/envoy/%s\"\n"
                  "                authorization_request:\n                  headers_to_add:\n",
                  plan->tls ? "s" : "", u->credential);
    print_constants(plan, u, out);
    buffer_put_str(out, "                authorization_response:\n"
                        "                  allowed_upstream_headers:\n"
                        "                    patterns:\n");
    for (size_t i = 0; i < u->set.count; i++)
        buffer_printf(out, "                    - {exact: \"%s\", ignore_case: true}\n",
                      u->set.name[i]);
    buffer_put_str(out, "                  allowed_client_headers:\n"
                        "                    patterns:\n");
    static const char *const said[] = {"www-authenticate", "content-type", "retry-after",
                                       "keyhole-request-id", "cache-control"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        buffer_printf(out, "                    - {exact: \"%s\", ignore_case: true}\n", said[i]);
}

static void
print_server_tls(const struct gateway_plan *plan, struct buffer *out)
{
    if (plan->certificate == NULL)
        return;
    buffer_printf(out,
                  "      transport_socket:\n        name: envoy.transport_sockets.tls\n"
                  "        typed_config:\n          " TYPE
                  "transport_sockets.tls.v3.DownstreamTlsContext\n          common_tls_context:\n"
                  "            tls_params: {tls_minimum_protocol_version: TLSv1_2}\n"
                  "            tls_certificates:\n"
                  "            - certificate_chain: {filename: \"%s\"}\n"
                  "              private_key: {filename: \"%s\"}\n",
                  plan->certificate, plan->key);
}

static void
print_listener(const struct gateway_plan *plan, struct buffer *out)
{
    buffer_put_str(out, "static_resources:\n  listeners:\n  - name: keyhole\n    address: ");
    print_pair(plan->listen, out);
    buffer_put_str(
        out,
        "\n    per_connection_buffer_limit_bytes: 1048576\n    filter_chains:\n    - filters:\n"
        "      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n"
        "          " TYPE "filters.network.http_connection_manager.v3.HttpConnectionManager\n"
        "          stat_prefix: keyhole\n          codec_type: AUTO\n"
        "          use_remote_address: true\n          skip_xff_append: true\n"
        "          # What is judged is the path as it came, and so it is sent as it came.\n"
        "          normalize_path: false\n          merge_slashes: false\n"
        "          path_with_escaped_slashes_action: REJECT_REQUEST\n"
        "          common_http_protocol_options:\n"
        "            headers_with_underscores_action: REJECT_REQUEST\n"
        "            max_headers_count: 80\n            idle_timeout: 75s\n"
        "          request_headers_timeout: 15s\n          stream_idle_timeout: 600s\n"
        "          route_config:\n            name: keyhole\n            virtual_hosts:\n");
    print_virtual_hosts(plan, out);
    buffer_put_str(out, "          http_filters:\n");
    for (size_t i = 0; i < plan->count; i++)
        print_filter(plan, &plan->upstream[i], out);
    buffer_put_str(out, "          - name: envoy.filters.http.router\n            typed_config:\n"
                        "              " TYPE "filters.http.router.v3.Router\n"
                        "              suppress_envoy_headers: true\n");
    print_server_tls(plan, out);
}

static void
print_tls(const char *name, const char *trusted, struct buffer *out)
{
    buffer_printf(out,
                  "    transport_socket:\n      name: envoy.transport_sockets.tls\n"
                  "      typed_config:\n        " TYPE
                  "transport_sockets.tls.v3.UpstreamTlsContext\n        sni: \"%s\"\n"
                  "        common_tls_context:\n"
                  "          tls_params: {tls_minimum_protocol_version: TLSv1_2}\n"
                  "          validation_context:\n            trusted_ca: {filename: \"%s\"}\n"
                  "            match_typed_subject_alt_names:\n"
                  "            - {san_type: DNS, matcher: {exact: \"%s\"}}\n",
                  name, trusted, name);
}

static void
print_cluster_head(const char *name, const char *type, struct buffer *out)
{
    buffer_printf(out,
                  "  - name: %s\n    type: %s\n    connect_timeout: 10s\n    load_assignment:\n"
                  "      cluster_name: %s\n      endpoints:\n      - lb_endpoints:\n"
                  "        - endpoint: {address: ",
                  name, type, name);
}

static void
print_clusters(const struct gateway_plan *plan, struct buffer *out)
{
    buffer_put_str(out, "  clusters:\n");
    print_cluster_head("keyhole-check", "STATIC", out);
    if (plan->socket != NULL)
        buffer_printf(out, "{pipe: {path: \"%s\"}}", plan->socket);
    else
        print_pair(plan->address, out);
    buffer_put_str(out, "}\n");
    if (plan->tls)
        print_tls(plan->check_name, plan->check_trusted, out);
    for (size_t i = 0; i < plan->count; i++) {
        const struct gateway_upstream *u = &plan->upstream[i];
        bool pinned = u->address[0] != '\0';
        char name[64];
        snprintf(name, sizeof name, "keyhole-upstream-%zu", i + 1);
        print_cluster_head(name, pinned ? "STATIC" : "LOGICAL_DNS", out);
        print_address(pinned ? u->address : u->host, pinned ? u->address_port : u->port, out);
        buffer_put_str(out, "}\n");
        print_tls(u->host, plan->trusted, out);
    }
}

void
gateway_print_envoy(const struct gateway_plan *plan, struct buffer *out)
{
    buffer_printf(out,
                  "# Made by keyholed gateway envoy, for Envoy 1.27 or later. Run it again when "
                  "hosts, slots or\n# injections of these credentials change.\n%s",
                  plan->gateway_key != NULL
                      ? "# The gateway key stands in here: keep this file at mode 0600.\n"
                      : "");
    print_listener(plan, out);
    print_clusters(plan, out);
}
