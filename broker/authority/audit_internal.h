/* SPDX-License-Identifier: Apache-2.0
 *
 * What opening, writing and rotating the audit log share.
 */
#ifndef KEYHOLE_AUDIT_INTERNAL_H
#define KEYHOLE_AUDIT_INTERNAL_H

#include "audit.h"
#include "audit_syncer.h"

#include <limits.h>

/* The next file while it is made: it is no part of the log before it is named audit.log. */
#define AUDIT_WORK_FILE ".audit.new"

enum { AUDIT_HEAD_MAX = AUDIT_HEAD_TEXT_MAX };

struct audit {
    int fd;
    char path[PATH_MAX], head_path[PATH_MAX], work_path[PATH_MAX];
    const struct secret *key;
    const struct wall_clock *clock;
    enum audit_sync sync;
    struct buffer batch;
    uint64_t next_seq;                // after what was collected
    struct audit_head flushed;        // after what was written
    struct audit_head headed;         // what audit.head says
    uint64_t size;                    // of the log up to `flushed`
    uint64_t synced_seq, synced_size; // what surely is on the disk
    uint64_t ahead;                   // the disk was told to begin with what is before this
    uint64_t first;                   // record of the file that is written
    uint64_t rotate_size;             // 0: never
    bool moved;                       // the names of the files may not be on the disk yet
    bool failed;                      // a record could not be printed
    bool cut;                         // a failed write may have left bytes behind
    int64_t head_at_s;
    struct audit_syncer *syncer; // NULL: the disk is waited for
    struct audit_head syncing;   // what it is at
    uint64_t syncing_size;
};

/* audit.head says what is flushed. */
KH_MUST_CHECK enum kh_err audit_write_head(struct audit *audit, struct fault *fault);
void audit_note_on_disk(struct audit *audit, uint64_t seq, uint64_t size);
/* What the thread did, when it is done. */
void audit_note_synced(struct audit *audit);

/* A rotation that an end interrupted is finished, or as if it had not been. */
KH_MUST_CHECK enum kh_err audit_settle_rotation(struct audit *audit, bool has_head,
                                                struct fault *fault);
/* The newest older file ends with what the current one goes on from; that one may be elsewhere. */
KH_MUST_CHECK enum kh_err audit_check_link(const char *directory, const struct audit_head *before,
                                           struct fault *fault);

#endif
