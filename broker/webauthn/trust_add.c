/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates into the directory: all of a file or none, each under its fingerprint. */
#include "trust_pem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct adding {
    const char *directory;
    struct webauthn_trust_certificate *added;
    size_t cap, count;
    bool write; // the first round only looks
};

// Root may call this for a discharger that runs as somebody else, and that fails every registration
// while there is a root that it cannot read: what is made belongs to whom its directory does.
static bool
make_directory(const char *path)
{
    char copy[PATH_MAX];
    struct stat above;
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    return geteuid() != 0 ||
           (stat(dirname(copy), &above) == 0 && lchown(path, above.st_uid, above.st_gid) == 0);
}

// The directory and the one that it is in: a state directory that never had a discharger has
// neither.
static enum kh_err
directory_make(const char *directory, struct fault *fault)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof(copy), "%s", directory) >= (int)sizeof(copy))
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    if (make_directory(directory))
        return KH_OK;
    if (errno == ENOENT && make_directory(dirname(copy)) && make_directory(directory))
        return KH_OK;
    return fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
}

static bool
owner_set(int fd, const char *directory)
{
    struct stat above;
    return geteuid() != 0 ||
           (stat(directory, &above) == 0 && fchown(fd, above.st_uid, above.st_gid) == 0);
}

static bool
pem_write(int fd, const char *directory, X509 *certificate)
{
    FILE *stream = fdopen(fd, "w");
    if (stream == NULL) {
        close(fd);
        return false;
    }
    bool good = owner_set(fd, directory) && PEM_write_X509(stream, certificate) == 1 &&
                fflush(stream) == 0 && fsync(fd) == 0;
    return fclose(stream) == 0 && good;
}

// Whoever reads the directory at this moment sees the file whole or not at all.
static enum kh_err
file_write(const char *directory, const char *name, X509 *certificate, struct fault *fault)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path) ||
        snprintf(temporary, sizeof(temporary), "%s/.%s.%ld", directory, name, (long)getpid()) >=
            (int)sizeof(temporary))
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    if (access(path, F_OK) == 0)
        return KH_OK;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", temporary, strerror(errno));
    if (pem_write(fd, directory, certificate) && rename(temporary, path) == 0)
        return KH_OK;
    enum kh_err err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    (void)unlink(temporary);
    return err;
}

static enum kh_err
add_one(void *context, X509 *certificate, const struct webauthn_trust_certificate *description,
        struct fault *fault)
{
    struct adding *adding = context;
    char hex[65], name[80];
    if (!bytes_to_hex(bytes_of(description->sha256, 32), hex, sizeof(hex)))
        return KH_ERR_INTERNAL;
    snprintf(name, sizeof(name), "%s.pem", hex);
    if (adding->write) {
        enum kh_err err = file_write(adding->directory, name, certificate, fault);
        if (err != KH_OK)
            return err;
        if (adding->count < adding->cap) {
            struct webauthn_trust_certificate *row = &adding->added[adding->count];
            *row = *description;
            snprintf(row->file, sizeof(row->file), "%s", name);
        }
    }
    if (++adding->count > TRUST_CERTIFICATES_MAX)
        return fault_set(fault, KH_ERR_RANGE, "there are more than %d certificates in it",
                         TRUST_CERTIFICATES_MAX);
    return KH_OK;
}

enum kh_err
webauthn_trust_add(const char *directory, struct bytes pem,
                   struct webauthn_trust_certificate *added, size_t cap, size_t *count,
                   struct fault *fault)
{
    struct adding adding = {.directory = directory, .added = added, .cap = cap};
    enum kh_err err = trust_pem_each(pem, add_one, &adding, fault);
    if (err != KH_OK)
        return err;
    adding.write = true;
    adding.count = 0;
    if ((err = directory_make(directory, fault)) == KH_OK)
        err = trust_pem_each(pem, add_one, &adding, fault);
    if (err == KH_OK)
        *count = adding.count < cap ? adding.count : cap;
    return err;
}
