/* SPDX-License-Identifier: Apache-2.0
 *
 * A room that stands: the word to go, signals, the terminal, the end.
 *
 * On a terminal the program is what a shell calls a job: a process group of its own, in the
 * foreground. So Ctrl-C is for it alone, and a signal to "everybody in my group" stays in the room.
 */
#include "room.h"

#include "room/wire.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// From the background too: without SIGTTOU blocked, the kernel would stop us for it.
static bool
room_set_foreground(const struct room *room, pid_t group)
{
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    sigprocmask(SIG_BLOCK, &stop, &before);
    bool done = tcsetpgrp(room->terminal, group) == 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return done;
}

static void
room_lend_terminal(struct room *room)
{
    if (room->terminal >= 0 && tcgetpgrp(room->terminal) == getpgrp())
        room->terminal_lent = room_set_foreground(room, room->program);
}

static void
room_take_terminal(struct room *room)
{
    // Not from a shell that has it by now.
    if (room->terminal_lent && tcgetpgrp(room->terminal) == room->program)
        room_set_foreground(room, getpgrp());
    room->terminal_lent = false;
}

enum kh_err
room_go(struct room *room, struct fault *fault)
{
    room_lend_terminal(room);
    if (send(room->control_fd, "g", 1, MSG_NOSIGNAL) == 1)
        return KH_OK;
    int code = errno;
    room_take_terminal(room);
    return fault_set(fault, KH_ERR_CLOSED, "the room ended before it began: %s", strerror(code));
}

// As the shell's other jobs stop, with all that is in the job: a pipe's other end too.
static void
room_stop_ourselves(int number)
{
    struct sigaction usual = {.sa_handler = SIG_DFL}, before;
    sigset_t open, mask;
    sigemptyset(&open);
    sigaddset(&open, number);
    sigaction(number, &usual, &before);
    sigprocmask(SIG_UNBLOCK, &open, &mask);
    kill(0, number);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(number, &before, NULL);
}

static void
room_stop_together(struct room *room, int number)
{
    room_take_terminal(room);
    room_stop_ourselves(number);
    room_lend_terminal(room);
    kill(-room->program, SIGCONT);
}

bool
room_attend(struct room *room)
{
    struct room_report report;
    ssize_t n = recv(room->control_fd, &report, sizeof report, MSG_DONTWAIT);
    if (n != (ssize_t)sizeof report)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    // A SIGSTOP is somebody's own doing; the others come from the terminal.
    bool from_terminal =
        report.value == SIGTSTP || report.value == SIGTTIN || report.value == SIGTTOU;
    if (report.kind == ROOM_REPORT_STOPPED && room->terminal >= 0 && from_terminal)
        room_stop_together(room, report.value);
    return true;
}

void
room_signal(struct room *room, int number)
{
    // Without a terminal its group is one that the kernel does not stop for SIGTSTP.
    if (number == SIGTSTP && room->program > 0) {
        kill(-room->program, SIGSTOP);
        room_stop_together(room, number);
    } else if (room->program_fd >= 0) {
        syscall(SYS_pidfd_send_signal, room->program_fd, number, NULL, 0);
    }
}

bool
room_ended(struct room *room, int *status)
{
    int ended = 0;
    if (room->pid <= 0)
        return false;
    pid_t pid = waitpid(room->pid, &ended, WNOHANG);
    if (pid == 0 || (pid < 0 && errno != ECHILD))
        return false;
    room->pid = -1;
    room_take_terminal(room);
    *status =
        pid < 0 ? 128 + SIGKILL : (WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended));
    return true;
}

void
room_end(struct room *room)
{
    int *const fds[] = {&room->control_fd, &room->proxy_fd, &room->dns_udp_fd, &room->dns_tcp_fd,
                        &room->program_fd};
    if (room->pid > 0) {
        kill(room->pid, SIGKILL);
        while (waitpid(room->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        room->pid = -1;
    }
    room_take_terminal(room);
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (*fds[i] >= 0) {
            close(*fds[i]);
            *fds[i] = -1;
        }
    for (size_t i = 0; i < room->transparent_count; i++)
        if (room->transparent_fd[i] >= 0)
            close(room->transparent_fd[i]);
    room->transparent_count = 0;
}
