/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records for people, and against what was asked for. */
#include "support.h"

#include "../../../broker/operator/audit_record.h"

static json_t *
record(const char *text)
{
    json_t *r = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(r);
    return r;
}

static const char *
shown(const char *text)
{
    static char out[2048];
    json_t *r = record(text);
    FILE *file = tmpfile();
    audit_record_show(file, r);
    rewind(file);
    out[fread(out, 1, sizeof(out) - 1, file)] = '\0';
    fclose(file);
    json_decref(r);
    return out;
}

static void
strange_records(void **state)
{
    (void)state;
    assert_contains(shown("{}"), "---");
    assert_contains(shown("{\"time\":5,\"kind\":[],\"user\":{}}"), "---");
    assert_contains(shown("{\"time\":\"short\",\"kind\":\"decision\"}"), "deny"); // never an allow
    // What a request put into its path is not run by the terminal.
    assert_contains(shown("{\"kind\":\"decision\",\"path\":\"/\\u001b]0;x\\u0007\"}"),
                    "/\\u001b]0;x\\u0007");
    const char *text = shown("{\"kind\":\"admin\",\"subject\":\"a\\nb\"}");
    assert_int_equal(strchr(text, '\n') - text, (ptrdiff_t)strlen(text) - 1); // one line
}

static void
decisions(void **state)
{
    (void)state;
    assert_string_equal(
        shown("{\"seq\":1,\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"decision\",\"decision\":"
              "\"allow\",\"user\":\"alice\",\"credential\":\"openai\",\"method\":\"GET\","
              "\"scheme\":\"https\",\"host\":\"api.openai.com\",\"port\":443,\"path\":\"/v1/"
              "models\"}"),
        "2026-11-21 18:00:01Z  allow  alice       openai      GET api.openai.com/v1/models\n");
    assert_string_equal(
        shown(
            "{\"seq\":1,\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"decision\",\"decision\":"
            "\"deny\",\"reason\":\"caveat-failed\",\"detail\":\"method = GET\",\"user\":\"alice\","
            "\"credential\":\"openai\",\"labels\":[\"team\",\"bot\"],\"method\":\"POST\","
            "\"scheme\":\"https\",\"host\":\"api.openai.com\",\"port\":8443,\"path\":\"/v1\"}"),
        "2026-11-21 18:00:01Z  deny   alice       openai      POST api.openai.com:8443/v1  "
        "[team > bot]  caveat-failed: method = GET\n");
    assert_contains(
        shown("{\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"outcome\",\"status\":200,"
              "\"bytes_up\":5,\"bytes_down\":70,\"duration_ms\":12}"),
        "-> status 200, 5 bytes up, 70 down, 12 ms");
    assert_contains(
        shown("{\"kind\":\"admin\",\"command\":\"credential.add\",\"subject\":\"openai\"}"),
        "credential.add openai");
}

static bool
fits(const struct audit_filter *filter, const char *text)
{
    json_t *r = record(text);
    bool answer = audit_filter_fits(filter, r);
    json_decref(r);
    return answer;
}

static void
filters(void **state)
{
    (void)state;
    struct audit_filter filter;
    audit_filter_init(&filter);
    assert_true(fits(&filter, "{}"));
    audit_filter_add(&filter, "user", NULL); // was not given
    assert_true(fits(&filter, "{}"));
    audit_filter_add(&filter, "user", "alice");
    audit_filter_add(&filter, "decision", "deny");
    assert_false(fits(&filter, "{}"));
    assert_false(fits(&filter, "{\"user\":\"alice\"}"));
    assert_false(fits(&filter, "{\"user\":\"alice2\",\"decision\":\"deny\"}"));
    assert_false(fits(&filter, "{\"user\":[\"alice\"],\"decision\":\"deny\"}"));
    assert_true(fits(&filter, "{\"user\":\"alice\",\"decision\":\"deny\"}"));
}

static void
times(void **state)
{
    (void)state;
    struct audit_filter filter;
    audit_filter_init(&filter);
    filter.since = 1000000000; // 2001-09-09T01:46:40Z
    filter.until = 1000000010;
    assert_false(fits(&filter, "{}"));
    assert_false(fits(&filter, "{\"time\":\"rubbish that is long enough\"}"));
    assert_false(fits(&filter, "{\"time\":\"2001-09-09T01:46:39.999Z\"}"));
    assert_true(fits(&filter, "{\"time\":\"2001-09-09T01:46:40.000Z\"}"));
    assert_true(fits(&filter, "{\"time\":\"2001-09-09T01:46:49.999Z\"}"));
    assert_false(fits(&filter, "{\"time\":\"2001-09-09T01:46:50.000Z\"}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strange_records),
        cmocka_unit_test(decisions),
        cmocka_unit_test(filters),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
