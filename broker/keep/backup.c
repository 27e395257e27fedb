/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a backup: what there is, sealed, under its name when it is whole.
 */
#include "backup.h"

#include "../../caveats/screen/progress.h"
#include "../authority/clock.h"
#include "../database/private_file.h"
#include "../leftover.h"
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORK_SUFFIX ".unfinished"

enum { READ_SIZE = 65536 };

/* How far it is, for whoever looks on. */
struct sealing {
    struct progress progress;
    uint64_t done, total;
};

static volatile sig_atomic_t cancelled;

static void
cancel(int number)
{
    (void)number;
    cancelled = 1;
}

void
backup_cancel_by_signals(void)
{
    (void)signal(SIGINT, cancel);
    (void)signal(SIGTERM, cancel);
}

bool
backup_is_cancelled(void)
{
    return cancelled;
}

// ---- the manifest ----

static json_t *
make_manifest(const struct sources *sources, const char *created_at)
{
    json_t *files = json_array();
    json_t *manifest = json_pack(
        "{s:i, s:s, s:s, s:I, s:I, s:I, s:b, s:o}", "format", CONTENTS_FORMAT, "keyholed",
        KEYHOLE_VERSION, "created_at", created_at, "schema", (json_int_t)sources->schema,
        "discharger_schema", (json_int_t)sources->discharger_schema, "audit_seq",
        (json_int_t)sources->audit_seq, "master_key", sources->master_key, "files", files);

    for (size_t i = 0; manifest && i < sources->count; i++) {
        const struct source *item = &sources->item[i];
        json_t *file = json_pack("{s:s, s:I}", "name", item->name, "size", (json_int_t)item->size);
        if (file == NULL || json_array_append_new(files, file)) {
            json_decref(manifest);
            return NULL;
        }
    }
    return manifest;
}

static enum kh_err
put_manifest(struct envelope_writer *writer, const json_t *manifest, struct fault *fault)
{
    char *text = json_dumps(manifest, JSON_COMPACT);

    if (text == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    struct bytes bytes = bytes_str(text);
    enum kh_err err = contents_put_entry(writer, CONTENTS_MANIFEST, bytes.n, fault);
    if (!err)
        err = envelope_write(writer, bytes, fault);
    free(text);
    return err;
}

// ---- files ----

static enum kh_err
put_contents(struct envelope_writer *writer, const struct source *item, uint8_t *block,
             struct sealing *sealing, struct fault *fault)
{
    enum kh_err err = contents_put_entry(writer, item->name, item->size, fault);

    for (uint64_t at = 0; !err && at < item->size;) {
        uint64_t left = item->size - at;
        ssize_t n = pread(item->fd, block, left < READ_SIZE ? (size_t)left : READ_SIZE, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fault_set(fault, KH_ERR_IO, "%s: %s", item->name,
                             n < 0 ? strerror(errno) : "became shorter while it was read");
        if (cancelled)
            return fault_set(fault, KH_ERR_CLOSED, "it was interrupted");
        err = envelope_write(writer, bytes_of(block, (size_t)n), fault);
        at += (uint64_t)n;
        sealing->done += (uint64_t)n;
        progress_step(&sealing->progress, sealing->done, sealing->total);
    }
    return err;
}

static enum kh_err
put_all(const struct backup_options *options, const struct sources *sources, const json_t *manifest,
        int fd, json_t *report, struct fault *fault)
{
    static struct envelope_writer writer;
    BUFFER_AUTO block; // keys go through it
    uint8_t sha256[ENVELOPE_HASH_SIZE];
    char hex[2 * ENVELOPE_HASH_SIZE + 1];
    struct sealing sealing = {.total = sources->size};

    progress_begin(&sealing.progress, stderr, "sealing");
    buffer_init_secret(&block, READ_SIZE);
    uint8_t *room = buffer_reserve(&block, READ_SIZE);
    enum kh_err err = room ? envelope_begin(&writer, fd, &options->recipients, fault)
                           : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (!err)
        err = put_manifest(&writer, manifest, fault);
    for (size_t i = 0; !err && i < sources->count; i++)
        err = put_contents(&writer, &sources->item[i], room, &sealing, fault);
    progress_end(&sealing.progress);
    if (!err)
        err = contents_put_end(&writer, fault);
    if (!err)
        err = envelope_end(&writer, sha256, fault);
    if (!err && (!bytes_to_hex(bytes_of(sha256, sizeof sha256), hex, sizeof hex) ||
                 json_object_set_new(report, "sha256", json_string(hex)) ||
                 json_object_set_new(report, "bytes", json_integer((json_int_t)writer.written))))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    envelope_writer_fini(&writer);
    if (room)
        buffer_advance(&block, READ_SIZE); // so that all of it is wiped
    return err;
}

// ---- under its name when it is whole ----

static enum kh_err
put_in_place(const struct backup_options *options, const char *work, int fd, struct fault *fault)
{
    unsigned flags = options->force ? 0 : RENAME_NOREPLACE;

    if (fsync(fd))
        return fault_set(fault, KH_ERR_IO, "%s: cannot be written: %s", work, strerror(errno));
    if (renameat2(AT_FDCWD, work, AT_FDCWD, options->file, flags))
        return errno == EEXIST
                   ? fault_set(fault, KH_ERR_EXISTS,
                               "%s: is there already; another name, or --force", options->file)
                   : fault_set(fault, KH_ERR_IO, "%s: cannot be put there: %s", options->file,
                               strerror(errno));
    return private_file_sync_parent(options->file, fault);
}

// Only a file gives way: never a device, a pipe, or a link to what was meant.
static enum kh_err
check_target(const struct backup_options *options, struct fault *fault)
{
    struct stat st;

    if (lstat(options->file, &st))
        return errno == ENOENT
                   ? KH_OK
                   : fault_set(fault, KH_ERR_IO, "%s: %s", options->file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fault_set(fault, KH_ERR_EXISTS,
                         "%s: is there, and is no regular file; another name, or - for standard "
                         "output",
                         options->file);
    return options->force
               ? KH_OK
               : fault_set(fault, KH_ERR_EXISTS, "%s: is there already; another name, or --force",
                           options->file);
}

// What a backup that was killed has left of this file.
static void
clean_up(const struct backup_options *options)
{
    char parent[PATH_MAX], prefix[NAME_MAX + 2];
    const char *slash = strrchr(options->file, '/');
    const char *name = slash ? slash + 1 : options->file;
    int n = slash ? snprintf(parent, sizeof parent, "%.*s", (int)(slash - options->file + 1),
                             options->file)
                  : snprintf(parent, sizeof parent, ".");
    int m = snprintf(prefix, sizeof prefix, "%s.", name);

    if (n > 0 && n < PATH_MAX && m > 0 && (size_t)m < sizeof prefix)
        (void)leftover_clean(parent, prefix, WORK_SUFFIX, S_IFREG);
}

static enum kh_err
write_file(const struct backup_options *options, const struct sources *sources,
           const json_t *manifest, json_t *report, struct fault *fault)
{
    char work[PATH_MAX];
    int n = snprintf(work, sizeof work, "%s.%ld" WORK_SUFFIX, options->file, (long)getpid());
    int fd = -1;

    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", options->file);
    enum kh_err err = check_target(options, fault);
    if (err)
        return err;
    clean_up(options);
    if ((err = leftover_make_file(work, &fd, fault)))
        return err;
    err = put_all(options, sources, manifest, fd, report, fault);
    if (!err)
        err = put_in_place(options, work, fd, fault);
    else
        fault_prefix(fault, "%s: ", options->file);
    close(fd);
    if (err)
        (void)unlink(work);
    return err;
}

enum kh_err
backup_make(const struct backup_options *options, json_t **report, struct fault *fault)
{
    const struct wall_clock clock = clock_system();
    char now[CLOCK_TEXT_SIZE];
    struct sources sources;
    const struct sources_options wanted = {
        .directory = options->directory,
        .config = options->config,
        .without_master_key = options->without_master_key,
        .without_audit_log = options->without_audit_log,
    };
    json_t *manifest = NULL, *made = NULL;

    clock_print_s(clock_now_s(&clock), now);
    (void)leftover_clean(options->directory, LEFTOVER_BACKUP, "", S_IFDIR);
    enum kh_err err = sources_open(&wanted, &sources, fault);
    if (!err && ((manifest = make_manifest(&sources, now)) == NULL ||
                 (made = json_copy(manifest)) == NULL ||
                 json_object_set_new(made, "file", json_string(options->file))))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up, or a name is not UTF-8");
    if (!err)
        err = strcmp(options->file, "-") == 0
                  ? put_all(options, &sources, manifest, STDOUT_FILENO, made, fault)
                  : write_file(options, &sources, manifest, made, fault);
    sources_fini(&sources);
    json_decref(manifest);
    if (err) {
        json_decref(made);
        return err;
    }
    *report = made;
    return KH_OK;
}
