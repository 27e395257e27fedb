/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for what is added to the audit log, also when it is renamed and a new one begun.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_FOLLOW_H
#define KEYHOLE_OPERATOR_AUDIT_FOLLOW_H

#include "audit_lines.h"

struct audit_follow {
    const char *directory; /* borrowed */
    int notify;            /* inotify, or -1: the file is looked at four times a second */
};

/* Takes SIGINT and SIGTERM over: they end the waiting. */
void audit_follow_begin(struct audit_follow *follow, const char *directory);
void audit_follow_end(struct audit_follow *follow);

enum audit_follow_result {
    AUDIT_FOLLOW_LOOK = 0, /* there may be more lines */
    AUDIT_FOLLOW_OVER,     /* a signal, or nobody reads standard output any more */
};
enum audit_follow_result audit_follow_wait(struct audit_follow *follow);

/* Whether another file stands in the place of the one that `lines` reads, or that one was cut. Then
 * `*next` reads what is there, from its beginning, and the caller reads what is left of the old one
 * first. Between a renaming and the new file there is none: false. */
KH_MUST_CHECK enum kh_err audit_follow_next(const struct audit_follow *follow,
                                            const struct audit_lines *lines,
                                            struct audit_lines *next, bool *found,
                                            struct fault *fault);

#endif
