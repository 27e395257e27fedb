/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that somebody answered with. */
#include "../../../client/answer.h"
#include "client_test.h"

static struct http_answer
answer_of(long status, const char *body)
{
    struct http_answer answer = {.status = status};
    buffer_init(&answer.body, HTTP_ANSWER_MAX);
    buffer_put_str(&answer.body, body);
    return answer;
}

static void
test_what_is_no_object(void **state)
{
    (void)state;
    static const char *const row[] = {"",
                                      "x",
                                      "[]",
                                      "\"a\"",
                                      "{",
                                      "{}x",
                                      "{\"a\":1,}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct http_answer answer = answer_of(200, row[i]);
        json_t *object = NULL;
        if (answer_object(&answer, &object) != KH_ERR_PROTOCOL || object != NULL)
            fail_msg("taken: %s", row[i]);
        http_answer_free(&answer);
    }
}

static void
test_members(void **state)
{
    (void)state;
    struct http_answer answer =
        answer_of(200, "{\"s\":\"x\",\"n\":1,\"b\":\"AAEC\",\"p\":\"AAE=\",\"e\":\"\"}");
    json_t *object = NULL;
    assert_int_equal(answer_object(&answer, &object), KH_OK);
    assert_string_equal(answer_string(object, "s"), "x");
    assert_null(answer_string(object, "n"));
    assert_null(answer_string(object, "none"));
    assert_null(answer_string(NULL, "s"));
    struct buffer out;
    buffer_init(&out, 4);
    assert_true(answer_base64(object, "b", &out));
    assert_true(bytes_equal(buffer_bytes(&out), BYTES("\0\1\2")));
    assert_false(answer_base64(object, "p", &out));
    assert_false(answer_base64(object, "e", &out));
    assert_false(answer_base64(object, "n", &out));
    assert_false(answer_base64(object, "b", &out)); // no room any more
    buffer_free(&out);
    json_decref(object);
    http_answer_free(&answer);
}

static void
test_codes(void **state)
{
    (void)state;
    static const struct {
        const char *json, *code;
    } row[] = {
        {"{}", ""},
        {"{\"error\":1}", ""},
        {"{\"error\":\"way-unsuitable\"}", "way-unsuitable"},
        {"{\"error\":\"Not a code\"}", ""},
        {"{\"error\":\"\\u001b[2J\"}", ""},
        {"{\"error\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
         ""},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        json_t *object = json_loads(row[i].json, 0, NULL);
        char code[ANSWER_CODE_MAX] = "x";
        answer_code(object, code);
        assert_string_equal(code, row[i].code);
        json_decref(object);
    }
}

static void
test_failures(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *json;
        enum kh_err err;
        const char *words;
    } row[] = {
        {403, "{\"error\":\"user-mismatch\",\"message\":\"Somebody else.\",\"advice\":\"Try.\"}",
         KH_ERR_DENIED, "Somebody else. (user-mismatch)\n  Try."},
        // A poll ends with 200, whatever the answer was.
        {200, "{\"error\":\"declined\",\"message\":\"No.\"}", KH_ERR_DENIED, "No. (declined)"},
        {200, "{\"error\":\"question-expired\"}", KH_ERR_PROTOCOL, "(question-expired)"},
        {409, "{\"error\":\"way-unsuitable\",\"detail\":\"ssh\"}", KH_ERR_DENIED, "\n  ssh"},
        {429, "{\"error\":\"too-many-requests\"}", KH_ERR_PROTOCOL, "(too-many-requests)"},
        {418, "{\"error\":\"newer-than-this\"}", KH_ERR_PROTOCOL, "(newer-than-this)"},
        {403, "{\"error\":\"newer-than-this\"}", KH_ERR_DENIED, "(newer-than-this)"},
        {302, "{}", KH_ERR_PROTOCOL, "no discharger of Keyhole"},
        {403, "null", KH_ERR_PROTOCOL, "status 403"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {.err = KH_OK};
        json_t *object = json_loads(row[i].json, JSON_DECODE_ANY, NULL);
        enum kh_err err = answer_failure("https://d.example", row[i].status, object, &fault);
        if (err != row[i].err || strstr(fault.detail, row[i].words) == NULL)
            fail_msg("%s: %s: %s", row[i].json, kh_err_code(err), fault.detail);
        json_decref(object);
    }
}

static void
test_what_a_broker_accepted(void **state)
{
    (void)state;
    static char body[] = "{\"code\":\"denied\",\"title\":\"It is not allowed.\"}";
    struct http_answer answer = {.status = 200};
    json_t *object = NULL;
    struct fault fault = {.err = KH_OK};
    buffer_init(&answer.body, sizeof body);
    // No JSON; then a refusal; then an object of another status than 200.
    assert_int_equal(answer_accepted(&answer, &object, &fault), KH_ERR_PROTOCOL);
    assert_null(object);
    buffer_put_str(&answer.body, body);
    snprintf(answer.content_type, sizeof answer.content_type, "application/problem+json");
    answer.status = 403;
    assert_int_equal(answer_accepted(&answer, &object, &fault), KH_ERR_DENIED);
    assert_null(object);
    assert_non_null(strstr(fault.detail, "It is not allowed."));
    answer.status = 201;
    assert_int_equal(answer_accepted(&answer, &object, &fault), KH_ERR_PROTOCOL);
    assert_null(object);
    answer.status = 200;
    assert_int_equal(answer_accepted(&answer, &object, &fault), KH_OK);
    assert_string_equal(answer_string(object, "code"), "denied");
    json_decref(object);
    buffer_free(&answer.body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_broker_accepted),
        cmocka_unit_test(test_what_is_no_object),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
