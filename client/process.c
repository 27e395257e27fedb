/* SPDX-License-Identifier: Apache-2.0
 *
 * Running another program.
 */
#include "process.h"

#include "monotonic.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESS_INPUT_MAX = 4096 };

// Ours ignores SIGPIPE and may have signals blocked; programs expect neither.
static bool
process_set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    return posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &defaults) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
               0;
}

// -1 is /dev/null.
static enum kh_err
process_spawn(const char *const *argv, int in, int out, bool quiet, pid_t *pid, struct fault *fault)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int code = null >= 0 ? 0 : errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (code == 0 &&
        (posix_spawn_file_actions_adddup2(&actions, in >= 0 ? in : null, STDIN_FILENO) != 0 ||
         posix_spawn_file_actions_adddup2(&actions, out >= 0 ? out : null, STDOUT_FILENO) != 0 ||
         (quiet && posix_spawn_file_actions_adddup2(&actions, null, STDERR_FILENO) != 0) ||
         !process_set_attributes(&attributes)))
        code = ENOMEM;
    // posix_spawnp takes what it does not change without const.
    union {
        const char *const *given;
        char *const *taken;
    } arguments = {.given = argv};
    if (code == 0)
        code = posix_spawnp(pid, argv[0], &actions, &attributes, arguments.taken, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (null >= 0)
        close(null);
    if (code == 0)
        return KH_OK;
    return fault_set(fault, code == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO, "%s: %s", argv[0],
                     code == ENOENT ? "there is no such program here" : strerror(code));
}

static enum kh_err
process_read(int fd, int64_t deadline_ms, const char *name, struct buffer *out, struct fault *fault)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = deadline_ms - monotonic_ms();
        int ready = left > 0 ? poll(&wait, 1, left < INT32_MAX ? (int)left : INT32_MAX) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return fault_set(fault, ready == 0 ? KH_ERR_TIMEOUT : KH_ERR_IO,
                             "%s did not end in time", name);
        uint8_t chunk[1024];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, KH_ERR_IO, "reading from %s: %s", name, strerror(errno));
        if (n == 0)
            return KH_OK;
        buffer_put(out, bytes_of(chunk, (size_t)n));
        if (out->failed)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s says more than %zu bytes", name, out->max);
    }
}

static int
process_wait(pid_t pid)
{
    int status = 0;
    // A program that ignores SIGCHLD, or reaps all children itself, leaves us none to wait for:
    // what the other one wrote has to do.
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return errno == ECHILD ? 0 : 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

enum kh_err
process_run(const struct process_run *run, struct buffer *out, int *status, struct fault *fault)
{
    int in[2] = {-1, -1}, from[2] = {-1, -1};
    pid_t pid = -1;
    enum kh_err err = KH_OK;
    if (run->input.n > PROCESS_INPUT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "too much for %s", run->argv[0]);
    // What fits into the pipe at once needs no second loop.
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 ||
        write(in[1], run->input.p, run->input.n) != (ssize_t)run->input.n)
        err = fault_set(fault, KH_ERR_IO, "a pipe to %s: %s", run->argv[0], strerror(errno));
    if (err == KH_OK)
        err = process_spawn(run->argv, in[0], from[1], run->quiet, &pid, fault);
    int *const ours[] = {&in[0], &in[1], &from[1]};
    for (size_t i = 0; i < 3; i++)
        if (*ours[i] >= 0)
            close(*ours[i]);
    if (pid > 0) {
        err = process_read(from[0], monotonic_ms() + run->timeout_ms, run->argv[0], out, fault);
        if (err != KH_OK)
            kill(pid, SIGKILL);
        int ended = process_wait(pid);
        if (err == KH_OK)
            *status = ended;
    }
    if (from[0] >= 0)
        close(from[0]);
    return err;
}

enum kh_err
process_leave(const char *const *argv, struct fault *fault)
{
    pid_t pid = -1;
    return process_spawn(argv, -1, -1, true, &pid, fault);
}
