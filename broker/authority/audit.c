/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing the audit log.
 */
#include "audit.h"

#include "../database/private_file.h"
#include "../metrics.h"
#include "audit_syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_MAX = 64 << 20, HEAD_MAX = AUDIT_HEAD_TEXT_MAX, LAZY_HEAD_S = 60 };

struct audit {
    int fd;
    char path[PATH_MAX], head_path[PATH_MAX];
    const struct secret *key;
    const struct wall_clock *clock;
    enum audit_sync sync;
    struct buffer batch;
    struct audit_head next;           // after what was collected
    struct audit_head flushed;        // after what was written
    struct audit_head headed;         // what audit.head says
    uint64_t size;                    // of the log up to `flushed`
    uint64_t synced_seq, synced_size; // what surely is on the disk
    bool failed;                      // a record could not be printed
    bool cut;                         // a failed write may have left bytes behind
    int64_t head_at_s;
    struct audit_syncer *syncer; // NULL: the disk is waited for
    struct audit_head syncing;   // what it is at
    uint64_t syncing_size;
};

static void
note_on_disk(struct audit *audit, uint64_t seq, uint64_t size)
{
    if (seq >= audit->synced_seq) {
        audit->synced_seq = seq;
        audit->synced_size = size;
    }
    if (audit->synced_seq == audit->flushed.seq)
        metrics_set(METRIC_AUDIT_SYNCED, (uint64_t)clock_now_ms(audit->clock) * 1000);
    metrics_set(METRIC_AUDIT_UNSYNCED, audit->flushed.seq - audit->synced_seq);
    metrics_set(METRIC_AUDIT_UNSYNCED_BYTES, audit->size - audit->synced_size);
}

static void
note_flushed(struct audit *audit, uint64_t records, uint64_t bytes)
{
    bool synced = audit->sync == AUDIT_SYNC_ALWAYS;
    metrics_add(METRIC_AUDIT_RECORDS, records);
    metrics_add(METRIC_AUDIT_BYTES, bytes);
    note_on_disk(audit, synced ? audit->flushed.seq : audit->synced_seq,
                 synced ? audit->size : audit->synced_size);
}

static enum kh_err
write_head(struct audit *audit, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init(&text, HEAD_MAX);
    enum kh_err err = audit_head_print(&audit->flushed, audit->key, &text, fault);
    if (!err)
        err = private_file_replace(audit->head_path, buffer_bytes(&text), true, fault);
    if (!err)
        audit->headed = audit->flushed;
    return err;
}

static enum kh_err
read_head(struct audit *audit, bool *there, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init(&text, HEAD_MAX);
    enum kh_err err = private_file_read(audit->head_path, HEAD_MAX / 2, true, &text, fault);
    *there = err != KH_ERR_NOT_FOUND;
    if (!*there) {
        audit_head_init(&audit->headed);
        return KH_OK;
    }
    if (err == KH_ERR_TOO_LONG)
        buffer_clear(&text); // no head of ours: audit_head_parse says what to do
    else if (err)
        return err;
    return audit_head_parse(buffer_bytes(&text), audit->key, audit->head_path, &audit->headed,
                            fault);
}

static enum kh_err
open_log(struct audit *audit, bool *created, struct fault *fault)
{
    audit->fd = open(audit->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    *created = audit->fd < 0 && errno == ENOENT;
    if (audit->fd >= 0)
        return private_file_check_fd(audit->fd, audit->path, fault);
    if (*created)
        return KH_OK;
    return fault_set(fault, KH_ERR_IO, "%s: cannot open it: %s", audit->path, strerror(errno));
}

static enum kh_err
create_log(struct audit *audit, struct fault *fault)
{
    // The head first: a log without a head is a broken one, a head of no records is not.
    enum kh_err err = write_head(audit, fault);
    if (err)
        return err;
    audit->fd = open(audit->path, O_RDWR | O_APPEND | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
    if (audit->fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: cannot create it: %s", audit->path,
                         strerror(errno));
    return private_file_sync_parent(audit->path, fault);
}

static enum kh_err
open_verified(struct audit *audit, bool *fresh, struct fault *fault)
{
    bool has_head, no_log;
    off_t size = 0;
    enum kh_err err = open_log(audit, &no_log, fault);

    if (!err)
        err = read_head(audit, &has_head, fault);
    if (err)
        return err;
    if (!no_log && (size = lseek(audit->fd, 0, SEEK_END)) < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", audit->path, strerror(errno));
    if (no_log && audit->headed.seq > 0)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s: is gone, but audit.head has signed record %llu; restore it, or move "
                         "audit.head elsewhere and a new log begins",
                         audit->path, (unsigned long long)audit->headed.seq);
    if (!has_head && size > 0)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s: audit.head is gone; restore it, or move audit.log elsewhere and a "
                         "new log begins",
                         audit->path);
    *fresh = !has_head;
    audit_head_init(&audit->flushed);
    if (no_log)
        err = create_log(audit, fault);
    else if (!has_head)
        err = write_head(audit, fault);
    if (!err && !no_log && lseek(audit->fd, 0, SEEK_SET) < 0)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", audit->path, strerror(errno));
    if (!err)
        err = audit_verify(audit->fd, audit->path, &audit->headed, &audit->flushed, &audit->size,
                           fault);
    audit->next = audit->flushed;
    if (!err)
        note_on_disk(audit, audit->flushed.seq, audit->size);
    return err;
}

enum kh_err
audit_open(const char *directory, const struct secret *key, const struct wall_clock *clock,
           struct audit **out, bool *fresh, struct fault *fault)
{
    struct audit *audit = calloc(1, sizeof *audit);

    if (audit == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    audit->fd = -1;
    audit->key = key;
    audit->clock = clock;
    audit->sync = AUDIT_SYNC_INTERVAL;
    buffer_init(&audit->batch, BATCH_MAX);
    int n = snprintf(audit->path, PATH_MAX, "%s/%s", directory, AUDIT_LOG_FILE);
    int m = snprintf(audit->head_path, PATH_MAX, "%s/%s", directory, AUDIT_HEAD_FILE);
    enum kh_err err = KH_OK;
    if (n < 0 || m < 0 || n >= PATH_MAX || m >= PATH_MAX)
        err = fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    if (!err)
        err = open_verified(audit, fresh, fault);
    if (err) {
        audit_abandon(&audit);
        return err;
    }
    *out = audit;
    return KH_OK;
}

void
audit_set_sync(struct audit *audit, enum audit_sync sync)
{
    audit->sync = sync;
}

void
audit_append(struct audit *audit, const struct audit_record *record)
{
    size_t start = audit->batch.n;
    struct audit_head next = {.seq = audit->next.seq + 1};

    audit_record_print(record, next.seq, clock_now_ms(audit->clock), audit->next.hash,
                       &audit->batch);
    if (audit->batch.failed) {
        audit->failed = true;
        return;
    }
    struct bytes line = bytes_from(buffer_bytes(&audit->batch), start);
    line.n--; // without its newline
    if (audit_hash(line, next.hash))
        audit->failed = true;
    else
        audit->next = next;
}

// As if the batch had never been.
static void
forget_batch(struct audit *audit)
{
    buffer_clear(&audit->batch);
    audit->batch.failed = false;
    audit->failed = false;
    audit->next = audit->flushed;
}

// Remove what a failed write left: half a batch would break the chain.
static bool
mend(struct audit *audit)
{
    if (audit->cut && ftruncate(audit->fd, (off_t)audit->size) == 0)
        audit->cut = false;
    return !audit->cut;
}

enum kh_err
audit_flush(struct audit *audit, struct fault *fault)
{
    enum kh_err err = KH_OK;

    if (audit->batch.n == 0 && !audit->failed)
        return KH_OK;
    if (audit->failed)
        err = fault_set(fault, KH_ERR_MEMORY, "%s: a batch of records is too large", audit->path);
    else if (!mend(audit))
        err = fault_set(fault, KH_ERR_IO, "%s: an earlier failed write cannot be undone: %s",
                        audit->path, strerror(errno));
    if (!err && (!private_file_write_all(audit->fd, buffer_bytes(&audit->batch)) ||
                 (audit->sync == AUDIT_SYNC_ALWAYS && fdatasync(audit->fd)))) {
        err =
            fault_set(fault, KH_ERR_IO, "%s: cannot write to it: %s", audit->path, strerror(errno));
        audit->cut = true;
        (void)mend(audit);
    }
    if (!err) {
        uint64_t records = audit->next.seq - audit->flushed.seq;
        audit->size += audit->batch.n;
        audit->flushed = audit->next;
        note_flushed(audit, records, audit->batch.n);
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

static void
note_synced(struct audit *audit)
{
    audit->headed = audit->syncing;
    audit->head_at_s = clock_now_s(audit->clock);
    note_on_disk(audit, audit->syncing.seq, audit->syncing_size);
}

static enum kh_err
begin_sync(struct audit *audit, struct fault *fault)
{
    const struct audit_files files = files_of(audit);
    BUFFER_AUTO text;

    buffer_init(&text, HEAD_MAX);
    if (audit->headed.seq == audit->flushed.seq) {
        note_on_disk(audit, audit->flushed.seq, audit->size);
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
        note_synced(audit);
    return err;
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
        note_synced(audit);
    if (audit->sync == AUDIT_SYNC_NONE &&
        clock_now_s(audit->clock) - audit->head_at_s < LAZY_HEAD_S)
        return before;
    enum kh_err err = begin_sync(audit, before ? NULL : fault);
    return before ? before : err;
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
