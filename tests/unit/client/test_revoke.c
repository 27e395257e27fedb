/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a broker says to a revocation. */
#include "../../../client/revoke.h"
#include "client_test.h"

static const uint8_t lineage[LINEAGE_ID_SIZE] = {0xab, [15] = 0x01};
#define LINEAGE "ab000000000000000000000000000001"

static enum kh_err
answered(long status, const char *type, const char *body, struct revoke_result *out,
         struct fault *fault)
{
    struct http_answer answer = {.status = status};
    snprintf(answer.content_type, sizeof answer.content_type, "%s", type);
    buffer_init(&answer.body, HTTP_ANSWER_MAX);
    buffer_put_str(&answer.body, body);
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = revoke_read_answer(&answer, lineage, out, fault);
    http_answer_free(&answer);
    return err;
}

static void
test_answers_that_are_no_revocation(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *type, *body;
    } row[] = {
        {200, "application/json", ""},
        {200, "application/json", "[]"},
        {200, "application/json", "{}"},
        {200, "application/json", "{\"revoked\":false,\"lineage\":\"" LINEAGE "\"}"},
        {200, "application/json", "{\"revoked\":1,\"lineage\":\"" LINEAGE "\"}"},
        {200, "application/json", "{\"revoked\":true}"},
        {200, "application/json", "{\"revoked\":true,\"lineage\":7}"},
        {200, "application/json", "{\"revoked\":true,\"lineage\":\"ab\"}"},
        {200, "application/json", "{\"revoked\":true,\"lineage\":\"" LINEAGE "00\"}"},
        {200, "application/json",
         "{\"revoked\":false,\"revoked\":true,\"lineage\":\"" LINEAGE "\"}"},
        {204, "", ""},
        {307, "text/html", "<a>"},
        {401, "text/html", "please log in"},
        {401, "application/problem+json", "not json"},
        {401, "application/problem+json", "{\"title\":\"no code\"}"},
        {401, "application/json", "{\"code\":\"revoked\"}"},
        {503, "application/problem+json", "{\"code\":\"broker-unavailable\",\"title\":\"t\"}"},
        {404, "application/problem+json", "{\"code\":\"not-found\",\"title\":\"t\"}"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct revoke_result result;
        struct fault fault;
        enum kh_err err = answered(row[i].status, row[i].type, row[i].body, &result, &fault);
        if (err != KH_ERR_PROTOCOL || result.revoked || fault.detail[0] == '\0')
            fail_msg("%ld '%s': %s '%s'", row[i].status, row[i].body, kh_err_code(err),
                     fault.detail);
    }
}

static void
test_done(void **state)
{
    (void)state;
    struct revoke_result result;
    struct fault fault;
    assert_ok(answered(200, "application/json",
                       "{\"revoked\":true,\"lineage\":\"" LINEAGE "\",\"new\":1}", &result,
                       &fault));
    assert_true(result.revoked);
    assert_string_equal(result.lineage, LINEAGE);
}

static void
test_denied(void **state)
{
    (void)state;
    struct revoke_result result;
    struct fault fault;
    assert_int_equal(answered(401, "application/problem+json",
                              "{\"type\":\"about:blank\",\"status\":401,\"code\":\"expired\","
                              "\"title\":\"The token has expired.\",\"detail\":\"d\","
                              "\"advice\":\"Ask for a new token.\"}",
                              &result, &fault),
                     KH_ERR_DENIED);
    assert_false(result.revoked);
    assert_int_equal(result.status, 401);
    assert_string_equal(result.code, "expired");
    assert_string_equal(result.detail, "d");
    assert_contains(fault.detail, "The token has expired. (expired, status 401)");
    assert_contains(fault.detail, "Ask for a new token.");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_that_are_no_revocation),
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
