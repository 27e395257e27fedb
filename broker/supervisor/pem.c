/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files of the operator: found, readable, of the right kind. The proxy parses them. */
#include "pem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
pem_has_label(struct bytes text, const char *label)
{
    struct bytes line;
    while (bytes_cut(&text, '\n', &line)) {
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!bytes_starts(line, BYTES("-----BEGIN ")) || !bytes_ends(line, BYTES("-----")))
            continue;
        line = bytes_slice(line, 11, line.n >= 16 ? line.n - 16 : 0);
        if (bytes_ends(line, bytes_str(label)))
            return true;
    }
    return false;
}

static enum kh_err
pem_read_all(int fd, const char *path, struct buffer *out, struct fault *fault)
{
    for (;;) {
        uint8_t *room = buffer_reserve(out, 4096);
        if (room == NULL)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s is too large for a PEM file", path);
        ssize_t n = read(fd, room, 4096);
        if (n == 0)
            return KH_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        buffer_advance(out, (size_t)n);
    }
}

enum kh_err
pem_read(const char *path, const char *label, struct buffer *out, struct fault *fault)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        enum kh_err err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return err;
    }
    enum kh_err err;
    if (!S_ISREG(status.st_mode))
        err = fault_set(fault, KH_ERR_IO, "%s is not a file", path);
    else if (strcmp(label, "PRIVATE KEY") == 0 && (status.st_mode & 007) != 0)
        err = fault_set(fault, KH_ERR_PERMISSION,
                        "%s is a private key that everyone may read: chmod o= %s", path, path);
    else
        err = pem_read_all(fd, path, out, fault);
    close(fd);
    if (err == KH_OK && !pem_has_label(buffer_bytes(out), label))
        err = fault_set(fault, KH_ERR_SYNTAX, "%s has no PEM block \"%s\"", path, label);
    return err;
}
