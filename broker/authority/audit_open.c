/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening the audit log: what is there is verified first.
 */
#include "../audit_names.h"
#include "../database/private_file.h"
#include "audit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_MAX = 64 << 20 };

enum kh_err
audit_write_head(struct audit *audit, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init(&text, AUDIT_HEAD_MAX);
    enum kh_err err = audit_head_print(&audit->flushed, audit->key, &text, fault);
    if (!err)
        err = private_file_replace(audit->head_path, buffer_bytes(&text), true, fault);
    if (!err) {
        audit->headed = audit->flushed;
        audit->moved = false;
    }
    return err;
}

static enum kh_err
read_head(struct audit *audit, bool *there, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init(&text, AUDIT_HEAD_MAX);
    enum kh_err err = private_file_read(audit->head_path, AUDIT_HEAD_MAX / 2, true, &text, fault);
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
    enum kh_err err = audit_write_head(audit, fault);
    if (err)
        return err;
    audit->fd = open(audit->path, O_RDWR | O_APPEND | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
    if (audit->fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: cannot create it: %s", audit->path,
                         strerror(errno));
    return private_file_sync_parent(audit->path, fault);
}

// Without a head nothing tells what a log was: then there must be nothing of one.
static enum kh_err
check_fresh(const struct audit *audit, const char *directory, off_t size, struct fault *fault)
{
    struct audit_names names;
    enum kh_err err = audit_names_list(directory, &names, fault);
    size_t older = names.count;

    audit_names_free(&names);
    if (!err && (size > 0 || older > 0))
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s: audit.head is gone; restore it, or move audit.log elsewhere%s and a "
                         "new log begins",
                         audit->path, older ? ", audit.log.* with it," : "");
    return err;
}

static enum kh_err
check_gone(const struct audit *audit, struct fault *fault)
{
    if (audit->headed.seq == 0)
        return KH_OK;
    return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                     "%s: is gone, but audit.head has signed record %llu; restore it, or move "
                     "audit.head elsewhere, audit.log.* with it, and a new log begins",
                     audit->path, (unsigned long long)audit->headed.seq);
}

static enum kh_err
open_files(struct audit *audit, const char *directory, bool *fresh, bool *created,
           struct fault *fault)
{
    bool has_head = false;
    off_t size = 0;
    enum kh_err err = read_head(audit, &has_head, fault);

    *fresh = !has_head;
    if (!err)
        err = audit_settle_rotation(audit, has_head, fault);
    if (!err)
        err = open_log(audit, created, fault);
    if (err)
        return err;
    if (!*created && (size = lseek(audit->fd, 0, SEEK_END)) < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", audit->path, strerror(errno));
    if (*created && (err = check_gone(audit, fault)))
        return err;
    return has_head ? KH_OK : check_fresh(audit, directory, size, fault);
}

static enum kh_err
open_verified(struct audit *audit, const char *directory, bool *fresh, struct fault *fault)
{
    struct audit_part part = {0};
    bool created = false;
    enum kh_err err = open_files(audit, directory, fresh, &created, fault);

    if (err)
        return err;
    audit_head_init(&audit->flushed);
    if (created)
        err = create_log(audit, fault);
    else if (*fresh)
        err = audit_write_head(audit, fault);
    if (!err && !created && lseek(audit->fd, 0, SEEK_SET) < 0)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", audit->path, strerror(errno));
    if (!err)
        err = audit_verify(audit->fd, audit->path, NULL, &audit->headed, &part, fault);
    if (!err && part.before.seq > 0)
        err = audit_check_link(directory, &part.before, fault);
    if (err)
        return err;
    audit->flushed = part.last;
    audit->next_seq = audit->flushed.seq;
    audit->size = audit->ahead = part.size;
    audit->first = part.before.seq + 1;
    audit_note_on_disk(audit, audit->flushed.seq, audit->size);
    return KH_OK;
}

static bool
set_path(char out[PATH_MAX], const char *directory, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return n > 0 && n < PATH_MAX;
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
    enum kh_err err = KH_OK;
    if (!set_path(audit->path, directory, AUDIT_LOG_FILE) ||
        !set_path(audit->head_path, directory, AUDIT_HEAD_FILE) ||
        !set_path(audit->work_path, directory, AUDIT_WORK_FILE))
        err = fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    if (!err)
        err = open_verified(audit, directory, fresh, fault);
    if (err) {
        audit_abandon(&audit);
        return err;
    }
    *out = audit;
    return KH_OK;
}
