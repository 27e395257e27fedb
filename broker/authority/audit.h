/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log: DIR/audit.log, append-only, each line with the hash of the one before; and
 * DIR/audit.head, the signed position in it, so that a log that was cut short shows. Older files of
 * it stand beside it (broker/audit_names.h), and the chain goes on from one to the next.
 *
 * Records of a batch are collected and written with one write, before any answer of that batch
 * leaves. When that fails the log is as if the batch had never been, and the caller denies.
 *
 * The head is written after the log is on the disk, so it never points past what is there: each
 * second with AUDIT_SYNC_ALWAYS and _INTERVAL, each minute with _NONE, and at the end. After
 * audit_sync_behind() a thread waits for the disk, and how it went is told by the next tick.
 */
#ifndef KEYHOLE_AUDIT_H
#define KEYHOLE_AUDIT_H

#include "../audit_names.h"
#include "../config.h"
#include "audit_verify.h"
#include "clock.h"

#define AUDIT_LOG_FILE  AUDIT_NAME_CURRENT
#define AUDIT_HEAD_FILE "audit.head"

struct audit;

/* Verifies audit.log first, and that it follows from the last record of the file before, if that is
 * there. `key` signs the head and is borrowed. `*fresh`: there was neither
 * log nor head, and a new chain begins. */
KH_MUST_CHECK enum kh_err audit_open(const char *directory, const struct secret *key,
                                     const struct wall_clock *clock, struct audit **out,
                                     bool *fresh, struct fault *fault);
/* Flushes, syncs, writes the head. */
void audit_close(struct audit **audit);
void audit_abandon(struct audit **audit); /* writes nothing */

/* A tick begins another file when this one has that size; 0: never. */
void audit_set_rotation(struct audit *audit, uint64_t size);
void audit_set_sync(struct audit *audit, enum audit_sync sync);
/* Once. On failure audit_tick goes on waiting for the disk itself. */
KH_MUST_CHECK enum kh_err audit_sync_behind(struct audit *audit, struct fault *fault);

/* Collected, not yet written. Memory that is used up shows in audit_flush. */
void audit_append(struct audit *audit, const struct audit_record *record);
/* One write for all that was collected. On failure none of it was recorded. */
KH_MUST_CHECK enum kh_err audit_flush(struct audit *audit, struct fault *fault);
/* Both, for a record of its own. */
KH_MUST_CHECK enum kh_err audit_write(struct audit *audit, const struct audit_record *record,
                                      struct fault *fault);
/* Called each second: bring log and head to the disk when the mode says so. */
KH_MUST_CHECK enum kh_err audit_tick(struct audit *audit, struct fault *fault);

struct audit_rotated {
    char name[AUDIT_FILE_NAME_MAX]; /* of what audit.log was */
    uint64_t first;
    struct audit_head last;
};
/* Another file. `uid`: whose wish it is, or NULL. On failure the log goes on as it was. Waits for
 * the disk. `out` may be NULL. */
KH_MUST_CHECK enum kh_err audit_rotate(struct audit *audit, const uint32_t *uid,
                                       struct audit_rotated *out, struct fault *fault);

void audit_position(const struct audit *audit, struct audit_head *out); /* as flushed */
const char *audit_path(const struct audit *audit);

#endif
