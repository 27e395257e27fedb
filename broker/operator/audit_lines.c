/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the audit log by lines, from the beginning or near the end. */
#include "audit_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

void
audit_lines_init(struct audit_lines *lines, int fd)
{
    *lines = (struct audit_lines){.fd = fd};
    buffer_init(&lines->pending, AUDIT_LINE_MAX + READ_SIZE);
}

enum kh_err
audit_lines_open(const char *directory, struct audit_lines *lines, struct fault *fault)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/audit.log", directory) >= (int)sizeof(path))
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no audit log in %s", directory);
    if (fd < 0)
        return fault_set(fault, errno == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO, "%s: %s", path,
                         strerror(errno));
    audit_lines_init(lines, fd);
    return KH_OK;
}

void
audit_lines_close(struct audit_lines *lines)
{
    if (lines->fd >= 0)
        close(lines->fd);
    buffer_free(&lines->pending);
    lines->fd = -1;
}

enum kh_err
audit_lines_next(struct audit_lines *lines, struct bytes *line, bool *more, struct fault *fault)
{
    *more = false;
    size_t searched = lines->used;
    for (;;) {
        struct bytes rest = bytes_from(buffer_bytes(&lines->pending), searched);
        size_t end = searched + bytes_index(rest, '\n');
        if (end < lines->pending.n) {
            *line = bytes_slice(buffer_bytes(&lines->pending), lines->used, end - lines->used);
            lines->used = end + 1;
            *more = true;
            return KH_OK;
        }
        buffer_consume(&lines->pending, lines->used);
        lines->used = 0;
        searched = lines->pending.n;
        uint8_t *room = buffer_reserve(&lines->pending, READ_SIZE);
        if (room == NULL)
            return fault_set(fault, KH_ERR_TOO_LONG, "a line of the audit log is far too long");
        ssize_t n = read(lines->fd, room, READ_SIZE);
        if (n == 0)
            return KH_OK;
        if (n < 0 && errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "the audit log: %s", strerror(errno));
        if (n > 0)
            buffer_advance(&lines->pending, (size_t)n);
    }
}

struct bytes
audit_lines_torn(const struct audit_lines *lines)
{
    return bytes_from(buffer_bytes(&lines->pending), lines->used);
}

enum kh_err
audit_lines_seek_last(struct audit_lines *lines, uint64_t count, struct fault *fault)
{
    char block[READ_SIZE];
    off_t size = lseek(lines->fd, 0, SEEK_END), at = size;
    uint64_t newlines = 0;
    // The newline before the first line that is wanted is the one after `count` others, whether or
    // not something torn stands at the end.
    while (at > 0) {
        size_t n = at < READ_SIZE ? (size_t)at : READ_SIZE;
        at -= (off_t)n;
        if (pread(lines->fd, block, n, at) != (ssize_t)n)
            return fault_set(fault, KH_ERR_IO, "the audit log: %s", strerror(errno));
        for (size_t i = n; i > 0; i--)
            if (block[i - 1] == '\n' && newlines++ == count) {
                at += (off_t)i;
                return lseek(lines->fd, at, SEEK_SET) == at
                           ? KH_OK
                           : fault_set(fault, KH_ERR_IO, "the audit log: %s", strerror(errno));
            }
    }
    if (size < 0 || lseek(lines->fd, 0, SEEK_SET) != 0)
        return fault_set(fault, KH_ERR_IO, "the audit log: %s", strerror(errno));
    return KH_OK;
}
