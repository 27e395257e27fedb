/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C while a security key blinks. */
#include "../../../client/interrupt.h"
#include "client_test.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static int
wait_once(void)
{
    struct timespec long_time = {60, 0};
    return ppoll(NULL, 0, &long_time, interrupt_mask());
}

static void
test_nothing_happened(void **state)
{
    (void)state;
    interrupt_begin();
    assert_false(interrupt_happened());
    interrupt_end();
}

// A signal ends the wait, the program may finish what it does, and then the signal has its effect.
static void
test_signal_waits_for_the_end(void **state)
{
    (void)state;
    static const int number[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
        for (int during = 0; during < 2; during++) {
            int pipes[2], status = 0;
            char said = 0;
            assert_int_equal(pipe(pipes), 0);
            pid_t pid = fork();
            if (pid == 0) {
                signal(number[i], SIG_DFL); // whatever started the tests
                interrupt_begin();
                raise(number[i]); // blocked: nothing happens yet
                if (!interrupt_happened())
                    _exit(1);
                if (during && (wait_once() != -1 || errno != EINTR || !interrupt_happened()))
                    _exit(2);
                if (write(pipes[1], "x", 1) != 1)
                    _exit(3);
                interrupt_end();
                _exit(4);
            }
            close(pipes[1]);
            assert_int_equal(read(pipes[0], &said, 1), 1);
            close(pipes[0]);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFSIGNALED(status));
            assert_int_equal(WTERMSIG(status), number[i]);
        }
    }
}

// nohup, a shell's background: who started the program wants it to go on.
static void
test_what_was_ignored_stays_so(void **state)
{
    (void)state;
    static const int number[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
        void (*before)(int) = signal(number[i], SIG_IGN);
        interrupt_begin();
        raise(number[i]);
        assert_false(interrupt_happened());
        interrupt_end();
        raise(number[i]); // and still
        assert_ptr_equal(signal(number[i], before), SIG_IGN);
    }
}

static void
test_twice(void **state)
{
    (void)state;
    struct sigaction before, after;
    sigaction(SIGINT, NULL, &before);
    for (int i = 0; i < 2; i++) {
        interrupt_begin();
        interrupt_end();
    }
    sigaction(SIGINT, NULL, &after);
    assert_ptr_equal(before.sa_handler, after.sa_handler);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happened),
        cmocka_unit_test(test_signal_waits_for_the_end),
        cmocka_unit_test(test_what_was_ignored_stays_so),
        cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
