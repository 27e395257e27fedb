/* SPDX-License-Identifier: Apache-2.0 */
/* Registering an authenticator: the code, the question, the answer. */
#include "../../../client/enroll.h"
#include "discharges.h"
#include "keys.h"

static struct test_settings test;
static struct test_keys keys;
static struct http_server server;
static struct enrolment enrolment;

static int
setup(void **state)
{
    (void)state;
    test_settings_init(&test);
    test_keys_init(&keys);
    test.settings.fido.backend = &keys.backend;
    server = http_server_open(false);
    enrolment = (struct enrolment){
        .kind = ENROLL_FIDO2, .code = "AAAA-BBBB-CCCC", .name = "blue", .url = server.address};
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    test_keys_free(&keys);
    test_settings_free(&test);
    return 0;
}

#define QUESTION(name)                                                                             \
    HTTP_ANSWER("201 Created", "application/json",                                                 \
                "{\"fido2\":{\"text\":\"discharger={self}\\nuser=alice\\nasked-by=127.0.0.1\\n"    \
                "authenticator=" name "\\nexpires=2099-01-01T00:00:00Z\\n\",\"nonce\":"            \
                "\"" TEST_NONCE "\",\"rp_id\":\"127.0.0.1\",\"rp_name\":\"Keyhole\",\"origin\":"   \
                "\"{self}\",\"user_id\":\"AAEC\",\"user_name\":\"alice\",\"algorithms\":[-7],"     \
                "\"exclude\":[],\"attestation\":true,\"verification\":false,\"answer_url\":"       \
                "\"{self}/.well-known/keyhole/enroll/1\"}}")
#define RESULT                                                                                     \
    HTTP_ANSWER("201 Created", "application/json",                                                 \
                "{\"user\":\"alice\",\"name\":\"blue\",\"kind\":\"fido2\",\"attested\":true,"      \
                "\"yubikey\":true,\"firmware\":\"5.7.4\"}")

static enum kh_err
enroll(const char *const *answer, struct enroll_result *out, char **got, struct fault *fault)
{
    *fault = (struct fault){.err = KH_OK};
    http_server_begin(&server, NULL, answer);
    enum kh_err err = enroll_run(&test.settings, &enrolment, out, fault);
    *got = http_server_stop(&server, false);
    return err;
}

static void
test_wrong_code(void **state)
{
    (void)state;
    struct enroll_result result;
    struct fault fault;
    char *got;
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_int_equal(enroll((const char *const[]){HTTP_ANSWER("403 Forbidden", "application/json",
                                                              "{\"error\":\"code-invalid\"}"),
                                                  NULL},
                            &result, &got, &fault),
                     KH_ERR_DENIED);
    assert_contains(fault.detail, "(code-invalid)");
    assert_int_equal(keys.key[0].touches, 0);
    free(got);
}

static void
test_security_key(void **state)
{
    (void)state;
    struct enroll_result result;
    struct fault fault;
    char *got;
    test_keys_plug(&keys, (struct softauthn_options){0});
    if (enroll((const char *const[]){QUESTION("blue"), RESULT, NULL}, &result, &got, &fault) !=
        KH_OK)
        fail_msg("%s", fault.detail);
    assert_contains(got, "POST /.well-known/keyhole/enroll HTTP/1.1\r\n");
    assert_contains(got, "{\"code\":\"AAAA-BBBB-CCCC\",\"name\":\"blue\",\"kind\":\"fido2\"}");
    assert_contains(got, "POST /.well-known/keyhole/enroll/1 HTTP/1.1\r\n");
    assert_contains(got, "\"attestationObject\":\"");
    free(got);
    assert_string_equal(result.user, "alice");
    assert_string_equal(result.firmware, "5.7.4");
    assert_string_equal(result.model, "");
    assert_true(result.attested && result.yubikey);
    assert_contains(test_settings_said(&test), "this is what will be enrolled:");
    assert_contains(test_settings_said(&test), "blue");
    assert_lacks(test_settings_said(&test), "AAAA-BBBB-CCCC");
}

static void
test_question_about_another_name(void **state)
{
    (void)state;
    struct enroll_result result;
    struct fault fault;
    char *got;
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_int_equal(enroll((const char *const[]){QUESTION("red"), NULL}, &result, &got, &fault),
                     KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "another authenticator");
    assert_int_equal(keys.key[0].touches, 0);
    free(got);
}

// Without a name of one's own the discharger finds one.
static void
test_without_a_name(void **state)
{
    (void)state;
    struct enroll_result result;
    struct fault fault;
    char *got;
    test_keys_plug(&keys, (struct softauthn_options){0});
    enrolment.name = NULL;
    if (enroll((const char *const[]){QUESTION("key 1"), RESULT, NULL}, &result, &got, &fault) !=
        KH_OK)
        fail_msg("%s", fault.detail);
    assert_contains(got, "\"name\":\"\"");
    free(got);
}

static void
test_answers_that_are_none(void **state)
{
    (void)state;
    static const char *const answer[] = {
        HTTP_ANSWER("201 Created", "application/json", "{}"),
        HTTP_ANSWER("201 Created", "application/json", "{\"ssh\":{}}"),
        HTTP_ANSWER("201 Created", "application/json", "{\"fido2\":[]}"),
        HTTP_ANSWER("200 OK", "text/html", "<h1>"),
    };
    for (size_t i = 0; i < sizeof answer / sizeof answer[0]; i++) {
        struct enroll_result result;
        struct fault fault;
        char *got;
        if (i > 0)
            server = http_server_open(false);
        enrolment.url = server.address;
        assert_int_equal(enroll((const char *const[]){answer[i], NULL}, &result, &got, &fault),
                         KH_ERR_PROTOCOL);
        free(got);
    }
}

static void
test_result_is_refused(void **state)
{
    (void)state;
    struct enroll_result result;
    struct fault fault;
    char *got;
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_int_equal(enroll((const char *const[]){QUESTION("blue"),
                                                  HTTP_ANSWER("403 Forbidden", "application/json",
                                                              "{\"error\":"
                                                              "\"attestation-untrusted\"}"),
                                                  NULL},
                            &result, &got, &fault),
                     KH_ERR_DENIED);
    assert_contains(fault.detail, "(attestation-untrusted)");
    free(got);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_wrong_code),
        CASE(test_answers_that_are_none),
        CASE(test_question_about_another_name),
        CASE(test_security_key),
        CASE(test_without_a_name),
        CASE(test_result_is_refused),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
