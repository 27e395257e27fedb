/* SPDX-License-Identifier: Apache-2.0 */
/* Answering in a browser: the link is shown, and the answer waited for. */
#include "../../../client/discharge.h"
#include "../../../client/monotonic.h"
#include "discharges.h"

static struct test_settings test;
static char poll_url[256];
static struct question question = {.kind = QUESTION_BROWSER,
                                   .url = "http://localhost",
                                   .user_url = "http://localhost/q/1",
                                   .poll_url = poll_url,
                                   .code = "AB12\x1b"};

static int
setup(void **state)
{
    (void)state;
    test_settings_init(&test);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    test_settings_free(&test);
    return 0;
}

#define NOT_YET HTTP_ANSWER("202 Accepted", "application/json", "{}")

static enum kh_err
await(const char *const *answer, struct http_answer *out, struct fault *fault)
{
    struct http_server server = http_server_start_all(false, NULL, answer);
    snprintf(poll_url, sizeof poll_url, "%s/p/1", server.address);
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = discharge_await_browser(&test.settings, &question, out, fault);
    char *got = http_server_stop(&server, false);
    assert_contains(got, "GET /p/1 HTTP/1.1\r\n");
    free(got);
    return err;
}

static void
test_waits_until_there_is_an_answer(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault;
    assert_int_equal(await((const char *const[]){NOT_YET, NOT_YET,
                                                 HTTP_ANSWER("200 OK", "application/json",
                                                             "{\"discharge\":\"x\"}"),
                                                 NULL},
                           &answer, &fault),
                     KH_OK);
    assert_int_equal(answer.status, 200);
    assert_true(bytes_is(buffer_bytes(&answer.body), "{\"discharge\":\"x\"}"));
    http_answer_free(&answer);
    const char *said = test_settings_said(&test);
    assert_contains(said, "\n  http://localhost/q/1\n");
    assert_contains(said, "only if it shows the code AB12\\x1b");
    assert_lacks(said, "left"); // progress is for terminals
}

static void
test_ends_with_what_is_no_waiting(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault;
    assert_int_equal(
        await((const char *const[]){HTTP_ANSWER("404 Not Found", "text/plain", ""), NULL}, &answer,
              &fault),
        KH_OK);
    assert_int_equal(answer.status, 404);
    http_answer_free(&answer);
}

static void
test_server_that_goes_away(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault;
    assert_int_equal(await((const char *const[]){NOT_YET, "", NULL}, &answer, &fault), KH_ERR_IO);
}

static void
test_time_is_over(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    test.settings.fido.deadline_ms = monotonic_ms() - 1;
    snprintf(poll_url, sizeof poll_url, "http://127.0.0.1:1/p");
    enum kh_err err = discharge_await_browser(&test.settings, &question, &answer, &fault);
    assert_true(err == KH_ERR_IO || err == KH_ERR_TIMEOUT); // nobody is there either
    test.settings.fido.deadline_ms = monotonic_ms() + 1;
    struct http_server server = {0};
    int listener = http_server_listen(&server, false); // takes the call, and never answers
    snprintf(poll_url, sizeof poll_url, "%s/p", server.address);
    assert_int_equal(discharge_await_browser(&test.settings, &question, &answer, &fault),
                     KH_ERR_TIMEOUT);
    assert_contains(fault.detail, "nobody answered on the page in time");
    close(listener);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_waits_until_there_is_an_answer),
        CASE(test_ends_with_what_is_no_waiting),
        CASE(test_server_that_goes_away),
        CASE(test_time_is_over),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
