/* SPDX-License-Identifier: Apache-2.0 */
/* at-exit COMMAND ARG…: runs a command, and holds it and every process that it starts at the very
 * end, when all of the program is done and its memory still there. For each it writes the process
 * id as a line on descriptor 3, and reads a byte there before it lets go. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT = 3 };

static void
start(char **argv)
{
    (void)close(REPORT);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(126);
    (void)raise(SIGSTOP);
    (void)execvp(argv[0], argv);
    _exit(127);
}

static void
report(pid_t pid)
{
    char go;
    if (dprintf(REPORT, "%d\n", (int)pid) < 0 || read(REPORT, &go, 1) != 1)
        _exit(125);
}

// The signal that the process is to see.
static int
look(pid_t pid, int status)
{
    int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXIT)
        report(pid);
    return event != 0 || signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
}

static int
ending(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
main(int argc, char **argv)
{
    const long options = PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL;
    int status, result = 126;
    if (argc < 2)
        return 2;
    pid_t first = fork();
    if (first == 0)
        start(argv + 1);
    if (first < 0 || waitpid(first, &status, 0) != first || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, first, NULL, options) != 0 ||
        ptrace(PTRACE_CONT, first, NULL, 0) != 0)
        return 126;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
        if (pid > 0 && WIFSTOPPED(status))
            (void)ptrace(PTRACE_CONT, pid, NULL, (long)look(pid, status));
        else if (pid == first)
            result = ending(status);
    }
    return result;
}
