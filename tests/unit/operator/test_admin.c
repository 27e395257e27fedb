/* SPDX-License-Identifier: Apache-2.0 */
/* The admin protocol's client: nothing is lost on the way there, and no answer is taken for
 * another. */
#include "support.h"

#include "../../../broker/operator/admin.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct captured captured;

static void
answers_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        "{}",
        "[]",
        "{\"ok\":1,\"result\":{}}",
        "{\"ok\":\"true\",\"result\":{}}",
        "{\"ok\":true}",
        "{\"ok\":true,\"result\":[]}",
        "{\"ok\":true,\"ok\":true,\"result\":{}}",
        "{\"ok\":true,\"result\":{}} x",
        "{\"ok\":false}",
        "{\"ok\":false,\"code\":\"denied\"}",
        "{\"ok\":false,\"code\":1,\"message\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *result = NULL;
        enum operator_exit status = EXIT_DONE;
        struct fault fault = {0};
        if (admin_parse(bytes_str(bad[i]), &result, &status, &fault) != KH_ERR_PROTOCOL)
            fail_msg("accepted: %s", bad[i]);
        assert_null(result);
        assert_int_equal(status, EXIT_FAILED);
    }
}

static void
refusals(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum operator_exit status;
    } rows[] = {{"not-found", EXIT_FAILED},
                {"denied", EXIT_DENIED},
                {"permission", EXIT_DENIED},
                {"no-such-code", EXIT_FAILED}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        json_t *result = NULL;
        enum operator_exit status = EXIT_DONE;
        struct fault fault = {0};
        snprintf(text, sizeof(text), "{\"ok\":false,\"code\":\"%s\",\"message\":\"because %%s\"}",
                 rows[i].code);
        assert_int_equal(admin_parse(bytes_str(text), &result, &status, &fault), KH_ERR_DENIED);
        assert_int_equal(status, rows[i].status);
        assert_string_equal(fault.detail, "because %s");
    }
}

static void
results(void **state)
{
    (void)state;
    json_t *result = NULL;
    enum operator_exit status = EXIT_FAILED;
    assert_int_equal(admin_parse(BYTES("{\"ok\":true,\"result\":{\"token\":\"t\",\"n\":5}}"),
                                 &result, &status, NULL),
                     KH_OK);
    assert_int_equal(status, EXIT_DONE);
    assert_string_equal(admin_text(result, "token"), "t");
    assert_string_equal(admin_text(result, "n"), "");
    assert_int_equal(admin_number(result, "n"), 5);
    assert_int_equal(admin_number(result, "token"), 0);
    json_decref(result);
}

static enum operator_exit
ask(const char *directory, struct admin_request *request, json_t **result)
{
    capture_begin();
    enum operator_exit status = admin_ask(directory, "mint", request, result);
    capture_end(&captured);
    return status;
}

/* A caveat that got lost would be a wider token. */
static void
what_cannot_be_said_fails(void **state)
{
    (void)state;
    struct admin_request request;
    json_t *result = NULL;
    struct invocation_values values = {.value = {"method = GET", "path = /caf\xe9"}, .count = 2};
    admin_request_init(&request);
    admin_put_list(&request, "caveats", &values);
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    assert_contains(captured.err, "caveats: it is not UTF-8 text");
    admin_request_init(&request);
    admin_put_bytes(&request, "secret", BYTES("\xff\xfe"));
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    assert_contains(captured.err, "secret: it is not UTF-8 text");
    admin_request_init(&request);
    admin_put_text(&request, "user", "\xc3");
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    assert_null(result);
}

static void
no_broker(void **state)
{
    (void)state;
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    assert_contains(captured.err, "no broker is running in");
    assert_contains(captured.err, "keyholed run --dir");
    assert_int_not_equal(admin_ask_quietly(test_directory, "status", &result), KH_OK);
    char deep[160];
    snprintf(deep, sizeof(deep), "/tmp/%0120d", 1);
    admin_request_init(&request);
    assert_int_equal(ask(deep, &request, &result), EXIT_FAILED);
    assert_contains(captured.err, "too long");
}

/* A broker that answers one request with `answer`, and exits with 0 when it was asked `expected`.
 */
static pid_t
fake_server(const char *name, const char *expected, const char *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, test_path(name));
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char text[1024];
        size_t n = 0;
        int peer = accept(fd, NULL, NULL);
        while (n < sizeof(text) - 1 && (n == 0 || text[n - 1] != '\n')) {
            ssize_t got = read(peer, text + n, sizeof(text) - 1 - n);
            if (got <= 0)
                _exit(2);
            n += (size_t)got;
        }
        text[n] = '\0';
        for (const char *p = answer; *p != '\0'; p++) // in pieces
            if (write(peer, p, 1) != 1)
                _exit(3);
        _exit(strcmp(text, expected) == 0 ? 0 : 1);
    }
    close(fd);
    return pid;
}

static pid_t
fake_broker(const char *expected, const char *answer)
{
    return fake_server("admin.sock", expected, answer);
}

static void
asked(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
there_and_back(void **state)
{
    (void)state;
    struct admin_request request;
    json_t *result = NULL;
    struct invocation_values values = {.value = {"a", "b"}, .count = 2}, none = {.count = 0};
    pid_t pid = fake_broker("{\"caveats\":[\"a\",\"b\"],\"lifetime_s\":5,\"command\":\"mint\"}\n",
                            "{\"ok\":true,\"result\":{\"token\":\"kh1_x\"}}\n");
    admin_request_init(&request);
    admin_put_list(&request, "caveats", &values);
    admin_put_list(&request, "credentials", &none);
    admin_put_text(&request, "user", NULL);
    admin_put(&request, "lifetime_s", json_integer(5));
    assert_int_equal(ask(test_directory, &request, &result), EXIT_DONE);
    asked(pid);
    assert_string_equal(admin_text(result, "token"), "kh1_x");
    assert_string_equal(captured.err, "");
    json_decref(result);
}

static enum operator_exit
ask_discharger(json_t **result)
{
    struct admin_request request;
    admin_request_init(&request);
    capture_begin();
    enum operator_exit status = admin_ask_discharger(test_directory, "status", &request, result);
    capture_end(&captured);
    return status;
}

static void
the_discharger_is_asked_over_a_socket_of_its_own(void **state)
{
    (void)state;
    json_t *result = NULL;
    assert_int_equal(ask_discharger(&result), EXIT_FAILED);
    assert_contains(captured.err, "no discharger is running in");
    assert_contains(captured.err, "no discharger.sock there");
    pid_t pid = fake_server("discharger.sock", "{\"command\":\"status\"}\n",
                            "{\"ok\":true,\"result\":{\"users\":3}}\n");
    assert_int_equal(ask_discharger(&result), EXIT_DONE);
    asked(pid);
    assert_int_equal(admin_number(result, "users"), 3);
    json_decref(result);
    result = NULL;
    assert_int_equal(ask_discharger(&result), EXIT_FAILED);
    assert_contains(captured.err, "nobody listens on its discharger.sock");
}

static void
a_broker_that_goes_away(void **state)
{
    (void)state;
    struct admin_request request;
    json_t *result = NULL;
    pid_t pid =
        fake_broker("{\"command\":\"mint\"}\n", "{\"ok\":true,\"result\":{}}"); // no newline
    admin_request_init(&request);
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    asked(pid);
    assert_null(result);
    assert_contains(captured.err, "went away");
    // Its socket is left behind.
    admin_request_init(&request);
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    assert_contains(captured.err, "nobody listens");
}

static void
a_message_that_would_act_on_the_terminal(void **state)
{
    (void)state;
    struct admin_request request;
    json_t *result = NULL;
    pid_t pid = fake_broker("{\"command\":\"mint\"}\n",
                            "{\"ok\":false,\"code\":\"syntax\",\"message\":\"\\u001b[2J\"}\n");
    admin_request_init(&request);
    assert_int_equal(ask(test_directory, &request, &result), EXIT_FAILED);
    asked(pid);
    assert_string_equal(captured.err, "keyholed: \\x1b[2J\n");
}

static int
setup(void **state)
{
    admin_init();
    return directory_setup(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test(refusals),
        cmocka_unit_test(what_cannot_be_said_fails),
        cmocka_unit_test(no_broker),
        cmocka_unit_test(results),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(the_discharger_is_asked_over_a_socket_of_its_own),
        cmocka_unit_test(a_broker_that_goes_away),
        cmocka_unit_test(a_message_that_would_act_on_the_terminal),
    };
    return cmocka_run_group_tests(tests, setup, directory_teardown);
}
