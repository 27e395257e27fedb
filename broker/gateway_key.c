/* SPDX-License-Identifier: Apache-2.0 */
/* The file of gateway keys. */
#include "gateway_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "khg_"

static enum kh_err
file_path(const char *directory, char *out, size_t cap, const char *suffix, struct fault *fault)
{
    int n = snprintf(out, cap, "%s/" GATEWAY_KEY_FILE "%s", directory, suffix);
    return n > 0 && (size_t)n < cap
               ? KH_OK
               : fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
}

static enum kh_err
check_file(int fd, const char *path, struct fault *fault)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0)
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s: expected a file of this user with mode 0600, found mode %04o of user "
                         "%u",
                         path, (unsigned)(status.st_mode & 07777), (unsigned)status.st_uid);
    return KH_OK;
}

static bool
is_key(struct bytes line)
{
    if (!bytes_starts(line, BYTES(PREFIX)) || line.n < 40 || line.n >= GATEWAY_KEY_TEXT_MAX)
        return false;
    for (size_t i = 0; i < line.n; i++) {
        uint8_t c = line.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

static enum kh_err
parse(struct bytes text, const char *path, struct gateway_keys *out, struct fault *fault)
{
    struct gateway_keys keys = {0};
    struct bytes line;
    while (bytes_cut(&text, '\n', &line)) {
        if (line.n == 0)
            continue;
        if (!is_key(line) || keys.count == LISTENER_GATEWAY_KEYS_MAX)
            return fault_set(fault, KH_ERR_SYNTAX,
                             "%s: expected one or two lines as keyholed gateway key writes them",
                             path);
        memcpy(keys.text[keys.count], line.p, line.n);
        keys.text[keys.count++][line.n] = '\0';
    }
    if (keys.count == 0)
        return fault_set(fault, KH_ERR_SYNTAX, "%s: there is no key in it", path);
    *out = keys;
    return KH_OK;
}

enum kh_err
gateway_keys_read(const char *directory, struct gateway_keys *out, struct fault *fault)
{
    char path[PATH_MAX];
    uint8_t text[GATEWAY_KEY_FILE_MAX];
    enum kh_err err = file_path(directory, path, sizeof path, "", fault);
    if (err != KH_OK)
        return err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "there is no gateway key, with which gateways prove that they are: make "
                         "one with keyholed gateway key");
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    err = check_file(fd, path, fault);
    ssize_t n = err == KH_OK ? read(fd, text, sizeof text) : 0;
    close(fd);
    if (err == KH_OK && n < 0)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    if (err == KH_OK)
        err = parse(bytes_of(text, (size_t)n), path, out, fault);
    wipe(text, sizeof text);
    return err;
}

enum kh_err
gateway_keys_add(struct gateway_keys *keys, struct fault *fault)
{
    uint8_t random[GATEWAY_KEY_SIZE];
    char text[GATEWAY_KEY_TEXT_MAX] = PREFIX;
    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(text + sizeof PREFIX - 1, sizeof text - (sizeof PREFIX - 1), random,
                      sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    memmove(keys->text[1], keys->text[0], (LISTENER_GATEWAY_KEYS_MAX - 1) * sizeof keys->text[0]);
    memcpy(keys->text[0], text, sizeof text);
    if (keys->count < LISTENER_GATEWAY_KEYS_MAX)
        keys->count++;
    wipe(random, sizeof random);
    wipe(text, sizeof text);
    return KH_OK;
}

static bool
write_lines(int fd, const struct gateway_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        char line[GATEWAY_KEY_TEXT_MAX + 1];
        int n = snprintf(line, sizeof line, "%s\n", keys->text[i]);
        bool written = n > 0 && write(fd, line, (size_t)n) == n;
        wipe(line, sizeof line);
        if (!written)
            return false;
    }
    return fsync(fd) == 0;
}

enum kh_err
gateway_keys_write(const char *directory, const struct gateway_keys *keys, struct fault *fault)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    enum kh_err err = file_path(directory, path, sizeof path, "", fault);
    if (err == KH_OK)
        err = file_path(directory, fresh, sizeof fresh, ".new", fault);
    if (err != KH_OK)
        return err;
    (void)unlink(fresh); // of one that was interrupted
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && write_lines(fd, keys);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (written && rename(fresh, path) == 0)
        return KH_OK;
    error = written ? errno : error;
    if (fd >= 0)
        (void)unlink(fresh);
    return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(error));
}

void
gateway_key_hash(const char *text, uint8_t hash[GATEWAY_KEY_HASH_SIZE])
{
    _Static_assert((int)GATEWAY_KEY_HASH_SIZE == (int)crypto_hash_sha256_BYTES, "SHA-256");
    crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
}
