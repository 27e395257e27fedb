/* SPDX-License-Identifier: Apache-2.0 */
/* A child gets its channel and nothing else: no descriptor, no variable, no signal of ours. */
#include "../scratch.h"

#include "../../../broker/supervisor/secret.h"
#include "../../../broker/supervisor/spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int null_fd;

/* Runs a shell script as the child; returns what it wrote to descriptor 3. */
static const char *
run_script(const char *script, const char *const *keep, int extra_fd, int *status)
{
    static char text[8192];
    size_t n = 0;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const char *argv[] = {"sh", "-c", script, NULL};
    const struct spawn spawn = {.program = "/bin/sh",
                                .argv = argv,
                                .keep = keep,
                                .channel_fd = ends[1],
                                .extra_fd = extra_fd,
                                .metrics_fd = -1,
                                .journal_fd = -1,
                                .null_fd = null_fd};
    pid_t pid;
    assert_int_equal(spawn_child(&spawn, &pid, NULL), KH_OK);
    close(ends[1]);
    ssize_t got;
    while ((got = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)got;
    close(ends[0]);
    text[n] = '\0';
    assert_int_equal(waitpid(pid, status, 0), pid);
    return text;
}

static void
a_program_that_is_not_there(void **state)
{
    (void)state;
    int ends[2], status;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const char *argv[] = {"none", NULL};
    const struct spawn spawn = {.program = "/nonexistent",
                                .argv = argv,
                                .channel_fd = ends[1],
                                .extra_fd = -1,
                                .metrics_fd = -1,
                                .journal_fd = -1,
                                .null_fd = null_fd};
    pid_t pid;
    assert_int_equal(spawn_child(&spawn, &pid, NULL), KH_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 127);
    close(ends[0]);
    close(ends[1]);
    char path[256];
    struct fault fault = {0};
    assert_int_equal(spawn_find_program("no-such-program", path, sizeof(path), &fault),
                     KH_ERR_NOT_FOUND);
    assert_says(fault, "libexec/keyhole/no-such-program");
}

static void
environment_is_clean(void **state)
{
    (void)state;
    static const char *const keep[] = {"KH_KEPT", "KH_NOT_SET", NULL};
    int status;
    setenv("KH_KEPT", "yes", 1);
    setenv("KH_SECRET", "leak", 1);
    unsetenv("KH_NOT_SET");
    const char *text = run_script("/usr/bin/env >&3", keep, -1, &status);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "KH_KEPT=yes\n"));
    assert_null(strstr(text, "KH_SECRET"));
    assert_null(strstr(text, "KH_NOT_SET"));
    assert_null(strstr(text, "HOME="));
    text = run_script("/usr/bin/env >&3", NULL, -1, &status);
    assert_null(strstr(text, "KH_KEPT"));
    assert_non_null(strstr(text, "GLIBC_TUNABLES=glibc.malloc.tcache_count=127\n"));
}

static void
descriptors_are_closed(void **state)
{
    (void)state;
    int status;
    // Not close-on-exec, as a library might leave one.
    int leak = fcntl(null_fd, F_DUPFD, 20);
    assert_true(leak >= 20);
    const char *text = run_script("for n in 4 5 6 7 8 9 10 15 16 17 18 19 20 21 30; do"
                                  " if [ -e /proc/$$/fd/$n ]; then echo \"open $n\" >&3; fi; done; "
                                  "in=$(readlink /proc/$$/fd/0); out=$(readlink /proc/$$/fd/1); "
                                  "echo \"$in $out\" >&3",
                                  NULL, -1, &status);
    close(leak);
    assert_string_equal(text, "/dev/null /dev/null\n");
}

static void
extra_descriptor(void **state)
{
    (void)state;
    struct secret secret;
    int fd, status;
    assert_int_equal(secret_init(&secret, BYTES("pass phrase"), NULL), KH_OK);
    for (int i = 0; i < 2; i++) { // a second authority gets it as the first did
        assert_int_equal(secret_pipe(&secret, &fd, NULL), KH_OK);
        assert_string_equal(run_script("cat <&4 >&3", NULL, fd, &status), "pass phrase");
        close(fd);
    }
    secret_fini(&secret);
    assert_null(secret.p);
}

static void
secrets_out_of_range(void **state)
{
    (void)state;
    struct secret secret;
    struct fault fault = {0};
    uint8_t large[SECRET_MAX + 1] = {0};
    int fd = 7;
    assert_int_equal(secret_init(&secret, bytes_of(large, sizeof(large)), &fault), KH_ERR_TOO_LONG);
    assert_int_equal(secret_init(&secret, BYTES_EMPTY, &fault), KH_OK);
    assert_int_equal(secret_pipe(&secret, &fd, &fault), KH_OK);
    assert_int_equal(fd, -1);
    secret_fini(&secret);
}

static void
channel_where_it_has_to_go(void **state)
{
    (void)state;
    // The channel already is descriptor 3 and close-on-exec, and the extra one stands in its way.
    int ends[2], status, saved = dup(3);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    int reader = fcntl(ends[0], F_DUPFD_CLOEXEC, 30);
    assert_int_equal(dup3(ends[1], 3, O_CLOEXEC), 3);
    if (ends[0] != 3)
        close(ends[0]);
    if (ends[1] != 3)
        close(ends[1]);
    const char *argv[] = {"sh", "-c", "echo here >&3", NULL};
    const struct spawn spawn = {.program = "/bin/sh",
                                .argv = argv,
                                .channel_fd = 3,
                                .extra_fd = -1,
                                .metrics_fd = -1,
                                .journal_fd = -1,
                                .null_fd = null_fd};
    pid_t pid;
    assert_int_equal(spawn_child(&spawn, &pid, NULL), KH_OK);
    if (saved >= 0)
        dup2(saved, 3);
    else
        close(3);
    char text[16] = "";
    assert_int_equal(read(reader, text, sizeof(text)), 5);
    assert_string_equal(text, "here\n");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(reader);
    if (saved >= 0)
        close(saved);
}

static void
signals_for_us_are_not_for_it(void **state)
{
    (void)state;
    int status;
    const char *text =
        run_script("kill -TERM $$; kill -INT $$; kill -HUP $$; echo lives >&3; "
                   // Without another program: around its fork a shell blocks signals itself.
                   "while read -r name value; do if [ \"$name\" = SigBlk: ]; then "
                   "echo \"$value\" >&3; fi; done < /proc/$$/status",
                   NULL, -1, &status);
    assert_int_equal(status, 0);
    assert_string_equal(text, "lives\n0000000000000000\n");
}

static void
it_ends_with_us(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        const char *argv[] = {"sh", "-c", "echo up >&3; exec sleep 600", NULL};
        const struct spawn spawn = {.program = "/bin/sh",
                                    .argv = argv,
                                    .channel_fd = ends[1],
                                    .extra_fd = -1,
                                    .metrics_fd = -1,
                                    .journal_fd = -1,
                                    .null_fd = null_fd};
        pid_t pid;
        close(ends[0]);
        if (spawn_child(&spawn, &pid, NULL) != KH_OK)
            _exit(1);
        close(ends[1]);
        pause();
        _exit(0);
    }
    close(ends[1]);
    char text[8];
    assert_int_equal(read(ends[0], text, sizeof(text)), 3);
    kill(parent, SIGKILL);
    assert_int_equal(read(ends[0], text, sizeof(text)), 0); // its end is closed: it is gone
    waitpid(parent, NULL, 0);
    close(ends[0]);
}

static int
setup(void **state)
{
    (void)state;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return null_fd >= 0 ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    return close(null_fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_is_not_there),
        cmocka_unit_test(secrets_out_of_range),
        cmocka_unit_test(environment_is_clean),
        cmocka_unit_test(descriptors_are_closed),
        cmocka_unit_test(extra_descriptor),
        cmocka_unit_test(channel_where_it_has_to_go),
        cmocka_unit_test(signals_for_us_are_not_for_it),
        cmocka_unit_test(it_ends_with_us),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
