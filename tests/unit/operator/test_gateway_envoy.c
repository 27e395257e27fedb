/* SPDX-License-Identifier: Apache-2.0 */
/* Envoy's configuration: the lines that keep it safe. Its structure is looked at in tests/e2e. */
#include "gateway_plans.h"

static void
test_the_lines_that_matter(void **state)
{
    static const char *const lines[] = {
        "failure_mode_allow: false",
        "status_on_error: {code: ServiceUnavailable}",
        "normalize_path: false",
        "merge_slashes: false",
        "headers_with_underscores_action: REJECT_REQUEST",
        "path_prefix: \"/envoy/one\"",
        "{key: keyhole-check-prefix, value: \"/~two\"}",
        "{key: keyhole-check-destination, value: \"https://two.example:8443\"}",
        "{key: keyhole-check-headers, value: \"x-key\"}",
        "{key: keyhole-check-body, value: \"unseen\"}",
        "{key: keyhole-gateway-key, value: \"-\"}",
        "host_rewrite_literal: \"two.example:8443\"",
        "sni: \"one.example\"",
        "{san_type: DNS, matcher: {exact: \"two.example\"}}",
        "{address: \"::1\", port_value: 9443}",
        "pipe: {path: \"/run/g.sock\"}",
        "direct_response: {status: 421}",
        "match: {prefix: \"/~one/\", headers: [{name: \":path\", "
        "string_match: {safe_regex: {regex: \"[!-~]*\"}}}]}",
        "keyhole-two:\n                    \"@type\": "
        "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute\n"
        "                    disabled: true",
    };
    struct gateway_plan plan;
    BUFFER_AUTO out;
    (void)state;
    plan_of_two(&plan);
    buffer_init(&out, 1 << 20);
    gateway_print_envoy(&plan, &out);
    assert_false(out.failed);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_has(&out, lines[i]);
    assert_has_not(&out, "with_request_body");
    assert_has_not(&out, "allowed_client_headers_on_success");
    assert_has_not(&out, "failure_mode_allow: true");
}

static void
test_bodies_by_host_and_a_key(void **state)
{
    struct gateway_plan plan;
    BUFFER_AUTO out;
    (void)state;
    plan_of_two(&plan);
    plan.by_host = true;
    plan.socket = NULL;
    plan.address = "[::1]:8439";
    plan.gateway_key = "khg_key";
    plan.body_max = 4096;
    buffer_init(&out, 1 << 20);
    gateway_print_envoy(&plan, &out);
    assert_has(&out, "max_request_bytes: 4096, allow_partial_message: false");
    assert_has(&out, "{key: keyhole-check-body, value: \"whole\"}");
    assert_has(&out, "{key: keyhole-check-prefix, value: \"-\"}");
    assert_has(&out, "domains: [\"two.example\", \"two.example:8443\"]");
    assert_has(&out, "{address: \"::1\", port_value: 8439}");
    assert_has(&out, "{key: keyhole-gateway-key, value: \"khg_key\"}");
    assert_has_not(&out, "prefix_rewrite");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_lines_that_matter),
        cmocka_unit_test(test_bodies_by_host_and_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
