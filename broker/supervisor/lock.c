/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: is it one, and is it ours alone. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum kh_err
lock_check_owner(const char *directory, struct fault *fault)
{
    struct stat status;
    if (stat(directory, &status) != 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
    if (status.st_uid != geteuid())
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s belongs to user %u, and this is user %u: run keyholed as its owner",
                         directory, (unsigned)status.st_uid, (unsigned)geteuid());
    // Whoever can write here can put another socket or database in place.
    if ((status.st_mode & 022) != 0)
        return fault_set(fault, KH_ERR_PERMISSION, "%s can be written by others: chmod 0700 %s",
                         directory, directory);
    return KH_OK;
}

enum kh_err
lock_check_directory(const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    struct stat status;
    if (snprintf(path, sizeof(path), "%s/keyholed.db", directory) >= (int)sizeof(path))
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    if (stat(path, &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return fault_set(fault, KH_ERR_NOT_FOUND,
                             "%s holds no broker yet: run keyholed init --dir %s", directory,
                             directory);
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    }
    return lock_check_owner(directory, fault);
}

static void
lock_read_holder(int fd, char *out, size_t cap)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    uint64_t pid;
    if (n > 0 && text[n - 1] == '\n')
        n--;
    if (n > 0 && bytes_to_u64(bytes_of(text, (size_t)n), &pid))
        snprintf(out, cap, " (process %llu)", (unsigned long long)pid);
    else
        out[0] = '\0';
}

// A restore that failed removes a directory that it had made, and the lock in it.
static bool
is_still_there(int fd, const char *path)
{
    struct stat here, there;
    return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

enum kh_err
lock_take(const char *directory, int *fd, struct fault *fault)
{
    char path[PATH_MAX], holder[48];
    if (snprintf(path, sizeof(path), "%s/keyholed.lock", directory) >= (int)sizeof(path))
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        enum kh_err err;
        if (errno == EWOULDBLOCK) {
            lock_read_holder(lock, holder, sizeof(holder));
            err = fault_set(fault, KH_ERR_EXISTS, "another broker%s runs in %s", holder, directory);
        } else {
            err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        }
        close(lock);
        return err;
    }
    if (!is_still_there(lock, path)) {
        close(lock);
        return fault_set(fault, KH_ERR_IO, "%s was removed meanwhile; try again", directory);
    }
    // The number is for people; the lock is what counts.
    int n = snprintf(holder, sizeof(holder), "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, holder, (size_t)n, 0) != n) {
        enum kh_err err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        close(lock);
        return err;
    }
    *fd = lock;
    return KH_OK;
}
