/* SPDX-License-Identifier: Apache-2.0
 *
 * Brings the audit log to the disk, and its head after it, in a thread: a disk takes tens of
 * milliseconds for that, and decisions do not wait for it.
 */
#ifndef KEYHOLE_AUDIT_SYNCER_H
#define KEYHOLE_AUDIT_SYNCER_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

enum { AUDIT_HEAD_TEXT_MAX = 1024 };

/* What is to be synced: `fd` and the paths stay the caller's. */
struct audit_files {
    int fd;
    const char *log_path, *head_path;
};

/* Here and now: the log, and then the head, so that a head never points past what is there. */
KH_MUST_CHECK enum kh_err audit_files_sync(const struct audit_files *files, struct bytes head,
                                           struct fault *fault);

struct audit_syncer;

KH_MUST_CHECK enum kh_err audit_syncer_new(const struct audit_files *files,
                                           struct audit_syncer **out);
/* Waits for what it is at. */
void audit_syncer_free(struct audit_syncer **syncer);

enum audit_syncer_state {
    AUDIT_SYNCER_IDLE = 0,
    AUDIT_SYNCER_BUSY,
    AUDIT_SYNCER_DONE, /* told once: then it is idle */
};
/* On AUDIT_SYNCER_DONE `*err` and `fault` say how it went. */
enum audit_syncer_state audit_syncer_ask(struct audit_syncer *syncer, enum kh_err *err,
                                         struct fault *fault);
/* Waits until it is at nothing; what came of it is still to be asked for. */
void audit_syncer_settle(struct audit_syncer *syncer);
/* Another log, when it is at nothing; then the one before can be closed. */
void audit_syncer_turn(struct audit_syncer *syncer, int fd);
/* These bytes of the log are there: the disk may begin with them. A busy log has megabytes for each
 * sync, which kept the processor for milliseconds at a time. It promises nothing. */
void audit_syncer_write_ahead(struct audit_syncer *syncer, uint64_t from, uint64_t to);
/* To an idle one. */
KH_MUST_CHECK enum kh_err audit_syncer_begin(struct audit_syncer *syncer, struct bytes head);

#endif
