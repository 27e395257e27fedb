/* SPDX-License-Identifier: Apache-2.0
 *
 * Another file of the audit log. At each moment an end leaves either what was before, or what a
 * start finishes:
 *
 *     1. the log is on the disk, and audit.head says its last record
 *     2. the next file is made under another name, with its first record
 *     3. audit.log gets the name of an older file, on the disk
 *     4. the next file is named audit.log
 *
 * An end before 3 leaves a file that is removed; one between 3 and 4 a log without audit.log, and
 * the next file gets its name at the start.
 */
#include "../audit_names.h"
#include "../database/private_file.h"
#include "../log.h"
#include "../metrics.h"
#include "audit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct next_file {
    int fd;
    struct audit_head head; // after its first record
    uint64_t size;
};

static enum kh_err
move(const char *from, const char *to, struct fault *fault)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        return fault_set(fault, KH_ERR_IO, "%s: cannot be renamed to %s: %s", from, to,
                         strerror(errno));
    return KH_OK;
}

// ---- making it ----

static enum kh_err
finish_current(struct audit *audit, struct fault *fault)
{
    enum kh_err before = KH_OK;

    if (audit->syncer) {
        audit_syncer_settle(audit->syncer);
        if (audit_syncer_ask(audit->syncer, &before, NULL) == AUDIT_SYNCER_DONE && !before)
            audit_note_synced(audit);
    }
    enum kh_err err = audit_flush(audit, fault);
    if (!err && audit->cut)
        err = fault_set(fault, KH_ERR_IO, "%s: a failed write cannot be undone", audit->path);
    if (!err && fdatasync(audit->fd))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot sync it: %s", audit->path, strerror(errno));
    return err ? err : audit_write_head(audit, fault);
}

static enum kh_err
print_first(const struct audit *audit, const char *name, const uint32_t *uid, struct buffer *line,
            struct audit_head *head, struct fault *fault)
{
    char detail[128];
    struct audit_record record = {.kind = AUDIT_ROTATE,
                                  .subject = bytes_str(name),
                                  .has_uid = uid && *uid != UINT32_MAX,
                                  .uid = uid ? *uid : 0};

    snprintf(detail, sizeof detail, "goes on from %s, which has records %llu to %llu", name,
             (unsigned long long)audit->first, (unsigned long long)audit->flushed.seq);
    record.detail = bytes_str(detail);
    if (uid)
        record.command = BYTES("audit.rotate");
    head->seq = audit->flushed.seq + 1;
    audit_record_print(&record, head->seq, clock_now_ms(audit->clock), audit->flushed.hash, line);
    if (line->failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return audit_hash(bytes_slice(buffer_bytes(line), 0, line->n - 1), head->hash)
               ? fault_set(fault, KH_ERR_CRYPTO, "SHA-256 failed")
               : KH_OK;
}

static enum kh_err
make_next(struct audit *audit, const char *name, const uint32_t *uid, struct next_file *out,
          struct fault *fault)
{
    BUFFER_AUTO line;

    buffer_init(&line, 8192);
    (void)unlink(audit->work_path);
    enum kh_err err = print_first(audit, name, uid, &line, &out->head, fault);
    if (!err)
        err = private_file_create(audit->work_path, 0600, buffer_bytes(&line), fault);
    if (err)
        return err;
    out->size = line.n;
    out->fd = open(audit->work_path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    return out->fd >= 0 ? KH_OK
                        : fault_set(fault, KH_ERR_IO, "%s: cannot open it: %s", audit->work_path,
                                    strerror(errno));
}

// ---- the names ----

static enum kh_err
swap_names(struct audit *audit, const char *older, struct fault *fault)
{
    enum kh_err err = move(audit->path, older, fault);

    if (err)
        return err;
    // Without this a power cut could leave the second renaming alone, and no name for the old file.
    err = private_file_sync_parent(audit->path, fault);
    if (!err)
        err = move(audit->work_path, audit->path, fault);
    if (!err)
        return KH_OK;
    // The next file first: what is written from now on is no part of it.
    (void)unlink(audit->work_path);
    if (move(older, audit->path, NULL))
        log_error("audit-rotate", "%s: is still written: rename it to audit.log", older);
    return err;
}

static void
take_over(struct audit *audit, const struct next_file *next)
{
    if (audit->syncer)
        audit_syncer_turn(audit->syncer, next->fd);
    close(audit->fd);
    audit->fd = next->fd;
    audit->flushed = next->head;
    audit->next_seq = audit->flushed.seq;
    audit->first = next->head.seq;
    audit->size = audit->ahead = next->size;
    audit->moved = true;
    metrics_add(METRIC_AUDIT_RECORDS, 1);
    metrics_add(METRIC_AUDIT_BYTES, next->size);
    audit_note_on_disk(audit, next->head.seq, next->size);
}

static enum kh_err
name_older(const struct audit *audit, char name[AUDIT_FILE_NAME_MAX], char path[PATH_MAX],
           struct fault *fault)
{
    audit_name_print(audit->first, name);
    int n = snprintf(path, PATH_MAX, "%.*s%s", (int)(strlen(audit->path) - strlen(AUDIT_LOG_FILE)),
                     audit->path, name);
    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", audit->path);
    return access(path, F_OK) == 0
               ? fault_set(fault, KH_ERR_EXISTS, "%s: is there already; move it elsewhere", path)
               : KH_OK;
}

enum kh_err
audit_rotate(struct audit *audit, const uint32_t *uid, struct audit_rotated *out,
             struct fault *fault)
{
    struct audit_rotated done = {.first = audit->first};
    struct next_file next = {.fd = -1};
    char older[PATH_MAX];
    enum kh_err err = name_older(audit, done.name, older, fault);

    if (!err)
        err = finish_current(audit, fault);
    if (err)
        return err;
    done.last = audit->flushed;
    err = make_next(audit, done.name, uid, &next, fault);
    if (!err)
        err = swap_names(audit, older, fault);
    if (err) {
        (void)unlink(audit->work_path);
        if (next.fd >= 0)
            close(next.fd);
        return err;
    }
    take_over(audit, &next);
    if (out)
        *out = done;
    // It is done; a head that cannot be written now is written by the next tick.
    struct fault later = {0};
    if (audit_write_head(audit, &later))
        log_warning("audit-rotate", "%s", later.detail);
    return KH_OK;
}

// ---- at a start ----

enum kh_err
audit_settle_rotation(struct audit *audit, bool has_head, struct fault *fault)
{
    if (access(audit->work_path, F_OK))
        return KH_OK;
    if (has_head && access(audit->path, F_OK) && errno == ENOENT) {
        enum kh_err err = move(audit->work_path, audit->path, fault);
        return err ? err : private_file_sync_parent(audit->path, fault);
    }
    return unlink(audit->work_path) ? fault_set(fault, KH_ERR_IO, "%s: cannot be removed: %s",
                                                audit->work_path, strerror(errno))
                                    : KH_OK;
}

static enum kh_err
check_last(const char *path, const struct audit_head *before, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? KH_ERR_NOT_FOUND
                               : fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    enum kh_err err = audit_verify_end(fd, path, before, fault);
    close(fd);
    return err;
}

enum kh_err
audit_check_link(const char *directory, const struct audit_head *before, struct fault *fault)
{
    struct audit_names names;
    char path[PATH_MAX];
    uint64_t newest = 0;
    enum kh_err err = audit_names_list(directory, &names, fault);

    for (size_t i = 0; !err && i < names.count; i++) {
        if (names.first[i] <= before->seq)
            newest = names.first[i];
    }
    audit_names_free(&names);
    if (err || newest == 0)
        return err;
    err = audit_name_path(directory, newest, path, fault);
    if (!err)
        err = check_last(path, before, fault);
    if (err == KH_ERR_NOT_FOUND) {
        log_warning("audit-gap",
                    "%s: is not the file that audit.log goes on from; records up to "
                    "%llu are elsewhere",
                    path, (unsigned long long)before->seq);
        return KH_OK;
    }
    return err;
}
