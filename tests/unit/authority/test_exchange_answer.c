/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/exchange_rules.h"

static void
refused(unsigned status, const char *body, enum kh_err code, const char *said)
{
    struct exchange_answer answer;
    struct fault fault = {0};
    enum kh_err err = exchange_answer_read(status, bytes_str(body), FIXTURE_NOW, &answer, &fault);

    if (err != code || strstr(fault.detail, said) == NULL)
        fail_msg("%u %s: %s: %s", status, body, kh_err_code(err), fault.detail);
    assert_null(strstr(fault.detail, "canary")); // nothing of the answer
    exchange_answer_free(&answer);
}

// threat 12
static void
what_is_refused(void **state)
{
    (void)state;
    refused(200, "", KH_ERR_SYNTAX, "neither");
    refused(200, "canary", KH_ERR_SYNTAX, "neither");
    refused(200, "[]", KH_ERR_SYNTAX, "neither");
    refused(200, "{\"access_token\": \"canary\"", KH_ERR_SYNTAX, "neither");
    refused(200, "{\"access_token\": \"a\", \"access_token\": \"b\"}", KH_ERR_SYNTAX, "neither");
    refused(200, "{}", KH_ERR_SYNTAX, "no access token");
    refused(200, "{\"access_token\": 5.5e400}", KH_ERR_SYNTAX, "");
    refused(200, "{\"access_token\": {\"canary\": 1}}", KH_ERR_SYNTAX, "no access token");
    refused(200, "{\"access_token\": \"a\", \"token_type\": \"mac\"}", KH_ERR_SYNTAX, "bearer");
    refused(200, "{\"access_token\": \"a\", \"expires_in\": 0}", KH_ERR_SYNTAX, "expires at once");
    refused(200, "{\"access_token\": \"a\", \"expires_in\": \"soon\"}", KH_ERR_SYNTAX, "expires");
    refused(200, "{\"access_token\": \"a\", \"expires_in\": 1e11}", KH_ERR_SYNTAX, "expires");
    refused(201, "{\"token\": \"a\", \"expires_at\": \"canary\"}", KH_ERR_SYNTAX, "expires");
    refused(201, "{\"token\": \"a\", \"expires_at\": \"2020-01-01T00:00:00Z\"}", KH_ERR_SYNTAX,
            "expires at once");
    refused(200, "access_token=a&access_token=b", KH_ERR_SYNTAX, "neither");
    refused(200, "access_token=%zz", KH_ERR_SYNTAX, "neither");
    refused(400, "{\"error\": \"invalid_grant\", \"error_description\": \"canary\"}", KH_ERR_DENIED,
            "400 invalid_grant");
    refused(400, "error=invalid_scope", KH_ERR_DENIED, "400 invalid_scope");
    refused(200, "{\"error\": \"invalid_client\"}", KH_ERR_DENIED, "200 invalid_client");
    refused(403, "{\"error\": \"canary\"}", KH_ERR_DENIED, "refused: 403");
    refused(500, "<html>canary", KH_ERR_DENIED, "refused: 500");
    refused(302, "", KH_ERR_DENIED, "redirects are not followed");
    refused(400, "{\"access_token\": \"canary\"}", KH_ERR_DENIED, "refused: 400");
}

static void
given(unsigned status, const char *body, const char *token, int64_t lifetime_s,
      const char *refresh_token)
{
    struct exchange_answer answer;

    assert_ok(exchange_answer_read(status, bytes_str(body), FIXTURE_NOW, &answer, fault));
    if (!bytes_is(answer.token, token) || answer.lifetime_s != lifetime_s ||
        !bytes_is(answer.refresh_token, refresh_token))
        fail_msg("%s: %.*s for %lld, %.*s", body, BYTES_ARG(answer.token),
                 (long long)answer.lifetime_s, BYTES_ARG(answer.refresh_token));
    exchange_answer_free(&answer);
}

static void
the_example_of_the_rfc(void **state)
{
    (void)state;
    // RFC 6749, section 5.1.
    given(200,
          " {\"access_token\":\"2YotnFZFEjr1zCsicMWpAA\", \"token_type\":\"bearer\","
          " \"expires_in\":3600, \"refresh_token\":\"tGzv3JOkF0XG5Qx2TlKWIA\","
          " \"example_parameter\":\"example_value\"}",
          "2YotnFZFEjr1zCsicMWpAA", 3600, "tGzv3JOkF0XG5Qx2TlKWIA");
    given(200, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}", "a", 300, "");
    given(200, "{\"access_token\":\"a\",\"expires_in\":\"60\"}", "a", 60, "");
    given(200, "{\"access_token\":\"a\",\"expires_in\":60.0}", "a", 60, "");
    given(200, "access_token=a%2Bb&token_type=bearer&expires_in=60&scope=x", "a+b", 60, "");
    // GitHub's: 60 s after the fixture's moment.
    given(201, "{\"token\":\"ghs_x\",\"expires_at\":\"2026-10-26T07:34:20Z\"}", "ghs_x", 60, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(the_example_of_the_rfc),
    };
    return cmocka_run_group_tests_name("exchange_answer", tests, NULL, NULL);
}
