/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls that change names, or bring something to the disk: steps at which a test ends the
 * process. An executable's definitions, and those of what is preloaded, come before libc's, for the
 * libraries as well.
 *
 * Whoever includes this defines `static void count_step(void)` before it, and may define
 * STEPS_OF_WRITES (writes are steps as well), STEPS_WITHOUT_DISK (nothing waits for the disk: it is
 * the process that is killed, and not the machine) and STEPS_OWN_RENAMEAT2 (it has that one
 * itself).
 */
#ifndef KEYHOLE_TEST_STEPS_H
#define KEYHOLE_TEST_STEPS_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef STEPS_OWN_RENAMEAT2
int
renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    count_step();
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}
#endif

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

static inline int
step_of_disk(long call, int fd)
{
    count_step();
#ifdef STEPS_WITHOUT_DISK
    (void)call, (void)fd;
    return 0;
#else
    return (int)syscall(call, fd);
#endif
}

int
fsync(int fd)
{
    return step_of_disk(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    return step_of_disk(SYS_fdatasync, fd);
}

#ifdef STEPS_OF_WRITES
ssize_t
write(int fd, const void *p, size_t n)
{
    count_step();
    return syscall(SYS_write, fd, p, n);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t at)
{
    count_step();
    return syscall(SYS_pwrite64, fd, p, n, at);
}
#endif

#endif
