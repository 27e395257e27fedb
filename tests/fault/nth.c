/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting. The state is shared with children, so that a test can arm a process that it forked.
 */
#include "nth.h"

#include <errno.h>
#include <event2/event.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Also what the linker calls the real ones.
void *__real_mmap(void *p, size_t n, int protection, int flags, int fd, off_t at);

struct state {
    atomic_uint kinds; // 0: not armed
    atomic_int process;
    atomic_ulong n, calls;
    atomic_int mode;
    atomic_bool fired;
    char name[64];
};

static struct state *state;

bool
nth_fails(unsigned kind, const char *name)
{
    if (state == NULL || !(atomic_load(&state->kinds) & kind) ||
        getpid() != atomic_load(&state->process))
        return false;
    unsigned long i = atomic_fetch_add(&state->calls, 1) + 1, n = atomic_load(&state->n);
    if (i != n && !(atomic_load(&state->mode) == NTH_ONWARDS && i > n))
        return false;
    if (!atomic_exchange(&state->fired, true))
        snprintf(state->name, sizeof state->name, "%s", name);
    return true;
}

void
nth_target(pid_t process)
{
    atomic_store(&state->process, process);
}

void
nth_arm(unsigned kinds, unsigned long n, enum nth_mode mode)
{
    atomic_store(&state->n, n);
    atomic_store(&state->calls, 0);
    atomic_store(&state->mode, (int)mode);
    atomic_store(&state->fired, false);
    state->name[0] = '\0';
    atomic_store(&state->kinds, kinds);
}

bool
nth_disarm(unsigned long *calls)
{
    atomic_store(&state->kinds, 0);
    if (calls)
        *calls = atomic_load(&state->calls);
    return atomic_load(&state->fired);
}

const char *
nth_failed(void)
{
    return state->name;
}

// ---- every sync, sqlite's as well: the executable's definition comes before libc's ----

int
fsync(int fd)
{
    if (nth_fails(NTH_DISK, "fsync")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    if (nth_fails(NTH_DISK, "fdatasync")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

// ---- sqlite's system calls ----

static ssize_t
disk_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (nth_fails(NTH_DISK, "pwrite")) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, p, n, at);
}

static ssize_t
disk_pread(int fd, void *p, size_t n, off_t at)
{
    if (nth_fails(NTH_DISK, "pread")) {
        errno = EIO;
        return -1;
    }
    return pread(fd, p, n, at);
}

static int
disk_ftruncate(int fd, off_t n)
{
    if (nth_fails(NTH_DISK, "ftruncate")) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, n);
}

static void
replace(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr function)
{
    if (vfs->xSetSystemCall(vfs, name, function) != SQLITE_OK) {
        fprintf(stderr, "sqlite does not let %s be replaced\n", name);
        exit(1);
    }
}

void
nth_init(void)
{
    state =
        __real_mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (state == MAP_FAILED)
        abort();
    memset(state, 0, sizeof *state);
    nth_target(getpid());
    if (sqlite3_initialize() != SQLITE_OK)
        abort();
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    replace(vfs, "pwrite64", (sqlite3_syscall_ptr)disk_pwrite);
    replace(vfs, "pread64", (sqlite3_syscall_ptr)disk_pread);
    replace(vfs, "ftruncate", (sqlite3_syscall_ptr)disk_ftruncate);
}
