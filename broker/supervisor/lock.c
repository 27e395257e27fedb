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

// The word is in the file behind the process; a broker's has the number alone.
static const struct {
    const char *word, *who, *does, *advice;
} uses[LOCK_USES] = {
    [LOCK_BROKER] = {"", "another broker", "runs", "stop it first"},
    [LOCK_RESTORE] = {"restore", "a restore", "is at work", "wait for it"},
    [LOCK_CHANGE_MASTER] = {"change-master", "a change of the master key", "is at work",
                            "wait for it"},
};

static enum kh_err
lock_is_held(int fd, const char *directory, struct fault *fault)
{
    char text[64], process[48] = "";
    ssize_t n = pread(fd, text, sizeof(text), 0);
    struct bytes rest = bytes_of(text, n > 0 ? (size_t)n : 0), number = BYTES_EMPTY, word;
    uint64_t pid;
    size_t use = LOCK_BROKER;
    if (bytes_cut(&rest, '\n', &number) && bytes_to_u64(number, &pid))
        snprintf(process, sizeof(process), " (process %llu)", (unsigned long long)pid);
    if (bytes_cut(&rest, '\n', &word))
        for (size_t i = 0; i < LOCK_USES; i++)
            if (bytes_is(word, uses[i].word))
                use = i;
    return fault_set(fault, KH_ERR_EXISTS, "%s%s %s in %s: %s", uses[use].who, process,
                     uses[use].does, directory, uses[use].advice);
}

// For people; the lock is what counts.
static enum kh_err
lock_say(int fd, enum lock_use use, const char *path, struct fault *fault)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%ld\n%s%s", (long)getpid(), uses[use].word,
                     use != LOCK_BROKER ? "\n" : "");
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    return KH_OK;
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
lock_take(const char *directory, enum lock_use use, int *fd, struct fault *fault)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/keyholed.lock", directory) >= (int)sizeof(path))
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        enum kh_err err = errno == EWOULDBLOCK
                              ? lock_is_held(lock, directory, fault)
                              : fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        close(lock);
        return err;
    }
    if (!is_still_there(lock, path)) {
        close(lock);
        return fault_set(fault, KH_ERR_IO, "%s was removed meanwhile; try again", directory);
    }
    enum kh_err err = lock_say(lock, use, path, fault);
    if (err != KH_OK) {
        close(lock);
        return err;
    }
    *fd = lock;
    return KH_OK;
}
