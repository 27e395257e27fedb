/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that runs in our place, as far as its user can see: same terminal, same process group,
 * same signals, same exit status. (A program in a closed room: room.h.)
 */
#ifndef KEYHOLE_CLIENT_CHILD_H
#define KEYHOLE_CLIENT_CHILD_H

#include "../caveats/errors.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

/* As shells do. */
enum { CHILD_NOT_EXECUTABLE = 126, CHILD_NOT_FOUND = 127, CHILD_SIGNALLED = 128 };

struct child {
    pid_t pid;
    bool ended;
    int status;
};

/* Start `argv` (looked up in PATH) with the environment `envp`; `mask` is its signal mask,
 * `files` its limit of descriptors (RLIMIT_NOFILE); NULL leaves either as ours. When it cannot be
 * executed: KH_ERR_NOT_FOUND or KH_ERR_PERMISSION, and nothing runs. KH_ERR_IO. */
KH_MUST_CHECK enum kh_err child_start(char *const argv[], char *const envp[], const sigset_t *mask,
                                      const struct rlimit *files, struct child *out,
                                      struct fault *fault);

/* After SIGCHLD. Where the program was stopped from its terminal, so are we, until both go on. */
void child_attend(struct child *child);
/* Whether it ended; its exit status then, 128 and more for a signal. */
bool child_ended(const struct child *child, int *status);
/* Hand a signal on that was for us alone: not what the terminal sent to the whole group, nor what
 * the program itself sent. */
void child_signal(const struct child *child, int number, int code, pid_t sender);

#endif
