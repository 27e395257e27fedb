/* SPDX-License-Identifier: Apache-2.0
 *
 * SSHSIG signatures by OpenSSH's own ssh-keygen: it knows agents, passphrases and security keys.
 */
#ifndef KEYHOLE_CLIENT_SSH_SIGN_H
#define KEYHOLE_CLIENT_SSH_SIGN_H

#include "ssh_keys.h"

enum { SSH_SIGNATURE_TEXT_MAX = 16384 };

/* Sign `message` (32 bytes of a challenge) in that namespace; the armoured signature is appended.
 * KH_ERR_NOT_FOUND when ssh-keygen is missing, KH_ERR_IO when it fails (it has said why on standard
 * error), KH_ERR_TIMEOUT, KH_ERR_PROTOCOL. */
KH_MUST_CHECK enum kh_err ssh_sign(const struct ssh_key *key, const char *name_space,
                                   struct bytes message, long timeout_ms, struct buffer *out,
                                   struct fault *fault);

/* Whether an armoured signature is one in that namespace, and none by ssh-rsa (SHA-1).
 * KH_ERR_PROTOCOL. */
KH_MUST_CHECK enum kh_err ssh_signature_check(struct bytes armour, const char *name_space,
                                              struct fault *fault);

#endif
