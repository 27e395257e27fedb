/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program. */
#include "../../../client/process.h"
#include "../memcheck.h"
#include "../scratch.h"
#include "client_test.h"

#include <signal.h>
#include <sys/wait.h>

static enum kh_err
sh(const char *script, struct bytes input, long timeout_ms, struct buffer *out, int *status,
   struct fault *fault)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct process_run run = {
        .argv = argv, .input = input, .timeout_ms = timeout_ms, .quiet = true};
    return process_run(&run, out, status, fault);
}

static void
test_no_such_program(void **state)
{
    (void)state;
    memcheck_cannot("forks for posix_spawn, which cannot say then that there is no such program");
    static const char *const argv[] = {"keyhole-no-such-program", NULL};
    struct process_run run = {.argv = argv, .timeout_ms = 10000};
    struct fault fault = {.err = KH_OK};
    int status = 77;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    assert_int_equal(process_run(&run, &out, &status, &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "keyhole-no-such-program");
    assert_int_equal(status, 77);
    assert_int_equal(process_leave(argv, &fault), KH_ERR_NOT_FOUND);
}

static void
test_input_and_output(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    int status = 0;
    BUFFER_AUTO out;
    buffer_init(&out, 8192);
    assert_ok(sh("cat; exit 3", BYTES("a\0b"), 60000, &out, &status, &fault));
    assert_int_equal(status, 3);
    assert_true(bytes_equal(buffer_bytes(&out), BYTES("a\0b")));
    assert_ok(sh("kill -9 $$", BYTES_EMPTY, 60000, &out, &status, &fault));
    assert_int_equal(status, 137);
    static uint8_t much[4097];
    assert_int_equal(sh("cat", bytes_of(much, sizeof much), 60000, &out, &status, &fault),
                     KH_ERR_TOO_LONG);
}

static void
test_output_is_bounded(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    int status = 77;
    BUFFER_AUTO out;
    buffer_init(&out, 1000);
    assert_int_equal(sh("yes", BYTES_EMPTY, 60000, &out, &status, &fault), KH_ERR_TOO_LONG);
    assert_int_equal(status, 77);
}

static void
test_what_does_not_end_is_ended(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    int status = 0;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    assert_int_equal(sh("exec sleep 1000", BYTES_EMPTY, 1, &out, &status, &fault), KH_ERR_TIMEOUT);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // and nothing is left of it
}

// No shell comes between: what is in an argument stays in it.
static void
test_arguments_are_arguments(void **state)
{
    (void)state;
    static const char *const argv[] = {"printf", "%s", "$(id); `id`", NULL};
    struct process_run run = {.argv = argv, .timeout_ms = 60000};
    struct fault fault = {.err = KH_OK};
    int status = 1;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    assert_ok(process_run(&run, &out, &status, &fault));
    assert_true(bytes_is(buffer_bytes(&out), "$(id); `id`"));
}

// We ignore SIGPIPE and may be blocking signals; a program expects neither.
static void
test_signals_are_as_usual(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    sigset_t block, before;
    int status = 0;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, &before);
    assert_ok(sh("kill -INT $$; echo alive", BYTES_EMPTY, 60000, &out, &status, &fault));
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(status, 128 + SIGINT);
    assert_ok(sh("kill -PIPE $$; echo alive", BYTES_EMPTY, 60000, &out, &status, &fault));
    assert_int_equal(status, 128 + SIGPIPE);
}

// In the program of somebody else, which lets the kernel reap its children.
static void
test_children_that_others_reap(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    int status = -1;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    const char *const argv[] = {"sh", "-c", "echo signed", NULL};
    const struct process_run run = {.argv = argv, .timeout_ms = 10000};
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    enum kh_err err = process_run(&run, &out, &status, &fault);
    signal(SIGCHLD, before);
    assert_ok(err);
    assert_int_equal(status, 0);
    assert_string_equal(buffer_text(&out), "signed\n");
}

static void
test_left_to_itself(void **state)
{
    (void)state;
    char script[256];
    struct fault fault = {.err = KH_OK};
    snprintf(script, sizeof script, "echo out; echo err >&2; cat; : > '%s'", test_path("done"));
    const char *const argv[] = {"sh", "-c", script, NULL};
    assert_ok(process_leave(argv, &fault));
    int status;
    assert_true(wait(&status) > 0);
    assert_int_equal(access(test_path("done"), F_OK), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_such_program),
        cmocka_unit_test(test_input_and_output),
        cmocka_unit_test(test_output_is_bounded),
        cmocka_unit_test(test_what_does_not_end_is_ended),
        cmocka_unit_test(test_arguments_are_arguments),
        cmocka_unit_test(test_signals_are_as_usual),
        cmocka_unit_test(test_children_that_others_reap),
        cmocka_unit_test_setup_teardown(test_left_to_itself, directory_setup, directory_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
