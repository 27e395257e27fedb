/* SPDX-License-Identifier: Apache-2.0
 *
 * Work files: made, told from those in use, removed.
 */
#include "leftover.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 8, REMOVE_DEPTH = 16 };

// ---- in use ----

// Between its making and the lock another process may have taken it for a leftover.
static bool
take(int fd, const char *path)
{
    struct stat here, there;

    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &here) == 0 && lstat(path, &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static enum kh_err
cannot(const char *path, struct fault *fault)
{
    return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
}

enum kh_err
leftover_make_directory(const char *parent, const char *prefix, char path[PATH_MAX], int *fd,
                        struct fault *fault)
{
    for (int i = 0; i < TRIES; i++) {
        int n = snprintf(path, PATH_MAX, "%s/%sXXXXXX", parent, prefix);
        if (n < 0 || n >= PATH_MAX)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", parent);
        if (mkdtemp(path) == NULL)
            return cannot(path, fault);
        int made = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (made >= 0 && take(made, path)) {
            *fd = made;
            return KH_OK;
        }
        if (made >= 0)
            close(made);
        (void)rmdir(path);
    }
    return fault_set(fault, KH_ERR_IO, "%s: is removed whenever it is made", path);
}

enum kh_err
leftover_make_file(const char *path, int *fd, struct fault *fault)
{
    for (int i = 0; i < TRIES; i++) {
        int made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (made < 0)
            return cannot(path, fault);
        // Where there are no such locks, nothing is a leftover either.
        errno = 0;
        if (take(made, path) || errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS) {
            *fd = made;
            return KH_OK;
        }
        close(made);
    }
    return fault_set(fault, KH_ERR_IO, "%s: is removed whenever it is made", path);
}

// ---- what nobody uses ----

static bool
is_of_the_kind(const char *name, const char *prefix, const char *suffix)
{
    size_t n = strlen(name), before = strlen(prefix), behind = strlen(suffix);

    if (n <= before + behind || strncmp(name, prefix, before) != 0 ||
        strcmp(name + n - behind, suffix) != 0)
        return false;
    for (size_t i = before; i < n - behind; i++)
        if (!isalnum((unsigned char)name[i]))
            return false;
    return true;
}

static bool
clean_one(int parent_fd, const char *parent, const char *name, mode_t type)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", parent, name);
    int fd = openat(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool unused = n > 0 && n < PATH_MAX && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
                  st.st_uid == geteuid() && take(fd, path);
    if (unused && type == S_IFDIR)
        leftover_remove_tree(path);
    else if (unused)
        (void)unlinkat(parent_fd, name, 0);
    close(fd);
    return unused;
}

size_t
leftover_clean(const char *parent, const char *prefix, const char *suffix, mode_t type)
{
    DIR *listing = opendir(parent);
    const struct dirent *entry;
    size_t count = 0;

    if (listing == NULL)
        return 0;
    while ((entry = readdir(listing)) != NULL)
        if (is_of_the_kind(entry->d_name, prefix, suffix))
            count += clean_one(dirfd(listing), parent, entry->d_name, type);
    closedir(listing);
    return count;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    (void)remove(path);
    return 0;
}

void
leftover_remove_tree(const char *directory)
{
    (void)nftw(directory, remove_one, REMOVE_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
