/* SPDX-License-Identifier: Apache-2.0 */
/* What would have to change, in words. */
#include "../../../caveats/explain.h"
#include "policies.h"

static void
sentences(void **state)
{
    (void)state;
    static const struct {
        const char *caveat, *expected;
    } cases[] = {
        {"method = GET", "method is POST, and would have to be GET"},
        {"method in GET, HEAD, PUT", "method is POST, and would have to be GET, HEAD or PUT"},
        {"method != POST", "method is POST, and would have to not be POST"},
        {"method not in POST, PUT", "method is POST, and would have to not be POST or PUT"},
        {"method = GET or path = /x",
         "method is POST, and would have to be GET; or path is /v1/a, and would have to be /x"},
        {"path ~ /v2/**", "path is /v1/a, and would have to match /v2/**"},
        {"path !~ /v1/**", "path is /v1/a, and would have to not match /v1/**"},
        {"host = a.example", "host is api.openai.com, and would have to be a.example"},
        {"scheme = http", "scheme is https, and would have to be http"},
        {"port <= 80", "port is 443, and would have to be at most 80"},
        {"port > 1000", "port is 443, and would have to be more than 1000"},
        {"time < 2026-01-01T00:00:00Z",
         "time is 2026-05-28T20:26:40Z, and would have to be before 2026-01-01T00:00:00Z"},
        {"time >= 2027-01-01T00:00:00Z",
         "time is 2026-05-28T20:26:40Z, and would have to be no earlier than "
         "2027-01-01T00:00:00Z"},
        {"client in 10.0.0.0/8", "client is 192.0.2.7, and would have to be 10.0.0.0/8"},
        {"query[n] <= 5", "query[n] is 9 and 10, and would have to be at most 5"},
        {"query[m] = 1", "there is no query[m], which would have to be 1"},
        {"query[n] absent", "query[n] is 9 and 10, and would have to not be there"},
        {"header[x] present", "there is no header[x], which would have to be there"},
        {"header[y] = z", "header[y] is empty, and would have to be z"},
        {"content-type = text/html", "there is no content-type, which would have to be text/html"},
        {"user = bob", "user is alice, and would have to be bob"},
        {"credential = github", "credential is openai, and would have to be github"},
        {"group = ops", "group is eng and web, and would have to be ops"},
        {"upgrade = websocket", "there is no upgrade, which would have to be websocket"},
        {"label = a", "label would have to be a"},
    };
    const struct fact_pair query[] = {{BYTES("n"), BYTES("9")}, {BYTES("n"), BYTES("10")}};
    const struct fact_pair header[] = {{BYTES("y"), BYTES_EMPTY}};
    const struct bytes group[] = {BYTES("eng"), BYTES("web")};
    struct facts facts = policy_facts("POST", "/v1/a");
    facts.query = query;
    facts.query_count = 2;
    facts.header = header;
    facts.header_count = 1;
    facts.group = group;
    facts.group_count = 2;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct caveat *caveat = NULL;
        struct fault fault = {0};
        BUFFER_AUTO out;
        buffer_init(&out, 4096);
        if (caveat_parse(bytes_str(cases[i].caveat), &caveat, &fault))
            FAIL_WITH("%s: %s", cases[i].caveat, fault.detail);
        explain_caveat(caveat, &facts, &out);
        expect_text(cases[i].caveat, buffer_bytes(&out), cases[i].expected);
        caveat_free(&caveat);
    }
}

static void
long_values_are_cut(void **state)
{
    (void)state;
    char path[1024] = "/";
    struct caveat *caveat = NULL;
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    for (int i = 0; i < 200; i++)
        strcat(path, "\xc3\xa4");
    struct facts facts = policy_facts("GET", path);
    assert_int_equal(caveat_parse(BYTES("path = /"), &caveat, NULL), KH_OK);
    explain_caveat(caveat, &facts, &out);
    assert_true(out.n < 250);
    assert_true(bytes_is_utf8(buffer_bytes(&out)));
    assert_non_null(strstr(buffer_text(&out), "..., and"));
    caveat_free(&caveat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(long_values_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
