/* SPDX-License-Identifier: Apache-2.0
 *
 * While a program runs: connections and signals.
 */
#include "run.h"

#include "command_run.h"
#include "run_room.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

// What may be meant for the program. Those that the terminal sends it gets from there.
static const int run_signal_number[] = {
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGTSTP, SIGCHLD,
};

// What was ignored when we were started (nohup) stays ignored, here and there.
static void
run_signal_set(sigset_t *out)
{
    sigemptyset(out);
    for (size_t i = 0; i < sizeof run_signal_number / sizeof *run_signal_number; i++) {
        struct sigaction action;
        int number = run_signal_number[i];
        if (sigaction(number, NULL, &action) == 0 &&
            (action.sa_handler != SIG_IGN || number == SIGCHLD))
            sigaddset(out, number);
    }
}

// A room has a session or a process group of its own: the terminal's signals to us are none to it.
static void
run_signal(struct run *run, const struct signalfd_siginfo *info)
{
    if (run->isolated)
        room_signal(&run->room, (int)info->ssi_signo);
    else
        child_signal(&run->child, (int)info->ssi_signo, info->ssi_code, (pid_t)info->ssi_pid);
}

static bool
run_ended(struct run *run)
{
    if (run->isolated)
        return run->ended || (run->ended = room_ended(&run->room, &run->status));
    child_attend(&run->child);
    return child_ended(&run->child, &run->status);
}

static void
run_take_signal(evutil_socket_t fd, short what, void *context)
{
    struct run *run = context;
    struct signalfd_siginfo info;
    (void)what;
    while (read((int)fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            run_signal(run, &info);
    }
    if (run_ended(run))
        event_base_loopbreak(run->base);
}

static enum kh_err
run_watch_signals(struct run *run, struct fault *fault)
{
    sigset_t set;
    // Inherited as ignored, nobody could be waited for.
    signal(SIGCHLD, SIG_DFL);
    run_signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, &run->mask_before);
    run->mask_changed = true;
    run->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (run->signal_fd >= 0)
        run->signal_event =
            event_new(run->base, run->signal_fd, EV_READ | EV_PERSIST, run_take_signal, run);
    if (run->signal_event == NULL || event_add(run->signal_event, NULL) != 0)
        return fault_set(fault, KH_ERR_IO, "signals cannot be waited for: %s", strerror(errno));
    return KH_OK;
}

enum kh_err
run_start(struct run *run, char *const argv[], struct fault *fault)
{
    enum kh_err err = run_watch_signals(run, fault);
    run->handed_over = err == KH_OK;
    if (err != KH_OK)
        return err;
    if (options_has(run->setup->options, RUN_OPTION_ISOLATE))
        return run_room_start(run, argv, fault);
    return child_start(argv, run->environment, &run->mask_before, &run->files_before, &run->child,
                       fault);
}

int
run_wait(struct run *run)
{
    while (!run_ended(run))
        if (event_base_dispatch(run->base) < 0)
            break;
    return run->status;
}
