/* SPDX-License-Identifier: Apache-2.0
 *
 * A new state directory is made beside the place where it belongs and moved there in one step, or,
 * where the directory is there already (a service manager made it), file by file with the database
 * last: without the database there is no broker.
 */
#include "state.h"

#include "../database/private_file.h"
#include "authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_AUDIT_POSITION "audit-position"

enum { AUDIT_KEY_SIZE = 32 };

static const char *const files[] = {MASTER_KEY_FILE, AUTHORITY_CA_FILE, AUTHORITY_DATABASE_FILE};
enum { FILE_COUNT = sizeof files / sizeof files[0] };

enum kh_err
state_path(const char *directory, const char *name, char out[PATH_MAX], struct fault *fault)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    return KH_OK;
}

// ---- single values ----

static const struct seal_place audit_key_place = {
    .table = "meta", .id = 0, .column = STATE_META_AUDIT_KEY};

enum kh_err
state_audit_key_create(struct store *store, const struct seal *seal, struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    BUFFER_AUTO sealed;

    buffer_init(&sealed, 256);
    enum kh_err err = secret_new_random(AUDIT_KEY_SIZE, &key, fault);
    if (!err)
        err = seal_close(seal, audit_key_place, secret_bytes(key), &sealed, fault);
    return err ? err : store_meta_put(store, STATE_META_AUDIT_KEY, buffer_bytes(&sealed), fault);
}

enum kh_err
state_audit_key_load(struct store *store, const struct seal *seal, struct secret **out,
                     struct fault *fault)
{
    BUFFER_AUTO sealed;

    buffer_init(&sealed, 256);
    enum kh_err err = store_meta_get(store, STATE_META_AUDIT_KEY, &sealed, fault);
    return err ? err : seal_open(seal, audit_key_place, buffer_bytes(&sealed), out, fault);
}

// "SEQ HASH"
enum kh_err
state_audit_position_load(struct store *store, struct audit_head *out, struct fault *fault)
{
    BUFFER_AUTO text;
    struct bytes rest, number;

    buffer_init(&text, 256);
    audit_head_init(out);
    enum kh_err err = store_meta_get(store, META_AUDIT_POSITION, &text, fault);
    if (err)
        return err == KH_ERR_NOT_FOUND ? KH_OK : err;
    rest = buffer_bytes(&text);
    if (!bytes_cut(&rest, ' ', &number) || !bytes_to_u64(number, &out->seq) ||
        rest.n != AUDIT_HASH_HEX - 1)
        return fault_set(fault, KH_ERR_DATABASE,
                         "the audit log's position is damaged; restore the database from a copy");
    memcpy(out->hash, rest.p, rest.n);
    return KH_OK;
}

enum kh_err
state_audit_position_store(struct store *store, const struct audit_head *position,
                           struct fault *fault)
{
    char text[32 + AUDIT_HASH_HEX];
    int n =
        snprintf(text, sizeof text, "%llu %s", (unsigned long long)position->seq, position->hash);

    return store_meta_put(store, META_AUDIT_POSITION, bytes_of(text, (size_t)n), fault);
}

// ---- a new state ----

static enum kh_err
fill_database(struct store *store, const struct seal *seal, const char *work,
              const struct wall_clock *clock, struct fault *fault)
{
    struct root_keys keys = {0};
    struct root_key key = {0};
    struct local_ca *ca = NULL;
    char path[PATH_MAX];
    BUFFER_AUTO pem;
    int64_t now = clock_now_s(clock);

    buffer_init(&pem, 16384);
    enum kh_err err = root_keys_insert(&keys, store, seal, now, &key, fault);
    if (!err)
        err = state_audit_key_create(store, seal, fault);
    if (!err)
        err = local_ca_create(store, seal, now, fault);
    if (!err)
        err = local_ca_load(store, seal, &ca, fault);
    if (!err) {
        local_ca_pem(ca, &pem);
        err = pem.failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                         : state_path(work, AUTHORITY_CA_FILE, path, fault);
    }
    if (!err)
        err = private_file_create(path, 0644, buffer_bytes(&pem), fault);
    secret_free(&key.secret);
    root_keys_free(&keys);
    local_ca_free(&ca);
    return err;
}

static enum kh_err
fill_work(const struct master_key_source *source, struct master_key_cost cost,
          const struct wall_clock *clock, const char *work, struct fault *fault)
{
    struct store *store = NULL;
    struct seal *seal = NULL;
    char path[PATH_MAX];
    enum kh_err err = state_path(work, AUTHORITY_DATABASE_FILE, path, fault);

    if (!err)
        err = store_create(path, &store, fault);
    if (!err)
        err = store_begin(store, fault);
    if (!err)
        err = master_key_create(source, work, cost, store, &seal, fault);
    if (!err)
        err = fill_database(store, seal, work, clock, fault);
    if (!err)
        err = store_commit(store, fault);
    seal_free(&seal);
    store_close(&store); // its write-ahead log goes into the file, and away
    return err;
}

static void
remove_files(const char *directory)
{
    static const char *const more[] = {AUTHORITY_DATABASE_FILE "-wal",
                                       AUTHORITY_DATABASE_FILE "-shm",
                                       AUTHORITY_DATABASE_FILE "-journal"};
    char path[PATH_MAX];

    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (!state_path(directory, files[i], path, NULL))
            (void)unlink(path);
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (!state_path(directory, more[i], path, NULL))
            (void)unlink(path);
    }
    (void)rmdir(directory);
}

// Nothing that is there already is overwritten, and a key file least of all.
static enum kh_err
check_free(const char *directory, struct fault *fault)
{
    static const char *const taken[] = {AUTHORITY_DATABASE_FILE, MASTER_KEY_FILE, AUTHORITY_CA_FILE,
                                        AUDIT_LOG_FILE, AUDIT_HEAD_FILE};
    char path[PATH_MAX];
    struct stat st;

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        enum kh_err err = state_path(directory, taken[i], path, fault);
        if (err)
            return err;
        if (lstat(path, &st) == 0)
            return fault_set(fault, KH_ERR_EXISTS,
                             "%s: is there already; nothing was changed. Choose another directory, "
                             "or move this one away",
                             path);
    }
    return KH_OK;
}

static enum kh_err
sync_directory(const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = state_path(directory, AUTHORITY_DATABASE_FILE, path, fault);
    return err ? err : private_file_sync_parent(path, fault);
}

static void
remove_first(const char *directory, size_t count)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < count; i++) {
        if (!state_path(directory, files[i], path, NULL))
            (void)unlink(path);
    }
}

static enum kh_err
move_files(const char *work, const char *directory, struct fault *fault)
{
    char from[PATH_MAX], to[PATH_MAX];

    for (size_t i = 0; i < FILE_COUNT; i++) {
        enum kh_err err = state_path(work, files[i], from, fault);
        if (!err)
            err = state_path(directory, files[i], to, fault);
        if (!err && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) && errno != ENOENT)
            err = fault_set(fault, errno == EEXIST ? KH_ERR_EXISTS : KH_ERR_IO,
                            "%s: cannot be put there: %s", to, strerror(errno));
        if (err) {
            remove_first(directory, i);
            return err;
        }
    }
    enum kh_err err = sync_directory(directory, fault);
    if (err)
        remove_first(directory, FILE_COUNT);
    return err;
}

static enum kh_err
move_directory(const char *work, const char *directory, struct fault *fault)
{
    if (renameat2(AT_FDCWD, work, AT_FDCWD, directory, RENAME_NOREPLACE))
        return fault_set(fault, errno == EEXIST ? KH_ERR_EXISTS : KH_ERR_IO,
                         "%s: cannot be put there: %s", directory, strerror(errno));
    enum kh_err err = private_file_sync_parent(directory, fault);
    if (err)
        remove_files(directory);
    return err;
}

enum kh_err
state_create(const struct master_key_source *source, struct master_key_cost cost,
             const struct wall_clock *clock, struct fault *fault)
{
    char work[PATH_MAX], directory[PATH_MAX];
    struct stat st;
    bool there = lstat(source->directory, &st) == 0;
    int n = snprintf(directory, sizeof directory, "%s", source->directory);
    enum kh_err err = KH_OK;

    while (n > 1 && n < PATH_MAX && directory[n - 1] == '/')
        directory[--n] = '\0';
    int m = snprintf(work, sizeof work, "%.*s%s-%ld", n, directory, there ? "/.init" : ".init",
                     (long)getpid());
    if (n <= 0 || n >= PATH_MAX || m < 0 || m >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    if (there) {
        err = private_directory_check(directory, fault);
        if (!err)
            err = check_free(directory, fault);
    }
    if (err)
        return err;
    if (mkdir(work, 0700))
        return fault_set(fault, errno == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO,
                         "%s: cannot be made: %s", work, strerror(errno));
    err = fill_work(source, cost, clock, work, fault);
    if (!err)
        err = there ? move_files(work, directory, fault) : move_directory(work, directory, fault);
    if (err || there)
        remove_files(work);
    return err;
}
