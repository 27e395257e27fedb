/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms that stand: what comes in, what comes out, how they end. What a program can do in one is
 * tests/e2e/rooms.test.mjs. */
#include "../../../client/room.h"
#include "../scratch.h"
#include "client_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool rooms_are_here;

static enum kh_err
try_one(struct fault *fault)
{
    static const struct room_settings settings = {.ro_count = 0};
    static char shell[] = "/bin/sh";
    char *argv[] = {shell, NULL}, *envp[] = {NULL};
    struct room room;
    enum kh_err err = room_start(&settings, argv, envp, &room, fault);
    if (err == KH_OK)
        room_end(&room);
    return err;
}

static int
setup(void **state)
{
    struct fault fault = {.err = KH_OK};
    enum kh_err err = try_one(&fault);
    rooms_are_here = err == KH_OK;
    if (!rooms_are_here && err != KH_ERR_UNSUPPORTED) {
        fprintf(stderr, "a room cannot be made: %s\n", fault.detail);
        return -1;
    }
    if (!rooms_are_here)
        print_message("skipped: %s\n", fault.detail);
    return directory_setup(state);
}

static struct room
start(const struct room_settings *settings, const char *script)
{
    struct fault fault = {.err = KH_OK};
    struct room room;
    static char shell[] = "/bin/sh", option[] = "-c";
    char *argv[] = {shell, option, strdup(script), NULL};
    if (!rooms_are_here)
        skip();
    enum kh_err err = room_start(settings, argv, environ, &room, &fault);
    free(argv[2]);
    if (err != KH_OK)
        fail_msg("room_start: %s", fault.detail);
    return room;
}

static int
wait_for(struct room *room)
{
    int status = -1, fd = (int)syscall(SYS_pidfd_open, room->pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 60000), 1);
    assert_true(room_ended(room, &status));
    close(fd);
    room_end(room);
    return status;
}

static int
status_of(const struct room_settings *settings, const char *script)
{
    struct fault fault = {.err = KH_OK};
    struct room room = start(settings, script);
    assert_ok(room_go(&room, &fault));
    return wait_for(&room);
}

static const struct room_settings plain = {.ro_count = 0};

static void
test_statuses(void **state)
{
    (void)state;
    assert_int_equal(status_of(&plain, "exit 0"), 0);
    assert_int_equal(status_of(&plain, "exit 77"), 77);
    assert_int_equal(status_of(&plain, "kill -TERM $$"), 128 + SIGTERM);
    // What it leaves behind ends with it.
    assert_int_equal(status_of(&plain, "cat /dev/zero >/dev/null & exit 3"), 3);
}

static void
test_refused(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct room room = {.pid = 7};
    static char nothing[] = "no-such-program-of-ours", here[] = "/";
    char *argv[] = {nothing, NULL}, *directory[] = {here, NULL};
    if (!rooms_are_here)
        skip();
    assert_int_equal(room_start(&plain, argv, environ, &room, &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, nothing);
    assert_int_equal(room_start(&plain, directory, environ, &room, &fault), KH_ERR_PERMISSION);
    const struct room_settings missing = {.ro = {"/no/such/path"}, .ro_count = 1};
    assert_int_equal(room_start(&missing, argv, environ, &room, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "--ro /no/such/path");
    assert_int_equal(room.pid, 7); // written on success alone
}

// Standard input that is a way out.
static void
refuses_input(int fd, const char *words)
{
    struct fault fault = {.err = KH_OK};
    struct room room;
    static char shell[] = "/bin/sh";
    char *argv[] = {shell, NULL};
    int before = dup(STDIN_FILENO);
    assert_true(fd >= 0 && before >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    enum kh_err err = room_start(&plain, argv, environ, &room, &fault);
    dup2(before, STDIN_FILENO);
    close(before);
    close(fd);
    assert_int_equal(err, KH_ERR_USAGE);
    assert_contains(fault.detail, words);
}

static void
test_streams(void **state)
{
    (void)state;
    int pair[2];
    if (!rooms_are_here)
        skip();
    refuses_input(open("/", O_RDONLY | O_DIRECTORY), "directory");
    refuses_input(open("/etc/hosts", O_PATH), "way out");
    refuses_input(socket(AF_INET, SOCK_STREAM, 0), "network socket");
    refuses_input(socket(AF_INET6, SOCK_DGRAM, 0), "network socket");
    refuses_input(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    refuses_input(socket(AF_NETLINK, SOCK_RAW, 0), "socket");
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    close(pair[1]);
    refuses_input(pair[0], "socket");
    // A pair of streams leads to its other end alone: what many programs start others with.
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    int before = dup(STDIN_FILENO);
    dup2(pair[0], STDIN_FILENO);
    close(pair[0]);
    assert_int_equal(send(pair[1], "5\n", 2, 0), 2);
    int status = status_of(&plain, "read n; exit $n");
    dup2(before, STDIN_FILENO);
    close(before);
    close(pair[1]);
    assert_int_equal(status, 5);
}

static void
test_sockets(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    const struct room_settings settings = {.port = {8443, 443}, .port_count = 2};
    struct room room = start(&settings, "exec bash -c 'exec 3<>/dev/tcp/" ROOM_ADDRESS
                                        "/8443; read -u 3 n; exit $n'");
    assert_int_equal(room.transparent_count, 3 + room.redirected);
    assert_true(room.proxy_fd >= 0 && room.dns_udp_fd >= 0 && room.dns_tcp_fd >= 0);
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    assert_int_equal(getsockname(room.transparent_fd[2], (struct sockaddr *)&at, &size), 0);
    assert_int_equal(ntohs(at.sin_port), 8443);
    assert_ok(room_go(&room, &fault));
    struct pollfd wait = {.fd = room.transparent_fd[2], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 60000), 1);
    int fd = accept(room.transparent_fd[2], NULL, NULL);
    assert_int_equal(send(fd, "42\n", 3, 0), 3);
    assert_int_equal(wait_for(&room), 42);
    close(fd);
}

static void
test_waits_for_the_word(void **state)
{
    (void)state;
    char script[200];
    snprintf(script, sizeof script, "echo ran > %s", test_path("ran"));
    struct room room = start(&plain, script);
    room_end(&room);
    assert_int_equal(room.pid, -1);
    assert_int_not_equal(access(test_path("ran"), F_OK), 0);
    assert_int_equal(status_of(&plain, script), 0);
    assert_int_equal(access(test_path("ran"), F_OK), 0);
}

static void
test_signals(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    int before = dup(STDOUT_FILENO);
    dup2(ready[1], STDOUT_FILENO);
    close(ready[1]);
    struct room room =
        start(&plain, "trap 'exit 9' USR1; echo ready; while :; do cat /dev/zero | head -c 9 "
                      ">/dev/null; done");
    enum kh_err err = room_go(&room, &fault);
    dup2(before, STDOUT_FILENO);
    close(before);
    assert_int_equal(err, KH_OK);
    char line[6];
    assert_int_equal(read(ready[0], line, sizeof line), sizeof line);
    // Not to our group: it has one of its own.
    assert_int_not_equal(getpgid(room.program), getpgrp());
    room_signal(&room, SIGUSR1);
    assert_int_equal(wait_for(&room), 9);
    close(ready[0]);
}

static void
test_files(void **state)
{
    (void)state;
    write_file("secret", "s\n", 0600);
    write_file("open", "o\n", 0600);
    assert_int_equal(mkdir(test_path("work"), 0700), 0);
    char script[400], work[160], secret[160];
    snprintf(work, sizeof work, "%s", test_path("work"));
    snprintf(secret, sizeof secret, "%s", test_path("secret"));
    struct room_settings settings = {.ro = {test_directory},
                                     .ro_count = 1,
                                     .rw = {work},
                                     .rw_count = 1,
                                     .hide = {secret},
                                     .hide_count = 1};
    snprintf(script, sizeof script,
             "cd %s && test ! -s secret && test -s open && ! (: > open) 2>/dev/null && : > work/x "
             "&& ! (: > /etc/keyhole-test) 2>/dev/null && test ! -e /run/lock",
             test_directory);
    assert_int_equal(status_of(&settings, script), 0);
    assert_int_equal(access(test_path("work/x"), F_OK), 0);
}

static void
test_inherits_nothing(void **state)
{
    (void)state;
    int leak = open("/", O_RDONLY); // without close-on-exec
    assert_true(leak >= 0);
    setenv("SSH_AUTH_SOCK", "/tmp/agent", 1);
    // 3 is the directory that ls reads.
    assert_int_equal(status_of(&plain, "test \"$(ls /proc/self/fd | tr '\\n' ' ')\" = '0 1 2 3 ' "
                                       "&& test -z \"$SSH_AUTH_SOCK\" && test \"$(ls /sys | tr "
                                       "'\\n' ' ')\" = 'devices fs '"),
                     0);
    unsetenv("SSH_AUTH_SOCK");
    close(leak);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_waits_for_the_word),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_inherits_nothing),
    };
    return cmocka_run_group_tests(tests, setup, directory_teardown);
}
