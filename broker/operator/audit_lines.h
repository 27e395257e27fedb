/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of DIR/audit.log, one after the other.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_LINES_H
#define KEYHOLE_OPERATOR_AUDIT_LINES_H

#include "../../caveats/errors.h"

enum { AUDIT_LINE_MAX = 2 * 1024 * 1024 };

struct audit_lines {
    int fd;
    struct buffer pending;
    size_t used; /* of pending: given out already */
};

/* KH_ERR_NOT_FOUND when there is no log. */
KH_MUST_CHECK enum kh_err audit_lines_open(const char *directory, struct audit_lines *lines,
                                           struct fault *fault);
void audit_lines_init(struct audit_lines *lines, int fd); /* takes `fd` over */
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

/* Likewise: begin with the first line at or behind byte `at`. */
KH_MUST_CHECK enum kh_err audit_lines_seek(struct audit_lines *lines, uint64_t at,
                                           struct fault *fault);

/* Bytes of the file that were given out, and its size now. */
uint64_t audit_lines_position(const struct audit_lines *lines);
uint64_t audit_lines_size(const struct audit_lines *lines);

/* ---- from the end backwards ---- */

struct audit_back {
    int fd;        /* borrowed */
    uint64_t from; /* of the file: where `pending` begins */
    struct buffer pending;
    size_t end; /* of pending: what is behind it was given out */
    bool started, done;
};

/* From the last whole line on. */
void audit_back_init(struct audit_back *back, const struct audit_lines *lines);
void audit_back_free(struct audit_back *back);
/* The line before, valid until the next call; `*more` is false at the beginning of the file. */
KH_MUST_CHECK enum kh_err audit_back_next(struct audit_back *back, struct bytes *line, bool *more,
                                          struct fault *fault);

#endif
