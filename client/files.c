/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files: where they are, read whole, written whole.
 */
#include "files.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_PATH_MAX = 4096, FILES_READ_STEP = 4096 };

enum kh_err
files_path(const char *variable, const char *fallback, const char *rest, struct buffer *out,
           struct fault *fault)
{
    const char *base = cli_environment(variable), *home = cli_environment("HOME");
    if (base != NULL && base[0] == '/')
        buffer_printf(out, "%s/%s", base, rest);
    else if (home != NULL && home[0] == '/')
        buffer_printf(out, "%s/%s/%s", home, fallback, rest);
    else
        return fault_set(fault, KH_ERR_NOT_FOUND, "neither %s nor HOME is set to a directory",
                         variable);
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "the path is too long") : KH_OK;
}

static enum kh_err
files_read_descriptor(int fd, const char *path, struct buffer *out, struct fault *fault)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fault_set(fault, KH_ERR_IO, "%s is not a regular file", path);
    for (;;) {
        size_t room = out->max - out->n < FILES_READ_STEP ? out->max - out->n : FILES_READ_STEP;
        uint8_t byte = 0, *to = room > 0 ? buffer_reserve(out, room) : &byte;
        ssize_t n = to != NULL ? read(fd, to, room > 0 ? room : 1) : -1;
        if (n == 0)
            return KH_OK;
        if (n < 0 && to != NULL && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        if (room == 0)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s is longer than %zu bytes", path, out->max);
        buffer_advance(out, (size_t)n);
    }
}

enum kh_err
files_read(const char *path, struct buffer *out, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fault_set(fault, errno == ENOENT || errno == ENOTDIR ? KH_ERR_NOT_FOUND : KH_ERR_IO,
                         "%s: %s", path, strerror(errno));
    enum kh_err err = files_read_descriptor(fd, path, out, fault);
    close(fd);
    return err;
}

static enum kh_err
files_make_directories(const char *path, struct fault *fault)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = KH_OK;
    for (char *slash = strchr(copy + 1, '/'); err == KH_OK && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            err = fault_set(fault, KH_ERR_IO, "making %s: %s", copy, strerror(errno));
        *slash = '/';
    }
    free(copy);
    return err;
}

static bool
files_write_all(int fd, struct bytes contents)
{
    while (contents.n > 0) {
        ssize_t n = write(fd, contents.p, contents.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        contents = bytes_from(contents, (size_t)n);
    }
    return true;
}

enum kh_err
files_write(const char *path, struct bytes contents, struct fault *fault)
{
    enum kh_err err = files_make_directories(path, fault);
    if (err != KH_OK)
        return err;
    BUFFER_AUTO name;
    buffer_init(&name, FILES_PATH_MAX);
    buffer_printf(&name, "%s.XXXXXX", path);
    buffer_put_byte(&name, '\0');
    if (name.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the path is too long");
    int fd = mkostemp((char *)name.p, O_CLOEXEC); // mode 0600
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "writing %s: %s", path, strerror(errno));
    bool ok = files_write_all(fd, contents) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (ok && rename((const char *)name.p, path) == 0)
        return KH_OK;
    err = fault_set(fault, KH_ERR_IO, "writing %s: %s", path, strerror(errno));
    unlink((const char *)name.p);
    return err;
}
