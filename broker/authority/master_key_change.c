/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealing everything anew, and what has to become of the key files around it.
 */
#include "master_key_change.h"

#include "../database/private_file.h"
#include "../log.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define META_LEFTOVER "master-key-leftover"

enum { SEALED_MAX = 1 << 20 };

// ---- key files ----

// Overwritten before it goes: the name alone is little to lose.
static enum kh_err
wipe_file(const char *path, struct fault *fault)
{
    static const uint8_t zeros[2 * MASTER_KEY_SIZE + 1];
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT)
        return KH_OK;
    bool ok = fd >= 0 && private_file_write_all(fd, bytes_of(zeros, sizeof zeros)) && !fsync(fd);
    int error = errno;
    if (fd >= 0)
        close(fd);
    return ok ? KH_OK
              : fault_set(fault, KH_ERR_IO, "%s: cannot be overwritten: %s", path, strerror(error));
}

static enum kh_err
remove_file(const char *path, struct fault *fault)
{
    enum kh_err err = wipe_file(path, fault);

    if (!err && unlink(path) && errno != ENOENT)
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    return err ? err : private_file_sync_parent(path, fault);
}

// The database says whether the change was committed: then the new file takes the old one's place,
// else it goes.
static enum kh_err
settle_new_file(const char *path, const char *new_path, struct store *store, struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    struct seal *seal = NULL;
    enum kh_err err = master_key_read_file(new_path, &key, fault);

    if (err == KH_ERR_NOT_FOUND)
        return KH_OK;
    if (!err)
        err = master_key_fit(key, store, &seal, fault);
    seal_free(&seal);
    // One that is torn was never committed.
    if (err == KH_ERR_MASTER_KEY)
        return remove_file(new_path, fault);
    if (!err)
        err = wipe_file(path, fault);
    if (!err && rename(new_path, path))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be put there: %s", path, strerror(errno));
    return err ? err : private_file_sync_parent(path, fault);
}

enum kh_err
master_key_is_left_over(struct store *store, bool *out, struct fault *fault)
{
    BUFFER_AUTO noted;

    buffer_init(&noted, 64);
    enum kh_err err = store_meta_get(store, META_LEFTOVER, &noted, fault);
    *out = !err;
    return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err
master_key_settle(const char *directory, struct store *store, struct fault *fault)
{
    char path[PATH_MAX], new_path[PATH_MAX];
    bool left_over = false;
    enum kh_err err = state_path(directory, MASTER_KEY_FILE, path, fault);
    if (!err)
        err = state_path(directory, MASTER_KEY_FILE_NEW, new_path, fault);
    if (!err)
        err = settle_new_file(path, new_path, store, fault);
    if (!err)
        err = master_key_is_left_over(store, &left_over, fault);
    if (err || !left_over)
        return err;
    err = remove_file(path, fault);
    return err ? err : store_meta_remove(store, META_LEFTOVER, fault);
}

// ---- sealing anew ----

struct resealing {
    const struct seal *from, *to;
};

static enum kh_err
reseal(const struct resealing *resealing, struct seal_place place, struct bytes sealed,
       struct buffer *out, struct fault *fault)
{
    SECRET_AUTO *plain = NULL;
    enum kh_err err = seal_open(resealing->from, place, sealed, &plain, fault);

    return err ? err : seal_close(resealing->to, place, secret_bytes(plain), out, fault);
}

static enum kh_err
reseal_row(void *context, const char *table, int64_t id, struct bytes sealed, struct buffer *out,
           struct fault *fault)
{
    const struct seal_place place = {.table = table, .id = id, .column = "sealed"};

    return reseal(context, place, sealed, out, fault);
}

static enum kh_err
reseal_meta(struct authority *authority, const struct resealing *resealing, const char *name,
            struct fault *fault)
{
    const struct seal_place place = {.table = "meta", .id = 0, .column = name};
    BUFFER_AUTO old;
    BUFFER_AUTO new;

    buffer_init(&old, SEALED_MAX);
    buffer_init(&new, SEALED_MAX);
    enum kh_err err = store_meta_get(authority->store, name, &old, fault);
    if (!err)
        err = reseal(resealing, place, buffer_bytes(&old), &new, fault);
    return err ? err : store_meta_put(authority->store, name, buffer_bytes(&new), fault);
}

static enum kh_err
reseal_all(struct authority *authority, struct seal *to, struct fault *fault)
{
    static const char *const values[] = {STATE_META_AUDIT_KEY, LOCAL_CA_META_KEY};
    struct resealing resealing = {.from = authority->seal, .to = to};
    enum kh_err err = store_sealed_change(authority->store, reseal_row, &resealing, fault);

    for (size_t i = 0; !err && i < sizeof values / sizeof values[0]; i++)
        err = reseal_meta(authority, &resealing, values[i], fault);
    return err ? err : master_key_note(authority->store, to, fault);
}

// ---- the change ----

static enum kh_err
make_key(struct authority *authority, const struct master_key_target *target, struct secret **out,
         struct fault *fault)
{
    char path[PATH_MAX];

    if (target->key)
        return secret_new(secret_bytes(target->key), out, fault);
    if (target->passphrase)
        return master_key_make_passphrase(target->passphrase, target->cost, authority->store, out,
                                          fault);
    enum kh_err err = state_path(authority->directory, MASTER_KEY_FILE_NEW, path, fault);
    return err ? err : master_key_make_file(path, out, fault);
}

static enum kh_err
check_another(const struct secret *key, struct store *store, struct fault *fault)
{
    struct seal *same = NULL;
    enum kh_err err = master_key_fit(key, store, &same, fault);

    seal_free(&same);
    if (!err)
        return fault_set(fault, KH_ERR_EXISTS, "that is the master key already; nothing was done");
    return err == KH_ERR_MASTER_KEY ? KH_OK : err;
}

static enum kh_err
change_within(struct authority *authority, const struct master_key_target *target,
              struct fault *fault)
{
    struct store *store = authority->store;
    SECRET_AUTO *key = NULL;
    struct seal *seal = NULL;
    bool in_file = !target->key && !target->passphrase;
    enum kh_err err = make_key(authority, target, &key, fault);

    if (!err)
        err = check_another(key, store, fault);
    if (!err)
        err = seal_new(key, &seal, fault);
    if (!err)
        err = reseal_all(authority, seal, fault);
    if (!err && !target->passphrase)
        err = master_key_forget_passphrase(store, fault);
    if (!err && !in_file)
        err = store_meta_put(store, META_LEFTOVER, BYTES("1"), fault);
    seal_free(&seal);
    return err;
}

static const char *
kept_where(const struct master_key_target *target)
{
    return target->key ? "kept outside" : target->passphrase ? "from a passphrase" : "in a file";
}

enum kh_err
master_key_change(struct authority *authority, const struct master_key_target *target,
                  struct fault *fault)
{
    struct fault later = {0};
    const struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .command = BYTES("key.master.change"),
        .subject = BYTES("master key"),
        .detail = bytes_str(kept_where(target)),
    };
    enum kh_err err = change_begin(authority, fault);

    if (err)
        return err;
    err = change_within(authority, target, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    // From here on whatever fails is put right by the next start.
    if (master_key_settle(authority->directory, authority->store, &later) ||
        (!err && store_erase_removed(authority->store, &later)))
        log_warning("master-key", "%s", later.detail);
    return err;
}
