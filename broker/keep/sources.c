/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening the files of a state directory in an order that keeps them consistent: databases, then
 * the audit log's head, then the log itself.
 */
#include "sources.h"

#include "../audit_names.h"
#include "../database/private_file.h"
#include "../leftover.h"
#include "../restore_journal.h"
#include "sources_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_READ = 4096, LOOKS_MAX = 8, BETWEEN_MS = 50 };

static enum kh_err
path_of(const char *directory, const char *name, char out[PATH_MAX], struct fault *fault)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);

    return n > 0 && n < PATH_MAX
               ? KH_OK
               : fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
}

static enum kh_err
add_fd(struct sources *sources, const char *name, int fd, struct fault *fault)
{
    struct stat st;

    if (sources->count == SOURCES_MAX || strlen(name) > CONTENTS_NAME_MAX || fstat(fd, &st)) {
        close(fd);
        return fault_set(fault, KH_ERR_RANGE, "%s: there are too many files, or it cannot be read",
                         name);
    }
    struct source *grown = reallocarray(sources->item, sources->count + 1, sizeof *sources->item);
    if (grown == NULL) {
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    sources->item = grown;
    struct source *item = &grown[sources->count++];
    snprintf(item->name, sizeof item->name, "%s", name);
    item->fd = fd;
    item->size = (uint64_t)st.st_size;
    sources->size += item->size;
    return KH_OK;
}

// KH_ERR_NOT_FOUND when it is not there.
static enum kh_err
add_path(struct sources *sources, const char *name, const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return KH_ERR_NOT_FOUND;
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        enum kh_err err =
            fault_set(fault, errno == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO,
                      "%s: cannot be read: %s", path, fd < 0 ? strerror(errno) : "it is no file");
        if (fd >= 0)
            close(fd);
        return err;
    }
    return add_fd(sources, name, fd, fault);
}

static enum kh_err
add_optional(struct sources *sources, const char *directory, const char *name, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = path_of(directory, name, path, fault);

    if (!err)
        err = add_path(sources, name, path, fault);
    return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

// ---- databases ----

// Of an older version it is not opened here, which would change it: then a change of the key has
// been finished, since the program of its time started after it.
static enum kh_err
find_master_key(const char *directory, const char *copy, int64_t version, int *fd,
                struct fault *fault)
{
    if (version != sqlite_schema_newest(&contents_broker_schema)) {
        char path[PATH_MAX];
        enum kh_err err = path_of(directory, CONTENTS_MASTER_KEY, path, fault);
        *fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        return err || *fd >= 0 || errno == ENOENT
                   ? err
                   : fault_set(fault, KH_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    return sources_key_find(directory, copy, fd, fault);
}

// The copy has no name any more once it is open.
static enum kh_err
copy_database(struct sources *sources, const char *directory, const char *name,
              const struct sqlite_schema *schema, const char *work, int64_t *version, int *key,
              struct fault *fault)
{
    char path[PATH_MAX], copy[PATH_MAX];
    enum kh_err err = path_of(directory, name, path, fault);

    if (!err)
        err = path_of(work, "copy.db", copy, fault);
    if (!err)
        err = sqlite_snapshot(path, schema, copy, version, fault);
    if (err)
        return err;
    err = add_path(sources, name, copy, fault);
    if (!err && key)
        err = find_master_key(directory, copy, *version, key, fault);
    (void)unlink(copy);
    return err;
}

static enum kh_err
add_database(struct sources *sources, const char *directory, const char *name,
             const struct sqlite_schema *schema, int64_t *version, int *key, struct fault *fault)
{
    char work[PATH_MAX];
    int fd = -1;
    enum kh_err err = leftover_make_directory(directory, LEFTOVER_BACKUP, work, &fd, fault);

    if (err)
        return err;
    err = copy_database(sources, directory, name, schema, work, version, key, fault);
    leftover_remove_tree(work);
    close(fd);
    return err;
}

// ---- lists of files ----

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_wanted(const char *directory_name, const char *file, const char *prefix)
{
    char name[CONTENTS_NAME_MAX + 1];
    mode_t mode;
    int n = snprintf(name, sizeof name, "%s%s", directory_name, file);

    return n > 0 && (size_t)n < sizeof name && strncmp(file, prefix, strlen(prefix)) == 0 &&
           contents_knows(name, &mode);
}

static enum kh_err
list_names(DIR *listing, const char *directory_name, const char *prefix, char ***names,
           size_t *count, struct fault *fault)
{
    const struct dirent *entry;

    while ((entry = readdir(listing)) != NULL) {
        if (!is_wanted(directory_name, entry->d_name, prefix))
            continue;
        char **grown = reallocarray(*names, *count + 1, sizeof **names);
        if (grown == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        *names = grown;
        if ((grown[*count] = strdup(entry->d_name)) == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        (*count)++;
    }
    return KH_OK;
}

// All of directory/directory_name that begin with `prefix` and are known, by name.
static enum kh_err
add_all(struct sources *sources, const char *directory, const char *directory_name,
        const char *prefix, struct fault *fault)
{
    char path[PATH_MAX], **names = NULL;
    size_t count = 0;
    enum kh_err err = path_of(directory, directory_name, path, fault);
    DIR *listing = err ? NULL : opendir(path);

    if (listing == NULL)
        return err ? err : KH_OK;
    err = list_names(listing, directory_name, prefix, &names, &count, fault);
    closedir(listing);
    if (count > 0)
        qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        char name[CONTENTS_NAME_MAX + 1];
        snprintf(name, sizeof name, "%s%s", directory_name, names[i]);
        if (!err)
            err = add_optional(sources, directory, name, fault);
        free(names[i]);
    }
    free(names);
    return err;
}

// ---- the audit log ----

// `{"seq":N,` at the begin of a line; 0: it is none.
static uint64_t
seq_of(struct bytes line)
{
    static const char begin[] = "{\"seq\":";
    uint64_t seq = 0;
    struct bytes number;

    if (!bytes_starts(line, bytes_str(begin)))
        return 0;
    line = bytes_from(line, sizeof begin - 1);
    return bytes_cut(&line, ',', &number) && bytes_to_u64(number, &seq) ? seq : 0;
}

// Where the last whole line begins, and where it ends: what is behind is being written.
static bool
last_line(int fd, uint64_t size, uint64_t *begin, uint64_t *end)
{
    uint8_t block[LINE_READ];
    unsigned seen = 0;

    *begin = *end = 0;
    while (size > 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        if (pread(fd, block, n, (off_t)(size - n)) != (ssize_t)n)
            return false;
        for (size_t i = n; i > 0; i--) {
            if (block[i - 1] != '\n')
                continue;
            if (seen++ > 0) {
                *begin = size - n + i;
                return true;
            }
            *end = size - n + i;
        }
        size -= n;
    }
    return true;
}

static bool
measure_log(struct sources *sources, struct source *log)
{
    uint64_t begin, end;
    uint8_t head[64];

    if (!last_line(log->fd, log->size, &begin, &end))
        return false;
    sources->size -= log->size - end;
    log->size = end;
    size_t line = end - begin < sizeof head ? (size_t)(end - begin) : sizeof head;
    ssize_t n = pread(log->fd, head, line, (off_t)begin);
    sources->audit_seq = n > 0 ? seq_of(bytes_of(head, (size_t)n)) : 0;
    return n >= 0;
}

static void
drop_from(struct sources *sources, size_t count)
{
    while (sources->count > count) {
        struct source *item = &sources->item[--sources->count];
        sources->size -= item->size;
        close(item->fd);
    }
}

// While the log is rotated there is no audit.log for a moment: false when there is none at all.
static bool
is_between(const char *directory)
{
    struct audit_names names;
    bool older = !audit_names_list(directory, &names, NULL) && names.count > 0;

    audit_names_free(&names);
    if (older)
        (void)poll(NULL, 0, BETWEEN_MS);
    return older;
}

// The log may be set aside between two looks: then all are opened again. The head is one of the
// file that is written, as a start expects it.
static enum kh_err
add_audit(struct sources *sources, const char *directory, struct fault *fault)
{
    size_t before = sources->count;
    char path[PATH_MAX];
    enum kh_err err = path_of(directory, CONTENTS_AUDIT_LOG, path, fault);

    for (int i = 0; (!err || err == KH_ERR_NOT_FOUND) && i < LOOKS_MAX; i++) {
        struct stat first = {0}, now, had;
        drop_from(sources, before);
        (void)stat(path, &first);
        err = add_optional(sources, directory, CONTENTS_AUDIT_HEAD, fault);
        if (!err)
            err = add_path(sources, CONTENTS_AUDIT_LOG, path, fault);
        if (err == KH_ERR_NOT_FOUND && is_between(directory)) {
            err = fault_set(fault, err, "%s: is gone, and older files of the log are there", path);
            continue;
        }
        if (err)
            return err == KH_ERR_NOT_FOUND ? KH_OK : err;
        size_t at = sources->count - 1;
        err = add_all(sources, directory, "", CONTENTS_AUDIT_LOG ".", fault);
        if (err || stat(path, &now) || fstat(sources->item[at].fd, &had) ||
            now.st_ino != had.st_ino || first.st_ino != had.st_ino)
            continue;
        return measure_log(sources, &sources->item[at])
                   ? KH_OK
                   : fault_set(fault, KH_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    return err ? err : fault_set(fault, KH_ERR_IO, "%s: changes all the time", path);
}

// ---- all ----

static enum kh_err
add_small(struct sources *sources, const struct sources_options *options, int key,
          struct fault *fault)
{
    static const char *const names[] = {"gateway.key", "ca.pem",
                                        CONTENTS_DISCHARGER "/discharger.key"};
    enum kh_err err = key >= 0 ? add_fd(sources, CONTENTS_MASTER_KEY, key, fault) : KH_OK;

    sources->master_key = key >= 0;
    for (size_t i = 0; !err && i < sizeof names / sizeof names[0]; i++)
        err = add_optional(sources, options->directory, names[i], fault);
    if (!err && options->config == NULL)
        err = add_optional(sources, options->directory, CONTENTS_CONFIG, fault);
    else if (!err &&
             (err = add_path(sources, CONTENTS_CONFIG, options->config, fault)) == KH_ERR_NOT_FOUND)
        err = fault_set(fault, err, "%s: there is no such file", options->config);
    if (!err)
        err = add_all(sources, options->directory, CONTENTS_DISCHARGER_ROOTS "/", "", fault);
    return err;
}

// Half of one state and half of another would be no backup of either.
static enum kh_err
check_whole(const char *directory, struct fault *fault)
{
    enum restore_end end = restore_journal_look(directory);

    return end == RESTORE_END_NONE || end == RESTORE_END_DROPPED
               ? KH_OK
               : fault_set(fault, KH_ERR_IO,
                           "%s: a restore into it is not finished; keyholed check goes on with it",
                           directory);
}

static struct stat
look_at_database(const char *directory)
{
    char path[PATH_MAX];
    struct stat st = {0};

    if (path_of(directory, CONTENTS_DATABASE, path, NULL) || stat(path, &st))
        st = (struct stat){0};
    return st;
}

static enum kh_err
check_same(const char *directory, const struct stat *before, struct fault *fault)
{
    struct stat now = look_at_database(directory);

    return now.st_ino == before->st_ino && now.st_dev == before->st_dev
               ? check_whole(directory, fault)
               : fault_set(fault, KH_ERR_IO,
                           "%s: became another one meanwhile, by a restore; try again", directory);
}

enum kh_err
sources_open(const struct sources_options *options, struct sources *out, struct fault *fault)
{
    const char *directory = options->directory;
    const struct stat before = look_at_database(directory);
    int key = -1;

    *out = (struct sources){0};
    enum kh_err err = private_directory_check(directory, fault);
    if (!err)
        err = check_whole(directory, fault);
    if (!err)
        err = add_database(out, directory, CONTENTS_DATABASE, &contents_broker_schema, &out->schema,
                           options->without_master_key ? NULL : &key, fault);
    bool no_broker = err == KH_ERR_NOT_FOUND;
    if (!err || no_broker)
        err = add_database(out, directory, CONTENTS_DISCHARGER_DATABASE,
                           &contents_discharger_schema, &out->discharger_schema, NULL, fault);
    if (err == KH_ERR_NOT_FOUND && no_broker)
        return fault_set(fault, err, "%s: holds neither a broker nor a discharger", directory);
    if (err == KH_ERR_NOT_FOUND)
        err = KH_OK;
    if (!err)
        err = add_small(out, options, key, fault);
    else if (key >= 0)
        close(key);
    if (!err && !options->without_audit_log)
        err = add_audit(out, directory, fault);
    return err ? err : check_same(directory, &before, fault);
}

void
sources_fini(struct sources *sources)
{
    drop_from(sources, 0);
    free(sources->item);
    *sources = (struct sources){0};
}
