/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing with an SSH key.
 */
#include "ssh_sign.h"

#include "../caveats/base64.h"
#include "cli.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SSH_TEMPORARY_MAX = 512 };

// ---- looking at a signature (OpenSSH, PROTOCOL.sshsig) ----

static bool
ssh_cut_string(struct bytes *rest, struct bytes *out)
{
    if (rest->n < 4)
        return false;
    size_t n =
        (size_t)rest->p[0] << 24 | (size_t)rest->p[1] << 16 | (size_t)rest->p[2] << 8 | rest->p[3];
    if (n > rest->n - 4)
        return false;
    *out = bytes_slice(*rest, 4, n);
    *rest = bytes_from(*rest, 4 + n);
    return true;
}

static bool
ssh_read_armour(struct bytes armour, struct buffer *blob)
{
    BUFFER_AUTO joined;
    struct bytes line;
    buffer_init(&joined, SSH_SIGNATURE_TEXT_MAX);
    if (!bytes_cut(&armour, '\n', &line) || !bytes_is(line, "-----BEGIN SSH SIGNATURE-----"))
        return false;
    while (bytes_cut(&armour, '\n', &line)) {
        if (bytes_is(line, "-----END SSH SIGNATURE-----"))
            return base64_decode(BASE64_STANDARD, buffer_bytes(&joined), blob);
        buffer_put(&joined, line);
    }
    return false;
}

enum kh_err
ssh_signature_check(struct bytes armour, const char *name_space, struct fault *fault)
{
    static const size_t preamble = 6 + 4; // "SSHSIG" and a version
    struct bytes key, space, reserved, hash, signature, algorithm = BYTES_EMPTY;
    BUFFER_AUTO blob;
    buffer_init(&blob, SSH_SIGNATURE_TEXT_MAX);
    bool ok = ssh_read_armour(armour, &blob) &&
              bytes_starts(buffer_bytes(&blob), BYTES("SSHSIG\0\0\0\1"));
    struct bytes rest = bytes_from(buffer_bytes(&blob), preamble);
    ok = ok && ssh_cut_string(&rest, &key) && ssh_cut_string(&rest, &space) &&
         ssh_cut_string(&rest, &reserved) && ssh_cut_string(&rest, &hash) &&
         ssh_cut_string(&rest, &signature) && rest.n == 0 && ssh_cut_string(&signature, &algorithm);
    if (!ok || !bytes_is(space, name_space))
        return fault_set(fault, KH_ERR_PROTOCOL, "ssh-keygen made something else than a signature");
    if (bytes_is(algorithm, "ssh-rsa"))
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the SSH key signs with SHA-1 (ssh-rsa), which no discharger takes");
    return KH_OK;
}

// ---- ssh-keygen ----

static enum kh_err
ssh_run_keygen(const char *file, const char *name_space, struct bytes message, long timeout_ms,
               struct buffer *out, struct fault *fault)
{
    const char *const argv[] = {"ssh-keygen", "-q", "-Y", "sign", "-n",
                                name_space,   "-f", file, NULL};
    struct process_run run = {.argv = argv, .input = message, .timeout_ms = timeout_ms};
    int status = 0;
    BUFFER_AUTO text;
    buffer_init(&text, SSH_SIGNATURE_TEXT_MAX);
    enum kh_err err = process_run(&run, &text, &status, fault);
    if (err == KH_ERR_NOT_FOUND)
        return fault_set(fault, err, "ssh-keygen is not installed: it is part of OpenSSH's client");
    if (err == KH_OK && status != 0)
        return fault_set(fault, KH_ERR_IO, "ssh-keygen did not sign (exit status %d)", status);
    if (err == KH_OK)
        err = ssh_signature_check(buffer_bytes(&text), name_space, fault);
    if (err == KH_OK)
        buffer_put(out, buffer_bytes(&text));
    return err;
}

// The agent is asked by way of a file with the public half.
static enum kh_err
ssh_sign_by_agent(const struct ssh_key *key, const char *name_space, struct bytes message,
                  long timeout_ms, struct buffer *out, struct fault *fault)
{
    const char *directory = cli_environment("TMPDIR");
    char path[SSH_TEMPORARY_MAX];
    int length = snprintf(path, sizeof path, "%s/keyhole-XXXXXX.pub",
                          directory != NULL ? directory : "/tmp");
    int fd = length > 0 && length < SSH_TEMPORARY_MAX ? mkostemps(path, 4, O_CLOEXEC) : -1;
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "making a temporary file: %s", strerror(errno));
    bool ok = dprintf(fd, "%s\n", key->line) > 0;
    ok = close(fd) == 0 && ok;
    enum kh_err err = ok ? ssh_run_keygen(path, name_space, message, timeout_ms, out, fault)
                         : fault_set(fault, KH_ERR_IO, "writing a temporary file failed");
    unlink(path);
    return err;
}

enum kh_err
ssh_sign(const struct ssh_key *key, const char *name_space, struct bytes message, long timeout_ms,
         struct buffer *out, struct fault *fault)
{
    if (key->file == NULL)
        return ssh_sign_by_agent(key, name_space, message, timeout_ms, out, fault);
    return ssh_run_keygen(key->file, name_space, message, timeout_ms, out, fault);
}
