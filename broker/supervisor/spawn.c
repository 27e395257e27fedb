/* SPDX-License-Identifier: Apache-2.0 */
/* fork and execve, with nothing passed on that was not meant to be. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SPAWN_ENVIRONMENT_MAX = 8, SPAWN_FD_ABOVE = 16 };

/* Requests come and go by dozens in a turn of the loop: the C library's cache for a thread, seven
 * blocks of a size by default, is too small for that. Others than glibc do not know the name. */
static const char malloc_cache[] = "GLIBC_TUNABLES=glibc.malloc.tcache_count=127";

struct environment {
    char *variable[SPAWN_ENVIRONMENT_MAX + 1];
    size_t count;
};

static void
environment_free(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->variable[i]);
    *environment = (struct environment){0};
}

static bool
environment_take(struct environment *environment, char *text)
{
    if (text == NULL || environment->count == SPAWN_ENVIRONMENT_MAX) {
        free(text);
        return false;
    }
    environment->variable[environment->count++] = text;
    return true;
}

static enum kh_err
environment_init(struct environment *environment, const char *const *keep)
{
    *environment = (struct environment){0};
    bool fits = environment_take(environment, strdup(malloc_cache));
    for (; fits && keep != NULL && *keep != NULL; keep++) {
        const char *value = getenv(*keep);
        char *text = NULL;
        if (value == NULL)
            continue;
        if (asprintf(&text, "%s=%s", *keep, value) < 0)
            text = NULL;
        fits = environment_take(environment, text);
    }
    if (fits)
        return KH_OK;
    environment_free(environment);
    return KH_ERR_MEMORY;
}

// A terminal's Ctrl-C and a service manager's SIGTERM go to every process: the children wait for
// what the supervisor tells them, so that running requests are finished.
static void
child_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    static const int defaults[] = {SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        signal(defaults[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Everything is first moved out of the way: a descriptor may stand where another one has to go.
static bool
child_descriptors(const struct spawn *spawn)
{
    const int wanted[SPAWN_FD_END] = {
        [STDIN_FILENO] = spawn->null_fd,
        [STDOUT_FILENO] = spawn->null_fd,
        [STDERR_FILENO] = -1, // stays
        [SPAWN_CHANNEL_FD] = spawn->channel_fd,
        [SPAWN_EXTRA_FD] = spawn->extra_fd,
        [SPAWN_METRICS_FD] = spawn->metrics_fd,
        [SPAWN_JOURNAL_FD] = spawn->journal_fd,
    };
    int moved[SPAWN_FD_END];
    for (int i = 0; i < SPAWN_FD_END; i++) {
        moved[i] = wanted[i] < 0 ? -1 : fcntl(wanted[i], F_DUPFD_CLOEXEC, SPAWN_FD_ABOVE);
        if (wanted[i] >= 0 && moved[i] < 0)
            return false;
    }
    for (int i = 0; i < SPAWN_FD_END; i++) {
        if (i == STDERR_FILENO)
            continue;
        if (moved[i] >= 0 ? dup2(moved[i], i) < 0 : close_range((unsigned)i, (unsigned)i, 0) != 0)
            return false;
    }
    return close_range(SPAWN_FD_END, ~0U, 0) == 0;
}

// Between fork and execve: only calls that are safe in a signal handler.
_Noreturn static void
child_main(const struct spawn *spawn, pid_t parent, char *const *environment)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(126);
    child_signals();
    if (!child_descriptors(spawn))
        _exit(126);
    execve(spawn->program, (char *const *)(uintptr_t)spawn->argv, environment);
    _exit(127);
}

enum kh_err
spawn_child(const struct spawn *spawn, pid_t *pid, struct fault *fault)
{
    struct environment environment;
    enum kh_err err = environment_init(&environment, spawn->keep);
    if (err != KH_OK)
        return fault_set(fault, err, "cannot start %s: no memory", spawn->program);
    // A signal between fork and execve must not reach the supervisor's handlers in the child: they
    // write to a pipe that both share.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        child_main(spawn, parent, environment.variable);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    environment_free(&environment);
    if (child < 0)
        return fault_set(fault, KH_ERR_IO, "cannot start %s: %s", spawn->program, strerror(error));
    *pid = child;
    return KH_OK;
}

#ifndef KEYHOLE_LIBEXEC
static enum kh_err
libexec_beside_us(char *out, size_t cap, struct fault *fault)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return fault_set(fault, KH_ERR_IO, "/proc/self/exe: %s", strerror(errno));
    self[n] = '\0';
    // A program that was replaced while it ran is shown as "… (deleted)"; its directory is right.
    char *slash = strrchr(self, '/');
    if (slash == NULL)
        return fault_set(fault, KH_ERR_IO, "/proc/self/exe is not a path");
    *slash = '\0';
    if ((slash = strrchr(self, '/')) == NULL)
        return fault_set(fault, KH_ERR_IO, "/proc/self/exe is not a path");
    *slash = '\0';
    if (snprintf(out, cap, "%s/libexec/keyhole", self) >= (int)cap)
        return fault_set(fault, KH_ERR_TOO_LONG, "the programs' directory name is too long");
    return KH_OK;
}
#endif

enum kh_err
spawn_find_program(const char *name, char *out, size_t cap, struct fault *fault)
{
    char directory[PATH_MAX];
#ifdef KEYHOLE_LIBEXEC
    snprintf(directory, sizeof(directory), "%s", KEYHOLE_LIBEXEC);
#else
    enum kh_err err = libexec_beside_us(directory, sizeof(directory), fault);
    if (err != KH_OK)
        return err;
#endif
    if (snprintf(out, cap, "%s/%s", directory, name) >= (int)cap)
        return fault_set(fault, KH_ERR_TOO_LONG, "the programs' directory name is too long");
    if (access(out, X_OK) != 0)
        return fault_set(fault, KH_ERR_NOT_FOUND, "%s: %s", out, strerror(errno));
    return KH_OK;
}
