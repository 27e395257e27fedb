/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing the audit log.
 */
#include "../database/private_file.h"
#include "../metrics.h"
#include "audit_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAZY_HEAD_S = 60, ROTATE_MIN = 65536, WRITE_AHEAD = 256 * 1024 };

void
audit_note_on_disk(struct audit *audit, uint64_t seq, uint64_t size)
{
    if (seq >= audit->synced_seq) {
        audit->synced_seq = seq;
        audit->synced_size = size;
    }
    if (audit->synced_seq == audit->flushed.seq)
        metrics_set(METRIC_AUDIT_SYNCED, (uint64_t)clock_now_ms(audit->clock) * 1000);
    metrics_set(METRIC_AUDIT_UNSYNCED, audit->flushed.seq - audit->synced_seq);
    metrics_set(METRIC_AUDIT_UNSYNCED_BYTES, audit->size - audit->synced_size);
    metrics_set(METRIC_AUDIT_FILE_BYTES, audit->size);
}

static void
note_flushed(struct audit *audit, uint64_t records, uint64_t bytes)
{
    bool synced = audit->sync == AUDIT_SYNC_ALWAYS;
    metrics_add(METRIC_AUDIT_RECORDS, records);
    metrics_add(METRIC_AUDIT_BYTES, bytes);
    audit_note_on_disk(audit, synced ? audit->flushed.seq : audit->synced_seq,
                       synced ? audit->size : audit->synced_size);
}

void
audit_set_sync(struct audit *audit, enum audit_sync sync)
{
    audit->sync = sync;
}

void
audit_set_rotation(struct audit *audit, uint64_t size)
{
    audit->rotate_size = size > 0 && size < ROTATE_MIN ? ROTATE_MIN : size;
}

// Its place in the chain is filled in by link_batch.
void
audit_append(struct audit *audit, const struct audit_record *record)
{
    audit_record_print(record, audit->next_seq + 1, clock_now_ms(audit->clock), NULL,
                       &audit->batch);
    if (audit->batch.failed)
        audit->failed = true;
    else
        audit->next_seq++;
}

// One after the other without anything between them: a hash is little code and much to compute.
static enum kh_err
link_batch(struct audit *audit, struct audit_head *head)
{
    uint8_t *p = audit->batch.p, *end = p + audit->batch.n;
    enum kh_err err = KH_OK;

    while (!err && p < end) {
        struct bytes line = bytes_of(p, bytes_index(bytes_of(p, (size_t)(end - p)), '\n'));
        audit_record_link(p, line.n, head->hash);
        err = audit_hash(line, head->hash);
        head->seq++;
        p += line.n + 1;
    }
    return err;
}

// As if the batch had never been.
static void
forget_batch(struct audit *audit)
{
    buffer_clear(&audit->batch);
    audit->batch.failed = false;
    audit->failed = false;
    audit->next_seq = audit->flushed.seq;
}

// Remove what a failed write left: half a batch would break the chain.
static bool
mend(struct audit *audit)
{
    if (audit->cut && ftruncate(audit->fd, (off_t)audit->size) == 0)
        audit->cut = false;
    return !audit->cut;
}

static void
write_ahead(struct audit *audit)
{
    if (audit->syncer == NULL || audit->sync != AUDIT_SYNC_INTERVAL ||
        audit->size - audit->ahead < WRITE_AHEAD)
        return;
    audit_syncer_write_ahead(audit->syncer, audit->ahead, audit->size);
    audit->ahead = audit->size;
}

enum kh_err
audit_flush(struct audit *audit, struct fault *fault)
{
    struct audit_head last = audit->flushed;
    enum kh_err err = KH_OK;

    if (audit->batch.n == 0 && !audit->failed)
        return KH_OK;
    if (audit->failed)
        err = fault_set(fault, KH_ERR_MEMORY, "%s: a batch of records is too large", audit->path);
    else if (link_batch(audit, &last))
        err = fault_set(fault, KH_ERR_CRYPTO, "%s: a hash of the chain failed", audit->path);
    else if (!mend(audit))
        err = fault_set(fault, KH_ERR_IO, "%s: an earlier failed write cannot be undone: %s",
                        audit->path, strerror(errno));
    // A power cut must not bring an older name back for what was acknowledged.
    if (!err && audit->moved && audit->sync == AUDIT_SYNC_ALWAYS &&
        !(err = private_file_sync_parent(audit->path, fault)))
        audit->moved = false;
    if (!err && (!private_file_write_all(audit->fd, buffer_bytes(&audit->batch)) ||
                 (audit->sync == AUDIT_SYNC_ALWAYS && fdatasync(audit->fd)))) {
        err =
            fault_set(fault, KH_ERR_IO, "%s: cannot write to it: %s", audit->path, strerror(errno));
        audit->cut = true;
        (void)mend(audit);
    }
    if (!err) {
        uint64_t records = last.seq - audit->flushed.seq;
        audit->size += audit->batch.n;
        audit->flushed = last;
        note_flushed(audit, records, audit->batch.n);
        write_ahead(audit);
    }
    forget_batch(audit);
    return err;
}

enum kh_err
audit_write(struct audit *audit, const struct audit_record *record, struct fault *fault)
{
    audit_append(audit, record);
    return audit_flush(audit, fault);
}

static struct audit_files
files_of(const struct audit *audit)
{
    return (struct audit_files){
        .fd = audit->fd, .log_path = audit->path, .head_path = audit->head_path};
}

void
audit_note_synced(struct audit *audit)
{
    audit->headed = audit->syncing;
    audit->moved = false;
    audit->head_at_s = clock_now_s(audit->clock);
    audit_note_on_disk(audit, audit->syncing.seq, audit->syncing_size);
}

static enum kh_err
begin_sync(struct audit *audit, struct fault *fault)
{
    const struct audit_files files = files_of(audit);
    BUFFER_AUTO text;

    buffer_init(&text, AUDIT_HEAD_MAX);
    if (audit->headed.seq == audit->flushed.seq) {
        audit_note_on_disk(audit, audit->flushed.seq, audit->size);
        return KH_OK;
    }
    enum kh_err err = audit_head_print(&audit->flushed, audit->key, &text, fault);
    if (err)
        return err;
    audit->syncing = audit->flushed;
    audit->syncing_size = audit->size;
    if (audit->syncer)
        return audit_syncer_begin(audit->syncer, buffer_bytes(&text));
    err = audit_files_sync(&files, buffer_bytes(&text), fault);
    if (!err)
        audit_note_synced(audit);
    return err;
}

// Not while the thread is at the file; and a file of its first record alone is not worth another.
static enum kh_err
rotate_large(struct audit *audit, struct fault *fault)
{
    if (audit->rotate_size == 0 || audit->size < audit->rotate_size ||
        audit->flushed.seq == audit->first)
        return KH_OK;
    return audit_rotate(audit, NULL, NULL, fault);
}

static enum kh_err
sync_when_due(struct audit *audit, struct fault *fault)
{
    if (audit->sync == AUDIT_SYNC_NONE &&
        clock_now_s(audit->clock) - audit->head_at_s < LAZY_HEAD_S)
        return KH_OK;
    return begin_sync(audit, fault);
}

enum kh_err
audit_tick(struct audit *audit, struct fault *fault)
{
    enum audit_syncer_state state = AUDIT_SYNCER_IDLE;
    enum kh_err before = KH_OK;

    if (audit->syncer)
        state = audit_syncer_ask(audit->syncer, &before, fault);
    if (state == AUDIT_SYNCER_BUSY)
        return KH_OK;
    if (state == AUDIT_SYNCER_DONE && !before)
        audit_note_synced(audit);
    // The first fault is told; one does not keep from trying the next.
    enum kh_err rotated = rotate_large(audit, before ? NULL : fault);
    enum kh_err err = sync_when_due(audit, before || rotated ? NULL : fault);
    return before ? before : rotated ? rotated : err;
}

enum kh_err
audit_sync_behind(struct audit *audit, struct fault *fault)
{
    const struct audit_files files = files_of(audit);

    if (audit->syncer)
        return KH_OK;
    enum kh_err err = audit_syncer_new(&files, &audit->syncer);
    return err ? fault_set(fault, err, "there is no thread for it") : KH_OK;
}

void
audit_close(struct audit **audit)
{
    if (*audit == NULL)
        return;
    audit_syncer_free(&(*audit)->syncer);
    // What fails here shows at the next start: the chain is whole, and ahead of its head at most.
    if (!audit_flush(*audit, NULL))
        (void)!begin_sync(*audit, NULL);
    audit_abandon(audit);
}

void
audit_abandon(struct audit **audit)
{
    if (*audit == NULL)
        return;
    audit_syncer_free(&(*audit)->syncer);
    if ((*audit)->fd >= 0)
        close((*audit)->fd);
    buffer_free(&(*audit)->batch);
    free(*audit);
    *audit = NULL;
}

void
audit_position(const struct audit *audit, struct audit_head *out)
{
    *out = audit->flushed;
}

const char *
audit_path(const struct audit *audit)
{
    return audit->path;
}
