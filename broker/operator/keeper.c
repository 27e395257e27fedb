/* SPDX-License-Identifier: Apache-2.0 */
/* A child process with pipes: secrets go in, a report comes out. */
#include "keeper.h"

#include "../supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { REPORT_FD = 9, SECRET_FD = 10, REPORT_MAX = 4 << 20 };

void
keeper_init(struct keeper *keeper, const char *work, const char *directory)
{
    *keeper = (struct keeper){0};
    keeper_add(keeper, "keyhole-authority");
    keeper_add(keeper, work);
    keeper_add_value(keeper, "--dir", directory);
    keeper_add_value(keeper, "--report-fd", "9");
}

void
keeper_add(struct keeper *keeper, const char *argument)
{
    if (keeper->count == KEEPER_ARGUMENTS_MAX)
        keeper->overflow = true;
    else
        keeper->argv[keeper->count++] = argument;
}

void
keeper_add_value(struct keeper *keeper, const char *option, const char *value)
{
    if (value == NULL)
        return;
    keeper_add(keeper, option);
    keeper_add(keeper, value);
}

void
keeper_add_secret(struct keeper *keeper, const char *option, const struct buffer *secret)
{
    size_t i = keeper->secret_count;
    if (secret->n == 0)
        return;
    if (i == KEEPER_SECRETS_MAX) {
        keeper->overflow = true;
        return;
    }
    keeper->secret_count++;
    keeper->secret[i] = secret;
    (void)snprintf(keeper->number[i], sizeof(keeper->number[i]), "%d", SECRET_FD + (int)i);
    keeper_add_value(keeper, option, keeper->number[i]);
}

/* ---- pipes ---- */

struct pipes {
    int report[2], secret[KEEPER_SECRETS_MAX][2];
};

static void
close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void
pipes_close(struct pipes *pipes)
{
    for (int end = 0; end < 2; end++) {
        close_end(&pipes->report[end]);
        for (size_t i = 0; i < KEEPER_SECRETS_MAX; i++)
            close_end(&pipes->secret[i][end]);
    }
}

// A pipe takes as many bytes as a secret may have at once, whether they are read or not. Ends are
// moved out of the way of the numbers that they get in the child.
static bool
pipes_open(const struct keeper *keeper, struct pipes *pipes)
{
    memset(pipes, 0xff, sizeof(*pipes));
    if (pipe2(pipes->report, O_CLOEXEC) != 0)
        return false;
    for (size_t i = 0; i < keeper->secret_count; i++) {
        const struct buffer *secret = keeper->secret[i];
        if (secret->n > KEEPER_SECRET_MAX || pipe2(pipes->secret[i], O_CLOEXEC) != 0 ||
            write(pipes->secret[i][1], secret->p, secret->n) != (ssize_t)secret->n)
            return false;
        close_end(&pipes->secret[i][1]);
    }
    return true;
}

static int
out_of_the_way(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 64);
}

static int
spawn_keeper(const struct keeper *keeper, const char *program, struct pipes *pipes, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    for (size_t i = 0; error == 0 && i <= keeper->secret_count; i++) {
        int *fd = i < keeper->secret_count ? &pipes->secret[i][0] : &pipes->report[1];
        int moved = out_of_the_way(*fd);
        close_end(fd);
        *fd = moved;
        error = moved < 0 ? errno
                          : posix_spawn_file_actions_adddup2(
                                &actions, moved,
                                i < keeper->secret_count ? SECRET_FD + (int)i : REPORT_FD);
    }
    if (error == 0)
        error = posix_spawn(pid, program, &actions, NULL, (char *const *)(uintptr_t)keeper->argv,
                            environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void
read_report(int fd, struct buffer *out)
{
    for (;;) {
        uint8_t *room = buffer_reserve(out, 16384);
        ssize_t n = room != NULL ? read(fd, room, 16384) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        buffer_advance(out, (size_t)n);
    }
}

enum operator_exit
keeper_run(struct keeper *keeper, json_t **report)
{
    char program[PATH_MAX];
    struct fault fault = {0};
    struct pipes pipes;
    pid_t pid = -1;
    int status = 0;
    BUFFER_AUTO text;
    buffer_init(&text, REPORT_MAX);
    if (keeper->overflow)
        return command_failed("that is more than one call can be given");
    if (spawn_find_program("keyhole-authority", program, sizeof(program), &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    if (!pipes_open(keeper, &pipes)) {
        pipes_close(&pipes);
        return command_failed("no pipe, or a secret is longer than %d bytes", KEEPER_SECRET_MAX);
    }
    int error = spawn_keeper(keeper, program, &pipes, &pid);
    close_end(&pipes.report[1]);
    if (error == 0)
        read_report(pipes.report[0], &text);
    pipes_close(&pipes);
    if (error != 0)
        return command_failed("%s: %s", program, strerror(error));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return command_failed("waiting for %s: %s", program, strerror(errno));
    if (!WIFEXITED(status))
        return command_failed("%s was ended by signal %d", program, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return EXIT_FAILED; // it has said why
    *report = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    return *report != NULL ? EXIT_DONE : command_failed("%s reported nothing", program);
}
