/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts to get through the walls of a role. Each is made by a child of its own that has entered
 * the sandbox.
 */
#ifndef KEYHOLE_TESTS_BROKER_SANDBOX_ATTEMPTS_H
#define KEYHOLE_TESTS_BROKER_SANDBOX_ATTEMPTS_H

#include "../../../broker/sandbox_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sodium.h>
#include <sqlite3.h>

#include "../../../broker/log.h"

enum outcome { DONE, REFUSED, FAILED, KILLED, ABORTED, NO_SANDBOX };
static const char *const outcome_names[] = {"done",   "refused", "failed",
                                            "killed", "aborted", "the sandbox was not entered"};

static char directory[64];  // the state directory
static char database[96];   // a file in it
static char discharger[96]; // the discharger's directory, also in it
static char outside[64];    // a directory that is not the state directory
static int listener = -1;   // TCP, loopback
static struct sockaddr_in listener_address;
static int spare_socket = -1; // TCP, not connected, made before the sandbox
static bool landlock, seccomp_available;

enum {
    PROXY = 1 << ROLE_PROXY,
    AUTHORITY = 1 << ROLE_AUTHORITY,
    DISCHARGER = 1 << ROLE_DISCHARGER,
    SUPERVISOR = 1 << ROLE_SUPERVISOR,
    KEEPERS = AUTHORITY | DISCHARGER, // of a database
    CHILDREN = PROXY | KEEPERS,
    EVERY = CHILDREN | SUPERVISOR,
};

// 0 worked, 1 refused by a wall, 2 failed otherwise
static inline int
verdict(long result)
{
    if (result >= 0)
        return 0;
    return errno == EACCES || errno == EPERM || errno == EAFNOSUPPORT ? 1 : 2;
}

static inline enum outcome
outcome_of(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        return FAILED;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? KILLED : WTERMSIG(status) == SIGABRT ? ABORTED : FAILED;
    int code = WEXITSTATUS(status);
    return code == 0 ? DONE : code == 1 ? REFUSED : code == 99 ? NO_SANDBOX : FAILED;
}

static const char *own_directory = directory; // of whoever makes the attempt

static inline const char *
directory_of(enum role role)
{
    return role == ROLE_PROXY ? NULL : role == ROLE_DISCHARGER ? discharger : directory;
}

static inline enum outcome
attempt_as(enum role role, int (*attempt)(void))
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct fault fault = {0};
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (sandbox_enter(role, directory_of(role), &fault) != KH_OK) {
            (void)fprintf(stderr, "%s: %s\n", role_name(role), fault.detail);
            _exit(99);
        }
        own_directory = role == ROLE_DISCHARGER ? discharger : directory;
        _exit(attempt());
    }
    return outcome_of(child);
}

static inline int
read_passwd(void)
{
    return verdict(open("/etc/passwd", O_RDONLY));
}

/* ---- the group ---- */

static inline void
make_listener(void)
{
    socklen_t length = sizeof(listener_address);
    listener_address.sin_family = AF_INET;
    listener_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&listener_address, length), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&listener_address, &length), 0);
    spare_socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(spare_socket >= 0);
}

static inline int
group_setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/keyhole-sandbox-XXXXXX");
    (void)snprintf(outside, sizeof(outside), "/tmp/keyhole-outside-XXXXXX");
    if (mkdtemp(directory) == NULL || mkdtemp(outside) == NULL || sodium_init() < 0)
        return -1;
    (void)snprintf(discharger, sizeof(discharger), "%s/discharger", directory);
    if (mkdir(discharger, 0700) != 0)
        return -1;
    (void)snprintf(database, sizeof(database), "%s/keyhole.db", directory);
    int fd = open(database, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || close(fd) != 0)
        return -1;
    make_listener();
    landlock = sandbox_files_abi() > 0;
    seccomp_available = sandbox_calls_available();
    if (!landlock || !seccomp_available)
        print_message("this kernel lacks %s%s: those walls are not tested\n",
                      landlock ? "" : "Landlock ", seccomp_available ? "" : "seccomp");
    log_init("test", LOG_FORMAT_AUTO, LOG_LEVEL_ERROR);
    return 0;
}

static inline int
group_teardown(void **state)
{
    static const char *const names[] = {"keyhole.db", "wal.db", "wal.db-wal",
                                        "wal.db-shm", "socket", "discharger/wal.db",
                                        "discharger"};
    char path[96];
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)remove(path);
    }
    return rmdir(directory) | rmdir(outside);
}

#endif
