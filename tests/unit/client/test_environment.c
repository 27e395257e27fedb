/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker wants in the environment: a way into programs, so it is looked at. */
#include "../../../client/environment.h"
#include "http_server.h"

#define CA           "\"ca\":\"-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----\\n\""
#define ONE(members) "{\"credentials\":[{\"name\":\"a\"," members "}]," CA "}"
#define HOSTS        "\"hosts\":[\"api.example\",\"*.wild.example\"],"

static enum kh_err
answered(long status, const char *body, struct environment *out, struct fault *fault)
{
    struct http_answer answer = {.status = status};
    strcpy(answer.content_type, status == 200 ? "application/json" : "application/problem+json");
    buffer_init(&answer.body, HTTP_ANSWER_MAX);
    buffer_put_str(&answer.body, body);
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = environment_read_answer(&answer, out, fault);
    http_answer_free(&answer);
    return err;
}

static void
test_answers_that_are_none(void **state)
{
    (void)state;
    static const char *const body[] = {
        "",
        "[]",
        "{}",
        "{\"credentials\":[]}",
        "{\"credentials\":[],\"ca\":\"no certificate\"}",
        "{\"credentials\":{}," CA "}",
        "{\"credentials\":[7]," CA "}",
        ONE("\"hosts\":[]"),
        ONE("\"environment\":[]"),
        ONE("\"hosts\":\"x\",\"environment\":[]"),
        ONE("\"hosts\":[\"not a host\"],\"environment\":[]"),
        ONE(HOSTS "\"environment\":[7]"),
        ONE(HOSTS "\"environment\":[\"NAME\"]"),
        ONE(HOSTS "\"environment\":[\"=x\"]"),
        ONE(HOSTS "\"environment\":[\"A B=x\"]"),
        ONE(HOSTS "\"environment\":[\"A=x\\ny\"]"),
        ONE(HOSTS "\"environment\":[\"A=x\\u0000y\"]"),
        ONE(HOSTS "\"base_path\":\"/../x\",\"environment\":[]"),
        ONE(HOSTS "\"base_path\":\"/~a?x\",\"environment\":[]"),
        ONE(HOSTS "\"base_path\":\"//evil.example/~a\",\"environment\":[]"),
        ONE(HOSTS "\"prefix\":\"a b\",\"environment\":[]"),
        ONE(HOSTS "\"environment\":[],\"environment\":[]"),
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        struct environment environment = {.count = 77};
        struct fault fault;
        if (answered(200, body[i], &environment, &fault) != KH_ERR_PROTOCOL ||
            environment.count != 77 || fault.detail[0] == '\0')
            fail_msg("%s: %s", body[i], fault.detail);
    }
}

static void
test_variables_that_run_something(void **state)
{
    (void)state;
    static const char *const name[] = {
        "LD_PRELOAD",     "LD_LIBRARY_PATH", "PATH",
        "HOME",           "BASH_ENV",        "ENV",
        "NODE_OPTIONS",   "PYTHONPATH",      "PERL5OPT",
        "RUBYOPT",        "GIT_SSH",         "HTTPS_PROXY",
        "https_proxy",    "SSL_CERT_FILE",   "KEYHOLE_TOKEN",
        "GLIBC_TUNABLES", "PAGER",           "JAVA_TOOL_OPTIONS",
    };
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        char body[512];
        struct environment environment;
        struct fault fault;
        snprintf(body, sizeof body, ONE(HOSTS "\"environment\":[\"%s={token}\"]"), name[i]);
        if (answered(200, body, &environment, &fault) != KH_ERR_PROTOCOL)
            fail_msg("%s is taken", name[i]);
    }
}

static void
test_refusals(void **state)
{
    (void)state;
    struct environment environment;
    struct fault fault;
    assert_int_equal(
        answered(401, "{\"code\":\"revoked\",\"title\":\"It is revoked.\"}", &environment, &fault),
        KH_ERR_DENIED);
    assert_contains(fault.detail, "It is revoked.");
    assert_int_equal(answered(404, "{\"code\":\"not-found\"}", &environment, &fault),
                     KH_ERR_PROTOCOL);
    assert_int_equal(answered(502, "gateway", &environment, &fault), KH_ERR_PROTOCOL);
}

static void
test_from_a_broker(void **state)
{
    (void)state;
    static const char body[] =
        ONE(HOSTS "\"base_path\":\"/~a\",\"prefix\":\"sk-\",\"environment\":[\"A_KEY={token}\","
                  "\"A_URL={base}/v1\"],\"later\":1");
    char answer[1024];
    snprintf(answer, sizeof answer, HTTP_ANSWER("200 OK", "application/json", "%s"), body);
    struct http_server server = http_server_start(true, answer);
    struct broker_address broker = {0};
    struct environment environment = {.count = 0};
    struct fault fault = {.err = KH_OK};
    assert_ok(broker_address_read(server.address, &broker, &fault));
    assert_ok(environment_fetch(&broker, NULL, BYTES("kh1_token"), &environment, &fault));
    char *request = http_server_stop(&server, true);
    assert_contains(request, "GET /.well-known/keyhole/environment HTTP/1.1\r\n");
    assert_contains(request, "Authorization: Bearer kh1_token\r\n");
    assert_int_equal(environment.count, 1);
    const struct environment_credential *a = &environment.credential[0];
    assert_string_equal(a->name, "a");
    assert_string_equal(a->base_path, "/~a");
    assert_string_equal(a->prefix, "sk-");
    assert_int_equal(a->host_count, 2);
    assert_string_equal(a->host[1], "*.wild.example");
    assert_int_equal(a->variable_count, 2);
    assert_string_equal(a->variable[1], "A_URL={base}/v1");
    assert_contains(environment.ca, "BEGIN CERTIFICATE");
    environment_free(&environment);
    broker_address_free(&broker);
    free(request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_variables_that_run_something),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_from_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
