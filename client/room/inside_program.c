/* SPDX-License-Identifier: Apache-2.0
 *
 * The program in the room, and process 1 that sees to it: reaps what it leaves behind, tells when
 * it was stopped, ends the room when it ended or when nobody outside is there any more.
 */
#include "inside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <linux/seccomp.h>

enum { PROGRAM_PATH_MAX = 4096, PROGRAM_NOT_RUN = 126, PROGRAM_NOT_FOUND = 127 };

static bool
program_is_at(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return false;
    bool executable = S_ISREG(about.st_mode) && access(path, X_OK) == 0;
    if (!executable)
        errno = EACCES;
    return executable;
}

// As execvp(3) looks for it, but before anything runs, so that "not found" is no exit status.
// If not, errno: EACCES for what is there and cannot be run.
static bool
program_find(const char *name, char *out, size_t cap)
{
    const char *path = getenv("PATH");
    int error = ENOENT;
    if (strchr(name, '/') != NULL)
        return (size_t)snprintf(out, cap, "%s", name) < cap && program_is_at(out);
    for (path = path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"; *name != '\0';) {
        size_t n = strcspn(path, ":");
        int length = n > 0 ? snprintf(out, cap, "%.*s/%s", (int)n, path, name)
                           : snprintf(out, cap, "./%s", name);
        if (length > 0 && (size_t)length < cap && program_is_at(out))
            return true;
        error = errno == EACCES ? EACCES : error;
        if (path[n] == '\0')
            break;
        path += n + 1;
    }
    errno = error;
    return false;
}

static void
program_filter(const struct sock_fprog *filter)
{
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) != 0)
        inside_fail("the system call filter");
}

static void
program_default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// A script without "#!" is the shell's, as for execvp(3).
static void
program_exec_script(const char *path, char **argv)
{
    size_t count = 0;
    static char shell[] = "/bin/sh";
    while (argv[count] != NULL)
        count++;
    char **arguments = calloc(count + 2, sizeof *arguments);
    char *script = strdup(path);
    if (arguments == NULL || script == NULL)
        return;
    arguments[0] = shell;
    arguments[1] = script;
    for (size_t i = 1; i < count; i++)
        arguments[i + 1] = argv[i];
    execv(shell, arguments);
    free(arguments);
    free(script);
}

static _Noreturn void
program_become(char **argv, const struct sock_fprog *filter)
{
    char path[PROGRAM_PATH_MAX], go = 0;
    if (setpgid(0, 0) != 0)
        inside_fail("a process group for the program");
    if (!program_find(argv[0], path, sizeof path)) {
        inside_report(ROOM_REPORT_FAILED,
                      errno == EACCES ? ROOM_FAILURE_NOT_EXECUTABLE : ROOM_FAILURE_NO_PROGRAM,
                      argv[0]);
        _exit(PROGRAM_NOT_RUN);
    }
    inside_report(ROOM_REPORT_READY, 0, "");
    if (recv(ROOM_FD_CONTROL, &go, 1, 0) != 1)
        _exit(PROGRAM_NOT_RUN);
    if (dup2(ROOM_FD_STDERR, STDERR_FILENO) < 0 || close_range(ROOM_FD_CONTROL, ~0U, 0) != 0)
        _exit(PROGRAM_NOT_RUN);
    program_default_signals();
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) == 0) {
        execv(path, argv);
        if (errno == ENOEXEC)
            program_exec_script(path, argv);
    }
    int code = errno;
    dprintf(STDERR_FILENO, "keyhole: %s: %s\n", path, strerror(code));
    _exit(code == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_RUN);
}

// The status of the program when it ended, else -1.
static int
program_reap(pid_t program)
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid != program)
            continue;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (WIFSIGNALED(status))
            return 128 + WTERMSIG(status);
        if (WIFSTOPPED(status))
            inside_report(ROOM_REPORT_STOPPED, WSTOPSIG(status), "");
    }
    return -1;
}

int
inside_run(char **argv, const struct sock_fprog *filter)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t program = fork();
    if (program == 0)
        program_become(argv, filter);
    if (program < 0 || signals < 0)
        inside_fail("starting the program");
    close(ROOM_FD_STDERR);
    program_filter(filter);
    for (;;) {
        struct pollfd wait[] = {{.fd = signals, .events = POLLIN},
                                {.fd = ROOM_FD_CONTROL, .events = 0}};
        struct signalfd_siginfo about;
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return PROGRAM_NOT_RUN;
        while (read(signals, &about, sizeof about) > 0)
            continue;
        int status = program_reap(program);
        if (status >= 0)
            return status;
        // Whoever started the room is gone: its sockets lead nowhere any more.
        if ((wait[1].revents & (POLLHUP | POLLERR)) != 0)
            return 128 + SIGKILL;
    }
}
