/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files of the operator: found, readable, of the right kind, and a pair. */
#include "pem.h"
#include "../no_passphrase.h"
#include "../read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
pem_has_label(struct bytes text, const char *label)
{
    struct bytes line;
    while (bytes_cut(&text, '\n', &line)) {
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!bytes_starts(line, BYTES("-----BEGIN ")) || !bytes_ends(line, BYTES("-----")))
            continue;
        line = bytes_slice(line, 11, line.n >= 16 ? line.n - 16 : 0);
        if (bytes_ends(line, bytes_str(label)))
            return true;
    }
    return false;
}

static enum kh_err
pem_read_open(int fd, const char *path, struct buffer *out, struct fault *fault)
{
    enum kh_err err = read_all(fd, out);
    if (err == KH_ERR_TOO_LONG)
        return fault_set(fault, err, "%s is too large for a PEM file", path);
    return err ? fault_set(fault, err, "%s: %s", path, strerror(errno)) : KH_OK;
}

enum kh_err
pem_read(const char *path, const char *label, struct buffer *out, struct fault *fault)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        enum kh_err err = fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return err;
    }
    enum kh_err err;
    if (!S_ISREG(status.st_mode))
        err = fault_set(fault, KH_ERR_IO, "%s is not a file", path);
    else if (strcmp(label, "PRIVATE KEY") == 0 && (status.st_mode & 007) != 0)
        err = fault_set(fault, KH_ERR_PERMISSION,
                        "%s is a private key that everyone may read: chmod o= %s", path, path);
    else
        err = pem_read_open(fd, path, out, fault);
    close(fd);
    if (err == KH_OK && !pem_has_label(buffer_bytes(out), label))
        err = fault_set(fault, KH_ERR_SYNTAX, "%s has no PEM block \"%s\"", path, label);
    return err;
}

enum kh_err
pem_check_pair(struct bytes certificate, const char *certificate_name, struct bytes key,
               const char *key_name, struct fault *fault)
{
    BIO *certificate_bio = BIO_new_mem_buf(certificate.p, (int)certificate.n);
    BIO *key_bio = BIO_new_mem_buf(key.p, (int)key.n);
    X509 *x509 = NULL;
    EVP_PKEY *private_key = NULL;
    enum kh_err err = KH_OK;
    if (certificate_bio != NULL && key_bio != NULL) {
        x509 = PEM_read_bio_X509(certificate_bio, NULL, no_passphrase, NULL);
        private_key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
    }
    if (x509 == NULL)
        err =
            fault_set(fault, KH_ERR_SYNTAX, "%s: the certificate cannot be read", certificate_name);
    else if (private_key == NULL)
        err = fault_set(fault, KH_ERR_SYNTAX,
                        "%s: the private key cannot be read; one with a passphrase is of no use "
                        "here",
                        key_name);
    else if (X509_check_private_key(x509, private_key) != 1)
        err = fault_set(fault, KH_ERR_CONFIG, "%s is not the key of the certificate in %s",
                        key_name, certificate_name);
    EVP_PKEY_free(private_key);
    X509_free(x509);
    BIO_free(key_bio);
    BIO_free(certificate_bio);
    ERR_clear_error();
    return err;
}
