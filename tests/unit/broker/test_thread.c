/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread begins with, and what stays as it was where it was started. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../broker/thread.h"

struct seen {
    sigset_t mask;
    size_t stack;
};

static void *
look(void *context)
{
    struct seen *seen = context;
    pthread_attr_t attributes;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &seen->stack);
        pthread_attr_destroy(&attributes);
    }
    return seen;
}

static void
test_signals_are_the_loops(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGALRM};
    struct seen seen = {.stack = 0};
    sigset_t before, after;
    pthread_t thread;
    void *returned = NULL;
    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_true(thread_start(look, &seen, &thread));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(pthread_join(thread, &returned), 0);
    assert_ptr_equal(returned, &seen);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (sigismember(&seen.mask, signals[i]) != 1)
            fail_msg("the thread may get %s", strsignal(signals[i]));
        if (sigismember(&before, signals[i]) != sigismember(&after, signals[i]))
            fail_msg("%s is not as it was where the thread was started", strsignal(signals[i]));
    }
    assert_in_range(seen.stack, 1, 1024 * 1024); // not the eight megabytes of a default
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_are_the_loops),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
