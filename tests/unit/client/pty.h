/* SPDX-License-Identifier: Apache-2.0
 *
 * A terminal of a test's own, and somebody who types.
 */
#ifndef KEYHOLE_CLIENT_PTY_TEST_H
#define KEYHOLE_CLIENT_PTY_TEST_H

#include "client_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

/* What `ask` gives in a process whose terminal somebody types `keys` into, a line at each prompt (a
 * "? " or ": " at the end); `screen` is what is seen. */
static inline int
test_at_terminal(int (*ask)(void), const char *keys, char *screen, size_t cap)
{
    int master = -1, status = 0;
    size_t n = 0;
    ssize_t part;
    const char *next = keys;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    if (pid == 0)
        _exit(ask());
    if (pid < 0) { // a root without /dev/pts
        print_message("skipped: no pseudo-terminal is to be had: %s\n", strerror(errno));
        skip();
    }
    while ((part = read(master, screen + n, cap - 1 - n)) > 0) {
        n += (size_t)part;
        screen[n] = '\0';
        if (*next != '\0' && n > 2 && screen[n - 1] == ' ' && strchr("?:", screen[n - 2]) != NULL) {
            size_t line = strcspn(next, "\r") + (strchr(next, '\r') != NULL);
            assert_int_equal(write(master, next, line), line);
            next += line;
        }
    }
    screen[n] = '\0';
    close(master);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
