/* SPDX-License-Identifier: Apache-2.0 */
/* nginx's configuration: the lines that keep it safe. That nginx takes it, tests/e2e shows. */
#include "gateway_plans.h"

static void
test_the_lines_that_matter(void **state)
{
    static const char *const lines[] = {
        "server unix:/run/g.sock;",
        "server [::1]:9443;",
        "map $keyhole_target $keyhole_to_2 {\n    default \"\";\n",
        "location ^~ /~one/ {\n        auth_request /.keyhole/one;",
        "proxy_set_header Host one.example;",
        "proxy_set_header Host two.example:8443;",
        "proxy_set_header x-key $keyhole_set_x_key;",
        "proxy_set_header authorization $keyhole_set_authorization;",
        "proxy_set_header x-forwarded-for \"\";",
        "proxy_set_header traceparent $keyhole_set_traceparent;",
        "proxy_set_header tracestate $keyhole_set_tracestate;",
        "proxy_ssl_name two.example;",
        "proxy_ssl_verify on;",
        "keyhole-check-target $request_uri;",
        "keyhole-check-destination https://two.example:8443;",
        "keyhole-check-headers \"x-key,authorization,traceparent,tracestate,proxy-authorization,",
        "location = /.keyhole/two {\n        internal;",
        "underscores_in_headers off;",
        "merge_slashes off;",
        "proxy_next_upstream off;",
        "error_page 500 = @keyhole_unavailable;",
        "proxy_ignore_headers X-Accel-Redirect ",
        "proxy_hide_header keyhole-set-authorization;",
        "proxy_hide_header keyhole-set-x-key;",
        "ssi off;",
        "proxy_cache off;",
        "satisfy all;",
        "keyhole-check-coding $keyhole_coding;",
        "map \"$server_protocol $content_length $http_transfer_encoding\" $keyhole_coding {\n"
        "    default unknown;",
        "error_log /var/log/nginx/keyhole-error.log error;",
        "location / {\n        default_type application/problem+json;\n        return 421",
    };
    struct gateway_plan plan;
    BUFFER_AUTO out;
    (void)state;
    plan_of_two(&plan);
    buffer_init(&out, 1 << 20);
    gateway_print_nginx(&plan, &out);
    assert_false(out.failed);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_has(&out, lines[i]);
    assert_has_not(&out, "$uri;");
    assert_has_not(&out, "0600");
    assert_has(&out, "keyhole-gateway-key \"\";"); // a client's own does not pass
}

static void
test_tokens_in_queries_are_in_no_log(void **state)
{
    struct gateway_plan plan;
    BUFFER_AUTO out;
    (void)state;
    plan_of_two(&plan);
    plan.upstream[1].token_in_query = true;
    buffer_init(&out, 1 << 20);
    gateway_print_nginx(&plan, &out);
    assert_has(&out, "error_log /dev/null emerg;");
    assert_has_not(&out, "keyhole-error.log");
}

static void
test_by_host_with_a_key_and_tls(void **state)
{
    struct gateway_plan plan;
    BUFFER_AUTO out;
    (void)state;
    plan_of_two(&plan);
    plan.by_host = plan.tls = true;
    plan.socket = NULL;
    plan.address = "192.0.2.1:8439";
    plan.check_name = "broker.example";
    plan.check_trusted = "/ca.pem";
    plan.gateway_key = "khg_key";
    plan.certificate = "/c.pem";
    plan.key = "/c.key";
    plan.resolver = "192.0.2.53";
    buffer_init(&out, 1 << 20);
    gateway_print_nginx(&plan, &out);
    assert_has(&out, "keep this file at mode 0600");
    assert_has(&out, "keyhole-gateway-key \"khg_key\";");
    assert_has(&out, "listen 127.0.0.1:8480 default_server ssl;");
    assert_has(&out, "server_name two.example;");
    assert_has(&out, "proxy_pass https://keyhole_check/nginx/one;");
    assert_has(&out, "proxy_ssl_name broker.example;");
    assert_has(&out, "keyhole-check-prefix -;");
    assert_has(&out, "\"https://one.example:443$keyhole_target\"");
    assert_has(&out, "resolver 192.0.2.53 valid=30s;");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_lines_that_matter),
        cmocka_unit_test(test_tokens_in_queries_are_in_no_log),
        cmocka_unit_test(test_by_host_with_a_key_and_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
