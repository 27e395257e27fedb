/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the audit log by lines, from the beginning or near the end. */
#include "audit_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, LOOKS_MAX = 20, BETWEEN_MS = 10 };

static enum kh_err
read_fault(struct fault *fault)
{
    return errno == ENOENT ? fault_set(fault, KH_ERR_IO,
                                       "an older file of the audit log was moved away meanwhile")
                           : fault_set(fault, errno == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO,
                                       "the audit log: %s", strerror(errno));
}

/* ---- the files ---- */

void
audit_lines_init(struct audit_lines *lines, int fd)
{
    *lines = (struct audit_lines){.fd = fd, .older_fd = -1};
    buffer_init(&lines->pending, AUDIT_LINE_MAX + READ_SIZE);
}

// One that was moved away since it was listed, or is the one that is written, is none.
static void
add_older(struct audit_lines *lines, uint64_t first, const struct stat *current)
{
    char path[PATH_MAX];
    struct stat st;

    if (audit_name_path(lines->directory, first, path, NULL) || stat(path, &st) != 0 ||
        !S_ISREG(st.st_mode) || (st.st_ino == current->st_ino && st.st_dev == current->st_dev))
        return;
    size_t n = lines->older_count++;
    uint64_t start = n > 0 ? lines->older[n - 1].end : 0;
    lines->older[n] = (struct audit_older){
        .first = first, .start = start, .end = start + (uint64_t)st.st_size, .inode = st.st_ino};
}

static enum kh_err
list_older(struct audit_lines *lines, struct fault *fault)
{
    struct audit_names names;
    struct stat current;
    enum kh_err err = audit_names_list(lines->directory, &names, fault);

    if (!err && fstat(lines->fd, &current) != 0)
        err = read_fault(fault);
    if (!err && names.count > 0 &&
        (lines->older = calloc(names.count, sizeof *lines->older)) == NULL)
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    for (size_t i = 0; !err && i < names.count; i++)
        add_older(lines, names.first[i], &current);
    audit_names_free(&names);
    lines->open = lines->older_count;
    return err;
}

static bool
has_older(const char *directory)
{
    struct audit_names names;
    bool older = !audit_names_list(directory, &names, NULL) && names.count > 0;

    audit_names_free(&names);
    return older;
}

enum kh_err
audit_lines_open(const char *directory, struct audit_lines *lines, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = audit_name_path(directory, 0, path, fault);
    if (err != KH_OK)
        return err;
    // The file that is written first: one that a rotation renames meanwhile is in the list then.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int error = errno;
    for (int i = 0; fd < 0 && error == ENOENT && i < LOOKS_MAX && has_older(directory); i++) {
        poll(NULL, 0, BETWEEN_MS); // for a moment of a rotation there is none
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        error = errno;
    }
    if (fd < 0 && error == ENOENT)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no audit log in %s", directory);
    if (fd < 0)
        return fault_set(fault, error == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO, "%s: %s", path,
                         strerror(error));
    audit_lines_init(lines, fd);
    lines->directory = directory;
    err = list_older(lines, fault);
    if (err != KH_OK)
        audit_lines_close(lines);
    return err;
}

void
audit_lines_close(struct audit_lines *lines)
{
    if (lines->fd >= 0)
        close(lines->fd);
    if (lines->older_fd >= 0)
        close(lines->older_fd);
    free(lines->older);
    buffer_free(&lines->pending);
    lines->older = NULL;
    lines->older_count = lines->open = 0;
    lines->fd = lines->older_fd = -1;
}

static uint64_t
older_end(const struct audit_lines *lines)
{
    return lines->older_count > 0 ? lines->older[lines->older_count - 1].end : 0;
}

// The older file that holds a place; older_count: none.
static size_t
find_older(const struct audit_lines *lines, uint64_t at)
{
    size_t low = 0, high = lines->older_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lines->older[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
open_older(struct audit_lines *lines, size_t i)
{
    char path[PATH_MAX];
    if (lines->open == i)
        return true;
    if (lines->older_fd >= 0)
        close(lines->older_fd);
    lines->open = lines->older_count;
    lines->older_fd = -1;
    if (audit_name_path(lines->directory, lines->older[i].first, path, NULL) != KH_OK) {
        errno = ENAMETOOLONG;
        return false;
    }
    lines->older_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (lines->older_fd >= 0)
        lines->open = i;
    return lines->older_fd >= 0;
}

ssize_t
audit_lines_read(struct audit_lines *lines, void *out, size_t n, uint64_t at)
{
    size_t i = find_older(lines, at);
    if (i == lines->older_count)
        return pread(lines->fd, out, n, (off_t)(at - older_end(lines)));
    const struct audit_older *older = &lines->older[i];
    if (!open_older(lines, i))
        return -1;
    if (n > older->end - at)
        n = (size_t)(older->end - at);
    ssize_t got = pread(lines->older_fd, out, n, (off_t)(at - older->start));
    if (got == 0)
        errno = EIO; // it became shorter
    return got == 0 ? -1 : got;
}

uint64_t
audit_lines_size(const struct audit_lines *lines)
{
    struct stat status;
    uint64_t size =
        fstat(lines->fd, &status) == 0 && status.st_size > 0 ? (uint64_t)status.st_size : 0;
    return older_end(lines) + size;
}

uint64_t
audit_lines_position(const struct audit_lines *lines)
{
    return lines->at - (lines->pending.n - lines->used);
}

uint64_t
audit_lines_file(const struct audit_lines *lines)
{
    uint64_t position = audit_lines_position(lines);
    size_t i = find_older(lines, position > 0 ? position - 1 : 0);
    return i < lines->older_count ? lines->older[i].first : 0;
}

/* ---- lines ---- */

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
        ssize_t n = audit_lines_read(lines, room, READ_SIZE, lines->at);
        if (n == 0)
            return KH_OK;
        if (n < 0 && errno != EINTR)
            return read_fault(fault);
        if (n > 0) {
            buffer_advance(&lines->pending, (size_t)n);
            lines->at += (uint64_t)n;
        }
    }
}

struct bytes
audit_lines_torn(const struct audit_lines *lines)
{
    return bytes_from(buffer_bytes(&lines->pending), lines->used);
}

static void
begin_at(struct audit_lines *lines, uint64_t at)
{
    buffer_clear(&lines->pending);
    lines->used = 0;
    lines->at = at;
}

// So many bytes before `at`, of which a file may have fewer.
static bool
read_all(struct audit_lines *lines, char *out, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = audit_lines_read(lines, out, n, at);
        if (got <= 0)
            return false;
        out += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

enum kh_err
audit_lines_seek_last(struct audit_lines *lines, uint64_t count, struct fault *fault)
{
    char block[READ_SIZE];
    uint64_t at = audit_lines_size(lines), newlines = 0;
    // The newline before the first line that is wanted is the one after `count` others, whether or
    // not something torn stands at the end.
    while (at > 0) {
        size_t n = at < READ_SIZE ? (size_t)at : READ_SIZE;
        at -= n;
        if (!read_all(lines, block, n, at))
            return read_fault(fault);
        for (size_t i = n; i > 0; i--)
            if (block[i - 1] == '\n' && newlines++ == count) {
                begin_at(lines, at + i);
                return KH_OK;
            }
    }
    begin_at(lines, 0);
    return KH_OK;
}

enum kh_err
audit_lines_seek(struct audit_lines *lines, uint64_t at, struct fault *fault)
{
    struct bytes line;
    bool more;
    begin_at(lines, at > 0 ? at - 1 : 0);
    // The byte before belongs to the line that is passed over, if only its newline.
    return at > 0 ? audit_lines_next(lines, &line, &more, fault) : KH_OK;
}

enum kh_err
audit_lines_seek_behind(struct audit_lines *lines, uint64_t inode, struct fault *fault)
{
    uint64_t at = older_end(lines);
    for (size_t i = 0; i < lines->older_count; i++)
        if (lines->older[i].inode == inode)
            at = lines->older[i].end;
    return audit_lines_seek(lines, at, fault);
}
