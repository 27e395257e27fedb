/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of the audit log, one after the other: those of the older files beside DIR/audit.log
 * come first, as if all were one. Places in it are counted over all of them.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_LINES_H
#define KEYHOLE_OPERATOR_AUDIT_LINES_H

#include "../../caveats/errors.h"
#include "../audit_names.h"

#include <sys/types.h>

enum { AUDIT_LINE_MAX = 2 * 1024 * 1024 };

struct audit_older {
    uint64_t first;      /* record */
    uint64_t start, end; /* places */
    uint64_t inode;
};

struct audit_lines {
    int fd;                /* of the file that is written */
    const char *directory; /* borrowed; NULL: there are no older files */
    struct audit_older *older;
    size_t older_count;
    size_t open; /* the older file that `older_fd` is, or older_count: none */
    int older_fd;
    uint64_t at; /* the place behind `pending` */
    struct buffer pending;
    size_t used; /* of pending: given out already */
};

/* KH_ERR_NOT_FOUND when there is no log. `directory` is borrowed until audit_lines_close. */
KH_MUST_CHECK enum kh_err audit_lines_open(const char *directory, struct audit_lines *lines,
                                           struct fault *fault);
void audit_lines_init(struct audit_lines *lines, int fd); /* one file; takes `fd` over */
void audit_lines_close(struct audit_lines *lines);

/* The next whole line, without its newline, valid until the next call; `*more` is false at the end
 * of what is there now. Calling again later gives what was added. */
KH_MUST_CHECK enum kh_err audit_lines_next(struct audit_lines *lines, struct bytes *line,
                                           bool *more, struct fault *fault);
/* Bytes after the last newline. */
struct bytes audit_lines_torn(const struct audit_lines *lines);

/* Before the first line is read: begin with the last `count` whole lines. */
KH_MUST_CHECK enum kh_err audit_lines_seek_last(struct audit_lines *lines, uint64_t count,
                                                struct fault *fault);

/* Likewise: pass over lines whose time is before `since`, without reading them; some may be left.
 * Clocks are set back now and then: AUDIT_CLOCK_SLACK_S before it is where reading begins. */
enum { AUDIT_CLOCK_SLACK_S = 600 };
KH_MUST_CHECK enum kh_err audit_lines_seek_time(struct audit_lines *lines, int64_t since,
                                                struct fault *fault);

/* Likewise: begin with the first line at or behind place `at`. */
KH_MUST_CHECK enum kh_err audit_lines_seek(struct audit_lines *lines, uint64_t at,
                                           struct fault *fault);
/* Likewise: with the file behind the one of that inode, or if there is no such older file, with the
 * one that is written. */
KH_MUST_CHECK enum kh_err audit_lines_seek_behind(struct audit_lines *lines, uint64_t inode,
                                                  struct fault *fault);

/* Bytes that were given out, and those of the whole log now. */
uint64_t audit_lines_position(const struct audit_lines *lines);
uint64_t audit_lines_size(const struct audit_lines *lines);
/* The older file that the last line is of, or 0: of the one that is written. */
uint64_t audit_lines_file(const struct audit_lines *lines);

/* As pread: at a place, up to the end of one file. 0 at the end of all; negative with errno set. */
ssize_t audit_lines_read(struct audit_lines *lines, void *out, size_t n, uint64_t at);

/* ---- from the end backwards ---- */

struct audit_back {
    struct audit_lines *lines; /* borrowed */
    uint64_t from;             /* the place where `pending` begins */
    struct buffer pending;
    size_t end; /* of pending: what is behind it was given out */
    bool started, done;
};

/* From the last whole line on. */
void audit_back_init(struct audit_back *back, struct audit_lines *lines);
void audit_back_free(struct audit_back *back);
/* The line before, valid until the next call; `*more` is false at the beginning of the log. */
KH_MUST_CHECK enum kh_err audit_back_next(struct audit_back *back, struct bytes *line, bool *more,
                                          struct fault *fault);

#endif
