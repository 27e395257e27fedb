/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, and how a token's caveats judge them. */
#include "library_test.h"

static void
test_bad_arguments(void **state)
{
    (void)state;
    struct keyhole_request *request = NULL;
    struct keyhole_judgement *judgement = NULL;
    struct keyhole_token *token = library_token("method = GET");
    char *text = NULL;
    ASSERT_USAGE(keyhole_request_new(NULL, "https://a.example/", &request, NULL));
    ASSERT_USAGE(keyhole_request_new("GET", NULL, &request, NULL));
    ASSERT_USAGE(keyhole_request_new("GET", "https://a.example/", NULL, NULL));
    static const char *const bad[] = {"",
                                      "a.example",
                                      "https://",
                                      "https://a.example/\n",
                                      "https://a.example/a b",
                                      "ftp://a.example/",
                                      "https://a.example/../b",
                                      "https://a.example:99999/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (keyhole_request_new("GET", bad[i], &request, NULL) != KEYHOLE_ERROR_SYNTAX)
            fail_msg("taken: %s", bad[i]);
    ASSERT_STATUS(
        keyhole_request_new("GET https://b.example/", "https://a.example/", &request, NULL),
        KEYHOLE_ERROR_SYNTAX);
    assert_null(request);

    ASSERT_GOOD(keyhole_request_new("GET", "https://a.example/", &request, NULL));
    ASSERT_USAGE(keyhole_request_add_header(request, NULL, "x", NULL));
    ASSERT_USAGE(keyhole_request_add_header(NULL, "a", "x", NULL));
    ASSERT_STATUS(keyhole_request_add_header(request, "a: b", "x", NULL), KEYHOLE_ERROR_SYNTAX);
    ASSERT_STATUS(keyhole_request_add_header(request, "", "x", NULL), KEYHOLE_ERROR_SYNTAX);
    ASSERT_STATUS(keyhole_request_add_header(request, "a", "x\r\nb: y", NULL),
                  KEYHOLE_ERROR_SYNTAX);
    ASSERT_USAGE(keyhole_request_set_body(request, NULL, 1, NULL));
    ASSERT_STATUS(keyhole_request_set_body(request, "", KEYHOLE_BODY_MAX + 1, NULL),
                  KEYHOLE_ERROR_TOO_LONG);
    ASSERT_STATUS(keyhole_request_set_client(request, "localhost", NULL), KEYHOLE_ERROR_SYNTAX);
    ASSERT_USAGE(keyhole_request_set_credential(request, "", NULL));
    ASSERT_USAGE(keyhole_request_set_time(NULL, 0, NULL));
    ASSERT_USAGE(keyhole_judge(NULL, request, &judgement, NULL));
    ASSERT_USAGE(keyhole_judge(token, NULL, &judgement, NULL));
    ASSERT_USAGE(keyhole_judge(token, request, NULL, NULL));
    ASSERT_USAGE(keyhole_judgement_json(NULL, &text, NULL));
    assert_int_equal(keyhole_judgement_verdict(NULL), KEYHOLE_VERDICT_FAILS);
    assert_null(keyhole_judgement_finding(NULL, 0));
    keyhole_judgement_free(NULL);
    keyhole_request_free(NULL);
    keyhole_request_free(request);
    keyhole_token_free(token);
}

struct given {
    const char *header[2], *body, *client, *credential;
    int64_t time;
};

static struct keyhole_judgement *
judge(const char *caveat, const char *method, const char *url, const struct given *given)
{
    struct keyhole_judgement *judgement = NULL;
    struct keyhole_request *request = NULL;
    struct keyhole_token *token = library_token("time > 2000-01-01T00:00:00Z");
    struct keyhole_token *narrow = library_narrow(token, caveat);
    ASSERT_GOOD(keyhole_request_new(method, url, &request, NULL));
    if (given->header[0] != NULL)
        ASSERT_GOOD(keyhole_request_add_header(request, given->header[0], given->header[1], NULL));
    if (given->body != NULL)
        ASSERT_GOOD(keyhole_request_set_body(request, given->body, strlen(given->body), NULL));
    if (given->client != NULL)
        ASSERT_GOOD(keyhole_request_set_client(request, given->client, NULL));
    if (given->credential != NULL)
        ASSERT_GOOD(keyhole_request_set_credential(request, given->credential, NULL));
    if (given->time != 0)
        ASSERT_GOOD(keyhole_request_set_time(request, given->time, NULL));
    ASSERT_GOOD(keyhole_judge(narrow, request, &judgement, NULL));
    // It stands by itself.
    keyhole_request_free(request);
    keyhole_token_free(narrow);
    keyhole_token_free(token);
    return judgement;
}

static void
test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *caveat, *method, *url;
        struct given given;
        enum keyhole_verdict verdict;
    } row[] = {
        {"method = GET", "GET", "https://a.example/v1", {.body = NULL}, KEYHOLE_VERDICT_HOLDS},
        {"method = GET", "POST", "https://a.example/v1", {.body = NULL}, KEYHOLE_VERDICT_FAILS},
        {"host = a.example", "GET", "https://A.example/v1", {.body = NULL}, KEYHOLE_VERDICT_HOLDS},
        {"query[n] <= 5", "GET", "https://a.example/?n=5", {.body = NULL}, KEYHOLE_VERDICT_HOLDS},
        {"query[n] <= 5", "GET", "https://a.example/?n=6", {.body = NULL}, KEYHOLE_VERDICT_FAILS},
        {"query[n] <= 5", "GET", "https://a.example/", {.body = NULL}, KEYHOLE_VERDICT_FAILS},
        // What was not said is not known; once it is, it counts.
        {"header[x] = 1", "GET", "https://a.example/", {.body = NULL}, KEYHOLE_VERDICT_UNKNOWN},
        {"header[x] = 1",
         "GET",
         "https://a.example/",
         {.header = {"X", "1"}},
         KEYHOLE_VERDICT_HOLDS},
        {"header[x] = 1",
         "GET",
         "https://a.example/",
         {.header = {"Y", "1"}},
         KEYHOLE_VERDICT_FAILS},
        // What the broker keeps from caveats is not there for them, whoever sent it.
        {"header[host] present",
         "GET",
         "https://a.example/",
         {.header = {"Host", "a.example"}},
         KEYHOLE_VERDICT_FAILS},
        {"header[x_forwarded_for] present",
         "GET",
         "https://a.example/",
         {.header = {"X_Forwarded_For", "192.0.2.1"}},
         KEYHOLE_VERDICT_FAILS},
        {"header[te] absent",
         "GET",
         "https://a.example/",
         {.header = {"TE", "trailers"}},
         KEYHOLE_VERDICT_HOLDS},
        {"header[x-token] present",
         "GET",
         "https://a.example/",
         {.header = {"X-Token", "kh1_AgEA"}},
         KEYHOLE_VERDICT_FAILS},
        // The credential says whether the token stands in it.
        {"header[authorization] present",
         "GET",
         "https://a.example/",
         {.header = {"Authorization", "Basic eDp5"}},
         KEYHOLE_VERDICT_UNKNOWN},
        {"header[authorization] absent",
         "GET",
         "https://a.example/",
         {.header = {"X", "1"}},
         KEYHOLE_VERDICT_HOLDS},
        {"upgrade absent", "GET", "https://a.example/", {.body = NULL}, KEYHOLE_VERDICT_UNKNOWN},
        {"upgrade absent",
         "GET",
         "https://a.example/",
         {.header = {"X", "1"}},
         KEYHOLE_VERDICT_HOLDS},
        {"body[/n] = 1", "POST", "https://a.example/", {.body = NULL}, KEYHOLE_VERDICT_UNKNOWN},
        {"body[/n] = 1",
         "POST",
         "https://a.example/",
         {.body = "{\"n\":1}"},
         KEYHOLE_VERDICT_HOLDS},
        {"body[/n] = 1",
         "POST",
         "https://a.example/",
         {.body = "{\"n\":2}"},
         KEYHOLE_VERDICT_FAILS},
        {"body[/n] = 1", "POST", "https://a.example/", {.body = "no JSON"}, KEYHOLE_VERDICT_FAILS},
        {"body[/n] = 1", "POST", "https://a.example/", {.body = ""}, KEYHOLE_VERDICT_FAILS},
        {"client in 10.0.0.0/8",
         "GET",
         "https://a.example/",
         {.body = NULL},
         KEYHOLE_VERDICT_UNKNOWN},
        {"client in 10.0.0.0/8",
         "GET",
         "https://a.example/",
         {.client = "10.1.2.3"},
         KEYHOLE_VERDICT_HOLDS},
        {"client in 10.0.0.0/8",
         "GET",
         "https://a.example/",
         {.client = "unix"},
         KEYHOLE_VERDICT_FAILS},
        {"credential = openai",
         "GET",
         "https://a.example/",
         {.body = NULL},
         KEYHOLE_VERDICT_UNKNOWN},
        {"credential = openai",
         "GET",
         "https://a.example/",
         {.credential = "openai"},
         KEYHOLE_VERDICT_HOLDS},
        {"credential = openai",
         "GET",
         "https://a.example/",
         {.credential = "x"},
         KEYHOLE_VERDICT_FAILS},
        {"uses <= 1", "GET", "https://a.example/", {.body = NULL}, KEYHOLE_VERDICT_UNKNOWN},
        {"group = staff", "GET", "https://a.example/", {.body = NULL}, KEYHOLE_VERDICT_UNKNOWN},
        // After the token's own end.
        {"method = GET", "GET", "https://a.example/", {.time = 4102444800}, KEYHOLE_VERDICT_FAILS},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct keyhole_judgement *judgement =
            judge(row[i].caveat, row[i].method, row[i].url, &row[i].given);
        if (keyhole_judgement_verdict(judgement) != row[i].verdict)
            fail_msg("row %zu, %s: %d and not %d", i, row[i].caveat,
                     (int)keyhole_judgement_verdict(judgement), (int)row[i].verdict);
        keyhole_judgement_free(judgement);
    }
}

static void
test_findings(void **state)
{
    (void)state;
    const struct given nothing = {.body = NULL};
    struct keyhole_judgement *judgement =
        judge("method in GET, HEAD", "POST", "https://a.example/", &nothing);
    const struct keyhole_finding *minted = keyhole_judgement_finding(judgement, 0);
    const struct keyhole_finding *added = keyhole_judgement_finding(judgement, 1);
    const struct keyhole_finding *life = keyhole_judgement_finding(judgement, 2);
    assert_int_equal(minted->verdict, KEYHOLE_VERDICT_HOLDS);
    assert_string_equal(minted->by, "mint");
    assert_string_equal(minted->change, "");
    assert_int_equal(added->verdict, KEYHOLE_VERDICT_FAILS);
    assert_string_equal(added->text, "method in GET, HEAD");
    assert_string_equal(added->by, "holder 1");
    assert_string_equal(added->change, "method is POST, and would have to be GET or HEAD");
    assert_string_equal(life->text, "lifetime");
    assert_int_equal(life->verdict, KEYHOLE_VERDICT_HOLDS);
    assert_null(keyhole_judgement_finding(judgement, 3));
    keyhole_judgement_free(judgement);
}

static void
test_json(void **state)
{
    (void)state;
    static const struct {
        const char *caveat, *verdict;
        enum keyhole_verdict judged;
    } row[] = {
        {"method = GET", "holds", KEYHOLE_VERDICT_HOLDS},
        {"method = POST", "deny", KEYHOLE_VERDICT_FAILS},
        {"group = staff", "unknown", KEYHOLE_VERDICT_UNKNOWN},
        {"header[x] = 1", "unknown", KEYHOLE_VERDICT_UNKNOWN},
        {"method = GET or group = staff", "holds", KEYHOLE_VERDICT_HOLDS},
    };
    const struct given nothing = {.body = NULL};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct keyhole_judgement *judgement =
            judge(row[i].caveat, "GET", "https://a.example/", &nothing);
        char *text = NULL;
        assert_int_equal(keyhole_judgement_verdict(judgement), row[i].judged);
        ASSERT_GOOD(keyhole_judgement_json(judgement, &text, NULL));
        json_t *object = json_loads(text, 0, NULL);
        const char *verdict = json_string_value(json_object_get(object, "verdict"));
        if (verdict == NULL || strcmp(verdict, row[i].verdict) != 0)
            fail_msg("%s: the JSON says %s and not %s", row[i].caveat, text, row[i].verdict);
        assert_int_equal(json_array_size(json_object_get(object, "caveats")), 2);
        json_decref(object);
        keyhole_free(text);
        keyhole_judgement_free(judgement);
    }
}

static void
test_open_hole(void **state)
{
    (void)state;
    struct keyhole_judgement *judgement = NULL;
    struct keyhole_request *request = NULL;
    struct test_hole hole = test_hole_make(TEST_CONDITION, "https://discharge.example");
    struct keyhole_token *token = library_parse(hole.token);
    ASSERT_GOOD(keyhole_request_new("GET", "https://a.example/", &request, NULL));
    ASSERT_GOOD(keyhole_judge(token, request, &judgement, NULL));
    assert_int_equal(keyhole_judgement_verdict(judgement), KEYHOLE_VERDICT_FAILS);
    keyhole_judgement_free(judgement);
    keyhole_request_free(request);
    keyhole_token_free(token);
    test_hole_free(&hole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_findings),      cmocka_unit_test(test_json),
        cmocka_unit_test(test_open_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
