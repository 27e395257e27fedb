/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a backup from its beginning to its end.
 */
#include "unpack.h"

#include "../database/private_file.h"
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 65536, KEY_FILE_MAX = 4096 };

static enum kh_err
read_manifest(struct envelope_reader *reader, struct unpacked *out, struct fault *fault)
{
    char name[CONTENTS_NAME_MAX + 1];
    uint64_t size = 0;
    BUFFER_AUTO text;

    buffer_init(&text, CONTENTS_MANIFEST_MAX);
    enum kh_err err = contents_get_entry(reader, name, &size, fault);
    if (err)
        return err;
    uint8_t *room =
        size > 0 && size < CONTENTS_MANIFEST_MAX ? buffer_reserve(&text, (size_t)size) : NULL;
    if (strcmp(name, CONTENTS_MANIFEST) != 0 || room == NULL)
        return fault_set(fault, KH_ERR_CRYPTO, "it does not say what is in it");
    if ((err = envelope_read(reader, room, (size_t)size, fault)))
        return err;
    out->manifest = json_loadb((const char *)room, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    json_int_t format = json_integer_value(json_object_get(out->manifest, "format"));
    if (format > CONTENTS_FORMAT)
        return fault_set(fault, KH_ERR_UNSUPPORTED,
                         "it was made by a newer keyholed (%.40s); use that one",
                         json_string_value(json_object_get(out->manifest, "keyholed")));
    return format == CONTENTS_FORMAT
               ? KH_OK
               : fault_set(fault, KH_ERR_CRYPTO, "it does not say what is in it");
}

static enum kh_err
take_master_key(struct envelope_reader *reader, uint64_t size, struct buffer *text,
                struct unpacked *out, struct fault *fault)
{
    uint8_t *room = size <= KEY_FILE_MAX ? buffer_reserve(text, (size_t)size + 1) : NULL;

    if (room == NULL)
        return fault_set(fault, KH_ERR_CRYPTO, "the master key in it is none");
    enum kh_err err = envelope_read(reader, room, (size_t)size, fault);
    if (err)
        return err;
    buffer_advance(text, (size_t)size);
    secret_free(&out->master_key);
    return master_key_parse(buffer_bytes(text), "the master key in it", &out->master_key, fault);
}

static enum kh_err
write_contents(struct envelope_reader *reader, int fd, const char *path, uint64_t size,
               struct fault *fault)
{
    uint8_t block[READ_SIZE];
    enum kh_err err = KH_OK;

    while (!err && size > 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        err = envelope_read(reader, block, n, fault);
        if (!err && backup_is_cancelled())
            err = fault_set(fault, KH_ERR_CLOSED, "it was interrupted");
        if (!err && fd >= 0 && !private_file_write_all(fd, bytes_of(block, n)))
            err = fault_set(fault, KH_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
        size -= n;
    }
    sodium_memzero(block, sizeof block); // a key may have come through it
    return err;
}

static bool
is_key(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, ".key") == 0;
}

static enum kh_err
make_parents(const char *directory, const char *name, struct fault *fault)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);

    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    for (char *slash = strchr(path + strlen(directory) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) && errno != EEXIST)
            return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
        *slash = '/';
    }
    return KH_OK;
}

static enum kh_err
write_entry(struct envelope_reader *reader, const char *directory, const char *name, uint64_t size,
            mode_t mode, struct fault *fault)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);
    enum kh_err err = make_parents(directory, name, fault);

    if (err)
        return err;
    int fd = n > 0 && n < PATH_MAX
                 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
                 : -1;
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
    err = write_contents(reader, fd, path, size, fault);
    if (!err && (fchmod(fd, mode) || fsync(fd)))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    close(fd);
    return err;
}

static enum kh_err
take_entry(struct envelope_reader *reader, const char *directory, const char *name, uint64_t size,
           bool with_keys, struct unpacked *out, struct fault *fault)
{
    BUFFER_AUTO key;
    mode_t mode;

    buffer_init_secret(&key, KEY_FILE_MAX + 64);
    if (!contents_knows(name, &mode))
        return fault_set(fault, KH_ERR_CRYPTO, "it has a file that does not belong there");
    if (strcmp(name, CONTENTS_MASTER_KEY) != 0)
        return with_keys || !is_key(name) ? write_entry(reader, directory, name, size, mode, fault)
                                          : write_contents(reader, -1, name, size, fault);
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);
    enum kh_err err = take_master_key(reader, size, &key, out, fault);
    if (err || !with_keys)
        return err;
    return n > 0 && n < PATH_MAX ? private_file_create(path, mode, buffer_bytes(&key), fault)
                                 : fault_set(fault, KH_ERR_TOO_LONG, "%s: is too long", directory);
}

enum kh_err
unpack(int fd, const struct envelope_opener *opener, const char *directory, bool with_keys,
       struct unpacked *out, struct fault *fault)
{
    static struct envelope_reader reader;
    char name[CONTENTS_NAME_MAX + 1] = "";
    uint8_t sha256[ENVELOPE_HASH_SIZE];
    uint64_t size = 0;

    *out = (struct unpacked){0};
    enum kh_err err = envelope_open(&reader, fd, opener, fault);
    if (!err)
        err = read_manifest(&reader, out, fault);
    while (!err) {
        err = contents_get_entry(&reader, name, &size, fault);
        if (err || name[0] == '\0')
            break;
        err = take_entry(&reader, directory, name, size, with_keys, out, fault);
    }
    if (!err)
        err = envelope_finish(&reader, sha256, fault);
    if (!err && !bytes_to_hex(bytes_of(sha256, sizeof sha256), out->sha256, sizeof out->sha256))
        err = fault_set(fault, KH_ERR_INTERNAL, "a hash does not fit");
    envelope_reader_fini(&reader);
    return err;
}

void
unpack_fini(struct unpacked *unpacked)
{
    json_decref(unpacked->manifest);
    secret_free(&unpacked->master_key);
    *unpacked = (struct unpacked){0};
}
