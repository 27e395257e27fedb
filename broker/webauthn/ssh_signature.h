/* SPDX-License-Identifier: Apache-2.0
 *
 * SSHSIG signatures (OpenSSH's PROTOCOL.sshsig), verified with OpenSSL and no I/O.
 *
 * ed25519, ecdsa on the three NIST curves, rsa-sha2-256 and -512 with 2048 bits or more, and
 * sk-ssh-ed25519, sk-ecdsa-sha2-nistp256, whose flags and counter are handed out: ssh-keygen -Y
 * verify does not look at them. Never ssh-rsa (SHA-1).
 */
#ifndef KEYHOLE_SSH_SIGNATURE_H
#define KEYHOLE_SSH_SIGNATURE_H

#include "../failure.h"

enum {
    SSH_KEY_MAX = 4096, /* of a public key blob */
    SSH_SIGNATURE_MAX = 16384,
    SSH_FINGERPRINT_SIZE = 51, /* "SHA256:" and 43 characters, and a NUL */
};

struct ssh_signature {
    uint8_t key[SSH_KEY_MAX]; /* the blob that signed */
    size_t key_n;
    char key_type[64]; /* "sk-ssh-ed25519@openssh.com" */
    bool security_key; /* sk-*: the three below are signed */
    bool presence, verified;
    uint32_t counter;
    char fingerprint[SSH_FINGERPRINT_SIZE];
};

/* `text` is armoured, or the bare blob. FAILURE_NONE, FAILURE_SSH_MALFORMED, _NAMESPACE,
 * _ALGORITHM, FAILURE_SIGNATURE_INVALID; `detail` says more. */
KH_MUST_CHECK enum failure ssh_signature_verify(struct bytes text, const char *name_space,
                                                struct bytes message, struct ssh_signature *out,
                                                struct fault *detail);

/* A line as in id_ed25519.pub: the blob, which is checked like that of a signature. `comment` may
 * be NULL. */
KH_MUST_CHECK enum failure ssh_public_key_read(struct bytes line, uint8_t blob[SSH_KEY_MAX],
                                               size_t *blob_n, struct bytes *comment,
                                               struct fault *detail);
KH_MUST_CHECK bool ssh_fingerprint(struct bytes blob, char out[SSH_FINGERPRINT_SIZE]);

#endif
