/* SPDX-License-Identifier: Apache-2.0
 *
 * Key pairs for backups (X25519): the public one seals, on the broker's host; the secret one opens,
 * and is kept away from it.
 *
 *     kb1_…    public key: 32 bytes in base64url
 *     kbs1_…   secret key, in a file of its own, a line
 */
#ifndef KEYHOLE_BACKUP_KEY_H
#define KEYHOLE_BACKUP_KEY_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

enum { BACKUP_KEY_SIZE = 32, BACKUP_KEY_TEXT_MAX = 64 };

/* A new pair; the secret one is the caller's to wipe. */
void backup_key_make(uint8_t secret[BACKUP_KEY_SIZE], uint8_t public[BACKUP_KEY_SIZE]);
KH_MUST_CHECK enum kh_err backup_key_public(const uint8_t secret[BACKUP_KEY_SIZE],
                                            uint8_t public[BACKUP_KEY_SIZE]);

/* NUL-terminated. */
void backup_key_print(const uint8_t public[BACKUP_KEY_SIZE], char out[BACKUP_KEY_TEXT_MAX]);
void backup_key_print_secret(const uint8_t secret[BACKUP_KEY_SIZE], char out[BACKUP_KEY_TEXT_MAX]);

/* What surrounds it is ignored. KH_ERR_SYNTAX; a fault never repeats the text. */
KH_MUST_CHECK enum kh_err backup_key_parse(struct bytes text, uint8_t public[BACKUP_KEY_SIZE],
                                           struct fault *fault);
KH_MUST_CHECK enum kh_err
backup_key_parse_secret(struct bytes text, uint8_t secret[BACKUP_KEY_SIZE], struct fault *fault);

#endif
