/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of a database, at one moment of it.
 */
#include "private_file.h"
#include "sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

// One step: the moment is the one when it began, and who writes meanwhile is not held up.
static enum kh_err
copy_pages(struct sqlite *from, struct sqlite *to, struct fault *fault)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");

    if (backup == NULL)
        return sqlite_fault(to, sqlite3_extended_errcode(to->db), fault);
    int code = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE && finished == SQLITE_OK)
        return KH_OK;
    return sqlite_fault(to, finished != SQLITE_OK ? finished : code, fault);
}

static enum kh_err
copy_database(struct sqlite *from, const char *to, struct fault *fault)
{
    struct sqlite copy;
    enum kh_err err = private_file_create(to, 0600, BYTES_EMPTY, fault);

    if (err)
        return err;
    err = sqlite_connect(to, &copy, fault);
    if (!err)
        err = sqlite_exec(&copy, "PRAGMA synchronous = FULL", fault);
    if (!err)
        err = copy_pages(from, &copy, fault);
    sqlite_close(&copy);
    if (err)
        (void)unlink(to);
    return err;
}

enum kh_err
sqlite_snapshot(const char *path, const struct sqlite_schema *schema, const char *to,
                int64_t *version, struct fault *fault)
{
    struct sqlite sqlite;
    enum kh_err err = sqlite_check_files(path, fault);

    if (err)
        return err;
    err = sqlite_connect(path, &sqlite, fault);
    if (!err)
        (void)sqlite3_busy_timeout(sqlite.db, PATIENCE_MS);
    if (!err)
        err = sqlite_check_ours(&sqlite, schema, version, fault);
    if (!err)
        err = copy_database(&sqlite, to, fault);
    sqlite_close(&sqlite);
    return err;
}

enum kh_err
sqlite_examine(const char *path, const struct sqlite_schema *schema, int64_t *version,
               struct fault *fault)
{
    struct sqlite sqlite;
    enum kh_err err = sqlite_connect(path, &sqlite, fault);

    if (!err)
        err = sqlite_check_ours(&sqlite, schema, version, fault);
    if (!err)
        err = sqlite_check_integrity(&sqlite, fault);
    sqlite_close(&sqlite);
    return err;
}

// Under its own name when it is whole, so that one from an interrupted start is not taken for it.
enum kh_err
sqlite_keep_before(struct sqlite *sqlite, int64_t version, struct fault *fault)
{
    char path[PATH_MAX], work[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s.before-%lld", sqlite->path, (long long)version);
    int m = snprintf(work, sizeof work, "%s.before.new", sqlite->path);

    if (n < 0 || m < 0 || n >= PATH_MAX || m >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", sqlite->path);
    (void)unlink(work);
    enum kh_err err = copy_database(sqlite, work, fault);
    if (!err && rename(work, path))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be put there: %s", path, strerror(errno));
    if (!err)
        err = private_file_sync_parent(path, fault);
    if (err) {
        (void)unlink(work);
        fault_prefix(fault, "a copy before its tables are brought up to date: ");
    }
    return err;
}
