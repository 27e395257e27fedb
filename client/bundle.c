/* SPDX-License-Identifier: Apache-2.0
 *
 * Bundles of certificates.
 */
#include "bundle.h"

#include "cli.h"
#include "files.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
bundle_put(struct bytes pem, struct buffer *out)
{
    static const struct bytes begin = {(const uint8_t *)"-----BEGIN CERTIFICATE-----", 27};
    static const struct bytes end = {(const uint8_t *)"-----END CERTIFICATE-----", 25};
    for (;;) {
        size_t start = bytes_find(pem, begin);
        struct bytes rest = bytes_from(pem, start);
        size_t n = bytes_find(rest, end);
        if (start == pem.n || n == rest.n)
            return;
        struct bytes block = bytes_slice(rest, 0, n + end.n);
        // One that is there already adds nothing: a run within a run.
        if (bytes_find(buffer_bytes(out), block) == out->n) {
            buffer_put(out, block);
            buffer_put_byte(out, '\n');
        }
        pem = bytes_from(rest, n + end.n);
    }
}

static enum kh_err
bundle_put_file(const char *path, struct buffer *out, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, BUNDLE_MAX);
    enum kh_err err = files_read(path, &text, fault);
    if (err == KH_OK)
        bundle_put(buffer_bytes(&text), out);
    return err;
}

// Each certificate has a name like 1a2b3c4d.0 there, which is how OpenSSL finds it.
static int
bundle_is_hashed(const struct dirent *entry)
{
    return strlen(entry->d_name) >= 10 && strspn(entry->d_name, "0123456789abcdef") == 8 &&
           entry->d_name[8] == '.' && strspn(entry->d_name + 9, "0123456789") > 0;
}

static void
bundle_put_directory(const char *path, struct buffer *out)
{
    struct dirent **entry = NULL;
    int count = scandir(path, &entry, bundle_is_hashed, alphasort);
    for (int i = 0; i < count; i++) {
        BUFFER_AUTO name;
        buffer_init(&name, 4096);
        buffer_printf(&name, "%s/%s", path, entry[i]->d_name);
        // What cannot be read is no root for OpenSSL either.
        if (bundle_put_file(buffer_text(&name), out, NULL) != KH_OK)
            buffer_clear(&name);
        free(entry[i]);
    }
    free(entry);
}

size_t
bundle_places(const char *place[BUNDLE_PLACES_MAX])
{
    const char *const file[] = {
        X509_get_default_cert_file(),
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    };
    _Static_assert(sizeof file / sizeof *file <= BUNDLE_PLACES_MAX, "room for them all");
    memcpy(place, file, sizeof file);
    return sizeof file / sizeof *file;
}

static void
bundle_put_system(struct buffer *out)
{
    const char *file[BUNDLE_PLACES_MAX];
    size_t count = bundle_places(file);
    for (size_t i = 0; i < count && out->n == 0; i++)
        if (bundle_put_file(file[i], out, NULL) != KH_OK)
            continue;
    if (out->n == 0)
        bundle_put_directory(X509_get_default_cert_dir(), out);
}

enum kh_err
bundle_make(struct bytes extra, struct buffer *out, struct fault *fault)
{
    const char *file = cli_environment(X509_get_default_cert_file_env());
    const char *directory = cli_environment(X509_get_default_cert_dir_env());
    BUFFER_AUTO bundle;
    buffer_init(&bundle, BUNDLE_MAX);
    enum kh_err err = file != NULL ? bundle_put_file(file, &bundle, fault) : KH_OK;
    if (err != KH_OK) {
        fault_prefix(fault, "SSL_CERT_FILE: ");
        return err;
    }
    if (directory != NULL)
        bundle_put_directory(directory, &bundle);
    if (file == NULL && directory == NULL)
        bundle_put_system(&bundle);
    bundle_put(extra, &bundle);
    buffer_put(out, buffer_bytes(&bundle));
    return bundle.failed || out->failed
               ? fault_set(fault, KH_ERR_TOO_LONG, "the system's certificates are more than %d MiB",
                           BUNDLE_MAX >> 20)
               : KH_OK;
}
