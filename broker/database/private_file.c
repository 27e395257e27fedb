/* SPDX-License-Identifier: Apache-2.0
 *
 * Private files: rights are checked on the descriptor that is read, so that nothing can be swapped
 * in between; replacement goes by rename.
 */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kh_err
errno_fault(const char *what, const char *path, struct fault *fault)
{
    int error = errno;
    enum kh_err err = KH_ERR_IO;

    if (error == ENOENT)
        err = KH_ERR_NOT_FOUND;
    else if (error == EACCES || error == EPERM || error == EROFS)
        err = KH_ERR_PERMISSION;
    else if (error == EEXIST)
        err = KH_ERR_EXISTS;
    return fault_set(fault, err, "%s: cannot %s: %s", path, what, strerror(error));
}

static enum kh_err
check_stat(const struct stat *st, mode_t type, const char *path, struct fault *fault)
{
    bool directory = type == S_IFDIR;

    if ((st->st_mode & S_IFMT) != type)
        return fault_set(fault, KH_ERR_PERMISSION, "%s: is not a %s", path,
                         directory ? "directory" : "regular file");
    if (st->st_uid != geteuid())
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s: belongs to user id %u, but this runs as %u; run it as that user, or "
                         "chown the whole state directory",
                         path, (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & (S_IRWXG | S_IRWXO))
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s: mode %04o lets others in; see who could read it, then: chmod %s %s",
                         path, (unsigned)(st->st_mode & 07777), directory ? "700" : "600", path);
    return KH_OK;
}

static enum kh_err
check_path(const char *path, mode_t type, struct fault *fault)
{
    struct stat st;

    if (lstat(path, &st))
        return errno_fault("look at it", path, fault);
    return check_stat(&st, type, path, fault);
}

enum kh_err
private_file_check(const char *path, struct fault *fault)
{
    return check_path(path, S_IFREG, fault);
}

enum kh_err
private_directory_check(const char *path, struct fault *fault)
{
    return check_path(path, S_IFDIR, fault);
}

enum kh_err
private_file_check_fd(int fd, const char *path, struct fault *fault)
{
    struct stat st;

    if (fstat(fd, &st))
        return errno_fault("look at it", path, fault);
    return check_stat(&st, S_IFREG, path, fault);
}

static enum kh_err
read_whole(int fd, const char *path, size_t max, struct buffer *out, struct fault *fault)
{
    size_t start = out->n;

    for (;;) {
        // One byte more than allowed, so that a longer file shows.
        size_t want = max + 1 - (out->n - start);
        if (want > 4096)
            want = 4096;
        uint8_t *room = buffer_reserve(out, want);
        if (room == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "%s: no memory to read it", path);
        ssize_t got = read(fd, room, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno_fault("read", path, fault);
        if (got == 0)
            return KH_OK;
        buffer_advance(out, (size_t)got);
        if (out->n - start > max)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s: is longer than %zu bytes", path, max);
    }
}

enum kh_err
private_file_check_granted(const char *path, struct fault *fault)
{
    struct stat st;

    if (stat(path, &st))
        return errno == ENOENT ? KH_ERR_NOT_FOUND
                               : fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    if (st.st_mode & S_IRWXO)
        return fault_set(fault, KH_ERR_PERMISSION, "%s: mode %04o lets everybody read it", path,
                         (unsigned)(st.st_mode & 07777));
    return KH_OK;
}

enum kh_err
private_file_read(const char *path, size_t max, bool rights_checked, struct buffer *out,
                  struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (rights_checked ? O_NOFOLLOW : 0));
    enum kh_err err = KH_OK;

    if (fd < 0)
        return errno_fault("open", path, fault);
    if (rights_checked)
        err = private_file_check_fd(fd, path, fault);
    if (!err)
        err = read_whole(fd, path, max, out, fault);
    close(fd);
    return err;
}

bool
private_file_write_all(int fd, struct bytes data)
{
    while (data.n > 0) {
        ssize_t done = write(fd, data.p, data.n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        if (done == 0) {
            errno = ENOSPC;
            return false;
        }
        data = bytes_from(data, (size_t)done);
    }
    return true;
}

static enum kh_err
write_new(const char *path, mode_t mode, struct bytes contents, bool sync, struct fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum kh_err err = KH_OK;

    if (fd < 0)
        return errno_fault("create", path, fault);
    if (fchmod(fd, mode) || !private_file_write_all(fd, contents) || (sync && fsync(fd)))
        err = errno_fault("write", path, fault);
    if (close(fd) && !err)
        err = errno_fault("write", path, fault);
    if (err)
        (void)unlink(path);
    return err;
}

enum kh_err
private_file_create(const char *path, mode_t mode, struct bytes contents, struct fault *fault)
{
    enum kh_err err = write_new(path, mode, contents, true, fault);
    return err ? err : private_file_sync_parent(path, fault);
}

enum kh_err
private_file_replace(const char *path, struct bytes contents, bool sync, struct fault *fault)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);

    if (n < 0 || (size_t)n >= sizeof temporary)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", path);
    if (unlink(temporary) && errno != ENOENT)
        return errno_fault("remove", temporary, fault);
    enum kh_err err = write_new(temporary, 0600, contents, sync, fault);
    if (err)
        return err;
    if (rename(temporary, path)) {
        err = errno_fault("replace", path, fault);
        (void)unlink(temporary);
        return err;
    }
    return sync ? private_file_sync_parent(path, fault) : KH_OK;
}

enum kh_err
private_file_sync_parent(const char *path, struct fault *fault)
{
    char copy[PATH_MAX];
    int n = snprintf(copy, sizeof copy, "%s", path);

    if (n < 0 || (size_t)n >= sizeof copy)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", path);
    const char *parent = dirname(copy);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno_fault("open", parent, fault);
    enum kh_err err = fsync(fd) ? errno_fault("sync", parent, fault) : KH_OK;
    close(fd);
    return err;
}
