/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file has the master key of a copy of the database. A change of the key that was interrupted
 * leaves two, of which the one is overwritten; a backup with the wrong one opens nothing.
 */
#include "sources_key.h"

#include "../authority/master_key_change.h"
#include "../authority/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { KEY_TEXT_MAX = 4096 };

// KH_ERR_NOT_FOUND: no such file; KH_ERR_MASTER_KEY: it is none, or another database's.
static enum kh_err
try_file(const char *directory, const char *name, struct store *store, int *fd, struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    struct seal *seal = NULL;
    char path[PATH_MAX];
    BUFFER_AUTO text;

    buffer_init_secret(&text, KEY_TEXT_MAX);
    enum kh_err err = state_path(directory, name, path, fault);
    if (err)
        return err;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    if (file < 0)
        return fault_set(fault, errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO,
                         "%s: cannot be read: %s", path, strerror(errno));
    uint8_t *room = buffer_reserve(&text, KEY_TEXT_MAX);
    ssize_t n = room ? pread(file, room, KEY_TEXT_MAX, 0) : -1;
    if (n < 0)
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be read", path);
    else
        buffer_advance(&text, (size_t)n);
    if (!err)
        err = master_key_parse(buffer_bytes(&text), path, &key, fault);
    if (!err)
        err = master_key_fit(key, store, &seal, fault);
    seal_free(&seal);
    if (err)
        close(file);
    else
        *fd = file;
    return err;
}

static enum kh_err
find_in(const char *directory, struct store *store, int *fd, struct fault *fault)
{
    struct fault unused = {0};
    bool left_over = false;
    enum kh_err err = try_file(directory, MASTER_KEY_FILE_NEW, store, fd, &unused);

    if (!err)
        return KH_OK;
    err = try_file(directory, MASTER_KEY_FILE, store, fd, fault);
    if (err == KH_ERR_NOT_FOUND)
        return KH_OK;
    if (err != KH_ERR_MASTER_KEY)
        return err;
    // The old one, which the next start takes away: the key is kept elsewhere by now.
    enum kh_err noted = master_key_is_left_over(store, &left_over, fault);
    if (noted || left_over)
        return noted;
    return fault_set(fault, err,
                     "%s/" MASTER_KEY_FILE " is not the key of this database, and a backup with it "
                     "would open nothing; --without-master-key leaves it out",
                     directory);
}

enum kh_err
sources_key_find(const char *directory, const char *copy, int *fd, struct fault *fault)
{
    struct store *store = NULL;
    enum kh_err err = store_open(copy, &store, fault);

    *fd = -1;
    if (!err)
        err = find_in(directory, store, fd, fault);
    store_close(&store);
    return err;
}
