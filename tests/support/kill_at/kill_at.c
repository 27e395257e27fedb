/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by tests of what a power cut leaves: the process whose program ends with $KILL_PROGRAM
 * is killed, and with it the one that started it, at its $KILL_AT'th call that changes names or
 * brings something to the disk. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long step, kill_at;

__attribute__((constructor)) static void
begin(void)
{
    const char *program = getenv("KILL_PROGRAM"), *at = getenv("KILL_AT");
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (program == NULL || at == NULL || n <= (ssize_t)strlen(program))
        return;
    self[n] = '\0';
    if (strcmp(self + n - strlen(program), program) == 0)
        kill_at = strtoul(at, NULL, 10);
}

static void
count_step(void)
{
    if (kill_at == 0 || ++step != kill_at)
        return;
    (void)kill(getppid(), SIGKILL);
    (void)kill(getpid(), SIGKILL);
}

int
renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    count_step();
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int
rename(const char *from, const char *to)
{
    count_step();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
mkdir(const char *path, mode_t mode)
{
    count_step();
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int
rmdir(const char *path)
{
    count_step();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int
unlink(const char *path)
{
    count_step();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int
remove(const char *path)
{
    count_step();
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    return done ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) : done;
}

int
fsync(int fd)
{
    count_step();
    return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    count_step();
    return (int)syscall(SYS_fdatasync, fd);
}
