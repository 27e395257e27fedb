/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of attestation roots. What is self-signed is trusted; the rest only completes
 * chains. */
#include "trust_pem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".pem"

/* ---- files ---- */

static enum kh_err
file_read(const char *path, struct buffer *out, struct fault *fault)
{
    struct stat status;
    // A FIFO in the directory must not hold up a registration.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s", strerror(errno));
    enum kh_err err = KH_OK;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        err = fault_set(fault, KH_ERR_IO, "it is no file");
    for (ssize_t n = 1; err == KH_OK && n != 0;) {
        uint8_t *room = buffer_reserve(out, 4096);
        if (room == NULL)
            err = fault_set(fault, KH_ERR_TOO_LONG, "it is longer than %d KiB",
                            TRUST_FILE_MAX / 1024);
        else if ((n = read(fd, room, 4096)) < 0 && errno != EINTR)
            err = fault_set(fault, KH_ERR_IO, "%s", strerror(errno));
        else
            buffer_advance(out, n > 0 ? (size_t)n : 0);
    }
    close(fd);
    return err;
}

static int
is_pem(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > strlen(SUFFIX) &&
           strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* ---- reading ---- */

struct reading {
    struct webauthn_trust *trust;
    const char *file;
};

static bool
is_known(const struct webauthn_trust *trust, const uint8_t sha256[32])
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->certificate[i].sha256, sha256, 32) == 0)
            return true;
    return false;
}

static enum kh_err
take(void *context, X509 *certificate, const struct webauthn_trust_certificate *description,
     struct fault *fault)
{
    struct reading *reading = context;
    struct webauthn_trust *trust = reading->trust;
    if (is_known(trust, description->sha256))
        return KH_OK;
    if (trust->count == TRUST_CERTIFICATES_MAX)
        return fault_set(fault, KH_ERR_RANGE, "there are more than %d certificates",
                         TRUST_CERTIFICATES_MAX);
    bool kept = false;
    if (description->root) {
        kept = X509_STORE_add_cert(trust->roots, certificate) == 1;
    } else if (X509_up_ref(certificate) == 1) {
        kept = sk_X509_push(trust->intermediates, certificate) > 0;
        if (!kept)
            X509_free(certificate);
    }
    if (!kept)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for certificates");
    trust->root_count += description->root;
    struct webauthn_trust_certificate *row = &trust->certificate[trust->count++];
    *row = *description;
    snprintf(row->file, sizeof(row->file), "%s", reading->file);
    return KH_OK;
}

static enum kh_err
read_one(struct webauthn_trust *trust, const char *directory, const char *name, struct fault *fault)
{
    char path[PATH_MAX];
    struct reading reading = {.trust = trust, .file = name};
    BUFFER_AUTO text;
    buffer_init(&text, TRUST_FILE_MAX);
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    enum kh_err err = file_read(path, &text, fault);
    if (err == KH_OK)
        err = trust_pem_each(buffer_bytes(&text), take, &reading, fault);
    if (err != KH_OK)
        fault_prefix(fault, "%s: ", path);
    return err;
}

static struct webauthn_trust *
trust_new(void)
{
    struct webauthn_trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL)
        return NULL;
    trust->certificate = calloc(TRUST_CERTIFICATES_MAX, sizeof(*trust->certificate));
    trust->roots = X509_STORE_new();
    trust->intermediates = sk_X509_new_null();
    if (trust->certificate == NULL || trust->roots == NULL || trust->intermediates == NULL)
        webauthn_trust_free(&trust);
    return trust;
}

enum kh_err
webauthn_trust_read(const char *directory, struct webauthn_trust **out, struct fault *fault)
{
    struct dirent **names = NULL;
    struct webauthn_trust *trust = trust_new();
    if (trust == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for certificates");
    enum kh_err err = KH_OK;
    int count = scandir(directory, &names, is_pem, alphasort);
    if (count < 0 && errno != ENOENT)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (err == KH_OK)
            err = read_one(trust, directory, names[i]->d_name, fault);
        free(names[i]);
    }
    free(names);
    if (err == KH_OK)
        *out = trust;
    else
        webauthn_trust_free(&trust);
    return err;
}

void
webauthn_trust_free(struct webauthn_trust **trust)
{
    if (*trust == NULL)
        return;
    sk_X509_pop_free((*trust)->intermediates, X509_free);
    X509_STORE_free((*trust)->roots);
    free((*trust)->certificate);
    free(*trust);
    *trust = NULL;
}

size_t
webauthn_trust_count(const struct webauthn_trust *trust)
{
    return trust != NULL ? trust->count : 0;
}

const struct webauthn_trust_certificate *
webauthn_trust_at(const struct webauthn_trust *trust, size_t index)
{
    return index < webauthn_trust_count(trust) ? &trust->certificate[index] : NULL;
}
