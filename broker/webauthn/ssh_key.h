/* SPDX-License-Identifier: Apache-2.0
 *
 * SSH public keys (RFC 4253 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f) of the types that are
 * taken, and the signatures that they make.
 */
#ifndef KEYHOLE_SSH_KEY_H
#define KEYHOLE_SSH_KEY_H

#include <openssl/evp.h>

#include "../failure.h"

enum ssh_key_family { SSH_KEY_ED25519 = 1, SSH_KEY_ECDSA, SSH_KEY_RSA };

struct ssh_key_type {
    const char *name;
    enum ssh_key_family family;
    bool security_key;
    const char *curve;  /* as SSH calls it; ECDSA alone */
    const char *group;  /* as OpenSSL does */
    const char *digest; /* of what is signed; NULL where the signature's algorithm says */
};

struct ssh_key {
    const struct ssh_key_type *type;
    EVP_PKEY *key;
    struct bytes application; /* of a security key; points into the blob */
};

/* The blob of a key, nothing after it; certificates are none. FAILURE_NONE, FAILURE_SSH_MALFORMED,
 * FAILURE_SSH_ALGORITHM. */
KH_MUST_CHECK enum failure ssh_key_read(struct bytes blob, struct ssh_key *out,
                                        struct fault *detail);
void ssh_key_free(struct ssh_key *key);

/* What a security key signs besides; zero for others. */
struct ssh_key_claims {
    uint8_t flags;
    uint32_t counter;
};
enum { SSH_KEY_FLAG_PRESENCE = 0x01, SSH_KEY_FLAG_VERIFIED = 0x04 };

/* A signature blob: algorithm, signature, and flags and counter of a security key. FAILURE_NONE,
 * FAILURE_SSH_MALFORMED, FAILURE_SSH_ALGORITHM, FAILURE_SIGNATURE_INVALID. */
KH_MUST_CHECK enum failure ssh_key_verify(const struct ssh_key *key, struct bytes signature,
                                          struct bytes message, struct ssh_key_claims *claims,
                                          struct fault *detail);

#endif
