/* SPDX-License-Identifier: Apache-2.0 */
/* A program in our place. */
#include "../../../client/child.h"
#include "../memcheck.h"
#include "client_test.h"

#include <sys/wait.h>
#include <unistd.h>

static char *const bare[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"MARK=here"}, NULL};

static enum kh_err
start(const char *program, const char *script, struct child *out, struct fault *fault)
{
    char *argv[] = {strdup(program), strdup("-c"), strdup(script), NULL};
    sigset_t none;
    sigemptyset(&none);
    enum kh_err err = child_start(argv, bare, &none, NULL, out, fault);
    for (size_t i = 0; i < 3; i++)
        free(argv[i]);
    return err;
}

/* As the loop of a run does it, without a loop. */
static int
wait_for(struct child *child)
{
    int status;
    while (!child_ended(child, &status)) {
        siginfo_t info;
        assert_int_equal(waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT), 0);
        child_attend(child);
    }
    return status;
}

static void
test_what_cannot_be_run(void **state)
{
    (void)state;
    static const struct {
        const char *program;
        enum kh_err err;
    } row[] = {
        {"no-such-program", KH_ERR_NOT_FOUND},
        {"/no/such/program", KH_ERR_NOT_FOUND},
        {"/etc/passwd", KH_ERR_PERMISSION},
        {"/tmp", KH_ERR_PERMISSION},
        {"", KH_ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fault fault = {.err = KH_OK};
        struct child child = {.pid = 77};
        enum kh_err err = start(row[i].program, "true", &child, &fault);
        if (err != row[i].err || child.pid != 77)
            fail_msg("%s: %s", row[i].program, kh_err_code(err));
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // and no zombie
    }
}

static void
test_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int status;
    } row[] = {
        {"exit 0", 0},
        {"exit 42", 42},
        {"kill -TERM $$", 128 + SIGTERM},
        {"kill -KILL $$", 128 + SIGKILL},
        {"test \"$MARK\" = here && test -z \"$HOME\"", 0}, // this environment, and no other
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fault fault = {.err = KH_OK};
        struct child child;
        assert_ok(start("sh", row[i].script, &child, &fault));
        if (wait_for(&child) != row[i].status)
            fail_msg("%s: %d", row[i].script, child.status);
    }
}

static void
test_signals_that_are_handed_on(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct child child;
    assert_ok(start("sh", "exec sleep 600", &child, &fault));
    child_signal(&child, SIGTERM, SI_KERNEL, 0);       // from the terminal: it has it
    child_signal(&child, SIGTERM, SI_USER, child.pid); // its own
    assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
    child_signal(&child, SIGINT, SI_USER, getpid());
    assert_int_equal(wait_for(&child), 128 + SIGINT);
    child_signal(&child, SIGKILL, SI_USER, getpid()); // nobody's number any more
}

static void
test_limits_and_signals_are_its_own(void **state)
{
    (void)state;
    memcheck_cannot("keeps descriptors for itself, so that their limit cannot be set");
    struct fault fault = {.err = KH_OK};
    struct child child;
    struct rlimit files = {.rlim_cur = 33, .rlim_max = 44};
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"},
                          (char[]){"test $(ulimit -Sn) = 33 && kill -PIPE $$; exit 1"}, NULL};
    signal(SIGPIPE, SIG_IGN);
    assert_ok(child_start(argv, bare, NULL, &files, &child, &fault));
    assert_int_equal(wait_for(&child), 128 + SIGPIPE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_run),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_signals_that_are_handed_on),
        cmocka_unit_test(test_limits_and_signals_are_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
