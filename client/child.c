/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a program in our place.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
child_become(char *const argv[], char *const envp[], const sigset_t *mask,
             const struct rlimit *files, int failure, pid_t parent)
{
    // Without us it has no way out, and nobody would end its tokens: it ends with us.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(CHILD_NOT_EXECUTABLE);
    signal(SIGPIPE, SIG_DFL);
    if (files != NULL)
        setrlimit(RLIMIT_NOFILE, files);
    if (mask != NULL)
        sigprocmask(SIG_SETMASK, mask, NULL);
    execvpe(argv[0], argv, envp);
    int code = errno;
    if (write(failure, &code, sizeof code) < 0)
        _exit(CHILD_NOT_EXECUTABLE);
    _exit(code == ENOENT ? CHILD_NOT_FOUND : CHILD_NOT_EXECUTABLE);
}

static enum kh_err
child_fault(const char *program, int code, struct fault *fault)
{
    bool absent = code == ENOENT && strchr(program, '/') == NULL;
    return fault_set(fault, code == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_PERMISSION, "%.200s: %s",
                     program, absent ? "command not found" : strerror(code));
}

enum kh_err
child_start(char *const argv[], char *const envp[], const sigset_t *mask,
            const struct rlimit *files, struct child *out, struct fault *fault)
{
    int failure[2], code = 0;
    pid_t self = getpid();
    if (pipe2(failure, O_CLOEXEC) != 0)
        return fault_set(fault, KH_ERR_IO, "a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        child_become(argv, envp, mask, files, failure[1], self);
    int error = errno;
    close(failure[1]);
    ssize_t n = 0;
    // Closed by a successful exec.
    while (pid > 0 && (n = read(failure[0], &code, sizeof code)) < 0 && errno == EINTR)
        continue;
    close(failure[0]);
    if (pid < 0)
        return fault_set(fault, KH_ERR_IO, "no process can be started: %s", strerror(error));
    if (n == (ssize_t)sizeof code) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        return child_fault(argv[0], code, fault);
    }
    *out = (struct child){.pid = pid};
    return KH_OK;
}

// The shell waits for us: it takes the terminal back when we are stopped, and wakes the whole
// group.
static void
child_stop_as_well(const struct child *child, int number)
{
    struct sigaction usual = {.sa_handler = SIG_DFL}, ours;
    sigset_t only, before;
    siginfo_t woken = {.si_pid = 0};
    sigemptyset(&usual.sa_mask);
    sigaction(number, &usual, &ours);
    sigemptyset(&only);
    sigaddset(&only, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, &before); // stopped here
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(number, &ours, NULL);
    // Unless it was woken with us.
    if (waitid(P_PID, (id_t)child->pid, &woken, WCONTINUED | WNOHANG) != 0 || woken.si_pid == 0)
        kill(child->pid, SIGCONT);
}

void
child_attend(struct child *child)
{
    int status;
    while (!child->ended) {
        pid_t pid = waitpid(child->pid, &status, WNOHANG | WUNTRACED);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;
        if (WIFSTOPPED(status)) {
            // A SIGSTOP is somebody's own doing; the others come from the terminal.
            int number = WSTOPSIG(status);
            if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
                child_stop_as_well(child, number);
            continue;
        }
        child->ended = true;
        child->status =
            WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNALLED + WTERMSIG(status);
    }
}

bool
child_ended(const struct child *child, int *status)
{
    if (child->ended)
        *status = child->status;
    return child->ended;
}

void
child_signal(const struct child *child, int number, int code, pid_t sender)
{
    // From the terminal (SI_KERNEL) the program has it already.
    bool from_somebody = code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
    if (!child->ended && from_somebody && sender != child->pid)
        kill(child->pid, number);
}
