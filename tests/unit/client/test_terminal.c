/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a person, at a terminal of the test's own. */
#include "../../../client/terminal.h"
#include "pty.h"

#include <signal.h>
#include <termios.h>

enum { CODE_BASE = 10 };

static int
ask(bool hidden)
{
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, 16);
    enum kh_err err = terminal_ask("What? ", hidden, &out, &fault);
    if (err != KH_OK)
        return CODE_BASE + (int)err;
    return bytes_is(buffer_bytes(&out), "1234") ? 0 : 1;
}

static int
ask_hidden(void)
{
    return ask(true);
}

static int
ask_shown(void)
{
    return ask(false);
}

static int
confirm(void)
{
    struct fault fault = {.err = KH_OK};
    enum kh_err err = terminal_confirm("Sure? ", &fault);
    return err == KH_OK ? 0 : CODE_BASE + (int)err;
}

static int
ask_and_see_echo(void)
{
    struct termios mode;
    int result = ask(true);
    if (tcgetattr(STDIN_FILENO, &mode) != 0 || !(mode.c_lflag & ECHO))
        return 99;
    return result;
}

static void
test_hidden(void **state)
{
    (void)state;
    char screen[256] = "";
    assert_int_equal(test_at_terminal(ask_hidden, "1234\r", screen, sizeof screen), 0);
    assert_contains(screen, "What? ");
    assert_lacks(screen, "1234");
    assert_int_equal(test_at_terminal(ask_and_see_echo, "1234\r", screen, sizeof screen), 0);
}

static void
test_shown(void **state)
{
    (void)state;
    char screen[256] = "";
    assert_int_equal(test_at_terminal(ask_shown, "1234\r", screen, sizeof screen), 0);
    assert_contains(screen, "1234");
}

static void
test_nothing_and_too_much(void **state)
{
    (void)state;
    char screen[256] = "";
    assert_int_equal(test_at_terminal(ask_hidden, "\r", screen, sizeof screen),
                     CODE_BASE + KH_ERR_USAGE);
    assert_int_equal(test_at_terminal(ask_hidden, "01234567890123456789\r", screen, sizeof screen),
                     CODE_BASE + KH_ERR_TOO_LONG);
}

static void
test_ctrl_c(void **state)
{
    (void)state;
    char screen[256] = "";
    assert_int_equal(test_at_terminal(ask_hidden, "12\003", screen, sizeof screen), 128 + SIGINT);
}

static void
test_confirmation(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        int result;
    } row[] = {{"y\r", 0},
               {"YES\r", 0},
               {"\r", CODE_BASE + KH_ERR_DENIED},
               {"n\r", CODE_BASE + KH_ERR_DENIED},
               {"yeah\r", CODE_BASE + KH_ERR_DENIED}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char screen[256] = "";
        assert_int_equal(test_at_terminal(confirm, row[i].keys, screen, sizeof screen),
                         row[i].result);
    }
}

// A daemon, a container, a test: nobody is there to ask.
static void
test_no_terminal(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        _exit(ask(true));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), CODE_BASE + KH_ERR_NOT_FOUND);
}

static void
test_descriptor(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    int pipes[2];
    BUFFER_AUTO out;
    buffer_init(&out, 16);
    assert_int_equal(terminal_read_descriptor(12345, &out, &fault), KH_ERR_IO);
    assert_contains(fault.detail, "descriptor 12345");
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "1234\r\n5678", 10), 10);
    close(pipes[1]);
    assert_ok(terminal_read_descriptor(pipes[0], &out, &fault));
    assert_true(bytes_is(buffer_bytes(&out), "1234"));
    buffer_clear(&out);
    assert_ok(terminal_read_descriptor(pipes[0], &out, &fault)); // the end of input ends it too
    assert_true(bytes_is(buffer_bytes(&out), "5678"));
    buffer_clear(&out);
    assert_int_equal(terminal_read_descriptor(pipes[0], &out, &fault), KH_ERR_USAGE);
    close(pipes[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hidden),       cmocka_unit_test(test_shown),
        cmocka_unit_test(test_ctrl_c),       cmocka_unit_test(test_nothing_and_too_much),
        cmocka_unit_test(test_confirmation), cmocka_unit_test(test_no_terminal),
        cmocka_unit_test(test_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
